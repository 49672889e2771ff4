package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"saisine.fr/saisine/ingest"
)

// schemas are the numbers of all migrations.
func schemas(t *testing.T) []int64 {
	t.Helper()
	var out []int64
	names, err := fs.Glob(migrations, "migrations/sqlite/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		var n int64
		if _, err := fmt.Sscanf(filepath.Base(name), "%05d_", &n); err != nil {
			t.Fatal(err)
		}
		out = append(out, n)
	}
	return out
}

// bigOriginal is the original of testdata/golden that is a file.
func bigOriginal() []byte {
	b := make([]byte, 300_000)
	for i := range b {
		b[i] = byte(i * 7 % 251)
	}
	return b
}

// golden makes a store as a program with that schema left it: the migrations up to it, and at
// each of them the rows of testdata/golden, as the schema of that time has them.
func golden(t *testing.T, version int64) (o Options) {
	t.Helper()
	dir := t.TempDir()
	o = Options{Dir: dir, Database: databaseOf(t, dir), Zone: time.UTC}
	if _, err := prepared(o); err != nil {
		t.Fatal(err)
	}
	big := bigOriginal()
	sum := sha256.Sum256(big)
	name := hex.EncodeToString(sum[:])
	if err := os.Mkdir(filepath.Join(dir, originalsDir, name[:2]), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, originalsDir, name[:2], name), big, 0o600); err != nil {
		t.Fatal(err)
	}
	db, p, done, err := engineFor(o.Database).raw(o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := done(); err != nil {
			t.Error(err)
		}
	}()
	for _, n := range schemas(t) {
		if n > version {
			break
		}
		if _, err := p.UpTo(t.Context(), n); err != nil {
			t.Fatal(err)
		}
		rows, err := os.ReadFile(filepath.Join("testdata", "golden", fmt.Sprintf("%05d.sql", n)))
		if err != nil {
			t.Fatalf("%v: write rows as this migration's tables have them", err)
		}
		text := string(rows)
		if onPostgres {
			text = strings.ReplaceAll(text, " AS BLOB)", " AS BYTEA)")
		}
		for statement := range strings.SplitSeq(text, ";\n") {
			if strings.TrimSpace(statement) == "" {
				continue
			}
			if _, err := db.ExecContext(t.Context(), statement); err != nil {
				t.Fatalf("%05d.sql: %v\n%s", n, err, statement)
			}
		}
	}
	if onPostgres {
		advance(t, runner{db})
	}
	return o
}

// advance makes the numbers that PostgreSQL gives come after those of the rows.
func advance(t *testing.T, run sqlRunner) {
	t.Helper()
	tables, err := postgres{}.tables(t.Context(), run)
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range tables {
		if len(table.Key) != 1 || !slices.Contains(table.Columns, DumpColumn{table.Key[0], DumpInteger}) {
			continue
		}
		var last int64
		if err := run.row(t.Context(), `SELECT coalesce(max(`+quoteName(table.Key[0])+`), 0) FROM `+quoteName(table.Name)).Scan(&last); err != nil {
			t.Fatal(err)
		}
		if last == 0 {
			continue
		}
		if err := (postgres{}).setSequence(t.Context(), run, table.Name, last); err != nil {
			t.Fatal(err)
		}
	}
}

// contents are all rows of a database by table, of the columns that it has.
func contents(t *testing.T, o Options, tables []*DumpTable) ([]*DumpTable, map[string][]string) {
	t.Helper()
	e := engineFor(o.Database)
	db, _, done, err := e.raw(o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = done() }()
	if tables == nil {
		if tables, err = e.tables(t.Context(), runner{db}); err != nil {
			t.Fatal(err)
		}
	}
	out := map[string][]string{}
	for _, table := range tables {
		if _, err := readTable(t.Context(), runner{db}, table, func(r DumpRow, _ []any) error {
			out[table.Name] = append(out[table.Name], string(r.Line))
			return nil
		}); err != nil {
			t.Fatalf("%s: %v", table.Name, err)
		}
	}
	return tables, out
}

// TestEveryEarlierSchema opens a database of every earlier schema: it is brought up to date,
// every promise holds, and every row is as it was.
func TestEveryEarlierSchema(t *testing.T) {
	for _, n := range schemas(t) {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			o := golden(t, n)
			tables, before := contents(t, o, nil)
			if len(before["submissions"]) != 7 {
				t.Fatalf("%d submissions", len(before["submissions"]))
			}
			var told []int64
			o.OnUpgrade = func(have, want int64) { told = append(told, have, want) }
			s := openWith(t, o)
			all := schemas(t)
			if newest := all[len(all)-1]; n < newest && !slices.Equal(told, []int64{n, newest}) || n == newest && told != nil {
				t.Errorf("told of the upgrade: %d", told)
			}
			verified(t, s, 0)
			_, after := contents(t, o, tables)
			for name, rows := range before {
				for _, row := range rows {
					// The registers' flag goes when they are written.
					if !slices.Contains(after[name], row) && !strings.Contains(row, "register/unnumbered") {
						t.Errorf("%s: a row is gone or changed: %s", name, row)
					}
				}
				if len(after[name]) > len(rows) && name != "counters" && name != "settings" {
					t.Errorf("%s: %d rows, there were %d", name, len(after[name]), len(rows))
				}
			}
			next := record(t, s, mail("INBOX|1|99", "suivant"))
			if filed := file(t, s, next.ID, ingest.Filing{Reading: ingest.Reading{Kind: "mail", Subject: "x", Text: "y"}}); filed.Request != "2026-000003" {
				t.Errorf("the next request is %s", filed.Request)
			}
			verified(t, s, 0)
			b, err := s.Original(t.Context(), ingest.Record{SHA256: sumOf(bigOriginal())})
			if err != nil || b.Size() != 300_000 {
				t.Error(err)
			}
		})
	}
}

// TestRestoreOfEarlierSchema restores a backup of every earlier schema: it is loaded as it was,
// and brought up to date then.
func TestRestoreOfEarlierSchema(t *testing.T) {
	for _, n := range schemas(t) {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			from := golden(t, n)
			s, err := prepared(from)
			if err != nil {
				t.Fatal(err)
			}
			db, _, done, err := s.engine.raw(from)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = done() }()
			s.read = db // as the older program had it open
			into := t.TempDir()
			o := Options{Dir: into, Database: databaseOf(t, into), Zone: time.UTC}
			if err := Load(t.Context(), o, func(sink DumpSink) error {
				_, _, err := s.Dump(t.Context(), DumpHeader{}, sink)
				return err
			}); err != nil {
				t.Fatal(err)
			}
			o.Unsettled = true
			to := openWith(t, o)
			verified(t, to, 0)
			if counts, err := to.Counts(t.Context()); err != nil || counts[ingest.StateFiled] != 3 {
				t.Errorf("%v %v", counts, err)
			}
		})
	}
}

// migrateVariable names the folder of a store that a process of its own is to bring up to date.
const migrateVariable = "GO_TEST_MIGRATE"

// migrateAlone is that process.
func migrateAlone(dir string) int {
	s, err := Open(context.Background(), Options{Dir: dir, Database: os.Getenv(migrateVariable + "_DATABASE"), Zone: time.UTC})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	_ = s.Close()
	return 0
}

// TestMigrationKilled kills a migration at many moments: what is left opens, and nothing is lost.
func TestMigrationKilled(t *testing.T) {
	began := time.Now()
	o := golden(t, 1)
	run := func() *exec.Cmd {
		cmd := exec.Command(os.Args[0], "-test.run", "^$")
		cmd.Env = append(os.Environ(), migrateVariable+"="+o.Dir, migrateVariable+"_DATABASE="+o.Database)
		return cmd
	}
	if out, err := run().CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	whole := time.Since(began)
	killed := 0
	for i := range 12 {
		o = golden(t, 1)
		cmd := run()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		// Spread over the time that a whole run takes.
		timer := time.AfterFunc(whole*time.Duration(i+1)/14, func() { _ = cmd.Process.Kill() })
		if err := cmd.Wait(); err != nil {
			killed++
		}
		timer.Stop()
		s := openWith(t, o)
		verified(t, s, 0)
		if counts, err := s.Counts(t.Context()); err != nil || counts[ingest.StateFiled] != 3 {
			t.Errorf("killed after %d/14: %v %v", i+1, counts, err)
		}
	}
	t.Logf("%d of 12 were killed before they were done, within %s", killed, whole)
	if killed == 0 {
		t.Error("none was killed in time")
	}
}
