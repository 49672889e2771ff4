package main

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/deliver/webhook"
)

// notPages are addresses that answer with something else than a page.
var notPages = []string{".pdf", ".csv", "/image", "/original", "/copie", "/fichiers/{n}", "/html", "/presence", "/etat", "/agent/courriers/{id}", "/recepisse", "/apercu", "/retour", "/fournisseur"}

// TestEveryPageForEverybody looks at every page of the desk that there is, full: axe-core
// finds nothing in any look, nothing must be scrolled sideways at 390 px, and without
// JavaScript each page says what it says with it. A page that is new is looked at too, or
// fails the test.
func TestEveryPageForEverybody(t *testing.T) {
	t.Parallel()
	h := newDeskHouse(t, "2026-11-23 10:00", sealedTown)
	open, hidden, ids := fillTown(h, true)
	call := h.submit(ingest.ChannelPhone, []byte(`{"channel":"phone","body":"Un banc est cassé.","category_choice":"voirie","sender":{"name":"Odile","address":"3 rue Haute"}}`), ingest.MediaNote, ingest.Hints{})
	letter, err := h.store.DraftPaper(t.Context(), open[1])
	if err != nil {
		t.Fatal(err)
	}
	givePartners(h, "https://portail.ville.test/saisine", webhook.NewSecret())
	handOverTo(h, open[0], "voirie-rt", "rt: le serveur n’a pas répondu à "+strings.Repeat("x", 80))
	if err := h.store.TurnOffWebhook(t.Context(), "portail", "https://portail.ville.test/saisine", "410 Gone"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"portail", "appli-mobile"} {
		if _, err := h.store.AddKey(t.Context(), ingest.APIKey{Name: name, Scopes: ingest.Scopes(), Services: []string{"CCAS"}}, "agent:toutvoit"); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.store.RevokeKey(t.Context(), "appli-mobile", "agent:toutvoit"); err != nil {
		t.Fatal(err)
	}
	h.agent("toutvoit", ingest.RoleAdministrator, "CCAS", "Voirie")
	b := openBrowser(t, h.url)
	b.open("/agent/connexion")
	b.look("page connexion")
	b.logIn("toutvoit", deskPassword)

	fill := map[string]string{
		"/agent/demandes/{ref}":                                        "/agent/demandes/" + hidden[0],
		"/agent/demandes/{ref}/comparer/{other}":                       "/agent/demandes/" + open[0] + "/comparer/" + open[1],
		"/agent/demandes/{ref}/comparer":                               "", // leads to the one above
		"/agent/demandes/{ref}/repondre":                               "/agent/demandes/" + open[0] + "/repondre",
		"/agent/nouvelle/{id}":                                         "/agent/nouvelle/" + call.ID,
		"/agent/courrier/scans/{id}":                                   "", // the scan of the mail room, whose state it is
		"/agent/courrier/lettres/{id}":                                 "/agent/courrier/lettres/" + letter.ID,
		"/agent/courrier/registre":                                     "/agent/courrier/registre?du=2026-01-01&au=2026-12-31",
		"/agent/administration/agents/compte/{login}":                  "/agent/administration/agents/compte/toutvoit",
		"/agent/administration/textes/{kind}/{name}":                   "/agent/administration/textes/letter/are.txt.tmpl",
		"/agent/administration/textes/{kind}/{name}/versions/{number}": "", // needs a version: see TestTextPages
		"/agent/administration/categories/{code}":                      "/agent/administration/categories/voirie",
	}
	_ = ids
	for _, pattern := range slices.Sorted(maps.Keys(rightsOf(t, h))) {
		method, path, _ := strings.Cut(pattern, " ")
		path = strings.TrimSuffix(path, "{$}")
		if method != http.MethodGet || strings.HasPrefix(path, "/agent/connexion") || slices.ContainsFunc(notPages, func(end string) bool { return strings.HasSuffix(path, end) }) {
			continue
		}
		where := path
		if strings.Contains(path, "{") {
			var known bool
			if where, known = fill[path]; !known {
				t.Errorf("this test does not know how to open %s", path)
				continue
			}
		} else if filled, known := fill[path]; known {
			where = filled
		}
		if where == "" {
			continue
		}
		b.open(where)
		b.look("page " + strings.Trim(strings.ReplaceAll(path, "/", " "), " "))
		says := mainText(b)
		withoutScript(b, true)
		b.open(where)
		if plain := mainText(b); len(plain) < len(says)*8/10 || evaluate[int](b, `document.querySelectorAll("h1").length`) != 1 {
			t.Errorf("%s says less without JavaScript:\n%s\n---\n%s", where, plain, says)
		}
		withoutScript(b, false)
	}
	lookAtPartnerPosts(b)
}

// lookAtPartnerPosts looks at the pages that answer posts themselves: a test that fails, and the
// secret of a key.
func lookAtPartnerPosts(b *browser) {
	b.t.Helper()
	b.open(partnersPage)
	b.click("#connecteur-voirie-rt button")
	b.says("Le serveur ne répond pas.")
	b.look("page logiciels essai")
	b.fill("#nom", "mobile")
	b.do("tick", chromedp.Evaluate[chromedp.Void](`document.querySelector("input[name=droits]").click()`))
	b.click(`form[aria-labelledby="nouvelle-cle"] button`)
	b.says("Secret de la clé mobile", "saisine_")
	b.do("unfold", chromedp.Evaluate[chromedp.Void](`document.querySelector(".tableau details").open = true`))
	b.look("page logiciels cle")
}

// mainText is what a page says, without what only a script can do.
func mainText(b *browser) string {
	b.t.Helper()
	return evaluate[string](b, `document.querySelector("main").textContent.replace(/\s+/g, " ")`)
}

// withoutScript turns the scripts of pages off and on.
func withoutScript(b *browser, off bool) {
	b.t.Helper()
	b.do("scripts", chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		_, err := cdp.Call(ctx, tab, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: off})
		return err
	}))
}
