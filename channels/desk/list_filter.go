package desk

import (
	"net/url"
	"slices"
	"strings"

	"saisine.fr/saisine/ingest"
)

// The filter of a list stands in its address, so that it can be kept, sent to a colleague and
// gone back to. Names and values of the parameters are in French, as all addresses are.

// The values of "statut" that are no status, and that of "ordre".
const (
	statusAll = "toutes"
	orderDue  = "echeance"
	yes       = "1"
)

// openList is the query of the list without a filter where there must be one.
const openList = "statut=ouvertes"

// listFlags are the parameters that are set or not.
var listFlags = []struct {
	name  string
	field func(f *ingest.Filter) *bool
	label string
}{
	{"revue", func(f *ingest.Filter) *bool { return &f.Review }, "À revoir"},
	{"doublons", func(f *ingest.Filter) *bool { return &f.Duplicates }, "Doublons possibles"},
	{"retard", func(f *ingest.Filter) *bool { return &f.Late }, "En retard"},
	{"miennes", func(f *ingest.Filter) *bool { return &f.Mine }, "Les miennes"},
	{"urgentes", func(f *ingest.Filter) *bool { return &f.Urgent }, "Urgentes"},
}

// filterOf reads the filter of an address. What it does not know it leaves out.
func filterOf(q url.Values) ingest.Filter {
	get := func(name string) string { return strings.TrimSpace(strings.ToValidUTF8(q.Get(name), "")) }
	f := ingest.Filter{
		Channel: ingest.Channel(get("canal")), Service: get("service"), Category: get("categorie"),
		Words: cutLetters(get("q"), maxSearch), From: get("du"), To: get("au"), After: get("apres"),
	}
	if _, ok := channelNames[f.Channel]; !ok {
		f.Channel = ""
	}
	switch s := ingest.Status(get("statut")); {
	case s == statusAll:
		f.Settled = true
	case slices.Contains(listStatuses, s):
		f.Status = s
	}
	if get("ordre") == orderDue {
		f.Order = ingest.OrderDue
	}
	for _, flag := range listFlags {
		*flag.field(&f) = get(flag.name) == yes
	}
	return f
}

// maxSearch is how many letters of a search are taken.
const maxSearch = 200

func cutLetters(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}

// listStatuses are the statuses in their order.
var listStatuses = []ingest.Status{
	ingest.StatusNew, ingest.StatusAssigned, ingest.StatusInProgress, ingest.StatusWaitingCitizen, ingest.StatusAnswered, ingest.StatusClosed,
}

// filterQuery writes a filter as the query of an address: each list has one only, whatever
// way it was asked for. The page is no part of it.
func filterQuery(f ingest.Filter) string {
	q := url.Values{}
	set := func(name, value string) {
		if value != "" {
			q.Set(name, value)
		}
	}
	set("canal", string(f.Channel))
	set("service", f.Service)
	set("categorie", f.Category)
	set("q", f.Words)
	set("du", f.From)
	set("au", f.To)
	set("statut", string(f.Status))
	if f.Settled && f.Status == "" {
		set("statut", statusAll)
	}
	if f.Order == ingest.OrderDue {
		set("ordre", orderDue)
	}
	for _, flag := range listFlags {
		if *flag.field(&f) {
			set(flag.name, yes)
		}
	}
	return q.Encode()
}

// listAddress is the address of a list, or of a page of it.
func listAddress(f ingest.Filter, after string) string {
	query := filterQuery(f)
	if after != "" {
		if query != "" {
			query += "&"
		}
		query += "apres=" + url.QueryEscape(after)
	}
	return listURL(query)
}

// typed is a filter while somebody is typing: the last word is the beginning of one.
func typed(f ingest.Filter) ingest.Filter {
	if w := []rune(f.Words); len(w) > 0 && !strings.ContainsRune("*\"»” ", w[len(w)-1]) {
		f.Words += "*"
	}
	return f
}
