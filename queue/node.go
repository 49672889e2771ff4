package queue

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
)

const (
	// taskCheckInterval is how long an idle queue sleeps between two looks; asynq
	// polls. Three queues at this pace are some fifteen short scripts a second.
	taskCheckInterval = 200 * time.Millisecond
	// notesCheckInterval is the same for the lane in which nobody waits for anything.
	notesCheckInterval = time.Second
	// delayedCheckInterval is how often tasks whose pause is over are fetched.
	delayedCheckInterval = time.Second
	// DefaultShutdownTimeout is how long running handlers may go on at a shutdown.
	DefaultShutdownTimeout = 30 * time.Second
	// bootTimeout bounds the look for orphans before the workers start.
	bootTimeout = 3 * time.Second
)

// Options says what a Node does.
type Options struct {
	Conn Conn
	// Policies replaces those of DefaultPolicies, kind by kind.
	Policies map[Kind]Policy
	// Works says who works on each kind. Required where Concurrency has a queue.
	Works map[Kind]Work
	// Concurrency is the number of handlers for each queue. A queue without handlers
	// is filled but not worked on, as on a node without the role for it.
	Concurrency map[string]int
	// Ledgers are swept in this order. A node without any does not sweep.
	Ledgers []Ledger
	// SweepEvery is the time between two sweeps; 0 means a minute.
	SweepEvery time.Duration
	// Turns lets one node sweep at a time where several share Redis; nil: this one does. A private
	// Redis has no other node.
	Turns Turns
	// ShutdownTimeout is how long handlers may go on when the node shuts down before
	// their context ends; 0 means DefaultShutdownTimeout. A task that is cut off is
	// put back and starts over at the next start.
	ShutdownTimeout time.Duration
	// Observe, when set, is called after each try of a task. It must be quick and
	// safe for concurrent use.
	Observe func(kind Kind, outcome Outcome, took time.Duration)
	Log     *slog.Logger
}

// Turns gives what one node does at a time to one node at a time. It is safe for concurrent use.
type Turns interface {
	// Hold waits for the turn of that name, calls run with a context that carries it and ends with
	// it, and gives it back.
	Hold(ctx context.Context, name string, run func(ctx context.Context) error) error
}

// Node is the queue of one process: its client, workers and sweeper. All methods are
// safe for concurrent use.
type Node struct {
	client  *Client
	sweeper *sweeper
	moves   *moves
	servers []*asynq.Server
	rdb     redis.UniversalClient // of the workers

	stop    context.CancelFunc
	running sync.WaitGroup
	once    sync.Once
	ended   chan struct{}
}

// Start takes up what a process before this one left undone, then starts the workers
// and the sweeper. A Redis that is down is no error: the workers wait for it, and
// the sweeper refills it when it comes. ctx bounds the start only; Shutdown ends the
// node.
func Start(ctx context.Context, o Options) (*Node, error) {
	for q, n := range o.Concurrency {
		if err := (Job{Kind: KindProcess, Queue: q, ID: "x"}).validate(); err != nil {
			return nil, err
		}
		if n > 0 && len(o.Works) == 0 {
			return nil, fmt.Errorf("queue: %d handlers for queue %s, but no work for them", n, q)
		}
	}
	for kind, w := range o.Works {
		if w.Processor == nil || w.Failures == nil {
			return nil, fmt.Errorf("queue: work for %s is incomplete", kind)
		}
	}
	c := NewClient(o.Conn, o.Policies, o.Log)
	g := newGuard()
	n := &Node{
		client: c,
		rdb:    o.Conn.client(patient),
		ended:  make(chan struct{}),
		moves:  newMoves(o.Concurrency),
		sweeper: &sweeper{
			client: c, ledgers: o.Ledgers, every: cmp.Or(o.SweepEvery, sweepEvery), guard: g, log: o.Log, wake: make(chan struct{}, 1),
			orphans: &orphans{client: c, guard: g, log: o.Log}, watch: newWatch(c, o.Log),
		},
	}
	n.sweeper.sweeps = o.Conn.private || len(o.Ledgers) > 0
	if !o.Conn.private && n.sweeper.sweeps {
		n.sweeper.turns = o.Turns
	}
	// Before the workers start: while nobody works, what runs is an orphan.
	bctx, cancel := context.WithTimeout(ctx, bootTimeout)
	if n.sweeper.watch.look(bctx) != redisDown && n.sweeper.sweeps {
		if err := n.sweeper.adoptAtBoot(bctx); err != nil {
			o.Log.LogAttrs(ctx, slog.LevelWarn, "orphaned tasks are looked for later", slog.Any("error", err))
		}
	}
	cancel()
	if err := n.startServers(o, g); err != nil {
		return nil, errors.Join(err, n.Shutdown(ctx))
	}
	rctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	n.stop = stop
	n.running.Go(func() { n.sweeper.run(rctx) })
	if n.sweeper.turns != nil {
		n.running.Go(func() { n.sweeper.takeTurns(rctx) })
	}
	return n, nil
}

func (n *Node) startServers(o Options, g *guard) error {
	w := &worker{client: n.client, works: o.Works, guard: g, observe: o.Observe, moves: n.moves, log: o.Log}
	timeout := o.ShutdownTimeout
	if timeout <= 0 {
		timeout = DefaultShutdownTimeout
	}
	alog := newAsynqLog(o.Log)
	for _, q := range Queues() {
		if o.Concurrency[q] <= 0 {
			continue
		}
		check := taskCheckInterval
		if q == QueueNotes {
			check = notesCheckInterval
		}
		srv := asynq.NewServerFromRedisClient(n.rdb, asynq.Config{
			Concurrency:              o.Concurrency[q],
			Queues:                   map[string]int{q: 1},
			TaskCheckInterval:        check,
			DelayedTaskCheckInterval: delayedCheckInterval,
			RetryDelayFunc:           w.retryDelay,
			IsFailure:                isFailure,
			ShutdownTimeout:          timeout,
			Logger:                   alog,
			LogLevel:                 asynq.InfoLevel,
		})
		// Start, not Run: Run grabs the process's signals.
		if err := srv.Start(w); err != nil {
			return fmt.Errorf("queue: start workers of %s: %w", q, err)
		}
		n.servers = append(n.servers, srv)
	}
	return nil
}

// Client returns the node's client, which lives as long as the node. Do not close it.
func (n *Node) Client() *Client { return n.client }

// Sweep asks the sweeper to run now. It does not wait.
func (n *Node) Sweep() { n.sweeper.wakeUp() }

// Shutdown takes no new tasks, lets running handlers end within ShutdownTimeout,
// puts the others back and closes everything. It returns ctx's error when that does
// not come to an end in time, as it may with a Redis that does not answer; the rest
// then goes on in the background, and nothing is lost by ending the process.
// Calling it again waits for the same end.
func (n *Node) Shutdown(ctx context.Context) error {
	n.once.Do(func() {
		go func() {
			defer close(n.ended)
			n.end()
		}()
	})
	select {
	case <-n.ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("queue: shutdown: %w", ctx.Err())
	}
}

func (n *Node) end() {
	if n.stop != nil {
		n.stop()
	}
	n.running.Wait()
	var wg sync.WaitGroup
	for _, srv := range n.servers {
		wg.Go(srv.Shutdown)
	}
	wg.Wait()
	// Closing fails only on connections that are gone already.
	_ = n.rdb.Close()
	_ = n.client.Close()
}
