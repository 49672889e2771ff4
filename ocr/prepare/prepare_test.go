package prepare

import (
	"bytes"
	"errors"
	"image"
	"image/png"
	"math"
	"testing"

	"saisine.fr/saisine/ocr/leptonica"
	"saisine.fr/saisine/ocr/samplescan"
)

const text = "Madame la Maire,\n\nle réverbère de la place ne fonctionne plus depuis plusieurs semaines.\n" +
	"Je vous prie de bien vouloir le faire réparer avant la rentrée des élèves.\n\nLucie Fournier"

func decode(t *testing.T, img image.Image) *leptonica.Pix {
	t.Helper()
	var buf bytes.Buffer
	if err := png.Encode(&buf, img); err != nil {
		t.Fatal(err)
	}
	pix, err := leptonica.Read(buf.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pix.Close)
	return pix
}

func drawn(t *testing.T, text string, o samplescan.Options) *image.Gray {
	t.Helper()
	img, err := samplescan.Image(text, o)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func TestSkewAndResolution(t *testing.T) {
	t.Parallel()
	for _, skew := range []float64{-9.5, -4, -1, 0, 2, 6.8} {
		res, err := Page(decode(t, drawn(t, text, samplescan.Options{DPI: 300, Skew: skew})), 300)
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(res.Skew+skew) > 0.2 || res.DPI != targetDPI || res.Blank {
			t.Errorf("skew %v: straightened by %v, %d dpi, blank %t", skew, res.Skew, res.DPI, res.Blank)
		}
		res.Close()
	}
}

func TestBlankAndTooSmall(t *testing.T) {
	t.Parallel()
	res, err := Page(decode(t, drawn(t, "", samplescan.Options{Noise: 8, Paper: 200})), 0)
	if err != nil || !res.Blank || res.Image != nil {
		t.Errorf("got %+v, %v", res, err)
	}
	if _, err := Page(decode(t, image.NewGray(image.Rect(0, 0, 500, 8))), 0); !errors.Is(err, ErrTooSmall) {
		t.Errorf("got %v", err)
	}
}

func TestOrientation(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		up, left float64
		degrees  int
		certain  bool
	}{
		{20, 1, 0, true},
		{-20, 1, 180, true},
		{1, 20, 90, true},
		{1, -20, 270, true},
		{-5, 1, 0, false},
		{20, -15, 0, false},
		{0, 0, 0, false},
	} {
		if degrees, certain := orientation(tc.up, tc.left); degrees != tc.degrees || certain != tc.certain {
			t.Errorf("orientation(%v, %v) = %d, %t", tc.up, tc.left, degrees, certain)
		}
	}
}

// What kind of page it is: full of specks, hardly visible, a picture, or not blank after
// all.
func TestKindOfPage(t *testing.T) {
	t.Parallel()
	photo := image.NewGray(image.Rect(0, 0, 800, 1100))
	for i := range photo.Pix {
		x, y := float64(i%800), float64(i/800)
		photo.Pix[i] = uint8(120 + 90*math.Sin(x/70)*math.Cos(y/90))
	}
	for name, tc := range map[string]struct {
		img                                    image.Image
		blank, specks, faint, picture, remains bool
	}{
		"clean":        {img: drawn(t, text, samplescan.Options{Noise: 8})},
		"dirty":        {img: drawn(t, text, samplescan.Options{Specks: 0.03}), specks: true},
		"dirty, empty": {img: drawn(t, "", samplescan.Options{Specks: 0.03}), specks: true},
		"grain":        {img: drawn(t, text, samplescan.Options{Noise: 70}), specks: true},
		"pencil":       {img: drawn(t, text, samplescan.Options{Weak: 0.65, Noise: 3})},
		"hardly seen":  {img: drawn(t, text, samplescan.Options{Weak: 0.82, Noise: 3}), faint: true},
		"photograph":   {img: photo, picture: true},
		"blurred away": {img: drawn(t, text, samplescan.Options{Blur: 9}), blank: true, remains: true},
		"blank":        {img: drawn(t, "", samplescan.Options{Noise: 10, Paper: 210}), blank: true},
	} {
		res, err := Page(decode(t, tc.img), 0)
		if err != nil {
			t.Fatal(err)
		}
		if res.Blank != tc.blank || res.Specks != tc.specks || res.Faint != tc.faint || res.Picture != tc.picture || res.Traces != tc.remains {
			t.Errorf("%s: blank %t, specks %t, faint %t, picture %t, traces %t", name, res.Blank, res.Specks, res.Faint, res.Picture, res.Traces)
		}
		if (res.Image == nil) != (tc.blank && !tc.remains) || res.Bits == nil {
			t.Errorf("%s: image %v, bits %v", name, res.Image, res.Bits)
		}
		res.Close()
	}
}
