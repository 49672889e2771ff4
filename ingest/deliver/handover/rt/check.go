package rt

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"saisine.fr/saisine/ingest/deliver/handover/rest"
)

// oldest is the first version with REST 2 of its own.
const oldest = 5

type link struct {
	Ref string `json:"ref"`
}

// Check implements handover.Connector.
func (r *RT) Check(ctx context.Context) (string, error) {
	version, err := r.version(ctx)
	if err != nil {
		return "", err
	}
	if err := r.checkQueue(ctx); err != nil {
		return "", err
	}
	if err := r.checkComment(ctx); err != nil {
		return "", err
	}
	return fmt.Sprintf("RT %s, queue %q", version, r.o.Queue), nil
}

func (r *RT) version(ctx context.Context) (string, error) {
	var about struct {
		Version string `json:"Version"`
	}
	err := r.client.JSON(ctx, rest.Call{Method: http.MethodGet, Path: "/rt"}, &about)
	var status *rest.StatusError
	switch {
	case rest.IsStatus(err, http.StatusUnauthorized):
		return "", fmt.Errorf("rt: the login was refused; check the user name and password, or the token: %w", err)
	case rest.IsStatus(err, http.StatusNotFound), errors.As(err, &status) && status.Status/100 == 3:
		return "", fmt.Errorf("rt: there is no RT at %s, or REST 2 is switched off there: %w", r.o.URL, err)
	case err != nil:
		return "", fmt.Errorf("rt: %w", err)
	}
	major, _, _ := strings.Cut(about.Version, ".")
	if n, err := strconv.Atoi(major); err != nil || n < oldest {
		return "", fmt.Errorf("rt: %s is RT %.20q; version %d or newer is needed", r.o.URL, about.Version, oldest)
	}
	return about.Version, nil
}

// checkQueue looks whether the queue is there and takes tickets of this user: RT gives the link
// "create" only to those who may.
func (r *RT) checkQueue(ctx context.Context) error {
	var queue struct {
		Disabled text   `json:"Disabled"`
		Links    []link `json:"_hyperlinks"`
		Fields   []struct {
			Name string `json:"name"`
		} `json:"TicketCustomFields"`
	}
	err := r.client.JSON(ctx, rest.Call{Method: http.MethodGet, Path: "/queue/" + url.PathEscape(r.o.Queue)}, &queue)
	switch {
	case rest.IsStatus(err, http.StatusNotFound), rest.IsStatus(err, http.StatusForbidden):
		return fmt.Errorf("rt: there is no queue %q, or the user may not see it (right SeeQueue): %w", r.o.Queue, err)
	case err != nil:
		return explain("look at the queue", err)
	case queue.Disabled == "1":
		return fmt.Errorf("rt: the queue %q is disabled", r.o.Queue)
	case !slices.Contains(queue.Links, link{"create"}):
		return fmt.Errorf("rt: the user may not create tickets in the queue %q (right CreateTicket)", r.o.Queue)
	}
	if r.o.ReferenceField == "" {
		return nil
	}
	for _, f := range queue.Fields {
		if f.Name == r.o.ReferenceField {
			return nil
		}
	}
	return fmt.Errorf("rt: the queue %q has no custom field %q, or the user may not see it (right SeeCustomField)", r.o.Queue, r.o.ReferenceField)
}

// checkComment looks whether the user may comment on a ticket of the queue. RT tells it of
// tickets only, so there is nothing to see in an empty queue.
func (r *RT) checkComment(ctx context.Context) error {
	var answer struct {
		Items []struct {
			Links []link `json:"_hyperlinks"`
		} `json:"items"`
	}
	query := url.Values{"query": {"Queue = " + quote(r.o.Queue)}, "fields": {"_hyperlinks"}, "orderby": {"id"}, "order": {"DESC"}, "per_page": {"1"}}
	if err := r.client.JSON(ctx, rest.Call{Method: http.MethodGet, Path: "/tickets", Query: query}, &answer); err != nil {
		return explain("search in the queue", err)
	}
	if len(answer.Items) > 0 && !slices.Contains(answer.Items[0].Links, link{"comment"}) {
		return fmt.Errorf("rt: the user may not comment on tickets in the queue %q (right CommentOnTicket)", r.o.Queue)
	}
	return nil
}
