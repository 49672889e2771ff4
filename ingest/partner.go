package ingest

import (
	"slices"
	"time"
)

// Position is a place in degrees of WGS 84.
type Position struct {
	Lat  float64 `json:"lat"`
	Long float64 `json:"long"`
}

// Scope is one thing that a key of the interfaces may do. The words are stored, so they never
// change.
type Scope string

// The scopes.
const (
	ScopeSubmit  Scope = "submit"  // hand in submissions, and see what became of those
	ScopeRead    Scope = "read"    // read requests, their comments, files and events
	ScopeWrite   Scope = "write"   // change a request's status, comment on it
	ScopeOpen311 Scope = "open311" // create requests by GeoReport v2
)

// Scopes lists the scopes.
func Scopes() []Scope { return []Scope{ScopeSubmit, ScopeRead, ScopeWrite, ScopeOpen311} }

// APIKey is the key of another program. The secret itself is kept nowhere: only its hash is.
type APIKey struct {
	// ID is public, and part of what the program shows; Name is for people, and the account of
	// the submissions that come by it.
	ID   string
	Name string
	// Scopes say what it may do. Services are the sealed services whose requests it sees beside
	// all that are not sealed.
	Scopes   []Scope
	Services []string
	// RateLimit is how many calls it has in a minute; 0 means the default of the configuration.
	RateLimit int
	CreatedAt time.Time
	CreatedBy string
	// UsedAt is when it was last used, to the hour or so; zero when never.
	UsedAt time.Time
	// RevokedAt is zero while it is good.
	RevokedAt time.Time
}

// May reports whether the key has a scope.
func (k APIKey) May(s Scope) bool { return slices.Contains(k.Scopes, s) }

// Actor names the key in histories.
func (k APIKey) Actor() string { return ActorKey + k.Name }

// ActorKey begins the actor of what a program did with a key; its name follows. ActorConnector
// begins that of what was learnt from other software.
const (
	ActorKey       = "api:"
	ActorConnector = "connector:"
)

// PublicEvent is something that happened to a request, as other programs are told of it: codes
// and references, and nothing that a citizen wrote.
type PublicEvent struct {
	// Seq grows with each event; a reader asks for those after the last one that it has seen.
	Seq  int64
	At   time.Time
	Kind string
	// Request is its reference, Submission the piece that it is about, or "".
	Request    string
	Submission string
	Category   string
	Service    string
	Status     Status // after the event
	// OldStatus is set for events that changed the status.
	OldStatus Status
	// Sealed is set when the service is sealed: who is told must have been chosen for it. It is
	// not told on.
	Sealed bool
}

// Handover is a request that other software has taken over, or is to take over.
type Handover struct {
	// ID is also that of the row of the outbox which brings it there.
	ID        string
	Request   string // reference
	Connector string
	CreatedAt time.Time
	// RemoteID and RemoteURL are those of the case at the other side, "" until it is there.
	RemoteID, RemoteURL string
	HandedAt            time.Time // zero until then
	// RemoteStatus is the other side's own word, CheckedAt when it was asked last, Trouble what
	// was wrong then, or "".
	RemoteStatus string
	CheckedAt    time.Time
	Trouble      string
	// State and Reason are those of the row of the outbox: pending while something is still to
	// be brought there.
	State  OutboxState
	Reason string
	// Own is the reference of the request itself, which is not Request where it was merged into
	// that one.
	Own string
	// TextOf is the submission whose text the case was made with, or "".
	TextOf string
	// Category is that of Request, Sealed is set when the service that has it is sealed.
	Category string
	Sealed   bool
}

// Merged reports whether the request was merged into another one, which has a hand-over of its
// own.
func (h Handover) Merged() bool { return h.Own != h.Request }

// Try is one try to bring a row of the outbox to another program's server.
type Try struct {
	At   time.Time
	Took time.Duration
	// Status is the HTTP status of the answer; 0 when there was none.
	Status int
	// Said is the beginning of the answer, or the error.
	Said string
}

// Partners says who is told of what, and who takes over what. It is asked inside the
// transaction that causes it, and goes by its arguments only.
type Partners interface {
	// Webhooks names the endpoints that want this event.
	Webhooks(e PublicEvent) []string
	// Connectors names those to which a request of this category is handed over. sealed is set
	// when the service that has the request is sealed: then only those count that were chosen for
	// a category which is sealed itself.
	Connectors(category string, sealed bool) []string
	// Endpoint is the address of a webhook, "" for one that there is not: an endpoint that is
	// gone (HTTP 410) is known by both.
	Endpoint(name string) string
	// Payload is what an endpoint is told of an event. It is made once, so that each try sends
	// the same.
	Payload(e PublicEvent) ([]byte, error)
}

// MayLearn reports whether a connector may be told of a request of this category: of one in a
// sealed service only where it was chosen for that. p may be nil, when there are no partners.
func MayLearn(p Partners, category string, sealed bool, connector string) bool {
	return !sealed || p != nil && slices.Contains(p.Connectors(category, true), connector)
}
