package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/crashpoint"
)

// fileStore is objects as files: one each, named by its SHA-256, under a folder named by the
// hash's first byte.
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

// put makes the blob's content durable under its hash: fsync of the file, rename,
// fsync of the folder, in that order, so that the name never shows other content
// (and a new folder's own name is made durable in its parent). Doing it again for
// the same content is a no-op.
func (f *fileStore) put(_ context.Context, b *ingest.Blob) error {
	sum := b.SHA256()
	final := f.path(sum)
	if st, err := os.Stat(final); err == nil && st.Size() == b.Size() {
		// It was renamed there by an earlier put, but that one may have been killed
		// before the folder's fsync.
		return errors.Join(f.nameDurably(filepath.Dir(final)), syncPath(filepath.Dir(final)))
	}
	dir := filepath.Dir(final)
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("store: original: %w", err)
	}
	from := b.Path()
	if from == "" {
		var err error
		if from, err = writeTemp(dir, b.Bytes()); err != nil {
			return err
		}
		defer func() { _ = os.Remove(from) }() // of one that was not renamed
	}
	if err := syncPath(from); err != nil {
		return err
	}
	crashpoint.Hit("store.original_synced")
	if err := f.nameDurably(dir); err != nil {
		return err
	}
	if err := os.Rename(from, final); err != nil {
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

// writeTemp writes a file in dir that list passes over.
func writeTemp(dir string, content []byte) (string, error) {
	f, err := os.CreateTemp(dir, ".new-*")
	if err != nil {
		return "", fmt.Errorf("store: original: %w", err)
	}
	if _, err := f.Write(content); err != nil {
		return "", errors.Join(fmt.Errorf("store: original: %w", err), f.Close(), os.Remove(f.Name()))
	}
	return f.Name(), f.Close()
}

func (f *fileStore) get(_ context.Context, sum string) (*ingest.Blob, error) {
	if !isSum(sum) {
		return nil, errMissing(filepath.Base(f.dir), sum)
	}
	path := f.path(sum)
	st, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("store: %s: %w", filepath.Base(f.dir), err)
	}
	return ingest.StoredBlob(path, st.Size(), sum)
}

func (f *fileStore) list(ctx context.Context, each func(sum string, written time.Time) error) error {
	return filepath.WalkDir(f.dir, func(_ string, d fs.DirEntry, err error) error {
		if err := errors.Join(err, ctx.Err()); err != nil {
			return err
		}
		if d.IsDir() || !isSum(d.Name()) {
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return nil //nolint:nilerr // removed meanwhile
		}
		return each(d.Name(), info.ModTime())
	})
}

func (f *fileStore) there(_ context.Context, sum string) (bool, error) {
	if !isSum(sum) {
		return false, nil
	}
	_, err := os.Stat(f.path(sum))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

func (f *fileStore) remove(_ context.Context, sum string) error {
	if !isSum(sum) {
		return nil
	}
	path := f.path(sum)
	if err := os.Remove(path); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return fmt.Errorf("store: remove: %w", err)
	}
	return syncPath(filepath.Dir(path))
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
