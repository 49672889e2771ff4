package prepare

import (
	"image"
	"image/color"
	"image/draw"
	"math"
	"testing"

	"saisine.fr/saisine/ocr/leptonica"
	"saisine.fr/saisine/ocr/samplescan"
)

var (
	blue  = color.RGBA{40, 50, 160, 255}
	black = color.RGBA{20, 20, 20, 255}
)

// stampInk lays ink over a page at a place: it darkens, as ink on ink does.
func stampInk(page *image.RGBA, x, y int, ink color.RGBA) {
	under := page.RGBAAt(x, y)
	page.SetRGBA(x, y, color.RGBA{min(under.R, ink.R), min(under.G, ink.G), min(under.B, ink.B), 255})
}

// frameAskew draws a frame of w × h pixels about the middle (cx, cy), turned by some
// degrees, with strokes of five pixels and eight upright strokes for letters in it.
func frameAskew(page *image.RGBA, cx, cy, w, h, degrees float64, ink color.RGBA) {
	sin, cos := math.Sincos(degrees * math.Pi / 180)
	for y := int(cy - w); y < int(cy+w); y++ {
		for x := int(cx - w); x < int(cx+w); x++ {
			u := (float64(x)-cx)*cos + (float64(y)-cy)*sin
			v := -(float64(x)-cx)*sin + (float64(y)-cy)*cos
			inside := math.Abs(u) <= w/2 && math.Abs(v) <= h/2
			frame := inside && (math.Abs(u) > w/2-5 || math.Abs(v) > h/2-5)
			letter := math.Abs(v) < 12 && math.Abs(u) < 160 && math.Mod(u+160, 40) < 5
			if frame || letter {
				stampInk(page, x, y, ink)
			}
		}
	}
}

// ring draws a ring with strokes of five pixels.
func ring(page *image.RGBA, cx, cy, radius float64, ink color.RGBA) {
	for y := int(cy - radius); y <= int(cy+radius); y++ {
		for x := int(cx - radius); x <= int(cx+radius); x++ {
			if r := math.Hypot(float64(x)-cx, float64(y)-cy); r <= radius && r > radius-5 {
				stampInk(page, x, y, ink)
			}
		}
	}
}

// strike draws ink from left to right through the text, as a marker pen does.
func strike(page *image.RGBA, ink color.RGBA) {
	for y := 300; y < 305; y++ {
		for x := 250; x < 1200; x++ {
			stampInk(page, x, y, ink)
		}
	}
}

func letterSheet(t *testing.T) *image.RGBA {
	t.Helper()
	sheet := image.NewRGBA(image.Rect(0, 0, 1654, 2339))
	draw.Draw(sheet, sheet.Bounds(), drawn(t, text, samplescan.Options{}), image.Point{}, draw.Src)
	return sheet
}

// pixels are the prepared image's, of which there must be one.
func pixels(t *testing.T, res *Result) []byte {
	t.Helper()
	if res.Image == nil {
		t.Fatal("no image")
	}
	p, err := res.Image.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// A stamp in coloured ink is set apart however askew it is and whatever is printed under
// it, and what is printed there stays; other ink stays in the page.
func TestStamps(t *testing.T) {
	t.Parallel()
	clean, err := Page(decode(t, letterSheet(t)), 200)
	if err != nil {
		t.Fatal(err)
	}
	defer clean.Close()
	want := pixels(t, &clean)
	for name, tc := range map[string]struct {
		draw  func(*image.RGBA)
		count int
	}{
		"straight":            {func(p *image.RGBA) { frameAskew(p, 1200, 1555, 400, 110, 0, blue) }, 1},
		"askew":               {func(p *image.RGBA) { frameAskew(p, 1200, 1555, 400, 110, 7, blue) }, 1},
		"askew over the text": {func(p *image.RGBA) { frameAskew(p, 600, 290, 500, 140, -5, blue) }, 1},
		"ring over the text":  {func(p *image.RGBA) { ring(p, 800, 300, 150, color.RGBA{160, 30, 50, 255}) }, 1},
		"two": {func(p *image.RGBA) {
			ring(p, 500, 1200, 150, blue)
			frameAskew(p, 1200, 1555, 400, 110, 3, color.RGBA{150, 30, 60, 255})
		}, 2},
		"black frame":     {func(p *image.RGBA) { frameAskew(p, 1200, 1555, 400, 110, 0, black) }, 0},
		"struck out":      {func(p *image.RGBA) { strike(p, blue) }, 0},
		"blue, unframed":  {func(p *image.RGBA) { frameAskew(p, 1200, 1555, 0, 0, 0, blue) }, 0},
		"blue half frame": {func(p *image.RGBA) { halfRing(p, blue) }, 0},
	} {
		sheet := letterSheet(t)
		tc.draw(sheet)
		res, err := Page(decode(t, sheet), 200)
		if err != nil || len(res.Stamps) != tc.count {
			t.Errorf("%s: %d stamps, %v", name, len(res.Stamps), err)
		} else if tc.count > 0 {
			lost, left := differences(want, pixels(t, &res))
			if lost > 200 || left > 200 {
				t.Errorf("%s: %d pixels of the text are lost, %d of the stamp are left", name, lost, left)
			}
		}
		res.Close()
	}
}

// halfRing draws three quarters of a ring: open, so that it encloses nothing.
func halfRing(page *image.RGBA, ink color.RGBA) {
	whole := image.NewRGBA(page.Bounds())
	draw.Draw(whole, whole.Bounds(), image.White, image.Point{}, draw.Src)
	ring(whole, 800, 1500, 150, ink)
	draw.Draw(whole, image.Rect(800, 1300, 960, 1500), image.White, image.Point{}, draw.Src)
	b := image.Rect(640, 1340, 960, 1660)
	draw.Draw(page, b, whole, b.Min, draw.Src)
}

// differences counts the pixels that were ink and no longer are, and the other way round.
func differences(before, after []byte) (lost, left int) {
	for i := range before {
		switch d := int(after[i]) - int(before[i]); {
		case d > 128:
			lost++
		case d < -128:
			left++
		}
	}
	return lost, left
}

// The box of a frame is that of its ink, whatever it was grown by, and no frame may lie
// outside of the mask.
func TestFrames(t *testing.T) {
	t.Parallel()
	const w, h = 803, 601
	draws := func(x0, y0, x1, y1 int) []byte {
		mask := make([]byte, w*h)
		for i := range mask {
			x, y := i%w, i/w
			mask[i] = 255
			if x >= x0 && x < x1 && y >= y0 && y < y1 && (x < x0+4 || x >= x1-4 || y < y0+4 || y >= y1-4) {
				mask[i] = 0
			}
		}
		return mask
	}
	for _, tc := range []struct {
		x0, y0, x1, y1 int
		want           bool
	}{
		{200, 200, 400, 320, true},
		{0, 0, 200, 120, true},
		{w - 200, h - 120, w, h, true},
		{200, 200, 280, 240, false}, // smaller than a stamp
		{10, 10, w - 10, h - 10, false},
	} {
		for _, grow := range []int{1, 2} {
			got := frames(draws(tc.x0, tc.y0, tc.x1, tc.y1), w, h, grow)
			if len(got) != 0 != tc.want || len(got) > 1 {
				t.Errorf("%+v, grown by %d: %v", tc, grow, got)
				continue
			}
			for _, b := range got {
				want := leptonica.Box{X: tc.x0, Y: tc.y0, W: tc.x1 - tc.x0, H: tc.y1 - tc.y0}
				if off := max(want.X-b.X, b.X-want.X, want.Y-b.Y, b.Y-want.Y, b.W-want.W, b.H-want.H); off > cell || b.X+b.W > w || b.Y+b.H > h {
					t.Errorf("%+v, grown by %d: %v", tc, grow, b)
				}
			}
		}
	}
}
