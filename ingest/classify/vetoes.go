package classify

import (
	"regexp"
	"strings"

	"saisine.fr/saisine/ingest/lazy"
)

// vetoes are what people write who have a matter with their town, or a part in its work,
// and what those who sell or cheat hardly do. They match plain text. Small words count
// here, which is why they are no phrases as those of the categories file are. Where an
// advertisement shows one by chance, a person looks at it, and nothing is lost.
var vetoes = []func() *regexp.Regexp{
	// Who speaks of advertising and fraud, and does not send it.
	anyOf(
		`arnaqu\w*`, `escro[cq]\w*`, `hamecon\w*`, `phishing`, `fraud\w*`, `demarch(?:age|ages|eurs?|euses?|ent|er|e|es|ee|ees)`, `pretend\w*`, `soi[- ]disant`,
		`se (?:disant|dit|disent|presentant|presente|presentent)`, `f(?:ait|ont|aire) passer`, `prospectus`, `flyers?`, `tracts?`, `fau(?:x|sse|sses)`,
		`preven(?:ir|ez|u|ue|us|ons|dre)`, `previen\w*`, `avertiss\w*`, `avert(?:ir|is|it|i)`, `mettre en garde`, `mise en garde`, `alerte(?:r|z)?`, `signal(?:e|er|ez|ons|ement|ements)`,
		`plaintes?`, `victimes?`, `tomb(?:e|ee|es|ees) dans`, `fait (?:avoir|pirater|voler|berner)`, `pirat\w+`, `mefi\w*`, `douteu\w*`, `suspect\w*`, `louches?`, `bizarres?`, `etranges?`, `insist\w*`,
		`spams?`, `indesirables?`, `publicites?`, `pubs?`, `usurp\w*`, `vole(?:e|s|es)?`, `mandat(?:e|es|ee|ees)`, `logo de (?:la|notre)`, `au nom de (?:la|notre)`, `de la part de (?:la|notre)`,
		`harcel\w*`, `opposition`, `litige`, `remboursements?`, `rembourser`, `me rembours\w+`, `tromp(?:e|es|ee|ees|eur|euse)`, `abus\w*`,
	),
	// Inhabitants, of themselves.
	anyOf(
		`je (?:vous |me permets de vous |tiens a (?:vous )?)?(?:signal|sollicit|contest|reclam|demand|souhait|voudr|desir|cherch|compt|remerci|habit|rencontr|n'arriv|ne (?:comprend|parvien|sai|peu|recoi|trouv|veu))\w*`,
		`nous (?:vous )?(?:signalons|sollicitons|contestons|demandons|souhait\w+|voudrions|cherchons|remercions|habitons|organisons|rencontrons)`,
		`j'(?:aimerais|habite|ai (?:bien |deja |toujours |pourtant )?(?:recu|essaye|tente|paye|ete|eu|appele|demande|depose|envoye|perdu|besoin|peur|clique|donne|rempli|signe|un|une|rempli|refuse|raccroche|achete|egare|oublie|appris|entendu|lu))`,
		`(?:nous avons|on a|nous y avons|avons) (?:bien |tous |deja )?(?:recu|ete|eu|essaye|paye|depose|trouve)`, `on (?:m'|me |nous )\w+`, `(?:m'|nous )(?:a|ont) (?:ete|appele|dit|demande|propose|envoye|vendu|contacte|demarche|repondu|laisse)\w*`,
		`(?:devant|derriere|chez|a cote de|en face de) (?:moi|nous|chez moi|chez nous|mes|ma|mon|une?)`, `porte[- ]a[- ]porte`, `a (?:ma|notre|la) porte`, `sonn(?:e|ent|er|es)`, `boites? aux lettres`,
		`riveraine?s?`, `locataires?`, `personnes? agees?`, `voisin(?:e|s|es)?`, `domiciliee?s?`, `administree?s? de`, `contribuables?`, `habitant(?:e|s|es)? d\w+`, `parents? d'eleves?`, `(?:aux|les|des) (?:parents|familles|anciens|retraites|riverains|habitants)`,
		`notre (?:rue|route|maison|residence|voisine|demande|reclamation|fille|femme|mere|grand-mere|association|poubelle|concession|carte|quartier|hameau|lotissement|logement|appartement|immeuble|voisin|fils|enfant|mari|pere|dossier|courrier|passeport|trottoir|commune|village|ville|mairie|bourg)`,
		`nos (?:enfants|voisins|parents|papiers|rues|poubelles|eleves|adherents|administres)`,
		`pou(?:vez|rriez|rrions)[- ](?:vous|nous) (?:me|m'|nous|mettre|faire|intervenir|confirmer|verifier)\w*`, `comment (?:faire|dois-je|puis-je|peut-on)`, `serait[- ]il possible`, `est[- ]il possible`, `quel(?:s|le|les)? (?:est|sont) l\w+`, `ou (?:puis|dois|peut|demander|deposer|trouver|s'adresser)`, `existe[- ]t[- ]il`, `y a[- ]t[- ]il`, `auriez[- ]vous`,
		`(?:a|de|par) quel(?:le|s|les)? \w+`, `(?:son|sa|ses) (?:fils|fille|mere|pere|mari|femme|enfants?|voisine?s?|maison|logement|carte)`, `a qui (?:dois-je|puis-je|faut-il|m'adresser)`, `m'(?:inscrire|adresser|indiquer|informer|expliquer|aider|dire|installer)`, `merci de (?:me|m'|nous) \w+`, `que (?:faire|dois-je)`,
		`(?:lettre|bulletin|magazine|site) (?:municipale?|de la (?:ville|mairie|commune))`, `mot de passe oublie`,
		`ne (?:marche|fonctionne|repond|s'affiche|s'ouvre|passe)(?:nt)?`, `(?:toujours|encore) pas`, `pas encore`, `pourtant`, `deja (?:remonte|signale|ecrit|envoye|repondu)\w*`, `problemes? (?:deja|de|avec|sur)`, `le (?:lien|paiement|formulaire|portail|bouton) (?:d[eu]|ne|se|est)`, `votre (?:appli|application|portail|lettre du|panneau|bulletin|accueil|standard)`,
		`c'est (?:insupportable|dommage|ennuyeux|inadmissible|honteux|dangereux|genant|penible)`, `on (?:devait|avait|recoit|est|attend|voit|voudrait|aimerait|cherche|souhaite)`, `il (?:nous |me |vous )?fau(?:t|drait)`, `qui (?:contacter|appeler|prevenir)`, `quelqu'un`,
		`n'arriv(?:e|ons)`, `impossible d\w*`, `message d'erreur`, `reessay\w*`,
	),
	// Other authorities and those who work for the public.
	anyOf(
		`gouv\.fr`, `(?:sous-)?prefe(?:t|te|ts|cture)`, `conseil (?:departemental|regional|communautaire)`, `communaute (?:de communes|d'agglomeration|urbaine)`, `agglomeration`, `intercommun\w*`, `metropole`, `syndicats?`,
		`academie`, `rectorat`, `education nationale`, `inspect\w+`, `tribunal`, `gendarm\w*`, `commissariat`, `police`, `pompiers?`, `sdis`, `tresor public`, `tresorerie`, `dgfip`, `finances publiques`, `urssaf`, `caf`, `cpam`, `ars`,
		`insee`, `cnfpt`, `centre de gestion`, `detr`, `dsil`, `fonds vert`, `appels? a (?:projets?|candidatures?|manifestation)`, `(?:votre|notre|la|une|de) subvention`, `subventions? (?:d[eu]|aux|accord|municipale)\w*`, `chers? collegues?`, `chere collegue`, `homologue`, `maire d[eu] \w+`, `mairie d[eu] [a-z'-]+(?:[,.]| \d|$)`,
		`confraternel\w*`, `adjointe? (?:au|aux|a|en|de|charge)\w*`, `elue?$`, `restos du coeur`, `secours (?:populaire|catholique)`, `croix[- ]rouge`, `banque alimentaire`, `centre social`, `maison de (?:quartier|sante|retraite)`, `mjc`, `mission locale`, `caisses? de retraite`, `fondation (?:du|de|pour)`, `paroisse`, `presbytere`, `chapelle`, `eglise`, `docteur`, `dr`, `cabinet medical`, `maison medicale`, `communal(?:e|es)?`, `communaux`,
		`hopital`, `ehpad`, `college`, `lycee`, `universite`, `enedis`, `grdf`, `edf`, `sncf`, `la poste`, `journalistes?`, `reportage`, `interview`,
	),
	// Tenders, contracts, orders and bookings that the town has a part in.
	anyOf(
		`consultation`, `march(?:e|es) (?:publics?|de noel|hebdomadaires?|du|de la|des|n|a bons|forain)`, `appels? d'offres?`, `mapa`, `dce`, `boamp`, `memoire technique`, `acte d'engagement`, `maitrise d'oeuvre`, `geometres?`, `bornage`, `architectes?`, `chantier d\w+`, `lot n`,
		`notre (?:reponse|candidature|devis|facture|dossier|contrat|intervention|entretien|conversation|proposition|rendez-vous|echange)`, `en reponse a`, `suite a (?:votre|notre|vos|la|l'\w+)`, `faisant suite`, `comme (?:convenu|demande)`,
		`votre (?:demande|commande|consultation|contrat|courrier|appel du|mail du|devis (?:d|n)\w*|inscription|reservation|dossier|participation|adhesion|abonnement|sinistre|police)`,
		`vous (?:avez|aviez) (?:demande|commande|sollicite|souhaite|contacte|souscrit)`, `que vous nous avez`, `contrats? (?:n|de|d'\w+|actuel|en cours|arrive|conclu|qui)`, `fin (?:de|du) contrat`, `bons? de commande`,
		`(?:commande|facture|devis|avis|convention|dossier|contrat|lot) n ?[o°º]?\.? ?\w*\d\w*`, `convocations?`, `convoqu\w*`, `attestations?`, `inscriptions?`, `confirm(?:ons|e|ation)`, `(?:arrive|arrivant|venant|vient) a (?:echeance|expiration|terme)`, `reconduction`, `resili\w*`, `avenant`,
		`prelevements?`, `mandatements?`, `retenue de garantie`, `reste(?:nt)? du(?:e|s|es)?`, `mise en demeure`, `huissiers?`, `maitre d'ouvrage`, `ordre de service`, `reception des travaux`, `coupures?`, `intervention (?:prevue|programmee)`, `interruption`,
	),
	// Who applies for something, announces something or asks for a part in the town's life.
	anyOf(
		`candidat\w*`, `cv`, `lettre de motivation`, `stages?`, `stagiaires?`, `apprenti\w*`, `alternan\w+`, `emplois?`, `recrut\w*`, `jobs?`, `etudiante?s?`, `lyceenn?e?s?`, `baby[- ]?sit\w+`, `garde d'enfants`, `nounou`, `assistante maternelle`,
		`benevol\w*`, `association`, `loi 1901`, `clubs?`, `amicale`, `chorale`, `comite des fetes`, `concerts?`, `spectacles?`, `compagnie`, `theatre`, `vide[- ]?greniers?`, `kermesse`, `tombola`, `lotos?`, `tournoi`, `expositions?`, `adherents?`, `entree libre`, `don du sang`, `collecte`,
		`emplacements?`, `un stand`, `terrasses?`, `domaine public`, `taxe de sejour`, `gites?`, `chambres? d'hotes`, `ecole de musique`, `sapeurs?`, `regie (?:des|de l'\w+|municipale)`, `reunion publique`, `prochain conseil`, `terminales?`, `cirque`, `forains?`, `cinema`, `mediatheque`, `ludotheque`, `centre de loisirs`, `convention`, `partenariat avec`, `food[- ]?trucks?`, `je suis (?:un |une )?(?:artisan|commercant|productri?c?eu?r?|maraich|creat|traiteur|fleurist|auto-?entrepren|jeune|peintre|musicien|infirmi|kine|psycholog|professeure?|prof|artiste)\w*`,
		`(?:pret|location|louer|reserver|reservation|disponibilite) (?:d\w+ )?(?:de la |d'une |la |une |votre )?salle`, `autoris\w*`, `arrete municipal`, `permis d\w+`, `declaration prealable`, `cadastr\w*`, `parcelles?`, `urbanisme`, `plu`, `dia`, `preempt\w*`, `acquereurs?`, `compromis`,
		`syndic`, `copropriete`, `bailleur`, `obseques`, `pompes funebres`, `enquetes?`, `sondages?`, `questionnaires?`, `doctora\w*`, `memoire de`, `these`, `chercheu\w*`, `sociolog\w*`, `panel`, `jumelage`, `(?:vos|les) (?:equipes|agents|services) (?:ont|sont|viennent|passent|n'ont|ne)`, `l'an (?:passe|dernier)`,
		`(?:installee?s?|implantee?s?|situee?s?|basee?s?) (?:a|dans|sur|au|rue|place|avenue|en centre)`,
	),
}

// anyOf matches any of some forms where they stand as whole words.
func anyOf(forms ...string) func() *regexp.Regexp {
	return lazy.Regexp(`\b(?:` + strings.Join(forms, "|") + `)(?:[^a-z0-9]|$)`)
}

// own matches what somebody calls their own, and ownExcept lists what those who sell and
// cheat call so.
var (
	own       = lazy.Regexp(`\b(?:mon|ma|mes) ([a-z]+)`)
	ownExcept = map[string]bool{
		"agenda": true, "agence": true, "bio": true, "blog": true, "cher": true, "coeur": true, "equipe": true, "fortune": true, "meilleures": true,
		"offre": true, "photos": true, "profil": true, "proposition": true, "respectueuses": true, "salutations": true, "sinceres": true,
	}
)

// Of questions to the town about somebody else's offer. The salutation names the mayor, but
// asks nothing.
var (
	salutation = lazy.Regexp(`\b(?:madame|monsieur|mme|m\.|mr)(?:,? (?:madame|monsieur))? (?:la|le) maire\b`)
	townsWord  = anyOf(
		`mairie`, `maire`, `commune`, `ville`, `ccas`, `cantine`, `ecole`, `police`, `municipal\w*`, `officiel\w*`, `vrai\w*`, `serieu(?:x|se)`, `fiables?`, `conseill(?:ez|er|e)`, `connai\w*`, `mandat\w*`, `autoris\w*`, `au courant`,
		`leg(?:al|ale|aux|itime)`, `agree\w*`, `recommand\w*`, `confiance`, `normal\w*`, `est-ce`, `obligatoires?`, `obligee?s?`, `faut-il`, `dois-je`, `doit-on`, `peut-on`, `avis`, `y a-t-il`, `avez-vous`,
	)
)

// wanted reports whether plain text shows a veto.
func wanted(text string) bool {
	for _, v := range vetoes {
		if v().MatchString(text) {
			return true
		}
	}
	for _, m := range own().FindAllStringSubmatch(text, -1) {
		if !ownExcept[m[1]] {
			return true
		}
	}
	return asksTheTown(text)
}

// asksTheTown reports whether a question of plain text names the town or asks for advice.
func asksTheTown(text string) bool {
	text = salutation().ReplaceAllString(text, "")
	begin := 0
	for i := range len(text) {
		switch text[i] {
		case '?':
			if townsWord().MatchString(text[begin:i]) {
				return true
			}
			begin = i + 1
		case '!':
			begin = i + 1
		case '.':
			// The dots of "M. Duval" and of "12.50" end no sentence.
			if i >= 2 && text[i-1] != ' ' && text[i-2] != ' ' && (i+1 == len(text) || text[i+1] == ' ') {
				begin = i + 1
			}
		}
	}
	return false
}

// stateDomain is where the State's own addresses are.
const stateDomain = ".gouv.fr"

// Of the domains of senders that are public or work for the public.
var (
	publicDomains = lazy.Regexp(`(?:^|[.])(?:gouv\.fr|caf\.fr|cnaf\.fr|assurance-maladie\.fr|ameli\.fr|francetravail\.fr|pole-emploi\.fr|urssaf\.fr|msa\.fr|insee\.fr|cnfpt\.fr|amf\.asso\.fr|asso\.fr|notaires\.fr|avocat\.fr|enedis\.fr|grdf\.fr|sncf\.fr|laposte\.fr|caissedesdepots\.fr|banquedesterritoires\.fr|aphp\.fr)$`)
	publicLabels  = lazy.Regexp(`(?:^|[.])(?:(?:mairie|ville|commune|ccas|agglo|prefecture|departement|metropole|sdis|smictom|sictom|sivom)[a-z0-9-]*|(?:ac|cc|ch|chu|univ|grand|conseil|region|office)-[a-z0-9-]+|cdg\d+)(?:\.[a-z0-9-]+)+$`)
)

// publicSender reports whether an address is that of an authority or of somebody who works
// for the public. It may be forged; then a person sees a fraud that else nobody would have.
func publicSender(address string) bool {
	_, domain, _ := strings.Cut(bareAddress(strings.ToLower(address)), "@")
	return publicDomains().MatchString(domain) || publicLabels().MatchString(domain)
}
