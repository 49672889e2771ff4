package match

import "math"

// The measures of the hash of a text: 42 buckets of 3 minima each. Two texts whose sets
// of 5-grams overlap by j (Jaccard) share a bucket with probability 1-(1-j³)⁴² (Broder
// 1997; Leskovec, Rajaraman and Ullman, Mining of Massive Datasets §3.4): 0.68 at j = 0.3,
// as of a letter with 10 % of its characters misread, and 0.04 at j = 0.1, as of two
// letters that have only their politeness in common. Words would not do: one wrong
// character in ten breaks nearly every run of three.
const (
	gramSize  = 5
	bandSize  = 3
	bandCount = 42
	hashCount = bandSize * bandCount
)

// gramsMin is the number of 5-grams under which a text has no buckets: of "merci
// d'avance" there are thousands.
const gramsMin = 30

// multipliers make hashCount hash functions of one. They are fixed: what they made is in
// the ledgers of towns.
var multipliers = func() (m [hashCount]struct{ a, b uint64 }) {
	x := uint64(0x5a1516e)
	for i := range m {
		m[i].a, m[i].b = splitMix(&x)|1, splitMix(&x)
	}
	return m
}()

// splitMix is the generator of Steele, Lea and Flood 2014.
func splitMix(x *uint64) uint64 {
	*x += 0x9e3779b97f4a7c15
	return mix(*x)
}

// mix spreads the bits of z (the finaliser of MurmurHash3, as in SplitMix64).
func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// hash64 is FNV-1a.
func hash64(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}

// bands returns the buckets of a set of 5-grams; none when it is too small.
func bands(grams *gramSet) []int64 {
	if grams.n < gramsMin {
		return nil
	}
	var minima [hashCount]uint64
	for i := range minima {
		minima[i] = math.MaxUint64
	}
	for g := range grams.all() {
		for i := range minima {
			minima[i] = min(minima[i], g*multipliers[i].a+multipliers[i].b)
		}
	}
	out := make([]int64, bandCount)
	for i := range out {
		h := uint64(i + 1)
		for _, m := range minima[i*bandSize : (i+1)*bandSize] {
			h = mix(h*0x9e3779b97f4a7c15 ^ m)
		}
		out[i] = int64(h)
	}
	return out
}

// factKey is the hash of a fact of one kind, as the ledger keeps it.
func factKey(kind, value string) int64 {
	return int64(mix(hash64(kind + "\x00" + value)))
}
