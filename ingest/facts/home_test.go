package facts_test

import (
	"testing"

	"saisine.fr/saisine/ingest/facts"
)

// TestSentences reads the sender's home out of sentences.
func TestSentences(t *testing.T) {
	run(t, facts.Mail, []senderCase{
		{name: "tenant of a flat", text: "Bonjour, je loue un deux-pièces au rez-de-chaussée, 6 rue des Forges, très humide.\nLina Sadi", who: "Lina Sadi", addr: "6 rue des Forges"},
		{name: "buyer of a house", text: "Nous venons d'acheter la maison située 6 rue des Forges et il n'y a pas de bac.\nLina Sadi", who: "Lina Sadi", addr: "6 rue des Forges"},
		{name: "flat that one rents", text: "Le logement que je loue au 6 rue des Forges est insalubre.\nLina Sadi", who: "Lina Sadi", addr: "6 rue des Forges"},
		{name: "hall to rent", text: "Je loue souvent la salle du 6 rue des Forges et il fait froid.\nLina Sadi", who: "Lina Sadi"},
		{name: "field to buy", text: "J'achète le terrain au 6 rue des Forges : quel zonage ?\nLina Sadi", who: "Lina Sadi"},
		{name: "bought at a shop", text: "J'ai acheté au 6 rue des Forges un sac de sel, où le jeter ?\nLina Sadi", who: "Lina Sadi"},
		{name: "floor behind", text: "Je vis au 6 rue des Forges, quatrième étage, sans ascenseur.\nLina Sadi", who: "Lina Sadi", addr: "6 rue des Forges"},
		{name: "flat stays", text: "Je vis au 6 rue des Forges, appt 41, sans ascenseur.\nLina Sadi", who: "Lina Sadi", addr: "6 rue des Forges, appt 41"},
		{name: "we are at", text: "On est au 6 rue des Forges depuis toujours.\nLina Sadi", who: "Lina Sadi", addr: "6 rue des Forges"},
		{name: "name with its house", text: "Bonjour, c'est Lina Sadi, du 6 rue des Forges. Le bac est cassé.", who: "Lina Sadi", addr: "6 rue des Forges"},
		{name: "name of a speech, no house", text: "Bonjour, c'est Lina Sadi. Le bac du 6 rue des Forges est cassé.", who: "Lina Sadi"},
		{name: "workplace", text: "Mon cabinet de podologie est situé 6 rue des Forges, la rampe est cassée.\nLina Sadi", who: "Lina Sadi", addr: "6 rue des Forges"},
		{name: "future home", text: "Nous logerons au 6 rue des Forges dès juillet.\nLina Sadi", who: "Lina Sadi", addr: "6 rue des Forges"},
		{name: "new address", text: "Notez ma nouvelle adresse : 6 rue des Forges, 99100 Saint-Exemple.\nLina Sadi", who: "Lina Sadi", addr: "6 rue des Forges, 99100 Saint-Exemple"},
	})
}
