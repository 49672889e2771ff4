package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// ObjectOpener opens the bytes of an object.
type ObjectOpener func() (io.ReadCloser, error)

// Settings that say where a store stands.
const (
	// settingBackup is when the last backup ended well, RFC 3339.
	settingBackup = "backup/last"
	// settingRestore is there while a restore has begun and not ended.
	settingRestore = "restore/incomplete"
	// settingMoved is where the town was moved to by saisine migrate.
	settingMoved = "migrated/to"
)

// dumpPage is how many originals are asked for at a time: their contents are read one by one.
const dumpPage = 500

// Dump gives the store, as it is at one moment, to the sink: what comes in meanwhile is not in
// it. The daemon may run. The database is read in one transaction, which ends with the tables;
// objects never change and are read after it. h has what Dump cannot know: Version and Town.
//
// Objects that cannot be had are in DumpEnd.Missing, which is returned as well: the dump goes on
// without them.
func (s *Store) Dump(ctx context.Context, h DumpHeader, sink DumpSink) (DumpHeader, DumpEnd, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return h, DumpEnd{}, fmt.Errorf("store: dump: %w", err)
	}
	h.Format, h.ID, h.MadeAt, h.From = DumpFormat, id.String(), s.opts.Now().UTC(), s.places()
	d := &dumper{s: s, sink: sink}
	err = s.inSnapshot(ctx, func(run snapshot) error {
		// Its first read is the moment (see Freeze).
		if h.Schema, err = schemaVersion(ctx, run); err != nil {
			return err
		}
		if h.Tables, err = s.engine.tables(ctx, run); err != nil {
			return err
		}
		if err := sink.Begin(h); err != nil {
			return err
		}
		return d.tables(ctx, run, h.Tables)
	})
	if err != nil {
		return h, DumpEnd{}, fmt.Errorf("store: dump: %w", err)
	}
	end, err := d.giveObjects(ctx)
	if err == nil {
		err = sink.End(end)
	}
	if err != nil {
		return h, end, fmt.Errorf("store: dump: %w", err)
	}
	return h, end, nil
}

// places says for people what engines the store is on.
func (s *Store) places() string {
	where := "files"
	if s.s3 != nil {
		where = "S3"
	}
	return s.engine.String() + ", " + where
}

func schemaVersion(ctx context.Context, run sqlRunner) (n int64, err error) {
	err = run.row(ctx, `SELECT coalesce(max(version_id), 0) FROM goose_db_version WHERE is_applied`).Scan(&n)
	return n, err
}

// dumper is one dump under way.
type dumper struct {
	s       *Store
	sink    DumpSink
	objects []DumpObject
}

func (d *dumper) tables(ctx context.Context, run sqlRunner, tables []*DumpTable) error {
	var sum DumpSummary
	for _, t := range tables {
		count, err := readTable(ctx, run, t, func(r DumpRow, values []any) error {
			d.note(t, values)
			return d.sink.Row(t, r)
		})
		if err != nil {
			return fmt.Errorf("table %s: %w", t.Name, err)
		}
		sum.Tables = append(sum.Tables, count)
	}
	var err error
	if sum.Sequences, err = d.s.engine.sequences(ctx, run); err != nil {
		return err
	}
	return d.sink.Tables(sum)
}

// note remembers which objects the rows name.
func (d *dumper) note(t *DumpTable, values []any) {
	if t.Name != originalsTable && t.Name != copiesDir {
		return
	}
	var o DumpObject
	here := true
	for i, c := range t.Columns {
		switch v := values[i].(type) {
		case string:
			if c.Name == "sha256" {
				o.SHA256 = v
			}
		case int64:
			switch c.Name {
			case "size":
				o.Size = v
			case "gone": // eliminated: only the hash is kept
				here = here && v == 0
			}
		case inlined:
			here = false
		}
	}
	if o.Kind = t.Name; here && isSum(o.SHA256) { // a copy that cannot be made has none
		d.objects = append(d.objects, o)
	}
}

// readTable gives the rows of a table to f, in the order of its key. Values are as parseLine
// gives them.
func readTable(ctx context.Context, run sqlRunner, t *DumpTable, f func(DumpRow, []any) error) (DumpCount, error) {
	c := counter{DumpCount: DumpCount{Table: t.Name}, hash: sha256.New()}
	one := func(r DumpRow, values []any) error {
		if t.Name == "settings" && slices.Contains(volatileSettings, settingName(t, values)) {
			return nil
		}
		c.add(r.Line)
		return f(r, values)
	}
	if t.Name == originalsTable {
		err := readOriginals(ctx, run, t, one)
		return c.done(), err
	}
	err := run.rows(ctx, selectAll(t)+orderBy(t), nil, func(row rowScanner) error {
		line, values, err := scanRow(t, row)
		if err != nil {
			return err
		}
		return one(DumpRow{Line: line}, values)
	})
	return c.done(), err
}

// counter counts and hashes lines.
type counter struct {
	DumpCount
	hash hash.Hash
}

func (c *counter) add(line []byte) {
	c.Rows++
	c.hash.Write(line)
	c.hash.Write([]byte{'\n'})
}

func (c *counter) done() DumpCount {
	c.SHA256 = hex.EncodeToString(c.hash.Sum(nil))
	return c.DumpCount
}

func settingName(t *DumpTable, values []any) string {
	for i, c := range t.Columns {
		if name, ok := values[i].(string); ok && c.Name == "name" {
			return name
		}
	}
	return ""
}

// readOriginals reads the table of originals by pages: the bytes of one are asked for while its
// row is at hand, and no connection can do that while it reads rows.
func readOriginals(ctx context.Context, run sqlRunner, t *DumpTable, f func(DumpRow, []any) error) error {
	type found struct {
		line   []byte
		values []any
	}
	after := ""
	for {
		var page []found
		err := run.rows(ctx, selectAll(t)+` WHERE sha256 > $1`+orderBy(t)+fmt.Sprintf(` LIMIT %d`, dumpPage), []any{after}, func(row rowScanner) error {
			line, values, err := scanRow(t, row)
			page = append(page, found{line, values})
			return err
		})
		if err != nil || len(page) == 0 {
			return err
		}
		for _, p := range page {
			r := DumpRow{Line: p.line}
			for i, c := range t.Columns {
				if c.Name == "sha256" {
					after, _ = p.values[i].(string)
				}
			}
			if sum := after; slices.Contains(p.values, any(inlined{})) {
				r.Content = func() ([]byte, error) {
					content := []byte{}
					err := run.row(ctx, `SELECT content FROM originals WHERE sha256 = $1`, sum).Scan(&content)
					return content, err
				}
			}
			if err := f(r, p.values); err != nil {
				return err
			}
		}
	}
}

// selectAll reads all columns of a table, and of those that hold bytes whether they are NULL.
// The bytes of originals are left where they are.
func selectAll(t *DumpTable) string {
	var names []string
	for _, c := range t.Columns {
		if !t.inline(c) {
			names = append(names, quoteName(c.Name))
		}
		if c.Kind == DumpBytes {
			names = append(names, `CASE WHEN `+quoteName(c.Name)+` IS NULL THEN 1 ELSE 0 END`)
		}
	}
	return `SELECT ` + strings.Join(names, ", ") + ` FROM ` + quoteName(t.Name)
}

func orderBy(t *DumpTable) string {
	names := make([]string, len(t.Key))
	for i, k := range t.Key {
		names[i] = quoteName(k)
	}
	return ` ORDER BY ` + strings.Join(names, ", ")
}

func (t *DumpTable) inline(c DumpColumn) bool {
	return t.Name == originalsTable && c.Name == inlineColumn
}

// quoteName writes a name of the schema.
func quoteName(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// scanRow reads a row of selectAll.
func scanRow(t *DumpTable, row rowScanner) (line []byte, values []any, err error) {
	values = make([]any, len(t.Columns))
	nulls := make([]int64, len(t.Columns))
	var dest []any
	for i, c := range t.Columns {
		if !t.inline(c) {
			dest = append(dest, &values[i])
		}
		if c.Kind == DumpBytes {
			dest = append(dest, &nulls[i])
		}
	}
	if err := row.Scan(dest...); err != nil {
		return nil, nil, err
	}
	line = append(line, '[')
	for i, c := range t.Columns {
		if i > 0 {
			line = append(line, ',')
		}
		isNull := values[i] == nil
		if c.Kind == DumpBytes {
			isNull = nulls[i] == 1
		}
		if t.inline(c) && !isNull {
			line = append(line, `{"o":1}`...)
			values[i] = inlined{}
			continue
		}
		if line, err = appendValue(line, c.Kind, values[i], isNull); err != nil {
			return nil, nil, fmt.Errorf("column %s: %w", c.Name, err)
		}
		switch v := values[i].(type) {
		case []byte:
			if c.Kind == DumpText {
				values[i] = string(v)
			}
		}
	}
	return append(line, ']'), values, nil
}

// giveObjects gives the objects that the rows named.
func (d *dumper) giveObjects(ctx context.Context) (DumpEnd, error) {
	end := DumpEnd{Missing: []DumpMissing{}}
	for _, o := range d.objects {
		if err := ctx.Err(); err != nil {
			return end, err
		}
		there, err := d.sink.Has(o)
		if err == nil && !there {
			err = d.give(ctx, o)
		}
		switch {
		case err == nil:
			end.Objects++
			end.Bytes += o.Size
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, ErrDamaged):
			end.Missing = append(end.Missing, DumpMissing{o, err.Error()})
		default:
			return end, err
		}
	}
	return end, nil
}

func (d *dumper) give(ctx context.Context, o DumpObject) error {
	kept := d.s.files
	if o.Kind == copiesDir {
		kept = d.s.copies
	}
	b, err := kept.get(ctx, o.SHA256)
	if err != nil {
		return err
	}
	if b.Size() != o.Size {
		return errors.Join(fmt.Errorf("%w: %s %s has %d bytes, and its row says %d", ErrDamaged, o.Kind, o.SHA256, b.Size(), o.Size), b.Close())
	}
	return errors.Join(d.sink.Object(o, b.Open), b.Close())
}

// SetMoved marks the store as one whose town is being moved, or was moved, to another one: Open
// refuses it (ErrMoved) from then on. "" takes the mark away.
func (s *Store) SetMoved(ctx context.Context, to string) error {
	return s.do(ctx, func(ctx context.Context, tx *tx) error {
		if to == "" {
			return tx.exec(ctx, `DELETE FROM settings WHERE name = $1`, settingMoved)
		}
		return setSetting(ctx, tx, settingMoved, to)
	})
}

// SetBackup notes that a backup ended well.
func (s *Store) SetBackup(ctx context.Context) error {
	return s.do(ctx, func(ctx context.Context, tx *tx) error {
		return setSetting(ctx, tx, settingBackup, s.opts.Now().UTC().Format("2006-01-02T15:04:05Z07:00"))
	})
}

func setSetting(ctx context.Context, run sqlRunner, name, value string) error {
	return run.exec(ctx, `INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value`, name, value)
}
