package ingest

import (
	"regexp"
	"time"
)

// Agent is somebody of the town who may use the desk.
type Agent struct {
	// Login is in the form of LoginForm, and never changes: histories name it.
	Login string
	Name  string
	// Title is the function, as letters name it (CRPA L111-2).
	Title    string
	Email    string
	Role     Role
	Services []string
	Language string
	// Disabled agents cannot log in; what they did stays theirs.
	Disabled bool
	// Subject is by whom they are vouched for: issuer, a space and the subject of OpenID
	// Connect, or "".
	Subject string
	// HasPassword and HasTOTP say how they log in. The store sets them; changing an agent
	// leaves them alone, as it does all that follows.
	HasPassword, HasTOTP bool
	// OneTime is until when a password is good that was given by somebody else and must be
	// replaced at the first login; zero for a password of their own.
	OneTime time.Time
	// Generation is raised when the password, the role or the services change, and when the
	// agent is disabled or closes their sessions: sessions of an earlier one have ended.
	Generation        int64
	CreatedAt, SeenAt time.Time
}

// Credentials are what an agent logs in with, as the store keeps them. They are never shown
// or logged.
type Credentials struct {
	// Password is a hash in PHC form, or "".
	Password string
	// TOTP is the encrypted secret of the one-time codes, or "".
	TOTP string
	// Step is the time step (RFC 6238) of the last code taken.
	Step int64
}

// LoginForm is the form of a login: small letters, digits, dots, dashes and underscores, 64
// at most, the first one a letter or digit.
var LoginForm = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

// Access is a line of the access log: who came in, who read what of a sealed service, and
// who changed the agents. It is kept for a year.
type Access struct {
	At time.Time
	// Agent is the actor, as in histories; "" for somebody unknown.
	Agent string
	What  AccessKind
	// Detail is an address of the network, a reference, or what was changed.
	Detail string
}

// AccessKind says what was done. Kinds are stored, so they never change.
type AccessKind string

// The kinds of access.
const (
	AccessLogin       AccessKind = "login"        // detail: the address
	AccessLoginFailed AccessKind = "login.failed" // detail: the address
	AccessLogout      AccessKind = "logout"
	AccessRequest     AccessKind = "request.read" // of a sealed service; detail: the reference
	AccessFile        AccessKind = "file.read"    // of a sealed service; detail: the submission

	// What was done to an agent; the detail begins with their login.
	AccessAgentAdded   AccessKind = "agent.added"
	AccessKeyAdded     AccessKind = "key.added"
	AccessKeyRevoked   AccessKind = "key.revoked"
	AccessAgentChanged AccessKind = "agent.changed"
	AccessPassword     AccessKind = "agent.password"
	AccessOneTime      AccessKind = "agent.password.one_time"
	AccessPasswordOff  AccessKind = "agent.password.off"
	AccessTOTPOn       AccessKind = "agent.totp.on"
	AccessTOTPOff      AccessKind = "agent.totp.off"
)
