package main

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"saisine.fr/saisine/ingest"
)

var rowLink = regexp.MustCompile(`<a href="(/agent/demandes/[^"]*)" data-row`)

// rows are the addresses to which the lines of a list lead.
func rows(page string) []string {
	var out []string
	for _, m := range rowLink.FindAllStringSubmatch(page, -1) {
		out = append(out, html.UnescapeString(m[1]))
	}
	return out
}

// A list is filtered and searched by its address, and leads from one request to the next.
func TestListAtTheDesk(t *testing.T) {
	t.Parallel()
	h := newDeskHouse(t, "2026-11-23 10:00", sealedTown)
	open, _, ids := fillTown(h, true)
	h.agent("lea", ingest.RoleAgent, "Voirie")
	h.agent("carole", ingest.RoleAgent, "CCAS")
	lea, carole := h.as("lea"), h.as("carole")

	for path, want := range map[string]int{
		"/agent/": 3, "/agent/?q=nid+poule": 3, "/agent/?q=NIDS": 3, "/agent/?q=bouch%C3%A9": 3, "/agent/?q=durand": 1, "/agent/?q=piece-bruno.txt": 1,
		"/agent/?q=%22rue+des+acacias%22": 3, "/agent/?q=" + open[1]: 1, "/agent/?q=inconnu": 0, "/agent/?canal=mailbox": 3, "/agent/?canal=phone": 0,
		"/agent/?service=Voirie": 3, "/agent/?service=CCAS": 0, "/agent/?categorie=voirie&ordre=echeance": 3, "/agent/?statut=closed": 0, "/agent/?statut=toutes": 3,
		"/agent/?miennes=1": 3, "/agent/?du=2026-11-23&au=2026-11-23": 3, "/agent/?au=2026-11-22": 0, "/agent/?retard=1": 0, "/agent/?apres=n.x": 3,
		"/agent/?q=Zorglubine": 0, "/agent/?q=" + ids[0]: 0, "/agent/?canal=%3Cscript%3E&statut=%27&du=2026-02-30": 0,
	} {
		status, page := lea.get(path)
		if got := len(rows(page)); status != http.StatusOK || got != want {
			t.Errorf("%s: %d, %d requests, want %d", path, status, got, want)
		}
	}
	_, page := lea.get("/agent/?q=nids+acacia&service=Voirie&ordre=echeance")
	for _, want := range []string{
		`value="nids acacia"`, `<option selected>Voirie</option>`, `<option value="echeance" selected>`, "<mark>nid</mark>", "<mark>Acacias</mark>", ">3 demandes<",
		"Voirie</option>", "1 jour ouvré après la réception", "Courriel",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if strings.Contains(page, "CCAS") || strings.Contains(page, "Action sociale") {
		t.Error("the filters name a sealed service")
	}
	if _, page := carole.get("/agent/?q=Zorglubine"); len(rows(page)) != 1 || !strings.Contains(page, "CCAS") {
		t.Error("a member does not find what is sealed")
	}

	// From each to the next, in the order of the list.
	_, page = lea.get("/agent/?service=Voirie")
	list := rows(page)
	for i, path := range list {
		_, request := lea.get(path)
		next := ""
		if i+1 < len(list) {
			next = list[i+1]
		}
		if next != "" && !strings.Contains(request, `href="`+html.EscapeString(next)+`"`) {
			t.Errorf("%s does not lead to %s", path, next)
		}
	}
	next, err := h.store.List(t.Context(), ingest.Viewer{}, ingest.Filter{Words: open[0], Beside: open[0], Limit: 1})
	if err != nil || len(next.Items) != 0 {
		t.Errorf("behind the only one comes %+v, %v", next.Items, err)
	}
}

// Views are an agent's own, and survive as the address of their list.
func TestSavedViews(t *testing.T) {
	t.Parallel()
	h := newDeskHouse(t, "2026-11-23 10:00", sealedTown)
	fillTown(h, false)
	h.agent("lea", ingest.RoleReader)
	h.agent("noe", ingest.RoleManager)
	lea, noe := h.as("lea"), h.as("noe")
	const query = "q=nid+de+poule&service=Voirie"
	status, to := lea.post("/agent/vues", url.Values{"nom": {" Trous & <b>bosses "}, "requete": {query + "&apres=n.1.1.1&inconnu=1"}})
	if status != http.StatusSeeOther || to != "/agent/?"+query {
		t.Fatalf("saved: %d %s", status, to)
	}
	_, page := lea.get(to)
	if !strings.Contains(page, `<a href="/agent/?q=nid&#43;de&#43;poule&amp;service=Voirie" aria-current="true">Trous &amp; &lt;b&gt;bosses</a>`) || len(rows(page)) != 3 {
		t.Errorf("the view is not on the page:\n%s", page)
	}
	if _, page := noe.get("/agent/"); strings.Contains(page, "bosses") {
		t.Error("another agent sees it")
	}
	if _, to := noe.post("/agent/vues/supprimer", url.Values{"nom": {"Trous & <b>bosses"}}); to != "/agent/" {
		t.Errorf("removed: %s", to)
	}
	if _, page := lea.get("/agent/"); !strings.Contains(page, "bosses") {
		t.Error("another agent has removed it")
	}
	for _, name := range []string{"", "   ", strings.Repeat("é", 61)} {
		if status, page := lea.post("/agent/vues", url.Values{"nom": {name}, "requete": {query}}); status != http.StatusUnprocessableEntity || !strings.Contains(page, `aria-invalid="true"`) {
			t.Errorf("a view named %q: %d", name, status)
		}
	}
	if status, to := lea.post("/agent/vues", url.Values{"nom": {"tout"}, "requete": {"%zz"}}); status != http.StatusSeeOther || to != "/agent/?statut=ouvertes" {
		t.Errorf("a view of everything: %d %s", status, to)
	}
	lea.post("/agent/vues/supprimer", url.Values{"nom": {"Trous & <b>bosses"}})
	lea.get("/agent/") // which says what was done
	if _, page := lea.get("/agent/"); strings.Contains(page, "bosses") || !strings.Contains(page, ">tout</a>") {
		t.Error("the wrong view is gone")
	}
	for i := range 60 {
		if _, page = lea.post("/agent/vues", url.Values{"nom": {fmt.Sprint("vue ", i)}, "requete": {query}}); !strings.HasPrefix(page, "/agent/") {
			break
		}
	}
	if !strings.Contains(page, "50 vues au plus") {
		t.Errorf("any number of views: %s", page)
	}
}

// The list in a browser: it is searched while one types, and gone through by keys.
func TestListInTheBrowser(t *testing.T) {
	t.Parallel()
	now := time.Now() // sessions and browsers go by it
	h := newDeskHouse(t, now.AddDate(0, 0, -12).Format("2006-01-02 15:04"), sealedTown)
	open, _, _ := fillTown(h, false)
	h.submit(ingest.ChannelPhone, []byte(`{"channel":"phone","subject":"Fuite de gaz","body":"Odeur de gaz dans la rue des Lilas, c’est dangereux.","sender":{"name":"Jeanne Moulin","phone":"06 12 34 56 78"}}`), ingest.MediaNote, ingest.Hints{})
	h.agent("lea", ingest.RoleAgent, "Voirie")
	if err := h.store.SetStatus(t.Context(), open[2], ingest.StatusInProgress, "", "test"); err != nil {
		t.Fatal(err)
	}
	h.at(now.Format("2006-01-02 15:04"))
	b := openBrowser(t, h.url)
	b.logIn("lea", deskPassword)
	b.says("nid de poule", "en retard", "Urgent", "4 demandes")
	b.look("liste-pleine")
	// The columns of the table stay inside it at 1280.
	if wide := evaluate[int64](b, `document.documentElement.scrollWidth`); wide > 1280 {
		t.Errorf("%d px wide", wide)
	}

	b.press("/")
	b.until("the field", `document.activeElement.id === "q"`)
	evaluate[string](b, `document.getElementById("q").value = ""`) // this way of pressing keys writes them also where the page has taken them
	b.do("type", chromedp.SendKeys("#q", "acac"))
	b.until("3 demandes", `document.querySelectorAll("mark").length >= 3 && document.getElementById("compte").textContent === "3 demandes"`)
	if got := evaluate[string](b, `location.pathname + location.search`); got != "/agent/?q=acac" {
		t.Errorf("the address is %s", got)
	}
	if got := evaluate[string](b, `document.getElementById("vue-requete").value`); got != "q=acac" {
		t.Errorf("the view would be %s", got)
	}
	b.look("liste-cherchee")
	b.do("type", chromedp.SendKeys("#q", "zz"))
	b.until("none", `document.getElementById("resultats").textContent.includes("Aucune demande ne contient")`)
	b.look("liste-vide")
	b.open("/agent/?ordre=echeance&service=Voirie&retard=1")
	b.look("liste-filtree")
	b.press("j")
	b.press("j")
	b.press("k")
	first := evaluate[string](b, `document.activeElement.getAttribute("href")`)
	if want := evaluate[string](b, `document.querySelector("[data-row]").getAttribute("href")`); first != want {
		t.Errorf("j j k is on %s, want %s", first, want)
	}
	b.key("\r")
	if got := evaluate[string](b, `location.pathname + location.search`); got != first {
		t.Errorf("Enter leads to %s", got)
	}
	b.says("Échéances")
}

// until waits for a condition of the page.
func (b *browser) until(what, condition string) {
	b.t.Helper()
	for begun := time.Now(); time.Since(begun) < 10*time.Second; time.Sleep(20 * time.Millisecond) {
		if evaluate[bool](b, condition) {
			return
		}
	}
	b.t.Fatalf("%s never came:\n%s", what, b.words())
}
