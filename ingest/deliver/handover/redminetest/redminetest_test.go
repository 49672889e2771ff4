package redminetest_test

import (
	"io"
	"net/http"
	"testing"

	"saisine.fr/saisine/ingest/deliver/handover/redminetest"
)

func TestServer(t *testing.T) {
	t.Parallel()
	s := redminetest.Start(t)
	for key, want := range map[string]int{redminetest.AdminKey: 200, redminetest.Key: 200, redminetest.ReaderKey: 200, "wrong": 401} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/users/current.json", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Redmine-API-Key", key)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s: %d %s, want %d", key, resp.StatusCode, body, want)
		}
	}
}
