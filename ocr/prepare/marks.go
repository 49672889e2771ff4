package prepare

import "saisine.fr/saisine/ocr/leptonica"

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
)

// liftStamps finds what the town hall stamped on the letter ("courrier arrivé"):
// coloured ink within a frame or ring of coloured ink, between 12 × 6 mm and a
// seventh of the page. It erases it from the page, so that it is not read into the
// citizen's words, and returns it for a reading of its own. A coloured letterhead,
// signature or handwriting has no frame and stays where it is.
func (s *page) liftStamps() ([]*leptonica.Pix, error) {
	if s.colour == nil {
		return nil, nil
	}
	w, h := s.gray.Size()
	n, err := s.colour.Ink()
	if err != nil || n == 0 || float64(n) > maxStampShare*float64(w*h) {
		return nil, err
	}
	boxes, err := s.colour.Components()
	if err != nil {
		return nil, err
	}
	var stamps []*leptonica.Pix
	for _, b := range boxes {
		if b.W < mm(12) || b.H < mm(6) || float64(b.W*b.H) > maxStampShare*float64(w*h) || len(stamps) == maxStamps {
			continue
		}
		hollow, err := s.hollow(b)
		if err != nil {
			return stamps, err
		}
		if !hollow {
			continue
		}
		stamp, err := s.gray.Clip(b)
		if err != nil {
			return stamps, err
		}
		stamps = append(stamps, stamp)
		if err := s.gray.Erase(s.colour, b.Grown(mm(1), w, h)); err != nil {
			return stamps, err
		}
	}
	return stamps, nil
}

// hollow tells a frame from a block of colour and from a word of joined-up writing:
// little of its box is ink, and most of its rim is.
func (s *page) hollow(b leptonica.Box) (bool, error) {
	part, err := s.colour.Clip(b)
	if err != nil {
		return false, err
	}
	defer part.Close()
	n, err := part.Ink()
	if err != nil || float64(n) > maxStampFill*float64(b.W*b.H) {
		return false, err
	}
	// A frame or ring runs along the middle of each of its four sides; handwriting and
	// lettering seldom do.
	rim := max(mm(1.5), b.H/8)
	sides := []leptonica.Box{
		{X: b.W * 2 / 5, Y: 0, W: b.W / 5, H: rim},
		{X: b.W * 2 / 5, Y: b.H - rim, W: b.W / 5, H: rim},
		{X: 0, Y: b.H * 2 / 5, W: rim, H: b.H / 5},
		{X: b.W - rim, Y: b.H * 2 / 5, W: rim, H: b.H / 5},
	}
	for i, side := range sides {
		cut, err := part.Clip(side)
		if err != nil {
			return false, err
		}
		n, err := cut.Ink()
		cut.Close()
		if err != nil {
			return false, err
		}
		// A line through the whole window covers at least its length, one pixel wide.
		length := side.W
		if i > 1 {
			length = side.H
		}
		if n < length {
			return false, nil
		}
	}
	return true, nil
}

func mm(v float64) int { return int(v * targetDPI / 25.4) }

const (
	// minGlyphs is how many glyph-sized marks a page with text has at least: a
	// handwritten "oui" or a page number.
	minGlyphs = 3
)

// blank reports whether a page has fewer than minGlyphs marks of a letter's size: at
// least 1.2 mm high and no thread, fold, shadow or edge of the sheet.
func blank(bits *leptonica.Pix) (bool, error) {
	boxes, err := bits.Components()
	if err != nil {
		return false, err
	}
	glyphs := 0
	for _, b := range boxes {
		long, short := max(b.W, b.H), min(b.W, b.H)
		if long < mm(1.2) || long > mm(40) || short < mm(0.2) || long > 25*short {
			continue
		}
		if glyphs++; glyphs >= minGlyphs {
			return false, nil
		}
	}
	return true, nil
}
