package facts

// preludes are the words before the caller's name in a clerk's note.
var preludes = words("appel appels appelle tel telephone telephonique phone rappel message msg repondeur visite passage guichet accueil comptoir recu recue pris vu vue de du d la part par " +
	"un une au a l le ce matin midi soir apres-midi hier aujourd hui astreinte urgent urgence note ste sieur dame monsieur jeune femme homme nom prenom vocal mail courrier personne usager administre administree " +
	"en mairie standard entrant ligne correspondant demandeur demandeuse appelant appelante signalement contact via suite cf fiche rdv venue venu")

// saying are verbs of a note whose subject is the caller.
var saying = words("signale signalent demande demandent appelle appellent rappelle souhaite souhaitent voudrait veut veulent se informe indique previent declare reclame sollicite cherche cherchent precise " +
	"ajoute dit explique insiste conteste a est habite vient donne attend desire propose souhaiterait confirme relance n ne pense craint transmet deplore constate aimerait peut refuse s")

// kinWords are those by which a caller is named after somebody: "père de Tom Petit".
var kinWords = words("pere mere fils fille frere soeur mari femme epouse epoux compagne compagnon grand-mere grand-pere maman papa tante oncle voisin voisine belle-fille gendre tuteur tutrice curatrice mandataire cousin cousine")

// A caller is who a clerk's note says has called or come.
type caller struct {
	from, to int
	text     string
	ok       bool
	firm     bool // somebody may be named behind it
}

// maxPrelude is how many tokens of a note are looked at for its caller.
const maxPrelude = 40

// callerOf finds the caller in the first sentences of a note.
func (t text) callerOf(end int) caller {
	limit := min(end, maxPrelude)
	fresh := true // nothing but preludes since the sentence began
	for i := 0; i < limit; i++ {
		k := t.ts[i]
		switch k.kind {
		case newline, punct, gap:
			if k.fold != "'" && k.fold != "°" {
				fresh = true
			}
			continue
		case number, mixed, phone:
			continue
		}
		if !fresh {
			continue
		}
		if c := t.callerAt(i, limit); c.ok {
			return c
		}
		// A profession before the name: "Architecte Mme Petit".
		if civilities[t.at(i+1).fold] && !links[k.fold] && !others[k.fold] && i < 12 {
			continue
		}
		if !preludes[k.fold] && !weekdays[k.fold] && !months[k.fold] && !roleWords[k.fold] && k.kind == word {
			fresh = false
		}
	}
	return caller{}
}

// callerAt reads the caller at token i.
func (t text) callerAt(i, end int) caller {
	k := t.ts[i]
	prev := t.at(i - 1).fold
	if kinWords[k.fold] && (t.is(i+1, "de") || t.is(i+1, "d") || t.is(i+1, "du")) {
		p := i + 2
		if t.is(p, "'") {
			p++
		}
		if n, ok := t.nameAt(p, end, false); ok {
			return caller{from: i, to: n.to, text: t.cut(i, n.to), ok: true}
		}
	}
	if k.fold == "m" && !k.upper || k.fold == "a" || prev == "concerne" || prev == "pour" || prev == "contre" || prev == "chez" {
		return caller{}
	}
	if n, ok := t.nameAt(i, end, false); ok && !t.functional(n) {
		next := t.at(n.to)
		ends := separator(next) || next.kind == phone || next.kind == number || saying[next.fold] || n.to >= end
		if p, ok := t.firmsPerson(n.to, end); ok && !n.civil && !n.known && p.civil {
			// "Laiterie Vernet, M. Brun": no civility, no first name, and a person behind it.
			return caller{from: i, to: p.to, text: t.name(p) + " (" + t.cut(n.from, n.to) + ")", ok: true, firm: true}
		}
		firm := !n.civil && !n.known && t.is(n.to, "(") && civilities[t.at(n.to+1).fold]
		switch {
		case n.civil, n.full() && ends && !roleWords[k.fold] && !orgWords[k.fold],
			(n.known || prev == "prenom" || prev == "nom") && ends && !roleWords[k.fold]:
			return caller{from: n.from, to: n.to, text: t.name(n), ok: true, firm: firm}
		}
	}
	if c := t.smallCaller(i, end); c.ok {
		return c
	}
	if q := t.orgAt(i, end, false); q > 0 && k.upper {
		next := t.at(q)
		if separator(next) || next.kind == phone || saying[next.fold] || q >= end {
			if n, ok := t.firmsPerson(q, end); ok {
				return caller{from: i, to: n.to, text: t.name(n) + " (" + t.cut(i, q) + ")", ok: true, firm: true}
			}
			return caller{from: i, to: q, text: t.cut(i, q), ok: true, firm: true}
		}
	}
	return caller{}
}

// smallCaller reads a caller typed without capitals: "mme petit 06 …", "m. petit signale …".
// Only one word is taken, since nothing tells where more would end.
func (t text) smallCaller(i, end int) caller {
	k := t.ts[i]
	// "un monsieur âgé" is named behind it, if at all.
	if k.upper || !civilities[k.fold] || k.fold == "me" || len(k.fold) < 2 || t.is(i-1, "un") || t.is(i-1, "une") {
		return caller{}
	}
	p := i + 1
	if t.is(p, ".") {
		p++
	}
	next := t.at(p + 1)
	if n, ok := t.nameAt(i, min(end, p+1), true); ok && n.civil && n.to == p+1 && !t.functional(n) && (separator(next) || next.kind == phone || saying[next.fold]) {
		return caller{from: i, to: n.to, text: t.name(n), ok: true}
	}
	return caller{}
}

// firmsPerson reads who calls for the firm that ends at q, a number between them or not:
// "Société Brun, Mme Petit", "École Pasteur, directrice Mme Petit".
func (t text) firmsPerson(q, end int) (name, bool) {
	for n := 0; q < end && n < 6; n++ {
		switch k := t.ts[q]; {
		case k.fold == ",", k.fold == "-", k.fold == "/", k.kind == phone, n > 0 && (roleWords[k.fold] || others[k.fold]) && k.kind == word:
			q++
		default:
			m, ok := t.nameAt(q, end, false)
			return m, ok && n > 0 && !t.functional(m) && (m.civil || m.full() && m.known && (separator(t.at(m.to)) || t.at(m.to).kind == phone))
		}
	}
	return name{}, false
}

// callerAddress finds the address that stands between the caller's name and the matter: in
// the same sentence, as a piece of its own, or behind "habite".
func (t text) callerAddress(c caller, end int) (address, bool) {
	for p, n := c.to, 0; p < end && n < 24; p, n = p+1, n+1 {
		k := t.ts[p]
		if (k.fold == "." && !siteWords[t.at(p-1).fold] && !unitWords[t.at(p-1).fold]) && n > 0 && t.at(p+1).kind != phone || k.blankLine() {
			break
		}
		if k.fold == ":" && !labels[t.at(p-1).fold] || saying[k.fold] && !livesAt[k.fold] && len(k.fold) > 1 {
			break
		}
		q := p + 1
		switch {
		case k.fold == ",", k.fold == "(", k.fold == "-", livesAt[k.fold]:
		case p == c.to && k.kind == number: // "M. Petit 12 rue Haute"
			q = p
		default:
			continue
		}
		lives := livesAt[k.fold]
		for ; livesAt[t.at(q).fold] || t.is(q, "au") || t.is(q, "a") || t.is(q, "."); q++ {
			lives = lives || livesAt[t.at(q).fold]
		}
		if a, ok := t.addressAt(q, end, false); ok && a.whole() && (a.numbered || a.site || lives || separator(t.at(a.to))) {
			return a, true
		}
	}
	return address{}, false
}

// livesAt are words of a note before the caller's address.
var livesAt = words("habite habitant demeurant demeure domicilie domiciliee dom reside residant")
