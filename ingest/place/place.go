// Package place finds where the matter of a citizen's message is: the street and number, the landmark, the plot of
// land or of the cemetery that the text names.
//
// It reads French free text as people write it, by rules and word lists of the language, with the town's own street
// list where one is given. The rules know kinds of words (ways, public places, prepositions), never the names of one
// town. A message without a place gives none: an invented place sends an agent to the wrong street, a missing one
// only costs a question.
//
// Everything here is free of state once loaded, and may be used by many goroutines at once.
package place

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// MaxText is the number of bytes of a text that Find reads. A citizen names the place early; what is behind is quoted
// mail and attachments.
const MaxText = 64 << 10

// maxSubject is the number of bytes of a subject that Find reads: RFC 5322 §2.1.1 limits a line to 998 characters.
const maxSubject = 2 << 10

// Place is where a matter is. The zero value is no place.
type Place struct {
	Text     string // for people: number and street first, then the precision: "27 rue du Moulin-Brûlé, devant la boulangerie"
	Number   string // "12", "12 bis", or "10-34" for a stretch; empty where none is stated
	Street   string // as written, or the street list's name where it knows the street
	Cross    string // the second street of a crossing
	Landmark string // public place, residence, plot: as written; beside a street it makes it more precise
	Known    bool   // the street list has this street
	Point    *Point // where the street list has this number; nil otherwise
}

// Point is a place on earth in degrees of WGS 84, as the national address base gives it.
type Point struct{ Lon, Lat float64 }

// Key is a place made comparable: two ways of writing one place have the same key. It may be a map's key.
type Key struct {
	Street string // folded words without articles, type written out: "avenue gare"; of a crossing both, sorted
	Number string // "12bis"
}

// Key gives the comparable form of p. Without a street, the landmark stands for it.
func (p Place) Key() Key {
	street := streetKey(p.Street)
	if p.Cross != "" {
		other := streetKey(p.Cross)
		street = min(street, other) + " / " + max(street, other)
	}
	if street == "" {
		street = streetKey(p.Landmark)
	}
	return Key{Street: street, Number: strings.ReplaceAll(fold(p.Number), " ", "")}
}

// Options are what is known beside the text. The zero value is good.
type Options struct {
	// Streets is the town's street list, or nil.
	Streets *Streets
	// Address is the writer's own address where the channel gives it apart from the text, such as a form's field.
	// It is the place only when the text names no other and the matter is about the home.
	Address string
	// Town is the town's own name, which is no place within it. Names after a postal code in the text count as well.
	Town string
}

// Find gives the place of the matter in a message, and whether there is one. Of text at most MaxText bytes are read;
// time grows linearly with them. Bytes that are not UTF-8 are read as unknown characters.
func Find(text, subject string, opts Options) (Place, bool) {
	body := newDocument(clean(text, MaxText), false)
	title := newDocument(clean(subject, maxSubject), true)
	found := findIn(title, opts)
	found = append(found, findIn(body, opts)...)
	return choose(found, title, body, opts)
}

// clean makes text valid, composed UTF-8 of at most limit bytes.
func clean(text string, limit int) string {
	if len(text) > limit {
		cut := limit
		for cut > limit-utf8.UTFMax && !utf8.RuneStart(text[cut]) {
			cut--
		}
		text = text[:cut]
	}
	text = strings.ToValidUTF8(text, "\uFFFD")
	if !norm.NFC.IsNormalString(text) {
		text = norm.NFC.String(text)
	}
	return text
}
