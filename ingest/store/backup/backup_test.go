package backup_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/store"
	"saisine.fr/saisine/ingest/store/backup"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T, o store.Options) *store.Store {
	t.Helper()
	o.Zone = time.UTC
	s, err := store.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// content makes n bytes, the same for a seed.
func content(seed byte, n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{seed}).Read(b)
	return b
}

// record puts a mail into the ledger, of n bytes.
func record(t *testing.T, s *store.Store, seed byte, n int) {
	t.Helper()
	b, err := s.Spool().Read(bytes.NewReader(content(seed, n)), 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Record(t.Context(), ingest.Submission{
		Channel: ingest.ChannelMailbox, Account: "sve", SourceKey: fmt.Sprintf("INBOX|1|%d", seed), Epoch: "INBOX|1",
		ReceivedAt: time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC), Original: b, MediaType: ingest.MediaMail,
	})
	if err := errors.Join(err, b.Close()); err != nil {
		t.Fatal(err)
	}
}

const large = ingest.InlineMax * 2

func town(t *testing.T) *store.Store {
	t.Helper()
	s := open(t, store.Options{Dir: t.TempDir()})
	// A row in a table that comes before that of the originals.
	if err := s.AddAgent(t.Context(), ingest.Agent{Login: "camille", Name: "Camille", Role: ingest.RoleAgent}, "x", "test"); err != nil {
		t.Fatal(err)
	}
	for seed := range byte(30) {
		record(t, s, seed, 200_000) // several parts
	}
	record(t, s, 100, large)
	record(t, s, 101, large)
	record(t, s, 102, 0)
	return s
}

// restored loads a backup into a new folder, and checks all that is there.
func restored(t *testing.T, submissions int64, read func(store.DumpSink) (backup.Report, error)) {
	t.Helper()
	o := store.Options{Dir: t.TempDir()}
	if err := store.Load(t.Context(), o, func(sink store.DumpSink) error { _, err := read(sink); return err }); err != nil {
		t.Fatal(err)
	}
	o.Unsettled = true
	s := open(t, o)
	if err := s.FinishLoad(t.Context()); err != nil {
		t.Fatal(err)
	}
	rep, err := s.Verify(t.Context(), func(f store.Finding) { t.Errorf("verify: %+v", f) }, nil)
	if err != nil || rep.Submissions[ingest.StateReceived] != submissions || rep.Originals != submissions {
		t.Errorf("%+v: %v", rep, err)
	}
	for _, seed := range []byte{7, 100} {
		n := 200_000
		if seed == 100 {
			n = large
		}
		want := ingest.NewBlob(content(seed, n))
		b, err := s.Original(t.Context(), ingest.Record{SHA256: want.SHA256()})
		if err != nil || b.Size() != want.Size() {
			t.Errorf("original %d: %v", seed, err)
		}
	}
}

func TestTar(t *testing.T) {
	s := town(t)
	for _, name := range []string{"a.tar", "a.tar.zst"} {
		path := filepath.Join(t.TempDir(), name)
		rep, err := backup.WriteTar(t.Context(), s, store.DumpHeader{Town: "Saint-Exemple"}, path)
		if err != nil || rep.End.Objects != 2 || rep.Rows < 66 {
			t.Fatalf("%+v: %v", rep, err)
		}
		if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 {
			t.Errorf("%v %v", st, err)
		}
		if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 1 {
			t.Errorf("%v %v", left, err)
		}
		restored(t, 33, func(sink store.DumpSink) (backup.Report, error) {
			f, err := os.Open(path)
			if err != nil {
				return backup.Report{}, err
			}
			defer f.Close()
			return backup.ReadTar(f, sink)
		})
		spoil(t, path)
	}
	var stream bytes.Buffer
	if _, err := backup.StreamTar(t.Context(), s, store.DumpHeader{}, &stream); err != nil {
		t.Fatal(err)
	}
	restored(t, 33, func(sink store.DumpSink) (backup.Report, error) { return backup.ReadTar(&stream, sink) })
}

// spoil cuts an archive at many places and changes many of its bytes: each time it is not whole.
func spoil(t *testing.T, path string) {
	t.Helper()
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	check := func(b []byte) error { _, err := backup.ReadTar(bytes.NewReader(b), backup.NewChecker()); return err }
	if err := check(whole); err != nil {
		t.Fatal(err)
	}
	// The archive's own end, two blocks of zeros, says nothing.
	for i := range 12 {
		at := (len(whole) - 1100) * i / 12
		if err := check(whole[:at]); err == nil {
			t.Errorf("%s: cut after %d of %d bytes: nobody noticed", path, at, len(whole))
		}
		changed := bytes.Clone(whole)
		changed[at] ^= 0x55
		if err := check(changed); err == nil && !harmless(whole, at) {
			t.Errorf("%s: byte %d changed: nobody noticed", path, at)
		}
	}
}

// harmless: a byte between a content's end and its block's.
func harmless(whole []byte, at int) bool { return whole[at] == 0 }

func TestRepo(t *testing.T) {
	s := town(t)
	dir := filepath.Join(t.TempDir(), "sauvegardes")
	r, err := backup.OpenRepo(dir, true)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	if _, err := backup.OpenRepo(dir, true); !errors.Is(err, backup.ErrInUse) {
		t.Errorf("two at a time: %v", err)
	}
	first, rep, err := r.Backup(t.Context(), s, store.DumpHeader{})
	if err != nil || rep.New != 33 {
		t.Fatalf("%d new: %v", rep.New, err)
	}
	record(t, s, 103, large)
	record(t, s, 104, 1000)
	second, rep, err := r.Backup(t.Context(), s, store.DumpHeader{})
	if err != nil || rep.New != 2 || rep.Written > large+100_000 {
		t.Fatalf("%d new, %d bytes: %v", rep.New, rep.Written, err)
	}
	names, err := r.Snapshots()
	if err != nil || strings.Join(names, " ") != first+" "+second {
		t.Errorf("%v: %v", names, err)
	}
	restored(t, 33, func(sink store.DumpSink) (backup.Report, error) { return r.Read(first, sink) })
	restored(t, 35, func(sink store.DumpSink) (backup.Report, error) { return r.Read(second, sink) })

	// What was eliminated is kept over all backups, each list once.
	for i, list := range []string{"a", "a", "b", "a"} {
		if err := r.AddEliminated([]byte(list), time.Date(2026, 1, 1+i, 0, 0, 0, 0, time.UTC)); err != nil {
			t.Fatal(err)
		}
	}
	lists, err := r.Eliminated()
	if err != nil || len(lists) != 2 {
		t.Fatalf("%v %v", lists, err)
	}
	if b, err := os.ReadFile(lists[1]); err != nil || string(b) != "b" {
		t.Errorf("%q %v", b, err)
	}

	// Each file that is changed or gone is noticed, and what only the first backup has is kept as
	// long as it is.
	var files []string
	_ = filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().IsRegular() && info.Size() > 0 && !strings.HasSuffix(path, ".jsonl") && !strings.Contains(path, second) {
			files = append(files, path)
		}
		return err
	})
	only := map[string]bool{ingest.NewBlob(content(103, large)).SHA256(): true, ingest.NewBlob(content(104, 1000)).SHA256(): true}
	for _, path := range files {
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if only[filepath.Base(path)] {
			continue // not of the first
		}
		changed := bytes.Clone(whole)
		changed[len(whole)/2] ^= 1
		for _, b := range [][]byte{changed, whole[:max(0, len(whole)-2)], nil} {
			if err := os.WriteFile(path, b, 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := r.Read(first, backup.NewChecker()); !errors.Is(err, store.ErrDump) {
				t.Errorf("%s changed: %v", path, err)
			}
		}
		if err := os.WriteFile(path, whole, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if removed, n, err := r.Prune(1); err != nil || len(removed) != 1 || n != 0 {
		t.Errorf("pruned %v and %d files: %v", removed, n, err)
	}
	if _, err := r.Read(second, backup.NewChecker()); err != nil {
		t.Error(err)
	}
	// A store without most of it: what the earlier backups had goes with them.
	small := open(t, store.Options{Dir: t.TempDir()})
	record(t, small, 100, large)
	if _, _, err := r.Backup(t.Context(), small, store.DumpHeader{}); err != nil {
		t.Fatal(err)
	}
	if _, n, err := r.Prune(1); err != nil || n != 34 {
		t.Errorf("%d files removed: %v", n, err)
	}
	names, err = r.Snapshots()
	if err != nil || len(names) != 1 {
		t.Fatalf("%v: %v", names, err)
	}
	if _, err := r.Read(names[0], backup.NewChecker()); err != nil {
		t.Error(err)
	}
}

// TestNoRepo: a folder with other things is left alone.
func TestNoRepo(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "x"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := backup.OpenRepo(dir, true); err == nil {
		t.Error("took a folder with other things")
	}
	if _, err := backup.OpenRepo(filepath.Join(dir, "none"), false); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
}
