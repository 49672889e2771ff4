package child

import (
	"bytes"
	"image"
	"image/jpeg"
	"os"
	"path/filepath"
	"testing"

	"saisine.fr/saisine/ocr/wire"
)

func TestShownSize(t *testing.T) {
	frame := func(w, h int) *wire.Layout { return &wire.Layout{Width: w, Height: h} }
	for _, tt := range []struct {
		w, h       int
		frame      *wire.Layout
		wantW, wan int
	}{
		{3200, 4525, nil, 1600, 2263},
		{800, 1000, nil, 800, 1000},
		{100, 100_000, nil, 5, 4800},
		{100_000, 1, nil, 1600, 1},
		{1728, 1143, frame(1654, 2339), 1600, 2263}, // a fax of half the lines
		{1600, 2200, frame(1, 200_000), 1, 4800},
		{1, 1, nil, 1, 1},
	} {
		task := &wire.PictureTask{Width: 1600, Height: 4800, Frame: tt.frame}
		if w, h := shownSize(tt.w, tt.h, task); w != tt.wantW || h != tt.wan {
			t.Errorf("%d × %d: %d × %d, want %d × %d", tt.w, tt.h, w, h, tt.wantW, tt.wan)
		}
	}
}

// FuzzPageImage shows pages of any bytes: it ends with a picture of bounded size, or a
// reason.
func FuzzPageImage(f *testing.F) {
	s := fuzzServer(f)
	for _, seed := range seeds(f) {
		f.Add(seed, 1, 90, 24, 32, 2.5)
	}
	path := filepath.Join(f.TempDir(), "document")
	f.Fuzz(func(t *testing.T, data []byte, number, turn, w, h int, skew float64) {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		task := &wire.PictureTask{Number: number, Rotation: turn / 90 * 90, Width: 200, Height: 400}
		// What the daemon accepts as a layout (ocr/accept.go).
		if w > 0 && h > 0 && w <= 200_000 && h <= 200_000 && skew >= -45 && skew <= 45 {
			task.Frame = &wire.Layout{Width: w, Height: h, DPI: 72, Skew: skew}
		}
		resp, err := s.pageImage(t.Context(), path, task)
		if err != nil {
			if number > 0 {
				t.Fatalf("a fault of the machine: %v", err)
			}
			return
		}
		if (resp.Picture == nil) == (len(resp.Problems) == 0) {
			t.Fatalf("%+v", resp)
		}
		if p := resp.Picture; p != nil {
			c, err := jpeg.DecodeConfig(bytes.NewReader(p.JPEG))
			if err != nil || image.Pt(c.Width, c.Height) != image.Pt(p.Width, p.Height) || p.Width > 201 || p.Height > 401 {
				t.Fatalf("%d × %d: %+v, %v", p.Width, p.Height, c, err)
			}
		}
	})
}
