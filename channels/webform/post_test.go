package webform

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net"
	"net/http"
	"net/mail"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"saisine.fr/saisine/channels"
	"saisine.fr/saisine/channels/formpost"
	"saisine.fr/saisine/config"
	"saisine.fr/saisine/ingest"
)

func spoolFiles(t *testing.T, dir string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// A post becomes one submission whose original is the post, byte for byte, under a
// header with which a MIME reader can read it again.
func TestPostIsKeptByteForByte(t *testing.T) {
	large := bytes.Repeat([]byte("0123456789abcdef"), 3<<20/16)
	for name, f := range map[string]*formBody{
		"small": form("name", "Zoé Çelik", "email", "zoe@exemple.fr", "message", "Un nid-de-poule.\r\nMerci !", "category", "voirie"),
		"file":  form("message", "Voir le plan.").File("plan.pdf", []byte("%PDF-1.4 plan")),
		"large": form("message", "Voir les photos.").File("a.jpg", large).File("b.jpg", large),
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, nil)
			a := h.post(f)
			if a.status != http.StatusSeeOther || a.header.Get("Location") != "/suivi/jeton-id0" {
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
			if len(got.Hints.Problems) != 0 {
				t.Errorf("problems %v", got.Hints.Problems)
			}
			contentType, body := f.Encode()
			entity, err := mail.ReadMessage(bytes.NewReader(got.bytes))
			if err != nil {
				t.Fatal(err)
			}
			kept, err := io.ReadAll(entity.Body)
			if err != nil || !bytes.Equal(kept, body) {
				t.Errorf("body of %d bytes kept as %d bytes (%v)", len(body), len(kept), err)
			}
			if ct := entity.Header.Get("Content-Type"); ct != contentType {
				t.Errorf("content type kept as %q", ct)
			}
			if date, err := entity.Header.Date(); err != nil || !date.Equal(h.clock.now()) {
				t.Errorf("date %v, %v", date, err)
			}
			_, params, _ := mime.ParseMediaType(contentType)
			read, err := multipart.NewReader(bytes.NewReader(kept), params["boundary"]).ReadForm(1 << 20)
			if err != nil || read.Value["message"] == nil {
				t.Errorf("kept form reads as %v, %v", read, err)
			}
			h.spoolEmpty()
		})
	}
}

func TestURLEncodedPost(t *testing.T) {
	h := newHouse(t, nil)
	body := url.Values{"message": {"Lampadaire éteint, rue du Puits"}, "category": {"eclairage-public"}}.Encode()
	r := h.request(form())
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if a := h.do(r); a.status != http.StatusSeeOther {
		t.Fatalf("answered %d\n%s", a.status, a.body)
	}
	got := h.sink.all()[0]
	if got.Hints.Category != "eclairage-public" || !strings.HasSuffix(string(got.bytes), "\r\n\r\n"+body) {
		t.Errorf("kept %q with %+v", got.bytes, got.Hints)
	}
	contains(t, "evidence", string(got.bytes), "Content-Type: application/x-www-form-urlencoded\r\n")
}

// One form sent several times is one submission; two forms with the same text are two.
func TestDoublePosts(t *testing.T) {
	h := newHouse(t, nil)
	token := h.main.tokens.issue(h.clock.now())
	h.clock.add(time.Minute)
	send := func(token, message string, file []byte) string {
		t.Helper()
		f := form("jeton", token, "message", message)
		if file != nil {
			f.File("photo.jpg", file)
		}
		a := h.post(f)
		if a.status != http.StatusSeeOther {
			t.Fatalf("answered %d\n%s", a.status, a.body)
		}
		return a.header.Get("Location")
	}
	first := send(token, "Bonjour", []byte("une"))
	h.clock.add(2 * time.Hour)
	if again := send(token, "  Bonjour\r\n", []byte("une")); again != first {
		t.Errorf("replay went to %q, not %q", again, first)
	}
	for name, other := range map[string]string{
		"other text":  send(token, "Bonsoir", []byte("une")),
		"other photo": send(token, "Bonjour", []byte("deux")),
		"other form":  send(h.main.tokens.issue(h.clock.now().Add(-time.Minute)), "Bonjour", []byte("une")),
	} {
		if other == first {
			t.Errorf("%s counts as the same sending", name)
		}
	}

	direct := send("", "Direct", nil)
	if again := send("", "Direct", nil); again != direct {
		t.Errorf("direct replay went to %q, not %q", again, direct)
	}
	h.clock.add(time.Hour)
	if later := send("", "Direct", nil); later == direct {
		t.Error("the same text an hour later counts as a replay")
	}

	// At the same moment: a double click.
	token = h.main.tokens.issue(h.clock.now().Add(-time.Minute))
	before := len(h.sink.all())
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() { h.do(h.request(form("jeton", token, "message", "Clic"))) })
	}
	wg.Wait()
	if n := len(h.sink.all()) - before; n != 1 {
		t.Errorf("8 clicks made %d submissions", n)
	}
}

// tamper changes the first character, which is part of the nonce.
func tamper(token string) string {
	if token[0] == 'A' {
		return "B" + token[1:]
	}
	return "A" + token[1:]
}

func TestFormToken(t *testing.T) {
	for _, tc := range []struct {
		name    string
		token   func(h *house) string
		status  int
		problem string
		key     string // prefix of the source key
	}{
		{"none", func(*house) string { return "" }, 303, "", "direct:"},
		{"too fast", func(h *house) string { return h.main.tokens.issue(h.clock.now().Add(-2 * time.Second)) }, 422, "", ""},
		{"just in time", func(h *house) string { return h.main.tokens.issue(h.clock.now().Add(-3 * time.Second)) }, 303, "", ""},
		{"from the future", func(h *house) string { return h.main.tokens.issue(h.clock.now().Add(time.Hour)) }, 303, "", ""},
		{"a day", func(h *house) string { return h.main.tokens.issue(h.clock.now().Add(-24 * time.Hour)) }, 303, "", ""},
		{"old", func(h *house) string { return h.main.tokens.issue(h.clock.now().Add(-25 * time.Hour)) }, 303, "form_token_old", ""},
		{"forged", func(h *house) string { return tamper(h.main.tokens.issue(h.clock.now().Add(-time.Minute))) }, 303, "form_token_forged", "direct:"},
		{"garbage", func(*house) string { return "....." }, 303, "form_token_forged", "direct:"},
		{"other key", func(h *house) string {
			return newTokenKey([]byte("other")).issue(h.clock.now().Add(-time.Minute))
		}, 303, "form_token_forged", "direct:"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := newHouse(t, nil)
			token := tc.token(h)
			a := h.post(form("jeton", token, "message", "Bonjour"))
			if a.status != tc.status {
				t.Fatalf("answered %d\n%s", a.status, a.body)
			}
			rows := h.sink.all()
			if tc.status != 303 {
				if len(rows) != 0 {
					t.Error("was recorded")
				}
				return
			}
			prefix := tc.key
			if prefix == "" {
				prefix = token[:16] + ":"
			}
			if !strings.HasPrefix(rows[0].SourceKey, prefix) {
				t.Errorf("source key %q does not begin with %q", rows[0].SourceKey, prefix)
			}
			var code string
			for _, p := range rows[0].Hints.Problems {
				code += p.Code
			}
			if code != tc.problem {
				t.Errorf("problems %q, want %q", code, tc.problem)
			}
		})
	}
}

// A form that comes back too fast is shown again with all that was in it, and one
// press of its button records it.
func TestTooFastIsConfirmed(t *testing.T) {
	h := newHouse(t, nil)
	token := h.main.tokens.issue(h.clock.now())
	sent := map[string]string{
		"jeton": token, "name": "O’Neil <b>", "email": "o@exemple.fr", "phone": "01", "address": "\n1 rue\nHaute",
		"category": "voirie", "place": "Pont \"Neuf\"", "subject": "Objet", "message": "Ligne 1\n\n  Ligne 2",
	}
	f := form()
	for k, v := range sent {
		f.Field(k, v)
	}
	a := h.post(f)
	if a.status != http.StatusUnprocessableEntity || len(h.sink.all()) != 0 {
		t.Fatalf("answered %d", a.status)
	}
	values := formValues(t, a.body)
	if values.Get("confirmer") == "" || values.Get("jeton") != token {
		t.Errorf("confirmation sends %v", values)
	}
	again := form()
	for k := range values {
		again.Field(k, values.Get(k))
	}
	if a := h.post(again); a.status != http.StatusSeeOther {
		t.Fatalf("confirmation answered %d\n%s", a.status, a.body)
	}
	want := fields{"O’Neil <b>", "o@exemple.fr", "01", "1 rue\nHaute", "voirie", "Pont \"Neuf\"", "Objet", "Ligne 1\n\n  Ligne 2"}
	if key := h.sink.all()[0].SourceKey; key != token[:16]+":"+want.hash(nil) {
		t.Error("what was confirmed is not what was sent")
	}

	// With files, which cannot be given back, the form itself comes, naming them.
	a = h.post(form("jeton", token, "message", "Avec photo").File("mur.jpg", []byte("x")))
	contains(t, "page", a.body, "Joignez de nouveau", "mur.jpg", `type="file"`, "Avec photo")
	if values := formValues(t, a.body); values.Get("confirmer") == "" {
		t.Error("form with files would be asked for again and again")
	}
}

func TestHoneypot(t *testing.T) {
	h := newHouse(t, nil)
	// Even when it comes too fast: the robot learns nothing.
	a := h.post(form("jeton", h.main.tokens.issue(h.clock.now()), "site_web", "http://spam.example", "message", "Achetez"))
	if a.status != http.StatusSeeOther || a.header.Get("Location") != "/suivi/jeton-id0" {
		t.Fatalf("answered %d", a.status)
	}
	if got := h.sink.all()[0]; got.Settled != ingest.StateSetAside || !strings.HasPrefix(got.Reason, "spam: ") {
		t.Errorf("settled as %q, %q", got.Settled, got.Reason)
	}
}

func TestValidation(t *testing.T) {
	long := strings.Repeat("é", formpost.MaxLine+1)
	for _, tc := range []struct {
		name  string
		pairs []string
		want  []string // ids of the controls at fault
	}{
		{"message missing", []string{"name", "Ana"}, []string{"message"}},
		{"message blank", []string{"message", " \r\n\t"}, []string{"message"}},
		{"nothing but message", []string{"message", "x"}, nil},
		{"email without domain", []string{"message", "x", "email", "ana@"}, []string{"email"}},
		{"email without dot", []string{"message", "x", "email", "ana@mairie"}, []string{"email"}},
		{"email with name", []string{"message", "x", "email", "Ana <ana@exemple.fr>"}, []string{"email"}},
		{"email two", []string{"message", "x", "email", "ana@exemple.fr, bob@exemple.fr"}, []string{"email"}},
		{"email injection", []string{"message", "x", "email", "ana@exemple.fr\nBcc: bob@exemple.fr"}, []string{"email"}},
		{"email plus, accents", []string{"message", "x", "email", "ana+mairie@écoles.exemple.fr"}, nil},
		{"email endless", []string{"message", "x", "email", strings.Repeat("a", 250) + "@a.fr"}, []string{"email"}},
		{"long lines", []string{"message", "x", "name", long, "phone", long, "address", long, "place", long, "subject", long}, []string{"name", "phone", "address", "place", "subject"}},
		{"longest message", []string{"message", strings.Repeat("é", formpost.MaxMessage)}, nil},
		{"message too long", []string{"message", strings.Repeat("é", formpost.MaxMessage+1)}, []string{"message"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := newHouse(t, nil)
			a := h.post(form(tc.pairs...))
			if len(tc.want) == 0 {
				if a.status != http.StatusSeeOther {
					t.Fatalf("answered %d\n%s", a.status, a.body)
				}
				return
			}
			if a.status != http.StatusUnprocessableEntity || len(h.sink.all()) != 0 {
				t.Fatalf("answered %d, %d recorded", a.status, len(h.sink.all()))
			}
			page := parsePage(t, a.body)
			page.check(t)
			var got []string
			for _, n := range page.all("a") {
				if strings.HasPrefix(attr(n, "href"), "#") && attr(n, "class") == "" {
					got = append(got, attr(n, "href")[1:])
				}
			}
			if fmt.Sprint(got) != fmt.Sprint(tc.want) {
				t.Errorf("summary links to %v, want %v", got, tc.want)
			}
			for _, id := range tc.want {
				n := page.byID[id]
				if n == nil || attr(n, "aria-invalid") != "true" || !strings.Contains(attr(n, "aria-describedby"), id+"-erreur") {
					t.Errorf("control %q is not marked", id)
				}
			}
			values := formValues(t, a.body)
			for i := 0; i < len(tc.pairs); i += 2 {
				want, _ := formpost.Clean([]byte(tc.pairs[i+1]))
				if got := values.Get(tc.pairs[i]); got != want && !strings.Contains(tc.name, "injection") {
					t.Errorf("%s came back as %q", tc.pairs[i], got)
				}
			}
		})
	}
}

func TestUnknownCategoryIsNoted(t *testing.T) {
	h := newHouse(t, nil)
	h.post(form("message", "x", "category", "vélos"))
	got := h.sink.all()[0].Hints
	if got.Category != "" || len(got.Problems) != 1 || got.Problems[0].Code != "form_category" {
		t.Errorf("hints %+v", got)
	}
}

// Over a limit there is a page that names it, with the text, and nothing is kept.
func TestLimits(t *testing.T) {
	limits := Limits{MaxPost: 3 << 20, MaxFile: 1 << 20, MaxFiles: 2}
	fill := func(n int) []byte { return bytes.Repeat([]byte{'x'}, n) }
	many := form("message", "Mon texte")
	for i := range formpost.MaxParts {
		many.Field("champ"+strconv.Itoa(i), "x")
	}
	for _, tc := range []struct {
		name string
		form *formBody
		ok   bool
		want []string
	}{
		{"file at the limit", form("message", "Mon texte").File("a.pdf", fill(1<<20)), true, nil},
		{"file over", form("message", "Mon texte").File("grand plan.pdf", fill(1<<20+1)), false, []string{"«\u00a0grand plan.pdf\u00a0»", "1\u00a0Mo"}},
		{"file over, text after", form().File("a.pdf", fill(2<<20)).Field("message", "Mon texte"), false, []string{"1\u00a0Mo"}},
		{"two files", form("message", "Mon texte").File("a", fill(5)).File("b", fill(5)), true, nil},
		{"three files", form("message", "Mon texte").File("a", fill(5)).File("b", fill(5)).File("c", fill(5)), false, []string{"2 au plus"}},
		{"three, one unused", form("message", "Mon texte").File("a", fill(5)).File("b", fill(5)).File("", nil), true, nil},
		{"post over", form("message", "Mon texte").Field("autre", "").File("a", fill(1<<20-9)).Field("rien", string(fill(3<<20))), false, []string{"caractères au plus"}},
		{"post over by parts", form("message", "Mon texte").File("a", fill(1<<20)).File("b", fill(1<<20)).File("c", fill(1<<20)), false, []string{"3\u00a0Mo"}},
		{"post far over", form("message", "Mon texte").File("film.mp4", fill(40<<20)), false, []string{"1\u00a0Mo"}},
		{"text over", form("subject", "Objet", "message", string(fill(formpost.MaxText+1))), false, []string{"50\u202f000 caractères"}},
		{"parts over", many, false, []string{"200 au plus"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := newHouse(t, func(o *Options) {
				o.Limits = limits
				if strings.Contains(tc.name, "by parts") {
					o.Limits.MaxFiles = 9
				}
			})
			a := h.post(tc.form)
			if tc.ok {
				if a.status != http.StatusSeeOther {
					t.Fatalf("answered %d\n%s", a.status, a.body)
				}
			} else {
				if a.status != http.StatusRequestEntityTooLarge || len(h.sink.all()) != 0 {
					t.Fatalf("answered %d, %d recorded", a.status, len(h.sink.all()))
				}
				parsePage(t, a.body).check(t)
				contains(t, "page", a.body, tc.want...)
				if tc.name != "text over" {
					contains(t, "page", a.body, "Mon texte</textarea>")
				}
			}
			h.spoolEmpty()
		})
	}
}

func TestUnreadablePosts(t *testing.T) {
	for _, tc := range []struct {
		name, contentType, encoding, body string
		status                            int
	}{
		{"json", "application/json", "", `{"message":"x"}`, 415},
		{"no type", "", "", "message=x", 415},
		{"broken type", "multipart/form-data; boundary", "", "x", 400},
		{"gzip", "application/x-www-form-urlencoded", "gzip", "x", 415},
		{"no boundary", "multipart/form-data", "", "x", 400},
		{"boundary not met", "multipart/form-data; boundary=b", "", "rien", 400},
		{"boundary endless", "multipart/form-data; boundary=" + strings.Repeat("b", 300), "", "x", 400},
		{"type endless", "multipart/form-data; boundary=b; x=" + strings.Repeat("b", 2000), "", "x", 400},
		{"header endless", "multipart/form-data; boundary=b", "", "--b\r\nX: " + strings.Repeat("x", 1<<20), 400},
		{"preamble endless", "multipart/form-data; boundary=b", "", strings.Repeat("préambule\r\n", 1<<17) + "--b\r\nContent-Disposition: form-data; name=message\r\n\r\nx\r\n--b--", 400},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := newHouse(t, nil)
			r := h.request(form())
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader(tc.body)), int64(len(tc.body))
			r.Header.Set("Content-Type", tc.contentType)
			if tc.encoding != "" {
				r.Header.Set("Content-Encoding", tc.encoding)
			}
			a := h.do(r)
			if a.status != tc.status || len(h.sink.all()) != 0 {
				t.Fatalf("answered %d, want %d", a.status, tc.status)
			}
			contains(t, "page", a.body, "Rien n’a été enregistré")
			parsePage(t, a.body).check(t)
			h.spoolEmpty()
		})
	}
}

// With no Sink, and with one that fails, the page says that nothing was recorded and
// gives the text back; once all is well again the same form goes through.
func TestUnavailable(t *testing.T) {
	health := &channels.Health{}
	h := newHouse(t, func(o *Options) { o.Health = health; o.Form.RateLimit = 2; o.Form.Trusted = nil })
	refused := func(when string) {
		t.Helper()
		a := h.post(form("message", "Ne pas perdre", "name", "Ana").File("a.pdf", bytes.Repeat([]byte("x"), 1<<20)))
		if a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" {
			t.Fatalf("%s: answered %d", when, a.status)
		}
		contains(t, when, a.body, "rien n’a été enregistré", "Ne pas perdre</textarea>", `value="Ana"`, "a.pdf")
		h.spoolEmpty()
		if health.Status().Err == nil {
			t.Errorf("%s: health says that all is well", when)
		}
	}
	h.sink.fail(fmt.Errorf("disk: %w", ingest.ErrUnavailable))
	for range 4 { // more often than the rate limit: those were not the citizen's fault
		refused("sink fails")
	}
	h.stop()
	refused("not running")
	h.sink.fail(nil)
	defer h.run()()
	if a := h.post(form("message", "Ne pas perdre")); a.status != http.StatusSeeOther {
		t.Errorf("afterwards answered %d", a.status)
	}
	if health.Status().Err != nil {
		t.Errorf("afterwards health says %v", health.Status().Err)
	}

	// A spool that cannot be written: the disk is full.
	if err := os.Remove(h.spool); err != nil {
		t.Fatal(err)
	}
	a := h.post(form("message", "Disque plein").File("a.pdf", bytes.Repeat([]byte("x"), 1<<20)))
	if a.status != http.StatusServiceUnavailable {
		t.Fatalf("spool gone: answered %d", a.status)
	}
	contains(t, "page", a.body, "Disque plein</textarea>")
}

// A browser that leaves while its post is on the way to the disk does not undo it.
func TestBrowserLeaves(t *testing.T) {
	h := newHouse(t, nil)
	h.sink.gate, h.sink.inside = make(chan struct{}), make(chan struct{}, 1)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		resp, err := h.client.Do(h.request(form("message", "je pars")).WithContext(ctx))
		if err == nil {
			resp.Body.Close()
		}
	}()
	<-h.sink.inside
	cancel()
	<-done
	close(h.sink.gate)
	eventually(t, func() bool { return len(h.sink.all()) == 1 })
}

// Recorded is recorded: without a follow-up address the citizen is told the number.
func TestNoFollowToken(t *testing.T) {
	h := newHouse(t, nil)
	h.follow.tokenErr = errors.New("no key")
	a := h.post(form("message", "x"))
	if a.status != http.StatusOK {
		t.Fatalf("answered %d", a.status)
	}
	contains(t, "page", a.body, "bien enregistrée", "id0")
}

func TestRateLimit(t *testing.T) {
	h := newHouse(t, func(o *Options) {
		o.Form = config.Webform{RateLimit: 3, Trusted: []string{"127.0.0.1"}}
	})
	post := func(forwarded string) answer {
		r := h.request(form("message", "Encore moi", "subject", strconv.Itoa(len(h.sink.all()))))
		if forwarded != "" {
			r.Header.Set("X-Forwarded-For", forwarded)
		}
		return h.do(r)
	}
	for range 3 {
		if a := post("192.0.2.7"); a.status != http.StatusSeeOther {
			t.Fatalf("answered %d", a.status)
		}
	}
	a := post("203.0.113.9, 192.0.2.7") // the left part is the client's own claim
	if a.status != http.StatusTooManyRequests {
		t.Fatalf("fourth answered %d", a.status)
	}
	if s, err := strconv.Atoi(a.header.Get("Retry-After")); err != nil || s < 3600 || s > 7200 {
		t.Errorf("Retry-After %q", a.header.Get("Retry-After"))
	}
	contains(t, "page", a.body, "3 envois par heure", "Encore moi</textarea>")
	parsePage(t, a.body).check(t)
	large := h.request(form("message", "Encore moi").File("film.mp4", make([]byte, 8<<20)))
	large.Header.Set("X-Forwarded-For", "192.0.2.7")
	if a := h.do(large); a.status != http.StatusTooManyRequests || !strings.Contains(a.body, "page précédente") {
		t.Errorf("large post answered %d", a.status)
	}
	if a := post("192.0.2.8"); a.status != http.StatusSeeOther {
		t.Errorf("neighbour answered %d", a.status)
	}
	for range 5 {
		if a := post(""); a.status != http.StatusSeeOther {
			t.Errorf("the machine itself answered %d", a.status)
		}
	}
	h.clock.add(2 * time.Hour)
	if a := post("192.0.2.7"); a.status != http.StatusSeeOther {
		t.Errorf("two hours later answered %d", a.status)
	}
}

// Nothing that a citizen wrote, nor an address, stands in the log.
func TestLogIsDiscreet(t *testing.T) {
	h := newHouse(t, func(o *Options) { o.Form.RateLimit = 4; o.Form.Trusted = []string{"127.0.0.1"} })
	for _, f := range []*formBody{
		form("message", "SECRET", "email", "secret@exemple.fr").File("SECRET.pdf", []byte("SECRET")),
		form("message", "", "email", "secret@exemple.fr"),
		form("message", "SECRET"),
	} {
		r := h.request(f)
		r.Header.Set("X-Forwarded-For", "192.0.2.77")
		h.do(r)
		h.sink.fail(ingest.ErrUnavailable)
	}
	h.server.Close()
	log := h.log.String()
	contains(t, "log", log, "form post recorded", "form post not recorded")
	for _, s := range []string{"SECRET", "secret@", "192.0.2.77"} {
		if strings.Contains(log, s) {
			t.Errorf("log holds %q:\n%s", s, log)
		}
	}
}

// A client that reads no answer before it has sent everything, as browsers do, gets
// the page and not a reset connection.
func TestRefusedPostIsDrained(t *testing.T) {
	contentType, body := form("message", "x").File("film.mp4", make([]byte, 24<<20)).Encode()
	for _, tc := range []struct {
		name, contentType, extra string
		status                   int
	}{
		{"over a limit", contentType, "", http.StatusRequestEntityTooLarge},
		{"no form", "video/mp4", "", http.StatusUnsupportedMediaType},
		{"too many", contentType, "X-Forwarded-For: 192.0.2.7\r\n", http.StatusTooManyRequests},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := newHouse(t, func(o *Options) {
				o.Limits.MaxFile = 1 << 20
				o.Form = config.Webform{RateLimit: 1, Trusted: []string{"127.0.0.1"}}
			})
			h.limiter.Take(netip.MustParsePrefix("192.0.2.7/32"), h.clock.now())
			conn, err := net.Dial("tcp", h.server.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			fmt.Fprintf(conn, "POST /demandes HTTP/1.1\r\nHost: x\r\n%sContent-Type: %s\r\nContent-Length: %d\r\n\r\n", tc.extra, tc.contentType, len(body))
			if _, err := conn.Write(body); err != nil {
				t.Fatalf("could not send all: %v", err)
			}
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if resp.StatusCode != tc.status {
				t.Errorf("answered %d", resp.StatusCode)
			}
		})
	}
}

// A body that stops in the middle is not recorded, and does not hold the handler.
func TestBrokenOffBody(t *testing.T) {
	h := newHouse(t, nil)
	contentType, body := form("message", "x").File("a.pdf", bytes.Repeat([]byte("x"), 1<<20)).Encode()
	for name, cut := range map[string]int{"in the text": 60, "in the file": len(body) / 2} {
		t.Run(name, func(t *testing.T) {
			conn, err := net.Dial("tcp", h.server.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			fmt.Fprintf(conn, "POST /demandes HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n", contentType, len(body))
			if _, err := conn.Write(body[:cut]); err != nil {
				t.Fatal(err)
			}
			if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
				t.Fatal(err)
			}
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if resp.StatusCode != http.StatusBadRequest || len(h.sink.all()) != 0 {
				t.Errorf("answered %d, %d recorded", resp.StatusCode, len(h.sink.all()))
			}
			h.spoolEmpty()
		})
	}
}
