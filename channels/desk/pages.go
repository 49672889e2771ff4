package desk

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"saisine.fr/saisine/channels"
	"saisine.fr/saisine/ingest"
)

//go:embed templates/*.html
var templateFiles embed.FS

//go:embed static
var staticFiles embed.FS

// page is what the layout shows around every page.
type page struct {
	Title   string
	Section string // of the navigation: demandes, nouvelle, courrier, echecs, chiffres, administration, compte
	Body    any
	// Wide lets a page use the whole width.
	Wide bool
	// Bare leaves the navigation out: for those who have not logged in.
	Bare bool

	// Set by show.
	Viewer           ingest.Viewer
	Lang             string
	Town             string
	Style, Icon      string
	Scripts          []string
	Flash            string // what was just done
	Failures         int
	Stuck            []ChannelState
	Version          string
	CanWrite, Manage bool
	Administer       bool
}

// pages holds the parsed templates, in each language, and the assets.
type pages struct {
	town    string
	zone    *time.Location
	style   channels.Asset
	icon    channels.Asset
	scripts []channels.Asset
	byName  map[string]map[string]pageTemplate // by language and name
	tongues map[string]tongue
	buffers sync.Pool
}

// newPages parses every template: templates/NAME.html with layout.html and the parts, which
// are the files that begin with an underscore.
func newPages(town string, zone *time.Location) (*pages, error) {
	p := &pages{
		town: town, zone: zone, byName: map[string]map[string]pageTemplate{}, tongues: map[string]tongue{},
		buffers: sync.Pool{New: func() any { return new(bytes.Buffer) }},
	}
	if err := p.loadAssets(); err != nil {
		return nil, err
	}
	c, err := newCatalogue()
	if err != nil {
		return nil, err
	}
	for lang, tag := range map[string]language.Tag{french: language.French, english: language.English} {
		t := tongue{lang, message.NewPrinter(tag, message.Catalog(c)), zone}
		p.tongues[lang] = t
		if p.byName[lang], err = parseTemplates(t); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// pageTemplate gives the template of a page, which is parsed when the page is first asked for:
// those of all pages, in both languages, take some 25 MB, and most days few are.
type pageTemplate func() (*template.Template, error)

func parseTemplates(t tongue) (map[string]pageTemplate, error) {
	shared := template.New("").Funcs(template.FuncMap{
		"t": t.T, "day": t.Day, "shortDay": t.ShortDay, "time": t.Time, "iso": t.ISO, "calendarDay": t.CalendarDay,
		"size": t.Size, "percent": t.Percent, "channel": t.Channel, "status": t.Status, "link": t.Link, "role": t.Role,
		"problem": t.problem, "fieldName": t.fieldName, "fieldValue": t.fieldValue, "queueName": t.queueName, "span": t.Span,
		"lang": func() string { return t.lang }, "dict": dict, "add": func(a, b int) int { return a + b },
	})
	shared, err := shared.ParseFS(templateFiles, "templates/layout.html", "templates/_*.html")
	if err != nil {
		return nil, fmt.Errorf("desk: templates: %w", err)
	}
	out := map[string]pageTemplate{}
	names, err := fs.Glob(templateFiles, "templates/[a-z]*.html")
	if err != nil {
		return nil, fmt.Errorf("desk: templates: %w", err)
	}
	for _, file := range names {
		name := strings.TrimSuffix(path.Base(file), ".html")
		if name == "layout" {
			continue
		}
		out[name] = sync.OnceValues(func() (*template.Template, error) {
			own, err := shared.Clone() // safe for concurrent use: shared itself is never executed
			if err == nil {
				own, err = own.ParseFS(templateFiles, file)
			}
			if err != nil {
				return nil, fmt.Errorf("desk: templates: %w", err)
			}
			return own, nil
		})
	}
	return out, nil
}

// dict makes a map of names and values, so that a part can be given several.
func dict(pairs ...any) (map[string]any, error) {
	if len(pairs)%2 != 0 {
		return nil, fmt.Errorf("desk: dict of %d values", len(pairs))
	}
	m := make(map[string]any, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		name, ok := pairs[i].(string)
		if !ok {
			return nil, fmt.Errorf("desk: dict: %v is no name", pairs[i])
		}
		m[name] = pairs[i+1]
	}
	return m, nil
}

// loadAssets reads static: all style sheets become one, in the order of their names.
func (p *pages) loadAssets() error {
	var style []byte
	names, err := fs.Glob(staticFiles, "static/*")
	if err != nil {
		return fmt.Errorf("desk: assets: %w", err)
	}
	slices.Sort(names)
	for _, file := range names {
		content, err := staticFiles.ReadFile(file)
		if err != nil {
			return fmt.Errorf("desk: assets: %w", err)
		}
		base := path.Base(file)
		name := strings.TrimSuffix(base, path.Ext(base))
		switch path.Ext(base) {
		case ".css":
			style = append(style, content...)
		case ".js":
			p.scripts = append(p.scripts, channels.NewAsset(assetsPath, name, ".js", "text/javascript; charset=utf-8", content))
		case ".svg":
			p.icon = channels.NewAsset(assetsPath, name, ".svg", "image/svg+xml", content)
		}
	}
	p.style = channels.NewAsset(assetsPath, "guichet", ".css", "text/css; charset=utf-8", style)
	return nil
}

// tongue returns the language of a viewer.
func (p *pages) tongue(v ingest.Viewer) tongue {
	if t, ok := p.tongues[v.Language]; ok {
		return t
	}
	return p.tongues[french]
}

// show renders a page whole before it sends anything, so that a fault in it cannot leave
// half a page behind.
func (a *Adapter) show(w http.ResponseWriter, r *http.Request, v ingest.Viewer, status int, name string, data page) error {
	t := a.pages.tongue(v)
	data.Viewer, data.Lang, data.Town = v, t.lang, a.pages.town
	data.Title = t.T(data.Title)
	data.Style, data.Icon = a.pages.style.Path, a.pages.icon.Path
	for _, s := range a.pages.scripts {
		data.Scripts = append(data.Scripts, s.Path)
	}
	data.CanWrite, data.Manage, data.Administer = v.May(ingest.RoleAgent), v.May(ingest.RoleManager), v.May(ingest.RoleAdministrator)
	if !data.Bare {
		data.Flash = a.takeFlash(w, r, t)
		a.fillBanner(r, v, &data)
	}
	return a.render(w, t, status, name, "layout.html", data)
}

// fragment renders a template of a page's file for htmx.
func (a *Adapter) fragment(w http.ResponseWriter, v ingest.Viewer, name, template string, data any) error {
	return a.render(w, a.pages.tongue(v), http.StatusOK, name, template, data)
}

func (a *Adapter) render(w http.ResponseWriter, t tongue, status int, name, template string, data any) error {
	parse, ok := a.pages.byName[t.lang][name]
	if !ok {
		return fmt.Errorf("desk: there is no page %q", name)
	}
	tpl, err := parse()
	if err != nil {
		return err
	}
	buf := a.pages.buffers.Get().(*bytes.Buffer)
	defer a.pages.buffers.Put(buf)
	buf.Reset()
	if err := tpl.ExecuteTemplate(buf, template, data); err != nil {
		return fmt.Errorf("desk: page %s: %w", name, err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(buf.Len()))
	w.WriteHeader(status)
	_, _ = w.Write(buf.Bytes()) // a reader that has gone needs nothing
	return nil
}

// fillBanner tells of failures and of channels that are stuck, on every page.
func (a *Adapter) fillBanner(r *http.Request, v ingest.Viewer, data *page) {
	if a.opts.Failures == nil {
		return
	}
	if n, err := a.opts.Failures.FailureCount(r.Context(), v); err == nil {
		data.Failures = n
	}
	for _, c := range a.opts.Failures.Channels(r.Context()) {
		if c.Stuck {
			c.Label = channelLabel(a.pages.tongue(v), c.Name)
			data.Stuck = append(data.Stuck, c)
		}
	}
}
