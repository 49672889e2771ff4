package store

import (
	"errors"
	"testing"

	"saisine.fr/saisine/ingest"
)

// A stack holds the pages of all its letters: who does not see one of them does not see it,
// but the other letters.
func TestStackOfSealedLetters(t *testing.T) {
	s := open(t, t.TempDir())
	ctx := t.Context()
	stack, err := s.Record(ctx, scan("pile", day, ingest.Hints{}))
	if err != nil {
		t.Fatal(err)
	}
	joined, err := s.Collate(ctx, []ingest.Ending{{ID: stack.ID, Reading: ingest.Reading{Kind: ingest.KindPDF}, Reason: ingest.ReasonJoined + ": x"}},
		[]ingest.Submission{letterOf(t, s, "joined", []string{stack.ID}, ingest.PageRef{Scan: stack.ID, Page: 1}, ingest.PageRef{Scan: stack.ID, Page: 2})})
	if err != nil {
		t.Fatal(err)
	}
	letters, err := s.Collate(ctx, []ingest.Ending{{ID: joined[0], Reading: ingest.Reading{Kind: ingest.KindPDF}, Reason: ingest.ReasonSplit + ": 2"}}, []ingest.Submission{
		letterOf(t, s, "a", joined, ingest.PageRef{Scan: stack.ID, Page: 1}), letterOf(t, s, "b", joined, ingest.PageRef{Scan: stack.ID, Page: 2}),
	})
	if err != nil || len(letters) != 2 {
		t.Fatal(letters, err)
	}
	member := ingest.Viewer{Login: "m", Role: ingest.RoleReader}
	other := ingest.Viewer{Login: "o", Role: ingest.RoleAdministrator, Hidden: []string{"Police", "CCAS"}}
	check := func(v ingest.Viewer, id string, want bool) {
		t.Helper()
		err := s.VisibleSubmission(ctx, v, id)
		if err != nil && !errors.Is(err, ingest.ErrNotFound) || (err == nil) != want {
			t.Errorf("%s sees %s: %v", v.Login, id, err)
		}
	}
	check(other, stack.ID, true)
	for i, service := range []string{"Voirie", "CCAS"} {
		file(t, s, letters[i], ingest.Filing{
			Reading:        ingest.Reading{Kind: ingest.KindPDF, Text: service},
			Classification: ingest.Classification{Category: service, Service: service, Confidence: 1}, Match: opens,
		})
	}
	for _, id := range []string{stack.ID, joined[0], letters[1]} {
		check(other, id, false)
		check(member, id, true)
	}
	check(other, letters[0], true)
	if err := s.VisibleSubmission(ctx, other, "nothing"); !errors.Is(err, ingest.ErrNotFound) {
		t.Errorf("nothing: %v", err)
	}
}
