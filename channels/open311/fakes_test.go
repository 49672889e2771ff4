package open311

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/classify"
	"saisine.fr/saisine/ocr"
)

const (
	testKey   = "osk_0123456789abcdefghij"
	otherKey  = "osk_without_the_scope_00"
	goneKey   = "osk_revoked_000000000000"
	smallKey  = "osk_two_calls_a_minute_0"
	testToken = "tok-"
)

// testNow is in summer, two hours ahead of UTC.
var testNow = time.Date(2026, 6, 15, 10, 30, 0, 0, time.UTC)

// house is a town hall of one table. It is safe for concurrent use.
type house struct {
	t      testing.TB
	reader *ingest.DocumentReader

	mu      sync.Mutex
	rows    []*row
	extra   []Report          // requests that did not come by this channel
	merged  map[string]string // reference of one to that of the other
	files   bool              // files what comes in at once
	fail    error             // what every call returns
	asked   int               // calls of Filed
	queries []Query
}

type row struct {
	s         ingest.Submission
	original  []byte
	id        string
	reference string
	state     ingest.State
	reading   ingest.Reading
}

// blind reads nothing on any picture.
type blind struct{}

// Read implements ingest.Recognizer.
func (blind) Read(context.Context, string) (ocr.Document, error) { return ocr.Document{}, nil }

// Submit implements ingest.Sink.
func (h *house) Submit(ctx context.Context, s ingest.Submission) (ingest.Receipt, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.fail != nil {
		return ingest.Receipt{}, h.fail
	}
	for _, r := range h.rows {
		if r.s.Channel == s.Channel && r.s.Account == s.Account && r.s.SourceKey == s.SourceKey {
			return ingest.Receipt{ID: r.id, Replayed: true, State: r.state, Request: r.reference}, nil
		}
	}
	original, err := s.Original.Open()
	if err != nil {
		return ingest.Receipt{}, err
	}
	raw, err := io.ReadAll(original)
	if err = errors.Join(err, original.Close()); err != nil {
		return ingest.Receipt{}, err
	}
	r := &row{s: s, original: raw, id: fmt.Sprintf("id-%d", len(h.rows)+1), state: ingest.StateReceived}
	r.reading, err = h.reader.Read(ctx, ingest.NewBlob(raw), ingest.Record{ID: r.id, Channel: s.Channel, MediaType: s.MediaType, Hints: s.Hints, ReceivedAt: s.ReceivedAt})
	if err != nil {
		return ingest.Receipt{}, err
	}
	h.rows = append(h.rows, r)
	if h.files {
		h.file(r)
	}
	return ingest.Receipt{ID: r.id, State: ingest.StateReceived}, nil
}

func (h *house) file(r *row) {
	r.reference, r.state = fmt.Sprintf("2026-%06d", len(h.rows)), ingest.StateFiled
}

// fileAll files what waits.
func (h *house) fileAll() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, r := range h.rows {
		if r.state == ingest.StateReceived {
			h.file(r)
		}
	}
}

func (h *house) last() *row {
	h.t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.rows) == 0 {
		h.t.Fatal("nothing came in")
	}
	return h.rows[len(h.rows)-1]
}

func (h *house) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.rows)
}

// KeyBySecret implements Keys.
func (h *house) KeyBySecret(_ context.Context, secret string) (ingest.APIKey, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	key := ingest.APIKey{ID: "k1", Name: "appli", Scopes: []ingest.Scope{ingest.ScopeOpen311}}
	switch {
	case h.fail != nil:
		return key, h.fail
	case secret == testKey:
	case secret == otherKey:
		key.ID, key.Scopes = "k2", []ingest.Scope{ingest.ScopeRead}
	case secret == goneKey:
		key.ID, key.RevokedAt = "k3", testNow
	case secret == smallKey:
		key.ID, key.RateLimit = "k4", 2
	default:
		return ingest.APIKey{}, fmt.Errorf("%w: key", ingest.ErrNotFound)
	}
	return key, nil
}

// Token implements Tokens.
func (h *house) Token(_ context.Context, id string) (string, error) {
	return testToken + id + ".1", nil
}

// Submission implements Tokens.
func (h *house) Submission(_ context.Context, token string) (string, error) {
	id, ok := strings.CutPrefix(token, testToken)
	if id, ok2 := strings.CutSuffix(id, ".1"); ok && ok2 {
		return id, nil
	}
	return "", fmt.Errorf("%w: token", ingest.ErrNotFound)
}

// Filed implements Book.
func (h *house) Filed(_ context.Context, id string) (Filing, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.asked++
	if h.fail != nil {
		return Filing{}, h.fail
	}
	for _, r := range h.rows {
		if r.id == id {
			f := Filing{Reference: r.reference, Digest: r.s.Hints.Digest}
			if other := h.merged[r.reference]; other != "" {
				f.Reference = other
			}
			return f, nil
		}
	}
	return Filing{}, fmt.Errorf("%w: %s", ingest.ErrNotFound, id)
}

// reports are all requests, newest first. mu is held.
func (h *house) reports() []Report {
	list := slices.Clone(h.extra)
	for _, r := range h.rows {
		if r.reference == "" || h.merged[r.reference] != "" {
			continue
		}
		list = append(list, Report{
			Reference: r.reference, Status: ingest.StatusNew, Category: r.reading.Category, Service: "Service de test", OpenedAt: r.s.ReceivedAt,
			Channel: r.s.Channel, Text: r.reading.Text, Place: r.reading.Place, Position: r.reading.Position, Sender: r.reading.From,
		})
	}
	slices.SortStableFunc(list, func(a, b Report) int { return b.OpenedAt.Compare(a.OpenedAt) })
	return list
}

// Reports implements Book. It gives more than was asked for, since what is shown must not hang
// on it.
func (h *house) Reports(_ context.Context, q Query, each func(Report) bool) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.fail != nil {
		return h.fail
	}
	h.queries = append(h.queries, q)
	for _, r := range h.reports() {
		if !each(r) {
			break
		}
	}
	return nil
}

// Report implements Book.
func (h *house) Report(_ context.Context, reference string) (Report, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.fail != nil {
		return Report{}, h.fail
	}
	if other := h.merged[reference]; other != "" {
		reference = other
	}
	for _, r := range h.reports() {
		if r.Reference == reference {
			return r, nil
		}
	}
	return Report{}, fmt.Errorf("%w: %s", ingest.ErrNotFound, reference)
}

// builtin is the built-in categories file, read once.
var builtin = sync.OnceValues(func() (classify.File, error) { return classify.LoadFile("") })

// newServer is a server with its house. change, when not nil, changes the options.
func newServer(t testing.TB, change func(*Options)) (*Adapter, *house) {
	t.Helper()
	h := &house{t: t, files: true, merged: map[string]string{}, reader: &ingest.DocumentReader{OCR: blind{}, TempDir: t.TempDir(), Log: slog.New(slog.DiscardHandler)}}
	f, err := builtin()
	if err != nil {
		t.Fatal(err)
	}
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	o := Options{
		BaseURL: "https://mairie.exemple.fr", Jurisdiction: "exemple.fr", Contact: "api@mairie.exemple.fr", KeyService: "Écrivez à api@mairie.exemple.fr",
		Location: paris, Catalogue: FromFile(f), ClientRate: -1, KeyRate: -1, Wait: -1,
		Keys: h, Tokens: h, Book: h, Spool: ingest.Spool{Dir: t.TempDir()}, Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return testNow },
	}
	if change != nil {
		change(&o)
	}
	a := New(o)
	a.door.Lend(h)
	return a, h
}

// ask makes a call and returns its answer. The body of a post is urlencoded.
func ask(a http.Handler, method, target, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	a.ServeHTTP(w, r)
	return w
}

// schema returns the compiled schema of that name.
func schema(t testing.TB, name string) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	s, err := c.Compile(filepath.Join("testdata", "schema", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// valid holds an answer in JSON against a schema.
func valid(t testing.TB, name string, body []byte) any {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	if err := schema(t, name).Validate(v); err != nil {
		t.Errorf("%v in\n%s", err, body)
	}
	return v
}

// spark turns XML into what JSON has by the Spark convention, with all values as strings: an
// element that holds a list is an array, and the root has no name.
func spark(t testing.TB, body []byte) any {
	t.Helper()
	if !bytes.HasPrefix(body, []byte(`<?xml version="1.0" encoding="utf-8"?>`)) {
		t.Errorf("no XML declaration in %s", body)
	}
	d := xml.NewDecoder(bytes.NewReader(body))
	for {
		token, err := d.Token()
		if err != nil {
			t.Fatalf("%v in %s", err, body)
		}
		if start, ok := token.(xml.StartElement); ok {
			return sparkElement(t, d, start)
		}
	}
}

var sparkLists = []string{"services", "service_requests", "errors", "attributes", "values", "endpoints", "formats"}

func sparkElement(t testing.TB, d *xml.Decoder, start xml.StartElement) any {
	if len(start.Attr) > 0 || start.Name.Space != "" {
		t.Errorf("<%s> has attributes or a namespace", start.Name.Local)
	}
	var text strings.Builder
	list, object := []any{}, map[string]any{}
	for {
		token, err := d.Token()
		if err != nil {
			t.Fatal(err)
		}
		switch x := token.(type) {
		case xml.StartElement:
			v := sparkElement(t, d, x)
			if _, twice := object[x.Name.Local]; twice && !slices.Contains(sparkLists, start.Name.Local) {
				t.Errorf("<%s> twice in <%s>", x.Name.Local, start.Name.Local)
			}
			list, object[x.Name.Local] = append(list, v), v
		case xml.CharData:
			text.Write(x)
		case xml.EndElement:
			switch {
			case slices.Contains(sparkLists, start.Name.Local):
				return list
			case len(object) > 0:
				return object
			case text.Len() == 0:
				return nil
			}
			return text.String()
		}
	}
}

// strung is a value of JSON with all that is in it as strings.
func strung(v any) any {
	switch x := v.(type) {
	case map[string]any:
		for k := range x {
			x[k] = strung(x[k])
		}
	case []any:
		for i := range x {
			x[i] = strung(x[i])
		}
	case nil:
		return nil
	case string:
		if x == "" {
			return nil
		}
	default:
		return fmt.Sprint(x)
	}
	return v
}

var update = flag.Bool("update", false, "write the golden files anew")

// golden holds an answer against the file of that name.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", "golden", name)
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is now\n%s", name, got)
	}
}

// both asks for a resource in both formats, which must say the same and keep to its schema, and
// be as the golden files have them.
func both(t *testing.T, schemaName, goldenName string, status int, call func(ending string) *httptest.ResponseRecorder) {
	t.Helper()
	j, x := call("json"), call("xml")
	if j.Code != status || x.Code != status {
		t.Errorf("answered %d and %d, want %d", j.Code, x.Code, status)
	}
	if got := j.Header().Get("Content-Type"); got != "application/json; charset=utf-8" {
		t.Errorf("JSON is %q", got)
	}
	if got := x.Header().Get("Content-Type"); got != "text/xml; charset=utf-8" {
		t.Errorf("XML is %q", got)
	}
	v := strung(valid(t, schemaName, j.Body.Bytes()))
	if got := spark(t, x.Body.Bytes()); !reflect.DeepEqual(got, v) {
		a, _ := json.Marshal(got)
		b, _ := json.Marshal(v)
		t.Errorf("XML says\n%s\nand JSON\n%s", a, b)
	}
	golden(t, goldenName+".json", j.Body.Bytes())
	golden(t, goldenName+".xml", x.Body.Bytes())
}
