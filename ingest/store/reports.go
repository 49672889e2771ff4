package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"saisine.fr/saisine/ingest"
)

// reportColumns are those of scanReport. Of a request that did not come by an app, whose sender
// did not write for everybody, no word is read.
const reportColumns = `SELECT q.reference, q.status, q.category, q.service, EXISTS (SELECT 1 FROM sealed_services z WHERE z.name = q.service),
	q.category_by <> '', q.opened_at, coalesce((SELECT max(e.at) FROM events e WHERE e.request_id = q.id AND e.kind IN ('request.status', 'request.reopened', 'request.replied')), 0),
	q.channel, coalesce(d.body, ''), coalesce(json_extract(d.detail, '$.place'), ''), json_extract(d.detail, '$.position'),
	coalesce(d.sender_name, ''), coalesce(d.sender_email, ''), coalesce(d.sender_phone, ''), coalesce(d.sender_address, '')
	FROM requests q LEFT JOIN submissions s ON s.request_id = q.id AND s.link = 'opens' AND s.channel = 'app' LEFT JOIN readings d ON d.submission_id = s.id `

func (s *Store) scanReport(row rowScanner) (ingest.Report, error) {
	var r ingest.Report
	var opened, updated int64
	var position sql.NullString
	if err := row.Scan(&r.Reference, &r.Status, &r.Category, &r.Service, &r.Sealed, &r.Confirmed, &opened, &updated,
		&r.Channel, &r.Text, &r.Place, &position, &r.Sender.Name, &r.Sender.Email, &r.Sender.Phone, &r.Sender.Address); err != nil {
		return r, err
	}
	r.OpenedAt, r.UpdatedAt = s.time(opened), s.time(updated)
	if position.Valid {
		if err := json.Unmarshal([]byte(position.String), &r.Position); err != nil {
			return r, fmt.Errorf("store: position of %s: %w", r.Reference, err)
		}
	}
	return r, nil
}

// Reports calls each for the requests that q wants, newest first, until each returns false.
// Requests that were merged are left out.
func (s *Store) Reports(ctx context.Context, q ingest.ReportQuery, each func(ingest.Report) bool) error {
	var b strings.Builder
	args := []any{micros(q.From), micros(q.To)}
	b.WriteString(reportColumns + `WHERE q.merged_into IS NULL AND q.eliminated_at = 0 AND q.opened_at >= $1 AND q.opened_at <= $2 AND q.category IN (`)
	for i, code := range q.Categories {
		if i > 0 {
			b.WriteString(", ")
		}
		args = append(args, code)
		b.WriteString("$" + strconv.Itoa(len(args)))
	}
	b.WriteString(")")
	switch {
	case q.Open && !q.Closed:
		b.WriteString(` AND q.status NOT IN ('answered', 'closed')`)
	case q.Closed && !q.Open:
		b.WriteString(` AND q.status IN ('answered', 'closed')`)
	}
	b.WriteString(` ORDER BY q.opened_at DESC, q.id DESC`)
	err := (reading{s.read}).rows(ctx, b.String(), args, func(row rowScanner) error {
		r, err := s.scanReport(row)
		if err == nil && !each(r) {
			return errEnough
		}
		return err
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// Report returns the request with this reference or, of one that was merged, the one that it
// went into. The error wraps ingest.ErrNotFound when there is none, or it was eliminated.
func (s *Store) Report(ctx context.Context, reference string) (ingest.Report, error) {
	q, err := liveRequest(ctx, reading{s.read}, reference)
	if err != nil {
		return ingest.Report{}, err
	}
	if err := stillThere(ctx, reading{s.read}, q.id); err != nil {
		return ingest.Report{}, fmt.Errorf("%w: request %q", ingest.ErrNotFound, reference)
	}
	return s.scanReport((reading{s.read}).row(ctx, reportColumns+`WHERE q.id = $1`, q.id))
}

// FiledIn says in which request a submission is, of one that was merged the one that it went
// into; "" while it is in none. digest is its ingest.Hints.Digest. The error wraps
// ingest.ErrNotFound when there is no such submission.
func (s *Store) FiledIn(ctx context.Context, id string) (reference, digest string, err error) {
	err = (reading{s.read}).row(ctx, `SELECT coalesce(w.reference, ''), coalesce(json_extract(s.hints, '$.digest'), '') FROM submissions s
		LEFT JOIN requests r ON r.id = s.request_id LEFT JOIN requests w ON w.id = coalesce(r.merged_into, r.id) WHERE s.id = $1`, id).Scan(&reference, &digest)
	if errors.Is(err, sql.ErrNoRows) {
		err = fmt.Errorf("%w: submission %s", ingest.ErrNotFound, id)
	}
	return reference, digest, err
}
