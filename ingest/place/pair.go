package place

import "strings"

// leading are verbs of a way that leads from one place to another: "l'escalier qui monte de la gare à la rue Haute".
var leading = set("monte descend mene va relie part conduit reliant menant montant descendant")

// pathNouns are the ways without a name of their own that lead so.
var pathNouns = set("escalier escaliers sentier chemin passage passerelle venelle ruelle raccourci piste sente trottoir")

// span gives the phrase of the two places between which, or from which to which, candidate best lies: "entre l'église
// et la salle X", "escalier de la gare à la rue Haute" of the stairs that lead so. Two streets are left to the crossing.
func span(found []candidate, best int) string {
	for _, i := range []int{best, best - 1} {
		if i < 0 || i+1 >= len(found) {
			continue
		}
		a, b := &found[i], &found[i+1]
		if a.doc != b.doc || a.home || b.home || a.number != "" || b.number != "" || a.kind == kindStreet && b.kind == kindStreet {
			continue
		}
		if s := a.spanTo(b); s != "" {
			return s
		}
	}
	return ""
}

// spanTo gives the phrase of span where it begins with c and ends with b.
func (c *candidate) spanTo(b *candidate) string {
	d := c.doc
	first := c.from - 1
	for first > c.from-4 && d.is(first, "la", "le", "l'", "les") {
		first--
	}
	gap := b.from - c.to
	if gap < 1 || gap > 3 {
		return ""
	}
	switch {
	case d.is(first, "entre") && d.is(c.to, "et"):
		return "entre " + d.cutText(first+1, b.to)
	case d.is(first, "de", "du") && d.is(c.to, "a", "au", "jusqu'"):
		verb := false
		for j := first - 1; j >= 0 && j >= first-5; j-- {
			verb = verb || leading[d.tokens[j].fold]
			if verb && pathNouns[d.tokens[j].fold] {
				return strings.ToLower(d.cutText(j, j+1)) + " " + d.cutText(first, b.to)
			}
		}
	}
	return ""
}
