package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/pressly/goose/v3"

	"saisine.fr/saisine/ingest"
)

var (
	// ErrNotEmpty is returned by Load for a store that holds something.
	ErrNotEmpty = errors.New("store: the store is not empty")
	// ErrRestoring is returned by Open for a store into which a restore or migration was begun
	// and not ended: what is there is not the town.
	ErrRestoring = errors.New("store: a restore into this store was begun and has not ended; run it again to its end, or empty the store")
	// ErrMoved is returned by Open for a store whose town was moved to another one.
	ErrMoved = errors.New("store: the town was moved from here to another store (saisine migrate)")
)

// restoreMark is the value of settingRestore.
type restoreMark struct {
	ID string `json:"id"`
	// Loaded says that the tables are there, and objects are coming.
	Loaded bool `json:"loaded"`
}

// Load gives a dump to an empty store, which feed writes into the sink. The rows are there after
// Tables, in one transaction; objects that are there already are not asked for again. After a
// kill at any moment the store is refused by Open (ErrRestoring) until Load has run again with
// the same dump, or has begun anew, and FinishLoad has been called.
//
// The dump's schema may be older than the program's, and is made as it was; Open brings it up to
// date. Options.NoMigration is not looked at.
func Load(ctx context.Context, o Options, feed func(DumpSink) error) error {
	s, err := prepared(o)
	if err != nil {
		return err
	}
	if s.s3 != nil {
		defer s.s3.close()
	}
	return (&loader{ctx: ctx, s: s}).take(feed)
}

// LoadObjects is Load for originals and searchable copies alone: the database is not touched.
func LoadObjects(ctx context.Context, o Options, feed func(DumpSink) error) error {
	s, err := prepared(o)
	if err != nil {
		return err
	}
	if s.s3 != nil {
		defer s.s3.close()
	}
	l := &loader{ctx: ctx, s: s}
	return l.take(func(DumpSink) error { return feed(onlyObjects{l}) })
}

// onlyObjects keeps rows from a loader.
type onlyObjects struct{ *loader }

func (onlyObjects) Begin(DumpHeader) error        { return nil }
func (onlyObjects) Row(*DumpTable, DumpRow) error { return nil }
func (onlyObjects) Tables(DumpSummary) error      { return nil }

func (o onlyObjects) End(DumpEnd) error {
	o.ended = true
	return nil
}

func (l *loader) take(feed func(DumpSink) error) (err error) {
	defer func() { err = errors.Join(err, l.close()) }()
	if err := feed(l); err != nil {
		return fmt.Errorf("store: load: %w", err)
	}
	if !l.ended {
		return fmt.Errorf("store: load: %w: it has no end", ErrDump)
	}
	return nil
}

// FinishLoad says that what Load began is done: the store may be opened.
func (s *Store) FinishLoad(ctx context.Context) error {
	return s.do(ctx, func(ctx context.Context, tx *tx) error {
		return tx.exec(ctx, `DELETE FROM settings WHERE name = $1`, settingRestore)
	})
}

// batchBytes and batchParams bound what is inserted at a time.
const (
	batchBytes  = 1 << 20
	batchParams = 900
)

// loader is the DumpSink of a store.
type loader struct {
	ctx context.Context //nolint:containedctx // of one call of Load
	s   *Store
	db  *sql.DB
	tx  *sql.Tx
	run txRunner
	// done closes db, and settle ends the deferring of foreign keys.
	done, settle func() error

	header DumpHeader
	// loaded: the tables were there already.
	loaded bool
	table  *DumpTable
	got    map[string]*counter // of the lines that came
	want   map[string]*counter // of the lines as they are to be in the database
	batch  []any
	size   int
	ended  bool
	// altered counts the rows whose texts the engine cannot keep to the letter.
	altered int
}

func (l *loader) close() error {
	var err error
	if l.tx != nil {
		err = l.tx.Rollback()
	}
	if l.done != nil {
		err = errors.Join(err, l.done())
	}
	return err
}

// Begin implements DumpSink.
func (l *loader) Begin(h DumpHeader) (err error) {
	switch latest, err := latestSchema(); {
	case err != nil:
		return err
	case h.Format != DumpFormat:
		return fmt.Errorf("%w: the backup is of format %d, and this program knows %d", ErrSchema, h.Format, DumpFormat)
	case h.Schema > latest:
		return fmt.Errorf("%w: the backup's schema is number %d, this program knows %d; use the newer saisine that made it", ErrSchema, h.Schema, latest)
	case h.Schema < 1:
		return fmt.Errorf("%w: it names no schema", ErrDump)
	}
	l.header, l.got, l.want = h, map[string]*counter{}, map[string]*counter{}
	var p *goose.Provider
	if l.db, p, l.done, err = l.s.engine.raw(l.s.opts); err != nil {
		return err
	}
	mark, err := readMark(l.ctx, l.db, p)
	if err != nil {
		return err
	}
	if mark != nil && mark.Loaded {
		if mark.ID != h.ID {
			return fmt.Errorf("%w: it has the tables of another backup, whose restore has not ended; empty it first", ErrNotEmpty)
		}
		l.loaded = true
		return nil
	}
	if err := l.schema(p, h.Schema); err != nil {
		return err
	}
	return l.begin()
}

// schema makes the schema as it was.
func (l *loader) schema(p *goose.Provider, version int64) error {
	have, err := p.GetDBVersion(l.ctx)
	switch {
	case err != nil:
		return fmt.Errorf("store: schema version: %w", err)
	case have > version:
		return fmt.Errorf("%w: a store was made here already, by a newer saisine than the backup's; remove it first", ErrNotEmpty)
	}
	if have <= 0 {
		// There is no table yet that could say so, and an empty town must not be taken for this one.
		if err := writeSynced(filepath.Join(l.s.opts.Dir, begunName)); err != nil {
			return err
		}
	}
	if _, err := p.UpTo(l.ctx, version); err != nil {
		return fmt.Errorf("store: migrate: %w", err)
	}
	return nil
}

// begin marks the store and begins the transaction in which all rows come.
func (l *loader) begin() error {
	own := runner{l.db}
	here, err := l.s.engine.tables(l.ctx, own)
	if err != nil {
		return err
	}
	if err := sameTables(here, l.header.Tables); err != nil {
		return err
	}
	if err := isEmpty(l.ctx, own, here); err != nil {
		return err
	}
	if err := setMark(l.ctx, own, restoreMark{ID: l.header.ID}); err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(l.s.opts.Dir, begunName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("store: restore: %w", err)
	}
	if l.tx, err = l.db.BeginTx(l.ctx, nil); err != nil {
		return fmt.Errorf("store: %w", unavailable(err))
	}
	l.run = txRunner{l.tx}
	if l.settle, err = l.s.engine.deferKeys(l.ctx, l.run); err != nil {
		return err
	}
	for _, t := range here {
		// What the migrations and the first start put there.
		if err := l.run.exec(l.ctx, `DELETE FROM `+quoteName(t.Name)); err != nil {
			return fmt.Errorf("store: empty %s: %w", t.Name, err)
		}
	}
	return nil
}

// begunName is a file of the data folder that is there while a restore makes the tables.
const begunName = "restore-begun"

// writeSynced makes an empty file that outlasts a power cut.
func writeSynced(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("store: restore: %w", err)
	}
	return errors.Join(f.Sync(), f.Close(), syncPath(filepath.Dir(path)))
}

// begun returns ErrRestoring where that file is.
func begun(o Options) error {
	switch _, err := os.Stat(filepath.Join(o.Dir, begunName)); {
	case o.Unsettled || errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("store: open: %w", err)
	}
	return ErrRestoring
}

func setMark(ctx context.Context, run sqlRunner, m restoreMark) error {
	text, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("store: restore: %w", err)
	}
	return setSetting(ctx, run, settingRestore, string(text))
}

// readMark returns the mark of a restore, nil without one.
func readMark(ctx context.Context, db *sql.DB, p *goose.Provider) (*restoreMark, error) {
	if have, err := p.GetDBVersion(ctx); err != nil || have == 0 {
		return nil, err
	}
	text, err := setting(ctx, runner{db}, settingRestore)
	if err != nil || text == "" {
		return nil, err
	}
	m := &restoreMark{}
	if err := json.Unmarshal([]byte(text), m); err != nil {
		return nil, fmt.Errorf("store: mark of a restore: %w", err)
	}
	return m, nil
}

// setting returns a setting, "" without one.
func setting(ctx context.Context, run sqlRunner, name string) (text string, err error) {
	err = run.row(ctx, `SELECT value FROM settings WHERE name = $1`, name).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return text, err
}

// startedTables may have rows in a store that was only started.
var startedTables = []string{"settings", "counters", "leases", "sealed_services"}

// isEmpty returns ErrNotEmpty for a store that holds something.
func isEmpty(ctx context.Context, run sqlRunner, tables []*DumpTable) error {
	for _, t := range tables {
		if slices.Contains(startedTables, t.Name) {
			continue
		}
		var n int
		if err := run.row(ctx, `SELECT count(*) FROM (SELECT 1 FROM `+quoteName(t.Name)+` LIMIT 1) AS one`).Scan(&n); err != nil {
			return err
		}
		if n > 0 {
			return fmt.Errorf("%w: there is something in %s", ErrNotEmpty, t.Name)
		}
	}
	return nil
}

// sameTables reports whether two schemas have the same tables and columns, in whatever order.
func sameTables(here, dump []*DumpTable) error {
	byName := map[string]*DumpTable{}
	for _, t := range here {
		byName[t.Name] = t
	}
	for _, t := range dump {
		own := byName[t.Name]
		if own == nil {
			return fmt.Errorf("%w: it has a table %s, which its schema does not have here", ErrDump, t.Name)
		}
		delete(byName, t.Name)
		if len(own.Columns) != len(t.Columns) || !slices.Equal(own.Key, t.Key) {
			return fmt.Errorf("%w: its table %s is of another form", ErrDump, t.Name)
		}
		for _, c := range t.Columns {
			if !slices.Contains(own.Columns, c) {
				return fmt.Errorf("%w: the column %s of its table %s is not here, or of another kind", ErrDump, c.Name, t.Name)
			}
		}
	}
	for name := range byName {
		return fmt.Errorf("%w: it has no table %s", ErrDump, name)
	}
	return nil
}

func counterOf(in map[string]*counter, table string) *counter {
	c := in[table]
	if c == nil {
		c = &counter{DumpCount: DumpCount{Table: table}, hash: sha256.New()}
		in[table] = c
	}
	return c
}

// Row implements DumpSink.
func (l *loader) Row(t *DumpTable, r DumpRow) error {
	counterOf(l.got, t.Name).add(r.Line)
	if l.loaded {
		return nil
	}
	if l.table != t {
		if err := l.flush(); err != nil {
			return err
		}
		l.table = t
	}
	values, err := parseLine(t, r.Line)
	if err != nil {
		return err
	}
	line, err := l.asKept(t, values, r.Line)
	if err != nil {
		return err
	}
	counterOf(l.want, t.Name).add(line)
	for i, v := range values {
		if _, ok := v.(inlined); !ok {
			continue
		}
		if r.Content == nil {
			return fmt.Errorf("%w: the bytes of an original are missing", ErrDump)
		}
		content, err := r.Content()
		if err != nil {
			return err
		}
		values[i] = content
		l.size += len(content)
		if sum, err := t.InlineSum(r.Line); err != nil || ingest.NewBlob(content).SHA256() != sum {
			return errors.Join(fmt.Errorf("%w: original %s", ErrDamaged, sum), err)
		}
	}
	l.batch = append(l.batch, values...)
	l.size += len(r.Line)
	if l.size > batchBytes || len(l.batch)+len(t.Columns) > batchParams {
		return l.flush()
	}
	return nil
}

// asKept brings the texts of a row into the form in which the engine keeps them, and returns its
// line then.
func (l *loader) asKept(t *DumpTable, values []any, line []byte) ([]byte, error) {
	changed := false
	for i, c := range t.Columns {
		text, ok := values[i].(string)
		if !ok || c.Kind != DumpText {
			continue
		}
		if kept := l.s.engine.keeps(text); kept != text {
			values[i], changed = kept, true
		}
	}
	if !changed {
		return line, nil
	}
	l.altered++
	out := []byte{'['}
	for i, c := range t.Columns {
		if i > 0 {
			out = append(out, ',')
		}
		if _, ok := values[i].(inlined); ok {
			out = append(out, `{"o":1}`...)
			continue
		}
		var err error
		if out, err = appendValue(out, c.Kind, values[i], values[i] == nil); err != nil {
			return nil, err
		}
	}
	return append(out, ']'), nil
}

// flush inserts the rows that wait.
func (l *loader) flush() error {
	if len(l.batch) == 0 {
		return nil
	}
	columns := make([]string, len(l.table.Columns))
	for i, c := range l.table.Columns {
		columns[i] = quoteName(c.Name)
	}
	var b strings.Builder
	fmt.Fprintf(&b, `INSERT INTO %s (%s) VALUES `, quoteName(l.table.Name), strings.Join(columns, ", "))
	for i := range l.batch {
		switch {
		case i == 0:
			b.WriteByte('(')
		case i%len(columns) == 0:
			b.WriteString("), (")
		default:
			b.WriteString(", ")
		}
		b.WriteByte('$')
		b.WriteString(strconv.Itoa(i + 1))
	}
	b.WriteByte(')')
	err := l.run.exec(l.ctx, b.String(), l.batch...)
	l.batch, l.size = l.batch[:0], 0
	if err != nil {
		return fmt.Errorf("store: table %s: %w", l.table.Name, err)
	}
	return nil
}

// Tables implements DumpSink: what came is what was sent, and the database gives it back.
func (l *loader) Tables(s DumpSummary) error {
	if len(s.Tables) != len(l.header.Tables) {
		return fmt.Errorf("%w: %d tables of %d", ErrDump, len(s.Tables), len(l.header.Tables))
	}
	for _, c := range s.Tables {
		if got := counterOf(l.got, c.Table).done(); got != c {
			return fmt.Errorf("%w: of the table %s %d rows came (%s), and %d were written (%s)", ErrDump, c.Table, got.Rows, got.SHA256, c.Rows, c.SHA256)
		}
	}
	if l.loaded {
		return nil
	}
	if err := l.flush(); err != nil {
		return err
	}
	if l.altered > 0 {
		l.s.opts.Log.LogAttrs(l.ctx, slog.LevelWarn, "texts have characters that the database cannot keep; they are replaced", slog.Int("rows", l.altered))
	}
	if err := l.settle(); err != nil {
		return fmt.Errorf("store: foreign keys: %w", err)
	}
	for table, n := range s.Sequences {
		if n < 1 {
			continue
		}
		if err := l.s.engine.setSequence(l.ctx, l.run, table, n); err != nil {
			return fmt.Errorf("store: numbers of %s: %w", table, err)
		}
	}
	for _, t := range l.header.Tables {
		got, err := readTable(l.ctx, l.run, t, func(DumpRow, []any) error { return nil })
		if err != nil {
			return err
		}
		if want := counterOf(l.want, t.Name).done(); got != want {
			return fmt.Errorf("store: the table %s does not come back as it was written: %d rows (%s) instead of %d (%s)", t.Name, got.Rows, got.SHA256, want.Rows, want.SHA256)
		}
	}
	if err := setMark(l.ctx, l.run, restoreMark{ID: l.header.ID, Loaded: true}); err != nil {
		return err
	}
	err := l.tx.Commit()
	l.tx = nil
	if err != nil {
		return fmt.Errorf("store: %w", unavailable(err))
	}
	return nil
}

func (l *loader) kept(o DumpObject) objects {
	if o.Kind == copiesDir {
		return l.s.copies
	}
	return l.s.files
}

// Has implements DumpSink. What is there is read again: an earlier try may have been cut off by
// a full disk.
func (l *loader) Has(o DumpObject) (bool, error) {
	b, err := l.kept(o).get(l.ctx, o.SHA256)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrDamaged) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	size, sum, err := hashOriginal(b)
	if err != nil {
		return false, err
	}
	if sum == o.SHA256 && size == o.Size {
		return true, nil
	}
	return false, l.kept(o).remove(l.ctx, o.SHA256)
}

// Object implements DumpSink.
func (l *loader) Object(o DumpObject, open ObjectOpener) error {
	r, err := open()
	if err != nil {
		return err
	}
	b, err := l.s.Spool().Read(r, 0)
	if err := errors.Join(err, r.Close()); err != nil {
		return fmt.Errorf("store: %s %s: %w", o.Kind, o.SHA256, err)
	}
	if b.SHA256() != o.SHA256 {
		return errors.Join(fmt.Errorf("%w: %s %s: the bytes hash to %s", ErrDamaged, o.Kind, o.SHA256, b.SHA256()), b.Close())
	}
	return errors.Join(l.kept(o).put(l.ctx, b), b.Close())
}

// End implements DumpSink. A searchable copy that could not be had is to be made again.
func (l *loader) End(e DumpEnd) error {
	run := runner{l.db}
	for _, m := range e.Missing {
		if m.Kind != copiesDir {
			continue
		}
		if err := run.exec(l.ctx, `UPDATE outbox SET state = 'pending', attempt = attempt + 1, ended_at = NULL
			WHERE kind = 'scan.copy' AND submission_id IN (SELECT submission_id FROM copies WHERE sha256 = $1)`, m.SHA256); err != nil {
			return err
		}
		if err := run.exec(l.ctx, `DELETE FROM copies WHERE sha256 = $1`, m.SHA256); err != nil {
			return err
		}
	}
	l.ended = true
	return nil
}

// runner runs SQL outside a transaction, and txRunner in one.
type runner struct{ db *sql.DB }

func (r runner) exec(ctx context.Context, query string, args ...any) error {
	_, err := r.db.ExecContext(ctx, query, args...)
	return unavailable(err)
}

func (r runner) row(ctx context.Context, query string, args ...any) rowScanner {
	return foreignRow{r.db.QueryRowContext(ctx, query, args...)}
}

func (r runner) rows(ctx context.Context, query string, args []any, f func(rowScanner) error) error {
	return each(f, func() (*sql.Rows, error) { return r.db.QueryContext(ctx, query, args...) })
}

type txRunner struct{ tx *sql.Tx }

func (r txRunner) exec(ctx context.Context, query string, args ...any) error {
	_, err := r.tx.ExecContext(ctx, query, args...)
	return unavailable(err)
}

func (r txRunner) row(ctx context.Context, query string, args ...any) rowScanner {
	return foreignRow{r.tx.QueryRowContext(ctx, query, args...)}
}

func (r txRunner) rows(ctx context.Context, query string, args []any, f func(rowScanner) error) error {
	return each(f, func() (*sql.Rows, error) { return r.tx.QueryContext(ctx, query, args...) })
}
