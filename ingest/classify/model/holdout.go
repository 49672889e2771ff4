package model

import (
	"context"
	"math"
)

// trial is what each voice says of each judged example when that is held out.
type trial struct {
	labels []string
	folds  int
	clean  []held
	noisy  []held // of their copies, in the same order; empty without copies
}

// held is one held-out text.
type held struct {
	text          int // which example
	truth         int
	known         bool
	linear, bayes []float64 // scores of each label
}

// holdOut trains on all folds but one, for each in turn, and asks of that one.
func holdOut(ctx context.Context, v *view, s *voices, examples []Example, labels []string, o Options) (*trial, error) {
	c := v.corpus
	fold, folds := assignFolds(examples, o)
	t := &trial{labels: labels, folds: folds}
	for f := range folds {
		var train []int
		for i := range c.rows {
			if fold[c.rows[i].text] != f {
				train = append(train, i)
			}
		}
		v.weigh(train)
		if err := s.learn(ctx, v, o, uint64(f)+1); err != nil {
			return nil, err
		}
		for i := range c.rows {
			r := &c.rows[i]
			if fold[r.text] != f {
				continue
			}
			h := held{text: r.text, truth: r.label, known: v.known(i), linear: make([]float64, len(labels)), bayes: make([]float64, len(labels))}
			for l := range labels {
				h.linear[l] = v.dot(i, s.linear[l]) + s.bias[l]
				h.bayes[l] = v.dot(i, s.bayes[l])
			}
			if r.noisy {
				t.noisy = append(t.noisy, h)
			} else {
				t.clean = append(t.clean, h)
			}
		}
	}
	return t, nil
}

// mix is how the scores of the voices become one.
type mix struct {
	linear, bayes float64 // factors, over the temperature
	share         float64 // of naive Bayes when both are brought to one spread
	temperature   float64
}

func (m mix) of(linear, bayes float64) float64 { return m.linear*linear + m.bayes*bayes }

// mixSteps is how finely the share of naive Bayes is chosen.
const mixSteps = 10

// mix chooses the share of the voices and the temperature with the least log loss.
func (t *trial) mix() mix {
	linear := spread(t.clean, func(h held) []float64 { return h.linear })
	bayes := spread(t.clean, func(h held) []float64 { return h.bayes })
	truth := make([]int, len(t.clean))
	scores := make([][]float64, len(t.clean))
	for i, h := range t.clean {
		truth[i] = h.truth
		scores[i] = make([]float64, len(t.labels))
	}
	best, least := mix{}, math.Inf(1)
	for step := range mixSteps + 1 {
		m := mix{share: float64(step) / mixSteps}
		m.linear, m.bayes = (1-m.share)/linear, m.share/bayes
		for i, h := range t.clean {
			for l := range scores[i] {
				scores[i][l] = m.of(h.linear[l], h.bayes[l])
			}
		}
		m.temperature = fitTemperature(scores, truth)
		if loss := logLoss(scores, truth, m.temperature); loss < least {
			best, least = m, loss
		}
	}
	best.linear /= best.temperature
	best.bayes /= best.temperature
	return best
}

// spread is the standard deviation of the scores of a text, over all texts; 1 when there
// is none.
func spread(list []held, scores func(held) []float64) float64 {
	sum, n := 0.0, 0
	for _, h := range list {
		s := scores(h)
		mean := 0.0
		for _, x := range s {
			mean += x / float64(len(s))
		}
		for _, x := range s {
			sum += (x - mean) * (x - mean)
		}
		n += len(s)
	}
	if sum == 0 {
		return 1
	}
	return math.Sqrt(sum / float64(n))
}

// predict returns what a model would have said of the held-out texts.
func (t *trial) predict(list []held, m mix, threshold float64) ([]Prediction, []string) {
	var predictions []Prediction
	var truth []string
	for _, h := range list {
		p := make([]float64, len(t.labels))
		for l := range p {
			p[l] = m.of(h.linear[l], h.bayes[l])
		}
		Softmax(p)
		predictions = append(predictions, rank(t.labels, p, threshold, h.known))
		truth = append(truth, t.labels[h.truth])
	}
	return predictions, truth
}

// report measures the trial.
func (t *trial) report(m mix, examples []Example, precision float64) Report {
	predictions, truth := t.predict(t.clean, m, Never)
	var outcomes []Outcome
	for i, p := range predictions {
		outcomes = append(outcomes, Outcome{Confidence: p.Ranked[0].P, Right: p.Ranked[0].Label == truth[i]})
	}
	r := Report{
		Texts: len(t.clean), Folds: t.folds, Threshold: ReviewThreshold(outcomes, precision),
		Temperature: m.temperature, Bayes: m.share, Held: make([]Prediction, len(examples)),
	}
	predictions, _ = t.predict(t.clean, m, r.Threshold)
	r.Overall, r.Labels = Measure(predictions, truth)
	for i, h := range t.clean {
		r.Held[h.text] = predictions[i]
	}
	for _, g := range groupsOf(examples) {
		var ps []Prediction
		var ts []string
		for i, h := range t.clean {
			if examples[h.text].Group == g {
				ps, ts = append(ps, predictions[i]), append(ts, truth[i])
			}
		}
		f, _ := Measure(ps, ts)
		r.Groups = append(r.Groups, GroupFigures{Group: g, Figures: f})
	}
	if len(t.noisy) > 0 {
		predictions, truth = t.predict(t.noisy, m, r.Threshold)
		r.Noisy, _ = Measure(predictions, truth)
	}
	return r
}
