package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"saisine.fr/saisine/channels/scanfolder"
	"saisine.fr/saisine/channels/webform"
	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/store"
	"saisine.fr/saisine/queue"
)

// The rooms do not know each other; these small types let one use another through the
// interface that it declares.

// jobOf is the job that treats a submission.
func jobOf(id string, attempt int, lane ingest.Lane) queue.Job {
	if lane == ingest.LaneOCR {
		return queue.Job{Kind: queue.KindRecognize, ID: id, Attempt: attempt, Queue: queue.QueueOCR}
	}
	return queue.Job{Kind: queue.KindProcess, ID: id, Attempt: attempt, Queue: queue.QueueMail}
}

// notify hands a job to the queue. Before the queue runs, and after, the sweeper's
// next look finds the row.
func (h *house) notify(job queue.Job) {
	if c := h.client.Load(); c != nil {
		c.Notify(job)
	}
}

func (h *house) notifyOutbox(n ingest.OutboxNotice) { h.notify(outboxJob(n.Kind, n.ID, n.Attempt)) }

// outboxJob is the job that delivers a row of the outbox.
func outboxJob(kind, id string, attempt int) queue.Job {
	switch kind {
	case ingest.OutboxScanNote:
		return queue.Job{Kind: queue.KindNote, ID: id, Attempt: attempt, Queue: queue.QueueNotes}
	case ingest.OutboxScanCopy:
		return queue.Job{Kind: queue.KindCopy, ID: id, Attempt: attempt, Queue: queue.QueueCopies}
	case ingest.OutboxWebhook:
		return queue.Job{Kind: queue.KindWebhook, ID: id, Attempt: attempt, Queue: queue.QueuePartners}
	case ingest.OutboxHandover:
		return queue.Job{Kind: queue.KindHandover, ID: id, Attempt: attempt, Queue: queue.QueuePartners}
	}
	return queue.Job{Kind: queue.KindDeliver, ID: id, Attempt: attempt, Queue: queue.QueueOutbound}
}

type laneNotifier struct{ h *house }

func (n laneNotifier) Notify(id string, attempt int, lane ingest.Lane) {
	n.h.notify(jobOf(id, attempt, lane))
}

// mailLane treats what needs no OCR, and passes on what does.
type mailLane struct {
	*ingest.Pipeline
	h *house
}

// offeredAgain is the age from which on a mail in this lane may be one that waits for
// OCR: the sweeper, which does not know, offers it here each minute.
const offeredAgain = 30 * time.Second

func (l mailLane) Process(ctx context.Context, id string) error {
	rec, err := l.Load(ctx, id)
	if err != nil {
		return err
	}
	job := jobOf(id, rec.Attempt, ingest.LaneOCR)
	if rec.State == ingest.StateReceived && clock().Sub(rec.RecordedAt) > offeredAgain {
		// It need not be read again to know where it belongs.
		if c := l.h.client.Load(); c != nil {
			if waits, err := c.Has(ctx, job); err == nil && waits {
				return nil
			}
		}
	}
	err = l.Treat(ctx, rec)
	if !errors.Is(err, ingest.ErrNeedsOCR) {
		return err
	}
	l.h.notify(job)
	return nil
}

type submissionLedger struct{ s *store.Store }

func (l submissionLedger) Unfinished(ctx context.Context, after int64, limit int) ([]queue.Job, error) {
	rows, err := l.s.Waiting(ctx, after, limit)
	if err != nil {
		return nil, err
	}
	jobs := make([]queue.Job, len(rows))
	for i, w := range rows {
		jobs[i] = jobOf(w.ID, w.Attempt, ingest.LaneOf(w.MediaType))
		jobs[i].Seq = w.Seq
	}
	return jobs, nil
}

type outboxLedger struct{ s *store.Store }

func (l outboxLedger) Unfinished(ctx context.Context, after int64, limit int) ([]queue.Job, error) {
	rows, err := l.s.PendingOutbox(ctx, after, limit)
	if err != nil {
		return nil, err
	}
	jobs := make([]queue.Job, len(rows))
	for i, w := range rows {
		jobs[i] = outboxJob(w.Kind, w.ID, w.Attempt)
		jobs[i].Seq = w.Seq
	}
	return jobs, nil
}

type submissionFailures struct{ s *store.Store }

func (f submissionFailures) Fail(ctx context.Context, id, reason string) error {
	err := f.s.Fail(ctx, id, "Le traitement n’a pas abouti. Détail technique : "+reason)
	if errors.Is(err, ingest.ErrNotFound) {
		return nil // a task without a row: nothing to record it on
	}
	return err
}

type deliveryFailures struct{ s *store.Store }

func (f deliveryFailures) Fail(ctx context.Context, id, reason string) error {
	what := "L’envoi n’a pas abouti."
	if o, err := f.s.Outbox(ctx, id); err == nil {
		switch o.Kind {
		case ingest.OutboxScanCopy:
			what = "La copie cherchable n’a pas pu être faite."
		case ingest.OutboxHandover:
			what = "La demande n’a pas pu être transmise à l’autre logiciel."
			if tries, err := f.s.Tries(ctx, id); err == nil && len(tries) > 0 {
				reason = tries[len(tries)-1].Said // with what the other side said
			}
		case ingest.OutboxWebhook:
			what = "L’autre logiciel n’a pas pu être prévenu."
		}
	}
	return f.s.FailDelivery(ctx, id, what+" Détail technique : "+reason)
}

// withOriginal has f read the original of a submission.
func (h *house) withOriginal(ctx context.Context, rec ingest.Record, f func(io.Reader) error) error {
	blob, err := h.store.Original(ctx, rec)
	if err != nil {
		return err
	}
	r, err := blob.Open()
	if err != nil {
		return errors.Join(err, blob.Close())
	}
	return errors.Join(f(r), r.Close(), blob.Close())
}

// offer tells the workers of a submission that is to be treated, at once; should they not hear
// of it, the sweeper finds it.
func (h *house) offer(ctx context.Context, id string) error {
	rec, err := h.store.Submission(ctx, id)
	if err == nil && rec.State == ingest.StateReceived {
		h.notify(jobOf(id, rec.Attempt, ingest.LaneOf(rec.MediaType)))
	}
	return err
}

// scanLedger is scanfolder.Ledger: a retry is also told to the workers at once.
type scanLedger struct{ h *house }

func (l scanLedger) Acknowledge(ctx context.Context, id, place string) error {
	return l.h.store.Acknowledge(ctx, id, place)
}

func (l scanLedger) Retry(ctx context.Context, id string) error {
	if err := l.h.store.Retry(ctx, id); err != nil {
		return err
	}
	return l.h.offer(ctx, id)
}

// A scan is moved within moments of its Submit, while a PDF that needs no OCR may be
// filed before that: its note waits here rather than for the queue's next try.
const (
	placedLook  = 250 * time.Millisecond
	placedTries = 20
)

// deliverScanNote brings the note beside a scan up to date. The row's present state
// counts, not that of the time when the outbox row was written.
func (h *house) deliverScanNote(ctx context.Context, item ingest.OutboxItem) error {
	// Two rows of one submission (failed, then filed) must not write at once.
	h.notes.Lock()
	defer h.notes.Unlock()
	for try := 1; ; try++ {
		err := h.updateScanNote(ctx, item)
		if !errors.Is(err, scanfolder.ErrNotPlaced) || try == placedTries {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(placedLook):
		}
	}
}

func (h *house) updateScanNote(ctx context.Context, item ingest.OutboxItem) error {
	rec, err := h.store.Submission(ctx, item.Submission)
	if err != nil {
		return err
	}
	folder, ok := scanFolder(h.cfg, rec.Account)
	if !ok || rec.Hints.Partial || rec.Hints.Batch != "" {
		// An import, a folder that is no longer configured, or what came by the desk: nobody
		// reads a note there.
		// What was never taken has the adapter's own note beside it.
		return nil
	}
	// The node that watches the folder writes into it, and no other: two would write different things,
	// and one that knows less might be the last.
	right, ok := h.leases.Held(scanfolder.AdapterName(folder.Name))
	if !ok {
		return fmt.Errorf("%w: another node watches the folder", ingest.ErrNotYet)
	}
	ctx = ingest.WithFence(ctx, right)
	about, err := h.noteLetter(ctx, rec)
	if err != nil {
		return err
	}
	note := scanfolder.Note{
		ID: rec.ID, State: rec.State, Reason: about.Reason, Reference: rec.Request, ReceivedAt: rec.ReceivedAt,
		Category: about.Category, Service: about.Service, Problems: about.Problems,
	}
	if rec.State == ingest.StateSetAside {
		made, err := h.store.Made(ctx, rec.ID)
		if err != nil {
			return err
		}
		for _, m := range made {
			l, err := h.noteLetter(ctx, m)
			if err != nil {
				return err
			}
			note.Letters = append(note.Letters, l)
		}
	}
	if err := ingest.Held(ctx); err != nil {
		return err
	}
	place, err := scanfolder.UpdateNote(folder.Dir, rec.Acknowledged, note)
	if err != nil {
		return err
	}
	if place != rec.Acknowledged {
		return h.store.Acknowledge(ctx, rec.ID, place)
	}
	return nil
}

// noteLetter is what a note says of a submission.
func (h *house) noteLetter(ctx context.Context, rec ingest.Record) (scanfolder.NoteLetter, error) {
	l := scanfolder.NoteLetter{State: rec.State, Reason: frenchReason(rec.Reason), Reference: rec.Request}
	if rec.Reading != nil {
		l.Pages = rec.Reading.PageCount()
		for _, p := range rec.Reading.Problems {
			l.Problems = append(l.Problems, p.Detail)
		}
	}
	if rec.Request != "" {
		q, err := h.store.Request(ctx, rec.Request)
		if err != nil {
			return l, err
		}
		l.Category, l.Service = h.categoryLabel(q.Category), q.Service
		l.Problems = append(knownBefore(rec, q), l.Problems...)
	}
	return l, nil
}

// knownBefore is what the clerk should know beside the reference: that the town has the
// matter already, and that it is dangerous.
func knownBefore(rec ingest.Record, q ingest.Request) []string {
	var out []string
	switch rec.Link {
	case ingest.LinkDuplicate:
		out = append(out, "Déjà reçu\u00a0: joint à une demande qui existe.")
	case ingest.LinkFollowUp:
		out = append(out, "Suite d’une demande qui existe.")
	case ingest.LinkOpens:
	}
	if len(q.Urgent) > 0 {
		out = append(out, "Danger possible («\u00a0"+strings.Join(q.Urgent, ", ")+"\u00a0»)\u00a0: prévenez le service tout de suite.")
	}
	return out
}

// frenchReason leaves out the word that begins a reason for scripts.
func frenchReason(reason string) string {
	for _, word := range []string{ingest.ReasonSplit, ingest.ReasonJoined, "empty"} {
		if rest, ok := strings.CutPrefix(reason, word+": "); ok {
			return rest
		}
	}
	return reason
}

func (h *house) categoryLabel(code string) string {
	if c, ok := h.rules.File().Category(code); ok {
		return c.Label
	}
	return code
}

func formCategories(rules ruleBook) []webform.Category {
	var out []webform.Category
	for _, c := range rules.File().Categories {
		out = append(out, webform.Category{Code: c.Code, Label: c.Label})
	}
	return out
}
