package child

import (
	"bytes"
	"context"
	"encoding/binary"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"saisine.fr/saisine/ocr/leptonica"
	"saisine.fr/saisine/ocr/pdfobj"
	"saisine.fr/saisine/ocr/poppler"
	"saisine.fr/saisine/ocr/qpdf"
	"saisine.fr/saisine/ocr/samplescan"
	"saisine.fr/saisine/ocr/wire"
)

// onlyPrograms makes a PATH of links to some programs.
func onlyPrograms(t *testing.T, names ...string) {
	t.Helper()
	dir := t.TempDir()
	for _, name := range names {
		file, err := exec.LookPath(name)
		if err != nil {
			t.Skipf("%s is not installed", name)
		}
		if err := os.Symlink(file, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir)
}

func copyServer(t *testing.T) (*server, string) {
	t.Helper()
	t.Setenv("TMPDIR", t.TempDir())
	data, err := samplescan.TextPDF([]string{"Un", "Deux"})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "text.pdf")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return &server{cfg: wire.Config{StepSeconds: 60, MemoryBytes: 1 << 30, MaxPixels: 50_000_000}}, path
}

func join(path string) wire.Request {
	return wire.Request{Op: wire.OpCopyJoin, Copy: &wire.CopyTask{Parts: []string{path, path}, MaxBytes: 10 << 20}}
}

// With ghostscript the copy is PDF/A, without it is plain, and without qpdf there is
// none, which is a fault of the machine.
func TestCopyNeedsNoGhostscript(t *testing.T) {
	s, path := copyServer(t)
	for name, tc := range map[string]struct {
		programs []string
		archive  bool
		fault    bool
	}{
		"all":            {[]string{"prlimit", "qpdf", "pdfimages", "pdftotext", "gs"}, true, false},
		"no ghostscript": {[]string{"prlimit", "qpdf"}, false, false},
		"no qpdf":        {[]string{"prlimit", "gs"}, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			onlyPrograms(t, tc.programs...)
			resp := s.serve(context.Background(), join(path))
			if tc.fault {
				if resp.Fault == "" || resp.Copy != nil {
					t.Errorf("got %+v", resp)
				}
				return
			}
			if resp.Copy == nil || resp.Copy.Pages != 4 || resp.Copy.PDFA != tc.archive || resp.Copy.File != copyName {
				t.Fatalf("got %+v, %+v", resp, resp.Copy)
			}
			if st, err := os.Stat(filepath.Join(os.TempDir(), copyName)); err != nil || st.Size() == 0 {
				t.Errorf("the file: %v, %v", st, err)
			}
		})
	}
	if left, _ := filepath.Glob(filepath.Join(os.TempDir(), "copying-*")); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// A copy that is larger than agreed is a problem of the document, whoever writes it.
func TestCopyTooLarge(t *testing.T) {
	s, path := copyServer(t)
	req := join(path)
	req.Copy.MaxBytes = 300
	resp := s.serve(context.Background(), req)
	if resp.Copy != nil || resp.Fault != "" || len(resp.Problems) != 1 {
		t.Errorf("by qpdf: %+v", resp)
	}
	image, err := samplescan.PNG("Bonjour", samplescan.Options{DPI: 100, Noise: 10})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, image, 0o600); err != nil {
		t.Fatal(err)
	}
	req = wire.Request{Op: wire.OpCopyPages, Path: path, Copy: &wire.CopyTask{Pages: []wire.CopyPage{{Number: 1}}, MaxBytes: 1000}}
	resp = s.serve(context.Background(), req)
	if resp.Copy != nil || resp.Fault != "" || len(resp.Problems) != 1 || resp.Problems[0].Code != "over_limit" {
		t.Errorf("by the child: %+v", resp)
	}
}

func TestPlaced(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		content string
		want    qpdf.Rect
		ok      bool
	}{
		"a scan":             {"q 595 0 0 842 10 20 cm /Im0 Do Q", qpdf.Rect{X0: 10, Y0: 20, X1: 605, Y1: 862}, true},
		"nested":             {"q 1 0 0 1 10 20 cm q 0.5 0 0 .5 0 0 cm 100 0 0 200 4 6 cm /Im0 Do Q Q", qpdf.Rect{X0: 12, Y0: 23, X1: 62, Y1: 123}, true},
		"turned":             {"0 595 -842 0 842 0 cm /I Do", qpdf.Rect{X0: 0, Y0: 0, X1: 842, Y1: 595}, true},
		"after a state":      {"q 5 0 0 5 0 0 cm Q 10 0 0 10 0 0 cm /I Do", qpdf.Rect{X1: 10, Y1: 10}, true},
		"two images":         {"q 5 0 0 5 0 0 cm /A Do Q q 5 0 0 5 9 9 cm /B Do Q", qpdf.Rect{}, false},
		"none":               {"q 5 0 0 5 0 0 cm Q", qpdf.Rect{}, false},
		"with text":          {"q 5 0 0 5 0 0 cm /A Do Q BT ET", qpdf.Rect{}, false},
		"inline":             {"q 5 0 0 5 0 0 cm BI /W 1 ID x EI Q", qpdf.Rect{}, false},
		"a matrix too short": {"5 0 0 cm /A Do", qpdf.Rect{}, false},
		"nothing":            {"", qpdf.Rect{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, ok := placed([]byte(tc.content))
			if ok != tc.ok || ok && got != tc.want {
				t.Errorf("got %+v, %t", got, ok)
			}
		})
	}
}

func TestCovers(t *testing.T) {
	t.Parallel()
	l := &wire.Layout{Width: 1654, Height: 2339, DPI: 200}
	for _, tc := range []struct {
		w, h float64
		want bool
	}{
		{595.4, 842, true}, {600, 842, true}, {612, 842, false}, {595.4, 792, false}, {0, 0, false}, {math.NaN(), 842, false},
	} {
		if got := covers(l, qpdf.Rect{X1: tc.w, Y1: tc.h}); got != tc.want {
			t.Errorf("%v × %v: %t", tc.w, tc.h, got)
		}
	}
}

func TestSameImage(t *testing.T) {
	t.Parallel()
	scan := poppler.Image{Page: 1, Type: "image", Width: 10, Height: 20, Color: "gray", Bits: 8, Encoding: "jpeg"}
	other := func(change func(*poppler.Image)) poppler.Image {
		img := scan
		change(&img)
		return img
	}
	for name, tc := range map[string]struct {
		a, b poppler.Image
		want bool
	}{
		"equal":         {scan, scan, true},
		"packed anew":   {scan, other(func(i *poppler.Image) { i.Encoding = "image" }), false},
		"coloured":      {scan, other(func(i *poppler.Image) { i.Color = "rgb" }), false},
		"smaller":       {scan, other(func(i *poppler.Image) { i.Width = 5 }), false},
		"fewer bits":    {scan, other(func(i *poppler.Image) { i.Bits = 4 }), false},
		"lossless both": {other(func(i *poppler.Image) { i.Encoding = "ccitt" }), other(func(i *poppler.Image) { i.Encoding = "image" }), true},
	} {
		if got := sameImage(tc.a, tc.b); got != tc.want {
			t.Errorf("%s: %t", name, got)
		}
	}
	if !sameWords("un deux\ntrois", "trois un\n deux") || sameWords("un deux", "un de ux") {
		t.Error("words are not compared as such")
	}
}

// jpegWith makes the beginning of a JPEG of some segments.
func jpegWith(segments ...string) []byte {
	out := []byte{0xFF, 0xD8}
	for _, s := range segments {
		out = append(out, 0xFF, s[0])
		out = binary.BigEndian.AppendUint16(out, uint16(len(s)+1))
		out = append(out, s[1:]...)
	}
	return append(out, 0xFF, markerSOS, 0, 2)
}

func TestParseJPEG(t *testing.T) {
	t.Parallel()
	const inches, centimetres = "\xe0JFIF\x00\x01\x02\x01\x01\x2c\x00\xc8\x00\x00", "\xe0JFIF\x00\x01\x02\x02\x00\x76\x00\x4f\x00\x00"
	const adobe = "\xeeAdobe\x00\x64\x00\x00\x00\x00\x02"
	for name, tc := range map[string]struct {
		data []byte
		want jpegInfo
	}{
		"inches":            {jpegWith(inches), jpegInfo{xdpi: 300, ydpi: 200}},
		"centimetres":       {jpegWith(centimetres), jpegInfo{xdpi: 118 * 2.54, ydpi: 79 * 2.54}},
		"adobe":             {jpegWith("\xe1Exif", adobe), jpegInfo{adobe: true}},
		"after the image":   {append(jpegWith(), jpegWith(adobe)...), jpegInfo{}},
		"cut":               {jpegWith(inches)[:12], jpegInfo{}},
		"a length too long": {[]byte("\xff\xd8\xff\xe0\xff\xffJFIF\x00\x01\x02\x01\x01\x2c\x00\xc8"), jpegInfo{}},
		"nothing":           {nil, jpegInfo{}},
	} {
		if got := parseJPEG(tc.data); got != tc.want {
			t.Errorf("%s: got %+v, want %+v", name, got, tc.want)
		}
	}
}

func TestImagePoints(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		img  pdfImage
		w, h float64
	}{
		"200 dpi":          {pdfImage{width: 1654, height: 2339, xdpi: 200, ydpi: 200}, 595.44, 842.04},
		"a fax":            {pdfImage{width: 1728, height: 1145, xdpi: 204, ydpi: 98}, 609.88, 841.22},
		"none":             {pdfImage{width: 1654, height: 2339}, 595.33, 841.89},
		"none, lying":      {pdfImage{width: 2339, height: 1654}, 841.89, 595.33},
		"not credible":     {pdfImage{width: 1654, height: 2339, xdpi: 1, ydpi: 1}, 595.33, 841.89},
		"beyond all paper": {pdfImage{width: 100_000, height: 100, xdpi: 50, ydpi: 50}, 14_400, 14.4},
	} {
		if w, h := tc.img.points(); math.Abs(w-tc.w) > 0.01 || math.Abs(h-tc.h) > 0.01 {
			t.Errorf("%s: %.2f × %.2f", name, w, h)
		}
	}
}

// Inks of print go in as they are, and inverted where the program that wrote them did so.
func TestJPEGColours(t *testing.T) {
	t.Parallel()
	adobe := jpegWith("\xeeAdobe\x00\x64\x00\x00\x00\x00\x02")
	for samples, want := range map[int]string{1: "/DeviceGray", 3: "/DeviceRGB", 4: "/DeviceCMYK /Decode [1 0 1 0 1 0 1 0]"} {
		img, err := jpegImage(adobe, leptonica.Header{Width: 1, Height: 1, Samples: samples})
		if err != nil || !strings.HasSuffix(img.dict, want) {
			t.Errorf("%d: %q, %v", samples, img.dict, err)
		}
	}
	if _, err := jpegImage(adobe, leptonica.Header{Width: 1, Height: 1, Samples: 2}); err == nil {
		t.Error("two colours passed")
	}
}

func FuzzPlaced(f *testing.F) {
	f.Add([]byte("q 595 0 0 842 10 20 cm /Im0 Do Q"))
	f.Add([]byte("q q Q Q Q NaN Inf 1e999 1 1 1 cm /A Do BI"))
	f.Fuzz(func(_ *testing.T, content []byte) {
		if r, ok := placed(content); ok {
			covers(&wire.Layout{Width: 10, Height: 10, DPI: 1}, r)
		}
	})
}

// Any JPEG makes a file that can be written, whatever its segments say.
func FuzzParseJPEG(f *testing.F) {
	f.Add(jpegWith("\xe0JFIF\x00\x01\x02\x01\x01\x2c\x00\xc8\x00\x00"))
	f.Add([]byte("\xff\xd8\xff\xff\xff\xee\x00\x0eAdobe\x00\x64"))
	f.Fuzz(func(t *testing.T, data []byte) {
		info := parseJPEG(data)
		w, h := pdfImage{width: 10, height: 20, xdpi: info.xdpi, ydpi: info.ydpi}.points()
		if !(w > 0 && h > 0 && w <= mostPoints && h <= mostPoints) {
			t.Errorf("%v × %v", w, h)
		}
		var b bytes.Buffer
		out := pdfobj.NewWriter(&b)
		pdfImage{dict: "/ColorSpace /DeviceGray", data: data, width: 10, height: 20, xdpi: info.xdpi, ydpi: info.ydpi}.write(out)
		if err := out.Close(); err != nil {
			t.Error(err)
		}
	})
}
