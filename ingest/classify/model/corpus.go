package model

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
)

// A cell is one feature of one text: its number in the low 24 bits, how often it occurs
// in the high 8. Four bytes each is what lets 20,000 texts fit into 100 MB.
type cell uint32

const (
	maxFeatures = 1 << 24
	maxCount    = 1<<8 - 1
)

func newCell(feature, count int) cell { return cell(feature | min(count, maxCount)<<24) }
func (c cell) feature() int           { return int(c & (maxFeatures - 1)) }
func (c cell) count() uint8           { return uint8(c >> 24) }

// row is one text in numbers.
type row struct {
	cells  [blocks][]cell // by feature
	label  int
	weight float64
	text   int // which example it was made of
	use    Use
	noisy  bool // a copy with recognition errors
}

// corpus is the examples in numbers: each text, and its noisy copy next to it.
type corpus struct {
	rows   []row
	hashes []uint64 // of each feature, ascending
	least  uint32   // in how many texts a feature must be, in each fold as in all
}

// counted is a feature of a text and how often it occurs.
type counted struct {
	hash  uint64
	block uint8
	count uint8
}

// tally returns the features of in, each once.
func (x *extractor) tally(in Input, buffer []counted) []counted {
	buffer = buffer[:0]
	x.text(in, func(block int, feature uint64) {
		buffer = append(buffer, counted{hash: feature, block: uint8(block), count: 1})
	})
	slices.SortFunc(buffer, func(a, b counted) int { return cmp.Compare(a.hash, b.hash) })
	out := buffer[:0]
	for _, c := range buffer {
		if n := len(out); n > 0 && out[n-1].hash == c.hash {
			if out[n-1].count < maxCount {
				out[n-1].count++
			}
		} else {
			out = append(out, c)
		}
	}
	return out
}

// batch is how many texts are read before their results are taken in order.
const batch = 64

// inOrder calls each(i, worker) for i from 0 to n-1 on so many workers, and take(i) for
// each in order, one at a time, when it is done. i%batch is free for what each leaves to
// take.
func inOrder(ctx context.Context, n, workers int, each func(i, worker int), take func(i int)) error {
	for first := 0; first < n; first += batch {
		if err := ctx.Err(); err != nil {
			return err
		}
		last := min(n, first+batch)
		var wg sync.WaitGroup
		for w := range workers {
			wg.Go(func() {
				for i := first + w; i < last; i += workers {
					each(i, w)
				}
			})
		}
		wg.Wait()
		for i := first; i < last; i++ {
			take(i)
		}
	}
	return nil
}

// Bounds of memory. What is over them is what fewest texts hold.
const (
	maxVocabulary = 150_000 // features of a corpus
	maxCounting   = 500_000 // features counted at a time
)

// vocabulary returns a corpus without rows, and the number of each of its features: all
// that occur, or, when these are too many, those in at least 2, 3, … texts.
func vocabulary(ctx context.Context, examples []Example, extractors []extractor) (c *corpus, numbers map[uint64]int32, err error) {
	numbers = map[uint64]int32{} // first: in how many texts each is
	var results [batch][]counted
	forgotten := int32(0)
	err = inOrder(ctx, len(examples), len(extractors), func(i, w int) {
		results[i%batch] = extractors[w].tally(examples[i].input(), results[i%batch])
	}, func(i int) {
		for _, c := range results[i%batch] {
			numbers[c.hash]++
		}
		// The rarest are forgotten when they become too many, and may come again: lossy
		// counting (Manku and Motwani 2002).
		for len(numbers) > maxCounting {
			forgotten++
			maps.DeleteFunc(numbers, func(_ uint64, n int32) bool { return n <= forgotten })
		}
	})
	if err != nil {
		return nil, nil, err
	}
	c = &corpus{least: leastTexts(numbers)}
	for h, n := range numbers {
		if uint32(n) >= c.least {
			c.hashes = append(c.hashes, h)
		}
	}
	slices.Sort(c.hashes)
	numbers = make(map[uint64]int32, len(c.hashes))
	for i, h := range c.hashes {
		numbers[h] = int32(i)
	}
	return c, numbers, nil
}

// leastTexts is the smallest count that at most maxVocabulary features reach.
func leastTexts(counts map[uint64]int32) uint32 {
	reach := map[uint32]int{}
	for _, n := range counts {
		reach[uint32(n)]++
	}
	for least, left := uint32(1), len(counts); ; least++ {
		if left <= maxVocabulary {
			return least
		}
		left -= reach[least]
	}
}

// noiseWeight is what a noisy copy counts, of the weight of its text. 0.3 keeps what full
// weight gains on noisy texts, and loses nothing on clean ones.
const noiseWeight = 0.3

// newCorpus reads the examples.
func newCorpus(ctx context.Context, examples []Example, labels []string, o Options) (*corpus, error) {
	extractors := make([]extractor, o.Workers)
	c, numbers, err := vocabulary(ctx, examples, extractors)
	if err != nil {
		return nil, err
	}
	for i, e := range examples {
		r := row{text: i, use: e.Use, weight: cmp.Or(e.Weight, 1)}
		r.label, _ = slices.BinarySearch(labels, e.Label)
		c.rows = append(c.rows, r)
		if o.Noise > 0 && e.Use != Lexicon {
			r.weight *= noiseWeight
			r.noisy = true
			c.rows = append(c.rows, r)
		}
	}
	buffers := make([][]counted, o.Workers)
	err = inOrder(ctx, len(c.rows), o.Workers, func(i, w int) {
		r := &c.rows[i]
		in := examples[r.text].input()
		if r.noisy {
			rng := random(o.Seed, uint64(r.text))
			in.Subject, in.Body = noisy(in.Subject, o.Noise, rng), noisy(in.Body, o.Noise, rng)
		}
		buffers[w] = extractors[w].tally(in, buffers[w])
		r.pack(buffers[w], numbers)
	}, func(int) {})
	if err != nil {
		return nil, err
	}
	return c, nil
}

// input is the example without its label.
func (e *Example) input() Input {
	return Input{Subject: e.Subject, Body: e.Body, Hints: e.Hints}
}

// pack stores what is known of the features, block by block in one piece of memory.
func (r *row) pack(features []counted, numbers map[uint64]int32) {
	var sizes [blocks]int
	total := 0
	for _, f := range features {
		if _, ok := numbers[f.hash]; ok {
			sizes[f.block]++
			total++
		}
	}
	all := make([]cell, total)
	for b, n := range sizes {
		r.cells[b], all = all[:0:n], all[n:]
	}
	for _, f := range features {
		if n, ok := numbers[f.hash]; ok {
			r.cells[f.block] = append(r.cells[f.block], newCell(int(n), int(f.count)))
		}
	}
}
