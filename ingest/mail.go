package ingest

import (
	"slices"
	"time"
)

// MailKind says what the town writes to whom.
type MailKind string

// The kinds of mails. They are stored, so they never change.
const (
	// MailAEE is the accusé d’enregistrement électronique (CRPA R112-11-2).
	MailAEE MailKind = "aee"
	// MailARE is the accusé de réception électronique (CRPA L112-11, R112-11-1).
	MailARE MailKind = "are"
	// MailJoined acknowledges what joined a request that was there.
	MailJoined MailKind = "joined"
	// MailPaper is the acknowledgement of what did not come electronically (CRPA L112-3):
	// a letter to be printed.
	MailPaper MailKind = "paper"
	// MailStatus tells the citizen that the request has gone a step on.
	MailStatus MailKind = "status"
	// MailPieces asks the citizen for missing pieces (CRPA L114-5), MailPiecesReminder once more.
	MailPieces         MailKind = "pieces"
	MailPiecesReminder MailKind = "pieces_reminder"
	// MailReply is an agent's answer to the citizen, in their own words: by mail, or as a
	// letter to be printed.
	MailReply MailKind = "reply"
	// MailCounterReceipt is the receipt of what was said at the counter or on the phone, sent
	// because the citizen wants it by mail. It is no acknowledgement of the law: that one
	// follows on paper (CRPA L112-3).
	MailCounterReceipt MailKind = "counter_receipt"
	// MailService tells a service of a new request, MailDigest of those of the last hour.
	MailService MailKind = "service"
	MailDigest  MailKind = "digest"
	// MailMorning tells a service what is due soon, due today, or late; MailEscalation its manager.
	MailMorning    MailKind = "morning"
	MailEscalation MailKind = "escalation"
)

// Receipt reports whether the law asks for it: such a mail is bound to no rate.
func (k MailKind) Receipt() bool { return k == MailAEE || k == MailARE || k == MailPaper }

// ToCitizen reports whether it is written to who asked, not to somebody of the town.
func (k MailKind) ToCitizen() bool {
	return slices.Contains([]MailKind{MailAEE, MailARE, MailJoined, MailPaper, MailStatus, MailPieces, MailPiecesReminder, MailReply, MailCounterReceipt}, k)
}

// MailState is where a mail stands.
type MailState string

// The states of a mail. They are stored, so they never change.
const (
	MailQueued MailState = "queued" // to be sent
	MailSent   MailState = "sent"   // the server has taken it
	// MailFailed was refused, or could not be sent for days: an agent's task.
	MailFailed MailState = "failed"
	// MailBounced was taken and came back: for the appeal periods it was never sent (L112-12).
	MailBounced MailState = "bounced"
	// MailWithheld is not sent, and Reason says why.
	MailWithheld MailState = "withheld"
	MailToPrint  MailState = "to_print"
	MailPrinted  MailState = "printed"
)

// MailStates lists the states in the order above.
func MailStates() []MailState {
	return []MailState{MailQueued, MailSent, MailFailed, MailBounced, MailWithheld, MailToPrint, MailPrinted}
}

// MailDraft is a mail that was decided on. What it says is made when it is sent or printed.
type MailDraft struct {
	Kind MailKind
	// To is the address; "" for paper and for what is withheld for want of one.
	To string
	// Withheld says why it is not sent, in French; "" when it is.
	Withheld string
	// NotBefore is when it may go at the earliest; zero means at once.
	NotBefore time.Time
	Detail    MailDetail
	// Key tells a draft from the same one sent again; "" for what has another guard.
	Key string
}

// OnPaper is that of Mail.
func (d MailDraft) OnPaper() bool { return d.Kind == MailPaper || d.Detail.Paper }

// MailDetail is what a mail says that cannot be looked up later.
type MailDetail struct {
	// Status is the new one, of MailStatus.
	Status Status `json:"status,omitempty"`
	// Note is what an agent wrote to the citizen.
	Note string `json:"note,omitempty"`
	// Pieces are the missing ones, and Until the last day of the time allowed, as 2026-04-23.
	Pieces []string `json:"pieces,omitempty"`
	Until  string   `json:"until,omitempty"`
	// Service is whom a mail within the town is for, References what it is about.
	Service    string   `json:"service,omitempty"`
	References []string `json:"references,omitempty"`

	// Of MailReply: what the agent wrote, who they are, and how the letter is addressed.
	Subject string   `json:"subject,omitempty"`
	Body    string   `json:"body,omitempty"`
	Officer *Officer `json:"officer,omitempty"`
	// Recipient is to whom a letter is addressed; nil leaves it to what is known of the citizen.
	Recipient *Addressee `json:"recipient,omitempty"`
	// Paper is set for a letter to be printed.
	Paper bool `json:"paper,omitempty"`
	// Answers is the submission that a mail answers in its thread, where that is not the one
	// that it is about.
	Answers string `json:"answers,omitempty"`
}

// Addressee is to whom a letter is posted.
type Addressee struct {
	Name    string `json:"name"`
	Address string `json:"address"` // postal, its lines parted by line feeds
}

// Officer is the agent who writes to a citizen: name, function, service, and where they are
// reached (CRPA L111-2).
type Officer struct {
	Name    string `json:"name"`
	Title   string `json:"title,omitempty"`
	Service string `json:"service,omitempty"`
	Email   string `json:"email,omitempty"`
	Phone   string `json:"phone,omitempty"`
	Address string `json:"address,omitempty"`
}

// Mail is a mail as the store keeps it.
type Mail struct {
	ID         string
	Kind       MailKind
	State      MailState
	Reason     string
	Request    string // reference, or ""
	Submission string // id, or ""
	To         string
	// MessageID is without angle brackets; "" until the mail is made.
	MessageID string
	Detail    MailDetail
	CreatedAt time.Time
	// NotBefore is when it may go at the earliest; zero means at once.
	NotBefore time.Time
	EndedAt   time.Time // when it was sent, refused, printed; zero while it was not
	// SHA256 and Size are those of the bytes sent; "" until they are made.
	SHA256 string
	Size   int64
	// Answer is the last word of the mail server.
	Answer string
	// Number is that of the register of outgoing mail, D-2026-000123, or "".
	Number string
}

// OnPaper reports whether it is a letter to be printed (PDF), and not a mail.
func (m Mail) OnPaper() bool { return m.Kind == MailPaper || m.Detail.Paper }
