package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/hibiken/asynq"
	"golang.org/x/sync/errgroup"

	"saisine.fr/saisine/ingest"
)

// Ledger is what the sweeper asks for work that may be missing from the queue.
//
// Unfinished returns at most limit jobs with Seq > after in the order of Seq: the
// rows that are still received, or those of the outbox that are due. None means that
// there are no more.
type Ledger interface {
	Unfinished(ctx context.Context, after int64, limit int) ([]Job, error)
}

const (
	sweepPage    = 500
	sweepWorkers = 4
	sweepEvery   = time.Minute
	// sweepPause is the least time between two sweeps after a failed one.
	sweepPause = 3 * time.Second
	watchEvery = time.Second
)

// turnName is the turn in which one node of several sweeps.
const turnName = "sweeper"

// sweeper refills Redis from the ledger: at start-up, each minute, and at once when
// Redis came back, was restarted or lost its data, or a hand-over failed. It
// also watches Redis for these. It runs in one goroutine.
//
// Where several nodes share Redis, one of them sweeps at a time; each watches, since each
// remembers things about Redis by itself, and looks for orphans, so that whoever gets the turn
// knows them already.
type sweeper struct {
	client  *Client
	ledgers []Ledger
	every   time.Duration
	guard   *guard
	orphans *orphans
	watch   *watch
	wake    chan struct{}
	// sweeps is false on a node that only hands over. turns says when it is this node's turn;
	// nil: always.
	sweeps bool
	turns  Turns
	turn   atomic.Pointer[context.Context]
	log    *slog.Logger

	booted  bool // orphans of the processes before us were seen to
	retryAt time.Time
}

// takeTurns waits for this node's turn, again and again, until ctx ends.
func (s *sweeper) takeTurns(ctx context.Context) {
	for ctx.Err() == nil {
		err := s.turns.Hold(ctx, turnName, func(ctx context.Context) error {
			s.turn.Store(&ctx)
			defer s.turn.Store(nil)
			s.wakeUp()
			<-ctx.Done()
			return nil
		})
		if err == nil || ctx.Err() != nil || errors.Is(err, ingest.ErrFenced) {
			continue
		}
		s.log.LogAttrs(ctx, slog.LevelWarn, "the turn to sweep cannot be had; it is asked for again", slog.Any("error", err))
		select {
		case <-ctx.Done():
		case <-time.After(sweepPause):
		}
	}
}

// mine returns the context in which this node may sweep; ok is false while another one does.
func (s *sweeper) mine(ctx context.Context) (_ context.Context, ok bool) {
	if s.turns == nil || !s.sweeps {
		return ctx, s.sweeps
	}
	if turn := s.turn.Load(); turn != nil && ingest.Held(*turn) == nil {
		return *turn, (*turn).Err() == nil
	}
	return ctx, false
}

// wakeUp asks for a sweep. It does not wait.
func (s *sweeper) wakeUp() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// run sweeps until ctx ends.
func (s *sweeper) run(ctx context.Context) {
	every := time.NewTicker(s.every)
	defer every.Stop()
	look := time.NewTicker(watchEvery)
	defer look.Stop()
	reason := "start"
	for {
		if reason != "" {
			s.once(ctx, reason)
		}
		select {
		case <-ctx.Done():
			return
		case <-every.C:
			reason = "interval"
		case <-s.wake:
			reason = "asked for"
		case <-look.C:
			reason = s.look(ctx)
		}
	}
}

// look asks how Redis fares, and says why a sweep is needed now, or "".
func (s *sweeper) look(ctx context.Context) string {
	event := s.watch.look(ctx)
	if event == redisEmpty {
		s.client.forget()
	}
	_, mine := s.mine(ctx)
	switch {
	case event == redisDown:
		return ""
	case event != redisWell:
		return string(event)
	case s.client.lost.Load() && !time.Now().Before(s.retryAt):
		if mine {
			return "hand-over failed"
		}
		if err := s.client.wantSweep(ctx); err == nil {
			s.client.lost.Store(false)
		}
	case mine && s.client.sweepWanted(ctx):
		return "another process asked for it"
	case s.sweeps && s.orphans.due(time.Now()):
		if err := s.orphans.later(ctx, time.Now(), mine); err != nil {
			s.log.LogAttrs(ctx, slog.LevelDebug, "look for orphans failed", slog.Any("error", err))
		}
	}
	return ""
}

// once makes one sweep. It logs its failure: there is nobody to return it to.
func (s *sweeper) once(ctx context.Context, reason string) {
	ctx, mine := s.mine(ctx)
	if !mine {
		return
	}
	if s.client.conn.opt.IsClusterMode {
		// The marker lies on one master: another may have lost its data without a sign.
		s.client.forget()
	}
	s.client.lost.Store(false) // what is lost from now on wants another sweep
	begun := time.Now()
	n, err := s.sweep(ctx, mayHaveLost(reason))
	switch {
	case ctx.Err() != nil:
	case err != nil:
		s.client.lost.Store(true)
		s.retryAt = time.Now().Add(sweepPause)
		s.log.LogAttrs(ctx, slog.LevelWarn, "sweep broken off", slog.String("reason", reason), slog.Any("error", err))
	case n > 0:
		s.log.LogAttrs(ctx, slog.LevelInfo, "sweep enqueued rows", slog.String("reason", reason),
			slog.Int("rows", n), slog.Duration("took", time.Since(begun)))
	}
}

// mayHaveLost reports whether the reason of a sweep means that tasks may be missing
// whose rows are being worked on.
func mayHaveLost(reason string) bool {
	switch redisEvent(reason) {
	case redisBack, redisRestarted, redisEmpty:
		return true
	default:
		return false
	}
}

// sweep enqueues what the ledgers hold and Redis does not, and returns how many.
func (s *sweeper) sweep(ctx context.Context, lossy bool) (int, error) {
	if err := s.adopt(ctx); err != nil {
		return 0, err
	}
	archived, err := s.archived(ctx)
	if err != nil {
		return 0, err
	}
	total := 0
	for _, l := range s.ledgers {
		for after := int64(0); ; {
			jobs, err := l.Unfinished(ctx, after, sweepPage)
			if err != nil {
				return total, fmt.Errorf("queue: ask the ledger: %w", err)
			}
			if len(jobs) == 0 {
				break
			}
			last := jobs[len(jobs)-1].Seq
			if last <= after {
				return total, fmt.Errorf("%w: ledger repeats itself at %d", ErrInvalidJob, last)
			}
			after = last
			n, err := s.enqueue(ctx, jobs, archived, lossy)
			total += n
			if err != nil {
				return total, err
			}
		}
	}
	return total, nil
}

// adoptAtBoot takes up what the processes before this one left running.
func (s *sweeper) adoptAtBoot(ctx context.Context) error {
	if err := s.orphans.atBoot(ctx); err != nil {
		return err
	}
	s.booted = true
	return nil
}

// adopt takes up what lost its worker.
func (s *sweeper) adopt(ctx context.Context) error {
	if !s.booted {
		return s.adoptAtBoot(ctx)
	}
	return s.orphans.later(ctx, time.Now(), true)
}

// archived lists the names in asynq's archive (10,000 at most), so that a sweep need
// not ask about each row whose task is there already.
func (s *sweeper) archived(ctx context.Context) (map[string]bool, error) {
	out := make(map[string]bool)
	for _, q := range Queues() {
		for page := 1; ; page++ {
			tasks, err := s.client.inspect.ListArchivedTasks(q, asynq.PageSize(listPage), asynq.Page(page))
			if errors.Is(err, asynq.ErrQueueNotFound) {
				break
			}
			if err != nil {
				return nil, fmt.Errorf("queue: list archived tasks: %w", err)
			}
			for _, t := range tasks {
				out[t.ID] = true
			}
			if len(tasks) < listPage || ctx.Err() != nil {
				break
			}
		}
	}
	return out, ctx.Err()
}

func (s *sweeper) enqueue(ctx context.Context, jobs []Job, archived map[string]bool, lossy bool) (int, error) {
	added := make([]bool, len(jobs))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(sweepWorkers)
	for i, job := range jobs {
		if s.guard.working(job.Kind, job.ID, lossy) {
			continue
		}
		g.Go(func() error {
			taskID, err := s.client.add(ctx, job)
			switch {
			case errors.Is(err, ErrInvalidJob):
				s.log.LogAttrs(ctx, slog.LevelError, "row cannot be enqueued", slog.Any("error", err))
				return nil
			case errors.Is(err, asynq.ErrTaskIDConflict):
				if !archived[taskID] {
					return nil
				}
				err = s.client.Enqueue(ctx, job)
			}
			added[i] = err == nil
			return err
		})
	}
	err := g.Wait()
	n := 0
	for _, a := range added {
		if a {
			n++
		}
	}
	return n, err
}
