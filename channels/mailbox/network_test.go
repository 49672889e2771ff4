package mailbox

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"saisine.fr/saisine/channels/mailbox/dovecottest"
	"saisine.fr/saisine/config"
	"saisine.fr/saisine/ingest/servertest/faulttest"
	"saisine.fr/saisine/ingest/servertest/toxitest"
)

// rig is an intake by way of a bad network: a real Dovecot, a Toxiproxy before it, and an
// account whose every mail is known by its hash.
type rig struct {
	t     *testing.T
	row   *faulttest.Row
	dove  *dovecottest.Server
	proxy *toxitest.Proxy
	user  string
	cfg   config.Mailbox
	opts  Options
	l     *ledger
	sent  map[[sha256.Size]byte]bool
	bytes int
	run   *running
}

var accounts atomic.Int64

// newRig makes an account with mails in it. clear leaves TLS away, so that an offset is one of
// the IMAP stream.
func newRig(t *testing.T, row *faulttest.Row, dove *dovecottest.Server, mails int, clear bool) *rig {
	t.Helper()
	r := &rig{t: t, row: row, dove: dove, user: fmt.Sprintf("net%d", accounts.Add(1)), l: newLedger(), sent: map[[sha256.Size]byte]bool{}}
	r.cfg = dovecotConfig(dove, r.user)
	port := dove.IMAPSPort
	if clear {
		r.cfg.TLS, r.cfg.TLSCA, port = config.TLSNone, "", dove.IMAPPort
	}
	r.proxy = toxitest.Start(t, port)
	r.cfg.Port, r.cfg.Poll = r.proxy.Port, time.Second
	r.opts = testOptions(t)
	r.opts.Silence, r.opts.BatchCount, r.opts.BatchBytes = 2*time.Second, 8, 300_000
	dove.AddUser(r.user)
	for i := range mails {
		r.deliver(networkMail(r.user, i))
	}
	return r
}

// networkMail is the nth of mails whose sizes go from a line to 700 KB: some lie in memory while
// they are read, others in a file.
func networkMail(user string, n int) []byte {
	sizes := []int{0, 100, 3_000, 20_000, 0, 150_000, 700, 40_000, 5_000, 0}
	size := sizes[n%len(sizes)]
	if n%25 == 24 {
		size = 700_000
	}
	r := rand.New(rand.NewPCG(uint64(n), 8))
	var b strings.Builder
	fmt.Fprintf(&b, "From: citoyen%d@example.fr\r\nSubject: demande %s %d\r\n\r\nBonjour.\r\n", n, user, n)
	for b.Len() < size {
		fmt.Fprintf(&b, "%x %d)\r\n* %d FETCH\r\n", r.Uint64(), n, n) // looks like IMAP itself
	}
	return []byte(b.String())
}

func (r *rig) deliver(raw []byte) {
	r.dove.Deliver(r.user, raw)
	r.sent[sha256.Sum256(raw)] = true
	r.bytes += len(raw)
}

func (r *rig) start() { r.run = start(r.t, r.cfg, r.opts, r.l) }

// after starts the intake and calls f when so many mails are in the ledger; the next waits
// until f has returned.
func (r *rig) after(mails int, f func()) {
	r.t.Helper()
	reached, struck, done := make(chan struct{}), make(chan struct{}), false
	r.l.onSubmit = func() { // the ledger's lock is held
		if len(r.l.rows) >= mails && !done {
			done = true
			close(reached)
			<-struck
		}
	}
	defer close(struck)
	r.start()
	select {
	case <-reached:
	case <-time.After(30 * time.Second):
		r.t.Fatalf("%d mails are not in the ledger after 30 s", mails)
	}
	f()
}

// sick waits until the channel's health names a fault that holds one of the words.
func (r *rig) sick(words ...string) {
	r.t.Helper()
	var last error
	eventually(r.t, fmt.Sprintf("health that says one of %q", words), func() bool {
		last = r.run.health.Status().Err
		if last == nil {
			return false
		}
		for _, w := range words {
			if strings.Contains(last.Error(), w) {
				return true
			}
		}
		return len(words) == 0
	})
	r.row.Saw("health says %q", cut(last.Error()))
}

func cut(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if i := strings.Index(s, "127.0.0.1:"); i >= 0 { // ports are of no interest
		s = s[:i] + "…"
	}
	return s[:min(len(s), 110)]
}

// recovers waits until the inbox is empty and health is good, and looks at every byte: no mail
// lost, none twice, none cut short, none set apart.
func (r *rig) recovers() {
	r.t.Helper()
	begun := time.Now()
	eventually(r.t, "an empty inbox", func() bool { return r.l.count() >= len(r.sent) && r.dove.Count(r.user, "INBOX") == 0 })
	took := time.Since(begun)
	eventually(r.t, "health is good again", func() bool {
		s := r.run.health.Status()
		return s.Err == nil && len(s.Alarms) == 0
	})
	r.run.stop()
	r.whole(len(r.sent))
	if n := r.dove.Count(r.user, r.cfg.FailedFolder); n != 0 {
		r.t.Errorf("%d mails were set apart because of the network", n)
	}
	if n := r.dove.Count(r.user, r.cfg.DoneFolder); n != len(r.sent) {
		r.t.Errorf("%d mails in the done folder, %d came", n, len(r.sent))
	}
	r.row.Ran()
	r.row.Saw("all %d mails whole and once", len(r.sent))
	r.t.Logf("recovered %v after the fault, %d failures", took.Round(10*time.Millisecond), r.run.failures())
}

// whole compares the ledger with what was sent.
func (r *rig) whole(want int) {
	r.t.Helper()
	r.l.mu.Lock()
	defer r.l.mu.Unlock()
	seen := map[[sha256.Size]byte]int{}
	for key, raw := range r.l.raw {
		sum := sha256.Sum256([]byte(raw))
		seen[sum]++
		switch {
		case !r.sent[sum]:
			r.t.Errorf("%s: %d bytes that nobody sent: %.80q", key, len(raw), raw)
		case seen[sum] > 1:
			r.t.Errorf("%s is there %d times", key, seen[sum])
		}
	}
	if len(seen) != want {
		r.t.Errorf("%d mails in the ledger, want %d", len(seen), want)
	}
}

// TestNetworkCuts cuts the connection after so many bytes, at offsets all over an intake: once,
// and on every connection.
func TestNetworkCuts(t *testing.T) {
	t.Parallel()
	dove := dovecottest.Start(t)
	row := faulttest.New(t, "IMAP connection cut in mid-literal", "no mail lost, doubled or cut short; intake goes on by itself")
	const mails = 50
	whole := 0
	for i := range mails {
		whole += len(networkMail("net0", i))
	}
	offsets := faulttest.Runs(6, 60)
	for i := range offsets {
		// From within the greeting to the last mails; never at the same place of a chunk.
		offset := 10 + i*(whole+10_000)/offsets + i*37%1000
		t.Run(fmt.Sprintf("once after %d bytes", offset), func(t *testing.T) {
			r := newRig(t, row, dove, mails, true)
			r.proxy.Downstream("limit_data", toxitest.Attributes{"bytes": offset})
			r.start()
			eventually(t, "the connection breaks", func() bool { return r.run.failures() > 0 || r.run.health.Status().Err != nil })
			r.proxy.Clear()
			r.recovers()
		})
	}
	row.Saw("offsets from 10 to %d", whole)
	// What gets through each time is more than the largest mail and what goes before it.
	t.Run("every connection", func(t *testing.T) {
		r := newRig(t, row, dove, mails, true)
		r.proxy.Downstream("limit_data", toxitest.Attributes{"bytes": 800_000})
		r.start()
		eventually(t, "most mails are in the ledger", func() bool { return r.l.count() > mails*9/10 })
		r.proxy.Clear()
		r.recovers()
	})
	t.Run("reset", func(t *testing.T) {
		r := newRig(t, row, dove, mails, false)
		r.after(10, func() { r.proxy.Downstream("reset_peer", toxitest.Attributes{"timeout": 0}) })
		r.sick("reset", "EOF", "closed")
		time.Sleep(300 * time.Millisecond) // several connections are reset
		r.proxy.Clear()
		r.recovers()
	})
}

// TestNetworkCutsAlwaysTheSame: the line breaks in the middle of the one mail that there is,
// again and again, for longer than a passing fault. That is no fault of the mail's, which must
// not be set apart for it.
func TestNetworkCutsAlwaysTheSame(t *testing.T) {
	t.Parallel()
	dove := dovecottest.Start(t)
	row := faulttest.New(t, "IMAP connection cut in the same mail, again and again", "it is tried ever more seldom and not set apart while the fault is the network's")
	r := newRig(t, row, dove, 0, true)
	r.opts.RetryPause = 20 * time.Millisecond
	r.deliver(networkMail(r.user, 24))
	r.proxy.Downstream("limit_data", toxitest.Attributes{"bytes": 200_000})
	log := &lines{}
	r.opts.Log = slog.New(slog.NewTextHandler(log, nil))
	r.start()
	tries := func() int { return log.count("fetching mails failed") }
	eventually(t, "it is tried more often than a mail that the server refuses", func() bool { return tries() > 2*maxAttempts })
	row.Saw("%d tries", tries())
	r.proxy.Clear()
	r.recovers()
}

// lines is a log.
type lines struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.b.String(), text)
}

// TestNetworkDrips: a line on which each byte takes its time is slow, and not silent.
func TestNetworkDrips(t *testing.T) {
	t.Parallel()
	dove := dovecottest.Start(t)
	row := faulttest.New(t, "IMAP server that drips", "a slow line is no silent one: no connection is given up, all mails whole")
	r := newRig(t, row, dove, faulttest.Runs(15, 50), false)
	r.opts.Silence = time.Second
	rate := r.bytes / faulttest.Runs(3, 20) / 1000 // KB/s: the intake takes so many seconds
	r.proxy.Downstream("slicer", toxitest.Attributes{"average_size": 4000, "size_variation": 1500, "delay": 100})
	r.proxy.Downstream("bandwidth", toxitest.Attributes{"rate": rate})
	r.proxy.Downstream("latency", toxitest.Attributes{"latency": 150, "jitter": 100})
	r.start()
	begun := time.Now()
	eventually(t, "all mails", func() bool { return r.l.count() == len(r.sent) })
	if took := time.Since(begun); took < 2*r.opts.Silence {
		t.Errorf("the line was not slow: %v", took)
	}
	row.Saw("%d KB at %d KB/s", r.bytes/1000, rate)
	if n := r.run.failures(); n > 0 {
		t.Errorf("%d connections were given up", n)
	}
	r.recovers()
}

// TestNetworkSilence: nothing comes any more, and nobody says so: in the middle of the intake,
// before the greeting, and while the connection is idle.
func TestNetworkSilence(t *testing.T) {
	t.Parallel()
	dove := dovecottest.Start(t)
	row := faulttest.New(t, "IMAP server silent, connection half open", "given up within poll + silence, health says so; all mails once the line is back")
	silent := toxitest.Attributes{"timeout": 0} // for ever
	t.Run("in the middle", func(t *testing.T) {
		t.Parallel()
		r := newRig(t, row, dove, 50, false)
		r.after(10, func() { r.proxy.Downstream("timeout", silent) })
		r.sick("silent")
		r.proxy.Clear()
		r.recovers()
	})
	t.Run("from the beginning", func(t *testing.T) {
		t.Parallel()
		r := newRig(t, row, dove, 3, false)
		r.proxy.Downstream("timeout", silent)
		r.start()
		r.sick("silent", "TLS")
		r.proxy.Clear()
		r.recovers()
	})
	t.Run("while idle", func(t *testing.T) {
		t.Parallel()
		r := newRig(t, row, dove, 3, false)
		r.start()
		eventually(t, "all is quiet", func() bool { return r.l.count() == 3 && dove.Count(r.user, "INBOX") == 0 })
		// Neither side hears of the other again, as behind a router that forgot them.
		r.proxy.Downstream("timeout", silent)
		r.proxy.Upstream("timeout", silent)
		r.deliver(networkMail(r.user, 3))
		begun := time.Now()
		r.sick("silent")
		row.Saw("noticed within %d s of poll 1 s, silence 2 s", 1+int(time.Since(begun).Seconds()))
		r.proxy.Clear()
		r.recovers()
	})
}

// TestServerFaults: what a mail server does, or an administrator to it, in the middle of an
// intake.
func TestServerFaults(t *testing.T) {
	t.Parallel()
	const mails = 50
	t.Run("password", func(t *testing.T) {
		t.Parallel()
		row := faulttest.New(t, "IMAP password wrong, then right", "health names the login; intake goes on when it is right")
		dove := dovecottest.Start(t)
		r := newRig(t, row, dove, mails, false)
		r.after(10, func() { dove.SetPassword("another") })
		r.sick("login", "AUTHENTICATIONFAILED", "Authentication failed")
		dove.SetPassword(dovecottest.Password)
		r.recovers()
	})
	t.Run("restart", func(t *testing.T) {
		t.Parallel()
		row := faulttest.New(t, "IMAP server killed and restarted in the middle", "no mail lost or doubled; intake goes on by itself")
		dove := dovecottest.Start(t)
		r := newRig(t, row, dove, mails, false)
		r.after(10, dove.Kill)
		r.sick()
		dove.Restart()
		r.recovers()
	})
	t.Run("UIDVALIDITY", func(t *testing.T) {
		t.Parallel()
		row := faulttest.New(t, "UIDVALIDITY changed in the middle of the intake", "the folder is looked at anew, nothing twice")
		dove := dovecottest.Start(t)
		r := newRig(t, row, dove, mails, false)
		before := uidValidity(r)
		r.after(10, func() {
			for ok := false; !ok; ok = uidValidity(r) != before {
				time.Sleep(time.Second) // it goes by seconds
				dove.Renumber(r.user)
			}
		})
		r.recovers()
		r.l.mu.Lock()
		epochs := map[string]bool{}
		for _, s := range r.l.rows {
			epochs[s.Epoch] = true
		}
		r.l.mu.Unlock()
		if len(epochs) < 2 {
			t.Error("the fault came too late")
		}
	})
	// Without MOVE a copy is made, which counts.
	t.Run("quota", func(t *testing.T) {
		t.Parallel()
		row := faulttest.New(t, "mailbox over quota for the move to the done folder", "mails are in the ledger once and wait in the inbox; health says so; moved when there is room")
		dove := dovecottest.Start(t, dovecottest.WithQuota(mails+5),
			dovecottest.WithCapability("IMAP4rev1 LITERAL+ SASL-IR ID ENABLE IDLE UIDPLUS NAMESPACE AUTH=PLAIN"))
		r := newRig(t, row, dove, mails, false)
		for i := range 5 { // with which the account is full
			dove.DeliverTo(r.user, "Archives", []byte(testMail(i)))
		}
		r.start()
		r.sick("OVERQUOTA", "quota", "Quota")
		if n := dove.Count(r.user, "INBOX"); n == 0 {
			t.Error("nothing waits in the inbox")
		}
		eventually(t, "all mails are in the ledger all the same", func() bool { return r.l.count() == mails })
		dove.Client(r.user, func(c *imapclient.Client) error { return c.Delete("Archives").Wait() })
		r.recovers()
	})
	t.Run("done folder deleted", func(t *testing.T) {
		t.Parallel()
		row := faulttest.New(t, "done folder deleted in the middle", "made again, mails are moved there, nothing twice")
		dove := dovecottest.Start(t)
		r := newRig(t, row, dove, mails, false)
		gone := 0
		r.after(10, func() {
			dove.Client(r.user, func(c *imapclient.Client) error {
				gone = statusCount(t, c, r.cfg.DoneFolder)
				return c.Delete(r.cfg.DoneFolder).Wait()
			})
		})
		eventually(t, "the other mails are moved", func() bool { return r.l.count() == mails && dove.Count(r.user, "INBOX") == 0 })
		eventually(t, "health is good", func() bool { return r.run.health.Status().Err == nil })
		r.run.stop()
		r.whole(mails)
		if n := dove.Count(r.user, r.cfg.DoneFolder); n < mails-gone-r.opts.BatchCount || n == 0 {
			t.Errorf("%d mails in the done folder, %d went with the old one", n, gone)
		}
		row.Ran()
		row.Saw("all %d mails whole and once", mails)
	})
	t.Run("second client", func(t *testing.T) {
		t.Parallel()
		row := faulttest.New(t, "a second client moves mails away meanwhile", "each mail is in the ledger or where the other put it, none cut short or twice; no alarm")
		dove := dovecottest.Start(t)
		r := newRig(t, row, dove, mails, false)
		taken := 0
		dove.Client(r.user, func(c *imapclient.Client) error {
			if err := c.Create("Trash", nil).Wait(); err != nil {
				return err
			}
			if _, err := c.Select("INBOX", nil).Wait(); err != nil {
				return err
			}
			r.start()
			for uid := imap.UID(mails); uid > 0; uid -= 3 { // from the end, each third
				if _, err := c.Move(imap.UIDSetNum(uid), "Trash").Wait(); err != nil {
					var status *imap.Error
					if !errors.As(err, &status) {
						return err
					}
				}
				if uid < 3 {
					break
				}
			}
			taken = statusCount(t, c, "Trash")
			return nil
		})
		eventually(t, "an empty inbox", func() bool { return dove.Count(r.user, "INBOX") == 0 })
		eventually(t, "health is good", func() bool {
			s := r.run.health.Status()
			return s.Err == nil && len(s.Alarms) == 0 && r.l.count()+taken >= mails
		})
		r.run.stop()
		if taken == 0 {
			t.Error("the other client was too slow")
		}
		for _, raw := range dove.Messages(r.user, "Trash") {
			sum := sha256.Sum256(raw)
			if !r.sent[sum] {
				t.Error("a mail in the trash that nobody sent")
			}
		}
		have := map[string]bool{}
		for _, raw := range r.l.raw {
			have[raw] = true
		}
		for _, raw := range dove.Messages(r.user, "Trash") {
			have[string(raw)] = true
		}
		if len(have) != mails {
			t.Errorf("%d of %d mails are in the ledger or the trash", len(have), mails)
		}
		r.whole(r.l.count())
		row.Ran()
		row.Saw("%d taken by the other, %d in the ledger", taken, r.l.count())
	})
}

func uidValidity(r *rig) (v uint32) {
	r.dove.Client(r.user, func(c *imapclient.Client) error {
		data, err := c.Status("INBOX", &imap.StatusOptions{UIDValidity: true}).Wait()
		if err == nil {
			v = data.UIDValidity
		}
		return err
	})
	return v
}

func statusCount(t *testing.T, c *imapclient.Client, folder string) int {
	t.Helper()
	data, err := c.Status(folder, &imap.StatusOptions{NumMessages: true}).Wait()
	if err != nil {
		t.Fatal(err)
	}
	return int(*data.NumMessages)
}
