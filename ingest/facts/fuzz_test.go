package facts_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"saisine.fr/saisine/ingest/facts"
)

// clean reports what no fact may be, whatever the text.
func clean(t *testing.T, values ...string) {
	t.Helper()
	for _, s := range values {
		if !utf8.ValidString(s) || strings.ContainsAny(s, "\x00\n\r") || s != strings.TrimSpace(s) || utf8.RuneCountInString(s) > 2000 {
			t.Errorf("no clean line: %q", s)
		}
	}
}

func FuzzSender(f *testing.F) {
	for _, s := range []string{
		longMail, "M. ", "Mme et ", "je m'appelle ", "12, rue", "06 39 98", "chez ", "la famille", "Merci,\nJ.", "-- \n", "PS", "Le 3 mars, a écrit :\n>", "\xff\x00", "İ ſ K ﬁ\u0301", "Étude d'", "contact Anne", "n°", "rés. \"", "+33 (0)", "(+33) 6 39 98 12 12",
		"Famille Petit et ", "12 rue de la ", "J'", "L'", "Appel de M. Petit, 5 rue", "père de Jean", "c/o", "99100 ", "FR76", "a@b.fr <a@b.fr>",
		"Merci\nUte Brandt\nRua do Carmo 31, 4000-123 Braga\nItalie", "7 Mill Lane\nCambridge CB2 1RX", "Montréal (Québec) H2X 1A4", "Ets Brun, directeur M. ", "Lina (Lina ", "Floc'h", "je loue un T2 ",
	} {
		for kind := range 4 {
			f.Add(kind, "Jean", "a@b.fr", s, s)
		}
	}
	f.Fuzz(func(t *testing.T, kind int, name, email, text, quoted string) {
		got := facts.Sender(facts.Input{Kind: facts.Kind(kind), Text: text, Quoted: quoted, Subject: quoted})
		clean(t, got.Name, got.Email, got.Phone, got.Address, got.Signature)
		facts.Sender(facts.Input{Kind: facts.Kind(kind), Header: facts.Person{Name: name, Email: email, Phone: name}, Text: text, Quoted: quoted})
	})
}

func FuzzFind(f *testing.F) {
	for _, s := range []string{
		"le 12 mars 2026, 12/03/26, 1er mai, 3 au 5 mai", "1 234,56 € 86€40", "PC 099 123 26 A0012", "AB-123-CD", "parcelle AC 145", "FR76 3000 6000 0112 3456 7890 189",
		"2 69 05 49 588 157 80", "dossier n° 12-A", "n°", "PC", "AB-", "12.", "\xff", "1,", "€",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := facts.Find(text)
		for _, d := range got.Dates {
			clean(t, d.Text)
			if d.Day.Month < 1 || d.Day.Month > 12 || d.Day.Day < 1 || d.Day.Day > 31 {
				t.Errorf("day %v", d.Day)
			}
		}
		for _, a := range got.Amounts {
			clean(t, a.Text)
			if a.Cents < 0 {
				t.Errorf("amount %d", a.Cents)
			}
		}
		for _, r := range got.References {
			clean(t, r.Value)
		}
	})
}

func FuzzPhone(f *testing.F) {
	for _, s := range []string{"06 39 98 12 12", "+33 (0)6", "0590 41 22 33", "+687 27 12 34", "++", "\xff", "00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		e := facts.E164(s)
		if e == "" {
			return
		}
		if e[0] != '+' || len(e) > 18 {
			t.Errorf("E164(%q) = %q", s, e)
		}
		if again := facts.E164(e); again != e {
			t.Errorf("E164(%q) = %q, and of that %q", s, e, again)
		}
		if shown := facts.E164(facts.Display(s)); shown != e {
			t.Errorf("E164(Display(%q)) = %q, want %q", s, shown, e)
		}
	})
}
