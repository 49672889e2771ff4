// Package backup keeps dumps of a store in files: a tar archive, or a repository in which each
// original lies once, however many backups there are.
//
// A backup holds, in this order:
//
//	header.json              store.DumpHeader
//	tables/NAME.000001.jsonl the rows of each table in parts, one JSON array a line
//	tables.json              Tables: what they hold, with the hash of each part
//	originals/ab/abcdef…     the originals, and copies/… the searchable copies, by their SHA-256
//	manifest.json            Manifest: what there is of these; the last, so that without it
//	                         the backup is not whole
//
// In an archive the originals that lie in the database come before the part of the table that
// names them. In a repository parts are compressed (zstd), everything but the objects lies in
// snapshots/TIME, and objects.txt there names the objects.
//
// A backup holds all that the store has: letters, addresses, and the keys that sign links. It
// is as much in need of protection, and is not encrypted by itself.
package backup

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"path"
	"regexp"

	"saisine.fr/saisine/ingest/store"
)

// Names of the entries.
const (
	headerName   = "header.json"
	tablesDir    = "tables"
	tablesName   = "tables.json"
	manifestName = "manifest.json"
	objectsName  = "objects.txt"
	// eliminatedDir has, in a repository, what was eliminated (store.ExportTombstones).
	eliminatedDir = "eliminated"
)

// partSize is how many bytes of rows, and of originals that belong to them, make a part.
const partSize = 4 << 20

// maxJSON bounds a header or manifest, and maxPart a part: no foreign file fills the memory.
const (
	maxJSON = 256 << 20
	maxPart = 1 << 30
)

// Part is a run of rows of a table.
type Part struct {
	Name   string `json:"name"`
	Bytes  int64  `json:"bytes"` // as JSON Lines, not compressed
	SHA256 string `json:"sha256"`
}

// Tables is tables.json.
type Tables struct {
	store.DumpSummary
	Parts []Part `json:"parts"`
}

// Manifest is manifest.json.
type Manifest struct {
	// ID is that of the header.
	ID string `json:"id"`
	store.DumpEnd
	// SHA256 is over a line for each object, as objectLine writes it, in the order of the dump.
	SHA256 string `json:"sha256"`
	// Header and Tables are the hashes of header.json and tables.json.
	Header string `json:"header"`
	Tables string `json:"tables"`
}

// Report is what a backup, or a look at one, found.
type Report struct {
	Header  store.DumpHeader
	Tables  []store.DumpCount
	End     store.DumpEnd
	Rows    int64
	Written int64 // bytes that this backup has added
	// New counts the objects that it has added, those from the database included.
	New int64
}

func objectName(kind, sum string) string { return path.Join(kind, sum[:2], sum) }

func objectLine(o store.DumpObject) []byte {
	return fmt.Appendf(nil, "%s %s %d\n", o.Kind, o.SHA256, o.Size)
}

func partName(table string, n int) string {
	return fmt.Sprintf("%s/%s.%06d.jsonl", tablesDir, table, n)
}

// Kinds of objects.
const (
	originals = "originals"
	copies    = "copies"
)

var (
	partForm   = regexp.MustCompile(`^tables/([a-z0-9_]+)\.[0-9]{6}\.jsonl$`)
	objectForm = regexp.MustCompile(`^(originals|copies)/([0-9a-f]{2})/([0-9a-f]{64})$`)
)

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s", store.ErrDump, fmt.Sprintf(format, args...))
}

func encodeJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("backup: %w", err)
	}
	return b.Bytes(), nil
}

// decodeJSON reads a header or manifest, which a newer program may have given more keys.
func decodeJSON(name string, b []byte, v any) error {
	if err := json.Unmarshal(b, v); err != nil {
		return damaged("%s cannot be read: %v", name, err)
	}
	return nil
}

func sumOf(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

// readBounded reads all of r, at most limit bytes.
func readBounded(name string, r io.Reader, limit int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, fmt.Errorf("backup: %s: %w", name, err)
	}
	if int64(len(b)) > limit {
		return nil, damaged("%s is larger than any such file", name)
	}
	return b, nil
}

// hashingReader hashes what is read.
type hashingReader struct {
	r io.Reader
	h hash.Hash
	n int64
}

func newHashingReader(r io.Reader) *hashingReader { return &hashingReader{r: r, h: sha256.New()} }

func (r *hashingReader) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	r.h.Write(p[:n])
	r.n += int64(n)
	return n, err
}

func (r *hashingReader) sum() string { return hex.EncodeToString(r.h.Sum(nil)) }

// parts gathers rows of tables into parts; flush is called with each.
type parts struct {
	table *store.DumpTable
	n     int
	buf   bytes.Buffer
	held  int64 // bytes of originals that belong to it
	list  []Part
	flush func(p Part, content []byte) error
}

// summary ends the parts, and says in the report and in what it returns what there is of them.
func (p *parts) summary(s store.DumpSummary, rep *Report) (Tables, error) {
	if err := p.end(); err != nil {
		return Tables{}, err
	}
	rep.Tables = s.Tables
	for _, c := range s.Tables {
		rep.Rows += c.Rows
	}
	return Tables{DumpSummary: s, Parts: p.list}, nil
}

// begin begins the parts of a table, unless that is done.
func (p *parts) begin(t *store.DumpTable) error {
	if p.table == t {
		return nil
	}
	if err := p.end(); err != nil {
		return err
	}
	p.table, p.n = t, 0
	return nil
}

func (p *parts) row(t *store.DumpTable, line []byte) error {
	if err := p.begin(t); err != nil {
		return err
	}
	p.buf.Write(line)
	p.buf.WriteByte('\n')
	if int64(p.buf.Len())+p.held < partSize {
		return nil
	}
	return p.end()
}

func (p *parts) end() error {
	if p.buf.Len() == 0 {
		return nil
	}
	p.n++
	part := Part{Name: partName(p.table.Name, p.n), Bytes: int64(p.buf.Len()), SHA256: sumOf(p.buf.Bytes())}
	p.list = append(p.list, part)
	err := p.flush(part, p.buf.Bytes())
	p.buf.Reset()
	p.held = 0
	return err
}

// giveRows gives the rows of a part to the sink; content has the originals that lie in the
// database.
func giveRows(sink store.DumpSink, h store.DumpHeader, name string, lines []byte, content func(sum string) ([]byte, error)) error {
	m := partForm.FindStringSubmatch(name)
	if m == nil {
		return damaged("%q is no name of a part", name)
	}
	var t *store.DumpTable
	for _, known := range h.Tables {
		if known.Name == m[1] {
			t = known
		}
	}
	if t == nil {
		return damaged("the header knows no table %s", m[1])
	}
	for len(lines) > 0 {
		line, rest, whole := bytes.Cut(lines, []byte("\n"))
		if !whole {
			return damaged("%s ends in the midst of a row", name)
		}
		lines = rest
		r := store.DumpRow{Line: line}
		sum, err := t.InlineSum(line)
		if err != nil {
			return err
		}
		if sum != "" {
			r.Content = func() ([]byte, error) { return content(sum) }
		}
		if err := sink.Row(t, r); err != nil {
			return err
		}
	}
	return nil
}

// missingIn says whether an object is known to be missing.
func missingIn(e store.DumpEnd, o store.DumpObject) bool {
	for _, m := range e.Missing {
		if m.DumpObject == o {
			return true
		}
	}
	return false
}

var errNoManifest = errors.New("it has no manifest, so it was cut off while it was written")
