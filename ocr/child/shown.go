package child

import (
	"context"
	"os"
	"path/filepath"

	"saisine.fr/saisine/ocr/confine"
	"saisine.fr/saisine/ocr/qpdf"
	"saisine.fr/saisine/ocr/wire"
)

// asShown makes the rotation of a page that was read from its embedded image one of the
// page as it is shown: some copiers write the image as it came from the glass, and turn
// it by the content of the page. It returns false where the image had to be turned and it
// cannot tell how it lies on the page, or where the page mirrors it. Asking qpdf costs
// some 60 ms: it is for pages that something turns, which are few.
func (s *server) asShown(ctx context.Context, path string, t wire.Task, page *wire.Page) bool {
	if page.Source != SourceOCR || page.Rotation == 0 && t.Turn == 0 {
		return true
	}
	turn, ok := s.contentTurn(ctx, path, t.Number)
	if ok {
		page.Rotation = (page.Rotation - turn + 360) % 360
	}
	return ok || page.Rotation == 0
}

// contentTurn is by how many degrees clockwise the content of a page turns its only
// image, which must cover the page. It returns false for any other page, and where qpdf
// is missing or cannot read the file: then there is another way to read the page.
func (s *server) contentTurn(ctx context.Context, path string, number int) (int, bool) {
	dir, err := os.MkdirTemp("", "shown-*")
	if err != nil {
		return 0, false
	}
	defer os.RemoveAll(dir)
	run := qpdf.Runner{Limits: confine.Limits{Dir: dir, Timeout: s.pdf.Timeout, Memory: s.cfg.MemoryBytes, Output: maxContent}}
	taken := filepath.Join(dir, "page.pdf")
	if err := run.Take(ctx, path, []int{number}, []int{0}, taken); err != nil {
		return 0, false
	}
	pages, err := run.Pages(ctx, taken)
	if err != nil || len(pages) != 1 {
		return 0, false
	}
	content, err := run.Content(ctx, taken, pages[0])
	if err != nil {
		return 0, false
	}
	place, ok := placement(content)
	if !ok {
		return 0, false
	}
	// What is drawn may be a form, which places the image itself.
	w, h := pages[0].Size()
	if r := pages[0].Shown(place.unitSquare()); !near(r.Width(), w) || !near(r.Height(), h) {
		return 0, false
	}
	return place.quarters()
}

// maxContent bounds what qpdf says about one page. What a scanner writes has a hundred
// bytes, and the list of its objects a few thousand.
const maxContent = 4 << 20
