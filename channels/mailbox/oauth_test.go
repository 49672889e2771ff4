package mailbox

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"saisine.fr/saisine/channels/mailbox/dovecottest"
	"saisine.fr/saisine/config"
)

// tokenEndpoint is a provider's token endpoint for one account.
type tokenEndpoint struct {
	*httptest.Server
	requests atomic.Int32
	life     atomic.Int64 // of a token, in nanoseconds
	down     atomic.Bool
	grant    atomic.Value // the last grant_type
	refresh  atomic.Value // the last refresh_token
}

func newTokenEndpoint(t *testing.T, user string) *tokenEndpoint {
	e := &tokenEndpoint{}
	e.life.Store(int64(time.Hour))
	e.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e.requests.Add(1)
		id, secret, basic := r.BasicAuth()
		if !basic {
			id, secret = r.FormValue("client_id"), r.FormValue("client_secret")
		}
		e.grant.Store(r.FormValue("grant_type"))
		e.refresh.Store(r.FormValue("refresh_token"))
		w.Header().Set("Content-Type", "application/json")
		if e.down.Load() || id != "saisine" || secret != "s3cret" {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = w.Write([]byte(`{"error":"invalid_client","error_description":"account ` + user + ` unknown"}`))
			return
		}
		life := time.Duration(e.life.Load())
		_ = json.NewEncoder(w).Encode(map[string]any{
			"access_token": dovecottest.Token(user, time.Now().Add(life)), "token_type": "Bearer",
			"expires_in": int(life.Seconds()), "refresh_token": "next-" + r.FormValue("refresh_token"),
		})
	}))
	t.Cleanup(e.Close)
	return e
}

func (e *tokenEndpoint) config(mechanism string) *config.OAuth2 {
	return &config.OAuth2{Mechanism: mechanism, TokenURL: e.URL, ClientID: "saisine", ClientSecret: "s3cret", Scopes: []string{"imap"}}
}

func TestDovecotOAuth2(t *testing.T) {
	t.Parallel()
	s := dovecottest.Start(t)
	for _, mechanism := range []string{"xoauth2", "oauthbearer"} {
		for _, refresh := range []string{"", "first"} {
			t.Run(mechanism+refresh, func(t *testing.T) {
				user := mechanism + refresh
				e := newTokenEndpoint(t, user)
				cfg := dovecotConfig(s, user)
				cfg.Password, cfg.OAuth2, cfg.Poll = "", e.config(mechanism), 50*time.Millisecond
				cfg.OAuth2.RefreshToken = refresh
				s.Deliver(user, []byte(testMail(1)))
				l := newLedger()
				r := start(t, cfg, testOptions(t), l)
				drained(t, s, user, l, 1)
				if got, want := e.grant.Load(), map[string]string{"": "client_credentials", "first": "refresh_token"}[refresh]; got != want {
					t.Errorf("grant_type %v, want %v", got, want)
				}
				if e.requests.Load() != 1 {
					t.Errorf("%d token requests for one token", e.requests.Load())
				}
				r.stop()
				if err := Check(t.Context(), cfg); err != nil {
					t.Errorf("Check: %v", err)
				}
				refused := cfg
				refused.Username = "nobody-else"
				err := Check(t.Context(), refused)
				if err == nil || !strings.Contains(err.Error(), "the provider gave a token that the mail server refuses") {
					t.Errorf("a token of another account: %v", err)
				}
				e.down.Store(true)
				err = Check(t.Context(), cfg)
				if err == nil || !strings.Contains(err.Error(), `code "invalid_client"`) || !strings.Contains(err.Error(), "check token_url") {
					t.Errorf("an endpoint that refuses: %v", err)
				}
				if err != nil && (strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), "unknown")) {
					t.Errorf("the error tells too much: %v", err)
				}
			})
		}
	}
}

// A token that ends soon is renewed between two looks, and the connection with it.
func TestDovecotTokenRenewal(t *testing.T) {
	t.Parallel()
	s := dovecottest.Start(t)
	e := newTokenEndpoint(t, "renew")
	e.life.Store(int64(renewAhead + 2*time.Second))
	cfg := dovecotConfig(s, "renew")
	cfg.Password, cfg.OAuth2, cfg.Poll = "", e.config("xoauth2"), 100*time.Millisecond
	s.AddUser("renew")
	l := newLedger()
	r := start(t, cfg, testOptions(t), l)
	eventually(t, "the first token", func() bool { return e.requests.Load() == 1 })
	eventually(t, "the second token, ahead of the first one's end", func() bool { return e.requests.Load() >= 2 })
	s.Deliver("renew", []byte(testMail(1)))
	drained(t, s, "renew", l, 1)
	if r.failures() > 0 {
		t.Error("Run failed over a renewal")
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	e := newTokenEndpoint(t, "alice")
	cfg := e.config("xoauth2")
	cfg.RefreshToken = "first"
	now := time.Now()
	tok := newTokens(cfg, func() time.Time { return now })
	get := func() string {
		t.Helper()
		token, err := tok.get(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	first := get()
	if get() != first || e.requests.Load() != 1 {
		t.Error("a good token was not kept")
	}
	now = now.Add(time.Hour - renewAhead + time.Second)
	e.down.Store(true)
	if get() != first {
		t.Error("with the endpoint down the old token must serve on")
	}
	if _, err := tok.renew(t.Context()); err == nil {
		t.Error("a failed renewal must be told")
	}
	e.down.Store(false)
	second := get()
	if second == first || e.refresh.Load() != "next-first" {
		t.Errorf("not renewed with the provider's new refresh token, but %q", e.refresh.Load())
	}
	now = now.Add(2 * time.Hour)
	e.down.Store(true)
	if _, err := tok.get(t.Context()); err == nil {
		t.Error("a token that has ended was given out")
	}
	e.down.Store(false)
	get()
	n := e.requests.Load()
	tok.forget() // the server refused it
	get()
	if e.requests.Load() != n+1 {
		t.Error("a refused token was given out again")
	}
}

func TestSecretAlarm(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		end  time.Time
		want string
	}{
		{time.Time{}, ""},
		{now.Add(31 * 24 * time.Hour), ""},
		{now.Add(30 * 24 * time.Hour), "ends on 2026-12-01"},
		{now.Add(time.Hour), "ends on 2026-11-01"},
		{now, "ended on 2026-11-01"},
	} {
		got := secretAlarm(config.Mailbox{Name: "sve", OAuth2: &config.OAuth2{SecretExpires: tt.end}}, now)
		if (tt.want == "") != (got == "") || !strings.Contains(got, tt.want) {
			t.Errorf("secret ending %v: %q, want %q", tt.end, got, tt.want)
		}
	}
	if got := secretAlarm(config.Mailbox{}, now); got != "" {
		t.Errorf("without oauth2: %q", got)
	}
}

// The pauses after faults grow to their limit and end with the context.
func TestPause(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := New(config.Mailbox{}, Options{})
		began := time.Now()
		for range 8 {
			a.pause(t.Context())
		}
		if got, want := time.Since(began), (1+2+4+8+16+32+60+60)*time.Second; got != want {
			t.Errorf("eight pauses took %v, want %v", got, want)
		}
	})
}

func TestXOAUTH2Failure(t *testing.T) {
	t.Parallel()
	var refused *tokenRefusedError
	if err := parseXOAUTH2Failure([]byte(`{"status":"400","schemes":"Bearer","scope":"x"}`)); !errors.As(err, &refused) || refused.status != "400" {
		t.Errorf("got %v", err)
	}
	if err := parseXOAUTH2Failure([]byte(`<html>`)); err == nil {
		t.Error("a challenge is always a refusal")
	}
}
