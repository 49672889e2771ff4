package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"saisine.fr/saisine/ingest"
)

// Kinds of events about hand-overs. They are stored, so they never change.
const (
	eventHandover       = "request.handover"        // it is to be handed over
	eventHanded         = "request.handed_over"     // the other side has it
	eventHandoverStatus = "request.handover_status" // the other side says where it stands
)

// handOver adds, for a request to which something has happened, what is still to be brought to
// the town's other software: the request itself once its category is sure, and each submission
// that has joined it since.
func (s *Store) handOver(ctx context.Context, tx *tx, requestID int64) error {
	var category, status string
	var review int
	var sealed bool
	var merged sql.NullInt64
	err := tx.row(ctx, `SELECT category, status, needs_review, merged_into, EXISTS (SELECT 1 FROM sealed_services z WHERE z.name = service) FROM requests WHERE id = $1`, requestID).
		Scan(&category, &status, &review, &merged, &sealed)
	if err != nil || merged.Valid {
		return err
	}
	if review == 0 && !settledStatus(ingest.Status(status)) {
		for _, connector := range s.opts.Partners.Connectors(category, sealed) {
			if _, err := s.addHandover(ctx, tx, requestID, connector); err != nil {
				return err
			}
		}
	}
	return s.followHandovers(ctx, tx, requestID, func(connector string) bool { return ingest.MayLearn(s.opts.Partners, category, sealed, connector) })
}

func (s *Store) addHandover(ctx context.Context, tx *tx, requestID int64, connector string) (id string, err error) {
	uid, err := uuid.NewV7()
	if err != nil {
		return "", fmt.Errorf("store: new id: %w", err)
	}
	n, err := tx.execN(ctx, `INSERT INTO handovers (id, request_id, connector, created_at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (request_id, connector) DO NOTHING`, uid.String(), requestID, connector, micros(s.opts.Now()))
	if err != nil || n == 0 {
		return "", err
	}
	tx.outbox = append(tx.outbox, ingest.OutboxNotice{ID: uid.String(), Kind: ingest.OutboxHandover})
	if err := s.outboxRow(ctx, tx, uid.String(), ingest.OutboxHandover, "", requestID); err != nil {
		return "", err
	}
	return uid.String(), s.event(ctx, tx, eventHandover, actorSystem, "", requestID, map[string]any{"to": connector})
}

// HandOver has a request (of one that was merged, the one that it went into) brought to a
// connector, whatever its category and status. It returns the id of the hand-over, "" when it
// is there already, or on its way. It is ErrRefused for what is sealed, unless the connector was
// chosen for its category.
func (s *Store) HandOver(ctx context.Context, reference, connector string) (string, error) {
	var id string
	err := s.do(ctx, func(ctx context.Context, tx *tx) error {
		q, err := liveRequest(ctx, tx, reference)
		if err != nil {
			return err
		}
		var category string
		var sealed bool
		if err := tx.row(ctx, `SELECT category, EXISTS (SELECT 1 FROM sealed_services z WHERE z.name = service) FROM requests WHERE id = $1`, q.id).Scan(&category, &sealed); err != nil {
			return err
		}
		if !ingest.MayLearn(s.opts.Partners, category, sealed, connector) {
			return refused("%s belongs to a sealed service, and %s is not chosen for its category", q.reference, connector)
		}
		id, err = s.addHandover(ctx, tx, q.id, connector)
		return err
	})
	if err != nil {
		return "", err // when ctx has ended, the writer may still be at it
	}
	return id, nil
}

// unhandedPieces are the submissions of a request that the other side does not have, and has not refused. One that
// was taken out again stays there.
const unhandedPieces = `FROM submissions p WHERE p.request_id = h.request_id AND NOT EXISTS
	(SELECT 1 FROM handed_pieces k WHERE k.handover_id = h.id AND k.submission_id = p.id)`

// doneWith are rows that are done with: delivered, or given up and dealt with by a person.
const doneWith = `(o.state = 'delivered' OR o.state = 'failed' AND EXISTS (SELECT 1 FROM dealt_with d WHERE d.id = o.id AND d.attempt = o.attempt))`

// followHandovers takes up again the rows of hand-overs that were done with, where something
// has joined the request since. One that is pending finds it by itself; one that failed waits for
// a person. may leaves out connectors that must not learn of it.
func (s *Store) followHandovers(ctx context.Context, tx *tx, requestID int64, may func(connector string) bool) error {
	var again []ingest.OutboxNotice
	err := tx.rows(ctx, `SELECT h.id, o.attempt, h.connector FROM handovers h JOIN outbox o ON o.id = h.id
		WHERE h.request_id = $1 AND `+doneWith+` AND EXISTS (SELECT 1 `+unhandedPieces+`)`, []any{requestID}, func(row rowScanner) error {
		n := ingest.OutboxNotice{Kind: ingest.OutboxHandover}
		var connector string
		if err := row.Scan(&n.ID, &n.Attempt, &connector); err != nil {
			return err
		}
		n.Attempt++ // as outboxRow counts
		if may(connector) {
			again = append(again, n)
		}
		return nil
	})
	for _, n := range again {
		if err == nil {
			err = s.outboxRow(ctx, tx, n.ID, ingest.OutboxHandover, "", requestID)
		}
	}
	tx.outbox = append(tx.outbox, again...)
	return err
}

// dealtHandover has what was in the request when its hand-over failed count as brought by hand,
// since a person has dealt with it; what has joined since is brought after all.
func (s *Store) dealtHandover(ctx context.Context, tx *tx, id string) error {
	var requestID, ended int64
	err := tx.row(ctx, `SELECT h.request_id, coalesce(o.ended_at, 0) FROM handovers h JOIN outbox o ON o.id = h.id WHERE h.id = $1 AND o.state = 'failed'`, id).Scan(&requestID, &ended)
	if errors.Is(err, sql.ErrNoRows) {
		return nil // another delivery
	}
	if err != nil {
		return err
	}
	tx.touch(requestID)
	return errors.Join(
		tx.exec(ctx, `UPDATE handed_pieces SET refused = 2 WHERE handover_id = $1 AND refused = 1`, id),
		tx.exec(ctx, `INSERT INTO handed_pieces (handover_id, submission_id, at, refused) SELECT $1, p.id, $2, 2 FROM submissions p
			WHERE p.request_id = $3 AND p.recorded_at <= $4 ON CONFLICT (handover_id, submission_id) DO NOTHING`, id, micros(s.opts.Now()), requestID, ended),
	)
}

// retryHandover forgets what the other side has refused: a person wants it tried again.
func retryHandover(ctx context.Context, tx *tx, id string) error {
	return tx.exec(ctx, `DELETE FROM handed_pieces WHERE handover_id = $1 AND refused <> 0`, id)
}

const handoverQuery = `SELECT h.id, w.reference, h.connector, h.created_at, h.remote_id, h.remote_url, h.handed_at, h.remote_status, h.checked_at, h.trouble, o.state, o.reason,
	r.reference, h.text_of, w.category, EXISTS (SELECT 1 FROM sealed_services z WHERE z.name = w.service)
	FROM handovers h JOIN outbox o ON o.id = h.id JOIN requests r ON r.id = h.request_id JOIN requests w ON w.id = coalesce(r.merged_into, r.id) `

func (s *Store) scanHandover(row rowScanner) (ingest.Handover, error) {
	var h ingest.Handover
	var created, handed, checked int64
	err := row.Scan(&h.ID, &h.Request, &h.Connector, &created, &h.RemoteID, &h.RemoteURL, &handed, &h.RemoteStatus, &checked, &h.Trouble, &h.State, &h.Reason,
		&h.Own, &h.TextOf, &h.Category, &h.Sealed)
	h.CreatedAt, h.HandedAt, h.CheckedAt = s.time(created), s.time(handed), s.time(checked)
	return h, err
}

func (s *Store) handovers(ctx context.Context, rest string, args ...any) ([]ingest.Handover, error) {
	var out []ingest.Handover
	err := (reading{s.read}).rows(ctx, handoverQuery+rest, args, func(row rowScanner) error {
		h, err := s.scanHandover(row)
		out = append(out, h)
		return err
	})
	return out, err
}

// Handover returns the hand-over with this id; ingest.ErrNotFound when there is none.
func (s *Store) Handover(ctx context.Context, id string) (ingest.Handover, error) {
	h, err := s.scanHandover(s.read.QueryRowContext(ctx, handoverQuery+`WHERE h.id = $1`, id))
	if errors.Is(err, sql.ErrNoRows) {
		return h, fmt.Errorf("%w: hand-over %s", ingest.ErrNotFound, id)
	}
	return h, unavailable(err)
}

// Handovers lists those of a request (of one that was merged, of the one that it went into), and
// of what was merged into it, oldest first. The error wraps ingest.ErrNotFound when there is no
// such request.
func (s *Store) Handovers(ctx context.Context, reference string) ([]ingest.Handover, error) {
	q, err := liveRequest(ctx, reading{s.read}, reference)
	if err != nil {
		return nil, err
	}
	return s.handoversOf(ctx, q.id)
}

func (s *Store) handoversOf(ctx context.Context, requestID int64) ([]ingest.Handover, error) {
	return s.handovers(ctx, `WHERE h.request_id IN (SELECT id FROM requests WHERE id = $1 OR merged_into = $1) ORDER BY h.created_at, h.id`, requestID)
}

// settledWatch is how long a case is still asked for after the request was settled: other
// software takes things up again too.
const settledWatch = 30 * 24 * time.Hour

// HandoversDue lists up to limit hand-overs of a connector whose status was not asked for since
// before (or, by a clock that was ahead, after now), those asked longest ago first. A request that
// was merged into another one is not asked for: that one has a case of its own.
func (s *Store) HandoversDue(ctx context.Context, connector string, before time.Time, limit int) ([]ingest.Handover, error) {
	now := s.opts.Now()
	return s.handovers(ctx, `WHERE h.connector = $1 AND h.handed_at <> 0 AND (h.checked_at <= $2 OR h.checked_at > $3) AND r.merged_into IS NULL
		AND (w.answered_at = 0 OR w.answered_at > $4) ORDER BY h.checked_at, h.id LIMIT $5`,
		connector, micros(before), micros(now), micros(now.Add(-settledWatch)), limit)
}

// Unhanded lists the submissions that the other side does not have yet, in the order in which
// they came; the one that opened the request first.
func (s *Store) Unhanded(ctx context.Context, id string) ([]string, error) {
	var out []string
	err := (reading{s.read}).rows(ctx, `SELECT p.id FROM handovers h JOIN submissions p ON p.request_id = h.request_id
		WHERE h.id = $1 AND NOT EXISTS (SELECT 1 FROM handed_pieces k WHERE k.handover_id = h.id AND k.submission_id = p.id)
		ORDER BY p.link <> 'opens', p.received_at, p.seq`, []any{id}, func(row rowScanner) error {
		var piece string
		err := row.Scan(&piece)
		out = append(out, piece)
		return err
	})
	return out, err
}

// BeginHandover records, before anything is sent, that a try begins: with a full disk nothing
// leaves the house that could not be recorded. For a case that is not made yet it returns how
// long to wait instead, when an earlier try began less than pause ago and was cut off: the other
// side may still be at it, and would make a second one.
func (s *Store) BeginHandover(ctx context.Context, id string, pause time.Duration) (time.Duration, error) {
	var wait time.Duration
	err := s.do(ctx, func(ctx context.Context, tx *tx) error {
		var begun, handed int64
		if err := tx.row(ctx, `SELECT begun_at, handed_at FROM handovers WHERE id = $1`, id).Scan(&begun, &handed); err != nil {
			return err
		}
		now := s.opts.Now()
		if wait = s.time(begun).Add(pause).Sub(now); handed == 0 && begun != 0 && wait > 0 && wait <= pause {
			return nil
		}
		wait = 0
		return tx.exec(ctx, `UPDATE handovers SET begun_at = $1 WHERE id = $2`, micros(now), id)
	})
	if err != nil {
		return 0, err
	}
	return wait, nil
}

// HandoverAnswered records that the other side has answered, though with an error: nothing is
// under way there, and the next try need not wait for it.
func (s *Store) HandoverAnswered(ctx context.Context, id string) error {
	return s.do(ctx, func(ctx context.Context, tx *tx) error {
		return tx.exec(ctx, `UPDATE handovers SET begun_at = 0 WHERE id = $1`, id)
	})
}

// HandedOver records the case that the other side made, and of which submission it has the text.
// Saying it again changes nothing.
func (s *Store) HandedOver(ctx context.Context, id, remoteID, remoteURL, textOf string) error {
	return s.do(ctx, func(ctx context.Context, tx *tx) error {
		var requestID int64
		var connector string
		err := tx.row(ctx, `UPDATE handovers SET remote_id = $1, remote_url = $2, handed_at = $3, text_of = $4 WHERE id = $5 AND handed_at = 0 RETURNING request_id, connector`,
			remoteID, remoteURL, micros(s.opts.Now()), textOf, id).Scan(&requestID, &connector)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		return s.event(ctx, tx, eventHanded, ingest.ActorConnector+connector, "", requestID, map[string]any{"to": connector, "number": remoteID})
	})
}

// PieceHanded records that the other side has a submission.
func (s *Store) PieceHanded(ctx context.Context, id, submission string) error {
	return s.pieceHanded(ctx, id, submission, false)
}

// PieceRefused records that the other side will not take a submission: it keeps none that comes
// later back, and is tried again when a person takes the hand-over up again.
func (s *Store) PieceRefused(ctx context.Context, id, submission string) error {
	return s.pieceHanded(ctx, id, submission, true)
}

func (s *Store) pieceHanded(ctx context.Context, id, submission string, refused bool) error {
	return s.do(ctx, func(ctx context.Context, tx *tx) error {
		return tx.exec(ctx, `INSERT INTO handed_pieces (handover_id, submission_id, at, refused) VALUES ($1, $2, $3, $4)
			ON CONFLICT (handover_id, submission_id) DO UPDATE SET refused = CASE WHEN excluded.refused < handed_pieces.refused THEN excluded.refused ELSE handed_pieces.refused END`,
			id, submission, micros(s.opts.Now()), boolInt(refused))
	})
}

// EndHandover ends the row of a hand-over, unless something has joined the request meanwhile:
// done is false then. Both are looked at in one transaction, or what joined in between
// would be left behind. Where a submission was refused, and a kill kept that from being told, the
// error is permanent: a person must know.
func (s *Store) EndHandover(ctx context.Context, id string) (bool, error) {
	done := false
	err := s.do(ctx, func(ctx context.Context, tx *tx) error {
		var left int
		if err := tx.row(ctx, `SELECT count(*) FROM handovers h JOIN submissions p ON p.request_id = h.request_id WHERE h.id = $1
			AND NOT EXISTS (SELECT 1 FROM handed_pieces k WHERE k.handover_id = h.id AND k.submission_id = p.id)`, id).Scan(&left); err != nil {
			return err
		}
		if done = left == 0; !done {
			return nil
		}
		var refused int
		if err := tx.row(ctx, `SELECT count(*) FROM handed_pieces WHERE handover_id = $1 AND refused = 1`, id).Scan(&refused); err != nil {
			return err
		}
		if refused > 0 {
			return ingest.Permanent(fmt.Errorf("%d submissions were refused", refused))
		}
		return tx.exec(ctx, `UPDATE outbox SET state = 'delivered', reason = '', ended_at = $1 WHERE id = $2 AND state = 'pending'`, micros(s.opts.Now()), id)
	})
	return err == nil && done, err
}

// RemoteStatus records what the other side said of a case. A word that is another than before
// is an event, and moves the request where it means a status; what an agent did meanwhile stands
// until the other side says something new. trouble is why it could not be asked, or "". asOf is
// the Handover.CheckedAt that went before: where somebody else has asked since, nothing is
// recorded, or an old word would turn a newer one back. A request that was merged is not moved by
// its old case, nor one that is sealed by software that was not chosen for it.
func (s *Store) RemoteStatus(ctx context.Context, id string, asOf time.Time, raw string, status ingest.Status, note, trouble string) error {
	return s.do(ctx, func(ctx context.Context, tx *tx) error {
		var requestID, checked int64
		var connector, before, reference, category string
		var merged sql.NullInt64
		var sealed bool
		err := tx.row(ctx, `SELECT h.request_id, h.checked_at, h.connector, h.remote_status, r.reference, r.category, r.merged_into,
			EXISTS (SELECT 1 FROM sealed_services z WHERE z.name = r.service) FROM handovers h JOIN requests r ON r.id = h.request_id WHERE h.id = $1`, id).
			Scan(&requestID, &checked, &connector, &before, &reference, &category, &merged, &sealed)
		if errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("%w: hand-over %s", ingest.ErrNotFound, id)
		}
		if err != nil || checked != micros(asOf) {
			return err
		}
		if trouble != "" {
			return tx.exec(ctx, `UPDATE handovers SET checked_at = $1, trouble = $2 WHERE id = $3`, micros(s.opts.Now()), trouble, id)
		}
		if err := tx.exec(ctx, `UPDATE handovers SET checked_at = $1, trouble = '', remote_status = $2 WHERE id = $3`, micros(s.opts.Now()), raw, id); err != nil || raw == before {
			return err
		}
		actor := ingest.ActorConnector + connector
		if err := s.event(ctx, tx, eventHandoverStatus, actor, "", requestID, map[string]any{"from": before, "to": raw, "service": connector}); err != nil {
			return err
		}
		if status == "" || merged.Valid || !ingest.MayLearn(s.opts.Partners, category, sealed, connector) {
			return nil
		}
		return s.moveTo(reference, status, note, actor)(ctx, tx)
	})
}

// verifyHandovers wants of each hand-over that has ended that the other side has the case, and
// all that is in the request. What was merged or sealed since is not brought any more.
func (s *Store) verifyHandovers(ctx context.Context, _ *VerifyReport, report func(Finding)) error {
	return (reading{s.read}).rows(ctx, `SELECT r.reference, h.connector, h.handed_at FROM handovers h JOIN outbox o ON o.id = h.id JOIN requests r ON r.id = h.request_id
		WHERE `+doneWith+` AND r.merged_into IS NULL AND (o.state = 'delivered' AND h.handed_at = 0 OR EXISTS (SELECT 1 `+unhandedPieces+`))
		AND NOT EXISTS (SELECT 1 FROM sealed_services z WHERE z.name = r.service)`, nil, func(row rowScanner) error {
		var reference, connector string
		var handed int64
		if err := row.Scan(&reference, &connector, &handed); err != nil {
			return err
		}
		detail := connector + " lacks a submission that is in the request"
		if handed == 0 {
			detail = connector + " has no case of it"
		}
		report(Finding{FindingHandover, reference, detail})
		return nil
	})
}

// HandoverCount is how a connector fares, over all requests.
type HandoverCount struct {
	// Pending are hand-overs that wait, Failed those that were given up and that nobody has dealt
	// with, Cases what is at the other side.
	Pending, Failed, Cases int
	// CheckedAt is the last look at the status of a case, or zero; Trouble why that one failed, or
	// "". Service is that of the request that it was about: who does not see it is shown no words
	// of the other side.
	CheckedAt        time.Time
	Trouble, Service string
}

// HandoverCounts counts the hand-overs of each connector that has any, by its name.
func (s *Store) HandoverCounts(ctx context.Context) (map[string]HandoverCount, error) {
	out := map[string]HandoverCount{}
	run := reading{s.read}
	// One pass: there is one row for each request that a connector is told of.
	err := run.rows(ctx, `SELECT h.connector, count(*) FILTER (WHERE o.state = 'pending'), count(*) FILTER (WHERE o.state = 'failed' AND k.id IS NULL), count(*) FILTER (WHERE h.handed_at <> 0)
		FROM handovers h JOIN outbox o ON o.id = h.id LEFT JOIN dealt_with k ON k.id = o.id AND k.attempt = o.attempt GROUP BY h.connector`, nil, func(row rowScanner) error {
		var name string
		var c HandoverCount
		err := row.Scan(&name, &c.Pending, &c.Failed, &c.Cases)
		out[name] = c
		return err
	})
	if err != nil {
		return nil, err
	}
	for name, c := range out {
		var checked int64
		err := run.row(ctx, `SELECT h.checked_at, h.trouble, w.service FROM handovers h JOIN requests r ON r.id = h.request_id JOIN requests w ON w.id = coalesce(r.merged_into, r.id)
			WHERE h.connector = $1 AND h.handed_at <> 0 ORDER BY h.checked_at DESC LIMIT 1`, name).Scan(&checked, &c.Trouble, &c.Service)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return nil, unavailable(err)
		}
		c.CheckedAt = s.time(checked)
		out[name] = c
	}
	return out, nil
}
