package model

import (
	"cmp"
	"math"
	"slices"
)

// Softmax turns scores, of which there must be one at least, into probabilities, in place.
func Softmax(s []float64) {
	top := slices.Max(s)
	sum := 0.0
	for i, x := range s {
		s[i] = math.Exp(x - top)
		sum += s[i]
	}
	for i := range s {
		s[i] /= sum
	}
}

// logLoss is the mean surprise at the true labels when scores are divided by the
// temperature. One more text's worth of doubt is spread over all labels, as Platt (1999)
// does: where few held-out texts are all right, no certainty follows.
func logLoss(scores [][]float64, labels []int, temperature float64) float64 {
	doubt := 1 / float64(len(scores)+1)
	loss := 0.0
	for i, s := range scores {
		top, sum, mean := slices.Max(s), 0.0, 0.0
		for _, x := range s {
			sum += math.Exp((x - top) / temperature)
			mean += x / float64(len(s))
		}
		target := (1-doubt)*s[labels[i]] + doubt*mean
		loss += math.Log(sum) - (target-top)/temperature
	}
	return loss / float64(max(1, len(scores)))
}

// fitTemperature returns the temperature with the least log loss (Guo et al. 2017),
// by golden section search on its logarithm: the loss has one valley.
func fitTemperature(scores [][]float64, labels []int) float64 {
	low, high := math.Log(1e-3), math.Log(1e2)
	const golden = 0.6180339887498949
	loss := func(t float64) float64 { return logLoss(scores, labels, math.Exp(t)) }
	a, b := high-golden*(high-low), low+golden*(high-low)
	la, lb := loss(a), loss(b)
	for high-low > 1e-3 {
		if la < lb {
			high, b, lb = b, a, la
			a = high - golden*(high-low)
			la = loss(a)
		} else {
			low, a, la = a, b, lb
			b = low + golden*(high-low)
			lb = loss(b)
		}
	}
	return math.Exp((low + high) / 2)
}

// Outcome is one prediction, for a text that was held out, with its truth.
type Outcome struct {
	Confidence float64
	Right      bool
}

// wilson is the lower end of the Wilson score interval for right of n, z standard
// deviations wide (Wilson 1927).
func wilson(right, n int, z float64) float64 {
	if n == 0 {
		return 0
	}
	p, m := float64(right)/float64(n), float64(n)
	centre := p + z*z/(2*m)
	return (centre - z*math.Sqrt(p*(1-p)/m+z*z/(4*m*m))) / (1 + z*z/m)
}

// thresholdZ makes the bound one that holds in 5 of 6 cases: 59 right of 60 are enough
// for 0.95, 20 of 20 are not.
const thresholdZ = 1

// Never is a threshold that no confidence reaches.
const Never = 2

// ReviewThreshold returns the smallest confidence at and above which precision holds by
// the lower end of its Wilson score interval, or Never.
func ReviewThreshold(outcomes []Outcome, precision float64) float64 {
	sorted := slices.Clone(outcomes)
	slices.SortStableFunc(sorted, func(a, b Outcome) int { return cmp.Compare(b.Confidence, a.Confidence) })
	threshold, right := float64(Never), 0
	for i, o := range sorted {
		if o.Right {
			right++
		}
		if i+1 < len(sorted) && sorted[i+1].Confidence == o.Confidence {
			continue // equals pass together
		}
		if wilson(right, i+1, thresholdZ) >= precision {
			threshold = o.Confidence
		}
	}
	return threshold
}
