package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"saisine.fr/saisine/ingest"
)

// Processes that begin to write while others write and read make the log sound each time, and
// harm none of its commits.
func TestSoundLogBesideWriters(t *testing.T) {
	onlySQLite(t)
	dir := t.TempDir()
	first := open(t, dir)
	const rows = 150
	var wg sync.WaitGroup
	for w := range 2 {
		wg.Go(func() {
			for n := range rows {
				if _, err := first.Record(t.Context(), mail(fmt.Sprintf("%d-%d", w, n), fmt.Sprintf("mail %d of %d", n, w))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	const others = 8
	wg.Go(func() {
		for n := range others {
			s, err := Open(t.Context(), Options{Dir: dir})
			if err != nil {
				t.Error(err)
				return
			}
			if _, err := s.Record(t.Context(), mail(fmt.Sprintf("other-%d", n), fmt.Sprintf("other %d", n))); err != nil {
				t.Error(err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	wg.Wait()
	verified(t, first, 0)
	counts, err := first.Counts(t.Context())
	if err != nil || counts[ingest.StateReceived] != 2*rows+others {
		t.Errorf("%v, %v; want %d", counts, err, 2*rows+others)
	}
}

// While the log cannot be made sound nothing is written, and it is tried again.
func TestUnsoundLogIsUnavailable(t *testing.T) {
	s := open(t, t.TempDir())
	sound := s.writer.sound
	s.writer.sound = func() error { return errors.New("input/output error") }
	if _, err := s.Record(t.Context(), mail("1", "x")); !errors.Is(err, ingest.ErrUnavailable) {
		t.Errorf("%v", err)
	}
	s.writer.sound = sound
	record(t, s, mail("1", "x"))
	verified(t, s, 0)
}

// Where a database was, none is begun anew.
func TestEmptyDatabaseBesideOriginals(t *testing.T) {
	for _, damage := range []func(string) error{os.Remove, func(f string) error { return os.WriteFile(f, nil, 0o600) }} {
		other := t.TempDir()
		kept := filepath.Join(other, "originals", "ab")
		if err := os.MkdirAll(kept, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(kept, "abcd"), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		db := filepath.Join(other, "saisine.db")
		if err := os.WriteFile(db, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := damage(db); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(t.Context(), Options{Dir: other}); !errors.Is(err, ErrGone) {
			t.Errorf("opened: %v", err)
		}
	}
}
