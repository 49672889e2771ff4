package place

import "strings"

// quarterOf gives the quarter, village or hamlet that the text names beside candidate best: "rue Haute, Vieux-Bourg",
// "lieu-dit X, à Y", "à Y devant l'abribus"; also where the letter head has the same street with it.
func quarterOf(found []candidate, best int) string {
	c := &found[best]
	if q := c.quarter(); q != "" {
		return q
	}
	for i := range found {
		if i != best && found[i].kind == kindStreet && found[i].key() == c.key() {
			if q := found[i].quarter(); q != "" {
				return q
			}
		}
	}
	return ""
}

// quarter reads the quarter right behind the name, or right before its preposition.
func (c *candidate) quarter() string {
	d := c.doc
	if c.prep == 2 && c.kind == kindLandmark && d.is(c.prepAt-2, "a") && d.quarterName(c.prepAt-1) {
		return d.cutText(c.prepAt-1, c.prepAt)
	}
	i := c.to
	comma := d.is(i, ",")
	if comma {
		i++
	}
	at := d.is(i, "a")
	if at {
		i++
	}
	if !comma && !at || !d.quarterName(i) || d.tokens[i].line != d.tokens[c.to-1].line {
		return ""
	}
	if !at && !d.title && d.zoneOf(i) == zoneBody && len(d.tokens)-i < 3 {
		return "" // "rue Haute, Paul": who signs
	}
	if i+1 < len(d.tokens) && d.tokens[i+1].line == d.tokens[i].line && !d.is(i+1, ",", ".", ";", ")", ":", "!", "?") {
		return "" // "rue Haute, Paul Martin"
	}
	return d.cutText(i, i+1)
}

// quarterName says whether token i may be the name of a quarter: a capital word that is no town, person's title,
// institution or word of greeting.
func (d *document) quarterName(i int) bool {
	if i < 0 || i >= len(d.tokens) {
		return false
	}
	t := d.tokens[i]
	_, way := wayTypes[t.fold]
	return t.kind == word && t.capital && len(t.fold) > 3 && !way && !d.in(i, d.town) && !titles[t.fold] && !institutions[t.fold] &&
		!salutations[t.fold] && !closings[t.fold] && !landmarks[t.fold] && !flat[t.fold] && !months[t.fold] && !offices[t.fold]
}

// doors are the parts of a residence that have a number or a letter.
var doors = set("entree porte batiment bat hall escalier appartement appt etage bloc tour cage")

// doorsOf reads the parts right behind the name of a residence: "résidence X, entrée C – porte 31", in an address also
// on the lines below.
func (c *candidate) doorsOf() string {
	d := c.doc
	var out []string
	for i := c.to; len(out) < 3; {
		k := i
		if d.is(k, ",", "-", "–", "—") {
			k++
		} else if k >= len(d.tokens) || d.tokens[k].line != d.tokens[k-1].line+1 || d.zoneOf(k) == zoneBody {
			break
		}
		if !d.in(k, doors) || !d.near(k) {
			break
		}
		from := k
		k++
		if d.is(k, ".", "n°", "numero") {
			k++
		}
		if k >= len(d.tokens) || d.tokens[k].line != d.tokens[from].line || d.tokens[k].kind != number && len(d.tokens[k].fold) != 1 || d.tokens[k].kind == punct || len(d.tokens[k].fold) > 4 {
			break
		}
		name := d.cutText(from, k+1)
		first, rest, _ := strings.Cut(name, " ")
		out = append(out, strings.TrimSpace(strings.ToLower(first)+" "+rest))
		i = k + 1
	}
	return strings.Join(out, ", ")
}
