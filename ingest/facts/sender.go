package facts

import (
	"slices"
	"strings"

	"saisine.fr/saisine/ingest/letter"
)

// Sender completes the sender of a submission. What the channel states wins, field by
// field; the text fills what is missing, and the signature gives the fuller form of a name
// that the header only begins: "Jean", "J. Petit", an address, the firm.
func Sender(in Input) Found {
	t := read(in.Text)
	var said Person
	var signed string
	switch in.Kind {
	case Note:
		said = t.noted()
		if said.Name == "" {
			s := read(in.Subject)
			said.Name = s.callerOf(len(s.ts)).text
		}
	case Letter:
		said, signed = t.written(in.Text)
	default:
		said, signed = t.signed(in)
	}
	out := Found{Person: in.Header}
	out.Name = cleanName(out.Name)
	out.Email = strings.ToLower(strings.TrimSpace(out.Email))
	if out.Name == "" && out.Email != "" {
		out.Name = quotedName(in.Quoted, out.Email)
	}
	out.Name = fuller(out.Name, out.Email, said.Name)
	if in.Kind == Letter {
		out.Name = headName(out.Name)
	}
	if signed != "" && !sameName(signed, out.Name) {
		out.Signature = signed
	}
	if out.Email == "" {
		out.Email = said.Email
	}
	if strings.TrimSpace(out.Phone) == "" {
		out.Phone = said.Phone
	}
	out.Phone = Display(out.Phone)
	if out.Address = strings.Join(strings.Fields(out.Address), " "); out.Address == "" {
		out.Address = said.Address
	}
	return out
}

// signed reads the sender of a text in the first person: its signature, then its sentences.
func (t text) signed(in Input) (p Person, signer string) {
	end := t.ownEnd()
	t.ts = t.ts[:end] // the history below is somebody else's
	sig := t.signatureOf()
	if it, ok := sig.first(itemName); ok {
		p.Name = t.signer(sig, it)
		signer = p.Name
	}
	org := ""
	if it, ok := sig.first(itemOrg); ok {
		org = t.cut(it.from, it.to)
	} else if p.Name != "" {
		org = t.office(sig, end)
	}
	switch {
	case org == "":
	case p.Name == "":
		p.Name = org
	default:
		p.Name += " (" + org + ")"
	}
	n, introduced := t.introduced(end)
	if introduced {
		if intro := t.name(n); p.Name == "" || !strings.Contains(p.Name, "(") && compatible(p.Name, intro) && nameSize(intro) > nameSize(p.Name) {
			p.Name = intro
		}
	}
	if i := t.phoneOf(sig, n.to); i >= 0 {
		p.Phone = t.cut(i, i+1)
	}
	p.Email = t.emailOf(sig)
	p.Address = t.home(sig, end)
	if introduced && p.Address == "" {
		p.Address = t.behindName(n, end)
	}
	if first, _, _ := strings.Cut(strings.TrimSpace(in.Text), "\n"); (p.Name == "" || p.Address == "") && len(first) < 80 && t.headed() {
		l := letter.Read(in.Text).Sender
		if p.Name == "" {
			p.Name = l.Name
		}
		if p.Address == "" && (p.Name == "" || sameSurname(p.Name, l.Name)) {
			p.Address = l.Address
		}
	}
	return p, signer
}

// signer returns the name of the signature. "Luc & Anne (Anne Petit)" is signed by the one
// who is named in full; so is "Anne Petit et Luc".
func (t text) signer(sig signature, it item) string {
	for _, next := range sig.items {
		if next.kind == itemName && next.from == it.to+1 && t.is(it.to, "(") && sameSurname(t.name(it.name), t.name(next.name)) && next.name.full() && !next.name.couple {
			return t.name(next.name)
		}
	}
	s := t.name(it.name)
	if first, second, ok := strings.Cut(s, " et "); ok && it.name.couple && !it.name.civil && len(nameParts(first)) > 1 && !strings.ContainsAny(second, " .") && firstNames[fold(second)] {
		return first
	}
	return s
}

// behindName returns the address right behind the name that a sentence gives: "c'est Anne
// Petit, du 14 rue Haute".
func (t text) behindName(n name, end int) string {
	p := n.to
	if t.is(p, ",") {
		p++
	}
	if t.is(p, "du") || t.is(p, "au") {
		p++
	}
	if a, ok := t.addressAt(p, end, false); ok && a.numbered && p > n.to {
		return t.address(t.withoutFloor(a))
	}
	return ""
}

// headed reports whether a text begins as a letter does, with an address in its first lines.
func (t text) headed() bool {
	ls := t.lines(min(len(t.ts), 60))
	for n, l := range ls {
		if n >= 5 {
			break
		}
		if l[0] == l[1] {
			continue
		}
		if a, ok := t.addressAt(l[0], l[1], true); ok && (a.whole() || a.town) && a.to == l[1] {
			return true
		}
	}
	return false
}

// home returns the sender's address: that of the signature, or of a sentence.
func (t text) home(sig signature, end int) string {
	var flat string
	// The recipient's address follows, as below "Mairie de …".
	town := t.townHall(t.lineAbove(sig.from))
	for _, it := range sig.items {
		switch it.kind {
		case itemAddress:
		case itemName:
			town = false
			continue
		default:
			town = town || t.townHall(it.from, it.to)
			continue
		}
		if town {
			continue
		}
		if it.address.whole() {
			return t.address(it.address)
		}
		if it.address.unit && flat == "" {
			flat = t.address(it.address)
		}
	}
	a, ok := t.dwells(end)
	if !ok {
		// A flat in the signature belongs to the one house that the text names.
		a, ok = t.soleHouse(end, flat != "")
	}
	switch {
	case !ok:
		return flat
	case flat != "" && !a.unit:
		return t.address(a) + ", " + flat
	}
	return t.address(a)
}

// lineAbove returns the tokens of the line that ends right before token p; none where a
// paragraph ends there.
func (t text) lineAbove(p int) (from, to int) {
	to = p - 1
	if to < 0 || t.ts[to].kind != newline || t.ts[to].blankLine() {
		return p, p
	}
	for from = to; from > 0 && t.ts[from-1].kind != newline && t.ts[from-1].kind != gap && to-from < maxLineTokens; {
		from--
	}
	return from, to
}

// townHall reports whether the town hall is named among the tokens from i up to end.
func (t text) townHall(i, end int) bool {
	for ; i < end; i++ {
		if t.is(i, "mairie") || t.is(i, "hotel") && t.is(i+1, "de") && t.is(i+2, "ville") {
			return true
		}
	}
	return false
}

// emailOf returns the sender's e-mail address that the text gives, or "".
func (t text) emailOf(sig signature) string {
	if it, ok := sig.first(itemEmail); ok {
		return t.ts[it.from].fold
	}
	found := ""
	for i, k := range t.ts {
		if k.kind != email || t.phoneScore(i) == 0 {
			continue
		}
		if found != "" && found != k.fold {
			return ""
		}
		found = k.fold
	}
	return found
}

// noted reads the sender of a clerk's note.
func (t text) noted() Person {
	var p Person
	end := len(t.ts)
	c := t.callerOf(end)
	if !c.ok {
		if n, ok := t.introduced(end); ok {
			c = caller{from: n.from, to: n.to, text: t.name(n), ok: true}
		}
	}
	p.Name = c.text
	if c.ok {
		if a, ok := t.callerAddress(c, end); ok {
			p.Address = t.address(a)
		}
	}
	// "Locataire du 12 rue Haute, Mme Petit"
	for i := 0; i < c.from && p.Address == ""; i++ {
		if q := i + 1; renters[t.ts[i].fold] {
			if t.is(q, "du") || t.is(q, "au") {
				q++
			}
			if a, ok := t.addressAt(q, c.from, false); ok && a.numbered {
				p.Address = t.address(a)
			}
		}
	}
	for i, k := range t.ts {
		if k.kind == phone && p.Phone == "" && t.notedPhone(i, c) {
			p.Phone = t.cut(i, i+1)
		}
	}
	p.Email = t.emailOf(signature{})
	return p
}

// notedPhone reports whether the number at token i of a note is the caller's.
func (t text) notedPhone(i int, c caller) bool {
	for p, n := i-1, 0; p >= 0 && n < 8; p, n = p-1, n+1 {
		k := t.ts[p]
		if k.fold == ")" {
			p = t.opening(p)
			continue
		}
		switch {
		case c.ok && p < c.to, k.fold == "." && n > 0 && !labels[t.at(p-1).fold]:
			return true
		case civilities[k.fold] && (t.is(p-1, "de") || t.is(p-1, "d")) && (roleWords[t.at(p-2).fold] || others[t.at(p-2).fold] || kinWords[t.at(p-2).fold]) && t.is(p-3, ","):
			// "Me Brun, avocat de M. Petit, 06 …": still the caller.
		case civilities[k.fold] && k.upper && roleWords[t.at(p-1).fold] && pointers[t.at(p-2).fold] && (t.is(p-3, "par") || t.is(p-3, "via")):
			return true // "M. Brun, par son assistante Mme Petit, 06 …": the way to him
		case faxCues[k.fold] && n < 3, civilities[k.fold] && k.upper && t.at(p+1).upper && !t.names(c, p+1):
			return false
		case others[k.fold] && pointers[t.at(p-1).fold]:
			return false
		}
	}
	return true
}

// opening returns the bracket that the one at p closes, or p where none stands near.
func (t text) opening(p int) int {
	for i := p - 1; i >= max(0, p-12); i-- {
		if t.is(i, "(") {
			return i
		}
	}
	return p
}

// names reports whether the word at p is one of the caller's name, or the caller a firm,
// of which somebody is named.
func (t text) names(c caller, p int) bool {
	return c.firm || isFirm(c.text) || slices.Contains(nameParts(c.text), t.at(p).fold)
}

// pointers are words before a person that make it another than the one who calls.
var pointers = words("son sa ses le la l leur leurs du au un une par chez '")

// written reads the sender of a letter: what its head and end say, then its sentences.
func (t text) written(s string) (p Person, signer string) {
	l := letter.Read(s)
	p = Person{Name: l.Sender.Name, Email: l.Sender.Email, Phone: l.Sender.Phone, Address: l.Sender.Address}
	t.ts = t.ts[:t.ownEnd()]
	if l.Signature == "" {
		if l.Signature = t.signsFor(p.Name); l.Signature != "" && isFirm(p.Name) {
			p.Name = l.Signature + " (" + p.Name + ")"
		}
	}
	p.Name = t.inFull(whoSigns(p.Name, l.Signature))
	if p.Name == "" || p.Address == "" || p.Phone == "" {
		q, signed := t.signed(Input{})
		if p.Name == "" {
			p.Name = q.Name
		}
		if p.Address == "" {
			p.Address = q.Address
		}
		if p.Phone == "" {
			if i := t.phoneOf(signature{}, 0); i >= 0 && t.phoneScore(i) > 2 {
				p.Phone = t.cut(i, i+1)
			}
		}
		if l.Signature == "" {
			l.Signature = signed
		}
	}
	return p, l.Signature
}
