package main

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"saisine.fr/saisine/ingest"
)

func isScanName(name string) bool {
	switch strings.ToLower(path.Ext(name)) {
	case ".pdf", ".tif", ".tiff", ".jpg", ".jpeg", ".png":
		return true
	}
	return false
}

// packedAs is how an archive is packed, by its name, or "".
func packedAs(name string) string {
	name = strings.ToLower(name)
	for ending, kind := range map[string]string{".zip": "zip", ".tar": "tar", ".tar.gz": "tar.gz", ".tgz": "tar.gz"} {
		if strings.HasSuffix(name, ending) {
			return kind
		}
	}
	return ""
}

// listScans walks scans: files, folders and archives of them.
func listScans(ctx context.Context, in importInput, paths []string, yield func(item) error) error {
	fits := func(name string) bool { return isScanName(name) || packedAs(name) != "" }
	if err := expectFiles(ctx, in, paths, fits); err != nil {
		return err
	}
	return walkFiles(ctx, paths, fits, func(f foundFile) error {
		if kind := packedAs(f.path); kind != "" {
			defer in.progress.came(1)
			return listPacked(ctx, in, kind, f.path, yield)
		}
		return yield(item{source: f.path, size: 1, open: func() (ingest.Submission, error) { return openScan(in, f) }})
	})
}

func openScan(in importInput, file foundFile) (ingest.Submission, error) {
	f, err := os.Open(file.path)
	if err != nil {
		return ingest.Submission{}, err
	}
	defer func() { _ = f.Close() }()
	var at time.Time
	if st, err := f.Stat(); err == nil {
		at = st.ModTime()
	}
	blob, err := in.spool.Read(f, int64(in.limits.File))
	if err != nil {
		return ingest.Submission{}, err
	}
	folder, _ := filepath.Rel(file.root, filepath.Dir(file.path))
	return scanSubmission(blob, folderService(filepath.ToSlash(folder), ""), at)
}

// scanSubmission closes the blob when it is no scan.
func scanSubmission(blob *ingest.Blob, service string, at time.Time) (ingest.Submission, error) {
	head := make([]byte, ingest.SniffLen)
	r, err := blob.Open()
	if err != nil {
		return ingest.Submission{}, errors.Join(err, blob.Close())
	}
	n, _ := io.ReadFull(r, head)
	_ = r.Close()
	mediaType := ingest.SniffScan(head[:n])
	if mediaType == "" {
		_ = blob.Close()
		return ingest.Submission{}, errors.New("its content is no scan: no PDF, TIFF, JPEG or PNG")
	}
	return ingest.Submission{
		Channel: ingest.ChannelScan, SourceKey: "sha256:" + blob.SHA256(), Original: blob, MediaType: mediaType, ReceivedAt: at,
		Hints: ingest.Hints{Service: service},
	}, nil
}

// folderService is the service that the first sub-folder names, as in a scan folder. The
// folder that an archive was made of names none.
func folderService(folder, archive string) string {
	for name := range strings.SplitSeq(folder, "/") {
		name = strings.TrimSpace(strings.ToValidUTF8(printable(name), ""))
		if name != "" && name != "." && name != ".." && !strings.EqualFold(name, archive) {
			return name
		}
	}
	return ""
}

// packed is an archive that is being read.
type packed struct {
	in    importInput
	path  string
	yield func(item) error
}

func listPacked(ctx context.Context, in importInput, kind, file string, yield func(item) error) error {
	p := packed{in, file, yield}
	var err error
	switch kind {
	case "zip":
		err = p.zip(ctx)
	default:
		err = p.tar(ctx, kind == "tar.gz")
	}
	var broken *brokenArchiveError
	if errors.As(err, &broken) {
		return yield(failedItem(file, err))
	}
	return err
}

// brokenArchiveError is a fault of the archive, not of this house.
type brokenArchiveError struct{ err error }

func (e *brokenArchiveError) Error() string { return "the archive cannot be read on: " + e.err.Error() }
func (e *brokenArchiveError) Unwrap() error { return e.err }

func (p packed) zip(ctx context.Context) error {
	z, err := zip.OpenReader(p.path)
	if err != nil {
		return &brokenArchiveError{err}
	}
	defer func() { _ = z.Close() }()
	for _, f := range z.File {
		if err := ctx.Err(); err != nil {
			return err
		}
		if f.FileInfo().IsDir() || !isScanName(f.Name) {
			continue
		}
		if err := p.zipped(f); err != nil {
			return err
		}
	}
	return nil
}

// ratioFrom is the size from which on a file must not be too many times what it is packed:
// a blank page packs well.
const ratioFrom = 1 << 20

func (p packed) zipped(f *zip.File) error {
	ratio := uint64(max(p.in.limits.UnpackedRatio, 1))
	if f.UncompressedSize64 > ratioFrom && f.UncompressedSize64/ratio > f.CompressedSize64 {
		return p.yield(failedItem(p.source(f.Name), errPacked))
	}
	r, err := f.Open()
	if err != nil {
		return p.yield(failedItem(p.source(f.Name), err))
	}
	err = p.entry(f.Name, f.Modified, r)
	return errors.Join(err, ignored(r.Close()))
}

// ignored is for the close of what was read only: what matters was told by the reading.
func ignored(error) error { return nil }

var errPacked = errors.New("it is packed too many times smaller than it is (limits.unpacked_ratio)")

func (p packed) tar(ctx context.Context, zipped bool) error {
	f, err := os.Open(p.path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	var r io.Reader = f
	if zipped {
		raw := &tally{r: f}
		z, err := gzip.NewReader(raw)
		if err != nil {
			return &brokenArchiveError{err}
		}
		r = &inflating{z: z, raw: raw, ratio: int64(max(p.in.limits.UnpackedRatio, 1))}
	}
	t := tar.NewReader(r)
	for ctx.Err() == nil {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return &brokenArchiveError{err}
		}
		if h.Typeflag != tar.TypeReg || !isScanName(h.Name) {
			continue
		}
		if err := p.entry(h.Name, h.ModTime, t); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// tally counts what is read.
type tally struct {
	r io.Reader
	n int64
}

func (t *tally) Read(b []byte) (int, error) {
	n, err := t.r.Read(b)
	t.n += int64(n)
	return n, err
}

// inflating ends a gzip stream that becomes too many times larger.
type inflating struct {
	z     io.Reader
	raw   *tally
	ratio int64
	n     int64
}

func (i *inflating) Read(b []byte) (int, error) {
	n, err := i.z.Read(b)
	if i.n += int64(n); i.n > ratioFrom && i.n/i.ratio > i.raw.n {
		return 0, errPacked
	}
	return n, err
}

func (p packed) source(name string) string {
	return p.path + "!" + strings.ToValidUTF8(printable(name), "\ufffd")
}

// entry takes one file of the archive. It is read at once: what lies behind it is not to be
// had before.
func (p packed) entry(name string, at time.Time, r io.Reader) error {
	source := p.source(name)
	blob, err := p.in.spool.Read(r, int64(p.in.limits.File))
	if err != nil {
		if errors.Is(err, errPacked) {
			return &brokenArchiveError{err}
		}
		return p.yield(failedItem(source, err))
	}
	base := filepath.Base(p.path)
	sub, err := scanSubmission(blob, folderService(path.Dir(filepath.ToSlash(name)), base[:strings.Index(base, ".")]), at)
	if err != nil {
		return p.yield(failedItem(source, err))
	}
	return p.yield(item{
		source: source, drop: func() { _ = sub.Original.Close() },
		open: func() (ingest.Submission, error) { return sub, nil },
	})
}
