package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"saisine.fr/saisine/config"
	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/queue"
)

const importLong = `Takes in, through the same door as the channels:

  eml      mails as files, or folders of them
  mbox     mbox files, or folders in which such files lie (Thunderbird, Takeout)
  maildir  Maildir folders with their sub-folders
  imap     folders of a configured mailbox, which are left as they are (no PATH: --mailbox)
  scans    PDF, TIFF and images: files, folders, .zip, .tar and .tar.gz of them
  csv      old requests of another program, one a line (--dry-run says how it is read)
  jsonl    JSON lines (see docs/administration.md)

What was imported before is recognised, so an import that was interrupted is simply
started again. It can be run beside the daemon, which then treats what comes in;
without one, the next start of the daemon does, or --wait does it at once.

Citizens get no receipts for what is imported, unless --acknowledge is given. With
--closed it is an archive: every request begins as closed, with no deadlines and no
reminders, and what is found of it later can be searched.`

func newImport(a *app) *cobra.Command {
	imp := &importer{app: a}
	imp.csv.columns, imp.csv.statuses = map[string]string{}, map[string]string{}
	cmd := &cobra.Command{
		Use: "import {" + strings.Join(importNames(), "|") + "} [PATH...]", Short: "Bulk intake through the same door as the channels",
		Long: importLong, Args: cobra.MinimumNArgs(1), ValidArgs: importNames(),
		RunE: func(cmd *cobra.Command, args []string) error { return imp.start(cmd, args[0], args[1:]) },
	}
	f := cmd.Flags()
	f.BoolVar(&imp.wait, "wait", false, "end only when everything has been treated")
	f.BoolVar(&imp.json, "json", false, "one JSON object a line")
	f.BoolVar(&imp.acknowledge, "acknowledge", false, "send receipts to the citizens")
	f.BoolVar(&imp.closed, "closed", false, "an archive: every request begins as closed since its own date")
	f.StringVar(&imp.imap.mailbox, "mailbox", "", "imap: the `NAME` of a mailbox of the configuration")
	f.StringArrayVar(&imp.imap.folders, "folder", nil, "imap: a `FOLDER` to read, with / between levels; may be given again (default: the mailbox's own)")
	f.BoolVar(&imp.imap.all, "all-folders", false, "imap: every folder but junk, trash, drafts and sent mail")
	f.StringVar(&imp.imap.since, "since", "", "imap: only mails that came in on this `DATE` (2016-04-23) or later")
	f.StringVar(&imp.imap.before, "before", "", "imap: only mails that came in before this `DATE`")
	f.StringToStringVar(&imp.csv.columns, "columns", nil, "csv: which column is what, such as `text=Commentaire,at=\"Reçu le\"`")
	f.StringToStringVar(&imp.csv.statuses, "statuses", nil, "csv: what a status of the other program means, such as `Soldé=closed`")
	f.StringVar(&imp.csv.account, "account", "", "csv: a `NAME` for the other program, to keep its ids apart from another one's")
	f.BoolVar(&imp.csv.dry, "dry-run", false, "csv: take in nothing; say how the columns are read, and what is wrong")
	return cmd
}

// importFlags says which kind a flag belongs to.
var importFlags = map[string]string{
	"mailbox": "imap", "folder": "imap", "all-folders": "imap", "since": "imap", "before": "imap",
	"columns": "csv", "statuses": "csv", "account": "csv", "dry-run": "csv",
}

// importer is one bulk import.
type importer struct {
	app         *app
	wait        bool
	json        bool
	acknowledge bool
	closed      bool
	account     string
	imap        imapImport
	csv         csvImport

	mu      sync.Mutex
	waiting settling
	summary importSummary
}

type importSummary struct {
	Read     int `json:"read"`
	New      int `json:"new"`
	Known    int `json:"known"`
	Changed  int `json:"changed"` // known by their ids, but with other content in the ledger
	Partial  int `json:"partial"` // of the new ones, those over the limit: only their headers are there
	Skipped  int `json:"skipped"` // what its own program has marked as deleted or as a draft
	Failed   int `json:"failed"`  // could not be taken in
	Filed    int `json:"filed"`
	SetAside int `json:"set_aside"`
	Waiting  int `json:"waiting"`
	Broken   int `json:"failed_in_treatment"`
}

type importedJSON struct {
	Source  string `json:"source"`
	ID      string `json:"id"`
	Known   bool   `json:"known"`
	Changed bool   `json:"changed"` // known, with other content
	Error   string `json:"error"`
}

// item is one thing to import.
type item struct {
	source string
	// open gives the submission; the importer fills in account and hints and closes the Blob.
	open func() (ingest.Submission, error)
	// drop, where it is not nil, is called instead when the import has ended.
	drop func()
	// size is what it counts for in the progress; 0 where that is counted elsewhere.
	size int64
	// passed is set for what the ledger has, so that it was not even read.
	passed bool
}

// errSkipped is an item's error when it is no message of anybody any more.
var errSkipped = errors.New("skipped")

// importInput is what listers work with.
type importInput struct {
	spool    ingest.Spool
	limits   config.Limits
	zone     *time.Location
	now      func() time.Time
	progress *importProgress
}

// lister walks paths and hands items on until yield fails. Items are opened by several
// goroutines at once.
type lister func(ctx context.Context, in importInput, paths []string, yield func(item) error) error

// importParallel is how many things are taken in at once, so that they share commits.
const importParallel = 64

func (im *importer) start(cmd *cobra.Command, kind string, paths []string) error {
	list, ok := importKinds[kind]
	if !ok && kind != "imap" && kind != "csv" {
		return usageError{fmt.Errorf("there is no import of %q; the kinds are %s", kind, strings.Join(importNames(), ", "))}
	}
	for name, of := range importFlags {
		if cmd.Flags().Changed(name) && of != kind {
			return usageError{fmt.Errorf("--%s is for the import of %s", name, of)}
		}
	}
	if im.closed && im.acknowledge {
		return usageError{errors.New("--closed and --acknowledge contradict each other: of an archive nobody awaits a receipt")}
	}
	switch {
	case kind == "imap" && len(paths) > 0:
		return usageError{errors.New("the import of imap takes no path; name the mailbox with --mailbox, and folders with --folder")}
	case kind != "imap" && len(paths) == 0:
		return usageError{fmt.Errorf("the path is missing (see %s --help)", cmd.CommandPath())}
	}
	for _, p := range paths {
		if _, err := os.Stat(p); err != nil {
			return usageError{err}
		}
	}
	im.account = "import-" + kind
	cfg, log, err := im.app.begin(!im.csv.dry)
	if err != nil {
		return err
	}
	ctx := cmd.Context()
	switch kind {
	case "csv":
		if list, err = im.csv.lister(ctx, im, cfg); err != nil {
			return err
		}
		if im.csv.dry {
			return im.csv.dryRun(ctx, cfg, paths)
		}
	case "imap":
		return im.run(ctx, cfg, log, func(h *house) (lister, error) { return im.imap.lister(cfg, log, h.store) }, paths)
	}
	return im.run(ctx, cfg, log, func(*house) (lister, error) { return list, nil }, paths)
}

func (im *importer) run(ctx context.Context, cfg config.Config, log *slog.Logger, lister func(*house) (lister, error), paths []string) error {
	h, daemon, err := im.open(ctx, cfg, log)
	if err == nil {
		err = errors.Join(im.all(ctx, h, lister, paths), h.Close())
	}
	switch {
	case ctx.Err() != nil:
		return im.interrupted()
	case err != nil:
		return err
	}
	return im.report(daemon)
}

// all takes in everything, and waits for its treatment where that is wanted.
func (im *importer) all(ctx context.Context, h *house, lister func(*house) (lister, error), paths []string) error {
	list, err := lister(h)
	if err != nil {
		return err
	}
	if err := im.takeIn(ctx, h, list, paths); err != nil || !im.wait {
		return err
	}
	return im.settle(ctx, h.store)
}

// interrupted is how an import ends that a person stops.
func (im *importer) interrupted() error {
	im.mu.Lock()
	defer im.mu.Unlock()
	fmt.Fprintf(im.app.stderr, "saisine: interrupted after %d (%d of them new); start it again to go on\n", im.summary.Read, im.summary.New)
	return errReported
}

// open opens the house as the import needs it: beside a daemon with that one's
// queue, and alone with workers of its own only when it is to wait for them.
func (im *importer) open(ctx context.Context, cfg config.Config, log *slog.Logger) (h *house, daemon bool, err error) {
	h, err = openHouse(ctx, cfg, log, houseOptions{workers: im.wait, roles: []string{"import"}})
	if errors.Is(err, queue.ErrInUse) {
		h, err = openHouse(ctx, cfg, log, houseOptions{shareRedis: true, roles: []string{"import"}})
		return h, true, err
	}
	return h, cfg.Redis != "", err
}

func (im *importer) takeIn(ctx context.Context, h *house, list lister, paths []string) error {
	progress := im.app.importProgress(im.json)
	defer progress.finish()
	in := importInput{spool: h.store.Spool(), limits: h.cfg.Limits, zone: h.zone, now: time.Now, progress: progress}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(importParallel)
	err := list(ctx, in, paths, func(it item) error {
		if err := ctx.Err(); err != nil {
			if it.drop != nil {
				it.drop()
			}
			return err
		}
		if it.passed {
			im.mu.Lock()
			im.summary.Read, im.summary.Known = im.summary.Read+1, im.summary.Known+1
			im.mu.Unlock()
			progress.done(it.size)
			return nil
		}
		group.Go(func() error {
			defer progress.done(it.size)
			// What was begun is ended, so that nothing is left half done when a person stops it.
			return im.one(context.WithoutCancel(ctx), h, it)
		})
		return nil
	})
	if werr := group.Wait(); werr != nil {
		err = werr
	}
	return err
}

// one takes one thing in. Only a fault of the house ends the import; a thing that
// cannot be read is reported and the rest goes on.
func (im *importer) one(ctx context.Context, h *house, it item) error {
	sub, err := it.open()
	if errors.Is(err, errSkipped) {
		im.mu.Lock()
		im.summary.Skipped++
		im.mu.Unlock()
		return nil
	}
	if err != nil {
		return im.told(importedJSON{Source: it.source, Error: err.Error()}, ingest.Receipt{})
	}
	defer func() { _ = sub.Original.Close() }()
	if sub.Account == "" {
		sub.Account = im.account
	}
	if sub.Hints.Filename == "" && sub.Hints.Folder == "" {
		sub.Hints.Filename = it.source
	}
	im.begins(&sub)
	r, err := h.intake.Submit(ctx, sub)
	if errors.Is(err, ingest.ErrInvalid) {
		return im.told(importedJSON{Source: it.source, Error: err.Error()}, ingest.Receipt{})
	}
	if err != nil {
		return fmt.Errorf("%s: %w", it.source, err)
	}
	if sub.Hints.Partial && !r.Replayed {
		im.warn(it.source + ": over the limit (limits.message); only its header was kept")
		im.mu.Lock()
		im.summary.Partial++
		im.mu.Unlock()
	}
	changed, err := changedSince(ctx, h.store, sub, r)
	if err != nil {
		return fmt.Errorf("%s: %w", it.source, err)
	}
	return im.told(importedJSON{Source: it.source, ID: r.ID, Known: r.Replayed, Changed: changed}, r)
}

// begins sets in which status the request begins that a submission opens, and whether its
// sender hears of it.
func (im *importer) begins(sub *ingest.Submission) {
	settled := []ingest.Status{ingest.StatusAnswered, ingest.StatusClosed}
	if im.closed && !slices.Contains(settled, sub.Hints.ImportedAs) {
		sub.Hints.ImportedAs, sub.Hints.ImportedSince = ingest.StatusClosed, sub.ReceivedAt
	}
	sub.Hints.NoReceipt = !im.acknowledge || slices.Contains(settled, sub.Hints.ImportedAs)
}

func (im *importer) warn(text string) { fmt.Fprintf(im.app.stderr, "saisine: %s\n", printable(text)) }

func (im *importer) told(line importedJSON, r ingest.Receipt) error {
	im.mu.Lock()
	defer im.mu.Unlock()
	im.summary.Read++
	switch {
	case line.Error != "":
		im.summary.Failed++
		im.warn(line.Source + ": " + line.Error)
	case line.Changed:
		im.summary.Changed++
		im.warn(fmt.Sprintf(changedText, line.Source, line.ID))
	case line.Known:
		im.summary.Known++
	default:
		im.summary.New++
	}
	if line.ID != "" {
		im.waiting.add(r, im.wait, &im.summary)
	}
	if im.json {
		return newJSONLines(im.app.stdout).print(line)
	}
	return nil
}
