package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"saisine.fr/saisine/ingest/classify"
	"saisine.fr/saisine/queue"
)

// nightly is the training of the night. As a queue.Ledger it says which night's is due, so
// that the sweeper hands it to the queue within a minute of its time, or at the next start
// when the program did not run then; as a queue.Processor it trains.
type nightly struct{ h *house }

// The time of the night, in the town's zone: after the hour that a change of the clock
// takes away or gives twice (02:00 to 03:00 in the European Union).
const nightHour, nightMinute = 3, 15

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

// doneFile holds the last night that was seen to.
func (n nightly) doneFile() string { return filepath.Join(modelsDir(n.h.cfg), "night") }

// done is the last night that was seen to, or "". A file that cannot be read costs one
// more look at the settled requests.
func (n nightly) done() string {
	data, err := os.ReadFile(n.doneFile())
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(data))
}

func (n nightly) setDone(night string) error {
	if err := os.MkdirAll(modelsDir(n.h.cfg), 0o700); err != nil {
		return err
	}
	return os.WriteFile(n.doneFile(), []byte(night+"\n"), 0o600)
}

// Unfinished implements queue.Ledger.
func (n nightly) Unfinished(_ context.Context, after int64, _ int) ([]queue.Job, error) {
	night := lastNight(time.Now(), n.h.zone)
	if after > 0 || n.done() >= night {
		return nil, nil
	}
	return []queue.Job{{Kind: queue.KindTrain, ID: night, Queue: queue.QueueCopies, Seq: 1}}, nil
}

// Process implements queue.Processor.
func (n nightly) Process(ctx context.Context, night string) error {
	if n.done() >= night {
		return nil
	}
	outcome, err := trainOn(ctx, n.h.understand.classifier, n.h.store, classify.TrainOptions{Unasked: true})
	switch {
	case errors.Is(err, classify.ErrPinned):
		n.h.log.LogAttrs(ctx, slog.LevelInfo, "no training tonight: a person chose the model in use")
	case err != nil:
		return err
	default:
		n.h.log.LogAttrs(ctx, slog.LevelInfo, "training of the night", slog.Bool("used", outcome.Used), slog.String("why", outcome.Why),
			slog.String("version", outcome.Version.Name))
	}
	return n.setDone(night)
}

// Fail implements queue.FailureRecorder: the next night tries again.
func (n nightly) Fail(_ context.Context, night, _ string) error { return n.setDone(night) }
