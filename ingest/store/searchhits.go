package store

import "context"

// The indexes by which the lists go (see the migration). Without figures about the tables
// SQLite cannot know which one fits, so each query names its own; for PostgreSQL, which has
// them, the names are left out (see translate).
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

// findHits asks the index.
func findHits(ctx context.Context, search searcher, run sqlRunner, q searchQuery) (*hits, error) {
	n, list, err := search.find(ctx, run, q)
	if err != nil {
		return nil, unavailable(err)
	}
	h := &hits{n: n, list: "[" + list + "]"}
	h.read(list)
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
