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
	name    bool // the whole name
	surname bool // a name, and nothing that speaks against it: G. Martin, Gérard Martin
	family  bool // a name, with another first name
	address bool // street and number
	firm    bool // the domain of an organisation
	// other is set when they have different contacts of each kind that both gave.
	other bool
	why   string
}

// certain reports whether they are the same person for what a reference or a thread asks
// for: a contact, or the whole name where nothing speaks against it.
func (k kinship) certain() bool { return k.contact || k.name && (k.address || !k.other) }

// related reports whether one may speak for the other.
func (k kinship) related() bool { return k.certain() || k.name || k.address || k.surname || k.firm }

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

// nameWords takes a name apart: folded, titles left out, names joined by a dash kept as
// one, so that Jean-Pierre is not Pierre.
func nameWords(name string) []string {
	var out []string
	name, _, _ = strings.Cut(name, "(")
	for w := range strings.FieldsFuncSeq(name, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(".,;/&'’", r) }) {
		w = Fold(w)
		if w != "" && !titles[w] && !slices.Contains(out, w) {
			out = append(out, w)
		}
	}
	return out
}

// kin compares two senders.
func kin(a, b party) kinship {
	var k kinship
	emails, phones := a.email != "" && b.email != "", a.phone != "" && b.phone != ""
	switch {
	case emails && a.email == b.email:
		k.contact, k.why = true, "même adresse électronique"
	case phones && a.phone == b.phone:
		k.contact, k.why = true, "même téléphone"
	}
	k.other = !k.contact && (emails || phones)
	k.address = a.place.number != "" && a.place == b.place
	k.firm = emails && !k.contact && organisation(a.email) != "" && organisation(a.email) == organisation(b.email)
	for _, x := range a.names {
		for _, y := range b.names {
			switch nameLikeness(x, y) {
			case nameWhole:
				k.name = true
			case namePart:
				k.surname = true
			case nameFamily:
				k.family = true
			}
		}
	}
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
func nameLikeness(a, b []string) int {
	if len(a) > len(b) {
		a, b = b, a
	}
	rest := slices.Clone(b)
	var left []string
	whole := 0
	for _, w := range a {
		i := slices.IndexFunc(rest, func(x string) bool { return sameWord(w, x) })
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
	case len(left) == 0 && whole >= 2, len(left) == 0 && len(rest) == 0:
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

// initialOf reports whether one of two words is the beginning of the other: G for Gérard,
// JP for Jean-Pierre cannot be told from a short name and is taken for one.
func initialOf(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	return len(a) <= 2 && a[0] == b[0]
}

// sameWord reports whether two words are equal but for one misread character in a long one.
func sameWord(a, b string) bool {
	if a == b {
		return true
	}
	if len(a) < 6 || len(b) < 6 || len(a) != len(b) {
		return false
	}
	wrong := 0
	for i := range len(a) {
		if a[i] != b[i] {
			wrong++
		}
	}
	return wrong == 1
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
		out = append(out, factKey("address", p.place.number+" "+p.place.street))
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
