package notice

import (
	"fmt"
	"html"
	"strings"
	"time"

	"saisine.fr/saisine/ingest"
)

// sampleRules lead to every case of silence; with pieces awaited, to those that depend on
// them.
var sampleRules = []Rule{
	{},
	{Sense: Acceptance},
	{Sense: None},
	{Procedure: Documents},
	{Procedure: HostCertificate},
	{Procedure: PersonalData},
	{Procedure: House},
}

// samples are made-up letters of a kind, one for each way that the texts can take.
func samples(kind LetterKind) ([]Letter, error) {
	full := Letter{
		Kind:    kind,
		Town:    Contact{"Saint-Exemple", "mairie@exemple.test", "01 99 00 00 00", "1 place de la Mairie\n99999 Saint-Exemple"},
		TownURL: "https://mairie.exemple.test/",
		Service: Contact{"Service de test", "service@exemple.test", "01 99 00 00 01", "2 rue du Service\n99999 Saint-Exemple"},
		Officer: Contact{"Camille Agent, responsable", "agent@exemple.test", "01 99 00 00 02", "2 rue du Service\n99999 Saint-Exemple"},
		Citizen: Contact{"Dominique Citoyen", "citoyen@exemple.test", "06 39 98 00 00", "3 rue des Lilas\n99999 Saint-Exemple"},

		Reference: "2026-000123", Subject: "Un lampadaire en panne", Category: "Éclairage public",
		Channel: ingest.ChannelMailbox, Received: time.Date(2026, 4, 23, 8, 5, 0, 0, time.UTC), Postmark: Day{2026, 4, 20},
		Status: string(ingest.StatusAssigned), Note: "Merci de votre message.",
		FollowURL: "https://mairie.exemple.test/suivi/exemple",
		Object:    "Votre demande 2026-000123", Number: "D-2026-000045",
		Today: Day{2026, 4, 24},
	}
	full.Items = []Item{
		{"2026-000121", "Une demande en retard", "Dominique Citoyen", "Voirie", "https://mairie.exemple.test/desk/121", Day{2026, 4, 21}, "réponse", 3},
		{"2026-000122", "Une demande pour aujourd’hui", "Dominique Citoyen", "Voirie", "https://mairie.exemple.test/desk/122", full.Today, "réponse", 0},
		{"2026-000123", "Une demande pour bientôt", "Dominique Citoyen", "Voirie", "https://mairie.exemple.test/desk/123", Day{2026, 4, 28}, "réponse", 0},
		{Reference: "2026-000124"},
	}
	if kind == LetterPaper {
		full.Channel = ingest.ChannelScan
	}
	var list []Letter
	for _, rule := range sampleRules {
		for _, pieces := range []bool{false, true} {
			l := full
			k := Case{Rule: rule, Channel: l.Channel, Received: l.Received}
			if pieces || kind == LetterPieces || kind == LetterPiecesReminder {
				l.Pieces, l.PiecesUntil = []string{"Un plan de situation", "Une pièce d’identité"}, Day{2026, 5, 22}
				k.Missing = []Asked{{At: l.Received.AddDate(0, 0, 1), Until: l.PiecesUntil}}
			}
			plan, err := Calendar{}.Plan(k)
			if err != nil {
				return nil, err
			}
			l.Plan = plan
			list = append(list, l)
		}
	}
	if kind == LetterStatus {
		for _, s := range []ingest.Status{ingest.StatusInProgress, ingest.StatusWaitingCitizen, ingest.StatusAnswered, ingest.StatusClosed, StatusReopened, StatusTransmitted} {
			l := full
			l.Status = string(s)
			list = append(list, l)
		}
	}
	// The least that a letter of this kind may hold.
	least := list[0]
	least.Town, least.Officer, least.Citizen, least.Service.Email = Contact{}, Contact{}, Contact{}, ""
	least.TownURL, least.Subject, least.Category, least.Note, least.FollowURL, least.Channel = "", "", "", "", "", ""
	least.Postmark, least.Today, least.Number = Day{}, Day{}, ""
	if kind == LetterReply || kind == LetterReplyPaper {
		least.Note, least.Officer = full.Note, Contact{Name: full.Officer.Name}
	}
	least.Items = least.Items[3:]
	return append(list, least), nil
}

// try renders every letter on its samples.
func (t *Templates) try() error {
	for _, kind := range LetterKinds() {
		list, err := samples(kind)
		if err != nil {
			return err
		}
		for _, l := range list {
			if err := l.check(); err != nil {
				return err
			}
			v := newView(Calendar{}, l)
			r, err := t.compose(kind, v)
			if err != nil {
				return err
			}
			if kind == LetterReply || kind == LetterReplyPaper {
				for _, text := range []string{r.Text, html.UnescapeString(r.HTML)} {
					if !strings.Contains(text, v.Note) || !strings.Contains(text, v.Officer.Name) {
						return fmt.Errorf("%s: an answer shows the agent’s words ({{.Note}}) and name ({{.Officer.Name}}; CRPA L111-2)", kind)
					}
				}
			}
			if kind != LetterARE && kind != LetterPaper {
				continue
			}
			if what, ok := omitted(r.Text, v); ok {
				return &OmittedError{File: string(kind) + ".txt.tmpl", Mention: what}
			}
			if what, ok := omitted(html.UnescapeString(r.HTML), v); ok {
				return &OmittedError{File: string(kind) + ".html.tmpl", Mention: what}
			}
		}
	}
	return nil
}

// OmittedError says that a text of an acknowledgement does not show what the law wants in it.
type OmittedError struct {
	// File is the name of the text, Mention what is missing, in French.
	File, Mention string
}

// Error implements error.
func (e *OmittedError) Error() string {
	return fmt.Sprintf("%s does not show a mandatory mention (CRPA R112-11-1, R112-5): %s", e.File, e.Mention)
}

// silenceWords have to be in the text of a case: what silence means, the proof of an
// acceptance, the ways to contest a rejection.
var silenceWords = map[string][]string{
	caseRejection:   {"rejet", "deux mois", "tribunal administratif"},
	caseAcceptance:  {"acceptation", "L232-3"},
	caseCADA:        {"rejet", "deux mois", "CADA", "tribunal administratif"},
	casePrefect:     {"rejet", "deux mois", "préfet", "tribunal administratif"},
	caseUrban:       {"acceptation", "R*424-13"},
	caseUrbanPieces: {"rejet", "tribunal administratif"},
}

// omitted returns the first mandatory mention that a letter does not show.
func omitted(text string, v view) (string, bool) {
	for _, m := range []struct{ name, value string }{
		{"date de réception ({{.ReceivedDay}})", v.ReceivedDay},
		{"nom du service ({{.Service.Name}})", v.Service.Name},
		{"téléphone du service ({{.Service.Phone}})", v.Service.Phone},
		{"date du silence ({{.Silence.Date}})", v.Silence.Date},
		{"délai de recours ({{.Silence.Appeal}})", v.Silence.Appeal},
		{"délai pour les pièces ({{.PiecesUntil}})", v.PiecesUntil},
	} {
		if !strings.Contains(text, m.value) {
			return m.name, true
		}
	}
	for _, line := range v.Service.Lines {
		if !strings.Contains(text, line) && (v.Service.Email == "" || !strings.Contains(text, v.Service.Email)) {
			return "adresse du service ({{.Service.Email}} ou {{.Service.Address}})", true
		}
	}
	for _, piece := range v.Pieces {
		if !strings.Contains(text, piece) {
			return "pièces manquantes ({{range .Pieces}})", true
		}
	}
	for _, word := range silenceWords[v.Silence.Case] {
		if !strings.Contains(text, word) {
			return fmt.Sprintf("sens du silence et recours (« %s »)", word), true
		}
	}
	return "", false
}
