package desk

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"saisine.fr/saisine/ingest"
)

// original is the piece that the page shows as it came.
type original struct {
	ID  string
	Rec ingest.Record
	// From and To are people and addresses as the piece gives them.
	From    string
	To      string
	Subject string
	Text    string
	// Quoted is the whole text, where Text is the sender's own words only.
	Quoted string
	// Cut is set when Text was too long to be shown.
	Cut         bool
	Attachments []attachmentLine
	Problems    []ingest.Problem
	Mail, Copy  bool
	// Virus is what the virus scan said, in words.
	Virus string
	// Styled shows the HTML of a mail; Unstyled is set when that was asked for, and there is none.
	Styled, Unstyled bool
	Page             *pageView // of a scan; nil otherwise
}

// attachmentLine is a file that came with a piece.
type attachmentLine struct {
	ingest.Attachment
	URL string
	Cut bool
}

// maxShown bounds a text on the page, in bytes: the original has the rest.
const maxShown = 100_000

func cutText(text string) (string, bool) {
	if len(text) <= maxShown {
		return text, false
	}
	return strings.ToValidUTF8(text[:maxShown], "") + "…", true
}

// original collects what is shown of the piece that the address names, or of the opening.
func (a *Adapter) original(r *http.Request, v ingest.Viewer, p *requestPage) (original, error) {
	var o original
	wanted := r.FormValue("piece")
	for _, s := range p.Q.Submissions {
		if s.ID == wanted || o.ID == "" || s.Link == ingest.LinkOpens && o.ID != wanted {
			o.ID = s.ID
		}
	}
	if o.ID == "" {
		return o, nil // cannot be: something opens each request
	}
	var err error
	if o.Rec, err = a.opts.Requests.Submission(r.Context(), v, o.ID); err != nil {
		return o, err
	}
	o.Virus = virusWords(a.pages.tongue(v), o.Rec.Verdict)
	reading := o.Rec.Reading
	if reading == nil {
		return o, nil
	}
	o.Subject, o.Problems, o.Mail, o.Copy = reading.Subject, reading.Problems, o.Rec.MediaType == ingest.MediaMail, reading.Recognised()
	o.From = strings.Join(known(reading.From.Name, reading.From.Email, reading.From.Phone, reading.From.Address), ", ")
	o.To = cutWords(strings.Join(reading.To, ", "), 300)
	o.Text, o.Cut = cutText(reading.Words())
	if strings.TrimSpace(reading.Words()) != strings.TrimSpace(reading.Text) {
		o.Quoted, _ = cutText(reading.Text)
	}
	for n, file := range reading.Attachments {
		l := attachmentLine{Attachment: file, URL: pieceURL(o.ID, "fichiers", strconv.Itoa(n))}
		l.Text, l.Cut = cutText(file.Text)
		o.Attachments = append(o.Attachments, l)
	}
	if o.Mail && r.FormValue("vue") == "html" && a.opts.Files != nil && o.Rec.Verdict.MayLeave(ingest.UseShow) == nil {
		_, err := a.opts.Files.HTML(r.Context(), v, o.ID)
		if o.Styled, o.Unstyled = err == nil, errors.Is(err, ingest.ErrNotFound); !o.Styled && !o.Unstyled {
			return o, err
		}
	}
	if len(reading.Pages) > 0 {
		o.Page = a.pageView(r.Context(), v, o.ID, *reading, r.FormValue("page"))
		for _, step := range []struct {
			n   int
			url *string
		}{{o.Page.Number - 1, &o.Page.Previous}, {o.Page.Number + 1, &o.Page.Next}} {
			if step.n >= 1 && step.n <= o.Page.Total {
				*step.url = pageURL(p, o.ID, step.n)
			}
		}
	}
	return o, nil
}

func pageURL(p *requestPage, id string, n int) string {
	q := url.Values{"piece": {id}, "page": {strconv.Itoa(n)}}
	p.Way.lead(q)
	return "/agent/demandes/" + url.PathEscape(p.Q.Reference) + "?" + q.Encode() + "#original"
}

func known(parts ...string) []string {
	var out []string
	for _, s := range parts {
		if s = strings.TrimSpace(s); s != "" {
			out = append(out, s)
		}
	}
	return out
}

func pieceURL(id string, parts ...string) string {
	out := "/agent/pieces/" + url.PathEscape(id)
	for _, p := range parts {
		out += "/" + p
	}
	return out
}

// pageView is a page of a scan beside what was read on it.
type pageView struct {
	Number, Total  int
	Previous, Next string // addresses, "" for none
	Image          string // address, "" where there is none
	Width, Height  int
	// ViewHeight is the height of the overlay, whose width is 1000.
	ViewHeight int
	Boxes      []wordBox
	Text       []segment
	Doubtful   int
	Read       ingest.Page
}

// pageView shows the page with this number, as text, of a reading; the first one where there
// is none.
func (a *Adapter) pageView(ctx context.Context, v ingest.Viewer, id string, reading ingest.Reading, number string) *pageView {
	out := &pageView{Total: max(reading.Total, reading.Pages[len(reading.Pages)-1].Number)}
	out.Number, _ = strconv.Atoi(number)
	if out.Number < 1 || out.Number > out.Total {
		out.Number = 1
	}
	for _, p := range reading.Pages {
		if p.Number == out.Number {
			out.Read = p
		}
	}
	text, _ := cutText(out.Read.Text)
	out.Text = []segment{{Text: text, Doubt: -1}}
	if a.opts.Files == nil {
		return out
	}
	image, err := a.opts.Files.Page(ctx, v, id, out.Number)
	if err != nil {
		// The text is worth showing without it; the files page says what is wrong.
		a.log.LogAttrs(ctx, slog.LevelWarn, "no image of a page", slog.String("submission", id), slog.Int("page", out.Number), slog.Any("err", err))
		return out
	}
	out.Image, out.Width, out.Height = pieceURL(id, "pages", strconv.Itoa(out.Number), "image"), image.Width, image.Height
	if out.Width > 0 {
		out.ViewHeight = 1000 * out.Height / out.Width
	}
	out.Text, out.Boxes = markDoubtful(text, image.Words, out.ViewHeight)
	out.Doubtful = len(out.Boxes)
	return out
}
