package main

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"saisine.fr/saisine/config"
	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/classify"
)

// BenchmarkTreat measures mails from the ledger to their request: reading, classifying,
// matching and filing, sixteen at a time, among those that came before.
func BenchmarkTreat(b *testing.B) {
	h, err := openStreamHouse(b.Context(), config.Default(), slog.New(slog.DiscardHandler), b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	defer h.store.Close()
	h.now = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	texts := classify.Texts()
	ids := make([]string, b.N)
	var g errgroup.Group
	g.SetLimit(mailWorkers)
	for i := range ids {
		g.Go(func() error {
			line := streamLine{
				ID: fmt.Sprint(i), At: h.now, Channel: "email", Subject: fmt.Sprintf("Demande %d", i), Body: texts[i%len(texts)],
				Sender: ingest.Person{Name: fmt.Sprintf("Prénom%d Nom%d", i%977, i%3313), Email: fmt.Sprintf("a%d@example.fr", i%4000)},
			}
			sub, err := line.submission()
			if err != nil {
				return err
			}
			receipt, err := h.intake.Submit(b.Context(), sub)
			ids[i] = receipt.ID
			return err
		})
	}
	if err := g.Wait(); err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	for _, id := range ids {
		g.Go(func() error { return h.pipeline.Process(b.Context(), id) })
	}
	if err := g.Wait(); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "mails/s")
}
