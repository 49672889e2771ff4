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
	case wire.MethodRender, wire.MethodBarcodes:
		want := renderDPI
		if t.Method == wire.MethodBarcodes {
			want = barcodeDPI
		}
		side := longSide(t.Width, t.Height, want, s.cfg.MaxPixels)
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
