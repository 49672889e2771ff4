package classify

import (
	"math"
	"math/rand/v2"
	"testing"

	"saisine.fr/saisine/ingest/classify/model"
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
		model.Softmax(p)
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
