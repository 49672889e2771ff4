// Package handover brings requests into the town's other software. A Connector speaks to one
// program: it makes a case there, adds what came later, and says where the case stands.
//
// What is handed over, and when, is decided in the store; this package is called by the outbox,
// at least once for each step. A kill between the other side's answer and our record of it
// repeats the step, so every step finds by our own reference what it did before.
package handover

import (
	"context"
	"errors"
	"io"
	"time"

	"saisine.fr/saisine/ingest"
)

// Case is a request as it is handed over.
type Case struct {
	// Reference is ours, such as 2026-000123. Every connector writes it where it can search
	// for it: it is what makes Create idempotent.
	Reference string
	Town      string
	Subject   string
	Text      string
	// Category is the code, Label its name for people.
	Category, Label string
	Service         string
	Channel         ingest.Channel
	Sender          ingest.Person
	Place           string
	// Position is where the matter is; nil when nobody said so in numbers.
	Position   *ingest.Position
	ReceivedAt time.Time // in the town's time zone
	// Since is when it was decided to hand it over; zero when that is not known.
	Since time.Time
	// Due is the day by which the town must act; zero when there is none.
	Due time.Time
	// URL is the request's page at the desk.
	URL string
	// Files are the opening's files, for a side that takes them at creation only; others leave
	// them to Attach.
	Files []File
}

// clocksDiffer is by how much the clocks of two servers may.
const clocksDiffer = time.Hour

// Foreign reports whether what was made at this time (RFC 3339; what is no time says nothing)
// cannot be this case, though it has its reference: references are counted from 1 in each town,
// and anew after a try-out.
func (c Case) Foreign(made string) bool {
	at, err := time.Parse(time.RFC3339, made)
	return err == nil && !c.Since.IsZero() && at.Before(c.Since.Add(-clocksDiffer))
}

// Addition is what one submission brings to a case: the opening's own files, or a letter that
// came later with what it says.
type Addition struct {
	// Key is unique and stable (the submission's id): every connector writes it where it can
	// search for it, so that adding twice adds once.
	Key string
	// Text is "" for the submission that opened the request, whose text Create has brought.
	Text       string
	ReceivedAt time.Time
	Channel    ingest.Channel
	Files      []File
}

// File is one file of an Addition. Its bytes arrive unchanged.
type File struct {
	Name   string // as the citizen called it; may hold any letters
	Type   string // media type
	Size   int64
	SHA256 string // hex
	// Open may be called more than once; the caller closes what it returns.
	Open func() (io.ReadCloser, error)
}

// Remote is a case at the other side.
type Remote struct {
	ID string
	// URL is its page for people, or "".
	URL string
}

// State is where a case stands at the other side.
type State struct {
	// Raw is the other side's own word, which is compared with the one before and shown.
	Raw string
	// Status is what it means for the request; "" changes nothing.
	Status ingest.Status
	// Note is told to the citizen with the new status, or "".
	Note string
}

// Connector is one way out to other software. All methods are safe for concurrent use and end
// with their context. An error that is ingest.Permanent is not tried again.
type Connector interface {
	// Create makes the case, or returns the one that it made before for c.Reference.
	Create(ctx context.Context, c Case) (Remote, error)
	// Attach adds files and text to a case; what has a.Key already is left as it is.
	Attach(ctx context.Context, remoteID string, a Addition) error
	// Status says where a case stands. It is ErrNoStatus for a side that cannot be asked, and
	// ErrGone when there is no such case any more.
	Status(ctx context.Context, remoteID string) (State, error)
	// Check logs in and looks whether what the configuration names is there (the queue, the
	// project, the folder), changes nothing, and says in a line what it found.
	Check(ctx context.Context) (string, error)
}

var (
	// ErrNoStatus means that the other side takes cases and tells nothing of them.
	ErrNoStatus = errors.New("handover: the other side cannot be asked for a status")
	// ErrGone means that the case is not there any more.
	ErrGone = errors.New("handover: the other side does not know this case any more")
)
