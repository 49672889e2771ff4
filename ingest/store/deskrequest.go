package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"saisine.fr/saisine/ingest"
)

// RequestFor is Request as a viewer sees it: without suggestions, merged references and mails
// that belong to what is hidden from them. The error wraps ingest.ErrNotFound when the request
// itself is.
func (s *Store) RequestFor(ctx context.Context, v ingest.Viewer, reference string) (ingest.Request, error) {
	if _, err := s.Visible(ctx, v, reference); err != nil {
		return ingest.Request{}, err
	}
	q, err := s.Request(ctx, reference)
	if err != nil || len(v.Hidden) == 0 {
		return q, err
	}
	if !v.Sees(q.Service) { // sealed, or merged into something that is, a moment ago
		return ingest.Request{}, fmt.Errorf("%w: request %q", ingest.ErrNotFound, reference)
	}
	all := slices.Clone(q.MergedFrom)
	for _, g := range q.Suggestions {
		all = append(all, g.Reference)
	}
	hidden, err := s.hiddenReferences(ctx, v, all)
	if err != nil {
		return ingest.Request{}, err
	}
	q.MergedFrom = slices.DeleteFunc(q.MergedFrom, func(r string) bool { return hidden[r] })
	q.Suggestions = slices.DeleteFunc(q.Suggestions, func(g ingest.Suggestion) bool { return hidden[g.Reference] })
	q.Mails = slices.DeleteFunc(q.Mails, func(m ingest.Mail) bool { return hidden[m.Request] })
	return q, nil
}

// HistoryFor is History as a viewer sees it: references to what is hidden from them are left
// out of the events that name them.
func (s *Store) HistoryFor(ctx context.Context, v ingest.Viewer, reference string) ([]Event, error) {
	if _, err := s.Visible(ctx, v, reference); err != nil {
		return nil, err
	}
	events, err := s.History(ctx, reference)
	if err != nil || len(v.Hidden) == 0 {
		return events, err
	}
	for i, e := range events {
		d := e.Detail
		switch e.Kind {
		case eventLinked, eventUnlinked, eventMerged, eventSplit, eventApart:
		default:
			continue
		}
		hidden, err := s.hiddenReferences(ctx, v, []string{d.From, d.To})
		if err != nil {
			return nil, err
		}
		if hidden[d.From] {
			d.From = ""
		}
		if hidden[d.To] {
			d.To = ""
		}
		if hidden[e.Detail.From] || hidden[e.Detail.To] {
			events[i].Detail, events[i].Raw = d, nil
		}
	}
	return events, nil
}

// Assignee returns the login of the agent who has a request, or "".
func (s *Store) Assignee(ctx context.Context, reference string) (string, error) {
	q, err := liveRequest(ctx, reading{s.read}, reference)
	if err != nil {
		return "", err
	}
	var login string
	err = s.read.QueryRowContext(ctx, `SELECT assignee FROM requests WHERE id = $1`, q.id).Scan(&login)
	return login, unavailable(err)
}

// suggestedCategories bounds how many categories are proposed: one for each key.
const suggestedCategories = 9

// SuggestedCategories are the categories that may be meant by a request, likeliest first: the
// one that it has, those that its opening was classified as, and another one of which it speaks.
func (s *Store) SuggestedCategories(ctx context.Context, v ingest.Viewer, reference string) ([]ingest.Ranked, error) {
	run := reading{s.read}
	q, err := s.visible(ctx, run, v, reference)
	if err != nil {
		return nil, err
	}
	var text string
	var has ingest.Ranked
	if err := run.row(ctx, `SELECT d.classification, q.category, q.confidence FROM requests q JOIN submissions s ON s.request_id = q.id AND s.link = 'opens'
		JOIN readings d ON d.submission_id = s.id WHERE q.id = $1`, q.id).Scan(&text, &has.Category, &has.Score); err != nil {
		return nil, unavailable(err)
	}
	var c savedClassification
	if text != "" {
		if err := json.Unmarshal([]byte(text), &c); err != nil {
			return nil, fmt.Errorf("store: classification: %w", err)
		}
	}
	var out []ingest.Ranked
	add := func(r ingest.Ranked) {
		if r.Category != "" && !slices.ContainsFunc(out, func(have ingest.Ranked) bool { return have.Category == r.Category }) {
			out = append(out, r)
		}
	}
	for _, r := range append([]ingest.Ranked{has}, c.Top...) {
		add(r)
	}
	add(ingest.Ranked{Category: c.Category, Score: c.Confidence})
	add(ingest.Ranked{Category: c.Second})
	return out[:min(len(out), suggestedCategories)], nil
}
