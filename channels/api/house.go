package api

import (
	"context"
	"io"

	"saisine.fr/saisine/ingest"
)

// Here is what the interface asks of the house. All of it is safe for concurrent use. What a
// viewer does not see is an error that wraps ingest.ErrNotFound, what makes no sense as things
// are one that wraps ingest.ErrRefused, whose text is for people.

// Keys knows the keys, and what each sees.
type Keys interface {
	// KeyBySecret wraps ingest.ErrNotFound for a secret that is none, or of a revoked key.
	KeyBySecret(ctx context.Context, secret string) (ingest.APIKey, error)
	Viewer(ctx context.Context, key ingest.APIKey) (ingest.Viewer, error)
}

// Ledger holds the submissions.
type Ledger interface {
	// Submission returns a row, whoever looks: a key sees what it handed in itself.
	Submission(ctx context.Context, id string) (ingest.Record, error)
	SubmissionFor(ctx context.Context, v ingest.Viewer, id string) (ingest.Record, error)
}

// Requests are the requests.
type Requests interface {
	List(ctx context.Context, v ingest.Viewer, f ingest.Filter) (ingest.ListPage, error)
	RequestFor(ctx context.Context, v ingest.Viewer, reference string) (ingest.Request, error)
	HistoryFor(ctx context.Context, v ingest.Viewer, reference string) ([]ingest.Event, error)
}

// Acts is what can be done to a request. The viewer is the actor.
type Acts interface {
	SetStatus(ctx context.Context, v ingest.Viewer, reference string, status ingest.Status, note string) error
	Comment(ctx context.Context, v ingest.Viewer, reference, text string) error
}

// Files are the originals and the files in them.
type Files interface {
	Original(ctx context.Context, v ingest.Viewer, submission string) (File, error)
	// Attachment opens the nth file (from 0) of a submission's reading.
	Attachment(ctx context.Context, v ingest.Viewer, submission string, n int) (File, error)
}

// File is something to be downloaded. Its reader must be closed.
type File struct {
	Name string // what its sender called it, or ""; not to be trusted
	Type string // media type; "" is application/octet-stream
	Size int64  // -1 where it is not known
	Body io.ReadCloser
}

// Events are what happened.
type Events interface {
	// EventsAfter returns the first events after the one with this Seq, oldest first.
	EventsAfter(ctx context.Context, v ingest.Viewer, after int64, limit int) ([]ingest.PublicEvent, error)
}

// Follower makes the tokens of follow-up pages.
type Follower interface {
	Token(ctx context.Context, submission string) (string, error)
}
