// Package ocr reads the text of scans: PDF by its text layer where that is sound, and
// by recognition page by page otherwise; TIFF, JPEG and PNG by recognition.
//
// The bytes are hostile. The daemon never decodes them: that happens in child
// processes of the same binary (package ocr/child), each with limits, a session and a
// temporary folder of its own. A child is handed one document at a time and reaches
// nothing else: no other file of the daemon, no network, no other process (package
// ocr/sandbox). A child that crashes, hangs or is killed costs one page one retry.
//
// The rooms below: wire is the protocol between daemon and child; child is the child;
// sandbox takes from it what it does not need; confine bounds the programs that it starts;
// poppler runs the programs for PDF; leptonica binds the image library; prepare makes
// a page readable; tesseract recognises; barcode finds what separator sheets say;
// samplescan makes sample letters.
package ocr

import (
	"errors"
	"io"
	"log/slog"
	"runtime"
	"time"

	"saisine.fr/saisine/ocr/child"
	"saisine.fr/saisine/ocr/wire"
)

// The values of Page.Source.
const (
	SourceTextLayer = child.SourceTextLayer
	SourceOCR       = child.SourceOCR
	SourceBlank     = child.SourceBlank
)

// SheetWords is up to how many words a page may be a separator sheet: one with more is a
// page of a letter.
const SheetWords = child.SheetWords

// Codes of the problems that the package reports.
const (
	ProblemEmpty           = "empty_file"
	ProblemUnsupported     = "unsupported_format"
	ProblemUnreadable      = "unreadable_file"
	ProblemEncrypted       = "encrypted"
	ProblemXFA             = "xfa_form"
	ProblemOverLimit       = "over_limit"
	ProblemTooManyPages    = "too_many_pages"
	ProblemTooManyPixels   = "too_many_pixels"
	ProblemPageFailed      = "page_failed"
	ProblemDocumentTimeout = "document_timeout"
	// ProblemDamagedImage means that parts of a page's image are lost. The rest was read,
	// and the page is unsure.
	ProblemDamagedImage = "damaged_image"
	// ProblemUnsure names the pages with Page.Unsure.
	ProblemUnsure = "ocr_unsure"
	// ProblemPortfolio means that the PDF is a cover for other files, which are not read.
	ProblemPortfolio = "portfolio"
)

var (
	// ErrChild means that no reading child could be started, or that the machine lacks
	// a program or traineddata that it needs. The same document is worth a retry.
	ErrChild = errors.New("ocr: reading child unavailable")
	// ErrClosed means that the Reader has been closed.
	ErrClosed = errors.New("ocr: reader closed")
)

// Options configure a Reader. The zero value of each field has a sound meaning.
type Options struct {
	// Exe is the program to run as child; "" = the running one.
	Exe string
	// ChildArgs make the program call ChildMain; nil = {"ocr-child"}.
	ChildArgs []string
	// Languages are tesseract's names; nil = {"fra"}.
	Languages []string
	// Workers is the number of child processes; 0 = one for each core.
	Workers int
	// PageTimeout bounds one page, 0 = a minute; DocumentTimeout the whole document,
	// waiting for its turn included, 0 = half an hour.
	PageTimeout, DocumentTimeout time.Duration
	// MaxPages of a document are read, 0 = 200. MaxPixels bounds a page's image, 0 = 50 million.
	MaxPages, MaxPixels int
	// Memory bounds what a child may use for its work, and what a program that it
	// starts may use, in bytes; 0 = 1.5 GiB.
	Memory int64
	// TempDir is where the children's temporary folders lie; "" = the system's.
	TempDir string
	// Log is where the Reader writes; nil = nowhere.
	Log *slog.Logger
	// Observer is told what the children do; nil = nobody is.
	Observer Observer
}

// Observer is told of the work of the children, for metrics. Its methods must be quick and
// safe for concurrent use.
type Observer interface {
	// Step tells of one request to a child, with its retries: what it was for (plan, page,
	// picture, copy), how long it took, and what was wrong.
	Step(operation string, took time.Duration, err error)
	// Pages tells that pages of a document were read, all from one source.
	Pages(source string, n int)
}

type unobserved struct{}

func (unobserved) Step(string, time.Duration, error) {}
func (unobserved) Pages(string, int)                 {}

func (o Options) withDefaults() Options {
	if o.ChildArgs == nil {
		o.ChildArgs = []string{"ocr-child"}
	}
	if len(o.Languages) == 0 {
		o.Languages = []string{"fra"}
	}
	setDefault(&o.Workers, runtime.NumCPU())
	setDefault(&o.PageTimeout, time.Minute)
	setDefault(&o.DocumentTimeout, 30*time.Minute)
	setDefault(&o.MaxPages, 200)
	setDefault(&o.MaxPixels, 50_000_000)
	setDefault(&o.Memory, 3<<29)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Observer == nil {
		o.Observer = unobserved{}
	}
	return o
}

func setDefault[T int | int64 | time.Duration](field *T, value T) {
	if *field <= 0 {
		*field = value
	}
}

// Page is what was read of one page.
type Page struct {
	// Number counts from 1.
	Number int
	Text   string
	// Stamps are the texts of framed stamps in coloured ink ("courrier arrivé"), which
	// are not part of Text.
	Stamps []string
	// Source is SourceTextLayer, SourceOCR or SourceBlank.
	Source string
	// Confidence is 0 to 1: of a recognised page the mean of its words' by length, of
	// any other page 1.
	Confidence float64
	// Unsure is true when a person should compare the text with the image: much of it,
	// or all, may be wrong. Such a page is named by a ProblemUnsure.
	Unsure bool
	// Rotation is by how many degrees clockwise the page was turned to stand upright.
	Rotation int
	// Barcodes are what the barcodes on the page say.
	Barcodes []Barcode
	// Layout says where the words of a recognised page stand; nil for any other page.
	Layout *Layout
}

// The parts of a page that the children report as they are.
type (
	Barcode = wire.Barcode
	Layout  = wire.Layout
	Word    = wire.Word
)

// Problem is something that kept a document from being read in whole. Detail is French
// and meant for the clerk.
type Problem struct{ Code, Detail string }

// Document is what was read of one file. Pages holds the pages that could be read, in
// order of their number; Problems says what became of others.
type Document struct {
	// Kind is pdf, tiff or image, or "" when the file is none of them.
	Kind string
	// Total is the number of pages in the file, those that were not read included.
	Total    int
	Pages    []Page
	Problems []Problem
}

// ChildMain is the body of the hidden sub-command that Options.ChildArgs name. stdin
// and stdout must be the process's own. It returns the exit code. The arguments are
// taken for future use; there are none yet.
func ChildMain(stdin io.Reader, stdout io.Writer, _ []string) int {
	if code := child.Confine(child.Hooks{}); code != 0 {
		return code
	}
	return child.Main(stdin, stdout, child.Hooks{})
}
