// Package accessibility holds the test that the public pages are accessible (WCAG 2.1
// AA; RGAA 4.1), as far as a program can see it: axe-core finds nothing in Debian's
// Chromium, nothing has to be scrolled sideways, and the keyboard's focus is seen.
package accessibility

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"saisine.fr/saisine/channels/browsertest"
)

// submit sends the page's form as it is, without the browser's own checks.
const submit = `document.querySelector("form").submit()`

func TestPagesAreAccessible(t *testing.T) {
	axe := browsertest.AxeCore(t)
	town := startTown(t)
	ctx := browsertest.Chromium(t)
	for _, tc := range []struct {
		name, path string
		action     string // done on the page, and leads to another, unless ""
		status     int64
		heading    string
	}{
		{"form", "/", "", 200, "Écrire à la mairie"},
		{"form sent empty", "/", submit, 422, "Écrire à la mairie"},
		{"form sent too fast", "/", `document.getElementById("message").value = "Bonjour"; ` + submit, 422, "Confirmez votre envoi"},
		{"received", "/suivi/recue", "", 200, "Suivi de votre demande"},
		{"filed", "/suivi/enregistree", "", 200, "Suivi de votre demande"},
		{"waiting", "/suivi/attente", "", 200, "Suivi de votre demande"},
		{"thanks", "/suivi/attente?merci=1", "", 200, "Suivi de votre demande"},
		{"answer sent empty", "/suivi/attente", submit, 422, "Compléter votre demande"},
		{"revoked", "/suivi/desactivee", "", 410, "Cette adresse de suivi n’est plus valable"},
		{"unknown", "/suivi/inconnue", "", 404, "Demande introuvable"},
		{"accessibility", "/accessibilite", "", 200, "Déclaration d’accessibilité"},
		{"personal data", "/donnees-personnelles", "", 200, "Données personnelles"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			response, err := chromedp.RunResponse(ctx, chromedp.Navigate(town+tc.path))
			if err == nil && tc.action != "" {
				response, err = chromedp.RunResponse(ctx, chromedp.Evaluate[chromedp.Void](tc.action))
			}
			if err != nil {
				t.Fatal(err)
			}
			heading, err := chromedp.Run(ctx, chromedp.Evaluate[string](axe+`; document.querySelector("h1").textContent`))
			if err != nil {
				t.Fatal(err)
			}
			if response.Status != tc.status || heading != tc.heading {
				t.Fatalf("answered %d with %q", response.Status, heading)
			}
			for _, l := range browsertest.Looks {
				if err := chromedp.Do(ctx, l.Set()); err != nil {
					t.Fatal(err)
				}
				for _, v := range browsertest.RunAxe(ctx, t) {
					t.Errorf("%s: %s: %s", l, v.ID, v.Help)
					for _, n := range v.Nodes {
						t.Logf("%s\n%s", n.HTML, n.Summary)
					}
				}
				browsertest.Picture(ctx, t, tc.name, l)
			}
			browsertest.CheckReflow(ctx, t)
		})
	}
}

// TestFocusIsVisible walks through the fullest page with the tab key (WCAG 2.4.7).
func TestFocusIsVisible(t *testing.T) {
	town := startTown(t)
	ctx := browsertest.Chromium(t)
	if err := chromedp.Do(ctx, browsertest.Look{Width: 1280, Scheme: "light"}.Set(), chromedp.Navigate(town+"/suivi/attente")); err != nil {
		t.Fatal(err)
	}
	var seen []string
	for range 60 {
		type focus struct {
			Name    string  `json:"name"`
			Style   string  `json:"style"`
			Outline float64 `json:"outline"`
			InView  bool    `json:"inView"`
		}
		const where = `(() => {
			const e = document.activeElement, s = getComputedStyle(e), r = e.getBoundingClientRect();
			return {name: e.id || e.getAttribute("href") || e.tagName, style: s.outlineStyle, outline: parseFloat(s.outlineWidth),
				inView: r.width > 0 && r.left >= 0 && r.right <= innerWidth && r.bottom > 0 && r.top < innerHeight};
		})()`
		if err := chromedp.Do(ctx, chromedp.KeyEvent("\t")); err != nil {
			t.Fatal(err)
		}
		at, err := chromedp.Run(ctx, chromedp.Evaluate[focus](where))
		if err != nil {
			t.Fatal(err)
		}
		if at.Name == "BODY" || len(seen) > 0 && at.Name == seen[0] {
			break // once around
		}
		seen = append(seen, at.Name)
		if at.Style == "none" || at.Outline < 2 || !at.InView {
			t.Errorf("focus on %q cannot be seen: %+v", at.Name, at)
		}
	}
	walk := strings.Join(seen, " ")
	for _, want := range []string{"#contenu", "#ajouter", "/suivi/attente/accuses/r1", "message", "files", "BUTTON", "tel:0102030405", "/accessibilite"} {
		if !strings.Contains(" "+walk+" ", " "+want+" ") {
			t.Errorf("the tab key does not reach %q, only %s", want, walk)
		}
	}
	if strings.Contains(walk, "site_web") {
		t.Error("the tab key reaches the honeypot")
	}
}
