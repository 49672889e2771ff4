package open311

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html"
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

var received = time.Date(2026, 4, 23, 8, 30, 0, 0, time.UTC)

func connector(t *testing.T, o Options) *Connector {
	t.Helper()
	if o.Services == nil {
		o.Services = map[string]string{"": "001"}
	}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	c.now = func() time.Time { return received.Add(30 * time.Minute) }
	return c
}

func hole() handover.Case {
	return handover.Case{
		Reference: "2026-000123", Town: "Saint-Exemple", Subject: "Trou", Text: "Un grand trou.\n", Category: "voirie",
		Sender: ingest.Person{Name: "Zoé de la Tour", Email: "zoe@example.org", Phone: "0612"},
		Place:  "1234 5th\nstreet", Position: &ingest.Position{Lat: 37.76524078, Long: -122.4212043}, ReceivedAt: received,
		URL: "https://desk.invalid/2026-000123",
	}
}

func TestConnector(t *testing.T) {
	s := &server{}
	c := connector(t, Options{URL: s.start(t)})
	handovertest.Run(t, c, "2026-000123", func(t *testing.T, r handover.Remote) handovertest.Seen {
		t.Helper()
		var seen handovertest.Seen
		for _, x := range s.requests {
			if text := html.UnescapeString(x["description"].(string)); strings.Contains(text, "2026-000123") {
				seen.Cases++
				seen.Text = text
			}
		}
		if !strings.Contains(seen.Text, "<b>œuf</b> & Cie 🚲") || !strings.HasPrefix(seen.Text, "Nid-de-poule « rue") {
			t.Errorf("the description is %q", seen.Text)
		}
		for _, private := range []string{"Lefèvre", "zoe.lefevre", "06 12", "/agent/"} {
			if strings.Contains(fmt.Sprint(s.requests), private) {
				t.Errorf("%q went out, which is published there", private)
			}
		}
		return seen
	}, handovertest.NothingLater())
}

func TestStandard(t *testing.T) {
	s := replaytest.Serve(t, "testdata/standard.json")
	c := connector(t, Options{URL: s.URL + "/v2/", APIKey: "xyz", JurisdictionID: "city.gov", Attributes: map[string]string{"WHISPAWN": "123456"}})
	r, err := c.Create(t.Context(), hole())
	if err != nil || r != (handover.Remote{ID: "293944"}) {
		t.Fatalf("%+v, %v", r, err)
	}
	st, err := c.Status(t.Context(), r.ID)
	if want := (handover.State{Raw: "closed", Status: ingest.StatusAnswered, Note: "Rebouché."}); err != nil || st != want {
		t.Errorf("%+v, %v, want %+v", st, err, want)
	}
}

func TestEarlierTry(t *testing.T) {
	s := replaytest.Serve(t, "testdata/seeclickfix.json")
	c := connector(t, Options{URL: s.URL + "/v2", Services: map[string]string{"voirie": "42"}})
	r, err := c.Create(t.Context(), hole())
	if err != nil || r.ID != "6" {
		t.Fatalf("%+v, %v", r, err)
	}
	if st, err := c.Status(t.Context(), "6"); err != nil || st != (handover.State{Raw: "acknowledged"}) {
		t.Errorf("%+v, %v", st, err)
	}
}

func TestStates(t *testing.T) {
	s := replaytest.Serve(t, "testdata/fixmystreet.json")
	c := connector(t, Options{URL: s.URL + "/v2", Statuses: map[string]ingest.Status{"no_further_action": ingest.StatusClosed}})
	if st, err := c.Status(t.Context(), "77"); err != nil || st != (handover.State{Raw: "no_further_action", Status: ingest.StatusClosed, Note: "Rien à faire."}) {
		t.Errorf("%+v, %v", st, err)
	}
	if st, err := c.Status(t.Context(), "78"); err != nil || st != (handover.State{Raw: "Open"}) {
		t.Errorf("%+v, %v", st, err)
	}
	for _, id := range []string{"79", "80/81"} {
		if _, err := c.Status(t.Context(), id); !errors.Is(err, handover.ErrGone) {
			t.Errorf("%s: %v, want ErrGone", id, err)
		}
	}
	if _, err := c.Status(t.Context(), blackID+"2026-000123"); !errors.Is(err, handover.ErrNoStatus) {
		t.Errorf("%v, want ErrNoStatus", err)
	}
}

func TestToken(t *testing.T) {
	s := replaytest.Serve(t, "testdata/token.json")
	c := connector(t, Options{URL: s.URL + "/v2"})
	r, err := c.Create(t.Context(), hole())
	if err != nil || r.ID != "token:12345" {
		t.Fatalf("%+v, %v", r, err)
	}
	if st, err := c.Status(t.Context(), r.ID); err != nil || st != (handover.State{Raw: "token"}) {
		t.Errorf("%+v, %v", st, err)
	}
	if st, err := c.Status(t.Context(), r.ID); err != nil || st.Status != ingest.StatusAnswered {
		t.Errorf("%+v, %v", st, err)
	}
}

func TestErrors(t *testing.T) {
	s := replaytest.Serve(t, "testdata/errors.json")
	c := connector(t, Options{URL: s.URL + "/v2", APIKey: "s3cret"})
	for _, want := range []struct {
		text      string
		permanent bool
	}{{"jurisdiction_id was not provided (400)", true}, {"Missing or Invalid API Key (403)", false}, {"CRM is down (1)", true}, {"Bad Gateway", false}, {"not JSON", false}} {
		_, err := c.Check(t.Context())
		if err == nil {
			t.Fatalf("no error, want %s", want.text)
		}
		all := err.Error() + " " + handover.Detail(err)
		if !strings.Contains(all, want.text) || strings.Contains(all, "s3cret") {
			t.Errorf("%s, want %s", all, want.text)
		}
		if ingest.IsPermanent(err) != want.permanent {
			t.Errorf("%v: permanent is %v", err, ingest.IsPermanent(err))
		}
	}
}

// Several towns count from 1, and may hand over to one server.
func TestTwoTowns(t *testing.T) {
	s := &server{}
	c := connector(t, Options{URL: s.start(t)})
	other := hole()
	other.Town = "Sainte-Autre"
	a, err1 := c.Create(t.Context(), hole())
	b, err2 := c.Create(t.Context(), other)
	if err1 != nil || err2 != nil || a == b {
		t.Errorf("%+v %v, %+v %v", a, err1, b, err2)
	}
}

func TestMedia(t *testing.T) {
	s := &server{}
	c := connector(t, Options{URL: s.start(t), Media: true, Identity: true})
	picture := handovertest.File("Été.JPG", "image/jpeg", handovertest.Bytes(70_000))
	second := handovertest.File("b.jpg", "image/jpeg", []byte("b"))
	cs := hole()
	cs.Files = []handover.File{handovertest.File("lettre.pdf", "application/pdf", []byte("%PDF")), picture, second}
	r, err := c.Create(t.Context(), cs)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.media) != 1 || string(s.media[0]) != "Ete.JPG\n"+string(handovertest.Bytes(70_000)) {
		t.Errorf("%d pictures came, or not the bytes that were sent", len(s.media))
	}
	form := fmt.Sprint(s.requests[0]["form"])
	for _, want := range []string{"first_name:[Zoé]", "last_name:[de la Tour]", "email:[zoe@example.org]", "phone:[0612]"} {
		if !strings.Contains(form, want) {
			t.Errorf("no %s in %s", want, form)
		}
	}
	for _, tt := range []struct {
		name  string
		a     handover.Addition
		named string // in the permanent error; "" = no error
	}{
		{"the picture that went", handover.Addition{Files: []handover.File{picture}}, ""},
		{"nothing", handover.Addition{}, ""},
		{"what did not go", handover.Addition{Files: cs.Files}, "lettre.pdf, b.jpg"},
		{"a picture that came later", handover.Addition{Files: []handover.File{second}}, "b.jpg"},
		{"a letter", handover.Addition{Text: "Encore.", Files: []handover.File{picture}}, "Été.JPG, the letter itself"},
	} {
		err := c.Attach(t.Context(), r.ID, tt.a)
		if tt.named == "" && err != nil || tt.named != "" && (!ingest.IsPermanent(err) || !strings.HasSuffix(err.Error(), ": "+tt.named)) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

// Without Options.Media no file goes, and none is taken for sent.
func TestNoMedia(t *testing.T) {
	s := &server{}
	c := connector(t, Options{URL: s.start(t)})
	cs := hole()
	cs.Files = []handover.File{handovertest.File("a.jpg", "image/jpeg", []byte("a"))}
	r, err := c.Create(t.Context(), cs)
	if err != nil || len(s.media) != 0 || strings.Contains(s.requests[0]["description"].(string), "Photo") {
		t.Errorf("%v, %d pictures went", err, len(s.media))
	}
	if err := c.Attach(t.Context(), r.ID, handover.Addition{Files: cs.Files}); !ingest.IsPermanent(err) {
		t.Errorf("%v, want a permanent error", err)
	}
}

// A blackbox service gives no id at all; nothing can be asked of it, and nothing added.
func TestBlackbox(t *testing.T) {
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "[]") }))
	defer h.Close()
	c := connector(t, Options{URL: h.URL, Media: true})
	r, err := c.Create(t.Context(), hole())
	if err != nil || r.ID != "blackbox:2026-000123" {
		t.Fatalf("%+v, %v", r, err)
	}
	a := handover.Addition{Files: []handover.File{handovertest.File("a.jpg", "image/jpeg", []byte("a"))}}
	if err := c.Attach(t.Context(), r.ID, a); !ingest.IsPermanent(err) {
		t.Errorf("%v, want a permanent error", err)
	}
}

func TestCannotSend(t *testing.T) {
	c := connector(t, Options{URL: "http://127.0.0.1:1", Services: map[string]string{"voirie": "1"}})
	nowhere := hole()
	nowhere.Place, nowhere.Position = " ", nil
	unknown := hole()
	unknown.Category = "autre"
	for want, cs := range map[string]handover.Case{"neither a position nor a place": nowhere, `category "autre"`: unknown} {
		if _, err := c.Create(t.Context(), cs); !ingest.IsPermanent(err) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if _, err := New(Options{URL: "https://x.invalid"}); err == nil {
		t.Error("a connector without any service_code")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Create(ctx, hole()); !errors.Is(err, context.Canceled) || ingest.IsPermanent(err) {
		t.Errorf("%v, want the context's end", err)
	}
}

func TestDescriptionFits(t *testing.T) {
	c := connector(t, Options{URL: "http://127.0.0.1:1"})
	cs := hole()
	cs.Text = strings.Repeat("é", 10_000)
	d := c.description(cs)
	if n := len([]rune(d)); n > maxDescription || n < maxDescription-5 || !strings.HasSuffix(d, "é […]\n\nRéf. 2026-000123 (Saint-Exemple)") {
		t.Errorf("%d characters, ending %q", n, d[len(d)-80:])
	}
	cs.Text = "Trou dans la rue."
	if d := c.description(cs); strings.HasPrefix(d, "Trou\n") {
		t.Errorf("the subject stands twice: %q", d)
	}
}

func TestCheck(t *testing.T) {
	definition := `{"service_code":"A","attributes":[{"variable":true,"code":"KIND","datatype":"singlevaluelist","required":"true","values":[{"key":123,"name":"Ford"}]},{"variable":false,"code":"INFO","required":true}]}`
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/services.json":
			_, _ = io.WriteString(w, `{"services":[{"service_code":"A","metadata":"true","type":"batch"},{"service_code":7,"metadata":false}]}`)
		case "/services/A.json":
			_, _ = io.WriteString(w, definition)
		}
	}))
	defer h.Close()
	for _, tt := range []struct {
		services, attributes map[string]string
		line, err            string
	}{
		{map[string]string{"": "7"}, nil, "2 services, the 1 configured are there", ""},
		{map[string]string{"a": "A", "b": "A"}, map[string]string{"KIND": "123"}, "2 services, the 1 configured are there; A is of type batch", ""},
		{map[string]string{"a": "A"}, nil, "", "open311: service_code A requires attribute[KIND]"},
		{map[string]string{"a": "A"}, map[string]string{"KIND": "Ford"}, "", `open311: attribute[KIND] of service_code A is "Ford", and may be one of ["123"]`},
		{map[string]string{"a": "A", "b": "B"}, map[string]string{"KIND": "123"}, "", `open311: there is no service_code "B"`},
	} {
		line, err := connector(t, Options{URL: h.URL, Services: tt.services, Attributes: tt.attributes}).Check(t.Context())
		if line != tt.line || (err == nil) != (tt.err == "") || err != nil && err.Error() != tt.err {
			t.Errorf("%v %v: %q, %v", tt.services, tt.attributes, line, err)
		}
	}
}

func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{`[]`, `{"service_requests":{"request":[{"service_request_id":1,"status":null}]}}`, `[null,{"code":1,"description":{}}]`, `{"errors":{"errors":{"errors":{"errors":[]}}}}`, `{"service":"x"}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		rows, err := elements(body, 0)
		if err != nil {
			return
		}
		for _, row := range rows {
			if !json.Valid(row) {
				t.Fatalf("%q is no JSON", row)
			}
			var r request
			_ = json.Unmarshal(row, &r)
		}
		if said := problems(body); strings.ContainsAny(said, "\r\n") {
			t.Fatalf("an error on more than one line: %q", said)
		}
	})
}

func FuzzMarked(f *testing.F) {
	f.Add("Trou", "2026-000123", "Saint-Exemple")
	f.Add("&amp;#", "2026-1", "")
	f.Fuzz(func(t *testing.T, text, reference, town string) {
		c := &Connector{}
		cs := handover.Case{Text: text, Reference: reference, Town: town}
		if d := c.description(cs); len([]rune(c.marker(cs))) < 200 && !strings.Contains(reference+town, "&") && !marked(html.EscapeString(d), c.marker(cs)) {
			t.Fatalf("%q is not found in %q", c.marker(cs), d)
		}
	})
}
