// Package patch finds patch T, the four bars by which scanners of the paper age parted
// documents. zbar does not know patch codes: they hold no characters.
//
// A patch code is 0.80 inches of four parallel bars with three spaces between them: two
// bars of 0.20 and two of 0.08 inches in one of six orders, each space 0.08 inches (Kodak,
// "Patch Code Information for Kodak Scanners", A-61599). The tables of that document give
// the orders from the leading edge of the sheet inwards: patch 1 is wide, wide, narrow,
// narrow; 2 is wide, narrow, narrow, wide; 3 is wide, narrow, wide, narrow; 4 is narrow,
// wide, wide, narrow; 6 is narrow, narrow, wide, wide; and T, the remaining one, is narrow,
// wide, narrow, wide. The widths of BWIPP (its issue 100) say the same: T = 1121112.
//
// Patch 3 read from the other side is patch T, so that the edge matters. A patch belongs
// to the edge that it lies next to, wherever that edge is on the scan: sheets are laid in
// any way round, and bear the patch on up to four sides.
package patch

import "math"

// Bitmap is a page in black and white: a byte for each pixel, row by row without padding,
// 0 being ink and anything else paper.
type Bitmap struct {
	Pix           []byte
	Width, Height int
}

// All lengths are in modules: the width of a narrow bar, 0.08 inches.
const (
	module = 0.08 // inches
	// whole is the width of a patch code: 2 + 2 × 2.5 for the bars, 3 for the spaces.
	whole = 10.0
	// shrunk and grown bound what printers and copiers make of that width.
	shrunk, grown = 0.85, 1.12
	// quiet is how much paper there must be before and behind the bars. The standard has
	// 0.25 inches around them, or three modules.
	quiet = 2.0
	// cropped is what is enough of it where the scan ends.
	cropped = 0.5
	// shortest is the least length of the bars. The standard has 2 inches.
	shortest = 20.0
	// deepest is by how far from its edge a patch may end: 3.75 inches in the standard,
	// and some more for sheets that slipped.
	deepest = 51.0
	// speck is the longest run that is taken for dirt: a quarter of a narrow bar.
	speck = 0.25
	// step is the distance of the lines that are looked at.
	step = 1.0
	// gap is how many lines in a row may be spoilt, by the hole of a punch for example.
	gap = 4
	// askew is the steepest slope of the bars against the lines across them: 6°.
	askew = 0.105
)

// minDPI and maxDPI bound the resolutions at which bars are looked for. Below, a narrow
// bar is less than six pixels; nothing is prepared at more than the upper one.
const minDPI, maxDPI = 75, 1200

// T reports whether the page bears patch T along any of its edges. dpi is its resolution.
// Bars askew by up to 5° are found, of 85 to 112 % of their size.
func T(page Bitmap, dpi int) bool {
	if page.Width <= 0 || page.Height <= 0 || len(page.Pix)/page.Width < page.Height || dpi < minDPI || dpi > maxDPI {
		return false
	}
	unit := module * float64(dpi)
	across := lines{page: page, length: page.Width, count: page.Height, along: 1, across: page.Width}
	down := lines{page: page, length: page.Height, count: page.Width, along: page.Width, across: 1}
	return across.bears(unit) || down.bears(unit)
}

// lines are all columns, or all rows, of a page.
type lines struct {
	page          Bitmap
	length, count int
	// along is the distance in Pix of two pixels of one line, across that of two lines.
	along, across int
}

// ink reports whether a place on the page is black: most of three pixels of neighbouring
// lines, so that a speck does not matter.
func (l lines) ink(line, at int) bool {
	first := min(max(line-2, 0), max(l.count-5, 0))*l.across + at*l.along
	next := 0
	if l.count >= 5 {
		next = 2 * l.across
	}
	pix := l.page.Pix
	a, b := pix[first] == 0, pix[first+next] == 0
	return a && b || (a || b) && pix[first+2*next] == 0
}

// sampled are some of the lines, one after the other, true being ink. The page is read
// in the order of its bytes: down its columns each pixel would come from far memory.
func (l lines) sampled(every int) []bool {
	n := (l.count + every - 1) / every
	out := make([]bool, n*l.length)
	if l.along == 1 {
		for i := range n {
			for at := range l.length {
				out[i*l.length+at] = l.ink(i*every, at)
			}
		}
		return out
	}
	for at := range l.length {
		for i := range n {
			out[i*l.length+at] = l.ink(i*every, at)
		}
	}
	return out
}

// run is a stretch of a line of one colour.
type run struct {
	from, to int
	black    bool
}

func (r run) size() float64 { return float64(r.to - r.from) }

// cut cuts a line into runs, those of specks joined to what is around them.
func cut(line []bool, out []run, unit float64) []run {
	out = out[:0]
	for at := 0; at < len(line); {
		black, from := line[at], at
		for at++; at < len(line) && line[at] == black; at++ {
		}
		last := len(out) - 1
		switch {
		case last < 0:
			out = append(out, run{from, at, black})
		case float64(at-from) <= speck*unit || out[last].black == black:
			out[last].to = at
		case last == 0 && out[0].size() <= speck*unit:
			out[0] = run{0, at, black}
		default:
			out = append(out, run{from, at, black})
		}
	}
	return out
}

// match is a patch code on one line.
type match struct {
	line int
	// bars are where the four bars begin and end.
	bars [4]run
}

// first and last are the ends of the code.
func (m match) first() int { return m.bars[0].from }
func (m match) last() int  { return m.bars[3].to }

// order is the order of the bars, in modules.
type order [4]float64

// patchT and reversed are patch T from its edge inwards, and towards it.
var (
	patchT   = order{1, 2.5, 1, 2.5}
	reversed = order{2.5, 1, 2.5, 1}
)

// fits reports whether seven runs are the code, with quiet before and behind. unit is a
// module in pixels.
func (o order) fits(runs []run, before, behind, unit float64) bool {
	size := float64(runs[6].to - runs[0].from)
	if size < shrunk*whole*unit || size > grown*whole*unit {
		return false
	}
	own := size / whole
	if before < quiet*own || behind < quiet*own {
		return false
	}
	for i, r := range runs {
		want := 1.0
		if i%2 == 0 {
			want = o[i/2]
		}
		// Ink spreads, and the faint print of a copy shrinks: half a module to either side
		// still tells narrow from wide.
		if math.Abs(r.size()/own-want) > 0.55 {
			return false
		}
	}
	return true
}

// bears reports whether there is patch T across the lines.
func (l lines) bears(unit float64) bool {
	every := max(1, int(step*unit))
	forward := tracker{lines: l, unit: unit, every: every}
	backward := tracker{lines: l, unit: unit, every: every, back: true}
	var runs []run
	for i, samples := 0, l.sampled(every); len(samples) > 0; i, samples = i+1, samples[l.length:] {
		runs = cut(samples[:l.length], runs, unit)
		for j := 0; j+7 <= len(runs); j++ {
			if !runs[j].black {
				continue
			}
			before, behind := margin(runs, j-1, unit), margin(runs, j+7, unit)
			m := match{line: i * every, bars: [4]run{runs[j], runs[j+2], runs[j+4], runs[j+6]}}
			if patchT.fits(runs[j:j+7], before, behind, unit) {
				forward.add(m)
			}
			if reversed.fits(runs[j:j+7], before, behind, unit) {
				backward.add(m)
			}
		}
	}
	return forward.found() || backward.found()
}

// margin is how much paper the i-th run is. Where the scan ends less is enough.
func margin(runs []run, i int, unit float64) float64 {
	if i < 0 || i >= len(runs) {
		return 0
	}
	size := runs[i].size()
	if (i == 0 || i == len(runs)-1) && size >= cropped*unit {
		return math.Inf(1)
	}
	return size
}
