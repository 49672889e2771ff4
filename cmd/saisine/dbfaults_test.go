package main

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"saisine.fr/saisine/ingest"
)

// TestDatabaseLocked has another program hold the write lock of the database. Short, and
// citizens wait for it; longer, and they are told that nothing was recorded; whenever it ends,
// all goes on.
func TestDatabaseLocked(t *testing.T) {
	locks := []struct {
		begin string
		held  time.Duration
	}{{"BEGIN IMMEDIATE", 2 * time.Second}}
	if *faultsFull {
		locks = append(locks, struct {
			begin string
			held  time.Duration
		}{"BEGIN EXCLUSIVE", 30 * time.Second}, struct {
			begin string
			held  time.Duration
		}{"BEGIN EXCLUSIVE", 2 * time.Minute})
	}
	for _, lock := range locks {
		t.Run(fmt.Sprintf("%s %s", lock.begin, lock.held), func(t *testing.T) {
			t.Parallel()
			row := newFault(t, fmt.Sprintf("another program holds the write lock for %s (%s)", lock.held, lock.begin),
				"up to 10 s citizens wait, then 503 with their text; mails and scans stay; all goes on when it ends, verify 0")
			tw := newTown(t)
			d := tw.start()
			l := newLoad(tw)
			l.mail("k0xmail0")
			tw.settled(1, 30*time.Second)
			db, err := sql.Open("sqlite3", "file:"+filepath.Join(tw.data, "saisine.db")+"?_busy_timeout=20000")
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			c, err := db.Conn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if _, err := c.ExecContext(t.Context(), lock.begin); err != nil {
				t.Fatal(err)
			}
			begun := time.Now()
			l.mail("k1xmail0")
			l.scan("k1xscan0")
			statuses, longest := map[int]int{}, time.Duration(0)
			for n := 0; time.Since(begun) < lock.held; n++ {
				mark := fmt.Sprintf("k1xform%d", n)
				release := func() {}
				if lock.held < 10*time.Second {
					timer := time.AfterFunc(lock.held, func() { _, _ = c.ExecContext(context.Background(), "ROLLBACK") })
					release = func() { timer.Stop() }
				}
				asked := time.Now()
				status, page, body, err := tw.postFor(time.Minute, "/demandes", form(mark), nil)
				release()
				if err != nil {
					t.Fatalf("after %s: %v", time.Since(asked), err)
				}
				took := time.Since(asked)
				if took > 15*time.Second {
					t.Errorf("a citizen waited %s", took)
				}
				longest = max(longest, took)
				statuses[status]++
				switch {
				case status == http.StatusSeeOther:
					l.marks[mark], l.told[mark] = ingest.StateFiled, page
				case status != http.StatusServiceUnavailable || !strings.Contains(body, "repère "+mark):
					t.Errorf("status %d, and the text is not kept", status)
				case tw.inbox() != 1 || len(tw.lying()) != 1:
					t.Errorf("%d mails and %d scans wait, one of each must", tw.inbox(), len(tw.lying()))
				}
			}
			if lock.held >= 10*time.Second {
				if statuses[http.StatusServiceUnavailable] == 0 {
					t.Errorf("statuses %v, no 503", statuses)
				}
				if ready := get(t, "http://"+tw.admin+"/readyz"); !strings.Contains(ready, "locked") {
					t.Errorf("readyz does not say that the database is locked: %s", ready)
				}
				if _, err := c.ExecContext(t.Context(), "ROLLBACK"); err != nil {
					t.Fatal(err)
				}
			}
			freed := time.Now()
			l.check()
			tw.eventually(90*time.Second, "inbox and folder are empty", func() bool { return tw.inbox() == 0 && len(tw.lying()) == 0 })
			row.ran()
			row.saw("a citizen waited at most %s", longest.Round(time.Second))
			row.saw("answers %v; all settled %s after the lock was gone", statuses, time.Since(freed).Round(10*time.Millisecond))
			tw.verify()
			d.stop()
		})
	}
}

// immutable makes a file unchangeable, or changeable again, for everybody and at once, also for
// who has it open (chattr +i).
func immutable(t *testing.T, on bool, files ...string) {
	t.Helper()
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		flags, err := unix.IoctlGetInt(int(f.Fd()), unix.FS_IOC_GETFLAGS)
		if err == nil {
			const immutableFlag = 0x10 // FS_IMMUTABLE_FL
			if flags &^= immutableFlag; on {
				flags |= immutableFlag
			}
			err = unix.IoctlSetPointerInt(int(f.Fd()), unix.FS_IOC_SETFLAGS, flags)
		}
		_ = f.Close()
		if err != nil {
			t.Skipf("files cannot be made immutable here (it takes root): %v", err)
		}
	}
}

// TestDatabaseReadOnly makes the database's files read-only under a running daemon.
func TestDatabaseReadOnly(t *testing.T) {
	t.Parallel()
	disk := newCutDisk(t, "ext4") // not every file system of a machine knows such files
	row := newFault(t, "the database's files become read-only", "503 with the citizen's text, the mail stays; all goes on when they can be written, verify 0")
	tw := newTown(t, func(s *townSetup) { s.data = filepath.Join(disk.dir, "data") })
	d := tw.start()
	l := newLoad(tw)
	l.mail("k0xmail0")
	tw.settled(1, 30*time.Second)
	db := filepath.Join(tw.data, "saisine.db")
	files := []string{db, db + "-wal"}
	for n := range runs(1, 5) {
		immutable(t, true, files...)
		mark := fmt.Sprintf("k%dxform0", n+1)
		status, _, body, err := tw.post(form(mark), nil)
		if err != nil || status != http.StatusServiceUnavailable || !strings.Contains(body, "repère "+mark) {
			t.Fatalf("status %d, %v, and the text: %v", status, err, strings.Contains(body, mark))
		}
		l.mail(fmt.Sprintf("k%dxmail1", n+1))
		tw.eventually(20*time.Second, "readyz names the mailbox", func() bool { return strings.Contains(get(t, "http://"+tw.admin+"/readyz"), "mailbox/sve") })
		if tw.inbox() != 1 {
			t.Errorf("%d mails in the inbox, want 1", tw.inbox())
		}
		immutable(t, false, files...)
		if status, _, _, err := tw.post(form(mark), nil); err != nil || status != http.StatusSeeOther {
			t.Fatalf("after it: %d, %v", status, err)
		}
		l.marks[mark] = ingest.StateFiled
		l.check()
		row.ran()
	}
	tw.verify()
	d.stop()
}

// TestDatabaseTakenAway replaces, removes and empties the database's files under a running
// daemon: it must not go on acknowledging what is written to files that nobody finds again.
func TestDatabaseTakenAway(t *testing.T) {
	for name, strike := range map[string]func(t *testing.T, db string){
		"replaced by a copy": func(t *testing.T, db string) {
			raw, err := os.ReadFile(db)
			if err == nil {
				err = os.WriteFile(db+".copy", raw, 0o600)
			}
			if err == nil {
				err = os.Rename(db+".copy", db)
			}
			if err != nil {
				t.Fatal(err)
			}
		},
		"removed": func(t *testing.T, db string) {
			if err := os.Remove(db); err != nil {
				t.Fatal(err)
			}
		},
		"its log removed": func(t *testing.T, db string) {
			if err := os.Remove(db + "-wal"); err != nil {
				t.Fatal(err)
			}
		},
		"emptied": func(t *testing.T, db string) {
			if err := os.Truncate(db, 0); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			row := newFault(t, "the database of a running daemon: "+name, "nothing is acknowledged any more, and readyz and the log say why")
			tw := newTown(t, func(s *townSetup) { s.noMail = true })
			d := tw.start()
			if status, _, _, err := tw.post(form("k0xform0"), nil); err != nil || status != http.StatusSeeOther {
				t.Fatalf("%d, %v", status, err)
			}
			tw.settled(1, 30*time.Second)
			strike(t, filepath.Join(tw.data, "saisine.db"))
			status, _, _, err := tw.post(form("k1xform0"), nil)
			if err != nil || status != http.StatusServiceUnavailable {
				t.Errorf("the form is answered with %d, %v", status, err)
			}
			tw.eventually(10*time.Second, "the log says why", func() bool { return strings.Contains(d.log.String(), "was replaced, removed or emptied") })
			d.kill()
			row.ran()
		})
	}
}

// TestDamagedDatabaseIsRefused starts the daemon on what is no database of it any more.
func TestDamagedDatabaseIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		damage func(t *testing.T, dir, db string) error
		want   string
	}{
		"cut in the middle": {func(_ *testing.T, _, db string) error {
			st, err := os.Stat(db)
			if err != nil {
				return err
			}
			return os.Truncate(db, st.Size()/2)
		}, "the database is damaged"},
		"emptied": {func(_ *testing.T, _, db string) error { return os.Truncate(db, 0) }, "is empty"},
		"removed": {func(_ *testing.T, _, db string) error { return os.Remove(db) }, "is not there"},
		"overwritten": {func(_ *testing.T, _, db string) error {
			return os.WriteFile(db, bytes.Repeat([]byte("ceci n’est pas une base "), 10_000), 0o600)
		}, "the database is damaged"},
		"a folder": {func(_ *testing.T, _, db string) error {
			if err := os.Remove(db); err != nil {
				return err
			}
			return os.Mkdir(db, 0o700)
		}, "directory"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			row := newFault(t, "started on a database that was "+name, "refused within seconds, exit 1, with a message that says what is wrong")
			tw := newTown(t, func(s *townSetup) { s.noMail = true })
			d := tw.start()
			if status, _, _, err := tw.post(form("k0xform0"), map[string][]byte{"a.bin": make([]byte, 300_000)}); err != nil || status != http.StatusSeeOther {
				t.Fatalf("%d, %v", status, err)
			}
			tw.settled(1, 30*time.Second)
			d.stop()
			if err := c.damage(t, tw.data, filepath.Join(tw.data, "saisine.db")); err != nil {
				t.Fatal(err)
			}
			d = tw.launch()
			select {
			case <-d.done:
			case <-time.After(20 * time.Second):
				t.Fatalf("it runs:\n%s", d.log.tail(20))
			}
			if ws, ok := d.cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || ws.ExitStatus() != 1 || !strings.Contains(d.log.String(), c.want) {
				t.Errorf("exit %v:\n%s", ws, d.log.tail(10))
			}
			row.ran()
			lines := strings.Split(strings.TrimSpace(d.log.tail(1)), "\n")
			row.saw("%.220q", strings.ReplaceAll(lines[len(lines)-1], tw.data, "DATA"))
		})
	}
}
