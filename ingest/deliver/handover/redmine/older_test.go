package redmine

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/deliver/handover"
	"saisine.fr/saisine/ingest/deliver/handover/handovertest"
)

// TestOlder speaks to a stand-in for what Debian's version does not do: answers of several
// pages, an older Redmine that says less, and things that are no Redmine.
func TestOlder(t *testing.T) {
	t.Parallel()
	var offsets []string
	mux := http.NewServeMux()
	mux.HandleFunc("GET /projects/voirie.json", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"project":{"id":1,"trackers":[]}}`)
	})
	mux.HandleFunc("GET /issues.json", func(w http.ResponseWriter, r *http.Request) {
		offsets = append(offsets, r.URL.Query().Get("offset"))
		if r.URL.Query().Get("status_id") != "*" || r.URL.Query().Get("subject") != "~"+reference {
			t.Errorf("query %s", r.URL.RawQuery)
		}
		subject := "il cite [2026-000123] seulement"
		if r.URL.Query().Get("offset") == "200" {
			subject = "[2026-000123] le bon"
		}
		// It knows no filter for the author: the first two are a stranger's.
		_, _ = fmt.Fprintf(w, `{"issues":[{"id":1,"subject":"[2026-000123] x","author":{"id":4}},{"id":2,"subject":"[2026-000123] x"},{"id":7%s,"subject":%q,"author":{"id":3}}],"total_count":201}`, r.URL.Query().Get("offset"), subject)
	})
	mux.HandleFunc("GET /issues/5.json", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"issue":{"id":5,"status":{"id":3,"name":"Clos"}}}`)
	})
	mux.HandleFunc("GET /issue_statuses.json", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"issue_statuses":[{"id":1,"name":"Neuf"},{"id":3,"name":"Clos","is_closed":true}]}`)
	})
	mux.HandleFunc("PUT /issues/5.json", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("POST /uploads.json", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{"upload":{"token":"1.x"}}`)
	})
	me, asked := `{"user":{"id":3,"login":"saisine"}}`, 0
	mux.HandleFunc("GET /users/current.json", func(w http.ResponseWriter, _ *http.Request) {
		asked++
		_, _ = io.WriteString(w, me)
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	c := connector(t, Options{URL: server.URL, Key: "k", Project: "voirie"})
	if r, err := c.Create(t.Context(), handovertest.Case(reference)); err != nil || r.ID != "7200" || !slices.Equal(offsets, []string{"0", "100", "200"}) {
		t.Errorf("%+v, %v, pages %q", r, err, offsets)
	}
	if r, err := c.Create(t.Context(), handovertest.Case(reference)); err != nil || r.ID != "7200" || asked != 1 {
		t.Errorf("again: %+v, %v, asked %d times who we are", r, err, asked)
	}
	for _, me = range []string{`{"user":{"login":"saisine"}}`, `{}`} { // what follows is no Redmine any more
		if r, err := connector(t, Options{URL: server.URL, Key: "k", Project: "voirie"}).Create(t.Context(), handovertest.Case(reference)); err == nil {
			t.Errorf("%s: %+v", me, r)
		}
	}
	if got, err := c.Status(t.Context(), "5"); err != nil || got.Status != ingest.StatusAnswered {
		t.Errorf("%+v, %v", got, err)
	}
	// 204 to what was passed over
	if err := c.Attach(t.Context(), "5", addition()); err == nil || ingest.IsPermanent(err) || !strings.Contains(err.Error(), "the note was passed over") {
		t.Errorf("Attach: %v", err)
	}
	a := addition(handovertest.File("a.txt", "text/plain", []byte("a")))
	a.Text = ""
	if err := c.Attach(t.Context(), "5", a); err == nil || ingest.IsPermanent(err) || !strings.Contains(err.Error(), "file 1 of 1 was passed over") {
		t.Errorf("Attach: %v", err)
	}
	if _, err := c.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "is this address Redmine's?") {
		t.Errorf("Check: %v", err)
	}
	if _, err := c.Status(t.Context(), "6"); err == nil || errors.Is(err, handover.ErrGone) {
		t.Errorf("404 by what is no Redmine: %v", err)
	}
}

func TestNew(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]Options{
		"no url":  {Key: "k", Project: "p"},
		"no key":  {URL: "http://h", Project: "p"},
		"project": {URL: "http://h", Key: "k", Project: "Mon projet"},
		"path":    {URL: "http://h", Key: "k", Project: "../x"},
		"no ca":   {URL: "http://h", Key: "k", Project: "p", CAFile: "/nulle/part"},
	} {
		if _, err := New(o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func FuzzComplaints(f *testing.F) {
	f.Add([]byte(`{"errors":["Sujet doit être renseigné(e)","x"]}`))
	f.Add([]byte(`<html>`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if s := complaints(body); s == "" || len(s) > 10*maxComplaints || strings.ContainsAny(s, "\r\n") {
			t.Errorf("%q", s)
		}
	})
}

func FuzzIssue(f *testing.F) {
	f.Add([]byte(`{"issue":{"id":5,"status":{"name":"x"},"journals":[{"notes":"a\n\nsaisine:k"}],"custom_fields":[{"id":1,"value":["a"]}]}}`))
	f.Fuzz(func(_ *testing.T, body []byte) {
		var answer struct{ Issue issueAnswer }
		if json.Unmarshal(body, &answer) == nil {
			answer.Issue.noted("k")
			answer.Issue.holds("k", "a", 1)
		}
	})
}
