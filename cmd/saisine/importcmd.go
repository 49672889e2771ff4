package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"saisine.fr/saisine/config"
	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/store"
	"saisine.fr/saisine/queue"
)

func newImport(a *app) *cobra.Command {
	imp := &importer{app: a}
	cmd := &cobra.Command{
		Use: "import {eml|mbox|maildir|scans|jsonl} PATH...", Short: "Bulk intake through the same door as the channels",
		Long: `Takes in mails (eml files or folders of them, mbox files, Maildir folders), scans
(files or folders) or JSON lines (see docs/administration.md), through the same door
as the channels. What was imported before is recognised, so an import that was
interrupted is simply started again. It can be run beside the daemon, which then treats what
comes in; without one, the next start of the daemon does, or --wait does it at once.

Citizens get no receipts for what is imported, unless --acknowledge is given.`,
		Args: cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			list, ok := importKinds[args[0]]
			if !ok {
				return usageError{fmt.Errorf("there is no import of %q; the kinds are eml, mbox, maildir, scans and jsonl", args[0])}
			}
			imp.account = "import-" + args[0]
			return imp.run(cmd.Context(), list, args[1:])
		},
	}
	cmd.Flags().BoolVar(&imp.wait, "wait", false, "end only when everything has been treated")
	cmd.Flags().BoolVar(&imp.json, "json", false, "one JSON object a line")
	cmd.Flags().BoolVar(&imp.acknowledge, "acknowledge", false, "send receipts to the citizens")
	return cmd
}

// importer is one bulk import.
type importer struct {
	app         *app
	wait        bool
	json        bool
	acknowledge bool
	account     string

	mu      sync.Mutex
	ids     []string
	summary importSummary
}

type importSummary struct {
	Read     int `json:"read"`
	New      int `json:"new"`
	Known    int `json:"known"`
	Failed   int `json:"failed"` // could not be taken in
	Filed    int `json:"filed"`
	SetAside int `json:"set_aside"`
	Waiting  int `json:"waiting"`
	Broken   int `json:"failed_in_treatment"`
}

type importedJSON struct {
	Source string `json:"source"`
	ID     string `json:"id"`
	Known  bool   `json:"known"`
	Error  string `json:"error"`
}

// item is one thing to import. open gives the submission; the importer fills in
// account and hints and closes the Blob.
type item struct {
	source string
	open   func(spool ingest.Spool, limits config.Limits) (ingest.Submission, error)
}

// lister walks paths and hands items on until yield fails.
type lister func(paths []string, yield func(item) error) error

// importParallel is how many things are taken in at once, so that they share commits.
const importParallel = 64

func (im *importer) run(ctx context.Context, list lister, paths []string) (err error) {
	for _, p := range paths {
		if _, err := os.Stat(p); err != nil {
			return usageError{err}
		}
	}
	cfg, log, err := im.app.begin(true)
	if err != nil {
		return err
	}
	h, daemon, err := im.open(ctx, cfg, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	if err := im.takeIn(ctx, h, list, paths); err != nil {
		return err
	}
	if im.wait {
		if err := im.settle(ctx, h.store); err != nil {
			return err
		}
	}
	return im.report(daemon)
}

// open opens the house as the import needs it: beside a daemon with that one's
// queue, and alone with workers of its own only when it is to wait for them.
func (im *importer) open(ctx context.Context, cfg config.Config, log *slog.Logger) (h *house, daemon bool, err error) {
	h, err = openHouse(ctx, cfg, log, houseOptions{workers: im.wait})
	if errors.Is(err, queue.ErrInUse) {
		h, err = openHouse(ctx, cfg, log, houseOptions{shareRedis: true})
		return h, true, err
	}
	return h, cfg.Redis != "", err
}

func (im *importer) takeIn(ctx context.Context, h *house, list lister, paths []string) error {
	bar := im.app.progress(-1, "import")
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(importParallel)
	err := list(paths, func(it item) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		group.Go(func() error {
			defer func() { _ = bar.Add(1) }()
			return im.one(ctx, h, it)
		})
		return nil
	})
	if werr := group.Wait(); werr != nil {
		err = werr
	}
	_ = bar.Finish()
	return err
}

// one takes one thing in. Only a fault of the house ends the import; a thing that
// cannot be read is reported and the rest goes on.
func (im *importer) one(ctx context.Context, h *house, it item) error {
	sub, err := it.open(h.store.Spool(), h.cfg.Limits)
	if err != nil {
		return im.told(importedJSON{Source: it.source, Error: err.Error()})
	}
	defer func() { _ = sub.Original.Close() }()
	sub.Account = im.account
	sub.Hints.Filename = it.source
	sub.Hints.NoReceipt = !im.acknowledge
	r, err := h.intake.Submit(ctx, sub)
	if errors.Is(err, ingest.ErrInvalid) {
		return im.told(importedJSON{Source: it.source, Error: err.Error()})
	}
	if err != nil {
		return fmt.Errorf("%s: %w", it.source, err)
	}
	return im.told(importedJSON{Source: it.source, ID: r.ID, Known: r.Replayed})
}

func (im *importer) told(line importedJSON) error {
	im.mu.Lock()
	defer im.mu.Unlock()
	im.summary.Read++
	switch {
	case line.Error != "":
		im.summary.Failed++
		fmt.Fprintf(im.app.stderr, "saisine: %s: %s\n", line.Source, line.Error)
	case line.Known:
		im.summary.Known++
	default:
		im.summary.New++
	}
	if line.ID != "" {
		im.ids = append(im.ids, line.ID)
	}
	if im.json {
		return newJSONLines(im.app.stdout).print(line)
	}
	return nil
}

// settleLook is how often an import that waits looks into the ledger.
const settleLook = 200 * time.Millisecond

// settle waits until everything that was taken in has come to its end state, and so have
// the letters that a pile was divided into.
func (im *importer) settle(ctx context.Context, s *store.Store) error {
	bar := im.app.progress(len(im.ids), "treat")
	defer func() { _ = bar.Finish() }()
	for i := 0; i < len(im.ids); i++ { // it grows
		for {
			rec, err := s.Submission(ctx, im.ids[i])
			if err != nil {
				return err
			}
			if rec.State.Final() {
				switch rec.State {
				case ingest.StateFiled:
					im.summary.Filed++
				case ingest.StateSetAside:
					im.summary.SetAside++
					made, err := s.Made(ctx, rec.ID)
					if err != nil {
						return err
					}
					for _, m := range made {
						im.ids = append(im.ids, m.ID)
					}
					bar.ChangeMax(len(im.ids))
				default:
					im.summary.Broken++
				}
				break
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(settleLook):
			}
		}
		_ = bar.Add(1)
	}
	return nil
}

func (im *importer) report(daemon bool) error {
	s := im.summary
	s.Waiting = len(im.ids) - s.Filed - s.SetAside - s.Broken
	if im.json {
		if err := newJSONLines(im.app.stdout).print(map[string]importSummary{"summary": s}); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(im.app.stdout, "%d read: %d new, %d known already, %d could not be taken in\n", s.Read, s.New, s.Known, s.Failed)
		switch {
		case im.wait:
			fmt.Fprintf(im.app.stdout, "%d filed, %d set aside, %d failed in treatment\n", s.Filed, s.SetAside, s.Broken)
		case !daemon && len(im.ids) > 0:
			fmt.Fprintln(im.app.stdout, "They wait in the ledger; the daemon treats them when it runs (\"saisine serve\").")
		}
	}
	if s.Failed > 0 || s.Broken > 0 {
		return errReported
	}
	return nil
}
