package queue

import (
	"context"
	"errors"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"saisine.fr/saisine/ingest"
)

// TestNodesTakeOver: a node that begins leaves alone what another one works on, and takes it up
// when that one is killed or frozen. What a frozen one had comes back later and is not done again.
func TestNodesTakeOver(t *testing.T) {
	needRedis(t)
	for name, strike := range map[string]syscall.Signal{"killed": syscall.SIGKILL, "frozen": syscall.SIGSTOP} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			shared := startQuick(t, t.TempDir(), quick())
			address := "unix://" + shared.socket
			c := startChild(t, "block", childRedis+"="+address)
			c.line(t, "handler")

			conn := mustConnect(t, address)
			l := newLedger()
			job := l.add("row")
			n := startNode(t, options(t, conn, l))
			// Longer than it takes to become an orphan, from before the other one's first claim.
			time.Sleep(claimLook + 4*time.Second)
			if r := l.row("row"); r.runs != 0 {
				t.Fatal("a living node's task was taken")
			}
			struck := time.Now()
			if err := c.cmd.Process.Signal(strike); err != nil {
				t.Fatal(err)
			}
			eventually(t, 30*time.Second, "taken up", func() bool { return l.count("filed") == 1 })
			t.Logf("taken up after %v", time.Since(struck).Round(100*time.Millisecond))
			if strike == syscall.SIGSTOP {
				_ = c.cmd.Process.Signal(syscall.SIGCONT)
			}

			// A third node, which remembers nothing, has the successor's name from Redis.
			l.mu.Lock()
			l.rows["row"].state = "received"
			l.mu.Unlock()
			other := NewClient(conn, nil, testLog(t))
			defer other.Close()
			fresh := n.Client().names.current(job.taskID())
			if fresh == job.taskID() || other.superseded(t.Context(), job.Queue, job.taskID()) {
				t.Errorf("%q stands in the way although its task has ended", fresh)
			}
			waiting := payload{ID: job.ID}
			if err := other.put(t.Context(), job.Kind, job.Queue, fresh, waiting, time.Hour); err != nil {
				t.Fatal(err)
			}
			if !other.superseded(t.Context(), job.Queue, job.taskID()) || other.superseded(t.Context(), job.Queue, fresh) {
				t.Errorf("the successor %q is not known", fresh)
			}
		})
	}
}

// heldBy is a turn that this process has until it is taken.
type heldBy struct {
	valid atomic.Bool
	taken chan struct{}
}

func (h *heldBy) Hold(ctx context.Context, name string, run func(context.Context) error) error {
	if name != turnName || !h.valid.Load() {
		<-ctx.Done()
		return ctx.Err()
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-h.taken:
			cancel()
		case <-ctx.Done():
		}
	}()
	err := run(ingest.WithFence(ctx, ingest.Fence{Name: name, Number: 1, Valid: h.valid.Load}))
	return errors.Join(err, ingest.ErrFenced)
}

// TestOneNodeSweeps: a node without the turn sweeps nothing, asks the one that has it, and the
// clock's word is enough to stop.
func TestOneNodeSweeps(t *testing.T) {
	t.Parallel()
	shared := startQuick(t, t.TempDir(), quick())
	conn := mustConnect(t, "unix://"+shared.socket)
	l := newLedger()
	mine := &heldBy{taken: make(chan struct{})}
	mine.valid.Store(true)
	o := options(t, conn, l)
	o.Turns = mine
	holder := startNode(t, o)
	o = options(t, conn, l)
	o.Turns = &heldBy{}
	waiter := startNode(t, o)
	handsOver := options(t, conn, l)
	handsOver.Ledgers, handsOver.Concurrency = nil, nil
	door := startNode(t, handsOver)

	eventually(t, 5*time.Second, "the turn is had", func() bool { _, ok := holder.sweeper.mine(t.Context()); return ok })
	l.add("1")
	waiter.Client().lost.Store(true)
	eventually(t, 10*time.Second, "the holder was asked", func() bool { return l.count("filed") == 1 })
	l.add("2")
	door.Client().lost.Store(true)
	eventually(t, 10*time.Second, "the holder was asked by a node that does not sweep", func() bool { return l.count("filed") == 2 })

	mine.valid.Store(false) // as after a stop: nothing has told it yet
	l.add("3")
	holder.Sweep()
	waiter.Sweep()
	door.Sweep()
	time.Sleep(2 * time.Second)
	if l.count("received") != 1 {
		t.Error("swept without the turn")
	}
	close(mine.taken)
}
