package open311

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"saisine.fr/saisine/ingest/deliver/handover"
	"saisine.fr/saisine/ingest/deliver/handover/rest"
)

// find looks for an earlier try. It was made between the case's arrival and now; a day on both
// sides covers clocks that differ, and an answer spans 90 days at most by the standard.
func (c *Connector) find(ctx context.Context, cs handover.Case, code string) (request, error) {
	const day, span = 24 * time.Hour, 90 * 24 * time.Hour
	end := c.now().Add(day)
	for first := cs.ReceivedAt.Add(-day); end.After(first); end = end.Add(-span) {
		start := end.Add(-span)
		if start.Before(first) {
			start = first
		}
		if r, err := c.window(ctx, c.marker(cs), code, start, end); err != nil || r.ID != "" {
			return r, err
		}
	}
	return request{}, nil
}

const (
	// maxRows is where the standard lets an answer end without saying so.
	maxRows = 1000
	// maxPages bounds what is read of a server that pages.
	maxPages = 20
)

// window reads one span of time, by pages (a common extension; who does not know it repeats
// itself), and where an answer was cut, by halves.
func (c *Connector) window(ctx context.Context, marker, code string, start, end time.Time) (request, error) {
	seen := make(map[text]bool)
	cut := true
	for page := 1; page <= maxPages; page++ {
		q := c.query()
		q.Set("service_code", code)
		q.Set("start_date", start.UTC().Format(time.RFC3339))
		q.Set("end_date", end.UTC().Format(time.RFC3339))
		if page > 1 {
			q.Set("page", strconv.Itoa(page))
		}
		var rows []request
		err := c.call(ctx, rest.Call{Method: http.MethodGet, Path: "/requests.json", Query: q}, &rows)
		if rest.IsStatus(err, http.StatusNotFound) && page > 1 {
			err = nil // some have no page behind the last
		}
		if err != nil {
			return request{}, fmt.Errorf("look for an earlier try: %w", err)
		}
		before := len(seen)
		for _, r := range rows {
			seen[r.ID] = true
			if r.ID != "" && marked(string(r.Description), marker) {
				return r, nil
			}
		}
		if len(seen) == before {
			cut = len(seen) == maxRows
			break
		}
	}
	if middle := start.Add(end.Sub(start) / 2); cut && end.Sub(start) > time.Hour {
		if r, err := c.window(ctx, marker, code, middle, end); err != nil || r.ID != "" {
			return r, err
		}
		return c.window(ctx, marker, code, start, middle)
	}
	return request{}, nil
}
