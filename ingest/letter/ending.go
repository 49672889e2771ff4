package letter

import (
	"strings"

	"saisine.fr/saisine/ingest/lazy"
)

// An ending is what the letter has below its body.
type ending struct {
	// name is the signature, or "".
	name string
	// block are the lines from the signature on, up to the enclosures: an address may stand there.
	block []line
	// after are all lines below the closing formula; around those and the formula itself.
	after, around []line
}

var (
	madeAt   = lazy.Regexp(`^(?:fait|signe) (?:a|le|en)\b`)
	thanks   = lazy.Regexp(`^(?:en vous |vous |je vous |avec mes |mille )?(?:merci|remerci)`)
	kindWish = lazy.Regexp(`^(?:bien a (?:vous|toi)|(?:tres )?bonne (?:journee|soiree|reception|continuation|fin de))\b`)
	oneLine  = lazy.Regexp(`^(?:bien )?(?:cordialement|cdt|merci(?: d'avance| beaucoup| bien)?|respectueusement|sportivement|cordiales salutations|salutations|bonne journee)[ ,.!-]+(.{2,60})$`)
	signMark = lazy.Regexp(`^(?:signature|signe|nom et signature|lu et approuve)[^a-z]{0,4}[:,]? ?`)
	// belowSign are the beginnings of what stands below the block of the signature.
	belowSign = lazy.Regexp(`^(?:p\.? ?s\.?\b|post-scriptum|n\.? ?b\.?\b|copies?\b|cc ?:|c\.?c\.? ?:|p\.? ?[jil1]\b|envoye de|sent from|ce (?:message|courriel)|avant d'imprimer)`)
)

// findEnd looks for the end of the letter on its pages, first page first: what follows
// the letter in a scan, copies of other letters, has closing formulas too.
func findEnd(sheets [][]line) ending {
	for _, ls := range sheets {
		if e, ok := closedEnd(ls); ok {
			return e
		}
	}
	// No formula: the name below the last words.
	for i := len(sheets) - 1; i >= 0; i-- {
		if e, ok := openEnd(sheets[i], i == 0); ok {
			return e
		}
	}
	return ending{}
}

// strength tells how sure a line is a closing formula: 0 not, 1 thanks, 2 a formula.
func strength(l line) int {
	switch {
	case l.blank():
		return 0
	case madeAt().MatchString(l.fold) && isDate(l):
		return 2
	case closings.any(tokens(l.fold)):
		return 2
	case thanks().MatchString(l.fold), kindWish().MatchString(l.fold):
		return 1
	}
	return 0
}

// closedEnd finds the first closing formula that a signature follows. Words of courtesy in
// the body are followed by more body.
func closedEnd(ls []line) (ending, bool) {
	for _, least := range []int{2, 1} {
		for i := range ls {
			if strength(ls[i]) < least {
				continue
			}
			j := i + 1
			// The formula may go on: over the lines of its sentence, over "Fait à …".
			for k := j; k < len(ls) && k < j+3 && !ls[k].blank(); k++ {
				if strength(ls[k]) > 0 || isDate(ls[k]) {
					j = k + 1
				}
			}
			e := ending{after: ls[j:], around: ls[i:min(j+4, len(ls))]}
			if m := oneLine().FindStringSubmatchIndex(ls[j-1].fold); m != nil {
				if p, _, ok := nameIn(ls[j-1].cut(m[2], m[3]), 1); ok {
					e.name = p.name
					e.block = append([]line{newLine(ls[j-1].cut(m[2], m[3]))}, untilStop(ls[j:])...)
					return e, true
				}
			}
			if e.sign(ls[j:]) {
				return e, true
			}
			// A formula that nobody signed still ends the letter, if no body follows.
			if least == 2 && !hasProse(ls[j:]) {
				e.block = contactsOf(ls[j:])
				return e, true
			}
		}
	}
	return ending{}, false
}

func hasProse(ls []line) bool {
	for _, l := range ls {
		if isProse(l) && !enclosureLabel().MatchString(l.fold) && !belowSign().MatchString(l.fold) {
			return true
		}
	}
	return false
}

// signLines is how far below the formula a signature may stand, blank lines not counted.
const signLines = 6

// sign finds the signature in the lines below a formula.
func (e *ending) sign(ls []line) bool {
	seen, apart := 0, false
	for i, l := range ls {
		if l.blank() {
			continue
		}
		if m := signMark().FindStringIndex(l.fold); m != nil {
			l = newLine(l.cut(m[1], len(l.fold)))
		}
		if enclosureLabel().MatchString(l.fold) || belowSign().MatchString(l.fold) || isProse(l) {
			return false
		}
		if seen++; seen > signLines {
			return false
		}
		if l.blank() || isDate(l) {
			continue
		}
		if strength(l) > 0 && !apart {
			continue
		}
		if isContact(l) || isPostal(l) {
			return false
		}
		if name, ok := signature(l); ok {
			e.name = name
			e.block = untilStop(ls[i:])
			return true
		}
		// "Pour le comité," "Le gérant" "La présidente," and the firm go before the name.
		if !isRole(strings.TrimRight(l.text, ", ")) && !isOrg(l, tokens(l.fold)) && !isDash(l) {
			return false
		}
		apart = true
	}
	return false
}

func isDash(l line) bool { return !hasLetters(l.text, 2) }

// signature reads the line of a signature; two names side by side are both.
func signature(l line) (string, bool) {
	if isOrg(l, tokens(l.fold)) {
		// "Pour le syndic, L. Torrance" names a person all the same.
		if !isRole(strings.SplitN(l.text, ",", 2)[0]) || !strings.Contains(l.text, ",") {
			return "", false
		}
	}
	if len(l.cells) == 2 && l.cells[0] != "" {
		a, okA := personOf(l.cells[0], 2)
		b, okB := personOf(l.cells[1], 2)
		if okA && okB {
			return a.name + " et " + b.name, true
		}
	}
	p, _, ok := nameIn(l.text, 1)
	if !ok {
		return "", false
	}
	return p.name, true
}

// untilStop returns the lines up to the enclosures, the postscript, or prose.
func untilStop(ls []line) []line {
	for i, l := range ls {
		if enclosureLabel().MatchString(l.fold) || belowSign().MatchString(l.fold) || i > 0 && isProse(l) && !isContact(l) || i > 15 {
			return ls[:i]
		}
	}
	return ls
}

// openEnd finds a name in the last lines, below the last words of the body. first tells
// that the page is the one with the head, which must not be taken for the end.
func openEnd(ls []line, first bool) (ending, bool) {
	last := -1
	for i, l := range ls {
		if !l.blank() && isProse(l) || isSalutation(l) && i < len(ls)/2 {
			last = i
		}
		if m := signMark().FindStringIndex(l.fold); m != nil && strings.Contains(l.fold[:m[1]], ":") {
			e := ending{around: ls[max(0, i-3):i], after: ls[i:]}
			if p, _, ok := nameIn(l.cut(m[1], len(l.fold)), 1); ok {
				e.name = p.name
			}
			return e, true
		}
	}
	if last < 0 && first {
		return ending{}, false
	}
	for i := last + 1; i < len(ls) && i <= last+4; i++ {
		l := ls[i]
		if l.blank() || strength(l) > 0 || isRole(strings.TrimRight(l.text, ", ")) {
			continue
		}
		if isPostal(l) || isLabel(l) || isOrg(l, tokens(l.fold)) {
			break
		}
		p, _, ok := nameIn(l.text, 2)
		if !ok {
			break
		}
		return ending{name: p.name, block: untilStop(ls[i:]), after: ls[i:]}, true
	}
	if last < 0 {
		return ending{}, false
	}
	if e, ok := inlineEnd(ls, last); ok {
		return e, true
	}
	return ending{block: contactsOf(ls[last+1:]), after: ls[last:]}, last+1 < len(ls)
}

// lastWords part the name at the end of a paragraph from the sentence before it. A comma
// does so only after thanks: elsewhere it names somebody else.
var lastWords = lazy.Regexp(`(?:[.!?] +|\b(?:cordialement|cdt|cdlt|merci d'avance|merci par avance|merci beaucoup|merci|salutations|bonne journee)[ ,.!:-]+)([^.!?]{0,4}[^!?]{3,60})$`)

// inlineEnd finds the name at the end of the last paragraph, and the number behind it.
func inlineEnd(ls []line, last int) (ending, bool) {
	for _, l := range ls[last+1:] {
		if !l.blank() {
			return ending{}, false
		}
	}
	l := ls[last]
	to := len(l.fold)
	var e ending
	if spans := phoneRun().FindAllStringIndex(l.fold, -1); len(spans) > 0 && len(l.fold)-spans[len(spans)-1][1] < 3 {
		to = spans[len(spans)-1][0]
		e.block = []line{newLine(l.cut(to, len(l.fold)))}
	}
	f := strings.TrimRight(l.fold[:to], " ,:-(")
	// The last boundary that leaves a name wins.
	for from := max(0, len(f)-70); from < len(f); from++ {
		m := lastWords().FindStringSubmatchIndex(f[from:])
		if m == nil {
			break
		}
		if p, ok := personOf(l.cut(from+m[2], from+m[3]), 2); ok {
			e.name = p.name
			return e, true
		}
		from += m[0]
	}
	return ending{}, false
}

// contactsOf returns the lines that only tell how to reach the sender, if there are no
// others: the mail of somebody who leaves a number and no name.
func contactsOf(ls []line) []line {
	for i, l := range ls {
		if !l.blank() && !isContact(l) {
			return ls[:i]
		}
	}
	return ls
}
