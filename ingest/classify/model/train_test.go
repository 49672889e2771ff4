package model

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
)

// trained is a model of the sample.
var trained = sync.OnceValues(func() (*Model, Report) {
	m, r, err := Train(context.Background(), sample(25, false), Options{Seed: 1, Noise: 0.05})
	if err != nil {
		panic(err)
	}
	return m, r
})

func TestTrain(t *testing.T) {
	m, r := trained()
	if r.Texts != 100 || r.Folds != 5 || r.Features != m.Features() || r.Features < 500 {
		t.Errorf("%d texts, %d folds, %d features", r.Texts, r.Folds, r.Features)
	}
	if r.Overall.Top1 < 0.97 || r.Noisy.Top1 < 0.9 || r.Noisy.N != 100 || r.Overall.ECE > 0.1 {
		t.Errorf("overall %+v, noisy %+v", r.Overall, r.Noisy)
	}
	if r.Overall.Precision < 0.95 || r.Overall.Coverage < 0.8 || m.Threshold() != r.Threshold || m.Temperature() != r.Temperature {
		t.Errorf("threshold %v, model %v, %+v", r.Threshold, m.Threshold(), r.Overall)
	}
	if len(r.Labels) != 4 || len(r.Groups) != 3 || r.Groups[0].N != 36 || r.Took <= 0 {
		t.Errorf("report %+v", r)
	}
	for _, c := range []struct{ text, want string }{
		{"Un lampadaire est éteint", "eclairage"},
		{"LAMPADAIRES ETEINTS", "eclairage"},
		{"Le larnpadaire ne s'a1lume plus, i1 est étcint", "eclairage"},
		{"un gros nid de poule sur la chausée", "voirie"},
		{"copie intégrale d'acte de naissance", "etat"},
		{"la collecte des ordures n'est pas passée", "dechets"},
	} {
		p := m.Predict(Input{Body: c.text})
		sum := 0.0
		for _, x := range p.Ranked {
			sum += x.P
		}
		if p.Ranked[0].Label != c.want || math.Abs(sum-1) > 1e-9 || len(p.Ranked) != 4 {
			t.Errorf("%q: %+v, want %s", c.text, p, c.want)
		}
	}
}

func TestPredictUnknown(t *testing.T) {
	m, _ := trained()
	for _, text := range []string{"", "…", "ξένος", "zzzzzzz"} {
		if p := m.Predict(Input{Body: text}); p.Sure {
			t.Errorf("%q says nothing, yet it is sure: %v", text, p.Ranked[0])
		}
	}
	// Names that training has not seen change nothing.
	a := m.Predict(Input{Body: "lampadaire éteint"})
	b := m.Predict(Input{Body: "ξένος lampadaire éteint όνομα δρόμος"})
	if !reflect.DeepEqual(a, b) {
		t.Errorf("unknown names dilute the known words: %v and %v", a.Ranked[0], b.Ranked[0])
	}
}

// The same examples and options give the same model, however many workers there are.
func TestTrainDeterministic(t *testing.T) {
	train := func(o Options) (*Model, Report) {
		m, r, err := Train(t.Context(), sample(20, true), o)
		if err != nil {
			t.Fatal(err)
		}
		r.Took = 0
		return m, r
	}
	first, report := train(Options{Seed: 1, Noise: 0.05, Workers: 1})
	if report.Bayes <= 0 || report.Bayes >= 1 {
		t.Fatalf("only one voice is heard: %v", report.Bayes)
	}
	for _, workers := range []int{1, 2, 5} {
		m, r := train(Options{Seed: 1, Noise: 0.05, Workers: workers})
		if m.ID() != first.ID() {
			t.Errorf("%d workers give another model", workers)
		}
		if !reflect.DeepEqual(r, report) {
			t.Errorf("%d workers give another report", workers)
		}
	}
	if m, _ := train(Options{Seed: 2, Noise: 0.05, Workers: 1}); m.ID() == first.ID() {
		t.Error("another seed gives the same model")
	}
}

// When labels are given at random there is nothing to learn; whoever measures more than
// chance has seen what he is asked.
func TestHeldOutIsUnseen(t *testing.T) {
	examples := sample(40, false)
	rng := rand.New(rand.NewPCG(5, 5))
	for i := range examples {
		examples[i].Label = []string{"a", "b", "c", "d"}[rng.IntN(4)]
	}
	_, r, err := Train(t.Context(), examples, Options{Seed: 1, Noise: 0.05})
	if err != nil {
		t.Fatal(err)
	}
	if r.Overall.Top1 > 0.36 || r.Noisy.Top1 > 0.36 || r.Threshold != Never || r.Overall.Coverage != 0 {
		t.Errorf("learned from chance: %+v, threshold %v", r.Overall, r.Threshold)
	}
	for i, p := range r.Held {
		if len(p.Ranked) != 4 {
			t.Fatalf("example %d has no held-out prediction", i)
		}
	}
}

func TestHeldIsInOrder(t *testing.T) {
	examples := append([]Example{{Body: "lampadaire", Label: "eclairage", Use: Given}}, sample(12, false)...)
	_, r, err := Train(t.Context(), examples, Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Held) != len(examples) || len(r.Held[0].Ranked) != 0 || r.Texts != len(examples)-1 {
		t.Fatalf("%d predictions for %d examples, %d texts", len(r.Held), len(examples), r.Texts)
	}
	right := 0
	for i, e := range examples[1:] {
		if r.Held[i+1].Ranked[0].Label == e.Label {
			right++
		}
	}
	if ratio(right, r.Texts) != r.Overall.Top1 || r.Overall.Top1 < 0.8 {
		t.Errorf("%d right of %d, but top-1 is %v", right, r.Texts, r.Overall.Top1)
	}
}

// Hints, lexicons, subjects and weights each decide where the text does not.
func TestTrainEvidence(t *testing.T) {
	train := func(examples []Example) *Model {
		t.Helper()
		m, _, err := Train(t.Context(), examples, Options{Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	check := func(name string, m *Model, in Input, want string) {
		t.Helper()
		if p := m.Predict(in); p.Ranked[0].Label != want {
			t.Errorf("%s: %v, want %s", name, p.Ranked[:2], want)
		}
	}
	hinted := sample(10, false)
	for i := range hinted {
		hinted[i].Hints = []string{"rule:" + hinted[i].Label}
	}
	m := train(hinted)
	check("hint", m, Input{Body: "bonjour madame", Hints: []string{"rule:etat"}}, "etat")
	check("hint", m, Input{Body: "bonjour madame", Hints: []string{"rule:voirie"}}, "voirie")
	check("unknown hint", m, Input{Body: "lampadaire éteint", Hints: []string{"rule:nouvelle"}}, "eclairage")

	words := append(sample(10, false),
		Example{Body: "tampon apostille", Label: "etat", Use: Lexicon}, Example{Body: "girouette", Label: "cimetiere", Use: Lexicon})
	m = train(words)
	check("lexicon", m, Input{Body: "une apostille"}, "etat")
	check("label of the lexicon alone", m, Input{Body: "girouettes"}, "cimetiere")

	both := sample(10, false)
	for i := range 6 {
		both = append(both, Example{Body: "le zinzolin bleu", Label: "voirie"}, Example{Body: "le zinzolin bleu", Label: "etat", Weight: 5, Group: string(rune('a' + i))})
	}
	check("weight", train(both), Input{Body: "zinzolin"}, "etat")
}

func TestTrainErrors(t *testing.T) {
	good := sample(3, false)
	for _, c := range []struct {
		name     string
		examples []Example
	}{
		{"none", nil},
		{"one label", []Example{{Body: "a", Label: "x"}, {Body: "b", Label: "x"}}},
		{"one judged label", []Example{{Body: "a", Label: "x"}, {Body: "b", Label: "y", Use: Given}}},
		{"no label", append(slices.Clone(good), Example{Body: "a"})},
		{"a long label", append(slices.Clone(good), Example{Body: "a", Label: strings.Repeat("x", 300)})},
		{"a negative weight", append(slices.Clone(good), Example{Body: "a", Label: "x", Weight: -1})},
		{"no weight", append(slices.Clone(good), Example{Body: "a", Label: "x", Weight: math.NaN()})},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, _, err := Train(t.Context(), c.examples, Options{}); !errors.Is(err, ErrExamples) {
				t.Errorf("error %v", err)
			}
		})
	}
	t.Run("cancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, _, err := Train(ctx, good, Options{}); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
	})
	t.Run("empty texts", func(t *testing.T) {
		m, _, err := Train(t.Context(), []Example{{Label: "x"}, {Label: "y"}, {Label: "x"}}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if p := m.Predict(Input{Body: "bonjour"}); p.Sure || len(p.Ranked) != 2 {
			t.Errorf("prediction %+v", p)
		}
	})
}
