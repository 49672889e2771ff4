package office

import (
	"strconv"
	"strings"
)

// Symbol fonts put their signs at the places of letters, in documents mostly moved to
// the private use area U+F020 to U+F0FF. What they mean there is known only to the font.

// wingdings are the signs of Wingdings that letters and forms use: ticks, boxes,
// bullets, arrows, and what stands before telephone numbers and addresses.
var wingdings = map[byte]rune{
	0x22: '✂', 0x28: '☎', 0x29: '✆', 0x2A: '✉', 0x2B: '✉', 0x36: '⌛', 0x37: '⌨', 0x3F: '✍', 0x46: '☞',
	0x4A: '☺', 0x4C: '☹', 0x6C: '●', 0x6D: '❍', 0x6E: '■', 0x6F: '☐', 0x70: '☐', 0x71: '☐', 0x72: '☐',
	0x75: '◆', 0x76: '❖', 0x77: '◆', 0x9F: '•', 0xA1: '○', 0xA7: '▪', 0xA8: '☐', 0xD8: '➢', 0xDF: '←', 0xE0: '→',
	0xE8: '➔', 0xF0: '⇨', 0xFB: '✗', 0xFC: '✓', 0xFD: '☒', 0xFE: '☑',
}

// symbolLatin are the Greek letters of the font Symbol, at 0x41 and 0x61 (Adobe Symbol
// encoding).
const (
	symbolUpper = "ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖ"
	symbolLower = "αβχδεφγηιϕκλμνοπθρστυϖωξψζ"
)

var symbolSigns = map[byte]rune{
	0xA2: '′', 0xA3: '≤', 0xA5: '∞', 0xAB: '↔', 0xAC: '←', 0xAD: '↑', 0xAE: '→', 0xAF: '↓', 0xB0: '°', 0xB1: '±', 0xB2: '″',
	0xB3: '≥', 0xB4: '×', 0xB7: '•', 0xB8: '÷', 0xB9: '≠', 0xBB: '≈', 0xBC: '…', 0xD2: '®', 0xD3: '©', 0xD4: '™', 0xD6: '√',
	0xDE: '⇒', 0xA0: '€', 0x2D: '−', 0x2A: '∗',
}

// symbol returns what a sign of a symbol font means, U+FFFD for one that is not known.
func symbol(font string, c rune) rune {
	if c < 0x20 || c > 0xFF && (c < 0xF020 || c > 0xF0FF) {
		return c
	}
	b := byte(c)
	lower := strings.ToLower(font)
	switch {
	case strings.Contains(lower, "wingdings"), strings.Contains(lower, "webdings"):
		if r, ok := wingdings[b]; ok {
			return r
		}
	case lower == "symbol":
		if r, ok := symbolSigns[b]; ok {
			return r
		}
		switch {
		case b >= 'A' && b <= 'Z':
			return []rune(symbolUpper)[b-'A']
		case b >= 'a' && b <= 'z':
			return []rune(symbolLower)[b-'a']
		case b < 0x7F:
			return rune(b)
		}
	case c <= 0xFF:
		return c
	case b == 0xB7:
		return '•'
	default:
		if r, ok := wingdings[b]; ok && b >= 0x80 {
			return r
		}
		if b < 0x7F {
			return rune(b)
		}
	}
	return '\uFFFD'
}

// symbolAt is symbol for a place that is written in hexadecimal.
func symbolAt(font, hex string) rune {
	n, err := strconv.ParseUint(hex, 16, 32)
	if err != nil || n > 0xFFFF {
		return '\uFFFD'
	}
	if n < 0x20 {
		return ' '
	}
	return symbol(font, rune(n))
}
