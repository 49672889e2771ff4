package classify

import (
	"fmt"
	"math"
	"strings"

	"saisine.fr/saisine/ingest"
)

const (
	// decisive is the score from which on a rule that needs no reading decides: those of a
	// choice, an alias or a folder of one category have it by default.
	decisive = 4
	// clearLead is how many times the score of the next category that must be.
	clearLead = 2
	// contradicted is how unlikely the words must make a category that a rule has decided
	// for a person to look.
	contradicted = 0.02
	// rival is how likely a second category must be to be named as a doubt.
	rival = 0.15
	// leastKnown is how many times likelier than by chance a category must be for
	// anything to be known of a text.
	leastKnown = 3
	// mostForeign is how much of the model's belief may have gone to categories that the
	// town does not have before a person looks.
	mostForeign = 0.5
	// leastForeign is how much of it may have gone there for a message to be set aside as
	// unwanted: what is left over for the others is too little to go by.
	leastForeign = 0.1
	// suspicious is the probability of an unwanted message from which on a person looks.
	suspicious = 0.4
)

// decide is Classifier.Classify by one mind.
func (c *mind) decide(rec ingest.Record, reading ingest.Reading) ingest.Classification {
	named := make([]evidence, len(c.rules.file.Categories))
	c.rules.named(named, rec, reading)
	o := c.opine(reading, named)
	chosen, byRule := c.byRule(named, rec, reading)
	if !byRule {
		chosen = o.best()
	}

	out := ingest.Classification{NeedsReview: true, Urgent: c.rules.danger.find(reading)}
	known := named[chosen].score > 0 || o.phrases[chosen].score > 0 || o.given(chosen) >= leastKnown/float64(len(c.brain.labels))
	if known {
		c.name(&out, o, named, chosen, byRule, reading)
	} else {
		out.Service = rec.Hints.Service
		out.Reasons = append(out.Reasons, "aucun mot ne dit de quoi il s’agit : à qualifier")
		chosen = none
	}
	if service, ok := c.rules.clerksService(rec.Hints.Service, chosen); ok {
		// Whoever laid the letter there decided for whom it is; what it is about is left open.
		out.Service = service
		doubt(&out, "service indiqué par le dossier ou la feuille de séparation : %s", quoted(service))
	}
	if known {
		c.second(&out, o, chosen, reading)
	}
	c.suspect(&out, o, rec, reading, named)
	flagUrgent(&out)
	spaceAll(&out)
	return out
}

// none is no category.
const none = -1

// name writes the category chosen into out, what spoke for it, and the doubts about it.
func (c *mind) name(out *ingest.Classification, o opinion, named []evidence, chosen int, byRule bool, reading ingest.Reading) {
	categories := c.rules.file.Categories
	category := categories[chosen]
	out.Category, out.Service, out.Public = category.Code, category.Service.Name, category.Public
	out.Confidence = o.p[chosen]
	out.NeedsReview = out.Confidence < c.threshold()
	out.Reasons = c.reasons(o, named, chosen, reading)
	for _, i := range o.order[:min(maxTop, len(o.order))] {
		out.Top = append(out.Top, ingest.Ranked{Category: categories[i].Code, Score: o.p[i]})
	}
	if byRule {
		if words := c.opine(reading, nil); words.best() != chosen && words.p[words.best()] >= c.threshold() && words.p[chosen] < contradicted {
			doubt(out, "le texte parle plutôt de %s : à vérifier", quoted(categories[words.best()].Label))
		}
	}
	if out.NeedsReview {
		if i := runnerUp(o, chosen); i >= 0 && o.p[i] >= rival {
			out.Reasons = append(out.Reasons, fmt.Sprintf("hésitation avec %s (%s)", quoted(categories[i].Label), percent(o.p[i])))
		}
	}
	if o.foreign >= mostForeign && named[chosen].score <= 0 {
		doubt(out, "ressemble à une catégorie que la commune n’utilise pas : à vérifier")
	}
}

// suspect says what speaks for an unwanted message, and sets it aside where that is beyond
// doubt.
func (c *mind) suspect(out *ingest.Classification, o opinion, rec ingest.Record, reading ingest.Reading, named []evidence) {
	if o.unwanted < suspicious {
		return
	}
	if len(out.Urgent) == 0 && o.unwanted > c.aside && o.foreign <= leastForeign {
		if marks := unwantedMarks(rec, reading, named); marks != nil {
			out.Aside = "spam: publicité, démarchage ou tentative d’escroquerie (" + percent(o.unwanted) + ")"
			list := make([]string, 0, maxWords)
			for _, m := range marks[:min(maxWords, len(marks))] {
				list = append(list, quoted(m))
			}
			doubt(out, "envoi indésirable (%s) : %s", percent(o.unwanted), strings.Join(list, ", "))
			return
		}
	}
	doubt(out, "ressemble à un envoi indésirable (%s) : à vérifier", percent(o.unwanted))
}

// doubt adds a reason for which a person looks.
func doubt(out *ingest.Classification, format string, args ...any) {
	out.NeedsReview = true
	out.Reasons = append(out.Reasons, fmt.Sprintf(format, args...))
}

// byRule returns the category that the rules which need no reading decide. The citizen's
// own choice always does.
func (c *mind) byRule(named []evidence, rec ingest.Record, reading ingest.Reading) (int, bool) {
	for _, choice := range []string{reading.Category, rec.Hints.Category} {
		if i, ok := c.rules.codes[choice]; ok {
			return i, true
		}
	}
	best, second := 0, 0.0
	for i, e := range named {
		if e.score > named[best].score {
			best = i
		}
	}
	for i, e := range named {
		if i != best {
			second = max(second, e.score)
		}
	}
	return best, named[best].score >= decisive && named[best].score >= clearLead*second
}

// threshold is the confidence below which a person looks: the town's own, or the one
// found in training.
func (c *mind) threshold() float64 {
	if t := c.rules.file.Threshold; t > 0 {
		return t
	}
	return c.brain.fit.Sure
}

// reasons says in French what spoke for a category.
func (c *mind) reasons(o opinion, named []evidence, chosen int, reading ingest.Reading) []string {
	out := append([]string(nil), named[chosen].reasons...)
	words := c.brain.model.Explain(input(reading), c.rules.file.Categories[chosen].Code, maxWords)
	if len(words) == 0 {
		return append(out, c.rules.reasons(evidence{found: o.phrases[chosen].found})...)
	}
	list := make([]string, len(words))
	for i, w := range words {
		list[i] = quoted(strings.ToLower(w))
	}
	if len(list) == 1 {
		return append(out, "mot qui a décidé : "+list[0])
	}
	return append(out, "mots qui ont décidé : "+strings.Join(list, ", "))
}

// flagUrgent calls a person where there are words of danger.
func flagUrgent(out *ingest.Classification) {
	if len(out.Urgent) == 0 {
		return
	}
	list := make([]string, len(out.Urgent))
	for i, w := range out.Urgent {
		list[i] = quoted(w)
	}
	out.NeedsReview = true
	// First: whoever reads one line only must read this one.
	out.Reasons = append([]string{"danger possible, à lire tout de suite : " + strings.Join(list, ", ")}, out.Reasons...)
}

// runnerUp returns the likeliest category other than this one, or -1.
func runnerUp(o opinion, than int) int {
	for _, i := range o.order {
		if i != than {
			return i
		}
	}
	return -1
}

// spaceAll gives the texts of out, which people read, the spaces of French typography.
func spaceAll(out *ingest.Classification) {
	for i, reason := range out.Reasons {
		out.Reasons[i] = spaced(reason)
	}
	out.Aside = spaced(out.Aside)
}

// spaced puts a no-break space where French has one: before : ; ? ! % and », and after «.
// Where text has no space there, as in a code, it gets none.
var spaced = strings.NewReplacer(
	" :", "\u00a0:", " ;", "\u00a0;", " ?", "\u00a0?", " !", "\u00a0!", " %", "\u00a0%", " »", "\u00a0»", "« ", "«\u00a0",
).Replace

// percent writes a share as French does, never more sure than it is.
func percent(p float64) string {
	return fmt.Sprintf("%d\u00a0%%", int(math.Floor(100*p)))
}
