package open311

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"saisine.fr/saisine/ingest"
)

// A lost answer must not make a second request, wherever in the lists the first one is.
func TestLostAnswer(t *testing.T) {
	near := func(i int) time.Time { return received.Add(time.Duration(i%1200) * time.Second) }
	for name, s := range map[string]*server{
		"alone": {}, "pages": {pageSize: 50}, "behind the standard's 1,000": {},
	} {
		t.Run(name, func(t *testing.T) {
			if name != "alone" {
				s.fill(1050, func(i int) time.Time { return near(i).Add(-time.Duration(i%7) * time.Hour) })
			}
			s.lose = 1
			c := connector(t, Options{URL: s.start(t)})
			before := len(s.requests)
			if _, err := c.Create(t.Context(), hole()); err == nil || ingest.IsPermanent(err) {
				t.Fatalf("%v, want an error that is tried again", err)
			}
			r, err := c.Create(t.Context(), hole())
			if err != nil || r.ID != fmt.Sprint(before+1) || s.posts != 1 {
				t.Errorf("%+v, %v after %d posts, want the first", r, err, s.posts)
			}
		})
	}
}

// A search ends after so many calls, whatever the server does with dates and pages; and when it
// ends before all was read, nothing is made.
func TestSearchEnds(t *testing.T) {
	newestFirst := func(i int) time.Time { return received.Add(-time.Duration(i) * time.Hour) }
	oldestFirst := func(i int) time.Time { return received.Add(time.Duration(i-5000) * time.Hour) }
	shuffled := func(i int) time.Time { return received.Add(-time.Duration(i*37%1000) * time.Hour) }
	thisHour := func(i int) time.Time { return received.Add(time.Duration(i%60) * time.Second) }
	for name, tt := range map[string]struct {
		s     *server
		n     int
		at    func(i int) time.Time
		old   int    // days before now that the case came in
		calls int    // at most
		err   string // "" = it is made
	}{
		"ignores dates, cut":                {&server{noDates: true}, 2000, oldestFirst, 0, 4, "ignores dates"},
		"ignores dates, cut, in no order":   {&server{noDates: true}, 2000, shuffled, 0, 4, "ignores dates"},
		"ignores dates, cut, newest first":  {&server{noDates: true}, 2000, newestFirst, 0, 1, ""},
		"ignores dates, all":                {&server{noDates: true}, 900, oldestFirst, 400, 3, ""},
		"ignores dates, pages":              {&server{noDates: true, pageSize: 50}, 5000, oldestFirst, 0, maxCalls, "60 calls"},
		"ignores dates, pages, one a page":  {&server{noDates: true, pageSize: 1}, 5000, oldestFirst, 0, maxCalls, "60 calls"},
		"ignores dates, pages, newest":      {&server{noDates: true, pageSize: 50}, 5000, newestFirst, 0, 2, ""},
		"ignores dates, pages, old case":    {&server{noDates: true, pageSize: 50}, 1500, oldestFirst, 400, 33, ""},
		"cut within the hour":               {&server{}, 1001, thisHour, 0, maxCalls, "a single hour"},
		"pages without end within the hour": {&server{pageSize: 10}, 1001, thisHour, 0, maxCalls, "60 calls"},
		"goes by dates":                     {&server{}, 5000, oldestFirst, 0, 2, ""},
	} {
		t.Run(name, func(t *testing.T) {
			tt.s.fill(tt.n, tt.at)
			c := connector(t, Options{URL: tt.s.start(t)})
			cs := hole()
			cs.ReceivedAt = received.AddDate(0, 0, -tt.old)
			_, err := c.Create(t.Context(), cs)
			if tt.s.lists > tt.calls {
				t.Errorf("%d calls, want at most %d", tt.s.lists, tt.calls)
			}
			switch {
			case tt.err == "" && (err != nil || tt.s.posts != 1):
				t.Errorf("%v, %d made", err, tt.s.posts)
			case tt.err != "" && (!ingest.IsPermanent(err) || !strings.Contains(err.Error(), tt.err) || !strings.Contains(err.Error(), "Réf. 2026-000123") || tt.s.posts != 0):
				t.Errorf("%v, %d made, want an error with %q and none", err, tt.s.posts, tt.err)
			}
		})
	}
}

// An old request is looked for in spans that the standard allows.
func TestOldCase(t *testing.T) {
	s := &server{}
	c := connector(t, Options{URL: s.start(t)})
	old := hole()
	old.ReceivedAt = received.Add(-200 * 24 * time.Hour)
	first, err := c.Create(t.Context(), old)
	if err != nil {
		t.Fatal(err)
	}
	c.now = func() time.Time { return received.Add(150 * 24 * time.Hour) }
	if again, err := c.Create(t.Context(), old); err != nil || again != first {
		t.Errorf("%+v, %v, want %+v", again, err, first)
	}
}
