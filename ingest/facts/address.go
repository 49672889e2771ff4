package facts

import "strings"

// An address is a postal address found in a text: the tokens from up to to.
type address struct {
	from, to int
	parts    [][2]int
	// street and site tell that it has a street, a named building or hamlet; numbered that
	// the street has its house number; town that a postal code is there.
	street, numbered, site, unit, town bool
	care                               bool // "chez Mme Petit"
	abroad                             bool // it is in another country
}

// whole reports whether the address leads somewhere: a flat alone does not.
func (a address) whole() bool { return a.street || a.site }

// address returns the address on one line, its parts joined by ", ".
func (t text) address(a address) string {
	parts := make([]string, 0, len(a.parts))
	for _, p := range a.parts {
		parts = append(parts, strings.Trim(t.cut(p[0], p[1]), " ,.;"))
	}
	return strings.Join(parts, ", ")
}

// maxAddressTokens bounds the tokens of an address.
const maxAddressTokens = 48

// addressAt reads an address at token i, before token end. block tells that it stands
// in a block of its own, where its parts may stand on several lines.
func (t text) addressAt(i, end int, block bool) (address, bool) {
	end = min(end, i+maxAddressTokens)
	a := address{from: i, to: i}
	p := i
	for p < end {
		q := t.partAt(p, end, &a)
		if q == 0 {
			break
		}
		a.parts = append(a.parts, [2]int{p, q})
		a.to = q
		p = t.toNextPart(q, end, block)
	}
	return a, len(a.parts) > 0
}

// toNextPart skips what stands between two parts of an address.
func (t text) toNextPart(p, end int, block bool) int {
	for n := 0; p < end && n < 3; n++ {
		switch {
		case t.is(p, ","), t.is(p, "-"), t.is(p, ".") && unitWords[t.at(p+1).fold], t.is(p, "(") && (unitWords[t.at(p+1).fold] || t.ordinal(p+1)), t.is(p, ")") && n == 0 && t.is(p+1, ","),
			block && t.ts[p].kind == newline && !t.ts[p].blankLine():
			p++
		case t.is(p, "a") && t.at(p+1).upper && p+1 < end, t.is(p, "au") && t.ordinal(p+1):
			p++
		default:
			return p
		}
	}
	return p
}

// partAt reads one part of an address at p and returns its end, or 0.
func (t text) partAt(p, end int, a *address) int {
	if q := t.unitAt(p, end); q > 0 {
		a.unit = true
		return q
	}
	if !a.street && !a.town {
		if q := t.foreignStreetAt(p, end); q > 0 {
			a.street, a.numbered, a.abroad = true, true, true
			return q
		}
		if q, numbered := t.streetAt(p, end); q > 0 {
			a.street, a.numbered = true, numbered
			return q
		}
	}
	if a.town || len(a.parts) == 0 && t.at(p-1).kind == newline {
		if q := t.countryAt(p, end); q > 0 {
			a.town, a.abroad = true, true
			return q
		}
	}
	if !a.town && (a.street || len(a.parts) == 0 && t.at(p-1).kind == newline) {
		if q := t.foreignTownAt(p, end); q > 0 && (a.street || t.at(q).kind == newline || q == len(t.ts)) {
			a.town = true
			return q
		}
	}
	if !a.town {
		if q := t.siteAt(p, end); q > 0 {
			a.site = true
			return q
		}
		if q := t.careOfAt(p, end); q > 0 {
			a.care = true
			return q
		}
		if q := t.postalAt(p, end); q > 0 {
			a.town = true
			return q
		}
		if a.whole() {
			if q := t.townAt(p, end); q > 0 {
				a.town = true
				return q
			}
		}
	}
	return 0
}

// ordinal reports whether token p is a floor: "2e étage", "1er", "3 étage".
func (t text) ordinal(p int) bool {
	f := t.at(p).fold
	return t.at(p).kind == mixed && (strings.HasSuffix(f, "e") || strings.HasSuffix(f, "er") || strings.HasSuffix(f, "eme") || strings.HasSuffix(f, "ere")) && floors[t.at(p+1).fold] || t.at(p).kind == word && (f == "premier" || f == "deuxieme" || f == "troisieme" || f == "quatrieme" || f == "dernier") && t.is(p+1, "etage")
}

// unitAt reads a flat, floor, staircase or building at p: "appt 6", "Bât. C", "2e étage",
// "rez-de-chaussée", "porte gauche", "BP 12".
func (t text) unitAt(p, end int) int {
	k := t.at(p)
	switch {
	case t.ordinal(p) && p+1 < end:
		q := p + 2
		if t.is(q, "gauche") || t.is(q, "droite") || t.is(q, "droit") {
			q++
		}
		return q
	case k.kind != word:
		return 0
	case k.fold == "rdc" || k.fold == "rez-de-chaussee" || k.fold == "rez-de-jardin" || k.fold == "sous-sol":
		return p + 1
	case k.fold == "rez" && t.is(p+1, "de"):
		return 0
	case boxes[k.fold] && k.caps && t.at(p+1).kind == number:
		q := p + 2
		for q < end && t.ts[q].kind == number {
			q++
		}
		return q
	case unitWords[k.fold]:
		q := p + 1
		if t.is(q, ".") {
			q++
		}
		if t.is(q, "n") || t.is(q, "no") || t.is(q, "numero") {
			q++
		}
		if t.is(q, "°") || t.is(q, ".") {
			q++
		}
		u := t.at(q)
		if q < end && (u.kind == number && len(u.fold) <= 4 || u.kind == mixed && len(u.fold) <= 4 || u.kind == word && u.upper && len(u.fold) <= 2 && !t.is(q+1, "'") || u.fold == "gauche" || u.fold == "droite") {
			return q + 1
		}
	}
	return 0
}

// streetAt reads a street at p, with or without its number, and returns its end or 0.
func (t text) streetAt(p, end int) (to int, numbered bool) {
	q := p
	if t.is(q, "n") && t.is(q+1, "°") || t.is(q, "numero") {
		q++
		if t.is(q, "°") {
			q++
		}
	}
	if k := t.at(q); k.kind == number && len(k.fold) <= 4 || k.kind == mixed && len(k.fold) <= 7 && houseMixed(k.fold) {
		numbered = true
		q++
		// "12 bis", "12 B", "12-14", "12 et 14"
		switch f := t.at(q).fold; {
		case f == "bis" || f == "ter" || f == "quater" || len(f) == 1 && t.at(q).kind == word && t.at(q).upper && f <= "f" && !t.is(q+1, "'"):
			q++
			if t.is(q, ".") && !t.glued(q) {
				break
			}
		case (f == "-" || f == "/") && (t.at(q+1).kind == number || t.at(q+1).kind == mixed) && len(t.at(q+1).fold) <= 4:
			q += 2
		}
		if t.is(q, ",") {
			q++
		}
		if t.is(q, "de") && t.is(q+1, "la") && (wayWords[t.at(q+2).fold] || looseWays[t.at(q+2).fold]) {
			q += 2 // "au 11 de la rue Haute"
		}
	}
	k := t.at(q)
	loose := looseWays[k.fold] && (numbered || t.properAfter(q, end))
	if q >= end || k.kind != word || !wayWords[k.fold] && !loose {
		return 0, false
	}
	if k.fold == "r" && !numbered || k.fold == "av" && !t.is(q+1, ".") && !t.at(q+1).upper && !particles[t.at(q+1).fold] {
		return 0, false
	}
	q++
	if t.is(q, ".") {
		q++
	}
	to = t.properEnd(q, end, 3)
	if to == 0 {
		return 0, false
	}
	return to, numbered
}

// houseMixed reports whether a token of figures and letters is a house number: 12bis, 4B.
func houseMixed(f string) bool {
	i := 0
	for i < len(f) && f[i] >= '0' && f[i] <= '9' {
		i++
	}
	switch f[i:] {
	case "bis", "ter", "quater", "a", "b", "c", "d":
		return i <= 4
	}
	return false
}

// properAfter reports whether a capitalised name follows the way or site at q.
func (t text) properAfter(q, end int) bool {
	q++
	if t.is(q, ".") {
		q++
	}
	for n := 0; q < end && n < 3 && (particles[t.ts[q].fold] && !t.ts[q].upper || t.is(q, "'")); n++ {
		q++
	}
	return q < end && t.ts[q].upper
}

// stops are words that never go on with the name of a street in small letters.
var stops = words("et ou mais car donc or ni qui que quoi dont ou je j nous on il elle ils elles vous tu y en au aux pour par avec sans depuis devant derriere avant apres pendant est sont a ai avons avez ont " +
	"c ce cette ces ca cela ya svp stp merci mrc mon ma mes notre nos votre vos cote face niveau angle croisement vers entre pres jusqu jusque dans sur sous chez quand comment si ne pas plus tres " +
	"tel telephone bonjour cordialement etage appt appartement bat se s la-bas hier demain aujourd ce lundi mardi mercredi jeudi vendredi samedi dimanche un une ne n signale demande")

// properEnd returns the end of a proper name at q: particles and capitalised words, figures
// of a day ("8 Mai 1945"). Where it begins with a small letter it goes on for at most small
// words that are no stop. It returns 0 where there is no name.
func (t text) properEnd(q, end, small int) int {
	last, proper, low := 0, 0, 0
	for p := q; p < end; p++ {
		k := t.ts[p]
		switch {
		case k.fold == "'" && t.glued(p):
		case k.kind == word && particles[k.fold] && !k.upper, k.kind == word && k.upper && len(k.fold) == 1 && t.is(p+1, "'"),
			k.kind == word && !k.upper && proper > 0 && (k.fold == "en" || k.fold == "aux" || k.fold == "sur" || k.fold == "sous" || k.fold == "a" || k.fold == "au" || k.fold == "et") && low == 0 && t.properAfter(p, end) && t.joins(p):
		case k.kind == word && k.upper && !civilities[k.fold] && (proper == 0 || !notInStreet(k.fold)):
			proper++
			last = p + 1
			if strings.HasSuffix(t.s[k.from:k.to], ".") && t.at(p+1).kind == word && t.at(p+1).upper {
				continue
			}
		case k.kind == word && !k.upper && k.fold == "saint" || k.kind == word && civilities[k.fold] && k.upper && proper == 0 && len(k.fold) > 2:
			proper++
			last = p + 1
		case k.kind == number && len(k.fold) <= 2 && months[t.at(p+1).fold]:
			proper++
			last = p + 2
			p++
			if y := t.at(p + 1); y.kind == number && len(y.fold) == 4 {
				last++
				p++
			}
		case k.kind == word && !k.upper && (proper == 0 || low > 0) && low < small && !stops[k.fold] && (proper == 0 || !stopWords[k.fold]) && !unitWords[k.fold]:
			proper++
			low++
			last = p + 1
		default:
			return last
		}
		if proper > 6 {
			return last
		}
	}
	return last
}

// joins reports whether a small word at p may stand inside the name of a street: "rue Pierre
// et Marie Curie", "rue de Saint-Jean en Royans", not "rue Pasteur et Mme Petit".
func (t text) joins(p int) bool {
	n := t.at(p + 1)
	return !civilities[n.fold] && !wayWords[n.fold] && !t.is(p, "a") && !t.is(p, "au")
}

// notInStreet are capitalised words that begin the next thing.
func notInStreet(f string) bool {
	return wayWords[f] || siteWords[f] && f != "moulin" && f != "chateau" && f != "clos" && f != "domaine" && f != "ferme" && f != "tour" || unitWords[f] && f != "porte" && f != "tour" && f != "hall" || f == "tel" || f == "telephone" || stops[f] && f != "en" && f != "la" || closings[f]
}

// siteAt reads a named building, estate or hamlet at p: "résidence Les Alouettes", "rés. du
// Parc", "lieu-dit Les Essarts".
func (t text) siteAt(p, end int) int {
	k := t.at(p)
	if houses[k.fold] && named[t.at(p+1).fold] && p+2 < end {
		return t.quotedEnd(p+2, end)
	}
	if k.kind != word || !siteWords[k.fold] || p >= end {
		return 0
	}
	q := p + 1
	if t.is(q, ".") {
		q++
	}
	if (k.fold == "za" || k.fold == "zi" || k.fold == "zac" || k.fold == "mas" || k.fold == "lot" || k.fold == "ham") && !k.upper && !t.at(q).upper {
		return 0
	}
	if t.is(q, "\"") {
		q++
	}
	small := 0
	if k.fold == "residence" || k.fold == "lotissement" || k.fold == "hameau" || k.fold == "lieu-dit" || k.fold == "lieudit" || k.fold == "res" {
		small = 2
	}
	to := t.properEnd(q, end, small)
	if to > 0 && t.is(to, "\"") {
		to++
	}
	return to
}

// named stand between one of houses and what it is called: "maison dite « Les Tilleuls »".
var (
	houses = words("maison villa ferme pavillon chalet moulin")
	named  = words("dit dite nomme nommee appele appelee denomme denommee")
)

// quotedEnd returns the end of a proper name at q, with the quotation marks around it, or 0.
func (t text) quotedEnd(q, end int) int {
	if t.is(q, "\"") {
		q++
	}
	to := t.properEnd(q, end, 0)
	if to > 0 && to < end && t.is(to, "\"") {
		to++
	}
	return to
}

// careOfAt reads "chez Mme Petit" and "c/o M. Petit" at p.
func (t text) careOfAt(p, end int) int {
	var q int
	switch {
	case t.is(p, "chez"):
		q = p + 1
	case t.is(p, "c") && t.is(p+1, "/") && t.is(p+2, "o"):
		q = p + 3
	default:
		return 0
	}
	if n, ok := t.nameAt(q, end, false); ok && (n.civil || n.words+n.initials > 1) {
		return n.to
	}
	return 0
}

// postalAt reads a postal code and its town at p: "99100 Saint-Exemple", "F-99100 …".
func (t text) postalAt(p, end int) int {
	if t.is(p, "f") && t.is(p+1, "-") {
		p += 2
	}
	var q int
	switch k := t.at(p); {
	case k.kind == number && len(k.fold) == 5:
		q = p + 1
	case k.kind == number && len(k.fold) == 2 && t.at(p+1).kind == number && len(t.at(p+1).fold) == 3:
		q = p + 2
	default:
		return 0
	}
	if t.is(q, "-") || t.is(q, ",") {
		q++
	}
	if q >= end || t.ts[q].kind != word || stops[t.ts[q].fold] || t.is(q, "euros") || t.is(q, "eur") {
		return 0
	}
	to := t.properEnd(q, end, 2)
	// "CEDEX 9"
	if to > 0 && t.is(to-1, "cedex") && t.at(to).kind == number && to < end {
		to++
	}
	return to
}

// townAt reads a town without its code behind a street: "Saint-Exemple", "Le Bourg (99100)",
// at the end of its line.
func (t text) townAt(p, end int) int {
	if !t.is(p-1, ",") && !t.is(p-1, "a") && !t.is(p-1, "-") && t.at(p-1).kind != newline || !t.at(p).upper || t.at(p).kind != word || stopWords[t.at(p).fold] && !particles[t.at(p).fold] {
		return 0
	}
	to := t.properEnd(p, end, 0)
	if to == 0 {
		return 0
	}
	if t.is(to, "(") && t.at(to+1).kind == number && len(t.at(to+1).fold) == 5 && t.is(to+2, ")") {
		return to + 3
	}
	if t.at(p-1).kind == newline {
		// A name may stand there as well, but none begins so.
		if f := t.at(p).fold; (strings.HasPrefix(f, "saint-") || strings.HasPrefix(f, "sainte-")) && t.at(to).kind == newline {
			return to
		}
		return 0
	}
	if n := t.at(to); to < end && !t.is(p-1, "a") && n.kind != newline && n.fold != "." && n.fold != ")" {
		return 0
	}
	return to
}
