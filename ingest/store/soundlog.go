package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/mattn/go-sqlite3"
)

// soundLog makes SQLite's log (the file beside the database) durable from its first byte to
// its last, by writing every byte of it again and syncing it. The caller holds the write
// lock, so that nobody appends to the log or begins it anew meanwhile; readers see the same
// bytes throughout.
//
// It is needed before the first write of a process. When an fsync fails, the kernel says so
// once, and then holds for clean what is not on the disk (PostgreSQL's "fsyncgate",
// wiki.postgresql.org/wiki/Fsync_Errors). The process that was told acknowledges nothing,
// and its next commit goes over the same part of the log. But if it dies before that, the next
// one reads the log from memory, finds it whole and appends to it. Those commits are on the
// disk, with a hole before them, and SQLite reads a log only as far as its first hole: a
// power cut would take all of them. A plain fsync does not help, since there is nothing that
// the kernel holds for unwritten.
func soundLog(database string) (err error) {
	f, err := os.OpenFile(database+"-wal", os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("store: log of the database: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	buf := make([]byte, 1<<20)
	for at := int64(0); ; {
		n, err := f.ReadAt(buf, at)
		if n > 0 {
			if _, err := f.WriteAt(buf[:n], at); err != nil {
				return fmt.Errorf("store: log of the database: %w", err)
			}
			at += int64(n)
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("store: log of the database: %w", err)
		}
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("store: log of the database: %w", err)
	}
	return nil
}

// isFsync reports whether a commit failed because it could not be synced.
func isFsync(err error) bool {
	var se sqlite3.Error
	return errors.As(err, &se) && se.ExtendedCode == sqlite3.ErrIoErrFsync
}
