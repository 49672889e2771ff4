package deliver

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/mail"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"saisine.fr/saisine/channels/mailbox/dovecottest"
	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/deliver/eximtest"
	"saisine.fr/saisine/ingest/message"
)

const (
	sender  = "retours@mairie.test"
	citizen = "zoe@" + eximtest.Domain
)

// via returns the options for an Exim's submission port.
func via(t testing.TB, exim *eximtest.Server) SMTPOptions {
	t.Helper()
	pem, err := os.ReadFile(exim.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		t.Fatal("no certificate")
	}
	return SMTPOptions{
		Host: exim.Host, Port: exim.SubmissionPort, Mode: ModeStartTLS, RootCAs: pool,
		Username: exim.Username, Password: exim.Password, Timeout: 20 * time.Second,
	}
}

func composed(t testing.TB, change func(*Message)) []byte {
	t.Helper()
	m := receipt
	if change != nil {
		change(&m)
	}
	raw, err := Compose(m)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// TestSend: by each way and login the very bytes arrive, and the server's answer comes back.
func TestSend(t *testing.T) {
	t.Parallel()
	for _, auth := range []string{"PLAIN", "LOGIN", "CRAM-MD5"} {
		t.Run(auth, func(t *testing.T) {
			t.Parallel()
			exim := eximtest.Start(t, eximtest.WithAuth(auth))
			starttls := via(t, exim)
			implicit, none := starttls, starttls
			implicit.Port, implicit.Mode = exim.TLSPort, ModeImplicit
			none.Port, none.Mode, none.Username = exim.PlainPort, ModeNone, ""
			raw := composed(t, nil)
			for i, o := range []SMTPOptions{starttls, implicit, none} {
				s := NewSMTP(o)
				if err := s.Check(t.Context()); err != nil {
					t.Fatalf("%s: %v", o.Mode, err)
				}
				answer, err := s.Send(t.Context(), sender, citizen, raw)
				if err != nil || !strings.HasPrefix(answer, "250 OK id=") {
					t.Fatalf("%s: %q, %v", o.Mode, answer, err)
				}
				got := exim.Await(i+1, 10*time.Second)[i]
				if got.ReturnPath != sender || got.EnvelopeTo != citizen || !bytes.HasSuffix(got.Raw, raw) {
					t.Errorf("%s: arrived as %q", o.Mode, got)
				}
				if bytes.Contains(got.Raw, []byte("with utf8")) {
					t.Errorf("%s: an ASCII mail was marked SMTPUTF8", o.Mode)
				}
			}
		})
	}
}

func TestSendFar(t *testing.T) {
	t.Parallel()
	exim := eximtest.Start(t)
	s := NewSMTP(via(t, exim))
	zoé := "zoé@" + eximtest.Domain
	large := composed(t, func(m *Message) {
		m.To = mail.Address{Address: zoé}
		m.Attachments = []File{{Name: "a.pdf", Type: "application/pdf", Data: bytes.Repeat([]byte("."), 3<<20)}}
	})
	if _, err := s.Send(t.Context(), "", zoé, large); err != nil {
		t.Fatal(err)
	}
	got := exim.Await(1, 20*time.Second)[0]
	if got.ReturnPath != "" || !bytes.HasSuffix(got.Raw, large) || !bytes.Contains(got.Raw, []byte("with utf8esmtpsa")) {
		t.Errorf("from %q to %q arrived as %.500q", got.ReturnPath, got.EnvelopeTo, got.Raw)
	}
}

func TestSendRefused(t *testing.T) {
	t.Parallel()
	exim := eximtest.Start(t, eximtest.WithoutUTF8())
	right := via(t, exim)
	wrong, anonymous, unknown := right, right, right
	wrong.Password = "guess"
	anonymous.Username = ""
	unknown.RootCAs = x509.NewCertPool()
	plain := right
	plain.Port = exim.PlainPort
	noLogin := plain
	noLogin.Mode = ModeNone
	raw := composed(t, nil)
	for name, c := range map[string]struct {
		o         SMTPOptions
		to        string
		msg       []byte
		permanent bool
		reply     SMTPError // Text is not compared; the zero value: none
		says      string
	}{
		"refused":        {right, "refuse.zoe@" + eximtest.Domain, raw, true, SMTPError{550, "5.1.1", "", StageRcpt}, "no such user"},
		"later":          {right, "later.zoe@" + eximtest.Domain, raw, false, SMTPError{450, "4.2.1", "", StageRcpt}, "try later"},
		"wrong password": {wrong, citizen, raw, false, SMTPError{535, "", "", StageAuth}, "check smtp.username and smtp.password"},
		"no login":       {anonymous, citizen, raw, false, SMTPError{530, "5.7.0", "", StageMail}, "set smtp.username"},
		"unknown CA":     {unknown, citizen, raw, false, SMTPError{}, "unknown authority"},
		"no STARTTLS":    {plain, citizen, raw, false, SMTPError{}, "does not offer STARTTLS"},
		"no AUTH":        {noLogin, citizen, raw, false, SMTPError{}, "offers no login"},
		"no address":     {right, "zoe", raw, true, SMTPError{}, "no mail address"},
		"injection":      {right, citizen + ">\r\nRCPT TO:<x@" + eximtest.Domain, raw, true, SMTPError{}, "no mail address"},
		"other letters":  {right, "zoé@" + eximtest.Domain, raw, true, SMTPError{}, "no SMTPUTF8"},
		"broken bytes":   {right, citizen, []byte("A: b\n\nc\n"), true, SMTPError{}, "cannot be sent as it stands"},
		"mode":           {SMTPOptions{Host: exim.Host, Port: exim.PlainPort}, citizen, raw, false, SMTPError{}, "smtp.tls must be"},
	} {
		_, err := NewSMTP(c.o).Send(t.Context(), sender, c.to, c.msg)
		if err == nil || ingest.IsPermanent(err) != c.permanent || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: permanent %t: %v", name, ingest.IsPermanent(err), err)
		}
		var reply *SMTPError
		if errors.As(err, &reply) != (c.reply.Code != 0) {
			t.Errorf("%s: %v", name, err)
		} else if reply != nil && (reply.Code != c.reply.Code || reply.Enhanced != c.reply.Enhanced || reply.Stage != c.reply.Stage) {
			t.Errorf("%s: %+v", name, reply)
		}
		if err != nil && strings.Contains(err.Error(), eximtest.Domain) {
			t.Errorf("%s: the error names the recipient: %v", name, err)
		}
	}
	if err := NewSMTP(wrong).Check(t.Context()); err == nil || !strings.Contains(err.Error(), "smtp.password") {
		t.Errorf("check: %v", err)
	}
	if got := exim.Received(); len(got) != 0 {
		t.Errorf("%d mails arrived", len(got))
	}
}

// TestSendBounced: the delivery report comes to the envelope's sender, and names the mail.
func TestSendBounced(t *testing.T) {
	t.Parallel()
	dovecot := dovecottest.Start(t)
	dovecot.AddUser("retours")
	exim := eximtest.Start(t, eximtest.WithTown("mairie.test", dovecot.LMTPPort))
	s := NewSMTP(via(t, exim))
	if _, err := s.Send(t.Context(), sender, "bounce.zoe@"+eximtest.Domain, composed(t, nil)); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); dovecot.Count("retours", "INBOX") == 0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("no delivery report came")
		}
	}
	raw := dovecot.Messages("retours", "INBOX")[0]
	report := message.Read(bytes.NewReader(raw), message.Options{})
	if report.Delivery == nil || !bytes.Contains(raw, []byte(receipt.MessageID)) {
		t.Errorf("no delivery report: %s", raw)
	}
}

func TestSendServerKilled(t *testing.T) {
	t.Parallel()
	exim := eximtest.Start(t)
	s := NewSMTP(via(t, exim))
	raw := composed(t, nil)
	if _, err := s.Send(t.Context(), sender, citizen, raw); err != nil {
		t.Fatal(err)
	}
	exim.Kill()
	if _, err := s.Send(t.Context(), sender, citizen, raw); err == nil || ingest.IsPermanent(err) || !strings.Contains(err.Error(), "smtp.host") {
		t.Errorf("without a server: %v", err)
	}
	exim.Restart()
	if _, err := s.Send(t.Context(), sender, citizen, raw); err != nil {
		t.Error(err)
	}
	exim.Await(2, 20*time.Second)
}

func TestSendConcurrently(t *testing.T) {
	t.Parallel()
	const mails = 100
	exim := eximtest.Start(t)
	s := NewSMTP(via(t, exim))
	g, ctx := errgroup.WithContext(t.Context())
	g.SetLimit(8)
	for i := range mails {
		raw := composed(t, func(m *Message) { m.MessageID = fmt.Sprintf("are.%d@mairie.test", i) })
		g.Go(func() error {
			_, err := s.Send(ctx, sender, citizen, raw)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	for _, got := range exim.Await(mails, 60*time.Second) {
		ids[parse(t, got.Raw).Header.Get("Message-Id")] = true
	}
	if len(ids) != mails {
		t.Errorf("%d different mails arrived, want %d", len(ids), mails)
	}
}

func TestSendCancelled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := NewSMTP(SMTPOptions{Host: "127.0.0.1", Port: 1, Mode: ModeNone}).Send(ctx, sender, citizen, composed(t, nil)); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
