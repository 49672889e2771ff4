package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"saisine.fr/saisine/ingest"
)

// base is where the interface lies.
const base = "/api/v1"

// anyKey is the scope of what every key may do, noKey that of what needs none.
const (
	anyKey ingest.Scope = "*"
	noKey  ingest.Scope = ""
)

// route is one thing that can be called.
type route struct {
	method, path string
	scopes       []ingest.Scope // one of them is needed
	// gives are the media types of its answer beside problems.
	gives []string
	do    func(*call) error
	what  string // what is not there when it is not found
}

var jsonType = []string{"application/json"}

// table lists all that can be called.
func table() []route {
	read, write, submit := []ingest.Scope{ingest.ScopeRead}, []ingest.Scope{ingest.ScopeWrite}, []ingest.Scope{ingest.ScopeSubmit}
	own := []ingest.Scope{ingest.ScopeRead, ingest.ScopeSubmit}
	return []route{
		{"POST", "/submissions", submit, jsonType, (*call).submit, "submission"},
		{"GET", "/submissions/{id}", own, jsonType, (*call).submission, "submission"},
		{"GET", "/submissions/{id}/original", read, nil, (*call).original, "submission"},
		{"GET", "/submissions/{id}/files/{n}", read, nil, (*call).attachment, "file"},
		{"GET", "/requests", read, jsonType, (*call).list, "request"},
		{"GET", "/requests/{reference}", read, jsonType, (*call).request, "request"},
		{"PATCH", "/requests/{reference}", write, jsonType, (*call).change, "request"},
		{"GET", "/requests/{reference}/comments", read, jsonType, (*call).comments, "request"},
		{"POST", "/requests/{reference}/comments", write, jsonType, (*call).comment, "request"},
		{"GET", "/requests/{reference}/files", read, jsonType, (*call).files, "request"},
		{"GET", "/events", read, jsonType, (*call).events, "event"},
		{"GET", "/categories", []ingest.Scope{anyKey}, jsonType, (*call).categoryList, "category"},
		{"GET", "/openapi.json", []ingest.Scope{noKey}, jsonType, (*call).openAPIJSON, "document"},
		{"GET", "/openapi.yaml", []ingest.Scope{noKey}, []string{"application/yaml"}, (*call).openAPIYAML, "document"},
	}
}

// routes makes the mux. Each address is registered once, for all methods, so that the others
// are refused in our own words.
func (a *Adapter) routes() *http.ServeMux {
	mux := http.NewServeMux()
	byPath := make(map[string][]route)
	var paths []string
	for _, r := range table() {
		if byPath[r.path] == nil {
			paths = append(paths, r.path)
		}
		byPath[r.path] = append(byPath[r.path], r)
	}
	for _, path := range paths {
		mux.HandleFunc(base+path, func(w http.ResponseWriter, r *http.Request) { a.dispatch(w, r, byPath[path]) })
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		c := a.begin(w, r)
		c.fail(problem(http.StatusNotFound, "Nothing lies at this address. What there is stands in %s.", a.address("/openapi.json")), "address")
	})
	return mux
}

// call is one call while it is answered.
type call struct {
	a      *Adapter
	w      http.ResponseWriter
	r      *http.Request
	key    ingest.APIKey
	viewer ingest.Viewer
	route  string
	began  time.Time
	status int
}

func (a *Adapter) begin(w http.ResponseWriter, r *http.Request) *call {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; sandbox")
	return &call{a: a, w: w, r: r, began: a.now()}
}

func (a *Adapter) dispatch(w http.ResponseWriter, r *http.Request, routes []route) {
	c := a.begin(w, r)
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	i := slices.IndexFunc(routes, func(x route) bool { return x.method == method })
	if i < 0 {
		c.wrongMethod(routes)
		return
	}
	x := routes[i]
	c.route = x.method + " " + x.path
	err := c.admit(x)
	if err == nil {
		err = x.do(c)
	}
	if err != nil {
		c.fail(err, x.what)
	}
	if c.key.ID != "" {
		a.log.LogAttrs(r.Context(), slog.LevelInfo, "api call", slog.String("key", c.key.Name), slog.String("route", c.route), slog.Int("status", c.status))
	}
}

// wrongMethod names the methods that there are (RFC 9110 §15.5.6).
func (c *call) wrongMethod(routes []route) {
	var allow []string
	for _, x := range routes {
		allow = append(allow, x.method)
		if x.method == http.MethodGet {
			allow = append(allow, http.MethodHead)
		}
	}
	slices.Sort(allow)
	c.w.Header().Set("Allow", strings.Join(allow, ", "))
	c.fail(problem(http.StatusMethodNotAllowed, "This address knows the methods %s.", strings.Join(allow, ", ")), "")
}

// admit lets a call pass that brings a key which may do this, and not too often.
func (c *call) admit(x route) error {
	if !slices.Contains(x.scopes, noKey) {
		if err := c.authenticate(); err != nil {
			return err
		}
		limit := c.key.RateLimit
		if limit <= 0 {
			limit = c.a.opts.RateLimit
		}
		if wait := c.a.calls.TakeOf(c.key.ID, limit, c.began); wait > 0 {
			p := problem(http.StatusTooManyRequests, "This key has %d calls in a minute. Retry-After says in how many seconds the next one is free.", limit)
			p.retry = wait
			return p
		}
		if !slices.Contains(x.scopes, anyKey) && !slices.ContainsFunc(x.scopes, c.key.May) {
			// RFC 6750 §3.1
			c.w.Header().Set("WWW-Authenticate", `Bearer realm="saisine", error="insufficient_scope", scope="`+string(x.scopes[0])+`"`)
			return problem(http.StatusForbidden, "This key lacks the scope %q. The town's administrator gives it.", x.scopes[0])
		}
	}
	if len(x.gives) > 0 && !accepts(c.r.Header["Accept"], x.gives) {
		return problem(http.StatusNotAcceptable, "The answer is %s, which the Accept header does not allow.", strings.Join(x.gives, " or "))
	}
	return nil
}

// authenticate finds the key of the call (RFC 6750 §2.1).
func (c *call) authenticate() error {
	given := c.r.Header["Authorization"]
	scheme, secret, _ := strings.Cut(strings.Join(given, ", "), " ")
	if len(given) == 0 || !strings.EqualFold(scheme, "Bearer") {
		c.w.Header().Set("WWW-Authenticate", `Bearer realm="saisine"`)
		return problem(http.StatusUnauthorized, "A key is needed: Authorization: Bearer KEY. The town's administrator gives one out.")
	}
	secret = strings.TrimSpace(secret)
	key, err := c.a.opts.Keys.KeyBySecret(c.r.Context(), secret)
	if errors.Is(err, ingest.ErrNotFound) {
		// Only who shows no good key is slowed down: partners may share an address with anybody.
		if client, counted := c.a.opts.Trusted.Client(c.r); counted {
			if wait := c.a.failed.Take(client, c.began); wait > 0 {
				return tooManyFailures(wait)
			}
		}
		c.w.Header().Set("WWW-Authenticate", `Bearer realm="saisine", error="invalid_token"`)
		return problem(http.StatusUnauthorized, "This key is not known, or was revoked.")
	}
	if err != nil {
		return err
	}
	c.key = key
	c.viewer, err = c.a.opts.Keys.Viewer(c.r.Context(), key)
	return err
}

func tooManyFailures(wait time.Duration) *problemError {
	p := problem(http.StatusTooManyRequests, "Too many keys that are none came from this address. Retry-After says when to try again.")
	p.retry = wait
	return p
}

// address is the full address of a path below base.
func (a *Adapter) address(path string) string { return a.opts.PublicURL + base + path }

// accepts reports whether an Accept header allows one of the types (RFC 9110 §12.5.1).
func accepts(headers, gives []string) bool {
	if len(headers) == 0 || strings.TrimSpace(strings.Join(headers, "")) == "" {
		return true
	}
	for part := range strings.SplitSeq(strings.Join(headers, ","), ",") {
		kind, params, _ := strings.Cut(part, ";")
		kind = strings.ToLower(strings.TrimSpace(kind))
		refused := false
		for param := range strings.SplitSeq(params, ";") {
			name, value, _ := strings.Cut(strings.TrimSpace(param), "=")
			refused = refused || strings.EqualFold(name, "q") && strings.Trim(value, "0.") == "" && value != ""
		}
		for _, g := range gives {
			room, _, _ := strings.Cut(g, "/")
			if !refused && (kind == "*/*" || kind == room+"/*" || kind == g) {
				return true
			}
		}
	}
	return false
}

// ctx is that of the call.
func (c *call) ctx() context.Context { return c.r.Context() }
