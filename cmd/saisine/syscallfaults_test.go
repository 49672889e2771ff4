package main

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"saisine.fr/saisine/ingest"
)

// inject lets system calls of a running daemon fail, by strace, until it is told to stop. It
// skips the test where strace may not.
func (d *daemonProcess) inject(t *testing.T, args ...string) (stop func()) {
	t.Helper()
	cmd := exec.Command("strace", append(append([]string{"-f", "-qq", "-o", os.DevNull}, args...), "-p", strconv.Itoa(d.cmd.Process.Pid))...)
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Skipf("strace: %v", err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	once := sync.OnceFunc(func() {
		_ = cmd.Process.Signal(os.Interrupt) // it lets go of the daemon
		<-ended
	})
	t.Cleanup(once)
	traced := func() bool {
		select {
		case <-ended:
			t.Skipf("strace may not look at a process here: %s", &said)
		default:
		}
		// Every thread has a tracer.
		threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", d.cmd.Process.Pid))
		for _, name := range threads {
			status, err := os.ReadFile(name)
			if err == nil && strings.Contains(string(status), "TracerPid:\t0\n") {
				return false
			}
		}
		return len(threads) > 0
	}
	for deadline := time.Now().Add(20 * time.Second); !traced(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("strace does not get hold of the daemon: %s", &said)
		}
	}
	return once
}

// syscallFault is a way in which calls of the system fail.
type syscallFault struct {
	name  string
	calls string // as strace names them
	with  string // how they fail
	// database is set when only those on the database's files fail.
	database bool
	// blocks tells what cannot be acknowledged while it lasts.
	blocks string // "all", "large" (what becomes a file), "none"
}

// TestSystemCallsFail lets fsync, write and rename fail on the real program while work of every
// kind comes in. Nothing may be acknowledged that is not stored, the daemon goes on, and when the
// fault is over all is treated without a restart.
func TestSystemCallsFail(t *testing.T) {
	faults := []syscallFault{
		{"each fsync fails (EIO)", "fsync,fdatasync", "error=EIO", false, "all"},
		{"every third fsync fails (EIO)", "fsync,fdatasync", "error=EIO:when=3+3", false, "none"},
		{"each write of the database fails (EIO)", "pwrite64", "error=EIO", true, "all"},
		{"each write of the database finds no room (ENOSPC)", "pwrite64", "error=ENOSPC", true, "all"},
		{"every fifth write of the database fails (EIO)", "pwrite64", "error=EIO:when=5+5", true, "none"},
		{"each rename fails (EIO)", "rename,renameat,renameat2", "error=EIO", false, "large"},
		{"each rename finds no room (ENOSPC)", "rename,renameat,renameat2", "error=ENOSPC", false, "large"},
		{"each reading of the database fails (EIO)", "pread64", "error=EIO", true, "some"},
	}
	if !*faultsFull {
		faults = []syscallFault{faults[0], faults[5]}
	}
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			row := newFault(t, f.name, "no acknowledgement of what is not stored, the daemon goes on, all is treated when it is over, verify 0")
			tw := newTown(t)
			l := newLoad(tw)
			d := tw.start()
			l.mail("k0xmail0")
			tw.settled(1, 30*time.Second)
			for round := range runs(1, 5) {
				if systemCallsFail(t, row, tw, d, l, f, round+1); t.Failed() {
					return
				}
			}
			d.kill()
			l.acknowledged(t)
			second := tw.start()
			l.reconcile(t)
			tw.verify()
			second.stop()
		})
	}
}

func systemCallsFail(t *testing.T, row *faultRow, tw *town, d *daemonProcess, l *load, f syscallFault, round int) {
	args := []string{"-e", "trace=" + f.calls, "-e", "inject=" + f.calls + ":" + f.with}
	if f.database {
		db := filepath.Join(tw.data, "saisine.db")
		args = append(args, "-P", db, "-P", db+"-wal")
	}
	over := d.inject(t, args...)
	statuses := map[string]int{}
	var citizens sync.WaitGroup
	mark := func(kind string, n int) string { return fmt.Sprintf("k%dx%s%d", round, kind, n) }
	for n := range 4 {
		for kind, file := range map[string][]byte{"form": nil, "pj": bytes.Repeat([]byte{byte(n), byte(round)}, 150_000)} {
			m := mark(kind, n)
			files := map[string][]byte{}
			if file != nil {
				files["piece.bin"] = file
			}
			status, page, body, err := tw.postFor(time.Minute, "/demandes", form(m), files)
			if err != nil {
				t.Fatalf("%v\n%s", err, d.log.tail(20))
			}
			statuses[fmt.Sprintf("%s %d", kind, status)]++
			// Where the page to follow it cannot be shown, its number is.
			told := status == http.StatusSeeOther || status == http.StatusOK && strings.Contains(body, "est bien enregistrée sous le numéro")
			switch {
			case told:
				l.marks[m], l.told[m] = ingest.StateFiled, page
				if f.blocks == "all" || f.blocks == "large" && file != nil {
					t.Errorf("%s was acknowledged", m)
				}
			case status == http.StatusServiceUnavailable:
				if !strings.Contains(body, "repère "+m) {
					t.Errorf("the text of %s is not kept", m)
				}
				if f.blocks == "large" && file == nil {
					t.Errorf("%s was refused", m)
				}
				// The citizen sends it again, as the page says.
				l.formOf(&citizens, m, form(m), files)
			default:
				t.Errorf("%s: %d", m, status)
			}
		}
	}
	l.mail(mark("mail", 0))
	l.bigMail(mark("gros", 0))
	l.scan(mark("scan", 0))
	if f.blocks == "all" {
		tw.eventually(30*time.Second, "readyz names the mailbox", func() bool {
			return strings.Contains(get(t, "http://"+tw.admin+"/readyz"), "mailbox/sve")
		})
		if tw.inbox() != 2 || len(tw.lying()) != 1 {
			t.Errorf("%d mails and %d scans wait, want 2 and 1", tw.inbox(), len(tw.lying()))
		}
	}
	if d.ended() {
		t.Fatalf("the daemon ended:\n%s", d.log.tail(40))
	}
	over()
	freed := time.Now()
	citizens.Wait()
	l.reconcile(t)
	tw.eventually(90*time.Second, "inbox and folder are empty", func() bool { return tw.inbox() == 0 && len(tw.lying()) == 0 })
	row.ran()
	row.saw("answers %v; all settled within %ds of its end", statuses, roundUp(time.Since(freed)))
}
