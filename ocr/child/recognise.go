package child

import (
	"time"

	"saisine.fr/saisine/ocr/leptonica"
	"saisine.fr/saisine/ocr/prepare"
	"saisine.fr/saisine/ocr/tesseract"
	"saisine.fr/saisine/ocr/wire"
)

const (
	// solid is the confidence from which a word counts when readings are compared.
	solid = 0.7
	// maxLayout is how many words a layout holds at most; a page of small print has
	// some thousand. More are noise, and would not fit into a frame.
	maxLayout = 20_000
)

// reading is what was recognised on a prepared page.
type reading struct {
	tesseract.Result
	// quarters is by how many times 90° clockwise the prepared page was turned for it.
	quarters int
	evidence evidence
}

// recogniseBest reads a prepared page, at other orientations too where the first makes
// no sense and nothing showed how the page lies.
func (s *server) recogniseBest(ready *prepare.Result, deadline time.Time) (reading, error) {
	var best reading
	var err error
	if best.Result, err = s.recognise(ready.Image, ready.DPI); err != nil {
		return best, err
	}
	if !ready.Certain && best.Confidence < nonsense {
		for quarters := 1; quarters < 4 && time.Now().Before(deadline); quarters++ {
			other, err := s.turned(ready.Image, ready.DPI, quarters)
			if err != nil {
				return best, err
			}
			if weight(other) > weight(best.Result) {
				best.Result, best.quarters = other, quarters
			}
		}
	}
	best.evidence, err = weigh(ready, best)
	return best, err
}

func (s *server) recognise(img *leptonica.Pix, dpi int) (tesseract.Result, error) {
	spix, err := img.Spix()
	if err != nil {
		return tesseract.Result{}, err
	}
	return s.engine.Read(spix, dpi)
}

// turned reads an image turned clockwise by quarters × 90°.
func (s *server) turned(img *leptonica.Pix, dpi, quarters int) (tesseract.Result, error) {
	if quarters == 0 {
		return s.recognise(img, dpi)
	}
	other, err := img.Turned(quarters)
	if err != nil {
		return tesseract.Result{}, err
	}
	defer other.Close()
	return s.recognise(other, dpi)
}

// weight is how many characters of a reading stand in words that it is sure of.
func weight(r tesseract.Result) int {
	n := 0
	for _, w := range r.Words {
		if w.Confidence >= solid && len(w.Text) > 1 {
			n += len(w.Text)
		}
	}
	return n
}

// layout says where the words of a reading stand. The frame is the prepared page,
// turned as it was for the reading: turning by quarters and straightening are both about
// the centre, so that their order does not matter.
func layout(ready *prepare.Result, r reading) *wire.Layout {
	if len(r.Words) == 0 || len(r.Words) > maxLayout {
		return nil
	}
	w, h := ready.Image.Size()
	if r.quarters%2 == 1 {
		w, h = h, w
	}
	l := &wire.Layout{Width: w, Height: h, DPI: ready.DPI, Skew: ready.Skew, Words: make([]wire.Word, len(r.Words))}
	for i, word := range r.Words {
		l.Words[i] = wire.Word{
			Text: word.Text, Confidence: word.Confidence,
			X: word.X, Y: word.Y, W: word.W, H: word.H, Line: word.Line,
		}
	}
	return l
}
