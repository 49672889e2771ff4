package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/view"
	"saisine.fr/saisine/ocr/samplescan"
)

// quietTown is a town without a mailbox, for commands that need none.
func quietTown(t *testing.T, extra string) *town {
	t.Helper()
	return newTown(t, func(s *townSetup) { s.noMail, s.extra = true, extra })
}

func TestImport(t *testing.T) {
	t.Parallel()
	tw := quietTown(t, "")
	dir := t.TempDir()
	write := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	pdf, err := samplescan.TextPDF([]string{"Objet : courrier scan1\n\nMadame la Maire, le trottoir est dangereux devant chez moi."})
	if err != nil {
		t.Fatal(err)
	}
	write("eml/a.eml", plainMail("eml1", ""))
	write("eml/deep/b.eml", plainMail("eml2", ""))
	write("eml/readme.txt", []byte("not a mail"))
	write("box/cur/1:2,S", plainMail("dir1", ""))
	write("box/.Archive/new/2", plainMail("dir2", ""))
	write("box/tmp/3", plainMail("dir3", ""))
	mbox := write("old.mbox", []byte("From a@b Mon\n"+string(plainMail("mbox1", ""))+"\nFrom c@d Tue\n"+string(plainMail("mbox2", ""))))
	write("scans/l.pdf", pdf)
	bad := write("scans/l.tif", []byte("no scan"))
	lines := write("x.jsonl", []byte(`{"id":"7","channel":"phone","at":"2026-03-02T08:14:00+01:00","subject":"Poteau","body":"Un potelet est renversé place de la République.","sender":{"name":"M. Chauvin","phone":"01 99 00 12 84"}}
{"id":"8","channel":"pigeon","body":"x"}
not json
`))
	tests := []struct {
		kind             string
		path             string
		taken, bad, code int
	}{
		{"eml", filepath.Join(dir, "eml"), 2, 0, 0},
		{"maildir", filepath.Join(dir, "box"), 2, 0, 0},
		{"mbox", mbox, 2, 0, 0},
		{"scans", filepath.Join(dir, "scans"), 1, 1, 1},
		{"jsonl", lines, 1, 2, 1},
	}
	total := 0
	for _, tt := range tests {
		for round, known := range []int{0, tt.taken} { // the second time, nothing is new
			out, errOut, code := tw.output("import", tt.kind, tt.path, "--wait", "--json")
			all := strings.Split(strings.TrimSpace(out), "\n")
			var last struct{ Summary importSummary }
			if err := json.Unmarshal([]byte(all[len(all)-1]), &last); err != nil {
				t.Fatalf("%s: %v\n%s%s", tt.kind, err, out, errOut)
			}
			s := last.Summary
			if code != tt.code || s.New != tt.taken-known || s.Known != known || s.Failed != tt.bad || s.Filed != tt.taken {
				t.Errorf("%s, round %d: exit %d, %+v\n%s", tt.kind, round, code, s, errOut)
			}
			if tt.bad > 0 && tt.kind == "scans" && !strings.Contains(errOut, bad) {
				t.Errorf("%s: the bad file is not named: %s", tt.kind, errOut)
			}
		}
		total += tt.taken
	}
	if n := len(tw.requests()); n != total {
		t.Errorf("%d requests, want %d", n, total)
	}
	for _, q := range tw.requests() {
		if q.Submissions[0].Channel == ingest.ChannelPhone && (q.Sender.Name != "M. Chauvin" || q.OpenedAt != "2026-03-02T08:14:00+01:00") {
			t.Errorf("note: %+v", q)
		}
	}
	tw.verify()
	for _, args := range [][]string{{"import", "fax", dir}, {"import", "eml"}, {"import", "eml", filepath.Join(dir, "nowhere")}} {
		if _, _, code := tw.output(args...); code != exitUsage {
			t.Errorf("%v: exit %d", args, code)
		}
	}
}

// An import beside a running daemon leaves the treatment to it.
func TestImportBesideTheDaemon(t *testing.T) {
	t.Parallel()
	tw := quietTown(t, "")
	d := tw.start()
	path := filepath.Join(t.TempDir(), "a.eml")
	if err := os.WriteFile(path, plainMail("k0xmail0", ""), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, code := tw.saisine("import", "eml", path, "--wait"); code != 0 || !strings.Contains(out, "1 filed") {
		t.Errorf("exit %d: %s", code, out)
	}
	d.stop()
	tw.verify()
}

// A mail over the limit is a failed submission, and `retry` takes it up.
func TestRetry(t *testing.T) {
	t.Parallel()
	tw := newTown(t, func(s *townSetup) { s.extra = "limits: {message: 64KiB, file: 32KiB}" })
	tw.dovecot.Deliver(townUser, plainMail("k0xgros0", strings.Repeat("Une ligne de plus.\r\n", 10_000)))
	tw.deliver("k0xmail0")
	d := tw.start()
	subs := tw.settled(2, 30*time.Second)
	var failed view.Submission
	for _, s := range subs {
		if s.State == ingest.StateFailed {
			failed = s
		}
	}
	if !strings.Contains(failed.Reason, "limite") {
		t.Errorf("the reason does not name the limit: %+v", failed)
	}
	tw.eventually(10*time.Second, "the inbox is empty", func() bool { return tw.inbox() == 0 })
	if n := tw.dovecot.Count(townUser, "Saisine/Échecs"); n != 1 {
		t.Errorf("%d mails in the failed folder", n)
	}
	if out := list[view.Submission](tw, "submissions", "list", "--state", "failed"); len(out) != 1 || out[0].ID != failed.ID {
		t.Errorf("failed: %+v", out)
	}
	// The ledger has its header only: there is nothing to treat.
	if out, code := tw.saisine("retry", failed.ID); code != 0 || !strings.Contains(out, "cannot be treated again") {
		t.Errorf("exit %d: %s", code, out)
	}
	if out := list[view.Submission](tw, "submissions", "list", "--state", "failed"); len(out) != 1 {
		t.Errorf("failed: %+v", out)
	}
	if _, _, code := tw.output("requests"); code != exitUsage {
		t.Errorf("a command that is not whole: exit %d", code)
	}
	if _, _, code := tw.output("retry", "no-such-id"); code != exitFailed {
		t.Errorf("unknown id: exit %d", code)
	}
	if _, _, code := tw.output("retry"); code != exitUsage {
		t.Errorf("no id: exit %d", code)
	}
	d.stop()
	tw.verify()
}

// A file that is no scan fails with a note, and dropping it back tries it again.
func TestNoScanIsRetried(t *testing.T) {
	t.Parallel()
	tw := quietTown(t, "")
	tw.dropScan("compte rendu.docx", []byte("PK\x03\x04 no scan"))
	d := tw.start()
	id := tw.settled(1, 30*time.Second)[0].ID
	failed := filepath.Join(tw.scans, "_échecs", "compte rendu.docx")
	noted := func() bool {
		_, err := os.Stat(failed + ".erreur.txt")
		return err == nil
	}
	tw.eventually(10*time.Second, "the note is there", noted)
	if err := os.Rename(failed, filepath.Join(tw.scans, "compte rendu.docx")); err != nil {
		t.Fatal(err)
	}
	tw.eventually(30*time.Second, "it was tried, and has failed again", func() bool {
		subs := tw.submissions()
		return len(subs) == 1 && subs[0].ID == id && subs[0].State == ingest.StateFailed && strings.Contains(subs[0].Reason, "format de fichier inconnu")
	})
	tw.eventually(10*time.Second, "its note says so", func() bool {
		text, err := os.ReadFile(failed + ".erreur.txt")
		return err == nil && strings.Contains(string(text), "format de fichier inconnu")
	})
	if len(tw.requests()) != 0 {
		t.Error("an unread file became a request")
	}
	if out, code := tw.saisine("retry", "--failed"); code != 0 || !strings.Contains(out, "taken up again") {
		t.Errorf("exit %d: %s", code, out)
	}
	tw.settled(1, 10*time.Second)
	d.stop()
	tw.verify()
}

// verify finds what the store cannot see by itself: a mail in the done folder that the
// ledger does not know.
func TestVerifyFindsForeignMail(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	tw.deliver("k0xmail0")
	d := tw.start()
	tw.settled(1, 30*time.Second)
	tw.eventually(10*time.Second, "the inbox is empty", func() bool { return tw.inbox() == 0 })
	d.stop()
	tw.verify()
	tw.dovecot.Append(townUser, "Saisine/Traités", time.Now(), plainMail("intrus", ""))
	out, _, code := tw.output("verify", "--json")
	if code != exitFailed || !strings.Contains(out, findingDoneUnknown) || !strings.Contains(out, `"broken":1`) {
		t.Errorf("exit %d: %s", code, out)
	}
	if _, _, code := tw.output("verify", "--offline"); code != exitDone {
		t.Errorf("offline: exit %d", code)
	}
	tw.dovecot.Stop()
	if out, _, code := tw.output("verify"); code != exitFailed || !strings.Contains(out, findingDoneUnread) {
		t.Errorf("server down: exit %d: %s", code, out)
	}
}

func TestReadCommand(t *testing.T) {
	t.Parallel()
	tw := quietTown(t, "")
	dir := t.TempDir()
	eml, pdf, missing := filepath.Join(dir, "a.eml"), filepath.Join(dir, "b.pdf"), filepath.Join(dir, "c.pdf")
	scan, err := samplescan.PDF([]string{"Objet : trottoir\n\nMadame la Maire,\nle trottoir est abîmé devant la poste."}, samplescan.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for path, content := range map[string][]byte{eml: plainMail("k0xmail0", ""), pdf: scan} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, _, code := tw.output("read", "--json", eml, pdf, missing)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if code != exitFailed || len(lines) != 3 {
		t.Fatalf("exit %d, %d lines: %s", code, len(lines), out)
	}
	var got [3]readJSON
	for i, l := range lines {
		if err := json.Unmarshal([]byte(l), &got[i]); err != nil {
			t.Fatal(err)
		}
	}
	if g := got[0]; g.Kind != "mail" || g.Subject != "Demande k0xmail0" || g.MessageID == "" || len(g.To) != 1 || g.Date == "" {
		t.Errorf("mail: %+v", g)
	}
	if g := got[1]; g.Kind != "pdf" || !strings.Contains(g.Text, "trottoir est abîmé") || len(g.Pages) != 1 || g.Pages[0].Source != "ocr" || g.Pages[0].Confidence < .6 {
		t.Errorf("pdf: %+v", g)
	}
	if g := got[2]; g.File != missing || len(g.Problems) != 1 || g.Problems[0].Code != "unreadable" {
		t.Errorf("missing: %+v", g)
	}
	if _, err := os.Stat(tw.data); !os.IsNotExist(err) {
		t.Error("read made a data folder")
	}
	if _, _, code := tw.output("read", "--json", eml, pdf); code != exitDone {
		t.Errorf("all readable: exit %d", code)
	}
}

func TestUsageAndConfiguration(t *testing.T) {
	tw := quietTown(t, "")
	other := func(name, text string) string {
		path := filepath.Join(tw.dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, tt := range []struct {
		args []string
		code int
		want string // in either output
	}{
		{[]string{"check-config"}, exitDone, "no problem"},
		{[]string{"frobnicate"}, exitUsage, "unknown command"},
		{[]string{"requests", "list", "--nope"}, exitUsage, "unknown flag"},
		{[]string{"requests", "show"}, exitUsage, "arg"},
		{[]string{"requests", "list"}, exitFailed, "there is no database"},
		{[]string{"deliveries", "list"}, exitFailed, "there is no database"},
		{[]string{"deliveries", "list", "--state", "lost"}, exitUsage, "--state"},
		{[]string{"serve", "--roles", "cook"}, exitUsage, "no role"},
		{[]string{"submissions", "list", "--state", "asleep"}, exitUsage, "--state"},
		{[]string{"version"}, exitDone, "saisine "},
		{[]string{"man"}, exitDone, "SAISINE"},
		{[]string{"completion", "bash"}, exitDone, "complete"},
	} {
		out, errOut, code := tw.output(tt.args...)
		if code != tt.code || !strings.Contains(out+errOut, tt.want) {
			t.Errorf("%v: exit %d, %s%s", tt.args, code, out, errOut)
		}
	}
	tw.config = other("bad.yaml", "listn: x\nocr: {workers: many}\n")
	if _, errOut, code := tw.output("check-config"); code != exitUsage || !strings.Contains(errOut, "1:1") || !strings.Contains(errOut, "2:") || !strings.Contains(errOut, "listen") {
		t.Errorf("exit %d: %s", code, errOut)
	}
	tw.config = other("nowhere.yaml", "")
	if err := os.Remove(tw.config); err != nil {
		t.Fatal(err)
	}
	if _, _, code := tw.output("check-config"); code != exitUsage {
		t.Errorf("missing file: exit %d", code)
	}
	fresh := filepath.Join(tw.dir, "init.yaml")
	tw.config = fresh
	if _, errOut, code := tw.output("init", fresh); code != exitDone || !strings.Contains(errOut, "check-config") {
		t.Errorf("init: exit %d: %s", code, errOut)
	}
	if _, _, code := tw.output("init", fresh); code != exitUsage {
		t.Errorf("init over a file: exit %d", code)
	}
	if out, errOut, code := tw.output("check-config"); code != exitDone {
		t.Errorf("what init writes is refused: %s%s", out, errOut)
	}
}

func TestDoctor(t *testing.T) {
	tw := newTown(t)
	checks := func() (byName map[string]checkJSON, code int) {
		out, _, code := tw.output("doctor", "--json")
		byName = map[string]checkJSON{}
		for line := range strings.Lines(out) {
			var c checkJSON
			if err := json.Unmarshal([]byte(line), &c); err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			byName[c.Check] = c
		}
		return byName, code
	}
	got, _ := checks()
	for _, name := range []string{"mailbox sve", "scans courrier", "database", "data folder", "disk"} {
		if c, ok := got[name]; !ok || !c.OK {
			t.Errorf("%s: %+v", name, c)
		}
	}
	tw.dovecot.Stop()
	if err := os.RemoveAll(tw.scans); err != nil {
		t.Fatal(err)
	}
	got, code := checks()
	if code != exitFailed || got["mailbox sve"].OK || got["scans courrier"].OK {
		t.Errorf("exit %d: %+v", code, got)
	}
}

// A second daemon on the same folder refuses to start, and the first one goes on.
func TestSecondDaemonRefuses(t *testing.T) {
	tw := quietTown(t, "")
	d := tw.start()
	second := newTown(t, func(s *townSetup) { s.noMail, s.data = true, tw.data })
	out, errOut, code := second.output("serve")
	if code == exitDone || !strings.Contains(out+errOut, "in use") {
		t.Errorf("exit %d: %s%s", code, out, errOut)
	}
	if !tw.answers("http://" + tw.admin + "/readyz") {
		t.Error("the first daemon does not answer any more")
	}
	d.stop()
}

// An address that another holds for a moment is waited for; one that stays taken is told.
func TestAddressIsWaitedFor(t *testing.T) {
	t.Parallel()
	address, lc := freePort(t), net.ListenConfig{}
	held, err := lc.Listen(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	if l, err := listen(t.Context(), &lc, address, true); !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), "another saisine") {
		t.Errorf("a taken address: %v, %v", l, err)
	}
	time.AfterFunc(300*time.Millisecond, func() { _ = held.Close() })
	l, err := listen(t.Context(), &lc, address, true)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

// What the terminal shows of foreign text must not steer it.
func TestPrintable(t *testing.T) {
	got := oneLine("a\x1b[2J\u009bb\tc\nd\x00", 100)
	if bytes.ContainsAny([]byte(got), "\x1b\x00") || strings.ContainsRune(got, '\u009b') {
		t.Errorf("%q", got)
	}
	if got := oneLine(strings.Repeat("é", 50), 10); len([]rune(got)) != 10 || !strings.HasSuffix(got, "…") {
		t.Errorf("%q", got)
	}
}

// The demo ends by itself with at least 12 requests from three channels.
func TestDemoOnce(t *testing.T) {
	t.Parallel()
	tw := quietTown(t, "")
	out, errOut, code := tw.output("demo", "--once")
	if code != 0 {
		t.Fatalf("exit %d: %s%s", code, out, errOut)
	}
	requests, channels := 0, map[string]bool{}
	for line := range strings.Lines(out) {
		if f := strings.Fields(line); len(f) > 4 && strings.HasPrefix(f[0], fmt.Sprint(time.Now().Year())+"-0") {
			requests++
			channels[f[3]] = true
		}
	}
	if requests < 12 || len(channels) != 3 {
		t.Errorf("%d requests from %d channels:\n%s", requests, len(channels), out)
	}
}

// Mails and their replies that are imported together join, whatever the order of
// their reading.
func TestImportedThreadsJoin(t *testing.T) {
	t.Parallel()
	tw := quietTown(t, "")
	dir := t.TempDir()
	const n = 20
	for i := range n {
		mark := fmt.Sprintf("fil%02d", i)
		first := plainMail(mark, "")
		reply := bytes.Replace(plainMail("re"+mark, ""), []byte("MIME-Version"), []byte("In-Reply-To: <"+mark+"@example.fr>\r\nMIME-Version"), 1)
		reply = bytes.Replace(reply, []byte("citoyen-re"), []byte("citoyen-"), 1)
		for name, raw := range map[string][]byte{"a" + mark: reply, "b" + mark: first} {
			if err := os.WriteFile(filepath.Join(dir, name+".eml"), raw, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	if out, code := tw.saisine("import", "eml", dir, "--wait"); code != 0 {
		t.Fatalf("exit %d: %s", code, out)
	}
	if got := len(tw.requests()); got != n {
		t.Errorf("%d requests for %d threads", got, n)
	}
	tw.verify()
}
