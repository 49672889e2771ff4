package queue

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"
)

// redisEvent is what a look at Redis has found.
type redisEvent string

const (
	redisWell      redisEvent = "well"
	redisDown      redisEvent = "down"
	redisBack      redisEvent = "redis is back"
	redisRestarted redisEvent = "redis was restarted"
	redisEmpty     redisEvent = "redis lost its data"
)

const (
	watchTimeout = time.Second
	// A marker outlives its writer by markerTTL; it is renewed seldom, because each
	// write goes to the append-only file.
	markerTTL   = 48 * time.Hour
	markerRenew = 12 * time.Hour
)

// watch notices what Redis cannot tell by itself. A marker key that has vanished
// means that the data is gone (FLUSHALL, an empty replica that took over); a new
// run_id means a restart, which with appendfsync everysec may have lost the last
// second. It is not safe for concurrent use.
type watch struct {
	rdb redis.UniversalClient
	key string
	// cluster: INFO comes from any node, so that its run_id says nothing.
	cluster bool
	log     *slog.Logger
	now     func() time.Time

	known   bool // the marker was written once
	down    bool
	runID   string
	renewAt time.Time
}

func newWatch(c *Client, log *slog.Logger) *watch {
	return &watch{
		rdb: c.rdb, key: "saisine:marker:" + c.boot, cluster: c.conn.opt.IsClusterMode,
		log: log, now: time.Now,
	}
}

// look asks Redis once, within watchTimeout.
func (w *watch) look(ctx context.Context) redisEvent {
	ctx, cancel := context.WithTimeout(ctx, watchTimeout)
	defer cancel()
	runID, marked, err := w.ask(ctx)
	if err == nil && (!marked || w.now().After(w.renewAt)) {
		err = w.rdb.Set(ctx, w.key, "1", markerTTL).Err()
		w.renewAt = w.now().Add(markerRenew)
	}
	if err != nil {
		if !w.down && !errors.Is(err, context.Canceled) {
			w.log.LogAttrs(ctx, slog.LevelWarn, "redis does not answer; intake goes on without it", slog.Any("error", err))
		}
		w.down = true
		return redisDown
	}
	event := redisWell
	switch {
	case w.known && !marked:
		event = redisEmpty
	case w.known && runID != w.runID:
		event = redisRestarted
	case w.down:
		event = redisBack
	}
	if event != redisWell {
		w.log.LogAttrs(ctx, slog.LevelWarn, "queue is refilled from the ledger", slog.String("reason", string(event)))
	}
	w.known, w.down, w.runID = true, false, runID
	return event
}

func (w *watch) ask(ctx context.Context) (runID string, marked bool, err error) {
	n, err := w.rdb.Exists(ctx, w.key).Result()
	if err != nil || w.cluster {
		return "", n > 0, err
	}
	info, err := w.rdb.Info(ctx, "server").Result()
	var re redis.Error
	if errors.As(err, &re) {
		err = nil // INFO is forbidden to us; the marker must do
	}
	return fields(info)["run_id"], n > 0, err
}
