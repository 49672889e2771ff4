package place

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// TestFind has texts in the manners of many writers, with names of other towns.
func TestFind(t *testing.T) {
	tests := []struct {
		name, subject, text string
		want                Place // Text is checked where it is set; Number, Street, Cross always; Landmark where set
	}{
		// Streets and numbers.
		{"number first", "", "Un nid-de-poule s'est formé au 14 rue Jean-Jaurès.", Place{Number: "14", Street: "rue Jean-Jaurès", Text: "14 rue Jean-Jaurès"}},
		{"comma", "", "Un sac éventré traîne devant le 7 bis, allée des Hortensias depuis lundi.", Place{Number: "7 bis", Street: "allée des Hortensias"}},
		{"suffix letter", "", "Fuite d'eau au 12B rue de Bretagne", Place{Number: "12 B", Street: "rue de Bretagne"}},
		{"number behind", "", "Tags sur la façade, rue Kervégan 44.", Place{Number: "44", Street: "rue Kervégan"}},
		{"number behind with sign", "", "Le trottoir est affaissé rue de la Soif, n° 9.", Place{Number: "9", Street: "rue de la Soif"}},
		{"number apart", "", "La rue Ar-Men est défoncée. J'ai cassé un amortisseur devant le 33 hier.", Place{Number: "33", Street: "rue Ar-Men"}},
		{"number apart before", "", "À hauteur du n° 12 le trottoir de la rue des Quatre-Fils est effondré.", Place{Number: "12", Street: "rue des Quatre-Fils"}},
		{"of the street", "", "Devant le numéro 18 de la rue Étienne-Pellet, une plaque d'égout claque.", Place{Number: "18", Street: "rue Étienne-Pellet"}},
		{"stretch", "", "Plus d'éclairage entre le 22 et le 30 de la rue Sainte-Barbe.", Place{Number: "22-30", Street: "rue Sainte-Barbe"}},
		{"stretch with signs", "", "Stationnement gênant rue du Port, du n°3 au n°11, tous les soirs.", Place{Number: "3-11", Street: "rue du Port"}},
		{"lamp number is none", "", "Le lampadaire n° 312 avenue Winston-Churchill clignote.", Place{Street: "avenue Winston-Churchill"}},
		{"time is none", "", "Tapage tous les soirs rue Nationale, 23 h passées.", Place{Street: "rue Nationale"}},
		{"date name", "", "Trou sur la chaussée Rue du 11 Novembre 1918, près du lavoir.", Place{Street: "rue du 11 Novembre 1918", Landmark: "près du lavoir"}},
		{"date name small", "", "panneau couché au 5 rue du 8 mai 1945 depuis hier", Place{Number: "5", Street: "rue du 8 mai 1945"}},
		{"number name", "", "Dépôt sauvage chemin des 3 Fontaines.", Place{Street: "chemin des 3 Fontaines"}},
		{"general", "", "Le feu de l'avenue du Général de Gaulle est en panne.", Place{Street: "avenue du Général de Gaulle"}},
		{"abbreviations", "", "voiture ventouse Bd Mal Foch", Place{Street: "Bd Mal Foch"}},
		{"abbreviation with stop", "", "Bac brûlé 3 av. de l'Europe", Place{Number: "3", Street: "av. de l'Europe"}},
		{"r with stop", "", "sacs poubelles 8 r. du Puits", Place{Number: "8", Street: "r. du Puits"}},
		{"pond path", "", "Chemin de l'Étang du Moulin : arbre tombé en travers.", Place{Street: "chemin de l'Étang du Moulin"}},
		{"small letters", "", "ya un trou rue des lilas ca fait 3 semaines", Place{Street: "rue des lilas"}},
		{"small long name", "", "arbre couché chemin de l'étang du moulin, on passe plus", Place{Street: "chemin de l'étang du moulin"}},
		{"capitals", "", "LAMPADAIRE EN PANNE DEVANT LE 6 RUE DE L'ABBAYE. MERCI", Place{Number: "6", Street: "rue de l'Abbaye"}},
		{"capitals end the name", "", "GROS TROU RUE DES LILAS CAUSE TRAVAUX GAZ", Place{Street: "rue des Lilas"}},
		{"date behind", "", "Grosse fuite rue Nationale, 12/05, à 8h.", Place{Street: "rue Nationale"}},
		{"high street", "", "Des pavés descellés Grand'Rue, devant la boulangerie.", Place{Street: "Grand'Rue", Landmark: "devant la boulangerie"}},
		{"grande rue", "", "Crottes de chien tout le long de la Grande Rue.", Place{Street: "Grande Rue"}},
		{"department road", "", "Le fossé déborde sur la RD 43 à la sortie du bourg.", Place{Street: "RD 43"}},
		{"road short", "", "animal mort sur la D917", Place{Street: "D917"}},
		{"breton", "", "Hent Ar Mor : le talus s'écroule sur la chaussée.", Place{Street: "hent Ar Mor"}},
		{"breton french", "", "Les poubelles n'ont pas été ramassées au 4 rue de Kergoat.", Place{Number: "4", Street: "rue de Kergoat"}},
		{"basque", "", "Un banc cassé, Elizako karrika, en face du fronton.", Place{Street: "Elizako karrika"}},
		{"basque chemin", "", "Chemin Harriondoa, les ronces envahissent la route.", Place{Street: "chemin Harriondoa"}},
		{"alsatian", "", "Odeur d'égout dans la Judengass.", Place{Street: "Judengass"}},
		{"alsatian french", "", "Le 17 rue des Tonneliers dépose ses cartons sur le trottoir.", Place{Number: "17", Street: "rue des Tonneliers"}},
		{"overseas", "", "Chemin Bœuf-Mort, à La Possession, la ravine a emporté le bitume.", Place{Street: "chemin Bœuf-Mort"}},
		{"overseas neighbourhood", "", "Coupure d'eau au lotissement Morne-Vert depuis trois jours.", Place{Landmark: "lotissement Morne-Vert"}},
		{"crossing", "", "Accident au carrefour de la rue Thiers et de l'avenue Carnot.", Place{Street: "rue Thiers", Cross: "avenue Carnot"}},
		{"crossing stroke", "", "stop arraché angle rue Hoche / bd Voltaire", Place{Street: "rue Hoche", Cross: "bd Voltaire"}},
		{"road end", "", "Impasse du Four-à-Chaux, les encombrants s'entassent.", Place{Street: "impasse du Four-à-Chaux"}},
		{"not the example", "", "Le mur de la rue Vauban penche. Pourrait-on mettre des barrières comme rue Colbert ?", Place{Street: "rue Vauban"}},
		{"subject counts", "Éclairage rue Lakanal", "Bonjour, tout est éteint depuis mardi, y compris le long de la rue Buffon. Merci", Place{Street: "rue Lakanal"}},
		{"typographic apostrophe", "", "Fuite devant le 2 rue de l’Étoile", Place{Number: "2", Street: "rue de l’Étoile"}},

		{"scan misread", "", "Plus d'eau impas5e des Bouvreuils.", Place{Street: "impas5e des Bouvreuils"}},
		{"crossing without types", "", "Feu en panne angle Gambetta/Sablons.", Place{Street: "Gambetta", Cross: "Sablons", Text: "croisement Gambetta / Sablons"}},
		{"part of a street", "", "Le banc en bas de la rue Mermoz est cassé.", Place{Street: "rue Mermoz", Text: "rue Mermoz, en bas"}},
		{"two places", "", "Les jardinières devant la mairie et sur le pont sont grillées.", Place{Landmark: "devant la mairie et pont"}},
		{"brackets are an aside", "", "On a pulvérisé du désherbant rond-point de l'Europe, mes abeilles (ruches au 30 rue du Chêne) sont mortes.", Place{Street: "rond-point de l'Europe"}},
		{"number in text of a street in the subject", "Trou rue Sully", "Il y a un trou profond devant le 41.", Place{Number: "41", Street: "rue Sully"}},
		{"lamp number before", "", "Le candélabre portant le numéro 1147, avenue Foch, est éteint.", Place{Street: "avenue Foch"}},
		{"zone", "", "Conduite percée ZA de Kerbrat, toute la zone est à sec.", Place{Landmark: "ZA de Kerbrat"}},

		// Landmarks.
		{"school level", "", "Mon fils est en CP aux Hirondelles et n'a pas mangé à la cantine.", Place{Landmark: "école des Hirondelles"}},
		{"old landmark", "", "Odeur terrible près de l'ancienne décharge.", Place{Landmark: "près de l'ancienne décharge"}},
		{"river", "", "Des poissons morts dans le ru des Fontaines, en contrebas de la passerelle.", Place{Landmark: "ru des Fontaines, en contrebas de la passerelle"}},
		{"hamlet small", "", "pas de neige enlevée au haut kervran depuis 3 jours", Place{Landmark: "haut kervran"}},
		{"school", "", "Les bandes du passage piéton devant l'école Pierre-Loti sont effacées.", Place{Landmark: "devant l'école Pierre-Loti"}},
		{"bare with preposition", "", "Canapé abandonné derrière la médiathèque", Place{Landmark: "derrière la médiathèque", Text: "derrière la médiathèque"}},
		{"accented preposition", "", "À côté de la piscine, un banc est cassé.", Place{Landmark: "à côté de la piscine"}},
		{"parking", "", "Épave sur le parking du stade Roger-Couderc.", Place{Landmark: "parking du stade Roger-Couderc"}},
		{"bus stop", "", "L'abri de l'arrêt de bus Kerlann est cassé.", Place{Landmark: "arrêt de bus Kerlann"}},
		{"hamlet", "", "Plus d'eau au hameau de Pouldohan ce matin", Place{Landmark: "hameau de Pouldohan"}},
		{"residence", "", "Rats dans le local à poubelles de la résidence Les Mimosas.", Place{Landmark: "résidence Les Mimosas"}},
		{"parcel", "", "Peut-on construire sur la parcelle cadastrée section ZB n° 45 ?", Place{Landmark: "parcelle cadastrée section ZB n° 45"}},
		{"grave", "", "Je souhaite faire poser une stèle, carré 12, tombe 48.", Place{Landmark: "carré 12, tombe 48"}},
		{"square", "", "La balançoire du square Maurice-Genevoix est cassée.", Place{Street: "square Maurice-Genevoix"}},

		// The writer's own address.
		{"home", "", "De l'eau remonte dans ma cave. J'habite au 9 rue des Forges.", Place{Number: "9", Street: "rue des Forges"}},
		{"signature at home", "", "Bonjour,\n\nLe réverbère devant chez moi ne s'allume plus depuis dix jours, pouvez-vous venir ?\n\nCordialement,\nPaul Martin\n5 rue du Lac", Place{Number: "5", Street: "rue du Lac"}},
		{"signature elsewhere", "", "Bonjour,\n\nUne branche menace de tomber chemin des Vignes, près du calvaire, à la hauteur du transformateur.\n\nCordialement,\nPaul Martin\n5 rue du Lac", Place{Street: "chemin des Vignes"}},
		{"letter head", "", "Mme Anne Le Bihan\n3 rue du Phare\n29900 Concarneau\n\nMairie de Concarneau\n1 place de l'Hôtel-de-Ville\n29900 Concarneau\n\nObjet : trottoir\n\nMonsieur le Maire,\n\nLe trottoir de la rue des Écluses s'est affaissé et mon mari est tombé hier en rentrant du marché.\n\nVeuillez agréer mes salutations.", Place{Street: "rue des Écluses"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, ok := Find(tt.text, tt.subject, Options{})
			if !ok {
				t.Fatal("no place")
			}
			if p.Number != tt.want.Number || p.Street != tt.want.Street || p.Cross != tt.want.Cross ||
				tt.want.Landmark != "" && p.Landmark != tt.want.Landmark || tt.want.Text != "" && p.Text != tt.want.Text {
				t.Errorf("%+v,\nwant %+v", p, tt.want)
			}
		})
	}
}

// TestFindNone has texts without a place, and traps.
func TestFindNone(t *testing.T) {
	tests := map[string]string{
		"certificate":  "Bonjour, je voudrais un extrait d'acte de naissance pour mon mariage. Merci. Julie Blanc",
		"job":          "Titulaire du BAFA, je souhaite postuler comme animateur au centre de loisirs cet été.",
		"bare street":  "Il y a trop de bruit dans la rue, on ne dort plus.",
		"parking spot": "Pourquoi y a-t-il si peu de places de stationnement ? La place de parking est trop chère.",
		"lessons":      "Combien coûte un cours de piano pour un enfant de 8 ans ?",
		"mail":         "Merci de répondre par mail ou de confirmer le mail de relance.",
		"passing":      "Demande de passage de la balayeuse, on attend depuis trois semaines.",
		"on the way":   "Nous sommes en cours de route pour une inscription scolaire.",
		"town hall": "Mme Anne Le Bihan\n3 rue du Phare\n29900 Concarneau\n\nMairie de Concarneau\n1 place de l'Hôtel-de-Ville\n29900 Concarneau\n\n" +
			"Objet : carte d'identité\n\nMonsieur le Maire,\n\nJe souhaite faire renouveler mon passeport et mon livret de famille avant notre départ en juillet.\n\nVeuillez agréer mes salutations.",
		"fees and signature": "Bonjour,\n\nJe conteste le tarif de la cantine et la facture de mars, que je viens de recevoir.\n\nCordialement,\nPaul Martin\n5 rue du Lac",
		"no place by itself": "Il y a des ronces et des orties au fond du jardin depuis un an.",
		"caller":             "M. Petit, 12 rue Haute, demande un extrait d'acte de naissance et un livret de famille.",
		"only the town hall's address": "Mairie de Concarneau\n1 place de l'Hôtel-de-Ville\n29900 Concarneau\n\nMonsieur le Maire,\n\n" +
			"Mon portail est bloqué chaque matin par une voiture et je ne peux plus sortir de chez moi avant neuf heures.\n\nVeuillez agréer mes salutations.",
		"gone":                "Je suis allée aux Restos du Cœur et on m'a dit de vous écrire.",
		"all schools":         "Les panneaux d'affichage devant les écoles sont-ils tirés au sort ?",
		"in somebody's place": "Je vous envoie à sa place la photo demandée.",
		"crossed the sea":     "Il a traversé la Manche à la nage, pouvez-vous le féliciter ?",
		"bounce":              "Undelivered Mail Returned to Sender",
		"send it home":        "Bonjour, envoyez-moi l'acte de mariage et le livret chez moi, 60 rue Pasteur, merci.",
		"feast":               "Rendez-vous à la Sainte-Barbe pour la remise des médailles.",
		"thanks":              "Merci à toute l'équipe pour la belle fête de la musique !",
		"empty":               "",
		"only signs":          "--- \n\n ???",
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			if p, ok := Find(text, "", Options{}); ok {
				t.Errorf("invented %+v", p)
			}
		})
	}
}

// TestKey holds that the ways of writing one place have one key, and that others differ.
func TestKey(t *testing.T) {
	same := [][]string{
		{"12 av. de la Gare", "12, Avenue de la Gare", "12 avenue Gare", "12 AVENUE DE LA GARE"},
		{"3 bd du Mal Foch", "3 boulevard du Maréchal-Foch"},
		{"7 bis rue St-Jean", "7bis rue Saint Jean"},
		{"5 ch. de l'Église", "5 chemin de l'église"},
		{"9 rue des Quatre-Vents", "9 rue des 4 vents"},
	}
	seen := map[Key]int{}
	for n, texts := range same {
		var first Key
		for i, text := range texts {
			p, ok := Find("Un trou devant le "+text+".", "", Options{})
			if !ok {
				t.Fatalf("%q: no place", text)
			}
			if i == 0 {
				first = p.Key()
			} else if p.Key() != first {
				t.Errorf("%q: %+v, want %+v as of %q", text, p.Key(), first, texts[0])
			}
			if other, ok := seen[p.Key()]; ok && other != n {
				t.Errorf("%q has the key of %q", text, same[other][0])
			}
			seen[p.Key()] = n
		}
	}
	if a, b := (Place{Street: "rue de la Gare"}).Key(), (Place{Street: "avenue de la Gare"}).Key(); a == b {
		t.Errorf("another type of way has the same key %+v", a)
	}
	if a, b := (Place{Street: "rue des Prés"}).Key(), (Place{Street: "rue du Président"}).Key(); a == b {
		t.Errorf("another name has the same key %+v", a)
	}
	if a, b := (Place{Street: "rue A", Cross: "rue B"}).Key(), (Place{Street: "rue B", Cross: "rue A"}).Key(); a != b {
		t.Errorf("a crossing has two keys: %+v, %+v", a, b)
	}
}

// TestFindAddress holds that a form's own address is the place of a matter at home only.
func TestFindAddress(t *testing.T) {
	opts := Options{Address: "22 avenue de la Gare, 99100 Ville"}
	if p, ok := Find("Mon compteur fuit, l'eau coule dans ma cave.", "", opts); !ok || p.Street != "avenue de la Gare" || p.Number != "22" {
		t.Errorf("at home: %+v %v", p, ok)
	}
	if p, ok := Find("Je souhaite un extrait d'acte de naissance.", "", opts); ok {
		t.Errorf("a certificate: invented %+v", p)
	}
	if p, _ := Find("Nid-de-poule rue Haute devant le lavoir.", "", opts); p.Street != "rue Haute" {
		t.Errorf("elsewhere: %+v", p)
	}
}

// TestFindBound holds that only the first MaxText bytes are read.
func TestFindBound(t *testing.T) {
	text := strings.Repeat("é ", MaxText/3) + "Trou devant le 4 rue Haute."
	if p, ok := Find(text, "", Options{}); ok {
		t.Errorf("read behind the bound: %+v", p)
	}
}

// FuzzFind holds that no bytes make Find panic, and that what it gives is whole.
func FuzzFind(f *testing.F) {
	f.Add("Trou devant le 12 bis, av. de la Gare", "rue Haute", "3 rue X")
	f.Add("parcelle AD 118, carré 7, n° 312", "", "")
	f.Add("au croisement rue \xff / rue des\nn°", "Objet : l'", "d'")
	f.Add("M. X, 12 rue de l'", "« ", "entre le 3 et le")
	f.Add("RUE DU 11", "rue du 8 mai", "-")
	streets := testStreets(f)
	f.Fuzz(func(t *testing.T, text, subject, address string) {
		for _, s := range []*Streets{nil, streets} {
			p, ok := Find(text, subject, Options{Streets: s, Address: address, Town: "Ville"})
			if ok && (p.Text == "" || p.Street == "" && p.Landmark == "") {
				t.Errorf("an empty place: %+v", p)
			}
			if !ok && p != (Place{}) {
				t.Errorf("none, but %+v", p)
			}
			for _, v := range []string{p.Text, p.Number, p.Street, p.Cross, p.Landmark, p.Key().Street} {
				if !utf8.ValidString(v) {
					t.Errorf("%q is not UTF-8", v)
				}
			}
		}
	})
}

func TestAgrees(t *testing.T) {
	for _, tt := range []struct {
		found, stated string
		want          bool
	}{
		{"27 rue du Moulin-Brûlé", "rue du Moulin-Brûlé, devant le 27", true},
		{"rue du Moulin-Brûlé", "rue du Moulin-Brûlé, devant le 27", false},
		{"devant l’école des Quatre-Vents", "devant l'école des Quatre-Vents", true},
		{"rue Haute", "croisement rue Haute / rue des Tanneurs", false},
		{"rue Haute, rue des Tanneurs", "rue Haute", false},
		{"2 venelle du Four", "venelle du Four", true},
		{"rue Pasteur", "", false},
	} {
		if got := Agrees(tt.found, tt.stated); got != tt.want {
			t.Errorf("%q for %q: %v", tt.found, tt.stated, got)
		}
	}
}
