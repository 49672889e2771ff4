package desk

import (
	"math"
	"strings"
)

// doubtful is the confidence below which a word is marked. OCR takes the same measure to say
// that a page was read badly (ocr/child, weakWord): of the words below it about every second
// one is wrong, of those above it hardly any.
const doubtful = 0.7

// segment is a part of a text. Doubt numbers the doubtful word that it is, from 0; -1 for the
// words between.
type segment struct {
	Text  string
	Doubt int
}

// wordBox is a doubtful word on the image, in units of which the page is 1000 wide.
type wordBox struct{ N, X, Y, W, H int }

// lookahead is how many bytes further on in a text a word of the page is looked for: the two
// are in the same order, but joined words, hyphens and headings can be told otherwise.
const lookahead = 400

// markDoubtful finds the doubtful words of a page in its text. A word that is not found there
// is marked in neither, so that both have the same numbers.
func markDoubtful(text string, words []PageWord, height int) ([]segment, []wordBox) {
	var segments []segment
	var boxes []wordBox
	done, at := 0, 0
	for _, w := range words {
		if w.Text == "" {
			continue
		}
		i := strings.Index(text[at:min(len(text), at+lookahead+len(w.Text))], w.Text)
		if i < 0 {
			continue
		}
		from := at + i
		at = from + len(w.Text)
		if w.Confidence >= doubtful {
			continue
		}
		if from > done {
			segments = append(segments, segment{text[done:from], -1})
		}
		segments = append(segments, segment{w.Text, len(boxes)})
		done = at
		boxes = append(boxes, boxOf(w, len(boxes), height))
	}
	if done < len(text) {
		segments = append(segments, segment{text[done:], -1})
	}
	return segments, boxes
}

// boxOf is a word's box with a little room round it.
func boxOf(w PageWord, n, height int) wordBox {
	const room = 3
	clamp := func(x float64) float64 { return min(max(x, 0), 1) }
	x0, y0 := clamp(w.X)*1000-room, clamp(w.Y)*float64(height)-room
	x1, y1 := clamp(w.X+w.W)*1000+room, clamp(w.Y+w.H)*float64(height)+room
	return wordBox{n, int(math.Round(x0)), int(math.Round(y0)), int(math.Round(x1 - x0)), int(math.Round(y1 - y0))}
}
