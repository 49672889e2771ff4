package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"time"
)

// What elimination needs of the databases. In SQLite, what is deleted is overwritten with zeros, since the
// writing connection has PRAGMA secure_delete (see Open); a full-text index and the log keep what
// was deleted for a while longer.

func (sqlite) scrub(ctx context.Context, s *Store) error {
	if err := s.purgeWords(ctx); err != nil {
		return fmt.Errorf("store: search index: %w", err)
	}
	if err := s.cutLog(ctx); err != nil {
		return fmt.Errorf("store: the database's log still has what was eliminated; do the same again: %w", err)
	}
	return nil
}

// scrub has nothing to do in PostgreSQL: what was deleted is no longer found, and its room is
// taken again after the server's own vacuum. Only compact overwrites it.
func (postgres) scrub(context.Context, *Store) error { return nil }

func (postgres) compact(ctx context.Context, s *Store) error {
	_, err := s.write.ExecContext(ctx, `VACUUM FULL`)
	return err
}

// wordsStep is how many pages of an index a step merges: others write in between.
const wordsStep = 500

// purgeWords merges the full-text indexes until no deleted word is left in them: a delete only
// marks the row (sqlite.org/fts5.html#the_merge_command). It does so in steps.
func (s *Store) purgeWords(ctx context.Context) error {
	for _, name := range []string{"search", "requests_senders"} {
		// A negative number begins with all segments, as optimize does.
		for pages := -wordsStep; ; pages = wordsStep {
			var changed int64
			err := s.do(ctx, func(ctx context.Context, tx *tx) error {
				var before, after int64
				if err := tx.row(ctx, `SELECT total_changes()`).Scan(&before); err != nil {
					return err
				}
				if err := tx.exec(ctx, `INSERT INTO `+name+` (`+name+`, rank) VALUES ('merge', $1)`, pages); err != nil {
					return err
				}
				if err := tx.row(ctx, `SELECT total_changes()`).Scan(&after); err != nil {
					return err
				}
				changed = after - before
				return nil
			})
			if err != nil {
				return err
			}
			if changed < 2 {
				break
			}
		}
	}
	return nil
}

// cutLogPatience is how long cutLog waits for readers that still need the log.
const cutLogPatience = time.Minute

// cutLog brings the log into the database file and empties it. A long reader, such as a backup,
// keeps it from that.
func (s *Store) cutLog(ctx context.Context) error {
	db, err := sql.Open("sqlite3", dsn(filepath.Join(s.opts.Dir, "saisine.db"), "_synchronous=FULL"))
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	ctx, cancel := context.WithTimeout(ctx, cutLogPatience)
	defer cancel()
	for {
		var busy, log, done int
		if err := db.QueryRowContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`).Scan(&busy, &log, &done); err != nil {
			return err
		}
		if busy == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("a reader has kept it for %s", cutLogPatience), ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (sqlite) compact(ctx context.Context, s *Store) error {
	db, err := sql.Open("sqlite3", dsn(filepath.Join(s.opts.Dir, "saisine.db"), "_synchronous=FULL&_secure_delete=on"))
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, `VACUUM`)
	if err = errors.Join(err, db.Close()); err != nil {
		return err
	}
	return s.cutLog(ctx)
}
