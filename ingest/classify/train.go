package classify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"runtime"
	"slices"
	"strings"
	"time"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/classify/model"
	"saisine.fr/saisine/ingest/message"
)

// Settled is a request of the town whose category is settled, so that it can be learned
// from.
type Settled struct {
	// Subject and Text are what Words makes of the reading of its opening.
	Reference, Subject, Text, Category string
	// Person is true when a person chose the category, which teaches more than one that
	// was only left as it was.
	Person bool
	// OpenedAt is when the request came.
	OpenedAt time.Time
}

// Words returns the words of a reading as the model meets them in Classify, for Settled:
// what is learned must be what is asked about.
func Words(reading ingest.Reading) (subject, text string) {
	in := input(reading)
	return in.Subject, in.Body
}

// Size is how many bytes the words of s take in a training, of which MostWords is the
// bound for all together.
func (s Settled) Size() int { return min(len(s.Subject), maxSubject) + min(len(s.Text), MaxWords) }

// lesson names what a model has learned from a request, so that it is known whether it has;
// another category for the same request is another lesson.
func (s Settled) lesson() uint64 {
	h := fnv.New64a()
	_, _ = io.WriteString(h, s.Reference+"\x00"+s.Category) // never fails
	return h.Sum64()
}

func (s Settled) reading() ingest.Reading { return ingest.Reading{Subject: s.Subject, Text: s.Text} }

// group is what keeps equal texts in one fold, so that no text is asked of a model that has
// learned the same from somebody else: a petition, a circular. Texts that differ share a
// group by chance, which does no harm.
func (s Settled) group() string {
	h := fnv.New32a()
	for _, text := range []string{s.Subject, s.Text} {
		words(text, func(word []byte) { fmt.Fprintf(h, "%s ", word) })
	}
	return fmt.Sprint("town/", h.Sum32()%townGroups)
}

// usable returns what can be learned from: the newest requests, within the bounds of number
// and length, whose category the file has, which hold more than a few words, and of whose
// category there are enough.
func (c *Classifier) usable(town []Settled) []Settled {
	out := slices.Clone(town)
	for i := range out {
		out[i].Subject, out[i].Text = message.Cut(out[i].Subject, maxSubject), message.Cut(out[i].Text, MaxWords)
	}
	out = slices.DeleteFunc(out, func(s Settled) bool {
		_, ok := c.o.Rules.codes[s.Category]
		return !ok || len(strings.Fields(s.Subject))+len(strings.Fields(s.Text)) < leastTownWords
	})
	slices.SortStableFunc(out, func(a, b Settled) int {
		return cmp.Or(b.OpenedAt.Compare(a.OpenedAt), cmp.Compare(b.Reference, a.Reference))
	})
	out = out[:min(len(out), MostSettled)]
	size := 0
	for i := range out {
		if size += out[i].Size(); size > MostWords {
			out = out[:i]
			break
		}
	}
	count := map[string]int{}
	for _, s := range out {
		count[s.Category]++
	}
	for _, e := range c.o.examples {
		count[e.Label] = leastExamples
	}
	return slices.DeleteFunc(out, func(s Settled) bool { return count[s.Category] < leastExamples })
}

const (
	// personWeight is how many texts one counts for whose category a person chose.
	personWeight = 3
	// MostSettled is how many of the town's requests a model learns from: the newest.
	MostSettled = 20_000
	// MaxWords bounds what is learned of one text, in bytes: what a letter is about stands
	// on its first page. maxSubject is the same for a subject.
	MaxWords   = 4 << 10
	maxSubject = 512
	// MostWords bounds the town's texts together, in bytes, the newest going first: with
	// the built-in texts a training is to take less than 200 MB of memory, and each of
	// these MiB takes some 45 (BenchmarkTrainTown).
	MostWords = 2 << 20
	// leastTownWords is how many words a text must have to be learned from: "voir pièce
	// jointe" is said of everything.
	leastTownWords = 5
	// leastExamples is how many texts there must be of a category for the model to learn it.
	// With fewer it lives by its rules: one text would take them from it.
	leastExamples = 10
	// townGroups is into how many groups the town's texts fall.
	townGroups = 256
	// lexiconLeast is the weight that a phrase must have to be learned from by itself, and
	// lexiconWeight how many texts one of weight 1 counts for. With more of it what the
	// phrases say goes before the texts: measured with one author held out at a time.
	lexiconLeast  = 1.5
	lexiconWeight = 0.02
	// mostFolds bounds the time of a training, which grows with the folds: with more
	// authors than that, some are held out together.
	mostFolds = 6
	// noise is the share of wrong characters in the copies that stand in for OCR.
	noise = 0.05
	// seed makes the same model of the same texts.
	seed = 1
	// leastUnwanted is the probability that an unwanted message needs in any case, and
	// unwantedMargin how much farther from sure than it all citizens' texts must have
	// been: at half the doubt.
	leastUnwanted  = 0.9
	unwantedMargin = 0.5
)

// featuresVersion changes whenever the same texts would make another model: it is part of
// the name of the built-in one.
const featuresVersion = "4"

// trained is the outcome of a training.
type trained struct {
	brain *brain
	// held are the predictions for the town's requests, in their order, by models that
	// have not learned from them.
	held []opinion
}

// train makes a brain of the built-in texts and the town's requests.
func train(ctx context.Context, rules *Rules, builtin []model.Example, town []Settled, now time.Time) (trained, error) {
	examples := slices.Clone(builtin)
	for _, s := range town {
		e := model.Example{Subject: s.Subject, Body: s.Text, Label: s.Category, Weight: 1, Group: s.group()}
		if s.Person {
			e.Weight = personWeight
		}
		examples = append(examples, e)
	}
	groups := map[string]bool{}
	for _, e := range builtin {
		groups[e.Group] = true
	}
	texts := len(examples)
	examples = append(examples, lexicon(rules, builtin)...)
	m, report, err := model.Train(ctx, examples, model.Options{
		Seed: seed, Folds: min(max(3, len(groups)), mostFolds), ByGroup: true, Noise: noise, Workers: runtime.GOMAXPROCS(0), Precision: precision,
	})
	if err != nil {
		return trained{}, fmt.Errorf("classify: train: %w", err)
	}
	if len(report.Held) != len(examples) {
		return trained{}, errors.New("classify: train: not every text was held out once")
	}
	about := Version{
		Hash: m.ID(), Source: SourceBuiltin, TrainedAt: now.UTC().Truncate(time.Second), Examples: texts, Town: len(town),
		Rules: rules.hash(),
	}
	if len(town) > 0 {
		about.Source = SourceTown
	}
	var lessons []uint64
	for _, s := range town {
		lessons = append(lessons, s.lesson())
	}
	slices.Sort(lessons)
	b := newBrain(m, fit{}, about, lessons)
	return trained{brain: b, held: b.adjust(rules, examples[:texts], report.Held[:texts], len(builtin))}, nil
}

// lexicon is the phrases of the rules as little texts to learn from, of the categories that
// have texts as well. The built-in texts often go round the word that everybody else uses:
// without these a model may take "cantine" for the word of those who sell kitchens.
func lexicon(rules *Rules, texts []model.Example) []model.Example {
	written := map[string]bool{}
	for _, e := range texts {
		written[e.Label] = true
	}
	var out []model.Example
	for _, p := range rules.phrases {
		code := rules.file.Categories[p.category].Code
		if p.weight < lexiconLeast || !written[code] {
			continue
		}
		text := strings.ReplaceAll(p.text, "*", "")
		out = append(out, model.Example{Subject: text, Body: text, Label: code, Weight: min(lexiconWeight*p.weight, 1), Use: model.Given})
	}
	return out
}

// adjust fits the mix of voices and the thresholds on predictions for texts that were held
// out, writes the figures down, and returns what the mix says of the examples from
// town on.
func (b *brain) adjust(rules *Rules, examples []model.Example, held []model.Prediction, town int) []opinion {
	mind := newMind(rules, b)
	var texts []heard
	for i, e := range examples {
		if t, ok := mind.hear(e, held[i]); ok {
			texts = append(texts, t)
		}
	}
	b.fit.Weights = fitWeights(texts)

	var builtin, own Score
	var outcomes []model.Outcome
	doubt := 1.0 // the least that a citizen's text left
	var opinions []opinion
	for i, e := range examples {
		o := mind.weigh(reading(e), held[i], nil)
		if i >= town {
			kept := o
			kept.phrases = nil // of twenty thousand texts they take tens of megabytes
			opinions = append(opinions, kept)
		}
		if e.Label == unwanted {
			continue
		}
		doubt = min(doubt, 1-o.unwanted)
		if _, ok := rules.codes[e.Label]; !ok {
			continue
		}
		outcomes = append(outcomes, model.Outcome{Confidence: o.p[o.best()], Right: rules.file.Categories[o.best()].Code == e.Label})
	}
	b.fit.Sure = model.ReviewThreshold(outcomes, precision)
	b.fit.Unwanted = max(leastUnwanted, 1-doubt*unwantedMargin)
	for i, e := range examples {
		if _, ok := rules.codes[e.Label]; !ok {
			continue
		}
		s := &builtin
		if i >= town {
			s = &own
		}
		s.Add(mind.prediction(mind.weigh(reading(e), held[i], nil)), e.Label, nil)
	}
	b.about.Figures = builtin.Figures()
	if own.n > 0 {
		f := own.Figures()
		b.about.TownFigures = &f
	}
	return opinions
}

// reading is an example as a classifier meets it.
func reading(e model.Example) ingest.Reading { return ingest.Reading{Subject: e.Subject, Text: e.Body} }

// hear makes what the weights are fitted on. It returns false for an example whose label
// the file does not have.
func (c *mind) hear(e model.Example, p model.Prediction) (heard, bool) {
	truth := len(c.known)
	if e.Label != unwanted {
		k, ok := c.place[e.Label]
		if !ok {
			return heard{}, false
		}
		truth = k
	}
	phrases := make([]evidence, len(c.rules.file.Categories))
	c.rules.words(phrases, reading(e))
	return heard{labels: c.sayings(c.shares(p), phrases), truth: truth}, true
}

// prediction is what a Score counts.
func (c *mind) prediction(o opinion) Prediction {
	p := Prediction{Confidence: o.p[o.best()], NeedsReview: o.p[o.best()] < c.threshold()}
	for _, i := range o.order[:min(maxTop, len(o.order))] {
		p.Ranked = append(p.Ranked, c.rules.file.Categories[i].Code)
	}
	return p
}
