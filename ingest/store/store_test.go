package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"saisine.fr/saisine/ingest"
)

var day = time.Date(2026, 3, 2, 8, 14, 0, 0, time.UTC)

func open(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(t.Context(), Options{Dir: dir, Database: databaseOf(t, dir), Zone: time.UTC, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func mail(key, content string) ingest.Submission {
	return ingest.Submission{
		Channel: ingest.ChannelMailbox, Account: "sve", SourceKey: key, Epoch: "INBOX|1", ReceivedAt: day,
		Original: ingest.NewBlob([]byte(content)), MediaType: ingest.MediaMail,
	}
}

func record(t *testing.T, s *Store, sub ingest.Submission) ingest.Receipt {
	t.Helper()
	r, err := s.Record(t.Context(), sub)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// opens is a Match that always opens a request.
func opens(context.Context, ingest.Candidates) (ingest.Match, error) {
	return ingest.Match{Link: ingest.LinkOpens}, nil
}

func file(t *testing.T, s *Store, id string, f ingest.Filing) ingest.Filed {
	t.Helper()
	if f.Match == nil {
		f.Match = opens
	}
	got, err := s.File(t.Context(), id, f)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func verified(t *testing.T, s *Store, want int) []Finding {
	t.Helper()
	var found []Finding
	if _, err := s.Verify(t.Context(), func(f Finding) { found = append(found, f) }, nil); err != nil {
		t.Fatal(err)
	}
	if len(found) != want {
		t.Errorf("verify found %d broken promises, want %d: %v", len(found), want, found)
	}
	return found
}

func TestRecordAndReplay(t *testing.T) {
	s := open(t, t.TempDir())
	first := record(t, s, mail("INBOX|1|7", "mail seven"))
	if first.Replayed || first.State != ingest.StateReceived {
		t.Fatalf("first: %+v", first)
	}
	again := record(t, s, mail("INBOX|1|7", "mail seven"))
	if !again.Replayed || again.ID != first.ID {
		t.Errorf("the same source key made a second row: %+v", again)
	}
	if other := record(t, s, mail("INBOX|1|8", "mail seven")); other.Replayed {
		t.Error("two mails with the same bytes are two submissions")
	}
	rec, err := s.Submission(t.Context(), first.ID)
	if err != nil {
		t.Fatal(err)
	}
	if rec.SHA256 != ingest.NewBlob([]byte("mail seven")).SHA256() || !rec.ReceivedAt.Equal(day) || rec.Size != 10 {
		t.Errorf("ledger row: %+v", rec)
	}
	verified(t, s, 0)
}

// A mailbox that was rebuilt shows every mail under a new UIDVALIDITY: nothing may be
// filed twice, and two mails with the same bytes must still be two.
func TestRenumberedSource(t *testing.T) {
	s := open(t, t.TempDir())
	a := record(t, s, mail("INBOX|1|7", "twin"))
	b := record(t, s, mail("INBOX|1|8", "twin"))
	renumbered := func(key string) ingest.Receipt {
		m := mail(key, "twin")
		m.Epoch = "INBOX|2"
		return record(t, s, m)
	}
	r1, r2 := renumbered("INBOX|2|1"), renumbered("INBOX|2|2")
	if !r1.Replayed || !r2.Replayed || r1.ID != a.ID || r2.ID != b.ID {
		t.Errorf("renumbered twins: %+v %+v", r1, r2)
	}
	if r := renumbered("INBOX|2|1"); !r.Replayed || r.ID != a.ID {
		t.Errorf("the alias was not remembered: %+v", r)
	}
	if r := renumbered("INBOX|2|3"); r.Replayed {
		t.Errorf("a third twin is a mail of its own: %+v", r)
	}
	fresh := mail("INBOX|2|4", "new mail")
	fresh.Epoch = "INBOX|2"
	if r := record(t, s, fresh); r.Replayed {
		t.Error("a new mail after the renumbering is new")
	}
}

func TestLargeOriginalBecomesFile(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	content := bytes.Repeat([]byte("pièce jointe "), 50_000)
	blob, err := s.Spool().Read(bytes.NewReader(content), 0)
	if err != nil {
		t.Fatal(err)
	}
	if blob.Path() == "" {
		t.Fatal("not spooled to a file")
	}
	sub := mail("INBOX|1|1", "")
	sub.Original = blob
	r := record(t, s, sub)
	if err := blob.Close(); err != nil {
		t.Fatal(err)
	}
	rec, err := s.Submission(t.Context(), r.ID)
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.Original(t.Context(), rec)
	if err != nil {
		t.Fatal(err)
	}
	if size, sum, err := hashOriginal(got); err != nil || size != int64(len(content)) || sum != rec.SHA256 {
		t.Errorf("original: %d bytes, %s, %v", size, sum, err)
	}
	verified(t, s, 0)

	// verify must see a changed and a missing original.
	path := s.files.(*fileStore).path(rec.SHA256)
	if err := os.WriteFile(path, []byte("falsified"), 0o600); err != nil {
		t.Fatal(err)
	}
	if f := verified(t, s, 1); len(f) == 1 && f[0].Code != FindingOriginalChanged {
		t.Errorf("finding: %+v", f[0])
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if f := verified(t, s, 1); len(f) == 1 && f[0].Code != FindingOriginalMissing {
		t.Errorf("finding: %+v", f[0])
	}
}

func TestVerifySeesBrokenRows(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	a := record(t, s, mail("1", "a"))
	file(t, s, a.ID, ingest.Filing{Reading: ingest.Reading{Kind: "mail"}})
	raw := raw(t, dir, "")
	defer raw.Close()
	if _, err := raw.ExecContext(t.Context(), `UPDATE submissions SET link = 'duplicate'`); err != nil {
		t.Fatal(err)
	}
	if f := verified(t, s, 1); len(f) == 1 && f[0].Code != FindingNoOpening {
		t.Errorf("finding: %+v", f[0])
	}
	if _, err := raw.ExecContext(t.Context(), `DELETE FROM readings`); err != nil {
		t.Fatal(err)
	}
	verified(t, s, 2)
}

func TestFilingIsIdempotentAndNumbered(t *testing.T) {
	s := open(t, t.TempDir())
	a := record(t, s, mail("1", "a"))
	b := record(t, s, mail("2", "b"))
	f := ingest.Filing{
		Reading:        ingest.Reading{Kind: "mail", Subject: "Lampadaire", Text: "éteint", From: ingest.Person{Name: "Ana", Email: "a@b.fr"}},
		Classification: ingest.Classification{Category: "eclairage-public", Confidence: 0.9, Reasons: []string{"mot « lampadaire »"}},
	}
	got := file(t, s, a.ID, f)
	if got.Request != "2026-000001" || got.Link != ingest.LinkOpens {
		t.Errorf("filed: %+v", got)
	}
	if again := file(t, s, a.ID, f); again != got {
		t.Errorf("filed twice: %+v", again)
	}
	dup := f
	dup.Match = func(ctx context.Context, c ingest.Candidates) (ingest.Match, error) {
		return ingest.Match{Link: ingest.LinkDuplicate, Request: "2026-000001", Reasons: []string{"test"}}, nil
	}
	if got := file(t, s, b.ID, dup); got.Request != "2026-000001" || got.Link != ingest.LinkDuplicate {
		t.Errorf("duplicate: %+v", got)
	}
	q, err := s.Request(t.Context(), "2026-000001")
	if err != nil {
		t.Fatal(err)
	}
	if len(q.Submissions) != 2 || q.Sender.Email != "a@b.fr" || q.Category != "eclairage-public" || q.Status != ingest.StatusNew {
		t.Errorf("request: %+v", q)
	}
	if _, err := s.Request(t.Context(), "2026-000009"); !errors.Is(err, ingest.ErrNotFound) {
		t.Errorf("unknown request: %v", err)
	}
	verified(t, s, 0)
}

// Two equal letters that arrive at the same instant are one request, whoever comes
// first: the second one's Match must see what the first one filed.
func TestConcurrentTwinsAreOneRequest(t *testing.T) {
	s := open(t, t.TempDir())
	const n = 40
	ids := make([]string, n)
	for i := range ids {
		ids[i] = record(t, s, mail(strconv.Itoa(i), "the same")).ID
	}
	var wg sync.WaitGroup
	for _, id := range ids {
		wg.Go(func() {
			_, err := s.File(t.Context(), id, ingest.Filing{
				Reading: ingest.Reading{Kind: "mail"}, Profile: ingest.Profile{TextKey: "k", Summary: []byte("{}")},
				Match: func(ctx context.Context, c ingest.Candidates) (ingest.Match, error) {
					found, err := c.Alike(ctx, ingest.Profile{TextKey: "k"})
					if err != nil || len(found) == 0 {
						return ingest.Match{Link: ingest.LinkOpens}, err
					}
					return ingest.Match{Link: ingest.LinkDuplicate, Request: found[0].Request}, nil
				},
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	requests := 0
	if err := s.Requests(t.Context(), func(q ingest.Request) error {
		requests++
		if len(q.Submissions) != n {
			t.Errorf("request has %d submissions", len(q.Submissions))
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if requests != 1 {
		t.Errorf("%d requests", requests)
	}
	verified(t, s, 0)
}

// One bad write in a group must not touch its neighbours.
func TestGroupCommitIsolatesFaults(t *testing.T) {
	s := open(t, t.TempDir())
	boom := errors.New("boom")
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			if i%10 == 0 {
				err := s.writer.do(t.Context(), true, func(ctx context.Context, tx *tx) error {
					if err := tx.exec(ctx, `INSERT INTO settings (name, value) VALUES ($1, 'bad')`, fmt.Sprintf("bad/%d", i)); err != nil {
						return err
					}
					return boom
				})
				if !errors.Is(err, boom) {
					t.Errorf("bad write: %v", err)
				}
				return
			}
			if _, err := s.Record(t.Context(), mail(strconv.Itoa(i), strconv.Itoa(i))); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	counts, err := s.Counts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var bad int
	if err := s.read.QueryRowContext(t.Context(), `SELECT count(*) FROM settings WHERE value = 'bad'`).Scan(&bad); err != nil {
		t.Fatal(err)
	}
	if counts[ingest.StateReceived] != 180 || bad != 0 {
		t.Errorf("%d good rows, %d bad ones", counts[ingest.StateReceived], bad)
	}
}

func TestEndsAndRetry(t *testing.T) {
	s := open(t, t.TempDir())
	a := record(t, s, mail("1", "a"))
	ctx := t.Context()
	if err := s.Fail(ctx, a.ID, "OCR impossible"); err != nil {
		t.Fatal(err)
	}
	if err := s.SetAside(ctx, a.ID, ingest.Reading{}, "too late"); err != nil {
		t.Fatal(err)
	}
	state := func(id string) ingest.Record {
		t.Helper()
		rec, err := s.Submission(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		return rec
	}
	if rec := state(a.ID); rec.State != ingest.StateFailed || rec.Reason != "OCR impossible" {
		t.Errorf("after fail: %+v", rec)
	}
	taken, err := s.RetryAny(ctx, a.ID, "test")
	if err != nil || !taken {
		t.Fatal(taken, err)
	}
	if rec := state(a.ID); rec.State != ingest.StateReceived || rec.Attempt != 1 || rec.Reason != "" {
		t.Errorf("after retry: %+v", rec)
	}
	if w, err := s.Waiting(ctx, 0, 10); err != nil || len(w) != 1 || w[0].Attempt != 1 {
		t.Errorf("waiting: %v %v", w, err)
	}
	file(t, s, a.ID, ingest.Filing{})
	if taken, err := s.RetryAny(ctx, a.ID, "test"); err != nil || taken {
		t.Errorf("a filed submission was taken up again: %v %v", taken, err)
	}
	if _, err := s.RetryAny(ctx, "nobody", "test"); !errors.Is(err, ingest.ErrNotFound) {
		t.Errorf("unknown id: %v", err)
	}
	if err := s.Fail(ctx, "nobody", "x"); !errors.Is(err, ingest.ErrNotFound) {
		t.Errorf("unknown id: %v", err)
	}
	// Settled at intake.
	m := mail("2", "b")
	m.Settled, m.Reason = ingest.StateSetAside, "spam: champ piège rempli"
	if r := record(t, s, m); r.State != ingest.StateSetAside {
		t.Errorf("settled: %+v", r)
	}
	verified(t, s, 0)
}

func TestOutboxOfScans(t *testing.T) {
	var mu sync.Mutex
	var told []string
	s, err := Open(t.Context(), Options{Dir: t.TempDir(), Database: newDatabase(t), Log: slog.New(slog.DiscardHandler), OnOutbox: func(n ingest.OutboxNotice) {
		mu.Lock()
		defer mu.Unlock()
		told = append(told, n.ID)
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx := t.Context()
	scan := mail("1", "a")
	scan.Channel = ingest.ChannelScan
	r := record(t, s, scan)
	file(t, s, r.ID, ingest.Filing{})
	if len(told) != 1 {
		t.Fatalf("told of %v", told)
	}
	o, err := s.Outbox(ctx, told[0])
	if err != nil || o.Kind != ingest.OutboxScanNote || o.Submission != r.ID || o.Request == "" || o.State != ingest.OutboxPending {
		t.Errorf("outbox row %+v, %v", o, err)
	}
	if err := s.FailDelivery(ctx, o.ID, "dossier absent"); err != nil {
		t.Fatal(err)
	}
	if taken, err := s.RetryAny(ctx, o.ID, "test"); err != nil || !taken {
		t.Fatal(taken, err)
	}
	if p, err := s.PendingOutbox(ctx, 0, 10); err != nil || len(p) != 1 || p[0].Attempt != 1 {
		t.Errorf("pending: %v %v", p, err)
	}
	if err := s.Delivered(ctx, o.ID); err != nil {
		t.Fatal(err)
	}
	if p, err := s.PendingOutbox(ctx, 0, 10); err != nil || len(p) != 0 {
		t.Errorf("pending after delivery: %v %v", p, err)
	}
}

func TestRefusesUnsafeDatabase(t *testing.T) {
	onlySQLite(t)
	if err := checkDurability("wal", 1); !errors.Is(err, ErrUnsafe) {
		t.Errorf("synchronous=NORMAL accepted: %v", err)
	}
	if err := checkDurability("delete", 2); !errors.Is(err, ErrUnsafe) {
		t.Errorf("journal_mode=DELETE accepted: %v", err)
	}
	if err := checkDurability("WAL", 2); err != nil {
		t.Error(err)
	}
	s := open(t, t.TempDir())
	var sync int
	if err := s.write.Close(); err != nil { // the pool: the writer's own connection stays
		t.Fatal(err)
	}
	if err := s.writer.do(t.Context(), true, func(ctx context.Context, tx *tx) error {
		return tx.row(ctx, "PRAGMA synchronous").Scan(&sync)
	}); err != nil || sync != synchronousFull {
		t.Errorf("the writing connection has synchronous=%d (%v)", sync, err)
	}
}

func TestSecretIsStable(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	a, err := s.Secret(t.Context(), "form")
	if err != nil {
		t.Fatal(err)
	}
	b, err := s.Secret(t.Context(), "form")
	if err != nil || !bytes.Equal(a, b) || len(a) != 32 {
		t.Errorf("%x %x %v", a, b, err)
	}
	if c, err := s.Secret(t.Context(), "follow"); err != nil || bytes.Equal(a, c) {
		t.Errorf("two names share a key: %v", err)
	}
}

func TestClosedStoreIsUnavailable(t *testing.T) {
	s, err := Open(t.Context(), Options{Dir: t.TempDir(), Database: newDatabase(t), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Record(t.Context(), mail("1", "a")); !errors.Is(err, ingest.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
}

func TestDataFolderWithOddName(t *testing.T) {
	onlySQLite(t)
	dir := filepath.Join(t.TempDir(), "données 100% ?#é")
	s := open(t, dir)
	record(t, s, mail("1", "a"))
	if _, err := os.Stat(filepath.Join(dir, "saisine.db")); err != nil {
		t.Error(err)
	}
}

// SQLite numbers $n by first appearance, PostgreSQL by n: they agree only when the
// first appearances are in order.
func TestQueriesNumberParametersInOrder(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	literal, param := regexp.MustCompile("(?s)`[^`]*`"), regexp.MustCompile(`\$(\d+)`)
	seen := 0
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range literal.FindAllString(string(src), -1) {
			next := 1
			for _, m := range param.FindAllStringSubmatch(q, -1) {
				seen++
				n, err := strconv.Atoi(m[1])
				if err != nil || n > next {
					t.Errorf("%s: $%d appears before $%d in %s", name, n, next, q)
					break
				}
				next = max(next, n+1)
			}
		}
	}
	if seen == 0 {
		t.Error("found no parameters: the pattern is out of step with the code")
	}
}

func TestCandidatesUseIndexes(t *testing.T) {
	onlySQLite(t)
	s := open(t, t.TempDir())
	queries := []string{alikeMany + candidateOrder, lookupMany[sqlite{}], suggestedQuery, suggestionsQuery, othersQuery}
	for _, where := range []string{whereHash, whereMessageID, whereTextKey, whereID, whereRequest} {
		queries = append(queries, candidateQuery+where+candidateOrder)
	}
	parameter := regexp.MustCompile(`\$\d+`)
	for _, query := range queries {
		plan := ""
		err := each(func(row rowScanner) error {
			var id, parent, unused int
			var step string
			err := row.Scan(&id, &parent, &unused, &step)
			plan += step + "\n"
			return err
		}, func() (*sql.Rows, error) {
			names := parameter.FindAllString(query, -1)
			slices.Sort(names)
			args := slices.Repeat([]any{"1"}, len(slices.Compact(names)))
			return s.read.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+query, args...)
		})
		if err != nil {
			t.Fatal(err)
		}
		for step := range strings.Lines(plan) {
			// Parts of the query itself may be gone through, tables may not; those that wait are
			// few, and have an index of their own.
			if strings.HasPrefix(step, "SCAN") && !strings.Contains(step, "submissions_waiting") && !regexp.MustCompile(`^SCAN (k\d+|later|forth|back|both_ways|newest|one|\(subquery)`).MatchString(step) {
				t.Errorf("%s reads a whole table:\n%s", query, plan)
			}
		}
	}
}

// While much comes in, taking it in goes first; what can wait still gets its turn.
func TestFilingIsNotStarved(t *testing.T) {
	s := open(t, t.TempDir())
	stop := make(chan struct{})
	var crowd sync.WaitGroup
	var taken atomic.Int64
	for c := range 8 {
		crowd.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := s.Record(t.Context(), mail(fmt.Sprintf("%d/%d", c, i), fmt.Sprintf("%d/%d", c, i))); err != nil {
					t.Error(err)
					return
				}
				taken.Add(1)
			}
		})
	}
	for range 3 {
		before, begun := taken.Load(), time.Now()
		if err := s.do(t.Context(), func(context.Context, *tx) error { return nil }); err != nil {
			t.Error(err)
		}
		if took := time.Since(begun); took > 10*laterTurn {
			t.Errorf("a write that can wait waited %s", took)
		}
		t.Logf("%d pieces were taken in during %s", taken.Load()-before, time.Since(begun))
	}
	close(stop)
	crowd.Wait()
}

// A program older than the database must not touch it, and a command beside the daemon
// must not change the schema under it.
func TestSchemaVersions(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	if err := s.writer.do(t.Context(), true, func(ctx context.Context, tx *tx) error {
		return tx.exec(ctx, `INSERT INTO goose_db_version (version_id, is_applied) SELECT 999, is_applied FROM goose_db_version LIMIT 1`)
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), Options{Dir: dir, Database: databaseOf(t, dir)}); !errors.Is(err, ErrSchema) {
		t.Errorf("a newer database was opened: %v", err)
	}
	if onPostgres {
		return
	}
	if st, err := os.Stat(filepath.Join(dir, "saisine.db-wal")); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("the log can be read by others: %v %v", st.Mode(), err)
	}
}

func TestPartialIsNotRetried(t *testing.T) {
	s := open(t, t.TempDir())
	m := mail("1", "header only")
	m.Settled, m.Reason, m.Hints.Partial = ingest.StateFailed, "trop volumineux", true
	r := record(t, s, m)
	if taken, err := s.RetryAny(t.Context(), r.ID, "test"); !errors.Is(err, ErrPartial) || taken {
		t.Errorf("%v %v", taken, err)
	}
	if err := s.Retry(t.Context(), r.ID); err != nil {
		t.Fatal(err)
	}
	if rec, err := s.Submission(t.Context(), r.ID); err != nil || rec.State != ingest.StateFailed {
		t.Errorf("%+v %v", rec, err)
	}
}

func TestClearSpool(t *testing.T) {
	s := open(t, t.TempDir())
	for name, age := range map[string]time.Duration{"old": 2 * spoolAge, "young": time.Minute} {
		path := filepath.Join(s.Spool().Dir, name)
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, time.Time{}, time.Now().Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.ClearSpool(); err != nil {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(filepath.Join(s.Spool().Dir, "*")); len(left) != 1 || filepath.Base(left[0]) != "young" {
		t.Errorf("left: %v", left)
	}
}

func TestPanicInAWriteIsItsOwnFault(t *testing.T) {
	s := open(t, t.TempDir())
	var log bytes.Buffer
	s.writer.log = slog.New(slog.NewTextHandler(&log, nil))
	if err := s.do(t.Context(), func(context.Context, *tx) error { panic("odd letter") }); err == nil {
		t.Error("the panic was swallowed")
	}
	if text := log.String(); strings.Contains(text, "odd letter") || !strings.Contains(text, "store_test.go") {
		t.Errorf("the log quotes the panic, or lacks its stack: %s", text)
	}
	record(t, s, mail("1", "a"))
	verified(t, s, 0)
}

// A server restored from a snapshot gives a UID again under the same UIDVALIDITY.
func TestReusedNumberIsNotAReplay(t *testing.T) {
	s := open(t, t.TempDir())
	a := record(t, s, mail("INBOX|1|7", "the first"))
	b := record(t, s, mail("INBOX|1|7", "another letter"))
	if b.Replayed || b.ID == a.ID {
		t.Fatalf("another letter was taken for the first: %+v", b)
	}
	for content, id := range map[string]string{"the first": a.ID, "another letter": b.ID} {
		if r := record(t, s, mail("INBOX|1|7", content)); !r.Replayed || r.ID != id {
			t.Errorf("%s: %+v", content, r)
		}
	}
	verified(t, s, 0)
}

// When the caller has given up, the outcome still belongs to the writer (-race).
func TestFileAfterTheCallerGaveUp(t *testing.T) {
	s := open(t, t.TempDir())
	r := record(t, s, mail("1", "a"))
	ctx, cancel := context.WithCancel(t.Context())
	got, err := s.File(ctx, r.ID, ingest.Filing{Match: func(context.Context, ingest.Candidates) (ingest.Match, error) {
		cancel()
		time.Sleep(10 * time.Millisecond) // the caller returns meanwhile
		return ingest.Match{Link: ingest.LinkOpens}, nil
	}})
	if !errors.Is(err, context.Canceled) || got != (ingest.Filed{}) {
		t.Errorf("%+v %v", got, err)
	}
	if again := file(t, s, r.ID, ingest.Filing{}); again.Request == "" {
		t.Errorf("not filed: %+v", again)
	}
}

// What was set aside comes back when a person says so, and is known for it. A scan that was
// divided lives on in its letters.
func TestWhatWasSetAsideComesBack(t *testing.T) {
	s := open(t, t.TempDir())
	for reason, comes := range map[string]bool{"spam: publicité": true, "auto_reply: x": true, ingest.ReasonSplit + ": 2 courriers": false, ingest.ReasonJoined + ": recto": false} {
		id := record(t, s, mail(reason, reason)).ID
		if err := s.SetAside(t.Context(), id, ingest.Reading{}, reason); err != nil {
			t.Fatal(err)
		}
		taken, err := s.RetryAny(t.Context(), id, "test")
		if err != nil || taken != comes {
			t.Errorf("%s: taken %v, %v", reason, taken, err)
		}
		if rec, err := s.Submission(t.Context(), id); err != nil || rec.Kept != comes || (rec.State == ingest.StateReceived) != comes {
			t.Errorf("%s: %+v, %v", reason, rec, err)
		}
		if comes {
			file(t, s, id, ingest.Filing{})
		}
	}
}
