package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"saisine.fr/saisine/config"
)

func newEvaluate(a *app) *cobra.Command {
	var stream, asJSON bool
	cmd := &cobra.Command{
		Use: "evaluate FILE.jsonl", Short: "Measure how well texts are understood, on labelled ones",
		Long: `Classifies the texts of FILE, one JSON object a line with id, channel, subject, body and
category (and also: other categories that count as right), and measures the outcome.

With --stream, FILE is a stream of submissions, which are fed in order through the real
intake and workers into a throw-away store; {ref:ID} and {ack:ID} in it stand for the
reference of that earlier line's request, and our receipt's Message-ID.

Nothing is learned from FILE. The town's own model is used where there is one.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			cfg, log, err := a.begin(true)
			if err != nil {
				return err
			}
			f, err := os.Open(args[0])
			if err != nil {
				return usageError{err}
			}
			defer func() { err = errors.Join(err, f.Close()) }()
			if stream {
				return a.evaluateStream(cmd.Context(), cfg, log, f, asJSON)
			}
			return a.evaluateTexts(cmd.Context(), cfg, log, f, asJSON)
		},
	}
	cmd.Flags().BoolVar(&stream, "stream", false, "FILE is a stream of submissions, fed to a throw-away town")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON Lines")
	return cmd
}

func (a *app) evaluateStream(ctx context.Context, cfg config.Config, log *slog.Logger, r io.Reader, asJSON bool) error {
	out := json.NewEncoder(a.stdout)
	s, err := evaluateStream(ctx, cfg, log, r, func(_ streamLine, o streamOutcome) error {
		if asJSON {
			return out.Encode(o)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return out.Encode(map[string]streamSummary{"summary": s})
}

func (a *app) evaluateTexts(ctx context.Context, cfg config.Config, log *slog.Logger, r io.Reader, asJSON bool) error {
	out := json.NewEncoder(a.stdout)
	wrong := map[[2]string]int{}
	s, found, err := evaluateTexts(ctx, cfg, log, r, func(t evalText, o evalOutcome) error {
		if !t.accepts(o.Category) {
			wrong[[2]string{t.Category, o.Category}]++
		}
		if asJSON {
			return out.Encode(o)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if asJSON {
		return out.Encode(map[string]textSummary{"summary": {s.Figures(), found.figures()}})
	}
	return printEvaluation(a.stdout, s, found, wrong)
}

// eachJSONLine calls f with each line of r that is not blank, and its number.
func eachJSONLine(r io.Reader, f func(n int, line []byte) error) error {
	sc := bufio.NewScanner(r)
	sc.Buffer(make([]byte, 0, 64<<10), lineMax)
	for n := 1; sc.Scan(); n++ {
		line := bytes.TrimSpace(sc.Bytes())
		if len(line) == 0 {
			continue
		}
		if err := f(n, line); err != nil {
			return err
		}
	}
	if err := sc.Err(); err != nil {
		return fmt.Errorf("read lines: %w", err)
	}
	return nil
}
