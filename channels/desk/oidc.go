package desk

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"saisine.fr/saisine/config"
)

// provider is an OpenID Connect provider (OpenID Connect Core 1.0, code flow with PKCE). What
// it says of itself is asked when it is first needed: saisine starts, and passwords work,
// whether it answers or not. It is safe for concurrent use.
type provider struct {
	conf   config.OIDC
	label  string
	public string // address of the desk, without a slash at the end
	now    func() time.Time
	client *http.Client

	mu     sync.Mutex // held while it is asked
	found  *discovered
	failed time.Time // when it was last asked in vain
	reason error
}

// discovered is what a provider says of itself.
type discovered struct {
	*oidc.Provider
	oauth      oauth2.Config
	endSession string
	// verifies is set when it says whether it has verified an address.
	verifies bool
	userInfo bool
}

// oidcFlow is a login that is on its way through the provider.
type oidcFlow struct{ State, Nonce, Verifier, Wanted string }

const (
	providerTimeout = 10 * time.Second
	// providerRetry is how long a provider that did not answer is left alone: a queue of
	// agents must not wait for the same time-out one after the other.
	providerRetry = 10 * time.Second
	// maxProviderAnswer bounds what is read of an answer, in bytes.
	maxProviderAnswer = 1 << 20
)

// newProvider makes a provider, or nil where there is none in the configuration. It asks
// nothing yet.
func newProvider(conf *config.OIDC, public string, now func() time.Time) *provider {
	if conf == nil {
		return nil
	}
	return &provider{
		conf: *conf, label: conf.Label, public: public, now: now,
		client: &http.Client{Timeout: providerTimeout, Transport: boundedTransport{http.DefaultTransport}},
	}
}

// boundedTransport bounds what is read of answers.
type boundedTransport struct{ next http.RoundTripper }

func (t boundedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := t.next.RoundTrip(r)
	if err == nil {
		res.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(res.Body, maxProviderAnswer), res.Body}
	}
	return res, err
}

// errProvider is wrapped by errors of a provider that is away or out of order.
var errProvider = errors.New("desk: the OpenID provider does not work")

// discover asks the provider what it is, once.
func (p *provider) discover(ctx context.Context) (*discovered, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.found != nil {
		return p.found, nil
	}
	if since := p.now().Sub(p.failed); p.reason != nil && since >= 0 && since < providerRetry {
		return nil, p.reason
	}
	found, err := oidc.NewProvider(oidc.ClientContext(ctx, p.client), p.conf.Issuer)
	if err != nil {
		if ctx.Err() == nil {
			p.failed, p.reason = p.now(), fmt.Errorf("%w: discovery: %w", errProvider, err)
		}
		return nil, fmt.Errorf("%w: discovery: %w", errProvider, err)
	}
	var more struct {
		EndSession string   `json:"end_session_endpoint"`
		UserInfo   string   `json:"userinfo_endpoint"`
		Claims     []string `json:"claims_supported"`
	}
	if err := found.Claims(&more); err != nil {
		return nil, fmt.Errorf("%w: discovery: %w", errProvider, err)
	}
	d := &discovered{Provider: found, verifies: slices.Contains(more.Claims, "email_verified"), userInfo: more.UserInfo != ""}
	if u, err := url.Parse(more.EndSession); err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" {
		d.endSession = more.EndSession
	}
	d.oauth = oauth2.Config{
		ClientID: p.conf.ClientID, ClientSecret: p.conf.ClientSecret, Endpoint: found.Endpoint(),
		RedirectURL: p.public + callbackPath, Scopes: p.conf.Scopes,
	}
	p.found = d
	return d, nil
}

// begin returns the address to which the browser is sent, and what must come back.
func (p *provider) begin(ctx context.Context, wanted string) (string, oidcFlow, error) {
	d, err := p.discover(ctx)
	if err != nil {
		return "", oidcFlow{}, err
	}
	f := oidcFlow{State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(), Wanted: wanted}
	return d.oauth.AuthCodeURL(f.State, oidc.Nonce(f.Nonce), oauth2.S256ChallengeOption(f.Verifier)), f, nil
}

// identity is whom the provider vouches for.
type identity struct {
	// Subject is issuer, a space, sub.
	Subject string
	Email   string
	// Verified is set when the provider stands for the address.
	Verified bool
	Name     string
	Siret    string
	IDToken  string
}

// claims are those of OpenID Connect Core §5.1 and of ProConnect (usual_name, siret).
type claims struct {
	Issuer     string          `json:"iss"`
	Audience   json.RawMessage `json:"aud"`
	Subject    string          `json:"sub"`
	Email      string          `json:"email"`
	Verified   *flag           `json:"email_verified"`
	Name       string          `json:"name"`
	GivenName  string          `json:"given_name"`
	FamilyName string          `json:"family_name"`
	UsualName  string          `json:"usual_name"`
	Siret      siretDigits     `json:"siret"`
}

// flag is a boolean that some providers write as a text.
type flag bool

// UnmarshalJSON implements json.Unmarshaler.
func (f *flag) UnmarshalJSON(b []byte) error {
	switch string(b) {
	case "true", `"true"`:
		*f = true
	case "false", `"false"`, "null":
		*f = false
	default:
		return fmt.Errorf("desk: %s is no boolean", b)
	}
	return nil
}

// siretDigits is a number that some providers write without quotes, and people with spaces.
type siretDigits string

// UnmarshalJSON implements json.Unmarshaler.
func (d *siretDigits) UnmarshalJSON(b []byte) error {
	*d = siretDigits(strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, string(b)))
	return nil
}

// Why a login by a provider is refused.
var (
	errState   = errors.New("desk: an answer that nobody waits for")
	errRefused = errors.New("desk: the provider has refused the login")
)

// finish makes of the provider's answer whom it vouches for.
func (p *provider) finish(ctx context.Context, f oidcFlow, answer url.Values) (identity, error) {
	if f.State == "" || subtle.ConstantTimeCompare([]byte(f.State), []byte(answer.Get("state"))) != 1 {
		return identity{}, errState
	}
	// An answer of another provider must not be taken for one of this (RFC 9207 §2.4).
	if iss := answer.Get("iss"); iss != "" && iss != p.conf.Issuer {
		return identity{}, errState
	}
	if code := answer.Get("error"); code != "" {
		return identity{}, fmt.Errorf("%w: %q", errRefused, code)
	}
	d, err := p.discover(ctx)
	if err != nil {
		return identity{}, err
	}
	ctx = oidc.ClientContext(ctx, p.client)
	token, err := d.oauth.Exchange(ctx, answer.Get("code"), oauth2.VerifierOption(f.Verifier))
	if err != nil {
		return identity{}, fmt.Errorf("%w: code not exchanged: %w", errProvider, withoutBody(err))
	}
	raw, _ := token.Extra("id_token").(string)
	id, err := d.Verifier(&oidc.Config{ClientID: p.conf.ClientID, Now: p.now}).Verify(ctx, raw)
	if err != nil {
		return identity{}, fmt.Errorf("%w: ID token: %w", errProvider, err)
	}
	if subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(f.Nonce)) != 1 {
		return identity{}, fmt.Errorf("%w: ID token: another nonce", errProvider)
	}
	if id.AccessTokenHash != "" {
		if err := id.VerifyAccessToken(token.AccessToken); err != nil {
			return identity{}, fmt.Errorf("%w: ID token: %w", errProvider, err)
		}
	}
	c, err := p.claims(ctx, d, id, token)
	if err != nil {
		return identity{}, err
	}
	return identity{
		Subject: id.Issuer + " " + id.Subject, Email: strings.TrimSpace(c.Email), Name: c.fullName(), Siret: string(c.Siret), IDToken: raw,
		Verified: c.Verified != nil && bool(*c.Verified) || c.Verified == nil && !d.verifies,
	}, nil
}

// withoutBody leaves out what a token endpoint has answered, which may be anything.
func withoutBody(err error) error {
	var r *oauth2.RetrieveError
	if errors.As(err, &r) && r.Response != nil {
		return fmt.Errorf("%s, %q", r.Response.Status, r.ErrorCode)
	}
	return err
}

// claims are those of the ID token and, where there is an endpoint for it, of the user info,
// which go before: ProConnect gives them there only, as a signed token.
func (p *provider) claims(ctx context.Context, d *discovered, id *oidc.IDToken, token *oauth2.Token) (claims, error) {
	var c claims
	if err := id.Claims(&c); err != nil {
		return c, fmt.Errorf("%w: ID token: %w", errProvider, err)
	}
	if !d.userInfo {
		return c, nil
	}
	info, err := d.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil {
		return c, fmt.Errorf("%w: user info not had", errProvider) // its error holds the answer
	}
	// It must be about the same person (OpenID Connect Core §5.3.2).
	if info.Subject != id.Subject {
		return c, fmt.Errorf("%w: user info of somebody else", errProvider)
	}
	if err := info.Claims(&c); err != nil {
		return c, fmt.Errorf("%w: user info: %w", errProvider, err)
	}
	// A signed one may say by whom and for whom it was made.
	if c.Issuer != p.conf.Issuer || !audienceHolds(c.Audience, p.conf.ClientID) {
		return c, fmt.Errorf("%w: user info for somebody else", errProvider)
	}
	return c, nil
}

// audienceHolds reports whether an audience (a text or a list of texts) names a client.
func audienceHolds(raw json.RawMessage, client string) bool {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		return one == client
	}
	var list []string
	return json.Unmarshal(raw, &list) == nil && slices.Contains(list, client)
}

func (c claims) fullName() string {
	if c.Name != "" {
		return oneSpaced(c.Name)
	}
	last := c.UsualName
	if last == "" {
		last = c.FamilyName
	}
	return oneSpaced(c.GivenName + " " + last)
}

// logoutURL is where the browser is sent to end the session with the provider too (OpenID
// Connect RP-Initiated Logout 1.0 §2), or "" when there is no such thing.
func (p *provider) logoutURL(idToken string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.found == nil || p.found.endSession == "" || idToken == "" {
		return ""
	}
	u, err := url.Parse(p.found.endSession)
	if err != nil {
		return ""
	}
	q := u.Query()
	q.Set("id_token_hint", idToken)
	q.Set("post_logout_redirect_uri", p.public+loginPath)
	q.Set("state", rand.Text())
	u.RawQuery = q.Encode()
	return u.String()
}
