package desk

import (
	"context"
	"encoding/json"
	"errors"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"saisine.fr/saisine/config"
	"saisine.fr/saisine/ingest"
)

// clerks is the house as these pages see it: what each of them is told, and what they did.
type clerks struct {
	released []string
	outcome  CounterOutcome
	known    []ingest.Acquaintance
	states   []ChannelState
	count    int
	page     ingest.FailurePage
	tables   []FigureTable
	query    FiguresQuery
	retried  []string
	refusing error
}

func (c *clerks) Known(context.Context, ingest.Viewer, string, string) ([]ingest.Acquaintance, error) {
	return c.known, nil
}

func (c *clerks) Acquaintance(context.Context, ingest.Viewer, string) (ingest.Acquaintance, error) {
	return ingest.Acquaintance{}, ingest.ErrNotFound
}

func (c *clerks) Similar(context.Context, ingest.Viewer, ingest.Note) ([]Likeness, error) {
	return nil, nil
}

func (c *clerks) Outcome(context.Context, ingest.Viewer, string) (CounterOutcome, error) {
	return c.outcome, nil
}

func (c *clerks) Receipt(context.Context, ingest.Viewer, string) (File, error) {
	return File{Size: 5, Body: io.NopCloser(strings.NewReader("%PDF-"))}, nil
}

func (c *clerks) MailReceipt(context.Context, ingest.Viewer, string) error { return nil }

func (c *clerks) FailureCount(context.Context, ingest.Viewer) (int, error) { return c.count, nil }

func (c *clerks) Failures(_ context.Context, _ ingest.Viewer, kind ingest.FailureKind, _ int64) (ingest.FailurePage, error) {
	p := c.page
	for i := range p.Items {
		p.Items[i].Kind = kind
	}
	return p, nil
}

func (c *clerks) Retry(_ context.Context, _ ingest.Viewer, _ ingest.FailureKind, id string) error {
	c.retried = append(c.retried, id)
	return c.refusing
}

func (c *clerks) DealtWith(context.Context, ingest.Viewer, ingest.FailureKind, string) error {
	return nil
}

func (c *clerks) Release(_ context.Context, v ingest.Viewer, id string) error {
	c.released = append(c.released, v.Login+" "+id)
	return nil
}

func (c *clerks) Channels(context.Context) []ChannelState { return c.states }

func (c *clerks) Figures(_ context.Context, _ ingest.Viewer, q FiguresQuery) ([]FigureTable, error) {
	c.query = q
	return c.tables, nil
}

// Categories implements TownFacts, one of them with a label that a spreadsheet would run.
func (c *clerks) Categories() []Category {
	return []Category{{Code: "voirie", Label: "Voirie"}, {Code: "piege", Label: `=HYPERLINK("http://x.test")`}}
}

// office is a desk at which an agent sits at that time of the town.
func (c *clerks) office(t *testing.T, role ingest.Role, language string, at time.Time) (*Adapter, http.Handler) {
	t.Helper()
	a, err := New(Options{
		Town: config.Town{Name: "Ville", Timezone: "Europe/Paris"}, Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return at },
		Facts: c, Counter: c, Failures: c, Figures: c,
	})
	if err != nil {
		t.Fatal(err)
	}
	a.identify = func(*http.Request) (ingest.Viewer, bool) {
		return ingest.Viewer{Login: "anne", Name: "Anne", Role: role, Language: language}, true
	}
	return a, a.Handler()
}

// visit sends a request and returns the answer with its body, in plain characters.
func visit(t *testing.T, h http.Handler, method, target string, form url.Values) (*http.Response, string) {
	t.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(form.Encode()))
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result(), strings.ReplaceAll(html.UnescapeString(w.Body.String()), "\u00a0", " ")
}

var monday = time.Date(2026, 3, 30, 9, 0, 0, 0, time.UTC)

// sinkFunc is an ingest.Sink.
type sinkFunc func(ingest.Submission) (ingest.Receipt, error)

func (f sinkFunc) Submit(_ context.Context, s ingest.Submission) (ingest.Receipt, error) { return f(s) }

// A citizen stands there while the database does not answer: nothing typed is lost.
func TestCounterKeepsWhatCannotBeStored(t *testing.T) {
	a, h := new(clerks).office(t, ingest.RoleAgent, french, monday)
	form := url.Values{"texte": {"Une fuite d’eau <devant> chez elle"}, "nom": {"Zoé"}, "voie": {"phone"}, "cle": {"0123456789abcdef"}}
	for name, sink := range map[string]ingest.Sink{
		"not running": nil,
		"full":        sinkFunc(func(ingest.Submission) (ingest.Receipt, error) { return ingest.Receipt{}, ingest.ErrUnavailable }),
	} {
		a.door.Lend(sink)
		res, body := visit(t, h, http.MethodPost, "/agent/nouvelle", form)
		if res.StatusCode != http.StatusServiceUnavailable || res.Header.Get("Retry-After") == "" || !strings.Contains(body, "Rien n’a été enregistré") ||
			!strings.Contains(body, "Une fuite d’eau <devant> chez elle") || !strings.Contains(body, `value="0123456789abcdef"`) || !strings.Contains(body, `value="phone" checked`) {
			t.Errorf("%s: %d: %s", name, res.StatusCode, body)
		}
	}
	var got ingest.Submission
	a.door.Lend(sinkFunc(func(s ingest.Submission) (ingest.Receipt, error) {
		got = s
		return ingest.Receipt{ID: "id-1"}, nil
	}))
	res, _ := visit(t, h, http.MethodPost, "/agent/nouvelle", form)
	if res.StatusCode != http.StatusSeeOther || res.Header.Get("Location") != "/agent/nouvelle/id-1" {
		t.Fatalf("%d to %q", res.StatusCode, res.Header.Get("Location"))
	}
	var n ingest.Note
	if err := json.Unmarshal(got.Original.Bytes(), &n); err != nil || n.Agent != "anne" || n.ID != "0123456789abcdef" || n.ChannelName() != ingest.ChannelPhone || !got.ReceivedAt.Equal(monday) {
		t.Errorf("submitted %+v: %+v, %v", got, n, err)
	}
	if !strings.HasPrefix(got.SourceKey, "0123456789abcdef-") || got.Settled != "" || got.Hints.Answers != "" {
		t.Errorf("submitted as %q: %+v", got.SourceKey, got.Hints)
	}
	// What is no key is not taken for one.
	form.Set("cle", "x\r\n")
	visit(t, h, http.MethodPost, "/agent/nouvelle", form)
	if !regexp.MustCompile(`^[A-Za-z0-9_-]{22}-[0-9a-f]{16}$`).MatchString(got.SourceKey) {
		t.Errorf("submitted as %q", got.SourceKey)
	}
	for _, c := range res.Cookies() {
		if c.Name == wayCookie && (c.Value != "phone" || !c.Secure || !c.HttpOnly) {
			t.Errorf("cookie %+v", c)
		}
	}
}

// The page looks once a second, ten times, then says that it takes longer; and stops when
// there is something to tell.
func TestCounterWaitsForTheFiling(t *testing.T) {
	c := &clerks{outcome: CounterOutcome{Record: ingest.Record{ID: "id-1", State: ingest.StateReceived}}}
	_, h := c.office(t, ingest.RoleAgent, french, monday)
	for _, tt := range []struct{ path, want, not string }{
		{"/agent/nouvelle/id-1", `hx-get="/agent/nouvelle/id-1/etat?n=1"`, "plus de temps"},
		{"/agent/nouvelle/id-1/etat?n=1", `/etat?n=2"`, "plus de temps"},
		{"/agent/nouvelle/id-1/etat?n=9", `/etat?n=10"`, "plus de temps"},
		{"/agent/nouvelle/id-1/etat?n=10", "plus de temps", "hx-get"},
		{"/agent/nouvelle/id-1/etat?n=-5", "plus de temps", "hx-get"},
		{"/agent/nouvelle/id-1/etat?n=x", "plus de temps", "hx-get"},
	} {
		res, body := visit(t, h, http.MethodGet, tt.path, nil)
		if res.StatusCode != http.StatusOK || !strings.Contains(body, tt.want) || strings.Contains(body, tt.not) {
			t.Errorf("%s: %d, want %q and not %q: %s", tt.path, res.StatusCode, tt.want, tt.not, body)
		}
	}
	due := time.Date(2026, 5, 30, 0, 0, 0, 0, time.UTC)
	c.outcome = CounterOutcome{Record: ingest.Record{ID: "id-1", State: ingest.StateFiled, Link: ingest.LinkFollowUp}, Category: "Voirie", Request: &ingest.Request{
		Reference: "2026-000007", Category: "voirie", Service: "Voirie", NeedsReview: true, Urgent: []string{"gaz"}, Deadlines: []ingest.Deadline{
			{Kind: "aee", Who: "town", Due: monday.Add(24 * time.Hour)},
			{Kind: "implicit", Who: "town", Due: due, Rule: "deux mois"},
			{Kind: "implicit", Who: "town", Due: monday, DoneAt: monday},
		},
	}}
	_, body := visit(t, h, http.MethodGet, "/agent/nouvelle/id-1/etat?n=2", nil)
	for _, want := range []string{"Suite de la demande", "2026-000007", "30 mai 2026", "deux mois", "à vérifier", "Danger possible"} {
		if !strings.Contains(body, want) {
			t.Errorf("what was filed is told without %q: %s", want, body)
		}
	}
	if strings.Contains(body, "hx-get") {
		t.Error("the page goes on looking")
	}
	for state, want := range map[ingest.State]string{ingest.StateFailed: "/agent/echecs", ingest.StateSetAside: "liste=ecartes"} {
		c.outcome = CounterOutcome{Record: ingest.Record{State: state}}
		if _, body := visit(t, h, http.MethodGet, "/agent/nouvelle/id-1/etat?n=2", nil); !strings.Contains(body, want) || strings.Contains(body, "hx-get") {
			t.Errorf("%s: %s", state, body)
		}
	}
}

// What a suggestion fills in is data of an attribute, whatever somebody is called.
func TestCounterFillIsData(t *testing.T) {
	c := &clerks{known: []ingest.Acquaintance{{Reference: "2026-000001", Sender: ingest.Person{Name: `"><script>alert(1)</script>`, Phone: "06' onclick='x"}}}}
	_, h := c.office(t, ingest.RoleAgent, french, monday)
	r := httptest.NewRequest(http.MethodPost, "/agent/nouvelle/connus", strings.NewReader("nom=alert"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	raw := w.Body.String()
	if strings.Contains(raw, "<script") || strings.Contains(raw, "onclick='x") {
		t.Fatalf("it runs: %s", raw)
	}
	m := regexp.MustCompile(`data-fill="([^"]*)"`).FindStringSubmatch(raw)
	var fields map[string]string
	if m == nil || json.Unmarshal([]byte(html.UnescapeString(m[1])), &fields) != nil || fields["nom"] != `"><script>alert(1)</script>` || fields["telephone"] != "06' onclick='x" {
		t.Errorf("filled in: %v", fields)
	}
	if _, there := fields["courriel"]; there {
		t.Error("what is not known would empty a field")
	}
}

func TestSubjectOf(t *testing.T) {
	for text, want := range map[string]string{
		"":                      "",
		"Nid de poule":          "Nid de poule",
		"Nid de poule. Urgent.": "Nid de poule",
		"M. Petit signale une fuite.\nAu 3 rue Haute":    "M. Petit signale une fuite",
		"Un nid de poule rue du Dr. Roux, à 20 h. Merci": "Un nid de poule rue du Dr. Roux, à 20 h. Merci",
		"Quand passe le camion ? Elle attend.":           "Quand passe le camion",
		"  deux\t espaces  ":                             "deux espaces",
		"Le 3.5.2026 à midi":                             "Le 3.5.2026 à midi",
		strings.Repeat("mot ", 40):                       strings.TrimSpace(strings.Repeat("mot ", 20)) + "…",
		strings.Repeat("é", 200):                         strings.Repeat("é", 80) + "…",
	} {
		if got := subjectOf(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

var errOther = errors.New("something else")
