package notice

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"codeberg.org/go-pdf/fpdf"
)

// The page of a table in millimetres: A4 across.
const (
	tableWidth, tableHeight = 297.0, 210.0
	tableMargin             = 12.0
	tableTop, tableEnd      = 12.0, 198.0
	tablePitch              = 3.7
	tablePad                = 1.2
	tableSize               = 8.0 // points
	tableLines              = 8   // of a cell at most
)

// MaxTableRows bounds a printed table: all pages are held until the last is known.
const MaxTableRows = 20_000

// ErrTableTooLong means that a table has more rows than are printed.
var ErrTableTooLong = errors.New("notice: the table is too long to be printed")

// Table is a list to be printed, such as a register of mail.
type Table struct {
	// Town is the commune, Title what the table is, Period of when.
	Town, Title, Period string
	// Printed is when; it is written on each page.
	Printed string
	Date    time.Time // of the file
	// Empty is what stands there when there are no rows.
	Empty   string
	Columns []TableColumn
	// Rows calls f for each row, which has a text for each column and may be foreign.
	Rows func(f func([]string) error) error
}

// TableColumn is a column; Width is its share of the page's.
type TableColumn struct {
	Title string
	Width float64
}

// WritePDF prints a table: A4 across, the head on every page, the pages numbered, long cells
// wrapped. Nothing is written before all rows have been read. The same input gives the same
// bytes. The error wraps ErrTableTooLong for more than MaxTableRows rows, and is that of Rows
// where that one fails.
func (t Table) WritePDF(w io.Writer) error {
	p := newTablePage(t)
	p.page()
	rows := 0
	err := t.Rows(func(cells []string) error {
		if rows++; rows > MaxTableRows {
			return ErrTableTooLong
		}
		p.row(cells, rows%2 == 0)
		return nil
	})
	if err != nil {
		return err
	}
	if rows == 0 {
		p.pdf.SetFont("Helvetica", "", 10)
		p.pdf.Text(tableMargin, p.y+6, inCoreFont(clean(t.Empty, maxSubject)))
	}
	if err := errors.Join(p.pdf.Error(), p.pdf.Output(w)); err != nil {
		return fmt.Errorf("notice: table as PDF: %w", err)
	}
	return nil
}

// tablePage draws a table.
type tablePage struct {
	pdf    *fpdf.Fpdf
	table  Table
	widths []float64
	y      float64
}

// totalPages is replaced by the number of pages, once that is known.
const totalPages = "{nb}"

func newTablePage(t Table) *tablePage {
	pdf := fpdf.New("L", "mm", "A4", "")
	date := t.Date
	if date.IsZero() {
		date = undated
	}
	pdf.SetCreationDate(date)
	pdf.SetModificationDate(date)
	pdf.SetCatalogSort(true)
	pdf.SetProducer("saisine", true)
	pdf.SetTitle(clean(t.Title+" – "+t.Period, maxSubject), true)
	pdf.SetLang("fr-FR")
	pdf.SetAutoPageBreak(false, 0)
	pdf.AliasNbPages(totalPages)
	p := &tablePage{pdf: pdf, table: t}
	sum := 0.0
	for _, c := range t.Columns {
		sum += c.Width
	}
	for _, c := range t.Columns {
		p.widths = append(p.widths, c.Width*(tableWidth-2*tableMargin)/sum)
	}
	return p
}

// page begins a page: the title, the heads of the columns, the foot.
func (p *tablePage) page() {
	p.pdf.AddPage()
	p.pdf.SetTextColor(0, 0, 0)
	p.pdf.SetFont("Helvetica", "B", 12)
	p.pdf.Text(tableMargin, tableTop+3, inCoreFont(TownHall(clean(p.table.Town, maxName))+" – "+clean(p.table.Title, maxName)))
	p.pdf.SetFont("Helvetica", "", 10)
	period := inCoreFont(clean(p.table.Period, maxName))
	p.pdf.Text(tableWidth-tableMargin-p.pdf.GetStringWidth(period), tableTop+3, period)

	p.pdf.SetFont("Helvetica", "", 8)
	p.pdf.Text(tableMargin, tableEnd+5, inCoreFont(clean(p.table.Printed, maxName)))
	// The number of pages is shorter than what stands for it: right enough.
	number := fmt.Sprintf("page %d/%s", p.pdf.PageNo(), totalPages)
	p.pdf.Text(tableWidth-tableMargin-p.pdf.GetStringWidth("page 0000/0000"), tableEnd+5, number)

	p.y = tableTop + 7
	p.pdf.SetFont("Helvetica", "B", tableSize)
	p.pdf.SetFillColor(225, 225, 225)
	titles := make([]string, len(p.table.Columns))
	for i, c := range p.table.Columns {
		titles[i] = c.Title
	}
	p.draw(p.cells(titles), true)
	p.pdf.SetFont("Helvetica", "", tableSize)
	p.pdf.SetFillColor(245, 245, 245)
}

// row draws a row, on a new page where there is no room.
func (p *tablePage) row(texts []string, shaded bool) {
	cells := p.cells(texts)
	if p.y+height(cells) > tableEnd {
		p.page()
	}
	p.draw(cells, shaded)
}

// cells breaks texts into the lines of their columns.
func (p *tablePage) cells(texts []string) [][]string {
	out := make([][]string, len(p.widths))
	letter := paper{p.pdf}
	for i := range p.widths {
		if i >= len(texts) {
			continue
		}
		lines := letter.wrap(clean(texts[i], maxNote), p.widths[i]-2*tablePad)
		if len(lines) > tableLines {
			lines = lines[:tableLines]
			lines[tableLines-1] = strings.TrimRight(cut(p.pdf, lines[tableLines-1], p.widths[i]-2*tablePad-3), " ") + inCoreFont("…")
		}
		out[i] = lines
	}
	return out
}

// cut shortens a line that is encoded already.
func cut(pdf *fpdf.Fpdf, line string, width float64) string {
	for len(line) > 0 && pdf.GetStringWidth(line) > width {
		line = line[:len(line)-1]
	}
	return line
}

func height(cells [][]string) float64 {
	lines := 1
	for _, c := range cells {
		lines = max(lines, len(c))
	}
	return float64(lines)*tablePitch + 2*tablePad
}

func (p *tablePage) draw(cells [][]string, shaded bool) {
	h := height(cells)
	p.pdf.SetDrawColor(150, 150, 150)
	p.pdf.SetLineWidth(0.15)
	style := "D"
	if shaded {
		style = "FD"
	}
	x := tableMargin
	for i, lines := range cells {
		p.pdf.Rect(x, p.y, p.widths[i], h, style)
		for n, line := range lines {
			p.pdf.Text(x+tablePad, p.y+tablePad+float64(n)*tablePitch+tablePitch*0.78, line)
		}
		x += p.widths[i]
	}
	p.y += h
}
