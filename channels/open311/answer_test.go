package open311

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"saisine.fr/saisine/ingest"
)

const report = "api_key=" + testKey + "&service_code=eclairage-public&lat=48.8566&long=2.3522&address_string=12+rue+Haute" +
	"&email=jeanne.martin%40exemple.fr&first_name=Jeanne&last_name=Martin&phone=0612345678&device_id=d1&account_id=a1" +
	"&description=Lampadaire+%C3%A9teint+devant+l%27%C3%A9cole.+Appelez-moi+au+06+12+34+56+78.%0AJeanne+Martin" +
	"&media_url=https%3A%2F%2Fphotos.exemple.fr%2F1.jpg&attribute[numero-lampadaire]=A-123&attribute[panne]=eteint"

func get(a http.Handler, path string) func(string) *httptest.ResponseRecorder {
	return func(ending string) *httptest.ResponseRecorder {
		path, query, _ := strings.Cut(path, "?")
		return ask(a, "GET", Prefix+path+"."+ending+"?"+query, "")
	}
}

// Every answer, as it is: valid by the standard's tables, and the same in both formats.
func TestAnswers(t *testing.T) {
	a, h := newServer(t, func(o *Options) { o.Wait = 30 * time.Millisecond })
	both(t, "discovery", "discovery", 200, get(a, "discovery"))
	both(t, "services", "services", 200, get(a, "services?jurisdiction_id=exemple.fr"))
	both(t, "definition", "definition", 200, get(a, "services/eclairage-public"))
	both(t, "definition", "definition-empty", 200, get(a, "services/espaces-verts"))
	both(t, "requests", "requests-none", 200, get(a, "requests"))
	both(t, "receipt", "receipt", 200, func(ending string) *httptest.ResponseRecorder {
		return ask(a, "POST", Prefix+"requests."+ending, report) // the second one is a replay
	})
	if h.count() != 1 {
		t.Errorf("%d submissions of one report", h.count())
	}
	both(t, "requests", "request", 200, get(a, "requests/2026-000001"))
	both(t, "token", "token", 200, get(a, "tokens/tok-id-1.1"))

	h.files = false
	both(t, "receipt", "receipt-token", 200, func(ending string) *httptest.ResponseRecorder {
		return ask(a, "POST", Prefix+"requests."+ending, report+"&x=2")
	})
	both(t, "token", "token-waiting", 200, get(a, "tokens/tok-id-2.1"))

	h.extra = []Report{
		{Reference: "2026-000100", Status: ingest.StatusAnswered, Category: "voirie", Service: "Service voirie", Confirmed: true, OpenedAt: testNow.Add(-48 * time.Hour), UpdatedAt: testNow.Add(-time.Hour), Channel: ingest.ChannelMailbox, Text: "secret"},
	}
	both(t, "requests", "requests", 200, get(a, "requests"))

	both(t, "errors", "error-resource", 404, get(a, "nothing"))
	both(t, "errors", "error-service", 404, get(a, "services/urbanisme"))
	both(t, "errors", "error-request", 404, get(a, "requests/2026-999999"))
	both(t, "errors", "error-token", 404, get(a, "tokens/tok-id-1.2"))
	both(t, "errors", "error-jurisdiction", 404, get(a, "services?jurisdiction_id=autre.fr"))
	both(t, "errors", "error-dates", 400, get(a, "requests?start_date=hier&status=late&service_code=x"))
	both(t, "errors", "error-key", 403, func(ending string) *httptest.ResponseRecorder {
		return ask(a, "POST", Prefix+"requests."+ending, "service_code=voirie")
	})
	both(t, "errors", "error-post", 400, func(ending string) *httptest.ResponseRecorder {
		return ask(a, "POST", Prefix+"requests."+ending, "api_key="+testKey+"&service_code=eclairage-public&email=x&attribute[panne]=y&attribute[numero-lampadaire][]=1&attribute[numero-lampadaire][]=2&media_url=ftp:x&lat=1")
	})
	both(t, "errors", "error-method", 405, func(ending string) *httptest.ResponseRecorder {
		return ask(a, "DELETE", Prefix+"requests."+ending, "")
	})
	h.fail = ingest.ErrUnavailable
	both(t, "errors", "error-house", 503, get(a, "requests"))
}

func TestRouting(t *testing.T) {
	a, _ := newServer(t, nil)
	for _, tt := range []struct {
		method, target string
		header         []string
		status         int
		mediaType      string
	}{
		{"GET", "/open311/v2/services", nil, 404, "text/xml"},
		{"GET", "/open311/v2/services", []string{"Accept", "application/json"}, 404, "application/json"},
		{"GET", "/open311/v2/services", []string{"Accept", "text/html, application/xml;q=0.9, application/json"}, 404, "text/xml"},
		{"GET", "/open311/v2/services.xml", []string{"Accept", "application/json"}, 200, "text/xml"},
		{"GET", "/open311/v2/services.html", nil, 404, "text/xml"},
		{"GET", "/open311/v2/", nil, 404, "text/xml"},
		{"GET", "/open311/v2", nil, 404, "text/xml"},
		{"GET", "/open311/v2/.json", nil, 404, "application/json"},
		{"GET", "/open311/v2/services/.json", nil, 404, "application/json"},
		{"GET", "/open311/v2/services/voirie/x.json", nil, 404, "application/json"},
		{"GET", "/open311/v2/discovery/x.json", nil, 404, "application/json"},
		{"GET", "/open311/v2/tokens.json", nil, 404, "application/json"},
		{"GET", "/open311/v2/tokens/a%2Fb.json", nil, 404, "application/json"},
		{"HEAD", "/open311/v2/services.json", nil, 200, "application/json"},
		{"POST", "/open311/v2/services.json", nil, 405, "application/json"},
		{"POST", "/open311/v2/requests/2026-000001.json", nil, 405, "application/json"},
		{"PUT", "/open311/v2/requests.xml", nil, 405, "text/xml"},
		{"OPTION", "/open311/v2/requests.xml", nil, 405, "text/xml"},
		{"GET", "/open311/v2/requests.xml?a=%zz", nil, 400, "text/xml"},
		{"GET", "/open311/v2/requests.xml?a;b", nil, 400, "text/xml"},
		{"GET", "/open311/v2/services.xml?jurisdiction_id=EXEMPLE.fr", nil, 200, "text/xml"},
		{"GET", "/open311/v2/services.xml?jurisdiction_id=", nil, 200, "text/xml"},
		{"GET", "/open311/v2/discovery.xml?jurisdiction_id=autre.fr", nil, 200, "text/xml"},
	} {
		t.Run(tt.method+" "+tt.target, func(t *testing.T) {
			w := ask(a, tt.method, tt.target, "", tt.header...)
			if w.Code != tt.status || w.Header().Get("Content-Type") != tt.mediaType+"; charset=utf-8" {
				t.Errorf("%d, %q", w.Code, w.Header().Get("Content-Type"))
			}
			if (w.Body.Len() == 0) != (tt.method == "HEAD") || w.Header().Get("Content-Length") == "" {
				t.Errorf("%d bytes of %s", w.Body.Len(), w.Header().Get("Content-Length"))
			}
			if open := w.Header().Get("Access-Control-Allow-Origin") == "*"; open != (tt.method != "POST") {
				t.Errorf("pages of others may read it: %v", open)
			}
			if tt.status == 405 && !strings.HasPrefix(w.Header().Get("Allow"), "GET, HEAD") {
				t.Errorf("allow %q", w.Header().Get("Allow"))
			}
			if w.Header().Get("Set-Cookie") != "" {
				t.Error("a cookie")
			}
		})
	}
	if w := ask(a, "OPTIONS", "/open311/v2/services.json", ""); w.Code != 204 || w.Header().Get("Access-Control-Allow-Origin") != "*" || w.Header().Get("Access-Control-Allow-Methods") != "GET, HEAD" {
		t.Errorf("preflight: %d, %v", w.Code, w.Header())
	}
}

// The discovery document of a catalogue that changes tells clients to ask again.
func TestChangeset(t *testing.T) {
	now := testNow
	a, _ := newServer(t, func(o *Options) { o.Now = func() time.Time { return now } })
	before := ask(a, "GET", Prefix+"discovery.json", "").Body.String()
	now = now.Add(time.Hour)
	if got := ask(a, "GET", Prefix+"discovery.json", "").Body.String(); got != before {
		t.Error("it changes by itself")
	}
	a.SetCatalogue(Catalogue{Services: []Service{{Code: "x", Name: "X"}}})
	if got := ask(a, "GET", Prefix+"discovery.json", "").Body.String(); got == before {
		t.Error("it does not change with the catalogue")
	}
	if got := ask(a, "GET", Prefix+"services.json", "").Body.String(); !strings.Contains(got, `"x"`) || strings.Contains(got, "voirie") {
		t.Errorf("services: %s", got)
	}
}

func TestClientRate(t *testing.T) {
	a, _ := newServer(t, func(o *Options) { o.ClientRate = 2 })
	for range 2 {
		if w := ask(a, "GET", Prefix+"services.json", ""); w.Code != 200 {
			t.Fatalf("answered %d", w.Code)
		}
	}
	w := ask(a, "GET", Prefix+"services.json", "")
	if w.Code != 429 || w.Header().Get("Retry-After") == "" {
		t.Errorf("the third call: %d, %v", w.Code, w.Header())
	}
	valid(t, "errors", w.Body.Bytes())
	// Posts without a key before the body are counted as well, and those with one are not.
	if w := ask(a, "POST", Prefix+"requests.json", report); w.Code != 429 {
		t.Errorf("a post: %d", w.Code)
	}
	if w := ask(a, "POST", Prefix+"requests.json", report, "X-Api-Key", testKey); w.Code != 200 {
		t.Errorf("a post with a key in its header: %d", w.Code)
	}
	for n := range 4 {
		if w := ask(a, "POST", Prefix+"requests.json", report, "X-Api-Key", goneKey); w.Code != 429 {
			t.Errorf("wrong key %d: %d", n, w.Code)
		}
	}
}
