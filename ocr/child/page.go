package child

import (
	"context"
	"errors"
	"time"

	"saisine.fr/saisine/ocr/poppler"
	"saisine.fr/saisine/ocr/prepare"
	"saisine.fr/saisine/ocr/wire"
)

// Where the text of a page comes from.
const (
	SourceTextLayer = "text-layer"
	SourceOCR       = "ocr"
	SourceBlank     = "blank"
)

const (
	// nonsense is the confidence below which a reading is taken for a sign that the
	// page lay otherwise, or was no plain image.
	nonsense = 0.6
)

// seen is a page that was read.
type seen struct {
	wire.Page
	// damaged is true when parts of its image are lost.
	damaged bool
}

// page reads one page. An error is a fault of the machine.
func (s *server) page(ctx context.Context, path string, t wire.Task) (wire.Response, error) {
	if t.Method == wire.MethodBarcodes {
		return s.lookAt(ctx, path, t)
	}
	// Second ways are taken only while there is time for them.
	deadline := time.Now().Add(time.Duration(s.cfg.StepSeconds) * time.Second / 3)
	page, err := s.read(ctx, path, t, deadline)
	if t.Method == wire.MethodEmbedded && (err == nil || !machine(err)) && time.Now().Before(deadline) {
		astray := err == nil && !s.asShown(ctx, path, t, &page.Page)
		if err != nil || astray || page.Source == SourceOCR && page.Confidence < nonsense {
			// Mirrored, inverted, or something is drawn over it: let poppler draw the page.
			t.Method = wire.MethodRender
			second, err2 := s.read(ctx, path, t, deadline)
			if err2 == nil && (err != nil || astray || second.Confidence > page.Confidence) {
				second.damaged = second.damaged || page.damaged
				page, err = second, nil
			}
		}
	}
	switch {
	case err == nil:
		resp := wire.Response{Page: &page.Page}
		if page.damaged {
			page.Unsure = true
			resp.Problems = []wire.Problem{problem("damaged_image",
				"Page %d : l’image est endommagée ou incomplète ; ce qui en reste a été lu.", t.Number)}
		}
		return resp, nil
	case machine(err):
		return wire.Response{}, err
	}
	return wire.Response{Problems: []wire.Problem{pageProblem(t.Number, err)}}, nil
}

func pageProblem(n int, err error) wire.Problem {
	switch {
	case errors.Is(err, errPixels):
		return problem("too_many_pixels", "Page %d : l’image dépasse la taille admise.", n)
	case errors.Is(err, poppler.ErrLimit):
		return problem("page_failed", "Page %d : la lecture demande trop de temps ou de mémoire.", n)
	case errors.Is(err, prepare.ErrTooSmall):
		return problem("page_failed", "Page %d : l’image est trop petite pour contenir du texte.", n)
	}
	return problem("page_failed", "Page %d : l’image est illisible ou endommagée.", n)
}

func (s *server) read(ctx context.Context, path string, t wire.Task, deadline time.Time) (seen, error) {
	pic, err := s.image(ctx, path, t)
	if err != nil {
		return seen{}, err
	}
	defer pic.Close()
	ready, err := prepare.Page(pic.Pix, pic.dpi)
	if err != nil {
		return seen{}, err
	}
	pic.Close() // no longer needed, and large
	defer ready.Close()
	page := seen{wire.Page{Number: t.Number, Source: SourceOCR, Rotation: ready.Rotation}, pic.damaged}
	found, err := inkCodes(ready.Bits, ready.DPI)
	if err != nil {
		return seen{}, err
	}
	if ready.Blank {
		page.Source, page.Confidence, page.Barcodes = SourceBlank, 1, found.ofSheet()
		if ready.Traces && len(page.Barcodes) == 0 {
			page.Barcodes, err = paleBarcodes(ready.Image)
		}
		page.Unsure = ready.Traces && len(page.Barcodes) == 0
		return page, err
	}
	best, err := s.recogniseBest(&ready, deadline)
	if err != nil {
		return seen{}, err
	}
	sparse := len(best.Words) <= SheetWords
	page.Barcodes = found.bars
	if sparse {
		page.Barcodes = found.ofSheet()
	}
	page.Rotation = (page.Rotation + best.quarters*90) % 360
	// Stamps were cut out before another orientation was tried.
	for _, stamp := range ready.Stamps {
		res, err := s.turned(stamp, ready.DPI, best.quarters)
		if err != nil {
			return seen{}, err
		}
		if res.Text != "" {
			page.Stamps = append(page.Stamps, res.Text)
		}
	}
	if len(page.Barcodes) == 0 && sparse {
		if page.Barcodes, err = paleBarcodes(ready.Image); err != nil {
			return seen{}, err
		}
	}
	page.Text, page.Confidence = best.Text, best.Confidence
	// A separator sheet is no letter, and a barcode reads as nonsense.
	separator := len(page.Barcodes) > 0 && sparse
	page.Unsure = !separator && best.unsure()
	page.Layout = layout(&ready, best)
	return page, nil
}
