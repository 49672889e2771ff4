package desk

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"saisine.fr/saisine/ingest"
)

// historyLine is an event in words.
type historyLine struct {
	At   time.Time
	Who  string
	Text string
	// More are further lines: reasons, what was corrected. Words are somebody's own.
	More  []string
	Words string
	Undo  *undo
}

// undo takes a move back by another one.
type undo struct {
	// Reference is the request on which the act is done, Act its path.
	Reference, Act string
	Pieces         []string // of separer
	Into           string   // of reunir
	About          string   // the other request
}

// teller puts the events of one request into words.
type teller struct {
	tongue
	reference  string
	names      map[string]string // of agents, by login
	categories []Category
}

// historyLines tells the events of a request, newest first.
func historyLines(t teller, q ingest.Request, events []ingest.Event, may bool) []historyLine {
	var out []historyLine
	undone := map[string]bool{}
	for _, e := range slices.Backward(events) {
		text, more := t.eventText(e)
		l := historyLine{At: e.At, Who: t.actor(e.Actor), Text: text, More: more, Words: eventWords(e)}
		if u := undoable(e, q); may && u != nil && !undone[u.About] {
			l.Undo = u
			undone[u.About] = true // an earlier move between the two cannot be taken back by itself
		}
		out = append(out, l)
	}
	return out
}

// undoOf finds what takes back the merge of a request.
func undoOf(history []historyLine, from string) *undo {
	for _, l := range history {
		if l.Undo != nil && l.Undo.Act == "separer" && l.Undo.About == from {
			return l.Undo
		}
	}
	return nil
}

// undoable says how a move can be taken back; nil when it is no move, or things have moved on.
func undoable(e ingest.Event, q ingest.Request) *undo {
	d := e.Detail
	switch e.Kind {
	case "request.linked", "request.merged":
		// What came in goes back where it was, when all of it is here still.
		if d.To != q.Reference || d.From == "" || d.From == d.To || len(d.Submissions) == 0 {
			return nil
		}
		for _, id := range d.Submissions {
			if !slices.ContainsFunc(q.Submissions, func(s ingest.RequestSubmission) bool { return s.ID == id && s.Link != ingest.LinkOpens }) {
				return nil
			}
		}
		if e.Kind == "request.merged" && !slices.Contains(q.MergedFrom, d.From) {
			return nil
		}
		return &undo{Reference: q.Reference, Act: "separer", Pieces: d.Submissions, About: d.From}
	case "request.unlinked", "request.split":
		// What was taken out comes back with the request that it is in, when that is not
		// here already.
		if d.From != q.Reference || d.To == "" || slices.Contains(q.MergedFrom, d.To) ||
			slices.ContainsFunc(q.Submissions, func(s ingest.RequestSubmission) bool { return slices.Contains(d.Submissions, s.ID) }) {
			return nil
		}
		return &undo{Reference: d.To, Act: "reunir", Into: q.Reference, About: d.To}
	}
	return nil
}

// actor names who did something.
func (t teller) actor(actor string) string {
	if login, ok := strings.CutPrefix(actor, ingest.ActorAgent); ok {
		return personName(t.names, login)
	}
	if name, ok := strings.CutPrefix(actor, ingest.ActorKey); ok {
		return t.T("%s (programme)", name)
	}
	if name, ok := strings.CutPrefix(actor, ingest.ActorConnector); ok {
		return name
	}
	if user, ok := strings.CutPrefix(actor, "cli:"); ok {
		return t.T("%s (ligne de commande)", user)
	}
	return actor
}

// eventWords are what somebody wrote themselves.
func eventWords(e ingest.Event) string {
	if e.Kind == "request.comment" {
		return e.Detail.Text
	}
	return e.Detail.Note
}

// eventText tells an event of a request in a sentence, with further lines.
func (t teller) eventText(e ingest.Event) (string, []string) {
	d := e.Detail
	if key, ok := mailEvents[e.Kind]; ok {
		return t.T(key, t.T(mailName(ingest.MailKind(d.Kind)))), known(d.Reason)
	}
	switch e.Kind {
	case "request.duplicate", "request.follow_up":
		return t.T(plainEvents[e.Kind]), d.Reasons
	case "submission.set_aside", "submission.failed", "submission.held":
		return t.T(plainEvents[e.Kind]), known(d.Reason)
	case "request.linked", "request.unlinked", "request.split", "request.merged", "request.apart":
		return t.moveEvent(e), nil
	case "request.categorized":
		return t.categoryEvent(d), nil
	case "request.status":
		return t.T("Statut\u00a0: de «\u00a0%s\u00a0» à «\u00a0%s\u00a0».", t.Status(d.OldStatus), t.Status(d.NewStatus)), nil
	case "request.assigned":
		return t.T("Confiée au service %s.", d.Service), nil
	case "request.assigned_to":
		return t.assignedEvent(d), nil
	case "request.reopened":
		return t.T("Reprise\u00a0: le citoyen a écrit de nouveau (elle était «\u00a0%s\u00a0»).", t.Status(d.OldStatus)), nil
	case "request.pieces_asked":
		return t.T("Pièces demandées jusqu’au %s.", t.CalendarDay(d.Until)), d.Pieces
	case "request.transmitted":
		return t.T("Transmise à %s.", d.To), nil
	case "request.handover":
		return t.T("À transmettre à %s.", d.To), nil
	case "request.handed_over":
		return t.T("Transmise à %s\u00a0: dossier %s.", d.To, d.Number), nil
	case "request.handover_status":
		return t.T("%s\u00a0: le dossier est «\u00a0%s\u00a0».", d.Service, d.To), nil
	case "request.procedure":
		return t.procedureEvent(e), nil
	case "request.corrected":
		return t.T("Corrigée."), t.corrections(d)
	case "request.replied":
		return t.repliedEvent(d), nil
	}
	if key, ok := plainEvents[e.Kind]; ok {
		return t.T(key), nil
	}
	return t.T("Événement «\u00a0%s\u00a0»", e.Kind), nil
}

// plainEvents are those of which there is nothing more to say.
var plainEvents = map[string]string{
	"request.opened":       "Demande enregistrée.",
	"request.duplicate":    "Un envoi s’est ajouté\u00a0: doublon.",
	"request.follow_up":    "Un envoi s’est ajouté\u00a0: suite.",
	"request.pieces_came":  "Pièces complètes.",
	"request.link_revoked": "Liens de suivi révoqués.",
	"request.comment":      "Note interne.",
	"mail.counter_receipt": "Récépissé demandé par courriel.",
	"failure.dealt_with":   "Un échec a été réglé.",
	"delivery.retried":     "Une livraison qui avait échoué a été reprise.",
	"submission.set_aside": "Un envoi a été mis de côté.",
	"submission.failed":    "Le traitement d’un envoi a échoué.",
	"submission.retried":   "Un envoi a été repris.",
	"submission.held":      "L’antivirus a retenu un envoi.",
	"submission.released":  "Un envoi retenu par l’antivirus a été libéré.",
	"submission.collated":  "Des pages ont été réunies en un courrier.",
}

// mailEvents are about a mail, whose name they take.
var mailEvents = map[string]string{
	"mail.sent": "%s\u00a0: envoyé.", "mail.failed": "%s\u00a0: l’envoi a échoué.", "mail.bounced": "%s\u00a0: non remis.",
	"mail.withheld": "%s\u00a0: non envoyé.", "mail.printed": "%s\u00a0: imprimé.", "mail.released": "%s\u00a0: à envoyer malgré tout.",
}

// moveEvent tells a move from the side of the request whose history it is. A reference that is
// hidden from the viewer is "".
func (t teller) moveEvent(e ingest.Event) string {
	d := e.Detail
	other, came := d.From, d.To == t.reference
	if !came {
		other = d.To
	}
	if other == "" {
		other = t.T("une autre demande")
	}
	switch {
	case e.Kind == "request.apart":
		return t.T("Ce n’est pas la même affaire que %s.", other)
	case e.Kind == "request.linked" && d.From == d.To:
		return t.T("Rattachement changé.")
	case e.Kind == "request.merged" && came:
		return t.T("%s est réunie à cette demande.", other)
	case e.Kind == "request.merged":
		return t.T("Réunie à %s.", other)
	case e.Kind == "request.linked" && came:
		return t.T("Des pièces sont venues de %s.", other)
	case e.Kind == "request.linked":
		return t.T("Des pièces sont passées dans %s.", other)
	case came && d.Restored:
		return t.T("Rétablie\u00a0: ses pièces sont sorties de %s.", other)
	case came:
		return t.T("Ouverte par des pièces sorties de %s.", other)
	}
	return t.T("Des pièces sont sorties\u00a0: %s.", other)
}

func (t teller) categoryEvent(d ingest.EventDetail) string {
	if d.New == nil {
		return t.T("Catégorie choisie.")
	}
	label := categoryOf(t.categories, d.New.Category).Label
	switch {
	case d.Old == nil || d.Old.Category == "":
		return t.T("Catégorie choisie\u00a0: %s.", label)
	case d.Old.Category == d.New.Category:
		return t.T("Catégorie confirmée\u00a0: %s.", label)
	}
	return t.T("Catégorie\u00a0: de «\u00a0%s\u00a0» à «\u00a0%s\u00a0».", categoryOf(t.categories, d.Old.Category).Label, label)
}

func (t teller) assignedEvent(d ingest.EventDetail) string {
	switch {
	case d.Agent != "":
		return t.T("Confiée à %s.", personName(t.names, d.Agent))
	case d.From != "":
		return t.T("N’est plus confiée à %s.", personName(t.names, d.From))
	}
	return t.T("N’est plus confiée à personne.")
}

func (t teller) procedureEvent(e ingest.Event) string {
	var d struct{ Procedure string }
	if err := json.Unmarshal(e.Raw, &d); err != nil || d.Procedure == "" {
		return t.T("Type de dossier\u00a0: aucun.")
	}
	name := d.Procedure
	if i := slices.IndexFunc(procedureNames, func(n procedureName) bool { return string(n.Code) == name }); i >= 0 {
		name = t.T(procedureNames[i].Name)
	}
	return t.T("Type de dossier\u00a0: %s.", name)
}

func (t teller) repliedEvent(d ingest.EventDetail) string {
	if d.Number == "" {
		return t.T("Réponse au citoyen.")
	}
	return t.T("Réponse au citoyen, n° %s du registre.", d.Number)
}

// corrections lists what was corrected, each with what it was.
func (t teller) corrections(d ingest.EventDetail) []string {
	if d.Before == nil || d.After == nil {
		return nil
	}
	var out []string
	b, a := *d.Before, *d.After
	for _, x := range [][3]string{
		{"Objet", b.Subject, a.Subject},
		{"Nom", b.Sender.Name, a.Sender.Name},
		{"Courriel", b.Sender.Email, a.Sender.Email},
		{"Téléphone", b.Sender.Phone, a.Sender.Phone},
		{"Adresse", b.Sender.Address, a.Sender.Address},
		{"Lieu", b.Place, a.Place},
	} {
		if x[1] != x[2] {
			out = append(out, t.T("%s\u00a0: «\u00a0%s\u00a0» au lieu de «\u00a0%s\u00a0»", t.T(x[0]), x[2], x[1]))
		}
	}
	return out
}
