package webform

import (
	"context"
	"errors"
)

// ErrRevoked means that the town has withdrawn a follow-up link. Follower.Follow and
// the methods of Correspondent wrap it.
var ErrRevoked = errors.New("webform: follow-up link revoked")

// Correspondent lets a citizen write back from the follow-up page, and read what the
// town has sent. It is safe for concurrent use. Each method returns an error wrapping
// ingest.ErrNotFound for a token that is none, and one wrapping ErrRevoked for one
// that has been withdrawn.
type Correspondent interface {
	// Answering returns the ledger id of the submission that a token stands for. What
	// is posted on the follow-up page answers that submission.
	Answering(ctx context.Context, token string) (submissionID string, err error)
	// Receipt returns the receipt of that id, and an error wrapping ingest.ErrNotFound
	// unless it belongs to the token's own matter.
	Receipt(ctx context.Context, token, id string) (Download, error)
}

// Download is a file for the citizen.
type Download struct {
	Name string // a proposal; what a file name must not hold is taken out of it
	Type string // media type; application/octet-stream when it is none
	Data []byte
}
