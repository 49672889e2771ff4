package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"saisine.fr/saisine/config"
)

// The measures that a stream must reach.
const (
	wantedLinkPrecision = 0.98
	wantedFound         = 0.95
)

// TestStreams feeds whole streams through the real intake. The project's own were written
// by people who did not know the rules; the measures of likeness were chosen on the first
// two, and the third only tells.
func TestStreams(t *testing.T) {
	t.Parallel()
	own, err := filepath.Glob("../../ingest/match/testdata/stream-*.jsonl")
	if err != nil || len(own) == 0 {
		t.Fatal("no streams: ", err)
	}
	for _, path := range append(own, sharedFile(t, "stream-dev.jsonl")) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			f, err := os.Open(path)
			if os.IsNotExist(err) {
				t.Skipf("%s is not here: the evaluation data is not part of the project", path)
			}
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			s, err := evaluateStream(t.Context(), config.Default(), slog.New(slog.DiscardHandler), f, func(l streamLine, o streamOutcome) error {
				switch {
				case l.Expect.Outcome == outcomeSetAside && o.Outcome != outcomeSetAside, l.Expect.Outcome != outcomeSetAside && o.Outcome == outcomeSetAside:
					t.Errorf("%s: %s (%s), want %s", l.ID, o.Outcome, o.Reason, l.Expect.Outcome)
				case l.Expect.Outcome == "opens" && o.Of != "", o.Of != "" && o.Of != l.Expect.Of:
					t.Logf("%s: %s of %s (%s), want %s of %q", l.ID, o.Outcome, o.Of, o.Reason, l.Expect.Outcome, l.Expect.Of)
				case strings.TrimSpace(o.Reason) == "":
					t.Errorf("%s: %s without a reason", l.ID, o.Outcome)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%+v", s)
			if s.Precision < wantedLinkPrecision || s.Found < wantedFound || s.WrongMerges > 0 || s.Aside < 1 || s.AsideWrong > 0 {
				t.Errorf("falls short: %+v", s)
			}
		})
	}
}

// sharedFile is a file of the evaluation data, which may not be there.
func sharedFile(t *testing.T, name string) string {
	t.Helper()
	dir := os.Getenv("SAISINE_EVALUATION")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "evaluation")
	}
	return filepath.Join(dir, name)
}
