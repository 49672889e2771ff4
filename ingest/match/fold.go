package match

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Fold reduces a text to its letters and digits, in lower case and without accents,
// so that the same words written on another keyboard or wrapped by another program
// are equal.
func Fold(s string) string { return strings.ReplaceAll(foldWords(s), " ", "") }

// foldWords is Fold with single spaces between the words.
func foldWords(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	gap := false
	for _, r := range norm.NFKD.String(s) {
		switch {
		case unicode.Is(unicode.Mn, r):
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			if gap && b.Len() > 0 {
				b.WriteByte(' ')
			}
			gap = false
			b.WriteRune(unicode.ToLower(r))
		default:
			gap = true
		}
	}
	return b.String()
}
