package facts

import "strings"

// Addresses in other countries put the number last ("Rua das Flores 118", "Lindenweg 5") or
// the kind of street ("14 Orchard Lane"), and have postal codes of their own. None is read
// without its town, since the street alone looks like other things.
var (
	// foreignWays begin the name of a street elsewhere, laterWays end it, waySuffixes end its
	// one word.
	foreignWays = words("rua calle via viale avenida piazza plaza praca corso carrer travessa largo paseo vicolo strada ronda alameda avinguda passeig chaussee")
	laterWays   = words("street st road rd lane avenue ave drive close court crescent terrace gardens way row grove mews square strasse straße straat weg platz laan")
	waySuffixes = []string{"strasse", "straße", "str", "straat", "weg", "laan", "gasse", "platz", "plein", "steenweg", "dreef", "gracht", "gatan", "gade", "vej"}
	countries   = words("allemagne deutschland germany autriche belgique belgie espagne espana irlande ireland italie italia luxembourg maroc algerie tunisie senegal pays-bas nederland " +
		"pologne portugal roumanie royaume-uni england angleterre ecosse suisse schweiz canada quebec etats-unis usa monaco andorre danemark suede norvege finlande grece turquie liban bresil")
)

// foreignStreetAt reads a street of another country at p, with its number, where a foreign
// town follows in the text; it returns its end or 0.
func (t text) foreignStreetAt(p, end int) int {
	if q := t.foreignWayAt(p, end); q > 0 && q <= end {
		if r := t.toNextPart(q, len(t.ts), true); r > q && t.foreignTownAt(r, len(t.ts)) > 0 || r > q && foreignOnly(t.at(p).fold) && t.postalAt(r, len(t.ts)) > 0 {
			return q
		}
	}
	return 0
}

// foreignOnly reports whether no French street begins with a word.
func foreignOnly(f string) bool { return foreignWays[f] || hasWaySuffix(f) }

func hasWaySuffix(f string) bool {
	for _, s := range waySuffixes {
		if len(f) > len(s)+2 && strings.HasSuffix(f, s) {
			return true
		}
	}
	return false
}

// foreignWayAt reads the street itself.
func (t text) foreignWayAt(p, end int) int {
	k := t.at(p)
	switch {
	case k.kind == number && len(k.fold) <= 4, k.kind == mixed && houseMixed(k.fold):
		q := p + 1
		if t.is(q, ",") {
			q++
		}
		for n := 0; q < end && n < 4 && t.ts[q].kind == word && t.ts[q].upper; q, n = q+1, n+1 {
			if n > 0 && laterWays[t.ts[q].fold] {
				return q + 1
			}
		}
		return 0
	case k.kind == word && wayWords[k.fold], k.kind == word && k.upper && (foreignWays[k.fold] || looseWays[k.fold]):
		q := p + 1
		if t.is(q, ".") {
			q++
		}
		return t.houseNumberAt(t.properEnd(q, end, 0), end)
	case k.kind != word || !k.upper:
		return 0
	}
	for q, n := p, 0; q < end && n < 3 && t.ts[q].kind == word && t.ts[q].upper; q, n = q+1, n+1 {
		if hasWaySuffix(t.ts[q].fold) || n > 0 && laterWays[t.ts[q].fold] {
			return t.houseNumberAt(q+1, end)
		}
	}
	return 0
}

// houseNumberAt reads the number behind a street's name and returns its end, or 0.
func (t text) houseNumberAt(q, end int) int {
	if q == 0 {
		return 0
	}
	if t.is(q, ",") {
		q++
	}
	if t.is(q, "n") && t.is(q+1, "°") {
		q += 2
	}
	if k := t.at(q); q < end && (k.kind == number && len(k.fold) <= 4 || k.kind == mixed && len(k.fold) <= 5) {
		return q + 1
	}
	return 0
}

// foreignTownAt reads a town with the postal code of another country at p: "CH-1204 Genève",
// "4050-262 Porto", "1012 AB Amsterdam", "London SE5 8AF", "Montréal (Québec) H2X 3K3".
func (t text) foreignTownAt(p, end int) int {
	q := p
	land := t.at(q).kind == word && t.at(q).caps && len(t.at(q).fold) <= 2 || t.at(q).kind == word && t.at(q).upper && len(t.at(q).fold) == 1
	if land && t.is(q+1, "-") && t.at(q+2).kind == number {
		q += 2
	}
	if k := t.at(q); k.kind == number && (len(k.fold) == 4 || len(k.fold) == 5) {
		q++
		switch {
		case t.is(q, "-") && t.at(q+1).kind == number && len(t.at(q+1).fold) == 3:
			q += 2
		case len(k.fold) == 4 && t.at(q).caps && len(t.at(q).fold) == 2:
			q++
		case len(k.fold) == 5 && q == p+1:
			return 0 // as in France
		}
		if q >= end || t.ts[q].kind != word || !t.ts[q].upper || months[t.ts[q].fold] {
			return 0
		}
		return t.properEnd(q, end, 0)
	}
	for n := 0; q < end && n < 4 && t.ts[q].kind == word && t.ts[q].upper; n++ {
		q++
		if t.is(q, "(") && t.is(q+2, ")") {
			q += 3
		}
		if t.is(q, ",") {
			q++
		}
		if q+1 < end && postcode(t.ts[q].fold, t.ts[q+1].fold) {
			return q + 2
		}
	}
	return 0
}

// postcode reports whether two words are a British postcode, or a Canadian one.
func postcode(a, b string) bool {
	x, y := shape(a), shape(b)
	if y == "9a9" {
		return x == "a9a"
	}
	switch x {
	case "a9", "a99", "aa9", "aa99", "a9a", "aa9a":
		return y == "9aa"
	}
	return false
}

// shape writes 9 for each figure and a for each letter; "" where s is no code.
func shape(s string) string {
	if len(s) > 4 {
		return ""
	}
	b := []byte(s)
	for i, c := range b {
		if b[i] = 'a'; c >= '0' && c <= '9' {
			b[i] = '9'
		}
	}
	return string(b)
}

// countryAt reads the name of a country other than France at p, at the end of its line.
func (t text) countryAt(p, end int) int {
	if k := t.at(p); p >= end || k.kind != word || !k.upper || !countries[k.fold] || t.at(p+1).kind != newline && p+1 < len(t.ts) && !t.is(p+1, ".") {
		return 0
	}
	return p + 1
}
