package notice

import "fmt"

const articleMissing = "CRPA L114-5"

// silence is the deadline after which no answer means something, or after which it is
// late (GDPR).
func (p *planner) silence() Deadline {
	l := p.law
	d := Deadline{Kind: l.kind, Sense: l.sense, Who: p.who(), Article: l.article, Rule: l.rule(), Explanation: []Step{p.startStep(l.clock)}}
	start := p.start(l.clock)
	if start.IsZero() {
		return d
	}
	switch l.gap {
	case gapSuspends:
		p.suspended(&d, start)
	case gapRestarts:
		p.restarted(&d, start)
	case gapUrban:
		p.urban(&d, start)
	case gapNothing:
		return p.answerDue(d, start)
	}
	if d.Day.IsZero() {
		return d
	}
	d.Due = p.cal.Start(d.Day)
	d.Explanation = append(d.Explanation, p.cal.bornSteps(d.Day, d.Sense)...)
	if d.Sense == Rejection {
		d.Explanation = append(d.Explanation, p.cal.recourseStep(l.procedure, d.Day))
	} else {
		d.Explanation = append(d.Explanation, p.law.attestation())
	}
	return d
}

// rule is the rule in a few words.
func (l law) rule() string {
	switch l.kind {
	case KindCADA:
		return fmt.Sprintf("accès aux documents : silence de %d mois, %s", l.months, senseWord(l.sense))
	case KindGDPR:
		return fmt.Sprintf("droits sur les données personnelles : réponse sous %d mois", l.months)
	case KindUrban:
		return fmt.Sprintf("instruction d’urbanisme : %d mois à compter du dossier complet, puis %s tacite", l.months, senseWord(l.sense))
	}
	return fmt.Sprintf("silence de %d mois : %s", l.months, senseWord(l.sense))
}

// attestation is the paper by which a citizen proves an acceptance.
func (l law) attestation() Step {
	if l.kind == KindUrban {
		return step("code de l’urbanisme R*424-1, R*424-13", "Cette décision est tacite ; le maire en délivre un certificat sur simple demande.")
	}
	return step("CRPA L232-3", "Le demandeur peut demander une attestation de cette décision.")
}

// suspended ends the months of a rejection. The clock stands still from the demand until
// the pieces come, at the longest for the time allowed (CRPA L114-5).
func (p *planner) suspended(d *Deadline, start Day) {
	end := p.cal.Silence(start, p.law.months)
	d.Explanation = append(d.Explanation, p.cal.monthsStep(start, p.law.months))
	spans := make([]span, len(p.asked))
	for i, a := range p.asked {
		spans[i] = span{a.at, a.until}
		if !a.came.IsZero() && a.came.Before(a.until) {
			spans[i].to = a.came
		}
	}
	var counted int
	d.Day, counted = suspend(end, spans)
	for i, a := range p.asked {
		if i >= counted {
			d.Explanation = append(d.Explanation, step(articleMissing, "Les pièces demandées %s l’ont été trop tard : la décision est déjà née.", le(a.at)))
			continue
		}
		why := "fin du temps accordé"
		if spans[i].to == a.came {
			why = "les pièces sont arrivées"
		}
		d.Explanation = append(d.Explanation, step(articleMissing, "Des pièces ont été demandées %s : le délai est suspendu jusqu’au %s (%s).", le(a.at), spans[i].to.French(), why))
	}
	if n := d.Day.Sub(end); n > 0 {
		d.Explanation = append(d.Explanation, step(articleMissing, "La suspension dure %s en tout ; le terme passe du %s au %s.", jours(n), end.French(), d.Day.French()))
	}
}

// restarted ends the months of an acceptance. They run from the last piece; while pieces
// are awaited they do not run at all (CRPA L114-5).
func (p *planner) restarted(d *Deadline, start Day) {
	for _, a := range p.asked {
		if !a.at.Before(p.cal.Silence(start, p.law.months)) {
			d.Explanation = append(d.Explanation, step(articleMissing, "Les pièces demandées %s l’ont été trop tard : la décision est déjà née.", le(a.at)))
			break
		}
		if a.came.IsZero() {
			d.Explanation = append(d.Explanation, step(articleMissing, "Des pièces ont été demandées %s et ne sont pas arrivées : le délai ne court pas.", le(a.at)))
			return
		}
		if a.came.After(start) {
			start = a.came
		}
		d.Explanation = append(d.Explanation, step(articleMissing, "Les pièces demandées %s sont arrivées %s : le délai ne court que de ce jour.", le(a.at), le(a.came)))
	}
	d.Explanation = append(d.Explanation, p.cal.monthsStep(start, p.law.months))
	d.Day = p.cal.Silence(start, p.law.months)
}

// urban ends the instruction of an urban planning file. Pieces count only when they are
// asked for within a month of its arrival (R*423-22, R*423-41); the file is then complete
// with the last of them, and rejected when they do not come within three months (R*423-39).
func (p *planner) urban(d *Deadline, start Day) {
	within := p.cal.Months(start, 1)
	for _, a := range p.asked {
		if a.at.After(within) {
			d.Explanation = append(d.Explanation, step("code de l’urbanisme R*423-22, R*423-41", "Les pièces demandées %s l’ont été après le %s, un mois après le dépôt : le délai n’en est pas modifié.", le(a.at), within.French()))
			continue
		}
		limit := p.cal.Months(a.at, 3)
		if a.came.IsZero() || a.came.After(limit) {
			d.Day, d.Sense = limit, Rejection
			d.Rule, d.Article = "pièces manquantes : 3 mois pour les envoyer, puis rejet tacite", articleUrbanMissing
			d.Explanation = append(d.Explanation, step(articleUrbanMissing, "Des pièces ont été demandées %s. Si elles n’arrivent pas dans les trois mois, le silence vaut rejet du permis, ou opposition à la déclaration : le délai d’instruction ne court pas.", le(a.at)))
			return
		}
		if a.came.After(start) {
			start = a.came
		}
		d.Explanation = append(d.Explanation, step(articleUrbanMissing, "Les pièces demandées %s sont arrivées %s : le dossier est complet ce jour-là.", le(a.at), le(a.came)))
	}
	d.Explanation = append(d.Explanation,
		p.cal.monthsStep(start, p.law.months),
		step("code de l’urbanisme R*423-24 à R*423-37-3", "Une consultation obligatoire peut allonger ce délai, si le demandeur en est averti dans le mois."))
	d.Day = p.cal.Silence(start, p.law.months)
}

const articleUrbanMissing = "code de l’urbanisme R*423-38, R*423-39"

// answerDue ends a period after which an answer is late and nothing is decided. Regulation
// 1182/71 (article 3, § 4) would prolong it to the next working day; the nearer date is
// kept, since to answer sooner is never wrong.
func (p *planner) answerDue(d Deadline, start Day) Deadline {
	d.Day = p.cal.Months(start, p.law.months)
	d.Explanation = append(d.Explanation, p.cal.monthsStep(start, p.law.months))
	if !p.cal.Working(d.Day) {
		d.Explanation = append(d.Explanation, step("règlement (CEE) 1182/71, art. 3", "Ce jour n’est pas ouvré : répondre %s serait encore à temps. Par prudence, la date la plus proche est retenue.", le(p.cal.NextWorking(d.Day))))
	}
	d.Explanation = append(d.Explanation, step("RGPD art. 12, § 3", "La réponse est due %s au plus tard. Le délai peut être prolongé de deux mois pour une demande complexe, si le demandeur en est informé avant ce jour. Le silence n’est pas une décision.", le(d.Day)))
	return p.until(d)
}

// pieces are the deadlines of what the citizen still has to send.
func (p *planner) pieces() []Deadline {
	var list []Deadline
	for _, a := range p.asked {
		if !a.came.IsZero() {
			continue
		}
		d := Deadline{Kind: KindPieces, Day: a.until, Who: WhoCitizen, Rule: "pièces manquantes : temps accordé par la mairie", Article: articleMissing}
		if p.law.gap == gapUrban {
			if start := p.start(p.law.clock); start.IsZero() || a.at.After(p.cal.Months(start, 1)) {
				continue // it changes nothing, so nothing is owed
			}
			d.Day, d.Rule, d.Article = p.cal.Months(a.at, 3), "pièces manquantes : 3 mois", articleUrbanMissing
		}
		d.Explanation = []Step{step(d.Article, "Des pièces ont été demandées %s ; elles sont attendues jusqu’au %s.", le(a.at), d.Day.French())}
		list = append(list, p.until(d))
	}
	return list
}
