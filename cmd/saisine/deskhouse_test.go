package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"saisine.fr/saisine/channels"
	"saisine.fr/saisine/channels/desk/credentials"
	"saisine.fr/saisine/ingest"
)

// deskHouse is a clockHouse with the desk in it, which real sessions reach over HTTP.
type deskHouse struct {
	*clockHouse
	url string
}

const deskPassword = "un mot de passe de douze"

// newDeskHouse opens the desk of a house. What is submitted at the desk is filed at once.
func newDeskHouse(t *testing.T, start, categories string) *deskHouse {
	t.Helper()
	h := &deskHouse{clockHouse: newClockHouseOf(t, start, categories)}
	if err := sealServices(t.Context(), h.house); err != nil {
		t.Fatal(err)
	}
	health := new(channels.Health)
	super := channels.NewSupervisor(h.log, channels.SupervisorOptions{})
	d, err := h.newDesk(super, health)
	if err != nil {
		t.Fatal(err)
	}
	super.Add(d, health)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx, filingSink{h.clockHouse}) }()
	server := httptest.NewServer(doors{desk: d}.handler())
	h.url = server.URL
	t.Cleanup(func() {
		server.Close()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return h
}

// filingSink files what it takes before it answers, so that no test has to wait.
type filingSink struct{ h *clockHouse }

func (s filingSink) Submit(ctx context.Context, sub ingest.Submission) (ingest.Receipt, error) {
	r, err := s.h.intake.Submit(ctx, sub)
	if err != nil {
		return r, err
	}
	return r, s.h.pipe.Process(ctx, r.ID)
}

// agent adds an agent who has a password.
func (h *deskHouse) agent(login string, role ingest.Role, services ...string) {
	h.t.Helper()
	hash, err := credentials.Hash(h.t.Context(), deskPassword)
	if err == nil {
		err = h.store.AddAgent(h.t.Context(), ingest.Agent{Login: login, Name: "Agent " + login, Role: role, Services: services, Language: "fr"}, hash, "test")
	}
	if err != nil {
		h.t.Fatal(err)
	}
}

// session is an agent's browser.
type session struct {
	t      *testing.T
	url    string
	client *http.Client
}

// as logs an agent in.
func (h *deskHouse) as(login string) *session {
	h.t.Helper()
	s := &session{t: h.t, url: h.url, client: &http.Client{
		Transport: &cookieKeeper{kept: map[string]string{}}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	if status, body := s.post("/agent/connexion", url.Values{"login": {login}, "password": {deskPassword}}); status != http.StatusSeeOther {
		h.t.Fatalf("login of %s answered %d: %s", login, status, body)
	}
	return s
}

// cookieKeeper sends back what the server sets: its cookies are Secure, which a browser
// allows on loopback and net/http/cookiejar does not.
type cookieKeeper struct {
	mu   sync.Mutex
	kept map[string]string
}

func (k *cookieKeeper) RoundTrip(r *http.Request) (*http.Response, error) {
	k.mu.Lock()
	for name, value := range k.kept {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	k.mu.Unlock()
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, c := range res.Cookies() {
		if c.MaxAge < 0 {
			delete(k.kept, c.Name)
		} else {
			k.kept[c.Name] = c.Value
		}
	}
	return res, nil
}

func (s *session) get(path string) (int, string) {
	s.t.Helper()
	return s.do(http.MethodGet, path, nil)
}

func (s *session) post(path string, values url.Values) (int, string) {
	s.t.Helper()
	return s.do(http.MethodPost, path, values)
}

// do sends a request and returns the status and the body; of a redirection its target.
func (s *session) do(method, path string, values url.Values) (int, string) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, strings.NewReader(values.Encode()))
	if err != nil {
		s.t.Fatal(err)
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := s.client.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	if to := res.Header.Get("Location"); to != "" {
		return res.StatusCode, to
	}
	return res.StatusCode, string(body)
}

// submit files what came by a channel, and returns the submission and its request.
func (h *deskHouse) submit(channel ingest.Channel, raw []byte, mediaType string, hints ingest.Hints) ingest.Record {
	h.t.Helper()
	h.n++
	receipt, err := filingSink{h.clockHouse}.Submit(h.t.Context(), ingest.Submission{
		Channel: channel, Account: "test", SourceKey: fmt.Sprint(h.n), ReceivedAt: h.now, Original: ingest.NewBlob(raw), MediaType: mediaType, Hints: hints,
	})
	if err != nil {
		h.t.Fatal(err)
	}
	rec, err := h.store.Submission(h.t.Context(), receipt.ID)
	if err != nil {
		h.t.Fatal(err)
	}
	return rec
}
