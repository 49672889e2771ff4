package message

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"

	gomessage "github.com/emersion/go-message"
)

// transferEncoding brings a Content-Transfer-Encoding to one of base64,
// quoted-printable, uuencode and binary. known is false where it had to be guessed.
func transferEncoding(s string) (enc string, known bool) {
	s, _, _ = strings.Cut(s, ";")
	s, _, _ = strings.Cut(s, "(")
	switch strings.ToLower(strings.Trim(s, " \t\"'.,")) {
	case "", "7bit", "8bit", "binary", "7-bit", "8-bit", "7bits", "8bits", "7 bit", "8 bit", "none", "plain", "utf-8", "us-ascii":
		return "binary", true
	case "base64", "base-64", "base 64", "b64", "x-base64":
		return "base64", true
	case "quoted-printable", "quoted_printable", "quotedprintable", "quoted printable", "qp", "x-quoted-printable":
		return "quoted-printable", true
	case "x-uuencode", "uuencode", "x-uue", "uue", "x-uu", "uu":
		return "uuencode", true
	}
	return "binary", false
}

// decode returns the content behind body. What go-message's own decoders cannot take
// is repaired before it, or decoded here.
func decode(enc string, body io.Reader, report func(code, detail string)) io.Reader {
	switch enc {
	case "base64":
		br := bufio.NewReaderSize(body, 4096)
		if isProse(br) {
			report(ProblemBase64, "Un contenu annoncé en base64 n’en est pas ; il a été lu tel quel.")
			return br
		}
		return &base64Reader{r: br, report: report}
	case "uuencode":
		return &uuReader{br: bufio.NewReaderSize(body, 4096), seek: true, report: report}
	case "quoted-printable":
		body = &qpCleaner{br: bufio.NewReaderSize(body, 4096), report: report}
	default:
		return body
	}
	var h gomessage.Header
	h.Set("Content-Type", "application/octet-stream") // character sets are decodeText's part
	h.Set("Content-Transfer-Encoding", enc)
	e, err := gomessage.New(h, body)
	if err != nil {
		return body // cannot be: the encoding is known to it
	}
	return e.Body
}

// isProse reports whether content that claims to be base64 is plain text, which some
// gateways decode without correcting the header: it holds many characters that base64
// has not, and it does not begin as base64 does. A few bytes of dirt and a footer below
// do not count.
func isProse(br *bufio.Reader) bool {
	b, _ := br.Peek(2048) // an error only means that there is less
	b = bytes.TrimSpace(b)
	first, _, _ := bytes.Cut(b, lineFeed)
	first = bytes.TrimSpace(first)
	const long = 32 // no word is
	if len(first)%4 == 0 && foreignToBase64(first) == 0 || base64Run(first) >= long {
		return false
	}
	letters, foreign := 0, 0
	for len(b) > 0 {
		var line []byte
		line, b, _ = bytes.Cut(b, lineFeed)
		n := foreignToBase64(bytes.TrimSpace(line))
		foreign += n
		letters += len(line) - n
	}
	const word = 4 // what holds no letters is no text either
	return foreign >= 2 && foreign*20 >= letters && letters >= word
}

// base64Run returns the length of the longest run of base64 in a line.
func base64Run(line []byte) int {
	longest, run := 0, 0
	for _, c := range line {
		if run++; base64Value[c] >= base64Blank {
			run = 0
		}
		longest = max(longest, run)
	}
	return longest
}

// foreignToBase64 counts the characters of a line that no line of base64 holds.
func foreignToBase64(line []byte) int {
	n := 0
	for _, c := range line {
		if v := base64Value[c]; v == base64Dirt || v == base64Blank {
			n++
		}
	}
	return n
}

// base64Reader decodes base64 that encoding/base64 refuses: with blanks and dirt in
// it, without padding, cut short, or joined from blocks that were each padded. A line
// of plain text after the padding, as mailing lists append, ends it.
type base64Reader struct {
	r       io.Reader
	report  func(code, detail string)
	in      [4096]byte
	buf     [4096]byte
	out     []byte
	acc     uint32
	quantum int    // characters of the quantum that is begun
	padded  bool   // padding was met on this or an earlier line, and nothing since
	tail    []byte // the line after padding, until it is judged
	dirty   bool
	done    bool
}

// base64Value maps a byte to its six bits, or to one of the marks below.
var base64Value = func() (t [256]byte) {
	for i := range t {
		t[i] = base64Dirt
	}
	for i, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") {
		t[c] = byte(i)
	}
	t['-'], t['_'] = 62, 63 // RFC 4648 §5
	for _, c := range []byte(" \t\r\n") {
		t[c] = base64Blank
	}
	t['='] = base64Pad
	return t
}()

const (
	base64Blank = 0x40 + iota
	base64Pad
	base64Dirt
)

// Read implements io.Reader.
func (c *base64Reader) Read(p []byte) (int, error) {
	for len(c.out) == 0 {
		if c.done {
			return 0, io.EOF
		}
		n, err := c.r.Read(c.in[:])
		c.out = c.buf[:0]
		for _, b := range c.in[:n] {
			if c.padded {
				c.afterPadding(b)
			} else {
				c.take(b)
			}
			if c.done {
				break
			}
		}
		if err != nil || c.done {
			c.finish()
		}
	}
	n := copy(p, c.out)
	c.out = c.out[n:]
	return n, nil
}

func (c *base64Reader) take(b byte) {
	v := base64Value[b]
	switch {
	case v < base64Blank:
		c.acc = c.acc<<6 | uint32(v)
		if c.quantum++; c.quantum == 4 {
			c.out = append(c.out, byte(c.acc>>16), byte(c.acc>>8), byte(c.acc))
			c.quantum = 0
		}
	case v == base64Pad:
		c.flush()
		c.padded = true
	case v == base64Dirt:
		c.dirty = true
	}
}

// flush writes the whole bytes of the quantum that is begun.
func (c *base64Reader) flush() {
	switch c.quantum {
	case 1:
		c.dirty = true // six bits are no byte
	case 2:
		c.out = append(c.out, byte(c.acc>>4))
	case 3:
		c.out = append(c.out, byte(c.acc>>10), byte(c.acc>>2))
	}
	c.quantum = 0
}

// afterPadding collects what follows padding on its line, then the next line that is
// not blank: more base64, or a footer.
func (c *base64Reader) afterPadding(b byte) {
	switch {
	case b == '\n' && len(bytes.TrimSpace(c.tail)) == 0:
		c.tail = c.tail[:0]
	case b == '=' && len(c.tail) == 0:
	case b != '\n' && len(c.tail) < 256:
		c.tail = append(c.tail, b)
	default:
		c.judge()
		if !c.done && !c.padded {
			c.take(b)
		}
	}
}

func (c *base64Reader) judge() {
	line := bytes.TrimSpace(c.tail)
	c.tail = c.tail[:0]
	for _, b := range line {
		if !isBase64(b) && b != '=' { // hyphens and underscores are rules here
			c.dirty, c.done = true, true
			return
		}
	}
	c.padded = false
	for _, b := range line {
		c.take(b)
	}
}

func (c *base64Reader) finish() {
	if c.padded && !c.done && len(bytes.TrimSpace(c.tail)) > 0 {
		c.judge()
	}
	if c.quantum != 0 {
		c.dirty = c.dirty || !c.done
		c.flush()
	}
	c.done = true
	if c.dirty {
		c.report(ProblemBase64, "Un contenu codé en base64 est abîmé ; il a été décodé autant que possible.")
	}
}

// qpCleaner passes on quoted-printable that a strict decoder takes: broken escapes
// become literal equal signs, control bytes are escaped, blanks after a soft break
// go, and lines stay below the 4 KiB that mime/quotedprintable can hold.
type qpCleaner struct {
	br     *bufio.Reader
	report func(code, detail string)
	out    []byte
	buf    []byte
	hold   []byte // a broken-off escape at the end of a piece of a long line
	joined []byte
	col    int
	noted  bool
	err    error
}

// Read implements io.Reader.
func (c *qpCleaner) Read(p []byte) (int, error) {
	for len(c.out) == 0 {
		if c.err != nil {
			return 0, c.err
		}
		line, err := c.br.ReadSlice('\n')
		whole := err == nil
		if errors.Is(err, bufio.ErrBufferFull) {
			err = nil
			if i := bytes.LastIndexByte(line[len(line)-2:], '='); i >= 0 {
				i += len(line) - 2
				c.joined = append(append(c.joined[:0], c.hold...), line[:i]...)
				c.hold = append(c.hold[:0], line[i:]...)
				line = c.joined
			} else {
				line = c.unhold(line)
			}
		} else {
			line = c.unhold(line)
		}
		c.err = err
		c.buf = c.buf[:0]
		c.clean(line, whole)
		c.out = c.buf
	}
	n := copy(p, c.out)
	c.out = c.out[n:]
	return n, nil
}

// unhold puts what was held back before line.
func (c *qpCleaner) unhold(line []byte) []byte {
	if len(c.hold) == 0 {
		return line
	}
	c.joined = append(append(c.joined[:0], c.hold...), line...)
	c.hold = c.hold[:0]
	return c.joined
}

const hexDigits = "0123456789ABCDEF"

func (c *qpCleaner) clean(line []byte, whole bool) {
	content := line
	if whole {
		content = bytes.TrimRight(line, " \t\r\n")
	}
	for i := 0; i < len(content); i++ {
		if c.col > 900 {
			c.buf = append(c.buf, "=\n"...)
			c.col = 0
		}
		b := content[i]
		switch {
		case b == '=' && i+2 < len(content) && isHex(content[i+1]) && isHex(content[i+2]):
			c.buf = append(c.buf, content[i:i+3]...)
			i += 2
			c.col += 3
			continue
		case b == '=' && i == len(content)-1:
			if whole {
				c.buf = append(c.buf, "=\n"...) // soft line break
				c.col = 0
				return
			}
			return // at the very end of the source: a soft break to nothing
		case b == '=':
			c.note()
			c.escape(b)
		case b < ' ' && b != '\t' || b == 0x7F:
			c.escape(b)
		case (b == ' ' || b == '\t') && i == len(content)-1:
			c.escape(b) // a piece's end is no line's end
		default:
			c.buf = append(c.buf, b)
			c.col++
		}
	}
	if whole {
		c.buf = append(c.buf, '\n')
		c.col = 0
	}
}

func (c *qpCleaner) escape(b byte) {
	c.buf = append(c.buf, '=', hexDigits[b>>4], hexDigits[b&15])
	c.col += 3
}

func (c *qpCleaner) note() {
	if !c.noted {
		c.noted = true
		c.report(ProblemQuotedPrintable, "Un contenu « quoted-printable » est abîmé ; il a été décodé autant que possible.")
	}
}

func isHex(b byte) bool {
	return b >= '0' && b <= '9' || b >= 'A' && b <= 'F' || b >= 'a' && b <= 'f'
}
