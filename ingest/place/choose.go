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
	for i := range found {
		c := &found[i]
		if c.home {
			if home < 0 && (c.kind == kindStreet || c.kind == kindArea) {
				home = i
			}
			continue
		}
		c.score = c.weigh(moods, i)
		if c.again {
			c.score += weightAgain
		}
		if first, again := seen[c.key()]; again {
			found[first].score += min(weightAgain, c.score/4)
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
	if best >= 0 && found[best].score >= threshold {
		return compose(found, inBody(found, best), home, moods, body), true
	}
	if !moods.atHome() {
		return Place{}, false
	}
	if home >= 0 {
		return compose(found, home, -1, moods, body), true
	}
	return addressPlace(opts)
}

// spread tells the mentions of one name of each other: a name that one sentence or the letter head calls a school's is
// a school's in all.
func spread(found []candidate) {
	schools, heads := map[string]bool{}, map[string]bool{}
	for i := range found {
		if c := &found[i]; c.kind == kindToponym {
			schools[c.key()] = schools[c.key()] || c.school()
			heads[c.key()] = heads[c.key()] || c.home
		}
	}
	for i := range found {
		if c := &found[i]; c.kind == kindToponym {
			c.schooled, c.again = schools[c.key()], heads[c.key()]
		}
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
	return Place{}, false
}
