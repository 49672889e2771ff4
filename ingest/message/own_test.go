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
}
