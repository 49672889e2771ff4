package open311

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"saisine.fr/saisine/ingest"
)

const (
	// spanDays and maxRequests bound a list (GeoReport v2, GET Service Requests: "90 days or
	// first 1000 requests returned, whichever is smallest").
	spanDays    = 90
	maxRequests = 1000
	// maxLooked bounds how many requests are looked at for one list: most of a town's are no
	// reports of public space.
	maxLooked = 20 * maxRequests
	// maxList bounds the entries of a list in bytes, about.
	maxList = 2 << 20
	// maxValues is how many values an argument may have.
	maxValues = 100
)

func (a *Adapter) request(ctx context.Context, reference string) (answer, *failure) {
	list, fail := a.named(ctx, []string{reference})
	if fail != nil {
		return answer{}, fail
	}
	if len(list) == 0 {
		// What is not public does not exist here: nobody learns which references are in use.
		return answer{}, failed(http.StatusNotFound, "service_request_id\u00a0: il n’y a pas de signalement public «\u00a0%s\u00a0».", shown(reference))
	}
	return listed(list), nil
}

// requests answers with a list. Few are made at a time, and each is written before the next has
// its turn, so that what they hold is bounded; who reads slowly keeps nobody waiting.
func (a *Adapter) requests(ctx context.Context, c call) (answer, *failure) {
	leave, fail := a.listTurn(ctx)
	if fail != nil {
		return answer{}, fail
	}
	defer leave()
	list, fail := a.list(ctx, c.query)
	if fail != nil {
		return answer{}, fail
	}
	body, err := encode(c.format, listed(list))
	if err != nil {
		return answer{}, a.house(ctx, "requests", err)
	}
	return answer{encoded: body}, nil
}

func (a *Adapter) list(ctx context.Context, params url.Values) ([]entry, *failure) {
	ids, ok := split(params["service_request_id"], maxValues)
	if !ok {
		return nil, tooMany("service_request_id")
	}
	if len(ids) > 0 {
		return a.named(ctx, ids)
	}
	now := a.now()
	p := a.publisher()
	q, fail := a.query(params, now, p.catalogue)
	if fail != nil {
		return nil, fail
	}
	found, err := a.found(ctx, q, p)
	if err != nil {
		return nil, a.house(ctx, "requests", err)
	}
	list := []entry{}
	for room := maxList; len(found) > 0; found = found[1:] {
		e, ok := p.publish(found[0])
		if !ok {
			continue
		}
		if room -= e.weight(); room < 0 {
			break
		}
		list = append(list, e)
	}
	return list, nil
}

// found collects the public requests that q asks for, newest first, and no more than a list may
// hold. Masking them is left to the caller: the book is held open meanwhile.
func (a *Adapter) found(ctx context.Context, q Query, p publisher) ([]Report, error) {
	if len(q.Categories) == 0 {
		return nil, nil
	}
	var list []Report
	looked, room := 0, maxList
	err := a.opts.Book.Reports(ctx, q, func(r Report) bool {
		if p.public(r) && q.holds(r) {
			r = r.lean()
			room -= entryMarkup + weight(r.Text) + weight(r.Place)
			list = append(list, r)
		}
		looked++
		return len(list) < maxRequests && looked < maxLooked && room > 0
	})
	return list, err
}

// named returns those of the requests that are public, each once, in the order of the call.
func (a *Adapter) named(ctx context.Context, references []string) ([]entry, *failure) {
	p := a.publisher()
	list := []entry{}
	for _, reference := range references {
		r, err := a.opts.Book.Report(ctx, reference)
		if errors.Is(err, ingest.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, a.house(ctx, "request", err)
		}
		e, ok := p.publish(r.lean())
		if ok && !slices.ContainsFunc(list, func(o entry) bool { return o.ID == e.ID }) {
			list = append(list, e)
		}
	}
	return list, nil
}

// holds reports whether r is one that q asks for: what is shown must be what was asked for,
// however the book goes about it.
func (q Query) holds(r Report) bool {
	return !r.OpenedAt.Before(q.From) && !r.OpenedAt.After(q.To) && slices.Contains(q.Categories, r.Category) &&
		(q.Closed && Closed(r.Status) || q.Open && !Closed(r.Status))
}

// query reads the arguments of GET Service Requests. An empty one is none (GeoReport v2,
// Optional Arguments).
func (a *Adapter) query(params url.Values, now time.Time, c *catalogue) (Query, *failure) {
	fail := &failure{status: http.StatusBadRequest}
	codes, ok := split(params["service_code"], maxValues)
	if !ok {
		return Query{}, tooMany("service_code")
	}
	q := Query{Categories: codes}
	for _, code := range q.Categories {
		if c.service(code) == nil {
			fail.add(http.StatusBadRequest, "service_code\u00a0: «\u00a0%s\u00a0» n’existe pas. Les codes sont dans services.xml.", shown(code))
		}
	}
	if len(q.Categories) == 0 {
		q.Categories = c.codes
	}
	statuses, ok := split(params["status"], maxValues)
	if !ok {
		return Query{}, tooMany("status")
	}
	for _, word := range statuses {
		switch strings.ToLower(word) {
		case statusOpen:
			q.Open = true
		case statusClosed:
			q.Closed = true
		default:
			fail.add(http.StatusBadRequest, "status\u00a0: «\u00a0%s\u00a0» n’est ni open ni closed.", shown(word))
		}
	}
	if !q.Open && !q.Closed {
		q.Open, q.Closed = true, true
	}
	start, _ := a.moment(params, "start_date", fail)
	end, wholeDay := a.moment(params, "end_date", fail)
	switch {
	case start.IsZero() && end.IsZero():
		start, end = now.AddDate(0, 0, -spanDays), now
	case start.IsZero():
		start = end.AddDate(0, 0, -spanDays)
	case end.IsZero():
		end = start.AddDate(0, 0, spanDays)
	case end.Before(start):
		fail.add(http.StatusBadRequest, "end_date est avant start_date.")
	case end.After(start.In(a.opts.Location).AddDate(0, 0, spanDays)):
		fail.add(http.StatusBadRequest, "start_date et end_date sont à plus de 90 jours l’un de l’autre\u00a0: demandez une période après l’autre.")
	}
	if wholeDay {
		end = end.AddDate(0, 0, 1).Add(-time.Nanosecond)
	}
	q.From, q.To = start, end
	if len(fail.problems) > 0 {
		return q, fail
	}
	return q, nil
}

// moments are how dates may be written (www.w3.org/TR/NOTE-datetime), the standard's form first.
var moments = []string{time.RFC3339Nano, "2006-01-02T15:04Z07:00", time.DateOnly}

// moment reads the argument of this name; zero when there is none. wholeDay is set when it gives
// a day without an hour.
func (a *Adapter) moment(params url.Values, name string, fail *failure) (t time.Time, wholeDay bool) {
	raw := strings.TrimSpace(params.Get(name))
	if raw == "" {
		return time.Time{}, false
	}
	// The + of an offset that was not escaped arrives as a space.
	s := strings.ReplaceAll(raw, " ", "+")
	for _, layout := range moments {
		if t, err := time.ParseInLocation(layout, s, a.opts.Location); err == nil && t.Year() > 0 {
			return t, layout == time.DateOnly
		}
	}
	fail.add(http.StatusBadRequest, "%s\u00a0: «\u00a0%s\u00a0» n’est pas une date. Écrivez-la comme 2026-01-31T00:00:00Z ou 2026-01-31T00:00:00%%2B01:00.", name, shown(raw))
	return time.Time{}, false
}

// split reads an argument that may be given several times, and hold several values with commas
// between. It is not ok when there are more than max different ones.
func split(raw []string, max int) (list []string, ok bool) {
	seen := map[string]bool{}
	for _, s := range raw {
		for part := range strings.SplitSeq(s, ",") {
			if part = strings.TrimSpace(part); part == "" || seen[part] {
				continue
			}
			if len(list) == max {
				return nil, false
			}
			seen[part] = true
			list = append(list, part)
		}
	}
	return list, true
}

func tooMany(name string) *failure {
	return failed(http.StatusBadRequest, "%s\u00a0: %d valeurs au plus par appel. Répartissez-les sur plusieurs appels.", name, maxValues)
}
