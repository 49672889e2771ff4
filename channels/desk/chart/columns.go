package chart

import (
	"math"
	"strconv"
	"strings"
)

// Columns draws a column for each label, in which the series stand on each other. What is
// unknown counts nothing.
func (c Chart) Columns() string {
	highest := 0.0
	for i := range c.Labels {
		sum := 0.0
		for _, s := range c.Series {
			sum += known(s.Values[i])
		}
		highest = max(highest, sum)
	}
	g := c.grid(highest)
	d := g.begin()
	d.patterns()
	d.drawGrid(g)
	w := g.pitch * 0.72
	for i := range c.Labels {
		foot := g.foot()
		for n, s := range c.Series {
			h := known(s.Values[i]) / g.top * plotHeight
			if h <= 0 {
				continue
			}
			foot -= h
			d.bar(g.x(i)-w/2, foot, w, h, n, d.tip(n, i))
		}
	}
	d.drawLegend(g.legend, func(x, y float64, series int) { d.bar(x, y, swatch, swatch, series, c.Series[series].Name) })
	return d.end()
}

func known(x float64) float64 {
	if math.IsNaN(x) || x < 0 {
		return 0
	}
	return x
}

// Lines draws a line for each series, broken where a value is unknown.
func (c Chart) Lines() string {
	highest := 0.0
	for _, s := range c.Series {
		for _, x := range s.Values {
			highest = max(highest, known(x))
		}
	}
	g := c.grid(highest)
	d := g.begin()
	d.drawGrid(g)
	for n, s := range c.Series {
		var path strings.Builder
		pen := "M"
		for i, x := range s.Values {
			if math.IsNaN(x) {
				pen = "M"
				continue
			}
			path.WriteString(pen + number(g.x(i)) + " " + number(g.y(x)))
			pen = "L"
		}
		d.stroke(path.String(), n)
		for i, x := range s.Values {
			if !math.IsNaN(x) {
				d.mark(g.x(i), g.y(x), n, d.tip(n, i))
			}
		}
	}
	d.drawLegend(g.legend, func(x, y float64, series int) {
		d.stroke("M"+number(x)+" "+number(y+swatch/2)+"h"+number(swatch), series)
		d.mark(x+swatch/2, y+swatch/2, series, c.Series[series].Name)
	})
	return d.end()
}

// dashes and marks tell lines apart without their colours.
var (
	dashes = [colours]string{"", "6 3", "2 2", "8 3 2 3", "", "6 3", "2 2", "8 3 2 3"}
	marks  = [colours]string{
		"M-2.5-2.5h5v5h-5z", "M0-3 3 2.5H-3z", "M0-3.200 3.200 0 0 3.200-3.200 0z", "M-3-.8h2.200V-3h1.600v2.200H3v1.600H.8V3H-.8V.8H-3z",
		"M0 3 3-2.500H-3z", "M-3-1h6v2h-6z", "M-1-3h2v6h-2z", "M-2.500-2.500 0-.8 2.500-2.500.8 0 2.500 2.500 0 .8-2.500 2.500-.8 0z",
	}
)

func (d *drawing) stroke(path string, series int) {
	d.add(`<path class="ligne c`, strconv.Itoa(series%colours), `" d="`, path, `"`)
	if dash := dashes[series%colours]; dash != "" {
		d.add(` stroke-dasharray="`, dash, `"`)
	}
	d.add("/>")
}

func (d *drawing) mark(x, y float64, series int, tip string) {
	d.add(`<path class="c`, strconv.Itoa(series%colours), `" transform="translate(`, number(x), " ", number(y), `)" d="`, marks[series%colours], `"><title>`, escape(tip), `</title></path>`)
}

// grid is the plot of a chart over time.
type grid struct {
	c         Chart
	top, step float64
	pitch     float64 // from label to label
	every     int     // which labels are written
	height    float64
	legend    []legendRow
}

const gridTop = 8.0

func (c Chart) grid(highest float64) grid {
	g := grid{c: c, every: 1}
	g.top, g.step = c.axis(highest)
	g.pitch = (width - axisWidth) / float64(max(len(c.Labels), 1))
	widest := 0.0
	for _, l := range c.Labels {
		widest = max(widest, textWidth(l))
	}
	for float64(g.every)*g.pitch < widest+6 && g.every < len(c.Labels) {
		g.every++
	}
	g.legend, g.height = c.legend(g.foot() + rowHeight + 10)
	return g
}

func (g grid) begin() *drawing     { return g.c.begin(g.height) }
func (g grid) foot() float64       { return gridTop + plotHeight }
func (g grid) x(i int) float64     { return axisWidth + (float64(i)+0.5)*g.pitch }
func (g grid) y(x float64) float64 { return g.foot() - min(max(x/g.top, 0), 1)*plotHeight }

// drawGrid draws the lines of the axis with their numbers, and the labels.
func (d *drawing) drawGrid(g grid) {
	for n := 0; ; n++ {
		value := float64(n) * g.step
		if value > g.top*1.001 {
			break
		}
		class := "grille"
		if n == 0 {
			class = "axe"
		}
		d.line(axisWidth, g.y(value), width, g.y(value), class)
		d.text(axisWidth-5, g.y(value)+fontSize/3, "end", "valeur", d.c.write(value))
	}
	for i, label := range d.c.Labels {
		if i%g.every == 0 {
			d.text(g.x(i), g.foot()+fontSize+4, "middle", "", label)
		}
	}
}
