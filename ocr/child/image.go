package child

import (
	"context"
	"errors"
	"fmt"
	"math"

	"saisine.fr/saisine/ocr/leptonica"
	"saisine.fr/saisine/ocr/wire"
)

const (
	// renderDPI is what PDF pages are drawn at: higher than pages are read at, so that
	// scaling down smooths the edges of 1-bit images, which poppler leaves jagged.
	renderDPI = 300
	// barcodeDPI is what pages are drawn at that are only looked at for barcodes: a
	// module of a printed QR code is four pixels then.
	barcodeDPI = 150
)

// errPixels means that an image is larger than the limit.
var errPixels = errors.New("child: too many pixels")

// picture is the image of a page.
type picture struct {
	*leptonica.Pix
	// dpi is its resolution where that is known from outside the image, or 0.
	dpi int
	// damaged is true when parts of the image are lost.
	damaged bool
}

// image comes by the image of a page. The limit on pixels is checked before anything is
// decoded.
func (s *server) image(ctx context.Context, path string, t wire.Task) (picture, error) {
	switch t.Method {
	case wire.MethodEmbedded:
		data, err := s.pdf.Extract(ctx, path, t.Number)
		if err != nil {
			return picture{}, err
		}
		pic, err := s.decode(data)
		pic.dpi = t.DPI
		if err != nil || t.Turn == 0 {
			return pic, err
		}
		defer pic.Close()
		turned, err := pic.Turned(t.Turn / 90)
		return picture{turned, pic.dpi, pic.damaged}, err
	case wire.MethodRender, wire.MethodBarcodes:
		want := renderDPI
		if t.Method == wire.MethodBarcodes {
			want = barcodeDPI
		}
		side := longSide(t.Width, t.Height, want, s.cfg.MaxPixels)
		data, err := s.pdf.Render(ctx, path, t.Number, side)
		if err != nil {
			return picture{}, err
		}
		pic, err := s.decode(data)
		if long := math.Max(t.Width, t.Height); long > 0 {
			pic.dpi = max(1, int(math.Round(float64(side)/long*72)))
		}
		return pic, err
	case wire.MethodTIFF:
		data, err := readFile(path)
		if err != nil {
			return picture{}, err
		}
		return s.decodeTIFF(data, t.Number-1)
	case wire.MethodImage:
		data, err := readFile(path)
		if err != nil {
			return picture{}, err
		}
		return s.decode(data)
	}
	return picture{}, fmt.Errorf("child: unknown method %q", t.Method)
}

// decode decodes a JPEG, PNG or PNM, or what is left of it.
func (s *server) decode(data []byte) (picture, error) {
	head, err := leptonica.ReadHeader(data)
	if err != nil {
		return picture{}, err
	}
	if err := s.admit(head); err != nil {
		return picture{}, err
	}
	pix, err := leptonica.Read(data)
	if !errors.Is(err, leptonica.ErrDecode) {
		return picture{Pix: pix}, err
	}
	pix, err = leptonica.ReadDamaged(data)
	return picture{Pix: pix, damaged: true}, err
}

// decodeTIFF decodes a page (from 0) of a TIFF, or what is left of it.
func (s *server) decodeTIFF(data []byte, page int) (picture, error) {
	head, err := leptonica.ReadTIFFHeader(data, page)
	if err != nil {
		return picture{}, err
	}
	if err := s.admit(head); err != nil {
		return picture{}, err
	}
	pix, err := leptonica.ReadTIFF(data, page)
	if !errors.Is(err, leptonica.ErrDecode) {
		return picture{Pix: pix}, err
	}
	pix, err = leptonica.ReadDamagedTIFF(data, page)
	return picture{Pix: pix, damaged: true}, err
}

func (s *server) admit(h leptonica.Header) error {
	if h.Width > s.cfg.MaxPixels/h.Height {
		return errPixels
	}
	return nil
}

// longSide is the longer side in pixels that a page is drawn with at dpi, but never so
// much that a square of it exceeds the limit, whatever the file claims.
func longSide(width, height float64, dpi, maxPixels int) int {
	most := int(math.Sqrt(float64(maxPixels)))
	long := math.Max(width, height)
	if long <= 0 {
		long = 842 // A4
	}
	return max(64, min(most, int(math.Round(long/72*float64(dpi)))))
}
