package ingest

import (
	"fmt"
	"time"
)

// Direction says which of the two registers of mail is meant.
type Direction string

// The directions. They are stored, so they never change.
const (
	Incoming Direction = "in"
	Outgoing Direction = "out"
)

// RegisterNumber writes a number of a register as people cite it: A-2026-000123 for what
// came in (arrivée), D-2026-000123 for what went out (départ).
func RegisterNumber(d Direction, year, number int) string {
	letter := "A"
	if d == Outgoing {
		letter = "D"
	}
	return fmt.Sprintf("%s-%d-%06d", letter, year, number)
}

// RegisterLine is a line of the chronological register of incoming or outgoing mail.
type RegisterLine struct {
	// Number is A-2026-000123 for what came in, D-2026-000123 for what went out.
	Number string
	// At is when the town received it, or when it was decided that it goes.
	At time.Time
	// Who is the sender, or of outgoing mail the recipient.
	Who     string
	Subject string
	Service string
	// Channel is that of the submission; of outgoing mail ChannelMailbox, or ChannelScan for paper.
	Channel Channel
	// Request is the reference that it belongs to, or "".
	Request string
	// Submission or Mail is the id of the thing itself, Kind and State those of a mail.
	Submission, Mail string
	Kind             MailKind
	State            MailState
	// By is the agent who wrote it, of outgoing mail.
	By string
}

// RegisterFilter says which lines of a register are wanted.
type RegisterFilter struct {
	Direction Direction
	// From and To bound the time: From is included, To is not.
	From, To time.Time
	Channel  Channel // "" for all
}
