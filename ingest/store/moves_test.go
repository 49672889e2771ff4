package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/match"
)

const marie = "cli:marie"

// matters is a store whose submissions and requests have short names.
type matters struct {
	t   *testing.T
	s   *Store
	ids map[string]string // of submissions, by name
	n   int
}

func newMatters(t *testing.T) *matters {
	return &matters{t: t, s: open(t, t.TempDir()), ids: map[string]string{}}
}

// file files a submission that answers the one of that name, or opens a request when there
// is none.
func (m *matters) file(name, answers string, link ingest.Link, more ...func(*ingest.Submission, *ingest.Filing)) {
	m.t.Helper()
	m.n++
	sub := mail(name, "mail "+name)
	sub.ReceivedAt = day.Add(time.Duration(m.n) * time.Minute)
	f := ingest.Filing{
		Reading: ingest.Reading{
			Kind: "mail", Subject: "objet " + name, Text: "texte " + name + "\n> cité", OwnText: "texte " + name, Place: "rue " + name,
			From: ingest.Person{Name: "Nom " + name, Email: name + "@example.fr"}, MessageID: name + "@mail.example",
		},
		Classification: ingest.Classification{Category: "voirie", Service: "Voirie", Confidence: 0.8, Reasons: []string{"mot de " + name}, Second: "proprete"},
	}
	f.Match = func(context.Context, ingest.Candidates) (ingest.Match, error) {
		if answers == "" {
			return ingest.Match{Link: ingest.LinkOpens}, nil
		}
		return ingest.Match{Link: link, Request: m.in(answers), To: m.ids[answers], Reasons: []string{"test"}}, nil
	}
	for _, f2 := range more {
		f2(&sub, &f)
	}
	m.ids[name] = record(m.t, m.s, sub).ID
	file(m.t, m.s, m.ids[name], f)
}

// in returns the reference of the request in which a submission is. It asks the ledger.
func (m *matters) in(name string) string {
	m.t.Helper()
	rec, err := m.s.Submission(context.Background(), m.ids[name])
	if err != nil {
		m.t.Fatal(err)
	}
	return rec.Request
}

func (m *matters) names(ids []string) []string {
	var out []string
	for _, id := range ids {
		for name, have := range m.ids {
			if have == id {
				out = append(out, name)
			}
		}
	}
	slices.Sort(out)
	return out
}

// state tells in one line which submissions are in which request (the opening first, after
// it the others with d or f for their link) and which requests are merged into it.
func (m *matters) state() string {
	m.t.Helper()
	var all []string
	err := m.s.Requests(m.t.Context(), func(q ingest.Request) error {
		var parts []string
		for _, sub := range q.Submissions {
			name := m.names([]string{sub.ID})[0]
			switch sub.Link {
			case ingest.LinkOpens:
				parts = append([]string{name}, parts...)
			default:
				parts = append(parts, name+":"+string(sub.Link[0]))
			}
		}
		text := short(q.Reference) + "(" + strings.Join(parts, " ") + ")"
		for _, from := range q.MergedFrom {
			text += "<" + short(from)
		}
		all = append(all, text)
		return nil
	})
	if err != nil {
		m.t.Fatal(err)
	}
	return strings.Join(all, " ")
}

// short is the number of a reference: 2026-000003 is 3.
func short(reference string) string {
	return strings.TrimLeft(strings.TrimPrefix(reference, "2026-"), "0")
}

func long(n string) string { return fmt.Sprintf("2026-%06s", n) }

// do does an act that is written as words: "link b 1", "link b 1 f", "unlink b",
// "merge 1 2", "split 1 b c".
func (m *matters) do(act string) error {
	ctx, w := m.t.Context(), strings.Fields(act)
	switch w[0] {
	case "link":
		kind := ingest.LinkDuplicate
		if len(w) > 3 {
			kind = ingest.LinkFollowUp
		}
		return m.s.Link(ctx, cmp.Or(m.ids[w[1]], w[1]), long(w[2]), kind, marie)
	case "unlink":
		_, err := m.s.Unlink(ctx, cmp.Or(m.ids[w[1]], w[1]), marie)
		return err
	case "merge":
		return m.s.Merge(ctx, long(w[1]), long(w[2]), marie)
	case "split":
		ids := slices.Clone(w[2:])
		for i, name := range ids {
			ids[i] = cmp.Or(m.ids[name], name)
		}
		_, err := m.s.Split(ctx, long(w[1]), ids, marie)
		return err
	}
	m.t.Fatalf("no act: %s", act)
	return nil
}

// The moves, one after another, each with the state that it leaves and a store that keeps
// its promises.
func TestMoves(t *testing.T) {
	// 1: a is opened, b repeats it, c answers b, d answers c. 2: e, with f. 3: g alone.
	start := "1(a b:d c:f d:f) 2(e f:f) 3(g)"
	for _, tt := range []struct {
		name  string
		steps []string // an act, then the state after it
	}{
		{"nothing", nil},
		{"answers go along", []string{
			"link b 2", "1(a) 2(e b:d c:f d:f f:f) 3(g)",
			"link b 1", start,
		}},
		{"only what answers goes along", []string{
			"link c 3 f", "1(a b:d) 2(e f:f) 3(g c:f d:f)",
			"link c 1 f", start,
		}},
		{"the opening goes, its answers with it, none stays", []string{
			"link a 2", "2(e a:d b:d c:f d:f f:f)<1 3(g)",
			"link a 2", "2(e a:d b:d c:f d:f f:f)<1 3(g)", // again: nothing
			"link a 2 f", "2(e a:f b:d c:f d:f f:f)<1 3(g)",
			"unlink a", start,
		}},
		{"what was moved by hand stays when the opening goes", []string{
			"link g 1", "1(a b:d c:f d:f g:d)<3 2(e f:f)",
			"link a 2", "1(g)<3 2(e a:d b:d c:f d:f f:f)",
			"link a 1", "1(g a:d b:d c:f d:f)<3 2(e f:f)",
		}},
		{"merge and split", []string{
			"merge 2 1", "1(a b:d c:f d:f e:d f:f)<2 3(g)",
			"merge 2 1", "1(a b:d c:f d:f e:d f:f)<2 3(g)",
			"split 1 e f", start,
		}},
		{"merge and unlink", []string{
			"merge 2 3", "1(a b:d c:f d:f) 3(g e:d f:f)<2",
			"unlink e", start,
		}},
		{"merges in a row are direct", []string{
			"merge 3 2", "1(a b:d c:f d:f) 2(e f:f g:d)<3",
			"merge 2 1", "1(a b:d c:f d:f e:d f:f g:d)<2<3",
			"split 1 g e", "1(a b:d c:f d:f) 2(e f:f g:d)<3", // 2 as it was, though it took both
			"unlink g", start,
		}},
		{"a merge into a merged request goes where that went", []string{
			"merge 3 2", "1(a b:d c:f d:f) 2(e f:f g:d)<3",
			"merge 1 3", "2(e a:d b:d c:f d:f f:f g:d)<1<3",
			"link c 1", "2(e a:d b:d c:d d:f f:f g:d)<1<3",
		}},
		{"a reference follows the submission that opened it", []string{
			"merge 3 1", "1(a b:d c:f d:f g:d)<3 2(e f:f)",
			"link g 2", "1(a b:d c:f d:f) 2(e f:f g:d)<3",
			"unlink g", start,
		}},
		{"unlinked, a new request", []string{
			"unlink b", "1(a) 2(e f:f) 3(g) 4(b c:f d:f)",
			"unlink b", "1(a) 2(e f:f) 3(g) 4(b c:f d:f)", // again: nothing
			"link b 1", "1(a b:d c:f d:f)<4 2(e f:f) 3(g)",
			"unlink b", "1(a) 2(e f:f) 3(g) 4(b c:f d:f)", // the same one again
			"merge 4 1", "1(a b:d c:f d:f)<4 2(e f:f) 3(g)",
		}},
		{"a reply alone, and then what it answered", []string{
			"unlink d", "1(a b:d c:f) 2(e f:f) 3(g) 4(d)",
			"unlink b", "1(a) 2(e f:f) 3(g) 4(d) 5(b c:f)",
			"merge 5 4", "1(a) 2(e f:f) 3(g) 4(d b:d c:f)<5",
			"unlink c", "1(a) 2(e f:f) 3(g) 4(d b:d)<5 6(c)", // d answers c, but is the opening now
		}},
		{"the earliest of those split off opens", []string{
			"merge 1 3", "2(e f:f) 3(g a:d b:d c:f d:f)<1",
			"split 3 d c", "2(e f:f) 3(g a:d b:d)<1 4(c d:f)",
			"merge 3 4", "2(e f:f) 4(c a:d b:d d:f g:d)<1<3",
			"split 4 a g", "2(e f:f) 3(g a:d b:d)<1 4(c d:f)",
			"unlink a", "1(a b:d) 2(e f:f) 3(g) 4(c d:f)",
		}},
		{"two openings of merged requests split off into the last one", []string{
			"merge 2 1", "1(a b:d c:f d:f e:d f:f)<2 3(g)",
			"merge 3 1", "1(a b:d c:f d:f e:d f:f g:d)<2<3",
			"split 1 e g", "1(a b:d c:f d:f) 3(g e:d f:f)<2",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := newMatters(t)
			m.file("a", "", "")
			m.file("b", "a", ingest.LinkDuplicate)
			m.file("c", "b", ingest.LinkFollowUp)
			m.file("d", "c", ingest.LinkFollowUp)
			m.file("e", "", "")
			m.file("f", "e", ingest.LinkFollowUp)
			m.file("g", "", "")
			if got := m.state(); got != start {
				t.Fatalf("start: %s", got)
			}
			for i := 0; i < len(tt.steps); i += 2 {
				if err := m.do(tt.steps[i]); err != nil {
					t.Fatalf("%s: %v", tt.steps[i], err)
				}
				if got := m.state(); got != tt.steps[i+1] {
					t.Errorf("%s:\n got %s\nwant %s", tt.steps[i], got, tt.steps[i+1])
				}
				verified(t, m.s, 0)
			}
		})
	}
}

func TestRefusedMoves(t *testing.T) {
	m := newMatters(t)
	m.file("a", "", "")
	m.file("b", "a", ingest.LinkDuplicate)
	m.file("c", "", "")
	m.file("d", "", "")
	m.ids["waiting"] = record(t, m.s, mail("w", "w")).ID
	if err := m.do("merge 3 2"); err != nil {
		t.Fatal(err)
	}
	before := m.state()
	events := count(t, m.s, `SELECT count(*) FROM events`)
	for _, tt := range []struct {
		act  string
		is   error
		want string
	}{
		{"link a 1", ErrRefused, "opens 2026-000001 itself"},
		{"link waiting 1", ErrRefused, "in no request"},
		{"link nobody 1", ingest.ErrNotFound, "nobody"},
		{"link b 9", ingest.ErrNotFound, "2026-000009"},
		{"unlink nobody", ingest.ErrNotFound, "nobody"},
		{"unlink waiting", ErrRefused, "its state is received"},
		{"unlink c", ErrRefused, "split the others off"}, // 3 is in 2 with it
		{"merge 1 1", ErrRefused, "into itself"},
		{"merge 3 3", ErrRefused, "into itself"},
		{"merge 2 3", ErrRefused, "2026-000003 was merged into 2026-000002 already"},
		{"merge 3 1", ErrRefused, "merge that one"},
		{"merge 9 1", ingest.ErrNotFound, "2026-000009"},
		{"merge 1 9", ingest.ErrNotFound, "2026-000009"},
		{"split 1", ErrRefused, "name the submissions"},
		{"split 1 a", ErrRefused, "opens 2026-000001"},
		{"split 1 c", ErrRefused, "is not in 2026-000001"},
		{"split 1 b waiting", ErrRefused, "is not in"},
		{"split 9 b", ingest.ErrNotFound, "2026-000009"},
	} {
		if err := m.do(tt.act); !errors.Is(err, tt.is) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.act, err, tt.want)
		}
	}
	if err := m.s.Link(t.Context(), m.ids["b"], long("2"), ingest.LinkOpens, marie); !errors.Is(err, ErrRefused) {
		t.Errorf("linked as an opening: %v", err)
	}
	if got := m.state(); got != before {
		t.Errorf("refused, and yet changed:\n got %s\nwant %s", got, before)
	}
	if n := count(t, m.s, `SELECT count(*) FROM events`); n != events {
		t.Errorf("%d events of acts that were refused", n-events)
	}
	verified(t, m.s, 0)
}

func count(t *testing.T, s *Store, query string, args ...any) (n int) {
	t.Helper()
	if err := s.read.QueryRowContext(t.Context(), query, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func request(t *testing.T, s *Store, reference string) ingest.Request {
	t.Helper()
	q, err := s.Request(t.Context(), reference)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// A request says what its opening says, whichever that is.
func TestRequestSpeaksOfItsOpening(t *testing.T) {
	m := newMatters(t)
	urgent := func(words ...string) func(*ingest.Submission, *ingest.Filing) {
		return func(_ *ingest.Submission, f *ingest.Filing) { f.Classification.Urgent = words }
	}
	m.file("a", "", "", urgent("incendie"))
	m.file("b", "a", ingest.LinkDuplicate, urgent("enfant", "incendie"), func(_ *ingest.Submission, f *ingest.Filing) {
		f.Classification.Category, f.Classification.Service, f.Classification.NeedsReview = "eau", "Eaux", true
	})
	m.file("c", "", "")
	first, other := request(t, m.s, long("1")), request(t, m.s, long("2"))

	if err := m.do("unlink b"); err != nil {
		t.Fatal(err)
	}
	got := request(t, m.s, long("3"))
	want := ingest.Request{
		Reference: long("3"), Status: ingest.StatusNew, Category: "eau", Service: "Eaux", Confidence: 0.8, NeedsReview: true,
		Reasons: []string{"mot de b"}, Subject: "objet b", Text: "texte b\n> cité", Sender: ingest.Person{Name: "Nom b", Email: "b@example.fr"},
		Place: "rue b", OpenedAt: day.Add(2 * time.Minute), SecondCategory: "proprete", Urgent: []string{"enfant", "incendie"},
		Submissions: []ingest.RequestSubmission{{ID: m.ids["b"], Channel: ingest.ChannelMailbox, Link: ingest.LinkOpens, ReceivedAt: day.Add(2 * time.Minute)}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("unlinked:\n got %+v\nwant %+v", got, want)
	}

	// a goes to c, whose request then knows of the danger; 1 stays behind with nothing.
	if err := m.do("link a 2"); err != nil {
		t.Fatal(err)
	}
	if q := request(t, m.s, long("2")); !slices.Equal(q.Urgent, []string{"incendie"}) || q.Subject != "objet c" {
		t.Errorf("after a link: %+v", q)
	}
	if q := request(t, m.s, long("1")); q.Reference != long("2") || !slices.Equal(q.MergedFrom, []string{long("1")}) {
		t.Errorf("the old reference leads to %s, merged from %v", q.Reference, q.MergedFrom)
	}
	if err := m.do("unlink a"); err != nil {
		t.Fatal(err)
	}
	// Undone, all is as it was, but for b and the danger that b spoke of.
	if !slices.Equal(first.Urgent, []string{"incendie", "enfant"}) {
		t.Errorf("urgent before: %v", first.Urgent)
	}
	first.Submissions, first.Urgent = first.Submissions[:1], []string{"incendie"}
	for _, want := range []ingest.Request{first, other} {
		if got := request(t, m.s, want.Reference); !reflect.DeepEqual(got, want) {
			t.Errorf("undone:\n got %+v\nwant %+v", got, want)
		}
	}

	verified(t, m.s, 0)
}

// What stays behind when the opening goes has the request, as its own.
func TestTheOneLeftBehindOpens(t *testing.T) {
	m := newMatters(t)
	m.file("a", "", "")
	m.file("b", "", "", func(_ *ingest.Submission, f *ingest.Filing) { f.Classification.Category = "eau" })
	m.file("c", "b", ingest.LinkFollowUp)
	m.file("d", "", "")
	if err := errors.Join(m.do("merge 2 1"), m.do("link a 3")); err != nil {
		t.Fatal(err)
	}
	if got := m.state(); got != "1(b c:f)<2 3(d a:d)" {
		t.Fatalf("state: %s", got)
	}
	q := request(t, m.s, long("1"))
	if q.Sender.Email != "b@example.fr" || q.Subject != "objet b" || q.Category != "eau" || !q.OpenedAt.Equal(day.Add(2*time.Minute)) || q.NeedsReview {
		t.Errorf("the request still speaks of a: %+v", q)
	}
	history, err := m.s.History(t.Context(), long("1"))
	if err != nil {
		t.Fatal(err)
	}
	if e := history[len(history)-1]; e.Kind != "request.linked" || e.Detail.Opens != m.ids["b"] || e.Submission != m.ids["a"] || e.Actor != marie {
		t.Errorf("the event does not say who opens: %+v", e)
	}
	verified(t, m.s, 0)

	// The same with a choice by a person: kept, but for review, and no lesson.
	if err := errors.Join(m.s.Categorize(t.Context(), long("1"), "proprete", "Propreté", marie), m.do("link a 1"), m.do("link b 3")); err != nil {
		t.Fatal(err)
	}
	if q := request(t, m.s, long("1")); q.Category != "proprete" || q.CategoryBy != "" || !q.NeedsReview || q.Subject != "objet a" {
		t.Errorf("after the text changed that it was chosen for: %+v", q)
	}
	if got := lessons(t, m.s); len(got) != 0 {
		t.Errorf("teaches %+v", got)
	}
	verified(t, m.s, 0)
}

// Of several that could open, the one does that was received first, whatever the order
// in which they came into the ledger.
func TestTheEarliestOpens(t *testing.T) {
	m := newMatters(t)
	received := func(minute int) func(*ingest.Submission, *ingest.Filing) {
		return func(sub *ingest.Submission, _ *ingest.Filing) {
			sub.ReceivedAt = day.Add(time.Duration(minute) * time.Minute)
		}
	}
	m.file("a", "", "", received(1))
	m.file("b", "a", ingest.LinkDuplicate, received(9))
	m.file("c", "a", ingest.LinkFollowUp, received(5))
	m.file("d", "c", ingest.LinkFollowUp, received(2)) // dated before what it answers: an import
	m.file("e", "", "", received(8))
	m.file("f", "", "", received(4))
	m.file("g", "", "", received(3))
	for i, step := range []string{
		"split 1 b c", "1(a) 2(e) 3(f) 4(g) 5(c b:d d:f)",
		"merge 2 1", "1(a e:d)<2 3(f) 4(g) 5(c b:d d:f)",
		"merge 3 1", "1(a e:d f:d)<2<3 4(g) 5(c b:d d:f)",
		"link a 4", "1(f e:d)<2<3 4(g a:d) 5(c b:d d:f)", // 3 leads to 1, which f opens
		"link e 4", "1(f)<3 4(g a:d e:d)<2 5(c b:d d:f)",
	} {
		if i%2 == 0 {
			if err := m.do(step); err != nil {
				t.Fatalf("%s: %v", step, err)
			}
		} else if got := m.state(); got != step {
			t.Errorf("\n got %s\nwant %s", got, step)
		}
		verified(t, m.s, 0)
	}
}

func kindsOf(t *testing.T, s *Store, reference string) []string {
	t.Helper()
	events, err := s.History(t.Context(), reference)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range events {
		out = append(out, strings.TrimPrefix(e.Kind, "request."))
	}
	return out
}

// Every act stands in the history of both requests, and says what was moved and why.
func TestMovesAreEvents(t *testing.T) {
	m := newMatters(t)
	m.file("a", "", "")
	m.file("b", "a", ingest.LinkDuplicate)
	m.file("c", "b", ingest.LinkFollowUp)
	m.file("d", "", "")
	for _, act := range []string{"link b 2", "unlink b", "merge 3 1", "split 1 b", "merge 2 1"} {
		if err := m.do(act); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"opened", "duplicate", "follow_up", "linked", "merged", "split", "merged"}
	if got := kindsOf(t, m.s, long("1")); !slices.Equal(got, want) {
		t.Errorf("history of 1: %v, want %v", got, want)
	}
	want = []string{"unlinked", "merged", "split"}
	if got := kindsOf(t, m.s, long("3")); !slices.Equal(got, want) {
		t.Errorf("history of 3: %v, want %v", got, want)
	}
	// 2 leads to 1 now, and so does its history; its own is kept in its rows.
	if n := count(t, m.s, `SELECT count(*) FROM events e JOIN requests q ON q.id = e.request_id WHERE q.reference = $1`, long("2")); n != 4 {
		t.Errorf("%d events of 2, want opened, linked, unlinked, merged", n)
	}
	events, err := m.s.History(t.Context(), long("3"))
	if err != nil {
		t.Fatal(err)
	}
	e := events[0]
	if e.Actor != marie || e.Submission != m.ids["b"] || e.Detail.From != long("2") || e.Detail.To != long("3") || e.Detail.Restored ||
		!slices.Equal(m.names(e.Detail.Submissions), []string{"b", "c"}) || !slices.Equal(e.Detail.Reasons, []string{"séparée par " + marie}) {
		t.Errorf("event: %+v", e)
	}
	if !events[2].Detail.Restored {
		t.Errorf("3 was given back: %+v", events[2])
	}
	for name, want := range map[string]string{"a": "", "b": "", "d": "demande réunie à une autre par " + marie} {
		got, err := m.s.LinkReasons(t.Context(), m.ids[name])
		if err != nil || strings.Join(got, "|") != want {
			t.Errorf("reasons of %s: %q %v, want %q", name, got, err, want)
		}
	}
	if _, err := m.s.History(t.Context(), long("9")); !errors.Is(err, ingest.ErrNotFound) {
		t.Errorf("history of nothing: %v", err)
	}
}

// A merge shows the suggestions of both, undoing it gives each its own back, and what a
// person took apart is not suggested again.
func TestSuggestionsFollowMoves(t *testing.T) {
	m := newMatters(t)
	suggest := func(score float64, refs ...string) func(*ingest.Submission, *ingest.Filing) {
		return func(_ *ingest.Submission, f *ingest.Filing) {
			inner := f.Match
			f.Match = func(ctx context.Context, c ingest.Candidates) (ingest.Match, error) {
				out, err := inner(ctx, c)
				for _, ref := range refs {
					out.Suggestions = append(out.Suggestions, ingest.Suggestion{Reference: long(ref), Score: score, Why: "semblable", Kind: ingest.SuggestNeighbour})
				}
				return out, err
			}
		}
	}
	suggested := func(n string) string {
		var out []string
		for _, g := range request(t, m.s, long(n)).Suggestions {
			if g.Kind != ingest.SuggestNeighbour {
				t.Errorf("kind of %+v", g)
			}
			out = append(out, fmt.Sprintf("%s/%g", short(g.Reference), g.Score))
		}
		return strings.Join(out, " ")
	}
	is := func(when string, want ...string) {
		t.Helper()
		for i, w := range want {
			if got := suggested(strconv.Itoa(i + 1)); got != w {
				t.Errorf("%s: suggestions of %d are %q, want %q", when, i+1, got, w)
			}
		}
	}
	m.file("a", "", "")
	m.file("b", "", "", suggest(0.5, "1"))
	m.file("c", "", "", suggest(0.7, "1", "2"))
	m.file("d", "", "", suggest(0.9, "3"))
	is("filed", "3/0.7 2/0.5", "3/0.7 1/0.5", "4/0.9 1/0.7 2/0.7", "3/0.9")
	if err := m.do("merge 3 2"); err != nil {
		t.Fatal(err)
	}
	is("merged", "2/0.7", "4/0.9 1/0.7", "4/0.9 1/0.7", "2/0.9")
	if err := m.do("unlink c"); err != nil {
		t.Fatal(err)
	}
	is("taken apart", "3/0.7 2/0.5", "1/0.5", "4/0.9 1/0.7", "3/0.9")
	// A reply to b is alike with c: filing must not suggest what was decided.
	m.file("e", "b", ingest.LinkFollowUp, suggest(0.8, "3", "4"))
	is("decided", "3/0.7 2/0.5", "4/0.8 1/0.5", "4/0.9 1/0.7", "3/0.9 2/0.8")
	if err := errors.Join(m.do("link c 2"), m.do("unlink c")); err != nil {
		t.Fatal(err)
	}
	is("again", "3/0.7 2/0.5", "4/0.8 1/0.5", "4/0.9 1/0.7", "3/0.9 2/0.8")
	verified(t, m.s, 0)
}

// filedBy files a mail as the matcher decides.
func (m *matters) filedBy(matcher *match.Matcher, name string, r ingest.Reading) ingest.Filed {
	m.t.Helper()
	m.n++
	sub := mail(name, "mail "+name)
	sub.ReceivedAt = time.Now().Add(-time.Hour + time.Duration(m.n)*time.Minute)
	m.ids[name] = record(m.t, m.s, sub).ID
	rec, err := m.s.Submission(m.t.Context(), m.ids[name])
	if err != nil {
		m.t.Fatal(err)
	}
	r.Kind = "mail"
	c := ingest.Classification{Category: "voirie", Confidence: 0.9, Top: []ingest.Ranked{{Category: "voirie", Score: 0.9}}}
	f := ingest.Filing{Reading: r, Classification: c, Profile: matcher.Profile(rec, r, c)}
	f.Match = func(ctx context.Context, c ingest.Candidates) (ingest.Match, error) {
		return matcher.Match(ctx, c, rec, r, f.Profile)
	}
	return file(m.t, m.s, m.ids[name], f)
}

// What comes later finds what was moved where it is: by the mail that it answers, and by
// the reference in the citizen's letter, which is that of a merged request.
func TestRepliesFollowMoves(t *testing.T) {
	m := newMatters(t)
	matcher := &match.Matcher{Tokens: ingest.Tokens{Key: make([]byte, 32)}}
	jeanne, paul := ingest.Person{Name: "Jeanne Rivière", Email: "jeanne@example.fr"}, ingest.Person{Name: "Paul Morel", Email: "paul@example.net"}
	one := m.filedBy(matcher, "one", ingest.Reading{From: jeanne, MessageID: "one@x", Subject: "Trottoir", Text: "Le trottoir est défoncé devant le 8 rue de la Fontaine, une racine de platane l’a soulevé."})
	two := m.filedBy(matcher, "two", ingest.Reading{From: paul, MessageID: "two@x", Subject: "Racine", Text: "Bonjour, rue de la Fontaine quelqu’un va finir par tomber, un arbre soulève le sol."})
	if one.Request == two.Request {
		t.Fatal("the two were linked by themselves: the test shows nothing")
	}
	reply := func(name, to string, from ingest.Person, more string) ingest.Filed {
		return m.filedBy(matcher, name, ingest.Reading{
			From: from, MessageID: name + "@x", InReplyTo: []string{to + "@x"}, Subject: "Re: votre réponse", Text: "Je complète mon message sur le trottoir : " + more,
		})
	}
	if got := reply("three", "one", jeanne, "une photo suit"); got.Request != one.Request || got.Link != ingest.LinkFollowUp {
		t.Fatalf("a reply: %+v", got)
	}

	if err := m.s.Merge(t.Context(), one.Request, two.Request, marie); err != nil {
		t.Fatal(err)
	}
	if m.in("three") != two.Request {
		t.Error("the reply did not follow the merge")
	}
	if got := reply("four", "three", jeanne, "la voici"); got.Request != two.Request || got.Link != ingest.LinkFollowUp {
		t.Errorf("a reply after the merge: %+v", got)
	}
	got := m.filedBy(matcher, "five", ingest.Reading{
		From: jeanne, MessageID: "five@x", Subject: "Demande " + one.Request, Text: "Où en est le trottoir de ma demande " + one.Request + " ?",
	})
	if got.Request != two.Request || got.Link != ingest.LinkFollowUp {
		t.Errorf("the old reference after the merge: %+v", got)
	}
	verified(t, m.s, 0)

	// Split off again, all that answers goes along, what came after the merge too.
	if got, err := m.s.Unlink(t.Context(), m.ids["one"], marie); err != nil || got != one.Request {
		t.Fatalf("unlink: %q %v", got, err)
	}
	for _, name := range []string{"one", "three", "four"} {
		if m.in(name) != one.Request {
			t.Errorf("%s did not follow the split", name)
		}
	}
	if got := reply("six", "four", jeanne, "merci"); got.Request != one.Request {
		t.Errorf("a reply after the split: %+v", got)
	}
	verified(t, m.s, 0)
}

// The note beside a scan tells the reference: after a move it is written again.
func TestMovesRenewTheNotesOfScans(t *testing.T) {
	m := newMatters(t)
	scan := func(sub *ingest.Submission, _ *ingest.Filing) {
		sub.Channel, sub.Epoch, sub.MediaType = ingest.ChannelScan, "", ingest.MediaPDF
	}
	m.file("a", "", "", scan)
	m.file("b", "", "")
	m.file("c", "b", ingest.LinkDuplicate, scan)
	notes := func(name string) int {
		return count(t, m.s, `SELECT count(*) FROM outbox WHERE kind = 'scan.note' AND submission_id = $1`, m.ids[name])
	}
	want := map[string]int{"a": 1, "b": 0, "c": 1}
	for _, tt := range []struct{ act, renews string }{
		{"link a 2", "a"}, {"unlink a", "a"}, {"merge 2 1", "c"}, {"split 1 b", "c"}, {"link c 1", "c"},
	} {
		if err := m.do(tt.act); err != nil {
			t.Fatal(err)
		}
		want[tt.renews]++
		for name, n := range want {
			if got := notes(name); got != n {
				t.Errorf("after %q: %d notes for %s, want %d", tt.act, got, name, n)
			}
		}
	}
	if err := m.s.Categorize(t.Context(), long("1"), "eau", "Eaux", marie); err != nil {
		t.Fatal(err)
	}
	if notes("a") != want["a"]+1 || notes("c") != want["c"]+1 {
		t.Error("the notes name the category that was corrected")
	}
}

func lessons(t *testing.T, s *Store) []Settled {
	t.Helper()
	var out []Settled
	if err := s.Settled(t.Context(), func(q Settled) error { out = append(out, q); return nil }); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestCategorizeAndSettled(t *testing.T) {
	m := newMatters(t)
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		m.file(name, "", "")
	}
	if got := lessons(t, m.s); len(got) != 0 {
		t.Errorf("what nobody has looked at teaches %+v", got)
	}
	ctx := t.Context()
	for range 2 { // the second time, nothing is new
		if err := m.s.Categorize(ctx, long("1"), "eau", "Eaux", marie); err != nil {
			t.Fatal(err)
		}
	}
	q := request(t, m.s, long("1"))
	if q.Category != "eau" || q.Service != "Eaux" || q.CategoryBy != marie || q.NeedsReview || q.Confidence != 1 || !slices.Equal(q.Reasons, []string{"choisi par " + marie}) {
		t.Errorf("corrected: %+v", q)
	}
	events, err := m.s.History(ctx, long("1"))
	if err != nil || len(events) != 2 {
		t.Fatalf("history: %+v %v", events, err)
	}
	old, chosen := Choice{Category: "voirie", Service: "Voirie", Confidence: 0.8}, Choice{Category: "eau", Service: "Eaux", By: marie, Confidence: 1}
	if d := events[1].Detail; d.Old == nil || *d.Old != old || d.New == nil || *d.New != chosen {
		t.Errorf("event: %+v", events[1])
	}
	// The second category, chosen as the first, is not shown twice.
	if err := m.s.Categorize(ctx, long("2"), "proprete", "Propreté", marie); err != nil {
		t.Fatal(err)
	}
	if q := request(t, m.s, long("2")); q.SecondCategory != "" {
		t.Errorf("second category: %+v", q)
	}
	for query, args := range map[string][]any{
		`UPDATE requests SET status = 'closed' WHERE reference = $1`:                     {long("3")},
		`UPDATE requests SET status = 'answered', needs_review = 1 WHERE reference = $1`: {long("4")},
		`UPDATE requests SET status = 'in_progress' WHERE reference = $1`:                {long("5")},
	} {
		if err := m.s.do(ctx, func(ctx context.Context, tx *tx) error { return tx.exec(ctx, query, args...) }); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.do("merge 2 5"); err != nil {
		t.Fatal(err)
	}
	want := []Settled{ // newest first
		{long("3"), ingest.ChannelMailbox, ingest.Reading{Subject: "objet c", Text: "texte c"}, "voirie", "Voirie", false, day.Add(3 * time.Minute)},
		{long("1"), ingest.ChannelMailbox, ingest.Reading{Subject: "objet a", Text: "texte a"}, "eau", "Eaux", true, day.Add(time.Minute)},
	}
	if got := lessons(t, m.s); !reflect.DeepEqual(got, want) {
		t.Errorf("settled:\n got %+v\nwant %+v", got, want)
	}
	enough := errors.New("enough")
	if err := m.s.Settled(ctx, func(Settled) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("stopped: %v", err)
	}
	if err := m.s.Categorize(ctx, long("9"), "eau", "", marie); !errors.Is(err, ingest.ErrNotFound) {
		t.Errorf("no request: %v", err)
	}
	if err := m.s.Categorize(ctx, long("1"), "", "", marie); !errors.Is(err, ErrRefused) {
		t.Errorf("no category: %v", err)
	}
	// By a reference that was merged, the request that it went into.
	if err := m.s.Categorize(ctx, long("2"), "bruit", "Police", marie); err != nil {
		t.Fatal(err)
	}
	if q := request(t, m.s, long("5")); q.Category != "bruit" {
		t.Errorf("by the old reference: %+v", q)
	}
	verified(t, m.s, 0)
}

// What is learned from is what a classifier is asked about: the sender's own words, those of
// a mail that was passed on, the texts of attachments; and no more of it than is needed.
func TestSettledTexts(t *testing.T) {
	m := newMatters(t)
	m.file("a", "", "")
	ctx := t.Context()
	if err := m.s.Categorize(ctx, long("1"), "eau", "Eaux", marie); err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("é", SettledText)
	files := []ingest.Attachment{{Name: "a.pdf", Type: ingest.MediaPDF, Text: "annexe"}, {Name: "b.jpg"}, {Name: "c.pdf", Text: long}, {Name: "d.pdf", Text: "plus de place"}}
	for _, tt := range []struct {
		name          string
		reading, want ingest.Reading
	}{
		{"own words", ingest.Reading{Subject: "Re: eau", Text: "Oui.\n> Non.", OwnText: "Oui.", InReplyTo: []string{"<a@b>"}}, ingest.Reading{Subject: "Re: eau", Text: "Oui."}},
		{
			"passed on",
			ingest.Reading{Subject: "TR: eau", Text: "Pour suite.\n--- Message transféré ---\nFuite d’eau.", OwnText: "Pour suite."},
			ingest.Reading{Subject: "TR: eau", Text: "Pour suite.\n--- Message transféré ---\nFuite d’eau."},
		},
		{
			"attachments",
			ingest.Reading{Text: "Voir pièce jointe.", Attachments: files},
			ingest.Reading{Text: "Voir pièce jointe.", Attachments: []ingest.Attachment{{Text: "annexe"}, {Text: long[:SettledText-len("annexe")]}}},
		},
		{"long", ingest.Reading{Subject: long, Text: "x" + long}, ingest.Reading{Subject: long[:SettledText], Text: "x" + long[:SettledText-2]}},
	} {
		saved, err := encode(tt.reading)
		if err == nil {
			err = m.s.do(ctx, func(ctx context.Context, tx *tx) error {
				return tx.exec(ctx, `UPDATE readings SET subject = $1, body = $2, detail = $3`, saved.Subject, saved.Text, saved.detail)
			})
		}
		if err != nil {
			t.Fatal(err)
		}
		if got := lessons(t, m.s); len(got) != 1 || !reflect.DeepEqual(got[0].Reading, tt.want) {
			t.Errorf("%s: got %.200q", tt.name, fmt.Sprint(got))
		}
	}
}

// Settled reads more than a page, each request once.
func TestSettledPages(t *testing.T) {
	s := open(t, t.TempDir())
	const n = settledPage + 3
	err := s.do(t.Context(), func(ctx context.Context, tx *tx) error {
		if err := tx.exec(ctx, `INSERT INTO originals (sha256, size, content) VALUES ('x', 1, 'x')`); err != nil {
			return err
		}
		for i := range n {
			id, ref := strconv.Itoa(i), fmt.Sprintf("2026-%06d", i)
			if err := errors.Join(
				tx.exec(ctx, `INSERT INTO requests (id, reference, status, category, service, confidence, needs_review, reasons, subject, body,
					sender_name, sender_email, sender_phone, sender_address, place, opened_at) VALUES ($1, $2, 'closed', 'eau', '', 1, 0, '[]', '', '', '', '', '', '', '', 1)`, i+1, ref),
				tx.exec(ctx, `INSERT INTO submissions (id, channel, account, source_key, epoch, received_at, recorded_at, sha256, size, media_type, hints, state, request_id, link)
					VALUES ($1, 'mailbox', '', $1, '', 1, 1, 'x', 1, '', '{}', 'filed', $2, 'opens')`, id, i+1),
				tx.exec(ctx, `INSERT INTO readings (submission_id, kind, subject, body, sender_name, sender_email, sender_phone, sender_address, message_id, text_key, detail)
					VALUES ($1, 'mail', '', '', '', '', '', '', '', '', '{}')`, id),
			); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, q := range lessons(t, s) {
		seen[q.Reference] = true
	}
	if len(seen) != n {
		t.Errorf("%d of %d requests", len(seen), n)
	}
}

// A submission that a version without stored classifications filed can be taken out too.
func TestUnlinkWithoutStoredClassification(t *testing.T) {
	m := newMatters(t)
	m.file("a", "", "")
	m.file("b", "a", ingest.LinkDuplicate)
	if err := m.s.do(t.Context(), func(ctx context.Context, tx *tx) error {
		return tx.exec(ctx, `UPDATE readings SET classification = ''`)
	}); err != nil {
		t.Fatal(err)
	}
	if err := m.do("unlink b"); err != nil {
		t.Fatal(err)
	}
	if q := request(t, m.s, long("2")); q.Category != "" || !q.NeedsReview || !slices.Equal(q.Reasons, []string{reasonUnclassified}) || q.Subject != "objet b" {
		t.Errorf("request: %+v", q)
	}
	verified(t, m.s, 0)
}

// verify sees merges and answers that lead nowhere.
func TestVerifySeesBrokenMoves(t *testing.T) {
	for _, tt := range []struct{ name, breaks, code, detail string }{
		{"not empty", `UPDATE submissions SET request_id = 3, link = 'duplicate' WHERE source_key = 'b'`, FindingMerged, "submissions are in it"},
		{"a circle", `UPDATE requests SET merged_into = 3 WHERE id = 1`, FindingMerged, "leads nowhere"},
		{"into itself", `UPDATE requests SET merged_into = 3 WHERE id = 3`, FindingMerged, "leads nowhere"},
		{"astray", `UPDATE requests SET merged_into = 2 WHERE id = 3`, FindingMerged, "its opening lies"},
		{"not merged, and empty", `UPDATE requests SET merged_into = NULL WHERE id = 3`, FindingNoOpening, "opens this request"},
		{"an answer to nothing", `UPDATE submissions SET answers = 'nobody' WHERE source_key = 'b'`, FindingAnswers, "not in the ledger"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			m := &matters{t: t, s: open(t, dir), ids: map[string]string{}}
			m.file("a", "", "")
			m.file("b", "", "")
			m.file("c", "", "")
			if err := m.do("merge 3 1"); err != nil {
				t.Fatal(err)
			}
			verified(t, m.s, 0)
			raw := raw(t, dir, withoutForeignKeys)
			defer raw.Close()
			if _, err := raw.ExecContext(t.Context(), tt.breaks); err != nil {
				t.Fatal(err)
			}
			var found []Finding
			if _, err := m.s.Verify(t.Context(), func(f Finding) { found = append(found, f) }, nil); err != nil {
				t.Fatal(err)
			}
			if !slices.ContainsFunc(found, func(f Finding) bool { return f.Code == tt.code && strings.Contains(f.Detail, tt.detail) }) {
				t.Errorf("verify found %v, want %s: %s", found, tt.code, tt.detail)
			}
		})
	}
}

// Twenty people move what they like, while mails and replies come in: nothing is lost, and
// every promise holds at the end.
func TestMovesAtOnce(t *testing.T) {
	s := open(t, t.TempDir())
	const people, acts, start = 20, 40, 30
	var mu sync.Mutex
	var ids []string
	pick := func(r *rand.Rand) string {
		mu.Lock()
		defer mu.Unlock()
		return ids[r.IntN(len(ids))]
	}
	arrive := func(r *rand.Rand, key string) error {
		receipt, err := s.Record(t.Context(), mail(key, key))
		if err != nil {
			return err
		}
		_, err = s.File(t.Context(), receipt.ID, ingest.Filing{
			Reading: ingest.Reading{Kind: "mail", Subject: key, Text: key},
			Match: func(ctx context.Context, c ingest.Candidates) (ingest.Match, error) {
				if r == nil || r.IntN(2) == 0 {
					return ingest.Match{Link: ingest.LinkOpens}, nil
				}
				found, err := c.BySubmission(ctx, pick(r))
				if err != nil || len(found) == 0 {
					return ingest.Match{Link: ingest.LinkOpens}, err
				}
				return ingest.Match{Link: ingest.LinkFollowUp, Request: found[0].Request, To: found[0].SubmissionID}, nil
			},
		})
		mu.Lock()
		ids = append(ids, receipt.ID)
		mu.Unlock()
		return err
	}
	for i := range start {
		if err := arrive(nil, fmt.Sprintf("start %d", i)); err != nil {
			t.Fatal(err)
		}
	}
	var wg sync.WaitGroup
	for p := range people {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(7, uint64(p)))
			for i := range acts {
				ctx, sub, other := t.Context(), pick(r), pick(r)
				ref := func(id string) string {
					rec, err := s.Submission(ctx, id)
					if err != nil {
						t.Error(err)
					}
					if r.IntN(4) == 0 {
						return fmt.Sprintf("2026-%06d", 1+r.IntN(start)) // perhaps merged
					}
					return rec.Request
				}
				var err error
				switch r.IntN(6) {
				case 0:
					err = s.Link(ctx, sub, ref(other), ingest.LinkDuplicate, marie)
				case 1:
					_, err = s.Unlink(ctx, sub, marie)
				case 2:
					err = s.Merge(ctx, ref(sub), ref(other), marie)
				case 3, 4:
					q, qerr := s.Request(ctx, ref(sub))
					if qerr != nil || len(q.Submissions) < 2 {
						continue
					}
					var some []string
					for _, x := range q.Submissions {
						if x.Link != ingest.LinkOpens && r.IntN(2) == 0 {
							some = append(some, x.ID)
						}
					}
					_, err = s.Split(ctx, q.Reference, some, marie)
				default:
					err = arrive(r, fmt.Sprintf("%d/%d", p, i))
				}
				if err != nil && !errors.Is(err, ErrRefused) {
					t.Errorf("%v", err)
					return
				}
			}
		})
	}
	wg.Wait()
	verified(t, s, 0)
	filed := 0
	if err := s.Requests(t.Context(), func(q ingest.Request) error { filed += len(q.Submissions); return nil }); err != nil {
		t.Fatal(err)
	}
	if filed != len(ids) {
		t.Errorf("%d submissions in requests, of %d", filed, len(ids))
	}
	moves := map[string]int{}
	err := each(func(row rowScanner) error {
		var kind string
		var n int
		err := row.Scan(&kind, &n)
		moves[kind] = n
		return err
	}, func() (*sql.Rows, error) {
		return s.read.QueryContext(t.Context(), `SELECT kind, count(*) FROM events GROUP BY kind`)
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{eventLinked, eventUnlinked, eventMerged, eventSplit} {
		if moves[kind] < 20 {
			t.Errorf("only %d events %s: the test moves too little", moves[kind], kind)
		}
	}
	restored := count(t, s, `SELECT count(*) FROM events WHERE detail LIKE '%"restored":true%'`)
	left := count(t, s, `SELECT count(*) FROM events WHERE kind = 'request.linked' AND detail LIKE '%"opens":%'`)
	if restored == 0 || left == 0 {
		t.Errorf("%d requests given back, %d openings left behind: the test moves too little", restored, left)
	}
}
