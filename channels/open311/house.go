package open311

import (
	"context"

	"saisine.fr/saisine/ingest"
)

// Keys knows the keys of other programs. It is safe for concurrent use.
type Keys interface {
	// KeyBySecret returns the key with this secret, and an error wrapping ingest.ErrNotFound when
	// there is none. A key that was revoked may be returned, with RevokedAt set. It notes that
	// the key is in use.
	KeyBySecret(ctx context.Context, secret string) (ingest.APIKey, error)
}

// Tokens makes and reads the tokens by which apps ask what became of a report: the follow-up
// tokens of the house. It is safe for concurrent use.
type Tokens interface {
	// Token returns the token of the submission with that ledger id. It is the same each time, not
	// to be guessed, and holds only characters of a URL path, no slash among them.
	Token(ctx context.Context, id string) (string, error)
	// Submission returns the ledger id that a token stands for, and an error wrapping
	// ingest.ErrNotFound for one that is none, or was withdrawn.
	Submission(ctx context.Context, token string) (id string, err error)
}

// Book is the ledger as far as GeoReport needs it. It is safe for concurrent use. Its reports are
// not public by themselves: this package decides what is shown of them, and of which.
type Book interface {
	// Filed says where a submission stands, with an error wrapping ingest.ErrNotFound when there
	// is none with this id. It is asked several times a second while a post waits.
	Filed(ctx context.Context, id string) (Filing, error)
	// Reports calls each for requests that were opened within q, newest first, until each returns
	// false. A request that was merged into another one is left out.
	Reports(ctx context.Context, q Query, each func(Report) bool) error
	// Report returns the request with this reference, or the one that it was merged into, and an
	// error wrapping ingest.ErrNotFound when there is none.
	Report(ctx context.Context, reference string) (Report, error)
}

// Filing is where a submission stands.
type Filing struct {
	// Reference is that of the request in which it was filed, of the other one where that was
	// merged; "" while it waits, and for good when it was set aside or failed.
	Reference string
	// Digest is ingest.Hints.Digest.
	Digest string
}

// Query says which requests are wanted.
type Query ingest.ReportQuery

// Closed reports whether a request of this status is closed for GeoReport: the town has done what
// it will, whether it says so with an answer or not.
func Closed(s ingest.Status) bool { return s == ingest.StatusAnswered || s == ingest.StatusClosed }

// Report is a request with what is needed to decide what of it is public. Nothing in it is: it is
// handed to the publisher, and to nothing else.
type Report ingest.Report
