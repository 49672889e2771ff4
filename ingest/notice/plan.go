package notice

import (
	"fmt"
	"slices"
	"time"
)

// Plan computes the deadlines of a request. The error says what is wrong with the case,
// such as pieces that came before they were asked for.
func (c Calendar) Plan(k Case) (Plan, error) {
	l, err := k.Rule.law()
	if err != nil {
		return Plan{}, fmt.Errorf("notice: %w", err)
	}
	online, err := electronic(k.Channel)
	if err != nil {
		return Plan{}, fmt.Errorf("notice: %w", err)
	}
	if err := k.check(c); err != nil {
		return Plan{}, fmt.Errorf("notice: %w", err)
	}
	p := planner{cal: c, k: k, law: l, electronic: online, received: c.Day(k.Received), first: c.dayOr(k.First, k.Received), asked: k.askedDays(c)}
	plan := Plan{Deadlines: p.receipts()}
	if k.Elsewhere && k.Competent.IsZero() {
		plan.Deadlines = append(plan.Deadlines, transmission())
	}
	if l.sense == None && l.kind != KindGDPR {
		plan.Remarks = append(plan.Remarks, step("", "Le silence de la mairie ne vaut pas décision : cette démarche suit ses propres règles."))
	} else {
		plan.Deadlines = append(plan.Deadlines, p.silence())
	}
	plan.Deadlines = append(plan.Deadlines, p.pieces()...)
	plan.Remarks = append(plan.Remarks, p.remarks()...)
	return plan, nil
}

// planner holds a case by its days.
type planner struct {
	cal             Calendar
	k               Case
	law             law
	electronic      bool
	received, first Day
	asked           []askedDays
}

// askedDays is Asked by its days, in the order of asking.
type askedDays struct{ at, until, came Day }

func (k Case) askedDays(c Calendar) []askedDays {
	list := make([]askedDays, 0, len(k.Missing))
	for _, a := range k.Missing {
		d := askedDays{at: c.Day(a.At), until: a.Until}
		switch {
		case !a.CameAt.IsZero():
			d.came = c.Day(a.CameAt)
		case !k.Complete.IsZero() && !k.Complete.Before(a.At):
			d.came = c.Day(k.Complete)
		}
		list = append(list, d)
	}
	slices.SortStableFunc(list, func(a, b askedDays) int { return a.at.Sub(b.at) })
	return list
}

// dayOr is the day of t, or of other when t is zero.
func (c Calendar) dayOr(t, other time.Time) Day {
	if t.IsZero() {
		t = other
	}
	return c.Day(t)
}

// who acts on a request: the town, or the administration that it belongs to.
func (p *planner) who() Who {
	if p.k.Elsewhere {
		return WhoOther
	}
	return WhoTown
}

// start is the day from which a clock runs; zero while it does not.
func (p *planner) start(c clock) Day {
	switch {
	case c == clockFirst:
		return p.first
	case !p.k.Elsewhere:
		return p.received
	case p.k.Competent.IsZero():
		return Day{}
	}
	return p.cal.Day(p.k.Competent)
}

// startStep says from when a clock runs (CRPA L114-3).
func (p *planner) startStep(c clock) Step {
	const article = "CRPA L114-3"
	start := p.start(c)
	switch {
	case start.IsZero():
		return step(article, "La mairie n’est pas compétente : le délai ne court qu’à partir du jour où l’administration compétente est saisie.")
	case c == clockFirst && !p.k.First.IsZero():
		return step(article, "Une autre administration a reçu la demande %s, avant la mairie : le délai au terme duquel le silence vaut rejet part de ce jour.", le(start))
	case c == clockFirst && p.k.Elsewhere:
		return step(article, "La mairie, saisie la première, a reçu la demande %s : le délai au terme duquel le silence vaut rejet part de ce jour, bien qu’elle ne soit pas compétente.", le(start))
	case p.k.Elsewhere:
		return step(article, "L’administration compétente a été saisie %s : le délai part de ce jour.", le(start))
	case !p.k.First.IsZero():
		return step(article, "La mairie, compétente, a été saisie %s, après une autre administration : le délai part de ce jour.", le(start))
	}
	return step(article, "La mairie a reçu la demande %s : le délai part de ce jour.", le(start))
}

// until dates what must be done by the end of its day.
func (p *planner) until(d Deadline) Deadline {
	d.Due = p.cal.End(d.Day)
	return d
}

func transmission() Deadline {
	return Deadline{
		Kind: KindTransmission, Who: WhoTown, Rule: "transmission à l’administration compétente, sans délai fixé", Article: "CRPA L114-2",
		Explanation: []Step{step("CRPA L114-2", "La mairie n’est pas compétente : elle transmet la demande et en avise l’intéressé.")},
	}
}

// remarks are what sets no date.
func (p *planner) remarks() []Step {
	var list []Step
	if mark := p.k.Postmark; !mark.IsZero() {
		text := fmt.Sprintf("Le cachet de la poste est du %s : il prouve que le citoyen a respecté une date limite. Le délai de la mairie part de la réception.", mark.French())
		if p.electronic {
			text = fmt.Sprintf("Un cachet de la poste du %s est noté pour un envoi électronique : il n’en est pas tenu compte.", mark.French())
		}
		if mark.After(p.received) {
			text += " Il est postérieur à la réception : à vérifier."
		}
		list = append(list, Step{Text: text, Article: "CRPA L112-1"})
	}
	if p.k.Rule.Procedure == PersonalData && len(p.asked) > 0 {
		list = append(list, step("RGPD art. 12, § 6", "Demander de quoi confirmer l’identité peut suspendre le délai ; par prudence, la date n’est pas repoussée."))
	}
	if p.law.gap == gapUrban && len(p.asked) == 0 && !p.k.Complete.IsZero() {
		list = append(list, step("code de l’urbanisme R*423-22", "Aucune pièce n’a été demandée dans le mois du dépôt : le dossier est réputé complet dès son dépôt."))
	}
	if p.electronic {
		list = append(list, step("CRPA L112-11", "Aucun accusé n’est dû pour un envoi abusif, ou qui menace la sécurité du système d’information."))
	}
	return list
}
