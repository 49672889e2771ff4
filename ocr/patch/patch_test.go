package patch

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/boombuler/barcode"
	"github.com/boombuler/barcode/code128"
	"github.com/boombuler/barcode/code39"
	"github.com/boombuler/barcode/ean"
	"github.com/boombuler/barcode/qr"

	"saisine.fr/saisine/ocr/samplescan"
)

// The six codes as A-61599 orders them, from the edge inwards: n is narrow, w is wide.
var codes = map[string]string{"1": "wwnn", "2": "wnnw", "3": "wnwn", "4": "nwwn", "6": "nnww", "T": "nwnw"}

const text = "Feuille de séparation\nService : voirie\nCourrier arrivé au guichet"

func blank(t testing.TB, text string, dpi int) *image.Gray {
	t.Helper()
	page, err := samplescan.Image(text, samplescan.Options{DPI: dpi})
	if err != nil {
		t.Fatal(err)
	}
	return page
}

// rect paints a rectangle in inches.
func rect(page *image.Gray, dpi int, x0, y0, x1, y1 float64) {
	px := func(v float64) int { return int(v*float64(dpi) + 0.5) }
	draw.Draw(page, image.Rect(px(x0), px(y0), px(x1), px(y1)), image.NewUniform(color.Gray{25}), image.Point{}, draw.Src)
}

// bars paints bars along an edge ("top", "bottom", "left", "right"), the first of them so
// many inches from it, from one place along the edge to another. Lengths across the bars
// are multiplied by scale.
func bars(page *image.Gray, dpi int, edge, code string, away, from, to, scale float64) {
	width, height := float64(page.Bounds().Dx())/float64(dpi), float64(page.Bounds().Dy())/float64(dpi)
	for _, kind := range code {
		size := 0.08 * scale
		if kind == 'w' {
			size = 0.2 * scale
		}
		switch edge {
		case "top":
			rect(page, dpi, from, away, to, away+size)
		case "bottom":
			rect(page, dpi, from, height-away-size, to, height-away)
		case "left":
			rect(page, dpi, away, from, away+size, to)
		case "right":
			rect(page, dpi, width-away-size, from, width-away, to)
		}
		away += size + 0.08*scale
	}
}

// bitmap is a page after the copier, in black and white.
func bitmap(page *image.Gray, o samplescan.Options) Bitmap {
	page = samplescan.Copy(page, o)
	b := Bitmap{Width: page.Bounds().Dx(), Height: page.Bounds().Dy()}
	for y := range b.Height {
		for _, v := range page.Pix[y*page.Stride : y*page.Stride+b.Width] {
			if v >= 140 {
				v = 255
			} else {
				v = 0
			}
			b.Pix = append(b.Pix, v)
		}
	}
	return b
}

// Only T is T, at each edge and whichever way round the sheet was laid.
func TestOnlyPatchT(t *testing.T) {
	t.Parallel()
	for name, code := range codes {
		for _, edge := range []string{"top", "bottom", "left", "right"} {
			for _, turn := range []int{0, 90, 180, 270} {
				page := blank(t, text, 100)
				// Beside the text, which has a margin of 0.9 inches and three lines.
				bars(page, 100, edge, code, 0.3, 4.5, 7, 1)
				if got := T(bitmap(page, samplescan.Options{Turn: turn}), 100); got != (name == "T") {
					t.Errorf("patch %s at the %s edge, turned by %d: %t", name, edge, turn, got)
				}
			}
		}
	}
}

// Whatever the copier does to the sheet. The damages are drawn by chance, from a seed.
func TestDamages(t *testing.T) {
	t.Parallel()
	seed := rand.New(rand.NewPCG(3, 14))
	edges := []string{"top", "bottom", "left", "right"}
	sheets := 10
	if os.Getenv("GO_TEST_LONG") != "" {
		sheets = 30
	}
	for n := range sheets {
		dpi := []int{150, 150, 200, 200, 300}[seed.IntN(5)]
		o := samplescan.Options{
			DPI: dpi, Skew: 6*seed.Float64() - 3, Turn: 90 * seed.IntN(4), Noise: 10 * seed.Float64(), Specks: 0.004 * seed.Float64(),
			Bilevel: seed.IntN(3) == 0, Blur: 1.2 * seed.Float64(), Fade: 0.01 * seed.Float64(), Seed: uint64(n), Paper: uint8(225 + seed.IntN(31)),
		}
		edge, scale := edges[seed.IntN(4)], 0.9+0.15*seed.Float64()
		away, from, length := 0.5+seed.Float64(), 0.6+1.5*seed.Float64(), 2+2.5*seed.Float64()
		page := blank(t, "", dpi)
		bars(page, dpi, edge, codes["T"], away, from, from+length, scale)
		if hole := seed.IntN(2) == 0; hole {
			// A punch went through the bars.
			x, y := from+length/2, away+0.3
			if edge == "left" || edge == "right" {
				x, y = y, x
			}
			r := image.Rect(int((x-0.12)*float64(dpi)), int((y-0.12)*float64(dpi)), int((x+0.12)*float64(dpi)), int((y+0.12)*float64(dpi)))
			draw.Draw(page, r, image.White, image.Point{}, draw.Src)
		}
		if !T(bitmap(page, o), dpi) {
			t.Errorf("%d: not found at the %s edge, %.2f from it, %.2f + %.2f long, scale %.2f, %+v", n, edge, away, from, length, scale, o)
		}
	}
}

// The sheets that are sold: bars over the whole width, and the code on all four sides.
func TestWholeSheets(t *testing.T) {
	t.Parallel()
	width := blank(t, "", 200)
	bars(width, 200, "top", codes["T"], 0.5, 0, 8.27, 1)
	four := blank(t, "", 200)
	for _, edge := range []string{"top", "bottom", "left", "right"} {
		bars(four, 200, edge, codes["T"], 0.3, 2, 6, 1)
	}
	for name, page := range map[string]*image.Gray{"full width": width, "four sides": four} {
		for _, skew := range []float64{0, 3, -3} {
			copied := image.NewGray(page.Bounds())
			copy(copied.Pix, page.Pix)
			if !T(bitmap(copied, samplescan.Options{Skew: skew, Noise: 5}), 200) {
				t.Errorf("%s, askew by %v: not found", name, skew)
			}
		}
	}
}

// On a small sheet the code is near both edges; the nearer one counts.
func TestSmallSheet(t *testing.T) {
	t.Parallel()
	const dpi = 150
	for name, code := range codes {
		for _, edge := range []string{"top", "bottom"} {
			page := image.NewGray(image.Rect(0, 0, 5*dpi, 4*dpi))
			draw.Draw(page, page.Rect, image.White, image.Point{}, draw.Src)
			bars(page, dpi, edge, code, 0.4, 0.5, 4, 1)
			if got := T(bitmap(page, samplescan.Options{}), dpi); got != (name == "T") {
				t.Errorf("patch %s at the %s edge: %t", name, edge, got)
			}
		}
	}
}

func stamped(t *testing.T, page *image.Gray, code barcode.Barcode, err error, w, h int) {
	t.Helper()
	if err == nil {
		code, err = barcode.Scale(code, w, h)
	}
	if err != nil {
		t.Fatal(err)
	}
	draw.Draw(page, code.Bounds().Add(image.Pt(150, 150)), code, image.Point{}, draw.Src)
}

// What is black on letters, but no patch.
func TestNoPatch(t *testing.T) {
	t.Parallel()
	long := ""
	for range 25 {
		long += "Depuis plusieurs semaines, le réverbère situé devant l'école élémentaire ne fonctionne plus.\n"
	}
	const dpi = 150
	pages := map[string]*image.Gray{
		"blank": blank(t, "", dpi), "letter": blank(t, long, dpi),
	}
	page := func(name string) *image.Gray {
		pages[name] = blank(t, "", dpi)
		return pages[name]
	}
	p := page("ruled paper")
	for y := 0.8; y < 11; y += 0.315 {
		rect(p, dpi, 0.5, y, 7.7, y+0.01)
	}
	p = page("thick rules")
	for y := 0.8; y < 11; y += 0.16 {
		rect(p, dpi, 0.5, y, 7.7, y+0.08)
	}
	p = page("table")
	for i := range 12 {
		rect(p, dpi, 0.8, 1+float64(i)*0.28, 7.4, 1.02+float64(i)*0.28)
		rect(p, dpi, 0.8+float64(i)*0.6, 1, 0.82+float64(i)*0.6, 4.08)
	}
	p = page("table with dark rows")
	for i := range 10 {
		rect(p, dpi, 0.8, 1+float64(i)*0.4, 7.4, 1.2+float64(i)*0.4)
	}
	p = page("redacted lines")
	for i := range 4 {
		rect(p, dpi, 1, 1+float64(i)*0.2, 6, 1.15+float64(i)*0.2)
	}
	p = page("bar chart of the same widths")
	for i, at := range []float64{1, 1.16, 1.44, 1.6} {
		size := 0.08
		if i%2 == 1 {
			size = 0.2
		}
		rect(p, dpi, at, 5-2.5-0.4*float64(i), at+size, 5)
	}
	p = page("bar chart")
	for i := range 8 {
		rect(p, dpi, 1+0.3*float64(i), 5-3*float64(i%4+2)/6, 1.15+0.3*float64(i), 5)
	}
	bars(page("short"), dpi, "top", codes["T"], 0.5, 1, 2.2, 1)
	bars(page("in the middle of the sheet"), dpi, "top", codes["T"], 5.3, 1, 5, 1)
	bars(page("too small"), dpi, "top", codes["T"], 0.5, 1, 5, 0.7)
	bars(page("too large"), dpi, "top", codes["T"], 0.5, 1, 5, 1.4)
	p = page("a fifth bar")
	bars(p, dpi, "top", codes["T"]+"n", 0.5, 1, 5, 1)
	p = page("black page")
	rect(p, dpi, 0, 0, 9, 12)
	p = page("chequered")
	for y := range 146 {
		for x := range 52 {
			rect(p, dpi, float64(2*x+y%2)*0.08, float64(y)*0.08, float64(2*x+y%2+1)*0.08, float64(y+1)*0.08)
		}
	}
	c128, err := code128.Encode("PATCHT-128")
	stamped(t, page("Code 128"), c128, err, 900, 200)
	c39, err := code39.Encode("PATCHT", false, false)
	stamped(t, page("Code 39"), c39, err, 900, 200)
	tall, err := code39.Encode("T", false, false)
	stamped(t, page("Code 39 of the same widths"), tall, err, tall.Bounds().Dx()*12, 600)
	e13, err := ean.Encode("376012345678")
	stamped(t, page("EAN"), e13, err, 400, 200)
	q, err := qr.Encode(text, qr.M, qr.Auto)
	stamped(t, page("QR"), q, err, 600, 600)
	for name, page := range pages {
		for _, turn := range []int{0, 90} {
			copied := image.NewGray(page.Bounds())
			copy(copied.Pix, page.Pix)
			if T(bitmap(copied, samplescan.Options{Turn: turn, Skew: float64(turn) / 90}), dpi) {
				t.Errorf("%s, turned by %d: taken for patch T", name, turn)
			}
		}
	}
}

// Noise in black and white has every pattern somewhere, but not line after line.
func TestNoise(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for _, cell := range []int{1, 4, 16, 40} {
		b := Bitmap{Width: 1654, Height: 2339}
		b.Pix = make([]byte, b.Width*b.Height)
		for y := range b.Height {
			for x := range b.Width {
				switch {
				case y%cell > 0:
					b.Pix[y*b.Width+x] = b.Pix[(y-1)*b.Width+x]
				case x%cell > 0:
					b.Pix[y*b.Width+x] = b.Pix[y*b.Width+x-1]
				default:
					b.Pix[y*b.Width+x] = byte(random.IntN(2) * 255)
				}
			}
		}
		if T(b, 200) {
			t.Errorf("cells of %d pixels: taken for patch T", cell)
		}
	}
}

func TestOddInput(t *testing.T) {
	t.Parallel()
	for _, b := range []Bitmap{{}, {Width: -1, Height: -1}, {Width: 10, Height: 10, Pix: make([]byte, 99)}, {Width: 1, Height: 1, Pix: []byte{0}}, {Width: 4, Height: 900, Pix: make([]byte, 3600)}} {
		for _, dpi := range []int{-1, 0, 1, 200, 1 << 40} {
			if T(b, dpi) {
				t.Errorf("%d × %d at %d dpi", b.Width, b.Height, dpi)
			}
		}
	}
}

func BenchmarkT(b *testing.B) {
	for name, content := range map[string]string{"letter": text, "blank": ""} {
		page := bitmap(blank(b, content, 200), samplescan.Options{Noise: 6})
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				T(page, 200)
			}
		})
	}
}

// Any bits are looked at within a bounded time.
func FuzzT(f *testing.F) {
	page := blank(f, "", 75)
	bars(page, 75, "top", codes["T"], 0.5, 1, 5, 1)
	seed := bitmap(page, samplescan.Options{})
	packed := make([]byte, len(seed.Pix)/8)
	for i := range packed {
		for bit := range 8 {
			if seed.Pix[8*i+bit] == 0 {
				packed[i] |= 0x80 >> bit
			}
		}
	}
	f.Add(packed, uint16(seed.Width), uint16(75))
	f.Add([]byte("\xaa\xaa\x55"), uint16(3), uint16(80))
	f.Fuzz(func(t *testing.T, packed []byte, width, dpi uint16) {
		b := Bitmap{Width: int(width)}
		for _, v := range packed {
			for bit := range 8 {
				b.Pix = append(b.Pix, 255*(1-v<<bit>>7&1))
			}
		}
		if width > 0 {
			b.Height = len(b.Pix) / int(width)
		}
		start := time.Now()
		T(b, int(dpi))
		if took := time.Since(start); took > 5*time.Second {
			t.Error(fmt.Errorf("took %v", took))
		}
	})
}
