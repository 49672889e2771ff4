package ingest

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"saisine.fr/saisine/ocr"
)

// SideWait is how long the fronts of a stack wait for the scan of its backs.
const SideWait = 30 * time.Minute

// sides is what is known of a scan of one side of a stack.
type sides struct {
	// fronts and backs are the two scans when rec is the later one of a pair.
	fronts, backs Record
	// paired is true when rec is one of a pair, alone when it has waited long enough.
	paired, alone bool
}

// pairOf finds the other scan of a stack among the scans of its folder: they pair up in
// the order in which they came, each with the next that came within SideWait. One that
// has come to its end by itself (it was refused, failed, or waited in vain) has its place
// in that order too, or else its other side would be joined with another stack.
func pairOf(came []Record, rec Record, now time.Time) sides {
	for i := 0; i < len(came); i++ {
		first := came[i]
		if i+1 < len(came) && came[i+1].ReceivedAt.Sub(first.ReceivedAt) <= SideWait {
			second := came[i+1]
			if rec.ID == first.ID || rec.ID == second.ID {
				if first.State.Final() || second.State.Final() {
					return sides{alone: true}
				}
				return sides{fronts: first, backs: second, paired: true}
			}
			i++
			continue
		}
		if rec.ID == first.ID {
			return sides{alone: now.Sub(rec.RecordedAt) > SideWait}
		}
	}
	return sides{}
}

// join treats a scan of one side of a stack. The fronts wait for the backs; the worker
// that has the backs makes one submission of both, or, when their pages do not match,
// keeps each as it is and says so. It reports whether the scan has come to its end, and
// the problem of a scan that stayed alone.
func (p *Pipeline) join(ctx context.Context, rec Record) (ended bool, alone []Problem, err error) {
	came, err := p.Ledger.Sides(ctx, rec)
	if err != nil {
		return false, nil, fmt.Errorf("pipeline: sides of %s: %w", rec.ID, err)
	}
	now := time.Now
	if p.Now != nil {
		now = p.Now
	}
	s := pairOf(came, rec, now())
	switch {
	case s.alone:
		return false, []Problem{{
			Code:   "recto_verso_alone",
			Detail: fmt.Sprintf("Un seul scan dans recto-verso\u00a0: le second n’est pas venu dans les %d minutes, ou il a échoué.", int(SideWait.Minutes())),
		}}, nil
	case !s.paired, rec.ID != s.backs.ID:
		return false, nil, ErrNotYet
	}
	if p.Antivirus != nil && s.fronts.Verdict.ReleasedBy == "" && !p.examined(s.fronts) {
		return false, nil, ErrNotYet // its own worker asks about it
	}
	fronts, err := p.read(ctx, s.fronts)
	if err != nil {
		return false, nil, err
	}
	backs, err := p.read(ctx, s.backs)
	if err != nil {
		return false, nil, err
	}
	made, err := p.bothSides(ctx, s, fronts, backs)
	if err != nil {
		return false, nil, err
	}
	what := ", réuni avec l’autre face"
	if len(made) > 1 {
		what = ", gardé à part de l’autre face"
	}
	both := []Ending{
		{s.fronts.ID, fronts, ReasonJoined + ": recto d’une pile" + what},
		{s.backs.ID, backs, ReasonJoined + ": verso d’une pile" + what},
	}
	p.Log.LogAttrs(ctx, slog.LevelDebug, "two sides of a stack", slog.String("fronts", s.fronts.ID), slog.String("backs", s.backs.ID), slog.Int("submissions", len(made)))
	return true, nil, p.collate(ctx, both, made)
}

// bothSides puts fronts and backs together. The backs were scanned with the stack
// turned over as it lay, so their pages come in reverse.
func (p *Pipeline) bothSides(ctx context.Context, s sides, fronts, backs Reading) ([]Submission, error) {
	odd, err := p.refs(ctx, s.fronts, fronts)
	if err != nil {
		return nil, err
	}
	even, err := p.refs(ctx, s.backs, backs)
	if err != nil {
		return nil, err
	}
	if len(odd) == len(even) && len(odd) > 0 {
		var c Collation
		slices.Reverse(even)
		for i := range odd {
			c.Pages = append(c.Pages, odd[i], even[i])
		}
		first := s.fronts
		first.Hints.Problems = nil // they are among those of the reading
		one, err := c.submission([]Record{first, s.backs}, 1, slices.Concat(ofScan(fronts.Problems), ofScan(backs.Problems))...)
		return []Submission{one}, err
	}
	mismatch := Problem{
		Code: "recto_verso_mismatch",
		Detail: fmt.Sprintf("Recto-verso\u00a0: le recto compte %s et le verso %d\u00a0; les deux scans sont gardés séparément, à réunir à la main.",
			counted(len(odd), "page", "pages"), len(even)),
	}
	var made []Submission
	for _, side := range []struct {
		rec      Record
		refs     []PageRef
		problems []Problem
	}{{s.fronts, odd, fronts.Problems}, {s.backs, even, backs.Problems}} {
		side.rec.Hints.Problems = nil // they are among those of the reading
		one, err := Collation{Pages: side.refs}.submission([]Record{side.rec}, 1, append(ofScan(side.problems), mismatch)...)
		if err != nil {
			return nil, err
		}
		made = append(made, one)
	}
	return made, nil
}

// ofScan leaves out the problems of single pages: what is made of the pages finds those
// again, under its own numbers.
func ofScan(problems []Problem) []Problem {
	var out []Problem
	for _, p := range problems {
		if p.Code != ocr.ProblemUnsure && p.Code != ocr.ProblemPageFailed {
			out = append(out, p)
		}
	}
	return out
}
