package desk

import (
	"testing"
	"time"
)

// Pages are parsed when they are asked for; that each can be is found here.
func TestTemplatesParse(t *testing.T) {
	p, err := newPages("Saint-Exemple", time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	for lang, all := range p.byName {
		if len(all) < 20 {
			t.Errorf("%s has %d pages", lang, len(all))
		}
		for name, parse := range all {
			if _, err := parse(); err != nil {
				t.Errorf("%s, %s: %v", lang, name, err)
			}
		}
	}
}
