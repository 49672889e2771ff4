package model

import (
	"math/rand/v2"
	"strings"
	"unicode/utf8"
)

// confusions are what recognition of print makes of letters, most of them named in the
// post-correction literature (ICDAR 2017 and 2019) and seen in scans of French letters:
// what looks alike, and accents lost.
var confusions = map[string][]string{
	"rn": {"m"}, "m": {"rn", "nn"}, "cl": {"d"}, "d": {"cl"}, "vv": {"w"}, "ri": {"n"}, "li": {"h"}, "ii": {"u"},
	"n": {"ri", "u"}, "u": {"ii", "n"}, "h": {"b", "li"}, "b": {"h", "6"}, "l": {"1", "i", "I"}, "i": {"l", "1", "j"},
	"I": {"l", "1"}, "e": {"c", "o"}, "c": {"e", "o"}, "o": {"0", "c"}, "O": {"0"}, "0": {"O", "o"}, "1": {"l", "I"},
	"S": {"5"}, "5": {"S"}, "s": {"5"}, "B": {"8"}, "8": {"B"}, "t": {"f", "l"}, "f": {"t"}, "v": {"y"}, "y": {"v"},
	"g": {"q", "9"}, "q": {"g"}, "a": {"o", "u"}, "r": {"t"},
	"é": {"e", "è", "c"}, "è": {"e", "é"}, "ê": {"e", "é"}, "à": {"a"}, "â": {"a"}, "ç": {"c"}, "î": {"i"}, "ï": {"i"},
	"ô": {"o"}, "û": {"u"}, "ù": {"u"}, "œ": {"oe", "ce"}, "'": {"", "’"}, "’": {"'", ""}, ",": {"."}, ".": {","},
}

// lineWidth is how many characters a line of a broken copy holds at the least.
const lineWidth = 60

// random is the stream of random numbers of a seed: the same each time, which is the point.
func random(seed, stream uint64) *rand.Rand {
	return rand.New(rand.NewPCG(seed, stream)) //nolint:gosec // nothing secret depends on it
}

// noisy returns text as a poor recognition of its print would give it: about rate of
// the characters are wrong (half of these confused, the others lost, doubled or with a
// space too many or too few), and lines are broken, with words parted by a dash.
func noisy(text string, rate float64, rng *rand.Rand) string {
	var b strings.Builder
	b.Grow(len(text) + len(text)/8)
	column := 0
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		here := text[i : i+size]
		column++
		switch {
		case r == '\n':
			column = 0
			b.WriteString(here)
		case column > lineWidth && r == ' ':
			column = 0
			b.WriteByte('\n')
		case column > lineWidth+lineWidth/3 && r >= 'a' && r <= 'z':
			column = 0
			b.WriteString("-\n")
			b.WriteString(here)
		case rng.Float64() >= rate:
			b.WriteString(here)
		case r == ' ':
			// Two words run together.
		default:
			size = max(size, wrong(&b, text[i:], here, rng))
		}
		i += size
	}
	return b.String()
}

// wrong writes a wrong reading of here, the first character of rest, and returns how
// many bytes of rest it has used up.
func wrong(b *strings.Builder, rest, here string, rng *rand.Rand) int {
	for _, n := range []int{2, len(here)} {
		if n > len(rest) {
			continue
		}
		if list := confusions[rest[:n]]; len(list) > 0 && rng.IntN(8) > 0 {
			b.WriteString(list[rng.IntN(len(list))])
			return n
		}
	}
	switch rng.IntN(4) {
	case 0: // lost
	case 1:
		b.WriteString(here)
		b.WriteByte(' ')
	case 2:
		b.WriteString(here)
		b.WriteString(here)
	default:
		b.WriteByte("abcdefghijklmnopqrstuvwxyz.,:;'"[rng.IntN(31)])
	}
	return len(here)
}
