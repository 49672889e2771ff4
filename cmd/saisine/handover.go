package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/crashpoint"
	"saisine.fr/saisine/ingest/deliver"
	"saisine.fr/saisine/ingest/deliver/handover"
)

// handovers brings requests into the town's other software.
type handovers struct {
	h          *house
	connectors map[string]handover.Connector // by name
	early      map[string]bool               // those that take files at creation only
	now        func() time.Time
}

// deliver is the deliver.Handler of hand-overs. One row stands for all that is to be brought to
// one connector of one request, so that no two do so at once.
func (d *handovers) deliver(ctx context.Context, item ingest.OutboxItem) error {
	h, err := d.h.store.Handover(ctx, item.ID)
	if err != nil {
		return err
	}
	c, ok := d.connectors[h.Connector]
	if !ok {
		// It may have been put in while this daemon ran, or be put back.
		return fmt.Errorf("no connector is called %s in the configuration with which the daemon was started", h.Connector)
	}
	at := d.now()
	err = d.bring(ctx, c, h)
	if err != nil && ctx.Err() == nil && !errors.Is(err, ingest.ErrNotYet) {
		try := ingest.Try{At: at, Took: d.now().Sub(at), Said: cutLine(inWords(err))}
		err = errors.Join(err, d.h.store.Tried(ctx, item.ID, try))
	}
	if err != nil {
		return err
	}
	return deliver.ErrEnded
}

// inWords is an error with what the other side said, which stands in the tries and is shown to
// people, and not in the log: it may quote a citizen.
func inWords(err error) string {
	return strings.Join(nonEmpty(err.Error(), handover.Detail(err)), ": ")
}

// createPause is how long after a try to make a case that was cut off another one waits: the other
// side may still be at it, and does not show what it has not ended.
const createPause = 30 * time.Second

// waitError says when to try again.
type waitError struct{ wait time.Duration }

func (e waitError) Error() string {
	return "a try that was cut off may still be under way at the other side"
}

// RetryAfter is for the queue.
func (e waitError) RetryAfter() time.Duration { return e.wait }

// errSealed ends a hand-over of what has come to a sealed service.
var errSealed = errors.New("the request belongs to a sealed service now, and this connector is not chosen for its category")

// bring makes the case where there is none yet, adds what the other side does not have, and ends
// the row.
func (d *handovers) bring(ctx context.Context, c handover.Connector, h ingest.Handover) error {
	if !ingest.MayLearn(partners{d.h.cfg, d.h.rules}, h.Category, h.Sealed, h.Connector) {
		return ingest.Permanent(errSealed)
	}
	// One that was merged away before it was there is brought with the other one, by that one's row.
	if h.RemoteID == "" && !h.Merged() {
		wait, err := d.h.store.BeginHandover(ctx, h.ID, createPause)
		switch {
		case err != nil:
			return err
		case wait > 0:
			return waitError{wait}
		}
		q, err := d.h.store.Request(ctx, h.Own)
		if err != nil {
			return err
		}
		about, err := d.caseOf(ctx, q)
		if err != nil {
			return err
		}
		about.Since = h.CreatedAt
		if now := d.now(); about.Since.After(now) {
			about.Since = now // by a clock that was ahead
		}
		remote, err := d.create(ctx, c, h.Connector, about, q)
		if err != nil {
			return errors.Join(fmt.Errorf("create: %w", err), d.answered(ctx, h.ID, err))
		}
		crashpoint.Hit("handover.created")
		h.TextOf = openingOf(q)
		if err := d.h.store.HandedOver(ctx, h.ID, remote.ID, remote.URL, h.TextOf); err != nil {
			return err
		}
		h.RemoteID = remote.ID
	}
	for {
		left, err := d.h.store.Unhanded(ctx, h.ID)
		if err != nil {
			return err
		}
		if err := d.addAll(ctx, c, h, left); err != nil {
			return err
		}
		done, err := d.h.store.EndHandover(ctx, h.ID)
		if err != nil || done {
			return err
		}
	}
}

// answered notes after a failure to make a case that nothing is under way any more at the other
// side: it has answered, or was not reached. A time-out and an end of ours say nothing of that.
func (d *handovers) answered(ctx context.Context, id string, err error) error {
	if !cutOff(ctx, err) {
		return d.h.store.HandoverAnswered(ctx, id)
	}
	return nil
}

// cutOff reports whether a call ended before its answer.
func cutOff(ctx context.Context, err error) bool {
	var timeout interface{ Timeout() bool }
	return ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout()
}

// create makes the case, with the files of the opening where the other side takes them at
// creation only.
func (d *handovers) create(ctx context.Context, c handover.Connector, name string, about handover.Case, q ingest.Request) (remote handover.Remote, err error) {
	opening := openingOf(q)
	if !d.early[name] || opening == "" {
		return c.Create(ctx, about)
	}
	rec, err := d.h.store.Submission(ctx, opening)
	if err != nil {
		return remote, err
	}
	err = d.h.withFiles(ctx, rec, func(files []handover.File) error {
		about.Files = files
		remote, err = c.Create(ctx, about)
		return err
	})
	return remote, err
}

// addAll adds submissions in their order. One that the other side will never take does not keep
// those behind it back.
func (d *handovers) addAll(ctx context.Context, c handover.Connector, h ingest.Handover, ids []string) error {
	var refused []error
	for _, id := range ids {
		err := d.add(ctx, c, h, id)
		if err == nil {
			continue
		}
		err = fmt.Errorf("attach %s: %w", id, err)
		if !ingest.IsPermanent(err) {
			return err // those that were refused are told of at the end
		}
		if serr := d.h.store.PieceRefused(ctx, h.ID, id); serr != nil {
			return serr
		}
		refused = append(refused, err)
	}
	return errors.Join(refused...)
}

func (d *handovers) add(ctx context.Context, c handover.Connector, h ingest.Handover, id string) error {
	rec, err := d.h.store.Submission(ctx, id)
	if err != nil {
		return err
	}
	if _, err := d.h.store.BeginHandover(ctx, h.ID, 0); err != nil {
		return err
	}
	err = d.withAddition(ctx, rec, h.TextOf, func(a handover.Addition) error { return c.Attach(ctx, h.RemoteID, a) })
	if err != nil {
		return err
	}
	crashpoint.Hit("handover.attached")
	return d.h.store.PieceHanded(ctx, h.ID, rec.ID)
}

// withAddition lends f what a submission brings to a case that was made with the text of textOf.
func (d *handovers) withAddition(ctx context.Context, rec ingest.Record, textOf string, f func(handover.Addition) error) error {
	a := handover.Addition{Key: rec.ID, ReceivedAt: rec.ReceivedAt.In(d.h.zone), Channel: rec.Channel}
	if rec.ID != textOf && rec.Reading != nil {
		a.Text = rec.Reading.Words()
	}
	return d.h.withFiles(ctx, rec, func(files []handover.File) error {
		a.Files = files
		return f(a)
	})
}

// caseOf is a request as it is handed over.
func (d *handovers) caseOf(ctx context.Context, q ingest.Request) (handover.Case, error) {
	c := handover.Case{
		Reference: q.Reference, Town: d.h.cfg.Town.Name, Subject: cmp.Or(oneLine(q.Subject, 200), d.h.categoryLabel(q.Category)), Text: q.Text,
		Category: q.Category, Label: d.h.categoryLabel(q.Category), Service: q.Service, Sender: q.Sender, Place: q.Place,
		ReceivedAt: q.OpenedAt.In(d.h.zone), URL: d.h.cfg.BaseURL() + "/agent/demandes/" + q.Reference,
	}
	for _, l := range q.Deadlines {
		if l.Who == "town" && l.DoneAt.IsZero() && !l.Due.IsZero() && (c.Due.IsZero() || l.Due.Before(c.Due)) {
			c.Due = l.Due.In(d.h.zone)
		}
	}
	opening := openingOf(q)
	if opening == "" {
		return c, nil
	}
	rec, err := d.h.store.Submission(ctx, opening)
	if err != nil {
		return c, err
	}
	c.Channel = rec.Channel
	if rec.Reading != nil {
		c.Position = rec.Reading.Position
	}
	return c, nil
}

// withFiles lends f the files of a submission: what was attached to it or, of a scan, the scan.
// They can be read while f runs.
func (h *house) withFiles(ctx context.Context, rec ingest.Record, f func([]handover.File) error) error {
	if err := rec.Verdict.MayLeave(ingest.UsePass); err != nil {
		// The request goes on without them: its words are no danger, and the desk has the files.
		h.log.LogAttrs(ctx, slog.LevelWarn, "files are not handed over", slog.String("id", rec.ID), slog.String("virus", string(rec.Verdict.State)))
		return f(nil)
	}
	switch rec.MediaType {
	case ingest.MediaPDF, ingest.MediaTIFF, ingest.MediaJPEG, ingest.MediaPNG:
		blob, err := h.store.Original(ctx, rec)
		if err != nil {
			return err
		}
		file := handover.File{Name: cmp.Or(rec.Hints.Filename, "courrier-"+rec.ID), Type: rec.MediaType, Size: rec.Size, SHA256: rec.SHA256, Open: blob.Open}
		return errors.Join(f([]handover.File{file}), blob.Close())
	case ingest.MediaCollation:
		return h.withCopy(ctx, rec, f)
	}
	blobs := map[int]*ingest.Blob{}
	defer func() {
		for _, b := range blobs {
			_ = b.Close()
		}
	}()
	attached, err := h.attachments(ctx, rec, nil, blobs)
	if err != nil {
		return err
	}
	var files []handover.File
	for i, a := range attached {
		if b := blobs[i]; b != nil {
			files = append(files, handover.File{Name: a.Name, Type: a.Type, Size: a.Size, SHA256: a.SHA256, Open: b.Open})
		}
	}
	return f(files)
}

// withCopy is withFiles for a letter of a stack, whose file is its searchable copy. That is made
// when nothing else is to be done, so it is waited for.
func (h *house) withCopy(ctx context.Context, rec ingest.Record, f func([]handover.File) error) error {
	c, err := h.store.Copy(ctx, rec.ID)
	switch {
	case errors.Is(err, ingest.ErrNotFound):
		waits, err := h.store.CopyWaits(ctx, rec.ID)
		switch {
		case err != nil:
			return err
		case waits:
			return fmt.Errorf("%w: the searchable copy of %s is not made yet", ingest.ErrNotYet, rec.ID)
		}
		return ingest.Permanent(fmt.Errorf("the letter %s is pages of a scanned stack and has no file of its own: bring it by hand", rec.ID))
	case err != nil:
		return err
	case c.SHA256 == "":
		return f(nil) // none can be made, and the reason stands with the submission
	}
	return f([]handover.File{{
		Name: "courrier-" + rec.ID + ".pdf", Type: ingest.MediaPDF, Size: c.Size, SHA256: c.SHA256,
		Open: func() (io.ReadCloser, error) { return h.store.OpenCopy(ctx, c.SHA256) },
	}})
}
