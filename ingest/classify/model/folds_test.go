package model

import (
	"fmt"
	"slices"
	"testing"
)

func TestAssignFolds(t *testing.T) {
	var examples []Example
	for i := range 120 {
		examples = append(examples, Example{Label: fmt.Sprint("l", i%4), Group: fmt.Sprint("g", i%7)})
	}
	examples = append(examples, Example{Label: "l0", Use: Given, Group: "g0"}, Example{Label: "l1", Use: Lexicon})
	t.Run("by label", func(t *testing.T) {
		fold, folds := assignFolds(examples, Options{Seed: 1, Folds: 5})
		if folds != 5 {
			t.Fatalf("%d folds", folds)
		}
		count := map[string]int{}
		for i, f := range fold[:120] {
			count[fmt.Sprint(examples[i].Label, f)]++
		}
		if len(count) != 20 {
			t.Fatalf("labels and folds %v", count)
		}
		for _, n := range count {
			if n < 5 || n > 7 {
				t.Errorf("uneven: %v", count)
			}
		}
	})
	t.Run("by group", func(t *testing.T) {
		fold, folds := assignFolds(examples, Options{Seed: 1, Folds: 3, ByGroup: true})
		where, sizes := map[string]int{}, make([]int, folds)
		for i, f := range fold[:120] {
			g := examples[i].Group
			if old, ok := where[g]; ok && old != f {
				t.Fatalf("group %s is in folds %d and %d", g, old, f)
			}
			where[g] = f
			sizes[f]++
		}
		if folds != 3 || slices.Min(sizes) < 30 {
			t.Errorf("sizes of folds %v", sizes)
		}
	})
	t.Run("never held out", func(t *testing.T) {
		for _, by := range []bool{true, false} {
			fold, _ := assignFolds(examples, Options{Folds: 3, ByGroup: by})
			if fold[120] != -1 || fold[121] != -1 {
				t.Errorf("given examples are in folds %v", fold[120:])
			}
		}
	})
	t.Run("one group", func(t *testing.T) {
		one := slices.Clone(examples[:8])
		for i := range one {
			one[i].Group = "g"
		}
		if _, folds := assignFolds(one, Options{Folds: 4, ByGroup: true}); folds != 4 {
			t.Errorf("%d folds; one group is to be spread by label", folds)
		}
	})
	t.Run("groups by default", func(t *testing.T) {
		if o := (Options{ByGroup: true}).withDefaults(examples); o.Folds != 7 {
			t.Errorf("%d folds, want one a group", o.Folds)
		}
	})
}
