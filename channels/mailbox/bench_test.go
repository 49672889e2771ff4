package mailbox

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"saisine.fr/saisine/channels/mailbox/dovecottest"
	"saisine.fr/saisine/ingest"
)

// countSink takes everything in and keeps nothing.
type countSink struct{ n atomic.Int64 }

func (c *countSink) Submit(context.Context, ingest.Submission) (ingest.Receipt, error) {
	c.n.Add(1)
	return ingest.Receipt{}, nil
}

// BenchmarkIntake compares emptying a mailbox of 5,000 mails (2–10 kB) over loopback TLS
// into a stub ledger, moves included, with mbsync pulling the same mails. Set
// SAISINE_BENCH_MAILS for another number.
func BenchmarkIntake(b *testing.B) {
	n := 5000
	if v, err := strconv.Atoi(os.Getenv("SAISINE_BENCH_MAILS")); err == nil {
		n = v
	}
	s := dovecottest.Start(b)
	b.Run("saisine", func(b *testing.B) {
		for range b.N {
			b.StopTimer()
			user := benchUser(s, n)
			b.StartTimer()
			peak := watchHeap(b)
			began := time.Now()
			ctx, cancel := context.WithCancel(b.Context())
			opts := testOptions(b)
			opts.Log = nil
			sink := &countSink{}
			done := make(chan error)
			go func() { done <- New(dovecotConfig(s, user), opts).Run(ctx, sink) }()
			for opts.Health.Status().LastGood.IsZero() {
				time.Sleep(time.Millisecond)
			}
			b.ReportMetric(float64(n)/time.Since(began).Seconds(), "mails/s")
			b.ReportMetric(peak(), "peakMB")
			cancel()
			if err := <-done; err != nil || sink.n.Load() != int64(n) {
				b.Fatalf("%d mails taken in: %v", sink.n.Load(), err)
			}
			if left, moved := s.Count(user, "INBOX"), s.Count(user, "Saisine/Traités"); left != 0 || moved != n {
				b.Fatalf("%d mails left, %d moved", left, moved)
			}
		}
	})
	// With its own fsync of every mail, and without: the ledger's is not in our figure.
	for _, fsync := range []string{"yes", "no"} {
		b.Run("mbsync-fsync-"+fsync, func(b *testing.B) { benchmarkMbsync(b, s, n, fsync) })
	}
}

var benchUsers atomic.Int64

// benchUser makes an account with n new mails in an inbox that Dovecot has listed once.
func benchUser(s *dovecottest.Server, n int) string {
	user := fmt.Sprintf("bench%d", benchUsers.Add(1))
	random := rand.New(rand.NewPCG(1, 2))
	for i := range n {
		s.Deliver(user, []byte(testMail(i)+strings.Repeat("Monsieur le Maire, ceci est une ligne.\r\n", 50+random.IntN(200))))
	}
	s.Count(user, "INBOX")
	return user
}

func benchmarkMbsync(b *testing.B, s *dovecottest.Server, n int, fsync string) {
	mbsync, err := exec.LookPath("mbsync")
	if err != nil {
		b.Skip("mbsync is not installed: apt-get install isync")
	}
	for range b.N {
		b.StopTimer()
		user := benchUser(s, n)
		conf := mbsyncConfig(b, s, user, fsync)
		b.StartTimer()
		began := time.Now()
		if out, err := exec.CommandContext(b.Context(), mbsync, "-c", conf, "all").CombinedOutput(); err != nil {
			b.Fatalf("mbsync: %v\n%s", err, out)
		}
		b.ReportMetric(float64(n)/time.Since(began).Seconds(), "mails/s")
		got, _ := filepath.Glob(filepath.Join(filepath.Dir(conf), "inbox", "*", "*"))
		if len(got) < n {
			b.Fatalf("mbsync pulled %d files", len(got))
		}
	}
}

func mbsyncConfig(b *testing.B, s *dovecottest.Server, user, fsync string) string {
	dir := b.TempDir()
	path := filepath.Join(dir, "mbsyncrc")
	conf := fmt.Sprintf(`FSync %s

IMAPAccount a
Host %s
Port %d
User %s
Pass %s
SSLType IMAPS
CertificateFile %s

IMAPStore remote
Account a

MaildirStore local
Path %s/
Inbox %s/inbox

Channel all
Far :remote:
Near :local:
Patterns INBOX
Sync Pull
Create Near
SyncState *
`, fsync, "localhost", s.IMAPSPort, user, dovecottest.Password, s.CAFile, dir, dir)
	if err := os.WriteFile(path, []byte(conf), 0o600); err != nil {
		b.Fatal(err)
	}
	return path
}

// watchHeap samples the heap until the returned function is called, which returns the
// peak in MB.
func watchHeap(b *testing.B) func() float64 {
	stop, peak := make(chan struct{}), make(chan float64)
	go func() {
		var most uint64
		ticker := time.NewTicker(5 * time.Millisecond)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				most = max(most, m.HeapAlloc)
			case <-stop:
				peak <- float64(most) / 1e6
				return
			}
		}
	}()
	return func() float64 { close(stop); return <-peak }
}
