package open311

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// FuzzServe sends anything anywhere: whatever it is, it is answered in the standard's form, and
// with a status of the standard.
func FuzzServe(f *testing.F) {
	f.Add("GET", "services.json", "", "", "")
	f.Add("GET", "requests.xml", "status=open,closed&start_date=2026-01-01&service_code=voirie", "", "")
	f.Add("HEAD", "requests/2026-000001.json", "jurisdiction_id=x", "", "")
	f.Add("GET", "tokens/tok-id-1.1.xml", "%zz", "", "")
	f.Add("POST", "requests.json", "", "application/x-www-form-urlencoded", "api_key="+testKey+"&service_code=voirie&lat=1&long=2&attribute[obstacle][]=pietons&media_url=https://a/b")
	f.Add("POST", "requests.xml", "api_key="+testKey, "multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=service_code\r\n\r\nvoirie\r\n--b--")
	f.Add("PATCH", "", "", "text/plain", "x")
	a, h := newServer(f, nil)
	f.Fuzz(func(t *testing.T, method, path, query, contentType, body string) {
		h.mu.Lock()
		h.rows = nil
		h.mu.Unlock()
		r := &http.Request{
			Method: method, URL: &url.URL{Path: Prefix + path, RawQuery: query}, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, RemoteAddr: "192.0.2.1:1",
			Header: http.Header{"Content-Type": {contentType}}, Body: http.NoBody, Host: "mairie.exemple.fr",
		}
		if method == http.MethodPost {
			b := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader([]byte(body)))
			r.Body, r.ContentLength = b.Body, b.ContentLength
		}
		r = r.WithContext(t.Context())
		w := httptest.NewRecorder()
		a.ServeHTTP(w, r)
		if !slices.Contains([]int{200, 204, 400, 403, 404, 405}, w.Code) {
			t.Errorf("answered %d", w.Code)
		}
		if w.Code == 204 || method == http.MethodHead {
			return
		}
		switch w.Header().Get("Content-Type") {
		case "application/json; charset=utf-8":
			if w.Code != 200 {
				valid(t, "errors", w.Body.Bytes())
			}
		case "text/xml; charset=utf-8":
			v := spark(t, w.Body.Bytes())
			if list, ok := v.([]any); w.Code != 200 && (!ok || len(list) == 0) {
				t.Errorf("no errors in %s", w.Body)
			}
		default:
			t.Errorf("type %q", w.Header().Get("Content-Type"))
		}
		// JSON writes marks as they are: nosniff keeps browsers from taking them for a page.
		if isJSON := strings.HasPrefix(w.Header().Get("Content-Type"), "application/json"); !isJSON && strings.Contains(w.Body.String(), "<html") ||
			w.Header().Get("X-Content-Type-Options") != "nosniff" || strings.Contains(w.Body.String(), testKey) {
			t.Errorf("body %s", w.Body)
		}
	})
}

// FuzzBlotOut holds the blotting of keys against the plain way to do it.
func FuzzBlotOut(f *testing.F) {
	f.Add([]byte("api_key=abcabc&x=abc"), "abc")
	f.Add(bytes.Repeat([]byte("aab"), 30_000), "aabaabaabb")
	f.Fuzz(func(t *testing.T, text []byte, word string) {
		if word == "" || len(word) > maxKey || strings.Contains(word, "*") {
			return
		}
		var got bytes.Buffer
		found, err := blotOut(&got, bytes.NewReader(text), [][]byte{[]byte(word)})
		want := bytes.ReplaceAll(text, []byte(word), bytes.Repeat([]byte("*"), len(word)))
		if err != nil || found != bytes.Contains(text, []byte(word)) || !bytes.Equal(got.Bytes(), want) {
			t.Errorf("%v, found %v: %q of %q without %q", err, found, got.Bytes(), text, word)
		}
	})
}
