package webform

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"saisine.fr/saisine/ingest"
)

// Slow bodies. A connection that gives nothing for bodyStall, or is on the whole
// slower than bodyRate after bodyGrace, is closed; 25 MiB at that rate take 55 minutes.
const (
	bodyStall = 30 * time.Second
	bodyGrace = time.Minute
	bodyRate  = 8 << 10 // bytes a second
)

// pacedReader moves the connection's read deadline along while a body makes progress.
// It uses the real clock, for that is what the connection compares with.
type pacedReader struct {
	src         io.Reader
	rc          *http.ResponseController
	start, last time.Time
	n           int64
}

func newPacedReader(w http.ResponseWriter, r *http.Request) *pacedReader {
	return &pacedReader{src: r.Body, rc: http.NewResponseController(w), start: time.Now()}
}

// Read implements io.Reader.
func (p *pacedReader) Read(b []byte) (int, error) {
	if now := time.Now(); now.Sub(p.last) > time.Second {
		p.last = now
		deadline := p.start.Add(bodyGrace + time.Duration(p.n/bodyRate)*time.Second)
		if stall := now.Add(bodyStall); stall.Before(deadline) {
			deadline = stall
		}
		_ = p.rc.SetReadDeadline(deadline) // unsupported only where there is no connection
	}
	n, err := p.src.Read(b)
	p.n += int64(n)
	return n, err
}

// done lifts the deadline. Left standing, it would strike while the handler waits for
// the disk, and net/http would take the connection for broken. The server's
// WriteTimeout, which runs from the request's header on, starts anew; without one
// nothing is set, because net/http would not lift it for the next request.
func (p *pacedReader) done(ctx context.Context) {
	_ = p.rc.SetReadDeadline(time.Time{})
	if s, ok := ctx.Value(http.ServerContextKey).(*http.Server); ok && s.WriteTimeout > 0 {
		_ = p.rc.SetWriteDeadline(time.Now().Add(submitTimeout + s.WriteTimeout))
	}
}

var (
	errOverPost   = errors.New("webform: post over the limit")
	errPartHeader = errors.New("webform: header of a form part over the limit")
)

// teeBody hands a body to the parser and writes the same bytes to the spool. A spool
// that fails (disk full) does not stop the reading: the citizen's text is still
// wanted, to give it back.
type teeBody struct {
	src      io.Reader
	spool    *ingest.BlobWriter // nil once the original is not wanted any more
	spoolErr error
	n, limit int64
	// budget is how many bytes may still be read before the next part begins; < 0
	// means any number. mime/multipart alone would hold a part header of 10 MB.
	budget int64
	err    error // the connection's fault, other than io.EOF
}

// Read implements io.Reader.
func (t *teeBody) Read(p []byte) (int, error) {
	if t.n > t.limit {
		return 0, errOverPost
	}
	if t.budget == 0 {
		return 0, errPartHeader
	}
	if t.budget > 0 && int64(len(p)) > t.budget {
		p = p[:t.budget]
	}
	n, err := t.src.Read(p)
	t.n += int64(n)
	if t.budget > 0 {
		t.budget -= int64(n)
	}
	if t.n > t.limit {
		return n, errOverPost
	}
	t.write(p[:n])
	if err != nil && !errors.Is(err, io.EOF) {
		t.err = err
	}
	return n, err
}

func (t *teeBody) write(p []byte) {
	if t.spool == nil || len(p) == 0 {
		return
	}
	if _, err := t.spool.Write(p); err != nil {
		t.spoolErr = err
		t.drop()
	}
}

// drop gives up the original and frees its place on the disk at once.
func (t *teeBody) drop() {
	if t.spool != nil {
		t.spool.Abort()
		t.spool = nil
	}
}

// blob ends the spool.
func (t *teeBody) blob() (*ingest.Blob, error) {
	if t.spool == nil {
		return nil, t.spoolErr
	}
	w := t.spool
	t.spool = nil
	return w.Blob()
}
