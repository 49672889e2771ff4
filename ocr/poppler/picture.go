package poppler

import (
	"context"
	"errors"
	"fmt"
	"strconv"
)

// PageSize returns the size of one page. It returns ErrBroken when there is no such page.
func (r Runner) PageSize(ctx context.Context, path string, page int) (Size, error) {
	n := strconv.Itoa(page)
	out, err := r.run(ctx, "pdfinfo", "-enc", "UTF-8", "-f", n, "-l", n, path)
	if err != nil {
		return Size{}, err
	}
	info, err := parseInfo(out)
	if err != nil {
		return Size{}, err
	}
	size, ok := info.Sizes[page]
	if !ok || size.Width <= 0 || size.Height <= 0 {
		return Size{}, fmt.Errorf("%w: no page %d", ErrBroken, page)
	}
	return size, nil
}

// Draw draws a page in colour, as PPM, as Render does in grey.
func (r Runner) Draw(ctx context.Context, path string, page, longSide int) ([]byte, error) {
	n := strconv.Itoa(page)
	out, err := r.run(ctx, "pdftoppm", "-q", "-singlefile", "-cropbox", "-f", n, "-l", n, "-scale-to", strconv.Itoa(longSide), path)
	if err != nil {
		return nil, err
	}
	if len(out) == 0 {
		return nil, errors.Join(ErrBroken, fmt.Errorf("poppler: page %d draws nothing", page))
	}
	return out, nil
}
