package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"saisine.fr/saisine/ingest"
)

// replan computes the deadlines of a request again, after something has happened to it in
// the same transaction. What is as it was is not written.
func (s *Store) replan(ctx context.Context, tx *tx, requestID int64) error {
	if s.opts.Correspondence == nil {
		return nil
	}
	f, err := s.deadlineFacts(ctx, tx, requestID)
	if errors.Is(err, sql.ErrNoRows) {
		// Merged into another one: it owes nothing more.
		return errors.Join(s.saveDeadlines(ctx, tx, requestID, nil), saveNext(ctx, tx, requestID, ingest.Deadline{}))
	}
	if err != nil {
		return err
	}
	list := s.opts.Correspondence.Deadlines(f)
	if err := s.saveDeadlines(ctx, tx, requestID, list); err != nil {
		return err
	}
	next := ingest.Deadline{}
	if f.Answered.IsZero() {
		next = nextOf(list)
	}
	return saveNext(ctx, tx, requestID, next)
}

// whoTown is who has to act on what lists show as due (notice.WhoTown). It is stored.
const whoTown = "town"

// nextOf returns the earliest open deadline of the town; the zero one when there is none.
func nextOf(list []ingest.Deadline) ingest.Deadline {
	var next ingest.Deadline
	for _, d := range list {
		if d.Who == whoTown && d.DoneAt.IsZero() && !d.Due.IsZero() && (next.Due.IsZero() || d.Due.Before(next.Due)) {
			next = d
		}
	}
	return next
}

// saveNext keeps with the request what the town owes next, for the lists.
func saveNext(ctx context.Context, tx *tx, requestID int64, d ingest.Deadline) error {
	return tx.exec(ctx, `UPDATE requests SET next_due = $1, next_day = $2, next_rule = $3, next_article = $4
		WHERE id = $5 AND (next_due <> $1 OR next_day <> $2 OR next_rule <> $3 OR next_article <> $4)`,
		micros(d.Due), d.Day, d.Rule, d.Article, requestID)
}

// receiptsQuery finds those of the opening: what another submission got, that was merged into
// the request or taken out of it, acknowledges nothing here. The kinds are those of the index.
const receiptsQuery = `SELECT kind, ended_at FROM mails WHERE submission_id = $1 AND kind IN ('aee', 'are', 'joined', 'paper')
	AND state IN ('sent', 'printed') ORDER BY ended_at`

// deadlineFacts collects what deadlines depend on; sql.ErrNoRows for a request that nothing opens.
func (s *Store) deadlineFacts(ctx context.Context, run sqlRunner, requestID int64) (ingest.DeadlineFacts, error) {
	var f ingest.DeadlineFacts
	var opening, channel, hints, elsewhere string
	var received, recorded, answered, first, competent int64
	err := run.row(ctx, `SELECT q.category, q.procedure, q.answered_at, q.first_at, q.elsewhere, q.competent_at, s.id, s.channel, s.hints, s.received_at, s.recorded_at
		FROM requests q JOIN submissions s ON s.request_id = q.id AND s.link = 'opens' WHERE q.id = $1`, requestID).
		Scan(&f.Category, &f.Procedure, &answered, &first, &elsewhere, &competent, &opening, &channel, &hints, &received, &recorded)
	if err != nil {
		return f, err
	}
	var h ingest.Hints
	if err := json.Unmarshal([]byte(hints), &h); err != nil {
		return f, fmt.Errorf("store: hints: %w", err)
	}
	f.NoReceipt, f.Recorded = h.NoReceipt, s.time(recorded)
	f.Channel, f.Received, f.Postmark = ingest.Channel(channel), s.time(received), h.Postmark
	f.Answered, f.First, f.Elsewhere, f.Competent = s.time(answered), s.time(first), elsewhere != "", s.time(competent)
	if f.Asked, err = s.asked(ctx, run, requestID); err != nil {
		return f, err
	}
	err = run.rows(ctx, receiptsQuery, []any{opening}, func(row rowScanner) error {
		var kind string
		var at int64
		err := row.Scan(&kind, &at)
		f.Receipts = append(f.Receipts, ingest.SentReceipt{Kind: ingest.MailKind(kind), At: s.time(at)})
		return err
	})
	return f, err
}

// asked lists the demands for missing pieces of a request.
func (s *Store) asked(ctx context.Context, run sqlRunner, requestID int64) ([]ingest.AskedPieces, error) {
	var out []ingest.AskedPieces
	err := run.rows(ctx, `SELECT at, until, pieces, came_at FROM asked_pieces WHERE request_id = $1 ORDER BY seq`, []any{requestID}, func(row rowScanner) error {
		var a ingest.AskedPieces
		var at, came int64
		var pieces string
		if err := row.Scan(&at, &a.Until, &pieces, &came); err != nil {
			return err
		}
		a.At, a.CameAt = s.time(at), s.time(came)
		out = append(out, a)
		return json.Unmarshal([]byte(pieces), &out[len(out)-1].Pieces)
	})
	return out, err
}

func (s *Store) saveDeadlines(ctx context.Context, tx *tx, requestID int64, list []ingest.Deadline) error {
	var have []ingest.Deadline
	if err := tx.rows(ctx, deadlinesQuery, []any{requestID}, s.scanDeadline(&have)); err != nil {
		return err
	}
	if slices.EqualFunc(have, list, sameDeadline) {
		return nil
	}
	if len(have) > 0 {
		if err := tx.exec(ctx, `DELETE FROM deadlines WHERE request_id = $1`, requestID); err != nil {
			return err
		}
	}
	for n, d := range list {
		if err := tx.exec(ctx, `INSERT INTO deadlines (request_id, n, kind, due, day, rule, article, sense, who, done_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
			requestID, n, d.Kind, micros(d.Due), d.Day, d.Rule, d.Article, d.Sense, d.Who, micros(d.DoneAt)); err != nil {
			return err
		}
	}
	return nil
}

func sameDeadline(a, b ingest.Deadline) bool {
	return a.Due.Equal(b.Due) && a.DoneAt.Equal(b.DoneAt) && a.Kind == b.Kind && a.Day == b.Day && a.Rule == b.Rule &&
		a.Article == b.Article && a.Sense == b.Sense && a.Who == b.Who
}

const deadlinesQuery = `SELECT kind, due, day, rule, article, sense, who, done_at FROM deadlines WHERE request_id = $1 ORDER BY n`

func (s *Store) scanDeadline(list *[]ingest.Deadline) func(rowScanner) error {
	return func(row rowScanner) error {
		var d ingest.Deadline
		var due, done int64
		err := row.Scan(&d.Kind, &due, &d.Day, &d.Rule, &d.Article, &d.Sense, &d.Who, &done)
		d.Due, d.DoneAt = s.time(due), s.time(done)
		*list = append(*list, d)
		return err
	}
}

// DeadlineFacts returns what the deadlines of a request depend on, to explain them. The
// error wraps ingest.ErrNotFound when there is no such request.
func (s *Store) DeadlineFacts(ctx context.Context, reference string) (ingest.DeadlineFacts, error) {
	id, _, err := s.requestRow(ctx, reference)
	if err != nil {
		return ingest.DeadlineFacts{}, err
	}
	f, err := s.deadlineFacts(ctx, reading{s.read}, id)
	return f, unavailable(err)
}

// reading runs SQL outside the writer.
type reading struct{ db *sql.DB }

func (r reading) exec(context.Context, string, ...any) error { return errReading }

func (r reading) row(ctx context.Context, query string, args ...any) rowScanner {
	return r.db.QueryRowContext(ctx, query, args...)
}

func (r reading) rows(ctx context.Context, query string, args []any, f func(rowScanner) error) error {
	return each(f, func() (*sql.Rows, error) { return r.db.QueryContext(ctx, query, args...) })
}

var errReading = errors.New("store: a write outside the writer")

// ReplanAll computes the deadlines of all open requests again: the categories file, or the
// program, may be another one since. It returns how many requests it looked at.
func (s *Store) ReplanAll(ctx context.Context) (int, error) {
	if s.opts.Correspondence == nil {
		return 0, nil
	}
	n := 0
	for after := int64(0); ; {
		var ids []int64
		err := each(func(row rowScanner) error {
			var id int64
			err := row.Scan(&id)
			ids = append(ids, id)
			return err
		}, func() (*sql.Rows, error) {
			return s.read.QueryContext(ctx, `SELECT id FROM requests WHERE id > $1 AND status NOT IN ('answered', 'closed') AND merged_into IS NULL ORDER BY id LIMIT 100`, after)
		})
		if err != nil || len(ids) == 0 {
			return n, err
		}
		if err := s.do(ctx, func(ctx context.Context, tx *tx) error {
			for _, id := range ids {
				if err := s.replan(ctx, tx, id); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			return n, err
		}
		n, after = n+len(ids), ids[len(ids)-1]
	}
}

// Due is an open deadline of a request.
type Due struct {
	Reference, Subject, Category, Service string
	Sender                                ingest.Person
	Status                                ingest.Status
	NeedsReview                           bool
	Deadline                              ingest.Deadline
}

// OpenDeadlines calls f for each open deadline that is due before the given moment, the nearest
// first, of requests that are open.
func (s *Store) OpenDeadlines(ctx context.Context, before time.Time, f func(Due) error) error {
	return each(func(row rowScanner) error {
		var d Due
		var status string
		var review int
		var due int64
		if err := row.Scan(&d.Reference, &d.Subject, &d.Category, &d.Service, &d.Sender.Name, &d.Sender.Email, &status, &review,
			&d.Deadline.Kind, &due, &d.Deadline.Day, &d.Deadline.Rule, &d.Deadline.Article, &d.Deadline.Sense, &d.Deadline.Who); err != nil {
			return err
		}
		d.Status, d.NeedsReview, d.Deadline.Due = ingest.Status(status), review != 0, s.time(due)
		return f(d)
	}, func() (*sql.Rows, error) {
		return s.read.QueryContext(ctx, `SELECT q.reference, q.subject, q.category, q.service, q.sender_name, q.sender_email, q.status, q.needs_review,
			d.kind, d.due, d.day, d.rule, d.article, d.sense, d.who
			FROM deadlines d JOIN requests q ON q.id = d.request_id
			WHERE d.done_at = 0 AND d.due <> 0 AND d.due < $1 AND q.merged_into IS NULL AND q.status NOT IN ('answered', 'closed') ORDER BY d.due, q.id`, micros(before))
	})
}
