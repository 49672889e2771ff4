package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/crashpoint"
)

// fileStore keeps the originals over ingest.InlineMax: one file each, named by its
// SHA-256, under a folder named by the hash's first byte.
type fileStore struct {
	dir string
	// named holds the folders below dir whose own names this process has made durable.
	named sync.Map
}

func openFileStore(dir string) (*fileStore, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("store: make folder: %w", err)
	}
	return &fileStore{dir: dir}, nil
}

func (f *fileStore) path(sum string) string { return filepath.Join(f.dir, sum[:2], sum) }

func (f *fileStore) has(sum string) bool {
	_, err := os.Stat(f.path(sum))
	return err == nil
}

// remove takes a file away for good; one that is not there is none.
func (f *fileStore) remove(sum string) error {
	path := f.path(sum)
	switch err := os.Remove(path); {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("store: remove: %w", err)
	}
	return syncPath(filepath.Dir(path))
}

// put makes the blob's content durable under its hash: fsync of the file, rename,
// fsync of the folder, in that order, so that the name never shows other content
// (and a new folder's own name is made durable in its parent). Doing it again for
// the same content is a no-op.
func (f *fileStore) put(b *ingest.Blob) error {
	sum := b.SHA256()
	final := f.path(sum)
	if st, err := os.Stat(final); err == nil && st.Size() == b.Size() {
		// It was renamed there by an earlier put, but that one may have been killed
		// before the folder's fsync.
		return errors.Join(f.nameDurably(filepath.Dir(final)), syncPath(filepath.Dir(final)))
	}
	if err := syncPath(b.Path()); err != nil {
		return err
	}
	crashpoint.Hit("store.original_synced")
	dir := filepath.Dir(final)
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("store: original: %w", err)
	}
	if err := f.nameDurably(dir); err != nil {
		return err
	}
	if err := os.Rename(b.Path(), final); err != nil {
		return fmt.Errorf("store: original: %w", err)
	}
	crashpoint.Hit("store.original_renamed")
	return syncPath(dir)
}

// nameDurably makes the name of a folder durable in its parent. That a folder is there does not
// say so: another put may have made it a moment ago, or a process that was killed right after.
func (f *fileStore) nameDurably(folder string) error {
	if _, done := f.named.Load(folder); done {
		return nil
	}
	if err := syncPath(f.dir); err != nil {
		return err
	}
	f.named.Store(folder, nil)
	return nil
}

// syncPath flushes a file or folder to the disk.
func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("store: sync: %w", err)
	}
	if err := f.Sync(); err != nil {
		return errors.Join(fmt.Errorf("store: sync %s: %w", filepath.Base(path), err), f.Close())
	}
	return f.Close()
}

// Original returns the bytes of a row, as ingest.Ledger asks.
func (s *Store) Original(ctx context.Context, rec ingest.Record) (*ingest.Blob, error) {
	var content []byte
	var inline, gone bool
	err := s.read.QueryRowContext(ctx, `SELECT content, content IS NOT NULL, gone = 1 FROM originals WHERE sha256 = $1`, rec.SHA256).Scan(&content, &inline, &gone)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("%w: original %s", ingest.ErrNotFound, rec.SHA256)
	}
	if err != nil {
		return nil, fmt.Errorf("store: original: %w", err)
	}
	if gone || !rec.EliminatedAt.IsZero() {
		return nil, fmt.Errorf("%w: original %s", ingest.ErrEliminated, rec.SHA256)
	}
	if inline {
		if content == nil { // the driver gives an empty BLOB as nil
			content = []byte{}
		}
		return ingest.NewBlob(content), nil
	}
	path := s.files.path(rec.SHA256)
	st, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("store: original: %w", err)
	}
	return ingest.StoredBlob(path, st.Size(), rec.SHA256)
}

// hashOriginal reads an original again and returns its size and hash.
func hashOriginal(b *ingest.Blob) (size int64, sum string, err error) {
	r, err := b.Open()
	if err != nil {
		return 0, "", fmt.Errorf("store: open original: %w", err)
	}
	return hashOf(r)
}

// hashOf reads r to its end, closes it, and returns its size and hash.
func hashOf(r io.ReadCloser) (size int64, sum string, err error) {
	h := sha256.New()
	size, err = io.Copy(h, r)
	if err := errors.Join(err, r.Close()); err != nil {
		return 0, "", fmt.Errorf("store: read: %w", err)
	}
	return size, hex.EncodeToString(h.Sum(nil)), nil
}
