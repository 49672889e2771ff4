package api

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"saisine.fr/saisine/channels/formpost/formtest"
	"saisine.fr/saisine/ingest"
)

const whole = `{"name":"Zoé","email":"zoe@exemple.fr","phone":"0102","address":"1 rue Haute","category":"voirie","place":"Pont",
	"subject":"Trou","message":"Un trou.","lat":48.5,"long":-4,"files":[{"name":"a.txt","type":"text/plain","content":"Ym9uam91cg=="}]}`

func TestSubmitJSON(t *testing.T) {
	h := newHouse(t, nil)
	a := h.submitJSON("submit", whole)
	h.wants(a, http.StatusCreated)
	if want := `{"id":"s1","follow_up_url":"https://demarches.exemple.fr/suivi/jeton-s1"}` + "\n"; a.body != want {
		t.Errorf("answer %s, want %s", a.body, want)
	}
	if got := a.header.Get("Location"); got != "https://demarches.exemple.fr/api/v1/submissions/s1" {
		t.Errorf("Location %q", got)
	}
	r := h.town.rows[0]
	if r.Channel != ingest.ChannelAPI || r.Account != "portail" || r.MediaType != ingest.MediaAPI || r.Hints.Category != "voirie" || !r.ReceivedAt.Equal(h.town.now) {
		t.Errorf("row %+v", r)
	}
	if string(h.town.bytes["s1"]) != whole {
		t.Error("the original is not what was sent")
	}
	// Without a key each call is a submission.
	h.wants(h.submitJSON("submit", whole), http.StatusCreated, `"s2"`)
	if left, _ := os.ReadDir(h.spool); len(left) > 0 {
		t.Errorf("left in the spool: %v", left)
	}
	if log := h.log.String(); strings.Contains(log, "Zo") || strings.Contains(log, "trou") || !strings.Contains(log, "key=portail") {
		t.Errorf("log: %s", log)
	}
}

func TestSubmitForm(t *testing.T) {
	h := newHouse(t, nil)
	contentType, body := formtest.New("name", "Zoé", "message", "Un trou.", "lat", "48.5", "long", "-4", "subject", "").
		File("a.pdf", bytes.Repeat([]byte("x"), 300<<10)).Encode()
	h.wants(h.call("submit", "POST", "/submissions", contentType, string(body)), http.StatusCreated, `"s1"`)
	if r := h.town.rows[0]; r.MediaType != ingest.MediaForm || !bytes.HasSuffix(h.town.bytes["s1"], append([]byte("\r\n\r\n"), body...)) {
		t.Errorf("row %+v", r)
	}
	h.wants(h.call("submit", "POST", "/submissions", "application/x-www-form-urlencoded", "message=Un+trou&category=voirie"), http.StatusCreated, `"s2"`)
	if r := h.town.rows[1]; r.MediaType != ingest.MediaForm || r.Hints.Category != "voirie" {
		t.Errorf("row %+v", r)
	}
	if left, _ := os.ReadDir(h.spool); len(left) > 0 {
		t.Errorf("left in the spool: %v", left)
	}
}

func TestSubmitRefuses(t *testing.T) {
	h := newHouse(t, func(o *Options) { o.Limits = testLimits })
	b64 := func(n int) string { return base64.StdEncoding.EncodeToString(make([]byte, n)) }
	many, _ := formtest.New().Encode()
	form := func(f *formtest.Body) string { _, b := f.Encode(); return string(b) }
	long := strings.Repeat("é", 301)
	const urlencoded = "application/x-www-form-urlencoded"
	for _, tc := range []struct {
		name, contentType, body string
		status                  int
		parts                   []string
	}{
		{"no type", "", whole, 415, []string{"multipart/form-data"}},
		{"text", "text/plain", whole, 415, nil},
		{"no JSON", "application/json", `{"message":`, 400, []string{"After 11 bytes"}},
		{"array", "application/json", `[]`, 400, []string{"object"}},
		{"trailing", "application/json", whole + "x", 400, []string{"follows"}},
		{"Latin-1", "application/json", "{\"message\":\"\xe9\"}", 400, []string{"UTF-8"}},
		{"empty", "application/json", `{}`, 422, []string{`"field":"message","detail":"is missing`}},
		{"blank", "application/json", `{"message":" \u0000\n"}`, 422, []string{"is missing"}},
		{"unknown", "application/json", `{"message":"m","nom":"x","files":[{"content":"","nom":1}]}`, 422, []string{`"nom"`, `"files[0].nom"`}},
		{"twice", "application/json", `{"message":"m","message":"n"}`, 422, []string{"stands twice"}},
		{"types", "application/json", `{"message":1,"lat":"48"}`, 422, []string{`"message"`, `"lat"`}},
		{"category", "application/json", `{"message":"m","category":"rien"}`, 422, []string{`"category"`}},
		{"lines", "application/json", fmt.Sprintf(`{"message":"m","name":%q,"place":%q}`, long, long), 422, []string{"301 characters", `"place"`}},
		{"email", "application/json", `{"message":"m","email":"zoe"}`, 422, []string{`"email"`}},
		{"half a position", "application/json", `{"message":"m","lat":48}`, 422, []string{`"long"`, "go together"}},
		{"no position", "application/json", `{"message":"m","lat":91,"long":-181}`, 422, []string{`"lat"`, `"long"`}},
		{"base64", "application/json", `{"message":"m","files":[{"content":"é"}]}`, 422, []string{"base64"}},
		{"long message", "application/json", `{"message":"` + strings.Repeat("x", 50_001) + `"}`, 422, []string{"50001 characters"}},
		{"text over", "application/json", `{"message":"` + strings.Repeat("x", 300<<10) + `"}`, 413, []string{"262144 of them of text"}},
		{"file over", "application/json", `{"message":"m","files":[{"content":"` + b64(1<<20+1) + `"}]}`, 413, []string{"files[0]"}},
		{"files over", "application/json", `{"message":"m","files":[{"content":""},{"content":""},{"content":""},{"content":""}]}`, 413, []string{"3 files"}},
		{"JSON over", "application/json", `{"message":"m","x":"` + strings.Repeat("x", maxJSON) + `"}`, 413, []string{"multipart/form-data", "16777216"}},
		{"form empty", urlencoded, "", 422, []string{`"message"`}},
		{"form unknown", urlencoded, "message=m&nom=x&files=&lat=&long=", 422, []string{`"nom"`}},
		{"form twice", urlencoded, "message=m&message=n", 422, []string{"stands twice"}},
		{"form position", urlencoded, "message=m&lat=nord&long=1e", 422, []string{`"lat"`, `"long"`}},
		{"form file", many, form(formtest.New("message", "m", "files", "x")), 422, []string{"filename"}},
		{"form file over", many, form(formtest.New("message", "m").File("gros.pdf", make([]byte, 1<<20+1))), 413, []string{"gros.pdf", "1048576"}},
		{"form files over", many, form(formtest.New("message", "m").File("a", nil).File("b", nil).File("c", nil).File("d", nil)), 413, []string{"3 files"}},
		{"form over", many, form(formtest.New("message", "m").File("a", make([]byte, 1<<20)).File("b", make([]byte, 1<<20))), 413, []string{"2097152"}},
		{"form text over", many, form(formtest.New("message", strings.Repeat("x", 300<<10))), 413, []string{"262144"}},
		{"form cut", many, strings.TrimSuffix(form(formtest.New("message", "m", "name", "n")), "--\r\n"), 400, []string{"to its end"}},
		{"no boundary", "multipart/form-data", "x", 400, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h.t = t
			h.wants(h.call("submit", "POST", "/submissions", tc.contentType, tc.body), tc.status, tc.parts...)
			if n := h.town.count(); n != 0 {
				t.Fatalf("%d submissions recorded", n)
			}
			if left, _ := os.ReadDir(h.spool); len(left) > 0 {
				t.Errorf("left in the spool: %v", left)
			}
		})
	}
	h.t = t
	h.wants(h.call("submit", "POST", "/submissions", "application/json", whole, "Content-Encoding", "gzip"), 415, "compressed")
}

func TestIdempotency(t *testing.T) {
	h := newHouse(t, nil)
	const key = "Idempotency-Key"
	first := h.submitJSON("submit", whole, key, "a")
	h.wants(first, http.StatusCreated)
	if first.header.Get("Idempotency-Replayed") != "" {
		t.Error("the first is told as replayed")
	}
	again := h.submitJSON("submit", whole, key, "a")
	h.wants(again, http.StatusCreated)
	if again.body != first.body || again.header.Get("Idempotency-Replayed") != "true" || again.header.Get("Location") != first.header.Get("Location") {
		t.Errorf("again: %+v", again)
	}
	// The same as another text of JSON, and as a form.
	h.wants(h.submitJSON("submit", strings.NewReplacer("48.5", "4.85e1", "Zoé", `Zo\u00e9`).Replace(whole), key, "a"), http.StatusCreated, `"s1"`)
	contentType, form := formtest.New("name", "Zoé", "email", "zoe@exemple.fr", "phone", "0102", "address", "1 rue Haute", "category", "voirie", "place", "Pont",
		"subject", "Trou", "message", "Un trou.", "lat", "48.50", "long", "-4").File("a.txt", []byte("bonjour")).Encode()
	h.wants(h.call("submit", "POST", "/submissions", contentType, string(form), key, "a"), http.StatusCreated, `"s1"`)
	// Something else: each of these is another submission.
	for _, change := range [][2]string{{"Un trou", "Deux trous"}, {"48.5", "48.6"}, {"Ym9u", "Ym9v"}, {`"name":"Zo`, `"name":"Zz`}, {"voirie", "aide-sociale"}} {
		other := h.submitJSON("submit", strings.Replace(whole, change[0], change[1], 1), key, "a")
		h.wants(other, http.StatusConflict, typeIdempotency)
	}
	if n := h.town.count(); n != 1 {
		t.Errorf("%d submissions", n)
	}
	// Another key of the header, and another key of the interface.
	h.wants(h.submitJSON("submit", whole, key, "b"), http.StatusCreated, `"s2"`)
	h.wants(h.submitJSON("all", whole, key, "a"), http.StatusCreated, `"s3"`)
	h.wants(h.submitJSON("renewed", whole, key, "a"), http.StatusCreated, `"s4"`)
	for _, bad := range []string{"", "a b", "é", "a\tb", strings.Repeat("x", 256)} {
		h.wants(h.submitJSON("submit", whole, key, bad), http.StatusBadRequest, "Idempotency-Key")
	}
	h.wants(h.submitJSON("submit", whole, key, "a", key, "b"), http.StatusBadRequest, "one value")
	h.wants(h.submitJSON("submit", whole, key, strings.Repeat("x", 255)), http.StatusCreated)
}

// The same call from many connections at once is one submission.
func TestConcurrentReplays(t *testing.T) {
	h := newHouse(t, nil)
	bodies := make([]string, 20)
	var wg sync.WaitGroup
	for i := range bodies {
		wg.Go(func() { bodies[i] = h.submitJSON("submit", whole, "Idempotency-Key", "un").body })
	}
	wg.Wait()
	for _, b := range bodies {
		if b != bodies[0] {
			t.Errorf("answers differ: %s, %s", b, bodies[0])
		}
	}
	if n := h.town.count(); n != 1 {
		t.Errorf("%d submissions", n)
	}
}

// While nothing can be recorded, callers are told to come back, and are not counted.
func TestSubmitUnavailable(t *testing.T) {
	h := newHouse(t, nil)
	unavailable := func(what string) {
		t.Helper()
		a := h.submitJSON("slow", whole, "Idempotency-Key", "a")
		h.wants(a, http.StatusServiceUnavailable, "Nothing was recorded")
		if a.header.Get("Retry-After") != "30" {
			t.Errorf("%s: Retry-After %q", what, a.header.Get("Retry-After"))
		}
	}
	h.town.set(func() { h.town.sinkErr = fmt.Errorf("test: %w", ingest.ErrUnavailable) })
	for range 5 { // more than the key's three calls
		unavailable("storage")
	}
	h.town.set(func() { h.town.sinkErr = errors.New("no kind that is known") })
	unavailable("an error of no kind")
	h.town.set(func() { h.town.sinkErr = nil })
	h.wants(h.submitJSON("slow", whole, "Idempotency-Key", "a"), http.StatusCreated)

	// What is recorded is told as recorded, whatever else fails.
	h.town.set(func() { h.town.tokenErr = errors.New("no token") })
	h.wants(h.submitJSON("submit", whole, "Idempotency-Key", "b"), http.StatusCreated, `{"id":"s2","follow_up_url":""}`)
	h.town.set(func() { h.town.tokenErr = nil })

	if err := os.RemoveAll(h.spool); err != nil { // as a disk that takes nothing
		t.Fatal(err)
	}
	large := `{"message":"m","files":[{"content":"` + base64.StdEncoding.EncodeToString(make([]byte, 1<<20)) + `"}]}`
	h.wants(h.submitJSON("submit", large), http.StatusServiceUnavailable)
	contentType, form := formtest.New("message", "m").File("a", make([]byte, 1<<20)).Encode()
	h.wants(h.call("submit", "POST", "/submissions", contentType, string(form)), http.StatusServiceUnavailable)

	h.stop()
	h.wants(h.submitJSON("submit", whole), http.StatusServiceUnavailable, "starting or stopping")
	if n := h.town.count(); n != 2 {
		t.Errorf("%d submissions", n)
	}
}

// A body that breaks off is no submission.
func TestSubmitBreaksOff(t *testing.T) {
	h := newHouse(t, nil)
	for _, contentType := range []string{"application/json", "multipart/form-data; boundary=b"} {
		pr, pw := io.Pipe()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.server.URL+base+"/submissions", pr)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer submit")
		r.Header.Set("Content-Type", contentType)
		go func() {
			_, _ = pw.Write([]byte(whole[:100]))
			_ = pw.CloseWithError(io.ErrUnexpectedEOF)
		}()
		if resp, err := h.server.Client().Do(r); err == nil {
			_ = resp.Body.Close()
			t.Errorf("answered %d", resp.StatusCode)
		}
	}
	h.stop() // which waits for what is being submitted
	if n := h.town.count(); n != 0 {
		t.Errorf("%d submissions", n)
	}
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		left, _ := os.ReadDir(h.spool)
		if len(left) == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("left in the spool: %v", left)
		}
	}
}

// FuzzSubmit: any body is answered, and what is refused is not recorded.
func FuzzSubmit(f *testing.F) {
	f.Add("application/json", []byte(whole))
	f.Add("application/json", []byte(`{"message":"m","files":[{"content":"AA=="}],"x":[{}]}`))
	contentType, form := formtest.New("message", "m", "lat", "1", "long", "2").File("a", []byte("x")).Encode()
	f.Add(contentType, form)
	f.Add("application/x-www-form-urlencoded", []byte("message=%E9&name=a&lat=NaN&long=0x1p-2"))
	zone := time.UTC
	h := &town{bytes: make(map[string][]byte), byKey: make(map[string]int)}
	a := New(Options{Zone: zone, RateLimit: 1 << 30, Keys: h, Ledger: h, Follow: h, Spool: ingest.Spool{Dir: f.TempDir()}, Log: discard})
	a.door.Lend(h)
	f.Fuzz(func(t *testing.T, contentType string, body []byte) {
		before := h.count()
		w := serve(t, a, "submit", contentType, body)
		if recorded := h.count() - before; (w.Code == http.StatusCreated) != (recorded == 1) || w.Code >= 500 {
			t.Fatalf("answered %d, recorded %d: %s", w.Code, recorded, w.Body)
		}
	})
}
