package mailbox

import (
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// Known trap: without MOVE and UIDPLUS go-imap's Move ends in a plain EXPUNGE. A mail
// that another program has marked as deleted must survive every way of moving.
func TestNeverExpungesOthersMail(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ caps, wantCommand string }{
		{"IMAP4rev1 IDLE MOVE UIDPLUS", "UID MOVE"},
		{"IMAP4rev1 IDLE UIDPLUS", "UID EXPUNGE 1:2"},
		{"IMAP4rev1 IDLE MOVE", "UID STORE 1:2 +FLAGS.SILENT ($SaisineDone)"},
		{"IMAP4rev1 IDLE", "UID STORE 1:2 +FLAGS.SILENT ($SaisineDone)"},
	} {
		t.Run(tt.caps, func(t *testing.T) {
			t.Parallel()
			s, l := newScripted(t, testMails(2)...), newLedger()
			s.caps = tt.caps
			var other atomic.Bool
			s.bend = func(_ *scriptedConn, _, command string) bool {
				// Between our listing and our move, someone deletes a mail of theirs.
				if asksBodies(command, 1) && !other.Swap(true) {
					s.mu.Lock()
					s.folders["INBOX"] = append(s.folders["INBOX"], scriptedMail{uid: 50, raw: "theirs", flags: `\Deleted $SaisineDone`, date: "02-Nov-2026 10:00:00 +0100"})
					s.mu.Unlock()
				}
				return false
			}
			start(t, s.config(), testOptions(t), l)
			eventually(t, tt.wantCommand, func() bool { return len(s.sent(tt.wantCommand)) > 0 })
			eventually(t, "two rows", func() bool { return l.count() == 2 })
			if got := s.uids("INBOX"); !slices.Contains(got, 50) {
				t.Errorf("inbox holds %v: another's mail is gone", got)
			}
			for _, harmful := range []string{"EXPUNGE", "CLOSE"} {
				if sent := s.sent(harmful); len(sent) > 0 {
					t.Errorf("sent %q", sent)
				}
			}
		})
	}
}

// Where mails can only be flagged they are taken in once, and a mail that a clerk has
// read and flagged is still taken in.
func TestLeaveAndFlag(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ permanent, want string }{
		{`\Deleted \Seen \Flagged \*`, "$SaisineDone"},
		{`\Deleted \Seen \Flagged`, `\Seen \Flagged`},
	} {
		t.Run(tt.want, func(t *testing.T) {
			t.Parallel()
			s, l := newScripted(t, testMails(2)...), newLedger()
			s.caps, s.permanent = "IMAP4rev1 IDLE", tt.permanent
			s.folders["INBOX"][1].flags = `\Seen \Flagged`
			r := start(t, s.config(), testOptions(t), l)
			eventually(t, "flags", func() bool { return strings.Contains(s.flags("INBOX", 1), tt.want) })
			looks := len(s.sent("UID SEARCH"))
			eventually(t, "three more looks", func() bool { return len(s.sent("UID SEARCH")) > looks+3 })
			r.stop()
			if l.count() != 2 {
				t.Errorf("%d rows, want 2", l.count())
			}
			if submits, _ := l.stats(); submits != 2 {
				t.Errorf("%d submits, want 2: a flagged mail is not read again", submits)
			}
			// Another process remembers nothing: only the keyword spares the reading.
			r = start(t, s.config(), testOptions(t), l)
			eventually(t, "a look", func() bool { return !r.health.Status().LastGood.IsZero() })
			r.stop()
			_, replays := l.stats()
			if want := map[bool]int{true: 0, false: 2}[tt.want == "$SaisineDone"]; replays != want {
				t.Errorf("%d replays, want %d", replays, want)
			}
		})
	}
}

// A failed move is tried again alone: the mail is neither fetched nor submitted anew.
func TestFailedMoveIsRetriedAlone(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ caps, refuse string }{
		"move":    {fullCaps, "UID MOVE"},
		"copy":    {"IMAP4rev1 IDLE UIDPLUS", "UID COPY"},
		"expunge": {"IMAP4rev1 IDLE UIDPLUS", "UID EXPUNGE"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, l := newScripted(t, testMails(3)...), newLedger()
			s.caps = tt.caps
			var heal atomic.Bool
			s.bend = func(c *scriptedConn, tag, command string) bool {
				if heal.Load() || !strings.HasPrefix(command, tt.refuse) {
					return false
				}
				c.say("%s NO [OVERQUOTA] not now", tag)
				return true
			}
			r := start(t, s.config(), testOptions(t), l)
			eventually(t, "three refusals", func() bool { return len(s.sent(tt.refuse)) >= 3 })
			eventually(t, "the fault in health", func() bool { return r.health.Status().Err != nil })
			heal.Store(true)
			s.settled(t, l, 0, 3)
			if submits, _ := l.stats(); submits != 3 {
				t.Errorf("%d submits, want 3", submits)
			}
			if n := len(s.uids("Done")); n != 3 {
				t.Errorf("done folder holds %d mails, want 3 and no second copies", n)
			}
			eventually(t, "health recovers", func() bool { return r.health.Status().Err == nil })
		})
	}
}

// The process is killed between \Deleted and UID EXPUNGE: the next one must not copy
// a second time.
func TestKilledBetweenCopyAndExpunge(t *testing.T) {
	t.Parallel()
	s, l := newScripted(t, testMail(0)), newLedger()
	s.caps = "IMAP4rev1 IDLE UIDPLUS"
	var dead atomic.Bool
	s.bend = func(c *scriptedConn, _, command string) bool {
		if strings.HasPrefix(command, "UID EXPUNGE") && !dead.Swap(true) {
			_ = c.Close()
			return true
		}
		return false
	}
	r := start(t, s.config(), testOptions(t), l)
	eventually(t, "the end before EXPUNGE", dead.Load)
	r.stop()
	start(t, s.config(), testOptions(t), l)
	s.settled(t, l, 0, 1)
	if n := len(s.uids("Done")); n != 1 {
		t.Errorf("done folder holds %d mails, want 1", n)
	}
}

// A move that the server confirms and does not do must not become a busy loop.
func TestMoveThatIsNotDone(t *testing.T) {
	t.Parallel()
	s, l := newScripted(t, testMail(0)), newLedger()
	s.bend = func(c *scriptedConn, tag, command string) bool {
		if !strings.HasPrefix(command, "UID MOVE") {
			return false
		}
		c.say("%s OK moved", tag)
		return true
	}
	cfg := s.config()
	cfg.Poll = 100 * time.Millisecond
	began := time.Now()
	start(t, cfg, testOptions(t), l)
	eventually(t, "a fourth try", func() bool { return len(s.sent("UID MOVE")) >= 4 })
	if d := time.Since(began); d < 3*cfg.Poll {
		t.Errorf("four tries within %v", d)
	}
	if submits, _ := l.stats(); submits != 1 {
		t.Errorf("%d submits, want 1", submits)
	}
}

// A renumbered folder is read anew, and the ledger takes nothing twice.
func TestUIDValidityChange(t *testing.T) {
	t.Parallel()
	s, l := newScripted(t, testMails(3)...), newLedger()
	var frozen atomic.Bool
	frozen.Store(true)
	s.bend = func(c *scriptedConn, tag, command string) bool {
		if frozen.Load() && strings.HasPrefix(command, "UID MOVE") {
			c.say("%s NO not now", tag)
			return true
		}
		return false
	}
	start(t, s.config(), testOptions(t), l)
	eventually(t, "three rows", func() bool { return l.count() == 3 })
	s.mu.Lock()
	s.uidValidity = 8
	for i := range s.folders["INBOX"] { // the same mails, other UIDs
		s.folders["INBOX"][i].uid = uint32(3 - i)
	}
	slices.Reverse(s.folders["INBOX"])
	for _, c := range s.conns {
		_ = c.Close()
	}
	s.mu.Unlock()
	eventually(t, "three replays", func() bool { _, replays := l.stats(); return replays == 3 })
	frozen.Store(false)
	s.settled(t, l, 0, 3)
}
