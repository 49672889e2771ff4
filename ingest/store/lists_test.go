package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"saisine.fr/saisine/ingest"
)

// listed is what a request of a test town is made of.
type listed struct {
	subject, text, category, service string
	channel                          ingest.Channel
	at                               time.Time
	review                           bool
	urgent                           []string
	from                             ingest.Person
	attachments                      []ingest.Attachment
	match                            func(context.Context, ingest.Candidates) (ingest.Match, error)
}

// town is a store with requests in it.
type town struct {
	t *testing.T
	s *Store
	n int
}

func newTown(t *testing.T) *town {
	t.Helper()
	return &town{t: t, s: open(t, t.TempDir())}
}

// file files a submission and returns its id and reference.
func (w *town) file(q listed) (id, reference string) {
	w.t.Helper()
	w.n++
	m := mail(fmt.Sprintf("INBOX|1|%d", w.n), fmt.Sprintf("mail %d", w.n))
	if q.channel != "" {
		m.Channel = q.channel
	}
	m.ReceivedAt = q.at
	if q.at.IsZero() {
		m.ReceivedAt = day.Add(time.Duration(w.n) * time.Minute)
	}
	r := record(w.t, w.s, m)
	filed := file(w.t, w.s, r.ID, ingest.Filing{
		Reading:        ingest.Reading{Kind: "mail", Subject: q.subject, Text: q.text, From: q.from, Attachments: q.attachments},
		Classification: ingest.Classification{Category: q.category, Service: q.service, NeedsReview: q.review, Urgent: q.urgent, Confidence: 0.5},
		Match:          q.match,
	})
	return r.ID, filed.Request
}

var clerk = ingest.Viewer{Login: "marie", Name: "Marie", Role: ingest.RoleAgent, Language: "fr"}

func (w *town) page(v ingest.Viewer, f ingest.Filter) ingest.ListPage {
	w.t.Helper()
	p, err := w.s.List(w.t.Context(), v, f)
	if err != nil {
		w.t.Fatalf("%+v: %v", f, err)
	}
	return p
}

// refs returns the numbers of the references of a list, without the year.
func (w *town) refs(v ingest.Viewer, f ingest.Filter) string {
	w.t.Helper()
	var out []string
	for _, q := range w.page(v, f).Items {
		out = append(out, strings.TrimLeft(q.Reference[5:], "0"))
	}
	return strings.Join(out, " ")
}

func (w *town) do(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func joins(reference string) func(context.Context, ingest.Candidates) (ingest.Match, error) {
	return func(context.Context, ingest.Candidates) (ingest.Match, error) {
		return ingest.Match{Link: ingest.LinkFollowUp, Request: reference}, nil
	}
}

func suggests(references ...string) func(context.Context, ingest.Candidates) (ingest.Match, error) {
	return func(context.Context, ingest.Candidates) (ingest.Match, error) {
		m := ingest.Match{Link: ingest.LinkOpens}
		for _, ref := range references {
			m.Suggestions = append(m.Suggestions, ingest.Suggestion{Reference: ref, Score: 0.6, Kind: ingest.SuggestSame})
		}
		return m, nil
	}
}

func ref(n int) string { return fmt.Sprintf("2026-%06d", n) }

func TestListFilters(t *testing.T) {
	w := newTown(t)
	w.file(listed{category: "voirie.chaussee", service: "Voirie"})                                                   // 1
	w.file(listed{category: "voirie.chaussee", service: "Voirie", channel: ingest.ChannelPhone, review: true})       // 2
	w.file(listed{category: "etat_civil", service: "État civil", urgent: []string{"danger"}})                        // 3
	w.file(listed{category: "etat_civil", service: "État civil", at: time.Date(2026, 4, 1, 21, 59, 0, 0, time.UTC)}) // 4
	w.file(listed{category: "social", service: "CCAS"})                                                              // 5
	w.do(w.s.SetStatus(t.Context(), ref(1), ingest.StatusClosed, "", "test"))
	w.do(w.s.SetStatus(t.Context(), ref(2), ingest.StatusInProgress, "", "test"))
	for _, c := range []struct {
		f    ingest.Filter
		want string
	}{
		{ingest.Filter{}, "4 5 3 2"},
		{ingest.Filter{Settled: true}, "4 5 3 2 1"},
		{ingest.Filter{Status: ingest.StatusClosed}, "1"},
		{ingest.Filter{Status: ingest.StatusInProgress}, "2"},
		{ingest.Filter{Channel: ingest.ChannelPhone}, "2"},
		{ingest.Filter{Service: "État civil"}, "4 3"},
		{ingest.Filter{Category: "voirie.chaussee", Settled: true}, "2 1"},
		{ingest.Filter{Review: true}, "2"},
		{ingest.Filter{Urgent: true}, "3"},
		{ingest.Filter{From: "2026-04-01", To: "2026-04-01"}, "4"},
		{ingest.Filter{From: "2026-04-02"}, ""},
		{ingest.Filter{To: "2026-03-02"}, "5 3 2"},
		{ingest.Filter{Order: ingest.OrderDue, Settled: true}, "1 2 3 4 5"},
	} {
		if got := w.refs(clerk, c.f); got != c.want {
			t.Errorf("%+v: %q, want %q", c.f, got, c.want)
		}
		if p := w.page(clerk, c.f); p.Total != len(p.Items) || p.More || p.Next != "" {
			t.Errorf("%+v: total %d, more %v, next %q of %d", c.f, p.Total, p.More, p.Next, len(p.Items))
		}
	}
	q := w.page(clerk, ingest.Filter{Channel: ingest.ChannelPhone}).Items[0]
	if q.Channel != ingest.ChannelPhone || q.Service != "Voirie" || q.Status != ingest.StatusInProgress || !q.NeedsReview || q.Pieces != 1 || q.Confidence != 0.5 {
		t.Errorf("item: %+v", q)
	}
	if _, err := w.s.List(t.Context(), clerk, ingest.Filter{From: "hier"}); !isRefused(err) {
		t.Errorf("a day that is none: %v", err)
	}
}

func isRefused(err error) bool {
	return err != nil && strings.Contains(err.Error(), ErrRefused.Error())
}

func TestListSealed(t *testing.T) {
	w := newTown(t)
	w.file(listed{subject: "Nid de poule", text: "La chaussée est abîmée", service: "Voirie"})                                                            // 1
	sealed, _ := w.file(listed{subject: "Aide", text: "Je demande une aide pour la chaussée", service: "CCAS", review: true, urgent: []string{"danger"}}) // 2
	w.file(listed{subject: "Nid", text: "Encore", service: "Voirie", match: suggests(ref(2))})                                                            // 3
	outside := clerk
	outside.Hidden = []string{"CCAS", "Police"}
	outside.Services = []string{"Voirie"}
	inside := clerk
	inside.Services = []string{"CCAS"}
	for _, f := range []ingest.Filter{
		{},
		{Settled: true},
		{Words: "chaussée"},
		{Words: "aide"},
		{Words: "2026-000002"},
		{Words: sealed},
		{Service: "CCAS"},
		{Review: true},
		{Urgent: true},
		{Duplicates: true},
		{Mine: true},
		{Order: ingest.OrderDue},
		{Words: "chaussée", Order: ingest.OrderDue},
		{Words: "cha*"},
	} {
		for _, q := range w.page(outside, f).Items {
			if q.Service == "CCAS" || q.Duplicates {
				t.Errorf("%+v shows %+v", f, q)
			}
		}
	}
	if p := w.page(outside, ingest.Filter{Words: "chaussée"}); p.Total != 1 {
		t.Errorf("counted %d", p.Total)
	}
	n, err := w.s.TabCounts(t.Context(), outside)
	w.do(err)
	if want := (ingest.TabCounts{Open: 2, Mine: 2}); n != want {
		t.Errorf("outside %+v, want %+v", n, want)
	}
	n, err = w.s.TabCounts(t.Context(), inside)
	w.do(err)
	if want := (ingest.TabCounts{Open: 3, Review: 1, Duplicates: 2, Mine: 1, Urgent: 1}); n != want {
		t.Errorf("inside %+v, want %+v", n, want)
	}
	if got := w.refs(inside, ingest.Filter{Duplicates: true}); got != "3 2" {
		t.Errorf("duplicates inside: %q", got)
	}
	if got := w.refs(inside, ingest.Filter{Words: sealed}); got != "2" {
		t.Errorf("by the id of a submission: %q", got)
	}
	if _, err := w.s.List(t.Context(), outside, ingest.Filter{Beside: ref(2)}); err == nil {
		t.Error("a list goes on beside what is hidden")
	}
}

func TestListMine(t *testing.T) {
	w := newTown(t)
	for _, service := range []string{"Voirie", "Voirie", "Sports", ""} {
		w.file(listed{service: service})
	}
	assign := func(reference, login string) {
		w.do(w.s.do(t.Context(), func(ctx context.Context, tx *tx) error {
			return tx.exec(ctx, `UPDATE requests SET assignee = $1 WHERE reference = $2`, login, reference)
		}))
	}
	assign(ref(2), "paul")
	assign(ref(3), "marie")
	marie := clerk
	marie.Services = []string{"Voirie"}
	if got := w.refs(marie, ingest.Filter{Mine: true}); got != "3 1" {
		t.Errorf("mine: %q, want 3 1", got)
	}
	if got := w.refs(ingest.Viewer{}, ingest.Filter{Mine: true}); got != "" {
		t.Errorf("nobody's: %q", got)
	}
}

func TestListDuplicates(t *testing.T) {
	w := newTown(t)
	ctx := t.Context()
	w.file(listed{})
	second, _ := w.file(listed{match: suggests(ref(1))})
	w.file(listed{match: suggests(ref(2))})
	want := func(what, refs string) {
		t.Helper()
		if got := w.refs(clerk, ingest.Filter{Duplicates: true}); got != refs {
			t.Errorf("%s: %q, want %q", what, got, refs)
		}
		n, err := w.s.TabCounts(ctx, clerk)
		w.do(err)
		if n.Duplicates != len(strings.Fields(refs)) {
			t.Errorf("%s: counted %d", what, n.Duplicates)
		}
		for _, q := range w.page(clerk, ingest.Filter{Settled: true}).Items {
			number := strings.TrimLeft(q.Reference[5:], "0")
			if q.Duplicates != slices.Contains(strings.Fields(refs), number) {
				t.Errorf("%s: %s says %v", what, number, q.Duplicates)
			}
		}
	}
	want("suggested", "3 2 1")
	w.do(w.s.Merge(ctx, ref(2), ref(1), "test"))
	want("merged", "3 1")
	_, err := w.s.Unlink(ctx, second, "test")
	w.do(err)
	want("taken out again", "3 2")
	w.do(w.s.Merge(ctx, ref(3), ref(2), "test"))
	want("the other one merged", "")
	if got := w.refs(clerk, ingest.Filter{}); got != "2 1" {
		t.Errorf("merged requests are in no list: %q", got)
	}
	verified(t, w.s, 0)
}

// Pages must be complete and without doubles, in both orders, while requests are added.
func TestListPages(t *testing.T) {
	t.Run("few", func(t *testing.T) { testListPages(t, func() {}) })
	few := fewHits
	walkAlways(t)
	t.Run("walk", func(t *testing.T) { testListPages(t, func() {}) })
	// More is found from one page to the next, and searched for in the other way.
	t.Run("both", func(t *testing.T) { testListPages(t, func() { fewHits = few - 1 - fewHits }) })
}

// walkAlways has searches go through the list, as for words that stand everywhere.
func walkAlways(t *testing.T) {
	before := fewHits
	fewHits = -1
	t.Cleanup(func() { fewHits = before })
}

func testListPages(t *testing.T, change func()) {
	for _, f := range []ingest.Filter{
		{}, {Order: ingest.OrderDue}, {Words: "lettre"}, {Words: "lettre", Order: ingest.OrderDue}, {Service: "Voirie"}, {Settled: true},
	} {
		w := newTown(t)
		at := day
		for i := range 25 {
			if i%3 == 0 {
				at = at.Add(time.Minute) // several at the same moment
			}
			w.file(listed{text: "une lettre", service: "Voirie", at: at})
		}
		w.do(w.s.do(t.Context(), func(ctx context.Context, tx *tx) error {
			return tx.exec(ctx, `UPDATE requests SET next_due = CASE WHEN id % 5 = 0 THEN 0 ELSE 1000 + id % 3 END`)
		}))
		whole := w.refs(clerk, f)
		var got []string
		f.Limit = 4
		for pages := 0; ; pages++ {
			p := w.page(clerk, f)
			if p.Total != 25 || p.More {
				t.Errorf("%+v: total %d on page %d", f, p.Total, pages)
			}
			for _, q := range p.Items {
				got = append(got, strings.TrimLeft(q.Reference[5:], "0"))
			}
			if f.After = p.Next; p.Next == "" || pages > 10 {
				break
			}
			change()
			w.file(listed{text: "une lettre", service: "Voirie", at: at.Add(time.Hour)})
			w.do(w.s.do(t.Context(), func(ctx context.Context, tx *tx) error {
				return tx.exec(ctx, `UPDATE requests SET next_due = 900 WHERE id > 25`)
			}))
		}
		if s := strings.Join(got, " "); s != whole {
			t.Errorf("%+v:\npages %s\nwhole %s", f, s, whole)
		}
		// From each to its neighbours, both ways.
		f.After = ""
		for i, number := range got {
			f.Beside, f.Limit = ref(atoi(number)), 1
			next, back := "", f
			back.Back = true
			if i+1 < len(got) {
				next = got[i+1]
			}
			if s := w.refs(clerk, f); s != next {
				t.Errorf("%+v: behind %s comes %q, want %q", f, number, s, next)
			}
			if s := w.refs(clerk, back); i > 0 && s != got[i-1] {
				t.Errorf("%+v: before %s comes %q, want %q", f, number, s, got[i-1])
			}
		}
	}
}

func atoi(s string) int {
	n := 0
	for _, c := range s {
		n = n*10 + int(c-'0')
	}
	return n
}

// A cursor comes from an address: whatever it is, it leads to a page.
func FuzzCursor(f *testing.F) {
	for _, s := range []string{"", "n.1.2.3", "d.0.1.5+", "n.-1.2.3", "d.9223372036854775807.1.0", "n.1.2.3.4", "x.1.1.1", "n.01.2.3", "n.1.2.99999999"} {
		f.Add(s)
	}
	s, err := Open(context.Background(), Options{Dir: f.TempDir()})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = s.Close() })
	f.Fuzz(func(t *testing.T, text string) {
		for _, order := range []ingest.Order{ingest.OrderNewest, ingest.OrderDue} {
			for _, words := range []string{"", "lettre"} {
				if _, err := s.List(t.Context(), clerk, ingest.Filter{After: text, Order: order, Words: words}); err != nil {
					t.Fatal(err)
				}
			}
			if c, ok := parseCursor(text, order); ok && (c.String() != text || c.order != order) {
				t.Errorf("%q is read as %q", text, c.String())
			}
		}
	})
}
