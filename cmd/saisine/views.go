package main

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"saisine.fr/saisine/ingest"
)

// The JSON of the interface: its names are promises to scripts. Lists are [] and
// never null, times are RFC 3339 with the town's offset.

type submissionJSON struct {
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
	Attachments []attachmentJSON `json:"attachments"`
	Problems    []ingest.Problem `json:"problems"`
	// Parents are the submissions that it was made from: of a letter the scan that it was in.
	Parents []string `json:"parents,omitempty"`
	// Pages is what was read page by page.
	Pages   []ingest.Page `json:"pages,omitempty"`
	OwnText string        `json:"own_text,omitempty"`
	// Date is the sender's own: of a mail its header's, of a letter the one above it.
	Date     string              `json:"date,omitempty"`
	Letter   *ingest.LetterFacts `json:"letter,omitempty"`
	Postmark string              `json:"postmark,omitempty"`
	// Letters and Copy are given by "submissions show" only.
	Letters []string  `json:"letters,omitempty"`
	Copy    *copyJSON `json:"copy,omitempty"`
}

// copyJSON is the searchable copy.
type copyJSON struct {
	SHA256 string `json:"sha256"`
	Size   int64  `json:"size"`
	Pages  int    `json:"pages"`
	PDFA   bool   `json:"pdfa"`
	Reason string `json:"reason"`
	MadeAt string `json:"made_at"`
}

type attachmentJSON struct {
	Name   string `json:"name"`
	Type   string `json:"type"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

type requestJSON struct {
	Reference   string                  `json:"reference"`
	Status      ingest.Status           `json:"status"`
	Category    string                  `json:"category"`
	Service     string                  `json:"service"`
	Confidence  float64                 `json:"confidence"`
	NeedsReview bool                    `json:"needs_review"`
	Reasons     []string                `json:"reasons"`
	Subject     string                  `json:"subject"`
	Text        string                  `json:"text"`
	Sender      ingest.Person           `json:"sender"`
	Place       string                  `json:"place"`
	OpenedAt    string                  `json:"opened_at"`
	Deadlines   []deadlineJSON          `json:"deadlines"`
	Submissions []requestSubmissionJSON `json:"submissions"`
	Suggestions []suggestionJSON        `json:"suggested_duplicates"`
	// CategoryBy is the person who chose or confirmed the category.
	CategoryBy     string `json:"category_by"`
	SecondCategory string `json:"second_category"`
	// Urgent are the words of danger that were found.
	Urgent []string `json:"urgent"`
	// MergedFrom are the references that lead here since a merge.
	MergedFrom []string `json:"merged_from"`
	// Mails are what was written for it; given by "requests show" only.
	Mails []mailJSON `json:"mails,omitempty"`
	// History is given by "requests show" only.
	History []eventJSON `json:"history,omitempty"`
}

type deadlineJSON struct {
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

type requestSubmissionJSON struct {
	ID         string         `json:"id"`
	Channel    ingest.Channel `json:"channel"`
	Link       ingest.Link    `json:"link"`
	ReceivedAt string         `json:"received_at"`
}

type suggestionJSON struct {
	Reference string  `json:"reference"`
	Score     float64 `json:"score"`
	Why       string  `json:"why"`
	// Kind is same, neighbour or group.
	Kind ingest.SuggestionKind `json:"kind"`
}

// readJSON is a line of `saisine read --json`.
type readJSON struct {
	File        string               `json:"file"`
	Kind        string               `json:"kind"`
	Subject     string               `json:"subject"`
	From        ingest.Person        `json:"from"`
	To          []string             `json:"to"`
	Cc          []string             `json:"cc"`
	Date        string               `json:"date"`
	MessageID   string               `json:"message_id"`
	InReplyTo   string               `json:"in_reply_to"`
	Automatic   string               `json:"automatic"`
	Text        string               `json:"text"`
	Attachments []readAttachmentJSON `json:"attachments"`
	Pages       []ingest.Page        `json:"pages"`
	Letters     []letterJSON         `json:"letters"`
	OwnText     string               `json:"own_text,omitempty"`
	Letter      *ingest.LetterFacts  `json:"letter,omitempty"`
	Problems    []ingest.Problem     `json:"problems"`
}

type readAttachmentJSON struct {
	attachmentJSON
	Text string `json:"text"`
}

type letterJSON struct {
	Pages     [2]int `json:"pages"`
	Separator string `json:"separator"`
}

func rfc3339(t time.Time, zone *time.Location) string {
	if t.IsZero() {
		return ""
	}
	return t.In(zone).Format(time.RFC3339)
}

func viewSubmission(rec ingest.Record, zone *time.Location) submissionJSON {
	v := submissionJSON{
		ID: rec.ID, Channel: rec.Channel, Account: rec.Account, SourceKey: rec.SourceKey,
		ReceivedAt: rfc3339(rec.ReceivedAt, zone), SHA256: rec.SHA256, Size: rec.Size,
		State: rec.State, Reason: rec.Reason, Request: rec.Request, Link: rec.Link,
		Attachments: []attachmentJSON{}, Problems: []ingest.Problem{}, Parents: rec.Hints.Parents, Postmark: day(rec.Hints.Postmark),
	}
	if r := rec.Reading; r != nil {
		v.Subject, v.Text, v.From, v.MessageID = r.Subject, r.Text, r.From, r.MessageID
		v.Pages, v.OwnText, v.Letter = r.Pages, r.OwnText, letterFacts(*r)
		v.Date = rfc3339(r.Date, r.Date.Location())
		for _, a := range r.Attachments {
			v.Attachments = append(v.Attachments, viewAttachment(a))
		}
		v.Problems = append(v.Problems, r.Problems...)
	} else {
		v.Problems = append(v.Problems, rec.Hints.Problems...)
	}
	return v
}

func viewAttachment(a ingest.Attachment) attachmentJSON {
	return attachmentJSON{Name: a.Name, Type: a.Type, Size: a.Size, SHA256: a.SHA256}
}

func viewRequest(q ingest.Request, zone *time.Location) requestJSON {
	v := requestJSON{
		Reference: q.Reference, Status: q.Status, Category: q.Category, Service: q.Service,
		Confidence: q.Confidence, NeedsReview: q.NeedsReview, Reasons: nonNil(q.Reasons),
		Subject: q.Subject, Text: q.Text, Sender: q.Sender, Place: q.Place, OpenedAt: rfc3339(q.OpenedAt, zone),
		Deadlines: []deadlineJSON{}, Submissions: []requestSubmissionJSON{}, Suggestions: []suggestionJSON{},
		CategoryBy: q.CategoryBy, SecondCategory: q.SecondCategory, Urgent: nonNil(q.Urgent), MergedFrom: nonNil(q.MergedFrom),
	}
	for _, d := range q.Deadlines {
		v.Deadlines = append(v.Deadlines, deadlineJSON{
			Kind: d.Kind, Due: rfc3339(d.Due, zone), Rule: d.Rule, DoneAt: rfc3339(d.DoneAt, zone), Day: d.Day, Article: d.Article, Sense: d.Sense, Who: d.Who,
		})
	}
	for _, m := range q.Mails {
		v.Mails = append(v.Mails, viewMail(m, zone))
	}
	for _, s := range q.Submissions {
		v.Submissions = append(v.Submissions, requestSubmissionJSON{s.ID, s.Channel, s.Link, rfc3339(s.ReceivedAt, zone)})
	}
	for _, s := range q.Suggestions {
		v.Suggestions = append(v.Suggestions, suggestionJSON(s))
	}
	return v
}

func viewReading(file string, r ingest.Reading) readJSON {
	v := readJSON{
		File: file, Kind: r.Kind, Subject: r.Subject, From: r.From, To: nonNil(r.To), Cc: nonNil(r.Cc),
		MessageID: r.MessageID, Automatic: r.Automatic, Text: r.Text,
		Attachments: []readAttachmentJSON{}, Pages: nonNil(r.Pages), Letters: []letterJSON{}, Problems: nonNil(r.Problems),
	}
	if !r.Date.IsZero() {
		v.Date = r.Date.Format(time.RFC3339)
	}
	if len(r.InReplyTo) > 0 {
		v.InReplyTo = r.InReplyTo[0]
	}
	for _, a := range r.Attachments {
		v.Attachments = append(v.Attachments, readAttachmentJSON{viewAttachment(a), a.Text})
	}
	v.OwnText, v.Letter = r.OwnText, letterFacts(r)
	letters, _ := r.Letters()
	for _, l := range letters {
		v.Letters = append(v.Letters, letterJSON{Pages: [2]int{l.First, l.Last}, Separator: l.Separator})
	}
	return v
}

// letterFacts is what a letter says of itself, or nil when it says nothing.
func letterFacts(r ingest.Reading) *ingest.LetterFacts {
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

func nonNil[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

// jsonLines writes one JSON object a line.
type jsonLines struct{ enc *json.Encoder }

func newJSONLines(w io.Writer) jsonLines {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return jsonLines{enc}
}

func (j jsonLines) print(v any) error {
	if err := j.enc.Encode(v); err != nil {
		return fmt.Errorf("write output: %w", err)
	}
	return nil
}
