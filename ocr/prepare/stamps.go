package prepare

import (
	"bytes"
	"errors"
	"fmt"

	"saisine.fr/saisine/ocr/leptonica"
)

const (
	// colourDiff is how far the strongest and weakest colour of a pixel differ when it
	// is coloured ink; yellowed paper stays below.
	colourDiff = 60
	// maxStampShare is the largest part of a page that is still taken for a stamp.
	maxStampShare = 0.15
	// maxStampFill is the largest share of ink in the frame's own box: a frame is hollow.
	maxStampFill = 0.35
	// maxStamps bounds how many are set apart on one page.
	maxStamps = 4
	// stampRim is by how many pixels the pale rim of a stroke reaches beyond its mask.
	stampRim = 3
)

// liftStamps finds what the town hall stamped on the letter ("courrier arrivé"):
// coloured ink within a frame or ring of coloured ink, between 12 × 6 mm and a
// seventh of the page, however askew. It takes the coloured ink off the page, so that
// it is not read into the citizen's words, and returns it for a reading of its own;
// black print under the stamp stays. A coloured letterhead, signature or handwriting has
// no frame and stays where it is.
func (s *page) liftStamps() ([]*leptonica.Pix, error) {
	if s.colour == nil {
		return nil, nil
	}
	w, h := s.gray.Size()
	n, err := s.colour.Ink()
	if err != nil || n == 0 || float64(n) > maxStampShare*float64(w*h) {
		return nil, err
	}
	mask, err := s.colour.Bytes()
	if err != nil {
		return nil, err
	}
	found := frames(mask, w, h, 1)
	if len(found) == 0 {
		found = frames(mask, w, h, 2)
	}
	if len(found) == 0 {
		return nil, nil
	}
	pixels, err := s.gray.Bytes()
	if err != nil {
		return nil, err
	}
	var stamps []*leptonica.Pix
	for _, b := range found {
		stamp, err := s.lift(pixels, mask, b.Grown(mm(1), w, h))
		if err != nil {
			return stamps, err
		}
		stamps = append(stamps, stamp)
	}
	gray, err := grayPix(pixels, w, h)
	return stamps, replace(&s.gray, gray, err)
}

// lift takes the coloured ink within b off the pixels of the page, and returns it on
// white. Seen in its strongest colour, coloured ink is much paler than black: what is as
// pale as most of the stamp becomes white, and what is darker stays. That holds for the
// whole box, for JPEG leaves thin lines too little colour to be in the mask.
func (s *page) lift(pixels, mask []byte, b leptonica.Box) (*leptonica.Pix, error) {
	w, _ := s.gray.Size()
	strong, err := strongest(s.rgb, b)
	if err != nil {
		return nil, err
	}
	var histogram [256]int
	inked := 0
	near := make([]bool, b.W*b.H)
	for y := range b.H {
		for x := range b.W {
			if mask[(b.Y+y)*w+b.X+x] != 0 {
				continue
			}
			histogram[strong[y*b.W+x]]++
			inked++
			for v := max(0, y-stampRim); v <= min(b.H-1, y+stampRim); v++ {
				for u := max(0, x-stampRim); u <= min(b.W-1, x+stampRim); u++ {
					near[v*b.W+u] = true
				}
			}
		}
	}
	median := 0
	for below := 0; median < 255; median++ {
		if below += histogram[median]; 2*below >= inked {
			break
		}
	}
	black, white := median/4, max(median/4+1, median*4/5)
	stamp := bytes.Repeat([]byte{255}, b.W*b.H)
	for i, inside := range near {
		at := (b.Y+i/b.W)*w + b.X + i%b.W
		if inside {
			stamp[i] = pixels[at]
		}
		v := min(255, max(0, (int(strong[i])-black)*255/(white-black)))
		pixels[at] = max(pixels[at], byte(v))
	}
	return grayPix(stamp, b.W, b.H)
}

// strongest returns the strongest of the three colours of each pixel within b, row by row.
func strongest(rgb *leptonica.Pix, b leptonica.Box) ([]byte, error) {
	part, err := rgb.Clip(b)
	if err != nil {
		return nil, err
	}
	defer part.Close()
	ppm, err := part.PNM()
	if err != nil {
		return nil, err
	}
	// The pixels stand at the end, three bytes each (P6), or four with alpha (P7).
	size := 3
	if bytes.HasPrefix(ppm, []byte("P7")) {
		size = 4
	}
	head := len(ppm) - size*b.W*b.H
	if head < 0 {
		return nil, errors.New("unexpected size of a coloured clip")
	}
	out := make([]byte, b.W*b.H)
	for i := range out {
		p := ppm[head+i*size:]
		out[i] = max(p[0], p[1], p[2])
	}
	return out, nil
}

// grayPix makes an image of grey pixels, row by row.
func grayPix(pixels []byte, w, h int) (*leptonica.Pix, error) {
	return leptonica.Read(append(fmt.Appendf(nil, "P5\n%d %d\n255\n", w, h), pixels...))
}

const (
	// cell is the side in pixels of the cells that frames are looked for in. The ink is
	// grown by one cell or two, so that a gap of 1 or 2 mm, where black print crosses the
	// frame or the stamp was dry, does not open it.
	cell = 4
	// minEnclosed is the least part of a frame's box that the frame encloses, itself
	// included: that of a long frame at 6° is 0.7, of a ring 0.78.
	minEnclosed = 0.55
	// minHollow is the least part of the box within the frame but not part of it.
	minHollow = 0.2
)

// frames returns the boxes of the frames and rings of ink in a mask of w × h bytes, 0
// being ink, which is grown by some cells; maxStamps of them at most.
func frames(mask []byte, w, h, grow int) []leptonica.Box {
	g := newGrid(mask, w, h, grow)
	var found []leptonica.Box
	for start, label := range g.label {
		if label != inkCell || len(found) == maxStamps {
			continue
		}
		b := g.component(start)
		// The grid has a rim of as many cells as the ink is grown by.
		box := leptonica.Box{X: b.X * cell, Y: b.Y * cell, W: (b.W - 2*grow) * cell, H: (b.H - 2*grow) * cell}
		box.W, box.H = min(box.W, w-box.X), min(box.H, h-box.Y)
		if box.W >= mm(12) && box.H >= mm(6) && float64(box.W)*float64(box.H) <= maxStampShare*float64(w*h) &&
			g.frame(b) && hollow(mask, w, box) {
			found = append(found, box)
		}
		g.retire(b)
	}
	return found
}

// hollow reports whether little of the box is ink.
func hollow(mask []byte, w int, b leptonica.Box) bool {
	n := 0
	for y := b.Y; y < b.Y+b.H; y++ {
		n += bytes.Count(mask[y*w+b.X:y*w+b.X+b.W], []byte{0})
	}
	return float64(n) <= maxStampFill*float64(b.W*b.H)
}

// The labels of a cell.
const (
	emptyCell = iota
	inkCell   // not looked at yet
	thisCell  // of the component in hand
	pastCell  // of a component before it
)

// grid is a mask in cells, with a rim around it.
type grid struct {
	w, h  int
	label []byte
}

func newGrid(mask []byte, w, h, grow int) *grid {
	g := &grid{w: w/cell + 1 + 2*grow, h: h/cell + 1 + 2*grow}
	g.label = make([]byte, g.w*g.h)
	counts := make([]byte, g.w*g.h)
	for y := range h {
		row := mask[y*w : (y+1)*w]
		for x := bytes.IndexByte(row, 0); x >= 0 && x < w; x++ {
			if row[x] == 0 {
				counts[(y/cell+grow)*g.w+x/cell+grow]++
			}
		}
	}
	for i, n := range counts {
		if n < 2 { // a lone pixel is noise
			continue
		}
		for dy := -grow; dy <= grow; dy++ {
			for dx := -grow; dx <= grow; dx++ {
				g.label[i+dy*g.w+dx] = inkCell
			}
		}
	}
	return g
}

// component labels the component that holds the cell as the one in hand, and returns its
// box in cells.
func (g *grid) component(start int) leptonica.Box {
	x0, y0, x1, y1 := g.w, g.h, 0, 0
	stack := []int{start}
	g.label[start] = thisCell
	for len(stack) > 0 {
		i := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		x, y := i%g.w, i/g.w
		x0, y0, x1, y1 = min(x0, x), min(y0, y), max(x1, x), max(y1, y)
		for v := max(0, y-1); v <= min(g.h-1, y+1); v++ {
			for u := max(0, x-1); u <= min(g.w-1, x+1); u++ {
				if g.label[v*g.w+u] == inkCell {
					g.label[v*g.w+u] = thisCell
					stack = append(stack, v*g.w+u)
				}
			}
		}
	}
	return leptonica.Box{X: x0, Y: y0, W: x1 - x0 + 1, H: y1 - y0 + 1}
}

// frame reports whether the component in hand, within b, encloses most of its box. What
// is outside of it is reached from the border of the box over cells that it has not.
func (g *grid) frame(b leptonica.Box) bool {
	outside := make([]bool, b.W*b.H)
	var stack []int
	visit := func(x, y int) {
		if x < 0 || y < 0 || x >= b.W || y >= b.H || outside[y*b.W+x] || g.label[(b.Y+y)*g.w+b.X+x] == thisCell {
			return
		}
		outside[y*b.W+x] = true
		stack = append(stack, y*b.W+x)
	}
	for x := range b.W {
		visit(x, 0)
		visit(x, b.H-1)
	}
	for y := range b.H {
		visit(0, y)
		visit(b.W-1, y)
	}
	reached := 0
	for len(stack) > 0 {
		i := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		reached++
		x, y := i%b.W, i/b.W
		visit(x-1, y)
		visit(x+1, y)
		visit(x, y-1)
		visit(x, y+1)
	}
	own := 0
	for y := range b.H {
		own += bytes.Count(g.label[(b.Y+y)*g.w+b.X:(b.Y+y)*g.w+b.X+b.W], []byte{thisCell})
	}
	all := float64(b.W * b.H)
	return float64(b.W*b.H-reached) >= minEnclosed*all && float64(b.W*b.H-reached-own) >= minHollow*all
}

// retire puts the component in hand, within b, behind.
func (g *grid) retire(b leptonica.Box) {
	for y := b.Y; y < b.Y+b.H; y++ {
		for x := b.X; x < b.X+b.W; x++ {
			if g.label[y*g.w+x] == thisCell {
				g.label[y*g.w+x] = pastCell
			}
		}
	}
}
