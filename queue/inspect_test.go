package queue

import (
	"context"
	"errors"
	"testing"
	"time"
)

// What a person sees of the queues, on a real Redis: what waits, what was done and what
// failed today, and that a lane is paused.
func TestInspect(t *testing.T) {
	m := startQuick(t, t.TempDir(), quick())
	l := newLedger()
	release := make(chan struct{})
	l.process = func(_ context.Context, id string) error {
		switch id {
		case "bad":
			return permanent{errors.New("no")}
		case "long":
			<-release
		}
		return nil
	}
	n := startNode(t, options(t, m.Conn(), l))
	lane := func(name string) Lane {
		t.Helper()
		lanes, err := n.Client().Inspect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for i, q := range Queues() {
			if lanes[i].Name != q {
				t.Fatalf("lanes: %+v", lanes)
			}
		}
		for _, lane := range lanes {
			if lane.Name == name {
				return lane
			}
		}
		t.Fatalf("no lane %s", name)
		return Lane{}
	}
	if got := lane(QueueCopies); got != (Lane{Name: QueueCopies}) {
		t.Errorf("a lane that was never used: %+v", got)
	}
	for _, id := range []string{"good", "bad", "long"} {
		n.Client().Notify(l.add(id))
	}
	eventually(t, 10*time.Second, "done, failed and active", func() bool {
		got := lane(QueueMail)
		return got.ProcessedToday == 2 && got.FailedToday == 1 && got.Archived == 1 && got.Active == 1 && !got.Paused
	})
	if err := n.Client().inspect.PauseQueue(QueueMail); err != nil {
		t.Fatal(err)
	}
	n.Client().Notify(l.add("waits"))
	eventually(t, 10*time.Second, "paused, with one that waits", func() bool {
		got := lane(QueueMail)
		return got.Paused && got.Pending == 1
	})
	close(release)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if lanes, err := n.Client().Inspect(ctx); err == nil {
		t.Errorf("without a context: %+v", lanes)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	if lanes, err := n.Client().Inspect(t.Context()); err == nil {
		t.Errorf("without Redis: %+v", lanes)
	}
}
