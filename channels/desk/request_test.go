package desk

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"saisine.fr/saisine/ingest"
)

func contains(t *testing.T, body string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(body, w) {
			t.Errorf("the page lacks %q", w)
		}
	}
}

func lacks(t *testing.T, body string, unwanted ...string) {
	t.Helper()
	for _, w := range unwanted {
		if strings.Contains(body, w) {
			t.Errorf("the page has %q", w)
		}
	}
}

func TestRequestPage(t *testing.T) {
	b := newBureau()
	status, body := b.desk(t, chief).get("/agent/demandes/" + ref)
	if status != http.StatusOK {
		t.Fatal(status, body)
	}
	contains(t, body,
		"Trottoir cassé", "Nouvelle", "Urgent&nbsp;: danger", "En retard", "À revoir", "Échéance dépassée\u00a0: 9\u00a0mars\u00a02026", "décision implicite",
		"le silence vaut refus", "Le silence de deux mois vaut refus. [CRPA L231-4]", // dates with their reasons
		`data-key="1"`, `data-key="2"`, `data-key="e"`, `data-key="s"`, `data-key="r"`, "Voirie et trottoirs", // the keys of a review
		"choisi par Léa Martin", "rattachée par Léa Martin", // names, not logins
		"mot «\u00a0trottoir\u00a0»", "marie@example.fr", "3 rue Haute\n12345 Ville", "https://ville.example/suivi/jeton",
		"Le trottoir est cassé.", "ancien message", "Message entier", "vue=html",
		"/agent/pieces/p1/fichiers/0", "photo.jpg", "un panneau", "/agent/pieces/p1/original",
		"2026-000002", "même rue", "/agent/demandes/2026-000002", "/comparer/2026-000002", "peut-être la même",
		"Accusé de réception", "non remis à marie@example.fr", "à imprimer", "/agent/courriers/m1", "/agent/courrier/lettres/m2", "une photo", "Demande enregistrée.",
		"2026-000003", `hx-trigger="every 20s"`, "Révoquer les liens", "Paul Roux – Voirie",
	)
	contains(t, body,
		"Confiée à un autre logiciel", `<a href="https://rt.example/Ticket/Display.html?id=17" target="_blank" rel="noopener noreferrer">Dossier 17</a>`,
		"en cours d’envoi", "La demande n’a pas pu être transmise.", "Dossier A-9", "Le logiciel n’a pas pu être interrogé\u00a0: connexion refusée",
		"À transmettre à voirie-rt.", "Transmise à voirie-rt\u00a0: dossier 17.", "voirie-rt\u00a0: le dossier est «\u00a0open\u00a0».", "metier (programme)",
	)
	lacks(t, body, "javascript:alert", "disparue", "agent:lea", `data-key="3"`, "style=", "onclick", "<script>")
	if len(b.noted) != 1 || b.noted[0] != "chef request.read "+ref {
		t.Errorf("noted: %q", b.noted)
	}
	if len(b.done) > 0 {
		t.Errorf("looking does something: %q", b.done)
	}
}

// A reader sees all and finds nothing to send; an agent finds no act of managers.
func TestRequestPageByRole(t *testing.T) {
	b := newBureau()
	b.details.History = append(b.details.History, ingest.Event{Kind: "request.linked", Actor: "agent:lea", Detail: ingest.EventDetail{From: "2026-000009", To: ref, Submissions: []string{"p2"}}})
	_, body := b.desk(t, reader).get("/agent/demandes/" + ref + "?reunie=2026-000003")
	main := body[strings.Index(body, "<main"):strings.Index(body, "</main>")]
	lacks(t, main, "<form", "<button name", "method=\"post\"", "repondre", "/lettres/", "/suivi/", "<input", "<select")
	contains(t, main, "Le trottoir est cassé.", "Échéances", "Historique", "Des pièces sont venues de 2026-000009.")
	_, body = b.desk(t, clerk).get("/agent/demandes/" + ref)
	lacks(t, body, "liens-revoques")
	contains(t, body, "/statut", "Annuler</button>")
}

func TestRequestPageOfNobody(t *testing.T) {
	b := newBureau()
	if status, _ := b.desk(t, clerk).get("/agent/demandes/2026-000099"); status != http.StatusNotFound {
		t.Errorf("not there: %d", status)
	}
	status, to := b.desk(t, clerk).get("/agent/demandes/2026-000003?liste=onglet%3Drevoir")
	if status != http.StatusSeeOther || !strings.HasPrefix(to, "/agent/demandes/"+ref+"?liste=onglet%3Drevoir") {
		t.Errorf("merged: %d %s", status, to)
	}
	// What cannot be noted is not shown.
	b.blind = errors.New("the log is full")
	if status, body := b.desk(t, clerk).get("/agent/demandes/" + ref); status != http.StatusInternalServerError || strings.Contains(body, "Trottoir") {
		t.Errorf("not noted: %d", status)
	}
	if status, body := b.desk(t, clerk).get("/agent/demandes/" + ref + "/comparer/2026-000002"); status != http.StatusInternalServerError || strings.Contains(body, "Trottoir") {
		t.Errorf("not noted, compared: %d", status)
	}
}

// Whatever a subject says, it is the citizen's words and nothing else.
func TestOddSubject(t *testing.T) {
	b := newBureau()
	q := b.requests[ref]
	q.Subject = `100 % de %s, <script>alert(1)</script> "x`
	b.requests[ref] = q
	_, body := b.desk(t, clerk).get("/agent/demandes/" + ref)
	contains(t, body, "<title>2026-000001\u00a0– 100 % de %s, &lt;script&gt;alert(1)", "</span> 100 % de %s, &lt;script&gt;", `value="100 % de %s, &lt;script&gt;alert(1)&lt;/script&gt; &#34;x"`)
	lacks(t, body, "<script>", "%!")
}

// A scan: its image, the doubtful words on it and in the text, under the same numbers.
func TestScanPage(t *testing.T) {
	b := newBureau()
	c := b.desk(t, clerk)
	_, body := c.get("/agent/demandes/" + ref + "?piece=p2")
	contains(t, body, `src="/agent/pieces/p2/pages/1/image"`, `viewBox="0 0 1000 1400"`, `<mark data-mot="0">trotoir</mark>`, `<mark data-mot="1">casé</mark>`,
		`<rect data-mot="0" x="197" y="277" width="106" height="34"`, `data-key="n"`, "2 mots douteux", "Page 1 sur 2", "page=2", "Lecture peu sûre", "/agent/pieces/p2/copie")
	lacks(t, body, ">Monsieur</mark>", "page=0")
	// Without an image there is the text.
	_, body = c.get("/agent/demandes/" + ref + "?piece=p2&page=2")
	contains(t, body, "Merci.", "page=1", "sans-image")
	lacks(t, body, "<figure", "page=3", `data-key="n"`)
	for _, odd := range []string{"3", "-1", "x", "99999999999999999999"} {
		if status, body := c.get("/agent/demandes/" + ref + "?piece=p2&page=" + odd); status != http.StatusOK || !strings.Contains(body, "Page 1 sur 2") {
			t.Errorf("page %s: %d", odd, status)
		}
	}
	// A piece of another request is not shown here.
	_, body = c.get("/agent/demandes/" + ref + "?piece=q1")
	lacks(t, body, "abîmé.")
	contains(t, body, "Le trottoir est cassé.")
}

// The HTML of a mail only when it is asked for, and only in a frame that may do nothing.
func TestStyledMail(t *testing.T) {
	b := newBureau()
	c := b.desk(t, clerk)
	_, body := c.get("/agent/demandes/" + ref)
	lacks(t, body, "<iframe")
	_, body = c.get("/agent/demandes/" + ref + "?vue=html")
	contains(t, body, "<iframe sandbox", `src="/agent/pieces/p1/html"`, "Voir le texte")
	lacks(t, body, "allow-scripts", "allow-same-origin", "allow-forms", "allow-top-navigation")
	mail := b.records["p1"]
	mail.ID = "p3"
	b.records["p3"] = mail
	_, body = c.get("/agent/demandes/" + ref + "?vue=html&piece=p3")
	lacks(t, body, "<iframe")
	contains(t, body, "n’a pas de mise en forme", "Le trottoir est cassé.")
}

func TestPresence(t *testing.T) {
	b := newBureau()
	c := b.desk(t, clerk)
	path := "/agent/demandes/" + ref + "/presence"
	if status, body := c.get(path); status != http.StatusOK || strings.TrimSpace(body) != "" {
		t.Errorf("alone: %d %q", status, body)
	}
	c.a.identify = func(*http.Request) (ingest.Viewer, bool) { return chief, true }
	if _, body := c.get(path); !strings.Contains(body, "Ouverte aussi par&nbsp;: Léa Martin") {
		t.Errorf("two: %q", body)
	}
	if _, body := c.get("/agent/demandes/" + ref); !strings.Contains(body, "Léa Martin</span>") {
		t.Error("the page does not say who else is there")
	}
	if status, _ := c.get("/agent/demandes/2026-000099/presence"); status != http.StatusNotFound {
		t.Errorf("of what is not there: %d", status)
	}
}

// What comes with an address leads nowhere else.
func TestWay(t *testing.T) {
	for in, want := range map[string]string{
		"": "/agent/", "onglet=revoir&canal=scan": "/agent/?canal=scan&onglet=revoir", "//evil.example": "/agent/?%2F%2Fevil.example=",
		"%": "/agent/", strings.Repeat("a", maxWay+1): "/agent/", "a=1#x\r\ny": "/agent/?a=1%23x%0D%0Ay",
	} {
		if got := listURL(cleanWay(in)); got != want {
			t.Errorf("%q leads to %s, want %s", in, got, want)
		}
	}
}

// The list that one came from leads on: from page to page, and after an act.
func TestOnInTheList(t *testing.T) {
	b := newBureau()
	b.list = &bureauList{references: []string{"2026-000005", ref, "2026-000002"}}
	c := b.desk(t, clerk)
	at := "/agent/demandes/" + ref
	_, body := c.get(at + "?liste=revue%3D1")
	contains(t, body, `href="/agent/?revue=1"`, `<a href="/agent/demandes/2026-000005?liste=revue%3D1" data-key="k"`, `<a href="/agent/demandes/2026-000002?liste=revue%3D1" data-key="j"`,
		`name="liste" value="revue=1"`, `name="suite" value="1"`, "comparer/2026-000002?liste=revue%3D1", "repondre?liste=revue%3D1")
	if f := b.list.asked[0]; !f.Review || f.Limit != 1 {
		t.Errorf("asked: %+v", f)
	}
	_, body = c.get("/agent/demandes/2026-000002?liste=revue%3D1")
	lacks(t, body, `data-key="j"`)
	// The list of all that is open has no query, and is one as well.
	_, body = c.get(at + "?liste=")
	contains(t, body, `/agent/demandes/2026-000002?liste=" data-key="j"`, `name="liste" value=""`)
	_, body = c.get(at)
	lacks(t, body, `data-key="j"`, `name="liste"`, `<input type="hidden" name="suite"`)

	for _, tt := range []struct {
		ref    string
		values url.Values
		to     string
	}{
		{ref, url.Values{"suite": {"1"}, "liste": {"revue=1"}}, "/agent/demandes/2026-000002?liste=revue%3D1"},
		{ref, url.Values{"suite": {"1"}, "liste": {""}}, "/agent/demandes/2026-000002?liste="},
		{ref, url.Values{"liste": {"revue=1"}}, at + "?liste=revue%3D1"},
		{ref, url.Values{"suite": {"1"}}, at},
		{"2026-000002", url.Values{"suite": {"1"}, "liste": {"revue=1"}}, "/agent/?revue=1"},
	} {
		tt.values.Set("code", "eau")
		status, to := c.post("/agent/demandes/"+tt.ref+"/categorie", tt.values)
		if to, told, _ := strings.Cut(to, " | "); status != http.StatusSeeOther || to != tt.to || !strings.HasPrefix(told, tt.ref) {
			t.Errorf("%s %v: %d %s %q, want %s", tt.ref, tt.values, status, to, told, tt.to)
		}
	}
}

func TestCompare(t *testing.T) {
	b := newBureau()
	c := b.desk(t, clerk)
	_, body := c.get("/agent/demandes/" + ref + "/comparer/2026-000002?liste=onglet%3Ddoublons")
	contains(t, body, "même rue", "peut-être la même", "<mark>cassé.</mark>", "<mark>abîmé.</mark>", "Réunir 2026-000002 dans 2026-000001", "Réunir 2026-000001 dans 2026-000002",
		"Ce n’est pas la même affaire", `name="liste" value="onglet=doublons"`, "Marie Petit", ">identique</span>")
	if len(b.noted) != 2 {
		t.Errorf("noted: %q", b.noted)
	}
	_, body = b.desk(t, reader).get("/agent/demandes/" + ref + "/comparer/2026-000002")
	main := body[strings.Index(body, "<main"):strings.Index(body, "</main>")]
	lacks(t, main, "<form", "<button")
	for path, want := range map[string]int{
		"/comparer/2026-000099": http.StatusNotFound, "/comparer/2026-000003": http.StatusSeeOther, "/comparer?autre=2026-000002": http.StatusSeeOther,
		"/comparer?autre=2026-000099": http.StatusUnprocessableEntity, "/comparer": http.StatusUnprocessableEntity,
	} {
		if status, _ := c.get("/agent/demandes/" + ref + path); status != want {
			t.Errorf("%s: %d, want %d", path, status, want)
		}
	}
}
