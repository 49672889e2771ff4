package place

import (
	"strings"
	"unicode"
)

// candidateKind is what a candidate is, the firmer the greater.
type candidateKind uint8

const (
	kindToponym candidateKind = iota
	kindLandmark
	kindArea
	kindPlot
	kindStreet
)

// candidate is a place that a text names.
type candidate struct {
	doc      *document
	from, to int // tokens of the name
	kind     candidateKind
	name     string
	number   string
	cross    string // the other street, where it has no candidate of its own
	numberAt int    // first token, of the number where there is one
	prep     int    // see located
	prepAt   int
	named    bool
	nameless bool // "le mail", "le talus": no place by itself
	schooled bool // a name of a school
	again    bool // also in the letter head
	home     bool // the writer's own address
	street   *listedStreet
	score    float64
	keyed    string                   // see key
	partAt   int                      // its first token where "de" binds it to the name, else -1
	part     string                   // the part of a public place that stands beside its name
	memo     map[string]*listedStreet // streets found in this message
}

// findIn gives the places named in d in their order.
func findIn(d *document, opts Options) []candidate {
	for w := range set(strings.ReplaceAll(fold(opts.Town), "'", "' ")) {
		d.town[w] = true
	}
	d.townNames()
	var out []candidate
	end := 0
	memo := map[string]*listedStreet{}
	for i := 0; i < len(d.tokens); i++ {
		if i < end || d.tokens[i].kind == punct || d.zoneOf(i) == zoneAside {
			continue
		}
		c, ok := d.candidateAt(i, opts.Streets, memo)
		if !ok {
			continue
		}
		end = c.to
		out = append(out, c)
	}
	return out
}

// townNames notes the names behind "mairie de", "ville de", "commune de", and of the place line "À X, le 14 mars".
func (d *document) townNames() {
	for i := range d.tokens {
		if d.is(i, "mairie", "ville", "commune") && d.is(i+1, "de", "d'") && i+2 < len(d.tokens) && d.tokens[i+2].capital {
			d.town[d.tokens[i+2].fold] = true
		}
		if d.is(i, ",") && d.is(i+1, "le") && i > 0 && i+3 < len(d.tokens) && d.tokens[i-1].capital && months[d.tokens[i+3].fold] {
			d.town[d.tokens[i-1].fold] = true
		}
	}
}

func (d *document) candidateAt(i int, streets *Streets, memo map[string]*listedStreet) (candidate, bool) {
	c := candidate{doc: d, from: i, numberAt: i, partAt: -1, memo: memo}
	if end, ok := d.plotAt(i); ok {
		c.to, c.kind, c.named = end, kindPlot, true
		c.finish(streets)
		return c, true
	}
	if end, w, ok := d.streetAt(i); ok {
		c.to, c.kind, c.named = end, kindStreet, true
		switch {
		case w.area:
			c.kind = kindArea
		case d.courtyard(i, end, w):
			c.kind = kindLandmark
		}
		c.number, c.numberAt = d.numberBefore(i)
		if c.number == "" {
			c.number, c.to = d.numberAfter(end)
			c.numberAt = i
		}
		if c.number != "" && c.kind == kindArea {
			c.kind = kindStreet
		}
		c.name = sentenceCase(d.cutText(i, end))
		c.finish(streets)
		return c, true
	}
	if cross, ok := d.typelessCrossing(i); ok {
		c.from, c.to, c.kind, c.named = i+1, i+2, kindStreet, true
		c.name, c.cross, c.numberAt = d.cutText(i+1, i+2), cross, i+1
		c.finish(streets)
		return c, true
	}
	if l, ok := d.landmarkAt(i, 0); ok && (l.named || l.bare || d.located(i) == 2 && !d.in(i-1, possessives)) {
		c.to, c.kind, c.named, c.nameless = l.to, kindLandmark, l.named, !l.named && (!l.bare || d.anyOne(i, l.to)) || d.is(i-1, "un", "une") && !d.properName(l)
		if i > 0 && d.in(i-1, oldNew) {
			c.from, c.numberAt = i-1, i-1
		}
		c.finish(streets)
		return c, true
	}
	if streets != nil {
		if s, end, ok := streets.bare(d, i); ok {
			c.to, c.kind, c.named, c.street = end, kindStreet, true, s
			c.number, c.numberAt = d.numberBefore(i)
			c.finish(streets)
			return c, true
		}
	}
	if from, end, ok := d.toponymAt(i); ok {
		c.from, c.to, c.kind = from, end, kindToponym
		c.finish(streets)
		return c, true
	}
	return c, false
}

// courtyard says whether the way of the tokens from i to j is the court of a building: "la cour de l'école", unlike
// "cour des Miracles".
func (d *document) courtyard(i, j int, w wayType) bool {
	if w.name != "cour" && w.name != "galerie" {
		return false
	}
	for k := i + 1; k < j; k++ {
		if landmarks[d.tokens[k].fold] {
			return true
		}
		if d.tokens[k].capital {
			return false
		}
	}
	return true
}

// anyOne says whether the unnamed landmark of the tokens from i to j is none of the town's: "une piscine", "ma
// piscine", "piscine 4 x 8".
func (d *document) anyOne(i, j int) bool {
	return d.is(i-1, "un", "une", "mon", "ma", "mes", "sa", "son", "chaque") || j < len(d.tokens) && d.tokens[j].kind == number && d.tokens[j].line == d.tokens[i].line
}

// typelessCrossing reads "angle Gambetta/Sablons": two names behind a word of crossing at token i.
func (d *document) typelessCrossing(i int) (other string, ok bool) {
	if !d.in(i, crossings) || i+3 >= len(d.tokens) || !d.is(i+2, "/") || !d.tokens[i+1].capital || !d.tokens[i+3].capital {
		return "", false
	}
	return d.cutText(i+3, d.moreCapitals(i+4)), true
}

// finish fills in what every candidate has.
func (c *candidate) finish(streets *Streets) {
	d := c.doc
	if c.name == "" {
		c.name = d.cutText(c.from, c.to)
		if c.kind != kindToponym {
			c.name = sentenceCase(c.name)
		}
		if rest, ok := strings.CutPrefix(c.name, "cim."); ok {
			c.name = "cimetière" + rest
		}
	}
	c.prep, c.prepAt = d.preposition(c.numberAt)
	if c.kind == kindLandmark && !c.nameless {
		c.readPart()
	}
	if c.street == nil && streets != nil && (c.kind == kindStreet || c.kind == kindArea) {
		c.street = streets.resolve(d, c)
	}
	c.keyed = c.makeKey()
	switch d.zoneOf(c.from) {
	case zoneHead:
		c.home = true
	case zoneTail:
		c.home = c.kind != kindToponym || !c.school() // "maman de Lou, CP aux Quatre-Vents"
	default:
		c.home = (c.kind == kindStreet || c.kind == kindArea) && (d.isHome(c.numberAt) || d.signed(c.numberAt, c.to))
	}
}

// sentenceCase takes the capital from a type of way or landmark at the start of a sentence ("Rue Haute" is "rue
// Haute"), and writes a name in capitals throughout as a name: "RUE DE LA FORGE" is "rue de la Forge".
func sentenceCase(s string) string {
	first, rest, _ := strings.Cut(s, " ")
	folded := fold(first)
	w, way := wayTypes[folded]
	if way && !w.short && len(rest) > 3 && strings.ToUpper(s) == s && !acronyms[folded] || landmarks[folded] && len(rest) > 3 && strings.ToUpper(s) == s {
		return lowerName(s)
	}
	if !way && !landmarks[folded] && folded != "parcelle" && folded != "carre" || len(first) < 3 || acronyms[folded] {
		return s
	}
	return strings.TrimSpace(strings.ToLower(first) + " " + rest)
}

// acronyms keep their capitals.
var acronyms = set("za zac zi zae ehpad")

// lowerName writes a name in capitals with small particles and one capital for each other word behind the type.
func lowerName(s string) string {
	words := strings.Fields(strings.ToLower(s))
	for i, w := range words {
		if i == 0 || inner[fold(w)] || particles[fold(w)] || landmarks[fold(w)] && i < len(words)-1 {
			continue
		}
		var b strings.Builder
		start := true
		for j, r := range w {
			if start && (j > 0 || !elidedArticle(w)) {
				r = unicode.ToUpper(r)
			}
			start = isApostrophe(r) || isHyphen(r)
			b.WriteRune(r)
		}
		words[i] = b.String()
	}
	return strings.Join(words, " ")
}

// elidedArticle says whether a word begins with "l'" or "d'".
func elidedArticle(w string) bool {
	w = fold(w)
	return strings.HasPrefix(w, "l'") || strings.HasPrefix(w, "d'")
}

// isHome says whether the address at token i of the running text is the writer's own: behind "j'habite au" or "chez
// moi," or beside the caller's name in a telephone note.
func (d *document) isHome(i int) bool {
	t := d.tokens[i]
	for j := i - 1; j >= 0 && j >= i-7 && d.tokens[j].sentence == t.sentence; j-- {
		if homeVerbs[d.tokens[j].fold] && (j+1 < len(d.tokens)) {
			return true
		}
		if d.is(j, "moi", "nous") && d.is(j-1, "chez") && d.is(j+1, ",", "(", "au") {
			return true
		}
		if d.is(j, ".", ";", ":", ",", "vit", "vivent") && j < i-1 {
			break
		}
	}
	return d.besideCaller(i)
}

// signed says whether the address of the tokens from i to j ends the text behind a name that begins a sentence:
// "Bonne journée. Jean Petit, 14 rue Haute".
func (d *document) signed(i, j int) bool {
	if !d.is(i-1, ",", "-") || len(d.tokens)-j > 6 {
		return false
	}
	k := i - 2
	for ; k >= 0 && k >= i-5 && d.tokens[k].capital; k-- {
		if d.tokens[k].sentence != d.tokens[i].sentence {
			break
		}
	}
	return i-2-k >= 2 && (k < 0 || d.tokens[k].sentence != d.tokens[i].sentence || d.tokens[k].kind == punct)
}

// bracketed says whether token i stands in brackets that open in its sentence.
func (d *document) bracketed(i int) bool {
	for j := i - 1; j >= 0 && j >= i-12 && d.tokens[j].sentence == d.tokens[i].sentence; j-- {
		if d.is(j, ")") {
			return false
		}
		if d.is(j, "(") {
			return true
		}
	}
	return false
}

// laterPerson says whether the title at token k is of another than the first person of the text, who is the caller.
func (d *document) laterPerson(k int) bool {
	return d.person >= 0 && d.person < k && d.tokens[d.person].sentence != d.tokens[k].sentence
}

// besideCaller says whether token i follows a person's name and a comma or a bracket: "M. Petit, 12 rue Haute, 06 …".
func (d *document) besideCaller(i int) bool {
	j := i - 1
	if !d.is(j, ",", "(") {
		return false
	}
	for k := j - 1; k >= 0 && k >= j-5; k-- {
		if titles[d.tokens[k].fold] {
			if d.is(k-1, "chez") {
				return false // "le chantier est chez Mme Petit, 12 rue Haute"
			}
			return k < j-1 && !d.laterPerson(k)
		}
		if !d.tokens[k].capital && !d.is(k, ".", "de", "le", "la") {
			return false
		}
	}
	return false
}
