package desk

import (
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"saisine.fr/saisine/channels/browsertest"
	"saisine.fr/saisine/channels/desk/credentials"
	"saisine.fr/saisine/config"
	"saisine.fr/saisine/ingest"
)

// The pages of the login, the account and the agents, in a browser: it keeps the cookie on
// loopback, axe-core finds nothing, and nothing is wider than the window.
func TestAccountPagesInABrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("looks at a dozen pages in a browser")
	}
	axe := browsertest.AxeCore(t)
	d := newAccountsDesk(t, func(o *Options) {
		c := config.DefaultOIDC()
		c.Issuer, c.ClientID, c.ClientSecret = "http://127.0.0.1:1", "x", "y" // nobody answers there
		o.OIDC = &c
	})
	d.add("ada", ingest.RoleAdministrator, "Voirie")
	d.add("b", ingest.RoleAgent, "CCAS", "Voirie", "Service qui n’est plus dans le fichier")
	d.add("neuf", ingest.RoleAgent)
	hash, err := credentials.Hash(t.Context(), "provisoire-provisoire")
	if err == nil {
		err = d.store.SetPassword(t.Context(), "neuf", hash, d.now0().Add(time.Hour), "test")
	}
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(d.serve)
	t.Cleanup(server.Close)
	ctx := browsertest.Chromium(t, chromedp.Flag("accept-lang", "fr"))

	type step struct {
		name, path string // "" stays on the page
		script     string // done on it; it leads to another page unless it is ""
		heading    string
	}
	fill := func(values ...string) string {
		var b strings.Builder
		for i := 0; i < len(values); i += 2 {
			b.WriteString("document.getElementById('" + values[i] + "').value = '" + values[i+1] + "'; ")
		}
		return b.String()
	}
	const send = `document.querySelector("main form").submit()`
	look := func(s step) {
		t.Helper()
		to := server.URL + s.path
		var err error
		if s.path != "" {
			_, err = chromedp.RunResponse(ctx, chromedp.Navigate(to))
		}
		if err == nil && s.script != "" {
			_, err = chromedp.RunResponse(ctx, chromedp.Evaluate[chromedp.Void](s.script))
		}
		if err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
		heading, err := chromedp.Run(ctx, chromedp.Evaluate[string](axe+`; document.querySelector("h1").textContent`))
		if err != nil || strings.TrimSpace(heading) != s.heading {
			t.Fatalf("%s: %q, want %q (%v)", s.name, heading, s.heading, err)
		}
		for _, l := range []browsertest.Look{{Width: 1280, Scheme: "light"}, {Width: 390, Scheme: "dark"}} {
			if err := chromedp.Do(ctx, l.Set()); err != nil {
				t.Fatal(err)
			}
			for _, v := range browsertest.RunAxe(ctx, t) {
				t.Errorf("%s, %s: %s: %s", s.name, l, v.ID, v.Help)
				for _, n := range v.Nodes {
					t.Logf("%s\n%s", n.HTML, n.Summary)
				}
			}
			browsertest.Picture(ctx, t, s.name, l)
		}
		browsertest.CheckReflow(ctx, t)
	}

	look(step{"login", loginPath + "?vers=/agent/compte", "", "Connexion"})
	look(step{"login refused", "", fill("login", "ada", "password", "une autre phrase") + send, "Connexion"})
	look(step{"provider away", providerPath, "", "Connexion"})
	look(step{"one-time password", loginPath, fill("login", "neuf", "password", "provisoire-provisoire") + send, "Choisir un mot de passe"})
	look(step{"password refused", "", fill("nouveau", "court", "encore", "court") + send, "Choisir un mot de passe"})
	look(step{"account", loginPath + "?vers=/agent/compte", fill("login", "ada", "password", goodPassword) + send, "Mon compte"})
	look(step{"account refused", "", `document.getElementById("nouveau").form.submit()`, "Mon compte"})
	look(step{"code", accountCode, "", "Code de connexion"})
	loaded, err := chromedp.Run(ctx, chromedp.Evaluate[int64](`document.querySelector(".code-connexion img").naturalWidth`))
	if err != nil || loaded != codePixels {
		t.Errorf("the QR code is %d px wide (%v)", loaded, err)
	}
	look(step{"code refused", "", fill("code", "000000") + send, "Code de connexion"})
	secret, err := chromedp.Run(ctx, chromedp.Evaluate[string](`document.querySelector(".cle").textContent`))
	if err != nil {
		t.Fatal(err)
	}
	code, err := credentials.Code(strings.ReplaceAll(secret, " ", ""), d.now0())
	if err != nil {
		t.Fatal(err)
	}
	look(step{"code on", "", fill("code", code) + send, "Mon compte"})
	look(step{"agents", agentsPath, "", "Agents"})
	look(step{"agent", agentPath("b"), "", "Nom de b"})
	look(step{"agent refused", "", fill("nom", "") + send, "b"})
	look(step{"new agent", agentsPath + "/nouveau", fill("login", "É", "nom", "") + send, "Nouvel agent"})
	look(step{"new agent with a password", "", fill("login", "n.2", "nom", "Agent 2") + send, "Agent 2"})
	look(step{"access log", accessPath, "", "Journal des accès"})
	look(step{"logout", homePath + "compte", `document.querySelector('form[action="/agent/deconnexion"]').submit()`, "Connexion"})
	look(step{"code asked", "", fill("login", "ada", "password", goodPassword) + send, "Code de connexion"})
	where, err := chromedp.Run(ctx, chromedp.Evaluate[string](`location.href`))
	if u, perr := url.Parse(where); err != nil || perr != nil || u.Path != codePath {
		t.Errorf("at %q (%v)", where, err)
	}
}
