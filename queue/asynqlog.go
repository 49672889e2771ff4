package queue

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// asynqLog passes asynq's messages on to slog. asynq says the same thing every
// second while Redis is away; one message of a sort is let through each
// logInterval, with the number of those that were not. It is safe for concurrent use.
type asynqLog struct {
	log *slog.Logger
	now func() time.Time

	mu   sync.Mutex
	seen map[string]*kept
}

type kept struct {
	last    time.Time
	dropped int
}

const (
	logInterval = 30 * time.Second
	// sortLen is how many bytes at the start of a message tell its sort: in asynq's
	// messages what varies (ids, causes) comes after the first words.
	sortLen  = 20
	maxSorts = 100
)

func newAsynqLog(log *slog.Logger) *asynqLog {
	return &asynqLog{log: log, now: time.Now, seen: make(map[string]*kept)}
}

// pass tells whether a message is let through, and how many like it were not since
// the last one.
func (l *asynqLog) pass(text string) (dropped int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := text[:min(len(text), sortLen)]
	now := l.now()
	s := l.seen[key]
	if s == nil {
		if len(l.seen) >= maxSorts {
			clear(l.seen)
		}
		l.seen[key] = &kept{last: now}
		return 0, true
	}
	if now.Sub(s.last) < logInterval {
		s.dropped++
		return 0, false
	}
	dropped, s.dropped, s.last = s.dropped, 0, now
	return dropped, true
}

func (l *asynqLog) write(level slog.Level, args []any) {
	ctx := context.Background()
	if !l.log.Enabled(ctx, level) {
		return
	}
	text := fmt.Sprint(args...)
	dropped, ok := l.pass(text)
	if !ok {
		return
	}
	attrs := []slog.Attr{slog.String("text", text)}
	if dropped > 0 {
		attrs = append(attrs, slog.Int("more_like_it", dropped))
	}
	l.log.LogAttrs(ctx, level, "asynq", attrs...)
}

// Debug implements asynq.Logger.
func (l *asynqLog) Debug(args ...any) { l.write(slog.LevelDebug, args) }

// Info implements asynq.Logger. What asynq finds worth saying about its own
// goroutines is of no use to an administrator.
func (l *asynqLog) Info(args ...any) { l.write(slog.LevelDebug, args) }

// Warn implements asynq.Logger.
func (l *asynqLog) Warn(args ...any) { l.write(slog.LevelWarn, args) }

// Error implements asynq.Logger.
func (l *asynqLog) Error(args ...any) { l.write(slog.LevelError, args) }

// Fatal implements asynq.Logger. It does not end the process: intake goes on.
func (l *asynqLog) Fatal(args ...any) { l.write(slog.LevelError, args) }
