package message

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// maxJSONDepth bounds the nesting of what is skipped.
const maxJSONDepth = 32

// SyntaxError says why bytes are no JSON (RFC 8259), and after how many of them.
type SyntaxError struct {
	Offset int64
	Detail string // in English: it is for programmers
}

// Error implements error.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("message: JSON, after %d bytes: %s", e.Offset, e.Detail)
}

// jsonScanner reads JSON as it streams: no value but a short one is held.
type jsonScanner struct {
	br  *bufio.Reader
	off int64
}

func newJSONScanner(r io.Reader) *jsonScanner {
	s := &jsonScanner{br: bufio.NewReaderSize(r, 16<<10)}
	// A byte order mark may be ignored (RFC 8259 §8.1).
	if head, _ := s.br.Peek(3); string(head) == "\ufeff" {
		s.discard(3)
	}
	return s
}

func (s *jsonScanner) discard(n int) {
	n, _ = s.br.Discard(n) // what was peeked is there
	s.off += int64(n)
}

func (s *jsonScanner) syntax(format string, args ...any) error {
	return &SyntaxError{s.off, fmt.Sprintf(format, args...)}
}

// next returns the next byte that is no white space, and leaves it there.
func (s *jsonScanner) next() (byte, error) {
	for {
		b, err := s.br.Peek(1)
		if err != nil {
			return 0, s.syntax("it ends before its end")
		}
		switch b[0] {
		case ' ', '\t', '\n', '\r':
			s.discard(1)
		default:
			return b[0], nil
		}
	}
}

// take takes the next byte when it is c.
func (s *jsonScanner) take(c byte) (bool, error) {
	b, err := s.next()
	if err != nil || b != c {
		return false, err
	}
	s.discard(1)
	return true, nil
}

func (s *jsonScanner) want(c byte, where string) error {
	ok, err := s.take(c)
	if err == nil && !ok {
		err = s.syntax("%q is expected %s", c, where)
	}
	return err
}

// end wants nothing but white space to come.
func (s *jsonScanner) end() error {
	for {
		b, err := s.br.ReadByte()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil || !strings.ContainsRune(" \t\r\n", rune(b)) {
			return s.syntax("something follows the object")
		}
		s.off++
	}
}

// object calls f for each member, at its value, of which f takes all.
func (s *jsonScanner) object(f func(key string) error) error {
	if err := s.want('{', "at the beginning of an object"); err != nil {
		return err
	}
	return s.members('}', func(int) error {
		key, err := s.text(maxJSONKey)
		if errors.Is(err, errJSONLong) {
			err = s.syntax("the name of a member is longer than %d bytes", maxJSONKey)
		}
		if err == nil {
			err = s.want(':', "after the name of a member")
		}
		if err != nil {
			return err
		}
		return f(key)
	})
}

// array calls f for each element.
func (s *jsonScanner) array(f func(i int) error) error {
	if err := s.want('[', "at the beginning of an array"); err != nil {
		return err
	}
	return s.members(']', f)
}

// members reads what is separated by commas, up to the closing bracket.
func (s *jsonScanner) members(closing byte, f func(i int) error) error {
	if done, err := s.take(closing); done || err != nil {
		return err
	}
	for i := 0; ; i++ {
		if err := f(i); err != nil {
			return err
		}
		if done, err := s.take(closing); done || err != nil {
			return err
		}
		if err := s.want(',', fmt.Sprintf("or %q", closing)); err != nil {
			return err
		}
	}
}

// errJSONLong is returned by text for a string beyond its limit.
var errJSONLong = errors.New("message: JSON string is too long")

// text reads a string of at most limit bytes.
func (s *jsonScanner) text(limit int64) (string, error) {
	r, err := s.str()
	if err != nil {
		return "", err
	}
	var b strings.Builder
	n, err := io.Copy(&b, io.LimitReader(r, limit+1))
	if err == nil && n > limit {
		err = errJSONLong
	}
	return b.String(), err
}

// str begins a string. Its reader must be read to its end.
func (s *jsonScanner) str() (*jsonString, error) {
	if err := s.want('"', "at the beginning of a string"); err != nil {
		return nil, err
	}
	return &jsonString{s: s}, nil
}

// number reads a number.
func (s *jsonScanner) number() (float64, error) {
	var b strings.Builder
	for b.Len() < 64 {
		c, err := s.br.Peek(1)
		if err != nil || !strings.ContainsRune("+-.0123456789eE", rune(c[0])) {
			break
		}
		b.WriteByte(c[0])
		s.discard(1)
	}
	text := b.String()
	f, err := strconv.ParseFloat(text, 64)
	// What Go reads and JSON has not: +1, .5, 1., 01 (RFC 8259 §6).
	digits := strings.TrimPrefix(text, "-")
	whole := strings.IndexFunc(digits, func(r rune) bool { return r < '0' || r > '9' })
	if whole < 0 {
		whole = len(digits)
	}
	if err != nil || whole == 0 || whole > 1 && digits[0] == '0' || strings.HasSuffix(digits, ".") || strings.Contains(digits, ".e") || strings.Contains(digits, ".E") {
		return 0, s.syntax("a value is expected")
	}
	return f, nil
}

// word reads true, false or null.
func (s *jsonScanner) word() error {
	for _, w := range []string{"true", "false", "null"} {
		if head, _ := s.br.Peek(len(w)); string(head) == w {
			s.discard(len(w))
			return nil
		}
	}
	return s.syntax("a value is expected")
}

// skip reads a value of any kind.
func (s *jsonScanner) skip(depth int) error {
	if depth > maxJSONDepth {
		return s.syntax("values are nested more than %d deep", maxJSONDepth)
	}
	b, err := s.next()
	if err != nil {
		return err
	}
	switch {
	case b == '{':
		return s.object(func(string) error { return s.skip(depth + 1) })
	case b == '[':
		return s.array(func(int) error { return s.skip(depth + 1) })
	case b == '"':
		r, err := s.str()
		if err == nil {
			_, err = io.Copy(io.Discard, r)
		}
		return err
	case b == '-' || b >= '0' && b <= '9':
		_, err := s.number()
		return err
	}
	return s.word()
}

// jsonString reads the characters of a string as UTF-8.
type jsonString struct {
	s       *jsonScanner
	pending []byte
	done    bool
}

// Read implements io.Reader.
func (r *jsonString) Read(p []byte) (int, error) {
	n := copy(p, r.pending)
	r.pending = r.pending[n:]
	for n < len(p) && len(r.pending) == 0 {
		if r.done {
			if n > 0 {
				return n, nil
			}
			return 0, io.EOF
		}
		if r.s.br.Buffered() == 0 {
			if _, err := r.s.br.Peek(1); err != nil {
				return n, r.s.syntax("a string has no end")
			}
		}
		buf, _ := r.s.br.Peek(min(r.s.br.Buffered(), len(p)-n))
		plain := 0
		for plain < len(buf) && buf[plain] >= ' ' && buf[plain] < utf8.RuneSelf && buf[plain] != '"' && buf[plain] != '\\' {
			plain++
		}
		n += copy(p[n:], buf[:plain])
		r.s.discard(plain)
		if plain == len(buf) {
			continue
		}
		if err := r.special(); err != nil {
			return n, err
		}
		m := copy(p[n:], r.pending)
		n, r.pending = n+m, r.pending[m:]
	}
	return n, nil
}

// special takes what is no plain character: the closing quote, an escape, a character of
// several bytes.
func (r *jsonString) special() error {
	b, size, err := r.s.br.ReadRune()
	if err != nil {
		return r.s.syntax("a string has no end")
	}
	switch {
	case b == '"':
		r.done = true
	case b == '\\':
		r.s.off++
		return r.escape()
	case b == utf8.RuneError && size == 1:
		return r.s.syntax("a string is not UTF-8")
	case b < ' ':
		return r.s.syntax("a control character stands in a string; write \\u%04x", b)
	default:
		r.pending = utf8.AppendRune(r.pending[:0], b)
	}
	r.s.off += int64(size)
	return nil
}

func (r *jsonString) escape() error {
	b, err := r.s.br.ReadByte()
	if err != nil {
		return r.s.syntax("a string has no end")
	}
	r.s.off++
	if i := strings.IndexByte(`"\/bfnrt`, b); i >= 0 {
		r.pending = append(r.pending[:0], "\"\\/\b\f\n\r\t"[i])
		return nil
	}
	if b != 'u' {
		return r.s.syntax("there is no escape \\%c", b)
	}
	u, err := r.hex()
	if err != nil {
		return err
	}
	if utf16.IsSurrogate(u) {
		// A text that was cut within a character ends in half a pair: what came is
		// taken without it.
		v := rune(utf8.RuneError)
		if head, _ := r.s.br.Peek(2); string(head) == `\u` {
			if next, _ := r.s.br.Peek(6); len(next) == 6 {
				low, err := strconv.ParseUint(string(next[2:]), 16, 16)
				if pair := utf16.DecodeRune(u, rune(low)); err == nil && pair != utf8.RuneError {
					r.s.discard(6)
					v = pair
				}
			}
		}
		u = v
	}
	r.pending = utf8.AppendRune(r.pending[:0], u)
	return nil
}

func (r *jsonString) hex() (rune, error) {
	digits, _ := r.s.br.Peek(4)
	u, err := strconv.ParseUint(string(digits), 16, 16)
	if err != nil || len(digits) < 4 || digits[0] == '+' {
		return 0, r.s.syntax("four hexadecimal digits are expected after \\u")
	}
	r.s.discard(4)
	return rune(u), nil
}
