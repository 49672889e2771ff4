package place

import "strings"

// wayType is a kind of way or of settlement that makes a street name.
type wayType struct {
	name  string // written out, folded
	short bool   // an abbreviation
	loose bool   // also an everyday word ("place", "cours"), which needs a better reason to be a street
	area  bool   // a settlement (hameau, résidence), which has no house numbers of its own as a rule
}

// wayTypes has the types of ways by folded word: those of the national address base and its abbreviations (after
// AFNOR XP Z10-011), and regional ones.
var wayTypes = func() map[string]wayType {
	m := map[string]wayType{}
	add := func(list string, t wayType) {
		for _, entry := range strings.Fields(list) {
			name, shorts, _ := strings.Cut(entry, "=")
			t.name = name
			t.short = false
			m[name] = t
			t.short = true
			for _, s := range strings.Split(shorts, ",") {
				if s != "" {
					m[s] = t
				}
			}
		}
	}
	add("rue=r,ruc,rne avenue=av,ave,aven boulevard=bd,bld,blvd,boul,bvd,bvard chemin=ch,che,chem impasse=imp allee=all,allees,alls "+
		"ruelle=rle venelle=ven sente sentier rond-point=rpt,rd-pt faubourg=fg,fbg lieu-dit=ld,lieudit "+
		"square=sq quai=qu esplanade=esp parvis placette route=rte ruette raidillon "+
		"rocade draille carraire calade traboule hent straed karrika", wayType{})
	add("promenade=prom place=pl passage=pass cours=crs mail voie montee=mte carrefour pont "+
		"cour galerie villa chaussee=chs traverse corniche levee rampe cale", wayType{loose: true})
	add("lotissement=lot hameau=ham residence=res,resid zac za zi zae", wayType{area: true})
	add("cite clos domaine=dom quartier=qua,quart", wayType{area: true, loose: true})
	return m
}()

// doubleTypes are types of two words.
var doubleTypes = map[string]string{
	"rond point": "rond-point", "lieu dit": "lieu-dit", "zone artisanale": "za",
	"zone industrielle": "zi", "zone commerciale": "zac", "contre allee": "allee",
}

// nameAbbreviations are the abbreviations within street names (after AFNOR XP Z10-011), and numbers written as words.
var nameAbbreviations = map[string]string{
	"st": "saint", "ste": "sainte", "sts": "saints", "gal": "general", "gen": "general", "gl": "general",
	"mal": "marechal", "dr": "docteur", "pdt": "president",
	"prof": "professeur", "cdt": "commandant", "cne": "capitaine", "capt": "capitaine",
	"lt": "lieutenant", "sgt": "sergent", "mgr": "monseigneur", "nd": "notre dame", "cel": "colonel",
	"deux": "2", "trois": "3", "quatre": "4", "cinq": "5", "six": "6", "sept": "7", "huit": "8", "neuf": "9",
	"dix": "10", "onze": "11", "douze": "12", "quatorze": "14", "quinze": "15",
}

// particles carry no meaning in a name.
var particles = set("de du des d la le les l aux au a en et")

// inner are the words that may stand between the words of a name.
var inner = set("de du des d' la le les l' aux au")

// determiners stand before a noun.
var determiners = set("le la les l' un une des du de d' au aux ce cet cette ces mon ma mes ton ta tes son sa ses notre nos votre vos leur leurs chaque quelle toute")

// possessives make a thing the writer's own or somebody's.
var possessives = set("mon ma mes ton ta tes son sa ses notre nos votre vos leur leurs ce cet cette ces")

// prefixes are words that begin a name and need another word, also where people write in small letters.
var prefixes = set(`vieux vieil vieille vieilles petit petite petits petites grand grande grands grandes haut haute hauts bas basse
	saint sainte saints st ste bon bonne beau bel belle beaux belles gros grosse clos pre pres champ champs croix trois
	quatre deux sept dix cent mille notre general gal gen marechal mal docteur dr president pdt professeur prof commandant cdt
	capitaine colonel lieutenant sergent abbe cure pere monseigneur mgr amiral jean pierre paul jacques louis charles
	victor jules georges emile henri andre marcel rene robert albert antoine francois joseph michel philippe leon
	marie marie-curie anatole aristide edouard alphonse alfred arthur auguste claude denis ernest eugene ferdinand
	gabriel gustave guy honore jeanne leonard lucien maurice raymond roger simone theodore camille anne rosa anciens
	anciennes ancien ancienne quatres fond font val mont maison chateau nouveau nouvelle premier franklin
	martin-luther nelson maximilien blaise`)

// bareNames are names that stand behind "rue" without a particle also in small letters: old adjectives of streets,
// and the people whom most French towns honour.
var bareNames = set(`haute basse neuve vieille grande principale centrale traversiere creuse longue droite froide
	pasteur gambetta jaures hugo carnot foch leclerc ferry zola voltaire thiers clemenceau briand curie lamartine
	rousseau diderot danton marceau kleber hoche moliere racine corneille chateaubriand balzac verlaine rimbaud
	jean-jaures victor-hugo jules-ferry leon-blum pierre-curie emile-zola jean-moulin republique nationale
	lafayette la-fayette mozart berlioz ravel debussy verdun bellevue mirabeau rabelais ronsard descartes montaigne
	pergaud prevert brassens brel aragon eluard camus blum moulin schweitzer bonaparte`)

// flat are words that never are a street's name when written small: they describe, or begin the next part of the sentence.
var flat = set(`est sont etait etaient sera serait a ont avait avaient va vont peut doit fait reste devient ressemble n' ne y
	qui que qu' dont ou et mais car donc puis si comme pour par avec sans dans sur sous vers chez entre depuis
	pendant apres avant devant derriere face cote juste encore toujours deja jamais tres trop pas plus moins bien mal mon ma
	mes ton ta tes son sa ses notre nos votre vos leur leurs ce cet cette ces je j' tu il elle on nous vous ils elles se s' me m'
	te t' c' un une ci la-bas ici aussi ainsi alors voila il-y-a merci svp bonjour bonsoir cordialement
	barree barre inondee inonde sale sales etroite etroit pietonne pieton pietonnier pietonniere cyclable publique public
	privee prive voisine voisin entiere entier prise bloquee bloque fermee ferme ouverte ouvert deserte glissante glissant
	defoncee defonce abimee abime sombre noire eclairee eclaire dangereuse dangereux adjacente adjacentes attenante
	attenantes parallele perpendiculaire limitee impraticable degradee communale communal departementale departementaux
	rurale rural vicinale forestier boueux boueuse parce quand lorsque hier aujourd'hui demain matin soir midi nuit jour jours
	lundi mardi mercredi jeudi vendredi samedi dimanche ce-matin ce-soir haut bas milieu bout debut fin niveau hauteur
	angle coin croisement intersection numero n° no pair impair droite gauche svp urgent bonne bon complete libre`)

// generic are nouns that make an everyday phrase of a loose type: "place de stationnement", "passage de la balayeuse".
var generic = set(`parking stationnement creche cantine cinema theatre concert train livraison choix voiture voitures vehicule
	vehicules camion camions handicape handicapes pmr securite secours service services train balayeuse velo velos
	pietons pieton gibier vie retour garage acces circulation desserte fait droit droits recours travail bus cars francais
	musique danse natation yoga anglais maths soutien sport piano guitare dessin gymnastique gym tennis theatre chant
	informatique rattrapage route cloture eau dessous tous toutes confirmation porte bienvenue relance rappel reponse
	agents agent patrouille permis police gendarmerie facteur ramassage collecte technicien fourgon benne
	repos presse lecture lettres nage enfants enfant fils fille mere pere parents voisin voisins maison
	construction navette chantier travaux evacuation delestage contournement deviation nuit terre cailloux pierres
	autres autre maire adjoint facture verre conseil caveau concession`)

// landmarks are the public and other well-known places of a town, singular and plural, folded.
var landmarks = set(`ecole ecoles college lycee maternelle gymnase parking stade piscine mediatheque bibliotheque mairie eglise
	chapelle temple mosquee synagogue cathedrale cimetiere cim gare poste marche parc salle creche arret abribus abri-bus pont passerelle halle halles
	monument ehpad foyer hopital clinique pharmacie boulangerie boucherie epicerie supermarche dechetterie decheterie boulodrome city-stade skatepark skate-park
	halte cantine groupe garages aire camping port plage digue ecluse lavoir fontaine fontaines calvaire moulin chateau tour terrain jardin jardins bois
	foret etang lac riviere ruisseau ru canal berge berges ponton escalier escaliers marches conservatoire
	theatre cinema musee multi-accueil perception tresorerie gendarmerie commissariat caserne carrefour rond-point feu
	restaurant bar cafe tabac hotel magasin garderie columbarium crematorium kiosque mail place square
	parvis immeuble batiment tunnel viaduc quai station station-service station-d'epuration bassin
	complexe dojo halte-garderie mas ferme usine atelier entrepot decharge hall residence
	lotissement mur sente sentier chemin venelle passage talus fosse centre maison espace local virage
	plaine plateau colline vallon vallee ravine morne anse pointe baie marais combe coteau butte ile ilet lande friche
	carriere barrage cascade phare jetee mole embarcadere greve crique dune dunes rocher grotte
	presbytere couvent abbaye prieure manoir oratoire croix stele capitainerie aerodrome hippodrome velodrome patinoire
	fronton trinquet arenes amphitheatre auditorium ludotheque maternite dispensaire funerarium ossuaire
	caveau carre pepiniere verger refuge chenil transformateur silo cirque foirail
	campanile beffroi remparts douves canisite pumptrack lagon etangs vergers`)

// bareLandmarks are landmarks of which a town often has one, so that the bare word with a preposition is a place.
var bareLandmarks = set(`ecole college lycee maternelle gymnase stade piscine mediatheque bibliotheque mairie eglise chapelle cimetiere gare
	poste halle halles monument ehpad hopital pharmacie boulangerie boucherie epicerie supermarche dechetterie decheterie
	boulodrome city-stade skatepark skate-park ecluse lavoir calvaire chateau conservatoire theatre cinema
	musee multi-accueil perception gendarmerie caserne camping port passerelle creche temple mosquee pont crematorium columbarium
	abribus marche parking lotissement decharge synagogue cathedrale rond-point dojo carrefour tabac plage digue etang moulin`)

// before are the words that, alone, put a thing before, behind or beside another.
var before = set("devant derriere face sous pres apres avant contre jusqu' longeant")

// presenting say that what follows is the place of the matter: "c'est l'école X", "concerne le parc Y".
var presenting = set("concerne concernant concernent")

// spots are the nouns of phrases such as "au niveau de", "à l'angle de".
var spots = set(`niveau hauteur droit coin angle croisement intersection entree etage sortie pied bout long abords bas haut
	fond proximite bord bords contrebas debut milieu cote face arriere debouche aval amont au-dessus au-dessous carrefour sommet limite`)

// crossings say that two streets meet.
var crossings = set("croisement angle intersection carrefour coin debouche")

// comparing begin a phrase on another place, which is an example and not the matter.
var comparing = set("comme contrairement ailleurs deja direction vers rejoindre")

// homeVerbs say that the address behind them is where somebody lives.
var homeVerbs = set(`habite habitons habitant habitent habitez demeurant demeure demeurons domicilie domiciliee domicilies reside residons residant
	residente resident loge logeons logeant emmenage emmenageons emmenager demenage demenageons demenager quitte quittons vivons adresse
	locataire locataires installes louee louons louees`)

// titles stand before a person's name.
var titles = set("m mr mme mlle me dr madame monsieur mademoiselle melle docteur maitre famille")

// feasts and institutions are capital words behind "à la", "au" that are no place of the town.
var institutions = set(`toussaint noel paques pentecote ascension saint-jean chandeleur etat france europe maire maires mairie ville region departement prefecture
	prefet conseil republique commission tribunal justice tresor caf ccas cpas rsa smic samu spanc cada cnil rgpd dpo
	president presidente direction directeur directrice service services restos secours internet facebook covid gps edf
	enedis grdf orange sncf cm1 cm2 ce1 ce2 cp police gendarmerie plu hlm communaute agglomeration
	office academie inspection education urssaf siret kbis adjoint adjointe lundi mardi mercredi jeudi vendredi samedi dimanche
	janvier fevrier mars avril mai juin juillet aout septembre octobre novembre decembre carnaval bac brevet
	senegal maroc portugal japon canada bresil mali togo benin cameroun liban perou mexique chili senat assemblee
	antilles etats-unis pays-bas outre-mer`)

// months end what looks like a house number: "22 mars".
var months = set("janvier fevrier mars avril mai juin juillet aout septembre octobre novembre decembre")

// units behind a number make it a quantity.
var units = set(`h heure heures m metre metres euros euro km ans an jours jour semaines mois minutes min kg cm mm personnes places
	litres degres % € m2 m3 eme e er nd logements enfants arbres fois`)
