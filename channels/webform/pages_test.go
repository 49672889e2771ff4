package webform

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"saisine.fr/saisine/ingest"
)

// parsed is a page as a browser sees it.
type parsed struct {
	nodes []*html.Node
	byID  map[string]*html.Node
	text  string
}

func parsePage(t *testing.T, body string) parsed {
	t.Helper()
	root, err := html.Parse(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	p := parsed{byID: make(map[string]*html.Node)}
	for n := range root.Descendants() {
		switch n.Type {
		case html.ElementNode:
			p.nodes = append(p.nodes, n)
			if id := attr(n, "id"); id != "" {
				if p.byID[id] != nil {
					t.Errorf("id %q stands twice", id)
				}
				p.byID[id] = n
			}
		case html.TextNode:
			p.text += n.Data
		}
	}
	return p
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, name string) bool {
	for _, a := range n.Attr {
		if a.Key == name {
			return true
		}
	}
	return false
}

func (p parsed) all(tag string) []*html.Node {
	var out []*html.Node
	for _, n := range p.nodes {
		if n.Data == tag {
			out = append(out, n)
		}
	}
	return out
}

// check holds for every page: what RGAA asks for that a program can see, and what the
// content security policy forbids.
func (p parsed) check(t *testing.T) {
	t.Helper()
	labels := make(map[string]int)
	for _, n := range p.all("label") {
		labels[attr(n, "for")]++
		if p.byID[attr(n, "for")] == nil {
			t.Errorf("label for %q has no control", attr(n, "for"))
		}
	}
	if attr(p.all("html")[0], "lang") != "fr" {
		t.Error("page is not marked as French")
	}
	if n := len(p.all("h1")); n != 1 {
		t.Errorf("%d h1", n)
	}
	if n := len(p.all("main")); n != 1 {
		t.Errorf("%d main", n)
	}
	if p.byID["contenu"] == nil {
		t.Error("the skip link leads nowhere")
	}
	level := 0
	for _, n := range p.nodes {
		switch n.Data {
		case "script", "style", "iframe":
			t.Errorf("page holds <%s>", n.Data)
		case "img":
			if !has(n, "alt") {
				t.Error("image without alt")
			}
		case "h1", "h2", "h3", "h4":
			if l := int(n.Data[1] - '0'); l > level+1 {
				t.Errorf("%s follows h%d", n.Data, level)
			} else {
				level = l
			}
		case "input", "select", "textarea":
			if attr(n, "type") != "hidden" && !has(n, "hidden") && labels[attr(n, "id")] != 1 {
				t.Errorf("control %q has %d labels", attr(n, "name"), labels[attr(n, "id")])
			}
		case "fieldset":
			if n.FirstChild == nil || !strings.Contains(p.text, "Vos coordonnées") {
				t.Error("fieldset without legend")
			}
		}
		for _, a := range n.Attr {
			if a.Key == "style" || strings.HasPrefix(a.Key, "on") {
				t.Errorf("<%s> has %s", n.Data, a.Key)
			}
		}
		for id := range strings.FieldsSeq(attr(n, "aria-describedby")) {
			if p.byID[id] == nil {
				t.Errorf("%q is described by %q, which is not there", attr(n, "id"), id)
			}
		}
	}
	// French typography: a no-break space before two-part punctuation.
	for _, bad := range []string{" :", " ;", " ?", " !", " »", "« ", "'"} {
		if i := strings.Index(p.text, bad); i >= 0 {
			t.Errorf("typography: %q in %q", bad, p.text[max(0, i-30):min(len(p.text), i+10)])
		}
	}
}

// formValues is what a browser would send when the button is pressed.
func formValues(t *testing.T, body string) url.Values {
	t.Helper()
	values := url.Values{}
	for _, n := range parsePage(t, body).nodes {
		switch {
		case n.Data == "input" && attr(n, "type") != "file":
			values.Set(attr(n, "name"), attr(n, "value"))
		case n.Data == "textarea":
			var text string
			if n.FirstChild != nil {
				text = n.FirstChild.Data
			}
			values.Set(attr(n, "name"), text)
		case n.Data == "option" && has(n, "selected"):
			values.Set("category", attr(n, "value"))
		}
	}
	return values
}

func TestFormPage(t *testing.T) {
	h := newHouse(t, nil)
	a := h.get("/")
	if a.status != http.StatusOK {
		t.Fatalf("answered %d", a.status)
	}
	p := parsePage(t, a.body)
	p.check(t)
	f := p.all("form")[0]
	if attr(f, "action") != "/demandes" || attr(f, "method") != "post" || attr(f, "enctype") != "multipart/form-data" {
		t.Errorf("form is %v", f.Attr)
	}
	for name, want := range map[string]string{
		"name": "name", "email": "email", "phone": "tel", "address": "street-address",
	} {
		if n := p.byID[name]; n == nil || attr(n, "name") != name || attr(n, "autocomplete") != want {
			t.Errorf("control %q lacks autocomplete=%q", name, want)
		}
	}
	for _, name := range []string{"category", "place", "subject", "message", "files"} {
		if n := p.byID[name]; n == nil || attr(n, "name") != name {
			t.Errorf("control %q is not there", name)
		}
	}
	if !has(p.byID["files"], "multiple") || !has(p.byID["message"], "required") {
		t.Error("files must be several, message required")
	}
	// Text before files: over a limit the text has then arrived already.
	if strings.Index(a.body, `name="files"`) < strings.Index(a.body, `name="message"`) {
		t.Error("files come before the message")
	}
	var groups []string
	for _, n := range p.all("optgroup") {
		groups = append(groups, attr(n, "label"))
	}
	if strings.Join(groups, "|") != "Cadre de vie|Démarches" || len(p.all("option")) != len(testCategories)+1 {
		t.Errorf("groups %q with %d options", groups, len(p.all("option")))
	}
	if state := h.main.tokens.check(attr(p.all("input")[0], "value"), h.clock.now()).state; state != tokenValid {
		t.Errorf("token is %v", state)
	}
	contains(t, "page", a.body, "Accessibilité&nbsp;: partiellement conforme", `href="/accessibilite"`, `href="/donnees-personnelles"`)
}

func TestEveryPage(t *testing.T) {
	h := newHouse(t, nil)
	h.follow.status["T"] = Status{ID: "S1", State: ingest.StateReceived, ReceivedAt: h.clock.now()}
	for path, want := range map[string]int{
		"/": 200, "/accessibilite": 200, "/donnees-personnelles": 200, "/suivi/T": 200,
		"/suivi/inconnu": 404, "/rien": 404, "/demandes": 303,
	} {
		a := h.get(path)
		if a.status != want {
			t.Errorf("%s answered %d", path, a.status)
		}
		for k, v := range map[string]string{
			"Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
			"Referrer-Policy":         "no-referrer", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store",
		} {
			if a.header.Get(k) != v {
				t.Errorf("%s has %s: %q", path, k, a.header.Get(k))
			}
		}
		if want != 303 {
			parsePage(t, a.body).check(t)
			contains(t, path, a.body, "Mairie de\u00a0Saint-Exemple")
		}
	}
}

func TestAssets(t *testing.T) {
	h := newHouse(t, nil)
	p := parsePage(t, h.get("/").body)
	n := 0
	for _, l := range p.all("link") {
		a := h.get(attr(l, "href"))
		if a.status != http.StatusOK || !strings.Contains(a.header.Get("Cache-Control"), "immutable") || a.body == "" {
			t.Errorf("%s answered %d, %q", attr(l, "href"), a.status, a.header.Get("Cache-Control"))
		}
		n++
	}
	if n != 2 {
		t.Errorf("%d assets", n)
	}
}

func TestFollowPage(t *testing.T) {
	h := newHouse(t, nil)
	at := h.clock.now()
	for _, tc := range []struct {
		name   string
		status Status
		want   []string
	}{
		{"received", Status{ID: "S1", State: ingest.StateReceived}, []string{"<h2>Reçue</h2>", "S1", "25\u00a0novembre 2026 à 10\u00a0h\u00a005", `datetime="2026-11-25T10:05:00&#43;01:00"`}},
		{"filed", Status{ID: "S1", State: ingest.StateFiled, Reference: "2026-000123", Status: "new", Category: "Voirie"}, []string{"Enregistrée sous la référence 2026-000123", "Voirie"}},
		{"assigned", Status{State: ingest.StateFiled, Reference: "2026-000123", Status: "assigned"}, []string{"Transmise au service compétent", "2026-000123"}},
		{"in progress", Status{State: ingest.StateFiled, Status: "in_progress"}, []string{"En cours de traitement"}},
		{"waiting", Status{State: ingest.StateFiled, Status: "waiting_citizen"}, []string{"complément de votre part"}},
		{"answered", Status{State: ingest.StateFiled, Status: "answered"}, []string{"Une réponse vous a été adressée"}},
		{"closed", Status{State: ingest.StateFiled, Status: "closed"}, []string{"Close"}},
		{"duplicate", Status{State: ingest.StateFiled, Link: ingest.LinkDuplicate, Reference: "2026-000007"}, []string{"joint à votre première demande", "2026-000007"}},
		{"follow-up", Status{State: ingest.StateFiled, Link: ingest.LinkFollowUp}, []string{"dont il est la suite"}},
		{"set aside", Status{ID: "S1", State: ingest.StateSetAside}, []string{"n’a pas été classé"}},
		{"failed", Status{ID: "S1", State: ingest.StateFailed}, []string{"un agent va la lire"}},
		{"history", Status{State: ingest.StateFiled, History: []Event{{at, "Accusé envoyé <à vous>"}}}, []string{"Ce qui a été fait", "Accusé envoyé &lt;à vous&gt;"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.status.ReceivedAt = at
			h.follow.status["T"] = tc.status
			a := h.get("/suivi/T")
			if a.status != http.StatusOK || a.header.Get("X-Robots-Tag") == "" {
				t.Fatalf("answered %d", a.status)
			}
			p := parsePage(t, a.body)
			p.check(t)
			contains(t, "page", a.body, tc.want...)
			// A page that reloads itself takes away what is being read or typed (WCAG 2.2.1, F41).
			if strings.Contains(a.body, `http-equiv="refresh"`) {
				t.Error("the page reloads itself")
			}
			if got := strings.Contains(a.body, "Actualiser cette page"); got == tc.status.State.Final() {
				t.Errorf("offers to reload: %v", got)
			}
		})
	}
	h.follow.err = errors.New("database gone")
	if a := h.get("/suivi/T"); a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" {
		t.Errorf("a fault answered %d", a.status)
	}
}

func TestFrench(t *testing.T) {
	for got, want := range map[string]string{
		ofTown("Saint-Exemple"):       "de\u00a0Saint-Exemple",
		ofTown("Arles"):               "d’Arles",
		ofTown("Évian-les-Bains"):     "d’Évian-les-Bains",
		ofTown("Le Havre"):            "du\u00a0Havre",
		ofTown("Les Sables-d’Olonne"): "des\u00a0Sables-d’Olonne",
		ofTown("La Rochelle"):         "de\u00a0La Rochelle",
		ofTown("Lens"):                "de\u00a0Lens",
		frNumber(7):                   "7",
		frNumber(50000):               "50\u202f000",
		frNumber(1234567):             "1\u202f234\u202f567",
		frSize(25 << 20):              "25\u00a0Mo",
		frSize(26<<20 - 1):            "25\u00a0Mo",
		frSize(100 << 10):             "100\u00a0ko",
		frSize(12):                    "12\u00a0octets",
		frDuration(time.Second):       "une minute",
		frDuration(61 * time.Second):  "2\u00a0minutes",
		frDuration(time.Hour):         "une heure",
		frDuration(90 * time.Minute):  "2\u00a0heures",
		frTime(time.Date(2026, 5, 1, 9, 5, 0, 0, time.UTC)): "1er\u00a0mai 2026 à 9\u00a0h\u00a005",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
