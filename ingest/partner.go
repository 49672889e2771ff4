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
}

// Partners says who is told of what, and who takes over what. It is asked inside the
// transaction that causes it, and goes by its arguments only.
type Partners interface {
	// Webhooks names the endpoints that want this event.
	Webhooks(e PublicEvent) []string
	// Connectors names those to which a request of this category is handed over.
	Connectors(category string) []string
}
