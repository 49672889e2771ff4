package ocr

import (
	"fmt"
	"image"
	"image/color"
	"path/filepath"
	"strings"
	"testing"

	"github.com/boombuler/barcode"
	"github.com/boombuler/barcode/code128"
	"github.com/boombuler/barcode/qr"

	"saisine.fr/saisine/ocr/samplescan"
)

const sheetText = "saisine:separateur?canal=counter&service=voirie"

func qrCode(t *testing.T) barcode.Barcode {
	t.Helper()
	code, err := qr.Encode(sheetText, qr.M, qr.Auto)
	if err != nil {
		t.Fatal(err)
	}
	return code
}

func patchCode(t *testing.T) barcode.Barcode {
	t.Helper()
	code, err := code128.Encode("PATCHT")
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// separator is a page with a barcode and so much text, before the copier. The size is in
// millimetres.
func separator(t *testing.T, text string, code barcode.Barcode, width, height float64, dpi int) *image.Gray {
	t.Helper()
	page := grayPage(t, text, samplescan.Options{DPI: dpi})
	px := func(mm float64) int { return int(mm / 25.4 * float64(dpi)) }
	scaled, err := barcode.Scale(code, px(width), px(height))
	if err != nil {
		t.Fatal(err)
	}
	for y := range px(height) {
		for x := range px(width) {
			if color.GrayModel.Convert(scaled.At(x, y)).(color.Gray).Y < 128 {
				page.SetGray(px(60)+x, px(110)+y, color.Gray{25})
			}
		}
	}
	return page
}

// A separator sheet is known by its barcode whatever the copier makes of it, with text
// and without.
func TestSeparatorSheets(t *testing.T) {
	t.Parallel()
	r := newReader(t, Options{})
	for name, o := range someOf(t, map[string]samplescan.Options{
		"clean":         {DPI: 200},
		"askew":         {DPI: 200, Skew: 3, Noise: 8},
		"turned":        {DPI: 200, Turn: 90, Skew: -2, Noise: 8},
		"upside down":   {DPI: 300, Turn: 180, Noise: 8},
		"grey paper":    {DPI: 200, Paper: 170, Noise: 10},
		"fax":           {DPI: 200, Bilevel: true, Noise: 12, Skew: 1},
		"150 dpi":       {DPI: 150, Noise: 8, Skew: 2},
		"150 dpi fax":   {DPI: 150, Bilevel: true, Noise: 8},
		"pale":          {DPI: 200, Weak: 0.6, Noise: 6},
		"full of dirt":  {DPI: 200, Specks: 0.02},
		"bad jpeg":      {DPI: 150, Quality: 10, Noise: 6},
		"out of focus":  {DPI: 200, Blur: 1.5, Noise: 6},
		"all of a copy": {DPI: 200, Skew: 2, Noise: 12, Paper: 215, Blur: 0.8, Specks: 0.001, Turn: 90},
	}, "fax", "all of a copy") {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var pages []*image.Gray
			for _, text := range []string{"", "Feuille de séparation\nService : voirie\nCourrier arrivé au guichet"} {
				pages = append(pages,
					samplescan.Copy(separator(t, text, qrCode(t), 45, 45, o.DPI), o),
					samplescan.Copy(separator(t, text, patchCode(t), 70, 20, o.DPI), o))
			}
			data, err := samplescan.ImagePDF(pages, o)
			doc, err := r.Read(t.Context(), write(t, "sheets.pdf", data, err))
			if len(doc.Problems) > 0 {
				t.Errorf("problems %v", doc.Problems)
			}
			if err != nil || len(doc.Pages) != 4 {
				t.Fatalf("%d pages, %v, %v", len(doc.Pages), doc.Problems, err)
			}
			for i, p := range doc.Pages {
				want := Barcode{Type: "QR-Code", Text: sheetText}
				if i%2 == 1 {
					want = Barcode{Type: "CODE-128", Text: "PATCHT"}
				}
				if len(p.Barcodes) != 1 || p.Barcodes[0] != want {
					t.Errorf("page %d (%s): got %q, want %q", p.Number, p.Source, p.Barcodes, want)
				}
			}
		})
	}
}

// vectorPage is a PDF of one page with a text layer and a barcode drawn in vectors, as a
// separator sheet is that was never printed.
func vectorPage(t *testing.T, code barcode.Barcode, lines ...string) []byte {
	t.Helper()
	var content strings.Builder
	content.WriteString("BT /F 12 Tf 16 TL 60 780 Td\n")
	for _, line := range lines {
		fmt.Fprintf(&content, "(%s) Tj T*\n", line)
	}
	content.WriteString("ET\n")
	b := code.Bounds()
	for y := range b.Dy() {
		for x := range b.Dx() {
			if color.GrayModel.Convert(code.At(x, y)).(color.Gray).Y < 128 {
				fmt.Fprintf(&content, "%.2f %.2f 3.4 3.4 re f\n", 150+3.4*float64(x), 600-3.4*float64(y))
			}
		}
	}
	return plainPDF("", "/Resources <</Font <</F <</Type /Font /Subtype /Type1 /BaseFont /Helvetica>>>>>>", content.String())
}

// plainPDF is a PDF of one page of A4. catalogue, resources and any further objects are
// PDF; there is no table of objects, which poppler makes up for.
func plainPDF(catalogue, page, content string, objects ...string) []byte {
	var pdf strings.Builder
	fmt.Fprintf(&pdf, "%%PDF-1.7\n1 0 obj\n<</Type /Catalog /Pages 2 0 R %s>>\nendobj\n", catalogue)
	pdf.WriteString("2 0 obj\n<</Type /Pages /Kids [3 0 R] /Count 1>>\nendobj\n")
	fmt.Fprintf(&pdf, "3 0 obj\n<</Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R %s>>\nendobj\n", page)
	fmt.Fprintf(&pdf, "4 0 obj\n<</Length %d>>\nstream\n%s\nendstream\nendobj\n", len(content), content)
	for i, o := range objects {
		fmt.Fprintf(&pdf, "%d 0 obj\n%s\nendobj\n", 5+i, o)
	}
	pdf.WriteString("trailer\n<</Root 1 0 R /Size 20>>\n%%EOF\n")
	return []byte(pdf.String())
}

// A sheet with a text layer keeps its text and is looked at for barcodes; a page of much
// text is not drawn for that.
func TestSeparatorWithTextLayer(t *testing.T) {
	t.Parallel()
	r := newReader(t, Options{})
	few := []string{"Feuille de separation", "Service : voirie"}
	var many []string
	for range 10 {
		many = append(many, "Je vous prie de bien vouloir faire reparer cet eclairage avant la rentree.")
	}
	for name, tc := range map[string]struct {
		lines []string
		found int
	}{"few words": {few, 1}, "many words": {many, 0}} {
		doc, err := r.Read(t.Context(), write(t, "sheet.pdf", vectorPage(t, qrCode(t), tc.lines...), nil))
		if err != nil || len(doc.Pages) != 1 || len(doc.Problems) > 0 {
			t.Fatalf("%s: %+v, %v", name, doc, err)
		}
		p := doc.Pages[0]
		if p.Source != SourceTextLayer || p.Text != strings.Join(tc.lines, "\n") || len(p.Barcodes) != tc.found || p.Unsure {
			t.Errorf("%s: %+v", name, p)
		}
		if len(p.Barcodes) > 0 && p.Barcodes[0] != (Barcode{Type: "QR-Code", Text: sheetText}) {
			t.Errorf("%s: got %q", name, p.Barcodes)
		}
	}
	// What it is looked at for may fail: the text is there.
	crash := newReader(t, Options{}, "kill=1")
	doc, err := crash.Read(t.Context(), write(t, "sheet.pdf", vectorPage(t, qrCode(t), few...), nil))
	if err != nil || len(doc.Pages) != 1 || len(doc.Problems) > 0 || doc.Pages[0].Text != strings.Join(few, "\n") {
		t.Errorf("after a crash: %+v, %v", doc, err)
	}
}

// A portfolio says so, whether its catalogue lies open or packed; files embedded in any
// other PDF are no problem.
func TestPortfolio(t *testing.T) {
	t.Parallel()
	r := newReader(t, Options{})
	names := `/Names <</EmbeddedFiles <</Names [(a) 5 0 R (b) 6 0 R]>>>>`
	file := `<</Type /Filespec /F (%s) /UF (%[1]s) /EF <</F 7 0 R>>>>`
	objects := []string{
		fmt.Sprintf(file, "demande.pdf"), fmt.Sprintf(file, "plan.docx"), "<</Type /EmbeddedFile /Length 3>>\nstream\nabc\nendstream",
	}
	page := "/Resources <</Font <</F <</Type /Font /Subtype /Type1 /BaseFont /Helvetica>>>>>>"
	content := "BT /F 12 Tf 60 780 Td (Ouvrez ce porte-documents dans Acrobat.) Tj ET"
	want := "Le PDF est un porte-documents : ses 2 fichiers joints ne sont pas lus : « demande.pdf », « plan.docx »."
	collection := write(t, "portfolio.pdf", plainPDF(names+" /Collection <</View /T>>", page, content, objects...), nil)
	packed := filepath.Join(t.TempDir(), "packed.pdf")
	run(t, "qpdf", "--warning-exit-0", "--object-streams=generate", collection, packed)
	for name, path := range map[string]string{"open": collection, "packed": packed} {
		doc, err := r.Read(t.Context(), path)
		if err != nil || len(doc.Pages) != 1 || len(doc.Problems) != 1 || doc.Problems[0] != (Problem{ProblemPortfolio, want}) {
			t.Errorf("%s: %+v, %v", name, doc, err)
		}
	}
	for name, data := range map[string][]byte{
		"an invoice with its data":      plainPDF(names, page, content, objects...),
		"a collection without any file": plainPDF("/Collection <</View /T>>", page, content),
	} {
		doc, err := r.Read(t.Context(), write(t, "x.pdf", data, nil))
		if err != nil || len(doc.Pages) != 1 || len(doc.Problems) != 0 {
			t.Errorf("%s: %+v, %v", name, doc, err)
		}
	}
}
