package model

import (
	"cmp"
	"slices"
	"sync"
)

// Input is a text to be classified.
type Input struct {
	Subject, Body string
	// Hints name what is known from outside the text, such as rules that hit. A name
	// that comes twice counts more than one that comes once.
	Hints []string
}

// Ranked is a label and how likely it is the right one.
type Ranked struct {
	Label string
	P     float64 // 0 to 1; those of a prediction add up to 1
}

// Prediction is what a model says of a text.
type Prediction struct {
	Ranked []Ranked // every label of the model, the likeliest first
	// Sure says that the first label needs no review: its P is at or above the threshold
	// of the model, and the text holds at least one feature that the model knows.
	Sure bool
}

// Model says which label a text has. It is immutable and safe for concurrent use.
type Model struct {
	labels      []string
	hashes      []uint64 // of the features, ascending
	inText      []uint32 // in how many training texts each is; 0: a hint, of weight 1
	texts       uint32
	share       [blocks]float64
	bias        []float32 // of each label, over the temperature
	scale       []float32 // of each feature: what its weights are multiples of
	weights     []int8    // of each feature and label: label l of feature f is f*len(labels)+l
	threshold   float64
	temperature float64

	table   table
	idf     []float32
	id      string
	scratch sync.Pool // of *scratch
}

// Labels returns the labels that the model knows, sorted. The slice is the caller's.
func (m *Model) Labels() []string { return slices.Clone(m.labels) }

// Features returns how many features the model knows.
func (m *Model) Features() int { return len(m.hashes) }

// Threshold returns the confidence from which a label needs no review. It is above 1 when
// no confidence has held the precision asked for in training.
func (m *Model) Threshold() float64 { return m.threshold }

// Temperature returns what the scores of the voices were divided by.
func (m *Model) Temperature() float64 { return m.temperature }

// ID returns the SHA-256 of the model's content in hexadecimal. Two models with the same
// ID are the same; the compression of the file plays no part.
func (m *Model) ID() string { return m.id }

// scratch is what one call needs.
type scratch struct {
	extractor extractor
	counts    []uint8 // of each feature; all zero between calls
	found     []found // the features of the text, each once
	scale     [blocks]float32
}

// found is a feature in a text.
type found struct {
	feature int32
	block   uint8
}

// ready makes what is derived from the content.
func (m *Model) ready() {
	m.table = newTable(m.hashes)
	m.idf = make([]float32, len(m.hashes))
	for f, n := range m.inText {
		m.idf[f] = 1
		if n > 0 {
			m.idf[f] = rarity(int(n), int(m.texts))
		}
	}
	m.scratch.New = func() any { return &scratch{counts: make([]uint8, len(m.hashes))} }
}

// read counts the features of in and measures its blocks. The caller hands s back.
func (m *Model) read(in Input) *scratch {
	s := m.scratch.Get().(*scratch)
	s.found = s.found[:0]
	s.extractor.text(in, func(block int, hash uint64) {
		f, ok := m.table.find(hash)
		if !ok {
			return
		}
		if s.counts[f] == 0 {
			s.found = append(s.found, found{feature: f, block: uint8(block)})
		}
		if s.counts[f] < maxCount {
			s.counts[f]++
		}
	})
	var squares [blocks]float64
	for _, x := range s.found {
		p := float64(dampened[s.counts[x.feature]] * m.idf[x.feature])
		squares[x.block] += p * p
	}
	s.scale = scales(squares, m.share)
	return s
}

// release makes s ready for the next call.
func (m *Model) release(s *scratch) {
	for _, x := range s.found {
		s.counts[x.feature] = 0
	}
	m.scratch.Put(s)
}

// scores adds up what the features of a text say for each label.
func (m *Model) scores(s *scratch) []float64 {
	sums := make([]float32, len(m.labels))
	copy(sums, m.bias)
	for _, x := range s.found {
		k := s.scale[x.block] * dampened[s.counts[x.feature]] * m.scale[x.feature]
		for l, w := range m.weights[int(x.feature)*len(sums):][:len(sums)] {
			sums[l] += k * float32(w)
		}
	}
	out := make([]float64, len(sums))
	for l, x := range sums {
		out[l] = float64(x)
	}
	return out
}

// Predict ranks the labels for in. Of subject and body, the first 32 KiB each are read.
func (m *Model) Predict(in Input) Prediction {
	s := m.read(in)
	defer m.release(s)
	p := m.scores(s)
	Softmax(p)
	return rank(m.labels, p, m.threshold, len(s.found) > 0)
}

// rank makes a prediction of probabilities.
func rank(labels []string, p []float64, threshold float64, known bool) Prediction {
	out := Prediction{Ranked: make([]Ranked, len(labels))}
	for l, x := range p {
		out.Ranked[l] = Ranked{Label: labels[l], P: x}
	}
	slices.SortStableFunc(out.Ranked, func(a, b Ranked) int { return cmp.Compare(b.P, a.P) })
	out.Sure = known && out.Ranked[0].P >= threshold
	return out
}

// table finds the number of a feature by its hash: open addressing, at most half full.
type table struct {
	slots []slot
}

type slot struct {
	hash   uint64
	number int32 // plus one; 0 = free
}

func newTable(hashes []uint64) table {
	size := 2
	for size < 2*len(hashes) {
		size *= 2
	}
	t := table{slots: make([]slot, size)}
	for i, h := range hashes {
		at := h & uint64(size-1)
		for t.slots[at].number != 0 {
			at = (at + 1) & uint64(size-1)
		}
		t.slots[at] = slot{hash: h, number: int32(i + 1)}
	}
	return t
}

func (t *table) find(hash uint64) (int32, bool) {
	mask := uint64(len(t.slots) - 1)
	for at := hash & mask; ; at = (at + 1) & mask {
		switch s := &t.slots[at]; {
		case s.number == 0:
			return 0, false
		case s.hash == hash:
			return s.number - 1, true
		}
	}
}
