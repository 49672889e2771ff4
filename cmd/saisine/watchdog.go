package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"saisine.fr/saisine/config"
	"saisine.fr/saisine/queue"
)

// notify tells systemd, when it asked to be told (sd_notify(3)).
func notify(ctx context.Context, log *slog.Logger, state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		log.LogAttrs(ctx, slog.LevelWarn, "systemd not notified", slog.Any("err", err))
	}
}

// upgradeTime is how long systemd is asked to wait for a database to be brought up to date. When it
// ended the daemon after TimeoutStartSec, the next start would begin the same migration again, and
// end like it.
const upgradeTime = 6 * time.Hour

// upgrading says that the schema of an earlier version is brought up to date, and asks systemd for
// the time (sd_notify(3), EXTEND_TIMEOUT_USEC).
func upgrading(ctx context.Context, log *slog.Logger, have, want int64) {
	log.LogAttrs(ctx, slog.LevelInfo, "the database is brought up to date; a large one takes minutes", slog.Int64("schema", have), slog.Int64("wanted", want))
	notify(ctx, log, fmt.Sprintf("EXTEND_TIMEOUT_USEC=%d\nSTATUS=brings the database up to date (%d to %d)", upgradeTime.Microseconds(), have, want))
}

// watchdog feeds systemd's watchdog, until ctx ends, while the database answers and the
// workers get on. A Redis that is down, a full disk, a locked database are none of its
// business: a start anew would mend nothing, and would take the page from citizens that
// tells them to come back.
func watchdog(ctx context.Context, log *slog.Logger, h *house) {
	interval, err := daemon.SdWatchdogEnabled(false)
	if err != nil || interval == 0 {
		return
	}
	// On its own: a Redis that is frozen must not keep the database from being asked.
	go h.pulse.follow(ctx, interval/3, func(ctx context.Context) ([]queue.Progress, error) { return h.node.Progress(ctx) })
	feed(ctx, log, interval/3, h.store.Ping, h.pulse.stuck, func() { notify(ctx, log, daemon.SdNotifyWatchdog) })
}

// feed calls fed each time that ping answers within the pause, and stuck says "".
func feed(ctx context.Context, log *slog.Logger, pause time.Duration, ping func(context.Context) error, stuck func() string, fed func()) {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		asked, cancel := context.WithTimeout(ctx, pause)
		err := ping(asked)
		cancel()
		switch reason := stuck(); {
		case ctx.Err() != nil:
			return
		case errors.Is(err, context.DeadlineExceeded):
			log.LogAttrs(ctx, slog.LevelError, "watchdog not fed: the database does not answer", slog.Any("err", err))
		case reason != "":
			log.LogAttrs(ctx, slog.LevelError, "watchdog not fed: the workers do not get on", slog.String("reason", reason))
		default:
			fed()
		}
	}
}

const (
	// takenWithin is how long a task may wait at most while a worker is free: workers look
	// five times a second.
	takenWithin = 5 * time.Minute
	// reading is how long treating something may take that needs no OCR: parsing, matching,
	// filing. The queue itself allows a piece two hours; this is without one piece of all that
	// are in work being taken up or put down.
	reading = 15 * time.Minute
	// ending is how much longer than its limit a task may take to notice that it has ended.
	ending = 5 * time.Minute
)

// pulse knows whether the workers get on: a queue in which there is something to do must
// show a sign of life. Signs are that a task is taken up or put down and, for scans, that a
// page is done, since a document may take half an hour. All methods are safe for
// concurrent use.
type pulse struct {
	// silence is how long each kind of task may go on without a sign.
	silence map[queue.Kind]time.Duration

	mu sync.Mutex
	// paged is when a page was last done.
	paged time.Time
	// busy is since when there has been something to do in a queue at each look.
	busy   map[string]time.Time
	reason string
}

func newPulse(cfg config.Config) *pulse {
	p := &pulse{silence: make(map[queue.Kind]time.Duration), busy: make(map[string]time.Time)}
	for kind, policy := range queue.DefaultPolicies() {
		p.silence[kind] = policy.Limit + ending
	}
	p.silence[queue.KindProcess] = reading
	// The longest step of a scan is its plan, which may be tried twice, each time on a child
	// that has to start; that of a copy is bounded by the time of the whole.
	p.silence[queue.KindRecognize] = reading + 10*cfg.OCR.PageTimeout
	p.silence[queue.KindCopy] = reading + 10*cfg.OCR.PageTimeout + cfg.OCR.DocumentTimeout
	return p
}

// page notes that a page is done.
func (p *pulse) page() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.paged = time.Now()
}

// ocrWatch is ocr.Observer: it counts, and tells the pulse that a page is done.
type ocrWatch struct {
	ocrMetrics
	pulse *pulse
}

// Step implements ocr.Observer.
func (w ocrWatch) Step(operation string, took time.Duration, err error) {
	w.ocrMetrics.Step(operation, took, err)
	w.pulse.page()
}

// stuck says which queue does not get on, or "".
func (p *pulse) stuck() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.reason
}

// follow looks at the queues again and again until ctx ends.
func (p *pulse) follow(ctx context.Context, pause time.Duration, look func(context.Context) ([]queue.Progress, error)) {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		// While it is not known how the queues are, nobody is at fault.
		forget := time.AfterFunc(pause, func() { p.judge(time.Now(), nil) })
		asked, cancel := context.WithTimeout(ctx, pause)
		lanes, err := look(asked)
		cancel()
		if forget.Stop() && err == nil {
			p.judge(time.Now(), lanes)
		} else {
			p.judge(time.Now(), nil)
		}
	}
}

// judge takes note of a look at the queues; none means that Redis did not answer.
func (p *pulse) judge(now time.Time, lanes []queue.Progress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reason = ""
	seen := make(map[string]bool)
	for _, l := range lanes {
		if len(l.Running) == 0 && l.Waiting == 0 {
			continue
		}
		seen[l.Queue] = true
		if _, known := p.busy[l.Queue]; !known {
			p.busy[l.Queue] = now
		}
		sign, allowed := l.Moved, takenWithin
		// What waited for something to do waited for no worker.
		if since := p.busy[l.Queue]; since.After(sign) {
			sign = since
		}
		if l.Waiting == 0 || len(l.Running) >= l.Slots {
			for _, kind := range l.Running {
				allowed = max(allowed, p.silence[kind])
			}
			if paged := l.Queue == queue.QueueOCR || l.Queue == queue.QueueCopies; paged && p.paged.After(sign) {
				sign = p.paged
			}
		}
		if silent := now.Sub(sign); silent > allowed {
			p.reason = l.Queue + ": no sign for " + silent.Round(time.Second).String()
		}
	}
	maps.DeleteFunc(p.busy, func(q string, _ time.Time) bool { return !seen[q] })
}
