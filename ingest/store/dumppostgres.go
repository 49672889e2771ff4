package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// What a dump has to know of PostgreSQL.

func (postgres) raw(o Options) (*sql.DB, *goose.Provider, func() error, error) {
	cfg, err := postgresConfig(o.Database, map[string]string{"lock_timeout": milliseconds(lockWait), "synchronous_commit": "on"})
	if err != nil {
		return nil, nil, nil, err
	}
	// Migrations are in PostgreSQL's own words.
	plain := stdlib.OpenDB(*cfg)
	db := sql.OpenDB(newTranslator(*cfg))
	done := func() error { return errors.Join(db.Close(), plain.Close()) }
	locker, err := lock.NewPostgresSessionLocker()
	if err != nil {
		return nil, nil, nil, errors.Join(fmt.Errorf("store: migrations: %w", err), done())
	}
	p, err := provider(plain, goose.DialectPostgres, "postgres", goose.WithSessionLocker(locker))
	if err != nil {
		return nil, nil, nil, errors.Join(err, done())
	}
	return db, p, done, nil
}

func (postgres) keeps(text string) string { return storable(text) }

func (postgres) tables(ctx context.Context, run sqlRunner) ([]*DumpTable, error) {
	var out []*DumpTable
	var table *DumpTable
	err := run.rows(ctx, `SELECT c.relname::text, a.attname::text, format_type(a.atttypid, NULL)
		FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
		WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
		ORDER BY c.relname::text COLLATE "C", a.attnum`, nil, func(row rowScanner) error {
		var name, column, kind string
		if err := row.Scan(&name, &column, &kind); err != nil {
			return err
		}
		if _, derived := derivedTables[name]; derived {
			return nil
		}
		if table == nil || table.Name != name {
			table = &DumpTable{Name: name}
			out = append(out, table)
		}
		c := DumpColumn{Name: column, Kind: kindOf(kind)}
		if c.Kind == "" {
			return fmt.Errorf("store: column %s of %s is a %s, which a dump cannot write", column, name, kind)
		}
		table.Columns = append(table.Columns, c)
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, t := range out {
		err := run.rows(ctx, `SELECT a.attname::text FROM pg_constraint k CROSS JOIN unnest(k.conkey) WITH ORDINALITY AS u (attnum, n)
			JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.attnum
			WHERE k.contype = 'p' AND k.conrelid = CAST($1 AS regclass) ORDER BY u.n`, []any{t.Name}, func(row rowScanner) error {
			var column string
			err := row.Scan(&column)
			t.Key = append(t.Key, column)
			return err
		})
		if err != nil {
			return nil, err
		}
		if len(t.Key) == 0 {
			return nil, fmt.Errorf("store: table %s has no primary key, by which a dump could be in order", t.Name)
		}
	}
	return out, nil
}

func (postgres) sequences(ctx context.Context, run sqlRunner) (map[string]int64, error) {
	out := map[string]int64{}
	err := run.rows(ctx, `SELECT c.relname::text, coalesce(pg_sequence_last_value(pg_get_serial_sequence(quote_ident(c.relname), a.attname)::regclass), 0)
		FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
		WHERE c.relnamespace = current_schema()::regnamespace AND a.attidentity <> '' AND c.relname <> 'goose_db_version'`, nil, func(row rowScanner) error {
		var name string
		var n int64
		err := row.Scan(&name, &n)
		if n > 0 {
			out[name] = n
		}
		return err
	})
	return out, err
}

func (postgres) setSequence(ctx context.Context, run sqlRunner, table string, n int64) error {
	return run.exec(ctx, `SELECT setval(pg_get_serial_sequence(quote_ident(c.relname), a.attname), $1)
		FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
		WHERE c.relnamespace = current_schema()::regnamespace AND a.attidentity <> '' AND c.relname = $2`, n, table)
}

// deferKeys makes all foreign keys deferrable within the transaction: rows refer to later ones.
func (postgres) deferKeys(ctx context.Context, run sqlRunner) (func() error, error) {
	type key struct{ table, name string }
	var keys []key
	err := run.rows(ctx, `SELECT conrelid::regclass::text, quote_ident(conname) FROM pg_constraint
		WHERE contype = 'f' AND connamespace = current_schema()::regnamespace ORDER BY 1, 2`, nil, func(row rowScanner) error {
		var k key
		err := row.Scan(&k.table, &k.name)
		keys = append(keys, k)
		return err
	})
	if err != nil {
		return nil, err
	}
	alter := func(how string) error {
		for _, k := range keys {
			if err := run.exec(ctx, `ALTER TABLE `+k.table+` ALTER CONSTRAINT `+k.name+` `+how); err != nil {
				return err
			}
		}
		return nil
	}
	settle := func() error {
		// What was deferred is checked now; a table with checks to come cannot be altered.
		if err := run.exec(ctx, `SET CONSTRAINTS ALL IMMEDIATE`); err != nil {
			return err
		}
		return alter(`NOT DEFERRABLE`)
	}
	return settle, alter(`DEFERRABLE INITIALLY DEFERRED`)
}
