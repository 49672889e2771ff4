package store

import (
	"errors"
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
