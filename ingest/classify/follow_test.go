package classify

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"saisine.fr/saisine/ingest"
)

// clock is a clock that stands until it is set.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

// townsModel saves a model of the town under this name, made of few texts, and takes it
// into use.
func townsModel(t *testing.T, dir, name string, pinned bool) *brain {
	t.Helper()
	b, err := few()
	if err != nil {
		t.Fatal(err)
	}
	x := *b
	x.about.Name, x.about.Source = name, SourceTown
	s := shelf{dir}
	if err := errors.Join(s.save(&x), s.setCurrent(inUse{Version: x.about, Pinned: pinned})); err != nil {
		t.Fatal(err)
	}
	return &x
}

// look makes a Classifier look at `current`.
func look(c *Classifier) {
	c.looked.Store(0)
	c.Classify(context.Background(), mailed, ingest.Reading{Text: "Bonjour"})
}

const townName = "town-20260101-000000-abcdabcd"

// What cannot be read for a moment costs nothing: the model in use stays, and comes back
// into step as soon as it can be read. It is said once.
func TestFollowKeepsTheMind(t *testing.T) {
	const other = "town-20260202-000000-abcdabcd"
	for name, spoil := range map[string]func(dir string) (mend func() error, err error){
		"current is damaged": func(dir string) (func() error, error) {
			file := filepath.Join(dir, currentName)
			good, err := os.ReadFile(file)
			return func() error { return os.WriteFile(file, good, 0o600) }, errors.Join(err, os.WriteFile(file, []byte("{"), 0o600))
		},
		"current cannot be read": func(dir string) (func() error, error) {
			file := filepath.Join(dir, currentName)
			good, err := os.ReadFile(file)
			err = errors.Join(err, os.Remove(file), os.Mkdir(file, 0o700)) // reading a folder is EISDIR
			return func() error { return errors.Join(os.Remove(file), os.WriteFile(file, good, 0o600)) }, err
		},
		"the model cannot be read": func(dir string) (func() error, error) {
			file := shelf{dir}.path(other)
			good, err := os.ReadFile(file)
			err = errors.Join(err, os.Remove(file), os.Mkdir(file, 0o700))
			return func() error { return errors.Join(os.Remove(file), os.WriteFile(file, good, 0o600)) }, err
		},
		"the model is not there": func(dir string) (func() error, error) {
			file := shelf{dir}.path(other)
			return func() error { return os.Rename(file+"x", file) }, os.Rename(file, file+"x")
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := options(t, t.TempDir())
			var log bytes.Buffer
			o.Log = slog.New(slog.NewTextHandler(&log, nil))
			townsModel(t, o.Dir, townName, false)
			c := open(t, o)
			townsModel(t, o.Dir, other, true)
			mend, err := spoil(o.Dir)
			if err != nil {
				t.Fatal(err)
			}
			for range 3 {
				if look(c); c.Version().Name != townName {
					t.Fatalf("the model in use is lost: %q", c.Version().Name)
				}
			}
			if n := strings.Count(log.String(), "level=WARN"); n != 1 {
				t.Errorf("%d warnings:\n%s", n, &log)
			}
			if err := mend(); err != nil {
				t.Fatal(err)
			}
			if look(c); c.Version().Name != other {
				t.Errorf("it does not come back: %q", c.Version().Name)
			}
		})
	}
}

// A clock that was set back does not keep it from following.
func TestFollowAfterTheClock(t *testing.T) {
	now := &clock{time.Date(2026, 3, 1, 2, 0, 0, 0, time.UTC)}
	o := options(t, t.TempDir())
	o.Now = now.now
	c := open(t, o)
	townsModel(t, o.Dir, townName, false)
	now.at = now.at.Add(-24 * time.Hour)
	if c.Classify(t.Context(), mailed, ingest.Reading{Text: "Bonjour"}); c.Version().Name != townName {
		t.Errorf("%q is in use", c.Version().Name)
	}
}

// Where it is not known whether a person chose the model in use, none is trained unasked;
// whoever chooses one ends that.
func TestTrainAfterDamage(t *testing.T) {
	o := options(t, t.TempDir())
	townsModel(t, o.Dir, townName, true)
	c := open(t, o)
	if err := os.WriteFile(filepath.Join(o.Dir, currentName), []byte("\x00\x00"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Train(t.Context(), nil, TrainOptions{Unasked: true}); !errors.Is(err, ErrCurrent) || c.Version().Name != townName {
		t.Errorf("got %v, %q in use", err, c.Version().Name)
	}
	if _, err := c.Train(t.Context(), nil, TrainOptions{}); err != nil {
		t.Errorf("a person asks: %v", err)
	}
	if _, err := c.Use(t.Context(), townName); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Train(t.Context(), nil, TrainOptions{Unasked: true}); !errors.Is(err, ErrPinned) {
		t.Errorf("chosen anew: got %v", err)
	}
}

// A dry run leaves the folder of the town's models as it was, byte for byte and file for
// file, also with other rules.
func TestReadOnly(t *testing.T) {
	o := options(t, t.TempDir())
	o.Cache = ""
	before := open(t, o).Version().Name
	if err := os.Remove(filepath.Join(o.Dir, lockName)); err != nil {
		t.Fatal(err)
	}
	town := townsModel(t, o.Dir, townName, false)
	listing := func() string {
		t.Helper()
		var out strings.Builder
		entries, err := os.ReadDir(o.Dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			info, err := e.Info()
			if err != nil {
				t.Fatal(err)
			}
			out.WriteString(e.Name() + " " + info.ModTime().String() + "\n")
		}
		return out.String()
	}
	want := listing()
	o.ReadOnly = true
	f, err := LoadFile("")
	if err != nil {
		t.Fatal(err)
	}
	f.Categories[0].Phrases = append(f.Categories[0].Phrases, Phrases{Weight: 3, Any: []string{"licorne"}})
	for name, rules := range map[string]*Rules{"the same rules": o.Rules, "others": New(f)} {
		for _, cache := range []string{"", t.TempDir()} {
			dry := o
			dry.Rules, dry.Cache = rules, cache
			c := open(t, dry)
			if got := c.Version().Name; got != town.about.Name {
				t.Errorf("%s: %q is in use", name, got)
			}
			if _, err := c.Train(t.Context(), nil, TrainOptions{Dry: true}); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if _, err := c.Train(t.Context(), nil, TrainOptions{}); !errors.Is(err, ErrNoFolder) {
				t.Errorf("%s: got %v", name, err)
			}
			if _, err := c.Use(t.Context(), before); !errors.Is(err, ErrNoFolder) {
				t.Errorf("%s: got %v", name, err)
			}
			if list, err := c.Versions(); err != nil || len(list) != 2 {
				t.Errorf("%s: got %+v, %v", name, list, err)
			}
			if got := listing(); got != want {
				t.Fatalf("%s: the folder has changed:\n%swas\n%s", name, got, want)
			}
		}
	}
}

// A wait for the lock ends with the context.
func TestLockEndsWithTheContext(t *testing.T) {
	s := shelf{t.TempDir()}
	unlock, err := s.lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	ctx, cancel := context.WithTimeout(t.Context(), lockPause/2)
	defer cancel()
	if _, err := s.lock(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	o := options(t, s.dir)
	o.Cache, o.hash = "", "fewer"
	ctx, cancel = context.WithTimeout(t.Context(), lockPause/2)
	defer cancel()
	if _, err := Open(ctx, o); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("open: got %v", err)
	}
}

// Without a model the rules decide until it is made; Classify never waits.
func TestLater(t *testing.T) {
	o := options(t, t.TempDir())
	o.Cache, o.Later = t.TempDir(), true
	c := open(t, o)
	lamp := ingest.Reading{Subject: "Lampadaire éteint", Text: "Le lampadaire devant chez moi ne s’allume plus."}
	byRules := c.Classify(t.Context(), mailed, lamp)
	if c.Ready() || c.Version() != (Version{}) || byRules.Category != "eclairage-public" || !strings.Contains(strings.Join(byRules.Reasons, "\n"), "reconnu") {
		t.Errorf("by the rules alone: %+v", byRules)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Prepare(ended); !errors.Is(err, context.Canceled) || c.Ready() {
		t.Errorf("broken off: %v", err)
	}
	// The lock shows that it is being made, and that a second one waits.
	unlock, err := shelf{o.Cache}.lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	made := make(chan error, 2)
	for range 2 {
		go func() { made <- c.Prepare(context.WithoutCancel(t.Context())) }()
	}
	if got := c.Classify(t.Context(), mailed, lamp); got.Category != byRules.Category {
		t.Errorf("while it is made: %+v", got)
	}
	unlock()
	if err := errors.Join(<-made, <-made); err != nil {
		t.Fatal(err)
	}
	if got := c.Classify(t.Context(), mailed, lamp); !c.Ready() || c.Version().Source != SourceBuiltin || got.Category != "eclairage-public" || !strings.Contains(strings.Join(got.Reasons, "\n"), "décidé") {
		t.Errorf("by the model: %+v", got)
	}
	if again := open(t, o); !again.Ready() || again.Version() != c.Version() {
		t.Error("a model that is there is not used at once")
	}
	// The town's own model is used at once though the built-in one is missing.
	townsModel(t, o.Dir, townName, false)
	o.hash, o.Cache = "fewer", ""
	if own := open(t, o); own.Ready() || own.Version().Name != townName {
		t.Errorf("%q is in use", own.Version().Name)
	}
}

// Nothing is trained for a file whose categories the built-in texts do not know.
func TestNothingToTeach(t *testing.T) {
	f, err := parseFile("f", []byte("categories: [{code: trottinettes, label: T, service: {name: S}, phrases: [{weight: 3, any: [trottinette]}]}]"))
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	o := options(t, t.TempDir())
	o.Rules, o.Cache, o.Log = New(f), t.TempDir(), slog.New(slog.NewTextHandler(&log, nil))
	// Not even one that lies there is loaded: it would cost memory and know nothing.
	b, err := few()
	if err != nil {
		t.Fatal(err)
	}
	x := *b
	x.about.Name = (&Classifier{o: o, rules: o.Rules.hash()}).builtinName()
	if err := (shelf{o.Dir}).save(&x); err != nil {
		t.Fatal(err)
	}
	c := open(t, o)
	if c.builtin != nil {
		t.Error("a model of no use was loaded")
	}
	if got := c.Classify(t.Context(), mailed, ingest.Reading{Text: "Une trottinette"}); got.Category != "trottinettes" || !c.Ready() || log.Len() > 0 || len(modelFiles(t, o.Cache)) > 0 {
		t.Errorf("got %+v\n%s", got, &log)
	}
	if v, err := c.Use(t.Context(), SourceBuiltin); err != nil || v.Source != SourceBuiltin || c.Version() != (Version{}) {
		t.Errorf("got %+v, %v", v, err)
	}
	if list, err := c.Versions(); err != nil || len(list) != 1 {
		t.Errorf("got %+v, %v", list, err)
	}
}
