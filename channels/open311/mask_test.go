package open311

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"saisine.fr/saisine/ingest"
)

func hideFrom(sender ingest.Person, text string) string { return newMask(sender, text).hide(text) }

// What must not be published, each in a sentence as people write them; kept is what of it stays.
func TestMaskHides(t *testing.T) {
	for _, tt := range []struct{ name, text, gone, kept string }{
		{"mobile", "Appelez-moi au 06 12 34 56 78 merci", "12 34", "merci"},
		{"mobile without spaces", "mon tel 0612345678", "0612", "mon tel"},
		{"dots", "Tél. 06.12.34.56.78.", "34.56", "Tél."},
		{"dashes and slashes", "06-12-34-56-78 ou 01/23/45/67/89", "45", "ou"},
		{"commas", "06,12,34,56,78", "34", ""},
		{"abroad", "+33 6 12 34 56 78 ou 0033612345678 ou +33 (0)6 12 34 56 78", "12", "ou"},
		{"landline in words around", "joignable au (01) 23 45 67 89 le soir", "23", "le soir"},
		{"no-break spaces", "au 06\u00a012\u202f34\u200956 78", "12", "au"},
		{"characters of no width", "au 06\u200b1\u200b2\u2060345678", "345", "au"},
		{"wide figures", "au ０６１２３４５６７８", "６", "au"},
		{"Arabic figures", "au ٠٦١٢٣٤٥٦٧٨", "٦", "au"},
		{"keycaps", "au 0️⃣6️⃣1️⃣2️⃣3️⃣4️⃣5️⃣6️⃣7️⃣8️⃣", "3", "au"},
		{"circled figures", "au ⓪⑥①②③④⑤⑥⑦⑧", "③", "au"},
		{"a letter for zero", "au O6 12 34 56 78", "34", "au"},
		{"figures in words", "zéro six douze trente-quatre cinquante-six soixante-dix-huit", "douze", ""},
		{"Réunion", "0692 12 34 56 le matin", "12 34", "le matin"},
		{"Polynesia", "Tel 87 12 34 56", "12 34", "Tel"},
		{"mail", "écrire à jeanne.martin@exemple.fr svp", "jeanne", "svp"},
		{"mail with spaces", "jeanne.martin @ exemple.fr", "exemple", ""},
		{"spelled mail", "jeanne.martin(at)exemple.fr ou jeanne arobase exemple point fr", "exemple", "ou"},
		{"spelled mail in brackets", "jmartin [at] exemple [dot] fr", "jmartin", ""},
		{"handle", "Voir @jeanne_martin pour la vidéo", "jeanne", "pour la vidéo"},
		{"address of a page", "photo https://exemple.fr/p/jeanne?id=3, voir", "jeanne", "voir"},
		{"address without a scheme", "voir facebook.com/jeanne.martin et www.exemple.org/x", "jeanne", "voir"},
		{"IBAN", "IBAN FR76 3000 6000 0112 3456 7890 189 pour le remboursement", "0112", "pour le remboursement"},
		{"IBAN without spaces", "fr7630006000011234567890189", "30006", ""},
		{"social security number", "1 85 05 78 006 084 36", "006", ""},
		{"of Corsica", "2 85 05 2A 006 084 36", "006", ""},
		{"plate", "Une épave immatriculée AB-123-CD gêne", "123", "gêne"},
		{"plate in small letters", "la voiture ab-123-cd", "123", "la voiture"},
		{"plate with spaces", "Clio AB 123 CD blanche", "123", "blanche"},
		{"plate joined", "la Clio AB123CD gêne", "123", "gêne"},
		{"old plate", "la 1234 WX 75 depuis un mois", "1234", "depuis un mois"},
		{"neighbour", "Mon voisin M. Dupont y jette ses sacs", "Dupont", "y jette ses sacs"},
		{"neighbour in full", "c'est Monsieur Jean-Pierre de La Tour qui", "Tour", "qui"},
		{"couple", "Monsieur et Madame Durand laissent", "Durand", "laissent"},
		{"small letters", "mme durand laisse son chien", "durand", "laisse son chien"},
		{"capitals", "MADAME DURAND", "DURAND", "MADAME"},
		{"an office with a name", "Madame la Directrice Durand", "Durand", "Directrice"},
		{"doctor", "devant le cabinet du Dr Lefèvre", "Lefèvre", "devant le cabinet"},
		{"says who they are", "Bonjour, je m'appelle Jeanne Martin et", "Martin", "et"},
		{"says who they are, with accents apart", "je m'appelle He\u0301le\u0300ne Martin", "Martin", "je m'appelle"},
		{"signs", "Le trou grandit. Cordialement,\nJeanne Martin", "Jeanne", "Le trou grandit."},
		{"signs below", "Les bacs débordent depuis lundi.\nGwenaël Tanguy", "Gwenaël", "Les bacs débordent depuis lundi."},
		{"signs in the line", "Merci d’avance pour votre réponse. Claire Daubigny", "Claire", "Merci d’avance pour votre réponse."},
		{"where they live, and more", "Nous habitons 14 rue Pasteur, sans garage, et le parking de l’église est loin.", "Pasteur", ", sans garage, et le parking de l’église est loin."},
		{"where they live", "J'habite au 12 bis rue des Lilas, bâtiment B. Le lampadaire clignote.", "Lilas", "Le lampadaire clignote."},
		{"where they live, without a number", "J’habite rue des Lilas et le lampadaire clignote", "Lilas", "habite"},
		{"at home", "Devant chez moi, 12 rue des Lilas.", "12", "Devant chez moi"},
		{"birth", "née le 12/03/1980 à Lyon, je tombe souvent", "1980", "je tombe souvent"},
		{"birth in brackets", "Je suis né(e) (le) 12 mars 1980, je tombe souvent", "1980", "je tombe souvent"},
		{"birth, either way", "né(e) le 12 mars 1980", "mars", "né(e)"},
		{"birth without le", "Née 12 mars 1980. Je tombe", "mars", "Je tombe"},
		{"birth in capitals", "NÉ(E) LE 12 MARS 1980", "MARS", "LE"},
		{"birth with a dot", "né·e le 12.03.1980", "03", "né·e"},
		{"birth with dots", "née le 12.03.80. Je tombe", "03", "Je tombe"},
		{"number over lines", "Tél.\n06\n12\n34\n56\n78\nmerci", "34", "merci"},
		{"number over blank lines", "06 \n\n12\n \n34\n56\n78", "34", ""},
		{"number over lines of another kind", "06\u202812\v34\f56\u202978", "34", ""},
		{"number as a list", "06\n- 12\n- 34\n- 56\n- 78", "34", ""},
		{"abroad over lines", "+33\n6\n12\n34\n56\n78", "34", ""},
		{"door code", "Le digicode est 12B45 pour entrer", "12B45", "pour entrer"},
		{"long number", "dossier 20260012345", "20260012345", "dossier"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := hideFrom(ingest.Person{}, tt.text)
			if strings.Contains(got, tt.gone) || !strings.Contains(got, hidden) {
				t.Errorf("%q is in %q", tt.gone, got)
			}
			if !strings.Contains(got, tt.kept) {
				t.Errorf("%q is gone from %q", tt.kept, got)
			}
		})
	}
}

// What makes a report useful stays.
func TestMaskKeeps(t *testing.T) {
	for _, text := range []string{
		"Nid-de-poule de 40 cm devant le 12 rue Haute, depuis le 12/03/2026 vers 18h30.",
		"Lampadaires n° 1204, 1205, 1206 et 1207 éteints du 01.03.2026 au 15.03.2026.",
		"Du 125 au 130 avenue de la République, côté pair.",
		"Le 3 mars 2026 à 14 h 30, la corbeille n’était pas vidée (3e fois).",
		"Monsieur le Maire, merci de faire réparer le banc du parc Jean-Jaurès.",
		"Madame, Monsieur, je vous signale un dépôt sauvage.",
		"Il ne le ramasse pas. On m’a dit d’attendre. Une odeur de 2 jours.",
		"L’arbre au croisement de la rue du 11-Novembre-1918 et de la RD 920 penche.",
		"Amende de 135 € annoncée ; coût 1 500,00 euros.",
		"À 300 m de l’école, 4 places prises, 12 h – 14 h, tous les jours.",
		"Panneau B14 (50 km/h) tordu, hauteur 2,30 m.",
		"numero-lampadaire : A-123\npanne : eteint",
		"Banc Cassé",
		"Notre fils Elio est né en janvier : qui plante un fruitier ?",
		"Je vis en appartement au deuxième étage, sans cave.",
		"Nid de Poule\nTrottoir Abîmé",
		"Graffiti Tag",
		"Lampadaire éteint\n\nnumero-lampadaire : A-123",
		"Le banc de Zoé",
		"Fuite d’eau place du Marché. Merci",
		"Nid-de-poule depuis le 01/03/2026\n12 rue Haute\n40 cm",
		"Un enfant gêné le 3 mars par le bruit, abandonné 2 fois, l’aîné 5.",
		"Mon immeuble n’a plus de bac jaune depuis 3 semaines.",
	} {
		if got := hideFrom(ingest.Person{}, text); got != text {
			t.Errorf("%q\nbecame\n%q", text, got)
		}
	}
}

func TestMaskOwnNames(t *testing.T) {
	sender := ingest.Person{Name: "Hélène de LA TOUR-MARTIN", Email: "h@exemple.fr", Address: "12 rue des Lilas, 99100 Saint-Exemple"}
	got := hideFrom(sender, "Helene, c'est encore moi ! La tour penche. martin attend au 12  Rue des Lilas. Et de la place.")
	for _, gone := range []string{"Helene", "tour", "martin", "Lilas"} {
		if strings.Contains(got, gone) {
			t.Errorf("%q is in %q", gone, got)
		}
	}
	if !strings.Contains(got, "Et de la place") || !strings.Contains(got, "penche") {
		t.Errorf("too little is left: %q", got)
	}
}

var (
	leakedMail   = regexp.MustCompile(`[a-z0-9]@[a-z0-9]`)
	leakedNumber = regexp.MustCompile(`[0-9]{9}`)
)

func FuzzMask(f *testing.F) {
	for _, s := range []string{
		"06 12 34 56 78", "a@b.fr", "M. Dupont", "AB-123-CD", "J'habite au 12 rue X", "０６１２", "[masqué] @ 12", "zéro six douze trois quatre",
		"né le 1", "digicode : 1", "FR76 3000 6000 0112 3456 7890 189", "\xff\u0301e",
	} {
		f.Add(s, "Jean Martin")
	}
	f.Fuzz(func(t *testing.T, text, name string) {
		if len(text) > 1<<16 || len(name) > 1<<10 {
			return
		}
		got := hideFrom(ingest.Person{Name: name, Address: name}, text)
		if !utf8.ValidString(got) {
			t.Errorf("%q is no text", got)
		}
		if leakedMail.MatchString(got) || leakedNumber.MatchString(got) {
			t.Errorf("%q\nbecame\n%q", text, got)
		}
		// What is hidden is longer than what it hides by so much at most.
		if len(got) > 3*len(text)*len(hidden)+len(hidden) {
			t.Errorf("%d bytes became %d", len(text), len(got))
		}
	})
}

// A text as long as a post can hold is masked in no time that matters.
func BenchmarkMask(b *testing.B) {
	text := strings.Repeat("Monsieur Dupont habite au 12 rue Haute, 06 12 34 56 78, j.d@exemple.fr. ", 4000/70)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		hideFrom(ingest.Person{Name: "Jeanne Martin"}, text)
	}
}
