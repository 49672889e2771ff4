package main

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// csvForm is how a file of lines is written.
type csvForm struct {
	Encoding  string // UTF-8, UTF-16 or windows-1252
	Separator rune
	skip      int64 // bytes before the text: a mark
}

const (
	encodingUTF8    = "UTF-8"
	encodingUTF16   = "UTF-16"
	encodingWindows = "windows-1252"
)

// csvRecordMax bounds a record in bytes, and csvFieldsMax its fields: a quote that is never
// closed must not swallow the rest of the file.
const (
	csvRecordMax = 1 << 20
	csvFieldsMax = 1000
)

var errCSVRecord = errors.New("a line is longer than 1 MiB: is a quotation mark open before it?")

// sniffCSV finds out how a file is written; the whole file is read for it, since what is no
// UTF-8 may come late. It leaves f anywhere.
func sniffCSV(f io.ReadSeeker) (csvForm, error) {
	form := csvForm{Encoding: encodingUTF8, Separator: ';'}
	br := bufio.NewReaderSize(f, mboxBuffer)
	head, err := br.Peek(3)
	if err != nil && !errors.Is(err, io.EOF) {
		return form, err
	}
	switch {
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")):
		form.skip = 3
	case bytes.HasPrefix(head, []byte("\xff\xfe")), bytes.HasPrefix(head, []byte("\xfe\xff")):
		form.Encoding = encodingUTF16
	}
	if form.Encoding == encodingUTF8 && form.skip == 0 {
		valid, err := validUTF8(br)
		if err != nil {
			return form, err
		}
		if !valid {
			form.Encoding = encodingWindows // what Excel writes in France
		}
	}
	text, err := form.text(f)
	if err != nil {
		return form, err
	}
	line, err := bufio.NewReaderSize(text, mboxBuffer).ReadSlice('\n')
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
		return form, err
	}
	form.Separator = separatorOf(string(line))
	return form, nil
}

func validUTF8(r io.Reader) (bool, error) {
	// A decoder that refuses what is no UTF-8, and copes with runes cut by the buffer.
	_, err := io.Copy(io.Discard, transform.NewReader(r, unicodeValidator))
	if errors.Is(err, errInvalidUTF8) {
		return false, nil
	}
	return true, err
}

// text is the file's text in UTF-8, from its beginning.
func (c csvForm) text(f io.ReadSeeker) (io.Reader, error) {
	if _, err := f.Seek(c.skip, io.SeekStart); err != nil {
		return nil, err
	}
	switch c.Encoding {
	case encodingUTF16:
		return transform.NewReader(f, unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewDecoder()), nil
	case encodingWindows:
		return transform.NewReader(f, charmap.Windows1252.NewDecoder()), nil
	}
	return f, nil
}

var errInvalidUTF8 = errors.New("no UTF-8")

// unicodeValidator passes UTF-8 on and fails on anything else.
var unicodeValidator transform.Transformer = validator{}

type validator struct{ transform.NopResetter }

func (validator) Transform(dst, src []byte, atEOF bool) (nDst, nSrc int, err error) {
	for nSrc < len(src) {
		if !utf8.FullRune(src[nSrc:]) && !atEOF {
			return nDst, nSrc, transform.ErrShortSrc
		}
		r, n := utf8.DecodeRune(src[nSrc:])
		if r == utf8.RuneError && n <= 1 {
			return nDst, nSrc, errInvalidUTF8
		}
		if nDst+n > len(dst) {
			return nDst, nSrc, transform.ErrShortDst
		}
		copy(dst[nDst:], src[nSrc:nSrc+n])
		nDst, nSrc = nDst+n, nSrc+n
	}
	return nDst, nSrc, nil
}

// separatorOf is the separator that stands most often outside quotation marks in the first
// line; a line "sep=;" says it itself (Excel).
func separatorOf(line string) rune {
	if rest, ok := strings.CutPrefix(strings.ToLower(strings.TrimRight(line, "\r\n")), "sep="); ok && len(rest) == 1 {
		return rune(rest[0])
	}
	counts := map[rune]int{}
	quoted := false
	for _, r := range line {
		if r == '"' {
			quoted = !quoted
		} else if !quoted {
			counts[r]++
		}
	}
	best := ';'
	for _, r := range ",\t" {
		if counts[r] > counts[best] {
			best = r
		}
	}
	return best
}

// csvLine is one record.
type csvLine struct {
	number int // of the line in the file on which it begins
	cells  []string
	err    error // of this record only; the next one may be good
}

// csvReader reads the records of a file after its header.
type csvReader struct {
	form   csvForm
	header []string
	r      *csv.Reader
	guard  *recordGuard
	last   int // the line on which the last record began
}

// openCSV reads the header of a file of lines. f stays the caller's.
func openCSV(f *os.File, form csvForm, in func(io.Reader) io.Reader) (*csvReader, error) {
	text, err := form.text(f)
	if err != nil {
		return nil, err
	}
	return newCSVReader(in(text), form)
}

func newCSVReader(text io.Reader, form csvForm) (*csvReader, error) {
	guard := &recordGuard{r: text, left: csvRecordMax}
	r := csv.NewReader(guard)
	// Lazy: other programs leave the quotation marks of a text as they are.
	r.Comma, r.FieldsPerRecord, r.LazyQuotes, r.ReuseRecord = form.Separator, -1, true, false
	if !validSeparator(form.Separator) {
		return nil, fmt.Errorf("%q is no separator", form.Separator)
	}
	c := &csvReader{form: form, r: r, guard: guard}
	for {
		line, err := c.next()
		switch {
		case errors.Is(err, io.EOF):
			return nil, errors.New("the file is empty: its first line must name the columns")
		case err != nil:
			return nil, err
		case line.err != nil:
			return nil, line.err
		case line.number == 1 && strings.HasPrefix(strings.ToLower(line.cells[0]), "sep"+"="):
			continue
		}
		c.header = line.cells
		return c, nil
	}
}

func validSeparator(r rune) bool {
	return r != 0 && r != '"' && r != '\r' && r != '\n' && utf8.ValidRune(r) && r != utf8.RuneError
}

// next returns the next record that is not empty; io.EOF after the last.
func (c *csvReader) next() (csvLine, error) {
	for {
		c.guard.left = csvRecordMax
		cells, err := c.r.Read()
		var bad *csv.ParseError
		switch {
		case errors.As(err, &bad):
			return csvLine{number: bad.StartLine, err: fmt.Errorf("column %d: %w", bad.Column, bad.Err)}, nil
		case err != nil:
			return csvLine{number: c.last + 1}, err
		}
		line := csvLine{cells: cells}
		line.number, _ = c.r.FieldPos(0)
		c.last = line.number
		if isEmptyRecord(cells) {
			continue
		}
		line.err = c.check(line)
		return line, nil
	}
}

func isEmptyRecord(cells []string) bool {
	for _, cell := range cells {
		if strings.TrimSpace(cell) != "" {
			return false
		}
	}
	return true
}

// check holds a record against the header.
func (c *csvReader) check(line csvLine) error {
	n := len(line.cells)
	if n > csvFieldsMax {
		return fmt.Errorf("it has %d columns, more than %d", n, csvFieldsMax)
	}
	if c.header == nil {
		return nil
	}
	if n > len(c.header) && !isEmptyRecord(line.cells[len(c.header):]) {
		return fmt.Errorf("it has %d columns, and the first line %d: is a separator within a text that is not in quotation marks?", n, len(c.header))
	}
	// Programs leave out the empty columns at the end; a record that goes over several lines
	// and is short has swallowed them.
	if n < len(c.header) && strings.Contains(strings.Join(line.cells, ""), "\n") {
		return fmt.Errorf("it has %d columns, and the first line %d: is a quotation mark not closed?", n, len(c.header))
	}
	return nil
}

// recordGuard ends a record that does not end.
type recordGuard struct {
	r    io.Reader
	left int
}

func (g *recordGuard) Read(b []byte) (int, error) {
	if g.left <= 0 {
		return 0, errCSVRecord
	}
	n, err := g.r.Read(b)
	g.left -= n
	return n, err
}
