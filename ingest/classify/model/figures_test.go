package model

import (
	"math"
	"testing"
)

func TestMeasure(t *testing.T) {
	guess := func(sure bool, ranked ...Ranked) Prediction { return Prediction{Ranked: ranked, Sure: sure} }
	predictions := []Prediction{
		guess(true, Ranked{"a", 0.9}, Ranked{"b", 0.1}),
		guess(true, Ranked{"a", 0.9}, Ranked{"b", 0.1}),
		guess(false, Ranked{"b", 0.5}, Ranked{"c", 0.3}, Ranked{"d", 0.1}, Ranked{"a", 0.1}),
		guess(true, Ranked{"b", 1}),
		{},
	}
	f, labels := Measure(predictions, []string{"a", "b", "a", "b", "c"})
	want := Figures{
		N: 5, Top1: 0.4, Top3: 0.6, Precision: 2. / 3, Coverage: 0.6,
		MacroF1: (0.5 + 0.5 + 0) / 3,
		// Bins: two of 0.9 with one right, one of 0.5 with none, one of 1 with one.
		ECE: (math.Abs(1-1.8) + 0.5) / 5,
	}
	for name, x := range map[string][2]float64{
		"N": {float64(f.N), float64(want.N)}, "top1": {f.Top1, want.Top1}, "top3": {f.Top3, want.Top3}, "macro F1": {f.MacroF1, want.MacroF1},
		"ECE": {f.ECE, want.ECE}, "precision": {f.Precision, want.Precision}, "coverage": {f.Coverage, want.Coverage},
	} {
		if math.Abs(x[0]-x[1]) > 1e-9 {
			t.Errorf("%s is %v, want %v", name, x[0], x[1])
		}
	}
	if a := labels[0]; a.Label != "a" || a.N != 2 || a.Precision != 0.5 || a.Recall != 0.5 || a.F1 != 0.5 || a.Top3 != 0.5 {
		t.Errorf("label a: %+v", a)
	}
	if c := labels[2]; c.F1 != 0 || c.N != 1 {
		t.Errorf("label c: %+v", c)
	}
	if f, _ := Measure(nil, nil); f != (Figures{}) {
		t.Errorf("nothing measured: %+v", f)
	}
}
