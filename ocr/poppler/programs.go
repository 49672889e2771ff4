package poppler

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// Programs are the programs of Debian's poppler-utils that the package runs.
func Programs() []string {
	return []string{"pdfinfo", "pdftotext", "pdfimages", "pdftoppm", "pdfdetach"}
}

// Info returns the number of pages and the sizes of the first maxPages of them.
func (r Runner) Info(ctx context.Context, path string, maxPages int) (Info, error) {
	out, err := r.run(ctx, "pdfinfo", "-enc", "UTF-8", "-f", "1", "-l", strconv.Itoa(maxPages), path)
	if err != nil {
		return Info{}, err
	}
	return parseInfo(out)
}

// Text returns the text layer of the pages first to last, one string for each.
//
// It asks for reading order, not for "-layout": that keeps the picture of the page by
// runs of blanks and interleaves the two address columns of a letter line by line,
// while reading order keeps each block and paragraph whole.
func (r Runner) Text(ctx context.Context, path string, first, last int) ([]string, error) {
	out, err := r.run(ctx, "pdftotext", "-q", "-enc", "UTF-8", "-eol", "unix",
		"-f", strconv.Itoa(first), "-l", strconv.Itoa(last), path, "-")
	if err != nil {
		return nil, err
	}
	return parseText(out), nil
}

// Images lists the images that the pages first to last draw.
func (r Runner) Images(ctx context.Context, path string, first, last int) ([]Image, error) {
	out, err := r.run(ctx, "pdfimages", "-list", "-f", strconv.Itoa(first), "-l", strconv.Itoa(last), path)
	if err != nil {
		return nil, err
	}
	return parseImages(out), nil
}

// Extract returns the one image of a page as it lies in the file: JPEG stays JPEG,
// everything else comes as PBM, PGM or PPM. It returns ErrBroken unless there is
// exactly one.
func (r Runner) Extract(ctx context.Context, path string, page int) ([]byte, error) {
	dir, err := os.MkdirTemp(r.Dir, "image-*")
	if err != nil {
		return nil, fmt.Errorf("poppler: make temporary folder: %w", err)
	}
	defer os.RemoveAll(dir)
	n := strconv.Itoa(page)
	if _, err := r.run(ctx, "pdfimages", "-j", "-f", n, "-l", n, path, filepath.Join(dir, "x")); err != nil {
		return nil, err
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("poppler: list images: %w", err)
	}
	if len(files) != 1 {
		return nil, fmt.Errorf("%w: %d images on page %d", ErrBroken, len(files), page)
	}
	data, err := os.ReadFile(filepath.Join(dir, files[0].Name()))
	if err != nil {
		return nil, fmt.Errorf("poppler: read image: %w", err)
	}
	return data, nil
}

// Render draws a page as PGM whose longer side has longSide pixels, whatever size the
// file claims: so the file cannot choose how much memory that takes.
func (r Runner) Render(ctx context.Context, path string, page, longSide int) ([]byte, error) {
	n := strconv.Itoa(page)
	out, err := r.run(ctx, "pdftoppm", "-q", "-gray", "-singlefile", "-cropbox", "-f", n, "-l", n,
		"-scale-to", strconv.Itoa(longSide), path)
	if err != nil {
		return nil, err
	}
	if len(out) == 0 {
		// pdftoppm says nothing and exits 0 for a page that it cannot find.
		return nil, errors.Join(ErrBroken, fmt.Errorf("poppler: page %d draws nothing", page))
	}
	return out, nil
}
