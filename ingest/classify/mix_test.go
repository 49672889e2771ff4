package classify

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestFitWeights finds the weights again by which labels were drawn.
func TestFitWeights(t *testing.T) {
	want := weights{0.7, 1.6}
	rng := rand.New(rand.NewPCG(1, 2))
	var texts []heard
	for range 20_000 {
		h := heard{labels: make([]said, 4)}
		p := make([]float64, 4)
		for l := range h.labels {
			h.labels[l] = sayings(rng.Float64(), 3*rng.Float64())
			p[l] = want.score(h.labels[l])
		}
		softmax(p)
		x := rng.Float64()
		for x > p[h.truth] && h.truth < 3 {
			x -= p[h.truth]
			h.truth++
		}
		texts = append(texts, h)
	}
	got := fitWeights(texts)
	for i := range want {
		if math.Abs(got[i]-want[i]) > 0.06 {
			t.Errorf("got %v, want %v", got, want)
		}
	}
}

// A voice that says nothing gets no weight, and nothing at all no nonsense.
func TestFitWeightsOfNothing(t *testing.T) {
	silent := fitWeights([]heard{{labels: []said{{-1, 0}, {-2, 0}}}, {labels: []said{{-1, 0}, {-2, 0}}, truth: 1}})
	if math.Abs(silent[1]) > 1e-6 || math.IsNaN(silent[0]) {
		t.Errorf("got %v", silent)
	}
	for _, w := range fitWeights(nil) {
		if math.IsNaN(w) || math.IsInf(w, 0) {
			t.Errorf("of no texts: got %v", w)
		}
	}
}

func TestSayingsAreBounded(t *testing.T) {
	for _, s := range []said{sayings(0, 0), sayings(1, -5), sayings(0.5, math.MaxFloat64)} {
		for _, x := range s {
			if math.IsNaN(x) || math.IsInf(x, 0) || x < math.Log(leastP) {
				t.Errorf("got %v", s)
			}
		}
	}
}

func TestLowestSure(t *testing.T) {
	var all []outcome
	for i := range 200 { // right above one half, half right below
		c := float64(i) / 200
		all = append(all, outcome{c, c >= 0.5 || i%2 == 0})
	}
	// By hand: 59 right of 60 hold 0.95 by their lower bound, 57 of 60 do not.
	if w := wilson(59, 60); w < 0.95 {
		t.Errorf("59 of 60: %v", w)
	}
	if w := wilson(57, 60); w >= 0.95 {
		t.Errorf("57 of 60: %v", w)
	}
	got := lowestSure(all)
	right, n := 0, 0
	for _, o := range all {
		if o.confidence >= got {
			n++
			if o.right {
				right++
			}
		}
	}
	if got >= 0.5 || wilson(right, n) < 0.95 {
		t.Errorf("threshold %v: %d right of %d", got, right, n)
	}
	if got := lowestSure([]outcome{{0.9, false}, {0.8, true}}); got != never {
		t.Errorf("nothing holds it: got %v", got)
	}
	if got := lowestSure(nil); got != never {
		t.Errorf("of nothing: got %v", got)
	}
	// Equal confidences pass together or not at all.
	var equal []outcome
	for i := range 100 {
		equal = append(equal, outcome{0.7, i < 80})
	}
	if got := lowestSure(equal); got != never {
		t.Errorf("80 of 100 at one confidence: got %v", got)
	}
}
