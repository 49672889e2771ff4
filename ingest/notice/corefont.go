package notice

import "strings"

// windows1252 holds what the code page puts where Unicode has control characters
// (ISO 32000-1, annex D.1); 0 is an empty place.
var windows1252 = [...]rune{
	'€', 0, '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', 0, 'Ž', 0,
	0, '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', 0, 'ž', 'Ÿ',
}

// composed joins letters and accents that a Mac writes apart, and maps spaces and hyphens
// that the code page lacks to their nearest.
var composed = strings.NewReplacer(
	"a\u0300", "à", "a\u0302", "â", "a\u0308", "ä", "c\u0327", "ç", "e\u0301", "é", "e\u0300", "è", "e\u0302", "ê", "e\u0308", "ë",
	"i\u0302", "î", "i\u0308", "ï", "o\u0302", "ô", "o\u0308", "ö", "u\u0300", "ù", "u\u0302", "û", "u\u0308", "ü", "n\u0303", "ñ",
	"A\u0300", "À", "A\u0302", "Â", "A\u0308", "Ä", "C\u0327", "Ç", "E\u0301", "É", "E\u0300", "È", "E\u0302", "Ê", "E\u0308", "Ë",
	"I\u0302", "Î", "I\u0308", "Ï", "O\u0302", "Ô", "O\u0308", "Ö", "U\u0300", "Ù", "U\u0302", "Û", "U\u0308", "Ü", "N\u0303", "Ñ",
	"\u202f", "\u00a0", "\u2009", "\u00a0", "\u2011", "-",
)

// inCoreFont encodes a line for the fonts that every PDF reader has: windows-1252, which
// holds all of French. What it lacks becomes a question mark.
func inCoreFont(s string) string {
	var b []byte
	for _, r := range composed.Replace(s) {
		b = append(b, coreFontByte(r))
	}
	return string(b)
}

func coreFontByte(r rune) byte {
	if ' ' <= r && r <= '~' || 0xa0 <= r && r <= 0xff {
		return byte(r)
	}
	for i, c := range windows1252 {
		if c == r && c != 0 {
			return byte(0x80 + i)
		}
	}
	return '?'
}
