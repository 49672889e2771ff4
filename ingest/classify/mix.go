package classify

import (
	"math"

	"saisine.fr/saisine/ingest/classify/model"
)

// A text has two voices: the model, which has learned from texts, and the phrases of the
// categories file, which people have written. They are mixed log-linearly:
//
//	ln p(category) = a·ln p_model(category) + b·ln(1 + score of its phrases), brought to sum 1
//
// The two weights are fitted on predictions for texts that the model has not seen, by
// the least log loss. That makes the outcome a calibrated probability as well: one common
// factor on all weights is the inverse temperature of Guo et al. 2017.

// voices is how many numbers speak for each label; see said.
const voices = 2

// said is what speaks for one label of one text.
type said [voices]float64

// leastP bounds how sure the model may be that a label is wrong.
const leastP = 1e-5

// sayings makes what speaks for a label: the model's probability and the score of the
// phrases, of which each more counts for less.
func sayings(p, score float64) said {
	return said{math.Log(max(p, leastP)), math.Log1p(max(0, score))}
}

// weights are those of the voices.
type weights [voices]float64

// score is the unnormalised log-probability of a label.
func (w weights) score(s said) float64 {
	sum := 0.0
	for i, x := range s {
		sum += w[i] * x
	}
	return sum
}

// heard is a text with its true label.
type heard struct {
	labels []said
	truth  int
}

// fitWeights returns the weights with the least log loss on texts, by Newton's method:
// the loss is convex. A small penalty holds a voice that says nothing at zero.
func fitWeights(texts []heard) weights {
	const penalty, rounds = 1e-4, 50
	w := weights{1}
	for range rounds {
		var gradient [voices]float64
		var hessian [voices][voices]float64
		for _, t := range texts {
			p := make([]float64, len(t.labels))
			for l, s := range t.labels {
				p[l] = w.score(s)
			}
			model.Softmax(p)
			var mean [voices]float64
			for l, s := range t.labels {
				for i := range s {
					mean[i] += p[l] * s[i]
				}
			}
			for i := range gradient {
				gradient[i] += mean[i] - t.labels[t.truth][i]
			}
			for l, s := range t.labels {
				for i := range s {
					for j := range s {
						hessian[i][j] += p[l] * (s[i] - mean[i]) * (s[j] - mean[j])
					}
				}
			}
		}
		n := float64(max(1, len(texts)))
		for i := range gradient {
			gradient[i] = gradient[i]/n + penalty*w[i]
			for j := range hessian[i] {
				hessian[i][j] /= n
			}
			hessian[i][i] += penalty
		}
		step := solve(hessian, gradient)
		moved := 0.0
		for i := range w {
			w[i] -= step[i]
			moved += math.Abs(step[i])
		}
		if moved < 1e-9 {
			break
		}
	}
	return w
}

// solve solves a·x = b for a positive definite a, by Gaussian elimination.
func solve(a [voices][voices]float64, b [voices]float64) (x [voices]float64) {
	for i := range voices {
		for k := i + 1; k < voices; k++ {
			f := a[k][i] / a[i][i]
			for j := i; j < voices; j++ {
				a[k][j] -= f * a[i][j]
			}
			b[k] -= f * b[i]
		}
	}
	for i := voices - 1; i >= 0; i-- {
		x[i] = b[i]
		for j := i + 1; j < voices; j++ {
			x[i] -= a[i][j] * x[j]
		}
		x[i] /= a[i][i]
	}
	return x
}

// precision is what categories without a review must hold.
const precision = 0.95
