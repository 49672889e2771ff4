package main

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"saisine.fr/saisine/config"
	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/classify"
	"saisine.fr/saisine/ingest/match"
)

// understanding is what tells where a submission belongs and who sees to it: the rules
// of the categories file, the learned model, the weights of words.
type understanding struct {
	classifier *liveClassifier
	options    classify.Options      // with which it was opened
	weights    func() *match.Weights // made when first needed: what only classifies does without
	window     time.Duration         // how far back one matter may reach
}

// liveClassifier is the classifier in use: another takes its place when the rules change. It
// is safe for concurrent use.
type liveClassifier struct {
	now atomic.Pointer[classify.Classifier]
}

var _ ingest.Classifier = (*liveClassifier)(nil)

func newLiveClassifier(c *classify.Classifier) *liveClassifier {
	l := &liveClassifier{}
	l.now.Store(c)
	return l
}

// Now returns the one in use.
func (l *liveClassifier) Now() *classify.Classifier { return l.now.Load() }

// Classify implements ingest.Classifier.
func (l *liveClassifier) Classify(ctx context.Context, rec ingest.Record, reading ingest.Reading) ingest.Classification {
	return l.Now().Classify(ctx, rec, reading)
}

// follow has other rules decide. The model stays in use until one is there that was fitted to
// them.
func (u *understanding) follow(ctx context.Context, rules *classify.Rules) error {
	o := u.options
	o.Rules, o.Later, o.Before = rules, true, u.classifier.Now()
	c, err := classify.Open(ctx, o)
	if err == nil {
		u.classifier.now.Store(c)
	}
	return err
}

// modelsDir is where the trained models of a town lie.
func modelsDir(cfg config.Config) string { return filepath.Join(cfg.DataDir, "models") }

// openUnderstanding opens that of a dry run: it uses the models of data_dir where there
// are any, and writes nothing there.
func openUnderstanding(ctx context.Context, cfg config.Config, log *slog.Logger) (*understanding, error) {
	dir := modelsDir(cfg)
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		dir = ""
	}
	return openUnderstandingIn(ctx, cfg, log, classify.Options{Dir: dir, ReadOnly: true})
}

// openUnderstandingIn opens that of the models that o names; see classify.Options, of which
// cache and log are filled in, and the rules in force where it has none.
func openUnderstandingIn(ctx context.Context, cfg config.Config, log *slog.Logger, o classify.Options) (*understanding, error) {
	if o.Rules == nil {
		texts, err := readTexts(ctx, cfg)
		if err != nil {
			return nil, err
		}
		texts.warn(ctx, log)
		o.Rules = texts.rules
	}
	o.Cache, o.Log = classify.UserCache(), log
	classifier, err := classify.Open(ctx, o)
	if err != nil {
		return nil, err
	}
	return &understanding{
		classifier: newLiveClassifier(classifier), options: o, window: time.Duration(cfg.Matching.Days) * 24 * time.Hour,
		weights: sync.OnceValue(func() *match.Weights { return match.NewWeights(classify.Texts()) }),
	}, nil
}

// pipeline makes the pipeline of a store.
func (u *understanding) pipeline(ledger ingest.Ledger, r ingest.Reader, tokens ingest.Tokens, log *slog.Logger) *ingest.Pipeline {
	return &ingest.Pipeline{
		Ledger: ledger, Reader: r, Classifier: u.classifier, Log: log, Now: clock,
		Matcher: &match.Matcher{Tokens: tokens, Weights: u.weights(), Window: u.window, Now: clock},
	}
}
