package desk

import (
	"net/http"

	"saisine.fr/saisine/ingest"
)

// helpRoutes are the pages of help.
func (a *Adapter) helpRoutes(o *router) {
	o.handle("GET /agent/aide", ingest.RoleReader, a.serveHelp)
}

// helpPage is what the page of help shows.
type helpPage struct {
	Roles []roleHelp
	// Email and Phone are those of the town hall, for questions; "" where they are not set.
	Email, Phone string
}

// roleHelp says what a role may do.
type roleHelp struct {
	Role ingest.Role
	Does string
	Mine bool
}

// roleDoes says what each role may do, beside what those before it may.
var roleDoes = map[ingest.Role]string{
	ingest.RoleReader:        "Lit les demandes, les registres et les chiffres.",
	ingest.RoleAgent:         "Traite les demandes, y répond, en saisit de nouvelles, dépose des scans.",
	ingest.RoleManager:       "Reprend d’un coup toute une liste d’échecs, et révoque des liens de suivi.",
	ingest.RoleAdministrator: "Gère les agents, les catégories et les textes, et voit l’état de la machine.",
}

func (a *Adapter) serveHelp(w http.ResponseWriter, r *http.Request, v ingest.Viewer) error {
	body := helpPage{Email: a.opts.Town.Email, Phone: a.opts.Town.Phone}
	for _, role := range ingest.Roles() {
		body.Roles = append(body.Roles, roleHelp{role, roleDoes[role], role == v.Role})
	}
	return a.show(w, r, v, http.StatusOK, "aide", page{Title: "Aide", Section: "aide", Body: body})
}
