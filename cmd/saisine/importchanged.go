package main

import (
	"context"
	"strings"

	"saisine.fr/saisine/ingest"
)

// changedText is said of a line whose id the ledger has with other content: its place, and the
// identifier of what the ledger has.
const changedText = "%s: its id was imported before with other content, or was read otherwise then; " +
	"the ledger keeps that (saisine submissions show %s), and this line was not taken in. If it is another request, " +
	"give this file an --account of its own (csv), or the line an id of its own"

// ledgerReader finds what the ledger has.
type ledgerReader interface {
	Submission(ctx context.Context, id string) (ingest.Record, error)
}

// changedSince reports whether the ledger has other content under a submission's key than it
// has now. Only another program's ids can stay while the content changes; all other keys of an
// import come from the content, so that nothing is looked up for them.
func changedSince(ctx context.Context, ledger ledgerReader, sub ingest.Submission, r ingest.Receipt) (bool, error) {
	if !r.Replayed || sub.MediaType != ingest.MediaNote || !strings.HasPrefix(sub.SourceKey, "id:") {
		return false, nil
	}
	rec, err := ledger.Submission(ctx, r.ID)
	return err == nil && rec.SHA256 != sub.Original.SHA256(), err
}
