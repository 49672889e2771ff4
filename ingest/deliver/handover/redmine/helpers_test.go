package redmine

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"saisine.fr/saisine/ingest/deliver/handover"
	"saisine.fr/saisine/ingest/deliver/handover/handovertest"
	"saisine.fr/saisine/ingest/deliver/handover/redminetest"
)

// admin calls Redmine as its administrator, by no code of the connector.
func admin(t *testing.T, method, address string, body any) []byte {
	t.Helper()
	data, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequest(method, address, bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Redmine-API-Key", redminetest.AdminKey)
	r.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	out, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode > 299 {
		t.Fatalf("%s %s: %d %s, %v", method, address, resp.StatusCode, out, err)
	}
	return out
}

// issue is one as the administrator sees it.
type issue struct {
	ID                   int64
	Subject, Description string
	DueDate              string `json:"due_date"`
	Tracker              struct{ Name string }
	CustomFields         []struct{ Name, Value string } `json:"custom_fields"`
	Attachments          []struct {
		Filename   string
		ContentURL string `json:"content_url"`
	}
	Journals []struct{ Notes string }
}

func look(s *redminetest.Server, ref string) func(*testing.T, handover.Remote) handovertest.Seen {
	return func(t *testing.T, r handover.Remote) handovertest.Seen {
		t.Helper()
		var list struct{ Issues []issue }
		if err := json.Unmarshal(admin(t, "GET", s.URL+"/issues.json?status_id=*&limit=100", nil), &list); err != nil {
			t.Fatal(err)
		}
		seen := handovertest.Seen{Files: map[string][]byte{}}
		for _, i := range list.Issues {
			if strings.Contains(i.Subject, "["+ref+"]") {
				seen.Cases++
			}
		}
		i := read(t, s, r)
		seen.Subject, seen.Text = i.Subject, strings.ReplaceAll(i.Description, "\r\n", "\n")
		for _, j := range i.Journals {
			if j.Notes != "" {
				seen.Added = append(seen.Added, j.Notes)
			}
		}
		for _, a := range i.Attachments {
			if _, twice := seen.Files[a.Filename]; twice {
				t.Errorf("%s is there twice", a.Filename)
			}
			seen.Files[a.Filename] = admin(t, "GET", a.ContentURL, nil)
		}
		return seen
	}
}

func read(t *testing.T, s *redminetest.Server, r handover.Remote) issue {
	t.Helper()
	var answer struct{ Issue issue }
	if err := json.Unmarshal(admin(t, "GET", s.URL+"/issues/"+r.ID+".json?include=attachments,journals", nil), &answer); err != nil {
		t.Fatal(err)
	}
	return answer.Issue
}
