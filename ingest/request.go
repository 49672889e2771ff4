package ingest

import "time"

// Status is where a request stands for the citizen and the town.
type Status string

// The life of a request.
const (
	StatusNew            Status = "new"
	StatusAssigned       Status = "assigned"
	StatusInProgress     Status = "in_progress"
	StatusWaitingCitizen Status = "waiting_citizen"
	StatusAnswered       Status = "answered"
	StatusClosed         Status = "closed"
)

// Request is a matter that the town handles. It is opened by one submission;
// duplicates and follow-ups join it.
type Request struct {
	Reference   string
	Status      Status
	Category    string
	Service     string
	Confidence  float64
	NeedsReview bool
	Reasons     []string
	Subject     string
	Text        string
	Sender      Person
	Place       string
	OpenedAt    time.Time
	Deadlines   []Deadline
	Submissions []RequestSubmission
	Suggestions []Suggestion
}

// Deadline is a date that a rule of law or of the town sets for a request.
type Deadline struct {
	Kind   string
	Due    time.Time
	Rule   string
	DoneAt time.Time // zero while open
}

// RequestSubmission is a submission as its request lists it.
type RequestSubmission struct {
	ID         string
	Channel    Channel
	Link       Link
	ReceivedAt time.Time
}

// Suggestion is another request that may be about the same matter, for a person to
// decide.
type Suggestion struct {
	Reference string
	Score     float64 // 0–1
	Why       string
}

// Ranked is a category with its score (0–1).
type Ranked struct {
	Category string
	Score    float64
}

// Classification is what a Classifier makes of a submission.
type Classification struct {
	// Category and Service are "" when nothing speaks for any of them.
	Category string
	Service  string
	// Confidence is 0–1; NeedsReview is set where it is too low to go without a person.
	Confidence  float64
	NeedsReview bool
	// Reasons names the rules and words that decided, for people.
	Reasons []string
	// Top holds the best categories, best first.
	Top []Ranked
}

// Candidate is a filed submission that a new one may belong to.
type Candidate struct {
	SubmissionID string
	Request      string // reference
	Channel      Channel
	From         Person
	MessageID    string
	ReceivedAt   time.Time
}

// Match says where a submission belongs.
type Match struct {
	// Link is LinkOpens, or how it joins Request.
	Link    Link
	Request string // reference; "" for LinkOpens
	Reasons []string
	// Suggestions are requests that it may belong to; Score is 0–1.
	Suggestions []Suggestion
}
