// Package tesseract reads the text of a prepared page image with the tesseract
// engine, through gosseract.
//
// It runs only in the sandboxed child process of package ocr.
package tesseract

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/otiai10/gosseract/v2"
)

// ErrEngine means that tesseract could not be set up: the traineddata of a language
// is missing, as a rule. It is a fault of the machine, not of the page.
var ErrEngine = errors.New("tesseract: engine unavailable")

// Word is one recognised word.
type Word struct {
	Text       string
	Confidence float64 // 0 to 1
	X, Y, W, H int     // pixels of the prepared image
	Line       int     // the line it stands in, from 0 in reading order
}

// Result is the text of one page.
type Result struct {
	// Text has one line for each line of the page and an empty line between paragraphs.
	Text string
	// Confidence is the mean of the words' confidences weighted by their length, 0 to 1.
	Confidence float64
	Words      []Word
}

// Engine is a tesseract API that stays initialised from page to page. It is not safe
// for concurrent use.
type Engine struct {
	client *gosseract.Client
	ready  bool
}

// New returns an engine for the languages ("fra", "deu" …). It loads nothing yet.
func New(languages []string) (*Engine, error) {
	c := gosseract.NewClient()
	if err := c.SetLanguage(languages...); err != nil {
		_ = c.Close()
		return nil, fmt.Errorf("%w: %w", ErrEngine, err)
	}
	// The library's default is one block of text (6), the program's is a page of
	// blocks (3). It is set as a variable because gosseract applies variables after
	// Init, and Init resets what SetPageSegMode stored before.
	if err := c.SetVariable("tessedit_pageseg_mode", strconv.Itoa(int(gosseract.PSM_AUTO))); err != nil {
		_ = c.Close()
		return nil, fmt.Errorf("%w: %w", ErrEngine, err)
	}
	return &Engine{client: c}, nil
}

// Close frees the engine.
func (e *Engine) Close() error { return e.client.Close() }

// Version is the version of the linked library.
func Version() string { return gosseract.Version() }

// Read recognises the page that image holds in a format that leptonica reads, such as
// its own (SPIX) or PNM. dpi is its resolution.
//
// It makes exactly one call that recognises: gosseract's Text followed by
// GetBoundingBoxes sets the image anew and would do all the work twice, so the text
// is put together from the words. gosseract never frees the strings of that call
// (about 15 kB a page), which is one reason why a child is replaced after a number
// of pages.
func (e *Engine) Read(image []byte, dpi int) (Result, error) {
	if err := e.client.SetImageFromBytes(image); err != nil {
		return Result{}, fmt.Errorf("tesseract: set image: %w", err)
	}
	// What the image says of its resolution is not relied on; without one tesseract
	// guesses from the glyphs.
	if err := e.client.SetVariable("user_defined_dpi", strconv.Itoa(dpi)); err != nil {
		return Result{}, fmt.Errorf("tesseract: set resolution: %w", err)
	}
	boxes, err := e.client.GetBoundingBoxesVerbose()
	if err != nil {
		if !e.ready {
			return Result{}, fmt.Errorf("%w: %w", ErrEngine, err)
		}
		return Result{}, fmt.Errorf("tesseract: recognise: %w", err)
	}
	e.ready = true
	return assemble(boxes), nil
}

func assemble(boxes []gosseract.BoundingBox) Result {
	var res Result
	var text strings.Builder
	var sum, weight float64
	var last gosseract.BoundingBox
	line := 0
	for _, b := range boxes {
		word := strings.TrimSpace(strings.ToValidUTF8(b.Word, ""))
		if word == "" {
			continue
		}
		switch {
		case text.Len() == 0:
		case b.BlockNum != last.BlockNum || b.ParNum != last.ParNum:
			text.WriteString("\n\n")
			line++
		case b.LineNum != last.LineNum:
			text.WriteString("\n")
			line++
		default:
			text.WriteString(" ")
		}
		text.WriteString(word)
		last = b
		n := float64(utf8.RuneCountInString(word))
		sum += n * b.Confidence / 100
		weight += n
		res.Words = append(res.Words, Word{
			Text: word, Confidence: b.Confidence / 100,
			X: b.Box.Min.X, Y: b.Box.Min.Y, W: b.Box.Dx(), H: b.Box.Dy(), Line: line,
		})
	}
	res.Text = text.String()
	if weight > 0 {
		res.Confidence = sum / weight
	}
	return res
}
