package model

import (
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"
)

const letter = "Madame, Monsieur, je vous signale que le lampadaire situé devant le numéro douze de la rue des Érables est éteint depuis trois semaines, ce qui est dangereux pour les enfants. "

func TestNoisy(t *testing.T) {
	text := strings.Repeat(letter, 20)
	flat := func(s string) string {
		return strings.ReplaceAll(strings.ReplaceAll(s, "-\n", ""), "\n", " ")
	}
	if got := noisy(text, 0, rand.New(rand.NewPCG(1, 1))); flat(got) != text || got == text {
		t.Errorf("without errors, only lines are to be broken: %q", got[:200])
	}
	a := noisy(text, 0.05, rand.New(rand.NewPCG(1, 1)))
	if b := noisy(text, 0.05, rand.New(rand.NewPCG(1, 1))); a != b {
		t.Error("the same seed gives another text")
	}
	if b := noisy(text, 0.05, rand.New(rand.NewPCG(2, 1))); a == b {
		t.Error("another seed gives the same text")
	}
	for _, rate := range []float64{0.02, 0.05, 0.1} {
		got := flat(noisy(text, rate, rand.New(rand.NewPCG(3, 1))))
		if d := float64(distance([]rune(text), []rune(got))) / float64(utf8.RuneCountInString(text)); d < 0.7*rate || d > 1.5*rate {
			t.Errorf("rate %v gives %.3f errors a character", rate, d)
		}
	}
}

// distance is the edit distance of Levenshtein.
func distance(a, b []rune) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i, x := range a {
		diagonal := row[0]
		row[0] = i + 1
		for j, y := range b {
			step := diagonal
			if x != y {
				step++
			}
			diagonal = row[j+1]
			row[j+1] = min(step, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}

func FuzzNoisy(f *testing.F) {
	f.Add("rn m cl", uint64(1))
	f.Add("é\xff", uint64(2))
	f.Add(letter, uint64(3))
	f.Fuzz(func(t *testing.T, text string, seed uint64) {
		got := noisy(text, 0.5, rand.New(rand.NewPCG(seed, 1)))
		if len(got) > 4*len(text) {
			t.Fatalf("%d bytes of %d", len(got), len(text))
		}
		if utf8.ValidString(text) && !utf8.ValidString(got) {
			t.Fatalf("letters cut apart: %q", got)
		}
	})
}
