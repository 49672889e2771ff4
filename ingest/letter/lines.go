package letter

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"saisine.fr/saisine/ingest/lazy"
)

// Bounds of what is looked at. A letter has its head in the first lines of its first
// page and its end in the last lines of its last one; the rest may be as long as it likes.
const (
	maxEdge  = 100  // lines at each end of a page
	maxLine  = 2000 // runes of a line: half of them from its end
	maxPages = 20   // pages searched for the end
	// rawLine bounds the bytes of a line before they are decoded.
	rawLine = 6 * maxLine
)

// A line is one line of text, or one column of it.
type line struct {
	// text has single spaces and none at its ends.
	text string
	// fold is text in small ASCII letters without accents, one byte for each rune of text,
	// so that an index into it is one into []rune(text).
	fold string
	// cells are the columns of the line, where the text keeps them apart by white space.
	// The first is "" when the line starts far to the right.
	cells []string
}

func (l line) blank() bool { return l.text == "" }

// cut returns the text between two indices of the fold.
func (l line) cut(from, to int) string {
	return strings.TrimSpace(string([]rune(l.text)[from:to]))
}

// split makes lines of pages and drops blank pages.
func split(pages []string) [][]line {
	var out [][]line
	for _, p := range pages {
		if ls := splitPage(p); len(ls) > 0 {
			if out = append(out, ls); len(out) == maxPages {
				break
			}
		}
	}
	return out
}

// splitPage returns the first and last maxEdge lines, or nil for a blank page. The
// quoted history below a mail is another letter and is left out.
func splitPage(page string) []line {
	page = strings.TrimSpace(strings.TrimLeft(page, "\ufeff"))
	if page == "" {
		return nil
	}
	var top, bottom []string
	rest := page
	for len(top) < maxEdge && rest != "" {
		var l string
		l, rest, _ = strings.Cut(rest, "\n")
		top = append(top, l)
	}
	for len(bottom) < maxEdge && rest != "" {
		i := strings.LastIndexByte(rest, '\n')
		bottom = append(bottom, rest[i+1:])
		rest = rest[:max(i, 0)]
	}
	out := make([]line, 0, len(top)+len(bottom)+1)
	for i, l := range top {
		nl := newLine(l)
		if isQuoteStart(nl) && i > 0 {
			return out
		}
		out = appendLine(out, nl)
	}
	if rest != "" {
		out = append(out, line{}) // a gap
	}
	for i := len(bottom) - 1; i >= 0; i-- {
		nl := newLine(bottom[i])
		if isQuoteStart(nl) {
			return out
		}
		out = appendLine(out, nl)
	}
	return out
}

// dateRest is the second line of a date that was wrapped.
var dateRest = lazy.Regexp(`^(?:[a-z]{3,10}\.? )?[0-9oil]{4}\.?$`)

// appendLine joins a wrapped date: it is short, but its column may be narrow.
func appendLine(ls []line, l line) []line {
	if n := len(ls) - 1; n >= 0 && dateRest().MatchString(l.fold) && !ls[n].blank() && len(ls[n].fold) < 60 && !isDate(ls[n]) {
		if joined := newLine(strings.Join(ls[n].cells, "   ") + " " + l.text); isDate(joined) {
			ls[n] = joined
			return ls
		}
	}
	return append(ls, l)
}

var quoteStart = lazy.Regexp(`^(>|_{10,}|-+ ?(message|forwarded|original)|(de|from) ?: .*@|le .{5,80} a ecrit ?:|on .{5,80} wrote ?:)`)

func isQuoteStart(l line) bool { return quoteStart().MatchString(l.fold) }

// A gap of three spaces parts two columns. A line that starts after wideIndent spaces
// stands in the right one.
var (
	gap        = lazy.Regexp(` {3,}`)
	wideIndent = 20
)

func newLine(s string) line {
	if len(s) > rawLine {
		// Mail programs write a paragraph on one line, with the name at its end.
		s = s[:rawLine/2] + " … " + s[len(s)-rawLine/2:]
	}
	s = norm.NFC.String(strings.ToValidUTF8(s, "\uFFFD"))
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '’' || r == '‘' || r == '`' || r == '´':
			return '\''
		case unicode.IsSpace(r) && r != '\t':
			return ' '
		case r != '\t' && !unicode.IsPrint(r):
			return -1
		}
		return r
	}, s)
	s = strings.TrimRight(strings.ReplaceAll(s, "\t", "    "), " ")
	if r := []rune(s); len(r) > maxLine {
		s = string(r[:maxLine/2]) + " … " + string(r[len(r)-maxLine/2:])
	}
	body := strings.TrimLeft(s, " ")
	l := line{text: squeeze(body)}
	l.fold = fold(l.text)
	for _, c := range gap().Split(body, 4) {
		if c = squeeze(c); c != "" {
			l.cells = append(l.cells, c)
		}
	}
	if len(l.cells) > 0 && len(s)-len(body) >= wideIndent {
		l.cells = append([]string{""}, l.cells...)
	}
	return l
}

// squeeze makes every run of spaces one, and none at the ends.
func squeeze(s string) string { return strings.Join(strings.Fields(s), " ") }

// fold maps each rune to one small ASCII byte.
func fold(s string) string {
	b := make([]byte, 0, len(s))
	for _, r := range s {
		b = append(b, foldRune(r))
	}
	return string(b)
}

func foldRune(r rune) byte {
	r = unicode.ToLower(r)
	switch r {
	case 'œ':
		return 'o'
	case 'æ':
		return 'a'
	case '–', '—', '−', '‑', '•', '·', '●', '▪':
		return '-'
	case '«', '»', '“', '”':
		return '"'
	case '\u00b0', 'º':
		return 'o'
	}
	if r < unicode.MaxASCII {
		return byte(r)
	}
	if d := norm.NFD.String(string(r)); d[0] < unicode.MaxASCII {
		return d[0]
	}
	return '?'
}
