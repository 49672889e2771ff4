package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"saisine.fr/saisine/ingest"
)

const recordQuery = `SELECT s.seq, s.id, s.channel, s.account, s.source_key, s.received_at, s.recorded_at, s.sha256, s.size, s.media_type, s.hints,
	s.state, s.reason, s.link, s.attempt, s.acknowledged, s.kept, s.virus_state, s.virus, s.eliminated_at, s.elimination, r.reference,
	d.kind, d.subject, d.body, d.sender_name, d.sender_email, d.sender_phone, d.sender_address, d.message_id, d.detail, d.no_reply
	FROM submissions s LEFT JOIN requests r ON r.id = s.request_id LEFT JOIN readings d ON d.submission_id = s.id `

func (s *Store) scanRecord(row rowScanner) (ingest.Record, error) {
	var rec ingest.Record
	var channel, state, link, hints, virusState, virus string
	var at, recorded, gone int64
	var kept int
	var reference, kind, subject, body, name, email, phone, address, messageID, detail, noReply sql.NullString
	if err := row.Scan(&rec.Seq, &rec.ID, &channel, &rec.Account, &rec.SourceKey, &at, &recorded, &rec.SHA256, &rec.Size, &rec.MediaType, &hints,
		&state, &rec.Reason, &link, &rec.Attempt, &rec.Acknowledged, &kept, &virusState, &virus, &gone, &rec.Elimination, &reference,
		&kind, &subject, &body, &name, &email, &phone, &address, &messageID, &detail, &noReply); err != nil {
		return rec, err
	}
	rec.Channel, rec.State, rec.Link = ingest.Channel(channel), ingest.State(state), ingest.Link(link)
	rec.Kept, rec.EliminatedAt = kept != 0, s.time(gone)
	rec.ReceivedAt, rec.RecordedAt, rec.Request = s.time(at), s.time(recorded), reference.String
	if err := json.Unmarshal([]byte(hints), &rec.Hints); err != nil {
		return rec, fmt.Errorf("store: hints of %s: %w", rec.ID, err)
	}
	var err error
	if rec.Verdict, err = s.verdict(rec.ID, virusState, virus); err != nil {
		return rec, err
	}
	if !kind.Valid {
		return rec, nil
	}
	var d readingDetail
	if err := json.Unmarshal([]byte(detail.String), &d); err != nil {
		return rec, fmt.Errorf("store: reading of %s: %w", rec.ID, err)
	}
	rec.Reading = &ingest.Reading{
		Kind: kind.String, Subject: subject.String, Text: body.String, MessageID: messageID.String,
		From: ingest.Person{Name: name.String, Email: email.String, Phone: phone.String, Address: address.String},
		To:   d.To, Cc: d.Cc, InReplyTo: d.InReplyTo, References: d.References, Automatic: d.Automatic, NoReply: noReply.String, Undelivered: d.Undelivered,
		Category: d.Category, Place: d.Place, Position: d.Position, OwnText: d.OwnText, Attachments: d.Attachments, Pages: d.Pages, Total: d.Total,
		Letter: d.Letter, Facts: d.Facts, Problems: d.Problems,
	}
	if d.Date != nil {
		rec.Reading.Date = *d.Date
	}
	return rec, nil
}

// Submission returns a row of the ledger with what was read from it.
func (s *Store) Submission(ctx context.Context, id string) (ingest.Record, error) {
	rec, err := s.scanRecord(s.read.QueryRowContext(ctx, recordQuery+`WHERE s.id = $1`, id))
	if errors.Is(err, sql.ErrNoRows) {
		return rec, fmt.Errorf("%w: submission %s", ingest.ErrNotFound, id)
	}
	return rec, err
}

// recordPage bounds how many rows are read at once: a listing that stands still in a
// pager must not hold a read transaction, which would let SQLite's log grow for ever.
const recordPage = 500

// Submissions calls f for each row of the ledger, oldest first, in the given state
// ("" for all), until f returns an error.
func (s *Store) Submissions(ctx context.Context, state ingest.State, f func(ingest.Record) error) error {
	after := int64(0)
	for {
		var page []ingest.Record
		err := each(func(row rowScanner) error {
			rec, err := s.scanRecord(row)
			page = append(page, rec)
			return err
		}, func() (*sql.Rows, error) {
			return s.read.QueryContext(ctx, recordQuery+`WHERE s.seq > $1 AND ($2 = '' OR s.state = $2) ORDER BY s.seq LIMIT $3`,
				after, string(state), recordPage)
		})
		if err != nil {
			return err
		}
		for _, rec := range page {
			if err := f(rec); err != nil {
				return err
			}
			after = rec.Seq
		}
		if len(page) < recordPage {
			return nil
		}
	}
}

const requestQuery = `SELECT id, reference, status, category, service, confidence, needs_review, reasons, subject, body,
	sender_name, sender_email, sender_phone, sender_address, place, opened_at, category_by, second_category, urgent, answered_at, procedure, eliminated_at, elimination FROM requests `

func (s *Store) scanRequest(row rowScanner) (int64, ingest.Request, error) {
	var q ingest.Request
	var id, at, answered, gone int64
	var status, reasons, urgent string
	var review int
	if err := row.Scan(&id, &q.Reference, &status, &q.Category, &q.Service, &q.Confidence, &review, &reasons, &q.Subject, &q.Text,
		&q.Sender.Name, &q.Sender.Email, &q.Sender.Phone, &q.Sender.Address, &q.Place, &at, &q.CategoryBy, &q.SecondCategory, &urgent, &answered, &q.Procedure, &gone, &q.Elimination); err != nil {
		return 0, q, err
	}
	q.Status, q.NeedsReview, q.OpenedAt, q.AnsweredAt = ingest.Status(status), review != 0, s.time(at), s.time(answered)
	q.EliminatedAt = s.time(gone)
	if q.SecondCategory == q.Category {
		q.SecondCategory = "" // a person chose it for the first
	}
	if err := json.Unmarshal([]byte(reasons), &q.Reasons); err != nil {
		return 0, q, fmt.Errorf("store: reasons of %s: %w", q.Reference, err)
	}
	if err := json.Unmarshal([]byte(urgent), &q.Urgent); err != nil {
		return 0, q, fmt.Errorf("store: urgency of %s: %w", q.Reference, err)
	}
	return id, q, nil
}

// Request returns a request with its submissions and suggestions; of one that was merged,
// the request that it went into. One that was eliminated has none.
func (s *Store) Request(ctx context.Context, reference string) (ingest.Request, error) {
	id, q, err := s.requestRow(ctx, reference)
	if err != nil {
		return q, err
	}
	if !q.EliminatedAt.IsZero() {
		return q, nil // what other tables still have of it serves the figures and registers alone
	}
	if err := s.fill(ctx, id, &q); err != nil {
		return q, err
	}
	q.Mails, err = s.mailsOf(ctx, id)
	return q, err
}

// requestRow is Request without what other tables know. That a merged request leads to its
// end in one step is a promise of the moves.
func (s *Store) requestRow(ctx context.Context, reference string) (int64, ingest.Request, error) {
	id, q, err := s.scanRequest(s.read.QueryRowContext(ctx, requestQuery+`WHERE id =
		(SELECT coalesce(m.merged_into, m.id) FROM requests m WHERE m.reference = $1)`, reference))
	if errors.Is(err, sql.ErrNoRows) {
		err = fmt.Errorf("%w: request %q", ingest.ErrNotFound, reference)
	}
	return id, q, err
}

// requestPage bounds how many requests are read at once, so that a listing of years
// neither fills the memory nor holds a connection while it is printed.
const requestPage = 500

// Requests calls f for each request with its submissions and suggestions, oldest
// first, until f returns an error. Those that were merged into another one are left out.
func (s *Store) Requests(ctx context.Context, f func(ingest.Request) error) error {
	after := int64(0)
	for {
		var page []ingest.Request
		var ids []int64
		err := each(func(row rowScanner) error {
			id, q, err := s.scanRequest(row)
			page, ids = append(page, q), append(ids, id)
			return err
		}, func() (*sql.Rows, error) {
			return s.read.QueryContext(ctx, requestQuery+fmt.Sprintf(`WHERE id > $1 AND merged_into IS NULL ORDER BY id LIMIT %d`, requestPage), after)
		})
		if err != nil {
			return err
		}
		for i := range page {
			if page[i].EliminatedAt.IsZero() {
				if err := s.fill(ctx, ids[i], &page[i]); err != nil {
					return err
				}
			}
			if err := f(page[i]); err != nil {
				return err
			}
			after = ids[i]
		}
		if len(page) < requestPage {
			return nil
		}
	}
}

func (s *Store) fill(ctx context.Context, id int64, q *ingest.Request) error {
	err := each(func(row rowScanner) error {
		var r ingest.RequestSubmission
		var channel, link string
		var at int64
		if err := row.Scan(&r.ID, &channel, &link, &at); err != nil {
			return err
		}
		r.Channel, r.Link, r.ReceivedAt = ingest.Channel(channel), ingest.Link(link), s.time(at)
		q.Submissions = append(q.Submissions, r)
		return nil
	}, func() (*sql.Rows, error) {
		return s.read.QueryContext(ctx, `SELECT id, channel, link, received_at FROM submissions WHERE request_id = $1 ORDER BY seq`, id)
	})
	if err != nil {
		return err
	}
	if err := s.fillSuggestions(ctx, id, q); err != nil {
		return err
	}
	if err := (reading{s.read}).rows(ctx, deadlinesQuery, []any{id}, s.scanDeadline(&q.Deadlines)); err != nil {
		return err
	}
	if q.Pieces, err = s.asked(ctx, reading{s.read}, id); err != nil {
		return err
	}
	if q.Handovers, err = s.handoversOf(ctx, id); err != nil {
		return err
	}
	return each(func(row rowScanner) error {
		var reference string
		err := row.Scan(&reference)
		q.MergedFrom = append(q.MergedFrom, reference)
		return err
	}, func() (*sql.Rows, error) {
		return s.read.QueryContext(ctx, `SELECT reference FROM requests WHERE merged_into = $1 ORDER BY id`, id)
	})
}

// fillSuggestions reads the suggestions of a request and of those that were merged into
// it. They stay in their rows, so that undoing a merge gives each its own back.
func (s *Store) fillSuggestions(ctx context.Context, id int64, q *ingest.Request) error {
	var found []ingest.Suggestion
	decided := map[string]bool{}
	err := each(func(row rowScanner) error {
		var g ingest.Suggestion
		var kind string
		if err := row.Scan(&g.Reference, &g.Score, &g.Why, &kind); err != nil {
			return err
		}
		if kind == kindApart {
			decided[g.Reference] = true
			return nil
		}
		g.Kind = ingest.SuggestionKind(kind)
		if !slices.ContainsFunc(found, func(have ingest.Suggestion) bool { return have.Reference == g.Reference }) {
			found = append(found, g)
		}
		return nil
	}, func() (*sql.Rows, error) {
		return s.read.QueryContext(ctx, suggestionsQuery, id)
	})
	for _, g := range found {
		if !decided[g.Reference] {
			q.Suggestions = append(q.Suggestions, g)
		}
	}
	return err
}

// suggestedTo bounds how many later requests are shown for which this one was suggested:
// of a petition there are thousands.
const suggestedTo = "50"

// suggestionsQuery looks both ways: the first of two neighbours is to know of the second as
// well. A request that was merged stands for the one that it went into.
const suggestionsQuery = `SELECT reference, score, why, kind FROM (
	SELECT r.reference, g.score, g.why, g.kind FROM suggestions g
		JOIN requests o ON o.id = g.other_id JOIN requests r ON r.id = coalesce(o.merged_into, o.id)
		WHERE g.request_id IN (SELECT id FROM requests WHERE id = $1 OR merged_into = $1) AND r.id <> $1
	UNION ALL SELECT * FROM (SELECT r.reference, g.score, g.why, g.kind FROM suggestions g
		JOIN requests o ON o.id = g.request_id JOIN requests r ON r.id = coalesce(o.merged_into, o.id)
		WHERE g.other_id IN (SELECT id FROM requests WHERE id = $1 OR merged_into = $1) AND r.id <> $1
		ORDER BY g.score DESC, r.reference LIMIT ` + suggestedTo + `) AS later
	) AS both_ways ORDER BY score DESC, reference`

// Waiting is a ledger row that no worker has ended yet.
type Waiting struct {
	Seq       int64
	ID        string
	Attempt   int
	MediaType string // of a submission
	Kind      string // of an outbox row
	// Since is when it came into the ledger.
	Since time.Time
}

// Waiting returns up to limit rows still in StateReceived with a number above after,
// in order.
func (s *Store) Waiting(ctx context.Context, after int64, limit int) ([]Waiting, error) {
	var out []Waiting
	err := each(func(row rowScanner) error {
		var w Waiting
		var since int64
		err := row.Scan(&w.Seq, &w.ID, &w.Attempt, &w.MediaType, &since)
		w.Since = s.time(since)
		out = append(out, w)
		return err
	}, func() (*sql.Rows, error) {
		return s.read.QueryContext(ctx, `SELECT seq, id, attempt, media_type, recorded_at FROM submissions
			WHERE state = 'received' AND seq > $1 ORDER BY seq LIMIT $2`, after, limit)
	})
	return out, err
}

// Counts returns the number of submissions in each state.
func (s *Store) Counts(ctx context.Context) (map[ingest.State]int64, error) {
	out := map[ingest.State]int64{ingest.StateReceived: 0, ingest.StateFiled: 0, ingest.StateSetAside: 0, ingest.StateFailed: 0}
	err := each(func(row rowScanner) error {
		var state string
		var n int64
		err := row.Scan(&state, &n)
		out[ingest.State(state)] = n
		return err
	}, func() (*sql.Rows, error) {
		return s.read.QueryContext(ctx, `SELECT state, count(*) FROM submissions GROUP BY state`)
	})
	return out, err
}

// Ping reports whether the database takes a row, by writing one: a full or read-only
// disk still answers questions.
func (s *Store) Ping(ctx context.Context) error {
	return s.doNow(ctx, func(ctx context.Context, tx *tx) error {
		return tx.exec(ctx, `INSERT INTO settings (name, value) VALUES ('ping', $1)
			ON CONFLICT (name) DO UPDATE SET value = excluded.value`, strconv.FormatInt(micros(s.opts.Now()), 10))
	})
}

const outboxQuery = `SELECT o.id, o.kind, o.submission_id, r.reference, o.payload, o.state, o.reason, o.attempt, o.created_at
	FROM outbox o LEFT JOIN requests r ON r.id = o.request_id `

func (s *Store) scanOutbox(row rowScanner) (ingest.OutboxItem, error) {
	var o ingest.OutboxItem
	var state string
	var submission, reference sql.NullString
	var at int64
	err := row.Scan(&o.ID, &o.Kind, &submission, &reference, &o.Payload, &state, &o.Reason, &o.Attempt, &at)
	o.Submission, o.Request, o.State, o.CreatedAt = submission.String, reference.String, ingest.OutboxState(state), s.time(at)
	return o, err
}

// Outbox returns an outbox row.
func (s *Store) Outbox(ctx context.Context, id string) (ingest.OutboxItem, error) {
	o, err := s.scanOutbox(s.read.QueryRowContext(ctx, outboxQuery+`WHERE o.id = $1`, id))
	if errors.Is(err, sql.ErrNoRows) {
		return o, fmt.Errorf("%w: delivery %s", ingest.ErrNotFound, id)
	}
	return o, err
}

// Deliveries calls f for each outbox row in the given state, oldest first.
func (s *Store) Deliveries(ctx context.Context, state ingest.OutboxState, f func(ingest.OutboxItem) error) error {
	return each(func(row rowScanner) error {
		o, err := s.scanOutbox(row)
		if err != nil {
			return err
		}
		return f(o)
	}, func() (*sql.Rows, error) {
		return s.read.QueryContext(ctx, outboxQuery+`WHERE o.state = $1 ORDER BY o.seq`, string(state))
	})
}

// PendingOutbox returns up to limit outbox rows that wait for delivery, with a number
// above after, in order.
func (s *Store) PendingOutbox(ctx context.Context, after int64, limit int) ([]Waiting, error) {
	var out []Waiting
	err := each(func(row rowScanner) error {
		var w Waiting
		err := row.Scan(&w.Seq, &w.ID, &w.Attempt, &w.Kind)
		out = append(out, w)
		return err
	}, func() (*sql.Rows, error) {
		return s.read.QueryContext(ctx, `SELECT seq, id, attempt, kind FROM outbox o WHERE state = 'pending' AND seq > $1
			AND NOT EXISTS (SELECT 1 FROM mails m WHERE m.id = o.id AND m.not_before > $2 AND m.not_before <= $3) ORDER BY seq LIMIT $4`,
			after, micros(s.opts.Now()), micros(s.opts.Now().Add(heldMax)), limit)
	})
	return out, err
}

// Delivered ends an outbox row as delivered.
func (s *Store) Delivered(ctx context.Context, id string) error {
	return s.do(ctx, func(ctx context.Context, tx *tx) error {
		return tx.exec(ctx, `UPDATE outbox SET state = 'delivered', reason = '', ended_at = $1 WHERE id = $2 AND state = 'pending'`, micros(s.opts.Now()), id)
	})
}

// FailDelivery ends an outbox row that could not be delivered, for a person to look at.
func (s *Store) FailDelivery(ctx context.Context, id, reason string) error {
	if strings.TrimSpace(reason) == "" {
		reason = "sans motif enregistré"
	}
	return s.do(ctx, func(ctx context.Context, tx *tx) error {
		if err := tx.exec(ctx, `UPDATE outbox SET state = 'failed', reason = $1, ended_at = $2 WHERE id = $3 AND state = 'pending'`, reason, micros(s.opts.Now()), id); err != nil {
			return err
		}
		return s.failMail(ctx, tx, id, reason)
	})
}

// ErrPartial means that there is nothing to treat again: the ledger has only a part of
// the thing, or a description (ingest.Hints.Partial).
var ErrPartial = errors.New("store: the thing itself is not in the ledger")

// canBeKept reports whether a person may say of what was set aside that it is somebody's
// message. A scan that was divided or joined lives on in what was made of it.
func canBeKept(state ingest.State, reason string) bool {
	return state == ingest.StateSetAside && !strings.HasPrefix(reason, ingest.ReasonSplit+":") && !strings.HasPrefix(reason, ingest.ReasonJoined+":")
}

// eventDeliveryRetried is stored, so it never changes.
const eventDeliveryRetried = "delivery.retried"

// RetryAny takes a failed submission or delivery up again, a submission that was set aside,
// which is then not set aside any more, and a mail that was withheld. ErrNotFound when there
// is none of these; taken is false when it has not failed.
func (s *Store) RetryAny(ctx context.Context, id, actor string) (taken bool, err error) {
	rec, err := s.Submission(ctx, id)
	if err == nil {
		switch {
		case rec.State != ingest.StateFailed && !canBeKept(rec.State, rec.Reason), !rec.EliminatedAt.IsZero():
			return false, nil
		case rec.Hints.Partial:
			return false, ErrPartial
		}
		return true, s.retry(ctx, id, actor)
	}
	if !errors.Is(err, ingest.ErrNotFound) {
		return false, err
	}
	o, err := s.Outbox(ctx, id)
	if errors.Is(err, ingest.ErrNotFound) {
		return s.sendWithheld(ctx, id, actor)
	}
	if err != nil {
		return false, err
	}
	if o.State != ingest.OutboxFailed {
		return false, nil
	}
	err = s.do(ctx, func(ctx context.Context, tx *tx) error {
		tx.outbox = append(tx.outbox, ingest.OutboxNotice{ID: id, Kind: o.Kind, Attempt: o.Attempt + 1})
		if err := tx.exec(ctx, `UPDATE mails SET state = 'queued', reason = '', ended_at = NULL WHERE id = $1 AND state = 'failed'`, id); err != nil {
			return err
		}
		n, err := tx.execN(ctx, `UPDATE outbox SET state = 'pending', reason = '', ended_at = NULL, attempt = attempt + 1 WHERE id = $1 AND state = 'failed'`, id)
		if err != nil || n == 0 {
			return err
		}
		if err := retryHandover(ctx, tx, id); err != nil {
			return err
		}
		var request sql.NullInt64
		if err := tx.row(ctx, `SELECT request_id FROM outbox WHERE id = $1`, id).Scan(&request); err != nil {
			return err
		}
		return s.event(ctx, tx, eventDeliveryRetried, actor, o.Submission, request.Int64, map[string]any{"delivery": id, "kind": o.Kind})
	})
	return err == nil, err
}

// Gauges are figures for the metrics, cheap to read at any size of the ledger.
type Gauges struct {
	Submissions   int64 // all that ever came in
	Received      int64 // not ended yet
	Failed        int64
	Oldest        time.Duration // age of the oldest that has not ended
	OutboxPending int64
	OutboxFailed  int64
}

// Gauges returns the figures for the metrics.
func (s *Store) Gauges(ctx context.Context) (Gauges, error) {
	var g Gauges
	var oldest sql.NullInt64
	err := s.read.QueryRowContext(ctx, `SELECT
		(SELECT coalesce(max(seq), 0) FROM submissions),
		(SELECT count(*) FROM submissions WHERE state = 'received'),
		(SELECT count(*) FROM submissions WHERE state = 'failed'),
		(SELECT recorded_at FROM submissions WHERE state = 'received' ORDER BY seq LIMIT 1),
		(SELECT count(*) FROM outbox WHERE state = 'pending'),
		(SELECT count(*) FROM outbox WHERE state = 'failed')`).
		Scan(&g.Submissions, &g.Received, &g.Failed, &oldest, &g.OutboxPending, &g.OutboxFailed)
	if oldest.Valid {
		g.Oldest = s.opts.Now().Sub(s.time(oldest.Int64))
	}
	return g, unavailable(err)
}

// LinkReasons returns why a submission was linked to its request, by saisine or by a
// person; none when it was taken out again.
func (s *Store) LinkReasons(ctx context.Context, id string) ([]string, error) {
	var kind, detail string
	err := s.read.QueryRowContext(ctx, `SELECT kind, detail FROM events WHERE submission_id = $1 AND kind IN
		('request.duplicate', 'request.follow_up', 'request.linked', 'request.merged', 'request.unlinked', 'request.split') ORDER BY seq DESC LIMIT 1`, id).Scan(&kind, &detail)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, unavailable(err)
	}
	var d struct{ Reasons []string }
	if kind == eventUnlinked || kind == eventSplit {
		return nil, nil
	}
	if err := json.Unmarshal([]byte(detail), &d); err != nil {
		return nil, fmt.Errorf("store: event of %s: %w", id, err)
	}
	return d.Reasons, nil
}
