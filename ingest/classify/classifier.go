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
	"slices"
	"strings"
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
	// ReadOnly keeps a Classifier from writing in Dir: it neither keeps models there nor
	// removes any, nor takes the lock.
	ReadOnly bool
	// Later makes Open leave out a training of the built-in model: where that is needed,
	// the rules decide alone until Prepare has made it.
	Later bool
	// Before is the classifier whose place this one takes because the rules have changed; may
	// be nil. Where the built-in model for the new rules is not there yet, the model of Before
	// serves with the new rules until Prepare has made it: what it has learned of words holds,
	// only the fit to the phrases is that of yesterday.
	Before *Classifier
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
// rules; by the rules alone where there is no model, or not yet. It is safe for concurrent
// use. It follows `current` in its folder, so that a model that another process has trained
// or gone back to is used without a restart.
type Classifier struct {
	o      Options
	shelf  shelf
	rules  string               // their hash
	mind   atomic.Pointer[mind] // nil: the rules alone
	looked atomic.Int64         // when `current` was last looked at, in ns since 1970
	making chan struct{}        // holds one while the built-in model is made

	mu      sync.Mutex // held while a model is loaded or taken into use
	builtin *brain     // nil: not made yet, or of no use
	lent    *brain     // by Before, while there is no other
	warned  string     // of what in `current`, so as to say it once
}

var _ ingest.Classifier = (*Classifier)(nil)

// cacheAge is how old a model in the cache may grow once another one was made.
const cacheAge = 30 * 24 * time.Hour

// lookEvery is how often at most `current` is looked at.
const lookEvery = 30 * time.Second

// Open opens the models of a folder. Where the built-in one is missing, damaged or of
// other texts or rules, it is trained, which takes some seconds (see Options.Later); ctx
// bounds that. It need not be there when no category of the file has built-in texts.
func Open(ctx context.Context, o Options) (*Classifier, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.examples == nil {
		c := builtinCorpus()
		o.examples, o.hash = c.examples, c.hash
	}
	c := &Classifier{o: o, shelf: shelf{o.Dir}, rules: o.Rules.hash(), making: make(chan struct{}, 1)}
	if c.teachable() {
		c.builtin = c.findBuiltin(ctx)
	}
	if o.Before != nil {
		if m := o.Before.mind.Load(); m != nil {
			c.lent = m.brain
		}
		c.o.Before = nil
	}
	if !o.Later {
		if err := c.Prepare(ctx); err != nil {
			return nil, err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.follow(ctx)
	return c, nil
}

// teachable reports whether the built-in texts have something to say about a category of
// the file.
func (c *Classifier) teachable() bool {
	return slices.ContainsFunc(c.o.examples, func(e model.Example) bool {
		_, ok := c.o.Rules.codes[e.Label]
		return ok
	})
}

// Ready reports whether the built-in model is there, or not needed.
func (c *Classifier) Ready() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.builtin != nil || !c.teachable()
}

// Prepare makes the built-in model where it is not there, and takes it into use unless the
// town has one of its own. Classify may be called meanwhile. It takes some seconds, which
// ctx bounds. After an error it may be called again.
func (c *Classifier) Prepare(ctx context.Context) error {
	if c.Ready() {
		return nil
	}
	select {
	case c.making <- struct{}{}:
		defer func() { <-c.making }()
	case <-ctx.Done():
		return fmt.Errorf("classify: wait for the built-in model: %w", ctx.Err())
	}
	if c.Ready() { // another one has made it
		return nil
	}
	b, err := c.makeBuiltin(ctx)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.builtin, c.lent = b, nil
	c.follow(ctx)
	return nil
}

// hash names the codes and phrases of the rules, to which a model is fitted.
func (r *Rules) hash() string {
	sum := sha256.New()
	for _, category := range r.file.Categories {
		// Encoding fails on values that a file of YAML cannot hold.
		_ = json.NewEncoder(sum).Encode([]any{category.Code, category.Phrases})
	}
	_ = json.NewEncoder(sum).Encode(r.file.Weights.Subject)
	return hex.EncodeToString(sum.Sum(nil)[:16])
}

// builtinName names the built-in model by all that it is made of.
func (c *Classifier) builtinName() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %s %s%s", featuresVersion, c.o.hash, brainMagic, c.rules))
	return SourceBuiltin + "-" + hex.EncodeToString(sum[:8])
}

// builtinVersion describes the built-in model, as far as it is there. mu is held.
func (c *Classifier) builtinVersion() Version {
	if c.builtin == nil {
		return Version{Name: c.builtinName(), Source: SourceBuiltin, Rules: c.rules}
	}
	return c.builtin.about
}

// shelves are where the built-in model may lie: its folder, then the cache.
func (c *Classifier) shelves() []shelf {
	var out []shelf
	for _, dir := range []string{c.o.Dir, c.o.Cache} {
		if dir != "" {
			out = append(out, shelf{dir})
		}
	}
	return out
}

// writable leaves out of shelves the folder of a Classifier that must not write there.
func (c *Classifier) writable(shelves []shelf) []shelf {
	if c.o.ReadOnly {
		return slices.DeleteFunc(slices.Clone(shelves), func(s shelf) bool { return s.dir == c.o.Dir })
	}
	return shelves
}

// findBuiltin loads the built-in model from its folder or the cache; nil when neither has a
// usable one.
func (c *Classifier) findBuiltin(ctx context.Context) *brain {
	name, shelves := c.builtinName(), c.shelves()
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

// makeBuiltin trains the built-in model and keeps it.
func (c *Classifier) makeBuiltin(ctx context.Context) (*brain, error) {
	name, shelves := c.builtinName(), c.writable(c.shelves())
	if len(shelves) > 0 {
		// In the last of them, which others share, one process trains for all.
		unlock, err := shelves[len(shelves)-1].lock(ctx)
		switch {
		case err != nil && ctx.Err() != nil:
			return nil, err
		case err != nil:
			c.o.Log.LogAttrs(ctx, slog.LevelWarn, "the built-in model is made without a lock", slog.Any("err", err))
		default:
			defer unlock()
			if b := c.findBuiltin(ctx); b != nil {
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
	if c.o.Dir != "" && !c.o.ReadOnly {
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

// keep saves a model on the shelves that may be written to. A failure costs another
// training, and no more.
func (c *Classifier) keep(ctx context.Context, shelves []shelf, b *brain) {
	for _, s := range c.writable(shelves) {
		if err := s.save(b); err != nil {
			c.o.Log.LogAttrs(ctx, slog.LevelWarn, "a model cannot be kept", slog.Any("err", err))
		}
	}
}

// follow takes up the model that `current` names. What cannot be read or loaded may be so
// for a moment only: the model in use stays, and the next look tries again. mu is held.
func (c *Classifier) follow(ctx context.Context) {
	c.looked.Store(c.o.Now().UnixNano())
	before := c.mind.Load()
	b, err := c.named(before)
	if err != nil {
		c.warn(ctx, before, err)
		if before != nil {
			return
		}
		b = c.builtin
	} else {
		c.warned = ""
	}
	if b == nil && c.teachable() {
		b = c.lent
	}
	switch {
	case b == nil:
		c.mind.Store(nil)
	case before == nil || before.brain != b:
		if b.outdated(c.rules) {
			c.o.Log.LogAttrs(ctx, slog.LevelWarn, "the town's model was trained with other codes or phrases than those of the categories file; a training is due",
				slog.String("version", b.about.Name))
		}
		c.mind.Store(newMind(c.o.Rules, b))
	}
}

// named returns the brain that `current` names, which may be the one in use before; the
// built-in one where it names none. mu is held.
func (c *Classifier) named(before *mind) (*brain, error) {
	if c.o.Dir == "" {
		return c.builtin, nil
	}
	used, err := c.shelf.current()
	switch {
	case err != nil:
		return nil, err
	case !strings.HasPrefix(used.Name, SourceTown):
		return c.builtin, nil
	case before != nil && before.brain.about.Name == used.Name:
		return before.brain, nil // files of one name never change
	}
	return c.shelf.load(used.Name)
}

// warn says once what is wrong with `current` or the model that it names. mu is held.
func (c *Classifier) warn(ctx context.Context, before *mind, err error) {
	if c.warned == err.Error() {
		return
	}
	c.warned = err.Error()
	switch attr := slog.Any("err", err); {
	case errors.Is(err, ErrCurrent):
		c.o.Log.LogAttrs(ctx, slog.LevelWarn, "which model is in use cannot be read; by night none is trained until one is chosen (saisine train --use)", attr)
	case before != nil:
		c.o.Log.LogAttrs(ctx, slog.LevelWarn, "the town's model cannot be used; the one before stays in use", attr)
	default:
		c.o.Log.LogAttrs(ctx, slog.LevelWarn, "the town's model cannot be used; the built-in one is", attr)
	}
}

// Classify implements ingest.Classifier. It takes a few milliseconds; ctx is not used.
func (c *Classifier) Classify(ctx context.Context, rec ingest.Record, reading ingest.Reading) ingest.Classification {
	now, last := c.o.Now().UnixNano(), c.looked.Load()
	// A clock that was set back must not keep it from looking until it is as late again.
	if since := now - last; (since >= int64(lookEvery) || since < 0) && c.looked.CompareAndSwap(last, now) {
		c.mu.Lock()
		c.follow(ctx)
		c.mu.Unlock()
	}
	m := c.mind.Load()
	if m == nil || len(m.known) == 0 {
		return c.o.Rules.Classify(ctx, rec, reading)
	}
	return m.decide(rec, reading)
}

// Rules returns the rules that were opened.
func (c *Classifier) Rules() *Rules { return c.o.Rules }

// Version describes the model in use; the zero Version says that the rules decide alone.
func (c *Classifier) Version() Version {
	if m := c.mind.Load(); m != nil {
		return m.brain.about
	}
	return Version{}
}
