package desk

import (
	"errors"
	"net/url"
	"strings"

	"saisine.fr/saisine/ingest"
)

// here reports whether a piece is in the request: the address names the request, and the form
// may be an old one.
func (p *act) here(pieces ...string) error {
	q, err := p.a.opts.Requests.Request(p.ctx, p.v, p.reference)
	if err != nil {
		return err
	}
	for _, id := range pieces {
		found := false
		for _, s := range q.Submissions {
			found = found || s.ID == id
		}
		if !found {
			return ingest.Refused("the piece is not in %s any more", p.reference)
		}
	}
	return nil
}

func (p *act) unlink() error {
	id := p.values.Get("piece")
	if err := p.here(id); err != nil {
		return err
	}
	reference, err := p.a.opts.Acts.Unlink(p.ctx, p.v, id)
	p.tellTaken(reference)
	p.values.Del("piece") // it is shown there now
	return err
}

func (p *act) tellTaken(reference string) {
	p.told = p.t.T("Pièces séparées.")
	if reference != "" {
		p.told = p.t.T("Pièces séparées\u00a0: elles sont dans la demande %s.", reference)
	}
}

func (p *act) split() error {
	ids := p.values["pieces"]
	if len(ids) == 0 {
		p.complain("pieces", "Cochez les pièces à séparer.")
		return nil
	}
	if err := p.here(ids...); err != nil {
		return err
	}
	reference, err := p.a.opts.Acts.Split(p.ctx, p.v, p.reference, ids)
	p.tellTaken(reference)
	p.values.Del("piece")
	return err
}

func (p *act) link() error {
	id, link := p.values.Get("piece"), ingest.Link(p.values.Get("lien"))
	to, err := p.otherRequest("reference")
	if err != nil {
		return err
	}
	if link != ingest.LinkDuplicate && link != ingest.LinkFollowUp {
		p.complain("lien", "Choisissez doublon ou suite.")
	}
	if !p.ok() {
		return nil
	}
	if err := p.here(id); err != nil {
		return err
	}
	if err := p.a.opts.Acts.Link(p.ctx, p.v, id, to, link); err != nil {
		return err
	}
	p.told = p.t.T("Pièce rattachée à la demande %s.", to)
	p.to = requestURL(to, p.way.lead(url.Values{"piece": {id}}))
	return nil
}

// otherRequest returns the reference in a field, as the store has it.
func (p *act) otherRequest(field string) (string, error) {
	text := strings.TrimSpace(p.values.Get(field))
	if text == "" {
		p.complain(field, "Indiquez le numéro de l’autre demande, par exemple 2026-000123.")
		return "", nil
	}
	reference, err := p.a.opts.Requests.Visible(p.ctx, p.v, text)
	if errors.Is(err, ingest.ErrNotFound) {
		p.complain(field, "Il n’y a pas de demande de ce numéro.")
		return "", nil
	}
	return reference, err
}

// merge moves the request into another one, whose page it leads to.
func (p *act) merge() error {
	into, err := p.otherRequest("dans")
	if err != nil || !p.ok() {
		return err
	}
	if err := p.a.opts.Acts.Merge(p.ctx, p.v, p.reference, into); err != nil {
		return err
	}
	p.told = p.t.T("La demande %s est réunie à celle-ci.", p.reference)
	p.to = requestURL(into, p.way.lead(url.Values{"reunie": {p.reference}}))
	return nil
}

func (p *act) apart() error {
	other, err := p.otherRequest("autre")
	if err != nil || !p.ok() {
		return err
	}
	p.told = p.t.T("%s et %s sont deux affaires différentes\u00a0: elles ne seront plus rapprochées.", p.reference, other)
	return p.a.opts.Acts.Apart(p.ctx, p.v, p.reference, other)
}
