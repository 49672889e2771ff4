package ingest

import "time"

// OutboxScanNote is the kind of outbox row that brings the note beside a scan
// (NAME.reçu.txt) up to date. Kinds are stored, so they never change.
const OutboxScanNote = "scan.note"

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
