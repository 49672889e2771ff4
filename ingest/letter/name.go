package letter

import (
	"strings"
	"unicode"

	"saisine.fr/saisine/ingest/lazy"
)

// particles are the words of a name that may begin with a small letter.
var particles = words("de du des d la le les l et ep epouse nee ne veuve and vve van von der den ten ben bin el al y da do dos di del della saint")

// A person is a name found in a line.
type person struct {
	// name is without civility, save where that would leave a surname alone or break up a couple.
	name string
	// civil tells that a civility stands before it.
	civil bool
}

// civilWords is how many words at the front are civilities.
func civilWords(ws []string) int {
	n := 0
	for n < len(ws) && civilities.has(key(fold(strings.Trim(ws[n], ".,:")))) {
		n++
	}
	return n
}

var couple = lazy.Regexp(`^(m|mr|monsieur|mme|madame)\.? (et|&|ou) (m|mr|monsieur|mme|madame)\.? `)

// personOf reads a text that is a name and nothing else. min is how many words a name
// without civility has at least.
func personOf(s string, min int) (person, bool) {
	s = strings.Trim(s, " ,;:-–—_*\"'«»")
	if n := len([]rune(s)); n < 2 || n > maxName {
		return person{}, false
	}
	if m := couple().FindString(fold(s)); m != "" {
		rest := string([]rune(s)[len(m):])
		if nameWords(strings.Fields(rest), 1) {
			return person{s, true}, true
		}
		return person{}, false
	}
	ws := strings.Fields(s)
	if k := key(fold(ws[0])); k == key("famille") || len(ws) > 1 && k == key("la") && key(fold(ws[1])) == key("famille") {
		if k == key("la") {
			ws = ws[1:]
		}
		return person{strings.Join(ws, " "), true}, nameWords(ws[1:], 1)
	}
	n := civilWords(ws)
	if n > 0 {
		ws = ws[n:]
		if !nameWords(ws, 1) {
			return person{}, false
		}
		if len(ws) == 1 {
			return person{s, true}, true
		}
		return person{trimDot(strings.Join(ws, " ")), true}, true
	}
	if !nameWords(ws, min) {
		return person{}, false
	}
	return person{trimDot(s), false}, true
}

// trimDot drops a full stop at the end, but not that of an initial: "Kevin R."
func trimDot(s string) string {
	if r := []rune(s); len(r) > 2 && r[len(r)-1] == '.' && (r[len(r)-3] == ' ' || r[len(r)-3] == '.') {
		return s
	}
	return strings.TrimRight(s, ".")
}

// nameWords reports whether words make a name: each begins with a capital or is a
// particle, none is a word that names have not, and at least min are no particles.
func nameWords(ws []string, min int) bool {
	if len(ws) == 0 || len(ws) > 8 {
		return false
	}
	proper, long := 0, false
	for _, w := range ws {
		w = strings.Trim(w, ",")
		if w == "&" {
			continue
		}
		k := key(fold(w))
		if particles.is(k) || strings.HasPrefix(fold(w), "d'") && len(w) > 2 && nameWord(w[2:]) {
			if unicode.IsUpper([]rune(w)[0]) || strings.Contains(w, "'") {
				proper++
			}
			continue
		}
		if !nameWord(w) || notName(k) {
			return false
		}
		proper++
		long = long || len([]rune(strings.Trim(w, "."))) >= 2
	}
	last := key(fold(ws[len(ws)-1]))
	return proper >= min && long && (!particles.is(last) || unicode.IsUpper([]rune(ws[len(ws)-1])[0]))
}

// notName are the words that make a line something else than a person's name. Only
// exact ones count: surnames are too near to many.
func notName(k string) bool {
	return titleWords.is(k) || wayWords.is(k) && k != key("mail") && k != key("villa") || siteWords.is(k) && k != key("moulin") && k != key("chateau") && k != key("mas") ||
		orgWords.is(k) && k != key("garage") || towns.is(k) || weakTowns.is(k) || legalWords.is(k) || civilities.is(k)
}

// nameWord reports whether w can be a word of a name: a capital first, letters mostly.
func nameWord(w string) bool {
	first, letters, figs := true, 0, 0
	for _, r := range w {
		switch {
		case unicode.IsLetter(r):
			if first && !unicode.IsUpper(r) && r != 'l' { // l: OCR's I
				return false
			}
			letters++
		case r >= '0' && r <= '9' || r == '|' || r == '!':
			figs++
		case r == '-' || r == '\'' || r == '.':
			if first {
				return false
			}
		default:
			return false
		}
		first = false
	}
	return letters > 0 && figs*3 <= letters
}

// nameIn finds a name in a line that may also state a role: "La présidente, Maëlle
// Kervégan", "Pour le syndic, L. Torrance", "Hélène Vasseur, riveraine". rest is what follows it.
func nameIn(s string, min int) (p person, rest string, ok bool) {
	parts := strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ':' || r == '(' || r == ')' })
	for i, part := range parts {
		if i > 2 {
			break
		}
		part = strings.TrimSpace(part)
		if p, ok = personOf(part, min); ok && (p.civil || !isRole(part)) {
			return p, strings.TrimSpace(strings.Join(parts[i+1:], ",")), true
		}
		if isRole(part) {
			continue
		}
		if i == 0 && !isRole(part) {
			break
		}
	}
	return person{}, "", false
}

// isRole reports whether a piece of a line says what somebody is, not who.
func isRole(s string) bool {
	ts := tokens(fold(s))
	if len(ts) == 0 || len(ts) > 7 {
		return false
	}
	if _, isPerson := personOf(s, 2); isPerson && !roleWords.is(ts[0]) && !roleWords.is(ts[len(ts)-1]) {
		return false
	}
	switch ts[0] {
	case key("pour"), key("p"), key("po"):
		return true
	case key("le"), key("la"), key("l"), key("un"), key("une"):
		return len(ts) < 6
	}
	return roleWords.any(ts)
}

// sameName reports whether two names share a word of three letters.
func sameName(a, b string) bool {
	seen := tokens(fold(a))
	for _, w := range tokens(fold(b)) {
		if len(w) < 3 {
			continue
		}
		for _, s := range seen {
			if s == w || len(s) >= 4 && len(w) >= 4 && near(s, w) {
				return true
			}
		}
	}
	return false
}

func hasLetters(s string, n int) bool {
	for _, r := range s {
		if unicode.IsLetter(r) {
			if n--; n == 0 {
				return true
			}
		}
	}
	return false
}
