package notice

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"codeberg.org/go-pdf/fpdf"
)

// The page in millimetres. It is folded in three and shows its address in the window of a
// DL envelope: 100 × 35 mm, 20 mm from its right and its lower edge, 220 × 110 mm in all.
// The sheet has 10 mm of play in it either way, so the window is sure to show what lies
// from 100 to 190 across and from 55 to 79 down, and may show the 10 mm around.
const (
	paperWidth, paperHeight = 210.0, 297.0
	paperMargin             = 20.0
	bodyWidth               = paperWidth - 2*paperMargin

	addressX, addressY = 103.0, 56.0
	addressWidth       = 85.0
	addressPitch       = 3.8 // six lines within the window

	detailsY, detailsWidth = 57.0, 66.0
	dateY                  = 94.0
	bodyY                  = 103.0 // below the fold at 99
	nextBodyY              = 22.0
	bodyEnd                = 280.0
	footY                  = 287.0
	signatureX             = 120.0
	signatureSpace         = 12.0

	pointToMM = 25.4 / 72
)

// The sizes in points that are tried until a letter is one page; what then is still too
// long goes on at the last.
var paperSizes = []float64{11, 10.5, 10, 9.5, 9}

// undated is the date in the file of a letter without one: the library would write the
// current time.
var undated = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// PaperPDF writes the acknowledgement on paper, or an agent's answer, as A4, ready to print and
// to fold for a DL envelope with a window: one page, or more when the missing pieces or the
// agent's words fill it. The text is that of the letter's kind, the date is l.Today, the address that of l.Citizen. The same input
// gives the same bytes. The errors are those of Render; characters that the fonts lack
// become question marks.
func (t *Templates) PaperPDF(c Calendar, l Letter) ([]byte, error) {
	if l.Kind != LetterPaper && l.Kind != LetterReplyPaper {
		return nil, fmt.Errorf("notice: letter %q is not printed; only %q and %q are", l.Kind, LetterPaper, LetterReplyPaper)
	}
	if err := l.check(); err != nil {
		return nil, fmt.Errorf("notice: letter %q: %w", l.Kind, err)
	}
	v := newView(c, l)
	r, err := t.compose(l.Kind, v)
	if err != nil {
		return nil, fmt.Errorf("notice: letter %q: %w", l.Kind, err)
	}
	date := undated
	if !l.Today.IsZero() {
		date = l.Today.utc()
	}
	p := newPaper(r.Subject, date)
	p.head(v)
	pages := p.fit(r.Subject, r.Text)
	for i, lines := range pages {
		if i > 0 {
			p.pdf.AddPage()
		}
		p.draw(lines)
		p.foot(v, i+1, len(pages))
	}
	var b bytes.Buffer
	if err := errors.Join(p.pdf.Error(), p.pdf.Output(&b)); err != nil {
		return nil, fmt.Errorf("notice: letter as PDF: %w", err)
	}
	return b.Bytes(), nil
}

// paper draws a letter.
type paper struct{ pdf *fpdf.Fpdf }

func newPaper(title string, date time.Time) paper {
	pdf := fpdf.New("P", "mm", "A4", "")
	pdf.SetCreationDate(date)
	pdf.SetModificationDate(date)
	pdf.SetCatalogSort(true)
	pdf.SetProducer("saisine", true)
	pdf.SetTitle(title, true)
	pdf.SetLang("fr-FR")
	pdf.SetAutoPageBreak(false, 0)
	pdf.AddPage()
	return paper{pdf}
}

// head draws what stands above the fold: the letterhead, the details of the file, the
// address and the date.
func (p paper) head(v view) {
	y := p.column(paperMargin, 20, detailsWidth, 6, 15, "B", []string{v.TownHall}, 2)
	p.column(paperMargin, y, detailsWidth, 4, 9, "", reach(v.Town), 5)

	details := []string{"Nos références\u00a0: " + v.Reference}
	if v.Number != "" {
		details = append(details, "Courrier départ n°\u00a0"+v.Number)
	}
	details = append(details, v.Service.Name)
	if v.Officer.Name != "" {
		details = append(append(details, "Dossier suivi par\u00a0: "+v.Officer.Name), reach(v.Officer)...)
	}
	p.column(paperMargin, detailsY, detailsWidth, 4, 9, "", details, 10)

	p.address(append([]string{v.Citizen.Name}, v.Citizen.Lines...))

	if v.Today != "" {
		p.pdf.SetFont("Helvetica", "", 10)
		date := inCoreFont("Le " + v.Today)
		p.pdf.Text(paperWidth-paperMargin-p.pdf.GetStringWidth(date), dateY, date)
	}
	p.pdf.SetLineWidth(0.1)
	for _, fold := range []float64{paperHeight / 3, paperHeight * 2 / 3} {
		p.pdf.Line(4, fold, 8, fold)
	}
}

// reach are the lines by which somebody is reached.
func reach(c contactView) []string {
	lines := slices.Clone(c.Lines)
	if c.Phone != "" {
		lines = append(lines, "Téléphone\u00a0: "+c.Phone)
	}
	if c.Email != "" {
		lines = append(lines, c.Email)
	}
	return lines
}

// column writes paragraphs under each other, at most so many lines in all, and returns
// where the next would stand.
func (p paper) column(x, y, width, pitch, size float64, style string, paragraphs []string, limit int) float64 {
	p.pdf.SetFont("Helvetica", style, size)
	for _, text := range paragraphs {
		for _, line := range p.wrap(text, width) {
			if limit == 0 {
				return y
			}
			p.pdf.Text(x, y, line)
			y += pitch
			limit--
		}
	}
	return y
}

// address writes the lines of the window. One that is too long gets smaller letters, then
// is cut: beside the window nobody could read it.
func (p paper) address(lines []string) {
	for i, line := range lines {
		size := 10.0
		text := inCoreFont(line)
		p.pdf.SetFont("Helvetica", "", size)
		for ; size > 7 && p.pdf.GetStringWidth(text) > addressWidth; size-- {
			p.pdf.SetFont("Helvetica", "", size)
		}
		for len(text) > 0 && p.pdf.GetStringWidth(text) > addressWidth {
			text = text[:len(text)-1]
		}
		p.pdf.Text(addressX, addressY+float64(i)*addressPitch+addressPitch*0.75, text)
	}
}

// foot writes the town under a page, and the number of the page where there are several.
func (p paper) foot(v view, page, pages int) {
	p.pdf.SetFont("Helvetica", "", 8)
	p.pdf.SetLineWidth(0.2)
	p.pdf.Line(paperMargin, footY-4.5, paperWidth-paperMargin, footY-4.5)
	var parts []string
	for _, s := range []string{v.TownHall, v.Town.Address, v.Town.Phone, v.TownURL} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	for i, line := range p.wrap(strings.Join(parts, " – "), bodyWidth) {
		if i < 2 {
			p.pdf.Text((paperWidth-p.pdf.GetStringWidth(line))/2, footY+float64(i)*3.4, line)
		}
	}
	if pages > 1 {
		number := fmt.Sprintf("%s – page %d/%d", v.Reference, page, pages)
		number = inCoreFont(number)
		p.pdf.Text(paperWidth-paperMargin-p.pdf.GetStringWidth(number), footY-6, number)
	}
}
