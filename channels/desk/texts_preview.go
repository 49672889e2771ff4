package desk

import (
	"bytes"
	"errors"
	"html/template"
	"net/http"
	"strconv"

	"saisine.fr/saisine/ingest"
)

// previewPolicy lets a preview show itself and nothing else: it stands in a sandboxed frame
// of our page, runs no script, loads nothing and leads nowhere. Letters have their styles in
// their elements, as mail programs want it.
const previewPolicy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none'; frame-ancestors 'self'; sandbox"

// plainPreview shows a text that has no page of its own, and what is wrong with one.
var plainPreview = template.Must(template.New("").Parse(`<!DOCTYPE html>
<html lang="{{.Lang}}"><head><meta charset="utf-8"><meta name="color-scheme" content="light dark"><title>{{.Title}}</title>
<style>body{font:1rem/1.5 sans-serif;margin:1rem}pre{font:.9375rem/1.5 monospace;white-space:pre-wrap;overflow-wrap:anywhere}h1{font-size:1.1rem}</style></head>
<body><h1>{{.Title}}</h1>{{if .Problems}}<ul>{{range .Problems}}<li>{{.}}</li>{{end}}</ul>{{else if .Text}}<pre>{{.Text}}</pre>{{end}}</body></html>
`))

type plainPreviewPage struct {
	Lang, Title, Text string
	Problems          []string
}

// serveTextPreview shows in the frame what is posted, or with GET the text in force.
func (a *Adapter) serveTextPreview(w http.ResponseWriter, r *http.Request, v ingest.Viewer) error {
	t := a.pages.tongue(v)
	if r.URL.Query().Has("vide") { // until what is written is sent to it
		return writePreview(w, http.StatusOK, plainPreviewPage{Lang: t.lang, Title: t.T("Demandez à montrer ce qui est écrit.")})
	}
	p, err := a.previewed(w, r, v)
	var wrong *TextError
	switch {
	case errors.As(err, &wrong):
		body := plainPreviewPage{Lang: t.lang, Title: t.T("Ce texte ne peut pas être montré")}
		for _, problem := range wrong.Problems {
			body.Problems = append(body.Problems, t.problem(problem))
		}
		return writePreview(w, http.StatusUnprocessableEntity, body)
	case err != nil:
		return err
	case p.HTML != "":
		sendPreview(w, http.StatusOK, []byte(p.HTML))
		return nil
	}
	return writePreview(w, http.StatusOK, plainPreviewPage{Lang: french, Title: p.Subject, Text: p.Text})
}

func (a *Adapter) previewed(w http.ResponseWriter, r *http.Request, v ingest.Viewer) (TextPreview, error) {
	if r.Method == http.MethodPost {
		p, err := a.readText(w, r, v)
		if err != nil {
			return TextPreview{}, err
		}
		return a.opts.Texts.Preview(r.Context(), v, p.Key, p.Typed, p.Sample)
	}
	text, err := a.opts.Texts.Text(r.Context(), v, textKey(r))
	if err != nil {
		return TextPreview{}, err
	}
	return a.opts.Texts.Preview(r.Context(), v, text.Key, text.Content, 0)
}

func writePreview(w http.ResponseWriter, status int, body plainPreviewPage) error {
	var b bytes.Buffer
	if err := plainPreview.Execute(&b, body); err != nil {
		return err
	}
	sendPreview(w, status, b.Bytes())
	return nil
}

func sendPreview(w http.ResponseWriter, status int, page []byte) {
	h := w.Header()
	h.Set("Content-Security-Policy", previewPolicy)
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(page)))
	w.WriteHeader(status)
	_, _ = w.Write(page) // a reader that has gone needs nothing
}

// serveTextPDF gives the printed letter of what is posted.
func (a *Adapter) serveTextPDF(w http.ResponseWriter, r *http.Request, v ingest.Viewer) error {
	p, err := a.readText(w, r, v)
	if err != nil {
		return err
	}
	shown, err := a.opts.Texts.Preview(r.Context(), v, p.Key, p.Typed, p.Sample)
	var wrong *TextError
	if errors.As(err, &wrong) {
		return a.checkText(w, r, v, http.StatusUnprocessableEntity, p)
	}
	if err == nil && shown.PDF == nil {
		err = ingest.ErrNotFound
	}
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/pdf")
	h.Set("Content-Disposition", `attachment; filename="apercu.pdf"`)
	h.Set("Content-Length", strconv.Itoa(len(shown.PDF)))
	_, _ = w.Write(shown.PDF) // a reader that has gone needs nothing
	return nil
}
