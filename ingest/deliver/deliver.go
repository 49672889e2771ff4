// Package deliver brings outbox rows to their destination. It knows kinds and
// handlers only: what a receipt or a hand-over contains is decided where it is
// written, how it travels in the handler of its kind.
package deliver

import (
	"context"
	"errors"
	"fmt"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/crashpoint"
)

// Store is what delivery needs of the outbox.
type Store interface {
	// Outbox returns a row; ingest.ErrNotFound when there is none.
	Outbox(ctx context.Context, id string) (ingest.OutboxItem, error)
	// Delivered ends a pending row.
	Delivered(ctx context.Context, id string) error
}

// Handler delivers one row. It is called at least once for each, so it must be
// idempotent by the row's ID. An error that is ingest.Permanent is not tried again.
type Handler func(ctx context.Context, item ingest.OutboxItem) error

// Dispatcher delivers outbox rows by their kind. It is safe for concurrent use.
type Dispatcher struct {
	Store    Store
	Handlers map[string]Handler
}

// ErrEnded is returned by a handler that has ended its row itself, in a transaction that knew
// what else must be true. It is no failure.
var ErrEnded = errors.New("deliver: the row was ended by its handler")

// ErrNoHandler means that this version knows no way to deliver a kind.
var ErrNoHandler = errors.New("deliver: no handler for this kind")

// Process delivers the row with this id; a row that has ended already is left alone.
func (d *Dispatcher) Process(ctx context.Context, id string) error {
	item, err := d.Store.Outbox(ctx, id)
	if errors.Is(err, ingest.ErrNotFound) {
		return ingest.Permanent(err)
	}
	if err != nil {
		return fmt.Errorf("deliver %s: %w", id, err)
	}
	if item.State != ingest.OutboxPending {
		return nil
	}
	h, ok := d.Handlers[item.Kind]
	if !ok {
		return ingest.Permanent(fmt.Errorf("%w: %q", ErrNoHandler, item.Kind))
	}
	crashpoint.Hit("deliver.started")
	err = h(ctx, item)
	if errors.Is(err, ErrEnded) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("deliver %s %s: %w", item.Kind, id, err)
	}
	crashpoint.Hit("deliver.handed_over")
	if err := d.Store.Delivered(ctx, id); err != nil {
		return fmt.Errorf("deliver %s: %w", id, err)
	}
	return nil
}
