package dovecottest_test

import (
	"bytes"
	"testing"
	"time"

	"saisine.fr/saisine/channels/mailbox/dovecottest"
)

func TestServer(t *testing.T) {
	t.Parallel()
	s := dovecottest.Start(t)
	mail := []byte("From: a@example.fr\r\nSubject: essai\r\n\r\nbonjour\r\n")
	s.Deliver("alice", mail, mail)
	s.DeliverLMTP("alice", mail)
	s.Append("alice", "Saisine/Traités", time.Time{}, mail)
	if n := s.Count("alice", "INBOX"); n != 3 {
		t.Errorf("inbox holds %d mails, want 3", n)
	}
	if n := s.Count("alice", "nowhere"); n != 0 {
		t.Errorf("a missing folder holds %d mails", n)
	}
	if got := s.Messages("alice", "Saisine/Traités"); len(got) != 1 || !bytes.Equal(got[0], mail) {
		t.Errorf("got %q", got)
	}
	s.Kill()
	s.Restart()
	if n := s.Count("alice", "INBOX"); n != 3 {
		t.Errorf("after kill and restart the inbox holds %d mails, want 3", n)
	}
}
