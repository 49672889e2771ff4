package glpi

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/deliver/handover"
	"saisine.fr/saisine/ingest/deliver/handover/handovertest"
	"saisine.fr/saisine/ingest/deliver/handover/replaytest"
)

func connector(t *testing.T, url string) *Connector {
	t.Helper()
	c, err := New(Options{URL: url + "/apirest.php", UserToken: "uuu", AppToken: "aaa", Entity: 3, Categories: map[string]int{"voirie": 12}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCreate(t *testing.T) {
	s := replaytest.Serve(t, "testdata/create.json")
	c := connector(t, s.URL)
	cs := handovertest.Case("2026-000123")
	if _, err := c.Create(t.Context(), cs); err == nil || ingest.IsPermanent(err) {
		t.Fatalf("%v, want an error that is tried again", err)
	}
	r, err := c.Create(t.Context(), cs)
	if want := (handover.Remote{ID: "15", URL: s.URL + "/front/ticket.form.php?id=15"}); err != nil || r != want {
		t.Errorf("after a lost answer: %+v, %v, want %+v", r, err, want)
	}
	if r, err := c.Create(t.Context(), cs); err != nil || r.ID != "16" {
		t.Errorf("%+v, %v", r, err)
	}
	// What the citizen wrote is text there, not HTML.
	var sent struct{ Input struct{ Content string } }
	if err := json.Unmarshal(s.Calls()[2].Body, &sent); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"<p>Bonjour,<br><br>le trou", "&lt;b&gt;œuf&lt;/b&gt; &amp; Cie 🚲<br>", "Référence : 2026-000123<br>"} {
		if !strings.Contains(sent.Input.Content, want) {
			t.Errorf("no %q in %q", want, sent.Input.Content)
		}
	}
}

func TestAttach(t *testing.T) {
	s := replaytest.Serve(t, "testdata/attach.json")
	c := connector(t, s.URL)
	a := handover.Addition{
		Key: "k1", Text: "Le trou <b> s’agrandit.\nZoé\n", ReceivedAt: time.Date(2026, 4, 23, 10, 30, 0, 0, time.UTC),
		Files: []handover.File{
			handovertest.File("Été à l’œuvre.PDF", "application/pdf", handovertest.Bytes(70_000)),
			handovertest.File("plan.txt", "text/plain", []byte("ligne\r\nœ\r")),
			handovertest.File("vide.txt", "text/plain", nil),
		},
	}
	if err := c.Attach(t.Context(), "15", a); err == nil || ingest.IsPermanent(err) {
		t.Fatalf("%v, want an error that is tried again", err)
	}
	for range 2 { // the first ends what was begun, the second finds all there
		if err := c.Attach(t.Context(), "15", a); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Attach(t.Context(), "x", a); !ingest.IsPermanent(err) {
		t.Errorf("%v, want a permanent error", err)
	}
}

// serve answers each path with a status and a body.
func serve(t *testing.T, answers map[string]string) string {
	t.Helper()
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, ok := answers[strings.TrimPrefix(r.URL.Path, "/apirest.php")]
		if !ok {
			answer = `404 ["ERROR_ITEM_NOT_FOUND","Élément introuvable"]`
		}
		status, body, _ := strings.Cut(answer, " ")
		w.WriteHeader(map[string]int{"200": 200, "400": 400, "401": 401, "403": 403, "404": 404}[status])
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(h.Close)
	return h.URL
}

func TestStatus(t *testing.T) {
	for body, want := range map[string]handover.State{
		`{"id":1,"status":1,"is_deleted":0}`:     {Raw: "new"},
		`{"id":1,"status":"2","is_deleted":"0"}`: {Raw: "assigned", Status: ingest.StatusAssigned},
		`{"id":1,"status":3}`:                    {Raw: "planned", Status: ingest.StatusInProgress},
		`{"id":1,"status":4}`:                    {Raw: "pending", Status: ingest.StatusWaitingCitizen},
		`{"id":1,"status":5}`:                    {Raw: "solved", Status: ingest.StatusAnswered},
		`{"id":1,"status":6}`:                    {Raw: "closed", Status: ingest.StatusClosed},
		`{"id":1,"status":10}`:                   {Raw: "10"},
	} {
		c := connector(t, serve(t, map[string]string{"/initSession": `200 {"session_token":"s"}`, "/Ticket/1": "200 " + body}))
		c.o.Statuses = map[int]ingest.Status{4: ingest.StatusWaitingCitizen}
		if st, err := c.Status(t.Context(), "1"); err != nil || st != want {
			t.Errorf("%s: %+v, %v, want %+v", body, st, err, want)
		}
	}
	c := connector(t, serve(t, map[string]string{"/initSession": `200 {"session_token":"s"}`, "/Ticket/2": `200 {"id":2,"status":1,"is_deleted":1}`}))
	for _, id := range []string{"1", "2"} {
		if _, err := c.Status(t.Context(), id); !errors.Is(err, handover.ErrGone) {
			t.Errorf("%s: %v, want ErrGone", id, err)
		}
	}
}

func TestErrors(t *testing.T) {
	ok := `200 {"session_token":"s"}`
	for _, tt := range []struct {
		name      string
		answers   map[string]string
		text      string
		said      string // in the detail only
		permanent bool
	}{
		{"wrong user token", map[string]string{"/initSession": `401 ["ERROR_GLPI_LOGIN_USER_TOKEN","x"]`}, "log in: GET /initSession: the server answered 401", "ERROR_GLPI_LOGIN_USER_TOKEN", false},
		{"wrong app token", map[string]string{"/initSession": `400 ["ERROR_WRONG_APP_TOKEN_PARAMETER","x"]`}, "log in: GET /initSession: the server answered 400", "ERROR_WRONG_APP_TOKEN_PARAMETER", false},
		{"no token", map[string]string{"/initSession": `200 {}`}, "no session token", "", false},
		{"not JSON", map[string]string{"/initSession": `200 <html>`}, "not the JSON", "<html>", false},
		{"not searched", map[string]string{"/initSession": ok, "/Ticket": `403 ["ERROR_RIGHT_MISSING","x"]`}, "answered 403", "ERROR_RIGHT_MISSING", false},
		{"refused", map[string]string{"/initSession": ok, "/Ticket": `400 ["ERROR_GLPI_ADD","Champ obligatoire"]`}, "answered 400", "Champ obligatoire", true},
	} {
		_, err := connector(t, serve(t, tt.answers)).Create(t.Context(), handovertest.Case("2026-000123"))
		if err == nil || !strings.Contains(err.Error(), tt.text) || ingest.IsPermanent(err) != tt.permanent {
			t.Errorf("%s: %v, permanent %v", tt.name, err, ingest.IsPermanent(err))
		}
		if detail := handover.Detail(err); tt.said != "" && (!strings.Contains(detail, tt.said) || strings.Contains(err.Error(), tt.said)) {
			t.Errorf("%s: %v, detail %q: what was said is for the detail", tt.name, err, detail)
		}
		if err != nil && (strings.Contains(err.Error(), "uuu") || strings.Contains(err.Error(), "aaa")) {
			t.Errorf("%s: the error quotes a token: %v", tt.name, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := connector(t, "http://127.0.0.1:1").Create(ctx, handovertest.Case("1")); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want the context's end", err)
	}
	if _, err := New(Options{URL: "https://glpi.invalid"}); err == nil {
		t.Error("a connector without a token")
	}
}

// Errors go to the log: they name a file by its number.
func TestFileNames(t *testing.T) {
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/apirest.php/initSession":
			_, _ = io.WriteString(w, `{"session_token":"s"}`)
		case r.Method == http.MethodPost:
			w.WriteHeader(http.StatusBadRequest)
		default:
			_, _ = io.WriteString(w, `[]`)
		}
	}))
	defer h.Close()
	broken := handover.File{Name: "Lefevre.pdf", Size: 1, Open: func() (io.ReadCloser, error) { return nil, errors.New("no disk") }}
	for name, f := range map[string]handover.File{
		"large": {Name: "Lefevre.mp4", Size: maxFile + 1}, "unread": broken, "refused": handovertest.File("Lefevre.pdf", "", []byte("x")),
	} {
		a := handover.Addition{Key: "k", Files: []handover.File{{Name: "vide"}, {Name: "vide"}, f}}
		err := connector(t, h.URL).Attach(t.Context(), "1", a)
		if err == nil || !strings.Contains(err.Error(), "file 3 of 3") || strings.Contains(err.Error(), "Lefevre") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCheck(t *testing.T) {
	all := map[string]string{"/initSession": `200 {"session_token":"s"}`, "/ITILCategory/12": `200 {"id":12}`, "/Entity/3": `200 {"id":3}`, "/killSession": "200 true"}
	if line, err := connector(t, serve(t, all)).Check(t.Context()); err != nil || line != "logged in, entity 3 is there, and so are 1 categories" {
		t.Errorf("%q, %v", line, err)
	}
	for path, want := range map[string]string{"/ITILCategory/12": "there is no ITIL category 12", "/Entity/3": "there is no entity 3"} {
		part := map[string]string{}
		for k, v := range all {
			if k != path {
				part[k] = v
			}
		}
		if _, err := connector(t, serve(t, part)).Check(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("without %s: %v", path, err)
		}
	}
}
