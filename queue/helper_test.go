package queue

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// TestMain also is the daemon that some tests kill: see child_test.go.
func TestMain(m *testing.M) {
	if role := os.Getenv(childRole); role != "" {
		os.Exit(runChild(role))
	}
	goleak.VerifyTestMain(leaving{m})
}

// leaving gives pools of go-redis the time to end. One that finds no Redis tries it once a second,
// for as long as DialTimeout, and looks only then whether it was closed (pool.go, tryDial): after
// the last test that may be later than goleak waits.
type leaving struct{ m *testing.M }

// Run runs the tests.
func (l leaving) Run() int {
	code := l.m.Run()
	for end := time.Now().Add(10 * time.Second); code == 0 && goleak.Find() != nil && time.Now().Before(end); {
		time.Sleep(100 * time.Millisecond)
	}
	return code
}

func testLog(t testing.TB) *slog.Logger {
	t.Helper()
	return slog.New(slog.NewTextHandler(&testWriter{t: t}, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// testWriter writes to the test's log as long as the test runs.
type testWriter struct {
	mu   sync.Mutex
	t    testing.TB
	done bool
	once sync.Once
}

func (w *testWriter) Write(p []byte) (int, error) {
	w.once.Do(func() {
		w.t.Cleanup(func() {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.done = true
		})
	})
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.done {
		w.t.Logf("%s", p)
	}
	return len(p), nil
}

func needRedis(t testing.TB) {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skip("redis-server is not installed: apt-get install redis-server")
	}
}

// quick makes the supervisor notice in two seconds what takes it ten.
func quick() tuning {
	return tuning{
		ping: 100 * time.Millisecond, hang: 20,
		backoff: 20 * time.Millisecond, backoffCap: 200 * time.Millisecond, stop: 5 * time.Second,
	}
}

func startQuick(t testing.TB, dir string, tune tuning) *Managed {
	t.Helper()
	needRedis(t)
	m, err := startManaged(t.Context(), dir, testLog(t), tune)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	return m
}

// eventually waits until ok holds.
func eventually(t testing.TB, within time.Duration, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(within)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", within, what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

func gone(pid int) bool {
	if err := syscall.Kill(pid, 0); err != nil {
		return true
	}
	// A zombie whose parent does not wait is gone for our purposes.
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return err != nil || len(b) == 0
}

// ledger is the truth of a test: rows that are unfinished until they are processed.
type ledger struct {
	mu    sync.Mutex
	order []string
	rows  map[string]*ledgerRow
	queue string
	kind  Kind
	// process, when set, is what Process does before the row is filed.
	process func(ctx context.Context, id string) error
	// recordErr, when set, is why Fail fails.
	recordErr func() error
}

type ledgerRow struct {
	queue   string
	state   string // received, filed, failed
	attempt int
	runs    int
	filed   int
	inside  int
	reason  string
}

func newLedger() *ledger {
	return &ledger{rows: make(map[string]*ledgerRow), queue: QueueMail, kind: KindProcess}
}

func (l *ledger) add(id string) Job {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.order = append(l.order, id)
	l.rows[id] = &ledgerRow{state: "received", queue: l.queue}
	return Job{Kind: l.kind, ID: id, Queue: l.queue, Seq: int64(len(l.order))}
}

func (l *ledger) Unfinished(_ context.Context, after int64, limit int) ([]Job, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var jobs []Job
	for i := int(after); i < len(l.order) && len(jobs) < limit; i++ {
		if r := l.rows[l.order[i]]; r.state == "received" {
			jobs = append(jobs, Job{Kind: l.kind, ID: l.order[i], Attempt: r.attempt, Queue: r.queue, Seq: int64(i + 1)})
		}
	}
	return jobs, nil
}

func (l *ledger) Process(ctx context.Context, id string) error {
	l.mu.Lock()
	r := l.rows[id]
	if r == nil || r.state != "received" {
		l.mu.Unlock()
		return nil
	}
	r.runs++
	r.inside++
	l.mu.Unlock()
	var err error
	if l.process != nil {
		err = l.process(ctx, id)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	r.inside--
	if err == nil {
		r.state = "filed"
		r.filed++
	}
	return err
}

func (l *ledger) Fail(_ context.Context, id, reason string) error {
	if l.recordErr != nil {
		if err := l.recordErr(); err != nil {
			return err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if r := l.rows[id]; r.state == "received" {
		r.state, r.reason = "failed", reason
	}
	return nil
}

func (l *ledger) row(id string) ledgerRow {
	l.mu.Lock()
	defer l.mu.Unlock()
	return *l.rows[id]
}

// count is how many rows are in the state.
func (l *ledger) count(state string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, r := range l.rows {
		if r.state == state {
			n++
		}
	}
	return n
}

// fast is a policy whose pauses a test can wait for.
func fast(maxRetry int) map[Kind]Policy {
	return map[Kind]Policy{
		KindProcess: {MaxRetry: maxRetry, Base: time.Millisecond, Cap: 10 * time.Millisecond, Limit: time.Minute},
		KindDeliver: {MaxRetry: maxRetry, Base: time.Millisecond, Cap: 10 * time.Millisecond, Limit: time.Minute},
	}
}

func options(t testing.TB, conn Conn, l *ledger) Options {
	t.Helper()
	return Options{
		Conn: conn, Policies: fast(3), Log: testLog(t),
		Works:           map[Kind]Work{l.kind: {Processor: l, Failures: l}},
		Concurrency:     map[string]int{l.queue: 4},
		Ledgers:         []Ledger{l},
		ShutdownTimeout: 5 * time.Second,
	}
}

func startNode(t testing.TB, o Options) *Node {
	t.Helper()
	n, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := n.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
	})
	return n
}
