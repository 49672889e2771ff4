package samplescan

import (
	"bytes"
	"fmt"
	"image"
	"strings"

	"golang.org/x/text/encoding/charmap"
)

// pdf writes the few objects of ISO 32000-1 that a plain file needs: 1 is the catalogue,
// 2 the page tree, 3 the font.
type pdf struct {
	buf     bytes.Buffer
	offsets []int
	pages   []int
}

func newPDF() *pdf {
	p := &pdf{offsets: make([]int, 4)} // 0 is unused; 1 to 3 are written by finish
	p.buf.WriteString("%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
	return p
}

func (p *pdf) begin(number int) {
	p.offsets[number] = p.buf.Len()
	fmt.Fprintf(&p.buf, "%d 0 obj\n", number)
}

// add writes a new object, with a stream if there is one, and returns its number.
func (p *pdf) add(dict string, stream []byte) int {
	p.offsets = append(p.offsets, 0)
	n := len(p.offsets) - 1
	p.begin(n)
	if stream == nil {
		fmt.Fprintf(&p.buf, "<<%s>>\nendobj\n", dict)
		return n
	}
	fmt.Fprintf(&p.buf, "<<%s /Length %d>>\nstream\n", dict, len(stream))
	p.buf.Write(stream)
	p.buf.WriteString("\nendstream\nendobj\n")
	return n
}

func (p *pdf) page(width, height float64, resources, content string) {
	c := p.add("", []byte(content))
	p.pages = append(p.pages, p.add(fmt.Sprintf("/Type /Page /Parent 2 0 R /MediaBox [0 0 %.2f %.2f] /Resources <<%s>> /Contents %d 0 R",
		width, height, resources, c), nil))
}

func (p *pdf) imagePage(jpeg []byte, size image.Rectangle, dpi int) {
	w, h := float64(size.Dx())/float64(dpi)*72, float64(size.Dy())/float64(dpi)*72
	n := p.add(fmt.Sprintf("/Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace /DeviceGray /BitsPerComponent 8 /Filter /DCTDecode",
		size.Dx(), size.Dy()), jpeg)
	p.page(w, h, fmt.Sprintf("/XObject <</I %d 0 R>>", n), fmt.Sprintf("q %.2f 0 0 %.2f 0 0 cm /I Do Q", w, h))
}

const (
	pointSize   = 11.0
	lineLength  = 88 // characters; Helvetica is proportional, this fits in any case
	lineSpacing = 14.5
)

func (p *pdf) textPage(text string) error {
	var c strings.Builder
	fmt.Fprintf(&c, "BT /F %.0f Tf %.1f TL 64 770 Td\n", pointSize, lineSpacing)
	escape := strings.NewReplacer(`\`, `\\`, `(`, `\(`, `)`, `\)`)
	for _, line := range fold(text, func(s string) bool { return len([]rune(s)) <= lineLength }) {
		b, err := charmap.Windows1252.NewEncoder().String(line)
		if err != nil {
			return fmt.Errorf("samplescan: not in WinAnsi: %w", err)
		}
		fmt.Fprintf(&c, "(%s) Tj T*\n", escape.Replace(b))
	}
	c.WriteString("ET")
	p.page(a4Width*72, a4Height*72, "/Font <</F 3 0 R>>", c.String())
	return nil
}

func (p *pdf) finish() []byte {
	p.begin(1)
	p.buf.WriteString("<</Type /Catalog /Pages 2 0 R>>\nendobj\n")
	p.begin(2)
	kids := make([]string, len(p.pages))
	for i, n := range p.pages {
		kids[i] = fmt.Sprintf("%d 0 R", n)
	}
	fmt.Fprintf(&p.buf, "<</Type /Pages /Count %d /Kids [%s]>>\nendobj\n", len(kids), strings.Join(kids, " "))
	p.begin(3)
	p.buf.WriteString("<</Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding>>\nendobj\n")
	xref := p.buf.Len()
	fmt.Fprintf(&p.buf, "xref\n0 %d\n0000000000 65535 f \n", len(p.offsets))
	for _, o := range p.offsets[1:] {
		fmt.Fprintf(&p.buf, "%010d 00000 n \n", o)
	}
	fmt.Fprintf(&p.buf, "trailer\n<</Size %d /Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n", len(p.offsets), xref)
	return p.buf.Bytes()
}
