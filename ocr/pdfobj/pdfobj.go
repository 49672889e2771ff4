// Package pdfobj writes the few kinds of PDF object (ISO 32000-1, 7.3 and 7.5) that the
// pages of a searchable copy are made of. It reads nothing.
//
// The kept Go libraries for PDF either write whole documents with visible text or edit
// existing files in memory; what is needed here is a page tree, streams and a table of
// offsets.
package pdfobj

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// Ref is the number of an object.
type Ref int

// String is the reference as it stands in a dictionary.
func (r Ref) String() string { return strconv.Itoa(int(r)) + " 0 R" }

// Writer writes a PDF file object by object. The first error sticks and comes back from
// Close. It is not safe for concurrent use.
type Writer struct {
	w       io.Writer
	at      int64
	offsets []int64 // of each object, 0 while it is only reserved
	pages   []Ref
	tree    Ref
	err     error
}

// NewWriter begins a file of PDF 1.5, the first version with all that is used here.
func NewWriter(w io.Writer) *Writer {
	p := &Writer{w: w, offsets: make([]int64, 1)} // object 0 heads the list of free ones
	// Four bytes above 127 tell transfer programs that the file is binary (7.5.2).
	p.printf("%%PDF-1.5\n%%\xe2\xe3\xcf\xd3\n")
	p.tree = p.Reserve()
	return p
}

func (p *Writer) write(b []byte) {
	if p.err != nil {
		return
	}
	n, err := p.w.Write(b)
	p.at += int64(n)
	if err != nil {
		p.err = fmt.Errorf("pdfobj: write: %w", err)
	}
}

func (p *Writer) printf(format string, args ...any) { p.write(fmt.Appendf(nil, format, args...)) }

// Reserve gives an object its number; it must be written before Close.
func (p *Writer) Reserve() Ref {
	p.offsets = append(p.offsets, 0)
	return Ref(len(p.offsets) - 1)
}

func (p *Writer) begin(r Ref) {
	p.offsets[r] = p.at
	p.printf("%d 0 obj\n", int(r))
}

// Set writes a reserved object, which is any PDF value.
func (p *Writer) Set(r Ref, value string) {
	p.begin(r)
	p.printf("%s\nendobj\n", value)
}

// Add writes a new object.
func (p *Writer) Add(value string) Ref {
	r := p.Reserve()
	p.Set(r, value)
	return r
}

// Stream writes a stream as it is. dict holds its entries but for the length.
func (p *Writer) Stream(dict string, data []byte) Ref {
	r := p.Reserve()
	p.begin(r)
	p.printf("<<%s /Length %d>>\nstream\n", dict, len(data))
	p.write(data)
	p.printf("\nendstream\nendobj\n")
	return r
}

// Flate writes a stream compressed. dict holds its entries but for length and filter.
func (p *Writer) Flate(dict string, data []byte) Ref {
	var buf bytes.Buffer
	z := zlib.NewWriter(&buf)
	// A bytes.Buffer takes everything.
	_, _ = z.Write(data)
	_ = z.Close()
	return p.Stream(dict+" /Filter /FlateDecode", buf.Bytes())
}

// Page adds a page. box is its MediaBox; resources and content are what they say, the
// first without its brackets.
func (p *Writer) Page(box [4]float64, resources string, content []byte) {
	c := p.Flate("", content)
	p.pages = append(p.pages, p.Add(fmt.Sprintf("<</Type /Page /Parent %s /MediaBox [%s %s %s %s] /Resources <<%s>> /Contents %s>>",
		p.tree, Number(box[0]), Number(box[1]), Number(box[2]), Number(box[3]), resources, c)))
}

// Close writes page tree, catalogue and table of offsets. It does not close the writer
// below.
func (p *Writer) Close() error {
	kids := make([]string, len(p.pages))
	for i, r := range p.pages {
		kids[i] = r.String()
	}
	p.Set(p.tree, fmt.Sprintf("<</Type /Pages /Count %d /Kids [%s]>>", len(kids), strings.Join(kids, " ")))
	root := p.Add(fmt.Sprintf("<</Type /Catalog /Pages %s>>", p.tree))
	table := p.at
	// Each entry has 20 bytes with its end of line (7.5.4).
	p.printf("xref\n0 %d\n0000000000 65535 f \n", len(p.offsets))
	for _, at := range p.offsets[1:] {
		p.printf("%010d 00000 n \n", at)
	}
	p.printf("trailer\n<</Size %d /Root %s>>\nstartxref\n%d\n%%%%EOF\n", len(p.offsets), root, table)
	return p.err
}

// largest is the largest real number that every reader takes (ISO 32000-1, Annex C).
const largest = 3.403e38

// Number writes a real number: PDF knows no exponents. What is no number becomes 0.
func Number(v float64) string {
	if math.IsNaN(v) {
		v = 0
	}
	v = math.Max(-largest, math.Min(largest, v))
	s := strconv.FormatFloat(v, 'f', 5, 64)
	s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	if s == "" || s == "-" || s == "-0" {
		return "0"
	}
	return s
}
