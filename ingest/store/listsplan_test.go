package store

import (
	"fmt"
	"strings"
	"testing"

	"saisine.fr/saisine/ingest"
)

// Every tab and filter goes through an index that has all it asks for, in the order of the
// list: it never reads the rows of the requests, and never sorts all of them. Only what is
// late is sorted, which is no list of years.
func TestListsUseIndexes(t *testing.T) {
	onlySQLite(t)
	w := newTown(t)
	w.file(listed{text: "une lettre"})
	hidden := clerk
	hidden.Hidden, hidden.Services = []string{"CCAS", "Police"}, []string{"Voirie", "Sports"}
	filters := map[string]ingest.Filter{
		"open": {}, "all": {Settled: true}, "review": {Review: true}, "duplicates": {Duplicates: true}, "late": {Late: true}, "mine": {Mine: true},
		"urgent": {Urgent: true}, "channel": {Channel: ingest.ChannelPhone}, "service": {Service: "Voirie"}, "category": {Category: "voirie", Settled: true},
		"status": {Status: ingest.StatusWaitingCitizen}, "closed": {Status: ingest.StatusClosed}, "days": {From: "2026-03-01", To: "2026-03-31"},
		"all of them": {Channel: ingest.ChannelPhone, Service: "Voirie", Category: "voirie", Status: ingest.StatusNew, Late: true, Review: true, Duplicates: true, Mine: true, Urgent: true, From: "2026-03-01"},
	}
	for name, f := range filters {
		for _, v := range []ingest.Viewer{clerk, hidden} {
			for _, order := range []ingest.Order{ingest.OrderNewest, ingest.OrderDue} {
				for _, words := range []*hits{nil, {n: fewHits + 1}, {n: 3, list: "[1,2,-3]"}} {
					f.Order = order
					l := &list{Filter: f, viewer: v, now: day, zone: w.s.opts.Zone, hits: words}
					var queries []*sqlText
					for _, s := range l.stretches() {
						for _, c := range []*cursor{nil, {order: order, key: 1, id: 1}, {order: order, key: 0, id: 1}} {
							b, some, err := l.pageQuery(s, c, 51)
							w.do(err)
							if some {
								queries = append(queries, b)
							}
							if b, some, err = l.walkQuery(s, c); err != nil {
								t.Fatal(err)
							} else if some && !l.few() {
								queries = append(queries, b)
							}
						}
					}
					b, err := l.countQuery()
					w.do(err)
					for _, b := range append(queries, b) {
						checkListPlan(t, w.s, fmt.Sprintf("%s %s", name, order), b, f.Late && order == ingest.OrderNewest || l.few())
					}
				}
			}
		}
	}
}

func checkListPlan(t *testing.T, s *Store, what string, b *sqlText, sorts bool) {
	t.Helper()
	rows, err := s.read.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+b.String(), b.args...)
	if err != nil {
		t.Fatalf("%s: %v\n%s", what, err, b.String())
	}
	defer rows.Close()
	for rows.Next() {
		var id, parent, unused int
		var step string
		if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
			t.Fatal(err)
		}
		scan := strings.HasPrefix(step, "SCAN ") && !strings.Contains(step, "USING COVERING INDEX lists_") && !strings.Contains(step, "VIRTUAL TABLE")
		for _, fine := range []string{"SCAN CONSTANT ROW", "SCAN (subquery", "SCAN counted"} {
			scan = scan && !strings.HasPrefix(step, fine)
		}
		row := strings.HasPrefix(step, "SEARCH r ") && !strings.Contains(step, "COVERING INDEX")
		if scan || row || !sorts && strings.Contains(step, "TEMP B-TREE FOR") {
			t.Errorf("%s: %s\n%s", what, step, b.String())
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
}
