package patch

import (
	"bytes"
	"fmt"
	"os/exec"
	"path/filepath"
	"testing"
)

// No scan of a letter is taken for a separator.
func TestEvaluationScans(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("draws forty pages")
	}
	files, err := filepath.Glob("../../../shared/evaluation/scans/*.pdf")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skip("the evaluation scans are not beside the module")
	}
	for _, file := range files {
		out, err := exec.CommandContext(t.Context(), "pdftoppm", "-r", "150", "-gray", "-singlefile", file).Output()
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		var b Bitmap
		if _, err := fmt.Sscanf(string(out[:min(len(out), 40)]), "P5\n%d %d\n255\n", &b.Width, &b.Height); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		b.Pix = bytes.Clone(out[len(out)-b.Width*b.Height:])
		for i, v := range b.Pix {
			if v >= 140 {
				b.Pix[i] = 255
			} else {
				b.Pix[i] = 0
			}
		}
		if T(b, 150) {
			t.Errorf("%s: taken for patch T", filepath.Base(file))
		}
	}
}
