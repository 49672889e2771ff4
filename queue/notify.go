package queue

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

const (
	// handoverSize is how many jobs wait for Redis in memory: more than a burst of
	// group commits, and under a megabyte.
	handoverSize = 8192
	// handoverTimeout bounds one enqueue, so that a frozen Redis is noticed.
	handoverTimeout = time.Second
	// handoverPause is how long nothing is tried after a failure.
	handoverPause = time.Second
)

// Notify hands a job over without waiting, for the moment after a submission has
// become durable: it returns at once whether Redis is well, slow, frozen or gone. A
// job that does not get through is found by the sweeper, which runs as soon as Redis
// answers.
func (c *Client) Notify(job Job) {
	select {
	case c.handover <- job:
	default:
		c.lost.Store(true)
	}
}

// drain enqueues what Notify took. After a failure it throws jobs away for a
// moment rather than wait out a timeout for each.
func (c *Client) drain(ctx context.Context) {
	var down time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case job := <-c.handover:
			if time.Now().Before(down) {
				c.lost.Store(true)
				continue
			}
			tctx, cancel := context.WithTimeout(ctx, handoverTimeout)
			err := c.Enqueue(tctx, job)
			cancel()
			switch {
			case err == nil || ctx.Err() != nil:
			case errors.Is(err, ErrInvalidJob):
				c.log.LogAttrs(ctx, slog.LevelError, "job cannot be enqueued", slog.Any("error", err))
			default:
				down = time.Now().Add(handoverPause)
				c.lost.Store(true)
				c.log.LogAttrs(ctx, slog.LevelDebug, "hand-over left to the sweeper", slog.Any("error", err))
			}
		}
	}
}
