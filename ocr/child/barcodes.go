package child

import (
	"context"

	"saisine.fr/saisine/ocr/barcode"
	"saisine.fr/saisine/ocr/leptonica"
	"saisine.fr/saisine/ocr/patch"
	"saisine.fr/saisine/ocr/wire"
)

// SheetWords is up to how many words a page may be a separator sheet; ours has some
// forty. Such a page is looked at more closely, and rendered for it where it has a text
// layer.
const SheetWords = 60

// drawnInk is the grey value below which a page that poppler has drawn counts as ink.
const drawnInk = 140

// patchCode is what a page with patch T says, in the words of all other separator sheets.
var patchCode = wire.Barcode{Type: "PATCH", Text: "PATCHT"}

// codes are the barcodes of a page.
type codes struct {
	bars []wire.Barcode
	// patch is true when the page bears patch T. It makes a separator of a page without
	// much text only: on the first page of a letter it must not cost that page.
	patch bool
}

// ofSheet are the barcodes of a page that may be a separator sheet.
func (c codes) ofSheet() []wire.Barcode {
	if !c.patch {
		return c.bars
	}
	return append([]wire.Barcode{patchCode}, c.bars[:min(len(c.bars), wire.MaxBarcodes-1)]...)
}

// inkCodes looks for barcodes on a page in black and white, which costs some 20 ms; 3 of
// them are for patch codes.
func inkCodes(bits *leptonica.Pix, dpi int) (codes, error) {
	pixels, err := bits.Bytes()
	if err != nil {
		return codes{}, err
	}
	w, h := bits.Size()
	bars, err := barcode.Scan(pixels, w, h)
	return codes{bars, patch.T(patch.Bitmap{Pix: pixels, Width: w, Height: h}, dpi)}, err
}

// paleBarcodes looks for barcodes that are too pale for black and white on a grey page.
// The grain is smoothed away, which zbar would take for edges. Patch codes are not looked
// for: bars that are as pale and as wide are taken for paper when the page is prepared.
func paleBarcodes(gray *leptonica.Pix) ([]wire.Barcode, error) {
	smooth, err := gray.Smoothed(1)
	if err != nil {
		return nil, err
	}
	defer smooth.Close()
	pixels, err := smooth.Bytes()
	if err != nil {
		return nil, err
	}
	w, h := smooth.Size()
	return barcode.Scan(pixels, w, h)
}

// drawnCodes looks for barcodes on a page as poppler has drawn it.
func drawnCodes(pic picture) (codes, error) {
	gray, err := pic.Gray()
	if err != nil {
		return codes{}, err
	}
	defer gray.Close()
	bars, err := paleBarcodes(gray)
	if err != nil {
		return codes{}, err
	}
	bits, err := gray.Bitonal(drawnInk)
	if err != nil {
		return codes{}, err
	}
	defer bits.Close()
	pixels, err := bits.Bytes()
	if err != nil {
		return codes{}, err
	}
	w, h := bits.Size()
	return codes{bars, patch.T(patch.Bitmap{Pix: pixels, Width: w, Height: h}, pic.dpi)}, nil
}

// lookAt looks for barcodes on a page whose text is known. A page that cannot be drawn
// has none: that is no problem of its text.
func (s *server) lookAt(ctx context.Context, path string, t wire.Task) (wire.Response, error) {
	page := wire.Page{Number: t.Number, Source: SourceTextLayer, Confidence: 1}
	pic, err := s.image(ctx, path, t)
	if err == nil {
		defer pic.Close()
		var found codes
		found, err = drawnCodes(pic)
		page.Barcodes = found.ofSheet()
	}
	if err != nil && machine(err) {
		return wire.Response{}, err
	}
	return wire.Response{Page: &page}, nil
}
