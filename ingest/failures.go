package ingest

import "time"

// FailureKind is one of the lists of what went wrong. The words stand in addresses, so they
// never change.
type FailureKind string

// The lists.
const (
	FailedSubmissions FailureKind = "envois"     // could not be treated
	FailedDeliveries  FailureKind = "livraisons" // what is no mail and could not be made or brought
	FailedMails       FailureKind = "courriers"  // refused by the mail server, or come back
	WithheldMails     FailureKind = "retenus"    // not sent, by rule
	SetAside          FailureKind = "ecartes"    // taken for no citizen's message
)

// FailureKinds lists them in the order above.
func FailureKinds() []FailureKind {
	return []FailureKind{FailedSubmissions, FailedDeliveries, FailedMails, WithheldMails, SetAside}
}

// Urgent reports whether a person must see to what is in the list. The others are there to
// be looked through.
func (k FailureKind) Urgent() bool {
	return k == FailedSubmissions || k == FailedDeliveries || k == FailedMails
}

// Failure is one thing that went wrong, or was held back.
type Failure struct {
	Kind FailureKind
	// Seq is its place in its list.
	Seq int64
	ID  string // of the submission, the delivery or the mail
	// At is when it came in, or was written.
	At time.Time
	// Reason is what was recorded, as it stands.
	Reason string
	// Attempt is how often it was taken up anew; -1 for what was never tried.
	Attempt int

	// Channel and Account say how a submission came in, Filename under which name.
	Channel  Channel
	Account  string
	Filename string
	// MediaType is that of a submission, Partial is set when the thing itself is not there.
	MediaType string
	Partial   bool
	// Verdict is what the virus scan said of a submission.
	Verdict Verdict
	// Outbox is the kind of a delivery, Mail and State those of a mail.
	Outbox string
	Mail   MailKind
	State  MailState

	// Subject, From and To are what is known of it.
	Subject string
	From    Person
	To      string
	// Request is the reference of the request that it is about, Submission the piece, or "".
	Request    string
	Submission string
}

// CanRetry reports whether trying again may help: the thing is there, and has somewhere to
// go.
func (f Failure) CanRetry() bool {
	switch f.Kind {
	case FailedSubmissions:
		return !f.Partial
	case FailedMails:
		return f.State == MailFailed
	case WithheldMails:
		return f.To != ""
	}
	return true
}

// FailurePage is a page of a list of failures, the newest first.
type FailurePage struct {
	Items []Failure
	// Next asks for the page after this one (Failure.Seq of its last); 0 when this is the last.
	Next int64
}
