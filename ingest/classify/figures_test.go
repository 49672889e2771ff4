package classify

import (
	"math"
	"testing"
)

// TestScore compares with figures worked out by hand.
func TestScore(t *testing.T) {
	var s Score
	for _, x := range []struct {
		ranked     []string
		confidence float64
		review     bool
		category   string
		also       []string
		right      bool
	}{
		{[]string{"a", "b", "c"}, 0.95, false, "a", nil, true},
		{[]string{"b", "a", "c"}, 0.55, false, "a", nil, false},
		{[]string{"c", "a", "b"}, 0.45, true, "b", []string{"c"}, true}, // counts as b
		{nil, 0, true, "b", nil, false},
	} {
		if got := s.Add(Prediction{x.ranked, x.confidence, x.review}, x.category, x.also); got != x.right {
			t.Errorf("%v: right is %v", x.ranked, got)
		}
	}
	f := s.Figures()
	want := Figures{
		N: 4, Accuracy: 0.5, Top3: 0.75, Coverage: 0.5, Precision: 0.5,
		// a: 1 right, 2 true, 1 found: 2/3. b: 1 right, 2 true, 2 found: 1/2.
		MacroF1: (2.0/3 + 0.5) / 2,
		ECE:     (0.05 + 0.55 + 0.55 + 0) / 4,
	}
	for name, pair := range map[string][2]float64{
		"accuracy": {f.Accuracy, want.Accuracy}, "top3": {f.Top3, want.Top3}, "macro-F1": {f.MacroF1, want.MacroF1},
		"coverage": {f.Coverage, want.Coverage}, "precision": {f.Precision, want.Precision}, "ece": {f.ECE, want.ECE},
	} {
		if math.Abs(pair[0]-pair[1]) > 1e-9 {
			t.Errorf("%s: got %v, want %v", name, pair[0], pair[1])
		}
	}
	if n, recall, precision := s.Category("b"); n != 2 || recall != 0.5 || precision != 0.5 {
		t.Errorf("b: got %d, %v, %v", n, recall, precision)
	}
	if f := new(Score).Figures(); f != (Figures{Precision: 1}) {
		t.Errorf("of nothing: got %+v", f)
	}
}
