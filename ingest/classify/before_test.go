package classify

import (
	"slices"
	"testing"

	"saisine.fr/saisine/ingest"
)

// When the rules change while the program runs, what the model has learned is used with the
// new rules until one is there that was fitted to them.
func TestBefore(t *testing.T) {
	o := options(t, t.TempDir())
	o.Cache = ""
	before := open(t, o)
	f, err := LoadFile("")
	if err != nil {
		t.Fatal(err)
	}
	gone := f.Categories[0].Code
	f.Categories = f.Categories[1:]
	f.Categories[0].Phrases = append(f.Categories[0].Phrases, Phrases{Weight: 3, Any: []string{"licorne"}})

	o.Rules, o.Later, o.Before = New(f), true, before
	c := open(t, o)
	if c.Ready() || c.Version().Name != before.Version().Name {
		t.Fatalf("ready %t, with %+v", c.Ready(), c.Version())
	}
	// It does not name what is gone, and knows the new phrase.
	for _, text := range []string{"Un nid-de-poule sur la chaussée", "Le trottoir est défoncé"} {
		got := c.Classify(t.Context(), mailed, ingest.Reading{Text: text})
		if slices.ContainsFunc(got.Top, func(r ingest.Ranked) bool { return r.Category == gone }) {
			t.Errorf("%q: %+v", text, got)
		}
	}
	if got := c.Classify(t.Context(), mailed, ingest.Reading{Text: "Une licorne"}); got.Category != f.Categories[0].Code {
		t.Errorf("the new phrase: %+v", got)
	}
	look(c)
	if c.Version().Name != before.Version().Name {
		t.Errorf("after a look: %+v", c.Version())
	}

	if err := c.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !c.Ready() || c.Version().Name == before.Version().Name || c.Version().Rules != c.rules {
		t.Errorf("once it is made: %+v", c.Version())
	}
	if before.Version().Name == c.Version().Name || before.Rules().codes[gone] != 0 {
		t.Error("the one before has changed")
	}
}
