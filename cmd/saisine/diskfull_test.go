package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/deliver/eximtest"
)

// TestDiskFillsUp fills the disk of a town that writes receipts at moments that nobody chose,
// while work of every kind comes in, and makes room again. TestDiskFull looks at what each
// channel says meanwhile; this one that nothing is lost, whatever was under way, and
// that all goes on without a restart.
func TestDiskFillsUp(t *testing.T) {
	t.Parallel()
	disk := t.TempDir()
	if err := syscall.Mount("saisine-test", disk, "tmpfs", 0, "size=160m"); err != nil {
		t.Skipf("a small disk cannot be mounted here (it takes root): %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(disk, syscall.MNT_DETACH) })
	row := newFault(t, "the disk fills up at random moments", "what was acknowledged is there, receipts too; all goes on without a restart when there is room, verify 0")
	tw := newPostTown(t, "", func(s *townSetup) {
		s.data, s.level = filepath.Join(disk, "data"), "info"
	})
	d := tw.start()
	l := newLoad(tw.town)
	ballast := filepath.Join(disk, "ballast")
	fill := func() {
		f, err := os.OpenFile(ballast, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			if errors.Is(err, syscall.ENOSPC) {
				return
			}
			t.Fatal(err)
		}
		defer f.Close()
		for size := 1 << 20; size >= 512; size /= 2 {
			for {
				if _, err := f.Write(make([]byte, size)); err != nil {
					break
				}
			}
		}
	}
	full := 0
	for round := range runs(1, 10) {
		tr := l.begin(round, func(tr *traffic, n int) {
			if n%4 == 0 {
				name := fmt.Sprintf("k%dxecrit%d", round, n)
				tw.dovecot.Deliver(townUser, citizenMail(name, "", fmt.Sprintf("Le lampadaire devant le %d rue du Repère %s est en panne depuis lundi, la rue est dans le noir.\r\n", n+1, name)))
				l.marks[name] = ingest.StateFiled
			}
		})
		time.Sleep(time.Duration(200+rand.IntN(1500)) * time.Millisecond)
		for end := time.Now().Add(time.Duration(1000+rand.IntN(1500)) * time.Millisecond); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
			fill() // again, should something have been given back
		}
		var st syscall.Statfs_t
		if err := syscall.Statfs(disk, &st); err != nil {
			t.Fatal(err)
		}
		if st.Bavail < 64 {
			full++
		}
		l.acknowledged(t)
		tr.stop()
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
		freed := time.Now()
		tr.citizens.Wait()
		l.reconcile(t)
		tw.eventually(90*time.Second, "inbox and folder are empty", func() bool { return tw.inbox() == 0 && len(tw.lying()) == 0 })
		row.ran()
		row.saw("settled within %ds of there being room", roundUp(time.Since(freed)))
		if d.ended() || t.Failed() {
			t.Fatalf("round %d:\n%s", round, d.log.tail(40))
		}
	}
	if full == 0 {
		t.Error("the disk was never full")
	}
	tw.answeredOnce(0, l)
	row.saw("%d pieces, %d receipts at %s", len(l.marks)+len(l.twins), len(tw.exim.Received()), eximtest.Domain)
	tw.verify()
	d.stop()
}
