package notice

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// step makes a sentence of a computation.
func step(article, format string, args ...any) Step {
	return Step{Text: fmt.Sprintf(format, args...), Article: article}
}

// le writes a day in a sentence: "le jeudi 23 avril 2026".
func le(d Day) string { return "le " + d.French() }

// senseWord names a sense in French.
func senseWord(s Sense) string {
	if s == Acceptance {
		return "acceptation"
	}
	return "rejet"
}

// jours writes a number of days; French has a plural from two.
func jours(n int) string {
	if n < 2 {
		return fmt.Sprintf("%d jour", n)
	}
	return fmt.Sprintf("%d jours", n)
}

// offSteps say which days after from, up to and with to, were not counted; none when all
// were.
func (c Calendar) offSteps(from, to Day) []Step {
	var weekend bool
	var names, sources []string
	for d := from.Add(1); !d.After(to); d = d.Add(1) {
		if d.Weekday() == time.Saturday || d.Weekday() == time.Sunday {
			weekend = true
			continue
		}
		if h, ok := c.Holiday(d); ok {
			names = append(names, fmt.Sprintf("%s (%s)", h.Day.French(), h.Name))
			if !slices.Contains(sources, h.Source) {
				sources = append(sources, h.Source)
			}
		}
	}
	var steps []Step
	if weekend {
		steps = append(steps, step("", "Les samedis et les dimanches ne comptent pas."))
	}
	if len(names) > 0 {
		steps = append(steps, step(strings.Join(sources, ", "), "Les jours fériés ne comptent pas : %s.", strings.Join(names, ", ")))
	}
	return steps
}

// monthsStep says how months were counted.
func (c Calendar) monthsStep(from Day, n int) Step {
	to := c.Months(from, n)
	verb := "se comptent"
	if n == 1 {
		verb = "se compte"
	}
	text := fmt.Sprintf("%d mois %s de quantième à quantième : du %s au %s", n, verb, from.French(), to.French())
	if to.Day != from.Day {
		text += fmt.Sprintf(" (ce mois n’a pas de jour %d : c’est son dernier jour)", from.Day)
	}
	return step("", "%s.", text)
}

// bornSteps say what happens on the day of a decision made by silence.
func (c Calendar) bornSteps(d Day, sense Sense) []Step {
	var steps []Step
	if c.oneDayLater {
		steps = append(steps, step("", "La mairie compte un jour de plus : %s.", le(d)))
	}
	end := ""
	if !c.Working(d) {
		end = " Le délai n’est pas prolongé, bien que ce jour ne soit pas ouvré."
	}
	return append(steps, step("", "Sans réponse avant %s, le silence vaut %s ce jour-là ; la réponse part donc au plus tard %s.%s", le(d), senseWord(sense), le(d.Add(-1)), end))
}

// recourseStep says what a citizen may do against a rejection made by silence.
func (c Calendar) recourseStep(p Procedure, d Day) Step {
	switch p {
	case Documents:
		return step("CRPA R311-15, R343-1", "Contre ce rejet, le demandeur a deux mois pour saisir la CADA, avant tout recours devant le tribunal administratif.")
	case HostCertificate:
		return step("CESEDA R313-12", "Contre ce rejet, le demandeur a deux mois pour saisir le préfet, avant tout recours devant le tribunal administratif.")
	}
	return step("code de justice administrative R421-1, R421-2", "Contre ce rejet, le tribunal administratif peut être saisi jusqu’au %s (délai franc de deux mois, reporté au premier jour ouvré). Ce délai n’est opposable que si l’accusé de réception est complet.", c.Appeal(d).French())
}
