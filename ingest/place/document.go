package place

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// kind says what a token is.
type kind uint8

const (
	word   kind = iota // letters, also with digits, hyphens and inner apostrophes
	elided             // "l'", "d'", "qu'"
	number             // digits, also with bis, ter or one letter
	punct              // one other character
)

// token is one word, number or sign of a text.
type token struct {
	start, end int    // bytes of document.text
	fold       string // see fold
	kind       kind
	capital    bool // starts with a capital letter and the sentence is not written in capitals throughout
	line       int  // 0 for the first
	sentence   int
}

// document is a text cut into tokens.
type document struct {
	text   string
	title  bool // a subject
	tokens []token
	lines  []line
	town   map[string]bool // folded words of town names
	person int             // the first title of a person, "Mme" of "Mme Petit", or -1
}

// newDocument cuts text into tokens, sentences and lines, and sets the zone of each line.
func newDocument(text string, title bool) *document {
	d := &document{text: text, title: title, town: map[string]bool{}}
	d.cut()
	d.sentences()
	d.calmCapitals()
	d.layOut()
	d.person = d.firstPerson()
	return d
}

// firstPerson gives the token of the first person's title, but not of an address such as "Monsieur le Maire".
func (d *document) firstPerson() int {
	for i := range d.tokens {
		if d.in(i, titles) && d.near(i) && d.tokens[i+1].capital {
			return i
		}
	}
	return -1
}

// elisions are the words that an apostrophe shortens; behind any other an apostrophe is part of the word ("P'tits").
var elisions = set("l d j c n s m t qu jusqu lorsqu puisqu")

func (d *document) cut() {
	var folded strings.Builder
	folded.Grow(len(d.text) + 8)
	type span struct{ from, to int }
	spans := make([]span, 0, len(d.text)/5+1)
	d.tokens = make([]token, 0, len(d.text)/5+1)
	lineNo := 0
	for i := 0; i < len(d.text); {
		r, size := utf8.DecodeRuneInString(d.text[i:])
		if r == '\n' {
			lineNo++
		}
		if unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) {
			i += size
			continue
		}
		from := folded.Len()
		t := token{start: i, line: lineNo, kind: punct}
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			t.capital = unicode.IsUpper(r)
			t.end = d.wordEnd(i, &folded)
			t.kind = word
		} else {
			foldRune(&folded, r)
			t.end = i + size
		}
		i = t.end
		d.tokens = append(d.tokens, t)
		spans = append(spans, span{from, folded.Len()})
	}
	all := folded.String()
	for i := range d.tokens {
		t := &d.tokens[i]
		t.fold = all[spans[i].from:spans[i].to]
		if t.kind == word {
			t.kind = wordKind(t.fold)
			if s := d.text[t.start:t.end]; t.fold == "des" || t.fold == "la" {
				t.fold = strings.ToLower(s) // "dès", "là" are no articles
			}
			if t.kind == word && len(t.fold) > 4 {
				t.fold = misread(t.fold)
			}
		}
	}
}

// wordEnd writes the folded word that starts at i, and gives where it ends.
func (d *document) wordEnd(i int, folded *strings.Builder) int {
	start := i
	for i < len(d.text) {
		r, size := utf8.DecodeRuneInString(d.text[i:])
		switch {
		case unicode.IsLetter(r), unicode.IsDigit(r), unicode.Is(unicode.Mn, r):
		case r == '°' || r == 'º':
			// "n°12" is two tokens.
			if i-start == 1 && (d.text[start] == 'n' || d.text[start] == 'N') {
				foldRune(folded, r)
				return i + size
			}
			return i
		case isApostrophe(r):
			if i-start <= len("puisqu") && elisions[fold(d.text[start:i])] {
				folded.WriteByte('\'')
				return i + size
			}
			if !letterAt(d.text, i+size) {
				return i
			}
		case isHyphen(r):
			if !letterAt(d.text, i+size) {
				return i
			}
		default:
			return i
		}
		foldRune(folded, r)
		i += size
	}
	return i
}

func letterAt(s string, i int) bool {
	r, _ := utf8.DecodeRuneInString(s[i:])
	return unicode.IsLetter(r) || unicode.IsDigit(r)
}

// misread mends the one digit that a reader of scans put for a letter: "impas5e". Words with several digits, such as
// "rd917", stay.
func misread(w string) string {
	i := strings.IndexAny(w, "0158")
	if i < 1 || i == len(w)-1 || strings.ContainsAny(w[i+1:], "0123456789") || strings.ContainsAny(w[:i], "234679") {
		return w
	}
	letter := map[byte]string{'0': "o", '1': "l", '5': "s", '8': "b"}[w[i]]
	return w[:i] + letter + w[i+1:]
}

func wordKind(w string) kind {
	if strings.HasSuffix(w, "'") {
		return elided
	}
	if w[0] < '0' || w[0] > '9' {
		return word
	}
	rest := strings.TrimLeft(w, "0123456789")
	switch rest {
	case "", "bis", "ter", "quater", "a", "b", "c", "-bis", "-ter":
		return number
	}
	return word
}

// sentences numbers the sentences. A full stop behind an abbreviation, a single letter or before a small letter ends none.
func (d *document) sentences() {
	n := 0
	for i := range d.tokens {
		t := &d.tokens[i]
		if i > 0 && t.line > d.tokens[i-1].line+1 {
			n++ // an empty line
		}
		t.sentence = n
		if t.kind != punct {
			continue
		}
		switch t.fold {
		case "!", "?", "…":
			n++
		case ".":
			if i > 0 && d.abbreviated(i-1) {
				continue
			}
			n++
		}
	}
}

// abbreviated says whether the full stop behind token i belongs to it.
func (d *document) abbreviated(i int) bool {
	t := d.tokens[i]
	if t.kind != word || d.tokens[i+1].start != t.end {
		return false
	}
	_, name := nameAbbreviations[t.fold]
	w, way := wayTypes[t.fold]
	return len(t.fold) == 1 || name || way && w.short || titles[t.fold] || t.fold == "bat" || t.fold == "res"
}

// calmCapitals takes the mark of a capital from sentences written in capitals throughout, where it tells nothing.
func (d *document) calmCapitals() {
	for i := 0; i < len(d.tokens); {
		j, upper, lower := i, 0, 0
		for ; j < len(d.tokens) && d.tokens[j].line == d.tokens[i].line; j++ {
			for _, r := range d.text[d.tokens[j].start:d.tokens[j].end] {
				if unicode.IsUpper(r) {
					upper++
				} else if unicode.IsLower(r) {
					lower++
				}
			}
		}
		if upper > 4*lower {
			for k := i; k < j; k++ {
				d.tokens[k].capital = false
			}
		}
		i = j
	}
}

// is says whether token i exists and has one of the folded forms.
func (d *document) is(i int, forms ...string) bool {
	if i < 0 || i >= len(d.tokens) {
		return false
	}
	for _, f := range forms {
		if d.tokens[i].fold == f {
			return true
		}
	}
	return false
}

// in says whether token i exists and is in the set.
func (d *document) in(i int, s map[string]bool) bool {
	return i >= 0 && i < len(d.tokens) && s[d.tokens[i].fold]
}

// near says whether tokens i and i+1 exist, on one line or on two lines of one paragraph.
func (d *document) near(i int) bool {
	return i >= 0 && i+1 < len(d.tokens) && d.tokens[i+1].line <= d.tokens[i].line+1
}

// cutText gives the text of the tokens from i up to, not including, j, with white space made single spaces.
func (d *document) cutText(i, j int) string {
	if i >= j {
		return ""
	}
	return strings.Join(strings.Fields(d.text[d.tokens[i].start:d.tokens[j-1].end]), " ")
}

// set makes a set of the words of s.
func set(s string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(s) {
		m[w] = true
	}
	return m
}
