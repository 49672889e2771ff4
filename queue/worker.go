package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/hibiken/asynq"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/crashpoint"
	"saisine.fr/saisine/ingest/discreet"
)

// Processor works on one row. Process must be idempotent: it may be called again for
// a row that it has already brought to its end, and then returns nil. It is never
// called twice at once for one row within a process, but with a shared Redis it may
// be on two machines.
//
// The context ends at Policy.Limit, at a shutdown that has waited long enough, and
// when Redis has been away so long that the task may be given to somebody else.
//
// An error that has a method Permanent() bool in its chain, returning true, is
// recorded at once; any other is tried again as the Policy says. A panic counts as
// an error of the second sort.
type Processor interface {
	Process(ctx context.Context, id string) error
}

// FailureRecorder writes into the ledger that a row has failed, with the reason for
// a person to read: after the last retry, or after a permanent error. It must
// do nothing to a row that has come to its end. When it returns an error the row is
// taken up again by the sweeper.
type FailureRecorder interface {
	Fail(ctx context.Context, id, reason string) error
}

// Work is what is done about one kind of task.
type Work struct {
	Processor Processor
	Failures  FailureRecorder
}

// Outcome is how one try of a task ended.
type Outcome string

// The outcomes, as labels of a metric.
const (
	OutcomeDone        Outcome = "done"
	OutcomeRetry       Outcome = "retry"
	OutcomeFailed      Outcome = "failed"
	OutcomeInterrupted Outcome = "interrupted"
)

const (
	// maxInterrupted is how many processes may die while working on one row before
	// it is held to be the cause.
	maxInterrupted = 10
	// recordTimeout bounds the recording of a failure, which must go through even
	// when the try has used up its own time.
	recordTimeout = 30 * time.Second
)

// errPanic marks the error that a panic was turned into.
var errPanic = errors.New("queue: panic in handler")

// verdictError is what asynq gets to see. asynq stores its text in Redis, so it
// says nothing about the row: error texts quote file names and addresses.
type verdictError struct {
	text string
	skip bool
	// after is the least pause before the next try, as the other side asked for it.
	after time.Duration
}

func (v *verdictError) Error() string { return v.text }

// Is makes asynq archive the task instead of trying it again.
func (v *verdictError) Is(target error) bool { return v.skip && target == asynq.SkipRetry }

var (
	errRetry       = &verdictError{text: "failed, will be tried again"}
	errFailed      = &verdictError{text: "failed for good, see the ledger", skip: true}
	errInterrupted = &verdictError{text: "interrupted"}
	errHouse       = &verdictError{text: "waits for the house"}
)

// worker is the asynq handler of all queues.
type worker struct {
	client  *Client
	works   map[Kind]Work
	guard   *guard
	moves   *moves
	observe func(Kind, Outcome, time.Duration)
	log     *slog.Logger
}

// ProcessTask implements asynq.Handler.
func (w *worker) ProcessTask(ctx context.Context, task *asynq.Task) error {
	taskID, _ := asynq.GetTaskID(ctx)
	kind := Kind(task.Type())
	log := w.log.With("kind", kind, "task", taskID)
	queue, _ := asynq.GetQueueName(ctx)
	defer w.moves.begin(queue, kind)()
	p, err := decodePayload(task.Payload())
	work, known := w.works[kind]
	if err != nil || !known {
		log.LogAttrs(ctx, slog.LevelError, "task is not ours or damaged", slog.Any("error", err))
		return errFailed
	}
	if w.client.names.current(taskID) != taskID || !w.client.conn.private && w.client.superseded(ctx, queue, taskID) {
		log.LogAttrs(ctx, slog.LevelDebug, "orphan came back, its successor does the work")
		return nil
	}
	release, ok := w.guard.enter(kind, p.ID, taskID)
	if !ok {
		// The other one ends the row, or else leaves it to the sweeper.
		log.LogAttrs(ctx, slog.LevelDebug, "row is being worked on already")
		return nil
	}
	begun := time.Now()
	crashpoint.Hit("queue.handler_started")
	err = w.try(ctx, kind, work, p)
	outcome, verdict := w.judge(ctx, work, p.ID, err, log)
	if wanted := release(); wanted && outcome != OutcomeDone {
		w.client.lost.Store(true) // its task may be gone, or another was sent away: sweep
	}
	if w.observe != nil {
		w.observe(kind, outcome, time.Since(begun))
	}
	if verdict != nil {
		return verdict
	}
	crashpoint.Hit("queue.handler_done")
	return nil
}

// try calls the processor within its time and turns a panic into an error.
func (w *worker) try(ctx context.Context, kind Kind, work Work, p payload) (err error) {
	if p.Interrupted >= maxInterrupted {
		return deadlyRowError{p.Interrupted}
	}
	ctx, cancel := context.WithTimeout(ctx, w.client.policies[kind].Limit)
	defer cancel()
	defer func() {
		if x := recover(); x != nil {
			w.log.LogAttrs(ctx, slog.LevelError, "panic while working on a row",
				slog.String("kind", string(kind)), slog.String("id", p.ID),
				slog.String("panic", discreet.Panic(x)), slog.String("stack", string(debug.Stack())))
			err = errPanic
		}
	}()
	return work.Processor.Process(ctx, p.ID)
}

// judge decides what an error means, and records a failure that is final. The error
// it returns is for asynq alone.
func (w *worker) judge(ctx context.Context, work Work, id string, err error, log *slog.Logger) (Outcome, error) {
	if err == nil {
		return OutcomeDone, nil
	}
	if ctx.Err() != nil {
		// Not the row's fault: shutdown, or Redis was away. asynq ended this context
		// and has already put the task back.
		log.LogAttrs(ctx, slog.LevelInfo, "work on a row was interrupted", slog.Any("error", err))
		return OutcomeInterrupted, errInterrupted
	}
	if houseFault(err) {
		// Nor is a full disk, or a piece that came with it: it waits, however long.
		level := slog.LevelInfo
		if errors.Is(err, ingest.ErrNotYet) {
			level = slog.LevelDebug // as it should be, every few seconds
		}
		log.LogAttrs(ctx, level, "work on a row has to wait", slog.Any("error", err))
		return OutcomeRetry, errHouse
	}
	retried, _ := asynq.GetRetryCount(ctx)
	maxRetry, _ := asynq.GetMaxRetry(ctx)
	permanent := ingest.IsPermanent(err)
	if !permanent && retried < maxRetry {
		log.LogAttrs(ctx, slog.LevelWarn, "work on a row failed and will be tried again",
			slog.Int("try", retried+1), slog.Any("error", err))
		return OutcomeRetry, retryAfter(err)
	}
	log.LogAttrs(ctx, slog.LevelError, "work on a row failed for good",
		slog.Int("try", retried+1), slog.Bool("permanent", permanent), slog.Any("error", err))
	rctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	if ferr := work.Failures.Fail(rctx, id, err.Error()); ferr != nil {
		log.LogAttrs(ctx, slog.LevelError, "failure could not be recorded, the row will be taken up again", slog.Any("error", ferr))
	}
	return OutcomeFailed, errFailed
}

// afterMax bounds what another server may ask for: a row that waits is not to be forgotten.
const afterMax = 24 * time.Hour

// retryAfter is errRetry, with the pause that the other side asked for (RFC 9110 §10.2.3) where
// an error in the chain has a method RetryAfter() time.Duration.
func retryAfter(err error) error {
	var asked interface{ RetryAfter() time.Duration }
	if !errors.As(err, &asked) || asked.RetryAfter() <= 0 {
		return errRetry
	}
	return &verdictError{text: errRetry.text, after: min(asked.RetryAfter(), afterMax)}
}

// deadlyRowError is the permanent error of a row that takes the process down.
type deadlyRowError struct{ times int }

func (e deadlyRowError) Error() string {
	return fmt.Sprintf("the program ended %d times while working on this", e.times)
}

// Permanent reports true.
func (deadlyRowError) Permanent() bool { return true }

// retryDelay implements asynq.RetryDelayFunc.
func (w *worker) retryDelay(n int, err error, task *asynq.Task) time.Duration {
	if errors.Is(err, errInterrupted) || errors.Is(err, asynq.ErrLeaseExpired) {
		n = 0
	}
	if errors.Is(err, errHouse) {
		n = 0 // soon again, and no longer each time
	}
	d := w.client.policies[Kind(task.Type())].delay(n)
	var v *verdictError
	if errors.As(err, &v) && v.after > d {
		return v.after // exactly: earlier is what was asked not to be
	}
	return d + time.Duration((rand.Float64()-0.5)*0.4*float64(d)) //nolint:gosec // spreads load, guards nothing
}

// isFailure implements asynq's predicate: only a real failure uses up a retry.
func isFailure(err error) bool {
	return !errors.Is(err, errInterrupted) && !errors.Is(err, errHouse)
}

// houseFault reports whether an error says that the house itself is out of something,
// so that no piece is to blame.
func houseFault(err error) bool {
	for _, fault := range []error{ingest.ErrUnavailable, ingest.ErrNotYet, syscall.ENOSPC, syscall.EDQUOT, syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM} {
		if errors.Is(err, fault) {
			return true
		}
	}
	return false
}
