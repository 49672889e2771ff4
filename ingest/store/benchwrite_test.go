package store

import (
	"context"
	"flag"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"saisine.fr/saisine/ingest"
)

// The measurement of `make bench-write`. `make test` runs it with these small numbers, to keep it
// working, and holds it to nothing.
var (
	benchWrites = flag.Int("bench.writes", 100, "submissions in a round of the writing measurement")
	benchRounds = flag.Int("bench.writerounds", 1, "rounds of the writing measurement")
)

// TestBenchWriting measures what the safety of the writing connection costs: the same submissions
// are taken in, sixteen at a time, and filed, four at a time, by stores with and without it, in turn.
func TestBenchWriting(t *testing.T) {
	onlySQLite(t)
	kinds := []struct {
		name   string
		change func(*writer) error
	}{
		{"as it is", func(*writer) error { return nil }},
		{"without secure_delete", func(w *writer) error {
			_, err := w.conn.ExecContext(context.Background(), "PRAGMA secure_delete=off")
			return err
		}},
		{"without the looks at the files", func(w *writer) error {
			w.files = nil
			return nil
		}},
	}
	stores := make([]*Store, len(kinds))
	intake, filing := make([][]float64, len(kinds)), make([][]float64, len(kinds))
	for i, k := range kinds {
		stores[i] = open(t, t.TempDir())
		if err := k.change(stores[i].writer); err != nil {
			t.Fatal(err)
		}
	}
	rate := func(n, workers int, f func(i int) error) float64 {
		var wg sync.WaitGroup
		begun := time.Now()
		for w := range workers {
			wg.Go(func() {
				for i := w; i < n; i += workers {
					if err := f(i); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
		return float64(n) / time.Since(begun).Seconds()
	}
	texts := benchPool()
	for round := range *benchRounds {
		for at := range kinds {
			kind := (at + round) % len(kinds) // none is always the first
			s, ids := stores[kind], make([]string, *benchWrites)
			text := func(i int) string { return texts[(round**benchWrites+i)%len(texts)] }
			intake[kind] = append(intake[kind], rate(*benchWrites, 16, func(i int) error {
				key := fmt.Sprintf("%d/%d", round, i)
				r, err := s.Record(t.Context(), mail(key, key+"\n"+text(i)))
				ids[i] = r.ID
				return err
			}))
			filing[kind] = append(filing[kind], rate(*benchWrites, 4, func(i int) error {
				n := round**benchWrites + i
				_, err := s.File(t.Context(), ids[i], ingest.Filing{
					Match:   opens,
					Reading: ingest.Reading{Text: text(i), From: ingest.Person{Name: fmt.Sprint("Citoyen ", n), Email: fmt.Sprintf("c%d@exemple.fr", n)}},
					Profile: inventedProfile(n),
				})
				return err
			}))
		}
	}
	median := func(of []float64) float64 {
		of = slices.Sorted(slices.Values(of))
		return of[len(of)/2]
	}
	t.Logf("%d rounds of %d submissions, medians (lowest to highest); %d cores; Go %s", *benchRounds, *benchWrites, runtime.NumCPU(), runtime.Version())
	for i, k := range kinds {
		for _, m := range []struct {
			what  string
			rates [][]float64
		}{{"taken in", intake}, {"filed", filing}} {
			t.Logf("%-31s %-8s %6.0f/s (%.0f to %.0f), %.2f of as it is", k.name, m.what,
				median(m.rates[i]), slices.Min(m.rates[i]), slices.Max(m.rates[i]), median(m.rates[i])/median(m.rates[0]))
		}
	}
}
