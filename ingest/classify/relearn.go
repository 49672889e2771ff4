package classify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"
)

// LeastNew is how many of the town's requests must have been settled since the model in
// use was trained for a new one to be tried against it.
const LeastNew = 20

// ErrNoFolder says that a Classifier without a folder cannot keep models.
var ErrNoFolder = errors.New("classify: no folder for models")

// ErrPinned says that a person has chosen the model in use, so that none is trained
// unasked.
var ErrPinned = errors.New("classify: the model in use was chosen by a person")

// TrainOptions say how Train goes about it.
type TrainOptions struct {
	// Unasked is set for the training of the night, which leaves a model alone that a
	// person has chosen (ErrPinned).
	Unasked bool
	// Dry trains and measures, and keeps nothing.
	Dry bool
}

// Training is the outcome of Train.
type Training struct {
	// Version is the model that was trained; its Name is "" when it was not kept.
	Version Version `json:"version"`
	// Used is true when it is in use now.
	Used bool `json:"used"`
	// New and Old are the figures of the trained model and of the one in use on the same
	// requests of the town, which neither has learned from.
	New Figures `json:"new"`
	Old Figures `json:"old"`
	// Why says in a few words why it is used or not.
	Why string `json:"why"`
}

// Train learns from the built-in texts and the town's settled requests, of which the
// newest MostSettled count, and takes the new model into use when it is better: on the
// requests that the model in use has not learned from, the new one (by folds that have
// not seen them) must be higher in accuracy and no lower in macro-F1. A tie keeps the old
// one. It takes from seconds to minutes, which ctx bounds. One process trains at a
// time; a second one waits.
func (c *Classifier) Train(ctx context.Context, town []Settled, o TrainOptions) (Training, error) {
	if c.o.Dir == "" {
		return Training{}, ErrNoFolder
	}
	unlock, err := c.shelf.lock()
	if err != nil {
		return Training{}, err
	}
	defer unlock()
	c.mu.Lock()
	c.follow(ctx)
	c.mu.Unlock()
	if used, ok := c.shelf.current(); ok && used.Pinned && o.Unasked {
		return Training{}, ErrPinned
	}
	old := c.mind.Load()
	town = c.usable(town)
	var tr Training
	fresh := 0
	for _, s := range town {
		if !old.brain.learned(s) {
			fresh++
		}
	}
	if fresh < LeastNew {
		tr.Version, tr.Why = old.brain.about, fmt.Sprintf("%d settled requests are new to the model in use; %d are needed", fresh, LeastNew)
		return tr, nil
	}
	now := c.o.Now()
	t, err := train(ctx, c.o.Rules, c.o.examples, town, now)
	if err != nil {
		return Training{}, err
	}
	candidate := newMind(c.o.Rules, t.brain)
	tr.New, tr.Old = compare(candidate, old, town, t.held)
	better := tr.New.Accuracy > tr.Old.Accuracy && tr.New.MacroF1 >= tr.Old.MacroF1
	t.brain.about.Name = SourceTown + "-" + now.UTC().Format("20060102-150405") + "-" + t.brain.about.Hash[:8]
	tr.Version = t.brain.about
	switch {
	case !better:
		tr.Version.Name = ""
		tr.Why = "the new one is not better"
		return tr, nil
	case o.Dry:
		tr.Version.Name = ""
		tr.Why = "the new one is better, but nothing is kept in a dry run"
		return tr, nil
	}
	if err := c.shelf.save(t.brain); err != nil {
		return Training{}, err
	}
	if err := c.use(ctx, inUse{Version: t.brain.about}); err != nil {
		return Training{}, err
	}
	tr.Used, tr.Why = true, "it is better than the one before"
	return tr, nil
}

// usable returns the newest requests whose category the file has and that hold words.
func (c *Classifier) usable(town []Settled) []Settled {
	out := slices.DeleteFunc(slices.Clone(town), func(s Settled) bool {
		_, ok := c.o.Rules.codes[s.Category]
		return !ok || len(s.Subject)+len(s.Text) == 0
	})
	slices.SortStableFunc(out, func(a, b Settled) int {
		return cmp.Or(b.OpenedAt.Compare(a.OpenedAt), cmp.Compare(b.Reference, a.Reference))
	})
	return out[:min(len(out), MostSettled)]
}

// compare measures both on the requests that the old one has not learned from.
func compare(candidate, old *mind, town []Settled, held []opinion) (newer, older Figures) {
	var a, b Score
	for i, s := range town {
		if old.brain.learned(s) {
			continue
		}
		a.Add(candidate.prediction(held[i]), s.Category, nil)
		b.Add(old.prediction(old.opine(s.reading(), nil)), s.Category, nil)
	}
	return a.Figures(), b.Figures()
}

// use makes a version the one in use, here at once and in other processes soon.
func (c *Classifier) use(ctx context.Context, v inUse) error {
	if err := c.shelf.setCurrent(v); err != nil {
		return err
	}
	c.mu.Lock()
	c.changed = time.Time{} // two changes may fall within one tick of the file system's clock
	c.follow(ctx)
	c.mu.Unlock()
	if err := c.shelf.tidy(c.builtin.about.Name); err != nil {
		c.o.Log.LogAttrs(ctx, slog.LevelWarn, "old models stay", slog.Any("err", err))
	}
	return nil
}

// Use takes a version into use again: one that Versions lists, or SourceBuiltin for the
// built-in one. It stays in use until another one is, or Train is asked for. Its error wraps ErrNoModel when there is none of this name.
func (c *Classifier) Use(ctx context.Context, name string) (Version, error) {
	if c.o.Dir == "" {
		return Version{}, ErrNoFolder
	}
	unlock, err := c.shelf.lock()
	if err != nil {
		return Version{}, err
	}
	defer unlock()
	v := c.builtin.about
	if name != SourceBuiltin && name != v.Name {
		b, err := c.shelf.load(name)
		if err != nil {
			return Version{}, err
		}
		v = b.about
	}
	return v, c.use(ctx, inUse{Version: v, Pinned: true})
}

// Versions describes the models that there are, the newest first.
func (c *Classifier) Versions() ([]Version, error) {
	if c.o.Dir == "" {
		return []Version{c.builtin.about}, nil
	}
	return c.shelf.versions()
}
