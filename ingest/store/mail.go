package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/crashpoint"
)

// Kinds of events about mails. They are stored, so they never change.
const (
	eventMailSent     = "mail.sent"
	eventMailFailed   = "mail.failed"
	eventMailBounced  = "mail.bounced"
	eventMailWithheld = "mail.withheld"
	eventMailPrinted  = "mail.printed"
	eventMailReleased = "mail.released"
)

// draft writes down a mail that was decided on, and the outbox row that sends it. One that
// is there already (the same receipt of the same submission) is left alone. requestID 0
// and submissionID "" mean none.
func (s *Store) draft(ctx context.Context, tx *tx, d ingest.MailDraft, submissionID string, requestID int64) error {
	_, err := s.compose(ctx, tx, d, submissionID, requestID)
	return err
}

// compose is draft, and returns the id of the mail; "" when it was there already.
func (s *Store) compose(ctx context.Context, tx *tx, d ingest.MailDraft, submissionID string, requestID int64) (string, error) {
	uid, err := uuid.NewV7()
	if err != nil {
		return "", fmt.Errorf("store: new id: %w", err)
	}
	id := uid.String()
	detail, err := json.Marshal(d.Detail)
	if err != nil {
		return "", fmt.Errorf("store: mail: %w", err)
	}
	state := ingest.MailQueued
	switch {
	case d.Withheld != "":
		state = ingest.MailWithheld
	case d.OnPaper():
		state = ingest.MailToPrint
	}
	n, err := tx.execN(ctx, `INSERT INTO mails (id, kind, request_id, submission_id, recipient, detail, state, reason, created_at, not_before, once)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING`,
		id, string(d.Kind), nullInt(requestID), nullString(submissionID), strings.ToLower(d.To), string(detail), string(state), d.Withheld,
		micros(s.opts.Now()), micros(d.NotBefore), d.Key)
	if err != nil || n == 0 {
		return "", err
	}
	if registers(d) {
		if _, err := s.depart(ctx, tx, id, d.OnPaper()); err != nil {
			return "", err
		}
	}
	switch state {
	case ingest.MailWithheld:
		if err := s.journal(ctx, tx, eventMailWithheld, id, "", map[string]any{"kind": d.Kind, "reason": d.Withheld}); err != nil {
			return "", err
		}
		return id, s.event(ctx, tx, eventMailWithheld, actorSystem, submissionID, requestID, map[string]any{"mail": id, "kind": d.Kind, "reason": d.Withheld})
	case ingest.MailQueued:
		if !d.NotBefore.After(s.opts.Now()) {
			tx.outbox = append(tx.outbox, ingest.OutboxNotice{ID: id, Kind: ingest.OutboxMail})
		}
		return id, s.outboxRow(ctx, tx, id, ingest.OutboxMail, submissionID, requestID)
	default:
		return id, nil
	}
}

func (s *Store) draftAll(ctx context.Context, tx *tx, list []ingest.MailDraft, submissionID string, requestID int64) error {
	for _, d := range list {
		if err := s.draft(ctx, tx, d, submissionID, requestID); err != nil {
			return err
		}
	}
	return nil
}

// logged is how far back MailLog looks.
const logged = 24 * time.Hour

// mailLogQuery and bouncedQuery leave out what is empty, as their indexes do, so that SQLite can
// use them: one is asked at each filing, and a mail's row is as long as its content.
const (
	mailLogQuery = `SELECT
		coalesce(sum(CASE WHEN kind IN ('aee', 'are') AND created_at >= $1 THEN 1 ELSE 0 END), 0),
		coalesce(max(CASE WHEN kind IN ('aee', 'are') THEN created_at END), 0),
		coalesce(max(CASE WHEN kind IN ('aee', 'are', 'reply') THEN NULL WHEN not_before > created_at THEN not_before ELSE created_at END), 0)
		FROM (SELECT kind, created_at, not_before FROM mails WHERE recipient = $2 AND recipient <> '' AND created_at BETWEEN $3 AND $4
			AND state <> 'withheld' ORDER BY created_at DESC LIMIT 1000) AS recent`
	bouncedQuery = `SELECT id FROM mails WHERE message_id = $1 AND message_id <> ''`
)

// mailLog looks up what was written to an address of late.
func (s *Store) mailLog(ctx context.Context, run sqlRunner, address string) (ingest.MailLog, error) {
	var l ingest.MailLog
	if address == "" {
		return l, nil
	}
	now := s.opts.Now()
	var receipt, other int64
	err := run.row(ctx, mailLogQuery,
		micros(now.Add(-time.Hour)), strings.ToLower(address), micros(now.Add(-logged)), micros(now)).Scan(&l.Receipts, &receipt, &other)
	l.LastReceipt, l.LastOther = s.time(receipt), s.time(other)
	return l, err
}

// MailLog is what was written to an address of late.
func (s *Store) MailLog(ctx context.Context, address string) (ingest.MailLog, error) {
	l, err := s.mailLog(ctx, reading{s.read}, address)
	return l, unavailable(err)
}

// heldMax is how long a mail is held back at the most: what is to go later yet was written by
// a clock that was wrong, and goes at once.
const heldMax = 48 * time.Hour

const mailQuery = `SELECT m.id, m.kind, m.state, m.reason, q.reference, m.submission_id, m.recipient, m.message_id, m.detail,
	m.created_at, m.not_before, coalesce(m.ended_at, 0), m.sha256, coalesce(length(m.content), 0), m.answer,
	coalesce(g.year, 0), coalesce(g.number, 0)
	FROM mails m LEFT JOIN requests q ON q.id = m.request_id LEFT JOIN register g ON g.mail_id = m.id `

func (s *Store) scanMail(row rowScanner) (ingest.Mail, error) {
	var m ingest.Mail
	var kind, state, detail string
	var reference, submission sql.NullString
	var created, notBefore, ended int64
	var year, number int
	if err := row.Scan(&m.ID, &kind, &state, &m.Reason, &reference, &submission, &m.To, &m.MessageID, &detail,
		&created, &notBefore, &ended, &m.SHA256, &m.Size, &m.Answer, &year, &number); err != nil {
		return m, err
	}
	if number != 0 {
		m.Number = ingest.RegisterNumber(ingest.Outgoing, year, number)
	}
	m.Kind, m.State, m.Request, m.Submission = ingest.MailKind(kind), ingest.MailState(state), reference.String, submission.String
	m.CreatedAt, m.NotBefore, m.EndedAt = s.time(created), s.time(notBefore), s.time(ended)
	if m.NotBefore.After(s.opts.Now().Add(heldMax)) {
		m.NotBefore = time.Time{}
	}
	if err := json.Unmarshal([]byte(detail), &m.Detail); err != nil {
		return m, fmt.Errorf("store: mail %s: %w", m.ID, err)
	}
	return m, nil
}

// Mail returns what is known of a mail. The error wraps ingest.ErrNotFound when there is none.
func (s *Store) Mail(ctx context.Context, id string) (ingest.Mail, error) {
	m, err := s.scanMail(s.read.QueryRowContext(ctx, mailQuery+`WHERE m.id = $1`, id))
	if errors.Is(err, sql.ErrNoRows) {
		return m, fmt.Errorf("%w: mail %s", ingest.ErrNotFound, id)
	}
	return m, err
}

// MailContent returns the bytes of a mail, or of a letter on paper (PDF); nil while they are not made.
func (s *Store) MailContent(ctx context.Context, id string) ([]byte, error) {
	var content []byte
	err := s.read.QueryRowContext(ctx, `SELECT content FROM mails WHERE id = $1`, id).Scan(&content)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("%w: mail %s", ingest.ErrNotFound, id)
	}
	return content, unavailable(err)
}

// Mails calls f for each mail in the given state ("" for all), oldest first.
func (s *Store) Mails(ctx context.Context, state ingest.MailState, f func(ingest.Mail) error) error {
	after := int64(0)
	for {
		var page []ingest.Mail
		var last int64
		err := each(func(row rowScanner) error {
			m, err := s.scanMail(withSeq{row, &last})
			page = append(page, m)
			return err
		}, func() (*sql.Rows, error) {
			return s.read.QueryContext(ctx, strings.Replace(mailQuery, "SELECT ", "SELECT m.seq, ", 1)+
				`WHERE m.seq > $1 AND ($2 = '' OR m.state = $2) ORDER BY m.seq LIMIT $3`, after, string(state), recordPage)
		})
		if err != nil {
			return err
		}
		for _, m := range page {
			if err := f(m); err != nil {
				return err
			}
		}
		if after = last; len(page) < recordPage {
			return nil
		}
	}
}

// withSeq takes the first column off a row.
type withSeq struct {
	rowScanner
	seq *int64
}

func (w withSeq) Scan(dest ...any) error { return w.rowScanner.Scan(append([]any{w.seq}, dest...)...) }

// mailsOf lists the mails of a request and of those that were merged into it.
func (s *Store) mailsOf(ctx context.Context, requestID int64) ([]ingest.Mail, error) {
	var out []ingest.Mail
	err := each(func(row rowScanner) error {
		m, err := s.scanMail(row)
		out = append(out, m)
		return err
	}, func() (*sql.Rows, error) {
		return s.read.QueryContext(ctx, mailQuery+`WHERE m.request_id IN (SELECT id FROM requests WHERE id = $1 OR merged_into = $1) ORDER BY m.seq`, requestID)
	})
	return out, err
}

// MakeMail keeps the bytes of a mail before they are sent for the first time. When there
// are some already, from a try that was cut short, those stay, and are returned: whoever
// got the first must not get a second, different one. The error wraps ErrRefused when the mail
// was withheld meanwhile: then it is not to be sent.
func (s *Store) MakeMail(ctx context.Context, id, messageID string, content []byte) ([]byte, error) {
	kept := content
	err := s.do(ctx, func(ctx context.Context, tx *tx) error {
		kept = content
		sum := sha256.Sum256(content)
		n, err := tx.execN(ctx, `UPDATE mails SET message_id = $1, content = $2, sha256 = $3 WHERE id = $4 AND content IS NULL AND state <> 'withheld'`,
			messageID, content, hex.EncodeToString(sum[:]), id)
		if err != nil {
			return err
		}
		if n == 1 {
			return s.journal(ctx, tx, "mail.made", id, hex.EncodeToString(sum[:]), map[string]any{"message_id": messageID, "size": len(content)})
		}
		err = tx.row(ctx, `SELECT content FROM mails WHERE id = $1`, id).Scan(&kept)
		if errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("%w: mail %s", ingest.ErrNotFound, id)
		}
		if err == nil && kept == nil {
			return refused("mail %s is withheld", id)
		}
		return err
	})
	return kept, err
}

// MailSent records that the mail server has taken a mail, with its answer.
func (s *Store) MailSent(ctx context.Context, id, answer string) error {
	return s.endMail(ctx, id, ingest.MailSent, "", eventMailSent, map[string]any{"answer": answer})
}

// MailPrinted records that a letter on paper was printed, by whom.
func (s *Store) MailPrinted(ctx context.Context, id, actor string) error {
	return s.endMail(ctx, id, ingest.MailPrinted, "", eventMailPrinted, map[string]any{"actor": actor})
}

// mailOpen says from which states a mail may come to another one.
var mailOpen = map[ingest.MailState]string{
	ingest.MailSent:    "('queued', 'failed')",
	ingest.MailFailed:  "('queued')",
	ingest.MailBounced: "('queued', 'sent', 'failed')", // the report may be quicker than our own record
	ingest.MailPrinted: "('to_print')",
}

func (s *Store) endMail(ctx context.Context, id string, state ingest.MailState, reason, kind string, detail map[string]any) error {
	return s.do(ctx, func(ctx context.Context, tx *tx) error {
		_, err := s.endMailIn(ctx, tx, id, state, reason, kind, detail)
		return err
	})
}

// endedMail is a mail that has just come to an end, the zero one where nothing has changed.
type endedMail struct {
	kind      ingest.MailKind
	recipient string
	request   int64 // 0: none
}

func (s *Store) endMailIn(ctx context.Context, tx *tx, id string, state ingest.MailState, reason, kind string, detail map[string]any) (endedMail, error) {
	answer, _ := detail["answer"].(string)
	n, err := tx.execN(ctx, `UPDATE mails SET state = $1, reason = $2, answer = CASE WHEN $3 = '' THEN answer ELSE $3 END, ended_at = $4
		WHERE id = $5 AND state IN `+mailOpen[state], string(state), reason, answer, micros(s.opts.Now()), id)
	if err != nil || n == 0 {
		return endedMail{}, err
	}
	var m endedMail
	var mailKind, sum string
	var request sql.NullInt64
	var submission sql.NullString
	if err := tx.row(ctx, `SELECT kind, recipient, sha256, request_id, submission_id FROM mails WHERE id = $1`, id).
		Scan(&mailKind, &m.recipient, &sum, &request, &submission); err != nil {
		return m, err
	}
	m.kind, m.request = ingest.MailKind(mailKind), request.Int64
	if err := s.journal(ctx, tx, kind, id, sum, detail); err != nil {
		return m, err
	}
	told := map[string]any{"mail": id, "kind": mailKind}
	for k, v := range detail {
		told[k] = v
	}
	actor := actorSystem
	if by, ok := detail["actor"].(string); ok {
		actor = by
	}
	return m, s.event(ctx, tx, kind, actor, submission.String, request.Int64, told)
}

// failMail records that a mail cannot be sent: an agent sees to it. Nothing happens when there
// is no such mail, or it has come to its end.
func (s *Store) failMail(ctx context.Context, tx *tx, id, reason string) error {
	m, err := s.endMailIn(ctx, tx, id, ingest.MailFailed, reason, eventMailFailed, map[string]any{"reason": reason})
	if err != nil {
		return err
	}
	return s.proposePaper(ctx, tx, m, "un envoi n’a pas pu partir ("+m.recipient+")")
}

// proposePaper has a person see to a citizen whom no mail reaches.
func (s *Store) proposePaper(ctx context.Context, tx *tx, m endedMail, why string) error {
	if m.request == 0 || !m.kind.ToCitizen() {
		return nil
	}
	return s.askReview(ctx, tx, m.request, why+"\u00a0: proposer le courrier papier")
}

// bounce is what a delivery report says of a mail of ours (RFC 3464).
type bounce struct{ messageID, recipient, reason string }

// bounced marks the mail with this Message-ID as come back. The Message-ID cannot be
// guessed: who names it has seen the mail. Nothing happens when it is none of ours, or has
// come back before.
func (s *Store) bounced(ctx context.Context, tx *tx, submissionID string, b bounce) error {
	var id string
	err := tx.row(ctx, bouncedQuery, b.messageID).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	crashpoint.Hit("mail.bouncing")
	reason := strings.TrimSpace("non remis à " + b.recipient + " : " + b.reason)
	m, err := s.endMailIn(ctx, tx, id, ingest.MailBounced, reason, eventMailBounced, map[string]any{"reason": reason, "report": submissionID})
	if err != nil {
		return err
	}
	return s.proposePaper(ctx, tx, m, "un envoi n’a pas été remis ("+b.recipient+")")
}

// askReview has a person look at a request, and says why.
func (s *Store) askReview(ctx context.Context, tx *tx, requestID int64, why string) error {
	var text string
	if err := tx.row(ctx, `SELECT reasons FROM requests WHERE id = $1`, requestID).Scan(&text); err != nil {
		return err
	}
	var reasons []string
	if err := json.Unmarshal([]byte(text), &reasons); err != nil {
		return fmt.Errorf("store: reasons: %w", err)
	}
	out, err := json.Marshal(append([]string{why}, reasons...))
	if err != nil {
		return fmt.Errorf("store: reasons: %w", err)
	}
	return tx.exec(ctx, `UPDATE requests SET needs_review = 1, reasons = $1 WHERE id = $2`, string(out), requestID)
}

// sendWithheld has a mail sent that was withheld: a person wants it to be. One without an
// address is refused.
func (s *Store) sendWithheld(ctx context.Context, id, actor string) (sent bool, err error) {
	m, err := s.Mail(ctx, id)
	switch {
	case errors.Is(err, ingest.ErrNotFound):
		return false, fmt.Errorf("%w: submission, delivery or mail %s", ingest.ErrNotFound, id)
	case err != nil || m.State != ingest.MailWithheld:
		return false, err
	case m.To == "":
		return false, refused("there is no address to send it to; see \"saisine requests letter\"")
	}
	err = s.do(ctx, func(ctx context.Context, tx *tx) error {
		sent = false
		n, err := tx.execN(ctx, `UPDATE mails SET state = 'queued', reason = '', not_before = 0, ended_at = NULL WHERE id = $1 AND state = 'withheld'`, id)
		if err != nil || n == 0 {
			return err
		}
		sent = true
		var request sql.NullInt64
		if err := tx.row(ctx, `SELECT request_id FROM mails WHERE id = $1`, id).Scan(&request); err != nil {
			return err
		}
		if err := s.event(ctx, tx, eventMailReleased, actor, m.Submission, request.Int64, map[string]any{"mail": id, "kind": m.Kind}); err != nil {
			return err
		}
		tx.outbox = append(tx.outbox, ingest.OutboxNotice{ID: id, Kind: ingest.OutboxMail})
		return s.outboxRow(ctx, tx, id, ingest.OutboxMail, m.Submission, request.Int64)
	})
	return sent, err
}
