package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/lease"
)

// TestFenced: what the holder of before writes is refused, whole, and keeps nobody else's writes
// from being made.
func TestFenced(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	ctx := t.Context()
	row := lease.Row{Name: "mailbox/sve", Beat: -1}
	for want := int64(1); want <= 2; want++ {
		fence, err := s.TakeLease(ctx, row, "node")
		if err != nil || fence != want {
			t.Fatal(fence, err)
		}
		row.Holder, row.Fence = "node", fence
	}
	by := func(number int64, valid bool) ingest.Fence {
		return ingest.Fence{Name: "mailbox/sve", Number: number, Valid: func() bool { return valid }}
	}
	piece := func(key string) ingest.Submission {
		return ingest.Submission{
			Channel: ingest.ChannelMailbox, SourceKey: key, Original: ingest.NewBlob([]byte(key)), MediaType: ingest.MediaMail, ReceivedAt: time.Now(),
		}
	}
	if _, err := s.Record(ingest.WithFence(ctx, by(2, true)), piece("new")); err != nil {
		t.Errorf("the holder is refused: %v", err)
	}
	for name, f := range map[string]ingest.Fence{"old": by(1, true), "late": by(2, false)} {
		_, err := s.Record(ingest.WithFence(ctx, f), piece(name))
		if !errors.Is(err, ingest.ErrFenced) || !errors.Is(err, ingest.ErrUnavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := s.Record(ctx, piece("form")); err != nil {
		t.Error(err)
	}
	if _, err := s.Record(ingest.WithFence(ctx, ingest.Fence{Name: "mailbox/sve"}), piece("by a lock")); err != nil {
		t.Error(err)
	}
	g, err := s.Gauges(ctx)
	if err != nil || g.Submissions != 3 {
		t.Errorf("%+v, %v", g, err)
	}
}

// TestTwoNodesOnOneRow: a frozen node wakes in the middle of a row that another one has taken up
// meanwhile. Both record, file, fail and remind at once; each thing happens once.
func TestTwoNodesOnOneRow(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	nodes := []*Store{open(t, dir), open(t, dir)}
	ctx := t.Context()
	const rows = 40
	ids := make([][2]string, rows)
	written := make([][2]bool, rows)
	both := func(f func(node int) error) {
		t.Helper()
		var wg sync.WaitGroup
		for node := range nodes {
			wg.Go(func() {
				if err := f(node); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	}
	for i := range rows {
		key := fmt.Sprint("INBOX|1|", i)
		both(func(node int) error {
			r, err := nodes[node].Record(ctx, mail(key, key))
			ids[i][node] = r.ID
			return err
		})
		if ids[i][0] != ids[i][1] || ids[i][0] == "" {
			t.Fatalf("one mail is two rows: %v", ids[i])
		}
		both(func(node int) error {
			if i%4 == 3 && node == 1 { // the other gives it up at the same moment
				return nodes[node].Fail(ctx, ids[i][node], "gave up")
			}
			_, err := nodes[node].File(ctx, ids[i][node], ingest.Filing{Match: opens})
			return err
		})
		both(func(node int) error {
			taken, err := nodes[node].TakeSlot(ctx, "morning", fmt.Sprint(i))
			written[i][node] = !taken
			return err
		})
		if written[i][0] == written[i][1] {
			t.Errorf("the slot %d was taken by both or none: %v", i, written[i])
		}
	}
	counts, err := nodes[0].Counts(ctx)
	if err != nil || counts[ingest.StateFiled]+counts[ingest.StateFailed] != rows {
		t.Errorf("%v, %v", counts, err)
	}
	openings := map[string]int{}
	for _, id := range ids {
		rec, err := nodes[1].Submission(ctx, id[0])
		if err != nil {
			t.Fatal(err)
		}
		if rec.Request != "" {
			openings[rec.Request]++
		}
	}
	for reference, n := range openings {
		if n != 1 {
			t.Errorf("%s was opened %d times", reference, n)
		}
	}
	if int64(len(openings)) != counts[ingest.StateFiled] {
		t.Errorf("%d requests of %d filed", len(openings), counts[ingest.StateFiled])
	}
	verified(t, nodes[0], 0)
}

// TestLongGroupLetsOthersIn: a node whose writes are slow gives the lock away between them, or the
// others would wait until they give up, beats included.
func TestLongGroupLetsOthersIn(t *testing.T) {
	t.Parallel()
	if !onPostgres {
		t.Skip("SQLite gives its lock to whoever comes first, and not in turn: GO_TEST_DATABASE=postgres")
	}
	dir := t.TempDir()
	a, b := open(t, dir), open(t, dir)
	begun, release := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		_ = a.do(t.Context(), func(context.Context, *tx) error { close(begun); <-release; return nil })
	})
	<-begun
	for range 20 { // these gather meanwhile
		wg.Go(func() {
			_ = a.do(t.Context(), func(context.Context, *tx) error { time.Sleep(200 * time.Millisecond); return nil })
		})
	}
	time.Sleep(200 * time.Millisecond)
	close(release)
	time.Sleep(100 * time.Millisecond)
	asked := time.Now()
	if _, err := b.Beat(t.Context(), lease.Node{ID: "b"}); err != nil {
		t.Error(err)
	}
	if took := time.Since(asked); took > 2*time.Second {
		t.Errorf("the other node waited for %v", took)
	}
	wg.Wait()
}

// TestAfterTheLockWasNotHad: a node that waited for the lock in vain writes again once it is free.
func TestAfterTheLockWasNotHad(t *testing.T) {
	t.Parallel()
	if !onPostgres {
		t.Skip("GO_TEST_DATABASE=postgres")
	}
	dir := t.TempDir()
	a, b := open(t, dir), open(t, dir)
	begun, release := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		_ = a.do(t.Context(), func(ctx context.Context, tx *tx) error {
			close(begun)
			for { // not idle, or the server would end it
				select {
				case <-release:
					return nil
				case <-time.After(time.Second):
					if err := tx.exec(ctx, `DELETE FROM nodes WHERE id = 'nobody'`); err != nil {
						return err
					}
				}
			}
		})
	})
	<-begun
	if _, err := b.Beat(t.Context(), lease.Node{ID: "b"}); !errors.Is(err, ingest.ErrUnavailable) {
		t.Errorf("while another writes: %v", err)
	}
	close(release)
	wg.Wait()
	if _, err := b.Beat(t.Context(), lease.Node{ID: "b"}); err != nil {
		t.Errorf("once it is free: %v", err)
	}
}
