package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"saisine.fr/saisine/ingest"
)

// eventReplied is stored, so it never changes.
const eventReplied = "request.replied"

// Answer writes down what an agent answers to the citizen of a request (of one that was
// merged, the one that it went into): the mail or letter with its number in the register, its
// outbox row, the event and the new status are one transaction. Status notices that wait are
// withheld: the answer says where things stand.
//
// The same answer posted again (Answer.Once) is the mail that there is. The error wraps
// ingest.ErrNotFound when the viewer sees no such request, and ErrRefused when nothing can be
// sent, when it is not complete, and when other words were sent under the same Once.
func (s *Store) Answer(ctx context.Context, v ingest.Viewer, reference string, a ingest.Answer) (ingest.Mail, error) {
	a.Subject, a.Body = strings.TrimSpace(a.Subject), strings.TrimSpace(a.Body)
	a.To.Name, a.To.Address = strings.TrimSpace(a.To.Name), strings.TrimSpace(a.To.Address)
	if err := checkAnswer(a); err != nil {
		return ingest.Mail{}, err
	}
	var id string
	err := s.do(ctx, func(ctx context.Context, tx *tx) error {
		q, err := s.visible(ctx, tx, v, reference)
		if err != nil {
			return err
		}
		if id, err = s.answered(ctx, tx, q, a); err != nil || id != "" {
			return err
		}
		id, err = s.answer(ctx, tx, v, q, a)
		return err
	})
	if err != nil {
		return ingest.Mail{}, err
	}
	return s.Mail(ctx, id)
}

func checkAnswer(a ingest.Answer) error {
	switch {
	case a.Once == "" || a.Officer.Name == "":
		return refused("an answer names who writes it, and is told from others")
	case a.Subject == "" || a.Body == "":
		return refused("an answer needs a subject and a text")
	case utf8.RuneCountInString(a.Subject) > ingest.MaxAnswerSubject || utf8.RuneCountInString(a.Body) > ingest.MaxAnswerBody:
		return refused("the answer is too long")
	case a.Paper && (a.To.Name == "" || a.To.Address == ""):
		return refused("a letter needs a name and a postal address")
	case a.Status != "" && !slices.Contains(statuses, a.Status):
		return refused("there is no status %q", a.Status)
	}
	return nil
}

// answered returns the mail of this answer when it was posted before, or "".
func (s *Store) answered(ctx context.Context, tx *tx, q requestKey, a ingest.Answer) (string, error) {
	var id, text string
	var request sql.NullInt64
	err := tx.row(ctx, `SELECT id, request_id, detail FROM mails WHERE once = $1 AND once <> ''`, a.Once).Scan(&id, &request, &text)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	var d ingest.MailDetail
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		return "", fmt.Errorf("store: mail %s: %w", id, err)
	}
	var to ingest.Addressee
	if d.Recipient != nil {
		to = *d.Recipient
	}
	if !a.Paper {
		a.To = ingest.Addressee{}
	}
	if request.Int64 != q.id || d.Subject != a.Subject || d.Body != a.Body || d.Paper != a.Paper || to != a.To {
		return "", refused("another answer was sent from this form already; send this one as a new one")
	}
	return id, nil
}

func (s *Store) answer(ctx context.Context, tx *tx, v ingest.Viewer, q requestKey, a ingest.Answer) (string, error) {
	to, err := s.citizen(ctx, tx, q.id)
	if err != nil {
		return "", err
	}
	officer := a.Officer
	d := ingest.MailDraft{Kind: ingest.MailReply, Key: a.Once, Detail: ingest.MailDetail{Subject: a.Subject, Body: a.Body, Officer: &officer, Paper: a.Paper}}
	if a.Paper {
		d.Detail.Recipient = &a.To
	} else {
		d.To = to.email
		if s.opts.Correspondence != nil {
			if why := s.opts.Correspondence.Unreachable(to.email); why != "" {
				return "", refused("no mail can be sent: %s", why)
			}
		}
		if d.Detail.Answers, err = s.lastMail(ctx, tx, q.id, to.email); err != nil {
			return "", err
		}
	}
	id, err := s.compose(ctx, tx, d, to.submission, q.id)
	if err != nil {
		return "", err
	}
	number, err := s.depart(ctx, tx, id, a.Paper)
	if err != nil {
		return "", err
	}
	detail := map[string]any{"mail": id, "kind": d.Kind, "number": number, "paper": a.Paper}
	old, err := statusOf(ctx, tx, q.id)
	if err != nil {
		return "", err
	}
	if a.Status != "" && a.Status != old {
		detail["old_status"], detail["new_status"] = old, a.Status
		if err := s.supersede(ctx, tx, q.id, "remplacé par la réponse d’un agent"); err != nil {
			return "", err
		}
		if err := s.setStatus(ctx, tx, q.id, a.Status); err != nil {
			return "", err
		}
	}
	return id, s.event(ctx, tx, eventReplied, v.Actor(), "", q.id, detail)
}

// lastMail is the newest mail of a request that came from an address: the one that its reader
// remembers, below which an answer is shown. "" when there is none.
func (s *Store) lastMail(ctx context.Context, tx *tx, requestID int64, address string) (string, error) {
	var id string
	err := tx.row(ctx, `SELECT s.id FROM submissions s JOIN readings d ON d.submission_id = s.id
		WHERE s.request_id = $1 AND s.channel = 'mailbox' AND lower(d.sender_email) = $2 ORDER BY s.received_at DESC, s.seq DESC LIMIT 1`,
		requestID, strings.ToLower(address)).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return id, err
}

// VisibleMail returns a mail that the viewer sees (see MailVisible).
func (s *Store) VisibleMail(ctx context.Context, v ingest.Viewer, id string) (ingest.Mail, error) {
	m, err := s.Mail(ctx, id)
	if err != nil {
		return m, err
	}
	if err := s.MailVisible(ctx, v, m); err != nil {
		return ingest.Mail{}, err
	}
	return m, nil
}

// MailVisible reports whether the viewer sees a mail, nil or an error that wraps
// ingest.ErrNotFound: by its request or, where it is of none, by its submission or by the
// service that it is for.
func (s *Store) MailVisible(ctx context.Context, v ingest.Viewer, m ingest.Mail) error {
	switch {
	case m.Request != "":
		_, err := s.Visible(ctx, v, m.Request)
		return err
	case m.Submission != "":
		return s.VisibleSubmission(ctx, v, m.Submission)
	case !v.Sees(m.Detail.Service):
		return fmt.Errorf("%w: mail %s", ingest.ErrNotFound, m.ID)
	}
	return nil
}

// ToPrint returns the letters that wait to be printed, oldest first, limit at most, of the
// requests that the viewer sees; and how many there are in all.
func (s *Store) ToPrint(ctx context.Context, v ingest.Viewer, limit int) (list []ingest.Mail, total int, err error) {
	seen, args := seenSQL(v, "q.service", nil)
	where := `WHERE m.state = 'to_print' AND q.id IS NOT NULL` + seen
	if err := s.read.QueryRowContext(ctx, `SELECT count(*) FROM mails m JOIN requests q ON q.id = m.request_id `+where, args...).Scan(&total); err != nil {
		return nil, 0, unavailable(err)
	}
	args = append(args, limit)
	err = each(func(row rowScanner) error {
		m, err := s.scanMail(row)
		list = append(list, m)
		return err
	}, func() (*sql.Rows, error) {
		return s.read.QueryContext(ctx, mailQuery+where+fmt.Sprintf(` ORDER BY m.seq LIMIT $%d`, len(args)), args...)
	})
	return list, total, err
}

// Printed records that letters were printed and posted, all or none. One that was printed
// before stays so. The error wraps ingest.ErrNotFound for a mail that the viewer does not see,
// and ErrRefused for one that nobody has opened to print it.
func (s *Store) Printed(ctx context.Context, v ingest.Viewer, ids []string) (n int, err error) {
	err = s.do(ctx, func(ctx context.Context, tx *tx) error {
		n = 0
		for _, id := range ids {
			var service, state, number string
			var made int
			err := tx.row(ctx, `SELECT q.service, m.state, coalesce(m.sha256, '') <> '', q.reference FROM mails m JOIN requests q ON q.id = m.request_id WHERE m.id = $1`, id).
				Scan(&service, &state, &made, &number)
			switch {
			case errors.Is(err, sql.ErrNoRows), err == nil && !v.Sees(service):
				return fmt.Errorf("%w: mail %s", ingest.ErrNotFound, id)
			case err != nil:
				return err
			case state == string(ingest.MailPrinted):
				continue
			case state != string(ingest.MailToPrint):
				return refused("this mail of %s is no letter to be printed", number)
			case made == 0:
				return refused("open the letter of %s and print it first", number)
			}
			if _, err := s.endMailIn(ctx, tx, id, ingest.MailPrinted, "", eventMailPrinted, map[string]any{"actor": v.Actor()}); err != nil {
				return err
			}
			n++
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}
