// Package channels defines what a way into the town hall must do, and keeps the
// ways running: one goroutine for each adapter, restarted with backoff, drained at
// shutdown, with its health kept for /readyz and the metrics.
package channels

import (
	"context"

	"saisine.fr/saisine/ingest"
)

// Adapter is one configured way in: a mailbox, a scan folder, the web form.
//
// Run is called once at a time and works until its context ends, then finishes
// what it has begun and returns nil or the context's error. It hands each thing it
// finds to the Sink, and acknowledges it at its source (moves the mail, moves the
// scan, shows the number) only after Submit returned nil. When Submit fails the
// thing stays where it is and is tried again later. Any other return is a failure
// of the channel (server unreachable, folder gone): the supervisor logs it and
// calls Run again after a pause.
type Adapter interface {
	// Name is unique and stable: kind and configured name, such as "mailbox/sve".
	Name() string
	Run(ctx context.Context, sink ingest.Sink) error
}

// Health is where an adapter reports how it fares. All methods are safe for
// concurrent use; a nil *Health accepts and forgets everything.
type Health struct {
	state healthState
}
