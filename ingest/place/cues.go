package place

import (
	"strings"
	"unicode/utf8"
)

// cue says what a word tells about the matter.
type cue uint8

const (
	cuePhysical cue = 1 << iota // something that is wrong, or is to be done, at a place
	cueAdmin                    // papers, fees, jobs: matters that have no place
	cueHome                     // a part of a home, which with a possessive makes it the writer's own
)

// cues has words of French municipal life, folded and without the endings that root takes off; cueStems has beginnings
// of words, of stemMin to stemMax bytes: those of verbs and of large families of words.
var cues, cueStems = readCues()

const (
	stemMin = 5
	stemMax = 8
)

// readCues reads the lists; a star ends a beginning.
func readCues() (words, stems map[string]cue) {
	words, stems = map[string]cue{}, map[string]cue{}
	add := func(c cue, list string) {
		for _, w := range strings.Fields(list) {
			if s, ok := strings.CutSuffix(w, "*"); ok {
				stems[s] |= c
			} else {
				words[root(w)] |= c
			}
		}
	}
	add(cuePhysical, `trou nid orniere chaussee trottoir bordure pave dalle enrobe goudron bitume gravillon plaque regard egout caniveau avaloir grille
		inond* fuite fuit debord* bouche bouchee obstru* odeur lampadaire candelabre reverbere eclair* lumiere lumineux ampoule eteint eteinte
		allume allumee clignot* poubelle conteneur bac ordure dechet depot encombrant gravats sac crotte dejection tag graffiti sale
		proprete nettoy* balay* arbre branche platane haie elag* herbe ronce desherb* tonte pelouse toboggan balancoire jeu banc
		portillon stop panne panneau miroir vitesse stationn* garee epave camion moto scooter quad bruit tapage
		nuisance aboie aboiement chien chat rat chenille frelon guepe pigeon cafard punaise moustique squat* trafic bagarre danger*
		chute tombe tombee glisse glissant casse cassee abim* defonc* effondr* ecroul* fissur* coule eau robinet compteur pression
		tuyau canalisation assainissement raccord* cable poteau barriere travaux chantier echafaudage grue terrasse tournage neige
		verglas verglac* boue fosse talus ruisseau embouteill* ralentisseur circulation sens moisissure humidite insalubr*
		demenag* emmenag* emplacement constru* cabane veranda cloture permis extension toiture facade volet piscine abattage caillou
		pare-brise abandonn* vole volee vol jardiniere pulveris* traverser pieton poussette fauteuil escalier barbecue voiture
		toilettes urinoir incendi* brule flotte mousse pollu* poisson signal* repar* remplacer feux horodateur degat sinistr*
		coq poule wifi ordinateur chauffage chaudiere store radiateur cave pneu rebouch* fourriere arros* urine verre cagette canape frigo matelas bruyant voisinage`)
	add(cueAdmin, `electeur electorale electoral election procuration scrutin vote voter naissance mariage pacs livret passeport
		candidat* recrut* stage emploi cv facture impaye titre quotient tarif inscri* cantine periscolaire subvention retraite
		salaire rembours* prelevement abonnement conseil extrait certificat attestation allocation caf aide dossier acte
		adhesion licence entretien mutation formation bulletin
		stand forum association statut memoire diplome patron apprenti* alternance loyer dette huissier chomage interim
		rsa edf secretariat carte demarche gouvernement livre amende emprunt marbrier caveau concession inhum* obseque granit
		scolaris* vaccin bosser job embauch* fac archive genealog* rib iban bancaire virement`)
	add(cueHome, `maison portail fenetre facade logement appartement jardin terrain cave garage toiture toit mur cloture porte seuil
		voisin voisine volet compteur robinet douche chambre demeure residence immeuble palier balcon cour piscine grillage
		gouttiere abri boutique etablissement vitrine local commerce pelouse potager rue impasse allee quartier chemin
		trottoir propriete parcelle haie plafond cuisine muret terrasse entree releve consommation toit grenier salon
		studio t1 t2 t3 t4 t5 f2 f3 f4 pavillon abonnement foyer portillon`)
	return words, stems
}

// root takes the ending of the plural and of the feminine plural from a folded word.
func root(w string) string {
	if len(w) > 3 {
		w = strings.TrimSuffix(strings.TrimSuffix(w, "s"), "x")
	}
	return w
}

// cueOf says what a folded word tells.
func cueOf(w string) cue {
	c := cues[root(w)]
	for n := stemMin; n <= stemMax && n <= len(w); n++ {
		c |= cueStems[w[:n]]
	}
	return c
}

// homeNouns are homes that people call so without a possessive: "surveiller la maison".
var homeNouns = set("maison appartement parcelle propriete compteur")

// homeEnds are words behind "la maison" that begin the next part of the sentence, so that it is not "la maison d'en face".
var homeEnds = set("est sera reste restera et a au pour en dans avec depuis pendant quand car mais ou si n' ne avant apres")

// theHome says whether the noun at token i is the writer's home by its article alone.
func (d *document) theHome(i int) bool {
	if !d.in(i, homeNouns) || !d.is(i-1, "la", "l'") && !d.is(i, "compteur") {
		return false
	}
	return i+1 >= len(d.tokens) || d.tokens[i+1].kind == punct && !d.is(i+1, "«", "\"", "(") || d.in(i+1, homeEnds)
}

// mine says whether the home word at token i is the writer's own: "mon portail", "notre vieux mur". A "relevé de notes"
// or "d'identité bancaire" is no meter's.
func (d *document) mine(i int) bool {
	if d.is(i, "releve", "releves") && d.is(i+1, "de", "d'") {
		return false
	}
	if d.in(i-1, ours) {
		return true
	}
	return d.in(i-2, ours) && d.tokens[i-1].kind == word && !inner[d.tokens[i-1].fold]
}

// applies says whether token i is of a declaration or permit of building (dossier DP, PC), which is for the writer's own
// ground.
func (d *document) applies(i int) bool {
	return d.is(i, "dp", "pc") && d.is(i-1, "dossier", "n°") && !strings.ContainsAny(d.text[d.tokens[i].start:d.tokens[i].end], "dpc")
}

// ours are the possessives of the first person.
var ours = set("mon ma mes notre nos")

// mood counts the cues of a message.
type mood struct {
	physical, admin, home int
	subject               bool         // something is wrong in the subject
	sentences             map[int]bool // sentences of the body with something wrong in them
}

// moodOf reads the cues of the running text and of the subject.
func moodOf(d *document) mood {
	m := mood{sentences: map[int]bool{}}
	for i := range d.tokens {
		t := &d.tokens[i]
		if t.kind != word || utf8.RuneCountInString(t.fold) < 2 {
			continue
		}
		if z := d.zoneOf(i); z != zoneBody && z != zoneObject {
			continue
		}
		c := cueOf(t.fold)
		if c&cuePhysical != 0 {
			m.physical++
			m.sentences[t.sentence] = true
		}
		if c&cueAdmin != 0 {
			m.admin++
		}
		if c&cueHome != 0 && d.mine(i) || d.applies(i) ||
			d.theHome(i) || t.fold == "chez" && d.is(i+1, "moi", "nous") || d.is(i, "riverain", "riverains", "riveraine") {
			m.home++
		}
	}
	return m
}

// atHome says whether a message that names no place is about the writer's home.
func (m mood) atHome() bool {
	return 2*m.home+m.physical-m.admin >= 2 || m.physical > 0 && m.admin == 0
}
