package model

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestFitTemperature(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, want := range []float64{0.2, 1, 5} {
		var scores [][]float64
		var labels []int
		for range 20000 {
			s := []float64{rng.NormFloat64() * want, rng.NormFloat64() * want, rng.NormFloat64() * want}
			p := []float64{s[0] / want, s[1] / want, s[2] / want}
			Softmax(p)
			label, x := 0, rng.Float64()
			for x > p[label] && label < 2 {
				x -= p[label]
				label++
			}
			scores, labels = append(scores, s), append(labels, label)
		}
		if got := fitTemperature(scores, labels); math.Abs(got/want-1) > 0.05 {
			t.Errorf("temperature %.3f, want %.3f", got, want)
		}
	}
}

func TestSoftmax(t *testing.T) {
	s := []float64{1e9, 1e9 - 1, -1e9}
	Softmax(s)
	if math.Abs(s[0]-1/(1+math.Exp(-1))) > 1e-12 || s[2] != 0 || math.Abs(s[0]+s[1]-1) > 1e-12 {
		t.Errorf("softmax %v", s)
	}
}

func TestWilson(t *testing.T) {
	// Newcombe 1998, table I: the 95 % interval of 81 of 263 begins at 0.2553.
	if got := wilson(81, 263, 1.959964); math.Abs(got-0.2553) > 5e-5 {
		t.Errorf("lower bound %.5f, want 0.2553", got)
	}
	if wilson(0, 0, 1) != 0 {
		t.Error("nothing seen is no bound")
	}
}

func TestReviewThreshold(t *testing.T) {
	// right are the confidences of right predictions, wrong those of wrong ones.
	make := func(right, wrong []float64) (out []Outcome) {
		for _, c := range wrong {
			out = append(out, Outcome{Confidence: c})
		}
		for _, c := range right {
			out = append(out, Outcome{Confidence: c, Right: true})
		}
		return out
	}
	times := func(c float64, n int) (out []float64) {
		for range n {
			out = append(out, c)
		}
		return out
	}
	for _, c := range []struct {
		name         string
		right, wrong []float64
		want         float64
	}{
		{"nothing", nil, nil, Never},
		{"few, all right", times(0.9, 10), nil, Never},
		{"many, all right", times(0.9, 100), nil, 0.9},
		{"wrong ones lie low", append(times(0.9, 100), times(0.3, 5)...), times(0.3, 50), 0.9},
		{"equals pass together", times(0.9, 100), times(0.9, 20), Never},
		{"good enough as a whole", append(times(0.9, 300), 0.5), times(0.6, 5), 0.5},
		{"a wrong one at the top costs all below little", times(0.8, 200), []float64{0.99}, 0.8},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := ReviewThreshold(make(c.right, c.wrong), 0.95); got != c.want {
				t.Errorf("threshold %v, want %v", got, c.want)
			}
		})
	}
}

func TestReviewThresholdHolds(t *testing.T) {
	var all []Outcome
	for i := range 200 { // right above one half, half right below
		c := float64(i) / 200
		all = append(all, Outcome{c, c >= 0.5 || i%2 == 0})
	}
	// By hand: 59 right of 60 hold 0.95 by their lower bound, 57 of 60 do not.
	if w := wilson(59, 60, thresholdZ); w < 0.95 {
		t.Errorf("59 of 60: %v", w)
	}
	if w := wilson(57, 60, thresholdZ); w >= 0.95 {
		t.Errorf("57 of 60: %v", w)
	}
	got := ReviewThreshold(all, 0.95)
	right, n := 0, 0
	for _, o := range all {
		if o.Confidence >= got {
			n++
			if o.Right {
				right++
			}
		}
	}
	if got >= 0.5 || wilson(right, n, thresholdZ) < 0.95 {
		t.Errorf("threshold %v: %d right of %d", got, right, n)
	}
	if got := ReviewThreshold([]Outcome{{0.9, false}, {0.8, true}}, 0.95); got != Never {
		t.Errorf("nothing holds it: got %v", got)
	}
	if got := ReviewThreshold(nil, 0.95); got != Never {
		t.Errorf("of nothing: got %v", got)
	}
	// Equal confidences pass together or not at all.
	var equal []Outcome
	for i := range 100 {
		equal = append(equal, Outcome{0.7, i < 80})
	}
	if got := ReviewThreshold(equal, 0.95); got != Never {
		t.Errorf("80 of 100 at one confidence: got %v", got)
	}
}
