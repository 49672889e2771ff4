package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
)

func newEvaluate(a *app) *cobra.Command {
	var stream, asJSON bool
	cmd := &cobra.Command{
		Use: "evaluate FILE.jsonl", Short: "Measure how well texts are understood, on labelled ones",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			cfg, err := a.load(true)
			if err != nil {
				return err
			}
			log, err := a.logger()
			if err != nil {
				return err
			}
			f, err := os.Open(args[0])
			if err != nil {
				return usageError{err}
			}
			defer func() { err = errors.Join(err, f.Close()) }()
			if !stream {
				return usageError{errors.New("not yet")}
			}
			out := json.NewEncoder(a.stdout)
			s, err := evaluateStream(cmd.Context(), cfg, log, f, func(l streamLine, o streamOutcome) error {
				if asJSON {
					return out.Encode(o)
				}
				return nil
			})
			if err != nil {
				return err
			}
			return out.Encode(map[string]streamSummary{"summary": s})
		},
	}
	cmd.Flags().BoolVar(&stream, "stream", false, "FILE is a stream of submissions, fed to a throw-away town")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON Lines")
	return cmd
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
