package classify

import (
	"strings"
	"testing"
	"time"

	"saisine.fr/saisine/ingest"
)

func TestRetention(t *testing.T) {
	const text = `
retention:
  default: {years: 5, fate: destroy}
  set_aside: {months: 6}
categories:
  - {code: a, label: A, service: {name: S}}
  - {code: b, label: B, service: {name: S}, retention: {years: 1, months: 6, fate: keep}}
`
	f, err := Parse("x.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	kept := f.Kept()
	if r := kept.Categories["a"]; r != (ingest.RetentionRule{Years: 5, Fate: ingest.FateDestroy}) {
		t.Errorf("the default: %+v", r)
	}
	if r := kept.Categories["b"]; r != (ingest.RetentionRule{Years: 1, Months: 6, Fate: ingest.FateKeep}) || r.String() != "1 an et 6 mois" {
		t.Errorf("its own: %+v (%s)", r, r)
	}
	if _, ok := kept.Categories["c"]; ok {
		t.Error("a category that is not there has a rule")
	}
	if r := kept.SetAside; r.Months != 6 || r.Fate != ingest.FateDestroy || !kept.Failed.IsZero() {
		t.Errorf("unfiled: %+v, %+v", r, kept.Failed)
	}
	// A file without the key keeps everything.
	if f, err = Parse("x.yaml", []byte("categories:\n  - {code: a, label: A, service: {name: S}}\n")); err != nil || !f.Kept().Categories["a"].IsZero() || !f.Kept().SetAside.IsZero() {
		t.Errorf("without the key: %+v, %v", f.Kept(), err)
	}
	for _, c := range []struct{ old, new, want string }{
		{"years: 5, fate: destroy", "years: 5", "x.yaml:3:12: retention.default.fate: must be one of"},
		{"years: 5, fate: destroy", "years: 5, fate: burn", "must be one of"},
		{"years: 5, fate: destroy", "years: 200, fate: destroy", "retention.default.years: must be between 0 and 120"},
		{"years: 5, fate: destroy", "fate: destroy", "retention.default: needs years"},
		{"months: 6}", "months: 12}", "retention.set_aside.months: must be between 0 and 11"},
		{"months: 6}", "days: 12}", "days"},
		{"months: 6, fate: keep", "months: -1, fate: keep", "categories[1].retention.months"},
	} {
		_, err := Parse("x.yaml", []byte(strings.Replace(text, c.old, c.new, 1)))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.new, err, c.want)
		}
	}
}

func TestRetentionIsOver(t *testing.T) {
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	at := func(s string) time.Time {
		x, err := time.ParseInLocation(time.DateTime, s, paris)
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	for _, c := range []struct {
		rule         ingest.RetentionRule
		closed, over string
	}{
		{ingest.RetentionRule{Years: 5}, "2026-03-02 08:14:00", "2031-03-02 08:14:00"},
		{ingest.RetentionRule{Months: 1}, "2026-01-31 10:00:00", "2026-02-28 10:00:00"},
		{ingest.RetentionRule{Years: 1}, "2028-02-29 10:00:00", "2029-02-28 10:00:00"},
		{ingest.RetentionRule{Years: 1, Months: 6}, "2026-08-31 10:00:00", "2028-02-29 10:00:00"},
	} {
		if got := c.rule.Over(at(c.closed)); !got.Equal(at(c.over)) {
			t.Errorf("%s after %s: %s, want %s", c.rule, c.closed, got, c.over)
		}
	}
}
