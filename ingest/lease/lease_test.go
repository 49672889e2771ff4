package lease_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/lease"
	"saisine.fr/saisine/ingest/store"
)

// hung is a table whose database can be made to hang for one node.
type hung struct {
	lease.Rows
	down atomic.Bool
}

func (h *hung) wait(ctx context.Context) error {
	if h.down.Load() {
		<-ctx.Done()
		return ctx.Err()
	}
	return nil
}

func (h *hung) Beat(ctx context.Context, n lease.Node) ([]lease.Row, error) {
	if err := h.wait(ctx); err != nil {
		return nil, err
	}
	return h.Rows.Beat(ctx, n)
}

func (h *hung) Look(ctx context.Context) ([]lease.Row, []lease.Node, error) {
	if err := h.wait(ctx); err != nil {
		return nil, nil, err
	}
	return h.Rows.Look(ctx)
}

func openStore(t testing.TB, dir string, now func() time.Time) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{Dir: dir, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// fast is a table with a tenth of the times.
func fast(rows lease.Rows, id string) *lease.Table {
	return lease.Fast(rows, lease.Node{ID: id, Host: "host-" + id, StartedAt: time.Now()}, 10)
}

// TestOneHolder has three nodes, whose clocks are years apart, want the same thing while each
// of them now and then loses the database, or gives the lease back. No two may ever be sure of it
// at once, and each has a higher fence than the one before.
func TestOneHolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	var inside atomic.Int32
	var mu sync.Mutex
	var fences []int64
	held := map[string]int{}
	var wg sync.WaitGroup
	for i := range 3 {
		id := fmt.Sprint("node", i)
		years := time.Duration(i-1) * 3 * 365 * 24 * time.Hour
		rows := &hung{Rows: openStore(t, dir, func() time.Time { return time.Now().Add(years) })}
		k := fast(rows, id)
		wg.Go(func() { // strikes
			for ctx.Err() == nil {
				time.Sleep(time.Duration(500+rand.IntN(1500)) * time.Millisecond)
				rows.down.Store(true)
				time.Sleep(time.Duration(rand.IntN(3000)) * time.Millisecond)
				rows.down.Store(false)
			}
			rows.down.Store(false)
		})
		wg.Go(func() {
			defer func() { _ = k.Close() }()
			for ctx.Err() == nil {
				_ = k.Hold(ctx, "mailbox/sve", func(ctx context.Context) error {
					f, _ := ingest.FenceOf(ctx)
					mu.Lock()
					fences = append(fences, f.Number)
					held[id]++
					mu.Unlock()
					if n := inside.Add(1); n > 1 {
						t.Errorf("%d nodes are at it at once", n)
					}
					defer inside.Add(-1)
					select {
					case <-ctx.Done():
						if ingest.Held(ctx) != nil {
							t.Errorf("%s was told to stop when its time was over already", id)
						}
						return ctx.Err()
					case <-time.After(time.Duration(rand.IntN(2000)) * time.Millisecond):
						return nil // gives it back
					}
				})
			}
		})
	}
	enough := func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(held) == 3 && len(fences) >= 12
	}
	for begun := time.Now(); time.Since(begun) < 10*time.Second || !enough() && time.Since(begun) < 90*time.Second; {
		time.Sleep(100 * time.Millisecond)
	}
	cancel()
	wg.Wait()
	for i := 1; i < len(fences); i++ {
		if fences[i] <= fences[i-1] {
			t.Fatalf("fences %v", fences)
		}
	}
	if !enough() {
		t.Errorf("too little happened to prove anything: %v, %d changes", held, len(fences))
	}
	t.Logf("%d changes of holder: %v", len(fences), held)
}

// TestTakeover is how long a thing lies idle when its node dies without a word, and that one
// which ends in order gives it back at once.
func TestTakeover(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openStore(t, dir, nil)
	dead := &hung{Rows: s}
	a, b := fast(dead, "a"), fast(s, "b")
	defer func() { _ = b.Close() }()
	begun := make(chan string, 9)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		_ = a.Hold(ctx, "x", func(ctx context.Context) error { begun <- "a"; <-ctx.Done(); return nil })
	}()
	if got := <-begun; got != "a" {
		t.Fatal(got)
	}
	if done, err := b.Try(ctx, "x", func(context.Context) error { return nil }); done || err != nil {
		t.Errorf("b has it beside a: %v, %v", done, err)
	}
	died := time.Now()
	dead.down.Store(true)
	go func() {
		_ = b.Hold(ctx, "x", func(context.Context) error { begun <- "b"; return nil })
	}()
	<-begun
	took := time.Since(died)
	t.Logf("taken over after %v, which is %v at true times", took, 10*took)
	if took > 3*time.Second || took < lease.Term/10-300*time.Millisecond-time.Millisecond*200 {
		t.Errorf("taken over after %v", took)
	}
	dead.down.Store(false)
	ctx2, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = b.Hold(ctx2, "y", func(ctx context.Context) error { begun <- "b"; <-ctx.Done(); return nil })
	}()
	<-begun
	go func() { _ = a.Hold(ctx, "y", func(context.Context) error { begun <- "a"; return nil }) }()
	stop()
	<-ended
	rows, _, err := s.Look(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		if r.Name == "y" && r.Holder == "b" {
			t.Error("who ends keeps what it held")
		}
	}
	<-begun
	cancel()
	if err = a.Close(); err != nil {
		t.Error(err)
	}
}

// TestDeadNeighbour: what a process of this machine held that is gone is free at once; that of one
// which lives, or of another machine with the same number, is not.
func TestDeadNeighbour(t *testing.T) {
	t.Parallel()
	s := openStore(t, t.TempDir(), nil)
	ctx := t.Context()
	gone := exec.CommandContext(ctx, "true")
	if err := gone.Run(); err != nil {
		t.Fatal(err)
	}
	for name, n := range map[string]lease.Node{
		"dead": {PID: gone.Process.Pid, Place: lease.Here()}, "alive": {PID: os.Getpid(), Place: lease.Here()}, "far": {PID: gone.Process.Pid, Place: "other"},
	} {
		n.ID = name
		if _, err := s.Beat(ctx, n); err != nil {
			t.Fatal(err)
		}
		if _, err := s.TakeLease(ctx, lease.Row{Name: name, Beat: -1}, name); err != nil {
			t.Fatal(err)
		}
	}
	k := lease.Fast(s, lease.Node{ID: "me", PID: os.Getpid(), Place: lease.Here()}, 1)
	defer func() { _ = k.Close() }()
	got := make(chan string, 3)
	wait, cancel := context.WithTimeout(ctx, lease.Term/3)
	defer cancel()
	var wg sync.WaitGroup
	for _, name := range []string{"dead", "alive", "far"} {
		wg.Go(func() { _ = k.Hold(wait, name, func(context.Context) error { got <- name; return nil }) })
	}
	wg.Wait()
	close(got)
	var all []string
	for name := range got {
		all = append(all, name)
	}
	if len(all) != 1 || all[0] != "dead" {
		t.Errorf("taken over at once: %q", all)
	}
}

// TestAnswerThatNobodyWaitsFor: the database gave us a lease after we had given up.
func TestAnswerThatNobodyWaitsFor(t *testing.T) {
	t.Parallel()
	s := openStore(t, t.TempDir(), nil)
	k := fast(s, "a")
	defer func() { _ = k.Close() }()
	if _, err := s.TakeLease(t.Context(), lease.Row{Name: "x", Beat: -1}, "a"); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(5 * time.Second)
	for {
		rows, _, err := s.Look(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if rows[0].Holder == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("it is held for ever by nobody")
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// TestCompareAndSet: of those who saw the same, one gets it; and nobody who did not see the last beat.
func TestCompareAndSet(t *testing.T) {
	t.Parallel()
	s := openStore(t, t.TempDir(), nil)
	ctx := t.Context()
	if _, err := s.Beat(ctx, lease.Node{ID: "a"}); err != nil {
		t.Fatal(err)
	}
	fence, err := s.TakeLease(ctx, lease.Row{Name: "x", Beat: -1}, "a")
	if err != nil || fence != 1 {
		t.Fatal(fence, err)
	}
	if _, err := s.TakeLease(ctx, lease.Row{Name: "x", Beat: -1}, "b"); !errors.Is(err, ingest.ErrFenced) {
		t.Errorf("taken twice: %v", err)
	}
	rows, _, err := s.Look(ctx)
	if err != nil || len(rows) != 1 {
		t.Fatal(rows, err)
	}
	held, err := s.Beat(ctx, lease.Node{ID: "a"})
	if err != nil || len(held) != 1 || held[0].Fence != 1 {
		t.Errorf("%+v, %v", held, err)
	}
	if _, err := s.TakeLease(ctx, rows[0], "b"); !errors.Is(err, ingest.ErrFenced) {
		t.Errorf("taken although its node lives: %v", err)
	}
	rows, _, _ = s.Look(ctx)
	if fence, err = s.TakeLease(ctx, rows[0], "b"); err != nil || fence != 2 {
		t.Fatal(fence, err)
	}
	if err := s.ReleaseLease(ctx, "x", "a", 1); err != nil {
		t.Fatal(err)
	}
	if rows, _, _ = s.Look(ctx); rows[0].Holder != "b" {
		t.Errorf("the old holder gave back what is another's: %+v", rows)
	}
}

func TestFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a, b := lease.InFolder(dir, lease.Node{ID: "a", Host: "h", PID: 1, Roles: "workers"}), lease.InFolder(dir, lease.Node{ID: "b"})
	b.Hasten(100)
	release, begun := make(chan struct{}), make(chan string, 2)
	ctx := t.Context()
	go func() {
		_ = a.Hold(ctx, "scan/é:/x", func(ctx context.Context) error {
			if f, ok := ingest.FenceOf(ctx); !ok || f.Number != 0 || ingest.Held(ctx) != nil {
				t.Errorf("%+v", f)
			}
			begun <- "a"
			<-release
			return nil
		})
	}()
	<-begun
	if done, err := b.Try(ctx, "scan/é:/x", func(context.Context) error { return nil }); done || err != nil {
		t.Errorf("%v, %v", done, err)
	}
	rows, nodes, err := b.Look()
	if err != nil || len(rows) != 1 || rows[0].Name != "scan/é:/x" || rows[0].Holder != "a" || len(nodes) != 1 || nodes[0].Host != "h" || b.Holder("scan/é:/x") != "h" {
		t.Errorf("%+v, %+v, %v", rows, nodes, err)
	}
	go func() {
		_ = b.Hold(ctx, "scan/é:/x", func(context.Context) error { begun <- "b"; return nil })
	}()
	select {
	case <-begun:
		t.Fatal("two hold it")
	case <-time.After(100 * time.Millisecond):
	}
	close(release)
	<-begun
	ended, stop := context.WithCancel(ctx)
	stop()
	if err := a.Hold(ended, "x", func(context.Context) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
