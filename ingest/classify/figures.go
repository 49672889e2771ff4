package classify

import (
	"maps"
	"math"
	"slices"
)

// Figures say how good predictions are. All but N are shares from 0 to 1.
type Figures struct {
	// N is how many texts were predicted.
	N int `json:"n"`
	// Accuracy is how often the first category is right, Top3 one of the first three.
	Accuracy float64 `json:"accuracy"`
	Top3     float64 `json:"top3"`
	// MacroF1 is the mean over the true categories of the harmonic mean of precision and
	// recall.
	MacroF1 float64 `json:"macro_f1"`
	// Coverage is the share that needs no review, Precision how much of it is right (1
	// where there is none).
	Coverage  float64 `json:"coverage"`
	Precision float64 `json:"precision"`
	// ECE is the expected calibration error in 10 bins of equal width (Guo et al. 2017).
	ECE float64 `json:"ece"`
}

// bins is in how many the calibration error is counted.
const bins = 10

// Score adds predictions up to Figures. Its zero value is ready. It is not safe for
// concurrent use.
type Score struct {
	n, right, top3   int
	sure, sureRight  int
	truth, predicted map[string]int
	hit              map[string]int
	bin              [bins]struct{ n, right, confidence float64 }
}

// Prediction is what was said of a text: categories, the likeliest first, and how likely
// the first is right (0–1).
type Prediction struct {
	Ranked      []string
	Confidence  float64
	NeedsReview bool
}

// Add counts a prediction for a text of this category. One that is in also is right too.
func (s *Score) Add(p Prediction, category string, also []string) (right bool) {
	if s.truth == nil {
		s.truth, s.predicted, s.hit = map[string]int{}, map[string]int{}, map[string]int{}
	}
	accepted := func(c string) bool { return c == category || slices.Contains(also, c) }
	s.n++
	s.truth[category]++
	if slices.ContainsFunc(p.Ranked[:min(3, len(p.Ranked))], accepted) {
		s.top3++
	}
	first := ""
	if len(p.Ranked) > 0 {
		first = p.Ranked[0]
	}
	if right = first != "" && accepted(first); right {
		s.right++
		s.hit[category]++
		first = category
	}
	s.predicted[first]++
	if !p.NeedsReview {
		s.sure++
	}
	b := &s.bin[max(0, min(bins-1, int(p.Confidence*bins)))]
	b.n++
	b.confidence += p.Confidence
	if right {
		b.right++
		if !p.NeedsReview {
			s.sureRight++
		}
	}
	return right
}

// Figures returns those of all predictions so far.
func (s *Score) Figures() Figures {
	f := Figures{
		N: s.n, Accuracy: part(s.right, s.n), Top3: part(s.top3, s.n), Coverage: part(s.sure, s.n), Precision: 1,
	}
	if s.sure > 0 {
		f.Precision = part(s.sureRight, s.sure)
	}
	for _, c := range s.Categories() { // in order: the sum of floats depends on it
		f.MacroF1 += 2 * part(s.hit[c], s.truth[c]+s.predicted[c]) / float64(len(s.truth))
	}
	for _, b := range s.bin {
		f.ECE += math.Abs(b.right-b.confidence) / float64(max(1, s.n))
	}
	return f
}

// Categories returns the true categories, sorted.
func (s *Score) Categories() []string { return slices.Sorted(maps.Keys(s.truth)) }

// Category returns how many texts of a category there were, and recall and precision.
func (s *Score) Category(code string) (n int, recall, precision float64) {
	return s.truth[code], part(s.hit[code], s.truth[code]), part(s.hit[code], s.predicted[code])
}

func part(a, of int) float64 {
	if of == 0 {
		return 0
	}
	return float64(a) / float64(of)
}
