package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/crashpoint"
)

// Collate implements ingest.Ledger.
func (s *Store) Collate(ctx context.Context, ended []ingest.Ending, made []ingest.Submission) ([]string, error) {
	inserts := make([]ledgerInsert, len(made))
	for i, sub := range made {
		hints, err := json.Marshal(sub.Hints)
		if err != nil {
			return nil, fmt.Errorf("%w: hints: %w", ingest.ErrInvalid, err)
		}
		uid, err := uuid.NewV7()
		if err != nil {
			return nil, fmt.Errorf("store: new id: %w", err)
		}
		inserts[i] = ledgerInsert{id: uid.String(), sha256: sub.Original.SHA256(), hints: string(hints), state: ingest.StateReceived}
	}
	readings := make([]savedReading, len(ended))
	for i, e := range ended {
		var err error
		if readings[i], err = encode(e.Reading); err != nil {
			return nil, err
		}
	}
	var added []string
	err := s.do(ctx, func(ctx context.Context, tx *tx) error {
		added = nil
		rows := make([]ledgerRow, len(ended))
		for i, e := range ended {
			row, err := waiting(ctx, tx, e.ID)
			if err != nil || row.state != ingest.StateReceived {
				return err
			}
			rows[i] = row
		}
		for i, sub := range made {
			id, err := s.addMade(ctx, tx, sub, inserts[i])
			if err != nil {
				return err
			}
			added = append(added, id)
		}
		crashpoint.Hit("store.collating")
		for i, e := range ended {
			if err := s.saveReading(ctx, tx, e.ID, readings[i], ""); err != nil {
				return err
			}
			if err := s.end(ctx, tx, rows[i], ingest.StateSetAside, e.Reason, eventSetAside); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return added, nil
}

// addMade adds a submission that was made of others, and from which.
func (s *Store) addMade(ctx context.Context, tx *tx, sub ingest.Submission, row ledgerInsert) (string, error) {
	if err := keepOriginal(ctx, tx, row.sha256, sub.Original.Size(), sub.Original.Bytes()); err != nil {
		return "", err
	}
	known, err := s.insert(ctx, tx, sub, row)
	if err != nil {
		return "", err
	}
	if known != nil {
		// Its parents would have ended in the same transaction.
		return "", fmt.Errorf("store: %s is in the ledger, but what it was made of has not ended", sub.SourceKey)
	}
	for _, parent := range sub.Hints.Parents {
		if err := tx.exec(ctx, `INSERT INTO descent (child_id, parent_id) VALUES ($1, $2)`, row.id, parent); err != nil {
			return "", err
		}
	}
	return row.id, s.event(ctx, tx, eventCollated, actorSystem, row.id, 0, map[string]any{"parents": sub.Hints.Parents})
}

// sidesSpan is a night in any case: then nobody scans, and no stack is open.
const sidesSpan = 24 * time.Hour

// Sides implements ingest.Ledger.
func (s *Store) Sides(ctx context.Context, rec ingest.Record) ([]ingest.Record, error) {
	var out []ingest.Record
	err := each(func(row rowScanner) error {
		side, err := s.scanRecord(row)
		if err == nil && side.Hints.TwoSided && side.Hints.Service == rec.Hints.Service && side.Hints.Batch == rec.Hints.Batch {
			out = append(out, side)
		}
		return err
	}, func() (*sql.Rows, error) {
		// The index submissions_sides serves this as long as LIKE stands here as it does there.
		return s.read.QueryContext(ctx, recordQuery+`WHERE s.channel = $1 AND s.account = $2 AND s.hints LIKE '%"two_sided":true%'
			AND s.received_at BETWEEN $3 AND $4 AND s.reason NOT LIKE '`+ingest.ReasonJoined+`:%' ORDER BY s.received_at, s.seq`,
			string(rec.Channel), rec.Account, micros(rec.ReceivedAt.Add(-sidesSpan)), micros(rec.ReceivedAt.Add(sidesSpan)))
	})
	return out, err
}

// Made returns the submissions that were made from one, directly or by way of others,
// without those that only stand between: the letters of a scan. None is made from a
// submission that is none of these.
func (s *Store) Made(ctx context.Context, id string) ([]ingest.Record, error) {
	var out []ingest.Record
	err := each(func(row rowScanner) error {
		rec, err := s.scanRecord(row)
		out = append(out, rec)
		return err
	}, func() (*sql.Rows, error) {
		return s.read.QueryContext(ctx, `WITH RECURSIVE made (id) AS (
				SELECT child_id FROM descent WHERE parent_id = $1
				UNION SELECT d.child_id FROM descent d JOIN made m ON d.parent_id = m.id)
			`+recordQuery+`WHERE s.id IN (SELECT id FROM made)
			AND NOT EXISTS (SELECT 1 FROM descent d WHERE d.parent_id = s.id) ORDER BY s.seq`, id)
	})
	return out, err
}

// roots returns the submissions that one was made of in the end: scans with an original
// of their own. Of one that was made of none, that is itself.
func roots(ctx context.Context, tx *tx, id string) ([]string, error) {
	var out []string
	err := tx.rows(ctx, `WITH RECURSIVE up (id) AS (
			SELECT s.id FROM submissions s WHERE s.id = $1 UNION SELECT d.parent_id FROM descent d JOIN up ON d.child_id = up.id)
		SELECT u.id FROM up u WHERE NOT EXISTS (SELECT 1 FROM descent d WHERE d.child_id = u.id) ORDER BY u.id`, []any{id},
		func(r rowScanner) error {
			var root string
			err := r.Scan(&root)
			out = append(out, root)
			return err
		})
	return out, err
}
