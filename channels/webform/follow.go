package webform

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"saisine.fr/saisine/ingest"
)

// Follower knows how submissions fare. It is safe for concurrent use.
type Follower interface {
	// Token returns the follow-up token of the submission with that ledger id. It is
	// the same each time, not guessable, and holds only characters of a URL path.
	Token(ctx context.Context, id string) (string, error)
	// Follow returns where the submission of a token stands, and an error wrapping
	// ingest.ErrNotFound for a token that is none. It works from the moment on at
	// which Submit has returned.
	Follow(ctx context.Context, token string) (Status, error)
}

// Status is what a citizen may know about a submission.
type Status struct {
	// ID is the submission's own number, which exists before it is filed.
	ID         string
	ReceivedAt time.Time
	State      ingest.State
	// Link and Reference say in which request it was filed, and Status how that
	// request fares (new, assigned, in_progress, waiting_citizen, answered, closed).
	Link      ingest.Link
	Reference string
	Status    string
	// Category is the label of the request's category, or "".
	Category string
	// History is what has happened, oldest first, in words fit for the citizen.
	History []Event
}

// Event is one line of a follow-up page.
type Event struct {
	At   time.Time
	Text string
}

// refreshSeconds is how often an open follow-up page asks again until the submission
// is settled. The page offers to stop it (WCAG 2.1, 2.2.2; RGAA 13.1).
const refreshSeconds = 10

// stopRefresh is the query parameter of that offer.
const stopRefresh = "actualisation"

func followPath(token string) string { return "/suivi/" + url.PathEscape(token) }

// followView is what the follow-up page shows.
type followView struct {
	Number, Headline string
	Explain          string
	Reference        string
	Received         string
	ReceivedISO      string
	Category         string
	History          []eventView
	Settled          bool
	Refreshing       bool
	Self, StopURL    string
}

type eventView struct{ At, ISO, Text string }

// serveFollow shows the follow-up page.
func (a *Adapter) serveFollow(w http.ResponseWriter, r *http.Request) {
	token := r.PathValue("token")
	s, err := a.opts.Follow.Follow(r.Context(), token)
	switch {
	case errors.Is(err, ingest.ErrNotFound):
		a.write(w, r, http.StatusNotFound, "message", page{
			Title: "Demande introuvable",
			Body: plainPage{
				Paragraphs: []string{"Cette adresse de suivi ne correspond à aucune demande. Vérifiez que vous l’avez recopiée en entier\u00a0: majuscules et minuscules comptent."},
				BackToForm: true,
			},
		})
		return
	case err != nil:
		a.log.ErrorContext(r.Context(), "follow-up page failed", "error", err)
		setRetryAfter(w, unavailableRetry)
		a.write(w, r, http.StatusServiceUnavailable, "message", page{
			Title: "Service momentanément indisponible",
			Body: plainPage{Paragraphs: []string{
				"Le suivi ne peut pas être affiché pour le moment. Votre demande n’est pas perdue\u00a0: rechargez cette page dans quelques minutes.",
			}},
		})
		return
	}
	v := a.followView(s)
	v.Self = followPath(token)
	v.StopURL = v.Self + "?" + stopRefresh + "=non"
	p := page{Title: "Suivi de votre demande", NoIndex: true}
	if !s.State.Final() && r.URL.Query().Get(stopRefresh) == "" {
		v.Refreshing = true
		p.Refresh = refreshSeconds
	}
	p.Body = v
	w.Header().Set("X-Robots-Tag", "noindex, nofollow")
	a.write(w, r, http.StatusOK, "suivi", p)
}

func (a *Adapter) followView(s Status) followView {
	v := followView{
		Number:      s.ID,
		Reference:   s.Reference,
		Received:    frTime(s.ReceivedAt.In(a.location)),
		ReceivedISO: s.ReceivedAt.In(a.location).Format(time.RFC3339),
		Category:    s.Category,
		Settled:     s.State.Final(),
	}
	v.Headline, v.Explain = describe(s)
	for _, e := range s.History {
		at := e.At.In(a.location)
		v.History = append(v.History, eventView{At: frTime(at), ISO: at.Format(time.RFC3339), Text: e.Text})
	}
	return v
}

// describe puts the state into plain French. Set aside and failed are told apart for
// agents only, but neither is dressed up as filed.
func describe(s Status) (headline, explain string) {
	switch s.State {
	case ingest.StateFiled:
	case ingest.StateFailed:
		return "Reçue, à lire par un agent", "Votre demande est bien arrivée. Elle n’a pas pu être lue automatiquement\u00a0: un agent va la lire lui-même."
	case ingest.StateSetAside:
		return "Reçue", "Votre envoi est bien arrivé et il est conservé. Il n’a pas été classé automatiquement parmi les demandes\u00a0: si vous attendez une réponse, téléphonez à la mairie en indiquant le numéro ci-dessous."
	default:
		return "Reçue", "Votre demande est bien arrivée et elle est conservée. Elle recevra sa référence dans quelques instants."
	}
	switch s.Status {
	case "assigned":
		headline, explain = "Transmise au service compétent", "Votre demande a été confiée au service qui s’en occupe."
	case "in_progress":
		headline, explain = "En cours de traitement", "Un agent s’occupe de votre demande."
	case "waiting_citizen":
		headline, explain = "En attente d’un complément de votre part", "La mairie vous a demandé une précision ou une pièce. Le traitement reprendra à réception."
	case "answered":
		headline, explain = "Une réponse vous a été adressée", "La mairie a répondu à votre demande."
	case "closed":
		headline, explain = "Close", "Le traitement de votre demande est terminé."
	default:
		headline, explain = "Enregistrée", "Votre demande est enregistrée. Elle va être confiée au service compétent."
		if s.Reference != "" {
			headline += " sous la référence " + s.Reference
		}
	}
	switch s.Link {
	case ingest.LinkDuplicate:
		explain += " Vous nous aviez déjà écrit à ce sujet\u00a0: cet envoi a été joint à votre première demande."
	case ingest.LinkFollowUp:
		explain += " Cet envoi a été joint à la demande dont il est la suite."
	}
	return headline, explain
}
