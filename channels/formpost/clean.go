package formpost

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// Clean makes foreign bytes a string that can be shown: valid UTF-8 with LF line
// ends, no NUL or other control character, no space around. Bytes that are not UTF-8
// are taken as windows-1252, which covers what old French scripts send; guessed is
// true then.
func Clean(b []byte) (s string, guessed bool) {
	if !utf8.Valid(b) {
		guessed = true
		// Every byte has a meaning in this decoder, so it cannot fail.
		b, _ = charmap.Windows1252.NewDecoder().Bytes(b)
	}
	s = string(b)
	if strings.IndexFunc(s, IsControl) >= 0 {
		s = strings.ReplaceAll(s, "\r\n", "\n")
		s = strings.Map(func(r rune) rune {
			switch {
			case r == '\r':
				return '\n'
			case IsControl(r):
				return -1
			}
			return r
		}, s)
	}
	return strings.TrimSpace(s), guessed
}

// IsControl holds for what no text field should contain: C0 and C1 controls except
// tab and line feed, and the bidirectional overrides that make a text read as
// another than it is (Unicode TR 36 §2.5).
func IsControl(r rune) bool {
	return r < 0x20 && r != '\n' && r != '\t' || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069
}
