package desk

import (
	"context"
	"time"

	"saisine.fr/saisine/ingest"
)

// Accounts are the agents, what they log in with, their sessions and the access log.
type Accounts interface {
	Agents
	Keys
	Sessions
	AccessLog
	Witness
}

// Agents are the people who may use the desk. by is the actor of a change.
type Agents interface {
	// Viewer is an agent as the store sees them, with what is hidden from them.
	Viewer(ctx context.Context, a ingest.Agent) (ingest.Viewer, error)
	Agent(ctx context.Context, login string) (ingest.Agent, error)
	AgentBySubject(ctx context.Context, subject string) (ingest.Agent, error)
	AgentsByEmail(ctx context.Context, email string) ([]ingest.Agent, error)
	// Agents returns all of them, by name.
	Agents(ctx context.Context) ([]ingest.Agent, error)
	// AddAgent adds one, with the hash of a password or "".
	AddAgent(ctx context.Context, a ingest.Agent, password, by string) error
	// ChangeAgent has f change an agent; f may be called more than once.
	ChangeAgent(ctx context.Context, login, by string, f func(*ingest.Agent) error) error
	// Seen notes that an agent is at the desk.
	Seen(ctx context.Context, login string, at time.Time) error
}

// Keys are what agents log in with.
type Keys interface {
	Credentials(ctx context.Context, login string) (ingest.Credentials, error)
	// SetPassword sets the hash of a password; oneTime, when not zero, is until when it is
	// good for choosing another one.
	SetPassword(ctx context.Context, login, hash string, oneTime time.Time, by string) error
	// Rehash replaces a hash by one of the same password.
	Rehash(ctx context.Context, login, old, hash string) error
	// SetTOTP sets the encrypted secret of one-time codes, or "".
	SetTOTP(ctx context.Context, login, secret string, step int64, by string) error
	// TakeStep reports false when a code of this step or a later one was taken before.
	TakeStep(ctx context.Context, login string, step int64) (fresh bool, err error)
	// EndSessions ends all sessions of an agent, and returns the generation of those to come.
	EndSessions(ctx context.Context, login string) (generation int64, err error)
	// Secret returns the 32-byte key of that name.
	Secret(ctx context.Context, name string) ([]byte, error)
}

// Sessions keeps sessions by a hash of what the browser holds.
type Sessions interface {
	FindSession(ctx context.Context, token string) (data []byte, found bool, err error)
	KeepSession(ctx context.Context, token string, data []byte, expiry time.Time) error
	DropSession(ctx context.Context, token string) error
	// DropExpired also removes the lines of the access log that are older than accessBefore.
	DropExpired(ctx context.Context, accessBefore time.Time) error
}

// AccessLog is who came in, who read what of a sealed service, and who changed the agents.
type AccessLog interface {
	LogAccess(ctx context.Context, agent string, what ingest.AccessKind, detail string) error
	// AccessLog returns a page of what the viewer sees: about limit lines before a time (zero:
	// the newest), newest first. next asks for the one after it; it is zero on the last.
	AccessLog(ctx context.Context, v ingest.Viewer, before time.Time, limit int) (page []ingest.Access, next time.Time, err error)
}

// Witness notes reads of what belongs to a sealed service, and of nothing else.
type Witness interface {
	// Saw notes that a viewer is about to be shown something: a request (AccessRequest, by its
	// reference) or a file of a submission (AccessFile, by its id). Where it fails nothing may
	// be shown. The same again within minutes is noted once.
	Saw(ctx context.Context, v ingest.Viewer, what ingest.AccessKind, id string) error
}

// saw is Witness.Saw; a desk without accounts, as in tests of other pages, has no witness.
func (a *Adapter) saw(ctx context.Context, v ingest.Viewer, what ingest.AccessKind, id string) error {
	if a.opts.Accounts == nil {
		return nil
	}
	return a.opts.Accounts.Saw(ctx, v, what, id)
}
