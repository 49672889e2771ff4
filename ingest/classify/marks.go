package classify

import (
	"regexp"

	"saisine.fr/saisine/ingest/lazy"
)

// mark is one kind of sign that a message offers something for sale or is a fraud.
type mark struct {
	name string // as reasons name it, in French
	form func() *regexp.Regexp
	// slight is set for what many who do not sell write as well: such marks make an offer
	// more evident, but no number of them is one.
	slight bool
	// call is set for what asks the reader to act at once, as every offer and fraud does,
	// and who speaks of an offer, or works for the town, hardly.
	call bool
}

// allMarks were gathered from the built-in texts of unwanted messages. They match plain text.
// Each alone means little, since citizens and partners use them; several of different
// kinds, in a text without a veto, hardly occur but in offers and frauds.
var allMarks = []mark{
	of("prix réduit", `-\s?\d{1,2}\s?%|\bmoins \d{1,2} ?%|\d{1,2} ?% (?:de (?:remise|reduction|rabais|vos|votre|la)|d'economies?|offerts?|sur (?:vos|nos|notre|tou))|`+
		`\b(?:remise (?:exceptionnelle|speciale|commerciale|(?:de )?\d)|rabais|ristourne|promo|promotions?|promotionnel(?:le)?s?|destockage|liquidation|moitie prix|bon de reduction|code [a-z]+\d+|`+
		`prix (?:casses?|imbattables?|exceptionnels?|barres?|collectivites|usine)|(?:meilleurs?|petits?) prix|tarifs? (?:preferentiels?|exceptionnels?|degriffes?|negocies?|imbattables?|reserves?))\b`),
	of("offre", `\boffres? (?:exceptionnelles?|speciales?|limitees?|reservees?|commerciales?|valables?|promotionnelles?|de (?:lancement|bienvenue|rentree)|decouverte|sur mesure|soumise|complete|cle en main)|`+
		`\b(?:notre|nos|cette) offres?\b|\bcle en main\b`),
	of("gratuit", `\b(?:devis|audit|etude|diagnostic|simulation|essai|echantillons?|demonstration|demo|estimation|maquette|bilan|rapport|livraison|montage|webinaire|kit|formation|conseil|analyse)(?: \w+){0,2} (?:gratuite?s?|offerte?s?)\b|`+
		`\b(?:gratuitement|gracieusement|cadeaux? offerts?|offerte?s? des)\b|\bpremiere?s? (?:mois|annee|mensualites?) (?:offerte?s?|gratuite?s?|a moitie)|(?:audit|conseiller) [^.!?]{0,40}gratuit`),
	of("sans engagement", `\bsans (?:aucun )?(?:engagement|frais|avance|obligation|rien debourser|aucun debours|travaux de votre part)`),
	of("pris en charge", `\bpri(?:s|se)s? en charge\b|\breste a charge|100 ?% (?:financ|pris|rembours)|\bfinanc\w+ (?:a 100|par les|toute seule)|\bcertificats? d'economies? d'energie|\bcee\b|\baides? de l'etat\b`),
	of("à un euro", `\b(?:1|un|0|zero) ?(?:euros?\b|€)`),
	slight(of("prix affiché", `\d ?(?:€|euros?)(?: ?(?:ht|ttc|hors taxes?))? ?(?:par|/) ?(?:mois|an|lien|piece|lot|texte|parution|page)|\d ?(?:€|euros?) (?:ht|hors taxes?)\b|\bdes \d+(?:[ ,.]\d+)? ?(?:€|euros?)|\ba partir de \d|\bpour seulement\b|\bleasing\b|\bfranco\b`)),
	of("référencement", `\b(?:referencement|(?:premiere|1ere|1re) page|first page|seo|backlinks?|dofollow|netlinking|top 3)\b`),
	of("audit du site", `\b(?:visite|parcouru|audite|analyse|parcourant|consultant|consulte) (?:votre|le) site|\b\d+ erreurs\b|\bvotre site (?:[a-z.-]+ )?(?:web |internet )?(?:n'apparait|n'est pas|perd|merite|est mal)|\bvotre (?:visibilite|trafic)\b`),
	of("article sponsorisé", `\b(?:articles?|texte|contenus?) (?:\w+ )?(?:sponsorises?|invites?|optimises?)|\bliens? (?:sponsorises?|vers (?:mon|notre))`),
	of("nos produits", `\bnos (?:solutions?|clients?|experts?|conseillers?|techniciens|formateurs|formations?|luminaires|gammes?|tarifs|prestations?|produits|formules|nouveautes|promotions?|robots?|modules|consultants|references|barquettes|desherbeurs?|panneaux|logiciels?|artisans|led)\b|`+
		`\bnotre (?:gamme|solution|catalogue|logiciel|societe|agence|plateforme|application|organisme|institut|cabinet|expertise|savoir-faire|entreprise|groupe|technologie|outil|nouvelle?|equipe (?:commerciale|d'experts|vous|accompagne))\b`),
	of("nous proposons", `\bnous (?:vous )?(?:proposons|offrons|garantissons|equipons|accompagnons|intervenons|plaçons|placons)\b|\bvous (?:propose|garantit|offre|accompagne)\b|\bje vous (?:propose|offre)\b|\bpermettez(?:-moi| moi| nous|-nous) de vous presenter`),
	of("clients cités", `\b(?:communes|mairies|collectivites|villes|cantines|clients|elus|ecoles|entreprises) (?:deja )?(?:equipees?|conquis|accompagnees|utilisatrices|satisfaits?)|\b(?:deja|plus de|accompagne|equipe)(?: deja)?(?: plus de)? \d[\d ]* (?:communes|mairies|collectivites|villes|cantines|clients)|\bfont (?:deja )?confiance|\b(?:ont|a) (?:deja )?(?:choisi|seduit|adopte)\b`),
	slight(of("démonstration", `\b(?:demos?|demonstrations?|webinaires?|showroom|degustation)\b|\b(?:rdv|rendez-vous) (?:de )?(?:decouverte|courtoisie|telephonique|en visio)|\b(?:\d+|dix|quinze|vingt|trente) (?:petites )?minutes\b|\b(?:choisissez|reservez|bloquez|fixer|quel) (?:un |votre |le )?(?:creneau|rendez-vous)|/rdv\b`)),
	slight(call(of("appel à cliquer", `\bcliqu(?:ez|er)\b|\b(?:en|trois|deux) (?:un |deux |trois |[1-3] )?clics?\b|\bl(?:e|es) liens? (?:suivant|ci-dessous|ci-apres)|\brepond(?:ez|re) (?:simplement )?(?:oui|vite|a ce (?:mail|message))|\bclick here\b`))),
	call(of("rappel par un conseiller", `\b(?:etes|seriez)-vous disponible|\bbloquez \d|\bappel decouverte|\b(?:choisissez|quel) (?:un |votre )?creneau|\betre (?:rappele|recontacte|contacte)|\b(?:conseillers?|techniciens?|experts?|charge\w* d[e']\s?\w+|commercial)\b[^.!?]{0,30} (?:vous )?(?:rappel|contact|appel|deplac)|\bje vous (?:r?appelle|relance)|\bje me permets de (?:vous relancer|revenir vers vous)|\bje reviens vers vous\b|\blaissez (?:votre|vos)|\bcontactez[- ]nous\b|\bappelez (?:vite|votre|le|nous)`)),
	call(of("appel à acheter", `\b(?:commandez|profitez|beneficiez|equipez|reduisez|divisez|economisez|boostez|doublez|modernisez|optimisez|simplifiez|demandez (?:notre|le|la|votre|un)|decouvrez (?:notre|nos)|telechargez|reservez (?:vite|votre|vos|des)|inscrivez[- ]vous (?:vite|en|avant|vos)|anticipez)\b|\bgagnez du temps\b`)),
	slight(of("urgence de l’offre", `\bdernier(?:e)?s? (?:places?|jours|chance|rappel)|\bplaces? (?:limitees?|disponibles?)|\b(?:plus|reste) (?:plus )?(?:que )?(?:\d+|quelques|six|neuf|quatre) (?:jours|places|creneaux|communes|parrainages)|\bseulement \d+|\bstocks? limites?|\brupture de stock|\boffre limitee|\b(?:sous|dans les|avant) (?:12|24|48|72|douze|vingt-quatre|quarante-huit) ?h|\bavant minuit\b|\bjusqu'au \d|\bjusqu'a (?:vendredi|dimanche|minuit)|\bexpire\b`)),
	call(of("désinscription", `\bse (?:desinscrire|desabonner)\b|\bdesabonne[rz]|\bdesinscri(?:re|vez|ption)|\b(?:ne (?:souhaitez )?)?plus recevoir|\bunsubscribe\b|\brepond(?:re|ez) stop\b`)),
	call(of("envoi en nombre", `\bvous recevez ce (?:message|mail|courriel|e-mail)|\bgerer mes preferences|\blire en ligne|\bvoir (?:en ligne|dans le navigateur)|\bvous (?:etes|figurez) (?:abonnee?|parmi nos|inscrite?)|\bcollectivite est abonnee`)),
	slight(of("sommaire", `\bnewsletter\b|\bau sommaire\b|\ba la une\b|\b(?:la |lettre )[^.!?]{0,40}n ?(?:o|°|º) ?\d+|\blire l'article|\b(?:hall|pavillon|stand) [a-z]? ?\d`)),
	of("annuaire payant", `\bannuaire (?:national|europeen|officiel|des|professionnel)|\bregistre (?:national|europeen|officiel)|\bpages? pro\b|\bencarts? publicitaires?|\bregie publicitaire`),
	slight(of("fournitures", `\b(?:toners?|cartouches d'encre|ramettes?|goodies|tote-bags?|consommables|catalogue)\b`)),
	of("client démarché", `\bcher(?:e)?s?(?:\(e\))? (?:clients?|cliente|utilisateurs?|elus?|acheteurs?|collectivite|ami|webmaster|proprietaire|abonne|partenaire)\b|\b(?:monsieur|madame|vous etes) (?:le |la )?(?:responsable|decideur|gerant)\b`),
	slight(of("vendeur", `\bbusiness developer\b|\bcharge(?:e)? d(?:'affaires|e clientele|e developpement|e projets?)|\b(?:technico-)?commerciale?\b|\bresponsable (?:de secteur|commercial|grands comptes)|\bexperte? (?:en )?(?:seo|web|referencement)|\bconseillere? dediee?|\boutreach\b|\bchef(?:fe)? de projet`)),
	slight(of("économies d’énergie", `\b(?:eclairage|luminaires?|lampadaires|led)\b[^.!?]{0,60}\b(?:facture|economies?|depenses)|\b(?:facture|depenses)\b[^.!?]{0,40}\b(?:eclairage|energie|electricite)|\bisol(?:ez|ation)\b|\bpanneaux? (?:solaires?|photovoltaiques?)|\bpompes? a chaleur|\bombrieres\b`)),
	slight(of("formation vendue", `\bdife?\b|\bformations? (?:des |d')elus|\bdroits? (?:individuels? )?a la formation|\bcpf\b`)),
	of("gain promis", `\bgagn(?:e|ez|er|ant|ante)s?\b|\btiree?s? au sort|\bloterie\b|\bfelicitations?\b|\bgros lot\b|\bvotre (?:lot|gain|cadeau)\b|\brevenus? (?:passif|complementaire)`),
	of("placement", `\b(?:bitcoins?|cryptos?|cryptomonnaies?|trading|rendements?|placement|telegram|whatsapp|investissez|investissement garanti)\b`),
	slight(of("garanti", `\bgaranti(?:e|s|es|t|ssons)?\b|\bguaranteed\b|\bassuree?\b|\bsans risque|\bbest price\b`)),
	of("héritage", `\bheritage\b|\bheritier\b|\bleguer?\b|\bfortune\b|\bbeneficiaire\b`),
	of("somme promise", `\b(?:millions?|000) (?:d'|de )?(?:euros|dollars)|\bdebloquer (?:la somme|les fonds|le lot)|\b\d[\d .]* ?(?:€|euros?) par (?:semaine|jour)`),
	call(slight(of("appel à écrire", `\b(?:envoyez|ecrivez|rejoignez|ouvrez (?:un|votre)|repondez vite|contactez[- ]moi)\b`))),
	slight(of("virement demandé", `\bvirements?\b|\biban\b|\brib\b|\bcoordonnees bancaires|\bfrais de (?:dossier|douane|port|livraison|notaire|transfert)`)),
	of("identifiants demandés", `\b(?:confirmez|validez|verifiez|mettez a jour|confirmer|valider) (?:\w+ )?(?:votre|vos)\b|\b(?:compte|messagerie|boite|acces)\b[^.!?]{0,60}\b(?:suspendue?|cloturee?|fermee?|desactivee?|bloquee?|quota|expire|supprimee?|pleine)\b`),
	of("colis", `\b(?:colis|paquet|livreur)\b`),
	of("prêt", `\bprets? (?:entre particuliers?|de \d|rapides?|d'argent)|\btaux de \d|\bsans justificatif|\binterdits? bancaires?|\bcredit (?:rapide|facile)`),
	of("voyance", `\b(?:voyante?|medium|marabout|desenvoutement|sorcellerie|etre aime)\b`),
	of("rencontre", `\bphotos (?:privees|intimes)|\bmes photos\b|\bcelibataire\b|\bhomme serieux\b|\bbisous\b|\bcoucou\b`),
	of("chaîne", `\b(?:bris|cass|romp)\w+ (?:pas )?(?:la|cette) chaine|\b(?:envoyez|transmettez|transferez|partagez)(?:-la| ce message| cette lettre) a \w+|\bmalheur\b`),
	call(of("vente en anglais", `\b(?:your website|our services|special offer|free (?:quote|audit|trial)|visit|contact us|best regards|we can|we offer)\b`)),
}

func of(name, form string) mark { return mark{name: name, form: lazy.Regexp(form)} }

func slight(m mark) mark {
	m.slight = true
	return m
}

func call(m mark) mark {
	m.call = true
	return m
}

// offers reports whether plain text shows an offer or a fraud, and the marks of it.
func offers(text string) (marks []string, evident bool) {
	telling, calls := 0, 0
	for _, m := range allMarks {
		if !m.form().MatchString(text) {
			continue
		}
		marks = append(marks, m.name)
		if !m.slight {
			telling++
		}
		if m.call {
			calls++
		}
	}
	return marks, len(marks) >= leastMarks && telling >= leastTelling && calls > 0
}
