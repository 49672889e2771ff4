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
			{text: "Mon T3 est au 4e sans ascenseur et je suis opérée du genou.", address: "résidence Kehlermann, bât. C", want: "résidence Kehlermann"},
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
