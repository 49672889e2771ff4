package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"saisine.fr/saisine/channels/desk"
	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/facts"
	"saisine.fr/saisine/ingest/match"
)

// deskCounter is desk.Counter.
type deskCounter struct {
	h   *house
	now func() time.Time
}

var _ desk.Counter = deskCounter{}

// knownMax is how many earlier requests are shown.
const knownMax = 8

// Known implements desk.Counter: requests of the phone number come first, then those of the
// name. Of several that say the same of their sender the newest stands for all.
func (d deskCounter) Known(ctx context.Context, v ingest.Viewer, phone, name string) ([]ingest.Acquaintance, error) {
	var found []ingest.Acquaintance
	if number := facts.E164(phone); number != "" {
		same, err := d.h.store.ByPhone(ctx, v, number)
		if err != nil {
			return nil, err
		}
		for _, a := range same {
			if facts.E164(a.Sender.Phone) == number {
				found = append(found, a)
			}
		}
	}
	if name != "" {
		same, err := d.h.store.ByName(ctx, v, name)
		if err != nil {
			return nil, err
		}
		found = append(found, same...)
	}
	var out []ingest.Acquaintance
	for _, a := range found {
		if len(out) < knownMax && !slices.ContainsFunc(out, func(have ingest.Acquaintance) bool { return have.Sender == a.Sender }) {
			out = append(out, a)
		}
	}
	return out, nil
}

// Acquaintance implements desk.Counter.
func (d deskCounter) Acquaintance(ctx context.Context, v ingest.Viewer, reference string) (ingest.Acquaintance, error) {
	return d.h.store.Acquaintance(ctx, v, reference)
}

// similarMax is how many similar requests are shown.
const similarMax = 5

// Similar implements desk.Counter. It does with a note what filing will do, short of filing
// it: reading, classifying, matching.
func (d deskCounter) Similar(ctx context.Context, v ingest.Viewer, n ingest.Note) ([]desk.Likeness, error) {
	content, err := json.Marshal(n)
	if err != nil {
		return nil, fmt.Errorf("note: %w", err)
	}
	now := d.now()
	rec := ingest.Record{Channel: n.ChannelName(), Account: desk.Account, MediaType: ingest.MediaNote, ReceivedAt: now, RecordedAt: now}
	reading, err := d.h.newReader(nil).Read(ctx, ingest.NewBlob(content), rec)
	if err != nil {
		return nil, err
	}
	// A process without workers knows no model and no rare words: it compares the words alone.
	matcher := &match.Matcher{Tokens: d.h.tokens, Now: d.now, Window: time.Duration(d.h.cfg.Matching.Days) * 24 * time.Hour}
	var class ingest.Classification
	if u := d.h.understand; u != nil {
		matcher.Weights = u.weights()
		class = u.classifier.Classify(ctx, rec, reading)
	}
	profile := matcher.Profile(rec, reading, class)
	m, err := d.h.store.Compare(ctx, v, func(ctx context.Context, c ingest.Candidates) (ingest.Match, error) {
		return matcher.Match(ctx, c, rec, reading, profile)
	})
	if err != nil {
		return nil, err
	}
	return d.likenesses(ctx, v, m)
}

func (d deskCounter) likenesses(ctx context.Context, v ingest.Viewer, m ingest.Match) ([]desk.Likeness, error) {
	list := m.Suggestions
	certain := m.Link == ingest.LinkDuplicate || m.Link == ingest.LinkFollowUp
	if certain {
		why := ""
		if len(m.Reasons) > 0 {
			why = m.Reasons[0]
		}
		list = append([]ingest.Suggestion{{Reference: m.Request, Score: 1, Why: why, Kind: ingest.SuggestSame}}, list...)
	}
	var out []desk.Likeness
	for i, s := range list[:min(len(list), similarMax)] {
		q, err := d.h.store.RequestFor(ctx, v, s.Reference)
		if errors.Is(err, ingest.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		s.Reference = q.Reference
		out = append(out, desk.Likeness{
			Suggestion: s, Reference: q.Reference, Subject: q.Subject, Sender: q.Sender.Name, Place: q.Place,
			Category: d.label(q.Category), Status: q.Status, Certain: certain && i == 0,
		})
	}
	return out, nil
}

func (d deskCounter) label(code string) string {
	if code == "" {
		return ""
	}
	return d.h.categoryLabel(code)
}

// ownFor is how long whoever entered a submission is told what has become of it though they
// no longer see it: the citizen stands before them.
const ownFor = 24 * time.Hour

// entered returns a submission that the viewer may see or has just entered. hidden is set for
// the latter where it was filed among what they do not see.
func (d deskCounter) entered(ctx context.Context, v ingest.Viewer, id string) (rec ingest.Record, hidden bool, err error) {
	seen := d.h.store.VisibleSubmission(ctx, v, id)
	if seen != nil && !errors.Is(seen, ingest.ErrNotFound) {
		return rec, false, seen
	}
	if rec, err = d.h.store.Submission(ctx, id); err != nil {
		return rec, false, err
	}
	if rec.Channel != ingest.ChannelCounter && rec.Channel != ingest.ChannelPhone || rec.MediaType != ingest.MediaNote {
		return ingest.Record{}, false, fmt.Errorf("%w: note %s", ingest.ErrNotFound, id)
	}
	if seen == nil {
		return rec, false, nil
	}
	by, err := d.typist(ctx, rec)
	if err != nil {
		return ingest.Record{}, false, err
	}
	if rec.Account != desk.Account || by == "" || by != v.Login || d.now().Sub(rec.RecordedAt) > ownFor {
		return ingest.Record{}, false, seen
	}
	return rec, true, nil
}

// typist is the login of who typed a note.
func (d deskCounter) typist(ctx context.Context, rec ingest.Record) (string, error) {
	var agent string
	err := d.h.withOriginal(ctx, rec, func(r io.Reader) error {
		var n ingest.Note
		if json.NewDecoder(io.LimitReader(r, 1<<20)).Decode(&n) == nil { // else it is no note of the desk
			agent = n.Agent
		}
		return nil
	})
	return agent, err
}

// Outcome implements desk.Counter.
func (d deskCounter) Outcome(ctx context.Context, v ingest.Viewer, submission string) (desk.CounterOutcome, error) {
	rec, hidden, err := d.entered(ctx, v, submission)
	if err != nil {
		return desk.CounterOutcome{}, err
	}
	out := desk.CounterOutcome{Record: rec, Hidden: hidden}
	if hidden {
		// Of where it went nothing is told.
		out.Record = ingest.Record{ID: rec.ID, Channel: rec.Channel, ReceivedAt: rec.ReceivedAt, State: rec.State}
	}
	if rec.State == ingest.StateFiled && !hidden {
		q, err := d.h.store.RequestFor(ctx, v, rec.Request)
		if err != nil {
			return desk.CounterOutcome{}, err
		}
		out.Request, out.Category = &q, d.label(q.Category)
	}
	if rec.State != ingest.StateFiled || rec.Reading == nil || rec.Reading.From.Email == "" || d.h.secretary.Unreachable(rec.Reading.From.Email) != "" {
		return out, nil
	}
	out.MailTo = rec.Reading.From.Email
	out.Mailed, err = d.h.store.CounterReceiptMailed(ctx, submission, out.MailTo)
	return out, err
}

// MailReceipt implements desk.Counter.
func (d deskCounter) MailReceipt(ctx context.Context, v ingest.Viewer, submission string) error {
	rec, _, err := d.entered(ctx, v, submission)
	if err != nil {
		return err
	}
	to := ""
	if rec.Reading != nil {
		to = rec.Reading.From.Email
	}
	return d.h.store.MailCounterReceipt(ctx, submission, to, v.Actor())
}

// Receipt implements desk.Counter.
func (d deskCounter) Receipt(ctx context.Context, v ingest.Viewer, submission string) (desk.File, error) {
	rec, hidden, err := d.entered(ctx, v, submission)
	if err != nil {
		return desk.File{}, err
	}
	s := slip{Town: townContact(d.h.cfg), Number: rec.ID, Channel: rec.Channel, At: rec.ReceivedAt.In(d.h.zone)}
	if s.FollowURL, err = d.h.mails.followURL(ctx, submission); err != nil {
		return desk.File{}, err
	}
	if rec.Reading == nil {
		// It is not filed yet: what was said stands in the note.
		reading, err := d.read(ctx, rec)
		if err != nil {
			return desk.File{}, err
		}
		rec.Reading = &reading
	}
	s.Citizen, s.Subject, s.Text = rec.Reading.From.Name, rec.Reading.Subject, rec.Reading.Text
	if rec.State == ingest.StateFiled && !hidden {
		q, err := d.h.store.RequestFor(ctx, v, rec.Request)
		if err != nil {
			return desk.File{}, err
		}
		s.Reference = q.Reference
		if q.Category != "" && !q.NeedsReview {
			s.Service = q.Service
		}
	}
	pdf, err := s.pdf()
	if err != nil {
		return desk.File{}, err
	}
	return pdfFile("recepisse.pdf", pdf), nil
}

func (d deskCounter) read(ctx context.Context, rec ingest.Record) (ingest.Reading, error) {
	blob, err := d.h.store.Original(ctx, rec)
	if err != nil {
		return ingest.Reading{}, err
	}
	reading, err := d.h.newReader(nil).Read(ctx, blob, rec)
	return reading, errors.Join(err, blob.Close())
}
