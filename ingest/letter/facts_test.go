package letter_test

import (
	"strings"
	"testing"
	"time"

	"saisine.fr/saisine/ingest/letter"
)

// body makes a letter of a head and an end.
func body(head, end string) string {
	return head + "\n\nMadame la Maire,\n\nJe vous écris au sujet de la rue Basse, où il se passe depuis le 3 mai 2020 des choses que je ne comprends pas.\n\n" + end
}

const closing = "Veuillez agréer, Madame la Maire, mes salutations distinguées.\n\n"

func TestDate(t *testing.T) {
	for line, want := range map[string]string{
		"Saint-Aubin, le 14 mars 2026":               "2026-03-14",
		"À Saint-Exemple, le 14 mars 2025":           "2025-03-14",
		"L'Haÿ-les-Roses, le 14 mars 2026":           "2026-03-14",
		"le 14/03/2026":                              "2026-03-14",
		"Le mardi 3 mars 2026":                       "2026-03-03",
		"14.03.26":                                   "2026-03-14",
		"14 - 03 - 2026":                             "2026-03-14",
		"Fait à Lyon le 1er mars 2026":               "2026-03-01",
		"Lyon, le ler mars 2026":                     "2026-03-01",
		"Lyon, le l4 mars 2O26":                      "2026-03-14",
		"Lyon, Ie 14 fevrjer 2026":                   "2026-02-14",
		"Lyon, le 14 févr. 2026":                     "2026-02-14",
		"Lyon, 14 aout 2026":                         "2026-08-14",
		"Date : 14/03/2026":                          "2026-03-14",
		"Lyon, le 8 septembre\n2026":                 "2026-09-08",
		"Lyon, le\u00a014\u00a0mars\u00a02026":       "2026-03-14",
		"Lyon, le 29 février 2025":                   "", // no such day
		"Lyon, le 31 avril 2026":                     "",
		"Lyon, le 14 maj 2026":                       "",
		"Lyon, le 14 jui 2026":                       "", // June or July
		"Lyon, le 14 juis 2026":                      "", // the same
		"le 14/13/2026":                              "",
		"19 rue du 11 Novembre 1918":                 "",
		"Place du 8 mai 1945":                        "",
		"Rue du 19 mars 1962":                        "",
		"Née le 14 mars 1970":                        "",
		"Né(e) le : 14/03/1970":                      "",
		"Votre courrier du 14 mars 2026":             "",
		"Facture du 14 mars 2026":                    "",
		"Séance du 14 mars 2026":                     "",
		"Vos réf. : courriel du 2 mars 2026":         "",
		"Objet : réunion le 14 mars 2026":            "",
		"Lyon, le 14 mars 2026\nParis, le 15/3/2026": "", // which of them?
	} {
		got := ""
		if d := letter.Read(body("Jean Dupont\n3 rue Basse\n69999 Lyon\n\n"+line, closing+"Jean Dupont")).Date; !d.IsZero() {
			got = d.Format(time.DateOnly)
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", line, got, want)
		}
	}
}

func TestDateBesideTheSignature(t *testing.T) {
	f := letter.Read(body("Jean Dupont\n3 rue Basse\n69999 Lyon", "Fait à Lyon, le 2 mai 2026\n\nJean Dupont"))
	if got := f.Date.Format(time.DateOnly); got != "2026-05-02" || f.Signature != "Jean Dupont" {
		t.Errorf("got %s, %q", got, f.Signature)
	}
}

func TestPhone(t *testing.T) {
	for line, want := range map[string]string{
		"Tél. : 06 12 34 56 78":                  "06 12 34 56 78",
		"Tél. 06 12 34 56 78 ou le soir":         "06 12 34 56 78", // the o is no figure
		"06.12.34.56.78":                         "06 12 34 56 78",
		"06-12-34-56-78":                         "06 12 34 56 78",
		"Port. 0612345678":                       "06 12 34 56 78",
		"Tél 06 123 456 78":                      "06 12 34 56 78",
		"Tél. O6 l2 34 56 78":                    "06 12 34 56 78",
		"+33 6 12 34 56 78":                      "+33 6 12 34 56 78",
		"+33 (0)6 12 34 56 78":                   "+33 6 12 34 56 78",
		"0033612345678":                          "+33 6 12 34 56 78",
		"+262 692 12 34 56":                      "+262 692 12 34 56",
		"00 262 692 12 34 56":                    "+262 692 12 34 56",
		"+687 12 34 56":                          "+687 12 34 56",
		"0690 12 34 56":                          "06 90 12 34 56",
		"Fax 04 12 34 56 78 Tél 06 12 34 56 78":  "06 12 34 56 78",
		"Fax : 04 12 34 56 78":                   "",
		"SIRET 06 12 34 56 78 00017":             "",
		"SIRET 512 874 336 00027":                "",
		"IBAN FR76 0612 3456 7806 1234 5678 901": "",
		"Tél. 00 12 34 56 78":                    "",
		"Tél. 06 12 34 56":                       "",
		"06 12 34 56 789":                        "",
		"14.03.2026":                             "",
		"Dossier 0612345678":                     "",
		"n° 0612345678":                          "",
		"06-1234-5678":                           "", // the groups of no phone number, and no label
		"+44 20 7946 0018":                       "", // not French
	} {
		text := body("Jean Dupont\n3 rue Basse\n69999 Lyon\n"+line, closing+"Jean Dupont")
		if got := letter.Read(text).Sender.Phone; got != want {
			t.Errorf("%q: got %q, want %q", line, got, want)
		}
	}
}

func TestEmail(t *testing.T) {
	for line, want := range map[string]string{
		"jean.dupont@exemple.fr":            "jean.dupont@exemple.fr",
		"Courriel : Jean.Dupont@Exemple.fr": "jean.dupont@exemple.fr",
		"jean.dupont @ exemple.fr":          "jean.dupont@exemple.fr",
		"jean.dupont@exemple,fr":            "jean.dupont@exemple.fr",
		"jean@exemple. com":                 "jean@exemple.com",
		"j_d+x@sous.domaine.exemple.org":    "j_d+x@sous.domaine.exemple.org",
		"‘jean.dupont@exemple.fr":           "jean.dupont@exemple.fr",
		"jean.dupont@exemple":               "",
		"éric@exemple.fr":                   "", // cut off at the letter that OCR made up
		"@jeandupont":                       "",
		"jean@exemple,xyz":                  "",
	} {
		text := body("Jean Dupont\n3 rue Basse\n69999 Lyon\n"+line, closing+"Jean Dupont")
		if got := letter.Read(text).Sender.Email; got != want {
			t.Errorf("%q: got %q, want %q", line, got, want)
		}
	}
}

func TestSubject(t *testing.T) {
	for line, want := range map[string]string{
		"Objet : la rue":                             "la rue",
		"OBJET: LA RUE":                              "LA RUE",
		"Obj. la rue":                                "la rue",
		"Obj : la rue":                               "la rue",
		"Objet . la rue":                             "la rue",
		"Object : la rue":                            "la rue",
		"Ob jet : la rue":                            "la rue",
		"0bjet ; la rue":                             "la rue",
		"Obiet : la rue":                             "la rue",
		"‘Objet : la rue":                            "la rue",
		"Objet la rue Basse":                         "la rue Basse",
		"Objet de ma demande : la rue":               "la rue",
		"Sujet : la rue":                             "la rue",
		"Objet :\nla rue":                            "la rue",
		"Objet : la rue\net le pont":                 "la rue et le pont",
		"Objet : la rue\nVos réf. : 12":              "la rue",
		"Objet : la rue\nLyon, le 3 mai 2026":        "la rue",
		"Objet : la rue\nLettre recommandée avec AR": "la rue",
		"Objets trouvés":                             "",
		"Objectif 2030":                              "",
		"Objet :":                                    "",
		"Objet d'art":                                "",
	} {
		text := body("Jean Dupont\n3 rue Basse\n69999 Lyon\n\n"+line, closing+"Jean Dupont")
		if got := letter.Read(text).Subject; got != want {
			t.Errorf("%q: got %q, want %q", line, got, want)
		}
	}
}

func TestReferences(t *testing.T) {
	type refs struct{ yours, ours string }
	for line, want := range map[string]refs{
		"Vos réf. : AB 12":                   {"AB 12", ""},
		"V/Réf : AB 12":                      {"AB 12", ""},
		"Votre référence : AB 12":            {"AB 12", ""},
		"Vos références : AB 12":             {"AB 12", ""},
		"Nos réf : AB 12":                    {"", "AB 12"},
		"N/Réf. AB 12":                       {"", "AB 12"},
		"N/Réf : 1 - V/Réf : 2":              {"2", "1"},
		"N/Réf : 1        V/Réf : 2":         {"2", "1"},
		"V/Ref : votre lettre du 3 mai 2026": {"votre lettre du 3 mai 2026", ""},
		"Réf. : AB 12":                       {"AB 12", ""}, // a citizen's: the town's number
		"Référence dossier : AB 12":          {"AB 12", ""},
		"Dossier n° : AB 12":                 {"AB 12", ""},
		"Référent : Mme Durand":              {},
		"Préférence : le matin":              {},
		"Vos réf. :":                         {},
	} {
		f := letter.Read(body("Jean Dupont\n3 rue Basse\n69999 Lyon\n\n"+line, closing+"Jean Dupont"))
		if got := (refs{f.YourRef, f.OurRef}); got != want {
			t.Errorf("%q: got %q, want %q", line, got, want)
		}
	}
	f := letter.Read(body("Garage Dupont SARL\n3 rue Basse\n69999 Lyon\n\nRéf. : AB 12", closing+"Jean Dupont"))
	if f.OurRef != "AB 12" || f.YourRef != "" {
		t.Errorf("a firm's own reference: got %q and %q", f.YourRef, f.OurRef)
	}
}

func TestRegistered(t *testing.T) {
	for line, want := range map[string]bool{
		"Lettre recommandée avec accusé de réception":         true,
		"LETTRE RECOMMANDÉE AVEC DEMANDE D'AVIS DE RÉCEPTION": true,
		"Lettre recommandee avec avis de reception n° 1A 198": true,
		"LRAR":                             true,
		"L.R.A.R.":                         true,
		"Par LRAR n° 2C 153":               true,
		"Recommandé avec A.R.":             true,
		"Envoi recommandé A.R.":            true,
		"R.A.R. 1A 198 452 7763 5":         true,
		"Objet : votre lettre recommandée": false,
		"Lettre simple":                    false,
		"Larare":                           false,
	} {
		text := body("Jean Dupont\n3 rue Basse\n69999 Lyon\n\n"+line, closing+"Jean Dupont")
		if got := letter.Read(text).Registered; got != want {
			t.Errorf("%q: got %v, want %v", line, got, want)
		}
	}
	text := body("Jean Dupont\n3 rue Basse\n69999 Lyon", "Je vous ai écrit par lettre recommandée avec accusé de réception.\n\n"+closing+"Jean Dupont")
	if letter.Read(text).Registered {
		t.Error("an earlier registered letter makes this one registered")
	}
}

func TestEnclosures(t *testing.T) {
	for end, want := range map[string]string{
		"P.J. : un devis, deux photos":                                      "un devis | deux photos",
		"PJ : un devis (Dupont, Lyon) ; deux photos":                        "un devis (Dupont, Lyon) | deux photos",
		"Pièces jointes :\n- un devis\n- deux photos":                       "un devis | deux photos",
		"Pièces jointes :\n\n• un devis\n\n• deux photos\n\nwww.exemple.fr": "un devis | deux photos",
		"Annexes : 1) un plan\n2) un devis":                                 "un plan | un devis",
		"P.J. : un devis,\ndeux photos\nCopie : la préfecture":              "un devis | deux photos",
		"Pièces jointes : 5":                                                "",
		"P.J. (3)":                                                          "",
		"":                                                                  "",
	} {
		got := letter.Read(body("Jean Dupont\n3 rue Basse\n69999 Lyon", closing+"Jean Dupont\n\n"+end))
		if s := strings.Join(got.Enclosures, " | "); s != want {
			t.Errorf("%q: got %q, want %q", end, s, want)
		}
		if got.Signature != "Jean Dupont" {
			t.Errorf("%q: signature %q", end, got.Signature)
		}
	}
}

// TestPages holds that the first page that is not blank carries the head, that the
// letter's own end carries the signature, and that enclosures behind it say nothing.
func TestPages(t *testing.T) {
	first := "Jean Dupont\n3 rue Basse\n69999 Lyon\n\nMairie de Lyon\n\nLyon, le 3 mai 2026\n\nObjet : la rue\n\nMadame la Maire,\n\nJe vous écris au sujet de la rue Basse, où il se passe des choses."
	second := "Je ne comprends pas que vos services ne viennent pas voir.\n\nJe vous prie d'agréer mes salutations.\n\nJean Dupont\n\nP.J. : un devis"
	other := "Garage Martin SARL\n9 rue Haute\n38999 Vienne\nTél. 04 12 34 56 78\n\nVienne, le 9 juin 2025\n\nObjet : devis\n\nMonsieur,\n\nVoici notre devis.\n\nCordialement\n\nPaul Martin"
	f := letter.Read("", " \n ", first, second, other)
	want := letter.Facts{
		Sender:  letter.Sender{Name: "Jean Dupont", Address: "3 rue Basse, 69999 Lyon"},
		Date:    time.Date(2026, 5, 3, 0, 0, 0, 0, time.UTC),
		Subject: "la rue", Signature: "Jean Dupont", Enclosures: []string{"un devis"},
	}
	if got, exp := strings.Join(fields(f), "|"), strings.Join(fields(want), "|"); got != exp {
		t.Errorf("got  %s\nwant %s", got, exp)
	}
}

// TestNeverTheRecipient tries the ways in which towns are addressed, before and after
// the sender's own block and without one.
func TestNeverTheRecipient(t *testing.T) {
	blocks := []string{
		"Monsieur le Maire\nMairie de Lugny\n1 place de la Mairie\n69999 Lugny\nTél. 04 12 34 56 78\nmairie@lugny.example",
		"Madame la Maire de Lugny\nHôtel de Ville\n69999 Lugny",
		"Mairie\nService de l'état civil\nPlace de la Mairie\n69999 Lugny",
		"MAIRIE DE LUGNY\nM. Jean Martin, maire\n1 place de la Mairie\n69999 Lugny",
		"À l'attention de Mme Martin\nServices techniques\n69999 Lugny",
		"Monsieur l'Adjoint à la voirie\nMairie de Lugny\n69999 Lugny",
		"Mesdames et Messieurs les élus\nConseil municipal\n69999 Lugny",
		"Monsieuv le Marie\nMairte de Lugny\n1 place de la Maine\n69999 Lugny", // OCR
		"CCAS de Lugny\n2 rue de la Poste\n69999 Lugny",
		"Service urbanisme\n1, place de la Mairie\n69999 Lugny",
		"Hôtel de Ville\nService du courrier\n\n1, place de l'Hôtel-de-Ville\n69999 Lugny",
	}
	own := "Luc Perrot\n3 rue Basse\n38999 Vienne"
	for _, b := range blocks {
		for _, head := range []string{own + "\n\n" + b, b + "\n\n" + own, own + "\n" + b} {
			s := letter.Read(body(head, closing+"Luc Perrot")).Sender
			if s.Name != "Luc Perrot" || s.Address != "3 rue Basse, 38999 Vienne" || strings.Contains(s.Email, "mairie") {
				t.Errorf("%q:\ngot %+v", head, s)
			}
		}
		if s := letter.Read(body(b, closing)).Sender; s != (letter.Sender{}) {
			t.Errorf("%q alone: got %+v", b, s)
		}
	}
}

func TestNothingIsSaid(t *testing.T) {
	for _, text := range []string{"", " \n\n", "\x00\xff", "Bonjour", "Il y a un trou.", "12345", strings.Repeat("\n", 1000), "Madame, Monsieur,\n\nIl pleut dans l'école."} {
		if f := letter.Read(text); strings.Join(fields(f), "") != "" {
			t.Errorf("%q: got %+v", text, f)
		}
	}
	if f := letter.Read(); f.Sender.Name != "" {
		t.Error("no pages, but a sender")
	}
}

// TestStrayBlankLines reads heads as OCR gives them: with a blank line wherever two lines
// stand a little wider apart, or after every line.
func TestStrayBlankLines(t *testing.T) {
	for head, want := range map[string]letter.Sender{
		"Luc Perrot\n3 rue Basse\n\n38999 Vienne\nTél. : 06 12 34 56 78\n‘luc@exemple.fr\n\nMadame la Maire\n\nMairie de Lugny\nService du courrier\n\n1, place de l'Hôtel-de-Ville\n69999 Lugny": {
			Name: "Luc Perrot", Address: "3 rue Basse, 38999 Vienne", Phone: "06 12 34 56 78", Email: "luc@exemple.fr",
		},
		"Luc Perrot\n\nLes Essarts\n\n38999 Vienne\n\nMairie de Lugny\n\n1, place de la Mairie\n\n69999 Lugny\n\nVienne, le 3 mai 2026": {
			Name: "Luc Perrot", Address: "Les Essarts, 38999 Vienne",
		},
		"Association Les Amis\n\nLoi 1901 - SIRET 512 874 336 00027\n3 rue Basse\n\n38999 Vienne\n\nMairie de Lugny\n\n69999 Lugny": {
			Name: "Luc Perrot (Association Les Amis)", Address: "3 rue Basse, 38999 Vienne",
		},
	} {
		if got := letter.Read(body(head, closing+"Luc Perrot")).Sender; got != want {
			t.Errorf("%q:\n got %+v\nwant %+v", head, got, want)
		}
	}
}

// TestLongParagraph holds that the name at the end of a paragraph on one line is found,
// however long the paragraph is.
func TestLongParagraph(t *testing.T) {
	text := "Bonjour, " + strings.Repeat("il y a un trou dans la rue, ", 1000) + "merci. Luc Perrot"
	if got := letter.Read(text).Signature; got != "Luc Perrot" {
		t.Errorf("got %q", got)
	}
}

// TestQuotedHistory holds that the mail below the mail is another one's.
func TestQuotedHistory(t *testing.T) {
	own := "Bonjour,\n\nOui, nous viendrons à la réunion.\n\n"
	for _, quoted := range []string{
		"De : Paul Martin <paul@exemple.fr>\nObjet : réunion\n\nVenez.\n\nCordialement\nPaul Martin",
		"Le 3 mai 2026 à 10:12, Paul Martin a écrit :\n> Venez.\n> Paul Martin",
		"-----Message d'origine-----\nObjet : réunion\n\nCordialement\nPaul Martin",
		"> Venez.\n>\n> Paul Martin",
	} {
		if got := strings.Join(fields(letter.Read(own+quoted)), ""); got != "" {
			t.Errorf("%q: got %q", quoted, got)
		}
	}
}

// TestHouseOfAFirm holds that a capitalised line below a firm's name is no person unless
// something says so: a civility, a role or the signature.
func TestHouseOfAFirm(t *testing.T) {
	for below, want := range map[string]string{
		"Les Tilleuls Dorés":      "Luc Perrot (Association Les Amis)",
		"L. Perrot":               "L. Perrot (Association Les Amis)",
		"Mme Anne Durand":         "Anne Durand (Association Les Amis)",
		"Anne Durand, trésorière": "Anne Durand (Association Les Amis)",
		"c/o Anne Durand":         "Anne Durand (Association Les Amis)",
	} {
		got := letter.Read(body("Association Les Amis\n"+below+"\n3 rue Basse\n38999 Vienne", closing+"Luc Perrot")).Sender
		if got.Name != want || got.Address != "3 rue Basse, 38999 Vienne" {
			t.Errorf("%q: got %+v", below, got)
		}
	}
}

// TestHeadLines tries lines of a head that say who the sender is beside the name.
func TestHeadLines(t *testing.T) {
	const address = "3 rue Basse\n69999 Lyon"
	for head, want := range map[string]string{
		"Mme Lise Moreau\nM. Paul Garnier\n" + address:                          "Lise Moreau et Paul Garnier",
		"John and Mary PRICE\nLe Vieux Puits\n" + address:                       "John and Mary PRICE",
		"Luc Verdier\nDélégué des parents, école du Bourg\n" + address:          "Luc Verdier",
		"Luc Verdier\nAncien instituteur\n" + address:                           "Luc Verdier",
		"Luc Verdier\nAdjoint technique\nVille de Port-Aval\n" + address:        "Luc Verdier",
		"Indivision VERDIER\nReprésentée par Mme Lise Moreau\n" + address:       "Lise Moreau (Indivision VERDIER)",
		"Association des jardins\nSiège : 3 rue Basse\n69999 Lyon\nLise Moreau": "Association des jardins",
	} {
		got := letter.Read(body(head, closing)).Sender
		if got.Name != want {
			t.Errorf("%q: name %q, want %q", head, got.Name, want)
		}
		if !strings.HasSuffix(got.Address, "3 rue Basse, 69999 Lyon") || strings.Contains(got.Address, "Siège") || strings.Contains(got.Address, "technique") || strings.Contains(got.Address, "instituteur") {
			t.Errorf("%q: address %q", head, got.Address)
		}
	}
}
