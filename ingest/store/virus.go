package store

import (
	"context"
	"encoding/json"
	"fmt"

	"saisine.fr/saisine/ingest"
)

// newVirusState is that of a row that comes in. Of what is not the thing itself, a text about
// where it lies or a header, there is nothing to look at.
func (s *Store) newVirusState(sub ingest.Submission) string {
	if s.opts.Antivirus && !sub.Hints.Partial {
		return string(ingest.VirusPending)
	}
	return string(ingest.VirusUnknown)
}

// verdict reads the columns of a verdict.
func (s *Store) verdict(id, state, detail string) (ingest.Verdict, error) {
	v := ingest.Verdict{}
	if err := json.Unmarshal([]byte(detail), &v); err != nil {
		return v, fmt.Errorf("store: verdict of %s: %w", id, err)
	}
	v.State = ingest.VirusState(state)
	return v, nil
}

func saveVerdict(ctx context.Context, tx *tx, id string, v ingest.Verdict) error {
	detail, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("store: verdict: %w", err)
	}
	return tx.exec(ctx, `UPDATE submissions SET virus_state = $1, virus = $2 WHERE id = $3`, string(v.State), string(detail), id)
}

// Examined implements ingest.Ledger.
func (s *Store) Examined(ctx context.Context, id string, v ingest.Verdict) error {
	return s.do(ctx, func(ctx context.Context, tx *tx) error {
		row, err := waiting(ctx, tx, id)
		if err != nil || row.state != ingest.StateReceived {
			return err
		}
		return saveVerdict(ctx, tx, id, v)
	})
}

// Quarantine implements ingest.Ledger.
func (s *Store) Quarantine(ctx context.Context, id string, v ingest.Verdict, head *ingest.Reading, reason string) error {
	var reading savedReading
	if head != nil {
		var err error
		if reading, err = encode(*head); err != nil {
			return err
		}
	}
	return s.do(ctx, func(ctx context.Context, tx *tx) error {
		row, err := waiting(ctx, tx, id)
		if err != nil || row.state != ingest.StateReceived {
			return err
		}
		if err := saveVerdict(ctx, tx, id, v); err != nil {
			return err
		}
		if head != nil {
			if err := s.saveReading(ctx, tx, id, reading, ""); err != nil {
				return err
			}
		}
		return s.end(ctx, tx, row, ingest.StateFailed, reason, eventHeld)
	})
}

// Release lets a submission go that the virus scan holds: it is received once more, under a
// new attempt number, and is not looked at again. by is who has decided so, as histories name
// them; a row of the history says so for good. The error wraps ingest.ErrNotFound when there is no such
// submission, ingest.ErrRefused when it is not held.
func (s *Store) Release(ctx context.Context, id, by string) error {
	return s.do(ctx, func(ctx context.Context, tx *tx) error {
		row, err := waiting(ctx, tx, id)
		if err != nil {
			return err
		}
		var state, detail string
		if err := tx.row(ctx, `SELECT virus_state, virus FROM submissions WHERE id = $1`, id).Scan(&state, &detail); err != nil {
			return err
		}
		v, err := s.verdict(id, state, detail)
		if err != nil {
			return err
		}
		if row.state != ingest.StateFailed || !v.Held() {
			return ingest.Refused("submission %s is not held by the virus scan", id)
		}
		v.ReleasedBy, v.ReleasedAt = by, s.opts.Now()
		if err := saveVerdict(ctx, tx, id, v); err != nil {
			return err
		}
		if err := tx.exec(ctx, `UPDATE submissions SET state = 'received', reason = '', attempt = attempt + 1 WHERE id = $1`, id); err != nil {
			return err
		}
		return s.event(ctx, tx, eventReleased, by, id, 0, map[string]any{"signature": v.Signature, "state": v.State})
	})
}

// AwaitScan marks what was received before there was a virus scan, and is not treated yet, as
// waiting for it. It is for the start of a daemon that has one.
func (s *Store) AwaitScan(ctx context.Context) error {
	return s.do(ctx, func(ctx context.Context, tx *tx) error {
		return tx.exec(ctx, `UPDATE submissions SET virus_state = 'pending' WHERE state = 'received' AND virus_state = ''`)
	})
}

// VirusCounts are figures for the metrics and alarms.
type VirusCounts struct {
	Held    int64 // for a person to see to
	Pending int64 // received, and wait for their scan
}

// VirusCounts returns the figures.
func (s *Store) VirusCounts(ctx context.Context) (VirusCounts, error) {
	var c VirusCounts
	err := s.read.QueryRowContext(ctx, `SELECT
		(SELECT count(*) FROM submissions WHERE state = 'failed' AND virus_state <> '' AND virus_state IN ('infected', 'unscannable')),
		(SELECT count(*) FROM submissions WHERE state = 'received' AND virus_state = 'pending')`).Scan(&c.Held, &c.Pending)
	return c, err
}
