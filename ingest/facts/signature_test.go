package facts_test

import (
	"testing"

	"saisine.fr/saisine/ingest/facts"
)

// TestSigners reads signatures of two, with titles, and odd names.
func TestSigners(t *testing.T) {
	const say = "Bonjour,\nLe bac est cassé.\nMerci\n"
	run(t, facts.Mail, []senderCase{
		{name: "who of the two, in brackets", text: say + "Malik & Sophie (Sophie Aubry, 06 39 98 20 20)", who: "Sophie Aubry", phone: "06 39 98 20 20"},
		{name: "full name in brackets", text: say + "Sophie (Sophie Aubry)", who: "Sophie Aubry"},
		{name: "full name, and a first name", text: say + "Sophie Aubry et Malik", who: "Sophie Aubry"},
		{name: "two full names", text: say + "Sophie Aubry et Malik Benali", who: "Sophie Aubry et Malik Benali"},
		{name: "title nobody knows", text: say + "Sophie AUBRY\nCheffe de projet\nMétropole habitat", who: "Sophie AUBRY"},
		{name: "title and mobile", text: say + "Sophie Aubry\nInfographiste\nM. 06 39 98 20 20", who: "Sophie Aubry", phone: "06 39 98 20 20"},
		{name: "for others", text: say + "Sophie Aubry pour les parents de CM2", who: "Sophie Aubry"},
		{name: "at the house", text: say + "S. Aubry, au 6 rue des Forges", who: "S. Aubry", addr: "6 rue des Forges"},
		{name: "Breton c'h", text: say + "Nolwenn Cornec'h", who: "Nolwenn Cornec'h"},
		{name: "first name closes the text", text: "Bonjour, le bac est cassé. Sophie", who: "Sophie"},
		{name: "capitals at the end", text: "Bonjour, le trou est profond. Danger Mortel.", who: ""},
		{name: "label below", text: say + "Sophie Aubry\n06 39 98 20 20\nInsta : soaubry", who: "Sophie Aubry", phone: "06 39 98 20 20"},
		{name: "the town hall's address", text: "Bonjour, le bac est cassé.\n\nMairie de Saint-Exemple\n1 place de l'Hôtel-de-Ville\n99100 Saint-Exemple", who: ""},
		{name: "pet name", text: say + "Mamie Odile", who: "Mamie Odile"},
		{name: "surname in capitals", text: say + "AUBRY Pierre", who: "Pierre AUBRY"},
		{name: "first name in the text", text: "Bonjour, le bac de ma voisine est cassé. Sophie est âgée et ne peut le porter", who: ""},
		{name: "small letters, thanks", text: "le bac est cassé\nmerci beaucoup sophie aubry 6 rue des forges", who: "sophie aubry", addr: "6 rue des forges"},
	})
}
