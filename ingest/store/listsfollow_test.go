package store

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"saisine.fr/saisine/ingest"
)

// keptAside are queries that find requests with which something is kept that does not follow
// from the other tables any more.
var keptAside = map[string]string{
	"channel": `SELECT r.reference || ' says ' || r.channel FROM requests r JOIN submissions s ON s.request_id = r.id AND s.link = 'opens' WHERE r.channel <> s.channel`,
	"next deadline": `WITH live AS (
			SELECT d.request_id, d.due, d.day, d.rule, d.article FROM deadlines d JOIN requests r ON r.id = d.request_id
			WHERE d.done_at = 0 AND d.due <> 0 AND d.who = 'town' AND r.status NOT IN ('answered', 'closed') AND r.merged_into IS NULL
		)
		SELECT r.reference || ' says ' || r.next_day || ' ' || r.next_rule FROM requests r
		WHERE next_due <> coalesce((SELECT min(due) FROM live l WHERE l.request_id = r.id), 0)
			OR next_due = 0 AND (next_day <> '' OR next_rule <> '' OR next_article <> '')
			OR next_due <> 0 AND NOT EXISTS (SELECT 1 FROM live l WHERE l.request_id = r.id AND l.due = r.next_due AND l.day = r.next_day
				AND l.rule = r.next_rule AND l.article = r.next_article)`,
	"pairs": `WITH live AS (
			SELECT coalesce(a.merged_into, a.id) AS one, coalesce(b.merged_into, b.id) AS other, g.kind
			FROM suggestions g JOIN requests a ON a.id = g.request_id JOIN requests b ON b.id = g.other_id WHERE g.kind IN ('same', 'apart')
		), pairs AS (
			SELECT one, other, kind FROM live WHERE one <> other UNION SELECT other, one, kind FROM live WHERE one <> other
		), want AS (
			SELECT one, other FROM pairs WHERE kind = 'same' EXCEPT SELECT one, other FROM pairs WHERE kind = 'apart'
		)
		SELECT 'missing ' || one || '-' || other FROM (SELECT * FROM want EXCEPT SELECT request_id, other_id FROM twins) AS absent
		UNION ALL SELECT 'too many ' || request_id || '-' || other_id FROM (SELECT request_id, other_id FROM twins EXCEPT SELECT * FROM want) AS excess`,
	"pair flag": `SELECT reference FROM requests r WHERE twins <> CASE WHEN EXISTS (SELECT 1 FROM twins t WHERE t.request_id = r.id) THEN 1 ELSE 0 END`,
	"indexed":   `SELECT s.id FROM submissions s WHERE s.state = 'filed' AND s.seq NOT IN (SELECT id FROM search_docsize)`,
}

func checkKept(t *testing.T, s *Store, after string) {
	t.Helper()
	for name, query := range keptAside {
		if onPostgres {
			query = strings.ReplaceAll(query, "SELECT id FROM search_docsize", "SELECT doc FROM search")
		}
		if err := (reading{s.read}).rows(t.Context(), query, nil, func(row rowScanner) error {
			var what string
			err := row.Scan(&what)
			t.Errorf("after %s: %s: %s", after, name, what)
			return err
		}); err != nil {
			t.Fatal(name, err)
		}
	}
}

// What lists look at follows whatever is done, in the same transaction.
func TestListsFollowTheActs(t *testing.T) {
	for seed := range uint64(2) {
		h := newHouse(t)
		ctx := t.Context()
		r := rand.New(rand.NewPCG(seed, 5))
		channels := []ingest.Channel{ingest.ChannelMailbox, ingest.ChannelPhone, ingest.ChannelScan, ingest.ChannelWebform}
		var refs, names []string
		reference := func() string { return refs[r.IntN(len(refs))] }
		for i := range 60 {
			var act string
			var err error
			switch n := r.IntN(12); {
			case i < 8 || n == 0:
				name := fmt.Sprintf("n%d", i)
				act = "file " + name
				h.file(name, "", "", by(channels[r.IntN(4)]), func(_ *ingest.Submission, f *ingest.Filing) {
					if len(refs) > 0 && r.IntN(2) == 0 {
						f.Match = suggests(reference())
					}
				})
				refs, names = append(refs, h.in(name)), append(names, name)
			case n < 3:
				a, b := reference(), reference()
				act = "merge " + a + " into " + b
				err = h.s.Merge(ctx, a, b, marie)
			case n < 5:
				name := names[r.IntN(len(names))]
				act = "unlink " + name
				var ref string
				if ref, err = h.s.Unlink(ctx, h.ids[name], marie); err == nil {
					refs = append(refs, ref)
				}
			case n < 7:
				name, ref := names[r.IntN(len(names))], reference()
				act = "link " + name + " to " + ref
				err = h.s.Link(ctx, h.ids[name], ref, ingest.LinkDuplicate, marie)
			case n == 7:
				act = "categorize"
				err = h.s.Categorize(ctx, reference(), "etat-civil", "Accueil", marie)
			case n == 8:
				act = "pieces"
				err = h.s.AskPieces(ctx, reference(), []string{"photo"}, "2026-12-01", "", marie)
			case n == 9:
				act = "pieces came"
				err = h.s.PiecesCame(ctx, reference(), h.now, marie)
			default:
				status := statuses[r.IntN(len(statuses))]
				act = "status " + string(status)
				err = h.s.SetStatus(ctx, reference(), status, "", marie)
			}
			if err != nil && !isRefused(err) {
				t.Fatalf("%s: %v", act, err)
			}
			checkKept(t, h.s, act)
			if t.Failed() {
				return
			}
		}
		counted, err := h.s.TabCounts(ctx, ingest.Viewer{})
		h.ok(err)
		if counted.Duplicates == 0 || counted.Open == 0 {
			t.Errorf("seed %d proves little: %+v", seed, counted)
		}
		verified(t, h.s, 0)
	}
}

// A store of the version before is brought to the same as if it had always been kept.
func TestListsMigration(t *testing.T) {
	onlySQLite(t)
	dir := t.TempDir()
	h := openHouse(t, dir)
	ctx := t.Context()
	h.file("a", "", "", by(ingest.ChannelPhone))
	h.file("b", "", "", func(_ *ingest.Submission, f *ingest.Filing) { f.Match = suggests("2026-000001") })
	h.file("c", "", "", func(_ *ingest.Submission, f *ingest.Filing) { f.Match = suggests("2026-000001", "2026-000002") })
	h.file("d", "", "")
	h.ok(h.s.Merge(ctx, "2026-000002", "2026-000001", marie))
	h.ok(h.s.SetStatus(ctx, "2026-000004", ingest.StatusClosed, "", marie))
	text, err := os.ReadFile(filepath.Join("migrations", "sqlite", "00005_desk.sql"))
	if err != nil {
		t.Fatal(err)
	}
	// The part of the migration that fills what is kept, upon tables as they were before.
	var fill []string
	for _, statement := range strings.Split(string(text), ";") {
		for _, begins := range []string{"UPDATE requests SET channel", "UPDATE requests SET (next_due", "WITH live", "UPDATE requests SET twins"} {
			if i := strings.Index(statement, "\n"+begins); i >= 0 {
				fill = append(fill, statement[i:])
			}
		}
	}
	if len(fill) != 4 {
		t.Fatalf("%d statements of the migration were found", len(fill))
	}
	h.ok(h.s.do(ctx, func(ctx context.Context, tx *tx) error {
		for _, query := range append([]string{
			`DELETE FROM twins`, `UPDATE requests SET channel = '', next_due = 0, next_day = '', next_rule = '', next_article = '', twins = 0`,
		}, fill...) {
			if err := tx.exec(ctx, query); err != nil {
				return fmt.Errorf("%s: %w", query, err)
			}
		}
		return nil
	}))
	checkKept(t, h.s, "migration")
	if n := count(t, h.s, `SELECT count(*) FROM twins`); n != 2 {
		t.Errorf("%d rows of pairs", n)
	}
	if n := count(t, h.s, `SELECT count(*) FROM requests WHERE next_due > 0 AND channel <> ''`); n != 2 {
		t.Errorf("%d requests with a next deadline", n)
	}
}
