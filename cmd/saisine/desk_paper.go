package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"saisine.fr/saisine/channels/desk"
	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/store"
)

// deskPaper is desk.Paper.
type deskPaper struct{ h *house }

var _ desk.Paper = deskPaper{}

// lettersShown is how many letters to be printed are listed at a time.
const lettersShown = 100

// Letters implements desk.Paper.
func (d deskPaper) Letters(ctx context.Context, v ingest.Viewer) ([]ingest.Mail, int, error) {
	return d.h.store.ToPrint(ctx, v, lettersShown)
}

// Letter implements desk.Paper.
func (d deskPaper) Letter(ctx context.Context, v ingest.Viewer, id string) (ingest.Mail, error) {
	m, err := d.h.store.VisibleMail(ctx, v, id)
	if err == nil && !m.OnPaper() {
		err = fmt.Errorf("%w: letter %s", ingest.ErrNotFound, id)
	}
	return m, err
}

// LetterFile implements desk.Paper.
func (d deskPaper) LetterFile(ctx context.Context, v ingest.Viewer, id string) (desk.File, error) {
	m, err := d.Letter(ctx, v, id)
	if err != nil {
		return desk.File{}, err
	}
	if m.State == ingest.MailWithheld {
		return desk.File{}, ingest.Refused("this letter is not to be printed: %s", m.Reason)
	}
	pdf, err := d.h.mails.paper(ctx, m)
	if err != nil {
		return desk.File{}, err
	}
	return pdfFile("courrier-"+m.Request+".pdf", pdf), nil
}

func pdfFile(name string, pdf []byte) desk.File {
	return desk.File{Name: name, Type: ingest.MediaPDF, Size: int64(len(pdf)), Body: io.NopCloser(bytes.NewReader(pdf))}
}

// Printed implements desk.Paper.
func (d deskPaper) Printed(ctx context.Context, v ingest.Viewer, ids []string) (int, error) {
	return d.h.store.Printed(ctx, v, ids)
}

// Acknowledge implements desk.Paper.
func (d deskPaper) Acknowledge(ctx context.Context, v ingest.Viewer, reference string) (ingest.Mail, error) {
	if _, err := d.h.store.Visible(ctx, v, reference); err != nil {
		return ingest.Mail{}, err
	}
	q, err := d.h.store.Request(ctx, reference)
	if err != nil {
		return ingest.Mail{}, err
	}
	m, err := paperOf(ctx, d.h.store, q)
	if errors.Is(err, errToReview) {
		err = ingest.Refused("the letter names the service: confirm the category first")
	}
	return m, err
}

// Separators implements desk.Paper.
func (d deskPaper) Separators(_ context.Context, v ingest.Viewer, q desk.SeparatorQuery) (desk.File, error) {
	for _, name := range q.Services {
		if !v.Sees(name) {
			return desk.File{}, fmt.Errorf("%w: service %q", ingest.ErrNotFound, name)
		}
	}
	s := separators{services: q.Services, copies: q.Copies, postmark: q.Postmark}
	if q.Counter {
		s.channel = string(ingest.ChannelCounter)
	}
	sheets, err := s.sheets(d.h.rules.File())
	if err != nil {
		return desk.File{}, ingest.Refused("the sheets cannot be made: %s", err)
	}
	var pdf bytes.Buffer
	if err := writeSheets(&pdf, sheets); err != nil {
		return desk.File{}, err
	}
	return pdfFile("separateurs.pdf", pdf.Bytes()), nil
}

// Scans implements desk.Paper.
func (d deskPaper) Scans(ctx context.Context, v ingest.Viewer, ids []string) ([]desk.ScanState, error) {
	var out []desk.ScanState
	for _, id := range ids {
		s, err := d.scan(ctx, v, id)
		if errors.Is(err, ingest.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		made, err := d.h.store.Made(ctx, id)
		if err != nil {
			return nil, err
		}
		for _, m := range made {
			l, err := d.scan(ctx, v, m.ID)
			if errors.Is(err, ingest.ErrNotFound) {
				continue
			}
			if err != nil {
				return nil, err
			}
			s.Letters = append(s.Letters, l)
		}
		out = append(out, s)
	}
	return out, nil
}

func (d deskPaper) scan(ctx context.Context, v ingest.Viewer, id string) (desk.ScanState, error) {
	rec, err := d.h.store.SubmissionFor(ctx, v, id)
	return desk.ScanState{ID: rec.ID, Filename: rec.Hints.Filename, State: rec.State, Reason: frenchReason(rec.Reason), Request: rec.Request}, err
}

// registerFilter turns the days of a query into times.
func (d deskPaper) registerFilter(q desk.RegisterQuery) (ingest.RegisterFilter, error) {
	f := ingest.RegisterFilter{Direction: q.Direction, Channel: q.Channel}
	from, err := time.ParseInLocation(time.DateOnly, q.From, d.h.zone)
	if err != nil {
		return f, ingest.Refused("%q is no day; write it as 2026-04-23", q.From)
	}
	to, err := time.ParseInLocation(time.DateOnly, q.To, d.h.zone)
	if err != nil {
		return f, ingest.Refused("%q is no day; write it as 2026-04-23", q.To)
	}
	f.From, f.To = from, to.AddDate(0, 0, 1)
	return f, nil
}

// registerShown is how many lines of a register are on a page.
const registerShown = 200

// Register implements desk.Paper.
func (d deskPaper) Register(ctx context.Context, v ingest.Viewer, q desk.RegisterQuery, after string) (desk.RegisterPage, error) {
	var page desk.RegisterPage
	f, err := d.registerFilter(q)
	if err != nil {
		return page, err
	}
	var next store.RegisterCursor
	if page.Lines, next, err = d.h.store.RegisterPage(ctx, v, f, registerCursor(after), registerShown); err != nil {
		return page, err
	}
	if next != (store.RegisterCursor{}) {
		page.Next = fmt.Sprintf("%d-%d", next.Year, next.Number)
	}
	page.Total, err = d.h.store.RegisterCount(ctx, v, f)
	return page, err
}

// registerCursor reads a place in a register; what is none is its beginning.
func registerCursor(s string) store.RegisterCursor {
	year, number, _ := strings.Cut(s, "-")
	y, err := strconv.Atoi(year)
	n, err2 := strconv.Atoi(number)
	if err != nil || err2 != nil {
		return store.RegisterCursor{}
	}
	return store.RegisterCursor{Year: y, Number: n}
}

// RegisterLines implements desk.Paper.
func (d deskPaper) RegisterLines(ctx context.Context, v ingest.Viewer, q desk.RegisterQuery, f func(ingest.RegisterLine) error) error {
	filter, err := d.registerFilter(q)
	if err != nil {
		return err
	}
	return d.h.store.Register(ctx, v, filter, f)
}
