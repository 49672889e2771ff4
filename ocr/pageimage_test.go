package ocr

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"saisine.fr/saisine/ocr/samplescan"
	"saisine.fr/saisine/ocr/wire"
)

// pictured makes the picture of a page and decodes it.
func pictured(t *testing.T, r *Reader, p PicturePage) (image.Image, Picture) {
	t.Helper()
	begun := time.Now()
	made, err := r.PageImage(t.Context(), p)
	if err != nil {
		t.Fatalf("%s: %v", p.Path, err)
	}
	img, err := jpeg.Decode(bytes.NewReader(made.JPEG))
	if err != nil {
		t.Fatalf("%s: %v", p.Path, err)
	}
	if b := img.Bounds(); b.Dx() != made.Width || b.Dy() != made.Height || made.Width > PictureWidth+rounding {
		t.Errorf("%s: %v, said to be %d × %d", p.Path, b, made.Width, made.Height)
	}
	t.Logf("%s: %d × %d, %d kB in %s", filepath.Base(p.Path), made.Width, made.Height, len(made.JPEG)>>10, time.Since(begun).Round(time.Millisecond))
	return img, made
}

// coverage is the share of the picture's ink that lies in the boxes of the words. All ink
// of the sample pages is words.
func coverage(img image.Image, l *Layout) float64 {
	b := img.Bounds()
	fx, fy := float64(b.Dx())/float64(l.Width), float64(b.Dy())/float64(l.Height)
	inside := make([]bool, b.Dx()*b.Dy())
	for _, w := range l.Words {
		for y := max(0, int(float64(w.Y)*fy)-2); y < min(b.Dy(), int(float64(w.Y+w.H)*fy)+3); y++ {
			for x := max(0, int(float64(w.X)*fx)-2); x < min(b.Dx(), int(float64(w.X+w.W)*fx)+3); x++ {
				inside[y*b.Dx()+x] = true
			}
		}
	}
	all, covered := 0, 0
	for y := range b.Dy() {
		for x := range b.Dx() {
			if color.GrayModel.Convert(img.At(x, y)).(color.Gray).Y < 110 {
				all++
				if inside[y*b.Dx()+x] {
					covered++
				}
			}
		}
	}
	return float64(covered) / float64(max(1, all))
}

// The boxes of words lie on the words of the picture, however the page lay and whatever
// its file is.
func TestPictureShowsWords(t *testing.T) {
	t.Parallel()
	r := newReader(t, Options{})
	pdf := func(o samplescan.Options) func(t *testing.T) string {
		return func(t *testing.T) string {
			t.Helper()
			data, err := samplescan.PDF([]string{letter(1)}, o)
			return write(t, "scan.pdf", data, err)
		}
	}
	for name, make := range someOf(t, map[string]func(t *testing.T) string{
		"askew":               pdf(samplescan.Options{Skew: 4}),
		"askew the other way": pdf(samplescan.Options{Skew: -2.5}),
		"on its side":         pdf(samplescan.Options{Turn: 90}),
		"of a fax":            pdf(samplescan.Options{Bilevel: true}),
		"page turned": func(t *testing.T) string {
			return turningPDF(t, turnedLetter(t, 180), "/Rotate 180", "q 595 0 0 842 0 0 cm /I Do Q")
		},
		"turned by content": func(t *testing.T) string {
			return turningPDF(t, turnedLetter(t, 180), "", "q -595 0 0 -842 595 842 cm /I Do Q")
		},
		"smaller than page": func(t *testing.T) string {
			return turningPDF(t, turnedLetter(t, 0), "", "q 583 0 0 825 8 3 cm /I Do Q")
		},
		"far smaller": func(t *testing.T) string {
			return turningPDF(t, turnedLetter(t, 0), "", "q 400 0 0 566 90 200 cm /I Do Q")
		},
		"beyond the page": func(t *testing.T) string {
			return turningPDF(t, turnedLetter(t, 0), "", "q 605 0 0 856 -5 -7 cm /I Do Q")
		},
		"smaller, upside down": func(t *testing.T) string {
			return turningPDF(t, turnedLetter(t, 180), "", "q 583 0 0 825 8 3 cm /I Do Q")
		},
		"tiff": func(t *testing.T) string {
			path := filepath.Join(t.TempDir(), "a.tiff")
			writeTIFF(t, path, turnedLetter(t, 180))
			return path
		},
		"fax with two resolutions": func(t *testing.T) string {
			data, err := samplescan.TextPDF([]string{letter(1)})
			root := filepath.Join(t.TempDir(), "fax")
			output(t, "pdftoppm", "-rx", "204", "-ry", "98", "-singlefile", "-mono", "-tiff", write(t, "text.pdf", data, err), root)
			return root + ".tif"
		},
		"transparent png": func(t *testing.T) string {
			path := filepath.Join(t.TempDir(), "a.png")
			writePNG(t, path, transparent(turnedLetter(t, 0)))
			return path
		},
	}, "askew", "turned by content", "smaller, upside down", "fax with two resolutions") {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := make(t)
			doc, err := r.Read(t.Context(), path)
			if err != nil || len(doc.Pages) != 1 || doc.Pages[0].Layout == nil {
				t.Fatalf("%+v, %v", doc, err)
			}
			p := doc.Pages[0]
			img, made := pictured(t, r, PicturePage{Path: path, Number: 1, Rotation: p.Rotation, Layout: p.Layout})
			if got := coverage(img, p.Layout); got < 0.97 {
				t.Errorf("the words cover %.1f %% of the ink; rotation %d, skew %.1f", 100*got, p.Rotation, p.Layout.Skew)
			}
			if ratio := float64(made.Height) / float64(made.Width); math.Abs(ratio-math.Sqrt2) > 0.03 {
				t.Errorf("%d × %d", made.Width, made.Height)
			}
			if _, gray := img.(*image.Gray); !gray {
				t.Errorf("a page without colours is %T", img)
			}
		})
	}
}

func turnedLetter(t *testing.T, degrees int) *image.Gray {
	t.Helper()
	return grayPage(t, letter(1), samplescan.Options{Noise: 3, Turn: degrees})
}

// A page that was not read is shown as it is, in its colours, and no larger than need be.
func TestPictureOfOtherPages(t *testing.T) {
	t.Parallel()
	r := newReader(t, Options{})
	text, err := samplescan.TextPDF([]string{letter(1), letter(2)})
	img, _ := pictured(t, r, PicturePage{Path: write(t, "text.pdf", text, err), Number: 2})
	if b := img.Bounds(); b.Dx() != PictureWidth {
		t.Errorf("%v", b)
	}
	red := plainPDF("", "", "1 0 0 rg 100 400 300 300 re f")
	path := filepath.Join(t.TempDir(), "red.pdf")
	output(t, "qpdf", "--warning-exit-0", write(t, "raw.pdf", red, nil), path)
	img, _ = pictured(t, r, PicturePage{Path: path, Number: 1, Rotation: 90})
	// 250 points to the right of, and 550 above, the lower left corner, which is the upper left one now.
	if c, _, b, _ := img.At(img.Bounds().Dx()*550/842, img.Bounds().Dy()*250/595).RGBA(); c>>8 < 200 || b>>8 > 60 {
		t.Errorf("the red square is %d, %d", c>>8, b>>8)
	}
	small := filepath.Join(t.TempDir(), "small.png")
	writePNG(t, small, image.NewGray(image.Rect(0, 0, 20, 30)))
	img, _ = pictured(t, r, PicturePage{Path: small, Number: 1})
	if b := img.Bounds(); b.Dx() != 20 || b.Dy() != 30 {
		t.Errorf("a small image became %v", b)
	}
	strip := filepath.Join(t.TempDir(), "strip.png")
	writePNG(t, strip, image.NewGray(image.Rect(0, 0, 1000, 20_000)))
	img, _ = pictured(t, r, PicturePage{Path: strip, Number: 1})
	if b := img.Bounds(); b.Dx() != 240 || b.Dy() != PictureHeight {
		t.Errorf("a strip became %v", b)
	}
}

func TestNoPicture(t *testing.T) {
	t.Parallel()
	r := newReader(t, Options{MaxPixels: 5_000_000})
	scan, err := samplescan.PDF([]string{letter(1)}, samplescan.Options{})
	good := write(t, "scan.pdf", scan, err)
	locked := filepath.Join(t.TempDir(), "locked.pdf")
	output(t, "qpdf", "--encrypt", "secret", "secret", "256", "--", good, locked)
	for name, tc := range map[string]struct {
		path   string
		number int
		reason string
	}{
		"no such page":        {good, 7, "illisible"},
		"no second page":      {write(t, "c.png", mustPNG(t), nil), 2, "manque"},
		"locked":              {locked, 1, "mot de passe"},
		"no document":         {write(t, "a.zip", []byte("PK\x03\x04 a zip file"), nil), 1, "ni un PDF ni une image"},
		"empty":               {write(t, "empty", nil, nil), 1, "ni un PDF ni une image"},
		"pdf without a body":  {write(t, "a.pdf", []byte("%PDF-1.4\n"), nil), 1, "illisible"},
		"tiff without a body": {write(t, "a.tiff", []byte("II*\x00\x08\x00\x00\x00\xff\xff"), nil), 1, "manque"},
		"png of 60,000 x 60,000": {write(t, "b.png",
			[]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR\x00\x00\xea\x60\x00\x00\xea\x60\x08\x00\x00\x00\x00\x00\x00\x00\x00"+strings.Repeat("\x00", 64)), nil), 1, "taille admise"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := r.PageImage(t.Context(), PicturePage{Path: tc.path, Number: tc.number})
			if !errors.Is(err, ErrNoPicture) || !strings.Contains(err.Error(), tc.reason) {
				t.Errorf("got %v, want %q", err, tc.reason)
			}
		})
	}
}

func mustPNG(t *testing.T) []byte {
	t.Helper()
	data, err := samplescan.PNG("Bonjour", samplescan.Options{DPI: 50})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestPictureErrors(t *testing.T) {
	t.Parallel()
	data, err := samplescan.PDF([]string{"Bonjour"}, samplescan.Options{DPI: 100})
	page := PicturePage{Path: write(t, "scan.pdf", data, err), Number: 1}
	for _, p := range []PicturePage{{Path: page.Path}, {Path: page.Path, Number: 1, Rotation: 45}, {Path: t.TempDir(), Number: 1}} {
		if _, err := newReader(t, Options{}).PageImage(t.Context(), p); !errors.Is(err, os.ErrInvalid) {
			t.Errorf("%+v: %v", p, err)
		}
	}
	if _, err := newReader(t, Options{}).PageImage(t.Context(), PicturePage{Path: page.Path + ".gone", Number: 1}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no such file: %v", err)
	}
	if _, err := newReader(t, Options{Exe: "/does/not/exist"}).PageImage(t.Context(), page); !errors.Is(err, ErrChild) {
		t.Errorf("no program: %v", err)
	}
	if _, err := newReader(t, Options{}, "kill=1").PageImage(t.Context(), page); !errors.Is(err, ErrNoPicture) {
		t.Errorf("dies always: %v", err)
	}
	pictured(t, newReader(t, Options{}, "kill=1", "once="+filepath.Join(t.TempDir(), "mark")), page)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := newReader(t, Options{}, "hang=1").PageImage(ctx, page); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("context ended: %v", err)
	}
}

// Who waits for a page waits for no scan that is being read: the only reader hangs, and
// the picture comes all the same.
func TestPicturesWaitForNoReading(t *testing.T) {
	t.Parallel()
	r := newReader(t, Options{Workers: 1}, "hang=2")
	data, err := samplescan.PDF([]string{"Première page", "Deuxième page", "Troisième page"}, samplescan.Options{DPI: 100})
	path := write(t, "scan.pdf", data, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := r.Read(ctx, path)
		done <- err
	}()
	waitFor(t, func() bool { return len(childPIDs(t, r)) > 0 })
	pictured(t, r, PicturePage{Path: path, Number: 3})
	select {
	case err := <-done:
		t.Errorf("the reading has ended: %v", err)
	default:
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("the reading ended with %v", err)
	}
}

// A child that talks nonsense is not believed.
func TestAcceptPicture(t *testing.T) {
	good := Picture{JPEG: []byte("\xff\xd8\xff..."), Width: 10, Height: 10}
	for name, change := range map[string]func(*Picture){
		"html":  func(p *Picture) { p.JPEG = []byte("<script>") },
		"empty": func(p *Picture) { p.JPEG = nil },
		"wide":  func(p *Picture) { p.Width = PictureWidth + 100 },
		"flat":  func(p *Picture) { p.Height = 0 },
		"large": func(p *Picture) { p.JPEG = append(p.JPEG, make([]byte, 12<<20)...) },
		"":      func(*Picture) {},
	} {
		p := good
		change(&p)
		var out outcome
		out.resp.Picture = &wire.Picture{JPEG: p.JPEG, Width: p.Width, Height: p.Height}
		if _, err := acceptPicture(out); (err == nil) != (name == "") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
