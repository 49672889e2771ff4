package desk

import (
	"net/http"

	"saisine.fr/saisine/ingest"
)

// login knows who asks.
type login struct{ a *Adapter }

func newLogin(a *Adapter) (*login, error) { return &login{a}, nil }

// viewer says who asks.
func (l *login) viewer(r *http.Request) (ingest.Viewer, bool) { return ingest.Viewer{}, false }

func (l *login) sessions(next http.Handler) http.Handler { return next }

func (a *Adapter) sendToLogin(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, "/agent/connexion", http.StatusSeeOther)
}

func (a *Adapter) loginRoutes(o *router) {}
