package match

import (
	"slices"
	"strings"
	"unicode"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/facts"
)

// kinship says what two senders have in common.
type kinship struct {
	contact bool // address for mail, or phone
	name    bool // a whole name, of two words at least
	surname bool // a name, and nothing that speaks against it: G. Martin, Gérard Martin
	family  bool // a name, with another first name
	address bool // street and number
	firm    bool // the domain of an organisation
	// against is set when both gave an address for mail, a phone or a postal address, and it
	// is another one; clash when both have whole names, of different people.
	against, clash bool
	why            string
}

// certain reports whether they are the same person, or one household, for what a reference
// or a thread asks for. A name alone is not enough: towns have two Marie Martins.
func (k kinship) certain() bool { return k.contact || k.name && k.address }

// same reports whether they are one person as far as the same text of both needs it: who
// share a phone and have two names are two.
func (k kinship) same() bool {
	return k.contact && !k.clash || k.name && (k.address || !k.against)
}

// related reports whether one may speak for the other.
func (k kinship) related() bool { return k.contact || k.name || k.address || k.surname || k.firm }

// party is a sender as it is compared.
type party struct {
	email, phone string
	names        [][]string
	place        spot
}

func partyOf(p ingest.Person, signature string) party {
	out := party{email: strings.ToLower(strings.TrimSpace(p.Email)), phone: facts.E164(p.Phone), place: spotOf(p.Address)}
	for _, n := range []string{p.Name, signature} {
		if ws := nameWords(n); len(ws) > 0 && !slices.ContainsFunc(out.names, func(have []string) bool { return slices.Equal(have, ws) }) {
			out.names = append(out.names, ws)
		}
	}
	return out
}

// titles are no names.
var titles = map[string]bool{}

func init() {
	for t := range strings.FieldsSeq("m mr mme mlle mmes mm monsieur madame mademoiselle messieurs mesdames dr docteur me maitre vve veuve epouse nee et ou famille consorts de du des la le les ") {
		titles[t] = true
	}
}

// nameMax and nameWordsMax bound what is read of a name, in bytes and in words: a header
// can hold any.
const (
	nameMax      = 200
	nameWordsMax = 8
)

// nameWords takes a name apart: folded, titles left out, names joined by a dash kept as
// one, so that Jean-Pierre is not Pierre.
func nameWords(name string) []string {
	var out []string
	name, _, _ = strings.Cut(name[:min(len(name), nameMax)], "(")
	for w := range strings.FieldsFuncSeq(name, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(".,;/&'’", r) }) {
		w = Fold(w)
		if w != "" && !titles[w] && !slices.Contains(out, w) {
			if out = append(out, w); len(out) == nameWordsMax {
				break
			}
		}
	}
	return out
}

// kin compares two senders. misread is set when one of them was recognised from an image.
func kin(a, b party, misread bool) kinship {
	var k kinship
	emails, phones := a.email != "" && b.email != "", a.phone != "" && b.phone != ""
	switch {
	case emails && a.email == b.email:
		k.contact, k.why = true, "même adresse électronique"
	case phones && a.phone == b.phone:
		k.contact, k.why = true, "même téléphone"
	}
	places := a.place.number != "" && b.place.number != ""
	k.address = places && a.place.equal(b.place)
	k.against = !k.contact && (emails || phones) || places && !k.address && !misread
	k.firm = emails && !k.contact && organisation(a.email) != "" && organisation(a.email) == organisation(b.email)
	whole := false // both have a whole name
	for _, x := range a.names {
		for _, y := range b.names {
			whole = whole || len(x) >= 2 && len(y) >= 2
			switch nameLikeness(x, y, misread) {
			case nameWhole:
				k.name = true
			case namePart:
				k.surname = true
			case nameFamily:
				k.family = true
			}
		}
	}
	k.clash = whole && !k.name && !k.surname
	switch {
	case k.why != "":
	case k.name && k.address:
		k.why = "mêmes nom et adresse"
	case k.name:
		k.why = "même nom"
	case k.address:
		k.why = "même adresse postale"
	case k.surname:
		k.why = "nom semblable"
	case k.firm:
		k.why = "même organisme"
	}
	return k
}

// organisation returns the domain of a mail address, "" for that of a provider at which
// anybody has one. Not listed are small ones; the domain alone never decides.
func organisation(email string) string {
	_, domain, _ := strings.Cut(email, "@")
	name, _, _ := strings.Cut(domain, ".")
	if providers[name] {
		return ""
	}
	return domain
}

// providers are the beginnings of domains of mail providers, and those that are kept for
// examples (RFC 2606 §3).
var providers = map[string]bool{}

func init() {
	for p := range strings.FieldsSeq("gmail googlemail orange wanadoo free sfr neuf cegetel bbox laposte yahoo ymail hotmail outlook live msn icloud me mac " +
		"proton protonmail pm gmx aol numericable noos club-internet aliceadsl voila tiscali infonie mailo netcourrier caramail tutanota zaclys ecomail vivaldi example") {
		providers[p] = true
	}
}

// How alike two names are.
const (
	nameOther = iota
	nameFamily
	namePart
	nameWhole
)

// nameLikeness compares two names whatever their order.
func nameLikeness(a, b []string, misread bool) int {
	if len(a) > len(b) {
		a, b = b, a
	}
	rest := slices.Clone(b)
	var left []string
	whole := 0
	for _, w := range a {
		i := slices.IndexFunc(rest, func(x string) bool { return w == x || misread && nearWord(w, x) })
		if i < 0 {
			left = append(left, w)
			continue
		}
		if len(w) >= minName {
			whole++
		}
		rest = slices.Delete(rest, i, i+1)
	}
	switch {
	case whole == 0:
		return nameOther
	case len(left) == 0 && whole >= 2:
		return nameWhole
	case len(left) == 0: // M. Martin, Gérard Martin
		return namePart
	}
	for _, w := range left {
		if !slices.ContainsFunc(rest, func(x string) bool { return initialOf(w, x) }) {
			return nameFamily
		}
	}
	return namePart
}

// minName is the length from which a word of a name tells people apart.
const minName = 3

// initialOf reports whether one of two words is the first letter of the other: G for Gérard.
func initialOf(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	return len(a) == 1 && a[0] == b[0]
}

// nearWord reports whether two words are equal but for what OCR or a slip does to them: one
// character in a word of four, two in one of eight.
func nearWord(a, b string) bool {
	slack := 0
	switch n := min(len(a), len(b)); {
	case n >= 8:
		slack = 2
	case n >= 4:
		slack = 1
	}
	return slack > 0 && withinEdits(a, b, slack)
}

// withinEdits reports whether at most max insertions, deletions and substitutions of bytes
// make b of a (Levenshtein 1966).
func withinEdits(a, b string, max int) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	if len(b)-len(a) > max {
		return false
	}
	row := make([]int, len(a)+1)
	for i := range row {
		row[i] = i
	}
	for j := 1; j <= len(b); j++ {
		diagonal, least := row[0], j
		row[0] = j
		for i := 1; i <= len(a); i++ {
			cost := diagonal
			if a[i-1] != b[j-1] {
				cost++
			}
			diagonal = row[i]
			row[i] = min(cost, row[i]+1, row[i-1]+1)
			least = min(least, row[i])
		}
		if least > max {
			return false
		}
	}
	return row[len(a)] <= max
}

// facts are the keys by which a sender is found again.
func (p party) facts() []int64 {
	var out []int64
	if p.email != "" {
		out = append(out, factKey("email", p.email))
	}
	if p.phone != "" {
		out = append(out, factKey("phone", p.phone))
	}
	if p.place.number != "" {
		out = append(out, factKey("address", p.place.number+" "+p.place.street)) // the town apart: it is often left out
	}
	return out
}

// words are the words of the names, which others share.
func (p party) words() []int64 {
	var out []int64
	for _, n := range p.names {
		for _, w := range n {
			if len(w) > minName {
				out = append(out, factKey("word", w))
			}
		}
	}
	return out
}
