package formpost

import (
	"errors"
	"io"

	"saisine.fr/saisine/ingest"
)

var (
	errOverPost   = errors.New("formpost: post over the limit")
	errPartHeader = errors.New("formpost: header of a form part over the limit")
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
