package api

import (
	"errors"
	"net/http"
	"strings"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/view"
)

// submissionAnswer is a submission with what its sender wants to know of its request.
type submissionAnswer struct {
	view.Submission
	FollowURL     string        `json:"follow_up_url"`
	RequestStatus ingest.Status `json:"request_status"`
}

// find returns the submission of the address: one that the key handed in itself or, with the
// scope for it, any that its viewer sees.
func (c *call) find() (ingest.Record, error) {
	id := c.r.PathValue("id")
	if c.key.May(ingest.ScopeRead) {
		rec, err := c.a.opts.Ledger.SubmissionFor(c.ctx(), c.viewer, id)
		if err == nil || !errors.Is(err, ingest.ErrNotFound) || !c.key.May(ingest.ScopeSubmit) {
			return rec, err
		}
	}
	rec, err := c.a.opts.Ledger.Submission(c.ctx(), id)
	if err == nil && !c.own(rec) {
		err = ingest.ErrNotFound
	}
	return rec, err
}

// own reports whether a submission came by this very key, and not by an earlier one of its name.
func (c *call) own(rec ingest.Record) bool {
	return rec.Channel == ingest.ChannelAPI && rec.Account == c.key.Name && strings.HasPrefix(rec.SourceKey, c.key.ID+":")
}

func (c *call) submission() error {
	rec, err := c.find()
	if err != nil {
		return err
	}
	out := submissionAnswer{Submission: view.OfSubmission(rec, c.a.zone)}
	// Who has the link writes as the citizen: it is for the program that has handed it in.
	if c.own(rec) {
		if out.FollowURL, err = c.followURL(rec.ID); err != nil {
			return err
		}
	}
	if rec.Request != "" {
		q, err := c.a.opts.Requests.RequestFor(c.ctx(), c.viewer, rec.Request)
		if err != nil && !errors.Is(err, ingest.ErrNotFound) { // sealed
			return err
		}
		out.RequestStatus = q.Status
	}
	c.json(http.StatusOK, out)
	return nil
}
