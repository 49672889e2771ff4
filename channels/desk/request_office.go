package desk

import (
	"context"
	"time"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/notice"
)

// Requests shows one request.
type Requests interface {
	// Request returns a request as the viewer sees it: without suggestions, merged
	// references and mails that belong to what is hidden. Of one that was merged, it returns
	// the one that it went into.
	Request(ctx context.Context, v ingest.Viewer, reference string) (ingest.Request, error)
	// Visible returns the reference of the request that Request would return.
	Visible(ctx context.Context, v ingest.Viewer, reference string) (string, error)
	// Details are what the page of a request, which Request has returned, shows beside it.
	Details(ctx context.Context, v ingest.Viewer, q ingest.Request) (Details, error)
	// Submission returns a piece with its reading.
	Submission(ctx context.Context, v ingest.Viewer, id string) (ingest.Record, error)
	// Suggested are the categories that may be meant, likeliest first, nine at most.
	Suggested(ctx context.Context, v ingest.Viewer, reference string) ([]ingest.Ranked, error)
}

// Details are what the page of a request shows beside the request.
type Details struct {
	// History is oldest first. References to what is hidden are "" in it.
	History []ingest.Event
	// Why are, by the place of the deadline in Request.Deadlines, the reasons for its date.
	Why map[int][]string
	// Names are the agents' names by login, for histories and assignees.
	Names map[string]string
	// FollowURL is the citizen's page, LinkReasons why a piece was linked, by its id.
	FollowURL   string
	LinkReasons map[string][]string
	Assignee    string // login, or ""
}

// Acts are what an agent does to a request. Each is an event with the viewer as its actor.
// Doing what is done already changes nothing.
type Acts interface {
	SetCategory(ctx context.Context, v ingest.Viewer, reference, code string) error
	SetStatus(ctx context.Context, v ingest.Viewer, reference string, status ingest.Status, note string) error
	// Correct changes what was read of who wrote, about what, and where.
	Correct(ctx context.Context, v ingest.Viewer, reference string, c ingest.Correction) error
	// Assign hands a request to an agent (login), or with "" to nobody.
	Assign(ctx context.Context, v ingest.Viewer, reference, login string) error
	// Reviewed confirms a request as it stands.
	Reviewed(ctx context.Context, v ingest.Viewer, reference string) error
	// Comment writes into the history what the citizen does not see.
	Comment(ctx context.Context, v ingest.Viewer, reference, text string) error

	// Link moves a piece into another request.
	Link(ctx context.Context, v ingest.Viewer, submission, reference string, link ingest.Link) error
	// Unlink and Split take pieces out of a request, into one of their own; its reference is
	// "" when the viewer does not see it.
	Unlink(ctx context.Context, v ingest.Viewer, submission string) (reference string, err error)
	Merge(ctx context.Context, v ingest.Viewer, from, into string) error
	Split(ctx context.Context, v ingest.Viewer, reference string, submissions []string) (newReference string, err error)
	// Apart says of two requests that they are different matters.
	Apart(ctx context.Context, v ingest.Viewer, a, b string) error

	AskPieces(ctx context.Context, v ingest.Viewer, reference string, pieces []string, until, note string) error
	PiecesCame(ctx context.Context, v ingest.Viewer, reference string, at time.Time) error
	Transmit(ctx context.Context, v ingest.Viewer, reference, to string, competent time.Time) error
	RevokeLinks(ctx context.Context, v ingest.Viewer, reference string) error
	// SetProcedure names the kind of file with deadlines of its own that a request is, or ""
	// for none.
	SetProcedure(ctx context.Context, v ingest.Viewer, reference string, procedure notice.Procedure) error
	// Assignable are the agents to whom a request can be handed, by name.
	Assignable(ctx context.Context, v ingest.Viewer, reference string) ([]ingest.Agent, error)
}
