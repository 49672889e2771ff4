package channels

import (
	"context"
	"fmt"
	"sync"
	"time"

	"saisine.fr/saisine/ingest"
)

// Door lends the Sink of an Adapter's Run to handlers of HTTP, which run on their own. While
// it is closed, before and after that Run, Submit is refused. The zero Door is closed. All
// methods are safe for concurrent use.
type Door struct {
	mu       sync.RWMutex
	sink     ingest.Sink
	inflight sync.WaitGroup
}

// Keep keeps the door open for sink until ctx ends, then waits for what is just being
// submitted. opened, when not nil, is called once it is open.
func (d *Door) Keep(ctx context.Context, sink ingest.Sink, opened func()) {
	d.Lend(sink)
	if opened != nil {
		opened()
	}
	<-ctx.Done()
	d.Lend(nil)
	d.inflight.Wait()
}

// Lend opens the door for a sink; nil closes it.
func (d *Door) Lend(sink ingest.Sink) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sink = sink
}

// Open reports whether a Submit would be let through.
func (d *Door) Open() bool {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.sink != nil
}

// SubmitTimeout ends a Submit that hangs, so that people are told within reason. Should it
// be stored all the same a moment later, sending again is a replay.
const SubmitTimeout = time.Minute

// Submit hands s to the Sink. ctx is not used for cancelling: once all has arrived it is worth
// recording, even when the browser has gone meanwhile. The error wraps ingest.ErrUnavailable
// while the door is closed.
func (d *Door) Submit(ctx context.Context, s ingest.Submission) (ingest.Receipt, error) {
	d.mu.RLock()
	sink := d.sink
	if sink == nil {
		d.mu.RUnlock()
		return ingest.Receipt{}, fmt.Errorf("channels: not running: %w", ingest.ErrUnavailable)
	}
	d.inflight.Add(1)
	d.mu.RUnlock()
	defer d.inflight.Done()

	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), SubmitTimeout)
	defer cancel()
	return sink.Submit(ctx, s)
}
