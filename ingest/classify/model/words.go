package model

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/blevesearch/snowballstem"
	"github.com/blevesearch/snowballstem/french"
)

// maxText bounds what is read of one subject and of one body, in bytes. What a letter
// is about stands in its first pages, and time must not grow with what a stranger sends.
const maxText = 32 << 10

// maxWord bounds a word, in bytes of its folded form; what is longer is no word but a
// token or a run that OCR has glued together, and is cut.
const maxWord = 40

// word is one word of a text.
type word struct {
	folded     string // small letters without accents, digits as '0'
	accented   string // small letters with their accents, for the stemmer
	start, end int    // bytes of the text it stands in
}

// folds takes accents off and ligatures apart. Other letters stand for themselves.
var folds = func() map[rune]string {
	m := map[rune]string{'œ': "oe", 'æ': "ae", 'ß': "ss", 'ﬁ': "fi", 'ﬂ': "fl", 'ﬀ': "ff"}
	for plain, accented := range map[string]string{
		"a": "àâäáãåā", "c": "ç", "e": "éèêëē", "i": "íìîïī", "n": "ñ", "o": "óòôöõøō", "u": "úùûüū", "y": "ýÿ",
	} {
		for _, r := range accented {
			m[r] = plain
		}
	}
	return m
}()

// Plain returns a small accented letter of French or its neighbours without its accent, and
// a ligature taken apart. ok is false for what stands for itself.
func Plain(r rune) (plain string, ok bool) {
	plain, ok = folds[r]
	return plain, ok
}

// composed joins a plain letter and a combining accent to the letter of French, for
// text in Unicode form NFD, as macOS writes it. Accents not listed are dropped.
var composed = map[[2]rune]rune{
	{'e', '\u0301'}: 'é', {'e', '\u0300'}: 'è', {'e', '\u0302'}: 'ê', {'e', '\u0308'}: 'ë',
	{'a', '\u0300'}: 'à', {'a', '\u0302'}: 'â', {'i', '\u0302'}: 'î', {'i', '\u0308'}: 'ï',
	{'o', '\u0302'}: 'ô', {'u', '\u0300'}: 'ù', {'u', '\u0302'}: 'û', {'u', '\u0308'}: 'ü',
	{'c', '\u0327'}: 'ç',
}

// splitter cuts texts into words. Its zero value is ready; it is not safe for
// concurrent use.
type splitter struct {
	words    []word
	folded   []byte
	accented []rune
	known    map[string]string // accented to folded, so that a repeated word costs no memory
}

// maxKnown bounds the words that a splitter remembers.
const maxKnown = 1 << 14

// split returns the words of text. Apostrophes, dashes and all other signs part words;
// a dash at the end of a line joins the halves. Mail and web addresses are left out:
// they name people and machines, not matters. The slice is valid until the next call.
func (s *splitter) split(text string) []word {
	if len(text) > maxText {
		cut := maxText
		for cut > 0 && !utf8.RuneStart(text[cut]) {
			cut--
		}
		text = text[:cut]
	}
	s.words = s.words[:0]
	s.accented = s.accented[:0]
	if s.known == nil {
		s.known = map[string]string{}
	}
	runStart, start := 0, 0 // of the run between spaces in s.words; of the word in text
	address := false
	var previous rune
	endRun := func() {
		if address {
			s.words = s.words[:runStart]
		}
		runStart, address = len(s.words), false
	}
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			if len(s.accented) == 0 {
				start = i
			}
			if unicode.IsDigit(r) {
				r = '0' // which number it is says nothing about the matter
			}
			s.accented = append(s.accented, unicode.ToLower(r))
		case unicode.Is(unicode.Mn, r):
			if n := len(s.accented); n > 0 {
				if c, ok := composed[[2]rune{s.accented[n-1], r}]; ok {
					s.accented[n-1] = c
				}
			}
		case r == '\u00ad' || r == '\u200b':
			// Soft hyphen and zero-width space stand within words.
		case r == '-' && len(s.accented) > 0 && joins(text[i+size:]):
			skipped := len(text[i+size:]) - len(strings.TrimLeft(text[i+size:], " \t\r\n"))
			size += skipped
		default:
			s.endWord(start, i)
			if r == '@' || r == '/' && previous == ':' {
				address = true
			}
			if unicode.IsSpace(r) {
				endRun()
			}
		}
		previous = r
		i += size
	}
	s.endWord(start, len(text))
	endRun()
	return s.words
}

// joins reports whether a dash before rest parts a word at the end of a line: a line
// break and a small letter follow.
func joins(rest string) bool {
	trimmed := strings.TrimLeft(rest, " \t\r\n")
	r, _ := utf8.DecodeRuneInString(trimmed)
	return unicode.IsLower(r) && strings.Contains(rest[:len(rest)-len(trimmed)], "\n")
}

// endWord takes the letters gathered since start as a word of text that ends before end.
func (s *splitter) endWord(start, end int) {
	if len(s.accented) == 0 {
		return
	}
	s.folded = s.folded[:0]
	for _, r := range s.accented {
		if r < utf8.RuneSelf {
			s.folded = append(s.folded, byte(r))
		} else if plain, ok := folds[r]; ok {
			s.folded = append(s.folded, plain...)
		} else {
			s.folded = utf8.AppendRune(s.folded, r)
		}
		if len(s.folded) >= maxWord {
			break
		}
	}
	accented := string(s.accented[:min(len(s.accented), maxWord)])
	folded, ok := s.known[accented]
	if !ok {
		if len(s.known) >= maxKnown {
			clear(s.known)
		}
		folded = string(s.folded)
		s.known[accented] = folded
	}
	s.words = append(s.words, word{folded: folded, accented: accented, start: start, end: end})
	s.accented = s.accented[:0]
}

// stemmer takes endings off words by Porter's rules for French (snowballstem.org). It
// is not safe for concurrent use.
type stemmer struct{ env *snowballstem.Env }

// stem returns the stem of w, folded. The rules know endings by their accents; a word
// written without them may keep its own, which the character n-grams make up for.
func (s *stemmer) stem(w word) string {
	if len(w.folded) < 4 || w.folded[0] == '0' {
		return w.folded
	}
	if s.env == nil {
		s.env = snowballstem.NewEnv("")
	}
	s.env.SetCurrent(w.accented)
	french.Stem(s.env)
	return foldString(s.env.Current())
}

// foldString takes the accents off a word of small letters.
func foldString(s string) string {
	var b []byte
	for i, r := range s {
		if plain, ok := folds[r]; ok {
			if b == nil {
				b = append(make([]byte, 0, len(s)), s[:i]...)
			}
			b = append(b, plain...)
		} else if b != nil {
			b = utf8.AppendRune(b, r)
		}
	}
	if b == nil {
		return s
	}
	return string(b)
}
