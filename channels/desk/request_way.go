package desk

import (
	"log/slog"
	"net/http"
	"net/url"

	"saisine.fr/saisine/ingest"
)

// way is the list from which one came to a request, and where it goes on.
type way struct {
	// List is the query of the list's address; Known is false when one came from none.
	List  string
	Known bool
	// ListURL, PreviousURL and NextURL are addresses, "" for none.
	ListURL, PreviousURL, NextURL string
}

// lead adds the list to the values of an address, which it returns.
func (w way) lead(values url.Values) url.Values {
	if w.Known {
		values.Set("liste", w.List)
	}
	return values
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
	if values.Has("liste") {
		q.Set("liste", cleanWay(values.Get("liste")))
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

// knownWay is the list that an address, or a form, names.
func knownWay(r *http.Request) way {
	list := cleanWay(r.FormValue("liste"))
	return way{List: list, Known: r.Form.Has("liste"), ListURL: listURL(list)}
}

// wayOf finds out from which list one came to a request, and what is beside it there.
func (a *Adapter) wayOf(r *http.Request, v ingest.Viewer, reference string) way {
	out := knownWay(r)
	if !out.Known {
		return out
	}
	for _, step := range []struct {
		back bool
		url  *string
	}{{true, &out.PreviousURL}, {false, &out.NextURL}} {
		other, err := a.besideInList(r.Context(), v, out.List, reference, step.back)
		if err != nil {
			// One can still go back to the list.
			a.log.LogAttrs(r.Context(), slog.LevelWarn, "no way on in a list", slog.Any("err", err))
			return out
		}
		if other != "" {
			*step.url = requestURL(other, out.lead(url.Values{}))
		}
	}
	return out
}
