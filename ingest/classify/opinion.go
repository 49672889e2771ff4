package classify

import (
	"cmp"
	"slices"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/classify/model"
)

// opinion is how likely each category of the file is the right one of a text.
type opinion struct {
	p        []float64 // of each category
	order    []int     // categories, the likeliest first
	unwanted float64   // that it is no citizen's matter; with p it adds up to 1
	// foreign is the part of the model's belief that went to labels the file does not have.
	foreign float64
	phrases []evidence // of each category
}

// given returns how likely a category is if it is a citizen's matter. Where nearly all of
// the belief is in an unwanted message, that is what the words say beside.
func (o opinion) given(category int) float64 {
	const least = 1e-9 // below it, rounding says more than the text
	return o.p[category] / max(1-o.unwanted, least)
}

// best returns the likeliest category.
func (o opinion) best() int { return o.order[0] }

// shortText is how many bytes the sender's own words may have for attachments to be
// read along with them: "voir pièce jointe" says nothing, but a long annex to a full
// letter would drown it.
const shortText = 200

// input is the words of a reading as the model takes them.
func input(reading ingest.Reading) model.Input {
	in := model.Input{Subject: reading.Subject, Body: reading.Matter()}
	if len(in.Body) < shortText {
		for _, a := range reading.Attachments {
			if a.Text != "" {
				in.Body += "\n" + a.Text
			}
		}
	}
	return in
}

// opine weighs what model and phrases say of a reading, and what named says in favour of
// each category beforehand (nil: nothing), in units of log-odds.
func (c *mind) opine(reading ingest.Reading, named []evidence) opinion {
	return c.weigh(reading, c.brain.model.Predict(input(reading)), named)
}

// weigh is opine with the model's prediction given.
func (c *mind) weigh(reading ingest.Reading, prediction model.Prediction, named []evidence) opinion {
	categories := c.rules.file.Categories
	o := opinion{p: make([]float64, len(categories)), phrases: make([]evidence, len(categories))}
	c.rules.words(o.phrases, reading)
	shares := c.shares(prediction)
	o.foreign = shares.foreign
	before := func(i int) float64 {
		if named == nil {
			return 0
		}
		return named[i].score
	}
	said := c.sayings(shares, o.phrases)
	scores := make([]float64, len(said))
	for k := range said {
		scores[k] = c.brain.fit.Weights.score(said[k])
		if k < len(c.known) {
			scores[k] += before(c.known[k])
		}
	}
	model.Softmax(scores)
	for k, i := range c.known {
		o.p[i] = scores[k]
	}
	o.unwanted = scores[len(c.known)]

	// A category that the model has not learned lives from its rules: it takes from all
	// others what the rules by themselves would give it.
	for _, i := range c.unknown {
		mine, other := o.phrases[i].score+before(i), 0.0
		for j := range categories {
			if j != i {
				other = max(other, o.phrases[j].score+before(j))
			}
		}
		if mine <= other {
			continue
		}
		q := confidence(mine, other)
		for j := range o.p {
			o.p[j] *= 1 - q
		}
		o.unwanted *= 1 - q
		o.p[i] = q
	}
	o.order = make([]int, len(categories))
	for i := range o.order {
		o.order[i] = i
	}
	slices.SortStableFunc(o.order, func(a, b int) int { return cmp.Compare(o.p[b], o.p[a]) })
	return o
}

// mind is a brain with the rules of a town.
type mind struct {
	rules   *Rules
	brain   *brain
	known   []int // categories of the file that the model has learned
	unknown []int // those that it has not
	place   map[string]int
	// aside is the probability above which a message may be set aside as unwanted.
	aside float64
}

func newMind(r *Rules, b *brain) *mind {
	m := &mind{rules: r, brain: b, place: map[string]int{}, aside: max(b.fit.Unwanted, surelyUnwanted)}
	for i, c := range r.file.Categories {
		if b.knows(c.Code) {
			m.place[c.Code] = len(m.known)
			m.known = append(m.known, i)
		} else {
			m.unknown = append(m.unknown, i)
		}
	}
	return m
}

// shares is a prediction of the model as probabilities of the known categories.
type shares struct {
	p                 []float64
	unwanted, foreign float64
}

// shares leaves out the labels that the file does not have.
func (c *mind) shares(p model.Prediction) shares {
	s := shares{p: make([]float64, len(c.known))}
	kept := 0.0
	for _, r := range p.Ranked {
		if r.Label == unwanted {
			s.unwanted = r.P
			kept += r.P
		} else if k, ok := c.place[r.Label]; ok {
			s.p[k] = r.P
			kept += r.P
		}
	}
	s.foreign = max(0, 1-kept)
	if kept > 0 {
		for k := range s.p {
			s.p[k] /= kept
		}
		s.unwanted /= kept
	}
	return s
}

// sayings makes what speaks for each known category, and at the end for none.
func (c *mind) sayings(s shares, phrases []evidence) []said {
	out := make([]said, 0, len(c.known)+1)
	for k, i := range c.known {
		out = append(out, sayings(s.p[k], phrases[i].score))
	}
	return append(out, sayings(s.unwanted, 0))
}
