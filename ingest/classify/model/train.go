package model

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"sync"
	"time"
)

// Train learns a model of the examples and measures it on held-out ones. The time goes
// with the number of folds, the memory with the length of all texts: some 23 KB each for
// texts of 700 characters. When ctx ends, so does
// Train, with its error. Unfit examples are ErrExamples.
func Train(ctx context.Context, examples []Example, o Options) (*Model, Report, error) {
	start := time.Now()
	labels, err := check(examples)
	if err != nil {
		return nil, Report{}, err
	}
	o = o.withDefaults(examples)
	c, err := newCorpus(ctx, examples, labels, o)
	if err != nil {
		return nil, Report{}, fmt.Errorf("model: train: %w", err)
	}
	// What reading has left behind is half of the heap, and would stay for long, since
	// training makes little new.
	runtime.GC()
	v, s := newView(c), newVoices(len(labels), len(c.hashes))
	t, err := holdOut(ctx, v, s, examples, labels, o)
	if err != nil {
		return nil, Report{}, fmt.Errorf("model: train: %w", err)
	}
	mix := t.mix()
	report := t.report(mix, examples, o.Precision)
	report.Features = len(c.hashes)

	all := make([]int, len(c.rows))
	for i := range all {
		all[i] = i
	}
	v.weigh(all)
	if err := s.learn(ctx, v, o, 0); err != nil {
		return nil, Report{}, fmt.Errorf("model: train: %w", err)
	}
	m, err := assemble(v, s, mix, labels, report.Threshold)
	if err != nil {
		return nil, Report{}, err
	}
	report.Took = time.Since(start)
	return m, report, nil
}

// voices are the weights of the two voices, of each label and feature, with idf.
type voices struct {
	linear [][]float32
	bias   []float64 // of the linear voice
	bayes  [][]float32
	room   []float32 // for one number of each feature
}

// newVoices makes room for the voices. Like a view it serves all folds.
func newVoices(labels, features int) *voices {
	s := &voices{
		linear: make([][]float32, labels), bias: make([]float64, labels), bayes: make([][]float32, labels), room: make([]float32, features),
	}
	for l := range labels {
		s.linear[l], s.bayes[l] = make([]float32, features), make([]float32, features)
	}
	return s
}

// learn trains both voices on a view. The stream tells trainings of one seed apart.
func (s *voices) learn(ctx context.Context, v *view, o Options, stream uint64) error {
	jobs := make(chan int)
	var wg sync.WaitGroup
	for range o.Workers {
		wg.Go(func() {
			separator := separator{view: v}
			for l := range jobs {
				separator.start(l, s.linear[l])
				separator.solve(ctx, random(o.Seed, 1<<63|stream<<16|uint64(l)))
				s.bias[l] = separator.bias
			}
		})
	}
	for l := range s.linear {
		jobs <- l
	}
	close(jobs)
	wg.Wait()
	s.neutral(v)
	v.complement(s.bayes, s.room)
	return ctx.Err()
}

// neutral lets the linear voice say of a label that it has no text of what it says of
// the others on average, and not that it is surely none: naive Bayes may know it from a
// lexicon.
func (s *voices) neutral(v *view) {
	learned := make([]bool, len(s.linear))
	n := float32(0)
	for _, i := range v.train {
		if r := &v.corpus.rows[i]; r.use != Lexicon && !learned[r.label] {
			learned[r.label] = true
			n++
		}
	}
	mean, bias := s.room, 0.0
	clear(mean)
	for l, weights := range s.linear {
		if learned[l] {
			for f, w := range weights {
				mean[f] += w / n
			}
			bias += s.bias[l] / float64(n)
		}
	}
	for l := range s.linear {
		if !learned[l] {
			copy(s.linear[l], mean)
			s.bias[l] = bias
		}
	}
}

// assemble joins the voices into a model. A weight becomes one byte: a multiple of a
// 127th of the greatest weight of its feature.
func assemble(v *view, s *voices, mix mix, labels []string, threshold float64) (*Model, error) {
	n, k := len(v.idf), len(labels)
	m := &Model{
		labels: labels, hashes: v.corpus.hashes, inText: v.inText, texts: uint32(v.texts), share: share,
		bias: make([]float32, k), scale: make([]float32, n), weights: make([]int8, n*k),
		threshold: threshold, temperature: mix.temperature,
	}
	for l := range labels {
		m.bias[l] = float32(mix.of(s.bias[l], 0))
	}
	sums := make([]float64, k)
	for f := range n {
		mean := 0.0
		for l := range sums {
			sums[l] = mix.of(float64(s.linear[l][f]), float64(s.bayes[l][f]))
			mean += sums[l] / float64(k)
		}
		greatest := 0.0
		for l := range sums {
			sums[l] -= mean // what is the same for all labels changes nothing
			greatest = max(greatest, math.Abs(sums[l]))
		}
		m.scale[f] = float32(greatest / math.MaxInt8)
		if m.scale[f] == 0 {
			continue
		}
		for l, x := range sums {
			m.weights[f*k+l] = int8(math.Round(x / greatest * math.MaxInt8))
		}
	}
	// What a file gives is what is used: one way to make a model.
	return parse(m.content())
}
