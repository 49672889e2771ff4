package ocr

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"saisine.fr/saisine/ocr/wire"
)

// ErrNoCopy means that no searchable copy can be made of these bytes: they are damaged,
// locked by a password, no document, or over the limits. It is final; what comes with it
// is a reason in French, meant for the clerk.
var ErrNoCopy = errors.New("ocr: no searchable copy")

// CopyPage is one page of a searchable copy.
type CopyPage struct {
	// Path is the file that holds the page: a PDF, TIFF, JPEG or PNG.
	Path string
	// Number of the page in that file, from 1.
	Number int
	// Rotation is Page.Rotation of the page as it was read.
	Rotation int
	// Layout is Page.Layout of the page as it was read. nil = the page is copied as it
	// is: it is blank or has a text layer of its own.
	Layout *Layout
}

// CopyResult describes a searchable copy.
type CopyResult struct {
	Pages int
	// PDFA is true when the copy is PDF/A-2b. That needs ghostscript, and a document of
	// which PDF/A forbids nothing.
	PDFA bool
	// Size of the file in bytes.
	Size int64
}

const (
	// partPages and partWords bound what one request to a child holds, so that a copy of
	// many pages leaves the way to reading again and again.
	partPages, partWords = 20, 20_000
	// A copy may be as many times larger than its sources, and so many bytes beyond: a
	// packed image may be packed less well in it, and each page has its words.
	copyGrowth, copyExtra = 6, 32 << 20
)

// Copy makes a searchable copy of pages at dst, in their order: a PDF that looks like
// the pages, with images untouched, that stands upright and carries their words as
// invisible text. Where ghostscript is installed and takes nothing away it is PDF/A-2b,
// for which images that are no JPEG may be packed anew without loss.
//
// The file appears at dst whole or not at all, in place of any older one. Its errors
// are those of Read, errors of writing dst, and ErrNoCopy. The work waits for all
// reading; that time is not bounded but by ctx, the time of the work itself is, by
// Options.DocumentTimeout. It is safe for concurrent use.
func (r *Reader) Copy(ctx context.Context, pages []CopyPage, dst string) (CopyResult, error) {
	most, err := r.copyLimit(pages)
	if err != nil {
		return CopyResult{}, err
	}
	dir, err := os.MkdirTemp(r.opts.TempDir, "copy-*")
	if err != nil {
		return CopyResult{}, fmt.Errorf("%w: make temporary folder: %w", ErrChild, err)
	}
	defer os.RemoveAll(dir)
	if dir, err = filepath.Abs(dir); err != nil {
		return CopyResult{}, fmt.Errorf("ocr: temporary folder: %w", err)
	}
	c := &copying{reader: r, lane: r.queue.openPatient(), dir: dir, most: most, left: r.opts.DocumentTimeout}
	defer r.queue.drop(c.lane)
	var parts []string
	for _, part := range splitCopy(pages) {
		path, err := filepath.Abs(part[0].Path)
		if err != nil {
			return CopyResult{}, fmt.Errorf("ocr: path of a page: %w", err)
		}
		task := wire.CopyTask{Pages: make([]wire.CopyPage, len(part)), MaxBytes: most}
		for i, p := range part {
			task.Pages[i] = wire.CopyPage{Number: p.Number, Rotation: p.Rotation, Layout: p.Layout}
		}
		file := filepath.Join(dir, fmt.Sprintf("part%d.pdf", len(parts)))
		if _, err := c.do(ctx, wire.Request{Op: wire.OpCopyPages, Path: path, Copy: &task}, len(part), file); err != nil {
			return CopyResult{}, err
		}
		parts = append(parts, file)
	}
	whole := filepath.Join(dir, "copy.pdf")
	made, err := c.do(ctx, wire.Request{Op: wire.OpCopyJoin, Copy: &wire.CopyTask{Parts: parts, MaxBytes: most}}, len(pages), whole)
	if err != nil {
		return CopyResult{}, err
	}
	size, err := install(whole, dst, most)
	if err != nil {
		return CopyResult{}, err
	}
	return CopyResult{Pages: made.Pages, PDFA: made.PDFA, Size: size}, nil
}

func noCopy(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrNoCopy, fmt.Sprintf(format, args...))
}

// copyLimit checks the pages against the limits and returns how large the copy may be.
func (r *Reader) copyLimit(pages []CopyPage) (int64, error) {
	switch {
	case len(pages) == 0:
		return 0, noCopy("Le document ne compte aucune page.")
	case len(pages) > r.opts.MaxPages:
		return 0, noCopy("Le document compte %d pages, plus que les %d admises.", len(pages), r.opts.MaxPages)
	}
	sizes := make(map[string]int64)
	var sum int64
	for _, p := range pages {
		if p.Number < 1 || p.Rotation%90 != 0 {
			return 0, fmt.Errorf("ocr: %w: page %d turned by %d°", os.ErrInvalid, p.Number, p.Rotation)
		}
		if _, ok := sizes[p.Path]; ok {
			continue
		}
		st, err := os.Stat(p.Path)
		if err != nil {
			return 0, fmt.Errorf("ocr: %w", err)
		}
		if !st.Mode().IsRegular() {
			return 0, fmt.Errorf("ocr: %w: not a regular file", os.ErrInvalid)
		}
		sizes[p.Path] = st.Size()
		sum += st.Size()
	}
	return min(sum, math.MaxInt64/copyGrowth-copyExtra)*copyGrowth + copyExtra, nil
}

// splitCopy cuts the pages into parts: each of one file, and of bounded size.
func splitCopy(pages []CopyPage) [][]CopyPage {
	var parts [][]CopyPage
	start, words := 0, 0
	for i, p := range pages {
		n := 0
		if p.Layout != nil {
			n = len(p.Layout.Words)
		}
		if i > start && (p.Path != pages[start].Path || i-start == partPages || words+n > partWords) {
			parts = append(parts, pages[start:i])
			start, words = i, 0
		}
		words += n
	}
	return append(parts, pages[start:])
}

// copying is one copy on its way through the children.
type copying struct {
	reader *Reader
	lane   *lane
	dir    string
	most   int64
	left   time.Duration // of the time that the work may take
}

// do has a child make a file of so many pages, and takes it over at the path file.
func (c *copying) do(ctx context.Context, req wire.Request, pages int, file string) (wire.CopyMade, error) {
	// A page costs a tenth of what reading it may; a program's start is in the first.
	page := c.reader.opts.PageTimeout
	limit := min(c.left, page+time.Duration(pages)*page/10)
	if limit < time.Second {
		return wire.CopyMade{}, noCopy("La copie demande plus de %s.", c.reader.opts.DocumentTimeout)
	}
	req.Seconds = int(limit / time.Second)
	done := make(chan outcome, 1)
	err := c.reader.submit(c.lane, job{
		ctx: ctx, req: req, timeout: limit, done: done,
		collect: func(dir string, resp wire.Response) error { return c.collect(dir, resp, file) },
	})
	if err != nil {
		return wire.CopyMade{}, err
	}
	out, err := c.wait(ctx, done)
	if err != nil {
		return wire.CopyMade{}, err
	}
	c.left -= out.took
	switch {
	case errors.Is(out.err, errCrashed):
		return wire.CopyMade{}, noCopy("Le fichier a fait échouer le programme de lecture deux fois.")
	case out.err != nil:
		return wire.CopyMade{}, out.err
	case out.resp.Copy == nil:
		if problems := acceptProblems(out.resp.Problems); len(problems) > 0 {
			return wire.CopyMade{}, noCopy("%s", problems[0].Detail)
		}
		return wire.CopyMade{}, noCopy("Le programme de lecture n’a rien su faire du fichier.")
	}
	made := *out.resp.Copy
	if made.Pages != pages {
		return wire.CopyMade{}, noCopy("La copie compte %d pages au lieu de %d.", made.Pages, pages)
	}
	return made, nil
}

// wait returns the outcome of the copy's one job. When ctx or the Reader ends before, it
// waits until no worker is at it any more, so that nothing is put into the folder late.
func (c *copying) wait(ctx context.Context, done <-chan outcome) (outcome, error) {
	var reason error
	select {
	case out := <-done:
		return out, nil
	case <-ctx.Done():
		reason = ctx.Err()
	case <-c.reader.life.Done():
		reason = ErrClosed
	}
	if c.reader.queue.drop(c.lane) == 0 {
		<-done
	}
	return outcome{}, reason
}

// collect takes the file that a child has made out of its folder dir.
func (c *copying) collect(dir string, resp wire.Response, file string) error {
	if resp.Copy == nil {
		return nil
	}
	// A child has decoded foreign bytes: what it names is a file in its folder, or nothing.
	from := filepath.Join(dir, filepath.Base(resp.Copy.File))
	st, err := os.Lstat(from)
	if err != nil {
		return fmt.Errorf("%w: take over copy: %w", errCrashed, err)
	}
	if !st.Mode().IsRegular() || st.Size() > c.most {
		return fmt.Errorf("%w: take over copy: no file of the size agreed", errCrashed)
	}
	if err := os.Rename(from, file); err != nil {
		return fmt.Errorf("%w: take over copy: %w", ErrChild, err)
	}
	return nil
}

// install copies a finished file to dst: durable before it is visible, and whole or not
// at all. It never follows a link in the place of the file.
func install(file, dst string, most int64) (size int64, err error) {
	in, err := os.OpenFile(file, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return 0, fmt.Errorf("ocr: open copy: %w", err)
	}
	defer in.Close()
	out, err := os.CreateTemp(filepath.Dir(dst), ".copy-*")
	if err != nil {
		return 0, fmt.Errorf("ocr: write copy: %w", err)
	}
	defer func() {
		if err != nil {
			_ = out.Close()
			_ = os.Remove(out.Name())
		}
	}()
	if size, err = io.Copy(out, io.LimitReader(in, most)); err != nil {
		return 0, fmt.Errorf("ocr: write copy: %w", err)
	}
	if err = out.Sync(); err != nil {
		return 0, fmt.Errorf("ocr: sync copy: %w", err)
	}
	if err = out.Close(); err != nil {
		return 0, fmt.Errorf("ocr: close copy: %w", err)
	}
	if err = os.Rename(out.Name(), dst); err != nil {
		return 0, fmt.Errorf("ocr: put copy in place: %w", err)
	}
	folder, err := os.Open(filepath.Dir(dst))
	if err != nil {
		return 0, fmt.Errorf("ocr: open folder of copy: %w", err)
	}
	defer folder.Close()
	if err := folder.Sync(); err != nil {
		return 0, fmt.Errorf("ocr: sync folder of copy: %w", err)
	}
	return size, nil
}
