package facts

import (
	"slices"
	"strings"
)

// A dwelling is a cue behind which the sender's own address stands.
type dwelling int

const (
	notDwelling dwelling = iota
	// lives is "j'habite", "demeurant": a street without a number will do.
	lives
	// owns is "notre maison", "chez moi": only a house number right behind it counts.
	owns
)

var (
	// ownHouse are the parts of one's home: "ma fenêtre", "notre portail".
	ownHouse = words("fenetre fenetres porte portail portillon facade maison appartement appart logement chambre salon cuisine cave garage jardin terrain balcon terrasse mur toit toiture " +
		"volets compteur immeuble boutique magasin commerce salle entree cour cloture haie trottoir boite residence domicile adresse habitation pavillon studio local atelier escalier palier douche")
	// homes are those of ownHouse that have an address.
	homes        = words("cabinet atelier salon restaurant officine exploitation maison appartement logement immeuble boutique commerce magasin pavillon residence")
	firstPersons = words("mon ma mes notre nos")
	liveVerbs    = words("habite demeure reside vis vit loge habitons demeurons residons vivons logeons habites")
	liveAlone    = words("habiterons habiterai logerons logerai residerons residerai demeurant domicilie domiciliee domicilies domiciliees residant habitons demeurons residons logeons")
	movers       = words("emmenager emmenage emmenageons emmenages emmenagee emmenagees demenager demenage demenageons demenages installer installe installes installee installees")
	renters      = words("locataire locataires proprietaire proprietaires habitant habitante habitants riverain riveraine resident residente residents domicilie")
)

// dwellingAt reads a cue at token i and returns where the address may begin.
func (t text) dwellingAt(i int) (dwelling, int) {
	k := t.ts[i]
	if k.kind != word {
		return notDwelling, 0
	}
	prev := t.at(i - 1).fold
	if prev == "'" {
		prev = t.at(i - 2).fold
	}
	switch {
	case liveAlone[k.fold]:
		return lives, i + 1
	case liveVerbs[k.fold] && (prev == "j" || prev == "je" || prev == "on" || prev == "nous" || prev == "y") && !t.is(i+1, "pas"):
		return lives, i + 1
	case k.fold == "jhabite", (k.fold == "loge" || k.fold == "logee" || k.fold == "loges") && prev == ",":
		return lives, i + 1
	case k.fold == "habitant" && (t.is(i+1, "au") || t.is(i+1, "rue") || t.at(i+1).kind == number || t.is(i+1, "a")) && prev != "un" && prev != "'" && prev != "l":
		return lives, i + 1
	case movers[k.fold] && t.firstPersonBefore(i):
		return lives, i + 1
	case k.fold == "coordonnees" && t.is(i+1, ":"), k.fold == "live" && prev == "i" && t.is(i+1, "at"):
		return lives, i + 2
	case k.fold == "adresse" && (firstPersons[prev] || (prev == "nouvelle" || prev == "future") && firstPersons[t.at(i-2).fold] || t.is(i+1, ":") && t.sentenceStart(i)), k.fold == "domicile" && firstPersons[prev]:
		return lives, i + 1
	case renters[k.fold] && (t.firstPersonBefore(i) || t.sentenceStart(i)) && !t.is(i+1, "de") && !pointers[prev] && !firstPersons[prev]:
		return owns, i + 1
	case firstPersons[prev] && homes[k.fold]:
		return owns, i + 1
	case (k.fold == "louee" || k.fold == "loue" || k.fold == "achetee" || k.fold == "achete") && ownHouse[prev]:
		return owns, i + 1
	case lets[k.fold] && t.firstPersonBefore(i) && (!buys(k.fold) && (t.is(i+1, "au") || t.is(i+1, "a")) || t.roomBehind(i)),
		k.fold == "est" && prev == "on" && t.is(i+1, "au"):
		return owns, i + 1
	case takers[k.fold] && t.firstPersonBefore(i):
		return owns, i + 1
	case k.fold == "chez" && (t.is(i+1, "moi") || t.is(i+1, "nous")):
		return owns, i + 2
	case (k.fold == "suis" || k.fold == "sommes") && (prev == "je" || prev == "nous"):
		return owns, i + 1
	}
	return notDwelling, 0
}

// takers are verbs of somebody who runs a shop: "j'ai repris le salon de thé, 12 place …".
var takers = words("reprendre repris reprends reprenons tiens tenons gere gerons exploite exploitons ouvrir ouvert")

// lets are verbs of somebody who rents or buys a home: with the home behind them ("je loue un
// studio") or the address itself. Halls and tables are rented too.
var (
	lets  = words("loue louons occupe occupons acheter achete achetee achetons acquerir acquis")
	rooms = words("maison appartement appart studio t1 t2 t3 t4 t5 f1 f2 f3 f4 f5 logement chambre pavillon duplex meuble maisonnette villa deux-pieces trois-pieces rez-de-chaussee")
)

// buys reports whether a verb of lets is of buying: fields and firms are bought as well.
func buys(f string) bool { return strings.HasPrefix(f, "ach") || strings.HasPrefix(f, "acq") }

// roomBehind reports whether a home stands among the few words behind i.
func (t text) roomBehind(i int) bool {
	for p := i + 1; p <= i+4 && t.at(p).kind != newline && !t.is(p, "."); p++ {
		if rooms[t.at(p).fold] {
			return true
		}
	}
	return false
}

// firstPersonBefore reports whether "je" or "nous" stands among the few words before i.
func (t text) firstPersonBefore(i int) bool {
	for p := i - 1; p >= max(0, i-5); p-- {
		switch t.ts[p].fold {
		case "je", "j", "nous", "jai":
			return true
		case ".", "!", "?":
			return false
		}
	}
	return false
}

// dwells finds the address that a sentence calls the sender's own.
func (t text) dwells(end int) (address, bool) {
	var best address
	found := false
	for i := range end {
		kind, p := t.dwellingAt(i)
		if kind == notDwelling {
			continue
		}
		const reach = 10
		for q, n := p, 0; q < end && n < reach; q, n = q+1, n+1 {
			if t.leavesHome(q, n) {
				break
			}
			a, ok := t.addressAt(q, end, false)
			if !ok || !a.whole() {
				continue
			}
			if kind == owns && !a.numbered || kind == lives && !a.numbered && n > 5 {
				break
			}
			if !found || a.numbered && !best.numbered {
				best, found = a, true
			}
			break
		}
	}
	return t.withoutFloor(best), found
}

// withoutFloor drops the floor at either end of an address in a sentence: "j'habite au 10 rue
// Haute, au troisième" tells how things are, not where post goes. Flats and buildings stay.
func (t text) withoutFloor(a address) address {
	floor := func(part [2]int) bool {
		f := t.at(part[0]).fold
		return t.ordinal(part[0]) || f == "rdc" || f == "rez-de-chaussee"
	}
	for len(a.parts) > 1 && floor(a.parts[len(a.parts)-1]) {
		a.parts = a.parts[:len(a.parts)-1]
	}
	for len(a.parts) > 1 && floor(a.parts[0]) {
		a.parts = a.parts[1:]
	}
	if n := len(a.parts); n > 0 {
		a.from, a.to = a.parts[0][0], a.parts[n-1][1]
	}
	a.unit = slices.ContainsFunc(a.parts, func(part [2]int) bool { return t.unitAt(part[0], part[1]) > 0 })
	return a
}

// leavesHome reports whether token q, the nth behind a cue, begins something else than the
// sender's address: another sentence, another person, another place.
func (t text) leavesHome(q, n int) bool {
	k := t.ts[q]
	switch k.fold {
	case "!", "?", ";":
		return true
	case ".":
		return !t.glued(q - 1)
	case "et", "mais":
		return n > 0 && firstPersons[t.at(q+1).fold]
	case "mairie", "ecole": // "j'habite près de l'école, au 12 rue …"
		return false
	}
	// "aide à domicile chez Mme Petit, 18 rue …"
	named := civilities[k.fold] && k.upper && t.at(q+1).upper
	return named || k.blankLine() || others[k.fold] || away[k.fold]
}

// away are words that make what follows another place than where one lives.
var away = words("devant face derriere hauteur niveau angle pres proximite travaux chantier entre")

// soleHouse finds the one numbered address of a text that speaks of the sender's own house.
// sure tells that the sender says to live in a house that the text names.
func (t text) soleHouse(end int, sure bool) (address, bool) {
	own := sure
	var found address
	seen := ""
	for i := 0; i < end; i++ {
		k := t.ts[i]
		if k.kind == word {
			own = own || firstPersons[k.fold] && ownHouse[t.at(i+1).fold] || k.fold == "chez" && (t.is(i+1, "moi") || t.is(i+1, "nous"))
			continue
		}
		if k.kind != number && k.kind != mixed {
			continue
		}
		a, ok := t.addressAt(i, end, false)
		if !ok || !a.numbered {
			continue
		}
		if s := fold(t.address(a)); seen == "" {
			seen, found = s, a
		} else if s != seen {
			return address{}, false
		}
		i = a.to - 1
	}
	if !own || seen == "" {
		return address{}, false
	}
	if sure {
		return found, true
	}
	for p := found.from - 1; p >= max(0, found.from-8); p-- {
		k := t.ts[p]
		if k.fold == "." || k.fold == "!" || k.fold == "?" || k.kind == newline {
			break
		}
		if others[k.fold] || away[k.fold] || k.fold == "cote" {
			return address{}, false
		}
	}
	return found, true
}
