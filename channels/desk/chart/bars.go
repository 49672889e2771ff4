package chart

import "math"

const (
	barHeight = 13.0
	barGap    = 3.0
	groupGap  = 10.0
	valueRoom = 56.0 // for the number behind the longest bar
)

// Bars draws the values of each label as bars from left to right, under the label: so names
// may be as long as the drawing is wide.
func (c Chart) Bars() string {
	highest := 0.0
	for _, s := range c.Series {
		for _, x := range s.Values {
			if !math.IsNaN(x) {
				highest = max(highest, x)
			}
		}
	}
	top := c.Top
	if top <= 0 {
		top = max(highest, 1e-9)
	}
	group := rowHeight + float64(len(c.Series))*(barHeight+barGap) + groupGap
	rows, height := c.legend(float64(len(c.Labels)) * group)
	d := c.begin(height)
	d.patterns()
	for i, label := range c.Labels {
		y := float64(i) * group
		d.text(0, y+fontSize, "", "", label)
		for n, s := range c.Series {
			at := y + rowHeight + float64(n)*(barHeight+barGap)
			x := s.Values[i]
			w := 0.0
			if !math.IsNaN(x) {
				w = max(0, min(x/top, 1)) * (width - valueRoom)
				d.bar(0, at, max(w, 1), barHeight, n, d.tip(n, i))
			}
			d.text(w+5, at+barHeight-2, "", "valeur", c.write(x))
		}
	}
	d.drawLegend(rows, func(x, y float64, series int) { d.bar(x, y, swatch, swatch, series, c.Series[series].Name) })
	return d.end()
}
