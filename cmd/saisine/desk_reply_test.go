package main

import (
	"bytes"
	"fmt"
	"html"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/deliver/eximtest"
)

// as adds an agent to a town whose daemon runs, and logs them in.
func (tw *town) as(login string, args ...string) *session {
	tw.t.Helper()
	cmd := exec.Command(tw.cli, append([]string{"user", "add", login, "--config", tw.config}, args...)...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	cmd.Stdin = strings.NewReader(deskPassword + "\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		tw.t.Fatalf("user add: %v\n%s", err, out)
	}
	s := &session{t: tw.t.(*testing.T), url: "http://" + tw.public, client: &http.Client{
		Transport: &cookieKeeper{kept: map[string]string{}}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	if status, body := s.post("/agent/connexion", url.Values{"login": {login}, "password": {deskPassword}}); status != http.StatusSeeOther {
		tw.t.Fatalf("login of %s answered %d: %s", login, status, body)
	}
	return s
}

// field returns the value of a field of a form.
func field(t *testing.T, page, name string) string {
	t.Helper()
	if m := regexp.MustCompile(`name="` + name + `"[^>]* value="([^"]*)"`).FindStringSubmatch(page); m != nil {
		return html.UnescapeString(m[1])
	}
	if m := regexp.MustCompile(`(?s)<textarea[^>]* name="` + name + `"[^>]*>(.*?)</textarea>`).FindStringSubmatch(page); m != nil {
		return html.UnescapeString(m[1])
	}
	t.Fatalf("the page has no field %s", name)
	return ""
}

// file fetches a download and returns it with its name.
func (s *session) file(path string) (name string, content []byte) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.url+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	res, err := s.client.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	content, err = io.ReadAll(res.Body)
	kind, params, err2 := mime.ParseMediaType(res.Header.Get("Content-Disposition"))
	if err != nil || err2 != nil || res.StatusCode != http.StatusOK || kind != "attachment" || res.Header.Get("X-Content-Type-Options") != "nosniff" {
		s.t.Fatalf("%s answered %d: %v %v %v\n%.300s", path, res.StatusCode, res.Header, err, err2, content)
	}
	return params["filename"], content
}

// upload posts files with fields before them, as a browser does.
func (s *session) upload(path string, fields [][2]string, files [][2]string) (int, string) {
	s.t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, f := range fields {
		if err := w.WriteField(f[0], f[1]); err != nil {
			s.t.Fatal(err)
		}
	}
	for _, f := range files {
		part, err := w.CreateFormFile("fichiers", f[0])
		if err == nil {
			_, err = io.WriteString(part, f[1])
		}
		if err != nil {
			s.t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		s.t.Fatal(err)
	}
	return s.send(path, w.FormDataContentType(), &b)
}

func (s *session) send(path, contentType string, body io.Reader) (int, string) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.url+path, body)
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	res, err := s.client.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

func pdfWords(t *testing.T, pdf []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "x.pdf")
	if err := os.WriteFile(file, pdf, 0o600); err != nil {
		t.Fatal(err)
	}
	return strings.Join(strings.Fields(tool(t, "pdftotext", "-layout", file, "-")), " ")
}

// An agent answers a citizen's mail from a text, posting the form twice: one mail leaves. A
// person wrote it, it stands below the citizen's mail, and an answer to it is a follow-up.
func TestAgentAnswersAMail(t *testing.T) {
	t.Parallel()
	tw := newPostTown(t, "")
	tw.start()
	tw.dovecot.Deliver(townUser, citizenMail("amelie", "References: <older@exemple.net>\r\n", lampText))
	tw.exim.Await(1, 40*time.Second) // the receipt
	camille := tw.as("camille", "--role", "agent", "--name", "Camille Roux", "--title", "cheffe de service")
	q := tw.requests()[0]
	form := "/agent/demandes/" + q.Reference + "/repondre"

	status, page := camille.get(form + "?modele=travaux")
	if status != http.StatusOK || !strings.Contains(page, "par courriel à amelie@") || !strings.Contains(page, "Camille Roux, cheffe de service") {
		t.Fatalf("form: %d\n%s", status, page)
	}
	values := url.Values{
		"cle": {field(t, page, "cle")}, "modele": {"travaux"}, "voie": {"courriel"}, "objet": {field(t, page, "objet")}, "message": {field(t, page, "message")}, "statut": {"answered"},
		"nom": {field(t, page, "nom")}, "adresse": {""},
	}
	// What is left to fill in is not sent.
	if status, page = camille.post(form, values); status != http.StatusUnprocessableEntity || !strings.Contains(page, "Il reste à compléter") || len(tw.mails()) != 1 {
		t.Fatalf("with a gap: %d, %d mails", status, len(tw.mails()))
	}
	values.Set("message", strings.ReplaceAll(values.Get("message"), "[à compléter\u00a0: date ou semaine]", "mardi {{.Secret}} <b>prochain</b>"))
	values.Set("faire", "apercu")
	if status, page = camille.post(form, values); status != http.StatusOK || !strings.Contains(page, "Rien n’est encore parti") || !strings.Contains(page, "mardi {{.Secret}} &lt;b&gt;prochain") {
		t.Fatalf("preview: %d\n%s", status, page)
	}
	values.Del("faire")
	for range 2 {
		if status, to := camille.post(form, values); status != http.StatusSeeOther || to != "/agent/demandes/"+q.Reference {
			t.Fatalf("sending: %d %s", status, to)
		}
	}
	reply := tw.written(1, ingest.MailReply, ingest.MailSent)
	got := tw.exim.Await(2, 40*time.Second)
	if len(reply) != 1 || len(got) != 2 {
		t.Fatalf("%d answers, %d mails arrived", len(reply), len(got))
	}
	raw := got[1]
	if strings.Contains(string(got[0].Raw), reply[0].MessageID) {
		raw = got[0]
	}
	h, text := parts(t, raw.Raw)
	for media := range text { // lines are broken anywhere
		text[media] = strings.Join(strings.Fields(text[media]), " ")
	}
	subject, _ := new(mime.WordDecoder).DecodeHeader(h.Get("Subject"))
	for name, ok := range map[string]bool{
		"To":          raw.EnvelopeTo == "amelie@"+eximtest.Domain,
		"Subject":     subject == "Votre demande "+q.Reference+" – intervention prévue",
		"automatic":   h.Get("Auto-Submitted") == "" && h.Get("X-Auto-Response-Suppress") == "" && h.Get("Precedence") == "",
		"In-Reply-To": h.Get("In-Reply-To") == "<amelie-1@"+eximtest.Domain+">",
		"References":  strings.Contains(h.Get("References"), "<older@exemple.net>") && strings.Contains(h.Get("References"), "<amelie-1@"),
		"Message-ID":  h.Get("Message-ID") == "<"+reply[0].MessageID+">" && strings.HasPrefix(reply[0].MessageID, "ar."),
		"words":       strings.Contains(text["text/plain"], "mardi {{.Secret}} <b>prochain</b>") && strings.Contains(text["text/html"], "mardi {{.Secret}} &lt;b&gt;prochain"),
		"officer":     strings.Contains(text["text/plain"], "Camille Roux, cheffe de service") && strings.Contains(text["text/plain"], "Téléphone : 01 23 45 67 89"),
		"number":      strings.Contains(text["text/plain"], "Courrier départ n° D-"),
	} {
		if !ok {
			t.Errorf("%s is wrong:\n%s", name, raw.Raw)
		}
	}
	if q := tw.requests()[0]; q.Status != ingest.StatusAnswered {
		t.Errorf("the request is %s", q.Status)
	}
	for _, m := range tw.mails() {
		if m.Kind == ingest.MailStatus {
			t.Errorf("a notice of the status was written as well: %+v", m)
		}
	}
	// The citizen answers: a follow-up that takes the request up again.
	tw.dovecot.Deliver(townUser, []byte(fmt.Sprintf("Return-Path: <amelie@%[1]s>\r\nFrom: amelie@%[1]s\r\nTo: %[2]s\r\nSubject: Re: intervention\r\nMessage-ID: <amelie-2@%[1]s>\r\nIn-Reply-To: <%[3]s>\r\nContent-Type: text/plain\r\n\r\nMerci, mais ce n'est toujours pas fait.\r\n",
		eximtest.Domain, townUser, reply[0].MessageID)))
	all := tw.settled(2, 40*time.Second)
	if all[1].Link != ingest.LinkFollowUp || all[1].Request != q.Reference {
		t.Errorf("the answer: %+v", all[1])
	}
	if q := tw.requests()[0]; q.Status != ingest.StatusInProgress {
		t.Errorf("after the follow-up the request is %s", q.Status)
	}
	if _, csv := camille.file("/agent/courrier/registre.csv?sens=depart&du=2020-01-01&au=2099-12-31"); strings.Count(string(csv), "\r\n") != 2 || !strings.Contains(string(csv), "intervention prévue") || !strings.Contains(string(csv), "Camille Roux") {
		t.Errorf("register of departures:\n%s", csv)
	}
	tw.verify()
}
