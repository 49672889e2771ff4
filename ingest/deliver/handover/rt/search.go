package rt

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"saisine.fr/saisine/ingest/deliver/handover"
	"saisine.fr/saisine/ingest/deliver/handover/rest"
)

// perPage is the most that RT gives at once; maxPages is how many of them are looked through.
const perPage, maxPages = 100, 20

// text is a string that RT writes with or without quotes, or as an object with an id: numbers
// of tickets are all three.
type text string

// UnmarshalJSON implements json.Unmarshaler.
func (t *text) UnmarshalJSON(data []byte) error {
	var n json.Number
	if err := json.Unmarshal(data, &n); err == nil {
		*t = text(n)
		return nil
	}
	if bytes.HasPrefix(data, []byte("{")) {
		var object struct {
			ID text `json:"id"`
		}
		err := json.Unmarshal(data, &object)
		*t = object.ID
		return err
	}
	return json.Unmarshal(data, (*string)(t))
}

// found is a ticket of a search.
type found struct {
	ID      text   `json:"id"`
	Subject string `json:"Subject"`
	Created string `json:"Created"`
	Links   []struct {
		Ref string `json:"ref"`
		URL string `json:"_url"`
	} `json:"_hyperlinks"`
	Fields fields `json:"CustomFields"`
}

// fields are custom fields with their values, which are objects where the field holds files.
type fields []struct {
	Name   string `json:"name"`
	Values []any  `json:"values"`
}

// UnmarshalJSON implements json.Unmarshaler. RT writes "" for a ticket that can have none.
func (f *fields) UnmarshalJSON(data []byte) error {
	if !bytes.HasPrefix(data, []byte("[")) {
		return nil
	}
	type plain fields
	return json.Unmarshal(data, (*plain)(f))
}

// find returns the lowest number of the tickets that we made for a case, "" when there is none.
func (r *RT) find(ctx context.Context, c handover.Case) (string, error) {
	var sure, linked []string
	for page := 1; page <= maxPages; page++ {
		var answer struct {
			Items []*found `json:"items"`
		}
		query := url.Values{
			"query": {r.query(c)}, "fields": {"Subject,Created,CustomFields,_hyperlinks"}, "orderby": {"id"},
			"per_page": {fmt.Sprint(perPage)}, "page": {fmt.Sprint(page)},
		}
		if err := r.client.JSON(ctx, rest.Call{Method: http.MethodGet, Path: "/tickets", Query: query}, &answer); err != nil {
			return "", err
		}
		for _, f := range answer.Items {
			switch {
			case f == nil || !isID(string(f.ID)) || c.Foreign(f.Created):
			case r.isCase(*f, c.Reference):
				sure = append(sure, string(f.ID))
			case c.URL != "" && f.refersTo(c.URL):
				linked = append(linked, string(f.ID))
			}
		}
		if len(answer.Items) < perPage {
			break
		}
	}
	// A link may also have come to another ticket of ours, by a merge.
	for _, ids := range [][]string{sure, linked} {
		if len(ids) > 0 {
			return slices.MinFunc(ids, byNumber), nil
		}
	}
	return "", nil
}

// query is TicketSQL that finds at least the tickets for a case
// (https://docs.bestpractical.com/rt/5.0.3/query_builder.html). It asks for RT's own columns and
// tables only and not for the full text index, which lags. EffectiveId is in it since RT
// otherwise leaves merged tickets out, and the creator since a citizen's mail to RT may well
// begin its subject with our reference.
func (r *RT) query(c handover.Case) string {
	marks := []string{"Subject LIKE " + quote(mark(c.Reference))}
	if c.URL != "" {
		marks = append(marks, "RefersTo = "+quote(c.URL))
	}
	if r.o.ReferenceField != "" {
		marks = append(marks, "CF.{"+r.o.ReferenceField+"} = "+quote(c.Reference))
	}
	return "Creator = '__CurrentUser__' AND EffectiveId > 0 AND (" + strings.Join(marks, " OR ") + ")"
}

// quote writes a string of TicketSQL, where a backslash takes the meaning from what follows.
func quote(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}

// isCase compares to the letter what LIKE has found: it takes % and _ for anything, and case
// makes no difference to it.
func (r *RT) isCase(f found, reference string) bool {
	if strings.HasPrefix(f.Subject+" ", mark(reference)+" ") {
		return true
	}
	for _, field := range f.Fields {
		if r.o.ReferenceField != "" && field.Name == r.o.ReferenceField && slices.Contains(field.Values, any(reference)) {
			return true
		}
	}
	return false
}

func (f found) refersTo(address string) bool {
	for _, l := range f.Links {
		if l.Ref == "refers-to" && l.URL == address {
			return true
		}
	}
	return false
}

// byNumber orders numbers without signs or leading zeros.
func byNumber(a, b string) int {
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	return strings.Compare(a, b)
}
