// Package store keeps the ledger, the requests, the events, the outbox and the
// originals. It is the truth of the house: everything else can be made again from it.
//
// All writing goes through one goroutine, which lets concurrent writers share a
// commit (see writer). Reading uses connections of its own and sees the last commit.
//
// SQL is written for SQLite and PostgreSQL alike: parameters are $1, $2, … and first
// appear in that order, since SQLite numbers named parameters by first appearance.
package store

import (
	"cmp"
	"context"
	"crypto/rand"
	"database/sql"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/pressly/goose/v3"

	"saisine.fr/saisine/ingest"
)

//go:embed migrations/*/*.sql
var migrations embed.FS

// Options says where the store lies.
type Options struct {
	// Dir is the data folder; the database is Dir/saisine.db, originals lie under
	// Dir/originals and Dir/spool, searchable copies under Dir/copies.
	Dir string
	// Database is the address of a PostgreSQL database (postgres://…), or "" for SQLite.
	Database string
	// S3 keeps the originals over ingest.InlineMax and the searchable copies, instead of files;
	// nil for files.
	S3 *S3
	// Zone is the town's time zone: the year in a reference is the town's year.
	Zone *time.Location
	Log  *slog.Logger
	// NoMigration leaves the schema alone: for commands beside a daemon, which may be of
	// an older version and still be using it.
	NoMigration bool
	// OnUpgrade is told before the schema of an earlier version is brought up to date, which takes
	// minutes in a large town. May be nil.
	OnUpgrade func(have, want int64)
	// Unsettled opens also a store into which a restore has not ended, or whose town was moved
	// away: for those who are to settle that.
	Unsettled bool
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// OnOutbox is told of each new outbox row after its commit. It must not block; a
	// notice that gets lost is made up for by the sweeper. May be nil.
	OnOutbox func(ingest.OutboxNotice)
	// Correspondence decides on deadlines and mails; nil: there are none.
	Correspondence ingest.Correspondence
	// Partners decides who is told of what and who takes over what; nil: nobody.
	Partners ingest.Partners
	// Antivirus marks what comes in as waiting for its virus scan, so that nothing of it is given
	// out before.
	Antivirus bool
}

// Store is the open store. All methods are safe for concurrent use.
type Store struct {
	opts   Options
	engine engine
	read   *sql.DB
	write  *sql.DB
	writer *writer
	spool  string
	files  objects
	copies objects
	s3     *s3Client // nil with files
	// proposed is kept by ProposedServices.
	proposed proposed
}

// ErrUnsafe is returned by Open when the database does not keep what it acknowledges.
var ErrUnsafe = errors.New("store: the database would lose acknowledged rows at a power cut")

// ErrSchema is returned by Open when the database is of another version than this
// program and is not to be, or cannot be, brought to this one.
var ErrSchema = errors.New("store: the database is of another version")

// ErrEmpty is returned by Open when the database has no tables yet, and none are to be made.
var ErrEmpty = errors.New("store: the database has no tables yet; \"saisine serve\" makes them at its first start")

// Open opens the store in o.Dir, makes it when there is none, and brings its schema
// up to date. It refuses (ErrUnsafe) a database that could lose what it acknowledged: SQLite
// with less than journal_mode=WAL and synchronous=FULL, PostgreSQL with fsync off. Several
// processes may have the same store open.
func Open(ctx context.Context, o Options) (*Store, error) {
	s, err := prepared(o)
	if err != nil {
		return nil, err
	}
	o = s.opts
	if err := begun(o); err != nil {
		return nil, err
	}
	if s.read, s.write, err = s.engine.open(ctx, o); err != nil {
		return nil, err
	}
	if err := s.numberEarlier(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", s.engine, err), s.read.Close(), s.write.Close())
	}
	var files *identity
	if o.Database == "" {
		files, err = newIdentity(filepath.Join(o.Dir, "saisine.db"))
	}
	if err == nil {
		s.writer, err = newWriter(ctx, s.engine, s.write, o.Log, files)
	}
	if err != nil {
		return nil, errors.Join(err, s.read.Close(), s.write.Close())
	}
	return s, nil
}

// openObjects says where originals and copies lie. It touches no network.
func (s *Store) openObjects() (err error) {
	if s.opts.S3 != nil {
		if s.s3, err = openS3(*s.opts.S3, s.Spool()); err != nil {
			return err
		}
		s.files, s.copies = &s3Store{s.s3, originalsDir}, &s3Store{s.s3, copiesDir}
		return nil
	}
	if s.files, err = openFileStore(filepath.Join(s.opts.Dir, originalsDir)); err != nil {
		return err
	}
	s.copies, err = openFileStore(filepath.Join(s.opts.Dir, copiesDir))
	return err
}

// prepared is a store without its database.
func prepared(o Options) (*Store, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	s := &Store{opts: o, engine: engineFor(o.Database), spool: filepath.Join(o.Dir, "spool")}
	for _, dir := range []string{o.Dir, s.spool} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("store: make folder: %w", err)
		}
	}
	return s, s.openObjects()
}

// engineFor chooses the engine of a database address.
func engineFor(database string) engine {
	if database == "" {
		return sqlite{}
	}
	return postgres{}
}

// latestSchema is the number of the last migration that this program has.
func latestSchema() (int64, error) {
	names, err := fs.Glob(migrations, "migrations/sqlite/*.sql")
	if err != nil || len(names) == 0 {
		return 0, fmt.Errorf("store: migrations: %w", err)
	}
	last := int64(0)
	for _, name := range names {
		n, err := goose.NumericComponent(filepath.Base(name))
		if err != nil {
			return 0, fmt.Errorf("store: migrations: %w", err)
		}
		last = max(last, n)
	}
	return last, nil
}

// settled reports whether what is here is the town: no restore is half done, and it was not
// moved elsewhere.
func settled(ctx context.Context, o Options, db *sql.DB, p *goose.Provider) error {
	if have, err := p.GetDBVersion(ctx); o.Unsettled || err != nil || have <= 0 {
		return err
	}
	mark, err := setting(ctx, runner{db}, settingRestore)
	if err != nil || mark != "" {
		return cmp.Or(err, ErrRestoring)
	}
	to, err := setting(ctx, runner{db}, settingMoved)
	if err == nil && to != "" {
		err = fmt.Errorf("%w: to %s", ErrMoved, to)
	}
	return err
}

// provider gives the migrations of a database.
func provider(db *sql.DB, dialect goose.Dialect, dir string, options ...goose.ProviderOption) (*goose.Provider, error) {
	sub, err := fs.Sub(migrations, "migrations/"+dir)
	if err != nil {
		return nil, fmt.Errorf("store: migrations: %w", err)
	}
	p, err := goose.NewProvider(dialect, db, sub, options...)
	if err != nil {
		return nil, fmt.Errorf("store: migrations: %w", err)
	}
	return p, nil
}

// migrate brings the schema to this program's version. It goes forward only: a database
// of a newer program is refused, since this one would not know what it breaks.
func migrate(ctx context.Context, o Options, db *sql.DB, dialect goose.Dialect, dir string, options ...goose.ProviderOption) error {
	p, err := provider(db, dialect, dir, options...)
	if err != nil {
		return err
	}
	if err := settled(ctx, o, db, p); err != nil {
		return err
	}
	have, want, err := p.GetVersions(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("store: schema version: %w", err)
	case have > want:
		return fmt.Errorf("%w: its schema is number %d, this program knows %d; use the newer saisine that made it", ErrSchema, have, want)
	case have == want:
		return nil
	case o.NoMigration && have == 0:
		return ErrEmpty
	case o.NoMigration:
		return fmt.Errorf("%w: its schema is number %d, this program wants %d; start the daemon of this version once", ErrSchema, have, want)
	}
	if o.OnUpgrade != nil && have > 0 {
		o.OnUpgrade(have, want)
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("store: migrate: %w", err)
	}
	return nil
}

// Close waits for the writes under way and closes the store.
func (s *Store) Close() error {
	s.writer.close()
	if s.s3 != nil {
		s.s3.close()
	}
	return errors.Join(s.read.Close(), s.write.Close())
}

// Spool returns the spool for Blobs that this store can adopt by renaming.
func (s *Store) Spool() ingest.Spool { return ingest.Spool{Dir: s.spool} }

// spoolAge is the age at which a spool file belongs to nobody any more: a piece is
// submitted within minutes of being spooled.
const spoolAge = 6 * time.Hour

// ClearSpool removes what killed processes left in the spool.
func (s *Store) ClearSpool() error {
	entries, err := os.ReadDir(s.spool)
	if err != nil {
		return fmt.Errorf("store: clear spool: %w", err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || s.opts.Now().Sub(info.ModTime()) < spoolAge {
			continue // in use, or removed by its owner just now
		}
		if err := os.RemoveAll(filepath.Join(s.spool, e.Name())); err != nil {
			return fmt.Errorf("store: clear spool: %w", err)
		}
	}
	return nil
}

// Secret returns the 32-byte key of that name, made at its first use. It signs form
// and follow-up tokens, so that all nodes of a store agree and a restart changes none.
func (s *Store) Secret(ctx context.Context, name string) ([]byte, error) {
	fresh := make([]byte, 32)
	if _, err := rand.Read(fresh); err != nil {
		return nil, fmt.Errorf("store: random key: %w", err)
	}
	var text string
	err := s.do(ctx, func(ctx context.Context, tx *tx) error {
		if err := tx.exec(ctx, `INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING`,
			"secret/"+name, hex.EncodeToString(fresh)); err != nil {
			return err
		}
		return tx.row(ctx, `SELECT value FROM settings WHERE name = $1`, "secret/"+name).Scan(&text)
	})
	if err != nil {
		return nil, fmt.Errorf("store: secret %s: %w", name, err)
	}
	key, err := hex.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("store: secret %s: %w", name, err)
	}
	return key, nil
}

// do runs f in a transaction of the writer, and tells of the outbox rows that it wrote.
func (s *Store) do(ctx context.Context, f work) error { return s.doIn(ctx, false, f) }

// doNow is do for a write that somebody is waiting for.
func (s *Store) doNow(ctx context.Context, f work) error { return s.doIn(ctx, true, f) }

func (s *Store) doIn(ctx context.Context, now bool, f work) error {
	if err := ingest.Held(ctx); err != nil {
		return err
	}
	fence, _ := ingest.FenceOf(ctx)
	var outbox []ingest.OutboxNotice
	err := s.writer.do(ctx, now, func(ctx context.Context, tx *tx) error {
		err := fenced(ctx, tx, fence)
		if err == nil {
			err = f(ctx, tx)
		}
		for id := range tx.touched {
			if err == nil {
				err = s.replan(ctx, tx, id)
			}
			if err == nil {
				err = s.refreshTwins(ctx, tx, id)
			}
		}
		if err == nil {
			err = s.tellPartners(ctx, tx)
		}
		for id := range tx.reworded {
			if err == nil {
				err = s.indexRequest(ctx, tx, id)
			}
		}
		outbox = tx.outbox
		return err
	})
	if err != nil {
		return err
	}
	if s.opts.OnOutbox != nil {
		for _, n := range outbox {
			s.opts.OnOutbox(n)
		}
	}
	return nil
}

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func (s *Store) time(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).In(s.opts.Zone)
}
