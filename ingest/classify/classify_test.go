package classify

import (
	"context"
	"os"
	"slices"
	"strings"
	"testing"

	"saisine.fr/saisine/ingest"
)

// small is a categories file in which every kind of rule can be seen by itself.
const small = `
categories:
  - code: voirie
    label: Voirie
    service: {name: Service voirie}
    recipients: [voirie, Signalisation@ville.fr]
    folders: [Services Techniques]
    phrases:
      - {weight: 3, any: [nid de poule, chaussée, pav*]}
      - {weight: 1, any: [trou]}
  - code: ecole
    label: École
    service: {name: Service scolaire}
    senders: [ac-lyon.fr]
    folders: [services-techniques, école]
    phrases:
      - {weight: 3, any: [école, maternelle]}
      - {weight: -4, any: [rue de l'école]}
  - code: garde
    label: Petite enfance
    service: {name: Service petite enfance}
    phrases:
      - {weight: 3, any: [assistante maternelle]}
`

func rules(t *testing.T, data string) *Rules {
	t.Helper()
	f, err := parseFile("f", []byte(data))
	if err != nil {
		t.Fatal(err)
	}
	return New(f)
}

func TestEachRule(t *testing.T) {
	r := rules(t, small)
	type (
		rec  = ingest.Record
		read = ingest.Reading
	)
	for _, tc := range []struct {
		name           string
		rec            ingest.Record
		reading        ingest.Reading
		category, says string
	}{
		{"phrase", rec{}, read{Text: "Un nid-de-poule"}, "voirie", "mot reconnu : «\u00a0nid de poule\u00a0»"},
		{"case, accents, plural", rec{}, read{Text: "LES CHAUSSEES"}, "voirie", "chaussée"},
		{"accents in two parts", rec{}, read{Text: "chausse\u0301e"}, "voirie", "chaussée"},
		{"doubled letter forgotten", rec{}, read{Text: "la chausée"}, "voirie", "chaussée"},
		{"small words between", rec{}, read{Text: "un nid dans une poule"}, "voirie", "nid de poule"},
		{"one word between", rec{}, read{Text: "un nid énorme de poule"}, "voirie", "nid de poule"},
		{"two words between", rec{}, read{Text: "un nid énorme et profond de poule"}, "", "à qualifier"},
		{"beginning of a word", rec{}, read{Text: "repavé ? non, pavage"}, "voirie", "pav…"},
		{"within a word", rec{}, read{Text: "retrouver"}, "", "à qualifier"},
		{"subject", rec{}, read{Subject: "trou"}, "voirie", "«\u00a0trou\u00a0» (objet)"},
		{"attachment", rec{}, read{Text: "voir pièce jointe", Attachments: []ingest.Attachment{{Text: "la chaussée"}}}, "voirie", "chaussée"},
		{"longer phrase wins over its part", rec{}, read{Text: "mon assistante maternelle"}, "garde", "assistante maternelle"},
		{"phrase that speaks against", rec{}, read{Text: "Un trou rue de l'école"}, "voirie", "trou"},
		{"own mail address says nothing", rec{}, read{Text: "écrire à chaussee@ville.fr ou https://ville.fr/ecole"}, "", "à qualifier"},
		{"choice in the form", rec{}, read{Category: "ecole", Text: "la chaussée"}, "ecole", "choix du demandeur : «\u00a0École\u00a0»"},
		{"choice by the channel", rec{Hints: ingest.Hints{Category: "garde"}}, read{}, "garde", "choix du demandeur"},
		{"unknown choice", rec{}, read{Category: "inconnue"}, "", "à qualifier"},
		{"alias", rec{}, read{To: []string{"Mairie <VOIRIE@ville.fr>"}}, "voirie", "adresse de destination : «\u00a0voirie\u00a0»"},
		{"alias in copy", rec{}, read{To: []string{"x@y.fr"}, Cc: []string{"voirie@ville.fr"}}, "voirie", "adresse de destination"},
		{"full address", rec{}, read{To: []string{"signalisation@ville.fr"}}, "voirie", "adresse de destination"},
		{"full address, other town", rec{}, read{To: []string{"signalisation@autre.fr"}}, "", "à qualifier"},
		{"sender", rec{}, read{From: ingest.Person{Email: "x@ia.AC-Lyon.fr"}}, "ecole", "domaine de l’expéditeur : «\u00a0ac-lyon.fr\u00a0»"},
		{"sender with a like name", rec{}, read{From: ingest.Person{Email: "x@faux-ac-lyon.fr"}}, "", "à qualifier"},
		{"folder", rec{Hints: ingest.Hints{Service: "ECOLE"}}, read{}, "ecole", "dossier ou feuille de séparation : «\u00a0ECOLE\u00a0»"},
		{"folder of two and a word", rec{Hints: ingest.Hints{Service: "services_techniques"}}, read{Text: "un trou"}, "voirie", "dossier ou feuille de séparation"},
		{"folder named like the code", rec{Hints: ingest.Hints{Service: "garde"}}, read{}, "garde", "dossier"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := r.Classify(context.Background(), tc.rec, tc.reading)
			if c.Category != tc.category {
				t.Errorf("got %q, want %q (%v)", c.Category, tc.category, c.Reasons)
			}
			if !strings.Contains(strings.Join(c.Reasons, "\n"), spaced(tc.says)) {
				t.Errorf("the reasons %q do not say %q", c.Reasons, tc.says)
			}
		})
	}
}

func TestConfidenceAbstains(t *testing.T) {
	r := rules(t, small)
	classify := func(reading ingest.Reading) ingest.Classification {
		return r.Classify(context.Background(), ingest.Record{}, reading)
	}
	none := r.Classify(context.Background(), ingest.Record{Hints: ingest.Hints{Service: "courrier"}}, ingest.Reading{Text: "Bonjour"})
	if none.Category != "" || none.Service != "courrier" || !none.NeedsReview || none.Confidence != 0 || none.Top != nil {
		t.Errorf("nothing known: got %+v", none)
	}
	weak := classify(ingest.Reading{Text: "un trou"})
	if weak.Category != "voirie" || !weak.NeedsReview {
		t.Errorf("one weak word: got %+v", weak)
	}
	torn := classify(ingest.Reading{Text: "la chaussée devant l'école, un pavé, un nid de poule, la maternelle"})
	if !torn.NeedsReview || !strings.Contains(strings.Join(torn.Reasons, "\n"), "hésitation avec «\u00a0École\u00a0»") {
		t.Errorf("torn between two: got %+v", torn)
	}
	sure := classify(ingest.Reading{Subject: "Chaussée", Text: "un nid de poule"})
	if sure.NeedsReview || sure.Service != "Service voirie" || sure.Confidence <= torn.Confidence || sure.Confidence > 1 {
		t.Errorf("sure: got %+v", sure)
	}
	if want := []ingest.Ranked{{Category: "voirie", Score: 1}}; !slices.Equal(sure.Top, want) {
		t.Errorf("top: got %v, want %v", sure.Top, want)
	}
	chosen := classify(ingest.Reading{Category: "voirie"})
	if chosen.NeedsReview {
		t.Errorf("the citizen chose: got %+v", chosen)
	}
	if a, b := classify(ingest.Reading{Text: "trou trou"}), classify(ingest.Reading{Text: strings.Repeat("trou ", 500)}); a.Confidence != b.Confidence {
		t.Errorf("repeating a word five hundred times made it surer: %v, then %v", a.Confidence, b.Confidence)
	}
}

// TestScores holds what each kind of evidence counts.
func TestScores(t *testing.T) {
	r := rules(t, small)
	shared := ingest.Record{Hints: ingest.Hints{Service: "services-techniques"}}
	for _, tc := range []struct {
		name         string
		rec          ingest.Record
		reading      ingest.Reading
		best, second float64
	}{
		{"once", ingest.Record{}, ingest.Reading{Text: "trou"}, 1, 0},
		{"again counts half", ingest.Record{}, ingest.Reading{Text: "trou, trou, trou"}, 1.5, 0},
		{"subject counts double", ingest.Record{}, ingest.Reading{Subject: "trou", Text: "trou"}, 2, 0},
		{"choice", ingest.Record{}, ingest.Reading{Category: "voirie", Text: "maternelle"}, 8, 3},
		{"recipient, once for two spellings", ingest.Record{}, ingest.Reading{To: []string{"voirie@ville.fr"}, Cc: []string{"signalisation@ville.fr"}}, 5, 0},
		{"folder shared by two", shared, ingest.Reading{Text: "trou"}, 3.5, 2.5},
		{"speaks against", ingest.Record{}, ingest.Reading{Text: "maternelle, trou rue de l'école"}, 1, 0},
	} {
		c := r.Classify(context.Background(), tc.rec, tc.reading)
		if want := confidence(tc.best, tc.second); c.Category != "voirie" || c.Confidence != want {
			t.Errorf("%s: got %s with %.3f, want %.3f", tc.name, c.Category, c.Confidence, want)
		}
	}
}

// text is one labelled text of testdata.
type text struct{ category, subject, body string }

func ownTexts(t testing.TB) []text {
	t.Helper()
	data, err := os.ReadFile("testdata/texts.txt")
	if err != nil {
		t.Fatal(err)
	}
	var out []text
	for _, block := range strings.Split("\n"+string(data), "\n## ")[1:] {
		lines := strings.SplitN(block, "\n", 3)
		out = append(out, text{lines[0], lines[1], lines[2]})
	}
	return out
}

// TestBuiltinOnOwnTexts holds the built-in rules to the texts they were tuned on: a
// change that spoils one category for another shows here. It is no measure of quality
// on strangers' texts.
func TestBuiltinOnOwnTexts(t *testing.T) {
	r := Default()
	all := ownTexts(t)
	right, top, sure, sureRight := 0, 0, 0, 0
	seen := map[string]int{}
	for _, x := range all {
		c := r.Classify(context.Background(), ingest.Record{}, ingest.Reading{Subject: x.subject, Text: x.body})
		seen[x.category]++
		good := c.Category == x.category
		if good {
			right++
		} else {
			t.Logf("%s, found %s (%.2f): %s | %s", x.category, c.Category, c.Confidence, x.subject, x.body)
		}
		if slices.ContainsFunc(c.Top, func(k ingest.Ranked) bool { return k.Category == x.category }) {
			top++
		}
		if !c.NeedsReview {
			sure++
			if good {
				sureRight++
			}
		}
	}
	n := float64(len(all))
	t.Logf("%d texts: right %.3f, among three %.3f, sure %.3f, right when sure %.3f", len(all),
		float64(right)/n, float64(top)/n, float64(sure)/n, float64(sureRight)/float64(sure))
	if float64(right)/n < 0.95 || float64(top)/n < 0.98 || float64(sure)/n < 0.6 || float64(sureRight) < 0.98*float64(sure) {
		t.Error("the built-in rules got worse on the project's own texts")
	}
	for _, c := range r.File().Categories {
		if seen[c.Code] < 5 {
			t.Errorf("%s has only %d texts", c.Code, seen[c.Code])
		}
	}
}

// TestBuiltinCategories holds the file to the list that the town's form, the deadlines
// and other programs rely on.
func TestBuiltinCategories(t *testing.T) {
	want := strings.Fields(`voirie eclairage-public proprete-dechets espaces-verts eau-assainissement domaine-public etat-civil
		elections urbanisme scolaire-periscolaire petite-enfance action-sociale police-municipale logement sports-associations
		culture finances cimetiere ressources-humaines juridique-acces-documents elus-cabinet`)
	f := Default().File()
	var got []string
	for _, c := range f.Categories {
		got = append(got, c.Code)
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	// L231-4 and the sectors where silence means acceptance, or nothing.
	for code, want := range map[string]Silence{
		"voirie": {Sense: SenseRejection, Months: 2}, "elections": {Sense: SenseNone}, "etat-civil": {Sense: SenseAcceptance, Months: 2},
		"urbanisme": {Sense: SenseAcceptance, Months: 2}, "petite-enfance": {Sense: SenseRejection, Months: 4}, "elus-cabinet": {Sense: SenseRejection, Months: 2},
	} {
		c, ok := f.Category(code)
		if c.Silence.Note = ""; !ok || c.Silence != want {
			t.Errorf("%s: got %+v, want %+v", code, c.Silence, want)
		}
	}
	if _, ok := f.Category("nowhere"); ok {
		t.Error("a category that is not there was found")
	}
}

// TestBuiltinPhrases finds phrases that stand twice in one category, where only the
// first counts.
func TestBuiltinPhrases(t *testing.T) {
	for _, c := range Default().File().Categories {
		seen := map[string]string{}
		for _, group := range c.Phrases {
			for _, p := range group.Any {
				var b strings.Builder
				for _, w := range phraseWords(p) {
					b.WriteString(w.text)
					if w.prefix {
						b.WriteByte('*')
					}
					b.WriteByte(' ')
				}
				if other, ok := seen[b.String()]; ok {
					t.Errorf("%s: %q and %q are the same", c.Code, other, p)
				}
				seen[b.String()] = p
			}
		}
	}
}

func BenchmarkClassify(b *testing.B) {
	r := Default()
	var body strings.Builder
	for _, x := range ownTexts(b) {
		if body.Len()+len(x.body) < 2000 {
			body.WriteString(x.body + "\n")
		}
	}
	reading := ingest.Reading{Subject: "Trou rue des Acacias", Text: body.String()}
	b.ReportAllocs()
	b.SetBytes(int64(body.Len()))
	for b.Loop() {
		r.Classify(context.Background(), ingest.Record{}, reading)
	}
}

// The service that a clerk names on a separator sheet is the one that gets the letter,
// whatever the words say.
func TestClerksService(t *testing.T) {
	r := Default()
	text := "Le toboggan du jardin public est cassé, les massifs et la pelouse sont abandonnés."
	for name, want := range map[string]string{
		"":                   "Service espaces verts",
		"Service voirie":     "Service voirie",
		"voirie":             "Service voirie",
		"technique":          "Service espaces verts", // one of several
		"espaces verts":      "Service espaces verts",
		"service inconnu 12": "Service espaces verts",
	} {
		c := r.Classify(t.Context(), ingest.Record{Hints: ingest.Hints{Service: name}}, ingest.Reading{Text: text})
		if c.Service != want || want == "Service voirie" && !c.NeedsReview {
			t.Errorf("%q: %+v, want %s", name, c, want)
		}
	}
}
