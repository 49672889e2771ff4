// Package chart draws small charts as SVG: stacked columns and lines over time, and bars.
//
// Nothing of them is styled in place: colours are the classes c0 to c7, for the page's style
// sheet to choose by scheme, and series differ by pattern, dashes and marks as well, since
// nobody must need the colour (WCAG 2.1, 1.4.1). A chart has no size of its own; it fills
// whatever holds it, and its letters can be read from 340 pixels of width on.
package chart

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Chart is what is drawn. Texts may be foreign: they are escaped.
type Chart struct {
	// ID begins the ids within the drawing, and must be unique in the page: letters, digits
	// and dashes.
	ID string
	// Title says what it shows, Description what can be seen of it in a sentence.
	Title, Description string
	// Labels name the places of the values.
	Labels []string
	Series []Series
	// Number writes a value; nil writes it plainly.
	Number func(float64) string
	// Top is the end of the axis; 0 chooses one that fits.
	Top float64
}

// Series is a run of values of one colour, one for each label. NaN is unknown.
type Series struct {
	Name   string
	Values []float64
}

// The drawing, in units that are pixels where it is some 340 wide.
const (
	width      = 340.0
	fontSize   = 12.0
	charWidth  = 6.3 // of a letter, on average
	rowHeight  = 18.0
	axisWidth  = 36.0
	plotHeight = 190.0
	swatch     = 12.0
	// Colours is how many series differ; further ones begin again.
	colours = 8
)

// drawing collects the elements.
type drawing struct {
	strings.Builder
	c Chart
}

// begin writes the head, with the patterns of the series.
func (c Chart) begin(height float64) *drawing {
	d := &drawing{c: c}
	d.add(`<svg class="graphique" xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 `, number(width), " ", number(height), `" aria-labelledby="`, c.ID, `-t `, c.ID, `-d">`)
	d.add(`<title id="`, c.ID, `-t">`, escape(c.Title), `</title><desc id="`, c.ID, `-d">`, escape(c.Description), `</desc>`)
	return d
}

func (d *drawing) add(parts ...string) {
	for _, p := range parts {
		d.WriteString(p)
	}
}

func (d *drawing) end() string {
	d.add("</svg>\n")
	return d.String()
}

// patterns defines the fills of the series.
func (d *drawing) patterns() {
	d.add("<defs>")
	for i := range min(len(d.c.Series), colours) {
		d.add(`<pattern id="`, d.c.ID, `-m`, strconv.Itoa(i), `" width="8" height="8" patternUnits="userSpaceOnUse"><rect width="8" height="8" class="c`, strconv.Itoa(i), `"/>`)
		if p := hatches[i]; p != "" {
			d.add(`<path class="hachure" d="`, p, `"/>`)
		}
		d.add("</pattern>")
	}
	d.add("</defs>")
}

// hatches tell the fills apart without their colours.
var hatches = [colours]string{
	"", "M0 8 8 0M-2 2 2-2M6 10 10 6", "M4 0V8", "M0 4H8", "M0 0 8 8M-2 6 2 10M6-2 10 2", "M0 4H8M4 0V8", "M3 3h2v2h-2z", "M0 0 8 8M0 8 8 0",
}

// fill is the fill of a series.
func (d *drawing) fill(series int) string {
	return `url(#` + d.c.ID + `-m` + strconv.Itoa(series%colours) + `)`
}

func (d *drawing) text(x, y float64, anchor, class, text string) {
	d.add(`<text x="`, number(x), `" y="`, number(y), `"`)
	if anchor != "" {
		d.add(` text-anchor="`, anchor, `"`)
	}
	if class != "" {
		d.add(` class="`, class, `"`)
	}
	d.add(">", escape(text), "</text>")
}

func (d *drawing) line(x1, y1, x2, y2 float64, class string) {
	d.add(`<line x1="`, number(x1), `" y1="`, number(y1), `" x2="`, number(x2), `" y2="`, number(y2), `" class="`, class, `"/>`)
}

// bar draws a bar that tells its value when it is pointed at.
func (d *drawing) bar(x, y, w, h float64, series int, tip string) {
	d.add(`<rect x="`, number(x), `" y="`, number(y), `" width="`, number(w), `" height="`, number(h), `" fill="`, d.fill(series), `"><title>`, escape(tip), `</title></rect>`)
}

// tip is what is told of a value.
func (d *drawing) tip(series, i int) string {
	name := ""
	if len(d.c.Series) > 1 {
		name = d.c.Series[series].Name + ", "
	}
	return name + d.c.Labels[i] + "\u00a0: " + d.c.write(d.c.Series[series].Values[i])
}

// legendRow is a part of the legend with its place.
type legendRow struct {
	x, y   float64
	series int
}

// legend places the names of the series under a drawing that ends at y, and returns where the
// legend ends. One series needs none.
func (c Chart) legend(y float64) ([]legendRow, float64) {
	if len(c.Series) < 2 {
		return nil, y
	}
	var rows []legendRow
	x := 0.0
	for i, s := range c.Series {
		w := swatch + 6 + textWidth(s.Name) + 12
		if x > 0 && x+w > width {
			x, y = 0, y+rowHeight
		}
		rows = append(rows, legendRow{x, y, i})
		x += w
	}
	return rows, y + rowHeight
}

func (d *drawing) drawLegend(rows []legendRow, mark func(x, y float64, series int)) {
	for _, r := range rows {
		mark(r.x, r.y, r.series)
		d.text(r.x+swatch+6, r.y+swatch-1.5, "", "", d.c.Series[r.series].Name)
	}
}

func (c Chart) write(x float64) string {
	switch {
	case math.IsNaN(x):
		return "–"
	case c.Number != nil:
		return c.Number(x)
	}
	return number(x)
}

// axis chooses the end of the axis and the step between its lines.
func (c Chart) axis(highest float64) (top, step float64) {
	if c.Top > 0 {
		return c.Top, c.Top / 4
	}
	if highest <= 0 {
		return 1, 1
	}
	rough := highest / 4
	unit := math.Pow(10, math.Floor(math.Log10(rough)))
	for _, n := range []float64{1, 2, 5, 10} {
		if step = n * unit; step >= rough {
			break
		}
	}
	if whole := c.whole(); whole && step < 1 {
		step = 1
	}
	return step * math.Ceil(highest/step), step
}

// whole reports whether all values are whole numbers, which need no lines between them.
func (c Chart) whole() bool {
	for _, s := range c.Series {
		for _, x := range s.Values {
			if !math.IsNaN(x) && x != math.Trunc(x) {
				return false
			}
		}
	}
	return true
}

func textWidth(s string) float64 { return float64(utf8.RuneCountInString(s)) * charWidth }

// number writes a coordinate: two places are less than a pixel.
func number(x float64) string {
	return strconv.FormatFloat(math.Round(x*100)/100, 'f', -1, 64)
}

// escape writes text for XML, in which control characters must not stand at all (XML 1.0 §2.2).
func escape(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r < ' ', r == 0x7f, r == 0xfffe, r == 0xffff:
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\ufffd"))
	return escaper.Replace(s)
}

var escaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;", "'", "&#39;")
