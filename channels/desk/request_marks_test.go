package desk

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// text joins segments; doubtful words stand in brackets with their number.
func marked(segments []segment) string {
	var b strings.Builder
	for _, s := range segments {
		if s.Doubt < 0 {
			b.WriteString(s.Text)
			continue
		}
		b.WriteString("[" + s.Text + "]")
	}
	return b.String()
}

func TestMarkDoubtful(t *testing.T) {
	w := func(text string, confidence float64) PageWord { return PageWord{Text: text, Confidence: confidence} }
	for _, tt := range []struct {
		name, text string
		words      []PageWord
		want       string
		boxes      int
	}{
		{"none", "un deux", []PageWord{w("un", 0.9), w("deux", doubtful)}, "un deux", 0},
		{"one", "un deux trois", []PageWord{w("un", 0.9), w("deux", 0.69), w("trois", 0.9)}, "un [deux] trois", 1},
		{"the second of two alike", "le chat et le chien", []PageWord{w("le", 0.9), w("chat", 0.9), w("et", 0.9), w("le", 0.2), w("chien", 0.9)}, "le chat et [le] chien", 1},
		{"joined over the line", "trot-\ntoir cassé", []PageWord{w("trottoir", 0.1), w("cassé", 0.1)}, "trot-\ntoir [cassé]", 1},
		{"not in the text", "un deux", []PageWord{w("tampon", 0.1), w("deux", 0.1), w("", 0)}, "un [deux]", 1},
		{"too far off", "un " + strings.Repeat("x ", 300) + "deux", []PageWord{w("deux", 0.1)}, "un " + strings.Repeat("x ", 300) + "deux", 0},
		{"all", "é", []PageWord{w("é", 0)}, "[é]", 1},
		{"empty", "", []PageWord{w("a", 0)}, "", 0},
	} {
		segments, boxes := markDoubtful(tt.text, tt.words, 1400)
		if got := marked(segments); got != tt.want || len(boxes) != tt.boxes {
			t.Errorf("%s: %q, %d boxes; want %q, %d", tt.name, got, len(boxes), tt.want, tt.boxes)
		}
		n := 0
		for _, s := range segments {
			if s.Doubt >= 0 {
				if s.Doubt != n || boxes[n].N != n {
					t.Errorf("%s: word %d is called %d, its box %d", tt.name, n, s.Doubt, boxes[n].N)
				}
				n++
			}
		}
	}
	// A box beyond the page, as a damaged layout has it.
	_, boxes := markDoubtful("x", []PageWord{{Text: "x", X: -7, Y: 9, W: 1e9, H: 1e9}}, 1400)
	if b := boxes[0]; b.X < -10 || b.Y > 1410 || b.W > 1020 || b.H > 1420 {
		t.Errorf("box: %+v", b)
	}
}

func FuzzMarkDoubtful(f *testing.F) {
	f.Add("Monsieur le Maire,\nle trotoir", "le trotoir é \xff")
	f.Fuzz(func(t *testing.T, text, words string) {
		var list []PageWord
		for _, w := range strings.Split(words, " ") {
			list = append(list, PageWord{Text: w})
		}
		segments, boxes := markDoubtful(text, list, 1000)
		var all strings.Builder
		doubts := 0
		for _, s := range segments {
			all.WriteString(s.Text)
			if s.Doubt >= 0 {
				doubts++
			}
		}
		if all.String() != text || doubts != len(boxes) {
			t.Errorf("%q became %q, %d words and %d boxes", text, all.String(), doubts, len(boxes))
		}
	})
}

func joined(parts []diffPart) (text, other string) {
	var a, b strings.Builder
	for _, p := range parts {
		a.WriteString(p.Text)
		if p.Other {
			b.WriteString("[" + p.Text + "]")
		}
	}
	return a.String(), b.String()
}

func TestDiffWords(t *testing.T) {
	for _, tt := range []struct{ name, a, b, inA, inB string }{
		{"alike", "Le trottoir est cassé.", "Le trottoir est cassé.", "", ""},
		{"case and marks", "Le Trottoir, cassé !", "le trottoir cassé", "", ""},
		{"one word", "Le trottoir est cassé.", "Le trottoir est abîmé.", "[cassé.]", "[abîmé.]"},
		{"more", "Bonjour. Le trottoir est cassé.", "Le trottoir est cassé. Merci d’avance.", "[Bonjour.]", "[Merci d’avance.]"},
		{"nothing alike", "un deux", "trois", "[un deux]", "[trois]"},
		{"empty", "", "un", "", "[un]"},
		{"both empty", "", "", "", ""},
		{"white space stays", "  a\n\nb  ", "a c", "[b]", "[c]"},
	} {
		inA, inB := diffWords(tt.a, tt.b)
		textA, a := joined(inA)
		textB, b := joined(inB)
		if textA != tt.a || textB != tt.b {
			t.Errorf("%s: the texts became %q and %q", tt.name, textA, textB)
		}
		if a != tt.inA || b != tt.inB {
			t.Errorf("%s: %s and %s, want %s and %s", tt.name, a, b, tt.inA, tt.inB)
		}
	}
	// More words than are compared, and more different ones than there are plain characters
	// below the surrogates.
	var long strings.Builder
	for i := range 3 * maxDiffWords {
		long.WriteString("mot" + digits(i) + " ")
	}
	inA, inB := diffWords(long.String(), "autre "+long.String())
	if a, _ := joined(inA); a != long.String() {
		t.Error("the long text is not itself any more")
	}
	if _, b := joined(inB); !strings.HasPrefix(b, "[autre]") {
		t.Errorf("in the other: %.40q", b)
	}
}

func FuzzDiffWords(f *testing.F) {
	f.Add("Le trottoir est cassé.", "le  trottoir\xff est abîmé")
	f.Fuzz(func(t *testing.T, a, b string) {
		inA, inB := diffWords(a, b)
		textA, _ := joined(inA)
		textB, _ := joined(inB)
		if textA != a || textB != b {
			t.Errorf("%q and %q became %q and %q", a, b, textA, textB)
		}
	})
}

func TestCutText(t *testing.T) {
	if got, cut := cutText("é"); got != "é" || cut {
		t.Errorf("%q %t", got, cut)
	}
	got, cut := cutText("x" + strings.Repeat("é", maxShown))
	if !cut || !utf8.ValidString(got) || len(got) > maxShown+3 || !strings.HasSuffix(got, "é…") {
		t.Errorf("cut %t, %d bytes, %q", cut, len(got), got[len(got)-10:])
	}
}
