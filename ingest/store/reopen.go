package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"saisine.fr/saisine/ingest"
)

// reasonUnclassified stands where nothing was kept of a classification: the submission was
// filed by a version that kept none.
const reasonUnclassified = "aucun classement enregistré pour cette pièce"

// kept returns what was read from a submission when it was filed, and how it was
// classified.
func (s *Store) kept(ctx context.Context, tx *tx, id string) (ledgerRow, ingest.Filing, error) {
	var f ingest.Filing
	row, err := waiting(ctx, tx, id)
	if err != nil {
		return row, f, err
	}
	rec, err := s.scanRecord(tx.row(ctx, recordQuery+`WHERE s.id = $1`, id))
	if err != nil {
		return row, f, err
	}
	if rec.Reading == nil {
		return row, f, fmt.Errorf("store: nothing was read from %s", id)
	}
	f.Reading = *rec.Reading
	var text string
	if err := tx.row(ctx, `SELECT classification FROM readings WHERE submission_id = $1`, id).Scan(&text); err != nil {
		return row, f, err
	}
	f.Classification, err = decodeClassification(text)
	return row, f, err
}

func decodeClassification(text string) (ingest.Classification, error) {
	if text == "" {
		return ingest.Classification{NeedsReview: true, Reasons: []string{reasonUnclassified}}, nil
	}
	var c savedClassification
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return ingest.Classification{}, fmt.Errorf("store: classification: %w", err)
	}
	return ingest.Classification{
		Category: c.Category, Service: c.Service, Confidence: c.Confidence, NeedsReview: c.NeedsReview,
		Reasons: c.Reasons, Top: c.Top, Second: c.Second, Urgent: c.Urgent,
	}, nil
}

// openAgain makes a new request of a submission that was filed into another one.
func (s *Store) openAgain(ctx context.Context, tx *tx, id string) (requestKey, error) {
	row, f, err := s.kept(ctx, tx, id)
	if err != nil {
		return requestKey{}, err
	}
	var q requestKey
	q.id, q.reference, err = s.open(ctx, tx, row, f)
	return q, err
}

// reopen makes another submission the opening of its request, which says from then on what
// that one says. A category that a person chose stays, but for review: it was chosen for
// another text, and must not teach anything about this one. That of a sealed service stays
// too: what was sealed is not unsealed by the way.
func (s *Store) reopen(ctx context.Context, tx *tx, requestID int64, id string) error {
	row, f, err := s.kept(ctx, tx, id)
	if err != nil {
		return err
	}
	if err := setLink(ctx, tx, id, requestID, ingest.LinkOpens); err != nil {
		return err
	}
	r, c := f.Reading, f.Classification
	if err := tx.exec(ctx, `UPDATE requests SET subject = $1, body = $2, sender_name = $3, sender_email = $4, sender_phone = $5,
		sender_address = $6, place = $7, opened_at = $8, second_category = $9, channel = $10 WHERE id = $11`,
		r.Subject, r.Text, r.From.Name, r.From.Email, r.From.Phone, r.From.Address, r.Place, micros(row.receivedAt), c.Second, string(row.channel), requestID); err != nil {
		return err
	}
	n, err := tx.execN(ctx, `UPDATE requests SET category_by = '', needs_review = 1
		WHERE id = $1 AND (category_by <> '' OR service IN (SELECT name FROM sealed_services))`, requestID)
	if err != nil || n > 0 {
		return err
	}
	reasons, err := json.Marshal(nonNil(c.Reasons))
	if err != nil {
		return fmt.Errorf("store: reasons: %w", err)
	}
	return tx.exec(ctx, `UPDATE requests SET category = $1, service = $2, confidence = $3, needs_review = $4, reasons = $5 WHERE id = $6`,
		c.Category, c.Service, c.Confidence, boolInt(c.NeedsReview), string(reasons), requestID)
}

// refreshUrgent sets the words of danger of a request to those of all its submissions, so
// that no move hides one from the people who look at the request.
func (s *Store) refreshUrgent(ctx context.Context, tx *tx, requestID int64) error {
	found := []string{}
	err := tx.rows(ctx, `SELECT d.classification FROM submissions s JOIN readings d ON d.submission_id = s.id WHERE s.request_id = $1 ORDER BY s.seq`,
		[]any{requestID}, func(r rowScanner) error {
			var text string
			if err := r.Scan(&text); err != nil {
				return err
			}
			c, err := decodeClassification(text)
			for _, word := range c.Urgent {
				if !slices.Contains(found, word) {
					found = append(found, word)
				}
			}
			return err
		})
	if err != nil {
		return err
	}
	urgent, err := json.Marshal(found)
	if err != nil {
		return fmt.Errorf("store: urgency: %w", err)
	}
	return tx.exec(ctx, `UPDATE requests SET urgent = $1 WHERE id = $2`, string(urgent), requestID)
}

// addUrgent adds words of danger to those of a request.
func addUrgent(ctx context.Context, tx *tx, requestID int64, words []string) error {
	var text string
	if err := tx.row(ctx, `SELECT urgent FROM requests WHERE id = $1`, requestID).Scan(&text); err != nil {
		return err
	}
	var have []string
	if err := json.Unmarshal([]byte(text), &have); err != nil {
		return fmt.Errorf("store: urgency: %w", err)
	}
	for _, w := range words {
		if !slices.Contains(have, w) {
			have = append(have, w)
		}
	}
	urgent, err := json.Marshal(nonNil(have))
	if err != nil {
		return fmt.Errorf("store: urgency: %w", err)
	}
	return tx.exec(ctx, `UPDATE requests SET urgent = $1 WHERE id = $2`, string(urgent), requestID)
}
