// Package accessibility holds the test that the public pages are accessible (WCAG 2.1
// AA; RGAA 4.1), as far as a program can see it: axe-core finds nothing in Debian's
// Chromium, nothing has to be scrolled sideways, and the keyboard's focus is seen.
package accessibility

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// chromium starts Debian's browser and returns the context of its only tab. The
// browser has ended when the test has.
func chromium(t *testing.T) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatal("chromium is missing. Install it: sudo apt-get install chromium")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path),
		chromedp.NoSandbox, // tests may run as root, where it refuses to start; it sees only our pages
		chromedp.DisableGPU,
		chromedp.UserDataDir(t.TempDir()),
		chromedp.WSURLReadTimeout(time.Minute), // a machine with much else to do
	)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	t.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil {
			t.Errorf("chromium did not end well: %v", err)
		}
	})
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("chromium does not start: %v", err)
	}
	return ctx
}

// look is a way in which people look at a page.
type look struct {
	width  int64
	scheme string
}

func (l look) String() string { return strconv.FormatInt(l.width, 10) + " " + l.scheme }

// set makes the browser look at its page like that.
func (l look) set() chromedp.Action[chromedp.Void] {
	scheme := chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		_, err := cdp.Call(ctx, tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: l.scheme}},
		})
		return err
	})
	return chromedp.Steps(chromedp.EmulateViewport(l.width, 900), scheme)
}

var looks = []look{{1280, "light"}, {1280, "dark"}, {390, "light"}, {390, "dark"}}

// violation is what axe-core reports, and on which elements.
type violation struct {
	ID    string `json:"id"`
	Help  string `json:"help"`
	Nodes []struct {
		HTML    string `json:"html"`
		Summary string `json:"failureSummary"`
	} `json:"nodes"`
}

// runAxe asks axe-core with all its rules. It is put into the page by the debugger,
// which the page's content security policy does not bind.
func runAxe(ctx context.Context, t *testing.T) []violation {
	t.Helper()
	type result struct {
		Rules      int         `json:"rules"`
		Violations []violation `json:"violations"`
	}
	const ask = `axe.run(document, {resultTypes: ["violations"]}).then(r => ({rules: r.passes.length, violations: r.violations}))`
	out, err := chromedp.Run(ctx, chromedp.Evaluate[result](ask, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatalf("axe-core: %v", err)
	}
	if out.Rules < 10 {
		t.Errorf("axe-core found no fault, but only %d rules had something to look at", out.Rules)
	}
	return out.Violations
}

// submit sends the page's form as it is, without the browser's own checks.
const submit = `document.querySelector("form").submit()`

func TestPagesAreAccessible(t *testing.T) {
	axe := axeCore(t)
	town := startTown(t)
	ctx := chromium(t)
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
			for _, l := range looks {
				if err := chromedp.Do(ctx, l.set()); err != nil {
					t.Fatal(err)
				}
				for _, v := range runAxe(ctx, t) {
					t.Errorf("%s: %s: %s", l, v.ID, v.Help)
					for _, n := range v.Nodes {
						t.Logf("%s\n%s", n.HTML, n.Summary)
					}
				}
				picture(ctx, t, tc.name, l)
			}
			checkReflow(ctx, t)
		})
	}
}

// checkReflow looks whether a page must be scrolled sideways in 320 px (WCAG 1.4.10).
func checkReflow(ctx context.Context, t *testing.T) {
	t.Helper()
	if err := chromedp.Do(ctx, look{320, "light"}.set()); err != nil {
		t.Fatal(err)
	}
	width, err := chromedp.Run(ctx, chromedp.Evaluate[int64](`document.documentElement.scrollWidth`))
	if err != nil {
		t.Fatal(err)
	}
	if width > 320 {
		t.Errorf("the page is %d px wide in a window of 320", width)
	}
}

// TestFocusIsVisible walks through the fullest page with the tab key (WCAG 2.4.7).
func TestFocusIsVisible(t *testing.T) {
	town := startTown(t)
	ctx := chromium(t)
	if err := chromedp.Do(ctx, look{1280, "light"}.set(), chromedp.Navigate(town+"/suivi/attente")); err != nil {
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

// picture keeps the page for people to look at, when SAISINE_SCREENSHOTS names a folder.
func picture(ctx context.Context, t *testing.T, name string, l look) {
	t.Helper()
	dir := os.Getenv("SAISINE_SCREENSHOTS")
	if dir == "" {
		return
	}
	png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100)) // 100: PNG
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, strings.ReplaceAll(name+" "+l.String(), " ", "-")+".png"), png, 0o600)
	}
	if err != nil {
		t.Error(err)
	}
}
