package store

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/google/uuid"

	"saisine.fr/saisine/ingest"
)

// happened is an event that a work wrote about a request.
type happened struct{ seq, request int64 }

// tellPartners writes, at the end of a work, the rows of the outbox that its events cause: the
// webhooks, and the hand-over of what it touched. So no act can forget them, and what is told
// of is what was committed.
func (s *Store) tellPartners(ctx context.Context, tx *tx) error {
	p := s.opts.Partners
	if p == nil {
		return nil
	}
	// First: that a request was handed over is an event as well.
	for id := range tx.touched {
		if err := s.handOver(ctx, tx, id); err != nil {
			return err
		}
	}
	for _, h := range tx.happened {
		e, err := s.publicEvent(ctx, tx, h)
		if err != nil {
			return err
		}
		for _, name := range p.Webhooks(e) {
			if err := s.tell(ctx, tx, name, e, h.request); err != nil {
				return err
			}
		}
	}
	return nil
}

// tell adds a webhook to the outbox, unless its endpoint has said that it is gone.
func (s *Store) tell(ctx context.Context, tx *tx, name string, e ingest.PublicEvent, requestID int64) error {
	why, err := s.webhookOff(ctx, tx, name)
	if err != nil || why != "" {
		return err
	}
	body, err := s.opts.Partners.Payload(e)
	if err != nil {
		return fmt.Errorf("store: webhook: %w", err)
	}
	payload, err := json.Marshal(WebhookPayload{Endpoint: name, Seq: e.Seq, Body: string(body)})
	if err != nil {
		return fmt.Errorf("store: webhook: %w", err)
	}
	uid, err := uuid.NewV7()
	if err != nil {
		return fmt.Errorf("store: new id: %w", err)
	}
	tx.outbox = append(tx.outbox, ingest.OutboxNotice{ID: uid.String(), Kind: ingest.OutboxWebhook})
	return tx.exec(ctx, `INSERT INTO outbox (id, kind, submission_id, request_id, payload, state, created_at) VALUES ($1, $2, $3, $4, $5, 'pending', $6)`,
		uid.String(), ingest.OutboxWebhook, nullString(e.Submission), requestID, string(payload), micros(s.opts.Now()))
}

// WebhookPayload is the payload of an OutboxWebhook row. Body is sent as it stands: a JSON
// object would be written anew by each that reads it, and its signature would not fit.
type WebhookPayload struct {
	Endpoint string `json:"endpoint"`
	Seq      int64  `json:"seq"` // of the event
	Body     string `json:"body"`
}

// eventColumns are those of scanPublic. The category, service and status are the present ones of
// the request that the event's request went into, but for an event that says itself which
// status it left.
const eventColumns = `e.seq, e.at, e.kind, w.reference, coalesce(e.submission_id, ''), w.category, w.service, w.status,
	coalesce(json_extract(e.detail, '$.old_status'), ''), coalesce(json_extract(e.detail, '$.new_status'), ''),
	EXISTS (SELECT 1 FROM sealed_services z WHERE z.name = w.service)
	FROM events e JOIN requests r ON r.id = e.request_id JOIN requests w ON w.id = coalesce(r.merged_into, r.id) `

func (s *Store) scanPublic(row rowScanner) (ingest.PublicEvent, error) {
	var e ingest.PublicEvent
	var at int64
	var left string
	err := row.Scan(&e.Seq, &at, &e.Kind, &e.Request, &e.Submission, &e.Category, &e.Service, &e.Status, &e.OldStatus, &left, &e.Sealed)
	e.At = s.time(at)
	if left != "" {
		e.Status = ingest.Status(left)
	}
	return e, err
}

func (s *Store) publicEvent(ctx context.Context, run sqlRunner, h happened) (ingest.PublicEvent, error) {
	return s.scanPublic(run.row(ctx, `SELECT `+eventColumns+`WHERE e.seq = $1`, h.seq))
}

// eventsPage bounds EventsAfter.
const eventsPage = 1000

// EventsAfter returns up to limit events of requests that the viewer sees, with a number above
// after, in order. Whoever keeps the last number and asks again from there misses none and gets
// none twice: numbers are given in the order of commits.
func (s *Store) EventsAfter(ctx context.Context, v ingest.Viewer, after int64, limit int) ([]ingest.PublicEvent, error) {
	limit = min(max(limit, 1), eventsPage)
	hidden, args := seenSQL(v, "w.service", []any{after})
	var out []ingest.PublicEvent
	err := (reading{s.read}).rows(ctx, `SELECT `+eventColumns+`WHERE e.seq > $1`+hidden+` ORDER BY e.seq LIMIT `+strconv.Itoa(limit), args, func(row rowScanner) error {
		e, err := s.scanPublic(row)
		out = append(out, e)
		return err
	})
	return out, err
}

// webhookOff says why an endpoint is told nothing any more, or "".
func (s *Store) webhookOff(ctx context.Context, run sqlRunner, name string) (string, error) {
	var url, why string
	err := run.row(ctx, `SELECT url, why FROM webhooks_off WHERE name = $1`, name).Scan(&url, &why)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return "", nil
	case err != nil:
		return "", err
	case s.opts.Partners != nil && s.opts.Partners.Endpoint(name) != url:
		return "", nil
	}
	return why, nil
}

// WebhookOff says why an endpoint is told nothing any more, or "".
func (s *Store) WebhookOff(ctx context.Context, name string) (string, error) {
	return s.webhookOff(ctx, reading{s.read}, name)
}

// TurnOffWebhook tells an endpoint nothing any more, until another address stands in the
// configuration or TurnOnWebhook is called.
func (s *Store) TurnOffWebhook(ctx context.Context, name, url, why string) error {
	return s.do(ctx, func(ctx context.Context, tx *tx) error {
		return tx.exec(ctx, `INSERT INTO webhooks_off (name, url, at, why) VALUES ($1, $2, $3, $4)
			ON CONFLICT (name) DO UPDATE SET url = excluded.url, at = excluded.at, why = excluded.why`, name, url, micros(s.opts.Now()), why)
	})
}

// TurnOnWebhook tells an endpoint of what happens from now on. What was not delivered meanwhile
// is replayed by RetryAny.
func (s *Store) TurnOnWebhook(ctx context.Context, name string) error {
	return s.do(ctx, func(ctx context.Context, tx *tx) error {
		return tx.exec(ctx, `DELETE FROM webhooks_off WHERE name = $1`, name)
	})
}

// Tried records one try to deliver a row of the outbox.
func (s *Store) Tried(ctx context.Context, outboxID string, t ingest.Try) error {
	return s.do(ctx, func(ctx context.Context, tx *tx) error {
		return tx.exec(ctx, `INSERT INTO tries (outbox_id, at, took, status, said) VALUES ($1, $2, $3, $4, $5)`,
			outboxID, micros(t.At), t.Took.Microseconds(), t.Status, t.Said)
	})
}

// Tries lists the tries of a row of the outbox, oldest first.
func (s *Store) Tries(ctx context.Context, outboxID string) ([]ingest.Try, error) {
	var out []ingest.Try
	err := (reading{s.read}).rows(ctx, `SELECT at, took, status, said FROM tries WHERE outbox_id = $1 ORDER BY seq`, []any{outboxID}, func(row rowScanner) error {
		var t ingest.Try
		var at, took int64
		err := row.Scan(&at, &took, &t.Status, &t.Said)
		t.At, t.Took = s.time(at), time.Duration(took)*time.Microsecond
		out = append(out, t)
		return err
	})
	return out, err
}

// Webhooks calls f for each webhook of the outbox, newest first: those of one endpoint, or of
// all for ""; limit 0 means all.
func (s *Store) Webhooks(ctx context.Context, endpoint string, limit int, f func(ingest.OutboxItem) error) error {
	return (reading{s.read}).rows(ctx, outboxQuery+`WHERE o.kind = 'webhook' AND ($1 = '' OR json_extract(o.payload, '$.endpoint') = $1) ORDER BY o.seq DESC LIMIT $2`, []any{endpoint, cmp.Or(limit, math.MaxInt32)}, func(row rowScanner) error {
		o, err := s.scanOutbox(row)
		if err != nil {
			return err
		}
		return f(o)
	})
}

// Replay delivers a webhook once more that was delivered or has failed, with the same id and
// body. It is ingest.ErrNotFound when there is none with this id, and false while it waits
// already.
func (s *Store) Replay(ctx context.Context, id string) (taken bool, err error) {
	err = s.do(ctx, func(ctx context.Context, tx *tx) error {
		taken = false
		var state string
		var attempt int
		err := tx.row(ctx, `SELECT state, attempt FROM outbox WHERE id = $1 AND kind = 'webhook'`, id).Scan(&state, &attempt)
		if errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("%w: webhook %s", ingest.ErrNotFound, id)
		}
		if err != nil || state == string(ingest.OutboxPending) {
			return err
		}
		taken = true
		tx.outbox = append(tx.outbox, ingest.OutboxNotice{ID: id, Kind: ingest.OutboxWebhook, Attempt: attempt + 1})
		return tx.exec(ctx, `UPDATE outbox SET state = 'pending', reason = '', ended_at = NULL, attempt = attempt + 1 WHERE id = $1`, id)
	})
	return taken, err
}

// WebhookCount is how an endpoint fares, over all requests.
type WebhookCount struct {
	// Pending are webhooks that wait, Failed those that were given up and that nobody has dealt
	// with.
	Pending, Failed int
	// Last is the last try, zero when there was none, and Service that of the request that it was
	// about: who does not see it is shown no words of the other side.
	Last    ingest.Try
	Service string
}

// webhooksLeft goes by the indexes of what is pending and of what failed: most webhooks are
// neither. A bare o.kind = 'webhook' would have SQLite go through all of them.
const webhooksLeft = `SELECT json_extract(o.payload, '$.endpoint'), o.state, count(*) FROM outbox o WHERE o.kind || '' = 'webhook' AND o.state = 'pending' GROUP BY 1, 2
	UNION ALL SELECT json_extract(o.payload, '$.endpoint'), o.state, count(*) FROM outbox o WHERE o.kind || '' = 'webhook' AND o.state = 'failed'
	AND NOT EXISTS (SELECT 1 FROM dealt_with k WHERE k.id = o.id AND k.attempt = o.attempt) GROUP BY 1, 2`

// lastTry goes back from the newest try until it meets one of the endpoint: those that are in use
// are met at once.
const lastTry = `SELECT t.at, t.took, t.status, t.said, coalesce(w.service, '') FROM tries t CROSS JOIN outbox o
	LEFT JOIN requests r ON r.id = o.request_id LEFT JOIN requests w ON w.id = coalesce(r.merged_into, r.id)
	WHERE o.id = t.outbox_id AND o.kind = 'webhook' AND json_extract(o.payload, '$.endpoint') = $1 ORDER BY t.seq DESC LIMIT 1`

// WebhookCounts says how each of the named endpoints fares.
func (s *Store) WebhookCounts(ctx context.Context, names []string) (map[string]WebhookCount, error) {
	out := map[string]WebhookCount{}
	run := reading{s.read}
	for _, name := range names {
		var c WebhookCount
		var at, took int64
		err := run.row(ctx, lastTry, name).Scan(&at, &took, &c.Last.Status, &c.Last.Said, &c.Service)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return nil, unavailable(err)
		}
		c.Last.At, c.Last.Took = s.time(at), time.Duration(took)*time.Microsecond
		out[name] = c
	}
	err := run.rows(ctx, webhooksLeft, nil, func(row rowScanner) error {
		var name, state string
		var n int
		if err := row.Scan(&name, &state, &n); err != nil {
			return err
		}
		c, ok := out[name]
		switch {
		case !ok:
			return nil
		case state == string(ingest.OutboxPending):
			c.Pending = n
		default:
			c.Failed = n
		}
		out[name] = c
		return nil
	})
	return out, err
}
