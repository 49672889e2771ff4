package model

import (
	"slices"
	"strings"
	"testing"
)

func TestExplain(t *testing.T) {
	m, _ := trained()
	for _, c := range []struct {
		name, label string
		in          Input
		max         int
		want        []string // these, in any order
		not         []string
	}{
		{
			"as written", "eclairage",
			Input{Body: "Bonjour, le Lampadaire du 12 rue Haute est ÉTEINT depuis la semaine dernière."},
			2,
			[]string{"Lampadaire", "ÉTEINT"},
			nil,
		},
		{
			"subject and body", "dechets",
			Input{Subject: "Poubelles", Body: "la benne du voisin"},
			5,
			[]string{"Poubelles", "benne"},
			[]string{"la", "du"},
		},
		{
			"one word for one stem", "dechets",
			Input{Body: "poubelle, poubelles, Poubelle"},
			5,
			[]string{"poubelle"},
			[]string{"poubelles", "Poubelle"},
		},
		{
			"parted at the end of a line", "eclairage",
			Input{Body: "le lampa-\ndaire"},
			1,
			[]string{"lampadaire"},
			nil,
		},
		{
			"the second label over the first", "voirie",
			Input{Body: "lampadaire réverbère éteint et un trottoir"},
			3,
			[]string{"trottoir"},
			[]string{"lampadaire", "réverbère"},
		},
		{"typing errors", "eclairage", Input{Body: "les lampadaiires"}, 3, []string{"lampadaiires"}, nil},
		{
			"without politeness", "eclairage",
			Input{Body: "Bonjour, serait-il possible de faire réparer le lampadaire ? Merci. Cordialement"},
			9,
			[]string{"lampadaire"},
			[]string{"Bonjour", "serait", "possible", "faire", "Merci", "Cordialement"},
		},
		{"unknown label", "sports", Input{Body: "lampadaire"}, 3, nil, []string{"lampadaire"}},
		{"none asked for", "eclairage", Input{Body: "lampadaire"}, 0, nil, []string{"lampadaire"}},
		{"nothing known", "eclairage", Input{Body: "ξένος 12"}, 3, nil, []string{"ξένος"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := m.Explain(c.in, c.label, c.max)
			if len(got) > c.max {
				t.Errorf("%d words, more than %d", len(got), c.max)
			}
			for _, w := range c.want {
				if !slices.Contains(got, w) {
					t.Errorf("%q does not name %q", got, w)
				}
			}
			for _, w := range c.not {
				if slices.Contains(got, w) {
					t.Errorf("%q names %q", got, w)
				}
			}
			if len(c.want) == 0 && len(got) > 0 {
				t.Errorf("named %q", got)
			}
		})
	}
}

func TestWorthNaming(t *testing.T) {
	var s splitter
	for text, want := range map[string]bool{
		"lampadaire": true, "Éteint": true, "gaz": true, "rue": true,
		"le": false, "2026": false, "Bonjour": false, "MERCI": false, "cordialement": false, "possible": false, "serait": false, "faire": false,
		"pouvoir": false, "vouloir": false, "avoir": false, "être": false, "demander": false, "e\u0302tre": false,
	} {
		if got := worthNaming(s.split(text)[0]); got != want {
			t.Errorf("%q: got %v", text, got)
		}
	}
}

// What the words of a text say, without small words, polite ones and numbers, is what the
// text says.
func TestExplainAddsUp(t *testing.T) {
	m, _ := trained()
	learned := sample(25, false)[1] // its pairs are known
	in := Input{Subject: learned.Subject + " " + learned.Subject, Body: strings.Join(slices.DeleteFunc(strings.Fields(learned.Body), func(w string) bool {
		return stopWords[w] || idleWords[foldString(strings.ToLower(strings.Trim(w, ".,;:!?")))]
	}), " ")}
	s := m.read(in)
	defer m.release(s)
	scores := m.scores(s)
	l, rival := slices.Index(m.labels, "eclairage"), slices.Index(m.labels, "voirie")
	tell := &telling{model: m, scratch: s, label: l, rival: rival, at: map[uint64]int{}}
	tell.text(in.Subject, true)
	tell.text(in.Body, false)
	sum := 0.0
	for _, w := range tell.words {
		sum += w.points
	}
	want := scores[l] - scores[rival] - float64(m.bias[l]-m.bias[rival])
	if d := sum - want; d > 1e-3 || d < -1e-3 {
		t.Errorf("the words say %v, the model %v", sum, want)
	}
}

func FuzzExplain(f *testing.F) {
	m, _ := trained()
	f.Add("lampadaire", "éteint\xff la-\nnuit")
	f.Add("", strings.Repeat("poubelle ", 300))
	f.Add("a@b", "l'ŒUVRE e\u0301teinte")
	f.Fuzz(func(t *testing.T, subject, body string) {
		in := Input{Subject: subject, Body: body}
		p := m.Predict(in)
		for _, w := range m.Explain(in, p.Ranked[0].Label, 5) {
			if w == "" || strings.ContainsAny(w, " \n\"<>") {
				t.Fatalf("word %q", w)
			}
		}
		again := m.Predict(in)
		for i := range p.Ranked {
			if p.Ranked[i] != again.Ranked[i] || p.Ranked[i].P < 0 || p.Ranked[i].P > 1 {
				t.Fatalf("%v, then %v", p.Ranked, again.Ranked)
			}
		}
	})
}
