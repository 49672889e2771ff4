package webform

import (
	"net/http"
)

// Register puts the form's routes on mux: the form itself ("/" only, not what lies
// below it), /demandes, /suivi/TOKEN and what lies below it, the two legal pages and the style sheet.
func (a *Adapter) Register(mux *http.ServeMux) {
	mux.HandleFunc("GET /{$}", a.serveForm)
	mux.HandleFunc("POST /demandes", func(w http.ResponseWriter, r *http.Request) { a.servePost(w, r, a.main) })
	mux.HandleFunc("GET /demandes", func(w http.ResponseWriter, r *http.Request) {
		redirect(w, "/") // somebody reloads or bookmarks the address of the post
	})
	mux.HandleFunc("GET /suivi/{token}", a.serveFollow)
	if a.opts.Correspondent != nil {
		mux.HandleFunc("POST /suivi/{token}", func(w http.ResponseWriter, r *http.Request) {
			a.servePost(w, r, a.answerForm(r.PathValue("token")))
		})
		mux.HandleFunc("GET /suivi/{token}/accuses/{id}", a.serveReceipt)
	}
	mux.HandleFunc("GET /accessibilite", func(w http.ResponseWriter, r *http.Request) {
		a.write(w, r, http.StatusOK, "accessibilite", page{Title: "Accessibilité"})
	})
	mux.HandleFunc("GET /donnees-personnelles", func(w http.ResponseWriter, r *http.Request) {
		a.write(w, r, http.StatusOK, "donnees", page{Title: "Données personnelles"})
	})
	for _, asset := range a.pages.assets {
		mux.HandleFunc("GET "+asset.Path, func(w http.ResponseWriter, r *http.Request) {
			secure(w.Header())
			asset.ServeHTTP(w, r)
		})
	}
}

// Handler returns the form's routes with a page for every other address.
func (a *Adapter) Handler() http.Handler {
	mux := http.NewServeMux()
	a.Register(mux)
	mux.HandleFunc("/", a.NotFound)
	return mux
}

// NotFound answers with the town's own 404 page. The owner of a larger mux may mount
// it on "/".
func (a *Adapter) NotFound(w http.ResponseWriter, r *http.Request) {
	a.write(w, r, http.StatusNotFound, "message", page{
		Title: "Page introuvable",
		Body: plainPage{
			Paragraphs: []string{
				"Cette adresse ne correspond à aucune page. Si vous l’avez recopiée, vérifiez qu’elle est complète.",
			},
			Back: toMainForm,
		},
	})
}

// The values are shared between all responses; net/http only reads them.
var (
	headerCSP = []string{"default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"}
	// The follow-up address is a capability, and the form's own address is of no use
	// to others: nothing is told to any site that a page links to.
	headerReferrer = []string{"no-referrer"}
	headerNosniff  = []string{"nosniff"}
	headerNoRobots = []string{"noindex, nofollow"}
	headerNoStore  = []string{"no-store"}
	headerHTML     = []string{"text/html; charset=utf-8"}
)

// secure sets the headers that every response carries.
func secure(h http.Header) {
	h["Content-Security-Policy"] = headerCSP
	h["Referrer-Policy"] = headerReferrer
	h["X-Content-Type-Options"] = headerNosniff
}

// redirect answers 303 without a body: after a post the browser fetches the page
// with GET, so that reloading it never posts again (RFC 9110 §15.4.4).
func redirect(w http.ResponseWriter, location string) {
	h := w.Header()
	secure(h)
	h["Cache-Control"] = headerNoStore
	h["Location"] = []string{location}
	w.WriteHeader(http.StatusSeeOther)
}
