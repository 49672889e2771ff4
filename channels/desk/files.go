package desk

import (
	"bytes"
	"context"
	"html/template"
	"net/http"
	"strconv"
	"time"

	"saisine.fr/saisine/channels/desk/safehtml"
	"saisine.fr/saisine/ingest"
)

// fileRoutes are originals and what can be seen of them.
func (a *Adapter) fileRoutes(o *router) {
	if a.opts.Files == nil {
		return
	}
	o.handle("GET /agent/pieces/{id}/original", ingest.RoleReader, a.serveOriginal)
	o.handle("GET /agent/pieces/{id}/copie", ingest.RoleReader, a.serveCopy)
	o.handle("GET /agent/pieces/{id}/fichiers/{n}", ingest.RoleReader, a.serveAttachment)
	o.handle("GET /agent/pieces/{id}/html", ingest.RoleReader, a.serveHTML)
	o.handle("GET /agent/pieces/{id}/pages/{n}/image", ingest.RoleReader, a.servePage)
	o.handle("GET /agent/courriers/{id}", ingest.RoleReader, a.serveMail)
}

func (a *Adapter) serveOriginal(w http.ResponseWriter, r *http.Request, v ingest.Viewer) error {
	f, err := a.opts.Files.Original(r.Context(), v, r.PathValue("id"))
	return a.servePiece(w, r, v, f, "original", err)
}

func (a *Adapter) serveCopy(w http.ResponseWriter, r *http.Request, v ingest.Viewer) error {
	f, err := a.opts.Files.Copy(r.Context(), v, r.PathValue("id"))
	return a.servePiece(w, r, v, f, "copie", err)
}

func (a *Adapter) serveAttachment(w http.ResponseWriter, r *http.Request, v ingest.Viewer) error {
	n, err := pathNumber(r.PathValue("n"))
	if err != nil {
		return err
	}
	f, err := a.opts.Files.Attachment(r.Context(), v, r.PathValue("id"), n)
	return a.servePiece(w, r, v, f, "piece-"+strconv.Itoa(n+1), err)
}

// servePiece sends a file of a submission: what is the last part of its name.
func (a *Adapter) servePiece(w http.ResponseWriter, r *http.Request, v ingest.Viewer, f File, what string, err error) error {
	if err != nil {
		return err
	}
	id := r.PathValue("id")
	for _, seen := range append([]string{id}, f.Holds...) {
		if err := a.saw(r.Context(), v, ingest.AccessFile, seen); err != nil {
			_ = f.Body.Close()
			return err
		}
	}
	return download(w, r, f, nameBase(f.Request, id)+"-"+what)
}

func (a *Adapter) serveMail(w http.ResponseWriter, r *http.Request, v ingest.Viewer) error {
	id := r.PathValue("id")
	f, err := a.opts.Files.Mail(r.Context(), v, id)
	if err != nil {
		return err
	}
	if f.Request != "" {
		if err := a.saw(r.Context(), v, ingest.AccessRequest, f.Request); err != nil {
			_ = f.Body.Close()
			return err
		}
	}
	return download(w, r, f, nameBase(f.Request, id)+"-courrier")
}

// nameBase begins the name of a download: a reference or an id, both made by the house.
func nameBase(reference, id string) string {
	if reference != "" {
		return reference
	}
	return id
}

// pathNumber reads a number from 0 in an address.
func pathNumber(s string) (int, error) {
	n, err := strconv.ParseUint(s, 10, 31)
	if err != nil {
		return 0, ingest.ErrNotFound
	}
	return int(n), nil
}

// frame is the document that shows the HTML of a mail. The style sheet stands in it, since in
// a sandbox nothing is of the same origin, a file of ours neither.
var frame = template.Must(template.New("").Parse(`<!DOCTYPE html>
<html lang="{{.Lang}}">
<head>
<meta charset="utf-8">
<title>{{.Title}}</title>
<style>{{.Style}}</style>
</head>
<body>
{{.Body}}
{{with .Cut}}<p><strong>{{.}}</strong></p>{{end}}
</body>
</html>
`))

// serveHTML sends the HTML of a mail, sanitised, for a frame without rights.
func (a *Adapter) serveHTML(w http.ResponseWriter, r *http.Request, v ingest.Viewer) error {
	id := r.PathValue("id")
	mail, err := a.opts.Files.HTML(r.Context(), v, id)
	if err != nil {
		return err
	}
	if err := a.saw(r.Context(), v, ingest.AccessFile, id); err != nil {
		return err
	}
	t := a.pages.tongue(v)
	safe := safehtml.Clean(mail.HTML, safehtml.Options{Images: mail.Images, Remote: t.T("[image distante]"), Missing: t.T("[image non affichée]")})
	view := struct {
		Lang, Title, Cut string
		Style            template.CSS
		Body             template.HTML
	}{t.lang, t.T("Courriel mis en forme"), "", safehtml.Style, template.HTML(safe.HTML)} //nolint:gosec // G203: it is what safehtml is for
	if mail.Cut || safe.Cut {
		view.Cut = t.T("Le courriel est plus long\u00a0: téléchargez l’original pour tout lire.")
	}
	var page bytes.Buffer
	if err := frame.Execute(&page, view); err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Security-Policy", safehtml.Policy)
	h.Set("Referrer-Policy", "no-referrer")
	// Chromium may look up the hosts of links in advance otherwise.
	h.Set("X-DNS-Prefetch-Control", "off")
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(page.Len()))
	_, _ = w.Write(page.Bytes()) // a reader that has gone needs nothing
	return nil
}

// pictureTime is how long a browser may show the picture of a page without asking again.
const pictureTime = 5 * time.Minute

func (a *Adapter) servePage(w http.ResponseWriter, r *http.Request, v ingest.Viewer) error {
	id := r.PathValue("id")
	n, err := pathNumber(r.PathValue("n"))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), pictureWait)
	defer cancel()
	p, err := a.opts.Files.Picture(ctx, v, id, n)
	if err != nil {
		return err
	}
	if err := a.saw(r.Context(), v, ingest.AccessFile, id); err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Security-Policy", filePolicy)
	h.Set("Content-Type", "image/jpeg")
	h.Set("Content-Disposition", disposition("inline", nameBase("", id)+"-page-"+strconv.Itoa(n), "", fileKind{".jpg", "image/jpeg"}))
	h.Set("Cache-Control", "private, max-age="+strconv.Itoa(int(pictureTime/time.Second)))
	h.Set("Vary", "Cookie")
	h.Set("ETag", `"`+p.Tag+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(p.JPEG))
	return nil
}

// pictureWait is less than the server's patience with a response (webform.ConfigureServer).
const pictureWait = 45 * time.Second
