package classify

import (
	"context"
	"strings"
	"testing"
	"unicode/utf8"

	"saisine.fr/saisine/ingest"
)

func joined(text string, stems bool) string {
	var out []string
	words(text, func(w []byte) {
		if stems {
			w = stem(w)
		}
		out = append(out, string(w))
	})
	return strings.Join(out, " ")
}

func TestWords(t *testing.T) {
	for _, tc := range []struct{ in, want string }{
		{"", ""},
		{"Été À L'ŒUVRE", "ete a l oeuvre"},
		{"l’été — c'est-à-dire…", "l ete c est a dire"},
		{"e\u0301cole", "ecole"},
		{"tram\u00adway zero\u200blargeur", "tramway zerolargeur"},
		{"n°45, 3e étage", "n 45 3e etage"},
		{"écrire à mairie.voirie@ville.fr svp", "ecrire a svp"},
		{"voir https://ville.fr/urbanisme ici", "voir ici"},
		{"oui/non", "oui non"},
		{"ﬁle Ǆ", "file ǆ"},
		{"\xff\xfe mauvais\xff octets", "mauvais octets"},
		{"ÇÀ", "ca"},
	} {
		if got := joined(tc.in, false); got != tc.want {
			t.Errorf("%q: got %q, want %q", tc.in, got, tc.want)
		}
	}
}

func TestStem(t *testing.T) {
	for _, same := range []string{
		"cassé cassée cassés cassées casser cassez casse", "lampadaire lampadaires", "poubelle poubele poubelles", "journal journaux",
		"eau eaux", "lieu lieux", "trottoir trotoir", "école ecoles", "trou trous", "bruit bruits",
	} {
		list := strings.Fields(same)
		for _, w := range list[1:] {
			if a, b := joined(list[0], true), joined(w, true); a != b {
				t.Errorf("%s is %s, %s is %s", list[0], a, w, b)
			}
		}
	}
	for _, other := range []string{"plu plus", "porc port", "cave caveau", "bail bal", "2000 20"} {
		list := strings.Fields(other)
		if a, b := joined(list[0], true), joined(list[1], true); a == b {
			t.Errorf("%s and %s are both %s", list[0], list[1], a)
		}
	}
}

func FuzzWords(f *testing.F) {
	for _, seed := range []string{"Été", "l’œuvre e\u0301", "a@b c://d", "\xff\x00\u00ad", strings.Repeat("eé ", 50), "sss eee ééées", "ǅ ᾳ İ ẞ"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		words(text, func(w []byte) {
			if len(w) == 0 || !utf8.Valid(w) {
				t.Fatalf("word %q of %q", w, text)
			}
			folded := string(w)
			if again := joined(folded, false); again != folded && len(folded) < 1000 {
				t.Fatalf("folding twice changes %q to %q", folded, again)
			}
			if s := stem(w); len(s) == 0 {
				t.Fatalf("nothing is left of %q", folded)
			}
		})
	})
}

func FuzzClassify(f *testing.F) {
	r := Default()
	f.Add("trou", "nid de poule sur la chaussée", "voirie@ville.fr", "technique", "voirie")
	f.Add("\x00", "\xff", "<<>@", "..", "")
	f.Fuzz(func(t *testing.T, subject, body, to, folder, choice string) {
		c := r.Classify(context.Background(), ingest.Record{Hints: ingest.Hints{Service: folder}},
			ingest.Reading{Subject: subject, Text: body, To: []string{to}, From: ingest.Person{Email: to}, Category: choice})
		if !(c.Confidence >= 0 && c.Confidence <= 1) || len(c.Reasons) == 0 || len(c.Top) > maxTop {
			t.Fatalf("got %+v", c)
		}
		if c.Category == "" != (len(c.Top) == 0) || c.Category == "" && !c.NeedsReview {
			t.Fatalf("got %+v", c)
		}
		for _, reason := range c.Reasons {
			if !utf8.ValidString(reason) || strings.ContainsAny(reason, "\x00\n\r") {
				t.Fatalf("reason %q", reason)
			}
		}
	})
}

// TestHugeTextIsBounded gives a text of words that all begin phrases.
func TestHugeTextIsBounded(t *testing.T) {
	seen := 0
	words(strings.Repeat("passage ", 1<<20), func([]byte) { seen++ })
	if seen > maxText/len("passage ") {
		t.Errorf("%d words were looked at", seen)
	}
	c := Default().Classify(context.Background(), ingest.Record{}, ingest.Reading{Text: strings.Repeat("passage piéton carte ", 1<<18)})
	if c.Category != "voirie" {
		t.Errorf("got %+v", c)
	}
}
