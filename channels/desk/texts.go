package desk

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"saisine.fr/saisine/ingest"
)

const (
	adminPath      = "/agent/administration"
	textsPath      = adminPath + "/textes"
	categoriesPath = adminPath + "/categories"
	machinePath    = adminPath + "/machine"
)

// textRoutes are the pages of categories and texts, for administrators.
func (a *Adapter) textRoutes(o *router) {
	o.handle("GET "+adminPath, ingest.RoleAdministrator, a.serveAdministration)
	if a.opts.Texts == nil {
		return
	}
	o.handle("GET "+textsPath, ingest.RoleAdministrator, a.serveTexts)
	const one = textsPath + "/{kind}/{name}"
	o.handle("GET "+one, ingest.RoleAdministrator, a.serveText)
	o.handle("POST "+one, ingest.RoleAdministrator, a.takeText)
	o.handle("GET "+one+"/apercu", ingest.RoleAdministrator, a.serveTextPreview)
	o.handle("POST "+one+"/apercu", ingest.RoleAdministrator, a.serveTextPreview)
	o.handle("POST "+one+"/apercu.pdf", ingest.RoleAdministrator, a.serveTextPDF)
	o.handle("GET "+one+"/versions/{number}", ingest.RoleAdministrator, a.serveTextVersion)
	o.handle("POST "+one+"/versions/{number}", ingest.RoleAdministrator, a.takeTextVersion)
	a.categoryRoutes(o)
}

// administrationPage is the first page of administration.
type administrationPage struct{ Accounts, Texts, Machine bool }

func (a *Adapter) serveAdministration(w http.ResponseWriter, r *http.Request, v ingest.Viewer) error {
	body := administrationPage{Accounts: a.opts.Accounts != nil, Texts: a.opts.Texts != nil, Machine: a.opts.Machine != nil}
	return a.show(w, r, v, http.StatusOK, "administration", page{Title: "Administration", Section: "administration", Body: body})
}

// textList is what the list of texts shows.
type textList struct {
	Categories, Replies *namedText
	// Letters are by kind, those to citizens first.
	Letters []letterTexts
}

// letterTexts are the texts of a kind of letter: the text, then the page.
type letterTexts struct {
	Label string
	Texts []namedText
}

// namedText is a text with its name for people.
type namedText struct {
	TownText
	Label string
}

func (a *Adapter) serveTexts(w http.ResponseWriter, r *http.Request, v ingest.Viewer) error {
	list, err := a.opts.Texts.List(r.Context(), v)
	if err != nil {
		return err
	}
	t := a.pages.tongue(v)
	var body textList
	for _, x := range list {
		n := namedText{x, t.textLabel(x.Key)}
		switch x.Key.Kind {
		case ingest.TextCategories:
			body.Categories = &n
		case ingest.TextReplies:
			body.Replies = &n
		case ingest.TextLetter:
		}
	}
	for _, kind := range letterOrder {
		letter := letterTexts{Label: t.T(letterLabels[kind])}
		for _, ending := range []string{".txt.tmpl", ".html.tmpl"} {
			i := slices.IndexFunc(list, func(x TownText) bool { return x.Key == TextKey{ingest.TextLetter, kind + ending} })
			if i >= 0 {
				letter.Texts = append(letter.Texts, namedText{list[i], t.T(letterForm(list[i].Key.Name))})
			}
		}
		if len(letter.Texts) > 0 {
			body.Letters = append(body.Letters, letter)
		}
	}
	return a.show(w, r, v, http.StatusOK, "textes", page{Title: "Textes et catégories", Section: "administration", Body: body})
}

// textPage is what the page of a text shows.
type textPage struct {
	TownText
	Label string
	// Typed is what stands in the field, Reason in that of why.
	Typed, Reason string
	// Check is set once the text was checked, Diff then shows how it differs from the one in
	// force.
	Check   *TextCheck
	Diff    lineDiff
	Samples []string
	Sample  int
	// Shown is set when the frame shows the text in force; else what is typed has to be sent
	// to it by a button.
	Shown bool
	// Printed is set for a text that is printed.
	Printed bool
	// Stale is set when somebody else has changed the text since it was loaded.
	Stale bool
	// Newest is the number of the version in force, while Number is the one that was changed.
	Newest int64
	Rows   int
}

// textKey is the text that a request is about.
func textKey(r *http.Request) TextKey {
	return TextKey{ingest.TextKind(r.PathValue("kind")), r.PathValue("name")}
}

func (a *Adapter) serveText(w http.ResponseWriter, r *http.Request, v ingest.Viewer) error {
	text, err := a.opts.Texts.Text(r.Context(), v, textKey(r))
	if err != nil {
		return err
	}
	return a.showText(w, r, v, http.StatusOK, textPage{TownText: text, Typed: text.Content, Shown: true})
}

func (a *Adapter) showText(w http.ResponseWriter, r *http.Request, v ingest.Viewer, status int, p textPage) error {
	t := a.pages.tongue(v)
	p.Label = t.textLabel(p.Key)
	p.Samples = a.opts.Texts.Samples(p.Key)
	p.Printed = strings.HasPrefix(p.Key.Name, "paper.") || strings.HasPrefix(p.Key.Name, "reply_paper.")
	if len(p.Versions) > 0 {
		p.Newest = p.Versions[0].Number
	}
	p.Rows = min(max(strings.Count(p.Typed, "\n")+3, 12), 40)
	return a.show(w, r, v, status, "texte", page{Title: p.Label, Section: "administration", Wide: true, Body: p})
}

// maxTextPost bounds the form of a text, in bytes: a text of 1 MiB in which each byte is
// written as three (%C3).
const maxTextPost = 3<<20 + 64<<10

// readText reads the form of a text: the text as it is in force, with what was typed.
func (a *Adapter) readText(w http.ResponseWriter, r *http.Request, v ingest.Viewer) (textPage, error) {
	r.Body = http.MaxBytesReader(w, r.Body, maxTextPost)
	if err := r.ParseForm(); err != nil {
		return textPage{}, ingest.Refused("the form is too long, or cannot be read")
	}
	text, err := a.opts.Texts.Text(r.Context(), v, textKey(r))
	if err != nil {
		return textPage{}, err
	}
	p := textPage{TownText: text, Typed: strings.ReplaceAll(r.PostForm.Get("texte"), "\r\n", "\n"), Reason: strings.TrimSpace(r.PostForm.Get("motif"))}
	if p.Sample, err = strconv.Atoi(r.PostForm.Get("exemple")); err != nil {
		p.Sample = 0
	}
	p.Stale = r.PostForm.Get("base") != fmt.Sprint(text.Number)
	return p, nil
}

// takeText checks a text, or puts it into force.
func (a *Adapter) takeText(w http.ResponseWriter, r *http.Request, v ingest.Viewer) error {
	p, err := a.readText(w, r, v)
	if err != nil {
		return err
	}
	switch {
	case p.Stale:
		// What they did is shown as what differs; who sees that and goes on may overwrite it.
		return a.checkText(w, r, v, http.StatusConflict, p)
	case r.PostForm.Get("faire") == "verifier":
		return a.checkText(w, r, v, http.StatusOK, p)
	}
	change := TextChange{Key: p.Key, Content: p.Typed, Note: p.Reason, Base: p.Number}
	if r.PostForm.Get("faire") == "origine" {
		change.Content, p.Typed = "", p.Original
	}
	return a.saveText(w, r, v, change, func() error { return a.checkText(w, r, v, http.StatusUnprocessableEntity, p) })
}

// checkText shows what is wrong with what was typed, and what it would change.
func (a *Adapter) checkText(w http.ResponseWriter, r *http.Request, v ingest.Viewer, status int, p textPage) error {
	check, err := a.opts.Texts.Check(r.Context(), v, p.Key, p.Typed)
	if err != nil {
		return err
	}
	p.Check, p.Diff = &check, diffLines(p.Content, p.Typed)
	return a.showText(w, r, v, status, p)
}

// saveText puts a text into force and leads to its page; broken shows again what is broken.
func (a *Adapter) saveText(w http.ResponseWriter, r *http.Request, v ingest.Viewer, c TextChange, broken func() error) error {
	err := a.opts.Texts.Save(r.Context(), v, c)
	var wrong *TextError
	if errors.As(err, &wrong) {
		return broken()
	}
	if err != nil {
		return err
	}
	t := a.pages.tongue(v)
	setFlash(w, t.T("%s\u00a0: la nouvelle version est en vigueur.", t.textLabel(c.Key)))
	return redirect(w, r, c.Key.Path())
}

// textVersionPage is what the page of an earlier version shows.
type textVersionPage struct {
	Text    TownText
	Label   string
	Version TextVersion
	// Restores is set when the version goes back to the original.
	Restores bool
	Diff     lineDiff
	Problems []TextProblem
}

func (a *Adapter) serveTextVersion(w http.ResponseWriter, r *http.Request, v ingest.Viewer) error {
	p, err := a.textVersion(r, v)
	if err != nil {
		return err
	}
	return a.showTextVersion(w, r, v, http.StatusOK, p)
}

func (a *Adapter) showTextVersion(w http.ResponseWriter, r *http.Request, v ingest.Viewer, status int, p textVersionPage) error {
	t := a.pages.tongue(v)
	p.Label = t.textLabel(p.Text.Key)
	title := t.T("%s, version %s", p.Label, fmt.Sprint(p.Version.Number))
	return a.show(w, r, v, status, "version", page{Title: title, Section: "administration", Wide: true, Body: p})
}

// textVersion is the version that a request is about, and how the text in force differs.
func (a *Adapter) textVersion(r *http.Request, v ingest.Viewer) (textVersionPage, error) {
	number, err := strconv.ParseInt(r.PathValue("number"), 10, 64)
	if err != nil {
		return textVersionPage{}, ingest.ErrNotFound
	}
	key := textKey(r)
	text, err := a.opts.Texts.Text(r.Context(), v, key)
	if err != nil {
		return textVersionPage{}, err
	}
	p := textVersionPage{Text: text}
	if p.Version, err = a.opts.Texts.Version(r.Context(), v, key, number); err != nil {
		return p, err
	}
	if p.Restores = p.Version.Content == ""; p.Restores {
		p.Version.Content = text.Original
	}
	p.Diff = diffLines(text.Content, p.Version.Content)
	return p, nil
}

// takeTextVersion puts an earlier version into force again.
func (a *Adapter) takeTextVersion(w http.ResponseWriter, r *http.Request, v ingest.Viewer) error {
	p, err := a.textVersion(r, v)
	if err != nil {
		return err
	}
	if base := r.PostFormValue("base"); base != fmt.Sprint(p.Text.Number) {
		return ingest.Refused("somebody has changed this text in the meantime; load it again and make your change anew")
	}
	t := a.pages.tongue(v)
	change := TextChange{Key: p.Text.Key, Content: p.Version.Content, Base: p.Text.Number, Note: t.T("reprise de la version %s", fmt.Sprint(p.Version.Number))}
	if p.Restores {
		change.Content = ""
	}
	return a.saveText(w, r, v, change, func() error {
		check, err := a.opts.Texts.Check(r.Context(), v, p.Text.Key, change.Content)
		if err != nil {
			return err
		}
		p.Problems = check.Problems
		return a.showTextVersion(w, r, v, http.StatusUnprocessableEntity, p)
	})
}
