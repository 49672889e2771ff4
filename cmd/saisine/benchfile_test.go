package main

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"saisine.fr/saisine/config"
	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/classify"
)

// BenchmarkTreat measures mails from the ledger to their request: reading, classifying,
// matching and filing, sixteen at a time, among those that came before. short are the
// project's own texts, long the mails of `make bench-mail`.
func BenchmarkTreat(b *testing.B) {
	texts := classify.Texts()
	b.Run("short", func(b *testing.B) {
		benchTreat(b, func(at time.Time, i int) (ingest.Submission, error) {
			line := streamLine{
				ID: fmt.Sprint(i), At: at, Channel: "email", Subject: fmt.Sprintf("Demande %d", i), Body: texts[i%len(texts)],
				Sender: ingest.Person{Name: fmt.Sprintf("Prénom%d Nom%d", i%977, i%3313), Email: fmt.Sprintf("a%d@example.fr", i%4000)},
			}
			return line.submission()
		})
	})
	b.Run("long", func(b *testing.B) {
		benchTreat(b, func(at time.Time, i int) (ingest.Submission, error) {
			line := streamLine{ID: fmt.Sprint(i), At: at, Channel: "email"}
			sub, err := line.submission()
			sub.Original = ingest.NewBlob(townMail(rand.New(rand.NewPCG(1, uint64(i))), i))
			return sub, err
		})
	})
}

func benchTreat(b *testing.B, mail func(at time.Time, i int) (ingest.Submission, error)) {
	h, err := openStreamHouse(b.Context(), config.Default(), slog.New(slog.DiscardHandler), b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	defer h.store.Close()
	h.now = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	ids := make([]string, b.N)
	var g errgroup.Group
	g.SetLimit(mailWorkers)
	for i := range ids {
		g.Go(func() error {
			sub, err := mail(h.now, i)
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
