package child

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/jpeg"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"saisine.fr/saisine/ocr/leptonica"
	"saisine.fr/saisine/ocr/samplescan"
	"saisine.fr/saisine/ocr/tesseract"
	"saisine.fr/saisine/ocr/wire"
)

// fuzzServer answers as the child does, without the limits that a test process must not
// put on itself; the programs that it starts have theirs.
func fuzzServer(f *testing.F) *server {
	f.Helper()
	leptonica.Silence()
	engine, err := tesseract.New([]string{"fra"})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = engine.Close() })
	f.Setenv("TMPDIR", f.TempDir())
	return newServer(wire.Config{StepSeconds: 4, MaxPages: 5, MaxPixels: 1 << 20, MemoryBytes: 1 << 30}, engine, Hooks{})
}

// smallTIFF is a TIFF of one page of 32 × 32 grey pixels (TIFF 6.0, §2).
func smallTIFF() []byte {
	file := append([]byte("II*\x00\x08\x04\x00\x00"), bytes.Repeat([]byte{200}, 1024)...)
	for i := range 32 {
		file[8+32*i+i] = 0
	}
	word := func(v uint32, n int) {
		for range n {
			file = append(file, byte(v))
			v >>= 8
		}
	}
	word(9, 2)
	for _, tag := range [][2]uint32{{256, 32}, {257, 32}, {258, 8}, {259, 1}, {262, 1}, {273, 8}, {277, 1}, {278, 32}, {279, 1024}} {
		word(tag[0], 2)
		word(4, 2)
		word(1, 4)
		word(tag[1], 4)
	}
	word(0, 4)
	return file
}

func seeds(f *testing.F) [][]byte {
	f.Helper()
	text, err := samplescan.TextPDF([]string{"Bonjour", "Madame la Maire,\n\nle réverbère ne fonctionne plus."})
	if err != nil {
		f.Fatal(err)
	}
	var photo bytes.Buffer
	if err := jpeg.Encode(&photo, image.NewGray(image.Rect(0, 0, 24, 32)), nil); err != nil {
		f.Fatal(err)
	}
	scan := fmt.Sprintf("%%PDF-1.4\n1 0 obj\n<</Type /Catalog /Pages 2 0 R /Collection <<>>>>\nendobj\n2 0 obj\n<</Type /Pages /Kids [3 0 R] /Count 1>>\nendobj\n"+
		"3 0 obj\n<</Type /Page /Parent 2 0 R /MediaBox [0 0 24 32] /Rotate 90 /Contents 4 0 R /Resources <</XObject <</I 5 0 R>>>>>>\nendobj\n"+
		"4 0 obj\n<</Length 28>>\nstream\nq 24 0 0 32 0 0 cm /I Do Q   \nendstream\nendobj\n"+
		"5 0 obj\n<</Type /XObject /Subtype /Image /Width 24 /Height 32 /ColorSpace /DeviceGray /BitsPerComponent 8 /Filter /DCTDecode /Length %d>>\nstream\n%s\nendstream\nendobj\n"+
		"trailer\n<</Root 1 0 R>>\n", photo.Len(), photo.String())
	return [][]byte{text, []byte(scan), smallTIFF(), photo.Bytes(), []byte("%PDF-1.4\n"), nil}
}

// FuzzPlan plans documents of any bytes: PDF through poppler's programs, TIFF within the
// process. It ends with a plan within its bounds, or problems that say why not.
func FuzzPlan(f *testing.F) {
	s := fuzzServer(f)
	for _, seed := range seeds(f) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "x")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		resp := s.serve(context.Background(), wire.Request{Op: wire.OpPlan, Path: path})
		if resp.Fault != "" || resp.Plan == nil {
			t.Fatalf("got %+v", resp)
		}
		checkResponse(t, resp)
		if pages := len(resp.Plan.Done) + len(resp.Plan.Todo); pages > 2*s.cfg.MaxPages || pages == 0 && len(resp.Problems) == 0 {
			t.Errorf("%d pages and problems %v", pages, resp.Problems)
		}
	})
}

// FuzzServe asks for any page by any method of any small document, as a daemon never would.
func FuzzServe(f *testing.F) {
	s := fuzzServer(f)
	for i, seed := range seeds(f) {
		for _, method := range []string{wire.MethodEmbedded, wire.MethodRender, wire.MethodTIFF, wire.MethodImage, wire.MethodBarcodes} {
			var frame bytes.Buffer
			req := wire.Request{Op: wire.OpPage, Task: wire.Task{Number: i, Method: method, DPI: -i, Turn: 45 * i, Width: 1e6, Height: -1}}
			if err := wire.Write(&frame, req); err != nil {
				f.Fatal(err)
			}
			f.Add(frame.Bytes(), seed)
		}
	}
	f.Fuzz(func(t *testing.T, frame, data []byte) {
		var req wire.Request
		if err := wire.Read(bytes.NewReader(frame), &req); err != nil {
			return
		}
		// The daemon's word for a path or for writing a copy is its own affair.
		if req.Op != wire.OpPlan {
			req.Op = wire.OpPage
		}
		req.Path = filepath.Join(t.TempDir(), "x")
		if err := os.WriteFile(req.Path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		checkResponse(t, s.serve(context.Background(), req))
	})
}

func checkResponse(t *testing.T, resp wire.Response) {
	t.Helper()
	if err := wire.Write(new(bytes.Buffer), resp); err != nil {
		t.Errorf("the answer does not fit: %v", err)
	}
	for _, p := range resp.Problems {
		if p.Code == "" || p.Detail == "" || !utf8.ValidString(p.Detail) || strings.ContainsRune(p.Detail, 0) {
			t.Errorf("problem %+v", p)
		}
	}
	if resp.Page != nil && !utf8.ValidString(resp.Page.Text) {
		t.Errorf("text %q", resp.Page.Text)
	}
}
