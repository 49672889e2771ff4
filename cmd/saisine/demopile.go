package main

import (
	"fmt"
	"image"
	"image/color"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/boombuler/barcode/qr"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ocr/samplescan"
)

// pileDPI is the resolution that the sample pile is scanned at.
const pileDPI = 200

// dropPile puts a scan of several letters into the scan folder, with a separator sheet
// before each.
func dropPile(dir string) error {
	names, err := fs.Glob(samples, "samples/pile/*.txt")
	if err != nil {
		return err
	}
	var pages []*image.Gray
	for _, name := range names {
		text, err := samples.ReadFile(name)
		if err != nil {
			return err
		}
		sheet, err := scannedSheet(ingest.Separator{})
		if err != nil {
			return err
		}
		letter, err := samplescan.Image(string(text), samplescan.Options{DPI: pileDPI})
		if err != nil {
			return err
		}
		pages = append(pages, sheet, letter)
	}
	pdf, err := samplescan.ImagePDF(pages, samplescan.Options{DPI: pileDPI})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "pile.pdf"), pdf, 0o600)
}

// scannedSheet is what a copier makes of a separator sheet.
func scannedSheet(s ingest.Separator) (*image.Gray, error) {
	code, err := qr.Encode(s.String(), qr.H, qr.Unicode)
	if err != nil {
		return nil, fmt.Errorf("separator sheet: %w", err)
	}
	page, err := samplescan.Image("Feuille de séparation", samplescan.Options{DPI: pileDPI})
	if err != nil {
		return nil, err
	}
	// Two inches below the title, modules of a tenth of an inch.
	const module, top = pileDPI / 10, 2 * pileDPI
	size := code.Bounds().Dx()
	left := (page.Bounds().Dx() - size*module) / 2
	for y := range size * module {
		for x := range size * module {
			if color.GrayModel.Convert(code.At(x/module, y/module)).(color.Gray).Y < 128 {
				page.SetGray(left+x, top+y, color.Gray{Y: 25})
			}
		}
	}
	return page, nil
}
