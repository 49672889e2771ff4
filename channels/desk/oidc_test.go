package desk

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"saisine.fr/saisine/config"
	"saisine.fr/saisine/ingest"
)

// idProvider is an OpenID Connect provider over HTTP: discovery, keys, code flow with PKCE,
// user info as JSON or, as ProConnect does it, as a signed token.
type idProvider struct {
	t   *testing.T
	url string
	key *ecdsa.PrivateKey

	mu sync.Mutex
	// Who is logged in there, and how it misbehaves.
	user      map[string]any
	infoOnly  bool // claims in the user info only, signed
	away      bool
	alter     func(idToken map[string]any)
	alterInfo func(info map[string]any)
	sign      func(payload []byte) string // nil: as it should
	metadata  map[string]any              // more of it
	codes     map[string]url.Values       // the authorization request of each code
	tokens    map[string]bool
	asked     int // discoveries
}

const clientID, clientSecret = "saisine-test", "s3cret with spaces"

func newIDProvider(t *testing.T) *idProvider {
	t.Helper()
	p := &idProvider{
		t: t, codes: map[string]url.Values{}, tokens: map[string]bool{},
		user: map[string]any{"sub": "u1", "email": "a@desk.test", "email_verified": true, "given_name": "Ada", "usual_name": "Martin", "siret": "21990001600019"},
	}
	var err error
	if p.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", p.discovery)
	mux.HandleFunc("GET /jwks", func(w http.ResponseWriter, _ *http.Request) {
		p.json(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: p.key.Public(), KeyID: "k1", Algorithm: "ES256", Use: "sig"}}})
	})
	mux.HandleFunc("GET /authorize", p.authorize)
	mux.HandleFunc("POST /token", p.token)
	mux.HandleFunc("GET /userinfo", p.userInfo)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.away {
			http.Error(w, "maintenance", http.StatusServiceUnavailable)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	p.url = server.URL
	return p
}

func (p *idProvider) json(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(v); err != nil {
		p.t.Error(err)
	}
}

func (p *idProvider) discovery(w http.ResponseWriter, _ *http.Request) {
	p.asked++
	m := map[string]any{
		"issuer": p.url, "authorization_endpoint": p.url + "/authorize", "token_endpoint": p.url + "/token", "jwks_uri": p.url + "/jwks",
		"userinfo_endpoint": p.url + "/userinfo", "end_session_endpoint": p.url + "/logout?x=1", "id_token_signing_alg_values_supported": []string{"ES256", "none"},
		"claims_supported": []string{"sub", "email", "email_verified"},
	}
	maps.Copy(m, p.metadata)
	p.json(w, m)
}

func (p *idProvider) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	code := rand.Text()
	p.codes[code] = q
	back, err := url.Parse(q.Get("redirect_uri"))
	if err != nil || q.Get("client_id") != clientID || q.Get("response_type") != "code" || !strings.Contains(" "+q.Get("scope")+" ", " openid ") {
		http.Error(w, "invalid_request", http.StatusBadRequest)
		return
	}
	back.RawQuery = url.Values{"code": {code}, "state": {q.Get("state")}, "iss": {p.url}}.Encode()
	http.Redirect(w, r, back.String(), http.StatusFound)
}

func (p *idProvider) token(w http.ResponseWriter, r *http.Request) {
	asked, ok := p.codes[r.PostFormValue("code")]
	delete(p.codes, r.PostFormValue("code"))
	id, secret, basic := r.BasicAuth()
	if !basic {
		id, secret = r.PostFormValue("client_id"), r.PostFormValue("client_secret")
	} else {
		id, _ = url.QueryUnescape(id)
		secret, _ = url.QueryUnescape(secret)
	}
	sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	pkce := asked.Get("code_challenge_method") == "S256" && asked.Get("code_challenge") == base64.RawURLEncoding.EncodeToString(sum[:])
	if !ok || id != clientID || secret != clientSecret || !pkce || r.PostFormValue("redirect_uri") != asked.Get("redirect_uri") {
		w.WriteHeader(http.StatusBadRequest)
		p.json(w, map[string]string{"error": "invalid_grant"})
		return
	}
	access := rand.Text()
	p.tokens[access] = true
	half := sha256.Sum256([]byte(access))
	claims := map[string]any{
		"iss": p.url, "aud": clientID, "nonce": asked.Get("nonce"), "sub": p.user["sub"], "iat": time.Now().Unix(), "exp": time.Now().Add(time.Minute).Unix(),
		"at_hash": base64.RawURLEncoding.EncodeToString(half[:16]),
	}
	if !p.infoOnly {
		maps.Copy(claims, p.user)
	}
	if p.alter != nil {
		p.alter(claims)
	}
	p.json(w, map[string]any{"access_token": access, "token_type": "Bearer", "expires_in": 60, "id_token": p.signed(claims)})
}

func (p *idProvider) signed(claims map[string]any) string {
	payload, err := json.Marshal(claims)
	if err != nil {
		p.t.Error(err)
	}
	if p.sign != nil {
		return p.sign(payload)
	}
	return signWith(p.t, p.key, "k1", payload)
}

func signWith(t *testing.T, key *ecdsa.PrivateKey, id string, payload []byte) string {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: id}}, nil)
	if err != nil {
		t.Error(err)
		return ""
	}
	signature, err := signer.Sign(payload)
	if err != nil {
		t.Error(err)
		return ""
	}
	text, err := signature.CompactSerialize()
	if err != nil {
		t.Error(err)
	}
	return text
}

func (p *idProvider) userInfo(w http.ResponseWriter, r *http.Request) {
	if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); !ok || !p.tokens[token] {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	info := maps.Clone(p.user)
	if p.infoOnly {
		info["iss"], info["aud"] = p.url, clientID
	}
	if p.alterInfo != nil {
		p.alterInfo(info)
	}
	if !p.infoOnly {
		p.json(w, info)
		return
	}
	w.Header().Set("Content-Type", "application/jwt; charset=utf-8")
	_, _ = w.Write([]byte(p.signed(info)))
}

// set changes who is logged in at the provider, or how it misbehaves.
func (p *idProvider) set(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
}

func (p *idProvider) conf(change ...func(*config.OIDC)) func(*Options) {
	c := config.DefaultOIDC()
	c.Issuer, c.ClientID, c.ClientSecret = p.url, clientID, clientSecret
	for _, f := range change {
		f(&c)
	}
	return func(o *Options) { o.OIDC = &c }
}

// pass goes through the provider: from the desk's link to the address to which it sends back.
func (v *visitor) pass(path string) (back string) {
	v.d.t.Helper()
	res := v.get(path)
	to := res.Header.Get("Location")
	if res.StatusCode != http.StatusSeeOther || !strings.HasPrefix(to, v.d.login0().conf.Issuer+"/authorize?") {
		v.d.t.Fatalf("%s: %d to %q\n%s", path, res.StatusCode, to, body(v.d.t, res))
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Get(to)
	if err != nil {
		v.d.t.Fatal(err)
	}
	_ = answer.Body.Close()
	return strings.TrimPrefix(answer.Header.Get("Location"), "https://desk.test")
}

func (d *accountsDesk) login0() *provider { return d.login.provider }

func TestProviderLogin(t *testing.T) {
	for name, infoOnly := range map[string]bool{"claims in the ID token": false, "claims as a signed user info": true} {
		t.Run(name, func(t *testing.T) {
			p := newIDProvider(t)
			p.infoOnly = infoOnly
			d := newAccountsDesk(t, p.conf(func(c *config.OIDC) { c.Siret = "21990001600019" }))
			d.add("ada", ingest.RoleAgent)
			if err := d.store.ChangeAgent(t.Context(), "ada", "test", func(a *ingest.Agent) error { a.Email = "A@Desk.test"; return nil }); err != nil {
				t.Fatal(err)
			}
			v := d.visitor()
			v.expect("page", v.get(loginPath+"?vers=/agent/compte"), http.StatusOK, "", `href="/agent/connexion/fournisseur?vers=%2fagent%2fcompte"`, "Se connecter avec ProConnect")
			back := v.pass(providerPath + "?vers=/agent/compte")
			v.expect("back", v.get(back), http.StatusSeeOther, "/agent/compte")
			if !v.knows() || d.agent("ada").Subject != p.url+" u1" {
				t.Fatalf("not in, or not linked: %+v", d.agent("ada"))
			}
			// The answer is good once.
			v.copyOf().expect("replay", d.visitor().get(back), http.StatusBadRequest, "")
			v.expect("replay with the session", v.get(back), http.StatusBadRequest, "", "Recommencez")

			// From now on the subject counts, whatever the address is.
			p.set(func() { p.user["email"], p.user["email_verified"] = "other@desk.test", false })
			w := d.visitor()
			w.expect("again", w.get(w.pass(providerPath)), http.StatusSeeOther, homePath)

			// Logging out leads to the provider too.
			res := v.post(logoutPath, nil)
			v.expect("logout", res, http.StatusOK, "", "va fermer aussi votre session ProConnect")
			to, err := url.Parse(strings.TrimPrefix(res.Header.Get("Refresh"), "0; url="))
			if err != nil || to.Path != "/logout" || to.Query().Get("x") != "1" || to.Query().Get("post_logout_redirect_uri") != "https://desk.test/agent/connexion" ||
				len(strings.Split(to.Query().Get("id_token_hint"), ".")) != 3 || to.Query().Get("state") == "" {
				t.Errorf("leads to %v", to)
			}
			if v.knows() {
				t.Error("known after the logout")
			}
			if p.asked != 1 {
				t.Errorf("discovered %d times", p.asked)
			}
		})
	}
}

func TestProviderRefuses(t *testing.T) {
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	unsigned := func(payload []byte) string {
		e := base64.RawURLEncoding.EncodeToString
		return e([]byte(`{"alg":"none"}`)) + "." + e(payload) + "."
	}
	claim := func(name string, value any) func(*idProvider) {
		return func(p *idProvider) { p.alter = func(c map[string]any) { c[name] = value } }
	}
	for name, tc := range map[string]struct {
		mistake func(*idProvider)
		conf    func(*config.OIDC)
		back    func(string) string // what comes back
		status  int
		says    string
	}{
		"another nonce":     {mistake: claim("nonce", "x"), status: http.StatusBadGateway},
		"no nonce":          {mistake: claim("nonce", nil), status: http.StatusBadGateway},
		"another audience":  {mistake: claim("aud", "somebody"), status: http.StatusBadGateway},
		"another issuer":    {mistake: claim("iss", "https://evil.test"), status: http.StatusBadGateway},
		"expired":           {mistake: claim("exp", time.Now().Add(-time.Minute).Unix()), status: http.StatusBadGateway},
		"of another access": {mistake: claim("at_hash", "AAAAAAAAAAAAAAAAAAAAAA"), status: http.StatusBadGateway},
		"unsigned":          {mistake: func(p *idProvider) { p.sign = unsigned }, status: http.StatusBadGateway},
		"another key":       {mistake: func(p *idProvider) { p.sign = func(b []byte) string { return signWith(t, other, "k1", b) } }, status: http.StatusBadGateway},
		"no token":          {mistake: func(p *idProvider) { p.sign = func([]byte) string { return "" } }, status: http.StatusBadGateway},
		"info of another":   {mistake: func(p *idProvider) { p.alterInfo = func(i map[string]any) { i["sub"] = "u2" } }, status: http.StatusBadGateway},
		"info for another":  {mistake: func(p *idProvider) { p.infoOnly, p.alterInfo = true, func(i map[string]any) { i["aud"] = "x" } }, status: http.StatusBadGateway},
		"info by another": {mistake: func(p *idProvider) {
			p.infoOnly, p.alterInfo = true, func(i map[string]any) { i["iss"] = "https://evil.test" }
		}, status: http.StatusBadGateway},
		"info unsigned": {mistake: func(p *idProvider) {
			p.infoOnly = true
			n := 0
			p.sign = func(b []byte) string {
				if n++; n == 1 {
					return signWith(t, p.key, "k1", b)
				}
				return unsigned(b)
			}
		}, status: http.StatusBadGateway},
		"another state":         {back: func(s string) string { return strings.Replace(s, "state=", "state=x", 1) }, status: http.StatusBadRequest, says: "interrompue"},
		"another iss":           {back: func(s string) string { return strings.Replace(s, "iss=", "iss=x", 1) }, status: http.StatusBadRequest},
		"made-up code":          {back: func(s string) string { return strings.Replace(s, "code=", "code=x", 1) }, status: http.StatusBadGateway},
		"refused there":         {back: func(s string) string { return strings.Replace(s, "code=", "error=access_denied&x=", 1) }, status: http.StatusForbidden, says: "pas confirmé"},
		"address not verified":  {mistake: func(p *idProvider) { p.user["email_verified"] = false }, status: http.StatusForbidden, says: "pas vérifié"},
		"verified as a text":    {mistake: func(p *idProvider) { p.user["email_verified"] = "false" }, status: http.StatusForbidden, says: "pas vérifié"},
		"verification left out": {mistake: func(p *idProvider) { delete(p.user, "email_verified") }, status: http.StatusForbidden, says: "pas vérifié"},
		"unknown":               {mistake: func(p *idProvider) { p.user["email"] = "z@desk.test" }, status: http.StatusForbidden, says: "rattaché à aucun agent"},
		"several":               {mistake: func(p *idProvider) { p.user["email"] = "two@desk.test" }, status: http.StatusForbidden, says: "Plusieurs agents"},
		"disabled":              {mistake: func(p *idProvider) { p.user["email"] = "off@desk.test" }, status: http.StatusForbidden, says: "désactivé"},
		"linked to another":     {mistake: func(p *idProvider) { p.user["email"] = "linked@desk.test" }, status: http.StatusForbidden, says: "déjà rattaché"},
		"another organisation":  {conf: func(c *config.OIDC) { c.Siret = "11111111100000" }, status: http.StatusForbidden, says: "agent de la commune"},
		"another domain":        {conf: func(c *config.OIDC) { c.Domains = []string{"mairie.test"} }, status: http.StatusForbidden, says: "agent de la commune"},
		"by subject only":       {conf: func(c *config.OIDC) { c.Match = config.MatchSubject }, status: http.StatusForbidden, says: "rattaché à aucun agent"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newIDProvider(t)
			if tc.mistake != nil {
				tc.mistake(p)
			}
			var conf []func(*config.OIDC)
			if tc.conf != nil {
				conf = append(conf, tc.conf)
			}
			d := newAccountsDesk(t, p.conf(conf...))
			for _, a := range []ingest.Agent{
				{Login: "a", Email: "a@desk.test"},
				{Login: "one", Email: "two@desk.test"},
				{Login: "two", Email: "Two@desk.test"},
				{Login: "off", Email: "off@desk.test", Disabled: true},
				{Login: "linked", Email: "linked@desk.test", Subject: p.url + " other"},
			} {
				a.Role = ingest.RoleAgent
				if err := d.store.AddAgent(t.Context(), a, "", "test"); err != nil {
					t.Fatal(err)
				}
			}
			v := d.visitor()
			good := v.pass(providerPath)
			back := good
			if tc.back != nil {
				back = tc.back(good)
			}
			v.expect("back", v.get(back), tc.status, "", tc.says)
			v.expect("it was good once, whatever came back", v.get(good), http.StatusBadRequest, "")
			if v.knows() || d.agent("a").Subject != "" {
				t.Errorf("in, or linked: %+v", d.agent("a"))
			}
		})
	}
}

// A provider that never says whether it has verified an address vouches for it by giving it.
func TestProviderWithoutVerification(t *testing.T) {
	p := newIDProvider(t)
	delete(p.user, "email_verified")
	p.metadata = map[string]any{"claims_supported": []string{"sub", "email"}, "userinfo_endpoint": "", "end_session_endpoint": ""}
	d := newAccountsDesk(t, p.conf())
	d.add("a", ingest.RoleAgent)
	v := d.visitor()
	v.expect("back", v.get(v.pass(providerPath)), http.StatusSeeOther, homePath)
	v.expect("logout", v.post(logoutPath, nil), http.StatusSeeOther, loginPath+"?fin=1")
}

func TestProviderCreatesReaders(t *testing.T) {
	p := newIDProvider(t)
	p.user["email"] = "Ada.Martin@desk.test"
	d := newAccountsDesk(t, p.conf(func(c *config.OIDC) { c.Create, c.Domains = "reader", []string{"desk.test"} }))
	d.add("ada.martin", ingest.RoleAdministrator)
	if err := d.store.ChangeAgent(t.Context(), "ada.martin", "test", func(a *ingest.Agent) error { a.Email = ""; return nil }); err != nil {
		t.Fatal(err)
	}
	v := d.visitor()
	v.expect("back", v.get(v.pass(providerPath)), http.StatusSeeOther, homePath)
	if a := d.agent("ada.martin2"); a.Role != ingest.RoleReader || a.Name != "Ada Martin" || len(a.Services) != 0 || a.Subject != p.url+" u1" {
		t.Errorf("made %+v", a)
	}
	w := d.visitor()
	w.expect("again", w.get(w.pass(providerPath)), http.StatusSeeOther, homePath)
	if all, err := d.store.Agents(t.Context()); err != nil || len(all) != 2 {
		t.Errorf("%d agents, %v", len(all), err)
	}
}

// While the provider is away passwords work; when it is back, so does it.
func TestProviderAway(t *testing.T) {
	p := newIDProvider(t)
	p.away = true
	d := newAccountsDesk(t, p.conf())
	d.add("a", ingest.RoleAgent)
	v := d.visitor()
	v.expect("away", v.get(providerPath), http.StatusBadGateway, "", "ne répond pas comme il faut", `name="password"`)
	v.in("a").post(logoutPath, nil)
	p.set(func() { p.away = false })
	v.expect("left alone for a moment", v.get(providerPath), http.StatusBadGateway, "")
	d.pass(providerRetry)
	back := v.pass(providerPath)
	p.set(func() { p.away = true })
	v.expect("away in the middle", v.get(back), http.StatusBadGateway, "", "ne répond pas")
	p.set(func() { p.away = false })
	back = v.pass(providerPath)
	d.pass(stepLifetime + time.Second)
	v.expect("too long", v.get(back), http.StatusBadRequest, "", "trop longtemps")
	if _, err := (&provider{conf: config.OIDC{Issuer: "http://127.0.0.1:1"}, now: time.Now, client: http.DefaultClient}).discover(context.Background()); !errors.Is(err, errProvider) {
		t.Errorf("nobody there: %v", err)
	}
}
