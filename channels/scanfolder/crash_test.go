package scanfolder

import (
	"context"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"saisine.fr/saisine/config"
	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/crashpoint"
)

// childEnv makes the test binary a process that takes in what lies in a folder, so
// that it can be killed at a crash point: "FOLDER|LEDGER".
const childEnv = "SCANFOLDER_TEST_CHILD"

func TestMain(m *testing.M) {
	if spec := os.Getenv(childEnv); spec != "" {
		os.Exit(child(spec))
	}
	os.Exit(m.Run())
}

func child(spec string) int {
	dir, ledger, _ := strings.Cut(spec, "|")
	l, err := openLedger(ledger)
	if err != nil {
		return 3
	}
	a := New(config.ScanFolder{Name: "courrier", Dir: dir, Poll: 10 * time.Millisecond, StableFor: 10 * time.Millisecond}, Options{
		Spool: ingest.Spool{Dir: filepath.Dir(ledger)}, MaxFile: 1 << 20, Ledger: l, Log: slog.New(slog.DiscardHandler),
	})
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := a.Run(ctx, l); err != nil {
		return 4
	}
	return 0
}

// kill runs a child until the crash point kills it.
func (d *desk) kill(point string) {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), 20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+d.dir+"|"+d.ledger.path, crashpoint.EnvVar+"="+point)
	_ = cmd.Run()
	if ctx.Err() != nil {
		d.t.Fatalf("the child hangs before %s", point)
	}
	if ws, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || !ws.Signaled() || ws.Signal() != syscall.SIGKILL {
		d.t.Fatalf("the child was not killed at %s: %v", point, cmd.ProcessState)
	}
	l, err := openLedger(d.ledger.path)
	if err != nil {
		d.t.Fatal(err)
	}
	d.ledger = l
	d.restart()
}

// deliver does what the outbox does for every final row, until each is done.
func (d *desk) deliver() {
	d.t.Helper()
	for _, r := range d.ledger.all() {
		if r.State == ingest.StateReceived {
			d.ledger.set(d.t, r.ID, func(r *row) { r.State, r.Request = ingest.StateFiled, "2026-000042" })
			r.State, r.Request = ingest.StateFiled, "2026-000042"
		}
		if r.Sub.Hints.Partial {
			continue // the adapter's own note is beside it
		}
		place, err := UpdateNote(d.dir, r.Ack, Note{ID: r.ID, State: r.State, Reason: r.Reason, Reference: r.Request})
		if err != nil {
			d.t.Errorf("note of %s at %q: %v", r.ID, r.Ack, err)
		} else if place != r.Ack {
			d.t.Errorf("scan of %s lies at %q, the ledger says %q", r.ID, place, r.Ack)
		}
	}
}

func TestKilledAtAnyStepNothingIsLostOrDoubled(t *testing.T) {
	cases := []struct {
		name   string
		points []string
		setUp  func(d *desk)
		want   []string
		rows   int
		tries  int // retries of the first row, at least
	}{
		{
			name:   "new scan",
			points: []string{"scan.spooled", "scan.submitted", "scan.acknowledged", "scan.moved", "scan.noted"},
			setUp:  func(d *desk) { d.drop("urbanisme/a.pdf", pdf("a")) },
			want:   []string{"MONTH/a.pdf", "MONTH/a.pdf.reçu.txt"},
			rows:   1,
		},
		{
			name:   "two copies",
			points: []string{"scan.spooled", "scan.submitted", "scan.acknowledged", "scan.moved", "scan.noted", "scan.spooled:2", "scan.submitted:2", "scan.noted:2", "scan.moved:2"},
			setUp:  func(d *desk) { d.drop("a.pdf", pdf("a")); d.drop("b.pdf", pdf("a")) },
			want:   []string{"MONTH/a.pdf", "MONTH/a.pdf.reçu.txt", "_doublons/b.pdf", "_doublons/b.pdf.doublon.txt"},
			rows:   1,
		},
		{
			name:   "no scan",
			points: []string{"scan.spooled", "scan.submitted", "scan.acknowledged", "scan.moved", "scan.noted"},
			setUp:  func(d *desk) { d.drop("a.doc", "no scan") },
			want:   []string{"_échecs/a.doc", "_échecs/a.doc.erreur.txt"},
			rows:   1,
		},
		{
			name:   "too large",
			points: []string{"scan.noted", "scan.moved"},
			setUp:  func(d *desk) { d.drop("a.pdf", pdf(strings.Repeat("x", 1<<20))) },
			want:   []string{"_échecs/a.pdf", "_échecs/a.pdf.erreur.txt"},
			rows:   1, // that says it came and where it lies
		},
		{
			name:   "same names",
			points: []string{"scan.acknowledged", "scan.moved", "scan.acknowledged:2", "scan.moved:2", "scan.noted:2"},
			setUp:  func(d *desk) { d.drop("a.pdf", pdf("a")); d.drop("b/a.pdf", pdf("b")) },
			want:   []string{"MONTH/a.pdf", "MONTH/a.pdf.reçu.txt", "MONTH/a (2).pdf", "MONTH/a (2).pdf.reçu.txt"},
			rows:   2,
		},
		{
			name:   "retry",
			points: []string{"scan.spooled", "scan.submitted", "scan.acknowledged", "scan.retried", "scan.moved", "scan.noted"},
			setUp: func(d *desk) {
				d.drop("a.pdf", pdf("a"))
				d.settle()
				r := d.wantRows(1)[0]
				place, err := UpdateNote(d.dir, r.Ack, Note{ID: r.ID, State: ingest.StateFailed, Reason: "illisible"})
				if err != nil {
					d.t.Fatal(err)
				}
				d.ledger.set(d.t, r.ID, func(r *row) { r.State, r.Ack = ingest.StateFailed, place })
				d.drop("b/x", "")
				d.rename(place, "b/a.pdf")
			},
			want:  []string{"MONTH/a.pdf", "MONTH/a.pdf.reçu.txt", "b/x"},
			rows:  1,
			tries: 1,
		},
	}
	noScan := cases[len(cases)-1]
	noScan.name, noScan.want = "retry of no scan", []string{"MONTH/a.doc", "MONTH/a.doc.reçu.txt", "b/x"}
	noScan.setUp = func(d *desk) {
		d.drop("a.doc", "no scan")
		d.settle()
		d.drop("b/x", "")
		d.rename("_échecs/a.doc", "b/a.doc")
	}
	for _, tc := range append(cases, noScan) {
		for _, point := range tc.points {
			t.Run(tc.name+"/"+point, func(t *testing.T) {
				t.Parallel()
				d := newDesk(t)
				tc.setUp(d)
				d.kill(point)
				d.settle()
				d.wait(stable)
				d.settle()
				rows := d.wantRows(tc.rows)
				for _, r := range rows {
					if r.Sub.Hints.Partial {
						continue // the scan itself is not in the ledger
					}
					if d.read(r.Ack) != string(r.Content) {
						t.Errorf("the place %q does not hold the bytes of its row", r.Ack)
					}
				}
				if len(rows) > 0 && rows[0].Retries < tc.tries {
					t.Error("was not taken up again")
				}
				d.deliver()
				d.wantFiles(tc.want...)
			})
		}
	}
}

// The copy comes first in the folder, but the other is the one that the ledger holds.
func TestCopyBesideAnInterruptedScan(t *testing.T) {
	for _, point := range []string{"scan.submitted", "scan.acknowledged"} {
		d := newDesk(t)
		d.drop("b.pdf", pdf("a"))
		d.kill(point)
		d.drop("a.pdf", pdf("a"))
		d.settle()
		d.wait(stable)
		d.settle()
		d.wantRows(1)
		d.wantFiles("MONTH/b.pdf", "MONTH/b.pdf.reçu.txt", "_doublons/a.pdf", "_doublons/a.pdf.doublon.txt")
	}
}

// On a file system without renameat2 flags a move is a link and an unlink, and the
// kill may come in between: one file under two names.
func TestKilledBetweenLinkAndUnlink(t *testing.T) {
	d, r := placed(t)
	if err := os.Link(d.path(r.Ack), d.path("a.pdf")); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(d.path(r.Ack + ".reçu.txt")); err != nil {
		t.Fatal(err)
	}
	d.restart()
	d.settle()
	d.wantRows(1)
	d.wantFiles("MONTH/a.pdf", "MONTH/a.pdf.reçu.txt")
}

func TestMoveByLinkNeverOverwrites(t *testing.T) {
	d := newDesk(t)
	d.drop("a.pdf", "a")
	d.drop("_échecs/b.pdf", "b")
	if err := d.a.tree.moveByLink("a.pdf", "_échecs/b.pdf"); err == nil {
		t.Error("no error for a name that is taken")
	}
	if d.read("_échecs/b.pdf") != "b" {
		t.Error("overwrote another's file")
	}
	if err := d.a.tree.moveByLink("a.pdf", "_échecs/c.pdf"); err != nil {
		t.Error(err)
	}
	d.wantFiles("_échecs/b.pdf", "_échecs/c.pdf")
	if err := os.Link(d.path("_échecs/c.pdf"), d.path("c.pdf")); err != nil {
		t.Fatal(err)
	}
	if err := d.a.tree.moveByLink("c.pdf", "_échecs/c.pdf"); err != nil {
		t.Error(err)
	}
	d.wantFiles("_échecs/b.pdf", "_échecs/c.pdf")
}

// A full disk, for real: a small tmpfs.
func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=256k"); err != nil {
		t.Skipf("cannot mount a tmpfs (needs root): %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	d := newDeskIn(t, dir)
	d.drop("a.pdf", pdf("a"))
	d.drop("b.doc", "no scan")
	fill := func() {
		t.Helper()
		f, err := os.Create(d.path(".plein"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		for err == nil {
			_, err = f.Write(make([]byte, 4096))
		}
	}
	fill()
	d.settle()
	for range 20 {
		d.wait(10 * time.Second)
		d.look()
	}
	rows := d.wantRows(2)
	for _, r := range rows {
		if d.read(r.Ack) != string(r.Content) {
			t.Errorf("the place %q does not hold the bytes of its row", r.Ack)
		}
	}
	d.drop(".compte", "")
	d.wantFiles(".plein", ".compte", "MONTH/a.pdf", "_échecs/b.doc") // moved, no half-written notes

	// A duplicate's note comes before the move: it waits, and does not spin.
	if err := os.Remove(d.path(".plein")); err != nil {
		t.Fatal(err)
	}
	d.drop("c.pdf", pdf("a"))
	fill()
	d.settle()
	for range 360 {
		d.wait(10 * time.Second)
		d.look()
	}
	if s := d.a.seen["c.pdf"]; s == nil || s.failures < 3 || s.failures > 20 {
		t.Errorf("tries in an hour: %+v, want a handful", s)
	}
	if d.health.Status().Alarms[alarmKey("c.pdf")] == "" {
		t.Error("no alarm")
	}

	if err := os.Remove(d.path(".plein")); err != nil {
		t.Fatal(err)
	}
	d.wait(maxRetryPause)
	d.settle()
	d.wantFiles(".compte", "MONTH/a.pdf", "MONTH/a.pdf.reçu.txt", "_échecs/b.doc", "_échecs/b.doc.erreur.txt", "_doublons/c.pdf", "_doublons/c.pdf.doublon.txt")
	d.wantHealthy()
}
