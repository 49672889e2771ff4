package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"saisine.fr/saisine/ingest"
)

// lines are the lines of a register of March 2026: number, who, subject.
func (h *house) register(v ingest.Viewer, d ingest.Direction, more ...func(*ingest.RegisterFilter)) []ingest.RegisterLine {
	h.t.Helper()
	f := ingest.RegisterFilter{Direction: d, From: day.AddDate(0, 0, -1), To: day.AddDate(0, 0, 29)}
	for _, m := range more {
		m(&f)
	}
	var out []ingest.RegisterLine
	h.ok(h.s.Register(h.t.Context(), v, f, func(l ingest.RegisterLine) error {
		out = append(out, l)
		return nil
	}))
	n, err := h.s.RegisterCount(h.t.Context(), v, f)
	if h.ok(err); n != len(out) {
		h.t.Errorf("%d lines are counted, %d are there", n, len(out))
	}
	return out
}

func numbers(lines []ingest.RegisterLine) string {
	var out []string
	for _, l := range lines {
		out = append(out, l.Number)
	}
	return strings.Join(out, " ")
}

// What is filed gets the next number of its year, by every channel, once; what is set aside or
// fails gets none. A submission that is moved keeps its own.
func TestArrivals(t *testing.T) {
	h := newHouse(t)
	all := ingest.Viewer{Login: "chef"}
	h.file("a", "", "")
	h.file("b", "a", ingest.LinkDuplicate, by(ingest.ChannelScan))
	h.file("c", "", "", by(ingest.ChannelPhone))
	aside := record(t, h.s, mail("d", "d"))
	h.ok(h.s.SetAside(t.Context(), aside.ID, ingest.Reading{}, "spam: x"))
	failed := record(t, h.s, mail("e", "e"))
	h.ok(h.s.Fail(t.Context(), failed.ID, "x"))
	h.file("f", "", "", func(sub *ingest.Submission, f *ingest.Filing) {
		sub.Channel = ingest.ChannelScan
		f.Reading.From, f.Reading.Subject = ingest.Person{Phone: "06 39 98 00 00"}, ""
		f.Reading.Text = "\n  Madame la Maire,\nun trou"
	})
	// Filed again, retried and moved: the numbers stay.
	file(t, h.s, h.ids["a"], ingest.Filing{})
	h.ok(h.s.Retry(t.Context(), failed.ID))
	file(t, h.s, failed.ID, ingest.Filing{Reading: ingest.Reading{From: ingest.Person{Email: "e@example.fr"}, Subject: "objet e"}})
	h.ok(h.do("merge 2 1"))
	h.ok(h.do("unlink b"))
	_, err := h.s.RetryAny(t.Context(), aside.ID, marie)
	h.ok(err)

	got := h.register(all, ingest.Incoming)
	var text []string
	for _, l := range got {
		text = append(text, fmt.Sprintf("%s %s %s %s %s %s", l.Number, l.Who, l.Subject, l.Channel, l.Service, short(l.Request)))
	}
	want := []string{
		"A-2026-000001 Nom a objet a mailbox Voirie 1",
		"A-2026-000002 Nom b objet b scan Voirie 5",
		"A-2026-000003 Nom c objet c phone Voirie 1",
		"A-2026-000004 06 39 98 00 00 Madame la Maire, scan Voirie 3",
		"A-2026-000005 e@example.fr objet e mailbox  4",
	}
	for i, w := range want {
		if i < len(text) && text[i] == w {
			continue
		}
		t.Fatalf("register:\n%s\nwant\n%s", strings.Join(text, "\n"), strings.Join(want, "\n"))
	}
	if len(got) != len(want) || !got[0].At.Equal(day.Add(time.Minute)) || got[0].Submission != h.ids["a"] {
		t.Errorf("%d lines; first %+v", len(got), got[0])
	}
	if got := h.register(all, ingest.Incoming, func(f *ingest.RegisterFilter) { f.Channel = ingest.ChannelScan }); numbers(got) != "A-2026-000002 A-2026-000004" {
		t.Errorf("scans: %s", numbers(got))
	}
	verified(t, h.s, 0)
}

// The year of a number is the town's year of reception, and each year begins with 1.
func TestRegisterYears(t *testing.T) {
	s, err := Open(t.Context(), Options{Dir: t.TempDir(), Database: newDatabase(t), Zone: time.FixedZone("CET", 3600)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	newYear := time.Date(2025, 12, 31, 23, 30, 0, 0, time.UTC) // half past midnight in the town
	for i, at := range []time.Time{newYear.Add(-time.Hour), newYear, newYear.Add(-2 * time.Hour), newYear.Add(time.Hour)} {
		sub := mail(strconv.Itoa(i), strconv.Itoa(i))
		sub.ReceivedAt = at
		file(t, s, record(t, s, sub).ID, ingest.Filing{})
	}
	h := &house{matters: &matters{t: t, s: s}}
	wide := func(f *ingest.RegisterFilter) { f.From, f.To = newYear.AddDate(-1, 0, 0), newYear.AddDate(0, 0, 2) }
	if got := numbers(h.register(ingest.Viewer{}, ingest.Incoming, wide)); got != "A-2025-000001 A-2025-000002 A-2026-000001 A-2026-000002" {
		t.Errorf("%s", got)
	}
	newDay := func(f *ingest.RegisterFilter) {
		f.From = time.Date(2026, 1, 1, 0, 0, 0, 0, s.opts.Zone)
		f.To = f.From.AddDate(0, 0, 1)
	}
	if got := numbers(h.register(ingest.Viewer{}, ingest.Incoming, newDay)); got != "A-2026-000001 A-2026-000002" {
		t.Errorf("of New Year's Day: %s", got)
	}
	verified(t, s, 0)
}

// Many file at once, and some fail in the middle: no number is given twice, none is left out.
func TestRegisterIsGapless(t *testing.T) {
	h := newHouse(t)
	const n = 60
	ids := make([]string, n)
	for i := range ids {
		ids[i] = record(t, h.s, mail(strconv.Itoa(i), "mail "+strconv.Itoa(i))).ID
	}
	torn := errors.New("torn")
	var wg sync.WaitGroup
	for i, id := range ids {
		wg.Go(func() {
			f := ingest.Filing{Match: opens}
			if i%7 == 0 {
				// A fault after the number was given, in a group with others.
				h.secretary.mu.Lock()
				h.secretary.tears[id] = torn
				h.secretary.mu.Unlock()
			}
			_, err := h.s.File(context.Background(), id, f)
			if (i%7 == 0) != (err != nil) {
				t.Errorf("%d: %v", i, err)
			}
		})
	}
	wg.Wait()
	h.secretary.tears = map[string]error{}
	for i, id := range ids {
		if i%7 == 0 {
			file(t, h.s, id, ingest.Filing{})
		}
	}
	got := h.register(ingest.Viewer{}, ingest.Incoming)
	for i, l := range got {
		if l.Number != ingest.RegisterNumber(ingest.Incoming, 2026, i+1) {
			t.Fatalf("line %d is %s", i+1, l.Number)
		}
	}
	if len(got) != n {
		t.Errorf("%d lines", len(got))
	}
	verified(t, h.s, 0)
}

// What is hidden is neither in a register, nor counted; its numbers are.
func TestRegisterHides(t *testing.T) {
	h := newHouse(t)
	sealed := func(_ *ingest.Submission, f *ingest.Filing) { f.Classification.Service = "CCAS" }
	h.file("a", "", "")
	h.file("b", "", "", sealed)
	h.file("c", "", "")
	clerk := ingest.Viewer{Login: "agent", Name: "Agent", Hidden: []string{"CCAS", "Police"}}
	member := ingest.Viewer{Login: "ccas", Name: "Membre", Services: []string{"CCAS"}, Hidden: []string{"Police"}}
	for _, q := range []string{"1", "2"} {
		if _, err := h.s.Answer(t.Context(), member, long(q), answer("k"+q)); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		v       ingest.Viewer
		in, out string
	}{
		{clerk, "A-2026-000001 A-2026-000003", "D-2026-000001"},
		{member, "A-2026-000001 A-2026-000002 A-2026-000003", "D-2026-000001 D-2026-000002"},
	} {
		if got := numbers(h.register(tt.v, ingest.Incoming)); got != tt.in {
			t.Errorf("%s: arrivals %s", tt.v.Login, got)
		}
		if got := numbers(h.register(tt.v, ingest.Outgoing)); got != tt.out {
			t.Errorf("%s: departures %s", tt.v.Login, got)
		}
	}
}

func TestRegisterPages(t *testing.T) {
	h := newHouse(t)
	for i := range 7 {
		h.file(strconv.Itoa(i), "", "")
	}
	f := ingest.RegisterFilter{Direction: ingest.Incoming, From: day, To: day.AddDate(0, 0, 1)}
	var got []string
	var at RegisterCursor
	for pages := 1; ; pages++ {
		lines, next, err := h.s.RegisterPage(t.Context(), ingest.Viewer{}, f, at, 3)
		h.ok(err)
		got = append(got, numbers(lines))
		if at = next; at == (RegisterCursor{}) || pages > 5 {
			break
		}
	}
	want := []string{"A-2026-000001 A-2026-000002 A-2026-000003", "A-2026-000004 A-2026-000005 A-2026-000006", "A-2026-000007"}
	if !slices.Equal(got, want) {
		t.Errorf("pages %q", got)
	}
	stop := errors.New("enough")
	if err := h.s.Register(t.Context(), ingest.Viewer{}, f, func(ingest.RegisterLine) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("an error of the caller's: %v", err)
	}
}

// What was filed before there were registers is numbered once, by year and place in the ledger.
func TestNumberEarlier(t *testing.T) {
	dir := t.TempDir()
	h := openHouse(t, dir)
	for i := range 5 {
		h.file(strconv.Itoa(i), "", "", func(sub *ingest.Submission, _ *ingest.Filing) {
			sub.ReceivedAt = day.AddDate(-(i % 2), 0, -i)
			if i == 4 {
				sub.Channel = ingest.ChannelScan
			}
		})
	}
	ctx := t.Context()
	h.ok(h.s.do(ctx, func(ctx context.Context, tx *tx) error {
		return errors.Join(
			tx.exec(ctx, `DELETE FROM register`), tx.exec(ctx, `DELETE FROM counters WHERE name LIKE 'register/%'`),
			tx.exec(ctx, `INSERT INTO settings (name, value) VALUES ('register/unnumbered', '1')`))
	}))
	if found := verified(t, h.s, 6); found[0].Code != FindingRegister { // five arrivals and a letter
		t.Errorf("%+v", found)
	}
	again := openHouse(t, dir)
	wide := func(f *ingest.RegisterFilter) { f.From = day.AddDate(-2, 0, 0) }
	var got []string
	for _, l := range again.register(ingest.Viewer{}, ingest.Incoming, wide) {
		got = append(got, l.Number+" "+l.Subject)
	}
	want := []string{"A-2025-000001 objet 1", "A-2025-000002 objet 3", "A-2026-000001 objet 0", "A-2026-000002 objet 2", "A-2026-000003 objet 4"}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if got := numbers(again.register(ingest.Viewer{}, ingest.Outgoing, wide)); got != "D-2026-000001" {
		t.Errorf("departures %s", got)
	}
	again.n = 10
	again.file("later", "", "")
	if got := again.register(ingest.Viewer{}, ingest.Incoming, wide); got[len(got)-1].Number != "A-2026-000004" {
		t.Errorf("the next one: %s", numbers(got))
	}
	verified(t, again.s, 0)
	openHouse(t, dir)
	verified(t, again.s, 0)
}

func TestVerifyRegister(t *testing.T) {
	for name, tt := range map[string]struct{ sql, subject, detail string }{
		"a number is missing":    {`DELETE FROM register WHERE number = 2`, "", "has no number"},
		"a gap":                  {`UPDATE register SET number = 9 WHERE number = 3`, "in/2026", "missing"},
		"the counter is behind":  {`UPDATE counters SET value = 2 WHERE name = 'register/in/2026'`, "register/in/2026", "counter"},
		"of what is not filed":   {`UPDATE submissions SET state = 'failed', reason = 'x', request_id = NULL, link = '' WHERE seq = 3`, "", "is not filed"},
		"a letter has no number": {`INSERT INTO mails (id, kind, recipient, detail, state, created_at, not_before) VALUES ('m', 'reply', 'a@b.fr', '{}', 'queued', 1, 1)`, "m", "departures"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			for _, n := range []string{"a", "b", "c"} {
				h.file(n, "", "")
			}
			verified(t, h.s, 0)
			h.ok(h.s.do(t.Context(), func(ctx context.Context, tx *tx) error { return tx.exec(ctx, tt.sql) }))
			var found []Finding
			if _, err := h.s.Verify(t.Context(), func(f Finding) { found = append(found, f) }, nil); err != nil {
				t.Fatal(err)
			}
			if !slices.ContainsFunc(found, func(f Finding) bool {
				return f.Code == FindingRegister && strings.Contains(f.Detail, tt.detail) && strings.Contains(f.Subject, tt.subject)
			}) {
				t.Errorf("found %+v", found)
			}
		})
	}
}
