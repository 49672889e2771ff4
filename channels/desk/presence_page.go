package desk

import (
	"net/http"

	"saisine.fr/saisine/ingest"
)

// presenceLine says who else has a request open.
type presenceLine struct {
	Others []string // names
	Every  int      // seconds after which it is asked again
}

// whoElse notes that a viewer looks at a request, and says who else does.
func (a *Adapter) whoElse(v ingest.Viewer, reference string) presenceLine {
	return presenceLine{a.presence.look(reference, v.Login, v.Name), int(presenceEvery.Seconds())}
}

// servePresence is asked by each open page of a request, again and again.
func (a *Adapter) servePresence(w http.ResponseWriter, r *http.Request, v ingest.Viewer) error {
	reference, err := a.opts.Requests.Visible(r.Context(), v, r.PathValue("ref"))
	if err != nil {
		return err
	}
	return a.fragment(w, v, "demande", "demande-presence", a.whoElse(v, reference))
}
