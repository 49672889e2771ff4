package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/crashpoint"
)

// Record implements ingest.Recorder.
func (s *Store) Record(ctx context.Context, sub ingest.Submission) (ingest.Receipt, error) {
	hints, err := json.Marshal(sub.Hints)
	if err != nil {
		return ingest.Receipt{}, fmt.Errorf("%w: hints: %w", ingest.ErrInvalid, err)
	}
	// Version 7 ids begin with the time (RFC 9562 §5.7), so new rows go to the end
	// of the index instead of all over it.
	uid, err := uuid.NewV7()
	if err != nil {
		return ingest.Receipt{}, fmt.Errorf("store: new id: %w", err)
	}
	content := any(sub.Original.Bytes())
	if sub.Original.Path() != "" {
		content = nil
		if err := s.files.put(ctx, sub.Original); err != nil {
			return ingest.Receipt{}, unavailable(err)
		}
	}
	id, sum := uid.String(), sub.Original.SHA256()
	state := sub.Settled
	if state == "" {
		state = ingest.StateReceived
	}
	var receipt replayed
	err = s.doNow(ctx, func(ctx context.Context, tx *tx) error {
		receipt = replayed{}
		if sub.Epoch != "" {
			known, err := renumbered(ctx, tx, sub, sum)
			if err != nil {
				return err
			}
			if known != "" {
				receipt, err = replay(ctx, tx, `WHERE s.id = $1`, known)
				return err
			}
		}
		gone, err := eliminatedSource(ctx, tx, sub, sum)
		if err != nil {
			return err
		}
		if gone != nil {
			receipt = *gone
			return nil
		}
		var eliminated int
		if err := tx.row(ctx, `SELECT count(*) FROM originals WHERE sha256 = $1 AND gone = 1`, sum).Scan(&eliminated); err != nil {
			return err
		}
		if err := keepOriginal(ctx, tx, sum, sub.Original.Size(), content); err != nil {
			return err
		}
		if content == nil && eliminated > 0 {
			// Only then is a bucket asked here, where everybody waits.
			if err := s.putAgain(ctx, sub.Original); err != nil {
				return err
			}
		}
		known, err := s.insert(ctx, tx, sub, ledgerInsert{id: id, sha256: sum, hints: string(hints), state: state})
		if err != nil {
			return err
		}
		if known != nil {
			receipt = *known
			return leaveGone(ctx, tx, sum)
		}
		receipt = replayed{Receipt: ingest.Receipt{ID: id, State: state, Reason: sub.Reason, SourceRef: sub.Hints.SourceRef}}
		crashpoint.Hit("store.row_written")
		if sub.Settled == "" {
			return nil
		}
		return s.announce(ctx, tx, ledgerRow{id: id, channel: sub.Channel}, 0)
	})
	if err != nil {
		return ingest.Receipt{}, err
	}
	if receipt.gone && content == nil {
		// What was eliminated and has come again has just put its file back.
		if err := s.dropFiles(ctx, tombstone{Submissions: []tombstonePiece{{SHA256: sum}}}); err != nil {
			return ingest.Receipt{}, err
		}
	}
	return receipt.Receipt, nil
}

// keepOriginal adds the row of an original; content is nil when it lies in a file. One that was
// eliminated and comes again, by another way, is there again.
func keepOriginal(ctx context.Context, tx *tx, sum string, size int64, content any) error {
	return tx.exec(ctx, `INSERT INTO originals (sha256, size, content) VALUES ($1, $2, $3)
		ON CONFLICT (sha256) DO UPDATE SET content = excluded.content, gone = 0 WHERE originals.gone = 1`, sum, size, content)
}

// leaveGone takes an original out again that nothing but what was eliminated names.
func leaveGone(ctx context.Context, tx *tx, sum string) error {
	return tx.exec(ctx, `UPDATE originals SET content = NULL, gone = 1 WHERE sha256 = $1
		AND NOT EXISTS (SELECT 1 FROM submissions s WHERE s.sha256 = $1 AND s.eliminated_at = 0)
		AND EXISTS (SELECT 1 FROM submissions s WHERE s.sha256 = $1)`, sum)
}

// eliminatedSource finds what was eliminated and is handed in once more, as insert finds what is
// there; nil when there is none.
func eliminatedSource(ctx context.Context, tx *tx, sub ingest.Submission, sum string) (*replayed, error) {
	for _, key := range []string{sub.SourceKey, sub.SourceKey + "|sha256:" + sum} {
		there, err := replay(ctx, tx, `WHERE s.channel = $1 AND s.account = $2 AND s.source_key = $3`, string(sub.Channel), sub.Account, goneKey(key))
		if errors.Is(err, sql.ErrNoRows) {
			return nil, nil
		}
		if err != nil || sub.Epoch == "" || there.sha256 == sum {
			return &there, err
		}
	}
	return nil, nil
}

// putAgain keeps an original whose bytes an elimination may have taken away since it was put.
func (s *Store) putAgain(ctx context.Context, b *ingest.Blob) error {
	there, err := s.files.there(ctx, b.SHA256())
	if err == nil && !there {
		err = s.files.put(ctx, b)
	}
	return unavailable(err)
}

// ledgerInsert is what Record has worked out for a new row.
type ledgerInsert struct {
	id, sha256, hints string
	state             ingest.State
}

// insert adds the row. When the ledger holds the submission already, it adds nothing
// and returns the row that is there.
func (s *Store) insert(ctx context.Context, tx *tx, sub ingest.Submission, row ledgerInsert) (known *replayed, err error) {
	for _, key := range []string{sub.SourceKey, sub.SourceKey + "|sha256:" + row.sha256} {
		n, err := tx.execN(ctx, `INSERT INTO submissions
			(id, channel, account, source_key, epoch, received_at, recorded_at, sha256, size, media_type, hints, state, reason, virus_state)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
			ON CONFLICT (channel, account, source_key) DO NOTHING`,
			row.id, string(sub.Channel), sub.Account, key, sub.Epoch, micros(sub.ReceivedAt), micros(s.opts.Now()),
			row.sha256, sub.Original.Size(), sub.MediaType, row.hints, string(row.state), sub.Reason, s.newVirusState(sub))
		if err != nil || n > 0 {
			return nil, err
		}
		there, err := replay(ctx, tx, `WHERE s.channel = $1 AND s.account = $2 AND s.source_key = $3`,
			string(sub.Channel), sub.Account, key)
		if err != nil {
			return nil, err
		}
		known = &there
		if sub.Epoch == "" || there.sha256 == row.sha256 {
			break
		}
		// A number used again for something else: the server was restored from a
		// snapshot, or is another one. The hash is the second guard; an extra row is
		// better than a mail taken for one that the ledger has.
	}
	return known, nil
}

// replayed is the receipt of a row together with the hash of its original.
type replayed struct {
	ingest.Receipt
	sha256 string
	gone   bool // eliminated
}

// renumbered finds the row of a thing that its source shows under a new number: the
// same bytes in the same account, of another epoch, and not yet matched to a thing of
// this epoch (two mails with the same bytes are two submissions, and stay two). It
// remembers the new number and returns the row's id, or "" when there is none.
func renumbered(ctx context.Context, tx *tx, sub ingest.Submission, sum string) (string, error) {
	var id string
	err := tx.row(ctx, `SELECT submission_id FROM source_aliases WHERE channel = $1 AND account = $2 AND source_key IN ($3, $4)`,
		string(sub.Channel), sub.Account, sub.SourceKey, goneKey(sub.SourceKey)).Scan(&id)
	if err == nil || !errors.Is(err, sql.ErrNoRows) {
		return id, err
	}
	err = tx.row(ctx, `SELECT s.id FROM submissions s
		WHERE s.sha256 = $1 AND s.channel = $2 AND s.account = $3 AND s.epoch <> $4 AND s.epoch <> ''
		AND NOT EXISTS (SELECT 1 FROM source_aliases a WHERE a.submission_id = s.id AND a.epoch = $4)
		AND NOT EXISTS (SELECT 1 FROM submissions t WHERE t.channel = $2 AND t.account = $3 AND t.source_key IN ($5, $6))
		ORDER BY s.seq LIMIT 1`,
		sum, string(sub.Channel), sub.Account, sub.Epoch, sub.SourceKey, goneKey(sub.SourceKey)).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return id, tx.exec(ctx, `INSERT INTO source_aliases (channel, account, source_key, epoch, submission_id) VALUES ($1, $2, $3, $4, $5)`,
		string(sub.Channel), sub.Account, sub.SourceKey, sub.Epoch, id)
}

// replay describes the row that the ledger holds already.
func replay(ctx context.Context, tx *tx, where string, args ...any) (replayed, error) {
	r := replayed{Receipt: ingest.Receipt{Replayed: true}}
	var state, hints string
	var reference sql.NullString
	err := tx.row(ctx, `SELECT s.id, s.sha256, s.state, s.reason, s.hints, s.acknowledged, s.eliminated_at <> 0, r.reference
		FROM submissions s LEFT JOIN requests r ON r.id = s.request_id `+where, args...).
		Scan(&r.ID, &r.sha256, &state, &r.Reason, &hints, &r.Acknowledged, &r.gone, &reference)
	if err != nil {
		return replayed{}, err
	}
	var h ingest.Hints
	if err := json.Unmarshal([]byte(hints), &h); err != nil {
		return replayed{}, fmt.Errorf("store: hints of %s: %w", r.ID, err)
	}
	r.State, r.Request, r.SourceRef = ingest.State(state), reference.String, h.SourceRef
	return r, nil
}
