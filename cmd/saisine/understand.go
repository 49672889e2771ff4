package main

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"saisine.fr/saisine/config"
	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/classify"
	"saisine.fr/saisine/ingest/match"
)

// understanding is what tells where a submission belongs and who sees to it: the rules
// of the categories file, the learned model, the weights of words.
type understanding struct {
	rules      *classify.Rules
	classifier *classify.Classifier
	weights    func() *match.Weights // made when first needed: what only classifies does without
	window     time.Duration         // how far back one matter may reach
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
// cache, rules and log are filled in.
func openUnderstandingIn(ctx context.Context, cfg config.Config, log *slog.Logger, o classify.Options) (*understanding, error) {
	rules, err := loadRules(cfg)
	if err != nil {
		return nil, asUsage(err)
	}
	o.Cache, o.Rules, o.Log = classify.UserCache(), rules, log
	classifier, err := classify.Open(ctx, o)
	if err != nil {
		return nil, err
	}
	return &understanding{
		rules: rules, classifier: classifier, window: time.Duration(cfg.Matching.Days) * 24 * time.Hour,
		weights: sync.OnceValue(func() *match.Weights { return match.NewWeights(classify.Texts()) }),
	}, nil
}

// pipeline makes the pipeline of a store.
func (u *understanding) pipeline(ledger ingest.Ledger, r ingest.Reader, tokens ingest.Tokens, log *slog.Logger) *ingest.Pipeline {
	return &ingest.Pipeline{
		Ledger: ledger, Reader: r, Classifier: u.classifier, Log: log,
		Matcher: &match.Matcher{Tokens: tokens, Weights: u.weights(), Window: u.window},
	}
}
