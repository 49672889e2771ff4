package eximtest_test

import (
	"bytes"
	"fmt"
	"net/smtp"
	"strings"
	"testing"
	"time"

	"saisine.fr/saisine/channels/mailbox/dovecottest"
	"saisine.fr/saisine/ingest/deliver/eximtest"
)

func send(s *eximtest.Server, from, to string, mail []byte) error {
	return smtp.SendMail(fmt.Sprintf("%s:%d", s.Host, s.PlainPort), nil, from, []string{to}, mail)
}

func TestServer(t *testing.T) {
	t.Parallel()
	dovecot := dovecottest.Start(t)
	s := eximtest.Start(t, eximtest.WithTown("mairie.test", dovecot.LMTPPort))
	mail := []byte("From: a@mairie.test\r\nSubject: essai\r\n\r\nbonjour\r\n.point\r\n")
	const town = "accueil@mairie.test"

	if err := send(s, town, "alice@"+eximtest.Domain, mail); err != nil {
		t.Fatal(err)
	}
	got := s.Await(1, 10*time.Second)
	if got[0].ReturnPath != town || got[0].EnvelopeTo != "alice@"+eximtest.Domain || !bytes.HasSuffix(got[0].Raw, mail) {
		t.Errorf("delivered as %+q", got[0])
	}
	for to, want := range map[string]string{
		"refuse.moi@" + eximtest.Domain: "550 ",
		"later.moi@" + eximtest.Domain:  "450 ",
		"bob@elsewhere.test":            "550 ",
	} {
		if err := send(s, town, to, mail); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", to, err, want)
		}
	}

	dovecot.AddUser("accueil")
	if err := send(s, town, "bounce.moi@"+eximtest.Domain, mail); err != nil {
		t.Fatal(err)
	}
	report := awaitTown(t, dovecot)
	if !bytes.Contains(report, []byte("multipart/report")) || !bytes.Contains(report, []byte("Action: failed")) {
		t.Errorf("no delivery report: %s", report)
	}

	s.Kill()
	if err := send(s, town, "alice@"+eximtest.Domain, mail); err == nil {
		t.Error("a killed server took a mail")
	}
	s.Restart()
	if err := send(s, "", "alice@"+eximtest.Domain, mail); err != nil {
		t.Fatal(err)
	}
	if got := s.Await(2, 10*time.Second); got[1].ReturnPath != "" {
		t.Errorf("the null path became %q", got[1].ReturnPath)
	}
}

// awaitTown returns the first mail in the town's inbox.
func awaitTown(t *testing.T, dovecot *dovecottest.Server) []byte {
	t.Helper()
	deadline := time.Now().Add(15 * time.Second)
	for dovecot.Count("accueil", "INBOX") == 0 {
		if time.Now().After(deadline) {
			t.Fatal("no mail came to the town")
		}
		time.Sleep(20 * time.Millisecond)
	}
	return dovecot.Messages("accueil", "INBOX")[0]
}
