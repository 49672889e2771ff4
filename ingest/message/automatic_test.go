package message

import (
	"strings"
	"testing"
)

const citizen = "From: Jeanne Martin <jeanne@example.fr>\nTo: mairie@saint-exemple.fr\nDate: Mon, 3 Nov 2025 10:12:00 +0100\n"

// TestAutomatic holds both errors apart: robots that would get a receipt, and, worse,
// citizens that would be set aside. want is the code before the colon.
func TestAutomatic(t *testing.T) {
	const plain = "\n\nBonjour, le lampadaire est éteint. Merci de votre réponse.\n"
	tests := []struct{ name, header, body, want string }{
		{"auto-replied", "Subject: x\nAuto-Submitted: auto-replied; owner-email=\"x@y\"", plain, "auto_submitted"},
		{"auto-generated with comment", "Subject: x\nAuto-Submitted: auto-generated (rejected)", plain, "auto_submitted"},
		{"auto-notified, capitals", "Subject: x\nAUTO-SUBMITTED: Auto-Notified", plain, "auto_submitted"},
		{"mailing list", "Subject: x\nList-Id: Quartier <quartier.listes.example.org>\nList-Post: <mailto:q@example.org>", plain, "mailing_list"},
		{"precedence bulk", "Subject: x\nPrecedence: bulk", plain, "precedence"},
		{"precedence junk", "Subject: x\nPrecedence: junk", plain, "precedence"},
		{"newsletter", "Subject: Promo\nList-Unsubscribe: <https://example.fr/u>\nList-Unsubscribe-Post: List-Unsubscribe=One-Click", plain, "newsletter"},
		{"list-unsubscribe alone", "Subject: Promo\nList-Unsubscribe: <https://example.fr/u>", plain, "newsletter"},
		{"auto reply header", "Subject: x\nX-Autoreply: yes", plain, "auto_reply"},
		{"precedence auto_reply", "Subject: x\nPrecedence: auto_reply", plain, "auto_reply"},
		{"out of office, French, Exchange", "Subject: =?utf-8?Q?R=C3=A9ponse_automatique_:_votre_demande?=\nX-Auto-Response-Suppress: All", "\n\nJe suis absente.\n", "out_of_office"},
		{"out of office, French, no headers", "Subject: Absence du bureau", "\n\nBonjour, je suis actuellement en congé, de retour le 12 novembre.\n", "out_of_office"},
		{"out of office, English, no headers", "Subject: Automatic reply: your letter", "\n\nI am out of the office and will be back on Monday.\n", "out_of_office"},
		{"out of office, null path", "Return-Path: <>\nSubject: Out of office: your letter", "\n\nThank you.\n", "out_of_office"},
		{"bounce without report", "Return-Path: <>\nFrom: MAILER-DAEMON@example.fr\nSubject: failure notice", "\n\nHi. This is the qmail-send program.\n", "mailer_daemon"},
		{"bounce by postmaster", "Return-Path: < >\nFrom: postmaster@example.fr\nSubject: =?utf-8?Q?=C3=89chec_de_la_remise?=", "\n\nVotre message n'a pas été remis.\n", "null_return_path"},
		{"exim bounce", "Return-Path: <>\nX-Failed-Recipients: parti@example.fr\nSubject: Mail delivery failed", "\n\n.\n", "delivery_report"},

		{"plain citizen", "Subject: Lampadaire", plain, ""},
		{"auto-submitted no", "Subject: x\nAuto-Submitted: no", plain, ""},
		{"auto-submitted empty", "Subject: x\nAuto-Submitted: ", plain, ""},
		{"auto-submitted odd", "Subject: x\nAuto-Submitted: yes please", plain, ""},
		{"Outlook suppresses answers", "Subject: x\nX-Auto-Response-Suppress: DR, OOF, AutoReply\nX-MS-Has-Attach: yes", plain, ""},
		{"gateway with a null path", "Return-Path: <>\nSubject: Lampadaire", plain, ""},
		{"null path, citizen writes of delivery", "Return-Path: <>\nSubject: Re: Mail delivery\nIn-Reply-To: <a@b>", plain, ""},
		{"citizen speaks of an absence", "Subject: Absence de ramassage des ordures", plain, ""},
		{"parent whose child is away", "Subject: Absence", "\n\nBonjour, je serai absente la semaine prochaine avec mon fils, merci d'annuler ses repas du 28 septembre au 2 octobre inclus.\n", ""},
		{"citizen who had automatic answers", "Subject: Réponse automatique... et après", "\n\nTrois fois que je ne reçois que « je suis absent du bureau ». Y a-t-il quelqu'un ?\n", ""},
		{"office that is closed", "Subject: Absence Re: Votre demande\nIn-Reply-To: <a@b>", "\n\nVotre message nous est bien parvenu. L'étude est fermée du 3 au 7 avril inclus.\n", "out_of_office"},
		{"machine that says so", "Subject: Message bien reçu", "\n\nNous avons bien reçu votre e-mail. Merci de ne pas répondre à ce message.\n", "auto_reply"},
		{"driver's machine", "Subject: Re: Votre demande", "\n\nMerci pour votre message. Je vous répondrai dès que possible. Ceci est une réponse automatique, ne pas répondre.\n", "auto_reply"},
		{"citizen quotes a machine", "Subject: Re: Votre demande\nIn-Reply-To: <a@b>", "\n\nBonjour, j'ai bien reçu votre message automatique. Voici le plan de masse manquant et le formulaire signé.\n", ""},
		{"citizen tells of a machine", "Subject: Re: Votre demande", "\n\nVotre mail m'est bien parvenu : il dit de ne pas répondre à ce message, et il se trompe de parcelle. J'irai au tribunal.\n", ""},
		{"citizen in a hurry", "Subject: passeport", "\n\nJe n'ai eu qu'un message automatique : votre demande sera traitée dans les meilleurs délais. Or mon avion part vendredi.\n", ""},
		{"a child's absence", "Subject: Re: Absence de Léa à la cantine\nIn-Reply-To: <a@b>", "\n\nElle sera de retour le jeudi 10. Le certificat est en pièce jointe.\n", ""},
		{"a closed street", "Subject: Re: Fermeture de la rue Haute\nIn-Reply-To: <a@b>", "\n\nLa rue est fermée jusqu'au 12 octobre 2026 et les pompiers ne passent plus.\n", ""},
		{"machine's words from a person's program", "Subject: Message bien reçu\nUser-Agent: Mozilla Thunderbird", "\n\nNous avons bien reçu votre e-mail. Merci de ne pas répondre à ce message.\n", ""},
		{"citizen of a notice of absence", "Subject: Message d'absence sur votre panneau", plain, ""},
		{"citizen of office hours", "Subject: Out of office hours noise", "\n\nThe bar plays music at night.\n", ""},
		{"citizen speaks of her own absence", "Subject: Je suis absente mercredi, recensement", "\n\nBonjour, je suis absente mercredi, je souhaite un autre rendez-vous.\n", ""},
		{"citizen complains of our robot", "Subject: Réponse automatique inutile", "\n\nBonjour, votre réponse ne me sert à rien. Je demande un rendez-vous.\n", ""},
		{"citizen answers our receipt", "Subject: Re: Votre demande 2026-000123\nIn-Reply-To: <r@saint-exemple.fr>\nPrecedence: bulk", plain, ""},
		{"Thunderbird with odd precedence", "Subject: x\nUser-Agent: Mozilla Thunderbird\nPrecedence: bulk", plain, ""},
		{"provider adds list-unsubscribe", "Subject: x\nX-Mailer: Zimbra 8.8\nList-Unsubscribe: <mailto:u@example.fr>", plain, ""},
		{"town's own group", "Delivered-To: sve@saint-exemple.fr\nList-Id: <contact.saint-exemple.fr>\nPrecedence: list\nList-Unsubscribe: <mailto:u@saint-exemple.fr>\nSubject: x", plain, ""},
		{"citizen asks to unsubscribe", "Subject: Newsletter de la ville", "\n\nMerci de me désabonner de la newsletter, unsubscribe.\n", ""},
		{"a Mr Daemon", "From: Jean Daemon <j.daemon@example.fr>\nSubject: x", plain, ""},
		{"postmaster of an association writes", "From: postmaster@example.fr\nSubject: Salle des fêtes", plain, ""},
		{"X-Autoreply: no", "Subject: x\nX-Autoreply: no", plain, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			head := citizen
			if strings.Contains(tt.header, "From:") {
				head = "To: mairie@saint-exemple.fr\n"
			}
			m := Read(strings.NewReader(head+tt.header+tt.body), Options{})
			if code, _, _ := strings.Cut(m.Automatic, ":"); code != tt.want {
				t.Errorf("automatic is %q, want code %q", m.Automatic, tt.want)
			}
		})
	}
}
