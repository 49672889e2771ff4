package ingest

import "time"

// Correspondence decides what the town owes by when, and what it writes to whom. Its
// methods are asked inside the store's transactions: they go by their arguments only, and
// must be quick.
type Correspondence interface {
	// Deadlines computes those of a request.
	Deadlines(f DeadlineFacts) []Deadline
	// Receipts decides what is written for a submission that was filed just now, or whose
	// request a person has confirmed.
	Receipts(f ReceiptFacts) Reply
	// StatusChanged decides who is told of a new status.
	StatusChanged(f StatusFacts) []MailDraft
	// Transmitted decides how the citizen is told that another administration is competent.
	Transmitted(f StatusFacts, administration string) []MailDraft
	// PiecesAsked decides how the citizen is asked for missing pieces.
	PiecesAsked(f PiecesFacts) []MailDraft
	// Unreachable says in French why no mail that a person writes can go to an address, or "".
	Unreachable(to string) string
}

// Reply is what comes of a submission for those concerned.
type Reply struct {
	Mails []MailDraft
	// Assigned is the service to which the request is handed, or "".
	Assigned string
}

// MailLog is what was written to an address of late.
type MailLog struct {
	// Receipts counts the receipts of the last hour.
	Receipts int
	// LastReceipt and LastOther are when the newest receipt, and the newest mail that is
	// none, was decided on, or is to go; zero when there is none within a day.
	LastReceipt, LastOther time.Time
}

// ReceiptFacts are what receipts depend on.
type ReceiptFacts struct {
	Now time.Time
	// Submission is the one to be acknowledged.
	Submission string
	Channel    Channel
	ReceivedAt time.Time
	From       Person
	// NoReceipt is set for what was imported without receipts.
	NoReceipt bool
	// NoReply says why mail rules forbid an automatic answer, or "".
	NoReply string

	Link      Link
	Reference string
	Category  string
	Service   string
	// Confidence (0–1) is how sure the category is.
	Confidence  float64
	NeedsReview bool
	// Confirmed is set when a person has chosen or confirmed the category; Procedure is
	// the kind of file that they named, or "".
	Confirmed bool
	Procedure string
	// Sent are the receipts that there are for the submission already, in whatever state.
	Sent []MailKind
	Log  MailLog
}

// StatusFacts are what the notice of a new status depends on.
type StatusFacts struct {
	Now       time.Time
	Reference string
	Category  string
	Old, New  Status
	Note      string
	// To is the citizen's address, or ""; NoReply why they must not be written to.
	To      string
	NoReply string
	Log     MailLog
}

// PiecesFacts are what asking for pieces depends on.
type PiecesFacts struct {
	Now     time.Time
	Pieces  []string
	Until   string
	Note    string
	To      string
	NoReply string
}

// DeadlineFacts are what the deadlines of a request depend on.
type DeadlineFacts struct {
	Category  string
	Procedure string
	Channel   Channel
	Received  time.Time
	Postmark  time.Time
	// NoReceipt is set for what was imported without receipts, at Recorded.
	NoReceipt bool
	Recorded  time.Time
	// First is when another administration got it that passed it on; zero when none did.
	First time.Time
	// Elsewhere is set when another administration is competent, Competent when it got it.
	Elsewhere bool
	Competent time.Time
	Asked     []AskedPieces
	// Receipts are those of the opening that were sent or printed, oldest first.
	Receipts []SentReceipt
	// Answered is when the town answered; zero while it has not.
	Answered time.Time
}

// SentReceipt is a receipt that left the house.
type SentReceipt struct {
	Kind MailKind
	At   time.Time
}

// AskedPieces is one demand for missing pieces (CRPA L114-5).
type AskedPieces struct {
	At     time.Time
	Until  string // the last day of the time allowed, as 2026-04-23
	Pieces []string
	CameAt time.Time // zero while they are awaited
}
