package webform

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"saisine.fr/saisine/channels/formpost/formtest"
	"saisine.fr/saisine/config"
	"saisine.fr/saisine/ingest"
)

// rememberingSink is a Sink that keeps what it is given, as the ledger would: one row
// for each source key.
type rememberingSink struct {
	mu     sync.Mutex
	rows   []row
	byKey  map[string]int
	err    error         // what Submit fails with, while set
	gate   chan struct{} // Submit waits for it, when set
	inside chan struct{} // told when a Submit waits
}

type row struct {
	ingest.Submission
	bytes []byte
}

func (s *rememberingSink) Submit(ctx context.Context, sub ingest.Submission) (ingest.Receipt, error) {
	if s.gate != nil {
		s.inside <- struct{}{}
		<-s.gate
	}
	if err := ctx.Err(); err != nil {
		return ingest.Receipt{}, err
	}
	r, err := sub.Original.Open()
	if err != nil {
		return ingest.Receipt{}, err
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		return ingest.Receipt{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return ingest.Receipt{}, s.err
	}
	if i, ok := s.byKey[sub.SourceKey]; ok {
		return ingest.Receipt{ID: fmt.Sprintf("id%d", i), Replayed: true}, nil
	}
	if s.byKey == nil {
		s.byKey = make(map[string]int)
	}
	s.byKey[sub.SourceKey] = len(s.rows)
	s.rows = append(s.rows, row{sub, b})
	return ingest.Receipt{ID: fmt.Sprintf("id%d", len(s.rows)-1), State: ingest.StateReceived}, nil
}

func (s *rememberingSink) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

func (s *rememberingSink) all() []row {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]row(nil), s.rows...)
}

// ledgerFollower follows, and corresponds, as the test says.
type ledgerFollower struct {
	status   map[string]Status   // by token
	receipts map[string]Download // by token + "/" + id
	err      error               // of Follow, Answering and Receipt
	tokenErr error
}

// Answering says that the token T stands for the submission S-T.
func (f *ledgerFollower) Answering(ctx context.Context, token string) (string, error) {
	if _, err := f.Follow(ctx, token); err != nil {
		return "", err
	}
	return "S-" + token, nil
}

func (f *ledgerFollower) Receipt(ctx context.Context, token, id string) (Download, error) {
	if _, err := f.Follow(ctx, token); err != nil {
		return Download{}, err
	}
	d, ok := f.receipts[token+"/"+id]
	if !ok {
		return Download{}, fmt.Errorf("test: %w", ingest.ErrNotFound)
	}
	return d, nil
}

func (f *ledgerFollower) Token(_ context.Context, id string) (string, error) {
	return "jeton-" + id, f.tokenErr
}

func (f *ledgerFollower) Follow(_ context.Context, token string) (Status, error) {
	if f.err != nil {
		return Status{}, f.err
	}
	s, ok := f.status[token]
	if !ok {
		return Status{}, fmt.Errorf("test: %w", ingest.ErrNotFound)
	}
	return s, nil
}

// clock is a time that tests set.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// house is a running form on a real server.
type house struct {
	*Adapter
	t      *testing.T
	sink   *rememberingSink
	follow *ledgerFollower
	clock  *clock
	server *httptest.Server
	client *http.Client
	spool  string
	log    *bytes.Buffer
	stop   func() // ends Run and waits for it
}

func newHouse(t *testing.T, change func(*Options)) *house {
	t.Helper()
	h := &house{
		t:      t,
		sink:   &rememberingSink{},
		follow: &ledgerFollower{status: make(map[string]Status), receipts: make(map[string]Download)},
		clock:  &clock{t: time.Date(2026, 11, 25, 9, 5, 0, 0, time.UTC)},
		spool:  t.TempDir(),
		log:    new(bytes.Buffer),
	}
	logWriter := &syncWriter{w: h.log}
	opts := Options{
		Town:          config.Town{Name: "Saint-Exemple", Timezone: "Europe/Paris"},
		Form:          config.Webform{Enabled: true, MinFillTime: 3 * time.Second, Trusted: []string{"10.0.0.0/8"}},
		Categories:    testCategories,
		Follow:        h.follow,
		Correspondent: h.follow,
		Spool:         ingest.Spool{Dir: h.spool},
		Secret:        []byte("only for tests"),
		Log:           slog.New(slog.NewTextHandler(logWriter, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Now:           h.clock.now,
	}
	if change != nil {
		change(&opts)
	}
	h.Adapter = New(opts)
	h.server = httptest.NewUnstartedServer(h.Handler())
	ConfigureServer(h.server.Config)
	h.server.Start()
	t.Cleanup(h.server.Close)
	h.client = h.server.Client()
	h.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	h.stop = h.run()
	t.Cleanup(h.stop)
	return h
}

// run starts Run and returns when it has taken the Sink.
func (h *house) run() func() {
	ctx, cancel := context.WithCancel(h.t.Context())
	done := make(chan error, 1)
	go func() { done <- h.Run(ctx, h.sink) }()
	eventually(h.t, h.door.Open)
	return sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			h.t.Errorf("Run returned %v", err)
		}
	})
}

func eventually(t *testing.T, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatal("did not come true within 10 s")
		}
		time.Sleep(time.Millisecond)
	}
}

type syncWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (s *syncWriter) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.w.Write(p)
}

var testCategories = []Category{
	{"voirie", "Voirie, trottoirs", "Cadre de vie"},
	{"eclairage-public", "Éclairage public", "Cadre de vie"},
	{"etat-civil", "État civil", "Démarches"},
	{"proprete-dechets", "Propreté, déchets", "Cadre de vie"},
	{"autre", "Autre", ""},
}

// answer is a response read to its end.
type answer struct {
	status int
	header http.Header
	body   string
}

func (h *house) do(r *http.Request) answer {
	h.t.Helper()
	resp, err := h.client.Do(r)
	if err != nil {
		h.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(b)}
}

func (h *house) get(path string) answer {
	h.t.Helper()
	r, err := http.NewRequestWithContext(h.t.Context(), http.MethodGet, h.server.URL+path, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	return h.do(r)
}

func (h *house) request(f *formBody) *http.Request {
	h.t.Helper()
	return h.requestTo("/demandes", f)
}

func (h *house) requestTo(path string, f *formBody) *http.Request {
	h.t.Helper()
	contentType, body := f.Encode()
	r, err := http.NewRequestWithContext(h.t.Context(), http.MethodPost, h.server.URL+path, bytes.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	r.Header.Set("Content-Type", contentType)
	return r
}

func (h *house) post(f *formBody) answer {
	h.t.Helper()
	return h.do(h.request(f))
}

// spoolEmpty fails the test when a spool file was left behind.
func (h *house) spoolEmpty() {
	h.t.Helper()
	if names := spoolFiles(h.t, h.spool); len(names) > 0 {
		h.t.Errorf("left in the spool: %q", names)
	}
}

type formBody = formtest.Body

func form(pairs ...string) *formBody { return formtest.New(pairs...) }

func contains(t *testing.T, what, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("%s lacks %q", what, p)
		}
	}
}
