// Package samplescan makes PDF files of letters: image-only ones as a copier gives
// them, and ones with a text layer as a word processor gives them. The demonstration
// and the tests live on them. It holds no foreign data: the typeface is the Go font,
// and the noise comes from a seed, so that the same input gives the same bytes.
package samplescan

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math"
	"math/rand/v2"
	"strings"

	"golang.org/x/image/draw"
	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/f64"
	"golang.org/x/image/math/fixed"
)

// Options say how a page went through the copier. The zero value is a clean page.
type Options struct {
	// DPI is the resolution; 0 = 200.
	DPI int
	// Points is the size of the type; 0 = 11.
	Points float64
	// Skew is by how many degrees clockwise the sheet lay askew.
	Skew float64
	// Turn is by how many degrees clockwise the sheet was laid in wrongly: 0, 90, 180, 270.
	Turn int
	// Noise is the spread of the grain in grey values; a copier has about 6, and from
	// about 90 on a page is hard to read.
	Noise float64
	// Paper is the grey value of the paper; 0 = 255, white.
	Paper uint8
	// Blur is the spread in pixels by which the page was out of focus.
	Blur float64
	// Specks is the number of black and white dots as a share of the pixels.
	Specks float64
	// Fade is the share of the toner that is missing, in small blots.
	Fade float64
	// Weak is by how much the contrast of ink to paper is diminished, 0 to 1.
	Weak float64
	// Mirror shows the page as in a mirror: the wrong side of a thin sheet.
	Mirror bool
	// Bilevel makes every pixel black or white, as a fax does.
	Bilevel bool
	// Quality of the JPEG; 0 = 85.
	Quality int
	// Seed varies grain, specks and fading.
	Seed uint64
}

func (o Options) withDefaults() Options {
	if o.DPI == 0 {
		o.DPI = 200
	}
	if o.Points == 0 {
		o.Points = 11
	}
	if o.Paper == 0 {
		o.Paper = 255
	}
	if o.Quality == 0 {
		o.Quality = 85
	}
	return o
}

const (
	a4Width, a4Height = 8.27, 11.69 // inches
	margin            = 0.9         // inches
)

// Image draws one A4 page with the text, one line of it for each line, long lines
// folded at blanks. What does not fit on the page is an error.
func Image(text string, opts Options) (*image.Gray, error) {
	o := opts.withDefaults()
	dpi := float64(o.DPI)
	page := image.NewGray(image.Rect(0, 0, int(a4Width*dpi), int(a4Height*dpi)))
	draw.Draw(page, page.Bounds(), image.NewUniform(color.Gray{o.Paper}), image.Point{}, draw.Src)
	if err := write(page, text, o); err != nil {
		return nil, err
	}
	return Copy(page, o), nil
}

func write(page *image.Gray, text string, o Options) error {
	parsed, err := opentype.Parse(goregular.TTF)
	if err != nil {
		return fmt.Errorf("samplescan: font: %w", err)
	}
	face, err := opentype.NewFace(parsed, &opentype.FaceOptions{Size: o.Points, DPI: float64(o.DPI), Hinting: font.HintingNone})
	if err != nil {
		return fmt.Errorf("samplescan: font: %w", err)
	}
	defer face.Close()
	left := int(margin * float64(o.DPI))
	width := fixed.I(page.Bounds().Dx() - 2*left)
	step := int(1.35 * o.Points / 72 * float64(o.DPI))
	y := left + step
	d := font.Drawer{Dst: page, Src: image.NewUniform(color.Gray{30}), Face: face}
	for _, line := range fold(text, func(s string) bool { return font.MeasureString(face, s) <= width }) {
		if y > page.Bounds().Dy()-left/2 {
			return errors.New("samplescan: the text does not fit on the page")
		}
		d.Dot = fixed.P(left, y)
		d.DrawString(line)
		y += step
	}
	return nil
}

// fold breaks the text into lines that fit.
func fold(text string, fits func(string) bool) []string {
	var lines []string
	for paragraph := range strings.Lines(text) {
		line := ""
		for _, word := range strings.Fields(paragraph) {
			longer := strings.TrimSpace(line + " " + word)
			if line != "" && !fits(longer) {
				lines = append(lines, line)
				longer = word
			}
			line = longer
		}
		lines = append(lines, line)
	}
	return lines
}

// skewed turns the page about its middle, on paper of the same colour.
func skewed(page *image.Gray, o Options) *image.Gray {
	out := image.NewGray(page.Bounds())
	draw.Draw(out, out.Bounds(), image.NewUniform(color.Gray{o.Paper}), image.Point{}, draw.Src)
	sin, cos := math.Sincos(o.Skew * math.Pi / 180)
	cx, cy := float64(page.Bounds().Dx())/2, float64(page.Bounds().Dy())/2
	m := f64.Aff3{cos, -sin, cx - cos*cx + sin*cy, sin, cos, cy - sin*cx - cos*cy}
	draw.BiLinear.Transform(out, m, page, page.Bounds(), draw.Over, nil)
	return out
}

func grain(page *image.Gray, o Options) {
	if o.Noise <= 0 {
		return
	}
	random := rand.New(rand.NewPCG(o.Seed, 7)) //nolint:gosec // grain on paper, no secret
	for i, v := range page.Pix {
		page.Pix[i] = uint8(math.Max(0, math.Min(255, float64(v)+random.NormFloat64()*o.Noise)))
	}
}

func turned(page *image.Gray, degrees int) *image.Gray {
	w, h := page.Bounds().Dx(), page.Bounds().Dy()
	var out *image.Gray
	var at func(x, y int) (int, int)
	switch ((degrees % 360) + 360) % 360 {
	case 90:
		out, at = image.NewGray(image.Rect(0, 0, h, w)), func(x, y int) (int, int) { return h - 1 - y, x }
	case 180:
		out, at = image.NewGray(image.Rect(0, 0, w, h)), func(x, y int) (int, int) { return w - 1 - x, h - 1 - y }
	case 270:
		out, at = image.NewGray(image.Rect(0, 0, h, w)), func(x, y int) (int, int) { return y, w - 1 - x }
	default:
		return page
	}
	for y := range h {
		for x := range w {
			nx, ny := at(x, y)
			out.SetGray(nx, ny, page.GrayAt(x, y))
		}
	}
	return out
}

// PNG is one page as a PNG file.
func PNG(text string, opts Options) ([]byte, error) {
	img, err := Image(text, opts)
	if err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	if err := png.Encode(&buf, img); err != nil {
		return nil, fmt.Errorf("samplescan: encode: %w", err)
	}
	return buf.Bytes(), nil
}

// JPEG is one page as a JPEG file.
func JPEG(text string, opts Options) ([]byte, error) {
	img, err := Image(text, opts)
	if err != nil {
		return nil, err
	}
	return encodeJPEG(img, opts.withDefaults().Quality)
}

func encodeJPEG(img image.Image, quality int) ([]byte, error) {
	var buf bytes.Buffer
	if err := jpeg.Encode(&buf, img, &jpeg.Options{Quality: quality}); err != nil {
		return nil, fmt.Errorf("samplescan: encode: %w", err)
	}
	return buf.Bytes(), nil
}

// PDF makes an image-only PDF as a copier does: one grey JPEG for each page of text. An
// empty text makes a blank page.
func PDF(pages []string, opts Options) ([]byte, error) {
	images := make([]*image.Gray, len(pages))
	for i, text := range pages {
		o := opts
		o.Seed += uint64(i)
		img, err := Image(text, o)
		if err != nil {
			return nil, err
		}
		images[i] = img
	}
	return ImagePDF(images, opts)
}

// ImagePDF makes an image-only PDF of pages that are drawn and copied already. Of the
// options it takes DPI, which the images have, and Quality.
func ImagePDF(pages []*image.Gray, opts Options) ([]byte, error) {
	o := opts.withDefaults()
	w := newPDF()
	for _, img := range pages {
		data, err := encodeJPEG(img, o.Quality)
		if err != nil {
			return nil, err
		}
		w.imagePage(data, img.Bounds(), o.DPI)
	}
	return w.finish(), nil
}

// TextPDF makes a PDF with a real text layer, in Helvetica with WinAnsi encoding. A
// character outside that encoding is an error.
func TextPDF(pages []string) ([]byte, error) {
	w := newPDF()
	for _, text := range pages {
		if err := w.textPage(text); err != nil {
			return nil, err
		}
	}
	return w.finish(), nil
}
