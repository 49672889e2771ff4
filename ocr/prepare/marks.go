package prepare

import "saisine.fr/saisine/ocr/leptonica"

func mm(v float64) int { return int(v * targetDPI / 25.4) }

const (
	// minGlyphs is how many glyph-sized marks a page with text has at least: a
	// handwritten "oui" or a page number. A page with fewer is blank.
	minGlyphs = 3
	// speck is the size in pixels up to which a mark is hardly a part of a letter; one
	// pixel of a page in 150 dpi is two by now.
	speck = 4
	// manySpecks is from how many specks on they are more than dust.
	manySpecks = 800
	// maxRounds is how often a page of specks is filtered at most.
	maxRounds = 3
	// grainFrom is the grey value from which a filtered page is white.
	grainFrom = 215
)

// speckled reports whether a page holds little but specks. Uneven paper alone leaves some
// thousand, two for each other mark at most. What is left after a round of filtering is
// judged more strictly.
func speckled(marks []leptonica.Box, round int) bool {
	specks := 0
	for _, b := range marks {
		if max(b.W, b.H) <= speck {
			specks++
		}
	}
	others := len(marks) - specks
	if round > 0 {
		return specks > manySpecks && specks > others
	}
	return specks > manySpecks && specks > 3*others
}

// glyphs keeps the marks that have a letter's size: at least 1.2 mm high and no thread,
// fold, shadow or edge of the sheet.
func glyphs(marks []leptonica.Box) []leptonica.Box {
	var kept []leptonica.Box
	for _, b := range marks {
		long, short := max(b.W, b.H), min(b.W, b.H)
		if long >= mm(1.2) && long <= mm(40) && short >= mm(0.2) && long <= 25*short {
			kept = append(kept, b)
		}
	}
	return kept
}

// Glyphs returns the boxes of the marks of a letter's size on a prepared image.
func Glyphs(image *leptonica.Pix) ([]leptonica.Box, error) {
	bits, err := image.Bitonal(ink)
	if err != nil {
		return nil, err
	}
	defer bits.Close()
	marks, err := bits.Components()
	return glyphs(marks), err
}

const (
	// fromAfar is by how much a page is scaled down such that lines of text become grey.
	fromAfar = 8
	// minPicture is the share of dark places that makes a picture, seen from afar. A line of
	// text is a third ink there; half as bright as the paper are only blocks of it.
	minPicture = 0.1
	// traceLevel is below what a place on a white page shows something, and minTraces the
	// share of such places that is more than dust and folds.
	traceLevel = 248
	minTraces  = 0.004
	// maxTraceInk is the share of dark ink up to which it does not explain them.
	maxTraceInk = 0.001
)

// afar returns how many places there are of each grey value on a page seen from afar. The
// outer tenth on each side does not count: a scanner with its lid open makes it black.
func afar(gray *leptonica.Pix) (histogram [256]int, places int, err error) {
	if w, h := gray.Size(); min(w, h) < 20*fromAfar {
		return histogram, 0, nil
	}
	small, err := gray.Scaled(1.0/fromAfar, 1.0/fromAfar)
	if err != nil {
		return histogram, 0, err
	}
	defer small.Close()
	pixels, err := small.Bytes()
	if err != nil {
		return histogram, 0, err
	}
	w, h := small.Size()
	for y := h / 10; y < h-h/10; y++ {
		for _, v := range pixels[y*w+w/10 : (y+1)*w-w/10] {
			histogram[v]++
			places++
		}
	}
	return histogram, places, nil
}

// darker is the number of places darker than limit.
func darker(histogram [256]int, limit int) int {
	n := 0
	for _, count := range histogram[:limit] {
		n += count
	}
	return n
}

// picture looks whether much of a grey page is dark.
func picture(gray *leptonica.Pix) (bool, error) {
	histogram, places, err := afar(gray)
	// Nine tenths of the places are darker than this: paper, or the lights of a picture.
	white := 255
	for above := 0; white > 0; white-- {
		if above += histogram[white]; above > places/10 {
			break
		}
	}
	return float64(darker(histogram, white/2)) > minPicture*float64(places), err
}

// traces looks whether a whitened page that has no letters is white but for dark ink, if
// there is hardly any: the lines of an empty table are no letters, and plain to see.
func (s *page) traces() (bool, error) {
	n, err := s.bits.Ink()
	if err != nil {
		return false, err
	}
	if w, h := s.bits.Size(); float64(n) > maxTraceInk*float64(w*h) {
		return false, nil
	}
	histogram, places, err := afar(s.gray)
	return float64(darker(histogram, traceLevel)) > minTraces*float64(places), err
}

const (
	// fewGlyphs is below how many glyphs a page is searched for faint ink.
	fewGlyphs = 30
	// faintest is the grey value of ink that can hardly be seen.
	faintest = 236
)

// faint lists where the ink of a page begins that seems all but blank, and how many glyphs must
// be seen there. The first is pencil, with a quarter of the contrast of black on white;
// the second an almost empty cartridge, or the other side of a thin sheet showing through.
var faint = []struct{ threshold, glyphs int }{{195, 12}, {faintest, 40}}

// darken looks for faint ink on a page of few marks, have of them glyphs. Where there is
// much more of it than of the dark one it makes it dark, and returns the marks then.
func (s *page) darken(dark []leptonica.Box, have int) ([]leptonica.Box, error) {
	for _, f := range faint {
		bits, err := s.gray.Bitonal(f.threshold)
		if err != nil {
			return nil, err
		}
		marks, err := bits.Components()
		bits.Close()
		if err != nil {
			return nil, err
		}
		if len(glyphs(marks)) < max(f.glyphs, 3*have) {
			continue
		}
		// What was at the threshold comes to lie at that of ink.
		stretched, err := s.gray.Stretched(255-255*(255-f.threshold)/(255-ink), 255)
		if err := replace(&s.gray, stretched, err); err != nil {
			return nil, err
		}
		s.faint = f.threshold == faintest
		return s.ink()
	}
	return dark, nil
}
