package child

import (
	"strings"
	"unicode"
)

const (
	// enoughWords is how many words of a text layer stand for the page when an image
	// lies under them: fewer may be a stamp or page number on a scan.
	enoughWords = 20
	// minLetters is the share of letters and digits among the visible characters of
	// real text.
	minLetters = 0.6
	// minWords is the share of the letters that stand in plausible words of at least
	// three letters.
	minWords = 0.5
	// minVowels is the share of vowels among the Latin letters: 0.45 in French, below 0.1
	// where a font shifted each letter.
	minVowels = 0.2
	// maxFaults is the share of characters that no text contains.
	maxFaults = 0.02
)

// trusted reports whether the text layer of a page says what the page shows. Fonts
// without a table to Unicode, and bad recognition by a copier, give layers of
// private-use characters, shifted letters or crumbs; such a page is recognised anew.
func trusted(text string, overImage bool) bool {
	var visible, letters, alnum, faults int
	for _, r := range text {
		switch {
		case unicode.IsSpace(r):
			continue
		case r == unicode.ReplacementChar, unicode.Is(unicode.Co, r), unicode.IsControl(r):
			faults++
		case unicode.IsLetter(r):
			letters++
			alnum++
		case unicode.IsDigit(r):
			alnum++
		}
		visible++
	}
	if visible == 0 || letters == 0 {
		return false
	}
	if float64(faults) > maxFaults*float64(visible) || float64(alnum) < minLetters*float64(visible) {
		return false
	}
	words, inWords, latin, vowels := 0, 0, 0, 0
	for _, w := range strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) }) {
		c := count(w)
		latin += c.letters - c.foreign
		vowels += c.vowels
		if c.plausible() {
			words++
			if c.letters >= 3 {
				inWords += c.letters
			}
		}
	}
	if float64(inWords) < minWords*float64(letters) || float64(vowels) < minVowels*float64(latin) || mojibake(text) {
		return false
	}
	return words > 0 && (!overImage || words >= enoughWords)
}

// counts is what a run of letters is made of.
type counts struct {
	letters, vowels, uppers, foreign int
	// turns counts the capitals after a small letter.
	turns int
}

func count(w string) counts {
	var c counts
	lowerBefore := false
	for _, r := range w {
		c.letters++
		if !unicode.Is(unicode.Latin, r) {
			c.foreign++
		}
		if strings.ContainsRune("aeiouyàâäéèêëîïôöùûüÿœæ", unicode.ToLower(r)) {
			c.vowels++
		}
		if unicode.IsUpper(r) {
			c.uppers++
			if lowerBefore {
				c.turns++
			}
		}
		lowerBefore = unicode.IsLower(r)
	}
	return c
}

// plausible reports whether a run of letters can be a word of a European language: at
// most 30 letters, with a vowel unless it is an abbreviation, and no more than one
// capital after a small letter. Of other scripts only the length is judged.
func (c counts) plausible() bool {
	switch {
	case c.letters > 30:
		return false
	case c.foreign == c.letters:
		return true
	case c.foreign > 0 || c.turns > 1:
		return false
	case c.uppers == c.letters:
		return c.vowels > 0 || c.letters <= 5
	}
	return c.vowels > 0 || c.letters <= 2
}

// mojibake reports whether the text is UTF-8 that was taken for Latin-1: "Ã©" for "é".
func mojibake(text string) bool {
	bad := 0
	var before rune
	for _, r := range text {
		if (before == 'Ã' || before == 'Â') && r >= 0x80 && r <= 0xbf {
			bad++
		}
		before = r
	}
	return bad >= 3
}

// tidy drops what text of a PDF carries beside the text: blanks at line ends, control
// characters, soft hyphens, and more than one empty line.
func tidy(text string) string {
	text = strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || (!unicode.IsControl(r) && r != '\u00ad' && r != unicode.ReplacementChar) {
			return r
		}
		return -1
	}, text)
	var b strings.Builder
	empty := 0
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, " \t\n\u00a0")
		if line == "" {
			empty++
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('\n')
			if empty > 0 {
				b.WriteByte('\n')
			}
		}
		empty = 0
		b.WriteString(line)
	}
	return b.String()
}
