package desk

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"saisine.fr/saisine/ingest"
)

// compareRoutes put two requests side by side.
func (a *Adapter) compareRoutes(o *router) {
	if a.opts.Requests == nil {
		return
	}
	o.handle("GET /agent/demandes/{ref}/comparer", ingest.RoleReader, a.serveComparer)
	o.handle("GET /agent/demandes/{ref}/comparer/{other}", ingest.RoleReader, a.serveCompare)
}

// comparePage is two requests side by side.
type comparePage struct {
	One, Other side
	Lines      []compareLine
	// Score and Why are of the suggestion; Why is "" where there is none.
	Score float64
	Why   string
	// KindName says what the other one is.
	KindName string
	Way      way
	Back     string
	May      bool
}

// side is one of the two.
type side struct {
	Q    ingest.Request
	URL  string
	At   time.Time
	Text []diffPart
}

// compareLine is one thing that both say.
type compareLine struct {
	Name       string
	One, Other string
	Same       bool
}

// serveComparer takes the number that was typed of the request to compare with.
func (a *Adapter) serveComparer(w http.ResponseWriter, r *http.Request, v ingest.Viewer) error {
	p := &act{a: a, ctx: r.Context(), v: v, t: a.pages.tongue(v), values: r.URL.Query(), wrong: map[string]string{}}
	other, err := p.otherRequest("autre")
	switch {
	case err != nil:
		return err
	case !p.ok():
		return a.showRequest(w, r, v, http.StatusUnprocessableEntity, filled{"comparer", p.values, p.wrong})
	}
	location := "/agent/demandes/" + url.PathEscape(r.PathValue("ref")) + "/comparer/" + url.PathEscape(other)
	if on := knownWay(r).lead(url.Values{}); len(on) > 0 {
		location += "?" + on.Encode()
	}
	return redirect(w, r, location)
}

// serveCompare shows two requests side by side, with what differs marked.
func (a *Adapter) serveCompare(w http.ResponseWriter, r *http.Request, v ingest.Viewer) error {
	ctx, t := r.Context(), a.pages.tongue(v)
	var p comparePage
	for _, x := range []struct {
		name string
		side *side
	}{{"ref", &p.One}, {"other", &p.Other}} {
		q, err := a.opts.Requests.Request(ctx, v, r.PathValue(x.name))
		if err != nil {
			return err
		}
		if err := a.saw(ctx, v, ingest.AccessRequest, q.Reference); err != nil {
			return err
		}
		*x.side = side{Q: q, URL: requestURL(q.Reference, r.URL.Query()), At: q.OpenedAt}
	}
	if p.One.Q.Reference == p.Other.Q.Reference {
		return redirect(w, r, p.One.URL) // merged meanwhile
	}
	texts, err := a.openingWords(ctx, v, p.One.Q, p.Other.Q)
	if err != nil {
		return err
	}
	p.One.Text, p.Other.Text = diffWords(texts[0], texts[1])
	p.Lines = compareLines(t, a.opts.Facts.Categories(), p.One.Q, p.Other.Q)
	for _, s := range p.One.Q.Suggestions {
		if s.Reference == p.Other.Q.Reference {
			p.Score, p.Why, p.KindName = s.Score, s.Why, t.suggestion(s.Kind)
		}
	}
	p.Way = knownWay(r)
	p.Back = p.One.URL
	p.May = v.May(ingest.RoleAgent) && a.opts.Acts != nil
	title := t.T("Comparer %s et %s", p.One.Q.Reference, p.Other.Q.Reference)
	return a.show(w, r, v, http.StatusOK, "comparer", page{Title: title, Section: "demandes", Wide: true, Body: p})
}

// openingWords returns what the openings of requests say, cut to what can be shown.
func (a *Adapter) openingWords(ctx context.Context, v ingest.Viewer, requests ...ingest.Request) ([]string, error) {
	out := make([]string, len(requests))
	for i, q := range requests {
		for _, s := range q.Submissions {
			if s.Link != ingest.LinkOpens {
				continue
			}
			rec, err := a.opts.Requests.Submission(ctx, v, s.ID)
			if err != nil {
				return nil, err
			}
			if rec.Reading != nil {
				out[i], _ = cutText(rec.Reading.Words())
			}
		}
	}
	return out, nil
}

// compareLines puts the facts of two requests beside each other.
func compareLines(t tongue, all []Category, one, other ingest.Request) []compareLine {
	channels := func(q ingest.Request) string {
		var names []string
		for _, c := range channelsOf(q) {
			names = append(names, t.Channel(c))
		}
		return strings.Join(names, ", ")
	}
	var out []compareLine
	for _, x := range []struct {
		name string
		of   func(ingest.Request) string
	}{
		{"Objet", func(q ingest.Request) string { return q.Subject }},
		{"Nom", func(q ingest.Request) string { return q.Sender.Name }},
		{"Courriel", func(q ingest.Request) string { return q.Sender.Email }},
		{"Téléphone", func(q ingest.Request) string { return q.Sender.Phone }},
		{"Adresse", func(q ingest.Request) string { return q.Sender.Address }},
		{"Lieu", func(q ingest.Request) string { return q.Place }},
		{"Reçue le", func(q ingest.Request) string { return t.Time(q.OpenedAt) }},
		{"Canal", channels},
		{"Catégorie", func(q ingest.Request) string { return categoryOf(all, q.Category).Label }},
		{"Service", func(q ingest.Request) string { return q.Service }},
		{"Statut", func(q ingest.Request) string { return t.Status(q.Status) }},
	} {
		l := compareLine{Name: t.T(x.name), One: x.of(one), Other: x.of(other)}
		if l.One == "" && l.Other == "" {
			continue
		}
		l.Same = strings.EqualFold(strings.TrimSpace(l.One), strings.TrimSpace(l.Other))
		out = append(out, l)
	}
	return out
}
