package desk

import (
	"context"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"saisine.fr/saisine/channels/desk/credentials"
	"saisine.fr/saisine/config"
	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/store"
)

// storeAccounts is Accounts on a real store, with the simplest of rules.
type storeAccounts struct{ *store.Store }

func (s storeAccounts) Viewer(ctx context.Context, a ingest.Agent) (ingest.Viewer, error) {
	sealed, err := s.Sealed(ctx)
	hidden := slices.DeleteFunc(sealed, func(x string) bool { return slices.Contains(a.Services, x) })
	return ingest.Viewer{Login: a.Login, Name: a.Name, Role: a.Role, Services: a.Services, Hidden: hidden, Language: a.Language}, err
}

func (s storeAccounts) Saw(ctx context.Context, v ingest.Viewer, what ingest.AccessKind, id string) error {
	return s.LogAccess(ctx, v.Actor(), what, id)
}

// townFacts are two services, of which one is sealed.
type townFacts struct{}

func (townFacts) Categories() []Category {
	return []Category{{"voirie", "Voirie", "Voirie", false}, {"aide", "Aide", "CCAS", true}, {"voirie-2", "Voirie 2", "Voirie", false}}
}

const goodPassword = "une phrase assez longue"

// accountsDesk is a desk with agents in a real store, and a clock.
type accountsDesk struct {
	*Adapter
	t     *testing.T
	store *store.Store
	mu    sync.Mutex
	clock time.Time
	serve http.Handler
}

func newAccountsDesk(t *testing.T, change ...func(*Options)) *accountsDesk {
	t.Helper()
	// Near the machine's own clock, by which scs dates what it makes.
	d := &accountsDesk{t: t, clock: time.Now().Truncate(time.Second)}
	var err error
	d.store, err = store.Open(t.Context(), store.Options{Dir: t.TempDir(), Zone: time.UTC, Now: d.now0})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.store.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := d.store.SetSealed(t.Context(), []string{"Voirie", "CCAS"}, []string{"CCAS"}); err != nil {
		t.Fatal(err)
	}
	o := Options{
		Town: config.Town{Name: "Saint-Exemple", Timezone: "Europe/Paris"}, PublicURL: "https://desk.test", Log: slog.New(slog.DiscardHandler),
		Now: d.now0, Facts: townFacts{}, Accounts: storeAccounts{d.store}, TrustedProxies: []string{"10.0.0.0/8"},
	}
	for _, f := range change {
		f(&o)
	}
	if d.Adapter, err = New(o); err != nil {
		t.Fatal(err)
	}
	d.serve = d.Handler()
	return d
}

func (d *accountsDesk) now0() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.clock
}

func (d *accountsDesk) pass(by time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.clock = d.clock.Add(by)
}

// add adds an agent with goodPassword.
func (d *accountsDesk) add(login string, role ingest.Role, services ...string) {
	d.t.Helper()
	hash, err := credentials.Hash(d.t.Context(), goodPassword)
	if err == nil {
		err = d.store.AddAgent(d.t.Context(), ingest.Agent{Login: login, Name: "Nom de " + login, Role: role, Services: services, Email: login + "@desk.test"}, hash, "test")
	}
	if err != nil {
		d.t.Fatal(err)
	}
}

// agent returns an agent.
func (d *accountsDesk) agent(login string) ingest.Agent {
	d.t.Helper()
	a, err := d.store.Agent(d.t.Context(), login)
	if err != nil {
		d.t.Fatal(err)
	}
	return a
}

// logged returns the lines of the access log, oldest first, as "agent what detail".
func (d *accountsDesk) logged() []string {
	d.t.Helper()
	lines, _, err := d.store.AccessLog(d.t.Context(), ingest.Viewer{}, time.Time{}, 1000)
	if err != nil {
		d.t.Fatal(err)
	}
	var out []string
	for _, l := range slices.Backward(lines) {
		out = append(out, strings.TrimSpace(l.Agent+" "+string(l.What)+" "+l.Detail))
	}
	return out
}

// visitor is a browser, as far as cookies go.
type visitor struct {
	d       *accountsDesk
	cookies map[string]string
	remote  string
	headers map[string]string
}

func (d *accountsDesk) visitor() *visitor {
	return &visitor{d: d, cookies: map[string]string{}, remote: "203.0.113.5:1234", headers: map[string]string{}}
}

func (v *visitor) do(method, path string, form url.Values) *http.Response {
	v.d.t.Helper()
	r := httptest.NewRequestWithContext(v.d.t.Context(), method, "https://desk.test"+path, strings.NewReader(form.Encode()))
	r.RemoteAddr = v.remote
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	for name, value := range v.headers {
		r.Header.Set(name, value)
	}
	for name, value := range v.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	w := httptest.NewRecorder()
	v.d.serve.ServeHTTP(w, r)
	res := w.Result()
	for _, c := range res.Cookies() {
		if c.MaxAge < 0 {
			delete(v.cookies, c.Name)
		} else {
			v.cookies[c.Name] = c.Value
		}
	}
	return res
}

func (v *visitor) get(path string) *http.Response {
	v.d.t.Helper()
	return v.do(http.MethodGet, path, nil)
}

func (v *visitor) post(path string, form url.Values) *http.Response {
	v.d.t.Helper()
	return v.do(http.MethodPost, path, form)
}

// expect checks status and target of an answer, and what its body holds.
func (v *visitor) expect(what string, res *http.Response, status int, location string, holds ...string) string {
	v.d.t.Helper()
	text := body(v.d.t, res)
	if res.StatusCode != status || res.Header.Get("Location") != location {
		v.d.t.Errorf("%s: %d to %q, want %d to %q\n%.600s", what, res.StatusCode, res.Header.Get("Location"), status, location, text)
	}
	for _, h := range holds {
		if !strings.Contains(text, h) {
			v.d.t.Errorf("%s: no %q in\n%s", what, h, text)
		}
	}
	return text
}

func body(t *testing.T, res *http.Response) string {
	t.Helper()
	var b strings.Builder
	buf := make([]byte, 32<<10)
	for {
		n, err := res.Body.Read(buf)
		b.Write(buf[:n])
		if err != nil {
			return b.String()
		}
	}
}

// login posts the form of the login.
func (v *visitor) login(login, password string) *http.Response {
	v.d.t.Helper()
	return v.post(loginPath, url.Values{"login": {login}, "password": {password}})
}

// in logs an agent in who has no codes.
func (v *visitor) in(login string) *visitor {
	v.d.t.Helper()
	v.expect("login of "+login, v.login(login, goodPassword), http.StatusSeeOther, homePath)
	return v
}

// knows reports whether the desk knows who the visitor is.
func (v *visitor) knows() bool {
	v.d.t.Helper()
	return v.get(accountPath).StatusCode == http.StatusOK
}

// copyOf is a second browser with the same cookies.
func (v *visitor) copyOf() *visitor {
	c := *v
	c.cookies = maps.Clone(v.cookies)
	return &c
}
