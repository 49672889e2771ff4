package store

import (
	"context"
	"fmt"
	"strconv"
)

// verifyEliminations checks that nothing is left of what was eliminated, and that no list is half
// carried out or was changed after it was proposed.
func (s *Store) verifyEliminations(ctx context.Context, _ *VerifyReport, report func(Finding)) error {
	run := reading{s.read}
	lists, err := s.Eliminations(ctx)
	if err != nil {
		return err
	}
	for _, l := range lists {
		e, err := s.Elimination(ctx, l.Number)
		if err != nil {
			return err
		}
		subject := "list " + strconv.FormatInt(e.Number, 10)
		if e.hash() != e.SHA256 {
			report(Finding{FindingElimination, subject, "its lines are not those that were proposed"})
		}
		if e.State == ListApproved {
			left := len(e.Lines) - e.count(LineDone) - e.count(LineLeftOut)
			report(Finding{FindingElimination, subject, fmt.Sprintf("approved and not carried out to its end (%d lines are left); run saisine eliminate --approve %d again", left, e.Number)})
		}
	}
	const leftOf = " is left of what was eliminated"
	for _, c := range []struct{ detail, query string }{
		{"its text" + leftOf, `SELECT s.id FROM submissions s JOIN readings d ON d.submission_id = s.id WHERE s.eliminated_at <> 0`},
		{"where its words stand" + leftOf, `SELECT s.id FROM submissions s JOIN layouts d ON d.submission_id = s.id WHERE s.eliminated_at <> 0`},
		{"its searchable copy" + leftOf, `SELECT s.id FROM submissions s JOIN copies d ON d.submission_id = s.id WHERE s.eliminated_at <> 0`},
		{"what it is compared by" + leftOf, `SELECT s.id FROM submissions s JOIN match_docs d ON d.doc = s.seq WHERE s.eliminated_at <> 0`},
		{"its source's name" + leftOf, `SELECT s.id FROM submissions s WHERE s.eliminated_at <> 0 AND s.source_key NOT LIKE '` + goneKeyPrefix + `%'`},
		{"a word of the request" + leftOf, `SELECT q.reference FROM requests q WHERE q.eliminated_at <> 0
			AND (q.body <> '' OR q.sender_name <> '' OR q.sender_email <> '' OR q.sender_phone <> '' OR q.sender_address <> '' OR q.place <> '' OR q.reasons <> '[]')`},
		{"its history" + leftOf, `SELECT DISTINCT q.reference FROM requests q JOIN events e ON e.request_id = q.id WHERE q.eliminated_at <> 0 AND e.actor <> '-'`},
		{"a delivery" + leftOf, `SELECT DISTINCT q.reference FROM requests q JOIN outbox o ON o.request_id = q.id WHERE q.eliminated_at <> 0`},
		{"a mail" + leftOf, `SELECT m.id FROM requests q JOIN mails m ON m.request_id = q.id WHERE q.eliminated_at <> 0 AND m.eliminated_at = 0`},
		{"the original" + leftOf, `SELECT o.sha256 FROM originals o WHERE o.gone = 1 AND o.content IS NOT NULL`},
		{"the original is marked as gone, but a piece that stays has the same bytes", `SELECT DISTINCT o.sha256 FROM originals o JOIN submissions s ON s.sha256 = o.sha256
			WHERE o.gone = 1 AND s.eliminated_at = 0`},
		{"a piece was eliminated without its request, or a request without its pieces", `SELECT s.id FROM submissions s JOIN requests q ON q.id = s.request_id
			WHERE (s.eliminated_at <> 0) <> (q.eliminated_at <> 0)`},
	} {
		if err := run.rows(ctx, c.query, nil, func(row rowScanner) error {
			var subject string
			err := row.Scan(&subject)
			report(Finding{FindingElimination, subject, c.detail})
			return err
		}); err != nil {
			return err
		}
	}
	return s.verifyGoneFiles(ctx, report)
}

// verifyGoneFiles looks for files of originals that were eliminated.
func (s *Store) verifyGoneFiles(ctx context.Context, report func(Finding)) error {
	for after := ""; ; {
		sums, err := idList(ctx, reading{s.read}, `SELECT sha256 FROM originals WHERE gone = 1 AND sha256 > $1 ORDER BY sha256 LIMIT 500`, after)
		if err != nil || len(sums) == 0 {
			return err
		}
		for _, sum := range sums {
			after = sum
			there, err := s.files.there(ctx, sum)
			if err != nil {
				return err
			}
			if there {
				report(Finding{FindingElimination, sum, "the file of the original is left of what was eliminated"})
			}
		}
	}
}
