package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"saisine.fr/saisine/ingest"
)

// The registers of mail. What is filed gets the next number of the town's year in which it
// was received, and what a person sends out that of the year in which that was decided, in
// the transaction that does so: a number can neither be given twice nor get lost. Nothing
// takes one back.

// register gives a submission (or a mail; the other id is "") its number in a register,
// unless it has one, and returns it.
func (s *Store) register(ctx context.Context, tx *tx, d ingest.Direction, at time.Time, channel ingest.Channel, submissionID, mailID string) (string, error) {
	var year, number int
	err := tx.row(ctx, `SELECT year, number FROM register WHERE submission_id = $1 OR mail_id = $2`, submissionID, mailID).Scan(&year, &number)
	if err == nil || !errors.Is(err, sql.ErrNoRows) {
		return ingest.RegisterNumber(d, year, number), err
	}
	year = at.In(s.opts.Zone).Year()
	err = tx.row(ctx, `INSERT INTO counters (name, value) VALUES ($1, 1)
		ON CONFLICT (name) DO UPDATE SET value = counters.value + 1 RETURNING value`, registerCounter(d, year)).Scan(&number)
	if err != nil {
		return "", err
	}
	return ingest.RegisterNumber(d, year, number), tx.exec(ctx, registerInsert,
		string(d), year, number, micros(at), string(channel), nullString(submissionID), nullString(mailID))
}

const registerInsert = `INSERT INTO register (direction, year, number, at, channel, submission_id, mail_id) VALUES ($1, $2, $3, $4, $5, $6, $7)`

func registerCounter(d ingest.Direction, year int) string {
	return fmt.Sprintf("register/%s/%d", d, year)
}

// depart gives a mail that a person sends out, or prints, its number.
func (s *Store) depart(ctx context.Context, tx *tx, id string, onPaper bool) (string, error) {
	channel := ingest.ChannelMailbox
	if onPaper {
		channel = ingest.ChannelScan
	}
	return s.register(ctx, tx, ingest.Outgoing, s.opts.Now(), channel, "", id)
}

// registers reports whether a mail belongs into the register of outgoing mail: what the
// program sends by itself does not.
func registers(d ingest.MailDraft) bool {
	return d.Withheld == "" && (d.Kind == ingest.MailPaper || d.Kind == ingest.MailReply)
}

// numberPage is how many rows are numbered at a time.
const numberPage = 1000

// numberEarlier numbers what was filed and printed before there were registers: in the order
// of the ledger, each year by itself. It does so once, in one transaction.
func (s *Store) numberEarlier(ctx context.Context) (err error) {
	const flag = `SELECT count(*) FROM settings WHERE name = 'register/unnumbered'`
	var n int
	if err := s.write.QueryRowContext(ctx, flag).Scan(&n); err != nil || n == 0 {
		return err
	}
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("store: number the register: %w", unavailable(err))
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("store: number the register: %w", unavailable(err)), tx.Rollback())
		}
	}()
	// Another process may have been quicker.
	if err := tx.QueryRowContext(ctx, flag).Scan(&n); err != nil || n == 0 {
		return errors.Join(err, tx.Commit())
	}
	counts := map[string]int{}
	for _, q := range []struct {
		direction ingest.Direction
		query     string
	}{
		{ingest.Incoming, `SELECT seq, id, channel, received_at FROM submissions WHERE state = 'filed' AND seq > $1 ORDER BY seq LIMIT $2`},
		{ingest.Outgoing, `SELECT seq, id, 'scan', created_at FROM mails WHERE kind = 'paper' AND state IN ('to_print', 'printed') AND seq > $1 ORDER BY seq LIMIT $2`},
	} {
		if err := s.numberAll(ctx, tx, q.direction, q.query, counts); err != nil {
			return err
		}
	}
	for name, value := range counts {
		if _, err := tx.ExecContext(ctx, `INSERT INTO counters (name, value) VALUES ($1, $2)`, name, value); err != nil {
			return err
		}
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM settings WHERE name = 'register/unnumbered'`); err != nil {
		return err
	}
	return tx.Commit()
}

func (s *Store) numberAll(ctx context.Context, tx *sql.Tx, d ingest.Direction, query string, counts map[string]int) error {
	type earlier struct {
		seq, at     int64
		id, channel string
	}
	after := int64(0)
	for {
		var page []earlier
		err := each(func(row rowScanner) error {
			var e earlier
			err := row.Scan(&e.seq, &e.id, &e.channel, &e.at)
			page = append(page, e)
			return err
		}, func() (*sql.Rows, error) { return tx.QueryContext(ctx, query, after, numberPage) })
		if err != nil || len(page) == 0 {
			return err
		}
		for _, e := range page {
			after = e.seq
			year := s.time(e.at).Year()
			name := registerCounter(d, year)
			counts[name]++
			submission, mail := any(e.id), any(nil)
			if d == ingest.Outgoing {
				submission, mail = nil, e.id
			}
			if _, err := tx.ExecContext(ctx, registerInsert, string(d), year, counts[name], e.at, e.channel, submission, mail); err != nil {
				return err
			}
		}
	}
}

// registerPage is how many lines are read at a time.
const registerPage = 500

const (
	// What an agent has corrected of a request stands in it, and of what joined it in the
	// reading. A letter without a subject is told by its first words.
	arrivalsQuery = `SELECT g.year, g.number, g.at, g.channel, q.service, q.reference, s.id,
		CASE WHEN s.link = 'opens' THEN q.sender_name ELSE d.sender_name END,
		CASE WHEN s.link = 'opens' THEN q.sender_email ELSE d.sender_email END,
		CASE WHEN s.link = 'opens' THEN q.sender_phone ELSE d.sender_phone END,
		CASE WHEN s.link = 'opens' THEN q.subject ELSE d.subject END,
		substr(d.body, 1, 400)
		FROM register g JOIN submissions s ON s.id = g.submission_id JOIN requests q ON q.id = s.request_id
		LEFT JOIN readings d ON d.submission_id = s.id`
	departuresQuery = `SELECT g.year, g.number, g.at, g.channel, coalesce(q.service, ''), coalesce(q.reference, ''), m.id,
		coalesce(q.sender_name, ''), m.recipient, m.kind, m.state, m.detail
		FROM register g JOIN mails m ON m.id = g.mail_id LEFT JOIN requests q ON q.id = m.request_id`
	registerWhere = ` WHERE g.direction = $1 AND (g.year > $2 OR g.year = $2 AND g.number > $3) AND g.year BETWEEN $4 AND $5
		AND g.at >= $6 AND g.at < $7 AND ($8 = '' OR g.channel = $8)`
)

// RegisterCursor is a place in a register: after the line with this number.
type RegisterCursor struct{ Year, Number int }

// Register calls f for the lines of a register that the viewer sees, in the order of their
// numbers, until f returns an error. It reads in pages and holds nothing while f runs.
func (s *Store) Register(ctx context.Context, v ingest.Viewer, r ingest.RegisterFilter, f func(ingest.RegisterLine) error) error {
	var at RegisterCursor
	for {
		lines, next, err := s.RegisterPage(ctx, v, r, at, registerPage)
		if err != nil {
			return err
		}
		for _, l := range lines {
			if err := f(l); err != nil {
				return err
			}
		}
		if at = next; at == (RegisterCursor{}) {
			return nil
		}
	}
}

// RegisterPage returns up to limit lines after a place, and the place of the last one, which
// is the zero one when there are no more.
func (s *Store) RegisterPage(ctx context.Context, v ingest.Viewer, r ingest.RegisterFilter, after RegisterCursor, limit int) ([]ingest.RegisterLine, RegisterCursor, error) {
	query, scan := arrivalsQuery, s.scanArrival
	if r.Direction == ingest.Outgoing {
		query, scan = departuresQuery, s.scanDeparture
	}
	where, args := s.registerWhere(v, r, after)
	args = append(args, limit+1)
	var out []ingest.RegisterLine
	var places []RegisterCursor
	err := each(func(row rowScanner) error {
		var at RegisterCursor
		l, err := scan(row, &at)
		out, places = append(out, l), append(places, at)
		return err
	}, func() (*sql.Rows, error) {
		return s.read.QueryContext(ctx, query+where+fmt.Sprintf(` ORDER BY g.year, g.number LIMIT $%d`, len(args)), args...)
	})
	if err != nil || len(out) <= limit {
		return out, RegisterCursor{}, err
	}
	return out[:limit], places[limit-1], nil
}

// RegisterCount counts the lines that Register gives.
func (s *Store) RegisterCount(ctx context.Context, v ingest.Viewer, r ingest.RegisterFilter) (int, error) {
	from := ` FROM register g JOIN submissions s ON s.id = g.submission_id JOIN requests q ON q.id = s.request_id`
	if r.Direction == ingest.Outgoing {
		from = ` FROM register g JOIN mails m ON m.id = g.mail_id LEFT JOIN requests q ON q.id = m.request_id`
	}
	where, args := s.registerWhere(v, r, RegisterCursor{})
	var n int
	err := s.read.QueryRowContext(ctx, `SELECT count(*)`+from+where, args...).Scan(&n)
	return n, unavailable(err)
}

func (s *Store) registerWhere(v ingest.Viewer, r ingest.RegisterFilter, after RegisterCursor) (string, []any) {
	// The year of a line is that of its time, so that the index leads to the period.
	args := []any{
		string(r.Direction), after.Year, after.Number, r.From.In(s.opts.Zone).Year(), r.To.In(s.opts.Zone).Year(),
		micros(r.From), micros(r.To), string(r.Channel),
	}
	seen, args := seenSQL(v, "coalesce(q.service, '')", args)
	return registerWhere + seen, args
}

func (s *Store) scanArrival(row rowScanner, place *RegisterCursor) (ingest.RegisterLine, error) {
	var l ingest.RegisterLine
	var at int64
	var channel string
	var name, email, phone, subject, body sql.NullString
	if err := row.Scan(&place.Year, &place.Number, &at, &channel, &l.Service, &l.Request, &l.Submission, &name, &email, &phone, &subject, &body); err != nil {
		return l, err
	}
	l.Number, l.At, l.Channel = ingest.RegisterNumber(ingest.Incoming, place.Year, place.Number), s.time(at), ingest.Channel(channel)
	l.Who = firstFilled(name.String, email.String, phone.String)
	l.Subject = firstFilled(subject.String, firstLine(body.String))
	return l, nil
}

func (s *Store) scanDeparture(row rowScanner, place *RegisterCursor) (ingest.RegisterLine, error) {
	var l ingest.RegisterLine
	var at int64
	var channel, name, recipient, kind, state, text string
	if err := row.Scan(&place.Year, &place.Number, &at, &channel, &l.Service, &l.Request, &l.Mail, &name, &recipient, &kind, &state, &text); err != nil {
		return l, err
	}
	var d ingest.MailDetail
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		return l, fmt.Errorf("store: mail %s: %w", l.Mail, err)
	}
	l.Number, l.At, l.Channel = ingest.RegisterNumber(ingest.Outgoing, place.Year, place.Number), s.time(at), ingest.Channel(channel)
	l.Kind, l.State = ingest.MailKind(kind), ingest.MailState(state)
	l.Who = firstFilled(name, recipient)
	if d.Recipient != nil {
		l.Who = firstFilled(d.Recipient.Name, l.Who)
	}
	l.Subject = d.Subject
	if l.Kind == ingest.MailPaper {
		l.Subject = "Accusé de réception de la demande " + l.Request
	}
	if d.Officer != nil {
		l.By = d.Officer.Name
	}
	return l, nil
}

func firstFilled(list ...string) string {
	for _, s := range list {
		if s = strings.TrimSpace(s); s != "" {
			return s
		}
	}
	return ""
}

func firstLine(text string) string {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			return line
		}
	}
	return ""
}

// FindingRegister is a number that is missing from a register, or that belongs to nothing.
const FindingRegister = "register_broken"

// verifyRegister checks that what was filed and sent has its number, that nothing else has
// one, and that no number was left out.
func (s *Store) verifyRegister(ctx context.Context, _ *VerifyReport, report func(Finding)) error {
	for _, c := range []struct{ detail, query string }{
		{
			"filed, but it has no number in the register of arrivals",
			`SELECT s.id FROM submissions s LEFT JOIN register g ON g.submission_id = s.id WHERE s.state = 'filed' AND g.number IS NULL`,
		},
		{
			"has a number in the register of arrivals, and is not filed",
			`SELECT s.id FROM register g JOIN submissions s ON s.id = g.submission_id WHERE s.state <> 'filed'`,
		},
		{
			"written by a person, but it has no number in the register of departures",
			`SELECT m.id FROM mails m LEFT JOIN register g ON g.mail_id = m.id WHERE g.number IS NULL
			AND (m.kind = 'reply' OR m.kind = 'paper' AND m.state IN ('to_print', 'printed'))`,
		},
		{
			"numbers of the register are missing",
			`SELECT direction || '/' || year FROM register GROUP BY direction, year HAVING count(*) <> max(number) OR min(number) <> 1`,
		},
		{
			"the counter of the register is not at its last number",
			`SELECT name FROM counters LEFT JOIN (SELECT direction, year, max(number) AS last FROM register GROUP BY direction, year) AS g
			ON name = 'register/' || g.direction || '/' || g.year WHERE name LIKE 'register/%' AND coalesce(g.last, 0) <> value`,
		},
	} {
		err := each(func(row rowScanner) error {
			var subject string
			if err := row.Scan(&subject); err != nil {
				return err
			}
			report(Finding{FindingRegister, subject, c.detail})
			return nil
		}, func() (*sql.Rows, error) { return s.read.QueryContext(ctx, c.query) })
		if err != nil {
			return err
		}
	}
	return nil
}
