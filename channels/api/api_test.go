package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"

	"saisine.fr/saisine/ingest"
)

var discard = slog.New(slog.DiscardHandler)

func serve(t *testing.T, a *Adapter, key, contentType string, body []byte) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, base+"/submissions", bytes.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+key)
	r.Header.Set("Content-Type", contentType)
	w := httptest.NewRecorder()
	a.mux.ServeHTTP(w, r)
	return w
}

// Every route is in the document, and everything in the document is a route.
func TestDocumentHasTheRoutes(t *testing.T) {
	raw, err := Document("https://demarches.exemple.fr", true)
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Servers []struct{ URL string }
		Paths   map[string]map[string]json.RawMessage
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	var described, routed []string
	operations := make(map[string]bool)
	for path, item := range doc.Paths {
		for method := range item {
			if method != "parameters" {
				described = append(described, strings.ToUpper(method)+" "+path)
			}
		}
	}
	for _, r := range table() {
		routed = append(routed, r.method+" "+r.path)
		var op struct {
			OperationID string
			Security    []map[string][]ingest.Scope
			Responses   map[string]json.RawMessage
		}
		if err := json.Unmarshal(doc.Paths[r.path][strings.ToLower(r.method)], &op); err != nil {
			t.Fatalf("%s %s: %v", r.method, r.path, err)
		}
		if op.OperationID == "" || operations[op.OperationID] {
			t.Errorf("%s %s: operationId %q", r.method, r.path, op.OperationID)
		}
		operations[op.OperationID] = true
		var scopes []ingest.Scope
		for _, s := range op.Security {
			scopes = append(scopes, s["key"]...)
			if len(s["key"]) == 0 {
				scopes = append(scopes, anyKey)
			}
		}
		if len(op.Security) == 0 {
			scopes = append(scopes, noKey)
		}
		want := slices.Clone(r.scopes)
		slices.Sort(scopes)
		slices.Sort(want)
		if !slices.Equal(scopes, want) {
			t.Errorf("%s %s needs %q, the document says %q", r.method, r.path, want, scopes)
		}
	}
	slices.Sort(described)
	slices.Sort(routed)
	if !slices.Equal(described, routed) {
		t.Errorf("described: %q\nrouted:    %q", described, routed)
	}
	// A comma in a text without quotes makes a key of what follows.
	if bytes.Contains(raw, []byte(": null")) || bytes.Contains(raw, []byte(":null")) {
		t.Error("there is a key without a value")
	}
	if len(doc.Servers) != 1 || doc.Servers[0].URL != "https://demarches.exemple.fr/api/v1" {
		t.Errorf("servers %+v", doc.Servers)
	}
}

// The document is one by the OpenAPI specification, and its examples fit.
func TestDocumentIsValid(t *testing.T) {
	for _, url := range []string{"", "https://demarches.exemple.fr", `https://a.fr/"x: y`} {
		raw, err := Document(url, false)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := libopenapi.NewDocument(raw)
		if err != nil {
			t.Fatal(err)
		}
		v, errs := validator.NewValidator(doc)
		if len(errs) > 0 {
			t.Fatal(errors.Join(errs...))
		}
		if ok, errs := v.ValidateDocument(); !ok {
			for _, e := range errs {
				t.Errorf("%s: %s %v", e.Message, e.Reason, e.SchemaValidationErrors)
			}
		}
		if _, err := Document(url, true); err != nil {
			t.Error(err)
		}
	}
	h := newHouse(t, nil)
	for _, path := range []string{"/openapi.json", "/openapi.yaml"} {
		h.wants(h.get("", path), http.StatusOK, "https://demarches.exemple.fr/api/v1", "Idempotency-Key")
	}
	var doc struct {
		Paths map[string]map[string]struct {
			RequestBody struct {
				Content map[string]struct{ Example json.RawMessage }
			}
		}
	}
	raw, _ := Document("", true)
	var loose struct {
		Paths map[string]map[string]json.RawMessage
	}
	if err := json.Unmarshal(raw, &loose); err != nil {
		t.Fatal(err)
	}
	for _, item := range loose.Paths {
		delete(item, "parameters")
	}
	raw, _ = json.Marshal(loose)
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	example := func(method, path string) string {
		return string(doc.Paths[path][strings.ToLower(method)].RequestBody.Content["application/json"].Example)
	}
	h.filed(1)
	h.wants(h.submitJSON("all", example("POST", "/submissions")), http.StatusCreated)
	h.wants(h.call("all", "PATCH", "/requests/2026-000001", "application/json", example("PATCH", "/requests/{reference}")), http.StatusOK, `"in_progress"`)
	h.wants(h.call("all", "POST", "/requests/2026-000001/comments", "application/json", example("POST", "/requests/{reference}/comments")), http.StatusCreated)
}

func TestKeys(t *testing.T) {
	h := newHouse(t, nil)
	h.filed(1)
	authenticate := func(a answer) string { return a.header.Get("WWW-Authenticate") }
	for _, tc := range []struct {
		key, header  string
		status       int
		authenticate string
	}{
		{"", "", 401, `Bearer realm="saisine"`},
		{"", "Basic YTpi", 401, `Bearer realm="saisine"`},
		{"nobody", "", 401, `Bearer realm="saisine", error="invalid_token"`},
		{"", "Bearer", 401, `Bearer realm="saisine", error="invalid_token"`},
		{"submit", "", 403, `Bearer realm="saisine", error="insufficient_scope", scope="read"`},
		{"write", "", 403, `Bearer realm="saisine", error="insufficient_scope", scope="read"`},
		{"read", "", 200, ""},
		{"", "bearer read", 200, ""},
	} {
		var headers []string
		if tc.header != "" {
			headers = []string{"Authorization", tc.header}
		}
		a := h.call(tc.key, "GET", "/requests", "", "", headers...)
		if a.status != tc.status || authenticate(a) != tc.authenticate {
			t.Errorf("%q %q: %d %q", tc.key, tc.header, a.status, authenticate(a))
		}
	}
	for _, tc := range []struct{ key, method, path, body string }{
		{"read", "POST", "/submissions", whole},
		{"read", "PATCH", "/requests/2026-000001", `{"status":"closed"}`},
		{"read", "POST", "/requests/2026-000001/comments", `{"text":"x"}`},
		{"write", "GET", "/submissions/s1", ""},
		{"submit", "GET", "/submissions/s1/original", ""},
		{"submit", "GET", "/submissions/s1/files/0", ""},
		{"submit", "GET", "/requests/2026-000001", ""},
		{"submit", "GET", "/requests/2026-000001/comments", ""},
		{"submit", "GET", "/requests/2026-000001/files", ""},
		{"submit", "GET", "/events", ""},
	} {
		h.wants(h.call(tc.key, tc.method, tc.path, "application/json", tc.body), http.StatusForbidden)
	}
	for _, r := range table() {
		if !slices.Contains(r.scopes, noKey) {
			h.wants(h.call("", r.method, strings.NewReplacer("{id}", "s1", "{n}", "0", "{reference}", "2026-000001").Replace(r.path), "", ""), http.StatusUnauthorized)
		}
	}
}

func TestRateLimits(t *testing.T) {
	h := newHouse(t, nil)
	for range 3 {
		h.wants(h.get("slow", "/categories"), http.StatusOK)
	}
	a := h.get("slow", "/categories")
	h.wants(a, http.StatusTooManyRequests, "3 calls in a minute")
	if s := a.header.Get("Retry-After"); s == "" || s == "0" {
		t.Errorf("Retry-After %q", s)
	}
	h.wants(h.get("read", "/categories"), http.StatusOK) // others go on
	h.town.set(func() { h.town.now = h.town.now.Add(2 * time.Minute) })
	h.wants(h.get("slow", "/categories"), http.StatusOK)

	// Who guesses is slowed down, and keeps nobody with a good key away from the same address.
	for range failedKeys {
		h.wants(h.get("nobody", "/categories"), http.StatusUnauthorized)
	}
	h.wants(h.get("nobody", "/categories"), http.StatusTooManyRequests, "address")
	h.wants(h.get("read", "/categories"), http.StatusOK)
	h.town.set(func() { h.town.now = h.town.now.Add(2 * time.Minute) })
	h.wants(h.get("read", "/categories"), http.StatusOK)
}

func TestMethodsAndTypes(t *testing.T) {
	h := newHouse(t, nil)
	for path, allow := range map[string]string{
		"/submissions": "POST", "/submissions/x": "GET, HEAD", "/requests/x": "GET, HEAD, PATCH", "/requests/x/comments": "GET, HEAD, POST", "/openapi.json": "GET, HEAD",
	} {
		a := h.call("all", "DELETE", path, "", "")
		h.wants(a, http.StatusMethodNotAllowed, allow)
		if got := a.header.Get("Allow"); got != allow {
			t.Errorf("%s: Allow %q", path, got)
		}
	}
	for _, path := range []string{"/", "/rien", "/requests/x/rien", "/submissions/x/files"} {
		h.wants(h.get("all", path), http.StatusNotFound, "openapi.json")
	}
	for accept, status := range map[string]int{"*/*": 200, "application/*": 200, "text/html, application/json;q=0.9": 200, "text/html": 406, "application/json;q=0": 406, "application/json; q=0.0, */*;q=0.1": 200, "": 200} {
		h.wants(h.call("all", "GET", "/categories", "", "", "Accept", accept), status)
	}
	h.wants(h.call("all", "GET", "/openapi.yaml", "", "", "Accept", "application/json"), 406)
	a := h.call("all", "HEAD", "/categories", "", "")
	if a.status != 200 || a.body != "" {
		t.Errorf("HEAD: %+v", a)
	}
	h.wants(h.get("all", "/categories"), http.StatusOK, `{"categories":[{"code":"voirie","label":"Voirie","service":"Voirie"},`)
}

func TestHouseFails(t *testing.T) {
	h := newHouse(t, nil)
	h.filed(1)
	for err, status := range map[error]int{fmt.Errorf("x: %w", ingest.ErrUnavailable): 503, errors.New("secret of the house"): 500} {
		h.town.set(func() { h.town.err = err })
		for _, path := range []string{"/requests", "/requests/2026-000001", "/submissions/s1", "/events", "/categories"} {
			a := h.get("all", path)
			h.wants(a, status)
			if strings.Contains(a.body, "secret") {
				t.Errorf("told: %s", a.body)
			}
		}
		h.town.set(func() { h.town.err = nil })
	}
	if !strings.Contains(h.log.String(), "secret of the house") {
		t.Error("the fault is not in the log")
	}
}
