package main

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/crashpoint"
	"saisine.fr/saisine/ingest/view"
	"saisine.fr/saisine/ocr/samplescan"
)

// oldTown is a town whose closed requests are years old, and the canaries in them. The daemon
// does not run.
type oldTown struct {
	*town
	// gone are canaries of what is to be eliminated, kept of what is to stay; followed is a
	// citizen's link to one of the first.
	gone, kept []string
	followed   string
	refs       map[string]string // canary to request
	ids        map[string]string // canary to submission
}

// sqlOn runs statements on the database of a town whose daemon does not run.
func (tw *town) sqlOn(statements ...string) {
	tw.t.Helper()
	db, err := sql.Open("sqlite3", filepath.Join(tw.data, "saisine.db")+"?_busy_timeout=10000&_secure_delete=on")
	if err != nil {
		tw.t.Fatal(err)
	}
	for _, s := range statements {
		if _, err := db.ExecContext(tw.t.Context(), s); err != nil {
			tw.t.Fatalf("%s: %v", s, err)
		}
	}
	if err := db.Close(); err != nil {
		tw.t.Fatal(err)
	}
}

const years = "(7 * 31557600000000)" // microseconds

// newOldTown fills a town by all its ways in, closes most of it and makes that old.
func newOldTown(t *testing.T) *oldTown {
	t.Helper()
	tw := &oldTown{town: newTown(t), refs: map[string]string{}, ids: map[string]string{}}
	d := tw.start()
	names := func(prefix string) []string { return []string{prefix + "uxq", prefix + "vxq", prefix + "wxq"} }
	mails, forms, scans := names("zkmail"), names("zkform"), names("zkscan")
	for i, m := range mails {
		extra := ""
		if i == 0 {
			extra = strings.Repeat("Une ligne de plus, "+m+".\r\n", 20_000) // its original is a file
		}
		tw.dovecot.Deliver(townUser, plainMail(m, extra))
	}
	links := map[string]string{}
	for _, f := range forms {
		status, location, body, err := tw.post(form(f), nil)
		if err != nil || status != http.StatusSeeOther {
			t.Fatal(status, body, err)
		}
		links[f] = location
	}
	for _, s := range scans {
		pdf, err := samplescan.TextPDF([]string{"Commune de Saint-Exemple\n\nMadame " + s + "\n3 rue Haute\n\nObjet : haie qui déborde, repère " + s + "\n\nMadame le Maire, la haie du voisin déborde. " + s})
		if err != nil {
			t.Fatal(err)
		}
		tw.dropScan(s+".pdf", pdf)
	}
	spam := "zkspamxq"
	tw.dovecot.Deliver(townUser, bytes.Replace(plainMail(spam, ""), []byte("MIME-Version"), []byte("Auto-Submitted: auto-replied\r\nMIME-Version"), 1))
	all := tw.settled(10, 90*time.Second)
	for _, c := range slices.Concat(mails, forms, scans, []string{spam}) {
		i := slices.IndexFunc(all, func(s view.Submission) bool { return strings.Contains(s.Text+s.Subject, c) })
		if i < 0 {
			t.Fatalf("%s was not taken in", c)
		}
		tw.refs[c], tw.ids[c] = all[i].Request, all[i].ID
	}
	for _, list := range [][]string{mails, forms, scans} {
		for _, c := range list[:2] {
			if _, code := tw.saisine("requests", "set-category", tw.refs[c], "voirie"); code != 0 {
				t.Fatal("set-category")
			}
			if _, code := tw.saisine("requests", "set", tw.refs[c], "status", "closed"); code != 0 {
				t.Fatal("set status")
			}
		}
		tw.gone = append(tw.gone, list[:2]...)
		tw.kept = append(tw.kept, list[2])
	}
	tw.gone, tw.followed = append(tw.gone, spam), links[forms[0]]
	tw.eventually(60*time.Second, "everything is delivered", func() bool {
		out, _ := tw.saisine("deliveries", "list", "--json", "--state", "pending")
		return strings.TrimSpace(out) == ""
	})
	if code := tw.getCode(tw.followed); code != http.StatusOK {
		t.Fatalf("the follow-up page says %d", code)
	}
	d.stop()
	tw.sqlOn(
		`UPDATE mails SET state = 'withheld', reason = 'x' WHERE state IN ('to_print', 'queued') AND request_id IN (SELECT id FROM requests WHERE status = 'closed')`,
		`UPDATE outbox SET state = 'delivered', ended_at = 1 WHERE state = 'pending'`,
		`UPDATE suggestions SET kind = 'apart'`, // an agent has looked at them
		`DELETE FROM twins`,
		`UPDATE requests SET twins = 0`,
		`UPDATE deadlines SET due = due - `+years+` WHERE due <> 0`,
		`UPDATE requests SET opened_at = opened_at - `+years+`, answered_at = CASE WHEN answered_at = 0 THEN 0 ELSE answered_at - `+years+` END`,
		`UPDATE submissions SET received_at = received_at - `+years,
	)
	if out, code := tw.saisine("user", "add", "archiviste", "--role", "administrator", "--name", "Archives", "--no-password"); code != 0 {
		t.Fatal(out)
	}
	if out, code := tw.saisine("user", "add", "agent", "--role", "agent", "--name", "Agent", "--no-password"); code != 0 {
		t.Fatal(out)
	}
	return tw
}

// getCode asks for a page of the town and returns the status.
func (tw *town) getCode(path string) int {
	tw.t.Helper()
	req, err := http.NewRequestWithContext(tw.t.Context(), http.MethodGet, "http://"+tw.public+path, nil)
	if err != nil {
		tw.t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		tw.t.Fatal(err)
	}
	_ = res.Body.Close()
	return res.StatusCode
}

// left returns, of some words, those that stand in a file of a folder, by file.
func left(t *testing.T, dir string, words []string) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) || err == nil && (d.IsDir() || !d.Type().IsRegular()) {
			return nil
		}
		if err != nil {
			return err
		}
		data, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil // the daemon has files of a moment
		}
		for _, w := range words {
			if bytes.Contains(data, []byte(w)) || strings.Contains(path, w) {
				out[w] = append(out[w], filepath.Base(path))
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// proposed is the head and the lines of a list as JSON.
type proposed struct {
	List    int64  `json:"list"`
	SHA256  string `json:"sha256"`
	State   string `json:"state"`
	Line    int    `json:"line"`
	Kind    string `json:"kind"`
	Subject string `json:"subject"`
	Why     string `json:"why"`
}

// A town eliminates while its daemon runs: nothing is left in any file of it, what stays is as it
// was, and each interface says what became of it.
func TestEliminateBesideTheDaemon(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("a whole town")
	}
	tw := newOldTown(t)
	tw.start()
	all := list[proposed](tw.town, "eliminate", "--propose")
	head := all[0]
	if head.List != 1 || len(head.SHA256) != 64 || head.State != "proposed" {
		t.Fatalf("head: %+v", head)
	}
	for _, c := range tw.gone {
		subject := tw.refs[c]
		if subject == "" {
			subject = tw.ids[c]
		}
		if !slices.ContainsFunc(all, func(p proposed) bool { return p.Line > 0 && p.Subject == subject }) {
			t.Errorf("%s (%s) is not proposed: %+v", c, subject, all)
		}
	}
	if n := len(all) - 1; n != len(tw.gone) {
		t.Errorf("%d lines, want %d", n, len(tw.gone))
	}
	pdf := filepath.Join(t.TempDir(), "bordereau.pdf")
	text, code := tw.saisine("eliminate", "--show", "1", "--pdf", pdf)
	if data, err := os.ReadFile(pdf); code != 0 || err != nil || !bytes.HasPrefix(data, []byte("%PDF")) {
		t.Errorf("PDF: %v", err)
	}
	for _, want := range []string{"BORDEREAU D’ÉLIMINATION n° 1", "rien n’est détruit", head.SHA256, "5 ans", "R212-14", "Visa de la personne"} {
		if !strings.Contains(text, want) {
			t.Errorf("the list does not say %q:\n%s", want, text)
		}
	}
	for _, c := range tw.gone {
		if strings.Contains(text, c) {
			t.Errorf("the list names %s", c)
		}
	}
	if got := left(t, tw.data, tw.gone); len(got) != len(tw.gone) {
		t.Fatalf("before: %v", got)
	}

	// Who may not, and how not.
	for want, args := range map[int][][]string{
		2: {
			{"eliminate"},
			{"eliminate", "--approve", "1"},
			{"eliminate", "--approve", "1", "--by", "archiviste"}, // standard input is empty
			{"eliminate", "--hold", tw.refs[tw.gone[0]]},
			{"eliminate", "--propose", "--lists"},
			{"eliminate", "--propose", "--category", "inconnue"},
		},
		1: {
			{"eliminate", "--approve", "1", "--by", "agent", "--yes"},
			{"eliminate", "--approve", "7", "--by", "archiviste", "--yes"},
			{"eliminate", "--approve", "1", "--by", "archiviste", "--yes", "--sha256", strings.Repeat("0", 64)},
			{"eliminate", "--unhold", tw.refs[tw.gone[0]]},
		},
	} {
		for _, a := range args {
			if _, errOut, code := tw.output(a...); code != want {
				t.Errorf("%v: exit %d, want %d: %s", a, code, want, errOut)
			}
		}
	}
	if got := left(t, tw.data, tw.gone); len(got) != len(tw.gone) {
		t.Fatalf("destroyed unapproved: %v", got)
	}

	before := tw.requests()
	out, errOut, code := tw.output("eliminate", "--approve", "1", "--by", "archiviste", "--visa", "2026/117", "--sha256", head.SHA256, "--yes")
	if code != 0 || !strings.Contains(out, "visa des archives : 2026/117") || !strings.Contains(out, "éliminée le") || strings.Contains(out, "conservée") {
		t.Fatalf("exit %d:\n%s\n%s", code, out, errOut)
	}
	if got := left(t, tw.data, tw.gone); len(got) > 0 {
		t.Errorf("left: %v", got)
	}
	if got := left(t, tw.data, tw.kept); len(got) != len(tw.kept) {
		t.Errorf("what is to stay: %v", got)
	}
	// Also of the mails in the done folder: each still has its row.
	if out, _, code := tw.output("verify"); code != 0 {
		t.Errorf("verify: %s", out)
	}

	after := tw.requests()
	if len(after) != len(before) {
		t.Errorf("%d requests, were %d", len(after), len(before))
	}
	for i, q := range after {
		gone := slices.ContainsFunc(tw.gone, func(c string) bool { return tw.refs[c] == q.Reference })
		switch {
		case gone && (q.Elimination != 1 || q.EliminatedAt == "" || q.Text != "" || q.Sender != (ingest.Person{}) || len(q.Submissions) > 0 || q.Category != "voirie"):
			t.Errorf("eliminated: %+v", q)
		case !gone && !sameJSON(t, q, before[i]):
			t.Errorf("%s was changed: %+v, was %+v", q.Reference, q, before[i])
		}
	}
	if code := tw.getCode(tw.followed); code != http.StatusGone {
		t.Errorf("the follow-up page says %d", code)
	}
	if out, code := tw.saisine("requests", "set", tw.refs[tw.gone[0]], "status", "new"); code == 0 {
		t.Errorf("an act on what is gone: %s", out)
	}
	archive := filepath.Join(t.TempDir(), "archive")
	if out, code := tw.saisine("export", "archive", "--sealed", archive); code != 0 {
		t.Errorf("export: %s", out)
	}
	// The same mail, put into the inbox again, is known by its bytes under a new number; an answer
	// to what is gone opens a request of its own.
	tw.dovecot.Deliver(townUser, bytes.Replace(plainMail("zkanswerxq", ""), []byte("MIME-Version"), []byte("In-Reply-To: <"+tw.gone[1]+"@example.fr>\r\nMIME-Version"), 1))
	for _, s := range tw.settled(11, 60*time.Second) {
		if strings.Contains(s.Text, "zkanswerxq") && (s.Link != ingest.LinkOpens || s.Request == "") {
			t.Errorf("the answer: %+v", s)
		}
	}
	if out, errOut, code := tw.output("eliminate", "--approve", "1", "--by", "archiviste", "--yes"); code != 0 || out != "" {
		t.Errorf("again: %d %s %s", code, out, errOut)
	}
	if out, _, code := tw.output("eliminate", "--propose"); code != 0 || strings.Contains(out, "BORDEREAU") {
		t.Errorf("proposed again: %s", out)
	}
	tw.verify()
}

func sameJSON(t *testing.T, a, b any) bool {
	t.Helper()
	x, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	y, err := json.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Equal(x, y)
}

// killedAt runs a command that kills itself at a crash point, and reports whether it did.
func (tw *town) killedAt(point string, args ...string) bool {
	tw.t.Helper()
	cmd := exec.Command(tw.cli, append(args, "--config", tw.config)...)
	cmd.Env = append(os.Environ(), asProgram+"=1", crashpoint.EnvVar+"="+point)
	_ = cmd.Run()
	ws, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
	return ok && ws.Signaled() && ws.Signal() == syscall.SIGKILL
}

// Killed at any point of it, an elimination is found half done by verify, and goes on to its end.
// The same holds for tombstones that are applied to an older backup.
func TestKillWhileEliminating(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("a whole town")
	}
	tw := newOldTown(t)
	if out, code := tw.saisine("eliminate", "--propose"); code != 0 {
		t.Fatal(out)
	}
	backup := filepath.Join(tw.dir, "backup")
	copyTo := func(to, from string) {
		t.Helper()
		if err := errors.Join(os.RemoveAll(to), os.CopyFS(to, os.DirFS(from))); err != nil {
			t.Fatal(err)
		}
	}
	// A daemon that was stopped leaves no socket.
	copyTo(backup, tw.data)
	approve := []string{"eliminate", "--approve", "1", "--by", "archiviste", "--visa", "x", "--yes"}
	done := func(point string) {
		t.Helper()
		if got := left(t, tw.data, tw.gone); len(got) > 0 {
			t.Errorf("%s: left: %v", point, got)
		}
		if got := left(t, tw.data, tw.kept); len(got) != len(tw.kept) {
			t.Errorf("%s: what is to stay: %v", point, got)
		}
		if out, _, code := tw.output("verify", "--offline"); code != 0 {
			t.Errorf("%s: verify: %s", point, out)
		}
	}
	for _, point := range []string{
		"eliminate.approved", "eliminate.wiping", "eliminate.wiping:3", "eliminate.wiped", "eliminate.wiped:4", "eliminate.files_gone", "eliminate.files_gone:5", "eliminate.line_done:2",
		"eliminate.lines_done", "eliminate.scrubbed", "store.before_commit:3", "store.committed:5",
	} {
		copyTo(tw.data, backup)
		if !tw.killedAt(point, approve...) {
			t.Errorf("%s was not reached", point)
			continue
		}
		if out, _, code := tw.output("verify", "--offline"); code != 1 || !strings.Contains(out, "elimination_half_done") {
			t.Errorf("%s: verify finds nothing: %d %s", point, code, out)
		}
		if out, errOut, code := tw.output(approve...); code != 0 {
			t.Errorf("%s: going on: %s %s", point, out, errOut)
		}
		done(point)
	}
	stones := filepath.Join(tw.dir, "tombstones.jsonl")
	if out, code := tw.saisine("eliminate", "--export", "0", stones); code != 0 {
		t.Fatal(out)
	}
	for _, point := range []string{"eliminate.reapplied", "eliminate.reapplied:3", "store.before_commit:4", ""} {
		copyTo(tw.data, backup)
		if point != "" && !tw.killedAt(point, "eliminate", "--apply", stones) {
			t.Errorf("%s was not reached", point)
		}
		out, code := tw.saisine("eliminate", "--apply", stones)
		if code != 0 || point == "" && !strings.HasPrefix(out, "7 lines") {
			t.Errorf("%s: applied: %s", point, out)
		}
		done("applied, " + point)
	}
}

// A backup from before an elimination brings nothing of it back: a folder of backups knows by
// itself what was eliminated since, an archive is told by a file. Without either, all is there
// again: what the test looks for can be found.
func TestRestoreOfABackupFromBefore(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("a whole town")
	}
	tw := newOldTown(t)
	run := func(args ...string) {
		t.Helper()
		if out, errOut, code := tw.output(args...); code != 0 {
			t.Fatalf("%v: exit %d: %s%s", args, code, out, errOut)
		}
	}
	folder, archive := filepath.Join(tw.dir, "backups")+"/", filepath.Join(tw.dir, "before.tar.zst")
	stones := filepath.Join(tw.dir, "tombstones.jsonl")
	run("backup", folder)
	run("backup", archive)
	older, _ := tw.saisine("backup", "--list", folder)
	older, _, _ = strings.Cut(strings.TrimSpace(older), " ")
	run("eliminate", "--propose")
	run("eliminate", "--approve", "1", "--by", "archiviste", "--visa", "x", "--yes")
	run("eliminate", "--export", "0", stones)
	run("backup", folder)

	for _, c := range []struct {
		name string
		args []string
		back bool // what was eliminated is there again
	}{
		{"older of the folder", []string{"restore", folder, "--snapshot", older}, false},
		{"archive and tombstones", []string{"restore", archive, "--eliminated", stones}, false},
		{"archive alone", []string{"restore", archive}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			other := newTown(t, withoutMail(""))
			// Without the tombstones verify finds what newOldTown changed by hand, and says so.
			if out, errOut, code := other.output(c.args...); code != exitDone && !c.back {
				t.Fatalf("%v: exit %d: %s%s", c.args, code, out, errOut)
			}
			gone := left(t, other.data, tw.gone)
			if got := left(t, other.data, tw.kept); len(got) != len(tw.kept) {
				t.Errorf("what is to stay: %v", got)
			}
			if c.back {
				if len(gone) != len(tw.gone) {
					t.Errorf("found again: %v, of %v", gone, tw.gone)
				}
				return
			}
			if len(gone) > 0 {
				t.Errorf("left: %v", gone)
			}
			d := other.start()
			if code := other.getCode(tw.followed); code != http.StatusGone {
				t.Errorf("the citizen's link answers %d", code)
			}
			d.stop()
			other.verify()
			if gone := left(t, other.data, tw.gone); len(gone) > 0 {
				t.Errorf("left after the daemon ran: %v", gone)
			}
		})
	}
}
