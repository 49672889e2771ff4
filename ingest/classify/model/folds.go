package model

import (
	"cmp"
	"slices"
)

// assignFolds says for each example in which fold it is held out, -1 for none, and how
// many folds there are. By group, no group is in two folds; a text of no group is a group
// by itself. Otherwise the labels are spread evenly. There are fewer folds than asked for
// where there is less to hold out.
func assignFolds(examples []Example, o Options) (fold []int, folds int) {
	rng := random(o.Seed, 0x666f6c64) // "fold": not the stream of any text
	fold = make([]int, len(examples))
	var judged []int
	for i, e := range examples {
		fold[i] = -1
		if e.Use == Judged {
			judged = append(judged, i)
		}
	}
	if o.ByGroup {
		if units := unitsOf(examples, judged); len(units) > 1 {
			rng.Shuffle(len(units), func(i, j int) { units[i], units[j] = units[j], units[i] })
			slices.SortStableFunc(units, func(a, b []int) int { return cmp.Compare(len(b), len(a)) })
			sizes := make([]int, min(o.Folds, len(units)))
			for _, u := range units { // the largest first, each to the emptiest fold
				f := slices.Index(sizes, slices.Min(sizes))
				sizes[f] += len(u)
				for _, i := range u {
					fold[i] = f
				}
			}
			return fold, len(sizes)
		}
	}
	rng.Shuffle(len(judged), func(i, j int) { judged[i], judged[j] = judged[j], judged[i] })
	slices.SortStableFunc(judged, func(a, b int) int { return cmp.Compare(examples[a].Label, examples[b].Label) })
	folds = min(o.Folds, len(judged))
	for k, i := range judged {
		fold[i] = k % folds
	}
	return fold, folds
}

// unitsOf returns what may not be parted: the groups, and each text of none.
func unitsOf(examples []Example, judged []int) [][]int {
	members := map[string][]int{}
	var units [][]int
	for _, i := range judged {
		if g := examples[i].Group; g != "" {
			members[g] = append(members[g], i)
		} else {
			units = append(units, []int{i})
		}
	}
	for _, g := range groupsOf(examples) {
		units = append(units, members[g])
	}
	return units
}
