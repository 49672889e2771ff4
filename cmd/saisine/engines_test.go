package main

import (
	"fmt"
	"os"
	"sync"
	"testing"

	"saisine.fr/saisine/ingest/store/postgrestest"
	"saisine.fr/saisine/ingest/store/s3test"
)

// The towns of these tests have SQLite and files, as most towns do; GO_TEST_DATABASE=postgres
// gives each a database of one PostgreSQL instead, and GO_TEST_ORIGINALS=s3 a bucket.
var (
	onPostgres = os.Getenv("GO_TEST_DATABASE") == "postgres"
	onS3       = os.Getenv("GO_TEST_ORIGINALS") == "s3"
)

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

// newOriginals is what the configuration of a town says about its originals; "" for files.
func newOriginals(t testing.TB) string {
	t.Helper()
	if !onS3 {
		return ""
	}
	s := s3test.Start(t)
	return fmt.Sprintf("originals: %q\noriginals_access_key: %s\noriginals_secret_key: %s\n", s.URL(), s3test.AccessKey, s3test.SecretKey)
}
