package place

import (
	"slices"
	"strings"
)

// choose takes the best of the candidates and makes a Place of it.
func choose(found []candidate, title, body *document, opts Options) (Place, bool) {
	moods := moodOf(body)
	tm := moodOf(title)
	moods.subject = tm.physical > 0
	moods.physical += tm.physical
	moods.admin += tm.admin
	moods.home += tm.home
	best, home := -1, -1
	seen := map[string]int{}
	spread(found)
	named := 0 // places before this one that are not the writer's home
	for i := range found {
		c := &found[i]
		if c.home {
			if home < 0 && (c.kind == kindStreet || c.kind == kindArea) {
				home = i
			}
			continue
		}
		c.score = c.weigh(moods, named)
		named++
		if c.again {
			c.score += weightAgain
		}
		if first, again := seen[c.key()]; again {
			more := weightAgain
			if found[first].doc.title != c.doc.title || found[first].doc.zoneOf(found[first].from) == zoneObject {
				more = weightTold
			}
			found[first].score += min(more, c.score/2)
			found[first].score = max(found[first].score, c.score)
			if found[first].number == "" && c.number != "" {
				found[first].number = c.number
			}
		} else {
			seen[c.key()] = i
		}
	}
	for i := range found {
		if !found[i].home && (best < 0 || found[i].score > found[best].score) {
			best = i
		}
	}
	best = properOver(found, best)
	best = holderOver(found, best)
	if best >= 0 && found[best].score >= threshold {
		return compose(found, inBody(found, best), home, moods, body), true
	}
	if !moods.atHome() {
		return Place{}, false
	}
	if home >= 0 {
		return compose(found, home, -1, moods, body), true
	}
	if p, ok := body.hamletHead(); ok {
		return p, true
	}
	return addressPlace(opts)
}

// properOver gives the place of a proper name in the text where the best one is only a kind that the subject names:
// the subject says "piscine municipale", the text which.
func properOver(found []candidate, best int) int {
	if best < 0 || !found[best].doc.title || found[best].kind != kindLandmark || found[best].properName() {
		return best
	}
	proper := best
	for i := range found {
		c := &found[i]
		if !c.doc.title && !c.home && c.score >= threshold && (c.kind == kindStreet || c.properName()) && (proper == best || c.score > found[proper].score) {
			proper = i
		}
	}
	return proper
}

// holderOver gives the public place that the text names by the best one's name: the subject says "parcelle au Wacken",
// the text "aux jardins ouvriers du Wacken".
func holderOver(found []candidate, best int) int {
	if best < 0 || found[best].kind != kindToponym || found[best].schooled {
		return best
	}
	for i := range found {
		c := &found[i]
		if c.kind == kindLandmark && c.named && !c.home && strings.HasSuffix(c.key(), " "+found[best].key()) {
			c.score = max(c.score, found[best].score)
			return i
		}
	}
	return best
}

// properName says whether the candidate's name has a capital behind its first word.
func (c *candidate) properName() bool {
	return c.doc.properName(landmark{from: c.from, to: c.to})
}

// spread tells the mentions of one name of each other: a name that one sentence or the letter head calls a school's is
// a school's in all.
func spread(found []candidate) {
	schools, heads := map[string]bool{}, map[string]bool{}
	for i := range found {
		c := &found[i]
		if c.kind == kindToponym {
			schools[c.key()] = schools[c.key()] || c.school()
		}
		if c.kind == kindToponym || c.kind == kindLandmark && c.named {
			heads[c.key()] = heads[c.key()] || c.home
		}
	}
	for i := range found {
		c := &found[i]
		c.schooled, c.again = schools[c.key()], heads[c.key()]
	}
}

// inBody gives the mention in the running text of a place that the subject names: more stands beside it there.
func inBody(found []candidate, best int) int {
	if !found[best].doc.title {
		return best
	}
	for i := range found {
		if !found[i].doc.title && !found[i].home && found[i].kind == found[best].kind && found[i].key() == found[best].key() {
			if found[i].number == "" {
				found[i].number = found[best].number
			}
			return i
		}
	}
	return best
}

// key is the street's or landmark's name made comparable.
func (c *candidate) key() string { return c.keyed }

func (c *candidate) makeKey() string {
	if c.street != nil {
		return c.street.key
	}
	if c.kind == kindPlot {
		words := contentWords(c.name)
		return strings.Join(slices.DeleteFunc(words, func(w string) bool { return plotWords[w] }), " ")
	}
	return streetKey(c.name)
}

// plotWords stand in the reference of a plot or not.
var plotWords = set("parcelle parcelles cadastree cadastrees section n numero no ref")

// addressPlace is the place of a matter at home where only the channel gave the address.
func addressPlace(opts Options) (Place, bool) {
	if opts.Address == "" {
		return Place{}, false
	}
	d := newDocument(clean(opts.Address, maxSubject), true)
	found := findIn(d, Options{Streets: opts.Streets, Town: opts.Town})
	for i := range found {
		if found[i].kind == kindStreet || found[i].kind == kindArea {
			return compose(found, i, -1, mood{}, d), true
		}
	}
	return d.hamletAddress()
}

// hamletHead reads an address without a street from a letter's head or a signature: the line between the name and the
// postal code.
func (d *document) hamletHead() (Place, bool) {
	for i := 2; i < len(d.lines); i++ {
		l, above := d.lines[i], d.lines[i-1]
		if !l.postal || l.zone != zoneHead && l.zone != zoneTail {
			continue
		}
		if d.lines[i-2].zone != l.zone || above.zone != l.zone {
			return Place{}, false
		}
		address := newDocument(d.text[d.tokens[above.from].start:d.tokens[l.to-1].end], true)
		return address.hamletAddress()
	}
	return Place{}, false
}

// hamletAddress reads an address without a street, as the country has them: "Les Capucines, 99100 Ville". Its first
// part is the place, if it is neither a town nor a number of a box or flat.
func (d *document) hamletAddress() (Place, bool) {
	end := 0
	for end < len(d.tokens) && (d.tokens[end].kind == word || d.tokens[end].kind == elided) {
		end++
	}
	if end == 0 || end > maxName || end == len(d.tokens) || !d.is(end, ",") && d.tokens[end].line == d.tokens[0].line {
		return Place{}, false
	}
	for i := range end {
		if titles[d.tokens[i].fold] || institutions[d.tokens[i].fold] || d.in(i, d.town) || d.is(i, "bp", "cs", "appt", "appartement", "etage", "chez", "sans") {
			return Place{}, false
		}
	}
	name := d.cutText(0, end)
	return Place{Landmark: name, Text: name}, true
}
