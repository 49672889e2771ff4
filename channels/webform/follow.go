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
	// Follow returns where the submission of a token stands, an error wrapping
	// ingest.ErrNotFound for a token that is none (ingest.ErrEliminated for one whose
	// request was eliminated), and one wrapping ErrRevoked for a
	// token that the town has withdrawn. It works from the moment on at which Submit
	// has returned.
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
	// Receipts is what the town has written, or owes, in the order of the page.
	Receipts []ReceiptLine
	// Deadline is what silence of the town means, and from when on; nil when that
	// cannot be said.
	Deadline *DeadlineLine
	// Service is who handles the matter (CRPA R112-11-1), or nil.
	Service *ServiceLine
	// Pieces is what the town waits for, and PiecesUntil the last day to send it (CRPA
	// R112-11-4), as Day of a DeadlineLine; zero when none was set.
	Pieces      []string
	PiecesUntil time.Time
	// CanAnswer is set when the citizen may add a message or files.
	CanAnswer bool
}

// Event is one line of a follow-up page.
type Event struct {
	At   time.Time
	Text string
}

// ReceiptLine is a receipt or another letter of the town.
type ReceiptLine struct {
	// ID names it in Correspondent.Receipt.
	ID string
	// Label is what it is called, such as "Accusé de réception".
	Label string
	// At is when it came into its state, or zero.
	At time.Time
	// State is sent, bounced, withheld, queued or to_print. Another one is not shown.
	State string
	// Explain says in words for the citizen why it is in that state, or "".
	Explain string
	// Downloadable is set when Correspondent.Receipt has it.
	Downloadable bool
}

// DeadlineLine is a day on which silence takes a meaning.
type DeadlineLine struct {
	// Label is what ends on Day, such as "Réponse de la mairie attendue avant le".
	Label string
	// Explain says what silence means, in words for the citizen.
	Explain string
	// Day is read off in its own time zone: midnight in UTC and midnight in the town
	// show the same day. Zero when there is none.
	Day time.Time
}

// ServiceLine is the service in charge. Empty fields are not shown.
type ServiceLine struct{ Name, Email, Phone, Address string }

// thanks is the query parameter with which a post on the follow-up page comes back.
const thanks = "merci"

func followPath(token string) string { return "/suivi/" + url.PathEscape(token) }

// serveFollow shows the follow-up page.
func (a *Adapter) serveFollow(w http.ResponseWriter, r *http.Request) {
	token := r.PathValue("token")
	s, err := a.opts.Follow.Follow(r.Context(), token)
	if err != nil {
		a.refuseFollow(w, r, err, noMatter)
		return
	}
	v := a.followView(s, token)
	v.Thanks = r.URL.Query().Get(thanks) != ""
	a.write(w, r, http.StatusOK, "suivi", page{Title: "Suivi de votre demande", NoIndex: true, Body: v})
}

// absence says that something is not there.
type absence struct{ title, text string }

var (
	noMatter = absence{
		"Demande introuvable",
		"Cette adresse de suivi ne correspond à aucune demande. Vérifiez que vous l’avez recopiée en entier\u00a0: majuscules et minuscules comptent.",
	}
	noDocument = absence{
		"Document introuvable",
		"Il n’y a pas de document à cette adresse. Vérifiez que vous l’avez recopiée en entier, ou ouvrez-le depuis la page de suivi de votre demande.",
	}
)

// refuseFollow answers a request for a follow-up page, or for what belongs to one, that
// met an error of Follower or Correspondent.
func (a *Adapter) refuseFollow(w http.ResponseWriter, r *http.Request, err error, missing absence) {
	status, title := http.StatusServiceUnavailable, "Service momentanément indisponible"
	var body plainPage
	switch {
	case errors.Is(err, ErrRevoked):
		status, title = http.StatusGone, "Cette adresse de suivi n’est plus valable"
		body.Back = toMainForm
		body.Paragraphs = []string{
			"La mairie a désactivé cette adresse de suivi. Votre demande n’est pas effacée pour autant.",
			"Pour savoir où elle en est, ou pour la compléter, écrivez à la mairie ou téléphonez-lui. Indiquez la référence de votre demande si vous l’avez notée.",
		}
	case errors.Is(err, ingest.ErrEliminated):
		status, title = http.StatusGone, "Demande éliminée"
		body.Back = toMainForm
		body.Paragraphs = []string{
			"Cette demande est close depuis longtemps. La durée pendant laquelle la mairie devait la conserver est écoulée, et elle a été éliminée avec tout ce qu’elle contenait.",
			"Si l’affaire n’est pas terminée, déposez une nouvelle demande ou adressez-vous à la mairie.",
		}
	case errors.Is(err, ingest.ErrNotFound):
		status, title = http.StatusNotFound, missing.title
		body.Back = toMainForm
		body.Paragraphs = []string{missing.text}
	default:
		a.log.ErrorContext(r.Context(), "follow-up page failed", "error", err)
		setRetryAfter(w, unavailableRetry)
		body.Paragraphs = []string{"Le suivi ne peut pas être affiché pour le moment. Votre demande n’est pas perdue\u00a0: rechargez cette page dans quelques minutes."}
	}
	if r.Method == http.MethodPost {
		body.Paragraphs = append(body.Paragraphs, "Ce que vous venez d’envoyer n’a pas été enregistré. Revenez à la page précédente pour retrouver votre texte.")
	}
	a.write(w, r, status, "message", page{Title: title, NoIndex: true, Body: body})
}
