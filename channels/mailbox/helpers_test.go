package mailbox

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"saisine.fr/saisine/channels"
	"saisine.fr/saisine/config"
	"saisine.fr/saisine/ingest"
)

// Of a connection that a toxic ended Toxiproxy leaves goroutines behind.
func TestMain(m *testing.M) {
	const toxiproxy = "github.com/Shopify/toxiproxy/v2"
	goleak.VerifyTestMain(
		m, goleak.IgnoreAnyFunction(toxiproxy+"/toxics.(*ToxicStub).Run"),
		goleak.IgnoreAnyFunction(toxiproxy+".(*ToxicLink).read"), goleak.IgnoreAnyFunction(toxiproxy+".(*ToxicLink).write"),
	)
}

// ledger is a Sink that behaves as the contract says: one row for each source key,
// one for the same bytes under another epoch.
type ledger struct {
	mu      sync.Mutex
	rows    map[string]ingest.Submission // by source key
	raw     map[string]string
	times   map[string]time.Time
	replays int
	submits int
	// refuse, when set, decides whether a Submit fails.
	refuse func(ingest.Submission) error
	// onSubmit, when set, is called after a row was stored.
	onSubmit func()
}

func newLedger() *ledger {
	return &ledger{rows: map[string]ingest.Submission{}, raw: map[string]string{}, times: map[string]time.Time{}}
}

func (l *ledger) Submit(_ context.Context, s ingest.Submission) (ingest.Receipt, error) {
	r, err := s.Original.Open()
	if err != nil {
		return ingest.Receipt{}, err
	}
	raw, err := io.ReadAll(r)
	_ = r.Close()
	if err != nil {
		return ingest.Receipt{}, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.submits++
	if l.refuse != nil {
		if err := l.refuse(s); err != nil {
			return ingest.Receipt{}, err
		}
	}
	if _, ok := l.rows[s.SourceKey]; ok {
		l.replays++
		return ingest.Receipt{ID: s.SourceKey, Replayed: true}, nil
	}
	for _, row := range l.rows {
		if row.Epoch != s.Epoch && l.raw[row.SourceKey] == string(raw) {
			l.replays++
			return ingest.Receipt{ID: row.SourceKey, Replayed: true}, nil
		}
	}
	l.rows[s.SourceKey], l.raw[s.SourceKey], l.times[s.SourceKey] = s, string(raw), time.Now()
	if l.onSubmit != nil {
		l.onSubmit()
	}
	return ingest.Receipt{ID: s.SourceKey}, nil
}

func (l *ledger) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.rows)
}

func (l *ledger) row(key string) (ingest.Submission, string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.rows[key], l.raw[key]
}

func (l *ledger) stats() (submits, replays int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.submits, l.replays
}

func (l *ledger) setRefuse(f func(ingest.Submission) error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refuse = f
}

// testOptions are short everywhere.
func testOptions(tb testing.TB) Options {
	return Options{
		Spool: ingest.Spool{Dir: tb.TempDir()}, MaxMessage: 1 << 20, Health: &channels.Health{},
		Log:     slog.New(slog.NewTextHandler(tb.Output(), &slog.HandlerOptions{Level: slog.LevelInfo})),
		Silence: 5 * time.Second, RetryPause: 10 * time.Millisecond,
		BackoffMin: 5 * time.Millisecond, BackoffMax: 20 * time.Millisecond, Grace: time.Second,
	}
}

// running is an adapter under way. A failure of the channel is tried again at once, as
// the supervisor would after a pause.
type running struct {
	tb     testing.TB
	cancel context.CancelFunc
	done   chan struct{}
	health *channels.Health
	mu     sync.Mutex
	errs   []error
}

func start(tb testing.TB, cfg config.Mailbox, opts Options, sink ingest.Sink) *running {
	ctx, cancel := context.WithCancel(tb.Context())
	r := &running{tb: tb, cancel: cancel, done: make(chan struct{}), health: opts.Health}
	a := New(cfg, opts)
	go func() {
		defer close(r.done)
		for ctx.Err() == nil {
			if err := a.Run(ctx, sink); err != nil {
				r.mu.Lock()
				r.errs = append(r.errs, err)
				r.mu.Unlock()
				select {
				case <-time.After(5 * time.Millisecond):
				case <-ctx.Done():
				}
			}
		}
	}()
	tb.Cleanup(r.stop)
	return r
}

func (r *running) stop() {
	r.cancel()
	select {
	case <-r.done:
	case <-time.After(20 * time.Second):
		r.tb.Error("Run did not return within 20 s of the end of its context")
	}
}

func (r *running) failures() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.errs)
}

// eventually waits until ok.
func eventually(tb testing.TB, what string, ok func() bool) {
	tb.Helper()
	deadline := time.Now().Add(time.Minute)
	for !ok() {
		if time.Now().After(deadline) {
			tb.Fatalf("not within a minute: %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func testMail(n int) string {
	return fmt.Sprintf("From: citoyen%d@example.fr\r\nSubject: demande %d\r\nMessage-ID: <%d@example.fr>\r\n\r\nBonjour, demande %d.\r\n", n, n, n, n)
}

func testMails(n int) (mails []string) {
	for i := range n {
		mails = append(mails, testMail(i))
	}
	return mails
}
