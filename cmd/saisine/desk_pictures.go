package main

import (
	lru "container/list"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"saisine.fr/saisine/channels/desk"
	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ocr"
)

// shownPage is a page of a scan that is to be shown.
type shownPage struct {
	scan ingest.Record
	page ocr.PicturePage // but for its path
}

// tag names the picture of a page: another one has another tag.
func (p shownPage) tag() string {
	key := fmt.Sprintf("1 %s %d %d", p.scan.SHA256, p.page.Number, p.page.Rotation)
	if l := p.page.Layout; l != nil {
		key += fmt.Sprintf(" %d %d %d %g", l.Width, l.Height, l.DPI, l.Skew)
	}
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:12])
}

// shown finds the page of a submission. That of a letter of a stack is one of the stack.
func (d deskFiles) shown(ctx context.Context, v ingest.Viewer, id string, n int) (shownPage, error) {
	rec, err := d.lend(ctx, v, id, ingest.UseShow)
	if err != nil {
		return shownPage{}, err
	}
	nowhere := fmt.Errorf("%w: page %d of %s", ingest.ErrNotFound, n, id)
	switch {
	case n < 1:
		return shownPage{}, nowhere
	case rec.MediaType == ingest.MediaCollation:
		refs, err := d.h.pageRefs(ctx, rec)
		if err != nil {
			return shownPage{}, err
		}
		if n > len(refs) {
			return shownPage{}, nowhere
		}
		// Its own letter was seen; the stack need not be.
		ref := refs[n-1]
		n = ref.Page
		if rec, err = d.h.store.Submission(ctx, ref.Scan); err != nil {
			return shownPage{}, err
		}
		if rec.SHA256 != ref.SHA256 {
			return shownPage{}, nowhere
		}
		if err := rec.Verdict.MayLeave(ingest.UseShow); err != nil {
			return shownPage{}, err
		}
	case !slices.Contains([]string{ingest.MediaPDF, ingest.MediaTIFF, ingest.MediaJPEG, ingest.MediaPNG}, rec.MediaType),
		rec.Reading != nil && rec.Reading.PageCount() > 0 && n > rec.Reading.PageCount():
		return shownPage{}, nowhere
	}
	if d.h.ocr == nil {
		return shownPage{}, ingest.Refused("this server shows no pages: another one does the workers' part")
	}
	out := shownPage{scan: rec, page: ocr.PicturePage{Number: n}}
	if rec.Reading != nil {
		for _, p := range rec.Reading.Pages {
			if p.Number == n {
				out.page.Rotation = p.Rotation
			}
		}
	}
	layouts, err := d.h.store.Layouts(ctx, rec.ID)
	out.page.Layout = layouts[n]
	return out, err
}

// The size of a sheet of A4 as a picture, for pages whose size is not known.
const a4PictureWidth, a4PictureHeight = ocr.PictureWidth, 2263

// Page implements desk.Files.
func (d deskFiles) Page(ctx context.Context, v ingest.Viewer, id string, n int) (desk.PageImage, error) {
	p, err := d.shown(ctx, v, id, n)
	if err != nil {
		return desk.PageImage{}, err
	}
	out := desk.PageImage{Width: a4PictureWidth, Height: a4PictureHeight}
	made, known := d.pictures.get(p.tag())
	switch {
	case made.refusal != nil:
		return desk.PageImage{}, made.refusal
	case known:
		out.Width, out.Height = made.Width, made.Height
	}
	l := p.page.Layout
	if l == nil || l.Width <= 0 || l.Height <= 0 {
		return out, nil
	}
	if !known {
		out.Width, out.Height = min(l.Width, ocr.PictureWidth), min(l.Width, ocr.PictureWidth)*l.Height/l.Width
	}
	w, h := float64(l.Width), float64(l.Height)
	out.Words = make([]desk.PageWord, len(l.Words))
	for i, word := range l.Words {
		out.Words[i] = desk.PageWord{
			Text: word.Text, Confidence: word.Confidence,
			X: float64(word.X) / w, Y: float64(word.Y) / h, W: float64(word.W) / w, H: float64(word.H) / h,
		}
	}
	return out, nil
}

// makingTime bounds the making of a picture, of which nobody waits longer (channels/desk).
const makingTime = 45 * time.Second

// Picture implements desk.Files. Those who ask for the same one while it is being made get
// the same; that one of them goes does not break it off.
func (d deskFiles) Picture(ctx context.Context, v ingest.Viewer, id string, n int) (desk.Picture, error) {
	p, err := d.shown(ctx, v, id, n)
	if err != nil {
		return desk.Picture{}, err
	}
	tag := p.tag()
	made, known := d.pictures.get(tag)
	if !known {
		done := d.pictures.making.DoChan(tag, func() (any, error) {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), makingTime)
			defer cancel()
			made, err := d.makePicture(ctx, p)
			if err == nil {
				d.pictures.put(tag, made)
			}
			return made, err
		})
		select {
		case res := <-done:
			if res.Err != nil {
				return desk.Picture{}, res.Err
			}
			made = res.Val.(picture)
		case <-ctx.Done():
			return desk.Picture{}, ingest.Refused("the page takes too long to be drawn; try again")
		}
	}
	if made.refusal != nil {
		return desk.Picture{}, made.refusal
	}
	return desk.Picture{JPEG: made.JPEG, Tag: tag}, nil
}

// makePicture has a child draw the page. What can never be drawn is a picture with a refusal,
// which is worth keeping.
func (d deskFiles) makePicture(ctx context.Context, p shownPage) (made picture, err error) {
	blob, err := d.h.store.Original(ctx, p.scan)
	if err != nil {
		return made, err
	}
	defer func() { err = errors.Join(err, blob.Close()) }()
	if p.page.Path = blob.Path(); p.page.Path == "" {
		work, err := os.MkdirTemp(d.h.store.Spool().Dir, "page-*")
		if err != nil {
			return made, fmt.Errorf("picture of a page: %w", err)
		}
		defer os.RemoveAll(work)
		p.page.Path = filepath.Join(work, "scan")
		if err := os.WriteFile(p.page.Path, blob.Bytes(), 0o600); err != nil {
			return made, fmt.Errorf("picture of a page: %w", err)
		}
	}
	made.Picture, err = d.h.ocr.PageImage(ctx, p.page)
	switch {
	case errors.Is(err, ocr.ErrNoPicture):
		made.refusal = ingest.Refused("this page cannot be drawn: %s", strings.TrimPrefix(err.Error(), ocr.ErrNoPicture.Error()+": "))
		return made, nil
	case errors.Is(err, ocr.ErrChild):
		d.h.log.LogAttrs(ctx, slog.LevelError, "pages cannot be shown", slog.Any("err", err))
		return made, ingest.Refused("pages cannot be drawn on this server: a program for it is missing; saisine doctor says which")
	case errors.Is(err, ocr.ErrClosed), errors.Is(err, context.DeadlineExceeded):
		return made, fmt.Errorf("%w: %w", ingest.ErrUnavailable, err)
	}
	return made, err
}

// picture is a page as it was drawn, or why it cannot be.
type picture struct {
	ocr.Picture
	refusal error
}

// keptPictures bounds the pictures that are kept, in bytes: some hundred pages.
const keptPictures = 32 << 20

// pictures keeps those that were looked at last: turning back a page, or marking a word,
// must not draw it again. It is safe for concurrent use.
type pictures struct {
	making singleflight.Group

	mu    sync.Mutex
	size  int
	order *lru.List // of keptPicture, the last used first
	byTag map[string]*lru.Element
}

type keptPicture struct {
	tag string
	picture
}

// cost is roughly what a picture takes.
func (p keptPicture) cost() int { return len(p.JPEG) + 1<<10 }

func newPictures() *pictures {
	return &pictures{order: lru.New(), byTag: make(map[string]*lru.Element)}
}

func (k *pictures) get(tag string) (picture, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	e, ok := k.byTag[tag]
	if !ok {
		return picture{}, false
	}
	k.order.MoveToFront(e)
	return e.Value.(keptPicture).picture, true
}

func (k *pictures) put(tag string, p picture) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, known := k.byTag[tag]; known {
		return
	}
	kept := keptPicture{tag, p}
	k.byTag[tag] = k.order.PushFront(kept)
	k.size += kept.cost()
	for k.size > keptPictures {
		last := k.order.Remove(k.order.Back()).(keptPicture)
		delete(k.byTag, last.tag)
		k.size -= last.cost()
	}
}
