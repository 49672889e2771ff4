package facts

import "strings"

// refLabels are the words before a reference.
var refLabels = map[string]ReferenceKind{
	"dossier": RefFile, "dossiers": RefFile, "contrat": RefContract, "police": RefContract, "facture": RefInvoice, "factures": RefInvoice,
	"titre": RefTitle, "avis": RefTitle, "recette": RefTitle, "devis": RefOrder, "commande": RefOrder, "client": RefClient, "abonne": RefClient, "usager": RefClient, "abonnement": RefClient,
	"concession": RefGrave, "pv": RefFine, "proces-verbal": RefFine, "fps": RefFine, "contravention": RefFine,
	"reference": RefOther, "ref": RefOther, "references": RefOther, "demande": RefOther, "recepisse": RefOther, "signalement": RefOther, "ticket": RefOther,
}

// refFillers may stand between a label and its reference.
var refFillers = words("de d recette executoire des sommes a payer assurance client est interne permis abonne courrier")

// labelledAt reads a reference behind its label at token i: "facture FA-2026-031", "titre de
// recette n° 2026-118", "dossier n° 44 12".
func (t text) labelledAt(i int) (Reference, int) {
	kind, ok := refLabels[t.ts[i].fold]
	if !ok || strings.HasSuffix(t.cut(i, i+1), "é") { // "facturé"
		return Reference{}, 0
	}
	p, marked := i+1, false
	for n := 0; n < 7; n++ {
		f := t.at(p).fold
		switch {
		case f == "°" || f == ":" || f == "numero" || f == "no" || f == "n" && !t.is(p+1, "'"):
			marked = true
		case f == "." && t.glued(p-1) && p == i+1, f == "'" || f == "(" || refFillers[f] && !marked:
		default:
			n = 7
			continue
		}
		p++
	}
	to, figures := t.codeAt(p)
	value := t.cut(p, to)
	if to == 0 || len(value) < 2 && !marked || !marked && (figures == len(value) && figures < 5 || figures < 2) {
		return Reference{}, 0
	}
	// A date, a sum, an hour or a number of things is no reference.
	if _, date := t.dateAt(p); date > 0 {
		return Reference{}, 0
	}
	if _, sum := t.amountAt(p); t.at(p).kind == number && sum > 0 {
		return Reference{}, 0
	}
	return Reference{kind, value}, to
}

// maxCode bounds the bytes of a reference.
const maxCode = 40

// codeAt reads a code at token p: words and figures that signs or nothing join, with a figure
// among them. Further groups of figures behind a space go on with one of figures.
func (t text) codeAt(p int) (to, figures int) {
	start := p
	for p < len(t.ts) {
		k := t.ts[p]
		if k.kind != word && k.kind != number && k.kind != mixed && k.kind != phone {
			break
		}
		if k.kind == word && !k.upper && !strings.ContainsAny(k.fold, "0123456789") {
			break
		}
		figures += len(keepDigits(k.fold))
		p++
		to = p
		switch {
		case t.glued(p-1) && t.at(p).kind != punct:
		case t.glued(p-1) && t.glued(p) && (t.is(p, "-") || t.is(p, "/") || t.is(p, ".") || t.is(p, "_")):
			p++
		case k.kind == number && t.at(p).kind == number && (t.at(p).to-t.at(p).from >= 2):
		default:
			p = len(t.ts)
		}
		if t.ts[to-1].to-t.ts[start].from > maxCode {
			return 0, 0
		}
	}
	if figures == 0 {
		return 0, 0
	}
	return to, figures
}

// permits are the codes of planning law before a number (code de l'urbanisme, A423-1):
// permis de construire, d'aménager, de démolir, déclaration préalable, certificat
// d'urbanisme, autorisation de travaux, déclaration d'intention d'aliéner.
var permits = words("pc pa pd dp cu cua cub at dia pcmi")

// permitAt reads a permit at token i: "PC 099 123 26 A0012", "DP09912326A0012". Its number is
// department, commune, year, a letter and a rank (A423-1, A423-2).
func (t text) permitAt(i int) (Reference, int) {
	k := t.ts[i]
	code, rest := k.fold, ""
	if n := strings.IndexAny(code, "0123456789"); n > 0 {
		code, rest = code[:n], code[n:]
	}
	if !permits[code] || !k.upper {
		return Reference{}, 0
	}
	p := i + 1
	if rest == "" {
		for n := 0; n < 3 && (t.is(p, "n") || t.is(p, "°") || t.is(p, ":") || t.is(p, "no")); n++ {
			p++
		}
	}
	for n := 0; n < 7 && p < len(t.ts) && len(rest) < 13; n++ {
		switch k := t.ts[p]; {
		case k.kind == number, k.kind == mixed, k.kind == phone, k.kind == word && (len(k.fold) == 1 || strings.ContainsAny(k.fold, "0123456789")):
			rest += strings.ReplaceAll(strings.ReplaceAll(k.fold, " ", ""), ".", "")
		case k.fold == "-" || k.fold == "/" || k.fold == ".":
		default:
			n = 7
			continue
		}
		p++
	}
	v, ok := permitNumber(rest)
	if !ok {
		return Reference{}, 0
	}
	return Reference{RefPermit, strings.ToUpper(code + " " + v)}, p
}

// permitNumber writes the number of a permit in its groups.
func permitNumber(s string) (string, bool) {
	if len(s) < 12 || len(s) > 13 {
		return "", false
	}
	for k := range len(s) {
		digit := s[k] >= '0' && s[k] <= '9'
		letter := k == 8 && s[k] >= 'a' && s[k] <= 'z' || k == 2 && (s[k] == 'a' || s[k] == 'b')
		if !digit && !letter {
			return "", false
		}
	}
	return s[:3] + " " + s[3:6] + " " + s[6:8] + " " + s[8:], true
}

// plateAt reads a licence plate at token i: "AB-123-CD", with spaces only in capitals. The
// letters I, O and U are not used (arrêté du 9 février 2009, annexe).
func (t text) plateAt(i int) (Reference, int) {
	k := t.ts[i]
	var s string
	to := i + 1
	switch hyphens := t.is(i+1, "-") && t.is(i+3, "-") && t.glued(i) && t.glued(i+1) && t.glued(i+2) && t.glued(i+3); {
	case hyphens:
		s, to = k.fold+t.at(i+2).fold+t.at(i+4).fold, i+5
	case k.caps && len(k.fold) == 7:
		s = k.fold
	case k.caps && t.at(i+1).kind == number && t.at(i+2).caps:
		s, to = k.fold+t.ts[i+1].fold+t.ts[i+2].fold, i+3
	}
	if len(s) != 7 || t.glued(i-1) && t.is(i-1, "-") {
		return Reference{}, 0
	}
	for n := range len(s) {
		letter := n < 2 || n > 4
		if c := s[n]; letter && (c < 'a' || c > 'z' || c == 'i' || c == 'o' || c == 'u') || !letter && (c < '0' || c > '9') {
			return Reference{}, 0
		}
	}
	s = strings.ToUpper(s)
	return Reference{RefPlate, s[:2] + "-" + s[2:5] + "-" + s[5:]}, to
}

// vehicles are words near which the older form of a plate is believed.
var vehicles = words("immatricule immatriculee immatriculation immat plaque vehicule voiture camion camionnette fourgon scooter moto remorque caravane epave")

// oldPlateAt reads a plate of before 2009 at token i: "1234 AB 75".
func (t text) oldPlateAt(i int) (Reference, int) {
	a, b, c := t.ts[i], t.at(i+1), t.at(i+2)
	if a.kind != number || len(a.fold) > 4 || !b.caps || len(b.fold) < 2 || len(b.fold) > 3 || (c.kind != number && c.fold != "2a" && c.fold != "2b") || len(c.fold) < 2 || len(c.fold) > 3 {
		return Reference{}, 0
	}
	for p := i - 1; p >= max(0, i-8); p-- {
		if vehicles[t.ts[p].fold] {
			return Reference{RefPlate, strings.ToUpper(a.fold + " " + b.fold + " " + c.fold)}, i + 3
		}
	}
	return Reference{}, 0
}

// plotFillers may stand between the word for a plot and its section and number.
var plotFillers = words("cadastree cadastrees cadastre cadastrale section sections n ° numero no de la le sous references reference : et ,")

// plotAt reads a plot of the land register behind its word at token i: "parcelle AC 145",
// "section AD n° 118", "B 0412".
func (t text) plotAt(i int) (Reference, int) {
	switch t.ts[i].fold {
	case "parcelle", "parcelles", "cadastre", "cadastree", "cadastrees", "section":
	default:
		return Reference{}, 0
	}
	p := i + 1
	for n := 0; n < 6 && plotFillers[t.at(p).fold]; n++ {
		p++
	}
	section := t.at(p)
	s := section.fold
	// "AC145"
	if section.kind == word && section.upper && len(s) > 2 {
		letters := strings.TrimRight(s, "0123456789")
		if len(letters) <= 2 && len(letters) > 0 && len(s)-len(letters) <= 4 && len(letters) < len(s) {
			return Reference{RefPlot, strings.ToUpper(letters) + " " + s[len(letters):]}, p + 1
		}
	}
	if section.kind != word || !section.upper || len(s) > 2 {
		return Reference{}, 0
	}
	p++
	for n := 0; n < 3 && (t.is(p, "n") || t.is(p, "°") || t.is(p, "numero") || t.is(p, "-")); n++ {
		p++
	}
	if k := t.at(p); k.kind == number && len(k.fold) <= 4 {
		return Reference{RefPlot, strings.ToUpper(s) + " " + k.fold}, p + 1
	}
	return Reference{}, 0
}
