package place

import "strings"

// landmark is a public place in the text.
type landmark struct {
	from, to int
	named    bool // has a name or another landmark: "école des Quatre-Vents", "parking de la gare"
	bare     bool // may stand without a name
}

// doubleLandmarks are landmarks of two words, written apart.
var doubleLandmarks = set("city-stade skate-park rond-point abri-bus multi-accueil station-service halte-garderie")

// kinds are words behind a landmark that say of which kind it is, so that it is known as well as by a name.
var kinds = set(`souvenir sport anciens jeunes bus car cars jeux jeu fetes sports foot football rugby tennis petanque basket hand morts sable handball
	combattants police pompiers jules-verne repos tri samedi dimanche halage ville embarquement pique-nique compost
	garages analyses sources eaux pecheurs skate boules escalade judo commerce artisans`)

// weekend are days that name a market, and elsewhere are only a time.
var weekend = set("samedi dimanche")

// looks are adjectives that may stand between a landmark and its name.
var looks = set(`municipal municipale communal communale maternelle elementaire primaire publique public couvert couverte polyvalente omnisports nautique aquatique familial familiaux familiale partage partages ouvrier ouvriers
	sportif sportive culturel culturelle paroissial paroissiale hospitalier forain artisanal artisanale social sociale nord sud ouest
	annexe central centrale sncf rer tram mouillees pieton pietons protege ancien ancienne vieux vieille couverts intercommunal intercommunale catholique protestant scolaire`)

// landmarkAt reads a landmark at token i.
func (d *document) landmarkAt(i int, depth int) (landmark, bool) {
	if i >= len(d.tokens) || d.tokens[i].kind != word {
		return landmark{}, false
	}
	t := d.tokens[i].fold
	end := i + 1
	if d.near(i) && doubleLandmarks[t+"-"+d.tokens[end].fold] {
		t += "-" + d.tokens[end].fold
		end++
	}
	if !landmarks[t] {
		return landmark{}, false
	}
	if t == "groupe" && depth == 0 && !d.is(end, "scolaire") {
		return landmark{}, false // a band, or a group of people
	}
	if t == "cim" {
		t = "cimetiere"
		if d.is(end, ".") {
			end++
		}
	}
	if depth == 0 && d.tokens[i].capital && i > 1 && d.is(i-1, "le", "la", "les", "l'") && d.tokens[i-1].capital && d.tokens[i-2].kind == word && d.tokens[i-2].line == d.tokens[i].line && !d.in(i-2, before) {
		return landmark{}, false // "le programme Les Jardins du Lac" is a name, and no garden
	}
	l := landmark{from: i, to: end, bare: bareLandmarks[t]}
	if d.is(i, "place") && (d.is(i-1, "une", "de", "la", "sa", "2", "deux") && !d.is(end, "du", "des") && (end >= len(d.tokens) || !d.tokens[end].capital) || d.is(i-1, "derniere", "dernieres", "seule", "aucune", "quelle")) {
		return landmark{}, false // a seat
	}
	for n := 0; n < 2 && d.in(l.to, looks) && d.near(l.to-1); n++ {
		// "salle polyvalente" is a name of a kind; "ancienne" is none.
		l.named = l.named || d.is(l.to, "polyvalente", "omnisports", "municipal", "municipale", "couvert", "couverte", "forain", "nord", "sud", "ouest", "central", "centrale")
		l.to++
	}
	d.landmarkName(&l, t, depth)
	if depth == 0 && d.is(i-1, "en") && !d.properName(l) {
		return landmark{}, false // "en maison de repos", "en crèche" is a kind of place, not one
	}
	if depth == 0 && !l.named && d.is(i-1, "les") && t != "halles" {
		return landmark{}, false // "devant les écoles" is every school
	}
	return l, true
}

// properName says whether the landmark has a name of its own, with a capital, and not only a kind.
func (d *document) properName(l landmark) bool {
	for k := l.from + 1; k < l.to; k++ {
		if d.tokens[k].capital {
			return true
		}
	}
	return false
}

// landmarkName reads the name behind a landmark whose folded noun is t.
func (d *document) landmarkName(l *landmark, t string, depth int) {
	for range 3 {
		k := l.to
		if k >= len(d.tokens) || d.tokens[k].line > d.tokens[k-1].line+1 {
			return
		}
		if end := d.quotedName(k); end > k {
			l.to, l.named = end, true
			return
		}
		if end, ok := d.landmarkNumber(k, t); ok {
			l.to, l.named = end, true
			return
		}
		for k < len(d.tokens) && k < l.to+3 && d.in(k, inner) && !d.is(k, "et", "en", "sous", "sur") {
			k++
		}
		if k >= len(d.tokens) || d.tokens[k].line > d.tokens[l.to-1].line+1 || d.tokens[k].kind != word {
			return
		}
		w := d.tokens[k]
		particle := k > l.to
		if d.in(k, d.town) {
			return
		}
		if particle && d.near(k) && landmarks[d.tokens[k+1].fold] && oldNew[w.fold] {
			k++
			w = d.tokens[k]
		}
		if numbered[t] && !particle && len(w.fold) == 1 && w.capital {
			l.to, l.named = k+1, true
			return
		}
		if particle && d.is(l.to, "la", "le", "les", "l'", "au", "aux") && !w.capital && !kinds[w.fold] {
			return
		}
		sameLine := w.line == d.tokens[l.to-1].line
		switch {
		case particle && wayTypes[w.fold].area && !landmarks[w.fold]:
			// "city-stade de la cité des Acacias": the settlement is the name.
			if end, _, ok := d.streetAt(k); ok {
				l.to, l.named = end, true
			}
			return
		case kinds[w.fold] && (!weekend[w.fold] || d.is(k-1, "du")):
			l.to, l.named, l.bare = k+1, true, true
		case landmarks[w.fold] && depth < 3 && (w.capital || !prefixes[w.fold] || !d.smallLandmarkName(l, k, particle)) && (particle || w.capital || d.is(l.from, "parking", "cour", "mur", "arret", "salle")):
			inside, ok := d.landmarkAt(k, depth+1)
			if !ok || shops[t] && d.is(k, "place", "square") {
				return
			}
			l.to = inside.to
			l.named = l.named || inside.named || inside.bare || w.capital || particle && !private[w.fold]
			return
		case d.capitalName(k) && (particle || sameLine && !d.allCapitals(k) && !d.inTitleCase(l.from)):
			if !particle && !sameLine || d.is(k-1, "a", "au", "aux") && !d.is(l.from, "croix", "arret") && depth == 0 && !strings.HasPrefix(t, "e") {
				return
			}
			l.to, l.named = d.moreCapitals(k+1), true
			return
		case !w.capital && sameLine && d.smallLandmarkName(l, k, particle):
			l.to, l.named = d.moreSmall(k), true
			return
		default:
			return
		}
	}
}

// shops stand on a square, which is the place; a market or a kiosk of the square is a place of its own.
var shops = set("pharmacie boulangerie boucherie epicerie supermarche bar cafe tabac restaurant magasin hotel poste")

// numbered are landmarks that have a number or a letter for a name: "écluse n° 12", "bâtiment C".
var numbered = set("batiment immeuble hall terrain entree ecluse court quai")

// landmarkNumber reads the number of a landmark whose folded noun is t, from token k on.
func (d *document) landmarkNumber(k int, t string) (end int, ok bool) {
	if d.is(k, "n°", "numero", "no") {
		k++
	}
	if !numbered[t] || k >= len(d.tokens) || d.tokens[k].kind != number || len(d.tokens[k].fold) > 3 || d.tokens[k].line != d.tokens[k-1].line || d.quantity(k) {
		return 0, false
	}
	return k + 1, true
}

// capitalName says whether the capital word k may be a landmark's name.
func (d *document) capitalName(k int) bool {
	w := d.tokens[k]
	return w.capital && (!flat[w.fold] || w.fold == "est") && !titles[w.fold] && (!institutions[w.fold] || strings.HasPrefix(w.fold, "saint")) && !determiners[w.fold] && !salutations[w.fold]
}

// inTitleCase says whether token i and the one before it on its line both have capitals, as in a foreign heading
// ("Undelivered Mail Returned to Sender").
func (d *document) inTitleCase(i int) bool {
	return i > 0 && d.tokens[i].capital && d.tokens[i-1].capital && d.tokens[i-1].line == d.tokens[i].line
}

// oldNew are adjectives before a landmark.
var oldNew = set("ancien ancienne vieux vieille vieil nouveau nouvelle petit petite grand grande")

// private are landmarks of which a town has many, so that "le hall de l'immeuble" is none of its places.
var private = set("immeuble batiment residence maison local lotissement place chemin centre magasin atelier restaurant jardin feu entree usine")

// namedSmall are the landmarks whose names people also write in small letters.
var namedSmall = set("ecole college lycee gymnase stade parking salle arret parc square cimetiere creche residence lotissement rond-point pont mediatheque boulodrome jardin ru bois")

// smallLandmarkName says whether the small word at k is the name of the landmark: only behind a preposition and an
// article, for kinds that have names.
func (d *document) smallLandmarkName(l *landmark, k int, particle bool) bool {
	w := d.tokens[k].fold
	if flat[w] || generic[w] || possessives[w] || determiners[w] || !namedSmall[d.tokens[l.from].fold] || units[w] || months[w] || titles[w] || institutions[w] {
		return false
	}
	if !particle {
		return prefixes[w] && d.is(l.from, "arret", "ecole", "salle", "stade", "gymnase")
	}
	return d.is(k-1, "la", "l'", "du", "des", "les") && (prefixes[w] || strings.Contains(w, "-") || d.located(l.from) > 0 && len(w) > 3)
}

// plotAt reads a land register parcel ("parcelle AD 118", "parcelle cadastrée section B n° 0412") or a plot of a
// cemetery ("carré 7, n° 312", "allée C, tombe 12") at token i.
func (d *document) plotAt(i int) (end int, ok bool) {
	switch {
	case d.is(i, "parcelle", "parcelles"):
		j := i + 1
		for j < i+5 && d.is(j, "cadastree", "cadastrees", "section", "n°", "numero", "ref", "la", "no", ":") {
			j++
		}
		if j+1 < len(d.tokens) && d.tokens[j].kind == word && len(d.tokens[j].fold) <= 2 {
			if d.is(j+1, "n°", "numero", "no") {
				j++
			}
			if j+1 < len(d.tokens) && d.tokens[j+1].kind == number && len(d.tokens[j+1].fold) <= 4 {
				return j + 2, true
			}
		}
		if j < len(d.tokens) {
			// "AD118", or a number alone.
			w := d.tokens[j].fold
			letters := strings.TrimRight(w, "0123456789")
			if len(letters) <= 2 && len(w) > len(letters) && len(w) <= len(letters)+4 {
				return j + 1, true
			}
		}
	case d.is(i, "carre", "travee", "rang", "tombe", "columbarium", "allee") && !d.is(i-1, "m", "metre", "metres"):
		j := i + 1
		if d.is(j, "n°", "numero") {
			j++
		}
		if d.is(i, "columbarium") && !d.is(i+1, "case") {
			return 0, false
		}
		if !d.is(i, "columbarium") {
			if j >= len(d.tokens) || !d.plotNumber(j) || d.is(i, "allee") && d.tokens[j].kind == number && !d.amongGraves(i) {
				return 0, false
			}
			j++
		}
		end, parts := j, 1
		for {
			k := end
			for k < end+3 && d.is(k, ",", "-", "rang", "tombe", "n°", "numero", "case", "emplacement", "concession", "rangee", "allee", "travee") {
				k++
			}
			if k == end || !d.plotNumber(k) || k == end+1 && d.is(end, ",") {
				break
			}
			end, parts = k+1, parts+1
		}
		return end, parts > 1 || d.is(i, "carre") || d.is(i, "allee") && d.tokens[j-1].capital
	}
	return 0, false
}

// amongGraves says whether words of the cemetery stand about token i.
func (d *document) amongGraves(i int) bool {
	for j := max(0, i-15); j < min(len(d.tokens), i+15); j++ {
		if d.is(j, "cimetiere", "tombe", "tombes", "concession", "caveau", "sepulture", "inhumation") {
			return true
		}
	}
	return false
}

func (d *document) plotNumber(j int) bool {
	return j < len(d.tokens) && (d.tokens[j].kind == number || d.tokens[j].kind == word && len(d.tokens[j].fold) == 1 && d.tokens[j].fold != "a" && d.tokens[j].fold != "y" || d.is(j, "a") && d.tokens[j].capital)
}

// schoolWords are words behind which a name is that of a school: "CP aux Quatre-Vents".
var schoolWords = set("ecole scolarise scolarisee scolarises scolarisees maternelle cp ce1 ce2 cm1 cm2 classe eleve eleves ps ms gs inscrit inscrite inscrits rejoigne garderie cantine instituteur institutrice maitresse prehau preau")

// schoolLevels are the levels of a school, behind which its name may stand without an article.
var schoolLevels = set("cp ce1 ce2 cm1 cm2 ps ms gs")

// upland are words that begin the names of hamlets and quarters, so that they are seen in small letters too: "au haut plessis".
var upland = set("haut bas vieux pre mont val clos champ")

// toponymAt reads a name with its article and without a noun: "au Pré-Long", "à la Roseraie", "aux Essarts". It wants a capital within the sentence.
func (d *document) toponymAt(i int) (from, end int, ok bool) {
	t := d.tokens[i]
	if t.kind == word && !t.capital && upland[t.fold] && d.is(i-1, "au", "aux") && d.near(i) && d.tokens[i+1].kind == word && len(d.tokens[i+1].fold) > 3 && !flat[d.tokens[i+1].fold] && !generic[d.tokens[i+1].fold] && !spots[d.tokens[i+1].fold] {
		return i, i + 2, true
	}
	if t.kind != word || !t.capital || i == 0 || institutions[t.fold] || titles[t.fold] || landmarks[t.fold] || d.in(i, d.town) || len(t.fold) < 4 {
		return 0, 0, false
	}
	if way, ok := wayTypes[t.fold]; ok && way.name == t.fold {
		return 0, 0, false
	}
	first, _ := strings.CutSuffix(t.fold, "s")
	if d.allCapitals(i) || institutions[first] {
		return 0, 0, false
	}
	j := i - 1
	switch {
	case d.is(j, "au", "aux"), schoolLevels[foldAt(d, j)]:
	case d.is(j, "la", "l'") && d.is(j-1, "a"):
		if strings.HasPrefix(t.fold, "saint") {
			return 0, 0, false // "à la Saint-Jean", "à la Sainte-Barbe" are days
		}
		j--
	case d.is(j, "du", "des") || d.is(j, "la", "l'") && d.is(j-1, "de"):
		// "le toboggan de la Roseraie", "en face du Petit-Bois", "les parents d'élèves du Petit-Bois"
		k := j - 1
		if d.is(k, "de") {
			k--
		}
		if k < 0 || !d.introduces(k, i) {
			return 0, 0, false
		}
	default:
		return 0, 0, false
	}
	if d.tokens[j].line != t.line && d.tokens[j].line+1 != t.line {
		return 0, 0, false
	}
	return i, d.moreCapitals(i + 1), true
}

// introduces says whether the noun at token k, with "du" or "de la" behind it, makes the name at token i a place: a
// preposition, a word of the school, or a thing that stands somewhere ("le lampadaire de la Roseraie").
func (d *document) introduces(k, i int) bool {
	if d.located(i) == 2 || schoolWords[d.tokens[k].fold] || cueOf(d.tokens[k].fold)&cuePhysical != 0 {
		return true
	}
	return strings.Contains(d.tokens[i].fold, "-") && schoolWords[foldAt(d, k-1)]
}

func (d *document) allCapitals(i int) bool {
	s := d.text[d.tokens[i].start:d.tokens[i].end]
	return len(s) > 1 && strings.ToUpper(s) == s
}
