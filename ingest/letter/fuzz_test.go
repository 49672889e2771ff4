package letter_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"saisine.fr/saisine/ingest/letter"
)

// check reports what no facts may be, whatever the text.
func check(t *testing.T, f letter.Facts) {
	t.Helper()
	texts := append(fields(f), f.Enclosures...)
	for i, s := range texts {
		if !utf8.ValidString(s) || strings.ContainsAny(s, "\x00\n\r") || s != strings.TrimSpace(s) {
			t.Errorf("fact %d is no clean line: %q", i, s)
		}
		if utf8.RuneCountInString(s) > 7000 {
			t.Errorf("fact %d has %d runes", i, utf8.RuneCountInString(s))
		}
	}
	if y := f.Date.Year(); !f.Date.IsZero() && (y < 1900 || y > 2100 || f.Date != f.Date.Truncate(24*time.Hour)) {
		t.Errorf("date %v", f.Date)
	}
}

func FuzzRead(f *testing.F) {
	for _, l := range samples(f, "built") {
		f.Add(l.text, "")
	}
	f.Add("", "\xff\xfe\x00")
	f.Add("Ute Brandt\nD-04109 Leipzig\nYork YO1 7HH\n1003 Lausanne\nSuisse", "Exp. : Les Amis, 1015 CW (Québec) H2X 1A4, 06 39 98 12 12")
	f.Add("Objet :\n\nObjet :", "P.J. :\n- a\n- b")
	f.Add("M. \nMme et\nJe soussigné ", "Fait à , le ")
	f.Add("İstanbul ſ K ﬁ\u0301\u0301", "Tél. +33 (0)6")
	f.Fuzz(func(t *testing.T, first, last string) {
		check(t, letter.Read(first, last))
	})
}

// TestReadIsBounded reads texts of 4 MB that are nothing but what the reader looks for.
func TestReadIsBounded(t *testing.T) {
	const size = 4 << 20
	for name, unit := range map[string]string{
		"one line": "a ", "blank lines": "\n", "spaces": " ", "capitals": "Jean Dupont ",
		"postal codes": "44430 Saint-Aubin ", "figures": "06 12 34 56 78 ", "digits": "1", "subjects": "Objet : x\n",
		"dates": "Pont, le 3 mars 2026\n", "names": "Jean Dupont\n", "closings": "salutations ", "closing lines": "Cordialement\n", "columns": "a    ",
		"bad bytes": "\xff", "combining": "e\u0301\u0301\u0301", "enclosures": "PJ : a, b\n", "quotes": "> a\n", "dashes": "a - ", "soussigné": "Je soussigné Jean Dupont, demeurant 3 rue ",
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Repeat(unit, size/len(unit))
			start := time.Now()
			check(t, letter.Read(text))
			check(t, letter.Read("Bonjour,\n"+text+"\nCordialement\nJean Dupont", text, text))
			// A letter takes about a millisecond; these bounds hold on a busy machine with the race detector.
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("took %v", took)
			} else {
				t.Log(took)
			}
		})
	}
}

// TestReadIsSharable holds the promise that Read is safe for concurrent use; it is for
// the race detector.
func TestReadIsSharable(t *testing.T) {
	all := samples(t, "built")
	for range 4 {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			for _, l := range all {
				check(t, letter.Read(l.text))
			}
		})
	}
}

func BenchmarkRead(b *testing.B) {
	all := samples(b, "built")
	for b.Loop() {
		for _, l := range all {
			letter.Read(l.text)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*len(all)), "µs/letter")
}
