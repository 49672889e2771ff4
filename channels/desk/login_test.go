package desk

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"saisine.fr/saisine/channels/desk/credentials"
	"saisine.fr/saisine/ingest"
)

func TestLoginLogout(t *testing.T) {
	d := newAccountsDesk(t)
	d.add("j.dupont", ingest.RoleAgent)
	v := d.visitor()
	// Nothing is shown before, and the way there is kept.
	v.expect("before", v.get("/agent/compte?x=1"), http.StatusSeeOther, "/agent/connexion?vers=%2Fagent%2Fcompte%3Fx%3D1")
	v.expect("home", v.get("/agent/"), http.StatusSeeOther, "/agent/connexion")
	v.expect("form", v.get(loginPath+"?vers=%2Fagent%2Fcompte"), http.StatusOK, "", `name="vers" value="/agent/compte"`)

	v.expect("wrong password", v.login("j.dupont", "une autre phrase"), http.StatusUnprocessableEntity, "", "n’est pas le bon", `value="j.dupont"`)
	v.expect("unknown login", v.login("nobody", goodPassword), http.StatusUnprocessableEntity, "", "n’est pas le bon")
	if text := v.expect("password as login", v.login("Ma phrase de passe!", "x"), http.StatusUnprocessableEntity, ""); strings.Contains(text, "phrase de passe") {
		t.Error("what cannot be a login is shown again: it may be the password")
	}
	v.expect("empty", v.login("", ""), http.StatusUnprocessableEntity, "", "Donnez votre identifiant")
	if v.knows() || len(v.cookies) > 0 {
		t.Errorf("known, or cookies without a login: %v", v.cookies)
	}

	res := v.post(loginPath, url.Values{"login": {" J.Dupont "}, "password": {goodPassword}, "vers": {"/agent/compte?x=1"}})
	v.expect("login", res, http.StatusSeeOther, "/agent/compte?x=1")
	var cookie *http.Cookie
	for _, c := range res.Cookies() {
		if c.Name == sessionCookie {
			cookie = c
		}
	}
	if cookie == nil {
		t.Fatal("no cookie")
	}
	if !cookie.Secure || !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || cookie.Path != "/" || cookie.Domain != "" || cookie.MaxAge != 0 || !cookie.Expires.IsZero() {
		t.Errorf("cookie: %s", cookie)
	}
	if len(cookie.Value) < 40 {
		t.Errorf("a token of %d characters", len(cookie.Value))
	}
	// The store holds a hash only.
	if _, found, err := d.store.FindSession(t.Context(), cookie.Value); err != nil || found {
		t.Errorf("the token itself is in the store (%v)", err)
	}
	sum := sha256.Sum256([]byte(cookie.Value))
	if _, found, err := d.store.FindSession(t.Context(), base64.RawURLEncoding.EncodeToString(sum[:])); err != nil || !found {
		t.Errorf("its hash is not (%v)", err)
	}
	v.expect("account", v.get(accountPath), http.StatusOK, "", "Nom de j.dupont")
	v.expect("login again", v.get(loginPath), http.StatusSeeOther, homePath)

	old := v.copyOf()
	v.expect("logout", v.post(logoutPath, nil), http.StatusSeeOther, loginPath+"?fin=1")
	v.expect("after it", v.get(loginPath+"?fin=1"), http.StatusOK, "", "Vous êtes déconnecté.")
	if v.knows() || old.knows() {
		t.Error("known after the logout")
	}
	v.expect("logout twice", v.post(logoutPath, nil), http.StatusSeeOther, loginPath+"?fin=1")

	want := []string{
		"test agent.added j.dupont: role: agent",
		"agent:j.dupont login.failed 203.0.113.5", "login.failed 203.0.113.5", "login.failed 203.0.113.5", "agent:j.dupont login 203.0.113.5", "agent:j.dupont logout",
	}
	if got := d.logged(); !slices.Equal(got, want) {
		t.Errorf("access log:\n%s", strings.Join(got, "\n"))
	}
}

func TestWantedPage(t *testing.T) {
	for address, want := range map[string]string{
		"/agent/demandes/2026-000001":         "/agent/demandes/2026-000001",
		"/agent/?canal=scan&q=a%20b":          "/agent/?canal=scan&q=a%20b",
		"/agent/":                             "/agent/",
		"https://desk.test/agent/compte?x=1":  "/agent/compte?x=1", // a Referer: its host is dropped
		"//evil.test/agent/":                  "/agent/",
		"https://evil.test/":                  "",
		"//evil.test":                         "",
		`/\evil.test/agent/`:                  "",
		"/agent/../suivi/x":                   "",
		"/agent/%2e%2e/suivi":                 "",
		"/agent//evil.test":                   "",
		"/agentx":                             "",
		"/agent/connexion":                    "",
		"/agent/connexion/code":               "",
		"/agent/deconnexion":                  "",
		"/agent/fixe/x.css":                   "",
		"javascript:alert(1)":                 "",
		"javascript:/agent/":                  "/agent/",
		"/agent/\r\nSet-Cookie: x":            "",
		"":                                    "",
		"/agent/" + strings.Repeat("a", 3000): "",
	} {
		if got := localPath(address); got != want {
			t.Errorf("%q: %q, want %q", address, got, want)
		}
	}
}

func FuzzWantedPage(f *testing.F) {
	for _, s := range []string{"/agent/", "//x/agent/", "/agent/%2f/x", "/agent/a?b#c", "https:/agent/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, address string) {
		got := localPath(address)
		if got == "" {
			return
		}
		u, err := url.Parse("https://desk.test" + got)
		if err != nil || u.Host != "desk.test" || !strings.HasPrefix(u.Path, homePath) || strings.HasPrefix(got, "//") || strings.ContainsAny(got, "\r\n\\") {
			t.Errorf("%q leads to %q", address, got)
		}
		if again := localPath(got); again != got {
			t.Errorf("%q: %q, then %q", address, got, again)
		}
	})
}

// A token that somebody planted before the login is worth nothing after it.
func TestSessionFixation(t *testing.T) {
	d := newAccountsDesk(t)
	d.add("a", ingest.RoleAgent)
	d.add("b", ingest.RoleAgent)
	attacker := d.visitor().in("a")
	victim := d.visitor()
	victim.cookies[sessionCookie] = attacker.cookies[sessionCookie]
	victim.in("b")
	if victim.cookies[sessionCookie] == attacker.cookies[sessionCookie] {
		t.Error("the token stays the same at a login")
	}
	if attacker.knows() {
		t.Error("the planted token still works")
	}
	made := d.visitor()
	made.cookies[sessionCookie] = "tokenmadebysomebody"
	made.in("b")
	if made.cookies[sessionCookie] == "tokenmadebysomebody" {
		t.Error("a token that somebody made up is taken over")
	}
}

func TestSessionEnds(t *testing.T) {
	d := newAccountsDesk(t)
	d.add("boss", ingest.RoleAdministrator)
	d.add("a", ingest.RoleAgent)
	change := func(f func(*ingest.Agent)) error {
		return d.store.ChangeAgent(t.Context(), "a", "test", func(a *ingest.Agent) error { f(a); return nil })
	}
	for name, act := range map[string]func() error{
		"role":     func() error { return change(func(a *ingest.Agent) { a.Role = ingest.RoleManager }) },
		"services": func() error { return change(func(a *ingest.Agent) { a.Services = []string{"Voirie"} }) },
		"password": func() error {
			hash, err := credentials.Hash(t.Context(), goodPassword)
			if err == nil {
				err = d.store.SetPassword(t.Context(), "a", hash, time.Time{}, "test")
			}
			return err
		},
		"twelve hours": func() error { d.pass(sessionLifetime + time.Second); return nil },
	} {
		v := d.visitor().in("a")
		if !v.knows() {
			t.Fatalf("%s: not known before", name)
		}
		if err := act(); err != nil {
			t.Fatal(err)
		}
		if v.knows() {
			t.Errorf("%s: the session goes on", name)
		}
	}
	v := d.visitor().in("a")
	if err := change(func(a *ingest.Agent) { a.Name, a.Title, a.Language = "Autre", "Cheffe", "en" }); err != nil {
		t.Fatal(err)
	}
	v.expect("another name", v.get(accountPath), http.StatusOK, "", "Autre", "My account")
	if err := change(func(a *ingest.Agent) { a.Disabled = true }); err != nil {
		t.Fatal(err)
	}
	if v.knows() {
		t.Error("disabled: the session goes on")
	}
	v.expect("disabled", v.login("a", goodPassword), http.StatusUnprocessableEntity, "", "n’est pas le bon")
}

// A page does not write to the database, but for the mark that somebody is there.
func TestPagesWriteNothing(t *testing.T) {
	d := newAccountsDesk(t)
	d.add("a", ingest.RoleAgent)
	v := d.visitor().in("a")
	before := d.store.WriterStats().Writes
	for range 5 {
		v.get(accountPath)
	}
	if n := d.store.WriterStats().Writes - before; n != 0 {
		t.Errorf("%d writes", n)
	}
	d.pass(seenEvery + time.Second)
	for range 5 {
		v.get(accountPath)
	}
	if n := d.store.WriterStats().Writes - before; n != 1 {
		t.Errorf("%d writes after five minutes, want 1", n)
	}
	if seen := d.agent("a").SeenAt; !seen.Equal(d.now0()) {
		t.Errorf("seen at %v, it is %v", seen, d.now0())
	}
}

// While the database is away nobody is sent to the login, whose session may be good.
func TestStoreAway(t *testing.T) {
	d := newAccountsDesk(t)
	d.add("a", ingest.RoleAgent)
	v := d.visitor().in("a")
	if err := d.store.Close(); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{accountPath, loginPath} {
		v.expect(path, v.get(path), http.StatusServiceUnavailable, "", "La base de données ne répond pas")
	}
	w := d.visitor()
	w.expect("login", w.login("a", goodPassword), http.StatusServiceUnavailable, "", "La base de données ne répond pas")
	w.expect("form", w.get(loginPath), http.StatusOK, "")
}

func TestCrossOrigin(t *testing.T) {
	d := newAccountsDesk(t)
	d.add("a", ingest.RoleAdministrator)
	d.add("b", ingest.RoleAgent)
	v := d.visitor().in("a")
	for _, path := range []string{loginPath, logoutPath, accountPath, accountPassword, accountSessions, agentPath("b") + "/etat", agentPath("b") + "/mot-de-passe"} {
		for _, site := range []string{"cross-site", "same-site"} {
			v.headers["Sec-Fetch-Site"] = site
			if res := v.post(path, url.Values{"etat": {"desactive"}}); res.StatusCode != http.StatusForbidden {
				t.Errorf("%s from %s: %d", path, site, res.StatusCode)
			}
		}
		// A browser that tells only the Origin.
		v.headers["Sec-Fetch-Site"], v.headers["Origin"] = "", "https://evil.test"
		if res := v.post(path, nil); res.StatusCode != http.StatusForbidden {
			t.Errorf("%s from another origin: %d", path, res.StatusCode)
		}
		delete(v.headers, "Origin")
	}
	delete(v.headers, "Sec-Fetch-Site")
	if !v.knows() || d.agent("b").Disabled {
		t.Error("something was done")
	}
}

func TestHTMXWithoutASession(t *testing.T) {
	d := newAccountsDesk(t)
	v := d.visitor()
	v.headers["HX-Request"], v.headers["HX-Current-URL"] = "true", "https://desk.test/agent/demandes/2026-000001?x=1"
	res := v.get("/agent/demandes/2026-000001/presence")
	if res.StatusCode != http.StatusUnauthorized || res.Header.Get("HX-Redirect") != "/agent/connexion?vers=%2Fagent%2Fdemandes%2F2026-000001%3Fx%3D1" {
		t.Errorf("%d, %q", res.StatusCode, res.Header.Get("HX-Redirect"))
	}
	delete(v.headers, "HX-Request")
	v.headers["Referer"] = "https://desk.test/agent/compte"
	if res := v.post(accountPath, nil); res.Header.Get("Location") != "/agent/connexion?vers=%2Fagent%2Fcompte" {
		t.Errorf("a post leads to %q", res.Header.Get("Location"))
	}
}

// Every page but those of the login asks for a session, whatever its address is.
func TestNothingWithoutASession(t *testing.T) {
	d := newAccountsDesk(t)
	v := d.visitor()
	for pattern, need := range d.Rights() {
		method, path, ok := strings.Cut(pattern, " ")
		if !ok {
			method, path = http.MethodGet, pattern
		}
		res := v.do(method, strings.NewReplacer("{", "x", "}", "x", "$", "", "...", "").Replace(path), nil)
		open := strings.HasPrefix(path, loginPath) || path == logoutPath
		if open != (need == "") {
			t.Errorf("%s asks for %q", pattern, need)
		}
		if to := res.Header.Get("Location"); !open && (res.StatusCode != http.StatusSeeOther || !strings.HasPrefix(to, loginPath)) {
			t.Errorf("%s: %d to %q", pattern, res.StatusCode, to)
		}
	}
}

// Where the browser would drop the cookie, the page says so.
func TestInsecureAddress(t *testing.T) {
	d := newAccountsDesk(t)
	warns := func(change func(*http.Request)) bool {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://x"+loginPath, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.RemoteAddr = "203.0.113.5:1"
		change(r)
		return !d.login.keepsCookies(r)
	}
	for name, tc := range map[string]struct {
		change func(*http.Request)
		want   bool
	}{
		"plain":          {func(r *http.Request) { r.Host = "mairie.lan:8080" }, true},
		"loopback":       {func(r *http.Request) { r.Host = "127.0.0.1:8080" }, false},
		"loopback, IPv6": {func(r *http.Request) { r.Host = "[::1]:8080" }, false},
		"localhost":      {func(r *http.Request) { r.Host = "localhost" }, false},
		"no loopback":    {func(r *http.Request) { r.Host = "127.evil.test.example" }, true},
		"public address": {func(r *http.Request) { r.Host = "desk.test" }, false},
		"proxy says so": {func(r *http.Request) {
			r.Host, r.RemoteAddr = "x", "10.0.0.1:1"
			r.Header.Set("X-Forwarded-Proto", "https")
		}, false},
		"somebody says so": {func(r *http.Request) { r.Host = "x"; r.Header.Set("X-Forwarded-Proto", "https") }, true},
	} {
		if got := warns(tc.change); got != tc.want {
			t.Errorf("%s: warns %v", name, got)
		}
	}
	v := d.visitor()
	if strings.Contains(v.expect("page", v.get(loginPath), http.StatusOK, ""), "n’est pas protégée") {
		t.Error("warns on the public address")
	}
	if got := v.d.visitor(); got != nil {
		got.headers["Accept-Language"] = "en-GB,en;q=0.9"
		got.expect("English", got.get(loginPath), http.StatusOK, "", `lang="en"`, "Password")
	}
}

func TestThrottle(t *testing.T) {
	d := newAccountsDesk(t)
	d.add("a", ingest.RoleAgent)
	d.add("b", ingest.RoleAgent)
	known := d.visitor().in("a") // a browser from which a has logged in before
	known.post(logoutPath, nil)

	attacker := d.visitor()
	attacker.remote = "198.51.100.7:1"
	var waits []string
	for range 12 {
		res := attacker.login("a", "devine devine")
		waits = append(waits, res.Header.Get("Retry-After"))
		if res.StatusCode == http.StatusTooManyRequests {
			if res.Header.Get("Retry-After") == "" {
				t.Fatal("429 without Retry-After")
			}
			// Waiting as long as told is enough, and less is not.
			wait, err := time.ParseDuration(res.Header.Get("Retry-After") + "s")
			if err != nil {
				t.Fatal(err)
			}
			d.pass(wait - time.Second)
			if again := attacker.login("a", "devine devine"); again.StatusCode != http.StatusTooManyRequests {
				t.Errorf("a second earlier than told: %d", again.StatusCode)
			}
			d.pass(time.Second)
		}
	}
	if want := []string{"", "", "", "", "", "1", "", "2", "", "4", "", "8"}; !slices.Equal(waits, want) {
		t.Errorf("waits %q, want %q", waits, want)
	}
	attacker.login("a", "devine devine")
	// Strangers wait now, the right password or not, wherever they are; a known browser does not.
	stranger := d.visitor()
	stranger.expect("stranger", stranger.login("a", goodPassword), http.StatusTooManyRequests, "", "Trop d’essais")
	known.in("a")
	// Others are not concerned, and the browser is known for its agent only.
	d.visitor().in("b").post(logoutPath, nil)
	for range freeTries + 1 {
		attacker.login("b", "devine devine")
	}
	known.expect("another's login", known.copyOf().login("b", goodPassword), http.StatusTooManyRequests, "")
	// Nobody waits for longer than a minute, and then the right password goes through.
	for range 15 {
		attacker.login("a", "devine devine")
		d.pass(time.Minute)
	}
	stranger.in("a")
	// A login from another browser does not give the attacker fresh tries with the address.
	if n := len(d.login.throttle.keys); n > 10 {
		t.Errorf("%d keys are kept", n)
	}
}

func TestThrottleByAddress(t *testing.T) {
	d := newAccountsDesk(t)
	d.add("a", ingest.RoleAgent)
	spray := d.visitor()
	refused := 0
	for i := range 40 {
		if spray.login("x"+string(rune('a'+i%26))+string(rune('a'+i/26)), "devine devine").StatusCode == http.StatusTooManyRequests {
			refused++
		}
	}
	if refused != 40-addressTries {
		t.Errorf("%d of 40 logins of one address were slowed down", refused)
	}
	// The address counts, not what the client says of it; behind a trusted proxy, the hop before.
	other := d.visitor()
	other.headers["X-Forwarded-For"] = "192.0.2.1"
	other.expect("claims another", other.login("a", goodPassword), http.StatusTooManyRequests, "")
	other.remote = "10.0.0.1:1"
	other.in("a")
}

// A login that goes through takes back its own try: somebody with a login of their own does
// not buy guesses at others by it.
func TestThrottleForgives(t *testing.T) {
	now := time.Now()
	th := &throttle{now: func() time.Time { return now }}
	address := addressKey("198.51.100.7")
	for i := range addressTries {
		if wait := th.take(loginKey(string(rune('a'+i))), address); wait != 0 {
			t.Fatalf("try %d waits %v", i, wait)
		}
	}
	now = now.Add(throttleMax - time.Second)
	if wait := th.take(loginKey("own"), address); wait != 0 {
		t.Fatalf("waits %v", wait)
	}
	th.forgive(loginKey("own"), address)
	if n := th.keys[address.name].failed(now); n != addressTries {
		t.Errorf("the address has %d failures left of %d", n, addressTries)
	}
	if _, there := th.keys[loginKey("own").name]; there {
		t.Error("the login does not begin anew")
	}
	th.forgive(loginKey("unknown"), addressKey("unknown"))
}

func TestThrottleIsBounded(t *testing.T) {
	now := time.Now()
	th := &throttle{now: func() time.Time { return now }}
	for range 20 {
		th.take(loginKey("victim"))
		now = now.Add(time.Second)
	}
	for i := range 2 * throttleKeys {
		th.take(addressKey(string(rune(i)) + "x"))
	}
	if n := len(th.keys); n > throttleKeys {
		t.Errorf("%d keys are kept", n)
	}
	if th.take(loginKey("victim")) == 0 {
		t.Error("a flood has made it forget whom it slows down")
	}
	now = now.Add(-24 * time.Hour) // the clock is set back
	if wait := th.take(loginKey("victim")); wait > throttleMax {
		t.Errorf("waits %v after the clock was set back", wait)
	}
}

func TestOneTimePassword(t *testing.T) {
	d := newAccountsDesk(t)
	d.add("boss", ingest.RoleAdministrator)
	boss := d.visitor().in("boss")
	text := boss.expect("add", boss.post(agentsPath+"/nouveau", url.Values{
		"login": {"Neuf"}, "nom": {"Agent  Neuf"}, "role": {"agent"}, "services": {"CCAS", "Inventé"},
	}), http.StatusOK, "", "ne sera plus montré")
	password := between(text, `class="provisoire">`, "<")
	agent := d.agent("neuf")
	if agent.Name != "Agent Neuf" || !slices.Equal(agent.Services, []string{"CCAS"}) || len(password) != 19 {
		t.Fatalf("%+v, password of %d", agent, len(password))
	}
	boss.expect("it is shown once", boss.get(agentPath("neuf")), http.StatusOK, "", "provisoire")

	v := d.visitor()
	v.expect("login", v.post(loginPath, url.Values{"login": {"neuf"}, "password": {password}, "vers": {"/agent/compte"}}), http.StatusSeeOther, passwordPath)
	if v.knows() {
		t.Error("in without a password of their own")
	}
	v.expect("page", v.get(passwordPath), http.StatusOK, "", `autocomplete="new-password"`)
	set := func(password, again string) *http.Response {
		return v.post(passwordPath, url.Values{"nouveau": {password}, "encore": {again}})
	}
	v.expect("short", set("court", "court"), http.StatusUnprocessableEntity, "", "Douze caractères")
	v.expect("other", set(goodPassword, goodPassword+"x"), http.StatusUnprocessableEntity, "", "ne sont pas les mêmes")
	v.expect("same", set(password, password), http.StatusUnprocessableEntity, "", "mot de passe actuel")
	v.expect("name", set("agent neuf 1234", "agent neuf 1234"), http.StatusUnprocessableEntity, "", "votre nom")
	v.expect("common", set("azertyuiop123", "azertyuiop123"), http.StatusUnprocessableEntity, "", "essaie en premier")
	v.expect("good", set(goodPassword, goodPassword), http.StatusSeeOther, "/agent/compte")
	if !v.knows() || !d.agent("neuf").OneTime.IsZero() {
		t.Error("not in, or the password is a one-time one still")
	}
	d.visitor().in("neuf")

	// One that was not used in time is good for nothing.
	text = boss.expect("another", boss.post(agentPath("neuf")+"/mot-de-passe", nil), http.StatusOK, "")
	password = between(text, `class="provisoire">`, "<")
	if v.knows() {
		t.Error("the sessions go on after the password was reset")
	}
	d.pass(oneTimeFor)
	v.expect("too late", v.login("neuf", password), http.StatusUnprocessableEntity, "", "n’est plus valable")
}

func between(s, before, after string) string {
	_, s, _ = strings.Cut(s, before)
	s, _, _ = strings.Cut(s, after)
	return s
}

func TestCode(t *testing.T) {
	d := newAccountsDesk(t)
	d.add("boss", ingest.RoleAdministrator)
	d.add("a", ingest.RoleAgent)
	v := d.visitor().in("a")
	text := v.expect("set up", v.get(accountCode), http.StatusOK, "", `src="/agent/compte/code/image"`)
	secret := strings.ReplaceAll(between(text, `class="cle">`, "<"), " ", "")
	if res := v.get(accountCodeImage); res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "image/png" || res.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("image: %d %v", res.StatusCode, res.Header)
	}
	code := func() string {
		t.Helper()
		c, err := credentials.Code(secret, d.now0())
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	again := v.expect("again", v.get(accountCode), http.StatusOK, "")
	if strings.ReplaceAll(between(again, `class="cle">`, "<"), " ", "") != secret {
		t.Error("the secret changes while it is being set up")
	}
	v.expect("wrong", v.post(accountCode, url.Values{"code": {"000000"}}), http.StatusUnprocessableEntity, "", "n’est pas le bon")
	used := code()
	v.expect("right", v.post(accountCode, url.Values{"code": {used}}), http.StatusSeeOther, accountPath)
	c, err := d.store.Credentials(t.Context(), "a")
	if err != nil || !d.agent("a").HasTOTP || strings.Contains(c.TOTP, secret) {
		t.Fatalf("not on, or kept as it is: %v", err)
	}
	if v.get(accountCodeImage).StatusCode != http.StatusNotFound {
		t.Error("the image stays")
	}

	other := d.visitor()
	other.expect("password", other.login("a", goodPassword), http.StatusSeeOther, codePath)
	if other.knows() {
		t.Fatal("in without a code")
	}
	other.expect("replay of the code of the set-up", other.post(codePath, url.Values{"code": {used}}), http.StatusUnprocessableEntity, "", "a déjà servi")
	d.pass(30 * time.Second)
	used = code()
	other.expect("code", other.post(codePath, url.Values{"code": {used[:3] + " " + used[3:]}}), http.StatusSeeOther, homePath)
	if !other.knows() {
		t.Error("not in")
	}
	other.expect("nothing is left of the steps", other.get(codePath), http.StatusSeeOther, loginPath)
	third := d.visitor()
	third.login("a", goodPassword)
	third.expect("replay", third.post(codePath, url.Values{"code": {used}}), http.StatusUnprocessableEntity, "")
	d.pass(75 * time.Second)
	late, err := credentials.Code(secret, d.now0().Add(-30*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	third.expect("a clock that is slow", third.post(codePath, url.Values{"code": {late}}), http.StatusSeeOther, homePath)

	// Wrong codes end the login; waiting ends it too.
	d.pass(10 * time.Minute)
	fourth := d.visitor()
	fourth.expect("password", fourth.login("a", goodPassword), http.StatusSeeOther, codePath)
	for i := 1; i <= maxCodes; i++ {
		res := fourth.post(codePath, url.Values{"code": {"000000"}})
		for res.StatusCode == http.StatusTooManyRequests {
			d.pass(time.Minute)
			res = fourth.post(codePath, url.Values{"code": {"000000"}})
		}
		if (i == maxCodes) != (res.StatusCode == http.StatusSeeOther) {
			t.Errorf("wrong code %d: %d", i, res.StatusCode)
		}
	}
	fourth.expect("ended", fourth.get(codePath), http.StatusSeeOther, loginPath)
	d.pass(10 * time.Minute)
	fourth.login("a", goodPassword)
	d.pass(stepLifetime + time.Second)
	fourth.expect("too late", fourth.post(codePath, url.Values{"code": {code()}}), http.StatusSeeOther, loginPath)

	// Taken away with the password, or by an administrator.
	v.expect("off, wrong password", v.post(accountCodeOff, url.Values{"password": {"une autre phrase"}}), http.StatusUnprocessableEntity, "", "pas votre mot de passe")
	v.expect("off", v.post(accountCodeOff, url.Values{"password": {goodPassword}}), http.StatusSeeOther, accountPath)
	if d.agent("a").HasTOTP {
		t.Error("still on")
	}
	if err := d.store.SetTOTP(t.Context(), "a", c.TOTP, 0, "test"); err != nil {
		t.Fatal(err)
	}
	boss := d.visitor().in("boss")
	boss.expect("reset", boss.post(agentPath("a")+"/code", nil), http.StatusSeeOther, agentPath("a"))
	d.visitor().in("a")
}
