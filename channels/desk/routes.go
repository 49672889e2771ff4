package desk

import (
	"errors"
	"log/slog"
	"net/http"

	"saisine.fr/saisine/channels"
	"saisine.fr/saisine/ingest"
)

// contentPolicy lets a page use what is ours and nothing else: no inline script or style, no
// other host (CSP Level 3).
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// secure sets the headers that every response carries.
func secure(h http.Header) {
	h.Set("Content-Security-Policy", contentPolicy)
	h.Set("Referrer-Policy", "same-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("X-Robots-Tag", "noindex, nofollow")
	h.Set("Cache-Control", "no-store")
}

// handler answers a viewer. An error that it returns is shown by fail; then it must not have
// written anything.
type handler func(w http.ResponseWriter, r *http.Request, v ingest.Viewer) error

// router puts handlers on a mux, each with the least role that it asks for.
type router struct {
	a   *Adapter
	mux *http.ServeMux
	// needs is the role of each pattern, for the test of rights.
	needs map[string]ingest.Role
}

// handle answers pattern to viewers of at least the role need; "" is for everybody, who may
// then be nobody.
func (o *router) handle(pattern string, need ingest.Role, h handler) {
	o.needs[pattern] = need
	o.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		v, known := o.a.identify(r)
		switch {
		case need == "":
		case !known:
			o.a.sendToLogin(w, r)
			return
		case !v.May(need):
			o.a.forbidden(w, r, v)
			return
		}
		if err := h(w, r, v); err != nil {
			o.a.fail(w, r, v, err)
		}
	})
}

// routes puts all pages on a mux. Each group registers its own.
func (a *Adapter) routes() *router {
	o := &router{a: a, mux: http.NewServeMux(), needs: map[string]ingest.Role{}}
	for _, s := range append([]channels.Asset{a.pages.style, a.pages.icon}, a.pages.scripts...) {
		o.mux.Handle("GET "+s.Path, s)
	}
	for _, register := range []func(*router){
		a.loginRoutes, a.accountRoutes, a.userRoutes,
		a.listRoutes, a.requestRoutes, a.actRoutes, a.compareRoutes, a.fileRoutes, a.replyRoutes,
		a.counterRoutes, a.paperRoutes, a.failureRoutes, a.figureRoutes, a.textRoutes, a.machineRoutes, a.partnerRoutes, a.helpRoutes,
	} {
		register(o)
	}
	o.handle("/agent/", ingest.RoleReader, func(http.ResponseWriter, *http.Request, ingest.Viewer) error { return ingest.ErrNotFound })
	return o
}

// Rights returns the least role that each page asks for, by its pattern (net/http.ServeMux);
// "" is for everybody.
func (a *Adapter) Rights() map[string]ingest.Role { return a.routes().needs }

// Handler returns the desk under /agent/.
func (a *Adapter) Handler() http.Handler {
	o := a.routes()
	protection := http.NewCrossOriginProtection()
	inner := protection.Handler(a.login.sessions(o.mux))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		secure(w.Header())
		inner.ServeHTTP(w, r)
	})
}

// redirect answers 303: after a post the browser fetches the page with GET, so that reloading
// it never posts again (RFC 9110 §15.4.4).
func redirect(w http.ResponseWriter, r *http.Request, location string) error {
	http.Redirect(w, r, location, http.StatusSeeOther)
	return nil
}

// messagePage is a page of a few sentences.
type messagePage struct{ Paragraphs []string }

func (a *Adapter) forbidden(w http.ResponseWriter, r *http.Request, v ingest.Viewer) {
	a.tell(w, r, v, http.StatusForbidden, "Vous n’avez pas le droit de faire cela",
		"Votre rôle ne permet pas cette action. Demandez à un administrateur si vous en avez besoin.")
}

// tell shows a page of sentences of the catalogue.
func (a *Adapter) tell(w http.ResponseWriter, r *http.Request, v ingest.Viewer, status int, title string, sentences ...string) {
	t := a.pages.tongue(v)
	var body messagePage
	for _, s := range sentences {
		body.Paragraphs = append(body.Paragraphs, t.T(s))
	}
	if err := a.show(w, r, v, status, "message", page{Title: title, Body: body, Bare: v.Login == ""}); err != nil {
		a.log.LogAttrs(r.Context(), slog.LevelError, "page not shown", slog.Any("err", err))
		http.Error(w, t.T("Erreur interne"), http.StatusInternalServerError)
	}
}

// fail shows what went wrong.
func (a *Adapter) fail(w http.ResponseWriter, r *http.Request, v ingest.Viewer, err error) {
	t := a.pages.tongue(v)
	var refusal *ingest.RefusalError
	switch {
	case errors.Is(err, ingest.ErrNotFound):
		a.tell(w, r, v, http.StatusNotFound, "Page introuvable", "Cette adresse ne correspond à rien que vous puissiez voir.")
	case errors.As(err, &refusal):
		a.tell(w, r, v, http.StatusConflict, "Impossible en l’état", t.T(refusal.Format, refusal.Args...), "Rien n’a été changé. Revenez à la page précédente.")
	case errors.Is(err, ingest.ErrRefused):
		a.tell(w, r, v, http.StatusConflict, "Impossible en l’état", "Rien n’a été changé. Revenez à la page précédente.")
	case errors.Is(err, ingest.ErrUnavailable):
		a.log.LogAttrs(r.Context(), slog.LevelWarn, "page not available", slog.String("page", r.Pattern), slog.Any("err", err))
		w.Header().Set("Retry-After", "10")
		a.tell(w, r, v, http.StatusServiceUnavailable, "Service momentanément indisponible", "La base de données ne répond pas. Rien n’est perdu : réessayez dans un instant.")
	case r.Context().Err() != nil:
		// The browser has gone: there is nobody to tell.
	default:
		a.log.LogAttrs(r.Context(), slog.LevelError, "page failed", slog.String("path", r.URL.Path), slog.Any("err", err))
		a.tell(w, r, v, http.StatusInternalServerError, "Erreur interne", "L’incident est noté dans le journal du service. Rien n’est perdu : réessayez dans un instant.")
	}
}
