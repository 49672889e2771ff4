package backup

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/klauspost/compress/zstd"

	"saisine.fr/saisine/ingest/store"
)

// Repo is a folder of backups. Each original lies in it once. One process at a time works in it.
type Repo struct {
	dir  string
	lock *os.File
}

const (
	snapshotsDir = "snapshots"
	lockName     = "lock"
	zstdEnding   = ".zst"
	// unfinished begins the name of a snapshot that is being written.
	unfinished = ".new-"
	// snapshotForm is how a snapshot is named: sorted by name they are sorted by time.
	snapshotForm = "20060102T150405.000Z"
)

// ErrInUse means that another process works in the repository.
var ErrInUse = errors.New("backup: another backup works in this folder")

// OpenRepo opens a repository, and makes one when create says so and the folder is empty or not
// there.
func OpenRepo(dir string, create bool) (*Repo, error) {
	switch entries, err := os.ReadDir(dir); {
	case err == nil && len(entries) > 0:
		if _, err := os.Stat(filepath.Join(dir, snapshotsDir)); err != nil {
			return nil, fmt.Errorf("backup: %s holds other things, and no backups of saisine", dir)
		}
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("backup: %w", err)
	case !create:
		return nil, fmt.Errorf("backup: %s holds no backups: %w", dir, fs.ErrNotExist)
	}
	for _, d := range []string{dir, filepath.Join(dir, snapshotsDir), filepath.Join(dir, originals), filepath.Join(dir, copies)} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return nil, fmt.Errorf("backup: %w", err)
		}
	}
	lock, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("backup: %w", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = lock.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, ErrInUse
		}
		return nil, fmt.Errorf("backup: lock: %w", err)
	}
	return &Repo{dir: dir, lock: lock}, nil
}

// Close gives the repository back.
func (r *Repo) Close() error { return r.lock.Close() }

func (r *Repo) snapshot(name string) string { return filepath.Join(r.dir, snapshotsDir, name) }

func (r *Repo) object(kind, sum string) string { return filepath.Join(r.dir, objectName(kind, sum)) }

// Snapshots names the backups, oldest first.
func (r *Repo) Snapshots() ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(r.dir, snapshotsDir))
	if err != nil {
		return nil, fmt.Errorf("backup: %w", err)
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return names, nil
}

// Header and manifest of a backup.
func (r *Repo) Header(name string) (h store.DumpHeader, m Manifest, err error) {
	for file, v := range map[string]any{headerName: &h, manifestName: &m} {
		b, err := os.ReadFile(filepath.Join(r.snapshot(name), file))
		if err != nil {
			return h, m, damaged("%v", err)
		}
		if err := decodeJSON(file, b, v); err != nil {
			return h, m, err
		}
	}
	return h, m, nil
}

// Backup dumps the store into the repository. Originals that are there already are not read
// again. The backup appears whole, after all that it has written was read again and hashed.
func (r *Repo) Backup(ctx context.Context, s *store.Store, h store.DumpHeader) (name string, rep Report, err error) {
	if err := r.sweep(); err != nil {
		return "", rep, err
	}
	w := &repoWriter{repo: r, objects: sha256.New()}
	defer func() {
		if err != nil && w.dir != "" {
			err = errors.Join(err, os.RemoveAll(w.dir))
		}
	}()
	w.parts.flush = func(p Part, content []byte) error { return w.file(p.Name+zstdEnding, content, true) }
	if _, _, err := s.Dump(ctx, h, w); err != nil {
		return "", w.report, err
	}
	// One flush for all: a file each would cost a first backup hours.
	if err := syncFS(r.dir); err != nil {
		return "", w.report, err
	}
	if err := w.readAgain(); err != nil {
		return "", w.report, fmt.Errorf("backup: what was written cannot be read again: %w", err)
	}
	name = w.report.Header.MadeAt.UTC().Format(snapshotForm) + "-" + w.report.Header.ID[len(w.report.Header.ID)-8:]
	if err := os.Rename(w.dir, r.snapshot(name)); err != nil {
		return "", w.report, fmt.Errorf("backup: %w", err)
	}
	return name, w.report, syncDir(filepath.Join(r.dir, snapshotsDir))
}

// sweep removes what a backup that was killed has left, originals aside: those are good.
func (r *Repo) sweep() error {
	entries, err := os.ReadDir(filepath.Join(r.dir, snapshotsDir))
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), unfinished) {
			if err := os.RemoveAll(r.snapshot(e.Name())); err != nil {
				return fmt.Errorf("backup: %w", err)
			}
		}
	}
	return nil
}

// syncFS flushes the file system on which dir lies.
func syncFS(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	return errors.Join(syncfs(int(f.Fd())), f.Close())
}

// repoWriter is the sink of a repository.
type repoWriter struct {
	repo    *Repo
	dir     string
	parts   parts
	report  Report
	header  string
	tables  string
	objects hash.Hash
	list    bytes.Buffer
	fresh   []store.DumpObject // that this backup has added
}

// file writes a file of the snapshot.
func (w *repoWriter) file(name string, content []byte, compress bool) error {
	if compress {
		var b bytes.Buffer
		z, err := zstd.NewWriter(&b)
		if err != nil {
			return fmt.Errorf("backup: %w", err)
		}
		_, err = z.Write(content)
		if err := errors.Join(err, z.Close()); err != nil {
			return fmt.Errorf("backup: %w", err)
		}
		content = b.Bytes()
	}
	w.report.Written += int64(len(content))
	if err := os.WriteFile(filepath.Join(w.dir, name), content, 0o600); err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	return nil
}

func (w *repoWriter) json(name string, v any) (sum string, err error) {
	b, err := encodeJSON(v)
	if err != nil {
		return "", err
	}
	return sumOf(b), w.file(name, b, false)
}

// Begin implements store.DumpSink.
func (w *repoWriter) Begin(h store.DumpHeader) error {
	w.report.Header, w.dir = h, w.repo.snapshot(unfinished+h.ID)
	if err := os.MkdirAll(filepath.Join(w.dir, tablesDir), 0o700); err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	var err error
	w.header, err = w.json(headerName, h)
	return err
}

// Row implements store.DumpSink.
func (w *repoWriter) Row(t *store.DumpTable, r store.DumpRow) error {
	if r.Content != nil {
		sum, err := t.InlineSum(r.Line)
		if err != nil {
			return err
		}
		if err := w.inline(sum, r.Content); err != nil {
			return err
		}
	}
	return w.parts.row(t, r.Line)
}

// inline keeps an original that lies in the database.
func (w *repoWriter) inline(sum string, content func() ([]byte, error)) error {
	path := w.repo.object(originals, sum)
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	b, err := content()
	if err != nil {
		return err
	}
	if sumOf(b) != sum {
		// The backup is of what is there; verify says more about it.
		return fmt.Errorf("%w: original %s in the database: its bytes hash to %s; saisine verify", store.ErrDamaged, sum, sumOf(b))
	}
	return w.keep(store.DumpObject{Kind: originals, SHA256: sum, Size: int64(len(b))}, bytes.NewReader(b))
}

// keep writes an object under its name, once all of it is written.
func (w *repoWriter) keep(o store.DumpObject, r io.Reader) error {
	path := w.repo.object(o.Kind, o.SHA256)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), unfinished+"*")
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	h := newHashingReader(r)
	_, err = io.Copy(f, h)
	if err := errors.Join(err, f.Close()); err != nil {
		return errors.Join(fmt.Errorf("backup: %s %s: %w", o.Kind, o.SHA256, err), os.Remove(f.Name()))
	}
	if h.sum() != o.SHA256 || h.n != o.Size {
		return errors.Join(fmt.Errorf("%w: %s %s: the bytes hash to %s", store.ErrDamaged, o.Kind, o.SHA256, h.sum()), os.Remove(f.Name()))
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	w.fresh = append(w.fresh, o)
	w.report.New++
	w.report.Written += o.Size
	return nil
}

// Tables implements store.DumpSink.
func (w *repoWriter) Tables(s store.DumpSummary) (err error) {
	t, err := w.parts.summary(s, &w.report)
	if err == nil {
		w.tables, err = w.json(tablesName, t)
	}
	return err
}

// Has implements store.DumpSink. What is there was hashed when it was written, and is hashed by
// Check.
func (w *repoWriter) Has(o store.DumpObject) (bool, error) {
	st, err := os.Stat(w.repo.object(o.Kind, o.SHA256))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("backup: %w", err)
	case st.Size() != o.Size:
		return false, nil
	}
	return true, w.named(o)
}

// Object implements store.DumpSink.
func (w *repoWriter) Object(o store.DumpObject, open store.ObjectOpener) error {
	r, err := open()
	if err != nil {
		return err
	}
	if err := errors.Join(w.keep(o, r), r.Close()); err != nil {
		return err
	}
	return w.named(o)
}

func (w *repoWriter) named(o store.DumpObject) error {
	line := objectLine(o)
	w.objects.Write(line)
	w.list.Write(line)
	return nil
}

// End implements store.DumpSink.
func (w *repoWriter) End(e store.DumpEnd) error {
	w.report.End = e
	if err := w.file(objectsName, w.list.Bytes(), false); err != nil {
		return err
	}
	_, err := w.json(manifestName, Manifest{ID: w.report.Header.ID, DumpEnd: e, SHA256: hex.EncodeToString(w.objects.Sum(nil)), Header: w.header, Tables: w.tables})
	return err
}

// readAgain hashes what this backup has written.
func (w *repoWriter) readAgain() error {
	fresh := map[store.DumpObject]bool{}
	inline := map[string]bool{}
	for _, o := range w.fresh {
		fresh[o] = true
		inline[o.SHA256] = o.Kind == originals
	}
	// Rows whose original was there before are not asked for it.
	_, err := w.repo.read(w.dir, NewChecker(), func(o store.DumpObject) bool { return fresh[o] || o.Size < 0 && inline[o.SHA256] })
	return err
}

// Read gives a backup of the repository to a sink, and checks all of it against its hashes.
func (r *Repo) Read(name string, sink store.DumpSink) (Report, error) {
	return r.read(r.snapshot(name), sink, func(store.DumpObject) bool { return true })
}

// read is Read of a snapshot's folder. Objects that look does not choose are not opened; those
// that lie in the database have a size of -1 there.
func (r *Repo) read(dir string, sink store.DumpSink, look func(store.DumpObject) bool) (rep Report, err error) {
	var m Manifest
	var t Tables
	b, err := os.ReadFile(filepath.Join(dir, manifestName))
	if err != nil {
		return rep, damaged("%v", errNoManifest)
	}
	if err := decodeJSON(manifestName, b, &m); err != nil {
		return rep, err
	}
	if b, err = os.ReadFile(filepath.Join(dir, headerName)); err != nil {
		return rep, damaged("%v", err)
	}
	if err := decodeJSON(headerName, b, &rep.Header); err != nil {
		return rep, err
	}
	header := sumOf(b)
	if b, err = os.ReadFile(filepath.Join(dir, tablesName)); err != nil {
		return rep, damaged("%v", err)
	}
	if sumOf(b) != m.Tables || header != m.Header || m.ID != rep.Header.ID {
		return rep, damaged("header, tables and manifest do not belong together")
	}
	if err := decodeJSON(tablesName, b, &t); err != nil {
		return rep, err
	}
	rep.Tables, rep.End = t.Tables, m.DumpEnd
	for _, c := range rep.Tables {
		rep.Rows += c.Rows
	}
	if err := sink.Begin(rep.Header); err != nil {
		return rep, err
	}
	for _, p := range t.Parts {
		if err := r.part(dir, p, rep.Header, sink, look, &rep); err != nil {
			return rep, err
		}
	}
	if err := sink.Tables(t.DumpSummary); err != nil {
		return rep, err
	}
	if err := r.objects(dir, m, sink, look, &rep); err != nil {
		return rep, err
	}
	return rep, sink.End(m.DumpEnd)
}

func (r *Repo) part(dir string, p Part, h store.DumpHeader, sink store.DumpSink, look func(store.DumpObject) bool, rep *Report) error {
	if !partForm.MatchString(p.Name) {
		return damaged("%q is no name of a part", p.Name)
	}
	f, err := os.Open(filepath.Join(dir, p.Name+zstdEnding))
	if err != nil {
		return damaged("%v", err)
	}
	defer f.Close() // only read
	z, err := zstd.NewReader(f)
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	defer z.Close()
	lines, err := readBounded(p.Name, z, maxPart)
	if err != nil {
		return damaged("%v", err)
	}
	if int64(len(lines)) != p.Bytes || sumOf(lines) != p.SHA256 {
		return damaged("%s is not what was written", p.Name)
	}
	return giveRows(sinkOf(sink, look), h, p.Name, lines, func(sum string) ([]byte, error) {
		rep.New++
		b, err := os.ReadFile(r.object(originals, sum))
		if err != nil {
			return nil, damaged("%v", err)
		}
		if sumOf(b) != sum {
			return nil, damaged("the original %s hashes to %s", sum, sumOf(b))
		}
		return b, nil
	})
}

// choosy leaves the contents of originals alone that are not chosen.
type choosy struct {
	store.DumpSink
	look func(store.DumpObject) bool
}

func sinkOf(s store.DumpSink, look func(store.DumpObject) bool) store.DumpSink {
	return choosy{s, look}
}

// Row implements store.DumpSink.
func (c choosy) Row(t *store.DumpTable, r store.DumpRow) error {
	if r.Content != nil {
		sum, err := t.InlineSum(r.Line)
		if err != nil {
			return err
		}
		if !c.look(store.DumpObject{Kind: originals, SHA256: sum, Size: -1}) {
			r.Content = nil
		}
	}
	return c.DumpSink.Row(t, r)
}

// objects gives the objects that objects.txt names.
func (r *Repo) objects(dir string, m Manifest, sink store.DumpSink, look func(store.DumpObject) bool, rep *Report) error {
	h, n, bytes := sha256.New(), int64(0), int64(0)
	err := eachObject(dir, func(line []byte, o store.DumpObject) error {
		h.Write(line)
		n++
		bytes += o.Size
		if !look(o) {
			return nil
		}
		has, err := sink.Has(o)
		if err != nil || has {
			return err
		}
		rep.New++
		err = sink.Object(o, func() (io.ReadCloser, error) {
			f, err := os.Open(r.object(o.Kind, o.SHA256))
			if err != nil {
				return nil, damaged("%v", err)
			}
			return f, nil
		})
		if errors.Is(err, store.ErrDamaged) {
			return damaged("%v", err)
		}
		return err
	})
	if err != nil {
		return err
	}
	if n != m.Objects || bytes != m.Bytes || hex.EncodeToString(h.Sum(nil)) != m.SHA256 {
		return damaged("%s is not that of the manifest", objectsName)
	}
	return nil
}

// eachObject reads objects.txt.
func eachObject(dir string, f func(line []byte, o store.DumpObject) error) error {
	list, err := os.Open(filepath.Join(dir, objectsName))
	if err != nil {
		return damaged("%v", err)
	}
	defer list.Close() // only read
	lines := bufio.NewScanner(list)
	for lines.Scan() {
		kind, rest, _ := strings.Cut(lines.Text(), " ")
		sum, size, _ := strings.Cut(rest, " ")
		n, err := strconv.ParseInt(size, 10, 64)
		if err != nil || len(sum) != 64 || !objectForm.MatchString(objectName(kind, sum)) {
			return damaged("%s: %q", objectsName, lines.Text())
		}
		o := store.DumpObject{Kind: kind, SHA256: sum, Size: n}
		if err := f(objectLine(o), o); err != nil {
			return err
		}
	}
	return lines.Err()
}

// Prune removes all but the newest keep backups, and then the originals that no backup names. It
// returns what it has removed.
func (r *Repo) Prune(keep int) (snapshots []string, files int, err error) {
	names, err := r.Snapshots()
	if err != nil || keep < 1 {
		return nil, 0, err
	}
	for len(names) > keep {
		if err := os.RemoveAll(r.snapshot(names[0])); err != nil {
			return snapshots, 0, fmt.Errorf("backup: %w", err)
		}
		snapshots, names = append(snapshots, names[0]), names[1:]
	}
	files, err = r.Collect()
	return snapshots, files, err
}

// Collect removes the originals and copies that no backup names. It removes nothing when it
// cannot read what one of them names.
func (r *Repo) Collect() (files int, err error) {
	names, err := r.Snapshots()
	if err != nil {
		return 0, err
	}
	named := map[string]bool{}
	for _, name := range names {
		if err := r.names(name, named); err != nil {
			return 0, fmt.Errorf("backup: %s cannot be read, so nothing is removed: %w", name, err)
		}
	}
	for _, kind := range []string{originals, copies} {
		err := filepath.WalkDir(filepath.Join(r.dir, kind), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || named[kind+"/"+d.Name()] {
				return err
			}
			files++
			return os.Remove(path) //nolint:gosec // G122: nobody else writes in this folder
		})
		if err != nil {
			return files, fmt.Errorf("backup: %w", err)
		}
	}
	return files, nil
}

// names adds the objects of a backup, those that lie in the database included.
func (r *Repo) names(name string, named map[string]bool) error {
	sink := namer{named}
	_, err := r.read(r.snapshot(name), &sink, func(store.DumpObject) bool { return false })
	if err != nil {
		return err
	}
	return eachObject(r.snapshot(name), func(_ []byte, o store.DumpObject) error {
		named[o.Kind+"/"+o.SHA256] = true
		return nil
	})
}

// namer is a sink that remembers which originals the rows have in the database.
type namer struct{ named map[string]bool }

func (n *namer) Begin(store.DumpHeader) error { return nil }

func (n *namer) Row(t *store.DumpTable, r store.DumpRow) error {
	sum, err := t.InlineSum(r.Line)
	if sum != "" {
		n.named[originals+"/"+sum] = true
	}
	return err
}

func (n *namer) Tables(store.DumpSummary) error { return nil }

func (n *namer) Has(store.DumpObject) (bool, error) { return true, nil }

func (n *namer) Object(store.DumpObject, store.ObjectOpener) error { return nil }

func (n *namer) End(store.DumpEnd) error { return nil }

// AddEliminated keeps a list of all that was eliminated so far, as it was exported at that time,
// unless it is there already. Lists are never removed: a restore from any backup applies all of
// them, the oldest first.
func (r *Repo) AddEliminated(list []byte, at time.Time) error {
	dir := filepath.Join(r.dir, eliminatedDir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	ending := "-" + sumOf(list)[:16] + ".jsonl"
	if there, err := filepath.Glob(filepath.Join(dir, "*"+ending)); err != nil || len(there) > 0 {
		return err
	}
	f, err := os.CreateTemp(dir, unfinished+"*")
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	_, err = f.Write(list)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(fmt.Errorf("backup: %w", err), os.Remove(f.Name()))
	}
	if err := os.Rename(f.Name(), filepath.Join(dir, at.UTC().Format(snapshotForm)+ending)); err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	return syncDir(dir)
}

// Eliminated are the paths of these lists, oldest first.
func (r *Repo) Eliminated() ([]string, error) {
	names, err := filepath.Glob(filepath.Join(r.dir, eliminatedDir, "*.jsonl"))
	slices.Sort(names)
	return names, err
}
