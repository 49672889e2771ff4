package queue

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// Health is how a Redis fares that answers.
type Health struct {
	// MemoryUsed and MemoryMax are bytes; MemoryMax is 0 where nothing bounds it.
	MemoryUsed, MemoryMax int64
	// AppendOnly is true when it writes a log of what changes. AppendFailed, RewriteFailed and
	// SnapshotFailed say that the last write of that log, the last time it was written anew and
	// the last snapshot failed: what Redis holds is then lost at its next restart.
	AppendOnly                                  bool
	AppendFailed, RewriteFailed, SnapshotFailed bool
	// Known is false where this user may not ask for INFO; then all of the above is zero.
	Known bool
}

// PersistenceOK reports whether what Redis acknowledges is on its disk, as far as it says so.
func (h Health) PersistenceOK() bool {
	return !h.AppendFailed && !h.RewriteFailed && !h.SnapshotFailed
}

// Health asks Redis for its memory and its persistence. Of a cluster it is one node's.
func (c *Client) Health(ctx context.Context) (Health, error) {
	all := make(map[string]string)
	for _, section := range []string{"memory", "persistence"} {
		info, err := c.rdb.Info(ctx, section).Result()
		var re redis.Error
		if errors.As(err, &re) {
			return Health{}, nil
		}
		if err != nil {
			return Health{}, fmt.Errorf("queue: ask redis at %s: %w", c.conn, err)
		}
		for k, v := range fields(info) {
			all[k] = v
		}
	}
	number := func(name string) int64 {
		n, _ := strconv.ParseInt(all[name], 10, 64)
		return n
	}
	return Health{
		MemoryUsed: number("used_memory"), MemoryMax: number("maxmemory"), AppendOnly: all["aof_enabled"] == "1",
		AppendFailed: all["aof_last_write_status"] == "err", RewriteFailed: all["aof_last_bgrewrite_status"] == "err",
		SnapshotFailed: all["rdb_last_bgsave_status"] == "err", Known: true,
	}, nil
}

// probeTTL keeps the probe's key from outliving those who ask.
const probeTTL = 10 * time.Minute

// Probe writes a key, as a task would be: a Redis that is full, or that cannot write its log,
// still answers questions. ErrFull and ErrNotKept say which of the two it is.
func (c *Client) Probe(ctx context.Context) error {
	err := c.rdb.Set(ctx, "saisine:probe", "1", probeTTL).Err()
	switch {
	case err == nil:
		return nil
	case redis.HasErrorPrefix(err, "OOM"):
		return fmt.Errorf("%w: %w", ErrFull, err)
	case redis.HasErrorPrefix(err, "MISCONF"):
		return fmt.Errorf("%w: %w", ErrNotKept, err)
	}
	return fmt.Errorf("queue: write to redis at %s: %w", c.conn, err)
}

var (
	// ErrFull means that Redis has no memory left for the queue.
	ErrFull = errors.New("queue: redis is out of memory")
	// ErrNotKept means that Redis takes nothing in because it cannot write to its disk.
	ErrNotKept = errors.New("queue: redis cannot write to its disk")
)
