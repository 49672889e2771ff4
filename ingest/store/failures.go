package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"math"
	"strconv"

	"saisine.fr/saisine/ingest"
)

// eventDealt says that a person has dealt with a failure elsewhere. It is stored, so it never
// changes.
const eventDealt = "failure.dealt_with"

// failurePage is how many failures a page has.
const failurePage = 50

// failureList is how a kind of failures is read: all columns of scanFailure, from its tables,
// with the condition that its partial index has. service is the one that hides a row, attempt
// the one that it was dealt with at.
type failureList struct {
	columns, from, where string
	row                  string // the alias of its own table
	service, attempt     string
}

const (
	// A piece that is in no request belongs to the service that its channel proposed.
	hintedService = `coalesce(json_extract(s.hints, '$.service'), '')`
	// A request that was merged stands for the one that it went into.
	joinRequest = ` LEFT JOIN requests q ON q.id = %s LEFT JOIN requests w ON w.id = coalesce(q.merged_into, q.id)`

	pieceColumns = `s.channel, s.account, s.media_type, s.hints, coalesce(d.subject, ''),
		coalesce(d.sender_name, ''), coalesce(d.sender_email, ''), coalesce(d.sender_phone, '')`
	pieceVerdict = `, s.virus_state, s.virus`
	noVerdict    = `, '', '{}'`
)

func pieceList(state string) failureList {
	return failureList{
		columns: `s.seq, s.id, s.received_at, s.reason, s.attempt, '', '', '', ` + pieceColumns + `, '', NULL, s.id` + pieceVerdict,
		from:    `submissions s LEFT JOIN readings d ON d.submission_id = s.id`,
		where:   state + ` AND s.eliminated_at = 0`, row: "s", service: hintedService, attempt: "s.attempt",
	}
}

func mailList(states string) failureList {
	return failureList{
		columns: `m.seq, m.id, m.created_at, m.reason, coalesce(o.attempt, -1), '', m.kind, m.state,
			coalesce(s.channel, ''), coalesce(s.account, ''), coalesce(s.media_type, ''), coalesce(s.hints, '{}'), coalesce(w.subject, ''),
			'', '', '', m.recipient, w.reference, m.submission_id` + noVerdict,
		from: `mails m LEFT JOIN outbox o ON o.id = m.id LEFT JOIN submissions s ON s.id = m.submission_id` + fmt.Sprintf(joinRequest, "m.request_id"),
		// What is written to a service about many requests belongs to the service.
		where: states + ` AND m.eliminated_at = 0`, row: "m", service: `coalesce(w.service, json_extract(m.detail, '$.service'), '')`, attempt: "coalesce(o.attempt, -1)",
	}
}

var failureLists = map[ingest.FailureKind]failureList{
	ingest.FailedSubmissions: pieceList(`s.state = 'failed'`),
	// A scan that was divided or joined lives on in what was made of it.
	ingest.SetAside: pieceList(`s.state = 'set_aside' AND s.reason NOT LIKE '` + ingest.ReasonSplit + `:%' AND s.reason NOT LIKE '` + ingest.ReasonJoined + `:%'`),
	ingest.FailedDeliveries: {
		columns: `o.seq, o.id, o.created_at, o.reason, o.attempt, o.kind, '', '',
			coalesce(s.channel, ''), coalesce(s.account, ''), coalesce(s.media_type, ''), coalesce(s.hints, '{}'), coalesce(w.subject, ''),
			'', '', '', '', w.reference, o.submission_id` + noVerdict,
		from:  `outbox o LEFT JOIN submissions s ON s.id = o.submission_id` + fmt.Sprintf(joinRequest, "coalesce(o.request_id, s.request_id)"),
		where: `o.state = 'failed' AND o.kind <> '` + ingest.OutboxMail + `'`, row: "o",
		service: `coalesce(w.service, json_extract(s.hints, '$.service'), '')`, attempt: "o.attempt",
	},
	ingest.FailedMails:   mailList(`m.state IN ('failed', 'bounced')`),
	ingest.WithheldMails: mailList(`m.state = 'withheld'`),
}

// condition is what a row of the list must meet for a viewer.
func (l failureList) condition(v ingest.Viewer) (string, []any) {
	seen, args := seenSQL(v, l.service, nil)
	return ` WHERE ` + l.where + ` AND NOT EXISTS (SELECT 1 FROM dealt_with k WHERE k.id = ` + l.row + `.id AND k.attempt = ` + l.attempt + `)` + seen, args
}

// failureListOf returns the list of a kind. The error wraps ingest.ErrNotFound when there is
// none.
func failureListOf(kind ingest.FailureKind) (failureList, error) {
	l, ok := failureLists[kind]
	if !ok {
		return l, fmt.Errorf("%w: list of failures %q", ingest.ErrNotFound, kind)
	}
	return l, nil
}

// Failures returns a page of a list of failures as the viewer sees it: those after the one
// whose number is after, 0 for the first page.
func (s *Store) Failures(ctx context.Context, v ingest.Viewer, kind ingest.FailureKind, after int64) (ingest.FailurePage, error) {
	var page ingest.FailurePage
	l, err := failureListOf(kind)
	if err != nil {
		return page, err
	}
	if after <= 0 {
		after = math.MaxInt64
	}
	where, args := l.condition(v)
	args = append(args, after, failurePage+1)
	query := `SELECT ` + l.columns + ` FROM ` + l.from + where + ` AND ` + l.row + `.seq < $` + strconv.Itoa(len(args)-1) +
		` ORDER BY ` + l.row + `.seq DESC LIMIT $` + strconv.Itoa(len(args))
	err = (reading{s.read}).rows(ctx, query, args, func(row rowScanner) error {
		f, err := s.scanFailure(row, kind)
		page.Items = append(page.Items, f)
		return err
	})
	if len(page.Items) > failurePage {
		page.Items = page.Items[:failurePage]
		page.Next = page.Items[failurePage-1].Seq
	}
	return page, err
}

// Failure returns one of a list. The error wraps ingest.ErrNotFound when it is not in it, or
// the viewer does not see it.
func (s *Store) Failure(ctx context.Context, v ingest.Viewer, kind ingest.FailureKind, id string) (ingest.Failure, error) {
	l, err := failureListOf(kind)
	if err != nil {
		return ingest.Failure{}, err
	}
	where, args := l.condition(v)
	args = append(args, id)
	var found []ingest.Failure
	err = (reading{s.read}).rows(ctx, `SELECT `+l.columns+` FROM `+l.from+where+` AND `+l.row+`.id = $`+strconv.Itoa(len(args)), args, func(row rowScanner) error {
		f, err := s.scanFailure(row, kind)
		found = append(found, f)
		return err
	})
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("%w: failure %s", ingest.ErrNotFound, id)
	}
	if err != nil {
		return ingest.Failure{}, err
	}
	return found[0], nil
}

func (s *Store) scanFailure(row rowScanner, kind ingest.FailureKind) (ingest.Failure, error) {
	f := ingest.Failure{Kind: kind}
	var at int64
	var channel, mail, state, hints, virusState, virus string
	var reference, submission sql.NullString
	if err := row.Scan(&f.Seq, &f.ID, &at, &f.Reason, &f.Attempt, &f.Outbox, &mail, &state,
		&channel, &f.Account, &f.MediaType, &hints, &f.Subject, &f.From.Name, &f.From.Email, &f.From.Phone, &f.To, &reference, &submission, &virusState, &virus); err != nil {
		return f, err
	}
	var h ingest.Hints
	if err := json.Unmarshal([]byte(hints), &h); err != nil {
		return f, fmt.Errorf("store: hints of %s: %w", f.ID, err)
	}
	f.At, f.Channel, f.Mail, f.State = s.time(at), ingest.Channel(channel), ingest.MailKind(mail), ingest.MailState(state)
	f.Filename, f.Partial = h.Filename, h.Partial
	f.Request, f.Submission = reference.String, submission.String
	var err error
	f.Verdict, err = s.verdict(f.ID, virusState, virus)
	return f, err
}

// failuresCounted is how far FailureCount counts.
const failuresCounted = 1000

// FailureCount is how many failures a person must see to (FailureKind.Urgent), as the viewer
// sees them. It counts up to failuresCounted of each kind: it is asked on every page.
func (s *Store) FailureCount(ctx context.Context, v ingest.Viewer) (int, error) {
	total := 0
	for _, kind := range ingest.FailureKinds() {
		if !kind.Urgent() {
			continue
		}
		l := failureLists[kind]
		where, args := l.condition(v)
		args = append(args, failuresCounted)
		var n int
		if err := s.read.QueryRowContext(ctx, `SELECT count(*) FROM (SELECT 1 FROM `+l.from+where+` LIMIT $`+strconv.Itoa(len(args))+`) AS few`, args...).Scan(&n); err != nil {
			return 0, unavailable(err)
		}
		total += n
	}
	return total, nil
}

// DealtWith takes a failure off its list: a person has seen to it elsewhere. Should it be
// tried again and fail anew, it is listed again. The errors are those of Failure.
func (s *Store) DealtWith(ctx context.Context, v ingest.Viewer, kind ingest.FailureKind, id string) error {
	f, err := s.Failure(ctx, v, kind, id)
	if err != nil {
		return err
	}
	return s.do(ctx, func(ctx context.Context, tx *tx) error {
		n, err := tx.execN(ctx, `INSERT INTO dealt_with (id, attempt, agent, at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
			f.ID, f.Attempt, v.Login, micros(s.opts.Now()))
		if err != nil || n == 0 {
			return err
		}
		if kind == ingest.FailedDeliveries {
			if err := s.dealtHandover(ctx, tx, f.ID); err != nil {
				return err
			}
		}
		var requestID int64
		if f.Request != "" {
			q, err := liveRequest(ctx, tx, f.Request)
			if err != nil {
				return err
			}
			requestID = q.id
		}
		return s.event(ctx, tx, eventDealt, v.Actor(), f.Submission, requestID, map[string]any{"failure": f.ID, "list": kind})
	})
}
