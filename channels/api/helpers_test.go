package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	validatorconfig "github.com/pb33f/libopenapi-validator/config"

	"saisine.fr/saisine/channels/clientip"
	"saisine.fr/saisine/channels/formpost"
	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/message"
)

// house is a running interface with a town hall of memory behind it.
type house struct {
	*Adapter
	t      *testing.T
	town   *town
	server *httptest.Server
	stop   func()
	log    *lockedBuffer
	spool  string
}

// Keys of the tests, by their secret.
var testKeys = map[string]ingest.APIKey{
	"all":     {ID: "k1", Name: "appli", Scopes: ingest.Scopes()},
	"submit":  {ID: "k2", Name: "portail", Scopes: []ingest.Scope{ingest.ScopeSubmit}},
	"renewed": {ID: "k7", Name: "portail", Scopes: []ingest.Scope{ingest.ScopeSubmit}}, // after the one before was revoked
	"read":    {ID: "k3", Name: "tableau", Scopes: []ingest.Scope{ingest.ScopeRead}},
	"write":   {ID: "k4", Name: "chantiers", Scopes: []ingest.Scope{ingest.ScopeWrite}},
	"slow":    {ID: "k5", Name: "lent", Scopes: ingest.Scopes(), RateLimit: 3},
	"sealed":  {ID: "k6", Name: "social", Scopes: ingest.Scopes(), Services: []string{"CCAS"}},
}

// town is all that the interface asks of the house, and the Sink.
type town struct {
	mu       sync.Mutex
	now      time.Time
	rows     []ingest.Record
	bytes    map[string][]byte
	byKey    map[string]int
	requests map[string]ingest.Request
	history  map[string][]ingest.Event
	happened []ingest.PublicEvent
	filter   ingest.Filter
	files    bool  // treats what comes in at once
	sinkErr  error // of Submit
	tokenErr error
	err      error // of all the rest
}

func (h *town) Submit(ctx context.Context, s ingest.Submission) (ingest.Receipt, error) {
	if err := ctx.Err(); err != nil {
		return ingest.Receipt{}, err
	}
	r, err := s.Original.Open()
	if err != nil {
		return ingest.Receipt{}, err
	}
	defer r.Close()
	raw, err := io.ReadAll(r)
	if err != nil {
		return ingest.Receipt{}, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.sinkErr != nil {
		return ingest.Receipt{}, h.sinkErr
	}
	key := string(s.Channel) + "|" + s.Account + "|" + s.SourceKey
	if i, ok := h.byKey[key]; ok {
		return ingest.Receipt{ID: h.rows[i].ID, Replayed: true}, nil
	}
	rec := ingest.Record{
		ID: fmt.Sprintf("s%d", len(h.rows)+1), Channel: s.Channel, Account: s.Account, SourceKey: s.SourceKey, ReceivedAt: s.ReceivedAt,
		SHA256: s.Original.SHA256(), Size: s.Original.Size(), MediaType: s.MediaType, Hints: s.Hints, State: ingest.StateReceived,
	}
	h.byKey[key] = len(h.rows)
	h.rows = append(h.rows, rec)
	h.bytes[rec.ID] = raw
	if h.files {
		d := &ingest.DocumentReader{Log: discard}
		reading, err := d.Read(ctx, s.Original, rec)
		if err != nil {
			return ingest.Receipt{}, err
		}
		h.opens(len(h.rows)-1, ingest.Request{
			Reference: fmt.Sprintf("2026-%06d", len(h.rows)), Status: ingest.StatusNew, Subject: reading.Subject, Text: reading.Text, Sender: reading.From, OpenedAt: h.now,
		}, reading)
	}
	return ingest.Receipt{ID: rec.ID, State: rec.State}, nil
}

func (h *town) KeyBySecret(_ context.Context, secret string) (ingest.APIKey, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	k, ok := testKeys[secret]
	if !ok {
		return k, fmt.Errorf("test: %w", ingest.ErrNotFound)
	}
	return k, h.err
}

func (h *town) Viewer(_ context.Context, key ingest.APIKey) (ingest.Viewer, error) {
	v := ingest.Viewer{Key: key.Name, Hidden: []string{"CCAS"}}
	if slices.Contains(key.Services, "CCAS") {
		v.Hidden = nil
	}
	return v, nil
}

func (h *town) Submission(_ context.Context, id string) (ingest.Record, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, r := range h.rows {
		if r.ID == id {
			return r, h.err
		}
	}
	return ingest.Record{}, fmt.Errorf("test: %w", ingest.ErrNotFound)
}

func (h *town) SubmissionFor(ctx context.Context, v ingest.Viewer, id string) (ingest.Record, error) {
	rec, err := h.Submission(ctx, id)
	if err == nil && rec.Request != "" {
		_, err = h.RequestFor(ctx, v, rec.Request)
	}
	return rec, err
}

func (h *town) RequestFor(_ context.Context, v ingest.Viewer, reference string) (ingest.Request, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	q, ok := h.requests[reference]
	if !ok || !v.Sees(q.Service) {
		return ingest.Request{}, fmt.Errorf("test: %w", ingest.ErrNotFound)
	}
	return q, h.err
}

func (h *town) HistoryFor(ctx context.Context, v ingest.Viewer, reference string) ([]ingest.Event, error) {
	if _, err := h.RequestFor(ctx, v, reference); err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.history[reference], nil
}

func (h *town) List(_ context.Context, v ingest.Viewer, f ingest.Filter) (ingest.ListPage, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.filter = f
	var page ingest.ListPage
	var references []string
	for r := range h.requests {
		references = append(references, r)
	}
	slices.Sort(references)
	slices.Reverse(references)
	for _, r := range references {
		q := h.requests[r]
		if !v.Sees(q.Service) || f.Status != "" && q.Status != f.Status || f.After != "" && r >= f.After {
			continue
		}
		if len(page.Items) == f.Limit {
			page.Next = page.Items[f.Limit-1].Reference
			break
		}
		page.Items = append(page.Items, ingest.ListItem{
			Reference: r, Subject: q.Subject, Category: q.Category, Service: q.Service, Status: q.Status, OpenedAt: q.OpenedAt, Channel: ingest.ChannelAPI,
		})
	}
	return page, h.err
}

func (h *town) SetStatus(ctx context.Context, v ingest.Viewer, reference string, status ingest.Status, note string) error {
	q, err := h.RequestFor(ctx, v, reference)
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if q.Status == ingest.StatusClosed {
		return ingest.Refused("%s is closed for good", reference)
	}
	q.Status = status
	h.requests[reference] = q
	h.history[reference] = append(h.history[reference], ingest.Event{At: h.now, Kind: "request.status", Actor: v.Actor(), Detail: ingest.EventDetail{NewStatus: status, Note: note}})
	return nil
}

func (h *town) Comment(ctx context.Context, v ingest.Viewer, reference, text string) error {
	if _, err := h.RequestFor(ctx, v, reference); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.history[reference] = append(h.history[reference], ingest.Event{At: h.now, Kind: commentKind, Actor: v.Actor(), Detail: ingest.EventDetail{Text: text}})
	return nil
}

func (h *town) Original(ctx context.Context, v ingest.Viewer, id string) (File, error) {
	rec, err := h.SubmissionFor(ctx, v, id)
	if err != nil {
		return File{}, err
	}
	b := h.bytes[id]
	return File{Type: rec.MediaType, Size: int64(len(b)), Body: io.NopCloser(bytes.NewReader(b))}, nil
}

func (h *town) Attachment(ctx context.Context, v ingest.Viewer, id string, n int) (File, error) {
	rec, err := h.SubmissionFor(ctx, v, id)
	if err != nil || rec.Reading == nil || n >= len(rec.Reading.Attachments) {
		return File{}, errors.Join(err, ingest.ErrNotFound)
	}
	a := rec.Reading.Attachments[n]
	var content bytes.Buffer
	if _, err := ingest.Attached(bytes.NewReader(h.bytes[id]), rec.MediaType, message.Options{Attachment: func(f message.AttachmentInfo) io.Writer {
		if f.Index == n {
			return &content
		}
		return nil
	}}); err != nil {
		return File{}, err
	}
	if content.Len() > 0 {
		return File{Name: a.Name, Type: a.Type, Size: a.Size, Body: io.NopCloser(&content)}, nil
	}
	return File{Name: a.Name, Type: a.Type, Size: -1, Body: io.NopCloser(strings.NewReader("contenu"))}, nil
}

func (h *town) EventsAfter(_ context.Context, v ingest.Viewer, after int64, limit int) ([]ingest.PublicEvent, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []ingest.PublicEvent
	for _, e := range h.happened {
		if e.Seq > after && v.Sees(e.Service) && len(out) < limit {
			out = append(out, e)
		}
	}
	return out, h.err
}

func (h *town) Token(_ context.Context, id string) (string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return "jeton-" + id, h.tokenErr
}

// file is what the workers do: submission n becomes a request.
func (h *town) file(n int, q ingest.Request, reading ingest.Reading) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.opens(n, q, reading)
}

func (h *town) opens(n int, q ingest.Request, reading ingest.Reading) {
	r := &h.rows[n]
	r.State, r.Request, r.Link, r.Reading = ingest.StateFiled, q.Reference, ingest.LinkOpens, &reading
	q.Submissions = append(q.Submissions, ingest.RequestSubmission{ID: r.ID, Channel: r.Channel, Link: r.Link, ReceivedAt: r.ReceivedAt})
	h.requests[q.Reference] = q
	h.happened = append(h.happened, ingest.PublicEvent{
		Seq: int64(len(h.happened) + 1), At: h.now, Kind: "request.opened", Request: q.Reference, Submission: r.ID, Category: q.Category, Service: q.Service, Status: q.Status,
	})
}

func (h *town) set(f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f()
}

func (h *town) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.rows)
}

func (h *town) clock() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string { l.mu.Lock(); defer l.mu.Unlock(); return l.b.String() }

func newHouse(t *testing.T, change func(*Options)) *house {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	trusted, _ := clientip.Parse([]string{"10.0.0.0/8"})
	h := &house{t: t, log: new(lockedBuffer), spool: t.TempDir(), town: &town{
		now: time.Date(2026, 11, 25, 9, 5, 0, 0, time.UTC), bytes: make(map[string][]byte), byKey: make(map[string]int),
		requests: make(map[string]ingest.Request), history: make(map[string][]ingest.Event),
	}}
	opts := Options{
		Zone: zone, PublicURL: "https://demarches.exemple.fr/", Trusted: trusted, RateLimit: 1000,
		Categories: []Category{{"voirie", "Voirie", "Voirie"}, {"aide-sociale", "Aide sociale", "CCAS"}},
		Keys:       h.town, Ledger: h.town, Requests: h.town, Acts: h.town, Files: h.town, Events: h.town, Follow: h.town,
		Spool: ingest.Spool{Dir: h.spool}, Log: slog.New(slog.NewTextHandler(h.log, nil)), Now: h.town.clock,
	}
	if change != nil {
		change(&opts)
	}
	h.Adapter = New(opts)
	mux := http.NewServeMux()
	h.Register(mux)
	h.server = httptest.NewServer(mux)
	t.Cleanup(h.server.Close)
	h.stop = h.run()
	t.Cleanup(h.stop)
	return h
}

func (h *house) run() func() {
	ctx, cancel := context.WithCancel(context.WithoutCancel(h.t.Context()))
	done := make(chan error, 1)
	go func() { done <- h.Run(ctx, h.town) }()
	for deadline := time.Now().Add(10 * time.Second); !h.door.Open(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			h.t.Fatal("Run has not taken the Sink within 10 s")
		}
	}
	return sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			h.t.Errorf("Run returned %v", err)
		}
	})
}

// contract is the document as a validator: of what is sent too, unless a test sends nonsense.
var contract = sync.OnceValues(func() (validator.Validator, error) {
	raw, err := Document("https://demarches.exemple.fr", false)
	if err != nil {
		return nil, err
	}
	doc, err := libopenapi.NewDocument(raw)
	if err != nil {
		return nil, err
	}
	v, errs := validator.NewValidator(doc, validatorconfig.WithStrictMode(), validatorconfig.WithFormatAssertions(),
		validatorconfig.WithStrictIgnoredHeadersExtra("Cache-Control", "X-Content-Type-Options", "Content-Security-Policy", "Date", "Content-Length"))
	return v, errors.Join(errs...)
})

// answer is a response read to its end.
type answer struct {
	status int
	header http.Header
	body   string
}

// call calls the interface, and holds the answer beside the document.
func (h *house) call(key, method, path, contentType, body string, headers ...string) answer {
	h.t.Helper()
	r, err := http.NewRequestWithContext(h.t.Context(), method, h.server.URL+base+path, strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return h.do(r)
}

func (h *house) do(r *http.Request) answer {
	h.t.Helper()
	resp, err := h.server.Client().Do(r)
	if err != nil {
		h.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	a := answer{resp.StatusCode, resp.Header, string(b)}
	h.hold(r, resp, b)
	return a
}

// hold holds an answer beside the document. What is at no address of it, and a method that the
// address does not know, it cannot describe.
func (h *house) hold(r *http.Request, resp *http.Response, body []byte) {
	h.t.Helper()
	for _, name := range []string{"Access-Control-Allow-Origin", "Server"} {
		if v := resp.Header.Get(name); v != "" {
			h.t.Errorf("%s: %s", name, v)
		}
	}
	if resp.Header.Get("Cache-Control") != "no-store" {
		h.t.Errorf("%s %s: may be kept", r.Method, r.URL.Path)
	}
	if resp.StatusCode >= 400 && resp.Header.Get("Content-Type") != "application/problem+json" {
		h.t.Errorf("%s %s: %d is told as %s", r.Method, r.URL.Path, resp.StatusCode, resp.Header.Get("Content-Type"))
	}
	known := slices.ContainsFunc(table(), func(x route) bool { return x.method == r.Method && fits(x.path, strings.TrimPrefix(r.URL.Path, base)) })
	if !known {
		return
	}
	v, err := contract()
	if err != nil {
		h.t.Fatal(err)
	}
	copied := *resp
	copied.Body = io.NopCloser(bytes.NewReader(body))
	if resp.StatusCode == http.StatusOK && (strings.HasSuffix(r.URL.Path, "/original") || strings.Contains(r.URL.Path, "/files/") || strings.Contains(r.URL.Path, "/openapi.")) {
		return // octets, or the document itself: see TestDownload, TestDocumentIsValid
	}
	request := r.Clone(context.Background())
	request.URL.Scheme, request.URL.Host = "https", "demarches.exemple.fr"
	if ok, errs := v.ValidateHttpResponse(request, &copied); !ok {
		for _, e := range errs {
			h.t.Errorf("%s %s → %d is not as the document says: %s: %s (%v)\n%s", r.Method, r.URL, resp.StatusCode, e.Message, e.Reason, e.SchemaValidationErrors, body[:min(len(body), 1000)])
		}
	}
}

// fits reports whether an address is one of a path with parameters.
func fits(pattern, path string) bool {
	p, q := strings.Split(pattern, "/"), strings.Split(path, "/")
	if len(p) != len(q) {
		return false
	}
	for i := range p {
		if p[i] != q[i] && !strings.HasPrefix(p[i], "{") {
			return false
		}
	}
	return true
}

func (h *house) get(key, path string) answer {
	h.t.Helper()
	return h.call(key, http.MethodGet, path, "", "")
}

func (h *house) submitJSON(key, body string, headers ...string) answer {
	h.t.Helper()
	return h.call(key, http.MethodPost, "/submissions", "application/json", body, headers...)
}

func (h *house) wants(a answer, status int, parts ...string) {
	h.t.Helper()
	if a.status != status {
		h.t.Errorf("answered %d, want %d: %s", a.status, status, a.body)
		return
	}
	for _, p := range parts {
		if !strings.Contains(a.body, p) {
			h.t.Errorf("answer lacks %q: %s", p, a.body)
		}
	}
}

// filed hands in n submissions and files them as 2026-000001 and so on; the last is sealed.
func (h *house) filed(n int) {
	h.t.Helper()
	for i := range n {
		h.wants(h.submitJSON("all", `{"message":"Demande `+strconv.Itoa(i)+`"}`), http.StatusCreated)
		q := ingest.Request{
			Reference: fmt.Sprintf("2026-%06d", i+1), Status: ingest.StatusNew, Category: "voirie", Service: "Voirie", Confidence: .9,
			Subject: "Demande", Text: "Demande", OpenedAt: h.town.now,
			Deadlines: []ingest.Deadline{{Kind: "implicit", Due: h.town.now.AddDate(0, 2, 0), Day: "2027-01-25", Rule: "Silence", Article: "CRPA L231-1", Sense: "acceptance", Who: "town"}},
			Mails:     []ingest.Mail{{ID: "m1", Kind: ingest.MailAEE, State: ingest.MailSent, Request: "2026-000001", CreatedAt: h.town.now}},
			Handovers: []ingest.Handover{{
				Request: "2026-000001", Connector: "voirie-rt", RemoteID: "17", RemoteURL: "https://rt.example/17", RemoteStatus: "open",
				CreatedAt: h.town.now, HandedAt: h.town.now, State: ingest.OutboxDelivered,
			}},
		}
		if i == n-1 && n > 1 {
			q.Category, q.Service = "aide-sociale", "CCAS"
		}
		h.town.file(i, q, ingest.Reading{
			Kind: ingest.KindForm, Subject: "Demande", Text: "Demande", Position: &ingest.Position{Lat: 48, Long: -4},
			Attachments: []ingest.Attachment{{Name: "plan \"é\".pdf", Type: "application/pdf", Size: 7, SHA256: strings.Repeat("0", 64)}},
		})
	}
}

var testLimits = formpost.Limits{MaxPost: 2 << 20, MaxFile: 1 << 20, MaxFiles: 3}
