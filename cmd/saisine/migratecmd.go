package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"saisine.fr/saisine/config"
	"saisine.fr/saisine/ingest/store"
)

// Words for the engines under the data folder.
const (
	toSQLite = "sqlite"
	toFiles  = "files"
)

// migrater is one call of saisine migrate.
type migrater struct {
	app *app
	// Where the town goes; "" leaves it where it is.
	database, databaseFile   string
	originals                string
	accessKey, secretKeyFile string
	dataDir                  string
	cancel                   bool
}

func newMigrate(a *app) *cobra.Command {
	m := &migrater{app: a}
	cmd := &cobra.Command{
		Use: "migrate", Short: "Move the town to PostgreSQL or S3, or back",
		Long: `Moves all that the town has from the store that the configuration names to another one:

  saisine migrate --to-database postgres://saisine@db/saisine --to-originals 's3://bucket?endpoint=https://…'
  saisine migrate --to-database sqlite --to-originals files --to-data-dir /var/lib/saisine2

The daemon, and every other node, must be stopped. Each row and original is checked by its
hash at the other end. The store that the town leaves is kept as it is, and the daemon
refuses to start on it from then on; --cancel takes that back, also after a move that was cut
off. Run again, a move goes on with the originals that are not there yet. At the end the lines
are printed that belong into the configuration.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, log, err := a.begin(true)
			if err != nil {
				return err
			}
			return m.run(cmd.Context(), cfg, log)
		},
	}
	f := cmd.Flags()
	f.StringVar(&m.database, "to-database", "", "`ADDRESS` of the PostgreSQL database, or sqlite")
	f.StringVar(&m.databaseFile, "to-database-file", "", "`FILE` that holds this address, for one with a password")
	f.StringVar(&m.originals, "to-originals", "", "`ADDRESS` of the bucket (s3://…), or files")
	f.StringVar(&m.accessKey, "to-originals-access-key", "", "name of the `KEY` to the bucket; else that of the configuration or the environment")
	f.StringVar(&m.secretKeyFile, "to-originals-secret-key-file", "", "`FILE` that holds the secret key to the bucket")
	f.StringVar(&m.dataDir, "to-data-dir", "", "another data `FOLDER`, for sqlite or files")
	f.BoolVar(&m.cancel, "cancel", false, "let the daemon start on this store again: the move was given up")
	return cmd
}

// target is the configuration of where the town goes.
func (m *migrater) target(cfg config.Config) (config.Config, error) {
	to := cfg
	switch {
	case m.database == toSQLite:
		to.Database, to.DatabaseFile = "", ""
	case m.database != "":
		to.Database, to.DatabaseFile = m.database, ""
	case m.databaseFile != "":
		to.Database, to.DatabaseFile = "", m.databaseFile
	}
	switch m.originals {
	case "":
	case toFiles:
		to.Originals, to.OriginalsAccessKey, to.OriginalsSecretKey, to.OriginalsSecretKeyFile = "", "", "", ""
	default:
		to.Originals = m.originals
	}
	if m.accessKey != "" {
		to.OriginalsAccessKey = m.accessKey
	}
	if m.secretKeyFile != "" {
		to.OriginalsSecretKey, to.OriginalsSecretKeyFile = "", m.secretKeyFile
	}
	if m.dataDir != "" {
		var err error
		if to.DataDir, err = filepath.Abs(m.dataDir); err != nil {
			return to, err
		}
	}
	if err := to.ReadAddresses(); err != nil {
		return to, err
	}
	return to, to.Validate()
}

func (m *migrater) run(ctx context.Context, cfg config.Config, log *slog.Logger) (err error) {
	from, err := storeOptions(cfg)
	if err != nil {
		return err
	}
	from.Log, from.NoMigration, from.Unsettled = log, true, true
	lock, err := lockData(cfg, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	if m.cancel {
		return m.withSource(ctx, from, func(s *store.Store) error { return s.SetMoved(ctx, "") })
	}
	to, err := m.target(cfg)
	if err != nil {
		return asUsage(err)
	}
	sameDatabase := to.Database == cfg.Database && (to.Database != "" || to.DataDir == cfg.DataDir)
	sameOriginals := to.Originals == cfg.Originals && (to.Originals != "" || to.DataDir == cfg.DataDir)
	if sameDatabase && sameOriginals {
		return usageError{errors.New("nothing would move: say --to-database, --to-originals or --to-data-dir")}
	}
	if to.DataDir != cfg.DataDir {
		second, err := lockData(to, true)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, second.Close()) }()
	}
	where, err := storeOptions(to)
	if err != nil {
		return err
	}
	where.Log = log
	if err := m.withSource(ctx, from, func(s *store.Store) error { return m.move(ctx, s, cfg, to, where, sameDatabase) }); err != nil {
		return err
	}
	return m.tell(cfg, to)
}

// withSource runs f with the store that the town leaves.
func (m *migrater) withSource(ctx context.Context, o store.Options, f func(*store.Store) error) error {
	s, err := store.Open(ctx, o)
	if err != nil {
		return err
	}
	return errors.Join(f(s), s.Close())
}

// noNodes refuses while a node of another machine works on the database: it would go on writing
// there. Those of this machine are known by the lock of the data folder.
func noNodes(ctx context.Context, cfg config.Config, s *store.Store) error {
	if cfg.Database == "" {
		return nil
	}
	list, err := tableNodes(ctx, cfg, s)
	if err != nil {
		return err
	}
	for _, n := range list {
		if n.Alive {
			return fmt.Errorf("the node %s runs on this database; stop it first (saisine nodes)", n.Node)
		}
	}
	return nil
}

func (m *migrater) move(ctx context.Context, s *store.Store, cfg, to config.Config, where store.Options, sameDatabase bool) error {
	if err := noNodes(ctx, cfg, s); err != nil {
		return err
	}
	// From here on nobody writes into it any more: neither a daemon nor a command opens it.
	if err := s.SetMoved(ctx, nameOf(to)); err != nil {
		return err
	}
	load := store.Load
	if sameDatabase {
		load = store.LoadObjects
	}
	var end store.DumpEnd
	err := load(ctx, where, func(sink store.DumpSink) (err error) {
		_, end, err = s.Dump(ctx, store.DumpHeader{Version: version, Town: cfg.Town.Name}, sink)
		return err
	})
	if err != nil {
		return fmt.Errorf("%w\nThe town is where it was; run the command again, or take the move back: saisine migrate --cancel", err)
	}
	for _, missing := range end.Missing {
		fmt.Fprintf(m.app.stderr, "saisine: could not be moved, since it is missing or damaged: %s %s: %s\n", missing.Kind, missing.SHA256, oneLine(missing.Why, 300))
	}
	fmt.Fprintf(m.app.stderr, "saisine: all rows and %d large originals and copies are there, each as its hash says\n", end.Objects)
	where.Unsettled = true
	if sameDatabase {
		where.NoMigration = true
	}
	target, err := store.Open(ctx, where)
	if err != nil {
		return err
	}
	err = m.app.settle(ctx, target, to)
	if err == nil && sameDatabase {
		err = target.SetMoved(ctx, "")
	}
	return errors.Join(err, target.Close())
}

// nameOf names a place for people, without passwords.
func nameOf(cfg config.Config) string {
	shown := cfg.Redacted()
	return cmp.Or(shown.Database, filepath.Join(cfg.DataDir, "saisine.db")) + ", " + cmp.Or(shown.Originals, filepath.Join(cfg.DataDir, "originals"))
}

// tell prints what belongs into the configuration now.
func (m *migrater) tell(cfg, to config.Config) error {
	var b strings.Builder
	fmt.Fprintln(&b, "The town has moved. Put this into the configuration, then start the daemon:")
	if to.DataDir != cfg.DataDir {
		fmt.Fprintf(&b, "data_dir: %s\n", to.DataDir)
	}
	shown := to.Redacted()
	if to.DatabaseFile != "" {
		fmt.Fprintf(&b, "database_file: %s\n", to.DatabaseFile)
	} else {
		fmt.Fprintf(&b, "database: %q\n", shown.Database)
	}
	fmt.Fprintf(&b, "originals: %q\n", shown.Originals)
	if to.OriginalsAccessKey != "" {
		fmt.Fprintf(&b, "originals_access_key: %q\n", to.OriginalsAccessKey)
	}
	if to.OriginalsSecretKeyFile != "" {
		fmt.Fprintf(&b, "originals_secret_key_file: %s\n", to.OriginalsSecretKeyFile)
	}
	_, err := fmt.Fprint(m.app.stdout, b.String())
	return err
}
