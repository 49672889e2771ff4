package facts

// An itemKind is what a piece of a signature block says.
type itemKind int

const (
	itemName itemKind = iota
	itemOrg
	itemRole
	itemPhone
	itemEmail
	itemAddress
	itemClosing
	itemLabel
	itemOther
)

// An item is a piece of a signature block: the tokens from up to to.
type item struct {
	kind     itemKind
	from, to int
	name     name
	address  address
	fax      bool
}

// labels stand before the numbers and addresses of a signature.
var labels = words("tel telephone port portable mobile mob gsm fax telecopie mail courriel email e-mail mel adresse t p f site web domicile dom fixe standard perso pro bureau")

// domains end a web address that stands without "www".
var domains = words("fr com org net eu info")

func separator(k token) bool {
	return k.kind == newline || k.kind == gap || k.kind == punct && k.fold != "'" && k.fold != "&" && k.fold != "°"
}

// items parts a line into what its pieces say.
func (t text) items(from, to int) []item {
	var out []item
	fax := false
	for p := from; p < to; {
		k := t.ts[p]
		switch {
		case separator(k):
			p++
			continue
		case k.kind == phone:
			out = append(out, item{kind: itemPhone, from: p, to: p + 1, fax: fax})
			p++
			fax = false
			continue
		case k.kind == link:
			out = append(out, item{kind: itemLabel, from: p, to: p + 1})
			p++
			continue
		case k.kind == word && t.is(p+1, ".") && t.glued(p) && t.glued(p+1) && domains[t.at(p+2).fold]:
			out = append(out, item{kind: itemLabel, from: p, to: p + 3})
			p += 3
			continue
		case (k.fold == "m" || k.fold == "mob") && (t.at(p+1).kind == phone || t.is(p+1, ".") && t.at(p+2).kind == phone):
			p++ // "M. 06 39 …": the mobile
			continue
		case (k.fold == "au" || k.fold == "du") && (t.at(p+1).kind == number || t.at(p+1).kind == mixed) && (p == from || separator(t.ts[p-1]) || len(out) > 0 && out[len(out)-1].kind == itemName):
			if a, ok := t.addressAt(p+1, to, true); ok && a.numbered {
				p++
				continue
			}
		case k.kind == email:
			out = append(out, item{kind: itemEmail, from: p, to: p + 1})
			p++
			continue
		case k.kind == word && labels[k.fold] && (t.is(p+1, ":") || t.is(p+1, ".") || t.at(p+1).kind == phone || t.at(p+1).kind == email || len(k.fold) > 2 && labels[t.at(p+1).fold]):
			fax = k.fold == "fax" || k.fold == "telecopie"
			out = append(out, item{kind: itemLabel, from: p, to: p + 1})
			p++
			continue
		}
		it := t.itemAt(p, from, to)
		out = append(out, it)
		p = it.to
	}
	return out
}

// itemAt reads the item of several words at p.
func (t text) itemAt(p, from, to int) item {
	if a, ok := t.addressAt(p, to, true); ok && (a.whole() || a.unit || a.town || a.care) {
		return item{kind: itemAddress, from: p, to: a.to, address: a}
	}
	if n, ok := t.signedAt(p, from, to); ok {
		return item{kind: itemName, from: p, to: n.to, name: n}
	}
	if q := t.orgAt(p, to, false); q > 0 && (q == to || separator(t.ts[q]) || t.ts[q].kind == phone) {
		return item{kind: itemOrg, from: p, to: q}
	}
	it := item{kind: itemOther, from: p}
	if closings[t.ts[p].fold] || t.is(p, "bien") || t.is(p, "bonne") || t.is(p, "belle") {
		it.kind = itemClosing
	}
	q := p
	for q < to && !separator(t.ts[q]) && t.ts[q].kind != phone && t.ts[q].kind != email {
		if q > p {
			if n, ok := t.signedAt(q, from, to); ok && (n.civil || n.known || n.words > 1 || t.is(q-1, "contact") || it.kind == itemClosing) && (closings[t.ts[q-1].fold] || it.kind == itemClosing && (t.is(q-1, "bcp") || t.is(q-1, "beaucoup")) || roleWords[t.ts[q-1].fold] || n.civil && it.kind == itemClosing && !links[t.ts[q-1].fold]) {
				break
			}
		}
		if it.kind == itemOther && roleWords[t.ts[q].fold] || q == p && t.is(q, "pour") {
			it.kind = itemRole
		}
		q++
	}
	it.to = max(q, p+1)
	if it.kind == itemClosing && t.speaks(p, it.to) && it.to-p > 8 {
		it.kind = itemOther
	}
	return it
}

// links are words after which a name is not that of the one who signs.
var links = words("a au aux de du des avec par pour chez et que contre concernant madame monsieur l d")

// signedAt reads a name at p that fills its piece of the line.
func (t text) signedAt(p, from, to int) (name, bool) {
	n, ok := t.nameAt(p, to, false)
	if !ok {
		if n, ok = t.nameAt(p, to, true); !ok || !n.known && !n.civil {
			return n, false
		}
	}
	if p > from && links[t.ts[p-1].fold] {
		return n, false
	}
	// Where all is in capitals, they tell no name.
	if t.ts[n.bare].caps && !n.known && !n.civil && t.shouts() {
		return n, false
	}
	k := t.at(n.to)
	if n.to < to && !separator(k) && k.kind != phone && k.kind != email && k.kind != number && k.kind != mixed {
		// "Nadège Petit habitante du quartier", "Nadège Petit pour les parents"
		if t.fromHouse(n) {
			return n, true
		}
		if !n.full() || k.upper || !roleWords[k.fold] && (k.fold != "pour" || p > from) {
			return n, false
		}
	}
	if n.to < to && t.is(n.to, ":") {
		return n, false
	}
	if n.words > 1 && !n.known && !n.civil && orgWords[t.ts[n.bare].fold] {
		return n, false
	}
	return n, true
}

// fromHouse reports whether the number of a house follows a name in full: "Anne Petit du 14".
func (t text) fromHouse(n name) bool {
	k := t.at(n.to + 1)
	return n.full() && n.known && (t.is(n.to, "du") || t.is(n.to, "au")) && (k.kind == number && len(k.fold) < 4 || k.kind == mixed && houseMixed(k.fold)) && !months[t.at(n.to+2).fold]
}

// shouts reports whether a text is written in capitals.
func (t text) shouts() bool {
	all, caps := 0, 0
	for _, k := range t.ts[:min(len(t.ts), 3*maxLineTokens)] {
		if k.kind == word && len(k.fold) > 2 {
			if all++; k.caps {
				caps++
			}
		}
	}
	return all >= 6 && caps*10 >= all*8
}
