package mailbox

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"saisine.fr/saisine/ingest"
)

// settled waits until the inbox holds only left mails and the ledger rows rows.
func (s *scripted) settled(t *testing.T, l *ledger, left, rows int) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d mails in the inbox and %d rows", left, rows), func() bool {
		return len(s.uids("INBOX")) == left && l.count() == rows
	})
}

func TestTakesInAndMoves(t *testing.T) {
	t.Parallel()
	s, l := newScripted(t, testMails(25)...), newLedger()
	opts := testOptions(t)
	opts.BatchCount = 10
	r := start(t, s.config(), opts, l)
	s.settled(t, l, 0, 25)
	eventually(t, "health is good", func() bool { return !r.health.Status().LastGood.IsZero() })
	if n := len(s.uids("Done")); n != 25 {
		t.Errorf("done folder holds %d mails, want 25", n)
	}
	sub, raw := l.row("INBOX|7|3")
	if raw != testMail(2) {
		t.Errorf("mail 3 is %q", raw)
	}
	want := time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)
	if sub.Channel != ingest.ChannelMailbox || sub.Account != "sve" || sub.Epoch != "INBOX|7" ||
		!sub.ReceivedAt.Equal(want) || sub.MediaType != ingest.MediaMail || sub.Hints.Folder != "INBOX" || sub.Settled != "" {
		t.Errorf("submission is %+v", sub)
	}
	// One bulk FETCH for each batch, nothing but the five harmless items.
	if bodies := s.sent("UID FETCH"); len(bodies) != 1+3 {
		t.Errorf("%d FETCH commands, want one list and three batches: %q", len(bodies), bodies)
	}
	for _, c := range s.sent("UID FETCH") {
		if strings.Contains(c, "ENVELOPE") || strings.Contains(c, "BODYSTRUCTURE") || strings.Contains(c, "BODY[") || strings.Contains(c, "*") {
			t.Errorf("harmful command %q", c)
		}
	}
}

// Known trap: two FETCH commands at once deadlock. Nothing at all is sent while the
// answer to one is under way.
func TestOneCommandAtATime(t *testing.T) {
	t.Parallel()
	s, l := newScripted(t, testMails(12)...), newLedger()
	var early atomic.Int32
	s.bend = func(c *scriptedConn, tag, command string) bool {
		if !strings.HasPrefix(command, "UID FETCH") {
			return false
		}
		_ = c.SetReadDeadline(time.Now().Add(30 * time.Millisecond))
		if _, err := c.r.Peek(1); err == nil {
			early.Add(1)
		}
		_ = c.SetReadDeadline(time.Time{})
		return false
	}
	opts := testOptions(t)
	opts.BatchCount = 3
	start(t, s.config(), opts, l)
	s.settled(t, l, 0, 12)
	if early.Load() > 0 {
		t.Errorf("%d commands were sent during a FETCH", early.Load())
	}
}

// Known trap: the literal's reader ends with io.EOF and no error.
func TestCleanCloseInMidLiteral(t *testing.T) {
	t.Parallel()
	s, l := newScripted(t, testMails(3)...), newLedger()
	var closed atomic.Int32
	s.bend = func(c *scriptedConn, _, command string) bool {
		if !asksBodies(command, 2) || closed.Add(1) > 2 {
			return false
		}
		c.say("* 1 FETCH (UID 1 BODY[] {%d}\r\n%s)", len(testMail(0)), testMail(0))
		_, _ = fmt.Fprintf(c, "* 2 FETCH (UID 2 BODY[] {%d}\r\n%s", len(testMail(1)), testMail(1)[:20])
		_ = c.Close()
		return true
	}
	start(t, s.config(), testOptions(t), l)
	s.settled(t, l, 0, 3)
	for i := range 3 {
		if _, raw := l.row(fmt.Sprintf("INBOX|7|%d", i+1)); raw != testMail(i) {
			t.Errorf("mail %d is %q", i+1, raw)
		}
	}
	if submits, _ := l.stats(); submits != 3 {
		t.Errorf("%d submits, want 3: nothing of a broken fetch counts", submits)
	}
}

// A literal that is whole proves nothing when its command fails.
func TestCloseAfterWholeLiteral(t *testing.T) {
	t.Parallel()
	s, l := newScripted(t, testMails(2)...), newLedger()
	var closed atomic.Int32
	s.bend = func(c *scriptedConn, _, command string) bool {
		if !asksBodies(command, 1) || closed.Add(1) > 1 {
			return false
		}
		// The right size, but not this mail's bytes: the server lost its place.
		other := strings.Repeat("x", len(testMail(0)))
		c.say("* 1 FETCH (UID 1 BODY[] {%d}\r\n%s)", len(other), other)
		_ = c.Close()
		return true
	}
	start(t, s.config(), testOptions(t), l)
	s.settled(t, l, 0, 2)
	if _, raw := l.row("INBOX|7|1"); raw != testMail(0) {
		t.Errorf("mail 1 is %q", raw)
	}
}

// Known trap: go-imap has no response timeout.
func TestSilentServer(t *testing.T) {
	t.Parallel()
	for name, stage := range map[string]string{
		"at login": "LOGIN", "at select": "SELECT", "at search": "UID SEARCH", "at fetch": "UID FETCH", "at move": "UID MOVE", "at idle": "IDLE",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, l := newScripted(t, testMails(2)...), newLedger()
			var silent atomic.Bool
			s.bend = func(_ *scriptedConn, _, command string) bool {
				return strings.HasPrefix(command, stage) && !silent.Swap(true)
			}
			opts := testOptions(t)
			opts.Silence = 200 * time.Millisecond
			start(t, s.config(), opts, l)
			s.settled(t, l, 0, 2)
			eventually(t, "a second login", func() bool { return silent.Load() && len(s.sent("LOGIN")) >= 2 })
		})
	}
}

// A literal may take longer than the silence, as long as bytes come.
func TestSlowLiteralIsNotSilence(t *testing.T) {
	t.Parallel()
	s, l := newScripted(t, testMail(0)), newLedger()
	s.bend = func(c *scriptedConn, tag, command string) bool {
		if !asksBodies(command, 1) {
			return false
		}
		raw := testMail(0)
		_, _ = fmt.Fprintf(c, "* 1 FETCH (UID 1 BODY[] {%d}\r\n", len(raw))
		for part := range slices.Chunk([]byte(raw), len(raw)/20+1) {
			time.Sleep(150 * time.Millisecond) // slower in all than the silence allowed
			_, _ = c.Write(part)
		}
		c.say(")\r\n%s OK done", tag)
		return true
	}
	opts := testOptions(t)
	opts.Silence = 2 * time.Second
	start(t, s.config(), opts, l)
	s.settled(t, l, 0, 1)
	if n := len(s.sent("LOGIN")); n != 1 {
		t.Errorf("%d logins, want 1", n)
	}
}

// Known trap: one malformed response takes the whole connection with it.
func TestMalformedResponseIsIsolated(t *testing.T) {
	t.Parallel()
	const bad = 13
	for name, malformed := range map[string]string{
		"body":    "* 13 FETCH (UID 13 BODY[] {x}\r\n)",
		"listing": "* 13 FETCH (UID 13 FLAGS () INTERNALDATE \"yesterday\" RFC822.SIZE 3)",
		"closed":  "",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, l := newScripted(t, testMails(40)...), newLedger()
			s.bend = func(c *scriptedConn, _, command string) bool {
				words := strings.Fields(command)
				listing := strings.Contains(command, "INTERNALDATE")
				if len(words) < 4 || words[1] != "FETCH" || !inSet(words[2])(bad) || listing != (name == "listing") {
					return false
				}
				c.say("%s", malformed)
				_ = c.Close()
				return true
			}
			opts := testOptions(t)
			r := start(t, s.config(), opts, l)
			// 39 good ones, and a note for the one that cannot be had.
			s.settled(t, l, 0, 40)
			if got := s.uids("Failed"); !slices.Equal(got, []uint32{bad}) {
				t.Errorf("failed folder holds %v, want the bad one", got)
			}
			if n := len(s.uids("Done")); n != 39 {
				t.Errorf("done folder holds %d, want 39", n)
			}
			sub, raw := l.row("INBOX|7|13|note")
			if sub.Settled != ingest.StateFailed || !strings.Contains(sub.Reason, "«\u00a0Failed\u00a0»") || !strings.Contains(raw, "UID\u00a0: 13") {
				t.Errorf("the row of the bad mail: %q %q %q", sub.Settled, sub.Reason, raw)
			}
			eventually(t, "a quarantine alarm and no suspects", func() bool {
				alarms := r.health.Status().Alarms
				return alarms["quarantine"] != "" && alarms["suspects"] == ""
			})
			if r.failures() > 0 {
				t.Errorf("Run failed %d times: bisecting must not wait for the supervisor", r.failures())
			}
			// Six halvings and the tries alone; the mails beside it cost nothing more.
			if n := len(s.sent("LOGIN")); n > 9+maxDeaths {
				t.Errorf("%d connections to find one mail among 40", n)
			}
		})
	}
}

// The rest of a batch must not wait for the pauses of a suspect.
func TestSuspectDoesNotHoldUpOthers(t *testing.T) {
	t.Parallel()
	s, l := newScripted(t, testMails(20)...), newLedger()
	s.bend = func(c *scriptedConn, _, command string) bool {
		if asksBodies(command, 5) {
			_ = c.Close()
			return true
		}
		return false
	}
	opts := testOptions(t)
	opts.RetryPause = time.Hour
	r := start(t, s.config(), opts, l)
	s.settled(t, l, 1, 19)
	eventually(t, "an alarm about the suspect", func() bool { return r.health.Status().Alarms["suspects"] != "" })
	s.add(testMail(99))
	s.settled(t, l, 1, 20)
}

// Lost UIDs: the server says OK and delivers nothing, or only flags that another
// program changed, which go-imap takes for the answer.
func TestLostUIDs(t *testing.T) {
	t.Parallel()
	for name, instead := range map[string]string{"nothing": "", "unsolicited flags": `* 2 FETCH (UID 2 FLAGS (\Seen))`, "NIL": "* 2 FETCH (UID 2 BODY[] NIL)"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, l := newScripted(t, testMails(3)...), newLedger()
			var lost atomic.Int32
			s.bend = func(c *scriptedConn, tag, command string) bool {
				if !asksBodies(command, 2) || lost.Add(1) > 1 {
					return false
				}
				c.say("* 1 FETCH (UID 1 BODY[] {%d}\r\n%s)", len(testMail(0)), testMail(0))
				if instead != "" {
					c.say("%s", instead)
				}
				c.say("* 3 FETCH (UID 3 BODY[] {%d}\r\n%s)", len(testMail(2)), testMail(2))
				c.say("%s OK done", tag)
				return true
			}
			start(t, s.config(), testOptions(t), l)
			s.settled(t, l, 0, 3)
			if n := len(s.uids("Done")); n != 3 {
				t.Errorf("done folder holds %d, want 3", n)
			}
		})
	}
}

// A UID that is never delivered ends in quarantine; one that someone removed does not.
func TestUndeliveredForGood(t *testing.T) {
	t.Parallel()
	s, l := newScripted(t, testMails(3)...), newLedger()
	var once atomic.Bool
	s.bend = func(c *scriptedConn, tag, command string) bool {
		if asksBodies(command, 1) && !once.Swap(true) { // another program removes the third
			s.mu.Lock()
			s.folders["INBOX"] = s.folders["INBOX"][:2]
			s.mu.Unlock()
		}
		if !asksBodies(command, 2) {
			return false
		}
		if asksBodies(command, 1) {
			c.say("* 1 FETCH (UID 1 BODY[] {%d}\r\n%s)", len(testMail(0)), testMail(0))
		}
		c.say("%s OK done", tag)
		return true
	}
	start(t, s.config(), testOptions(t), l)
	s.settled(t, l, 0, 2)
	if got := s.uids("Failed"); !slices.Equal(got, []uint32{2}) {
		t.Errorf("failed folder holds %v, want 2", got)
	}
	if n := len(s.sent("LOGIN")); n != 1 {
		t.Errorf("%d logins, want 1: nothing broke the connection", n)
	}
}

// A server that cannot at the moment (RFC 5530) must not have its mails set apart.
func TestTemporaryRefusal(t *testing.T) {
	t.Parallel()
	s, l := newScripted(t, testMails(4)...), newLedger()
	var refused atomic.Int32
	s.bend = func(c *scriptedConn, tag, command string) bool {
		if !asksBodies(command, 1) || refused.Add(1) > 6 {
			return false
		}
		c.say("%s NO [UNAVAILABLE] try later", tag)
		return true
	}
	r := start(t, s.config(), testOptions(t), l)
	eventually(t, "a fault in health", func() bool { return r.health.Status().Err != nil })
	s.settled(t, l, 0, 4)
	if n := len(s.uids("Failed")); n != 0 {
		t.Errorf("%d mails set apart", n)
	}
}

func TestOversize(t *testing.T) {
	t.Parallel()
	large := testMail(1) + strings.Repeat("x", 2<<20)
	for name, liedSize := range map[string]int{"announced": len(large), "size lied about": 10} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, l := newScripted(t, testMail(0), large, testMail(2)), newLedger()
			s.bend = func(c *scriptedConn, tag, command string) bool {
				if !strings.Contains(command, "RFC822.SIZE") {
					return false
				}
				words := strings.Fields(command)
				s.mu.Lock()
				defer s.mu.Unlock()
				for i, m := range s.folders["INBOX"] {
					if size := len(m.raw); inSet(words[2])(m.uid) {
						if m.uid == 2 {
							size = liedSize
						}
						c.say(`* %d FETCH (UID %d FLAGS () INTERNALDATE "%s" RFC822.SIZE %d)`, i+1, m.uid, m.date, size)
					}
				}
				c.say("%s OK done", tag)
				return true
			}
			start(t, s.config(), testOptions(t), l)
			s.settled(t, l, 0, 3)
			if got := s.uids("Failed"); !slices.Equal(got, []uint32{2}) {
				t.Errorf("failed folder holds %v, want 2", got)
			}
			sub, raw := l.row("INBOX|7|2|header")
			if sub.Settled != ingest.StateFailed || strings.Contains(raw, "xxx") || !strings.HasPrefix(raw, "From: citoyen1@") {
				t.Errorf("row of the large mail: %q, %d bytes", sub.Settled, len(raw))
			}
			want := "Courriel trop volumineux\u00a0: 2,1\u00a0Mio, pour une limite de 1\u00a0Mio. Seul son en-tête a été conservé\u00a0; " +
				"il se trouve dans le dossier «\u00a0Failed\u00a0» de la boîte «\u00a0sve\u00a0», où un agent doit le lire."
			if sub.Reason != want {
				t.Errorf("reason is %q\nwant      %q", sub.Reason, want)
			}
		})
	}
}

// A hostile server that never stops sending must not fill memory.
func TestFlood(t *testing.T) {
	t.Parallel()
	s, l := newScripted(t, testMails(2)...), newLedger()
	var flooded atomic.Bool
	s.bend = func(c *scriptedConn, _, command string) bool {
		if !strings.HasPrefix(command, "UID SEARCH") || flooded.Swap(true) {
			return false
		}
		chunk := []byte(strings.Repeat("x", 1<<16))
		_, _ = c.Write([]byte("* OK "))
		for {
			if _, err := c.Write(chunk); err != nil {
				return true
			}
		}
	}
	start(t, s.config(), testOptions(t), l)
	s.settled(t, l, 0, 2)
}

func TestStorageUnavailable(t *testing.T) {
	t.Parallel()
	s, l := newScripted(t, testMails(5)...), newLedger()
	l.setRefuse(func(sub ingest.Submission) error {
		if sub.SourceKey == "INBOX|7|1" {
			return nil
		}
		return fmt.Errorf("disk full: %w", ingest.ErrUnavailable)
	})
	r := start(t, s.config(), testOptions(t), l)
	eventually(t, "the fault in health", func() bool { return errors.Is(r.health.Status().Err, ingest.ErrUnavailable) })
	eventually(t, "the one that was stored moved", func() bool { return slices.Equal(s.uids("Done"), []uint32{1}) })
	if got := s.uids("INBOX"); !slices.Equal(got, []uint32{2, 3, 4, 5}) {
		t.Errorf("inbox holds %v, want the four that were refused", got)
	}
	if r.failures() > 0 {
		t.Error("Run returned; the connection is not to blame")
	}
	l.setRefuse(nil)
	s.settled(t, l, 0, 5)
	eventually(t, "health recovers", func() bool { return r.health.Status().Err == nil })
}

// A spool that cannot be written is the house's fault, never the mail's.
func TestSpoolFull(t *testing.T) {
	t.Parallel()
	s, l := newScripted(t, testMail(0)+strings.Repeat("y", ingest.InlineMax)), newLedger()
	opts := testOptions(t)
	opts.Spool.Dir += "/missing"
	r := start(t, s.config(), opts, l)
	eventually(t, "the fault in health", func() bool { return houseFault(r.health.Status().Err) })
	eventually(t, "some tries", func() bool { return len(s.sent("LOGIN")) > 2*maxAttempts })
	if got := s.uids("INBOX"); !slices.Equal(got, []uint32{1}) {
		t.Errorf("inbox holds %v, want the mail", got)
	}
}
