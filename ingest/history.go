package ingest

import (
	"encoding/json"
	"time"
)

// Event is a line in the history of a request. Histories are only added to.
type Event struct {
	At time.Time
	// Kind is stable for scripts: request.opened, request.linked, …
	Kind  string
	Actor string
	// Submission is the one that it is about, or "".
	Submission string
	Detail     EventDetail
	// Raw is the detail as it is kept, a JSON object.
	Raw json.RawMessage
}

// EventDetail is what the events of requests say; each kind has some of it.
type EventDetail struct {
	// From and To are the references between which Submissions were moved.
	From, To    string
	Submissions []string
	// Opens is the submission that opens a request from then on: the one that was taken
	// out, or the one that the opening left behind.
	Opens string
	// Restored is set when To is a merged request that was given back.
	Restored bool
	Reasons  []string
	// Old and New are the categories of a correction.
	Old, New *Choice
	// OldStatus and NewStatus are those of a change, Note what was written to the citizen.
	OldStatus Status `json:"old_status"`
	NewStatus Status `json:"new_status"`
	Note      string
	Service   string
	// Pieces were asked for, Until the last day of the time allowed.
	Pieces []string
	Until  string
	// Mail is the mail that it is about, Kind its kind, Reason why it was not sent.
	Mail, Kind, Reason string
	// Before and After are what was corrected.
	Before, After *Correction
	// Agent is the login to whom a request was handed, "" for nobody; Text what an agent noted.
	Agent, Text string
	// Number is that of an answer in the register of outgoing mail, Paper set for a letter.
	Number string
	Paper  bool
}

// Choice is the category of a request as the event of a correction keeps it.
type Choice struct {
	Category string `json:"category"`
	Service  string `json:"service"`
	// By is the person who chose, or "" for saisine.
	By          string  `json:"by"`
	Confidence  float64 `json:"confidence"`
	NeedsReview bool    `json:"needs_review"`
}
