package main

import (
	"os"
	"sync"
	"testing"

	"saisine.fr/saisine/ingest/store/postgrestest"
)

// The towns of these tests have SQLite and files, as most towns do; GO_TEST_DATABASE=postgres
// gives each a database of one PostgreSQL instead.
var onPostgres = os.Getenv("GO_TEST_DATABASE") == "postgres"

var (
	stopEngines = func() {}
	postgres    = sync.OnceValues(func() (*postgrestest.Server, error) {
		s, stop, err := postgrestest.Run()
		if err == nil {
			stopEngines = stop
		}
		return s, err
	})
)

// newDatabase is the address of an empty database, or "" for SQLite.
func newDatabase(t testing.TB) string {
	t.Helper()
	if !onPostgres {
		return ""
	}
	server, err := postgres()
	if err != nil {
		t.Fatal(err)
	}
	return server.Database(t)
}
