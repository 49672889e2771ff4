package place

import "strings"

// parts are the rooms and pieces of a public place that people name beside it: "les vestiaires du gymnase".
var parts = set(`vestiaire vestiaires preau portail portillon hall guichet toit toiture tribune tribunes gradins sous-sol cantine refectoire
	dortoir douches sanitaires toilettes ascenseur perron auvent couloir prefabrique algeco parvis buvette barriere local
	chaufferie verriere clocher accueil club-house rampe marches escalier rotonde`)

// numberedParts are those that every public place has many of, so that they need a number or a side: "bureau 7",
// "classe du haut".
var numberedParts = set("bureau salle classe porte guichet quai terrain court bassin entree portail aile batiment box")

// sides tell one part from another.
var sides = set(`haut bas fond nord sud est ouest milieu rez-de-chaussee etage principal principale arriere secondaire annexe gauche droite`)

// partBefore reads the part of the public place at token i that stands before it: "préau de la médiathèque", "la
// classe du haut, école X", "le portail du bas au cimetière". It gives the tokens of the part.
func (d *document) partBefore(i int) (from, to int, ok bool) {
	j := i - 1
	for j >= i-3 && d.is(j, "de", "du", "la", "l'", "le", "les", "des", "d'", "au", "a", "aux", ",") {
		j--
	}
	if j == i-1 || j < 0 {
		return 0, 0, false
	}
	for from = j; from >= 0 && from >= j-3; from-- {
		if to, ok = d.partAt(from); ok && to == j+1 {
			return from, to, true
		}
	}
	return 0, 0, false
}

// partBehind reads the part that stands behind the public place, apart by a comma, a stroke or a bracket, from token i
// on: "gymnase X, vestiaires du fond".
func (d *document) partBehind(i int) (from, to int, ok bool) {
	if !d.is(i, ",", "-", "–", "(", ":") {
		return 0, 0, false
	}
	from = i + 1
	for from < i+4 && d.is(from, "au", "a", "dans", "la", "le", "les", "l'", "aux", "sous", "sur", "cote") {
		from++
	}
	to, ok = d.partAt(from)
	return from, to, ok && d.tokens[from].line == d.tokens[i].line
}

// partAt reads a part at token i.
func (d *document) partAt(i int) (end int, ok bool) {
	if !d.in(i, parts) && !d.in(i, numberedParts) {
		return 0, false
	}
	end, ok = i+1, d.in(i, parts)
	k := end
	for k < end+2 && d.is(k, "n°", "numero", "no", "du", "de", "au", "a", "l'") {
		k++
	}
	switch {
	case k >= len(d.tokens) || d.tokens[k].line > d.tokens[i].line+1:
	case d.tokens[k].kind == number && (k == end || d.is(k-1, "n°", "numero", "no")) && len(d.tokens[k].fold) < 4 && !d.quantity(k):
		return k + 1, true
	case sides[d.tokens[k].fold] && (k > end || !d.is(k, "haut", "bas", "fond", "milieu", "etage")):
		return k + 1, true
	}
	return end, ok
}

// readPart sets the part that is named beside a public place. The preposition before the part is that of the place:
// "sous le préau de la médiathèque".
func (c *candidate) readPart() {
	d := c.doc
	from, to, ok := d.partBefore(c.from)
	if ok {
		if prep, at := d.preposition(from); prep > c.prep {
			c.prep, c.prepAt = prep, at
		}
		if d.is(to, "de", "du", "des", "d'") {
			c.partAt = from
		}
	} else if from, to, ok = d.partBehind(c.to); !ok {
		return
	}
	s := d.cutText(from, to)
	first, rest, _ := strings.Cut(s, " ")
	c.part = strings.TrimSpace(strings.ToLower(first) + " " + rest)
}
