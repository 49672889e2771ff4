package ocr

import (
	"os/exec"
	"path/filepath"
	"testing"

	"saisine.fr/saisine/ocr/samplescan"
)

// A black and white fax page gets a copy too: its packing goes by no file in /tmp, where a
// child may write nothing.
func TestCopyOfFaxPage(t *testing.T) {
	t.Parallel()
	data, err := samplescan.PDF([]string{"Bonjour"}, samplescan.Options{DPI: 150})
	pdf := write(t, "scan.pdf", data, err)
	root := filepath.Join(t.TempDir(), "fax")
	run(t, "pdftoppm", "-r", "150", "-mono", "-tiff", "-tiffcompression", "none", "-singlefile", pdf, root)
	if _, err := exec.LookPath("tiffcp"); err != nil {
		t.Skip("tiffcp is not installed (libtiff-tools)")
	}
	tiff := root + ".g4.tif"
	run(t, "tiffcp", "-c", "g4", root+".tif", tiff)
	r := newReader(t, Options{Workers: 1})
	doc, err := r.Read(t.Context(), tiff)
	if err != nil || len(doc.Pages) != 1 || doc.Pages[0].Layout == nil {
		t.Fatalf("got %+v, %v", doc, err)
	}
	dst := filepath.Join(t.TempDir(), "copy.pdf")
	res, err := r.Copy(t.Context(), []CopyPage{{Path: tiff, Number: 1, Layout: doc.Pages[0].Layout}}, dst)
	if err != nil || res.Pages != 1 {
		t.Fatalf("got %+v, %v", res, err)
	}
	// Mostly white, as the page is: black and white are not changed for each other.
	again, err := r.Read(t.Context(), dst)
	if err != nil || codes(again) != "" || len(again.Pages) != 1 || again.Pages[0].Text != "Bonjour" {
		t.Errorf("the copy reads as %+v, %v", again, err)
	}
}
