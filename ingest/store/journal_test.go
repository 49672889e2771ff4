package store

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"saisine.fr/saisine/ingest"
)

// falsify runs SQL beside the store, as somebody with a copy of sqlite3 would.
func falsify(t *testing.T, dir string, queries ...string) error {
	t.Helper()
	raw := raw(t, dir, "")
	defer raw.Close()
	for _, q := range queries {
		if onPostgres {
			q = strings.ReplaceAll(q, " AS BLOB)", " AS BYTEA)")
		}
		for q := range strings.SplitSeq(q, "; ") {
			if _, err := raw.ExecContext(t.Context(), q); err != nil {
				return err
			}
		}
	}
	return nil
}

// written is a store with a mail that was sent, one that was withheld, one that failed and
// one that came back: nine lines in the journal.
func written(t *testing.T) (*house, string) {
	t.Helper()
	dir := t.TempDir()
	h := openHouse(t, dir)
	h.file("a", "", "")
	h.send(h.mail("1", ingest.MailARE))                                                                             // lines 1 and 2
	h.file("b", "", "", func(_ *ingest.Submission, f *ingest.Filing) { f.Reading.NoReply = "message automatique" }) // 3
	h.ok(h.s.FailDelivery(t.Context(), h.mail("1", ingest.MailService).ID, "550 non"))                              // 4
	h.file("c", "", "")
	h.send(h.mail("3", ingest.MailARE))                          // 5 and 6
	h.report(h.mail("3", ingest.MailARE).ID + "@mairie.example") // 7
	h.send(h.mail("3", ingest.MailService))                      // 8 and 9
	return h, dir
}

// The journal tells, line by line, what was written, and each line has the hash of all before.
func TestJournal(t *testing.T) {
	h, _ := written(t)
	are := h.mail("3", ingest.MailARE)
	list, err := h.s.Journal(t.Context(), are.ID)
	h.ok(err)
	if len(list) != 3 {
		t.Fatalf("%+v", list)
	}
	for i, want := range []struct {
		seq    int64
		kind   string
		detail string
	}{
		{5, "mail.made", `{"message_id":"` + are.ID + `@mairie.example","size":` + strconv.FormatInt(are.Size, 10) + `}`},
		{6, "mail.sent", `{"answer":"250 queued"}`},
		{7, "mail.bounced", `"reason":"non remis à a@example.fr : 5.1.1 no such user"`},
	} {
		e := list[i]
		if e.Seq != want.seq || e.Kind != want.kind || e.Mail != are.ID || e.SHA256 != are.SHA256 || !strings.Contains(string(e.Detail), want.detail) || !e.At.Equal(h.now) || len(e.Hash) != 64 {
			t.Errorf("line %d: %+v", want.seq, e)
		}
	}
	var rep VerifyReport
	if rep, err = h.s.Verify(t.Context(), func(f Finding) { t.Errorf("%+v", f) }, nil); err != nil || rep.Journal != 9 {
		t.Errorf("%d lines, %v", rep.Journal, err)
	}
}

// No two lines are written alike: what moves from one part into the next changes the hash.
func TestJournalChainKeepsPartsApart(t *testing.T) {
	lines := []journalLine{
		{seq: 1, at: 23, kind: "a", mail: "b", sum: "c", detail: "d"},
		{seq: 12, at: 3, kind: "a", mail: "b", sum: "c", detail: "d"},
		{seq: 1, at: 23, kind: "ab", mail: "", sum: "c", detail: "d"},
		{seq: 1, at: 23, kind: "a", mail: "bc", sum: "", detail: "d"},
		{seq: 1, at: 23, kind: "a", mail: "b", sum: "", detail: "cd"},
		{seq: 1, at: 23, kind: "a", mail: "b", sum: "c", detail: "d", hash: "its own is not part of it"},
	}
	seen := map[string]int{}
	for i, l := range lines {
		for _, before := range []string{"", "1"} {
			if j, ok := seen[l.chain(before)]; ok && (i != 5 || j != 0) {
				t.Errorf("lines %d and %d have one hash", i, j)
			}
			if i < 5 {
				seen[l.chain(before)] = i
			}
		}
	}
	if lines[5].chain("") != lines[0].chain("") {
		t.Error("the hash depends on itself")
	}
}

func TestJournalIsOnlyAddedTo(t *testing.T) {
	_, dir := written(t)
	for _, q := range []string{
		`UPDATE journal SET detail = '{}' WHERE seq = 2`,
		`DELETE FROM journal WHERE seq = 9`,
		`DELETE FROM mails WHERE id = (SELECT mail FROM journal WHERE seq = 9)`, // its lines hold it
	} {
		err := falsify(t, dir, q)
		if err == nil {
			t.Errorf("%s: done", q)
		} else if strings.Contains(q, " journal SET") && !strings.Contains(err.Error(), "only added to") {
			t.Errorf("%s: %v", q, err)
		}
	}
}

func TestVerifySeesAFalsifiedJournal(t *testing.T) {
	open := `DROP TRIGGER journal_no_update; DROP TRIGGER journal_no_delete`
	if onPostgres {
		open = `DROP TRIGGER journal_no_change ON journal`
	}
	mailOf := func(seq string) string { return `(SELECT mail FROM journal WHERE seq = ` + seq + `)` }
	for _, tt := range []struct {
		name, query string
		subject     string // a line, or "" for a mail
		detail      string
		findings    int
	}{
		{"another answer of the server", `UPDATE journal SET detail = '{"answer":"250 other"}' WHERE seq = 2`, "2", "changed", 1},
		{"another time", `UPDATE journal SET at = at - 1 WHERE seq = 6`, "6", "changed", 1},
		{"another kind", `UPDATE journal SET kind = 'mail.sent' WHERE seq = 4`, "4", "changed", 2}, // and no line says that it failed
		{"another mail", `UPDATE journal SET mail = ` + mailOf("1") + ` WHERE seq = 9`, "9", "changed", 2},
		{"another hash of the bytes", `UPDATE journal SET sha256 = 'x' WHERE seq = 2`, "2", "changed", 1},
		{"another hash of the line", `UPDATE journal SET hash = 'x' WHERE seq = 5`, "5", "changed", 2}, // and the next one's does not fit
		{"the first line", `DELETE FROM journal WHERE seq = 1`, "2", "lines 1 to 1 are missing", 2},
		{"a line in the middle", `DELETE FROM journal WHERE seq = 4`, "5", "lines 4 to 4 are missing", 2},
		{"several lines", `DELETE FROM journal WHERE seq BETWEEN 4 AND 6`, "7", "lines 4 to 6 are missing", 3},
		{"a line in the middle, the others moved up", `DELETE FROM journal WHERE seq = 2; UPDATE journal SET seq = seq - 1 WHERE seq > 2`, "2", "changed", 8},
		{"the last line", `DELETE FROM journal WHERE seq = 9`, "", "the journal does not say so", 1},
		{"all of them", `DELETE FROM journal`, "", "bytes", 8},
		{"a line put in", `INSERT INTO journal SELECT 10, at, 'mail.failed', mail, sha256, detail, hash FROM journal WHERE seq = 9`, "10", "changed", 1},
		{"the mail's bytes", `UPDATE mails SET content = CAST('other' AS BLOB) WHERE id = ` + mailOf("1"), "", "bytes", 1},
		{"the mail's bytes, and their hash beside them", `UPDATE mails SET content = CAST('x' AS BLOB), sha256 = '2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881' WHERE id = ` + mailOf("1"), "", "bytes", 1},
		{"the hash beside the mail's bytes", `UPDATE mails SET sha256 = '' WHERE id = ` + mailOf("1"), "", "bytes", 1},
		{"the bytes of a mail that is to be sent again", `UPDATE mails SET content = NULL, state = 'queued' WHERE id = ` + mailOf("8"), "", "bytes", 1},
		{"a mail that is said to be sent", `UPDATE mails SET state = 'sent', content = CAST('x' AS BLOB) WHERE id = ` + mailOf("4"), "", "the mail is sent", 2},
		{"a mail that is said not to have come back", `UPDATE mails SET state = 'printed' WHERE id = ` + mailOf("7"), "", "the mail is printed", 1},
		{"bytes of which no line speaks", `UPDATE mails SET content = CAST('x' AS BLOB) WHERE id = ` + mailOf("3"), "", "bytes", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h, dir := written(t)
			h.ok(falsify(t, dir, open, tt.query))
			found := verified(t, h.s, tt.findings)
			if !slices.ContainsFunc(found, func(f Finding) bool {
				return f.Code == FindingJournal && (tt.subject == "" || f.Subject == tt.subject) && strings.Contains(f.Detail, tt.detail)
			}) {
				t.Errorf("%+v", found)
			}
		})
	}
}
