package letter_test

import (
	"testing"

	"saisine.fr/saisine/ingest/letter"
)

// TestFirmHeads reads heads of firms that say more than their name and address.
func TestFirmHeads(t *testing.T) {
	for _, c := range []struct{ name, head, end, who, address string }{
		{"slogan", "ROCHE & FILLE — portes, escaliers\n3 rue Basse\n69999 Lyon", closing + "Alban Roche", "Alban Roche (ROCHE & FILLE)", "3 rue Basse, 69999 Lyon"},
		{"slogan with a capital", "Garage Roche - Vente, réparation\n3 rue Basse\n69999 Lyon", closing + "Alban Roche", "Alban Roche (Garage Roche)", "3 rue Basse, 69999 Lyon"},
		{"section, no slogan", "Amicale du Lac – Section de Lyon\n3 rue Basse\n69999 Lyon", closing + "Alban Roche", "Alban Roche (Amicale du Lac – Section de Lyon)", "3 rue Basse, 69999 Lyon"},
		{"age", "Garage Roche\nMaison familiale depuis 1931\n3 rue Basse\n69999 Lyon", closing + "Alban Roche", "Alban Roche (Garage Roche)", "3 rue Basse, 69999 Lyon"},
		{"father to son", "Garage Roche\nDe père en fils\n3 rue Basse\n69999 Lyon", closing + "Alban Roche", "Alban Roche (Garage Roche)", "3 rue Basse, 69999 Lyon"},
		{"a house is no motto", "Alban Roche\nMaison des Sources\n3 rue Basse\n69999 Lyon", closing + "Alban Roche", "Alban Roche", "Maison des Sources, 3 rue Basse, 69999 Lyon"},
		{"dotted legal form", "S.A.R.L. LE PARE DE L'OUEST\n3 rue Basse\n69999 Lyon", closing + "Alban Roche", "Alban Roche (S.A.R.L. LE PARE DE L'OUEST)", "3 rue Basse, 69999 Lyon"},
		{"notary", "Étude de Maître Odile Roche\n3 rue Basse\n69999 Lyon", "", "Me Odile Roche", "3 rue Basse, 69999 Lyon"},
		{"clerk of the notary", "Étude de Maître Odile Roche\n3 rue Basse\n69999 Lyon", closing + "Paul Brun, clerc", "Paul Brun (Étude de Maître Odile Roche)", "3 rue Basse, 69999 Lyon"},
		{"two notaries", "Étude de Maître Odile Roche et Maître Paul Brun\n3 rue Basse\n69999 Lyon", "", "Étude de Maître Odile Roche et Maître Paul Brun", "3 rue Basse, 69999 Lyon"},
		{"by order", "Copropriété Les Tilleuls\nP/O le syndic bénévole, Alban Roche\n3 rue Basse\n69999 Lyon", closing, "Alban Roche (Copropriété Les Tilleuls)", "3 rue Basse, 69999 Lyon"},
		{"care of an officer", "Comité du Lac\nc/o Alban Roche, secrétaire\n3 rue Basse\n69999 Lyon", closing, "Alban Roche (Comité du Lac)", "3 rue Basse, 69999 Lyon"},
		{"officer on the line of the address", "Amicale du Lac\nLe président : Alban Roche, 3 rue Basse, 69999 Lyon", closing + "Alban Roche", "Alban Roche (Amicale du Lac)", "3 rue Basse, 69999 Lyon"},
		{"room in a home", "Odile Roche\nMaison de retraite Les Pins, chambre 3\n69999 Lyon", closing + "Odile Roche", "Odile Roche", "Maison de retraite Les Pins, chambre 3, 69999 Lyon"},
		{"house with a name", "Odile Roche\nvilla dite « Les Pins », 3 rue Basse, 69999 Lyon", closing + "Odile Roche", "Odile Roche", "villa dite « Les Pins », 3 rue Basse, 69999 Lyon"},
		{"town behind à", "", "Je soussignée Odile Roche, demeurant 3 rue Basse à 69999 Lyon, conteste l'avis.\n\n" + closing + "Odile Roche", "Odile Roche", "3 rue Basse, 69999 Lyon"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := letter.Read(body(c.head, c.end)).Sender
			if got.Name != c.who || got.Address != c.address {
				t.Errorf("got %q, %q\nwant %q, %q", got.Name, got.Address, c.who, c.address)
			}
		})
	}
}
