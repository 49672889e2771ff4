package desk

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"saisine.fr/saisine/ingest"
)

// requestRoutes are the page of one request.
func (a *Adapter) requestRoutes(o *router) {
	if a.opts.Requests == nil {
		return
	}
	o.handle("GET /agent/demandes/{ref}", ingest.RoleReader, a.serveRequest)
	o.handle("GET /agent/demandes/{ref}/presence", ingest.RoleReader, a.servePresence)
}

// requestPage is what the page of a request shows.
type requestPage struct {
	Q         ingest.Request
	D         Details
	Way       way
	Channels  []ingest.Channel
	Category  Category // that it has; its Label is never ""
	Suggested []suggestedCategory
	Groups    []categoryGroup
	Deadlines []deadlineLine
	// Next is the next date that the town has to keep, or nil.
	Next     *deadlineLine
	Assignee string // name, or ""
	Able     []ingest.Agent
	Original original
	Pieces   []pieceLine
	Mails    []mailLine
	History  []historyLine
	Statuses []ingest.Status
	Kinds    []procedureName
	Awaited  []string // pieces that the citizen was asked for and that are not there yet
	// Undo is the request of which this page has just been told that it was merged, or "".
	Undo    *undo
	Present presenceLine
	Today   string
	// May is set for who may act, Manage for a manager.
	May, Manage bool
	t           tongue
	form        filled
}

// serveRequest shows a request. Its address takes the list that one came from ("liste"), the
// piece ("piece") and the page of it ("page") to be shown.
func (a *Adapter) serveRequest(w http.ResponseWriter, r *http.Request, v ingest.Viewer) error {
	asked := r.PathValue("ref")
	reference, err := a.opts.Requests.Visible(r.Context(), v, asked)
	if err != nil {
		return err
	}
	if reference != asked {
		// Merged: one address for each request, so that who has it open is seen.
		return redirect(w, r, requestURL(reference, r.URL.Query()))
	}
	return a.showRequest(w, r, v, http.StatusOK, filled{})
}

// showRequest shows the request of the path, with a form as it was filled in when that could
// not be taken.
func (a *Adapter) showRequest(w http.ResponseWriter, r *http.Request, v ingest.Viewer, status int, form filled) error {
	p, err := a.requestPage(r, v)
	if err != nil {
		return err
	}
	p.form = form
	// The title is looked up in the catalogue, as a format.
	title := strings.ReplaceAll(p.Q.Reference+"\u00a0– "+cutWords(p.Q.Subject, 80), "%", "%%")
	return a.show(w, r, v, status, "demande", page{Title: title, Section: "demandes", Wide: true, Body: p})
}

// requestPage collects what the page shows.
func (a *Adapter) requestPage(r *http.Request, v ingest.Viewer) (*requestPage, error) {
	ctx, t := r.Context(), a.pages.tongue(v)
	p := &requestPage{
		May: v.May(ingest.RoleAgent) && a.opts.Acts != nil, Manage: v.May(ingest.RoleManager) && a.opts.Acts != nil,
		Today: a.now().In(a.zone).Format(time.DateOnly), Statuses: listStatuses, Kinds: procedureNames, t: t,
	}
	var err error
	if p.Q, err = a.opts.Requests.Request(ctx, v, r.PathValue("ref")); err != nil {
		return nil, err
	}
	// Before anything of a sealed request is shown.
	if err := a.saw(ctx, v, ingest.AccessRequest, p.Q.Reference); err != nil {
		return nil, err
	}
	if !p.Q.EliminatedAt.IsZero() {
		p.May, p.Manage, p.Way, p.Category = false, false, a.wayOf(r, v, p.Q.Reference), categoryOf(a.opts.Facts.Categories(), p.Q.Category)
		return p, nil
	}
	if p.D, err = a.opts.Requests.Details(ctx, v, p.Q); err != nil {
		return nil, err
	}
	p.Way = a.wayOf(r, v, p.Q.Reference)
	p.Present = a.whoElse(v, p.Q.Reference)
	p.Channels, p.Awaited = channelsOf(p.Q), awaited(p.Q)
	p.Deadlines = deadlineLines(t, p.Q, p.D, a.now())
	p.Next = nextDeadline(p.Deadlines)
	p.Assignee = personName(p.D.Names, p.D.Assignee)
	if err := a.fillChoices(ctx, v, p); err != nil {
		return nil, err
	}
	p.Pieces = pieceLines(p.Q, p.D)
	if p.Original, err = a.original(r, v, p); err != nil {
		return nil, err
	}
	p.Mails = mailLines(t, p.Q)
	tells := teller{tongue: t, reference: p.Q.Reference, names: p.D.Names, categories: a.opts.Facts.Categories()}
	p.History = historyLines(tells, p.Q, p.D.History, p.May)
	if from := r.FormValue("reunie"); p.May && slices.Contains(p.Q.MergedFrom, from) {
		p.Undo = undoOf(p.History, from)
	}
	return p, nil
}

// fillChoices fills in the categories and agents to choose from.
func (a *Adapter) fillChoices(ctx context.Context, v ingest.Viewer, p *requestPage) error {
	all := a.opts.Facts.Categories()
	p.Category = categoryOf(all, p.Q.Category)
	p.Groups = categoryGroups(all)
	if !p.May {
		return nil
	}
	ranked, err := a.opts.Requests.Suggested(ctx, v, p.Q.Reference)
	if err != nil {
		return err
	}
	p.Suggested = suggestedCategories(all, ranked)
	p.Able, err = a.opts.Acts.Assignable(ctx, v, p.Q.Reference)
	return err
}

// channelsOf lists by which ways the pieces of a request came, each once.
func channelsOf(q ingest.Request) []ingest.Channel {
	var out []ingest.Channel
	for _, s := range q.Submissions {
		if !slices.Contains(out, s.Channel) {
			out = append(out, s.Channel)
		}
	}
	return out
}

func awaited(q ingest.Request) []string {
	var out []string
	for _, a := range q.Pieces {
		if a.CameAt.IsZero() {
			out = append(out, a.Pieces...)
		}
	}
	return out
}

// cutWords cuts a text to n characters.
func cutWords(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}
