package classify

import (
	"slices"
	"testing"

	"saisine.fr/saisine/ingest"
)

// TestUrgent holds the words of danger of the built-in file.
func TestUrgent(t *testing.T) {
	r := Default()
	for text, want := range map[string][]string{
		"Il y a une forte odeur de gaz dans la cage d'escalier": {"odeur de gaz"},
		"FUITE DE GAZ rue Foch":                                 {"fuite de gaz"},
		"un fil électrique est tombé à terre devant l'école":    {"fil électrique"},
		"les fils électriques pendent":                          {"fil électrique"},
		"la cave prend feu":                                     {"prend feu"},
		"une poubelle en feu":                                   {"poubelle en feu"},
		"un incendie s'est déclaré":                             {"incendie"},
		"de la fumée sort du transformateur":                    {"fumée"},
		"il y a eu une explosion":                               {"explosion"},
		"le mur menace de s'effondrer":                          {"effondré"},
		"un enfant en danger":                                   {"danger"},
		"je soupçonne une maltraitance":                         {"maltrait…"},
		"il parle de se suicider":                               {"suicid…"},
		"j'ai reçu des menaces de mort":                         {"menace de mort"},
		"intoxication au monoxyde de carbone":                   {"monoxyde", "intoxication"},
		"j'ai été victime d'une agression":                      {"agression"},
		"accident grave au carrefour":                           {"accident grave"},

		"le feu tricolore du carrefour reste rouge":      nil,
		"le feu est toujours au rouge":                   nil,
		"à quelle heure est le feu d'artifice ?":         nil,
		"la bouche d'incendie fuit":                      nil,
		"le poteau incendie est caché par une voiture":   nil,
		"attestation d'assurance incendie":               nil,
		"il n'y a pas de danger":                         nil,
		"c'est sans danger":                              nil,
		"l'issue de secours est bloquée":                 nil,
		"le Secours populaire":                           nil,
		"la fumée de cheminée de mon voisin":             nil,
		"l'explosion des prix de la cantine":             nil,
		"le propriétaire ne répond plus":                 nil,
		"mon grand-père était à l'armée":                 nil,
		"je cherche une place en crèche pour mon enfant": nil,
		"un lampadaire éteint":                           nil,
		"écrire à danger@ville.fr":                       nil,
	} {
		if got := r.danger.find(ingest.Reading{Text: text}); !slices.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	for where, reading := range map[string]ingest.Reading{
		"subject":    {Subject: "Odeur de gaz"},
		"attachment": {Attachments: []ingest.Attachment{{Text: "odeur de gaz"}}},
	} {
		if len(r.danger.find(reading)) != 1 {
			t.Errorf("in the %s it was not found", where)
		}
	}
}

// Danger calls a person, and does not change what the message is about.
func TestUrgentNeedsAPerson(t *testing.T) {
	m := fewMind(t, "")
	calm := ingest.Reading{Subject: "Lampadaire éteint", Text: "Le lampadaire de la rue Pasteur ne s’allume plus, la rue est dans le noir."}
	urgent := calm
	urgent.Text += " Attention, danger."
	a, b := m.decide(mailed, calm), m.decide(mailed, urgent)
	if a.NeedsReview || len(a.Urgent) > 0 {
		t.Fatalf("calm: got %+v", a)
	}
	if b.Category != a.Category || !b.NeedsReview || !slices.Equal(b.Urgent, []string{"danger"}) {
		t.Errorf("got %+v", b)
	}
	if want := "danger possible, à lire tout de suite\u00a0: «\u00a0danger\u00a0»"; b.Reasons[0] != want {
		t.Errorf("the first reason is %q, want %q", b.Reasons[0], want)
	}
	if c := m.decide(mailed, ingest.Reading{Text: "au feu, explosion"}); !c.NeedsReview || len(c.Urgent) == 0 {
		t.Errorf("danger alone: got %+v", c)
	}
	own := rules(t, "urgent: {any: [licorne]}"+small)
	if got := own.danger.find(ingest.Reading{Text: "une licorne, un incendie"}); !slices.Equal(got, []string{"licorne"}) {
		t.Errorf("a town's own words: got %q", got)
	}
}
