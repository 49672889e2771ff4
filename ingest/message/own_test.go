package message

import "testing"

func TestOwnWords(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"nothing to cut", "Bonjour,\n\nUn trou.\n\nMerci", "Bonjour,\n\nUn trou.\n\nMerci"},
		{"Gmail French", "Oui merci.\n\nLe lun. 3 nov. 2025 à 10:12, Mairie <sve@saint-exemple.fr> a écrit :\n\n> Bonjour\n> Confirmez ?", "Oui merci."},
		{"Gmail French wrapped", "Oui merci.\n\nLe lun. 3 nov. 2025 à 10:12, Mairie de Saint-Exemple\n<sve@saint-exemple.fr> a écrit :\n\n> Bonjour", "Oui merci."},
		{"Apple French", "Oui merci.\n\n> Le 3 nov. 2025 à 10:12, Mairie <sve@saint-exemple.fr> a écrit :\n> \n> Bonjour", "Oui merci."},
		{"Thunderbird French", "Oui merci.\n\nLe 03/11/2025 à 10:12, Mairie a écrit :\n> Bonjour\n> Confirmez ?\n", "Oui merci."},
		{"Thunderbird English", "Yes.\n\nOn 03/11/2025 10:12, Mairie wrote:\n> Hello", "Yes."},
		{"answers between quotations", "Le 03/11/2025 à 10:12, Mairie a écrit :\n> Quelle rue ?\nRue Haute.\n> Quel numéro ?\nLe 4.", "Rue Haute.\nLe 4."},
		{"answer below", "> Quelle rue ?\n\nRue Haute.", "Rue Haute."},
		{"Outlook French", "Oui merci.\n\n________________________________\nDe : Mairie <sve@saint-exemple.fr>\nEnvoyé : lundi 3 novembre 2025 10:12\nÀ : Jeanne Martin\nObjet : RE: Voirie\n\nConfirmez ?", "Oui merci."},
		{"Outlook bold stars", "Oui merci.\n\n*De :* Mairie\n*Envoyé :* lundi 3 novembre 2025\n*À :* Jeanne\n*Objet :* Voirie\n\nConfirmez ?", "Oui merci."},
		{"Outlook English", "Yes.\n\nFrom: Mairie <sve@saint-exemple.fr>\nSent: Monday, November 3, 2025\nTo: Jeanne\nSubject: x\n\nConfirm?", "Yes."},
		{"Outlook express", "Oui.\n\n-----Message d'origine-----\nDe : Mairie\nÀ : moi\n\nConfirmez ?", "Oui."},
		{"Orange", "Oui.\n\n> Message du 03/11/25 10:12\n> De : \"Mairie\" <sve@saint-exemple.fr>\n> A : jeanne@orange.fr\n> Objet : x\n> \n> Confirmez ?", "Oui."},
		{"SFR", "Oui.\n\n---------- Message original ----------\nDe : Mairie\nDate : 3/11/25\n\nConfirmez ?", "Oui."},
		{"Yahoo, unmarked", "Oui.\n\nLe lundi 3 novembre 2025 à 10:12:00 UTC+1, Mairie <sve@saint-exemple.fr> a écrit :\n\nConfirmez ?", "Oui."},
		{"Gmail forward with words", "Pour suite à donner.\n\n---------- Forwarded message ---------\nDe : Jean\nDate: lun.\nSubject: x\n\nTexte", "Pour suite à donner."},
		{"RFC signature", "Bonjour, un trou.\n-- \nJeanne Martin\n06 12 34 56 78", "Bonjour, un trou."},
		{"iPhone", "Un trou.\n\nEnvoyé de mon iPhone", "Un trou."},
		{"Android Orange", "Un trou.\n\nEnvoyé depuis l'application Mail Orange", "Un trou."},
		{"Outlook mobile", "Un trou.\n\nTélécharger Outlook pour Android<https://aka.ms/x>", "Un trou."},
		{"Windows Mail", "Un trou.\n\nProvenance : Courrier pour Windows", "Un trou."},
		{"English mobile", "A hole.\n\nSent from my Samsung Galaxy smartphone.", "A hole."},
		{"avast", "Un trou.\n\n\nGaranti sans virus. www.avast.com", "Un trou."},
		{"confidentiality", "Un trou.\n\nJeanne\n\nCe message et toutes les pièces jointes sont confidentiels et établis à l'intention exclusive de ses destinataires. Toute utilisation non conforme est interdite.", "Un trou.\n\nJeanne"},
		{"English confidentiality", "A hole.\n\nThis email and any files transmitted with it are confidential and intended solely for the addressee.", "A hole."},
		{"environment", "Un trou.\n\nPensez à l'environnement avant d'imprimer ce message", "Un trou."},
		{"NBSP", "Oui.\n\nDe\u00A0: Mairie\nEnvoyé\u00A0: lundi\nÀ\u00A0: Jeanne\nObjet\u00A0: x\n\nConfirmez ?", "Oui."},

		{"Apple, all marked", "Oui.\n\nEnvoyé de mon iPhone\n\n> Le 3 nov. 2025 à 10:12, Mairie <sve@x.fr> a écrit :\n> \n> Bonjour", "Oui."},
		{"Yahoo Android in one line", "Oui.\n\nEnvoyé depuis Yahoo Mail pour Android\n\n  Le lun., nov. 3, 2025 à 10:12, Mairie<sve@x.fr> a écrit :   Bonjour\nConfirmez ?", "Oui."},
		{"Yahoo of old, two headers", "Oui.\n\nEn date de : Lun 3.11.25, Mairie <sve@x.fr> a écrit :\n\nDe: Mairie <sve@x.fr>\nObjet: x\nÀ: j@x.fr\nDate: Lundi 3 novembre\n\nConfirmez ?", "Oui."},
		{"Zoho", "Oui.\n\n---- Le lun., 03 nov. 2025 10:12:50 +0100 Mairie <sve@x.fr> a écrit ----\n\nConfirmez ?", "Oui."},
		{"Zoho English", "Yes.\n\n---- On Mon, 03 Nov 2025 10:12:50 +0100 sve@x.fr wrote ----\n\nConfirm?", "Yes."},
		{"Gmail of old", "Oui.\n\n2014-10-17 11:28 GMT+02:00 Mairie <\nsve@saint-exemple.fr>:\n\n> Bonjour", "Oui."},
		{"Outlook that doubles the address", "Oui.\n\nLe 23 janv. 2015 à 22:03, Mairie <sve@x.fr<mailto:sve@x.fr>> a écrit:\n\nConfirmez ?", "Oui."},
		{"Samsung", "Oui.\n\n-------- Message d'origine --------\nDe : Mairie <sve@x.fr>\nDate : 03/11/25  10:12  (GMT+01:00)\nÀ : j@x.fr Objet : x", "Oui."},
		{"header block without a date of sending, with an address", "Oui.\n\nDe : Mairie <sve@x.fr>\nDate : lundi 3 novembre 2025\nÀ : Jeanne\nObjet : x\n\nConfirmez ?", "Oui."},
		{"K-9", "Un trou.\n\nEnvoyé de mon appareil Android avec Courriel K-9 Mail. Veuillez excuser ma brièveté.", "Un trou."},
		{"advertisement right below", "Merci.\nSent from Yahoo Mail on Android", "Merci."},

		{"an agent who wrote", "Bonjour,\n\nLe 3 novembre 2025 à 10 h 30, votre agent m'a écrit :\n\n« Passez »\n\nPuis plus rien.", "Bonjour,\n\nLe 3 novembre 2025 à 10 h 30, votre agent m'a écrit :\n\n« Passez »\n\nPuis plus rien."},
		{"a mayor who wrote, no time of day", "Bonjour,\n\nLe 3 novembre 2025, le maire a écrit :\n\n« Ce sera fait »\n\nRien.", "Bonjour,\n\nLe 3 novembre 2025, le maire a écrit :\n\n« Ce sera fait »\n\nRien."},
		{"the head of a letter", "Madame la Maire,\n\nDe : Jeanne Martin, 3 rue Haute\nDate : 3 mars 2025\nObjet : bruit\n\nMon voisin crie.", "Madame la Maire,\n\nDe : Jeanne Martin, 3 rue Haute\nDate : 3 mars 2025\nObjet : bruit\n\nMon voisin crie."},
		{"a list with arrows", "Deux problèmes :\n> rue Haute, un trou\n> rue Basse, un panneau\nMerci", "Deux problèmes :\n> rue Haute, un trou\n> rue Basse, un panneau\nMerci"},
		{"a citizen quotes a rule of ours", "Le règlement dit : pas de bruit.\nMon voisin a écrit :\n« Je fais ce que je veux »\nQue faire ?", "Le règlement dit : pas de bruit.\nMon voisin a écrit :\n« Je fais ce que je veux »\nQue faire ?"},
		{"a citizen's list with labels", "De : Jeanne Martin\nObjet : un trou\n\nTexte", "De : Jeanne Martin\nObjet : un trou\n\nTexte"},
		{"a citizen speaks of confidentiality first", "Ce message est confidentiel, merci de le remettre au maire, seul destinataire de ma lettre.\n\nMon voisin bat son chien.", "Ce message est confidentiel, merci de le remettre au maire, seul destinataire de ma lettre.\n\nMon voisin bat son chien."},
		{"a sentence that begins like an advertisement", "Bonjour,\n\nEnvoyé depuis la mairie, votre courrier est arrivé ouvert. Pourquoi ?", "Bonjour,\n\nEnvoyé depuis la mairie, votre courrier est arrivé ouvert. Pourquoi ?"},
		{"dashes in the middle", "Un\n--\n" + lines(30) + "fin", "Un\n--\n" + lines(30) + "fin"},
		{"only an advertisement", "Envoyé de mon iPhone", ""},
		{"only a quotation", "> Bonjour", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := ownWords(tt.text); got != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}

func lines(n int) string {
	s := ""
	for range n {
		s += "ligne\n"
	}
	return s
}

// TestOwnTextNeverEmpty: a mail that was only forwarded is what its sender sends.
func TestOwnTextNeverEmpty(t *testing.T) {
	p := newParser(Options{})
	text, own := p.join([]block{{kindPlain, "---------- Forwarded message ---------\nDe : Jean\nDate: lun.\nÀ : x\n\nUn trou."}})
	if own != text || text == "" {
		t.Errorf("own text %q of %q", own, text)
	}
	text, own = p.join([]block{{kindPlain, "Bonjour Monsieur le Maire,\n\n---------- Forwarded message ---------\nDe : Jean\nDate: lun.\nÀ : x\n\nUn trou."}})
	if own != text || text == "" {
		t.Errorf("own text %q of a mere greeting", own)
	}
	if _, own = p.join([]block{{kindPlain, "Bonjour\n\n> Quelle rue ?"}}); own != "Bonjour" {
		t.Errorf("own text %q of a greeting above a quotation", own)
	}
}
