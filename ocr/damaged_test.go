package ocr

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"saisine.fr/saisine/ocr/samplescan"
)

// cutText is a page whose lines say how far down they stand.
func cutText() string {
	lines := []string{
		"Le réverbère numéro %d de la place est éteint depuis hier soir.\n",
		"Devant l'école, le numéro %d clignote toute la nuit sans arrêt.\n",
		"Merci de réparer aussi le numéro %d avant la rentrée des classes.\n",
	}
	var b strings.Builder
	for n := 1; n <= 30; n++ {
		fmt.Fprintf(&b, lines[n%len(lines)], n)
	}
	return b.String()
}

// directoryFirst writes an uncompressed TIFF of one page with its directory before its
// data, in strips of 64 rows.
func directoryFirst(t *testing.T, text string) []byte {
	t.Helper()
	const rows = 64
	page := grayPage(t, text, samplescan.Options{})
	w, h := page.Bounds().Dx(), page.Bounds().Dy()
	n := (h + rows - 1) / rows
	le := binary.LittleEndian
	file := []byte("II*\x00\x08\x00\x00\x00\x09\x00")
	const lists = 8 + 2 + 9*12 + 4
	for _, tag := range [][3]int{
		{256, 1, w},
		{257, 1, h},
		{258, 1, 8},
		{259, 1, 1},
		{262, 1, 1},
		{273, n, lists},
		{277, 1, 1},
		{278, 1, rows},
		{279, n, lists + 4*n},
	} {
		file = le.AppendUint16(le.AppendUint16(file, uint16(tag[0])), 4)
		file = le.AppendUint32(le.AppendUint32(file, uint32(tag[1])), uint32(tag[2]))
	}
	file = le.AppendUint32(file, 0)
	for i := range n {
		file = le.AppendUint32(file, uint32(lists+8*n+i*rows*w))
	}
	for i := range n {
		file = le.AppendUint32(file, uint32(min(rows, h-i*rows)*w))
	}
	return append(file, page.Pix...)
}

// A file that was cut off is read as far as it goes, says so, and is not sure; so is the
// page of a PDF whose image was cut.
func TestCutImages(t *testing.T) {
	t.Parallel()
	r := newReader(t, Options{})
	jpeg, err := samplescan.JPEG(cutText(), samplescan.Options{Noise: 4})
	if err != nil {
		t.Fatal(err)
	}
	tiff := directoryFirst(t, cutText())
	inPDF := func(percent int) []byte {
		cut := jpeg[:len(jpeg)*percent/100]
		stream := fmt.Sprintf("<</Type /XObject /Subtype /Image /Width 1654 /Height 2338 /ColorSpace /DeviceGray /BitsPerComponent 8 /Filter /DCTDecode /Length %d>>\nstream\n%s\nendstream",
			len(cut), cut)
		return plainPDF("", "/Resources <</XObject <</I 5 0 R>>>>", "q 595.2 0 0 841.7 0 0 cm /I Do Q", stream)
	}
	part := func(data []byte) func(int) []byte {
		return func(percent int) []byte { return data[:len(data)*percent/100] }
	}
	parts := []int{30, 99}
	if longRun() {
		parts = []int{30, 60, 90, 99}
	}
	for name, cut := range map[string]func(int) []byte{"jpeg": part(jpeg), "tiff": part(tiff), "pdf": inPDF} {
		for _, percent := range parts {
			doc, err := r.Read(t.Context(), write(t, "cut", cut(percent), nil))
			if err != nil || len(doc.Pages) != 1 {
				t.Errorf("%s, cut at %d %%: %+v, %v", name, percent, doc, err)
				continue
			}
			p := doc.Pages[0]
			if codes(doc) != ProblemDamagedImage+" "+ProblemUnsure || !p.Unsure ||
				doc.Problems[0].Detail != "Page 1 : l’image est endommagée ou incomplète ; ce qui en reste a été lu." {
				t.Errorf("%s, cut at %d %%: unsure %t, %q", name, percent, p.Unsure, doc.Problems)
			}
			// Of the page's height, the text begins at 8 % and a line takes 1.8 %.
			for n := 1; n <= 30 && 9+1.8*float64(n) < 0.9*float64(percent)-5; n++ {
				if !strings.Contains(p.Text, fmt.Sprintf("numéro %d ", n)) {
					t.Errorf("%s, cut at %d %%: line %d is missing in %q", name, percent, n, p.Text)
					break
				}
			}
		}
	}
	// Whole they are no problem.
	for name, data := range map[string][]byte{"jpeg": jpeg, "tiff": tiff, "pdf": inPDF(100)} {
		if doc, err := r.Read(t.Context(), write(t, "whole", data, nil)); err != nil || len(doc.Pages) != 1 || len(doc.Problems) != 0 || doc.Pages[0].Unsure {
			t.Errorf("%s: %+v, %v", name, doc, err)
		}
	}
}

// A searchable copy of what is left can be made.
func TestCopyOfCutImages(t *testing.T) {
	t.Parallel()
	r := newReader(t, Options{})
	data := directoryFirst(t, cutText())
	path := write(t, "cut.tiff", data[:len(data)*6/10], nil)
	doc, err := r.Read(t.Context(), path)
	if err != nil || len(doc.Pages) != 1 {
		t.Fatalf("%+v, %v", doc, err)
	}
	made, _ := copyOf(t, r, []CopyPage{{Path: path, Number: 1, Rotation: doc.Pages[0].Rotation, Layout: doc.Pages[0].Layout}})
	if words := output(t, "pdftotext", made, "-"); !strings.Contains(words, "numéro 12 ") {
		t.Errorf("got %q", words)
	}
}

// Many pages with one fault are one problem.
func TestManyFailedPages(t *testing.T) {
	t.Parallel()
	r := newReader(t, Options{MaxPages: 40})
	le := binary.LittleEndian
	file := []byte("II*\x00\x08\x00\x00\x00")
	const pages = 60
	for n := range pages {
		// A page of 100 × 100 pixels whose data would lie beyond the end.
		file = le.AppendUint16(file, 7)
		for _, tag := range [][2]uint32{{256, 100}, {257, 100}, {258, 8}, {262, 1}, {273, 1 << 20}, {278, 100}, {279, 10_000}} {
			file = le.AppendUint16(le.AppendUint16(file, uint16(tag[0])), 4)
			file = le.AppendUint32(le.AppendUint32(file, 1), tag[1])
		}
		if n == pages-1 {
			file = le.AppendUint32(file, 0)
		} else {
			file = le.AppendUint32(file, uint32(len(file)+4))
		}
	}
	path := filepath.Join(t.TempDir(), "many.tiff")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	doc, err := r.Read(t.Context(), path)
	if err != nil || codes(doc) != ProblemTooManyPages+" "+ProblemPageFailed ||
		doc.Problems[1].Detail != "Pages 1 à 40 : l’image est illisible ou endommagée." {
		t.Errorf("got %+v, %v", doc, err)
	}
}
