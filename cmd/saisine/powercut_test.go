package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// cutDisk is a file system of its own on a loop device, that can lose its power.
type cutDisk struct {
	t     *testing.T
	kind  string // ext4 or xfs
	image string
	dir   string // where it is mounted
}

// newCutDisk makes and mounts one. It skips the test where that is not allowed.
func newCutDisk(t *testing.T, kind string) *cutDisk {
	t.Helper()
	return newDiskIn(t, kind, t.TempDir(), 400<<20) // mkfs.xfs makes nothing below 300 MB
}

// newDiskIn makes a disk whose image, sparse, lies in a folder.
func newDiskIn(t *testing.T, kind, folder string, size int64, options ...string) *cutDisk {
	t.Helper()
	d := &cutDisk{t: t, kind: kind, image: filepath.Join(folder, "disk.img"), dir: filepath.Join(t.TempDir(), "disk")}
	if err := os.Mkdir(d.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(d.image)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(size); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mkfs."+kind, append(options, "-q", d.image)...).CombinedOutput(); err != nil {
		t.Fatalf("mkfs.%s: %v\n%s", kind, err, out)
	}
	if out, err := exec.Command("mount", "-o", "loop", d.image, d.dir).CombinedOutput(); err != nil {
		t.Skipf("no loop device can be mounted here (it takes root): %v %s", err, out)
	}
	t.Cleanup(func() { _ = syscall.Unmount(d.dir, syscall.MNT_DETACH) })
	return d
}

const (
	// goingDown is XFS_IOC_GOINGDOWN, which is EXT4_IOC_SHUTDOWN as well: what "xfs_io -x -c
	// shutdown" calls (linux: fs/xfs/libxfs/xfs_fs.h, fs/ext4/ext4.h).
	goingDown = 0x8004587d
	// noLogFlush leaves out of the journal what is not in it yet, as a power cut does.
	noLogFlush = 2
)

// cut takes the power: nothing is written from now on, and what was not synced is lost.
func (d *cutDisk) cut() {
	d.t.Helper()
	f, err := os.Open(d.dir)
	if err != nil {
		d.t.Fatal(err)
	}
	defer f.Close()
	if err := unix.IoctlSetPointerInt(int(f.Fd()), goingDown, noLogFlush); err != nil {
		d.t.Fatalf("shutdown: %v", err)
	}
}

// power mounts the disk again, which replays its journal.
func (d *cutDisk) power(tw *town) {
	d.t.Helper()
	var out []byte
	if !tw.within(20*time.Second, func() bool {
		// Children of the daemon end a moment after it.
		return syscall.Unmount(d.dir, 0) == nil
	}) {
		d.t.Fatal("the disk stays busy")
	}
	var err error
	if out, err = exec.Command("mount", "-o", "loop", d.image, d.dir).CombinedOutput(); err != nil {
		d.t.Fatalf("mount after the cut: %v\n%s", err, out)
	}
}

// TestPowerCut takes the power from the disk under the data and the scans of a busy town,
// again and again. Whatever was acknowledged must be there afterwards: forms whose
// citizen was shown a number, mails that were moved, scans that were moved.
func TestPowerCut(t *testing.T) {
	for _, kind := range []string{"ext4", "xfs"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			disk := newCutDisk(t, kind)
			row := newFault(t, "power cut, "+kind, "all that was acknowledged is there, the rest comes once, verify 0")
			tw := newTown(t, func(s *townSetup) {
				s.data, s.scans = filepath.Join(disk.dir, "data"), filepath.Join(disk.dir, "scans")
			})
			tw.start().stop() // the database and its folders are a matter of their own
			l := newLoad(tw)
			lost, told, slowest := 0, [3]int{}, time.Duration(0)
			n := runs(1, 20)
			for round := range n {
				gone, had, settled := powerCut(t, disk, tw, l, round)
				if t.Failed() {
					return
				}
				row.ran()
				told = had // they add up: no town is cleaned
				slowest = max(slowest, settled)
				if gone {
					lost++
				}
			}
			if lost == 0 {
				t.Error("no cut lost what was not synced: this proves nothing")
			}
			row.saw("%d pieces; acknowledged before a cut and there after it: %d forms, %d mails, %d scans; a file that was not synced was lost in %d cuts; settled at most %s after the restart",
				len(l.marks)+len(l.twins), told[0], told[1], told[2], lost, slowest.Round(10*time.Millisecond))
		})
	}
}

func powerCut(t *testing.T, disk *cutDisk, tw *town, l *load, round int) (lost bool, told [3]int, settled time.Duration) {
	synced, unsynced := filepath.Join(disk.dir, "synced"), filepath.Join(disk.dir, "unsynced")
	content := fmt.Appendf(nil, "round %d", round)
	if err := writeSynced(synced, content); err != nil {
		t.Fatal(err)
	}
	d := tw.start()
	tr := l.begin(round, nil)
	// From the first piece to well within the work.
	time.Sleep(time.Duration(100+rand.IntN(2400)) * time.Millisecond)
	if err := os.WriteFile(unsynced, content, 0o600); err != nil {
		t.Fatal(err)
	}
	disk.cut()
	// The daemon sees for a moment that its disk is gone, and must not acknowledge.
	time.Sleep(time.Duration(rand.IntN(400)) * time.Millisecond)
	d.kill()
	tr.stop()
	disk.power(tw)

	if got, err := os.ReadFile(synced); err != nil || string(got) != string(content) {
		t.Fatalf("the disk does not keep what was synced: %q, %v", got, err)
	}
	got, err := os.ReadFile(unsynced)
	lost = err != nil || string(got) != string(content)
	_ = os.Remove(unsynced)
	tr.settleTorn(t)
	told[0], told[1], told[2] = l.acknowledged(t)

	restarted := time.Now()
	second := tw.start()
	tr.citizens.Wait()
	l.check()
	settled = time.Since(restarted)
	tw.eventually(20*time.Second, "inbox and scan folder are empty", func() bool { return tw.inbox() == 0 && len(tw.lying()) == 0 })
	for mark, page := range l.told {
		if strings.HasPrefix(mark, fmt.Sprintf("k%dx", round)) && !tw.answers("http://"+tw.public+page) {
			t.Errorf("the page that %s was shown is gone", mark)
		}
	}
	tw.verify()
	second.stop()
	return lost, told, settled
}
