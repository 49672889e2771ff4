package main

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/store"
)

// settling is what an import waits for. Of a mailbox of millions only the identifiers are
// held, sixteen bytes each, and only when it is to wait.
type settling struct {
	taken int
	ids   []uuid.UUID
}

// add notes what was taken in. What has come to its end long ago is counted at once.
func (s *settling) add(r ingest.Receipt, wait bool, sum *importSummary) {
	s.taken++
	if !wait {
		return
	}
	// A pile that was divided lives on in its letters, which settle asks for.
	if r.Replayed && (r.State == ingest.StateFiled || r.State == ingest.StateFailed) {
		count(sum, r.State)
		return
	}
	id, err := uuid.Parse(r.ID)
	if err != nil {
		return // the store makes no others
	}
	s.ids = append(s.ids, id)
}

func count(sum *importSummary, state ingest.State) {
	switch state {
	case ingest.StateFiled:
		sum.Filed++
	case ingest.StateSetAside:
		sum.SetAside++
	default:
		sum.Broken++
	}
}

// settleLook is how often an import that waits looks into the ledger.
const settleLook = 200 * time.Millisecond

// settle waits until everything that was taken in has come to its end state, and so have
// the letters that a pile was divided into.
func (im *importer) settle(ctx context.Context, s *store.Store) error {
	ids := im.waiting.ids
	bar := im.app.progress(len(ids), "treat")
	defer func() { _ = bar.Finish() }()
	for i := 0; i < len(ids); i++ { // it grows
		rec, err := im.settled(ctx, s, ids[i].String())
		if err != nil {
			return err
		}
		count(&im.summary, rec.State)
		_ = bar.Add(1)
		if rec.State != ingest.StateSetAside {
			continue
		}
		made, err := s.Made(ctx, rec.ID)
		if err != nil {
			return err
		}
		for _, m := range made {
			if id, err := uuid.Parse(m.ID); err == nil {
				ids = append(ids, id)
				im.waiting.taken++
			}
		}
		bar.ChangeMax(len(ids))
	}
	return nil
}

// settled waits for the end of one submission.
func (im *importer) settled(ctx context.Context, s *store.Store, id string) (ingest.Record, error) {
	for {
		rec, err := s.Submission(ctx, id)
		if err != nil || rec.State.Final() {
			return rec, err
		}
		select {
		case <-ctx.Done():
			return rec, ctx.Err()
		case <-time.After(settleLook):
		}
	}
}

func (im *importer) report(daemon bool) error {
	s := im.summary
	s.Waiting = im.waiting.taken - s.Filed - s.SetAside - s.Broken
	if im.json {
		if err := newJSONLines(im.app.stdout).print(map[string]importSummary{"summary": s}); err != nil {
			return err
		}
	} else {
		im.printSummary(s, daemon)
	}
	if s.Failed > 0 || s.Partial > 0 || s.Changed > 0 || s.Broken > 0 {
		return errReported
	}
	return nil
}

func (im *importer) printSummary(s importSummary, daemon bool) {
	out := im.app.stdout
	fmt.Fprintf(out, "%d read: %d new, %d known already, %d could not be taken in\n", s.Read, s.New, s.Known, s.Failed)
	if s.Changed > 0 {
		fmt.Fprintf(out, "%d were imported before with other content: what is in the ledger stays, and what they hold now was not taken in\n", s.Changed)
	}
	if s.Skipped > 0 {
		fmt.Fprintf(out, "%d passed over: their own program has marked them as deleted, or as drafts\n", s.Skipped)
	}
	if s.Partial > 0 {
		fmt.Fprintf(out, "%d of the new ones are over the limit; \"saisine submissions list --state failed\" shows them\n", s.Partial)
	}
	switch {
	case im.wait:
		fmt.Fprintf(out, "%d filed, %d set aside, %d failed in treatment\n", s.Filed, s.SetAside, s.Broken)
	case !daemon && im.waiting.taken > 0:
		fmt.Fprintln(out, "They wait in the ledger; the daemon treats them when it runs (\"saisine serve\").")
	}
}
