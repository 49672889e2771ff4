package desk

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"saisine.fr/saisine/ingest"
)

// The address of a list says all of its filter, and nothing else.
func FuzzFilter(f *testing.F) {
	for _, query := range []string{
		"", "q=nid+de+poule&service=Voirie", "statut=toutes&ordre=echeance", "statut=closed", "statut=x&canal=phone&canal=scan", "revue=1&doublons=1&retard=1&miennes=1&urgentes=1",
		"du=2026-04-01&au=hier&categorie=voirie.chaussee", "q=%ff%00&apres=n.1.2.3", "revue=2", "q=" + strings.Repeat("%C3%A9", 300),
	} {
		f.Add(query)
	}
	f.Fuzz(func(t *testing.T, query string) {
		first := filterOf(parsed(query))
		if len([]rune(first.Words)) > maxSearch {
			t.Errorf("%d letters are searched for", len([]rune(first.Words)))
		}
		first.After = ""
		written := filterQuery(first)
		if again := filterOf(parsed(written)); again != first {
			t.Errorf("%q became %q:\n%+v\n%+v", query, written, first, again)
		}
		if address := listAddress(first, "n.1.2.3+"); parsed(strings.TrimPrefix(address, "/agent/?")).Get("apres") != "n.1.2.3+" {
			t.Errorf("the next page is %s", address)
		}
	})
}

func TestTyped(t *testing.T) {
	for words, want := range map[string]string{"": "", "rep": "rep*", "nid de po": "nid de po*", "rep*": "rep*", `"nid de"`: `"nid de"`, "nid ": "nid ", `"nid de p`: `"nid de p*`} {
		if got := typed(ingest.Filter{Words: words}).Words; got != want {
			t.Errorf("%q: %q, want %q", words, got, want)
		}
	}
}

// askedLists are lists that remember what they were asked for.
type askedLists struct {
	asked []ingest.Filter
	page  ingest.ListPage
}

func (l *askedLists) List(_ context.Context, _ ingest.Viewer, f ingest.Filter) (ingest.ListPage, error) {
	l.asked = append(l.asked, f)
	return l.page, nil
}

func (l *askedLists) TabCounts(context.Context, ingest.Viewer) (ingest.TabCounts, error) {
	return ingest.TabCounts{Open: ingest.ListCounted, Late: 3}, nil
}

func (l *askedLists) Views(context.Context, ingest.Viewer) ([]ingest.SavedView, error) {
	return []ingest.SavedView{{Name: "tout", Query: openList}}, nil
}

func (l *askedLists) SaveView(context.Context, ingest.Viewer, ingest.SavedView) error { return nil }

type noFacts struct{}

func (noFacts) Categories() []Category { return nil }

// While somebody types only the results are sent, of the last word the beginning is searched
// for, and the address says what was typed. Going back, the whole page comes.
func TestLiveSearch(t *testing.T) {
	lists := &askedLists{page: ingest.ListPage{
		Items: []ingest.ListItem{{Reference: "2026-000001", Passage: []ingest.Piece{{Text: "<b>", Found: true}, {Text: " & co"}}}}, Total: 12, More: true, Next: "n.1.1.1", Ignored: []string{"<i>"},
	}}
	a, err := New(Options{Lists: lists, Facts: noFacts{}})
	if err != nil {
		t.Fatal(err)
	}
	a.identify = func(*http.Request) (ingest.Viewer, bool) {
		return ingest.Viewer{Login: "lea", Role: ingest.RoleReader, Language: "fr"}, true
	}
	get := func(path string, headers ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		w := httptest.NewRecorder()
		a.routes().mux.ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			t.Fatalf("%s: %d", path, w.Code)
		}
		return w
	}
	w := get("/agent/?q=nid+po&canal=&service=", "HX-Request", "true", "HX-Target", "resultats")
	body := w.Body.String()
	for _, want := range []string{"Plus de 12 demandes", "<mark>&lt;b&gt;</mark> &amp; co", "«&nbsp;&lt;i&gt;&nbsp;»", `id="vue-requete" value="q=nid&#43;po"`, "apres=n.1.1.1", "liste=q%3Dnid%2Bpo"} {
		if !strings.Contains(body, want) {
			t.Errorf("the results lack %s:\n%s", want, body)
		}
	}
	if strings.Contains(body, "<html") || w.Header().Get("HX-Replace-Url") != "/agent/?q=nid+po" || lists.asked[0].Words != "nid po*" {
		t.Errorf("asked for %q, address %s", lists.asked[0].Words, w.Header().Get("HX-Replace-Url"))
	}
	w = get("/agent/?q=nid+po", "HX-Request", "true", "HX-Target", "resultats", "HX-History-Restore-Request", "true")
	if !strings.Contains(w.Body.String(), "<html") || lists.asked[1].Words != "nid po" {
		t.Errorf("going back: %q", lists.asked[1].Words)
	}
	if !strings.Contains(w.Body.String(), "10\u00a0000 et plus") {
		t.Error("a figure that was not counted to its end is told as one that was")
	}
	get("/agent/?du=2026-13-01")
	if len(lists.asked) != 2 {
		t.Error("the store is asked for a day that is none")
	}
	if next, err := a.nextInList(t.Context(), ingest.Viewer{}, "q=nid&apres=n.1.1.1", "2026-000009"); err != nil || next != "2026-000001" {
		t.Errorf("next: %q, %v", next, err)
	}
	if f := lists.asked[2]; f.Beside != "2026-000009" || f.Limit != 1 || f.After != "" || f.Words != "nid" || f.Back {
		t.Errorf("asked for %+v", f)
	}
}

// All that the lists say has its English, and is written as French is printed.
func TestListWords(t *testing.T) {
	known := map[string]bool{}
	for _, list := range words {
		for key := range list {
			known[key] = true
		}
	}
	n := 0
	for _, pattern := range []string{"templates/liste.html", "templates/_liste*.html", "list*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			found := templateKeys.FindAllStringSubmatch(string(text), -1)
			if strings.HasSuffix(name, ".go") {
				found = sourceKeys[0].FindAllStringSubmatch(string(text), -1)
			}
			for _, m := range found {
				key, err := strconv.Unquote(m[1])
				if err != nil {
					t.Fatal(err)
				}
				n++
				if !known[key] {
					t.Errorf("no English for %q", key)
				}
				if strings.Contains(key, "'") || twoWords.MatchString(key) {
					t.Errorf("%q: apostrophe ’, and no-break spaces", key)
				}
			}
		}
	}
	for _, flag := range listFlags {
		if !known[flag.label] {
			t.Errorf("no English for %q", flag.label)
		}
	}
	if n < 70 {
		t.Errorf("only %d texts found", n)
	}
}
