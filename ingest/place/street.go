package place

import (
	"strings"
	"unicode/utf8"
)

// maxName is the number of tokens that a name may have.
const maxName = 9

// wayAt reads the type of a way at token i, and gives the token behind it.
func (d *document) wayAt(i int) (w wayType, next int, ok bool) {
	t := d.tokens[i]
	if t.kind != word {
		return w, 0, false
	}
	if d.near(i) && (t.fold == "rond" || t.fold == "lieu" || t.fold == "zone" || t.fold == "contre") {
		if name, found := doubleTypes[t.fold+" "+d.tokens[i+1].fold]; found {
			return wayTypes[name], i + 2, true
		}
	}
	w, ok = wayTypes[t.fold]
	if !ok || w.name == "allee" && d.participle(i) || w.name != "cite" && strings.HasSuffix(t.fold, "e") && !strings.HasSuffix(t.fold, "ee") && d.accented(t) {
		return w, 0, false
	}
	next = i + 1
	if !w.short {
		return w, next, true
	}
	if t.fold == "r" && t.capital && d.is(next, ".") && (i == 0 || d.tokens[i-1].line != t.line) && d.near(next) && d.tokens[next+1].capital {
		return w, 0, false // the signature "R. Martin"
	}
	// An abbreviation needs its full stop, a house number before it, or a capital behind it; "bd" and its like need none.
	if d.is(next, ".") && d.tokens[next].start == t.end {
		return w, next + 1, true
	}
	if len(t.fold) >= 3 && w.name != "residence" && w.name != "lotissement" && w.name != "chemin" || t.fold == "bd" || t.fold == "av" ||
		i > 0 && (d.tokens[i-1].kind == number || d.is(i-1, "bis", "ter", ",") && i > 1 && d.tokens[i-2].kind == number) {
		return w, next, true
	}
	for j := next; j < len(d.tokens) && j < next+4; j++ {
		if d.tokens[j].capital {
			return w, next, true
		}
		if !d.in(j, inner) {
			break
		}
	}
	return w, 0, false
}

// auxiliaries make a participle of "allée": "je suis allée voir".
var auxiliaries = set("suis es est sommes etes sont etais etait ete pas deja m'y y")

// participle says whether "allée" at token i is the verb.
func (d *document) participle(i int) bool {
	return d.in(i-1, auxiliaries) || d.is(i+1, "au", "aux") && !d.in(i-1, determiners) && i > 0 && d.tokens[i-1].kind != number
}

// accented says whether a word ends with "é", as in "placé" and "traversé", which fold to types of ways.
func (d *document) accented(t token) bool {
	s := d.text[t.start:t.end]
	return strings.HasSuffix(s, "é") || strings.HasSuffix(s, "É")
}

// qualifiers may stand between the type and the name.
var qualifiers = set("pieton pietonnier pietonne pietonniere communal communale rural vicinal forestier cyclable privee")

// streetAt reads a street at token i. named tells a way with a name from a bare type.
func (d *document) streetAt(i int) (end int, w wayType, ok bool) {
	if end, ok = d.roadNumber(i); ok {
		return end, wayTypes["route"], true
	}
	if d.in(i, highStreets) && (!d.is(i, "grand", "grande") || d.is(i+1, "rue") && d.near(i)) {
		end = i + 1
		if d.is(i, "grand", "grande") {
			end++
		}
		return d.moreCapitals(end), wayTypes["rue"], d.tokens[i].capital || !d.in(i-1, possessives)
	}
	if end, ok = d.regional(i); ok {
		return end, wayTypes["rue"], true
	}
	w, next, ok := d.wayAt(i)
	if !ok || !d.near(next-1) {
		return 0, w, false
	}
	if d.in(next, qualifiers) && d.in(next+1, inner) {
		next++
	}
	end = d.nameEnd(next, w, i)
	return end, w, end > next
}

// highStreets are the high streets whose name holds the type.
var highStreets = set("grand'rue grand-rue grande-rue grand grande")

// roads are the classes of numbered roads: "RD 43", "D43", "route départementale 43".
var roads = set("rd rn d n cd vc cr c")

// roadNumber reads a numbered road.
func (d *document) roadNumber(i int) (int, bool) {
	t := d.tokens[i]
	if t.kind != word {
		return 0, false
	}
	upper := t.fold != d.text[t.start:t.end]
	letters := strings.TrimRight(t.fold, "0123456789")
	digits := len(t.fold) - len(letters)
	if digits > 0 && digits < 5 && roads[letters] && (upper || len(letters) == 2) && letters != "c" && letters != "n" || digits > 0 && letters == "n" && upper && digits < 4 {
		return i + 1, true
	}
	if roads[t.fold] && upper && (len(t.fold) == 2 || d.is(i, "d", "n") && d.is(i-1, "la")) || t.fold == "departementale" || t.fold == "nationale" {
		j := i + 1
		if d.is(j, "n°", "numero") {
			j++
		}
		if j < len(d.tokens) && d.tokens[j].kind == number && len(d.tokens[j].fold) < 5 && !d.in(j+1, units) {
			return j + 1, true
		}
	}
	return 0, false
}

// german reads a field or street name of the German east that begins with a preposition: "Am Kirchberg", "auf der Heide".
func (d *document) german(i int) (int, bool) {
	if d.is(i, "am", "im", "zum", "zur") && d.tokens[i].capital && d.near(i) && d.tokens[i+1].capital && !d.allCapitals(i+1) {
		return i + 2, true
	}
	if d.is(i, "auf", "an", "in", "bei", "hinter", "unter", "ober") && d.is(i+1, "der", "den", "dem") && d.near(i+1) && d.tokens[i+2].capital {
		return i + 3, true
	}
	return 0, false
}

// regional reads a name whose type stands behind it or ends the word: "Elizako karrika", "Judengass".
func (d *document) regional(i int) (int, bool) {
	t := d.tokens[i]
	if end, ok := d.german(i); ok {
		return end, true
	}
	if !t.capital || t.kind != word {
		return 0, false
	}
	for _, suffix := range [...]string{"gass", "gasse", "strasse", "straße", "strooss", "gaessel", "gassel", "weg", "platz"} {
		if len(t.fold) > len(suffix)+2 && strings.HasSuffix(t.fold, suffix) {
			return i + 1, true
		}
	}
	if d.is(i+1, "karrika", "bidea", "plaza", "etorbidea") && d.near(i) {
		return i + 2, true
	}
	return 0, false
}

// nameEnd reads the name of a way from token i, and gives the token behind it, or i where there is none. at is the
// token of the type.
func (d *document) nameEnd(i int, w wayType, at int) int {
	if end := d.quotedName(i); end > i {
		return end
	}
	j := i
	for j < len(d.tokens) && j < i+3 && d.in(j, inner) && d.near(j-1) {
		j++
	}
	if j == i && d.is(j, "ar", "an", "al") && d.near(j) && d.tokens[j+1].capital {
		j++ // the Breton article: "hent ar Roz"
	}
	if j >= len(d.tokens) || !d.near(j-1) || (w.loose || w.area) && d.is(i, "au", "aux") {
		return i
	}
	t := d.tokens[j]
	if t.line != d.tokens[at].line && j == i && !t.capital {
		return i
	}
	if t.kind == number {
		return d.numberName(i, j)
	}
	if other := wayTypes[t.fold]; other.area && !t.capital && d.is(i, "au", "aux") {
		return i // "la route au quartier X"
	}
	if other, ok := wayTypes[t.fold]; ok && !other.loose && !other.short && (j == i || !t.capital || throughWays[t.fold]) {
		return i // "la chaussée rue X", "le carrefour de la rue X"
	}
	if t.kind != word || d.in(j, d.town) && w.loose {
		return i
	}
	if t.capital {
		if w.loose && j == i && (d.allCapitals(j) && !d.allCapitals(at) || d.inTitleCase(at)) {
			return i // "par mail UNIQUEMENT", "Undelivered Mail Returned"
		}
		if titles[t.fold] && t.fold != "docteur" && t.fold != "dr" || j == i && flat[t.fold] && t.fold != "haut" && t.fold != "bas" && nameAbbreviations[t.fold] == "" {
			return i
		}
		return d.moreCapitals(j + 1)
	}
	begins := prefixes[t.fold] && d.near(j) && d.tokens[j+1].kind == word
	if flat[t.fold] && !begins || determiners[t.fold] || homeVerbs[t.fold] || !d.smallName(i, j, w, at) {
		return i
	}
	return d.moreSmall(j)
}

// throughWays are types that do not begin the name of another way.
var throughWays = set("rue avenue boulevard impasse route")

// smallName says whether the small-lettered word j is the start of a name, the words from i before it being particles.
func (d *document) smallName(i, j int, w wayType, at int) bool {
	t := d.tokens[j].fold
	definite := false
	for k := i; k < j; k++ {
		definite = definite || d.is(k, "du", "des") || d.is(k, "la", "l'", "les", "le", "aux") && (k > i || !w.loose)
	}
	known := bareNames[t] || prefixes[t] || strings.Contains(t, "-")
	if w.loose || w.area {
		switch {
		case generic[t], possessives[foldAt(d, at-1)]:
			return false // "place de stationnement", "votre place"
		case j == i && (!w.area || !known):
			return false
		case w.name == "place" && d.is(at-1, "de", "une", "derniere", "dernieres", "seule", "aucune", "quelle"):
			return false // "demande de place à l'école"
		case !definite && !strings.HasPrefix(t, "saint"):
			return false
		}
		return w.area || landmarks[t] || known || d.title || d.located(at) > 0
	}
	if j == i {
		return known || !d.in(at-1, determiners) && !flat[t] && !generic[t] && utf8.RuneCountInString(t) > 3
	}
	return !generic[t] && (definite || utf8.RuneCountInString(t) > 2)
}

// germanArticles stand within the German names of the east.
var germanArticles = set("der die das dem den im am zum zur")

// moreCapitals reads on over capital words with particles between them, from token j behind the first word.
func (d *document) moreCapitals(j int) int {
	start := j
	for j < len(d.tokens) && j < start+maxName {
		prev := d.tokens[j-1]
		if d.tokens[j].line != prev.line && !prefixes[prev.fold] {
			break
		}
		k := j
		for k > start-1 && k < j+2 && d.in(k, germanArticles) {
			k++ // "Auf der Heide", "An den Reben"
		}
		if d.is(k, ".") && d.tokens[k].start == prev.end && (nameAbbreviations[prev.fold] != "" || len(prev.fold) == 1) {
			k++
		}
		if d.is(k, "de", "du", "des", "d'") {
			for k < len(d.tokens) && k < j+3 && d.in(k, inner) {
				k++
			}
		}
		if k >= len(d.tokens) || d.tokens[k].line > prev.line+1 || d.in(k, d.town) {
			break
		}
		t := d.tokens[k]
		if t.kind == number && k == j && months[prev.fold] && len(t.fold) == 4 {
			return k + 1
		}
		_, way := wayTypes[t.fold]
		small := !t.capital && prefixes[prev.fold] && k == j && t.kind == word && !flat[t.fold] && !determiners[t.fold]
		if !small && (t.kind != word || !t.capital || flat[t.fold] || determiners[t.fold] || titles[t.fold] || way && k == j) {
			break
		}
		j = k + 1
	}
	return j
}

// moreSmall reads on from the small-lettered first word j of a name: over the words that need another, and over one
// "du …" where the phrase ends behind it.
func (d *document) moreSmall(j int) int {
	for n := 0; n < 3 && prefixes[d.tokens[j].fold] && d.near(j); n++ {
		k := j + 1
		for k < len(d.tokens) && d.is(k, "de", "du", "la", "d'", "des", "l'") && n == 0 && d.is(j, "champ", "champs", "pre", "clos", "croix", "val", "font", "maison", "general", "general") {
			k++
		}
		if k >= len(d.tokens) || d.tokens[k].kind != word || flat[d.tokens[k].fold] || determiners[d.tokens[k].fold] || inner[d.tokens[k].fold] {
			break
		}
		j = k
	}
	end := j + 1
	if end < len(d.tokens) && d.tokens[end].capital && d.tokens[end].kind == word && d.tokens[end].line == d.tokens[j].line && !flat[d.tokens[end].fold] {
		return d.moreCapitals(end)
	}
	k := end
	for k < len(d.tokens) && k < end+2 && d.is(k, "de", "du", "des", "la", "l'", "d'") && d.tokens[k].line == d.tokens[j].line {
		k++
	}
	if k == end || k >= len(d.tokens) || d.tokens[k].kind != word || d.tokens[k].line != d.tokens[j].line {
		return end
	}
	w := d.tokens[k].fold
	if flat[w] || possessives[w] || determiners[w] || generic[w] || months[w] || units[w] || homeVerbs[w] || d.in(k, d.town) || spots[w] {
		return end
	}
	if d.tokens[k].capital {
		return d.moreCapitals(k + 1)
	}
	// "chemin de l'étang du moulin," is one name; "rue des lilas du conseil a voté" is not to be told from it but by the end.
	if k+1 == len(d.tokens) || d.tokens[k+1].kind == punct || d.tokens[k+1].line != d.tokens[k].line {
		return k + 1
	}
	return end
}

// numberName reads "du 11 Novembre 1918", "des 4 Vents"; j is the number.
func (d *document) numberName(i, j int) int {
	if j == i || d.is(j-1, "le", "la") || !d.near(j) || d.tokens[j+1].kind != word || len(d.tokens[j].fold) > 2 {
		return i
	}
	w := d.tokens[j+1].fold
	if t, ok := wayTypes[w]; ok && !t.loose {
		return i // "la villa du 40 avenue des Cèdres"
	}
	if months[w] {
		if d.is(j-1, "du", "des") && j+2 < len(d.tokens) && d.tokens[j+2].kind == number && len(d.tokens[j+2].fold) == 4 {
			return j + 3
		}
		return j + 2
	}
	if units[w] || flat[w] || determiners[w] || !d.tokens[j+1].capital && d.is(j-1, "de", "d'") {
		return i
	}
	return d.moreCapitals(j + 2)
}

// quotedName reads a name in quotation marks.
func (d *document) quotedName(i int) int {
	if !d.is(i, "«", "\"", "“") {
		return i
	}
	for j := i + 1; j < len(d.tokens) && j < i+maxName; j++ {
		if d.is(j, "»", "\"", "”") && j > i+1 {
			return j + 1
		}
	}
	return i
}

// spotLeads says whether the noun of position at token s leads to the place behind the preposition at token k: "en bas
// de", "face à", but not "le portail du bas au cimetière" nor the vague "du côté de la gare".
func (d *document) spotLeads(s, k int) bool {
	if d.is(s, "cote") && d.is(s-1, "du") {
		return false
	}
	return !d.is(k, "a", "au", "aux") || d.is(s, "face", "droit", "coin", "angle", "niveau", "hauteur", "proximite")
}

// located says how firmly the words before token i place it: 2 for "devant", "au niveau de", 1 for "à la", "dans",
// "sur", 0 for nothing. Articles and short adjectives in between are skipped.
func (d *document) located(i int) int {
	level, _ := d.preposition(i)
	return level
}

// preposition is located with the token at which the preposition begins.
func (d *document) preposition(i int) (level, from int) {
	j := i - 1
	for j >= 0 && j > i-3 && d.is(j, "ancien", "ancienne", "vieux", "vieille", "petit", "petite", "grand", "grande", "nouveau", "nouvelle", "meme") {
		j--
	}
	contracted := d.is(j, "au", "aux", "du", "des")
	for j >= 0 && j > i-5 && d.in(j, determiners) && !d.is(j, "de", "d'") {
		j--
	}
	if j >= 0 && d.is(j, "a", "de", "d'") || contracted {
		k := j
		if contracted && !d.is(j, "a", "de", "d'") {
			k = j + 1
		}
		if s := k - 1; s >= 0 && (d.in(s, spots) || d.is(s, "pres")) && d.spotLeads(s, k) {
			for s-1 >= 0 && d.is(s-1, "au", "a", "l'", "la", "le", "en", "aux", "tout", "juste") {
				s--
			}
			return 2, s
		}
		if d.is(k, "a", "au", "aux") {
			return 1, k
		}
		return 0, i
	}
	switch {
	case j < 0:
		return 0, i
	case d.in(j, before):
		return 2, j
	case d.in(j, presenting), d.is(j, "est") && d.is(j-1, "c'"):
		return 2, i // not a part of the place's text
	case d.in(j, spots) && d.is(j, "cote", "face", "angle", "entree", "coin"):
		return 2, j
	case d.is(j, "dans", "sur", "chez", "vers", "entre", "via", "traverse", "longe"):
		return 1, j
	}
	return 0, i
}
