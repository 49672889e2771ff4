package mailbox

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"

	"saisine.fr/saisine/ingest/discreet"
)

// What a server says goes to people, its code to the log.
func TestServersWordsStayOutOfTheLog(t *testing.T) {
	said := &imap.Error{Type: imap.StatusResponseTypeNo, Code: imap.ResponseCodeAuthenticationFailed, Text: "who is Zqcanari <zqcanari@example.fr>"}
	for _, err := range []error{
		fmt.Errorf("mailbox: move 1 mails: %w", aboutMails(said)),
		&stageError{stageLogin, said},
		fmt.Errorf("x: %w", &stageError{stageFolder, fmt.Errorf("look for folder %q: %w", "INBOX", said)}),
	} {
		log := discreet.Text(err)
		if strings.Contains(strings.ToLower(log), "zqcanari") || !strings.Contains(log, "NO [AUTHENTICATIONFAILED]") {
			t.Errorf("%T: the log gets %q", err, log)
		}
		if !strings.Contains(err.Error(), "who is Zqcanari") {
			t.Errorf("%T: people get %q", err, err)
		}
	}
	if got := discreet.Text(aboutMails(io.ErrUnexpectedEOF)); got != "unexpected EOF" {
		t.Error(got)
	}
	if aboutMails(nil) != nil {
		t.Error("an error of nil")
	}
}
