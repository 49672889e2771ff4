package model

import "math"

// share is the length of each block in a text. Chosen by leaving out one author at a time.
var share = [blocks]float64{blockWords: 1, blockChars: 1, blockSubject: 0.3, blockHints: 0.5}

// view is a corpus as one fold sees it: what occurs in its training texts, weighted by
// these alone. A feature unseen in training has weight 0 and does not count for the
// length of a text either, so that unknown names do not dilute the known words.
type view struct {
	corpus *corpus
	train  []int             // rows
	texts  int               // how many unspoilt texts there are in train
	inText []uint32          // of each feature: in how many of these it is; 0 for hints and what is masked
	idf    []float32         // of each feature; 0 = masked
	idf2   []float32         // its square
	scale  [][blocks]float32 // of each row and block: what brings it to its share
}

// dampened is the weight of how often a feature occurs in a text: 1 + ln n.
var dampened = func() (t [maxCount + 1]float32) {
	for n := 1; n <= maxCount; n++ {
		t[n] = float32(1 + math.Log(float64(n)))
	}
	return t
}()

// rarity is the inverse document frequency of a feature that occurs in n of all texts,
// smoothed as if one more text held every feature.
func rarity(n, all int) float32 {
	return float32(1 + math.Log(float64(1+all)/float64(1+n)))
}

// newView makes a view that weigh is still to fill. One view serves all folds: with its
// lists made anew for each, the heap would grow to twice what is in use.
func newView(c *corpus) *view {
	n := len(c.hashes)
	return &view{
		corpus: c, inText: make([]uint32, n), idf: make([]float32, n), idf2: make([]float32, n), scale: make([][blocks]float32, len(c.rows)),
	}
}

// weigh weighs the corpus by the rows in train.
func (v *view) weigh(train []int) {
	c := v.corpus
	v.train, v.texts = train, 0
	clear(v.inText)
	clear(v.idf)
	for _, i := range train {
		r := &c.rows[i]
		if r.noisy {
			continue
		}
		v.texts++
		for b, cells := range r.cells {
			for _, x := range cells {
				if b == blockHints {
					// How rare a rule hits says nothing about how much it is worth.
					v.idf[x.feature()] = 1
				} else {
					v.inText[x.feature()]++
				}
			}
		}
	}
	for f, n := range v.inText {
		switch {
		case n >= c.least:
			v.idf[f] = rarity(int(n), v.texts)
		case n > 0:
			v.inText[f] = 0 // too rare in this fold, whatever the others hold
		}
		v.idf2[f] = v.idf[f] * v.idf[f]
	}
	for i := range c.rows {
		var squares [blocks]float64
		for b, cells := range c.rows[i].cells {
			for _, x := range cells {
				p := float64(dampened[x.count()] * v.idf[x.feature()])
				squares[b] += p * p
			}
		}
		v.scale[i] = scales(squares, share)
	}
}

// scales returns the factor of each block of a text whose squared lengths are given.
func scales(squares, share [blocks]float64) (scale [blocks]float32) {
	for b, s := range squares {
		if s > 0 {
			scale[b] = float32(share[b] / math.Sqrt(s))
		}
	}
	return scale
}

// known reports whether a row holds anything that the training texts hold.
func (v *view) known(i int) bool { return v.scale[i] != [blocks]float32{} }

// dot is the product of a row with weights that idf is already in. Training spends most
// of its time here.
func (v *view) dot(i int, weights []float32) float64 {
	var sum float32
	for b, cells := range v.corpus.rows[i].cells {
		if k := v.scale[i][b]; k > 0 {
			sum += k * product(cells, weights)
		}
	}
	return float64(sum)
}

// product has four sums that do not wait for each other.
func product(cells []cell, weights []float32) float32 {
	var s0, s1, s2, s3 float32
	for len(cells) >= 4 {
		a, b, c, d := cells[0], cells[1], cells[2], cells[3]
		s0 += dampened[a.count()] * weights[a.feature()]
		s1 += dampened[b.count()] * weights[b.feature()]
		s2 += dampened[c.count()] * weights[c.feature()]
		s3 += dampened[d.count()] * weights[d.feature()]
		cells = cells[4:]
	}
	for _, x := range cells {
		s0 += dampened[x.count()] * weights[x.feature()]
	}
	return s0 + s1 + s2 + s3
}
