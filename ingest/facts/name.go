package facts

import (
	"strings"
	"unicode/utf8"
)

// A name is a name found in a text: the tokens from up to to.
type name struct {
	from, to int
	// words counts its words, initials and particles left out; initials counts those.
	words, initials int
	// civil tells that a civility stands before the words, couple that it names two people.
	civil, couple, family bool
	// bare is where the words begin, behind the civility.
	bare int
	// known tells that one of its words is a common first name.
	known bool
}

// full reports whether it has a first name or initial beside the surname.
func (n name) full() bool { return n.words+n.initials >= 2 || n.family || n.couple }

// text returns the name as it is kept: the civility stays where a surname would be left
// alone, and where it is that of a couple.
func (t text) name(n name) string {
	from := n.bare
	if n.words+n.initials < 2 || n.couple && n.civil {
		from = n.from
	}
	s := t.cut(from, n.to)
	s = strings.Trim(joiners.Replace(s), " ,;")
	if n.bare > from {
		s = t.titles(from, n.bare) + t.cut(n.bare, n.to)
	}
	if n.words == 2 && n.initials == 0 && n.to == n.bare+2 && !n.couple && t.surnameFirst(n.bare) {
		s = t.cut(n.bare+1, n.to) + " " + t.cut(n.bare, n.bare+1)
	}
	return s
}

var joiners = strings.NewReplacer(" & ", " et ", " and ", " et ")

// shortTitles are the civilities as they are kept.
var shortTitles = map[string]string{
	"m": "M.", "mr": "M.", "monsieur": "M.", "mme": "Mme", "mrs": "Mme", "madame": "Mme", "mlle": "Mlle", "mademoiselle": "Mlle",
	"me": "Me", "maitre": "Me", "dr": "Dr", "docteur": "Dr", "pr": "Pr", "professeur": "Pr", "mm": "MM.", "mmes": "Mmes",
}

// titles writes the civilities of the tokens from i up to j in their short form, a space
// behind each.
func (t text) titles(i, j int) string {
	var b strings.Builder
	for ; i < j; i++ {
		k := t.ts[i]
		switch {
		case k.kind != word && k.fold != "&":
			continue
		case shortTitles[k.fold] != "":
			b.WriteString(shortTitles[k.fold])
		case k.fold == "&":
			b.WriteString("et")
		default:
			b.WriteString(t.cut(i, i+1))
		}
		b.WriteByte(' ')
	}
	return b.String()
}

// surnames are those of the hundred most common surnames that are first names as well.
var surnames = words("martin bernard thomas robert richard laurent simon michel david bertrand vincent andre francois robin clement nicolas henry mathieu gautier gauthier denis marie noel lucas " +
	"arnaud gerard roger colin aubert renaud olivier philippe pierre benoit guillaume jean lambert")

// petNames stand before a first name in a family.
var petNames = words("tata tati tatie tonton mamie mamy mami papi papy papet meme pepe nounou")

// surnameFirst reports whether the two words at i are surname and first name: only the
// second is a first name, and no common surname.
func (t text) surnameFirst(i int) bool {
	a, b := t.ts[i], t.ts[i+1]
	if kinWords[a.fold] || petNames[a.fold] {
		return false // "Sœur Claire", "Mamie Odile"
	}
	if a.caps && !b.caps && firstNames[b.fold] {
		return true // "SOREL Pierre": capitals mark the surname
	}
	return !firstNames[a.fold] && !firstNames[head(a.fold)] && (firstNames[b.fold] || firstNames[head(b.fold)]) && !surnames[b.fold] && (a.caps || !b.caps)
}

// maxNameTokens bounds the tokens of a name.
const maxNameTokens = 16

// nameAt reads a name at token i, before token end. small allows words that begin with a
// small letter; the name then needs a civility or a common first name.
func (t text) nameAt(i, end int, small bool) (name, bool) {
	end = min(end, i+maxNameTokens)
	n := name{from: i, bare: i}
	p := t.civility(i, end, &n)
	n.bare = p
	if t.is(p, "famille") && p < end || t.is(p, "la") && t.is(p+1, "famille") {
		if t.is(p, "la") {
			p++
			n.from = p
		}
		n.bare, n.family, n.civil = p, true, true
		p++
	}
	q, ok := t.nameWords(p, end, small, &n)
	if !ok && n.civil && n.initials > 0 { // "Mme S."
		q, ok = p+1, true
	}
	if !ok {
		return name{}, false
	}
	n.to = q
	// "Jean et Anne Petit", "Anne Petit & Jean Roche", "M. Petit et Mme Roche".
	if (t.is(q, "et") || t.is(q, "&") || t.is(q, "and")) && q+1 < end {
		m := name{}
		r := t.civility(q+1, end, &m)
		if s, ok := t.nameWords(r, end, small, &m); ok {
			n.to, n.couple = s, true
			n.words, n.initials, n.known = n.words+m.words, n.initials+m.initials, n.known || m.known
			n.civil = n.civil && m.civil
		}
	}
	if small && !n.known && !n.civil && !t.ts[n.bare].upper {
		return name{}, false
	}
	return n, true
}

// civility skips the civilities and ranks before a name and returns where its words begin.
func (t text) civility(i, end int, n *name) int {
	p := i
	for p < end && t.ts[p].kind == word {
		f := t.ts[p].fold
		switch {
		case civilities[f] && (t.ts[p].upper || len(f) > 2 || f == "mr" || f == "dr"),
			f == "m" && t.at(p+1).upper,
			ranks[f] && t.ts[p].upper && t.at(p+1).upper, serving[f] && t.at(p+1).upper:
			n.civil = true
			p++
			if t.is(p, ".") {
				p++
			}
			// "M. et Mme", "M et Mme"
			if (t.is(p, "et") || t.is(p, "&") || t.is(p, "ou")) && p+1 < end && civilities[t.ts[p+1].fold] {
				n.couple = true
				p++
			}
		default:
			return p
		}
	}
	return p
}

// nameWords reads the words of a name at p: at least one of two letters.
func (t text) nameWords(p, end int, small bool, n *name) (int, bool) {
	last, start := p, p
	for p < end && t.ts[p].kind == word {
		k := t.ts[p]
		f := k.fold
		raw := t.s[k.from:k.to]
		switch {
		case k.upper && strings.HasSuffix(raw, ".") && utf8.RuneCountInString(raw) <= 5:
			n.initials++
			p++
			last = p
			continue
		case t.is(p+1, "'") && t.glued(p) && t.glued(p+1) && len(f) <= 2 && (k.upper || f == "d" || f == "l") && t.at(p+2).upper:
			// N'Diaye, D'Angelo, d'Artagnan
			p += 3
			n.words++
			last = p
			continue
		case p == start && !k.upper && particles[f] && !n.civil:
			return last, false
		case particles[f] && p+1 < end && (!k.upper || p == start || !small):
			if q := t.afterParticles(p, end, small && k.upper == t.at(p+1).upper); q > 0 {
				p = q
				continue
			}
			if !k.upper || f == "la" || f == "le" || f == "les" || f == "l" {
				return last, n.words > 0 && last > start
			}
		case born[f] && last > start && t.at(p+1).upper:
			p++
			continue
		}
		// Behind a first name nearly any word may be the surname.
		surname := k.upper && (maybeSurnames[f] && (n.civil || n.initials > 0) || n.known && n.words == 1 && !stops[f] && !closings[f] && !wayWords[f] && !roleWords[f] && !civilities[f] && len(f) > 1)
		if !surname && !t.nameWord(p, small) {
			break
		}
		if len(f) == 1 && t.is(p+1, ".") && t.glued(p) {
			n.initials++
			p += 2
			last = p
			continue
		}
		if len(f) == 1 {
			n.initials++
		} else {
			n.words++
		}
		n.known = n.known || firstNames[f] || firstNames[head(f)]
		if t.is(p+1, "'") && t.glued(p) && t.glued(p+1) && strings.HasSuffix(f, "c") && strings.HasPrefix(t.at(p+2).fold, "h") && !t.at(p+2).upper {
			p += 2 // the Breton c'h: "Le Floc'h"
		}
		p++
		last = p
	}
	return last, n.words > 0 && last > start
}

// head returns what stands before the first hyphen.
func head(s string) string {
	h, _, _ := strings.Cut(s, "-")
	return h
}

// afterParticles returns where the word stands that the particles at p belong to, or 0.
func (t text) afterParticles(p, end int, small bool) int {
	for k := 0; p < end && k < 3; k++ {
		if !particles[t.ts[p].fold] {
			break
		}
		p++
		if t.is(p, "'") {
			p++
		}
	}
	if p < end && t.ts[p].kind == word && t.nameWord(p, small) {
		return p
	}
	return 0
}

// nameWord reports whether token p can be a word of a name.
func (t text) nameWord(p int, small bool) bool {
	k := t.ts[p]
	if k.kind != word || !k.upper && !small || stopWords[k.fold] || civilities[k.fold] && len(k.fold) > 1 || months[k.fold] && k.fold != "avril" || weekdays[k.fold] && len(k.fold) > 3 {
		return false
	}
	if !k.upper && (len(k.fold) < 2 || closings[k.fold] || roleWords[k.fold] || looseWays[k.fold] || unitWords[k.fold] || orgWords[k.fold] || others[k.fold]) {
		return false
	}
	if closings[k.fold] || wayWords[k.fold] || k.fold == "?" || legalForms[k.fold] && k.caps {
		return false
	}
	// "J'", "L'": an elided word, not an initial.
	return !t.is(p+1, "'") || !t.glued(p) || len(k.fold) > 2
}

// orgAt reads the name of an organisation at token i: one of orgWords and what follows
// it, or capitalised words that end in a legal form. It returns the end, or 0.
//
// bare takes a common noun alone as well: "club de bridge".
func (t text) orgAt(i, end int, bare bool) int {
	end = min(end, i+2*maxNameTokens)
	if i >= end || t.ts[i].kind != word {
		return 0
	}
	if !orgWords[t.ts[i].fold] && !orgWords[head(t.ts[i].fold)] && !legalForms[t.ts[i].fold] || legalForms[t.ts[i].fold] && !t.ts[i].caps && t.ts[i].fold != "sarl" && t.ts[i].fold != "sci" {
		return t.firmAt(i, end)
	}
	last, proper := i+1, 0
	if bare {
		proper = 1
	}
	// "Sté Garage Brun": the first word says no more than the second.
	if (t.is(i, "ste") || t.is(i, "societe") || t.is(i, "entreprise")) && t.at(i+1).upper && orgWords[t.at(i+1).fold] {
		return 0
	}
	if t.is(last, ".") {
		last++
	}
	for p := last; p < end; p++ {
		switch k := t.ts[p]; {
		case orgJoin(k) || k.fold == "-" && t.glued(p-1) && t.glued(p):
		case k.fold == "\"":
			last = p + 1
		case k.kind == word && k.upper && !civilities[k.fold] && !wayWords[k.fold] && (!stopWords[k.fold] || proper == 0 || orgJoin(t.ts[p-1])):
			proper++
			last = p + 1
		case k.kind == word && (orgWords[k.fold] || legalForms[k.fold]),
			// "Comité des fêtes des Granges", "Association sportive du Pré"
			k.kind == word && (proper == 0 || bare) && p <= i+7 && !stops[k.fold] && !closings[k.fold]:
			last = p + 1
		default:
			p = end
		}
	}
	if proper == 0 || last <= i+1 {
		return 0
	}
	return last
}

// orgJoin reports whether a token may stand between the words of an organisation's name.
func orgJoin(k token) bool {
	switch k.fold {
	case "'", "&", "et", "a", "aux", "en", "pour", "sur":
		return !k.upper
	}
	return k.kind == word && particles[k.fold] && !k.upper
}

// firmAt reads capitalised words that end in a legal form: "Bâti-Ouest SARL".
func (t text) firmAt(i, end int) int {
	proper := 0
	for p := i; p < min(end, i+8); p++ {
		k := t.ts[p]
		switch {
		case k.kind == word && legalForms[k.fold] && k.caps && proper > 0:
			return p + 1
		case k.kind == word && k.upper:
			proper++
		case k.fold == "&" || particles[k.fold] || k.fold == "et" || k.fold == "'":
		default:
			return 0
		}
	}
	return 0
}
