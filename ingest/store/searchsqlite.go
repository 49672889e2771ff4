package store

import (
	"context"
	"database/sql"
	"errors"
	"strings"
)

// What lists and search need of SQLite alone: FTS5, and hints to its planner. Another
// database has its own of these.

// sqliteIndexes are the indexes by which the lists go (see the migration). Without figures
// about the tables SQLite cannot know which one fits, so each query names its own.
const (
	listsAll    = " INDEXED BY lists_all"
	listsOpen   = " INDEXED BY lists_open"
	listsReview = " INDEXED BY lists_review"
	listsTwins  = " INDEXED BY lists_twins"
	listsUrgent = " INDEXED BY lists_urgent"
	listsDue    = " INDEXED BY lists_due"
	listsKey    = " INDEXED BY lists_key"
	searchDocs  = " INDEXED BY search_docs"
	ofRequest   = " INDEXED BY submissions_request"
)

// fewHits is up to how many rows of the index a search looks at each request that has one of
// them. When there are more, it goes through the list in its order instead, and looks which
// have one: that soon fills a page.
var fewHits = 10_000

// requestsOfHits are the requests of the rows of the index whose numbers are in a JSON list.
// A negative one is that of a request itself.
const requestsOfHits = `SELECT s.request_id FROM json_each($1) h JOIN submissions s` + searchDocs + ` ON s.seq = h.value WHERE s.request_id IS NOT NULL
	UNION SELECT -value FROM json_each($1) WHERE value < 0`

// hits are the rows of the index that a query found.
type hits struct {
	n    int
	list string // JSON
	// submissions and requests have a bit for each.
	submissions, requests bits
}

// bits is a set of small numbers.
type bits []uint64

func (b *bits) add(n int64) {
	if have := int64(len(*b)); have <= n>>6 {
		*b = append(*b, make(bits, n>>6+1-have)...)
	}
	(*b)[n>>6] |= 1 << (n & 63)
}

func (b bits) has(n int64) bool { return n >= 0 && n>>6 < int64(len(b)) && b[n>>6]&(1<<(n&63)) != 0 }

// findHits asks the index. All numbers come in one row: reading rows costs more than finding
// them.
func findHits(ctx context.Context, run sqlRunner, q searchQuery) (*hits, error) {
	var list sql.NullString
	h := &hits{}
	if err := run.row(ctx, `SELECT count(*), group_concat(rowid) FROM search WHERE search MATCH $1`, ftsExpression(q)).Scan(&h.n, &list); err != nil {
		return nil, unavailable(err)
	}
	h.list = "[" + list.String + "]"
	h.read(list.String)
	return h, nil
}

// read takes the numbers of a list as group_concat writes it. There may be hundreds of
// thousands.
func (h *hits) read(list string) {
	n, negative := int64(0), false
	for i := 0; i <= len(list); i++ {
		switch {
		case i == len(list) || list[i] == ',':
			if negative {
				h.requests.add(n)
			} else if n > 0 {
				h.submissions.add(n)
			}
			n, negative = 0, false
		case list[i] == '-':
			negative = true
		default:
			n = n*10 + int64(list[i]-'0')
		}
	}
}

// ftsExpression writes a query as FTS5 wants it (sqlite.org/fts5.html#full_text_query_syntax).
// Its words are letters and digits, each in quotes.
func ftsExpression(q searchQuery) string {
	terms := make([]string, len(q.terms))
	for i, t := range q.terms {
		forms := make([]string, len(t))
		for j, f := range t {
			forms[j] = `"` + strings.Join(f.words, " ") + `"`
			if f.prefix {
				forms[j] += " *"
			}
		}
		terms[i] = "(" + strings.Join(forms, " OR ") + ")"
	}
	return strings.Join(terms, " AND ")
}

// indexWords puts the words of a submission (its seq) or a request (its negative id) into the
// index, in the place of those that it had.
func indexWords(ctx context.Context, run sqlRunner, row int64, words string) error {
	if words == "" {
		return run.exec(ctx, `DELETE FROM search WHERE rowid = $1`, row)
	}
	return run.exec(ctx, `INSERT OR REPLACE INTO search (rowid, words) VALUES ($1, $2)`, row, words)
}

// isIndexed reports whether the index has a row.
func isIndexed(ctx context.Context, run sqlRunner, row int64) (bool, error) {
	var n int
	err := run.row(ctx, `SELECT 1 FROM search_docsize WHERE id = $1`, row).Scan(&n)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// clearIndex forgets all words.
func clearIndex(ctx context.Context, run sqlRunner) error {
	return run.exec(ctx, `INSERT INTO search (search) VALUES ('delete-all')`)
}

// askIndexes asks each full-text index something. SQLite's integrity_check looks at what its
// connection remembers of an index, which must not be older than the transaction.
func askIndexes(ctx context.Context, run sqlRunner) error {
	var names []string
	if err := run.rows(ctx, `SELECT name FROM sqlite_schema WHERE type = 'table' AND sql LIKE 'CREATE VIRTUAL TABLE% fts5%'`, nil, func(row rowScanner) error {
		var name string
		err := row.Scan(&name)
		names = append(names, name)
		return err
	}); err != nil {
		return err
	}
	for _, name := range names {
		var n int
		// Should it fail, the check says why.
		_ = run.row(ctx, `SELECT count(*) FROM `+name+` WHERE `+name+` MATCH 'mairie'`).Scan(&n)
	}
	return nil
}
