package facts_test

import (
	"testing"

	"saisine.fr/saisine/ingest/facts"
)

// TestAbroad reads addresses of other countries, and leaves alone what only looks like one.
func TestAbroad(t *testing.T) {
	const ask = "Bonjour,\nJe cherche l'acte de mariage de mes parents.\nMerci\n"
	run(t, facts.Mail, []senderCase{
		{name: "Portugal", text: ask + "Helena Matos\nRua do Carmo 31, 4000-123 Braga", who: "Helena Matos", addr: "Rua do Carmo 31, 4000-123 Braga"},
		{name: "Spain", text: ask + "Lucía Prado\nCalle de la Luna, 8\n28004 Madrid", who: "Lucía Prado", addr: "Calle de la Luna, 8, 28004 Madrid"},
		{name: "Italy with its country", text: ask + "Marco Gallo\nViale Europa 19\n00144 Roma\nItalie", who: "Marco Gallo", addr: "Viale Europa 19, 00144 Roma, Italie"},
		{name: "Belgium, French street", text: ask + "Benoît Lambrechts\nrue des Fripiers 17, B-1000 Bruxelles", who: "Benoît Lambrechts", addr: "rue des Fripiers 17, B-1000 Bruxelles"},
		{name: "Netherlands", text: ask + "Eva Bakker, Keizersgracht 120, 1015 CW Amsterdam", who: "Eva Bakker", addr: "Keizersgracht 120, 1015 CW Amsterdam"},
		{name: "Switzerland", text: ask + "Denise Favre\nAvenue de la Gare 6\nCH-1003 Lausanne", who: "Denise Favre", addr: "Avenue de la Gare 6, CH-1003 Lausanne"},
		{name: "Germany", text: ask + "Ute Brandt\nSchillerstraße 40, 04109 Leipzig", who: "Ute Brandt", addr: "Schillerstraße 40, 04109 Leipzig"},
		{name: "England", text: ask + "Mark Ellis\n7 Mill Lane\nCambridge CB2 1RX", who: "Mark Ellis", addr: "7 Mill Lane, Cambridge CB2 1RX"},
		{name: "Canada", text: ask + "Louise Gagnon\n210 rue Sherbrooke, Montréal (Québec) H2X 1A4", who: "Louise Gagnon", addr: "210 rue Sherbrooke, Montréal (Québec) H2X 1A4"},
		{name: "no town, no address", text: ask + "Louise Gagnon\nVia Roma 12", who: "Louise Gagnon"},
		{name: "a country is no name", text: ask + "Louise Gagnon\nCanada", who: "Louise Gagnon"},
		{name: "foreign thanks", text: "Bonjour, je cherche un acte.\nObrigada !\nTeresa Matos", who: "Teresa Matos"},
	})
}
