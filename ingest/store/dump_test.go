package store

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/store/postgrestest"
	"saisine.fr/saisine/ingest/store/s3test"
)

// townRows are rows for the tables that the acts of fillTown write nothing into; $s is a
// submission, $q a request.
var townRows = []string{
	`INSERT INTO agents (login, name, role, created_at, password) VALUES ('camille', 'Camille Étienne', 'agent', 5, 'x')`,
	`INSERT INTO api_keys (id, name, hash, scopes, created_at, created_by) VALUES ('k', 'portail', 'h', 'read', 1, 'camille')`,
	`INSERT INTO webhooks_off (name, url, at, why) VALUES ('portail', 'https://x', 1, 'Gone')`,
	`INSERT INTO town_texts (kind, name, content, agent, note, at) VALUES ('letter', 'aee', 'Bonjour', 'camille', '', 1)`,
	`INSERT INTO saved_views (agent, name, query) VALUES ('camille', 'les miennes', '{}')`,
	`INSERT INTO sealed_services (name, since) VALUES ('ccas', 1)`,
	`INSERT INTO sessions (token, data, expiry) VALUES ('t', CAST('\x00ff' AS BLOB), 9)`,
	`INSERT INTO access_log (at, agent, what, detail) VALUES (1, 'camille', 'read', '{}')`,
	`INSERT INTO dealt_with (id, attempt, agent, at) VALUES ('x', 1, 'camille', 1)`,
	`INSERT INTO outbox (id, kind, payload, state, created_at) VALUES ('o', 'webhook', '{}', 'pending', 1)`,
	`INSERT INTO outbox (id, kind, submission_id, payload, state, created_at) VALUES ('copy', 'scan.copy', $s, '{}', 'delivered', 1)`,
	`INSERT INTO tries (outbox_id, at, took, status, said) VALUES ('o', 1, 1, 500, 'non')`,
	`INSERT INTO handovers (id, request_id, connector, created_at) VALUES ('h', $q, 'rt', 1)`,
	`INSERT INTO handed_pieces (handover_id, submission_id, at) VALUES ('h', $s, 1)`,
	`INSERT INTO reminders (request_id, step, at) VALUES ($q, 'x', 1)`,
	`INSERT INTO asked_pieces (request_id, at, until, pieces) VALUES ($q, 1, '2026-01-01', '[]')`,
	`INSERT INTO deadlines (request_id, n, kind, due, day, rule, article, sense, who, done_at) VALUES ($q, 1, 'aee', 1, '', '', '', '', 'town', 0)`,
	`INSERT INTO mails (id, kind, recipient, detail, state, created_at, not_before, content) VALUES ('m', 'reply', 'a@b.fr', '{}', 'sent', 1, 1, CAST('' AS BLOB))`,
	`INSERT INTO journal (seq, at, kind, mail, sha256, detail, hash) VALUES (1, 1, 'mail.x', 'm', '', '', 'h')`,
	`INSERT INTO layouts (submission_id, data) VALUES ($s, CAST('abc' AS BLOB))`,
	`INSERT INTO descent (child_id, parent_id) SELECT id, $s FROM submissions WHERE seq = 2`,
	`INSERT INTO source_aliases (channel, account, source_key, epoch, submission_id) VALUES ('mailbox', 'a', 'k', 'e', $s)`,
	`INSERT INTO suggestions (request_id, other_id, score, why) SELECT a.id, b.id, 0.1, 'é' FROM requests a CROSS JOIN requests b WHERE a.id = $q AND b.id > $q`,
	`INSERT INTO twins (request_id, other_id) SELECT a.id, b.id FROM requests a CROSS JOIN requests b WHERE a.id = $q AND b.id > $q`,
	`INSERT INTO match_docs (doc, summary, keys) SELECT seq, CAST('x' AS BLOB), CAST('y' AS BLOB) FROM submissions WHERE id = $s ON CONFLICT DO NOTHING`,
	`INSERT INTO match_keys (key, doc) SELECT -9223372036854775807, seq FROM submissions WHERE id = $s ON CONFLICT DO NOTHING`,
	`INSERT INTO counters (name, value) VALUES ('x', 7)`,
	`INSERT INTO leases (name, holder, fence, since) VALUES ('mailbox/sve', 'n1', 7, 1)`,
	`INSERT INTO shared_models (name, chosen, content, at) VALUES ('modele', 'x', CAST('model' AS BLOB), 1)`,
	`INSERT INTO eliminations (number, sha256, proposed_at, state) VALUES (1, 'aa', 1, 'proposed')`,
	`INSERT INTO elimination_lines (elimination, line, kind, subject, category, rule, opened_at, closed_at, over_at, pieces, bytes, digest)
		VALUES (1, 1, 'request', '2026-000001', 'eclairage', 'x', 1, 2, 3, 1, 10, 'd')`,
	`INSERT INTO elimination_holds (request_id, because, actor, at) VALUES ($q, 'contentieux', 'camille', 1)`,
}

// fillTown makes a town in which every table has a row: small and large originals, copies, an
// empty original, a request that points to a later one.
func fillTown(t *testing.T, s *Store) {
	t.Helper()
	var ids, references []string
	for i, content := range [][]byte{[]byte("Un nid-de-poule rue des Lilas"), []byte("Demande d’acte de naissance\u2028"), {}, bytesOf(9, ingest.InlineMax+77), bytesOf(10, ingest.InlineMax*3)} {
		sub := spooled(t, s, fmt.Sprintf("INBOX|1|%d", i), content)
		r := record(t, s, sub)
		if err := sub.Original.Close(); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, r.ID)
		if i == 3 {
			continue // still received
		}
		filed := file(t, s, r.ID, ingest.Filing{Reading: ingest.Reading{Kind: "mail", Subject: "Lilas " + fmt.Sprint(i), Text: "Le lampadaire numéro " + fmt.Sprint(i), From: ingest.Person{Name: "Zoé Müller", Email: "zoe@example.fr"}}})
		references = append(references, filed.Request)
	}
	for i, id := range []string{ids[3], ids[4]} {
		b, err := s.Spool().Read(bytes.NewReader(bytesOf(uint64(20+i), 1000+i*ingest.InlineMax)), 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(s.SaveCopy(t.Context(), id, ingest.Copy{Pages: 1, PDFA: true}, b), b.Close()); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.SaveCopy(t.Context(), ids[0], ingest.Copy{Reason: "none"}, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Secret(t.Context(), "follow"); err != nil {
		t.Fatal(err)
	}
	err := s.do(t.Context(), func(ctx context.Context, tx *tx) error {
		var q, last int64
		if err := tx.row(ctx, `SELECT min(id), max(id) FROM requests`).Scan(&q, &last); err != nil {
			return err
		}
		replace := strings.NewReplacer("$s", "'"+ids[0]+"'", "$q", fmt.Sprint(q))
		tables, err := s.engine.tables(ctx, tx)
		if err != nil {
			return err
		}
		for _, row := range townRows {
			// Some are of schemas to come.
			if name := strings.Fields(row)[2]; !slices.ContainsFunc(tables, func(t *DumpTable) bool { return t.Name == name }) {
				continue
			}
			row = replace.Replace(row)
			if strings.HasPrefix(s.engine.String(), "Post") {
				row = strings.ReplaceAll(row, "AS BLOB", "AS BYTEA")
			}
			if err := tx.exec(ctx, row); err != nil {
				return fmt.Errorf("%s: %w", row, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Merge(t.Context(), references[0], references[3], "camille"); err != nil {
		t.Fatal(err)
	}
}

// listing is a sink that remembers what a dump says of itself.
type listing struct {
	header  DumpHeader
	summary DumpSummary
	objects []DumpObject
	end     DumpEnd
	rows    map[string][]string
}

func (l *listing) Begin(h DumpHeader) error {
	l.header, l.rows = h, map[string][]string{}
	return nil
}

func (l *listing) Row(t *DumpTable, r DumpRow) error {
	if r.Content != nil {
		content, err := r.Content()
		if sum, serr := t.InlineSum(r.Line); err != nil || serr != nil || sum != sumOf(content) {
			return fmt.Errorf("content of %s: %w %w", sum, err, serr)
		}
	}
	l.rows[t.Name] = append(l.rows[t.Name], string(r.Line))
	return nil
}

func (l *listing) Tables(s DumpSummary) error   { l.summary = s; return nil }
func (l *listing) Has(DumpObject) (bool, error) { return false, nil }
func (l *listing) End(e DumpEnd) error          { l.end = e; return nil }
func (l *listing) Object(o DumpObject, open ObjectOpener) error {
	r, err := open()
	if err != nil {
		return err
	}
	if _, sum, err := hashOf(r); err != nil || sum != o.SHA256 {
		return fmt.Errorf("%s: %s %w", o.SHA256, sum, err)
	}
	l.objects = append(l.objects, o)
	return nil
}

func dumpOf(t *testing.T, s *Store) *listing {
	t.Helper()
	l := &listing{}
	if _, _, err := s.Dump(t.Context(), DumpHeader{Town: "Saint-Exemple", Version: "test"}, l); err != nil {
		t.Fatal(err)
	}
	return l
}

// sameDump compares two dumps: every table by its hash, every object.
func sameDump(t *testing.T, what string, want, got *listing) {
	t.Helper()
	for i, c := range want.summary.Tables {
		if g := got.summary.Tables[i]; g != c {
			t.Errorf("%s: table %s: %d rows %s, want %d rows %s", what, c.Table, g.Rows, g.SHA256, c.Rows, c.SHA256)
			for j, line := range want.rows[c.Table] {
				if j < len(got.rows[c.Table]) && got.rows[c.Table][j] != line {
					t.Logf("want %s\n got %s", line, got.rows[c.Table][j])
					break
				}
			}
		}
	}
	if !slices.Equal(want.objects, got.objects) {
		t.Errorf("%s: objects %v, want %v", what, got.objects, want.objects)
	}
	for name, n := range want.summary.Sequences {
		if got.summary.Sequences[name] != n {
			t.Errorf("%s: the next number of %s comes after %d, want %d", what, name, got.summary.Sequences[name], n)
		}
	}
}

// moveTo loads a dump of s into another place and opens it.
func moveTo(t *testing.T, s *Store, o Options) *Store {
	t.Helper()
	o.Zone, o.Now = time.UTC, func() time.Time { return day }
	err := Load(t.Context(), o, func(sink DumpSink) error {
		_, _, err := s.Dump(t.Context(), DumpHeader{Town: "Saint-Exemple"}, sink)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), o); !errors.Is(err, ErrRestoring) {
		t.Fatalf("a store whose restore has not ended opens: %v", err)
	}
	o.Unsettled = true
	to := openWith(t, o)
	if err := to.FinishLoad(t.Context()); err != nil {
		t.Fatal(err)
	}
	return to
}

// TestDumpBetweenEngines moves a town from SQLite and files to PostgreSQL and S3 and back: each
// row and object is as it was, the registers go on, and words are found.
func TestDumpBetweenEngines(t *testing.T) {
	first := openWith(t, Options{Dir: t.TempDir(), Zone: time.UTC, Now: func() time.Time { return day }})
	fillTown(t, first)
	want := dumpOf(t, first)
	for _, c := range want.summary.Tables {
		if c.Rows == 0 {
			t.Errorf("the town has no row in %s: put one into townRows", c.Table)
		}
	}
	if len(want.objects) != 4 || len(want.end.Missing) != 0 {
		t.Errorf("objects %v, missing %v", want.objects, want.end.Missing)
	}
	findings := verified(t, first, countFindings(t, first))

	bucket := s3Options(s3test.Start(t), "")
	second := moveTo(t, first, Options{Dir: t.TempDir(), Database: postgrestest.Start(t).Database(t), S3: &bucket})
	sameDump(t, "to PostgreSQL and S3", want, dumpOf(t, second))
	third := moveTo(t, second, Options{Dir: t.TempDir()})
	sameDump(t, "and back", want, dumpOf(t, third))
	for _, s := range []*Store{second, third} {
		if got := verified(t, s, len(findings)); len(got) == len(findings) && !slices.Equal(got, findings) {
			t.Errorf("%s: verify finds %v, and %v at first", s.engine, got, findings)
		}
		if n, err := s.IndexSearch(t.Context()); err != nil || n < 3 {
			t.Errorf("%s: %d rows indexed: %v", s.engine, n, err)
		}
		page, err := s.List(t.Context(), ingest.Viewer{Role: ingest.RoleAdministrator}, ingest.Filter{Words: "lampadaire"})
		if err != nil || page.Total != 3 {
			t.Errorf("%s: %d requests found: %v", s.engine, page.Total, err)
		}
		next := record(t, s, mail("INBOX|1|99", "next"))
		filed := file(t, s, next.ID, ingest.Filing{Reading: ingest.Reading{Kind: "mail", Subject: "x", Text: "y"}})
		if filed.Request != "2026-000005" {
			t.Errorf("%s: the next request is %s", s.engine, filed.Request)
		}
	}
}

// countFindings is how many promises the made-up rows of the town break.
func countFindings(t *testing.T, s *Store) int {
	t.Helper()
	rep, err := s.Verify(t.Context(), func(Finding) {}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return rep.Findings
}

// TestEveryTableIsDumped: a new table is dumped, or is named as one that is derived.
func TestEveryTableIsDumped(t *testing.T) {
	s := open(t, t.TempDir())
	query := `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite~_%' ESCAPE '~'`
	if onPostgres {
		query = `SELECT table_name::text FROM information_schema.tables WHERE table_schema = current_schema()`
	}
	var names []string
	if err := (reading{s.read}).rows(t.Context(), query, nil, func(row rowScanner) error {
		var name string
		err := row.Scan(&name)
		names = append(names, name)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	dump := dumpOf(t, s)
	for _, name := range names {
		isDumped := slices.ContainsFunc(dump.header.Tables, func(d *DumpTable) bool { return d.Name == name })
		isDerived := false
		for d := range derivedTables {
			// A full-text index has tables of its own, which begin with its name.
			isDerived = isDerived || name == d || (d == "search" || d == "requests_senders") && strings.HasPrefix(name, d+"_")
		}
		if isDumped == isDerived {
			t.Errorf("table %s: dumped %v, derived %v", name, isDumped, isDerived)
		}
	}
	if len(dump.header.Tables) < 30 {
		t.Errorf("%d tables", len(dump.header.Tables))
	}
}

// TestLoadRefuses: a store that holds something, a newer schema, a dump that is not whole.
func TestLoadRefuses(t *testing.T) {
	from := open(t, t.TempDir())
	record(t, from, mail("INBOX|1|1", "a"))
	load := func(o Options, change func(DumpSink) DumpSink) error {
		return Load(t.Context(), o, func(sink DumpSink) error {
			_, _, err := from.Dump(t.Context(), DumpHeader{}, change(sink))
			return err
		})
	}
	same := func(s DumpSink) DumpSink { return s }
	dir := t.TempDir()
	full := open(t, dir)
	record(t, full, mail("INBOX|1|1", "b"))
	if err := load(Options{Dir: dir, Database: databaseOf(t, dir)}, same); !errors.Is(err, ErrNotEmpty) {
		t.Errorf("into a store with a submission: %v", err)
	}
	verified(t, full, 0)
	dir = t.TempDir()
	started := open(t, dir) // started, and nothing came in
	if _, err := started.Secret(t.Context(), "follow"); err != nil {
		t.Fatal(err)
	}
	if err := load(Options{Dir: dir, Database: databaseOf(t, dir)}, same); err != nil {
		t.Errorf("into a store that was only started: %v", err)
	}
	for name, c := range map[string]struct {
		change func(DumpSink) DumpSink
		want   error
	}{
		"newer":       {func(s DumpSink) DumpSink { return changedSink{DumpSink: s, schema: 1000} }, ErrSchema},
		"a row less":  {func(s DumpSink) DumpSink { return changedSink{DumpSink: s, drop: "submissions"} }, ErrDump},
		"other rows":  {func(s DumpSink) DumpSink { return changedSink{DumpSink: s, change: "submissions"} }, ErrDump},
		"without end": {func(s DumpSink) DumpSink { return changedSink{DumpSink: s, noEnd: true} }, ErrDump},
	} {
		dir := t.TempDir()
		if err := load(Options{Dir: dir, Database: databaseOf(t, dir)}, c.change); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if errors.Is(c.want, ErrSchema) {
			continue // refused before anything was made
		}
		if _, err := Open(t.Context(), Options{Dir: dir, Database: databaseOf(t, dir)}); !errors.Is(err, ErrRestoring) {
			t.Errorf("%s: the daemon may start on what came of it: %v", name, err)
		}
		// Another try, from the beginning.
		if err := load(Options{Dir: dir, Database: databaseOf(t, dir)}, same); name != "without end" && err != nil {
			t.Errorf("%s, again: %v", name, err)
		} else if name == "without end" && !errors.Is(err, ErrNotEmpty) {
			t.Errorf("%s: another dump over loaded tables: %v", name, err)
		}
	}
}

// changedSink spoils a dump on its way.
type changedSink struct {
	DumpSink
	schema       int64
	drop, change string
	noEnd        bool
}

func (c changedSink) Begin(h DumpHeader) error {
	if c.schema != 0 {
		h.Schema = c.schema
	}
	return c.DumpSink.Begin(h)
}

func (c changedSink) Row(t *DumpTable, r DumpRow) error {
	switch t.Name {
	case c.drop:
		return nil
	case c.change:
		r.Line = bytes.Replace(r.Line, []byte(`"`), []byte(`"x`), 1)
	}
	return c.DumpSink.Row(t, r)
}

func (c changedSink) End(e DumpEnd) error {
	if c.noEnd {
		return nil
	}
	return c.DumpSink.End(e)
}

// TestDumpIsOneMoment: what comes in while a dump is made is not in it, and what is in it fits
// together.
func TestDumpIsOneMoment(t *testing.T) {
	s := open(t, t.TempDir())
	for i := range 20 {
		record(t, s, mail(fmt.Sprintf("INBOX|1|%d", i), fmt.Sprint("mail ", i)))
	}
	l := &midway{act: func() { record(t, s, mail("INBOX|1|late", "late")) }}
	if _, _, err := s.Dump(t.Context(), DumpHeader{}, l); err != nil {
		t.Fatal(err)
	}
	if a, b := len(l.rows["originals"]), len(l.rows["submissions"]); a != 20 || b != 20 {
		t.Errorf("%d originals and %d submissions, want 20 of each", a, b)
	}
}

type midway struct {
	listing
	act  func()
	done bool
}

func (m *midway) Row(t *DumpTable, r DumpRow) error {
	if t.Name == "originals" && !m.done {
		m.done = true
		m.act()
	}
	return m.listing.Row(t, r)
}

// TestDumpWithoutObjects: what cannot be had is named, a copy is made again, and the rest is
// there.
func TestDumpWithoutObjects(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	fillTown(t, s)
	before := dumpOf(t, s)
	for _, o := range before.objects {
		path := filepath.Join(dir, o.Kind, o.SHA256[:2], o.SHA256)
		if o.Kind == originalsDir {
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, b[1:], 0o600); err != nil {
				t.Fatal(err)
			}
		} else if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	into := t.TempDir()
	o := Options{Dir: into, Database: databaseOf(t, into), Zone: time.UTC}
	var end DumpEnd
	err := Load(t.Context(), o, func(sink DumpSink) (err error) {
		_, end, err = s.Dump(t.Context(), DumpHeader{}, sink)
		return err
	})
	if err != nil || len(end.Missing) != len(before.objects) || end.Objects != 0 {
		t.Fatalf("missing %v: %v", end.Missing, err)
	}
	o.Unsettled = true
	to := openWith(t, o)
	var copies int
	if err := to.read.QueryRowContext(t.Context(), `SELECT count(*) FROM copies WHERE sha256 <> ''`).Scan(&copies); err != nil || copies != 0 {
		t.Errorf("%d copies are claimed: %v", copies, err)
	}
	if text, err := json.Marshal(end); err != nil || !bytes.Contains(text, []byte(`"why":`)) {
		t.Errorf("%s %v", text, err)
	}
}
