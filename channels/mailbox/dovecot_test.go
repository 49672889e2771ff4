package mailbox

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"saisine.fr/saisine/channels/mailbox/dovecottest"
	"saisine.fr/saisine/config"
)

func dovecotConfig(s *dovecottest.Server, user string) config.Mailbox {
	cfg := config.DefaultMailbox()
	cfg.Name, cfg.Host, cfg.Port, cfg.TLSCA = "sve", s.Host, s.IMAPSPort, s.CAFile
	cfg.Username, cfg.Password = user, dovecottest.Password
	return cfg
}

// drained waits until the user's inbox is empty and the ledger holds rows rows.
func drained(t *testing.T, s *dovecottest.Server, user string, l *ledger, rows int) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d rows, have %d", rows, l.count()), func() bool { return l.count() >= rows })
	eventually(t, "an empty inbox", func() bool { return s.Count(user, "INBOX") == 0 })
	if l.count() != rows {
		t.Errorf("%d rows, want %d", l.count(), rows)
	}
}

func TestDovecot(t *testing.T) {
	t.Parallel()
	s := dovecottest.Start(t)

	t.Run("every byte arrives and is moved", func(t *testing.T) {
		mails := map[string]bool{}
		for i := range 60 {
			raw := testMail(i)
			switch i % 6 {
			case 1:
				raw = "no header at all\r\n"[:i%18] + strings.Repeat("é\r\n", i)
			case 2:
				raw += strings.Repeat("0123456789\r\n", 40_000) // spilled to a file
			case 3:
				raw = "Subject: \xe9\xe8\xff no colon\r\nbroken line\r\n\r\n\x01\x02 8bit \x80\xff\r\n" + raw
			}
			if mails[raw] {
				raw += fmt.Sprintf("%d\r\n", i)
			}
			mails[raw] = true
			s.Deliver("bytes", []byte(raw))
		}
		l := newLedger()
		opts := testOptions(t)
		opts.BatchCount, opts.BatchBytes = 7, 600_000
		r := start(t, dovecotConfig(s, "bytes"), opts, l)
		drained(t, s, "bytes", l, len(mails))
		l.mu.Lock()
		for key, raw := range l.raw {
			if !mails[raw] {
				t.Errorf("%s: %d bytes that were never delivered: %.60q", key, len(raw), raw)
			}
		}
		l.mu.Unlock()
		if n := s.Count("bytes", "Saisine/Traités"); n != len(mails) {
			t.Errorf("done folder holds %d mails, want %d", n, len(mails))
		}
		if submits, replays := l.stats(); submits != len(mails) || replays != 0 {
			t.Errorf("%d submits, %d replays", submits, replays)
		}
		r.stop()
		// Proof for `saisine verify`: every mail in the done folder is in the ledger.
		seen := 0
		err := WalkFolder(t.Context(), dovecotConfig(s, "bytes"), "Saisine/Traités", func(uid uint32, raw io.Reader) error {
			b, err := io.ReadAll(raw)
			if !mails[string(b)] {
				t.Errorf("mail %d in the done folder is unknown", uid)
			}
			seen++
			return err
		})
		if err != nil || seen != len(mails) {
			t.Errorf("WalkFolder saw %d of %d mails: %v", seen, len(mails), err)
		}
	})

	t.Run("stopped in the middle", func(t *testing.T) {
		for i := range 400 {
			s.Deliver("stopped", []byte(testMail(i)))
		}
		opts := testOptions(t)
		opts.BatchCount = 20
		l := newLedger()
		begun, once := make(chan struct{}), sync.Once{}
		l.onSubmit = func() {
			if len(l.rows) >= 50 { // the ledger's lock is held
				once.Do(func() { close(begun) })
			}
		}
		r := start(t, dovecotConfig(s, "stopped"), opts, l)
		<-begun
		r.stop()
		// What is in the ledger was also moved; the rest was not begun.
		rows, done := l.count(), s.Count("stopped", "Saisine/Traités")
		if rows != done || rows == 400 {
			t.Errorf("stopped with %d rows and %d mails moved", rows, done)
		}
		start(t, dovecotConfig(s, "stopped"), opts, l)
		drained(t, s, "stopped", l, 400)
		if submits, _ := l.stats(); submits != 400 {
			t.Errorf("%d submits, want 400", submits)
		}
	})

	t.Run("INTERNALDATE", func(t *testing.T) {
		past, future := time.Date(2026, 3, 1, 8, 30, 0, 0, time.UTC), time.Now().Add(48*time.Hour)
		s.Append("dates", "INBOX", past, []byte("Date: Thu, 1 Jan 1970 00:00:00 +0000\r\n\r\npast\r\n"))
		s.Append("dates", "INBOX", future, []byte("Subject: b\r\n\r\nfuture\r\n"))
		l := newLedger()
		start(t, dovecotConfig(s, "dates"), testOptions(t), l)
		drained(t, s, "dates", l, 2)
		l.mu.Lock()
		defer l.mu.Unlock()
		for key, row := range l.rows {
			if strings.Contains(l.raw[key], "past") {
				if !row.ReceivedAt.Equal(past) {
					t.Errorf("received at %v, want %v", row.ReceivedAt, past)
				}
			} else if row.ReceivedAt.After(time.Now()) {
				t.Errorf("received in the future: %v", row.ReceivedAt)
			}
		}
	})

	t.Run("accents in every folder", func(t *testing.T) {
		s.Append("accents", "Demandes/Été & Noël", time.Time{}, []byte(testMail(1)))
		s.Append("accents", "Demandes/Été & Noël", time.Time{}, []byte(testMail(2)+strings.Repeat("x", 2<<20)))
		cfg := dovecotConfig(s, "accents")
		cfg.Folder = "Demandes/Été & Noël"
		l := newLedger()
		start(t, cfg, testOptions(t), l)
		eventually(t, "one in each folder", func() bool {
			return s.Count("accents", "Saisine/Traités") == 1 && s.Count("accents", "Saisine/Échecs") == 1 && s.Count("accents", cfg.Folder) == 0
		})
	})

	t.Run("STARTTLS and clear text", func(t *testing.T) {
		s.Deliver("start", []byte(testMail(1)))
		cfg := dovecotConfig(s, "start")
		cfg.TLS, cfg.Port = config.TLSStartTLS, s.IMAPPort
		l := newLedger()
		r := start(t, cfg, testOptions(t), l)
		drained(t, s, "start", l, 1)
		r.stop()
		s.Deliver("start", []byte(testMail(2)))
		cfg.TLS, cfg.TLSCA = config.TLSNone, ""
		start(t, cfg, testOptions(t), l)
		drained(t, s, "start", l, 2)
	})

	t.Run("several accounts at once", func(t *testing.T) {
		for _, user := range []string{"one", "two", "three"} {
			for i := range 20 {
				s.Deliver(user, []byte(user+testMail(i)))
			}
		}
		var wg sync.WaitGroup
		for _, user := range []string{"one", "two", "three"} {
			cfg := dovecotConfig(s, user)
			cfg.Name = user
			own := newLedger()
			start(t, cfg, testOptions(t), own)
			wg.Go(func() { drained(t, s, user, own, 20) })
		}
		wg.Wait()
	})

	t.Run("a mail expunged by another client", func(t *testing.T) {
		for i := range 3 {
			s.Deliver("gone", []byte(testMail(i)))
		}
		cfg := dovecotConfig(s, "gone")
		sess, err := connect(t.Context(), cfg, testOptions(t).withDefaults(), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer sess.close()
		if err := sess.selectFolder("INBOX", false); err != nil {
			t.Fatal(err)
		}
		other, err := connect(t.Context(), cfg, testOptions(t).withDefaults(), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer other.close()
		if err := other.selectFolder("INBOX", false); err != nil {
			t.Fatal(err)
		}
		if _, err := other.ensureFolder("Trash"); err != nil {
			t.Fatal(err)
		}
		if _, err := other.move([]imap.UID{2}, nil, "Trash"); err != nil {
			t.Fatal(err)
		}
		mails, err := sess.list([]imap.UID{1, 2, 3})
		if err != nil {
			t.Fatal(err)
		}
		got, err := sess.bodies(mails, testOptions(t).Spool, 0)
		if err != nil {
			t.Fatal(err)
		}
		closeBlobs(got)
		left, err := sess.existing([]imap.UID{1, 2, 3})
		if err != nil || !slices.Equal(left, []imap.UID{1, 3}) {
			t.Errorf("existing: %v, %v", left, err)
		}
		// Known trap: moving a UID that is gone says OK.
		if _, err := sess.move([]imap.UID{2}, nil, "Trash"); err != nil {
			t.Errorf("move of a missing UID: %v", err)
		}
	})

	t.Run("Check", func(t *testing.T) { testCheck(t, s) })
}

func testCheck(t *testing.T, s *dovecottest.Server) {
	s.AddUser("check")
	good := dovecotConfig(s, "check")
	if err := Check(t.Context(), good); err != nil {
		t.Errorf("a good account: %v", err)
	}
	for name, tt := range map[string]struct {
		spoil func(*config.Mailbox)
		want  string
	}{
		"password":    {func(c *config.Mailbox) { c.Password = "wrong" }, "check username and password_file"},
		"port":        {func(c *config.Mailbox) { c.Port = 1 }, "check host and port"},
		"authority":   {func(c *config.Mailbox) { c.TLSCA = "" }, "set tls_ca"},
		"tls mode":    {func(c *config.Mailbox) { c.Port = s.IMAPPort }, "check that tls and port fit"},
		"clear text":  {func(c *config.Mailbox) { c.TLS, c.Host = config.TLSNone, "imap.example.fr" }, "loopback hosts only"},
		"folder":      {func(c *config.Mailbox) { c.Folder = "Nulle part" }, "check folder, done_folder"},
		"same folder": {func(c *config.Mailbox) { c.DoneFolder = c.Folder }, "must differ"},
		"secret":      {func(c *config.Mailbox) { c.OAuth2 = &config.OAuth2{SecretExpires: time.Now().Add(time.Hour)} }, "client secret"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := good
			tt.spoil(&cfg)
			err := Check(t.Context(), cfg)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), "wrong") {
				t.Errorf("the password is in %v", err)
			}
		})
	}
}

// Servers such as Courier and many of Dovecot's keep all folders under INBOX, with
// dots between levels.
func TestDovecotNamespace(t *testing.T) {
	t.Parallel()
	s := dovecottest.Start(t, dovecottest.WithNamespace(".", "INBOX."))
	s.Deliver("alice", []byte(testMail(1)))
	l := newLedger()
	start(t, dovecotConfig(s, "alice"), testOptions(t), l)
	drained(t, s, "alice", l, 1)
	if n := s.Count("alice", "INBOX.Saisine.Traités"); n != 1 {
		t.Errorf("done folder holds %d mails, want 1", n)
	}
}

func TestDovecotWithoutMove(t *testing.T) {
	t.Parallel()
	s := dovecottest.Start(t, dovecottest.WithCapability("IMAP4rev1 LITERAL+ SASL-IR ID ENABLE IDLE UIDPLUS NAMESPACE AUTH=PLAIN"))
	for i := range 30 {
		s.Deliver("alice", []byte(testMail(i)))
	}
	s.Append("alice", "INBOX", time.Time{}, []byte("theirs\r\n"), imap.FlagDeleted)
	l := newLedger()
	start(t, dovecotConfig(s, "alice"), testOptions(t), l)
	drained(t, s, "alice", l, 31) // also one that somebody has marked as deleted
	if n := s.Count("alice", "Saisine/Traités"); n != 31 {
		t.Errorf("done folder holds %d mails, want 31", n)
	}
}

func TestDovecotRestart(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*dovecottest.Server){"stopped": (*dovecottest.Server).Stop, "killed": (*dovecottest.Server).Kill} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := dovecottest.Start(t)
			s.Deliver("alice", []byte(testMail(1)))
			l := newLedger()
			r := start(t, dovecotConfig(s, "alice"), testOptions(t), l)
			drained(t, s, "alice", l, 1)
			end(s)
			eventually(t, "Run fails while there is no server", func() bool { return r.failures() > 0 })
			s.Restart()
			for i := range 300 {
				s.Deliver("alice", []byte(testMail(2+i)))
			}
			drained(t, s, "alice", l, 301)
		})
	}
}

// From delivery to Submit during IDLE. What Dovecot itself takes to notice is part of
// it; the log line says how much of it is ours.
func TestDovecotIdle(t *testing.T) {
	t.Parallel()
	s := dovecottest.Start(t)
	s.AddUser("idle")
	cfg := dovecotConfig(s, "idle")
	cfg.Poll = time.Hour
	l := newLedger()
	arrived := make(chan struct{}, 16)
	l.onSubmit = func() { arrived <- struct{}{} }
	own := dovecotNotice(t, s)
	start(t, cfg, testOptions(t), l)
	var ours []time.Duration
	for i := range own {
		began := time.Now()
		s.Deliver("idle", []byte(testMail(i)))
		select {
		case <-arrived:
			ours = append(ours, time.Since(began))
		case <-time.After(20 * time.Second):
			t.Fatal("no news within 20 s")
		}
		eventually(t, "the mail moved", func() bool { return s.Count("idle", "INBOX") == 0 })
	}
	slices.Sort(ours)
	median := len(own) / 2
	t.Logf("delivery to Submit: median %v, max %v; Dovecot's own notice: median %v", ours[median], ours[len(ours)-1], own[median])
	if beyond := ours[median] - own[median]; beyond > time.Second {
		t.Errorf("median %v beyond the server's own %v", beyond, own[median])
	}
}

// dovecotNotice measures how long Dovecot takes to announce a mail to an idle client,
// in ascending order.
func dovecotNotice(t *testing.T, s *dovecottest.Server) (own []time.Duration) {
	s.AddUser("watch")
	watch, err := connect(t.Context(), dovecotConfig(s, "watch"), testOptions(t).withDefaults(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer watch.close()
	if err := watch.selectFolder("INBOX", true); err != nil {
		t.Fatal(err)
	}
	for i := range 7 {
		timer := time.AfterFunc(50*time.Millisecond, func() { s.Deliver("watch", []byte(testMail(i))) })
		began := time.Now().Add(50 * time.Millisecond)
		if woken, err := watch.wait(t.Context(), 20*time.Second); !woken || err != nil {
			t.Fatalf("no news: %v", err)
		}
		own = append(own, time.Since(began))
		timer.Stop()
	}
	slices.Sort(own)
	return own
}

func TestWalkFolderPassesErrorsOn(t *testing.T) {
	t.Parallel()
	s := newScripted(t, testMails(3)...)
	boom := fmt.Errorf("boom")
	err := WalkFolder(t.Context(), s.config(), "INBOX", func(uint32, io.Reader) error { return boom })
	if err != boom { //nolint:errorlint // promised as it is
		t.Errorf("got %v, want boom", err)
	}
	// A mail that breaks off must not look whole to fn.
	s.bend = func(c *scriptedConn, _, command string) bool {
		if !asksBodies(command, 1) {
			return false
		}
		_, _ = fmt.Fprintf(c, "* 1 FETCH (UID 1 BODY[] {%d}\r\n%s", len(testMail(0)), testMail(0)[:20])
		_ = c.Close()
		return true
	}
	var whole bytes.Buffer
	err = WalkFolder(t.Context(), s.config(), "INBOX", func(_ uint32, raw io.Reader) error {
		_, err := io.Copy(&whole, raw)
		if err == nil {
			t.Error("a truncated mail ended cleanly")
		}
		return nil // a careless caller
	})
	if err == nil {
		t.Error("WalkFolder returned nil for a truncated mail")
	}
}
