package child

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"

	"saisine.fr/saisine/ocr/leptonica"
	"saisine.fr/saisine/ocr/poppler"
	"saisine.fr/saisine/ocr/wire"
)

// Kinds of document.
const (
	kindPDF   = "pdf"
	kindTIFF  = "tiff"
	kindImage = "image"
)

// maxFile bounds the file that is read into memory to decode an image.
const maxFile = 512 << 20

// The text layers of a document travel in one frame. A page holds some thousand
// characters; these bounds leave room for what JSON makes of them.
const (
	maxPageText = 1 << 20
	maxPlanText = 12 << 20
)

// sniff tells the kind of a file by its first bytes, or "". A PDF header may stand
// anywhere in the first 1024 bytes (ISO 32000-1, Annex H.3, implementation note 13).
func sniff(head []byte) string {
	switch {
	case bytes.HasPrefix(head, []byte("\x89PNG\r\n\x1a\n")), bytes.HasPrefix(head, []byte("\xff\xd8\xff")):
		return kindImage
	case bytes.HasPrefix(head, []byte("II*\x00")), bytes.HasPrefix(head, []byte("MM\x00*")),
		bytes.HasPrefix(head, []byte("II+\x00")), bytes.HasPrefix(head, []byte("MM\x00+")):
		return kindTIFF
	case bytes.Contains(head, []byte("%PDF-")):
		return kindPDF
	}
	return ""
}

func readHead(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("child: open document: %w", err)
	}
	defer f.Close()
	head, err := io.ReadAll(io.LimitReader(f, 1024))
	if err != nil {
		return nil, fmt.Errorf("child: read document: %w", err)
	}
	return head, nil
}

func readFile(path string) ([]byte, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("child: open document: %w", err)
	}
	if st.Size() > maxFile {
		return nil, leptonica.ErrDecode
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("child: read document: %w", err)
	}
	return data, nil
}

func problem(code, format string, args ...any) wire.Problem {
	return wire.Problem{Code: code, Detail: fmt.Sprintf(format, args...)}
}

// plan says what pages a document has, and reads those that need no recognition. An
// error is a fault of the machine.
func (s *server) plan(ctx context.Context, path string) (wire.Response, error) {
	head, err := readHead(path)
	if err != nil {
		return wire.Response{}, err
	}
	resp := wire.Response{Plan: &wire.Plan{Kind: sniff(head)}}
	switch resp.Plan.Kind {
	case kindPDF:
		err = s.planPDF(ctx, path, &resp)
	case kindTIFF:
		err = s.planTIFF(path, &resp)
	case kindImage:
		resp.Plan.Total = 1
		resp.Plan.Todo = []wire.Task{{Number: 1, Method: wire.MethodImage}}
	default:
		if len(head) == 0 {
			resp.Problems = append(resp.Problems, problem("empty_file", "Le fichier est vide."))
		} else {
			resp.Problems = append(resp.Problems, problem("unsupported_format",
				"Le fichier n’est ni un PDF, ni une image TIFF, JPEG ou PNG."))
		}
	}
	return resp, err
}

func (s *server) planTIFF(path string, resp *wire.Response) error {
	data, err := readFile(path)
	var n int
	if err == nil {
		n, err = leptonica.TIFFPages(data)
	}
	if errors.Is(err, leptonica.ErrDecode) {
		resp.Problems = append(resp.Problems, problem("unreadable_file", "Le fichier TIFF est endommagé ou incomplet."))
		return nil
	}
	if err != nil {
		return err
	}
	resp.Plan.Total = n
	for i := range min(n, s.cfg.MaxPages) {
		resp.Plan.Todo = append(resp.Plan.Todo, wire.Task{Number: i + 1, Method: wire.MethodTIFF})
	}
	return nil
}

func (s *server) planPDF(ctx context.Context, path string, resp *wire.Response) error {
	info, err := s.pdf.Info(ctx, path, s.cfg.MaxPages)
	switch {
	case err == nil && info.Pages > 0:
	case errors.Is(err, poppler.ErrEncrypted):
		resp.Problems = append(resp.Problems, problem("encrypted", "Le PDF est protégé par un mot de passe."))
		return nil
	case errors.Is(err, poppler.ErrLimit):
		resp.Problems = append(resp.Problems, problem("over_limit", "Le PDF demande trop de temps ou de mémoire."))
		return nil
	case err == nil, errors.Is(err, poppler.ErrBroken):
		resp.Problems = append(resp.Problems, problem("unreadable_file", "Le PDF est endommagé ou incomplet."))
		return nil
	default:
		return err
	}
	if info.XFA {
		resp.Problems = append(resp.Problems, problem("xfa_form",
			"Le PDF est un formulaire XFA : son contenu n’apparaît que dans un logiciel Adobe."))
	}
	if p, is, err := s.portfolio(ctx, path); err != nil {
		return err
	} else if is {
		resp.Problems = append(resp.Problems, p)
	}
	last := min(info.Pages, s.cfg.MaxPages)
	resp.Plan.Total = info.Pages
	// A text layer or image list that cannot be had only means more work later.
	texts, err := s.pdf.Text(ctx, path, 1, last)
	if err != nil && machine(err) {
		return err
	}
	images, err := s.pdf.Images(ctx, path, 1, last)
	if err != nil && machine(err) {
		return err
	}
	byPage := make(map[int][]poppler.Image)
	for _, img := range images {
		byPage[img.Page] = append(byPage[img.Page], img)
	}
	left, cut := maxPlanText, false
	for n := 1; n <= last; n++ {
		size := info.Sizes[n]
		cover := covering(byPage[n], size)
		var text string
		if n <= len(texts) {
			text = texts[n-1]
		}
		if !trusted(text, cover != nil || imageShare(byPage[n], size) > 0.5) {
			resp.Plan.Todo = append(resp.Plan.Todo, s.pdfTask(n, size, byPage[n], cover))
			continue
		}
		text = tidy(text)
		if most := min(maxPageText, left); len(text) > most {
			text, cut = strings.ToValidUTF8(text[:most], ""), true
		}
		left -= len(text)
		resp.Plan.Done = append(resp.Plan.Done, wire.Page{Number: n, Text: text, Source: SourceTextLayer, Confidence: 1})
		if len(strings.Fields(text)) <= SheetWords {
			resp.Plan.Todo = append(resp.Plan.Todo, wire.Task{Number: n, Method: wire.MethodBarcodes, Width: size.Width, Height: size.Height})
		}
	}
	if cut {
		resp.Problems = append(resp.Problems, problem("over_limit", "Le texte du PDF dépasse la taille admise : il est coupé."))
	}
	return nil
}

func (s *server) pdfTask(n int, size poppler.Size, images []poppler.Image, cover *poppler.Image) wire.Task {
	t := wire.Task{Number: n, Method: wire.MethodRender, Width: size.Width, Height: size.Height}
	// The image alone is the page when nothing else is drawn beside it, and when its
	// colours are what they seem: CMYK and indexed ones are better drawn by poppler.
	if cover != nil && len(images) == 1 && cover.Width*cover.Height <= s.cfg.MaxPixels &&
		(cover.Color == "gray" || cover.Color == "rgb" || cover.Color == "icc") {
		t.Method, t.DPI, t.Turn = wire.MethodEmbedded, cover.XPPI, size.Rotate
	}
	return t
}

// covering returns the image that covers the whole page, or nil. It is one that at
// its resolution on the page is as large as the page, give or take a margin: where the
// words stand on the page is told from where they stand on the image.
func covering(images []poppler.Image, size poppler.Size) *poppler.Image {
	for i, img := range images {
		if img.Type != "image" || img.XPPI < 50 || img.YPPI < 50 {
			continue
		}
		// Anisotropic images need the page's transformation: let poppler draw them.
		if math.Abs(float64(img.XPPI-img.YPPI)) > 0.03*float64(img.XPPI) {
			continue
		}
		w, h := shown(img)
		if near(w, size.Width) && near(h, size.Height) {
			return &images[i]
		}
	}
	return nil
}

// shown is the size of an image on the page in points.
func shown(img poppler.Image) (w, h float64) {
	return float64(img.Width) / float64(img.XPPI) * 72, float64(img.Height) / float64(img.YPPI) * 72
}

func near(have, want float64) bool { return have > 0.975*want && have < 1.025*want }

// imageShare is the part of the page under its largest image.
func imageShare(images []poppler.Image, size poppler.Size) float64 {
	var share float64
	for _, img := range images {
		if img.XPPI <= 0 || img.YPPI <= 0 || size.Width <= 0 || size.Height <= 0 {
			continue
		}
		w, h := shown(img)
		share = math.Max(share, w*h/(size.Width*size.Height))
	}
	return share
}
