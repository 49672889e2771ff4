package classify

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/classify/model"
)

// fewLabels are what a classifier of few texts has learned.
var fewLabels = []string{
	"voirie", "eclairage-public", "proprete-dechets", "urbanisme", "scolaire-periscolaire", "sports-associations", "culture", "cimetiere", unwanted,
}

// fewTexts is a part of the built-in texts that is learned quickly: the first three texts of
// some labels by each of three authors.
var fewTexts = sync.OnceValue(func() []model.Example {
	var out []model.Example
	seen := map[string]int{}
	for _, e := range builtinCorpus().examples {
		switch e.Group {
		case "texts/familles", "texts/organisations", "texts/fautes":
			if key := e.Group + e.Label; slices.Contains(fewLabels, e.Label) && seen[key] < 3 {
				seen[key]++
				out = append(out, e)
			}
		}
	}
	return out
})

// sharedCache is where the model of few texts is kept for all tests.
var sharedCache string

func TestMain(m *testing.M) {
	var err error
	if sharedCache, err = os.MkdirTemp("", "saisine-classify-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(sharedCache)
	os.Exit(code)
}

// options are those of a classifier that has learned few texts.
func options(t testing.TB, dir string) Options {
	return Options{Dir: dir, Cache: sharedCache, Rules: Default(), Log: slog.New(slog.NewTextHandler(t.Output(), nil)), examples: fewTexts(), hash: "few"}
}

func open(t testing.TB, o Options) *Classifier {
	t.Helper()
	c, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// few is a brain that has learned few texts, for tests that only ask it.
var few = sync.OnceValues(func() (*brain, error) {
	c, err := Open(context.Background(), Options{Cache: sharedCache, Rules: Default(), Log: slog.New(slog.DiscardHandler), examples: fewTexts(), hash: "few"})
	if err != nil {
		return nil, err
	}
	return c.builtin, nil
})

// fewMind is few with the rules of a categories file ("" = the built-in one).
func fewMind(t testing.TB, file string) *mind {
	t.Helper()
	b, err := few()
	if err != nil {
		t.Fatal(err)
	}
	f, err := LoadFile("")
	if file != "" {
		f, err = parseFile("f", []byte(file))
	}
	if err != nil {
		t.Fatal(err)
	}
	return newMind(New(f), b)
}

var mailed = ingest.Record{Channel: ingest.ChannelMailbox}

func TestMindDecides(t *testing.T) {
	m := fewMind(t, "")
	lamp := "Bonjour, le lampadaire devant le 12 rue Pasteur ne s’allume plus depuis dix jours, toute la rue est dans le noir. Merci."
	for _, tc := range []struct {
		name     string
		rec      ingest.Record
		reading  ingest.Reading
		category string
		review   bool
		says     string
	}{
		{"words", mailed, ingest.Reading{Subject: "Lampadaire éteint", Text: lamp}, "eclairage-public", false, "«\u00a0lampadaire\u00a0»"},
		{"the citizen's choice", mailed, ingest.Reading{Category: "cimetiere", Text: "Bonjour, voir ma demande."}, "cimetiere", false, "choix du demandeur : «\u00a0Cimetière\u00a0»"},
		{"the channel's choice", ingest.Record{Hints: ingest.Hints{Category: "culture"}}, ingest.Reading{}, "culture", false, "choix du demandeur"},
		{"a choice that the text contradicts", mailed, ingest.Reading{Category: "cimetiere", Subject: "Lampadaire éteint", Text: lamp}, "cimetiere", true, "le texte parle plutôt de «\u00a0Éclairage public\u00a0»"},
		{"an alias", mailed, ingest.Reading{To: []string{"urbanisme@ville.fr"}, Text: "Bonjour, voici mes plans."}, "urbanisme", false, "adresse de destination : «\u00a0urbanisme\u00a0»"},
		{"a folder of one category", ingest.Record{Channel: ingest.ChannelScan, Hints: ingest.Hints{Service: "cimetière"}}, ingest.Reading{Text: "Bonjour"}, "cimetiere", false, "dossier ou feuille de séparation"},
		{"a folder of several, and words", ingest.Record{Channel: ingest.ChannelScan, Hints: ingest.Hints{Service: "technique"}}, ingest.Reading{Text: lamp}, "eclairage-public", false, "dossier ou feuille de séparation"},
		{"unknown words", mailed, ingest.Reading{Text: "Zzyzxw qqxk vvwj"}, "", true, "à qualifier"},
		{"no text at all", ingest.Record{Hints: ingest.Hints{Service: "accueil"}}, ingest.Reading{}, "", true, "à qualifier"},
		{"an attachment to a short word", mailed, ingest.Reading{Text: "Voir pièce jointe.", Attachments: []ingest.Attachment{{Text: lamp}}}, "eclairage-public", false, "lampadaire"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := m.decide(tc.rec, tc.reading)
			if c.Category != tc.category || c.NeedsReview != tc.review || !strings.Contains(strings.Join(c.Reasons, "\n"), spaced(tc.says)) {
				t.Errorf("got %q (%.2f, review %v, limit %.2f), want %q, review %v\nreasons %q, want %q", c.Category, c.Confidence, c.NeedsReview, m.threshold(), tc.category, tc.review, c.Reasons, tc.says)
			}
			if c.Category != "" {
				want, _ := m.rules.file.Category(c.Category)
				if c.Service != want.Service.Name || len(c.Top) != 3 || c.Confidence <= 0 || c.Confidence > 1 {
					t.Errorf("got %+v", c)
				}
			} else if c.Confidence != 0 || c.Top != nil || c.Service != tc.rec.Hints.Service {
				t.Errorf("nothing is known: got %+v", c)
			}
		})
	}
}

// The town's own threshold goes before the one of the training.
func TestThresholdOfTheTown(t *testing.T) {
	reading := ingest.Reading{Subject: "Lampadaire éteint", Text: "Le lampadaire ne s’allume plus, toute la rue est dans le noir."}
	m := fewMind(t, "threshold: 1\n"+Builtin())
	if c := m.decide(mailed, reading); !c.NeedsReview {
		t.Errorf("with threshold 1: got %+v", c)
	}
	torn := ingest.Reading{Text: "La poubelle sous le lampadaire, devant la cantine, près du cimetière."}
	if m.rules.file.Threshold = 0; !m.decide(mailed, torn).NeedsReview {
		t.Fatal("the text is not torn between categories")
	}
	if m.rules.file.Threshold = 0.01; m.decide(mailed, torn).NeedsReview {
		t.Error("with threshold 0.01 a person is asked to look")
	}
}

// A town may drop, rename and add categories.
func TestCategoriesOfTheTown(t *testing.T) {
	file := `
categories:
  - code: eclairage-public
    label: Lumières
    service: {name: Régie}
  - code: cimetiere
    label: Cimetières
    service: {name: Régie}
  - code: trottinettes
    label: Trottinettes
    service: {name: Mobilité}
    phrases: [{weight: 3, any: [trottinette, libre-service]}]
`
	m := fewMind(t, file)
	lamp := m.decide(mailed, ingest.Reading{Text: "Le lampadaire de la rue Pasteur ne s’allume plus, on est dans le noir."})
	if lamp.Category != "eclairage-public" || lamp.Service != "Régie" {
		t.Errorf("got %+v", lamp)
	}
	o := m.opine(ingest.Reading{Text: "Le lampadaire de la rue Pasteur ne s’allume plus."}, nil)
	sum := o.unwanted
	for _, p := range o.p {
		sum += p
	}
	if sum < 0.999 || sum > 1.001 {
		t.Errorf("the probabilities add up to %v", sum)
	}
	scooter := m.decide(mailed, ingest.Reading{Subject: "Trottinette", Text: "Les trottinettes en libre-service encombrent le passage."})
	if scooter.Category != "trottinettes" || scooter.Service != "Mobilité" {
		t.Errorf("a category that only has phrases: got %+v", scooter)
	}
	school := m.decide(mailed, ingest.Reading{Subject: "Cantine", Text: "Je voudrais inscrire ma fille à la cantine de l’école et à la garderie du soir."})
	o = m.opine(ingest.Reading{Subject: "Cantine", Text: "Je voudrais inscrire ma fille à la cantine de l’école et à la garderie du soir."}, nil)
	if o.foreign < mostForeign {
		t.Errorf("%.2f of the belief is in categories that the town does not have", o.foreign)
	}
	if !school.NeedsReview || !strings.Contains(strings.Join(school.Reasons, "\n"), "que la commune n’utilise pas") {
		t.Errorf("a matter that the town has no category for: got %+v", school)
	}
}

// A town with categories all of its own has its rules.
func TestOnlyOwnCategories(t *testing.T) {
	o := options(t, "")
	o.Rules = rules(t, small)
	for i := range o.Rules.file.Categories {
		o.Rules.file.Categories[i].Code = fmt.Sprint("nur-", i)
	}
	b, err := few()
	if err != nil {
		t.Fatal(err)
	}
	o.Now = time.Now
	c := &Classifier{o: o, builtin: b}
	c.follow(t.Context())
	got := c.Classify(t.Context(), mailed, ingest.Reading{Text: "un nid de poule"})
	if want := o.Rules.Classify(t.Context(), mailed, ingest.Reading{Text: "un nid de poule"}); got.Category != "nur-0" || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestSecondMatter(t *testing.T) {
	m := fewMind(t, "")
	lamp := "Le lampadaire devant chez moi, rue Pasteur, est éteint depuis dix jours, et tout l’éclairage public de la rue clignote la nuit. "
	bins := "Par ailleurs, les poubelles jaunes ne sont plus ramassées depuis deux semaines ; les sacs et les déchets débordent des conteneurs du point de tri."
	for _, tc := range []struct{ name, text, first, second string }{
		{"two", lamp + bins, "eclairage-public", "proprete-dechets"},
		{"one", lamp + "Merci de faire réparer cet éclairage, car on ne voit plus où l’on met les pieds le soir sous ces lampes.", "eclairage-public", ""},
		{"a short aside", lamp + "Et les poubelles aussi.", "eclairage-public", ""},
	} {
		c := m.decide(mailed, ingest.Reading{Text: tc.text})
		if tc.second == "" && (c.Category != tc.first || c.Second != "") {
			t.Errorf("%s: got %s and %q", tc.name, c.Category, c.Second)
		}
		both := []string{tc.first, tc.second}
		if tc.second != "" && (c.Category == c.Second || !strings.Contains(fmt.Sprint(both), c.Category) || !strings.Contains(fmt.Sprint(both), c.Second) || c.Second == "") {
			t.Errorf("%s: got %s and %q, want %v", tc.name, c.Category, c.Second, both)
		}
	}
}

func TestCuts(t *testing.T) {
	twelve := strings.Repeat("mot ", 11) + "mot. "
	for _, tc := range []struct {
		text string
		want []int
	}{
		{"", nil},
		{twelve, nil},
		{twelve + "Trop court pour une demande.", nil},
		{"Trop court pour une demande. " + twelve, nil},
		{twelve + twelve, []int{len(twelve)}},
		{twelve + "Trop court. " + twelve, []int{len(twelve), len(twelve) + len("Trop court. ")}},
		{strings.Repeat("mot ", 12) + "\n\n" + twelve, []int{len(twelve) + 1}},
		{strings.Repeat("mot ", 12) + "\n" + twelve, nil},
	} {
		if got := cuts(tc.text); fmt.Sprint(got) != fmt.Sprint(tc.want) {
			t.Errorf("%q: got %v, want %v", tc.text, got, tc.want)
		}
	}
	if got := cuts(strings.Repeat(twelve, 100)); len(got) != mostCuts {
		t.Errorf("a long text is cut at %d places, want %d", len(got), mostCuts)
	}
}

const advertising = "Madame, Monsieur, profitez de notre offre exceptionnelle : site internet clé en main, référencement garanti en première page de Google, devis gratuit sous 24 heures. Cliquez sur ce lien pour en bénéficier, offre limitée. Notre équipe commerciale se tient à votre disposition."

func TestUnwanted(t *testing.T) {
	m := fewMind(t, "")
	m.aside = suspicious // what is added to the text must not be what saves it
	for _, tc := range []struct {
		name    string
		rec     ingest.Record
		reading ingest.Reading
		aside   bool
	}{
		{"advertising by mail", mailed, ingest.Reading{Subject: "Offre exceptionnelle", Text: advertising}, true},
		{"by the form", ingest.Record{Channel: ingest.ChannelWebform}, ingest.Reading{Text: advertising}, true},
		{"noted by a clerk", ingest.Record{Channel: ingest.ChannelPhone}, ingest.Reading{Text: advertising}, false},
		{"on paper", ingest.Record{Channel: ingest.ChannelScan}, ingest.Reading{Text: advertising}, false},
		{"an answer", mailed, ingest.Reading{Text: advertising, InReplyTo: []string{"x@y"}}, false},
		{"names a request", mailed, ingest.Reading{Text: advertising + " Dossier 2026-000123."}, false},
		{"with a scan", mailed, ingest.Reading{Text: advertising, Attachments: []ingest.Attachment{{Type: "image/jpeg"}}}, false},
		{"with a category", mailed, ingest.Reading{Text: advertising, Category: "finances"}, false},
		{"to an alias", mailed, ingest.Reading{Text: advertising, To: []string{"voirie@ville.fr"}}, false},
		{"passed on", mailed, ingest.Reading{Subject: "Fwd: offre", OwnText: "Voir ci-dessous.", Text: "Voir ci-dessous. " + advertising}, false},
		{"has a matter too", mailed, ingest.Reading{Text: advertising + " Je vous signale cela devant chez moi."}, false},
		{"with danger", mailed, ingest.Reading{Text: advertising + " Danger."}, false},
		{"few words", mailed, ingest.Reading{Text: "Offre exceptionnelle, devis gratuit, site internet"}, false},
		{"a citizen", mailed, ingest.Reading{Text: "Le lampadaire est éteint."}, false},
	} {
		c := m.decide(tc.rec, tc.reading)
		if (c.Aside != "") != tc.aside {
			t.Errorf("%s: got %+v", tc.name, c)
		}
		if tc.aside && (!strings.HasPrefix(c.Aside, "spam: ") || !c.NeedsReview || strings.Contains(strings.Join(c.Reasons, "\n"), "à vérifier")) {
			t.Errorf("%s: got %+v", tc.name, c)
		}
	}
	// Where most of the belief went to categories that the town does not have, what is left
	// for an unwanted message is too little to go by.
	sold := fewMind(t, "categories: [{code: cimetiere, label: C, service: {name: S}}]")
	sold.aside = suspicious
	if c := sold.decide(mailed, ingest.Reading{Text: strings.Repeat("lampadaire, éclairage public, rue dans le noir, ", 4)}); c.Aside != "" {
		t.Errorf("a matter that the town has no category for: got %+v", c)
	}
	doubt := m.decide(ingest.Record{Channel: ingest.ChannelPhone}, ingest.Reading{Text: advertising})
	if !doubt.NeedsReview || !strings.Contains(strings.Join(doubt.Reasons, "\n"), "ressemble à un envoi indésirable") {
		t.Errorf("what may be unwanted is for a person: got %+v", doubt)
	}
}
