package open311

import (
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// server is a server of the standard, with what the outside sees of it.
type server struct {
	mu       sync.Mutex
	requests []map[string]any
	media    [][]byte
	// lose breaks that many answers to POST after the request is made.
	lose int
	// pageSize cuts lists; 0 gives all, and then page is ignored.
	pageSize int
	// noDates ignores start_date and end_date.
	noDates bool
	// lists counts the calls for a list.
	posts, lists int
}

func (s *server) start(t *testing.T) string {
	h := httptest.NewServer(s)
	t.Cleanup(h.Close)
	return h.URL + "/v2"
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var answer any
	switch {
	case r.Method == http.MethodPost && r.URL.Path == "/v2/requests.json":
		s.posts++
		if err := r.ParseMultipartForm(1 << 20); err != nil && !errors.Is(err, http.ErrNotMultipart) {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if f, h, err := r.FormFile("media"); err == nil {
			content, _ := io.ReadAll(f)
			s.media = append(s.media, append([]byte(h.Filename+"\n"), content...))
		}
		id := fmt.Sprint(len(s.requests) + 1)
		s.requests = append(s.requests, map[string]any{
			"service_request_id": id, "status": "open", "service_code": r.FormValue("service_code"),
			"description": strings.ReplaceAll(html.EscapeString(r.FormValue("description")), "\n", "\r\n"),
			"form":        r.Form, "requested_datetime": received.Add(20 * time.Minute).Format(time.RFC3339),
		})
		if s.lose > 0 {
			s.lose--
			panic(http.ErrAbortHandler)
		}
		answer = []any{map[string]any{"service_request_id": id}}
	case r.URL.Path == "/v2/requests.json":
		answer = s.list(r)
	case strings.HasPrefix(r.URL.Path, "/v2/requests/"):
		for _, x := range s.requests {
			if x["service_request_id"] == strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, "/v2/requests/"), ".json") {
				answer = []any{x}
			}
		}
	case r.URL.Path == "/v2/services.json":
		answer = []any{map[string]any{"service_code": "001", "metadata": false, "type": "realtime"}}
	}
	if answer == nil {
		w.WriteHeader(http.StatusNotFound)
		answer = []any{map[string]any{"code": 404, "description": "not found"}}
	}
	_ = json.NewEncoder(w).Encode(answer)
}

func (s *server) list(r *http.Request) []map[string]any {
	s.lists++
	start, _ := time.Parse(time.RFC3339, r.FormValue("start_date"))
	end, _ := time.Parse(time.RFC3339, r.FormValue("end_date"))
	list := []map[string]any{}
	for _, x := range s.requests {
		at, _ := time.Parse(time.RFC3339, x["requested_datetime"].(string))
		if x["service_code"] == r.FormValue("service_code") && (s.noDates || !at.Before(start) && !at.After(end) && end.Sub(start) <= 90*24*time.Hour) {
			list = append(list, x)
		}
	}
	if s.pageSize > 0 {
		page := 1
		_, _ = fmt.Sscan(r.FormValue("page"), &page)
		from := min((page-1)*s.pageSize, len(list))
		return list[from:min(from+s.pageSize, len(list))]
	}
	return list[:min(len(list), maxRows)]
}

func (s *server) fill(n int, at func(i int) time.Time) {
	for i := range n {
		s.requests = append(s.requests, map[string]any{
			"service_request_id": fmt.Sprint(len(s.requests) + 1), "service_code": "001", "status": "open",
			"description": "un autre", "requested_datetime": at(i).Format(time.RFC3339),
		})
	}
}
