package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"saisine.fr/saisine/ingest"
)

// While another program holds the lock of who writes, somebody who waits for an answer is refused
// after lockWait, whoever stood before him: not after the patience of each of them in turn, nor
// when theirs ends.
func TestNobodyWaitsForOthersPatience(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	behind := raw(t, dir, "")
	defer behind.Close()
	other, err := behind.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := s.engine.begin(t.Context(), other, lockWait); err != nil {
		t.Fatal(err)
	}

	var wg sync.WaitGroup
	asked := func(who string, f func() error) {
		wg.Go(func() {
			begun := time.Now()
			err := f()
			took := time.Since(begun).Round(10 * time.Millisecond)
			t.Logf("%s waited %s", who, took)
			if !errors.Is(err, ingest.ErrUnavailable) {
				t.Errorf("%s: %v", who, err)
			}
			if took < lockWait-lockWaitMin || took > lockWait+lockWaitMin+time.Second {
				t.Errorf("%s waited %s", who, took)
			}
		})
	}
	citizen := func(n int) func() error {
		return func() error {
			_, err := s.Record(t.Context(), mail(fmt.Sprint("locked", n), fmt.Sprint("text ", n)))
			return err
		}
	}
	worker := func() error {
		return s.do(t.Context(), func(ctx context.Context, tx *tx) error {
			return tx.exec(ctx, `INSERT INTO settings (name, value) VALUES ('worker', 'x')`)
		})
	}
	tick := time.NewTicker(2 * time.Second)
	defer tick.Stop()
	asked("a worker", worker)
	for n := range 4 {
		<-tick.C
		asked(fmt.Sprint("citizen ", n), citizen(n))
	}
	<-tick.C
	<-tick.C
	late := make(chan error, 1)
	go func() { late <- citizen(4)() }()
	wg.Wait()
	if err := s.engine.commit(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	if err := <-late; err != nil {
		t.Errorf("one who came so late that the lock was let go within his patience: %v", err)
	}
	for n := range 4 {
		if err := citizen(n)(); err != nil {
			t.Errorf("after the lock: %v", err)
		}
	}
	if n := count(t, s, `SELECT count(*) FROM submissions`); n != 5 {
		t.Errorf("%d submissions", n)
	}
}
