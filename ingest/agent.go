package ingest

import "time"

// Agent is somebody of the town who may use the desk.
type Agent struct {
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
	// HasPassword and HasTOTP say how they log in, Subject by whom they are vouched for
	// ("issuer subject" of OpenID Connect), or "".
	HasPassword, HasTOTP bool
	Subject              string
	CreatedAt, SeenAt    time.Time
}
