package store

import (
	"bytes"
	"compress/gzip"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/crashpoint"
	"saisine.fr/saisine/ocr"
)

// encodeLayouts packs where the words of pages stand, by page number; nil without any.
func encodeLayouts(pages []ingest.Page) ([]byte, error) {
	layouts := make(map[int]*ocr.Layout)
	for _, p := range pages {
		if p.Layout != nil {
			layouts[p.Number] = p.Layout
		}
	}
	if len(layouts) == 0 {
		return nil, nil
	}
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	if err := errors.Join(json.NewEncoder(z).Encode(layouts), z.Close()); err != nil {
		return nil, fmt.Errorf("store: layouts: %w", err)
	}
	return buf.Bytes(), nil
}

// Layouts returns where the words of a scan's recognised pages stand, by page number;
// none for a submission without such pages.
func (s *Store) Layouts(ctx context.Context, id string) (map[int]*ocr.Layout, error) {
	var data []byte
	err := s.read.QueryRowContext(ctx, `SELECT data FROM layouts WHERE submission_id = $1`, id).Scan(&data)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("store: layouts of %s: %w", id, err)
	}
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("store: layouts of %s: %w", id, err)
	}
	var layouts map[int]*ocr.Layout
	if err := json.NewDecoder(z).Decode(&layouts); err != nil {
		return nil, fmt.Errorf("store: layouts of %s: %w", id, err)
	}
	return layouts, nil
}

// SaveCopy keeps the searchable copy of a submission. It takes the file of b over. With
// b nil it records that none can be made, and c.Reason why. A copy made again replaces
// the earlier one.
func (s *Store) SaveCopy(ctx context.Context, id string, c ingest.Copy, b *ingest.Blob) error {
	if b != nil {
		if err := s.copies.put(ctx, b); err != nil {
			return unavailable(err)
		}
		c.SHA256, c.Size, c.Reason = b.SHA256(), b.Size(), ""
		crashpoint.Hit("copy.stored")
	}
	var before string
	err := s.do(ctx, func(ctx context.Context, tx *tx) error {
		before = ""
		row, err := waiting(ctx, tx, id)
		if err != nil {
			return err
		}
		if row.gone {
			return fmt.Errorf("%w: submission %s", ingest.ErrEliminated, id)
		}
		if err := tx.row(ctx, `SELECT sha256 FROM copies WHERE submission_id = $1`, id).Scan(&before); err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		return tx.exec(ctx, `INSERT INTO copies (submission_id, sha256, size, pages, pdfa, reason, made_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7)
			ON CONFLICT (submission_id) DO UPDATE SET sha256 = excluded.sha256, size = excluded.size, pages = excluded.pages,
			pdfa = excluded.pdfa, reason = excluded.reason, made_at = excluded.made_at`,
			id, c.SHA256, c.Size, c.Pages, boolInt(c.PDFA), c.Reason, micros(s.opts.Now()))
	})
	if err != nil || before == "" || before == c.SHA256 {
		return err
	}
	return s.dropCopy(ctx, before)
}

// dropCopy removes the file of a copy that no row names.
func (s *Store) dropCopy(ctx context.Context, sum string) error {
	var n int
	if err := s.read.QueryRowContext(ctx, `SELECT count(*) FROM copies WHERE sha256 = $1`, sum).Scan(&n); err != nil || n > 0 {
		return err
	}
	return s.copies.remove(ctx, sum)
}

// ClearCopies removes the copies without a row that killed processes left: a copy that
// is made again has other bytes.
func (s *Store) ClearCopies(ctx context.Context) error {
	return s.copies.list(ctx, func(sum string, written time.Time) error {
		if s.opts.Now().Sub(written) < spoolAge {
			return nil // its maker may be about to write its row
		}
		return s.dropCopy(ctx, sum)
	})
}

// CopyWaits reports whether the searchable copy of a submission is still to be made.
func (s *Store) CopyWaits(ctx context.Context, submission string) (bool, error) {
	var n int
	err := (reading{s.read}).row(ctx, `SELECT count(*) FROM outbox WHERE state = 'pending' AND kind = 'scan.copy' AND submission_id = $1`, submission).Scan(&n)
	return n > 0, unavailable(err)
}

// Copy returns what is known of the searchable copy of a submission; ErrNotFound when
// none was made yet.
func (s *Store) Copy(ctx context.Context, id string) (ingest.Copy, error) {
	var c ingest.Copy
	var pdfa int
	var at int64
	err := s.read.QueryRowContext(ctx, `SELECT sha256, size, pages, pdfa, reason, made_at FROM copies WHERE submission_id = $1`, id).
		Scan(&c.SHA256, &c.Size, &c.Pages, &pdfa, &c.Reason, &at)
	if errors.Is(err, sql.ErrNoRows) {
		return c, fmt.Errorf("%w: searchable copy of %s", ingest.ErrNotFound, id)
	}
	c.PDFA, c.MadeAt = pdfa != 0, s.time(at)
	return c, err
}

// OpenCopy opens the searchable copy of that hash.
func (s *Store) OpenCopy(ctx context.Context, sha256 string) (io.ReadCloser, error) {
	if !isSum(sha256) {
		return nil, fmt.Errorf("%w: copy %q", ingest.ErrNotFound, sha256)
	}
	b, err := s.copies.get(ctx, sha256)
	if err != nil {
		return nil, err
	}
	return openBlob(b)
}
