package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"saisine.fr/saisine/ingest"
)

// The figures are counted by the database, from indexes that hold all that is asked for, so
// that a year of a large town is no longer a wait. Each leaves out what is hidden from the
// viewer, and the requests that were merged into another one.

// Span is a time from From to before To.
type Span struct{ From, To time.Time }

// Volume is how many requests were opened by a channel in a span.
type Volume struct {
	Span    int // its place in the list asked for
	Channel ingest.Channel
	Count   int
}

// Volumes counts the requests that were opened in each of the spans, by the channel of their
// opening.
func (s *Store) Volumes(ctx context.Context, v ingest.Viewer, spans []Span) ([]Volume, error) {
	if len(spans) == 0 {
		return nil, nil
	}
	rows := make([]string, len(spans))
	for i, p := range spans {
		rows[i] = fmt.Sprintf("(%d, %d, %d)", i, micros(p.From), micros(p.To))
	}
	seen, args := seenSQL(v, "r.service", nil)
	var out []Volume
	// The spans first: each is then a run of the index.
	err := (reading{s.read}).rows(ctx, `WITH spans (n, a, b) AS (VALUES `+strings.Join(rows, ", ")+`)
		SELECT p.n, r.channel, count(*) FROM spans p CROSS JOIN requests r
		WHERE r.opened_at >= p.a AND r.opened_at < p.b AND r.merged_into IS NULL`+seen+` GROUP BY p.n, r.channel ORDER BY p.n, r.channel`, args,
		func(row rowScanner) error {
			var x Volume
			var channel string
			err := row.Scan(&x.Span, &channel, &x.Count)
			x.Channel = ingest.Channel(channel)
			out = append(out, x)
			return err
		})
	return out, err
}

// Subject is how many requests a category of a service has.
type Subject struct {
	Service, Category string
	Count             int
}

// Subjects counts the requests that were opened in a span by what they are about, the most
// frequent first.
func (s *Store) Subjects(ctx context.Context, v ingest.Viewer, p Span) ([]Subject, error) {
	seen, args := seenSQL(v, "r.service", []any{micros(p.From), micros(p.To)})
	var out []Subject
	err := (reading{s.read}).rows(ctx, `SELECT r.service, r.category, count(*) FROM requests r
		WHERE r.opened_at >= $1 AND r.opened_at < $2 AND r.merged_into IS NULL`+seen+` GROUP BY r.service, r.category ORDER BY count(*) DESC, r.service, r.category`, args,
		func(row rowScanner) error {
			var x Subject
			err := row.Scan(&x.Service, &x.Category, &x.Count)
			out = append(out, x)
			return err
		})
	return out, err
}

// Delay is how many requests of a service took so many whole hours from their opening to the
// answer.
type Delay struct {
	Service string
	Hours   int
	Count   int
}

// Delays counts the requests that were answered or closed in a span by how long that took,
// shortest first. Those that were answered, and not those that were opened: of these the slow
// ones are still missing.
func (s *Store) Delays(ctx context.Context, v ingest.Viewer, p Span) ([]Delay, error) {
	seen, args := seenSQL(v, "r.service", []any{micros(p.From), micros(p.To)})
	var out []Delay
	err := (reading{s.read}).rows(ctx, `SELECT r.service, CASE WHEN r.answered_at > r.opened_at THEN r.answered_at - r.opened_at ELSE 0 END / 3600000000 AS hours, count(*) FROM requests r
		WHERE r.answered_at >= $1 AND r.answered_at < $2 AND r.answered_at <> 0 AND r.merged_into IS NULL`+seen+` GROUP BY r.service, hours ORDER BY r.service, hours`, args,
		func(row rowScanner) error {
			var x Delay
			err := row.Scan(&x.Service, &x.Hours, &x.Count)
			out = append(out, x)
			return err
		})
	return out, err
}

// Lateness is how many requests of a service had a date by which the town had to answer, or
// to acknowledge, and of how many it had passed before that was done.
type Lateness struct {
	Service                string
	Answers, AnswersLate   int
	Receipts, ReceiptsLate int
}

// latenessQuery looks at the deadlines of each request once, and makes one number of what it
// finds: 1 and 2 for an acknowledgement that is owed and late, 4 and 8 for an answer.
const latenessQuery = `SELECT r.service, (SELECT
		max(CASE WHEN d.kind IN ('aee', 'are', 'acknowledgement') THEN 1 ELSE 0 END) +
		max(CASE WHEN d.kind IN ('aee', 'are', 'acknowledgement') AND (d.done_at > d.due OR d.done_at = 0 AND d.due < $1) THEN 2 ELSE 0 END) +
		max(CASE WHEN d.kind NOT IN ('aee', 'are', 'acknowledgement') THEN 4 ELSE 0 END) +
		max(CASE WHEN d.kind NOT IN ('aee', 'are', 'acknowledgement') AND (d.done_at > d.due OR d.done_at = 0 AND d.due < $1) THEN 8 ELSE 0 END)
		FROM deadlines d WHERE d.request_id = r.id AND d.who = 'town' AND d.due <> 0) AS found, count(*)
	FROM requests r WHERE r.opened_at >= $2 AND r.opened_at < $3 AND r.merged_into IS NULL`

// Lateness counts the requests that were opened in a span and have a date that binds the town,
// by their service.
func (s *Store) Lateness(ctx context.Context, v ingest.Viewer, p Span) ([]Lateness, error) {
	seen, args := seenSQL(v, "r.service", []any{micros(s.opts.Now()), micros(p.From), micros(p.To)})
	var out []Lateness
	err := (reading{s.read}).rows(ctx, latenessQuery+seen+` GROUP BY r.service, found ORDER BY r.service`, args, func(row rowScanner) error {
		var service string
		var found *int // nil: no such date
		var n int
		if err := row.Scan(&service, &found, &n); err != nil || found == nil {
			return err
		}
		if len(out) == 0 || out[len(out)-1].Service != service {
			out = append(out, Lateness{Service: service})
		}
		x := &out[len(out)-1]
		for bit, into := range map[int]*int{1: &x.Receipts, 2: &x.ReceiptsLate, 4: &x.Answers, 8: &x.AnswersLate} {
			if *found&bit != 0 {
				*into += n
			}
		}
		return nil
	})
	return out, err
}

// Checked is how the automatic category of the requests of a category and channel fared that
// a person has settled: of Count, in Right it was that of the person. In Abstained saisine had
// left it for review; of the others, SureRight were right.
type Checked struct {
	Category  string
	Channel   ingest.Channel
	Count     int
	Right     int
	Abstained int
	SureRight int
}

// oldReview says whether a request was under review before. A truth in JSON is 1 for SQLite and
// true for PostgreSQL.
const oldReview = `CAST(json_extract(e.detail, '$.old.needs_review') AS TEXT) IN ('1', 'true')`

// checkedQuery takes the first choice of a person in each request: what stood before it was
// saisine's own.
const checkedQuery = `SELECT r.category, r.channel, count(*),
		sum(CASE WHEN json_extract(e.detail, '$.old.category') = r.category THEN 1 ELSE 0 END),
		sum(CASE WHEN ` + oldReview + ` THEN 1 ELSE 0 END),
		sum(CASE WHEN json_extract(e.detail, '$.old.category') = r.category AND NOT ` + oldReview + ` THEN 1 ELSE 0 END)
	FROM requests r JOIN events e ON e.seq = (SELECT min(x.seq) FROM events x WHERE x.request_id = r.id AND x.kind = '` + eventCategorized + `')
	WHERE r.category_by <> '' AND r.opened_at >= $1 AND r.opened_at < $2 AND r.merged_into IS NULL AND json_extract(e.detail, '$.old.by') = ''`

// Checks counts the requests that were opened in a span and whose category a person has chosen
// or confirmed.
func (s *Store) Checks(ctx context.Context, v ingest.Viewer, p Span) ([]Checked, error) {
	seen, args := seenSQL(v, "r.service", []any{micros(p.From), micros(p.To)})
	var out []Checked
	err := (reading{s.read}).rows(ctx, checkedQuery+seen+` GROUP BY r.category, r.channel ORDER BY r.category, r.channel`, args, func(row rowScanner) error {
		var x Checked
		var channel string
		err := row.Scan(&x.Category, &channel, &x.Count, &x.Right, &x.Abstained, &x.SureRight)
		x.Channel = ingest.Channel(channel)
		out = append(out, x)
		return err
	})
	return out, err
}
