package channels

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"saisine.fr/saisine/ingest"
)

// oneTurn is a turn that the test gives and takes.
type oneTurn struct {
	mu     sync.Mutex
	free   bool
	cancel context.CancelFunc
	holds  int
}

func (o *oneTurn) Hold(ctx context.Context, _ string, run func(context.Context) error) error {
	for {
		o.mu.Lock()
		if o.free {
			o.free = false
			break
		}
		o.mu.Unlock()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	o.cancel, o.holds = cancel, o.holds+1
	o.mu.Unlock()
	err := run(ingest.WithFence(ctx, ingest.Fence{Name: "x", Number: int64(o.holds)}))
	o.mu.Lock()
	defer o.mu.Unlock()
	o.cancel = nil
	return err
}

func (o *oneTurn) Holder(string) string { return "other" }

// give lets somebody here have the turn; take takes it away.
func (o *oneTurn) give() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.free = true
}

func (o *oneTurn) take() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.cancel()
}

func TestExclusiveRunsInItsTurnOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		boom := errors.New("folder gone")
		var fences []int64
		fail := false
		a := &fake{name: "scan/courrier", run: func(ctx context.Context, sink ingest.Sink, _ int) error {
			f, _ := ingest.FenceOf(ctx)
			fences = append(fences, f.Number)
			if fail {
				return boom
			}
			_, err := sink.Submit(context.WithoutCancel(ctx), ingest.Submission{})
			<-ctx.Done()
			return err
		}}
		var seen []int64
		sink := sinkFunc(func(ctx context.Context, _ ingest.Submission) (ingest.Receipt, error) {
			f, _ := ingest.FenceOf(ctx)
			seen = append(seen, f.Number)
			return ingest.Receipt{}, nil
		})
		turns := &oneTurn{}
		s := NewSupervisor(quiet, SupervisorOptions{Turns: turns, MinBackoff: 5 * time.Second})
		h := new(Health)
		s.AddExclusive(a, h)
		stop := start(t, s, sink)

		time.Sleep(time.Minute)
		synctest.Wait()
		if st := s.Statuses()["scan/courrier"]; len(a.begun()) != 0 || !st.Elsewhere || st.Holder != "other" || st.Err != nil {
			t.Fatalf("%d runs, %+v", len(a.begun()), st)
		}
		turns.give()
		time.Sleep(2 * time.Second)
		synctest.Wait()
		h.Alarm("file", "too large")
		if st := s.Statuses()["scan/courrier"]; len(a.begun()) != 1 || st.Elsewhere || len(st.Alarms) != 1 {
			t.Fatalf("%d runs, %+v", len(a.begun()), st)
		}
		turns.take()
		time.Sleep(2 * time.Second)
		synctest.Wait()
		// The turn that passed is no failure: no fault, no alarm of what the other node does, no pause.
		if st := s.Statuses()["scan/courrier"]; len(a.begun()) != 1 || !st.Elsewhere || st.Err != nil || len(st.Alarms) != 0 {
			t.Fatalf("%d runs, %+v", len(a.begun()), st)
		}
		fail = true
		turns.give()
		time.Sleep(2 * time.Second)
		synctest.Wait()
		// A failure gives the turn back, and is told of until somebody else has it.
		if st := s.Statuses()["scan/courrier"]; len(a.begun()) != 2 || st.Elsewhere || !errors.Is(st.Err, boom) {
			t.Fatalf("%d runs, %+v", len(a.begun()), st)
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if st := s.Statuses()["scan/courrier"]; len(a.begun()) != 2 || !st.Elsewhere || st.Holder != "other" || len(st.Alarms) != 0 {
			t.Fatalf("%d runs, %+v", len(a.begun()), st)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
		if len(fences) != 2 || fences[0] != 1 || fences[1] != 2 || len(seen) != 1 || seen[0] != 1 {
			t.Errorf("fences %v, at the sink %v", fences, seen)
		}
	})
}
