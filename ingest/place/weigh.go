package place

import "strings"

// Weights of the choice. They order what speaks for a place; their exact values matter little.
const (
	weightStreet   = 4.0
	weightPlot     = 4.0
	weightArea     = 3.9
	weightNamed    = 2.7
	weightBare     = 1.0
	weightToponym  = 1.6
	weightCompound = 1.2 // a name with a hyphen, as "Haut-Plessis"
	weightSchool   = 1.4 // a name among words of the school
	weightNumber   = 0.9
	weightDevant   = 1.6 // a firm preposition
	weightAt       = 0.5 // "à la", "dans", "sur"
	weightShort    = 0.6 // in a message of few words
	weightSubject  = 2.6
	weightCue      = 1.0 // something wrong in the same sentence
	weightAgain    = 0.6 // named once more
	weightTold     = 1.0 // named in the subject and in the text
	weightPart     = 0.6 // with a part of it: "les vestiaires du stade"
	weightAdmin    = -0.3
	weightCompared = -2.5
	weightPassing  = -2.5  // told in passing
	weightAside    = -1.5  // a number in brackets: somebody's address
	weightSingle   = 0.6   // something wrong at a place of which a town has one
	weightDistant  = -1.0  // a hospital where somebody worked
	weightLater    = -0.15 // for each place named before
	threshold      = 3.0
)

// shortMessage is the number of tokens under which a message comes to the point.
const shortMessage = 80

// distant are the places that serve many towns: without something wrong there they tell of the writer's life.
var distant = set("hopital maternite clinique")

// single are the kinds of places of which a town has one as a rule, so that the bare word
// names it where something is wrong.
var single = set("piscine mediatheque bibliotheque multi-accueil marche dechetterie decheterie conservatoire musee theatre cinema skatepark skate-park patinoire hippodrome crematorium")

// weigh says how much speaks for the candidate, the n-th of the message.
func (c *candidate) weigh(m mood, n int) float64 {
	d := c.doc
	s := [...]float64{kindToponym: weightToponym, kindLandmark: weightBare, kindArea: weightArea, kindPlot: weightPlot, kindStreet: weightStreet}[c.kind]
	cued := m.sentences[d.tokens[c.from].sentence]
	if d.title {
		cued = m.subject && (c.kind != kindLandmark || c.named || !c.onlyCue())
	}
	if c.kind == kindLandmark {
		switch {
		case c.named:
			s = weightNamed
		case c.nameless:
			s = 0 // only beside another
		}
	}
	if c.kind == kindLandmark && !c.named && single[foldAt(d, c.from)] && cued {
		s += weightSingle
	}
	if c.kind == kindLandmark && distant[foldAt(d, c.from)] && !m.sentences[d.tokens[c.from].sentence] {
		s += weightDistant
	}
	if c.kind == kindToponym {
		if strings.Contains(c.name, "-") || upland[foldAt(d, c.from)] {
			s += weightCompound
		}
		if c.schooled {
			s += weightSchool
		}
	}
	if c.number != "" {
		s += weightNumber
	}
	if c.part != "" {
		s += weightPart
	}
	switch c.prep {
	case 2:
		if c.kind == kindToponym {
			s += weightAt // "au bord de la Loire" is a long way
			break
		}
		s += weightDevant
	case 1:
		s += weightAt
	}
	if d.zoneOf(c.from) == zoneObject {
		if c.kind == kindLandmark && !c.named {
			s += weightSubject / 2
		} else {
			s += weightSubject
		}
	}
	if cued {
		s += weightCue
	}
	if bare := c.kind == kindLandmark && !c.named; m.admin > m.physical+1 && c.kind != kindLandmark || m.admin > 0 && bare {
		s += weightAdmin
	}
	if len(d.tokens) < shortMessage && !d.title {
		s += weightShort
	}
	if c.number != "" && d.bracketed(c.numberAt) {
		s += weightAside
	}
	if c.compared() {
		s += weightCompared
	}
	if c.passing(m) {
		return min(s+weightPassing, threshold-1)
	}
	if c.nameless {
		return min(s, threshold-1)
	}
	return s + weightLater*float64(min(n, 8))
}

// onlyCue says whether the candidate's own words are all that something wrong in its document rests on: "question
// piscine" in a subject tells of no trouble there.
func (c *candidate) onlyCue() bool {
	for i := range c.doc.tokens {
		if (i < c.from || i >= c.to) && cueOf(c.doc.tokens[i].fold)&cuePhysical != 0 {
			return false
		}
	}
	return true
}

// compared says whether the candidate is an example or a direction: "comme il y en a rue du Lavoir", "vers la gare".
func (c *candidate) compared() bool {
	d := c.doc
	start := c.numberAt - 8
	if c.prep == 2 && c.kind == kindLandmark {
		start = c.prepAt - 2 // "gros comme le poing derrière l'école"
	}
	for j := c.numberAt - 1; j >= 0 && j >= start && d.tokens[j].sentence == d.tokens[c.from].sentence; j-- {
		if d.is(j, ",", ";", ":", "(") && j < c.numberAt-3 {
			return false
		}
		if comparing[d.tokens[j].fold] && (!d.is(j, "vers") || d.tokens[j+1].kind == word && d.tokens[j+1].fold != "midi") {
			return true
		}
	}
	return false
}
