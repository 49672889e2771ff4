package prepare

import "saisine.fr/saisine/ocr/leptonica"

const (
	// crumb is the size in pixels up to which a mark that stands alone is dust: no letter
	// and no dash is so small (0.8 mm).
	crumb = 6
	// alongReach and acrossReach are how near to a letter, in pixels, such a mark stays, along
	// the line and across it: a colon after a wide French blank (3.5 mm), the dot of an i (1.3 mm).
	alongReach, acrossReach = 28, 10
	// paleInk is the grey value below which a whitened page shows something.
	paleInk = 215
	// bucket is the side in pixels of the squares that marks are looked up by.
	bucket = 32
)

// dust makes white the specks that stand alone: far from every letter, and not in a row
// of dots that begins at one. A few hundred of them on a page make tesseract take lines
// for noise, and read others as points and dashes. Lines run across the page as it lies,
// down the page, or nobody knows.
func (s *page) dust(marks []leptonica.Box, certain, down bool) error {
	reachX, reachY := alongReach, alongReach
	switch {
	case certain && down:
		reachX = acrossReach
	case certain:
		reachY = acrossReach
	}
	w, h := s.gray.Size()
	for _, b := range lone(marks, reachX, reachY) {
		if around, err := s.pale(b); err != nil {
			return err
		} else if around {
			continue
		}
		if err := s.gray.Erase(s.bits, b.Grown(speck, w, h)); err != nil {
			return err
		}
	}
	return nil
}

// pale reports whether paler ink is around a speck: then it is the darkest spot of a letter
// that is pale or out of focus.
func (s *page) pale(b leptonica.Box) (bool, error) {
	w, h := s.gray.Size()
	outer, inner := b.Grown(crumb+2, w, h), b.Grown(2, w, h)
	part, err := s.gray.Clip(outer)
	if err != nil {
		return false, err
	}
	defer part.Close()
	pixels, err := part.Bytes()
	if err != nil {
		return false, err
	}
	for i, v := range pixels {
		x, y := outer.X+i%outer.W, outer.Y+i/outer.W
		inside := x >= inner.X && x < inner.X+inner.W && y >= inner.Y && y < inner.Y+inner.H
		if v < paleInk && !inside {
			return true, nil
		}
	}
	return false, nil
}

// lone returns the marks of a speck's size that no letter is near to. Frames count for no
// letters: the box of one holds the whole form. Lines do, for a fold may run through a
// line of text and join its letters, whose remains then look like dust.
func lone(marks []leptonica.Box, reachX, reachY int) []leptonica.Box {
	near := buckets{}
	var specks []leptonica.Box
	for _, b := range marks {
		switch {
		case max(b.W, b.H) <= crumb:
			specks = append(specks, b)
		case min(b.W, b.H) <= mm(25):
			near.add(b)
		}
	}
	// Each speck that is found near joins those that others may be near to.
	for found := true; found; {
		found = false
		rest := specks[:0]
		for _, b := range specks {
			if near.has(b, reachX, reachY) {
				near.add(b)
				found = true
			} else {
				rest = append(rest, b)
			}
		}
		specks = rest
	}
	return specks
}

// buckets holds boxes by the squares that they touch.
type buckets map[[2]int][]leptonica.Box

func (s buckets) add(b leptonica.Box) {
	for y := b.Y / bucket; y <= (b.Y+b.H)/bucket; y++ {
		for x := b.X / bucket; x <= (b.X+b.W)/bucket; x++ {
			s[[2]int{x, y}] = append(s[[2]int{x, y}], b)
		}
	}
}

// has reports whether a box is as near to b as the two reaches, in pixels.
func (s buckets) has(b leptonica.Box, reachX, reachY int) bool {
	for y := max(0, b.Y-reachY) / bucket; y <= (b.Y+b.H+reachY)/bucket; y++ {
		for x := max(0, b.X-reachX) / bucket; x <= (b.X+b.W+reachX)/bucket; x++ {
			for _, o := range s[[2]int{x, y}] {
				if o.X <= b.X+b.W+reachX && b.X <= o.X+o.W+reachX && o.Y <= b.Y+b.H+reachY && b.Y <= o.Y+o.H+reachY {
					return true
				}
			}
		}
	}
	return false
}
