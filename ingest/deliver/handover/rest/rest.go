// Package rest is the HTTP client of the connectors: bounded in time and size, without
// redirects, with errors that tell what a retry may mend from what it cannot, and that quote
// neither a credential nor what the server said: that is their handover.Detail.
package rest

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/deliver/handover"
)

const (
	// Timeout bounds one call, its body included.
	Timeout = 2 * time.Minute
	// MaxAnswer bounds what is read of an answer.
	MaxAnswer = 16 << 20
	// quoted is how much of an answer is kept for people, in letters.
	quoted = 300
)

// Client calls one server. It is safe for concurrent use.
type Client struct {
	base   *url.URL
	header http.Header
	http   *http.Client
}

// Options say how to reach a server.
type Options struct {
	// URL is the base address; paths of calls are put behind it.
	URL string
	// Header goes with each call: the credentials.
	Header http.Header
	// CAFile is a PEM file with the authority of the server's certificate; "" = the system's.
	CAFile string
	// Timeout bounds one call; 0 means Timeout.
	Timeout time.Duration
}

// New does not connect.
func New(o Options) (*Client, error) {
	u, err := url.Parse(strings.TrimRight(o.URL, "/"))
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, fmt.Errorf("rest: the address %q is not one such as https://rt.saint-exemple.fr", o.URL)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 4
	if o.CAFile != "" {
		pem, err := os.ReadFile(o.CAFile)
		if err != nil {
			return nil, fmt.Errorf("rest: %w", err)
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("rest: %s holds no certificate in PEM form", o.CAFile)
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	if o.Timeout <= 0 {
		o.Timeout = Timeout
	}
	return &Client{base: u, header: o.Header, http: &http.Client{
		Transport: transport, Timeout: o.Timeout,
		// A redirect would take the credentials and the citizen's letter elsewhere.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// Call is one request.
type Call struct {
	Method string
	// Path is put behind the base address, Query behind it.
	Path  string
	Query url.Values
	// JSON is encoded as the body; or else Body is sent as ContentType.
	JSON        any
	Body        io.Reader
	ContentType string
	Header      http.Header
}

// Answer is what a server said.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// StatusError is an answer that is not 2xx.
type StatusError struct {
	Method, Path string
	Status       int
	// Said is the beginning of the body, on one line.
	Said string
	// Body is all of it, for callers that read errors.
	Body []byte
	// Wait is how long the server asked to wait; 0 = nothing.
	Wait time.Duration
}

// RetryAfter is Wait, for the queue.
func (e *StatusError) RetryAfter() time.Duration { return e.Wait }

// Error leaves out what the server said, which may repeat the citizen's words: errors go to the
// log.
func (e *StatusError) Error() string {
	return fmt.Sprintf("%s %s: the server answered %d", e.Method, shown(e.Path), e.Status)
}

// shown is a path without its query, which may hold the name of a citizen's file: errors go to
// the log.
func shown(path string) string {
	path, _, _ = strings.Cut(path, "?")
	return path
}

// Detail is what the server said, for handover.Detail.
func (e *StatusError) Detail() string { return e.Said }

// Permanent reports whether trying again cannot help: the server has understood the call and
// will not have it. A login that fails is the town's set-up and can be mended, so the case
// waits for it; so do what is missing or busy just now.
func (e *StatusError) Permanent() bool {
	switch e.Status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed,
		http.StatusProxyAuthRequired, http.StatusRequestTimeout, http.StatusConflict, http.StatusLocked, http.StatusTooEarly, http.StatusTooManyRequests:
		return false
	}
	return e.Status >= 400 && e.Status < 500
}

// IsStatus reports whether err is an answer with this status.
func IsStatus(err error, status int) bool {
	var e *StatusError
	return errors.As(err, &e) && e.Status == status
}

// Do makes the call. An answer that is not 2xx is a *StatusError; a redirect is one as well,
// since the address of the configuration is wrong then.
func (c *Client) Do(ctx context.Context, call Call) (Answer, error) {
	r, err := c.request(ctx, call)
	if err != nil {
		return Answer{}, err
	}
	resp, err := c.http.Do(r)
	if err != nil {
		var ue *url.Error
		if errors.As(err, &ue) {
			err = ue.Err // its text would quote the whole address, with what is secret in it
		}
		return Answer{}, fmt.Errorf("%s %s: %w", call.Method, shown(call.Path), err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, MaxAnswer+1))
	if err == nil && len(body) > MaxAnswer {
		err = fmt.Errorf("the answer is larger than %d bytes", MaxAnswer)
	}
	if err != nil {
		return Answer{}, fmt.Errorf("%s %s: %w", call.Method, shown(call.Path), err)
	}
	a := Answer{Status: resp.StatusCode, Header: resp.Header, Body: body}
	if a.Status < 200 || a.Status > 299 {
		return a, &StatusError{Method: call.Method, Path: call.Path, Status: a.Status, Said: said(body), Body: body, Wait: retryAfter(resp.Header)}
	}
	return a, nil
}

// JSON makes the call and decodes the answer into out, which may be nil.
func (c *Client) JSON(ctx context.Context, call Call, out any) error {
	a, err := c.Do(ctx, call)
	if err != nil || out == nil {
		return err
	}
	return Decode(call.Method, call.Path, a.Body, out)
}

// Decode reads an answer to a call from JSON.
func Decode(method, path string, body []byte, out any) error {
	if err := json.Unmarshal(body, out); err != nil {
		// The error of encoding/json as well may quote the answer.
		return &handover.SaidError{
			Err:  fmt.Errorf("%s %s: the answer is not the JSON expected", method, shown(path)),
			Said: fmt.Sprintf("%.*s; it begins %q", quoted, err, said(body)),
		}
	}
	return nil
}

func (c *Client) request(ctx context.Context, call Call) (*http.Request, error) {
	// The path is put behind the address as it is: its segments are escaped by the caller.
	u, err := url.Parse(c.base.String() + call.Path)
	if err != nil {
		return nil, ingest.Permanent(fmt.Errorf("rest: path %q: %w", call.Path, err))
	}
	if len(call.Query) > 0 {
		u.RawQuery = call.Query.Encode()
	}
	body, contentType := call.Body, call.ContentType
	if call.JSON != nil {
		data, err := json.Marshal(call.JSON)
		if err != nil {
			return nil, ingest.Permanent(fmt.Errorf("rest: encode: %w", err))
		}
		body, contentType = bytes.NewReader(data), "application/json; charset=utf-8"
	}
	r, err := http.NewRequestWithContext(ctx, call.Method, u.String(), body)
	if err != nil {
		return nil, ingest.Permanent(fmt.Errorf("rest: %w", err))
	}
	for _, h := range []http.Header{c.header, call.Header} {
		for k, v := range h {
			r.Header[k] = v
		}
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	if r.Header.Get("Accept") == "" {
		r.Header.Set("Accept", "application/json")
	}
	r.Header.Set("User-Agent", "saisine")
	return r, nil
}

// said is the beginning of an answer on one line.
func said(body []byte) string {
	s := strings.Join(strings.Fields(strings.ToValidUTF8(string(body[:min(len(body), 4*quoted)]), "?")), " ")
	if r := []rune(s); len(r) > quoted {
		s = string(r[:quoted]) + "…"
	}
	return s
}

func retryAfter(h http.Header) time.Duration {
	v := h.Get("Retry-After")
	if d, err := time.ParseDuration(v + "s"); err == nil && d > 0 {
		return d
	}
	if t, err := http.ParseTime(v); err == nil {
		return max(time.Until(t), 0)
	}
	return 0
}
