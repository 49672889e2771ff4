package classify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strings"

	"saisine.fr/saisine/ingest"
)

// LeastNew is how many of the town's requests must have been settled since the model in
// use was trained for a new one to be tried against it.
const LeastNew = 20

// Newest stands for the town's newest model in Use; unlike a version, it leaves the night
// free to train another one.
const Newest = "newest"

// roomForModel is how many bytes must be free before a training: a model has 2 to 4 MiB.
const roomForModel = 8 << 20

var (
	// ErrNoFolder says that a Classifier without a folder, or one that only reads it,
	// cannot keep models.
	ErrNoFolder = errors.New("classify: no folder for models")
	// ErrPinned says that a person has chosen the model in use, so that none is trained
	// unasked.
	ErrPinned = errors.New("classify: the model in use was chosen by a person")
	// ErrOldBuiltin says that a built-in model is one of other texts or rules than those of
	// this program and its categories file, so that it cannot be used.
	ErrOldBuiltin = errors.New("classify: a built-in model of other texts or rules")
	// ErrNotKept says that a model was trained and could not be kept: another training would
	// take its time again and most likely end in the same way.
	ErrNotKept = errors.New("classify: the new model could not be kept")
)

// TrainOptions say how Train goes about it.
type TrainOptions struct {
	// Unasked is set for the training of the night, which leaves a model alone that a
	// person has chosen (ErrPinned), or may have chosen (ErrCurrent).
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
	// New and Old are the figures of the trained model and of the one that it was measured
	// against, on the same requests of the town, which neither has learned from.
	New Figures `json:"new"`
	Old Figures `json:"old"`
	// Won is how many of these requests only the new one had right, Lost how many only the
	// old one.
	Won  int `json:"won"`
	Lost int `json:"lost"`
	// Why says in a few words why it is used or not.
	Why string `json:"why"`
}

// Train learns from the built-in texts and the town's settled requests, of which the
// newest MostSettled of at most MostWords bytes count, and takes the new model into use when
// it is better: on the requests that the model in use has not learned from, the new one (by
// folds that have not seen them) must be right where the other one is wrong so much more
// often than the other way round that luck hardly does it (a sign test), and no lower in
// macro-F1. What a model was measured on that was not better is remembered: by night none
// is trained before LeastNew other requests have come.
//
// A model of the town that was fitted to other rules has lost its calibration. The new one
// then only needs to be no worse than the built-in one, on all the requests.
//
// It takes from seconds to minutes, which ctx bounds. One process trains at a time; a
// second one waits. The error wraps ErrNotKept when only the keeping failed.
func (c *Classifier) Train(ctx context.Context, town []Settled, o TrainOptions) (Training, error) {
	if !o.Dry && (c.o.Dir == "" || c.o.ReadOnly) {
		return Training{}, ErrNoFolder
	}
	if err := c.Prepare(ctx); err != nil {
		return Training{}, err
	}
	if !o.Dry {
		unlock, err := c.shelf.lock(ctx)
		if err != nil {
			return Training{}, err
		}
		defer unlock()
	}
	if err := c.mayTrain(ctx, o); err != nil {
		return Training{}, err
	}
	town = c.usable(town)
	old := c.mind.Load()
	if why := c.tooFew(old, town, o); why != "" {
		return Training{Version: c.Version(), Why: why}, nil
	}
	if !o.Dry {
		if err := c.shelf.room(roomForModel); err != nil {
			return Training{}, err
		}
	}
	now := c.o.Now()
	t, err := train(ctx, c.o.Rules, c.o.examples, town, now)
	if err != nil {
		return Training{}, err
	}
	t.brain.about.Name = SourceTown + "-" + now.UTC().Format("20060102-150405") + "-" + t.brain.about.Hash[:8]
	tr, better := c.compare(t, old, town)
	switch {
	case !better:
		tr.Version.Name = ""
		if !o.Dry {
			c.reject(ctx, old, t.brain.lessons)
		}
		return tr, nil
	case o.Dry:
		tr.Version.Name = ""
		tr.Why += ", but nothing is kept in a dry run"
		return tr, nil
	}
	if err := c.shelf.save(t.brain); err != nil {
		return Training{}, fmt.Errorf("%w: %w", ErrNotKept, err)
	}
	if err := c.use(ctx, inUse{Version: t.brain.about}); err != nil {
		return Training{}, fmt.Errorf("%w: %w", ErrNotKept, err)
	}
	tr.Used = true
	return tr, nil
}

// mayTrain looks at `current` anew, and says why no model may be trained unasked.
func (c *Classifier) mayTrain(ctx context.Context, o TrainOptions) error {
	c.mu.Lock()
	c.follow(ctx)
	c.mu.Unlock()
	if !o.Unasked {
		return nil
	}
	used, err := c.shelf.current()
	if err == nil && used.Pinned {
		err = ErrPinned
	}
	return err
}

// tooFew says why there is nothing to train on, or "".
func (c *Classifier) tooFew(old *mind, town []Settled, o TrainOptions) string {
	var rejected rejection
	if c.o.Dir != "" {
		rejected = c.shelf.rejected()
	}
	if rejected.Than != nameOf(old) || rejected.Rules != c.rules {
		rejected = rejection{} // it lost against another one
	}
	fresh, further := 0, 0
	for _, s := range town {
		if old == nil || !old.brain.learned(s) {
			fresh++
		}
		if !among(rejected.Lessons, s) {
			further++
		}
	}
	switch outdated := old != nil && old.brain.outdated(c.rules); {
	case len(town) == 0 || fresh < LeastNew && !outdated:
		return fmt.Sprintf("%d settled requests are new to the model in use; %d are needed", fresh, LeastNew)
	case o.Unasked && len(rejected.Lessons) > 0 && further < LeastNew:
		return fmt.Sprintf("a model that was not better knew all but %d of the settled requests; %d others are needed", further, LeastNew)
	}
	return ""
}

// nameOf names the model of a mind; "" stands for the rules alone.
func nameOf(m *mind) string {
	if m == nil {
		return ""
	}
	return m.brain.about.Name
}

// reject remembers a model that was not better. When that fails, one more is trained.
func (c *Classifier) reject(ctx context.Context, old *mind, lessons []uint64) {
	if err := c.shelf.setNote(rejectedName, rejection{Than: nameOf(old), Rules: c.rules, Lessons: lessons}); err != nil {
		c.o.Log.LogAttrs(ctx, slog.LevelWarn, "that a new model was not better is forgotten", slog.Any("err", err))
	}
}

// compare measures the trained model against the one in use, on the requests that the
// latter has not learned from; see Train.
func (c *Classifier) compare(t trained, old *mind, town []Settled) (tr Training, better bool) {
	tr = Training{Version: t.brain.about}
	outdated := old != nil && old.brain.outdated(c.rules)
	if outdated {
		c.mu.Lock()
		if old = nil; c.builtin != nil {
			old = newMind(c.o.Rules, c.builtin)
		}
		c.mu.Unlock()
	}
	candidate := newMind(c.o.Rules, t.brain)
	var newer, older Score
	for i, s := range town {
		if old != nil && old.brain.learned(s) {
			continue
		}
		won := newer.Add(candidate.prediction(t.held[i]), s.Category, nil)
		lost := older.Add(c.predict(old, s.reading()), s.Category, nil)
		switch {
		case won && !lost:
			tr.Won++
		case lost && !won:
			tr.Lost++
		}
	}
	tr.New, tr.Old = newer.Figures(), older.Figures()
	switch {
	case outdated && tr.New.Accuracy >= tr.Old.Accuracy:
		tr.Why = "codes or phrases have changed since the one before was trained"
		return tr, true
	case outdated:
		tr.Why = "codes or phrases have changed, but the new one is worse than the built-in one"
	case tr.New.Accuracy <= tr.Old.Accuracy || tr.New.MacroF1 < tr.Old.MacroF1:
		tr.Why = "the new one is not better"
	case luck(tr.Won, tr.Lost) > mostLuck:
		tr.Why = fmt.Sprintf("the new one alone is right %d times, the one in use %d times: that may be luck", tr.Won, tr.Lost)
	default:
		tr.Why = "it is better than the one before"
		return tr, true
	}
	return tr, false
}

// predict is what a mind (nil: the rules alone) says of a reading.
func (c *Classifier) predict(m *mind, reading ingest.Reading) Prediction {
	if m != nil && len(m.known) > 0 {
		return m.prediction(m.opine(reading, nil))
	}
	said := c.o.Rules.Classify(context.Background(), ingest.Record{}, reading)
	p := Prediction{Confidence: said.Confidence, NeedsReview: said.NeedsReview}
	for _, r := range said.Top {
		p.Ranked = append(p.Ranked, r.Category)
	}
	return p
}

// mostLuck is how likely a model that is no better may be taken for one that is: that of
// two standard errors.
const mostLuck = 0.025

// luck is how likely of two equal models the one would be right alone at least won times
// where one of both is right alone won+lost times: the one-sided sign test.
func luck(won, lost int) float64 {
	n := float64(won + lost)
	all, _ := math.Lgamma(n + 1)
	sum := 0.0
	for k := won; k <= won+lost; k++ {
		this, _ := math.Lgamma(float64(k) + 1)
		rest, _ := math.Lgamma(n - float64(k) + 1)
		sum += math.Exp(all - this - rest - n*math.Ln2)
	}
	return min(1, sum)
}

// use makes a version the one in use, here at once and in other processes soon.
func (c *Classifier) use(ctx context.Context, v inUse) error {
	if err := c.shelf.setCurrent(v); err != nil {
		return err
	}
	c.mu.Lock()
	c.follow(ctx)
	c.mu.Unlock()
	if err := c.shelf.tidy(c.builtinName()); err != nil {
		c.o.Log.LogAttrs(ctx, slog.LevelWarn, "old models stay", slog.Any("err", err))
	}
	return nil
}

// Use takes a version into use again: one that Versions lists, or SourceBuiltin for the
// built-in one. It stays in use until another one is, or Train is asked for. Newest takes
// the town's newest one, the built-in one where there is none, and leaves it to the
// nights again. The error wraps ErrNoModel when there is none of this name, and
// ErrOldBuiltin for a built-in one that this program would not use.
func (c *Classifier) Use(ctx context.Context, name string) (Version, error) {
	if c.o.Dir == "" || c.o.ReadOnly {
		return Version{}, ErrNoFolder
	}
	if err := c.Prepare(ctx); err != nil {
		return Version{}, err
	}
	unlock, err := c.shelf.lock(ctx)
	if err != nil {
		return Version{}, err
	}
	defer unlock()
	v := inUse{Pinned: name != Newest}
	switch {
	case name == Newest:
		v.Version, err = c.newest()
	case name == SourceBuiltin || name == c.builtinName():
		v.Version = c.builtinOnly()
	default:
		var b *brain
		if b, err = c.shelf.load(name); err == nil {
			v.Version = b.about
		}
		if err == nil && v.Source != SourceTown {
			err = fmt.Errorf("%w: %q", ErrOldBuiltin, name)
		}
	}
	if err != nil {
		return Version{}, err
	}
	return v.Version, c.use(ctx, v)
}

// builtinOnly is builtinVersion for callers that do not hold mu.
func (c *Classifier) builtinOnly() Version {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.builtinVersion()
}

// newest describes the town's newest model that can be read, or else the built-in one.
func (c *Classifier) newest() (Version, error) {
	names, err := c.shelf.names(SourceTown)
	if err != nil {
		return Version{}, err
	}
	slices.SortFunc(names, func(a, b string) int { return strings.Compare(b, a) }) // by their time
	for _, name := range names {
		b, err := c.shelf.load(name)
		if err == nil {
			return b.about, nil
		}
		if !errors.Is(err, errBrain) {
			return Version{}, err
		}
	}
	return c.builtinOnly(), nil
}

// Versions describes the models that can be taken into use, the newest first. The built-in
// one is among them wherever it lies.
func (c *Classifier) Versions() ([]Version, error) {
	own := c.builtinOnly()
	if c.o.Dir == "" {
		return []Version{own}, nil
	}
	list, err := c.shelf.versions(own.Name)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(list, func(v Version) bool { return v.Name == own.Name }) {
		list = append(list, own)
	}
	return list, nil
}
