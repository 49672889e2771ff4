package desk

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"saisine.fr/saisine/ingest"
)

// categoryRoutes are the form of a category and what leads to it.
func (a *Adapter) categoryRoutes(o *router) {
	o.handle("GET "+categoriesPath, ingest.RoleAdministrator, a.serveCategories)
	o.handle("GET "+categoriesPath+"/{code}", ingest.RoleAdministrator, a.serveCategory)
	o.handle("POST "+categoriesPath+"/{code}", ingest.RoleAdministrator, a.takeCategory)
}

// freshCode is the last part of the address at which a category is added; no code has a
// capital.
const freshCode = "Nouvelle"

// categoriesKey names the categories file.
var categoriesKey = TextKey{ingest.TextCategories, ingest.CategoriesName}

func (a *Adapter) serveCategories(w http.ResponseWriter, r *http.Request, v ingest.Viewer) error {
	list, err := a.opts.Texts.Categories(r.Context(), v)
	if err != nil {
		return err
	}
	return a.show(w, r, v, http.StatusOK, "categories", page{Title: "Catégories", Section: "administration", Wide: true, Body: list})
}

// categoryPage is what the form of a category shows.
type categoryPage struct {
	CategoryForm
	Fresh bool
	// Number is the version of the file that is changed.
	Number int64
	Reason string
	// Services are those of the file, Shared how many other categories the service has.
	Services []string
	Shared   int
	Statuses []ingest.Status
	Senses   []string
	Mails    []string
	// Wrong are the problems of fields, by name; Check has the others.
	Wrong map[string]string
	Check *TextCheck
	// Checked is set when the change may be put into force.
	Checked bool
	Diff    lineDiff
	// Stale is set when somebody else has changed the file since the form was loaded.
	Stale bool
	// ByHand is set when the form cannot make the change.
	ByHand bool
}

// quietable are the statuses of which citizens can be left untold.
var quietable = []ingest.Status{ingest.StatusAssigned, ingest.StatusInProgress, ingest.StatusWaitingCitizen, ingest.StatusAnswered, ingest.StatusClosed}

func (a *Adapter) serveCategory(w http.ResponseWriter, r *http.Request, v ingest.Viewer) error {
	p, err := a.category(r, v)
	if err != nil {
		return err
	}
	return a.showCategory(w, r, v, http.StatusOK, p)
}

// category is the form as the file in force has it.
func (a *Adapter) category(r *http.Request, v ingest.Viewer) (categoryPage, error) {
	list, err := a.opts.Texts.Categories(r.Context(), v)
	if err != nil {
		return categoryPage{}, err
	}
	text, err := a.opts.Texts.Text(r.Context(), v, categoriesKey)
	if err != nil {
		return categoryPage{}, err
	}
	p := categoryPage{Number: text.Number, Wrong: map[string]string{}}
	if code := r.PathValue("code"); code == freshCode {
		p.Fresh = true
		p.CategoryForm = CategoryForm{Mail: "each", Sense: "rejection", Months: 2}
	} else {
		i := slices.IndexFunc(list, func(c CategoryForm) bool { return c.Code == code })
		if i < 0 {
			return p, ingest.ErrNotFound
		}
		p.CategoryForm = list[i]
		p.Everywhere = true
	}
	for _, c := range list {
		if !slices.Contains(p.Services, c.Service) {
			p.Services = append(p.Services, c.Service)
		}
		if c.Service == p.Service && c.Code != p.Code {
			p.Shared++
		}
	}
	return p, nil
}

func (a *Adapter) showCategory(w http.ResponseWriter, r *http.Request, v ingest.Viewer, status int, p categoryPage) error {
	t := a.pages.tongue(v)
	p.Statuses, p.Senses, p.Mails = quietable, []string{"rejection", "acceptance", "none"}, []string{"each", "hourly", "none"}
	title := t.T("Nouvelle catégorie")
	if !p.Fresh {
		title = t.T("Catégorie %s", p.Code)
	}
	return a.show(w, r, v, status, "categorie", page{Title: title, Section: "administration", Wide: true, Body: p})
}

// maxCategoryPost bounds the form of a category, in bytes.
const maxCategoryPost = 64 << 10

// takeCategory checks what was typed into the form, or puts it into force.
func (a *Adapter) takeCategory(w http.ResponseWriter, r *http.Request, v ingest.Viewer) error {
	r.Body = http.MaxBytesReader(w, r.Body, maxCategoryPost)
	if err := r.ParseForm(); err != nil {
		return ingest.Refused("the form is too long, or cannot be read")
	}
	p, err := a.category(r, v)
	if err != nil {
		return err
	}
	a.pages.tongue(v).readCategory(r, &p)
	if len(p.Wrong) > 0 {
		return a.showCategory(w, r, v, http.StatusUnprocessableEntity, p)
	}
	content, err := a.opts.Texts.EditCategory(r.Context(), v, p.CategoryForm, p.Fresh)
	switch {
	case errors.Is(err, ErrByHand):
		p.ByHand = true
		return a.showCategory(w, r, v, http.StatusUnprocessableEntity, p)
	case err != nil:
		return err
	}
	switch {
	case p.Stale:
		return a.checkCategory(w, r, v, http.StatusConflict, p, content)
	case r.PostForm.Get("faire") == "verifier":
		return a.checkCategory(w, r, v, http.StatusOK, p, content)
	}
	change := TextChange{Key: categoriesKey, Content: content, Note: p.Reason, Base: p.Number}
	err = a.opts.Texts.Save(r.Context(), v, change)
	var wrong *TextError
	if errors.As(err, &wrong) {
		return a.checkCategory(w, r, v, http.StatusUnprocessableEntity, p, content)
	}
	if err != nil {
		return err
	}
	setFlash(w, a.pages.tongue(v).T("La catégorie %s est enregistrée et en vigueur.", p.Code))
	return redirect(w, r, categoriesPath)
}

// readCategory reads the form of a category.
func (t tongue) readCategory(r *http.Request, p *categoryPage) {
	get := func(name string) string {
		return strings.TrimSpace(strings.ReplaceAll(r.PostForm.Get(name), "\r\n", "\n"))
	}
	code := p.Code
	if p.Fresh {
		code = get("code")
	}
	p.CategoryForm = CategoryForm{
		Code: code, Label: get("libelle"), Service: get("service"), Email: get("courriel"), Phone: get("telephone"), Address: get("adresse"),
		Mail: get("avis"), Sealed: get("scelle") != "", Public: get("public") != "", Sense: get("sens"), Note: get("exceptions"),
		Everywhere: get("partout") != "",
	}
	for _, s := range quietable {
		if slices.Contains(r.PostForm["muets"], string(s)) {
			p.Quiet = append(p.Quiet, s)
		}
	}
	p.Reason = get("motif")
	p.Stale = get("base") != strconv.FormatInt(p.Number, 10)
	var err error
	if p.Months, err = strconv.Atoi(get("mois")); err != nil {
		p.Wrong["mois"] = t.T("expected a whole number")
	}
	for field, value := range map[string]string{"libelle": p.Label, "service": p.Service, "code": p.Code} {
		if value == "" {
			p.Wrong[field] = t.T("is required")
		}
	}
	if p.Fresh && p.Wrong["code"] == "" && !plainCode(code) {
		p.Wrong["code"] = t.T("must be small letters and digits with single dashes between, such as etat-civil")
	}
}

// plainCode reports whether a code has the form that the file wants.
func plainCode(code string) bool {
	for part := range strings.SplitSeq(code, "-") {
		if part == "" || strings.Trim(part, "abcdefghijklmnopqrstuvwxyz0123456789") != "" {
			return false
		}
	}
	return true
}

// categoryFields are the fields of the form, by their keys in the file.
var categoryFields = map[string]string{
	"code": "code", "label": "libelle", "service.name": "service", "service.email": "courriel", "service.phone": "telephone",
	"service.address": "adresse", "service.mail": "avis", "service.sealed": "scelle", "silence.sense": "sens", "silence.months": "mois", "silence.note": "exceptions",
}

// ofFields tells the problems of the fields of the category whose values have this prefix,
// and returns the others, without those that the same values cause in other categories.
func (t tongue) ofFields(problems []TextProblem, prefix string) (wrong map[string]string, rest []TextProblem) {
	wrong = map[string]string{}
	for _, problem := range problems {
		key, own := strings.CutPrefix(problem.Path, prefix)
		if field := categoryFields[key]; own && field != "" && wrong[field] == "" {
			wrong[field] = t.T(problem.Format, problem.Args...)
		}
	}
	for _, problem := range problems {
		_, key, _ := strings.Cut(problem.Path, "].")
		field := categoryFields[key]
		if field == "" || wrong[field] == "" || !strings.HasPrefix(key, "service.") && !strings.HasPrefix(problem.Path, prefix) {
			rest = append(rest, problem)
		}
	}
	return wrong, rest
}

// checkCategory shows what is wrong with the change, and what it does.
func (a *Adapter) checkCategory(w http.ResponseWriter, r *http.Request, v ingest.Viewer, status int, p categoryPage, content string) error {
	check, err := a.opts.Texts.Check(r.Context(), v, categoriesKey, content)
	if err != nil {
		return err
	}
	text, err := a.opts.Texts.Text(r.Context(), v, categoriesKey)
	if err != nil {
		return err
	}
	list, err := a.opts.Texts.Categories(r.Context(), v)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(list, func(c CategoryForm) bool { return c.Code == p.Code })
	if p.Fresh {
		at = len(list)
	}
	prefix := "categories[" + strconv.Itoa(at) + "]."
	t := a.pages.tongue(v)
	p.Checked = len(check.Problems) == 0
	p.Wrong, check.Problems = t.ofFields(check.Problems, prefix)
	p.Check, p.Diff = &check, diffLines(text.Content, content)
	return a.showCategory(w, r, v, status, p)
}
