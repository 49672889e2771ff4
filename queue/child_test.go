package queue

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"saisine.fr/saisine/ingest/crashpoint"

	"github.com/hibiken/asynq"
)

// Some tests kill a daemon. It is this test binary, started again with childRole.
const (
	childRole  = "SAISINE_QUEUE_TEST_ROLE"
	childDir   = "SAISINE_QUEUE_TEST_DIR"
	childRedis = "SAISINE_QUEUE_TEST_REDIS"
)

// runChild is the daemon: it prints what the test must know and works until it is killed.
func runChild(role string) int {
	ctx := context.Background()
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	fail := func(err error) int {
		fmt.Fprintln(os.Stderr, "child:", err)
		return 1
	}
	var conn Conn
	if address := os.Getenv(childRedis); address != "" {
		var err error
		if conn, err = Connect(address); err != nil {
			return fail(err)
		}
	} else {
		type result struct {
			m   *Managed
			err error
		}
		runtime.LockOSThread() // keeps the goroutine below off the main thread, which never ends
		started := make(chan result)
		var tid int
		go func() {
			// This goroutine's thread ends with it, as any thread of Go may. A server
			// forked from it would get its parent-death signal now.
			runtime.LockOSThread()
			tid = syscall.Gettid()
			m, err := startManaged(ctx, os.Getenv(childDir), log, quick())
			started <- result{m, err}
		}()
		r := <-started
		if r.err != nil {
			return fail(r.err)
		}
		// (Go parks the main thread instead of ending it. The lock above keeps it away only
		// when this goroutine had not left it before; then there is nothing to wait for.)
		for tid != os.Getpid() {
			if _, err := os.Stat(fmt.Sprintf("/proc/self/task/%d", tid)); err != nil {
				break
			}
			time.Sleep(time.Millisecond)
		}
		runtime.UnlockOSThread()
		fmt.Println("redis", r.m.PID())
		conn = r.m.Conn()
	}
	if role == "redis" {
		select {}
	}
	l := newLedger()
	if role != "done" {
		l.process = func(ctx context.Context, _ string) error {
			if err := written(ctx, conn); err != nil {
				return err
			}
			fmt.Println("handler")
			select {} // until the process is killed
		}
	}
	n, err := Start(ctx, Options{
		Conn: conn, Log: log, Works: map[Kind]Work{KindProcess: {l, l}},
		Concurrency: map[string]int{QueueMail: 2}, Ledgers: []Ledger{l},
	})
	if err != nil {
		return fail(err)
	}
	n.Client().Notify(l.add("row"))
	select {}
}

// written waits until Redis has handed all that it acknowledged to the system. With everysec it
// keeps writes back for up to two seconds while the disk is slow with an fsync (redis.conf,
// appendfsync), and a kill then takes them with it. The ledgers bring back what is lost so, which
// other tests show; here the deaths are counted that Redis could remember.
func written(ctx context.Context, conn Conn) error {
	rdb := conn.client(patient)
	defer func() { _ = rdb.Close() }()
	for {
		info, err := rdb.Info(ctx, "persistence").Result()
		if err != nil || !strings.Contains(info, "aof_buffer_length:") || strings.Contains(info, "aof_buffer_length:0\r\n") {
			return err // without the line, nothing is written at all
		}
		time.Sleep(time.Millisecond)
	}
}

type child struct {
	cmd   *exec.Cmd
	lines *bufio.Scanner
}

func startChild(t *testing.T, role string, env ...string) *child {
	t.Helper()
	cmd := exec.CommandContext(context.Background(), os.Args[0])
	cmd.Env = append(append(os.Environ(), childRole+"="+role), env...)
	cmd.Stderr = &testWriter{t: t}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _, _ = io.Copy(io.Discard, out); _ = cmd.Wait() })
	return &child{cmd, bufio.NewScanner(out)}
}

// line reads lines until one begins with word, and returns the rest of it.
func (c *child) line(t *testing.T, word string) string {
	t.Helper()
	for c.lines.Scan() {
		if rest, ok := strings.CutPrefix(c.lines.Text(), word); ok {
			return strings.TrimSpace(rest)
		}
	}
	t.Fatalf("the child ended without saying %q", word)
	return ""
}

func (c *child) kill9(t *testing.T) {
	t.Helper()
	if err := c.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = c.cmd.Wait()
}

func TestRedisEndsWithTheDaemon(t *testing.T) {
	needRedis(t)
	c := startChild(t, "redis", childDir+"="+t.TempDir())
	pid, err := strconv.Atoi(c.line(t, "redis"))
	if err != nil {
		t.Fatal(err)
	}
	if pid == 0 || gone(pid) {
		t.Fatal("the server ended with the thread that asked for it")
	}
	c.kill9(t)
	eventually(t, 5*time.Second, "redis-server ends after kill -9 of its daemon", func() bool { return gone(pid) })
}

// TestResumeAfterKill is the promise of 5 s: the daemon dies by SIGKILL inside a
// handler, and the next one does the work long before asynq's lease is over.
func TestResumeAfterKill(t *testing.T) {
	t.Parallel()
	needRedis(t)
	shared := startQuick(t, t.TempDir(), quick())
	for _, tt := range []struct {
		name, redis string
		env         string
	}{
		{"private redis, in the handler", "", ""},
		{"shared redis, in the handler", "unix://" + shared.socket, ""},
		{"private redis, before the handler", "", crashpoint.EnvVar + "=queue.handler_started"},
		{"private redis, after the handler", "", crashpoint.EnvVar + "=queue.handler_done"},
		{"private redis, enqueued", "", crashpoint.EnvVar + "=queue.enqueued"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "redis")
			role := "block"
			if strings.Contains(tt.env, "handler_done") {
				role = "done"
			}
			c := startChild(t, role, childDir+"="+dir, childRedis+"="+tt.redis, tt.env)
			if tt.env == "" {
				c.line(t, "handler")
				if tt.redis != "" {
					// The dead server's claim must stand in Redis to be seen through; asynq
					// writes it every 5 s.
					o := &orphans{client: NewClient(mustConnect(t, tt.redis), nil, testLog(t)), guard: newGuard(), log: testLog(t)}
					eventually(t, 15*time.Second, "the server claims its task", func() bool {
						claimed, _, err := o.claimed()
						return err == nil && claimed["submission:row:0"]
					})
					_ = o.client.Close()
				}
				c.kill9(t)
			} else if err := c.cmd.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
				t.Fatalf("the crash point did not kill the child: %v", err)
			}

			begun := time.Now()
			var conn Conn
			if tt.redis != "" {
				conn = mustConnect(t, tt.redis)
			} else {
				conn = startQuick(t, dir, quick()).Conn()
			}
			l := newLedger()
			l.add("row")
			startNode(t, options(t, conn, l))
			eventually(t, 5*time.Second, "the row is filed", func() bool { return l.count("filed") == 1 })
			t.Logf("resumed after %v", time.Since(begun).Round(time.Millisecond))
			if r := l.row("row"); r.runs != 1 {
				t.Errorf("processed %d times", r.runs)
			}
		})
	}
}

func mustConnect(t testing.TB, address string) Conn {
	t.Helper()
	c, err := Connect(address)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A row that takes its daemon down again and again is counted at every death, although
// the entries of its earlier tries still stand in Redis.
func TestDeathsOverARowAreCounted(t *testing.T) {
	needRedis(t)
	dir := filepath.Join(t.TempDir(), "redis")
	for round := range 4 {
		c := startChild(t, "block", childDir+"="+dir, childRedis+"=")
		c.line(t, "handler")
		c.kill9(t)
		m, err := startManaged(t.Context(), dir, testLog(t), quick())
		if err != nil {
			t.Fatal(err)
		}
		client := NewClient(m.Conn(), nil, testLog(t))
		most := -1
		for _, q := range Queues() {
			tasks, err := client.inspect.ListActiveTasks(q)
			if err != nil && !errors.Is(err, asynq.ErrQueueNotFound) {
				t.Fatal(err)
			}
			for _, task := range tasks {
				most = max(most, interruptedOf(task))
			}
		}
		if most != round {
			t.Errorf("after %d deaths the row counts %d interruptions before this one", round+1, most)
		}
		if err := errors.Join(client.Close(), m.Close()); err != nil {
			t.Fatal(err)
		}
	}
}
