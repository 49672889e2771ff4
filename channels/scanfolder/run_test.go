package scanfolder

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"saisine.fr/saisine/ingest"
)

// eventually waits for a condition, with a deadline.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(15 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("still not: %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// running starts a desk's adapter for real and returns a function that stops it.
func running(t *testing.T, d *desk, poll, stableFor time.Duration) func() {
	t.Helper()
	d.a.cfg.Poll, d.a.cfg.StableFor, d.a.opts.Now = poll, stableFor, time.Now
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() { result <- d.a.Run(ctx, d.ledger) }()
	stop := func() {
		t.Helper()
		cancel()
		select {
		case err := <-result:
			if err != nil && !errors.Is(err, context.Canceled) {
				t.Errorf("Run: %v", err)
			}
		case <-time.After(10 * time.Second):
			t.Fatal("does not stop")
		}
	}
	return stop
}

func TestEventsWakeTheLookEarly(t *testing.T) {
	defer goleak.VerifyNone(t)
	d := newDesk(t)
	stop := running(t, d, time.Hour, 50*time.Millisecond)
	eventually(t, "first look", func() bool { return !d.health.Status().LastGood.IsZero() })
	d.drop("a.pdf", pdf("a"))
	eventually(t, "scan taken", func() bool { return len(d.ledger.all()) == 1 })
	d.drop("nouveau/b.pdf", pdf("b")) // the sub-folder is new: its files may come before its watch
	eventually(t, "scan of a new sub-folder taken", func() bool { return len(d.ledger.all()) == 2 })
	d.drop("nouveau/c.pdf", pdf("c"))
	eventually(t, "second scan of the sub-folder taken", func() bool { return len(d.ledger.all()) == 3 })
	stop()
	d.wantHealthyRows(3)
}

// A network share sends no events.
func TestPollingFindsScansWithoutEvents(t *testing.T) {
	d := newDesk(t)
	d.a.cfg.Poll, d.a.cfg.StableFor, d.a.opts.Now = 30*time.Millisecond, 30*time.Millisecond, time.Now
	d.drop("a.pdf", pdf("a"))
	never := make(chan struct{})
	eventually(t, "scan taken", func() bool {
		if _, err := d.a.pass(t.Context(), d.ledger); err != nil {
			t.Fatal(err)
		}
		return len(d.ledger.all()) == 1 || !d.a.wait(t.Context(), never)
	})
}

func (d *desk) wantHealthyRows(n int) {
	d.t.Helper()
	for _, r := range d.wantRows(n) {
		if d.read(r.Ack) != string(r.Content) {
			d.t.Errorf("%q does not hold the bytes of its row", r.Ack)
		}
	}
	if s := d.health.Status(); s.Err != nil || len(s.Alarms) > 0 {
		d.t.Errorf("health: %+v", s)
	}
}

// blockingSink holds every Submit until it is released.
type blockingSink struct {
	ingest.Sink
	entered, release chan struct{}
}

func (b *blockingSink) Submit(ctx context.Context, s ingest.Submission) (ingest.Receipt, error) {
	close(b.entered)
	<-b.release
	if ctx.Err() != nil {
		return ingest.Receipt{}, ctx.Err()
	}
	return b.Sink.Submit(ctx, s)
}

func TestStopFinishesTheScanThatWasBegunAndNoOther(t *testing.T) {
	d := newDesk(t)
	d.drop("a.pdf", pdf("a"))
	d.drop("b.pdf", pdf("b"))
	d.a.cfg.Poll, d.a.cfg.StableFor, d.a.opts.Now = 10*time.Millisecond, 10*time.Millisecond, time.Now
	sink := &blockingSink{Sink: d.ledger, entered: make(chan struct{}), release: make(chan struct{})}
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() { result <- d.a.Run(ctx, sink) }()
	<-sink.entered
	cancel()
	close(sink.release)
	if err := <-result; err != nil {
		t.Error(err)
	}
	d.wantRows(1)
	d.wantFiles("MONTH/a.pdf", "MONTH/a.pdf.reçu.txt", "b.pdf")
}

// The outbox updates notes while the adapter works (go test -race).
func TestNotesAreUpdatedWhileTheAdapterWorks(t *testing.T) {
	d := newDesk(t)
	stop := running(t, d, 20*time.Millisecond, 20*time.Millisecond)
	const n = 40
	for i := range n {
		name := fmt.Sprintf("service %d/scan.pdf", i%3)
		// In the ledger is not yet moved: what is written over it then has no place.
		eventually(t, "the one of that name is moved", func() bool {
			_, err := os.Lstat(d.path(name))
			return errors.Is(err, fs.ErrNotExist)
		})
		d.drop(name, pdf(fmt.Sprint(i)))
		if i%3 == 2 {
			eventually(t, "three more taken", func() bool { return len(d.ledger.all()) >= i+1 })
		}
		for _, r := range d.ledger.all() {
			if r.State != ingest.StateReceived {
				continue
			}
			state := ingest.StateFiled
			if len(r.Key)%2 == 0 || r.Key[0] < '8' {
				state = ingest.StateFailed
			}
			place, err := UpdateNote(d.dir, r.Ack, Note{ID: r.ID, State: state, Reference: "2026-000042"})
			if errors.Is(err, ErrNotPlaced) {
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			d.ledger.set(t, r.ID, func(r *row) { r.State, r.Ack = state, place })
		}
	}
	eventually(t, "all taken", func() bool { return len(d.ledger.all()) == n })
	stop()
	for _, r := range d.ledger.all() {
		if r.State == ingest.StateReceived {
			if _, err := UpdateNote(d.dir, r.Ack, Note{ID: r.ID, State: ingest.StateFiled, Reference: "2026-000042"}); err != nil {
				t.Error(err)
			}
			r.State = ingest.StateFiled
		}
		suffix, want := suffixReceipt, "2026-000042"
		if r.State == ingest.StateFailed {
			suffix, want = suffixError, "n’a pas pu être traité"
		}
		d.wantContains(r.Ack+suffix, want, r.ID)
		if d.read(r.Ack) != string(r.Content) {
			t.Errorf("%q does not hold the bytes of its row", r.Ack)
		}
	}
	if got := len(d.files()); got != 2*n {
		t.Errorf("%d files, want %d scans with one note each: %q", got, n, d.files())
	}
}

func TestWatchSurvivesTheLossOfItsFolders(t *testing.T) {
	d := newDesk(t)
	d.drop("x/a.pdf", pdf("a"))
	stop := running(t, d, 20*time.Millisecond, 20*time.Millisecond)
	eventually(t, "scan taken", func() bool { return len(d.ledger.all()) == 1 })
	if err := os.RemoveAll(d.path("x")); err != nil {
		t.Fatal(err)
	}
	d.drop("x/b.pdf", pdf("b"))
	eventually(t, "scan taken", func() bool { return len(d.ledger.all()) == 2 })
	stop()
}
