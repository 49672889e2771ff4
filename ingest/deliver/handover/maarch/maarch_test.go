package maarch

import (
	"context"
	"encoding/json"
	"errors"
	"io"
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
	c, err := New(Options{
		URL: url + "/", User: "ws", Password: "pw:1", Model: 1, Status: "NEW", Doctypes: map[string]int{"voirie": 102}, Destination: 21, Priority: "poiuytre1357nbvc",
	})
	if err != nil {
		t.Fatal(err)
	}
	c.now = func() time.Time { return time.Date(2026, 4, 24, 0, 0, 0, 0, time.UTC) }
	return c
}

func TestCreate(t *testing.T) {
	s := replaytest.Serve(t, "testdata/create.json")
	c := connector(t, s.URL)
	cs := handovertest.Case("2026-000123")
	if _, err := c.Create(t.Context(), cs); err == nil || ingest.IsPermanent(err) {
		t.Fatalf("%v, want an error that is tried again", err)
	}
	if r, err := c.Create(t.Context(), cs); err != nil || r.ID != "123" {
		t.Errorf("after a lost answer: %+v, %v", r, err)
	}
	c.now = func() time.Time { return cs.Due.Add(time.Hour) }
	if r, err := c.Create(t.Context(), cs); err != nil || r.ID != "124" {
		t.Errorf("%+v, %v", r, err)
	}
	calls := s.Calls()
	var sent struct{ EncodedFile []byte }
	if err := json.Unmarshal(calls[1].Body, &sent); err != nil || string(sent.EncodedFile) != handover.Describe(cs) {
		t.Errorf("%v: the document is %q", err, sent.EncodedFile)
	}
	if strings.Contains(string(calls[4].Body), "processLimitDate") {
		t.Error("a limit that is past went out")
	}
}

// A clause is SQL: nothing but a reference may come into it.
func TestNoSQL(t *testing.T) {
	c := connector(t, "http://127.0.0.1:1")
	for _, bad := range []string{"", "x' OR 1=1 --", "2026-1'", "a\nb", strings.Repeat("1", 65)} {
		if _, err := c.Create(t.Context(), handovertest.Case(bad)); !ingest.IsPermanent(err) {
			t.Errorf("%q: %v, want a permanent error", bad, err)
		}
	}
}

func TestAttach(t *testing.T) {
	s := replaytest.Serve(t, "testdata/attach.json")
	c := connector(t, s.URL)
	a := handover.Addition{
		Key: "k1", Text: "Le trou <b> s’agrandit.\n", ReceivedAt: time.Date(2026, 4, 23, 10, 30, 0, 0, time.UTC),
		Files: []handover.File{
			handovertest.File("Été à l’œuvre.PDF", "application/pdf", handovertest.Bytes(70_000)),
			handovertest.File("plan.txt", "text/plain", []byte("ligne\r\nœ\r")), handovertest.File("vide.txt", "text/plain", nil),
		},
	}
	if err := c.Attach(t.Context(), "123", a); err == nil || ingest.IsPermanent(err) {
		t.Fatalf("%v, want an error that is tried again", err)
	}
	for range 2 { // the first ends what was begun, the second finds all there
		if err := c.Attach(t.Context(), "123", a); err != nil {
			t.Fatal(err)
		}
	}
	var sent struct{ EncodedFile []byte }
	if err := json.Unmarshal(s.Calls()[1].Body, &sent); err != nil || string(sent.EncodedFile) != string(handovertest.Bytes(70_000)) {
		t.Errorf("%v: the file's bytes are not those sent", err)
	}
	if err := c.Attach(t.Context(), "x", a); !ingest.IsPermanent(err) {
		t.Errorf("%v, want a permanent error", err)
	}
}

func serve(t *testing.T, status int, bodies map[string]string) *Connector {
	t.Helper()
	return connector(t, handovertest.Answers(t, status, bodies))
}

func TestStatus(t *testing.T) {
	for body, want := range map[string]handover.State{
		`{"status":"COU","statusLabel":"En cours"}`: {Raw: "COU (En cours)"},
		`{"status":"END","statusLabel":"Clos"}`:     {Raw: "END (Clos)", Status: ingest.StatusClosed},
		`{"status":"RES"}`:                          {Raw: "RES", Status: ingest.StatusAnswered},
	} {
		c := serve(t, 200, map[string]string{"/rest/resources/1": body})
		c.o.Statuses = map[string]ingest.Status{"RES": ingest.StatusAnswered}
		if st, err := c.Status(t.Context(), "1"); err != nil || st != want {
			t.Errorf("%s: %+v, %v, want %+v", body, st, err, want)
		}
	}
	for _, tt := range []struct {
		status          int
		body            string
		gone, permanent bool
	}{
		{200, `{"status":"DEL"}`, true, false},
		{400, `{"errors":"Document does not exist"}`, true, false},
		{400, `{"errors":"Route resId is not an integer"}`, false, true},
		{403, `{"errors":"Document out of perimeter"}`, false, false},
		{500, `{"errors":"table does not exist"}`, false, false},
	} {
		_, err := serve(t, tt.status, map[string]string{"/rest/resources/1": tt.body}).Status(t.Context(), "1")
		if err == nil || errors.Is(err, handover.ErrGone) != tt.gone || ingest.IsPermanent(err) != tt.permanent {
			t.Errorf("%d %s: %v", tt.status, tt.body, err)
		}
	}
}

func TestErrors(t *testing.T) {
	for _, tt := range []struct {
		status    int
		body      string
		text      string
		said      string // in the detail only
		permanent bool
	}{
		{401, `{"errors":"Authentication Failed"}`, "answered 401", "Authentication Failed", false},
		{400, `{"errors":"Body modelId does not exist"}`, "answered 400", "modelId does not exist", true},
		{200, `<html>`, "not the JSON expected", "<html>", false},
		{503, ``, "answered 503", "", false},
	} {
		_, err := serve(t, tt.status, map[string]string{"/rest/res/list": tt.body}).Create(t.Context(), handovertest.Case("2026-000123"))
		if err == nil || !strings.Contains(err.Error(), tt.text) || ingest.IsPermanent(err) != tt.permanent || strings.Contains(err.Error(), "pw:1") {
			t.Errorf("%d %s: %v, permanent %v", tt.status, tt.body, err, ingest.IsPermanent(err))
		}
		if detail := handover.Detail(err); tt.said != "" && (!strings.Contains(detail, tt.said) || strings.Contains(err.Error(), tt.said)) {
			t.Errorf("%d: %v, detail %q: what was said is for the detail", tt.status, err, detail)
		}
	}
	if _, err := serve(t, 200, map[string]string{"/rest/res/list": `{"resources":[]}`, "/rest/resources": `{}`}).Create(t.Context(), handovertest.Case("1")); err == nil {
		t.Error("an answer without a number was taken")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := connector(t, "http://127.0.0.1:1").Create(ctx, handovertest.Case("1")); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want the context's end", err)
	}
	for _, o := range []Options{{URL: "https://x.invalid", User: "u", Password: "p"}, {URL: "https://x.invalid", Model: 1, Status: "NEW"}, {URL: "x", User: "u", Password: "p", Model: 1, Status: "NEW"}} {
		if _, err := New(o); err == nil {
			t.Errorf("%+v was taken", o)
		}
	}
}

// Errors go to the log: they name a file by its number.
func TestFileNames(t *testing.T) {
	for name, f := range map[string]handover.File{
		"large":   {Name: "Lefevre.mp4", Size: maxFile + 1},
		"unread":  {Name: "Lefevre.pdf", Size: 1, Open: func() (io.ReadCloser, error) { return nil, errors.New("no disk") }},
		"refused": handovertest.File("Lefevre.gif", "", []byte("x")),
	} {
		a := handover.Addition{Key: "k", Files: []handover.File{{Name: "vide"}, f}}
		err := serve(t, 200, map[string]string{"/rest/resources/1/attachments": `{}`}).Attach(t.Context(), "1", a)
		if err == nil || !strings.Contains(err.Error(), "file 2 of 2") || strings.Contains(err.Error(), "Lefevre") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCheck(t *testing.T) {
	c := serve(t, 200, map[string]string{"/rest/status/NEW": `{"status":[{"id":"NEW"}]}`, "/rest/res/list": `{"resources":[]}`})
	if line, err := c.Check(t.Context()); err != nil || line != "logged in, the status NEW is there, and searches are allowed" {
		t.Errorf("%q, %v", line, err)
	}
	if _, err := serve(t, 200, map[string]string{"/rest/res/list": `{}`}).Check(t.Context()); err == nil || !strings.Contains(err.Error(), `the status "NEW"`) {
		t.Error(err)
	}
	if _, err := serve(t, 200, map[string]string{"/rest/status/NEW": `{}`}).Check(t.Context()); err == nil || !strings.Contains(err.Error(), "a search") {
		t.Error(err)
	}
}
