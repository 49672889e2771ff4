package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"saisine.fr/saisine/channels/desk"
	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/message"
)

// deskFiles is desk.Files.
type deskFiles struct {
	h        *house
	pictures *pictures
}

var _ desk.Files = deskFiles{}

func (h *house) files() deskFiles { return deskFiles{h, newPictures()} }

// lend returns a submission whose bytes the viewer may have for this use.
func (d deskFiles) lend(ctx context.Context, v ingest.Viewer, id string, use ingest.Use) (ingest.Record, error) {
	rec, err := d.h.store.SubmissionFor(ctx, v, id)
	if err == nil {
		err = rec.Verdict.MayLeave(use)
	}
	return rec, err
}

// Original implements desk.Files. The original of a letter of a stack is a list of pages,
// which is of no use to anybody: its searchable copy is the letter.
func (d deskFiles) Original(ctx context.Context, v ingest.Viewer, id string) (desk.File, error) {
	rec, err := d.lend(ctx, v, id, ingest.UseDownload)
	if err != nil {
		return desk.File{}, err
	}
	if rec.MediaType == ingest.MediaCollation {
		f, err := d.copy(ctx, rec)
		if errors.Is(err, ingest.ErrNotFound) {
			err = ingest.Refused("this letter is pages of a scanned stack, and has no file of its own yet")
		}
		return f, err
	}
	made, err := d.h.store.Made(ctx, id)
	if err != nil {
		return desk.File{}, err
	}
	blob, err := d.h.store.Original(ctx, rec)
	if err != nil {
		return desk.File{}, err
	}
	f, err := fileOf(blob)
	f.Name, f.Type, f.Request = rec.Hints.Filename, rec.MediaType, rec.Request
	for _, m := range made {
		f.Holds = append(f.Holds, m.ID)
	}
	return f, err
}

// fileOf opens a blob, which it closes: what it holds can be read as long as the file is open.
func fileOf(b *ingest.Blob) (f desk.File, err error) {
	defer func() { err = errors.Join(err, b.Close()) }()
	f.Size = b.Size()
	if raw := b.Bytes(); raw != nil {
		f.Body = memory{bytes.NewReader(raw)}
		return f, nil
	}
	f.Body, err = b.Open() // a file: any part of it can be read
	return f, err
}

// memory is bytes as a file.
type memory struct{ *bytes.Reader }

func (memory) Close() error { return nil }

// Attachment implements desk.Files. The original is read anew, as it was when it came in, and
// only the one file is kept.
func (d deskFiles) Attachment(ctx context.Context, v ingest.Viewer, id string, n int) (desk.File, error) {
	rec, err := d.lend(ctx, v, id, ingest.UseDownload)
	if err != nil {
		return desk.File{}, err
	}
	blobs := map[int]*ingest.Blob{}
	attached, err := d.h.attachments(ctx, rec, func(i int) bool { return i == n }, blobs)
	if err != nil {
		return desk.File{}, err
	}
	blob := blobs[n]
	if blob == nil || n >= len(attached) {
		return desk.File{}, fmt.Errorf("%w: attachment %d of %s", ingest.ErrNotFound, n, id)
	}
	f, err := fileOf(blob)
	f.Name, f.Request = attached[n].Name, rec.Request
	return f, err
}

// attachments reads an original anew, as it was read when it came in, and puts the files that
// are wanted (nil: all) into blobs, by their number, which the caller closes. On an error
// blobs is empty.
func (h *house) attachments(ctx context.Context, rec ingest.Record, wanted func(n int) bool, blobs map[int]*ingest.Blob) (attached []message.Attachment, err error) {
	writers := map[int]*ingest.BlobWriter{}
	o := h.messageOptions()
	o.Limits.File = o.Limits.Size // whatever was read of it, all of it can be had
	o.Attachment = func(a message.AttachmentInfo) io.Writer {
		if wanted != nil && !wanted(a.Index) {
			return nil
		}
		writers[a.Index] = h.store.Spool().Writer()
		return writers[a.Index]
	}
	err = h.withOriginal(ctx, rec, func(r io.Reader) error {
		var err error
		attached, err = ingest.Attached(r, rec.MediaType, o)
		return err
	})
	for n, w := range writers {
		if err != nil {
			w.Abort()
			continue
		}
		if blobs[n], err = w.Blob(); err != nil {
			delete(blobs, n)
		}
	}
	if err != nil {
		for n, b := range blobs {
			err = errors.Join(err, b.Close())
			delete(blobs, n)
		}
	}
	return attached, err
}

// messageOptions are those by which the mail was read (ingest.DocumentReader), so that its
// attachments have the same numbers.
func (h *house) messageOptions() message.Options {
	l := h.cfg.Limits
	return message.Options{Limits: message.Limits{Size: int64(l.Message), File: int64(l.File), Depth: l.Depth, Parts: l.Parts}}
}

// Copy implements desk.Files.
func (d deskFiles) Copy(ctx context.Context, v ingest.Viewer, id string) (desk.File, error) {
	rec, err := d.lend(ctx, v, id, ingest.UseDownload)
	if err != nil {
		return desk.File{}, err
	}
	return d.copy(ctx, rec)
}

func (d deskFiles) copy(ctx context.Context, rec ingest.Record) (desk.File, error) {
	c, err := d.h.store.Copy(ctx, rec.ID)
	if err != nil {
		return desk.File{}, err
	}
	if c.SHA256 == "" {
		return desk.File{}, ingest.Refused("no searchable copy could be made: %s", c.Reason)
	}
	body, err := d.h.store.OpenCopy(ctx, c.SHA256)
	if errors.Is(err, os.ErrNotExist) { // it was made anew in this moment
		err = fmt.Errorf("%w: %w", ingest.ErrUnavailable, err)
	}
	return desk.File{Name: rec.Hints.Filename, Type: ingest.MediaPDF, Size: c.Size, Body: body, Request: rec.Request}, err
}

// Mail implements desk.Files.
func (d deskFiles) Mail(ctx context.Context, v ingest.Viewer, id string) (desk.File, error) {
	m, err := d.h.store.VisibleMail(ctx, v, id)
	if err != nil {
		return desk.File{}, err
	}
	raw, err := d.h.store.MailContent(ctx, id)
	if err != nil {
		return desk.File{}, err
	}
	if raw == nil {
		return desk.File{}, ingest.Refused("this mail is not written yet")
	}
	f := desk.File{Type: ingest.MediaMail, Size: int64(len(raw)), Body: memory{bytes.NewReader(raw)}, Request: m.Request}
	if bytes.HasPrefix(raw, []byte("%PDF-")) {
		f.Type = ingest.MediaPDF
	}
	return f, nil
}

// HTML implements desk.Files.
func (d deskFiles) HTML(ctx context.Context, v ingest.Viewer, id string) (desk.MailHTML, error) {
	rec, err := d.lend(ctx, v, id, ingest.UseShow)
	if err != nil {
		return desk.MailHTML{}, err
	}
	var page message.Page
	if rec.MediaType == ingest.MediaMail {
		err = d.h.withOriginal(ctx, rec, func(r io.Reader) error {
			page = message.ReadPage(r, d.h.messageOptions(), message.PageLimits{})
			return page.Err
		})
	}
	if err == nil && page.HTML == "" {
		err = fmt.Errorf("%w: HTML of %s", ingest.ErrNotFound, id)
	}
	return desk.MailHTML{HTML: page.HTML, Images: page.Images, Cut: page.Cut}, err
}
