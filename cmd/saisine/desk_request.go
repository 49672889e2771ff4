package main

import (
	"context"

	"saisine.fr/saisine/channels/desk"
	"saisine.fr/saisine/ingest"
)

// deskRequests is desk.Requests.
type deskRequests struct{ h *house }

var _ desk.Requests = deskRequests{}

// Request implements desk.Requests.
func (d deskRequests) Request(ctx context.Context, v ingest.Viewer, reference string) (ingest.Request, error) {
	return d.h.store.RequestFor(ctx, v, reference)
}

// Visible implements desk.Requests.
func (d deskRequests) Visible(ctx context.Context, v ingest.Viewer, reference string) (string, error) {
	return d.h.store.Visible(ctx, v, reference)
}

// Submission implements desk.Requests.
func (d deskRequests) Submission(ctx context.Context, v ingest.Viewer, id string) (ingest.Record, error) {
	return d.h.store.SubmissionFor(ctx, v, id)
}

// Suggested implements desk.Requests.
func (d deskRequests) Suggested(ctx context.Context, v ingest.Viewer, reference string) ([]ingest.Ranked, error) {
	return d.h.store.SuggestedCategories(ctx, v, reference)
}

// Details implements desk.Requests.
func (d deskRequests) Details(ctx context.Context, v ingest.Viewer, q ingest.Request) (desk.Details, error) {
	out := desk.Details{LinkReasons: map[string][]string{}}
	var err error
	if out.History, err = d.h.store.HistoryFor(ctx, v, q.Reference); err != nil {
		return out, err
	}
	if out.Names, err = d.h.store.AgentNames(ctx); err != nil {
		return out, err
	}
	if out.Assignee, err = d.h.store.Assignee(ctx, q.Reference); err != nil {
		return out, err
	}
	if out.Why, err = d.why(ctx, q); err != nil {
		return out, err
	}
	for i, s := range q.Submissions {
		if s.Link == ingest.LinkOpens {
			out.FollowURL, err = d.h.mails.followURL(ctx, s.ID)
		} else if i < maxReasons {
			out.LinkReasons[s.ID], err = d.h.store.LinkReasons(ctx, s.ID)
		}
		if err != nil {
			return out, err
		}
	}
	return out, nil
}

// maxReasons bounds for how many pieces it is told why they were linked.
const maxReasons = 100

// why computes the reasons of the deadlines, which are not kept.
func (d deskRequests) why(ctx context.Context, q ingest.Request) (map[int][]string, error) {
	facts, err := d.h.store.DeadlineFacts(ctx, q.Reference)
	if err != nil {
		return nil, err
	}
	why := map[int][]string{}
	plan, _ := d.h.secretary.Plan(facts)
	for i, have := range q.Deadlines {
		for _, p := range plan.Deadlines {
			if string(p.Kind) != have.Kind || p.Day.String() != have.Day || why[i] != nil {
				continue
			}
			for _, s := range p.Explanation {
				why[i] = append(why[i], sentence(s))
			}
		}
	}
	return why, nil
}
