package model

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"
)

// sampleView is a view of all rows of a hard sample.
func sampleView(t *testing.T) (*view, []string) {
	t.Helper()
	examples := sample(40, true)
	labels, err := check(examples)
	if err != nil {
		t.Fatal(err)
	}
	c, err := newCorpus(t.Context(), examples, labels, Options{Noise: 0.05}.withDefaults(examples))
	if err != nil {
		t.Fatal(err)
	}
	all := make([]int, len(c.rows))
	for i := range all {
		all[i] = i
	}
	v := newView(c)
	v.weigh(all)
	return v, labels
}

// The value of the primal problem is never below that of the dual one, and they meet at
// the solution only.
func TestSeparatorDualityGap(t *testing.T) {
	v, labels := sampleView(t)
	for l := range labels {
		s := &separator{view: v}
		s.start(l, make([]float32, len(v.idf)))
		s.solve(t.Context(), rand.New(rand.NewPCG(1, 1)))
		length := s.bias * s.bias
		for f, w := range s.weights {
			if v.idf[f] > 0 {
				length += float64(w/v.idf[f]) * float64(w/v.idf[f])
			}
		}
		primal, dual := length/2, -length/2
		for k, i := range s.rows {
			slack := max(0, 1-s.sign[k]*(v.dot(i, s.weights)+s.bias))
			primal += slack * slack / (2 * s.diag[k]) // C = 1/(2·diag)
			dual += s.alpha[k] - s.alpha[k]*s.alpha[k]*s.diag[k]/2
		}
		if gap := (primal - dual) / primal; gap < -1e-3 || gap > 0.02 {
			t.Errorf("%s: primal %.4f, dual %.4f", labels[l], primal, dual)
		}
	}
}

func TestSeparatorStops(t *testing.T) {
	v, _ := sampleView(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := &separator{view: v}
	s.start(0, make([]float32, len(v.idf)))
	s.solve(ctx, rand.New(rand.NewPCG(1, 1)))
	for _, w := range s.weights {
		if w != 0 {
			t.Fatal("it went on after the context had ended")
		}
	}
}

// The weights are those of the formula, worked out feature by feature.
func TestComplement(t *testing.T) {
	v, labels := sampleView(t)
	got := newVoices(len(labels), len(v.idf)).bayes
	got[0][0] = 9 // of a fold before
	v.complement(got, make([]float32, len(v.idf)))
	value := func(r, f int) float64 { // x of row r and feature f
		for b, cells := range v.corpus.rows[r].cells {
			for _, c := range cells {
				if c.feature() == f {
					return float64(v.scale[r][b]) * (1 + math.Log(float64(c.count()))) * float64(v.idf[f])
				}
			}
		}
		return 0
	}
	counts := make([][]float64, len(labels)) // of the other labels
	sums := make([]float64, len(labels))
	for l := range labels {
		counts[l] = make([]float64, len(v.idf))
		for _, r := range v.train {
			if row := v.corpus.rows[r]; row.label != l {
				for _, cells := range row.cells {
					for _, c := range cells {
						counts[l][c.feature()] += row.weight * value(r, c.feature())
					}
				}
			}
		}
		for _, n := range counts[l] {
			sums[l] += n + smoothing
		}
	}
	for f := 0; f < len(v.idf); f += 97 {
		mean, want := 0.0, make([]float64, len(labels))
		for l := range labels {
			want[l] = -math.Log((counts[l][f]+smoothing)/sums[l]) * float64(v.idf[f])
			mean += want[l] / float64(len(labels))
		}
		for l := range labels {
			if math.Abs(want[l]-mean-float64(got[l][f])) > 1e-3 {
				t.Fatalf("feature %d, label %d: %v, want %v", f, l, got[l][f], want[l]-mean)
			}
		}
	}
}

func TestViewMasksUnseen(t *testing.T) {
	v, _ := sampleView(t)
	few := v
	few.weigh(v.train[:6])
	seen := map[int]bool{}
	for _, i := range few.train {
		for _, cells := range v.corpus.rows[i].cells {
			for _, c := range cells {
				if !v.corpus.rows[i].noisy {
					seen[c.feature()] = true
				}
			}
		}
	}
	for f, idf := range few.idf {
		if (idf > 0) != seen[f] {
			t.Fatalf("feature %d: idf %v, seen in training: %v", f, idf, seen[f])
		}
	}
	for i := range few.corpus.rows {
		for b, cells := range few.corpus.rows[i].cells {
			length := 0.0
			for _, c := range cells {
				x := float64(few.scale[i][b] * dampened[c.count()] * few.idf[c.feature()])
				length += x * x
			}
			if length > 0 && math.Abs(math.Sqrt(length)-share[b]) > 1e-4 {
				t.Fatalf("row %d, block %d has the length %v", i, b, math.Sqrt(length))
			}
		}
	}
}

func TestLeastTexts(t *testing.T) {
	counts := map[uint64]int32{}
	for i := range uint64(maxVocabulary) {
		counts[i] = 1
	}
	if got := leastTexts(counts); got != 1 {
		t.Errorf("all fit, but at least %d texts are asked for", got)
	}
	counts[maxVocabulary] = 3
	if got := leastTexts(counts); got != 2 {
		t.Errorf("one too many: at least %d texts, want 2", got)
	}
}
