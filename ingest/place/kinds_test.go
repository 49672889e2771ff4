package place

import "testing"

// TestFindKinds has a table per kind of place that other rules once lost, in towns of many regions.
func TestFindKinds(t *testing.T) {
	type row struct {
		subject, text, address string
		want                   string // Place.Text, or "" for none
	}
	kinds := map[string][]row{
		"number apart from the street": {
			{text: "Échafaudage prévu rue Ar-Gorréquer au droit du n° 14 pour un ravalement, du 2 au 9.", want: "14 rue Ar-Gorréquer"},
			{text: "Les poubelles débordent au 8 de la rue Ihartze.", want: "8 rue Ihartze"},
			{text: "Ma belle-sœur a glissé devant le 23, dans la Hoffgass, les pavés bougent.", want: "23 Hoffgass"},
			{text: "Chemin Bois-Joli : le fil pend entre les numéros 4 et 8, c'est dangereux.", want: "4-8 chemin Bois-Joli"},
			{text: "Une benne occupe deux places à la hauteur du 6, rue Surcouf.", want: "6 rue Surcouf"},
			{text: "Une remise de 40 pour cent est affichée rue Surcouf, le panneau gêne.", want: "rue Surcouf"},
		},
		"part of a public place": {
			{text: "La chaudière est en panne dans les vestiaires du stade Yves-Allainmat.", want: "vestiaires du stade Yves-Allainmat"},
			{text: "Des tuiles sont tombées sous le préau de l'école Ikas-Bidea.", want: "sous le préau de l'école Ikas-Bidea"},
			{text: "Il pleut dans la salle 4, collège Félix-Éboué, depuis le cyclone.", want: "collège Félix-Éboué, salle 4"},
			{text: "Le bureau n° 12, école du Neuhof, n'a pas de rampe, je ne peux pas voter.", want: "école du Neuhof, bureau n° 12"},
			{text: "Gymnase Kergroës, tribune nord : un siège est cassé.", want: "gymnase Kergroës, tribune nord"},
			{text: "Impossible d'ouvrir le portail du fond au cimetière Saint-Louis, la serrure est cassée.", want: "cimetière Saint-Louis, portail du fond"},
			{text: "La fuite du clocher de l'église continue.", want: "clocher de l'église"},
			{text: "Les gradins du fronton Ospital sont fissurés.", want: "gradins du fronton Ospital"},
		},
		"name behind an adjective": {
			{text: "L'eau est coupée au nouveau cimetière de Kerfautras, les arrosoirs sont vides.", want: "nouveau cimetière de Kerfautras"},
			{text: "Pourquoi le centre aquatique Alberdi ferme-t-il à midi ?", want: "centre aquatique Alberdi"},
			{text: "Comment obtenir un lopin aux jardins ouvriers du Wacken ?", want: "jardins ouvriers du Wacken"},
			{text: "Le caniveau est bouché près du mur sud, au cimetière.", want: "près du mur sud"},
		},
		"named ground": {
			{text: "Un hangar sur la plaine des Palmistes ? Nous n'en voulons pas.", want: "plaine des Palmistes"},
			{text: "Des carcasses brûlent à la ravine Blanche depuis hier.", want: "ravine Blanche"},
			{text: "Un arbre est couché en travers, lande de Kerhoën.", want: "lande de Kerhoën"},
			{text: "Le garde-corps de la jetée Alba est cassé.", want: "jetée Alba"},
		},
		"said to be the place": {
			{text: "Mon fils n'a pas eu son repas sans porc. C'est l'école Pablo-Neruda, en CE2. Merci.", want: "école Pablo-Neruda"},
			{text: "Bonjour, je me permets de vous écrire parce que ma femme et moi, qui sommes arrivés ici il y a deux ans avec nos trois petits, n'avons " +
				"toujours pas compris pourquoi les horaires de l'après-midi ont changé sans que personne nous en parle. Notre aînée finit désormais " +
				"une demi-heure plus tôt que son frère, et nous devons attendre avec le dernier, qui n'a que deux ans et qui s'impatiente. C'est l'école " +
				"Pablo-Neruda. Pourriez-vous nous dire qui a décidé cela et à qui nous pouvons en parler ? D'avance merci.", want: "école Pablo-Neruda"},
			{text: "Ma demande concerne le parc de Brimborion, où la balançoire grince.", want: "parc de Brimborion"},
		},
		"the subject names the kind, the text which": {
			{subject: "piscine municipale horaires", text: "Bonjour, pourquoi le centre nautique Ty-Dour ferme à 17 h ? Merci.", want: "centre nautique Ty-Dour"},
			{subject: "École", text: "Les stores de l'école Bourtzwiller-Sud sont cassés.", want: "école Bourtzwiller-Sud"},
		},
		"place within a residence": {
			{text: "Conseil syndical de la résidence Beg-Avel\n4 rue du Phare\n29999 Ville\n\nObjet : occupation du hall du bâtiment D\n\nMonsieur le Maire,\n\nDes inconnus occupent chaque soir notre hall et laissent leurs ordures dans l'escalier commun.\n\nSalutations", want: "hall du bâtiment D, résidence Beg-Avel"},
			{text: "Des rats dans le local à poubelles, résidence Mendi-Alde, tous les soirs.", want: "résidence Mendi-Alde"},
		},
		"grave": {
			{subject: "Dernière place du caveau Kermorgant", text: "Nous souhaitons consulter le registre avant toute ouverture.", want: "caveau Kermorgant"},
			{text: "Les ronces gagnent, tout au bout, jusqu'au carré des anciens combattants.", want: "carré des anciens combattants"},
		},
		"home of a form": {
			{text: "Nous partons trois semaines. Pouvez-vous surveiller la maison ?", address: "5 hent ar Roz, 29999 Ville", want: "5 hent ar Roz"},
			{subject: "Piscine 5 x 10", text: "Nous voulons creuser un bassin de 50 m². La parcelle est en zone bleue, faut-il un permis ?", address: "12 chemin Etxeberria, 64999 Ville", want: "12 chemin Etxeberria"},
			{text: "La maison est vendue, il faut le contrôle de la fosse. Qui passe ?", address: "Les Trois-Bassins, 97499 Ville", want: "Les Trois-Bassins"},
			{text: "Mon T3 est au 4e sans ascenseur et je suis opérée du genou.", address: "résidence Kehlermann, bât. C", want: "résidence Kehlermann, bât. C"},
			{text: "L'eau entre devant chez moi au 12 rue Foch à chaque orage.", address: "Les Trois-Bassins, 97499 Ville", want: "12 rue Foch"},
			{text: "Mon dernier relevé annonce 300 m³ et ma consommation est de 40, je conteste la facture.", address: "3 rue Surcouf", want: "3 rue Surcouf"},
		},
		"no home of a form": {
			{text: "Je vous envoie mon relevé de notes.", address: "3 rue Surcouf"},
			{text: "Je joins mon relevé de notes et mon CV pour un stage.", address: "3 rue Surcouf"},
			{text: "Nous aimerions un stand au forum, avec une grille d'exposition, et déposer les statuts de l'association.", address: "3 rue Surcouf"},
			{text: "La maison d'enfants cherche des bénévoles, à qui écrire ?", address: "3 rue Surcouf"},
			{text: "Nous ne pouvons plus payer le loyer et EDF a coupé hier.", address: "3 rue Surcouf"},
		},
		"no place of the town": {
			{text: "Ma mère est en maison de repos à Quimper et voudrait voter par procuration."},
			{text: "Je cherche une assistante maternelle du côté de la gare."},
			{text: "Je voudrais une piscine, quelles sont les démarches ?"},
			{text: "Il reste une place en crèche pour septembre ?"},
		},
		"a project's name is no garden": {
			{subject: "Candidature au programme Les Jardins d'Ilargi", text: "L'immeuble annoncé quai Ibarra nous plaît.", want: "quai Ibarra"},
			{text: "Bonjour\nLa Poste du Bourg-Neuf est fermée, la porte est cassée", want: "poste du Bourg-Neuf"},
			{text: "Le programme Les Jardins d'Ilargi, annoncé quai Ibarra, nous plaît.", want: "quai Ibarra"},
		},
		"plot and cemetery": {
			{text: "Je renouvelle la concession de mon époux, carré B, rang 4, au cimetière Ti-Mad.", want: "cimetière Ti-Mad, carré B, rang 4"},
			{text: "La tombe de mes parents, allée 4, n° 27 du cimetière Zubiburu, est abîmée.", want: "cimetière Zubiburu, allée 4, n° 27"},
		},
		"numbered place": {
			{text: "La porte de l'écluse n° 12 laisse passer l'eau.", want: "écluse n° 12"},
			{text: "L'animal mort est sur la D 918 depuis hier.", want: "D 918"},
		},
		"way of the prose": {
			{text: "Un arbre penche au-dessus de la route au quartier Urkudoi.", want: "quartier Urkudoi"},
			{text: "Des chats vivent dans la cour de l'ancienne minoterie, quai Duguay.", want: "quai Duguay"},
		},
		"far away": {
			{text: "J'ai travaillé dix ans à l'hôpital de Wissembourg et je cherche un emploi."},
			{text: "Ma fille est née à la maternité de Lorient, faut-il la déclarer ?"},
		},
		"the one of the town": {
			{text: "Le wifi de la médiathèque ne marche plus.", want: "médiathèque"},
			{text: "La médiathèque prête-t-elle des partitions ?"},
		},
		"address of the country": {
			{text: "Denise Lacroix\nMorne-Rouge\n97199 Ville\n\nMonsieur le Maire,\n\nLe fossé qui passe devant ma porte n'a pas été curé depuis trois ans et l'eau entre dans la grange.\n\nSalutations\nD. Lacroix", want: "Morne-Rouge"},
			{text: "Denise Lacroix\nMorne-Rouge\n97199 Ville\n\nMonsieur le Maire,\n\nJe vous remercie du colis que vous m'avez fait livrer pour les fêtes de fin d'année.\n\nSalutations\nD. Lacroix"},
			{text: "Le compteur est bloqué, envoyez quelqu'un.", address: "BP 12, 97199 Ville"},
		},
		"whose address": {
			{text: "10h20 Mme Le Goff, cabinet d'expertise, 02 99 00 11 22. Dégât dans la cave de M. Riou (rue Penhoat). Demande le numéro de police.", want: "rue Penhoat"},
			{text: "10h20 Mme Le Goff, cabinet d'expertise. Dossier de M. Riou (rue Penhoat). Demande un certificat et la date du conseil.", want: "rue Penhoat"},
			{text: "M. Riou, 3 rue Penhoat, demande un livret de famille."},
		},
		"landmark that bears the matter": {
			{text: "Notre chorale voudrait chanter au kiosque de la place Broglie, le 14.", want: "kiosque de la place Broglie"},
			{text: "Peut-on vendre du miel sur le marché de la place Gutenberg ?", want: "marché de la place Gutenberg"},
			{text: "Le panier du city-stade de la cité des Tisserands est tordu.", want: "city-stade de la cité des Tisserands"},
			{text: "Des insultes sont taguées sur le mur du collège Adrien-Zeller, côté rue Vauban.", want: "rue Vauban, mur du collège Adrien-Zeller"},
			{text: "Il a mangé des noix à la cantine du groupe Simone-Veil, prévenez la cuisine.", want: "cantine du groupe Simone-Veil"},
			{text: "Les trains ne s'arrêtent plus à la halte de Bourg-Neuf, des gens dorment dessous.", want: "halte de Bourg-Neuf"},
			{text: "La piste s'arrête sous le pont SNCF de la halte de Bourg-Neuf.", want: "sous le pont SNCF de la halte de Bourg-Neuf"},
			{text: "Des sacs traînent derrière les garages de la cité Kléber.", want: "derrière les garages de la cité Kléber"},
			{text: "On m'a embouti samedi vers 11 h, parking de la gare centrale. La caméra a dû filmer.", want: "parking de la gare centrale"},
			{text: "Des nids gros comme le poing dans les pins derrière l'école des Tilleuls.", want: "pins derrière l'école des Tilleuls"},
			{text: "Les ronces gagnent le sentier piéton qui longe l'Andlau derrière le gymnase Kuhn.", want: "sentier piéton derrière le gymnase Kuhn"},
			{text: "Des nids gros comme le poing derrière l'école, c'est dangereux.", want: "derrière l'école"},
			{text: "Un trou s'est ouvert devant la pharmacie de la place Broglie.", want: "place Broglie, devant la pharmacie"},
			{text: "Peut-on disperser au jardin du souvenir du cimetière Sud ?", want: "jardin du souvenir du cimetière Sud"},
			{text: "Peut-on se marier à la mairie annexe de Bourg-Neuf ?", want: "mairie annexe de Bourg-Neuf"},
			{subject: "Parcelle au Wacken", text: "Je souhaite cultiver un carré aux jardins ouvriers du Wacken.", want: "jardins ouvriers du Wacken"},
			{text: "Le magasin de sport rue Kuhn encombre le trottoir de ses vélos.", want: "rue Kuhn, magasin de sport"},
			{text: "Le robinet près du monument aux morts est à sec. Cimetière de Bourg-Neuf.", want: "près du monument aux morts, cimetière de Bourg-Neuf"},
		},
		"quarter beside": {
			{text: "Le pré de ma tante, lieu-dit An der Halde, à Altdorf, est-il constructible ?", want: "lieu-dit An der Halde, Altdorf"},
			{text: "Le car ne passe plus à Haut-Breuil devant l'abribus de la fontaine.", want: "devant l'abribus de la fontaine, Haut-Breuil"},
			{text: "La Kirchgass est verglacée, on tombe.\n\nSalutations\n\nAnne Muller\n2 Kirchgass, Altdorf\n67999 Ville", want: "Kirchgass, Altdorf"},
			{text: "Un trou profond s'est ouvert rue Haute, Paul.", want: "rue Haute"},
			{text: "Un trou profond s'est ouvert rue Haute, Monsieur le Maire.", want: "rue Haute"},
		},
		"door of a residence": {
			{text: "La voisine du 3e, résidence Les Bleuets, entrée 4, n'ouvre plus ses volets.", want: "résidence Les Bleuets, entrée 4"},
			{text: "Des rats partout, résidence Les Bleuets, bât. C, porte 12.", want: "résidence Les Bleuets, bât. C, porte 12"},
		},
		"between two places": {
			{text: "J'ai perdu ma broche quelque part entre l'église Saint-Georges et la salle Kuhn, dimanche.", want: "entre l'église Saint-Georges et la salle Kuhn"},
			{text: "Plus de lumière entre la gare et la rue Kléber.", want: "entre la gare et la rue Kléber"},
			{text: "Plus de lumière sur l'escalier qui monte de la gare à la rue Kléber.", want: "escalier de la gare à la rue Kléber"},
			{text: "Un trou s'ouvre entre le 4 et le 8 de la rue Kléber.", want: "4-8 rue Kléber"},
		},
		"german names": {
			{text: "Un poteau penche au 4 Rebweg depuis hier.", want: "4 Rebweg"},
			{text: "La Hauptstrooss est pleine de boue.", want: "Hauptstrooss"},
			{text: "Un trou énorme Am Kirchberg, devant la fontaine.", want: "Am Kirchberg, devant la fontaine"},
			{text: "Des gravats sont jetés auf der Halde depuis lundi.", want: "auf der Halde"},
			{text: "Mme Weber, 7 Mühlweg, signale des rats dans la cave.", want: "7 Mühlweg"},
		},
		"door in a letter head": {
			{text: "Anne Ba\nRésidence Les Bleuets\nEntrée C – porte 31\n67999 Ville\n\nMonsieur le Maire,\n\nDe la moisissure couvre ma chambre et mon plafond depuis l'hiver.\n\nSalutations\nA. Ba", want: "résidence Les Bleuets, entrée C, porte 31"},
		},
		"thing with its own number": {
			{text: "Au pied du poteau n° 0512, square Kuhn, les fils pendent.", want: "square Kuhn, poteau n° 0512"},
			{subject: "DIA parcelle AB 34", text: "La déclaration pour le pavillon du 9 chemin du Galgenberg est restée sans réponse.", want: "9 chemin du Galgenberg, parcelle AB 34"},
			{text: "Famille OZDEN\nrue Kuhn n° 50\n67999 Ville\n\nMonsieur Madame bonjour,\n\nDans la cave de nous monte une eau noire par le trou du sol, odeur mauvaise.\n\nMerci", want: "50 rue Kuhn"},
		},
		"site at somebody's": {
			{text: "SARL TOITS DU RIED\n3 rue Kuhn\n67999 Ville\n\nBonjour,\nDébut de chantier lundi, durée cinq semaines, chez Mme Roth, 21 rue Kléber, avec une benne à gravats sur la chaussée.\nLe gérant", want: "21 rue Kléber"},
		},
		"told in passing": {
			{text: "Ma mère est née chez vous en 1940, cité des Tisserands à l'époque. Il me faut un extrait."},
			{text: "Mon père, né en mars 1940 rue Kuhn, demande un extrait pour sa retraite."},
			{text: "Ma famille vivait cité des Tisserands à l'époque. Il me faut un extrait."},
			{text: "Mon portail est bloqué chaque matin par une voiture.\n\nSalutations\nR. Martin"},
			{text: "Vous aviez promis, à la salle des Meuniers, un médecin de plus. Qu'avez-vous fait ?"},
			{text: "Bonjour, je suis en 3e au collège Adrien-Zeller et je cherche un stage au garage en décembre."},
			{text: "Mon grand-père a été baptisé à l'église Saint-Georges en 1920, qu'en disent les archives ?"},
			{text: "Nous nous sommes mariés à la mairie annexe de Bourg-Neuf en 1985, il me faut l'acte."},
			{text: "À la rentrée ma fille quitte l'école Kuhn pour le privé, faut-il un certificat ?"},
			{text: "Je suis aide-soignante à l'hôpital Civil et je cherche une place en crèche pour avril."},
			{text: "J'ai travaillé six ans à la cantine du collège Adrien-Zeller, voici mon CV."},
			{text: "Je demande le rapport d'analyse des offres relatif à la passerelle de l'Andlau."},
			{text: "Je cherche la délibération sur la cession de la maison des Meuniers."},
			{text: "Merci de verser sur le nouveau compte bancaire la retenue de garantie concernant la toiture de l'école Kuhn."},
			{text: "Je donnerais volontiers ces plaques de verre au musée de la Forge. Viendriez-vous les voir ?"},
			{subject: "question piscine et ma carte", text: "J'ai acheté une carte en juin, la prolongez-vous ou la remboursez-vous ?"},
			{text: "Avez-vous un jardin du souvenir, et faut-il une autorisation ?"},
			{text: "Je vous prie de noter mon changement de compte.\n\nSalutations\nR. Martin"},
			{text: "Le préau du collège Adrien-Zeller fuit, nous n'en pouvons plus.", want: "préau du collège Adrien-Zeller"},
			{text: "Ma fille, née le 2 mai, entre en CP à l'école Kuhn.", want: "école Kuhn"},
			{text: "Nous emménageons en août, cité des Tisserands, avec deux enfants scolarisés ailleurs. Comment les faire accepter, avec quels vaccins ?"},
		},
		"the address of a form is not always the place": {
			{text: "Mes voisins ont reçu leur carte, pas moi. J'ai fait la démarche sur le site du gouvernement quand j'ai déménagé.", address: "3 rue Surcouf"},
			{text: "Trois livres sont en retard et l'automate me bloque. À combien est l'amende, puis-je déposer dans la boîte ?", address: "3 rue Surcouf"},
			{text: "Marbrier, nous posons mardi un caveau en granit. Confirmez l'accès du camion-grue.", address: "3 rue Surcouf"},
			{text: "J'ai eu mon bac et je veux bosser cet été : ramasser, peindre, porter.", address: "3 rue Surcouf"},
			{text: "Nous partons trois semaines. La maison sera vide, pourriez-vous passer ?", address: "3 rue Surcouf", want: "3 rue Surcouf"},
			{text: "Le gris des volets est refusé. Faut-il compléter le dossier DP 67 24 00012 ?", address: "3 rue Surcouf, Vieux-Bourg", want: "3 rue Surcouf, Vieux-Bourg"},
		},
	}
	for kind, rows := range kinds {
		t.Run(kind, func(t *testing.T) {
			for _, r := range rows {
				p, ok := Find(r.text, r.subject, Options{Address: r.address})
				if ok != (r.want != "") || p.Text != r.want {
					t.Errorf("%q %q:\n got %q\nwant %q", r.subject, r.text, p.Text, r.want)
				}
			}
		})
	}
}
