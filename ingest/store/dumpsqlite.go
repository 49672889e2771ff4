package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/pressly/goose/v3"
)

// What a dump has to know of SQLite.

func (e sqlite) raw(o Options) (*sql.DB, *goose.Provider, func() error, error) {
	db, err := e.writable(o)
	if err != nil {
		return nil, nil, nil, err
	}
	p, err := provider(db, goose.DialectSQLite3, "sqlite")
	if err != nil {
		return nil, nil, nil, errors.Join(err, db.Close())
	}
	return db, p, db.Close, nil
}

// keeps implements dumped: SQLite keeps everything.
func (sqlite) keeps(text string) string { return text }

// tables leaves the tables of full-text indexes out.
func (sqlite) tables(ctx context.Context, run sqlRunner) ([]*DumpTable, error) {
	var names []string
	err := run.rows(ctx, `SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite~_%' ESCAPE '~' ORDER BY name`, nil, func(row rowScanner) error {
		var name string
		err := row.Scan(&name)
		names = append(names, name)
		return err
	})
	if err != nil {
		return nil, err
	}
	out := make([]*DumpTable, 0, len(names))
	for _, name := range names {
		if _, derived := derivedTables[name]; derived {
			continue
		}
		t := &DumpTable{Name: name}
		keys := map[int]string{}
		err := run.rows(ctx, `SELECT name, type, pk FROM pragma_table_info($1) ORDER BY cid`, []any{name}, func(row rowScanner) error {
			var column, kind string
			var pk int
			if err := row.Scan(&column, &kind, &pk); err != nil {
				return err
			}
			if pk > 0 {
				keys[pk] = column
			}
			c := DumpColumn{Name: column, Kind: kindOf(kind)}
			if c.Kind == "" {
				return fmt.Errorf("store: column %s of %s is a %s, which a dump cannot write", column, name, kind)
			}
			t.Columns = append(t.Columns, c)
			return nil
		})
		if err != nil {
			return nil, err
		}
		for i := 1; i <= len(keys); i++ {
			t.Key = append(t.Key, keys[i])
		}
		if len(t.Key) == 0 {
			return nil, fmt.Errorf("store: table %s has no primary key, by which a dump could be in order", name)
		}
		out = append(out, t)
	}
	return out, nil
}

// kindOf is the kind of a column's declared type, or "".
func kindOf(declared string) DumpKind {
	switch strings.ToUpper(declared) {
	case "INTEGER", "BIGINT", "SMALLINT":
		return DumpInteger
	case "REAL", "DOUBLE PRECISION":
		return DumpReal
	case "TEXT":
		return DumpText
	case "BLOB", "BYTEA":
		return DumpBytes
	}
	return ""
}

func (sqlite) sequences(ctx context.Context, run sqlRunner) (map[string]int64, error) {
	out := map[string]int64{}
	err := run.rows(ctx, `SELECT name, seq FROM sqlite_sequence WHERE name <> 'goose_db_version' ORDER BY name`, nil, func(row rowScanner) error {
		var name string
		var n int64
		err := row.Scan(&name, &n)
		out[name] = n
		return err
	})
	return out, err
}

func (sqlite) setSequence(ctx context.Context, run sqlRunner, table string, n int64) error {
	if err := run.exec(ctx, `DELETE FROM sqlite_sequence WHERE name = $1`, table); err != nil {
		return err
	}
	return run.exec(ctx, `INSERT INTO sqlite_sequence (name, seq) VALUES ($1, $2)`, table, n)
}

func (sqlite) deferKeys(ctx context.Context, run sqlRunner) (func() error, error) {
	return func() error { return nil }, run.exec(ctx, `PRAGMA defer_foreign_keys = ON`)
}
