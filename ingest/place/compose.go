package place

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// compose makes the place of candidate best, with what stands beside it.
func compose(found []candidate, best, home int, m mood, body *document) Place {
	c := &found[best]
	p := Place{Number: c.number}
	var known *listedStreet
	switch c.kind {
	case kindStreet:
		known = c.fillStreet(&p)
		p.Cross = c.cross
		if p.Cross == "" {
			p.Cross = crossOf(found, best)
		}
		if p.Number == "" {
			p.Number = c.numberApart(body)
		}
		if p.Number == "" && home >= 0 && m.home > 0 && found[home].key() == c.key() && found[home].number != "" {
			p.Number = found[home].number
		}
		if p.Cross != "" {
			break
		}
		if l := beside(found, best); l != "" {
			p.Landmark = l
		} else {
			p.Landmark = c.phraseBehind()
			if p.Landmark == "" {
				p.Landmark = c.spot()
			}
			if p.Landmark == "" && p.Number == "" {
				p.Landmark = c.postBeside()
			}
		}
	case kindPlot:
		p.Landmark = c.name
		if s := addressOf(found, best); s >= 0 {
			known = found[s].fillStreet(&p)
			p.Number = found[s].number
			break
		}
		if g := cemeteryOf(found, best); g != "" {
			p.Landmark = g + ", " + c.name
		}
		if s := streetBeside(found, best); s >= 0 {
			known = found[s].fillStreet(&p)
			p.Number = found[s].number
		}
	case kindArea:
		if c.street != nil {
			known = c.fillStreet(&p)
			p.Landmark = c.doorsOf()
		} else {
			p.Landmark = withPart(c.name, c.doorsOf())
		}
	default:
		p.Landmark = c.landmarkText()
		if c.part != "" && !strings.Contains(fold(p.Landmark), fold(c.part)) {
			p.Landmark += ", " + c.part
		}
		if l := beside(found, best); l != "" && !strings.Contains(p.Landmark, l) {
			p.Landmark += ", " + l
		}
		if s := streetBeside(found, best); s >= 0 {
			known = found[s].fillStreet(&p)
			p.Number = found[s].number
		}
	}
	stretch := span(found, best)
	switch {
	case stretch != "":
		p.Landmark = stretch
	case p.Cross == "":
		p.Landmark = joined(found, best, p.Landmark)
	}
	if p.Street == "" {
		p.Landmark = within(found, best, p.Landmark)
	}
	if q := quarterOf(found, best); q != "" && p.Cross == "" && !strings.Contains(p.Landmark, q) {
		p.Landmark = withPart(p.Landmark, q)
	}
	if known != nil {
		if pt, ok := known.point(p.Number); ok {
			p.Point = &pt
		}
	}
	p.Text = phrase(p)
	return p
}

// withPart joins two pieces of a place, of which either may be empty.
func withPart(whole, part string) string {
	if whole == "" || part == "" {
		return whole + part
	}
	return whole + ", " + part
}

// addressOf gives the house that the text names for the parcel of the subject, or -1: agents find a house sooner.
func addressOf(found []candidate, best int) int {
	if !found[best].doc.title {
		return -1
	}
	for i := range found {
		if s := &found[i]; !s.doc.title && s.kind == kindStreet && s.number != "" && !s.home && !s.compared() {
			return i
		}
	}
	return -1
}

// estateParts are the places that every residence has, so that the text's residence tells which is meant.
var estateParts = set("hall batiment immeuble parking local entree parc jardin terrain square allee")

// within adds the residence, lotissement or quarter that the text names to a place that lies in it and has no name of
// its own: "hall du bâtiment C" in a letter of the residence's owners.
func within(found []candidate, best int, landmark string) string {
	c := &found[best]
	if c.kind == kindLandmark && !c.properName() {
		for i := range found {
			if a := &found[i]; a.alone() && !strings.Contains(landmark, a.name) {
				return landmark + ", " + a.name
			}
		}
	}
	if c.kind != kindLandmark || !estateParts[c.doc.tokens[c.from].fold] || c.hasName() {
		return landmark
	}
	for i := range found {
		if a := &found[i]; a.kind == kindArea && i != best && !strings.Contains(landmark, a.name) {
			return landmark + ", " + a.name
		}
	}
	return landmark
}

// alone says whether the candidate is a public place of its own name that makes a sentence by itself, as notes end:
// "Cimetière de X."
func (c *candidate) alone() bool {
	d := c.doc
	if c.kind != kindLandmark || c.home || d.title || !c.properName() {
		return false
	}
	first := c.from == 0 || d.tokens[c.from-1].sentence != d.tokens[c.from].sentence || d.tokens[c.from-1].line != d.tokens[c.from].line
	return first && (c.to == len(d.tokens) || d.is(c.to, ".") || d.tokens[c.to].line != d.tokens[c.to-1].line)
}

// hasName says whether the landmark has a name, longer than a building's letter.
func (c *candidate) hasName() bool {
	for k := c.from + 1; k < c.to; k++ {
		if t := c.doc.tokens[k]; t.capital && len(t.fold) > 1 || landmarks[t.fold] && !private[t.fold] {
			return true
		}
	}
	return false
}

// cemeteryOf gives the cemetery of a plot that is no parcel of the land register, or nothing.
func cemeteryOf(found []candidate, best int) string {
	c := &found[best]
	if c.doc.is(c.from, "parcelle", "parcelles") {
		return ""
	}
	for i := range found {
		if g := &found[i]; g.kind == kindLandmark && !g.home && g.doc == c.doc && strings.Contains(fold(g.name), "cimetiere") {
			return g.name
		}
	}
	return ""
}

// joined adds the second of two places that the text names as one: "devant la mairie et sur le pont", "rue Haute + escalier du Four".
func joined(found []candidate, best int, landmark string) string {
	c := &found[best]
	if best+1 >= len(found) {
		return landmark
	}
	next := &found[best+1]
	if next.doc != c.doc || next.kind == kindStreet && next.number != "" || !c.doc.is(c.to, "et", "+") || next.prepAt-c.to > 4 || next.home {
		return landmark
	}
	text := next.landmarkText()
	switch {
	case strings.Contains(landmark, text):
		return landmark
	case landmark == "":
		return text
	}
	return landmark + " et " + text
}

// fillStreet sets the street as the list names it, or as written, and gives the list's.
func (c *candidate) fillStreet(p *Place) *listedStreet {
	p.Street = c.name
	if c.street != nil {
		p.Street, p.Known = c.street.name, true
	}
	return c.street
}

// phrase writes a place for people.
func phrase(p Place) string {
	parts := make([]string, 0, 3)
	street := strings.TrimSpace(p.Number + " " + p.Street)
	if p.Cross != "" {
		street = "croisement " + p.Street + " / " + p.Cross
	}
	if p.Street != "" && p.Number == "" && p.Cross == "" && strings.Contains(fold(p.Landmark), " "+fold(p.Street)) {
		street = "" // "entre la gare et la rue Haute" says it all
	}
	for _, s := range []string{street, p.Landmark} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, ", ")
}

// landmarkText is the landmark with its preposition: "derrière la médiathèque".
func (c *candidate) landmarkText() string {
	d := c.doc
	from := c.from
	if c.partAt >= 0 {
		from = c.partAt
	}
	if c.prep == 2 {
		from = min(from, c.prepAt)
		if from == c.prepAt && d.in(from-1, bearers) {
			from--
		} else if path := d.pathBefore(from); path != "" {
			return path + " " + d.cutText(from, c.to)
		}
	}
	s := d.cutText(from, c.to)
	if c.kind == kindToponym && (c.prep < 2 || c.schooled) {
		if c.schooled {
			return schoolOf(d, c)
		}
		switch {
		case d.is(c.from-1, "aux", "des"):
			return "Les " + c.name
		case d.is(c.from-1, "la"):
			return "La " + c.name
		case d.is(c.from-1, "l'"):
			return "L'" + c.name
		}
		return c.name
	}
	if from == c.from {
		return c.name
	}
	r, size := utf8.DecodeRuneInString(s)
	return string(unicode.ToLower(r)) + s[size:]
}

// school says whether a name behind an article is that of a school, by the words about it in its sentence.
func (c *candidate) school() bool {
	d := c.doc
	for j := max(0, c.from-20); j < min(len(d.tokens), c.from+20); j++ {
		if schoolWords[d.tokens[j].fold] && d.tokens[j].sentence == d.tokens[c.from].sentence {
			return true
		}
	}
	return false
}

// schoolOf writes "école des Quatre-Vents" for "aux Quatre-Vents".
func schoolOf(d *document, c *candidate) string {
	of := ""
	switch {
	case d.is(c.from-1, "au", "du"):
		of = "du "
	case d.is(c.from-1, "aux", "des"):
		of = "des "
	case d.is(c.from-1, "la"):
		of = "de la "
	case d.is(c.from-1, "l'"):
		of = "de l'"
	}
	return "école " + of + c.name
}

// crossOf gives the street that meets that of candidate best: the next one, with a word of crossing before both or a
// stroke between them.
func crossOf(found []candidate, best int) string {
	c := &found[best]
	for _, i := range []int{best + 1, best - 1} {
		if i < 0 || i >= len(found) || found[i].doc != c.doc || found[i].kind != kindStreet || found[i].key() == c.key() {
			continue
		}
		a, b := c, &found[i]
		if a.from > b.from {
			a, b = b, a
		}
		if b.numberAt-a.to > 5 || a.to > b.numberAt {
			continue
		}
		d := c.doc
		meets := d.is(a.to, "/") || d.is(a.to, "x") || d.is(b.from-2, "sur") || d.is(a.to, "angle", "croisement")
		for j := a.from - 1; j >= 0 && j >= a.from-6 && !meets; j-- {
			meets = crossings[d.tokens[j].fold]
		}
		if meets {
			return b.nameOrKnown(a, c)
		}
	}
	// "la sortie de l'impasse … on débouche sur le boulevard"
	for i := range found {
		o := &found[i]
		if o.doc.title || o.kind != kindStreet || o.home || o.key() == c.key() || !o.doc.is(o.from-2, "sur") {
			continue
		}
		for j := o.from - 3; j >= 0 && j >= o.from-7; j-- {
			if crossings[o.doc.tokens[j].fold] {
				return o.nameOrKnown(o, c)
			}
		}
	}
	return ""
}

// nameOrKnown gives the name of whichever of b and a is not c.
func (c *candidate) nameOrKnown(other, not *candidate) string {
	if c == not {
		c = other
	}
	if c.street != nil {
		return c.street.name
	}
	return c.name
}

// numberApart gives the house number that stands apart from the street but belongs to it, the nearest within two
// sentences; of a street that only the subject names, the first in the text.
func (c *candidate) numberApart(body *document) string {
	d := c.doc
	value, distance := "", maxApart
	for _, h := range d.numbersApart() {
		away := max(h.from-c.to, c.from-h.to)
		gap := d.tokens[h.from].sentence - d.tokens[c.from].sentence
		if z := d.zoneOf(h.from); gap > 2 || gap < -1 || away < 0 || away >= distance || z != zoneBody && z != zoneObject {
			continue
		}
		value, distance = h.value, away
	}
	if value != "" || !d.title || body.title {
		return value
	}
	for _, h := range body.numbersApart() {
		if body.zoneOf(h.from) == zoneBody {
			return h.value
		}
	}
	return ""
}

// maxApart is the number of tokens that may stand between a street and its number.
const maxApart = 80

// beside gives the landmark that makes the street of candidate best more precise: in its sentence, with a firm
// preposition or a plot.
func beside(found []candidate, best int) string {
	c := &found[best]
	out, distance := "", 12
	if c.kind != kindStreet {
		distance = 4
	}
	for i := range found {
		l := &found[i]
		if l.doc != c.doc || i == best || l.kind == kindStreet || l.home != c.home || l.doc.tokens[l.from].sentence != c.doc.tokens[c.from].sentence {
			continue
		}
		if l.kind == kindLandmark && c.kind == kindStreet && l.borders(c) {
			return l.landmarkText()
		}
		if l.prep < 2 && l.kind != kindPlot && l.kind != kindArea {
			continue
		}
		away := max(l.prepAt-c.to, c.numberAt-l.to)
		if away >= 0 && away < distance {
			out, distance = l.landmarkText(), away
		}
	}
	return out
}

// borders says whether the public place is the thing and the street only its side: "le mur du collège X, côté rue Y",
// or the street stands right behind it: "magasin de sport rue Y".
func (c *candidate) borders(street *candidate) bool {
	d := c.doc
	if street.numberAt == c.to {
		return c.named
	}
	k := c.to
	if d.is(k, ",", "(") {
		k++
	}
	return d.is(k, "cote") && street.numberAt == k+1
}

// streetBeside gives the street in the sentence of candidate best, or -1.
func streetBeside(found []candidate, best int) int {
	c := &found[best]
	for i := range found {
		s := &found[i]
		if s.doc == c.doc && s.kind == kindStreet && !s.home && !s.compared() && s.doc.tokens[s.from].sentence == c.doc.tokens[c.from].sentence {
			return i
		}
	}
	return -1
}

// phraseBehind reads the precision right behind a street: "(face au laboratoire d'analyses)", "côté impair".
func (c *candidate) phraseBehind() string {
	d := c.doc
	i := c.to
	for i < c.to+3 && d.is(i, ",", "(", "juste", "-") {
		i++
	}
	if i >= len(d.tokens) || !d.in(i, before) && !d.is(i, "cote", "au", "a") || d.tokens[i].line > d.tokens[c.to-1].line+1 {
		return ""
	}
	j := i + 1
	if d.is(i, "au", "a") {
		k := j
		if d.is(k, "l'") {
			k++
		}
		if !d.in(k, spots) || d.is(k, "milieu", "fond") {
			return ""
		}
	}
	noun := false
	for j < len(d.tokens) && j < i+8 {
		t := d.tokens[j]
		if t.kind == punct || t.kind == number || t.line != d.tokens[i].line || noun && !inner[t.fold] && !inner[d.tokens[j-1].fold] && !t.capital {
			break
		}
		if !inner[t.fold] && !determiners[t.fold] && !spots[t.fold] && t.fold != "impair" && t.fold != "pair" && (flat[t.fold] || homeVerbs[t.fold]) {
			break
		}
		noun = noun || !inner[t.fold] && !determiners[t.fold] && !spots[t.fold]
		j++
	}
	for j > i && (inner[d.tokens[j-1].fold] || determiners[d.tokens[j-1].fold]) {
		j--
	}
	if !noun || j <= i+1 {
		return ""
	}
	return calm(d.cutText(i, j))
}

// calm writes a phrase in capitals throughout in small letters.
func calm(s string) string {
	if strings.ToUpper(s) == s {
		return strings.ToLower(s)
	}
	return s
}

// spot gives the part of a street that the words before it say: "en bas", "au coin", "tout le haut".
func (c *candidate) spot() string {
	d := c.doc
	if c.prep < 2 || c.number != "" {
		return ""
	}
	for j := c.prepAt; j < c.numberAt; j++ {
		if streetParts[d.tokens[j].fold] {
			s := d.cutText(c.prepAt, j+1)
			if d.tokens[c.prepAt].capital {
				s = strings.ToLower(s)
			}
			return s
		}
	}
	return ""
}

// streetParts are the parts of a street.
var streetParts = set("coin angle entree sortie bout bas haut fond debut milieu")
