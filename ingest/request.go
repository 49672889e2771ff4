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
	// AnsweredAt is when it was answered or closed; zero while it is open.
	AnsweredAt time.Time
	// Procedure is the kind of file that a person named (notice.Procedure), or "".
	Procedure string
	// Pieces are the demands for missing pieces, oldest first.
	Pieces []AskedPieces
	// Mails are what was written for it, oldest first.
	Mails []Mail
	// CategoryBy is the person who chose or confirmed the category, or "".
	CategoryBy string
	// SecondCategory is another one of which the opening speaks too, or "".
	SecondCategory string
	// Urgent names the words of danger in its submissions, for a person to look at once.
	Urgent []string
	// MergedFrom are the references of the requests that were merged into this one.
	MergedFrom []string
	// Handovers are what other software has of it, or is to get, oldest first.
	Handovers []Handover
	// EliminatedAt is when it was eliminated, by the list with the number Elimination; zero for one
	// that is still there. Then nothing is left of it but its reference, its category and its dates.
	EliminatedAt time.Time
	Elimination  int64
}

// Deadline is a date that a rule of law or of the town sets for a request.
type Deadline struct {
	Kind string
	// Due is the moment by which it must be done; zero while none is set.
	Due time.Time
	// Day is the date by the town's calendar, as 2026-04-23, or "".
	Day string
	// Rule is the rule in a few French words, Article where it stands.
	Rule    string
	Article string
	// Sense is what silence then means: acceptance, rejection, none; "" where it is not
	// about that.
	Sense string
	// Who has to act: town, citizen or other.
	Who    string
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
	// Kind says what the other request is to this one.
	Kind SuggestionKind
}

// SuggestionKind says what a suggested request is to the one that it is suggested for.
type SuggestionKind string

// The kinds of suggestions. They are stored, so they never change.
const (
	// SuggestSame is perhaps the same matter of the same person.
	SuggestSame SuggestionKind = "same"
	// SuggestNeighbour is the same trouble at the same place, reported by somebody else.
	SuggestNeighbour SuggestionKind = "neighbour"
	// SuggestGroup is the same words from somebody else: a petition.
	SuggestGroup SuggestionKind = "group"
)

// Ranked is a category with its score (0–1).
type Ranked struct {
	Category string  `json:"category"`
	Score    float64 `json:"score"`
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
	// Public is true when Category is about public space.
	Public bool
	// Top holds the best categories, best first.
	Top []Ranked
	// Second is a second category of which the message speaks too, or "".
	Second string
	// Urgent names the words of danger that were found, for a person to look at once.
	Urgent []string
	// Aside says why this is no citizen's message, or "": then it is set aside.
	Aside string
}

// Candidate is a filed submission that a new one may belong to.
type Candidate struct {
	SubmissionID string
	Request      string // reference
	Channel      Channel
	From         Person
	MessageID    string
	ReceivedAt   time.Time
	// Status is that of the request, Category its category.
	Status   Status
	Category string
	// Summary is the Profile.Summary of the submission; nil where it has none.
	Summary []byte
	// Shared is how many of the buckets looked up are its own too; 0 when it was found otherwise.
	Shared int
}

// Match says where a submission belongs.
type Match struct {
	// Link is LinkOpens, or how it joins Request.
	Link    Link
	Request string // reference; "" for LinkOpens
	// To is the submission that it answers or repeats; "" for LinkOpens.
	To      string
	Reasons []string
	// Suggestions are requests that it may belong to; Score is 0–1.
	Suggestions []Suggestion
}
