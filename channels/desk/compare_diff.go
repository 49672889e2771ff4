package desk

import (
	"strings"
	"time"
	"unicode"

	"github.com/sergi/go-diff/diffmatchpatch"
)

// diffPart is a part of a text: words that the other text has too, or not.
type diffPart struct {
	Text  string
	Other bool // it is not in the other text
}

// diffTime is after which time a comparison settles for less than the smallest difference.
const diffTime = 200 * time.Millisecond

// maxDiffWords bounds how many words of each text are compared: the comparison is for a look,
// and its cost grows with their product in the worst case.
const maxDiffWords = 5000

// diffWords marks the words by which two texts differ. The parts of each, joined, are the text
// as it was.
func diffWords(a, b string) (inA, inB []diffPart) {
	wordsA, restA := splitWords(a)
	wordsB, restB := splitWords(b)
	known := map[string]rune{}
	d := diffmatchpatch.New()
	d.DiffTimeout = diffTime
	for _, part := range d.DiffMainRunes(runesOf(known, bareWords(wordsA)), runesOf(known, bareWords(wordsB)), false) {
		n := len([]rune(part.Text))
		if part.Type != diffmatchpatch.DiffInsert {
			inA = appendWords(inA, wordsA[:n], part.Type != diffmatchpatch.DiffEqual)
			wordsA = wordsA[n:]
		}
		if part.Type != diffmatchpatch.DiffDelete {
			inB = appendWords(inB, wordsB[:n], part.Type != diffmatchpatch.DiffEqual)
			wordsB = wordsB[n:]
		}
	}
	return appendWords(inA, restA, false), appendWords(inB, restB, false)
}

// bareWords are the words without the signs around them, in small letters: what makes two
// words the same.
func bareWords(words []string) []string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = strings.ToLower(strings.TrimFunc(w, func(r rune) bool { return !inWord(r) }))
	}
	return out
}

func inWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) }

// appendWords adds words as one part; white space at its end is never marked.
func appendWords(parts []diffPart, words []string, other bool) []diffPart {
	text := strings.Join(words, "")
	if text == "" {
		return parts
	}
	other = other && strings.IndexFunc(text, inWord) >= 0 // a dash is no difference
	if trimmed := strings.TrimRightFunc(text, unicode.IsSpace); other && trimmed != text {
		if trimmed != "" {
			parts = append(parts, diffPart{trimmed, true})
		}
		return append(parts, diffPart{text[len(trimmed):], false})
	}
	return append(parts, diffPart{text, other})
}

// splitWords cuts a text into words, each with the white space after it. What is beyond the
// bound is the rest.
func splitWords(text string) (words, rest []string) {
	start, space := 0, false
	for i, r := range text {
		isSpace := unicode.IsSpace(r)
		if space && !isSpace {
			if len(words) == maxDiffWords {
				return words, []string{text[start:]}
			}
			words = append(words, text[start:i])
			start = i
		}
		space = isSpace
	}
	if start < len(text) {
		words = append(words, text[start:])
	}
	return words, nil
}
