package store

import (
	"testing"
	"time"

	"saisine.fr/saisine/ingest"
)

// Two agents drop the two sides of their stacks into the browser at the same time: sides of
// one upload belong together, and no others.
func TestSidesOfABatch(t *testing.T) {
	s := open(t, t.TempDir())
	var recs []ingest.Record
	for i, batch := range []string{"a", "b", "a", "b", ""} {
		sub := mail(string(rune('0'+i)), string(rune('0'+i)))
		sub.Channel, sub.Account, sub.Epoch, sub.ReceivedAt = ingest.ChannelScan, "desk", "", day.Add(time.Duration(i)*time.Second)
		sub.Hints = ingest.Hints{TwoSided: true, Batch: batch}
		rec, err := s.Submission(t.Context(), record(t, s, sub).ID)
		if err != nil {
			t.Fatal(err)
		}
		recs = append(recs, rec)
	}
	for i, want := range [][]int{{0, 2}, {1, 3}, {0, 2}, {1, 3}, {4}} {
		sides, err := s.Sides(t.Context(), recs[i])
		if err != nil || len(sides) != len(want) {
			t.Fatalf("%d: %d sides, %v", i, len(sides), err)
		}
		for n, at := range want {
			if sides[n].ID != recs[at].ID {
				t.Errorf("side %d of %d is of another upload", n, i)
			}
		}
	}
}
