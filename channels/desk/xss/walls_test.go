package xss_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"saisine.fr/saisine/channels/desk/safehtml"
	"saisine.fr/saisine/channels/desk/xss"
)

func TestPayloads(t *testing.T) {
	list := xss.Payloads()
	if len(list) < 200 {
		t.Errorf("%d payloads", len(list))
	}
	if n := len(slices.Compact(slices.Sorted(slices.Values(list)))); n != len(list) {
		t.Errorf("%d of %d payloads differ", n, len(list))
	}
}

// walls serves the payloads behind each of the two walls of a mail's frame alone, and
// behind none. A page of frames, without a sandbox around them, has every stepth payload.
func walls(t *testing.T, step int) *httptest.Server {
	t.Helper()
	list := xss.Payloads()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /cadres/{wall}/{from}", func(w http.ResponseWriter, r *http.Request) {
		from, _ := strconv.Atoi(r.PathValue("from"))
		fmt.Fprint(w, "<!DOCTYPE html><title>cadres</title>")
		for i := from; i < min(from+60, len(list)); i++ {
			if i%step == 0 {
				fmt.Fprintf(w, `<iframe src="/%s/%d"></iframe>`, r.PathValue("wall"), i)
			}
		}
	})
	mux.HandleFunc("GET /{wall}/{n}", func(w http.ResponseWriter, r *http.Request) {
		n, err := strconv.Atoi(r.PathValue("n"))
		if err != nil || n >= len(list) {
			http.NotFound(w, r)
			return
		}
		body := list[n]
		switch r.PathValue("wall") {
		case "policy":
			w.Header().Set("Content-Security-Policy", safehtml.Policy)
		case "clean":
			body = safehtml.Clean(body, safehtml.Options{Remote: "[image distante]", Missing: "[image absente]"}).HTML
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, "<!DOCTYPE html><html><head><meta charset=utf-8><title>x</title><style>%s</style></head><body>\n%s\n</body></html>", safehtml.Style, body)
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

func frames(s *httptest.Server, wall string, visit func(address string)) {
	for from := 0; from < len(xss.Payloads()); from += 60 {
		visit(fmt.Sprintf("%s/cadres/%s/%d", s.URL, wall, from))
	}
}

// step leaves payloads out of a quick run.
func step(usual int) int {
	if testing.Short() {
		return 8
	}
	return usual
}

// A page that puts the payloads into itself as they are is caught at it: so the tests that
// catch nothing say something.
func TestWatchCatches(t *testing.T) {
	t.Parallel()
	every := step(4)
	s := walls(t, every)
	w := xss.Start(t, xss.SomeLeak, s.URL)
	ran, leaked := map[string]bool{}, map[string]bool{}
	frames(s, "none", func(address string) {
		odd := w.Open(address, 400*time.Millisecond)
		if len(odd) == 0 {
			t.Errorf("%s holds nothing that should not stand in a page", address)
		}
		for _, c := range w.Caught() {
			switch what, rest, _ := strings.Cut(c, " "); what {
			case "alert":
				ran[rest] = true
			case "request", "websocket":
				leaked[rest] = true
			}
		}
	})
	t.Logf("of %d payloads %d ran, and there were %d leaks", len(xss.Payloads())/every, len(ran), len(leaked))
	if len(ran) < 120/every || len(leaked) < 24/every {
		t.Error("too few: the watch sees little, or the payloads are weak")
	}
}

// The sanitiser alone leaves nothing that runs or reaches out, though the page has no policy.
func TestSanitiserAlone(t *testing.T) {
	t.Parallel()
	s := walls(t, step(1))
	w := xss.Start(t, xss.NoLeak, s.URL)
	frames(s, "clean", w.Look)
}

// The policy of the frame alone lets nothing run, though nothing was sanitised. It cannot keep a
// document from going elsewhere, or names from being looked up in advance: that is left to the sanitiser.
func TestPolicyAlone(t *testing.T) {
	t.Parallel()
	s := walls(t, step(3))
	w := xss.Start(t, xss.AnyLeak, s.URL)
	frames(s, "policy", func(address string) {
		w.Open(address, 200*time.Millisecond)
		for _, c := range w.Caught() {
			// Requests that it blocks are told as requests too.
			if !strings.HasPrefix(c, "blocked by the policy") && !strings.HasPrefix(c, "request ") {
				t.Errorf("%s: %s", address, c)
			}
		}
	})
}
