package rttest

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// callTimeout bounds one call of the test's own.
const callTimeout = 30 * time.Second

// call makes a call as root.
func (s *Server) call(method, path string, body any) (int, []byte, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.tb.Context()), callTimeout)
	defer cancel()
	var in io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return 0, nil, err
		}
		in = bytes.NewReader(data)
	}
	r, err := http.NewRequestWithContext(ctx, method, s.URL+"/REST/2.0"+path, in)
	if err != nil {
		return 0, nil, err
	}
	r.SetBasicAuth(root, rootPassword)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	out, err := io.ReadAll(resp.Body)
	return resp.StatusCode, out, err
}

// Do makes a call of REST 2 as root, such as ("PUT", "/ticket/1", …), and decodes its answer
// into out, unless that is nil.
func (s *Server) Do(method, path string, body, out any) {
	s.tb.Helper()
	status, answer, err := s.call(method, path, body)
	if err == nil && status/100 != 2 {
		err = fmt.Errorf("RT answered %d: %s", status, answer)
	}
	if err == nil && out != nil {
		err = json.Unmarshal(answer, out)
	}
	if err != nil {
		s.tb.Fatalf("rttest: %s %s: %v", method, path, err)
	}
}

// Ticket is a ticket as root sees it.
type Ticket struct {
	ID                string
	Subject, Status   string
	Queue             string // its id
	Due               time.Time
	Requestors, Links []string
	Fields            map[string][]string
	// Text is what it was created with.
	Text string
	// Comments and Replies are the later texts; Files are all files, by name. A name that is
	// there twice fails the test.
	Comments, Replies []string
	Files             map[string][]byte
}

// Find gives the ids of the tickets that TicketSQL finds, merged ones too.
func (s *Server) Find(query string) []string {
	s.tb.Helper()
	var page struct {
		Items []struct{ ID string }
	}
	s.Do(http.MethodGet, "/tickets?"+url.Values{"query": {"EffectiveId > 0 AND (" + query + ")"}, "per_page": {"100"}, "orderby": {"id"}}.Encode(), nil, &page)
	var ids []string
	for _, i := range page.Items {
		ids = append(ids, i.ID)
	}
	return ids
}

// Ticket looks at one ticket.
func (s *Server) Ticket(id string) Ticket {
	s.tb.Helper()
	var raw struct {
		ID              int
		Subject, Status string
		Due             time.Time
		Queue           struct{ ID string }
		Requestor       []struct{ ID string }
		CustomFields    []struct {
			Name   string
			Values []string
		}
		Links []struct {
			Ref string
			URL string `json:"_url"`
		} `json:"_hyperlinks"`
	}
	s.Do(http.MethodGet, "/ticket/"+id, nil, &raw)
	t := Ticket{ID: strconv.Itoa(raw.ID), Subject: raw.Subject, Status: raw.Status, Queue: raw.Queue.ID, Due: raw.Due, Fields: map[string][]string{}, Files: map[string][]byte{}}
	for _, r := range raw.Requestor {
		t.Requestors = append(t.Requestors, r.ID)
	}
	for _, l := range raw.Links {
		if l.Ref == "refers-to" {
			t.Links = append(t.Links, l.URL)
		}
	}
	for _, f := range raw.CustomFields {
		t.Fields[f.Name] = f.Values
	}
	s.history(id, &t)
	return t
}

func (s *Server) history(id string, t *Ticket) {
	s.tb.Helper()
	var history struct {
		Items []struct {
			ID string
			// RT has both keys: without a field of its own "type" would be taken for the other.
			Kind string `json:"type"`
			Type string `json:"Type"`
		}
	}
	s.Do(http.MethodGet, "/ticket/"+id+"/history?fields=Type&per_page=100", nil, &history)
	for _, h := range history.Items {
		for _, p := range s.parts(h.ID) {
			var a struct{ Filename, ContentType, Content string }
			s.Do(http.MethodGet, "/attachment/"+p, nil, &a)
			content, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(a.Content, "\n", ""))
			s.must(err)
			switch {
			case a.Filename != "":
				if _, twice := t.Files[a.Filename]; twice {
					s.tb.Errorf("rttest: ticket %s has %s twice", id, a.Filename)
				}
				t.Files[a.Filename] = content
			case a.ContentType != "text/plain":
			case h.Type == "Create":
				t.Text = string(content)
			case h.Type == "Comment":
				t.Comments = append(t.Comments, string(content))
			case h.Type == "Correspond":
				t.Replies = append(t.Replies, string(content))
			}
		}
	}
}

// parts are the ids of the parts of what was written, page by page.
func (s *Server) parts(transaction string) []string {
	s.tb.Helper()
	const most = 100
	var ids []string
	for page := 1; ; page++ {
		var parts struct {
			Items []struct{ ID string }
		}
		s.Do(http.MethodGet, fmt.Sprintf("/transaction/%s/attachments?per_page=%d&page=%d&orderby=id", transaction, most, page), nil, &parts)
		for _, p := range parts.Items {
			ids = append(ids, p.ID)
		}
		if len(parts.Items) < most {
			return ids
		}
	}
}
