package main

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"saisine.fr/saisine/ingest"
)

// thinDisk is a disk that promises more room than it has, as thinly provisioned ones do: when
// its store is full, what the file system has accepted cannot be written, fsync fails with
// EIO, and the kernel then holds for clean what is not on the disk.
type thinDisk struct {
	*cutDisk
	ballast string
}

func newThinDisk(t *testing.T) *thinDisk {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("saisine-test", dir, "tmpfs", 0, "size=160m"); err != nil {
		t.Skipf("a small disk cannot be mounted here (it takes root): %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	// XFS has the blocks of its log from the beginning, and writes what is in it again and
	// again until it can: what fails is the data, and not the file system. (ext4 gives up its
	// journal, which is a disk that went away, and not this.)
	d := newDiskIn(t, "xfs", dir, 1<<30)
	return &thinDisk{d, filepath.Join(dir, "ballast")}
}

// exhaust takes what is left of the store.
func (d *thinDisk) exhaust() {
	d.t.Helper()
	f, err := os.OpenFile(d.ballast, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		d.t.Fatal(err)
	}
	defer f.Close()
	for size := 1 << 20; size >= 4096; size /= 2 {
		for {
			if _, err := f.Write(make([]byte, size)); err != nil {
				break
			}
		}
	}
}

func (d *thinDisk) extend() {
	d.t.Helper()
	if err := os.Remove(d.ballast); err != nil {
		d.t.Fatal(err)
	}
}

// TestFsyncReallyFails lets the fsyncs of the database fail for good, by a disk that cannot
// write, lets them succeed again, and then takes the power. What was acknowledged at any
// time must be there: a failed fsync must never be taken for mended because the next one
// succeeds (PostgreSQL's fsyncgate: the kernel reports the fault once and drops the pages).
func TestFsyncReallyFails(t *testing.T) {
	for _, restart := range []bool{false, true} {
		name := "the daemon goes on"
		if restart {
			name = "the daemon is killed and started again"
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			row := newFault(t, "fsync fails with EIO on a real disk, "+name+", then a power cut",
				"nothing is acknowledged while it fails, all that is acknowledged later survives the cut, verify 0")
			for range runs(1, 10) {
				fsyncFails(t, row, restart)
				if t.Failed() {
					return
				}
			}
		})
	}
}

func fsyncFails(t *testing.T, row *faultRow, restart bool) {
	disk := newThinDisk(t)
	tw := newTown(t, func(s *townSetup) { s.data = filepath.Join(disk.dir, "data") })
	l := newLoad(tw)
	d := tw.start()
	l.mail("k0xmail0")
	tw.settled(1, 30*time.Second)
	disk.exhaust()
	refused, sent := 0, 0
	tw.eventually(time.Minute, "three forms in a row are refused", func() bool {
		mark := fmt.Sprintf("k1xform%d", sent)
		sent++
		// Not so large that it becomes a file: it goes through the database's log.
		status, page, body, err := tw.post(form(mark), map[string][]byte{"piece.bin": bytes.Repeat([]byte(mark), 20_000)})
		if err != nil {
			t.Fatal(err)
		}
		if status == http.StatusSeeOther {
			l.marks[mark], l.told[mark] = ingest.StateFiled, page
			refused = 0
			return false
		}
		if status != http.StatusServiceUnavailable || !strings.Contains(body, "repère "+mark) {
			t.Fatalf("status %d, and the text is not kept: %.300s", status, body)
		}
		refused++
		l.maybe[mark] = true // what a later start finds of it in the log is no harm
		return refused >= 3
	})
	l.mail("k2xmail0")
	tw.eventually(20*time.Second, "readyz names the fault", func() bool {
		return strings.Contains(get(t, "http://"+tw.admin+"/readyz"), `"ready":false`)
	})
	disk.extend()
	if restart {
		d.kill()
		d = tw.start()
	}
	tr := l.begin(3, nil)
	time.Sleep(1500 * time.Millisecond) // traffic after the fault
	tr.stop()
	tr.citizens.Wait()
	tw.eventually(30*time.Second, "the inbox is empty", func() bool { return tw.inbox() == 0 })
	disk.cut()
	d.kill()
	disk.power(tw)
	forms, mails, scans := l.acknowledged(t)
	second := tw.start()
	l.check()
	tw.verify()
	second.stop()
	row.ran()
	row.saw("%d forms, %d mails, %d scans acknowledged and there", forms, mails, scans)
}
