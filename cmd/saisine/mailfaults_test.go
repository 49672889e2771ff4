package main

import (
	"bytes"
	"database/sql"
	"fmt"
	"net/mail"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/deliver/eximtest"
	"saisine.fr/saisine/ingest/servertest"
	"saisine.fr/saisine/ingest/servertest/toxitest"
	"saisine.fr/saisine/ingest/view"
)

// faultyMail is a town that writes by way of a bad network, and whose pauses between two tries
// are short.
type faultyMail struct {
	*postTown
	row   *faultRow
	proxy *toxitest.Proxy
	d     *daemonProcess
	n     int
}

func newFaultyMail(t *testing.T, row *faultRow) *faultyMail {
	t.Helper()
	tw := newPostTown(t, "")
	f := &faultyMail{postTown: tw, row: row, proxy: toxitest.Start(t, tw.exim.SubmissionPort)}
	tw.rewire(tw.exim.SubmissionPort, f.proxy.Port)
	tw.env = []string{newSimClock(t, time.Now()).env()}
	f.d = tw.start()
	return f
}

// ask has a citizen write, and returns the receipt that is to go out for it.
func (f *faultyMail) ask() string {
	f.n++
	name := fmt.Sprintf("f%d", f.n)
	f.dovecot.Deliver(townUser, citizenMail(name, "", strings.Replace(lampText, "12 rue des Acacias", fmt.Sprintf("%d rue des Acacias", 10+f.n), 1)))
	return name + "@" + eximtest.Domain
}

// receipt waits until the receipt to somebody is in a state.
func (f *faultyMail) receipt(to string, state ingest.MailState) (found view.Mail) {
	f.t.Helper()
	f.eventually(60*time.Second, fmt.Sprintf("the receipt to %s is %s", to, state), func() bool {
		for _, m := range f.mails() {
			if m.To == to && m.Kind == ingest.MailARE && m.State == state {
				found = m
				return true
			}
		}
		return false
	})
	return found
}

// tried waits until a try to send has failed, and the log says why.
func (f *faultyMail) tried(after int, words ...string) {
	f.t.Helper()
	f.eventually(30*time.Second, fmt.Sprintf("a try fails, and the log says %q", words), func() bool {
		for line := range strings.Lines(f.d.log.String()[after:]) {
			if !strings.Contains(line, "will be tried again") && !strings.Contains(line, "failed for good") {
				continue
			}
			for _, w := range words {
				if strings.Contains(line, w) {
					return true
				}
			}
		}
		return false
	})
}

// arrived waits until the receipt has arrived, and returns how often; all must be the same.
func (f *faultyMail) arrived(m view.Mail) int {
	f.t.Helper()
	var first []byte
	n := 0
	f.eventually(20*time.Second, "the receipt to "+m.To+" arrives", func() bool {
		n, first = 0, nil
		for _, got := range f.exim.Received() {
			if got.EnvelopeTo != m.To {
				continue
			}
			n++
			msg, err := mail.ReadMessage(bytes.NewReader(got.Raw))
			if err != nil {
				f.t.Fatal(err)
			}
			if id := strings.Trim(msg.Header.Get("Message-ID"), "<>"); id != m.MessageID {
				f.t.Errorf("%s got %s, which is not on record", m.To, id)
			}
			body := got.Raw[bytes.Index(got.Raw, []byte("\r\n\r\n")):]
			if first != nil && !bytes.Equal(first, body) {
				f.t.Errorf("%s got two mails that differ", m.To)
			}
			first = body
		}
		return n > 0
	})
	return n
}

// rewire has the configuration name another port, that of a proxy.
func (tw *town) rewire(from, to int) {
	tw.t.Helper()
	rewrite(tw.t, tw.config, fmt.Sprintf("port: %d", from), fmt.Sprintf("port: %d", to))
}

// TestMailServerRefuses: a real Exim says no, for now or for good, at each stage. What can go later
// goes later, once; what cannot is shown to a person, who can have it tried again.
func TestMailServerRefuses(t *testing.T) {
	t.Parallel()
	row := newFault(t, "SMTP 4xx and 5xx at connect, EHLO, MAIL, RCPT, DATA and after the mail; greylisting",
		"later what can go later, once; a refusal for good is shown and can be tried again; nothing silent")
	f := newFaultyMail(t, row)
	later := []string{"connect" + eximtest.Defer, "rcpt" + eximtest.Defer, "data" + eximtest.Defer, eximtest.Greylist, "connect" + eximtest.Refuse}
	final := []string{"rcpt" + eximtest.Refuse, "data" + eximtest.Refuse}
	if runs(0, 1) == 1 {
		later = append(later, "helo"+eximtest.Defer, "helo"+eximtest.Refuse, "mail"+eximtest.Defer, "predata"+eximtest.Defer)
		final = append(final, "mail"+eximtest.Refuse, "predata"+eximtest.Refuse)
	}
	for _, fault := range later {
		before := len(f.d.log.String())
		f.exim.Fault(fault)
		to := f.ask()
		f.tried(before, "refused at")
		if fault != eximtest.Greylist {
			f.receipt(to, ingest.MailQueued)
			f.exim.Mend()
		}
		m := f.receipt(to, ingest.MailSent)
		f.exim.Mend()
		if n := f.arrived(m); n != 1 {
			t.Errorf("%s: the receipt arrived %d times", fault, n)
		}
		row.ran()
	}
	for _, fault := range final {
		f.exim.Fault(fault)
		m := f.receipt(f.ask(), ingest.MailFailed)
		if q := f.request(m.Request); !q.NeedsReview || !strings.Contains(m.Reason, "550") {
			t.Errorf("%s: nobody is told: %v %q", fault, q.NeedsReview, m.Reason)
		}
		f.exim.Mend()
		if _, code := f.saisine("retry", m.ID); code != 0 {
			t.Errorf("%s: it cannot be tried again", fault)
			continue
		}
		if n := f.arrived(f.receipt(m.To, ingest.MailSent)); n != 1 {
			t.Errorf("%s: the receipt arrived %d times", fault, n)
		}
		row.ran()
	}
	f.verify()
	f.d.stop()
}

// TestMailServerFails: the connection to it breaks, hangs or cannot be trusted.
func TestMailServerFails(t *testing.T) {
	t.Parallel()
	row := newFault(t, "SMTP time-out, reset, cut before and after the final dot, TLS broken",
		"a receipt arrives once; where the answer to it was lost at least once, alike and under one Message-ID")
	f := newFaultyMail(t, row)
	for _, c := range []struct {
		name       string
		break_     func() (mend func())
		says       []string
		answerLost bool
	}{
		{"down", func() func() { f.proxy.Down(); return f.proxy.Up }, []string{"no connection"}, false},
		{"silent", func() func() {
			f.proxy.Downstream("timeout", toxitest.Attributes{"timeout": 0})
			return f.proxy.Clear
		}, []string{"failed at"}, false},
		{"reset", func() func() {
			f.proxy.Downstream("reset_peer", toxitest.Attributes{"timeout": 0})
			return f.proxy.Clear
		}, []string{"failed at"}, false},
		{"cut in the login", func() func() {
			f.proxy.Downstream("limit_data", toxitest.Attributes{"bytes": 900})
			return f.proxy.Clear
		}, []string{"failed at"}, false},
		{"cut in the mail", func() func() {
			f.proxy.Upstream("limit_data", toxitest.Attributes{"bytes": 3000})
			return f.proxy.Clear
		}, []string{"failed at"}, false},
		{"another certificate", func() func() {
			cert, key, err := servertest.SelfSigned()
			if err != nil {
				t.Fatal(err)
			}
			cert, key = f.exim.Certificate(cert, key)
			return func() { f.exim.Certificate(cert, key) }
		}, []string{"unknown authority"}, false},
		{"no certificate", func() func() {
			cert, key := f.exim.Certificate([]byte("none"), []byte("none"))
			return func() { f.exim.Certificate(cert, key) }
		}, []string{"failed at", "refused at", "does not offer STARTTLS"}, false},
		{"cut after the final dot", func() func() {
			f.exim.Fault("data" + eximtest.Slow)
			return func() { f.exim.Mend(); f.proxy.Clear() }
		}, []string{"failed at DATA"}, true},
	} {
		before := len(f.d.log.String())
		mend := c.break_()
		to := f.ask()
		if c.answerLost {
			f.eventually(30*time.Second, "the server has the mail", f.exim.Reading)
			time.Sleep(time.Second) // the whole of it; it takes three to answer
			f.proxy.Downstream("timeout", toxitest.Attributes{"timeout": 0})
		}
		f.tried(before, c.says...)
		mend()
		m := f.receipt(to, ingest.MailSent)
		switch n := f.arrived(m); {
		case n == 1 && !c.answerLost:
		case n == 2 && c.answerLost:
			row.saw("the answer lost: twice under one Message-ID")
		default:
			t.Errorf("%s: the receipt arrived %d times", c.name, n)
		}
		row.ran()
	}
	f.verify()
	f.d.stop()
}

// A mail that the server has taken goes out once, however long it cannot be put on record, and
// no other goes out before it is: a crash must repeat one at most.
func TestTakenMailWaitsForItsRecord(t *testing.T) {
	t.Parallel()
	f := newFaultyMail(t, nil)
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(f.data, "saisine.db")+"?_busy_timeout=10000")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), `CREATE TRIGGER full BEFORE UPDATE OF state ON mails WHEN NEW.state = 'sent'
		BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END`); err != nil {
		t.Fatal(err)
	}
	first := f.ask()
	f.exim.Await(1, time.Minute)
	second := f.ask()
	tries := func() int { return strings.Count(f.d.log.String(), "disk is full") }
	f.eventually(time.Minute, "the record is tried again, for each mail", func() bool { return tries() >= 6 })
	if got := f.exim.Received(); len(got) != 1 || got[0].EnvelopeTo != first {
		t.Errorf("%d mails went out", len(got))
	}
	if _, err := db.ExecContext(t.Context(), `DROP TRIGGER full`); err != nil {
		t.Fatal(err)
	}
	f.receipt(first, ingest.MailSent)
	f.receipt(second, ingest.MailSent)
	if got := f.exim.Await(2, time.Minute); len(got) != 2 {
		t.Errorf("%d mails went out for two receipts", len(got))
	}
	f.verify()
	f.d.stop()
}
