package xss

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"saisine.fr/saisine/channels/browsertest"
)

// Watch is Chromium with a guard: what a text does in it, where it must do nothing, is noted.
//
// It is seen in three ways. A function put into each document before any script of its own
// takes the place of alert and its like, and tells of violations of the content security
// policy, which would have kept a script from running that should not be there at all. The
// debugger tells of requests to other hosts. And the browser's own log of the network has
// what the debugger is not told: connections and names looked up in advance, and what other
// processes do.
type Watch struct {
	// Ctx is the context of the only tab.
	Ctx context.Context
	t   testing.TB
	own []string // hosts and ports that may be asked

	mu     sync.Mutex
	caught []string
}

// guard is put into each document. It is a string of its own, so that no page can take it for
// its own script.
const guard = `(() => {
	const tell = window.saisineGuard;
	if (!tell) return;
	for (const name of ["alert", "confirm", "prompt", "print"]) {
		Object.defineProperty(window, name, {value: x => { tell(name + " " + x); }, configurable: false, writable: false});
	}
	addEventListener("securitypolicyviolation", e => tell("blocked by the policy: " + e.effectiveDirective + " " + e.blockedURI + " " + e.sample));
})()`

// Leaks says what the log of the network is to hold.
type Leaks int

// No leak may be in the log; or there must be one; or there may.
const (
	NoLeak Leaks = iota
	SomeLeak
	AnyLeak
)

// Start starts the browser. Only pages of the servers at these addresses may be asked for.
// When the test ends, the browser's log of the network is read.
func Start(t testing.TB, leaks Leaks, servers ...string) *Watch {
	t.Helper()
	log := filepath.Join(t.TempDir(), "net.json")
	// It is complete only once the browser has ended, which is cleaned up before.
	t.Cleanup(func() { checkLog(t, log, leaks) })
	w := &Watch{t: t}
	for _, s := range servers {
		u, err := url.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		w.own = append(w.own, u.Host)
	}
	w.Ctx = browsertest.Chromium(t,
		chromedp.Flag("log-net-log", log),
		// One process for all frames, so that the debugger of the tab sees into each.
		chromedp.Flag("disable-features", "Translate,BlinkGenPropertyTrees,IsolateSandboxedIframes"),
		chromedp.Flag("disable-site-isolation-trials", true),
		chromedp.Flag("autoplay-policy", "no-user-gesture-required"),
	)
	if err := chromedp.Listen(w.Ctx, w.event); err != nil {
		t.Fatal(err)
	}
	enable := chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		_, e1 := cdp.Call(ctx, tab, network.Enable, network.EnableParams{})
		_, e2 := cdp.Call(ctx, tab, audits.Enable, cdp.Empty{})
		_, e3 := cdp.Call(ctx, tab, runtime.AddBinding, runtime.AddBindingParams{Name: "saisineGuard"})
		_, e4 := cdp.Call(ctx, tab, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: guard})
		return errors.Join(e1, e2, e3, e4)
	})
	if err := chromedp.Do(w.Ctx, enable); err != nil {
		t.Fatal(err)
	}
	return w
}

// event must not wait for the browser: it is called by who reads from it.
func (w *Watch) event(ev any) {
	switch e := ev.(type) {
	case *runtime.EventBindingCalled:
		w.note(e.Payload)
	case *network.EventRequestWillBeSent:
		w.request(e.Request.URL)
	case *network.EventWebSocketCreated:
		w.note("websocket " + e.URL)
	case *page.EventJavascriptDialogOpening:
		w.note("dialog " + e.Message)
		go func() {
			_ = chromedp.Do(w.Ctx, chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
				_, err := cdp.Call(ctx, tab, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{})
				return err
			}))
		}()
	case *audits.EventIssueAdded:
		if d := e.Issue.Details.ContentSecurityPolicyIssueDetails; d != nil {
			w.note(fmt.Sprintf("blocked by the policy: %s %s", d.ViolatedDirective, d.BlockedURL))
		}
	}
}

func (w *Watch) request(address string) {
	u, err := url.Parse(address)
	if err != nil || (u.Scheme == "http" || u.Scheme == "https") && !slices.Contains(w.own, u.Host) || u.Scheme == "file" {
		w.note("request " + address)
	}
}

func (w *Watch) note(what string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.caught = append(w.caught, what)
}

// Caught returns what was noted since the last call.
func (w *Watch) Caught() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := w.caught
	w.caught = nil
	return out
}

// poke calls the handlers that a reader would by moving, going through and waiting, in the
// document and those of its frames that it may reach, and returns what stands in it that no
// page of ours has: handlers, scripts and styles within, foreign frames, addresses that run.
const poke = `(async wait => {
	const odd = [];
	const say = (e, why) => odd.push(why + ": " + e.outerHTML.slice(0, 300));
	const events = ["mouseover", "mouseenter", "mousemove", "pointerover", "pointerenter", "focus", "focusin", "blur", "scroll", "toggle", "beforetoggle",
		"animationstart", "animationend", "transitionend", "webkitAnimationStart", "start", "finish", "begin", "load", "error", "auxclick", "contextmenu", "wheel"];
	const look = d => {
		for (const e of d.querySelectorAll("*")) {
			for (const a of e.attributes) {
				const name = a.name.toLowerCase(), value = a.value.replace(/[\s\x00-\x20]/g, "").toLowerCase();
				if (/^on|^style$|^srcdoc$|^hx-on|^data-hx|^xlink/.test(name) || name === "formaction" && !value.startsWith("/agent/")) say(e, name);
				if (/^(javascript|vbscript|data:text|livescript)/.test(value) && /href|src|action|data|content/.test(name)) say(e, name);
			}
			const tag = e.localName;
			if (["object", "embed", "base", "applet", "portal", "frame", "frameset", "math", "foreignobject", "template", "xmp", "plaintext"].includes(tag)) say(e, tag);
			if (tag === "style" && e.ownerDocument === document) say(e, tag);
			if (tag === "script" && (!e.src.startsWith(origin + "/") || e.textContent)) say(e, tag);
			if (tag === "meta" && e.httpEquiv) say(e, tag);
			if (tag === "link" && !e.href.startsWith(origin + "/")) say(e, tag);
			if (tag === "img" && e.ownerDocument === document && !e.src.startsWith(origin + "/")) say(e, tag);
			if (tag === "iframe" && e.ownerDocument === document && !e.src.startsWith(origin + "/")) say(e, tag);
			for (const name of events) e.dispatchEvent(new Event(name));
		}
		for (const f of d.querySelectorAll("iframe")) {
			try { if (f.contentDocument) look(f.contentDocument); } catch { /* of another origin: nothing to be reached */ }
		}
	};
	look(document);
	await new Promise(done => setTimeout(done, wait));
	return odd;
})`

// Open goes to a page, waits for it, and returns what stands in it that should not. What it did
// is told by Caught.
func (w *Watch) Open(address string, wait time.Duration) []string {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.Ctx, time.Minute)
	defer cancel()
	if err := chromedp.Do(ctx, chromedp.Navigate(address)); err != nil {
		w.t.Fatalf("%s: %v", address, err)
	}
	// Elsewhere, at the login for one, there would be nothing to be seen.
	if at, err := chromedp.Run(ctx, chromedp.Location()); err != nil || at != address {
		w.t.Errorf("%s leads to %s: %v", address, at, err)
	}
	return w.poke(ctx, address, wait)
}

func (w *Watch) poke(ctx context.Context, address string, wait time.Duration) []string {
	w.t.Helper()
	odd, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](fmt.Sprintf("%s(%d)", poke, wait.Milliseconds()), chromedp.EvalAwaitPromise))
	if err != nil {
		w.t.Fatalf("%s: %v", address, err)
	}
	return odd
}

// quiet is how long a page is given to do something.
const quiet = 30 * time.Millisecond

// Look opens a page on which nothing may happen.
func (w *Watch) Look(address string) {
	w.t.Helper()
	w.judge(address, w.Open(address, quiet))
}

// LookHere looks at the page that is open, which has this name.
func (w *Watch) LookHere(name string) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.Ctx, time.Minute)
	defer cancel()
	w.judge(name, w.poke(ctx, name, quiet))
}

func (w *Watch) judge(address string, odd []string) {
	w.t.Helper()
	for _, o := range odd {
		w.t.Errorf("%s has %s", address, o)
	}
	for _, c := range w.Caught() {
		w.t.Errorf("%s: %s", address, c)
	}
}

var leakName = regexp.MustCompile(`^[a-z0-9.-]*` + regexp.QuoteMeta(LeakHost) + `\.?(:[0-9]+)?$`)

// checkLog looks for the host of the payloads in the log of the network, which has an event
// in each line.
func checkLog(t testing.TB, path string, want Leaks) {
	f, err := os.Open(path)
	if err != nil {
		t.Errorf("the browser has left no log of the network: %v", err)
		return
	}
	defer f.Close()
	events := 0
	leaks := map[string]bool{}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		line := strings.TrimSuffix(strings.TrimSpace(lines.Text()), ",")
		var event struct {
			Params any `json:"params"`
		}
		if !strings.HasPrefix(line, `{"`) || json.Unmarshal([]byte(strings.TrimSuffix(line, "]")), &event) != nil {
			continue
		}
		events++
		collect(event.Params, leaks)
	}
	if events < 10 {
		t.Errorf("the log of the network has %d events: %v", events, lines.Err())
	}
	if want == NoLeak && len(leaks) > 0 || want == SomeLeak && len(leaks) == 0 {
		t.Errorf("the network was asked for %v", leaks)
	}
}

// collect adds the hosts of the payloads that stand in the parameters of an event: as an address, or
// alone, but not as a part of one of our own.
func collect(v any, leaks map[string]bool) {
	switch v := v.(type) {
	case string:
		host := strings.ToLower(v)
		if u, err := url.Parse(v); err == nil && u.Host != "" {
			host = u.Hostname()
		}
		if leakName.MatchString(host) {
			leaks[host] = true
		}
	case []any:
		for _, x := range v {
			collect(x, leaks)
		}
	case map[string]any:
		for _, x := range v {
			collect(x, leaks)
		}
	}
}
