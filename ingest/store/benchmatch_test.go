package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/match"
	"saisine.fr/saisine/ingest/store/postgrestest"
)

// The measurement of `make bench-match`. `make test` runs it with these small numbers,
// to keep it working, and holds it to nothing but the answers.
var (
	benchDocs  = flag.Int("bench.docs", 3000, "stored submissions of the matching measurement")
	benchTries = flag.Int("bench.tries", 200, "look-ups and insertions of the matching measurement")
)

// wantedP99 is what a look-up and an insertion may take.
const wantedP99 = 5 * time.Millisecond

// The invented town: how often names, streets and texts come back.
const (
	docBands  = 42
	docWords  = 12
	docNames  = 20_000 // different words of names, few of them common (Zipf)
	docStreet = 8_000
	docTwins  = 20   // one in so many is nearly the text of another
	docCrowd  = 1000 // one in so many is a signature of one petition
)

// inventedProfile is the profile of document i. It is the same at each call.
func inventedProfile(i int) ingest.Profile {
	r := rand.New(rand.NewPCG(1, uint64(i)))
	zipf := rand.NewZipf(r, 1.2, 4, docNames)
	bands := rand.New(rand.NewPCG(2, uint64(i)))
	if i > 0 && r.IntN(docTwins) == 0 {
		bands = rand.New(rand.NewPCG(2, uint64(r.IntN(i))))
	}
	if r.IntN(docCrowd) == 0 {
		bands = rand.New(rand.NewPCG(3, 0))
	}
	var p ingest.Profile
	for range docBands {
		band := bands.Int64()
		if r.IntN(4) == 0 {
			band = r.Int64() // what OCR or a changed word breaks
		}
		p.Bands = append(p.Bands, band)
	}
	p.Facts = []int64{
		1<<60 | int64(r.IntN(2_000_000)),           // address for mail
		2<<60 | int64(r.IntN(3_000_000)),           // phone
		3<<60 | int64(r.IntN(docStreet*40)),        // postal address
		6<<60 | int64(r.IntN(docStreet)*21+i%21%5), // street and category
	}
	for range 2 + r.IntN(docWords) {
		p.Words = append(p.Words, 4<<60|int64(zipf.Uint64())) // names, and what is named
	}
	p.Summary = benchSummaries()[r.IntN(len(benchSummaries()))]
	return p
}

// benchPool is what people write: the built-in training texts.
var benchPool = sync.OnceValue(func() []string {
	var out []string
	files, err := filepath.Glob("../classify/texts/*.jsonl")
	if err != nil || len(files) == 0 {
		panic("no texts")
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			panic(err)
		}
		for line := range strings.Lines(string(data)) {
			var t struct{ Body string }
			if json.Unmarshal([]byte(line), &t) == nil {
				out = append(out, t.Body)
			}
		}
	}
	return out
})

// benchSummaries are what is compared of them: as much as in a town.
var benchSummaries = sync.OnceValue(func() [][]byte {
	var out [][]byte
	for i, text := range benchPool() {
		from := ingest.Person{Name: fmt.Sprintf("Prénom%d Nom%d", i%97, i), Email: fmt.Sprintf("a%d@example.fr", i)}
		out = append(out, (&match.Matcher{}).Profile(ingest.Record{Channel: ingest.ChannelMailbox}, ingest.Reading{Text: text, From: from},
			ingest.Classification{Category: "voirie", Top: []ingest.Ranked{{Category: "voirie", Score: 0.9}}}).Summary)
	}
	return out
})

// benchStore is a database with the invented town in it.
type benchStore struct {
	name string
	// inTx runs f in a transaction of its own and commits it.
	inTx   func(f func(run sqlRunner) error) error
	engine engine
	size   string
}

func TestBenchMatch(t *testing.T) {
	onlySQLite(t) // it starts a PostgreSQL of its own
	t.Logf("%d stored submissions, %d look-ups and insertions; %d cores; Go %s", *benchDocs, *benchTries, runtime.NumCPU(), runtime.Version())
	for _, start := range []func(*testing.T) benchStore{benchSQLite, benchPostgres} {
		s := start(t)
		lookups, matches, inserts, commits := measureMatch(t, s)
		for _, m := range []struct {
			what  string
			times []time.Duration
		}{{"look-up, candidates loaded", lookups}, {"look-up and decision", matches}, {"insertion", inserts}, {"insertion with its commit", commits}} {
			slices.Sort(m.times)
			p := func(share float64) time.Duration { return m.times[int(share*float64(len(m.times)-1))] }
			verdict := "meets"
			if p(0.99) > wantedP99 {
				verdict = "MISSES"
			}
			t.Logf("%-11s %-27s p50 %8s  p95 %8s  p99 %8s  max %8s  (%s 5 ms)", s.name, m.what,
				p(0.5).Round(time.Microsecond), p(0.95).Round(time.Microsecond), p(0.99).Round(time.Microsecond), p(1).Round(time.Microsecond), verdict)
		}
	}
}

// measureMatch looks up and inserts new submissions, a third of them nearly the text of
// one that is stored.
func measureMatch(t *testing.T, s benchStore) (lookups, matches, inserts, commits []time.Duration) {
	t.Helper()
	ctx := t.Context()
	r := rand.New(rand.NewPCG(7, 7))
	found, wanted := 0, 0
	matcher := &match.Matcher{Weights: match.NewWeights(benchPool())}
	for i := range *benchTries {
		doc := *benchDocs + 1 + i
		p := inventedProfile(doc)
		twin := 0
		if i%3 == 0 {
			twin = 1 + r.IntN(*benchDocs)
			copied := inventedProfile(twin)
			copy(p.Bands[:30], copied.Bands[:30])
			wanted++
		}
		filled := full{}
		begun := time.Now()
		var lookup, insert time.Duration
		err := s.inTx(func(run sqlRunner) error {
			c := candidates{run: run, store: &Store{engine: s.engine, opts: Options{Zone: time.UTC, Now: time.Now}}, full: filled}
			at := time.Now()
			if i%2 == 1 { // every second one is decided as well
				_, err := matcher.Match(ctx, c, ingest.Record{SHA256: "none"}, ingest.Reading{}, p)
				lookup = time.Since(at)
				matches = append(matches, lookup)
				if err != nil {
					return err
				}
			}
			out, err := c.Alike(ctx, p)
			if err != nil {
				return err
			}
			if i%2 == 0 {
				lookup = time.Since(at)
				lookups = append(lookups, lookup)
			}
			if twin != 0 && slices.ContainsFunc(out, func(k ingest.Candidate) bool { return k.SubmissionID == docID(twin) }) {
				found++
			}
			if err := addDocRow(ctx, run, doc); err != nil {
				return err
			}
			at = time.Now()
			err = saveProfile(ctx, matchIndex{run, s.engine}, int64(doc), p, filled)
			insert = time.Since(at)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		inserts = append(inserts, insert)
		if i%2 == 0 {
			commits = append(commits, time.Since(begun)-lookup)
		}
	}
	// Of a text that is stored more than 64 times, only the newest are found.
	if share := float64(found) / float64(wanted); share < 0.95 {
		t.Errorf("%s found %.3f of the twins", s.name, share)
	}
	t.Logf("%-11s %s; found %d of %d twins", s.name, s.size, found, wanted)
	return lookups, matches, inserts, commits
}

func docID(i int) string { return fmt.Sprintf("doc-%09d", i) }

// The rows that a candidate is loaded from.
var docRows = []struct {
	table   string
	columns []string
	values  func(i int) []any
}{
	{"requests", []string{
		"id", "reference", "status", "category", "service", "confidence", "needs_review", "reasons", "subject", "body",
		"sender_name", "sender_email", "sender_phone", "sender_address", "place", "opened_at",
	}, func(i int) []any {
		return []any{i, fmt.Sprintf("2026-%06d", i), "new", "voirie", "Voirie", 0.9, 0, "[]", "Objet", "Texte", "Nom", "a@example.fr", "", "", "", i}
	}},
	{"submissions", []string{
		"seq", "id", "channel", "account", "source_key", "epoch", "received_at", "recorded_at", "sha256", "size", "media_type", "hints", "state", "request_id", "link",
	}, func(i int) []any {
		return []any{i, docID(i), "mailbox", "sve", docID(i), "", i, i, "one", 3, "message/rfc822", "{}", "filed", i, "opens"}
	}},
	{"readings", []string{
		"submission_id", "kind", "subject", "body", "sender_name", "sender_email", "sender_phone", "sender_address", "message_id", "text_key", "detail",
	}, func(i int) []any {
		return []any{docID(i), "mail", "Objet", "Texte", "Nom", "a@example.fr", "", "", docID(i), docID(i), "{}"}
	}},
}

func insertRow(table string, columns []string) string {
	list, params := "", ""
	for i, c := range columns {
		if i > 0 {
			list, params = list+", ", params+", "
		}
		list, params = list+c, params+fmt.Sprintf("$%d", i+1)
	}
	return "INSERT INTO " + table + " (" + list + ") VALUES (" + params + ")"
}

func addDocRow(ctx context.Context, run sqlRunner, i int) error {
	for _, r := range docRows {
		if err := run.exec(ctx, insertRow(r.table, r.columns), r.values(i)...); err != nil {
			return err
		}
	}
	return nil
}

// keyRow is a row of match_keys.
type keyRow struct{ key, doc int64 }

// inventedKeys returns the index of the invented town as filling it one by one would have
// left it: in order, of each key the newest.
var inventedKeys = sync.OnceValue(func() []keyRow {
	rows := make([]keyRow, 0, *benchDocs*(docBands+4+docWords))
	for i := 1; i <= *benchDocs; i++ {
		for _, k := range profileKeys(inventedProfile(i)) {
			rows = append(rows, keyRow{k, int64(i)})
		}
	}
	slices.SortFunc(rows, func(a, b keyRow) int {
		switch {
		case a.key != b.key && a.key < b.key, a.key == b.key && a.doc > b.doc:
			return -1
		case a == b:
			return 0
		}
		return 1
	})
	out, n := rows[:0], 0
	for i, r := range rows {
		if i > 0 && r.key == rows[i-1].key {
			n++
		} else {
			n = 0
		}
		if n < bucketMax {
			out = append(out, r)
		}
	}
	return out
})

func benchSQLite(t *testing.T) benchStore {
	dir := t.TempDir()
	s, err := Open(t.Context(), Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	ctx := t.Context()
	db, err := sql.Open("sqlite3", dsn(filepath.Join(dir, "saisine.db"), "_synchronous=OFF&_journal_mode=WAL&_cache_size=-400000"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	fill := func(query string, n int, values func(i int) []any) {
		t.Helper()
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			t.Fatal(err)
		}
		stmt, err := tx.PrepareContext(ctx, query)
		if err != nil {
			t.Fatal(err)
		}
		defer stmt.Close()
		for i := range n {
			if _, err := stmt.ExecContext(ctx, values(i)...); err != nil {
				t.Fatal(err)
			}
		}
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
	}
	fill(`INSERT INTO originals (sha256, size, content) VALUES ($1, $2, $3)`, 1, func(int) []any { return []any{"one", 3, []byte("one")} })
	for _, r := range docRows {
		fill(insertRow(r.table, r.columns), *benchDocs, func(i int) []any { return r.values(i + 1) })
	}
	fill(`INSERT INTO match_docs (doc, summary, keys) VALUES ($1, $2, $3)`, *benchDocs, func(i int) []any {
		p := inventedProfile(i + 1)
		return []any{i + 1, p.Summary, packKeys(profileKeys(p))}
	})
	keys := inventedKeys()
	const many = 100
	fill(insertQuery(many), len(keys)/many, func(i int) []any {
		args := make([]any, 0, 2*many)
		for _, k := range keys[i*many : (i+1)*many] {
			args = append(args, k.key, k.doc)
		}
		return args
	})
	rest := keys[len(keys)/many*many:]
	fill(insertQuery(1), len(rest), func(i int) []any { return []any{rest[i].key, rest[i].doc} })
	if _, err := db.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)"); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(dir, "saisine.db"))
	if err != nil {
		t.Fatal(err)
	}
	return benchStore{
		name: "SQLite", engine: sqlite{}, size: fmt.Sprintf("%d index rows, database %d MiB", len(keys), info.Size()>>20),
		inTx: func(f func(sqlRunner) error) error {
			return s.doNow(ctx, func(_ context.Context, tx *tx) error { return f(tx) })
		},
	}
}

// postgresRunner runs SQL in a transaction of PostgreSQL. Statements are prepared once, by
// the driver.
type postgresRunner struct{ tx *sql.Tx }

func (p postgresRunner) exec(ctx context.Context, query string, args ...any) error {
	_, err := p.tx.ExecContext(ctx, query, args...)
	return err
}

func (p postgresRunner) row(ctx context.Context, query string, args ...any) rowScanner {
	return p.tx.QueryRowContext(ctx, query, args...)
}

func (p postgresRunner) rows(ctx context.Context, query string, args []any, f func(rowScanner) error) error {
	return each(f, func() (*sql.Rows, error) { return p.tx.QueryContext(ctx, query, args...) })
}

func benchPostgres(t *testing.T) benchStore {
	server := postgrestest.Start(t)
	ctx := t.Context()
	config, err := pgx.ParseConfig(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	town, err := Open(ctx, Options{Dir: t.TempDir(), Database: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	if err := town.Close(); err != nil {
		t.Fatal(err)
	}
	execAll(t, ctx, conn, []string{`INSERT INTO originals (sha256, size, content) VALUES ('one', 3, 'one')`})
	load := func(table string, columns []string, n int, values func(i int) []any) {
		t.Helper()
		if _, err := conn.CopyFrom(ctx, pgx.Identifier{table}, columns, pgx.CopyFromSlice(n, func(i int) ([]any, error) { return values(i), nil })); err != nil {
			t.Fatal(table, err)
		}
	}
	for _, r := range docRows {
		load(r.table, r.columns, *benchDocs, func(i int) []any { return r.values(i + 1) })
	}
	load("match_docs", []string{"doc", "summary", "keys"}, *benchDocs, func(i int) []any {
		p := inventedProfile(i + 1)
		return []any{i + 1, p.Summary, packKeys(profileKeys(p))}
	})
	keys := inventedKeys()
	// Checking each of millions of rows against its submission would take most of the time;
	// the insertions that are measured are checked again.
	execAll(t, ctx, conn, []string{`ALTER TABLE match_keys DROP CONSTRAINT match_keys_doc_fkey`})
	load("match_keys", []string{"key", "doc"}, len(keys), func(i int) []any { return []any{keys[i].key, keys[i].doc} })
	execAll(t, ctx, conn, []string{`ALTER TABLE match_keys ADD FOREIGN KEY (doc) REFERENCES submissions (seq) NOT VALID`})
	// As autovacuum leaves a table: what all may see is read from the index alone.
	execAll(t, ctx, conn, []string{"VACUUM (ANALYZE)", "CHECKPOINT"})
	var size string
	if err := conn.QueryRow(ctx, `SELECT pg_size_pretty(pg_database_size(current_database()))`).Scan(&size); err != nil {
		t.Fatal(err)
	}
	db := stdlib.OpenDB(*config)
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { _ = db.Close() })
	return benchStore{
		name: "PostgreSQL", engine: postgres{}, size: fmt.Sprintf("%d index rows, database %s", len(keys), size),
		inTx: func(f func(sqlRunner) error) error {
			tx, err := db.BeginTx(ctx, nil)
			if err != nil {
				return err
			}
			if err := f(postgresRunner{tx}); err != nil {
				return errors.Join(err, tx.Rollback())
			}
			return tx.Commit()
		},
	}
}

func execAll(t *testing.T, ctx context.Context, conn *pgx.Conn, queries []string) {
	t.Helper()
	for _, q := range queries {
		if _, err := conn.Exec(ctx, q); err != nil {
			t.Fatalf("%v in %s", err, q)
		}
	}
}
