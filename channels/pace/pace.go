// Package pace reads the bodies of posts that may take their time, and cuts those that drip.
package pace

import (
	"context"
	"io"
	"net/http"
	"time"
)

// Slow bodies. A connection that gives nothing for Stall, or is on the whole slower than
// Rate after Grace, is closed; 25 MiB at that rate take 55 minutes.
const (
	Stall = 30 * time.Second
	Grace = time.Minute
	Rate  = 8 << 10 // bytes a second
)

// Reader moves the connection's read deadline along while a body makes progress. It uses
// the real clock, for that is what the connection compares with. It is not safe for
// concurrent use.
type Reader struct {
	src         io.Reader
	rc          *http.ResponseController
	start, last time.Time
	n           int64
}

// NewReader returns a reader of the body of r, which w answers.
func NewReader(w http.ResponseWriter, r *http.Request) *Reader {
	return &Reader{src: r.Body, rc: http.NewResponseController(w), start: time.Now()}
}

// Read implements io.Reader.
func (p *Reader) Read(b []byte) (int, error) {
	if now := time.Now(); now.Sub(p.last) > time.Second {
		p.last = now
		deadline := p.start.Add(Grace + time.Duration(p.n/Rate)*time.Second)
		if stall := now.Add(Stall); stall.Before(deadline) {
			deadline = stall
		}
		_ = p.rc.SetReadDeadline(deadline) // unsupported only where there is no connection
	}
	n, err := p.src.Read(b)
	p.n += int64(n)
	return n, err
}

// Done lifts the deadline. Left standing, it would strike while the handler waits for the
// disk, and net/http would take the connection for broken. The server's WriteTimeout, which
// runs from the request's header on, starts anew, with the time that the handler still takes
// added; without one nothing is set, because net/http would not lift it for the next request.
// ctx is the request's.
func (p *Reader) Done(ctx context.Context, handling time.Duration) {
	_ = p.rc.SetReadDeadline(time.Time{})
	if s, ok := ctx.Value(http.ServerContextKey).(*http.Server); ok && s.WriteTimeout > 0 {
		_ = p.rc.SetWriteDeadline(time.Now().Add(handling + s.WriteTimeout))
	}
}
