package desk

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"saisine.fr/saisine/ingest"
)

// paperRoutes are the pages of the mail room.
func (a *Adapter) paperRoutes(o *router) {
	if a.opts.Paper == nil {
		return
	}
	o.handle("GET /agent/courrier", ingest.RoleReader, a.serveMailRoom)
	o.handle("POST /agent/courrier/scans", ingest.RoleAgent, a.takeScans)
	o.handle("GET /agent/courrier/scans/{id}", ingest.RoleAgent, a.serveScan)
	o.handle("GET /agent/courrier/lettres/{id}", ingest.RoleAgent, a.serveLetter)
	o.handle("GET /agent/courrier/lettres/{id}/lettre.pdf", ingest.RoleAgent, a.serveLetterFile)
	o.handle("POST /agent/courrier/lettres", ingest.RoleAgent, a.takePrinted)
	o.handle("POST /agent/demandes/{ref}/accuse-papier", ingest.RoleAgent, a.takeAcknowledgement)
	o.handle("GET /agent/courrier/separateurs.pdf", ingest.RoleAgent, a.serveSeparators)
	o.handle("GET /agent/courrier/registre", ingest.RoleReader, a.serveRegister)
	o.handle("GET /agent/courrier/registre.csv", ingest.RoleReader, a.serveRegisterCSV)
	o.handle("GET /agent/courrier/registre.pdf", ingest.RoleReader, a.serveRegisterPDF)
}

func letterURL(id string) string { return "/agent/courrier/lettres/" + url.PathEscape(id) }

// mailRoomPage is what the page of the mail room shows.
type mailRoomPage struct {
	Upload   uploadForm
	Letters  []letterLine
	Total    int // letters that wait, those that are not listed included
	Services []string
	Register registerForm
	// RegisterErrors is for the form's template: the page itself has none.
	RegisterErrors map[string]string
	MaxFile        int64
	MaxFiles       int
	May            bool
}

// letterLine is a letter to be printed.
type letterLine struct {
	ingest.Mail
	URL, Subject, To string
	// Opened is set once somebody has opened it to print it.
	Opened bool
}

func letterLineOf(t tongue, m ingest.Mail) letterLine {
	l := letterLine{Mail: m, URL: letterURL(m.ID), Subject: m.Detail.Subject, Opened: m.SHA256 != ""}
	if m.Kind == ingest.MailPaper {
		l.Subject = t.T("Accusé de réception")
	}
	if m.Detail.Recipient != nil {
		l.To = m.Detail.Recipient.Name
	}
	return l
}

func (a *Adapter) serveMailRoom(w http.ResponseWriter, r *http.Request, v ingest.Viewer) error {
	return a.showMailRoom(w, r, v, http.StatusOK, newUpload())
}

func (a *Adapter) showMailRoom(w http.ResponseWriter, r *http.Request, v ingest.Viewer, status int, u uploadForm) error {
	p, err := a.mailRoomPage(r, v, u)
	if err != nil {
		return err
	}
	return a.show(w, r, v, status, "courrier", page{Title: "Courrier", Section: "courrier", Wide: true, Body: p})
}

func (a *Adapter) mailRoomPage(r *http.Request, v ingest.Viewer, u uploadForm) (mailRoomPage, error) {
	p := mailRoomPage{
		Upload: u, Register: a.newRegisterForm(), MaxFile: int64(a.opts.Limits.File), MaxFiles: maxScans,
		May: v.May(ingest.RoleAgent), Services: a.mailServices(v),
	}
	if !p.May {
		return p, nil
	}
	letters, total, err := a.opts.Paper.Letters(r.Context(), v)
	if err != nil {
		return p, err
	}
	t := a.pages.tongue(v)
	for _, m := range letters {
		p.Letters = append(p.Letters, letterLineOf(t, m))
	}
	p.Total = total
	return p, nil
}

// mailServices are the services for which mail may be marked, in the order of the categories.
func (a *Adapter) mailServices(v ingest.Viewer) []string {
	var out []string
	for _, c := range a.opts.Facts.Categories() {
		if c.Service != "" && v.Sees(c.Service) && !slices.Contains(out, c.Service) {
			out = append(out, c.Service)
		}
	}
	return out
}

// serveLetter shows a letter that is to be printed, or was.
func (a *Adapter) serveLetter(w http.ResponseWriter, r *http.Request, v ingest.Viewer) error {
	m, err := a.opts.Paper.Letter(r.Context(), v, r.PathValue("id"))
	if err != nil {
		return err
	}
	t := a.pages.tongue(v)
	title := t.T("Lettre %s", m.Number)
	if m.Number == "" {
		title = t.T("Lettre")
	}
	return a.show(w, r, v, http.StatusOK, "lettre", page{Title: title, Section: "courrier", Body: letterLineOf(t, m)})
}

func (a *Adapter) serveLetterFile(w http.ResponseWriter, r *http.Request, v ingest.Viewer) error {
	m, err := a.opts.Paper.Letter(r.Context(), v, r.PathValue("id"))
	if err != nil {
		return err
	}
	if err := a.saw(r.Context(), v, ingest.AccessRequest, m.Request); err != nil {
		return err
	}
	f, err := a.opts.Paper.LetterFile(r.Context(), v, m.ID)
	if err != nil {
		return err
	}
	name := "courrier-" + m.Number
	if m.Number == "" {
		name = "courrier-" + m.Request
	}
	f.Name = ""
	return download(w, r, f, name)
}

// takePrinted notes that letters were printed and posted.
func (a *Adapter) takePrinted(w http.ResponseWriter, r *http.Request, v ingest.Viewer) error {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
	if err := r.ParseForm(); err != nil {
		return ingest.Refused("the form is damaged or too large")
	}
	ids := r.PostForm["lettre"]
	if len(ids) == 0 {
		return ingest.Refused("tick the letters that were printed and posted")
	}
	n, err := a.opts.Paper.Printed(r.Context(), v, ids)
	if err != nil {
		return err
	}
	t := a.pages.tongue(v)
	if n == 1 {
		setFlash(w, t.T("Une lettre notée comme imprimée et postée."))
	} else {
		setFlash(w, t.T("%d lettres notées comme imprimées et postées.", n))
	}
	return redirect(w, r, "/agent/courrier#lettres")
}

func (a *Adapter) takeAcknowledgement(w http.ResponseWriter, r *http.Request, v ingest.Viewer) error {
	m, err := a.opts.Paper.Acknowledge(r.Context(), v, r.PathValue("ref"))
	if err != nil {
		return err
	}
	return redirect(w, r, letterURL(m.ID))
}

// maxSheets bounds the copies of a separator sheet that one click asks for.
const maxSheets = 100

func (a *Adapter) serveSeparators(w http.ResponseWriter, r *http.Request, v ingest.Viewer) error {
	q := SeparatorQuery{Copies: 1}
	if err := r.ParseForm(); err != nil {
		return ingest.Refused("the form is damaged or too large")
	}
	q.Services = slices.DeleteFunc(r.Form["service"], func(s string) bool { return s == "" })
	if text := r.Form.Get("exemplaires"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxSheets {
			return ingest.Refused("the number of sheets must be between 1 and %d", maxSheets)
		}
		q.Copies = n
	}
	q.Counter = r.Form.Get("voie") == "guichet"
	if q.Postmark = r.Form.Get("cachet"); q.Postmark != "" {
		if _, err := time.Parse(time.DateOnly, q.Postmark); err != nil {
			return ingest.Refused("%q is no day; write it as 2026-04-23", q.Postmark)
		}
	}
	f, err := a.opts.Paper.Separators(r.Context(), v, q)
	if err != nil {
		return err
	}
	f.Name = ""
	return download(w, r, f, fmt.Sprintf("separateurs-%d", q.Copies))
}
