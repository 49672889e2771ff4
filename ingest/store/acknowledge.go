package store

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"saisine.fr/saisine/ingest"
)

// acknowledge decides on the receipts of a submission that was filed just now.
func (s *Store) acknowledge(ctx context.Context, tx *tx, submissionID string, requestID int64) error {
	if s.opts.Correspondence == nil {
		return nil
	}
	f := ingest.ReceiptFacts{Now: s.opts.Now(), Submission: submissionID}
	var channel, hints, link, by string
	var received int64
	var review int
	err := tx.row(ctx, `SELECT s.channel, s.received_at, s.hints, s.link, d.sender_name, d.sender_email, d.sender_phone, d.sender_address, d.no_reply,
		q.reference, q.category, q.service, q.needs_review, q.category_by, q.procedure, q.confidence
		FROM submissions s JOIN readings d ON d.submission_id = s.id JOIN requests q ON q.id = $1 WHERE s.id = $2`, requestID, submissionID).
		Scan(&channel, &received, &hints, &link, &f.From.Name, &f.From.Email, &f.From.Phone, &f.From.Address, &f.NoReply,
			&f.Reference, &f.Category, &f.Service, &review, &by, &f.Procedure, &f.Confidence)
	if err != nil {
		return err
	}
	var h ingest.Hints
	if err := json.Unmarshal([]byte(hints), &h); err != nil {
		return fmt.Errorf("store: hints of %s: %w", submissionID, err)
	}
	f.Channel, f.ReceivedAt, f.Link = ingest.Channel(channel), s.time(received), ingest.Link(link)
	f.NoReceipt, f.NeedsReview, f.Confirmed = h.NoReceipt, review != 0, by != ""
	err = tx.rows(ctx, `SELECT kind FROM mails WHERE submission_id = $1 AND kind IN ('aee', 'are', 'joined', 'paper')`, []any{submissionID}, func(row rowScanner) error {
		var kind string
		err := row.Scan(&kind)
		f.Sent = append(f.Sent, ingest.MailKind(kind))
		return err
	})
	if err != nil {
		return err
	}
	if f.Log, err = s.mailLog(ctx, tx, f.From.Email); err != nil {
		return err
	}
	reply := s.opts.Correspondence.Receipts(f)
	if err := s.assign(ctx, tx, requestID, reply.Assigned); err != nil {
		return err
	}
	for _, d := range reply.Mails {
		if told, err := toldService(ctx, tx, d, requestID); err != nil {
			return err
		} else if told {
			continue
		}
		if err := s.draft(ctx, tx, d, submissionID, requestID); err != nil {
			return err
		}
	}
	return nil
}

// toldService reports whether a mail to a service is one that it has had: it hears of a
// request once, however often somebody confirms the category.
func toldService(ctx context.Context, tx *tx, d ingest.MailDraft, requestID int64) (bool, error) {
	if d.Kind != ingest.MailService {
		return false, nil
	}
	var n int
	err := tx.row(ctx, `SELECT count(*) FROM mails WHERE request_id = $1 AND kind = $2 AND recipient = $3 AND state <> 'withheld'`,
		requestID, string(d.Kind), strings.ToLower(d.To)).Scan(&n)
	return n > 0, err
}

// assign hands a new request to a service. The receipt says so already: no notice of its own
// is owed.
func (s *Store) assign(ctx context.Context, tx *tx, requestID int64, service string) error {
	if service == "" {
		return nil
	}
	old, err := statusOf(ctx, tx, requestID)
	if err != nil || old != ingest.StatusNew {
		return err
	}
	if err := s.setStatus(ctx, tx, requestID, ingest.StatusAssigned); err != nil {
		return err
	}
	return s.event(ctx, tx, eventAssigned, actorSystem, "", requestID, map[string]any{"service": service})
}

// acknowledgeOpening is acknowledge for the submission that opened a request, once a person
// has confirmed what it is about.
func (s *Store) acknowledgeOpening(ctx context.Context, tx *tx, requestID int64) error {
	var id string
	if err := tx.row(ctx, `SELECT id FROM submissions WHERE request_id = $1 AND link = 'opens'`, requestID).Scan(&id); err != nil {
		return err
	}
	return s.acknowledge(ctx, tx, id, requestID)
}

// DraftPaper notes that a request is acknowledged by a letter on paper, and returns it; where
// it was noted before, that one. The error wraps ingest.ErrNotFound when there is no such request.
func (s *Store) DraftPaper(ctx context.Context, reference string) (ingest.Mail, error) {
	var id string
	err := s.do(ctx, func(ctx context.Context, tx *tx) error {
		q, err := liveRequest(ctx, tx, reference)
		if err != nil {
			return err
		}
		var opening string
		if err := tx.row(ctx, `SELECT id FROM submissions WHERE request_id = $1 AND link = 'opens'`, q.id).Scan(&opening); err != nil {
			return err
		}
		// What was withheld by rule is printed all the same when a person wants it.
		if err := tx.exec(ctx, `UPDATE mails SET state = 'to_print', reason = '' WHERE submission_id = $1 AND kind = 'paper' AND state = 'withheld'`, opening); err != nil {
			return err
		}
		if err := s.draft(ctx, tx, ingest.MailDraft{Kind: ingest.MailPaper}, opening, q.id); err != nil {
			return err
		}
		if err := tx.row(ctx, `SELECT id FROM mails WHERE submission_id = $1 AND kind = 'paper'`, opening).Scan(&id); err != nil {
			return err
		}
		_, err = s.depart(ctx, tx, id, true)
		return err
	})
	if err != nil {
		return ingest.Mail{}, err
	}
	return s.Mail(ctx, id)
}
