package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"saisine.fr/saisine/ingest"
)

var (
	// ErrGone is returned by Open when there is no database where one has been.
	ErrGone = errors.New("store: the database is gone")
	// errReplaced means that the database's files are no longer those that were opened: what
	// would be written goes into files that nobody can find again.
	errReplaced = errors.New("store: the database was replaced, removed or emptied while it was in use; " +
		"stop saisine, put the right file back or restore a backup, and start it again")
)

// refuseEmptyOne fails when the database is missing or empty in a data folder that has had
// one: to begin a new ledger there would look like a town that never got anything, and what
// the old one had acknowledged would be asked for by nobody.
func refuseEmptyOne(dir, database string) error {
	st, err := os.Stat(database)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("store: open database: %w", err)
	}
	if err == nil && st.Size() > 0 {
		return nil
	}
	what := "is not there"
	if err == nil {
		what = "is empty"
	}
	for _, trace := range []string{"saisine.db-wal", "originals/*/*", "copies/*/*"} {
		found, err := filepath.Glob(filepath.Join(dir, trace))
		if err != nil {
			return fmt.Errorf("store: open database: %w", err)
		}
		for _, f := range found {
			// An empty log is what a first start leaves that was killed at once.
			if st, err := os.Stat(f); err == nil && st.Size() > 0 {
				return fmt.Errorf("%w: %s %s, but %s has been kept; put the database back or restore a backup (or empty the data folder to begin anew)",
					ErrGone, database, what, f)
			}
		}
	}
	return nil
}

// identity watches over the files of an open database. It is used by the writer only. The nil
// identity is that of PostgreSQL, which sees to its own.
type identity struct {
	path    string
	db, wal fs.FileInfo // wal is nil until there is one
}

func newIdentity(path string) (*identity, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("store: open database: %w", err)
	}
	return &identity{path: path, db: st}, nil
}

// check fails when the files are not those that were opened. SQLite goes on writing into a
// file that was renamed over or removed (sqlite.org/howtocorrupt.html §4), and says nothing.
func (i *identity) check() error {
	if i == nil {
		return nil
	}
	st, err := os.Stat(i.path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && (!os.SameFile(st, i.db) || st.Size() == 0) {
		return fmt.Errorf("%w: %w: %s", ingest.ErrUnavailable, errReplaced, i.path)
	}
	if err != nil {
		return unavailable(err)
	}
	wal, err := os.Stat(i.path + "-wal")
	if i.wal == nil {
		if err == nil {
			i.wal = wal
		}
		return nil
	}
	if errors.Is(err, fs.ErrNotExist) || err == nil && !os.SameFile(wal, i.wal) {
		return fmt.Errorf("%w: %w: %s-wal", ingest.ErrUnavailable, errReplaced, i.path)
	}
	if err != nil {
		return unavailable(err)
	}
	return nil
}

// sound is soundLog.
func (i *identity) sound() error {
	if i == nil {
		return nil
	}
	return soundLog(i.path)
}
