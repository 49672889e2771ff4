package main

import (
	"archive/zip"
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/antivirus"
	"saisine.fr/saisine/ingest/antivirus/clamdtest"
	"saisine.fr/saisine/ingest/crashpoint"
	"saisine.fr/saisine/ingest/deliver/handover"
	"saisine.fr/saisine/ingest/view"
	"saisine.fr/saisine/ocr/samplescan"
)

// virusMail is a mail with a file.
func virusMail(mark, name string, content []byte) []byte {
	return fmt.Appendf(nil, "From: Citoyen <%[1]s@example.fr>\r\nTo: %[2]s\r\nSubject: Demande %[1]s\r\nMessage-ID: <%[1]s@example.fr>\r\nMIME-Version: 1.0\r\n"+
		"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>Bonjour, le lampadaire est éteint, repère %[1]s.</p>\r\n"+
		"--x\r\nContent-Type: application/octet-stream\r\nContent-Disposition: attachment; filename=%[3]q\r\nContent-Transfer-Encoding: base64\r\n\r\n%[4]s\r\n--x--\r\n",
		mark, townUser, name, base64.StdEncoding.EncodeToString(content))
}

func virusZip(t *testing.T, name, content string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	f, err := z.Create(name)
	if err == nil {
		_, err = io.WriteString(f, content)
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// virusScan is a scanned letter that carries the marker.
func virusScan(t *testing.T) []byte {
	t.Helper()
	pdf, err := samplescan.TextPDF([]string{"Objet : courrier piégé\n\nMadame la Maire, le trottoir est dangereux."})
	if err != nil {
		t.Fatal(err)
	}
	return append(pdf, "\n%"+clamdtest.Marker+"\n"...)
}

// carries reports whether bytes of what is infected are in a text, in one of the ways in which
// it came.
func carries(body string) bool {
	for _, piece := range []string{clamdtest.Eicar, clamdtest.Marker, base64.StdEncoding.EncodeToString([]byte(clamdtest.Eicar))[:60]} {
		if strings.Contains(body, piece) {
			return true
		}
	}
	return false
}

// withClamd makes a town whose virus scan is by this server.
func withClamd(s *clamdtest.Server, more string) townOption {
	return func(o *townSetup) {
		o.extra = "  open311: {enabled: true}\nantivirus: {clamd: " + strconv.Quote(s.Address()) + more + "}\n"
	}
}

// A virus is found whichever way it comes, and in whatever it is packed; it is held, and no
// command, interface or export gives it out. A person lets it go.
func TestVirusesAreHeld(t *testing.T) {
	t.Parallel()
	clamd := clamdtest.Start(t)
	tw := newTown(t, testBuild, withClamd(clamd, ", max_size: 3MiB"))
	secret := tw.setUpVirusKey()
	tw.start()
	tooLarge := make([]byte, 3<<20+1)
	_, _ = rand.Read(tooLarge)
	tw.deliver("sain")
	tw.dovecot.Deliver(townUser, virusMail("joint", "facture.com", []byte(clamdtest.Eicar)))
	tw.dovecot.Deliver(townUser, virusMail("archive", "facture.zip", virusZip(t, "facture.com", clamdtest.Eicar)))
	tw.dovecot.Deliver(townUser, virusMail("énorme", "plan.bin", tooLarge))
	tw.dropScan("piege.pdf", virusScan(t))
	if status, location, _, err := tw.post(form("formulaire"), map[string][]byte{"photo.com": []byte(clamdtest.Eicar)}); err != nil || status != http.StatusSeeOther {
		t.Fatal(status, location, err)
	}
	body := `{"message":"Un nid-de-poule devant le 12 rue Pasteur, repère api.","files":[{"name":"Été.com","content":"` + base64.StdEncoding.EncodeToString([]byte(clamdtest.Eicar)) + `"}]}`
	auth := []string{"Authorization", "Bearer " + secret}
	tw.until(http.MethodPost, "/api/v1/submissions", "application/json", body, auth...)
	const n = 7
	held := map[string]view.Submission{}
	for _, s := range tw.settled(n, time.Minute) {
		switch {
		case strings.Contains(s.Subject, "sain"):
			if s.State != ingest.StateFiled || s.Antivirus.State != "clean" || s.Antivirus.Held || !strings.HasPrefix(s.Antivirus.Scanner, "ClamAV ") || s.Antivirus.At == "" {
				t.Errorf("%+v", s)
			}
			continue
		case strings.Contains(s.Subject, "énorme"):
			if s.Antivirus.State != "unscannable" || s.Antivirus.File != "plan.bin" || !strings.HasPrefix(s.Reason, ingest.ReasonUnscannable) {
				t.Errorf("%+v", s)
			}
			held["énorme"] = s
		case s.Antivirus.State != "infected" || !strings.HasPrefix(s.Reason, ingest.ReasonVirus) || !strings.Contains(s.Reason, s.Antivirus.Signature):
			t.Errorf("%+v", s)
		default:
			held[string(s.Channel)+" "+s.Subject] = s
		}
		if s.State != ingest.StateFailed || !s.Antivirus.Held || s.Text != "" || len(s.Attachments) > 0 || s.Request != "" {
			t.Errorf("%+v", s)
		}
	}
	if len(held) != n-1 {
		t.Fatalf("%v", slices.Collect(maps.Keys(held)))
	}
	for name, want := range map[string]string{"mailbox Demande joint": "facture.com", "mailbox Demande archive": "facture.zip", "webform Formulaire formulaire": "photo.com", "api ": "Été.com"} {
		if got := held[name].Antivirus; got.File != want || got.Signature != clamdtest.Signature {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if held["webform Formulaire formulaire"].From.Email != "citoyenne-formulaire@example.fr" {
		t.Error("nobody knows whom to write to")
	}
	if r := tw.readiness(); !r.Ready || !names(r.Alarms, "antivirus", "6 held") {
		t.Errorf("readyz: %+v", r)
	}
	refused := func() {
		t.Helper()
		for name, s := range held {
			if out, errOut, code := tw.output("submissions", "original", s.ID); code != 1 || out != "" || !strings.Contains(errOut, "saisine submissions release "+s.ID) {
				t.Errorf("%s: %d %.200s %s", name, code, out, errOut)
			}
			for _, path := range []string{"original", "files/0"} {
				if status, text, err := tw.call(http.MethodGet, "/api/v1/submissions/"+s.ID+"/"+path, "", "", auth...); err != nil || status < 400 || carries(text) {
					t.Errorf("%s: %s answers %d %.200s, %v", name, path, status, text, err)
				}
			}
		}
		tw.exportCarriesNoVirus()
	}
	refused()
	tw.verify()
	// What is scanned again is found again; all of these stay.
	ids := []string{"retry"}
	for _, s := range held {
		ids = append(ids, s.ID)
	}
	if _, code := tw.saisine(ids...); code != 0 {
		t.Fatal("retry")
	}
	for _, s := range tw.settled(n, time.Minute) {
		if _, bad := held[string(s.Channel)+" "+s.Subject]; bad && (s.State != ingest.StateFailed || !s.Antivirus.Held) {
			t.Errorf("%+v", s)
		}
	}
	refused()

	// An administrator lets two go.
	joint, large := held["mailbox Demande joint"], held["énorme"]
	if out, code := tw.saisine("submissions", "release", joint.ID, large.ID); code != 0 {
		t.Fatal(out)
	}
	if _, _, code := tw.output("submissions", "release", joint.ID, "0190-nobody"); code != 1 {
		t.Errorf("released twice: %d", code)
	}
	for _, s := range tw.settled(n, time.Minute) {
		if s.ID != joint.ID && s.ID != large.ID {
			continue
		}
		if s.State != ingest.StateFiled || s.Antivirus.Held || !strings.HasPrefix(s.Antivirus.ReleasedBy, "cli:") || s.Antivirus.ReleasedAt == "" || len(s.Attachments) != 1 {
			t.Errorf("%+v", s)
		}
		if s.ID == joint.ID && s.Antivirus.State != "infected" || s.ID == large.ID && s.Antivirus.State != "unscannable" {
			t.Errorf("%+v", s.Antivirus)
		}
	}
	if out, code := tw.saisine("submissions", "original", joint.ID); code != 0 || !carries(out) {
		t.Error("the released one cannot be had")
	}
	// Another program gets what was only too large, and never what a virus was found in.
	for _, c := range []struct {
		id   string
		want int
	}{{joint.ID, http.StatusConflict}, {large.ID, http.StatusOK}} {
		if status, text, err := tw.call(http.MethodGet, "/api/v1/submissions/"+c.id+"/files/0", "", "", auth...); err != nil || status != c.want {
			t.Errorf("%s: %d %.200s %v", c.id, status, text, err)
		}
	}
	tw.exportCarriesNoVirus()
	tw.verify()
}

// setUpVirusKey makes the database, and a key that reads and hands in.
func (tw *town) setUpVirusKey() string {
	tw.t.Helper()
	tw.start().stop()
	return tw.key("portail", "read,submit")
}

// exportCarriesNoVirus exports all that there is and looks into it.
func (tw *town) exportCarriesNoVirus() {
	tw.t.Helper()
	name := filepath.Join(tw.t.TempDir(), "export.zip")
	if out, errOut, code := tw.output("export", "archive", name); code > 1 {
		tw.t.Fatal(out, errOut)
	}
	z, err := zip.OpenReader(name)
	if err != nil {
		tw.t.Fatal(err)
	}
	defer func() { _ = z.Close() }()
	originals := 0
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			tw.t.Fatal(err)
		}
		raw, err := io.ReadAll(r)
		if err != nil {
			tw.t.Fatal(err)
		}
		_ = r.Close()
		if carries(string(raw)) {
			tw.t.Errorf("%s in the export carries a virus", f.Name)
		}
		if strings.HasSuffix(f.Name, ".eml") {
			originals++
		}
	}
	if originals == 0 {
		tw.t.Error("the export has no original at all")
	}
}

// While clamd is gone, or hangs, what comes in is kept and waits, and /readyz says so. It is
// taken up by itself, and nothing is lost or judged by halves.
func TestClamdComesAndGoes(t *testing.T) {
	t.Parallel()
	clamd := clamdtest.Start(t)
	tw := newTown(t, withClamd(clamd, ", timeout: 2s"))
	tw.start()
	n := 0
	send := func(mark string) {
		t.Helper()
		tw.deliver(mark)
		tw.dovecot.Deliver(townUser, virusMail(mark+"v", "facture.com", []byte(clamdtest.Eicar)))
		if status, _, _, err := tw.post(form(mark+"f"), map[string][]byte{"plan.bin": bytes.Repeat([]byte(mark), 100_000)}); err != nil || status != http.StatusSeeOther {
			t.Fatal(status, err)
		}
		n += 3
	}
	waits := func(what string) {
		t.Helper()
		tw.eventually(30*time.Second, "/readyz names clamd that is "+what, func() bool {
			r := tw.readiness()
			return !r.Ready && names(r.Problems, "antivirus", "")
		})
		tw.eventually(30*time.Second, "all is in the ledger", func() bool { return len(tw.submissions()) == n })
		for _, s := range tw.submissions() {
			if strings.Contains(s.SourceKey+s.Subject, what) && s.State != ingest.StateReceived {
				t.Errorf("%+v", s)
			}
			if s.State == ingest.StateReceived {
				if out, _, code := tw.output("submissions", "original", s.ID); code == 0 || out != "" {
					t.Errorf("%s is given out before its scan", s.ID)
				}
			}
		}
	}
	back := func() {
		t.Helper()
		for _, s := range tw.settled(n, time.Minute) {
			infected := strings.Contains(s.Subject, "v") && s.Antivirus.File == "facture.com"
			if infected != (s.State == ingest.StateFailed) || !infected && (s.State != ingest.StateFiled || s.Antivirus.State != "clean") {
				t.Errorf("%+v", s)
			}
		}
		tw.eventually(30*time.Second, "/readyz is well again", func() bool { return tw.readiness().Ready })
		tw.verify()
	}
	send("avant")
	back()
	clamd.Kill()
	send("tué")
	waits("tué")
	clamd.Restart()
	back()
	clamd.Freeze()
	send("gelé")
	waits("gelé")
	clamd.Thaw()
	back()
	// It is killed while streams are under way, again and again.
	for round := range 3 {
		send(fmt.Sprintf("tour%d", round))
		clamd.Kill()
		clamd.Restart()
	}
	back()
	if failed := len(slices.DeleteFunc(tw.submissions(), func(s view.Submission) bool { return s.State != ingest.StateFailed })); failed != n/3 {
		t.Errorf("%d of %d infected are held", failed, n/3)
	}
}

// A kill between verdict and filing, or just after something was held, loses nothing and
// judges nothing twice.
func TestKillBetweenVerdictAndFiling(t *testing.T) {
	t.Parallel()
	clamd := clamdtest.Start(t)
	tw := newTown(t, withClamd(clamd, ""))
	tw.start().stop()
	n := 0
	for _, point := range []string{"worker.examined", "worker.held"} {
		mark := strings.TrimPrefix(point, "worker.")
		d := tw.launch(crashpoint.EnvVar + "=" + point)
		tw.deliver(mark)
		tw.dovecot.Deliver(townUser, virusMail(mark+"v", "facture.com", []byte(clamdtest.Eicar)))
		if n += 2; !d.dieBy(40 * time.Second) {
			t.Fatalf("%s was not reached:\n%s", point, d.log.tail(40))
		}
		second := tw.start()
		states := map[ingest.State]int{}
		for _, s := range tw.settled(n, time.Minute) {
			states[s.State]++
			if (s.State == ingest.StateFailed) != (s.Antivirus.State == "infected") || s.Antivirus.State != "infected" && s.Antivirus.State != "clean" {
				t.Errorf("%+v", s)
			}
		}
		if states[ingest.StateFiled] != n/2 || states[ingest.StateFailed] != n/2 {
			t.Errorf("%s: %v", point, states)
		}
		tw.verify()
		second.stop()
	}
}

// What came before there was a virus scan is shown as not scanned, and is given out as before.
// A set-up without one asks nothing.
func TestBeforeThereWasAScan(t *testing.T) {
	t.Parallel()
	clamd := clamdtest.Start(t)
	tw := newTown(t)
	d := tw.start()
	tw.deliver("avant")
	first := tw.settled(1, time.Minute)[0]
	if first.State != ingest.StateFiled || first.Antivirus.State != "not_scanned" {
		t.Fatalf("%+v", first)
	}
	d.stop()
	text, err := os.ReadFile(tw.config)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(tw.config, fmt.Appendf(text, "antivirus: {clamd: %q, max_size: 3MiB}\n", clamd.Address()), 0o600); err != nil {
		t.Fatal(err)
	}
	out, code := tw.saisine("doctor")
	for _, line := range []string{"clamd finds the test virus: " + clamdtest.Signature, "clamd finds it in an archive of 3145728 bytes", "mails between antivirus.max_size (3MiB) and limits.message (50MiB) are held"} {
		if !strings.Contains(out, line) {
			t.Errorf("doctor (exit %d) does not say %q:\n%s", code, line, out)
		}
	}
	tw.start()
	tw.deliver("après")
	for _, s := range tw.settled(2, time.Minute) {
		if want := map[bool]string{true: "not_scanned", false: "clean"}[s.ID == first.ID]; s.Antivirus.State != want {
			t.Errorf("%+v", s)
		}
	}
	if out, code := tw.saisine("submissions", "original", first.ID); code != 0 || out == "" {
		t.Error("what was not scanned is not given out any more")
	}
	clamd.Stop()
	if out, code := tw.saisine("doctor"); code == 0 || !strings.Contains(out, "clamav-daemon") {
		t.Errorf("%d %s", code, out)
	}
}

// Nobody gets the files of a held submission by any page of the desk, whatever their role; of one
// that was let go though a virus was found, only the downloads. Each page that the router knows
// is asked, with the ids of mails, forms, scans and what came by the interface.
func TestNoPageGivesAVirusOut(t *testing.T) {
	t.Parallel()
	h := newDeskHouse(t, "2026-11-23 10:00", sealedTown)
	clamd := clamdtest.Start(t)
	watch := antivirus.NewWatch(&antivirus.Client{Network: "unix", Address: clamd.Socket}, slog.New(slog.DiscardHandler), 0)
	post := "MIME-Version: 1.0\r\nContent-Type: multipart/form-data; boundary=b\r\n\r\n--b\r\nContent-Disposition: form-data; name=\"message\"\r\n\r\nUn banc cassé.\r\n" +
		"--b\r\nContent-Disposition: form-data; name=\"files\"; filename=\"a.com\"\r\n\r\n" + clamdtest.Eicar + "\r\n--b--\r\n"
	call := `{"message":"Un banc cassé.","files":[{"name":"a.com","content":"` + base64.StdEncoding.EncodeToString([]byte(clamdtest.Eicar)) + `"}]}`
	came := func(prefix string) []ingest.Record {
		return []ingest.Record{
			h.submit(ingest.ChannelMailbox, virusMail(prefix+"joint", "facture.com", []byte(clamdtest.Eicar)), ingest.MediaMail, ingest.Hints{}),
			h.submit(ingest.ChannelWebform, []byte(post), ingest.MediaForm, ingest.Hints{}),
			h.submit(ingest.ChannelApp, []byte(post), ingest.MediaOpen311, ingest.Hints{}),
			h.submit(ingest.ChannelAPI, []byte(call), ingest.MediaAPI, ingest.Hints{}),
		}
	}
	open := came("avant") // when there was no scan: the test can see what it looks for
	h.pipe.Antivirus = &ingest.Examiner{Scanner: watch, Limits: h.cfg.Limits, Spool: h.store.Spool()}
	held := append(came("après"),
		h.submit(ingest.ChannelCounter, []byte(clamdtest.Eicar), ingest.MediaText, ingest.Hints{}),
		h.submit(ingest.ChannelScan, virusScan(t), ingest.MediaPDF, ingest.Hints{Filename: "piege.pdf"}))
	for _, rec := range held {
		if rec.State != ingest.StateFailed || !rec.Verdict.Held() || rec.Verdict.State != ingest.VirusInfected {
			t.Fatalf("%+v", rec)
		}
	}
	for _, role := range ingest.Roles() {
		h.agent(string(role), role, "Voirie", "CCAS") // where they are filed is another test's business
	}
	rights := rightsOf(t, h)
	var asked int
	// ask gets each page with the ids, and returns where bytes came out.
	ask := func(role ingest.Role, recs []ingest.Record) (out []string) {
		s := h.as(string(role))
		for _, pattern := range slices.Sorted(maps.Keys(rights)) {
			method, path, _ := strings.Cut(pattern, " ")
			if method != http.MethodGet || path == "" || strings.HasSuffix(path, "{path...}") {
				continue
			}
			for _, rec := range recs {
				for _, n := range []string{"0", "1"} {
					p := strings.NewReplacer("{id}", rec.ID, "{n}", n, "{reference}", rec.Request, "{kind}", "envois").Replace(path)
					if urlHole.MatchString(p) || rec.Request == "" && strings.Contains(path, "{reference}") || n == "1" && !strings.Contains(path, "{n}") {
						continue
					}
					if !strings.Contains(path, "{") && rec.ID != recs[0].ID {
						continue // a page that asks for nothing
					}
					asked++
					if _, body := s.get(p); carries(body) {
						out = append(out, pattern+" "+rec.MediaType)
					}
				}
			}
		}
		return out
	}
	if out := ask(ingest.RoleAgent, open); len(out) < 2*4 {
		t.Fatalf("what is not held is not given out either: %v", out)
	}
	asked = 0
	for _, role := range ingest.Roles() {
		if out := ask(role, held); len(out) > 0 {
			t.Errorf("a %s gets %v", role, out)
		}
	}
	if asked < 4*len(held)*5 {
		t.Errorf("only %d pages were asked", asked)
	}
	for _, rec := range held {
		if err := h.withFiles(t.Context(), rec, func(files []handover.File) error {
			if len(files) > 0 {
				t.Errorf("%s is handed over", rec.MediaType)
			}
			return nil
		}); err != nil {
			t.Error(err)
		}
	}

	// The lists tell of them; only an administrator lets one go.
	status, page := h.as("agent").get("/agent/echecs")
	if status != http.StatusOK || !strings.Contains(page, "virus trouvé") || strings.Contains(page, "liberer") || strings.Contains(page, "/agent/pieces/"+held[0].ID) {
		t.Errorf("%d %s", status, page)
	}
	for _, role := range []ingest.Role{ingest.RoleReader, ingest.RoleAgent, ingest.RoleManager} {
		if status, _ := h.as(string(role)).post("/agent/echecs/envois", url.Values{"liberer": {held[0].ID}}); status != http.StatusForbidden {
			t.Errorf("a %s releases: %d", role, status)
		}
	}
	admin := h.as("administrator")
	if _, page := admin.get("/agent/echecs"); !strings.Contains(page, `name="liberer" value="`+held[0].ID) {
		t.Error("an administrator has no button")
	}
	if status, to := admin.post("/agent/echecs/envois", url.Values{"liberer": {held[0].ID}}); status != http.StatusSeeOther {
		t.Fatalf("%d %s", status, to)
	}
	if err := h.pipe.Process(t.Context(), held[0].ID); err != nil {
		t.Fatal(err)
	}
	rec, err := h.store.Submission(t.Context(), held[0].ID)
	if err != nil || rec.State != ingest.StateFiled || rec.Verdict.ReleasedBy != "agent:administrator" || rec.Verdict.State != ingest.VirusInfected {
		t.Fatalf("%+v, %v", rec, err)
	}
	out := ask(ingest.RoleAgent, []ingest.Record{rec})
	slices.Sort(out)
	if out = slices.Compact(out); len(out) != 2 || !strings.Contains(out[0], "fichiers") || !strings.Contains(out[1], "original") {
		t.Errorf("of one that was released: %v", out)
	}
	for _, path := range []string{"/html", "/pages/1/image", "/copie"} {
		if status, _ := admin.get("/agent/pieces/" + rec.ID + path); status < 400 {
			t.Errorf("%s answers %d", path, status)
		}
	}
	if _, page := h.as("agent").get("/agent/demandes/" + rec.Request); !strings.Contains(page, "libéré par administrator") || !strings.Contains(page, "Un virus a été trouvé") {
		t.Error("the page of the request says nothing of it")
	}
	if _, page := h.as("agent").get("/agent/demandes/" + open[0].Request); !strings.Contains(page, "non analysé") {
		t.Error("what was not scanned is not called so")
	}
}

// Whoever gives out bytes of a submission asks whether they may go out. Here stand the functions
// that open originals and copies and do not ask themselves, with the reason.
func TestAllAskWhetherBytesMayGo(t *testing.T) {
	excused := map[string]string{
		"withOriginal": "lends to its callers, which are looked at here", "attachments": "so",
		"pageRefs": "reads the list of pages of a collation", "copySource": "for makeCopy, which asks",
		"makePicture": "for Page and Picture, which ask through shown", "copy": "for Original and Copy, which ask through lend",
		"withCopy": "for withFiles, which asks", "typist": "reads the login in a note of the desk", "read": "reads a note of the desk for the one who typed it",
		"fetchOriginal": "for newFetch, which asks", "fetchCopy": "so",
	}
	opens := []string{"Original", "OpenCopy", "withOriginal", "attachments"}
	asks := []string{"MayLeave", "lend"}
	used := map[string]bool{}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			opened, asked := "", false
			ast.Inspect(fn, func(n ast.Node) bool {
				c, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}
				if sel, ok := c.Fun.(*ast.SelectorExpr); ok {
					if slices.Contains(opens, sel.Sel.Name) {
						opened = sel.Sel.Name
					}
					asked = asked || slices.Contains(asks, sel.Sel.Name)
				}
				return true
			})
			switch _, ok := excused[fn.Name.Name]; {
			case opened == "" || asked:
			case ok:
				used[fn.Name.Name] = true
			default:
				t.Errorf("%s: %s calls %s and does not ask ingest.Verdict.MayLeave", name, fn.Name.Name, opened)
			}
		}
	}
	for name := range excused {
		if !used[name] {
			t.Errorf("%s is excused and need not be", name)
		}
	}
}
