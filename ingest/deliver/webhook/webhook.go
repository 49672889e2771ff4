// Package webhook tells other programs of events as Standard Webhooks 1.0.0
// (github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md): a signed POST
// of JSON to an address that an administrator entered.
//
// It makes one attempt. When the next one is due is for the queue to say, by Schedule and
// RefusedError.Wait. An endpoint may hear of an event more than once and knows it by webhook-id.
package webhook

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	// DefaultTimeout bounds an attempt; the specification recommends 15 to 30 s.
	DefaultTimeout = 20 * time.Second
	// MaxTimeout is the longest that an endpoint may keep a worker waiting.
	MaxTimeout = 5 * time.Minute

	maxHeader = 64 << 10 // bytes of an answer's header
)

// Endpoint is one receiver.
type Endpoint struct {
	// Name is for errors and people.
	Name string
	// URL is https; http only when Private lists the address behind it, so that what goes in
	// the clear stays in the house.
	URL string
	// Secrets are "whsec_" and base64, the newest first. Each signs, so that a receiver can
	// change over without losing a message.
	Secrets []string
	// Private lists the private networks that this endpoint may be in. All others are refused.
	Private []netip.Prefix
	// CAFile is a PEM file with the authority of the server's certificate; "" = the system's.
	CAFile string
	// Timeout bounds an attempt, from the look-up of the name to the last byte; 0 means
	// DefaultTimeout.
	Timeout time.Duration
}

// Sender sends to one endpoint. It is safe for concurrent use and keeps no connection open.
type Sender struct {
	name    string
	url     *url.URL
	plain   bool // http
	keys    [][]byte
	private []netip.Prefix
	timeout time.Duration
	// dialer is a field for the tests, which give it a resolver that lies.
	dialer    *net.Dialer
	transport *http.Transport
}

// Schedule returns the waits before each attempt, the first being none: the example of the
// specification, 75 hours and 35 minutes in all. Jitter is the caller's.
func Schedule() []time.Duration {
	return []time.Duration{
		0, 5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour,
		10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
	}
}

// New checks an endpoint without touching the network. Its errors name the endpoint and never
// hold its URL, which may carry a token, nor a secret.
func New(e Endpoint) (*Sender, error) {
	s, err := newSender(e)
	if err != nil {
		return nil, fmt.Errorf("webhook: endpoint %q: %w", e.Name, err)
	}
	return s, nil
}

func newSender(e Endpoint) (*Sender, error) {
	s := &Sender{name: e.Name, timeout: e.Timeout}
	if s.timeout == 0 {
		s.timeout = DefaultTimeout
	}
	if s.timeout < 0 || s.timeout > MaxTimeout {
		return nil, fmt.Errorf("the timeout %s is not between 1s and %s", e.Timeout, MaxTimeout)
	}
	var err error
	if s.keys, err = parseSecrets(e.Secrets); err != nil {
		return nil, err
	}
	for _, p := range e.Private {
		if err := checkPrivate(p); err != nil {
			return nil, err
		}
	}
	s.private = slices.Clone(e.Private)
	if s.url, err = parseURL(e.URL); err != nil {
		return nil, err
	}
	s.plain = s.url.Scheme == "http"
	if s.plain && len(s.private) == 0 {
		return nil, errors.New("the address is http: use https, or list the private network that the endpoint is in")
	}
	// A name is looked up when it is dialled; an address can be judged now.
	if a, err := netip.ParseAddr(s.url.Hostname()); err == nil {
		if err := s.allow(a); err != nil {
			return nil, err
		}
	}
	return s, s.connectBy(e.CAFile)
}

func parseURL(raw string) (*url.URL, error) {
	const example = "write it such as https://hooks.example.fr/saisine"
	u, err := url.Parse(raw)
	if err != nil {
		// Its error quotes the address, and in some cases a part of a password.
		return nil, fmt.Errorf("the address cannot be read: %s", example)
	}
	switch {
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, fmt.Errorf("the address is not https: %s", example)
	case u.Hostname() == "":
		return nil, fmt.Errorf("the address names no server: %s", example)
	case u.User != nil:
		return nil, errors.New("the address holds a user name or password: leave it out, the signature is what the receiver checks")
	case strings.Contains(raw, "#"):
		return nil, errors.New("the address holds a fragment (#…), which is never sent: leave it out")
	case strings.HasSuffix(u.Host, ":"):
		return nil, errors.New("the address ends in a colon where its port should be")
	}
	if p := u.Port(); p != "" {
		if n, err := strconv.ParseUint(p, 10, 16); err != nil || n == 0 {
			return nil, fmt.Errorf("the address has the port %s, which is not one from 1 to 65535", p)
		}
	}
	return u, nil
}

// connectBy sets up the way out.
func (s *Sender) connectBy(caFile string) error {
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
	if caFile != "" {
		pem, err := os.ReadFile(caFile)
		if err != nil {
			return fmt.Errorf("the file of its authority: %w", err)
		}
		conf.RootCAs = x509.NewCertPool()
		if !conf.RootCAs.AppendCertsFromPEM(pem) {
			return fmt.Errorf("%s holds no certificate in PEM form", caFile)
		}
	}
	// The check is made on the socket's own address, after the look-up: a name that
	// answers differently the second time (DNS rebinding) gains nothing.
	s.dialer = &net.Dialer{ControlContext: func(_ context.Context, network, address string, _ syscall.RawConn) error {
		return s.allowDial(network, address)
	}}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	s.transport = &http.Transport{
		// No proxy, not even of the environment: it would dial for us, past the check.
		Proxy: nil,
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			return s.dialer.DialContext(ctx, network, addr)
		},
		TLSClientConfig: conf,
		Protocols:       protocols,
		// Each attempt dials anew and is judged anew. It also keeps the transport from
		// repeating a POST by itself on a connection that went stale.
		DisableKeepAlives:      true,
		DisableCompression:     true, // an answer must not grow when it is read
		MaxResponseHeaderBytes: maxHeader,
	}
	return nil
}
