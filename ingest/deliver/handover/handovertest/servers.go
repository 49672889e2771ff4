package handovertest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"
)

// LossyProxy stands before a server until the test ends, and returns its own address. The answer
// to a call that lose picks is lost: the server has given it, and the connection is cut. Calls
// may come, and lose be called, several at once.
func LossyProxy(t *testing.T, server string, lose func(r *http.Request) bool) string {
	t.Helper()
	target, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}
	return serve(t, func(w http.ResponseWriter, r *http.Request) {
		if !lose(r) {
			proxy.ServeHTTP(w, r)
			return
		}
		proxy.ServeHTTP(httptest.NewRecorder(), r) // to the end: the server has done it
		panic(http.ErrAbortHandler)                // cuts the connection
	})
}

// Answers is a server that gives each path one answer, all of one status, until the test ends;
// other paths are not found. It returns its address.
func Answers(t *testing.T, status int, bodies map[string]string) string {
	t.Helper()
	return serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, ok := bodies[r.URL.Path]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	})
}

func serve(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	return s.URL
}
