// Package spreadsheet writes tables for spreadsheets: CSV as RFC 4180 has it.
package spreadsheet

import (
	"encoding/csv"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Harmless keeps a spreadsheet from taking a text for a formula (OWASP, CSV injection): such a
// text gets an apostrophe before it. The wide forms of the signs count as well, since Excel
// takes them for the narrow ones.
func Harmless(cell string) string {
	first, _ := utf8.DecodeRuneInString(cell)
	if cell != "" && strings.ContainsRune("=+-@\t\r\n＝＋－＠", first) {
		return "'" + cell
	}
	return cell
}

// mark tells Excel that a file is UTF-8; it takes one without it for windows-1252.
const mark = "\ufeff"

// Separators that spreadsheets know. French ones await semicolons, since commas are their
// decimal signs.
const (
	Semicolon = ';'
	Comma     = ','
	Tab       = '\t'
)

// Writer writes a table line by line, each cell Harmless. It is used by one goroutine.
type Writer struct{ csv *csv.Writer }

// NewWriter begins a table. marked puts the mark of UTF-8 before it.
func NewWriter(w io.Writer, separator rune, marked bool) (*Writer, error) {
	if marked {
		if _, err := io.WriteString(w, mark); err != nil {
			return nil, fmt.Errorf("spreadsheet: %w", err)
		}
	}
	c := csv.NewWriter(w)
	c.Comma, c.UseCRLF = separator, true
	return &Writer{c}, nil
}

// Write writes a line.
func (w *Writer) Write(cells []string) error {
	line := make([]string, len(cells))
	for i, cell := range cells {
		line[i] = Harmless(cell)
	}
	if err := w.csv.Write(line); err != nil {
		return fmt.Errorf("spreadsheet: %w", err)
	}
	return nil
}

// Flush writes what is held back. It must end the table.
func (w *Writer) Flush() error {
	w.csv.Flush()
	if err := w.csv.Error(); err != nil {
		return fmt.Errorf("spreadsheet: %w", err)
	}
	return nil
}
