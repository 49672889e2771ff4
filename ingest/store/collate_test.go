package store

import (
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pressly/goose/v3"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ocr"
)

func scan(key string, at time.Time, h ingest.Hints) ingest.Submission {
	return ingest.Submission{
		Channel: ingest.ChannelScan, Account: "courrier", SourceKey: key, ReceivedAt: at,
		Original: ingest.NewBlob([]byte("scan " + key)), MediaType: ingest.MediaPDF, Hints: h,
	}
}

// letterOf is the submission of pages of a scan.
func letterOf(t *testing.T, s *Store, key string, parents []string, pages ...ingest.PageRef) ingest.Submission {
	t.Helper()
	for i := range pages {
		rec, err := s.Submission(t.Context(), pages[i].Scan)
		if err != nil {
			t.Fatal(err)
		}
		pages[i].SHA256 = rec.SHA256
	}
	raw, err := json.Marshal(ingest.Collation{Pages: pages})
	if err != nil {
		t.Fatal(err)
	}
	return ingest.Submission{
		Channel: ingest.ChannelScan, Account: "courrier", SourceKey: key, ReceivedAt: day,
		Original: ingest.NewBlob(raw), MediaType: ingest.MediaCollation, Hints: ingest.Hints{Parents: parents},
	}
}

// broken changes the database behind the store's back.
func broken(t *testing.T, s *Store, query string, args ...any) {
	t.Helper()
	raw := raw(t, s.opts.Dir, withoutForeignKeys)
	_, err := raw.ExecContext(t.Context(), query, args...)
	if err := errors.Join(err, raw.Close()); err != nil {
		t.Fatal(err)
	}
}

func collate(t *testing.T, s *Store, ended []ingest.Ending, made ...ingest.Submission) []string {
	t.Helper()
	ids, err := s.Collate(t.Context(), ended, made)
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

// notes lists the submissions whose notes wait to be brought up to date.
func notes(t *testing.T, s *Store) []string {
	t.Helper()
	var out []string
	err := s.Deliveries(t.Context(), ingest.OutboxPending, func(o ingest.OutboxItem) error {
		if o.Kind == ingest.OutboxScanNote {
			out = append(out, o.Submission)
		}
		return s.Delivered(t.Context(), o.ID)
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func TestCollate(t *testing.T) {
	s := open(t, t.TempDir())
	ctx := t.Context()
	fronts := record(t, s, scan("a", day, ingest.Hints{TwoSided: true})).ID
	backs := record(t, s, scan("b", day.Add(time.Minute), ingest.Hints{TwoSided: true})).ID
	joined := letterOf(t, s, "joined", []string{fronts, backs}, ingest.PageRef{Scan: fronts, Page: 1}, ingest.PageRef{Scan: backs, Page: 1})
	ends := []ingest.Ending{{ID: fronts, Reason: "joined: recto"}, {ID: backs, Reason: "joined: verso"}}
	ids := collate(t, s, ends, joined)
	if len(ids) != 1 {
		t.Fatalf("made %v", ids)
	}
	if again := collate(t, s, ends, joined); again != nil {
		t.Errorf("a second worker made %v of the same scans", again)
	}
	for _, id := range []string{fronts, backs} {
		if rec, err := s.Submission(ctx, id); err != nil || rec.State != ingest.StateSetAside || rec.Reading == nil {
			t.Errorf("%s: %+v, %v", id, rec, err)
		}
	}
	if got := notes(t, s); !reflect.DeepEqual(got, sorted(fronts, backs)) {
		t.Errorf("notes of %v", got)
	}
	one := letterOf(t, s, "letter 1", ids, ingest.PageRef{Scan: fronts, Page: 1})
	two := letterOf(t, s, "letter 2", ids, ingest.PageRef{Scan: backs, Page: 1})
	two.Channel = ingest.ChannelCounter
	pile := ingest.Reading{Total: 3, Pages: []ingest.Page{{Number: 2, Separator: ingest.PatchT}}}
	letters := collate(t, s, []ingest.Ending{{ID: ids[0], Reading: pile, Reason: "split: 2"}}, one, two)
	notes(t, s)
	made, err := s.Made(ctx, fronts)
	if err != nil || len(made) != 2 || made[0].ID != letters[0] || made[1].ID != letters[1] {
		t.Errorf("made of the fronts: %+v, %v", made, err)
	}
	filed := file(t, s, letters[1], ingest.Filing{Reading: ingest.Reading{Kind: "pdf"}})
	if got := notes(t, s); !reflect.DeepEqual(got, sorted(fronts, backs)) || filed.Request == "" {
		t.Errorf("a letter was filed, and the notes beside its scans do not say so: %v", got)
	}
	if waiting, err := s.Waiting(ctx, 0, 10); err != nil || len(waiting) != 1 || waiting[0].ID != letters[0] {
		t.Errorf("waiting: %+v, %v", waiting, err)
	}
	verified(t, s, 0)

	// Broken promises.
	broken(t, s, `DELETE FROM descent WHERE child_id = $1`, letters[1])
	if found := verified(t, s, 1); found[0].Code != FindingNothingMade || found[0].Subject != ids[0] {
		t.Errorf("found %v", found)
	}
	broken(t, s, `UPDATE submissions SET sha256 = (SELECT sha256 FROM submissions WHERE id = $1), size = (SELECT size FROM submissions WHERE id = $1) WHERE id = $2`, backs, fronts)
	codes := map[string]int{}
	for _, f := range verified(t, s, 3) {
		codes[f.Code]++
	}
	if codes[FindingCollation] != 2 {
		t.Errorf("found %v", codes)
	}
}

func sorted(s ...string) []string {
	slices.Sort(s)
	return s
}

func TestCollateIsWhole(t *testing.T) {
	s := open(t, t.TempDir())
	id := record(t, s, scan("a", day, ingest.Hints{})).ID
	good := letterOf(t, s, "1", []string{id}, ingest.PageRef{Scan: id, Page: 1})
	bad := letterOf(t, s, "2", []string{"nobody"}, ingest.PageRef{Scan: id, Page: 2})
	if _, err := s.Collate(t.Context(), []ingest.Ending{{ID: id, Reason: "split: 2"}}, []ingest.Submission{good, bad}); err == nil {
		t.Fatal("a letter of a scan that is not in the ledger was added")
	}
	rec, err := s.Submission(t.Context(), id)
	if err != nil || rec.State != ingest.StateReceived {
		t.Errorf("the scan ended without its letters: %+v, %v", rec, err)
	}
	if made, err := s.Made(t.Context(), id); err != nil || len(made) != 0 {
		t.Errorf("half of the letters were added: %+v, %v", made, err)
	}
}

func TestSides(t *testing.T) {
	s := open(t, t.TempDir())
	two := ingest.Hints{TwoSided: true}
	// Taken in the order of their names, but the fronts were scanned first.
	backs := record(t, s, scan("a-backs", day.Add(time.Minute), two))
	fronts := record(t, s, scan("b-fronts", day, two))
	record(t, s, scan("c", day, ingest.Hints{}))
	record(t, s, scan("d", day, ingest.Hints{TwoSided: true, Service: "voirie"}))
	other := scan("e", day, two)
	other.Account = "annexe"
	record(t, s, other)
	ended := record(t, s, scan("f", day, two))
	if err := s.SetAside(t.Context(), ended.ID, ingest.Reading{}, ingest.ReasonJoined+": x"); err != nil {
		t.Fatal(err)
	}
	failed := record(t, s, scan("g", day.Add(2*time.Minute), two))
	if err := s.Fail(t.Context(), failed.ID, "x"); err != nil {
		t.Fatal(err)
	}
	record(t, s, scan("h", day.Add(-25*time.Hour), two))
	rec, err := s.Submission(t.Context(), backs.ID)
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.Sides(t.Context(), rec)
	if err != nil || len(got) != 3 || got[0].ID != fronts.ID || got[1].ID != backs.ID || got[2].ID != failed.ID {
		t.Errorf("sides: %+v, %v", got, err)
	}
}

func TestLayoutsAndCopies(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	ctx := t.Context()
	id := record(t, s, scan("a", day, ingest.Hints{})).ID
	layout := &ocr.Layout{Width: 1654, Height: 2339, DPI: 200, Skew: -0.5, Words: []ocr.Word{{Text: "été", Confidence: 0.9, X: 1, Y: 2, W: 3, H: 4, Line: 5}}}
	reading := ingest.Reading{Kind: "pdf", Total: 3, Pages: []ingest.Page{{Number: 1, Source: "blank"}, {Number: 3, Source: "ocr", Layout: layout}}}
	if got, err := s.Layouts(ctx, id); err != nil || got != nil {
		t.Errorf("layouts before it was read: %v, %v", got, err)
	}
	file(t, s, id, ingest.Filing{Reading: reading})
	if got, err := s.Layouts(ctx, id); err != nil || !reflect.DeepEqual(got, map[int]*ocr.Layout{3: layout}) {
		t.Errorf("layouts %+v, %v", got, err)
	}
	rec, err := s.Submission(ctx, id)
	if err != nil || rec.Reading.Total != 3 || rec.Reading.Pages[1].Layout != nil {
		t.Errorf("row: %+v, %v", rec.Reading, err)
	}
	var kinds []string
	if err := s.Deliveries(ctx, ingest.OutboxPending, func(o ingest.OutboxItem) error { kinds = append(kinds, o.Kind); return nil }); err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(kinds, ingest.OutboxScanCopy) || len(kinds) != 2 {
		t.Errorf("outbox: %v", kinds)
	}
	if _, err := s.Copy(ctx, id); !errors.Is(err, ingest.ErrNotFound) {
		t.Errorf("a copy before one was made: %v", err)
	}
	for _, content := range []string{"%PDF first", "%PDF second"} {
		made := filepath.Join(s.Spool().Dir, "made.pdf")
		if err := os.WriteFile(made, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		b, err := ingest.TakeOver(made)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.SaveCopy(ctx, id, ingest.Copy{Pages: 3, PDFA: true}, b); err != nil {
			t.Fatal(err)
		}
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
	}
	c, err := s.Copy(ctx, id)
	if err != nil || c.Pages != 3 || !c.PDFA || c.Size != 11 || c.Reason != "" {
		t.Errorf("copy %+v, %v", c, err)
	}
	f, err := s.OpenCopy(t.Context(), c.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(f)
	if err := errors.Join(err, f.Close()); err != nil || string(got) != "%PDF second" {
		t.Errorf("copy holds %q, %v", got, err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "copies", "*", "*")); err != nil || len(left) != 1 {
		t.Errorf("a copy that was replaced is kept: %v, %v", left, err)
	}
	orphan := filepath.Join(dir, "copies", "ab", strings.Repeat("ab", 32))
	if err := errors.Join(os.MkdirAll(filepath.Dir(orphan), 0o700), os.WriteFile(orphan, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	for _, age := range []time.Duration{0, 2 * spoolAge} {
		old := time.Now().Add(-age)
		if err := errors.Join(os.Chtimes(orphan, old, old), os.Chtimes(filepath.Join(dir, "copies", c.SHA256[:2], c.SHA256), old, old), s.ClearCopies(ctx)); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(orphan); (err == nil) != (age == 0) {
			t.Errorf("a copy without a row, %s old: %v", age, err)
		}
	}
	verified(t, s, 0)
	if err := os.WriteFile(filepath.Join(dir, "copies", c.SHA256[:2], c.SHA256), []byte("%PDF damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	if found := verified(t, s, 1); found[0].Code != FindingCopy || found[0].Subject != id {
		t.Errorf("found %v", found)
	}
	if err := s.SaveCopy(ctx, id, ingest.Copy{Reason: "PDF protégé"}, nil); err != nil {
		t.Fatal(err)
	}
	if c, err := s.Copy(ctx, id); err != nil || c.SHA256 != "" || c.Reason != "PDF protégé" {
		t.Errorf("no copy: %+v, %v", c, err)
	}
	verified(t, s, 0)
}

// TestMigrates takes stores of all earlier schemas over, with what is in them.
func TestMigrates(t *testing.T) {
	onlySQLite(t)
	sub, err := fs.Sub(migrations, "migrations/sqlite")
	if err != nil {
		t.Fatal(err)
	}
	for version := int64(1); version < 4; version++ {
		t.Run(strconv.FormatInt(version, 10), func(t *testing.T) {
			dir := t.TempDir()
			db, err := sql.Open("sqlite3", dsn(filepath.Join(dir, "saisine.db"), "_synchronous=FULL&_journal_mode=WAL"))
			if err != nil {
				t.Fatal(err)
			}
			p, err := goose.NewProvider(goose.DialectSQLite3, db, sub)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := p.UpTo(t.Context(), version); err != nil {
				t.Fatal(err)
			}
			sum := sha256.Sum256([]byte("old"))
			hash := hex.EncodeToString(sum[:])
			for _, q := range []string{
				`INSERT INTO originals (sha256, size, content) VALUES ('` + hash + `', 3, CAST('old' AS BLOB))`,
				`INSERT INTO submissions (id, channel, account, source_key, epoch, received_at, recorded_at, sha256, size, media_type, hints, state)
					VALUES ('old', 'scan', 'a', 'k', '', 1, 1, '` + hash + `', 3, 'image/png', '{}', 'received')`,
				`INSERT INTO requests (id, reference, status, category, service, confidence, needs_review, reasons, subject, body, sender_name, sender_email, sender_phone, sender_address, place, opened_at)
					VALUES (7, '2026-000007', 'new', 'voirie', 'Voirie', 0.9, 0, '[]', 'Lampadaire', 'éteint', 'Alice', 'alice@example.fr', '', '', '', 1)`,
				`INSERT INTO submissions (id, channel, account, source_key, epoch, received_at, recorded_at, sha256, size, media_type, hints, state, request_id, link)
					VALUES ('filed', 'mailbox', 'a', 'f', '', 1772439240000000, 1772439240000000, '` + hash + `', 3, 'message/rfc822', '{}', 'filed', 7, 'opens')`,
				`INSERT INTO readings (submission_id, kind, subject, body, sender_name, sender_email, sender_phone, sender_address, message_id, text_key, detail)
					VALUES ('filed', 'mail', 'Lampadaire', 'éteint', 'Alice', 'alice@example.fr', '', '', 'm@example.fr', '', '{}')`,
				`INSERT INTO outbox (id, kind, submission_id, request_id, payload, state, created_at) VALUES ('note', 'scan.note', 'old', NULL, '{}', 'pending', 1)`,
			} {
				if _, err := db.ExecContext(t.Context(), q); err != nil {
					t.Fatal(err)
				}
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			if _, err := Open(t.Context(), Options{Dir: dir, Database: databaseOf(t, dir), NoMigration: true}); !errors.Is(err, ErrSchema) {
				t.Errorf("a command beside an older daemon: %v", err)
			}
			h := openHouse(t, dir)
			s := h.s
			if rec, err := s.Submission(t.Context(), "old"); err != nil || rec.State != ingest.StateReceived {
				t.Errorf("row after the migration: %+v, %v", rec, err)
			}
			// What an older version filed had no receipt, and gets deadlines.
			if got := h.pending(); !slices.Equal(got, []string{"note"}) {
				t.Errorf("to be delivered: %v", got)
			}
			if n, err := s.ReplanAll(t.Context()); err != nil || n != 1 {
				t.Errorf("planned anew: %d, %v", n, err)
			}
			if q := request(t, s, "2026-000007"); q.Subject != "Lampadaire" || len(q.Deadlines) != 3 || len(q.Mails) != 0 || !q.AnsweredAt.IsZero() {
				t.Errorf("request after the migration: %+v", q)
			}
			h.ok(s.Categorize(t.Context(), "2026-000007", "voirie", "Voirie", marie))
			if m := request(t, s, "2026-000007").Mails; len(m) != 2 || m[1].Kind != ingest.MailARE || m[1].To != "alice@example.fr" {
				t.Errorf("confirmed after the migration: %+v", m)
			}
			file(t, s, "old", ingest.Filing{
				Reading: ingest.Reading{Pages: []ingest.Page{{Number: 1, Layout: &ocr.Layout{Width: 1}}}},
				Profile: ingest.Profile{Facts: []int64{1}, Summary: []byte("{}")},
			})
			verified(t, s, 0)
		})
	}
}
