package store

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"saisine.fr/saisine/ingest"
)

// sqlText is a query as it is being written. Parameters are numbered as they appear, as this
// package's SQL needs it.
type sqlText struct {
	strings.Builder
	args []any
}

// arg adds a parameter.
func (b *sqlText) arg(x any) {
	b.args = append(b.args, x)
	b.WriteString("$" + strconv.Itoa(len(b.args)))
}

// and adds a condition that ends in a parameter.
func (b *sqlText) and(condition string, x any) {
	b.WriteString(" AND " + condition + " ")
	b.arg(x)
}

// isOpen is the condition of the index of what is open, word for word.
const isOpen = " AND r.status NOT IN ('answered', 'closed')"

// list is a list that was asked for.
type list struct {
	ingest.Filter
	viewer ingest.Viewer
	now    time.Time
	zone   *time.Location
	hits   *hits // nil without words
}

// open reports whether it shows only what is open.
func (l *list) open() bool {
	if l.Status != "" {
		return !settledStatus(l.Status)
	}
	return !l.Settled
}

// few reports whether the words are found so rarely that their requests are looked at one by
// one.
func (l *list) few() bool { return l.hits != nil && l.hits.n <= fewHits }

// where writes the conditions of the filter upon requests r, the words apart when they are
// not few.
func (b *sqlText) where(l *list) error {
	if l.few() {
		b.WriteString(" AND r.id IN (" + requestsOfHits + ")")
	}
	b.WriteString(" AND r.merged_into IS NULL")
	if l.open() {
		b.WriteString(isOpen)
	}
	for _, eq := range [][2]string{{"r.status", string(l.Status)}, {"r.channel", string(l.Channel)}, {"r.service", l.Service}, {"r.category", l.Category}} {
		if eq[1] != "" {
			b.and(eq[0]+" =", eq[1])
		}
	}
	hidden, args := seenSQL(l.viewer, "r.service", b.args)
	b.WriteString(hidden)
	b.args = args
	if l.Late {
		b.WriteString(isOpen + " AND r.next_due > 0")
		b.and("r.next_due <", micros(l.now))
	}
	if l.Review {
		b.WriteString(" AND r.needs_review = 1")
	}
	if l.Urgent {
		b.WriteString(" AND r.urgent <> '[]'")
	}
	if l.Duplicates {
		b.duplicates(l.viewer)
	}
	if l.Mine {
		b.mine(l.viewer)
	}
	return b.days(l)
}

// duplicates asks for another request that the viewer sees.
func (b *sqlText) duplicates(v ingest.Viewer) {
	b.WriteString(" AND r.twins = 1")
	if len(v.Hidden) == 0 {
		return
	}
	b.WriteString(" AND EXISTS (SELECT 1 FROM twins t JOIN requests o" + listsKey + " ON o.id = t.other_id WHERE t.request_id = r.id")
	hidden, args := seenSQL(v, "o.service", b.args)
	b.WriteString(hidden + ")")
	b.args = args
}

// mine asks for what is assigned to the viewer or, assigned to nobody, belongs to their services.
func (b *sqlText) mine(v ingest.Viewer) {
	b.WriteString(" AND (r.assignee <> '' AND r.assignee = ")
	b.arg(v.Login)
	if len(v.Services) > 0 {
		b.WriteString(" OR r.assignee = '' AND r.service <> '' AND r.service IN (")
		for i, service := range v.Services {
			if i > 0 {
				b.WriteString(", ")
			}
			b.arg(service)
		}
		b.WriteString(")")
	}
	b.WriteString(")")
}

// days asks for the days by the town's calendar.
func (b *sqlText) days(l *list) error {
	for _, d := range []struct {
		day, condition string
		add            int
	}{{l.From, "r.opened_at >=", 0}, {l.To, "r.opened_at <", 1}} {
		if d.day == "" {
			continue
		}
		at, err := time.ParseInLocation(time.DateOnly, d.day, l.zone)
		if err != nil {
			return refused("%q is no day; write it as 2026-04-23", d.day)
		}
		b.and(d.condition, micros(at.AddDate(0, 0, d.add)))
	}
	return nil
}

// stretch is a part of a list that lies in one order of one index.
type stretch struct {
	key  string // what it is sorted by, with the id
	down bool
	cond string
	hint string
}

// undatedKey stands for no date where dated and undated ones are sorted together. Cursors have
// 0 for it all the same.
const (
	undatedKey = "9223372036854775807" // math.MaxInt64
	isUndated  = " AND r.next_due = 0"
)

// stretches returns the parts of the list, the first one first.
func (l *list) stretches() []stretch {
	newest := []stretch{{key: "r.opened_at", down: !l.Back, hint: l.hint()}}
	if l.Order != ingest.OrderDue {
		return newest
	}
	if l.few() {
		return []stretch{{key: "CASE r.next_due WHEN 0 THEN " + undatedKey + " ELSE r.next_due END", down: l.Back, hint: listsKey}}
	}
	// What has no date comes last.
	dated := stretch{key: "r.next_due", down: l.Back, cond: " AND r.next_due > 0", hint: listsDue}
	undated := stretch{key: "r.next_due", down: l.Back, cond: isUndated, hint: listsDue}
	if l.Back {
		return []stretch{undated, dated}
	}
	return []stretch{dated, undated}
}

// hint names the index through which the newest are found soonest.
func (l *list) hint() string {
	switch {
	case l.few():
		return listsKey
	case l.Late:
		return listsDue
	case l.Duplicates:
		return listsTwins
	case l.Urgent:
		return listsUrgent
	case l.Review:
		return listsReview
	case l.open():
		return listsOpen
	}
	return listsAll
}

// cursor is where a page ends: the key and the id of its last request.
type cursor struct {
	order ingest.Order
	key   int64
	id    int64
	// total is what the first page has counted, and more whether there are more.
	total int
	more  bool
}

func (c cursor) String() string {
	letter := "n"
	if c.order == ingest.OrderDue {
		letter = "d"
	}
	n := strconv.Itoa(c.total)
	if c.more {
		n += "+"
	}
	return fmt.Sprintf("%s.%d.%d.%s", letter, c.key, c.id, n)
}

// parseCursor reads what String wrote. ok is false for anything else, and for the cursor of
// another order.
func parseCursor(text string, order ingest.Order) (c cursor, ok bool) {
	parts := strings.Split(text, ".")
	if len(parts) != 4 {
		return c, false
	}
	c.order = ingest.OrderNewest
	if parts[0] == "d" {
		c.order = ingest.OrderDue
	}
	total, plus := strings.CutSuffix(parts[3], "+")
	c.more = plus
	var err [3]error
	c.key, err[0] = strconv.ParseInt(parts[1], 10, 64)
	c.id, err[1] = strconv.ParseInt(parts[2], 10, 64)
	c.total, err[2] = strconv.Atoi(total)
	if err != [3]error{} || c.total < 0 || c.total > ingest.ListCounted || c.String() != text {
		return cursor{}, false
	}
	return c, c.order == order
}

// after adds the condition that a request comes behind the cursor in a stretch. It reports
// false when the whole stretch lies before it.
func (b *sqlText) after(l *list, s stretch, c *cursor) bool {
	if c == nil {
		return true
	}
	key := c.key
	if l.Order == ingest.OrderDue {
		undated := s.cond == isUndated
		switch {
		case l.few() && key == 0:
			key = math.MaxInt64
		case !l.few() && undated != (key == 0):
			return undated != l.Back // the other stretch: all of it comes, or all has been
		}
	}
	sign := " > ("
	if s.down {
		sign = " < ("
	}
	b.WriteString(" AND (" + s.key + ", r.id)" + sign)
	b.arg(key)
	b.WriteString(", ")
	b.arg(c.id)
	b.WriteString(")")
	return true
}

// order writes the order of a stretch.
func (s stretch) order() string {
	if s.down {
		return " ORDER BY " + s.key + " DESC, r.id DESC"
	}
	return " ORDER BY " + s.key + ", r.id"
}

// pageQuery asks for the ids and keys of a stretch, as many as there is room for, and of few
// hits how many there are; 0 otherwise.
func (l *list) pageQuery(s stretch, c *cursor, room int) (*sqlText, bool, error) {
	b := l.begin()
	count := "0"
	if l.few() {
		count = "count(*) OVER ()"
	}
	b.WriteString("SELECT r.id, " + s.key + ", " + count + " FROM requests r" + s.hint + " WHERE 1 = 1" + s.cond)
	if err := b.where(l); err != nil {
		return nil, false, err
	}
	if !b.after(l, s, c) {
		return nil, false, nil
	}
	b.WriteString(s.order() + " LIMIT ")
	b.arg(room)
	return b, true, nil
}

// walkQuery asks for the ids, keys and submissions of a stretch, to look which have words.
func (l *list) walkQuery(s stretch, c *cursor) (*sqlText, bool, error) {
	b := l.begin()
	// CROSS JOIN keeps SQLite to this order of the tables.
	b.WriteString("SELECT r.id, " + s.key + ", s.seq FROM requests r" + s.hint + " CROSS JOIN submissions s" + ofRequest + " WHERE s.request_id = r.id" + s.cond)
	if err := b.where(l); err != nil {
		return nil, false, err
	}
	if !b.after(l, s, c) {
		return nil, false, nil
	}
	b.WriteString(s.order())
	return b, true, nil
}

// countQuery counts the list, as far as lists count.
func (l *list) countQuery() (*sqlText, error) {
	b := l.begin()
	b.WriteString("SELECT count(*) FROM (SELECT 1 FROM requests r" + l.hint() + " WHERE 1 = 1")
	if err := b.where(l); err != nil {
		return nil, err
	}
	b.WriteString(" LIMIT " + strconv.Itoa(ingest.ListCounted+1) + ") AS counted")
	return b, nil
}

// begin begins a query, with the numbers of few hits as its first parameter.
func (l *list) begin() *sqlText {
	b := &sqlText{}
	if l.few() {
		b.args = append(b.args, l.hits.list)
	}
	return b
}
