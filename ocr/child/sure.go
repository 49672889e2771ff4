package child

import (
	"unicode/utf8"

	"saisine.fr/saisine/ocr/prepare"
	"saisine.fr/saisine/ocr/tesseract"
)

// A reading is sure when all of these hold. On clean pages confidence is 0.93 and more,
// weak 0.05 and less, missed 0.01 and less; on pages with an error rate above 15 %
// confidence is 0.7 and less as a rule, and where it is higher something was missed.
const (
	// minConfidence is the least mean confidence of the words, weighted by their length.
	minConfidence = 0.8
	// maxWeak is the largest share of the characters in words below weakWord.
	maxWeak  = 0.25
	weakWord = 0.7
	// maxMissed is the largest share of marks of a letter's size outside every word.
	maxMissed = 0.08
)

const (
	// textMarks is from how many missed marks on they may have been text.
	textMarks = 12
	// captionChars is up to how many characters a picture's page may have that are not
	// legible: what tesseract sees in leaves and walls.
	captionChars = 200
	// wordMargin is by how many pixels a mark may stick out of its word.
	wordMargin = 3
)

// evidence is what speaks for and against a reading.
type evidence struct {
	// chars of the text, and weak ones of them.
	chars, weak int
	// inside and missed are the marks within and outside the words.
	inside, missed int
	// picture is true when one is on the page, specks when it is or was full of these,
	// faint when its ink could hardly be seen.
	picture, specks, faint bool
}

// unsure reports whether a person should compare the reading with the page. A picture is
// no text that was missed: a photograph sent with a letter says nothing against it.
func (r reading) unsure() bool {
	e := r.evidence
	switch {
	case e.faint:
		return true
	case e.chars == 0:
		return !e.picture && (e.specks || e.missed >= textMarks)
	case r.Confidence < minConfidence || float64(e.weak) > maxWeak*float64(e.chars):
		return !e.picture || e.chars > captionChars
	}
	return e.missed >= textMarks && float64(e.missed) > maxMissed*float64(e.missed+e.inside) && !e.picture
}

// weigh looks for the evidence of a reading on the page that it was made of.
func weigh(ready *prepare.Result, r reading) (evidence, error) {
	e := evidence{picture: ready.Picture, specks: ready.Specks, faint: ready.Faint}
	for _, w := range r.Words {
		n := utf8.RuneCountInString(w.Text)
		e.chars += n
		if w.Confidence < weakWord {
			e.weak += n
		}
	}
	image := ready.Image
	if r.quarters > 0 {
		turned, err := image.Turned(r.quarters)
		if err != nil {
			return e, err
		}
		defer turned.Close()
		image = turned
	}
	marks, err := prepare.Glyphs(image)
	if err != nil {
		return e, err
	}
	_, h := image.Size()
	bands := newBands(r.Words, h)
	for _, m := range marks {
		if bands.hold(m.X+m.W/2, m.Y+m.H/2) {
			e.inside++
		} else {
			e.missed++
		}
	}
	return e, nil
}

// bandHeight is the height in pixels of a band: about that of a line.
const bandHeight = 32

// bands finds the word at a place among thousands: each holds the words that reach into it.
type bands [][]tesseract.Word

func newBands(words []tesseract.Word, height int) bands {
	b := make(bands, height/bandHeight+1)
	for _, w := range words {
		for i := max(0, (w.Y-wordMargin)/bandHeight); i <= (w.Y+w.H+wordMargin)/bandHeight && i < len(b); i++ {
			b[i] = append(b[i], w)
		}
	}
	return b
}

func (b bands) hold(x, y int) bool {
	for _, w := range b[min(max(0, y/bandHeight), len(b)-1)] {
		if x >= w.X-wordMargin && x <= w.X+w.W+wordMargin && y >= w.Y-wordMargin && y <= w.Y+w.H+wordMargin {
			return true
		}
	}
	return false
}
