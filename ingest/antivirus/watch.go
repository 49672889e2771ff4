package antivirus

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"time"
)

// ErrDown means that clamd is not there at the moment, or did not come to an answer this time:
// what is to be scanned waits.
var ErrDown = errors.New("antivirus: clamd is not there")

// Watch is a Client that knows whether clamd is there. While it is not, Scan says so at once:
// workers do not wait in a row for what hangs. Run must go on beside, and finds out that
// clamd is back. It is safe for concurrent use.
type Watch struct {
	client *Client
	log    *slog.Logger
	every  time.Duration

	mu      sync.Mutex
	down    error // why, or nil
	since   time.Time
	looked  time.Time
	version Version
	tries   map[string]int // how often clamd has broken off, by file

	// alone is held by the scan of a file at which clamd has broken off before, and shared by
	// all others: of several files under way when clamd died, this finds the one it dies of.
	alone sync.RWMutex
}

const (
	// lookEvery is how often clamd is asked whether it is there.
	lookEvery = 5 * time.Second
	// aloneAfter is how often clamd may break off at a file before that is scanned alone,
	// givenUpAfter before it is held to be the cause.
	aloneAfter, givenUpAfter = 2, 5
	// triesKept bounds the memory of files that clamd broke off at.
	triesKept = 10_000
)

// NewWatch makes a Watch. clamd counts as there until it was asked. every is the pause between
// looks; 0 means five seconds.
func NewWatch(c *Client, log *slog.Logger, every time.Duration) *Watch {
	if every <= 0 {
		every = lookEvery
	}
	return &Watch{client: c, log: log, every: every, tries: make(map[string]int)}
}

// Run looks at clamd until ctx ends.
func (w *Watch) Run(ctx context.Context) {
	tick := time.NewTicker(w.every)
	defer tick.Stop()
	for {
		w.Look(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Look asks clamd whether it is there, and which signatures it has.
func (w *Watch) Look(ctx context.Context) {
	v, err := w.client.Version(ctx)
	if ctx.Err() != nil {
		return
	}
	if err == nil {
		w.mu.Lock()
		w.version = v
		w.mu.Unlock()
	}
	w.set(ctx, err)
}

// set records whether clamd is there, and logs that once.
func (w *Watch) set(ctx context.Context, err error) {
	w.mu.Lock()
	before, since := w.down, w.since
	w.down, w.looked = err, time.Now()
	if before == nil && err != nil {
		w.since = w.looked
	}
	v := w.version
	w.mu.Unlock()
	switch {
	case before == nil && err != nil:
		w.log.LogAttrs(ctx, slog.LevelError, "clamd does not answer; what comes in is kept and waits for its virus scan", slog.Any("err", err))
	case before != nil && err == nil:
		w.log.LogAttrs(ctx, slog.LevelInfo, "clamd answers again", slog.String("version", v.String()), slog.Duration("after", time.Since(since).Round(time.Second)))
	}
}

// State is the version that clamd last named, and why it is not there and since when; down is
// nil when it is there, or was never asked.
func (w *Watch) State() (v Version, since time.Time, down error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.version, w.since, w.down
}

// Scan asks about a file, which key names (its hash). The error wraps ErrDown when clamd is not
// there, or has not come to an answer: the file is to be brought again in a moment. Any other
// error is that of reading the file. Where clamd breaks off at a file time and again, or says that
// it cannot, the verdict is Unscannable. It is never Refused.
func (w *Watch) Scan(ctx context.Context, key string, r io.Reader, size int64) (Answer, error) {
	w.mu.Lock()
	never := w.looked.IsZero()
	w.mu.Unlock()
	if never {
		w.Look(ctx) // a verdict names the version that gave it
	}
	w.mu.Lock()
	down, broke := w.down, w.tries[key]
	w.mu.Unlock()
	if down != nil {
		return Answer{}, errors.Join(ErrDown, down)
	}
	if broke >= aloneAfter {
		w.alone.Lock()
		defer w.alone.Unlock()
	} else {
		w.alone.RLock()
		defer w.alone.RUnlock()
	}
	a, err := w.client.Scan(ctx, r, size)
	switch {
	case err == nil && a.Verdict != Refused:
		w.forget(key)
		return a, nil
	case ctx.Err() != nil:
		return Answer{}, errors.Join(ErrDown, ctx.Err())
	case err == nil:
		err = errors.New("antivirus: clamd says: " + a.Name)
	case errors.Is(err, ErrUnreachable):
		w.set(ctx, err)
		return Answer{}, errors.Join(ErrDown, err)
	case !errors.Is(err, ErrBroken):
		return Answer{}, err
	}
	// Did clamd break off at this file, or is it gone altogether?
	if perr := w.client.Ping(ctx); perr != nil && ctx.Err() == nil {
		w.set(ctx, perr)
		if errors.Is(err, errTime) {
			return Answer{}, errors.Join(ErrDown, err) // it hangs, whatever it is asked
		}
	}
	if n := w.count(key); n >= givenUpAfter {
		w.forget(key)
		w.log.LogAttrs(ctx, slog.LevelError, "clamd comes to no answer about a file; it is held", slog.String("sha256", key), slog.Int("tries", n), slog.Any("err", err))
		return Answer{Verdict: Unscannable, Name: printable(err.Error())}, nil
	}
	return Answer{}, errors.Join(ErrDown, err)
}

func (w *Watch) count(key string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.tries) >= triesKept {
		clear(w.tries) // more of them than that and it is not the files
	}
	w.tries[key]++
	return w.tries[key]
}

func (w *Watch) forget(key string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.tries, key)
}
