package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ocr"
)

// makeCopy makes the searchable copy of a submission's pages. It may run again: the copy
// is made anew and takes the place of the earlier one.
func (h *house) makeCopy(ctx context.Context, item ingest.OutboxItem) (err error) {
	rec, err := h.store.Submission(ctx, item.Submission)
	if errors.Is(err, ingest.ErrNotFound) {
		return ingest.Permanent(err)
	}
	if err != nil {
		return err
	}
	if err := rec.Verdict.MayLeave(ingest.UseShow); err != nil {
		return h.store.SaveCopy(ctx, rec.ID, ingest.Copy{Reason: err.Error()}, nil)
	}
	work, err := os.MkdirTemp(h.store.Spool().Dir, "copy-*")
	if err != nil {
		return fmt.Errorf("searchable copy: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	pages, err := h.copyPages(ctx, rec, work)
	if err != nil {
		return err
	}
	dst := filepath.Join(work, "copy.pdf")
	res, err := h.ocr.Copy(ctx, pages, dst)
	if errors.Is(err, ocr.ErrNoCopy) {
		h.log.LogAttrs(ctx, slog.LevelInfo, "no searchable copy can be made", slog.String("id", rec.ID), slog.Any("err", err))
		return h.store.SaveCopy(ctx, rec.ID, ingest.Copy{Reason: err.Error()}, nil)
	}
	if err != nil {
		return fmt.Errorf("searchable copy of %s: %w", rec.ID, err)
	}
	blob, err := ingest.TakeOver(dst) // within work, which is removed in any case
	if err != nil {
		return fmt.Errorf("searchable copy: %w", err)
	}
	return h.store.SaveCopy(ctx, rec.ID, ingest.Copy{Pages: res.Pages, PDFA: res.PDFA}, blob)
}

// copyPages names the pages of a submission for the copy. Originals are
// written into work, or linked when they are files.
func (h *house) copyPages(ctx context.Context, rec ingest.Record, work string) ([]ocr.CopyPage, error) {
	refs, err := h.pageRefs(ctx, rec)
	if err != nil {
		return nil, err
	}
	scans := make(map[string]copySource)
	pages := make([]ocr.CopyPage, len(refs))
	for i, ref := range refs {
		scan, ok := scans[ref.Scan]
		if !ok {
			if scan, err = h.copySource(ctx, ref.Scan, work); err != nil {
				return nil, err
			}
			scans[ref.Scan] = scan
		}
		pages[i] = ocr.CopyPage{Path: scan.path, Number: ref.Page, Rotation: scan.rotation[ref.Page], Layout: scan.layouts[ref.Page]}
	}
	return pages, nil
}

func (h *house) pageRefs(ctx context.Context, rec ingest.Record) ([]ingest.PageRef, error) {
	if rec.MediaType != ingest.MediaCollation {
		if rec.Reading == nil {
			return nil, ingest.Permanent(fmt.Errorf("searchable copy: %s has no reading", rec.ID))
		}
		return ingest.ScanPages(rec, *rec.Reading), nil
	}
	blob, err := h.store.Original(ctx, rec)
	if err != nil {
		return nil, err
	}
	c, err := ingest.ReadCollation(blob)
	return c.Pages, errors.Join(err, blob.Close())
}

// copySource is a scan from which pages are taken.
type copySource struct {
	path     string
	rotation map[int]int
	layouts  map[int]*ocr.Layout
}

func (h *house) copySource(ctx context.Context, id, work string) (copySource, error) {
	rec, err := h.store.Submission(ctx, id)
	if err != nil {
		return copySource{}, err
	}
	s := copySource{rotation: make(map[int]int)}
	if s.layouts, err = h.store.Layouts(ctx, id); err != nil {
		return s, err
	}
	if rec.Reading != nil {
		for _, p := range rec.Reading.Pages {
			s.rotation[p.Number] = p.Rotation
		}
	}
	blob, err := h.store.Original(ctx, rec)
	if err != nil {
		return s, err
	}
	s.path = filepath.Join(work, rec.SHA256)
	if blob.Path() == "" {
		err = os.WriteFile(s.path, blob.Bytes(), 0o600)
	} else {
		err = os.Link(blob.Path(), s.path) // the blob's own name goes with it
	}
	return s, errors.Join(err, blob.Close())
}
