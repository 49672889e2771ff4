package facts

import "strings"

// A vocab is a set of folded words.
type vocab map[string]bool

func words(lists ...string) vocab {
	v := vocab{}
	for _, l := range lists {
		for w := range strings.FieldsSeq(l) {
			v[w] = true
		}
	}
	return v
}

// The words by which names, addresses and sentences are told apart, folded.
var (
	civilities = words("m mr mrs mme mm mlle mmes monsieur madame mademoiselle messieurs mesdames me maitre dr docteur pr professeur vve veuve")
	// ranks stand before a name as civilities do.
	ranks = words("adjudant adjudante capitaine lieutenant lieutenante colonel commandant commandante sergent sergente caporal caporale major abbe brigadier brigadiere gendarme general generale pasteur rabbin imam")
	// serving are those that stand in no street's name in small letters.
	serving = words("adjudant adjudante lieutenant lieutenante brigadier brigadiere gendarme sergent sergente caporal caporale")
	// particles are the words of a name that may begin with a small letter.
	particles = words("de du des d la le les l van von der den ten ben bin el al da do dos das di del della y")
	born      = words("nee ne epouse ep veuve vve")

	months   = words("janvier fevrier mars avril mai juin juillet aout septembre octobre novembre decembre janv fevr fev avr juil sept oct nov dec")
	weekdays = words("lundi mardi mercredi jeudi vendredi samedi dimanche lun mar mer jeu ven sam dim")

	// wayWords begin the name of a street wherever they stand; looseWays have other meanings
	// too, and begin one after a number or before a capital letter.
	wayWords  = words("rue avenue av ave boulevard bd bld bvd boul impasse imp allee allees chemin ch chem route rte quai venelle ruelle faubourg fbg sente")
	looseWays = words("place pl cours square sq passage sentier voie esplanade promenade traverse montee cote clos villa cite mail rond-point lotissement lot " +
		"residence res hameau cour parc quartier chaussee rampe escalier escaliers galerie levee parvis r")
	// siteWords begin the name of a building or a hamlet.
	siteWords = words("residence res resid lotissement lot hameau ham lieu-dit lieudit ferme domaine villa camping chateau moulin mas immeuble imm copropriete clos za zi zac zone " +
		"foyer ehpad residence-autonomie quartier cite hlm tour manoir logis")
	// unitWords stand before the number or letter of a flat, a staircase, a building.
	unitWords = words("appartement appart appt apt app bat batiment bt esc escalier porte logement log entree bloc boite chambre cage hall tour etage bal lot studio bureau emplacement")
	floors    = words("etage etages et")
	boxes     = words("bp cs tsa")

	// orgWords begin the name of an organisation; legalForms may end it as well.
	orgWords = words("association asso club comite collectif amicale syndicat syndic federation ligue union cooperative compagnie chorale harmonie cie " +
		"entreprise ets etablissements etablissement garage menuiserie boulangerie patisserie boucherie charcuterie epicerie librairie brasserie cafe bar restaurant pizzeria creperie " +
		"hotel pharmacie agence cabinet etude office groupe groupement transports transport taxi taxis immobilier immobiliere terrassements toitures couverture marbrerie maconnerie plomberie " +
		"peinture electricite serrurerie carrelage ravalement couleurs pompes funebres indivision paroisse ecole college lycee creche micro-creche fondation mutuelle assurances assurance " +
		"banque camping clinique laboratoire theatre orchestre ensemble tennis cercle foyer atelier ateliers societe ste maison institut salon coiffure tabac presse bureau " +
		"copropriete ehpad micro-entreprise imprimerie jardinerie pepiniere pepinieres paysages paysagiste fleuriste ambulances auto-ecole pizza traiteur cave domaine earl gaec")
	legalForms = words("sarl sas sasu eurl sci scp sel selarl selas scop earl gaec snc gie sa ei eirl scea scm")

	roleWords = words("president presidente vice-president vice-presidente tresorier tresoriere secretaire secretariat gerant gerante directeur directrice responsable gestionnaire " +
		"avocat avocate avocats notaire notaires clerc syndic administrateur administratrice mandataire representant representante conseil riverain riveraine riverains proprietaire proprietaires " +
		"locataire locataires retraite retraitee infirmiere infirmier medecin architecte geometre expert experte huissier commissaire adjoint adjointe service comptabilite comptable " +
		"assistante assistant chef charge chargee gestion transaction agent agente artisan maman papa parent parents mere pere grand-mere grand-pere habitant habitante " +
		"habitants citoyen citoyenne contribuable contact membre membres bureau equipe delegue deleguee benevole coach entraineur entraineuse animateur animatrice professeur enseignant " +
		"enseignante instituteur institutrice directeur-general coordinateur coordinatrice educateur educatrice conjoint usager usagere clients commercial commerciale technicien technicienne " +
		"ingenieur conducteur conductrice travaux etudiant etudiante nounou kinesitherapeute pharmacien pharmacienne coiffeuse coiffeur restaurateur restauratrice boulanger boulangere " +
		"maraicher maraichere agriculteur agricultrice eleveur viticulteur journaliste referent referente voisin voisine voisins administre administree elu elue copropriete la le les un une")

	// closings are the words of the formulas that end a text.
	closings = words("cordialement cdt cdlt crdlt cordlt bien-a-vous salutations salutation respectueusement sportivement sincerement amicalement sincerely regards merci mrc merciii thanks remerciements " +
		"amities respects bises saludos devouee devoue distinguees distingues sentiments consideration bientot journee soiree weekend week-end reception avance courage cordiales obrigado obrigada gracias grazie danke thank bisous bise bien-cordialement")

	// stopWords are no part of a person's name, although they may begin with a capital letter.
	stopWords = words("je j tu il elle on nous vous ils elles me te se lui leur moi toi ce c cette ces cet ca cela mon ma mes ton ta tes son sa ses notre nos votre vos leurs " +
		"un une au aux en et ou ni mais donc or car que qu qui quoi dont quand comment pourquoi combien si ne n pas plus moins tres trop bien mal aussi encore toujours jamais deja " +
		"a dans sur sous avec sans bcp beaucoup pour par vers chez entre depuis pendant avant apres devant derriere contre jusqu jusque selon voici voila puis alors ainsi enfin ici " +
		"est suis es sommes etes sont etait etais etaient sera serait ai as avons avez ont avait aviez avais etre avoir fait faire faut faudrait peut peux pouvez pourriez pouvons puis dois doit " +
		"merci mrc bonjour bonsoir salut coucou slt bjr hello cher chere chers objet sujet re tr fwd urgent important attention message mail courriel email e-mail " +
		"tel telephone portable mobile fax site web internet adresse nom prenom date ref reference references dossier facture contrat piece pieces jointe jointes jointe pj ps copie nb " +
		"photo photos lettre courrier demande reclamation signalement plainte question questions reponse probleme suite rappel info infos information informations note " +
		"rue avenue boulevard place impasse allee chemin route quai square venelle residence batiment bat appartement appt etage immeuble hameau lieu-dit bp cedex france " +
		"mairie maire maires ville commune village prefecture prefet service services direction pole police gendarmerie municipale municipal ccas spanc tresorerie " +
		"adjoint adjointe elu elus elue directeur directrice president presidente conseiller conseillere secretaire responsable " +
		"cordialement salutations respectueusement sincerement amicalement sportivement cdt cdlt envoye iphone android samsung outlook smartphone orange " +
		"tout tous toute toutes chaque quel quelle quels quelles aucun aucune autre autres meme memes rien personne quelqu quelque " +
		"oui non ok svp stp ok hier demain aujourd hui matin midi soir nuit jour jours semaine mois an ans annee annees heure heures " +
		"monsieur madame mademoiselle messieurs mesdames mme mlle mr administre administree habitant riverain riverains riveraine voisin voisine voisins " +
		"appel appels astreinte vu recu pris signale note rappeler veut voudrait souhaite demande dit dimanche " +
		"dernier derniere prochain prochaine premier premiere second seconde nouvelle nouveau grand grande petit petite gros grosse " +
		"ecole college lycee creche gymnase stade piscine mediatheque bibliotheque cimetiere eglise gare parc jardin parking arret bus car train marche salle " +
		"trou nid arbre arbres lampadaire lampadaires trottoir chaussee route poubelle poubelles bac bacs dechets eau fuite bruit chien chiens chat voiture voitures camion velo " +
		"bonne bon belle beau fin la-bas cependant toutefois neanmoins ensuite surtout meme franchement desole desolee excusez pardon veuillez recevez agreez croyez " +
		"permis construire parcelle titre avis carte passeport identite livret famille conseil administration mesdames")
	// maybeSurnames are stopWords that are surnames as well, behind a civility or a first name.
	maybeSurnames = words("petit grand gros beau belle bon bonne marche parc chat velo place nouveau premier second fin prochain dernier car trou martin mairie lettre carte conseil maire jardin")

	functions = words("maire mairesse adjoint adjointe president presidente directeur directrice prefet prefete elu elue elus conseiller conseillere responsable chef maires adjoints depute " +
		"deputee senateur senatrice receveur tresorier comptable secretaire gardien gardienne proprietaire locataire concierge facteur")

	// others are the words that make a number, a name or an address somebody else's.
	others = words("voisin voisine voisins voisines gardien gardienne concierge proprietaire proprio bailleur bailleresse syndic locataire locataires fils fille mere pere maman papa mari femme epouse epoux conjoint " +
		"frere soeur oncle tante cousin cousine beau-frere belle-soeur beau-pere belle-mere grand-mere grand-pere neveu niece ami amie amis collegue medecin docteur infirmiere notaire avocat " +
		"patronne principal principale proviseur proviseure plombier artisan macon electricien entrepreneur entreprise agence assureur assurance patron employeur mairie standard service services pompiers gendarmerie police prefecture " +
		"ecole college directrice directeur maitresse fax telecopie patient patiente defunt defunte client cliente tuteur tutrice curateur facteur standardiste secretariat hotline")
)

// firstNames are first names that are common in France, written or not with a capital
// letter. They tell a name where its letters do not: in small letters, or alone.
var firstNames = words("adrien agathe agnes ahmed aicha aime alain albert alexandra alexandre alexis ali alice aline amandine amelie amina amine amir ana anais andre andrea andree anita ann anna anne annick annie "+
	"anthony antoine antonin antonio ariane arlette armand arnaud arthur assia audrey aurelie aurelien aurore axel aya ayoub baptiste bastien beatrice benjamin benoit bernadette bernard bertrand brahim "+
	"brigitte bruno camille carine carla carlos carole caroline catherine cecile cedric celia celine chantal charles charlotte chloe christelle christian christiane christine christophe cindy claire "+
	"clara claude claudine clemence clement cloe colette coralie corinne cyril dalila damien daniel daniele danielle danny david deborah delphine denis denise didier dimitri djamila dominique dorian driss dylan "+
	"edgar edith edouard elena eliane elias elisa elisabeth elise ella elodie eloise elsa emile emilie emma emmanuel emmanuelle enzo eric erwan estelle esther ethan etienne eugene eva evelyne fabien fabienne "+
	"fabrice farid fatima fatiha fatou fatoumata felix fernand fernando filipe flavie florence florent florian france francine francis francisco francois francoise franck frank fred frederic frederique gabin gabriel "+
	"gabrielle gaelle gaetan gael genevieve geoffrey georges georgette gerald gerard germaine ghislaine gilbert gilles gisele giulia gregory guillaume gustave guy gwenaelle habib hakim halima hamid hanane hassan hassiba helene "+
	"henri henriette herve hicham hortense hubert hugo hugues ibrahim ilyes imane ines irene iris isabelle issa ivan jacky jacqueline jacques jade jamal janine jean jeanine jeanne jennifer jeremie jeremy jerome jessica "+
	"jimmy joao joel joelle johan johanna john jonathan jordan jorge jose josette joseph josephine josiane joyce juan jules julia julie julien juliette justine kader kamel karim karima karine kelly kenza kevin khadija "+
	"khaled laetitia laura laure laurence laurent laurie lea leila lena leo leon leonie leila liliane lilou lina linda lionel lise lisa loic lola lorenzo lou louis louisa louise loubna luc luca lucas lucette lucie lucien lucienne "+
	"ludivine ludovic luis lydia lydie lyna mael maeva magali malek malika mamadou manon manuel marc marcel marcelle margaux margot marguerite maria mariam marianne marie marina marine mario marion marius marjorie marlene "+
	"martin martine mathieu mathilde mathis matteo matthieu maud maurice max maxence maxime medhi mehdi melanie melissa mia michael michaela michel micheline michele michelle mickael miguel mireille mohamed mohammed momo monique morgan "+
	"morgane mounir mourad moussa muriel myriam nabil nadege nadia nadine nael naima nassim natacha nathalie nathan nelly nicolas nicole nina noa noah noe noel noemie nora nordine nour odette odile olga olivia olivier omar "+
	"ophelie oscar oumar pascal pascale patrice patricia patrick paul paula paulette pauline pedro philippe pierre pierrette quentin rachel rachid rachida raoul raphael raphaelle raymond raymonde rayan rebecca regine regis remi renaud rene renee "+
	"ricardo richard robert roberto robin rodolphe roger roland romain romane rosa rosalie rose roxane ruben ryan sabine sabrina said salim salima salome samia samir samira samuel sandra sandrine sara sarah saida sebastien selim serge severine sheila sid "+
	"sidonie simon simone sofia solange solene sonia sophie soraya souad stella stephane stephanie steve steven suzanne suzy sylvain sylvaine sylvia sylviane sylvie tanguy tania tarik teddy theo therese thibault thibaut thierry thomas tiago timothee tom tony "+
	"tristan valentin valentine valerie vanessa veronique victoire victor victoria vincent violette virginie viviane wassila wendy wilfried william xavier yacine yamina yann yannick yasmine yasmina yoann yohan yolande youssef yves yvette yvon yvonne zahra zineb zoe zohra",
	"abdel abdelkader abdou adama adel adelaide agnieszka aissatou alban albertine alix alphonse ambre americo aminata anaelle anas andreia andrzej angelo anselme antonella",
	"apolline armel armelle auguste augustin augusto ayse beatriz bettina bianca bilal binta blanche bouchra brian capucine celestin celestine cheikh chiara clea clotilde",
	"constance cyprien dany dario demba denys desire desiree diana diego djibril dorothee ebru edmond edmonde edwige eleonore eliette elif eline elsie elvira elyes emeline",
	"emilienne emily emre enrique erika ernest ernestine eugenie ewa ewan fanta fatma faustine ferdinand fernande fethi firmin flora gaspard gaston georgina gerda gilberte",
	"giovanni goncalo gwendoline hafida halim halina hamza hans heinz helder heloise hocine honore houria huguette idriss igor ilan ilona ilyas ingrid irma isabel ismael jack",
	"jadwiga james jamila jasmine jeannette jeannine jenny joaquim jocelyn jocelyne john jonas joris josefa josephe judith juliana kaoutar karen katarzyna kate katia ketty",
	"kilian killian klara kylian lamia lara latifa lauriane leandre lenny leonce leontine leopold leslie leyla liam lidia loane loris louisette lucia lucile ludmila luisa",
	"madeleine malik maelle maelys magalie maimouna maite malo marcelline marcos marguerite mariama mariana marthe mary marylene maryline maryse maryvonne mateo mathias mathilda",
	"mauricette mayeul mehmet melina melvin meriem messaoud milan mirella mirko moustapha mustapha nadia nadja naomi nassima natalia nathanael nelson nicolle nils noella",
	"noelle nolan noura nuno oceane octave odette oksana olena oriane ousmane pablo pacome paloma paolo perrine peter philomene pierrick piotr prisca priscilla prosper prune",
	"rabia rania raul rayane redouane reine rejane roberte rodrigue rolande roman romuald roselyne rosemonde rosette rosine rui sacha saliha salma samantha samba sana sandy",
	"segolene selma sergio severin seydou silvia sixtine sofiane soline susan svetlana sylvestre sylvette tarek tatiana tatienne teresa tess thea theophile thi thibaud",
	"tiphaine titouan tuan ugo ulysse ursule valentina valery vanina vasco violaine vivien vladimir walid wanda warren yael yanis yasin yassine yoan yolaine yusuf yvan zakaria",
	"zelie zohra")
