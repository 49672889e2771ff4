package ingest

import "time"

// The kinds of outbox rows. They are stored, so they never change.
const (
	// OutboxScanNote brings the note beside a scan (NAME.reçu.txt) up to date.
	OutboxScanNote = "scan.note"
	// OutboxScanCopy makes the searchable copy of a submission's pages.
	OutboxScanCopy = "scan.copy"
	// OutboxMail sends the mail with the same id.
	OutboxMail = "mail"
	// OutboxWebhook tells an endpoint of an event.
	OutboxWebhook = "webhook"
	// OutboxHandover brings a request, and what came to it since, into other software.
	OutboxHandover = "handover"
)

// OutboxNotice tells of a new outbox row.
type OutboxNotice struct {
	ID, Kind string
	Attempt  int
}

// Copy is the searchable copy of the pages of a submission: a PDF with their words under
// the image.
type Copy struct {
	// SHA256 and Size are those of the file; "" where none can be made, and then Reason
	// says why, in French.
	SHA256 string
	Size   int64
	Pages  int
	// PDFA is true when it is PDF/A.
	PDFA   bool
	Reason string
	MadeAt time.Time
}

// OutboxState is where an outbox row stands.
type OutboxState string

// The states of an outbox row.
const (
	OutboxPending   OutboxState = "pending"
	OutboxDelivered OutboxState = "delivered"
	OutboxFailed    OutboxState = "failed"
)

// OutboxItem is something that is to leave the house. ID is the idempotency key of
// its delivery.
type OutboxItem struct {
	ID         string
	Kind       string
	Submission string // id, or ""
	Request    string // reference, or ""
	Payload    string // JSON
	State      OutboxState
	Reason     string
	Attempt    int
	CreatedAt  time.Time
}
