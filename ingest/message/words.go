package message

import (
	"bytes"
	"encoding/base64"
	"strings"
)

// decodeWords decodes the encoded words of a header value (RFC 2047), also those that
// break its rules: within quotes, with blanks in them, without an end, with unknown
// character sets, and with a character split over two words.
func decodeWords(s string) string {
	if !strings.Contains(s, "=?") {
		return s
	}
	var out strings.Builder
	var run wordRun
	for len(s) > 0 {
		i := strings.Index(s, "=?")
		if i < 0 {
			break
		}
		w, n := parseWord(s[i:])
		if n == 0 {
			run.flush(&out)
			out.WriteString(s[:i+2])
			s = s[i+2:]
			continue
		}
		// Blanks between two encoded words are no text (RFC 2047 §6.2).
		if between := s[:i]; !run.open || strings.Trim(between, " \t\r\n") != "" {
			run.flush(&out)
			out.WriteString(between)
		}
		run.add(&out, w)
		s = s[i+n:]
	}
	run.flush(&out)
	out.WriteString(s)
	return out.String()
}

type encodedWord struct {
	charset string
	base64  bool
	text    string
}

// parseWord parses the encoded word at the start of s and returns its length, 0 when
// there is none.
func parseWord(s string) (w encodedWord, n int) {
	rest := s[2:]
	i := strings.IndexByte(rest, '?')
	if i < 1 || i > 60 || i+2 >= len(rest) || rest[i+2] != '?' {
		return w, 0
	}
	w.charset, _, _ = strings.Cut(rest[:i], "*") // RFC 2231 §5: charset*language
	switch rest[i+1] {
	case 'b', 'B':
		w.base64 = true
	case 'q', 'Q':
	default:
		return w, 0
	}
	head := 2 + i + 3
	text := s[head:]
	end := strings.Index(text, "?=")
	if end < 0 {
		w.text = text
		return w, len(s)
	}
	w.text = text[:end]
	return w, head + end + 2
}

// wordRun joins adjacent words of one character set before they are decoded.
type wordRun struct {
	open    bool
	charset string
	base64  string // undecoded rest of a quantum that goes on in the next word
	raw     []byte
}

func (r *wordRun) add(out *strings.Builder, w encodedWord) {
	if r.open && !strings.EqualFold(r.charset, w.charset) {
		r.flush(out)
	}
	r.open, r.charset = true, w.charset
	if !w.base64 {
		r.flushBase64()
		r.raw = appendQ(r.raw, w.text)
		return
	}
	r.base64 += strings.Map(func(c rune) rune {
		if c < 0x80 && isBase64(byte(c)) {
			return c
		}
		return -1
	}, w.text)
	if len(r.base64)%4 == 0 || strings.Contains(w.text, "=") {
		r.flushBase64()
	}
}

func (r *wordRun) flushBase64() {
	if r.base64 == "" {
		return
	}
	s := r.base64
	r.base64 = ""
	if len(s)%4 == 1 {
		s = s[:len(s)-1]
	}
	b, err := base64.RawStdEncoding.DecodeString(s)
	if err == nil {
		r.raw = append(r.raw, b...)
	}
}

func (r *wordRun) flush(out *strings.Builder) {
	if !r.open {
		return
	}
	r.flushBase64()
	text, _ := decodeText(r.raw, r.charset)
	out.WriteString(text)
	*r = wordRun{}
}

// appendQ decodes the Q encoding; broken escapes are kept as they are.
func appendQ(dst []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '_':
			dst = append(dst, ' ')
		case s[i] == '=' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]):
			dst = append(dst, unhex(s[i+1])<<4|unhex(s[i+2]))
			i += 2
		default:
			dst = append(dst, s[i])
		}
	}
	return dst
}

func unhex(c byte) byte {
	switch {
	case c <= '9':
		return c - '0'
	case c >= 'a':
		return c - 'a' + 10
	}
	return c - 'A' + 10
}

// percentDecode decodes %XX; broken escapes are kept as they are.
func percentDecode(s string, plus bool) []byte {
	var b bytes.Buffer
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '+' && plus:
			b.WriteByte(' ')
		case s[i] == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]):
			b.WriteByte(unhex(s[i+1])<<4 | unhex(s[i+2]))
			i += 2
		default:
			b.WriteByte(s[i])
		}
	}
	return b.Bytes()
}
