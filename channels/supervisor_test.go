package channels

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"saisine.fr/saisine/ingest"
)

// fake is an adapter whose run is a function; it notes when each run began.
type fake struct {
	name string
	run  func(ctx context.Context, sink ingest.Sink, n int) error

	mu     sync.Mutex
	starts []time.Time
}

func (f *fake) Name() string { return f.name }

func (f *fake) Run(ctx context.Context, sink ingest.Sink) error {
	f.mu.Lock()
	f.starts = append(f.starts, time.Now())
	n := len(f.starts)
	f.mu.Unlock()
	return f.run(ctx, sink, n)
}

func (f *fake) begun() []time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]time.Time(nil), f.starts...)
}

type sinkFunc func(context.Context, ingest.Submission) (ingest.Receipt, error)

func (f sinkFunc) Submit(ctx context.Context, s ingest.Submission) (ingest.Receipt, error) {
	return f(ctx, s)
}

var quiet = slog.New(slog.DiscardHandler)

// start runs the supervisor and returns a function that stops it and gives Run's error.
func start(t *testing.T, s *Supervisor, sink ingest.Sink) func() error {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() { result <- s.Run(ctx, sink) }()
	return func() error { cancel(); return <-result }
}

func TestSupervisorBacksOffWithJitterUpToTheLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		boom := errors.New("server unreachable")
		bad := &fake{name: "mailbox/sve", run: func(context.Context, ingest.Sink, int) error { return boom }}
		good := &fake{name: "scan/courrier", run: func(ctx context.Context, _ ingest.Sink, _ int) error {
			<-ctx.Done()
			return ctx.Err()
		}}
		s := NewSupervisor(quiet, SupervisorOptions{})
		s.Add(bad, nil)
		s.Add(good, new(Health))
		stop := start(t, s, nil)
		time.Sleep(time.Hour)
		synctest.Wait()

		starts := bad.begun()
		want := []int{1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300}
		if len(starts) < len(want)+1 {
			t.Fatalf("%d runs in an hour, want more than %d", len(starts), len(want))
		}
		exact := 0
		for i, seconds := range want {
			w := time.Duration(seconds) * time.Second
			got := starts[i+1].Sub(starts[i])
			if got < w-w/5 || got > w+w/5 {
				t.Errorf("pause %d is %v, want %v ± 20 %%", i, got, w)
			}
			if got == w {
				exact++
			}
		}
		if exact == len(want) {
			t.Error("no pause has any jitter")
		}
		if n := len(good.begun()); n != 1 {
			t.Errorf("the good adapter was started %d times: it must not notice", n)
		}
		if err := s.Statuses()["mailbox/sve"].Err; !errors.Is(err, boom) {
			t.Errorf("status says %v, want the failure", err)
		}
		if err := s.Statuses()["scan/courrier"].Err; err != nil {
			t.Errorf("status of the good adapter says %v", err)
		}
		if err := stop(); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

func TestSupervisorForgetsFailuresAfterAGoodSpell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const spell = 2 * time.Minute
		f := &fake{name: "a", run: func(_ context.Context, _ ingest.Sink, n int) error {
			if n == 5 {
				time.Sleep(spell)
			}
			return errors.New("fault")
		}}
		s := NewSupervisor(quiet, SupervisorOptions{})
		s.Add(f, nil)
		stop := start(t, s, nil)
		time.Sleep(5 * time.Minute)
		_ = stop()
		starts := f.begun()
		if got := starts[4].Sub(starts[3]); got < 6*time.Second {
			t.Errorf("fourth pause is %v, want about 8 s", got)
		}
		if got := starts[5].Sub(starts[4]) - spell; got > 1200*time.Millisecond {
			t.Errorf("pause after a good spell is %v, want about 1 s", got)
		}
	})
}

func TestSupervisorRecoversPanicsAndEarlyReturns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var buf bytes.Buffer
		f := &fake{name: "a", run: func(ctx context.Context, _ ingest.Sink, n int) error {
			switch n {
			case 1:
				panic("malformed \x1b[31m")
			case 2:
				return nil
			}
			<-ctx.Done()
			return nil
		}}
		s := NewSupervisor(slog.New(slog.NewTextHandler(&buf, nil)), SupervisorOptions{})
		s.Add(f, nil)
		stop := start(t, s, nil)
		time.Sleep(500 * time.Millisecond)
		synctest.Wait()
		if err := s.Statuses()["a"].Err; err == nil || !strings.Contains(err.Error(), "panicked: a value of type string") {
			t.Errorf("status after a panic: %v", err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if err := s.Statuses()["a"].Err; !errors.Is(err, ErrReturned) {
			t.Errorf("status after an early return: %v", err)
		}
		if n := len(f.begun()); n != 3 {
			t.Errorf("%d runs, want 3", n)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
		if !strings.Contains(buf.String(), "supervisor_test.go") {
			t.Error("the log lacks the stack of the panic")
		}
		if strings.Contains(buf.String(), "malformed") {
			t.Error("the log quotes the panic, which may quote a letter")
		}
	})
}

func TestSupervisorWaitsForTheDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		submitted := false
		f := &fake{name: "a", run: func(ctx context.Context, sink ingest.Sink, _ int) error {
			<-ctx.Done()
			time.Sleep(10 * time.Second) // finishes what it has begun
			_, err := sink.Submit(context.WithoutCancel(ctx), ingest.Submission{})
			submitted = err == nil
			return err
		}}
		s := NewSupervisor(quiet, SupervisorOptions{})
		s.Add(f, nil)
		stop := start(t, s, sinkFunc(func(ctx context.Context, _ ingest.Submission) (ingest.Receipt, error) {
			return ingest.Receipt{}, ctx.Err()
		}))
		synctest.Wait()
		if err := stop(); err != nil {
			t.Error(err)
		}
		if !submitted {
			t.Error("what was begun before the stop was not finished")
		}
		if n := len(f.begun()); n != 1 {
			t.Errorf("restarted while stopping: %d runs", n)
		}
	})
}

func TestSupervisorAbortsAfterTheDrainTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var under, late error
		hung := &fake{name: "hung", run: func(ctx context.Context, sink ingest.Sink, _ int) error {
			_, under = sink.Submit(context.WithoutCancel(ctx), ingest.Submission{})
			_, late = sink.Submit(context.WithoutCancel(ctx), ingest.Submission{})
			<-release
			return nil
		}}
		s := NewSupervisor(quiet, SupervisorOptions{DrainTime: 3 * time.Second})
		s.Add(hung, nil)
		stop := start(t, s, sinkFunc(func(ctx context.Context, _ ingest.Submission) (ingest.Receipt, error) {
			<-ctx.Done() // a store that hangs
			return ingest.Receipt{}, ctx.Err()
		}))
		synctest.Wait()
		began := time.Now()
		err := stop()
		if !errors.Is(err, ErrNotDrained) || !strings.Contains(err.Error(), `"hung"`) {
			t.Errorf("Run returned %v, want ErrNotDrained with the name", err)
		}
		if d := time.Since(began); d != 3*time.Second {
			t.Errorf("drained for %v, want 3 s", d)
		}
		synctest.Wait()
		if !errors.Is(under, context.Canceled) {
			t.Errorf("Submit under way ended with %v", under)
		}
		if !errors.Is(late, ingest.ErrUnavailable) {
			t.Errorf("late Submit ended with %v", late)
		}
		close(release)
	})
}

func TestSupervisorRefusesDoubledNames(t *testing.T) {
	for _, names := range [][]string{{"a", "a"}, {""}} {
		s := NewSupervisor(quiet, SupervisorOptions{})
		for _, n := range names {
			s.Add(&fake{name: n}, nil)
		}
		if err := s.Run(t.Context(), nil); !errors.Is(err, errNames) {
			t.Errorf("%q: Run returned %v", names, err)
		}
	}
}
