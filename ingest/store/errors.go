package store

import (
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/mattn/go-sqlite3"

	"saisine.fr/saisine/ingest"
)

// unavailable marks an error of the engine or the disk as ingest.ErrUnavailable:
// storage is full, locked, read-only or broken, nothing was written, and the same
// call may succeed later. sql.ErrNoRows and broken constraints pass unchanged: they
// say something about the data.
func unavailable(err error) error {
	if err == nil || errors.Is(err, sql.ErrNoRows) || errors.Is(err, ingest.ErrUnavailable) {
		return err
	}
	var se sqlite3.Error
	if errors.As(err, &se) {
		switch se.Code {
		case sqlite3.ErrConstraint:
			return err
		case sqlite3.ErrCorrupt, sqlite3.ErrNotADB:
			return fmt.Errorf("%w: %w: %w", ingest.ErrUnavailable, errDamaged, err)
		}
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) && strings.HasPrefix(pg.Code, "23") { // integrity constraint violation
		return err
	}
	return fmt.Errorf("%w: %w", ingest.ErrUnavailable, err)
}

// errDamaged says what to do where SQLite says only what it saw.
var errDamaged = errors.New("the database is damaged: stop saisine, keep the file, restore a backup (saisine verify tells what else is touched)")

// isLocked reports that another program or another node held the lock of who writes all the time
// that was waited for it: the engine has waited before it says so.
func isLocked(err error) bool {
	var se sqlite3.Error
	var pg *pgconn.PgError
	return errors.Is(err, errBegin) && (errors.As(err, &se) && se.Code == sqlite3.ErrBusy || errors.As(err, &pg) && pg.Code == "55P03") // lock_not_available
}

func isNoTransaction(err error) bool {
	return strings.Contains(err.Error(), "no transaction is active")
}
