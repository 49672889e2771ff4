package desk

import (
	"log/slog"
	"net/http/httptest"
	"testing"

	"github.com/chromedp/chromedp"

	"saisine.fr/saisine/channels/browsertest"
	"saisine.fr/saisine/ingest"
)

// Answers, the mail room and registers in a browser: axe-core finds nothing, nothing is wider
// than the window, files can be dropped in, and what is asked of a scan comes by itself.
func TestMailRoomInABrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("looks at some pages in a browser")
	}
	axe := browsertest.AxeCore(t)
	m := &mailRoom{letters: []ingest.Mail{{
		ID: "l1", Kind: ingest.MailReply, State: ingest.MailToPrint, Number: "D-2026-000007", Request: ref, CreatedAt: bureauNow,
		Detail: ingest.MailDetail{Paper: true, Subject: "Élagage", Recipient: &ingest.Addressee{Name: "Marie", Address: "1 rue\nVille"}, Officer: &ingest.Officer{Name: "Léa"}},
	}}}
	for i := range 4 {
		m.lines = append(m.lines, ingest.RegisterLine{
			Number: ingest.RegisterNumber(ingest.Incoming, 2026, i+1), At: bureauNow, Who: "Association des amis du patrimoine", Subject: "Anticonstitutionnellementanticonstitutionnellement",
			Service: "Service des sports et de la vie associative", Channel: ingest.ChannelScan, Request: ref,
		})
	}
	a := m.adapter(t, slog.New(slog.DiscardHandler), clerk)
	server := httptest.NewServer(a.Handler())
	t.Cleanup(server.Close)
	ctx := browsertest.Chromium(t, chromedp.Flag("accept-lang", "fr"))
	const drop = `(function () {
		var data = new DataTransfer();
		data.items.add(new File(["%PDF-1.7\n%%EOF\n"], "lettre <b>.pdf"));
		data.items.add(new File(["bonjour"], "note.txt"));
		var target = document.querySelector(".cible");
		target.dispatchEvent(new DragEvent("drop", {dataTransfer: data, bubbles: true, cancelable: true}));
		if (document.querySelectorAll(".choisis li").length !== 2) { throw new Error("the files are not listed"); }
		document.querySelector("form[data-depot]").requestSubmit();
	})()`
	for _, s := range []struct{ name, path, script, heading string }{
		{"mail room", "/agent/courrier", "", "Courrier"},
		{"upload", "/agent/courrier", drop, "Dépôt de scans"},
		{"letter", "/agent/courrier/lettres/l1", "", "Lettre D-2026-000007"},
		{"register", "/agent/courrier/registre", "", "Registre du courrier arrivée"},
		{"register without a day", "/agent/courrier/registre?du=x", "", "Registre du courrier arrivée"},
		{"scan", "/agent/courrier/scans/pile", "", "Scan déposé"},
		{"answer", replyPath + "?modele=prise", "", "Répondre à la demande " + ref},
		{"answer refused", replyPath + "?modele=prise", `document.querySelector("form[data-une-fois]").requestSubmit()`, "Répondre à la demande " + ref},
		{"preview", replyPath + "?modele=prise", `document.getElementById("message").value = "Bonjour"; document.querySelector("button[name=faire]").click()`, "Répondre à la demande " + ref},
	} {
		_, err := chromedp.RunResponse(ctx, chromedp.Navigate(server.URL+s.path))
		if err == nil && s.script != "" {
			_, err = chromedp.RunResponse(ctx, chromedp.Evaluate[chromedp.Void](s.script))
		}
		if err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
		heading, err := chromedp.Run(ctx, chromedp.Evaluate[string](axe+`; document.querySelector("h1").textContent`))
		if err != nil || heading != s.heading {
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
			browsertest.Picture(ctx, t, "courrier "+s.name, l)
		}
		browsertest.CheckReflow(ctx, t)
	}
	if len(m.taken) != 1 || m.taken[0].Hints.Filename != "lettre <b>.pdf" {
		t.Errorf("taken: %+v", m.taken)
	}
}
