package ingest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
)

// InlineMax is the size in bytes up to which an original stays in memory and goes
// into the database, in the same transaction as its ledger row. Larger ones become
// files: SQLite is faster than the file system below about 100 kB and not much
// slower up to this size (sqlite.org, "35% Faster Than The Filesystem"), and one
// fsync then covers both.
const InlineMax = 256 << 10

// ErrTooLarge is returned by Spool.Read when the source holds more than the limit.
var ErrTooLarge = errors.New("ingest: larger than the limit")

// Blob is a finite run of bytes with its SHA-256: in memory up to InlineMax,
// otherwise in a temporary file that the store can adopt by renaming. A Blob is
// immutable. It may be read by several goroutines, but must be closed once.
type Blob struct {
	mem    []byte
	path   string
	stored bool // path belongs to a store: Close leaves it
	size   int64
	sum    [sha256.Size]byte
}

// StoredBlob wraps a file that a store keeps; Close leaves it alone. sum is the
// SHA-256 in hexadecimal that the store has on record.
func StoredBlob(path string, size int64, sum string) (*Blob, error) {
	b := &Blob{path: path, size: size, stored: true}
	raw, err := hex.DecodeString(sum)
	if err != nil || len(raw) != len(b.sum) {
		return nil, fmt.Errorf("ingest: %q is no SHA-256", sum)
	}
	copy(b.sum[:], raw)
	return b, nil
}

// NewBlob wraps bytes that are in memory already. The caller must not change them.
func NewBlob(b []byte) *Blob {
	return &Blob{mem: b, size: int64(len(b)), sum: sha256.Sum256(b)}
}

// Size is the number of bytes.
func (b *Blob) Size() int64 { return b.size }

// SHA256 is the hash of the bytes in lower-case hexadecimal.
func (b *Blob) SHA256() string { return hex.EncodeToString(b.sum[:]) }

// Bytes returns the content if it is held in memory, and nil otherwise.
func (b *Blob) Bytes() []byte { return b.mem }

// Path returns the temporary file that holds the content, or "" when it is in memory.
func (b *Blob) Path() string { return b.path }

// Open returns a reader over the whole content.
func (b *Blob) Open() (io.ReadCloser, error) {
	if b.path == "" {
		return io.NopCloser(bytes.NewReader(b.mem)), nil
	}
	return os.Open(b.path)
}

// readerAt returns a reader at any place of the content, and its size. Close it after use.
func (b *Blob) readerAt() (interface {
	io.ReaderAt
	io.Closer
}, int64, error,
) {
	if b.path != "" {
		f, err := os.Open(b.path)
		return f, b.size, err
	}
	return struct {
		io.ReaderAt
		io.Closer
	}{bytes.NewReader(b.mem), io.NopCloser(nil)}, b.size, nil
}

// Close removes the temporary file, unless a store has renamed it away.
func (b *Blob) Close() error {
	if b.path == "" || b.stored {
		return nil
	}
	if err := os.Remove(b.path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("ingest: remove spool file: %w", err)
	}
	return nil
}

// Spool makes Blobs. It is safe for concurrent use.
type Spool struct {
	// Dir is where large Blobs lie until they are stored; it must be on the same
	// file system as the originals, so that adopting one is a rename.
	Dir string
}

// Read takes everything from r. It fails with ErrTooLarge when r holds more than max
// bytes (max <= 0: no limit), and with r's own error when r fails; then nothing is kept.
func (s Spool) Read(r io.Reader, max int64) (*Blob, error) {
	w := s.Writer()
	src := r
	if max > 0 {
		src = io.LimitReader(r, max+1)
	}
	if _, err := io.Copy(w, src); err != nil {
		w.Abort()
		return nil, err
	}
	if max > 0 && w.size > max {
		w.Abort()
		return nil, ErrTooLarge
	}
	return w.Blob()
}

// TakeOver makes a Blob of a finished file, whose place it then owns: the store may
// rename the file, and Close removes it. The file is read once, for its hash.
func TakeOver(path string) (*Blob, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("ingest: take over file: %w", err)
	}
	b := &Blob{path: path}
	h := sha256.New()
	b.size, err = io.Copy(h, f)
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("ingest: take over file: %w", err)
	}
	h.Sum(b.sum[:0])
	return b, nil
}

// Writer returns a writer whose content becomes a Blob.
func (s Spool) Writer() *BlobWriter {
	return &BlobWriter{dir: s.Dir, hash: sha256.New()}
}

// BlobWriter collects bytes for a Blob. It is not safe for concurrent use. Either
// Blob or Abort ends it.
type BlobWriter struct {
	dir  string
	mem  []byte
	file *os.File
	hash hash.Hash
	size int64
}

// Write implements io.Writer.
func (w *BlobWriter) Write(p []byte) (int, error) {
	if w.file == nil && w.size+int64(len(p)) > InlineMax {
		f, err := os.CreateTemp(w.dir, "spool-*")
		if err != nil {
			return 0, fmt.Errorf("ingest: create spool file: %w", err)
		}
		w.file = f
		if _, err := f.Write(w.mem); err != nil {
			return 0, fmt.Errorf("ingest: write spool file: %w", err)
		}
		w.mem = nil
	}
	if w.file != nil {
		if n, err := w.file.Write(p); err != nil {
			return n, fmt.Errorf("ingest: write spool file: %w", err)
		}
	} else {
		w.mem = append(w.mem, p...)
	}
	w.hash.Write(p)
	w.size += int64(len(p))
	return len(p), nil
}

// Blob ends the writer and returns what was written. The bytes are not yet durable:
// that is the store's part.
func (w *BlobWriter) Blob() (*Blob, error) {
	b := &Blob{mem: w.mem, size: w.size}
	w.hash.Sum(b.sum[:0])
	if w.file != nil {
		b.path = w.file.Name()
		if err := w.file.Close(); err != nil {
			_ = os.Remove(b.path)
			return nil, fmt.Errorf("ingest: close spool file: %w", err)
		}
	} else if b.mem == nil {
		b.mem = []byte{}
	}
	return b, nil
}

// Abort ends the writer and drops what was written.
func (w *BlobWriter) Abort() {
	if w.file != nil {
		_ = w.file.Close()
		_ = os.Remove(w.file.Name())
		w.file = nil
	}
	w.mem = nil
}
