package webform

import (
	"bytes"
	"io"
	"net/http"
	"net/mail"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"saisine.fr/saisine/channels/formpost"
	"saisine.fr/saisine/config"
	"saisine.fr/saisine/ingest"
)

// following is a house with the follow-up pages T and U.
func following(t *testing.T, change func(*Options)) *house {
	h := newHouse(t, change)
	for _, token := range []string{"T", "U"} {
		h.follow.status[token] = Status{ID: "S-" + token, State: ingest.StateFiled, ReceivedAt: h.clock.now(), CanAnswer: true}
	}
	return h
}

func (h *house) answer(token string, f *formBody) answer {
	h.t.Helper()
	return h.do(h.requestTo("/suivi/"+token, f))
}

// An answer is a submission like any other, byte for byte, that says what it answers.
func TestAnswerIsKeptByteForByte(t *testing.T) {
	large := bytes.Repeat([]byte("0123456789abcdef"), 2<<20/16)
	for name, f := range map[string]*formBody{
		"message":    form("message", "Voici l’étage\u00a0: 2.\r\nMerci !"),
		"file":       form("message", "").File("plan.pdf", []byte("%PDF-1.4 plan")),
		"both":       form("message", "Voir les photos.").File("a.jpg", large).File("b.jpg", large),
		"in a field": form("message", "Bonjour", "category", "voirie"),
	} {
		t.Run(name, func(t *testing.T) {
			h := following(t, nil)
			a := h.answer("T", f)
			if a.status != http.StatusSeeOther || a.header.Get("Location") != "/suivi/T?merci=1" {
				t.Fatalf("answered %d to %q\n%s", a.status, a.header.Get("Location"), a.body)
			}
			rows := h.sink.all()
			if len(rows) != 1 {
				t.Fatalf("%d submissions", len(rows))
			}
			got := rows[0]
			if got.Channel != ingest.ChannelWebform || got.Account != Account || got.MediaType != ingest.MediaForm || !got.ReceivedAt.Equal(h.clock.now()) || got.Settled != "" {
				t.Errorf("submission is %+v", got.Submission)
			}
			if got.Hints.Answers != "S-T" || got.Hints.Category != "" || len(got.Hints.Problems) != 0 {
				t.Errorf("hints %+v", got.Hints)
			}
			contentType, body := f.Encode()
			entity, err := mail.ReadMessage(bytes.NewReader(got.bytes))
			if err != nil {
				t.Fatal(err)
			}
			kept, err := io.ReadAll(entity.Body)
			if err != nil || !bytes.Equal(kept, body) || entity.Header.Get("Content-Type") != contentType {
				t.Errorf("body of %d bytes kept as %d bytes (%v)", len(body), len(kept), err)
			}
			h.spoolEmpty()
		})
	}
}

func TestURLEncodedAnswer(t *testing.T) {
	h := following(t, nil)
	body := url.Values{"message": {"Je confirme"}}.Encode()
	r := h.requestTo("/suivi/T", form())
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if a := h.do(r); a.status != http.StatusSeeOther {
		t.Fatalf("answered %d\n%s", a.status, a.body)
	}
	got := h.sink.all()[0]
	if got.Hints.Answers != "S-T" || !strings.HasSuffix(string(got.bytes), "\r\n\r\n"+body) {
		t.Errorf("kept %q with %+v", got.bytes, got.Hints)
	}
}

// The form as it stands on the page goes through, twice as once, and no other form's
// post counts as the same.
func TestAnswerReplay(t *testing.T) {
	h := following(t, nil)
	values := formValues(t, h.get("/suivi/T").body)
	h.clock.add(time.Minute)
	token := values.Get("jeton")
	body := func() *formBody { return form("jeton", token, "site_web", "", "message", "Bonjour") }
	for range 2 {
		if a := h.answer("T", body()); a.status != http.StatusSeeOther {
			t.Fatalf("answered %d\n%s", a.status, a.body)
		}
		h.clock.add(2 * time.Hour)
	}
	if rows := h.sink.all(); len(rows) != 1 || len(rows[0].Hints.Problems) != 0 || !strings.HasPrefix(rows[0].SourceKey, "suite:S-T:"+token[:16]+":") {
		t.Fatalf("%d submissions, key %q, problems %v", len(rows), rows[0].SourceKey, rows[0].Hints.Problems)
	}
	for name, post := range map[string]func() answer{
		"other text":            func() answer { return h.answer("T", form("jeton", token, "message", "Bonsoir")) },
		"other page":            func() answer { return h.answer("U", body()) },
		"main form":             func() answer { return h.post(body()) },
		"no token":              func() answer { return h.answer("T", form("message", "Direct")) },
		"no token, other page":  func() answer { return h.answer("U", form("message", "Direct")) },
		"no token, opens":       func() answer { return h.post(form("message", "Direct")) },
		"page displayed anew":   func() answer { return h.answer("T", form("jeton", h.fresh("T"), "message", "Bonjour")) },
		"a file and same words": func() answer { return h.answer("T", body().File("a.txt", []byte("x"))) },
	} {
		before := len(h.sink.all())
		if a := post(); a.status != http.StatusSeeOther {
			t.Errorf("%s answered %d", name, a.status)
		}
		if n := len(h.sink.all()) - before; n != 1 {
			t.Errorf("%s made %d submissions", name, n)
		}
	}

	// At the same moment: a double click.
	token = h.fresh("T")
	before := len(h.sink.all())
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() { h.do(h.requestTo("/suivi/T", body())) })
	}
	wg.Wait()
	if n := len(h.sink.all()) - before; n != 1 {
		t.Errorf("8 clicks made %d submissions", n)
	}
}

// fresh is the hidden token of a page displayed a minute ago.
func (h *house) fresh(follow string) string {
	return h.answerForm(follow).tokens.issue(h.clock.now().Add(-time.Minute))
}

// A hidden token is worth something on its own page only; elsewhere it is noted, as
// on the main form, and never refused.
func TestAnswerToken(t *testing.T) {
	ago := func(h *house, d time.Duration) time.Time { return h.clock.now().Add(-d) }
	for _, tc := range []struct {
		name    string
		token   func(h *house) string
		status  int
		problem string
	}{
		{"own", func(h *house) string { return h.answerForm("T").tokens.issue(ago(h, time.Minute)) }, 303, ""},
		{"old", func(h *house) string { return h.answerForm("T").tokens.issue(ago(h, 25*time.Hour)) }, 303, "form_token_old"},
		{"too fast", func(h *house) string { return h.answerForm("T").tokens.issue(ago(h, time.Second)) }, 422, ""},
		{"of another page", func(h *house) string { return h.answerForm("U").tokens.issue(ago(h, time.Minute)) }, 303, "form_token_forged"},
		{"of the main form", func(h *house) string { return h.main.tokens.issue(ago(h, time.Minute)) }, 303, "form_token_forged"},
		{"changed", func(h *house) string { return tamper(h.answerForm("T").tokens.issue(ago(h, time.Minute))) }, 303, "form_token_forged"},
		{"none", func(*house) string { return "" }, 303, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := following(t, nil)
			a := h.answer("T", form("jeton", tc.token(h), "message", "Bonjour"))
			rows := h.sink.all()
			if a.status != tc.status || len(rows) != 1 && tc.status == 303 || len(rows) != 0 && tc.status != 303 {
				t.Fatalf("answered %d, %d recorded", a.status, len(rows))
			}
			var code string
			for _, row := range rows {
				for _, p := range row.Hints.Problems {
					code += p.Code
				}
			}
			if code != tc.problem {
				t.Errorf("problems %q", code)
			}
		})
	}
	h := following(t, nil)
	h.post(form("jeton", h.fresh("T"), "message", "Bonjour"))
	if p := h.sink.all()[0].Hints.Problems; len(p) != 1 || p[0].Code != "form_token_forged" {
		t.Errorf("on the main form: %v", p)
	}
}

func TestAnswerTooFastIsConfirmed(t *testing.T) {
	h := following(t, nil)
	token := h.answerForm("T").tokens.issue(h.clock.now())
	a := h.answer("T", form("jeton", token, "message", "Ligne 1\n\n  <b>"))
	if a.status != http.StatusUnprocessableEntity || a.header.Get("X-Robots-Tag") == "" {
		t.Fatalf("answered %d", a.status)
	}
	page := parsePage(t, a.body)
	page.check(t)
	if action := attr(page.all("form")[0], "action"); action != "/suivi/T" {
		t.Errorf("confirmation goes to %q", action)
	}
	again := form()
	for k, v := range formValues(t, a.body) {
		again.Field(k, v[0])
	}
	if a := h.answer("T", again); a.status != http.StatusSeeOther {
		t.Fatalf("confirmation answered %d\n%s", a.status, a.body)
	}
	want := fields{Message: "Ligne 1\n\n  <b>"}
	if key := h.sink.all()[0].SourceKey; key != "suite:S-T:"+token[:16]+":"+want.hash(nil) {
		t.Errorf("what was confirmed is not what was sent: %q", key)
	}
	a = h.answer("T", form("jeton", token, "message", "Avec photo").File("mur.jpg", []byte("x")))
	contains(t, "page", a.body, "Joignez de nouveau", "mur.jpg", `action="/suivi/T"`, "Avec photo</textarea>")
	if formValues(t, a.body).Get("confirmer") == "" {
		t.Error("form with files would be asked for again and again")
	}
}

func TestAnswerHoneypot(t *testing.T) {
	h := following(t, nil)
	a := h.answer("T", form("site_web", "http://spam.example", "message", "Achetez"))
	if a.status != http.StatusSeeOther || a.header.Get("Location") != "/suivi/T?merci=1" {
		t.Fatalf("answered %d", a.status)
	}
	if got := h.sink.all()[0]; got.Settled != ingest.StateSetAside || !strings.HasPrefix(got.Reason, "spam: ") {
		t.Errorf("settled as %q, %q", got.Settled, got.Reason)
	}
}

// What is wrong with an answer is said on a page that gives the text back, and nothing
// is recorded.
func TestAnswerRefused(t *testing.T) {
	limits := Limits{MaxPost: 3 << 20, MaxFile: 1 << 20, MaxFiles: 2}
	fill := func(n int) []byte { return bytes.Repeat([]byte{'x'}, n) }
	for _, tc := range []struct {
		name   string
		form   *formBody
		status int
		want   []string
	}{
		{"empty", form("message", ""), 422, []string{"Votre envoi est vide", `href="#message"`, `aria-invalid="true"`}},
		{"blank", form("message", " \r\n\t").File("", nil), 422, []string{"Votre envoi est vide"}},
		{"no field", form(), 422, []string{"Votre envoi est vide"}},
		{"too long", form("message", strings.Repeat("é", formpost.MaxMessage+1)), 422, []string{"50\u202f001 caractères", "éé</textarea>"}},
		{"file over", form("message", "Mon texte").File("grand plan.pdf", fill(1<<20+1)), 413, []string{"grand plan.pdf", "1\u00a0Mo", "Mon texte</textarea>"}},
		{"three files", form("message", "Mon texte").File("a", fill(5)).File("b", fill(5)).File("c", fill(5)), 413, []string{"2 au plus", "Mon texte</textarea>"}},
		{"post far over", form("message", "Mon texte").File("film.mp4", fill(8<<20)), 413, []string{"Mon texte</textarea>"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := following(t, func(o *Options) { o.Limits = limits })
			a := h.answer("T", tc.form)
			if a.status != tc.status || len(h.sink.all()) != 0 {
				t.Fatalf("answered %d, %d recorded", a.status, len(h.sink.all()))
			}
			contains(t, "page", a.body, append(tc.want, `action="/suivi/T"`, `<a href="/suivi/T">`)...)
			page := parsePage(t, a.body)
			page.check(t)
			// The form on the error page is sent as well as the one before.
			token := formValues(t, a.body).Get("jeton")
			if state := h.answerForm("T").tokens.check(token, h.clock.now()).state; state != tokenValid {
				t.Errorf("token is %v", state)
			}
			h.spoolEmpty()
		})
	}
	h := following(t, nil)
	r := h.requestTo("/suivi/T", form())
	r.Header.Set("Content-Type", "application/json")
	a := h.do(r)
	if a.status != http.StatusUnsupportedMediaType {
		t.Errorf("JSON answered %d", a.status)
	}
	contains(t, "page", a.body, `<a href="/suivi/T">Revenir au suivi`)
}

// Answers and requests count together, so that neither form is a way around the limit,
// and what was our fault does not count.
func TestAnswerRateLimit(t *testing.T) {
	h := following(t, func(o *Options) { o.Form = config.Webform{RateLimit: 2, Trusted: []string{"127.0.0.1"}} })
	send := func(path string) answer {
		r := h.requestTo(path, form("message", "Encore moi"))
		r.Header.Set("X-Forwarded-For", "192.0.2.7")
		return h.do(r)
	}
	h.sink.fail(ingest.ErrUnavailable)
	for range 3 {
		a := send("/suivi/T")
		if a.status != http.StatusServiceUnavailable {
			t.Fatalf("answered %d", a.status)
		}
		contains(t, "page", a.body, "Encore moi</textarea>", "rien n’a été enregistré", `action="/suivi/T"`)
	}
	h.sink.fail(nil)
	for _, path := range []string{"/demandes", "/suivi/inconnu"} { // guessing links counts too
		if a := send(path); a.status == http.StatusTooManyRequests {
			t.Fatalf("%s answered %d", path, a.status)
		}
	}
	a := send("/suivi/T")
	if a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") == "" {
		t.Fatalf("third answered %d", a.status)
	}
	contains(t, "page", a.body, "2 envois par heure", "Encore moi</textarea>", `action="/suivi/T"`)
	parsePage(t, a.body).check(t)
	if n := len(h.sink.all()); n != 1 {
		t.Errorf("%d recorded", n)
	}
}
