package api

import (
	"net/http"
	"strconv"

	"saisine.fr/saisine/ingest/view"
)

type eventsAnswer struct {
	Events []view.PublicEvent `json:"events"`
	// Next is the after of the next call, also when nothing has happened.
	Next string `json:"next"`
}

// events lists what happened since.
func (c *call) events() error {
	q := c.parameters("after", "limit")
	var after int64
	if text := q.get("after"); text != "" {
		var err error
		if after, err = strconv.ParseInt(text, 10, 64); err != nil || after < 0 {
			q.fault("after", "is the next of an answer before, or left out to begin at the beginning")
		}
	}
	limit := q.limit()
	if q.errs != nil {
		return badParameters(q.errs)
	}
	list, err := c.a.opts.Events.EventsAfter(c.ctx(), c.viewer, after, limit)
	if err != nil {
		return err
	}
	out := eventsAnswer{Events: []view.PublicEvent{}}
	for _, e := range list {
		out.Events = append(out.Events, view.OfPublicEvent(e, c.a.zone))
		after = e.Seq
	}
	out.Next = strconv.FormatInt(after, 10)
	c.json(http.StatusOK, out)
	return nil
}

type categoriesAnswer struct {
	Categories []Category `json:"categories"`
}

func (c *call) categoryList() error {
	c.json(http.StatusOK, categoriesAnswer{view.List(*c.a.categories.Load())})
	return nil
}
