package desk

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/alexedwards/scs/v2"

	"saisine.fr/saisine/channels/clientip"
	"saisine.fr/saisine/channels/desk/credentials"
	"saisine.fr/saisine/ingest"
)

// login knows who asks, and lets agents in.
type login struct {
	a        *Adapter
	accounts Accounts // nil: nobody can log in
	scs      *scs.SessionManager
	throttle *throttle
	trusted  clientip.Trusted
	provider *provider // nil: passwords only

	keysMu sync.Mutex
	keys   map[string][]byte // of the store, by name
}

// key returns a key of the store, which never changes.
func (l *login) key(ctx context.Context, name string) ([]byte, error) {
	l.keysMu.Lock()
	defer l.keysMu.Unlock()
	if k, ok := l.keys[name]; ok {
		return k, nil
	}
	k, err := l.accounts.Secret(ctx, name)
	if err == nil {
		l.keys[name] = k
	}
	return k, err
}

// The pages of the login.
const (
	loginPath    = "/agent/connexion"
	codePath     = loginPath + "/code"
	passwordPath = loginPath + "/mot-de-passe"
	providerPath = loginPath + "/fournisseur"
	callbackPath = loginPath + "/retour"
	logoutPath   = "/agent/deconnexion"
	homePath     = "/agent/"
)

// The steps of a login after the password.
const (
	stepCode     = "code"     // a one-time code
	stepPassword = "password" // another password in the place of a one-time one
)

// The names of the keys.
const (
	keyTOTP   = "totp"
	keyDevice = "device"
)

// maxCodes is how many wrong codes end a login: then the password is asked for again.
const maxCodes = 5

// maxLoginForm bounds a post, in bytes.
const maxLoginForm = 16 << 10

func newLogin(a *Adapter) *login {
	l := &login{a: a, accounts: a.opts.Accounts, throttle: &throttle{now: a.now}, keys: map[string][]byte{}}
	var bad []string
	if l.trusted, bad = clientip.Parse(a.opts.TrustedProxies); len(bad) > 0 {
		a.log.LogAttrs(context.Background(), slog.LevelWarn, "trusted proxies are left out that are no addresses or networks", slog.Int("entries", len(bad)))
	}
	if l.accounts == nil {
		return l
	}
	l.scs = l.newSessions(l.accounts)
	l.provider = newProvider(a.opts.OIDC, a.opts.PublicURL, a.now)
	return l
}

func (a *Adapter) loginRoutes(o *router) {
	if a.login.accounts == nil {
		return
	}
	o.handle("GET "+loginPath, "", a.serveLogin)
	o.handle("POST "+loginPath, "", a.serveLoginPost)
	o.handle("GET "+codePath, "", a.serveCode)
	o.handle("POST "+codePath, "", a.serveCodePost)
	o.handle("GET "+passwordPath, "", a.serveNewPassword)
	o.handle("POST "+passwordPath, "", a.serveNewPasswordPost)
	o.handle("POST "+logoutPath, "", a.serveLogout)
	if a.login.provider != nil {
		o.handle("GET "+providerPath, "", a.serveProvider)
		o.handle("GET "+callbackPath, "", a.serveCallback)
	}
}

// loginPage is what the pages of the login show.
type loginPage struct {
	Login, Wanted string
	// Error is a text of the catalogue already written.
	Error string
	// Done says what has just happened.
	Done string
	// Insecure is set where the browser would not keep the session.
	Insecure bool
	// Provider is the name of the OpenID provider, or "".
	Provider string
	Fields   map[string]string // errors by field
}

func (a *Adapter) showLogin(w http.ResponseWriter, r *http.Request, status int, name, title string, data loginPage) error {
	data.Insecure = !a.login.keepsCookies(r)
	if a.login.provider != nil {
		data.Provider = a.login.provider.label
	}
	return a.show(w, r, ingest.Viewer{Language: spoken(r)}, status, name, page{Title: title, Body: data, Bare: true})
}

func (a *Adapter) serveLogin(w http.ResponseWriter, r *http.Request, v ingest.Viewer) error {
	wanted := localPath(r.FormValue("vers"))
	if v.Login != "" {
		return redirect(w, r, orHome(wanted))
	}
	data := loginPage{Wanted: wanted}
	if r.FormValue("fin") != "" {
		data.Done = a.tongueOf(r).T("Vous êtes déconnecté.")
	}
	return a.showLogin(w, r, http.StatusOK, "connexion", "Connexion", data)
}

func orHome(wanted string) string {
	if wanted == "" {
		return homePath
	}
	return wanted
}

// counted are the things that are counted for a try at a login.
func (l *login) counted(r *http.Request, name string) []throttleKey {
	if device, ok := l.knownDevice(r, name); ok {
		return []throttleKey{deviceKey(device)}
	}
	keys := []throttleKey{loginKey(name)}
	if client, ok := l.trusted.Client(r); ok {
		keys = append(keys, addressKey(client.String()))
	}
	return keys
}

// address is where a try comes from, for the access log.
func (l *login) address(r *http.Request) string {
	if client, ok := l.trusted.Client(r); ok {
		return strings.TrimSuffix(client.String(), "/32")
	}
	return "–"
}

// hashPatience is how long a login waits for its turn to be checked.
const hashPatience = 15 * time.Second

func (a *Adapter) serveLoginPost(w http.ResponseWriter, r *http.Request, _ ingest.Viewer) error {
	r.Body = http.MaxBytesReader(w, r.Body, maxLoginForm)
	t := a.tongueOf(r)
	data := loginPage{
		Login:  strings.ToLower(strings.TrimSpace(r.PostFormValue("login"))),
		Wanted: localPath(r.PostFormValue("vers")),
	}
	password := r.PostFormValue("password")
	if data.Login == "" || password == "" {
		data.Error = t.T("Donnez votre identifiant et votre mot de passe.")
		return a.showLogin(w, r, http.StatusUnprocessableEntity, "connexion", "Connexion", data)
	}
	if !ingest.LoginForm.MatchString(data.Login) {
		data.Login = "" // none that can be; it is not shown again, for it may be the password
	}
	keys := a.login.counted(r, data.Login)
	if wait := a.login.throttle.take(keys...); wait > 0 {
		return a.tooMany(w, r, wait, "connexion", "Connexion", data)
	}
	agent, ok, err := a.login.check(r.Context(), a.login.queue(r, data.Login), data.Login, password)
	if err != nil {
		a.login.throttle.forgive(keys...)
		return err
	}
	switch {
	case !ok:
		a.login.failed(r, agent.Login)
		data.Error = t.T("L’identifiant ou le mot de passe n’est pas le bon.")
		return a.showLogin(w, r, http.StatusUnprocessableEntity, "connexion", "Connexion", data)
	case !agent.OneTime.IsZero() && !a.now().Before(agent.OneTime):
		a.login.failed(r, agent.Login)
		data.Error = t.T("Ce mot de passe provisoire n’est plus valable. Demandez-en un autre à un administrateur.")
		return a.showLogin(w, r, http.StatusUnprocessableEntity, "connexion", "Connexion", data)
	}
	return a.proceed(w, r, agent, pendingLogin{Wanted: data.Wanted}, agent.HasTOTP)
}

// tooMany answers a try that came too early. Retry-After is in whole seconds (RFC 9110
// §10.2.3).
func (a *Adapter) tooMany(w http.ResponseWriter, r *http.Request, wait time.Duration, name, title string, data loginPage) error {
	w.Header().Set("Retry-After", seconds(wait))
	data.Error = a.tongueOf(r).T("Trop d’essais. Réessayez dans %s s.", seconds(wait))
	return a.showLogin(w, r, http.StatusTooManyRequests, name, title, data)
}

// seconds is a time to wait, as a number.
func seconds(wait time.Duration) string {
	return strconv.Itoa(int((wait + time.Second - 1) / time.Second))
}

// check says whether a password is the one of an agent who may log in. For others the same
// work is done. agent is the one with this login, if there is one.
func (l *login) check(ctx context.Context, q *credentials.Queue, name, password string) (agent ingest.Agent, ok bool, err error) {
	agent, err = l.accounts.Agent(ctx, name)
	if err != nil && !errors.Is(err, ingest.ErrNotFound) {
		return agent, false, err
	}
	c, err := l.accounts.Credentials(ctx, name)
	if err != nil && !errors.Is(err, ingest.ErrNotFound) {
		return agent, false, err
	}
	ok, stale, err := compare(ctx, q, c.Password, password)
	if err != nil {
		return agent, false, err
	}
	if stale {
		hash, err := hashed(ctx, q, password)
		if err == nil {
			err = l.accounts.Rehash(ctx, name, c.Password, hash)
		}
		if err != nil {
			l.a.log.LogAttrs(ctx, slog.LevelWarn, "password not hashed anew", slog.Any("err", err))
		}
	}
	return agent, ok && !agent.Disabled, nil
}

// queue is the line in which a login waits to be checked.
func (l *login) queue(r *http.Request, name string) *credentials.Queue {
	if _, ok := l.knownDevice(r, name); ok {
		return credentials.Known
	}
	return credentials.Everybody
}

// compare is Queue.Check, with patience.
func compare(ctx context.Context, q *credentials.Queue, hash, password string) (ok, stale bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, hashPatience)
	defer cancel()
	ok, stale, err = q.Check(ctx, hash, password)
	return ok, stale, busy(err)
}

// hashed is Queue.Hash, with patience.
func hashed(ctx context.Context, q *credentials.Queue, password string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, hashPatience)
	defer cancel()
	hash, err := q.Hash(ctx, password)
	return hash, busy(err)
}

// busy has somebody try again for whom there was no turn.
func busy(err error) error {
	if errors.Is(err, credentials.ErrBusy) {
		return errors.Join(ingest.ErrUnavailable, err)
	}
	return err
}

// failed notes a login that failed.
func (l *login) failed(r *http.Request, name string) {
	actor := ""
	if name != "" {
		actor = ingest.ActorAgent + name
	}
	l.note(r.Context(), actor, ingest.AccessLoginFailed, l.address(r))
}

// note writes into the access log what may go on without it.
func (l *login) note(ctx context.Context, actor string, what ingest.AccessKind, detail string) {
	if err := l.accounts.LogAccess(context.WithoutCancel(ctx), actor, what, detail); err != nil {
		l.a.log.LogAttrs(ctx, slog.LevelError, "access not noted", slog.String("what", string(what)), slog.Any("err", err))
	}
}

// proceed goes to the next step of a login, or ends it.
func (a *Adapter) proceed(w http.ResponseWriter, r *http.Request, agent ingest.Agent, p pendingLogin, code bool) error {
	p.Login, p.Generation, p.Step = agent.Login, agent.Generation, ""
	switch {
	case code:
		p.Step = stepCode
	case !agent.OneTime.IsZero():
		p.Step = stepPassword
	}
	if p.Step == "" {
		return a.enter(w, r, agent, p.Wanted, nil)
	}
	ctx, l := r.Context(), a.login
	// A right password is no guess at others.
	l.throttle.forgive(slices.DeleteFunc(l.counted(r, p.Login), func(k throttleKey) bool { return k.free != addressTries })...)
	if err := l.begin(ctx, stepLifetime); err != nil {
		return err
	}
	l.scs.Put(ctx, keyPending, p)
	return redirect(w, r, map[string]string{stepCode: codePath, stepPassword: passwordPath}[p.Step])
}

// enter logs an agent in, and leads to where they wanted to go. more, when not nil, puts more
// into the session.
func (a *Adapter) enter(w http.ResponseWriter, r *http.Request, agent ingest.Agent, wanted string, more func(context.Context)) error {
	ctx, l := r.Context(), a.login
	if err := l.accounts.LogAccess(ctx, ingest.ActorAgent+agent.Login, ingest.AccessLogin, l.address(r)); err != nil {
		return err
	}
	l.throttle.forgive(l.counted(r, agent.Login)...)
	if err := l.establish(ctx, agent); err != nil {
		return err
	}
	if more != nil {
		more(ctx)
	}
	l.rememberDevice(w, r, agent.Login)
	if err := l.accounts.Seen(ctx, agent.Login, a.now()); err != nil {
		return err
	}
	return redirect(w, r, orHome(wanted))
}

func (a *Adapter) serveLogout(w http.ResponseWriter, r *http.Request, v ingest.Viewer) error {
	ctx, l := r.Context(), a.login
	away := ""
	if l.provider != nil {
		away = l.provider.logoutURL(l.scs.GetString(ctx, keyIDToken))
	}
	if err := l.scs.Destroy(ctx); err != nil {
		return err
	}
	if v.Login != "" {
		l.note(ctx, v.Actor(), ingest.AccessLogout, "")
	}
	if away != "" {
		return a.showAway(w, r, away)
	}
	return redirect(w, r, loginPath+"?fin=1")
}
