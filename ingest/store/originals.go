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
	"time"

	"saisine.fr/saisine/ingest"
)

// objects keeps runs of bytes by their SHA-256: the originals over ingest.InlineMax, and the
// searchable copies. There are files (fileStore) and S3 (s3Store). What is asked for and is not
// there is fs.ErrNotExist; a store that cannot be reached is ingest.ErrUnavailable. All
// methods are safe for concurrent use.
type objects interface {
	// put makes the blob's content durable under its hash before it returns. For content that
	// is there it is a no-op. It may take the blob's file over.
	put(ctx context.Context, b *ingest.Blob) error
	// get returns the content of that hash. Close the blob after use.
	get(ctx context.Context, sum string) (*ingest.Blob, error)
	// there reports whether there is something under that hash.
	there(ctx context.Context, sum string) (bool, error)
	// list calls f for each hash that there is, in order.
	list(ctx context.Context, f func(sum string, written time.Time) error) error
	// remove removes the content of that hash, if it is there.
	remove(ctx context.Context, sum string) error
}

// Folders of the originals and the searchable copies, in the data folder or the bucket.
const (
	originalsDir = "originals"
	copiesDir    = "copies"
)

// isSum reports whether s is a SHA-256 in lower-case hexadecimal.
func isSum(s string) bool {
	if len(s) != hex.EncodedLen(sha256.Size) {
		return false
	}
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// Original returns the bytes of a row, as ingest.Ledger asks. Close the blob after use: what
// comes from S3 lies in the spool until then.
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
	return s.files.get(ctx, rec.SHA256)
}

// hashOriginal reads an original again, closes it, and returns its size and hash.
func hashOriginal(b *ingest.Blob) (size int64, sum string, err error) {
	r, err := b.Open()
	if err != nil {
		return 0, "", errors.Join(fmt.Errorf("store: open original: %w", err), b.Close())
	}
	size, sum, err = hashOf(r)
	return size, sum, errors.Join(err, b.Close())
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

// openBlob opens a blob that nobody closes but the returned reader.
func openBlob(b *ingest.Blob) (io.ReadCloser, error) {
	r, err := b.Open()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("store: open: %w", err), b.Close())
	}
	return lastReader{r, b}, nil
}

// lastReader closes its blob with itself.
type lastReader struct {
	io.ReadCloser
	blob *ingest.Blob
}

func (r lastReader) Close() error { return errors.Join(r.ReadCloser.Close(), r.blob.Close()) }

// ErrDamaged means that a store returns other bytes than the name of an object promises.
var ErrDamaged = errors.New("store: damaged")

// errMissing is what get returns for a hash that is not there.
func errMissing(kind, sum string) error {
	return fmt.Errorf("store: %s %s: %w", kind, sum, fs.ErrNotExist)
}
