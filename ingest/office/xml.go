package office

import (
	"bufio"
	"bytes"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// Bounds of one token; what is beyond is skipped.
const (
	maxAttributes = 64
	maxValue      = 4 << 10
	maxLocal      = 64
	textChunk     = 4 << 10
)

// tokenKind is the kind of an XML token.
type tokenKind int

const (
	tokenEnd tokenKind = iota // of the input
	tokenOpen
	tokenClose
	tokenText
)

// attribute is an attribute of an element, by its name without prefix.
type attribute struct{ name, value string }

// scanner reads XML as far as text needs it: elements and attributes by their local
// names, and text in pieces of a few kilobytes, so that no token is ever held whole.
// Document types are skipped and entities other than XML's five never expanded, so
// nothing can grow. It goes on over faults: what is no markup is text. Names are taken
// without their prefix, for a prefix is only a matter of taste.
type scanner struct {
	br    *bufio.Reader
	name  string // of the element that was opened or closed
	attrs []attribute
	text  []byte // of a text token, valid UTF-8 unless the input is not
	empty bool   // the element that was opened closes itself
	cdata bool
	names map[string]string
	buf   []byte
}

func newScanner(r io.Reader) *scanner {
	s := &scanner{br: bufio.NewReaderSize(r, 1<<15), names: make(map[string]string)}
	head, _ := s.br.Peek(200) // an error only means that there is less
	switch {
	case bytes.HasPrefix(head, []byte("\xFF\xFE")), bytes.HasPrefix(head, []byte("\xFE\xFF")):
		s.decode(transform.NewReader(s.br, unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewDecoder()))
	case bytes.HasPrefix(head, []byte("<\x00?\x00")):
		s.decode(transform.NewReader(s.br, unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM).NewDecoder()))
	case bytes.HasPrefix(head, []byte("\x00<\x00?")):
		s.decode(transform.NewReader(s.br, unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM).NewDecoder()))
	case bytes.HasPrefix(head, []byte("<?xml")):
		declaration, _, _ := bytes.Cut(head, []byte("?>"))
		if enc, err := htmlindex.Get(declaredEncoding(string(declaration))); err == nil && enc != unicode.UTF8 {
			s.decode(enc.NewDecoder().Reader(s.br))
		}
	}
	return s
}

func (s *scanner) decode(r io.Reader) { s.br = bufio.NewReaderSize(r, 1<<15) }

func declaredEncoding(declaration string) string {
	_, after, _ := strings.Cut(declaration, "encoding=")
	if len(after) < 2 {
		return ""
	}
	name, _, _ := strings.Cut(after[1:], after[:1])
	return name
}

// next reads the next token. An element that closes itself gives tokenOpen with empty
// set, and no tokenClose.
func (s *scanner) next() tokenKind {
	for {
		if s.cdata {
			if s.section() {
				return tokenText
			}
			continue
		}
		c, ok := s.byte()
		if !ok {
			return tokenEnd
		}
		if c != '<' {
			s.chars(c)
			return tokenText
		}
		c, ok = s.byte()
		switch {
		case !ok:
			return tokenEnd
		case c == '/':
			s.closing()
			return tokenClose
		case c == '?':
			s.skipTo("?>")
		case c == '!':
			s.declaration()
		case c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80:
			s.opening(c)
			return tokenOpen
		default:
			s.text = append(s.text[:0], '<', c)
			return tokenText
		}
	}
}

func (s *scanner) byte() (byte, bool) {
	c, err := s.br.ReadByte() // the source keeps its error: for XML the input ends here
	return c, err == nil
}

// chars reads text up to the next markup or the size of a chunk, without breaking a
// character.
func (s *scanner) chars(c byte) {
	s.text = s.text[:0]
	for {
		switch {
		case c == '<':
			_ = s.br.UnreadByte() // it was just read
			return
		case c == '&':
			s.text = s.entity(s.text)
		case len(s.text) >= textChunk && utf8.RuneStart(c) || len(s.text) >= 2*textChunk:
			_ = s.br.UnreadByte()
			return
		default:
			s.text = append(s.text, c)
		}
		var ok bool
		if c, ok = s.byte(); !ok {
			return
		}
	}
}

// entity reads what follows an ampersand, and appends what it means. One that is not
// known stays as it is written.
func (s *scanner) entity(dst []byte) []byte {
	b, _ := s.br.Peek(12) // an error only means that there is less
	end := bytes.IndexByte(b, ';')
	if end < 0 {
		return append(dst, '&')
	}
	ref := string(b[:end])
	r, ok := entities[ref]
	if digits, numeric := strings.CutPrefix(ref, "#"); numeric {
		base := 10
		if hex, ok := strings.CutPrefix(digits, "x"); ok {
			digits, base = hex, 16
		}
		n, err := strconv.ParseUint(digits, base, 32)
		r, ok = rune(min(n, utf8.MaxRune+1)), err == nil
	}
	if !ok {
		return append(dst, '&')
	}
	_, _ = s.br.Discard(end + 1) // it was peeked at
	return utf8.AppendRune(dst, r)
}

var entities = map[string]rune{"amp": '&', "lt": '<', "gt": '>', "quot": '"', "apos": '\'', "nbsp": '\u00A0'}

// section reads a piece of a CDATA section; false when there was nothing left of it.
func (s *scanner) section() bool {
	s.text = s.text[:0]
	for {
		c, ok := s.byte()
		if !ok {
			s.cdata = false
			break
		}
		// First: after a Peek nothing can be given back.
		if len(s.text) >= textChunk && utf8.RuneStart(c) || len(s.text) >= 2*textChunk {
			_ = s.br.UnreadByte()
			break
		}
		if c == ']' {
			if b, _ := s.br.Peek(2); string(b) == "]>" {
				_, _ = s.br.Discard(2) // it was peeked at
				s.cdata = false
				break
			}
		}
		s.text = append(s.text, c)
	}
	return len(s.text) > 0
}

// declaration reads what begins with "<!".
func (s *scanner) declaration() {
	b, _ := s.br.Peek(7) // an error only means that there is less
	switch {
	case bytes.HasPrefix(b, []byte("--")):
		_, _ = s.br.Discard(2)
		s.skipTo("-->")
	case string(b) == "[CDATA[":
		_, _ = s.br.Discard(7)
		s.cdata = true
	default:
		s.docType()
	}
}

// docType skips a document type with all that it declares.
func (s *scanner) docType() {
	depth, quote := 0, byte(0)
	for {
		c, ok := s.byte()
		switch {
		case !ok:
			return
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '[' || c == '<':
			depth++
		case c == ']':
			depth--
		case c == '>':
			if depth <= 0 {
				return
			}
			depth--
		}
	}
}

// skipTo skips up to and with an end mark.
func (s *scanner) skipTo(end string) {
	last := end[len(end)-1]
	s.buf = s.buf[:0]
	for {
		c, ok := s.byte()
		if !ok {
			return
		}
		if s.buf = append(s.buf, c); len(s.buf) > 64 {
			s.buf = append(s.buf[:0], s.buf[len(s.buf)-len(end):]...)
		}
		if c == last && bytes.HasSuffix(s.buf, []byte(end)) {
			return
		}
	}
}

// local reads a name that began with c, and returns it without prefix and what follows.
func (s *scanner) local(c byte) (name string, follows byte, ok bool) {
	s.buf = s.buf[:0]
	ok = true
	for ok && !isXMLSpace(c) && c != '>' && c != '/' && c != '=' && c != '<' {
		switch {
		case c == ':':
			s.buf = s.buf[:0]
		case len(s.buf) < maxLocal:
			s.buf = append(s.buf, c)
		}
		c, ok = s.byte()
	}
	name, known := s.names[string(s.buf)]
	if !known {
		name = string(s.buf)
		if len(s.names) < 1000 {
			s.names[name] = name
		}
	}
	return name, c, ok
}

func isXMLSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

func (s *scanner) closing() {
	c, ok := s.byte()
	if !ok {
		s.name = ""
		return
	}
	s.name, c, ok = s.local(c)
	for ok && c != '>' {
		c, ok = s.byte()
	}
}

func (s *scanner) opening(c byte) {
	s.attrs, s.empty = s.attrs[:0], false
	var ok bool
	name, c, ok := s.local(c)
	s.name = name
	for ok && c != '>' {
		switch {
		case isXMLSpace(c) || c == '=':
			c, ok = s.byte()
		case c == '/':
			c, ok = s.byte()
			s.empty = c == '>'
		case c == '<': // the end of the tag is missing
			_ = s.br.UnreadByte()
			return
		default:
			c, ok = s.attribute(c)
		}
	}
}

// attribute reads an attribute that began with c, and returns what follows.
func (s *scanner) attribute(c byte) (byte, bool) {
	name, c, ok := s.local(c)
	for ok && isXMLSpace(c) {
		c, ok = s.byte()
	}
	if !ok || c != '=' {
		return c, ok
	}
	c, ok = s.byte()
	for ok && isXMLSpace(c) {
		c, ok = s.byte()
	}
	if c != '"' && c != '\'' {
		return c, ok
	}
	quote := c
	value := s.buf[:0]
	for c, ok = s.byte(); ok && c != quote; c, ok = s.byte() {
		switch {
		case len(value) >= maxValue:
		case c == '&':
			value = s.entity(value)
		default:
			value = append(value, c)
		}
	}
	s.buf = value
	if len(s.attrs) < maxAttributes {
		s.attrs = append(s.attrs, attribute{name, string(value)})
	}
	if !ok {
		return 0, false
	}
	return s.byte()
}

// attr returns the value of an attribute of the element that was opened, or "".
func (s *scanner) attr(name string) string {
	for _, a := range s.attrs {
		if a.name == name {
			return a.value
		}
	}
	return ""
}
