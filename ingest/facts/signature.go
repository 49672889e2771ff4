package facts

import "strings"

// A signature is what stands below a text.
type signature struct {
	from, to int // tokens; equal where there is none
	items    []item
}

// first returns the first item of a kind.
func (s signature) first(k itemKind) (item, bool) {
	for _, it := range s.items {
		if it.kind == k && !it.fax {
			return it, true
		}
	}
	return item{}, false
}

// Bounds of a signature block.
const (
	maxBlockLines = 12
	maxLineTokens = 32
)

// lines returns the lines of the tokens before end, as ranges of tokens. A paragraph's
// end is an empty range.
func (t text) lines(end int) [][2]int {
	var out [][2]int
	from := 0
	for i := range end {
		if k := t.ts[i]; k.kind == newline || k.kind == gap {
			out = append(out, [2]int{from, i})
			if k.blankLine() {
				out = append(out, [2]int{i, i})
			}
			from = i + 1
		}
	}
	if from < end {
		out = append(out, [2]int{from, end})
	}
	return out
}

// appended are the beginnings of lines that no sender writes: what the program of a telephone
// adds, disclaimers, the quoted history.
var appended = [][]string{
	{"envoye", "de", "mon"},
	{"envoye", "depuis"},
	{"envoye", "a", "partir"},
	{"sent", "from"},
	{"telecharger", "outlook"},
	{"telechargez", "outlook"},
	{"obtenez", "outlook"},
	{"get", "outlook"},
	{"provenance", ":"},
	{"ce", "message", "et", "ses"},
	{"ce", "message", "est", "confidentiel"},
	{"ce", "message", "est", "destine"},
	{"ce", "courriel", "et", "ses"},
	{"ce", "courriel", "est", "confidentiel"},
	{"ce", "courriel", "est", "destine"},
	{"avant", "d", "imprimer"},
	{"pensez", "a", "l", "environnement"},
	{"n", "imprimez"},
	{"garanti", "sans", "virus"},
	{">"},
	{"de", ":"},
	{"from", ":"},
}

// addenda are the beginnings of lines that a sender writes below the signature, or above it.
var addenda = [][]string{
	{"ps", ":"},
	{"p", ".", "s"},
	{"ps", "."},
	{"ps", "-"},
	{"post-scriptum"},
	{"nb", ":"},
	{"pj", ":"},
	{"p", ".", "j"},
	{"pj"},
	{"ps"},
	{"pieces", "jointes"},
	{"piece", "jointe"},
	{"copie", ":"},
	{"cc", ":"},
}

// ownEnd returns the token at which the sender's own text ends, without what programs add.
func (t text) ownEnd() int {
	end, _ := t.ends()
	return end
}

// ends returns the token at which the sender's own text ends, and the one at which the
// addenda below it begin.
func (t text) ends() (own, signed int) {
	signed = -1
	for n, l := range t.lines(len(t.ts)) {
		if n == 0 || l[0] == l[1] {
			continue
		}
		if t.begins(l[0], l[1], appended) || t.attribution(l[0], l[1]) {
			if signed < 0 {
				signed = l[0]
			}
			return l[0], signed
		}
		if signed < 0 && t.begins(l[0], l[1], addenda) {
			signed = l[0]
		}
	}
	if signed < 0 {
		signed = len(t.ts)
	}
	return len(t.ts), signed
}

// begins reports whether the line of the tokens from i up to end begins with one of starts.
func (t text) begins(i, end int, starts [][]string) bool {
	for _, ws := range starts {
		p, ok := i, true
		for _, w := range ws {
			if t.is(p, "'") {
				p++
			}
			if p >= end || t.ts[p].fold != w {
				ok = false
				break
			}
			p++
		}
		// "PS", "PJ": the whole word in capitals, or it is none.
		if ok && (len(ws) > 1 || ws[0] == ">" || t.ts[i].caps || len(ws[0]) > 2) {
			return true
		}
	}
	return false
}

// attribution reports whether a line is "Le … , Jean Petit a écrit :" or "--- Message
// transféré ---".
func (t text) attribution(i, end int) bool {
	if end-i > 2*maxLineTokens {
		return false
	}
	if t.is(i, "-") && t.is(i+1, "-") {
		for p := i + 2; p < end; p++ {
			switch t.ts[p].fold {
			case "message", "forwarded", "original":
				return true
			}
		}
	}
	return (t.is(i, "le") || t.is(i, "on")) && t.is(end-1, ":") && (t.is(end-2, "ecrit") || t.is(end-2, "wrote"))
}

// signatureOf reads the block below the text, from its last line up to the first that is
// none of it; or the name at the end of the last paragraph. Where no name stands above the
// addenda, it may stand below them.
func (t text) signatureOf() signature {
	own, signed := t.ends()
	sig := t.signatureAbove(signed)
	if _, ok := sig.first(itemName); !ok && own > signed {
		if below := t.signatureAbove(own); len(below.items) > 0 {
			return below
		}
	}
	return sig
}

// signatureAbove reads the signature that ends at token end.
func (t text) signatureAbove(end int) signature {
	ls := t.lines(end)
	start, n := len(ls), 0
	for i := len(ls) - 1; i >= 0 && n < maxBlockLines; i-- {
		from, to := ls[i][0], ls[i][1]
		if from == to || t.ruler(from, to) {
			continue
		}
		if i == 0 && n > 0 && t.at(from).kind == word && stopWords[t.ts[from].fold] {
			break
		}
		items, ok := t.blockLine(from, to)
		if !ok && (t.titleBelowName(ls, i) || t.labelled(from, to) || t.asideBelowName(ls, i)) {
			items, ok = []item{{kind: itemRole, from: from, to: to}}, true
		}
		if !ok {
			break
		}
		start, n = i, n+1
		if len(items) > 0 && items[0].kind == itemClosing {
			break
		}
	}
	sig := signature{from: end, to: end}
	if start < len(ls) {
		sig.from = ls[start][0]
		for n, l := range ls[start:] {
			items, ok := t.blockLine(l[0], l[1])
			if !ok && (t.titleBelowName(ls, start+n) || t.labelled(l[0], l[1]) || t.asideBelowName(ls, start+n)) {
				items = []item{{kind: itemRole, from: l[0], to: l[1]}}
			}
			sig.add(t, items)
		}
		sig.trim(t)
		if _, ok := sig.first(itemName); ok {
			return sig
		}
	}
	// The name may stand at the end of the line above the numbers.
	for i := start - 1; i >= 0; i-- {
		if ls[i][0] == ls[i][1] || t.ruler(ls[i][0], ls[i][1]) {
			continue
		}
		if items, from, ok := t.inlineEnd(ls[i][0], ls[i][1]); ok {
			sig.items = append(items, sig.items...)
			sig.from = from
		}
		break
	}
	return sig
}

// titleBelowName reports whether line i says what the person is whose full name fills one of
// the two lines above it: "Chargée de mission", "Chambre d'agriculture".
func (t text) titleBelowName(ls [][2]int, i int) bool {
	for n := i; n > 0 && n > i-2; n-- {
		from, to := ls[n][0], ls[n][1]
		if from == to || to-from > 7 || !t.ts[from].upper || t.speaks(from, to) || !closedByWord(t.ts[to-1]) {
			return false
		}
		a, b := ls[n-1][0], ls[n-1][1]
		if a == b {
			return false
		}
		if m, ok := t.nameAt(a, b, false); ok && m.to == b && m.full() && (m.known || m.civil || t.ts[b-1].caps || t.closedAbove(ls, n-1)) && t.ts[a].upper {
			return true
		}
	}
	return false
}

// closedAbove reports whether the last line above line n begins with a closing word and ends
// with a comma: a name that no list knows may follow it.
func (t text) closedAbove(ls [][2]int, n int) bool {
	for n--; n >= 0 && ls[n][0] == ls[n][1]; n-- {
	}
	if n < 0 {
		return false
	}
	from, to := ls[n][0], ls[n][1]
	return t.is(to-1, ",") && (closings[t.ts[from].fold] || t.is(from, "bien") && closings[t.at(from+1).fold])
}

// asideBelowName reports whether line i stands wholly in brackets below a full name: what the
// sender adds with a wink, "(votre voisine d'en face)".
func (t text) asideBelowName(ls [][2]int, i int) bool {
	from, to := ls[i][0], ls[i][1]
	if i == 0 || to-from < 3 || to-from > maxLineTokens || !t.is(from, "(") || !t.is(to-1, ")") {
		return false
	}
	a, b := ls[i-1][0], ls[i-1][1]
	if a == b {
		return false
	}
	m, ok := t.nameAt(a, b, false)
	return ok && m.to == b && m.full() && t.ts[a].upper
}

// labelled reports whether a line is a short label and its value: "Insta : @anne.p".
func (t text) labelled(from, to int) bool {
	return t.ts[from].kind == word && t.ts[from].upper && t.is(from+1, ":") && to-from > 2 && to-from <= 6 && !t.speaks(from, to)
}

// closedByWord reports whether a line that ends in k is no sentence.
func closedByWord(k token) bool {
	return k.kind == word || k.kind == number || k.kind == mixed || k.fold == ")" || k.fold == "\""
}

// ruler reports whether a line is but dashes: "-- " begins a signature (RFC 3676 §4.3).
func (t text) ruler(from, to int) bool {
	for i := from; i < to; i++ {
		if t.ts[i].kind != punct {
			return false
		}
	}
	return true
}

// add appends the items of a line. Parts of an address on lines of their own are one.
func (s *signature) add(t text, items []item) {
	for _, it := range items {
		n := len(s.items) - 1
		if n >= 0 && it.kind == itemName && it.to == it.from+1 && s.items[n].kind == itemAddress && !s.items[n].address.town {
			// A town alone on its line looks like a name.
			if a, ok := t.addressAt(s.items[n].from, it.to, true); ok && a.to == it.to {
				s.items[n].address, s.items[n].to = a, a.to
				continue
			}
		}
		if n >= 0 && it.kind == itemAddress && s.items[n].kind == itemAddress && t.toNextPart(s.items[n].to, it.from, true) >= it.from {
			if a, ok := t.addressAt(s.items[n].from, it.to, true); ok && a.to == it.to {
				s.items[n].address, s.items[n].to = a, a.to
				continue
			}
			a := &s.items[n].address
			a.parts = append(a.parts, it.address.parts...)
			a.to, s.items[n].to = it.to, it.to
			a.street, a.site, a.town, a.numbered = a.street || it.address.street, a.site || it.address.site, a.town || it.address.town, a.numbered || it.address.numbered
			continue
		}
		s.items = append(s.items, it)
	}
}

// trim drops a name of one word that nothing shows to be a name.
func (s *signature) trim(t text) {
	closed := false
	for i := 1; i < len(s.items); i++ {
		if s.items[i].kind != itemName {
			continue
		}
		switch prev := &s.items[i-1]; {
		case t.contactBefore(s.items[i].from) && prev.kind == itemRole && i > 1 && s.items[i-2].kind == itemName:
			s.items[i-2].kind = itemOrg // "Les Cigales – contact Anne": the first is no person
		case t.officeOf(*s, i-1) && s.items[i].name.full() && (s.items[i].name.known || s.items[i].name.civil):
			prev.kind = itemOrg // "Service achats – Forges du Val" above the name
		}
	}
	out := s.items[:0]
	for i, it := range s.items {
		if t.greets(*s, i) {
			continue
		}
		closed = closed || it.kind == itemClosing
		if it.kind == itemName && !it.name.full() && !it.name.civil && !it.name.known {
			alone := t.at(it.from-1).kind == newline && (it.to >= s.to || t.at(it.to).kind == newline || t.is(it.to, ",") || t.at(it.to).kind == phone)
			if !closed && !alone || i > 0 && s.items[i-1].kind == itemOrg && !t.is(it.from-1, "contact") || t.at(it.from).caps && t.at(it.from).to-t.at(it.from).from < 4 {
				continue
			}
		}
		out = append(out, it)
	}
	s.items = out
}

// contactBefore reports whether "contact" or "contact :" stands right before token p.
func (t text) contactBefore(p int) bool {
	return t.is(p-1, "contact") || t.is(p-1, ":") && t.is(p-2, "contact")
}

// officeOf reports whether item i is the name that an office has behind it on its line, such
// as "Service achats – Forges du Val", with nothing that shows a person's.
func (t text) officeOf(s signature, i int) bool {
	if i == 0 || s.items[i].kind != itemName || s.items[i-1].kind != itemRole || t.at(s.items[i].to).kind != newline {
		return false
	}
	n, role := s.items[i].name, s.items[i-1]
	return !n.known && !n.civil && n.initials == 0 && t.is(role.from, "service") && t.is(role.to, "-") && s.items[i].from == role.to+1
}

// greets reports whether item i is a word of farewell that looks like a name of one word: it
// ends its line with a comma, and a full name fills the beginning of the next.
func (t text) greets(s signature, i int) bool {
	it := s.items[i]
	if it.kind != itemName || it.name.full() || it.name.civil || it.name.known || i+1 >= len(s.items) {
		return false
	}
	next := s.items[i+1]
	return t.at(it.from-1).kind == newline && t.is(it.to, ",") && t.at(it.to+1).kind == newline && next.kind == itemName && next.from == it.to+2 && next.name.full()
}

// blockLine reads a line of a signature block; false where it is one of prose.
func (t text) blockLine(from, to int) ([]item, bool) {
	if from == to {
		return nil, true
	}
	if to-from > 3*maxLineTokens {
		return nil, false
	}
	if t.formula(from, to) {
		return []item{{kind: itemClosing, from: from, to: to}}, true
	}
	items := t.items(from, to)
	named, loose := false, 0
	for i, it := range items {
		switch it.kind {
		case itemName, itemOrg:
			named = true
		case itemOther, itemRole:
			size := it.to - it.from
			if it.kind == itemOther && (!named || size > 9 || t.speaks(it.from, it.to)) || it.kind == itemRole && (size > 12 || t.speaks(it.from, it.to)) {
				return nil, false
			}
			if i > 0 {
				loose++
			}
		}
	}
	return items, loose <= 3 && to-from <= 2*maxLineTokens
}

// formulaWords are those that no sentence of a body has beside each other's company.
var formulaWords = words("salutations agreer sentiments consideration hommages respectueusement cordialement sincerement")

// formula reports whether a line is a whole closing formula without a name behind it: "Je
// vous prie d'agréer, Madame, Monsieur, mes salutations distinguées."
func (t text) formula(from, to int) bool {
	strong := false
	last := t.at(to - 1).fold
	for i := from; i < to; i++ {
		strong = strong || formulaWords[t.ts[i].fold]
	}
	if !strong || to-from < 2 {
		return false
	}
	if _, _, ok := t.inlineEnd(from, to); ok {
		return false
	}
	return last == "." || last == "," || last == "!" || to-from >= 4 && !t.at(to-1).upper
}

// speaks reports whether words are of a sentence: it has a pronoun or a verb that block lines
// have not.
func (t text) speaks(from, to int) bool {
	for i := from; i < to; i++ {
		switch t.ts[i].fold {
		case "je", "j", "nous", "vous", "il", "elle", "on", "ils", "elles", "est", "sont", "avons", "avez", "ont", "ai", "suis", "sommes", "que", "qui", "quand", "pourquoi", "comment", "faire", "c", "ca", "cela", "!", "?", "ne", "pas", "n":
			if f := t.ts[i].fold; f == "n" && t.is(i+1, "°") || f == "j" || f == "c" && !t.is(i+1, "'") || f == "est" && i > from && t.ts[i].upper && !t.shouts() { // "Grand Est"
				continue
			}
			return true
		}
	}
	return false
}

// maxTail is how many tokens at the end of a paragraph may be its signature.
const maxTail = 28

// inlineEnd reads the name at the end of a line of prose, and what follows it: "… merci.
// Anne Petit, 14 rue Haute".
func (t text) inlineEnd(from, to int) (items []item, at int, ok bool) {
	for to > from && (t.is(to-1, ".") || t.is(to-1, "!") || t.is(to-1, ",") || t.is(to-1, ")")) {
		to--
	}
	for s := max(from+1, to-maxTail); s < to; s++ {
		if !t.boundary(s, from) {
			continue
		}
		its := t.items(s, to)
		if len(its) == 0 || its[0].kind != itemName {
			continue
		}
		n := its[0].name
		last := n.known && n.to == to && t.ts[s].upper && (t.is(s-1, ".") || t.is(s-1, "!")) && t.blankFrom(to)
		if !n.full() && !n.civil && !last && (!t.closingBefore(s) || !n.known && !t.ts[s].upper) {
			continue
		}
		if !n.known && !n.civil && n.initials == 0 && t.ts[s].upper && len(its) == 1 && !t.closingNear(s) {
			continue // "Danger Public." ends the text, and names nobody
		}
		if good := t.contactsOnly(its[1:]); good && !t.is(s-1, ":") {
			return its, s, true
		}
	}
	return nil, 0, false
}

// blankFrom reports whether no word stands behind token p: the text ends there.
func (t text) blankFrom(p int) bool {
	for ; p < len(t.ts); p++ {
		if k := t.ts[p].kind; k != punct && k != newline {
			return false
		}
	}
	return true
}

// contactsOnly reports whether items tell no more than how to reach somebody, and at most one
// short word of who that is.
func (t text) contactsOnly(items []item) bool {
	loose := 0
	for _, it := range items {
		switch it.kind {
		case itemOther, itemRole:
			if loose++; it.to-it.from > 6 || t.speaks(it.from, it.to) {
				return false
			}
		case itemName, itemClosing:
			return false
		}
	}
	return loose <= 1
}

// boundary reports whether something new may begin at token s of a line.
func (t text) boundary(s, from int) bool {
	k := t.at(s - 1)
	switch k.fold {
	case ".", "!", "?", ")", "…", ":", "\"":
		return true
	case ",", "-":
		return t.closingBefore(s) || t.thanksBefore(s)
	}
	if closings[k.fold] || (k.fold == "bcp" || k.fold == "beaucoup") && closings[t.at(s-2).fold] {
		return true
	}
	return civilities[t.ts[s].fold] && s > from && k.kind == word && !links[k.fold] && !others[k.fold] && t.closingNear(s)
}

// thanksBefore reports whether a short clause of thanks stands before the comma at s-1: "…,
// merci de passer, Anne Petit". One that speaks of another person may end in that one's name.
func (t text) thanksBefore(s int) bool {
	i := s - 2
	for ; i >= 0 && s-i < 9 && (t.ts[i].kind == word || t.is(i, "'")); i-- {
		f := t.ts[i].fold
		if f == "merci" || f == "mrc" {
			return i == 0 || t.ts[i-1].kind != word
		}
		if others[f] || roleWords[f] && !particles[f] || kinWords[f] || functions[f] || civilities[f] && len(f) > 2 || t.ts[i].upper {
			return false
		}
	}
	return false
}

// closingNear reports whether a word of courtesy stands among the few before s.
func (t text) closingNear(s int) bool {
	for i := max(0, s-4); i < s; i++ {
		if closings[t.ts[i].fold] {
			return true
		}
	}
	return false
}

// closingBefore reports whether a closing stands right before s, but for a sign.
func (t text) closingBefore(s int) bool {
	i := s - 1
	for i >= 0 && t.ts[i].kind == punct {
		i--
	}
	if i < 0 {
		return false
	}
	if closings[t.ts[i].fold] {
		return true
	}
	// "Bien à vous,", "merci d'avance", "bonne journée"
	return t.is(i, "vous") && t.is(i-1, "a") || t.is(i, "bcp") || t.is(i, "beaucoup") && t.is(i-1, "merci") || strings.HasSuffix(t.ts[i].fold, "ement") && t.at(i-1).kind != word && t.ts[i].upper
}
