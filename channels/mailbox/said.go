package mailbox

import (
	"errors"
	"fmt"

	"github.com/emersion/go-imap/v2"

	"saisine.fr/saisine/ingest/discreet"
)

// aboutMails marks the error of a command on mails: what the server says in it may quote one,
// its subject or its sender.
func aboutMails(err error) error {
	if err == nil {
		return nil
	}
	return &mailsError{err}
}

type mailsError struct{ err error }

func (e *mailsError) Error() string { return e.err.Error() }
func (e *mailsError) Unwrap() error { return e.err }

// LogText implements discreet's interface.
func (e *mailsError) LogText() string { return logText(e.err) }

// LogText implements discreet's interface. The words of a server at a login are its own, too, and
// it was sent a password; saisine doctor shows them.
func (e *stageError) LogText() string { return fmt.Sprintf("mailbox: %s: %s", e.stage, logText(e.err)) }

// logText is what a log may hold of a server's answer: its type and code (RFC 9051 §7.1).
func logText(err error) string {
	var status *imap.Error
	if !errors.As(err, &status) {
		return discreet.Text(err)
	}
	code := ""
	if status.Code != "" {
		code = fmt.Sprintf(" [%s]", status.Code)
	}
	return fmt.Sprintf("imap: %s%s (the server's words are left out)", status.Type, code)
}
