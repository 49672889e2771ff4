package desk

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"saisine.fr/saisine/ingest"
)

// Failures are what went wrong and waits for a person. What is hidden from the viewer is in
// no list and no count.
type Failures interface {
	// FailureCount is how many a person must see to (ingest.FailureKind.Urgent).
	FailureCount(ctx context.Context, v ingest.Viewer) (int, error)
	// Failures is a page of a list: those after the one with this number, 0 for the first page.
	Failures(ctx context.Context, v ingest.Viewer, kind ingest.FailureKind, after int64) (ingest.FailurePage, error)
	// Retry takes one of a list up again; of what was set aside it says that it is somebody's
	// message. The error wraps ingest.ErrRefused where that cannot help.
	Retry(ctx context.Context, v ingest.Viewer, kind ingest.FailureKind, id string) error
	// DealtWith takes one off its list that a person has seen to elsewhere.
	DealtWith(ctx context.Context, v ingest.Viewer, kind ingest.FailureKind, id string) error
	// Release lets a submission go that the virus scan holds. The error wraps ingest.ErrRefused
	// when it is not held.
	Release(ctx context.Context, v ingest.Viewer, id string) error
	// Channels are the ways in with their health, those that somebody must see to first.
	Channels(ctx context.Context) []ChannelState
}

// ChannelState is how a way in fares.
type ChannelState struct {
	// Name is that of its adapter: mailbox/sve.
	Name string
	// Label is for people, in the language of the page. The desk fills it in.
	Label    string
	LastGood time.Time // of the last poll that went well; zero while there was none
	// Passive is set for what has nothing to look at: pages that wait for somebody.
	Passive bool
	// Stuck is set when there was no good poll for 15 minutes.
	Stuck bool
	// Error is the fault that stands at the moment, or "".
	Error string
	// Alarms are what a person should see to, though it works.
	Alarms []string
}

// channelsTab is the list of the ways in, which are no failures of one thing.
const channelsTab = "canaux"

// failureRoutes are the pages of what went wrong.
func (a *Adapter) failureRoutes(o *router) {
	if a.opts.Failures == nil {
		return
	}
	o.handle("GET /agent/echecs", ingest.RoleReader, a.serveFailures)
	o.handle("POST /agent/echecs/{kind}", ingest.RoleAgent, a.serveFailureAct)
}

// failuresPage is what the page of failures shows.
type failuresPage struct {
	Tab   string
	Tabs  []failureTab
	Intro string
	Items []failureView
	Next  int64
	Later bool // not the first page
	Ways  []channelView
	Kind  ingest.FailureKind
	Bulk  bool // there is something to be taken up again
	All   bool // the viewer may take up everything
	// Release is set when the viewer may let go what the virus scan holds.
	Release bool
	RetryL  string
}

type failureTab struct {
	Code, Label string
	Current     bool
}

// failureView is a failure as the page tells it.
type failureView struct {
	ingest.Failure
	What, Next string
	// From is who sent it, in a line.
	Sender string
	Title  string
	// Retry is the label of the button that has it tried again, Virus what the scan said.
	Retry, Virus string
}

// Open reports whether its original may be had.
func (f failureView) Open() bool { return f.Verdict.MayLeave(ingest.UseDownload) == nil }

func (a *Adapter) serveFailures(w http.ResponseWriter, r *http.Request, v ingest.Viewer) error {
	t := a.pages.tongue(v)
	tab := r.URL.Query().Get("liste")
	if tab == "" {
		tab = string(ingest.FailedSubmissions)
	}
	body := failuresPage{Tab: tab, Tabs: failureTabs(t, tab), Kind: ingest.FailureKind(tab)}
	if tab == channelsTab {
		body.Ways = a.ways(t, a.opts.Failures.Channels(r.Context()))
		return a.show(w, r, v, http.StatusOK, "echecs", page{Title: "Échecs", Section: "echecs", Body: body})
	}
	if !slices.Contains(ingest.FailureKinds(), body.Kind) {
		return ingest.ErrNotFound
	}
	after, err := strconv.ParseInt(r.URL.Query().Get("apres"), 10, 64)
	if err != nil {
		after = 0
	}
	list, err := a.opts.Failures.Failures(r.Context(), v, body.Kind, after)
	if err != nil {
		return err
	}
	body.Later = after > 0
	body.Next, body.Intro, body.RetryL = list.Next, t.T(failureIntros[body.Kind]), t.T(retryLabel(body.Kind))
	for _, f := range list.Items {
		view := failureView{Failure: f, Sender: sender(f.From)}
		view.What, view.Next = explain(t, f)
		view.Title = failureTitle(t, f)
		view.Retry = body.RetryL
		if f.Verdict.Held() {
			view.Retry, body.Release = t.T("Analyser de nouveau"), body.Kind == ingest.FailedSubmissions && v.May(ingest.RoleAdministrator)
		}
		if f.Verdict.State != ingest.VirusUnknown {
			view.Virus = virusWords(t, f.Verdict)
		}
		body.Items = append(body.Items, view)
		body.Bulk = body.Bulk || f.CanRetry()
	}
	body.Bulk = body.Bulk && v.May(ingest.RoleAgent)
	body.All = body.Bulk && body.Kind.Urgent() && v.May(ingest.RoleManager)
	return a.show(w, r, v, http.StatusOK, "echecs", page{Title: "Échecs", Section: "echecs", Body: body})
}

func failureTabs(t tongue, current string) []failureTab {
	var tabs []failureTab
	for _, kind := range ingest.FailureKinds() {
		tabs = append(tabs, failureTab{string(kind), t.T(failureNames[kind]), string(kind) == current})
	}
	return append(tabs, failureTab{channelsTab, t.T("Canaux"), current == channelsTab})
}

// retriedAtOnce bounds what one request takes up again: each is a transaction of its own.
const retriedAtOnce = 500

// serveFailureAct takes failures up again, or off their list: those that are ticked, the one
// whose button was pressed, or all.
func (a *Adapter) serveFailureAct(w http.ResponseWriter, r *http.Request, v ingest.Viewer) error {
	kind := ingest.FailureKind(r.PathValue("kind"))
	if !slices.Contains(ingest.FailureKinds(), kind) {
		return ingest.ErrNotFound
	}
	r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
	if err := r.ParseForm(); err != nil {
		return ingest.Refused("the form could not be read")
	}
	act, one, many := a.opts.Failures.Retry, "Un élément est repris.", "%d éléments sont repris."
	var ids []string
	switch {
	case r.PostForm.Get("tous") != "":
		if !kind.Urgent() || !v.May(ingest.RoleManager) {
			a.forbidden(w, r, v)
			return nil
		}
		var err error
		if ids, err = a.retriable(r.Context(), v, kind); err != nil {
			return err
		}
	case r.PostForm.Get("reprendre") != "":
		ids = []string{r.PostForm.Get("reprendre")}
	case r.PostForm.Get("liberer") != "":
		// A virus may go to an agent's machine after that: not for everybody to decide.
		if kind != ingest.FailedSubmissions || !v.May(ingest.RoleAdministrator) {
			a.forbidden(w, r, v)
			return nil
		}
		ids, one = []string{r.PostForm.Get("liberer")}, "L’envoi est libéré\u00a0: il est traité comme les autres."
		act = func(ctx context.Context, v ingest.Viewer, _ ingest.FailureKind, id string) error {
			return a.opts.Failures.Release(ctx, v, id)
		}
	case r.PostForm.Get("regler") != "":
		ids, act, one, many = []string{r.PostForm.Get("regler")}, a.opts.Failures.DealtWith, dealtOne, dealtMany
	case r.PostForm.Get("regler_coches") != "":
		ids, act, one, many = r.PostForm["id"], a.opts.Failures.DealtWith, dealtOne, dealtMany
	default:
		ids = r.PostForm["id"]
	}
	n, skipped := 0, 0
	for _, id := range ids[:min(len(ids), retriedAtOnce)] {
		err := act(r.Context(), v, kind, id)
		switch {
		case err == nil:
			n++
		case len(ids) > 1 && (errors.Is(err, ingest.ErrNotFound) || errors.Is(err, ingest.ErrRefused)):
			skipped++ // somebody else was quicker, or it cannot be helped: the others can
		default:
			return err
		}
	}
	t := a.pages.tongue(v)
	text := counted(t, n, one, many)
	switch {
	case len(ids) == 0:
		text = t.T("Rien n’était coché.")
	case skipped > 0:
		text += " " + counted(t, skipped, "Un autre n’a pas pu l’être, ou l’était déjà.", "%d autres n’ont pas pu l’être, ou l’étaient déjà.")
	}
	if len(ids) > retriedAtOnce {
		text += " " + t.T("Il en reste\u00a0: recommencez.")
	}
	setFlash(w, text)
	return redirect(w, r, "/agent/echecs?liste="+string(kind))
}

const dealtOne, dealtMany = "Un élément est marqué comme réglé.", "%d éléments sont marqués comme réglés."

// counted tells a number in words: one is a text without it. There is none for nothing.
func counted(t tongue, n int, one, many string) string {
	switch n {
	case 0:
		return t.T("Rien n’a été changé.")
	case 1:
		return t.T(one)
	}
	return t.T(many, n)
}

// retriable lists what may be taken up again of a kind, one more than retriedAtOnce at most.
func (a *Adapter) retriable(ctx context.Context, v ingest.Viewer, kind ingest.FailureKind) ([]string, error) {
	var ids []string
	for after := int64(0); ; {
		list, err := a.opts.Failures.Failures(ctx, v, kind, after)
		if err != nil {
			return nil, err
		}
		for _, f := range list.Items {
			if f.CanRetry() {
				ids = append(ids, f.ID)
			}
			if len(ids) > retriedAtOnce {
				return ids, nil
			}
		}
		if after = list.Next; after == 0 {
			return ids, nil
		}
	}
}

// sender names who sent something, in a line.
func sender(p ingest.Person) string {
	switch {
	case p.Name != "" && p.Email != "":
		return p.Name + " <" + p.Email + ">"
	case p.Name != "":
		return p.Name
	case p.Email != "":
		return p.Email
	}
	return p.Phone
}
