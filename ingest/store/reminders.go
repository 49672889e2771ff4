package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"

	"saisine.fr/saisine/ingest"
)

// Reminder is a mail that is to be written once. What has been written is remembered with its
// time, and counts only from then on: what a clock that was ahead has written is written
// again in its own time, and nothing is lost.
type Reminder struct {
	// Slot and Value, when not "", allow one mail for each value: the morning of a day.
	Slot, Value string
	// Step, when not "", allows one for each request: Draft.Detail.References are then those
	// that have not had it.
	Step string
	// Request is the reference of the one that it is about, or "".
	Request string
	// Draft is the mail; its Detail.References are the requests that it lists.
	Draft ingest.MailDraft
}

// Remind writes down a reminder, unless it was given before. It reports whether it did.
func (s *Store) Remind(ctx context.Context, r Reminder) (bool, error) {
	written := false
	err := s.do(ctx, func(ctx context.Context, tx *tx) error {
		written = false
		if r.Slot != "" {
			taken, err := s.takeSlot(ctx, tx, r.Slot, r.Value)
			if err != nil || taken {
				return err
			}
		}
		draft := r.Draft
		if r.Step != "" {
			references := draft.Detail.References
			if r.Request != "" {
				references = []string{r.Request}
			}
			left, err := s.takeSteps(ctx, tx, r.Step, references)
			if err != nil || len(left) == 0 {
				return err
			}
			if r.Request == "" {
				draft.Detail.References = left
			}
		}
		var requestID int64
		var submission string
		if r.Request != "" {
			q, err := liveRequest(ctx, tx, r.Request)
			if err != nil {
				return err
			}
			to, err := s.citizen(ctx, tx, q.id)
			if err != nil {
				return err
			}
			requestID, submission = q.id, to.submission
		}
		written = true
		return s.draft(ctx, tx, draft, submission, requestID)
	})
	return written, err
}

// takeSlot notes the value of a slot. It is taken only by that very value: a later one was
// noted by a clock that was wrong.
func (s *Store) takeSlot(ctx context.Context, tx *tx, slot, value string) (taken bool, err error) {
	if taken, err = slotTaken(ctx, tx, slot, value); err != nil || taken {
		return taken, err
	}
	return false, tx.exec(ctx, `INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value`, "slot/"+slot, value)
}

// SlotTaken reports whether a slot has this value.
func (s *Store) SlotTaken(ctx context.Context, slot, value string) (bool, error) {
	taken, err := slotTaken(ctx, reading{s.read}, slot, value)
	return taken, unavailable(err)
}

func slotTaken(ctx context.Context, run sqlRunner, slot, value string) (bool, error) {
	var have string
	err := run.row(ctx, `SELECT value FROM settings WHERE name = $1`, "slot/"+slot).Scan(&have)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil && have == value, err
}

// TakeSlot notes the value of a slot, and reports whether it had it before.
func (s *Store) TakeSlot(ctx context.Context, slot, value string) (taken bool, err error) {
	err = s.do(ctx, func(ctx context.Context, tx *tx) error {
		taken, err = s.takeSlot(ctx, tx, slot, value)
		return err
	})
	return taken, err
}

// takeSteps notes a step for each request, and returns those that had not had it.
func (s *Store) takeSteps(ctx context.Context, tx *tx, step string, references []string) ([]string, error) {
	now := micros(s.opts.Now())
	var left []string
	for _, reference := range references {
		q, err := liveRequest(ctx, tx, reference)
		if errors.Is(err, ingest.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		n, err := tx.execN(ctx, `INSERT INTO reminders (request_id, step, at) VALUES ($1, $2, $3)
			ON CONFLICT (request_id, step) DO UPDATE SET at = excluded.at WHERE reminders.at > excluded.at`, q.id, step, now)
		if err != nil {
			return nil, err
		}
		if n > 0 && !slices.Contains(left, q.reference) {
			left = append(left, q.reference)
		}
	}
	return left, nil
}

// Untold lists the open requests of a service that have not had a step, oldest first, up to
// max: those that are surely its own, and that it has not begun with.
func (s *Store) Untold(ctx context.Context, service, step string, max int) ([]string, error) {
	var out []string
	err := each(func(row rowScanner) error {
		var reference string
		err := row.Scan(&reference)
		out = append(out, reference)
		return err
	}, func() (*sql.Rows, error) {
		return s.read.QueryContext(ctx, `SELECT q.reference FROM requests q WHERE q.status IN ('new', 'assigned') AND q.merged_into IS NULL
			AND q.needs_review = 0 AND q.service = $1
			AND NOT EXISTS (SELECT 1 FROM reminders r WHERE r.request_id = q.id AND r.step = $2 AND r.at <= $3) ORDER BY q.id LIMIT $4`,
			service, step, micros(s.opts.Now()), max)
	})
	return out, err
}

// Awaited is a demand for pieces that the citizen has not answered.
type Awaited struct {
	Reference string
	Sender    ingest.Person
	NoReply   string
	Asked     ingest.AskedPieces
}

// AwaitedPieces lists the demands for pieces of open requests that are not answered.
func (s *Store) AwaitedPieces(ctx context.Context) ([]Awaited, error) {
	var out []Awaited
	var ids []int64
	err := each(func(row rowScanner) error {
		var id int64
		var a Awaited
		err := row.Scan(&id, &a.Reference, &a.Sender.Name, &a.Sender.Email, &a.NoReply)
		out, ids = append(out, a), append(ids, id)
		return err
	}, func() (*sql.Rows, error) {
		return s.read.QueryContext(ctx, `SELECT DISTINCT q.id, q.reference, q.sender_name, q.sender_email, d.no_reply FROM asked_pieces a
			JOIN requests q ON q.id = a.request_id JOIN submissions s ON s.request_id = q.id AND s.link = 'opens' JOIN readings d ON d.submission_id = s.id
			WHERE a.came_at = 0 AND q.status NOT IN ('answered', 'closed') AND q.merged_into IS NULL ORDER BY q.id LIMIT 10000`)
	})
	if err != nil {
		return nil, err
	}
	for i, id := range ids {
		list, err := s.asked(ctx, reading{s.read}, id)
		if err != nil {
			return nil, err
		}
		for _, a := range list {
			if a.CameAt.IsZero() {
				out[i].Asked = a // the last one
			}
		}
	}
	return out, nil
}
