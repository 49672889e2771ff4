package store

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"saisine.fr/saisine/ingest/store/postgrestest"
)

// All tests of this package run on SQLite; GO_TEST_DATABASE=postgres has them run on a real
// PostgreSQL, each store on a database of its own.
var onPostgres = os.Getenv("GO_TEST_DATABASE") == "postgres"

// server is the PostgreSQL of this run, if there is one.
var server *postgrestest.Server

func TestMain(m *testing.M) {
	if dir := os.Getenv(migrateVariable); dir != "" {
		os.Exit(migrateAlone(dir))
	}
	code := func() int {
		if !onPostgres {
			return m.Run()
		}
		s, stop, err := postgrestest.Run()
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		server = s
		defer stop()
		return m.Run()
	}()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// databases are those of the data folders.
var databases sync.Map

// databaseOf is the database of the store in a data folder: "" for SQLite.
func databaseOf(t testing.TB, dir string) string {
	t.Helper()
	if !onPostgres {
		return ""
	}
	if url, ok := databases.Load(dir); ok {
		return url.(string)
	}
	url := server.Database(t)
	databases.Store(dir, url)
	return url
}

// raw opens the database of a store behind its back, as somebody with the database's own
// program would.
func raw(t testing.TB, dir, options string) *sql.DB {
	t.Helper()
	if onPostgres {
		cfg, err := postgresConfig(databaseOf(t, dir), nil)
		if err != nil {
			t.Fatal(err)
		}
		db := sql.OpenDB(newTranslator(*cfg))
		if options == withoutForeignKeys {
			db.SetMaxOpenConns(1)
			if _, err := db.ExecContext(t.Context(), "SET session_replication_role = replica"); err != nil {
				t.Fatal(err)
			}
		}
		return db
	}
	name := dsn(filepath.Join(dir, "saisine.db"), options)
	if options == withoutForeignKeys {
		name = strings.Replace(name, "_foreign_keys=on&", "", 1) // the first of two counts
	}
	db, err := sql.Open("sqlite3", name)
	if err != nil {
		t.Fatal(err)
	}
	return db
}

const withoutForeignKeys = "_foreign_keys=off"

// onlySQLite skips what asks SQLite's planner or looks at its files.
func onlySQLite(t testing.TB) {
	t.Helper()
	if onPostgres {
		t.Skip("about SQLite alone")
	}
}

// newDatabase is databaseOf for a folder that is opened once.
func newDatabase(t testing.TB) string {
	t.Helper()
	if !onPostgres {
		return ""
	}
	return server.Database(t)
}
