package facts_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"saisine.fr/saisine/ingest/facts"
)

// show writes facts as a line each: what they are and what they say.
func show(f facts.Facts) []string {
	var out []string
	for _, d := range f.Dates {
		out = append(out, d.Day.String()+" "+d.Text)
	}
	for _, a := range f.Amounts {
		out = append(out, fmt.Sprintf("%d %s", a.Cents, a.Text))
	}
	for _, r := range f.References {
		out = append(out, string(r.Kind)+" "+r.Value)
	}
	return out
}

func TestFind(t *testing.T) {
	for text, want := range map[string][]string{
		"Réunion le 12 mars 2026 à 18 h.":            {"2026-03-12 12 mars 2026"},
		"Le jeudi 12 mars, personne.":                {"--03-12 jeudi 12 mars"},
		"le 1er mai et le 14 juillet":                {"--05-01 1er mai", "--07-14 14 juillet"},
		"du 3 au 5 mai 2026":                         {"2026-05-03 3 au 5 mai 2026", "2026-05-05 5 mai 2026"},
		"le 12/03/26, puis 13/03/2026":               {"2026-03-12 12/03/26", "2026-03-13 13/03/2026"},
		"née le 04.02.1958, 04/02/58":                {"1958-02-04 04.02.1958", "1958-02-04 04/02/58"},
		"reçu 2026-03-12":                            {"2026-03-12 2026-03-12"},
		"passage le 12/03 au matin":                  {"--03-12 12/03"},
		"les 3/4 du temps, 24/24 et 7/7":             nil,
		"le 31 février 2026 et le 29 février":        {"--02-29 29 février"},
		"12 sept. 2026":                              {"2026-09-12 12 sept. 2026"},
		"3 mai au matin, 45 mai":                     {"--05-03 3 mai"},
		"une amende de 135 €":                        {"13500 135 €"},
		"1 234,56 € ou 1.234,56 EUR":                 {"123456 1 234,56 €", "123456 1.234,56 EUR"},
		"412 euros, 86€40, 384€":                     {"41200 412 euros", "8640 86€40", "38400 384€"},
		"12,5 € le mètre":                            {"1250 12,5 €"},
		"1\u202f250\u00a0€":                          {"125000 1 250 €"},
		"en 2025 384 € de trop":                      {"38400 384 €"},
		"12 mètres, 40 personnes":                    nil,
		"999 999 999 999 999 999 €":                  nil,
		"titre de recette n° 2026-118":               {"title 2026-118"},
		"titre exécutoire n°2026-118":                {"title 2026-118"},
		"Avis des sommes à payer n° 2025/4471":       {"title 2025/4471"},
		"notre facture FA-2026-031 du 12 février":    {"--02-12 12 février", "invoice FA-2026-031"},
		"dossier n° 44 12 871":                       {"file 44 12 871"},
		"l'index facturé est 48 127":                 nil,
		"mon dossier de 12 pages":                    nil,
		"dossier reçu le 12/03/2026":                 {"2026-03-12 12/03/2026"},
		"Dossier : ABC/2025-77":                      {"file ABC/2025-77"},
		"contrat n° 0099 8877":                       {"contract 0099 8877"},
		"police d'assurance n° MX4471":               {"contract MX4471"},
		"client n° 445566":                           {"client 445566"},
		"demande 2026-000123":                        {"other 2026-000123"},
		"bon de commande 26-0044":                    {"order 26-0044"},
		"concession n° 312":                          {"grave 312"},
		"permis PC 099 123 26 A0012 accordé":         {"permit PC 099 123 26 A0012"},
		"PC09912326A0012":                            {"permit PC 099 123 26 A0012"},
		"DP n° 099 100 25 00014":                     {"permit DP 099 100 25 00014"},
		"mon PC est en panne depuis 2025":            nil,
		"un véhicule AB-123-CD":                      {"plate AB-123-CD"},
		"ab-123-cd garée":                            {"plate AB-123-CD"},
		"le fourgon AB 123 CD, puis BC456DE":         {"plate AB-123-CD", "plate BC-456-DE"},
		"immatriculé 1234 AB 75":                     {"plate 1234 AB 75"},
		"IO-123-CD":                                  nil,
		"la parcelle AC 145":                         {"plot AC 145"},
		"cadastrée section AD n° 118":                {"plot AD 118"},
		"Propriétaire de la parcelle B 0412":         {"plot B 0412"},
		"parcelle ZA12":                              {"plot ZA 12"},
		"la parcelle est à vendre":                   nil,
		"IBAN FR76 3000 6000 0112 3456 7890 189":     {"iban …0189"},
		"FR7630006000011234567890189":                {"iban …0189"},
		"FR12 3000 6000 0112 3456 7890 188 est faux": {"iban …0188"},
		"virer sur BE68 5390 0754 7034":              {"iban …7034"},
		"BE69 5390 0754 7034 n'est rien":             nil,
		"sécu 2 69 05 49 588 157 80, merci":          {"security …"},
		"n° 269054958815780":                         {"security …"},
		"1 85 05 2A 004 084 36":                      {"security …"},
		"appelez le 06 39 98 12 12":                  nil,
		"":                                           nil,
		"Dossier n° \x00\xff 12 12 mars \U0001F600":  {"--03-12 12 mars"},
	} {
		if got := show(facts.Find(text)); !reflect.DeepEqual(got, want) {
			t.Errorf("%q:\ngot  %q\nwant %q", text, got, want)
		}
	}
}

// TestNoSecrets tries that no way of writing them lets a bank account or a social security
// number through.
func TestNoSecrets(t *testing.T) {
	for _, text := range []string{
		"dossier n° 2 69 05 49 588 157 80", "réf. FR76 3000 6000 0112 3456 7890 189", "contrat FR7630006000011234567890189",
		"client n° 269054958815780", "dossier : 2.69.05.49.588.157.80", "réf 2690549588157", "facture n° 1 85 05 2A 004 084 36",
	} {
		for _, r := range facts.Find(text).References {
			if d := strings.Map(func(r rune) rune {
				if r >= '0' && r <= '9' {
					return r
				}
				return -1
			}, r.Value); len(d) > 4 {
				t.Errorf("%q: %v", text, r)
			}
		}
	}
}

func TestNear(t *testing.T) {
	at := time.Date(2026, 1, 10, 9, 0, 0, 0, time.UTC)
	for day, want := range map[facts.Day]string{
		{Month: 12, Day: 28}:            "2025-12-28",
		{Month: 1, Day: 12}:             "2026-01-12",
		{Month: 3, Day: 1}:              "2026-03-01",
		{Year: 2019, Month: 3, Day: 1}:  "2019-03-01",
		{Year: 2024, Month: 2, Day: 29}: "2024-02-29",
	} {
		if got := day.Near(at).Format(time.DateOnly); got != want {
			t.Errorf("%v near %v = %s, want %s", day, at, got, want)
		}
	}
}

func TestFindIsBounded(t *testing.T) {
	for _, unit := range []string{"a ", "\n", "1", "1 ", "12 mars ", "dossier n° ", "dossier n° A1-", "1.", "12/", "12 €", "PC 099 ", "AB-", "FR76", "2 69 05 ", "parcelle ", "\xff", "A1", "facture : "} {
		start := time.Now()
		f := facts.Find(strings.Repeat(unit, 4<<20/len(unit)))
		if took := time.Since(start); took > 3*time.Second {
			t.Errorf("%q: %v", unit, took)
		}
		if len(f.Dates) > 50 || len(f.Amounts) > 50 || len(f.References) > 50 {
			t.Errorf("%q: %d dates, %d amounts, %d references", unit, len(f.Dates), len(f.Amounts), len(f.References))
		}
	}
}

// TestFindKeepsFew tries the bounds in number and in length.
func TestFindKeepsFew(t *testing.T) {
	var b strings.Builder
	for i := range 200 {
		fmt.Fprintf(&b, "%d € dossier n° %d, le %02d/%02d/2026. ", 1000+i, 5000+i, i%28+1, i%12+1)
	}
	f := facts.Find(b.String())
	if len(f.Dates) != 50 || len(f.Amounts) != 50 || len(f.References) != 50 {
		t.Errorf("%d dates, %d amounts, %d references", len(f.Dates), len(f.Amounts), len(f.References))
	}
	if f := facts.Find(strings.Repeat("mot ", 1<<15) + "le 12 mars 2026"); len(f.Dates) != 0 {
		t.Errorf("read too far: %v", f.Dates)
	}
}

func BenchmarkFind(b *testing.B) {
	b.SetBytes(int64(len(longMail)))
	for b.Loop() {
		facts.Find(longMail)
	}
}
