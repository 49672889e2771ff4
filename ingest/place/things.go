package place

import "strings"

// posts are the things in a street that carry their own number, by which the town's service knows them.
var posts = set("poteau lampadaire candelabre reverbere mat armoire borne")

// postBeside gives the numbered post in the candidate's sentence: "poteau n° 412".
func (c *candidate) postBeside() string {
	d := c.doc
	for i := range d.tokens {
		if d.tokens[i].sentence == d.tokens[c.from].sentence && d.in(i, posts) && d.is(i+1, "n°", "numero") && d.near(i+1) && d.tokens[i+2].kind == number {
			return strings.ToLower(d.cutText(i, i+2)) + " " + d.cutText(i+2, i+3)
		}
	}
	return ""
}

// bearers of a matter stand before a firm preposition and belong to the place: "les pins derrière l'école".
var bearers = set("pins arbres tilleuls platanes sapins peupliers cedres haie haies mur talus sentier escalier pelouse garages friche fosse")

// pathBefore gives the way that a clause parts from the preposition at token i: "sentier piéton" of "le sentier piéton
// qui longe l'eau derrière le gymnase", or nothing.
func (d *document) pathBefore(i int) string {
	for q := i - 1; q > 0 && q > i-6 && d.tokens[q].kind != punct; q-- {
		if !d.is(q, "qui") || !d.is(q+1, "longe", "passe", "borde", "contourne") {
			continue
		}
		from := q - 1
		if d.in(from, looks) {
			from--
		}
		if d.in(from, pathNouns) {
			return strings.ToLower(d.cutText(from, q))
		}
	}
	return ""
}
