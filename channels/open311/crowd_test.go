package open311

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// slowPost is a large post that has only begun; end sends the rest and returns the answer.
func slowPost(t *testing.T, a *Adapter, client string, head, rest []byte, contentType string) (end func() *httptest.ResponseRecorder) {
	t.Helper()
	body, send := io.Pipe()
	r := httptest.NewRequest("POST", Prefix+"requests.json", body)
	r.RemoteAddr, r.ContentLength = client+":1", int64(len(head)+len(rest))
	r.Header.Set("Content-Type", contentType)
	w := httptest.NewRecorder()
	done := make(chan struct{})
	go func() {
		defer close(done)
		a.ServeHTTP(w, r)
		_ = body.Close()
	}()
	if _, err := send.Write(head); err != nil { // until it is read, which takes a place
		t.Fatal(err)
	}
	return sync.OnceValue(func() *httptest.ResponseRecorder {
		_, _ = send.Write(rest)
		_ = send.Close()
		<-done
		return w
	})
}

// Large posts that show no key keep neither those with one waiting, nor other addresses.
func TestLargePostsWithoutAKey(t *testing.T) {
	a, h := newServer(t, nil)
	fields := url.Values{"service_code": {"voirie"}, "address_id": {"1"}, "api_key": {testKey}}
	contentType, large := picture(t, fields, map[string][]byte{"a.jpg": bytes.Repeat([]byte("x"), 100_000)})
	post := func(client string, length int64, header ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("POST", Prefix+"requests.json", bytes.NewReader(large))
		r.RemoteAddr, r.ContentLength = client+":1", length
		r.Header.Set("Content-Type", contentType)
		for i := 0; i+1 < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		w := httptest.NewRecorder()
		a.ServeHTTP(w, r)
		return w
	}
	var ends []func() *httptest.ResponseRecorder
	hold := func(client string) {
		t.Helper()
		ends = append(ends, slowPost(t, a, client, large[:100], large[100:], contentType))
	}
	defer func() {
		for _, end := range ends {
			end()
		}
	}()
	size := int64(len(large))
	for range 3 {
		hold("192.0.2.1")
	}
	for _, length := range []int64{size, -1} {
		w := post("192.0.2.1", length)
		if w.Code != 503 || w.Header().Get("Retry-After") != "60" || w.Header().Get("Connection") != "close" {
			t.Errorf("one more, of %d bytes: %d, %v", length, w.Code, w.Header())
		}
		valid(t, "errors", w.Body.Bytes())
	}
	if w := post("192.0.2.1", size, "X-Api-Key", testKey); w.Code != 200 {
		t.Errorf("with a key in the header: %d, %s", w.Code, w.Body)
	}
	if w := ask(a, "POST", Prefix+"requests.json", report); w.Code != 200 {
		t.Errorf("a small one: %d, %s", w.Code, w.Body)
	}
	if w := post("192.0.2.2", size); w.Code != 200 {
		t.Errorf("from another address: %d, %s", w.Code, w.Body)
	}
	for n := 3; n < maxUnkeyed; n++ {
		hold(fmt.Sprintf("192.0.2.%d", 10+n))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	r := httptest.NewRequest("POST", Prefix+"requests.json", bytes.NewReader(large)).WithContext(ctx)
	r.RemoteAddr = "192.0.2.99:1"
	r.Header.Set("Content-Type", contentType)
	w := httptest.NewRecorder()
	if a.ServeHTTP(w, r); w.Code != 503 || w.Header().Get("Retry-After") == "" {
		t.Errorf("without a key, while all are slow: %d, %s", w.Code, w.Body)
	}
	if w := post("192.0.2.1", size, "X-Api-Key", testKey); w.Code != 200 {
		t.Errorf("with a key, while all others are slow: %d, %s", w.Code, w.Body)
	}
	for i, end := range ends {
		if w := end(); w.Code != 200 {
			t.Errorf("slow post %d: %d, %s", i, w.Code, w.Body)
		}
	}
	if w := post("192.0.2.1", size); w.Code != 200 || len(a.large.of) != 0 {
		t.Errorf("afterwards: %d, %v are counted", w.Code, a.large.of)
	}
	if h.count() != 2 { // all pictures are the same report
		t.Errorf("%d submissions", h.count())
	}
}

func TestCounts(t *testing.T) {
	var c counts
	one, two := netip.MustParsePrefix("192.0.2.1/32"), netip.MustParsePrefix("192.0.2.2/32")
	leave, ok := c.enter(one, 1)
	if _, more := c.enter(one, 1); !ok || more {
		t.Errorf("the first %v, the second %v", ok, more)
	}
	if _, ok := c.enter(two, 1); !ok {
		t.Error("another is refused")
	}
	if leave(); len(c.of) != 1 {
		t.Errorf("%v are counted", c.of)
	}
}

// Few lists are made at a time; who has no turn soon is told to come again.
func TestListTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, h := newServer(t, nil)
		h.extra = []Report{app()}
		for range 3 {
			a.lists <- struct{}{}
		}
		start := time.Now()
		for _, query := range []string{"", "?service_request_id=2026-000007"} {
			w := ask(a, "GET", Prefix+"requests.json"+query, "")
			if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") != "5" || w.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("%s: %d, %v", query, w.Code, w.Header())
			}
			valid(t, "errors", w.Body.Bytes())
		}
		if took := time.Since(start); took != 2*listWait {
			t.Errorf("they waited %v", took)
		}
		for _, one := range []string{"requests/2026-000007", "services", "discovery"} {
			if w := ask(a, "GET", Prefix+one+".json", ""); w.Code != 200 {
				t.Errorf("%s: %d", one, w.Code)
			}
		}
		time.AfterFunc(listWait/2, func() { <-a.lists })
		if w := ask(a, "GET", Prefix+"requests.json", ""); w.Code != 200 || !strings.Contains(w.Body.String(), "2026-000007") {
			t.Errorf("its turn came: %d, %s", w.Code, w.Body)
		}
		for _, query := range []string{"", "?status=x", "?service_request_id=x"} { // each leaves its place
			if w := ask(a, "GET", Prefix+"requests.json"+query, ""); w.Code == http.StatusServiceUnavailable {
				t.Errorf("%s: no place is left", query)
			}
		}
		if len(a.lists) != 2 {
			t.Errorf("%d places are taken", len(a.lists))
		}
	})
}
