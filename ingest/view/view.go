// Package view is the JSON of submissions and requests, for the commands and for the JSON
// interface alike. Its names are promises to scripts: lists are [] and never null, times are
// RFC 3339 with the town's offset, "" where there is none.
package view

import (
	"encoding/json"
	"time"

	"saisine.fr/saisine/ingest"
)

// Submission is one thing that one channel received.
type Submission struct {
	ID          string           `json:"id"`
	Channel     ingest.Channel   `json:"channel"`
	Account     string           `json:"account"`
	SourceKey   string           `json:"source_key"`
	ReceivedAt  string           `json:"received_at"`
	SHA256      string           `json:"sha256"`
	Size        int64            `json:"size"`
	State       ingest.State     `json:"state"`
	Reason      string           `json:"reason"`
	Request     string           `json:"request"`
	Link        ingest.Link      `json:"link"`
	Subject     string           `json:"subject"`
	Text        string           `json:"text"`
	From        ingest.Person    `json:"from"`
	MessageID   string           `json:"message_id"`
	Attachments []Attachment     `json:"attachments"`
	Problems    []ingest.Problem `json:"problems"`
	// Parents are the submissions that it was made from: of a letter the scan that it was in.
	Parents []string `json:"parents,omitempty"`
	// Pages is what was read page by page.
	Pages   []ingest.Page `json:"pages,omitempty"`
	OwnText string        `json:"own_text,omitempty"`
	// Date is the sender's own: of a mail its header's, of a letter the one above it.
	Date string `json:"date,omitempty"`
	// Position is where it is in numbers, when the sender gave it.
	Position *ingest.Position    `json:"position,omitempty"`
	Letter   *ingest.LetterFacts `json:"letter,omitempty"`
	Postmark string              `json:"postmark,omitempty"`
	// EliminatedAt is when it was eliminated, by the list with the number Elimination: then its
	// original and what was read are gone.
	EliminatedAt string `json:"eliminated_at,omitempty"`
	Elimination  int64  `json:"elimination,omitempty"`
	// Letters and Copy are given by "submissions show" only.
	Letters []string `json:"letters,omitempty"`
	Copy    *Copy    `json:"copy,omitempty"`
	// Antivirus is what the virus scan said of it.
	Antivirus Antivirus `json:"antivirus"`
}

// Antivirus is what the virus scan said of a submission.
type Antivirus struct {
	// State is not_scanned, pending, clean, infected or unscannable.
	State string `json:"state"`
	// Held is set while it is kept back for a person to decide.
	Held bool `json:"held"`
	// Signature names the virus, or says what could not be scanned and why.
	Signature string `json:"signature"`
	// File is the file that it was found in; "" for the original itself.
	File       string `json:"file"`
	Scanner    string `json:"scanner"`
	At         string `json:"at"`
	ReleasedBy string `json:"released_by"`
	ReleasedAt string `json:"released_at"`
}

// OfVerdict is what the virus scan said.
func OfVerdict(v ingest.Verdict, zone *time.Location) Antivirus {
	out := Antivirus{
		State: string(v.State), Held: v.Held(), Signature: v.Signature, File: v.File, Scanner: v.Scanner, At: Time(v.At, zone),
		ReleasedBy: v.ReleasedBy, ReleasedAt: Time(v.ReleasedAt, zone),
	}
	if v.State == ingest.VirusUnknown {
		out.State = "not_scanned"
	}
	return out
}

// Copy is the searchable copy.
type Copy struct {
	SHA256 string `json:"sha256"`
	Size   int64  `json:"size"`
	Pages  int    `json:"pages"`
	PDFA   bool   `json:"pdfa"`
	Reason string `json:"reason"`
	MadeAt string `json:"made_at"`
}

// Attachment is a file that came with a submission.
type Attachment struct {
	Name   string `json:"name"`
	Type   string `json:"type"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// Request is a matter that the town handles.
type Request struct {
	Reference   string        `json:"reference"`
	Status      ingest.Status `json:"status"`
	Category    string        `json:"category"`
	Service     string        `json:"service"`
	Confidence  float64       `json:"confidence"`
	NeedsReview bool          `json:"needs_review"`
	Reasons     []string      `json:"reasons"`
	Subject     string        `json:"subject"`
	Text        string        `json:"text"`
	Sender      ingest.Person `json:"sender"`
	Place       string        `json:"place"`
	OpenedAt    string        `json:"opened_at"`
	Deadlines   []Deadline    `json:"deadlines"`
	Submissions []Piece       `json:"submissions"`
	Suggestions []Suggestion  `json:"suggested_duplicates"`
	// CategoryBy is the person who chose or confirmed the category.
	CategoryBy     string `json:"category_by"`
	SecondCategory string `json:"second_category"`
	// Urgent are the words of danger that were found.
	Urgent []string `json:"urgent"`
	// MergedFrom are the references that lead here since a merge.
	MergedFrom []string `json:"merged_from"`
	// Handovers are what other software has of it, or is to get.
	Handovers []Handover `json:"handovers"`
	// EliminatedAt is when it was eliminated, by the list with the number Elimination: then nothing
	// is left of it but its reference, its category and its dates.
	EliminatedAt string `json:"eliminated_at,omitempty"`
	Elimination  int64  `json:"elimination,omitempty"`
	// Mails are what was written for it; given by "requests show" only.
	Mails []Mail `json:"mails,omitempty"`
	// History is given by "requests show" only.
	History []Event `json:"history,omitempty"`
}

// Deadline is a date that a rule sets for a request.
type Deadline struct {
	Kind   string `json:"kind"`
	Due    string `json:"due"`
	Rule   string `json:"rule"`
	DoneAt string `json:"done_at"`
	// Day is the date by the town's calendar; Sense what silence then means.
	Day     string `json:"day"`
	Article string `json:"article"`
	Sense   string `json:"sense"`
	Who     string `json:"who"`
	// Explanation is given by "requests show" only.
	Explanation []string `json:"explanation,omitempty"`
}

// Piece is a submission as its request lists it.
type Piece struct {
	ID         string         `json:"id"`
	Channel    ingest.Channel `json:"channel"`
	Link       ingest.Link    `json:"link"`
	ReceivedAt string         `json:"received_at"`
}

// Suggestion is another request that may be about the same matter.
type Suggestion struct {
	Reference string  `json:"reference"`
	Score     float64 `json:"score"`
	Why       string  `json:"why"`
	// Kind is same, neighbour or group.
	Kind ingest.SuggestionKind `json:"kind"`
}

// Time writes a moment with the offset of zone; "" for the zero one.
func Time(t time.Time, zone *time.Location) string {
	if t.IsZero() {
		return ""
	}
	return t.In(zone).Format(time.RFC3339)
}

// OfSubmission is a row of the ledger with what was read of it.
func OfSubmission(rec ingest.Record, zone *time.Location) Submission {
	v := Submission{
		ID: rec.ID, Channel: rec.Channel, Account: rec.Account, SourceKey: rec.SourceKey,
		ReceivedAt: Time(rec.ReceivedAt, zone), SHA256: rec.SHA256, Size: rec.Size,
		State: rec.State, Reason: rec.Reason, Request: rec.Request, Link: rec.Link,
		Attachments: []Attachment{}, Problems: []ingest.Problem{}, Parents: rec.Hints.Parents, Postmark: day(rec.Hints.Postmark),
		Antivirus:    OfVerdict(rec.Verdict, zone),
		EliminatedAt: Time(rec.EliminatedAt, zone), Elimination: rec.Elimination,
	}
	if r := rec.Reading; r != nil {
		v.Subject, v.Text, v.From, v.MessageID = r.Subject, r.Text, r.From, r.MessageID
		v.Pages, v.OwnText, v.Letter, v.Position = r.Pages, r.OwnText, OfLetter(*r), r.Position
		v.Date = Time(r.Date, r.Date.Location())
		for _, a := range r.Attachments {
			v.Attachments = append(v.Attachments, OfAttachment(a))
		}
		v.Problems = append(v.Problems, r.Problems...)
	} else {
		v.Problems = append(v.Problems, rec.Hints.Problems...)
	}
	return v
}

// OfAttachment is an attachment without its text.
func OfAttachment(a ingest.Attachment) Attachment {
	return Attachment{Name: a.Name, Type: a.Type, Size: a.Size, SHA256: a.SHA256}
}

// OfRequest is a request, with its mails when it was read with them.
func OfRequest(q ingest.Request, zone *time.Location) Request {
	v := Request{
		Reference: q.Reference, Status: q.Status, Category: q.Category, Service: q.Service,
		Confidence: q.Confidence, NeedsReview: q.NeedsReview, Reasons: List(q.Reasons),
		Subject: q.Subject, Text: q.Text, Sender: q.Sender, Place: q.Place, OpenedAt: Time(q.OpenedAt, zone),
		Deadlines: []Deadline{}, Submissions: []Piece{}, Suggestions: []Suggestion{}, Handovers: []Handover{},
		CategoryBy: q.CategoryBy, SecondCategory: q.SecondCategory, Urgent: List(q.Urgent), MergedFrom: List(q.MergedFrom),
		EliminatedAt: Time(q.EliminatedAt, zone), Elimination: q.Elimination,
	}
	for _, h := range q.Handovers {
		v.Handovers = append(v.Handovers, OfHandover(h, zone))
	}
	for _, d := range q.Deadlines {
		v.Deadlines = append(v.Deadlines, Deadline{
			Kind: d.Kind, Due: Time(d.Due, zone), Rule: d.Rule, DoneAt: Time(d.DoneAt, zone), Day: d.Day, Article: d.Article, Sense: d.Sense, Who: d.Who,
		})
	}
	for _, m := range q.Mails {
		v.Mails = append(v.Mails, OfMail(m, zone))
	}
	for _, s := range q.Submissions {
		v.Submissions = append(v.Submissions, Piece{s.ID, s.Channel, s.Link, Time(s.ReceivedAt, zone)})
	}
	for _, s := range q.Suggestions {
		v.Suggestions = append(v.Suggestions, Suggestion(s))
	}
	return v
}

// OfLetter is what a letter says of itself, or nil when it says nothing.
func OfLetter(r ingest.Reading) *ingest.LetterFacts {
	if f := r.Letter; f.YourRef != "" || f.OurRef != "" || f.Signature != "" || f.Registered || len(f.Enclosures) > 0 {
		return &f
	}
	return nil
}

func day(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.DateOnly)
}

// List is s, or [] where JSON would make null of it.
func List[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

// Mail is a mail of the town.
type Mail struct {
	ID         string           `json:"id"`
	Kind       ingest.MailKind  `json:"kind"`
	State      ingest.MailState `json:"state"`
	Reason     string           `json:"reason"`
	Request    string           `json:"request"`
	Submission string           `json:"submission"`
	To         string           `json:"to"`
	MessageID  string           `json:"message_id"`
	CreatedAt  string           `json:"created_at"`
	EndedAt    string           `json:"ended_at"`
	SHA256     string           `json:"sha256"`
	Size       int64            `json:"size"`
	Answer     string           `json:"answer"`
	// Journal is given by "mails show" only.
	Journal []JournalLine `json:"journal,omitempty"`
}

// JournalLine says what became of a mail.
type JournalLine struct {
	Seq    int64           `json:"seq"`
	At     string          `json:"at"`
	Kind   string          `json:"kind"`
	SHA256 string          `json:"sha256"`
	Detail json.RawMessage `json:"detail"`
	Hash   string          `json:"hash"`
}

// OfMail is a mail without its journal.
func OfMail(m ingest.Mail, zone *time.Location) Mail {
	return Mail{
		ID: m.ID, Kind: m.Kind, State: m.State, Reason: m.Reason, Request: m.Request, Submission: m.Submission, To: m.To, MessageID: m.MessageID,
		CreatedAt: Time(m.CreatedAt, zone), EndedAt: Time(m.EndedAt, zone), SHA256: m.SHA256, Size: m.Size, Answer: m.Answer,
	}
}

// Event is a line in the history of a request.
type Event struct {
	At         string `json:"at"`
	Kind       string `json:"kind"`
	Actor      string `json:"actor"`
	Submission string `json:"submission"`
	Detail     any    `json:"detail"`
}

// OfHistory is the history of a request.
func OfHistory(events []ingest.Event, zone *time.Location) []Event {
	out := make([]Event, len(events))
	for i, e := range events {
		out[i] = Event{Time(e.At, zone), e.Kind, e.Actor, e.Submission, e.Raw}
	}
	return out
}
