package chart

import (
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

var nan = math.NaN()

func weeks(n int) Chart {
	c := Chart{ID: "volume", Title: "Demandes par semaine", Description: "De 0 à 9 par semaine."}
	values := [3][]float64{}
	for i := range n {
		c.Labels = append(c.Labels, "S"+string(rune('0'+i%10)))
		for s := range values {
			values[s] = append(values[s], float64((i*7+s*3)%5))
		}
	}
	for s, name := range []string{"Courriel", "Accueil", "Courrier <papier> & \"autres\""} {
		c.Series = append(c.Series, Series{name, values[s]})
	}
	return c
}

var cases = map[string]string{
	"columns":  weeks(12).Columns(),
	"lines":    gapped().Lines(),
	"bars":     delays().Bars(),
	"shares":   shares().Bars(),
	"one_week": Chart{ID: "x", Title: "t", Labels: []string{"S1"}, Series: []Series{{"a", []float64{3}}}}.Columns(),
	"empty":    Chart{ID: "x", Title: "t"}.Columns(),
	"zeros":    Chart{ID: "x", Title: "t", Labels: []string{"a", "b"}, Series: []Series{{"s", []float64{0, nan}}}}.Bars(),
}

func gapped() Chart {
	c := weeks(30)
	c.Series[1].Values[4] = nan
	return c
}

func delays() Chart {
	return Chart{
		ID: "delais", Title: "Délai", Description: "En jours.", Labels: []string{"Voirie et réseaux divers de la commune", "État civil"},
		Series: []Series{{"Médiane", []float64{2.5, 12}}, {"90 %", []float64{10, nan}}},
		Number: func(x float64) string { return number(x) + " j" },
	}
}

func shares() Chart {
	return Chart{ID: "parts", Title: "Parts", Labels: []string{"a", "b"}, Series: []Series{{"s", []float64{0.25, 1}}}, Top: 1}
}

func TestGolden(t *testing.T) {
	for name, got := range cases {
		file := filepath.Join("testdata", name+".svg")
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s is drawn otherwise than in %s; look at it, then run with -update", name, file)
		}
	}
}

// sound fails for what is no well-formed XML, and for what a page of the desk must not hold.
func sound(t *testing.T, name, svg string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(svg))
	d.Strict = true
	ids := map[string]bool{}
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Errorf("%s: %v\n%s", name, err, svg)
			return
		}
		e, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		for _, a := range e.Attr {
			switch {
			case a.Name.Local == "style", strings.HasPrefix(a.Name.Local, "on"), a.Name.Local == "href", strings.Contains(a.Value, "NaN"), strings.Contains(a.Value, "Inf"):
				t.Errorf("%s: <%s %s=%q>", name, e.Name.Local, a.Name.Local, a.Value)
			case a.Name.Local == "id" && ids[a.Value]:
				t.Errorf("%s: two elements are called %s", name, a.Value)
			case a.Name.Local == "id":
				ids[a.Value] = true
			}
		}
		if e.Name.Local == "script" || e.Name.Local == "foreignObject" {
			t.Errorf("%s: <%s>", name, e.Name.Local)
		}
	}
}

func TestWellFormed(t *testing.T) {
	for name, svg := range cases {
		sound(t, name, svg)
		if !strings.Contains(svg, `role="img"`) || !strings.Contains(svg, "<title id=") || !strings.Contains(svg, "<desc id=") {
			t.Errorf("%s does not say what it shows", name)
		}
	}
}

func FuzzChart(f *testing.F) {
	f.Add("Voirie", "a<b>&\"'", 3.0, -1.0)
	f.Add("\x00\x1b", "\xff\ufffe", math.Inf(1), nan)
	f.Add("", "</text><script>", 1e300, 1e-300)
	f.Fuzz(func(t *testing.T, label, name string, x, y float64) {
		if math.IsInf(x, 0) || math.IsInf(y, 0) || math.Abs(x) > 1e15 || math.Abs(y) > 1e15 {
			return // no count is
		}
		c := Chart{ID: "f", Title: label, Description: name, Labels: []string{label, name}, Series: []Series{{name, []float64{x, y}}, {label, []float64{y, x}}}}
		for _, svg := range []string{c.Columns(), c.Lines(), c.Bars()} {
			sound(t, "fuzzed", svg)
		}
	})
}

// The axis ends at a round number, and counts are not divided.
func TestAxis(t *testing.T) {
	for _, tt := range []struct {
		highest, top, step float64
		values             []float64
	}{
		{0, 1, 1, []float64{0}},
		{1, 1, 1, []float64{1}},
		{3, 3, 1, []float64{3}},
		{7, 8, 2, []float64{7}},
		{97, 100, 50, []float64{97}},
		{1234, 1500, 500, []float64{1234}},
		{0.7, 0.8, 0.2, []float64{0.7}},
	} {
		c := Chart{Series: []Series{{"", tt.values}}}
		if top, step := c.axis(tt.highest); math.Abs(top-tt.top) > 1e-9 || math.Abs(step-tt.step) > 1e-9 {
			t.Errorf("up to %v: the axis ends at %v by %v, want %v by %v", tt.highest, top, step, tt.top, tt.step)
		}
	}
}
