package match

import (
	"math"
	"strings"
)

// gramSet is a set of hashed 5-grams.
type gramSet = table[struct{}]

// readGrams makes set that of a folded text's 5-grams, spaces left out: OCR loses them and
// puts in others.
func readGrams(set *gramSet, folded string) {
	s := strings.ReplaceAll(folded, " ", "")
	set.reset(len(s))
	for i := 0; i+gramSize <= len(s); i++ {
		set.add(max(1, mix(hash64(s[i:i+gramSize]))))
	}
}

// grams5 is readGrams into a set of its own.
func grams5(folded string) *gramSet {
	set := &gramSet{}
	readGrams(set, folded)
	return set
}

// overlap returns how much two sets have in common: of all that is in either (Jaccard),
// and of the smaller one (containment).
func overlap(a, b *gramSet) (jaccard, containment float64) {
	if a.n > b.n {
		a, b = b, a
	}
	if a.n == 0 {
		return 0, 0
	}
	common := 0
	for g := range a.all() {
		if b.has(g) {
			common++
		}
	}
	return float64(common) / float64(a.n+b.n-common), float64(common) / float64(a.n)
}

// wordGram is the length of the parts of words that Weights weighs: long enough to mean
// something, short enough that a misread character leaves some whole.
const wordGram = 4

// eachPart calls f with each part of each word of a folded text. Words shorter than four
// letters (le, de, rue) say nothing here, except numbers.
func eachPart(folded string, f func(part string)) {
	for word := range strings.FieldsSeq(folded) {
		if len(word) < wordGram {
			if word[0] >= '0' && word[0] <= '9' {
				f(word)
			}
			continue
		}
		for i := 0; i+wordGram <= len(word); i++ {
			f(word[i : i+wordGram])
		}
	}
}

// Weights says how much the parts of words tell about a text: those that are in every
// letter tell nothing, those in none of the texts known (a child's name, the number of an
// invoice) the most. It is read only, and safe for concurrent use. The zero value weighs
// all parts alike.
type Weights struct {
	idf     map[uint32]float32 // by packed part
	unknown float32
}

// pack makes a number of a part of at most wordGram bytes.
func pack(part string) uint32 {
	var n uint32
	for i := range len(part) {
		n = n<<8 | uint32(part[i])
	}
	return n
}

// NewWeights learns the weights from texts (inverse document frequency, Spärck Jones 1972).
// Five thousand short ones take some fifty milliseconds.
func NewWeights(texts []string) *Weights {
	type tally struct{ texts, last int32 } // the last text that it was in, from 1
	df := map[uint32]tally{}
	for i, t := range texts {
		at := int32(i + 1)
		eachPart(foldWords(t), func(p string) {
			key := pack(p)
			if n := df[key]; n.last != at {
				df[key] = tally{n.texts + 1, at}
			}
		})
	}
	w := &Weights{idf: make(map[uint32]float32, len(df))}
	n := float64(len(texts) + 1)
	for p, d := range df {
		w.idf[p] = float32(math.Log(n / (float64(d.texts) + 0.5)))
	}
	w.unknown = float32(math.Log(n / 0.5))
	return w
}

func (w *Weights) of(part string) float64 {
	if w == nil || w.unknown == 0 {
		return 1
	}
	if x, ok := w.idf[pack(part)]; ok {
		return max(0, float64(x))
	}
	return float64(w.unknown)
}

// rare reports whether a word is hardly in the texts known: a name, most likely.
func (w *Weights) rare(word string) bool {
	n, sum := 0, 0.0
	eachPart(word, func(p string) { n, sum = n+1, sum+w.of(p) })
	return n > 0 && sum/float64(n) >= rareShare*float64(w.unknown)
}

// vector holds the weights of a text's parts.
type vector struct {
	parts table[float64] // by packed part
	norm  float64
	words gramSet // that were read: most of a text are said again
}

// read makes v the vector of a folded text.
func (v *vector) read(w *Weights, folded string) {
	v.parts.reset(len(folded) / 8)
	v.words.reset(len(folded) / 16)
	v.norm = 0
	for word := range strings.FieldsSeq(folded) {
		if _, fresh := v.words.add(max(1, mix(hash64(word)))); !fresh {
			continue
		}
		eachPart(word, func(p string) {
			// A packed part is no hash yet: parts of words are alike in their ends.
			if x, fresh := v.parts.add(max(1, mix(uint64(pack(p))))); fresh {
				*x = w.of(p)
				v.norm += *x * *x
			}
		})
	}
	v.norm = math.Sqrt(v.norm)
}

// vector returns that of a folded text.
func (w *Weights) vector(folded string) *vector {
	v := &vector{}
	v.read(w, folded)
	return v
}

// cosine is 1 for texts of the same parts, 0 for such that have none in common.
func cosine(a, b *vector) float64 {
	if a.norm == 0 || b.norm == 0 {
		return 0
	}
	if a.parts.n > b.parts.n {
		a, b = b, a
	}
	dot := 0.0
	for p, x := range a.parts.all() {
		if b.parts.has(p) {
			dot += x * x
		}
	}
	return dot / (a.norm * b.norm)
}
