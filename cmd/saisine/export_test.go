package main

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/view"
)

// nasty are texts that tables trip over.
var nasty = []string{"=1+1", "+33 6 01", "-2", "@x", "a;b", "a \"b\" c", "one\ntwo", "tab\there", "é ’ \u00a0"}

func readTable(t *testing.T, raw string) []map[string]string {
	t.Helper()
	r := csv.NewReader(strings.NewReader(strings.TrimPrefix(raw, "\ufeff")))
	r.Comma = ';'
	rows, err := r.ReadAll()
	if err != nil || len(rows) == 0 {
		t.Fatalf("no table: %v\n%.300s", err, raw)
	}
	var out []map[string]string
	for _, row := range rows[1:] {
		line := map[string]string{}
		for i, name := range rows[0] {
			line[name] = row[i]
		}
		out = append(out, line)
	}
	return out
}

// Everything that was taken in comes out again, in tables and in an archive that another
// program can read.
func TestExport(t *testing.T) {
	t.Parallel()
	tw := newTown(t, func(s *townSetup) { s.noMail = true })
	dir := t.TempDir()
	const n = 300
	var lines bytes.Buffer
	enc := json.NewEncoder(&lines)
	for i := range n {
		note := ingest.Note{
			ID: fmt.Sprint(i), Channel: "phone", At: time.Date(2026, 1, 1+i%300/10, 9, 0, i, 0, time.UTC), Subject: nasty[i%len(nasty)],
			Body:   fmt.Sprintf("%s\nDemande numéro %d, qui ne ressemble à aucune autre : %x.", nasty[i%len(nasty)], i, sha256.Sum256([]byte{byte(i), byte(i >> 8)})),
			Sender: ingest.Person{Name: fmt.Sprintf("%s %d", nasty[i%len(nasty)], i), Phone: fmt.Sprintf("+33 1 99 00 %04d", i)},
		}
		if err := enc.Encode(note); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(dir, "notes.jsonl")
	if err := os.WriteFile(path, lines.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	if s := tw.imports(0, "jsonl", path, "--wait"); s.Filed != n {
		t.Fatalf("%+v", s)
	}
	requests := tw.requests()

	out, code := tw.saisine("export", "requests")
	table := readTable(t, out)
	if code != 0 || !strings.HasPrefix(out, "\ufeff") || len(table) != len(requests) {
		t.Fatalf("exit %d, %d lines for %d requests", code, len(table), len(requests))
	}
	for i, q := range requests {
		line := table[i]
		if line["reference"] != q.Reference || line["opened_at"] != q.OpenedAt || line["category"] != q.Category || plainCell(line["sender_name"]) != q.Sender.Name ||
			plainCell(line["text"]) != q.Text || plainCell(line["subject"]) != q.Subject {
			t.Fatalf("%q\n%+v", line, q)
		}
		for name, cell := range line {
			if cell != "" && strings.ContainsRune("=+-@\t\r\n", rune(cell[0])) {
				t.Fatalf("%s: %s is a formula: %q", q.Reference, name, cell)
			}
		}
	}
	if out, _ := tw.saisine("export", "requests", "--from", "2026-01-02", "--to", "2026-01-03", "--no-bom", "--separator", ","); strings.Count(out, "2026-01-02T") != 10 || strings.Contains(out, "2026-01-04T") || strings.HasPrefix(out, "\ufeff") {
		t.Errorf("of two days: %.400s", out)
	}
	if out, code := tw.saisine("export", "register", "--year", "2026"); code != 0 || len(readTable(t, out)) != n || !strings.Contains(out, "A-2026-000300;") {
		t.Errorf("register, exit %d: %.300s", code, out)
	}

	archive := filepath.Join(dir, "a.zip")
	if _, code := tw.saisine("export", "archive", archive); code != 0 {
		t.Fatalf("archive: exit %d", code)
	}
	checkTestArchive(t, tw, archive, n)
	for _, args := range [][]string{{"requests", "--status", "x"}, {"requests", "--from", "x"}, {"requests", "--separator", "x"}, {"register", "--direction", "x"}, {"archive"}} {
		if _, _, code := tw.output(append([]string{"export"}, args...)...); code != exitUsage {
			t.Errorf("%v: exit %d", args, code)
		}
	}
}

// plainCell takes off what keeps a cell from being a formula.
func plainCell(cell string) string {
	if len(cell) > 1 && cell[0] == '\'' && strings.ContainsRune("=+-@\t\r\n", rune(cell[1])) {
		return cell[1:]
	}
	return cell
}

func checkTestArchive(t *testing.T, tw *town, archive string, n int) {
	t.Helper()
	if _, err := os.Stat(archive + ".part"); err == nil {
		t.Error("the .part file is still there")
	}
	if unzip, err := exec.LookPath("unzip"); err == nil {
		if out, err := exec.Command(unzip, "-tqq", archive).CombinedOutput(); err != nil {
			t.Errorf("unzip: %v\n%s", err, out)
		}
	}
	if out, code := tw.saisine("export", "archive", "--check", archive); code != 0 || !strings.Contains(out, "0 problems") {
		t.Errorf("check: exit %d: %s", code, out)
	}
	z, err := zip.OpenReader(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = z.Close() }()
	files := map[string][]byte{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		files[f.Name], err = io.ReadAll(r)
		_ = r.Close()
		if err != nil {
			t.Fatal(err)
		}
	}
	var m struct {
		manifest
		Entries []manifestEntry
	}
	if err := json.Unmarshal(files[manifestName], &m); err != nil || len(m.Entries) != len(files)-1 || m.Counts.Submissions != n || m.Counts.Files != len(m.Entries) {
		t.Errorf("manifest: %v, %d entries for %d files, %+v", err, len(m.Entries), len(files), m.Counts)
	}
	for _, s := range tw.submissions() {
		name := "requests/" + s.Request + "/originals/" + s.ID + ".json"
		sum := sha256.Sum256(files[name])
		if hex.EncodeToString(sum[:]) != s.SHA256 {
			t.Fatalf("%s is not what the ledger has", name)
		}
		var q view.Request
		if err := json.Unmarshal(files["requests/"+s.Request+"/request.json"], &q); err != nil || q.Reference != s.Request || q.Text == "" {
			t.Fatalf("%s: %v, %+v", s.Request, err, q)
		}
	}
	if rows := readTable(t, string(files["submissions.csv"])); len(rows) != n || files[rows[0]["file"]] == nil {
		t.Errorf("submissions.csv has %d lines", len(rows))
	}
	if rows := readTable(t, string(files["register-in.csv"])); len(rows) != n {
		t.Errorf("register-in.csv has %d lines", len(rows))
	}
	if rows := readTable(t, string(files["requests.csv"])); len(rows) != m.Counts.Requests {
		t.Errorf("requests.csv has %d lines for %d requests", len(rows), m.Counts.Requests)
	}
	checkTampered(t, tw, archive, z)
}

// checkTampered changes one byte of one file, leaves one out and adds one.
func checkTampered(t *testing.T, tw *town, archive string, z *zip.ReadCloser) {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	changed, left := "", ""
	add := func(name string, content []byte) {
		f, err := w.Create(name)
		if err == nil {
			_, err = f.Write(content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case changed == "" && strings.Contains(f.Name, "originals/"):
			changed = f.Name
			content[len(content)/2] ^= 1
		case left == "" && strings.HasSuffix(f.Name, "history.json"):
			left = f.Name
			continue
		}
		add(f.Name, content)
	}
	add("extra.txt", []byte("x"))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	bad := archive + ".bad.zip"
	if err := os.WriteFile(bad, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	out, _, code := tw.output("export", "archive", "--check", bad)
	for _, want := range []string{changed + ": its SHA-256", left + ": it is missing", "extra.txt: the manifest", "3 problems"} {
		if code != exitFailed || !strings.Contains(out, want) {
			t.Errorf("check of a changed archive, exit %d: no %q in\n%.500s", code, want, out)
		}
	}
	if err := os.Truncate(bad, int64(b.Len()/2)); err != nil {
		t.Fatal(err)
	}
	if _, _, code := tw.output("export", "archive", "--check", bad); code != exitFailed {
		t.Errorf("check of half an archive: exit %d", code)
	}
}

// An archive that is made while posts come in has what its tables name, and no more.
func TestExportWhilePostsComeIn(t *testing.T) {
	t.Parallel()
	tw := quietTown(t, "")
	d := tw.start()
	stop, posted := make(chan struct{}), make(chan int)
	go func() {
		for n := 0; ; n++ {
			select {
			case <-stop:
				posted <- n
				return
			default:
				_, _, _, _ = tw.post(form(fmt.Sprintf("k%dxform", n)), nil)
			}
		}
	}()
	tw.eventually(30*time.Second, "some requests", func() bool { return len(tw.requests()) >= 5 })
	archive := filepath.Join(t.TempDir(), "a.zip")
	for range 3 {
		if _, code := tw.saisine("export", "archive", archive); code != 0 {
			t.Fatalf("exit %d", code)
		}
		z, err := zip.OpenReader(archive)
		if err != nil {
			t.Fatal(err)
		}
		names, tables := map[string]bool{}, map[string][]map[string]string{}
		for _, f := range z.File {
			names[f.Name] = true
			if strings.HasSuffix(f.Name, ".csv") {
				r, err := f.Open()
				if err != nil {
					t.Fatal(err)
				}
				raw, _ := io.ReadAll(r)
				tables[f.Name] = readTable(t, string(raw))
			}
		}
		_ = z.Close()
		filed := 0
		for _, row := range tables["submissions.csv"] {
			if !names[row["file"]] {
				t.Errorf("%s is named and not there", row["file"])
			}
			if row["state"] == "filed" {
				filed++
			}
		}
		for _, row := range tables["requests.csv"] {
			if !names["requests/"+row["reference"]+"/request.json"] {
				t.Errorf("%s is not there", row["reference"])
			}
		}
		if got := len(tables["register-in.csv"]); got != filed {
			t.Errorf("%d lines in the register, %d submissions filed", got, filed)
		}
	}
	close(stop)
	t.Logf("%d posts", <-posted)
	d.stop()
	tw.verify()
}
