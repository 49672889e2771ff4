package mailbox

import (
	"errors"
	"fmt"
	"io"

	"github.com/emersion/go-imap/v2"

	"saisine.fr/saisine/ingest"
)

// errTruncated means that a literal ended before its announced size.
var errTruncated = fmt.Errorf("mailbox: the server ended a mail before its announced size: %w", io.ErrUnexpectedEOF)

// literal reads an IMAP literal to exactly its announced size. go-imap ends one with
// a clean io.EOF also when the connection was closed in the middle of it; here that is
// errTruncated. Its error is sticky: go-imap's reader must not be touched again once
// it has failed, because the decoder has then resumed on the same buffer.
type literal struct {
	r    imap.LiteralReader
	left int64
	err  error
}

func newLiteral(r imap.LiteralReader) *literal { return &literal{r: r, left: r.Size()} }

// Read implements io.Reader.
func (l *literal) Read(p []byte) (int, error) {
	if l.err != nil {
		return 0, l.err
	}
	n, err := l.r.Read(p)
	l.left -= int64(n)
	switch {
	case errors.Is(err, io.EOF) && l.left > 0:
		l.err = errTruncated
	case err != nil:
		l.err = err
	}
	return n, l.err
}

// failed returns the error that ended the literal early, nil when it is whole or
// still open.
func (l *literal) failed() error {
	if l.err == nil || errors.Is(l.err, io.EOF) {
		return nil
	}
	return &brokenError{l.err}
}

// brokenError means that a literal ended early: nothing of its command may be read
// any more, not even to discard it.
type brokenError struct{ err error }

func (e *brokenError) Error() string { return "mailbox: read a mail: " + e.err.Error() }
func (e *brokenError) Unwrap() error { return e.err }

// keep copies the whole literal into a Blob.
func (l *literal) keep(spool ingest.Spool) (*ingest.Blob, error) {
	blob, err := spool.Read(l, 0)
	switch {
	case l.failed() != nil:
		return nil, l.failed()
	case err != nil:
		return nil, &spoolError{err}
	}
	return blob, nil
}

// spoolError means that the bytes came but could not be kept: a fault of this house,
// never of the mail.
type spoolError struct{ err error }

func (e *spoolError) Error() string { return "mailbox: keep a mail: " + e.err.Error() }
func (e *spoolError) Unwrap() error { return e.err }
