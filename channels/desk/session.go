package desk

import (
	"context"
	"encoding/gob"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/alexedwards/scs/v2"

	"saisine.fr/saisine/ingest"
)

const (
	// sessionCookie: __Host- has browsers take it only by TLS, for this host and for all of
	// it, so that no neighbouring host can set one (RFC 6265bis §4.1.3.2).
	sessionCookie = "__Host-saisine"
	// sessionLifetime is a working day, and ends the session whatever happens.
	sessionLifetime = 12 * time.Hour
	// stepLifetime is how long somebody who has given the right password may take over the
	// second step, or on the way through another provider.
	stepLifetime = 10 * time.Minute
	// seenEvery is how often it is noted that an agent is there.
	seenEvery = 5 * time.Minute
	// accessKept is how long lines of the access log are kept: 6 to 12 months are usual (CNIL,
	// délibération 2021-122).
	accessKept = 365 * 24 * time.Hour
	tidyEvery  = 10 * time.Minute
	// assetsPath begins the addresses of what is the same for everybody.
	assetsPath = "/agent/fixe/"
)

// What is kept in a session.
const (
	keyLogin      = "login"
	keyGeneration = "generation"
	keyPending    = "pending" // pendingLogin, between the steps of a login
	keyProvider   = "provider"
	keyIDToken    = "id_token"
	keySecret     = "secret" // of one-time codes, until the first code confirms it
)

// pendingLogin is a login of which the password was right.
type pendingLogin struct {
	Login      string
	Generation int64
	Step       string // what comes next: stepCode or stepPassword
	Wanted     string
	Tries      int
}

func init() { //nolint:gochecknoinits // gob wants to know the types that stand in a session
	gob.Register(pendingLogin{})
	gob.Register(oidcFlow{})
}

// sessionRows is scs.CtxStore.
type sessionRows struct{ Sessions }

var errNoContext = errors.New("desk: a session without a context")

func (s sessionRows) Delete(string) error                         { return errNoContext }
func (s sessionRows) Find(string) ([]byte, bool, error)           { return nil, false, errNoContext }
func (s sessionRows) Commit(string, []byte, time.Time) error      { return errNoContext }
func (s sessionRows) DeleteCtx(c context.Context, t string) error { return s.DropSession(c, t) }
func (s sessionRows) FindCtx(c context.Context, t string) ([]byte, bool, error) {
	return s.FindSession(c, t)
}

func (s sessionRows) CommitCtx(c context.Context, t string, data []byte, expiry time.Time) error {
	return s.KeepSession(c, t, data, expiry)
}

func (l *login) newSessions(rows Sessions) *scs.SessionManager {
	m := scs.New()
	m.Store, m.HashTokenInStore, m.Lifetime = sessionRows{rows}, true, sessionLifetime
	m.Cookie.Name, m.Cookie.Path, m.Cookie.Secure, m.Cookie.HttpOnly = sessionCookie, "/", true, true
	// Lax and not Strict: who comes back from an OpenID provider must be known.
	m.Cookie.SameSite = http.SameSiteLaxMode
	m.Cookie.Persist = false // machines are shared: the browser's end is the session's
	m.ErrorFunc = func(w http.ResponseWriter, r *http.Request, err error) { l.a.fail(w, r, ingest.Viewer{}, err) }
	return m
}

// viewerKey finds in a context who asks.
type viewerKey struct{}

// viewer says who asks.
func (l *login) viewer(r *http.Request) (ingest.Viewer, bool) {
	v, ok := r.Context().Value(viewerKey{}).(ingest.Viewer)
	return v, ok
}

// sessions loads the session of each request, and finds out who asks.
func (l *login) sessions(next http.Handler) http.Handler {
	if l.scs == nil {
		return next
	}
	known := l.scs.LoadAndSave(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r, err := l.identify(r)
		if err != nil {
			l.a.fail(w, r, ingest.Viewer{}, err)
			return
		}
		next.ServeHTTP(w, r)
	}))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, assetsPath) {
			next.ServeHTTP(w, r)
			return
		}
		known.ServeHTTP(w, r)
	})
}

// identify puts into the request's context who asks. A session ends when the agent was
// disabled, or is of another generation.
func (l *login) identify(r *http.Request) (*http.Request, error) {
	ctx := r.Context()
	name := l.scs.GetString(ctx, keyLogin)
	if name == "" {
		return r, nil
	}
	agent, err := l.accounts.Agent(ctx, name)
	switch {
	case errors.Is(err, ingest.ErrNotFound):
		return r, l.scs.Destroy(ctx)
	case err != nil:
		return r, err
	case agent.Disabled || agent.Generation != l.scs.GetInt64(ctx, keyGeneration):
		return r, l.scs.Destroy(ctx)
	}
	v, err := l.accounts.Viewer(ctx, agent)
	if err != nil {
		return r, err
	}
	if now := l.a.now(); now.Sub(agent.SeenAt) > seenEvery {
		if err := l.accounts.Seen(ctx, name, now); err != nil {
			l.a.log.LogAttrs(ctx, slog.LevelWarn, "not noted that an agent is there", slog.Any("err", err))
		}
	}
	return r.WithContext(context.WithValue(ctx, viewerKey{}, v)), nil
}

// begin starts a session under a fresh token, with nothing of what there was in it, so that
// one who has planted a token gains nothing by it (session fixation).
func (l *login) begin(ctx context.Context, lifetime time.Duration) error {
	if err := l.scs.RenewToken(ctx); err != nil {
		return err
	}
	if err := l.scs.Clear(ctx); err != nil {
		return err
	}
	l.scs.SetDeadline(ctx, l.a.now().Add(lifetime).UTC())
	return nil
}

// establish logs an agent in.
func (l *login) establish(ctx context.Context, agent ingest.Agent) error {
	if err := l.begin(ctx, sessionLifetime); err != nil {
		return err
	}
	l.scs.Put(ctx, keyLogin, agent.Login)
	l.scs.Put(ctx, keyGeneration, agent.Generation)
	return nil
}

// tidy removes what has expired, now and then, until ctx ends.
func (l *login) tidy(ctx context.Context) {
	if l.accounts == nil {
		return
	}
	tick := time.NewTicker(tidyEvery)
	defer tick.Stop()
	for {
		if err := l.accounts.DropExpired(ctx, l.a.now().Add(-accessKept)); err != nil && ctx.Err() == nil {
			l.a.log.LogAttrs(ctx, slog.LevelWarn, "old sessions not removed", slog.Any("err", err))
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
