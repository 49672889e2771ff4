package model

// A text becomes features in blocks. Each block is brought to length one by itself, so
// that the many character n-grams do not drown the few words.
const (
	blockWords   = iota // stems of subject and body, single and in pairs
	blockChars          // character n-grams of the words of subject and body
	blockSubject        // stems of the subject
	blockHints          // what the caller knows from outside the text
	blocks
)

// A feature is known by the hash of its kind and letters only: two of a hundred
// thousand features share 48 bits by chance once in fifty thousand models, and a model
// made of a town's letters holds no readable piece of them.
const hashBits = 48

const (
	fnvOffset = 14695981039346656037
	fnvPrime  = 1099511628211
)

// hashed returns the FNV-1a hash of s that goes on from h.
func hashed(h uint64, s string) uint64 {
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * fnvPrime
	}
	return h
}

// sealed spreads h over all bits (the finalizer of MurmurHash3) and cuts it to hashBits.
func sealed(h uint64) uint64 {
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	h ^= h >> 33
	return h >> (64 - hashBits)
}

// kind starts the hash of a feature of one kind.
func kind(k byte) uint64 { return hashed(fnvOffset, string(k)) }

var (
	kindWord    = kind('w')
	kindPair    = kind('p')
	kindChars   = kind('c')
	kindSubject = kind('s')
	kindSubPair = kind('t')
	kindHint    = kind('h')
)

// wordFeatures are the features of a word that do not depend on its neighbours.
type wordFeatures struct {
	stem  uint64 // unsealed hash of the stem's letters
	word  uint64
	title uint64
	chars []uint64
	stop  bool
}

// extractor turns texts into features. It remembers the words it has seen; it is not
// safe for concurrent use.
type extractor struct {
	splitter splitter
	stemmer  stemmer
	known    map[string]*wordFeatures
}

// maxKnownFeatures bounds the words whose features an extractor remembers.
const maxKnownFeatures = 1 << 13

// word returns the features of w.
func (x *extractor) word(w word) *wordFeatures {
	if f, ok := x.known[w.accented]; ok {
		return f
	}
	if x.known == nil || len(x.known) >= maxKnownFeatures {
		x.known = map[string]*wordFeatures{}
	}
	stem := x.stemmer.stem(w)
	f := &wordFeatures{
		stem: hashed(fnvOffset, stem), word: sealed(hashed(kindWord, stem)), title: sealed(hashed(kindSubject, stem)),
		chars: charFeatures(w.folded), stop: stopWords[w.folded],
	}
	x.known[w.accented] = f
	return f
}

// The lengths of the character n-grams.
const (
	minChars = 3
	maxChars = 5
)

// charFeatures returns the n-grams of a folded word with a space at either end. A word
// shorter than n has no n-grams of that length, so that nothing is said twice.
func charFeatures(folded string) []uint64 {
	padded := " " + folded + " "
	out := make([]uint64, 0, (maxChars-minChars+1)*len(padded))
	for n := minChars; n <= maxChars; n++ {
		for i := 0; i+n <= len(padded); i++ {
			out = append(out, sealed(hashed(kindChars, padded[i:i+n])))
		}
	}
	return out
}

// text calls each with every feature of in, as often as it occurs.
func (x *extractor) text(in Input, each func(block int, feature uint64)) {
	var before *wordFeatures
	for _, w := range x.splitter.split(in.Subject) {
		f := x.word(w)
		x.plain(f, before, each)
		if !f.stop {
			each(blockSubject, f.title)
			if before != nil {
				each(blockSubject, pair(kindSubPair, before, f))
			}
			before = f
		}
	}
	before = nil
	for _, w := range x.splitter.split(in.Body) {
		f := x.word(w)
		x.plain(f, before, each)
		if !f.stop {
			before = f
		}
	}
	for _, h := range in.Hints {
		each(blockHints, sealed(hashed(kindHint, h)))
	}
}

// plain gives the features that a word has in subject and body alike.
func (x *extractor) plain(f, before *wordFeatures, each func(block int, feature uint64)) {
	for _, c := range f.chars {
		each(blockChars, c)
	}
	if f.stop {
		return
	}
	each(blockWords, f.word)
	if before != nil {
		each(blockWords, pair(kindPair, before, f))
	}
}

// pair returns the feature of two words that follow each other, with at most small
// words between them.
func pair(kind uint64, a, b *wordFeatures) uint64 {
	return sealed((kind^a.stem)*fnvPrime ^ b.stem)
}

// stopWords carry no matter. They count in the character n-grams only, and stand not
// in the way of pairs: "trou dans la chaussée" holds the pair "trou chaussée". Folded.
var stopWords = func() map[string]bool {
	m := map[string]bool{}
	for _, w := range []string{
		"a", "ai", "as", "au", "aux", "avec", "c", "ce", "ces", "cet", "cette", "d", "dans", "de", "des", "du", "en", "est", "et", "il",
		"j", "je", "l", "la", "le", "les", "leur", "leurs", "lui", "m", "ma", "me", "mes", "mon", "n", "ne", "nos", "notre", "nous", "on",
		"ou", "par", "pour", "qu", "que", "qui", "s", "sa", "se", "ses", "son", "sur", "t", "tres", "un", "une", "vos", "votre", "vous", "y",
	} {
		m[w] = true
	}
	return m
}()
