package samplescan

import (
	"image"
	"image/color"
	"image/draw"
	"math"
	"math/rand/v2"
)

// Copy lays a drawn page through the copier: what the options say of its state, skew,
// grain and turn. DPI, Points and Quality play no part. page itself may be changed.
func Copy(page *image.Gray, opts Options) *image.Gray {
	o := opts.withDefaults()
	random := rand.New(rand.NewPCG(o.Seed, 11)) //nolint:gosec // dirt on paper, no secret
	if o.Mirror {
		mirror(page)
	}
	fade(page, o, random)
	if o.Skew != 0 {
		page = skewed(page, o)
	}
	if o.Blur > 0 {
		page = blurred(page, o.Blur)
	}
	weaken(page, o)
	grain(page, o)
	specks(page, o, random)
	if o.Bilevel {
		for i, v := range page.Pix {
			page.Pix[i] = 0
			if v > o.Paper/2 {
				page.Pix[i] = 255
			}
		}
	}
	return turned(page, o.Turn)
}

func mirror(page *image.Gray) {
	w := page.Bounds().Dx()
	for y := range page.Bounds().Dy() {
		row := page.Pix[y*page.Stride : y*page.Stride+w]
		for i, j := 0, w-1; i < j; i, j = i+1, j-1 {
			row[i], row[j] = row[j], row[i]
		}
	}
}

// fade takes toner off in blots the size of a letter's stroke, as an empty cartridge does.
func fade(page *image.Gray, o Options, random *rand.Rand) {
	if o.Fade <= 0 {
		return
	}
	const cell = 3
	b := page.Bounds()
	for y := 0; y < b.Dy(); y += cell {
		for x := 0; x < b.Dx(); x += cell {
			if random.Float64() < o.Fade {
				draw.Draw(page, image.Rect(x, y, x+cell, y+cell), image.NewUniform(color.Gray{o.Paper}), image.Point{}, draw.Src)
			}
		}
	}
}

// weaken brings everything nearer to the grey of the paper.
func weaken(page *image.Gray, o Options) {
	if o.Weak <= 0 {
		return
	}
	paper := float64(o.Paper)
	for i, v := range page.Pix {
		page.Pix[i] = uint8(paper + (float64(v)-paper)*(1-o.Weak))
	}
}

// specks strews black and white dots of one or two pixels.
func specks(page *image.Gray, o Options, random *rand.Rand) {
	b := page.Bounds()
	for range int(o.Specks * float64(b.Dx()*b.Dy())) {
		x, y, v := random.IntN(b.Dx()), random.IntN(b.Dy()), uint8(random.IntN(2)*255)
		page.SetGray(x, y, color.Gray{v})
		if random.IntN(2) == 0 && x+1 < b.Dx() {
			page.SetGray(x+1, y, color.Gray{v})
		}
	}
}

// blurred is the page out of focus: a Gaussian of that spread in pixels, across and down.
func blurred(page *image.Gray, sigma float64) *image.Gray {
	radius := int(math.Ceil(3 * sigma))
	kernel := make([]float64, 2*radius+1)
	var sum float64
	for i := range kernel {
		d := float64(i - radius)
		kernel[i] = math.Exp(-d * d / (2 * sigma * sigma))
		sum += kernel[i]
	}
	w, h := page.Bounds().Dx(), page.Bounds().Dy()
	pass := func(src, dst []uint8, n, lines, step, next int) {
		for l := range lines {
			for i := range n {
				var v float64
				for k, weight := range kernel {
					at := min(max(i+k-radius, 0), n-1)
					v += weight * float64(src[l*next+at*step])
				}
				dst[l*next+i*step] = uint8(v/sum + 0.5)
			}
		}
	}
	out := image.NewGray(page.Bounds())
	middle := make([]uint8, len(page.Pix))
	pass(page.Pix, middle, w, h, 1, page.Stride)
	pass(middle, out.Pix, h, w, page.Stride, 1)
	return out
}
