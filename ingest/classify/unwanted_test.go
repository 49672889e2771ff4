package classify

import (
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"

	"saisine.fr/saisine/ingest"
)

// nearAdvertising are messages of citizens and partners that speak as advertising does, or of
// it. None may be set aside, however sure the model is.
var nearAdvertising = []struct{ subject, text string }{
	{"Compte cantine", "Bonjour, j’ai reçu un mail « votre compte cantine est suspendu, cliquez ici pour confirmer vos coordonnées bancaires ». J’ai cliqué et donné ma carte. Depuis, mon compte famille ne fonctionne plus et la cantine de mon fils n’est pas payée. Comment faire ?"},
	{"Publicité isolation", "Bonjour, voici ce que j’ai trouvé : « isolation à 1 euro, offre limitée, prise en charge par l’État, un conseiller vous rappelle ». Ces gens sont-ils mandatés par la mairie ?"},
	{"Panneaux solaires gratuits", "Panneaux solaires sans rien débourser, étude gratuite, dernières places, rappel sous 24 h par un conseiller : est-ce que c’est vrai ? Merci de votre réponse."},
	{"Newsletter", "Bonjour, le lien se désabonner de la lettre municipale ne marche pas, je continue de recevoir la newsletter chaque semaine alors que j’ai cliqué sur désinscription trois fois."},
	{"Votre site", "Bonjour, votre site n’est pas fait pour payer : j’ai essayé trois fois de payer la cantine, le paiement est refusé et je n’ai pas de reçu. Cliquez vous-même, vous verrez les erreurs."},
	{"Formation CPF", "Un organisme me propose une formation 100 % prise en charge par le CPF, sans reste à charge, inscription en deux clics avant le 30. Le CCAS connaît-il cet organisme ?"},
	{"Prospectus", "Un prospectus avec le logo de la commune propose un diagnostic gratuit et des tarifs préférentiels pour nos toitures, offre valable jusqu’au 31. Est-ce officiel ?"},
	{"Démarchage", "La personne prétend travailler avec la mairie et propose des pompes à chaleur prises en charge, devis gratuit, offre limitée. Pouvez-vous mettre un avertissement sur le panneau lumineux ?"},
	{"Attention aux SMS", "Bonjour à tous, des SMS circulent : « votre colis est bloqué, cliquez sur le lien, frais de douane 1,99 € ». C’est une arnaque, il faudrait prévenir les anciens du bourg."},
	{"Consultation espaces verts", "Madame, Monsieur, en réponse à votre consultation, veuillez trouver notre offre de prix pour la tonte : 4 200 € HT par an, sans engagement au-delà de la première année. Notre société reste à votre disposition."},
	{"Fin de votre contrat copieurs", "Madame, Monsieur, votre contrat de location de copieurs arrive à échéance le 30 juin. Nous vous proposons un rendez-vous pour étudier la suite et une nouvelle gamme, remise de 10 % sur le loyer."},
	{"DETR 2026", "Madame, Monsieur le Maire, la préfecture lance l’appel à projets DETR. Votre commune peut bénéficier d’une prise en charge jusqu’à 40 %. Dossiers à déposer avant le 15, cliquez sur le lien suivant."},
	{"Confirmation", "Nous confirmons votre inscription à la formation des élus « Lire un budget », prise en charge par le DIF élu, le 12 mars en visio. Cliquez sur le lien suivant pour rejoindre la session."},
	{"Marché de Noël", "Bonjour, je suis artisane savonnière et je propose une gamme de savons et des coffrets à partir de 12 €. Quels sont les tarifs pour un emplacement sur le marché de Noël ?"},
	{"Stand", "Producteur de miel installé à Saint-Exemple, je vous propose nos produits : miel, pain d’épices, bougies, dégustation offerte. Comment réserver une place au marché du samedi ?"},
	{"Food-truck", "Bonjour, notre food-truck propose des burgers, à partir de 9 €, formules et desserts maison. Nous cherchons une place le vendredi soir, électricité comprise si possible."},
	{"Vide-grenier", "Notre association organise son vide-grenier le 14 mai : 3 € par mètre, dernières places disponibles, réservez vite ! Merci de l’annoncer sur le panneau lumineux et dans la newsletter."},
	{"Concert", "Concert de la chorale dimanche à 17 h à l’église, à partir de 8 €, gratuit pour les enfants. Réservez vos places, dernières places ! Pouvez-vous relayer l’information ?"},
	{"Loto", "Grand loto du club des aînés samedi : nombreux lots à gagner, bons d’achat, buvette. Places limitées, réservez vite au foyer. Merci d’afficher l’annonce jointe en mairie."},
	{"Estimation", "Agence immobilière du centre : nous avons un acquéreur pour la maison 4 rue des Lilas. Le certificat d’urbanisme et l’absence de préemption sont demandés par le notaire avant le compromis."},
	{"Vente rue Haute", "Notre agence vend un bien cadastré AB 112. Merci de nous transmettre les informations sur l’assainissement ; nous vous proposons un rendez-vous téléphonique, quinze minutes suffisent."},
	{"Babysitting", "Bonjour, étudiante de 19 ans, je propose mes services de baby-sitting le soir, tarif à partir de 9 € par heure, références sur demande. Peut-on mettre une annonce au pôle enfance ?"},
	{"Garde", "Lycéenne sérieuse, diplômée PSC1, propose gardes d’enfants et aide aux devoirs, premier essai gratuit, sans engagement. Où déposer une petite affiche dans le village, s’il vous plaît ?"},
	{"Enquête nationale", "Notre institut réalise une enquête auprès de 800 communes sur la restauration scolaire. Le questionnaire prend dix minutes, cliquez sur le lien suivant, un rapport gratuit vous sera envoyé."},
	{"Sondage", "Nous interrogeons un panel de mairies pour un sondage sur la transition énergétique. Quinze minutes par téléphone, un chargé d’études vous rappelle, sans engagement de votre part."},
	{"Éclairage intercommunal", "Cher collègue, dans mon village nous avons passé l’éclairage public en LED, la facture a baissé de 60 % grâce aux CEE. Notre prestataire vous propose une démonstration si cela t’intéresse."},
	{"Groupement de commandes", "Chère collègue, la communauté de communes propose un groupement pour l’achat de toners et ramettes, tarifs négociés, sans engagement. Réponds avant le 12 si ta mairie participe."},
	{"Appel reçu", "Une société m’a appelé, elle offre un audit gratuit de mon toit et une remise exceptionnelle si je signe sous 48 h. On me dit que la ville est partenaire."},
	{"Visite", "Deux hommes sont venus chez ma mère hier, ils proposent une isolation à 1 euro, prise en charge intégrale, et ont fait signer un papier. Elle a 86 ans et voudrait annuler."},
	{"Colis", "Mon colis, livré par erreur à la mairie selon le livreur, est bloqué au dépôt. On me demande des frais de livraison. Pouvez-vous regarder à l’accueil s’il est là ?"},
	{"Virement", "J’ai fait le virement de la cantine le 3, vos services disent ne pas l’avoir reçu. L’IBAN était-il le bon ? Ci-dessous mes coordonnées bancaires pour le remboursement éventuel."},
	{"Nouveau RIB", "Suite à votre courrier, voici notre nouveau RIB pour le versement de la subvention. Les coordonnées bancaires du club ont changé, merci de les mettre à jour dans votre logiciel."},
	{"Mot de passe oublié", "Bonjour, mot de passe oublié sur le portail famille, le message dit de cliquer sur le lien suivant mais il expire aussitôt. Mon identifiant est bien celui de la rentrée."},
	{"Héritage", "Mon oncle est décédé dans votre commune, je suis l’héritière. Le notaire demande un acte de décès pour l’héritage et le virement des fonds. Comment l’obtenir ?"},
	{"Concession", "Suite à un héritage, nous sommes trois à payer la concession de ma grand-mère, offre de rachat comprise. Le virement est-il possible par chaque héritier ?"},
	{"Photovoltaïque", "Je voudrais poser des panneaux solaires, une société me garantit une prise en charge et un devis gratuit. Faut-il une déclaration préalable et quel délai ?"},
	{"Éclairage", "Monsieur le Maire, nos impôts payent l’éclairage public toute la nuit. Réduisez la facture, passez aux LED, profitez des CEE ! Ma rue est éclairée comme un stade."},
	{"Idée", "Bonjour, en tant que contribuable je pense qu’un site en première page de Google et un meilleur référencement aideraient le tourisme. Les communes équipées en profitent."},
	{"Site de la ville", "Votre site n’apparaît pas quand on cherche la piscine sur Google, le référencement est mauvais et deux liens sont morts. C’est ennuyeux pour les habitants du quartier."},
	{"Vente à domicile", "Un vendeur sonne aux portes rue Pasteur, il offre un aspirateur gratuit contre une démonstration de trente minutes. Est-ce autorisé par un arrêté municipal ?"},
	{"Bénévoles", "Le Secours populaire cherche des bénévoles, formation gratuite, sans engagement, deux heures par semaine. Profitez de la réunion de jeudi pour nous rencontrer à la salle des fêtes."},
	{"Don du sang", "Collecte de sang mercredi de 15 h à 19 h. Prenez rendez-vous en deux clics, collation offerte, places limitées. Merci d’annoncer la date sur le panneau et dans la newsletter."},
	{"Devis demandé", "Comme convenu au téléphone avec vos services techniques, voici le devis pour le portail : 2 480 € HT, remise de 5 % si la commande est passée avant le 30."},
	{"Facture", "Madame, Monsieur, sauf erreur notre facture n° F2026-118 pour le chauffage du gymnase reste due. Merci de procéder au virement sur l’IBAN habituel. Notre société vous remercie."},
	{"Offre de stage", "Étudiant en BTS, je cherche un stage de huit semaines, prise en charge par l’école, sans frais pour la ville. Je maîtrise le référencement et les newsletters."},
	{"Candidature", "Candidature spontanée : jardinier depuis dix ans, je vous propose mes compétences, permis B, disponible de suite. Demandez mes références, une démonstration est possible."},
	{"Théâtre à l’école", "Notre compagnie propose un spectacle sur le tri des déchets pour les écoles, 450 € par séance, déjà 40 communes conquises, extrait vidéo sur demande."},
	{"Professeur", "Je suis professeure de yoga, je propose des cours, premier mois offert, tarifs réduits pour les seniors. À quel service m’adresser pour une salle le mardi ?"},
	{"Ouverture", "Boulangerie installée rue Foch depuis mai, nous offrons un café à la première visite et une remise de 10 % aux agents. Peut-on poser un chevalet sur le trottoir ?"},
	{"Terrasse", "Notre restaurant propose une formule à partir de 14 € et voudrait agrandir sa terrasse jusqu’au 30 septembre. Quels sont les tarifs du domaine public ?"},
	{"Travaux Enedis", "Enedis vous informe d’une coupure d’électricité le 14 pour travaux, secteur des Lilas. Cliquez sur le lien suivant pour suivre l’intervention. Un conseiller vous rappelle sur demande."},
	{"Assemblée", "L’assemblée générale du syndic de la résidence aura lieu le 3. Nous proposons une visite gratuite de la chaufferie et la présentation de nos solutions d’économies d’énergie avec la mairie."},
	{"Escroquerie", "Victime d’une escroquerie au placement, bitcoin garanti, j’ai perdu 4 000 euros. Le conseiller au bout du fil disait appeler de la part de la ville. Qui peut m’aider ?"},
	{"Faux agents", "De faux agents des eaux proposent un diagnostic gratuit et une offre exceptionnelle sur des filtres. Ils sont passés ce matin impasse du Moulin avec une carte tricolore."},
	{"Chaîne", "On m’a envoyé « transmettez ce message à dix contacts, un enfant a disparu ». La police confirme-t-elle ? Si c’est un canular, dites-le sur la page de la ville."},
	{"Annuaire", "Le cabinet d’infirmières a reçu une facture de l’annuaire officiel des professionnels, 890 € HT, avec l’adresse de la mairie. Faut-il payer ?"},
	{"Mutuelle communale", "La réunion sur la mutuelle communale annonçait des tarifs négociés et une prise en charge à 100 %. Où demander le devis gratuit ? Mes parents n’ont pas internet."},
	{"Composteur", "Sur le site il est dit « composteur à prix réduit, -50 %, stocks limités ». Je souhaite en réserver un ; le bouton réservez ne répond pas."},
	{"Voyance", "Des tracts « grand voyant médium, retour de l’être aimé, résultat garanti » jonchent le parvis de la gare et bouchent les avaloirs. Le nettoyage passe-t-il ?"},
	{"Rencontre", "Je cherche un club de rencontre pour retraités, je suis célibataire depuis peu et nouveau ici. Existe-t-il des activités gratuites ou à petit prix ?"},
	{"Emprunt", "Madame, la Caisse des dépôts vous propose un taux de 2 % sur le prêt de 300 000 € de l’école, suite à votre demande. Réponse souhaitée avant le 15, sans engagement."},
	{"Pompes à chaleur du gymnase", "Suite à la visite de l’architecte, notre entreprise vous propose une variante : pompe à chaleur garantie dix ans, 18 900 € HT, certificats d’économies d’énergie déduits."},
	{"Jardin partagé", "Profitez de la distribution de compost offerte samedi au jardin partagé ! Merci de l’annoncer en mairie ; les habitants du quartier demandent aussi un point d’eau."},
	{"Lettre du réseau", "Au sommaire de la lettre n° 14 du conseil départemental : aides aux communes, webinaire gratuit, appel à candidatures. Vous recevez ce message car votre mairie est abonnée. Se désinscrire."},
	{"Téléphone", "Depuis un mois je suis harcelé : « prime énergie, reste à charge zéro, dernières places ». Le standard de la mairie apparaît comme numéro ! Que comptez-vous faire ?"},
	{"Plainte", "La société Toitures Express, vue au marché, a encaissé 3 000 € d’acompte, devis gratuit et remise exceptionnelle promis, puis plus rien. Une plainte est déposée, d’autres sont concernés."},
	{"Conseil", "Bonjour, remise de 40 % si signature sous 48 h, pose gratuite, garantie dix ans : connaissez-vous cette entreprise, et que conseillez-vous à une personne seule ?"},
	{"Ramassage", "Bonjour, catalogue et publicités débordent des boîtes, les livreurs les jettent au sol devant l’immeuble. Offres, promotions, newsletters papier : tout finit dans le caniveau."},
	{"", "Offre de ramonage à prix cassé distribuée dans le quartier, la société Chauff’Net se recommande de vous. Vous confirmez ? Bonne journée. Paul Rigal"},
	{"", "Bonjour, le traiteur retenu pour le repas des aînés nous offre la mise en bouche et garantit le service. Il faut lui répondre oui avant vendredi. Nicole, CCAS"},
	{"", "Le lien de paiement de la crèche expire trop vite, il demande de confirmer votre identifiant et tourne en rond. Problème déjà remonté en mars."},
	{"", "Bonjour, ouverture de notre atelier vélo participatif samedi : diagnostic gratuit, pièces à prix réduit, café offert. Venez nombreux, et si l’affiche pouvait être mise à l’accueil ce serait super."},
	{"", "Gîte des Tilleuls, taxe de séjour : la plateforme dit que le compte sera désactivé si le numéro n’est pas validé sous 48 h. Quel numéro utiliser ? Merci"},
	{"", "La plaquette de la résidence seniors, avec tarifs négociés et premier mois offert, est-elle soutenue par les élus ? Ma tante hésite."},
	{"", "Objet : tonte. Devis gratuit demandé à trois entreprises par le conseil syndical des Peupliers, la moins chère est à 980 € HT. La haie appartient-elle à la ville ou à nous ?"},
	{"", "Nos jeunes vendent des gâteaux pour leur voyage en Italie : à partir de 5 €, commandez vite auprès des terminales, livraison offerte en centre-ville. Peut-on installer une table devant la poste ?"},
	{"", "Monsieur le maire, on reçoit tous les jours des promotions pour des fenêtres à moitié prix. Ne pourrait-on pas interdire ces appels ? C’est insupportable pour les anciens."},
	{"", "Suite de la réunion publique : le promoteur vous propose un programme clé en main, garanti sans nuisance, et offre un square. Les gens du bas sont très remontés, il y aura du monde au prochain conseil."},
	{"", "Bonjour, nouvelle ostéopathe rue du Four depuis le 2. Premier bilan offert aux agents, sans engagement. Est-il possible d’apparaître dans la liste des professionnels du site ?"},
	{"", "Coach sportif diplômé, nous proposons des séances gratuites au parc tous les dimanches, sans engagement. Il nous faudrait votre accord et un accès aux sanitaires."},
	{"", "Gagnants du concours des maisons fleuries : le bon d’achat de 50 € n’est toujours pas arrivé, alors qu’on avait eu les félicitations et la photo. On devait être rappelé."},
	{"", "Cinéma Le Rex : au sommaire du programme de mai, trois avant-premières, tarifs réduits, gratuit pour les écoles. Nous vous proposons une convention pour la saison prochaine."},
	{"", "Votre lettre du 4 parle d’un tarif préférentiel à la piscine pour les familles nombreuses mais la caisse réclame plein pot. Offre valable ou non ? Les enfants étaient déçus."},
	{"", "Bonjour, l’offre de reprise des vélos électriques (aide de 200 €, stocks limités) est terminée ou pas ? Le formulaire se ferme dès que l’on clique sur envoyer."},
	{"", "Une dame du village vient de virer 2 000 euros à un inconnu rencontré sur internet, un soi disant médecin. Elle pleure, que peut faire l’assistante sociale ?"},
	{"", "Le notaire a besoin du certificat pour la maison des Granges, héritage Dupuis, prix de vente 145 000 euros. Merci d’envoyer le document par retour."},
	{"", "Bonjour l’équipe, le catalogue des mobiliers pour le square est arrivé, remise de 15 % jusqu’au 30 sur la gamme choisie par l’élu. Commande à lancer ? Yann, bureau d’études Paysage+"},
	{"", "Notre école de musique ouvre ses inscriptions, premier cours d’essai gratuit, tarifs dégressifs. Un mot dans le prochain bulletin ?"},
	{"", "Rappel : visite de la station d’épuration offerte aux scolaires, démonstration du laboratoire, gratuit, places limitées. Contactez-nous pour le créneau. Régie des eaux"},
	{"", "Madame, la banque alimentaire recherche des partenaires. Profitez de la collecte pour donner : nos équipes se déplacent gratuitement. Contactez-nous."},
	{"", "Maintenance de vos ascenseurs : notre technicien passera mardi à 9 h, prestation prise en charge dans le forfait annuel. Merci de prévoir un accès."},
	{"", "Votre abonnement au logiciel de cantine sera renouvelé le 1er juillet au tarif de 1 250 € HT par an. Notre équipe vous accompagne pour la mise à jour, démonstration des nouveautés en visio."},
	{"", "Le cirque Zavatta arrive ! Tarifs à partir de 10 €, gratuit pour les petits. Nous vous proposons trois dates en juin, il nous faut un terrain plat avec de l’eau."},
	{"", "L’huile de vidange coule du camion de la société qui vend des matelas à prix cassés, offre exceptionnelle, place du champ de foire. Tout le goudron est noir."},
	{"", "Vends table de ping-pong, prix réduit, offre sérieuse. La salle des jeunes serait peut-être intéressée, livraison gratuite par mon fils dans la journée."},
	{"", "Formation aux premiers secours : le groupe de jeunes sapeurs offre une démonstration gratuite le 8, nous intervenons dans les écoles aussi. Qui contacter chez vous ?"},
	{"", "Attention, le site qui vend les cartes grises et se présente en première page Google n’est pas le bon : ma belle-sœur a payé 60 €. Il faudrait le dire sur la page de la ville."},
	{"", "Votre application indique que la boîte à idées est pleine et le compte bloqué. Pourtant l’identifiant est le bon. Un conseiller devait me rappeler lundi."},
	{"", "Lettre aux parents : la photographe scolaire propose la pochette à moitié prix jusqu’au 15, commandez vite sur sa boutique. Des familles trouvent cela agressif, la directrice décline toute responsabilité."},
	{"", "Jeune agricultrice au Mas, paniers de légumes à partir de 12 €, sans engagement, première semaine offerte. Un dépôt devant les écoles le jeudi soir serait idéal, je peux fournir mes statuts."},
	{"", "Bonjour, vos luminaires LED neufs de la place clignotent, garantie de deux ans paraît-il. L’entreprise offre un diagnostic gratuit, autant en profiter. Bien à vous, Karim"},
	{"", "Le plombier envoyé chez Mme Ory réclame 900 euros, devis gratuit mon œil ! Offre spéciale retraités, tu parles. Les anciens de la rue en parlent tous. Réagissez."},
	{"", "Restos du cœur : prise en charge des repas à zéro euro pour les familles, sans aucun frais. Contactez-nous pour vous inscrire ; 120 communes équipées d’un point chaud dans la région."},
	{"", "Votre technicien informatique doit changer notre boîte : compte suspendu, quota atteint, message « validez votre identifiant ». Signé : accueil de l’école Jean Moulin."},
	{"", "Comité de jumelage : vente de chocolats -20 %, livraison offerte dès 30 €, bon pour les cadeaux des agents. Commandez avant le 2, Brigitte tient la liste."},
	{"", "Dépannage demandé : chaudière du presbytère. Notre technicien vous rappelle sous 24 h, diagnostic gratuit pour les clients sous contrat, pièces garanties. Chauffage Morin"},
	{"", "Bonjour, j’ai signé sans réfléchir pour une borne de recharge, cent pour cent prise en charge, sans reste à charge. Le camion bloque le trottoir depuis lundi. Marc Tissot"},
	{"", "Prix réduit à la déchèterie pour les artisans : l’offre valable jusqu’au 31 est refusée par le gardien. Nous perdons du temps et de l’argent. Peinture Lebel"},
	{"", "Tombola de l’école, félicitations aux gagnants ! Le gros lot (un vélo) attend toujours, ticket vert 214. Le propriétaire est prié de passer. À publier sur Facebook svp"},
	{"", "La banque de la régie refuse le virement, IBAN erroné, et le portail demande de valider votre compte en ligne. Quinze familles attendent leur remboursement de classe verte."},
	{"", "Cours de français gratuits pour adultes, sans engagement, places limitées, animés par d’anciens enseignants. Profitez-en et parlez-en autour de vous ! Centre social Les Ormes"},
	{"", "Madame, la fondation offre 40 000 euros pour le toit de la chapelle. Il reste à confirmer votre accord et votre RIB avant le 15 pour débloquer les fonds. Fondation du patrimoine"},
	{"", "Société Durand, travaux de l’école : nous proposons de poser la nouvelle gamme de fenêtres garanties vingt ans, sans surcoût, remise de 3 % conservée. Réponse sous 48 h sinon le planning glisse."},
	{"", "Abonnés à la lettre de la ville, nous recevons tout en double. Se désinscrire renvoie à une page blanche, lire en ligne aussi. Newsletter inutilisable. M. et Mme Sorel"},
	{"", "Cabinet Leroy, géomètres : bornage du chemin des Vignes. Nous vous proposons un rendez-vous sur place, choisissez un créneau en deux clics. La présence d’un élu est souhaitable."},
	{"", "Ma banque dit que le prélèvement de la crèche est suspect, compte bloqué, validez votre opération, cliquez etc. Vrai prélèvement ou pas ?"},
	{"", "Le distributeur de pizzas propose -30 % après minuit, offre spéciale étudiants : tapage, cartons partout, scooters. Nous n’en pouvons plus, rue Carnot."},
	{"", "Atelier numérique pour seniors, formation gratuite prise en charge par les caisses de retraite, sans frais. La salle du premier étage est-elle libre le mardi ? Anne, conseillère numérique"},
	{"", "Super loto des pompiers, plus de 4 000 euros de lots à gagner, places limitées, réservez vite ! Affiche à mettre en vitrine merci les gars"},
	{"", "Nous quittons la maison médicale : notre cabinet propose ses meubles et une table d’examen à moitié prix, livraison offerte. Le centre de santé en aura peut-être l’usage. Dr Faure"},
	{"", "L’entreprise de désherbage passe à la vapeur chez vous : démonstration gratuite mardi dix heures au cimetière, nos techniciens seront trois. Portail à ouvrir. Merci de votre confiance, Sté Vapor"},
	{"", "Avec notre catalogue de prêt, nous proposons aux bibliothèques du réseau quarante expositions gratuites, sans engagement, livraison offerte. Réservez votre créneau. Bibliothèque départementale"},
	{"", "Les panneaux solaires du hangar communal ne produisent rien, garantie dix ans, la société a disparu. Étude gratuite proposée par un confrère, offre valable un mois. Jean-Luc, élu"},
}

// advertisements are offers and frauds in many voices.
var advertisements = []struct{ subject, text string }{
	{"Divisez par deux vos dépenses d’énergie", "Madame, Monsieur, notre société équipe déjà 410 collectivités en chaudières connectées. Profitez d’une étude gratuite et sans engagement. Un conseiller vous rappelle sous 24 h."},
	{"Site web", "Bonjour, nous avons analysé votre site et relevé 31 erreurs. Notre agence vous garantit la première page de Google dès 79 € HT par mois. Répondez OUI pour recevoir le rapport."},
	{"-50 % sur les toners", "Cher client, jusqu’à dimanche, -50 % sur toutes les cartouches compatibles, livraison offerte dès 120 € HT. Commandez vite avec le code ENCRE50, stocks limités. Bureau Malin"},
	{"Webinaire offert", "Et si vos agents gagnaient du temps ? Découvrez nos solutions de gestion du courrier lors d’un webinaire gratuit jeudi à 11 h. Places limitées, inscrivez-vous en un clic."},
	{"Bâches et banderoles", "Promotion de printemps : bâches, kakémonos et drapeaux à prix cassés, maquette offerte. Demandez votre devis gratuit à notre équipe commerciale, livraison en cinq jours partout en France."},
	{"Isolation", "Grâce aux certificats d’économies d’énergie, vos bâtiments isolés à 1 euro ! Programme 100 % financé, sans reste à charge. Plus que 12 places. Contactez-nous vite."},
	{"Félicitations", "Votre adresse a été tirée au sort : vous avez gagné 500 000 euros à la loterie internationale. Pour débloquer le lot, envoyez les frais de dossier et le RIB du bénéficiaire."},
	{"Investissement", "Gagnez 2 500 euros par semaine avec le bitcoin, sans risque, rendement garanti. Ouvrez un accès avec 250 euros et rejoignez le groupe Telegram, les places expirent ce soir."},
	{"Messagerie", "Cher utilisateur, votre messagerie sera suspendue, le quota est atteint. Cliquez sur le lien suivant et confirmez votre identifiant dans les 24 heures, faute de quoi la boîte sera fermée."},
	{"Colis en attente", "Cher client, votre colis est retenu au dépôt. Réglez les frais de livraison de 1,95 € en cliquant sur le lien ci-dessous avant minuit, sinon le paquet sera renvoyé."},
	{"Logiciel", "Bonjour, plus de 300 mairies utilisent notre logiciel de réservation. Je vous propose une démonstration de vingt minutes cette semaine. Quel créneau vous arrange ? Théo, business developer"},
	{"Caméras", "Notre gamme de caméras autonomes est en promotion : deux achetées, la troisième offerte, garantie cinq ans, leasing dès 99 € par mois. Demandez votre devis gratuit."},
	{"Mobilier de bureau", "Déstockage exceptionnel : bureaux, chaises et armoires jusqu’à -45 %, offre réservée aux collectivités, paiement par mandat, livraison franco. Téléchargez notre catalogue et profitez du tarif."},
	{"Newsletter n° 77", "Au sommaire : notre nouvelle balayeuse, le salon des équipements, trois questions à un client. Vous recevez ce message car vous êtes abonné. Lire en ligne. Se désinscrire."},
	{"Formation des élus", "Chers élus, utilisez vos droits à la formation : nos formations en visio sont 100 % financées, sans avance. Dernières places avant le 31, réservez votre session en deux clics."},
	{"Article sponsorisé", "Hello, nous aimerions publier un article sponsorisé de 900 mots sur votre blog avec un lien dofollow. Tarif selon trafic, paiement rapide, contenu garanti unique. Best regards"},
	{"Crédit", "Prêt entre particuliers de 5 000 à 300 000 euros au taux de 2 %, sans justificatif, même interdit bancaire. Offre sérieuse, réponse sous 48 h, écrivez par courriel."},
	{"Your website", "Hello, we can place your website on the first page of Google in 30 days, guaranteed SEO and backlinks at the best price. Contact us for a free audit."},
	{"Goodies", "Stylos, gourdes et tote-bags gravés : à partir de 0,45 € pièce, maquette offerte, livraison express. Profitez de nos tarifs dégressifs avant le 15, catalogue sur simple appel."},
	{"Ombrières", "La loi change : équipez vos parkings d’ombrières photovoltaïques. Nos experts prennent tout en charge, étude gratuite, loyer garanti trente ans. Être rappelé par un conseiller : répondez OUI."},
	{"Bornes de recharge", "Bonjour, notre entreprise installe des bornes clé en main, sans frais, revenus partagés. Déjà 150 communes équipées. Choisissez un créneau de quinze minutes dans l’agenda de Julie, chargée d’affaires."},
	{"Nettoyage", "Prix imbattables sur l’entretien de locaux : notre société de propreté vous propose un devis gratuit et le premier mois offert. Appelez vite notre chargé de clientèle."},
	{"Voyance", "Professeur Bakary, grand voyant médium, résout tous les problèmes : chance au jeu, retour de l’être aimé, protection. Résultat garanti, paiement après résultat, déplacement possible partout."},
	{"Don", "Je suis veuve et malade, sans enfant, et je lègue ma fortune de 1 200 000 euros à une âme généreuse. Envoyez votre RIB au notaire pour débloquer les fonds de cet héritage."},
	{"Illuminations", "Noël se prépare maintenant ! Guirlandes LED, rideaux, traîneaux : 15 % de remise sur notre gamme, location ou achat, pose offerte dès 3 000 €. Offre valable jusqu’au 30 juin."},
	{"Désherbage", "Fini les herbes folles ! Notre désherbeur thermique traite 900 m² à l’heure. Démonstration gratuite, leasing dès 289 € par mois, offre de lancement. Un technicien vous rappelle."},
	{"Annuaire", "L’annuaire national des collectivités met à jour ses fiches. Parution premium pour 690 € HT par an, référencement garanti. Validez vos coordonnées en un clic avant vendredi."},
	{"Défibrillateurs", "Votre parc est-il en règle ? Offre spéciale rentrée : défibrillateur, coffret et maintenance pour 29 € HT par mois, sans engagement. Nos techniciens interviennent partout. Profitez-en !"},
	{"Rencontre", "Coucou, je suis Lena, célibataire, nouvelle dans le coin. Clique pour voir mes photos privées, inscription gratuite, je réponds vite, bisous et à très vite mon cœur."},
	{"Mutuelle d’entreprise", "Réduisez vos cotisations de 30 % : notre cabinet compare les contrats santé pour vos agents, simulation gratuite, sans engagement. Bloquez un rendez-vous téléphonique de dix minutes."},
}

// wrapped breaks text as a mail program does.
func wrapped(text string, width int) string {
	var b strings.Builder
	column := 0
	for _, w := range strings.Fields(text) {
		if column+len(w) > width && column > 0 {
			b.WriteString("\r\n")
			column = 0
		} else if column > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(w)
		column += len(w) + 1
	}
	return b.String()
}

// The rules alone keep every one of these, whatever the model says.
func TestNothingOfACitizenIsSetAside(t *testing.T) {
	if len(nearAdvertising) < 60 {
		t.Fatalf("%d texts", len(nearAdvertising))
	}
	for _, m := range nearAdvertising {
		for shape, text := range map[string]string{
			"as it is": m.text, "wrapped": wrapped(m.text, 30), "wrapped closely": wrapped(m.text, 12), "with no-break spaces": strings.ReplaceAll(m.text, " ", "\u00a0"),
			"with plain apostrophes": strings.ReplaceAll(m.text, "’", "'"), "decomposed": norm.NFD.String(m.text), "loud": strings.ToUpper(m.text), "with no subject": m.text,
		} {
			subject := m.subject
			if shape == "with no subject" {
				subject = ""
			}
			if marks := unwantedMarks(mailed, ingest.Reading{Subject: subject, Text: text}, nil); marks != nil {
				t.Errorf("%s, %s: may be set aside for %q", m.subject, shape, marks)
			}
		}
	}
}

// An advertisement may be set aside in whatever shape it comes, but not where its place or
// company says that somebody may want something.
func TestAdvertisementsMayBeSetAside(t *testing.T) {
	aside := 0
	for _, m := range advertisements {
		marks := unwantedMarks(mailed, ingest.Reading{Subject: m.subject, Text: m.text}, nil)
		if marks == nil {
			text := plain(m.subject + ". " + m.text)
			marks, _ := offers(text)
			t.Logf("%s: kept, marks %q, veto %v", m.subject, marks, wanted(text))
			continue
		}
		aside++
		for shape, text := range map[string]string{
			"wrapped": wrapped(m.text, 30), "with no-break spaces": strings.ReplaceAll(m.text, " ", "\u202f"), "decomposed": norm.NFD.String(m.text), "loud": strings.ToUpper(m.text),
		} {
			if unwantedMarks(mailed, ingest.Reading{Subject: m.subject, Text: text}, nil) == nil {
				t.Errorf("%s, %s: kept", m.subject, shape)
			}
		}
	}
	if n := len(advertisements); n < 25 || float64(aside) < 0.85*float64(n) {
		t.Errorf("%d of %d advertisements may be set aside, want 85 %%", aside, n)
	}
	ad := ingest.Reading{Subject: advertisements[0].subject, Text: advertisements[0].text}
	with := func(change func(*ingest.Reading)) ingest.Reading {
		r := ad
		change(&r)
		return r
	}
	for name, r := range map[string]ingest.Reading{
		"answers":        with(func(r *ingest.Reading) { r.InReplyTo = []string{"x@y"} }),
		"is of a thread": with(func(r *ingest.Reading) { r.References = []string{"x@y"} }),
		"is passed on":   with(func(r *ingest.Reading) { r.Subject, r.OwnText = "Fwd: "+r.Subject, "Pour traitement." }),
		"is passed on inside": with(func(r *ingest.Reading) {
			r.OwnText = "Vu."
			r.Text = "Vu.\n-------- Message transféré --------\n" + r.Text
		}),
		"is quoted":          with(func(r *ingest.Reading) { r.Text = "Pour info.\n> " + r.Text }),
		"has a headed quote": with(func(r *ingest.Reading) { r.Text = "Pour info.\nDe : Promo <promo@vente.example>\n" + r.Text }),
		"has a document": with(func(r *ingest.Reading) {
			r.Attachments = []ingest.Attachment{{Name: "a.docx", Type: "application/vnd.openxmlformats-officedocument.wordprocessingml.document"}}
		}),
		"names a request":      with(func(r *ingest.Reading) { r.Text += " Dossier 2026-000123." }),
		"chose a category":     with(func(r *ingest.Reading) { r.Category = "finances" }),
		"comes from the State": with(func(r *ingest.Reading) { r.From.Email = "Pref <pref-detr@loire.gouv.fr>" }),
		"comes from a town":    with(func(r *ingest.Reading) { r.From.Email = "accueil@mairie-voisine.fr" }),
		"comes from a school":  with(func(r *ingest.Reading) { r.From.Email = "ce.0420001x@ac-lyon.fr" }),
		"links to the State":   with(func(r *ingest.Reading) { r.Text += " https://www.loire.gouv.fr/detr" }),
		"is short":             {Subject: "Devis gratuit", Text: "Offre limitée, devis gratuit, sans engagement."},
		"is too long to read":  with(func(r *ingest.Reading) { r.Text = strings.Repeat(r.Text+" ", 1+longestUnwanted/len(r.Text)) }),
	} {
		if marks := unwantedMarks(mailed, r, nil); marks != nil {
			t.Errorf("an advertisement that %s: may be set aside for %q", name, marks)
		}
	}
	if unwantedMarks(mailed, with(func(r *ingest.Reading) { r.From.Email = "offres@promo-mairies.example" }), nil) == nil {
		t.Error("a seller's domain saves it")
	}
	for channel, may := range map[ingest.Channel]bool{ingest.ChannelAPI: true, ingest.ChannelWebform: true, ingest.ChannelScan: false, ingest.ChannelPhone: false, ingest.ChannelCounter: false} {
		if got := unwantedMarks(ingest.Record{Channel: channel}, ad, nil) != nil; got != may {
			t.Errorf("by %s: %v, want %v", channel, got, may)
		}
	}
	if unwantedMarks(mailed, ad, []evidence{{}, {score: 1}}) != nil {
		t.Error("a named rule does not save it")
	}
}

func TestPlain(t *testing.T) {
	for text, want := range map[string]string{
		"":                                       "",
		"  L’ÉTÉ\r\n à\u00a0l'œuvre ":            "l'ete a l'oeuvre",
		"-60\u202f% e\u0301te\u0301":             "-60 % ete",
		"−60 % – vrai\u00adment\u200b":           "-60 % - vraiment",
		"voir https://a.b/c?d=mairie et x@y.fr,": "voir et",
		"www.detr.loire.gouv.fr/a":               ".gouv.fr",
		"\ufb01n … ?":                            "fin ... ?",
	} {
		if got := plain(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestAsksTheTown(t *testing.T) {
	for text, want := range map[string]bool{
		"Est-ce que c’est vrai ?":                          true,
		"La police est au\ncourant ?":                      true,
		"M. Duval a-t-il l’accord de la mairie ?":          true,
		"Offre valable à la mairie. Intéressé ?":           false,
		"Monsieur le Maire, vos luminaires vous ruinent ?": false,
		"Saviez-vous que 82 % des communes paient trop ?":  false,
		"Une démo ? La mairie de Dol nous fait confiance.": false,
		"https://vente.example/?src=mairie Voulez-vous ?":  false,
		"la commune": false,
		"Vous voulez ? Oui ! Et la ville, qu’en pense-t-elle ?": true,
	} {
		if got := asksTheTown(plain(text)); got != want {
			t.Errorf("%q: got %v", text, got)
		}
	}
}

// A question about somebody else's offer is a citizen's, with no other word of one.
func TestQuestionsAreKept(t *testing.T) {
	ad := "Offre exceptionnelle, devis gratuit, sans engagement, reste à charge zéro, profitez vite, un conseiller vous rappelle, places limitées. "
	for text, want := range map[string]bool{
		ad + "La mairie est-elle d’accord ?": true, ad + "Sérieux\nou non ?": true, ad + "Et le CCAS ?": true,
		ad: false, ad + "Intéressé ?": false, ad + "La mairie de Dol nous a choisis. Intéressé ?": false,
	} {
		if got := unwantedMarks(mailed, ingest.Reading{Text: text}, nil) == nil; got != want {
			t.Errorf("%q: kept %v", text[len(ad):], got)
		}
	}
}

// What decides over a message must not take long, whatever a stranger sends.
func BenchmarkUnwantedMarks(b *testing.B) {
	text := strings.Repeat(advertisements[22].text+" ", 1+longestUnwanted/len(advertisements[22].text))[:longestUnwanted]
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		unwantedMarks(mailed, ingest.Reading{Text: text}, nil)
	}
}

func TestPublicSender(t *testing.T) {
	for address, want := range map[string]bool{
		"a@loire.gouv.fr": true, "A <a@DGFIP.Finances.GOUV.FR>": true, "a@mairie-dol.fr": true, "a@ville-dol.fr": true, "a@cc-pays.fr": true, "ce@ac-lyon.fr": true, "a@cdg35.fr": true,
		"a@sdis42.fr": true, "a@club.asso.fr": true, "a@caf.fr": true,
		"": false, "a@gouv.fr.example": false, "a@fauxgouv.fr": false, "a@led-mairies.example": false, "a@accueil.fr": false, "a@grandprix.fr": false, "a@xcaf.fr": false,
	} {
		if got := publicSender(address); got != want {
			t.Errorf("%q: got %v", address, got)
		}
	}
}

func FuzzPlain(f *testing.F) {
	for _, m := range nearAdvertising[:3] {
		f.Add(m.text)
	}
	f.Add("De : x@y\xff\n> \u00ad?")
	f.Fuzz(func(t *testing.T, text string) {
		once := plain(text)
		if strings.ContainsAny(once, "\n\u00a0\u202f") || strings.Contains(once, "  ") {
			t.Errorf("%q: spaces are left", once)
		}
		wanted(once)
		unwantedMarks(mailed, ingest.Reading{Subject: text, Text: text}, nil)
	})
}
