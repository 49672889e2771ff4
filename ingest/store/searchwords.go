package store

import (
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/blevesearch/snowballstem"
	"github.com/blevesearch/snowballstem/french"
	"golang.org/x/text/unicode/norm"

	"saisine.fr/saisine/ingest/message"
)

// The words by which texts are found. What is indexed and what is asked go through the same
// steps: small letters, the stem by the French rules of snowballstem.org, no accents. The
// words that stand everywhere (de, la, et) are left out, which halves the index.
//
// A change here makes another index of the same texts: raise searchVersion with it, and
// IndexSearch makes it anew.
const searchVersion = "1"

const (
	// maxSearchWord cuts words, in bytes: what is longer is none.
	maxSearchWord = 64
	// minStem is the length from which words have a stem, in bytes.
	minStem = 4
	// maxKnownStems bounds what a tokenizer remembers.
	maxKnownStems = 20_000
)

// searchWord is a word of a text, in the form that the index has it.
type searchWord struct {
	text       string
	start, end int // in the text, in bytes
	// common is set for a word that is not indexed.
	common bool
}

// tokenizer takes texts apart. It is not safe for concurrent use: see tokenizers.
type tokenizer struct {
	env   *snowballstem.Env
	known map[string]string
	raw   []byte
}

// tokenizers are kept, since what they remember of earlier texts makes them quick.
var tokenizers = sync.Pool{New: func() any { return &tokenizer{env: snowballstem.NewEnv(""), known: map[string]string{}} }}

// withTokenizer lends f a tokenizer.
func withTokenizer(f func(k *tokenizer)) {
	k := tokenizers.Get().(*tokenizer)
	defer tokenizers.Put(k)
	f(k)
}

// words calls f for each word of text, in order, until f returns false.
func (k *tokenizer) words(text string, f func(searchWord) bool) {
	start := -1
	k.raw = k.raw[:0]
	end := func(at int) bool {
		if start < 0 {
			return true
		}
		w := k.word(string(k.raw))
		w.start, w.end = start, at
		start, k.raw = -1, k.raw[:0]
		return w.text == "" || f(w)
	}
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case unicode.IsLetter(r), unicode.IsDigit(r), start >= 0 && unicode.IsMark(r):
			if start < 0 {
				start = i
			}
			if len(k.raw) < maxSearchWord {
				k.raw = append(k.raw, text[i:i+size]...)
			}
		case r == '\u00ad' || r == '\u200b':
			// Soft hyphen and zero-width space stand within words.
		case r == '-' && start >= 0 && goesOn(text[i+size:]) > 0:
			size += goesOn(text[i+size:]) // a word that was parted at the end of a line
		default:
			if !end(i) {
				return
			}
		}
		i += size
	}
	end(len(text))
}

// goesOn is how many bytes of white space stand between a dash and the small letter with
// which a parted word goes on in the next line; 0 where it does not.
func goesOn(rest string) int {
	trimmed := strings.TrimLeft(rest, " \t\r\n")
	gap := rest[:len(rest)-len(trimmed)]
	r, _ := utf8.DecodeRuneInString(trimmed)
	if strings.Count(gap, "\n") != 1 || !unicode.IsLower(r) {
		return 0
	}
	return len(gap)
}

// word brings a word into the form of the index.
func (k *tokenizer) word(raw string) searchWord {
	small := strings.ToLower(raw)
	text, ok := k.known[small]
	if !ok {
		text = k.stem(small)
		if len(k.known) >= maxKnownStems {
			clear(k.known)
		}
		k.known[strings.Clone(small)] = text
	}
	return searchWord{text: text, common: commonWords[text]}
}

// stem returns the stem of a word of small letters, without accents.
func (k *tokenizer) stem(small string) string {
	folded := fold(small)
	if len(folded) < minStem || commonWords[folded] || !stemmable(folded) {
		return folded
	}
	accented := compose(small)
	if accented == folded {
		accented = accent(folded)
	}
	return k.porter(accented)
}

// compose writes a word with its letters and accents in one sign each, as the rules know them.
func compose(small string) string { return norm.NFKC.String(unfolded.Replace(small)) }

func (k *tokenizer) porter(accented string) string {
	k.env.SetCurrent(accented)
	french.Stem(k.env)
	return fold(strings.ToLower(k.env.Current()))
}

// variants returns the forms in which a word of small letters may be in the index: people
// and recognised pages leave accents out, and the rules know endings by them.
func (k *tokenizer) variants(small string) []string {
	first := k.stem(small)
	folded := fold(small)
	out := []string{first}
	if len(folded) < minStem || commonWords[folded] || !stemmable(folded) {
		return out
	}
	for _, other := range []string{k.porter(compose(small)), k.porter(accent(folded)), k.porter(folded)} {
		if other != "" && !slices.Contains(out, other) {
			out = append(out, other)
		}
	}
	return out
}

// accents are endings, without and with their accents.
var accents = [...][2]string{{"ees", "ées"}, {"ee", "ée"}, {"ites", "ités"}, {"ite", "ité"}, {"erent", "èrent"}}

// accent puts the accents back on the ending of a word that was written without any: the
// rules then treat it like the others (securite, SECURITE, sécurité).
func accent(folded string) string {
	for _, a := range accents {
		if rest, ok := strings.CutSuffix(folded, a[0]); ok {
			return rest + a[1]
		}
	}
	return folded
}

// stemmable reports whether a word is made of Latin letters, and not a number or a code.
func stemmable(folded string) bool {
	for i := range len(folded) {
		if c := folded[i]; c < 'a' || c > 'z' {
			return false
		}
	}
	return true
}

// unfolded are the letters that are no other ones with an accent.
var unfolded = strings.NewReplacer("œ", "oe", "æ", "ae", "ß", "ss", "ø", "o", "ł", "l", "đ", "d")

// fold takes the accents off a word of small letters. Of other signs than letters and digits
// nothing is left, so that the result is one word for SQLite as well, whatever it stands in.
func fold(small string) string {
	plain := true
	for i := range len(small) {
		if c := small[i]; c >= utf8.RuneSelf || (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			plain = false
			break
		}
	}
	if plain {
		return small
	}
	out := strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, norm.NFKD.String(unfolded.Replace(small)))
	return strings.ToValidUTF8(message.Cut(out, maxSearchWord), "")
}

// commonWords are the words that say nothing, without accents. Those that also mean
// something (est, été, pas, sans) are not among them.
var commonWords = func() map[string]bool {
	m := map[string]bool{}
	for w := range strings.FieldsSeq(`de la le les l d du des un une et a au aux en ou ce cet cette ces c
		je tu il elle on nous vous ils elles j t s m n y me te se lui leur leurs qu que qui quoi dont
		mon ma mes ton ta tes son sa ses notre nos votre vos
		pour par sur dans avec ne si`) {
		m[w] = true
	}
	return m
}()

// phones calls f for each telephone number in text that is written in groups or with its
// country's code, with its digits in one word: a French one as 0612345678, another one
// without the plus.
func phones(text string, f func(w searchWord)) {
	for i := 0; i < len(text); {
		c := text[i]
		if c != '+' && c != '0' || i > 0 && isDigit(text[i-1]) {
			i++
			continue
		}
		digits, end := phoneAt(text, i)
		if digits == "" {
			i++
			for c == '0' && i < len(text) && isDigit(text[i]) {
				i++
			}
			continue
		}
		if digits != text[i:end] {
			f(searchWord{text: digits, start: i, end: end})
		}
		i = end
	}
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// The lengths of numbers (E.164: up to 15 digits; a French one with its 0).
const (
	frenchDigits = 10
	minDigits    = 8
	maxDigits    = 15
)

// phoneAt reads the telephone number that begins at i: its digits, and where it ends; "" when
// there is none.
func phoneAt(text string, i int) (digits string, end int) {
	var b []byte
	plus := text[i] == '+'
	j := i
	if plus {
		j++
	}
	gap := 0
	for ; j < len(text) && len(b) <= maxDigits+3; j++ {
		c := text[j]
		if isDigit(c) {
			b, gap, end = append(b, c), 0, j+1
			if n := national(string(b), plus); n != "" && (j+1 == len(text) || !isDigit(text[j+1])) {
				return n, end
			}
			continue
		}
		// Separators: space, no-break spaces (two and three bytes), point, dash, slash, brackets.
		if !strings.ContainsRune(" .-/()\u00a0\u202f", rune(c)) && c < utf8.RuneSelf {
			break
		}
		if r, size := utf8.DecodeRuneInString(text[j:]); c >= utf8.RuneSelf {
			if r != '\u00a0' && r != '\u202f' {
				break
			}
			j += size - 1
		}
		if gap++; gap > 3 {
			break
		}
	}
	if plus && len(b) >= minDigits && len(b) <= maxDigits && !strings.HasPrefix(string(b), "33") {
		return string(b), end
	}
	return "", 0
}

// national returns the digits of a French number as it is dialled in France, or "" when they
// are not yet, or no more, one.
func national(digits string, plus bool) string {
	if !plus {
		if rest, ok := strings.CutPrefix(digits, "00"); ok {
			digits, plus = rest, true
		}
	}
	if plus {
		rest, ok := strings.CutPrefix(digits, "33")
		if !ok {
			return ""
		}
		digits = "0" + strings.TrimPrefix(rest, "0") // +33 (0)6…
	}
	if len(digits) != frenchDigits || digits[0] != '0' || digits[1] == '0' {
		return ""
	}
	return digits
}

// inPairs writes a French number as people do: 06 12 34 56 78; "" for another one.
func inPairs(phone string) string {
	plus := strings.HasPrefix(phone, "+")
	n := national(strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, phone), plus)
	if n == "" {
		return ""
	}
	return n[0:2] + " " + n[2:4] + " " + n[4:6] + " " + n[6:8] + " " + n[8:10]
}
