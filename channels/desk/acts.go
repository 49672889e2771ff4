package desk

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"saisine.fr/saisine/ingest"
)

// actRoutes are what is done to a request. Each is a post that leads back to the page of the
// request; what cannot be taken shows the form again with what was typed.
func (a *Adapter) actRoutes(o *router) {
	if a.opts.Acts == nil || a.opts.Requests == nil {
		return
	}
	for _, x := range []struct {
		path string
		need ingest.Role
		do   func(*act) error
	}{
		{"categorie", ingest.RoleAgent, (*act).category},
		{"vue", ingest.RoleAgent, (*act).reviewed},
		{"statut", ingest.RoleAgent, (*act).status},
		{"correction", ingest.RoleAgent, (*act).correct},
		{"affectation", ingest.RoleAgent, (*act).assign},
		{"commentaire", ingest.RoleAgent, (*act).comment},
		{"pieces-demandees", ingest.RoleAgent, (*act).askPieces},
		{"pieces-recues", ingest.RoleAgent, (*act).piecesCame},
		{"transmission", ingest.RoleAgent, (*act).transmit},
		{"detacher", ingest.RoleAgent, (*act).unlink},
		{"rattacher", ingest.RoleAgent, (*act).link},
		{"separer", ingest.RoleAgent, (*act).split},
		{"reunir", ingest.RoleAgent, (*act).merge},
		{"distinguer", ingest.RoleAgent, (*act).apart},
		{"genre", ingest.RoleAgent, (*act).procedure},
		{"liens-revoques", ingest.RoleManager, (*act).revokeLinks},
	} {
		o.handle("POST /agent/demandes/{ref}/"+x.path, x.need, a.act(x.path, x.do))
	}
}

// maxActForm bounds a posted form, in bytes.
const maxActForm = 256 << 10

// filled is a form as it was filled in, and what is wrong with it. The zero value is none.
type filled struct {
	name   string
	values url.Values
	wrong  map[string]string // by field, in the viewer's language; "" is the form itself
}

// act is an act that was posted, while it is done.
type act struct {
	a         *Adapter
	ctx       context.Context //nolint:containedctx // it lives as long as the request
	v         ingest.Viewer
	t         tongue
	reference string
	values    url.Values
	way       way // as it was before the act, after which the request may be in the list no more
	wrong     map[string]string
	// told is what is said afterwards; to is where it leads, "" for the page of the request.
	told, to string
}

// act makes a handler of an act. One that complains or is refused has done nothing.
func (a *Adapter) act(name string, do func(*act) error) handler {
	return func(w http.ResponseWriter, r *http.Request, v ingest.Viewer) error {
		r.Body = http.MaxBytesReader(w, r.Body, maxActForm)
		if err := r.ParseForm(); err != nil {
			return ingest.Refused("the form could not be read; it may be too long")
		}
		reference, err := a.opts.Requests.Visible(r.Context(), v, r.PathValue("ref"))
		if err != nil {
			return err
		}
		p := &act{a: a, ctx: r.Context(), v: v, t: a.pages.tongue(v), reference: reference, values: r.PostForm, wrong: map[string]string{}}
		p.way = a.wayOf(r, v, reference)
		err = do(p)
		var refusal *ingest.RefusalError
		switch {
		case errors.As(err, &refusal):
			p.wrong[""] = p.t.T(refusal.Format, refusal.Args...)
		case err != nil:
			return err
		}
		if len(p.wrong) > 0 {
			return a.showRequest(w, r, v, http.StatusUnprocessableEntity, filled{name, p.values, p.wrong})
		}
		setFlash(w, p.told)
		return redirect(w, r, p.next())
	}
}

// next is where an act leads: on in the list when that was wanted, back to the list when the
// viewer does not see the request any more.
func (p *act) next() string {
	switch {
	case p.to != "":
		return p.to
	case p.values.Has("suite") && p.way.NextURL != "":
		return p.way.NextURL
	case p.values.Has("suite") && p.way.Known:
		return p.way.ListURL
	}
	if _, err := p.a.opts.Requests.Visible(p.ctx, p.v, p.reference); errors.Is(err, ingest.ErrNotFound) {
		return p.way.ListURL
	}
	return requestURL(p.reference, p.values)
}

// complain says what is wrong with a field.
func (p *act) complain(field, key string, args ...any) { p.wrong[field] = p.t.T(key, args...) }

// line returns a field of one line, of up to n characters.
func (p *act) line(field string, n int) string {
	s := strings.Join(strings.Fields(p.values.Get(field)), " ")
	if utf8.RuneCountInString(s) > n {
		p.complain(field, "Trop long\u00a0: %s caractères au plus.", digits(n))
	}
	return s
}

// text returns a field of several lines, of up to n characters.
func (p *act) text(field string, n int) string {
	s := strings.TrimSpace(strings.ReplaceAll(p.values.Get(field), "\r\n", "\n"))
	if utf8.RuneCountInString(s) > n {
		p.complain(field, "Trop long\u00a0: %s caractères au plus.", digits(n))
	}
	return s
}

// whole refuses a form that lacks one of its fields, which would empty what it stands for.
func (p *act) whole(fields ...string) error {
	for _, f := range fields {
		if !p.values.Has(f) {
			return ingest.Refused("the form could not be read")
		}
	}
	return nil
}

// needed complains of a field that is empty.
func (p *act) needed(field, value, key string) {
	if value == "" && p.wrong[field] == "" {
		p.complain(field, key)
	}
}

// ok reports whether nothing was complained of.
func (p *act) ok() bool { return len(p.wrong) == 0 }
