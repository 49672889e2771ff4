package redmine

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	_ "github.com/mattn/go-sqlite3"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/deliver/handover"
	"saisine.fr/saisine/ingest/deliver/handover/handovertest"
	"saisine.fr/saisine/ingest/deliver/handover/redminetest"
)

const reference = "2026-000123"

func options(s *redminetest.Server) Options {
	return Options{URL: s.URL + "/", Key: redminetest.Key, Project: redminetest.Project}
}

func connector(t *testing.T, o Options) *Redmine {
	t.Helper()
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func addition(files ...handover.File) handover.Addition {
	return handover.Addition{Key: "cle", Text: "Suite é 🚲.", ReceivedAt: time.Unix(1_780_000_000, 0).UTC(), Channel: ingest.ChannelMailbox, Files: files}
}

// TestRedmine has one server, since it takes seconds to start.
func TestRedmine(t *testing.T) {
	t.Parallel()
	s := redminetest.Start(t)
	t.Run("suite", func(t *testing.T) { testSuite(t, s) })
	t.Run("find", func(t *testing.T) { testFind(t, s) })
	t.Run("lost answers", func(t *testing.T) { testLostAnswers(t, s) })
	t.Run("another life", func(t *testing.T) { testForeign(t, s) })
	t.Run("status", func(t *testing.T) { testStatus(t, s) })
	t.Run("gone", func(t *testing.T) { testGone(t, s) })
	t.Run("refused", func(t *testing.T) { testRefused(t, s) })
	t.Run("check", func(t *testing.T) { testCheck(t, s) })
}

func testSuite(t *testing.T, s *redminetest.Server) {
	o := options(s)
	o.Tracker, o.CustomField = "Assistance", redminetest.ChosenField
	if _, err := connector(t, func(o Options) Options { o.CustomField = redminetest.CustomField; return o }(o)).Check(t.Context()); err == nil || !strings.Contains(err.Error(), "put in its number") {
		t.Errorf("a field for all projects before the first issue: %v", err)
	}
	c := connector(t, o)
	r := handovertest.Run(t, c, reference, look(s, reference))
	if r.URL != s.URL+"/issues/"+r.ID {
		t.Errorf("page %s", r.URL)
	}
	want, seen := handovertest.Case(reference), look(s, reference)(t, r)
	if seen.Subject != "[2026-000123] "+want.Subject || seen.Text != strings.TrimSpace(handover.Describe(want)) && seen.Text != handover.Describe(want) {
		t.Errorf("subject %q, text %q", seen.Subject, seen.Text)
	}
	if !slices.Equal(seen.Added, []string{"Le trou s’est agrandi.\n\nsaisine:later-2026-000123"}) {
		t.Errorf("notes %q", seen.Added)
	}
	if content, ok := seen.Files["vide.txt"]; !ok || len(content) > 0 {
		t.Errorf("the empty file: %t, %d bytes", ok, len(content))
	}
	i := read(t, s, r)
	if i.Tracker.Name != "Assistance" || i.DueDate != "2026-06-23" || len(i.CustomFields) != 2 || i.CustomFields[1].Value != reference {
		t.Errorf("%+v", i)
	}
}

func testFind(t *testing.T, s *redminetest.Server) {
	c := connector(t, options(s))
	create := func(c *Redmine, ref string) handover.Remote {
		t.Helper()
		r, err := c.Create(t.Context(), handovertest.Case(ref))
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	longer := create(c, "2026-0004567")
	r := create(c, "2026-000456") // is contained in the one before
	if r == longer {
		t.Fatal("another reference was taken for ours")
	}
	var projects struct {
		Projects []struct {
			ID         int64
			Identifier string
		}
	}
	if err := json.Unmarshal(admin(t, "GET", s.URL+"/projects.json", nil), &projects); err != nil {
		t.Fatal(err)
	}
	for _, p := range projects.Projects {
		if p.Identifier == redminetest.Other {
			admin(t, "PUT", s.URL+"/issues/"+r.ID+".json", map[string]any{"issue": map[string]any{"project_id": p.ID, "status_id": 5, "subject": "[2026-000456] autre titre"}})
		}
	}
	if again := create(c, "2026-000456"); again != r {
		t.Errorf("an issue that was closed and moved: %+v, want %+v", again, r)
	}
	o := options(s)
	o.CustomField = redminetest.CustomField
	c = connector(t, o)
	r = create(c, "2026-000457")
	admin(t, "PUT", s.URL+"/issues/"+r.ID+".json", map[string]any{"issue": map[string]any{"subject": "sans rien"}})
	if again := create(c, "2026-000457"); again != r {
		t.Errorf("an issue with another subject and the field: %+v, want %+v", again, r)
	}
	// References are counted up and known to others: an issue of theirs is not ours.
	var theirs struct{ Issue issue }
	if err := json.Unmarshal(admin(t, "POST", s.URL+"/issues.json", map[string]any{"issue": map[string]any{
		"project_id": redminetest.Project, "subject": "[2026-000459] à moi", "custom_fields": []map[string]any{{"id": 1, "value": "2026-000459"}},
	}}), &theirs); err != nil || theirs.Issue.ID == 0 {
		t.Fatalf("%+v, %v", theirs, err)
	}
	r = create(c, "2026-000459")
	if r.ID == strconv.FormatInt(theirs.Issue.ID, 10) {
		t.Error("an issue of another user was taken for ours")
	}
	if again := create(c, "2026-000459"); again != r {
		t.Errorf("beside another user's issue: %+v, want %+v", again, r)
	}
	late := handovertest.Case("2026-000458")
	late.Due = late.ReceivedAt.AddDate(-1, 0, 0)
	late.Subject = strings.Repeat("é🚲\n", 300) // cut behind a blank, which goes
	r, err := c.Create(t.Context(), late)
	if err != nil {
		t.Fatal("a long subject, and due before it came:", err)
	}
	if i := read(t, s, r); utf8.RuneCountInString(i.Subject) != maxSubject-1 || i.DueDate != "" || !strings.HasPrefix(i.Subject, "[2026-000458] é🚲 é") {
		t.Errorf("%+v", i)
	}
}

// testLostAnswers loses each answer to a change once, as a kill would.
func testLostAnswers(t *testing.T, s *redminetest.Server) {
	lost := map[string]bool{}
	o := options(s)
	o.URL = handovertest.LossyProxy(t, s.URL, func(r *http.Request) bool {
		path := r.Method + r.URL.String()
		lose := r.Method != http.MethodGet && !lost[path]
		lost[path] = true
		return lose
	})
	c := connector(t, o)
	const ref = "2026-000500"
	if _, err := c.Create(t.Context(), handovertest.Case(ref)); err == nil || ingest.IsPermanent(err) {
		t.Fatal("the answer was not lost:", err)
	}
	r, err := c.Create(t.Context(), handovertest.Case(ref))
	if err != nil {
		t.Fatal(err)
	}
	a := addition(handovertest.File("a.txt", "text/plain", []byte("a")), handovertest.File("b.txt", "text/plain", []byte("b")))
	tries := 0
	for err = errors.New("first"); err != nil; tries++ {
		if err = c.Attach(t.Context(), r.ID, a); ingest.IsPermanent(err) || tries > 5 {
			t.Fatal(err)
		}
	}
	seen := look(s, ref)(t, r)
	if tries != 4 || seen.Cases != 1 || len(seen.Added) != 1 || len(seen.Files) != 2 {
		t.Errorf("after %d tries: %d cases, notes %q, %d files", tries, seen.Cases, seen.Added, len(seen.Files))
	}
}

func testStatus(t *testing.T, s *redminetest.Server) {
	c := connector(t, options(s))
	r, err := c.Create(t.Context(), handovertest.Case("2026-000600"))
	if err != nil {
		t.Fatal(err)
	}
	o := options(s)
	o.Statuses = map[string]ingest.Status{"résolu": ingest.StatusAnswered}
	own := connector(t, o)
	for _, test := range []struct {
		id          int
		raw         string
		status, own ingest.Status
	}{{1, "Nouveau", "", ""}, {2, "En cours", ingest.StatusInProgress, ""}, {3, "Résolu", "", ingest.StatusAnswered}, {5, "Fermé", ingest.StatusAnswered, ""}, {6, "Rejeté", ingest.StatusAnswered, ""}} {
		admin(t, "PUT", s.URL+"/issues/"+r.ID+".json", map[string]any{"issue": map[string]any{"status_id": test.id, "notes": "interne"}})
		if got, err := c.Status(t.Context(), r.ID); err != nil || got != (handover.State{Raw: test.raw, Status: test.status}) {
			t.Errorf("%s: %+v, %v", test.raw, got, err)
		}
		if got, err := own.Status(t.Context(), r.ID); err != nil || got != (handover.State{Raw: test.raw, Status: test.own}) {
			t.Errorf("%s by own list: %+v, %v", test.raw, got, err)
		}
	}
}

func testGone(t *testing.T, s *redminetest.Server) {
	c := connector(t, options(s))
	r, err := c.Create(t.Context(), handovertest.Case("2026-000700"))
	if err != nil {
		t.Fatal(err)
	}
	wrong := options(s)
	wrong.Key = "faux"
	nowhere := httptest.NewServer(http.NotFoundHandler())
	defer nowhere.Close()
	moved := options(s)
	moved.URL = nowhere.URL
	reader := options(s)
	reader.Key = redminetest.ReaderKey
	for name, c := range map[string]*Redmine{"wrong key": connector(t, wrong), "no Redmine": connector(t, moved)} {
		if _, err := c.Status(t.Context(), r.ID); err == nil || errors.Is(err, handover.ErrGone) || ingest.IsPermanent(err) {
			t.Errorf("%s: Status %v", name, err)
		}
		if err := c.Attach(t.Context(), r.ID, addition()); err == nil || errors.Is(err, handover.ErrGone) || ingest.IsPermanent(err) {
			t.Errorf("%s: Attach %v", name, err)
		}
		if _, err := c.Create(t.Context(), handovertest.Case("2026-000701")); err == nil || ingest.IsPermanent(err) {
			t.Errorf("%s: Create %v", name, err)
		}
	}
	if _, err := connector(t, reader).Create(t.Context(), handovertest.Case("2026-000702")); err == nil || ingest.IsPermanent(err) {
		t.Errorf("Create by somebody who may only read: %v", err)
	}
	if err := connector(t, reader).Attach(t.Context(), r.ID, addition()); err == nil || ingest.IsPermanent(err) {
		t.Errorf("Attach by somebody who may only read: %v", err)
	}
	admin(t, "PUT", s.URL+"/issues/"+r.ID+".json", map[string]any{"issue": map[string]any{"project_id": redminetest.Private}})
	if _, err := c.Status(t.Context(), r.ID); err == nil || errors.Is(err, handover.ErrGone) || !strings.Contains(err.Error(), "may not see") {
		t.Errorf("an issue that is out of sight: %v", err)
	}
	admin(t, "DELETE", s.URL+"/issues/"+r.ID+".json", nil)
	if _, err := c.Status(t.Context(), r.ID); !errors.Is(err, handover.ErrGone) {
		t.Errorf("an issue that was deleted: %v", err)
	}
	if err := c.Attach(t.Context(), r.ID, addition()); !errors.Is(err, handover.ErrGone) || !ingest.IsPermanent(err) {
		t.Errorf("Attach to an issue that was deleted: %v", err)
	}
}

func testRefused(t *testing.T, s *redminetest.Server) {
	c := connector(t, options(s))
	r, err := c.Create(t.Context(), handovertest.Case("2026-000800"))
	if err != nil {
		t.Fatal(err)
	}
	changed := handovertest.File("a.txt", "text/plain", []byte("a"))
	changed.Open = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("b")), nil }
	small := handovertest.File("petit.txt", "text/plain", []byte("x"))
	for name, test := range map[string]struct {
		a      handover.Addition
		says   string
		detail string // in the detail only
	}{
		"too large": {addition(small, handovertest.File("grand.bin", "", handovertest.Bytes(redminetest.MaxFile+1))), "file 2 of 2, with 524289 bytes, is not taken", "(524288)"},
		"ending":    {addition(handovertest.File("virus.exe", "", []byte("MZ"))), "file 1 of 1", ".exe"},
		"changed":   {addition(changed), "saisine verify", ""},
		"no key":    {handover.Addition{Text: "x"}, "key", ""},
		"long key":  {handover.Addition{Key: strings.Repeat("k", 300), Text: "x"}, "key", ""},
		"two lines": {handover.Addition{Key: "a\nb", Text: "x"}, "key", ""},
	} {
		err := c.Attach(t.Context(), r.ID, test.a)
		if !ingest.IsPermanent(err) || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v", name, err)
		}
		if detail := handover.Detail(err); !strings.Contains(detail, test.detail) || test.detail != "" && err != nil && strings.Contains(err.Error(), test.detail) {
			t.Errorf("%s: %v, detail %q: what was said is for the detail", name, err, detail)
		}
	}
	for _, id := range []string{"", "0", "-1", "1/../2", "1.xml?", "abc", strings.Repeat("9", 30)} {
		if err := c.Attach(t.Context(), id, addition()); !ingest.IsPermanent(err) {
			t.Errorf("Attach to %q: %v", id, err)
		}
		if _, err := c.Status(t.Context(), id); !ingest.IsPermanent(err) {
			t.Errorf("Status of %q: %v", id, err)
		}
	}
	if _, err := c.Create(t.Context(), handovertest.Case("")); !ingest.IsPermanent(err) {
		t.Errorf("Create without a reference: %v", err)
	}
	if seen := look(s, "2026-000800")(t, r); len(seen.Files) > 0 || len(seen.Added) > 0 {
		t.Errorf("something came: %d files, %q", len(seen.Files), seen.Added)
	}
	full := addition(handovertest.File("juste.bin", "", handovertest.Bytes(redminetest.MaxFile)))
	if err := c.Attach(t.Context(), r.ID, full); err != nil {
		t.Errorf("the largest file: %v", err)
	}
	c.inMemory = 0 // the way of very large files
	full.Key = "encore"
	if err := c.Attach(t.Context(), r.ID, full); err != nil {
		t.Errorf("the largest file, sent as it is read: %v", err)
	}
	for _, a := range read(t, s, r).Attachments {
		if !bytes.Equal(admin(t, "GET", a.ContentURL, nil), handovertest.Bytes(redminetest.MaxFile)) {
			t.Errorf("%s arrived changed", a.Filename)
		}
	}
	changed.Open = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("bb")), nil }
	if err := c.Attach(t.Context(), r.ID, addition(changed)); !ingest.IsPermanent(err) || !strings.Contains(err.Error(), "saisine verify") {
		t.Errorf("changed, sent as it is read: %v", err)
	}
	if n := len(read(t, s, r).Attachments); n != 2 {
		t.Errorf("%d files, want 2", n)
	}
}

func testCheck(t *testing.T, s *redminetest.Server) {
	count := func() int {
		return len(strings.Split(string(admin(t, "GET", s.URL+"/issues.json?status_id=*&limit=100", nil)), `"subject"`))
	}
	before := count()
	for name, test := range map[string]struct {
		change func(*Options)
		says   string // "" = all well
	}{
		"well":         {func(o *Options) { o.Tracker, o.CustomField = "assistance", redminetest.CustomField }, ""},
		"admin":        {func(o *Options) { o.Key = redminetest.AdminKey }, ""},
		"field number": {func(o *Options) { o.CustomField = "1" }, ""},
		"chosen field": {func(o *Options) { o.CustomField = redminetest.ChosenField }, ""},
		"key":          {func(o *Options) { o.Key = "faux" }, "does not know the API key"},
		"reader":       {func(o *Options) { o.Key = redminetest.ReaderKey }, "lacks the permission add_issues"},
		"no project":   {func(o *Options) { o.Project = "nulle-part" }, `no project "nulle-part"`},
		"private":      {func(o *Options) { o.Project = redminetest.Private }, "no right to it"},
		"tracker":      {func(o *Options) { o.Tracker = "Trou" }, `it has "Anomalie", "Evolution", "Assistance"`},
		"field":        {func(o *Options) { o.CustomField = "Champ" }, `shows "Dossier saisine", "Référence saisine"; put in its number`},
		"no server":    {func(o *Options) { o.URL = "http://127.0.0.1:1" }, "refused"},
	} {
		o := options(s)
		test.change(&o)
		line, err := connector(t, o).Check(t.Context())
		switch {
		case test.says == "" && (err != nil || line == "" || strings.Contains(line, "but")):
			t.Errorf("%s: %q, %v", name, line, err)
		case test.says != "" && (err == nil || !strings.Contains(err.Error(), test.says)):
			t.Errorf("%s: %q, %v, want %q", name, line, err, test.says)
		}
	}
	if after := count(); after != before {
		t.Errorf("Check made %d issues", after-before)
	}
	db, err := sql.Open("sqlite3", s.Database+"?_busy_timeout=10000")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if _, err := db.Exec(`UPDATE custom_fields SET is_required = 1 WHERE id = 1`); err != nil {
		t.Fatal(err)
	}
	if line, err := connector(t, options(s)).Check(t.Context()); err != nil || !strings.Contains(line, "wants more") || !strings.Contains(line, redminetest.CustomField) {
		t.Errorf("a field that must be filled in: %q, %v", line, err)
	}
	if _, err := connector(t, options(s)).Create(t.Context(), handovertest.Case("2026-000900")); !ingest.IsPermanent(err) || !strings.Contains(handover.Detail(err), redminetest.CustomField) || strings.Contains(err.Error(), redminetest.CustomField) {
		t.Errorf("Create without a field that must be filled in: %v", err)
	}
	if _, err := db.Exec(`UPDATE settings SET value = '0', updated_on = '2099-01-01 00:00:00' WHERE name = 'rest_api_enabled'`); err != nil {
		t.Fatal(err)
	}
	if _, err := connector(t, options(s)).Check(t.Context()); err == nil || !strings.Contains(err.Error(), "REST API is off") {
		t.Errorf("REST off: %v", err)
	}
}

// An issue of long before the hand-over is another town's, or of a try-out.
func testForeign(t *testing.T, s *redminetest.Server) {
	c := connector(t, options(s))
	about := handovertest.Case("2026-008801")
	old, err := c.Create(t.Context(), about)
	if err != nil {
		t.Fatal(err)
	}
	about.Since = time.Now()
	if got, err := c.Create(t.Context(), about); err != nil || got != old {
		t.Errorf("an issue of now: %+v, %v, want %+v", got, err, old)
	}
	about.Since = time.Now().Add(2 * time.Hour)
	if got, err := c.Create(t.Context(), about); err != nil || got == old {
		t.Errorf("an issue of long before was taken: %+v, %v", got, err)
	}
}
