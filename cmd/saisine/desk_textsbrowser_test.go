package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"saisine.fr/saisine/ingest"
)

// framed is a way to the desk that keeps what was answered to frames: a page's script does
// not see what is in a sandboxed one.
type framed struct {
	url     string
	mu      sync.Mutex
	answers []string
}

func newFramed(t *testing.T, to string) *framed {
	t.Helper()
	target, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	f := &framed{}
	server := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host // with which the origin of a post is compared
		},
		ModifyResponse: func(res *http.Response) error {
			if res.Request.Header.Get("Sec-Fetch-Dest") != "iframe" {
				return nil
			}
			body, err := io.ReadAll(res.Body)
			res.Body = io.NopCloser(bytes.NewReader(body))
			f.mu.Lock()
			defer f.mu.Unlock()
			f.answers = append(f.answers, res.Request.Method+" "+res.Status+"\n"+string(body))
			return err
		},
	})
	t.Cleanup(server.Close)
	f.url = server.URL
	return f
}

// last is what was answered last to a frame.
func (f *framed) last() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.answers) == 0 {
		return ""
	}
	return f.answers[len(f.answers)-1]
}

// frameLoads does something that loads a frame, and waits until it is there.
func (b *browser) frameLoads(script string) {
	b.t.Helper()
	evaluate[bool](b, `new Promise(done => { document.querySelector("iframe").addEventListener("load", () => done(true), {once: true}); `+script+` })`)
}

// An administrator changes a letter, a category and the file in a browser, and looks at the
// machine: each page passes axe-core, and the frame shows what is written before it is saved.
func TestAdministrationInTheBrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("needs Chromium")
	}
	h := newDeskHouse(t, "2026-03-02 09:00", textServices)
	h.agent("chef", ingest.RoleAdministrator)
	frames := newFramed(t, h.url)
	b := openBrowser(t, frames.url)
	b.open("/agent/aide")
	b.fill("#login", "chef")
	b.fill("#password", deskPassword)
	b.click("main form button") // leads back to the help
	b.look("aide")

	b.open("/agent/administration")
	b.look("administration")
	b.open("/agent/administration/machine")
	b.look("machine")
	b.open("/agent/administration/textes")
	b.look("textes")

	b.open("/agent/administration/textes/letter/are.html.tmpl")
	b.look("courrier")
	typed := strings.Replace(evaluate[string](b, `document.getElementById("texte").value`), "La mairie a bien reçu", "<em>Ville</em> a bien reçu", 1)
	b.fill("#texte", typed)
	if first := frames.last(); !strings.HasPrefix(first, "GET 200") || !strings.Contains(first, "La mairie a bien reçu votre demande") {
		t.Errorf("the frame shows %q", first)
	}
	b.frameLoads(`document.querySelector('button[formtarget="apercu"]').click()`)
	if shown := frames.last(); !strings.HasPrefix(shown, "POST 200") || !strings.Contains(shown, "<em>Ville</em> a bien reçu votre demande") {
		t.Errorf("the frame shows %q", shown)
	}
	if b.path() != "/agent/administration/textes/letter/are.html.tmpl" || evaluate[string](b, `document.getElementById("texte").value`) != typed {
		t.Error("what is written has gone")
	}
	b.click(`button[value="verifier"]`)
	b.says("Rien à corriger", "Lignes qui changent")
	// With a script, the frame shows what is written without being asked.
	for deadline := time.Now().Add(20 * time.Second); !strings.HasPrefix(frames.last(), "POST 200"); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the frame shows %q", frames.last())
		}
	}
	b.look("courrier vérifié")
	b.click(`button[value="enregistrer"]`)
	b.says("la nouvelle version est en vigueur", "Agent chef")
	b.click(".versions a")
	b.look("version")

	b.open("/agent/administration/categories")
	b.look("catégories")
	b.open("/agent/administration/categories/rues")
	b.look("catégorie")
	b.fill("#courriel", "x")
	evaluate[bool](b, `document.querySelector("form.deux").noValidate = true`) // what a browser without these checks sends
	b.leads("wrong", 422, chromedp.Click(chromedp.Search(`button[value="enregistrer"]`)))
	b.says("doit être une adresse de courriel", "corrigez les champs marqués")
	b.look("catégorie à corriger")
	b.open("/agent/administration/textes/categories/categories.yaml")
	b.fill("#texte", "categories:\n  - {code: rues, lable: Rues}\n")
	b.leads("broken", 422, chromedp.Click(chromedp.Search(`button[value="enregistrer"]`)))
	b.says("clé inconnue", "ne peut pas entrer en vigueur")
	b.look("fichier à corriger")
}
