package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"codeberg.org/go-pdf/fpdf"
	"github.com/boombuler/barcode/qr"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/unicode/norm"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/notice"
)

// The sheet is a black and white A4 page, in millimetres: the title beside the first
// code, the service between two bars, and the instruction beside the second code.
const (
	sheetWidth, sheetHeight = 210.0, 297.0
	sheetMargin             = 12.0 // copiers leave up to 5 mm blank
	codeSize                = 78.0 // with its quiet zone
	gap                     = 8.0
	lineFactor              = 1.15 // line spacing
	barHeight               = 1.5

	columnWidth = sheetWidth - 2*sheetMargin - codeSize - gap // beside a code
	bandTop     = sheetMargin + codeSize + gap
	bandBottom  = sheetHeight - bandTop

	mmToPoint = 72 / 25.4
)

// quietModules is the blank margin around a QR code (ISO/IEC 18004 §6.3.8).
const quietModules = 4

// undated is the date in every file: the same call gives the same bytes. The library
// writes the current time where there is none.
var undated = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// writeSheets writes a PDF with one page for each separator.
func writeSheets(w io.Writer, separators []ingest.Separator) error {
	pdf := fpdf.New("P", "mm", "A4", "")
	pdf.SetCreationDate(undated)
	pdf.SetModificationDate(undated)
	pdf.SetCatalogSort(true)
	pdf.SetProducer("saisine", true)
	pdf.SetTitle("Feuilles de séparation", true)
	pdf.SetLang("fr-FR")
	pdf.SetAutoPageBreak(false, 0)
	for _, s := range separators {
		if err := addSheet(sheet{pdf}, s); err != nil {
			return err
		}
	}
	if err := pdf.Output(w); err != nil {
		return fmt.Errorf("separator sheet: %w", err)
	}
	return nil
}

// sheet draws on one page.
type sheet struct{ pdf *fpdf.Fpdf }

func addSheet(p sheet, s ingest.Separator) error {
	p.pdf.AddPage()
	for _, corner := range [][2]float64{
		{sheetMargin, sheetMargin},
		{sheetWidth - sheetMargin - codeSize, sheetHeight - sheetMargin - codeSize},
	} {
		if err := p.code(s.String(), corner[0], corner[1]); err != nil {
			return err
		}
	}
	right := box{sheetMargin + codeSize + gap, sheetMargin, columnWidth, codeSize}
	p.text("Feuille de séparation", "B", 36, right)

	p.bar(bandTop)
	p.bar(bandBottom - barHeight)
	band := box{sheetMargin, bandTop + barHeight + 5, sheetWidth - 2*sheetMargin, bandBottom - bandTop - 2*barHeight - 10}
	about := sheetDetails(s)
	if about != "" {
		const height = 13
		p.text(about, "", 22, box{band.x, band.y + band.h - height, band.w, height})
		band.h -= height
	}
	if s.Service == "" {
		p.text("Un nouveau courrier commence ici.", "B", 44, band)
	} else {
		const height = 12
		p.text("Le courrier qui suit est pour\u00a0:", "", 20, box{band.x, band.y, band.w, height})
		p.text(s.Service, "B", 60, box{band.x, band.y + height, band.w, band.h - height})
	}

	advice := "Posez cette feuille AVANT le courrier qu’elle annonce.\nElle n’est pas conservée."
	if s.Postmark.IsZero() {
		advice += "\nElle peut resservir."
	}
	p.text(advice, "", 20, box{sheetMargin, bandBottom + gap, columnWidth, codeSize})
	return nil
}

// sheetDetails is what the sheet says beside the service, for people.
func sheetDetails(s ingest.Separator) string {
	var details []string
	switch s.Channel {
	case ingest.ChannelCounter:
		details = append(details, "reçu au guichet")
	case ingest.ChannelScan:
		details = append(details, "reçu par courrier")
	}
	if !s.Postmark.IsZero() {
		details = append(details, "cachet du\u00a0"+notice.DayIn(s.Postmark, time.UTC).Date())
	}
	return strings.Join(details, " – ")
}

// code draws a QR code whose square, quiet zone included, has its upper left corner at
// x, y. Level H stands the loss of 30 % of the code.
func (p sheet) code(payload string, x, y float64) error {
	if err := drawCode(p.pdf, payload, qr.H, x, y, codeSize); err != nil {
		return fmt.Errorf("separator sheet: %w", err)
	}
	return nil
}

// drawCode draws a QR code whose square of that size, quiet zone included, has its upper left
// corner at x, y.
func drawCode(pdf *fpdf.Fpdf, payload string, level qr.ErrorCorrectionLevel, x, y, size float64) error {
	symbol, err := qr.Encode(payload, level, qr.Auto)
	if err != nil {
		return fmt.Errorf("QR code: %w", err)
	}
	n := symbol.Bounds().Dx()
	module := size / float64(n+2*quietModules)
	_, height := pdf.GetPageSize()
	// All modules are one path, filled at once: rectangles that are filled one by one
	// leave hairlines between them on screen and in some printers.
	var path strings.Builder
	for row := range n {
		for column := 0; column < n; {
			run := 0
			for column+run < n && isDark(symbol.At(column+run, row)) {
				run++
			}
			if run > 0 {
				left, top := x+float64(column+quietModules)*module, y+float64(row+quietModules)*module
				fmt.Fprintf(&path, "%.3f %.3f %.3f %.3f re\n", left*mmToPoint, (height-top)*mmToPoint,
					float64(run)*module*mmToPoint, -module*mmToPoint)
			}
			column += max(1, run)
		}
	}
	pdf.SetFillColor(0, 0, 0)
	pdf.RawWriteStr(path.String() + "f\n")
	return nil
}

func isDark(c interface{ RGBA() (r, g, b, a uint32) }) bool {
	r, _, _, _ := c.RGBA()
	return r < 0x8000
}

func (p sheet) bar(y float64) {
	p.pdf.SetFillColor(0, 0, 0)
	p.pdf.Rect(sheetMargin, y, sheetWidth-2*sheetMargin, barHeight, "F")
}

// box is a part of the page.
type box struct{ x, y, w, h float64 }

// text writes as large as the box permits, at most largest points, halfway down the box.
func (p sheet) text(text, style string, largest float64, b box) {
	const smallest = 8
	var lines []string
	size := largest
	for ; size > smallest; size-- {
		p.pdf.SetFont("Helvetica", style, size)
		var whole bool
		lines, whole = p.wrap(text, b.w)
		if whole && float64(len(lines))*p.lineHeight() <= b.h {
			break
		}
	}
	// The baseline of the first line lies an ascender (0.72 em) below the top.
	y := b.y + max(0, b.h-float64(len(lines))*p.lineHeight())/2 + 0.72*size/mmToPoint
	for i, line := range lines {
		p.pdf.Text(b.x, y+float64(i)*p.lineHeight(), line)
	}
}

func (p sheet) lineHeight() float64 {
	_, size := p.pdf.GetFontSize()
	return size * lineFactor
}

// wrap breaks text at its spaces and line feeds into lines in the encoding of the core
// fonts. A word longer than a line is broken anywhere, and whole is false then.
func (p sheet) wrap(text string, width float64) (lines []string, whole bool) {
	whole = true
	for paragraph := range strings.SplitSeq(inCoreFont(text), "\n") {
		line := ""
		for word := range strings.SplitSeq(paragraph, " ") {
			if longer := strings.TrimPrefix(line+" "+word, " "); p.pdf.GetStringWidth(longer) <= width {
				line = longer
				continue
			}
			if line != "" {
				lines = append(lines, line)
			}
			for p.pdf.GetStringWidth(word) > width && len(word) > 1 {
				whole = false
				cut := len(word) - 1
				for cut > 1 && p.pdf.GetStringWidth(word[:cut]) > width {
					cut--
				}
				lines = append(lines, word[:cut])
				word = word[cut:]
			}
			line = word
		}
		lines = append(lines, line)
	}
	return lines, whole
}

// inCoreFont encodes text for the fonts that every PDF reader has: windows-1252, which
// holds all of French (ISO 32000-1, annex D.1). What it lacks becomes a question mark;
// the code says it in full all the same.
func inCoreFont(text string) string {
	var b []byte
	// Files written on a Mac may hold letters and accents apart.
	for _, r := range norm.NFC.String(text) {
		switch r {
		case '\u202f', '\u2009': // narrow spaces
			r = '\u00a0'
		case '\u2011': // a hyphen that does not break
			r = '-'
		}
		c, ok := charmap.Windows1252.EncodeRune(r)
		if !ok || r < ' ' && r != '\n' {
			c = '?'
		}
		b = append(b, c)
	}
	return string(b)
}
