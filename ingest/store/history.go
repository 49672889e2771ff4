package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"saisine.fr/saisine/ingest"
)

// Event is a line in the history of a request. Histories are only added to.
type Event struct {
	At time.Time
	// Kind is stable for scripts: request.opened, request.linked, …
	Kind  string
	Actor string
	// Submission is the one that it is about, or "".
	Submission string
	Detail     EventDetail
	// Raw is the detail as it is kept, a JSON object.
	Raw json.RawMessage
}

// EventDetail is what the events of requests say; each kind has some of it.
type EventDetail struct {
	// From and To are the references between which Submissions were moved.
	From, To    string
	Submissions []string
	// Opens is the submission that opens a request from then on: the one that was taken
	// out, or the one that the opening left behind.
	Opens string
	// Restored is set when To is a merged request that was given back.
	Restored bool
	Reasons  []string
	// Old and New are the categories of a correction.
	Old, New *Choice
	// OldStatus and NewStatus are those of a change, Note what was written to the citizen.
	OldStatus ingest.Status `json:"old_status"`
	NewStatus ingest.Status `json:"new_status"`
	Note      string
	Service   string
	// Pieces were asked for, Until the last day of the time allowed.
	Pieces []string
	Until  string
	// Mail is the mail that it is about, Kind its kind, Reason why it was not sent.
	Mail, Kind, Reason string
}

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
