package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
)

type permanent struct{ error }

func (permanent) Permanent() bool { return true }

func TestOutcomes(t *testing.T) {
	t.Parallel()
	m := startQuick(t, t.TempDir(), quick())
	secret := "jeanne.dupont@example.fr"
	boom := errors.New("cannot read the letter of " + secret)
	first := func(l *ledger, id string) bool { return l.row(id).runs == 1 }
	type outcome struct {
		name   string
		fail   func(l *ledger, id string) error
		state  string
		reason string
		runs   int
	}
	cases := make(map[string]outcome)
	for i, c := range []outcome{
		{"done", func(*ledger, string) error { return nil }, "filed", "", 1},
		{"second try", func(l *ledger, id string) error {
			if first(l, id) {
				return boom
			}
			return nil
		}, "filed", "", 2},
		{"never", func(*ledger, string) error { return boom }, "failed", boom.Error(), 4},
		{"permanent", func(*ledger, string) error { return fmt.Errorf("step: %w", permanent{boom}) }, "failed", "step: " + boom.Error(), 1},
		{"panic once", func(l *ledger, id string) error {
			if first(l, id) {
				panic(secret)
			}
			return nil
		}, "filed", "", 2},
		{"panic always", func(*ledger, string) error { panic(secret) }, "failed", errPanic.Error(), 4},
		{"too slow", func(*ledger, string) error {
			return fmt.Errorf("gave up: %w", context.DeadlineExceeded)
		}, "failed", "gave up: context deadline exceeded", 4},
	} {
		cases[fmt.Sprint("row", i)] = c
	}
	l := newLedger()
	l.process = func(_ context.Context, id string) error { return cases[id].fail(l, id) }
	// The sweep at the start hands them over, and nothing else does: a second hand-over of
	// a row that has just failed would take its task out of the archive again.
	for id := range cases {
		l.add(id)
	}
	n := startNode(t, options(t, m.Conn(), l))
	for id, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			eventually(t, 30*time.Second, c.state, func() bool { return l.row(id).state == c.state })
			if r := l.row(id); r.runs != c.runs || r.reason != c.reason {
				t.Errorf("%d tries, reason %q; want %d, %q", r.runs, r.reason, c.runs, c.reason)
			}
		})
	}

	// Promise: no personal data in Redis, not even in the error of a failed task.
	eventually(t, 5*time.Second, "all failed tasks are archived", func() bool {
		d, err := n.Client().Depths(t.Context())
		return err == nil && d[QueueMail].Archived == 4
	})
	rdb := dial(t, m.Conn())
	seen := 0
	for _, key := range rdb.Keys(t.Context(), "*:t:*").Val() {
		fields := rdb.HGetAll(t.Context(), key).Val()
		seen++
		if strings.Contains(fields["msg"], secret) {
			t.Errorf("%s holds what a citizen wrote: %q", key, fields["msg"])
		}
	}
	if seen != 4 {
		t.Errorf("%d failed tasks in Redis, want 4: the check above checks nothing", seen)
	}
}

// TestFailureThatCannotBeRecorded: the row stays received, and the task in asynq's
// archive does not keep the sweeper from taking it up again.
func TestFailureThatCannotBeRecorded(t *testing.T) {
	m := startQuick(t, t.TempDir(), quick())
	l := newLedger()
	l.process = func(context.Context, string) error { return permanent{errors.New("no")} }
	var full atomic.Bool
	full.Store(true)
	l.recordErr = func() error {
		if full.Load() {
			return errors.New("disk full")
		}
		return nil
	}
	n := startNode(t, options(t, m.Conn(), l))
	n.Client().Notify(l.add("row"))
	eventually(t, 10*time.Second, "archived", func() bool {
		d, err := n.Client().Depths(t.Context())
		return err == nil && d[QueueMail].Archived == 1
	})
	if s := l.row("row").state; s != "received" {
		t.Fatalf("state %s", s)
	}
	full.Store(false)
	n.Sweep()
	eventually(t, 10*time.Second, "failed", func() bool { return l.row("row").state == "failed" })
}

func TestEnqueueIsIdempotent(t *testing.T) {
	m := startQuick(t, t.TempDir(), quick())
	c := NewClient(m.Conn(), nil, testLog(t))
	defer c.Close()
	job := Job{Kind: KindProcess, ID: "1", Queue: QueueMail}
	pending := func() int {
		t.Helper()
		d, err := c.Depths(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return d[QueueMail].Pending
	}
	enqueue := func(job Job) {
		t.Helper()
		if err := c.Enqueue(t.Context(), job); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		enqueue(job)
	}
	if n := pending(); n != 1 {
		t.Fatalf("%d tasks for one job", n)
	}
	if err := c.inspect.ArchiveTask(QueueMail, job.taskID()); err != nil {
		t.Fatal(err)
	}
	if n := pending(); n != 0 {
		t.Fatal("not archived")
	}
	enqueue(job)
	if n := pending(); n != 1 {
		t.Fatal("the archive blocks a retry")
	}
	again := job
	again.Attempt = 1
	enqueue(again)
	if n := pending(); n != 2 {
		t.Fatalf("%d tasks: a person's retry is a task of its own", n)
	}
	if err := c.Enqueue(t.Context(), Job{}); !errors.Is(err, ErrInvalidJob) {
		t.Errorf("%v, want ErrInvalidJob", err)
	}
}

// TestArchiveAfterFlush: asynq writes the names of its queues once only, and does
// not find an archived task when they are gone.
func TestArchiveAfterFlush(t *testing.T) {
	m := startQuick(t, t.TempDir(), quick())
	l := newLedger()
	o := options(t, m.Conn(), l)
	o.Concurrency = nil
	n := startNode(t, o)
	c := n.Client()
	job := l.add("1")
	if err := c.Enqueue(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	rdb := dial(t, m.Conn())
	if err := rdb.FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	eventually(t, 5*time.Second, "the sweeper refills", func() bool {
		_, err := c.inspect.GetTaskInfo(QueueMail, job.taskID())
		return err == nil
	})
	if err := c.inspect.ArchiveTask(QueueMail, job.taskID()); err != nil {
		t.Fatal(err)
	}
	if err := c.Enqueue(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	if info, err := c.inspect.GetTaskInfo(QueueMail, job.taskID()); err != nil || info.State != asynq.TaskStatePending {
		t.Errorf("after a flush the archive blocks a retry: %v, %v", info, err)
	}
}

// blocked is the time from which on Notify must have waited for Redis: half its
// timeout. A busy machine may well take some milliseconds away from the test.
const blocked = handoverTimeout / 2

// TestRedisFaultsUnderLoad kills, freezes and flushes Redis while rows come in. None
// may be lost, none may be filed twice, and the intake must not notice.
func TestRedisFaultsUnderLoad(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		do   func(t *testing.T, m *Managed, rdb redis.UniversalClient)
	}{
		{"kill -9", func(t *testing.T, m *Managed, _ redis.UniversalClient) { kill(t, m.PID(), syscall.SIGKILL) }},
		{"frozen", func(t *testing.T, m *Managed, _ redis.UniversalClient) { kill(t, m.PID(), syscall.SIGSTOP) }},
		{"flushed", func(t *testing.T, _ *Managed, rdb redis.UniversalClient) {
			if err := rdb.FlushAll(t.Context()).Err(); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := startQuick(t, t.TempDir(), quick())
			l := newLedger()
			var twice atomic.Int64
			l.process = func(_ context.Context, id string) error {
				time.Sleep(2 * time.Millisecond) // work
				if l.row(id).inside > 1 {
					twice.Add(1)
				}
				return nil
			}
			n := startNode(t, options(t, m.Conn(), l))
			rdb := dial(t, m.Conn())
			const rows = 1500
			var slowest time.Duration
			for i := range rows {
				job := l.add(fmt.Sprint(i))
				begun := time.Now()
				n.Client().Notify(job)
				slowest = max(slowest, time.Since(begun))
				if i%500 == 250 {
					before := m.PID()
					tt.do(t, m, rdb)
					if tt.name != "flushed" && i > 500 {
						eventually(t, 10*time.Second, "a new server", func() bool { p := m.PID(); return p != 0 && p != before })
						eventually(t, 10*time.Second, "that answers", func() bool { return rdb.Ping(t.Context()).Err() == nil })
					}
				}
				if i%10 == 0 {
					time.Sleep(time.Millisecond) // the pace of an intake
				}
			}
			begun := time.Now()
			eventually(t, 45*time.Second, "all rows filed", func() bool { return l.count("filed") == rows })
			t.Logf("filed %v after the last came in; slowest Notify %v", time.Since(begun).Round(time.Millisecond), slowest)
			if slowest > blocked {
				t.Errorf("Notify took %v", slowest)
			}
			if twice.Load() > 0 {
				t.Error("one row was worked on twice at once")
			}
			for i := range rows {
				if r := l.row(fmt.Sprint(i)); r.filed != 1 {
					t.Errorf("row %d was filed %d times", i, r.filed)
				}
			}
		})
	}
}

// TestNotifyNeverBlocks on a server that takes connections and says nothing.
func TestNotifyNeverBlocks(t *testing.T) {
	t.Parallel()
	slow := quick()
	slow.hang = 1 << 20 // the supervisor does not help
	m := startQuick(t, t.TempDir(), slow)
	l := newLedger()
	n := startNode(t, options(t, m.Conn(), l))
	kill(t, m.PID(), syscall.SIGSTOP)
	const rows = handoverSize + 2000
	var slowest time.Duration
	for i := range rows {
		job := l.add(fmt.Sprint(i))
		begun := time.Now()
		n.Client().Notify(job)
		slowest = max(slowest, time.Since(begun))
	}
	t.Logf("slowest Notify %v", slowest)
	if slowest > blocked {
		t.Errorf("Notify took %v while Redis was frozen", slowest)
	}
	eventually(t, 5*time.Second, "the hand-over has given up", func() bool { return n.Client().lost.Load() })
	kill(t, m.PID(), syscall.SIGCONT)
	// How fast is not what this is about: thousands of rows, with the race detector, beside other tests.
	eventually(t, 4*time.Minute, "all rows filed", func() bool { return l.count("filed") == rows })
}

func TestWatch(t *testing.T) {
	t.Parallel()
	tune := quick()
	tune.hang = 1 << 20 // nobody ends a frozen server for us
	m := startQuick(t, t.TempDir(), tune)
	c := NewClient(m.Conn(), nil, testLog(t))
	defer c.Close()
	w := newWatch(c, testLog(t))
	rdb := dial(t, m.Conn())
	look := func(want redisEvent) {
		t.Helper()
		if got := w.look(t.Context()); got != want {
			t.Errorf("look: %s, want %s", got, want)
		}
	}
	look(redisWell)
	look(redisWell)
	if err := rdb.FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	look(redisEmpty)
	look(redisWell)

	// A restart between two looks, with all data back.
	pid := m.PID()
	kill(t, pid, syscall.SIGKILL)
	eventually(t, 5*time.Second, "a new server", func() bool { p := m.PID(); return p != 0 && p != pid && rdb.Ping(t.Context()).Err() == nil })
	look(redisRestarted)
	look(redisWell)

	pid = m.PID()
	kill(t, pid, syscall.SIGSTOP)
	begun := time.Now()
	look(redisDown)
	if took := time.Since(begun); took > watchTimeout+watchTimeout/2 {
		t.Errorf("a look at a frozen server took %v", took)
	}
	kill(t, pid, syscall.SIGKILL)
	eventually(t, 10*time.Second, "the server is back", func() bool {
		e := w.look(t.Context())
		return e == redisBack || e == redisRestarted
	})

	// The marker is written anew before it ends.
	left := rdb.TTL(t.Context(), w.key).Val()
	if left < markerTTL-time.Minute {
		t.Errorf("marker ends in %v", left)
	}
	if err := rdb.Expire(t.Context(), w.key, time.Hour).Err(); err != nil {
		t.Fatal(err)
	}
	w.now = func() time.Time { return time.Now().Add(markerRenew + time.Second) }
	look(redisWell)
	if left := rdb.TTL(t.Context(), w.key).Val(); left < markerTTL-time.Minute {
		t.Errorf("marker was not renewed: %v", left)
	}
}

// TestStartWithoutRedis: the daemon comes up, and works when Redis does.
func TestStartWithoutRedis(t *testing.T) {
	t.Parallel()
	needRedis(t)
	dir := t.TempDir()
	conn := mustConnect(t, "unix://"+dir+"/"+socketName)
	l := newLedger()
	l.add("row")
	begun := time.Now()
	startNode(t, options(t, conn, l))
	if took := time.Since(begun); took > 2*bootTimeout {
		t.Errorf("start took %v", took)
	}
	startQuick(t, dir, quick())
	eventually(t, 10*time.Second, "filed", func() bool { return l.count("filed") == 1 })
}

// TestSameRowTwice: a second task of a row does not run beside the first, and when
// the first then fails the row is not forgotten.
func TestSameRowTwice(t *testing.T) {
	m := startQuick(t, t.TempDir(), quick())
	l := newLedger()
	release := make(chan struct{})
	l.process = func(_ context.Context, id string) error {
		if l.row(id).runs == 1 {
			<-release
			return errors.New("first try fails")
		}
		return nil
	}
	n := startNode(t, options(t, m.Conn(), l))
	job := l.add("row")
	n.Client().Notify(job)
	eventually(t, 5*time.Second, "first runs", func() bool { return l.row("row").inside == 1 })
	job.Attempt = 1 // its name is another one
	if err := n.Client().Enqueue(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	eventually(t, 5*time.Second, "second was sent away", func() bool {
		d, err := n.Client().Depths(t.Context())
		return err == nil && d[QueueMail].Pending == 0 && d[QueueMail].Active == 1
	})
	if r := l.row("row"); r.runs != 1 {
		t.Errorf("%d runs at once", r.runs)
	}
	close(release)
	eventually(t, 10*time.Second, "filed", func() bool { return l.row("row").state == "filed" })
}

// TestFlushWhileWorking: the task is gone when its handler fails, so that asynq
// cannot try it again.
func TestFlushWhileWorking(t *testing.T) {
	t.Parallel()
	m := startQuick(t, t.TempDir(), quick())
	l := newLedger()
	release := make(chan struct{})
	l.process = func(_ context.Context, id string) error {
		if id == "row" && l.row(id).runs == 1 {
			<-release
			return errors.New("first try fails")
		}
		return nil
	}
	n := startNode(t, options(t, m.Conn(), l))
	n.Client().Notify(l.add("row"))
	eventually(t, 5*time.Second, "it runs", func() bool { return l.row("row").inside == 1 })
	rdb := dial(t, m.Conn())
	if err := rdb.FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	l.add("other") // only the sweep knows of it
	eventually(t, 5*time.Second, "the flush was noticed", func() bool { return l.row("other").state == "filed" })
	close(release)
	eventually(t, 10*time.Second, "filed", func() bool { return l.row("row").state == "filed" })
}

// TestSlowQueueHoldsUpNobody: the promise about the scan of 200 pages.
func TestSlowQueueHoldsUpNobody(t *testing.T) {
	m := startQuick(t, t.TempDir(), quick())
	l := newLedger()
	scans := make(chan struct{})
	l.process = func(_ context.Context, id string) error {
		if strings.HasPrefix(id, "scan") {
			<-scans
		}
		return nil
	}
	o := options(t, m.Conn(), l)
	o.Concurrency = map[string]int{QueueOCR: 1, QueueMail: 1}
	n := startNode(t, o)
	l.queue = QueueOCR
	for i := range 5 {
		n.Client().Notify(l.add(fmt.Sprint("scan", i)))
	}
	eventually(t, 5*time.Second, "a scan runs", func() bool {
		for i := range 5 { // the sweeper keeps no order
			if l.row(fmt.Sprint("scan", i)).inside == 1 {
				return true
			}
		}
		return false
	})
	l.queue = QueueMail
	n.Client().Notify(l.add("mail"))
	eventually(t, 5*time.Second, "the mail is filed", func() bool { return l.row("mail").state == "filed" })
	close(scans)
	eventually(t, 5*time.Second, "the scans too", func() bool { return l.count("filed") == 6 })
}

// TestShutdownCutsOff: a handler that outlasts the shutdown loses its context, and
// the next start does the row.
func TestShutdownCutsOff(t *testing.T) {
	m := startQuick(t, t.TempDir(), quick())
	l := newLedger()
	l.process = func(ctx context.Context, _ string) error {
		<-ctx.Done()
		return ctx.Err()
	}
	o := options(t, m.Conn(), l)
	o.ShutdownTimeout = 50 * time.Millisecond
	var outcome atomic.Value
	o.Observe = func(_ Kind, out Outcome, _ time.Duration) { outcome.Store(out) }
	n, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	n.Client().Notify(l.add("row"))
	eventually(t, 5*time.Second, "it runs", func() bool { return l.row("row").inside == 1 })
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := n.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	eventually(t, 5*time.Second, "its context ended", func() bool { return outcome.Load() == OutcomeInterrupted })
	if r := l.row("row"); r.state != "received" {
		t.Fatalf("a shutdown is no failure: %+v", r)
	}
	l.process = nil
	startNode(t, options(t, m.Conn(), l))
	eventually(t, 5*time.Second, "filed", func() bool { return l.row("row").state == "filed" })
}

// TestShutdownIsBounded: Redis answers nothing at all, and the process still ends.
func TestShutdownIsBounded(t *testing.T) {
	t.Parallel()
	slow := quick()
	slow.hang = 1 << 20
	m := startQuick(t, t.TempDir(), slow)
	l := newLedger()
	n, err := Start(t.Context(), options(t, m.Conn(), l))
	if err != nil {
		t.Fatal(err)
	}
	kill(t, m.PID(), syscall.SIGSTOP)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	begun := time.Now()
	if err := n.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	if took := time.Since(begun); took > time.Second {
		t.Errorf("took %v", took)
	}
	kill(t, m.PID(), syscall.SIGCONT)
	if err := n.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
}

// TestRowThatKillsTheDaemon waits longer each time, and is recorded as failed in the end.
func TestRowThatKillsTheDaemon(t *testing.T) {
	m := startQuick(t, t.TempDir(), quick())
	c := NewClient(m.Conn(), fast(3), testLog(t))
	defer c.Close()
	o := &orphans{client: c, guard: newGuard(), log: testLog(t)}
	info := &asynq.TaskInfo{ID: "submission:row:0", Type: string(KindProcess), Queue: QueueMail}
	var waits []float64
	for i := range maxInterrupted {
		info.Payload, _ = payload{ID: "row", Interrupted: i}.encode()
		if err := o.renew(t.Context(), info, 1); err != nil {
			t.Fatal(err)
		}
		got, err := c.inspect.GetTaskInfo(QueueMail, c.names.current(info.ID))
		if err != nil {
			t.Fatal(err)
		}
		wait := 0.0
		if got.State == asynq.TaskStateScheduled {
			wait = time.Until(got.NextProcessAt).Round(time.Minute).Minutes()
		}
		waits = append(waits, wait)
	}
	if want := []float64{0, 0, 0, 1, 2, 4, 8, 16, 32, 60}; !slices.Equal(waits, want) {
		t.Errorf("waits %v minutes, want %v", waits, want)
	}

	l := newLedger()
	l.add("other")
	ledgerless := options(t, m.Conn(), l)
	ledgerless.Ledgers = nil
	startNode(t, ledgerless)
	if err := c.put(t.Context(), KindProcess, QueueMail, "submission:other:0", payload{ID: "other", Interrupted: maxInterrupted}, 0); err != nil {
		t.Fatal(err)
	}
	eventually(t, 5*time.Second, "failed", func() bool { return l.row("other").state == "failed" })
	if r := l.row("other"); r.runs != 0 || !strings.Contains(r.reason, "10 times") {
		t.Errorf("%+v", r)
	}
}

// TestLostDequeue: the answer to a Dequeue was lost, so that Redis takes a task for
// running that nobody runs, while the daemon lives on.
func TestLostDequeue(t *testing.T) {
	t.Parallel()
	m := startQuick(t, t.TempDir(), quick())
	l := newLedger()
	n := startNode(t, options(t, m.Conn(), l))
	rdb := dial(t, m.Conn())
	// A queue without workers here, from which we take the task as asynq would.
	l.queue = QueueOCR
	job := l.add("row")
	if err := n.Client().Enqueue(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	if err := rdb.LMove(ctx, "asynq:{ocr}:pending", "asynq:{ocr}:active", "RIGHT", "LEFT").Err(); err != nil {
		t.Fatal(err)
	}
	if err := rdb.HSet(ctx, "asynq:{ocr}:t:"+job.taskID(), "state", "active").Err(); err != nil {
		t.Fatal(err)
	}
	if err := rdb.ZAdd(ctx, "asynq:{ocr}:lease", redis.Z{Score: float64(time.Now().Add(30 * time.Second).Unix()), Member: job.taskID()}).Err(); err != nil {
		t.Fatal(err)
	}
	n.Sweep()
	eventually(t, 10*time.Second, "enqueued under a new name", func() bool {
		d, err := n.Client().Depths(ctx)
		return err == nil && d[QueueOCR].Pending == 1
	})
	if cur := n.Client().names.current(job.taskID()); cur == job.taskID() || baseID(cur) != job.taskID() {
		t.Errorf("name %q", cur)
	}
	// Another sweep leaves it at that.
	n.Sweep()
	if err := n.Client().Enqueue(ctx, job); err != nil {
		t.Fatal(err)
	}
	if d, err := n.Client().Depths(ctx); err != nil || d[QueueOCR].Pending != 1 || d[QueueOCR].Active != 1 {
		t.Errorf("%+v, %v", d[QueueOCR], err)
	}
}

// TestOrphanComesBack: when asynq's own recovery brings an orphan back, its successor
// has the row, and the orphan ends without touching it.
func TestOrphanComesBack(t *testing.T) {
	m := startQuick(t, t.TempDir(), quick())
	l := newLedger()
	o := options(t, m.Conn(), l)
	o.Ledgers = nil
	n := startNode(t, o)
	c := n.Client()
	old, successor := l.add("row"), "submission:row:0~gone.1"
	c.names.mu.Lock()
	c.names.fresh = map[string]string{old.taskID(): successor}
	c.names.mu.Unlock()
	if err := c.put(t.Context(), old.Kind, old.Queue, old.taskID(), payload{ID: old.ID}, 0); err != nil {
		t.Fatal(err)
	}
	eventually(t, 5*time.Second, "the orphan has ended", func() bool {
		_, err := c.inspect.GetTaskInfo(old.Queue, old.taskID())
		return errors.Is(err, asynq.ErrTaskNotFound)
	})
	if r := l.row("row"); r.runs != 0 {
		t.Error("the orphan was worked on beside its successor")
	}
	if err := c.Enqueue(t.Context(), old); err != nil { // goes on under the new name
		t.Fatal(err)
	}
	eventually(t, 5*time.Second, "filed", func() bool { return l.row("row").state == "filed" })
}

func TestStartRefuses(t *testing.T) {
	conn := mustConnect(t, "unix:///nowhere/redis.sock")
	l := newLedger()
	for name, spoil := range map[string]func(*Options){
		"unknown queue": func(o *Options) { o.Concurrency = map[string]int{"fax": 1} },
		"no work":       func(o *Options) { o.Works = nil },
		"no recorder":   func(o *Options) { o.Works = map[Kind]Work{KindProcess: {Processor: l}} },
	} {
		o := options(t, conn, l)
		spoil(&o)
		if n, err := Start(t.Context(), o); err == nil {
			_ = n.Shutdown(t.Context())
			t.Errorf("%s: started", name)
		}
	}
}

// BenchmarkTasks hands jobs over and works on them without doing anything.
func BenchmarkTasks(b *testing.B) {
	m := startQuick(b, b.TempDir(), defaultTuning())
	l := newLedger()
	o := options(b, m.Conn(), l)
	var done atomic.Int64
	o.Observe = func(Kind, Outcome, time.Duration) { done.Add(1) }
	o.Ledgers = nil
	n := startNode(b, o)
	jobs := make([]Job, b.N)
	for i := range jobs {
		jobs[i] = l.add(fmt.Sprint(i))
	}
	b.ResetTimer()
	for _, job := range jobs {
		for n.Client().lost.Load() || len(n.Client().handover) == cap(n.Client().handover) {
			time.Sleep(time.Millisecond)
		}
		n.Client().Notify(job)
	}
	for done.Load() < int64(b.N) {
		time.Sleep(time.Millisecond)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tasks/s")
}

// BenchmarkSweep is a sweep over 20,000 rows whose tasks are all in Redis already: what
// a large backlog costs each minute.
func BenchmarkSweep(b *testing.B) {
	m := startQuick(b, b.TempDir(), defaultTuning())
	l := newLedger()
	const rows = 20000
	for i := range rows {
		l.add(fmt.Sprint(i))
	}
	c := NewClient(m.Conn(), nil, testLog(b))
	defer c.Close()
	g := newGuard()
	s := &sweeper{client: c, ledgers: []Ledger{l}, guard: g, orphans: &orphans{client: c, guard: g, log: testLog(b)}, log: testLog(b)}
	if n, err := s.sweep(b.Context(), false); err != nil || n != rows {
		b.Fatal(n, err)
	}
	for b.Loop() {
		if n, err := s.sweep(b.Context(), false); err != nil || n != 0 {
			b.Fatal(n, err)
		}
	}
	b.ReportMetric(float64(b.N)*rows/b.Elapsed().Seconds(), "rows/s")
}
