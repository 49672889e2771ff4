package child

import (
	"context"

	"saisine.fr/saisine/ocr/barcode"
	"saisine.fr/saisine/ocr/leptonica"
	"saisine.fr/saisine/ocr/wire"
)

// sparseWords is up to how many words a page may be a separator sheet: such a page is
// looked at more closely, and rendered for it where it has a text layer.
const sparseWords = 60

// inkBarcodes looks for barcodes on a page in black and white, which costs some 20 ms.
func inkBarcodes(bits *leptonica.Pix) ([]wire.Barcode, error) {
	pixels, err := bits.Bytes()
	if err != nil {
		return nil, err
	}
	w, h := bits.Size()
	return barcode.Scan(pixels, w, h)
}

// paleBarcodes looks for barcodes that are too pale for black and white on a grey page.
// The grain is smoothed away, which zbar would take for edges.
func paleBarcodes(gray *leptonica.Pix) ([]wire.Barcode, error) {
	smooth, err := gray.Smoothed(1)
	if err != nil {
		return nil, err
	}
	defer smooth.Close()
	return inkBarcodes(smooth)
}

// lookAt looks for barcodes on a page whose text is known. A page that cannot be drawn
// has none: that is no problem of its text.
func (s *server) lookAt(ctx context.Context, path string, t wire.Task) (wire.Response, error) {
	page := wire.Page{Number: t.Number, Source: SourceTextLayer, Confidence: 1}
	pix, _, err := s.image(ctx, path, t)
	if err == nil {
		defer pix.Close()
		page.Barcodes, err = paleBarcodes(pix)
	}
	if err != nil && machine(err) {
		return wire.Response{}, err
	}
	return wire.Response{Page: &page}, nil
}
