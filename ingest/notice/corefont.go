package notice

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// windows1252 holds what the code page puts where Unicode has control characters
// (ISO 32000-1, annex D.1); 0 is an empty place.
var windows1252 = [...]rune{
	'€', 0, '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', 0, 'Ž', 0,
	0, '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', 0, 'ž', 'Ÿ',
}

// nearest stands for what the code page lacks and no accent taken off helps.
var nearest = strings.NewReplacer(
	"\u202f", "\u00a0", "\u2009", "\u00a0", "\u2011", "-", "\u2212", "-",
	"ł", "l", "Ł", "L", "đ", "d", "Đ", "D", "ı", "i", "ħ", "h", "Ħ", "H", "ŧ", "t", "Ŧ", "T",
)

// inCoreFont encodes a line for the fonts that every PDF reader has: windows-1252, which
// holds all of French. Letters of other languages lose the accents that it lacks; the rest
// becomes question marks.
func inCoreFont(s string) string {
	var b []byte
	// What a Mac writes as letter and accent is joined first.
	for _, r := range nearest.Replace(norm.NFC.String(s)) {
		c, ok := coreFontByte(r)
		if !ok {
			// The letter comes first in its parts; accents without one go.
			for _, part := range norm.NFD.String(string(r)) {
				c, ok = coreFontByte(part)
				break
			}
		}
		if !ok {
			if unicode.Is(unicode.Mn, r) {
				continue
			}
			c = '?'
		}
		b = append(b, c)
	}
	return string(b)
}

func coreFontByte(r rune) (byte, bool) {
	if ' ' <= r && r <= '~' || 0xa0 <= r && r <= 0xff {
		return byte(r), true
	}
	for i, c := range windows1252 {
		if c == r && c != 0 {
			return byte(0x80 + i), true
		}
	}
	return 0, false
}
