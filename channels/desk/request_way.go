package desk

import (
	"context"
	"net/http"
	"net/url"

	"saisine.fr/saisine/ingest"
)

// way is the list from which one came to a request, and where it goes on.
type way struct {
	// List is the query of the list's address, in the form that it is passed on in; "" when
	// one came from no list.
	List string
	// ListURL, PreviousURL and NextURL are addresses, "" for none.
	ListURL, PreviousURL, NextURL string
}

// maxWay bounds the query of a list in an address, in bytes.
const maxWay = 1000

// cleanWay makes of what came with an address the query of a list: it cannot lead elsewhere.
func cleanWay(list string) string {
	if len(list) > maxWay {
		return ""
	}
	q, err := url.ParseQuery(list)
	if err != nil {
		return ""
	}
	return q.Encode()
}

func listURL(list string) string {
	if list == "" {
		return "/agent/"
	}
	return "/agent/?" + list
}

// requestURL is the address of a request, with those of the values that lead on.
func requestURL(reference string, values url.Values) string {
	q := url.Values{}
	if list := cleanWay(values.Get("liste")); list != "" {
		q.Set("liste", list)
	}
	for _, name := range []string{"piece", "reunie"} {
		if s := values.Get(name); s != "" && len(s) <= 64 {
			q.Set(name, s)
		}
	}
	out := "/agent/demandes/" + url.PathEscape(reference)
	if len(q) > 0 {
		out += "?" + q.Encode()
	}
	return out
}

// wayOf finds out where one came from; r's form must be parsed, or its query is taken.
func (a *Adapter) wayOf(r *http.Request, v ingest.Viewer, reference string) way {
	list := cleanWay(r.FormValue("liste"))
	out := way{List: list, ListURL: listURL(list)}
	if list == "" {
		return out
	}
	previous, next := a.neighbours(r.Context(), v, list, reference)
	on := url.Values{"liste": {list}}
	if previous != "" {
		out.PreviousURL = requestURL(previous, on)
	}
	if next != "" {
		out.NextURL = requestURL(next, on)
	}
	return out
}

// neighbours finds the requests before and after one in a list.
func (a *Adapter) neighbours(ctx context.Context, v ingest.Viewer, list, reference string) (previous, next string) {
	return "", ""
}
