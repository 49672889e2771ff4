package publik

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/url"
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
		URL: url, Orig: "saisine", Key: "12345", Email: "agent@exemple.fr", Hook: "saisine", Forms: map[string]string{"voirie": "signalement"},
		Fields: map[string]string{"reference": "ref", "subject": "objet", "text": "message", "position": "carte", "due": "echeance", "received": "recu"},
	})
	if err != nil {
		t.Fatal(err)
	}
	c.now = func() time.Time { return time.Date(2026, 4, 23, 8, 31, 0, 0, time.UTC) }
	c.nonce = func() string { return "00ff" }
	return c
}

// The signature is checked as the server does it: HMAC of what stands before it.
func TestSign(t *testing.T) {
	c := connector(t, "https://x.invalid")
	for _, q := range []url.Values{nil, {"email": {"a+b@exemple.fr"}, "full": {"on"}}} {
		signed := c.sign(q)
		before, signature, ok := strings.Cut(signed, "&signature=")
		mac := hmac.New(sha256.New, []byte("12345"))
		mac.Write([]byte(before))
		got, err := url.QueryUnescape(signature)
		if !ok || err != nil || got != base64.StdEncoding.EncodeToString(mac.Sum(nil)) {
			t.Errorf("%s", signed)
		}
		if want := "algo=sha256&timestamp=2026-04-23T08%3A31%3A00Z&nonce=00ff&orig=saisine"; !strings.HasSuffix(before, want) || len(q) == 0 && before != want {
			t.Errorf("signed is %q", before)
		}
	}
	if a, b := newNonce(), newNonce(); a == b || len(a) != 32 {
		t.Errorf("nonces %q, %q", a, b)
	}
}

func TestCreate(t *testing.T) {
	s := replaytest.Serve(t, "testdata/create.json")
	c := connector(t, s.URL)
	cs := handovertest.Case("2026-000123")
	if _, err := c.Create(t.Context(), cs); err == nil || ingest.IsPermanent(err) {
		t.Fatalf("%v, want an error that is tried again", err)
	}
	want := handover.Remote{ID: "signalement/16", URL: s.URL + "/backoffice/management/signalement/16/"}
	if r, err := c.Create(t.Context(), cs); err != nil || r != want {
		t.Errorf("after a lost answer: %+v, %v, want %+v", r, err, want)
	}
	if r, err := c.Create(t.Context(), cs); err != nil || r.ID != "signalement/17" {
		t.Errorf("%+v, %v", r, err)
	}
	cs.Category = "autre"
	if _, err := c.Create(t.Context(), cs); !ingest.IsPermanent(err) {
		t.Errorf("%v, want a permanent error", err)
	}
}

func TestAttach(t *testing.T) {
	s := replaytest.Serve(t, "testdata/attach.json")
	c := connector(t, s.URL)
	a := handover.Addition{Key: "k1", Text: "Encore.", ReceivedAt: time.Date(2026, 4, 23, 8, 30, 0, 0, time.UTC), Files: []handover.File{
		handovertest.File("Été.PDF", "application/pdf", handovertest.Bytes(70_000)), handovertest.File("ete.pdf", "application/pdf", []byte("deux")),
	}}
	if err := c.Attach(t.Context(), "signalement/16", a); err == nil || ingest.IsPermanent(err) {
		t.Fatalf("%v, want an error that is tried again", err)
	}
	if err := c.Attach(t.Context(), "signalement/16", a); err != nil {
		t.Error(err)
	}
	var sent struct{ Files []struct{ Content []byte } }
	if err := json.Unmarshal(s.Calls()[1].Body, &sent); err != nil || string(sent.Files[0].Content) != string(handovertest.Bytes(70_000)) {
		t.Errorf("%v: the file's bytes are not those sent", err)
	}
	if err := c.Attach(t.Context(), "signalement/16", handover.Addition{Key: "k2"}); err != nil {
		t.Errorf("nothing to add: %v", err)
	}
	big := handover.Addition{Key: "k3", Files: []handover.File{{Name: "film", Size: maxFiles + 1}}}
	if err := c.Attach(t.Context(), "signalement/16", big); !ingest.IsPermanent(err) {
		t.Errorf("%v, want a permanent error", err)
	}
	unread := handover.Addition{Key: "k4", Files: []handover.File{{Name: "Lefevre.pdf", Open: func() (io.ReadCloser, error) { return nil, errors.New("no disk") }}}}
	there := serve(t, 200, map[string]string{"/api/forms/signalement/16/": `{}`})
	if err := there.Attach(t.Context(), "signalement/16", unread); err == nil || !strings.Contains(err.Error(), "file 1 of 1") || strings.Contains(err.Error(), "Lefevre") {
		t.Errorf("%v, want the file's number and not its name", err)
	}
	c.o.Hook = ""
	if err := c.Attach(t.Context(), "signalement/16", a); !ingest.IsPermanent(err) {
		t.Errorf("%v, want a permanent error", err)
	}
}

func serve(t *testing.T, status int, bodies map[string]string) *Connector {
	t.Helper()
	return connector(t, handovertest.Answers(t, status, bodies))
}

func TestStatus(t *testing.T) {
	for body, want := range map[string]handover.State{
		`{"workflow":{"status":{"id":"1","name":"Nouveau","endpoint":false}}}`: {Raw: "Nouveau"},
		`{"workflow":{"status":{"name":"Terminé","endpoint":true}}}`:           {Raw: "Terminé", Status: ingest.StatusClosed},
		`{"workflow":{"status":{"name":"Répondu","endpoint":true}}}`:           {Raw: "Répondu", Status: ingest.StatusAnswered},
		`{"workflow":{"status":{"name":"Archivé","endpoint":true}}}`:           {Raw: "Archivé"},
	} {
		c := serve(t, 200, map[string]string{"/api/forms/f/1/": body})
		c.o.Statuses = map[string]ingest.Status{"Répondu": ingest.StatusAnswered, "Archivé": ""}
		if st, err := c.Status(t.Context(), "f/1"); err != nil || st != want {
			t.Errorf("%s: %+v, %v, want %+v", body, st, err, want)
		}
		if _, err := c.Status(t.Context(), "f/2"); !errors.Is(err, handover.ErrGone) {
			t.Errorf("%v, want ErrGone", err)
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
		{403, `{"err":1,"err_class":"Access denied","err_desc":"invalid signature"}`, "answered 403", "invalid signature", false},
		{400, `{"err":1,"err_desc":"Invalid payload."}`, "answered 400", "Invalid payload.", true},
		{200, `{"err":1,"err_desc":"non"}`, "list: the answer is an error", `error 1: "non"`, true},
		{200, `<html>`, "not the JSON expected", "<html>", false},
		{200, `{"err":0,`, "not the JSON expected", `{\"err\":0,`, false},
		{502, `<html>`, "answered 502", "<html>", false},
	} {
		c := serve(t, tt.status, map[string]string{"/api/forms/signalement/list": tt.body})
		_, err := c.Create(t.Context(), handovertest.Case("2026-000123"))
		if err == nil || !strings.Contains(err.Error(), tt.text) || ingest.IsPermanent(err) != tt.permanent {
			t.Errorf("%d %s: %v, permanent %v", tt.status, tt.body, err, ingest.IsPermanent(err))
		}
		detail := handover.Detail(err)
		if !strings.Contains(detail, tt.said) || err != nil && strings.Contains(err.Error(), tt.said) {
			t.Errorf("%d %s: %v, detail %q: what was said is for the detail", tt.status, tt.body, err, detail)
		}
		for _, secret := range []string{"agent@", "agent%40", "signature=", "12345"} {
			if err != nil && strings.Contains(err.Error()+detail, secret) {
				t.Errorf("the error quotes %s: %v, %s", secret, err, detail)
			}
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := connector(t, "http://127.0.0.1:1").Create(ctx, handovertest.Case("1"))
	if !errors.Is(err, context.Canceled) || strings.Contains(err.Error(), "signature=") {
		t.Errorf("%v, want the context's end", err)
	}
}

func TestNew(t *testing.T) {
	good := Options{URL: "https://x.invalid", Orig: "o", Key: "k", Forms: map[string]string{"": "f"}, Fields: map[string]string{"reference": "ref"}}
	if _, err := New(good); err != nil {
		t.Error(err)
	}
	for name, spoil := range map[string]func(o *Options){
		"key": func(o *Options) { o.Key = "" }, "reference": func(o *Options) { o.Fields = nil }, "form": func(o *Options) { o.Forms = nil },
		"fields.couleur": func(o *Options) { o.Fields = map[string]string{"reference": "r", "couleur": "c"} }, "address": func(o *Options) { o.URL = "x" },
	} {
		o := good
		spoil(&o)
		if _, err := New(o); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCheck(t *testing.T) {
	schema := `{"name":"Signalement","fields":[{"varname":"ref"},{"varname":"objet"},{"varname":"message"},{"varname":"carte"},{"varname":"echeance"},{"varname":"recu"},{"label":"Titre"}]}`
	c := serve(t, 200, map[string]string{"/api/formdefs/signalement/schema": schema})
	if line, err := c.Check(t.Context()); err != nil || line != "1 forms are there, with their fields" {
		t.Errorf("%q, %v", line, err)
	}
	c.o.Fields["subject"] = "titre"
	if _, err := c.Check(t.Context()); err == nil || !strings.Contains(err.Error(), `no field with the variable name "titre" (fields.subject)`) {
		t.Error(err)
	}
	c.o.Forms["x"] = "absent"
	if _, err := c.Check(t.Context()); err == nil || !strings.Contains(err.Error(), `no form "absent"`) {
		t.Error(err)
	}
}
