package match

import (
	"strings"
)

// spot is a place as it is compared: the words of the street, and the number.
type spot struct {
	street string
	number string
	postal string // code, where one is given
}

// equal reports whether two places are one: a postal code that one of them leaves out makes
// no difference.
func (s spot) equal(o spot) bool {
	return s.street == o.street && s.number == o.number && (s.postal == o.postal || s.postal == "" || o.postal == "")
}

// spotMax bounds what is read of an address, in bytes.
const spotMax = 300

// spotOf reads a place or an address: what stands before the postal code.
func spotOf(s string) spot {
	var number string
	var street []string
	for i, w := range strings.Fields(foldWords(s[:min(len(s), spotMax)])) {
		if long, ok := abbreviations[w]; ok {
			w = long
		}
		switch {
		case len(w) == 5 && isNumber(w):
			// The postal code ends the street.
			return spot{strings.Join(street, " "), number, w}
		case isNumber(w) && number == "" && (i < 3 || len(street) > 0):
			number = w
		case fillers[w]:
		default:
			street = append(street, w)
		}
	}
	return spot{strings.Join(street, " "), number, ""}
}

// fillers are words that make no difference in an address.
var fillers = map[string]bool{}

func init() {
	for w := range strings.FieldsSeq("de du des la le les d l a au aux n no numero bis ter devant face en pres cote vers niveau hauteur entre et") {
		fillers[w] = true
	}
}

// abbreviations of the words of addresses.
var abbreviations = map[string]string{
	"r": "rue", "av": "avenue", "ave": "avenue", "bd": "boulevard", "bld": "boulevard", "blvd": "boulevard", "pl": "place", "ch": "chemin", "che": "chemin",
	"imp": "impasse", "all": "allee", "sq": "square", "rte": "route", "fg": "faubourg", "fbg": "faubourg", "lot": "lotissement", "res": "residence",
	"st": "saint", "ste": "sainte", "gal": "general", "mal": "marechal", "cdt": "commandant", "dr": "docteur", "pdt": "president", "bat": "batiment",
}

func isNumber(s string) bool {
	for _, r := range s {
		if r < '0' || r > '9' {
			return false
		}
	}
	return s != ""
}

// near compares two places: same when the streets are the same and no number speaks
// against it, apart when they are not.
func (s spot) near(o spot) (same, apart bool) {
	if s.street == "" || o.street == "" {
		return false, false
	}
	if s.street != o.street && !strings.Contains(" "+s.street+" ", " "+o.street+" ") && !strings.Contains(" "+o.street+" ", " "+s.street+" ") {
		return false, true
	}
	if s.number != "" && o.number != "" && s.number != o.number {
		return false, true
	}
	return true, false
}
