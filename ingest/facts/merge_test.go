package facts_test

import (
	"testing"

	"saisine.fr/saisine/ingest/facts"
)

// TestLetterHead brings the name of a letter's head into the usual form.
func TestLetterHead(t *testing.T) {
	const rest = "\n4 rue du Four\n99100 Saint-Exemple\n\nMadame,\n\nNous attendons une réponse depuis un mois.\n\nVeuillez agréer, Madame, nos salutations.\n\n"
	for _, c := range []struct{ head, want string }{
		{"Aubry Sophie", "Sophie Aubry"},
		{"Peter and Jane Mills", "Peter et Jane Mills"},
		{"Aubry Sophie (Les Amis du Port)", "Sophie Aubry (Les Amis du Port)"},
		{"Martin Pierre", "Martin Pierre"}, // both are first names and surnames
		{"MARTIN Pierre", "Pierre MARTIN"},
		{"M. et Mme Aubry", "M. et Mme Aubry"},
	} {
		got := facts.Sender(facts.Input{Kind: facts.Letter, Header: facts.Person{Name: c.head}, Text: c.head + rest})
		if got.Name != c.want {
			t.Errorf("%q became %q, want %q", c.head, got.Name, c.want)
		}
	}
}
