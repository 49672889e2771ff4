package letter

import (
	"strings"
	"unicode"

	"saisine.fr/saisine/ingest/lazy"
)

// A kind is what a line of the head, or of a block of addresses, is.
type kind int

const (
	kindOther kind = iota
	kindLabel
	kindSalutation
	kindDate
	kindRecipient
	kindMaybeRecipient // "Service …": of the town, or of the sender's firm
	kindContact
	kindLegal
	kindPostal
	kindStreet
	kindOrg
	kindPerson
	kindRole
	kindProse
)

func kindOf(l line) kind {
	switch ts := tokens(l.fold); {
	case isLabel(l):
		return kindLabel
	case isSalutation(l):
		return kindSalutation
	case isDate(l):
		return kindDate
	case isRecipient(ts):
		return kindRecipient
	case isContact(l):
		return kindContact
	case isPostal(l):
		return kindPostal
	case isStreet(l, ts):
		return kindStreet
	case isLegal(l, ts):
		return kindLegal
	case len(ts) > 0 && weakTowns.has(ts[0]) && !orgWords.has(ts[0]):
		return kindMaybeRecipient
	case isProse(l):
		return kindProse
	case isOrg(l, ts):
		return kindOrg
	}
	if _, _, ok := nameIn(l.text, 2); ok {
		return kindPerson
	}
	if isRole(l.text) {
		return kindRole
	}
	return kindOther
}

func isDate(l line) bool {
	day, _ := dateOf(l)
	return !day.IsZero()
}

var salutation = lazy.Regexp(`^(?:bonjour|bonsoir|salut|slt|bjr|cher|chere|chers|dear)\b.{0,40}$|` +
	`^(?:a qui de droit|(?:madame|mada[mn]e|monsieur|messieurs|mesdames|ma[iîl1]tre)(?: ?,? ?(?:ou |et )?(?:la |le |les |l')?[a-z0-9' -]{2,40}){0,2}) ?[,.]$|^(?:madame|monsieur), ?(?:madame|monsieur)$|^messieurs$`)

// isSalutation reports whether the line opens the body: it ends in a comma, which the
// lines of an address do not.
func isSalutation(l line) bool { return len(l.fold) < 80 && salutation().MatchString(l.fold) }

// dottedForm is the legal form of a firm written with full stops, at the head of its name: its
// letters alone look like words of a sentence.
var dottedForm = lazy.Regexp(`^(?:s\. ?a\. ?r\. ?l|s\. ?a\. ?s(?:\. ?u)?|e\. ?u\. ?r\. ?l|s\. ?c\. ?[ip]|s\. ?n\. ?c|e\. ?t\. ?s)\.? [a-z]`)

// kinFirm is a firm called after its family: "Roche & Fils", "Brun et Cie".
var kinFirm = lazy.Regexp(`^[a-z' -]{2,40}(?: ?& ?| et )(?:fils|filles?|freres|soeurs|cie)\b`)

// isProse reports whether the line is one of the body.
func isProse(l line) bool {
	ts := tokens(l.fold)
	if len(ts) < 3 || len(l.fold) < 80 && dottedForm().MatchString(l.fold) {
		return false
	}
	n := 0
	for _, t := range ts {
		if proseWords.is(t) {
			n++
		}
	}
	end := strings.HasSuffix(l.fold, ".") || strings.HasSuffix(l.fold, "?") || strings.HasSuffix(l.fold, "!")
	switch {
	case len(l.cells) > 1 && l.cells[0] != "":
		return false // columns
	case len(ts) >= 30:
		return true
	case len(ts) >= 7 && n >= 2:
		return true
	case (len(ts) >= 9 || end && len(ts) >= 5) && mostlySmall(l.text):
		return true
	}
	return end && n >= 2 || end && n >= 1 && len(ts) >= 5 && !strings.ContainsAny(l.fold, "0123456789")
}

// mostlySmall reports whether seven of ten words begin with a small letter and none with a
// figure.
func mostlySmall(s string) bool {
	small, all := 0, 0
	for w := range strings.FieldsSeq(s) {
		c := fold(w)[0]
		switch {
		case c >= '0' && c <= '9':
			return false
		case c < 'a' || c > 'z':
			continue
		case unicode.IsLower([]rune(w)[0]):
			small++
		}
		all++
	}
	return all > 0 && small*10 >= all*7
}

// isRecipient reports whether the line begins the address of the town or of one of its
// people: "Mairie de …", "Monsieur le Maire", "À l'attention de …", "Hôtel de Ville".
func isRecipient(ts []string) bool {
	if len(ts) == 0 {
		return false
	}
	two := func(a, b string) bool { return len(ts) > 1 && ts[0] == key(a) && ts[1] == key(b) }
	switch {
	case len(ts) > 2 && (ts[0] == key("a")) && (civilities.has(ts[1]) || near(ts[2], key("attention"))),
		near(ts[0], key("attention")), near(ts[0], key("destinataire")),
		len(ts) > 2 && near(ts[0], key("hotel")) && ts[2] == key("ville"),
		two("the", "mayor"), two("town", "hall"), two("conseil", "municipal"), two("police", "municipale"),
		two("commune", "de"), two("ville", "de"), two("services", "techniques"), two("service", "municipal"), two("centre", "communal"), two("conseil", "communautaire"):
		return true
	}
	if ts[0] == key("marie") {
		// A first name far more often than a slip for "Mairie de …".
		return len(ts) > 2 && ts[1] == key("de") && ts[2] != key("la")
	}
	if towns.has(ts[0]) {
		return true
	}
	if civilities.has(ts[0]) && len(ts) > 1 {
		// "Monsieur le Maire", "Madame l'Adjointe", "Messieurs les élus"; not "Monsieur Le Goff".
		switch ts[1] {
		case key("le"), key("la"), key("les"), key("l"):
			return len(ts) > 2 && (functions.has(ts[2]) || towns.has(ts[2]))
		}
	}
	// "M. Jean Dupont, maire de …"
	if civilities.has(ts[0]) {
		for i, t := range ts[1:] {
			if t == key("maire") && ts[i] != key("la") {
				return true
			}
		}
	}
	return false
}

var (
	contactMark = lazy.Regexp(`^(?:tel|te[l1i]|telephone|phone|port|portable|mob|mobile|gsm|fax|telecopie|courriel|e-? ?mail|mel|mail|site|web|www|internet|adresse e-?mail)\b[^a-z]|^(?:www\.|https?:)`)
	// postal allows for O and l among the five figures, and for a space in them.
	postal = lazy.Regexp(`(?:^|[ ,(-])(?:f ?- ?)?([0-9oil|sz]{2} ?[0-9oil|sz]{3}) ?,? ?([a-z][a-z0-9' .-]{2,40})`)
	// postalLast is the form "Saint-Exemple (99100)".
	postalLast = lazy.Regexp(`[a-z]{3,} \(?([0-9]{5})\)?$`)
	cedex      = lazy.Regexp(`^(?:cedex|france|belgique|suisse)\b`)
	streetNum  = lazy.Regexp(`^(?:n ?o? ?)?[0-9oil|]{1,4}(?: ?(?:bis|ter|quater|[a-d]))?(?: ?[-/] ?[0-9]{1,4})? ?[,.]? ([a-z0-9']+)`)
)

func isContact(l line) bool {
	return contactMark().MatchString(l.fold) || len(phones(l)) > 0 || email(l) != ""
}

// isPostal reports whether the line has a postal code and a town.
func isPostal(l line) bool {
	return postalAt(l) >= 0 || len(l.fold) < 60 && postalLast().MatchString(l.fold)
}

// postalAt returns where the postal code of the line begins, or -1. The code has three
// real figures at least, and is not part of a longer number.
func postalAt(l line) int {
	if len(l.fold) > 160 {
		return -1
	}
	for _, m := range postal().FindAllStringSubmatchIndex(l.fold, 4) {
		code := l.fold[m[2]:m[3]]
		real := 0
		for i := range len(code) {
			if code[i] >= '0' && code[i] <= '9' {
				real++
			}
		}
		town := tokens(l.fold[m[4]:m[5]])
		if real >= 3 && len(town) > 0 && !wayWords.is(town[0]) && town[0] != "e" && !orphan(l.fold, m[2]) && town[0] != key("eur") && town[0] != key("euros") {
			return m[2]
		}
	}
	return -1
}

// orphan reports whether the figures at i go on with a number before them.
func orphan(f string, i int) bool {
	j := i
	for j > 0 && (f[j-1] == ' ' || f[j-1] == '.') {
		j--
	}
	return j > 0 && j > i-2 && f[j-1] >= '0' && f[j-1] <= '9'
}

// isStreet reports whether the line is a part of an address other than the town.
func isStreet(l line, ts []string) bool {
	if len(ts) == 0 || len(ts) > 14 {
		return false
	}
	if m := streetNum().FindStringSubmatch(l.fold); m != nil {
		next := key(m[1])
		if wayWords.has(next) || siteWords.is(next) || len(ts) > 2 && wayWords.has(ts[2]) || len(ts) > 3 && wayWords.has(ts[3]) {
			return true
		}
	}
	if wayWords.has(ts[0]) || siteWords.is(ts[0]) || len(ts) > 1 && ts[0] == key("lieu") && ts[1] == key("dit") || len(ts) > 1 && wayWords.has(ts[1]) && !particles.is(ts[0]) {
		// "Maison des associations" is where a club sits; "Cité scolaire …" too.
		return !isProse(l)
	}
	for i, t := range ts[1:] {
		// "The Old Mill, 3 chemin du Moulin"
		if wayWords.has(t) && i > 0 && ts[i][0] >= '0' && ts[i][0] <= '9' {
			return true
		}
	}
	return strings.HasPrefix(l.fold, "c/o ") || strings.HasPrefix(l.fold, "z.a") || strings.HasPrefix(l.fold, "z.i")
}

func isLegal(l line, ts []string) bool {
	for _, t := range ts {
		if legalWords.is(t) {
			return true
		}
	}
	return strings.HasPrefix(l.fold, "r.c.s") || strings.HasPrefix(l.fold, "loi 1901")
}

// isOrg reports whether the line names an organisation.
func isOrg(l line, ts []string) bool {
	if len(ts) == 0 || len(ts) > 12 || strings.HasSuffix(l.fold, ".") && len(ts) > 4 {
		return false
	}
	if dottedForm().MatchString(l.fold) || kinFirm().MatchString(l.fold) || len(ts) > 1 && ts[0] == key("copropriete") {
		return true
	}
	n := civilWords(strings.Fields(l.text))
	return n == 0 && orgWords.any(ts) && !proseWords.is(ts[0]) && !titleWords.is(ts[0])
}
