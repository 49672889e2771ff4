package facts

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// A tokenKind is what a token is by its signs alone.
type tokenKind int

const (
	word    tokenKind = iota
	number            // figures only
	mixed             // begins with a figure: 2e, 12bis, 9h40
	punct             // one sign
	newline           // one or more line ends
	phone
	email
	link
	secret // an IBAN, or a social security number
	gap    // where text was left out
)

// A token is a word, a number, a sign or a thing of several signs such as a phone number.
type token struct {
	kind tokenKind
	// fold is the text in small letters without accents and full stops; for a newline, one
	// "\n" for each line end.
	fold     string
	from, to int // bytes in the text
	// upper tells that it begins with a capital letter; caps that it is a word of two or
	// more letters, all of them capitals.
	upper, caps bool
}

// A text is a cleaned text and its tokens.
type text struct {
	s  string
	ts []token
}

// cut returns the text of the tokens from i up to j, on one line.
func (t text) cut(i, j int) string {
	if i >= j || i < 0 || j > len(t.ts) {
		return ""
	}
	return strings.Join(strings.Fields(t.s[t.ts[i].from:t.ts[j-1].to]), " ")
}

// glued reports whether nothing stands between token i and the one after it.
func (t text) glued(i int) bool {
	return i >= 0 && i+1 < len(t.ts) && t.ts[i].to == t.ts[i+1].from
}

// at returns token i, or one that is nothing where there is none.
func (t text) at(i int) token {
	if i < 0 || i >= len(t.ts) {
		return token{kind: newline, fold: "\n\n"}
	}
	return t.ts[i]
}

// is reports whether token i is the sign or folded word s.
func (t text) is(i int, s string) bool { return i >= 0 && i < len(t.ts) && t.ts[i].fold == s }

// blankLine reports whether token i ends a paragraph.
func (t token) blankLine() bool { return t.kind == newline && len(t.fold) > 1 || t.kind == gap }

// read cleans a text and parts it into tokens. A text longer than maxText is read at both
// ends.
func read(s string) text {
	if len(s) > maxText {
		s = s[:maxText/2] + "\n\x00\n" + s[len(s)-maxText/2:]
	}
	s = clean(s)
	return text{s, tokens(s)}
}

// clean composes accents and makes every space, apostrophe and dash the plain one.
func clean(s string) string {
	s = norm.NFC.String(strings.ToValidUTF8(s, "\uFFFD"))
	s = strings.ReplaceAll(s, "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		switch r {
		case '\n', '\x00':
			return r
		case '\r', '\u2028', '\u2029':
			return '\n'
		case '’', '‘', '`', '´', 'ʼ':
			return '\''
		case '–', '—', '−', '‑', '‐', '•', '·', '●', '▪', '|':
			return '-'
		case '\u200b', '\u200e', '\u200f', '\ufeff', '\u00ad':
			return -1
		}
		if unicode.IsSpace(r) || unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
}

// tokens parts a clean text.
func tokens(s string) []token {
	out := make([]token, 0, len(s)/5+8)
	spans := numbersIn(s)
	for i := 0; i < len(s); {
		for len(spans) > 0 && spans[0].from < i {
			spans = spans[1:]
		}
		if len(spans) > 0 && spans[0].from == i {
			out = append(out, spans[0])
			i = spans[0].to
			continue
		}
		stop := len(s)
		if len(spans) > 0 {
			stop = spans[0].from
		}
		t := next(s[:stop], i)
		if t.to > t.from && t.fold != "" {
			out = append(out, t)
		}
		i = t.to
	}
	return out
}

// next returns the token at i, with an empty fold where only space stands there.
func next(s string, i int) token {
	r, size := utf8.DecodeRuneInString(s[i:])
	switch {
	case r == ' ':
		return token{from: i, to: i + size}
	case r == 0:
		return token{kind: gap, fold: "\x00", from: i, to: i + size}
	case r == '\n':
		j, n := i, 0
		for j < len(s) && (s[j] == '\n' || s[j] == ' ') {
			if s[j] == '\n' {
				n++
			}
			j++
		}
		return token{kind: newline, fold: strings.Repeat("\n", min(n, 3)), from: i, to: j}
	case r >= '0' && r <= '9':
		return numeral(s, i)
	case unicode.IsLetter(r):
		return wordAt(s, i)
	}
	return token{kind: punct, fold: foldSign(r), from: i, to: i + size}
}

func foldSign(r rune) string {
	switch r {
	case '«', '»', '“', '”', '„':
		return "\""
	case '°', 'º':
		return "°"
	}
	return string(r)
}

// numeral is a run of figures, with the letters glued to it.
func numeral(s string, i int) token {
	j := i
	for j < len(s) && s[j] >= '0' && s[j] <= '9' {
		j++
	}
	kind := number
	for j < len(s) {
		r, size := utf8.DecodeRuneInString(s[j:])
		if !unicode.IsLetter(r) && (r < '0' || r > '9') {
			break
		}
		kind = mixed
		j += size
	}
	return token{kind: kind, fold: fold(s[i:j]), from: i, to: j}
}

// wordAt is a word with its inner hyphens, or the initials of first names: "J.-L.".
func wordAt(s string, i int) token {
	j := initials(s, i)
	if j == 0 {
		j = i
		for j < len(s) {
			r, size := utf8.DecodeRuneInString(s[j:])
			if r == '-' && j > i {
				if n, _ := utf8.DecodeRuneInString(s[j+1:]); !unicode.IsLetter(n) {
					break
				}
			} else if !unicode.IsLetter(r) && !unicode.Is(unicode.Mn, r) && (r < '0' || r > '9') {
				break
			}
			j += size
		}
	}
	t := token{kind: word, fold: fold(s[i:j]), from: i, to: j}
	upper, letters := 0, 0
	for k, r := range s[i:j] {
		if unicode.IsLetter(r) {
			letters++
			if unicode.IsUpper(r) || unicode.IsTitle(r) {
				upper++
				t.upper = t.upper || k == 0
			}
		}
	}
	t.caps = letters > 1 && upper == letters
	if t.fold == "" {
		t.fold = "?"
	}
	return t
}

// initials returns the end of "J." or "J.-L." at i, or 0.
func initials(s string, i int) int {
	end := 0
	for {
		r, size := utf8.DecodeRuneInString(s[i:])
		if !unicode.IsUpper(r) || i+size >= len(s) || s[i+size] != '.' {
			return end
		}
		i += size + 1
		end = i
		if i < len(s) && s[i] == '-' {
			i++
		}
	}
}

// fold makes small letters without accents. Full stops are left out.
func fold(s string) string {
	ascii := true
	for i := range len(s) {
		if c := s[i]; c >= utf8.RuneSelf || c >= 'A' && c <= 'Z' || c == '.' {
			ascii = false
			break
		}
	}
	if ascii {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for _, r := range s {
		r = unicode.ToLower(r)
		switch {
		case r == '.':
		case r < utf8.RuneSelf:
			b.WriteByte(byte(r))
		case r == 'œ':
			b.WriteString("oe")
		case r == 'æ':
			b.WriteString("ae")
		default:
			d, _ := utf8.DecodeRuneInString(norm.NFD.String(string(r)))
			b.WriteRune(d)
		}
	}
	return b.String()
}
