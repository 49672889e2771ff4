package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/store/postgrestest"
	"saisine.fr/saisine/ocr"
)

// archive is a store with years of letters in it. Each submission has a word of its own, its
// canary, wherever something of a person can stand.
type archive struct {
	t   *testing.T
	s   *Store
	dir string
	url string // of a PostgreSQL, or ""
	now time.Time
	rnd *rand.Rand
	n   int
	// canaries by submission, and the submissions of each request.
	canaries map[string]string
	requests map[string][]string // reference to submissions
	texts    map[string]string   // source keys by submission
}

var voirie = ingest.Retention{
	Categories: map[string]ingest.RetentionRule{
		"voirie": {Years: 5, Fate: ingest.FateDestroy}, "urbanisme": {Years: 1, Fate: ingest.FateKeep}, "ecole": {Years: 1, Fate: ingest.FateSort}, "sans": {},
	},
	SetAside: ingest.RetentionRule{Months: 6, Fate: ingest.FateDestroy}, Failed: ingest.RetentionRule{Years: 1, Fate: ingest.FateDestroy},
}

func newArchive(t *testing.T) *archive { return newArchiveOn(t, "") }

func newArchiveOn(t *testing.T, url string) *archive {
	a := &archive{t: t, url: url, dir: t.TempDir(), now: day, rnd: rand.New(rand.NewPCG(7, 11)), canaries: map[string]string{}, requests: map[string][]string{}, texts: map[string]string{}}
	a.s = a.open(a.dir)
	a.must(a.s.AddAgent(t.Context(), ingest.Agent{Login: "chef", Name: "Chef", Role: ingest.RoleAdministrator, Language: "fr"}, "", "test"))
	a.must(a.s.AddAgent(t.Context(), ingest.Agent{Login: "agent", Name: "Agent", Role: ingest.RoleAgent, Language: "fr"}, "", "test"))
	return a
}

func (a *archive) open(dir string) *Store {
	a.t.Helper()
	s, err := Open(a.t.Context(), Options{Dir: dir, Database: a.url, Zone: time.UTC, Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return a.now }})
	a.must(err)
	a.t.Cleanup(func() { _ = s.Close() })
	return s
}

func (a *archive) must(err error) {
	a.t.Helper()
	if err != nil {
		a.t.Fatal(err)
	}
}

func (a *archive) exec(query string, args ...any) {
	a.t.Helper()
	a.must(a.s.do(a.t.Context(), func(ctx context.Context, tx *tx) error { return tx.exec(ctx, query, args...) }))
}

// filler is text of some length, so that rows fill pages and overflow them.
func (a *archive) filler(max int) string {
	var b strings.Builder
	for n := a.rnd.IntN(max); b.Len() < n; {
		b.WriteString([]string{"trottoir ", "lampadaire ", "rue ", "bonjour ", "merci ", "arbre ", "école "}[a.rnd.IntN(7)])
	}
	return b.String()
}

// receive records a submission.
func (a *archive) receive() (id, canary string) {
	a.t.Helper()
	a.n++
	canary = fmt.Sprintf("zkq%05dxwv", a.n)
	raw := []byte("From: " + canary + "@example.org\r\n\r\n" + strings.Repeat(canary+" "+a.filler(200), 1+a.rnd.IntN(40)))
	if a.n%9 == 0 {
		raw = append(raw, bytes.Repeat([]byte(canary+" grande pièce\n"), 20_000)...)
	}
	blob, err := a.s.Spool().Read(bytes.NewReader(raw), 0)
	a.must(err)
	key := fmt.Sprintf("INBOX|1|%d|%s", a.n, canary)
	r := record(a.t, a.s, ingest.Submission{
		Channel: ingest.ChannelMailbox, Account: "sve", SourceKey: key, Epoch: "INBOX|1", ReceivedAt: a.now, Original: blob, MediaType: ingest.MediaMail,
		Hints: ingest.Hints{Filename: canary + ".pdf", SourceRef: "/srv/" + canary, Folder: canary},
	})
	a.must(blob.Close())
	a.must(a.s.Acknowledge(a.t.Context(), r.ID, "/fait/"+canary))
	a.canaries[r.ID], a.texts[r.ID] = canary, key
	return r.ID, canary
}

func (a *archive) reading(canary string) ingest.Reading {
	return ingest.Reading{
		Kind: "mail", Subject: "Objet " + canary, Text: canary + " " + a.filler(30_000), MessageID: canary + "@example.org", Place: "rue " + canary,
		From: ingest.Person{Name: "Jean " + canary, Email: canary + "@example.org", Phone: "0612345678", Address: "1 rue " + canary},
		To:   []string{"mairie@" + canary}, Attachments: []ingest.Attachment{{Name: canary + ".pdf", Text: canary}},
		Pages: []ingest.Page{{Number: 1, Text: canary, Source: "ocr", Layout: &ocr.Layout{}}},
	}
}

// file files a submission into a new request, or into one that is there, and does with it what a
// town does.
func (a *archive) file(category, into string) (id, reference string) {
	a.t.Helper()
	ctx := a.t.Context()
	id, canary := a.receive()
	f := ingest.Filing{
		Reading:        a.reading(canary),
		Classification: ingest.Classification{Category: category, Service: "Mairie", Reasons: []string{canary}, Urgent: []string{canary}},
		Profile: ingest.Profile{
			TextKey: canary, Bands: []int64{int64(a.rnd.IntN(50)), int64(a.rnd.IntN(50)) + 100}, Words: []int64{a.rnd.Int64()}, Summary: []byte(canary + canary),
		},
	}
	if into != "" {
		f.Match = func(context.Context, ingest.Candidates) (ingest.Match, error) {
			return ingest.Match{Link: ingest.LinkDuplicate, Request: into, To: a.requests[into][0], Reasons: []string{"comme " + canary}}, nil
		}
	}
	reference = file(a.t, a.s, id, f).Request
	a.requests[reference] = append(a.requests[reference], id)
	spool, err := a.s.Spool().Read(bytes.NewReader(bytes.Repeat([]byte("copie "+canary), 20_000)), 1)
	if err != nil {
		spool, err = a.s.Spool().Read(bytes.NewReader(bytes.Repeat([]byte("copie "+canary), 30_000)), 0)
	}
	a.must(err)
	a.must(a.s.SaveCopy(ctx, id, ingest.Copy{Pages: 1}, spool))
	a.must(a.s.By(ingest.Viewer{Login: "chef", Role: ingest.RoleAdministrator}).Comment(ctx, reference, "vu "+canary))
	a.must(a.s.Categorize(ctx, reference, category, "Mairie", "agent:chef"))
	// A receipt, sent; a letter that came back; one within the town that lists it.
	var mails []string
	a.must(a.s.do(ctx, func(ctx context.Context, tx *tx) error {
		mails = nil
		var request int64
		if err := tx.row(ctx, `SELECT request_id FROM submissions WHERE id = $1`, id).Scan(&request); err != nil {
			return err
		}
		for _, d := range []ingest.MailDraft{
			{Kind: ingest.MailARE, To: canary + "@example.org", Detail: ingest.MailDetail{Note: canary}},
			{Kind: ingest.MailReply, To: canary + "@example.org", Detail: ingest.MailDetail{Subject: canary, Body: canary}, Key: canary},
			{Kind: ingest.MailStatus, To: "x", Withheld: "parce que " + canary},
		} {
			m, err := a.s.compose(ctx, tx, d, id, request)
			if err != nil {
				return err
			}
			mails = append(mails, m)
		}
		m, err := a.s.compose(ctx, tx, ingest.MailDraft{Kind: ingest.MailDigest, To: "service@mairie", Detail: ingest.MailDetail{References: []string{reference}}}, "", 0)
		mails = append(mails, m)
		return err
	}))
	for i, m := range mails {
		if i == 2 {
			continue
		}
		_, err := a.s.MakeMail(ctx, m, m+"@mairie", []byte("Bonjour "+canary+" "+a.filler(5000)))
		a.must(err)
		if i == 1 {
			_, err = 0, a.s.FailDelivery(ctx, m, "550 <"+canary+"@example.org> inconnu")
		} else {
			err = errors.Join(a.s.MailSent(ctx, m, "250 pris pour "+canary), a.s.Delivered(ctx, m))
		}
		a.must(err)
	}
	a.exec(`UPDATE outbox SET state = 'delivered', payload = $1, ended_at = 1 WHERE state = 'pending'`, `{"x":"`+canary+`"}`)
	a.exec(`INSERT INTO tries (outbox_id, at, took, status, said) SELECT id, 1, 1, 200, $1 FROM outbox WHERE submission_id = $2`, canary, id)
	a.exec(`INSERT INTO asked_pieces (request_id, at, until, pieces) SELECT request_id, 1, '', $1 FROM submissions WHERE id = $2`, `["`+canary+`"]`, id)
	a.exec(`UPDATE requests SET elsewhere = $1 WHERE reference = $2`, canary, reference)
	a.exec(`INSERT INTO handovers (id, request_id, connector, created_at, remote_status, trouble, handed_at) SELECT o.id, o.request_id, $1, 1, $1, $1, 1
		FROM outbox o WHERE o.submission_id = $2 AND o.kind = 'mail' LIMIT 1`, canary, id)
	a.handAll()
	// Another request names it as a neighbour.
	a.exec(`INSERT INTO suggestions (request_id, other_id, score, why, kind) SELECT o.id, q.id, 1, $1, 'neighbour' FROM requests q, requests o
		WHERE q.reference = $2 AND o.id = (SELECT min(id) FROM requests) AND o.id <> q.id ON CONFLICT DO NOTHING`, "voisin de "+canary, reference)
	// A correction: what stood there before is canary too.
	a.exec(`UPDATE requests SET sender_name = $1, body = $2 WHERE reference = $3`, "Jeanne "+canary, canary+a.filler(20_000), reference)
	return id, reference
}

// handAll says that other software has everything.
func (a *archive) handAll() {
	a.exec(`INSERT INTO handed_pieces (handover_id, submission_id, at) SELECT h.id, p.id, 1 FROM handovers h JOIN submissions p ON p.request_id = h.request_id WHERE true ON CONFLICT DO NOTHING`)
}

func (a *archive) close(reference string) {
	a.t.Helper()
	a.must(a.s.SetStatus(a.t.Context(), reference, ingest.StatusClosed, "", "agent:chef"))
	a.exec(`UPDATE mails SET state = 'withheld', reason = 'x' WHERE state IN ('queued', 'to_print') AND request_id = (SELECT id FROM requests WHERE reference = $1)`, reference)
	a.exec(`UPDATE outbox SET state = 'delivered', ended_at = 1 WHERE state = 'pending'`)
}

func (a *archive) setAside() string {
	id, canary := a.receive()
	a.must(a.s.SetAside(a.t.Context(), id, a.reading(canary), "spam: "+canary))
	return id
}

func (a *archive) fail() string {
	id, canary := a.receive()
	a.must(a.s.Fail(a.t.Context(), id, "illisible: "+canary))
	return id
}

// found returns, of some words, those that stand in any file of a folder.
func found(t *testing.T, dir string, words []string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		for _, w := range words {
			if bytes.Contains(data, []byte(w)) || bytes.Contains(data, []byte(strings.ToUpper(w))) || strings.Contains(path, w) {
				out[w] = filepath.Base(path)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// dump reads all rows of all tables, each as one text under its table's name. The full-text
// indexes are asked for what they find.
func (a *archive) dump() map[string][]string {
	a.t.Helper()
	ctx := a.t.Context()
	tables, err := idList(ctx, reading{a.s.read}, `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'search%' AND name NOT LIKE 'requests_senders%' AND name NOT LIKE 'goose%' ORDER BY name`)
	a.must(err)
	out := map[string][]string{}
	for _, table := range tables {
		a.must(each(func(row rowScanner) error {
			rows := row.(*sql.Rows)
			columns, err := rows.Columns()
			if err != nil {
				return err
			}
			values := make([]any, len(columns))
			for i := range values {
				values[i] = new(any)
			}
			if err := rows.Scan(values...); err != nil {
				return err
			}
			var b strings.Builder
			for i, c := range columns {
				fmt.Fprintf(&b, "%s=%v|", c, *values[i].(*any))
			}
			out[table] = append(out[table], b.String())
			return nil
		}, func() (*sql.Rows, error) { return a.s.read.QueryContext(ctx, `SELECT * FROM `+table) }))
	}
	return out
}

// fill makes an archive: closed requests, open ones, merged ones, what was set aside and has
// failed. It returns the references of those that are closed and of the category voirie.
func (a *archive) fill(n int) (closed []string) {
	ctx := a.t.Context()
	for i := range n {
		category := []string{"voirie", "voirie", "voirie", "urbanisme", "ecole", "sans"}[i%6]
		_, ref := a.file(category, "")
		for range a.rnd.IntN(3) {
			a.file(category, ref)
		}
		if i%7 == 3 {
			_, other := a.file(category, "")
			a.must(a.s.Merge(ctx, other, ref, "agent:chef"))
			a.requests[ref] = append(a.requests[ref], a.requests[other]...)
			delete(a.requests, other)
			a.handAll()
		}
		if i%5 != 4 {
			a.close(ref)
			if category == "voirie" {
				closed = append(closed, ref)
			}
		}
		if i%4 == 0 {
			a.setAside()
		}
		if i%8 == 0 {
			a.fail()
		}
		a.now = a.now.Add(13 * time.Hour)
	}
	return closed
}

func (a *archive) wordsOf(references ...string) []string {
	var out []string
	for _, r := range references {
		for _, id := range a.requests[r] {
			out = append(out, a.canaries[id])
		}
	}
	return out
}

func (a *archive) propose() Elimination {
	a.t.Helper()
	e, _, err := a.s.Propose(a.t.Context(), EliminationQuery{Retention: voirie})
	a.must(err)
	return e
}

func (a *archive) eliminate(e Elimination) Elimination {
	a.t.Helper()
	_, err := a.s.Approve(a.t.Context(), e.Number, e.SHA256, "chef", "visa 12/2032")
	a.must(err)
	e, err = a.s.Eliminate(a.t.Context(), e.Number, nil)
	a.must(err)
	return e
}

// Whatever subset goes, no byte of it is left in any file, and no row of anything else changes.
func TestEliminationLeavesNothingAndElse(t *testing.T) {
	a := newArchive(t)
	closed := a.fill(40)
	a.now = day.AddDate(6, 0, 0)
	// A subset: the others are held.
	var gone, kept []string
	for _, ref := range closed {
		if a.rnd.IntN(3) == 0 {
			a.must(a.s.Hold(t.Context(), ref, "contentieux", "cli:test"))
			kept = append(kept, ref)
		} else {
			gone = append(gone, ref)
		}
	}
	verified(t, a.s, 0)
	before := a.dump()
	words := a.wordsOf(gone...)
	e := a.propose()
	for _, l := range e.Lines {
		if l.Kind == LineRequest && !slices.Contains(gone, l.Subject) {
			t.Fatalf("%s is proposed", l.Subject)
		}
		if l.Kind != LineRequest {
			words = append(words, a.canaries[l.Subject])
		}
	}
	if got := found(t, a.dir, words); len(got) != len(words) {
		t.Fatalf("only %d of %d canaries are there before", len(got), len(words))
	}
	e = a.eliminate(e)
	if e.State != ListExecuted || e.count(LineDone) != len(e.Lines) {
		t.Fatalf("%s, %d of %d lines done", e.State, e.count(LineDone), len(e.Lines))
	}
	if left := found(t, a.dir, words); len(left) > 0 {
		t.Errorf("%d of %d canaries are left: %v", len(left), len(words), left)
	}
	if others := a.wordsOf(kept...); len(found(t, a.dir, others)) != len(others) {
		t.Error("something of a request that stays is gone")
	}
	verified(t, a.s, 0)
	a.compare(before, a.dump(), words)
}

// compare wants of each row of before that has none of the words, and of no eliminated thing,
// that it is there after; and the other way round.
func (a *archive) compare(before, after map[string][]string, words []string) {
	a.t.Helper()
	goneIDs := a.goneIDs()
	ours := func(table, row string) bool {
		switch table {
		case "eliminations", "elimination_lines", "journal", "counters", "settings":
			return true
		}
		for _, w := range append(goneIDs, words...) {
			if strings.Contains(row, w) {
				return true
			}
		}
		return false
	}
	for table, rows := range before {
		have := map[string]bool{}
		for _, r := range after[table] {
			have[r] = true
		}
		for _, r := range rows {
			if !have[r] && !ours(table, r) {
				a.t.Errorf("%s: a row of something else is gone or was changed: %.300s", table, r)
			}
		}
		had := map[string]bool{}
		for _, r := range rows {
			had[r] = true
		}
		for _, r := range after[table] {
			if !had[r] && !ours(table, r) {
				a.t.Errorf("%s: a row that was not there: %.300s", table, r)
			}
		}
	}
}

// goneIDs are the columns by which rows belong to what was eliminated.
func (a *archive) goneIDs() []string {
	var out []string
	add := func(format, query string) {
		list, err := idList(a.t.Context(), reading{a.s.read}, query)
		a.must(err)
		for _, id := range list {
			out = append(out, fmt.Sprintf(format, id))
		}
	}
	add("%s", `SELECT id FROM submissions WHERE eliminated_at <> 0`)
	add("sha256=%s|", `SELECT sha256 FROM submissions WHERE eliminated_at <> 0`)
	add("request_id=%s|", `SELECT id FROM requests WHERE eliminated_at <> 0`)
	add("other_id=%s|", `SELECT id FROM requests WHERE eliminated_at <> 0`)
	add("reference=%s|", `SELECT reference FROM requests WHERE eliminated_at <> 0`)
	add("doc=%s|", `SELECT seq FROM submissions WHERE eliminated_at <> 0`)
	add("%s", `SELECT id FROM mails WHERE eliminated_at <> 0`)
	return out
}

// line finds a line by what it stands for.
func (e Elimination) line(subject string) EliminationLine {
	for _, l := range e.Lines {
		if l.Subject == subject {
			return l
		}
	}
	return EliminationLine{}
}

func why(list []Spared, subject string) string {
	for _, x := range list {
		if x.Subject == subject {
			return x.Why
		}
	}
	return ""
}

func TestWhatIsProposed(t *testing.T) {
	a := newArchive(t)
	refs := map[string]string{}
	for _, x := range []struct{ name, category string }{
		{"old", "voirie"},
		{"held", "voirie"},
		{"open", "voirie"},
		{"kept", "urbanisme"},
		{"sorted", "ecole"},
		{"unruled", "sans"},
		{"unknown", "inconnue"},
		{"sending", "voirie"},
		{"printing", "voirie"},
		{"due", "voirie"},
		{"twin", "voirie"},
		{"openTwin", "voirie"},
		{"handing", "voirie"},
	} {
		_, refs[x.name] = a.file(x.category, "")
		if x.name != "open" && x.name != "openTwin" {
			a.close(refs[x.name])
		}
	}
	spam, broken := a.setAside(), a.fail()
	id := func(name string) (id int64) {
		a.must(a.s.read.QueryRow(`SELECT id FROM requests WHERE reference = $1`, refs[name]).Scan(&id))
		return id
	}
	a.must(a.s.Hold(t.Context(), refs["held"], "recours devant le tribunal", "cli:test"))
	a.exec(`UPDATE outbox SET state = 'pending' WHERE seq = (SELECT min(seq) FROM outbox WHERE request_id = $1)`, id("sending"))
	a.exec(`UPDATE mails SET state = 'to_print' WHERE request_id = $1 AND kind = 'status'`, id("printing"))
	a.exec(`INSERT INTO deadlines (request_id, n, kind, due, day, rule, article, sense, who, done_at) VALUES ($1, 1, 'x', $2, '', '', '', '', 'citizen', 0)`, id("due"), micros(day.AddDate(9, 0, 0)))
	a.exec(`INSERT INTO suggestions (request_id, other_id, score, why) VALUES ($1, $2, 1, 'x')`, id("twin"), id("openTwin"))
	a.must(a.s.do(t.Context(), func(ctx context.Context, tx *tx) error { return a.s.refreshTwins(ctx, tx, id("twin")) }))
	a.exec(`UPDATE outbox SET state = 'failed', reason = 'x' WHERE id = (SELECT id FROM outbox WHERE request_id = $1 ORDER BY seq LIMIT 1)`, id("handing"))
	a.exec(`INSERT INTO handovers (id, request_id, connector, created_at) SELECT id, request_id, 'ged', 1 FROM outbox WHERE request_id = $1 AND state = 'failed' LIMIT 1`, id("handing"))

	propose := func(after time.Time, q EliminationQuery) (Elimination, []Spared) {
		a.now = after
		q.Retention = voirie
		e, spared, err := a.s.Propose(t.Context(), q)
		a.must(err)
		return e, spared
	}
	if e, _ := propose(day.AddDate(0, 6, 0), EliminationQuery{}); e.Number != 0 {
		t.Errorf("proposed on the very day: %+v", e.Lines)
	}
	if e, _ := propose(day.AddDate(0, 6, 1), EliminationQuery{}); len(e.Lines) != 1 || e.Lines[0].Subject != spam || e.Lines[0].Kind != LineSetAside {
		t.Errorf("after six months: %+v", e.Lines)
	}
	if e, _ := propose(day.AddDate(6, 0, 0), EliminationQuery{Before: day.AddDate(1, 0, 1)}); len(e.Lines) != 2 || e.line(broken).Kind != LineFailed {
		t.Errorf("before: %+v", e.Lines)
	}
	if e, _ := propose(day.AddDate(6, 0, 0), EliminationQuery{Category: "voirie"}); len(e.Lines) != 1 || e.Lines[0].Subject != refs["old"] {
		t.Errorf("of a category: %+v", e.Lines)
	}
	e, spared := propose(day.AddDate(6, 0, 0), EliminationQuery{})
	if len(e.Lines) != 3 {
		t.Errorf("%d lines: %+v", len(e.Lines), e.Lines)
	}
	if l := e.line(refs["old"]); l.Kind != LineRequest || l.Category != "voirie" || l.Rule != "5 ans" || l.Pieces != 1 || l.Bytes == 0 || !l.ClosedAt.Equal(day) || !l.OverAt.Equal(day.AddDate(5, 0, 0)) {
		t.Errorf("line: %+v", l)
	}
	for name, want := range map[string]string{
		"held": "gelée", "kept": "conservation", "sorted": "tri", "unknown": "absente", "sending": "attente", "printing": "imprimer", "due": "délai", "twin": "même affaire",
		"handing": "transmission", "open": "", "openTwin": "", "unruled": "",
	} {
		if got := why(spared, refs[name]); !strings.Contains(got, want) || want == "" && got != "" {
			t.Errorf("%s: %q", name, got)
		}
	}
	// Nothing personal in the list.
	for _, rows := range a.dump()["elimination_lines"] {
		if strings.Contains(rows, "zkq") || strings.Contains(rows, "Jean") {
			t.Errorf("a line names somebody: %s", rows)
		}
	}
	verified(t, a.s, 0)
}

func TestApproval(t *testing.T) {
	a := newArchive(t)
	_, ref := a.file("voirie", "")
	a.close(ref)
	a.now = day.AddDate(6, 0, 0)
	e := a.propose()
	ctx := t.Context()
	if _, err := a.s.Eliminate(ctx, e.Number, nil); !errors.Is(err, ErrRefused) {
		t.Errorf("carried out unapproved: %v", err)
	}
	for login, want := range map[string]error{"agent": ErrRefused, "nobody": ingest.ErrNotFound} {
		if _, err := a.s.Approve(ctx, e.Number, "", login, ""); !errors.Is(err, want) {
			t.Errorf("approved by %s: %v", login, err)
		}
	}
	if _, err := a.s.Approve(ctx, e.Number, strings.Repeat("0", 64), "chef", ""); !errors.Is(err, ErrRefused) {
		t.Errorf("approved another list: %v", err)
	}
	if _, err := a.s.Approve(ctx, 99, "", "chef", ""); !errors.Is(err, ingest.ErrNotFound) {
		t.Errorf("approved no list: %v", err)
	}
	verified(t, a.s, 0)
	// A line that was slipped in.
	a.exec(`UPDATE elimination_lines SET subject = '2026-999999' WHERE elimination = $1`, e.Number)
	if _, err := a.s.Approve(ctx, e.Number, "", "chef", ""); !errors.Is(err, ErrRefused) {
		t.Errorf("approved a changed list: %v", err)
	}
	if f := verified(t, a.s, 1); len(f) == 1 && f[0].Code != FindingElimination {
		t.Errorf("finding: %+v", f)
	}
	a.exec(`UPDATE elimination_lines SET subject = $1 WHERE elimination = $2`, ref, e.Number)
	// Approved and not begun.
	if _, err := a.s.Approve(ctx, e.Number, "", "chef", "visa"); err != nil {
		t.Fatal(err)
	}
	verified(t, a.s, 1)
	if e, err := a.s.Eliminate(ctx, e.Number, nil); err != nil || e.State != ListExecuted || e.Visa != "visa" || e.ApprovedBy != "chef" {
		t.Errorf("%+v, %v", e, err)
	}
	verified(t, a.s, 0)
	var lines int
	a.must(a.s.read.QueryRow(`SELECT count(*) FROM journal WHERE kind LIKE 'elimination.%' AND sha256 = $1`, e.SHA256).Scan(&lines))
	if lines != 3 {
		t.Errorf("%d lines in the journal", lines)
	}
}

func TestWhatChangedIsLeftOut(t *testing.T) {
	a := newArchive(t)
	refs := make([]string, 6)
	for i := range refs {
		_, refs[i] = a.file("voirie", "")
		a.close(refs[i])
	}
	spam := a.setAside()
	// Two that may be the same: both go, or none.
	a.exec(`INSERT INTO suggestions (request_id, other_id, score, why) SELECT a.id, b.id, 1, 'x' FROM requests a, requests b WHERE a.reference = $1 AND b.reference = $2`, refs[3], refs[4])
	a.must(a.s.do(t.Context(), func(ctx context.Context, tx *tx) error {
		q, err := liveRequest(ctx, tx, refs[3])
		return errors.Join(err, a.s.refreshTwins(ctx, tx, q.id))
	}))
	a.now = day.AddDate(6, 0, 0)
	e := a.propose()
	if len(e.Lines) != 7 {
		t.Fatalf("%d lines", len(e.Lines))
	}
	ctx := t.Context()
	a.must(a.s.SetStatus(ctx, refs[0], ingest.StatusInProgress, "", "agent:chef"))
	a.file("voirie", refs[1])
	a.must(a.s.Hold(ctx, refs[2], "recours", "agent:chef"))
	a.must(a.s.By(ingest.Viewer{Login: "chef", Role: ingest.RoleAdministrator}).Comment(ctx, refs[3], "à revoir"))
	a.must(a.s.Retry(ctx, spam))
	e = a.eliminate(e)
	for ref, want := range map[string]string{refs[0]: "rouverte", refs[1]: "modifiée", refs[2]: "gelée", refs[3]: "modifiée", refs[4]: "même affaire", spam: "reprise"} {
		if l := e.line(ref); l.State != LineLeftOut || !strings.Contains(l.Why, want) {
			t.Errorf("%s: %s (%s), want %q", ref, l.State, l.Why, want)
		}
	}
	if l := e.line(refs[5]); l.State != LineDone {
		t.Errorf("%s: %s (%s)", refs[5], l.State, l.Why)
	}
	for _, ref := range refs[:5] {
		if q, err := a.s.Request(ctx, ref); err != nil || !q.EliminatedAt.IsZero() || q.Text == "" {
			t.Errorf("%s: %+v, %v", ref, q.EliminatedAt, err)
		}
	}
	verified(t, a.s, 0)
}

func TestEliminatedIsAnsweredFor(t *testing.T) {
	a := newArchive(t)
	ctx := t.Context()
	id, ref := a.file("voirie", "")
	_, live := a.file("voirie", "")
	a.close(ref)
	a.now = day.AddDate(6, 0, 0)
	e := a.propose()
	a.eliminate(e)
	q, err := a.s.Request(ctx, ref)
	a.must(err)
	if q.Elimination != e.Number || q.EliminatedAt.IsZero() || q.Subject != "éliminée le 02/03/2032 par le bordereau n° 1" || q.Category != "voirie" || q.Status != ingest.StatusClosed {
		t.Errorf("request: %+v", q)
	}
	rec, err := a.s.Submission(ctx, id)
	a.must(err)
	if rec.Reading != nil || rec.EliminatedAt.IsZero() || rec.Hints.Filename != "" || rec.Request != ref {
		t.Errorf("submission: %+v", rec)
	}
	if _, err := a.s.Original(ctx, rec); !errors.Is(err, ingest.ErrEliminated) {
		t.Errorf("original: %v", err)
	}
	if _, err := a.s.LinkGeneration(ctx, id); !errors.Is(err, ingest.ErrEliminated) {
		t.Errorf("link: %v", err)
	}
	if _, err := a.s.Report(ctx, ref); !errors.Is(err, ingest.ErrNotFound) {
		t.Errorf("report: %v", err)
	}
	by := a.s.By(ingest.Viewer{Login: "chef", Role: ingest.RoleAdministrator})
	for name, err := range map[string]error{
		"status": a.s.SetStatus(ctx, ref, ingest.StatusNew, "", "x"), "comment": by.Comment(ctx, ref, "x"), "merge": a.s.Merge(ctx, live, ref, "x"),
		"merge from": a.s.Merge(ctx, ref, live, "x"), "link": a.s.Link(ctx, id, live, ingest.LinkDuplicate, "x"), "category": a.s.Categorize(ctx, ref, "ecole", "x", "x"),
		"hold": a.s.Hold(ctx, ref, "x", "x"), "copy": a.s.SaveCopy(ctx, id, ingest.Copy{Reason: "x"}, nil),
	} {
		if err == nil {
			t.Errorf("%s was done", name)
		}
	}
	// Its number in the register stays.
	n, err := a.s.RegisterCount(ctx, ingest.Viewer{}, ingest.RegisterFilter{Direction: ingest.Incoming, From: day.AddDate(-1, 0, 0), To: day.AddDate(1, 0, 0)})
	if err != nil || n != 2 {
		t.Errorf("register: %d, %v", n, err)
	}
	subjects, err := a.s.Subjects(ctx, ingest.Viewer{}, Span{day.AddDate(0, -1, 0), day.AddDate(0, 1, 0)})
	if err != nil || len(subjects) != 1 || subjects[0].Count != 2 {
		t.Errorf("figures: %+v, %v", subjects, err)
	}
	verified(t, a.s, 0)
}

// The mail is still in the mailbox: its source, shown again, is known, under the same name and
// after a new numbering; the same bytes by another way are taken in.
func TestEliminatedSourceIsKnown(t *testing.T) {
	for _, large := range []bool{false, true} {
		t.Run(fmt.Sprint("large=", large), func(t *testing.T) {
			a := newArchive(t)
			ctx := t.Context()
			if large {
				a.n = 8 // the ninth is one
			}
			id, ref := a.file("voirie", "")
			rec, err := a.s.Submission(ctx, id)
			a.must(err)
			blob, err := a.s.Original(ctx, rec)
			a.must(err)
			raw, err := readAll(blob)
			a.must(err)
			if (len(raw) > ingest.InlineMax) != large {
				t.Fatalf("%d bytes", len(raw))
			}
			a.close(ref)
			a.now = day.AddDate(6, 0, 0)
			a.eliminate(a.propose())
			again := func(key, epoch, account string) ingest.Receipt {
				blob, err := a.s.Spool().Read(bytes.NewReader(raw), 0)
				a.must(err)
				r := record(t, a.s, ingest.Submission{
					Channel: ingest.ChannelMailbox, Account: account, SourceKey: key, Epoch: epoch, ReceivedAt: day, Original: blob, MediaType: ingest.MediaMail,
				})
				a.must(blob.Close())
				return r
			}
			for _, key := range []string{a.texts[id], "INBOX|2|7"} {
				epoch, _, _ := strings.Cut(key, "|")
				if r := again(key, map[bool]string{true: "INBOX|1", false: "INBOX|2"}[key == a.texts[id]], "sve"); !r.Replayed || r.ID != id || r.Request != ref {
					t.Errorf("%s, epoch %s: %+v", key, epoch, r)
				}
				if left := found(t, a.dir, []string{a.canaries[id]}); len(left) > 0 {
					t.Errorf("%s brought it back: %v", key, left)
				}
				verified(t, a.s, 0)
			}
			known, err := a.s.KnownSources(ctx, ingest.ChannelMailbox, "sve", []string{a.texts[id], "INBOX|2|7", "INBOX|9|9"})
			if err != nil || !known[a.texts[id]] || !known["INBOX|2|7"] || known["INBOX|9|9"] || len(known) != 2 {
				t.Errorf("known: %v, %v", known, err)
			}
			if ok, err := a.s.KnownHash(ctx, ingest.ChannelMailbox, "sve", rec.SHA256); err != nil || !ok {
				t.Errorf("known hash: %t, %v", ok, err)
			}
			r := again("INBOX|1|1", "INBOX|1", "autre")
			if r.Replayed {
				t.Fatalf("another account: %+v", r)
			}
			b, err := a.s.Original(ctx, ingest.Record{SHA256: rec.SHA256})
			a.must(err)
			if got, err := readAll(b); err != nil || !bytes.Equal(got, raw) {
				t.Errorf("the original of the new one: %d bytes, %v", len(got), err)
			}
			verified(t, a.s, 0)
		})
	}
}

func readAll(b *ingest.Blob) ([]byte, error) {
	r, err := b.Open()
	if err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	_, err = buf.ReadFrom(r)
	return buf.Bytes(), errors.Join(err, r.Close())
}

// The same bytes in two requests: the original goes with the second of them.
func TestSharedOriginalStays(t *testing.T) {
	a := newArchive(t)
	ctx := t.Context()
	var refs, ids []string
	for i := range 2 {
		r := record(t, a.s, mail(fmt.Sprintf("INBOX|1|%d", i), "zkq00777xwv deux fois"))
		f := file(t, a.s, r.ID, ingest.Filing{Reading: ingest.Reading{Text: "deux fois"}, Classification: ingest.Classification{Category: "voirie"}})
		refs, ids = append(refs, f.Request), append(ids, r.ID)
		a.close(f.Request)
	}
	a.must(a.s.Hold(ctx, refs[1], "x", "x"))
	a.now = day.AddDate(6, 0, 0)
	a.eliminate(a.propose())
	rec, err := a.s.Submission(ctx, ids[1])
	a.must(err)
	if _, err := a.s.Original(ctx, rec); err != nil {
		t.Errorf("the one that stays: %v", err)
	}
	if rec, err = a.s.Submission(ctx, ids[0]); err != nil {
		t.Fatal(err)
	}
	if _, err := a.s.Original(ctx, rec); !errors.Is(err, ingest.ErrEliminated) {
		t.Errorf("the one that went: %v", err)
	}
	verified(t, a.s, 0)
	a.must(a.s.Unhold(ctx, refs[1]))
	a.eliminate(a.propose())
	if left := found(t, a.dir, []string{"zkq00777xwv"}); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	verified(t, a.s, 0)
}

// A scan goes with the last of its letters.
func TestScanGoesWithItsLetters(t *testing.T) {
	a := newArchive(t)
	ctx := t.Context()
	scan, canary := a.receive()
	made := make([]ingest.Submission, 2)
	for i := range made {
		made[i] = ingest.Submission{
			Channel: ingest.ChannelScan, Account: "courrier", SourceKey: fmt.Sprint(scan, "/", i), ReceivedAt: day, MediaType: ingest.MediaText,
			Original: ingest.NewBlob([]byte("lettre " + fmt.Sprint(i) + canary)), Hints: ingest.Hints{Parents: []string{scan}},
		}
	}
	ids, err := a.s.Collate(ctx, []ingest.Ending{{ID: scan, Reading: a.reading(canary), Reason: "joined: " + canary}}, made)
	a.must(err)
	var refs []string
	for _, id := range ids {
		f := file(t, a.s, id, ingest.Filing{Reading: a.reading(canary), Classification: ingest.Classification{Category: "voirie"}})
		refs = append(refs, f.Request)
		a.close(f.Request)
	}
	a.must(a.s.Hold(ctx, refs[1], "x", "x"))
	a.now = day.AddDate(6, 0, 0)
	e := a.propose()
	if len(e.Lines) != 1 {
		t.Fatalf("with one letter held: %+v", e.Lines)
	}
	a.eliminate(e)
	verified(t, a.s, 0)
	a.must(a.s.Unhold(ctx, refs[1]))
	e = a.propose()
	if len(e.Lines) != 2 || e.Lines[1].Kind != LineScan || e.Lines[1].Subject != scan {
		t.Fatalf("with its last letter: %+v", e.Lines)
	}
	a.eliminate(e)
	if left := found(t, a.dir, []string{canary}); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	verified(t, a.s, 0)
}

// A backup of before has everything; the tombstones take it away again, and again changes nothing.
func TestTombstonesAfterRestore(t *testing.T) {
	a := newArchive(t)
	ctx := t.Context()
	closed := a.fill(14)
	backup := t.TempDir()
	// One that the backup has as open, and unfiled.
	a.must(a.s.cutLog(ctx))
	a.must(os.CopyFS(backup, os.DirFS(a.dir)))
	late := a.setAside()
	a.now = day.AddDate(6, 0, 0)
	e := a.eliminate(a.propose())
	words := append(a.wordsOf(closed...), a.canaries[late])
	var file bytes.Buffer
	a.must(a.s.ExportTombstones(ctx, &file))
	if strings.Contains(file.String(), "zkq") || strings.Contains(file.String(), "Jean") {
		t.Error("a tombstone names somebody")
	}
	want := a.dump()

	a.s = a.open(backup)
	if got := found(t, backup, words); len(got) != len(words)-1 {
		t.Fatalf("the backup has %d of %d", len(got), len(words))
	}
	for _, broken := range []string{
		strings.Replace(file.String(), `"kind":"request"`, `"kind":"failed"`, 1), file.String()[:file.Len()-20], strings.Join(slices.Delete(strings.SplitAfter(file.String(), "\n"), 2, 3), ""), "", "x",
	} {
		if n, err := a.s.ApplyTombstones(ctx, strings.NewReader(broken)); err == nil || n != 0 {
			t.Errorf("applied a file that was changed: %d", n)
		}
	}
	n, err := a.s.ApplyTombstones(ctx, bytes.NewReader(file.Bytes()))
	if err != nil || n != len(e.Lines) {
		t.Errorf("applied %d of %d: %v", n, len(e.Lines), err)
	}
	if left := found(t, backup, words); len(left) > 0 {
		t.Errorf("%d are left: %v", len(left), left)
	}
	verified(t, a.s, 0)
	got := a.dump()
	for _, table := range []string{"submissions", "requests", "originals", "mails", "readings", "events", "elimination_lines", "eliminations", "register"} {
		if len(got[table]) != len(want[table]) {
			t.Errorf("%s: %d rows, and %d in the store of which the backup was made", table, len(got[table]), len(want[table]))
		}
	}
	if n, err := a.s.ApplyTombstones(ctx, bytes.NewReader(file.Bytes())); err != nil || n != 0 {
		t.Errorf("applied again: %d, %v", n, err)
	}
	verified(t, a.s, 0)
	// What the backup never had is known when its source shows it.
	rec, err := a.s.Submission(ctx, late)
	if err != nil || rec.EliminatedAt.IsZero() {
		t.Errorf("never had: %+v, %v", rec, err)
	}
	if known, err := a.s.KnownSources(ctx, ingest.ChannelMailbox, "sve", []string{a.texts[late]}); err != nil || len(known) != 1 {
		t.Errorf("never had: %v, %v", known, err)
	}
}

// Whoever takes details out of the journal by hand is found out, and so is who changes a line
// whose detail is gone.
func TestJournalWithoutDetails(t *testing.T) {
	a := newArchive(t)
	_, ref := a.file("voirie", "")
	_, other := a.file("voirie", "")
	a.close(ref)
	a.now = day.AddDate(6, 0, 0)
	a.eliminate(a.propose())
	verified(t, a.s, 0)
	var mail string
	a.must(a.s.read.QueryRow(`SELECT m.id FROM mails m JOIN requests q ON q.id = m.request_id WHERE q.reference = $1 LIMIT 1`, other).Scan(&mail))
	if err := a.s.do(t.Context(), func(ctx context.Context, tx *tx) error {
		return tx.exec(ctx, `UPDATE journal SET detail = '{}' WHERE mail = $1`, mail)
	}); err == nil {
		t.Error("the journal took a change")
	}
	if err := a.s.do(t.Context(), func(ctx context.Context, tx *tx) error {
		return tx.exec(ctx, `UPDATE journal SET detail = '', mail = NULL WHERE mail = $1`, mail)
	}); err == nil {
		t.Error("the journal took another mail")
	}
	a.exec(`UPDATE journal SET detail = '' WHERE seq = (SELECT min(seq) FROM journal WHERE mail = $1)`, mail)
	if f := verified(t, a.s, 1); len(f) == 1 && f[0].Code != FindingJournal {
		t.Errorf("finding: %+v", f)
	}
	a.exec(`DROP TRIGGER journal_no_update`)
	a.exec(`UPDATE journal SET at = at + 1 WHERE seq = (SELECT min(seq) FROM journal WHERE detail = '' AND mail <> $1)`, mail)
	verified(t, a.s, 2)
}

// The same on PostgreSQL: the rows and files are gone, the rest is sound, and tombstones find nothing
// more to do.
func TestEliminationOnPostgres(t *testing.T) {
	a := newArchiveOn(t, postgrestest.Start(t).URL)
	ctx := t.Context()
	closed := a.fill(8)
	a.now = day.AddDate(6, 0, 0)
	e := a.eliminate(a.propose())
	if e.State != ListExecuted || e.count(LineDone) != len(e.Lines) || len(e.Lines) < len(closed) {
		t.Fatalf("%s, %d of %d lines done", e.State, e.count(LineDone), len(e.Lines))
	}
	verified(t, a.s, 0)
	for _, ref := range closed {
		if q, err := a.s.Request(ctx, ref); err != nil || q.Elimination != e.Number {
			t.Errorf("%s: %+v, %v", ref, q, err)
		}
	}
	words := a.wordsOf(closed...)
	for _, table := range []string{"submissions", "requests", "readings", "events", "outbox", "tries", "mails", "journal", "handovers", "suggestions", "match_docs", "asked_pieces", "search"} {
		rows, err := idList(ctx, reading{a.s.read}, `SELECT x::text FROM `+table+` x`)
		a.must(err)
		for _, row := range rows {
			for _, w := range words {
				if strings.Contains(row, w) {
					t.Errorf("%s: %.200s", table, row)
				}
			}
		}
	}
	if left := found(t, a.dir, words); len(left) > 0 {
		t.Errorf("files: %v", left)
	}
	var file bytes.Buffer
	a.must(a.s.ExportTombstones(ctx, &file))
	if n, err := a.s.ApplyTombstones(ctx, &file); err != nil || n != 0 {
		t.Errorf("applied: %d, %v", n, err)
	}
	a.must(a.s.Compact(ctx))
	a.exec(`DELETE FROM elimination_holds`)
	if err := a.s.do(ctx, func(ctx context.Context, tx *tx) error {
		return tx.exec(ctx, `UPDATE journal SET hash = 'x' WHERE seq = 1`)
	}); err == nil {
		t.Error("the journal took a change")
	}
}
