// Package wire is what the daemon and its reading children say to each other: JSON in
// frames of four bytes of length (big-endian) and that many bytes.
//
// The daemon sends one Config and gets one Hello; then, as often as it likes, one
// Request and gets one Response. End of input ends the child.
package wire

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"saisine.fr/saisine/ocr/sandbox"
)

// MaxFrame bounds a frame in both directions. A child is hostile ground once it has
// decoded foreign bytes: the daemon allocates no more than this for what it says.
const MaxFrame = 32 << 20

// Bounds on what a frame unfolds to: three bytes of JSON ("{},") become a hundred in
// memory. The largest honest frame is a page of 20,000 words, or the text of 200 pages.
const (
	maxObjects = 200_000
	maxQuotes  = 8_000_000
)

var (
	// ErrFrame means that the other side sent a frame that is too long or no JSON of
	// the expected form.
	ErrFrame = errors.New("wire: malformed frame")
	// ErrTooLong means that a value does not fit into a frame; nothing was written.
	ErrTooLong = errors.New("wire: value too long for a frame")
)

// Write sends v as one frame.
func Write(w io.Writer, v any) error {
	var frame bytes.Buffer
	frame.Write(make([]byte, 4)) // the length, known at the end
	enc := json.NewEncoder(&frame)
	enc.SetEscapeHTML(false) // it would make six bytes of one
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("wire: encode: %w", err)
	}
	n := frame.Len() - 4
	if n > MaxFrame {
		return ErrTooLong
	}
	binary.BigEndian.PutUint32(frame.Bytes(), uint32(n))
	if _, err := w.Write(frame.Bytes()); err != nil {
		return fmt.Errorf("wire: write frame: %w", err)
	}
	return nil
}

// Read receives one frame into v. It returns io.EOF when the other side ended before
// a frame began, io.ErrUnexpectedEOF when it ended within one, and ErrFrame for
// anything malformed. Memory grows with what arrives, not with what the length says.
func Read(r io.Reader, v any) error {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return err // io.EOF is the contract
	}
	n := int64(binary.BigEndian.Uint32(head[:]))
	if n > MaxFrame {
		return fmt.Errorf("%w: %d bytes", ErrFrame, n)
	}
	body, err := io.ReadAll(io.LimitReader(r, n))
	if err != nil {
		return fmt.Errorf("wire: read frame: %w", err)
	}
	if int64(len(body)) < n {
		return io.ErrUnexpectedEOF
	}
	if bytes.Count(body, []byte{'{'}) > maxObjects || bytes.Count(body, []byte{'"'}) > maxQuotes {
		return fmt.Errorf("%w: too many values", ErrFrame)
	}
	if err := json.Unmarshal(body, v); err != nil {
		return fmt.Errorf("%w: %w", ErrFrame, err)
	}
	return nil
}

// Config is the first thing a child hears.
type Config struct {
	Languages []string
	MaxPages  int
	MaxPixels int
	// StepSeconds is the processor time that one request may take.
	StepSeconds int
	// MemoryBytes is by how much the child's address space may grow, and how large
	// that of a program it starts may be.
	MemoryBytes int64
}

// Hello is the child's answer to Config.
type Hello struct {
	// Fault, when not "", says why the child cannot work; it ends afterwards.
	Fault string `json:",omitempty"`
	// Held is what the child tried to do and could not.
	Held sandbox.Held
}

// The operations of a Request.
const (
	OpPlan = "plan"
	OpPage = "page"
	// OpCopyPages makes a part of a searchable copy from pages of one file.
	OpCopyPages = "copy-pages"
	// OpCopyJoin joins such parts to the copy.
	OpCopyJoin = "copy-join"
)

// Request asks for one step of work on the document at Path.
type Request struct {
	Op   string
	Path string
	Task Task // for OpPage
	// Seconds is the time that the request may take, in wall time and in processor
	// time, where that is not Config.StepSeconds.
	Seconds int       `json:",omitempty"`
	Copy    *CopyTask `json:",omitempty"` // for OpCopyPages and OpCopyJoin
	// Picture is for OpPageImage.
	Picture *PictureTask `json:",omitempty"`
}

// CopyTask is what a copy, or a part of one, is made of.
type CopyTask struct {
	// Pages are the pages to take, for OpCopyPages.
	Pages []CopyPage `json:",omitempty"`
	// Parts are the files to join, for OpCopyJoin.
	Parts []string `json:",omitempty"`
	// MaxBytes bounds the file that is made, in bytes.
	MaxBytes int64
}

// CopyPage is one page of a copy.
type CopyPage struct {
	// Number of the page in its file, from 1.
	Number int
	// Rotation is by how many degrees clockwise the page is to be turned.
	Rotation int
	// Layout says which words stand on the page; nil = none that are to be added.
	Layout *Layout `json:",omitempty"`
}

// CopyMade describes a file that a child has made.
type CopyMade struct {
	// File is its name in the child's temporary folder.
	File  string
	Pages int
	// PDFA is true when the file is PDF/A-2b.
	PDFA bool `json:",omitempty"`
}

// The ways to come by the image of a page.
const (
	// MethodEmbedded takes the one image that covers a PDF page as it lies in the file.
	MethodEmbedded = "embedded"
	// MethodRender draws a PDF page.
	MethodRender = "render"
	// MethodTIFF decodes one page of a TIFF.
	MethodTIFF = "tiff"
	// MethodImage decodes a JPEG or PNG.
	MethodImage = "image"
	// MethodBarcodes draws a PDF page whose text is in Plan.Done already, only to look
	// for barcodes: the answer is a page with these and nothing else.
	MethodBarcodes = "barcodes"
)

// Task describes one page that must be recognised, such that any child can do it.
type Task struct {
	Number int
	Method string
	// DPI is the resolution of the embedded image.
	DPI int
	// Turn is the page's own /Rotate, which applies to an embedded image.
	Turn int
	// Width and Height are the size of a PDF page in points, as it is shown.
	Width, Height float64
}

// Problem is something wrong with the document or page.
type Problem struct{ Code, Detail string }

// Page is what was read of one page.
type Page struct {
	Number     int
	Text       string
	Stamps     []string `json:",omitempty"`
	Source     string
	Confidence float64
	// Unsure is true when a person should compare the text with the image.
	Unsure   bool `json:",omitempty"`
	Rotation int
	Barcodes []Barcode `json:",omitempty"`
	Layout   *Layout   `json:",omitempty"`
}

// Bounds on the barcodes of one page. A QR code holds up to 2953 bytes; a separator
// sheet needs a hundred.
const (
	MaxBarcodes    = 32
	MaxBarcodeText = 1 << 10 // bytes
)

// Barcode is what a barcode on a page says.
type Barcode struct {
	// Type is the symbology as zbar names it: "QR-Code", "CODE-128", "CODE-39"; or
	// "PATCH" for the bars of a patch code.
	Type string
	Text string
}

// Layout says where the words of a recognised page stand: on its image as it was
// recognised, which is the page upright (turned by Page.Rotation) and then
// straightened. Turning the image by Skew counter-clockwise about its centre gives
// back the upright page as it is.
type Layout struct {
	// Width and Height are the size of that image in pixels.
	Width, Height int
	// DPI is its resolution.
	DPI int
	// Skew is by how many degrees clockwise the page was turned to be straight.
	Skew  float64
	Words []Word
}

// Word is one recognised word.
type Word struct {
	Text string
	// Confidence is 0 to 1.
	Confidence float64
	// X, Y, W, H is its box in pixels of the Layout, from the upper left corner.
	X, Y, W, H int
	// Line numbers the line that the word stands in, from 0 upwards in reading order.
	Line int
}

// Plan says what a document consists of.
type Plan struct {
	Kind string
	// Total is the number of pages in the file; Done and Todo stop at Config.MaxPages.
	Total int
	Done  []Page
	Todo  []Task
}

// Response answers a Request.
type Response struct {
	// Fault, when not "", is a fault of the machine (a program or traineddata is
	// missing), not of the document: the same request is worth a retry once it is mended.
	Fault string `json:",omitempty"`
	// Problems may stand beside a result or alone.
	Problems []Problem `json:",omitempty"`
	Plan     *Plan     `json:",omitempty"`
	Page     *Page     `json:",omitempty"`
	Copy     *CopyMade `json:",omitempty"`
	Picture  *Picture  `json:",omitempty"`
}
