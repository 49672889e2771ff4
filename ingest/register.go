package ingest

import "time"

// RegisterLine is a line of the chronological register of incoming or outgoing mail.
type RegisterLine struct {
	// Number is A-2026-000123 for what came in, D-2026-000123 for what went out.
	Number string
	At     time.Time
	// Who is the sender, or of outgoing mail the recipient.
	Who     string
	Subject string
	Service string
	Channel Channel
	// Request is the reference that it belongs to, or "".
	Request string
	// Submission or Mail is the id of the thing itself.
	Submission, Mail string
	// By is the agent who wrote it, of outgoing mail.
	By string
}
