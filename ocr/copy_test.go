package ocr

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"saisine.fr/saisine/ocr/samplescan"
)

// output runs a program and returns its standard output. Exit codes other than 0 fail.
func output(t *testing.T, program string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		t.Skipf("%s is not installed", program)
	}
	cmd := exec.CommandContext(t.Context(), program, args...)
	var complaint strings.Builder
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v: %s%s", program, err, out, complaint.String())
	}
	return string(out)
}

// copied reads files and makes one copy of all their pages.
func copied(t *testing.T, r *Reader, paths ...string) (string, CopyResult, []CopyPage) {
	t.Helper()
	var pages []CopyPage
	for _, path := range paths {
		doc, err := r.Read(t.Context(), path)
		if err != nil || len(doc.Problems) > 0 {
			t.Fatalf("%s: %v, %v", path, doc.Problems, err)
		}
		for _, p := range doc.Pages {
			pages = append(pages, CopyPage{Path: path, Number: p.Number, Rotation: p.Rotation, Layout: p.Layout})
		}
	}
	dst, res := copyOf(t, r, pages)
	return dst, res, pages
}

// copyOf makes a copy, which must be clean and alone in its folder.
func copyOf(t *testing.T, r *Reader, pages []CopyPage) (string, CopyResult) {
	t.Helper()
	dst := filepath.Join(t.TempDir(), "copy.pdf")
	res, err := r.Copy(t.Context(), pages, dst)
	if err != nil {
		t.Fatal(err)
	}
	if res.Pages != len(pages) {
		t.Errorf("%d pages, want %d", res.Pages, len(pages))
	}
	if st, err := os.Stat(dst); err != nil || st.Size() != res.Size {
		t.Errorf("size %d, file %v, %v", res.Size, st, err)
	}
	if files, _ := os.ReadDir(filepath.Dir(dst)); len(files) != 1 {
		t.Errorf("the folder holds %v", files)
	}
	output(t, "qpdf", "--check", dst)
	return dst, res
}

// box is a word on a page as pdftotext reports it, in points from the upper left corner.
type box struct {
	X0   float64 `xml:"xMin,attr"`
	Y0   float64 `xml:"yMin,attr"`
	X1   float64 `xml:"xMax,attr"`
	Y1   float64 `xml:"yMax,attr"`
	Text string  `xml:",chardata"`
}

type boxedPage struct {
	Width  float64 `xml:"width,attr"`
	Height float64 `xml:"height,attr"`
	Words  []box   `xml:"word"`
}

func boxedPages(t *testing.T, path string) []boxedPage {
	t.Helper()
	var doc struct {
		Pages []boxedPage `xml:"body>doc>page"`
	}
	if err := xml.Unmarshal([]byte(output(t, "pdftotext", "-cropbox", "-bbox", path, "-")), &doc); err != nil {
		t.Fatal(err)
	}
	return doc.Pages
}

const checkDPI = 100

// drawn renders a page in grey at checkDPI.
func drawn(t *testing.T, path string, page int) *image.Gray {
	t.Helper()
	root := filepath.Join(t.TempDir(), "page")
	n := fmt.Sprint(page)
	output(t, "pdftoppm", "-cropbox", "-r", fmt.Sprint(checkDPI), "-gray", "-png", "-singlefile", "-f", n, "-l", n, path, root)
	f, err := os.Open(root + ".png")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	img, _, err := image.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	gray := image.NewGray(img.Bounds())
	draw.Draw(gray, gray.Rect, img, img.Bounds().Min, draw.Src)
	return gray
}

// ink is the share of dark pixels of an image within a box.
func ink(img *image.Gray, b box) float64 {
	const scale = checkDPI / 72.0
	r := image.Rect(int(b.X0*scale), int(b.Y0*scale), int(math.Ceil(b.X1*scale)), int(math.Ceil(b.Y1*scale))).Intersect(img.Rect)
	if r.Empty() {
		return 0
	}
	dark := 0
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			if img.GrayAt(x, y).Y < 140 {
				dark++
			}
		}
	}
	return float64(dark) / float64(r.Dx()*r.Dy())
}

// checkWords compares the words of a page of the copy with the layout: each is there,
// near its place, and on ink.
func checkWords(t *testing.T, path string, number int, p boxedPage, l *Layout) {
	t.Helper()
	if l == nil {
		t.Fatalf("page %d was read without a layout", number)
	}
	if (p.Width > p.Height) != (l.Width > l.Height) {
		t.Fatalf("page %d is %.0f × %.0f, its layout %d × %d", number, p.Width, p.Height, l.Width, l.Height)
	}
	img := drawn(t, path, number)
	scale := p.Width / float64(l.Width)
	sin, cos := math.Sincos(l.Skew * math.Pi / 180)
	lost, astray, pale := 0, 0, 0
	complain := func(format string, args ...any) {
		if lost+astray+pale < 5 { // a few tell enough
			t.Logf(format, args...)
		}
	}
	worst := 0.0
	for _, w := range l.Words {
		if !strings.ContainsFunc(w.Text, unicode.IsLetter) || w.W < w.H/4 {
			continue // signs stand above or below the middle of their line
		}
		// Where the middle of the word lies on the page as it was scanned.
		dx, dy := float64(w.X)+float64(w.W)/2-float64(l.Width)/2, float64(w.Y)+float64(w.H)/2-float64(l.Height)/2
		x, y := (dx*cos+dy*sin+float64(l.Width)/2)*scale, (-dx*sin+dy*cos+float64(l.Height)/2)*scale
		best := math.Inf(1)
		var at box
		for _, b := range p.Words {
			if b.Text != w.Text {
				continue
			}
			if d := math.Hypot((b.X0+b.X1)/2-x, (b.Y0+b.Y1)/2-y); d < best {
				best, at = d, b
			}
		}
		switch {
		case math.IsInf(best, 1):
			complain("page %d: %q is lost", number, w.Text)
			lost++
			continue
		case best > 5:
			complain("page %d: %q lies %.1f pt away", number, w.Text, best)
			astray++
		}
		worst = max(worst, best)
		if ink(img, at) < 0.02 {
			complain("page %d: %q lies on no ink: %+v", number, w.Text, at)
			pale++
		}
	}
	t.Logf("page %d: %d words, %d lost, %d astray, %d on no ink, at most %.1f pt away", number, len(l.Words), lost, astray, pale, worst)
	if n := len(l.Words); lost*50 > n || astray > 0 || pale*50 > n || len(p.Words)*10 < n*9 {
		t.Errorf("page %d: %d words of the layout, %d in the copy; %d lost, %d astray, %d on no ink", number, n, len(p.Words), lost, astray, pale)
	}
}

// embedded is an image of a PDF: the bytes of a JPEG, or the pixels of anything else.
type embedded struct {
	jpeg   []byte
	pixels image.Image
}

func embeddedImages(t *testing.T, path string) []embedded {
	t.Helper()
	dir := t.TempDir()
	output(t, "pdfimages", "-j", "-png", path, filepath.Join(dir, "x"))
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []embedded
	for _, f := range files {
		data, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if filepath.Ext(f.Name()) == ".jpg" {
			out = append(out, embedded{jpeg: data})
			continue
		}
		img, _, err := image.Decode(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, embedded{pixels: img})
	}
	return out
}

// endOfImage is the mark that ends a JPEG. Ghostscript writes one more.
var endOfImage = []byte{0xFF, 0xD9}

// checkImages compares the images of a file with those of its copy: JPEG byte by byte, and
// all others pixel by pixel.
func checkImages(t *testing.T, src, dst string) {
	t.Helper()
	was, is := embeddedImages(t, src), embeddedImages(t, dst)
	if len(was) != len(is) || len(was) == 0 {
		t.Fatalf("%d images, were %d", len(is), len(was))
	}
	for i, w := range was {
		if w.jpeg != nil {
			if rest, ok := bytes.CutPrefix(is[i].jpeg, w.jpeg); !ok || len(rest) > 0 && !bytes.Equal(rest, endOfImage) {
				t.Errorf("image %d: another JPEG: %d bytes, were %d", i, len(is[i].jpeg), len(w.jpeg))
			}
			continue
		}
		if is[i].pixels == nil || !samePixels(is[i].pixels, w.pixels) {
			t.Errorf("image %d: other pixels", i)
		}
	}
}

func samePixels(a, b image.Image) bool {
	if a.Bounds() != b.Bounds() {
		return false
	}
	for y := a.Bounds().Min.Y; y < a.Bounds().Max.Y; y++ {
		for x := a.Bounds().Min.X; x < a.Bounds().Max.X; x++ {
			if a.At(x, y) != b.At(x, y) {
				return false
			}
		}
	}
	return true
}

// difference is the mean difference in grey values of two images of one size.
func difference(t *testing.T, a, b *image.Gray) float64 {
	t.Helper()
	if dx, dy := a.Rect.Dx()-b.Rect.Dx(), a.Rect.Dy()-b.Rect.Dy(); max(dx, -dx, dy, -dy) > 2 {
		t.Fatalf("sizes %v and %v", a.Rect, b.Rect)
	}
	r, sum := a.Rect.Intersect(b.Rect), 0.0
	for y := range r.Dy() {
		for x := range r.Dx() {
			sum += math.Abs(float64(a.GrayAt(x, y).Y) - float64(b.GrayAt(x, y).Y))
		}
	}
	return sum / float64(r.Dx()*r.Dy())
}

// claim is how a file says that it is PDF/A-2b.
const claim = "pdfaid:part='2' pdfaid:conformance='B'"

func TestCopyEvaluation(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(evaluationScans(t), "l01_*.pdf"))
	if err != nil {
		t.Fatal(err)
	}
	if os.Getenv("SAISINE_EVALUATION") == "" {
		// Those in which something may go wrong with places.
		few := []string{"skew3", "bw200"}
		if longRun() {
			few = append(few, "rot90", "colour300")
		}
		files = slices.DeleteFunc(files, func(f string) bool {
			return !slices.Contains(few, strings.Split(filepath.Base(f), ".")[1])
		})
	}
	r := newReader(t, Options{})
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			dst, res, pages := copied(t, r, file)
			if !res.PDFA {
				t.Error("no PDF/A")
			}
			checkWords(t, dst, 1, boxedPages(t, dst)[0], pages[0].Layout)
			checkImages(t, file, dst)
			if data, err := os.ReadFile(dst); err != nil || !strings.Contains(string(data), claim) {
				t.Errorf("it does not say that it is PDF/A: %v", err)
			}
			// Ghostscript can blow up the font of the text to one for each character.
			if fonts := strings.Count(output(t, "pdffonts", dst), "GlyphLess"); fonts != 1 {
				t.Errorf("%d fonts", fonts)
			}
		})
	}
}

func TestCopySamples(t *testing.T) {
	t.Parallel()
	r := newReader(t, Options{})
	data, err := samplescan.PDF([]string{letter(1)}, samplescan.Options{Noise: 5})
	upright := drawn(t, write(t, "upright.pdf", data, err), 1)
	for name, o := range someOf(t, map[string]samplescan.Options{
		"clean":   {Noise: 5},
		"skew":    {Noise: 5, Skew: -2.5},
		"turn 90": {Noise: 5, Turn: 90},
		"180":     {Noise: 5, Turn: 180, Skew: 1},
		"270":     {Noise: 5, Turn: 270, DPI: 300},
	}, "skew", "turn 90") {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data, err := samplescan.PDF([]string{letter(1)}, o)
			src := write(t, "scan.pdf", data, err)
			dst, _, pages := copied(t, r, src)
			checkWords(t, dst, 1, boxedPages(t, dst)[0], pages[0].Layout)
			checkImages(t, src, dst)
			if d := difference(t, upright, drawn(t, dst, 1)); o.Skew == 0 && d > 8 {
				t.Errorf("the page does not look like the upright one: %.1f grey values off", d)
			}
		})
	}
}

// A page with a text layer of its own is copied as it is, and pages of several files come
// in the order asked for.
func TestCopyOfSeveralFiles(t *testing.T) {
	t.Parallel()
	r := newReader(t, Options{})
	data, err := samplescan.TextPDF([]string{letter(1)})
	text := write(t, "text.pdf", data, err)
	data, err = samplescan.PDF([]string{letter(2), "", letter(3)}, samplescan.Options{Noise: 5})
	scan := write(t, "scan.pdf", data, err)
	mixed := filepath.Join(t.TempDir(), "mixed.pdf")
	output(t, "qpdf", "--empty", "--pages", text, scan, "--", mixed)
	data, err = samplescan.PNG(letter(4), samplescan.Options{Turn: 180})
	single := write(t, "page.png", data, err)
	_, _, pages := copied(t, r, mixed, single)
	if len(pages) != 5 {
		t.Fatalf("%d pages", len(pages))
	}
	order := []CopyPage{pages[4], pages[1], pages[0], pages[2], pages[3], pages[1]}
	dst, _ := copyOf(t, r, order)
	got := boxedPages(t, dst)
	for i, want := range []string{"4", "2", "1", "", "3", "2"} {
		var numbers []string
		for j, w := range got[i].Words {
			if w.Text == "courrier" {
				numbers = append(numbers, got[i].Words[j+1].Text)
			}
		}
		if strings.Join(numbers, " ") != want {
			t.Errorf("page %d is that of the letters %q, want %q", i+1, numbers, want)
		}
		if order[i].Layout != nil {
			checkWords(t, dst, i+1, got[i], order[i].Layout)
		}
	}
}

func TestCopyImages(t *testing.T) {
	t.Parallel()
	r := newReader(t, Options{})
	dir := t.TempDir()
	gray := filepath.Join(dir, "gray.tiff")
	writeTIFF(t, gray, grayPage(t, letter(1), samplescan.Options{Noise: 3}), grayPage(t, letter(1), samplescan.Options{Noise: 3, Turn: 180}))
	data, err := samplescan.TextPDF([]string{letter(1), letter(1)})
	output(t, "pdftoppm", "-r", "200", "-mono", "-tiff", write(t, "text.pdf", data, err), filepath.Join(dir, "fax"))
	jpeg, err := samplescan.JPEG(letter(1), samplescan.Options{Noise: 4})
	if err != nil {
		t.Fatal(err)
	}
	pdf, err := samplescan.PDF([]string{letter(1)}, samplescan.Options{})
	if err != nil {
		t.Fatal(err)
	}
	clean := grayPage(t, letter(1), samplescan.Options{})
	l, fax := layoutOf(t, r, write(t, "plain.jpeg", jpeg, nil)), layoutOf(t, r, filepath.Join(dir, "fax-1.tif"))
	for name, make := range someOf(t, map[string]func(path string){
		"lzw.tiff":      func(path string) { output(t, "tiffcp", "-c", "lzw", gray, path) },
		"packbits.tiff": func(path string) { output(t, "tiffcp", "-c", "packbits", gray, path) },
		"jpeg.tiff":     func(path string) { output(t, "tiffcp", "-r", "64", "-c", "jpeg:90", gray, path) },
		"palette.png": func(path string) {
			writePNG(t, path, recoloured(clean, func() draw.Image {
				return image.NewPaletted(clean.Rect, color.Palette{color.Black, color.White, color.RGBA{200, 0, 0, 255}})
			}))
		},
		"alpha.png": func(path string) { writePNG(t, path, transparent(clean)) },
		"16bit.png": func(path string) {
			writePNG(t, path, recoloured(clean, func() draw.Image { return image.NewGray16(clean.Rect) }))
		},
		"g4.tiff": func(path string) {
			output(t, "tiffcp", "-c", "g4", filepath.Join(dir, "fax-1.tif"), filepath.Join(dir, "fax-2.tif"), path)
		},
		"plain.jpeg": func(path string) { _ = os.WriteFile(path, jpeg, 0o600) },
		// Orientation 6 tells viewers of photographs to turn the image; readers of scans
		// and PDF viewers do not.
		"turned.jpeg": func(path string) { _ = os.WriteFile(path, withOrientation(jpeg, 6), 0o600) },
	}, "lzw.tiff", "alpha.png", "g4.tiff", "turned.jpeg") {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			src := filepath.Join(t.TempDir(), name)
			make(src)
			pages := []CopyPage{{Path: src, Number: 1, Layout: l}}
			if strings.HasSuffix(name, ".tiff") {
				pages = append(pages, CopyPage{Path: src, Number: 2, Layout: l, Rotation: 180})
			}
			if name == "g4.tiff" {
				pages[0].Layout, pages[1].Layout, pages[1].Rotation = fax, fax, 0
			}
			dst, _ := copyOf(t, r, pages)
			boxes := boxedPages(t, dst)
			for i, p := range pages {
				checkWords(t, dst, i+1, boxes[i], p.Layout)
				if w, h := boxes[i].Width, boxes[i].Height; math.Abs(w-595) > 6 || math.Abs(h-842) > 6 {
					t.Errorf("page %d is %.0f × %.0f points", i+1, w, h)
				}
			}
			if strings.HasSuffix(name, ".png") {
				if d := difference(t, drawn(t, write(t, "clean.pdf", pdf, nil), 1), drawn(t, dst, 1)); d > 3 {
					t.Errorf("the page looks otherwise: %.1f grey values off", d)
				}
			}
			if strings.HasSuffix(name, ".jpeg") {
				if img := embeddedImages(t, dst); len(img) != 1 || !bytes.HasPrefix(img[0].jpeg, mustRead(t, src)) {
					t.Error("the JPEG is another")
				}
			}
			if name == "g4.tiff" && strings.Count(output(t, "pdfimages", "-list", dst), "ccitt") != 2 {
				t.Error("pages of a fax are no longer packed as such")
			}
		})
	}
}

func writePNG(t *testing.T, path string, img image.Image) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := png.Encode(f, img); err != nil {
		t.Fatal(err)
	}
}

// recoloured copies an image into one of another kind.
func recoloured(img *image.Gray, kind func() draw.Image) image.Image {
	out := kind()
	draw.Draw(out, img.Rect, img, img.Rect.Min, draw.Src)
	return out
}

// transparent is an image whose paper is a hole and whose ink is black.
func transparent(img *image.Gray) image.Image {
	out := image.NewNRGBA(img.Rect)
	for y := range img.Rect.Dy() {
		for x := range img.Rect.Dx() {
			out.SetNRGBA(x, y, color.NRGBA{A: 255 - img.GrayAt(x, y).Y})
		}
	}
	return out
}

// layoutOf reads the one page of a file, which must lie upright.
func layoutOf(t *testing.T, r *Reader, path string) *Layout {
	t.Helper()
	doc, err := r.Read(t.Context(), path)
	if err != nil || len(doc.Pages) != 1 || doc.Pages[0].Layout == nil || doc.Pages[0].Rotation != 0 {
		t.Fatalf("%s: %+v, %v", path, doc, err)
	}
	return doc.Pages[0].Layout
}

func mustRead(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// withOrientation puts the tag of EXIF for it into a JPEG (Exif 2.3, 4.6.4).
func withOrientation(jpeg []byte, orientation byte) []byte {
	exif := "Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00" + string(orientation) + "\x00\x00\x00\x00\x00\x00"
	segment := append([]byte{0xFF, 0xE1, 0, byte(len(exif) + 2)}, exif...)
	return slices.Concat(jpeg[:2], segment, jpeg[2:])
}

// Pages may lie anywhere in their coordinates, be cut, turned, and of other units.
func TestCopyOddPages(t *testing.T) {
	t.Parallel()
	r := newReader(t, Options{})
	jpeg, err := samplescan.JPEG(letter(1), samplescan.Options{Noise: 4})
	l := layoutOf(t, r, write(t, "plain.jpeg", jpeg, err))
	size := grayPage(t, "", samplescan.Options{}).Rect
	for name, tc := range someOf(t, map[string]struct {
		page     string // entries of the page
		place    string // the matrix of its image
		rotation int
	}{
		"plain":                 {"/MediaBox [0 0 595 842]", "595 0 0 842 0 0", 0},
		"odd origin":            {"/MediaBox [-100.5 -50 494.5 792]", "595 0 0 842 -100.5 -50", 0},
		"corners swapped":       {"/MediaBox [595 842 0 0]", "595 0 0 842 0 0", 0},
		"cut":                   {"/MediaBox [0 0 700 900] /CropBox [50 30 645 872]", "595 0 0 842 50 30", 0},
		"cut beyond":            {"/MediaBox [0 0 595 842] /CropBox [-50 -50 700 900]", "595 0 0 842 0 0", 0},
		"trimmed":               {"/MediaBox [0 0 595 842] /TrimBox [40 60 500 700]", "595 0 0 842 0 0", 0},
		"trimmed and turned":    {"/MediaBox [-20 -30 575 812] /TrimBox [40 60 500 700] /Rotate 180", "595 0 0 842 -20 -30", 180},
		"turned by its content": {"/MediaBox [0 0 595 842] /Rotate 180", "-595 0 0 -842 595 842", 0},
		"rotated":               {"/MediaBox [0 0 842 595] /Rotate 90", "0 595 -842 0 842 0", 0},
		"rotated back":          {"/MediaBox [10 20 852 615] /Rotate -90", "0 -595 842 0 10 615", 0},
		"unit":                  {"/MediaBox [0 0 297.5 421] /UserUnit 2", "297.5 0 0 421 0 0", 0},
		"with a margin":         {"/MediaBox [0 0 612 882]", "595 0 0 842 0 40", 0},
	}, "odd origin", "trimmed and turned", "rotated back", "unit") {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			content := fmt.Sprintf("q\n%s cm /I Do Q", tc.place)
			raw := fmt.Sprintf("%%PDF-1.6\n1 0 obj\n<</Type /Catalog /Pages 2 0 R>>\nendobj\n2 0 obj\n<</Type /Pages /Kids [3 0 R] /Count 1>>\nendobj\n"+
				"3 0 obj\n<</Type /Page /Parent 2 0 R %s /Resources <</XObject <</I 5 0 R>>>> /Contents 4 0 R>>\nendobj\n"+
				"4 0 obj\n<</Length %d>>\nstream\n%s\nendstream\nendobj\n"+
				"5 0 obj\n<</Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace /DeviceGray /BitsPerComponent 8 /Filter /DCTDecode /Length %d>>\nstream\n%s\nendstream\nendobj\ntrailer\n<</Root 1 0 R>>\n",
				tc.page, len(content), content, size.Dx(), size.Dy(), len(jpeg), jpeg)
			broken, src := write(t, "raw.pdf", []byte(raw), nil), filepath.Join(t.TempDir(), "odd.pdf")
			output(t, "qpdf", "--warning-exit-0", broken, src)
			dst, _ := copyOf(t, r, []CopyPage{{Path: src, Number: 1, Rotation: tc.rotation, Layout: l}})
			p := boxedPages(t, dst)[0]
			if name == "with a margin" {
				// The layout is that of the image, which the page is larger than.
				checkInk(t, dst, p, l)
				return
			}
			checkWords(t, dst, 1, p, l)
		})
	}
}

// checkInk only looks whether the words of the copy lie on ink.
func checkInk(t *testing.T, path string, p boxedPage, l *Layout) {
	t.Helper()
	img := drawn(t, path, 1)
	pale := 0
	for _, w := range p.Words {
		if len(w.Text) > 2 && ink(img, w) < 0.05 {
			t.Logf("%q lies on no ink: %+v", w.Text, w)
			pale++
		}
	}
	if len(p.Words) < len(l.Words)*9/10 || pale > 0 {
		t.Errorf("%d words, %d in the layout, %d on no ink", len(p.Words), len(l.Words), pale)
	}
}

func TestCopyOfProtectedFiles(t *testing.T) {
	t.Parallel()
	r := newReader(t, Options{})
	data, err := samplescan.PDF([]string{letter(1)}, samplescan.Options{Noise: 5})
	plain := write(t, "plain.pdf", data, err)
	open := filepath.Join(t.TempDir(), "open.pdf")
	output(t, "qpdf", "--encrypt", "", "secret", "256", "--print=none", "--extract=n", "--", plain, open)
	dst, _, pages := copied(t, r, open)
	checkWords(t, dst, 1, boxedPages(t, dst)[0], pages[0].Layout)
	checkImages(t, plain, dst)

	locked := filepath.Join(t.TempDir(), "locked.pdf")
	output(t, "qpdf", "--encrypt", "secret", "secret", "256", "--", plain, locked)
	checkNoCopy(t, r, []CopyPage{{Path: locked, Number: 1}}, "mot de passe")
}

// checkNoCopy expects ErrNoCopy with a reason, and nothing in the folder.
func checkNoCopy(t *testing.T, r *Reader, pages []CopyPage, reason string) {
	t.Helper()
	dir := t.TempDir()
	_, err := r.Copy(t.Context(), pages, filepath.Join(dir, "copy.pdf"))
	if !errors.Is(err, ErrNoCopy) || !strings.Contains(err.Error(), reason) {
		t.Errorf("got %v, want %q", err, reason)
	}
	if files, _ := os.ReadDir(dir); len(files) != 0 {
		t.Errorf("the folder holds %v", files)
	}
}

func TestNoCopy(t *testing.T) {
	t.Parallel()
	r := newReader(t, Options{MaxPages: 3, MaxPixels: 5_000_000})
	scan, err := samplescan.PDF([]string{letter(1)}, samplescan.Options{})
	good := write(t, "scan.pdf", scan, err)
	page := func(path string, number int) []CopyPage { return []CopyPage{{Path: path, Number: number}} }
	for name, tc := range map[string]struct {
		pages  []CopyPage
		reason string
	}{
		"no pages":            {nil, "aucune page"},
		"too many pages":      {slices.Repeat(page(good, 1), 4), "4 pages"},
		"no such page":        {page(good, 7), "endommagé"},
		"no document":         {page(write(t, "a.zip", []byte("PK\x03\x04 a zip file"), nil), 1), "ni un PDF ni une image"},
		"empty":               {page(write(t, "empty", nil, nil), 1), "ni un PDF ni une image"},
		"pdf without a body":  {page(write(t, "a.pdf", []byte("%PDF-1.4\n"), nil), 1), "endommagé"},
		"truncated pdf":       {page(write(t, "b.pdf", scan[:len(scan)/20], nil), 1), "endommagé"},
		"tiff without a body": {page(write(t, "a.tiff", []byte("II*\x00\x08\x00\x00\x00\xff\xff"), nil), 1), "endommagé"},
		"png without a body":  {page(write(t, "a.png", []byte("\x89PNG\r\n\x1a\n and nothing else"), nil), 1), "endommagé"},
		"png of 60,000 x 60,000": {page(write(t, "b.png",
			[]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR\x00\x00\xea\x60\x00\x00\xea\x60\x08\x00\x00\x00\x00\x00\x00\x00\x00"+strings.Repeat("\x00", 64)), nil), 1), "taille admise"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			checkNoCopy(t, r, tc.pages, tc.reason)
		})
	}
}

// A damaged file gives a good copy or none, and never a damaged one.
func TestCopyOfDamagedFiles(t *testing.T) {
	t.Parallel()
	r := newReader(t, Options{})
	data, err := samplescan.PDF([]string{"Première page", "Deuxième page"}, samplescan.Options{DPI: 100})
	if err != nil {
		t.Fatal(err)
	}
	good := 0
	for i := range 12 {
		damaged := slices.Clone(data)
		if i%2 == 0 {
			damaged = damaged[:len(data)*(i+1)/13]
		} else {
			for j := range 40 {
				damaged[(len(data)*(i+1)/13+j*17)%len(data)] ^= 0x55
			}
		}
		dst := filepath.Join(t.TempDir(), "copy.pdf")
		_, err := r.Copy(t.Context(), []CopyPage{{Path: write(t, "damaged.pdf", damaged, nil), Number: 1}}, dst)
		switch {
		case err == nil:
			good++
			output(t, "qpdf", "--check", dst)
		case !errors.Is(err, ErrNoCopy):
			t.Errorf("damage %d: %v", i, err)
		}
	}
	t.Logf("%d of 12 damaged files gave a copy", good)
}

func TestCopyErrors(t *testing.T) {
	t.Parallel()
	data, err := samplescan.PDF([]string{"Bonjour"}, samplescan.Options{DPI: 100})
	path := write(t, "scan.pdf", data, err)
	pages := []CopyPage{{Path: path, Number: 1}}
	dst := filepath.Join(t.TempDir(), "copy.pdf")
	t.Run("no such file", func(t *testing.T) {
		_, err := newReader(t, Options{}).Copy(t.Context(), []CopyPage{{Path: path + ".gone", Number: 1}}, dst)
		if !errors.Is(err, os.ErrNotExist) || errors.Is(err, ErrNoCopy) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("no program", func(t *testing.T) {
		if _, err := newReader(t, Options{Exe: "/does/not/exist"}).Copy(t.Context(), pages, dst); !errors.Is(err, ErrChild) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("nonsense", func(t *testing.T) {
		for _, p := range []CopyPage{{Path: path}, {Path: path, Number: 1, Rotation: 45}, {Path: t.TempDir(), Number: 1}} {
			if _, err := newReader(t, Options{}).Copy(t.Context(), []CopyPage{p}, dst); !errors.Is(err, os.ErrInvalid) {
				t.Errorf("%+v: got %v", p, err)
			}
		}
	})
	t.Run("no folder", func(t *testing.T) {
		_, err := newReader(t, Options{}).Copy(t.Context(), pages, filepath.Join(path+".gone", "copy.pdf"))
		if !errors.Is(err, os.ErrNotExist) || errors.Is(err, ErrNoCopy) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("context ended", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		if _, err := newReader(t, Options{}, "hang=1").Copy(ctx, pages, dst); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("closed", func(t *testing.T) {
		r := newReader(t, Options{}, "hang=1")
		got := make(chan error, 1)
		go func() {
			_, err := r.Copy(t.Context(), pages, dst)
			got <- err
		}()
		waitFor(t, func() bool { return len(childPIDs(t, r)) > 0 })
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		if err := <-got; !errors.Is(err, ErrClosed) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("dies always", func(t *testing.T) {
		checkNoCopy(t, newReader(t, Options{}, "kill=1"), pages, "deux fois")
	})
	t.Run("hangs", func(t *testing.T) {
		checkNoCopy(t, newReader(t, Options{PageTimeout: 2 * time.Second}, "hang=1"), pages, "deux fois")
	})
	t.Run("dies once", func(t *testing.T) {
		copyOf(t, newReader(t, Options{}, "kill=1", "once="+filepath.Join(t.TempDir(), "mark")), pages)
	})
}

// Many pages go in parts, and come together in order.
func TestCopyInParts(t *testing.T) {
	t.Parallel()
	texts := make([]string, 2*partPages+5)
	r := newReader(t, Options{MaxPages: len(texts)})
	for i := range texts {
		texts[i] = fmt.Sprintf("feuillet %d", i+1)
	}
	data, err := samplescan.TextPDF(texts)
	path := write(t, "many.pdf", data, err)
	pages := make([]CopyPage, len(texts))
	for i := range pages {
		pages[i] = CopyPage{Path: path, Number: len(pages) - i}
	}
	began := time.Now()
	dst, res := copyOf(t, r, pages)
	t.Logf("%+v in %s", res, time.Since(began).Round(time.Millisecond))
	for i, p := range boxedPages(t, dst) {
		if len(p.Words) != 2 || p.Words[1].Text != fmt.Sprint(len(texts)-i) {
			t.Fatalf("page %d holds %+v", i+1, p.Words)
		}
	}
	checkNoCopy(t, r, slices.Concat(pages, pages[:1]), "46 pages")
}
