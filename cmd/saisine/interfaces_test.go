package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/crashpoint"
)

// call makes one call of an interface.
func (tw *town) call(method, path, contentType, body string, header ...string) (int, string, error) {
	tw.t.Helper()
	ctx, cancel := context.WithTimeout(tw.t.Context(), 15*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, "http://"+tw.public+path, strings.NewReader(body))
	if err != nil {
		tw.t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = res.Body.Close() }()
	var b bytes.Buffer
	_, err = b.ReadFrom(res.Body)
	return res.StatusCode, b.String(), err
}

// until repeats a call until it is answered 200 or 201, as a program does that has lost an
// answer, and returns that answer.
func (tw *town) until(method, path, contentType, body string, header ...string) string {
	tw.t.Helper()
	var answer string
	tw.eventually(time.Minute, method+" "+path+" is answered", func() bool {
		status, text, err := tw.call(method, path, contentType, body, header...)
		answer = text
		return err == nil && status/100 == 2
	})
	return answer
}

// A program that loses its answer because the daemon is killed repeats the call, and there is one
// submission, with the first answer.
func TestKillAtInterfaces(t *testing.T) {
	t.Parallel()
	tw := newTown(t, func(s *townSetup) {
		s.noMail = true
		s.extra = "  open311: {enabled: true}\n"
	})
	tw.start().stop() // makes the database
	secret := tw.key("portail", "submit,open311")
	n := 0
	for _, point := range []string{"api.parsed", "api.submitted", "open311.parsed", "open311.submitted"} {
		n++
		path, contentType, body := "/api/v1/submissions", "application/json", `{"message":"Un banc est cassé au parc, repère `+point+`.","email":"x@example.org"}`
		header := []string{"Authorization", "Bearer " + secret, "Idempotency-Key", point}
		if strings.HasPrefix(point, "open311") {
			path, contentType = "/open311/v2/requests.json", "application/x-www-form-urlencoded"
			body = url.Values{"service_code": {"espaces-verts"}, "address_string": {"parc " + point}, "description": {"Banc cassé, repère " + point}}.Encode()
			header = []string{"Authorization", "Bearer " + secret}
		}
		d := tw.launch(crashpoint.EnvVar + "=" + point)
		tw.eventually(30*time.Second, "it was called", func() bool {
			_, _, _ = tw.call(http.MethodPost, path, contentType, body, header...)
			return d.ended()
		})
		if !d.dieBy(time.Second) {
			t.Fatalf("%s was not reached:\n%s", point, d.log.tail(40))
		}
		d = tw.start()
		first := tw.until(http.MethodPost, path, contentType, body, header...)
		if again := tw.until(http.MethodPost, path, contentType, body, header...); strings.HasPrefix(point, "api") && again != first {
			t.Errorf("%s: answered %s, then %s", point, first, again)
		}
		subs := tw.settled(n, time.Minute)
		if len(subs) != n {
			t.Errorf("%s: %d submissions, want %d", point, len(subs), n)
		}
		d.stop()
	}
	tw.verify()
}

// What a program hands in, with its file, is a request; the program follows it by the events,
// changes its status, and the citizen's page shows it.
func TestAPIFromEndToEnd(t *testing.T) {
	t.Parallel()
	tw := newTown(t, testBuild, func(s *townSetup) { s.noMail = true })
	tw.start()
	auth := func(secret string) []string { return []string{"Authorization", "Bearer " + secret} }
	submit, read, write := tw.key("portail", "submit"), tw.key("tableau", "read"), tw.key("metier", "read,write")
	body := `{"name":"Zoé Lefèvre","email":"zoe@example.org","subject":"Nid-de-poule","message":"Il y a un nid-de-poule sur la chaussée devant le 12 rue Pasteur.",
		"category":"voirie","lat":48.85,"long":2.35,"files":[{"name":"Été.bin","type":"application/octet-stream","content":"AAEC/w=="}]}`
	var made struct {
		ID  string `json:"id"`
		URL string `json:"follow_up_url"`
	}
	answer := tw.until(http.MethodPost, "/api/v1/submissions", "application/json", body, append(auth(submit), "Idempotency-Key", "a1")...)
	if err := json.Unmarshal([]byte(answer), &made); err != nil || made.ID == "" {
		t.Fatalf("%s: %v", answer, err)
	}
	if status, text, err := tw.call(http.MethodPost, "/api/v1/submissions", "application/json", strings.Replace(body, "12 rue", "13 rue", 1), append(auth(submit), "Idempotency-Key", "a1")...); err != nil || status != http.StatusConflict {
		t.Errorf("another body under the same key: %d %s %v", status, text, err)
	}
	subs := tw.settled(1, time.Minute)
	if s := subs[0]; s.Channel != ingest.ChannelAPI || s.Account != "portail" || len(s.Attachments) != 1 || s.Attachments[0].Size != 4 || s.From.Name != "Zoé Lefèvre" {
		t.Fatalf("%+v", s)
	}
	ref := subs[0].Request
	// Each key may do what its scopes say, and no more.
	for _, c := range []struct {
		method, path, body, secret string
		want                       int
	}{
		{http.MethodGet, "/api/v1/requests/" + ref, "", read, 200},
		{http.MethodGet, "/api/v1/requests/" + ref, "", submit, 403},
		{http.MethodGet, "/api/v1/submissions/" + made.ID, "", submit, 200},
		{http.MethodPatch, "/api/v1/requests/" + ref, `{"status":"in_progress"}`, read, 403},
		{http.MethodPatch, "/api/v1/requests/" + ref, `{"status":"in_progress","note":"Un agent passe demain."}`, write, 200},
		{http.MethodPost, "/api/v1/requests/" + ref + "/comments", `{"text":"vu"}`, write, 201},
		{http.MethodGet, "/api/v1/requests/" + ref, "", "saisine_wrong", 401},
		{http.MethodGet, "/api/v1/requests/2026-999999", "", read, 404},
		{http.MethodGet, "/api/v1/openapi.json", "", "", 200},
	} {
		if status, text, err := tw.call(c.method, c.path, "application/json", c.body, auth(c.secret)...); err != nil || status != c.want {
			t.Errorf("%s %s: %d %s %v, want %d", c.method, c.path, status, text, err, c.want)
		}
	}
	_, text, err := tw.call(http.MethodGet, "/api/v1/events?after=0", "", "", auth(read)...)
	if err != nil || !strings.Contains(text, `"request.opened"`) || !strings.Contains(text, `"request.status"`) || strings.Contains(text, "Zoé") {
		t.Errorf("events: %s, %v", text, err)
	}
	path := made.URL[strings.Index(made.URL, "/suivi/"):]
	if page := get(t, "http://"+tw.public+path); !strings.Contains(page, "Un agent s’occupe de votre demande.") {
		t.Error("the citizen's page does not show the status")
	}
	history, err := tw.look().History(t.Context(), ref)
	if err != nil || history[len(history)-1].Actor != "api:metier" {
		t.Errorf("history: %+v, %v", history, err)
	}
	if status, body, err := tw.call(http.MethodGet, "/api/v1/submissions/"+made.ID+"/files/0", "", "", auth(read)...); err != nil || status != 200 || body != "\x00\x01\x02\xff" {
		t.Errorf("file: %d %q %v", status, body, err)
	}
	if _, code := tw.saisine("key", "revoke", "tableau"); code != 0 {
		t.Error("revoke")
	}
	if status, _, err := tw.call(http.MethodGet, "/api/v1/requests", "", "", auth(read)...); err != nil || status != 401 {
		t.Errorf("a revoked key: %d %v", status, err)
	}
	tw.verify()
}
