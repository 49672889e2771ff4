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
		p.Name = t.name(it.name)
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
	for _, it := range sig.items {
		if it.kind != itemAddress {
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
			c = caller{n.from, n.to, t.name(n), true}
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
		if renters[t.ts[i].fold] && (t.is(i+1, "du") || t.is(i+1, "au")) {
			if a, ok := t.addressAt(i+2, c.from, false); ok && a.numbered {
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
		switch {
		case c.ok && p < c.to, k.fold == "." && n > 0 && !labels[t.at(p-1).fold]:
			return true
		case faxCues[k.fold] && n < 3, civilities[k.fold] && k.upper && t.at(p+1).upper && !t.names(c, p+1):
			return false
		case others[k.fold] && pointers[t.at(p-1).fold]:
			return false
		}
	}
	return true
}

// names reports whether the word at p is one of the caller's name, or the caller a firm,
// of which somebody is named.
func (t text) names(c caller, p int) bool {
	return isFirm(c.text) || slices.Contains(nameParts(c.text), t.at(p).fold)
}

// pointers are words before a person that make it another than the one who calls.
var pointers = words("son sa ses le la l leur leurs du au un une par chez '")

// written reads the sender of a letter: what its head and end say, then its sentences.
func (t text) written(s string) (p Person, signer string) {
	l := letter.Read(s)
	p = Person{Name: l.Sender.Name, Email: l.Sender.Email, Phone: l.Sender.Phone, Address: l.Sender.Address}
	p.Name = whoSigns(p.Name, l.Signature)
	t.ts = t.ts[:t.ownEnd()]
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
