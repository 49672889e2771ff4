package desk

import (
	"fmt"
	"strings"

	"saisine.fr/saisine/ingest"
)

// letterLabels name the kinds of letters, by the beginning of their texts' names.
var letterLabels = map[string]string{
	"aee":             "Accusé d’enregistrement électronique",
	"are":             "Accusé de réception électronique",
	"joined":          "Suite jointe à une demande",
	"status":          "Nouveau statut",
	"pieces":          "Pièces manquantes",
	"pieces_reminder": "Rappel des pièces manquantes",
	"service":         "Nouvelle demande, au service",
	"digest":          "Liste des nouvelles demandes, au service",
	"morning":         "Échéances du matin, au service",
	"escalation":      "Retards, au responsable",
	"paper":           "Accusé de réception sur papier",
	"reply":           "Réponse d’un agent",
	"reply_paper":     "Réponse d’un agent sur papier",
	"counter_receipt": "Récépissé du guichet",
	"layout":          "Parties communes des courriers",
}

// letterOrder is the order in which they are listed: to citizens, then to services.
var letterOrder = []string{
	"are", "aee", "paper", "counter_receipt", "joined", "pieces", "pieces_reminder", "status", "reply", "reply_paper",
	"service", "digest", "morning", "escalation", "layout",
}

// letterLabel names the letter of a text, by the name of the text.
func letterLabel(name string) string {
	kind, _, _ := strings.Cut(name, ".")
	if label, ok := letterLabels[kind]; ok {
		return label
	}
	return kind
}

// letterForm names which of the two texts of a letter it is.
func letterForm(name string) string {
	if strings.HasSuffix(name, ".html.tmpl") {
		return "page HTML"
	}
	return "texte"
}

// textLabel names a text.
func (t tongue) textLabel(key TextKey) string {
	switch key.Kind {
	case ingest.TextCategories:
		return t.T("Fichier des catégories")
	case ingest.TextReplies:
		return t.T("Réponses types")
	case ingest.TextLetter:
	}
	return t.T(letterLabel(key.Name)) + " (" + t.T(letterForm(key.Name)) + ")"
}

// problem tells what is wrong with a text.
func (t tongue) problem(p TextProblem) string {
	args := make([]any, len(p.Args))
	for i, arg := range p.Args {
		args[i] = arg
		if s, ok := arg.(string); ok {
			if _, known := frenchProblems[s]; known {
				args[i] = t.T(s)
			}
		}
	}
	var b strings.Builder
	if p.File != "" {
		b.WriteString(p.File + ", ")
	}
	if p.Line > 0 {
		b.WriteString(t.T("ligne %s", fmt.Sprint(p.Line)) + ", ")
	}
	if p.Path != "" {
		b.WriteString(p.Path + ", ")
	}
	where := strings.TrimSuffix(b.String(), ", ")
	if where != "" {
		where += "\u00a0: "
	}
	return where + t.T(p.Format, args...)
}

// fieldLabels name the values of a category, by their keys in the file.
var fieldLabels = map[string]string{
	"label": "Libellé", "service.name": "Service", "service.email": "Courriel du service", "service.phone": "Téléphone du service",
	"service.address": "Adresse du service", "service.mail": "Avis au service", "service.sealed": "Service protégé",
	"silence.sense": "Sens du silence", "silence.months": "Délai du silence (mois)", "silence.note": "Exceptions", "retention": "Durée de conservation",
	"quiet": "Statuts sans avis au citoyen", "public": "Visible du public", "recipients": "Adresses destinataires",
	"senders": "Domaines des expéditeurs", "folders": "Dossiers de numérisation", "phrases": "Mots reconnus",
}

// valueLabels name the values that are words of the file.
var valueLabels = map[string]map[string]string{
	"service.mail":   {"each": "un courriel par demande", "hourly": "une liste par heure", "none": "aucun"},
	"service.sealed": {"true": "oui", "false": "non"},
	"silence.sense":  {"rejection": "rejet", "acceptance": "acceptation", "none": "ni l’un ni l’autre"},
	"public":         {"true": "oui", "false": "non"},
}

// fieldName names a value of a category.
func (t tongue) fieldName(key string) string {
	if label, ok := fieldLabels[key]; ok {
		return t.T(label)
	}
	return key
}

// fieldValue writes a value of a category for people.
func (t tongue) fieldValue(key, value string) string {
	if label, ok := valueLabels[key][value]; ok {
		return t.T(label)
	}
	if key == "quiet" && value != "" {
		var names []string
		for s := range strings.SplitSeq(value, ", ") {
			names = append(names, t.Status(ingest.Status(s)))
		}
		return strings.Join(names, ", ")
	}
	if value == "" {
		return t.T("vide")
	}
	return value
}

// frenchProblems are what can be wrong with a text, in French, by the English format.
var frenchProblems = map[string]string{
	// Any file.
	"the text holds bytes that are no letters":            "le texte contient des octets qui ne sont pas des lettres",
	"the text is longer than %d bytes":                    "le texte dépasse %d octets",
	"the file is not valid YAML: %s":                      "ce n’est pas du YAML valide\u00a0: %s",
	"only one YAML document is allowed in the file":       "un seul document YAML est permis",
	"there is no anchor &%s":                              "il n’y a pas d’ancre &%s",
	"aliases are nested too deeply":                       "trop d’alias imbriqués",
	"the file is too large once its aliases are followed": "le fichier est trop grand une fois ses alias suivis",
	"expected keys and values, found %s":                  "il faut des clés et des valeurs\u00a0; il y a %s",
	"expected one value, found %s":                        "il faut une seule valeur\u00a0; il y a %s",
	"expected a list, found %s":                           "il faut une liste\u00a0; il y a %s",
	"keys and values":                                     "des clés et des valeurs",
	"a list":                                              "une liste",
	"a single value":                                      "une seule valeur",
	"unknown key":                                         "clé inconnue",
	"unknown key; did you mean %s?":                       "clé inconnue\u00a0; vouliez-vous dire %s\u00a0?",
	"unknown key; known here: %s":                         "clé inconnue\u00a0; ici il y a\u00a0: %s",
	"written twice, first on line %d":                     "écrit deux fois, d’abord à la ligne %d",
	"<< needs an alias of keys and values, found %s":      "<< veut un alias de clés et de valeurs\u00a0; il y a %s",
	"expected true or false":                              "il faut true ou false",
	"expected a whole number":                             "il faut un nombre entier",
	"expected a number":                                   "il faut un nombre",

	// The categories file.
	"must be between 0 and 1":                                                         "doit être entre 0 et 1",
	"must be between 0 and 100":                                                       "doit être entre 0 et 100",
	"must be between 0 and %d":                                                        "doit être entre 0 et %d",
	"must be between 0 and 11; twelve months are a year":                              "doit être entre 0 et 11\u00a0; douze mois font une année",
	"needs years, months or both; leave it out to keep everything":                    "demande years, months ou les deux\u00a0; retirez la règle pour tout conserver",
	"must be between 1 and 24":                                                        "doit être entre 1 et 24",
	"must be between -100 and 100, and not 0":                                         "doit être entre -100 et 100, et pas 0",
	"at least one category is required":                                               "il faut au moins une catégorie",
	"must be small letters and digits with single dashes between, such as etat-civil": "des minuscules et des chiffres, séparés par de simples tirets, comme etat-civil",
	"%s is the code of categories[%d] already":                                        "%s est déjà le code de categories[%d]",
	"must be the same in all categories of %s: categories[%d] has %t":                 "doit être pareil dans toutes les catégories de %s\u00a0: categories[%d] a %t",
	"is required":                                                   "est obligatoire",
	"must be a mail address without a name":                         "doit être une adresse de courriel, sans nom",
	"must be one of %s":                                             "doit être l’un de %s",
	"must be one of %v":                                             "doit être l’un de %v",
	"must be a domain, such as caf.fr":                              "doit être un domaine, comme caf.fr",
	"must be a name or address without spaces around it":            "doit être un nom ou une adresse, sans espaces autour",
	"nothing is left of it without its small words (le, de, dans…)": "il n’en reste rien sans ses petits mots (le, de, dans…)",
	"at least three letters must stand before a star":               "il faut au moins trois lettres avant une étoile",
	"is required: an acknowledgement must name it (CRPA R112-11-1); or set town.phone for all services":                                     "est obligatoire\u00a0: un accusé de réception doit le nommer (CRPA R112-11-1)\u00a0; ou réglez town.phone pour tous les services",
	"or address is required: an acknowledgement must name one of them (CRPA R112-11-1); or set town.email or town.address for all services": "ou l’adresse est obligatoire\u00a0: un accusé de réception doit nommer l’un des deux (CRPA R112-11-1)\u00a0; ou réglez town.email ou town.address pour tous les services",
	"the category %s belongs to a sealed service of which you are no member; it cannot go":                                                  "la catégorie %s relève d’un service protégé dont vous n’êtes pas membre\u00a0: elle ne peut pas être retirée",
	"the category %s cannot go: open requests have it (%s)":                                                                                 "la catégorie %s ne peut pas être retirée\u00a0: des demandes ouvertes l’ont (%s)",
	"the code %s cannot become %s: requests have it (%s). Change the label instead":                                                         "le code %s ne peut pas devenir %s\u00a0: des demandes l’ont (%s). Changez plutôt le libellé.",
	"the category %s goes, and closed requests have it (%s): they keep its code":                                                            "la catégorie %s est retirée, et des demandes closes l’ont (%s)\u00a0: elles gardent son code",
	"the service %s is sealed; only one of its members can open it to others":                                                               "le service %s est protégé\u00a0: seul l’un de ses membres peut l’ouvrir aux autres",
	"the service %s is sealed and stays so: its requests are shown to its members only":                                                     "le service %s est protégé et le reste\u00a0: ses demandes ne sont montrées qu’à ses membres",

	// Letters and replies.
	"it does not show a mandatory mention (CRPA R112-11-1, R112-5): %s": "il manque une mention obligatoire (CRPA R112-11-1, R112-5)\u00a0: %s",
	"there is no category %s":         "il n’y a pas de catégorie %s",
	"there must be at least one text": "il faut au moins un texte",
	"a code is made of small letters, digits and single hyphens, as in prise-en-charge": "un code est fait de minuscules, de chiffres et de simples tirets, comme prise-en-charge",
	"the code %q is there twice":                             "le code %q y est deux fois",
	"a text needs a label":                                   "un texte a besoin d’un libellé",
	"there is no status %q for an answer; there are %s":      "il n’y a pas de statut %q pour une réponse\u00a0; il y a %s",
	"a subject is one line":                                  "un objet tient sur une ligne",
	"it must not be empty":                                   "ne doit pas être vide",
	"it is longer than %d characters":                        "dépasse %d caractères",
	"there is no field {{%s}}; there are %s":                 "il n’y a pas de champ {{%s}}\u00a0; il y a %s",
	"double braces that are not closed, as in {{reference}}": "des accolades doubles qui ne sont pas fermées, comme {{reference}}",
}
