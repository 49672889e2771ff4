package facts

// ownCues are words before a number that make it the sender's, faxCues those of no telephone.
var (
	ownCues = words("joindre joignable contacter rappeler appeler telephoner tel telephone portable mobile numero mon notre coordonnees gsm whatsapp sms texto rappelez appelez contactez telephonez joignez " +
		"appelez-moi rappelez-moi telephonez-moi joignez-moi contactez-moi appelez-nous rappelez-nous telephonez-nous joignez-nous contactez-nous")
	faxCues = words("fax telecopie siret siren facture dossier contrat client compte iban rib tva rcs matricule commande devis")
)

// phoneOf returns the token of the sender's own telephone number, or -1. sig is the
// signature block, intro the end of the name that the sender gives in a sentence, or 0.
func (t text) phoneOf(sig signature, intro int) int {
	for i := intro; intro > 0 && i < min(len(t.ts), intro+4); i++ {
		if t.ts[i].kind == phone {
			return i
		}
	}
	if it, ok := sig.first(itemPhone); ok {
		return it.from
	}
	best, score := -1, 0
	for i, k := range t.ts {
		if k.kind != phone {
			continue
		}
		s := t.phoneScore(i)
		if s > 0 && s > score {
			best, score = i, s
		}
	}
	return best
}

// phoneScore tells how sure the number at token i is the sender's: 0 for somebody else's.
func (t text) phoneScore(i int) int {
	if t.is(i+1, "(") && others[t.at(i+2).fold] {
		return 0
	}
	score, n := 2, 0
	for p := i - 1; p >= 0 && n < 12; p, n = p-1, n+1 {
		k := t.ts[p]
		if (k.fold == "." || k.fold == "!" || k.fold == "?") && !unitWords[t.at(p-1).fold] && !t.is(p-1, "tel") && !t.is(p-1, "port") && len(t.at(p-1).fold) > 1 || k.blankLine() {
			break
		}
		switch {
		case n < 5 && faxCues[k.fold], n < 3 && (k.fold == "appele" || k.fold == "compose"):
			return 0
		case k.fold == "me" || k.fold == "nous" || k.fold == "mon" || k.fold == "notre" || k.fold == "joignable":
			return 6 // "me joindre au", "mon numéro": the nearest word decides
		case k.fold == "son" && n < 4 || k.fold == "sa" && n < 4 || k.fold == "leur" && n < 4:
			return 0
		case others[k.fold]:
			return 0
		case k.kind == phone && n < 3:
			return score
		case n < 6 && k.kind == word && civilities[k.fold] && k.upper && t.at(p+1).upper, n < 4 && t.is(p, "chez"):
			return 0
		case ownCues[k.fold]:
			score = 4
		}
	}
	return score
}
