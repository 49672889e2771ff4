package desk

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"saisine.fr/saisine/channels/browsertest"
	"saisine.fr/saisine/ingest"
)

// Picture makes the fake files serve a page.
func (f bureauFiles) Picture(context.Context, ingest.Viewer, string, int) (Picture, error) {
	// A white JPEG of one pixel.
	return Picture{JPEG: []byte("\xff\xd8\xff\xdb\x00C\x00" + strings.Repeat("\x01", 64) + "\xff\xc0\x00\x0b\x08\x00\x01\x00\x01\x01\x01\x11\x00\xff\xc4\x00\x14\x00\x01" +
		strings.Repeat("\x00", 15) + "\x03\xff\xc4\x00\x14\x10\x01" + strings.Repeat("\x00", 16) + "\xff\xda\x00\x08\x01\x01\x00\x00?\x007\xff\xd9"), Tag: "t"}, nil
}

// The page of a request in a browser: axe-core finds nothing, nothing is wider than the window,
// and the keys do what the help says.
func TestRequestPageInABrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("looks at pages in a browser")
	}
	axe := browsertest.AxeCore(t)
	b := newBureau()
	b.details.History = append(b.details.History,
		ingest.Event{At: bureauNow.Add(time.Hour), Kind: "request.merged", Actor: "agent:lea", Detail: ingest.EventDetail{From: "2026-000003", To: ref, Submissions: []string{"p2", "p3"}}},
		ingest.Event{At: bureauNow.Add(2 * time.Hour), Kind: "request.comment", Actor: "agent:lea", Detail: ingest.EventDetail{Text: "Vu."}})
	c := b.desk(t, chief)
	c.a.presence.look(ref, "lea", "Léa Martin")
	server := httptest.NewServer(c.a.Handler())
	t.Cleanup(server.Close)
	ctx := browsertest.Chromium(t)
	at := server.URL + "/agent/demandes/" + ref
	eval := func(script string) string {
		t.Helper()
		out, err := chromedp.Run(ctx, chromedp.Evaluate[string](script))
		if err != nil {
			t.Fatalf("%s: %v", script, err)
		}
		return out
	}
	open := func(url string) {
		t.Helper()
		if _, err := chromedp.RunResponse(ctx, chromedp.Navigate(url)); err != nil {
			t.Fatal(err)
		}
	}
	for name, url := range map[string]string{
		"demande": at + "?reunie=2026-000003", "demande scan": at + "?piece=p2", "demande html": at + "?vue=html", "comparer": at + "/comparer/2026-000002",
		"demande comparer": at + "/comparer?autre=x",
	} {
		open(url)
		eval(axe + `; document.querySelectorAll("main details").forEach(function (d) { d.open = true; }); "ok"`)
		for _, l := range []browsertest.Look{{Width: 1280, Scheme: "light"}, {Width: 390, Scheme: "dark"}} {
			if err := chromedp.Do(ctx, l.Set()); err != nil {
				t.Fatal(err)
			}
			for _, v := range browsertest.RunAxe(ctx, t) {
				t.Errorf("%s, %s: %s: %s %+v", name, l, v.ID, v.Help, v.Nodes)
			}
			browsertest.Picture(ctx, t, name, l)
		}
		browsertest.CheckReflow(ctx, t)
	}

	press := func(key string) {
		t.Helper()
		if err := chromedp.Do(ctx, chromedp.KeyEvent(key)); err != nil {
			t.Fatal(err)
		}
	}
	const here = `Array.from(document.querySelectorAll(".ici")).map(function (e) { return e.tagName.toLowerCase() + e.getAttribute("data-mot"); }).join(" ")`
	open(at + "?piece=p2")
	for _, want := range []string{"rect0 mark0", "rect1 mark1", "rect0 mark0"} {
		press("n")
		if got := eval(here); got != want {
			t.Errorf("n: %q, want %q", got, want)
		}
	}
	press("e")
	if got := eval(`document.activeElement.id`); got != "categorie-code" {
		t.Errorf("e: the focus is on %q", got)
	}
	press(kb.Escape)
	if _, err := chromedp.RunResponse(ctx, chromedp.KeyEvent("2")); err != nil {
		t.Fatal(err)
	}
	if len(b.done) != 1 || b.done[0] != "chef category "+ref+" eau" {
		t.Errorf("2: %q", b.done)
	}
}
