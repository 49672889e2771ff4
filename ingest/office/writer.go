package office

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// writer collects text: paragraphs as lines, table rows as lines with tabs. Rows and
// cells are kept as offsets into the one buffer, so that nesting copies nothing.
type writer struct {
	buf        []byte
	max        int
	held       int  // bytes that were cut out, to be written later
	full       bool // max was met: nothing more is written
	rows       []row
	paragraphs [][]byte // of each open one, the boxes that are anchored in it
}

// row is a table row that is open.
type row struct {
	start int     // offset of its first cell
	cell  int     // offset of the current cell
	begun bool    // it has a cell
	ends  []int32 // offsets of the tabs between its cells
}

// String returns what was written, max bytes at most, with no more than one blank line in
// a row.
func (w *writer) String() string {
	var b strings.Builder
	b.Grow(len(w.buf))
	blank := true
	for line := range bytes.SplitSeq(w.buf, []byte("\n")) {
		line = bytes.TrimRight(line, " \t\u00A0")
		if len(line) == 0 && blank {
			continue
		}
		blank = len(line) == 0
		b.Write(line)
		b.WriteByte('\n')
	}
	text := strings.Trim(b.String(), "\n")
	// The line ends of boxes and the marks of notes come on top of what was measured.
	if n := w.max; len(text) > n {
		for n > 0 && !utf8.RuneStart(text[n]) {
			n--
		}
		text = strings.TrimRight(text[:n], "\n")
	}
	return text
}

// text writes foreign text: what is no character of a text is left out.
func (w *writer) text(s []byte) {
	for len(s) > 0 {
		n := 0
		for n < len(s) && (s[n] >= ' ' && s[n] < 0x7F || s[n] == '\t') {
			n++
		}
		if n > 0 {
			w.raw(s[:n])
			s = s[n:]
			continue
		}
		r, size := utf8.DecodeRune(s)
		w.rune(r)
		s = s[size:]
	}
}

// signs is text in which the signs of a symbol font are put as what they mean.
func (w *writer) signs(font string, b []byte) {
	for len(b) > 0 {
		i := privateUse(b)
		w.text(b[:i])
		if b = b[i:]; len(b) > 0 {
			r, n := utf8.DecodeRune(b)
			w.rune(symbol(font, r))
			b = b[n:]
		}
	}
}

// privateUse returns where the first sign of a symbol font may be, or the length of b.
func privateUse(b []byte) int {
	for i := range b {
		// U+F000 to U+F0FF are EF 80 80 to EF 83 BF.
		if b[i] == 0xEF && i+1 < len(b) && b[i+1] >= 0x80 && b[i+1] <= 0x83 {
			return i
		}
	}
	return len(b)
}

// rune writes one character. Soft hyphens and byte order marks are no text, and line
// ends are only where the format has elements for them.
func (w *writer) rune(r rune) {
	switch {
	case r == '\n', r == '\r', r == '\u2028', r == '\u2029':
		r = ' '
	case r == '\t':
	case r < ' ', r >= 0x7F && r < 0xA0, r == '\u00AD', r == '\uFEFF', r == '\uFFFE', r == '\uFFFF':
		return
	}
	var b [utf8.UTFMax]byte
	w.raw(b[:utf8.EncodeRune(b[:], r)])
}

// raw writes clean text, or nothing when it does not fit any more.
func (w *writer) raw(b []byte) {
	if w.full || len(w.buf)+w.held+len(b) > w.max {
		w.full = true
		return
	}
	w.buf = append(w.buf, b...)
}

func (w *writer) line()         { w.raw([]byte{'\n'}) }
func (w *writer) str(s string)  { w.raw([]byte(s)) }
func (w *writer) atStart() bool { return len(w.buf) == 0 || w.buf[len(w.buf)-1] == '\n' }

// freshLine ends the current line unless nothing is on it.
func (w *writer) freshLine() {
	if !w.atStart() {
		w.line()
	}
}

// openParagraph begins a paragraph.
func (w *writer) openParagraph() { w.paragraphs = append(w.paragraphs, nil) }

// closeParagraph ends it, and writes the boxes that were anchored in it: after it, so
// that they do not tear its sentence.
func (w *writer) closeParagraph() {
	n := len(w.paragraphs) - 1
	if n < 0 {
		return
	}
	boxes := w.paragraphs[n]
	w.paragraphs = w.paragraphs[:n]
	w.line()
	if len(boxes) > 0 {
		w.paste(boxes)
		w.freshLine()
	}
}

// cut takes away what was written since an offset, to be pasted or forgotten.
func (w *writer) cut(from int) []byte {
	if from >= len(w.buf) {
		return nil
	}
	b := bytes.Clone(w.buf[from:])
	w.buf = w.buf[:from]
	w.held += len(b)
	return b
}

// paste writes what was cut. There is always room for it, also when there is none for
// anything new, because what is held counts.
func (w *writer) paste(b []byte) {
	w.forget(b)
	w.buf = append(w.buf, b...)
}

// forget gives up what was cut.
func (w *writer) forget(b []byte) { w.held -= len(b) }

// box makes what was written since an offset a text box of the open paragraph.
func (w *writer) box(from int) {
	whole := w.cut(from)
	text := bytes.TrimSpace(whole)
	n := len(w.paragraphs)
	if len(text) > 0 && n > 0 {
		w.held += len(text) + 1
		w.paragraphs[n-1] = append(append(w.paragraphs[n-1], text...), '\n')
	}
	w.forget(whole)
	if len(text) > 0 && n == 0 {
		w.freshLine()
		w.buf = append(w.buf, text...) // where it was cut out
		w.line()
	}
}

func (w *writer) openRow() {
	w.rows = append(w.rows, row{start: len(w.buf), cell: len(w.buf)})
}

// openCell begins a cell.
func (w *writer) openCell() {
	if n := len(w.rows); n > 0 {
		r := &w.rows[n-1]
		if r.begun {
			r.ends = append(r.ends, int32(len(w.buf)))
			w.raw([]byte{'\t'})
		}
		r.begun, r.cell = true, len(w.buf)
	}
}

// closeCell takes the blanks around a cell away.
func (w *writer) closeCell() {
	n := len(w.rows)
	if n == 0 || w.rows[n-1].cell > len(w.buf) {
		return
	}
	from := w.rows[n-1].cell
	text := bytes.TrimSpace(w.buf[from:])
	w.buf = append(w.buf[:from], text...)
}

// closeRow ends a row. When one of its cells has several lines, as the address blocks
// of a letter do, all its cells become lines: tabs would tear the lines apart.
func (w *writer) closeRow() {
	n := len(w.rows) - 1
	if n < 0 {
		return
	}
	r := w.rows[n]
	w.rows = w.rows[:n]
	if r.start <= len(w.buf) && bytes.IndexByte(w.buf[r.start:], '\n') >= 0 {
		for _, at := range r.ends {
			if int(at) < len(w.buf) {
				w.buf[at] = '\n'
			}
		}
	}
	w.freshLine()
}

// maxShown is the longest text of a link that can be its target written out.
const maxShown = 2000

// link writes the target of a link whose text was written since an offset, unless the
// text says it already or only a program could follow it.
func (w *writer) link(from int, target string) {
	target = strings.Join(strings.Fields(target), "")
	lower := strings.ToLower(target)
	switch {
	case from >= len(w.buf), len(target) > maxShown:
		return
	case strings.HasPrefix(lower, "http://"), strings.HasPrefix(lower, "https://"):
	case strings.HasPrefix(lower, "mailto:"):
		target, _, _ = strings.Cut(target, "?")
	default:
		return
	}
	if shown := w.buf[from:]; len(shown) <= maxShown && bareLink(string(shown)) == bareLink(target) {
		return
	}
	w.str(" (")
	w.text([]byte(target))
	w.str(")")
}

// bareLink is what two ways to write a link have in common.
func bareLink(s string) string {
	s = strings.ToLower(strings.TrimSpace(s))
	for _, prefix := range []string{"mailto:", "http://", "https://", "www."} {
		s = strings.TrimPrefix(s, prefix)
	}
	return strings.TrimSuffix(s, "/")
}
