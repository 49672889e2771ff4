package desk

import (
	"strings"

	"github.com/sergi/go-diff/diffmatchpatch"
)

// lineDiff is how two texts differ, by lines.
type lineDiff struct {
	Lines []diffLine
	// Long is set when they are too long to be compared.
	Long bool
}

// diffLine is a line of one or both texts.
type diffLine struct {
	// Mark is + for a line of the new text, - for one of the old, "" for one of both.
	Mark     string
	Old, New int // its number; 0 where it is not
	Text     string
	// Gap is set where lines that both texts have are left out before it.
	Gap bool
}

const (
	// diffContext is how many lines are shown around those that differ.
	diffContext = 3
	// maxDiffLines bounds how many lines of each text are compared.
	maxDiffLines = 20000
)

// diffLines compares two texts line by line.
func diffLines(before, after string) lineDiff {
	old, fresh := splitLines(before), splitLines(after)
	if len(old) > maxDiffLines || len(fresh) > maxDiffLines {
		return lineDiff{Long: true}
	}
	known := map[string]rune{}
	d := diffmatchpatch.New()
	d.DiffTimeout = diffTime
	var all []diffLine
	atOld, atNew := 0, 0
	for _, part := range d.DiffMainRunes(runesOf(known, old), runesOf(known, fresh), false) {
		for range []rune(part.Text) {
			var l diffLine
			switch part.Type {
			case diffmatchpatch.DiffDelete:
				l = diffLine{Mark: "-", Old: atOld + 1, Text: old[atOld]}
				atOld++
			case diffmatchpatch.DiffInsert:
				l = diffLine{Mark: "+", New: atNew + 1, Text: fresh[atNew]}
				atNew++
			case diffmatchpatch.DiffEqual:
				l = diffLine{Old: atOld + 1, New: atNew + 1, Text: old[atOld]}
				atOld++
				atNew++
			}
			all = append(all, l)
		}
	}
	return lineDiff{Lines: around(all)}
}

func splitLines(s string) []string {
	if s = strings.TrimSuffix(s, "\n"); s == "" {
		return nil
	}
	return strings.Split(s, "\n")
}

// runesOf gives each line or word that is told apart a character of its own, as the
// comparison wants them.
func runesOf(known map[string]rune, texts []string) []rune {
	out := make([]rune, len(texts))
	for i, text := range texts {
		r, ok := known[text]
		if !ok {
			if r = rune(len(known) + 1); r >= 0xD800 { // surrogates are no characters
				r += 0x800
			}
			known[text] = r
		}
		out[i] = r
	}
	return out
}

// around leaves out the lines that are far from any that differs.
func around(all []diffLine) []diffLine {
	near := make([]bool, len(all))
	for i, l := range all {
		if l.Mark == "" {
			continue
		}
		for j := max(0, i-diffContext); j < min(len(all), i+diffContext+1); j++ {
			near[j] = true
		}
	}
	var out []diffLine
	for i, l := range all {
		if near[i] {
			l.Gap = i > 0 && !near[i-1]
			out = append(out, l)
		}
	}
	return out
}
