package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"saisine.fr/saisine/ocr"
)

// Collation is the original of a submission that is made of pages of scans in the
// ledger: one letter of a stack that was scanned in one go, or the fronts and backs of
// a stack that was scanned in two. Its bytes are the JSON of this type. The pages
// themselves stay where they came in, untouched; nothing is cut, copied or decoded
// again to make a letter of its own.
type Collation struct {
	// Pages are the pages in the order of the letter.
	Pages []PageRef `json:"pages"`
	// Separator is what the barcode of the sheet before it says, or "".
	Separator string `json:"separator,omitempty"`
}

// PageRef names a page of a scan.
type PageRef struct {
	// Scan is the submission whose original holds the page, and SHA256 the hash of that
	// original.
	Scan   string `json:"scan"`
	SHA256 string `json:"sha256"`
	// Page counts from 1.
	Page int `json:"page"`
}

// Scans are the submissions whose originals hold the pages, each once.
func (c Collation) Scans() []string {
	var out []string
	for _, p := range c.Pages {
		if !slices.Contains(out, p.Scan) {
			out = append(out, p.Scan)
		}
	}
	return out
}

// ReadCollation reads the original of a submission of MediaCollation.
func ReadCollation(b *Blob) (Collation, error) {
	var c Collation
	r, err := b.Open()
	if err != nil {
		return c, fmt.Errorf("ingest: open original: %w", err)
	}
	raw, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil {
		return c, fmt.Errorf("ingest: read original: %w", err)
	}
	if err := json.Unmarshal(raw, &c); err != nil {
		return c, Permanent(fmt.Errorf("ingest: collation: %w", err))
	}
	return c, nil
}

// submission is the submission of a collation made from its parents. n tells it from
// others made of the same ones; with the parents' ids it makes the source key, so that
// doing it again after a crash adds nothing.
func (c Collation) submission(parents []Record, n int, more ...Problem) (Submission, error) {
	raw, err := json.Marshal(c)
	if err != nil {
		return Submission{}, fmt.Errorf("ingest: collation: %w", err)
	}
	first := parents[0]
	sheet, _ := ParseSeparator(c.Separator)
	s := Submission{
		Channel: first.Channel, Account: first.Account, ReceivedAt: first.ReceivedAt,
		Original: NewBlob(raw), MediaType: MediaCollation,
		Hints: Hints{
			Service: first.Hints.Service, Filename: first.Hints.Filename, NoReceipt: first.Hints.NoReceipt,
			ImportedAs: first.Hints.ImportedAs, ImportedSince: first.Hints.ImportedSince, Postmark: first.Hints.Postmark, Problems: slices.Concat(first.Hints.Problems, more),
		},
	}
	for _, p := range parents {
		s.Hints.Parents = append(s.Hints.Parents, p.ID)
	}
	s.SourceKey = "collation:" + strings.Join(s.Hints.Parents, "+") + ":" + strconv.Itoa(n)
	if sheet.Service != "" {
		s.Hints.Service = sheet.Service
	}
	if sheet.Channel != "" {
		s.Channel = sheet.Channel
	}
	if !sheet.Postmark.IsZero() {
		s.Hints.Postmark = sheet.Postmark
	}
	return s, nil
}

// PageSource gives the rows that a collation's pages come from; the store is one.
type PageSource interface {
	Submission(ctx context.Context, id string) (Record, error)
}

// readCollation puts together what was read of the scans.
func (d *DocumentReader) readCollation(ctx context.Context, b *Blob, rec Record) (Reading, error) {
	c, err := ReadCollation(b)
	if err != nil {
		return Reading{}, err
	}
	if d.Pages == nil {
		return Reading{}, Permanent(fmt.Errorf("%w: a collation is read from its ledger only", ErrUnknownFormat))
	}
	scans := make(map[string]Record)
	for _, id := range c.Scans() {
		scan, err := d.Pages.Submission(ctx, id)
		if errors.Is(err, ErrNotFound) {
			return Reading{}, Permanent(err)
		}
		if err != nil {
			return Reading{}, fmt.Errorf("ingest: pages of %s: %w", id, err)
		}
		scans[id] = scan
	}
	out := Reading{Kind: KindPDF, Total: len(c.Pages)}
	var missing []int
	for i, ref := range c.Pages {
		page, ok := pageOf(scans[ref.Scan], ref)
		if !ok {
			missing = append(missing, i+1)
			continue
		}
		page.Number = i + 1
		out.Pages = append(out.Pages, page)
	}
	if len(c.Pages) > 0 {
		if r := scans[c.Pages[0].Scan].Reading; r != nil {
			out.Kind = r.Kind
		}
	}
	if len(missing) > 0 {
		out.Problems = append(out.Problems, Problem{Code: ocr.ProblemPageFailed, Detail: ocr.PageList(missing) + "\u00a0: non lues, voir le scan."})
	}
	out.doubt()
	out.letter(rec.ReceivedAt)
	return out, nil
}

func pageOf(rec Record, ref PageRef) (Page, bool) {
	if rec.Reading == nil || rec.SHA256 != ref.SHA256 {
		return Page{}, false
	}
	for _, p := range rec.Reading.Pages {
		if p.Number == ref.Page {
			return p, true
		}
	}
	return Page{}, false
}

// doubt adds the problem of pages that were read unsurely.
func (r *Reading) doubt() {
	var unsure []int
	for _, p := range r.Pages {
		if p.Unsure {
			unsure = append(unsure, p.Number)
		}
	}
	if len(unsure) > 0 {
		r.Problems = append(r.Problems, Problem{Code: ocr.ProblemUnsure, Detail: ocr.PageList(unsure) + "\u00a0: lecture peu sûre, à vérifier sur l’image."})
	}
}
