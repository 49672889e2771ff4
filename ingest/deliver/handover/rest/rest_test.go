package rest

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"saisine.fr/saisine/ingest/deliver/handover"
)

// What a server says may repeat the citizen's words: it is in the detail of an error and not in
// its text, which goes to the log.
func TestSaid(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		status       int
		body         string
		text, detail string
	}{
		{422, "Sujet\nde Zoé", "GET /x: the server answered 422", "Sujet de Zoé"},
		{500, "", "GET /x: the server answered 500", ""},
		{200, "<p>Zoé", "GET /x: the answer is not the JSON expected", `it begins "<p>Zoé"`},
		{200, `{"ID":"Zoé"}`, "GET /x: the answer is not the JSON expected", `it begins "{\"ID\":\"Zoé\"}"`},
		{502, strings.Repeat("é", 1000), "GET /x: the server answered 502", strings.Repeat("é", quoted) + "…"},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(test.status)
			_, _ = io.WriteString(w, test.body)
		}))
		defer server.Close()
		c, err := New(Options{URL: server.URL})
		if err != nil {
			t.Fatal(err)
		}
		var out struct{ ID json.Number }
		err = c.JSON(t.Context(), Call{Method: http.MethodGet, Path: "/x"}, &out)
		if err == nil || err.Error() != test.text || !strings.Contains(handover.Detail(err), test.detail) {
			t.Errorf("%d %q: %v, detail %q", test.status, test.body, err, handover.Detail(err))
		}
		var says interface{ Detail() string }
		if !errors.As(err, &says) {
			t.Errorf("%d %q: no detail", test.status, test.body)
		}
	}
}
