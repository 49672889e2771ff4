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

// Frozen is the store as it was at one moment, for an export. Its methods are called by one
// goroutine, within Freeze.
type Frozen struct {
	s   *Store
	run snapshot
}

// Freeze calls f with the store as it is now: what comes in meanwhile is not in it, and what
// is changed is in it as it was. It holds a read transaction, so that SQLite's log grows by
// what is written until f returns; it is cut back then.
func (s *Store) Freeze(ctx context.Context, f func(*Frozen) error) error {
	return s.inSnapshot(ctx, func(run snapshot) error {
		// The moment is that of the first read, and not that of BEGIN (sqlite.org/isolation.html).
		var n int
		if err := run.row(ctx, `SELECT count(*) FROM settings WHERE name = ''`).Scan(&n); err != nil {
			return err
		}
		return f(&Frozen{s, run})
	})
}

// ExportFilter chooses requests. What is "" or zero bounds nothing.
type ExportFilter struct {
	// Viewer is whose view it is: what is hidden from them is left out.
	Viewer ingest.Viewer
	// From and To bound the time at which a request was opened: From is included, To is not.
	From, To          time.Time
	Category, Service string
	Status            ingest.Status
}

// Exported is a request with all that belongs to it.
type Exported struct {
	Request ingest.Request
	Channel ingest.Channel // by which its opening came
	// Assignee is the login of the agent who has it, Elsewhere the administration that it was
	// passed on to; "" for none.
	Assignee, Elsewhere string
	// NextDue is when the town owes something next, by NextRule; zero when nothing.
	NextDue  time.Time
	NextRule string
	// Records are its submissions, and History what happened to it; only where the whole
	// was asked for.
	Records []ingest.Record
	History []Event
}

// exportPage is how many requests are looked up at a time.
const exportPage = 200

// Requests calls f for each request that the filter chooses, oldest first, until f returns an
// error; those that were merged are in the one that they went into. whole adds the submissions
// and the history. One request is in memory at a time.
func (z *Frozen) Requests(ctx context.Context, filter ExportFilter, whole bool, f func(Exported) error) error {
	after := int64(0)
	for {
		ids, err := z.page(ctx, filter, after)
		if err != nil {
			return err
		}
		for _, id := range ids {
			e, err := z.request(ctx, filter.Viewer, id, whole)
			if err != nil {
				return err
			}
			if err := f(e); err != nil {
				return err
			}
			after = id
		}
		if len(ids) < exportPage {
			return nil
		}
	}
}

func (z *Frozen) page(ctx context.Context, filter ExportFilter, after int64) ([]int64, error) {
	to := int64(1) << 62
	if !filter.To.IsZero() {
		to = micros(filter.To)
	}
	args := []any{after, microsFrom(filter.From), to, filter.Category, filter.Service, string(filter.Status)}
	seen, args := seenSQL(filter.Viewer, "service", args)
	var ids []int64
	err := z.run.rows(ctx, `SELECT id FROM requests WHERE id > $1 AND merged_into IS NULL AND opened_at >= $2 AND opened_at < $3
		AND ($4 = '' OR category = $4) AND ($5 = '' OR service = $5) AND ($6 = '' OR status = $6)`+seen+fmt.Sprintf(` ORDER BY id LIMIT %d`, exportPage),
		args, func(row rowScanner) error {
			var id int64
			err := row.Scan(&id)
			ids = append(ids, id)
			return err
		})
	return ids, err
}

// microsFrom is the lower bound of a time: letters of an archive may be older than 1970.
func microsFrom(t time.Time) int64 {
	if t.IsZero() {
		return -1 << 62
	}
	return micros(t)
}

func (z *Frozen) request(ctx context.Context, v ingest.Viewer, id int64, whole bool) (Exported, error) {
	var e Exported
	_, q, err := z.s.scanRequest(z.run.row(ctx, requestQuery+`WHERE id = $1`, id))
	if err != nil {
		return e, err
	}
	e.Request = q
	var due int64
	var channel string
	if err := z.run.row(ctx, `SELECT channel, assignee, elsewhere, next_due, next_rule FROM requests WHERE id = $1`, id).
		Scan(&channel, &e.Assignee, &e.Elsewhere, &due, &e.NextRule); err != nil {
		return e, err
	}
	e.Channel, e.NextDue = ingest.Channel(channel), z.s.time(due)
	if !q.EliminatedAt.IsZero() {
		return e, nil
	}
	if err := z.belongings(ctx, id, &e.Request); err != nil {
		return e, err
	}
	if whole {
		if e.History, err = z.history(ctx, id); err != nil {
			return e, err
		}
		for _, piece := range e.Request.Submissions {
			rec, err := z.s.scanRecord(z.run.row(ctx, recordQuery+`WHERE s.id = $1`, piece.ID))
			if err != nil {
				return e, err
			}
			e.Records = append(e.Records, rec)
		}
	}
	return e, z.hide(ctx, v, &e)
}

// belongings reads what other tables know of a request.
func (z *Frozen) belongings(ctx context.Context, id int64, q *ingest.Request) error {
	args := []any{id}
	decided := map[string]bool{}
	var err error
	return errors.Join(
		z.run.rows(ctx, `SELECT id, channel, link, received_at FROM submissions WHERE request_id = $1 ORDER BY seq`, args, func(row rowScanner) error {
			var r ingest.RequestSubmission
			var channel, link string
			var at int64
			err := row.Scan(&r.ID, &channel, &link, &at)
			r.Channel, r.Link, r.ReceivedAt = ingest.Channel(channel), ingest.Link(link), z.s.time(at)
			q.Submissions = append(q.Submissions, r)
			return err
		}),
		z.run.rows(ctx, suggestionsQuery, args, func(row rowScanner) error {
			var g ingest.Suggestion
			var kind string
			err := row.Scan(&g.Reference, &g.Score, &g.Why, &kind)
			if g.Kind = ingest.SuggestionKind(kind); kind == kindApart {
				decided[g.Reference] = true
			} else if !slices.ContainsFunc(q.Suggestions, func(have ingest.Suggestion) bool { return have.Reference == g.Reference }) {
				q.Suggestions = append(q.Suggestions, g)
			}
			return err
		}),
		z.run.rows(ctx, deadlinesQuery, args, z.s.scanDeadline(&q.Deadlines)),
		z.run.rows(ctx, `SELECT reference FROM requests WHERE merged_into = $1 ORDER BY id`, args, func(row rowScanner) error {
			var reference string
			err := row.Scan(&reference)
			q.MergedFrom = append(q.MergedFrom, reference)
			return err
		}),
		z.run.rows(ctx, mailQuery+`WHERE m.request_id IN (SELECT id FROM requests WHERE id = $1 OR merged_into = $1) ORDER BY m.seq`, args, func(row rowScanner) error {
			m, err := z.s.scanMail(row)
			q.Mails = append(q.Mails, m)
			return err
		}),
		func() error {
			q.Suggestions = slices.DeleteFunc(q.Suggestions, func(g ingest.Suggestion) bool { return decided[g.Reference] })
			q.Pieces, err = z.s.asked(ctx, z.run, id)
			return err
		}(),
	)
}

func (z *Frozen) history(ctx context.Context, id int64) ([]Event, error) {
	var out []Event
	err := z.run.rows(ctx, `SELECT at, kind, actor, submission_id, detail FROM events WHERE request_id = $1 ORDER BY seq`, []any{id}, func(row rowScanner) error {
		var e Event
		var at int64
		var submission sql.NullString
		var detail string
		if err := row.Scan(&at, &e.Kind, &e.Actor, &submission, &detail); err != nil {
			return err
		}
		e.At, e.Submission, e.Raw = z.s.time(at), submission.String, json.RawMessage(detail)
		out = append(out, e)
		return json.Unmarshal(e.Raw, &e.Detail)
	})
	return out, err
}

// hide takes out of a request what tells of others that are hidden from the viewer.
func (z *Frozen) hide(ctx context.Context, v ingest.Viewer, e *Exported) error {
	if len(v.Hidden) == 0 {
		return nil
	}
	q := &e.Request
	all := slices.Clone(q.MergedFrom)
	for _, g := range q.Suggestions {
		all = append(all, g.Reference)
	}
	named := make([][2]string, len(e.History))
	for i, h := range e.History {
		var d struct{ From, To string }
		switch h.Kind {
		case eventLinked, eventUnlinked, eventMerged, eventSplit, eventApart:
			if err := json.Unmarshal(h.Raw, &d); err != nil {
				return fmt.Errorf("store: event of %s: %w", q.Reference, err)
			}
			named[i] = [2]string{d.From, d.To}
			all = append(all, d.From, d.To)
		}
	}
	hidden, err := z.s.hiddenReferences(ctx, v, all)
	if err != nil {
		return err
	}
	q.MergedFrom = slices.DeleteFunc(q.MergedFrom, func(r string) bool { return hidden[r] })
	q.Suggestions = slices.DeleteFunc(q.Suggestions, func(g ingest.Suggestion) bool { return hidden[g.Reference] })
	q.Mails = slices.DeleteFunc(q.Mails, func(m ingest.Mail) bool { return hidden[m.Request] })
	for i := range e.History {
		if hidden[named[i][0]] || hidden[named[i][1]] {
			e.History[i].Raw = json.RawMessage(`{}`)
		}
	}
	return nil
}

// Unfiled calls f for each submission that is in no request and was received in the time of
// the filter, oldest first: what was set aside, has failed or is being treated.
func (z *Frozen) Unfiled(ctx context.Context, filter ExportFilter, f func(ingest.Record) error) error {
	to := int64(1) << 62
	if !filter.To.IsZero() {
		to = micros(filter.To)
	}
	for after := int64(0); ; {
		var page []ingest.Record
		err := z.run.rows(ctx, recordQuery+fmt.Sprintf(`WHERE s.seq > $1 AND s.request_id IS NULL AND s.eliminated_at = 0 AND s.received_at >= $2 AND s.received_at < $3 ORDER BY s.seq LIMIT %d`, unfiledPage),
			[]any{after, microsFrom(filter.From), to}, func(row rowScanner) error {
				rec, err := z.s.scanRecord(row)
				page = append(page, rec)
				return err
			})
		if err != nil {
			return err
		}
		for _, rec := range page {
			after = rec.Seq
			err := visibleSubmission(ctx, z.run, filter.Viewer, rec.ID)
			if errors.Is(err, ingest.ErrNotFound) {
				continue
			}
			if err := errors.Join(err, ctx.Err()); err != nil {
				return err
			}
			if err := f(rec); err != nil {
				return err
			}
		}
		if len(page) < unfiledPage {
			return nil
		}
	}
}

// unfiledPage is how many submissions are held at a time, each with all that was read.
const unfiledPage = 50

// Register calls f for the lines of a register that the viewer sees, in the order of their
// numbers.
func (z *Frozen) Register(ctx context.Context, v ingest.Viewer, r ingest.RegisterFilter, f func(ingest.RegisterLine) error) error {
	query, scan := arrivalsQuery, z.s.scanArrival
	if r.Direction == ingest.Outgoing {
		query, scan = departuresQuery, z.s.scanDeparture
	}
	for at := (RegisterCursor{}); ; {
		where, args := z.s.registerWhere(v, r, at)
		var page []ingest.RegisterLine
		err := z.run.rows(ctx, query+where+fmt.Sprintf(` ORDER BY g.year, g.number LIMIT %d`, registerPage), args, func(row rowScanner) error {
			l, err := scan(row, &at)
			page = append(page, l)
			return err
		})
		if err != nil {
			return err
		}
		for _, l := range page {
			if err := f(l); err != nil {
				return err
			}
		}
		if len(page) < registerPage {
			return nil
		}
	}
}
