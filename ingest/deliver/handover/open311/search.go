package open311

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"time"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/deliver/handover"
	"saisine.fr/saisine/ingest/deliver/handover/rest"
)

const (
	// maxRows is where the standard lets an answer end without saying so.
	maxRows = 1000
	// maxCalls bounds one search.
	maxCalls = 60
	// minOrdered is how many rows must stand in order to be no accident.
	minOrdered = 100
)

// search is one look for an earlier try.
type search struct {
	c            *Connector
	marker, code string
	first        time.Time // before it there was no try
	calls        int
	// done is set when all was read though spans of time are left.
	done bool
}

// find looks for an earlier try. It was made between the case's arrival (or, when that is known,
// the decision to hand it over, which for an old case is much later) and now; a day on both
// sides covers clocks that differ, and an answer spans 90 days at most by the standard. A search
// that cannot be brought to its end is a permanent error: what was not found may be there.
func (c *Connector) find(ctx context.Context, cs handover.Case, code string) (request, error) {
	const day, span = 24 * time.Hour, 90 * 24 * time.Hour
	s := &search{c: c, marker: c.marker(cs), code: code, first: cs.ReceivedAt.Add(-day)}
	if since := cs.Since.Add(-day); since.After(s.first) {
		s.first = since
	}
	var before []request
	for end := c.now().Add(day); end.After(s.first) && !s.done; end = end.Add(-span) {
		start := end.Add(-span)
		if start.Before(s.first) {
			start = s.first
		}
		rows, err := s.page(ctx, start, end, 1)
		if err != nil {
			return request{}, err
		}
		if len(rows) > 1 && same(rows, before) { // one may stand on the border of both
			break // the server ignores dates, and the span before was read to its end
		}
		before = rows
		l, err := s.read(ctx, start, end, rows)
		if err == nil && l.found.ID == "" {
			l.found, err = s.halves(ctx, l, start, end)
		}
		if err != nil || l.found.ID != "" {
			return l.found, err
		}
	}
	return request{}, nil
}

// page makes one call.
func (s *search) page(ctx context.Context, start, end time.Time, page int) ([]request, error) {
	if s.calls++; s.calls > maxCalls {
		return nil, s.giveUp(fmt.Sprintf("it was not at its end after %d calls", maxCalls))
	}
	q := s.c.query()
	q.Set("service_code", s.code)
	q.Set("start_date", start.UTC().Format(time.RFC3339))
	q.Set("end_date", end.UTC().Format(time.RFC3339))
	if page > 1 {
		q.Set("page", strconv.Itoa(page))
	}
	var rows []request
	err := s.c.call(ctx, rest.Call{Method: http.MethodGet, Path: "/requests.json", Query: q}, &rows)
	if rest.IsStatus(err, http.StatusNotFound) && page > 1 {
		return nil, nil // some have no page behind the last
	}
	if err != nil {
		return nil, fmt.Errorf("look for an earlier try: %w", err)
	}
	return rows, nil
}

// giveUp is permanent: the lists do not get shorter.
func (s *search) giveUp(why string) error {
	return ingest.Permanent(fmt.Errorf("open311: the search for an earlier try was given up: %s, so many requests of service_code %s are there; nothing was created: look there for %q, and send the case by hand if it is not there",
		why, s.code, s.marker))
}

// list is what a span of time gave.
type list struct {
	found request
	// cut says that there may be more.
	cut bool
}

// read reads one span of time, by pages (a common extension; who does not know it repeats
// itself). rows are its first page. Where a server ignores dates and lists the newest first, what
// is before the case need not be read.
func (s *search) read(ctx context.Context, start, end time.Time, rows []request) (list, error) {
	seen := make(map[text]bool)
	var last time.Time
	ordered := true
	for page := 1; ; page++ {
		if page > 1 {
			var err error
			if rows, err = s.page(ctx, start, end, page); err != nil {
				return list{}, err
			}
		}
		before := len(seen)
		for _, r := range rows {
			if r.ID != "" && marked(string(r.Description), s.marker) {
				return list{found: r}, nil
			}
			if seen[r.ID] {
				continue
			}
			seen[r.ID] = true
			at, err := time.Parse(time.RFC3339, string(r.Requested))
			ordered = ordered && err == nil && (len(seen) == 1 || !at.After(last))
			last = at
		}
		if ordered && len(seen) >= minOrdered && last.Before(s.first) {
			s.done = true
			return list{}, nil
		}
		if len(seen) == before {
			return list{cut: len(seen) == maxRows}, nil
		}
	}
}

// halves reads a span whose list was cut again, by halves.
func (s *search) halves(ctx context.Context, whole list, start, end time.Time) (request, error) {
	if !whole.cut {
		return request{}, nil
	}
	if end.Sub(start) <= time.Hour {
		return request{}, s.giveUp("the list of a single hour is cut")
	}
	middle := start.Add(end.Sub(start) / 2)
	late, err := s.page(ctx, middle, end, 1)
	if err != nil {
		return request{}, err
	}
	early, err := s.page(ctx, start, middle, 1)
	if err != nil {
		return request{}, err
	}
	// That one half is like the whole says nothing: the list may be cut before the other half
	// begins. Halves that are like each other do not go by the dates.
	if same(late, early) {
		return request{}, s.giveUp("the server ignores dates and does not list all")
	}
	for _, half := range []struct {
		start, end time.Time
		rows       []request
	}{{middle, end, late}, {start, middle, early}} {
		l, err := s.read(ctx, half.start, half.end, half.rows)
		if err == nil && l.found.ID == "" {
			l.found, err = s.halves(ctx, l, half.start, half.end)
		}
		if err != nil || l.found.ID != "" {
			return l.found, err
		}
	}
	return request{}, nil
}

// same reports whether two pages hold the same requests, and any.
func same(a, b []request) bool {
	ids := func(rows []request) map[text]bool {
		set := make(map[text]bool, len(rows))
		for _, r := range rows {
			set[r.ID] = true
		}
		return set
	}
	return len(a) > 0 && maps.Equal(ids(a), ids(b))
}
