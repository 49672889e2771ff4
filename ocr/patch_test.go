package ocr

import (
	"image"
	"image/color"
	"image/draw"
	"testing"

	"saisine.fr/saisine/ocr/samplescan"
)

// patchSheet is a page with patch T along its upper edge (see package patch).
func patchSheet(t *testing.T, text string, dpi int) *image.Gray {
	t.Helper()
	page := grayPage(t, text, samplescan.Options{DPI: dpi})
	px := func(inches float64) int { return int(inches * float64(dpi)) }
	y := 0.4
	for _, size := range []float64{0.08, 0.2, 0.08, 0.2} {
		draw.Draw(page, image.Rect(px(4.2), px(y), px(7.4), px(y+size)), image.NewUniform(color.Gray{25}), image.Point{}, draw.Src)
		y += size + 0.08
	}
	return page
}

// A sheet with patch T says what other separator sheets say. On the first page of a letter
// the bars mean nothing: the page must not be lost.
func TestPatchSheets(t *testing.T) {
	t.Parallel()
	r := newReader(t, Options{})
	want := Barcode{Type: "PATCH", Text: "PATCHT"}
	for name, o := range someOf(t, map[string]samplescan.Options{
		"clean":       {},
		"askew":       {Skew: 3, Noise: 8},
		"upside down": {DPI: 300, Turn: 180, Noise: 8, Skew: -2},
		"fax":         {Bilevel: true, Noise: 12, Skew: 1, Turn: 90},
		"grey paper":  {DPI: 150, Paper: 180, Noise: 8},
		"weak":        {Weak: 0.15, Noise: 5},
	}, "upside down", "fax") {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dpi := o.DPI
			if dpi == 0 {
				dpi = 200
			}
			pages := []*image.Gray{
				samplescan.Copy(patchSheet(t, "", dpi), o), samplescan.Copy(patchSheet(t, "Feuille\nde séparation", dpi), o),
			}
			data, err := samplescan.ImagePDF(pages, samplescan.Options{DPI: dpi})
			doc, err := r.Read(t.Context(), write(t, "sheets.pdf", data, err))
			if err != nil || len(doc.Pages) != 2 || len(doc.Problems) > 0 {
				t.Fatalf("%+v, %v", doc, err)
			}
			for _, p := range doc.Pages {
				if len(p.Barcodes) != 1 || p.Barcodes[0] != want {
					t.Errorf("page %d (%s): got %q", p.Number, p.Source, p.Barcodes)
				}
			}
		})
	}
	t.Run("on a letter", func(t *testing.T) {
		t.Parallel()
		data, err := samplescan.ImagePDF([]*image.Gray{patchSheet(t, "\n\n\n\n"+letter(1), 200)}, samplescan.Options{})
		doc, err := r.Read(t.Context(), write(t, "letter.pdf", data, err))
		if err != nil || len(doc.Pages) != 1 || len(doc.Pages[0].Barcodes) != 0 {
			t.Errorf("%+v, %v", doc, err)
		}
	})
}

// A sheet that was never on paper, with a text layer.
func TestPatchSheetWithTextLayer(t *testing.T) {
	t.Parallel()
	r := newReader(t, Options{})
	const bars = "0 0 0 rg 200 790 300 5.76 re 200 769.84 300 14.4 re 200 758.32 300 5.76 re 200 738.16 300 14.4 re f "
	page := "/Resources <</Font <</F <</Type /Font /Subtype /Type1 /BaseFont /Helvetica>>>>>>"
	data := plainPDF("", page, bars+"BT /F 12 Tf 60 600 Td (Feuille de separation, service de la voirie) Tj ET")
	doc, err := r.Read(t.Context(), write(t, "sheet.pdf", data, nil))
	if err != nil || len(doc.Pages) != 1 || doc.Pages[0].Source != SourceTextLayer || len(doc.Pages[0].Barcodes) != 1 || doc.Pages[0].Barcodes[0].Text != "PATCHT" {
		t.Errorf("%+v, %v", doc, err)
	}
}
