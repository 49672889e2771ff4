package place

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// fold gives s in lower case without accents, ligatures taken apart and every apostrophe and hyphen made the plain one.
func fold(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	for _, r := range s {
		foldRune(&b, r)
	}
	return b.String()
}

// foldRune writes the folded form of one composed or single character.
func foldRune(b *strings.Builder, r rune) {
	switch {
	case r < 0x80:
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		b.WriteByte(byte(r))
	case r < rune(len(latin)) && latin[r] != "":
		b.WriteString(latin[r])
	case r == 'œ' || r == 'Œ':
		b.WriteString("oe")
	case r == 'æ' || r == 'Æ':
		b.WriteString("ae")
	case isApostrophe(r):
		b.WriteByte('\'')
	case isHyphen(r):
		b.WriteByte('-')
	case r == 'º':
		b.WriteRune('°')
	case unicode.IsLetter(r):
		var buf [16]byte
		out := norm.NFD.AppendString(buf[:0], string(unicode.ToLower(r)))
		for _, d := range string(out) {
			if !unicode.Is(unicode.Mn, d) {
				b.WriteRune(d)
			}
		}
	case unicode.Is(unicode.Mn, r):
	default:
		b.WriteRune(r)
	}
}

// latin has the folded form of the letters of Latin-1 and Latin Extended-A, which is every letter of French, to be quick.
var latin = func() (table [0x180]string) {
	for r := rune(0xC0); r < rune(len(table)); r++ {
		if !unicode.IsLetter(r) || r == 'œ' || r == 'Œ' || r == 'æ' || r == 'Æ' {
			continue
		}
		var b strings.Builder
		for _, d := range norm.NFD.String(string(unicode.ToLower(r))) {
			if !unicode.Is(unicode.Mn, d) {
				b.WriteRune(d)
			}
		}
		table[r] = b.String()
	}
	return table
}()

func isApostrophe(r rune) bool {
	return r == '\'' || r == '’' || r == 'ʼ' || r == '‘' || r == '´'
}

func isHyphen(r rune) bool { return r == '-' || r == '‐' || r == '‑' }

// contentWords gives the folded words of a phrase that carry meaning: abbreviations written out, articles and
// particles left out, hyphens and apostrophes taken apart.
func contentWords(s string) []string {
	words := splitWords(fold(s))
	out := make([]string, 0, len(words))
	for i, w := range words {
		if particles[w] && i < len(words)-1 {
			continue
		}
		if t, ok := wayTypes[w]; ok && i == 0 {
			w = t.name
		} else if long, ok := nameAbbreviations[w]; ok {
			w = long
		}
		out = append(out, splitWords(w)...)
	}
	return out
}

// splitWords gives the runs of letters and digits of s.
func splitWords(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// streetKey is the content words of a street as one string.
func streetKey(s string) string { return strings.Join(contentWords(s), " ") }
