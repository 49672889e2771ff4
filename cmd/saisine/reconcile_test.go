package main

import (
	"bytes"
	"log/slog"
	"net/mail"
	"testing"
	"time"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/store"
)

// reconcile waits until all that the town got has ended, and compares the ledger with the
// sources: each piece once, with the end that it must come to, each request opened once.
func (l *load) reconcile(t *testing.T) {
	t.Helper()
	want := len(l.marks) + len(l.twins) + 3*len(l.piles)
	var found []marked
	if !l.tw.within(3*time.Minute, func() bool {
		time.Sleep(250 * time.Millisecond) // reading the whole ledger takes from the daemon's time
		found = l.tw.ledger()
		for _, p := range found {
			if !p.rec.State.Final() {
				return false
			}
		}
		return len(found) >= want
	}) {
		states := map[ingest.State]int{}
		for _, p := range found {
			states[p.rec.State]++
		}
		t.Fatalf("not settled: %d pieces, %d rows, %v", want, len(found), states)
	}
	count, openings, requests := map[string]int{}, map[string]int{}, map[string]string{}
	for _, p := range found {
		s, mark := p.rec, p.mark
		count[mark]++
		if s.Link == ingest.LinkOpens {
			openings[s.Request]++
		}
		switch {
		case mark == "": // a letter of a pile
			if s.State != ingest.StateFiled {
				t.Errorf("letter %s ended as %s (%s)", s.ID, s.State, s.Reason)
			}
			continue
		case l.piles[mark]:
			if s.State != ingest.StateSetAside {
				t.Errorf("pile %s ended as %s (%s)", mark, s.State, s.Reason)
			}
			continue
		case l.back[mark]:
			if !s.State.Final() {
				t.Errorf("%s ended as %s (%s)", mark, s.State, s.Reason)
			}
			continue
		case s.State != l.marks[mark]:
			t.Errorf("%s ended as %s (%s), want %s", mark, s.State, s.Reason, l.marks[mark])
		}
		if l.twins[mark] {
			if other, ok := requests[mark]; ok && other != s.Request {
				t.Errorf("%s is in the requests %s and %s", mark, other, s.Request)
			}
			requests[mark] = s.Request
		} else if s.State == ingest.StateFiled && s.Link != ingest.LinkOpens {
			t.Errorf("%s was filed as %s of %s", mark, s.Link, s.Request)
		}
	}
	for mark := range l.marks {
		once := 1
		if l.twins[mark] {
			once = 2
		}
		if count[mark] != once {
			t.Errorf("%s is %d times in the ledger, want %d", mark, count[mark], once)
		}
	}
	for mark := range l.piles {
		if count[mark] != 1 {
			t.Errorf("pile %s is %d times in the ledger", mark, count[mark])
		}
	}
	if count[""] != 2*len(l.piles) {
		t.Errorf("%d letters of %d piles of two", count[""], len(l.piles))
	}
	for mark := range count {
		if _, ok := l.marks[mark]; !ok && mark != "" && !l.piles[mark] {
			t.Errorf("%s is in the ledger and was never sent", mark)
		}
	}
	for ref, n := range openings {
		if n != 1 {
			t.Errorf("request %s was opened %d times", ref, n)
		}
	}
}

// marked is a row of the ledger and the mark by which it is known: "" where it bears none.
type marked struct {
	mark string
	rec  ingest.Record
}

// ledger reads the whole ledger without the daemon's help. Reports that our own mails could not
// be delivered are left out: they are nothing that a citizen sent.
func (tw *town) ledger() []marked {
	tw.t.Helper()
	s, err := store.Open(tw.t.Context(), store.Options{Dir: tw.data, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		tw.t.Fatal(err)
	}
	defer s.Close()
	var found []marked
	if err := s.Submissions(tw.t.Context(), "", func(r ingest.Record) error {
		if r.Reading != nil && r.Reading.Undelivered != nil {
			return nil
		}
		found = append(found, marked{tw.markOf(s, r), r})
		return nil
	}); err != nil {
		tw.t.Fatal(err)
	}
	return found
}

// markOf finds the mark of a row, once: that of an original does not change.
func (tw *town) markOf(s *store.Store, r ingest.Record) string {
	tw.t.Helper()
	if mark, ok := tw.markCache[r.ID]; ok {
		return mark
	}
	mark := marks.FindString(r.Hints.SourceRef)
	if mark == "" && r.MediaType != ingest.MediaPDF {
		b, err := s.Original(tw.t.Context(), r)
		if err != nil {
			tw.t.Fatal(err)
		}
		f, err := b.Open()
		if err != nil {
			tw.t.Fatal(err)
		}
		defer f.Close()
		head := make([]byte, 8192)
		n, _ := f.Read(head)
		mark = string(marks.Find(head[:n]))
	}
	if tw.markCache == nil {
		tw.markCache = map[string]string{}
	}
	tw.markCache[r.ID] = mark
	return mark
}

func messageIDOf(raw []byte) string {
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return ""
	}
	return m.Header.Get("Message-ID")
}
