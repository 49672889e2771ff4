package open311

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"saisine.fr/saisine/channels/formpost"
	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/classify"
)

// What comes in is kept as it came, but for the key.
func TestSubmission(t *testing.T) {
	a, h := newServer(t, nil)
	if w := ask(a, "POST", Prefix+"requests.json", report); w.Code != 200 {
		t.Fatalf("answered %d: %s", w.Code, w.Body)
	}
	r := h.last()
	if r.s.Channel != ingest.ChannelApp || r.s.Account != "appli" || r.s.MediaType != ingest.MediaOpen311 || r.s.Hints.Category != "eclairage-public" || !r.s.ReceivedAt.Equal(testNow) {
		t.Errorf("submission %+v", r.s)
	}
	blotted := strings.Replace(report, testKey, strings.Repeat("*", len(testKey)), 1)
	want := "MIME-Version: 1.0\r\nDate: Mon, 15 Jun 2026 12:30:00 +0200\r\nContent-Type: application/x-www-form-urlencoded; charset=utf-8\r\nContent-Transfer-Encoding: binary\r\n\r\n" + blotted
	if string(r.original) != want {
		t.Errorf("original\n%s\nwant\n%s", r.original, want)
	}
	if len(r.s.Hints.Problems) != 0 || r.s.Hints.Digest != "" {
		t.Errorf("hints %+v", r.s.Hints)
	}
	if p := r.reading; p.From.Email != "jeanne.martin@exemple.fr" || p.Place != "12 rue Haute" || p.Position == nil || p.Category != "eclairage-public" {
		t.Errorf("reading %+v", p)
	}
}

// picture is a report as a multipart post with pictures.
func picture(t *testing.T, fields url.Values, files map[string][]byte) (contentType string, body []byte) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, name := range []string{"a.jpg", "b.jpg"} {
		content, ok := files[name]
		if !ok {
			continue
		}
		p, err := w.CreatePart(textproto.MIMEHeader{"Content-Disposition": {`form-data; name="media"; filename="` + name + `"`}, "Content-Type": {"image/jpeg"}})
		if err != nil {
			t.Fatal(err)
		}
		_, _ = p.Write(content)
	}
	for name, values := range fields {
		for _, v := range values {
			_ = w.WriteField(name, v)
		}
	}
	_ = w.Close()
	return w.FormDataContentType(), b.Bytes()
}

func postPicture(a *Adapter, contentType string, body []byte, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", Prefix+"requests.json", bytes.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	a.ServeHTTP(w, r)
	return w
}

// A key among large pictures is blotted out as well, wherever it lies, and nothing else is.
func TestPictures(t *testing.T) {
	a, h := newServer(t, nil)
	fields := url.Values{"service_code": {"proprete-dechets"}, "address_string": {"place du Marché"}, "api_key": {testKey}, "attribute[type-dechets]": {"graffiti"}}
	for size := 1000; size <= 600_000; size = size*5/2 + 7 {
		photo := bytes.Repeat([]byte(testKey[:len(testKey)-1]), size/len(testKey)) // all but the key
		files := map[string][]byte{"a.jpg": photo, "b.jpg": []byte("\xff\xd8\xff\xe0")}
		contentType, body := picture(t, fields, files)
		w := postPicture(a, contentType, body)
		if w.Code != 200 {
			t.Fatalf("%d bytes: answered %d: %s", size, w.Code, w.Body)
		}
		r := h.last()
		if bytes.Contains(r.original, []byte(testKey)) {
			t.Errorf("%d bytes: the key is in the original", size)
		}
		if want := bytes.Replace(body, []byte(testKey), bytes.Repeat([]byte("*"), len(testKey)), 1); !bytes.HasSuffix(r.original, want) {
			t.Errorf("%d bytes: the original is not the post", size)
		}
		if got := len(r.reading.Attachments); got != 2 {
			t.Errorf("%d bytes: %d files", size, got)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(a.opts.Spool.Dir, "*")); len(left) != 0 {
		t.Errorf("left in the spool: %q", left)
	}
}

// A key that lies over the edge of two reads is found as well.
func TestBlotOut(t *testing.T) {
	for at := 64<<10 - 4; at < 64<<10+3*len(testKey); at++ {
		text := append(append(bytes.Repeat([]byte("x"), at), testKey...), "y"...)
		for name, r := range map[string]io.Reader{"": bytes.NewReader(text), "by halves: ": iotest.HalfReader(bytes.NewReader(text)), "with the end: ": iotest.DataErrReader(bytes.NewReader(text))} {
			var out bytes.Buffer
			found, err := blotOut(&out, r, [][]byte{[]byte("other"), []byte(testKey)})
			if err != nil || !found || out.Len() != len(text) || bytes.Contains(out.Bytes(), []byte("osk")) {
				t.Fatalf("%sat %d: found %v, %v", name, at, found, err)
			}
		}
	}
}

func TestKeys(t *testing.T) {
	fields := strings.Replace(report, "api_key="+testKey+"&", "", 1)
	for _, tt := range []struct {
		name, query, body string
		header            []string
		status            int
		says              string
	}{
		{"none", "", fields, nil, 403, "manque"},
		{"wrong", "", "api_key=osk_nobodys_key_at_all&" + fields, nil, 403, "pas connue"},
		{"short", "", "api_key=x&" + fields, nil, 403, "pas connue"},
		{"endless", "?api_key=" + strings.Repeat("x", 5000), fields, nil, 403, "pas connue"},
		{"revoked", "", "api_key=" + goneKey + "&" + fields, nil, 403, "retirée"},
		{"without the scope", "", "api_key=" + otherKey + "&" + fields, nil, 403, "open311"},
		{"in the form", "", "api_key=" + testKey + "&" + fields, nil, 200, ""},
		{"with the address", "?api_key=" + testKey, fields, nil, 200, ""},
		{"in a header", "", fields, []string{"X-Api-Key", testKey}, 200, ""},
		{"in api_key as a header", "", fields, []string{"api_key", testKey}, 200, ""},
		{"as a bearer", "", fields, []string{"Authorization", "bearer " + testKey}, 200, ""},
		{"of another kind", "", fields, []string{"Authorization", "Basic " + testKey}, 403, "manque"},
		{"a wrong header and a good form", "", "api_key=" + testKey + "&" + fields, []string{"X-Api-Key", goneKey}, 403, "retirée"},
		{"oddly written", "", "api_key=%6f" + testKey[1:] + "&" + fields, nil, 400, "inhabituelle"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, h := newServer(t, nil)
			w := ask(a, "POST", Prefix+"requests.json"+tt.query, tt.body, tt.header...)
			if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.says) {
				t.Errorf("answered %d: %s", w.Code, w.Body)
			}
			if (h.count() == 1) != (tt.status == 200) {
				t.Errorf("%d submissions", h.count())
			}
			if tt.status == 200 && bytes.Contains(h.last().original, []byte(testKey)) {
				t.Error("the key is in the original")
			}
		})
	}
}

// What stands in a post beside a key in the header is not blotted out for being short.
func TestShortWordIsNoKey(t *testing.T) {
	a, h := newServer(t, nil)
	if w := ask(a, "POST", Prefix+"requests.json", "api_key=e&service_code=voirie&address_string=rue+Haute", "X-Api-Key", testKey); w.Code != 200 {
		t.Fatalf("answered %d", w.Code)
	}
	if !bytes.Contains(h.last().original, []byte("api_key=e&service_code=voirie")) {
		t.Errorf("original %s", h.last().original)
	}
}

// What may be a key is looked for in the whole post, so there may not be many.
func TestManyKeys(t *testing.T) {
	a, h := newServer(t, nil)
	post := func(keys ...string) *httptest.ResponseRecorder {
		return ask(a, "POST", Prefix+"requests.json", "service_code=voirie&address_id=1&api_key="+strings.Join(keys, "&api_key="), "X-Api-Key", testKey)
	}
	w := post(testKey, otherKey, goneKey, smallKey)
	if w.Code != 400 || h.count() != 0 || !strings.Contains(w.Body.String(), "3 clés") {
		t.Errorf("four keys: %d, %s", w.Code, w.Body)
	}
	valid(t, "errors", w.Body.Bytes())
	endless := strings.Repeat("y", maxKey+1)
	if w := post(testKey, otherKey, goneKey, testKey, "short", endless); w.Code != 200 {
		t.Fatalf("three keys: %d, %s", w.Code, w.Body)
	}
	original := string(h.last().original)
	for _, key := range []string{testKey, otherKey, goneKey} {
		if strings.Contains(original, key) {
			t.Errorf("%s is in the original", key)
		}
	}
	if !strings.Contains(original, "&api_key=short&api_key="+endless) {
		t.Errorf("what is no key is blotted out: %s", original)
	}
	f := &form{}
	for i := range 1000 {
		f.noteKey(fmt.Appendf(nil, "osk_%020d", i))
	}
	if len(f.keys) != maxKeys+1 {
		t.Errorf("%d are kept", len(f.keys))
	}
}

func TestValidation(t *testing.T) {
	const here = "&address_string=rue+Haute"
	required := func(o *Options) {
		o.Catalogue.Services[0].Attributes = []classify.Attribute{
			{Code: "q", Label: "Combien ?", Datatype: classify.DatatypeNumber, Required: true},
			{Code: "d", Label: "Quand ?", Datatype: classify.DatatypeDatetime},
			{Code: "t", Label: "Quoi ?", Datatype: classify.DatatypeText},
		}
	}
	for _, tt := range []struct {
		name, body string
		change     func(*Options)
		status     int
		says       []string
	}{
		{"empty", "", nil, 400, []string{"service_code manque", "Le lieu manque"}},
		{"empty fields", "service_code=&lat=&long=&address_string=&address_id=+", nil, 400, []string{"service_code manque", "Le lieu manque"}},
		{"unknown service", "service_code=999" + here, nil, 404, []string{"« 999 » n’existe pas"}},
		{"not public", "service_code=urbanisme" + here, nil, 404, []string{"n’existe pas"}},
		{"unknown service and no place", "service_code=999", nil, 404, []string{"n’existe pas", "Le lieu manque"}},
		{"long only", "service_code=voirie&long=2", nil, 400, []string{"vont ensemble"}},
		{"lat too far", "service_code=voirie&lat=90.01&long=2", nil, 400, []string{"degrés"}},
		{"long too far", "service_code=voirie&lat=9&long=-180.01", nil, 400, []string{"degrés"}},
		{"no number", "service_code=voirie&lat=nord&long=2" + here, nil, 400, []string{"degrés"}},
		{"not finite", "service_code=voirie&lat=NaN&long=Inf", nil, 400, []string{"degrés"}},
		{"nowhere", "service_code=voirie&lat=0&long=0.0", nil, 400, []string{"Le lieu manque"}},
		{"nowhere with an address", "service_code=voirie&lat=0&long=0.0" + here, nil, 200, nil},
		{"the ends of the earth", "service_code=voirie&lat=-90&long=180", nil, 200, nil},
		{"decimal comma", "service_code=voirie&lat=48,85&long=2,35", nil, 200, nil},
		{"address_id", "service_code=voirie&address_id=1", nil, 200, nil},
		{"long address", "service_code=voirie&address_string=" + strings.Repeat("é", 301), nil, 400, []string{"address_string : 301 caractères, pour 300"}},
		{"long description", "service_code=voirie&description=" + strings.Repeat("é", 4001) + here, nil, 400, []string{"description : 4001"}},
		{"longest description", "service_code=voirie&description=" + strings.Repeat("é", 4000) + here, nil, 200, nil},
		{
			"long everything", "service_code=voirie" + here + long("email", "phone", "first_name", "last_name", "device_id", "account_id", "address_id"), nil, 400,
			[]string{"email", "phone", "first_name", "last_name", "device_id", "account_id", "address_id"},
		},
		{"bad mail", "service_code=voirie&email=jeanne" + here, nil, 400, []string{"nom@exemple.fr"}},
		{"media_url", "service_code=voirie&media_url=javascript:alert(1)" + here, nil, 400, []string{"media_url"}},
		{"media_url without a host", "service_code=voirie&media_url=https:///x" + here, nil, 400, []string{"media_url"}},
		{"several media_url", "service_code=voirie&media_url=https://a/1&media_url=https://a/2" + here, nil, 200, nil},
		{"another town", "service_code=voirie&jurisdiction_id=autre.fr" + here, nil, 404, []string{"jurisdiction_id"}},
		{"our town", "service_code=voirie&jurisdiction_id=exemple.fr" + here, nil, 200, nil},
		{"any town", "service_code=voirie&jurisdiction_id=autre.fr" + here, func(o *Options) { o.Jurisdiction = "" }, 200, nil},
		{"unknown attribute", "service_code=voirie&attribute[WHISPAWN]=1" + here, nil, 200, nil},
		{"answer that is none", "service_code=voirie&attribute[obstacle][]=pietons&attribute[obstacle][]=avions" + here, nil, 400, []string{"« avions » n’est pas une des réponses pietons"}},
		{"several answers", "service_code=voirie&attribute[obstacle][]=pietons&attribute[obstacle][]=velos" + here, nil, 200, nil},
		{"several answers without brackets", "service_code=voirie&attribute[obstacle]=pietons&attribute[obstacle]=velos" + here, nil, 200, nil},
		{"two of one", "service_code=eclairage-public&attribute[panne]=eteint&attribute[panne]=abime" + here, nil, 400, []string{"qu’une réponse"}},
		{"several lines", "service_code=eclairage-public&attribute[numero-lampadaire]=1%0A2" + here, nil, 400, []string{"sur une ligne"}},
		{"required", "service_code=voirie&attribute[q]=+" + here, required, 400, []string{"attribute[q] manque : « Combien ? »"}},
		{"no number", "service_code=voirie&attribute[q]=deux" + here, required, 400, []string{"indiquez un nombre"}},
		{"no date", "service_code=voirie&attribute[q]=2&attribute[d]=hier" + here, required, 400, []string{"indiquez une date"}},
		{"all answered", "service_code=voirie&attribute[q]=2,5&attribute[d]=2026-05-01T10:00&attribute[t]=a%0Ab" + here, required, 200, nil},
		{"long text", "service_code=voirie&attribute[q]=2&attribute[t]=" + strings.Repeat("x", 4001) + here, required, 400, []string{"4000 caractères"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, h := newServer(t, tt.change)
			w := ask(a, "POST", Prefix+"requests.json", tt.body+"&x=1", "X-Api-Key", testKey)
			if w.Code != tt.status || (h.count() == 1) != (tt.status == 200) {
				t.Fatalf("answered %d, %d submissions: %s", w.Code, h.count(), w.Body)
			}
			text := strings.ReplaceAll(w.Body.String(), "\u00a0", " ")
			for _, says := range tt.says {
				if !strings.Contains(text, says) {
					t.Errorf("%q is not said in %s", says, text)
				}
			}
			if tt.status != 200 {
				list, _ := valid(t, "errors", w.Body.Bytes()).([]any)
				if len(list) != len(tt.says) {
					t.Errorf("%d errors: %s", len(list), text)
				}
			}
		})
	}
}

func long(names ...string) string {
	var b strings.Builder
	for _, name := range names {
		b.WriteString("&" + name + "=" + strings.Repeat("x", 301))
	}
	return b.String()
}

func TestUnknownAnswerIsNoted(t *testing.T) {
	a, h := newServer(t, nil)
	ask(a, "POST", Prefix+"requests.json", "service_code=voirie&address_id=1&attribute[WHISPAWN]=1", "X-Api-Key", testKey)
	if p := h.last().s.Hints.Problems; len(p) != 1 || p[0].Code != "open311_attribute" {
		t.Errorf("problems %v", p)
	}
}

// An app that got no answer sends again, and is answered the same.
func TestReplay(t *testing.T) {
	now := testNow
	a, h := newServer(t, func(o *Options) { o.Now = func() time.Time { return now } })
	h.files = false
	post := func(body string, header ...string) string {
		t.Helper()
		w := ask(a, "POST", Prefix+"requests.json", body, header...)
		if w.Code != 200 {
			t.Fatalf("answered %d: %s", w.Code, w.Body)
		}
		return w.Body.String()
	}
	first := post(report)
	now = now.Add(20 * time.Minute)
	if again := post(report); again != first || h.count() != 1 {
		t.Errorf("the same again: %d submissions, %s", h.count(), again)
	}
	// Some clients send their fields in no order.
	pairs := strings.Split(report, "&")
	pairs[1], pairs[len(pairs)-1] = pairs[len(pairs)-1], pairs[1]
	if again := post(strings.Join(pairs, "&")); again != first || h.count() != 1 {
		t.Errorf("the same in another order: %d submissions", h.count())
	}
	if post(report + "&device_id=d2"); h.count() != 2 {
		t.Errorf("another device: %d submissions", h.count())
	}
	if post(report+"&device_id=d2", "X-Api-Key", smallKey); h.count() != 3 {
		t.Errorf("another key: %d submissions", h.count())
	}
	now = now.Add(time.Hour)
	if post(report); h.count() != 4 {
		t.Errorf("an hour later: %d submissions", h.count())
	}
	h.fileAll()
	if again := post(report); !strings.Contains(again, `"service_request_id": "2026-`) || strings.Contains(again, `"token"`) {
		t.Errorf("once it is filed: %s", again)
	}
}

func TestIdempotencyKey(t *testing.T) {
	now := testNow
	a, h := newServer(t, func(o *Options) { o.Now = func() time.Time { return now } })
	post := func(body, key string) *httptest.ResponseRecorder {
		return ask(a, "POST", Prefix+"requests.json", body, "Idempotency-Key", key)
	}
	first := post(report, "abc")
	now = now.Add(48 * time.Hour)
	if again := post(report, "abc"); again.Code != 200 || h.count() != 1 || !strings.Contains(again.Body.String(), "2026-000001") {
		t.Errorf("two days later: %d, %d submissions: %s; first %s", again.Code, h.count(), again.Body, first.Body)
	}
	if other := post(report+"&device_id=d2", "abc"); other.Code != 400 || !strings.Contains(other.Body.String(), "autre envoi") {
		t.Errorf("another report under the same key: %d: %s", other.Code, other.Body)
	}
	if other := post(report, "abd"); other.Code != 200 || h.count() != 2 {
		t.Errorf("the same report under another key: %d, %d submissions", other.Code, h.count())
	}
	for _, bad := range []string{" ", "a b", "é", strings.Repeat("x", 256)} {
		if w := post(report, bad); w.Code != 400 {
			t.Errorf("%q: answered %d", bad, w.Code)
		}
	}
}

// A post waits a moment for its reference, and no longer.
func TestWait(t *testing.T) {
	a, h := newServer(t, func(o *Options) { o.Wait = 20 * time.Second })
	h.files = false
	filed := make(chan struct{})
	go func() {
		defer close(filed)
		deadline := time.Now().Add(10 * time.Second)
		for time.Now().Before(deadline) {
			h.mu.Lock()
			asked := h.asked
			h.mu.Unlock()
			if asked >= 2 {
				h.fileAll()
				return
			}
			time.Sleep(time.Millisecond)
		}
	}()
	w := ask(a, "POST", Prefix+"requests.json", report)
	<-filed
	if !strings.Contains(w.Body.String(), `"service_request_id": "2026-000001"`) {
		t.Errorf("filed while it waited: %s", w.Body)
	}

	a, h = newServer(t, func(o *Options) { o.Wait = 50 * time.Millisecond })
	h.files = false
	start := time.Now()
	w = ask(a, "POST", Prefix+"requests.json", report)
	if took := time.Since(start); took < 50*time.Millisecond || took > 5*time.Second || !strings.Contains(w.Body.String(), `"token"`) {
		t.Errorf("not filed: %v, %s", took, w.Body)
	}
	// Merged meanwhile: the token leads to the other request.
	h.fileAll()
	h.merged["2026-000001"] = "2026-000777"
	if w := ask(a, "GET", Prefix+"tokens/tok-id-1.1.json", ""); !strings.Contains(w.Body.String(), "2026-000777") {
		t.Errorf("merged: %s", w.Body)
	}
}

func TestClosedDoor(t *testing.T) {
	a, h := newServer(t, nil)
	a.door.Lend(nil)
	w := ask(a, "POST", Prefix+"requests.json", report)
	if w.Code != 503 || w.Header().Get("Retry-After") != "30" || w.Header().Get("Connection") != "close" || h.count() != 0 {
		t.Errorf("before Run: %d, %v", w.Code, w.Header())
	}
	if w := ask(a, "GET", Prefix+"requests.json", ""); w.Code != 200 {
		t.Errorf("what only asks: %d", w.Code)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- a.Run(ctx, h) }()
	deadline := time.Now().Add(10 * time.Second)
	for !a.door.Open() && time.Now().Before(deadline) {
		time.Sleep(time.Millisecond)
	}
	if w := ask(a, "POST", Prefix+"requests.json", report); w.Code != 200 {
		t.Errorf("while it runs: %d", w.Code)
	}
	h.mu.Lock()
	h.fail = fmt.Errorf("disk: %w", ingest.ErrUnavailable)
	h.mu.Unlock()
	if w := ask(a, "POST", Prefix+"requests.json", report+"&x=3"); w.Code != 503 || w.Header().Get("Retry-After") == "" {
		t.Errorf("the house fails: %d", w.Code)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if w := ask(a, "POST", Prefix+"requests.json", report); w.Code != 503 {
		t.Errorf("after Run: %d", w.Code)
	}
}

func TestKeyRate(t *testing.T) {
	a, h := newServer(t, func(o *Options) { o.KeyRate = 3 })
	post := func(key string, n int) int {
		return ask(a, "POST", Prefix+"requests.json", fmt.Sprintf("service_code=voirie&address_id=%d", n), "X-Api-Key", key).Code
	}
	for n := range 3 {
		if got := post(testKey, n); got != 200 {
			t.Fatalf("post %d: %d", n, got)
		}
	}
	w := ask(a, "POST", Prefix+"requests.json", report)
	if w.Code != 429 || w.Header().Get("Retry-After") == "" {
		t.Errorf("the fourth: %d", w.Code)
	}
	if post(smallKey, 1) != 200 || post(smallKey, 2) != 200 || post(smallKey, 3) != 429 {
		t.Error("a key's own limit does not count")
	}
	if h.count() != 5 {
		t.Errorf("%d submissions", h.count())
	}
}

func TestUnreadablePosts(t *testing.T) {
	a, h := newServer(t, func(o *Options) { o.Limits = formpost.Limits{MaxPost: 300_000, MaxFile: 200_000, MaxFiles: 2} })
	for _, tt := range []struct{ name, contentType, body string }{
		{"JSON", "application/json", `{"service_code":"voirie"}`},
		{"nothing", "", ""},
		{"no boundary", "multipart/form-data", "x"},
		{"cut off", "multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"service_code\"\r\n\r\nvoi"},
		{"too long", "application/x-www-form-urlencoded", "service_code=voirie&x=" + strings.Repeat("x", 299_000)},
		{"too many fields", "application/x-www-form-urlencoded", strings.Repeat("a=1&", 300)},
		{"file too large", "multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"media\"; filename=\"é<a>.jpg\"\r\n\r\n" + strings.Repeat("x", 200_001) + "\r\n--b--"},
		{"too many files", "multipart/form-data; boundary=b", strings.Repeat("--b\r\nContent-Disposition: form-data; name=\"media\"; filename=\"a.jpg\"\r\n\r\nx\r\n", 3) + "--b--"},
		{"post too large", "multipart/form-data; boundary=b", strings.Repeat("--b\r\nContent-Disposition: form-data; name=\"media\"; filename=\"a.jpg\"\r\n\r\n"+strings.Repeat("x", 160_000)+"\r\n", 2) + "--b--"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := postPicture(a, tt.contentType, []byte(tt.body), "X-Api-Key", testKey)
			if w.Code != 400 || w.Header().Get("Connection") != "close" || h.count() != 0 {
				t.Errorf("answered %d, %v: %s", w.Code, w.Header(), w.Body)
			}
			valid(t, "errors", w.Body.Bytes())
		})
	}
	r := httptest.NewRequest("POST", Prefix+"requests.json", strings.NewReader(report))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Content-Encoding", "gzip")
	w := httptest.NewRecorder()
	a.ServeHTTP(w, r)
	if w.Code != http.StatusBadRequest {
		t.Errorf("gzip: %d", w.Code)
	}
	if left, _ := os.ReadDir(a.opts.Spool.Dir); len(left) != 0 {
		t.Errorf("%d files are left in the spool", len(left))
	}
}

func TestFullDisk(t *testing.T) {
	a, h := newServer(t, func(o *Options) { o.Spool.Dir = filepath.Join(o.Spool.Dir, "gone") })
	contentType, body := picture(t, url.Values{"service_code": {"voirie"}, "address_id": {"1"}}, map[string][]byte{"a.jpg": bytes.Repeat([]byte("x"), 400_000)})
	if w := postPicture(a, contentType, body, "X-Api-Key", testKey); w.Code != 503 || h.count() != 0 {
		t.Errorf("answered %d: %s", w.Code, w.Body)
	}
}
