package child

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"saisine.fr/saisine/ocr/leptonica"
	"saisine.fr/saisine/ocr/poppler"
	"saisine.fr/saisine/ocr/prepare"
	"saisine.fr/saisine/ocr/tesseract"
	"saisine.fr/saisine/ocr/wire"
)

// Where the text of a page comes from.
const (
	SourceTextLayer = "text-layer"
	SourceOCR       = "ocr"
	SourceBlank     = "blank"
)

const (
	// renderDPI is what PDF pages are drawn at: higher than pages are read at, so that
	// scaling down smooths the edges of 1-bit images, which poppler leaves jagged.
	renderDPI = 300
	// nonsense is the confidence below which a reading is taken for a sign that the
	// page lay otherwise, or was no plain image.
	nonsense = 0.6
	// solid is the confidence from which a word counts when readings are compared.
	solid = 0.7
)

// errPixels means that an image is larger than the limit.
var errPixels = errors.New("child: too many pixels")

// page reads one page. An error is a fault of the machine.
func (s *server) page(ctx context.Context, path string, t wire.Task) (wire.Response, error) {
	// Second ways are taken only while there is time for them.
	deadline := time.Now().Add(time.Duration(s.cfg.StepSeconds) * time.Second / 3)
	page, err := s.read(ctx, path, t, deadline)
	again := t.Method == wire.MethodEmbedded && time.Now().Before(deadline) &&
		(err != nil && !machine(err) || err == nil && page.Source == SourceOCR && page.Confidence < nonsense)
	if again {
		// Mirrored, inverted, or something is drawn over it: let poppler draw the page.
		t.Method = wire.MethodRender
		second, err2 := s.read(ctx, path, t, deadline)
		if err2 == nil && (err != nil || second.Confidence > page.Confidence) {
			page, err = second, nil
		}
	}
	switch {
	case err == nil:
		return wire.Response{Page: &page}, nil
	case machine(err):
		return wire.Response{}, err
	}
	return wire.Response{Problems: []wire.Problem{pageProblem(t.Number, err)}}, nil
}

func pageProblem(n int, err error) wire.Problem {
	switch {
	case errors.Is(err, errPixels):
		return problem("too_many_pixels", "Page %d : l’image dépasse la taille admise.", n)
	case errors.Is(err, poppler.ErrLimit):
		return problem("page_failed", "Page %d : elle demande trop de temps ou de mémoire.", n)
	case errors.Is(err, prepare.ErrTooSmall):
		return problem("page_failed", "Page %d : l’image est trop petite pour contenir du texte.", n)
	}
	return problem("page_failed", "Page %d : l’image est illisible ou endommagée.", n)
}

func (s *server) read(ctx context.Context, path string, t wire.Task, deadline time.Time) (wire.Page, error) {
	pix, dpi, err := s.image(ctx, path, t)
	if err != nil {
		return wire.Page{}, err
	}
	defer pix.Close()
	ready, err := prepare.Page(pix, dpi)
	if err != nil {
		return wire.Page{}, err
	}
	pix.Close() // no longer needed, and large
	defer ready.Close()
	page := wire.Page{Number: t.Number, Source: SourceOCR, Rotation: ready.Rotation}
	if ready.Blank {
		page.Source, page.Confidence = SourceBlank, 1
		return page, nil
	}
	best, err := s.recognise(ready.Image, ready.DPI)
	if err != nil {
		return wire.Page{}, err
	}
	if !ready.Certain && best.Confidence < nonsense {
		for quarters := 1; quarters < 4 && time.Now().Before(deadline); quarters++ {
			other, err := s.turned(ready.Image, ready.DPI, quarters)
			if err != nil {
				return wire.Page{}, err
			}
			if weight(other) > weight(best) {
				best, page.Rotation = other, quarters*90
			}
		}
	}
	// Stamps were cut out before the page was turned upright.
	for _, stamp := range ready.Stamps {
		res, err := s.turned(stamp, ready.DPI, page.Rotation/90)
		if err != nil {
			return wire.Page{}, err
		}
		if res.Text != "" {
			page.Stamps = append(page.Stamps, res.Text)
		}
	}
	page.Text, page.Confidence = best.Text, best.Confidence
	return page, nil
}

func (s *server) recognise(img *leptonica.Pix, dpi int) (tesseract.Result, error) {
	pnm, err := img.PNM()
	if err != nil {
		return tesseract.Result{}, err
	}
	return s.engine.Read(pnm, dpi)
}

// turned reads an image turned clockwise by quarters × 90°.
func (s *server) turned(img *leptonica.Pix, dpi, quarters int) (tesseract.Result, error) {
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

// image comes by the image of a page, and its resolution where that is known. The
// limit on pixels is checked before anything is decoded.
func (s *server) image(ctx context.Context, path string, t wire.Task) (*leptonica.Pix, int, error) {
	switch t.Method {
	case wire.MethodEmbedded:
		data, err := s.pdf.Extract(ctx, path, t.Number)
		if err != nil {
			return nil, 0, err
		}
		pix, err := s.decode(data)
		if err != nil || t.Turn == 0 {
			return pix, t.DPI, err
		}
		defer pix.Close()
		turned, err := pix.Turned(t.Turn / 90)
		return turned, t.DPI, err
	case wire.MethodRender:
		side := longSide(t.Width, t.Height, s.cfg.MaxPixels)
		data, err := s.pdf.Render(ctx, path, t.Number, side)
		if err != nil {
			return nil, 0, err
		}
		pix, err := s.decode(data)
		dpi := 0
		if long := math.Max(t.Width, t.Height); long > 0 {
			dpi = max(1, int(math.Round(float64(side)/long*72)))
		}
		return pix, dpi, err
	case wire.MethodTIFF:
		data, err := readFile(path)
		if err != nil {
			return nil, 0, err
		}
		head, err := leptonica.ReadTIFFHeader(data, t.Number-1)
		if err != nil {
			return nil, 0, err
		}
		if err := s.admit(head); err != nil {
			return nil, 0, err
		}
		pix, err := leptonica.ReadTIFF(data, t.Number-1)
		return pix, 0, err
	case wire.MethodImage:
		data, err := readFile(path)
		if err != nil {
			return nil, 0, err
		}
		pix, err := s.decode(data)
		return pix, 0, err
	}
	return nil, 0, fmt.Errorf("child: unknown method %q", t.Method)
}

func (s *server) decode(data []byte) (*leptonica.Pix, error) {
	head, err := leptonica.ReadHeader(data)
	if err != nil {
		return nil, err
	}
	if err := s.admit(head); err != nil {
		return nil, err
	}
	return leptonica.Read(data)
}

func (s *server) admit(h leptonica.Header) error {
	if h.Width > s.cfg.MaxPixels/h.Height {
		return errPixels
	}
	return nil
}

// longSide is the longer side in pixels that a page is drawn with: renderDPI, but
// never so much that a square of it exceeds the limit, whatever the file claims.
func longSide(width, height float64, maxPixels int) int {
	most := int(math.Sqrt(float64(maxPixels)))
	long := math.Max(width, height)
	if long <= 0 {
		return min(most, 3508) // an A4 page
	}
	return max(64, min(most, int(math.Round(long/72*renderDPI))))
}
