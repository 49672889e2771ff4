package facts_test

import (
	"testing"

	"saisine.fr/saisine/ingest/facts"
)

// TestFirmsCaller reads who calls for a firm.
func TestFirmsCaller(t *testing.T) {
	run(t, facts.Note, []senderCase{
		{name: "firm, person", text: "Entreprise Ravalex, M. Cosson, 06 39 98 12 12. Demande un arrêté.", who: "M. Cosson (Entreprise Ravalex)", phone: "06 39 98 12 12"},
		{name: "firm, number, person", text: "Syndic Oralia, 06 39 98 12 12, Mme Cosson : porte forcée.", who: "Mme Cosson (Syndic Oralia)", phone: "06 39 98 12 12"},
		{name: "function between", text: "Collège Jaurès, principale adjointe Mme Cosson, 06 39 98 12 12 : chauffage.", who: "Mme Cosson (Collège Jaurès)", phone: "06 39 98 12 12"},
		{name: "director between", text: "École Ferry, directrice Mme Cosson, 06 39 98 12 12 : chauffage.", who: "Mme Cosson (École Ferry)", phone: "06 39 98 12 12"},
		{name: "firm of no known kind", text: "Laiterie Cosson (M. Blin, 06 39 98 12 12) : benne à déplacer.", who: "Laiterie Cosson", phone: "06 39 98 12 12"},
		{name: "hyphened kind", text: "Bar-tabac Le Nord, patron M. Blin, 06 39 98 12 12 : terrasse.", who: "M. Blin (Bar-tabac Le Nord)", phone: "06 39 98 12 12"},
		{name: "another's matter behind a stop", text: "Marbrerie Cosson, 06 39 98 12 12. M. Blin sera inhumé lundi.", who: "Marbrerie Cosson", phone: "06 39 98 12 12"},
		{name: "number behind brackets", text: "M. Blin (voisin de Mme Cosson), 06 39 98 12 12 : bruit.", who: "M. Blin", phone: "06 39 98 12 12"},
		{name: "lawyer of another", text: "Me Blin, avocate de M. Cosson, 06 39 98 12 12 : dossier.", who: "Me Blin", phone: "06 39 98 12 12"},
		{name: "without capitals", text: "mme blin 06 39 98 12 12 compteur cassé", who: "Mme blin", phone: "06 39 98 12 12"},
		{name: "rank", text: "Gendarmerie, adjudant Blin, 06 39 98 12 12 : véhicule.", who: "adjudant Blin", phone: "06 39 98 12 12"},
		{name: "tenant, house, name", text: "Locataire 6 rue des Forges, Mme Blin, 06 39 98 12 12 : chauffage.", who: "Mme Blin", phone: "06 39 98 12 12", addr: "6 rue des Forges"},
	})
}
