package classify

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"
)

// shelf is the folder in which trained models lie, each a file of its own, and `current`,
// which names the one in use. One process at a time writes, by a lock on the folder;
// any number read, since files come into being whole (rename) and never change.
type shelf struct{ dir string }

const (
	modelEnding = ".model"
	currentName = "current"
	lockName    = "lock"
	tempPrefix  = ".new-"
	// keptModels is how many models of the town are kept to go back to.
	keptModels = 10
)

// modelName is what a model may be called: what names a file must not lead elsewhere.
var modelName = regexp.MustCompile(`^(builtin|town)-[0-9a-z-]{1,80}$`)

// ErrNoModel says that there is no model with this version.
var ErrNoModel = errors.New("classify: there is no such model")

func (s shelf) path(name string) string { return filepath.Join(s.dir, name+modelEnding) }

// load reads the model with this name.
func (s shelf) load(name string) (*brain, error) {
	if !modelName.MatchString(name) {
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

// inUse is what stands in `current`.
type inUse struct {
	Version
	// Pinned is set when a person chose the version: no training of the night replaces it.
	Pinned bool `json:"pinned,omitempty"`
}

// current returns what stands in `current`; false when there is nothing usable, and the
// built-in model is in use.
func (s shelf) current() (inUse, bool) {
	data, err := os.ReadFile(filepath.Join(s.dir, currentName))
	if err != nil {
		return inUse{}, false
	}
	var v inUse
	if json.Unmarshal(data, &v) != nil || !modelName.MatchString(v.Name) {
		return inUse{}, false
	}
	return v, true
}

// setCurrent makes v the one in use.
func (s shelf) setCurrent(v inUse) error {
	return s.replace(currentName, func(f io.Writer) error {
		data, err := json.MarshalIndent(v, "", "  ")
		if err != nil {
			return err
		}
		_, err = f.Write(append(data, '\n'))
		return err
	})
}

// changed says when `current` was last written; zero when it is not there.
func (s shelf) changed() time.Time {
	info, err := os.Stat(filepath.Join(s.dir, currentName))
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
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
		if name, ok := strings.CutSuffix(e.Name(), modelEnding); ok && modelName.MatchString(name) && strings.HasPrefix(name, source) {
			out = append(out, name)
		}
	}
	return out, nil
}

// tidy removes the town's oldest models, built-in ones of other texts or rules, and what a
// process left that was killed while it wrote. The one in use stays.
func (s shelf) tidy(builtin string) error {
	s.sweep(tempPrefix, time.Now().Add(-time.Hour), "")
	used, _ := s.current()
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
// the process ends. It waits for whoever holds it.
func (s shelf) lock() (unlock func(), err error) {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return nil, fmt.Errorf("classify: models: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(s.dir, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("classify: models: %w", err)
	}
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("classify: lock %s: %w", s.dir, err), f.Close())
	}
	return func() { _ = f.Close() }, nil
}

// versions describes the models, the newest first.
func (s shelf) versions() ([]Version, error) {
	names, err := s.names("")
	if err != nil {
		return nil, err
	}
	var out []Version
	for _, name := range names {
		if b, err := s.load(name); err == nil {
			out = append(out, b.about)
		} else if !errors.Is(err, errBrain) && !errors.Is(err, ErrNoModel) {
			return nil, err
		}
	}
	slices.SortFunc(out, func(a, b Version) int { return cmp.Or(b.TrainedAt.Compare(a.TrainedAt), cmp.Compare(a.Name, b.Name)) })
	return out, nil
}
