package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"saisine.fr/saisine/ingest"
)

// Kinds of events about where a request stands. They are stored, so they never change.
const (
	eventStatus      = "request.status"
	eventAssigned    = "request.assigned"
	eventReopened    = "request.reopened"
	eventPieces      = "request.pieces_asked"
	eventPiecesCame  = "request.pieces_came"
	eventTransmitted = "request.transmitted"
	eventProcedure   = "request.procedure"
	eventLinkRevoked = "request.link_revoked"
)

var statuses = []ingest.Status{
	ingest.StatusNew, ingest.StatusAssigned, ingest.StatusInProgress, ingest.StatusWaitingCitizen, ingest.StatusAnswered, ingest.StatusClosed,
}

// settledStatus reports whether the town has done with a request.
func settledStatus(s ingest.Status) bool {
	return s == ingest.StatusAnswered || s == ingest.StatusClosed
}

// SetStatus moves a request (of one that was merged, the one that it went into) to a status;
// the citizen is told where the category wants so, with note in the agent's own words. Setting
// the same again changes nothing. The error wraps ingest.ErrNotFound when there is no such
// request, and ErrRefused for an unknown status.
func (s *Store) SetStatus(ctx context.Context, reference string, status ingest.Status, note, actor string) error {
	return s.do(ctx, s.moveTo(reference, status, note, actor))
}

func (s *Store) moveTo(reference string, status ingest.Status, note, actor string) work {
	return func(ctx context.Context, tx *tx) error {
		if !slices.Contains(statuses, status) {
			var names []string
			for _, x := range statuses {
				names = append(names, string(x))
			}
			return refused("there is no status %q; there are %s", status, strings.Join(names, ", "))
		}
		q, err := liveRequest(ctx, tx, reference)
		if err != nil {
			return err
		}
		old, err := statusOf(ctx, tx, q.id)
		if err != nil || old == status {
			return err
		}
		if err := s.setStatus(ctx, tx, q.id, status); err != nil {
			return err
		}
		if err := s.event(ctx, tx, eventStatus, actor, "", q.id, map[string]any{"old_status": old, "new_status": status, "note": note}); err != nil {
			return err
		}
		return s.tellStatus(ctx, tx, q, old, status, note)
	}
}

func statusOf(ctx context.Context, tx *tx, requestID int64) (ingest.Status, error) {
	var status string
	err := tx.row(ctx, `SELECT status FROM requests WHERE id = $1`, requestID).Scan(&status)
	return ingest.Status(status), err
}

// setStatus also remembers when the town answered, which ends its deadlines, or forgets it.
func (s *Store) setStatus(ctx context.Context, tx *tx, requestID int64, status ingest.Status) error {
	answered := int64(0)
	if settledStatus(status) {
		answered = micros(s.opts.Now())
	}
	return tx.exec(ctx, `UPDATE requests SET status = $1, answered_at = CASE WHEN CAST($2 AS BIGINT) = 0 THEN 0 WHEN answered_at <> 0 THEN answered_at ELSE $2 END
		WHERE id = $3`, string(status), answered, requestID)
}

// tellStatus has the citizen told of a new status. A notice of an earlier status that has
// not left yet is withheld: one mail says where things stand.
func (s *Store) tellStatus(ctx context.Context, tx *tx, q requestKey, old, status ingest.Status, note string) error {
	if s.opts.Correspondence == nil {
		return nil
	}
	to, err := s.citizen(ctx, tx, q.id)
	if err != nil {
		return err
	}
	f := ingest.StatusFacts{
		Now: s.opts.Now(), Reference: q.reference, Category: to.category, Old: old, New: status, Note: note, To: to.email, NoReply: to.noReply,
	}
	// First: what is withheld makes room for the new one, and is untrue though there be none.
	if err := s.supersede(ctx, tx, q.id, "remplacé par un avis plus récent"); err != nil {
		return err
	}
	if f.Log, err = s.mailLog(ctx, tx, to.email); err != nil {
		return err
	}
	return s.draftAll(ctx, tx, s.opts.Correspondence.StatusChanged(f), to.submission, q.id)
}

// supersede withholds the notices of statuses that have not been made yet. Those of something
// else that has happened to the request stay.
func (s *Store) supersede(ctx context.Context, tx *tx, requestID int64, why string) error {
	var ids []string
	err := tx.rows(ctx, `SELECT id, detail FROM mails WHERE request_id = $1 AND kind = $2 AND state = 'queued' AND content IS NULL`, []any{requestID, string(ingest.MailStatus)}, func(row rowScanner) error {
		var id, text string
		if err := row.Scan(&id, &text); err != nil {
			return err
		}
		var d ingest.MailDetail
		if err := json.Unmarshal([]byte(text), &d); err != nil {
			return fmt.Errorf("store: mail %s: %w", id, err)
		}
		if slices.Contains(statuses, d.Status) {
			ids = append(ids, id)
		}
		return nil
	})
	for _, id := range ids {
		if err != nil {
			return err
		}
		err = errors.Join(
			tx.exec(ctx, `UPDATE mails SET state = 'withheld', reason = $1, ended_at = $2 WHERE id = $3`, why, micros(s.opts.Now()), id),
			tx.exec(ctx, `UPDATE outbox SET state = 'delivered', ended_at = $1 WHERE id = $2 AND state = 'pending'`, micros(s.opts.Now()), id),
			s.journal(ctx, tx, eventMailWithheld, id, "", map[string]any{"kind": ingest.MailStatus, "reason": why}),
		)
	}
	return err
}

// correspondent is whom the town writes to about a request: who opened it.
type correspondent struct{ submission, email, noReply, category string }

func (s *Store) citizen(ctx context.Context, tx *tx, requestID int64) (correspondent, error) {
	var c correspondent
	err := tx.row(ctx, `SELECT s.id, q.sender_email, q.category, d.no_reply FROM requests q
		JOIN submissions s ON s.request_id = q.id AND s.link = 'opens' JOIN readings d ON d.submission_id = s.id WHERE q.id = $1`, requestID).
		Scan(&c.submission, &c.email, &c.category, &c.noReply)
	if errors.Is(err, sql.ErrNoRows) {
		return c, nil
	}
	return c, err
}

// reopenFor takes a request up again for which the citizen has written once more.
func (s *Store) reopenFor(ctx context.Context, tx *tx, requestID int64, submissionID string) error {
	old, err := statusOf(ctx, tx, requestID)
	if err != nil || !settledStatus(old) && old != ingest.StatusWaitingCitizen {
		return err
	}
	if err := s.setStatus(ctx, tx, requestID, ingest.StatusInProgress); err != nil {
		return err
	}
	return s.event(ctx, tx, eventReopened, actorSystem, submissionID, requestID, map[string]any{"old_status": old, "new_status": ingest.StatusInProgress})
}

// AskPieces records that the citizen was asked for missing pieces, until the last day of the
// time allowed (2026-04-23), and has them told; the request waits for them (CRPA L114-5).
// Asking again for what is awaited already changes nothing. The errors are those of SetStatus,
// and ErrRefused without a piece or a day.
func (s *Store) AskPieces(ctx context.Context, reference string, pieces []string, until, note, actor string) error {
	return s.do(ctx, s.askPieces(reference, pieces, until, note, actor))
}

func (s *Store) askPieces(reference string, pieces []string, until, note, actor string) work {
	return func(ctx context.Context, tx *tx) error {
		pieces := slices.DeleteFunc(slices.Clone(pieces), func(p string) bool { return strings.TrimSpace(p) == "" })
		if len(pieces) == 0 {
			return refused("name at least one missing piece")
		}
		last, err := time.ParseInLocation(time.DateOnly, until, s.opts.Zone)
		if err != nil || last.Before(s.opts.Now().AddDate(0, 0, -1)) {
			return refused("%q is no day to come; write the last day of the time allowed as 2026-04-23", until)
		}
		text, err := json.Marshal(pieces)
		if err != nil {
			return fmt.Errorf("store: pieces: %w", err)
		}
		q, err := liveRequest(ctx, tx, reference)
		if err != nil {
			return err
		}
		n, err := tx.execN(ctx, `INSERT INTO asked_pieces (request_id, at, until, pieces) SELECT $1, $2, $3, $4
			WHERE NOT EXISTS (SELECT 1 FROM asked_pieces WHERE request_id = $1 AND until = $3 AND pieces = $4 AND came_at = 0)`,
			q.id, micros(s.opts.Now()), until, string(text))
		if err != nil || n == 0 {
			return err
		}
		if err := s.setStatus(ctx, tx, q.id, ingest.StatusWaitingCitizen); err != nil {
			return err
		}
		if err := s.event(ctx, tx, eventPieces, actor, "", q.id, map[string]any{"pieces": pieces, "until": until, "note": note}); err != nil || s.opts.Correspondence == nil {
			return err
		}
		to, err := s.citizen(ctx, tx, q.id)
		if err != nil {
			return err
		}
		return s.draftAll(ctx, tx, s.opts.Correspondence.PiecesAsked(ingest.PiecesFacts{
			Now: s.opts.Now(), Pieces: pieces, Until: until, Note: note, To: to.email, NoReply: to.noReply,
		}), to.submission, q.id)
	}
}

// PiecesCame records that all pieces that were asked for are there since at: the clock of an
// acceptance starts then, that of a rejection goes on (CRPA L114-5). It is ErrRefused when
// none were awaited.
func (s *Store) PiecesCame(ctx context.Context, reference string, at time.Time, actor string) error {
	return s.do(ctx, s.piecesCame(reference, at, actor))
}

func (s *Store) piecesCame(reference string, at time.Time, actor string) work {
	return func(ctx context.Context, tx *tx) error {
		if at.After(s.opts.Now()) {
			return refused("pieces cannot have come at a time to come")
		}
		q, err := liveRequest(ctx, tx, reference)
		if err != nil {
			return err
		}
		n, err := tx.execN(ctx, `UPDATE asked_pieces SET came_at = CASE WHEN at > $1 THEN at ELSE $1 END WHERE request_id = $2 AND came_at = 0`, micros(at), q.id)
		if err != nil {
			return err
		}
		if n == 0 {
			return refused("no pieces are awaited for %s", q.reference)
		}
		old, err := statusOf(ctx, tx, q.id)
		if err != nil {
			return err
		}
		if old == ingest.StatusWaitingCitizen {
			if err := s.setStatus(ctx, tx, q.id, ingest.StatusInProgress); err != nil {
				return err
			}
		}
		return s.event(ctx, tx, eventPiecesCame, actor, "", q.id, map[string]any{"at": at.UTC().Format(time.RFC3339)})
	}
}

// Transmit records that another administration is competent and was sent the request, and
// when it got it, if that is known (CRPA L114-2, L114-3). The citizen is told, once for each
// administration; saying the same again changes nothing. It is ErrRefused without a name, and
// for a time to come or before the town had it.
func (s *Store) Transmit(ctx context.Context, reference, to string, competent time.Time, actor string) error {
	return s.do(ctx, s.transmit(reference, to, competent, actor))
}

func (s *Store) transmit(reference, to string, competent time.Time, actor string) work {
	return func(ctx context.Context, tx *tx) error {
		if strings.TrimSpace(to) == "" {
			return refused("say which administration is competent")
		}
		q, err := liveRequest(ctx, tx, reference)
		if err != nil {
			return err
		}
		competent := competent // of this run
		if competent, err = s.competentAt(ctx, tx, q, competent); err != nil {
			return err
		}
		var before string
		var since int64
		if err := tx.row(ctx, `SELECT elsewhere, competent_at FROM requests WHERE id = $1`, q.id).Scan(&before, &since); err != nil {
			return err
		}
		if before == to && since == micros(competent) {
			return nil
		}
		if err := tx.exec(ctx, `UPDATE requests SET elsewhere = $1, competent_at = $2 WHERE id = $3`, to, micros(competent), q.id); err != nil {
			return err
		}
		if err := s.event(ctx, tx, eventTransmitted, actor, "", q.id, map[string]any{"to": to}); err != nil || s.opts.Correspondence == nil || before == to {
			return err
		}
		citizen, err := s.citizen(ctx, tx, q.id)
		if err != nil {
			return err
		}
		f := ingest.StatusFacts{Now: s.opts.Now(), Reference: q.reference, Category: citizen.category, To: citizen.email, NoReply: citizen.noReply}
		return s.draftAll(ctx, tx, s.opts.Correspondence.Transmitted(f, to), citizen.submission, q.id)
	}
}

// competentAt checks when the competent administration got a request. A day without an hour
// may be that on which the town got it.
func (s *Store) competentAt(ctx context.Context, tx *tx, q requestKey, at time.Time) (time.Time, error) {
	if at.IsZero() {
		return at, nil
	}
	f, err := s.deadlineFacts(ctx, tx, q.id)
	if err != nil {
		return at, err
	}
	day := func(t time.Time) string { return t.In(s.opts.Zone).Format(time.DateOnly) }
	switch {
	case at.After(s.opts.Now()):
		return at, refused("another administration cannot have got %s at a time to come", q.reference)
	case day(at) < day(f.Received):
		return at, refused("another administration cannot have got %s before the town, which got it on %s", q.reference, day(f.Received))
	case at.Before(f.Received):
		return f.Received, nil
	}
	return at, nil
}

// SetProcedure names the kind of file that a request is (notice.Procedure, "" for none),
// which has deadlines of its own. Whether there is such a kind is for the caller to know.
func (s *Store) SetProcedure(ctx context.Context, reference, procedure, actor string) error {
	return s.do(ctx, s.setProcedure(reference, procedure, actor))
}

func (s *Store) setProcedure(reference, procedure, actor string) work {
	return func(ctx context.Context, tx *tx) error {
		q, err := liveRequest(ctx, tx, reference)
		if err != nil {
			return err
		}
		n, err := tx.execN(ctx, `UPDATE requests SET procedure = $1 WHERE id = $2 AND procedure <> $1`, procedure, q.id)
		if err != nil || n == 0 {
			return err
		}
		return s.event(ctx, tx, eventProcedure, actor, "", q.id, map[string]any{"procedure": procedure})
	}
}

// RevokeLinks makes all follow-up links of a request's submissions worthless; new ones can
// be given out (see LinkGeneration).
func (s *Store) RevokeLinks(ctx context.Context, reference, actor string) error {
	return s.do(ctx, s.revokeLinks(reference, actor))
}

func (s *Store) revokeLinks(reference, actor string) work {
	return func(ctx context.Context, tx *tx) error {
		q, err := liveRequest(ctx, tx, reference)
		if err != nil {
			return err
		}
		if err := tx.exec(ctx, `UPDATE submissions SET link_generation = link_generation + 1 WHERE request_id = $1`, q.id); err != nil {
			return err
		}
		return s.event(ctx, tx, eventLinkRevoked, actor, "", q.id, map[string]any{})
	}
}

// LinkGeneration is how often the follow-up links of a submission were revoked. The error
// wraps ingest.ErrNotFound when there is no such submission, and ingest.ErrEliminated for one that
// was eliminated: no link leads to it any more.
func (s *Store) LinkGeneration(ctx context.Context, submissionID string) (int, error) {
	var n int
	var gone bool
	err := s.read.QueryRowContext(ctx, `SELECT link_generation, eliminated_at <> 0 FROM submissions WHERE id = $1`, submissionID).Scan(&n, &gone)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("%w: submission %s", ingest.ErrNotFound, submissionID)
	}
	if err == nil && gone {
		return 0, fmt.Errorf("%w: submission %s", ingest.ErrEliminated, submissionID)
	}
	return n, unavailable(err)
}
