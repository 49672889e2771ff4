package letter

import "testing"

const complaint = "\n\nMadame la Maire,\n\nLa fontaine fuit depuis trois semaines et personne ne vient. Je vous demande d'agir.\n\nRecevez, Madame la Maire, mes salutations distinguées.\n\n"

// TestLineBelowName tells what belongs to the address between the name and the street.
func TestLineBelowName(t *testing.T) {
	const street = "8 rue des Forges, 99100 Saint-Exemple"
	for line, in := range map[string]bool{
		"Contribuable": false, "Ébéniste": false, "Podologue": false, "Tailleur de pierre": false, "Traductrice assermentée": false,
		"Sans profession": false, "Veuve de guerre": false, "Attachée territoriale": false, "Opticien-lunetier": false,
		"Salon de thé « Chez Lulu »": false, "Brasserie « Le Globe »": false, "Fromagerie des Monts": false, "(née le 4 mai 1950)": false,
		"N° d'adhérent : 20114": false,
		"Les Lilas":             true, "La Grangette": true, "Le Clos joli": true, "Les Prés hauts": true, "L'Orme creux": true, "L'Oustal": true, "Bellevue": true, "Montredon": true,
		"Résidence Ronsard, bât. 2": true, "Villa « Sam Suffit »": true, "Péniche « Marguerite »": true, "Escalier 4, porte 12": true, "chez M. Blin": true,
	} {
		got := Read("Sophie Aubry\n" + line + "\n8 rue des Forges\n99100 Saint-Exemple" + complaint + "Sophie Aubry").Sender.Address
		want := street
		if in {
			want = line + ", " + street
		}
		if got != want {
			t.Errorf("%s: address %q, want %q", line, got, want)
		}
	}
}

// TestHeads reads heads of more kinds: places without a number, other countries, all on a line.
func TestHeads(t *testing.T) {
	for _, c := range []struct{ name, head, who, phone, addr string }{
		{"Marie is no town hall", "Marie-Laure Blin\n8 rue des Forges\n99100 Saint-Exemple", "Marie-Laure Blin", "", "8 rue des Forges, 99100 Saint-Exemple"},
		{"place and town on a line", "Sophie Aubry\nHalle Bertin, 99100 Saint-Exemple", "Sophie Aubry", "", "Halle Bertin, 99100 Saint-Exemple"},
		{"company in a place", "Compagnie du Bouleau\nEntrepôt Nord, 99100 Saint-Exemple\nSophie Aubry, 06 39 98 12 12", "Sophie Aubry (Compagnie du Bouleau)", "06 39 98 12 12", "Entrepôt Nord, 99100 Saint-Exemple"},
		{"all on a line", "Sophie Aubry, 8 rue des Forges, 99100 Saint-Exemple, 06 39 98 12 12", "Sophie Aubry", "06 39 98 12 12", "8 rue des Forges, 99100 Saint-Exemple"},
		{"what, then where", "Sophie Aubry\nÉtudiante, résidence Ronsard, chambre 9\n99100 Saint-Exemple", "Sophie Aubry", "", "résidence Ronsard, chambre 9, 99100 Saint-Exemple"},
		{"feminine sender", "Expéditrice : Sophie Aubry, 8 rue des Forges, 99100 Saint-Exemple", "Sophie Aubry", "", "8 rue des Forges, 99100 Saint-Exemple"},
		{"daughter's telephone", "Sophie Aubry\n8 rue des Forges\n99100 Saint-Exemple\nTél. de ma fille : 06 39 98 12 12", "Sophie Aubry", "", "8 rue des Forges, 99100 Saint-Exemple"},
		{"Switzerland", "Sophie Aubry\nRue du Lac 12\n1003 Lausanne\nSuisse", "Sophie Aubry", "", "Rue du Lac 12, 1003 Lausanne, Suisse"},
		{"England", "Sophie Aubry\n12 Mill Lane\nYork YO1 7HH\nRoyaume-Uni", "Sophie Aubry", "", "12 Mill Lane, York YO1 7HH, Royaume-Uni"},
		{"France is left out", "Sophie Aubry\n8 rue des Forges\n99100 Saint-Exemple\nFrance", "Sophie Aubry", "", "8 rue des Forges, 99100 Saint-Exemple"},
		{"plural name is an association", "Les Amis du Port\nAssociation loi 1901\n8 rue des Forges\n99100 Saint-Exemple", "Sophie Aubry (Les Amis du Port)", "", "8 rue des Forges, 99100 Saint-Exemple"},
	} {
		got := Read(c.head + complaint + "Sophie Aubry").Sender
		who := c.who
		if c.name == "Marie is no town hall" {
			got = Read(c.head + complaint + c.who).Sender
		}
		if got.Name != who || got.Phone != c.phone || got.Address != c.addr {
			t.Errorf("%s: got %+v", c.name, got)
		}
	}
}

func TestRecipientMairie(t *testing.T) {
	for s, want := range map[string]bool{"Mairie de Saint-Exemple": true, "Marie de Saint-Exemple": true, "Marie Blin": false, "Marie de la Tour": false, "Mairle": true} {
		if got := isRecipient(tokens(fold(s))); got != want {
			t.Errorf("%s: recipient %v", s, got)
		}
	}
}
