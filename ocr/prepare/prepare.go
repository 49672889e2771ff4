// Package prepare turns the image of a page as a copier gives it into one that
// tesseract reads well: upright, straight, dark ink on even white paper, at a
// resolution that costs no needless time. It also tells blank pages, and sets the
// stamps of the town hall apart from the citizen's words.
//
// It runs only in the sandboxed child process of package ocr.
package prepare

import (
	"errors"
	"fmt"
	"math"

	"saisine.fr/saisine/ocr/leptonica"
)

// ErrTooSmall means that the image is too small to hold a line of text.
var ErrTooSmall = errors.New("prepare: image too small to hold text")

const (
	// targetDPI is the resolution that pages are read at. The recogniser scales each
	// line to a fixed height anyway; a higher resolution costs time in layout
	// analysis and makes more of dust, and 150 dpi was less even over the variants.
	targetDPI = 200
	// minSide is the shortest side in pixels in which a line of text finds room.
	minSide = 16
	// maxEnlarge bounds how far a small image is scaled up.
	maxEnlarge = 3
	// ink is the grey value below which a pixel of the normalised page counts as ink.
	ink = 140
)

// Values of background normalisation (pixBackgroundNorm): tiles of 20 pixels (2.5 mm
// at targetDPI, larger than a stroke and smaller than a shadow), everything below 80
// counted as ink when the paper is estimated, and the paper then brought to 200 and
// stretched to white, which also drops the texture just below it.
const (
	tile      = 20
	darkest   = 80
	paper     = 200
	paperFrom = paper - 10
	smooth    = 2
)

// Result is a prepared page. Close frees it.
type Result struct {
	// Image is upright grey on white; nil when the page is blank without Traces.
	Image *leptonica.Pix
	// Stamps are the parts of the page that hold a stamp: coloured ink in a coloured
	// frame. They are erased from Image.
	Stamps []*leptonica.Pix
	// Bits is the ink of the page in black and white as the page lay, before anything
	// was turned or erased: for what is no text. It is there on blank pages too.
	Bits *leptonica.Pix
	// DPI is the resolution of Image, Stamps and Bits.
	DPI int
	// Blank is true when the page carries nothing but paper, dust and folds.
	Blank bool
	// Specks is true when the page was full of specks, and was filtered.
	Specks bool
	// Faint is true when the ink could hardly be seen, and was made dark.
	Faint bool
	// Picture is true when a good part of the page is neither paper nor lines of text: a
	// photograph, a map, a coloured cover.
	Picture bool
	// Traces is true when a Blank page shows something from afar, of which nothing near
	// looks like letters: print too blurred or too small to be told from smudges.
	Traces bool
	// Rotation is by how many degrees clockwise the page was turned (0, 90, 180, 270).
	Rotation int
	// Certain is true when the page's ascenders and descenders showed its orientation.
	Certain bool
	// Skew is by how many degrees clockwise the page was straightened.
	Skew float64
}

// Close frees the images.
func (r *Result) Close() {
	r.Image.Close()
	r.Bits.Close()
	for _, s := range r.Stamps {
		s.Close()
	}
	r.Image, r.Bits, r.Stamps = nil, nil, nil
}

// Page prepares one page. dpi is the resolution where it is known from outside the
// image (the size of a PDF page), or 0. src is left as it is.
//
// 1-bit pages get neither background normalisation, for they have none and it ruins
// them, nor a threshold of their own: they become grey by scaling.
func Page(src *leptonica.Pix, dpi int) (Result, error) {
	w, h := src.Size()
	if min(w, h) < minSide {
		return Result{}, ErrTooSmall
	}
	s := &page{}
	defer s.close()
	res, err := s.prepare(src, dpi)
	if err != nil {
		res.Close()
		return Result{}, fmt.Errorf("prepare: %w", err)
	}
	return res, nil
}

// page owns the intermediate images, so that each is freed whatever step fails.
type page struct {
	gray   *leptonica.Pix // current state of the page
	bits   *leptonica.Pix // its ink
	rgb    *leptonica.Pix // the page in colour, nil without any
	colour *leptonica.Pix // mask of its coloured ink, nil without any
	specks bool           // it was full of specks
	faint  bool           // its ink can hardly be seen
}

func (s *page) close() {
	s.gray.Close()
	s.bits.Close()
	s.colour.Close()
	s.rgb.Close()
}

func replace(field **leptonica.Pix, p *leptonica.Pix, err error) error {
	if err != nil {
		return err
	}
	(*field).Close()
	*field = p
	return nil
}

func (s *page) prepare(src *leptonica.Pix, dpi int) (Result, error) {
	var res Result
	var err error
	if res.DPI, err = s.load(src, dpi); err != nil {
		return res, err
	}
	if err := s.darkOnLight(); err != nil {
		return res, err
	}
	if res.Picture, err = picture(s.gray); err != nil {
		return res, err
	}
	if src.Depth() > 1 {
		if err := s.whiten(); err != nil {
			return res, err
		}
	}
	marks, err := s.ink()
	if have := len(glyphs(marks)); err == nil && src.Depth() > 1 && have < fewGlyphs {
		marks, err = s.darken(marks, have)
	}
	if err != nil {
		return res, err
	}
	res.Specks, res.Faint = s.specks, s.faint
	if res.Bits, err = s.bits.Copy(); err != nil {
		return res, err
	}
	// What is full of specks may have held text, and is not called blank.
	if res.Blank = len(glyphs(marks)) < minGlyphs && !s.specks; res.Blank {
		if res.Traces, err = s.traces(); res.Traces {
			res.Image, s.gray = s.gray, nil
		}
		return res, err
	}
	if err := s.wipeStreaks(); err != nil {
		return res, err
	}
	if res.Stamps, err = s.liftStamps(); err != nil {
		return res, err
	}
	if err := s.upright(&res, marks); err != nil {
		return res, err
	}
	if err := s.straighten(&res); err != nil {
		return res, err
	}
	res.Image, s.gray = s.gray, nil
	return res, nil
}

// load scales src to the target resolution as grey, keeps where it is coloured, and
// returns the resolution that came of it.
func (s *page) load(src *leptonica.Pix, dpi int) (int, error) {
	xres, yres := resolution(src, dpi)
	fx, fy := factor(xres), factor(yres)
	base := src
	if fx != 1 || fy != 1 {
		flat := src
		if d := src.Depth(); d != 1 && d != 8 && d != 32 || src.Mapped() {
			g, err := src.Gray()
			if err != nil {
				return 0, err
			}
			defer g.Close()
			flat = g
		}
		scaled, err := flat.Scaled(fx, fy)
		if err != nil {
			return 0, err
		}
		defer scaled.Close()
		base = scaled
	}
	mask, err := base.Colour(colourDiff)
	if err := replace(&s.colour, mask, err); err != nil {
		return 0, err
	}
	if s.colour != nil {
		rgb, err := base.Copy()
		if err := replace(&s.rgb, rgb, err); err != nil {
			return 0, err
		}
	}
	gray, err := base.Gray()
	return int(math.Round(float64(xres) * fx)), replace(&s.gray, gray, err)
}

// ink takes the page's ink in black and white, and returns the boxes of its marks. A
// page full of specks is filtered before, several times if need be: a median of 3 × 3
// takes off specks of up to four pixels and leaves the edges of letters, which a larger
// one rounds off. Without it tesseract takes the letters for a photograph. The grain
// that is left is made white, for tesseract has a threshold of its own: where there is
// more grain than text it falls among the grain, and layout analysis of that takes minutes.
func (s *page) ink() ([]leptonica.Box, error) {
	for round := 0; ; round++ {
		bits, err := s.gray.Bitonal(ink)
		if err := replace(&s.bits, bits, err); err != nil {
			return nil, err
		}
		marks, err := s.bits.Components()
		if err != nil {
			return nil, err
		}
		if round == maxRounds || !speckled(marks, round) {
			if round == 0 {
				return marks, nil
			}
			white, err := s.gray.Stretched(0, grainFrom)
			return marks, replace(&s.gray, white, err)
		}
		s.specks = true
		filtered, err := s.gray.MedianFiltered(3)
		if err := replace(&s.gray, filtered, err); err != nil {
			return nil, err
		}
	}
}

// factor says by how much to scale; a tenth more or less is not worth the blur.
func factor(dpi int) float64 {
	f := targetDPI / float64(dpi)
	if f > 0.9 && f < 1.1 {
		return 1
	}
	return math.Min(f, maxEnlarge)
}

// resolution believes what is known from outside if that makes a sheet of up to A1,
// then what the file says if that makes one of up to A2, and else takes the image for
// an A4 sheet: phones write 72 dpi into every photograph, and programs that wrap
// photographs in a PDF make pages of a metre and a half of them. The two directions
// differ for a fax page in standard resolution, which has twice as many dots across
// as down (ITU-T T.4).
func resolution(src *leptonica.Pix, dpi int) (x, y int) {
	w, h := src.Size()
	if sheet(w, h, dpi, dpi, 36) {
		return dpi, dpi
	}
	if xres, yres := src.Resolution(); sheet(w, h, xres, yres, 24) {
		return xres, yres
	}
	guess := max(70, int(float64(max(w, h))/11.69))
	return guess, guess
}

// sheet reports whether the resolution makes the image a sheet whose longer side is
// between 5 inches (less than A6) and most inches.
func sheet(w, h, xres, yres int, most float64) bool {
	if xres <= 0 || yres <= 0 {
		return false
	}
	inches := math.Max(float64(w)/float64(xres), float64(h)/float64(yres))
	return inches >= 5 && inches <= most
}

// darkOnLight inverts white text on dark paper.
func (s *page) darkOnLight() error {
	median, err := s.gray.Median()
	if err != nil || median >= 100 {
		return err
	}
	inv, err := s.gray.Inverted()
	return replace(&s.gray, inv, err)
}

// whiten evens the paper out.
func (s *page) whiten() error {
	if w, h := s.gray.Size(); w < 4*tile || h < 4*tile {
		return nil // too few tiles to estimate the paper from
	}
	even, err := s.gray.Background(tile, tile, darkest, tile*tile/3, paper, smooth)
	if err := replace(&s.gray, even, err); err != nil {
		return err
	}
	white, err := s.gray.Stretched(0, paperFrom)
	return replace(&s.gray, white, err)
}

const (
	// minEvidence and minRatio are leptonica's own advice for pixOrientDetect
	// (flipdetect.c): the larger of the two numbers must reach 8 and be 2.5 times the other.
	minEvidence = 8
	minRatio    = 2.5
)

// upright takes the dust off the page, now that it is known which way its lines run, and
// turns it so that its text stands.
func (s *page) upright(res *Result, marks []leptonica.Box) error {
	up, left, err := s.bits.Orientation()
	if err != nil {
		return err
	}
	res.Rotation, res.Certain = orientation(up, left)
	if err := s.dust(marks, res.Certain, res.Rotation%180 != 0); err != nil {
		return err
	}
	return s.turn(res.Rotation / 90)
}

func orientation(up, left float64) (degrees int, certain bool) {
	au, al := math.Abs(up), math.Abs(left)
	switch {
	case au >= minEvidence && au >= minRatio*al:
		if up < 0 {
			return 180, true
		}
		return 0, true
	case al >= minEvidence && al >= minRatio*au:
		if left > 0 {
			return 90, true
		}
		return 270, true
	}
	return 0, false
}

func (s *page) turn(quarters int) error {
	if quarters == 0 {
		return nil
	}
	gray, err := s.gray.Turned(quarters)
	if err := replace(&s.gray, gray, err); err != nil {
		return err
	}
	bits, err := s.bits.Turned(quarters)
	return replace(&s.bits, bits, err)
}

const (
	// minSkew is the angle in degrees below which turning blurs more than it helps.
	minSkew = 0.1
	// minSkewConfidence is the ratio of line contrast at the best to the worst angle
	// that leptonica's own pixDeskew asks for.
	minSkewConfidence = 3
	// farSkew is by how many degrees a page is turned to see lines that are more askew than
	// the 7° that leptonica looks for; those of up to 12° then.
	farSkew = 6
)

// straighten turns the page by the few degrees that it lay askew.
func (s *page) straighten(res *Result) error {
	angle, confidence, err := s.bits.Skew()
	if err != nil {
		// Too little ink to have lines: read as it lies.
		return nil //nolint:nilerr // a page without an angle is no fault
	}
	if confidence < minSkewConfidence {
		if angle, err = s.slant(); err != nil {
			return err
		}
	}
	if math.Abs(angle) < minSkew {
		return nil
	}
	res.Skew = angle
	gray, err := s.gray.Rotated(angle)
	return replace(&s.gray, gray, err)
}

// slant looks for lines that are more askew than Skew can see, on the page turned by
// farSkew in each direction, and returns by how many degrees; 0 where there are none.
// Only what is clear there counts.
func (s *page) slant() (float64, error) {
	best, most := 0.0, float64(minSkewConfidence)
	for _, far := range []float64{-farSkew, farSkew} {
		turned, err := s.gray.Rotated(far)
		if err != nil {
			return 0, err
		}
		bits, err := turned.Bitonal(ink)
		turned.Close()
		if err != nil {
			return 0, err
		}
		angle, confidence, err := bits.Skew()
		bits.Close()
		if err == nil && confidence > most && math.Abs(far+angle) > farSkew {
			best, most = far+angle, confidence
		}
	}
	return best, nil
}
