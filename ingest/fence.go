package ingest

import (
	"context"
	"fmt"
)

// Fence is the right of one node of the house to do a thing that only one may do at a time: to
// empty a mailbox, say. It goes along in the context of all that is done by it. The zero
// Number is the right of a house that has one node, or shares its nodes' data folder: it
// is held by a lock that nobody can take away, and the store compares nothing.
type Fence struct {
	// Name is what the right is to, such as "mailbox/sve".
	Name string
	// Number grows with each holder. The store refuses the writes of one that is not the last.
	Number int64
	// Valid says, by a clock that goes on while the process stands still, that nobody else can
	// have got the right yet. nil: always. It is safe for concurrent use.
	Valid func() bool
}

// ErrFenced means that the right by which something was to be done has passed to another node.
// Nothing was stored. It wraps ErrUnavailable, so that the source keeps its thing: the other node
// sees to it.
var ErrFenced = fmt.Errorf("%w: another node has taken this over", ErrUnavailable)

type fenceKey struct{}

// WithFence returns a context in which f is held.
func WithFence(ctx context.Context, f Fence) context.Context {
	return context.WithValue(ctx, fenceKey{}, f)
}

// FenceOf returns the right that ctx carries; ok is false when it carries none.
func FenceOf(ctx context.Context) (f Fence, ok bool) {
	f, ok = ctx.Value(fenceKey{}).(Fence)
	return f, ok
}

// Held returns nil while what ctx is held by is held: to be asked before each effect outside the
// database, such as moving a mail, since a process that was stopped for a minute does not
// know it. A context without a Fence is always held. The error wraps ErrFenced.
func Held(ctx context.Context) error {
	if f, ok := FenceOf(ctx); ok && f.Valid != nil && !f.Valid() {
		return fmt.Errorf("%w: %s", ErrFenced, f.Name)
	}
	return nil
}
