package message

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"sync"
)

// window is how far the reader can look ahead, and the longest piece of a line that
// is handled at once.
const window = 32 << 10

// noHit says that no delimiter was met.
const noHit = -1

var bufioPool = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, window) }}

// lineReader cuts a stream into lines and stops at the delimiters of the multiparts
// that are open. All open ones are watched, not only the innermost: a multipart
// without its closing delimiter ends where an outer one goes on (RFC 2046 §5.1.2),
// so a broken part never swallows its later siblings.
type lineReader struct {
	br      *bufio.Reader
	back    []byte         // a line that was given back
	bounds  []string       // of the open multiparts, outermost first
	index   map[string]int // boundary to position in bounds, the innermost of equals
	midLine bool
	eof     bool
	hit     int  // the position in bounds whose delimiter was met, or noHit
	closed  bool // it was the closing delimiter
	err     error
}

// newLineReader returns a reader over r; release gives its buffer back.
func newLineReader(r io.Reader) *lineReader {
	br := bufioPool.Get().(*bufio.Reader)
	br.Reset(r)
	return &lineReader{br: br, hit: noHit}
}

func (l *lineReader) release() {
	l.br.Reset(nil)
	bufioPool.Put(l.br)
	l.br = nil
}

// next returns the next line with its terminator, or a piece of one that is longer
// than the window. It is valid until the next call. It returns false at the end and
// at a delimiter, and goes on doing so until hit is set back to noHit.
func (l *lineReader) next() ([]byte, bool) {
	if l.back != nil {
		line := l.back
		l.back = nil
		return line, true
	}
	if l.hit != noHit || l.eof {
		return nil, false
	}
	line, err := l.br.ReadSlice('\n')
	start := !l.midLine
	l.midLine = len(line) > 0 && line[len(line)-1] != '\n'
	if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
		l.eof = true
		if !errors.Is(err, io.EOF) {
			l.err = err
		}
	}
	if len(line) == 0 {
		return nil, false
	}
	if start {
		if f, closed := l.delimiter(line); f != noHit {
			l.hit, l.closed = f, closed
			return nil, false
		}
	}
	return line, true
}

// unread gives back a whole line, which next then returns first.
func (l *lineReader) unread(line []byte) { l.back = line }

// delimiter says which open multipart the line delimits.
func (l *lineReader) delimiter(line []byte) (frame int, closed bool) {
	if len(l.bounds) == 0 || len(line) < 3 || line[0] != '-' || line[1] != '-' {
		return noHit, false
	}
	b := bytes.TrimRight(line[2:], " \t\r\n")
	// The whole first: a boundary may itself end in "--".
	if f, ok := l.index[string(b)]; ok {
		return f, false
	}
	if b, ok := bytes.CutSuffix(b, []byte("--")); ok {
		if f, ok := l.index[string(b)]; ok {
			return f, true
		}
	}
	return noHit, false
}

// push opens a multipart and returns its position and what undoes it.
func (l *lineReader) push(boundary string) (frame int, pop func()) {
	if l.index == nil {
		l.index = make(map[string]int)
	}
	frame = len(l.bounds)
	outer, shadows := l.index[boundary]
	l.bounds = append(l.bounds, boundary)
	l.index[boundary] = frame
	return frame, func() {
		l.bounds = l.bounds[:frame]
		if shadows {
			l.index[boundary] = outer
		} else {
			delete(l.index, boundary)
		}
	}
}

// drain skips to the next delimiter or the end.
func (l *lineReader) drain() {
	for {
		if _, ok := l.next(); !ok {
			return
		}
	}
}

// ahead returns the bytes that follow, up to the window, without consuming them.
// whole says that they are all there is. A line that was given back is not among them.
func (l *lineReader) ahead() (b []byte, whole bool) {
	if l.hit != noHit || l.eof {
		return nil, true
	}
	b, err := l.br.Peek(window)
	return b, err != nil
}

// peekLine returns up to 256 bytes of the next line without consuming it, nil at the end.
func (l *lineReader) peekLine() []byte {
	if l.hit != noHit || l.eof {
		return nil
	}
	b, _ := l.br.Peek(256) // an error only means that there is less
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		b = b[:i+1]
	}
	if f, _ := l.delimiter(b); f != noHit {
		return nil
	}
	return b
}

// body returns the bytes up to the next delimiter. The line end before a delimiter
// belongs to the delimiter (RFC 2046 §5.1.1).
func (l *lineReader) body() io.Reader { return &bodyReader{l: l} }

type bodyReader struct {
	l     *lineReader
	buf   []byte
	after []byte // follows buf; lies in the line reader's own buffer
	eol   []byte // held back until it is known not to belong to a delimiter
}

var (
	lineFeed     = []byte("\n")
	carriageFeed = []byte("\r\n")
)

// Read implements io.Reader. It never fails: a failing source is in lineReader.err.
func (b *bodyReader) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		if len(b.buf) == 0 && !b.fill() {
			break
		}
		c := copy(p[n:], b.buf)
		b.buf = b.buf[c:]
		n += c
	}
	if n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return n, nil
}

// fill gets more into buf, and returns false when there is no more.
func (b *bodyReader) fill() bool {
	for {
		if len(b.after) > 0 {
			b.buf, b.after = b.after, nil
			return true
		}
		line, ok := b.l.next()
		if !ok {
			if b.l.hit == noHit {
				b.buf = b.eol
			}
			b.eol = nil
			return len(b.buf) > 0
		}
		b.buf, b.eol = b.eol, nil
		switch {
		case bytes.HasSuffix(line, carriageFeed):
			b.after, b.eol = line[:len(line)-2], carriageFeed
		case bytes.HasSuffix(line, lineFeed):
			b.after, b.eol = line[:len(line)-1], lineFeed
		default:
			b.after = line
		}
		if len(b.buf) > 0 {
			return true
		}
	}
}

// hasDelimiter reports whether a line of b delimits boundary.
func hasDelimiter(b []byte, boundary string) bool {
	needle := []byte("--" + boundary)
	for off := 0; off < len(b); {
		i := bytes.Index(b[off:], needle)
		if i < 0 {
			return false
		}
		i += off
		if i == 0 || b[i-1] == '\n' {
			return true
		}
		off = i + len(needle)
	}
	return false
}

// findBoundary looks for what a multipart without a usable boundary is delimited by:
// the first line that starts with two hyphens and is followed by a Content- header,
// or that comes again further down. It stops where an open multipart goes on.
func (l *lineReader) findBoundary(b []byte) string {
	seen := make(map[string]bool)
	for len(b) > 0 {
		line, rest, _ := bytes.Cut(b, lineFeed)
		if f, _ := l.delimiter(line); f != noHit {
			return ""
		}
		b = rest
		if !bytes.HasPrefix(line, []byte("--")) {
			continue
		}
		// RFC 2046: up to 70 characters; longer ones are seen, blanks are not.
		name := strings.TrimRight(string(line[2:]), " \t\r")
		if name == "" || len(name) > 200 || strings.Trim(name, "-_=*") == "" || strings.ContainsAny(name, " \t") {
			continue
		}
		if len(rest) >= 8 && strings.EqualFold(string(rest[:8]), "content-") || seen[name] {
			return name
		}
		if s, ok := strings.CutSuffix(name, "--"); ok && seen[s] {
			return s
		}
		seen[name] = true
	}
	return ""
}
