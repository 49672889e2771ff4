// Package office reads the text of the files that citizens attach to their letters:
// DOCX, ODT, RTF, HTML and plain text.
//
// The bytes are hostile, and read in the daemon itself: so everything here is Go,
// streams, and holds no more than the text that it returns. The zip directory and the
// XML are read by readers of our own, because archive/zip keeps every entry of the
// directory in memory and refuses a file that was cut, and encoding/xml keeps a whole
// token, however long, and stops at the first fault.
//
// Nothing here fails for the sake of the bytes: there is always a Document, with the
// best text there is and Problems beside it. All functions are safe for concurrent use.
package office

import (
	"errors"
	"fmt"
	"io"

	"saisine.fr/saisine/ingest/message"
)

// Kind is what a file is, by its content.
type Kind string

// The kinds of files. KindOther holds no text for this package: a spreadsheet, an
// archive, an image.
const (
	KindDOCX  Kind = "docx"
	KindODT   Kind = "odt" // any OpenDocument file, flat ones too
	KindRTF   Kind = "rtf"
	KindHTML  Kind = "html"
	KindText  Kind = "text"
	KindDOC   Kind = "doc" // Word of before 2007, and other OLE files
	KindOther Kind = ""
)

// The codes of Problem.Code. They are stable: people script against them.
const (
	// ProblemEmpty: the file has no bytes.
	ProblemEmpty = "empty_file"
	// ProblemUnsupported: the file is of a kind that is not read.
	ProblemUnsupported = "unsupported_format"
	// ProblemUnreadable: nothing could be read, because the file is damaged.
	ProblemUnreadable = "unreadable_file"
	// ProblemDamaged: the file is damaged; what could be read is there.
	ProblemDamaged = "damaged_file"
	// ProblemEncrypted: the file is protected by a password.
	ProblemEncrypted = "encrypted"
	// ProblemOverLimit: a limit was met; what was read until then is there.
	ProblemOverLimit = "over_limit"
)

// Limits bound what is read. A zero value means the default in brackets.
type Limits struct {
	// Ratio is how many times larger than itself a compressed file may become [100].
	// Any file may become 1 MiB.
	Ratio int
	// Unpacked bounds the bytes that are unpacked, or read where nothing is packed, of
	// one file [64 MiB].
	Unpacked int64
	// Entries bounds the entries of an archive that are looked at [10,000].
	Entries int
	// Depth bounds the nesting of XML elements [500].
	Depth int
	// Text bounds the bytes of text [4 MiB].
	Text int
}

func (l Limits) withDefaults() Limits {
	if l.Ratio <= 0 {
		l.Ratio = 100
	}
	if l.Unpacked <= 0 {
		l.Unpacked = 64 << 20
	}
	if l.Entries <= 0 {
		l.Entries = 10_000
	}
	if l.Depth <= 0 {
		l.Depth = 500
	}
	if l.Text <= 0 {
		l.Text = 4 << 20
	}
	return l
}

// Problem is something that kept a file from being read in whole. Detail is French and
// meant for the clerk.
type Problem struct{ Code, Detail string }

// Document is what was read of one file.
type Document struct {
	Kind Kind
	// Text is valid UTF-8 without NUL or other control characters than line feed and
	// tab. A paragraph is a line, a table row a line with tabs between its cells.
	Text     string
	Problems []Problem
}

// errMachine wraps errors of the source: faults of this machine, not of the document.
var errMachine = errors.New("office: read file")

// Read reads a file of size bytes. Its error is only ever one of r: the same file is
// then worth another try. It takes time and memory within l whatever the bytes are.
func Read(r io.ReaderAt, size int64, l Limits) (Document, error) {
	p := &reading{src: &source{r: r}, size: size, lim: l.withDefaults()}
	if err := p.read(); err != nil {
		return Document{}, err
	}
	if err := p.src.err; err != nil {
		return Document{}, fmt.Errorf("%w: %w", errMachine, err)
	}
	return p.doc, nil
}

// source keeps the error of the machine apart from the faults of the bytes.
type source struct {
	r   io.ReaderAt
	err error
}

// ReadAt implements io.ReaderAt.
func (s *source) ReadAt(p []byte, off int64) (int, error) {
	n, err := s.r.ReadAt(p, off)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

// reading is one file on its way.
type reading struct {
	src  *source
	size int64
	lim  Limits
	doc  Document
}

// problem notes a problem, once for each code: what a clerk is told once is enough.
func (p *reading) problem(code, detail string) {
	for _, known := range p.doc.Problems {
		if known.Code == code {
			return
		}
	}
	p.doc.Problems = append(p.doc.Problems, Problem{code, detail})
}

func (p *reading) read() error {
	if p.size <= 0 {
		p.problem(ProblemEmpty, "Le fichier est vide.")
		return nil
	}
	head := make([]byte, min(p.size, sniffLen))
	n, err := p.src.ReadAt(head, 0)
	if n == 0 && err != nil {
		return fmt.Errorf("%w: %w", errMachine, err)
	}
	head = head[:n]
	switch k := sniff(head); k {
	case signatureZIP:
		p.archive()
	case signatureOLE:
		p.ole()
	case signatureXML:
		p.flat()
	case signatureRTF:
		p.doc.Kind = KindRTF
		text, cut := message.RTFText(p.whole(), p.lim.Text)
		p.doc.Text = text
		if cut {
			p.tooMuchText()
		}
	case signatureHTML:
		p.doc.Kind = KindHTML
		// Mark-up and styles are most of a page.
		p.doc.Text = message.HTMLText(p.prefix(4*int64(p.lim.Text)), p.lim.Text)
	case signatureText:
		p.doc.Kind = KindText
		p.doc.Text = message.PlainText(p.prefix(int64(p.lim.Text)))
	default:
		p.problem(ProblemUnsupported, "Ce type de fichier n’est pas lu. Envoyez de préférence un PDF ou un fichier DOCX.")
	}
	return nil
}

func (p *reading) tooMuchText() {
	p.problem(ProblemOverLimit, "Le texte est démesuré ; seul son début a été gardé.")
}

// whole returns the file up to what may be unpacked.
func (p *reading) whole() []byte { return p.prefix(p.lim.Unpacked) }

// prefix returns up to limit bytes of the file, and notes when there are more.
func (p *reading) prefix(limit int64) []byte {
	if p.size > limit {
		p.tooMuchText()
	}
	b := make([]byte, min(p.size, limit))
	n, _ := p.src.ReadAt(b, 0) // the source keeps its error; a short file is none
	return b[:n]
}

// take makes the text of a writer that of the document.
func (p *reading) take(w *writer) {
	p.doc.Text = w.String()
	if w.full {
		p.tooMuchText()
	}
}
