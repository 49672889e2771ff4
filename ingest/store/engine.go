package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/pressly/goose/v3"
)

// engine is the database under the store: SQLite, or PostgreSQL. Queries are written once,
// in the words that both understand; here is what each has of its own.
type engine interface {
	fmt.Stringer
	// open opens the database, brings its schema up to date and checks that it keeps what it
	// acknowledges (ErrUnsafe).
	open(ctx context.Context, o Options) (read, write *sql.DB, err error)
	// peek opens the database for reading, without making or changing anything; nil where there
	// is none yet, or it has no table of that name.
	peek(ctx context.Context, o Options, table string) (*sql.DB, error)
	// begin begins the one writing transaction that there is: another process that writes
	// waits, or this one does, as long as patience says.
	begin(ctx context.Context, conn *sql.Conn, patience time.Duration) error
	// commit ends the transaction; nil means that all of it is on the disk.
	commit(ctx context.Context, conn *sql.Conn) error
	// lost reports whether a connection is gone; another may be had then.
	lost(conn *sql.Conn) bool

	// joined is the aggregate that joins numbers by commas.
	joined(column string) string
	// phoneEnd is the end of the phone number of a sender, to the letter as its index has it.
	phoneEnd(column string) string
	// byName finds requests r whose sender's name has words that begin so.
	byName(words []string) nameQuery
	// attachedTexts is what the files of a reading d say, by name, as one text.
	attachedTexts() string

	searcher
	dumped

	// scrub takes what was deleted out of where nobody looks, while others write; compact writes
	// the whole database anew, while nobody can.
	scrub(ctx context.Context, s *Store) error
	compact(ctx context.Context, s *Store) error
	// check looks through the database itself.
	check(ctx context.Context, run sqlRunner, report func(Finding)) error
}

// nameQuery is a part of a query with arg as its parameter $1; order numbers the requests as
// their ids do.
type nameQuery struct{ from, where, order, arg string }

// searcher is the full-text index. A row is a submission's seq, or the negative id of a request.
type searcher interface {
	// find returns how many rows a query finds, and their numbers joined by commas. All come
	// in one row: reading rows costs more than finding them.
	find(ctx context.Context, run sqlRunner, q searchQuery) (n int, list string, err error)
	// index puts words, parted by spaces, in the place of those that a row had; "" takes it out.
	index(ctx context.Context, run sqlRunner, row int64, words string) error
	// indexed reports whether there is a row.
	indexed(ctx context.Context, run sqlRunner, row int64) (bool, error)
	// clear forgets all words.
	clear(ctx context.Context, run sqlRunner) error
}

// dumped is what a dump has to know of an engine.
type dumped interface {
	// raw opens the database for writing as it is, and gives its migrations; it makes an empty
	// one where an engine can. Close what it returns.
	raw(o Options) (db *sql.DB, p *goose.Provider, done func() error, err error)
	// tables describes all tables that a dump has, by name.
	tables(ctx context.Context, run sqlRunner) ([]*DumpTable, error)
	// sequences are the last numbers given, by table.
	sequences(ctx context.Context, run sqlRunner) (map[string]int64, error)
	// setSequence makes the next number of a table one above n, which is at least 1.
	setSequence(ctx context.Context, run sqlRunner, table string, n int64) error
	// deferKeys has foreign keys checked when settle is called or the transaction commits.
	deferKeys(ctx context.Context, run sqlRunner) (settle func() error, err error)
	// keeps is a text as the engine keeps it.
	keeps(text string) string
}
