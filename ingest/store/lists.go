package store

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"

	"saisine.fr/saisine/ingest"
)

const (
	// listPage is how many items a page has, unless the filter says otherwise, and maxListPage
	// how many at most.
	listPage, maxListPage = 50, 200
	// walkCounted and walkMax bound the counting of what has words that stand everywhere: so
	// many requests, and so many rows looked at.
	walkCounted, walkMax = 1000, 60_000
	// listText is how many characters of a text are looked at for the beginning that a list
	// shows.
	listText = "400"
)

// snapshot reads inside one transaction: a page, its figures and its texts fit together.
type snapshot struct{ tx *sql.Tx }

func (r snapshot) exec(context.Context, string, ...any) error { return errReading }

func (r snapshot) row(ctx context.Context, query string, args ...any) rowScanner {
	return foreignRow{r.tx.QueryRowContext(ctx, query, args...)}
}

func (r snapshot) rows(ctx context.Context, query string, args []any, f func(rowScanner) error) error {
	return each(f, func() (*sql.Rows, error) { return r.tx.QueryContext(ctx, query, args...) })
}

// inSnapshot runs f in a transaction that reads.
func (s *Store) inSnapshot(ctx context.Context, f func(run snapshot) error) error {
	tx, err := s.read.BeginTx(ctx, nil)
	if err != nil {
		return unavailable(err)
	}
	return errors.Join(f(snapshot{tx}), ignoreDone(tx.Rollback()))
}

func ignoreDone(err error) error {
	if errors.Is(err, sql.ErrTxDone) {
		return nil // ctx ended it
	}
	return err
}

// List returns a page of the requests that the filter chooses, as the viewer sees them.
// Requests that were merged are in no list. A filter that makes no sense is an ErrRefused; an
// After that is none of this list gives its first page. Pages are complete and hold nothing
// twice while requests are added; one that changes its place meanwhile is where it is then.
func (s *Store) List(ctx context.Context, v ingest.Viewer, f ingest.Filter) (ingest.ListPage, error) {
	f.Limit = min(cmp.Or(max(f.Limit, 0), listPage), maxListPage)
	f.Order = cmp.Or(f.Order, ingest.OrderNewest)
	l := &list{Filter: f, viewer: v, now: s.opts.Now(), zone: s.opts.Zone}
	var page ingest.ListPage
	err := s.inSnapshot(ctx, func(run snapshot) error {
		found, err := s.named(ctx, run, l)
		if err != nil || found != nil {
			if l.Beside != "" || l.After != "" {
				return err // a list of one: nothing comes behind it
			}
			page.Total = len(found)
			if err == nil {
				page.Items, err = s.listItems(ctx, run, l, nil, found)
			}
			return err
		}
		page, err = s.listPage(ctx, run, l)
		return err
	})
	if err != nil {
		return ingest.ListPage{}, err
	}
	return page, nil
}

// namedBy find the request of a submission's id, of a reference, and of a number in a register.
const (
	namedByReference  = `SELECT coalesce(merged_into, id) FROM requests WHERE reference = $1`
	namedBySubmission = `SELECT request_id FROM submissions WHERE id = $1`
	namedByRegister   = `SELECT coalesce(q.merged_into, q.id) FROM register g LEFT JOIN submissions s ON s.id = g.submission_id LEFT JOIN mails m ON m.id = g.mail_id
		JOIN requests q ON q.id = coalesce(s.request_id, m.request_id) WHERE g.direction = $1 AND g.year = $2 AND g.number = $3`
)

// named returns the request that the words name, by its reference, by the id of one of its
// submissions or by a number in a register, whatever else the filter says; nil when they name
// none that the viewer sees.
func (s *Store) named(ctx context.Context, run snapshot, l *list) ([]place, error) {
	var query string
	var args []any
	if reference := asReference(l.Words); reference != "" {
		query, args = namedByReference, []any{reference}
	} else if id := asSubmission(l.Words); id != "" {
		query, args = namedBySubmission, []any{id}
	} else if d, year, number, ok := asRegistered(l.Words); ok {
		query, args = namedByRegister, []any{string(d), year, number}
	} else {
		return nil, nil
	}
	hidden, args := seenSQL(l.viewer, "r.service", args)
	var found []place
	err := run.rows(ctx, `SELECT r.id FROM requests r WHERE r.id = (`+query+`)`+hidden, args, func(row rowScanner) error {
		var p place
		err := row.Scan(&p.id)
		found = append(found, p)
		return err
	})
	return found, err
}

// place is a request with its key in a list.
type place struct{ id, key int64 }

func (s *Store) listPage(ctx context.Context, run snapshot, l *list) (ingest.ListPage, error) {
	var page ingest.ListPage
	var query searchQuery
	if strings.TrimSpace(l.Words) != "" {
		query = parseQuery(l.Words)
		page.Ignored = query.ignored
		if len(query.terms) > 0 {
			var err error
			if l.hits, err = findHits(ctx, s.engine, run, query); err != nil {
				return page, err
			}
		}
	}
	start, err := s.listStart(ctx, run, l)
	if err != nil {
		return page, err
	}
	found, counted, err := findPlaces(ctx, run, l, start)
	if err != nil {
		return page, err
	}
	page.Total, page.More = counted.total, counted.more
	if len(found) > l.Limit {
		found = found[:l.Limit]
		end := counted
		end.order, end.key, end.id = l.Order, found[l.Limit-1].key, found[l.Limit-1].id
		page.Next = end.String()
	}
	page.Items, err = s.listItems(ctx, run, l, &query, found)
	return page, err
}

// listStart returns where a list begins; nil at its beginning.
func (s *Store) listStart(ctx context.Context, run snapshot, l *list) (*cursor, error) {
	if l.Beside != "" {
		q, err := s.visible(ctx, run, l.viewer, l.Beside)
		if err != nil {
			return nil, err
		}
		c := &cursor{order: l.Order, id: q.id}
		column := "opened_at"
		if l.Order == ingest.OrderDue {
			column = "next_due"
		}
		err = run.row(ctx, `SELECT `+column+` FROM requests WHERE id = $1`, q.id).Scan(&c.key)
		return c, err
	}
	if c, ok := parseCursor(l.After, l.Order); ok {
		return &c, nil
	}
	return nil, nil
}

// findPlaces finds the requests of a page and one more, and counts the list.
func findPlaces(ctx context.Context, run snapshot, l *list, start *cursor) (found []place, counted cursor, err error) {
	if start != nil {
		counted = *start
	}
	if l.hits != nil && !l.few() {
		found, total, more, err := walk(ctx, run, l, start)
		if start == nil {
			counted.total, counted.more = total, more
		}
		return found, counted, err
	}
	total := 0
	for _, s := range l.stretches() {
		room := l.Limit + 1 - len(found)
		if room == 0 {
			break
		}
		b, some, err := l.pageQuery(s, start, room)
		if err != nil {
			return nil, counted, err
		}
		if !some {
			continue
		}
		if err := run.rows(ctx, b.String(), b.args, func(row rowScanner) error {
			var p place
			err := row.Scan(&p.id, &p.key, &total)
			if p.key == math.MaxInt64 {
				p.key = 0
			}
			found = append(found, p)
			return err
		}); err != nil {
			return nil, counted, err
		}
	}
	switch {
	case start != nil:
	case l.few():
		counted.total = total
	case len(found) <= l.Limit:
		counted.total = len(found)
	default:
		b, err := l.countQuery()
		if err != nil {
			return nil, counted, err
		}
		if err := run.row(ctx, b.String(), b.args...).Scan(&counted.total); err != nil {
			return nil, counted, err
		}
	}
	if counted.total > ingest.ListCounted {
		counted.total, counted.more = ingest.ListCounted, true
	}
	return found, counted, nil
}

// errWalked ends a walk that has seen enough.
var errWalked = errors.New("store: seen enough")

// walk goes through the list in its order and takes the requests that have hits. On a first
// page it goes on to count for a while.
func walk(ctx context.Context, run snapshot, l *list, start *cursor) (found []place, total int, more bool, err error) {
	seen, last := 0, int64(0)
	for _, s := range l.stretches() {
		b, some, err := l.walkQuery(s, start)
		if err != nil {
			return nil, 0, false, err
		}
		if !some {
			continue
		}
		err = run.rows(ctx, b.String(), b.args, func(row rowScanner) error {
			var p place
			var seq int64
			if err := row.Scan(&p.id, &p.key, &seq); err != nil {
				return err
			}
			seen++
			if p.id != last && (l.hits.submissions.has(seq) || l.hits.requests.has(p.id)) {
				last = p.id
				total++
				if len(found) <= l.Limit {
					found = append(found, p)
				}
			}
			full := len(found) > l.Limit
			switch {
			case full && (start != nil || l.Beside != ""):
				return errWalked
			case full && (total > walkCounted || seen > walkMax):
				total, more = total-1, true
				return errWalked
			}
			return nil
		})
		if errors.Is(err, errWalked) {
			return found, total, more, nil
		}
		if err != nil {
			return nil, 0, false, err
		}
	}
	return found, total, false, nil
}

const listItemQuery = `SELECT r.id, r.reference, r.subject, r.sender_name, r.sender_email, r.sender_phone, r.place, r.channel, r.category, r.service, r.status,
	r.needs_review, r.confidence, r.urgent, r.assignee, r.opened_at, r.next_due, r.next_day, r.next_rule, r.next_article, substr(r.body, 1, ` + listText + `),
	(SELECT count(*) FROM submissions s` + ofRequest + ` WHERE s.request_id = r.id) FROM requests r WHERE r.id IN (SELECT value FROM json_each($1))`

// listItems reads what a list shows of requests, in their order.
func (s *Store) listItems(ctx context.Context, run snapshot, l *list, query *searchQuery, places []place) ([]ingest.ListItem, error) {
	if len(places) == 0 {
		return nil, nil
	}
	ids := make([]int64, len(places))
	for i, p := range places {
		ids[i] = p.id
	}
	list, err := json.Marshal(ids)
	if err != nil {
		return nil, fmt.Errorf("store: list: %w", err)
	}
	byID := make(map[int64]ingest.ListItem, len(places))
	if err := run.rows(ctx, listItemQuery, []any{string(list)}, func(row rowScanner) error {
		id, item, err := s.scanListItem(row, l)
		byID[id] = item
		return err
	}); err != nil {
		return nil, err
	}
	twins, err := twinsSeen(ctx, run, l.viewer, string(list))
	if err != nil {
		return nil, err
	}
	var passages map[int64][]ingest.Piece
	if query != nil && l.hits != nil {
		if passages, err = foundPassages(ctx, s.engine, run, l.hits, *query, string(list)); err != nil {
			return nil, err
		}
	}
	items := make([]ingest.ListItem, 0, len(places))
	for _, p := range places {
		item, ok := byID[p.id]
		if !ok {
			continue
		}
		item.Duplicates = twins[p.id]
		if found := passages[p.id]; found != nil {
			item.Passage = found
		}
		for _, piece := range item.Passage {
			item.Excerpt += piece.Text
		}
		items = append(items, item)
	}
	return items, nil
}

func (s *Store) scanListItem(row rowScanner, l *list) (int64, ingest.ListItem, error) {
	var q ingest.ListItem
	var id, opened, due int64
	var channel, status, urgent, body, email, phone string
	var review int
	if err := row.Scan(&id, &q.Reference, &q.Subject, &q.Sender, &email, &phone, &q.Place, &channel, &q.Category, &q.Service, &status,
		&review, &q.Confidence, &urgent, &q.Assignee, &opened, &due, &q.Day, &q.Rule, &q.Article, &body, &q.Pieces); err != nil {
		return 0, q, err
	}
	q.Sender = cmp.Or(q.Sender, email, phone)
	q.Channel, q.Status, q.NeedsReview, q.Urgent = ingest.Channel(channel), ingest.Status(status), review != 0, urgent != "[]"
	q.OpenedAt, q.Due = s.time(opened), s.time(due)
	q.Late = due != 0 && q.Due.Before(l.now) && !settledStatus(q.Status)
	q.Passage = beginning(body)
	return id, q, nil
}

// TabCounts returns the figures on the tabs of the desk, each counted up to ListCounted.
func (s *Store) TabCounts(ctx context.Context, v ingest.Viewer) (ingest.TabCounts, error) {
	var n ingest.TabCounts
	err := s.inSnapshot(ctx, func(run snapshot) error {
		for _, tab := range []struct {
			into   *int
			filter ingest.Filter
		}{
			{&n.Open, ingest.Filter{}},
			{&n.Review, ingest.Filter{Review: true}},
			{&n.Duplicates, ingest.Filter{Duplicates: true}},
			{&n.Late, ingest.Filter{Late: true}},
			{&n.Mine, ingest.Filter{Mine: true}},
			{&n.Urgent, ingest.Filter{Urgent: true}},
		} {
			b, err := (&list{Filter: tab.filter, viewer: v, now: s.opts.Now(), zone: s.opts.Zone}).countQuery()
			if err != nil {
				return err
			}
			if err := run.row(ctx, b.String(), b.args...).Scan(tab.into); err != nil {
				return err
			}
			*tab.into = min(*tab.into, ingest.ListCounted)
		}
		return nil
	})
	return n, err
}
