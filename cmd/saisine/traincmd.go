package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"saisine.fr/saisine/ingest/classify"
	"saisine.fr/saisine/ingest/store"
)

func newTrain(a *app) *cobra.Command {
	t := &trainCommand{app: a}
	cmd := &cobra.Command{
		Use: "train", Short: "Learn the categories anew from the town's settled requests, or go back to an earlier model",
		Long: `Trains a model on the built-in texts and the town's settled requests; a category that a
person chose weighs more. It takes the place of the model in use only where it is better,
on requests that neither has learned from. The daemon does the same each night when there
are enough newly settled requests, and takes a new model up without a restart.

--list shows the models that are kept; --use goes back to one of them, or with "builtin" to
the one that comes with the program, and the nights leave that choice alone. --use newest
takes the town's newest one and lets the nights train again.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return t.run(cmd.Context()) },
	}
	cmd.Flags().BoolVar(&t.list, "list", false, "list the models")
	cmd.Flags().StringVar(&t.use, "use", "", "take `VERSION` into use")
	cmd.Flags().BoolVar(&t.dry, "dry-run", false, "train and measure, and keep nothing")
	cmd.Flags().BoolVar(&t.json, "json", false, "one JSON object a line")
	cmd.MarkFlagsMutuallyExclusive("list", "use", "dry-run")
	return cmd
}

// trainCommand is one call of `saisine train`.
type trainCommand struct {
	app             *app
	list, dry, json bool
	use             string
}

func (t *trainCommand) run(ctx context.Context) error {
	cfg, log, err := t.app.begin(false)
	if err != nil {
		return err
	}
	if _, err := os.Stat(cfg.DataDir); errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("there is no folder %s yet; \"saisine serve\" makes it. Is data_dir the right one?", cfg.DataDir)
	}
	// Whoever only looks leaves no files of their own in data_dir.
	u, err := openUnderstandingIn(ctx, cfg, log, classify.Options{Dir: modelsDir(cfg), ReadOnly: t.list || t.dry})
	if err != nil {
		return err
	}
	switch {
	case t.list:
		return t.printVersions(u.classifier.Now(), zoneOf(cfg))
	case t.use != "":
		v, err := u.classifier.Now().Use(ctx, t.use)
		if errors.Is(err, classify.ErrNoModel) {
			return usageError{fmt.Errorf("there is no model %q; \"saisine train --list\" shows them", t.use)}
		}
		if errors.Is(err, classify.ErrOldBuiltin) {
			return usageError{fmt.Errorf("%q was made of other texts or another categories file than those of today; \"saisine train --use builtin\" takes that of today", t.use)}
		}
		if err != nil {
			return err
		}
		fmt.Fprintf(t.app.stderr, "%s is in use; a running daemon takes it up within a minute.\n", v.Name)
		return nil
	}
	s, err := t.app.openStore(ctx, cfg, log)
	if err != nil {
		return err
	}
	outcome, err := trainOn(ctx, u.classifier.Now(), s, classify.TrainOptions{Dry: t.dry})
	if err := errors.Join(err, s.Close()); err != nil {
		return err
	}
	if t.json {
		return json.NewEncoder(t.app.stdout).Encode(outcome)
	}
	return printTraining(t.app.stdout, outcome)
}

// trainOn trains on the settled requests of a store.
func trainOn(ctx context.Context, c *classify.Classifier, s *store.Store, o classify.TrainOptions) (classify.Training, error) {
	town, err := settledRequests(ctx, s, c.Rules())
	if err != nil {
		return classify.Training{}, err
	}
	return c.Train(ctx, town, o)
}

// settledRequests returns the newest requests from which a model may learn, as many as it
// takes.
func settledRequests(ctx context.Context, s *store.Store, rules *classify.Rules) ([]classify.Settled, error) {
	var out []classify.Settled
	size, enough := 0, errors.New("enough")
	err := s.Settled(ctx, func(q store.Settled) error {
		if _, ok := rules.File().Category(q.Category); !ok {
			return nil
		}
		x := classify.Settled{Reference: q.Reference, Category: q.Category, Person: q.ByPerson, OpenedAt: q.OpenedAt}
		x.Subject, x.Text = classify.Words(q.Reading)
		out = append(out, x)
		if size += x.Size(); len(out) >= classify.MostSettled || size >= classify.MostWords {
			return enough
		}
		return nil
	})
	if errors.Is(err, enough) {
		err = nil
	}
	return out, err
}

func printTraining(w io.Writer, tr classify.Training) error {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	if tr.New.N > 0 {
		fmt.Fprintln(t, "model\trequests\taccuracy\tmacro-F1")
		fmt.Fprintf(t, "in use\t%d\t%.3f\t%.3f\n", tr.Old.N, tr.Old.Accuracy, tr.Old.MacroF1)
		fmt.Fprintf(t, "new\t%d\t%.3f\t%.3f\n\n", tr.New.N, tr.New.Accuracy, tr.New.MacroF1)
	}
	verdict := "The model in use stays"
	if tr.Used {
		verdict = tr.Version.Name + " is in use now"
	}
	fmt.Fprintf(t, "%s: %s.\n", verdict, tr.Why)
	return t.Flush()
}

// modelJSON is a line of `saisine train --list --json`.
type modelJSON struct {
	classify.Version
	Used bool `json:"used"`
}

func (t *trainCommand) printVersions(c *classify.Classifier, zone *time.Location) error {
	list, err := c.Versions()
	if err != nil {
		return err
	}
	used := c.Version().Name
	if t.json {
		out := json.NewEncoder(t.app.stdout)
		for _, v := range list {
			if err := out.Encode(modelJSON{Version: v, Used: v.Name == used}); err != nil {
				return err
			}
		}
		return nil
	}
	w := tabwriter.NewWriter(t.app.stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "\tversion\ttrained\ttexts\tof the town\taccuracy\tmacro-F1")
	for _, v := range list {
		mark := ""
		if v.Name == used {
			mark = "*"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%.3f\t%.3f\n", mark, v.Name, v.TrainedAt.In(zone).Format("2006-01-02 15:04"), v.Examples, v.Town, v.Figures.Accuracy, v.Figures.MacroF1)
	}
	return w.Flush()
}
