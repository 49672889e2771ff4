package letter

import "saisine.fr/saisine/ingest/lazy"

// The last lines of an address in another country.
var (
	// townAbroad is the town with its code, where that has no five figures: "1204 Genève",
	// "4050-262 Porto", "1012 AB Amsterdam", "Bath BA1 5RT", "Montréal (Québec) H2X 3K3".
	townAbroad = lazy.Regexp(`^(?:(?:[A-Z]{1,2} ?- ?)?[0-9]{4}(?:-[0-9]{3}| [A-Z]{2})? \p{Lu}[\p{L}' -]{2,40}` +
		`|\p{Lu}[\p{L}' -]{1,40},? (?:\(\p{Lu}[\p{L}-]+\)|[A-Z]{2})?,? ?(?:[A-Z]{1,2}[0-9][A-Z0-9]? [0-9][A-Z]{2}|[A-Z][0-9][A-Z] [0-9][A-Z][0-9]))$`)
	// country is one other than France on a line of its own.
	country = lazy.Regexp(`^(?:allemagne|germany|deutschland|autriche|belgique|espagne|irlande|italie|luxembourg|maroc|algerie|tunisie|senegal|pays-bas|` +
		`pologne|portugal|roumanie|royaume-uni|angleterre|ecosse|suisse|canada|quebec|etats-unis|monaco|andorre|danemark|suede|norvege|finlande|grece|turquie|liban|bresil)\.?$`)
)

// abroad takes the lines that end an address in another country: the town where a street
// stands above it, and the country. It reports whether the line was one of them.
func (p *reader) abroad(l line) bool {
	switch {
	case p.closed && len(p.address) > 0 && country().MatchString(l.fold):
		p.address = append(p.address, trimDot(l.text))
	case !p.closed && len(p.address)+len(p.pending) > 0 && townAbroad().MatchString(l.text) && !isDate(l):
		p.town(l)
	default:
		return false
	}
	return true
}
