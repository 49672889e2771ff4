package child

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"saisine.fr/saisine/ocr/confine"
	"saisine.fr/saisine/ocr/poppler"
	"saisine.fr/saisine/ocr/qpdf"
	"saisine.fr/saisine/ocr/textlayer"
	"saisine.fr/saisine/ocr/wire"
)

const (
	// maxCopy bounds the file of a searchable copy, in bytes, whatever a request allows.
	maxCopy = 2 << 30
	// copyOutput bounds what a program says about a copy: its text, its list of objects.
	copyOutput = 64 << 20
	// copyName is the file that the daemon is handed.
	copyName = "copy.pdf"
)

var (
	errNoPage   = errors.New("child: no such page")
	errNoKind   = errors.New("child: no PDF and no image")
	errTooLarge = errors.New("child: copy too large")
)

// bench is what one part of a copy is made with.
type bench struct {
	dir  string
	most int64
	qpdf qpdf.Runner
	pdf  poppler.Runner
}

func (b bench) path(name string) string { return filepath.Join(b.dir, name) }

// within returns a bench whose programs must end in a shorter time.
func (b bench) within(d time.Duration) bench {
	b.qpdf.Limits.Timeout, b.pdf.Timeout = d, d
	return b
}

// create makes a file of at most the permitted size.
func (b bench) create(name string, write func(io.Writer) error) error {
	f, err := os.OpenFile(b.path(name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("child: make %s: %w", name, err)
	}
	defer f.Close()
	buffered := bufio.NewWriterSize(&bounded{f, b.most}, 256<<10)
	if err := write(buffered); err != nil {
		return err
	}
	if err := buffered.Flush(); err != nil {
		return fmt.Errorf("child: write %s: %w", name, err)
	}
	return nil
}

// bounded fails before the limit on file size would end the process.
type bounded struct {
	w    io.Writer
	left int64
}

// Write implements io.Writer.
func (b *bounded) Write(p []byte) (int, error) {
	if int64(len(p)) > b.left {
		return 0, errTooLarge
	}
	n, err := b.w.Write(p)
	b.left -= int64(n)
	return n, err
}

// copying has a file made on a bench and hands it out. An error is a fault of the
// machine; anything else that goes wrong is a problem that says so.
func (s *server) copying(ctx context.Context, req wire.Request, make func(context.Context, bench) (string, wire.CopyMade, error)) (wire.Response, error) {
	if req.Copy == nil {
		return wire.Response{}, errors.New("child: nothing to copy")
	}
	seconds := max(s.cfg.StepSeconds, req.Seconds)
	// Less than the daemon waits, so that a slow program is a reason and no crash.
	limit := time.Duration(seconds) * time.Second * 9 / 10
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	most := min(req.Copy.MaxBytes, maxCopy)
	restore, err := allowFile(most)
	if err != nil {
		return wire.Response{}, err
	}
	defer restore()
	dir, err := os.MkdirTemp("", "copying-*")
	if err != nil {
		return wire.Response{}, fmt.Errorf("child: make temporary folder: %w", err)
	}
	defer os.RemoveAll(dir)
	b := bench{
		dir: dir, most: most,
		qpdf: qpdf.Runner{Limits: confine.Limits{Dir: dir, Memory: s.cfg.MemoryBytes, Output: copyOutput, File: most}},
		pdf:  poppler.Runner{Dir: dir, Memory: s.cfg.MemoryBytes, Output: copyOutput},
	}.within(limit)
	file, made, err := make(ctx, b)
	if err != nil {
		if machine(err) {
			return wire.Response{}, err
		}
		return wire.Response{Problems: []wire.Problem{copyProblem(err)}}, nil
	}
	made.File = copyName
	if err := os.Rename(b.path(file), filepath.Join(os.TempDir(), copyName)); err != nil {
		return wire.Response{}, fmt.Errorf("child: hand out copy: %w", err)
	}
	return wire.Response{Copy: &made}, nil
}

// allowFile raises the soft limit on the size of files, until restore is called.
func allowFile(most int64) (restore func(), err error) {
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_FSIZE, &before); err != nil {
		return nil, fmt.Errorf("child: read limit on files: %w", err)
	}
	during := before
	during.Cur = min(before.Max, max(before.Cur, uint64(max(0, most))))
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &during); err != nil {
		return nil, fmt.Errorf("child: set limit on files: %w", err)
	}
	return func() { _ = unix.Setrlimit(unix.RLIMIT_FSIZE, &before) }, nil
}

// copyProblem says in French why there is no copy.
func copyProblem(err error) wire.Problem {
	switch {
	case errors.Is(err, qpdf.ErrEncrypted), errors.Is(err, poppler.ErrEncrypted):
		return problem("encrypted", "Le PDF est protégé par un mot de passe.")
	case errors.Is(err, errPixels):
		return problem("too_many_pixels", "L’image dépasse la taille admise.")
	case errors.Is(err, errTooLarge), errors.Is(err, confine.ErrLimit), errors.Is(err, context.DeadlineExceeded):
		return problem("over_limit", "La copie demande trop de temps, de mémoire ou de place.")
	case errors.Is(err, errNoPage):
		return problem("unreadable_file", "Une page demandée manque dans le fichier.")
	case errors.Is(err, errNoKind):
		return problem("unsupported_format", "Le fichier n’est ni un PDF ni une image.")
	}
	return problem("unreadable_file", "Le fichier est endommagé ou incomplet.")
}

// copyPages makes a PDF of pages of one file, upright and with their words under them.
func (s *server) copyPages(ctx context.Context, req wire.Request) (wire.Response, error) {
	return s.copying(ctx, req, func(ctx context.Context, b bench) (string, wire.CopyMade, error) {
		pages := req.Copy.Pages
		if s.hooks.BeforePage != nil {
			for _, p := range pages {
				s.hooks.BeforePage(p.Number)
			}
		}
		geometry, err := s.basePages(ctx, b, req.Path, pages)
		if err != nil {
			return "", wire.CopyMade{}, err
		}
		made := wire.CopyMade{Pages: len(pages)}
		var texts []textlayer.Page
		var under []int
		for i, p := range pages {
			if p.Layout == nil || len(p.Layout.Words) == 0 {
				continue
			}
			image, err := b.imagePlace(ctx, geometry[i], p.Layout)
			if err != nil {
				return "", wire.CopyMade{}, err
			}
			w, h := geometry[i].Size()
			texts = append(texts, textlayer.Page{Box: textlayer.Rect{X1: w, Y1: h}, Image: textlayer.Rect(image), Layout: p.Layout})
			under = append(under, i+1)
		}
		if len(texts) == 0 {
			return baseName, made, nil
		}
		if err := b.create("text.pdf", func(w io.Writer) error { return textlayer.Write(w, texts) }); err != nil {
			return "", wire.CopyMade{}, err
		}
		return "part.pdf", made, b.qpdf.Underlay(ctx, b.path(baseName), b.path("text.pdf"), under, b.path("part.pdf"))
	})
}

// baseName is the file with the pages as they are, but upright.
const baseName = "base.pdf"

// basePages writes the pages to the file baseName and returns how they lie.
func (s *server) basePages(ctx context.Context, b bench, path string, pages []wire.CopyPage) ([]qpdf.Page, error) {
	head, err := readHead(path)
	if err != nil {
		return nil, err
	}
	numbers, turns := make([]int, len(pages)), make([]int, len(pages))
	for i, p := range pages {
		numbers[i], turns[i] = p.Number, p.Rotation
	}
	switch kind := sniff(head); kind {
	case kindPDF:
	case kindTIFF, kindImage:
		if err := b.create("images.pdf", func(w io.Writer) error { return s.imagePages(w, path, kind, numbers) }); err != nil {
			return nil, err
		}
		path = b.path("images.pdf")
		for i := range numbers {
			numbers[i] = i + 1
		}
	default:
		return nil, errNoKind
	}
	const taken = "taken.pdf"
	if err := b.qpdf.Take(ctx, path, numbers, turns, b.path(taken)); err != nil {
		return nil, err
	}
	geometry, err := b.qpdf.Pages(ctx, b.path(taken))
	if err != nil {
		return nil, err
	}
	if len(geometry) != len(pages) {
		return nil, errNoPage
	}
	if !slices.ContainsFunc(geometry, func(p qpdf.Page) bool { return p.Trimmed }) {
		if err := os.Rename(b.path(taken), b.path(baseName)); err != nil {
			return nil, fmt.Errorf("child: rename: %w", err)
		}
		return geometry, nil
	}
	if err := b.qpdf.Untrim(ctx, b.path(taken), geometry, b.path(baseName)); err != nil {
		return nil, err
	}
	// Its objects may have other numbers.
	return b.qpdf.Pages(ctx, b.path(baseName))
}

// copyJoin joins parts and makes PDF/A of the whole where that takes nothing away.
func (s *server) copyJoin(ctx context.Context, req wire.Request) (wire.Response, error) {
	return s.copying(ctx, req, func(ctx context.Context, b bench) (string, wire.CopyMade, error) {
		const plain, archive = "plain.pdf", "archive.pdf"
		if err := b.qpdf.Join(ctx, req.Copy.Parts, b.path(plain)); err != nil {
			return "", wire.CopyMade{}, err
		}
		pages, err := b.qpdf.Pages(ctx, b.path(plain))
		if err != nil {
			return "", wire.CopyMade{}, err
		}
		made := wire.CopyMade{Pages: len(pages)}
		// What goes wrong from here on with PDF/A leaves the plain copy.
		deadline, _ := ctx.Deadline()
		half := b.within(time.Until(deadline) / 2)
		err = half.qpdf.Archive(ctx, b.path(plain), b.path(archive))
		if err == nil {
			err = half.equal(ctx, pages, b.path(plain), b.path(archive))
		}
		switch {
		case err == nil:
			made.PDFA = true
			return archive, made, nil
		case errors.Is(err, unix.ENOSPC):
			return "", made, err // it is worth another try
		}
		return plain, made, b.qpdf.Check(ctx, b.path(plain))
	})
}

// errDiffers means that a file does not show or say what another does.
var errDiffers = errors.New("child: the files differ")

// equal returns nil when the file other is clean and has the pages, the images and
// the words of the file one.
func (b bench) equal(ctx context.Context, pages []qpdf.Page, one, other string) error {
	if err := b.qpdf.Check(ctx, other); err != nil {
		return err
	}
	others, err := b.qpdf.Pages(ctx, other)
	if err != nil {
		return err
	}
	if !slices.EqualFunc(pages, others, sameSize) {
		return fmt.Errorf("%w: page sizes", errDiffers)
	}
	was, err := b.pdf.Images(ctx, one, 1, len(pages))
	if err != nil {
		return err
	}
	is, err := b.pdf.Images(ctx, other, 1, len(pages))
	if err != nil {
		return err
	}
	if !slices.EqualFunc(was, is, sameImage) {
		return fmt.Errorf("%w: images", errDiffers)
	}
	said, err := b.pdf.Text(ctx, one, 1, len(pages))
	if err != nil {
		return err
	}
	says, err := b.pdf.Text(ctx, other, 1, len(pages))
	if err != nil {
		return err
	}
	if !slices.EqualFunc(said, says, sameWords) {
		return fmt.Errorf("%w: words", errDiffers)
	}
	return nil
}

func sameSize(a, b qpdf.Page) bool {
	aw, ah := a.Size()
	bw, bh := b.Size()
	return math.Abs(aw-bw) < 0.5 && math.Abs(ah-bh) < 0.5
}

// sameImage reports whether two images can be one that was packed in two ways. What
// loses detail by its nature must not have been packed anew.
func sameImage(a, b poppler.Image) bool {
	lossy := func(i poppler.Image) string {
		if i.Encoding == "jpeg" || i.Encoding == "jpx" {
			return i.Encoding
		}
		return ""
	}
	return a.Page == b.Page && a.Type == b.Type && a.Width == b.Width && a.Height == b.Height &&
		a.Color == b.Color && a.Bits == b.Bits && lossy(a) == lossy(b)
}

// sameWords compares two pages of text by their words, in any order.
func sameWords(a, b string) bool {
	one, other := strings.Fields(a), strings.Fields(b)
	slices.Sort(one)
	slices.Sort(other)
	return slices.Equal(one, other)
}

// imagePlace returns where the image that was recognised lies on the page as it is
// shown. As a rule it covers the page; but a scan of another format than the page is
// accepted too, and then the content of the page says where it lies.
func (b bench) imagePlace(ctx context.Context, p qpdf.Page, l *wire.Layout) (qpdf.Rect, error) {
	w, h := p.Size()
	whole := qpdf.Rect{X1: w, Y1: h}
	if l.DPI <= 0 || covers(l, whole) {
		return whole, nil
	}
	content, err := b.qpdf.Content(ctx, b.path(baseName), p)
	if err != nil {
		return qpdf.Rect{}, err
	}
	if place, ok := placed(content); ok {
		if place = p.Shown(place); covers(l, place) {
			return place, nil
		}
	}
	return whole, nil
}

// covers reports whether the image of a layout, at its resolution, is as large as the
// rectangle, give or take what rounding its resolution makes.
func covers(l *wire.Layout, r qpdf.Rect) bool {
	const tolerance = 0.015
	fits := func(pixels int, points float64) bool {
		return math.Abs(float64(pixels)/float64(l.DPI)*72-points) <= tolerance*points
	}
	return fits(l.Width, r.Width()) && fits(l.Height, r.Height())
}
