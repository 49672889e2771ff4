package api

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"saisine.fr/saisine/ingest"
)

func TestSubmissionIsSeen(t *testing.T) {
	h := newHouse(t, nil)
	h.filed(2) // by the key "all"; the second is sealed
	h.wants(h.submitJSON("submit", whole), http.StatusCreated, `"s3"`)
	for _, tc := range []struct {
		key, id string
		status  int
		parts   []string
	}{
		{"all", "s1", 200, []string{`"request":"2026-000001"`, `"request_status":"new"`, `"position":{"lat":48,"long":-4}`, "jeton-s1", "2026-11-25T10:05:00+01:00"}},
		{"all", "s2", 200, []string{`"request_status":""`}}, // its own, of a request that it does not see
		{"all", "s3", 200, []string{`"state":"received"`, `"attachments":[]`}},
		{"read", "s1", 200, nil},
		{"read", "s2", 404, nil},
		{"sealed", "s2", 200, []string{`"request_status":"new"`}},
		{"submit", "s3", 200, []string{`"account":"portail"`}},
		{"submit", "s1", 404, []string{"no such submission"}},
		{"submit", "rien", 404, nil},
	} {
		h.wants(h.get(tc.key, "/submissions/"+tc.id), tc.status, tc.parts...)
	}
}

func TestList(t *testing.T) {
	h := newHouse(t, nil)
	h.filed(6) // the last is sealed
	var seen []string
	for after, pages := "", 0; ; pages++ {
		a := h.get("read", "/requests?limit=2&after="+url.QueryEscape(after))
		h.wants(a, http.StatusOK)
		var page struct {
			Requests []struct{ Reference string }
			Next     string
		}
		if err := json.Unmarshal([]byte(a.body), &page); err != nil || pages > 3 {
			t.Fatal(err, a.body)
		}
		for _, q := range page.Requests {
			seen = append(seen, q.Reference)
		}
		if (page.Next == "") != (a.header.Get("Link") == "") {
			t.Errorf("Link %q, next %q", a.header.Get("Link"), page.Next)
		}
		if after = page.Next; after == "" {
			break
		}
	}
	if got := strings.Join(seen, " "); got != "2026-000005 2026-000004 2026-000003 2026-000002 2026-000001" {
		t.Errorf("seen: %s", got)
	}
	h.wants(h.get("read", "/requests?status=new&category=voirie&service=Voirie&channel=api&from=2026-01-01&to=2026-12-31&q=trou&open=true&limit=200"), http.StatusOK)
	if want := (ingest.Filter{Status: "new", Category: "voirie", Service: "Voirie", Channel: "api", From: "2026-01-01", To: "2026-12-31", Words: "trou", Limit: 200}); h.town.filter != want {
		t.Errorf("filter %+v", h.town.filter)
	}
	h.wants(h.get("read", "/requests"), http.StatusOK)
	if !h.town.filter.Settled || h.town.filter.Limit != 50 {
		t.Errorf("filter %+v", h.town.filter)
	}
	for query, field := range map[string]string{
		"status=neu": "status", "channel=fax": "channel", "from=hier": "from", "to=2026-13-01": "to", "limit=0": "limit", "limit=201": "limit", "limit=x": "limit",
		"open=oui": "open", "categorie=voirie": "categorie", "status=new&status=closed": "status", "q=%ff": "q", "q=" + strings.Repeat("x", 501): "q", "a;b": "",
	} {
		h.wants(h.get("read", "/requests?"+query), http.StatusBadRequest, `"field":"`+field+`"`)
	}
}

func TestRequest(t *testing.T) {
	h := newHouse(t, nil)
	h.filed(2)
	h.wants(h.get("read", "/requests/2026-000001"), http.StatusOK, `"reference":"2026-000001"`, `"due":"2027-01-25T10:05:00+01:00"`, `"mails":[{"id":"m1"`)
	for _, path := range []string{"/requests/2026-000002", "/requests/2026-000002/comments", "/requests/2026-000002/files", "/requests/2026-999999", "/submissions/s2/original", "/submissions/s2/files/0"} {
		h.wants(h.get("read", path), http.StatusNotFound)
	}
	h.wants(h.get("sealed", "/requests/2026-000002"), http.StatusOK, "CCAS")
}

func TestChange(t *testing.T) {
	h := newHouse(t, nil)
	h.filed(2)
	patch := func(key, reference, body string) answer {
		return h.call(key, "PATCH", "/requests/"+reference, "application/json", body)
	}
	h.wants(patch("all", "2026-000001", `{"status":"in_progress","note":"Jeudi."}`), http.StatusOK, `"status":"in_progress"`)
	if e := h.town.history["2026-000001"][0]; e.Actor != "api:appli" || e.Detail.Note != "Jeudi." || e.Detail.NewStatus != ingest.StatusInProgress {
		t.Errorf("event %+v", e)
	}
	if a := patch("write", "2026-000001", `{"status":"answered"}`); a.status != http.StatusNoContent || a.body != "" {
		t.Errorf("without the scope to read: %+v", a)
	}
	h.wants(h.call("all", "PATCH", "/requests/2026-000001", "application/merge-patch+json", `{"status":"closed","note":null}`), http.StatusOK)
	h.wants(patch("all", "2026-000001", `{"status":"new"}`), http.StatusConflict, typeRefused, "2026-000001 is closed for good")
	h.wants(patch("all", "2026-000002", `{"status":"closed"}`), http.StatusNotFound)
	for body, want := range map[string]struct {
		status int
		part   string
	}{
		`{}`:                                 {422, `"status"`},
		`{"status":"fertig"}`:                {422, "waiting_citizen"},
		`{"status":1}`:                       {422, "must be a string"},
		`{"status":"closed","status":"new"}`: {422, "stands twice"},
		`{"status":"closed","category":"x"}`: {422, `"category"`},
		`{"status":"closed","note":"` + strings.Repeat("x", maxNote+1) + `"}`: {422, `"note"`},
		`[]`:                    {400, "object"},
		`null`:                  {400, "object"},
		`{"status":"closed"} x`: {400, ""},
		"{\"status\":\"\xe9\"}": {400, "UTF-8"},
		``:                      {400, ""},
		`{"note":"` + strings.Repeat("x", maxObject) + `"}`: {413, "65536"},
	} {
		h.wants(patch("all", "2026-000001", body), want.status, want.part)
	}
	a := h.call("all", "PATCH", "/requests/2026-000001", "application/json-patch+json", `[]`)
	h.wants(a, http.StatusUnsupportedMediaType)
	if a.header.Get("Accept-Patch") == "" {
		t.Error("no Accept-Patch")
	}
}

func TestComments(t *testing.T) {
	h := newHouse(t, nil)
	h.filed(2)
	post := func(key, reference, body string) answer {
		return h.call(key, "POST", "/requests/"+reference+"/comments", "application/json", body)
	}
	h.wants(h.get("read", "/requests/2026-000001/comments"), http.StatusOK, `{"comments":[]}`)
	h.wants(post("all", "2026-000001", `{"text":" Vu\r\nsur place.\u0000 "}`), http.StatusCreated, `{"at":"2026-11-25T10:05:00+01:00","actor":"api:appli","text":"Vu\nsur place."}`)
	h.wants(post("write", "2026-000001", `{"text":"Fait."}`), http.StatusCreated, `"actor":"api:chantiers"`)
	h.town.set(func() {
		h.town.history["2026-000001"] = append(h.town.history["2026-000001"], ingest.Event{Kind: "request.status", Actor: "agent:x"})
	})
	h.wants(h.get("read", "/requests/2026-000001/comments"), http.StatusOK, "Vu", "Fait.")
	h.wants(post("all", "2026-000002", `{"text":"x"}`), http.StatusNotFound)
	h.wants(post("all", "2026-000001", `{"text":" "}`), http.StatusUnprocessableEntity, `"text"`)
	h.wants(post("all", "2026-000001", `{"text":"`+strings.Repeat("x", maxComment+1)+`"}`), http.StatusUnprocessableEntity, `"text"`)
	h.wants(h.call("all", "POST", "/requests/2026-000001/comments", "text/plain", "x"), http.StatusUnsupportedMediaType)
}

func TestDownload(t *testing.T) {
	h := newHouse(t, nil)
	h.filed(1)
	h.wants(h.get("read", "/requests/2026-000001/files"), http.StatusOK, `"url":"https://demarches.exemple.fr/api/v1/submissions/s1/original"`,
		`"url":"https://demarches.exemple.fr/api/v1/submissions/s1/files/0"`, "plan")
	a := h.get("read", "/submissions/s1/original")
	if a.status != 200 || a.body != `{"message":"Demande 0"}` || a.header.Get("Content-Type") != ingest.MediaAPI || a.header.Get("Content-Disposition") != "attachment; filename=original-s1" {
		t.Errorf("original: %+v", a)
	}
	a = h.get("read", "/submissions/s1/files/0")
	if a.status != 200 || a.body != "contenu" || a.header.Get("Content-Disposition") != "attachment; filename*=utf-8''plan%20_%C3%A9_.pdf" {
		t.Errorf("file: %+v", a)
	}
	for _, a := range []answer{h.get("read", "/submissions/s1/original"), a} {
		if a.header.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(a.header.Get("Content-Security-Policy"), "sandbox") {
			t.Errorf("headers %v", a.header)
		}
	}
	for _, path := range []string{"/submissions/s9/original", "/submissions/s1/files/1", "/submissions/s1/files/-1", "/submissions/s1/files/00", "/submissions/s1/files/x"} {
		h.wants(h.get("read", path), http.StatusNotFound)
	}
}

// A piece of a request that the viewer does not see is left out of its files.
func TestHiddenFiles(t *testing.T) {
	h := newHouse(t, nil)
	h.filed(2)
	h.town.set(func() {
		q := h.town.requests["2026-000001"]
		q.Submissions = append(q.Submissions, ingest.RequestSubmission{ID: "s2"})
		h.town.requests[q.Reference] = q
	})
	a := h.get("read", "/requests/2026-000001/files")
	h.wants(a, http.StatusOK, `"submission":"s1"`)
	if strings.Contains(a.body, "s2") {
		t.Errorf("told: %s", a.body)
	}
	h.wants(h.get("sealed", "/requests/2026-000001/files"), http.StatusOK, `"submission":"s2"`)
}

func TestDisposition(t *testing.T) {
	for given, want := range map[string]string{
		"":                       "attachment; filename=nous",
		"..":                     "attachment; filename=nous",
		`C:\a\b.pdf`:             "attachment; filename=b.pdf",
		"a\r\nb.pdf":             "attachment; filename=a_b.pdf",
		"/etc/passwd":            "attachment; filename=passwd",
		strings.Repeat("é", 200): "attachment; filename*=utf-8''" + strings.Repeat("%C3%A9", 150),
		"\u202efdp.exe":          "attachment; filename=fdp.exe",
	} {
		if got := disposition(given, "nous"); got != want {
			t.Errorf("%q: %s", given, got)
		}
	}
}

func TestEvents(t *testing.T) {
	h := newHouse(t, nil)
	h.filed(4) // the last is sealed
	h.wants(h.get("read", "/events?limit=2"), http.StatusOK, `"seq":1,"type":"request.opened","timestamp":"2026-11-25T10:05:00+01:00","request":"2026-000001"`, `"next":"2"`)
	h.wants(h.get("read", "/events?after=2"), http.StatusOK, `"seq":3`, `"next":"3"`)
	h.wants(h.get("read", "/events?after=3"), http.StatusOK, `{"events":[],"next":"3"}`)
	h.wants(h.get("sealed", "/events?after=3"), http.StatusOK, `"service":"CCAS"`, `"next":"4"`)
	for _, bad := range []string{"after=x", "after=-1", "limit=0", "avant=3"} {
		h.wants(h.get("read", "/events?"+bad), http.StatusBadRequest)
	}
}

// FuzzObject: what is no object of texts is refused in words.
func FuzzObject(f *testing.F) {
	f.Add([]byte(`{"status":"new","note":null}`))
	f.Add([]byte(`{"status":{"a":[1,2]},"status":"é"}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		o, err := readObject(raw, []string{"status", "note"})
		if (o == nil) == (err == nil) {
			t.Fatalf("%v, %v", o, err)
		}
		if o != nil && !json.Valid(raw) {
			t.Fatalf("taken: %+v", o)
		}
	})
}
