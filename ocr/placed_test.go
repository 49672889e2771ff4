package ocr

import (
	"fmt"
	"image"
	"path/filepath"
	"strings"
	"testing"

	"saisine.fr/saisine/ocr/samplescan"
)

// turningPDF is a page of A4, or of A4 lying, whose content puts the image by a matrix.
func turningPDF(t *testing.T, img *image.Gray, page, content string) string {
	t.Helper()
	jpeg := jpegOf(t, img)
	stream := fmt.Sprintf("<</Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace /DeviceGray /BitsPerComponent 8 /Filter /DCTDecode /Length %d>>\nstream\n%s\nendstream",
		img.Rect.Dx(), img.Rect.Dy(), len(jpeg), jpeg)
	form := "<</Type /XObject /Subtype /Form /BBox [-900 -900 900 900] /Resources <</XObject <</I 5 0 R>>>> /Length 28>>\nstream\n-595 0 0 -842 595 842 cm /I Do\nendstream"
	raw := plainPDF("", page+" /Resources <</XObject <</I 5 0 R /F 6 0 R>>>>", content, stream, form)
	path := filepath.Join(t.TempDir(), "placed.pdf")
	output(t, "qpdf", "--warning-exit-0", write(t, "raw.pdf", raw, nil), path)
	return path
}

// jpegOf takes the only image out of a PDF that samplescan makes.
func jpegOf(t *testing.T, img *image.Gray) []byte {
	t.Helper()
	data, err := samplescan.ImagePDF([]*image.Gray{img}, samplescan.Options{})
	if err != nil {
		t.Fatal(err)
	}
	from, to := strings.Index(string(data), "\xff\xd8\xff"), strings.LastIndex(string(data), "\xff\xd9")
	if from < 0 || to < from {
		t.Fatal("no JPEG in the PDF")
	}
	return data[from : to+2]
}

// Some copiers write the image as it came from the glass, and let the page turn it: what
// counts is how the page is shown. The copy of such a page shows upright, and its words
// lie on the ink.
func TestTurnedByThePage(t *testing.T) {
	t.Parallel()
	r := newReader(t, Options{})
	upright := grayPage(t, letter(1), samplescan.Options{Noise: 4})
	turned := func(degrees int) *image.Gray {
		return grayPage(t, letter(1), samplescan.Options{Noise: 4, Turn: degrees})
	}
	mirrored := func(degrees int) *image.Gray {
		return grayPage(t, letter(1), samplescan.Options{Noise: 4, Turn: degrees, Mirror: true})
	}
	for name, tc := range someOf(t, map[string]struct {
		img           *image.Gray
		page, content string
		rotation      int
	}{
		"as it lies":                      {upright, "", "q 595 0 0 842 0 0 cm /I Do Q", 0},
		"upside down, and shown so":       {turned(180), "", "q 595 0 0 842 0 0 cm /I Do Q", 180},
		"upside down, turned":             {turned(180), "", "q -595 0 0 -842 595 842 cm /I Do Q", 0},
		"upside down, in two steps":       {turned(180), "", "q -1 0 0 -1 595 842 cm q 595 0 0 842 0 0 cm /I Do Q Q", 0},
		"upside down, turned, page too":   {turned(180), "/Rotate 180", "q -595 0 0 -842 595 842 cm /I Do Q", 180},
		"upside down, turned by the page": {turned(180), "/Rotate 180", "q 595 0 0 842 0 0 cm /I Do Q", 0},
		"sideways, turned":                {turned(90), "", "q 0 842 -595 0 595 0 cm /I Do Q", 0},
		"sideways the other way, turned":  {turned(270), "", "q 0 -842 595 0 0 842 cm /I Do Q", 0},
		"mirrored upside down":            {mirrored(180), "", "q 595 0 0 -842 0 842 cm /I Do Q", 0},
		"mirrored":                        {mirrored(0), "", "q -595 0 0 842 595 0 cm /I Do Q", 0},
		"in a form that turns it":         {turned(180), "", "q 1 0 0 1 0 0 cm /F Do Q", 0},
	}, "upside down, turned, page too", "sideways, turned", "mirrored", "in a form that turns it") {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := turningPDF(t, tc.img, tc.page, tc.content)
			doc, err := r.Read(t.Context(), path)
			if err != nil || len(doc.Pages) != 1 || len(doc.Problems) > 0 {
				t.Fatalf("%+v, %v", doc, err)
			}
			p := doc.Pages[0]
			if rate := errorRate(letter(1), p.Text); p.Rotation != tc.rotation || p.Source != SourceOCR || rate > 0.01 {
				t.Errorf("rotation %d, want %d; source %s, error rate %.2f %%", p.Rotation, tc.rotation, p.Source, 100*rate)
			}
			dst, _ := copyOf(t, r, []CopyPage{{Path: path, Number: 1, Rotation: p.Rotation, Layout: p.Layout}})
			if d := difference(t, drawn(t, dst, 1), drawn(t, turningPDF(t, upright, "", "q 595 0 0 842 0 0 cm /I Do Q"), 1)); d > 8 {
				t.Errorf("the copy does not show upright: it differs by %.1f", d)
			}
			checkWords(t, dst, 1, boxedPages(t, dst)[0], p.Layout)
		})
	}
}
