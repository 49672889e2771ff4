package main

import (
	"context"
	"log/slog"

	"saisine.fr/saisine/config"
	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/classify"
	"saisine.fr/saisine/ingest/match"
)

// understanding is what tells where a submission belongs and who sees to it: the rules
// of the categories file, the learned model, the weights of words.
type understanding struct {
	rules   *classify.Rules
	weights *match.Weights
}

func openUnderstanding(_ context.Context, cfg config.Config, _ *slog.Logger) (*understanding, error) {
	rules, err := loadRules(cfg)
	if err != nil {
		return nil, asUsage(err)
	}
	return &understanding{rules: rules, weights: match.NewWeights(classify.Texts())}, nil
}

// pipeline makes the pipeline of a store.
func (u *understanding) pipeline(ledger ingest.Ledger, r ingest.Reader, tokens ingest.Tokens, log *slog.Logger) *ingest.Pipeline {
	return &ingest.Pipeline{
		Ledger: ledger, Reader: r, Classifier: u.rules, Log: log,
		Matcher: &match.Matcher{Tokens: tokens, Weights: u.weights},
	}
}
