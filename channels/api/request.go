package api

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/view"
)

const (
	defaultLimit = 50
	maxLimit     = 200
	maxWords     = 500    // characters of a search
	maxNote      = 5_000  // characters of a note to the citizen
	maxComment   = 10_000 // characters of a comment
)

// statuses are those of requests.
var statuses = []ingest.Status{
	ingest.StatusNew, ingest.StatusAssigned, ingest.StatusInProgress, ingest.StatusWaitingCitizen, ingest.StatusAnswered, ingest.StatusClosed,
}

type listAnswer struct {
	Requests []view.Item `json:"requests"`
	Next     string      `json:"next"`
}

// list is a page of the requests.
func (c *call) list() error {
	q := c.parameters("status", "category", "service", "channel", "from", "to", "q", "open", "after", "limit")
	f := ingest.Filter{
		Status: ingest.Status(q.get("status")), Category: q.get("category"), Service: q.get("service"), Channel: ingest.Channel(q.get("channel")),
		From: q.get("from"), To: q.get("to"), Words: q.get("q"), After: q.get("after"), Limit: q.limit(),
	}
	if f.Status != "" && !slices.Contains(statuses, f.Status) {
		q.fault("status", "is one of "+joined(statuses))
	}
	if f.Channel != "" && !slices.Contains(ingest.Channels(), f.Channel) {
		q.fault("channel", "is one of "+joined(ingest.Channels()))
	}
	for name, day := range map[string]string{"from": f.From, "to": f.To} {
		if _, err := time.Parse(time.DateOnly, day); day != "" && err != nil {
			q.fault(name, "is a day such as 2026-04-23")
		}
	}
	if utf8.RuneCountInString(f.Words) > maxWords {
		q.fault("q", "has at most "+strconv.Itoa(maxWords)+" characters")
	}
	switch q.get("open") {
	case "", "false":
		f.Settled = true
	case "true":
	default:
		q.fault("open", "is true or false")
	}
	if q.errs != nil {
		return badParameters(q.errs)
	}
	page, err := c.a.opts.Requests.List(c.ctx(), c.viewer, f)
	if err != nil {
		return err
	}
	out := listAnswer{Requests: []view.Item{}, Next: page.Next}
	for _, i := range page.Items {
		out.Requests = append(out.Requests, view.OfItem(i, c.a.zone))
	}
	if page.Next != "" { // RFC 8288
		values := c.r.URL.Query()
		values.Set("after", page.Next)
		c.w.Header().Set("Link", "<"+c.a.address("/requests?"+values.Encode())+`>; rel="next"`)
	}
	c.json(http.StatusOK, out)
	return nil
}

func (c *call) request() error { return c.answerRequest(c.r.PathValue("reference")) }

func (c *call) answerRequest(reference string) error {
	q, err := c.a.opts.Requests.RequestFor(c.ctx(), c.viewer, reference)
	if err != nil {
		return err
	}
	c.json(http.StatusOK, view.OfRequest(q, c.a.zone))
	return nil
}

// change moves a request to another status.
func (c *call) change() error {
	reference := c.r.PathValue("reference")
	o, err := c.object([]string{"application/json", "application/merge-patch+json"}, "status", "note")
	if err != nil {
		return err
	}
	status := ingest.Status(o.values["status"])
	switch {
	case status == "":
		o.fault("status", "is missing")
	case !slices.Contains(statuses, status):
		o.fault("status", "is one of "+joined(statuses))
	}
	o.atMost("note", maxNote)
	if o.errs != nil {
		return invalid(o.errs)
	}
	if err := c.a.opts.Acts.SetStatus(c.ctx(), c.viewer, reference, status, o.values["note"]); err != nil {
		return err
	}
	if !c.key.May(ingest.ScopeRead) {
		c.status = http.StatusNoContent
		c.w.WriteHeader(c.status)
		return nil
	}
	return c.answerRequest(reference)
}

func joined[S ~string](names []S) string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = string(n)
	}
	return strings.Join(out, ", ")
}

// parameters are those of an address.
type parameters struct {
	values url.Values
	errs   []fieldError
}

// parameters reads those of the address. Others than the known ones are a fault, and so is one
// that stands twice: a filter that is not heeded gives too much.
func (c *call) parameters(known ...string) *parameters {
	p := &parameters{}
	var err error
	if p.values, err = url.ParseQuery(c.r.URL.RawQuery); err != nil {
		p.fault("", "the parameters cannot be read: "+err.Error())
	}
	for name, v := range p.values {
		switch {
		case !slices.Contains(known, name):
			p.fault(name, "is not known here; there are "+strings.Join(known, ", "))
		case len(v) > 1:
			p.fault(name, "stands twice")
		case !utf8.ValidString(v[0]) || strings.ContainsRune(v[0], 0):
			p.fault(name, "is not UTF-8 text")
		}
	}
	slices.SortFunc(p.errs, func(a, b fieldError) int { return strings.Compare(a.Field, b.Field) })
	return p
}

func (p *parameters) get(name string) string { return p.values.Get(name) }

func (p *parameters) fault(name, detail string) {
	if len(p.errs) < maxFaults {
		p.errs = append(p.errs, fieldError{strings.ToValidUTF8(name, "\uFFFD"), detail})
	}
}

// limit is the number of items of a page.
func (p *parameters) limit() int {
	text := p.get("limit")
	if text == "" {
		return defaultLimit
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > maxLimit {
		p.fault("limit", "is a number from 1 to "+strconv.Itoa(maxLimit))
	}
	return n
}
