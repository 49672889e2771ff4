// Package textlayer writes the invisible text of recognised pages as a PDF: one page for
// each, with nothing on it but words in text rendering mode 3 (ISO 32000-1, 9.3.6) at
// the places where they stand on the paper. Laid under the images of the pages, it makes
// them searchable.
//
// It is written here because no kept Go library writes text without glyphs: they
// embed a typeface, whose widths and missing characters then get in the way. The form
// follows what the PDF renderers of tesseract and OCRmyPDF have arrived at:
//
//   - One composite font whose glyphs are all the same empty one, so that any character
//     can be written. It is glyph 1: Acrobat refuses fonts in which characters map
//     to glyph 0 (notes in tesseract's pdfrenderer.cpp), and PDF/A forbids it
//     (ISO 19005-2, 6.2.11.8).
//   - Each word is stretched to its width (Tz), and a line has one size of type and,
//     where the page is straight, one baseline. Viewers lose their way in a selection
//     where these wander.
//   - Words are joined by real blanks as wide as the gaps. PDF.js and Preview guess no
//     blanks (OCRmyPDF issue 133).
//   - Codes are numbered as characters occur and mapped to UTF-16 by the font's
//     ToUnicode table, so that characters outside the Basic Multilingual Plane survive
//     (with codes that are UTF-16 they fall apart into halves).
package textlayer

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"saisine.fr/saisine/ocr/pdfobj"
	"saisine.fr/saisine/ocr/wire"
)

// ErrSize means that a page has no usable size.
var ErrSize = errors.New("textlayer: page without a size")

// Rect is a rectangle in points, from the lower left corner of the page as it is shown.
type Rect struct{ X0, Y0, X1, Y1 float64 }

func (r Rect) width() float64  { return r.X1 - r.X0 }
func (r Rect) height() float64 { return r.Y1 - r.Y0 }

// sound reports whether the rectangle has an extent that can be written.
func (r Rect) sound() bool {
	const most = 1e7 // points; with the largest UserUnit a page may have 75,000 × 14,400
	for _, v := range []float64{r.X0, r.Y0, r.X1, r.Y1} {
		if math.IsNaN(v) || math.Abs(v) > most {
			return false
		}
	}
	return r.width() > 0 && r.height() > 0
}

// Page is one page of text.
type Page struct {
	// Box is what becomes the MediaBox. It need not start at the origin.
	Box Rect
	// Image is where the image that was recognised lies.
	Image Rect
	// Layout says which words stand where on that image; nil = none.
	Layout *wire.Layout
}

// Write writes the pages as a PDF. It returns ErrSize for a page whose rectangles have
// no extent, and errors of w. Words without visible characters are left out, boxes
// that leave the image are cut at its edge.
func Write(w io.Writer, pages []Page) error {
	out := pdfobj.NewWriter(w)
	f := newFont(out)
	for i, p := range pages {
		if !p.Box.sound() || !p.Image.sound() {
			return fmt.Errorf("%w: page %d", ErrSize, i+1)
		}
		var content bytes.Buffer
		if p.Layout != nil && p.Layout.Width > 0 && p.Layout.Height > 0 {
			writeWords(&content, f, p)
		}
		out.Page([4]float64{p.Box.X0, p.Box.Y0, p.Box.X1, p.Box.Y1}, fmt.Sprintf("/Font <</F %s>>", f.ref), content.Bytes())
	}
	f.write(out)
	return out.Close()
}

// writeWords writes the content of one page. Inside, the unit is the pixel of the
// layout; one matrix brings them to the page.
func writeWords(w *bytes.Buffer, f *font, p Page) {
	lines := lines(p.Layout)
	if len(lines) == 0 {
		return
	}
	fmt.Fprintf(w, "q %s 0 0 %s %s %s cm\nBT 3 Tr\n", pdfobj.Number(p.Image.width()/float64(p.Layout.Width)),
		pdfobj.Number(p.Image.height()/float64(p.Layout.Height)), pdfobj.Number(p.Image.X0), pdfobj.Number(p.Image.Y0))
	t := newTurn(p.Layout)
	for _, l := range lines {
		writeLine(w, f, l, t)
	}
	w.WriteString("ET Q\n")
}

// turn brings points of the straightened image to the page as it was scanned: it turns
// them counter-clockwise by the skew about the centre.
type turn struct{ width, height, sin, cos float64 }

func newTurn(l *wire.Layout) turn {
	skew := l.Skew
	if math.IsNaN(skew) || math.Abs(skew) > 45 {
		skew = 0 // no scan is straightened by as much
	}
	sin, cos := math.Sincos(skew * math.Pi / 180)
	return turn{float64(l.Width), float64(l.Height), sin, cos}
}

// point maps a point with the ordinate downwards to one with the ordinate upwards.
func (t turn) point(x, y float64) (px, py float64) {
	dx, dy := x-t.width/2, y-t.height/2
	return dx*t.cos + dy*t.sin + t.width/2, t.height/2 + dx*t.sin - dy*t.cos
}

// word is a word ready to be written, with its box cut to the page.
type word struct {
	text           string
	x0, x1, y0, y1 int // y downwards
}

// line is a line of words from left to right.
type line struct {
	words []word
	// top and bottom are what the line's tallest words reach, y downwards.
	top, bottom int
}

// lines gathers the words by their line, in reading order.
func lines(l *wire.Layout) []line {
	index := make(map[int]int)
	var out []line
	for _, from := range l.Words {
		w := word{text: clean(from.Text)}
		if w.text == "" {
			continue
		}
		w.x0, w.x1 = span(from.X, from.W, l.Width)
		w.y0, w.y1 = span(from.Y, from.H, l.Height)
		i, ok := index[from.Line]
		if !ok {
			i = len(out)
			index[from.Line] = i
			out = append(out, line{})
		}
		out[i].words = append(out[i].words, w)
	}
	for i := range out {
		out[i].top, out[i].bottom = extent(out[i].words)
	}
	return out
}

// span cuts a start and a length to 0 … limit, with a length of 1 at least.
func span(start, length, limit int) (from, to int) {
	from = max(0, min(start, limit-1))
	// The sum of foreign numbers may overflow: cut the length first.
	to = from + max(1, min(length, limit-from))
	return from, to
}

// extent is the vertical extent of a line: that of its words but for boxes more than
// twice as tall as the middle one, which are specks and rules taken for letters.
func extent(words []word) (top, bottom int) {
	heights := make([]int, len(words))
	for i, w := range words {
		heights[i] = w.y1 - w.y0
	}
	slices.Sort(heights)
	most := 2 * heights[len(heights)/2]
	first := true
	for _, w := range words {
		if w.y1-w.y0 > most {
			continue
		}
		if first {
			top, bottom, first = w.y0, w.y1, false
		}
		top, bottom = min(top, w.y0), max(bottom, w.y1)
	}
	// Words that tesseract put into one line but that stand apart: the first decides.
	if bottom-top > 2*most {
		return words[0].y0, words[0].y1
	}
	return top, bottom
}

// minStretch and maxStretch bound Tz, in per cent, against boxes of a single pixel.
const minStretch, maxStretch = 1, 10_000

// flat is by what part of its size a line may rise and still be written as level.
const flat = 0.25

// writeLine writes the words of a line. On a page askew each word is level but a step
// higher or lower than the one before: pdftotext cuts words whose characters rise by more
// than half a point in all, and other programs have their own troubles with slanted text.
func writeLine(w *bytes.Buffer, f *font, l line, t turn) {
	size := float64(l.bottom - l.top)
	middle := float64(l.top+l.bottom) / 2
	first, last := l.words[0], l.words[len(l.words)-1]
	level := math.Abs(float64(last.x1-first.x0)*t.sin) < flat*size
	_, levelY := t.point(float64(first.x0+last.x1)/2, middle)
	fmt.Fprintf(w, "/F %s Tf\n", pdfobj.Number(size))
	for i, word := range l.words {
		width := float64(word.x1 - word.x0)
		x, y := t.point(float64(word.x0+word.x1)/2, middle)
		if level {
			y = levelY
		}
		// The font reaches from -descent to ascent: so a selection covers the line.
		fmt.Fprintf(w, "1 0 0 1 %s %s Tm ", pdfobj.Number(x-width/2), pdfobj.Number(y-size/2+size*descent))
		codes, n := f.encode(word.text)
		fmt.Fprintf(w, "%s Tz <%s> Tj ", stretch(width, n, size), codes)
		// The blank after the last word keeps it apart from the next line's first.
		gap := size * advance
		if i+1 < len(l.words) {
			gap = float64(l.words[i+1].x0 - word.x1)
		}
		blank, _ := f.encode(" ")
		fmt.Fprintf(w, "%s Tz <%s> Tj\n", stretch(gap, 1, size), blank)
	}
}

// stretch is the horizontal scaling that makes n characters as wide as width.
func stretch(width float64, n int, size float64) string {
	return pdfobj.Number(math.Max(minStretch, math.Min(maxStretch, 100*width/(float64(n)*advance*size))))
}

// clean is the text of a word as it is searched for: composed characters, ligatures of
// type (ﬁ, ﬂ …) spelled out, runs of blanks as one, and without what has no shape.
func clean(text string) string {
	text = norm.NFC.String(strings.ToValidUTF8(text, ""))
	var b strings.Builder
	for _, r := range text {
		switch {
		case unicode.IsSpace(r):
			b.WriteByte(' ')
		case r >= 0xFB00 && r <= 0xFB06:
			b.WriteString(norm.NFKC.String(string(r)))
		case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Noncharacter_Code_Point):
		default:
			b.WriteRune(r)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}
