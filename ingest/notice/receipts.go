package notice

import "saisine.fr/saisine/ingest"

const articleReceipts = "CRPA R112-11-2"

// receipts are the deadlines of what the town sends back on reception.
//
// Paper, counter and phone get an acknowledgement without a date: L112-3 owes one and no
// text says until when. It is listed all the same, so that nobody forgets it.
func (p *planner) receipts() []Deadline {
	if !p.electronic {
		why := step("CRPA L112-3", "La demande n’est pas venue par voie électronique : elle reçoit un accusé de réception, sans délai fixé par les textes.")
		switch p.k.Channel {
		case ingest.ChannelPhone:
			why.Text += " La note de l’agent tient lieu de demande écrite."
		case ingest.ChannelCounter:
			why.Text += " Il peut être remis au guichet."
		}
		return []Deadline{{
			Kind: KindAcknowledgement, Who: p.who(), Rule: "accusé de réception, sans délai fixé", Article: "CRPA L112-3, R112-5", Explanation: []Step{why, step("CRPA R112-4", "Il n’est pas dû quand la mairie n’a qu’à vérifier que le demandeur remplit les conditions d’un document ou d’une prestation.")},
		}}
	}
	return []Deadline{p.aee(), p.are()}
}

func (p *planner) aee() Deadline {
	d := Deadline{
		Kind: KindAEE, Day: p.cal.AddWorkingDays(p.received, 1), Who: WhoTown,
		Rule: "accusé d’enregistrement électronique : 1 jour ouvré après la réception", Article: articleReceipts,
	}
	d.Explanation = append([]Step{step(articleReceipts, "Le message est arrivé %s, à l’heure de la mairie : c’est le jour 0.", le(p.received))}, p.cal.offSteps(p.received, d.Day)...)
	d.Explanation = append(d.Explanation, step("CRPA L112-11", "Le premier jour ouvré qui suit est %s. Cet accusé est inutile si l’accusé de réception est envoyé aussitôt.", le(d.Day)))
	return p.until(d)
}

func (p *planner) are() Deadline {
	d := Deadline{
		Kind: KindARE, Who: p.who(), Rule: "accusé de réception électronique : 10 jours ouvrés après la saisine de l’administration compétente", Article: articleReceipts,
		Explanation: []Step{p.startStep(clockCompetent)},
	}
	start := p.start(clockCompetent)
	if start.IsZero() {
		return d
	}
	d.Day = p.cal.AddWorkingDays(start, 10)
	d.Explanation = append(d.Explanation, p.cal.offSteps(start, d.Day)...)
	d.Explanation = append(d.Explanation, step(articleReceipts, "Le dixième jour ouvré qui suit est %s.", le(d.Day)))
	return p.until(d)
}
