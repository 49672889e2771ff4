package mailbox

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"saisine.fr/saisine/config"
)

const (
	// renewAhead is how long before its end a token is renewed, so that a token
	// endpoint that is down for some minutes is not noticed.
	renewAhead = 5 * time.Minute
	// tokenTimeout bounds one request to the token endpoint.
	tokenTimeout = 30 * time.Second
	// secretWarning is how long before a client secret ends the alarm is raised.
	secretWarning = 30 * 24 * time.Hour
)

// tokens gives out access tokens of one account. oauth2.ReuseTokenSource is not
// used because it renews only when the token has ended, and then fails with the
// endpoint; here the old token serves on while a renewal fails. It is safe for
// concurrent use.
type tokens struct {
	cfg  config.OAuth2
	now  func() time.Time
	http *http.Client

	mu      sync.Mutex
	current *oauth2.Token
	refresh string // providers may hand out a new one with each renewal (RFC 6749 §6)
}

func newTokens(cfg *config.OAuth2, now func() time.Time) *tokens {
	if cfg == nil {
		return nil
	}
	return &tokens{cfg: *cfg, now: now, http: &http.Client{Timeout: tokenTimeout}, refresh: cfg.RefreshToken}
}

// get returns a token that is good now, renewing it when it ends within renewAhead.
// It fails only when there is no good token left.
func (t *tokens) get(ctx context.Context) (string, error) {
	token, err := t.renew(ctx)
	if token == "" {
		return "", err
	}
	return token, nil
}

// renew is get with the error of a failed renewal beside a token that is still good.
func (t *tokens) renew(ctx context.Context) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.goodFor(renewAhead) {
		return t.current.AccessToken, nil
	}
	fresh, err := t.request(context.WithValue(ctx, oauth2.HTTPClient, t.http))
	if err == nil {
		t.current = fresh
		if fresh.RefreshToken != "" {
			t.refresh = fresh.RefreshToken
		}
		return fresh.AccessToken, nil
	}
	err = fmt.Errorf("mailbox: token endpoint: %w", redactTokenError(err))
	if t.goodFor(0) {
		return t.current.AccessToken, err
	}
	return "", err
}

func (t *tokens) goodFor(d time.Duration) bool {
	if t.current == nil || t.current.AccessToken == "" {
		return false
	}
	// No expiry: the provider does not say; the server's refusal will (see forget).
	return t.current.Expiry.IsZero() || t.now().Add(d).Before(t.current.Expiry)
}

// forget drops the current token: the server refused it before its time.
func (t *tokens) forget() {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.current = nil
}

func (t *tokens) request(ctx context.Context) (*oauth2.Token, error) {
	if t.refresh == "" {
		c := clientcredentials.Config{
			ClientID: t.cfg.ClientID, ClientSecret: t.cfg.ClientSecret,
			TokenURL: t.cfg.TokenURL, Scopes: t.cfg.Scopes,
		}
		return c.Token(ctx)
	}
	c := oauth2.Config{
		ClientID: t.cfg.ClientID, ClientSecret: t.cfg.ClientSecret,
		Endpoint: oauth2.Endpoint{TokenURL: t.cfg.TokenURL}, Scopes: t.cfg.Scopes,
	}
	return c.TokenSource(ctx, &oauth2.Token{RefreshToken: t.refresh}).Token()
}

// redactTokenError keeps the status and code of a refusal and drops the response's
// body, which oauth2.RetrieveError would print and which may name the account.
func redactTokenError(err error) error {
	var refused *oauth2.RetrieveError
	if !errors.As(err, &refused) {
		return err
	}
	status := 0
	if refused.Response != nil {
		status = refused.Response.StatusCode
	}
	return fmt.Errorf("refused with HTTP status %d, code %q", status, refused.ErrorCode)
}

// secretAlarm says that a client secret ends within secretWarning, or "".
func secretAlarm(cfg config.Mailbox, now time.Time) string {
	if cfg.OAuth2 == nil || cfg.OAuth2.SecretExpires.IsZero() {
		return ""
	}
	end := cfg.OAuth2.SecretExpires
	switch {
	case !now.Before(end):
		return fmt.Sprintf("the client secret of mailbox %q ended on %s: make a new one with the provider and put it into client_secret_file",
			cfg.Name, end.Format(time.DateOnly))
	case end.Sub(now) <= secretWarning:
		return fmt.Sprintf("the client secret of mailbox %q ends on %s: make a new one with the provider before that day and put it into client_secret_file",
			cfg.Name, end.Format(time.DateOnly))
	}
	return ""
}
