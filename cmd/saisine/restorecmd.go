package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"saisine.fr/saisine/config"
	"saisine.fr/saisine/ingest/store"
	"saisine.fr/saisine/ingest/store/backup"
)

// restorer is one call of saisine restore.
type restorer struct {
	app        *app
	snapshot   string
	eliminated []string
}

func newRestore(a *app) *cobra.Command {
	r := &restorer{app: a}
	cmd := &cobra.Command{
		Use: "restore SRC", Short: "Make the town anew from a backup, in an empty store",
		Long: `Brings a backup (FILE.tar, FILE.tar.zst, FOLDER/, or - for standard input) into the store that
the configuration names, on whatever engines: a backup of SQLite and files may be
restored into PostgreSQL and S3. The store must be empty and the daemon stopped.

Every row and original is checked against its hash. Until the command has ended the daemon
refuses to start on what is there; when it was cut off, run it again. What was eliminated
since the backup was made is eliminated again, as far as the folder of backups or a file
(--eliminated) says so. See docs/backup.md.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, log, err := a.begin(true)
			if err != nil {
				return err
			}
			return r.run(cmd.Context(), cfg, log, args[0])
		},
	}
	cmd.Flags().StringVar(&r.snapshot, "snapshot", "", "of a folder, the `NAME` of the backup (saisine backup --list); the newest when left out")
	cmd.Flags().StringArrayVar(&r.eliminated, "eliminated", nil, "`FILE` with what was eliminated since (saisine eliminate --export 0); may be repeated")
	return cmd
}

func (r *restorer) run(ctx context.Context, cfg config.Config, log *slog.Logger, src string) (err error) {
	for _, name := range r.eliminated {
		if _, err := os.Stat(name); err != nil {
			return usageError{err}
		}
	}
	lock, err := lockData(cfg, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	o, err := storeOptions(cfg)
	if err != nil {
		return err
	}
	o.Log = log
	var rep backup.Report
	if err := store.Load(ctx, o, func(sink store.DumpSink) (err error) {
		rep, err = r.read(src, sink)
		return err
	}); err != nil {
		return err
	}
	fmt.Fprintf(r.app.stderr, "saisine: %d rows and %d large originals and copies are there, each as its hash says\n", rep.Rows, rep.End.Objects)
	o.Unsettled = true
	s, err := store.Open(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	undone := false
	for _, name := range r.eliminated {
		err := r.eliminate(ctx, s, name)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			undone = true
			fmt.Fprintf(r.app.stderr, "saisine: %v\n", err)
		}
	}
	err = r.app.settle(ctx, s, cfg)
	if err == nil && undone {
		fmt.Fprintln(r.app.stderr, "saisine: the town is restored, but not all that was eliminated since is eliminated again; see above, then saisine eliminate --apply FILE")
		err = errReported
	}
	return err
}

func (r *restorer) eliminate(ctx context.Context, s *store.Store, name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	n, err := s.ApplyTombstones(ctx, f)
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if n > 0 {
		fmt.Fprintf(r.app.stderr, "saisine: %d things that were eliminated since are eliminated again\n", n)
	}
	return nil
}

// settle makes what a dump does not have, verifies all, and opens the store to the daemon. What
// verify finds was so where the dump came from: the town must be able to go on with it.
func (a *app) settle(ctx context.Context, s *store.Store, cfg config.Config) error {
	if _, err := s.IndexSearch(ctx); err != nil {
		return err
	}
	v := &verifier{app: a, cfg: cfg, store: s, offline: true}
	err := v.run(ctx)
	if err != nil && !errors.Is(err, errReported) {
		return err
	}
	return errors.Join(s.FinishLoad(ctx), err)
}

func (r *restorer) read(src string, sink store.DumpSink) (rep backup.Report, err error) {
	if !isFolder(src) {
		in, err := r.app.openArchive(src)
		if err != nil {
			return rep, err
		}
		rep, err = backup.ReadTar(in, sink)
		return rep, errors.Join(err, in.Close())
	}
	repo, err := backup.OpenRepo(src, false)
	if err != nil {
		return rep, err
	}
	defer func() { err = errors.Join(err, repo.Close()) }()
	names, err := repo.Snapshots()
	if err != nil {
		return rep, err
	}
	if len(names) == 0 {
		return rep, fmt.Errorf("%s holds no backup", src)
	}
	name := names[len(names)-1]
	if r.snapshot != "" {
		name = filepath.Base(r.snapshot)
	}
	lists, err := repo.Eliminated()
	if err != nil {
		return rep, err
	}
	r.eliminated = append(lists, r.eliminated...)
	return repo.Read(name, sink)
}
