package main

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"saisine.fr/saisine/ingest/store"
)

// tallyPause is how often the ledger is counted for the metrics, and tallyShare how many times
// longer than a count the pause is at least, so that counting never takes more than a thirtieth
// of one core, however large the ledger is.
const (
	tallyPause = 5 * time.Second
	tallyShare = 30
	tallyTime  = time.Minute // what one count may take
)

// taken is a count of the ledger.
type taken struct {
	store.Tally
	at   time.Time
	took time.Duration
}

// counted holds the last count. The zero one has none.
type counted struct{ last atomic.Pointer[taken] }

// keepCounting counts the ledger beside the scrapes until the house closes.
func (h *house) keepCounting() {
	h.chores.begin(func(ctx context.Context) {
		failed := false
		for {
			begun := time.Now()
			look, cancel := context.WithTimeout(ctx, tallyTime)
			t, err := h.store.Tally(look)
			cancel()
			took := time.Since(begun)
			switch {
			case err == nil:
				h.counted.last.Store(&taken{Tally: t, at: time.Now(), took: took})
				failed = false
			case ctx.Err() == nil && !failed:
				failed = true // said once, and by scrape_ok as long as it lasts
				h.log.LogAttrs(ctx, slog.LevelWarn, "the ledger cannot be counted for the metrics", slog.Any("err", err))
			}
			h.mails.recheck(ctx)
			select {
			case <-ctx.Done():
				return
			case <-time.After(max(tallyPause, tallyShare*took)):
			}
		}
	})
}

// fresh returns the last count; nil when there is none, or counting has stopped since.
func (c *counted) fresh(now time.Time) *taken {
	t := c.last.Load()
	if t == nil || now.Sub(t.at) > max(10*tallyPause, 3*tallyShare*t.took) {
		return nil
	}
	return t
}
