package mailbox

import (
	"errors"
	"fmt"

	"github.com/emersion/go-imap/v2"

	"saisine.fr/saisine/ingest/discreet"
)

// aboutMails marks the error of a command on mails: what the server says in it may quote one,
// its subject or its sender. Before a mail is touched (login, folders) the server's words are about
// the account, and an administrator needs them.
func aboutMails(err error) error {
	if err == nil {
		return nil
	}
	return &mailsError{err}
}

type mailsError struct{ err error }

func (e *mailsError) Error() string { return e.err.Error() }
func (e *mailsError) Unwrap() error { return e.err }

// LogText implements discreet's interface: of an answer its type and code (RFC 9051 §7.1).
func (e *mailsError) LogText() string {
	var status *imap.Error
	if !errors.As(e.err, &status) {
		return discreet.Text(e.err)
	}
	code := ""
	if status.Code != "" {
		code = fmt.Sprintf(" [%s]", status.Code)
	}
	return fmt.Sprintf("imap: %s%s (the server's words are left out)", status.Type, code)
}
