package child

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"

	"saisine.fr/saisine/ocr/confine"
	"saisine.fr/saisine/ocr/leptonica"
	"saisine.fr/saisine/ocr/poppler"
	"saisine.fr/saisine/ocr/qpdf"
	"saisine.fr/saisine/ocr/wire"
)

const (
	// finer is by how much larger a PDF page is drawn than it is shown: scaling down smooths
	// the edges of 1-bit images, which poppler leaves jagged.
	finer = 1.5
	// shownDPI is the resolution above which a page is not enlarged: there is nothing more to see.
	shownDPI = 300
	// pictureQuality of the JPEG: small type stays clean at it.
	pictureQuality = 78
	// vivid is by how much the colours of a pixel differ that is no grey; less is what JPEG makes of
	// edges. colourful is the share of such pixels from which a page is shown in colour:
	// a signature in blue has twice as many.
	vivid, colourful = 48, 0.0004
)

// pageImage makes the picture of a page. An error is a fault of the machine.
func (s *server) pageImage(ctx context.Context, path string, t *wire.PictureTask) (wire.Response, error) {
	if t == nil || t.Number < 1 || t.Width < 1 || t.Height < 1 {
		return wire.Response{}, errors.New("child: no page to show")
	}
	if s.hooks.BeforePage != nil {
		s.hooks.BeforePage(t.Number)
	}
	picture, err := s.showPage(ctx, path, t)
	switch {
	case err == nil:
		return wire.Response{Picture: &picture}, nil
	case machine(err):
		return wire.Response{}, err
	case errors.Is(err, errNoKind), errors.Is(err, errNoPage), errors.Is(err, poppler.ErrEncrypted), errors.Is(err, qpdf.ErrEncrypted):
		return wire.Response{Problems: []wire.Problem{copyProblem(err)}}, nil
	}
	return wire.Response{Problems: []wire.Problem{pageProblem(t.Number, err)}}, nil
}

func (s *server) showPage(ctx context.Context, path string, t *wire.PictureTask) (wire.Picture, error) {
	pix, err := s.uprightPage(ctx, path, t)
	if err != nil {
		return wire.Picture{}, err
	}
	defer func() { pix.Close() }()
	// then puts the outcome of a step in the place of the image.
	then := func(next *leptonica.Pix, err error) error {
		if err == nil {
			pix.Close()
			pix = next
		}
		return err
	}
	w, h := pix.Size()
	width, height := shownSize(w, h, t)
	if err := then(pix.Scaled(float64(width)/float64(w), float64(height)/float64(h))); err != nil {
		return wire.Picture{}, err
	}
	if pix.Depth() == 1 { // of the size that was asked for: it was only copied
		if err := then(pix.Gray()); err != nil {
			return wire.Picture{}, err
		}
	}
	if t.Frame != nil && t.Frame.Skew != 0 {
		if err := then(pix.Straightened(t.Frame.Skew)); err != nil {
			return wire.Picture{}, err
		}
	}
	if plain, err := colourless(pix); err != nil {
		return wire.Picture{}, err
	} else if plain {
		if err := then(pix.Gray()); err != nil {
			return wire.Picture{}, err
		}
	}
	data, err := pix.JPEG(pictureQuality)
	width, height = pix.Size()
	return wire.Picture{JPEG: data, Width: width, Height: height}, err
}

// shownSize is the size of the picture of an image: as large as permitted, but no larger than the
// image, in the proportions of the frame. A fax has other resolutions across and along, so
// that its image is not of these.
func shownSize(w, h int, t *wire.PictureTask) (width, height int) {
	proportion := float64(h) / float64(w)
	if t.Frame != nil {
		proportion = float64(t.Frame.Height) / float64(t.Frame.Width)
	}
	width = min(t.Width, w)
	height = int(math.Round(float64(width) * proportion))
	if height > t.Height {
		height = t.Height
		width = int(math.Round(float64(height) / proportion))
	}
	return max(1, width), max(1, height)
}

// colourless reports whether an image can be shown in grey.
func colourless(pix *leptonica.Pix) (bool, error) {
	mask, err := pix.Colour(vivid)
	if err != nil || mask == nil {
		return false, err
	}
	defer mask.Close()
	n, err := mask.Ink()
	w, h := mask.Size()
	return float64(n) < colourful*float64(w)*float64(h), err
}

// uprightPage returns the image of a page, turned to stand upright; with a frame, that part
// of it which was recognised.
func (s *server) uprightPage(ctx context.Context, path string, t *wire.PictureTask) (*leptonica.Pix, error) {
	head, err := readHead(path)
	if err != nil {
		return nil, err
	}
	var pic picture
	switch sniff(head) {
	case kindPDF:
		return s.uprightPDF(ctx, path, t)
	case kindTIFF:
		data, err := readFile(path)
		if err != nil {
			return nil, err
		}
		if n, err := leptonica.TIFFPages(data); err != nil || t.Number > n {
			return nil, errors.Join(errNoPage, err)
		}
		if pic, err = s.decodeTIFF(data, t.Number-1); err != nil {
			return nil, err
		}
	case kindImage:
		if t.Number != 1 {
			return nil, errNoPage
		}
		data, err := readFile(path)
		if err != nil {
			return nil, err
		}
		if pic, err = s.decode(data); err != nil {
			return nil, err
		}
	default:
		return nil, errNoKind
	}
	defer pic.Close()
	flat, err := squared(pic.Pix)
	if err != nil {
		return nil, err
	}
	defer flat.Close()
	return flat.Turned(t.Rotation / 90)
}

// squared returns a flat copy of an image with as many pixels an inch across as along. Only
// what cannot be a mistake of the file is believed: a fax has 204 by 98 or 196.
func squared(pix *leptonica.Pix) (*leptonica.Pix, error) {
	flat, err := pix.Flat()
	if err != nil {
		return nil, err
	}
	x, y := pix.Resolution()
	ratio := 1.0
	if x >= leastDPI && x <= mostDPI && y >= leastDPI && y <= mostDPI {
		ratio = float64(x) / float64(y)
	}
	if ratio > 0.97 && ratio < 1.03 || ratio < 0.4 || ratio > 2.5 {
		return flat, nil
	}
	defer flat.Close()
	if ratio > 1 { // more pixels across: the finer direction keeps its own
		return flat.Scaled(1/ratio, 1)
	}
	return flat.Scaled(1, ratio)
}

// uprightPDF draws a page of a PDF, with all that it shows beside the image of a scan.
func (s *server) uprightPDF(ctx context.Context, path string, t *wire.PictureTask) (*leptonica.Pix, error) {
	size, err := s.pdf.PageSize(ctx, path, t.Number)
	if err != nil {
		return nil, err
	}
	// As pdftoppm draws it, and upright.
	if (size.Rotate+t.Rotation)%180 != 0 {
		size.Width, size.Height = size.Height, size.Width
	}
	scale := math.Min(float64(t.Width)/size.Width, float64(t.Height)/size.Height)
	long, short := math.Max(size.Width, size.Height), math.Min(size.Width, size.Height)
	side := longSide(size.Width, size.Height, int(math.Ceil(math.Min(shownDPI, finer*scale*72))), s.cfg.MaxPixels)
	// A pixel in colour takes three bytes of what pdftoppm may write.
	side = min(side, int(math.Sqrt(float64(s.pdf.Output-1<<10)/3*long/short)))
	data, err := s.pdf.Draw(ctx, path, t.Number, side)
	if err != nil {
		return nil, err
	}
	pic, err := s.decode(data)
	if err != nil {
		return nil, err
	}
	defer pic.Close()
	pix, err := pic.Turned(t.Rotation / 90)
	if err != nil || t.Frame == nil || covers(t.Frame, qpdf.Rect{X1: size.Width, Y1: size.Height}) {
		return pix, err
	}
	defer pix.Close()
	place, err := s.framePlace(ctx, path, t)
	if err != nil {
		if machine(err) {
			return nil, err
		}
		place = qpdf.Rect{X1: size.Width, Y1: size.Height} // qpdf is stricter than poppler
	}
	perPoint := float64(side) / long
	_, h := pix.Size()
	return pix.Within(leptonica.Box{
		X: int(math.Round(place.X0 * perPoint)), Y: h - int(math.Round(place.Y1*perPoint)),
		W: max(1, int(math.Round(place.Width()*perPoint))), H: max(1, int(math.Round(place.Height()*perPoint))),
	})
}

// framePlace is imagePlace for a page that is not being copied.
func (s *server) framePlace(ctx context.Context, path string, t *wire.PictureTask) (qpdf.Rect, error) {
	dir, err := os.MkdirTemp("", "place-*")
	if err != nil {
		return qpdf.Rect{}, fmt.Errorf("child: make temporary folder: %w", err)
	}
	defer os.RemoveAll(dir)
	b := bench{dir: dir, qpdf: qpdf.Runner{Limits: confine.Limits{Dir: dir, Timeout: s.pdf.Timeout, Memory: s.cfg.MemoryBytes, Output: maxContent}}}
	if err := b.qpdf.Take(ctx, path, []int{t.Number}, []int{t.Rotation}, b.path(baseName)); err != nil {
		return qpdf.Rect{}, err
	}
	pages, err := b.qpdf.Pages(ctx, b.path(baseName))
	if err != nil {
		return qpdf.Rect{}, err
	}
	if len(pages) != 1 {
		return qpdf.Rect{}, errNoPage
	}
	return b.imagePlace(ctx, pages[0], t.Frame)
}
