// Package replaytest plays the other side of a connector from recorded exchanges, for programs
// that cannot be installed where tests run. A file holds exchanges in the order in which they
// must come; each says what the call has to look like and what is answered.
package replaytest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Any stands in an expectation for a value that differs from run to run.
const Any = "*"

// Exchange is one call and its answer.
type Exchange struct {
	Method string
	// Path is the path as it was escaped.
	Path string
	// Query and Form are all there is, in any order; nil Form is not looked at.
	Query, Form map[string]string
	// Header must be there; others may be.
	Header map[string]string
	// JSON is the body; Any stands for any value in it.
	JSON json.RawMessage
	// Parts are all parts of a multipart body, by name.
	Parts map[string]Part
	// Status is the answer's, 0 = 200.
	Status int
	// Answer is its body as JSON, or else Text as it is.
	Answer json.RawMessage
	Text   string
	// Lost breaks the connection in place of answering.
	Lost bool
}

// Part is a part of a multipart body.
type Part struct {
	Filename, Type string
	// Text is its content, or JSON is, or SHA256 its hash in hex.
	Text, SHA256 string
	JSON         json.RawMessage
}

// Call is a call as it came.
type Call struct {
	Method, Path string
	Query        url.Values
	Body         []byte
}

// Server plays the exchanges.
type Server struct {
	URL string

	t    testing.TB
	mu   sync.Mutex
	left []Exchange
	got  []Call
}

// Serve plays the exchanges of the files, one after the other, until the test ends; a call that
// is not the next one fails the test, and so does one that never comes.
func Serve(t testing.TB, files ...string) *Server {
	t.Helper()
	s := &Server{t: t}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var list []Exchange
		dec := json.NewDecoder(bytes.NewReader(data))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&list); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		s.left = append(s.left, list...)
	}
	h := httptest.NewServer(http.HandlerFunc(s.serve))
	s.URL = h.URL
	t.Cleanup(func() {
		h.Close()
		s.mu.Lock()
		defer s.mu.Unlock()
		if len(s.left) > 0 && !t.Failed() {
			t.Errorf("%d exchanges never came, the first %s %s", len(s.left), s.left[0].Method, s.left[0].Path)
		}
	})
	return s
}

// Calls are those that came so far.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.got)
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	body, err := io.ReadAll(io.LimitReader(r.Body, 64<<20))
	if err != nil {
		s.t.Errorf("%s %s: %v", r.Method, r.URL.Path, err)
	}
	s.got = append(s.got, Call{r.Method, r.URL.EscapedPath(), r.URL.Query(), body})
	if len(s.left) == 0 {
		s.t.Errorf("%s %s: no call was expected any more", r.Method, r.URL)
		w.WriteHeader(http.StatusTeapot)
		return
	}
	x := s.left[0]
	s.left = s.left[1:]
	if err := x.check(r, body); err != nil {
		s.t.Errorf("call %d, %s %s: %v", len(s.got), r.Method, r.URL.EscapedPath(), err)
	}
	switch {
	case x.Lost:
		panic(http.ErrAbortHandler)
	case x.Answer != nil:
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
	}
	if x.Status == 0 {
		x.Status = http.StatusOK
	}
	w.WriteHeader(x.Status)
	if x.Answer != nil {
		_, _ = w.Write(x.Answer)
		return
	}
	_, _ = io.WriteString(w, x.Text)
}

func (x Exchange) check(r *http.Request, body []byte) error {
	if r.Method != x.Method || r.URL.EscapedPath() != x.Path {
		return fmt.Errorf("want %s %s", x.Method, x.Path)
	}
	if err := fields("query", r.URL.Query(), x.Query); err != nil {
		return err
	}
	for k, v := range x.Header {
		if got := r.Header.Get(k); got != v && v != Any {
			return fmt.Errorf("header %s is %q, want %q", k, got, v)
		}
	}
	if x.Form != nil {
		got, err := url.ParseQuery(string(body))
		if err != nil {
			return err
		}
		if err := fields("form", got, x.Form); err != nil {
			return err
		}
	}
	if x.JSON != nil {
		if err := same(body, x.JSON); err != nil {
			return err
		}
	}
	if x.Parts != nil {
		return x.parts(r, body)
	}
	return nil
}

func (x Exchange) parts(r *http.Request, body []byte) error {
	_, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return err
	}
	mr := multipart.NewReader(bytes.NewReader(body), params["boundary"])
	seen := 0
	for ; ; seen++ {
		p, err := mr.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		content, err := io.ReadAll(p)
		if err != nil {
			return err
		}
		want, ok := x.Parts[p.FormName()]
		sum := sha256.Sum256(content)
		switch {
		case !ok:
			return fmt.Errorf("part %q was not expected", p.FormName())
		case p.FileName() != want.Filename:
			return fmt.Errorf("part %q: file name %q, want %q", p.FormName(), p.FileName(), want.Filename)
		case want.Type != "" && p.Header.Get("Content-Type") != want.Type:
			return fmt.Errorf("part %q: type %q, want %q", p.FormName(), p.Header.Get("Content-Type"), want.Type)
		case want.SHA256 != "" && hex.EncodeToString(sum[:]) != want.SHA256:
			return fmt.Errorf("part %q: %d bytes with hash %x, want %s", p.FormName(), len(content), sum, want.SHA256)
		case want.SHA256 == "" && want.JSON == nil && want.Text != Any && string(content) != want.Text:
			return fmt.Errorf("part %q is %q, want %q", p.FormName(), content, want.Text)
		}
		if want.JSON != nil {
			if err := same(content, want.JSON); err != nil {
				return fmt.Errorf("part %q: %w", p.FormName(), err)
			}
		}
	}
	if seen != len(x.Parts) {
		return fmt.Errorf("%d parts, want %d", seen, len(x.Parts))
	}
	return nil
}

func fields(what string, got url.Values, want map[string]string) error {
	for k, v := range got {
		if w, ok := want[k]; !ok || len(v) != 1 || w != v[0] && w != Any {
			return fmt.Errorf("%s: %s is %q, want %q", what, k, v, w)
		}
	}
	for k := range want {
		if !got.Has(k) {
			return fmt.Errorf("%s: there is no %s", what, k)
		}
	}
	return nil
}

func same(got, want []byte) error {
	var g, w any
	if err := json.Unmarshal(got, &g); err != nil {
		return fmt.Errorf("the body is no JSON: %w", err)
	}
	if err := json.Unmarshal(want, &w); err != nil {
		return err
	}
	if d := differ("", g, w); d != "" {
		return fmt.Errorf("the body: %s", d)
	}
	return nil
}

// differ says where two values part, or "".
func differ(at string, got, want any) string {
	if want == Any {
		return ""
	}
	g, gok := got.(map[string]any)
	w, wok := want.(map[string]any)
	if !gok || !wok {
		if gl, ok := got.([]any); ok {
			if wl, ok := want.([]any); ok && len(gl) == len(wl) {
				for i := range gl {
					if d := differ(fmt.Sprintf("%s[%d]", at, i), gl[i], wl[i]); d != "" {
						return d
					}
				}
				return ""
			}
		}
		if !reflect.DeepEqual(got, want) {
			return fmt.Sprintf("%s is %#v, want %#v", at, got, want)
		}
		return ""
	}
	for k := range w {
		if _, ok := g[k]; !ok {
			return fmt.Sprintf("%s.%s is not there", at, k)
		}
	}
	for k, v := range g {
		if _, ok := w[k]; !ok {
			return fmt.Sprintf("%s.%s = %#v was not expected", at, k, v)
		}
		if d := differ(strings.TrimPrefix(at+"."+k, "."), v, w[k]); d != "" {
			return d
		}
	}
	return ""
}
