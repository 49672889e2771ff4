package facts_test

import (
	"testing"

	"saisine.fr/saisine/ingest/facts"
)

// TestWhoSignsLetters reads letters whose head and end name their sender in two ways.
func TestWhoSignsLetters(t *testing.T) {
	const body = "\n\nMadame, Monsieur,\n\nNos camions n'arrivent plus à tourner au bout de la rue Basse, et personne ne nous répond depuis un mois.\n\n"
	run(t, facts.Letter, []senderCase{
		{name: "slogan behind the firm", text: "MENUISERIE ROCHE & FILLE — portes, fenêtres, escaliers\n4 rue du Four – 99100 Saint-Exemple – 02 61 91 10 20" + body + "Pour l'entreprise,\nAlban Roche, gérant", who: "Alban Roche (MENUISERIE ROCHE & FILLE)", phone: "02 61 91 10 20", addr: "4 rue du Four, 99100 Saint-Exemple"},
		{name: "slogan with a capital", text: "SARL AUBRY FRÈRES - Chauffage, sanitaire, zinguerie\n4 rue du Four - 99100 Saint-Exemple - Tél : 02 61 91 10 20" + body + "Le gérant,\nG. Aubry", who: "G. Aubry (SARL AUBRY FRÈRES)", phone: "02 61 91 10 20", addr: "4 rue du Four, 99100 Saint-Exemple"},
		{name: "firm called after its family", text: "Aubry & Fils\n4 rue du Four\n99100 Saint-Exemple" + body + "Cordialement,\nP. Aubry", who: "P. Aubry (Aubry & Fils)", addr: "4 rue du Four, 99100 Saint-Exemple"},
		{name: "family firm, unsigned", text: "Aubry & Fils\n4 rue du Four\n99100 Saint-Exemple" + body, who: "Aubry & Fils", addr: "4 rue du Four, 99100 Saint-Exemple"},
		{name: "call us", text: "Sylvie Aubry\n4 rue du Four\n99100 Saint-Exemple" + body + "Quand la benne sera là, téléphonez au 02 61 91 10 20, on viendra.\n\nLa rue est barrée depuis lundi et nous attendons votre réponse avec impatience.\n\nSylvie Aubry", who: "Sylvie Aubry", phone: "02 61 91 10 20", addr: "4 rue du Four, 99100 Saint-Exemple"},
		{name: "care of an officer", text: "Comité de quartier du Four\nc/o Gaëtan Aubry, secrétaire\n4 rue du Four\n99100 Saint-Exemple" + body + "G. Aubry", who: "Gaëtan Aubry (Comité de quartier du Four)", addr: "4 rue du Four, 99100 Saint-Exemple", sign: "G. Aubry"},
		{name: "call me", text: "Je soussigné Pierre-Yves AUBRY, demeurant au 4 rue du Four, 99100 Saint-Exemple, conteste l'avis reçu. Appelez-moi au 02 61 91 10 20.\n\nP.-Y. Aubry", who: "Pierre-Yves AUBRY", phone: "02 61 91 10 20", addr: "4 rue du Four, 99100 Saint-Exemple", sign: "P.-Y. Aubry"},
		{name: "firm that praises its age", text: "ENTREPRISE DE PEINTURE BRUN\nMaison fondée en 1931\n4 rue du Four\n99100 Saint-Exemple" + body + "Anne Brun", who: "Anne Brun (ENTREPRISE DE PEINTURE BRUN)", addr: "4 rue du Four, 99100 Saint-Exemple"},
		{name: "dotted legal form", text: "S.A.S. TOITS DU LAC\ncharpente • zinguerie\n4 rue du Four\n99100 Saint-Exemple\ntoits@example.org / 02 61 91 10 20" + body + "La conductrice de travaux,\nMaud LESAGE", who: "Maud LESAGE (S.A.S. TOITS DU LAC)", phone: "02 61 91 10 20", email: "toits@example.org", addr: "4 rue du Four, 99100 Saint-Exemple"},
		{name: "family with a signer", text: "Famille OKONKWO\n4 rue du Four\n99100 Saint-Exemple" + body + "Merci bien, respect,\nPrince Okonkwo  0639981234", who: "Prince Okonkwo", phone: "06 39 98 12 34", addr: "4 rue du Four, 99100 Saint-Exemple"},
		{name: "family, another signs", text: "Famille OKONKWO\n4 rue du Four\n99100 Saint-Exemple" + body + "Merci,\nAnne Brun, voisine", who: "Famille OKONKWO", addr: "4 rue du Four, 99100 Saint-Exemple", sign: "Anne Brun"},
		{name: "family alone", text: "Famille OKONKWO\n4 rue du Four\n99100 Saint-Exemple" + body + "Merci", who: "Famille OKONKWO", addr: "4 rue du Four, 99100 Saint-Exemple"},
		{name: "notary", text: "Étude de Me Odile SERRANO, notaire\n4 rue du Four\n99100 Saint-Exemple" + body, who: "Me Odile SERRANO", addr: "4 rue du Four, 99100 Saint-Exemple"},
		{name: "notary of two partners", text: "Étude de Me Odile SERRANO et Me Paul Brun, notaires\n4 rue du Four\n99100 Saint-Exemple" + body, who: "Étude de Me Odile SERRANO et Me Paul Brun, notaires", addr: "4 rue du Four, 99100 Saint-Exemple"},
		{name: "notary in full", text: "Office notarial de Maître Odile SERRANO\n4 rue du Four\n99100 Saint-Exemple" + body, who: "Me Odile SERRANO", addr: "4 rue du Four, 99100 Saint-Exemple"},
		{name: "by order", text: "Exp. : Copropriété Le Parc des Tilleuls\n       p/o la syndique bénévole, Muriel Aubry\n       4 rue du Four, 99100 Saint-Exemple" + body + "M. Aubry", who: "Muriel Aubry (Copropriété Le Parc des Tilleuls)", addr: "4 rue du Four, 99100 Saint-Exemple", sign: "M. Aubry"},
		{name: "officer in the head", text: "CHORALE LA CLÉ DES CHANTS\nSiège : 4 rue du Four, 99100 Saint-Exemple\nLa trésorière, Sylvie Aubry" + body + "S. Aubry", who: "Sylvie Aubry (CHORALE LA CLÉ DES CHANTS)", addr: "4 rue du Four, 99100 Saint-Exemple", sign: "S. Aubry"},
		{name: "officer and address on a line", text: "AMICALE DES CYCLISTES\nLa présidente : Sylvie Aubry, 4 rue du Four, 99100 Saint-Exemple" + body + "S. Aubry", who: "Sylvie Aubry (AMICALE DES CYCLISTES)", addr: "4 rue du Four, 99100 Saint-Exemple", sign: "S. Aubry"},
		{name: "undersigned", text: "Objet perdu\n\nJe soussignée Ginette AUBRY, née Brun, demeurant 4 rue du Four à 99100 Saint-Exemple, déclare avoir perdu une bague dimanche au marché. Si on vous la rapporte, téléphonez au 02 61 91 10 20, je suis toujours là.\n\nG. Aubry", who: "Ginette AUBRY", phone: "02 61 91 10 20", addr: "4 rue du Four, 99100 Saint-Exemple", sign: "G. Aubry"},
		{name: "initial of another", text: "G. Aubry\n4 rue du Four\n99100 Saint-Exemple\n\nÀ l'attention de Mme Paule Aubry" + body + "G. Aubry", who: "G. Aubry", addr: "4 rue du Four, 99100 Saint-Exemple"},
		{name: "initial, recipient of the same name", text: "G. Aubry\n4 rue du Four\n99100 Saint-Exemple\n\nÀ l'attention de Mme Ginette Aubry" + body + "G. Aubry", who: "G. Aubry", addr: "4 rue du Four, 99100 Saint-Exemple"},
		{name: "room in a home", text: "Lucette Aubry\nEHPAD Les Glycines, chambre 12\n99100 Saint-Exemple" + body + "Recevez mes salutations,\nL. Aubry", who: "Lucette Aubry", addr: "EHPAD Les Glycines, chambre 12, 99100 Saint-Exemple", sign: "L. Aubry"},
		{name: "who works in a home", text: "Lucette Aubry\nDirectrice\nEHPAD Les Glycines\n4 rue du Four\n99100 Saint-Exemple" + body + "Recevez mes salutations,\nLucette Aubry", who: "Lucette Aubry (EHPAD Les Glycines)", addr: "4 rue du Four, 99100 Saint-Exemple"},
		{name: "footnote star", text: "Sylvie AUBRY*\n4 rue du Four\n99100 Saint-Exemple" + body + "S. Aubry*\n\n* présidente de l'amicale", who: "Sylvie AUBRY", addr: "4 rue du Four, 99100 Saint-Exemple", sign: "S. Aubry"},
		{name: "dashes in the address", text: "Sylvie Aubry\n4 rue du Four – Bât. C – 99100 Saint-Exemple" + body + "Recevez mes salutations.\n\nSylvie Aubry", who: "Sylvie Aubry", addr: "4 rue du Four, Bât. C, 99100 Saint-Exemple"},
		{name: "lawyer who signs in full", text: "Me Odile SERRANO\nAvocate\n4 rue du Four\n99100 Saint-Exemple" + body + "Recevez mes salutations.\n\nMe Odile SERRANO", who: "Odile SERRANO", addr: "4 rue du Four, 99100 Saint-Exemple"},
		{name: "a son's name below the father's", text: "R. Aubry\n4 rue du Four\n99100 Saint-Exemple" + body + "R. Aubry\n\nCopie : Rémi Aubry", who: "R. Aubry", addr: "4 rue du Four, 99100 Saint-Exemple"},
		{name: "named house below", text: "Madame,\n\nJ'ai retrouvé au grenier soixante photos de la ville. Voulez-vous les voir ? Elles sont lourdes.\n\nVotre dévouée,\n\nAnne-Lise Brun\nmaison dite « Les Hirondelles », 4 montée du Four, 99100 Saint-Exemple", who: "Anne-Lise Brun", addr: "maison dite « Les Hirondelles », 4 montée du Four, 99100 Saint-Exemple"},
	})
}

// TestHastySigners reads signatures that are not laid out as the books teach.
func TestHastySigners(t *testing.T) {
	const body = "Bonjour,\n\nLa grille du square est cassée depuis un mois et personne ne passe.\n\n"
	run(t, facts.Mail, []senderCase{
		{name: "shop below a name in no list", text: body + "Cordialement, à bientôt,\n\nFilomena Bortolotti\nChez Peppino\n02 61 91 10 20", who: "Filomena Bortolotti", phone: "02 61 91 10 20"},
		{name: "aside below the name", text: body + "Pour les parents,\nSolenn Le Garrec\n(qui n'a pas fermé l'œil, merci)", who: "Solenn Le Garrec"},
		{name: "farewell that looks like a name", text: body + "Tchin,\nGaëtan Aubry, apprenti", who: "Gaëtan Aubry"},
		{name: "a farewell and a first name", text: body + "Merci,\nGaëtan", who: "Gaëtan"},
		{name: "band and contact", text: body + "Kenavo !\nLes Korrigans d'Acier\ncontact : Gaëtan Aubry, 06 39 98 12 34", who: "Gaëtan Aubry (Les Korrigans d'Acier)", phone: "06 39 98 12 34"},
		{name: "office above the name", text: body + "Service achats – Forges Unies\nSylvie Aubry\n02 61 91 10 20", who: "Sylvie Aubry (Forges Unies)", phone: "02 61 91 10 20"},
		{name: "compass point", text: body + "Bien cordialement,\nIsmaël Touré – chef d'agence, Nettoyage Grand Est\n4 rue du Four, 99100 Saint-Exemple", who: "Ismaël Touré", addr: "4 rue du Four, 99100 Saint-Exemple"},
		{name: "misspelt introduction", text: "Bonjour je mappelle Lina Ferreira je cherche un stage aux espaces verts.\nMerci d'avance\nLina", who: "Lina Ferreira", sign: "Lina"},
		{name: "another misspelling", text: "Bonjour, je m'apelle Lina Ferreira, je cherche un stage.\nMerci\nLina", who: "Lina Ferreira", sign: "Lina"},
		{name: "name in the last sentence", text: "bonjour, le lampadaire 12 rue du Four clignote toute la nuit, merci de passer, Sylvie Aubry", who: "Sylvie Aubry"},
		{name: "another's name in the last sentence", text: "bonjour, la porte du gymnase est cassée, merci de rappeler la présidente, Sylvie Aubry", who: ""},
		{name: "a tradeswoman's name in the last sentence", text: "bonjour, la porte du salon est cassée, merci de rappeler la coiffeuse, Sylvie Aubry", who: ""},
		{name: "house with a name", text: body + "Anne-Lise Brun\nvilla dite « Les Hirondelles », 4 montée du Four", who: "Anne-Lise Brun", addr: "villa dite « Les Hirondelles », 4 montée du Four"},
		{name: "name and house number", text: "Fuite d'eau devant le 12 rue Haute. Merci, Gaëtan Aubry du 14", who: "Gaëtan Aubry"},
		{name: "name and house", text: "Fuite d'eau devant le lavoir. Merci, Gaëtan Aubry du 14 rue du Four", who: "Gaëtan Aubry", addr: "14 rue du Four"},
		{name: "home and room below", text: body + "Bien à vous,\nLucette Aubry\nEHPAD Les Glycines, chambre 12", who: "Lucette Aubry", addr: "EHPAD Les Glycines, chambre 12"},
		{name: "home and room in a sentence", text: "Bonjour, je vis à l'EHPAD Les Glycines, chambre 12, et le trottoir devant est cassé.\n\nLucette Aubry", who: "Lucette Aubry", addr: "EHPAD Les Glycines, chambre 12"},
		{name: "phone in a sentence", text: body + "Vous pouvez m'appeler au 02 61 91 10 20 le soir.\n\nSylvie Aubry", who: "Sylvie Aubry", phone: "02 61 91 10 20"},
		{name: "somebody else's phone in a sentence", text: body + "Le voisin dit de lui téléphoner, téléphonez à M. Brun au 02 61 91 10 20.\n\nSylvie Aubry", who: "Sylvie Aubry"},
		{name: "no name at all", text: body + "Cordialement, un voisin", who: ""},
	})
}

// TestNotedPeople reads notes in which another person stands beside the caller.
func TestNotedPeople(t *testing.T) {
	run(t, facts.Note, []senderCase{
		{name: "described, then named", text: "Appel d'un monsieur agacé, M. Lehmann. Le bac n'est pas vidé. 02 61 91 10 20.", who: "M. Lehmann", phone: "02 61 91 10 20"},
		{name: "described only", text: "Appel d'un monsieur agacé, le bac n'est pas vidé.", who: ""},
		{name: "by an assistant", text: "M. Costa, directeur des Forges, par sa secrétaire Mme Brun (02 61 91 10 20). Souhaite voir le maire.", who: "M. Costa", phone: "02 61 91 10 20"},
		{name: "somebody else's number", text: "M. Costa signale un trou. Voir aussi Mme Brun, 02 61 91 10 20.", who: "M. Costa"},
	})
}
