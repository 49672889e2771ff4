package desk

import (
	"cmp"
	"context"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"saisine.fr/saisine/ingest"
)

// keyView is a key as the page shows it.
type keyView struct {
	ingest.APIKey
	Rights []string
	By     string
}

// newKeyForm is what was typed of a new key.
type newKeyForm struct {
	Name, Limit string
	Scopes      []scopeChoice
	// Services are the sealed ones to which the viewer belongs.
	Services []serviceChoice
	Fields   map[string]string // errors, by field
	Error    string

	scopes, services []string
}

type scopeChoice struct {
	Scope   ingest.Scope
	Label   string
	Checked bool
}

var scopeLabels = map[ingest.Scope]string{
	ingest.ScopeSubmit:  "déposer des envois, et voir ce qu’ils deviennent",
	ingest.ScopeRead:    "lire les demandes, leurs commentaires, fichiers et événements",
	ingest.ScopeWrite:   "changer un statut, commenter",
	ingest.ScopeOpen311: "déposer des signalements par Open311 (applications mobiles)",
}

// scopeLabel says what a scope lets a program do.
func (t tongue) scopeLabel(s ingest.Scope) string {
	if label, ok := scopeLabels[s]; ok {
		return t.T(label)
	}
	return string(s)
}

func (a *Adapter) fillKeys(ctx context.Context, t tongue, v ingest.Viewer, p *partnersPage) error {
	keys, err := a.opts.Partners.Keys(ctx)
	if err != nil {
		return err
	}
	// Those in force first: of those that are revoked there are more each year.
	rank := func(k ingest.APIKey) int64 {
		if k.RevokedAt.IsZero() {
			return math.MinInt64
		}
		return -k.RevokedAt.UnixMicro()
	}
	slices.SortStableFunc(keys, func(x, y ingest.APIKey) int { return cmp.Compare(rank(x), rank(y)) })
	for _, k := range keys {
		view := keyView{APIKey: k, By: strings.TrimPrefix(k.CreatedBy, ingest.ActorAgent)}
		for _, s := range k.Scopes {
			view.Rights = append(view.Rights, t.scopeLabel(s))
		}
		p.Keys = append(p.Keys, view)
	}
	for _, s := range ingest.Scopes() {
		p.Form.Scopes = append(p.Form.Scopes, scopeChoice{s, t.scopeLabel(s), slices.Contains(p.Form.scopes, string(s))})
	}
	for _, s := range a.services(ingest.Agent{}) {
		if s.Sealed && slices.Contains(v.Services, s.Name) {
			s.Checked = slices.Contains(p.Form.services, s.Name)
			p.Form.Services = append(p.Form.Services, s)
		}
	}
	return nil
}

// maxRate bounds a key's calls in a minute, as the configuration bounds those of all.
const maxRate = 1_000_000

// typedKey reads the form of a key. The status is that of the page which says what is wrong, or 0.
func typedKey(r *http.Request, t tongue, v ingest.Viewer) (k ingest.APIKey, f newKeyForm, status int) {
	f = newKeyForm{
		Name: strings.TrimSpace(r.PostFormValue("nom")), Limit: strings.TrimSpace(r.PostFormValue("limite")), Fields: map[string]string{},
		scopes: r.PostForm["droits"], services: r.PostForm["services"],
	}
	k = ingest.APIKey{Name: f.Name, Services: f.services}
	for _, s := range f.scopes {
		k.Scopes = append(k.Scopes, ingest.Scope(s))
	}
	if f.Name == "" {
		f.Fields["nom"] = t.T("Donnez un nom.")
	}
	if len(f.scopes) == 0 {
		f.Fields["droits"] = t.T("Choisissez au moins un droit.")
	}
	if f.Limit != "" {
		n, err := strconv.Atoi(f.Limit)
		if err != nil || n < 0 || n > maxRate {
			f.Fields["limite"] = t.T("Un nombre entier d’appels par minute, ou rien.")
		}
		k.RateLimit = n
	}
	if len(f.Fields) > 0 {
		status = http.StatusUnprocessableEntity
	}
	// A page offers none of these: whoever sends one is told, and the house refuses it as well.
	for _, s := range f.services {
		if !slices.Contains(v.Services, s) {
			f.Fields["services"] = t.T("Vous n’êtes pas membre de ce service : une clé ne peut pas lire ce que vous ne lisez pas vous-même.")
			status = http.StatusForbidden
		}
	}
	return k, f, status
}

// addKey makes a key and shows its secret. It answers the post itself, as showOneTime does.
func (a *Adapter) addKey(w http.ResponseWriter, r *http.Request, v ingest.Viewer) error {
	r.Body = http.MaxBytesReader(w, r.Body, maxAgentForm)
	t := a.pages.tongue(v)
	if err := r.ParseForm(); err != nil {
		return tooLarge(err)
	}
	k, form, status := typedKey(r, t, v)
	if status != 0 {
		return a.showPartners(w, r, v, status, partnersPage{Form: form}, tested{})
	}
	secret, err := a.opts.Partners.AddKey(r.Context(), v, k)
	if text, refused := refusalText(t, err); refused {
		form.Error = text
		return a.showPartners(w, r, v, http.StatusUnprocessableEntity, partnersPage{Form: form}, tested{})
	}
	if err != nil {
		return err
	}
	return a.showPartners(w, r, v, http.StatusOK, partnersPage{Secret: secret, Made: k.Name}, tested{})
}

func (a *Adapter) revokeKey(w http.ResponseWriter, r *http.Request, v ingest.Viewer) error {
	name := r.PathValue("nom")
	if err := a.opts.Partners.RevokeKey(r.Context(), v, name); err != nil {
		return err
	}
	setFlash(w, a.pages.tongue(v).T("La clé %s est révoquée : plus rien ne passe par elle.", name))
	return redirect(w, r, partnersPath)
}
