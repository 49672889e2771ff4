package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"saisine.fr/saisine/config"
	"saisine.fr/saisine/queue"
)

// A look at the queues, every twenty seconds as with WatchdogSec=60.
func TestPulse(t *testing.T) {
	t.Parallel()
	long := 40 * time.Minute
	mail := queue.Progress{Queue: queue.QueueMail, Slots: 2}
	scans := queue.Progress{Queue: queue.QueueOCR, Slots: 2}
	running := func(p queue.Progress, kinds ...queue.Kind) queue.Progress {
		p.Running = kinds
		return p
	}
	waiting := func(p queue.Progress) queue.Progress {
		p.Waiting = 3
		return p
	}
	for name, tc := range map[string]struct {
		lane queue.Progress
		// moves and pages are how often a task moves and a page is done; 0 = never.
		moves, pages time.Duration
		// stuck is after how long it is noticed; 0 = never.
		stuck time.Duration
	}{
		"nothing to do":                            {lane: mail},
		"waits, and no worker takes it":            {lane: waiting(mail), stuck: takenWithin},
		"waits, a worker is free and one is at it": {lane: waiting(running(mail, queue.KindProcess)), stuck: takenWithin},
		"waits, all workers are at it":             {lane: waiting(running(mail, queue.KindProcess, queue.KindProcess)), stuck: reading},
		"one hangs alone":                          {lane: running(mail, queue.KindProcess), stuck: reading},
		"much to do, and it is done":               {lane: waiting(running(mail, queue.KindProcess, queue.KindProcess)), moves: time.Minute},
		"a long scan, page by page":                {lane: waiting(running(scans, queue.KindRecognize, queue.KindRecognize)), pages: 10 * time.Minute},
		"a scan, and no page is done":              {lane: running(scans, queue.KindRecognize), stuck: reading + 10*time.Minute},
		"pages do not excuse mail":                 {lane: running(mail, queue.KindProcess), pages: time.Minute, stuck: reading},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := newPulse(config.Default())
				begun := time.Now()
				// Long idle before: that says nothing of the workers.
				tc.lane.Moved = begun.Add(-24 * time.Hour)
				last := map[string]time.Time{"move": begun, "page": begun}
				due := func(what string, every time.Duration) bool {
					if every == 0 || time.Since(last[what]) < every {
						return false
					}
					last[what] = time.Now()
					return true
				}
				for time.Since(begun) < long {
					time.Sleep(20 * time.Second)
					if due("move", tc.moves) {
						tc.lane.Moved = time.Now()
					}
					if due("page", tc.pages) {
						p.page()
					}
					p.judge(time.Now(), []queue.Progress{tc.lane})
					if reason := p.stuck(); reason != "" {
						// One look to see that there is something to do, one to see that it is too long.
						if after := time.Since(begun); tc.stuck == 0 || after < tc.stuck || after > tc.stuck+time.Minute {
							t.Fatalf("after %s: %s", after, reason)
						}
						if !strings.HasPrefix(reason, tc.lane.Queue+":") {
							t.Errorf("reason %q", reason)
						}
						return
					}
				}
				if tc.stuck != 0 {
					t.Errorf("not noticed in %s", long)
				}
			})
		})
	}
}

// A Redis that is down or frozen says nothing against the workers, and what it says when it
// is back counts from then on.
func TestPulseWithoutRedis(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPulse(config.Default())
		begun := time.Now()
		var state atomic.Int32 // 0 answers, 1 fails, 2 is frozen
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			p.follow(ctx, 20*time.Second, func(ctx context.Context) ([]queue.Progress, error) {
				switch state.Load() {
				case 1:
					return nil, errors.New("refused")
				case 2:
					// An answer that comes when nobody waits for it any more.
					time.Sleep(10 * time.Minute)
				}
				return []queue.Progress{{Queue: queue.QueueMail, Slots: 1, Waiting: 1, Moved: begun}}, nil
			})
		}()
		at := func(minutes int, stuck bool) {
			t.Helper()
			time.Sleep(time.Until(begun.Add(time.Duration(minutes) * time.Minute)))
			synctest.Wait()
			if got := p.stuck() != ""; got != stuck {
				t.Errorf("after %d min: stuck %t (%s)", minutes, got, p.stuck())
			}
		}
		at(7, true)
		state.Store(1)
		at(8, false)
		at(60, false)
		state.Store(0)
		at(64, false)
		at(67, true)
		state.Store(2)
		at(70, false)
		at(75, false)
		cancel()
		<-done
	})
}

// The database answers, then hangs, then answers; meanwhile workers hang.
func TestFeed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var hangs, full, stuck atomic.Bool
		var fed atomic.Int32
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			feed(ctx, slog.New(slog.DiscardHandler), 20*time.Second, func(ctx context.Context) error {
				switch {
				case hangs.Load():
					<-ctx.Done()
					return ctx.Err()
				case full.Load():
					return errors.New("disk full")
				}
				return nil
			}, func() string {
				if stuck.Load() {
					return "mail: no sign"
				}
				return ""
			}, func() { fed.Add(1) })
		}()
		within := func(what string, least, most int32) {
			t.Helper()
			before := fed.Load()
			time.Sleep(2 * time.Minute)
			synctest.Wait()
			if n := fed.Load() - before; n < least || n > most {
				t.Errorf("%s: fed %d times in two minutes", what, n)
			}
		}
		within("well", 5, 6)
		hangs.Store(true)
		within("the database hangs", 0, 0)
		hangs.Store(false)
		within("it answers again", 5, 6)
		full.Store(true)
		within("the disk is full", 5, 6)
		stuck.Store(true)
		within("the workers hang", 0, 0)
		cancel()
		<-done
	})
}

// The watchdog's SIGABRT, and a crash, do not look like a fault of the configuration, after which
// the unit does not start the daemon again; and no core is left.
func TestAbortIsNoUsageError(t *testing.T) {
	t.Parallel()
	unit, err := os.ReadFile(filepath.Join(packaging, "saisine.service"))
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("\nRestartPreventExitStatus=%d\n", exitUsage); !strings.Contains(string(unit), want) {
		t.Errorf("the unit lacks %q", want)
	}
	tw := newTown(t, func(s *townSetup) { s.noMail = true })
	d := tw.start()
	if err := d.cmd.Process.Signal(syscall.SIGABRT); err != nil {
		t.Fatal(err)
	}
	select {
	case <-d.done:
	case <-time.After(30 * time.Second):
		t.Fatal("it does not end")
	}
	if ws, ok := d.cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || !ws.Signaled() || ws.Signal() != syscall.SIGABRT || ws.CoreDump() {
		t.Errorf("it ended by %s", d.cmd.ProcessState)
	}
	tw.start().stop()
	tw.verify()
}

// The daemon and a socket as systemd has it: ready, fed, not fed while another process holds
// the database, fed again, stopping.
func TestNotifiesSystemd(t *testing.T) {
	t.Parallel()
	socket, conn := notifySocket(t)
	// heard waits for a state, and reports whether it came in that time.
	heard := func(state string, within time.Duration) bool {
		t.Helper()
		buf := make([]byte, 4096)
		for end := time.Now().Add(within); ; {
			if err := conn.SetReadDeadline(end); err != nil {
				t.Fatal(err)
			}
			n, err := conn.Read(buf)
			if err != nil {
				return false
			}
			if string(buf[:n]) == state {
				return true
			}
		}
	}
	tw := newTown(t, func(s *townSetup) { s.noMail = true })
	// Asked every second: a database that is locked for longer than that does not answer.
	d := tw.start("NOTIFY_SOCKET="+socket, "WATCHDOG_USEC=3000000")
	if !heard("READY=1\nSTATUS=", time.Minute) {
		t.Fatal("not ready")
	}
	if !heard("WATCHDOG=1", 20*time.Second) {
		t.Fatal("not fed")
	}
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(tw.data, "saisine.db")+"?_busy_timeout=10000&_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	heard("WATCHDOG=1", time.Second) // one that was under way
	if heard("WATCHDOG=1", 4*time.Second) {
		t.Error("fed while the database does not answer")
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if !heard("WATCHDOG=1", 30*time.Second) {
		t.Error("not fed when the database answers again")
	}
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		d.stop()
	}()
	if !heard("STOPPING=1", 30*time.Second) {
		t.Error("not told that it stops")
	}
	<-stopped
}

// While a database is brought up to date systemd waits, and its status says why.
func TestUpgradeAsksForTime(t *testing.T) {
	socket, conn := notifySocket(t)
	t.Setenv("NOTIFY_SOCKET", socket)
	upgrading(t.Context(), slog.New(slog.DiscardHandler), 7, 10)
	if got := nextNotice(t, conn); got != "EXTEND_TIMEOUT_USEC=21600000000\nSTATUS=brings the database up to date (7 to 10)" {
		t.Errorf("told %q", got)
	}
}

// notifySocket is a socket as systemd has it for a service (sd_notify(3)).
func notifySocket(t *testing.T) (path string, conn *net.UnixConn) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return path, conn
}

// nextNotice is what systemd is told next.
func nextNotice(t *testing.T, conn *net.UnixConn) string {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 4096)
	n, err := conn.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	return string(buf[:n])
}
