package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"saisine.fr/saisine/channels"
	"saisine.fr/saisine/channels/desk/xss"
	"saisine.fr/saisine/channels/webform"
	"saisine.fr/saisine/config"
	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/message"
	"saisine.fr/saisine/ocr"
)

// bundleSize is how many payloads stand in one field: each page that is opened in the
// browser shows many of them.
const bundleSize = 16

// xssTown is a town to which nobody writes but people with payloads.
type xssTown struct {
	*deskHouse
	payloads, bundles []string
	origin            string // of the desk and the public pages
	requests          []string
	// mails are those with a payload as HTML, each alone; pieces the others.
	mails, pieces []string
	follow        []string
}

func newXSSTown(t *testing.T) *xssTown {
	t.Helper()
	x := &xssTown{deskHouse: newDeskHouse(t, "2026-11-23 10:00", sealedTown)}
	for i, p := range xss.Payloads() {
		if longRun() || i%3 == 0 {
			x.payloads = append(x.payloads, p)
		}
	}
	for part := range slices.Chunk(x.payloads, bundleSize) {
		x.bundles = append(x.bundles, strings.Join(part, " "))
	}
	x.pipe.Reader = &ingest.DocumentReader{OCR: saysOCR{}, Limits: x.cfg.Limits, Pages: x.store, Town: "Ville", TempDir: x.store.Spool().Dir, Log: x.log}
	x.serve()
	return x
}

// serve puts the desk, the public pages and pages of frames under one origin.
func (x *xssTown) serve() {
	form := webform.New(webform.Options{
		Town: x.cfg.Town, Form: config.Webform{Enabled: true}, Limits: webform.Limits{MaxPost: int64(x.cfg.Limits.Message), MaxFile: int64(x.cfg.Limits.File)},
		Categories: formCategories(x.rules), Follow: follower{x.house}, Correspondent: follower{x.house}, Spool: x.store.Spool(),
		Secret: bytes.Repeat([]byte{1}, 32), Log: x.log, Health: new(channels.Health),
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- form.Run(ctx, filingSink{x.clockHouse}) }()
	target, err := url.Parse(x.url)
	if err != nil {
		x.t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/", form.Handler())
	mux.Handle("/agent/", &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host // what protects against other origins compares it
	}})
	mux.HandleFunc("GET /cadres/{from}", func(w http.ResponseWriter, r *http.Request) {
		var from int
		_, _ = fmt.Sscan(r.PathValue("from"), &from)
		fmt.Fprint(w, "<!DOCTYPE html><title>cadres</title>")
		for _, id := range x.mails[from:min(from+framesShown, len(x.mails))] {
			// Without a sandbox of the page: what the frame itself says must do.
			fmt.Fprintf(w, `<iframe src="/agent/pieces/%s/html"></iframe>`, id)
		}
	})
	s := httptest.NewServer(mux)
	x.origin = s.URL
	x.t.Cleanup(func() {
		s.Close()
		cancel()
		if err := <-done; err != nil {
			x.t.Error(err)
		}
	})
}

const framesShown = 66

// saysOCR reads scans that are text.
type saysOCR struct{}

func (saysOCR) Read(_ context.Context, path string) (ocr.Document, error) {
	raw, err := os.ReadFile(path)
	text := strings.TrimPrefix(string(raw), "%PDF-1.4\n")
	l := &ocr.Layout{Width: 1654, Height: 2339, DPI: 200}
	for i, word := range strings.Fields(text) {
		l.Words = append(l.Words, ocr.Word{Text: word, Confidence: 0.3, X: 10, Y: 10 + i, W: 50, H: 8})
	}
	return ocr.Document{Kind: "pdf", Total: 1, Pages: []ocr.Page{{Number: 1, Text: text, Source: ocr.SourceOCR, Confidence: 0.3, Unsure: true, Layout: l}}}, err
}

// word encodes a text for a header (RFC 2047), in words of a length that is allowed.
func word(s string) string {
	var out []string
	for part := range slices.Chunk([]byte(s), 39) {
		out = append(out, "=?utf-8?B?"+base64.StdEncoding.EncodeToString(part)+"?=")
	}
	return strings.Join(out, "\r\n ")
}

// extended encodes a parameter of a header (RFC 2231).
func extended(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		fmt.Fprintf(&b, "%%%02X", c)
	}
	return b.String()
}

// write files the payloads by every way in.
func (x *xssTown) write() {
	for i, p := range x.payloads {
		rec := x.mail(i, p, p, p, []string{p})
		x.mails = append(x.mails, rec.ID)
	}
	parts := slices.Collect(slices.Chunk(x.payloads, bundleSize))
	for i, b := range x.bundles {
		lines := strings.Join(parts[i], "\n")
		x.file(x.mail(1000+i, b, b, lines, parts[i]))
		x.file(x.submit(ingest.ChannelScan, []byte("%PDF-1.4\nObjet : "+b+"\n\n"+lines), ingest.MediaPDF, ingest.Hints{Filename: b}))
		note, err := json.Marshal(ingest.Note{
			Channel: "phone", Subject: strings.ToValidUTF8(b, "?"), Body: strings.ToValidUTF8(lines, "?"), Place: strings.ToValidUTF8(b, "?"),
			Sender: ingest.Person{Name: strings.ToValidUTF8(b, "?"), Email: strings.ToValidUTF8(parts[i][0], "?"), Phone: "0102030405", Address: strings.ToValidUTF8(lines, "?")},
		})
		if err != nil {
			x.t.Fatal(err)
		}
		x.file(x.submit(ingest.ChannelPhone, note, ingest.MediaNote, ingest.Hints{}))
		x.act(i, b, lines)
	}
	for i, part := range lineBundles(x.payloads) {
		x.form(i, strings.Join(part, " "), strings.Join(part, "\n"), part)
	}
}

// lineBundles are payloads that together fit into a line of the form.
func lineBundles(payloads []string) [][]string {
	const most = 290 // characters; the form takes 300
	var out [][]string
	left := 0
	for _, p := range payloads {
		if n := len([]rune(p)) + 1; n > left || len(out) == 0 {
			out, left = append(out, nil), most
		}
		out[len(out)-1] = append(out[len(out)-1], message.Cut(p, most))
		left -= len([]rune(p)) + 1
	}
	return out
}

func (x *xssTown) file(rec ingest.Record) {
	x.t.Helper()
	if rec.Request != "" && !slices.Contains(x.requests, rec.Request) {
		x.requests = append(x.requests, rec.Request)
	}
	x.pieces = append(x.pieces, rec.ID)
}

// mail files a mail that says the same in each of its parts.
func (x *xssTown) mail(n int, name, subject, text string, files []string) ingest.Record {
	x.t.Helper()
	var b bytes.Buffer
	fmt.Fprintf(&b, "From: %s <c%d@citoyen.test>\r\nTo: sve@ville.test\r\nSubject: %s\r\nMessage-ID: <m%d@citoyen.test>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=m\r\n\r\n"+
		"--m\r\nContent-Type: multipart/alternative; boundary=a\r\n\r\n", word(name), n, word(subject), n)
	for _, kind := range []string{"plain", "html"} {
		fmt.Fprintf(&b, "--a\r\nContent-Type: text/%s; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n%s\r\n", kind, base64.StdEncoding.EncodeToString([]byte(text)))
	}
	b.WriteString("--a--\r\n")
	for _, f := range files {
		fmt.Fprintf(&b, "--m\r\nContent-Type: application/octet-stream\r\nContent-Disposition: attachment; filename*=utf-8''%s\r\n\r\npiece\r\n", extended(f))
	}
	b.WriteString("--m--\r\n")
	return x.submit(ingest.ChannelMailbox, b.Bytes(), ingest.MediaMail, ingest.Hints{})
}

// form posts the public form as a browser does.
func (x *xssTown) form(n int, bundle, lines string, files []string) {
	x.t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for name, value := range map[string]string{
		"name": bundle, "subject": bundle, "message": lines, "place": bundle, "address": bundle, "email": fmt.Sprintf("f%d@citoyen.test", n), "phone": "0102030405", "category": "voirie",
	} {
		_ = w.WriteField(name, value)
	}
	for _, f := range files[:min(len(files), 3)] {
		if part, err := w.CreateFormFile("files", f); err == nil {
			_, _ = part.Write([]byte("piece " + f))
		}
	}
	_ = w.Close()
	req, err := http.NewRequestWithContext(x.t.Context(), http.MethodPost, x.origin+"/demandes", &b)
	if err != nil {
		x.t.Fatal(err)
	}
	req.Header.Set("Content-Type", w.FormDataContentType())
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	if err != nil {
		x.t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusSeeOther {
		body, _ := io.ReadAll(res.Body)
		x.t.Fatalf("form %d: %d %s", n, res.StatusCode, body)
	}
	x.follow = append(x.follow, res.Header.Get("Location"))
}

// act has agents with payloads as their names work on the request that came last, and write
// payloads into it.
func (x *xssTown) act(n int, bundle, lines string) {
	x.t.Helper()
	clean := strings.ToValidUTF8(bundle, "?")
	login := fmt.Sprintf("agent%d", n)
	err := x.store.AddAgent(x.t.Context(), ingest.Agent{Login: login, Name: clean, Title: clean, Role: ingest.RoleAgent, Services: []string{"Voirie", "CCAS"}, Language: "fr"}, "", "test")
	if err != nil {
		x.t.Fatal(err)
	}
	v := ingest.Viewer{Login: login, Name: clean, Role: ingest.RoleAgent, Language: "fr"}
	acts, reference := deskActs{x.house}, x.requests[len(x.requests)-1]
	for what, err := range map[string]error{
		"comment": acts.Comment(x.t.Context(), v, reference, strings.ToValidUTF8(lines, "?")),
		"assign":  acts.Assign(x.t.Context(), v, reference, login),
		"status":  acts.SetStatus(x.t.Context(), v, reference, ingest.StatusInProgress, strings.ToValidUTF8(lines, "?")),
	} {
		if err != nil {
			x.t.Errorf("%s: %v", what, err)
		}
	}
	failed, err := x.intake.Submit(x.t.Context(), ingest.Submission{
		Channel: ingest.ChannelScan, Account: "test", SourceKey: fmt.Sprint("failed", n), ReceivedAt: x.now, Original: ingest.NewBlob([]byte("x" + bundle)),
		MediaType: ingest.MediaPDF, Hints: ingest.Hints{Filename: bundle, Problems: []ingest.Problem{{Code: "x", Detail: clean}}},
	})
	if err == nil {
		err = x.store.Fail(x.t.Context(), failed.ID, clean)
	}
	if err != nil {
		x.t.Fatal(err)
	}
}

// pages are the addresses that are looked at: of each pattern of the desk those that show
// something foreign.
func (x *xssTown) pages(rights map[string]ingest.Role) []string {
	var out []string
	for _, pattern := range slices.Sorted(maps.Keys(rights)) {
		method, path, _ := strings.Cut(pattern, " ")
		path = strings.TrimSuffix(path, "{$}")
		if method != http.MethodGet || rights[pattern] == "" || strings.Contains(path, "/pieces/") || strings.Contains(path, ".pdf") || strings.Contains(path, ".csv") ||
			strings.Contains(path, "/courriers/") || strings.HasSuffix(path, "/recepisse") || strings.HasSuffix(path, "/image") || strings.HasSuffix(path, "/deconnexion") {
			continue
		}
		switch {
		case !strings.Contains(path, "{"):
			for _, q := range queries(path) {
				out = append(out, path+q)
			}
			if path == "/agent/" {
				for i := 0; i < len(x.payloads); i += 12 {
					out = append(out, "/agent/?q="+url.QueryEscape(x.payloads[i]))
				}
			}
		case strings.Contains(path, "{ref}"):
			for i, ref := range x.requests {
				if filled := strings.NewReplacer("{ref}", ref, "{other}", x.requests[(i+1)%len(x.requests)]).Replace(path); path == "/agent/demandes/{ref}" || i%8 == 0 {
					out = append(out, filled)
				}
			}
		case strings.Contains(path, "{id}"):
			for i := 0; i < len(x.pieces); i += 8 {
				out = append(out, strings.ReplaceAll(path, "{id}", x.pieces[i]))
			}
		case strings.Contains(path, "{login}"):
			for i := 0; i < len(x.bundles); i += 4 {
				out = append(out, strings.ReplaceAll(path, "{login}", fmt.Sprintf("agent%d", i)))
			}
		}
	}
	out = append(out, x.follow...)
	for i := 0; i < len(x.mails); i += framesShown {
		out = append(out, fmt.Sprintf("/cadres/%d", i))
	}
	return out
}

// TestNothingForeignRuns has the payloads come in by every way and looks at every page that shows
// them: no script runs, none stands there, and no request leaves for another host.
func TestNothingForeignRuns(t *testing.T) {
	t.Parallel()
	x := newXSSTown(t)
	x.agent("admin", ingest.RoleAdministrator, "Voirie", "CCAS")
	begun := time.Now()
	x.write()
	t.Logf("%d payloads in %d requests, written in %s", len(x.payloads), len(x.requests), time.Since(begun).Round(time.Second))
	if len(x.payloads) < 130 {
		t.Errorf("only %d payloads", len(x.payloads))
	}
	w := xss.Start(t, xss.NoLeak, x.origin)
	w.Look(x.origin + "/agent/connexion")
	if err := chromedp.Do(w.Ctx, chromedp.SetValue("#login", "admin"), chromedp.SetValue("#password", deskPassword)); err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.RunResponse(w.Ctx, chromedp.Click(chromedp.Search("main form button"))); err != nil {
		t.Fatal(err)
	}
	if at, err := chromedp.Run(w.Ctx, chromedp.Location()); err != nil || at != x.origin+"/agent/" {
		t.Fatalf("logged in at %s: %v", at, err)
	}
	begun = time.Now()
	pages := x.pages(rightsOf(t, x.deskHouse))
	for _, p := range pages {
		w.Look(x.origin + p)
	}
	t.Logf("%d pages looked at in %s", len(pages), time.Since(begun).Round(time.Second))

	// Views that are called so: an agent keeps fifty.
	admin := ingest.Viewer{Login: "admin"}
	for part := range slices.Chunk(x.payloads, 50) {
		for _, query := range []string{"q=x&statut=new", ""} {
			for _, p := range part {
				letters := []rune(strings.ToValidUTF8(p, "?"))
				name := strings.TrimSpace(string(letters[:min(60, len(letters))]))
				if err := x.store.SaveView(t.Context(), admin, ingest.SavedView{Name: name, Query: query}); err != nil {
					t.Error(err)
				}
			}
			if query != "" {
				w.Look(x.origin + "/agent/")
			}
		}
	}

	// Forms show again what was typed.
	for i := 0; i < len(x.payloads); i += 40 {
		p := x.payloads[i]
		for path, fields := range map[string][]string{
			"/agent/nouvelle": {"name", "phone", "email", "address", "place", "subject", "message", "nom", "objet", "texte", "lieu"},
			"/demandes":       {"name", "email", "address", "place", "subject"},
		} {
			script, err := json.Marshal(map[string]any{"path": path, "fields": fields, "value": strings.ToValidUTF8(p, "?")})
			if err != nil {
				t.Fatal(err)
			}
			post := fmt.Sprintf(`(o => { const f = document.createElement("form"); f.method = "post"; f.action = o.path; f.enctype = "multipart/form-data";
				for (const n of o.fields) { const e = document.createElement("input"); e.name = n; e.value = o.value; f.append(e); }
				document.body.append(f); f.submit(); })(%s)`, script)
			if path == "/agent/nouvelle" {
				w.Look(x.origin + path)
			} else {
				w.Look(x.origin + "/")
			}
			if _, err := chromedp.RunResponse(w.Ctx, chromedp.Evaluate[chromedp.Void](post)); err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			w.LookHere(path)
		}
	}
}
