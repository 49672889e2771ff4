package desk

import (
	"net/mail"
	"slices"
	"strconv"
	"strings"
	"time"

	"saisine.fr/saisine/ingest"
)

// digits writes a number for a text of the catalogue.
func digits(n int) string { return strconv.Itoa(n) }

// The longest fields, in characters.
const (
	maxLine = 300
	maxNote = 4000
)

func (p *act) category() error {
	code := p.values.Get("code")
	c := categoryOf(p.a.opts.Facts.Categories(), code)
	if code == "" || c.Service == "" {
		p.complain("code", "Choisissez une catégorie.")
		return nil
	}
	if err := p.a.opts.Acts.SetCategory(p.ctx, p.v, p.reference, code); err != nil {
		return err
	}
	p.told = p.t.T("%s\u00a0: catégorie «\u00a0%s\u00a0», service %s.", p.reference, c.Label, c.Service)
	return nil
}

// reviewed confirms the request as it stands.
func (p *act) reviewed() error {
	p.told = p.t.T("%s est revue.", p.reference)
	return p.a.opts.Acts.Reviewed(p.ctx, p.v, p.reference)
}

func (p *act) status() error {
	status, note := ingest.Status(p.values.Get("statut")), p.text("note", maxNote)
	if !slices.Contains(listStatuses, status) {
		p.complain("statut", "Choisissez un statut.")
	}
	if !p.ok() {
		return nil
	}
	p.told = p.t.T("%s\u00a0: statut «\u00a0%s\u00a0».", p.reference, p.t.Status(status))
	return p.a.opts.Acts.SetStatus(p.ctx, p.v, p.reference, status, note)
}

func (p *act) correct() error {
	if err := p.whole("objet", "nom", "courriel", "telephone", "adresse", "lieu"); err != nil {
		return err
	}
	c := ingest.Correction{
		Subject: p.line("objet", maxLine), Place: p.line("lieu", maxLine),
		Sender: ingest.Person{
			Name: p.line("nom", maxLine), Email: strings.ToLower(p.line("courriel", 254)), Phone: p.line("telephone", 40), Address: p.text("adresse", maxLine),
		},
	}
	if c.Sender.Email != "" && p.wrong["courriel"] == "" && !plainAddress(c.Sender.Email) {
		p.complain("courriel", "Cette adresse n’est pas complète. Exemple\u00a0: nom@exemple.fr.")
	}
	if !p.ok() {
		return nil
	}
	p.told = p.t.T("%s est corrigée.", p.reference)
	return p.a.opts.Acts.Correct(p.ctx, p.v, p.reference, c)
}

// plainAddress reports whether s is a mail address and nothing else.
func plainAddress(s string) bool {
	a, err := mail.ParseAddress(s)
	return err == nil && a.Address == s && a.Name == ""
}

func (p *act) assign() error {
	if err := p.whole("agent"); err != nil {
		return err
	}
	login := p.values.Get("agent")
	if login != "" && !ingest.LoginForm.MatchString(login) {
		p.complain("agent", "Choisissez un agent.")
		return nil
	}
	p.told = p.t.T("%s n’est plus confiée à personne.", p.reference)
	if login != "" {
		able, err := p.a.opts.Acts.Assignable(p.ctx, p.v, p.reference)
		if err != nil {
			return err
		}
		name := login
		for _, a := range able {
			if a.Login == login {
				name = a.Name
			}
		}
		p.told = p.t.T("%s est confiée à %s.", p.reference, name)
	}
	return p.a.opts.Acts.Assign(p.ctx, p.v, p.reference, login)
}

func (p *act) comment() error {
	text := p.text("texte", maxNote)
	p.needed("texte", text, "Écrivez une note.")
	if !p.ok() {
		return nil
	}
	p.told = p.t.T("Note ajoutée à l’historique.")
	return p.a.opts.Acts.Comment(p.ctx, p.v, p.reference, text)
}

// maxPieces bounds how many pieces are asked for at once.
const maxPieces = 20

func (p *act) askPieces() error {
	var pieces []string
	for line := range strings.Lines(p.text("pieces", maxNote)) {
		if line = strings.Join(strings.Fields(line), " "); line != "" {
			pieces = append(pieces, line)
		}
	}
	note := p.text("note", maxNote)
	switch {
	case len(pieces) == 0 && p.wrong["pieces"] == "":
		p.complain("pieces", "Indiquez au moins une pièce, une par ligne.")
	case len(pieces) > maxPieces:
		p.complain("pieces", "Trop de pièces\u00a0: %s au plus.", digits(maxPieces))
	}
	until := p.day("jusquau")
	if p.wrong["jusquau"] == "" && (until.IsZero() || until.Before(p.today())) {
		p.complain("jusquau", "Indiquez un jour à venir.")
	}
	if !p.ok() {
		return nil
	}
	p.told = p.t.T("Pièces demandées jusqu’au %s.", p.t.Day(until))
	return p.a.opts.Acts.AskPieces(p.ctx, p.v, p.reference, pieces, until.Format(time.DateOnly), note)
}

// day returns a field that is a day; zero where it is empty.
func (p *act) day(field string) time.Time {
	text := strings.TrimSpace(p.values.Get(field))
	if text == "" {
		return time.Time{}
	}
	at, err := time.ParseInLocation(time.DateOnly, text, p.a.zone)
	if err != nil {
		p.complain(field, "Écrivez le jour sous la forme 2026-04-23.")
		return time.Time{}
	}
	return at
}

func (p *act) today() time.Time {
	y, m, d := p.a.now().In(p.a.zone).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, p.a.zone)
}

// since returns the moment of a day that has begun: of today, now.
func (p *act) since(field string) time.Time {
	at := p.day(field)
	switch {
	case at.After(p.today()):
		p.complain(field, "Ce jour est à venir.")
	case at.Equal(p.today()):
		return p.a.now()
	}
	return at
}

func (p *act) piecesCame() error {
	at := p.since("le")
	if at.IsZero() && p.ok() {
		p.complain("le", "Indiquez le jour.")
	}
	if !p.ok() {
		return nil
	}
	p.told = p.t.T("Le dossier %s est complet.", p.reference)
	return p.a.opts.Acts.PiecesCame(p.ctx, p.v, p.reference, at)
}

func (p *act) transmit() error {
	to := p.line("administration", maxLine)
	p.needed("administration", to, "Indiquez l’administration compétente.")
	competent := p.since("recue")
	if !p.ok() {
		return nil
	}
	p.told = p.t.T("%s est transmise à %s.", p.reference, to)
	return p.a.opts.Acts.Transmit(p.ctx, p.v, p.reference, to, competent)
}

func (p *act) revokeLinks() error {
	p.told = p.t.T("Les liens de suivi envoyés ne sont plus valables.")
	return p.a.opts.Acts.RevokeLinks(p.ctx, p.v, p.reference)
}
