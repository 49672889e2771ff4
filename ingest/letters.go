package ingest

import (
	"context"
	"fmt"
)

// Letter is a run of pages of a scan that belong together.
type Letter struct {
	// First and Last count from 1.
	First, Last int
	// Separator is what the barcode of the sheet before it says, or "" for the pages
	// before the first sheet.
	Separator string
}

// Letters divides the pages of a scan at its separator sheets, whose own pages belong to
// no letter; sheets is their number. Without any, the whole scan is one letter.
func (r Reading) Letters() (letters []Letter, sheets int) {
	separators := make(map[int]string)
	total := r.PageCount()
	for _, p := range r.Pages {
		if p.Separator != "" {
			separators[p.Number] = p.Separator
		}
	}
	current := Letter{First: 1}
	end := func(last int) {
		if current.Last = last; current.First <= last {
			letters = append(letters, current)
		}
	}
	for n := 1; n <= total; n++ {
		if s, ok := separators[n]; ok {
			end(n - 1)
			current = Letter{First: n + 1, Separator: s}
		}
	}
	end(total)
	return letters, len(separators)
}

// Ending says how a submission ends of which others are made.
type Ending struct {
	ID      string
	Reading Reading
	Reason  string
}

// Reasons begin with a word that never changes, for scripts and verify.
const (
	// ReasonSplit begins the reason of a scan that was divided into letters.
	ReasonSplit = "split"
	// ReasonJoined begins the reason of a scan that became the fronts or backs of another submission.
	ReasonJoined = "joined"
)

// divide makes a submission of its own of each letter in a scan that has separator
// sheets. It reports whether the scan has come to its end by that.
func (p *Pipeline) divide(ctx context.Context, rec Record, r Reading) (bool, error) {
	letters, sheets := r.Letters()
	if sheets == 0 {
		return false, nil
	}
	if len(letters) == 0 {
		return true, p.setAside(ctx, rec.ID, r, "empty: "+counted(sheets, "feuille", "feuilles")+" de séparation sans courrier")
	}
	refs, err := p.refs(ctx, rec, r)
	if err != nil {
		return false, err
	}
	made := make([]Submission, len(letters))
	for i, l := range letters {
		c := Collation{Pages: refs[l.First-1 : l.Last], Separator: l.Separator}
		if made[i], err = c.submission([]Record{rec}, i+1); err != nil {
			return false, err
		}
	}
	reason := fmt.Sprintf("%s: %s, %s de séparation", ReasonSplit, counted(len(letters), "courrier", "courriers"), counted(sheets, "feuille", "feuilles"))
	return true, p.collate(ctx, []Ending{{rec.ID, r, reason}}, made)
}

// counted is a number with its word; French has the singular for 0 and 1.
func counted(n int, one, many string) string {
	if n > 1 {
		return fmt.Sprintf("%d %s", n, many)
	}
	return fmt.Sprintf("%d %s", n, one)
}

// refs names the pages of a submission, the first being page 1.
func (p *Pipeline) refs(ctx context.Context, rec Record, r Reading) ([]PageRef, error) {
	if rec.MediaType != MediaCollation {
		return ScanPages(rec, r), nil
	}
	blob, err := p.Ledger.Original(ctx, rec)
	if err != nil {
		return nil, fmt.Errorf("pipeline: original of %s: %w", rec.ID, err)
	}
	c, err := ReadCollation(blob)
	if err := blob.Close(); err != nil {
		return nil, fmt.Errorf("pipeline: original of %s: %w", rec.ID, err)
	}
	return c.Pages, err
}

// ScanPages names the pages of a scan, those that were not read included.
func ScanPages(rec Record, r Reading) []PageRef {
	refs := make([]PageRef, r.PageCount())
	for i := range refs {
		refs[i] = PageRef{Scan: rec.ID, SHA256: rec.SHA256, Page: i + 1}
	}
	return refs
}

// PageCount is the number of pages, those that were not read included.
func (r Reading) PageCount() int {
	n := r.Total
	for _, p := range r.Pages {
		n = max(n, p.Number)
	}
	return n
}

// collate ends submissions and adds those made of them, and tells the workers.
func (p *Pipeline) collate(ctx context.Context, ended []Ending, made []Submission) error {
	ids, err := p.Ledger.Collate(ctx, ended, made)
	if err != nil {
		return fmt.Errorf("pipeline: collate %s: %w", ended[0].ID, err)
	}
	for _, id := range ids {
		if p.Notifier != nil {
			p.Notifier.Notify(id, 0, LaneOf(MediaCollation))
		}
	}
	return nil
}
