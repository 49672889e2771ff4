package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"saisine.fr/saisine/ingest/classify"
	"saisine.fr/saisine/queue"
)

// nightly is the training of the night. As a queue.Ledger it says which night's is due, so
// that the sweeper hands it to the queue within a minute of its time, or at the next start
// when the program did not run then; as a queue.Processor it trains.
type nightly struct {
	h   *house
	now func() time.Time
	// seen is the last night that this process has seen to: it counts where it could not
	// be written down.
	seen atomic.Pointer[string]
}

func newNightly(h *house) *nightly { return &nightly{h: h, now: clock} }

// The time of the night, in the town's zone: after the hour that a change of the clock
// takes away or gives twice (02:00 to 03:00 in the European Union).
const nightHour, nightMinute = 3, 15

// nightSlot is the slot of the store that holds the last night, where nodes share no folder.
const nightSlot = "night"

const nightForm = "2006-01-02"

// lastNight is the night whose time was last, as of now.
func lastNight(now time.Time, zone *time.Location) string {
	now = now.In(zone)
	at := time.Date(now.Year(), now.Month(), now.Day(), nightHour, nightMinute, 0, 0, zone)
	if now.Before(at) {
		at = at.AddDate(0, 0, -1)
	}
	return at.Format(nightForm)
}

// night is the night whose time was last.
func (n *nightly) night() string { return lastNight(n.now(), n.h.zone) }

// doneFile holds the last night that was seen to.
func (n *nightly) doneFile() string { return filepath.Join(modelsDir(n.h.cfg), "night") }

// done reports whether a night was seen to. Only that very night counts: a later one was
// written down by a clock that was wrong, and would put off the training until then. A file
// that cannot be read costs one more look at the settled requests.
func (n *nightly) done(night string) bool {
	if seen := n.seen.Load(); seen != nil && *seen == night {
		return true
	}
	if !oneFolder(n.h.cfg) {
		// Another node may have trained.
		taken, err := n.h.store.SlotTaken(context.Background(), nightSlot, night)
		return err == nil && taken
	}
	data, err := os.ReadFile(n.doneFile())
	return err == nil && strings.TrimSpace(string(data)) == night
}

// setDone notes that a night was seen to. In this process that holds even when it cannot be
// written down.
func (n *nightly) setDone(night string) error {
	n.seen.Store(&night)
	if !oneFolder(n.h.cfg) {
		_, err := n.h.store.TakeSlot(context.Background(), nightSlot, night)
		return err
	}
	return writeWhole(n.doneFile(), []byte(night+"\n"))
}

// writeWhole puts a file of this content in the place of another, whole or not at all, and
// makes it durable. Its folder is made where it is missing.
func writeWhole(path string, content []byte) (err error) {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".new-"+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = f.Write(content)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Unfinished implements queue.Ledger.
func (n *nightly) Unfinished(_ context.Context, after int64, _ int) ([]queue.Job, error) {
	night := n.night()
	if after > 0 || n.done(night) {
		return nil, nil
	}
	return []queue.Job{{Kind: queue.KindTrain, ID: night, Queue: queue.QueueCopies, Seq: 1}}, nil
}

// Process implements queue.Processor.
func (n *nightly) Process(ctx context.Context, night string) error {
	if night != n.night() || n.done(night) {
		return nil // of a night that is over: one training makes up for all
	}
	outcome, err := trainOn(ctx, n.h.understand.classifier.Now(), n.h.store, classify.TrainOptions{Unasked: true})
	switch {
	case errors.Is(err, classify.ErrPinned):
		n.h.log.LogAttrs(ctx, slog.LevelInfo, "no training tonight: a person chose the model in use")
	case errors.Is(err, classify.ErrCurrent):
		n.h.log.LogAttrs(ctx, slog.LevelWarn, "no training tonight: a person may have chosen the model in use", slog.Any("err", err))
	case errors.Is(err, classify.ErrNotKept):
		return spentNightError{err}
	case err != nil:
		return err
	default:
		n.h.log.LogAttrs(ctx, slog.LevelInfo, "training of the night", slog.Bool("used", outcome.Used), slog.String("why", outcome.Why),
			slog.String("version", outcome.Version.Name))
	}
	return n.Fail(ctx, night, "")
}

// Fail implements queue.FailureRecorder: the next night tries again. It returns nil: were
// the night not at its end, a full disk would have it trained for again and again.
func (n *nightly) Fail(ctx context.Context, night, _ string) error {
	if err := n.setDone(night); err != nil {
		n.h.log.LogAttrs(ctx, slog.LevelWarn, "that the training of the night is done is not written down; after a restart it is looked at again", slog.Any("err", err))
	}
	return nil
}

// spentNightError is the permanent error of a night whose training was made and could not be
// kept. It hides the cause from the queue, which would wait for room on the disk and have
// all trained again, each time for minutes.
type spentNightError struct{ cause error }

func (s spentNightError) Error() string {
	return fmt.Sprint("the training of the night is lost: ", s.cause)
}

// Permanent reports true.
func (spentNightError) Permanent() bool { return true }
