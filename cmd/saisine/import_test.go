package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/crashpoint"
	"saisine.fr/saisine/ocr/samplescan"
)

// imports runs an import and returns its summary.
func (tw *town) imports(want int, args ...string) importSummary {
	tw.t.Helper()
	out, errOut, code := tw.output(append([]string{"import"}, append(args, "--json")...)...)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	var last struct{ Summary importSummary }
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil || code != want {
		tw.t.Fatalf("import %v: exit %d, %v\n%s\n%s", args, code, err, out, errOut)
	}
	return last.Summary
}

// An import of a mailbox that is killed at its worst moments is started again until it is
// through: each mail is in the ledger once, and the mailbox is as it was.
func TestImportIMAPKilled(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	const n = 250
	for i := range n {
		tw.dovecot.Deliver(townUser, plainMail(fmt.Sprintf("k%dxarchive", i), ""))
	}
	args := []string{"import", "imap", "--mailbox", "sve", "--closed", "--config", tw.config}
	killed := 0
	for _, at := range []string{"mailbox.none", "store.row_written:40", "store.before_commit:3", "store.committed:4", "submit.recorded:70"} {
		cmd := exec.Command(tw.exe, args...)
		cmd.Env = append(os.Environ(), asProgram+"=1", crashpoint.EnvVar+"="+at)
		if at == "mailbox.none" {
			// This one is stopped by a person.
			errOut := &logBuffer{}
			cmd.Stderr = errOut
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			tw.eventually(20*time.Second, "the ledger has some", func() bool {
				_, err := os.Stat(filepath.Join(tw.data, "saisine.db"))
				return err == nil
			})
			_ = cmd.Process.Signal(syscall.SIGINT)
			if err := cmd.Wait(); err != nil && !strings.Contains(errOut.String(), "start it again to go on") {
				t.Errorf("stopped: %v\n%s", err, errOut.tail(5))
			}
			continue
		}
		err := cmd.Run()
		if ws, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
			killed++
		} else if err != nil {
			t.Errorf("%s: %v", at, err)
		}
	}
	if killed < 3 {
		t.Errorf("killed %d times only", killed)
	}
	if s := tw.imports(0, "imap", "--mailbox", "sve", "--closed", "--wait"); s.Read != n || s.Known+s.New != n || s.Failed != 0 {
		t.Errorf("at last: %+v", s)
	}
	if s := tw.imports(0, "imap", "--closed"); s.New != 0 || s.Known != n {
		t.Errorf("once more: %+v", s)
	}
	// The daemon, which makes this folder, has never run here.
	tw.dovecot.Client(townUser, func(c *imapclient.Client) error { return c.Create("Saisine/Traités", nil).Wait() })
	tw.verify()
	subs := tw.settled(n, time.Minute)
	marks := map[string]int{}
	for _, s := range subs {
		marks[markOf(s)]++
	}
	if len(subs) != n || len(marks) != n {
		t.Errorf("%d rows for %d mails, want %d", len(subs), len(marks), n)
	}
	for _, q := range tw.requests() {
		if q.Status != ingest.StatusClosed {
			t.Fatalf("%s is %s", q.Reference, q.Status)
		}
	}
	if got := tw.inbox(); got != n {
		t.Errorf("%d mails in the inbox, want %d", got, n)
	}
	tw.dovecot.Client(townUser, func(c *imapclient.Client) error {
		if _, err := c.Select("INBOX", &imap.SelectOptions{ReadOnly: true}).Wait(); err != nil {
			return err
		}
		found, err := c.UIDSearch(&imap.SearchCriteria{Flag: []imap.Flag{imap.FlagSeen}}, nil).Wait()
		if err == nil && len(found.AllUIDs()) > 0 {
			t.Errorf("%d mails are marked as read", len(found.AllUIDs()))
		}
		return err
	})
}

func zipOf(t *testing.T, files map[string][]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for name, content := range files {
		f, err := w.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: time.Date(2015, 6, 1, 9, 0, 0, 0, time.UTC)})
		if err == nil {
			_, err = f.Write(content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func tarOf(t *testing.T, files map[string][]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for name, content := range files {
		if err := w.WriteHeader(&tar.Header{Name: name, Size: int64(len(content)), Mode: 0o600, Typeflag: tar.TypeReg, ModTime: time.Date(2014, 6, 1, 9, 0, 0, 0, time.UTC)}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// collectItems runs a lister without a house.
func collectItems(t *testing.T, list lister, paths ...string) (subs map[string]ingest.Submission, errs []string) {
	t.Helper()
	a := &app{stderr: io.Discard}
	progress := a.importProgress(true)
	defer progress.finish()
	in := importInput{spool: ingest.Spool{Dir: t.TempDir()}, zone: paris, now: time.Now, progress: progress}
	in.limits.File, in.limits.Message, in.limits.UnpackedRatio = 2<<20, 32<<10, 100
	subs = map[string]ingest.Submission{}
	err := list(t.Context(), in, paths, func(it item) error {
		sub, err := it.open()
		if err != nil {
			errs = append(errs, it.source+": "+err.Error())
			return nil //nolint:nilerr // it is what is looked at
		}
		subs[filepath.Base(it.source)] = sub
		return sub.Original.Close()
	})
	if err != nil {
		t.Fatal(err)
	}
	return subs, errs
}

func TestImportPackedScans(t *testing.T) {
	pdf, err := samplescan.TextPDF([]string{"Objet : trottoir"})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name string, content []byte) {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	bomb := append(slices.Clone(pdf), make([]byte, 1<<21-len(pdf)-1)...)
	write("urbanisme/a.pdf", pdf)
	write("2015.zip", zipOf(t, map[string][]byte{
		"2015/voirie/b.pdf": append(pdf, '\n'), "c.txt": []byte("no scan"), "d.pdf": []byte("no scan"), "bomb.pdf": bomb, "../e.pdf": append(pdf, ' '),
	}))
	write("2014.tar.gz", tarOf(t, map[string][]byte{"f.pdf": append(pdf, '\t')}))
	write("bomb.tgz", tarOf(t, map[string][]byte{"g.pdf": bomb}))
	write("broken.zip", []byte("PK no zip"))
	subs, errs := collectItems(t, listScans, dir)
	if len(subs) != 4 || len(errs) != 4 {
		t.Errorf("%d taken, errors %q", len(subs), errs)
	}
	if s := subs["a.pdf"]; s.Hints.Service != "urbanisme" {
		t.Errorf("%+v", s)
	}
	if s := subs["b.pdf"]; s.Hints.Service != "voirie" || s.ReceivedAt.Year() != 2015 || s.Channel != ingest.ChannelScan {
		t.Errorf("%+v", s)
	}
	for _, want := range []string{"bomb.pdf: it is packed too many", "bomb.tgz: the archive cannot be read on", "d.pdf: its content is no scan", "broken.zip: the archive"} {
		if !slices.ContainsFunc(errs, func(e string) bool { return strings.Contains(e, want) }) {
			t.Errorf("no error %q in %q", want, errs)
		}
	}
}

func TestImportMboxMails(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "INBOX.sbd"), 0o700); err != nil {
		t.Fatal(err)
	}
	big := strings.Repeat("z", 40<<10)
	box := "From - Mon Jan 01 10:00:00 2018\nX-Mozilla-Status: 0009\nSubject: gone\n\nx\n\n" +
		"From - Mon Jan 01 10:00:00 2018\nReceived: by mx.example.fr; Tue, 3 May 2016 10:00:00 +0200\nDate: Thu, 1 Jan 1970 00:00:00 +0000\nSubject: kept\n\nx\n\n" +
		"From - Mon Jan 01 10:00:00 2018\nDate: Tue, 2 Jan 2018 10:00:00 +0100\nSubject: big\n\n" + big + "\n"
	for name, content := range map[string]string{"INBOX": box, "INBOX.msf": "// <!-- Mork -->", "INBOX.sbd/Voirie": "From - Mon Jan 01 10:00:00 2018\nSubject: sub\n\nx\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	subs, errs := collectItems(t, listMbox, dir)
	if len(subs) != 3 || len(errs) != 1 || !strings.HasSuffix(errs[0], "#1: skipped") {
		t.Errorf("%d taken, errors %q", len(subs), errs)
	}
	if s := subs["INBOX#2"]; !s.ReceivedAt.Equal(time.Date(2016, 5, 3, 8, 0, 0, 0, time.UTC)) {
		t.Errorf("received %v", s.ReceivedAt)
	}
	if s := subs["INBOX#3"]; !s.Hints.Partial || s.Settled != ingest.StateFailed || s.ReceivedAt.Year() != 2018 || s.Original.Size() > 200 {
		t.Errorf("%+v", s)
	}
}

// Lines of another program become requests with their statuses, and a bad line does not keep
// the others from it.
func TestImportCSV(t *testing.T) {
	t.Parallel()
	tw := newTown(t, func(s *townSetup) { s.noMail = true })
	path := filepath.Join(t.TempDir(), "ancien.csv")
	text := "Numéro;Date;Nom;Courriel;Objet;Message;Statut;Date de clôture\n" +
		"1;23/04/2016;Mme A;a@example.fr;Trottoir;Le trottoir de la rue des Lilas est défoncé.;Clos;02/05/2016\n" +
		"2;bientôt;M. B;b@example.fr;x;y;Clos;\n" +
		"3;24/04/2016;M. C;c@example.fr;Lampadaire;Le lampadaire devant le 4 rue des Roses ne marche plus.;En cours;\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	out, _, code := tw.output("import", "csv", path, "--dry-run")
	for _, want := range []string{`column 6 "Message": text`, `line 3: column 2 (Date): "bientôt" is no date`, "2 lines can be taken in, 1 cannot", "1 begin as closed"} {
		if !strings.Contains(out, want) {
			t.Errorf("dry run, exit %d: no %q in\n%s", code, want, out)
		}
	}
	if _, err := os.Stat(tw.data); err == nil {
		t.Error("the dry run made a store")
	}
	for round := range 2 {
		if s := tw.imports(1, "csv", path, "--wait"); s.Failed != 1 || s.Filed != 2 || s.Known != 2*round {
			t.Errorf("%+v", s)
		}
	}
	byStatus := map[ingest.Status]string{}
	for _, q := range tw.requests() {
		byStatus[q.Status] = q.OpenedAt
		for _, d := range q.Deadlines {
			if q.Status == ingest.StatusClosed && d.DoneAt == "" {
				t.Errorf("an open deadline: %+v", d)
			}
		}
	}
	if byStatus[ingest.StatusClosed] != "2016-04-23T00:00:00+02:00" || byStatus[ingest.StatusInProgress] == "" {
		t.Errorf("%v", byStatus)
	}
	tw.verify()
	for _, args := range [][]string{{"csv"}, {"imap", "x"}, {"eml", "--dry-run", path}, {"csv", path, "--closed", "--acknowledge"}, {"imap", "--mailbox", "x"}, {"csv", path, "--columns", "text=nowhere"}} {
		if _, _, code := tw.output(append([]string{"import"}, args...)...); code != exitUsage {
			t.Errorf("%v: exit %d", args, code)
		}
	}
}

// An id that is known with other content is told apart from one that is known, within a run
// and in a later one: what the line holds is nowhere in the ledger.
func TestImportChangedLines(t *testing.T) {
	t.Parallel()
	tw := newTown(t, func(s *townSetup) { s.noMail = true })
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	head := "id;date;message\n"
	csv := write("a.csv", head+"1;2016-01-01;Un trou.\n2;2016-01-02;Une lampe.\n")
	other := write("b.csv", head+"2;2016-01-02;Une lampe.\n1;2017-01-01;Autre chose.\n")
	jsonl := write("a.jsonl", `{"id":"1","channel":"phone","body":"Un trou."}`+"\n"+`{"channel":"phone","body":"Sans numéro."}`+"\n")
	otherJSON := write("b.jsonl", `{"id":"1","channel":"phone","body":"Autre chose."}`+"\n"+`{"channel":"phone","body":"Sans numéro."}`+"\n")
	for _, step := range []struct {
		code int
		want importSummary
		args []string
	}{
		{0, importSummary{Read: 2, New: 2}, []string{"csv", csv}},
		{0, importSummary{Read: 2, Known: 2}, []string{"csv", csv}},
		{1, importSummary{Read: 2, Known: 1, Changed: 1}, []string{"csv", other}},
		{0, importSummary{Read: 2, New: 2}, []string{"csv", other, "--account", "other"}},
		{1, importSummary{Read: 4, Known: 2, Failed: 2}, []string{"csv", csv, other}},
		{0, importSummary{Read: 2, New: 2}, []string{"jsonl", jsonl}},
		{0, importSummary{Read: 2, Known: 2}, []string{"jsonl", jsonl}},
		{1, importSummary{Read: 2, Known: 1, Changed: 1}, []string{"jsonl", otherJSON}},
	} {
		got := tw.imports(step.code, step.args...)
		if got.Waiting = 0; got != step.want {
			t.Errorf("%v: %+v, want %+v", step.args, got, step.want)
		}
	}
	out, errOut, code := tw.output("import", "csv", other)
	if code != 1 || !strings.Contains(out, "1 known already") || !strings.Contains(out, "1 were imported before with other content") ||
		!strings.Contains(errOut, other+":3: its id was imported before with other content") {
		t.Errorf("exit %d\n%s\n%s", code, out, errOut)
	}
}
