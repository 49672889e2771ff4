package model

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"unicode/utf8"
)

// Use says what an example is for.
type Use uint8

const (
	// Judged examples are learned from, and measured when they are held out.
	Judged Use = iota
	// Given examples are learned from in every fold, and never measured.
	Given
	// Lexicon examples are words and phrases rather than texts. They are learned in every
	// fold, by naive Bayes alone, without a noisy copy, and never measured.
	Lexicon
)

// Example is a text with its label.
type Example struct {
	Subject, Body string
	// Hints name what is known from outside the text, such as rules that hit. A name
	// that comes twice counts more than one that comes once. They must come about as
	// they will when predicting.
	Hints []string
	Label string
	// Weight is how many examples this one counts for; 0 stands for 1.
	Weight float64
	// Group is who or what the text is from; see Options.ByGroup.
	Group string
	Use   Use
}

// Options say how to train. The zero value is of use.
type Options struct {
	Seed uint64
	// Folds is in how many parts the judged examples are held out in turn: 5 when 0, or
	// by group as many as there are groups.
	Folds int
	// ByGroup holds out whole groups, which is the honest measure for texts of strangers.
	ByGroup bool
	// Noise is the share of wrong characters in the noisy copy that is learned of each
	// text; 0 for no copies. 0.05 is a poor scan.
	Noise float64
	// Workers is how many threads train, as many as may run at once when 0. It does not
	// change the model.
	Workers int
	// Precision is what the threshold for review is to hold; 0 stands for 0.95.
	Precision float64
}

// ErrExamples says that nothing can be learned from the examples.
var ErrExamples = errors.New("model: unfit examples")

// withDefaults fills in what was left out, and keeps the rest within bounds.
func (o Options) withDefaults(examples []Example) Options {
	if o.Folds < 2 {
		o.Folds = 5
		if groups := groupsOf(examples); o.ByGroup && len(groups) > 1 {
			o.Folds = len(groups)
		}
	}
	o.Noise = min(max(o.Noise, 0), 0.5)
	if o.Workers < 1 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	o.Precision = cmp.Or(o.Precision, 0.95)
	return o
}

// groupsOf returns the groups of the judged examples, sorted, without the empty one.
func groupsOf(examples []Example) []string {
	var out []string
	seen := map[string]bool{"": true}
	for _, e := range examples {
		if e.Use == Judged && !seen[e.Group] {
			seen[e.Group] = true
			out = append(out, e.Group)
		}
	}
	slices.Sort(out)
	return out
}

// check returns the labels of the examples, sorted, or what is wrong with these.
func check(examples []Example) ([]string, error) {
	judged := map[string]bool{}
	seen := map[string]bool{}
	n := 0
	for i, e := range examples {
		switch {
		case e.Label == "" || len(e.Label) > maxLabelBytes || !utf8.ValidString(e.Label):
			return nil, fmt.Errorf("%w: example %d has the label %q", ErrExamples, i, e.Label)
		case e.Weight < 0 || math.IsNaN(e.Weight) || e.Weight > maxWeight:
			return nil, fmt.Errorf("%w: example %d has the weight %v", ErrExamples, i, e.Weight)
		}
		seen[e.Label] = true
		if e.Use == Judged {
			judged[e.Label] = true
			n++
		}
	}
	if len(judged) < 2 {
		return nil, fmt.Errorf("%w: %d judged ones with %d labels; at least 2 labels are needed", ErrExamples, n, len(judged))
	}
	if len(seen) > maxLabels {
		return nil, fmt.Errorf("%w: %d labels, more than %d", ErrExamples, len(seen), maxLabels)
	}
	labels := make([]string, 0, len(seen))
	for l := range seen {
		labels = append(labels, l)
	}
	slices.Sort(labels)
	return labels, nil
}

// maxWeight bounds the weight of an example.
const maxWeight = 1000
