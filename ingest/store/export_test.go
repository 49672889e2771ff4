package store

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"saisine.fr/saisine/ingest"
)

// outOfArchive makes a submission one of an archive.
func outOfArchive(status ingest.Status, since time.Time) func(*ingest.Submission, *ingest.Filing) {
	return func(sub *ingest.Submission, _ *ingest.Filing) {
		sub.Hints.ImportedAs, sub.Hints.ImportedSince, sub.Hints.NoReceipt = status, since, true
	}
}

// What comes out of an archive is settled: it owes nothing, tells nobody and wakes nobody.
func TestImportedAs(t *testing.T) {
	h := newHouse(t)
	since := day.AddDate(0, 0, 3)
	h.file("a", "", ingest.LinkOpens, outOfArchive(ingest.StatusClosed, since))
	h.file("b", "a", ingest.LinkFollowUp, outOfArchive(ingest.StatusClosed, since))
	h.file("c", "", ingest.LinkOpens, outOfArchive(ingest.StatusInProgress, time.Time{}))
	h.file("d", "", ingest.LinkOpens, outOfArchive(ingest.StatusAnswered, time.Time{}))
	h.file("e", "", ingest.LinkOpens, outOfArchive("no such status", since))
	if q := request(t, h.s, h.in("a")); q.Status != ingest.StatusClosed || !q.AnsweredAt.Equal(since) || len(q.Submissions) != 2 {
		t.Errorf("%s since %v with %d pieces", q.Status, q.AnsweredAt, len(q.Submissions))
	}
	if q := request(t, h.s, h.in("c")); q.Status != ingest.StatusInProgress || !q.AnsweredAt.IsZero() {
		t.Errorf("%s since %v", q.Status, q.AnsweredAt)
	}
	if q := request(t, h.s, h.in("d")); q.Status != ingest.StatusAnswered || !q.AnsweredAt.Equal(q.OpenedAt) {
		t.Errorf("%s since %v, opened %v", q.Status, q.AnsweredAt, q.OpenedAt)
	}
	if q := request(t, h.s, h.in("e")); q.Status != ingest.StatusNew {
		t.Errorf("an unknown status became %s", q.Status)
	}
	for _, name := range []string{"a", "d"} {
		q := request(t, h.s, h.in(name))
		for _, d := range q.Deadlines {
			if d.Who == whoTown && d.DoneAt.IsZero() {
				t.Errorf("%s: open deadline %+v", name, d)
			}
		}
		for _, m := range q.Mails {
			if m.State != ingest.MailWithheld {
				t.Errorf("%s: mail %+v", name, m)
			}
		}
	}
	h.ok(h.s.OpenDeadlines(t.Context(), day.AddDate(9, 0, 0), func(d Due) error {
		if d.Reference == h.in("a") || d.Reference == h.in("d") {
			t.Errorf("a reminder is due: %+v", d)
		}
		return nil
	}))
	if got := lessons(t, h.s); len(got) != 0 {
		t.Errorf("what was imported as closed teaches: %+v", got)
	}
	// Somebody who writes today wakes it up.
	h.file("f", "a", ingest.LinkFollowUp)
	if q := request(t, h.s, h.in("a")); q.Status != ingest.StatusInProgress || !q.AnsweredAt.IsZero() {
		t.Errorf("after a new letter: %s since %v", q.Status, q.AnsweredAt)
	}
}

func exportedNames(t *testing.T, z *Frozen, f ExportFilter) []string {
	t.Helper()
	var out []string
	err := z.Requests(t.Context(), f, true, func(e Exported) error {
		out = append(out, strings.TrimPrefix(e.Request.Subject, "objet "))
		if len(e.Records) != len(e.Request.Submissions) || len(e.History) == 0 {
			t.Errorf("%s: %d records, %d events", e.Request.Reference, len(e.Records), len(e.History))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestFreeze(t *testing.T) {
	h := newHouse(t)
	for _, name := range []string{"a", "b", "c", "d"} {
		h.file(name, "", ingest.LinkOpens, func(_ *ingest.Submission, f *ingest.Filing) {
			if name == "d" {
				f.Classification.Category, f.Classification.Service = "action-sociale", "CCAS"
			}
		})
	}
	h.file("a2", "a", ingest.LinkFollowUp)
	h.ok(h.s.Merge(t.Context(), h.in("c"), h.in("b"), marie))
	aside := record(t, h.s, mail("x", "aside")).ID
	h.ok(h.s.SetAside(t.Context(), aside, ingest.Reading{}, "spam: x"))
	at := h.in("a")
	sealed := ExportFilter{Viewer: ingest.Viewer{Hidden: []string{"CCAS"}}}
	h.ok(h.s.Freeze(t.Context(), func(z *Frozen) error {
		// What happens meanwhile is not in it.
		h.file("new", "", ingest.LinkOpens)
		h.ok(h.s.SetStatus(t.Context(), at, ingest.StatusClosed, "", marie))
		for _, tt := range []struct {
			name string
			f    ExportFilter
			want string
		}{
			{"all", ExportFilter{}, "a b d"},
			{"sealed", sealed, "a b"},
			{"category", ExportFilter{Category: "action-sociale"}, "d"},
			{"service", ExportFilter{Service: "Voirie"}, "a b"},
			{"status", ExportFilter{Status: ingest.StatusClosed}, ""},
			{"from", ExportFilter{From: day.Add(2 * time.Minute)}, "b d"},
			{"to", ExportFilter{To: day.Add(2 * time.Minute)}, "a"},
		} {
			if got := strings.Join(exportedNames(t, z, tt.f), " "); got != tt.want {
				t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
			}
		}
		var unfiled []string
		h.ok(z.Unfiled(t.Context(), ExportFilter{}, func(r ingest.Record) error { unfiled = append(unfiled, r.ID); return nil }))
		if !slices.Equal(unfiled, []string{aside}) {
			t.Errorf("unfiled: %v", unfiled)
		}
		lines := 0
		h.ok(z.Register(t.Context(), sealed.Viewer, ingest.RegisterFilter{Direction: ingest.Incoming, To: day.AddDate(1, 0, 0)}, func(l ingest.RegisterLine) error {
			if l.Service == "CCAS" {
				t.Errorf("a sealed line: %+v", l)
			}
			lines++
			return nil
		}))
		if lines != 4 {
			t.Errorf("%d lines in the register, want 4", lines)
		}
		return nil
	}))
	stop := errors.New("stop")
	err := h.s.Freeze(t.Context(), func(z *Frozen) error {
		return z.Requests(t.Context(), ExportFilter{}, false, func(Exported) error { return stop })
	})
	if !errors.Is(err, stop) {
		t.Errorf("the caller's error is lost: %v", err)
	}
}

// An export of many requests takes no more memory than one of few.
func TestFreezeMemory(t *testing.T) {
	h := newMatters(t)
	const n = 240
	text := strings.Repeat("Une phrase de plus. ", 10_000) // 200 kB each, 48 MB together
	for i := range n {
		name := fmt.Sprint(i)
		h.file(name, "", ingest.LinkOpens, func(_ *ingest.Submission, f *ingest.Filing) { f.Reading.Text = text + name })
	}
	var before, most runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	seen := 0
	if err := h.s.Freeze(t.Context(), func(z *Frozen) error {
		return z.Requests(t.Context(), ExportFilter{}, true, func(Exported) error {
			if seen++; seen%40 == 0 {
				runtime.GC()
				var m runtime.MemStats
				if runtime.ReadMemStats(&m); m.HeapAlloc > most.HeapAlloc {
					most = m
				}
			}
			return nil
		})
	}); err != nil {
		t.Fatal(err)
	}
	if grown := int64(most.HeapAlloc) - int64(before.HeapAlloc); seen != n || grown > 8<<20 {
		t.Errorf("%d requests, %d MiB more on the heap", seen, grown>>20)
	}
}

func TestKnownSources(t *testing.T) {
	s := open(t, t.TempDir())
	var keys []string
	for i := range 1200 {
		keys = append(keys, fmt.Sprintf("INBOX|1|%d", i))
	}
	for _, i := range []int{3, 700, 1199} {
		sub := mail(keys[i], fmt.Sprint(i))
		sub.Epoch = "INBOX|1"
		record(t, s, sub)
	}
	again := mail("INBOX|2|9", "700")
	again.Epoch = "INBOX|2"
	if r := record(t, s, again); !r.Replayed {
		t.Fatal("the renumbered mail is taken for a new one")
	}
	known, err := s.KnownSources(context.Background(), again.Channel, again.Account, append(keys, "INBOX|2|9", "INBOX|2|10"))
	if err != nil || len(known) != 4 || !known[keys[3]] || !known[keys[1199]] || !known["INBOX|2|9"] {
		t.Errorf("%v, %v", known, err)
	}
	if known, err := s.KnownSources(context.Background(), again.Channel, "other", keys); err != nil || len(known) > 0 {
		t.Errorf("of another account: %v, %v", known, err)
	}
}
