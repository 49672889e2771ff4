package channels

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/discreet"
)

var (
	// ErrReturned is the failure of an adapter that came back without an error
	// although its context had not ended.
	ErrReturned = errors.New("channels: adapter returned although it was not asked to stop")
	// ErrNotDrained means that an adapter was still at work when the drain time was over.
	ErrNotDrained = errors.New("channels: adapter still at work after the drain time")
	// errNames is the fault of a configuration with an unnamed or doubled adapter.
	errNames = errors.New("channels: adapter names must be unique and not empty")
)

// SupervisorOptions are the times of a Supervisor; a zero field means its default.
type SupervisorOptions struct {
	// MinBackoff is the pause before the first restart (1 s), doubled at each
	// further failure up to MaxBackoff (5 min). Each pause is then lengthened or
	// shortened by up to a fifth, so that several mailboxes on one server that went
	// down do not come back at the same instant.
	MinBackoff, MaxBackoff time.Duration
	// GoodSpell is how long an adapter must have run for its next failure to count
	// as the first again (1 min).
	GoodSpell time.Duration
	// DrainTime is how long adapters may take to finish what they have begun once
	// the context has ended (20 s). Then the Sink refuses, and Run returns.
	DrainTime time.Duration
	// Turns lets the adapters that AddExclusive adds run on one node at a time; nil: they
	// run here.
	Turns Turns
}

// Turns gives what one node does at a time to one node at a time. It is safe for concurrent use.
type Turns interface {
	// Hold waits for the turn of that name, calls run with a context that ends when the turn is
	// no longer sure to be this node's, and gives the turn back. It returns run's error, or that
	// of ctx. The context carries an ingest.Fence.
	Hold(ctx context.Context, name string, run func(ctx context.Context) error) error
	// Holder describes who has the turn, as far as is known, or is "".
	Holder(name string) string
}

func (o SupervisorOptions) withDefaults() SupervisorOptions {
	def := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	def(&o.MinBackoff, time.Second)
	def(&o.MaxBackoff, 5*time.Minute)
	def(&o.GoodSpell, time.Minute)
	def(&o.DrainTime, 20*time.Second)
	return o
}

// Supervisor keeps adapters running. Add is called before Run; Statuses may be
// called at any time, also by several goroutines.
type Supervisor struct {
	log  *slog.Logger
	opts SupervisorOptions

	mu    sync.Mutex
	lanes []*lane
}

// lane is one adapter with the place where its health is kept.
type lane struct {
	adapter Adapter
	health  *Health
	turns   Turns // nil: it runs whenever the Supervisor does
}

// NewSupervisor returns a Supervisor without adapters.
func NewSupervisor(log *slog.Logger, opts SupervisorOptions) *Supervisor {
	return &Supervisor{log: log, opts: opts.withDefaults()}
}

// Add puts an adapter under supervision. health is the one that the adapter itself
// reports to; nil gives it one that knows only of failures. An adapter that is added
// after Run has begun is not run.
func (s *Supervisor) Add(a Adapter, health *Health) { s.add(a, health, nil) }

// AddExclusive is Add for an adapter that runs on one node of the house at a time: one that
// empties its source. While another node has the turn it is not run, and its Status says so. A
// failure gives the turn back, since the source may be within another node's reach.
func (s *Supervisor) AddExclusive(a Adapter, health *Health) { s.add(a, health, s.opts.Turns) }

func (s *Supervisor) add(a Adapter, health *Health, turns Turns) {
	if health == nil {
		health = new(Health)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lanes = append(s.lanes, &lane{adapter: a, health: health, turns: turns})
}

// Statuses returns the health of every adapter by its name.
func (s *Supervisor) Statuses() map[string]Status {
	s.mu.Lock()
	lanes := slices.Clone(s.lanes)
	s.mu.Unlock()
	m := make(map[string]Status, len(lanes))
	for _, l := range lanes {
		st := l.health.Status()
		if st.Elsewhere {
			st.Holder, st.Alarms, st.Discreet = l.turns.Holder(l.adapter.Name()), nil, nil
		}
		m[l.adapter.Name()] = st
	}
	return m
}

// Run runs every adapter until ctx ends, and waits until each has finished what it
// had begun. An adapter that returns before, or panics, is run again after a pause;
// the others do not notice.
//
// Shutdown has two steps. When ctx ends, adapters start nothing new. When DrainTime
// is over as well, the contexts of all Submits under way end, later Submits are
// refused with ingest.ErrUnavailable, and Run returns an error that wraps
// ErrNotDrained and names the adapters that have not come back. Nothing is lost
// by that: what was not submitted was not acknowledged either. Otherwise Run returns
// nil, or an error at once when two adapters share a name.
func (s *Supervisor) Run(ctx context.Context, sink ingest.Sink) error {
	s.mu.Lock()
	lanes := slices.Clone(s.lanes)
	s.mu.Unlock()
	if err := checkNames(lanes); err != nil {
		return err
	}

	hard, abort := context.WithCancel(context.WithoutCancel(ctx))
	defer abort()
	gated := &gatedSink{sink: sink, hard: hard}
	done := make(chan string, len(lanes))
	running := make(map[string]bool, len(lanes))
	for _, l := range lanes {
		running[l.adapter.Name()] = true
		go func() {
			defer func() { done <- l.adapter.Name() }()
			s.keep(ctx, l, gated)
		}()
	}

	<-ctx.Done()
	deadline := time.NewTimer(s.opts.DrainTime)
	defer deadline.Stop()
	for len(running) > 0 {
		select {
		case name := <-done:
			delete(running, name)
		case <-deadline.C:
			var late []string
			for name := range running {
				late = append(late, strconv.Quote(name))
			}
			slices.Sort(late)
			return fmt.Errorf("%w: %s", ErrNotDrained, strings.Join(late, ", "))
		}
	}
	return nil
}

func checkNames(lanes []*lane) error {
	seen := make(map[string]bool, len(lanes))
	for _, l := range lanes {
		name := l.adapter.Name()
		if name == "" || seen[name] {
			return fmt.Errorf("%w: %q", errNames, name)
		}
		seen[name] = true
	}
	return nil
}

// keep runs one adapter again and again until ctx ends.
func (s *Supervisor) keep(ctx context.Context, l *lane, sink ingest.Sink) {
	log := s.log.With("adapter", l.adapter.Name())
	failures := 0
	for ctx.Err() == nil {
		began := time.Now()
		err := s.turn(ctx, l, sink, &began)
		if ctx.Err() != nil {
			// What an adapter says while it is being stopped is mostly the echo of
			// the stop; a panic never is.
			var p *panicError
			if errors.As(err, &p) {
				log.ErrorContext(ctx, "adapter panicked while stopping", "error", err, "stack", string(p.stack))
			}
			return
		}
		if errors.Is(err, errTurnOver) {
			continue // no fault of the adapter: it waits for its turn again
		}
		if err == nil {
			err = ErrReturned
		}
		if time.Since(began) >= s.opts.GoodSpell {
			failures = 0
		}
		pause := s.pause(failures)
		failures++
		l.health.Bad(err)
		l.health.elsewhere(false) // until it waits for its turn again, the fault is ours to tell
		attrs := []any{"error", err, "failures", failures, "pause", pause}
		var p *panicError
		if errors.As(err, &p) {
			attrs = append(attrs, "stack", string(p.stack))
		}
		log.ErrorContext(ctx, "adapter failed, will be restarted", attrs...)
		sleep(ctx, pause)
	}
}

// errTurnOver is what ends a run whose turn has passed to another node.
var errTurnOver = errors.New("channels: another node has the turn")

// turn runs the adapter once, when it is its turn. began is set to when that was.
func (s *Supervisor) turn(ctx context.Context, l *lane, sink ingest.Sink, began *time.Time) error {
	if l.turns == nil {
		return runOnce(ctx, l.adapter, sink)
	}
	l.health.elsewhere(true)
	ran := false
	err := l.turns.Hold(ctx, l.adapter.Name(), func(ctx context.Context) error {
		ran = true
		*began = time.Now()
		l.health.elsewhere(false)
		defer l.health.elsewhere(true)
		err := runOnce(ctx, l.adapter, sink)
		var p *panicError
		if ctx.Err() != nil && !errors.As(err, &p) {
			return errTurnOver
		}
		return err
	})
	if !ran && errors.Is(err, ingest.ErrFenced) {
		return errTurnOver // it was lost again at once
	}
	return err
}

// pause is the wait before the restart that follows a failure after so many others.
func (s *Supervisor) pause(failures int) time.Duration {
	d := s.opts.MinBackoff
	for range failures {
		if d >= s.opts.MaxBackoff/2 {
			d = s.opts.MaxBackoff
			break
		}
		d *= 2
	}
	d = min(d, s.opts.MaxBackoff)
	spread := d / 5
	return d - spread + rand.N(2*spread+1) //nolint:gosec // G404: jitter need not be unpredictable
}

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// panicError is a panic of an adapter, turned into a failure of it.
type panicError struct {
	value any
	stack []byte
}

// Error leaves out what the value says: it may quote a letter, and goes to the log.
func (e *panicError) Error() string {
	return "channels: adapter panicked: " + discreet.Panic(e.value)
}

// LogText implements discreet's interface.
func (e *panicError) LogText() string { return e.Error() }

// Unwrap lets errors.Is see through a panic with an error.
func (e *panicError) Unwrap() error {
	err, _ := e.value.(error)
	return err
}

func runOnce(ctx context.Context, a Adapter, sink ingest.Sink) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &panicError{value: v, stack: debug.Stack()}
		}
	}()
	return a.Run(ctx, sink)
}

// gatedSink ends the Submits under way when the hard context ends, and refuses later ones.
type gatedSink struct {
	sink ingest.Sink
	hard context.Context
}

// Submit implements ingest.Sink.
func (g *gatedSink) Submit(ctx context.Context, sub ingest.Submission) (ingest.Receipt, error) {
	if g.hard.Err() != nil {
		return ingest.Receipt{}, fmt.Errorf("channels: shutting down: %w", ingest.ErrUnavailable)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(g.hard, cancel)
	defer stop()
	return g.sink.Submit(ctx, sub)
}
