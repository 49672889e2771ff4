package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"saisine.fr/saisine/channels/browsertest"
	"saisine.fr/saisine/ingest"
)

// browser is an agent in front of Chromium.
type browser struct {
	t    *testing.T
	ctx  context.Context
	base string
	axe  string // the script of axe-core, or "": pages are not checked
	seen map[string]bool
}

// openBrowser starts Chromium at a town's desk. Every page that is opened is looked at by
// axe-core, once, and kept as a picture.
func openBrowser(t *testing.T, base string) *browser {
	t.Helper()
	b := &browser{t: t, ctx: browsertest.Chromium(t), base: base, axe: browsertest.AxeCore(t), seen: map[string]bool{}}
	if err := chromedp.Do(b.ctx, browsertest.Look{Width: 1280, Scheme: "light"}.Set()); err != nil {
		t.Fatal(err)
	}
	return b
}

// open goes to a page.
func (b *browser) open(path string) {
	b.t.Helper()
	b.leads("open "+path, 200, chromedp.Navigate(b.base+path))
}

// leads does what leads to another page, and waits until it is there.
func (b *browser) leads(what string, status int64, do chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 20*time.Second)
	defer cancel()
	response, err := chromedp.RunResponse(ctx, do)
	if err != nil {
		b.t.Fatalf("%s: %v", what, err)
	}
	if response.Status != status {
		b.t.Fatalf("%s: answered %d: %s", what, response.Status, b.words())
	}
}

// key presses a key that leads to another page; press one that does not.
func (b *browser) key(k string) {
	b.t.Helper()
	b.leads("key "+k, 200, chromedp.KeyEvent(k))
}

func (b *browser) press(keys string) {
	b.t.Helper()
	b.do("keys "+keys, chromedp.KeyEvent(keys))
}

// click presses a button or link that leads to another page.
func (b *browser) click(selector string) {
	b.t.Helper()
	if !evaluate[bool](b, fmt.Sprintf(`document.querySelector(%q)?.getClientRects().length > 0`, selector)) {
		b.t.Fatalf("%s has no %s:\n%s", b.path(), selector, b.words())
	}
	b.leads("click "+selector, 200, chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`document.querySelector(%q).click()`, selector)))
}

// fill writes into a field.
func (b *browser) fill(selector, text string) {
	b.t.Helper()
	b.do("fill "+selector, chromedp.SetValue(selector, text))
}

func (b *browser) do(what string, a chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 20*time.Second)
	defer cancel()
	if err := chromedp.Do(ctx, a); err != nil {
		b.t.Fatalf("%s: %v\n%s", what, err, b.words())
	}
}

// words is what the page says.
func (b *browser) words() string {
	b.t.Helper()
	return evaluate[string](b, `document.body.innerText`)
}

// path is where the browser is.
func (b *browser) path() string {
	b.t.Helper()
	return evaluate[string](b, `location.pathname`)
}

// says fails unless the page says each of these.
func (b *browser) says(want ...string) {
	b.t.Helper()
	words := strings.ReplaceAll(b.words(), "\u00a0", " ")
	for _, w := range want {
		if !strings.Contains(words, w) {
			b.t.Fatalf("%s does not say %q:\n%s", b.path(), w, words)
		}
	}
}

func evaluate[T any](b *browser, script string) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 20*time.Second)
	defer cancel()
	out, err := chromedp.Run(ctx, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%s: %v", script, err)
	}
	return out
}

// look checks the page that is shown, under a name, in each of the looks: axe-core finds
// nothing, and nothing has to be scrolled sideways at 390 px. A picture of each is kept where
// GO_TEST_SCREENSHOTS names a folder.
func (b *browser) look(name string) {
	b.t.Helper()
	if b.seen[name] {
		return
	}
	b.seen[name] = true
	evaluate[bool](b, b.axe+"; true")
	for _, l := range browsertest.Looks {
		b.do("look", l.Set())
		for _, v := range browsertest.RunAxe(b.ctx, b.t) {
			b.t.Errorf("%s, %s: %s: %s", name, l, v.ID, v.Help)
			for _, n := range v.Nodes {
				b.t.Logf("%s\n%s", n.HTML, n.Summary)
			}
		}
		if width := evaluate[int64](b, `document.documentElement.scrollWidth`); l.Width == 390 && width > 390 {
			b.t.Errorf("%s is %d px wide in a window of 390", name, width)
		}
		browsertest.Picture(b.ctx, b.t, "guichet "+name, l)
	}
	b.do("look", browsertest.Look{Width: 1280, Scheme: "light"}.Set())
}

// logIn logs an agent in.
func (b *browser) logIn(login, password string) {
	b.t.Helper()
	b.open("/agent/")
	b.fill("#login", login)
	b.fill("#password", password)
	b.click("main form button")
}

// addAgent adds an agent by the command, as an administrator would.
func (tw *town) addAgent(login string, role ingest.Role, args ...string) {
	tw.t.Helper()
	cmd := exec.Command(tw.cli, append([]string{"--config", tw.config, "user", "add", login, "--role", string(role)}, args...)...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	cmd.Stdin = strings.NewReader(deskPassword + "\n")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		tw.t.Fatalf("user add: %v\n%s", err, out.String())
	}
}
