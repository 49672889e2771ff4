package model

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestSplit(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"case and accents", "La Chaussée est DÉFONCÉE", "la chaussee est defoncee"},
		{"apostrophes and dashes", "l’éclairage d'aujourd'hui, peut-être", "l eclairage d aujourd hui peut etre"},
		{"ligatures", "ma sœur, l'ﬁn", "ma soeur l fin"},
		{"NFD", "de\u0301chets jete\u0301s c\u0327a", "dechets jetes ca"},
		{"digits", "le 12 mars, bât. B3", "le 00 mars bat b0"},
		{"line break", "la voi-\nrie et la pou-  \r\n belle", "la voirie et la poubelle"},
		{"dash before a name", "Saint-\nMalo", "saint malo"},
		{"soft hyphen", "lam\u00adpadaire", "lampadaire"},
		{"addresses", "écrire à jean.dupont@orange.fr ou voir https://ville.fr/voirie ici", "ecrire a ou voir ici"},
		{"signs only", "--- !!! …", ""},
		{"broken UTF-8", "rue\xff\xfebarrée", "rue barree"},
		{"too long", strings.Repeat("a", 100), strings.Repeat("a", maxWord)},
	} {
		t.Run(c.name, func(t *testing.T) {
			var s splitter
			var got []string
			for _, w := range s.split(c.text) {
				got = append(got, w.folded)
				if strings.ContainsAny(c.text[w.start:w.end], " !") && !strings.Contains(c.text, "-  ") {
					t.Errorf("%q stands in %q", w.folded, c.text[w.start:w.end])
				}
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("split(%q) = %q, want %q", c.text, got, c.want)
			}
		})
	}
}

func TestSplitBounds(t *testing.T) {
	// The cut must fall between letters: é is two bytes, and the bound is even.
	var s splitter
	for _, lead := range []string{"", "a"} {
		words := s.split(lead + strings.Repeat("é ", maxText))
		last := words[len(words)-1]
		if last.end > maxText || last.folded != "e" {
			t.Errorf("last word %+v", last)
		}
	}
}

func TestStem(t *testing.T) {
	var s splitter
	var st stemmer
	for _, same := range []string{
		"poubelle poubelles", "réparer réparation réparations", "chaussée chaussées", "municipal municipaux municipale", "lampadaire lampadaires",
	} {
		var stems []string
		for _, w := range s.split(same) {
			stems = append(stems, st.stem(w))
		}
		if len(slices.Compact(slices.Clone(stems))) != 1 {
			t.Errorf("stems of %q: %q", same, stems)
		}
	}
	a, b := st.stem(s.split("inscription")[0]), st.stem(s.split("insalubre")[0])
	if a == b {
		t.Errorf("two words with one stem %q", a)
	}
}

func FuzzSplit(f *testing.F) {
	for _, s := range []string{"Bonjour, l'éclairage", "voi-\nrie", "a@b c://d", "\xff\xf0\x9f", "œ\u0301\u0327"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var s splitter
		var st stemmer
		end := 0
		for _, w := range s.split(text) {
			if w.start < end || w.end <= w.start || w.end > len(text) {
				t.Fatalf("word %+v after %d", w, end)
			}
			end = w.end
			if w.folded == "" || len(w.folded) > maxWord+utf8.UTFMax || !utf8.ValidString(w.folded) {
				t.Fatalf("folded %q", w.folded)
			}
			if !utf8.ValidString(st.stem(w)) {
				t.Fatalf("stem of %q", w.accented)
			}
		}
	})
}
