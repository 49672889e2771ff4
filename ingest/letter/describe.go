package letter

import (
	"strings"
	"unicode"

	"saisine.fr/saisine/ingest/lazy"
)

// Words below a name that say what somebody is or does. agentEndings are the endings of such
// nouns that no house and no hamlet has: "sculpteur", "kinésithérapeute", "apicultrice".
var (
	occupations = words("contribuable citoyen citoyenne usager usagere habitant habitante artisan artisane commercant commercante salarie salariee employe employee " +
		"retraites intermittent intermittente artiste auto-entrepreneur auto-entrepreneuse entrepreneur entrepreneuse independant independante plombier menuisier charpentier " +
		"boulanger boulangere boucher bouchere cuisinier cuisiniere serrurier jardinier jardiniere caviste fermier fermiere maraicher maraichere berger bergere eleve " +
		"etudiants lyceen lyceenne guide detenu detenue veterinaire libraire antiquaire taxi vtc ambulancier ambulanciere opticien opticienne apprenti apprentie stagiaire fonctionnaire militaire gendarme policier policiere pompier chomeur benevole pere mere parent parents " +
		"grand-mere grand-pere tuteur tutrice curateur curatrice aidant aidante veuf pharmacien pharmacienne mecanicien mecanicienne electricien electricienne " +
		"informaticien informaticienne comedien comedienne musicien musicienne luthier potier potiere horloger bijoutier bijoutiere hotelier hoteliere greffier greffiere " +
		"chevalier officier commandeur capitaine colonel lieutenant commandant auteur autrice avocat avocate sage-femme aide-soignant aide-soignante puericultrice")
	agentEndings = []string{"teur", "trice", "seur", "euse", "neur", "lleur", "feur", "cheur", "geur", "reur", "iste", "istes", "logue", "peute", "pathe", "graphe", "icien", "cienne", "cultrice", "nome"}
	// dwellings are what bears a name between quotes and is lived in.
	dwellings = words("peniche bateau chalet villa residence immeuble pavillon mas ferme")
	bornOn    = lazy.Regexp(`^\(?nee? (?:le|a|en) `)
	articles  = words("le la les l au aux a en chez sur sous")
)

// describes reports whether a line between a name and its street says what the person is or
// runs, and is no part of the address: a profession, a rank, a name between quotes. House
// names and hamlets begin with an article or a word of their own ("Les Cigales", "Villa
// Mon Repos"), or are proper names to their end.
func describes(l line) bool {
	ws := strings.FieldsFunc(l.fold, func(r rune) bool { return r == ' ' || r == ',' || r == '\'' })
	ts := tokens(l.fold)
	if len(ws) == 0 || len(ts) == 0 {
		return false
	}
	switch {
	case dwellings.is(ts[0]) && !strings.Contains(l.fold, " : "):
		return false
	case strings.HasPrefix(l.fold, "\"") || strings.Contains(l.fold, " \""),
		strings.Contains(l.fold, " : "), // "N° d'allocataire : 0412345"
		bornOn().MatchString(l.fold):
		return true
	}
	if articles.is(ts[0]) || siteWords.is(ts[0]) || wayWords.is(ts[0]) {
		return false
	}
	first, _, _ := strings.Cut(ws[0], "-")
	if occupations.is(ts[0]) || occupations.is(key(ws[0])) || len(first) > 5 && (hasAnySuffix(first, agentEndings) || hasAnySuffix(ws[0], agentEndings)) {
		return true
	}
	// "Mère de famille", "Sans profession", "Rédactrice principale de 2e classe"
	last := []rune(l.text[strings.LastIndexAny(l.text, " '")+1:])
	return len(ws) > 1 && len(last) > 3 && unicode.IsLower(last[0]) && !strings.HasPrefix(ws[0], "ancien")
}

func hasAnySuffix(s string, suffixes []string) bool {
	for _, x := range suffixes {
		if strings.HasSuffix(s, x) {
			return true
		}
	}
	return false
}
