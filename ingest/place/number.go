package place

import "strings"

// houseNumber is a house number in the text, with the tokens it takes.
type houseNumber struct {
	from, to int
	value    string
	strong   bool // behind "n°", "devant le" and the like, so that it needs no street beside it
}

// numberBefore reads the number in front of the street at token i: "22 bis, avenue", "n° 22 de l'avenue",
// "entre le 22 et le 30 rue". It gives the token where it starts.
func (d *document) numberBefore(i int) (value string, from int) {
	j := i - 1
	for j >= i-3 && d.is(j, "de", "la", "l'", "du", "des", "d'") {
		j--
	}
	ofWay := j < i-1
	if d.is(j, ",") {
		if ofWay && j < i-1 {
			return "", i
		}
		j--
	}
	suffix := ""
	if d.is(j, "bis", "ter", "quater") || d.is(j, "a", "b", "c", "d") && j > 0 && d.tokens[j-1].kind == number && d.tokens[j].start <= d.tokens[j-1].end+1 {
		suffix = " " + d.tokens[j].fold
		j--
	}
	if j < 0 || !d.houseDigits(j) || d.tokens[j].line < d.tokens[i].line-1 {
		return "", i
	}
	from = j
	if d.is(j-1, "n°", "numero", "numeros", "no") {
		from = j - 1
		if d.numbered(from) {
			return "", i
		}
	}
	if ofWay && from == j && !d.is(j-1, "le", "du", "au", "les", "et", "a", "n") {
		return "", i // "un des 3 de la rue"
	}
	if d.is(j-1, "en", "depuis", "lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche") || months[foldAt(d, j-1)] {
		return "", i
	}
	value = spell(d.tokens[j].fold) + suffix
	if first, start, ok := d.rangeBefore(from); ok {
		return first + "-" + value, start
	}
	return value, from
}

// carriers are words behind which a number is that of the thing, not of a house.
var carriers = set("portant porte numerote immatricule reference matricule")

// numbered says whether the sign "n°" at token i belongs to a thing named before it: "lampadaire n° 312", "portant le n° 1147".
func (d *document) numbered(i int) bool {
	j := i - 1
	if d.is(j, "le", "les") {
		return carriers[foldAt(d, j-1)]
	}
	return j >= 0 && d.tokens[j].kind == word && d.tokens[j].sentence == d.tokens[i].sentence && !flat[d.tokens[j].fold] && !d.in(j, determiners) && !before[d.tokens[j].fold] &&
		!d.is(j, "maison", "pavillon", "immeuble", "et", "a", "habite", "situe", "situee", "demeurant", "domicilie", "sise", "sis")
}

// rangeBefore reads the first number of a stretch whose second number starts at token j: "entre le 22 et le 30",
// "du 10 au 34", "22-24" is one token and not of its business.
func (d *document) rangeBefore(j int) (value string, from int, ok bool) {
	k := j - 1
	for k > j-3 && d.is(k, "le", "les") {
		k--
	}
	if !d.is(k, "et", "au", "a", "-", "/", "–") {
		return "", 0, false
	}
	k--
	if k < 0 || !d.houseDigits(k) {
		return "", 0, false
	}
	from = k
	if d.is(from-1, "n°", "numero") {
		from--
	}
	return spell(d.tokens[k].fold), from, true
}

// houseDigits says whether token j may be a house number by itself.
func (d *document) houseDigits(j int) bool {
	if j < 0 || j >= len(d.tokens) {
		return false
	}
	t := d.tokens[j]
	if t.kind == number {
		digits := strings.TrimRight(t.fold, "abcdefghijklmnopqrstuvwxyz-")
		return len(digits) <= 4 && digits[0] != '0'
	}
	a, b, ok := strings.Cut(t.fold, "-")
	return ok && len(a) > 0 && len(a) <= 4 && len(b) > 0 && len(b) <= 4 && strings.Trim(a+b, "0123456789") == ""
}

// spell writes a number with its suffix apart: "12bis" is "12 bis", "12b" is "12 B".
func spell(s string) string {
	i := strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' })
	if i < 0 || s[i] == '-' && i+1 < len(s) && s[i+1] >= '0' && s[i+1] <= '9' {
		return s
	}
	rest := strings.Trim(s[i:], "- ")
	if len(rest) == 1 {
		rest = strings.ToUpper(rest)
	}
	return s[:i] + " " + rest
}

// numberAfter reads the number right behind a street that ends at token j: "rue de la Forge 44", "rue X, n° 44", "rue X (n° 20)".
func (d *document) numberAfter(j int) (value string, to int) {
	k := j
	sign := false
	for k < j+3 && d.is(k, ",", "(", "au", "n°", "numero", "no", ":", "le") {
		sign = sign || d.is(k, "n°", "numero", "no", "au")
		k++
	}
	if !d.houseDigits(k) || d.tokens[k].line != d.tokens[j-1].line || d.quantity(k) || !sign && k > j && !d.is(k-1, ",") {
		return "", j
	}
	if !sign && (k+1 < len(d.tokens) && d.tokens[k+1].kind == word && d.tokens[k+1].line == d.tokens[k].line && !d.is(k+1, "bis", "ter")) {
		return "", j // "rue de la Forge 3 lampadaires"
	}
	value = spell(d.tokens[k].fold)
	if d.is(k+1, "bis", "ter", "quater") {
		return value + " " + d.tokens[k+1].fold, k + 2
	}
	return value, k + 1
}

// quantity says whether the number at token k is a time, a date, a sum or a measure.
func (d *document) quantity(k int) bool {
	if k+1 >= len(d.tokens) {
		return false
	}
	t, next := d.tokens[k], d.tokens[k+1]
	if units[next.fold] || months[next.fold] || next.fold == "pour" && d.is(k+2, "cent", "100", "mille") {
		return true
	}
	if next.start == t.end && next.kind == punct && (next.fold == "/" || next.fold == ":" || next.fold == "," || next.fold == ".") && k+2 < len(d.tokens) && d.tokens[k+2].start == next.end && d.tokens[k+2].kind == number {
		return true
	}
	return next.fold == "€" || next.fold == "%" || next.kind == number && next.line == t.line
}

// numbersApart finds the house numbers that stand apart from a street: "devant le 27", "à hauteur du n° 12",
// "du n° 10 au n° 34". The number of a lamp post or of a file is none.
func (d *document) numbersApart() []houseNumber {
	var out []houseNumber
	for i := range d.tokens {
		if !d.houseDigits(i) || d.quantity(i) {
			continue
		}
		if n := len(out); n > 0 && out[n-1].to > i {
			continue
		}
		j, sign := i-1, false
		if d.is(j, "n°", "numero", "numeros", "no") {
			j, sign = j-1, true
		}
		article := d.is(j, "le", "du", "au", "les", "des", "l'")
		k := j
		if article {
			k--
		}
		switch {
		case article && (d.in(k, before) || d.in(k, spots) || d.is(k, "entre")):
		case sign && article && d.is(k, "et", "maison", "pavillon", "immeuble", "habitants", "riverains", "portail", "mur", "rue"):
		case d.is(k, "maison", "pavillon", "voisin", "voisine", "voisins", "habitants", "riverains", "portail") && article:
		case sign && (d.is(j, "du") || d.is(j, "au")) && d.tokens[i].kind == number:
		default:
			continue
		}
		h := houseNumber{from: j, to: i + 1, value: spell(d.tokens[i].fold), strong: true}
		if d.is(i+1, "bis", "ter", "quater") {
			h.value += " " + d.tokens[i+1].fold
			h.to++
		}
		if last, to, ok := d.rangeAfter(h.to); ok {
			h.value += "-" + last
			h.to = to
		}
		out = append(out, h)
	}
	return out
}

// rangeAfter reads the second number of a stretch behind token j.
func (d *document) rangeAfter(j int) (value string, to int, ok bool) {
	if !d.is(j, "et", "au", "a", "jusqu'") {
		return "", 0, false
	}
	k := j + 1
	for k < j+4 && d.is(k, "le", "n°", "numero", "au") {
		k++
	}
	if !d.houseDigits(k) || d.quantity(k) {
		return "", 0, false
	}
	return spell(d.tokens[k].fold), k + 1, true
}

func foldAt(d *document, i int) string {
	if i < 0 || i >= len(d.tokens) {
		return ""
	}
	return d.tokens[i].fold
}
