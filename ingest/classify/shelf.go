package classify

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"saisine.fr/saisine/ingest/lazy"
)

// shelf is the folder in which trained models lie, each a file of its own, and `current`,
// which names the one in use. One process at a time writes, by a lock on the folder;
// any number read, since files come into being whole (rename) and never change.
type shelf struct{ dir string }

const (
	modelEnding  = ".model"
	currentName  = "current"
	rejectedName = "rejected"
	lockName     = "lock"
	tempPrefix   = ".new-"
	// keptModels is how many models of the town are kept to go back to.
	keptModels = 10
	// lockPause is how long to wait before a lock that another process holds is tried again.
	lockPause = 100 * time.Millisecond
	// maxNote bounds what is read of `current` and of `rejected`, in bytes: the longest is a
	// list of MostSettled lessons of up to 20 digits.
	maxNote = 1 << 20
)

// modelName is what a model may be called: what names a file must not lead elsewhere.
var modelName = lazy.Regexp(`^(builtin|town)-[0-9a-z-]{1,80}$`)

var (
	// ErrNoModel says that there is no model with this version.
	ErrNoModel = errors.New("classify: there is no such model")
	// ErrCurrent says that the file that names the model in use cannot be read, so that it
	// is not known which one that is and whether a person chose it.
	ErrCurrent = errors.New("classify: which model is in use cannot be read")
)

func (s shelf) path(name string) string { return filepath.Join(s.dir, name+modelEnding) }

// load reads the model with this name. Its error wraps ErrNoModel or errBrain where another
// try will not help, else it is that of the file system.
func (s shelf) load(name string) (*brain, error) {
	if !modelName().MatchString(name) {
		return nil, fmt.Errorf("%w: %q", ErrNoModel, name)
	}
	f, err := os.Open(s.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %q", ErrNoModel, name)
	}
	if err != nil {
		return nil, fmt.Errorf("classify: read model: %w", err)
	}
	defer f.Close()
	b, err := readBrain(f)
	if err == nil && b.about.Name != name {
		return nil, fmt.Errorf("%w: %s calls itself %q", errBrain, name, b.about.Name)
	}
	return b, err
}

// save writes a model under its name. When it returns nil, the file is durable.
func (s shelf) save(b *brain) error {
	return s.replace(b.about.Name+modelEnding, b.write)
}

// replace puts a file in the place of another, whole or not at all.
func (s shelf) replace(name string, write func(w io.Writer) error) (err error) {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return fmt.Errorf("classify: models: %w", err)
	}
	f, err := os.CreateTemp(s.dir, tempPrefix+name+"-*")
	if err != nil {
		return fmt.Errorf("classify: models: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("classify: write %s: %w", name, err), os.Remove(f.Name()))
		}
	}()
	if err := errors.Join(write(f), f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), filepath.Join(s.dir, name)); err != nil {
		return err
	}
	d, err := os.Open(s.dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// room reports whether so many bytes can be written, by writing them: what a training has
// made must not be lost for want of room, and made again, and lost again.
func (s shelf) room(size int64) error {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return fmt.Errorf("classify: models: %w", err)
	}
	f, err := os.CreateTemp(s.dir, tempPrefix+"room-*")
	if err != nil {
		return fmt.Errorf("classify: models: %w", err)
	}
	_, err = io.CopyN(f, zeros{}, size)
	if err = errors.Join(err, f.Sync(), f.Close(), os.Remove(f.Name())); err != nil {
		return fmt.Errorf("classify: no room for a model: %w", err)
	}
	return nil
}

// zeros gives zero bytes without end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// inUse is what stands in `current`.
type inUse struct {
	Version
	// Pinned is set when a person chose the version: no training of the night replaces it.
	Pinned bool `json:"pinned,omitempty"`
}

// current returns what stands in `current`; the zero value where there is no such file,
// and the built-in model is in use. Where it cannot be read or is damaged the error wraps
// ErrCurrent: a choice of a person may stand there.
func (s shelf) current() (inUse, error) {
	data, err := s.note(currentName)
	if errors.Is(err, fs.ErrNotExist) {
		return inUse{}, nil
	}
	if err != nil {
		return inUse{}, fmt.Errorf("%w: %w", ErrCurrent, err)
	}
	var v inUse
	if err := json.Unmarshal(data, &v); err != nil {
		return inUse{}, fmt.Errorf("%w: %w", ErrCurrent, err)
	}
	if !modelName().MatchString(v.Name) {
		return inUse{}, fmt.Errorf("%w: it names %q", ErrCurrent, v.Name)
	}
	return v, nil
}

// setCurrent makes v the one in use.
func (s shelf) setCurrent(v inUse) error { return s.setNote(currentName, v) }

// rejection is what stands in `rejected`: what the last model was measured on that was not
// better. Trained on nearly the same requests night after night, one would pass by luck.
type rejection struct {
	// Than is the model that was in use, Rules the hash of the rules.
	Than  string `json:"than"`
	Rules string `json:"rules"`
	// Lessons are those of all its requests, sorted.
	Lessons []uint64 `json:"lessons"`
}

// rejected returns what stands in `rejected`. What cannot be read is as good as none: it
// costs one more training.
func (s shelf) rejected() rejection {
	var r rejection
	data, err := s.note(rejectedName)
	if err != nil || json.Unmarshal(data, &r) != nil || !slices.IsSorted(r.Lessons) {
		return rejection{}
	}
	return r
}

// note reads a small file.
func (s shelf) note(name string) ([]byte, error) {
	f, err := os.Open(filepath.Join(s.dir, name))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxNote))
}

// setNote replaces a small file by v in JSON.
func (s shelf) setNote(name string, v any) error {
	return s.replace(name, func(f io.Writer) error { return json.NewEncoder(f).Encode(v) })
}

// names lists the models, those of a source only when it is not "".
func (s shelf) names(source string) ([]string, error) {
	entries, err := os.ReadDir(s.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("classify: models: %w", err)
	}
	var out []string
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), modelEnding); ok && modelName().MatchString(name) && strings.HasPrefix(name, source) {
			out = append(out, name)
		}
	}
	return out, nil
}

// tidy removes the town's oldest models, built-in ones of other texts or rules, and what a
// process left that was killed while it wrote. The one in use stays; where it is not known
// which one that is, all stay.
func (s shelf) tidy(builtin string) error {
	s.sweep(tempPrefix, time.Now().Add(-time.Hour), "")
	used, err := s.current()
	if err != nil {
		return err
	}
	towns, err := s.names(SourceTown)
	if err != nil {
		return err
	}
	slices.Sort(towns) // by their time
	old := towns[:max(0, len(towns)-keptModels)]
	others, err := s.names(SourceBuiltin)
	if err != nil {
		return err
	}
	for _, name := range slices.Concat(old, others) {
		if name != used.Name && name != builtin {
			err = errors.Join(err, os.Remove(s.path(name)))
		}
	}
	return err
}

// sweep removes files whose names begin so and that were written before a time, keep
// excepted. What cannot be removed only takes room.
func (s shelf) sweep(prefix string, before time.Time, keep string) {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		info, err := e.Info()
		if err == nil && info.Mode().IsRegular() && strings.HasPrefix(e.Name(), prefix) && info.ModTime().Before(before) && e.Name() != keep {
			_ = os.Remove(filepath.Join(s.dir, e.Name()))
		}
	}
}

// lock keeps other writers out until unlock is called. The kernel gives the lock back when
// the process ends. It waits for whoever holds it, until ctx ends.
func (s shelf) lock(ctx context.Context) (unlock func(), err error) {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return nil, fmt.Errorf("classify: models: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(s.dir, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("classify: models: %w", err)
	}
	for {
		// A call that waits in the kernel could not be interrupted.
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return func() { _ = f.Close() }, nil
		case errors.Is(err, syscall.EWOULDBLOCK):
			select {
			case <-ctx.Done():
				return nil, errors.Join(fmt.Errorf("classify: wait for %s: %w", s.dir, ctx.Err()), f.Close())
			case <-time.After(lockPause):
			}
		case !errors.Is(err, syscall.EINTR):
			return nil, errors.Join(fmt.Errorf("classify: lock %s: %w", s.dir, err), f.Close())
		}
	}
}

// versions describes the models, the newest first. Built-in ones of other texts or rules
// than those of this name cannot be taken into use and are left out.
func (s shelf) versions(builtin string) ([]Version, error) {
	names, err := s.names("")
	if err != nil {
		return nil, err
	}
	var out []Version
	for _, name := range names {
		if strings.HasPrefix(name, SourceBuiltin) && name != builtin {
			continue
		}
		if b, err := s.load(name); err == nil {
			out = append(out, b.about)
		} else if !errors.Is(err, errBrain) && !errors.Is(err, ErrNoModel) {
			return nil, err
		}
	}
	slices.SortFunc(out, func(a, b Version) int { return cmp.Or(b.TrainedAt.Compare(a.TrainedAt), cmp.Compare(a.Name, b.Name)) })
	return out, nil
}
