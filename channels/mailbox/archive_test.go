package mailbox

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"saisine.fr/saisine/channels/mailbox/dovecottest"
	"saisine.fr/saisine/ingest"
)

// archived is a Taker into a ledger.
type archived struct {
	*ledger
	expected, passed, took int
	lost                   []string
	// after, when set, is called after each mail that was taken.
	after func(n int) error
}

func (a *archived) Known(_ context.Context, _ string, keys []string) (map[string]bool, error) {
	known := map[string]bool{}
	for _, key := range keys {
		if row, _ := a.row(key); row.SourceKey != "" {
			known[key] = true
		}
	}
	return known, nil
}

func (a *archived) Expect(n int) { a.expected += n }
func (a *archived) Passed(n int) { a.passed += n }

func (a *archived) Take(_ string, sub ingest.Submission) error {
	defer func() { _ = sub.Original.Close() }()
	if _, err := a.Submit(context.Background(), sub); err != nil {
		return err
	}
	a.took++
	if a.after != nil {
		return a.after(a.took)
	}
	return nil
}

func (a *archived) Lost(source string, _ error) error {
	a.lost = append(a.lost, source)
	return nil
}

// flagsOf are the flags of all mails of a folder, and their number.
func flagsOf(s *dovecottest.Server, user, folder string) (n int, flags []imap.Flag) {
	s.Client(user, func(c *imapclient.Client) error {
		if _, err := c.Select(folder, &imap.SelectOptions{ReadOnly: true}).Wait(); err != nil {
			return err
		}
		all, err := c.Fetch(imap.SeqSet{imap.SeqRange{Start: 1, Stop: 0}}, &imap.FetchOptions{Flags: true}).Collect()
		for _, m := range all {
			n++
			for _, f := range m.Flags {
				if !slices.Contains(flags, f) && f != "\\Recent" {
					flags = append(flags, f)
				}
			}
		}
		return err
	})
	return n, flags
}

func TestArchiveDovecot(t *testing.T) {
	t.Parallel()
	s := dovecottest.Start(t)

	t.Run("broken off time and again, each mail once, nothing changed", func(t *testing.T) {
		const user, n = "archive", 300
		for i := range n {
			raw := testMail(i)
			if i%100 == 50 {
				raw += strings.Repeat("0123456789\r\n", 200_000) // over the limit
			}
			s.Deliver(user, []byte(raw))
		}
		opts := testOptions(t)
		opts.BatchCount = 16
		l := newLedger()
		reads := 0
		for cut := 40; ; cut = 70 {
			if reads++; reads > 10 {
				t.Fatal("it does not come to its end")
			}
			ctx, cancel := context.WithCancel(t.Context())
			taker := &archived{ledger: l, after: func(took int) error {
				if took == cut {
					cancel()
				}
				return nil
			}}
			a := NewArchive(dovecotConfig(s, user), opts)
			err := a.Read(ctx, "inbox", Window{}, taker)
			a.Close()
			cancel()
			if taker.expected != n || len(taker.lost) > 0 {
				t.Errorf("expected %d, lost %v", taker.expected, taker.lost)
			}
			if err == nil {
				break
			}
			if !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
		}
		submits, replays := l.stats()
		if l.count() != n || submits != n || replays != 0 || reads < 4 {
			t.Errorf("%d rows, %d submits, %d replays, %d reads", l.count(), submits, replays, reads)
		}
		if there, flags := flagsOf(s, user, "INBOX"); there != n || len(flags) > 0 {
			t.Errorf("the folder has %d mails with flags %v", there, flags)
		}
		partial := 0
		for key, row := range l.rows {
			if !strings.HasPrefix(key, "INBOX|") || row.Account != "sve" {
				t.Fatalf("the key %q of account %q is not the channel's", key, row.Account)
			}
			if row.Hints.Partial {
				partial++
				if row.Settled != ingest.StateFailed || !strings.Contains(row.Reason, "trop volumineux") || !strings.HasSuffix(key, headerKey) {
					t.Errorf("%s: %+v", key, row)
				}
			}
		}
		if partial != n/100 {
			t.Errorf("%d mails over the limit, want %d", partial, n/100)
		}
		// The channel knows what the archive took, and moves it without reading it twice.
		start(t, dovecotConfig(s, user), opts, l)
		eventually(t, "an empty inbox", func() bool { return s.Count(user, "INBOX") == 0 })
		if l.count() != n {
			t.Errorf("%d rows after the channel, want %d", l.count(), n)
		}
		// And the other way round: what it has moved is the same mail under another number.
		taker := &archived{ledger: l}
		a := NewArchive(dovecotConfig(s, user), opts)
		defer a.Close()
		if err := a.Read(t.Context(), "Saisine/Traités", Window{}, taker); err != nil {
			t.Fatal(err)
		}
		if l.count() != n {
			t.Errorf("%d rows after the done folder, want %d", l.count(), n)
		}
	})

	t.Run("folders and days", func(t *testing.T) {
		const user = "days"
		for year := range 4 {
			s.Append(user, "Ancien/Courrier", time.Date(2016+year, 3, 1, 12, 0, 0, 0, time.UTC), []byte(testMail(year)))
		}
		a := NewArchive(dovecotConfig(s, user), testOptions(t))
		defer a.Close()
		folders, err := a.Folders(t.Context())
		if err != nil || !slices.Contains(folders, "INBOX") || !slices.ContainsFunc(folders, func(f string) bool { return strings.HasSuffix(f, "Courrier") }) {
			t.Errorf("%q, %v", folders, err)
		}
		taker := &archived{ledger: newLedger()}
		w := Window{Since: time.Date(2017, 1, 1, 0, 0, 0, 0, time.UTC), Before: time.Date(2019, 3, 1, 0, 0, 0, 0, time.UTC)}
		if err := a.Read(t.Context(), "Ancien/Courrier", w, taker); err != nil || taker.took != 2 {
			t.Errorf("%d mails, %v", taker.took, err)
		}
		for _, row := range taker.rows {
			if y := row.ReceivedAt.Year(); y != 2017 && y != 2018 {
				t.Errorf("received in %d", y)
			}
		}
		if err := a.Read(t.Context(), "Nirgends", Window{}, taker); err == nil {
			t.Error("a folder that is not there was read")
		}
	})
}

// A server that goes away comes back, and reading goes on.
func TestArchiveReconnects(t *testing.T) {
	t.Parallel()
	s := dovecottest.Start(t)
	for i := range 120 {
		s.Deliver("restart", []byte(testMail(i)))
	}
	opts := testOptions(t)
	opts.BatchCount = 10
	opts.BackoffMin, opts.BackoffMax = 50*time.Millisecond, 500*time.Millisecond
	taker := &archived{ledger: newLedger()}
	taker.after = func(n int) error {
		if n == 30 || n == 80 {
			s.Restart()
		}
		return nil
	}
	a := NewArchive(dovecotConfig(s, "restart"), opts)
	defer a.Close()
	if err := a.Read(t.Context(), "INBOX", Window{}, taker); err != nil {
		t.Fatal(err)
	}
	if submits, replays := taker.stats(); taker.count() != 120 || submits != 120 || replays != 0 {
		t.Errorf("%d rows, %d submits, %d replays", taker.count(), submits, replays)
	}
}

func TestArchiveWrongPassword(t *testing.T) {
	t.Parallel()
	s := dovecottest.Start(t)
	s.AddUser("x")
	cfg := dovecotConfig(s, "x")
	cfg.Password = "wrong"
	a := NewArchive(cfg, testOptions(t))
	defer a.Close()
	begun := time.Now()
	err := a.Read(t.Context(), "INBOX", Window{}, &archived{ledger: newLedger()})
	if err == nil || !strings.Contains(err.Error(), "check username") {
		t.Errorf("after %v: %v", time.Since(begun), err)
	}
}
