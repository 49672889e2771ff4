package webform

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"strconv"
	"sync"
	"time"

	"saisine.fr/saisine/channels"
)

//go:embed templates/*.html
var templateFiles embed.FS

//go:embed static/style.css
var styleSheet []byte

//go:embed static/icon.svg
var icon []byte

// page is what the layout shows around every page.
type page struct {
	Title   string
	NoIndex bool
	Body    any

	// Set by write.
	Town, OfTown string
	Style, Icon  string
}

// plainPage is a page of a few sentences.
type plainPage struct {
	Paragraphs []string
	Back       link // none when zero
}

// link is a link to another page of the form.
type link struct{ URL, Text string }

var toMainForm = link{"/", "Écrire à la mairie"}

// notice is a box above the form that says why it is shown again.
type notice struct {
	Title      string
	Paragraphs []string
}

// formView is what a form shows.
type formView struct {
	Action  string
	Fields  fields
	Token   string
	Groups  []categoryGroup
	Errors  []fieldError
	Notice  *notice
	Confirm bool     // send the confirmation along
	Lost    []string // names of files that have to be attached again

	MaxFile, MaxFiles, MaxPost string
}

// Err returns what is wrong with a field, or "".
func (v formView) Err(field string) string {
	for _, e := range v.Errors {
		if e.Field == field {
			return e.Text
		}
	}
	return ""
}

// categoryGroup is one heading of the list of subjects.
type categoryGroup struct {
	Label      string
	Categories []Category
}

// groupCategories puts the categories of one group together, in the order in which
// groups first appear.
func groupCategories(list []Category) []categoryGroup {
	var groups []categoryGroup
	at := make(map[string]int)
	for _, c := range list {
		i, ok := at[c.Group]
		if !ok {
			i = len(groups)
			at[c.Group] = i
			groups = append(groups, categoryGroup{Label: c.Group})
		}
		groups[i].Categories = append(groups[i].Categories, c)
	}
	return groups
}

// formView fills f with a post, which may be nil. A token that is not ours, or
// none, is replaced by one issued at now; ours is kept, so that sending the mended
// form is still known as the same form.
func (a *Adapter) formView(f postForm, p *post, now time.Time) formView {
	v := formView{
		Action:   f.action,
		Groups:   a.choice.Load().groups,
		MaxFile:  frSize(a.opts.Limits.MaxFile),
		MaxFiles: frNumber(int64(a.opts.Limits.MaxFiles)),
		MaxPost:  frSize(a.opts.Limits.MaxPost),
	}
	if p != nil {
		v.Fields, v.Token, v.Confirm = p.fields, p.token, p.confirm
		for i := range p.Files {
			v.Lost = append(v.Lost, p.Files[i].Name)
		}
	}
	if !now.IsZero() && f.tokens.check(v.Token, now).state != tokenValid {
		v.Token = f.tokens.issue(now)
	}
	return v
}

// serveForm shows the empty form.
func (a *Adapter) serveForm(w http.ResponseWriter, r *http.Request) {
	a.show(w, r, http.StatusOK, a.main, "Écrire à la mairie", a.formView(a.main, nil, a.now()))
}

// pages holds the parsed templates and the assets.
type pages struct {
	town, ofTown string
	style, icon  channels.Asset
	assets       []channels.Asset
	byName       map[string]*template.Template
	buffers      sync.Pool
}

func newPages(town string) *pages {
	p := &pages{
		town:    town,
		ofTown:  ofTown(town),
		style:   channels.NewAsset("/", "style", ".css", "text/css; charset=utf-8", styleSheet),
		icon:    channels.NewAsset("/", "icone", ".svg", "image/svg+xml", icon),
		byName:  make(map[string]*template.Template),
		buffers: sync.Pool{New: func() any { return new(bytes.Buffer) }},
	}
	p.assets = []channels.Asset{p.style, p.icon}
	for _, name := range []string{"form", "complement", "confirmer", "suivi", "message", "accessibilite", "donnees"} {
		p.byName[name] = template.Must(template.ParseFS(templateFiles, "templates/layout.html", "templates/champs.html", "templates/"+name+".html"))
	}
	return p
}

// write renders a page whole before it sends anything, so that a fault in it cannot
// leave half a page behind.
func (a *Adapter) write(w http.ResponseWriter, r *http.Request, status int, name string, data page) {
	data.Town, data.OfTown = a.pages.town, a.pages.ofTown
	data.Style, data.Icon = a.pages.style.Path, a.pages.icon.Path
	buf := a.pages.buffers.Get().(*bytes.Buffer)
	defer a.pages.buffers.Put(buf)
	buf.Reset()
	h := w.Header()
	secure(h)
	h["Cache-Control"] = headerNoStore
	if data.NoIndex {
		h["X-Robots-Tag"] = headerNoRobots
	}
	if err := a.pages.byName[name].ExecuteTemplate(buf, "layout.html", data); err != nil {
		a.log.ErrorContext(r.Context(), "page not rendered", "page", name, "error", err)
		http.Error(w, "Erreur interne", http.StatusInternalServerError)
		return
	}
	h["Content-Type"] = headerHTML
	h["Content-Length"] = []string{strconv.Itoa(buf.Len())}
	w.WriteHeader(status)
	if _, err := w.Write(buf.Bytes()); err != nil {
		a.log.DebugContext(r.Context(), "page not sent", "page", name, "error", err)
	}
}
