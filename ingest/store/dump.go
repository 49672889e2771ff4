package store

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"
)

// A dump is the whole store in a form that belongs to no engine: a header, the rows of each
// table in the order of its key, and the objects (originals and searchable copies) by their
// hashes. Dump gives one, Load takes one; ingest/store/backup keeps them in files.

// DumpFormat is the version of the form. It grows when an older program could not read it.
const DumpFormat = 1

// DumpHeader says what is dumped.
type DumpHeader struct {
	Format int `json:"format"`
	// ID is of this dump alone.
	ID string `json:"id"`
	// Schema is the number of the database's last migration.
	Schema int64 `json:"schema"`
	// Version is the program's; Town and From are for people.
	Version string       `json:"version"`
	Town    string       `json:"town"`
	From    string       `json:"from"`
	MadeAt  time.Time    `json:"made_at"`
	Tables  []*DumpTable `json:"tables"`
}

// DumpTable describes a table.
type DumpTable struct {
	Name    string       `json:"name"`
	Columns []DumpColumn `json:"columns"`
	// Key is the primary key, by which rows are ordered.
	Key []string `json:"key"`
}

// DumpColumn describes a column.
type DumpColumn struct {
	Name string   `json:"name"`
	Kind DumpKind `json:"kind"`
}

// DumpKind is what a column holds.
type DumpKind string

// Kinds of columns.
const (
	DumpInteger DumpKind = "integer"
	DumpReal    DumpKind = "real"
	DumpText    DumpKind = "text"
	DumpBytes   DumpKind = "bytes"
)

// DumpRow is a row of a table.
type DumpRow struct {
	// Line is the row as JSON, without a line break: an array in the order of the columns.
	// Integers and reals are numbers, texts are strings, bytes are {"b": base64}, a text that is
	// no UTF-8 is {"t": base64}. An original that lies in the database is {"o": 1} there: its
	// bytes are Content.
	Line []byte
	// Content is nil, or gives the bytes of an original that lies in the database.
	Content func() ([]byte, error)
}

// DumpObject is an original that is no part of the database, or a searchable copy.
type DumpObject struct {
	Kind   string `json:"kind"` // originals or copies
	SHA256 string `json:"sha256"`
	Size   int64  `json:"size"`
}

// DumpSummary says what the tables of a dump hold.
type DumpSummary struct {
	Tables []DumpCount `json:"tables"`
	// Sequences are the last numbers given, by table.
	Sequences map[string]int64 `json:"sequences"`
}

// DumpCount is what there is of a table: SHA256 is over its lines, each with a line break.
type DumpCount struct {
	Table  string `json:"table"`
	Rows   int64  `json:"rows"`
	SHA256 string `json:"sha256"`
}

// DumpEnd ends a dump.
type DumpEnd struct {
	Objects int64 `json:"objects"`
	Bytes   int64 `json:"bytes"`
	// Missing are objects that a row names and that could not be had.
	Missing []DumpMissing `json:"missing"`
}

// DumpMissing is an object that could not be had, and why.
type DumpMissing struct {
	DumpObject
	Why string `json:"why"`
}

// DumpSink takes a dump: Begin, then the rows of each table in the order of the header, then
// Tables, then the objects, then End. The first error ends the dump.
type DumpSink interface {
	Begin(h DumpHeader) error
	Row(t *DumpTable, r DumpRow) error
	Tables(s DumpSummary) error
	// Has reports whether the sink has an object already, from an earlier dump or try.
	Has(o DumpObject) (bool, error)
	// Object takes an object that it does not have. An error that wraps ErrDamaged says that
	// the bytes are not those of the hash, and concerns this object only.
	Object(o DumpObject, open ObjectOpener) error
	End(e DumpEnd) error
}

// ErrDump means that a dump is not whole, or is not one.
var ErrDump = errors.New("store: the backup is not whole")

// derivedTables are made from the others, or are of the moment only, and are in no dump. A test
// compares the list with the schema.
var derivedTables = map[string]string{
	"goose_db_version": "is the header's schema",
	"search":           "is made by IndexSearch",
	"requests_senders": "follows requests by triggers",
	"nodes":            "are the processes that run",
}

// volatileSettings are of this one store and this moment, and are in no dump.
var volatileSettings = []string{"ping", settingIndexed, settingBackup, settingRestore, settingMoved}

// inlineColumn is where an original lies in the database.
const (
	originalsTable = "originals"
	inlineColumn   = "content"
)

// appendValue writes one value of a row. isNull says that the value is NULL, which the
// drivers do not tell from an empty run of bytes.
func appendValue(line []byte, kind DumpKind, v any, isNull bool) ([]byte, error) {
	if isNull {
		return append(line, "null"...), nil
	}
	switch kind {
	case DumpInteger:
		if n, ok := v.(int64); ok {
			return strconv.AppendInt(line, n, 10), nil
		}
	case DumpReal:
		switch n := v.(type) {
		case float64:
			return strconv.AppendFloat(line, n, 'g', -1, 64), nil
		case int64: // SQLite keeps whole reals so
			return strconv.AppendFloat(line, float64(n), 'g', -1, 64), nil
		}
	case DumpText:
		switch t := v.(type) {
		case string:
			return appendText(line, t)
		case []byte:
			return appendText(line, string(t))
		}
	case DumpBytes:
		if v == nil {
			v = []byte(nil)
		}
		if b, ok := v.([]byte); ok {
			line = append(line, `{"b":"`...)
			line = base64.StdEncoding.AppendEncode(line, b)
			return append(line, `"}`...), nil
		}
	}
	return nil, fmt.Errorf("store: a column of kind %s holds a %T", kind, v)
}

func appendText(line []byte, s string) ([]byte, error) {
	if !utf8.ValidString(s) {
		line = append(line, `{"t":"`...)
		line = base64.StdEncoding.AppendEncode(line, []byte(s))
		return append(line, `"}`...), nil
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		return nil, fmt.Errorf("store: text: %w", err)
	}
	return append(line, bytes.TrimSuffix(b.Bytes(), []byte("\n"))...), nil
}

// parseLine reads a row's line. The value of an original that lies in the database is inlined{}.
func parseLine(t *DumpTable, line []byte) ([]any, error) {
	d := json.NewDecoder(bytes.NewReader(line))
	d.UseNumber()
	var raw []any
	if err := d.Decode(&raw); err != nil {
		return nil, fmt.Errorf("%w: row of %s: %w", ErrDump, t.Name, err)
	}
	if len(raw) != len(t.Columns) {
		return nil, fmt.Errorf("%w: row of %s: %d values for %d columns", ErrDump, t.Name, len(raw), len(t.Columns))
	}
	for i, c := range t.Columns {
		v, err := parseValue(c.Kind, raw[i])
		if err != nil {
			return nil, fmt.Errorf("%w: row of %s: column %s: %w", ErrDump, t.Name, c.Name, err)
		}
		raw[i] = v
	}
	return raw, nil
}

// inlined stands for the bytes of an original.
type inlined struct{}

func parseValue(kind DumpKind, v any) (any, error) {
	switch x := v.(type) {
	case nil:
		return nil, nil
	case json.Number:
		switch kind {
		case DumpInteger:
			return strconv.ParseInt(x.String(), 10, 64)
		case DumpReal:
			return strconv.ParseFloat(x.String(), 64)
		}
	case string:
		if kind == DumpText {
			return x, nil
		}
	case map[string]any:
		for key, inner := range x {
			text, isText := inner.(string)
			switch {
			case key == "o" && kind == DumpBytes:
				return inlined{}, nil
			case key == "b" && kind == DumpBytes && isText:
				return base64.StdEncoding.DecodeString(text)
			case key == "t" && kind == DumpText && isText:
				b, err := base64.StdEncoding.DecodeString(text)
				return string(b), err
			}
		}
	}
	return nil, fmt.Errorf("a %T is no %s", v, kind)
}

// InlineSum is the hash of the original that a row of the dump has in the database, or "".
func (t *DumpTable) InlineSum(line []byte) (string, error) {
	if t.Name != originalsTable || !bytes.Contains(line, []byte(`{"o":1}`)) {
		return "", nil
	}
	values, err := parseLine(t, line)
	if err != nil {
		return "", err
	}
	for i, c := range t.Columns {
		if sum, ok := values[i].(string); c.Name == "sha256" && ok && isSum(sum) {
			return sum, nil
		}
	}
	return "", fmt.Errorf("%w: an original without a hash", ErrDump)
}
