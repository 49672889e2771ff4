package main

import (
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"saisine.fr/saisine/config"
	"saisine.fr/saisine/ingest"
)

// TestTwinsAreOneRequest hands the same matter in by two ways at the same instant and
// treats both at once, in either order of arrival: one request, with one opening.
func TestTwinsAreOneRequest(t *testing.T) {
	t.Parallel()
	cfg := config.Default()
	log := slog.New(slog.DiscardHandler)
	h, err := openStreamHouse(t.Context(), cfg, log, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer h.store.Close()
	at := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	h.now = at
	person := ingest.Person{Name: "Gérard Bonnefoy", Email: "g.bonnefoy@example.fr", Address: "18 rue des Acacias, 99100 Saint-Exemple"}
	body := "Madame, Monsieur,\n\nDepuis une dizaine de jours, le lampadaire situé devant le n° %d de la rue des Acacias ne s'allume plus du tout. Le virage est très sombre.\n\nGérard Bonnefoy"
	misread := "Madame, Monsicur,\n\nDepuis une dizaine de jours, lelampadaire situé devant le n° %d de la\nrue des Acacias ne s'allume plns du tout. Le yirage est très sombrc.\n\nGérard Bonnefoy"
	pairs := [][2]string{{"email", "form"}, {"email", "letter"}, {"letter", "form"}}
	for round := range 12 {
		pair := pairs[round%len(pairs)]
		if round >= len(pairs)*2 {
			pair[0], pair[1] = pair[1], pair[0]
		}
		// Other rounds are other lamps, long ago: nothing links them to this one.
		h.now = at.AddDate(0, 3*round, 0)
		var ids []string
		for i, channel := range pair {
			text := body
			if channel == "letter" {
				text = misread
			}
			sub, err := streamLine{
				ID: fmt.Sprintf("%d-%d", round, i), At: h.now, Channel: channel, Subject: "Lampadaire éteint", Sender: person, Body: fmt.Sprintf(text, 100+round),
			}.submission()
			if err != nil {
				t.Fatal(err)
			}
			receipt, err := h.intake.Submit(t.Context(), sub)
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, receipt.ID)
		}
		var wg sync.WaitGroup
		for _, id := range ids {
			wg.Go(func() {
				if err := h.pipeline.Process(t.Context(), id); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		links := map[ingest.Link]int{}
		requests := map[string]bool{}
		for _, id := range ids {
			rec, err := h.store.Submission(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			links[rec.Link]++
			requests[rec.Request] = true
		}
		if len(requests) != 1 || links[ingest.LinkOpens] != 1 || links[ingest.LinkDuplicate] != 1 {
			t.Errorf("round %d, %v: %v in %v", round, pair, links, requests)
		}
	}
}
