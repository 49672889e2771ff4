package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"saisine.fr/saisine/ingest"
)

// What a viewer does not see does not exist for them. Each read for the desk goes through
// one of these: seenSQL in its query, or visible before it.

// seenSQL is a condition that leaves out what is hidden from the viewer: column holds the
// service. It begins with " AND " or is "". Its parameters follow those of args, in order of
// first appearance, as this package's SQL needs it.
func seenSQL(v ingest.Viewer, column string, args []any) (string, []any) {
	if len(v.Hidden) == 0 {
		return "", args
	}
	var b strings.Builder
	b.WriteString(" AND " + column + " NOT IN (")
	for i, service := range v.Hidden {
		if i > 0 {
			b.WriteString(", ")
		}
		args = append(args, service)
		b.WriteString("$" + strconv.Itoa(len(args)))
	}
	b.WriteString(")")
	return b.String(), args
}

// visible returns the request with this reference (of one that was merged, the one that it
// went into) when the viewer sees it; ingest.ErrNotFound otherwise.
func (s *Store) visible(ctx context.Context, run sqlRunner, v ingest.Viewer, reference string) (requestKey, error) {
	q, err := liveRequest(ctx, run, reference)
	if err != nil {
		return q, err
	}
	var service string
	if err := run.row(ctx, `SELECT service FROM requests WHERE id = $1`, q.id).Scan(&service); err != nil {
		return q, err
	}
	if !v.Sees(service) {
		return requestKey{}, fmt.Errorf("%w: request %q", ingest.ErrNotFound, reference)
	}
	return q, nil
}

// Visible reports whether the viewer sees a request: nil, or an error that wraps
// ingest.ErrNotFound. It returns the reference of the request that a merged one went into.
func (s *Store) Visible(ctx context.Context, v ingest.Viewer, reference string) (string, error) {
	q, err := s.visible(ctx, reading{s.read}, v, reference)
	return q.reference, err
}

// VisibleSubmission is Visible for a submission: by the service of its request or, while it
// is in none, by the one that its channel proposed (a scan's sub-folder).
func (s *Store) VisibleSubmission(ctx context.Context, v ingest.Viewer, id string) error {
	return visibleSubmission(ctx, reading{s.read}, v, id)
}

func visibleSubmission(ctx context.Context, run sqlRunner, v ingest.Viewer, id string) error {
	var service, hinted sql.NullString
	err := run.row(ctx, `SELECT r.service, json_extract(s.hints, '$.service') FROM submissions s LEFT JOIN requests r ON r.id = s.request_id
		WHERE s.id = $1`, id).Scan(&service, &hinted)
	if errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("%w: submission %s", ingest.ErrNotFound, id)
	}
	if err != nil {
		return unavailable(err)
	}
	if service.Valid && !v.Sees(service.String) || !service.Valid && !v.Sees(hinted.String) {
		return fmt.Errorf("%w: submission %s", ingest.ErrNotFound, id)
	}
	return seesMade(ctx, run, v, id)
}

// SubmissionFor returns a submission that the viewer sees (see VisibleSubmission).
func (s *Store) SubmissionFor(ctx context.Context, v ingest.Viewer, id string) (ingest.Record, error) {
	if err := s.VisibleSubmission(ctx, v, id); err != nil {
		return ingest.Record{}, err
	}
	return s.Submission(ctx, id)
}
