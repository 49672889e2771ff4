package main

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"saisine.fr/saisine/channels/open311"
	"saisine.fr/saisine/ingest"
)

// Numbers of events have gaps where something is hidden, as those of the registers have.
var (
	anySeq    = regexp.MustCompile(`"(seq|next)":("?\d+"?)`)
	anyCursor = regexp.MustCompile(`after=\d+`)
)

// TestNothingSealedLeaksToPrograms is TestNothingSealedLeaks for keys and for apps: to a key
// without the sealed service, and to everybody, a town with sealed files looks like one without.
func TestNothingSealedLeaksToPrograms(t *testing.T) {
	t.Parallel()
	with, without := newDeskHouse(t, "2026-11-23 10:00", sealedTown), newDeskHouse(t, "2026-11-23 10:00", sealedTown)
	open, hidden, ids := fillTown(with, true)
	fillTown(without, false)
	shown, err := with.store.Request(t.Context(), open[0])
	if err != nil {
		t.Fatal(err)
	}
	secrets := map[*deskHouse]map[string]string{}
	handlers := map[*deskHouse]http.Handler{}
	for _, h := range []*deskHouse{with, without} {
		secrets[h] = map[string]string{}
		for name, services := range map[string][]string{"dehors": nil, "dedans": {"CCAS"}} {
			secret, err := h.store.AddKey(t.Context(), ingest.APIKey{Name: name, Scopes: ingest.Scopes(), Services: services}, "test")
			if err != nil {
				t.Fatal(err)
			}
			secrets[h][name] = secret
		}
		mux := http.NewServeMux()
		h.newAPI(nil).Register(mux)
		h.newOpen311(nil).Register(mux)
		handlers[h] = mux
	}
	call := func(h *deskHouse, key, method, path, body string) (int, string) {
		r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+secrets[h][key])
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		handlers[h].ServeHTTP(w, r)
		text := sameForAll(w.Body.String())
		return w.Code, anyCursor.ReplaceAllString(anySeq.ReplaceAllString(text, `"$1":N`), "after=N")
	}
	const v1, apps = "/api/v1", open311.Prefix
	paths := []string{
		v1 + "/requests", v1 + "/requests?open=true", v1 + "/requests?category=action-sociale", v1 + "/requests?service=CCAS", v1 + "/events?after=0", v1 + "/categories",
		v1 + "/requests/" + open[0], v1 + "/requests/" + open[0] + "/comments", v1 + "/requests/" + open[0] + "/files", v1 + "/submissions/" + shown.Submissions[0].ID,
		apps + "services.json", apps + "services/action-sociale.json", apps + "requests.json", apps + "requests.xml", apps + "requests.json?service_code=action-sociale",
		apps + "requests/" + open[0] + ".json", apps + "requests/" + hidden[0] + ".json", apps + "requests.json?service_request_id=" + hidden[0],
	}
	for _, words := range append(slices.Clone(sealedWords), "secours", "Durand", hidden[0]) {
		paths = append(paths, v1+"/requests?q="+url.QueryEscape(words))
	}
	for _, path := range paths {
		status, body := call(with, "dehors", http.MethodGet, path, "")
		want, other := call(without, "dehors", http.MethodGet, path, "")
		if strings.HasPrefix(path, v1+"/submissions/") {
			want, other = status, body // its id is of this town alone
		}
		if status != want || body != other {
			t.Errorf("%s: %d %s\nwithout sealed files: %d %s", path, status, body, want, other)
		}
		for _, word := range sealedWords {
			if strings.Contains(body, word) && !strings.Contains(path, url.QueryEscape(word)) {
				t.Errorf("%s shows %q: %s", path, word, body)
			}
		}
	}
	for _, c := range []struct{ method, path, body string }{
		{http.MethodGet, "/requests/" + hidden[0], ""},
		{http.MethodGet, "/requests/" + hidden[0] + "/comments", ""},
		{http.MethodGet, "/requests/" + hidden[0] + "/files", ""},
		{http.MethodGet, "/submissions/" + ids[0], ""},
		{http.MethodGet, "/submissions/" + ids[0] + "/original", ""},
		{http.MethodGet, "/submissions/" + ids[0] + "/files/0", ""},
		{http.MethodPatch, "/requests/" + hidden[0], `{"status":"closed"}`},
		{http.MethodPost, "/requests/" + hidden[0] + "/comments", `{"text":"x"}`},
	} {
		if status, body := call(with, "dehors", c.method, v1+c.path, c.body); status != http.StatusNotFound {
			t.Errorf("%s %s: %d %s to who may not know of it", c.method, c.path, status, body)
		}
		if status, body := call(with, "dedans", c.method, v1+c.path, c.body); status/100 != 2 {
			t.Errorf("%s %s: %d %s to the sealed service's own", c.method, c.path, status, body)
		}
	}
	// What the sealed service's program has read is noted.
	lines, _, err := with.store.AccessLog(t.Context(), ingest.Viewer{Role: ingest.RoleAdministrator}, with.now.AddDate(1, 0, 0), 100)
	if err != nil || !slices.ContainsFunc(lines, func(a ingest.Access) bool { return a.Agent == "api:dedans" && a.What == ingest.AccessRequest }) {
		t.Errorf("access log: %+v, %v", lines, err)
	}
}
