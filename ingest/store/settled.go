package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/message"
)

// eventCategorized is stored, so it never changes.
const eventCategorized = "request.categorized"

// Categorize sets category and service of a request (of one that was merged, of the one
// that it went into) to what a person has chosen, or confirmed. Whether there is such a
// category is for the caller to know. Choosing the same again changes nothing. The error
// wraps ingest.ErrNotFound when there is no such request, and ErrRefused without a category.
func (s *Store) Categorize(ctx context.Context, reference, category, service, actor string) error {
	return s.do(ctx, s.categorize(reference, category, service, actor))
}

func (s *Store) categorize(reference, category, service, actor string) work {
	return func(ctx context.Context, tx *tx) error {
		if category == "" || actor == "" {
			return refused("a category, and who chose it, must be given")
		}
		chosen := Choice{Category: category, Service: service, By: actor, Confidence: 1}
		reasons, err := json.Marshal([]string{"choisi par " + actor})
		if err != nil {
			return fmt.Errorf("store: reasons: %w", err)
		}
		q, err := liveRequest(ctx, tx, reference)
		if err != nil {
			return err
		}
		var old Choice
		var review int
		if err := tx.row(ctx, `SELECT category, service, category_by, confidence, needs_review FROM requests WHERE id = $1`, q.id).
			Scan(&old.Category, &old.Service, &old.By, &old.Confidence, &review); err != nil {
			return err
		}
		if old.NeedsReview = review != 0; old == chosen {
			return nil
		}
		if err := tx.exec(ctx, `UPDATE requests SET category = $1, service = $2, category_by = $3, confidence = 1, needs_review = 0, reasons = $4
			WHERE id = $5`, category, service, actor, string(reasons), q.id); err != nil {
			return err
		}
		if err := s.acknowledgeOpening(ctx, tx, q.id); err != nil {
			return err
		}
		if err := s.event(ctx, tx, eventCategorized, actor, "", q.id, map[string]any{"old": old, "new": chosen}); err != nil {
			return err
		}
		if err := s.unassignBlind(ctx, tx, q.id); err != nil {
			return err
		}
		all, err := pieces(ctx, tx, q.id)
		if err != nil {
			return err
		}
		return s.announceAll(ctx, tx, all, q.id) // the notes name category and service
	}
}

// Settled is a request whose category is settled, so that a classifier may learn from it.
type Settled struct {
	Reference string
	Channel   ingest.Channel // by which its opening came
	// Reading is the part of the opening's reading that says what it is about: the subject,
	// the matter (ingest.Reading.Matter) as Text, and of the attachments the texts. Each is
	// cut at about SettledText bytes, the attachments together.
	Reading  ingest.Reading
	Category string
	Service  string
	// ByPerson is set when a person chose or confirmed the category; otherwise the request
	// was answered or closed with it, without a review left to do.
	ByPerson bool
	OpenedAt time.Time
}

// SettledText is how many bytes of a text Settled gives: enough to learn from, and little
// enough for a page of long scans.
const SettledText = 8 << 10

// settledPage is how many requests are held at a time, of up to three texts each.
const settledPage = 100

// settledQuery leaves out the requests that were merged: nothing opens them. What was imported as
// answered or closed was not settled here, and a classifier would learn its own guesses.
const settledQuery = `SELECT q.id, q.reference, s.channel, d.subject, d.body, d.detail, q.category, q.service, q.category_by, q.opened_at
	FROM requests q JOIN submissions s ON s.request_id = q.id AND s.link = 'opens' JOIN readings d ON d.submission_id = s.id
	WHERE q.id < $1 AND q.category <> ''
	AND (q.category_by <> '' OR (q.status IN ('answered', 'closed') AND q.needs_review = 0 AND json_extract(s.hints, '$.imported_as') IS NULL)) ORDER BY q.id DESC LIMIT $2`

// Settled calls f for each request from which a classifier may learn, newest first, until
// f returns an error. It reads in pages and holds nothing while f runs; requests that
// settle meanwhile may or may not be among them.
func (s *Store) Settled(ctx context.Context, f func(Settled) error) error {
	before := int64(math.MaxInt64)
	for {
		var page []Settled
		err := each(func(row rowScanner) error {
			var q Settled
			var channel, subject, body, detail, by string
			var at int64
			if err := row.Scan(&before, &q.Reference, &channel, &subject, &body, &detail, &q.Category, &q.Service, &by, &at); err != nil {
				return err
			}
			var d struct {
				OwnText     string   `json:"own_text"`
				InReplyTo   []string `json:"in_reply_to"`
				Attachments []struct{ Text string }
			}
			if err := json.Unmarshal([]byte(detail), &d); err != nil {
				return fmt.Errorf("store: reading of the opening of %s: %w", q.Reference, err)
			}
			matter := ingest.Reading{Subject: subject, Text: body, OwnText: d.OwnText, InReplyTo: d.InReplyTo}.Matter()
			q.Reading = ingest.Reading{Subject: cutText(subject, SettledText), Text: cutText(matter, SettledText)}
			room := SettledText
			for _, a := range d.Attachments {
				if text := cutText(a.Text, room); text != "" {
					room -= len(text)
					q.Reading.Attachments = append(q.Reading.Attachments, ingest.Attachment{Text: text})
				}
			}
			q.Channel, q.ByPerson, q.OpenedAt = ingest.Channel(channel), by != "", s.time(at)
			page = append(page, q)
			return nil
		}, func() (*sql.Rows, error) { return s.read.QueryContext(ctx, settledQuery, before, settledPage) })
		if err != nil {
			return err
		}
		for _, q := range page {
			if err := f(q); err != nil {
				return err
			}
		}
		if len(page) < settledPage {
			return nil
		}
	}
}

// cutText is message.Cut in memory of its own: what is left over can be freed.
func cutText(text string, n int) string { return strings.Clone(message.Cut(text, n)) }
