package backup

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

	"saisine.fr/saisine/ingest/store"
)

// TarWriter is the sink that writes an archive.
type TarWriter struct {
	tar     *tar.Writer
	made    time.Time
	parts   parts
	report  Report
	header  string // hashes of what was written
	tables  string
	objects hash.Hash
	out     *countingWriter
}

// countingWriter counts what is written.
type countingWriter struct {
	w io.Writer
	n int64
}

func (c *countingWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// NewTarWriter returns a sink that writes an archive to w, as it comes.
func NewTarWriter(w io.Writer) *TarWriter {
	out := &countingWriter{w: w}
	t := &TarWriter{tar: tar.NewWriter(out), objects: sha256.New(), out: out}
	t.parts.flush = func(p Part, content []byte) error { return t.entry(p.Name, content) }
	return t
}

// Report is what was written, after End.
func (t *TarWriter) Report() Report { return t.report }

func (t *TarWriter) head(name string, size int64) error {
	err := t.tar.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o600, ModTime: t.made, Format: tar.FormatPAX})
	if err != nil {
		return fmt.Errorf("backup: %s: %w", name, err)
	}
	return nil
}

func (t *TarWriter) entry(name string, content []byte) error {
	if err := t.head(name, int64(len(content))); err != nil {
		return err
	}
	if _, err := t.tar.Write(content); err != nil {
		return fmt.Errorf("backup: %s: %w", name, err)
	}
	return nil
}

func (t *TarWriter) json(name string, v any) (sum string, err error) {
	b, err := encodeJSON(v)
	if err != nil {
		return "", err
	}
	return sumOf(b), t.entry(name, b)
}

// Begin implements store.DumpSink.
func (t *TarWriter) Begin(h store.DumpHeader) error {
	t.made, t.report.Header = h.MadeAt.Truncate(time.Second), h
	var err error
	t.header, err = t.json(headerName, h)
	return err
}

// Row implements store.DumpSink.
func (t *TarWriter) Row(table *store.DumpTable, r store.DumpRow) error {
	if r.Content != nil {
		// What waits of the table before does not name it.
		if err := t.parts.begin(table); err != nil {
			return err
		}
		sum, err := table.InlineSum(r.Line)
		if err != nil {
			return err
		}
		content, err := r.Content()
		if err != nil {
			return err
		}
		// Before the part that names it.
		if err := t.entry(objectName(originals, sum), content); err != nil {
			return err
		}
		t.parts.held += int64(len(content))
		t.report.New++
	}
	return t.parts.row(table, r.Line)
}

// Tables implements store.DumpSink.
func (t *TarWriter) Tables(s store.DumpSummary) (err error) {
	sum, err := t.parts.summary(s, &t.report)
	if err == nil {
		t.tables, err = t.json(tablesName, sum)
	}
	return err
}

// Has implements store.DumpSink: an archive has nothing from before.
func (t *TarWriter) Has(store.DumpObject) (bool, error) { return false, nil }

// Object implements store.DumpSink.
func (t *TarWriter) Object(o store.DumpObject, open store.ObjectOpener) error {
	r, err := open()
	if err != nil {
		return err
	}
	defer r.Close() // only read
	if err := t.head(objectName(o.Kind, o.SHA256), o.Size); err != nil {
		return err
	}
	h := newHashingReader(r)
	switch n, err := io.Copy(t.tar, io.LimitReader(h, o.Size)); {
	case err != nil:
		return fmt.Errorf("backup: %s %s: %w", o.Kind, o.SHA256, err)
	case n < o.Size:
		return fmt.Errorf("backup: %s %s ended after %d of %d bytes", o.Kind, o.SHA256, n, o.Size)
	}
	t.report.New++
	if h.sum() != o.SHA256 {
		return fmt.Errorf("%w: %s %s: the bytes hash to %s", store.ErrDamaged, o.Kind, o.SHA256, h.sum())
	}
	t.objects.Write(objectLine(o))
	return nil
}

// End implements store.DumpSink.
func (t *TarWriter) End(e store.DumpEnd) error {
	t.report.End = e
	if _, err := t.json(manifestName, Manifest{ID: t.report.Header.ID, DumpEnd: e, SHA256: hex.EncodeToString(t.objects.Sum(nil)), Header: t.header, Tables: t.tables}); err != nil {
		return err
	}
	if err := t.tar.Close(); err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	t.report.Written = t.out.n
	return nil
}

// WriteTar dumps the store into a new archive, which appears under its name whole, read again
// and hashed, or not at all. A name that ends in .zst is compressed. What is there under that
// name is replaced.
func WriteTar(ctx context.Context, s *store.Store, h store.DumpHeader, name string) (rep Report, err error) {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".new-*") // with mode 0600
	if err != nil {
		return rep, fmt.Errorf("backup: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close(), os.Remove(f.Name()))
		}
	}()
	rep, err = dumpTar(ctx, s, h, f, strings.HasSuffix(name, ".zst"))
	if err != nil {
		return rep, err
	}
	if err := f.Sync(); err != nil {
		return rep, fmt.Errorf("backup: %w", err)
	}
	st, err := f.Stat()
	if err != nil {
		return rep, fmt.Errorf("backup: %w", err)
	}
	rep.Written = st.Size()
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return rep, fmt.Errorf("backup: %w", err)
	}
	if _, err := ReadTar(f, NewChecker()); err != nil {
		return rep, fmt.Errorf("backup: what was written cannot be read again: %w", err)
	}
	if err := os.Rename(f.Name(), name); err != nil {
		return rep, fmt.Errorf("backup: %w", err)
	}
	return rep, errors.Join(f.Close(), syncDir(filepath.Dir(name)))
}

// StreamTar dumps the store into w as an archive, which nobody reads again.
func StreamTar(ctx context.Context, s *store.Store, h store.DumpHeader, w io.Writer) (Report, error) {
	return dumpTar(ctx, s, h, w, false)
}

func dumpTar(ctx context.Context, s *store.Store, h store.DumpHeader, w io.Writer, compress bool) (rep Report, err error) {
	buf := bufio.NewWriterSize(w, 1<<20)
	out := io.Writer(buf)
	if compress {
		z, err := zstd.NewWriter(buf)
		if err != nil {
			return rep, fmt.Errorf("backup: %w", err)
		}
		t := NewTarWriter(z)
		_, _, err = s.Dump(ctx, h, t)
		return t.Report(), errors.Join(err, z.Close(), buf.Flush())
	}
	t := NewTarWriter(out)
	_, _, err = s.Dump(ctx, h, t)
	return t.Report(), errors.Join(err, buf.Flush())
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	return errors.Join(f.Sync(), f.Close())
}

// zstdMagic begins what is compressed (RFC 8878 §3.1.1).
var zstdMagic = []byte{0x28, 0xb5, 0x2f, 0xfd}

// ReadTar gives what an archive holds to a sink, and checks all of it: each part and object
// against its hash, and the whole against the manifest. It sees by itself whether the
// archive is compressed. The error wraps store.ErrDump when the archive is not whole.
func ReadTar(r io.Reader, sink store.DumpSink) (Report, error) {
	buf := bufio.NewReaderSize(r, 1<<20)
	if head, err := buf.Peek(len(zstdMagic)); err == nil && bytes.Equal(head, zstdMagic) {
		z, err := zstd.NewReader(buf)
		if err != nil {
			return Report{}, fmt.Errorf("backup: %w", err)
		}
		defer z.Close()
		buf = bufio.NewReaderSize(z, 1<<20)
	}
	t := &tarReader{tar: tar.NewReader(buf), sink: sink, objects: sha256.New(), held: map[string][]byte{}, spoilt: map[store.DumpObject]string{}}
	for t.manifest == nil {
		h, err := t.tar.Next()
		if errors.Is(err, io.EOF) {
			return t.report, damaged("%v", errNoManifest)
		}
		if err != nil {
			return t.report, damaged("%v", err)
		}
		if err := t.entry(h); err != nil {
			return t.report, err
		}
	}
	return t.report, nil
}

// tarReader reads an archive from its beginning to its end, once.
type tarReader struct {
	tar      *tar.Reader
	sink     store.DumpSink
	report   Report
	tables   *Tables
	header   string // hash of header.json
	sum      string // of tables.json
	manifest *Manifest
	seen     []Part
	held     map[string][]byte // originals that the next part is to name
	objects  hash.Hash
	n, bytes int64
	spoilt   map[store.DumpObject]string // that are not what their names say
}

func (t *tarReader) entry(h *tar.Header) error {
	if h.Typeflag != tar.TypeReg {
		return damaged("%q is no file", h.Name)
	}
	if m := objectForm.FindStringSubmatch(h.Name); m != nil {
		return t.object(store.DumpObject{Kind: m[1], SHA256: m[3], Size: h.Size})
	}
	limit := int64(maxJSON)
	if strings.HasPrefix(h.Name, tablesDir+"/") {
		limit = maxPart
	}
	b, err := readBounded(h.Name, t.tar, limit)
	switch {
	case err != nil:
		return damaged("%v", err)
	case h.Name == headerName:
		if err := decodeJSON(h.Name, b, &t.report.Header); err != nil {
			return err
		}
		t.header = sumOf(b)
		return t.sink.Begin(t.report.Header)
	case t.report.Header.ID == "":
		return damaged("it does not begin with %s: this is no backup of saisine", headerName)
	case h.Name == tablesName:
		return t.endTables(b)
	case h.Name == manifestName:
		return t.end(b)
	case strings.HasPrefix(h.Name, tablesDir+"/") && t.tables == nil:
		t.seen = append(t.seen, Part{Name: h.Name, Bytes: int64(len(b)), SHA256: sumOf(b)})
		err := giveRows(t.sink, t.report.Header, h.Name, b, func(sum string) ([]byte, error) {
			content, ok := t.held[sum]
			if !ok {
				return nil, damaged("the original %s is not before the row that names it", sum)
			}
			return content, nil
		})
		clear(t.held)
		return err
	}
	return damaged("nobody knows what %q is", h.Name)
}

func (t *tarReader) object(o store.DumpObject) error {
	if t.report.Header.ID == "" {
		return damaged("it does not begin with %s: this is no backup of saisine", headerName)
	}
	if t.tables == nil { // it lies in the database
		b, err := readBounded(o.SHA256, t.tar, partSize)
		if err != nil {
			return err
		}
		if sumOf(b) != o.SHA256 {
			return damaged("the original %s hashes to %s", o.SHA256, sumOf(b))
		}
		t.held[o.SHA256] = b
		t.report.New++
		return nil
	}
	has, err := t.sink.Has(o)
	if err != nil {
		return err
	}
	h := newHashingReader(t.tar)
	if !has {
		err = t.sink.Object(o, func() (io.ReadCloser, error) { return io.NopCloser(h), nil })
	}
	if err != nil && !errors.Is(err, store.ErrDamaged) {
		return err
	}
	if _, err := io.Copy(io.Discard, h); err != nil {
		return damaged("%v", err)
	}
	if h.sum() != o.SHA256 {
		t.spoilt[o] = h.sum() // the manifest says whether that was known
		return nil
	}
	if err != nil {
		return err
	}
	t.objects.Write(objectLine(o))
	t.n++
	t.bytes += o.Size
	t.report.New++
	return nil
}

func (t *tarReader) endTables(b []byte) error {
	t.tables, t.sum = &Tables{}, sumOf(b)
	if err := decodeJSON(tablesName, b, t.tables); err != nil {
		return err
	}
	if err := sameParts(t.tables.Parts, t.seen); err != nil {
		return err
	}
	t.report.Tables = t.tables.Tables
	for _, c := range t.report.Tables {
		t.report.Rows += c.Rows
	}
	return t.sink.Tables(t.tables.DumpSummary)
}

func sameParts(want, got []Part) error {
	if len(want) != len(got) {
		return damaged("there are %d parts of tables, and %d were written", len(got), len(want))
	}
	for i, p := range want {
		if got[i] != p {
			return damaged("%s is not what was written: %d bytes (%s) instead of %d (%s)", p.Name, got[i].Bytes, got[i].SHA256, p.Bytes, p.SHA256)
		}
	}
	return nil
}

func (t *tarReader) end(b []byte) error {
	m := &Manifest{}
	if err := decodeJSON(manifestName, b, m); err != nil {
		return err
	}
	switch {
	case t.tables == nil || m.Tables != t.sum:
		return damaged("%s is not that of the manifest", tablesName)
	case m.ID != t.report.Header.ID || m.Header != t.header:
		return damaged("the manifest is that of another backup")
	}
	for o, sum := range t.spoilt {
		if !missingIn(m.DumpEnd, o) {
			return damaged("%s %s hashes to %s", o.Kind, o.SHA256, sum)
		}
	}
	if m.Objects != t.n || m.Bytes != t.bytes || m.SHA256 != hex.EncodeToString(t.objects.Sum(nil)) {
		return damaged("there are %d originals and copies with %d bytes, and %d with %d were written, or they are others", t.n, t.bytes, m.Objects, m.Bytes)
	}
	t.manifest, t.report.End = m, m.DumpEnd
	return t.sink.End(m.DumpEnd)
}

// Checker is a sink that keeps nothing and looks at everything.
type Checker struct {
	rows map[string]*tally
}

type tally struct {
	store.DumpCount
	h hash.Hash
}

// NewChecker returns a Checker.
func NewChecker() *Checker { return &Checker{rows: map[string]*tally{}} }

// Begin implements store.DumpSink.
func (c *Checker) Begin(store.DumpHeader) error { return nil }

// Row implements store.DumpSink.
func (c *Checker) Row(t *store.DumpTable, r store.DumpRow) error {
	n := c.rows[t.Name]
	if n == nil {
		n = &tally{DumpCount: store.DumpCount{Table: t.Name}, h: sha256.New()}
		c.rows[t.Name] = n
	}
	n.Rows++
	n.h.Write(r.Line)
	n.h.Write([]byte{'\n'})
	if r.Content == nil {
		return nil
	}
	content, err := r.Content()
	if err != nil {
		return err
	}
	if sum, err := t.InlineSum(r.Line); err != nil || sumOf(content) != sum {
		return errors.Join(damaged("the original %s hashes to %s", sum, sumOf(content)), err)
	}
	return nil
}

// Tables implements store.DumpSink.
func (c *Checker) Tables(s store.DumpSummary) error {
	for _, want := range s.Tables {
		got := store.DumpCount{Table: want.Table, SHA256: sumOf(nil)}
		if n := c.rows[want.Table]; n != nil {
			got = n.DumpCount
			got.SHA256 = hex.EncodeToString(n.h.Sum(nil))
		}
		if got != want {
			return damaged("the table %s has %d rows (%s), and %d were written (%s)", want.Table, got.Rows, got.SHA256, want.Rows, want.SHA256)
		}
	}
	return nil
}

// Has implements store.DumpSink.
func (c *Checker) Has(store.DumpObject) (bool, error) { return false, nil }

// Object implements store.DumpSink.
func (c *Checker) Object(o store.DumpObject, open store.ObjectOpener) error {
	r, err := open()
	if err != nil {
		return err
	}
	h := newHashingReader(r)
	_, err = io.Copy(io.Discard, h)
	if err := errors.Join(err, r.Close()); err != nil {
		return fmt.Errorf("backup: %s %s: %w", o.Kind, o.SHA256, err)
	}
	if h.sum() != o.SHA256 || h.n != o.Size {
		return fmt.Errorf("%w: %s %s: the bytes hash to %s", store.ErrDamaged, o.Kind, o.SHA256, h.sum())
	}
	return nil
}

// End implements store.DumpSink.
func (c *Checker) End(store.DumpEnd) error { return nil }
