package desk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"saisine.fr/saisine/config"
	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/notice"
)

// bureau is a town hall of fakes for the page of a request: it knows some requests, and
// writes down what is done.
type bureau struct {
	Accounts // only Saw is called
	requests map[string]ingest.Request
	details  Details
	records  map[string]ingest.Record
	ranked   []ingest.Ranked
	able     []ingest.Agent
	image    PageImage
	list     *bureauList

	done   []string // acts, each with its arguments
	refuse error    // what acts answer
	gone   bool     // the acts hide the request
	blind  error    // what Saw answers
	noted  []string // what Saw was told
}

const ref = "2026-000001"

var (
	clerk  = ingest.Viewer{Login: "lea", Name: "Léa Martin", Role: ingest.RoleAgent, Language: "fr"}
	chief  = ingest.Viewer{Login: "chef", Name: "Anne Chef", Role: ingest.RoleManager, Language: "fr"}
	reader = ingest.Viewer{Login: "lecteur", Name: "Luc Lecteur", Role: ingest.RoleReader, Language: "fr"}
)

var bureauNow = time.Date(2026, 3, 10, 9, 0, 0, 0, time.UTC)

func newBureau() *bureau {
	b := &bureau{requests: map[string]ingest.Request{}, records: map[string]ingest.Record{}}
	b.requests[ref] = ingest.Request{
		Reference: ref, Status: ingest.StatusNew, Category: "voirie", Service: "Voirie", Confidence: 0.42, NeedsReview: true,
		Reasons: []string{"mot «\u00a0trottoir\u00a0»", "choisi par agent:lea"}, Subject: "Trottoir cassé", Text: "Le trottoir est cassé.",
		Sender: ingest.Person{Name: "Marie Petit", Email: "marie@example.fr", Phone: "0612345678", Address: "3 rue Haute\n12345 Ville"},
		Place:  "rue Haute", OpenedAt: bureauNow.AddDate(0, 0, -8),
		Deadlines: []ingest.Deadline{
			{Kind: "are", Due: bureauNow.AddDate(0, 0, -1), Day: "2026-03-09", Rule: "accusé de réception", Article: "CRPA R112-11-2", Who: "town"},
			{Kind: "implicit", Due: bureauNow.AddDate(0, 2, 0), Day: "2026-05-02", Rule: "décision implicite", Article: "CRPA L231-4", Sense: "rejection", Who: "town"},
		},
		Submissions: []ingest.RequestSubmission{
			{ID: "p1", Channel: ingest.ChannelMailbox, Link: ingest.LinkOpens, ReceivedAt: bureauNow.AddDate(0, 0, -8)},
			{ID: "p2", Channel: ingest.ChannelScan, Link: ingest.LinkDuplicate, ReceivedAt: bureauNow.AddDate(0, 0, -7)},
			{ID: "p3", Channel: ingest.ChannelPhone, Link: ingest.LinkFollowUp, ReceivedAt: bureauNow.AddDate(0, 0, -6)},
		},
		Suggestions: []ingest.Suggestion{{Reference: "2026-000002", Score: 0.8, Why: "même rue", Kind: ingest.SuggestSame}},
		MergedFrom:  []string{"2026-000003"}, Urgent: []string{"danger"},
		Pieces: []ingest.AskedPieces{{At: bureauNow.AddDate(0, 0, -2), Until: "2026-04-01", Pieces: []string{"une photo"}}},
		Mails: []ingest.Mail{
			{ID: "m1", Kind: ingest.MailARE, State: ingest.MailBounced, Reason: "non remis à marie@example.fr", To: "marie@example.fr", CreatedAt: bureauNow, SHA256: "x"},
			{ID: "m2", Kind: ingest.MailPaper, State: ingest.MailToPrint, CreatedAt: bureauNow},
		},
		Handovers: []ingest.Handover{
			{Connector: "voirie-rt", RemoteID: "17", RemoteURL: "https://rt.example/Ticket/Display.html?id=17", RemoteStatus: "open", HandedAt: bureauNow, State: ingest.OutboxDelivered},
			{Connector: "depot", State: ingest.OutboxPending},
			{Connector: "redmine", State: ingest.OutboxFailed, Reason: "La demande n’a pas pu être transmise."},
			{Connector: "autre", RemoteID: "A-9", RemoteURL: "javascript:alert(1)", HandedAt: bureauNow, State: ingest.OutboxDelivered, Trouble: "connexion refusée"},
		},
	}
	b.requests["2026-000002"] = ingest.Request{
		Reference: "2026-000002", Status: ingest.StatusInProgress, Category: "voirie", Service: "Voirie", Subject: "Trottoir abîmé",
		Sender: ingest.Person{Name: "Marie Petit"}, OpenedAt: bureauNow.AddDate(0, 0, -3),
		Submissions: []ingest.RequestSubmission{{ID: "q1", Channel: ingest.ChannelCounter, Link: ingest.LinkOpens}},
	}
	b.records["p1"] = ingest.Record{ID: "p1", MediaType: ingest.MediaMail, ReceivedAt: bureauNow, Reading: &ingest.Reading{
		Kind: ingest.KindMail, Subject: "Trottoir cassé", Text: "Le trottoir est cassé.\n> ancien message", OwnText: "Le trottoir est cassé.",
		From: ingest.Person{Name: "Marie Petit", Email: "marie@example.fr"}, To: []string{"mairie@exemple.fr"},
		Attachments: []ingest.Attachment{{Name: "photo.jpg", Type: "image/jpeg", Size: 2048, Text: "un panneau"}},
	}}
	b.records["p2"] = ingest.Record{ID: "p2", MediaType: ingest.MediaPDF, ReceivedAt: bureauNow, Reading: &ingest.Reading{
		Kind: "pdf", Total: 2, Pages: []ingest.Page{
			{Number: 1, Text: "Monsieur le Maire,\nle trotoir est casé.", Source: "ocr", Unsure: true}, {Number: 2, Text: "Merci.", Source: "ocr"},
		},
	}}
	b.records["p3"] = ingest.Record{ID: "p3", MediaType: ingest.MediaNote, Reading: &ingest.Reading{Kind: ingest.KindText, Text: "Rappelle."}}
	b.records["q1"] = ingest.Record{ID: "q1", MediaType: ingest.MediaNote, Reading: &ingest.Reading{Kind: ingest.KindText, Text: "Le trottoir est abîmé."}}
	b.image = PageImage{Width: 1000, Height: 1400, Words: []PageWord{
		{Text: "Monsieur", Confidence: 0.95, X: 0.1, Y: 0.1, W: 0.1, H: 0.02},
		{Text: "trotoir", Confidence: 0.4, X: 0.2, Y: 0.2, W: 0.1, H: 0.02},
		{Text: "casé", Confidence: 0.5, X: 0.4, Y: 0.2, W: 0.1, H: 0.02},
	}}
	b.ranked = []ingest.Ranked{{Category: "voirie", Score: 0.42}, {Category: "eau", Score: 0.3}, {Category: "disparue", Score: 0.1}}
	b.able = []ingest.Agent{{Login: "lea", Name: "Léa Martin"}, {Login: "paul", Name: "Paul Roux", Title: "Voirie"}}
	b.details = Details{
		Names: map[string]string{"lea": "Léa Martin"},
		History: []ingest.Event{
			{At: bureauNow, Kind: "request.opened", Actor: "saisine"},
			{At: bureauNow, Kind: "request.handover", Actor: "saisine", Detail: ingest.EventDetail{To: "voirie-rt"}},
			{At: bureauNow, Kind: "request.handed_over", Actor: "connector:voirie-rt", Detail: ingest.EventDetail{To: "voirie-rt", Number: "17"}},
			{At: bureauNow, Kind: "request.handover_status", Actor: "connector:voirie-rt", Detail: ingest.EventDetail{Service: "voirie-rt", To: "open"}},
			{At: bureauNow, Kind: "request.comment", Actor: "api:metier", Detail: ingest.EventDetail{Text: "Vu par le logiciel."}},
		},
		Why:       map[int][]string{1: {"Le silence de deux mois vaut refus. [CRPA L231-4]"}},
		FollowURL: "https://ville.example/suivi/jeton", LinkReasons: map[string][]string{"p2": {"rattachée par agent:lea"}},
	}
	return b
}

func (b *bureau) Categories() []Category {
	return []Category{
		{Code: "voirie", Label: "Voirie et trottoirs", Service: "Voirie"},
		{Code: "eau", Label: "Eau", Service: "Eau"},
		{Code: "aide", Label: "Aide sociale", Service: "CCAS", Sealed: true},
	}
}

func (b *bureau) Request(_ context.Context, _ ingest.Viewer, reference string) (ingest.Request, error) {
	q, ok := b.requests[b.live(reference)]
	if !ok {
		return q, fmt.Errorf("%w: %s", ingest.ErrNotFound, reference)
	}
	return q, nil
}

func (b *bureau) live(reference string) string {
	for live, q := range b.requests {
		if slices.Contains(q.MergedFrom, reference) {
			return live
		}
	}
	return reference
}

func (b *bureau) Visible(ctx context.Context, v ingest.Viewer, reference string) (string, error) {
	q, err := b.Request(ctx, v, reference)
	return q.Reference, err
}

func (b *bureau) Details(context.Context, ingest.Viewer, ingest.Request) (Details, error) {
	return b.details, nil
}

func (b *bureau) Submission(_ context.Context, _ ingest.Viewer, id string) (ingest.Record, error) {
	rec, ok := b.records[id]
	if !ok {
		return rec, ingest.ErrNotFound
	}
	return rec, nil
}

func (b *bureau) Suggested(context.Context, ingest.Viewer, string) ([]ingest.Ranked, error) {
	return b.ranked, nil
}

func (b *bureau) Saw(_ context.Context, v ingest.Viewer, what ingest.AccessKind, id string) error {
	b.noted = append(b.noted, v.Login+" "+string(what)+" "+id)
	return b.blind
}

// Files.
func (b *bureau) Page(_ context.Context, _ ingest.Viewer, _ string, page int) (PageImage, error) {
	if page != 1 {
		return PageImage{}, errors.New("no image")
	}
	return b.image, nil
}

// act writes an act down.
func (b *bureau) act(v ingest.Viewer, words ...any) error {
	b.done = append(b.done, v.Login+" "+strings.TrimSpace(fmt.Sprintln(words...)))
	if b.gone {
		delete(b.requests, ref)
	}
	return b.refuse
}

func (b *bureau) SetCategory(_ context.Context, v ingest.Viewer, r, code string) error {
	return b.act(v, "category", r, code)
}

func (b *bureau) SetStatus(_ context.Context, v ingest.Viewer, r string, s ingest.Status, note string) error {
	return b.act(v, "status", r, s, note)
}

func (b *bureau) Correct(_ context.Context, v ingest.Viewer, r string, c ingest.Correction) error {
	return b.act(v, fmt.Sprintf("correct %s %+v", r, c))
}

func (b *bureau) Assign(_ context.Context, v ingest.Viewer, r, login string) error {
	return b.act(v, "assign", r, login)
}

func (b *bureau) Reviewed(_ context.Context, v ingest.Viewer, r string) error {
	return b.act(v, "reviewed", r)
}

func (b *bureau) Comment(_ context.Context, v ingest.Viewer, r, text string) error {
	return b.act(v, "comment", r, text)
}

func (b *bureau) Link(_ context.Context, v ingest.Viewer, s, r string, l ingest.Link) error {
	return b.act(v, "link", s, r, l)
}

func (b *bureau) Unlink(_ context.Context, v ingest.Viewer, s string) (string, error) {
	return "2026-000009", b.act(v, "unlink", s)
}

func (b *bureau) Merge(_ context.Context, v ingest.Viewer, from, into string) error {
	return b.act(v, "merge", from, into)
}

func (b *bureau) Split(_ context.Context, v ingest.Viewer, r string, s []string) (string, error) {
	return "", b.act(v, "split", r, s)
}

func (b *bureau) Apart(_ context.Context, v ingest.Viewer, x, y string) error {
	return b.act(v, "apart", x, y)
}

func (b *bureau) AskPieces(_ context.Context, v ingest.Viewer, r string, pieces []string, until, note string) error {
	return b.act(v, fmt.Sprintf("ask %s %q %s %q", r, pieces, until, note))
}

func (b *bureau) PiecesCame(_ context.Context, v ingest.Viewer, r string, at time.Time) error {
	return b.act(v, "came", r, at.UTC().Format(time.RFC3339))
}

func (b *bureau) Transmit(_ context.Context, v ingest.Viewer, r, to string, competent time.Time) error {
	return b.act(v, "transmit", r, to, competent.UTC().Format(time.RFC3339))
}

func (b *bureau) SetProcedure(_ context.Context, v ingest.Viewer, r string, p notice.Procedure) error {
	return b.act(v, "procedure", r, string(p))
}

func (b *bureau) RevokeLinks(_ context.Context, v ingest.Viewer, r string) error {
	return b.act(v, "revoke", r)
}

func (b *bureau) Assignable(context.Context, ingest.Viewer, string) ([]ingest.Agent, error) {
	return b.able, nil
}

// bureauFiles has images only.
type bureauFiles struct {
	Files
	b *bureau
}

func (f bureauFiles) HTML(_ context.Context, _ ingest.Viewer, id string) (MailHTML, error) {
	if id != "p1" {
		return MailHTML{}, ingest.ErrNotFound
	}
	return MailHTML{HTML: "<p>Le trottoir est cassé.</p>"}, nil
}

func (f bureauFiles) Page(ctx context.Context, v ingest.Viewer, id string, page int) (PageImage, error) {
	return f.b.Page(ctx, v, id, page)
}

// bureauList is a list of one order; it knows the places beside a request only.
type bureauList struct {
	Lists
	asked      []ingest.Filter
	references []string
}

func (l *bureauList) List(_ context.Context, _ ingest.Viewer, f ingest.Filter) (ingest.ListPage, error) {
	l.asked = append(l.asked, f)
	at := slices.Index(l.references, f.Beside)
	if f.Back {
		at -= 2
	}
	if at++; at < 0 || at >= len(l.references) {
		return ingest.ListPage{}, nil
	}
	return ingest.ListPage{Items: []ingest.ListItem{{Reference: l.references[at]}}}, nil
}

// desk returns a desk over the fakes at which v sits.
func (b *bureau) desk(t *testing.T, v ingest.Viewer) *deskClient {
	t.Helper()
	a, err := New(Options{
		Town: config.Town{Name: "Saint-Exemple", Timezone: "Europe/Paris"}, Log: slog.New(slog.NewTextHandler(testLog{t}, nil)), Now: func() time.Time { return bureauNow },
		Facts: b, Requests: b, Acts: b, Files: bureauFiles{b: b},
	})
	if err != nil {
		t.Fatal(err)
	}
	a.opts.Accounts = b
	if b.list != nil {
		a.opts.Lists = b.list
	}
	c := &deskClient{t: t, a: a}
	a.identify = func(*http.Request) (ingest.Viewer, bool) { return v, true }
	mux := a.routes().mux
	c.handler = mux
	return c
}

// deskClient asks a desk without a network.
type deskClient struct {
	t       *testing.T
	a       *Adapter
	handler http.Handler
}

func (c *deskClient) get(path string) (int, string) {
	c.t.Helper()
	w := httptest.NewRecorder()
	c.handler.ServeHTTP(w, httptest.NewRequestWithContext(c.t.Context(), http.MethodGet, path, nil))
	return c.read(w)
}

// post returns the status, and the body or the address that it leads to with what was told.
func (c *deskClient) post(path string, values url.Values) (int, string) {
	c.t.Helper()
	r := httptest.NewRequestWithContext(c.t.Context(), http.MethodPost, path, strings.NewReader(values.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	c.handler.ServeHTTP(w, r)
	return c.read(w)
}

func (c *deskClient) read(w *httptest.ResponseRecorder) (int, string) {
	c.t.Helper()
	res := w.Result()
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	if to := res.Header.Get("Location"); to != "" {
		r := httptest.NewRequestWithContext(c.t.Context(), http.MethodGet, to, nil)
		for _, cookie := range res.Cookies() {
			r.AddCookie(cookie)
		}
		return res.StatusCode, to + " | " + c.a.takeFlash(httptest.NewRecorder(), r, tongue{})
	}
	return res.StatusCode, string(body)
}

// testLog writes a log to that of the test.
type testLog struct{ t *testing.T }

func (l testLog) Write(p []byte) (int, error) {
	l.t.Log(strings.TrimSpace(string(p)))
	return len(p), nil
}
