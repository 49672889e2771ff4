package desk

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"saisine.fr/saisine/ingest"
)

// listRoutes are the lists of requests.
func (a *Adapter) listRoutes(o *router) {
	if a.opts.Lists == nil {
		return
	}
	o.handle("GET /agent/{$}", ingest.RoleReader, a.serveList)
	o.handle("POST /agent/vues", ingest.RoleReader, a.saveView)
	o.handle("POST /agent/vues/supprimer", ingest.RoleReader, a.dropView)
}

// listPage is what the page of a list shows.
type listPage struct {
	F    ingest.Filter
	Tabs []listTab
	Form listForm
	listResults
	// Views are the viewer's saved views; ViewName is a name that could not be taken, with why.
	Views         []listView
	ViewName, Bad string
}

// listResults is the part of it that is fetched anew while somebody types.
type listResults struct {
	Rows []listRow
	// Query is that of the list, to be kept or handed on.
	Query string
	// Count says how many there are, Words what was searched for, Ignored what was not.
	Count, Words string
	Ignored      []string
	// NextURL, FirstURL, WidenURL and AllURL are addresses, "" for none: of the next page, of
	// the first one, of the same search in what is closed too, and of the list without filter.
	NextURL, FirstURL, WidenURL, AllURL string
	// Empty says what an empty list means, and Advice what to do.
	Empty, Advice string
	// Problem is what is wrong with the filter, or "".
	Problem string
}

// listTab is a list that everybody has.
type listTab struct {
	Label, URL, Count string
	Current           bool
}

// listForm is what can be chosen.
type listForm struct {
	Channels   []ingest.Channel
	Services   []string
	Categories []categoryGroup
	Statuses   []ingest.Status
	Flags      []listFlag
	// Open is set when something is chosen that the form would hide otherwise.
	Open bool
}

type listFlag struct {
	Name, Label string
	Set         bool
}

type listView struct {
	ingest.SavedView
	URL     string
	Current bool
}

// listRow is a request in a list.
type listRow struct {
	ingest.ListItem
	URL, CategoryLabel, AssigneeName string
}

// serveList shows a list; to htmx, which asks while somebody types, its results only.
func (a *Adapter) serveList(w http.ResponseWriter, r *http.Request, v ingest.Viewer) error {
	f := filterOf(r.URL.Query())
	if live(r) {
		results, err := a.listResults(r.Context(), v, f, typed(f))
		if err != nil {
			return err
		}
		w.Header().Set("HX-Replace-Url", listAddress(f, ""))
		return a.fragment(w, v, "liste", "reponse", results)
	}
	return a.showList(w, r, v, http.StatusOK, f, listPage{})
}

// live reports whether htmx wants the results alone. Going back in the history it wants the
// whole page.
func live(r *http.Request) bool {
	return r.Header.Get("HX-Request") == "true" && r.Header.Get("HX-Target") == "resultats" && r.Header.Get("HX-History-Restore-Request") != "true"
}

// showList shows the page of a list, with what p already says.
func (a *Adapter) showList(w http.ResponseWriter, r *http.Request, v ingest.Viewer, status int, f ingest.Filter, p listPage) error {
	ctx, t := r.Context(), a.pages.tongue(v)
	counts, err := a.opts.Lists.TabCounts(ctx, v)
	if err != nil {
		return err
	}
	views, err := a.opts.Lists.Views(ctx, v)
	if err != nil {
		return err
	}
	p.F, p.Tabs, p.Form = f, listTabs(t, f, counts), a.listForm(v, f)
	for _, view := range views {
		p.Views = append(p.Views, listView{view, listURL(view.Query), filterQuery(filterOf(parsed(view.Query))) == filterQuery(f)})
	}
	if p.listResults, err = a.listResults(ctx, v, f, f); err != nil {
		return err
	}
	return a.show(w, r, v, status, "liste", page{Title: "Demandes", Section: "demandes", Wide: true, Body: p})
}

// listResults asks for a list. asked is the filter as it is asked for, f as it stands in
// addresses.
func (a *Adapter) listResults(ctx context.Context, v ingest.Viewer, f, asked ingest.Filter) (listResults, error) {
	t := a.pages.tongue(v)
	out := listResults{Query: filterQuery(f), Words: f.Words}
	for _, day := range []string{f.From, f.To} {
		if _, err := time.Parse(time.DateOnly, day); day != "" && err != nil {
			out.Problem = t.T("«\u00a0%s\u00a0» n’est pas un jour\u00a0: écrivez-le comme 2026-04-23.", day)
			return out, nil //nolint:nilerr // it is told on the page
		}
	}
	list, err := a.opts.Lists.List(ctx, v, asked)
	if err != nil {
		return out, err
	}
	names, err := a.assignees(ctx, list.Items)
	if err != nil {
		return out, err
	}
	categories := a.opts.Facts.Categories()
	for _, item := range list.Items {
		row := listRow{ListItem: item, URL: requestURL(item.Reference, url.Values{"liste": {cmp.Or(out.Query, openList)}})}
		if item.Category != "" {
			row.CategoryLabel = categoryOf(categories, item.Category).Label
		}
		if item.Assignee != "" {
			row.AssigneeName = personName(names, item.Assignee)
		}
		out.Rows = append(out.Rows, row)
	}
	out.Ignored, out.Count = list.Ignored, countText(t, list)
	if list.Next != "" {
		out.NextURL = listAddress(asked, list.Next)
	}
	if f.After != "" {
		out.FirstURL = listAddress(f, "")
	}
	if f.Words != "" && !f.Settled && f.Status == "" {
		wide := f
		wide.Settled = true
		out.WidenURL = listAddress(wide, "")
	}
	if out.Query != "" {
		out.AllURL = listURL("")
	}
	if len(out.Rows) == 0 {
		out.Empty, out.Advice = emptyList(t, f)
	}
	return out, nil
}

// assignees are the names of the agents to whom some of the requests are assigned.
func (a *Adapter) assignees(ctx context.Context, items []ingest.ListItem) (map[string]string, error) {
	if a.opts.Accounts == nil || !slices.ContainsFunc(items, func(q ingest.ListItem) bool { return q.Assignee != "" }) {
		return nil, nil
	}
	agents, err := a.opts.Accounts.Agents(ctx)
	if err != nil {
		return nil, err
	}
	names := make(map[string]string, len(agents))
	for _, agent := range agents {
		names[agent.Login] = agent.Name
	}
	return names, nil
}

func countText(t tongue, list ingest.ListPage) string {
	switch {
	case list.More:
		return t.T("Plus de %d demandes", list.Total)
	case list.Total == 0 && len(list.Items) == 0:
		return t.T("Aucune demande")
	case list.Total == 1:
		return t.T("1 demande")
	}
	return t.T("%d demandes", list.Total)
}

// emptyList says what an empty list means, and what to do.
func emptyList(t tongue, f ingest.Filter) (empty, advice string) {
	switch query := filterQuery(f); {
	case f.After != "":
		return t.T("Il n’y a plus rien après."), t.T("Revenez au début de la liste.")
	case f.Words != "":
		return t.T("Aucune demande ne contient «\u00a0%s\u00a0».", f.Words),
			t.T("Essayez moins de mots, ou le début d’un mot suivi de *. Les mots sont cherchés sans tenir compte des accents, dans tout ce qui a été écrit.")
	case query == "":
		return t.T("Aucune demande ouverte."), t.T("Les demandes paraissent ici dès qu’elles arrivent. Vous pouvez en saisir une vous-même.")
	case query == "revue=1":
		return t.T("Rien à revoir."), t.T("Les demandes dont le classement n’est pas sûr paraissent ici.")
	case query == "doublons=1":
		return t.T("Aucun doublon possible."), t.T("Deux demandes qui se ressemblent paraissent ici, jusqu’à ce qu’on les réunisse ou les dise différentes.")
	case query == "retard=1":
		return t.T("Rien n’est en retard."), t.T("Les demandes dont une échéance de la mairie est passée paraissent ici.")
	case query == "miennes=1":
		return t.T("Rien ne vous attend."), t.T("Les demandes qui vous sont confiées paraissent ici, avec celles de vos services que personne n’a prises.")
	case query == "urgentes=1":
		return t.T("Rien d’urgent."), t.T("Les demandes qui parlent d’un danger paraissent ici.")
	}
	return t.T("Aucune demande ne correspond à ces filtres."), t.T("Retirez un filtre, ou choisissez toutes les demandes.")
}

// listTabs are the lists that everybody has, with their figures.
func listTabs(t tongue, f ingest.Filter, n ingest.TabCounts) []listTab {
	now := filterQuery(f)
	tab := func(label string, f ingest.Filter, n int) listTab {
		query := filterQuery(f)
		count := t.T("%d", n)
		if n >= ingest.ListCounted {
			count = t.T("%d et plus", n)
		}
		return listTab{label, listURL(query), count, query == now}
	}
	return []listTab{
		tab(t.T("Toutes ouvertes"), ingest.Filter{}, n.Open),
		tab(t.T("À revoir"), ingest.Filter{Review: true}, n.Review),
		tab(t.T("Doublons possibles"), ingest.Filter{Duplicates: true}, n.Duplicates),
		tab(t.T("En retard"), ingest.Filter{Late: true}, n.Late),
		tab(t.T("Les miennes"), ingest.Filter{Mine: true}, n.Mine),
		tab(t.T("Urgentes"), ingest.Filter{Urgent: true}, n.Urgent),
	}
}

// listForm is what the viewer can choose: of what is hidden from them there is nothing.
func (a *Adapter) listForm(v ingest.Viewer, f ingest.Filter) listForm {
	t := a.pages.tongue(v)
	out := listForm{Statuses: listStatuses, Channels: ingest.Channels()}
	var seen []Category
	for _, c := range a.opts.Facts.Categories() {
		if !v.Sees(c.Service) {
			continue
		}
		seen = append(seen, c)
		if !slices.Contains(out.Services, c.Service) {
			out.Services = append(out.Services, c.Service)
		}
	}
	// What the town no longer has can still be asked for: its requests are there.
	if f.Service != "" && v.Sees(f.Service) && !slices.Contains(out.Services, f.Service) {
		out.Services = append(out.Services, f.Service)
	}
	slices.SortFunc(out.Services, strings.Compare)
	out.Categories = categoryGroups(seen)
	for _, flag := range listFlags {
		out.Flags = append(out.Flags, listFlag{flag.name, t.T(flag.label), *flag.field(&f)})
	}
	chosen := f
	if !slices.ContainsFunc(listTabs(t, f, ingest.TabCounts{}), func(tab listTab) bool { return tab.Current }) {
		chosen.Words = ""
		out.Open = filterQuery(chosen) != ""
	}
	return out
}

// saveView keeps the list under a name.
func (a *Adapter) saveView(w http.ResponseWriter, r *http.Request, v ingest.Viewer) error {
	t := a.pages.tongue(v)
	name, f := strings.TrimSpace(r.PostFormValue("nom")), filterOf(parsed(r.PostFormValue("requete")))
	query := filterQuery(f)
	bad := ""
	switch {
	case name == "":
		bad = t.T("Donnez un nom à cette vue.")
	case utf8.RuneCountInString(name) > ingest.MaxViewName:
		bad = t.T("Ce nom est trop long\u00a0: %d lettres au plus.", ingest.MaxViewName)
	}
	if bad != "" {
		return a.showList(w, r, v, http.StatusUnprocessableEntity, f, listPage{ViewName: name, Bad: bad})
	}
	query = cmp.Or(query, openList)
	if err := a.opts.Lists.SaveView(r.Context(), v, ingest.SavedView{Name: name, Query: query}); err != nil {
		return err
	}
	setFlash(w, t.T("La vue «\u00a0%s\u00a0» est enregistrée.", name))
	return redirect(w, r, listURL(query))
}

// dropView forgets a view.
func (a *Adapter) dropView(w http.ResponseWriter, r *http.Request, v ingest.Viewer) error {
	t := a.pages.tongue(v)
	name := r.PostFormValue("nom")
	if err := a.opts.Lists.SaveView(r.Context(), v, ingest.SavedView{Name: name}); err != nil {
		return err
	}
	setFlash(w, t.T("La vue «\u00a0%s\u00a0» est supprimée.", name))
	return redirect(w, r, listURL(filterQuery(filterOf(parsed(r.PostFormValue("requete"))))))
}

func parsed(query string) url.Values {
	q, err := url.ParseQuery(query)
	if err != nil {
		return url.Values{}
	}
	return q
}

// nextInList returns the request that comes behind reference in the list with this query, or
// "" at its end. It asks the store for one place only. A request keeps its place for this
// when it has just left the list, unless the list is by due date and it owes nothing more: ask
// before the act then.
func (a *Adapter) nextInList(ctx context.Context, v ingest.Viewer, query, reference string) (string, error) {
	return a.besideInList(ctx, v, query, reference, false)
}

// besideInList is nextInList, or with back the same the other way.
func (a *Adapter) besideInList(ctx context.Context, v ingest.Viewer, query, reference string, back bool) (string, error) {
	if a.opts.Lists == nil {
		return "", nil
	}
	f := filterOf(parsed(query))
	f.After, f.Beside, f.Back, f.Limit = "", reference, back, 1
	list, err := a.opts.Lists.List(ctx, v, f)
	if err != nil || len(list.Items) == 0 {
		return "", err
	}
	return list.Items[0].Reference, nil
}
