package classify

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/classify/model"
)

// Options say how a Classifier is opened.
type Options struct {
	// Dir is the folder of the models; "" for a dry run, in which only the built-in one is
	// known and nothing is trained on the town's requests.
	Dir string
	// Cache is a folder in which the built-in model is looked for, and kept, beside Dir, so
	// that a second data folder or a dry run need not train it anew; "" = none. See UserCache.
	Cache string
	Rules *Rules
	Log   *slog.Logger
	// Now is the clock; nil means time.Now.
	Now func() time.Time

	examples []model.Example // of tests, instead of the built-in ones
	hash     string          // of examples
}

// UserCache returns the folder of this user's cache for Options.Cache, or "" where the
// user has none.
func UserCache() string {
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "saisine", "models")
}

// Classifier says what a submission is about: by the rules that need no reading where
// they decide, else by a model that has learned from texts, mixed with the phrases of the
// rules. It is safe for concurrent use. It follows `current` in its folder, so that a
// model that another process has trained or gone back to is used without a restart.
type Classifier struct {
	o       Options
	shelf   shelf
	builtin *brain
	mind    atomic.Pointer[mind]

	mu      sync.Mutex // held while a model is loaded or trained
	looked  atomic.Int64
	changed time.Time // of `current` when it was last read; under mu
}

var _ ingest.Classifier = (*Classifier)(nil)

// cacheAge is how old a model in the cache may grow once another one was made.
const cacheAge = 30 * 24 * time.Hour

// lookEvery is how often at most `current` is looked at.
const lookEvery = 30 * time.Second

// Open opens the models of a folder. Where the built-in one is missing, damaged or of
// other texts or rules, it is trained, which takes some seconds; ctx bounds that.
func Open(ctx context.Context, o Options) (*Classifier, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.examples == nil {
		c := builtinCorpus()
		o.examples, o.hash = c.examples, c.hash
	}
	c := &Classifier{o: o, shelf: shelf{o.Dir}}
	var err error
	if c.builtin, err = c.openBuiltin(ctx); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.follow(ctx)
	return c, nil
}

// builtinName names the built-in model by all that it is made of.
func (c *Classifier) builtinName() string {
	sum := sha256.New()
	fmt.Fprintf(sum, "%s %s %s", featuresVersion, c.o.hash, brainMagic)
	for _, category := range c.o.Rules.file.Categories {
		// Encoding fails on values that a file of YAML cannot hold.
		_ = json.NewEncoder(sum).Encode([]any{category.Code, category.Phrases})
	}
	_ = json.NewEncoder(sum).Encode(c.o.Rules.file.Weights.Subject)
	return SourceBuiltin + "-" + hex.EncodeToString(sum.Sum(nil)[:8])
}

// openBuiltin loads the built-in model from its folder or the cache, or trains it.
func (c *Classifier) openBuiltin(ctx context.Context) (*brain, error) {
	name := c.builtinName()
	var shelves []shelf
	for _, dir := range []string{c.o.Dir, c.o.Cache} {
		if dir != "" {
			shelves = append(shelves, shelf{dir})
		}
	}
	look := func() *brain {
		for i, s := range shelves {
			b, err := s.load(name)
			if err != nil {
				if !errors.Is(err, ErrNoModel) {
					c.o.Log.LogAttrs(ctx, slog.LevelWarn, "the built-in model cannot be used and is made anew", slog.Any("err", err))
				}
				continue
			}
			c.keep(ctx, shelves[:i], b)
			return b
		}
		return nil
	}
	if b := look(); b != nil {
		return b, nil
	}
	if len(shelves) > 0 {
		// In the last of them, which others share, one process trains for all.
		unlock, err := shelves[len(shelves)-1].lock()
		if err != nil {
			c.o.Log.LogAttrs(ctx, slog.LevelWarn, "the built-in model is made without a lock", slog.Any("err", err))
		} else {
			defer unlock()
			if b := look(); b != nil {
				return b, nil
			}
		}
	}
	begun := time.Now()
	t, err := train(ctx, c.o.Rules, c.o.examples, nil, c.o.Now())
	if err != nil {
		return nil, err
	}
	t.brain.about.Name = name
	c.o.Log.LogAttrs(ctx, slog.LevelInfo, "the built-in model was trained",
		slog.String("version", name), slog.Int("examples", t.brain.about.Examples), slog.Duration("took", time.Since(begun).Round(time.Millisecond)))
	c.keep(ctx, shelves, t.brain)
	if c.o.Dir != "" {
		if err := c.shelf.tidy(name); err != nil {
			c.o.Log.LogAttrs(ctx, slog.LevelWarn, "old models stay", slog.Any("err", err))
		}
	}
	if c.o.Cache != "" {
		// Others may use those of other texts or rules, for a while.
		shelf{c.o.Cache}.sweep(SourceBuiltin, time.Now().Add(-cacheAge), name+modelEnding)
	}
	return t.brain, nil
}

// keep saves a model on shelves. A failure costs another training, and no more.
func (c *Classifier) keep(ctx context.Context, shelves []shelf, b *brain) {
	for _, s := range shelves {
		if err := s.save(b); err != nil {
			c.o.Log.LogAttrs(ctx, slog.LevelWarn, "a model cannot be kept", slog.Any("err", err))
		}
	}
}

// follow takes up the model that `current` names. mu is held.
func (c *Classifier) follow(ctx context.Context) {
	c.looked.Store(c.o.Now().UnixNano())
	if c.o.Dir == "" {
		c.mind.CompareAndSwap(nil, newMind(c.o.Rules, c.builtin))
		return
	}
	changed := c.shelf.changed()
	if c.mind.Load() != nil && changed.Equal(c.changed) {
		return
	}
	c.changed = changed
	b := c.builtin
	if v, ok := c.shelf.current(); ok && v.Source == SourceTown {
		loaded, err := c.shelf.load(v.Name)
		if err != nil {
			c.o.Log.LogAttrs(ctx, slog.LevelWarn, "the town's model cannot be used; the built-in one is", slog.String("version", v.Name), slog.Any("err", err))
		} else {
			b = loaded
		}
	}
	c.mind.Store(newMind(c.o.Rules, b))
}

// Classify implements ingest.Classifier. It takes a few milliseconds; ctx is not used.
func (c *Classifier) Classify(ctx context.Context, rec ingest.Record, reading ingest.Reading) ingest.Classification {
	now := c.o.Now().UnixNano()
	if last := c.looked.Load(); now-last >= int64(lookEvery) && c.looked.CompareAndSwap(last, now) {
		c.mu.Lock()
		c.follow(ctx)
		c.mu.Unlock()
	}
	m := c.mind.Load()
	if len(m.known) == 0 {
		return c.o.Rules.Classify(ctx, rec, reading) // a town with categories all of its own
	}
	return m.decide(rec, reading)
}

// Rules returns the rules that were opened.
func (c *Classifier) Rules() *Rules { return c.o.Rules }

// Version describes the model in use.
func (c *Classifier) Version() Version { return c.mind.Load().brain.about }
