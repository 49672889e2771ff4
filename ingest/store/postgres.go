package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
	"golang.org/x/text/unicode/norm"
)

// postgres is a PostgreSQL database, which several nodes may share. Whoever writes holds one
// lock of the database until its commit, so that writes come one after another as they do in
// SQLite: what a work has read is still so when it commits, and rows become visible in the
// order of their numbers, on which all that pages through them relies.
type postgres struct{}

// String names it in messages.
func (postgres) String() string { return "PostgreSQL" }

const (
	// writeLock is the key of the lock of who writes: the letters of "saisine".
	writeLock = "32476727857475173"
	// idleInTransaction is after what time the server ends a writer that says nothing, in the
	// midst of a transaction: its node was stopped, or its network is gone. Between two
	// statements of ours lie milliseconds.
	idleInTransaction = 8 * time.Second
	// connectTime bounds one try to connect.
	connectTime = 10 * time.Second
	// readers is how many connections read at a time.
	readers = 8
	// postgresMin is the oldest version that has all that is used (normalize).
	postgresMin = 130000
)

// postgresConfig reads an address; password files and the environment of libpq count too.
func postgresConfig(address string, settings map[string]string) (*pgx.ConnConfig, error) {
	cfg, err := pgx.ParseConfig(address)
	if err != nil {
		// Its message leaves the password out.
		return nil, fmt.Errorf("store: database: %w", err)
	}
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = connectTime
	}
	// A server whose machine is gone is noticed within these, and not by TCP's quarter of an hour.
	cfg.DialFunc = (&net.Dialer{Timeout: cfg.ConnectTimeout, KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 10 * time.Second, Interval: 5 * time.Second, Count: 3}}).DialContext
	cfg.RuntimeParams["application_name"] = "saisine"
	cfg.RuntimeParams["timezone"] = "UTC"
	for k, v := range settings {
		cfg.RuntimeParams[k] = v
	}
	return cfg, nil
}

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

func (e postgres) open(ctx context.Context, o Options) (read, write *sql.DB, err error) {
	w, err := postgresConfig(o.Database, map[string]string{
		"lock_timeout": milliseconds(lockWait), "idle_in_transaction_session_timeout": milliseconds(idleInTransaction),
		// Whatever the database's own setting is: a commit that returns is on the disk.
		"synchronous_commit": "on",
	})
	if err != nil {
		return nil, nil, err
	}
	r, err := postgresConfig(o.Database, map[string]string{
		"default_transaction_read_only": "on",
		// One look at the database for all that a reading transaction asks, as SQLite gives.
		"default_transaction_isolation": "repeatable read",
	})
	if err != nil {
		return nil, nil, err
	}
	// Migrations are in PostgreSQL's own words.
	plain := stdlib.OpenDB(*w)
	if err := errors.Join(e.prepare(ctx, o, plain), plain.Close()); err != nil {
		return nil, nil, err
	}
	write = sql.OpenDB(newTranslator(*w))
	write.SetMaxOpenConns(2) // the writer's, and one for what is done at the start
	read = sql.OpenDB(newTranslator(*r))
	read.SetMaxOpenConns(readers)
	read.SetMaxIdleConns(readers)
	read.SetConnMaxIdleTime(time.Minute)
	return read, write, nil
}

func (postgres) peek(ctx context.Context, o Options, table string) (*sql.DB, error) {
	cfg, err := postgresConfig(o.Database, map[string]string{"default_transaction_read_only": "on"})
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(newTranslator(*cfg))
	db.SetMaxOpenConns(1)
	return withTable(ctx, db, `SELECT count(to_regclass($1))`, table)
}

// prepare checks the database's promises and migrates it.
func (postgres) prepare(ctx context.Context, o Options, db *sql.DB) error {
	var version int
	var fsync, pages, encoding string
	err := db.QueryRowContext(ctx, `SELECT current_setting('server_version_num')::int, current_setting('fsync'), current_setting('full_page_writes'), current_setting('server_encoding')`).
		Scan(&version, &fsync, &pages, &encoding)
	switch {
	case err != nil:
		return fmt.Errorf("store: connect to the database: %w", unavailable(err))
	case version < postgresMin:
		return fmt.Errorf("%w: PostgreSQL %d is too old; saisine needs 13 or newer", ErrSchema, version/10000)
	case encoding != "UTF8":
		return fmt.Errorf("%w: the database is encoded as %s; make one with ENCODING 'UTF8' TEMPLATE template0", ErrSchema, encoding)
	case fsync != "on":
		return fmt.Errorf("%w: fsync is %s in PostgreSQL, not on", ErrUnsafe, fsync)
	case pages != "on":
		return fmt.Errorf("%w: full_page_writes is %s in PostgreSQL, not on", ErrUnsafe, pages)
	}
	// Of several nodes that start at once, one migrates.
	locker, err := lock.NewPostgresSessionLocker()
	if err != nil {
		return fmt.Errorf("store: migrations: %w", err)
	}
	return migrate(ctx, o, db, goose.DialectPostgres, "postgres", goose.WithSessionLocker(locker))
}

func (postgres) begin(ctx context.Context, conn *sql.Conn, patience time.Duration) error {
	// Without parameters it goes as one message.
	_, err := conn.ExecContext(ctx, `BEGIN; SET LOCAL lock_timeout = `+milliseconds(patience)+`; SELECT pg_advisory_xact_lock(`+writeLock+`)`)
	return err
}

// errAborted means that a work has passed over the error of one of its statements.
var errAborted = errors.New("store: a statement of the transaction has failed")

func (postgres) commit(ctx context.Context, conn *sql.Conn) error {
	// After a failed statement PostgreSQL answers COMMIT with success, and rolls back (its
	// manual, COMMIT). SQLite undoes the statement alone.
	aborted := false
	if err := conn.Raw(func(c any) error {
		if pg, ok := c.(translated); ok {
			aborted = pg.Conn.Conn().PgConn().TxStatus() == 'E'
		}
		return nil
	}); err != nil {
		return err
	}
	if aborted {
		return errAborted
	}
	_, err := conn.ExecContext(ctx, "COMMIT")
	return err
}

func (postgres) lost(conn *sql.Conn) bool {
	closed := true
	// The function is not called, and closed stays, where the pool has given the connection up.
	_ = conn.Raw(func(c any) error {
		if pg, ok := c.(translated); ok {
			closed = pg.Conn.Conn().IsClosed()
		}
		return nil
	})
	return closed
}

func (postgres) joined(column string) string { return "string_agg(" + column + "::text, ',')" }

func (postgres) phoneEnd(column string) string {
	return `right(replace(replace(replace(replace(` + column + `, ' ', ''), '.', ''), '-', ''), '/', ''), 9)`
}

func (postgres) byName(words []string) nameQuery {
	quoted := make([]string, len(words))
	for i, w := range words {
		// As name_words does it.
		w = strings.Map(func(r rune) rune {
			if r >= 0x300 && r <= 0x36f {
				return -1
			}
			return unicode.ToLower(r)
		}, norm.NFKD.String(w))
		quoted[i] = lexeme(w) + ":*"
	}
	return nameQuery{from: `requests r`, where: `name_words(r.sender_name) @@ CAST($1 AS tsquery)`, order: "r.id", arg: strings.Join(quoted, " & ")}
}

func (postgres) attachedTexts() string {
	return `(SELECT string_agg((a.value ->> 'name') || ' : ' || coalesce(substr(a.value ->> 'text', 1, ` + maxPassageText + `), ''), chr(10))
		FROM json_array_elements(CASE json_typeof(d.detail::json -> 'attachments') WHEN 'array' THEN d.detail::json -> 'attachments' END) AS a (value))`
}

// lexeme writes a word as tsquery and tsvector want it.
func lexeme(word string) string {
	return `'` + strings.NewReplacer(`'`, `''`, `\`, `\\`).Replace(word) + `'`
}

func (postgres) find(ctx context.Context, run sqlRunner, q searchQuery) (n int, list string, err error) {
	var found sql.NullString
	err = run.row(ctx, `SELECT count(*), string_agg(doc::text, ',') FROM search WHERE words @@ CAST($1 AS tsquery)`, tsquery(q)).Scan(&n, &found)
	return n, found.String, err
}

// tsquery writes a query as PostgreSQL wants it (its manual, 8.11.2).
func tsquery(q searchQuery) string {
	terms := make([]string, len(q.terms))
	for i, t := range q.terms {
		forms := make([]string, len(t))
		for j, f := range t {
			words := make([]string, len(f.words))
			for k, w := range f.words {
				words[k] = lexeme(w)
			}
			forms[j] = strings.Join(words, " <-> ")
			if f.prefix {
				forms[j] += ":*"
			}
			forms[j] = "(" + forms[j] + ")"
		}
		terms[i] = "(" + strings.Join(forms, " | ") + ")"
	}
	return strings.Join(terms, " & ")
}

// Bounds of a tsvector (the manual, 12.11): a word has a place up to 16,383, and 256 of them;
// longer words and a larger whole are errors. What is beyond is still found as a word, but no
// longer as a part of a phrase; beyond the whole, which no text reaches that is cut to
// maxIndexed, it is left out.
const (
	tsPlaces      = 16383
	tsPlacesEach  = 256
	tsWord        = 2046
	tsVectorBytes = 900_000
)

// tsvector writes words, parted by spaces, as PostgreSQL wants them. The places are given,
// since its own parser would divide words that are one.
func tsvector(words string) string {
	places := make(map[string][]int)
	size := 0
	for i, w := range strings.Fields(words) {
		if len(w) > tsWord {
			w = strings.ToValidUTF8(w[:tsWord], "")
		}
		have, known := places[w]
		if !known {
			size += len(w) + 8
		}
		size += 2
		if size > tsVectorBytes {
			break
		}
		if len(have) < tsPlacesEach {
			places[w] = append(have, min(i+1, tsPlaces))
		}
	}
	var b strings.Builder
	for w, at := range places {
		b.WriteString(lexeme(w))
		for i, p := range slices.Compact(at) {
			b.WriteByte(":,"[min(i, 1)])
			b.WriteString(strconv.Itoa(p))
		}
		b.WriteByte(' ')
	}
	return b.String()
}

func (postgres) index(ctx context.Context, run sqlRunner, row int64, words string) error {
	if words == "" {
		return run.exec(ctx, `DELETE FROM search WHERE doc = $1`, row)
	}
	return run.exec(ctx, `INSERT INTO search (doc, words) VALUES ($1, CAST($2 AS tsvector)) ON CONFLICT (doc) DO UPDATE SET words = excluded.words`, row, tsvector(words))
}

func (postgres) indexed(ctx context.Context, run sqlRunner, row int64) (bool, error) {
	return exists(ctx, run, `SELECT 1 FROM search WHERE doc = $1`, row)
}

func (postgres) clear(ctx context.Context, run sqlRunner) error {
	return run.exec(ctx, `DELETE FROM search`)
}

// check does nothing: PostgreSQL holds its foreign keys itself and has tools of its own for
// its files (pg_amcheck).
func (postgres) check(context.Context, sqlRunner, func(Finding)) error { return nil }

// indexHint is what SQLite is told about which index to use.
var indexHint = regexp.MustCompile(` INDEXED BY \w+`)

// translate brings a query into PostgreSQL's words: without hints, and with the function of
// the schema for what SQLite calls json_each.
func translate(query string) string {
	query = indexHint.ReplaceAllString(query, "")
	return strings.ReplaceAll(query, "json_each(", "each_number(")
}
