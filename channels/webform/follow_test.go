package webform

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"saisine.fr/saisine/ingest"
)

// everything is a status with all that a follow-up page can show.
func everything(at time.Time) Status {
	return Status{
		ID: "S1", ReceivedAt: at, State: ingest.StateFiled, Reference: "2026-000123", Status: "waiting_citizen", Category: "Urbanisme",
		History: []Event{{at, "Demande enregistrée."}},
		Receipts: []ReceiptLine{
			{ID: "r1", Label: "Accusé de réception", At: at, State: "sent", Explain: "Envoyé à l’adresse du formulaire.", Downloadable: true},
			{ID: "r/2 é", Label: "Relance", At: at, State: "bounced", Downloadable: true},
			{ID: "r3", Label: "Avis de transmission", State: "queued"},
			{ID: "r4", Label: "Lettre", At: at, State: "to_print"},
			{ID: "r5", Label: "Réponse automatique", At: at, State: "withheld", Explain: "Votre message l’interdit."},
			{ID: "r6", Label: "Autre <b>", State: "inconnu"},
		},
		Deadline:    &DeadlineLine{Label: "Réponse attendue avant le", Explain: "Sans réponse à cette date, votre demande est considérée comme refusée.", Day: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)},
		Service:     &ServiceLine{Name: "Service urbanisme", Email: "urbanisme@exemple.fr", Phone: "01 02 03 04 05", Address: "1 place Haute\n29000 X"},
		Pieces:      []string{"Plan de masse", "Photo <façade>"},
		PiecesUntil: time.Date(2026, 12, 12, 0, 0, 0, 0, time.UTC),
		CanAnswer:   true,
	}
}

func TestFollowPageShowsAll(t *testing.T) {
	// West of Greenwich: a day must not become the one before.
	h := newHouse(t, func(o *Options) { o.Town.Timezone = "America/Martinique" })
	h.follow.status["T"] = everything(h.clock.now())
	a := h.get("/suivi/T")
	if a.status != http.StatusOK {
		t.Fatalf("answered %d", a.status)
	}
	p := parsePage(t, a.body)
	p.check(t)
	contains(t, "page", a.body,
		"Ce que la mairie attend de vous", "<li>Photo &lt;façade&gt;</li>", `<time datetime="2026-12-12">12`+"\u00a0décembre 2026</time>", `href="#ajouter"`,
		"<dt>Réponse attendue avant le</dt>", `<time datetime="2027-01-01">1er`+"\u00a0janvier 2027</time>", "considérée comme refusée",
		`<a href="/suivi/T/accuses/r1" download>`, `<a href="/suivi/T/accuses/r%2F2%20%C3%A9" download>`, "Envoyé à l’adresse du formulaire.",
		"<strong>Envoyé</strong>, le <time", `<strong class="alerte">Revenu sans avoir été distribué</strong>`, "<strong>En cours d’envoi</strong></p>",
		"<strong>À envoyer par courrier</strong>", "<strong>Non envoyé</strong>", "<h3>Autre &lt;b&gt;</h3>",
		`<a href="tel:0102030405">01 02 03 04 05</a>`, `<a href="mailto:urbanisme@exemple.fr">`, "1 place Haute\n29000 X",
	)
	if n := strings.Count(a.body, "/accuses/"); n != 2 {
		t.Errorf("%d downloads", n)
	}
	if strings.Contains(a.body, "inconnu") {
		t.Error("a state that is none of ours is shown")
	}
	f := p.all("form")
	if len(f) != 1 || attr(f[0], "action") != "/suivi/T" || attr(f[0], "method") != "post" || attr(f[0], "enctype") != "multipart/form-data" {
		t.Fatalf("%d forms", len(f))
	}
	if p.byID["message"] == nil || !has(p.byID["files"], "multiple") || has(p.byID["message"], "required") {
		t.Error("controls of the form are not as they should be")
	}
	if strings.Contains(a.body, `id="merci"`) {
		t.Error("thanks for nothing")
	}
	contains(t, "page after a post", h.get("/suivi/T?merci=1").body, `role="status"`, "votre envoi est bien arrivé")
}

func TestFollowPageLeavesOut(t *testing.T) {
	for _, tc := range []struct {
		name    string
		without bool // no Correspondent
		change  func(*Status)
		absent  []string
	}{
		{"no correspondent", true, func(*Status) {}, []string{"<form", "/accuses/", "#ajouter"}},
		{"cannot answer", false, func(s *Status) { s.CanAnswer = false }, []string{"<form", "#ajouter"}},
		{"no deadline", false, func(s *Status) { s.Deadline = nil }, []string{"Délai de réponse"}},
		{"no day", false, func(s *Status) { s.Deadline.Day, s.PiecesUntil = time.Time{}, time.Time{} }, []string{`"0001`, "au plus tard"}},
		{"no service", false, func(s *Status) { s.Service = nil }, []string{"Service chargé"}},
		{"service with a name only", false, func(s *Status) { s.Service = &ServiceLine{Name: "Accueil"} }, []string{"tel:", "mailto:", "Adresse postale"}},
		{"two numbers", false, func(s *Status) { s.Service.Phone = "01 02 03 04 05 ou 06 07 08 09 10" }, []string{"tel:"}},
		{"no pieces", false, func(s *Status) { s.Pieces = nil }, []string{"attend de vous", "au plus tard"}},
		{"no receipts", false, func(s *Status) { s.Receipts = nil }, []string{"Courriers de la mairie"}},
		{"no time of a receipt", false, func(s *Status) { s.Receipts[0].At = time.Time{} }, []string{`"0001`}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := newHouse(t, func(o *Options) {
				if tc.without {
					o.Correspondent = nil
				}
			})
			s := everything(h.clock.now())
			tc.change(&s)
			h.follow.status["T"] = s
			a := h.get("/suivi/T")
			if a.status != http.StatusOK {
				t.Fatalf("answered %d", a.status)
			}
			parsePage(t, a.body).check(t)
			for _, s := range tc.absent {
				if strings.Contains(a.body, s) {
					t.Errorf("page holds %q", s)
				}
			}
		})
	}
	h := newHouse(t, func(o *Options) { o.Correspondent = nil })
	h.follow.status["T"] = everything(h.clock.now())
	h.follow.receipts["T/r1"] = Download{Data: []byte("x")}
	if a := h.do(h.requestTo("/suivi/T", form("message", "x"))); a.status != http.StatusMethodNotAllowed && a.status != http.StatusNotFound {
		t.Errorf("without a correspondent a post answered %d", a.status)
	}
	if a := h.get("/suivi/T/accuses/r1"); a.status != http.StatusNotFound {
		t.Errorf("without a correspondent a download answered %d", a.status)
	}
}

// What a lost, a withdrawn and a broken link answer, whatever is asked of it.
func TestFollowLinkIsNoGood(t *testing.T) {
	for _, tc := range []struct {
		name   string
		err    error
		status int
		want   string
	}{
		{"unknown", fmt.Errorf("test: %w", ingest.ErrNotFound), http.StatusNotFound, "introuvable"},
		{"revoked", fmt.Errorf("test: %w", ErrRevoked), http.StatusGone, "écrivez à la mairie ou téléphonez-lui"},
		{"fault", fmt.Errorf("test: %w", ingest.ErrUnavailable), http.StatusServiceUnavailable, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := newHouse(t, nil)
			h.follow.err = tc.err
			for what, a := range map[string]answer{
				"page":     h.get("/suivi/T"),
				"download": h.get("/suivi/T/accuses/r1"),
				"post":     h.do(h.requestTo("/suivi/T", form("message", "Ne pas perdre"))),
			} {
				if a.status != tc.status {
					t.Errorf("%s answered %d", what, a.status)
				}
				contains(t, what, a.body, tc.want)
				parsePage(t, a.body).check(t)
				if a.header.Get("X-Robots-Tag") != "noindex, nofollow" || a.header.Get("Cache-Control") != "no-store" {
					t.Errorf("%s may be kept or indexed", what)
				}
				if tc.status == http.StatusServiceUnavailable && a.header.Get("Retry-After") == "" {
					t.Errorf("%s has no Retry-After", what)
				}
				if what == "post" {
					if tc.status == http.StatusServiceUnavailable {
						contains(t, what, a.body, "Ne pas perdre</textarea>", "rien n’a été enregistré")
					} else {
						contains(t, what, a.body, "n’a pas été enregistré")
					}
				}
			}
			if n := len(h.sink.all()); n != 0 {
				t.Errorf("%d recorded", n)
			}
			h.spoolEmpty()
		})
	}
}

func TestPhoneLink(t *testing.T) {
	for phone, want := range map[string]string{
		"01 02 03 04 05":     "tel:0102030405",
		" +33 1.02-03 04 05": "tel:+33102030405",
		"3939":               "tel:3939",
		"01\u00a002\u202f03": "tel:010203",
		"":                   "",
		"12":                 "",
		"01 02 (poste 12)":   "",
		"01020304050607080":  "",
		"1+2 345":            "",
		"٠١٢٣٤":              "",
		`3939"onclick="x()`:  "",
	} {
		if got := string(phoneLink(phone)); got != want {
			t.Errorf("%q gives %q", phone, got)
		}
	}
}
