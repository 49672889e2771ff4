package letter

import (
	"strings"
	"sync"
)

// key reduces a folded word to what OCR leaves of it: letters that it takes for one
// another become one.
func key(word string) string {
	word = strings.ReplaceAll(word, "rn", "m")
	b := make([]byte, 0, len(word))
	for i := range len(word) {
		switch c := word[i]; {
		case c == '1' || c == '|' || c == '!' || c == 'i':
			b = append(b, 'l')
		case c == '0':
			b = append(b, 'o')
		case c == '5':
			b = append(b, 's')
		case c == '8':
			b = append(b, 'b')
		case c == 'c':
			b = append(b, 'e')
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
			b = append(b, c)
		}
	}
	return string(b)
}

// vocab is a set of words, found again in spite of slips of OCR.
type vocab struct {
	list string
	set  map[string]bool // filled by known
}

var vocabs []*vocab

func words(list string) *vocab {
	v := &vocab{list: list}
	vocabs = append(vocabs, v)
	return v
}

// known fills all sets when one is first asked, and holds the words of all: such a word is
// not a slip of another.
var known = sync.OnceValue(func() map[string]bool {
	all := map[string]bool{}
	for _, v := range vocabs {
		v.set = map[string]bool{}
		for w := range strings.FieldsSeq(v.list) {
			k := key(fold(w))
			v.set[k], all[k] = true, true
		}
	}
	return all
})

// is reports whether word, as tokens gives it, is in the set as it is.
func (v *vocab) is(word string) bool {
	known()
	return v.set[word]
}

// fuzzyMin is the length from which one wrong letter still tells a word from others.
const fuzzyMin = 6

// has reports whether word, as tokens gives it, is in the set: as it is, or with one
// wrong letter if it is long.
func (v *vocab) has(word string) bool {
	if v.is(word) {
		return true
	}
	if len(word) < fuzzyMin-1 || known()[word] {
		return false
	}
	for w := range v.set {
		if len(w) >= fuzzyMin && near(w, word) {
			return true
		}
	}
	return false
}

func (v *vocab) any(words []string) bool {
	for _, w := range words {
		if v.has(w) {
			return true
		}
	}
	return false
}

// near reports whether two words are at most one edit apart.
func near(a, b string) bool {
	if len(a) < len(b) {
		a, b = b, a
	}
	if len(a)-len(b) > 1 {
		return false
	}
	i := 0
	for i < len(b) && a[i] == b[i] {
		i++
	}
	if len(a) == len(b) {
		return i == len(a) || a[i+1:] == b[i+1:]
	}
	return a[i+1:] == b[i:]
}

// maxTokens bounds the words of one line that are looked at.
const maxTokens = 60

// tokens returns the keys of the words of a folded line.
func tokens(fold string) []string {
	fields := strings.FieldsFunc(fold, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '|'
	})
	if len(fields) > maxTokens {
		fields = fields[:maxTokens]
	}
	out := fields[:0]
	for _, f := range fields {
		if k := key(f); k != "" {
			out = append(out, k)
		}
	}
	return out
}

// The words by which lines are told apart. Those of one set must not be near those of
// another that is asked in the same place.
var (
	civilities = words("m mr mrs ms mm mme mlle mmes monsieur madame mademoiselle messieurs mesdames me maitre maitres dr docteur vve veuve")
	functions  = words("maire mairesse adjoint adjointe president presidente directeur directrice prefet prefete elu elue elus " +
		"conseiller conseillere responsable chef maires adjoints membres depute deputee senateur senatrice receveur tresorier comptable secretaire")
	weakTowns = words("service services direction pole bureau guichet secretariat cabinet")
	towns     = words("mairie maire mairesse ccas townhall mayor")
	wayWords  = words("rue avenue av ave boulevard bd bld boul place pl impasse imp allee allees chemin ch chem route rte quai cours cour square sq " +
		"passage venelle sentier sente ruelle voie esplanade promenade faubourg fbg traverse montee cote clos lotissement lot mail villa cite")
	siteWords = words("residence res resid batiment bat bt appartement appt apt app escalier esc etage porte hameau lieudit lieu ldt " +
		"bp cs tsa za zi zac zae zone ferme mas chateau domaine moulin quartier section chez maison manoir flat centre immeuble hlm logement")
	orgWords = words("association asso club comite collectif amicale syndicat syndic federation ligue union cooperative compagnie chorale harmonie " +
		"sarl sas sasu eurl sci scp sel selarl selas scop earl gaec snc gie societe ste entreprise ets etablissements etablissement garage menuiserie " +
		"boulangerie cafe restaurant hotel pharmacie agence cabinet etude office groupe groupement transports immobilier immobiliere paysage terrassements " +
		"indivision paroisse ecole college lycee fondation mutuelle assurances assurance banque foncia gestion conseils ong apel fcpe ehpad clinique " +
		"notarial notariale toitures marbrerie couleurs pompes funebres theatre orchestre ensemble tennis cercle foyer " +
		"universite hopital salon librairie tabac gite pizzeria creperie boucherie charcuterie patisserie epicerie brasserie traiteur coiffure institut imprimerie " +
		"plomberie maconnerie micro-entreprise laboratoire clinique auto-ecole fromagerie poissonnerie mercerie cordonnerie bijouterie")
	legalWords = words("siret siren rna rcs tva ape naf capital iban bic rib orias barreau loi agrement agree toque cnil cpf urssaf")
	roleWords  = words("president presidente tresorier tresoriere secretaire gerant gerante directeur directrice responsable gestionnaire " +
		"avocat avocats avocate notaire notaires syndic administrateur mandataire representant conseil riverain riveraine proprietaire locataire " +
		"retraite retraitee infirmiere infirmier medecin architecte geometre expert huissier commissaire adjoint adjointe service comptabilite assistante " +
		"assistant chef charge chargee clerc gestion copropriete location vente transaction agent agente maire conseiller conseillere " +
		"soussigne soussignee signature signe lu approuve delegue deleguee ancien ancienne instituteur institutrice " +
		"professeur enseignant enseignante etudiant etudiante adjudant technicien technicienne")
	titleWords = words("demande attestation formulaire petition certificat reclamation declaration facture objet lettre recommandee courrier note " +
		"annexe annexes piece pieces jointes jointe copie copies reference references signalement inscription mise demeure urgent confidentiel page " +
		"nom prenom adresse telephone email courriel date merci bonjour bonsoir cordialement salutations madame monsieur france cedex subject dear " +
		"janvier fevrier mars avril mai juin juillet aout septembre octobre novembre decembre lundi mardi mercredi jeudi vendredi samedi dimanche " +
		"respectueusement sincerement bien amicalement sportivement cdt fax tel telecopie port mobile site web internet envoye iphone")
	proseWords = words("je j nous vous que qu qui est ne n pas mon ma mes notre nos votre vos depuis il elle ils on avons ai suis sont dans ou " +
		"merci cette ce ces sa son se s fait faire peut etre ont avez the is we have my was please")
	closings = words("salutations cordialement agreer sentiments consideration respectueusement sportivement sincerement amicalement sincerely " +
		"faithfully regards cdt cdlt crdlt cordlt amities respects remerciements devoue devouee cordiales hommages salutation")
)
