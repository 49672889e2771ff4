package message

import (
	"strings"
	"unicode/utf8"
)

// cleanText brings text to what every text here is: valid UTF-8, line feeds for line
// ends, no NUL and no other control character than line feed and tab. Byte order
// marks go too; blanks at line ends stay, since format=flowed and signature
// separators mean something by them.
func cleanText(s string) string {
	if isClean(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c < 0x7F || c == '\n' || c == '\t' {
			b.WriteByte(c)
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		i += n
		switch {
		case r == '\r':
			if i < len(s) && s[i] == '\n' {
				continue
			}
			b.WriteByte('\n')
		case r == '\f' || r == '\u2028' || r == '\u2029' || r == '\u0085':
			b.WriteByte('\n')
		case r == '\v':
			b.WriteByte(' ')
		case r < ' ', r >= 0x7F && r < 0xA0, r == '\uFEFF':
		default:
			b.WriteRune(r) // writes U+FFFD for a broken sequence
		}
	}
	return b.String()
}

func isClean(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\n' && c != '\t' || c >= 0x7F {
			return false
		}
	}
	return true
}

// cleanLine is cleanText for what must be one line, with runs of blanks as one.
func cleanLine(s string) string {
	return strings.Join(strings.Fields(cleanText(s)), " ")
}

// Cut shortens s to at most n bytes without breaking a character.
func Cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// unflow undoes format=flowed (RFC 3676): lines that end in a blank go on in the next
// one of the same quoting depth. delSp says that this blank is not part of the text.
func unflow(s string, delSp bool) string {
	var b strings.Builder
	b.Grow(len(s))
	open, openDepth := false, 0
	for line := range strings.SplitSeq(s, "\n") {
		depth := 0
		for depth < len(line) && line[depth] == '>' {
			depth++
		}
		rest := line[depth:]
		rest = strings.TrimPrefix(rest, " ") // space-stuffing, §4.4
		signature := rest == "-- "
		if open && (depth != openDepth || signature) {
			b.WriteByte('\n') // an improper paragraph end, §4.5
			open = false
		}
		if !open && depth > 0 {
			b.WriteString(line[:depth])
			b.WriteByte(' ')
		}
		flowed := !signature && strings.HasSuffix(rest, " ")
		if flowed && delSp {
			rest = rest[:len(rest)-1]
		}
		b.WriteString(rest)
		if !flowed {
			b.WriteByte('\n')
		}
		open, openDepth = flowed, depth
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// tidy trims blank lines around a text and leaves at most two in a row within it.
func tidy(s string) string {
	s = strings.Trim(s, "\n\t ")
	if !strings.Contains(s, "\n\n\n\n") {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	run := 0
	for i := range len(s) {
		if s[i] == '\n' {
			run++
			if run > 3 {
				continue
			}
		} else {
			run = 0
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
