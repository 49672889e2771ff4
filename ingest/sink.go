package ingest

import (
	"context"
	"errors"
)

// Sink is the one door through which everything comes in.
//
// Submit returns nil only when the original and its ledger row are on disk; the
// channel may then, and only then, acknowledge its source. Handing the same
// SourceKey in again is a no-op that returns the earlier row with
// Receipt.Replayed set. Submit is safe for concurrent use, and concurrent calls
// share one commit. It returns an error wrapping ErrUnavailable when storage is
// full, failing or closed: nothing was stored then, the source must keep the thing
// and try again later.
type Sink interface {
	Submit(ctx context.Context, s Submission) (Receipt, error)
}

var (
	// ErrUnavailable means that the house cannot take anything in at the moment.
	ErrUnavailable = errors.New("ingest: storage unavailable")
	// ErrInvalid means that the submission itself is not well formed: a fault of the
	// calling channel, not of the citizen.
	ErrInvalid = errors.New("ingest: invalid submission")
	// ErrNotFound means that there is no such submission or request.
	ErrNotFound = errors.New("ingest: not found")
)
