package main

import (
	"encoding/json"
	"encoding/xml"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"saisine.fr/saisine/channels/open311/open311test"
	"saisine.fr/saisine/ingest"
)

// key makes a key of the town and returns its secret.
func (tw *town) key(name, scopes string, more ...string) string {
	tw.t.Helper()
	out, code := tw.saisine(append([]string{"key", "add", name, "--scopes", scopes}, more...)...)
	if code != 0 {
		tw.t.Fatalf("key add: exit %d", code)
	}
	return strings.TrimSpace(out)
}

// Clients that nobody here wrote speak to the daemon: they list, create, follow a token and read
// back. What a letter says is read by none of them.
func TestAppsReport(t *testing.T) {
	t.Parallel()
	tw := newTown(t, testBuild, func(s *townSetup) {
		s.noMail = true
		s.extra = "  open311: {enabled: true, jurisdiction_id: saint-exemple.fr}\n"
	})
	d := tw.start()
	s := open311test.Server{
		URL: "http://" + tw.public + "/open311/v2", Key: tw.key("appli", "open311"), Jurisdiction: "saint-exemple.fr",
		Service: "voirie", Attribute: "obstacle", Value: "pietons",
	}
	for _, client := range []func(testing.TB, open311test.Server) []open311test.Report{open311test.Node, open311test.Perl} {
		open311test.Check(t, s, client(t, s))
	}
	// A form about the same matter of the town, from somebody who did not write for everybody.
	f := form("secret")
	f["category"], f["place"] = "voirie", "3 impasse du Silence"
	if status, _, _, err := tw.post(f, nil); err != nil || status != http.StatusSeeOther {
		t.Fatal(status, err)
	}
	subs := tw.settled(5, time.Minute)
	pictures := 0
	for _, sub := range subs {
		if sub.Channel == ingest.ChannelApp && (sub.Account != "appli" || sub.From.Email != open311test.Email) {
			t.Errorf("submission %+v", sub)
		}
		if sub.Channel == ingest.ChannelApp {
			pictures += len(sub.Attachments)
		}
	}
	if pictures == 0 {
		t.Error("no picture came")
	}
	for _, q := range tw.requests() {
		if q.Submissions[0].Channel == ingest.ChannelWebform {
			if _, code := tw.saisine("requests", "set-category", q.Reference, "voirie"); code != 0 {
				t.Error("set-category")
			}
		}
	}
	page := get(t, s.URL+"/requests.json")
	var list []map[string]any
	if err := json.Unmarshal([]byte(page), &list); err != nil || len(list) < 2 {
		t.Fatalf("%d requests, %v in %s", len(list), err, page)
	}
	for _, word := range []string{"Silence", "nid de poule", "Citoyenne", "@", open311test.Phone} {
		if strings.Contains(page, word) {
			t.Errorf("%q is public: %s", word, page)
		}
	}
	// Faults are in the form of the standard, whatever is asked.
	for _, path := range []string{"/requests.xml?start_date=hier", "//requests.xml", "/requests/2026-999999.xml", "/nulle-part"} {
		res, body := fetch(t, s.URL+path)
		var errs struct {
			XMLName xml.Name `xml:"errors"`
			Error   []struct {
				Code        int    `xml:"code"`
				Description string `xml:"description"`
			} `xml:"error"`
		}
		if err := xml.Unmarshal(body, &errs); err != nil || len(errs.Error) == 0 || errs.Error[0].Code != res.StatusCode || res.StatusCode/100 != 4 {
			t.Errorf("%s: %d %s (%v)", path, res.StatusCode, body, err)
		}
	}
	d.stop()
	tw.verify()
	// The key is nowhere in the data folder.
	err := filepath.WalkDir(tw.data, func(path string, e os.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		if err == nil && strings.Contains(string(data), s.Key[20:]) {
			t.Errorf("%s holds the key", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// fetch gets a page, whatever its status.
func fetch(t *testing.T, url string) (*http.Response, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, body
}
