package open311

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"saisine.fr/saisine/channels/formpost"
)

const (
	unavailable = "Le service est momentanément indisponible. Rien n’a été enregistré par cet appel. Réessayez dans une minute."
	noResource  = "Cette adresse ne correspond à rien. Les adresses sont discovery, services, services/CODE, requests, requests/NUMÉRO et tokens/JETON, suivies de .xml ou .json."
)

// call is one request, taken apart.
type call struct {
	resource string
	id       string // of services/ID, requests/ID and tokens/ID; "" for the lists
	format   format
	query    url.Values
}

// The resources.
const (
	discoveryResource = "discovery"
	servicesResource  = "services"
	requestsResource  = "requests"
	tokensResource    = "tokens"
)

// ServeHTTP implements http.Handler.
func (a *Adapter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c, fail := parse(r)
	if fail != nil {
		discard(w, r)
		a.write(w, r, c.format, answer{}, fail)
		return
	}
	if r.Method == http.MethodOptions {
		// A page that adds a header of its own to a GET is asked about first (Fetch, CORS-preflight).
		h := w.Header()
		h.Set("Allow", c.methods())
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Access-Control-Allow-Methods", "GET, HEAD")
		h.Set("Access-Control-Allow-Headers", "*")
		w.WriteHeader(http.StatusNoContent)
		return
	}
	var ans answer
	if r.Method == http.MethodPost {
		ans, fail = a.post(w, r, c)
	} else if fail = a.allowed(r); fail == nil {
		ans, fail = a.get(r.Context(), c)
	}
	a.write(w, r, c.format, ans, fail)
}

// discard reads off what a refused post still sends.
func discard(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead && r.ContentLength != 0 {
		formpost.Drain(w, r)
	}
}

// parse takes a request apart. The format is set in any case.
func parse(r *http.Request) (call, *failure) {
	c := call{format: wanted(r)}
	rest, ok := strings.CutPrefix(r.URL.Path, Prefix)
	if !ok {
		return c, failed(http.StatusNotFound, noResource)
	}
	dot := strings.LastIndexByte(rest, '.')
	if dot < 0 {
		return c, failed(http.StatusNotFound, noResource)
	}
	ending := format(rest[dot+1:])
	if ending != formatXML && ending != formatJSON {
		return c, failed(http.StatusNotFound, noResource)
	}
	c.format = ending
	var hasID bool
	c.resource, c.id, hasID = strings.Cut(rest[:dot], "/")
	if !c.known(hasID) {
		return c, failed(http.StatusNotFound, noResource)
	}
	if r.Method != http.MethodOptions && !slices.Contains(strings.Split(c.methods(), ", "), r.Method) {
		f := failed(http.StatusMethodNotAllowed, "Cette adresse ne prend que %s.", c.methods())
		f.allow = c.methods()
		return c, f
	}
	var err error
	if c.query, err = url.ParseQuery(r.URL.RawQuery); err != nil {
		return c, failed(http.StatusBadRequest, "Les paramètres après le «\u00a0?\u00a0» sont mal codés\u00a0: écrivez les signes spéciaux avec %% (RFC 3986 §2.1).")
	}
	return c, nil
}

// known reports whether there is such a resource, as a list or with an id.
func (c call) known(hasID bool) bool {
	switch c.resource {
	case discoveryResource:
		return !hasID
	case servicesResource, requestsResource:
		return !hasID || c.id != "" && !strings.Contains(c.id, "/")
	case tokensResource:
		return hasID && c.id != "" && !strings.Contains(c.id, "/")
	}
	return false
}

func (c call) methods() string {
	if c.resource == requestsResource && c.id == "" {
		return "GET, HEAD, POST"
	}
	return "GET, HEAD"
}

// allowed counts a call of the address that it comes from.
func (a *Adapter) allowed(r *http.Request) *failure {
	if a.byClient == nil {
		return nil
	}
	client, ok := a.opts.Trusted.Client(r)
	if !ok {
		return nil
	}
	if wait := a.byClient.Take(client, a.now()); wait > 0 {
		f := failed(http.StatusTooManyRequests, "Trop d’appels viennent de cette adresse\u00a0: %d par minute au plus. Attendez avant de recommencer.", a.opts.ClientRate)
		f.retry = wait
		return f
	}
	return nil
}

// get answers what only asks.
func (a *Adapter) get(ctx context.Context, c call) (answer, *failure) {
	if c.resource == discoveryResource {
		return a.discovery(), nil
	}
	if fail := a.jurisdiction(c.query.Get("jurisdiction_id")); fail != nil {
		return answer{}, fail
	}
	switch {
	case c.resource == tokensResource:
		return a.token(ctx, c.id)
	case c.resource == servicesResource && c.id == "":
		return a.services(), nil
	case c.resource == servicesResource:
		return a.definition(c.id)
	case c.id != "":
		return a.request(ctx, c.id)
	}
	return a.requests(ctx, c)
}

// jurisdiction refuses a call that is meant for another town. One that names none is meant for
// us: the endpoint serves one town (GeoReport v2, jurisdiction_id).
func (a *Adapter) jurisdiction(id string) *failure {
	id = strings.TrimSpace(id)
	if id == "" || a.opts.Jurisdiction == "" || strings.EqualFold(id, a.opts.Jurisdiction) {
		return nil
	}
	return failed(http.StatusNotFound, "jurisdiction_id\u00a0: «\u00a0%s\u00a0» n’est pas servi ici. Laissez-le vide, ou indiquez %s.", shown(id), a.opts.Jurisdiction)
}

// shown is a foreign value as an answer may repeat it.
func shown(s string) string {
	s, _ = formpost.Clean([]byte(s))
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > 60 {
		s = string(r[:60]) + "…"
	}
	return s
}

// house turns an error of the house into an answer: nothing that a caller sends is the cause.
func (a *Adapter) house(ctx context.Context, what string, err error) *failure {
	a.log.ErrorContext(ctx, "open311 call not answered", "call", what, "error", err)
	f := failed(http.StatusServiceUnavailable, unavailable)
	f.retry = unavailableRetry
	return f
}
