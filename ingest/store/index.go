package store

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"saisine.fr/saisine/ingest"
)

// The index of what submissions are compared by. Each key (a bucket of the text's hash, or
// a fact) is a row that points to a submission, and the newest bucketMax of a key are kept,
// so that a petition with 20,000 signatures costs no more than one with 64. The SQL is the
// same for SQLite and PostgreSQL; `make bench-match` runs it on both.
const (
	bucketMax = 64
	// How many submissions are compared for their text, for what they quote, for their facts
	// and for their words.
	bandsMax, quotedMax, factsMax, wordsMax = 12, 8, 16, 12
	// twinsMax bounds those with the same text key.
	twinsMax = 12
)

// sqlRunner runs SQL with parameters $1, $2, … inside a transaction.
type sqlRunner interface {
	exec(ctx context.Context, query string, args ...any) error
	row(ctx context.Context, query string, args ...any) rowScanner
	rows(ctx context.Context, query string, args []any, f func(rowScanner) error) error
}

// matchIndex is the index inside a transaction.
type matchIndex struct {
	run    sqlRunner
	engine engine
}

// full are keys of which there are bucketMax rows, with the oldest of them.
type full map[int64]int64

// keysPerQuery is how many keys one query looks up. SQLite takes 500 parts
// (SQLITE_MAX_COMPOUND_SELECT); a fixed number keeps the statements that are prepared few.
const keysPerQuery = 32

// lookupQuery finds the newest rows of n keys, each by a walk of the primary key, and
// brings them in one row for each key: reading rows costs more than finding them.
func lookupQuery(n int, e engine) string {
	parts := make([]string, n)
	for i := range parts {
		p := "$" + strconv.Itoa(i+1)
		parts[i] = `SELECT CAST(` + p + ` AS BIGINT) AS key, ` + e.joined("doc") + ` AS docs FROM (SELECT doc FROM match_keys WHERE key = ` + p +
			` ORDER BY doc DESC LIMIT ` + strconv.Itoa(bucketMax) + `) AS k` + strconv.Itoa(i)
	}
	return strings.Join(parts, " UNION ALL ")
}

// insertQuery adds n keys of one document, which is the last parameter.
func insertQuery(n int) string {
	parts := make([]string, n)
	for i := range parts {
		// Parameters appear in order, as SQLite numbers them.
		parts[i] = `($` + strconv.Itoa(2*i+1) + `, $` + strconv.Itoa(2*i+2) + `)`
	}
	return `INSERT INTO match_keys (key, doc) VALUES ` + strings.Join(parts, ", ") + ` ON CONFLICT (key, doc) DO NOTHING`
}

var (
	lookupMany = map[engine]string{sqlite{}: lookupQuery(keysPerQuery, sqlite{}), postgres{}: lookupQuery(keysPerQuery, postgres{})}
	insertMany = map[int]string{32: insertQuery(32), 8: insertQuery(8), 2: insertQuery(2), 1: insertQuery(1)}
	alikeMany  = alikeQuery + `WHERE m.doc IN (` + parameters(keysPerQuery) + `)`
)

// parameters returns $1 to $n.
func parameters(n int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = "$" + strconv.Itoa(i+1)
	}
	return strings.Join(list, ", ")
}

// padded calls f with keys in runs of keysPerQuery, the last one filled up with NULL,
// which is equal to nothing: so one statement does for any number.
func padded(keys []int64, f func(args []any) error) error {
	for part := range slices.Chunk(keys, keysPerQuery) {
		args := make([]any, keysPerQuery)
		for i, k := range part {
			args[i] = k
		}
		if err := f(args); err != nil {
			return err
		}
	}
	return nil
}

// lookup returns the newest documents of each key, newest first.
func (x matchIndex) lookup(ctx context.Context, keys []int64, filled full) (map[int64][]int64, error) {
	rows := make(map[int64][]int64, len(keys))
	err := padded(keys, func(args []any) error {
		return x.run.rows(ctx, lookupMany[x.engine], args, func(r rowScanner) error {
			var key sql.NullInt64 // NULL for what fills the query up
			var docs sql.NullString
			if err := r.Scan(&key, &docs); err != nil || docs.String == "" {
				return err
			}
			list, err := parseDocs(docs.String)
			rows[key.Int64] = list
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("store: look up likeness: %w", err)
	}
	for key, docs := range rows {
		if len(docs) == bucketMax {
			filled[key] = docs[bucketMax-1]
		}
	}
	return rows, nil
}

// parseDocs reads numbers joined by commas, and puts the newest first.
func parseDocs(s string) ([]int64, error) {
	out := make([]int64, 0, bucketMax)
	for part := range strings.SplitSeq(s, ",") {
		n, err := strconv.ParseInt(part, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("store: look up likeness: %w", err)
		}
		out = append(out, n)
	}
	slices.SortFunc(out, func(a, b int64) int { return cmp.Compare(b, a) })
	return out, nil
}

// hit is a document that has some of the keys looked up.
type hit struct {
	doc    int64
	keys   int
	weight float64 // more for keys that few have
}

// likeliest returns the documents with the weightiest hits of keys, of equals the newest.
func likeliest(rows map[int64][]int64, keys []int64, max int) []hit {
	byDoc := map[int64]hit{}
	for _, key := range keys {
		weight := 1 / math.Sqrt(float64(len(rows[key])))
		for _, doc := range rows[key] {
			h := byDoc[doc]
			byDoc[doc] = hit{doc, h.keys + 1, h.weight + weight}
		}
	}
	out := slices.Collect(maps.Values(byDoc))
	slices.SortFunc(out, func(a, b hit) int { return cmp.Or(cmp.Compare(b.weight, a.weight), cmp.Compare(b.doc, a.doc)) })
	return out[:min(len(out), max)]
}

// insert adds the keys of a document, and takes the oldest out of those that are full.
func (x matchIndex) insert(ctx context.Context, doc int64, keys []int64, filled full) error {
	var err error
	for rest := keys; len(rest) > 0 && err == nil; {
		n := keysPerQuery
		for n > len(rest) {
			n = max(1, n/4)
		}
		args := make([]any, 0, 2*n)
		for _, k := range rest[:n] {
			args = append(args, k, doc)
		}
		err = x.run.exec(ctx, insertMany[n], args...)
		rest = rest[n:]
	}
	for _, k := range keys {
		if oldest, ok := filled[k]; ok && err == nil {
			err = x.run.exec(ctx, `DELETE FROM match_keys WHERE key = $1 AND doc <= $2`, k, oldest)
		}
	}
	if err != nil {
		return fmt.Errorf("store: index likeness: %w", err)
	}
	return nil
}

// profileKeys are the keys under which a submission is kept.
func profileKeys(p ingest.Profile) []int64 {
	keys := slices.Concat(p.Bands, p.Facts, p.Words)
	slices.Sort(keys)
	return slices.Compact(keys)
}

// packKeys writes keys one after another, eight bytes each.
func packKeys(keys []int64) []byte {
	out := make([]byte, 0, 8*len(keys))
	for _, k := range keys {
		out = binary.BigEndian.AppendUint64(out, uint64(k))
	}
	return out
}

// saveProfile keeps what a submission is compared by.
func saveProfile(ctx context.Context, x matchIndex, doc int64, p ingest.Profile, filled full) error {
	keys := profileKeys(p)
	if len(keys) == 0 && len(p.Summary) == 0 {
		return nil // nothing that it could be compared by
	}
	if len(filled) == 0 {
		// What was linked by its thread has looked nothing up yet, and fills buckets all the same.
		if _, err := x.lookup(ctx, keys, filled); err != nil {
			return err
		}
	}
	if err := x.run.exec(ctx, `INSERT INTO match_docs (doc, summary, keys) VALUES ($1, $2, $3)
		ON CONFLICT (doc) DO UPDATE SET summary = excluded.summary, keys = excluded.keys`, doc, append([]byte{}, p.Summary...), packKeys(keys)); err != nil {
		return err
	}
	return x.insert(ctx, doc, keys, filled)
}

// Alike implements ingest.Candidates.
func (c candidates) Alike(ctx context.Context, p ingest.Profile) ([]ingest.Candidate, error) {
	out, err := c.byTextKey(ctx, p.TextKey)
	if err != nil {
		return nil, err
	}
	out = out[:min(len(out), twinsMax)]
	for i := range out {
		out[i].Shared = len(p.Bands)
	}
	all := slices.Concat(p.Bands, p.Quoted, p.Facts, p.Words)
	slices.Sort(all)
	rows, err := matchIndex{c.run, c.store.engine}.lookup(ctx, slices.Compact(all), c.full)
	if err != nil {
		return nil, err
	}
	var docs []int64
	place := map[int64]int{} // in docs: the likeliest first
	shared := map[int64]int{}
	for _, l := range []struct {
		keys   []int64
		max    int
		bucket bool
	}{{p.Bands, bandsMax, true}, {p.Quoted, quotedMax, true}, {p.Facts, factsMax, false}, {p.Words, wordsMax, false}} {
		for _, h := range likeliest(rows, l.keys, l.max) {
			if _, again := place[h.doc]; !again {
				place[h.doc] = len(docs)
				docs = append(docs, h.doc)
			}
			if l.bucket {
				shared[h.doc] += h.keys
			}
		}
	}
	err = padded(docs, func(args []any) error {
		found, err := c.load(ctx, alikeMany, args)
		slices.SortFunc(found, func(a, b numbered) int { return cmp.Compare(place[a.seq], place[b.seq]) })
		for _, k := range found {
			k.Shared = shared[k.seq]
			if !slices.ContainsFunc(out, func(have ingest.Candidate) bool { return have.SubmissionID == k.SubmissionID }) {
				out = append(out, k.Candidate)
			}
		}
		return err
	})
	return out, err
}

// Suggested implements ingest.Candidates.
func (c candidates) Suggested(ctx context.Context, reference string) ([]ingest.Suggestion, error) {
	var out []ingest.Suggestion
	err := c.run.rows(ctx, suggestedQuery, []any{reference}, func(r rowScanner) error {
		s := ingest.Suggestion{Kind: ingest.SuggestSame}
		err := r.Scan(&s.Reference, &s.Score, &s.Why)
		out = append(out, s)
		return err
	})
	return out, err
}

// suggestedQuery looks both ways, each from an index. A request that was merged stands for
// the one that it went into.
const suggestedQuery = `SELECT reference, score, why FROM (
	SELECT * FROM (SELECT o.reference, g.score, g.why FROM requests r JOIN suggestions g ON g.request_id = r.id
		JOIN requests m ON m.id = g.other_id JOIN requests o ON o.id = coalesce(m.merged_into, m.id)
		WHERE r.reference = $1 AND g.kind = 'same' ORDER BY g.score DESC LIMIT 8) AS forth
	UNION ALL SELECT * FROM (SELECT o.reference, g.score, g.why FROM requests r JOIN suggestions g ON g.other_id = r.id AND g.kind = 'same'
		JOIN requests m ON m.id = g.request_id JOIN requests o ON o.id = coalesce(m.merged_into, m.id)
		WHERE r.reference = $1 ORDER BY g.score DESC LIMIT 8) AS back) AS both_ways WHERE reference <> $1 ORDER BY score DESC, reference LIMIT 8`
