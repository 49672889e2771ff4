package ocr

import (
	"context"
	"errors"
	"fmt"
	"time"

	"saisine.fr/saisine/ocr/wire"
)

const (
	// idleTime is how long a child without work is kept: it holds some 100 MB.
	idleTime = 2 * time.Minute
	// maxRequests is after how many requests a child is replaced, because gosseract
	// and the libraries below it lose a little memory with each page.
	maxRequests = 500
	// attempts is how often a request is tried, each time on a fresh child.
	attempts = 2
)

// errTimeout is the cause of a request's context when its own time is over.
var errTimeout = errors.New("ocr: page took too long")

// worker owns one child at a time and feeds it with jobs.
type worker struct {
	reader *Reader
	queue  *queue
	child  *process
	served int
}

// run works until there has been nothing to do for idleTime, or the queue is closed.
func (w *worker) run() {
	defer w.replace()
	for {
		j, ok := w.queue.next(idleTime)
		if !ok {
			return
		}
		begun := time.Now()
		resp, err := w.serve(j)
		w.queue.finished(j)
		w.reader.opts.Observer.Step(j.req.Op, time.Since(begun), err)
		j.done <- outcome{number: j.req.Task.Number, resp: resp, err: err, took: time.Since(begun)}
	}
}

// replace ends the child, if there is one.
func (w *worker) replace() {
	if w.child != nil {
		w.child.stop()
		w.child, w.served = nil, 0
	}
}

// serve has a job done. A child that fails with it is replaced and the job tried once
// more; then its error wraps errCrashed.
func (w *worker) serve(j job) (wire.Response, error) {
	// Closing the Reader ends the job as well.
	ctx, cancel := context.WithCancelCause(j.ctx)
	defer cancel(nil)
	defer context.AfterFunc(w.reader.life, func() { cancel(ErrClosed) })()
	var last error
	for range attempts {
		resp, err := w.attempt(ctx, j)
		if err == nil {
			return resp, nil
		}
		if ctx.Err() != nil {
			return wire.Response{}, context.Cause(ctx)
		}
		if !errors.Is(err, errCrashed) {
			return wire.Response{}, err
		}
		last = err
	}
	return wire.Response{}, last
}

func (w *worker) attempt(ctx context.Context, j job) (wire.Response, error) {
	if w.served >= maxRequests {
		w.replace()
	}
	if w.child == nil {
		child, err := w.reader.launcher.start(ctx)
		if err != nil {
			return wire.Response{}, err
		}
		w.child = child
	}
	w.served++
	begun := time.Now()
	timed, cancel := context.WithTimeoutCause(ctx, j.timeout, errTimeout)
	defer cancel()
	resp, err := w.child.request(timed, j.req)
	if err == nil && timed.Err() == nil {
		if resp.Fault != "" {
			return wire.Response{}, fmt.Errorf("%w: %s", ErrChild, resp.Fault)
		}
		if j.collect == nil {
			return resp, nil
		}
		if err = j.collect(w.child.dir.work(), resp); !errors.Is(err, errCrashed) {
			return resp, err
		}
	}
	// An answer that came as the time ran out found the child killed all the same.
	state := w.child.stop()
	w.child, w.served = nil, 0
	if err == nil {
		err = fmt.Errorf("%w: %w", errCrashed, context.Cause(timed))
	}
	if ctx.Err() == nil {
		w.reader.opts.Log.WarnContext(ctx, "reading child replaced", "operation", j.req.Op, "page", j.req.Task.Number,
			"state", state, "after", time.Since(begun).Round(time.Millisecond), "error", err)
	}
	return wire.Response{}, err
}
