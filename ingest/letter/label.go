package letter

import (
	"strings"

	"saisine.fr/saisine/ingest/lazy"
)

// Bounds of what is kept.
const (
	maxSubject    = 300 // runes
	maxRef        = 80
	maxName       = 120
	maxAddress    = 250
	maxEnclosures = 20
)

var (
	// subjectLabel allows for a gap in the word and another sign for its colon.
	subjectLabel = lazy.Regexp(`^[^a-z0-9]{0,3}((?:[o0] ?[b8] ?[jil1|] ?[.]? ?(?:[ec] ?(?:[ec] ?)?[tf])?)s?|sujet|subject|concerne|re)(?: de (?:la demande|ma demande|votre demande|votre courrier|la lettre))? ?([:.;-]|$)[ :.-]*`)
	// bareSubject is the word alone, its colon lost.
	bareSubject = lazy.Regexp(`^(?:objet|0bjet) `)

	refWord  = `(?:r[ec][ft][a-z]{0,2}|r[ec]f[ec]r[ec]n[ec][ec]s?|dossier)`
	refLabel = lazy.Regexp(`(?:^|[ (/-])(?:(v[o0]s|v[o0]tre|v|n[o0]s|n[o0]tre|n)(?: ?/ ?| |\. ?))?` + refWord + `\.?(?: (?:dossier|du dossier|courrier|interne|client|a rappeler|affaire))?(?: n ?[o°.])? ?[:;] ?`)
	// dotRef is "N/Réf. 123": only with an owner and at the beginning may a dot stand for the colon.
	dotRef = lazy.Regexp(`^(v[o0]s|v[o0]tre|v|n[o0]s|n[o0]tre|n)(?: ?/ ?| |\. ?)` + refWord + `\. ?`)

	handledBy  = lazy.Regexp(`^(affaire suivie|dossier suivi|suivi par|aff\.? ?:|affaire ?:|n/?dossier|contact ?:)`)
	registered = lazy.Regexp(`\bl\.? ?r\.? ?a\.? ?r\b|\br\.? ?a\.? ?r\b\.?|\brec[o0]m?mandee?s? (?:avec|a\.? ?r\b|a/r|no|n |1a|2c)|^(?:lettre |courrier |envoi |en )?rec[o0]m?mandee?\b`)
)

// findSubject returns the subject of the letter on its first page. A label in the middle
// of the body counts too: some write the salutation first.
func findSubject(ls []line, head int) string {
	for i, l := range ls {
		rest, ok := subjectOf(l)
		if !ok && i < head && bareSubject().MatchString(l.fold) && !strings.HasPrefix(l.fold[6:], "d") {
			rest, ok = l.cut(6, len(l.fold)), true
		}
		if !ok {
			continue
		}
		parts := []string{}
		if rest != "" {
			parts = append(parts, rest)
		}
		for j := i + 1; j < len(ls) && j <= i+3; j++ {
			if ls[j].blank() && len(parts) > 0 || !continues(ls[j], rest == "" && len(parts) == 0) {
				break
			}
			if !ls[j].blank() {
				parts = append(parts, ls[j].text)
			}
		}
		if s := strings.Trim(strings.Join(parts, " "), " .:;-_"); hasLetters(s, 3) {
			return clip(s, maxSubject)
		}
	}
	return ""
}

// subjectOf returns what follows the label of a subject line.
func subjectOf(l line) (string, bool) {
	m := subjectLabel().FindStringSubmatchIndex(l.fold)
	if m == nil {
		return "", false
	}
	word := l.fold[m[2]:m[3]]
	if sep := l.fold[m[4]:m[5]]; (word == "re" || word == "sujet" || word == "subject") && sep != ":" {
		return "", false
	}
	return l.cut(m[1], len(l.fold)), true
}

// continues reports whether a line goes on with the subject above it. after tells that
// the label stands alone on its line.
func continues(l line, after bool) bool {
	if l.blank() {
		return after
	}
	if isLabel(l) || isSalutation(l) || isProse(l) {
		return false
	}
	if day, _ := dateOf(l); !day.IsZero() {
		return false
	}
	c := l.fold[0]
	return after || l.text[0] == c && c >= 'a' && c <= 'z'
}

// isLabel reports whether a line is one of the labelled ones between the addresses and the
// salutation.
func isLabel(l line) bool {
	if _, ok := subjectOf(l); ok {
		return true
	}
	return handledBy().MatchString(l.fold) || registered().MatchString(l.fold) || isRef(l) || enclosureLabel().MatchString(l.fold)
}

func isRef(l line) bool {
	if m := refLabel().FindStringIndex(l.fold); m != nil && m[0] < 3 {
		return true
	}
	return dotRef().MatchString(l.fold)
}

// isRegistered looks at the head only: bodies speak of earlier registered letters.
func isRegistered(head []line) bool {
	for _, l := range head {
		if _, ok := subjectOf(l); !ok && !isRef(l) && registered().MatchString(l.fold) {
			return true
		}
	}
	return false
}

// references are those of a letter: the town's, the sender's, and those of neither.
type references struct{ yours, ours, plain string }

func (r *references) find(ls []line, head int) {
	for i, l := range ls {
		// Below the head, only a line that is nothing but the reference.
		if i >= head && (len(l.fold) > 80 || !isRef(l)) {
			continue
		}
		marks := refLabel().FindAllStringSubmatchIndex(l.fold, 4)
		if len(marks) == 0 {
			if m := dotRef().FindStringSubmatchIndex(l.fold); m != nil {
				marks = [][]int{m}
			}
		}
		if len(marks) > 0 && marks[0][0] > 2 && len(l.cells) < 2 && strings.ContainsAny(l.fold[:marks[0][0]], ".,:") {
			continue // inside a sentence
		}
		for n, m := range marks {
			to := len(l.fold)
			if n+1 < len(marks) {
				to = marks[n+1][0]
			}
			owner := ""
			if m[2] >= 0 {
				owner = l.fold[m[2] : m[2]+1]
			}
			r.add(owner, strings.Trim(l.cut(m[1], max(to, m[1])), " -–,;/|("))
		}
	}
}

func (r *references) add(owner, value string) {
	if value == "" || len(value) > maxRef || !strings.ContainsAny(value, "0123456789") && len(strings.Fields(value)) > 4 {
		return
	}
	slot := &r.plain
	switch owner {
	case "v":
		slot = &r.yours
	case "n":
		slot = &r.ours
	}
	if *slot == "" {
		*slot = value
	}
}

// enclosureLabel is the label of the list of enclosures.
var enclosureLabel = lazy.Regexp(`^[-* ]{0,3}(?:p ?\. ?[jil1] ?\.?|p[jil1]|pieces? [jil1]ointes?(?: en annexe)?|annexes?|documents? [jil1]oints?|encl?|enclosures?)(?: ?\([0-9s]{1,3}\))? ?([:;-]|$) ?`)

// enclosures lists what came with the letter. The list ends at a blank line or at
// another label.
func enclosures(first []line, head int, end ending) []string {
	for _, part := range [][]line{end.after, first[:head]} {
		for i, l := range part {
			m := enclosureLabel().FindStringIndex(l.fold)
			if m == nil {
				continue
			}
			if items := listItems(l.cut(m[1], len(l.fold)), part[i+1:]); len(items) > 0 {
				return items
			}
		}
	}
	return nil
}

var (
	bullet    = lazy.Regexp(`^(?:[-*+>] ?|[0-9]{1,2} ?[.)] ?|[a-z]\) ?)`)
	afterList = lazy.Regexp(`^(copies?\b|cc ?:|p\.? ?s\b|n\.? ?b\b|c\.? ?c\b|tel|fax|www|http)`)
	countOnly = lazy.Regexp(`^[^a-z]*$|^[0-9]+ pages?$`)
)

func listItems(value string, below []line) []string {
	bulleted := value == "" || bullet().MatchString(fold(value))
	var rows []string
	if value != "" {
		if b := bullet().FindStringIndex(fold(value)); b != nil {
			value = string([]rune(value)[b[1]:])
		}
		rows = append(rows, value)
	}
	for i, l := range below {
		// A list with bullets may be widely spaced.
		next := i+1 < len(below) && bullet().MatchString(below[i+1].fold)
		if l.blank() && (len(rows) == 0 || bulleted && next) {
			continue
		}
		if l.blank() || afterList().MatchString(l.fold) || isLabel(l) || len(rows) >= maxEnclosures {
			break
		}
		b := bullet().FindStringIndex(l.fold)
		switch {
		case b != nil:
			rows = append(rows, l.cut(b[1], len(l.fold)))
		case len(rows) == 0:
			return nil
		case l.text[0] >= 'a' && l.text[0] <= 'z' || strings.HasSuffix(rows[len(rows)-1], ","):
			rows[len(rows)-1] += " " + l.text // a row that goes on
		default:
			rows = append(rows, l.text)
		}
	}
	var items []string
	for _, r := range rows {
		for _, it := range splitList(r) {
			if !countOnly().MatchString(fold(it)) && len(items) < maxEnclosures {
				items = append(items, clip(it, maxSubject))
			}
		}
	}
	return items
}

// splitList parts a row at its semicolons, or else at its commas, but not inside
// brackets.
func splitList(s string) []string {
	sep := byte(',')
	if strings.Contains(s, ";") {
		sep = ';'
	}
	var out []string
	depth, from := 0, 0
	for i := 0; i <= len(s); i++ {
		switch {
		case i == len(s) || s[i] == sep && depth == 0:
			if it := strings.Trim(s[from:i], " ,;.-–•"); it != "" {
				out = append(out, it)
			}
			from = i + 1
		case s[i] == '(':
			depth++
		case s[i] == ')' && depth > 0:
			depth--
		}
	}
	return out
}

func clip(s string, max int) string {
	if r := []rune(s); len(r) > max {
		return strings.TrimSpace(string(r[:max-1])) + "…"
	}
	return s
}
