package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	_ "github.com/mattn/go-sqlite3" // the SQLite driver
	"github.com/pressly/goose/v3"
)

// sqlite is a database in one file of the data folder.
type sqlite struct{}

// String names it in messages.
func (sqlite) String() string { return "saisine.db" }

// synchronousFull is SQLite's number for FULL. In WAL mode, NORMAL leaves the last
// commits in the page cache and a power cut takes them (sqlite.org/pragma.html#pragma_synchronous).
const synchronousFull = 2

func (e sqlite) open(ctx context.Context, o Options) (read, write *sql.DB, err error) {
	path := filepath.Join(o.Dir, "saisine.db")
	if err := refuseEmptyOne(o.Dir, path); err != nil {
		return nil, nil, err
	}
	if write, err = e.writable(o); err != nil {
		return nil, nil, err
	}
	if err := e.prepare(ctx, o, write, path); err != nil {
		return nil, nil, errors.Join(err, write.Close())
	}
	if read, err = sql.Open("sqlite3", dsn(path, "_query_only=1&_synchronous=FULL&_cache_size=-4000")); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("store: open %s: %w", path, err), write.Close())
	}
	read.SetMaxOpenConns(4)
	read.SetMaxIdleConns(4)
	return read, write, nil
}

func (sqlite) peek(ctx context.Context, o Options, table string) (*sql.DB, error) {
	path := filepath.Join(o.Dir, "saisine.db")
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return nil, nil //nolint:nilnil // there is none, as said
	} else if err != nil {
		return nil, fmt.Errorf("store: look into %s: %w", path, err)
	}
	db, err := sql.Open("sqlite3", dsn(path, "mode=ro&_query_only=1"))
	if err != nil {
		return nil, fmt.Errorf("store: open %s: %w", path, err)
	}
	return withTable(ctx, db, `SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = $1`, table)
}

// withTable closes a database that has not the table which a query counts.
func withTable(ctx context.Context, db *sql.DB, query, table string) (*sql.DB, error) {
	var n int
	if err := db.QueryRowContext(ctx, query, table).Scan(&n); err != nil {
		return nil, errors.Join(unavailable(err), db.Close())
	}
	if n == 0 {
		return nil, db.Close()
	}
	return db, nil
}

// writable opens the connection that writes, to a file that is made where there is none.
func (sqlite) writable(o Options) (*sql.DB, error) {
	path := filepath.Join(o.Dir, "saisine.db")
	// Made here and not by SQLite, whose files follow the umask: citizens' letters are
	// for this user only. The log files take over these rights.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("store: open database: %w", err)
	}
	if err := f.Close(); err != nil {
		return nil, fmt.Errorf("store: open database: %w", err)
	}
	write, err := sql.Open("sqlite3", dsn(path, "_txlock=immediate&_synchronous=FULL&_journal_mode=WAL&_cache_size=-32000&_secure_delete=on"))
	if err != nil {
		return nil, fmt.Errorf("store: open %s: %w", path, err)
	}
	write.SetMaxOpenConns(1)
	write.SetConnMaxLifetime(0)
	return write, nil
}

func dsn(path, options string) string {
	// A URI file name: '?' and '#' in the path must not end it (sqlite.org/uri.html).
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?_busy_timeout=10000&_foreign_keys=on&" + options
}

// prepare checks the database's promises and migrates it.
func (sqlite) prepare(ctx context.Context, o Options, db *sql.DB, path string) error {
	var mode string
	if err := db.QueryRowContext(ctx, "PRAGMA journal_mode").Scan(&mode); err != nil {
		return fmt.Errorf("store: open %s: %w", path, err)
	}
	var sync int
	if err := db.QueryRowContext(ctx, "PRAGMA synchronous").Scan(&sync); err != nil {
		return fmt.Errorf("store: open %s: %w", path, err)
	}
	if err := checkDurability(mode, sync); err != nil {
		return err
	}
	if err := migrate(ctx, o, db, goose.DialectSQLite3, "sqlite"); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	// 32 MiB of log between checkpoints, instead of 4, make the checkpoint's own fsyncs
	// rarer under load. Should a reader have kept the log from being reset, its file is cut
	// back afterwards.
	for _, pragma := range []string{"PRAGMA wal_autocheckpoint=8000", "PRAGMA journal_size_limit=67108864"} {
		if _, err := db.ExecContext(ctx, pragma); err != nil {
			return fmt.Errorf("store: open %s: %w", path, err)
		}
	}
	return nil
}

func checkDurability(journalMode string, synchronous int) error {
	if !strings.EqualFold(journalMode, "wal") {
		return fmt.Errorf("%w: journal_mode is %q, not WAL; is the data folder on a network share? Put data_dir on a local disk", ErrUnsafe, journalMode)
	}
	if synchronous < synchronousFull {
		return fmt.Errorf("%w: synchronous is %d, not FULL (2)", ErrUnsafe, synchronous)
	}
	return nil
}

func (sqlite) begin(ctx context.Context, conn *sql.Conn, patience time.Duration) error {
	_, err := conn.ExecContext(ctx, "PRAGMA busy_timeout="+milliseconds(patience)+"; BEGIN IMMEDIATE")
	return err
}

func (sqlite) commit(ctx context.Context, conn *sql.Conn) error {
	_, err := conn.ExecContext(ctx, "COMMIT")
	return err
}

// lost is never so: there is no server that could go away.
func (sqlite) lost(*sql.Conn) bool { return false }

func (sqlite) joined(column string) string { return "group_concat(" + column + ")" }

func (sqlite) phoneEnd(column string) string {
	return `substr(replace(replace(replace(replace(` + column + `, ' ', ''), '.', ''), '-', ''), '/', ''), -9)`
}

func (sqlite) byName(words []string) nameQuery {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = `"` + w + `"*`
	}
	return nameQuery{
		from: `requests_senders f JOIN requests r ON r.id = f.rowid`, where: `requests_senders MATCH $1`, order: "f.rowid",
		arg: strings.Join(quoted, " "),
	}
}

func (sqlite) attachedTexts() string {
	return `(SELECT group_concat(json_extract(a.value, '$.name') || ' : ' || coalesce(substr(json_extract(a.value, '$.text'), 1, ` + maxPassageText + `), ''), char(10))
		FROM json_each(d.detail, '$.attachments') a)`
}

func (sqlite) find(ctx context.Context, run sqlRunner, q searchQuery) (n int, list string, err error) {
	var found sql.NullString
	err = run.row(ctx, `SELECT count(*), group_concat(rowid) FROM search WHERE search MATCH $1`, ftsExpression(q)).Scan(&n, &found)
	return n, found.String, err
}

// ftsExpression writes a query as FTS5 wants it (sqlite.org/fts5.html#full_text_query_syntax).
// Its words are letters and digits, each in quotes.
func ftsExpression(q searchQuery) string {
	terms := make([]string, len(q.terms))
	for i, t := range q.terms {
		forms := make([]string, len(t))
		for j, f := range t {
			forms[j] = `"` + strings.Join(f.words, " ") + `"`
			if f.prefix {
				forms[j] += " *"
			}
		}
		terms[i] = "(" + strings.Join(forms, " OR ") + ")"
	}
	return strings.Join(terms, " AND ")
}

func (sqlite) index(ctx context.Context, run sqlRunner, row int64, words string) error {
	if words == "" {
		return run.exec(ctx, `DELETE FROM search WHERE rowid = $1`, row)
	}
	return run.exec(ctx, `INSERT OR REPLACE INTO search (rowid, words) VALUES ($1, $2)`, row, words)
}

func (sqlite) indexed(ctx context.Context, run sqlRunner, row int64) (bool, error) {
	return exists(ctx, run, `SELECT 1 FROM search_docsize WHERE id = $1`, row)
}

// exists reports whether a query has a row.
func exists(ctx context.Context, run sqlRunner, query string, args ...any) (bool, error) {
	var n int
	err := run.row(ctx, query, args...).Scan(&n)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

func (sqlite) clear(ctx context.Context, run sqlRunner) error {
	return run.exec(ctx, `INSERT INTO search (search) VALUES ('delete-all')`)
}

func (e sqlite) check(ctx context.Context, run sqlRunner, report func(Finding)) error {
	if err := askIndexes(ctx, run); err != nil {
		return err
	}
	if err := run.rows(ctx, "PRAGMA integrity_check(20)", nil, func(row rowScanner) error {
		var text string
		if err := row.Scan(&text); err != nil {
			return err
		}
		if text != "ok" {
			report(Finding{FindingDatabase, e.String(), text})
		}
		return nil
	}); err != nil {
		return err
	}
	return run.rows(ctx, "PRAGMA foreign_key_check", nil, func(row rowScanner) error {
		var text, parent, rowid, fkid sql.NullString
		if err := row.Scan(&text, &rowid, &parent, &fkid); err != nil {
			return err
		}
		report(Finding{FindingDatabase, text.String, "row " + rowid.String + " points into " + parent.String + ", where nothing is"})
		return nil
	})
}

// askIndexes asks each full-text index something. SQLite's integrity_check looks at what its
// connection remembers of an index, which must not be older than the transaction.
func askIndexes(ctx context.Context, run sqlRunner) error {
	var names []string
	if err := run.rows(ctx, `SELECT name FROM sqlite_schema WHERE type = 'table' AND sql LIKE 'CREATE VIRTUAL TABLE% fts5%'`, nil, func(row rowScanner) error {
		var name string
		err := row.Scan(&name)
		names = append(names, name)
		return err
	}); err != nil {
		return err
	}
	for _, name := range names {
		var n int
		// Should it fail, the check says why.
		_ = run.row(ctx, `SELECT count(*) FROM `+name+` WHERE `+name+` MATCH 'mairie'`).Scan(&n)
	}
	return nil
}
