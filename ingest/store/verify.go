package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"saisine.fr/saisine/ingest"
)

// Finding is one promise that the store breaks.
type Finding struct {
	// Code names the promise, stable for scripts.
	Code string
	// Subject is the submission, request or file concerned.
	Subject string
	Detail  string
}

// Codes of findings.
const (
	FindingDatabase        = "database_damaged"
	FindingOriginalMissing = "original_missing"
	FindingOriginalChanged = "original_changed"
	FindingNoOpening       = "request_without_opening"
	FindingNoReading       = "filed_without_reading"
	FindingOrphanRow       = "row_without_original"
	FindingNothingMade     = "divided_without_letters"
	FindingCollation       = "letter_without_pages"
	FindingCopy            = "copy_damaged"
	FindingMerged          = "merged_request_astray"
	FindingAnswers         = "answer_to_nothing"
	FindingHandover        = "handover_incomplete"
	FindingElimination     = "elimination_half_done"
)

// VerifyReport sums up a verification.
type VerifyReport struct {
	Submissions map[ingest.State]int64
	Requests    int64 // those that were merged into another one not counted
	Originals   int64
	Bytes       int64
	// Journal counts the lines of the journal of mails.
	Journal int64
	// Unreferenced counts files (or objects of the bucket) under originals and copies that no row names: what a
	// crash between file and row leaves. Their source still has them; no promise is
	// broken.
	Unreferenced int64
	Findings     int
}

// Verify reads the whole store again and calls found for each broken promise: every
// original hashes to its ledger row, every filed submission has its reading and
// request, every request has exactly one opening submission or was merged into another one, every page of a scan that
// was divided is in one of its letters and every letter has its pages, every searchable
// copy is whole, the registers of mail have every number, what other software has taken over it has whole, nothing is left of what was eliminated, and the database file itself is sound. progress, when not nil, is called after each original.
func (s *Store) Verify(ctx context.Context, found func(Finding), progress func()) (VerifyReport, error) {
	var rep VerifyReport
	report := func(f Finding) { rep.Findings++; found(f) }
	steps := []func(context.Context, *VerifyReport, func(Finding)) error{
		s.verifyDatabase,
		func(ctx context.Context, rep *VerifyReport, report func(Finding)) error {
			return s.verifyOriginals(ctx, rep, report, progress)
		},
		s.verifyLinks,
		s.verifyDivided,
		s.verifyCollations,
		s.verifyCopies,
		s.verifyJournal,
		s.verifyRegister,
		s.verifyHandovers,
		s.verifyEliminations,
		s.verifyFiles,
	}
	for _, step := range steps {
		if err := step(ctx, &rep, report); err != nil {
			return rep, fmt.Errorf("verify: %w", err)
		}
	}
	counts, err := s.Counts(ctx)
	if err != nil {
		return rep, fmt.Errorf("verify: %w", err)
	}
	rep.Submissions = counts
	err = s.read.QueryRowContext(ctx, `SELECT count(*) FROM requests WHERE merged_into IS NULL`).Scan(&rep.Requests)
	if err != nil {
		return rep, fmt.Errorf("verify: %w", err)
	}
	return rep, nil
}

func (s *Store) verifyDatabase(ctx context.Context, _ *VerifyReport, report func(Finding)) error {
	return s.inSnapshot(ctx, func(run snapshot) error { return s.engine.check(ctx, run, report) })
}

// verifyOriginals walks the originals in pages by hash, so that a store of any size
// is read with little memory and without one long read transaction, which would keep
// SQLite from shortening its log.
func (s *Store) verifyOriginals(ctx context.Context, rep *VerifyReport, report func(Finding), progress func()) error {
	after := ""
	for {
		var sums []string
		err := each(func(row rowScanner) error {
			var sum string
			err := row.Scan(&sum)
			sums = append(sums, sum)
			return err
		}, func() (*sql.Rows, error) {
			return s.read.QueryContext(ctx, `SELECT sha256 FROM originals WHERE sha256 > $1 AND gone = 0 ORDER BY sha256 LIMIT 500`, after)
		})
		if err != nil {
			return err
		}
		if len(sums) == 0 {
			return nil
		}
		for _, sum := range sums {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := s.verifyOriginal(ctx, sum, rep, report); err != nil {
				return err
			}
			if progress != nil {
				progress()
			}
		}
		after = sums[len(sums)-1]
	}
}

func (s *Store) verifyOriginal(ctx context.Context, sum string, rep *VerifyReport, report func(Finding)) error {
	rep.Originals++
	blob, err := s.Original(ctx, ingest.Record{SHA256: sum})
	switch {
	case errors.Is(err, ingest.ErrUnavailable):
		return err // nothing is known of any
	case errors.Is(err, ErrDamaged):
		report(Finding{FindingOriginalChanged, sum, err.Error()})
		return nil
	case err != nil:
		report(Finding{FindingOriginalMissing, sum, err.Error()})
		return nil //nolint:nilerr // a finding
	}
	size, got, err := hashOriginal(blob)
	rep.Bytes += size
	switch {
	case err != nil:
		report(Finding{FindingOriginalMissing, sum, err.Error()})
	case got != sum:
		report(Finding{FindingOriginalChanged, sum, "the bytes hash to " + got})
	}
	return nil
}

func (s *Store) verifyLinks(ctx context.Context, _ *VerifyReport, report func(Finding)) error {
	checks := []struct{ code, detail, query string }{
		{
			FindingNoOpening, "not exactly one submission opens this request",
			`SELECT q.reference FROM requests q WHERE q.merged_into IS NULL
			AND (SELECT count(*) FROM submissions s WHERE s.request_id = q.id AND s.link = 'opens') <> 1`,
		},
		{
			FindingMerged, "merged into another request, but submissions are in it",
			`SELECT q.reference FROM requests q WHERE q.merged_into IS NOT NULL AND EXISTS (SELECT 1 FROM submissions s WHERE s.request_id = q.id)`,
		},
		{
			FindingMerged, "merged into a request that was merged itself: its reference leads nowhere",
			`SELECT q.reference FROM requests q JOIN requests i ON i.id = q.merged_into WHERE i.merged_into IS NOT NULL`,
		},
		{
			FindingMerged, "merged, but into another request than the one in which its opening lies",
			`SELECT m.reference FROM requests m JOIN (` + endedQuery + `IS NOT NULL) AS e ON e.id = m.id
			JOIN submissions s ON s.id = e.submission_id WHERE s.request_id IS NULL OR s.request_id <> m.merged_into`,
		},
		{
			FindingAnswers, "answers a submission that is not in the ledger",
			`SELECT s.id FROM submissions s LEFT JOIN submissions a ON a.id = s.answers WHERE s.answers IS NOT NULL AND a.id IS NULL`,
		},
		{
			FindingNoReading, "filed, but nothing was read from it",
			`SELECT s.id FROM submissions s LEFT JOIN readings d ON d.submission_id = s.id WHERE s.state = 'filed' AND s.eliminated_at = 0 AND d.submission_id IS NULL`,
		},
		{
			FindingNothingMade, "set aside for what was made of it, but nothing was",
			`SELECT s.id FROM submissions s WHERE s.state = 'set_aside' AND s.reason LIKE '` + ingest.ReasonJoined + `:%'
			AND NOT EXISTS (SELECT 1 FROM descent d WHERE d.parent_id = s.id)`,
		},
		{
			FindingOrphanRow, "its original is missing, or of another size",
			`SELECT s.id FROM submissions s LEFT JOIN originals o ON o.sha256 = s.sha256 WHERE o.sha256 IS NULL OR o.size <> s.size`,
		},
	}
	for _, c := range checks {
		err := each(func(row rowScanner) error {
			var subject string
			if err := row.Scan(&subject); err != nil {
				return err
			}
			report(Finding{c.code, subject, c.detail})
			return nil
		}, func() (*sql.Rows, error) { return s.read.QueryContext(ctx, c.query) })
		if err != nil {
			return err
		}
	}
	return nil
}

// verifyCollations checks that the pages of each submission that was made of others are
// those of originals in the ledger.
func (s *Store) verifyCollations(ctx context.Context, _ *VerifyReport, report func(Finding)) error {
	after := int64(0)
	for {
		var page []ingest.Record
		err := each(func(row rowScanner) error {
			var rec ingest.Record
			err := row.Scan(&rec.Seq, &rec.ID, &rec.SHA256)
			page = append(page, rec)
			return err
		}, func() (*sql.Rows, error) {
			return s.read.QueryContext(ctx, `SELECT seq, id, sha256 FROM submissions WHERE media_type = $1 AND seq > $2 ORDER BY seq LIMIT 500`,
				ingest.MediaCollation, after)
		})
		if err != nil || len(page) == 0 {
			return err
		}
		for _, rec := range page {
			after = rec.Seq
			if detail, err := s.collationFault(ctx, rec); err != nil {
				return err
			} else if detail != "" {
				report(Finding{FindingCollation, rec.ID, detail})
			}
		}
	}
}

// verifyDivided checks that every page of a scan that was divided is in one of its
// letters, its separator sheets aside.
func (s *Store) verifyDivided(ctx context.Context, _ *VerifyReport, report func(Finding)) error {
	return s.Submissions(ctx, ingest.StateSetAside, func(rec ingest.Record) error {
		if rec.Reading == nil || !strings.HasPrefix(rec.Reason, ingest.ReasonSplit+":") {
			return nil
		}
		want := 0
		letters, _ := rec.Reading.Letters()
		for _, l := range letters {
			want += l.Last - l.First + 1
		}
		var sums []string
		err := each(func(row rowScanner) error {
			var sum string
			err := row.Scan(&sum)
			sums = append(sums, sum)
			return err
		}, func() (*sql.Rows, error) {
			return s.read.QueryContext(ctx, `SELECT s.sha256 FROM submissions s JOIN descent d ON d.child_id = s.id WHERE d.parent_id = $1`, rec.ID)
		})
		if err != nil {
			return err
		}
		have := 0
		for _, sum := range sums {
			blob, err := s.Original(ctx, ingest.Record{SHA256: sum})
			if err != nil {
				return nil //nolint:nilerr // reported by verifyOriginals
			}
			c, err := ingest.ReadCollation(blob)
			if err := blob.Close(); err != nil {
				return err
			}
			if err == nil {
				have += len(c.Pages)
			}
		}
		if have != want {
			report(Finding{FindingNothingMade, rec.ID, fmt.Sprintf("%d pages belong to letters, and %d are in one", want, have)})
		}
		return nil
	})
}

// collationFault says what is wrong with the pages of a collation, or "".
func (s *Store) collationFault(ctx context.Context, rec ingest.Record) (string, error) {
	blob, err := s.Original(ctx, rec)
	if err != nil {
		return "", nil //nolint:nilerr // reported by verifyOriginals
	}
	c, err := ingest.ReadCollation(blob)
	if err := blob.Close(); err != nil {
		return "", err
	}
	if err != nil {
		return err.Error(), nil //nolint:nilerr // a finding
	}
	sums := make(map[string]string)
	for _, id := range c.Scans() {
		var sum string
		err := s.read.QueryRowContext(ctx, `SELECT sha256 FROM submissions WHERE id = $1`, id).Scan(&sum)
		if errors.Is(err, sql.ErrNoRows) {
			return "the ledger has no scan " + id, nil
		}
		if err != nil {
			return "", err
		}
		sums[id] = sum
	}
	for _, p := range c.Pages {
		if sums[p.Scan] != p.SHA256 {
			return "the original of " + p.Scan + " is not the one that its pages were taken from", nil
		}
	}
	return "", nil
}

// verifyCopies reads the searchable copies again.
func (s *Store) verifyCopies(ctx context.Context, _ *VerifyReport, report func(Finding)) error {
	after := ""
	for {
		var sum, id string
		err := s.read.QueryRowContext(ctx, `SELECT sha256, submission_id FROM copies WHERE sha256 > $1 AND sha256 <> '' ORDER BY sha256 LIMIT 1`, after).Scan(&sum, &id)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		after = sum
		f, err := s.OpenCopy(ctx, sum)
		if errors.Is(err, ingest.ErrUnavailable) {
			return err
		}
		if err != nil {
			report(Finding{FindingCopy, id, err.Error()})
			continue
		}
		switch _, got, err := hashOf(f); {
		case err != nil:
			report(Finding{FindingCopy, id, err.Error()})
		case got != sum:
			report(Finding{FindingCopy, id, "the bytes hash to " + got})
		}
	}
}

func (s *Store) verifyFiles(ctx context.Context, rep *VerifyReport, _ func(Finding)) error {
	for _, f := range []struct {
		kept  objects
		query string
	}{
		{s.files, `SELECT count(*) FROM originals WHERE sha256 = $1 AND content IS NULL AND gone = 0`},
		{s.copies, `SELECT count(*) FROM copies WHERE sha256 = $1`},
	} {
		err := f.kept.list(ctx, func(sum string, _ time.Time) error {
			var n int
			if err := s.read.QueryRowContext(ctx, f.query, sum).Scan(&n); err != nil {
				return err
			}
			if n == 0 {
				rep.Unreferenced++
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// KnownHash reports whether the ledger has a submission of that channel and account
// with these bytes.
func (s *Store) KnownHash(ctx context.Context, channel ingest.Channel, account, sha256 string) (bool, error) {
	var n int
	err := s.read.QueryRowContext(ctx, `SELECT count(*) FROM submissions WHERE sha256 = $1 AND channel = $2 AND account = $3`, sha256, string(channel), account).Scan(&n)
	return n > 0, unavailable(err)
}
