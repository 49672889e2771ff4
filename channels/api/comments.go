package api

import (
	"net/http"
	"slices"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/view"
)

// commentKind is that of the event by which a comment stands in a history.
const commentKind = "request.comment"

// commentJSON is a comment: what agents and programs tell each other, and the citizen never
// sees.
type commentJSON struct {
	At    string `json:"at"`
	Actor string `json:"actor"`
	Text  string `json:"text"`
}

type commentsAnswer struct {
	Comments []commentJSON `json:"comments"`
}

func (c *call) commentsOf(reference string) ([]commentJSON, error) {
	history, err := c.a.opts.Requests.HistoryFor(c.ctx(), c.viewer, reference)
	if err != nil {
		return nil, err
	}
	out := []commentJSON{}
	for _, e := range history {
		if e.Kind == commentKind {
			out = append(out, commentJSON{view.Time(e.At, c.a.zone), e.Actor, e.Detail.Text})
		}
	}
	return out, nil
}

func (c *call) comments() error {
	list, err := c.commentsOf(c.r.PathValue("reference"))
	if err != nil {
		return err
	}
	c.json(http.StatusOK, commentsAnswer{list})
	return nil
}

// comment adds a comment. The same one twice in a row is one.
func (c *call) comment() error {
	reference := c.r.PathValue("reference")
	o, err := c.object(jsonType, "text")
	if err != nil {
		return err
	}
	if o.values["text"] == "" {
		o.fault("text", "is missing")
	}
	o.atMost("text", maxComment)
	if o.errs != nil {
		return invalid(o.errs)
	}
	if err := c.a.opts.Acts.Comment(c.ctx(), c.viewer, reference, o.values["text"]); err != nil {
		return err
	}
	out := commentJSON{view.Time(c.began, c.a.zone), c.viewer.Actor(), o.values["text"]}
	if c.key.May(ingest.ScopeRead) {
		// As it stands in the history, with its time.
		list, err := c.commentsOf(reference)
		if err != nil {
			return err
		}
		for _, x := range slices.Backward(list) {
			if x.Actor == out.Actor && x.Text == out.Text {
				out = x
				break
			}
		}
	}
	c.json(http.StatusCreated, out)
	return nil
}
