package notice

import "strings"

// paperLine is a line of the body in the encoding of the fonts. gap is the space above it,
// in lines; keep holds it on one page with the line after it.
type paperLine struct {
	text, style  string
	x, size, gap float64
	keep         bool
}

func (l paperLine) height() float64 { return l.size * 1.22 * pointToMM }

func (l paperLine) space() float64 { return l.gap * l.height() }

// dash begins an item.
const dash = "–\u00a0"

// fit sets the body as large as one page permits, else on several.
func (p paper) fit(subject, text string) [][]paperLine {
	var pages [][]paperLine
	for _, size := range paperSizes {
		pages = paginate(p.set(subject, text, size))
		if len(pages) == 1 {
			break
		}
	}
	return pages
}

// set breaks a text into lines of a size. An empty line parts paragraphs, "- " begins an
// item, two spaces go on with it, and a line with dashes below it is a heading. The last paragraph is the signature.
func (p paper) set(subject, text string, size float64) []paperLine {
	lines := p.lines("Objet\u00a0: "+subject, "B", paperMargin, bodyWidth, size)
	paragraphs := strings.Split(text, "\n\n")
	for i, paragraph := range paragraphs {
		if i > 0 && i == len(paragraphs)-1 {
			lines[len(lines)-1].keep = true // no signature alone on a page
			lines = append(lines, p.signature(paragraph, size)...)
			break
		}
		lines = append(lines, p.paragraph(paragraph, size)...)
	}
	return lines
}

func (p paper) paragraph(paragraph string, size float64) []paperLine {
	var out []paperLine
	gap := 0.6
	rows := strings.Split(paragraph, "\n")
	for i, row := range rows {
		if isRule(row) && i > 0 {
			continue
		}
		style, x, keep := "", paperMargin, false
		switch {
		case i+1 < len(rows) && isRule(rows[i+1]):
			style, keep, gap = "B", true, 0.9
		case strings.HasPrefix(row, "- "):
			row, x = dash+row[2:], paperMargin+3
		case strings.HasPrefix(row, "  "):
			row, x = strings.TrimLeft(row, " "), paperMargin+3
		}
		lines := p.lines(row, style, x, paperWidth-paperMargin-x, size)
		if x > paperMargin { // what follows the dash stands under its text
			for j := range lines {
				if j > 0 || !strings.HasPrefix(row, dash) {
					lines[j].x += p.pdf.GetStringWidth(inCoreFont(dash))
				}
			}
		}
		lines[0].gap, gap = gap, 0.05
		lines[len(lines)-1].keep = keep
		out = append(out, lines...)
	}
	return out
}

// signature stands on the right, with room for a pen below.
func (p paper) signature(paragraph string, size float64) []paperLine {
	var out []paperLine
	for row := range strings.SplitSeq(paragraph, "\n") {
		out = append(out, p.lines(row, "", signatureX, paperWidth-paperMargin-signatureX, size)...)
	}
	for i := range out {
		out[i].keep = true
	}
	out[0].gap = 1
	pen := paperLine{size: size}
	pen.gap = signatureSpace/pen.height() - 1
	return append(out, pen)
}

// isRule reports whether a line is the underline of a heading.
func isRule(s string) bool { return len(s) > 2 && strings.Trim(s, "-") == "" }

// lines breaks one paragraph.
func (p paper) lines(text, style string, x, width, size float64) []paperLine {
	p.pdf.SetFont("Helvetica", style, size)
	wrapped := p.wrap(text, width-3) // room for the hanging indent
	out := make([]paperLine, len(wrapped))
	for i, line := range wrapped {
		out[i] = paperLine{text: line, style: style, x: x, size: size}
	}
	return out
}

// wrap breaks text at its spaces into lines in the encoding of the fonts, at least one; a
// word that is longer than a line is broken anywhere.
func (p paper) wrap(text string, width float64) []string {
	var lines []string
	line := ""
	for word := range strings.SplitSeq(inCoreFont(text), " ") {
		if longer := strings.TrimPrefix(line+" "+word, " "); p.pdf.GetStringWidth(longer) <= width {
			line = longer
			continue
		}
		if line != "" {
			lines = append(lines, line)
		}
		for len(word) > 1 && p.pdf.GetStringWidth(word) > width {
			cut := 1
			for p.pdf.GetStringWidth(word[:cut+1]) <= width {
				cut++
			}
			lines = append(lines, word[:cut])
			word = word[cut:]
		}
		line = word
	}
	return append(lines, line)
}

// paginate parts lines into pages. Lines that are kept with the next move with it, unless
// they would fill a page.
func paginate(lines []paperLine) [][]paperLine {
	pages := [][]paperLine{nil}
	y := bodyY
	for len(lines) > 0 {
		block := 1
		for block < len(lines) && lines[block-1].keep {
			block++
		}
		height := 0.0
		for _, l := range lines[:block] {
			height += l.space() + l.height()
		}
		last := len(pages) - 1
		if y+height > bodyEnd && len(pages[last]) > 0 {
			pages, y = append(pages, nil), nextBodyY
			last++
		}
		pages[last] = append(pages[last], lines[:block]...)
		y += height
		lines = lines[block:]
	}
	return pages
}

// draw writes the lines on the current page.
func (p paper) draw(lines []paperLine) {
	y := bodyY
	if p.pdf.PageNo() > 1 {
		y = nextBodyY
	}
	for _, l := range lines {
		y += l.space()
		p.pdf.SetFont("Helvetica", l.style, l.size)
		p.pdf.Text(l.x, y, l.text)
		y += l.height()
	}
}
