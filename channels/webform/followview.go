package webform

import (
	"html/template"
	"strings"
	"time"

	"saisine.fr/saisine/ingest"
)

// followView is what the follow-up page shows.
type followView struct {
	Thanks           bool
	Headline         string
	Explain          string
	Number           string
	Reference        string
	Received         moment
	Category         string
	Pieces           []string
	PiecesUntil      *moment
	Deadline         *deadlineView
	Receipts         []receiptView
	History          []eventView
	Service          *ServiceLine
	ServicePhoneLink template.URL
	Settled          bool
	Self             string
	Answer           *formView // nil: nothing can be added
}

// moment is a time for people and for programs.
type moment struct{ Text, ISO string }

type eventView struct {
	At   moment
	Text string
}

type deadlineView struct {
	Label, Explain string
	Day            *moment
}

type receiptView struct {
	Label, State, Explain string
	Trouble               bool
	At                    *moment
	URL                   string // "": cannot be downloaded
}

// receiptStates are the states of a ReceiptLine in words.
var receiptStates = map[string]string{
	"sent":     "Envoyé",
	"bounced":  "Revenu sans avoir été distribué",
	"withheld": "Non envoyé",
	"queued":   "En cours d’envoi",
	"to_print": "À envoyer par courrier",
}

func (a *Adapter) followView(s Status, token string) followView {
	v := followView{
		Number:      s.ID,
		Reference:   s.Reference,
		Received:    a.moment(s.ReceivedAt),
		Category:    s.Category,
		Pieces:      s.Pieces,
		PiecesUntil: day(s.PiecesUntil),
		Service:     s.Service,
		Settled:     s.State.Final(),
		Self:        followPath(token),
	}
	v.Headline, v.Explain = describe(s)
	if d := s.Deadline; d != nil {
		v.Deadline = &deadlineView{Label: d.Label, Explain: d.Explain, Day: day(d.Day)}
	}
	if s.Service != nil {
		v.ServicePhoneLink = phoneLink(s.Service.Phone)
	}
	for _, l := range s.Receipts {
		v.Receipts = append(v.Receipts, a.receiptView(l, token))
	}
	for _, e := range s.History {
		v.History = append(v.History, eventView{At: a.moment(e.At), Text: e.Text})
	}
	if s.CanAnswer && a.opts.Correspondent != nil {
		answer := a.formView(a.answerForm(token), nil, a.now())
		v.Answer = &answer
	}
	return v
}

func (a *Adapter) receiptView(l ReceiptLine, token string) receiptView {
	v := receiptView{Label: l.Label, State: receiptStates[l.State], Explain: l.Explain, Trouble: l.State == "bounced"}
	if !l.At.IsZero() {
		at := a.moment(l.At)
		v.At = &at
	}
	if l.Downloadable && a.opts.Correspondent != nil {
		v.URL = receiptPath(token, l.ID)
	}
	return v
}

// moment writes t as the town's clocks show it.
func (a *Adapter) moment(t time.Time) moment {
	t = t.In(a.location)
	return moment{Text: frTime(t), ISO: t.Format(time.RFC3339)}
}

// day writes the day of t in t's own zone, nil for the zero time. In the town's zone a
// midnight in UTC would fall on the day before, west of Greenwich.
func day(t time.Time) *moment {
	if t.IsZero() {
		return nil
	}
	return &moment{Text: frDay(t), ISO: t.Format(time.DateOnly)}
}

// phoneLink returns a tel: address (RFC 3966) for a text that is one number and
// nothing else, and "" for any other. An international number has 15 digits at most
// (ITU-T E.164), a short one three.
func phoneLink(phone string) template.URL {
	var digits []byte
	for i, r := range strings.TrimSpace(phone) {
		switch {
		case r >= '0' && r <= '9', r == '+' && i == 0:
			digits = append(digits, byte(r))
		case strings.ContainsRune(" .-\u00a0\u202f", r):
		default:
			return ""
		}
	}
	if n := len(digits); n < 3 || n > 16 {
		return ""
	}
	return template.URL("tel:" + string(digits)) //nolint:gosec // digits and a plus only
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
