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
	"os"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/crashpoint"
	"saisine.fr/saisine/ocr"
)

// saveLayouts keeps where the words of a reading's pages stand, by page number.
func (s *Store) saveLayouts(ctx context.Context, tx *tx, id string, pages []ingest.Page) error {
	layouts := make(map[int]*ocr.Layout)
	for _, p := range pages {
		if p.Layout != nil {
			layouts[p.Number] = p.Layout
		}
	}
	if len(layouts) == 0 {
		return nil
	}
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	if err := errors.Join(json.NewEncoder(z).Encode(layouts), z.Close()); err != nil {
		return fmt.Errorf("store: layouts: %w", err)
	}
	return tx.exec(ctx, `INSERT INTO layouts (submission_id, data) VALUES ($1, $2)
		ON CONFLICT (submission_id) DO UPDATE SET data = excluded.data`, id, buf.Bytes())
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
		if err := s.copies.put(b); err != nil {
			return unavailable(err)
		}
		c.SHA256, c.Size, c.Reason = b.SHA256(), b.Size(), ""
		crashpoint.Hit("copy.stored")
	}
	return s.do(ctx, func(ctx context.Context, tx *tx) error {
		return tx.exec(ctx, `INSERT INTO copies (submission_id, sha256, size, pages, pdfa, reason, made_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7)
			ON CONFLICT (submission_id) DO UPDATE SET sha256 = excluded.sha256, size = excluded.size, pages = excluded.pages,
			pdfa = excluded.pdfa, reason = excluded.reason, made_at = excluded.made_at`,
			id, c.SHA256, c.Size, c.Pages, boolInt(c.PDFA), c.Reason, micros(s.opts.Now()))
	})
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
func (s *Store) OpenCopy(sha256 string) (io.ReadCloser, error) {
	if len(sha256) != 64 {
		return nil, fmt.Errorf("%w: copy %q", ingest.ErrNotFound, sha256)
	}
	f, err := os.Open(s.copies.path(sha256))
	if err != nil {
		return nil, fmt.Errorf("store: open copy: %w", err)
	}
	return f, nil
}
