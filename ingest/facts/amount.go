package facts

import "strconv"

// maxFigures bounds the figures of an amount before its cents.
const maxFigures = 12

// amountAt reads the sum at token i: "1 234,56 €", "412 euros", "86€40", "1.234,56 EUR".
func (t text) amountAt(i int) (Amount, int) {
	if t.ts[i].kind != number || t.glued(i-1) && (t.is(i-1, ",") || t.is(i-1, ".") || t.is(i-1, "-") || t.is(i-1, "/")) && t.at(i-2).kind == number {
		return Amount{}, 0
	}
	if prev := t.at(i - 1); prev.kind == number && len(prev.fold) <= 3 && len(t.ts[i].fold) == 3 {
		return Amount{}, 0 // the rest of a number that is too long
	}
	whole, cents := t.ts[i].fold, ""
	p := i + 1
	// Groups of three, parted by a space or a full stop.
	for len(t.ts[i].fold) <= 3 && len(whole) < maxFigures {
		q := p
		if t.is(p, ".") && t.glued(p-1) && t.glued(p) {
			q++
		}
		if k := t.at(q); k.kind != number || len(k.fold) != 3 {
			break
		}
		whole += t.ts[q].fold
		p = q + 1
	}
	if (t.is(p, ",") || t.is(p, ".")) && t.glued(p-1) && t.glued(p) && t.at(p+1).kind == number && len(t.at(p+1).fold) <= 2 {
		cents = t.ts[p+1].fold
		p += 2
	}
	if !euro(t.at(p)) || len(whole) > maxFigures {
		return Amount{}, 0
	}
	p++
	if k := t.at(p); cents == "" && k.kind == number && len(k.fold) == 2 && (t.is(p-1, "€") && t.glued(p-1) || t.is(p+1, "centimes")) {
		cents = k.fold
		p++
	}
	if len(cents) == 1 {
		cents += "0"
	}
	euros, err := strconv.ParseInt(whole, 10, 64)
	if err != nil {
		return Amount{}, 0
	}
	c, _ := strconv.ParseInt(cents, 10, 64)
	return Amount{euros*100 + c, t.cut(i, p)}, p
}

func euro(k token) bool {
	switch k.fold {
	case "€", "euro", "euros", "eur":
		return true
	}
	return false
}
