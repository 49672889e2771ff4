package model

import (
	"math"
	"time"
)

// Figures say how good a set of predictions is. All but N are shares from 0 to 1.
type Figures struct {
	N         int
	Top1      float64 // the first label is right
	Top3      float64 // one of the first three is
	MacroF1   float64 // mean over the true labels of the harmonic mean of precision and recall
	ECE       float64 // expected calibration error, in 15 bins of equal width
	Precision float64 // of those that are sure; 0 when none is
	Coverage  float64 // share of those that are sure
}

// LabelFigures are the figures of one label.
type LabelFigures struct {
	Label                       string
	N                           int // texts that have the label
	Precision, Recall, F1, Top3 float64
}

// GroupFigures are the figures of one group of texts.
type GroupFigures struct {
	Group string
	Figures
}

// Report says what a training has measured on texts held out of it.
type Report struct {
	Texts       int // that were held out once each
	Features    int
	Folds       int
	Overall     Figures
	Noisy       Figures // on the copies with recognition errors, likewise held out
	Labels      []LabelFigures
	Groups      []GroupFigures
	Threshold   float64       // confidence from which no review is needed; above 1: none is enough
	Temperature float64       // of the softmax
	Bayes       float64       // share of complement naive Bayes in the scores
	Took        time.Duration // wall-clock time of the training
	// Held is the prediction for each example, in their order, by a model that has not
	// seen it; without ranks where the example was not held out.
	Held []Prediction
}

// calibrationBins is what ECE is usually counted in (Guo et al. 2017).
const calibrationBins = 15

// Measure compares predictions with the true labels, one each. The labels come in the
// order of their first text.
func Measure(predictions []Prediction, labels []string) (Figures, []LabelFigures) {
	f := Figures{N: len(predictions)}
	type tally struct{ n, predicted, right, top3 int }
	tallies := map[string]*tally{}
	at := func(label string) *tally {
		if tallies[label] == nil {
			tallies[label] = &tally{}
		}
		return tallies[label]
	}
	var order []string
	var bins [calibrationBins]struct{ n, right, confidence float64 }
	passed, passedRight := 0, 0
	for i, p := range predictions {
		truth := at(labels[i])
		if truth.n == 0 {
			order = append(order, labels[i])
		}
		truth.n++
		for rank, r := range p.Ranked[:min(3, len(p.Ranked))] {
			if r.Label == labels[i] {
				truth.top3++
				f.Top3++
				if rank == 0 {
					truth.right++
					f.Top1++
				}
			}
		}
		if len(p.Ranked) == 0 {
			continue
		}
		best := p.Ranked[0]
		at(best.Label).predicted++
		right := 0.0
		if best.Label == labels[i] {
			right = 1
		}
		b := &bins[max(0, min(calibrationBins-1, int(best.P*calibrationBins)))]
		b.n, b.right, b.confidence = b.n+1, b.right+right, b.confidence+best.P
		if p.Sure {
			passed++
			passedRight += int(right)
		}
	}
	n := float64(max(1, f.N))
	f.Top1, f.Top3 = f.Top1/n, f.Top3/n
	for _, b := range bins {
		f.ECE += math.Abs(b.right-b.confidence) / n
	}
	f.Coverage = float64(passed) / n
	f.Precision = ratio(passedRight, passed)
	var list []LabelFigures
	for _, l := range order {
		t := tallies[l]
		x := LabelFigures{Label: l, N: t.n, Precision: ratio(t.right, t.predicted), Recall: ratio(t.right, t.n), Top3: ratio(t.top3, t.n)}
		if t.right > 0 {
			x.F1 = 2 * x.Precision * x.Recall / (x.Precision + x.Recall)
		}
		f.MacroF1 += x.F1 / float64(len(order))
		list = append(list, x)
	}
	return f, list
}

func ratio(part, of int) float64 {
	if of == 0 {
		return 0
	}
	return float64(part) / float64(of)
}
