package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"saisine.fr/saisine/ingest"
)

// Event is ingest.Event.
type Event = ingest.Event

// Choice is ingest.Choice.
type Choice = ingest.Choice

// History returns the events of a request, oldest first; of one that was merged, those of
// the request that it went into. The error wraps ingest.ErrNotFound when there is none.
func (s *Store) History(ctx context.Context, reference string) ([]Event, error) {
	id, _, err := s.requestRow(ctx, reference)
	if err != nil {
		return nil, err
	}
	var out []Event
	err = each(func(row rowScanner) error {
		var e Event
		var at int64
		var submission sql.NullString
		var detail string
		if err := row.Scan(&at, &e.Kind, &e.Actor, &submission, &detail); err != nil {
			return err
		}
		e.At, e.Submission, e.Raw = s.time(at), submission.String, json.RawMessage(detail)
		if err := json.Unmarshal(e.Raw, &e.Detail); err != nil {
			return fmt.Errorf("store: event of %s: %w", reference, err)
		}
		out = append(out, e)
		return nil
	}, func() (*sql.Rows, error) {
		return s.read.QueryContext(ctx, `SELECT at, kind, actor, submission_id, detail FROM events WHERE request_id = $1 ORDER BY seq`, id)
	})
	return out, err
}
