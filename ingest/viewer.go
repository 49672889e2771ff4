package ingest

import (
	"errors"
	"fmt"
	"slices"
)

// Role says what an agent of the town may do at the desk. Each role may do what those before
// it may.
type Role string

// The roles. They are stored, so they never change.
const (
	RoleReader        Role = "reader"        // reads
	RoleAgent         Role = "agent"         // treats requests, enters what comes in
	RoleManager       Role = "manager"       // figures, bulk acts, other people's views
	RoleAdministrator Role = "administrator" // users, categories, texts, channels
)

// Roles lists the roles, the least first.
func Roles() []Role { return []Role{RoleReader, RoleAgent, RoleManager, RoleAdministrator} }

// Viewer is an agent as the store sees them: who looks, and what is hidden from them.
//
// A sealed service (Service.Sealed of the categories file) is seen by its own members only,
// whatever the role: an administrator administers, and reads nobody's file. Every read of
// the desk takes a Viewer, and what is hidden does not exist for it: it is not found, not
// counted, not suggested.
type Viewer struct {
	Login string
	// Name is for people, Title the agent's function (CRPA L111-2).
	Name  string
	Title string
	Role  Role
	// Services are those to which the agent belongs.
	Services []string
	// Hidden are the sealed services to which they do not belong.
	Hidden []string
	// Language is fr or en.
	Language string
	// Key is the name of the key when another program looks, and no agent.
	Key string
}

// May reports whether the viewer has at least this role.
func (v Viewer) May(r Role) bool {
	return slices.Index(Roles(), v.Role) >= slices.Index(Roles(), r)
}

// Sees reports whether the requests of a service are shown to the viewer.
func (v Viewer) Sees(service string) bool { return !slices.Contains(v.Hidden, service) }

// Actor names the viewer in histories.
func (v Viewer) Actor() string {
	if v.Key != "" {
		return ActorKey + v.Key
	}
	return ActorAgent + v.Login
}

// ActorAgent begins the actor of what an agent did at the desk; their login follows.
const ActorAgent = "agent:"

// ErrRefused is wrapped by the errors of acts that make no sense as things are. The message
// says why, and what to do instead.
var ErrRefused = errors.New("this cannot be done")

// RefusalError is an ErrRefused with its reason apart, so that it can be told in the viewer's
// language: Format is an English fmt format, and its key in the catalogue.
type RefusalError struct {
	Format string
	Args   []any
}

// Refused makes a RefusalError.
func Refused(format string, args ...any) error { return &RefusalError{format, args} }

// Error implements error.
func (r *RefusalError) Error() string {
	return fmt.Sprintf("%s: %s", ErrRefused, fmt.Sprintf(r.Format, r.Args...))
}

// Unwrap makes it an ErrRefused.
func (r *RefusalError) Unwrap() error { return ErrRefused }
