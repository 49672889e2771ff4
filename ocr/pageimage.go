package ocr

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"saisine.fr/saisine/ocr/wire"
)

// ErrNoPicture means that no picture can be made of a page: its file is damaged, locked by
// a password, no document, over the limits, or has no such page. It is final; what comes with
// it is a reason in French, meant for the clerk.
var ErrNoPicture = errors.New("ocr: no picture of the page")

// PicturePage says which page is to be shown.
type PicturePage struct {
	// Path is the file that holds the page: a PDF, TIFF, JPEG or PNG.
	Path string
	// Number of the page in that file, from 1.
	Number int
	// Rotation is Page.Rotation of the page as it was read, 0 where it was not.
	Rotation int
	// Layout is Page.Layout of the page as it was read, or nil. With it the picture is of the
	// layout's frame, straightened as it was, so that a word's box in parts of the frame's
	// width and height is its box in parts of the picture's.
	Layout *Layout
}

// Picture is a page to be looked at: an upright JPEG, grey where the page is.
type Picture struct {
	JPEG []byte
	// Width and Height are in pixels: PictureWidth and PictureHeight at the most, give or take a few.
	Width, Height int
}

// The largest picture of a page, in pixels. A sheet of A4 fills the width at 193 dpi; the height is
// for what is longer than a sheet.
const PictureWidth, PictureHeight = 1600, 4800

// rounding is by how many pixels scaling may miss a size.
const rounding = 8

// pictureTimeout bounds the making of a picture: nobody looks at a page for longer that does not come.
const pictureTimeout = 30 * time.Second

// PageImage makes a picture of a page. Foreign bytes are decoded in a child, as they are
// for reading, but not in the same ones: who waits for a page does not wait for scans that
// are being read. The path's file must not change meanwhile.
//
// Its errors are ErrNoPicture, and those of Read. It is safe for concurrent use.
func (r *Reader) PageImage(ctx context.Context, p PicturePage) (Picture, error) {
	if p.Number < 1 || p.Rotation%90 != 0 {
		return Picture{}, fmt.Errorf("ocr: %w: page %d turned by %d°", os.ErrInvalid, p.Number, p.Rotation)
	}
	path, err := filepath.Abs(p.Path)
	if err != nil {
		return Picture{}, fmt.Errorf("ocr: %w", err)
	}
	if st, err := os.Stat(path); err != nil {
		return Picture{}, fmt.Errorf("ocr: %w", err)
	} else if !st.Mode().IsRegular() {
		return Picture{}, fmt.Errorf("ocr: %w: not a regular file", os.ErrInvalid)
	}
	task := &wire.PictureTask{Number: p.Number, Rotation: quarter(p.Rotation), Width: PictureWidth, Height: PictureHeight}
	if l := p.Layout; l != nil && l.Width > 0 && l.Height > 0 {
		task.Frame = &wire.Layout{Width: l.Width, Height: l.Height, DPI: l.DPI, Skew: l.Skew}
	}
	lane := r.shown.open()
	defer r.shown.drop(lane)
	done := make(chan outcome, 1)
	err = r.submitTo(r.shown, lane, job{
		ctx: ctx, req: wire.Request{Op: wire.OpPageImage, Path: path, Picture: task},
		timeout: min(r.opts.PageTimeout, pictureTimeout), done: done,
	})
	if err != nil {
		return Picture{}, err
	}
	select {
	case out := <-done:
		return acceptPicture(out)
	case <-ctx.Done():
		return Picture{}, ctx.Err()
	case <-r.life.Done():
		return Picture{}, ErrClosed
	}
}

// acceptPicture returns what a child has made, where it is what was asked for. The bytes
// are for a browser: here nothing is decoded.
func acceptPicture(out outcome) (Picture, error) {
	no := func(reason string) (Picture, error) { return Picture{}, fmt.Errorf("%w: %s", ErrNoPicture, reason) }
	switch {
	case errors.Is(out.err, errCrashed):
		return no("Le fichier a fait échouer le programme de lecture deux fois.")
	case out.err != nil:
		return Picture{}, out.err
	case out.resp.Picture == nil:
		if problems := acceptProblems(out.resp.Problems); len(problems) > 0 {
			return no(problems[0].Detail)
		}
		return no("Le programme de lecture n’a rien su faire de la page.")
	}
	p := *out.resp.Picture
	if len(p.JPEG) > wire.MaxPicture || !bytes.HasPrefix(p.JPEG, []byte("\xff\xd8\xff")) ||
		p.Width < 1 || p.Height < 1 || p.Width > PictureWidth+rounding || p.Height > PictureHeight+rounding {
		return no("Le programme de lecture n’a pas rendu d’image.")
	}
	return Picture{JPEG: p.JPEG, Width: p.Width, Height: p.Height}, nil
}
