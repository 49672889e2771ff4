package rt_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/deliver/handover"
	"saisine.fr/saisine/ingest/deliver/handover/handovertest"
	"saisine.fr/saisine/ingest/deliver/handover/rt"
)

// against connects to a server that is no RT, for answers that RT does not give here.
func against(t testing.TB, handler http.HandlerFunc) *rt.RT {
	t.Helper()
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	c, err := rt.New(rt.Options{URL: s.URL, Token: "1-2-3", Queue: "Voirie", ReferenceField: "R"})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestRedirect: versions of RT differ in how they answer for a merged ticket. A redirect to
// another name must not be followed there.
func TestRedirect(t *testing.T) {
	t.Parallel()
	c := against(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/REST/2.0/ticket/1":
			w.Header().Set("Location", "https://elsewhere.example/REST/2.0/ticket/2")
			w.WriteHeader(http.StatusSeeOther)
		case "/REST/2.0/ticket/2":
			_, _ = w.Write([]byte(`{"Status":"resolved"}`))
		case "/REST/2.0/ticket/3", "/REST/2.0/ticket/4":
			w.Header().Set("Location", "/REST/2.0/ticket/"+map[bool]string{true: "4", false: "3"}[strings.HasSuffix(r.URL.Path, "3")])
			w.WriteHeader(http.StatusMovedPermanently)
		default:
			w.Header().Set("Location", "/login")
			w.WriteHeader(http.StatusFound)
		}
	})
	if got, err := c.Status(t.Context(), "1"); err != nil || got.Status != ingest.StatusAnswered {
		t.Errorf("%v, %v", got, err)
	}
	for _, id := range []string{"3", "5"} {
		if got, err := c.Status(t.Context(), id); err == nil || ingest.IsPermanent(err) || errors.Is(err, handover.ErrGone) {
			t.Errorf("%s: %v, %v", id, got, err)
		}
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		status    int
		permanent bool
		want      string
	}{
		{http.StatusBadRequest, false, "400"},
		{http.StatusUnauthorized, false, "the login was refused"},
		{http.StatusForbidden, false, "lacks a right"},
		{http.StatusNotFound, false, "404"},
		{http.StatusRequestEntityTooLarge, true, "413"},
		{http.StatusTooManyRequests, false, "429"},
		{http.StatusInternalServerError, false, "500"},
		{http.StatusBadGateway, false, "502"},
	} {
		c := against(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				w.WriteHeader(test.status)
			}
			_, _ = w.Write([]byte(`{"items":[],"message":"non, Zoé"}`))
		})
		_, err := c.Create(t.Context(), handovertest.Case("2026-000001"))
		if err == nil || ingest.IsPermanent(err) != test.permanent || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%d: %v (permanent: %v)", test.status, err, ingest.IsPermanent(err))
		}
		if detail := handover.Detail(err); !strings.Contains(detail, "non, Zoé") || err != nil && strings.Contains(err.Error(), "Zoé") {
			t.Errorf("%d: %v, detail %q: what was said is for the detail", test.status, err, detail)
		}
	}
}

// TestWords: errors go to the log. What RT said is for the detail, and a file has a number.
func TestWords(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ ticket, made, transaction, text, said string }{
		"no number":      {`{"Status":"new"}`, `{"id":"Zoé"}`, `1`, "answered without its number", "Zoé"},
		"no transaction": {`{"Status":"new"}`, `{"id":1}`, `"Zoé"`, "a transaction that is no number", "Zoé"},
		"not kept":       {`{"Status":"new"}`, `{"id":1}`, `1`, "has not kept file 2 of 2 whole", ""},
		"no JSON":        {`Zoé`, `{"id":1}`, `1`, "not the JSON expected", "Zoé"},
	} {
		c := against(t, func(w http.ResponseWriter, r *http.Request) {
			answer := `{"items":[]}`
			switch r.URL.Path {
			case "/REST/2.0/ticket":
				answer = test.made
			case "/REST/2.0/ticket/1":
				answer = test.ticket
			case "/REST/2.0/ticket/1/attachments":
				answer = `{"items":[{"id":1,"Subject":"[saisine:k]","TransactionId":` + test.transaction + `}]}`
			case "/REST/2.0/transaction/1/attachments":
				answer = `{"items":[{"id":1,"Filename":"a.txt"}]}`
			}
			_, _ = w.Write([]byte(answer))
		})
		_, err := c.Create(t.Context(), handovertest.Case("2026-000001"))
		if err == nil {
			err = c.Attach(t.Context(), "1", handover.Addition{Key: "k", Files: []handover.File{
				handovertest.File("a.txt", "", nil), handovertest.File("Lefevre.pdf", "", nil),
			}})
		}
		if err == nil || !strings.Contains(err.Error(), test.text) || !strings.Contains(handover.Detail(err), test.said) ||
			strings.Contains(err.Error(), "Zoé") || strings.Contains(err.Error(), "Lefevre") {
			t.Errorf("%s: %v, detail %q", name, err, handover.Detail(err))
		}
	}
	c := against(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"Status":"new","items":[]}`)) })
	unread := handover.File{Name: "Lefevre.pdf", Open: func() (io.ReadCloser, error) { return nil, errors.New("no disk") }}
	err := c.Attach(t.Context(), "1", handover.Addition{Key: "k", Files: []handover.File{unread}})
	if err == nil || !strings.Contains(err.Error(), "read file 1 of 1") || strings.Contains(err.Error(), "Lefevre") {
		t.Errorf("a file that cannot be read: %v", err)
	}
}

// TestSearch: what a search may hold besides what is looked for.
func TestSearch(t *testing.T) {
	t.Parallel()
	c := against(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			w.WriteHeader(http.StatusTeapot)
		}
		_, _ = w.Write([]byte(`{"items":[null,{"id":"4","Subject":"[2026-0000011] x"},{"id":"../5","Subject":"[2026-000001] x"},
			{"id":20,"Subject":"","CustomFields":[{"name":"R","values":[{"filename":"x"},"2026-000001"]}]},
			{"id":"3","Subject":"[2026-000001]x","CustomFields":""},{"id":{"id":"100"},"Subject":"[2026-000001]","CustomFields":""}]}`))
	})
	if got, err := c.Create(t.Context(), handovertest.Case("2026-000001")); err != nil || got.ID != "20" {
		t.Errorf("%v, %v, want 20", got, err)
	}
}

// TestShort: a file of the store that is not as long as it should be must not go out.
func TestShort(t *testing.T) {
	t.Parallel()
	c := against(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/comment") {
			t.Error("it was sent")
		}
		_, _ = w.Write([]byte(`{"items":[]}`))
	})
	for _, size := range []int64{2, 4} {
		f := handovertest.File("a", "", []byte("abc"))
		f.Size = size
		if err := c.Attach(t.Context(), "1", handover.Addition{Key: "k", Files: []handover.File{f}}); err == nil || ingest.IsPermanent(err) {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
	huge := handovertest.File("a", "", nil)
	huge.Size = 1 << 40
	if err := c.Attach(t.Context(), "1", handover.Addition{Key: "k", Files: []handover.File{huge}}); !ingest.IsPermanent(err) {
		t.Errorf("a terabyte: %v", err)
	}
}

// FuzzAnswers: whatever answers, nothing panics or goes on for ever, and a success has a number.
func FuzzAnswers(f *testing.F) {
	for _, seed := range []string{
		"", "{", "null", "[]", `{"items":null}`, `{"items":[null,{"id":1,"CustomFields":"","TransactionId":{"id":"7"}}]}`,
		`{"id":"12","Status":"open","Version":"5.0.3"}`, `{"items":[{"id":"1","Subject":"[R]","_hyperlinks":[{"ref":"refers-to","_url":"x"}]}]}`,
		`{"items":[{"id":"1","Subject":"x [saisine:k]","TransactionId":"5","Filename":"a","Data":"a"}]}`,
	} {
		f.Add(seed, 200)
	}
	f.Add(`{"message":"non"}`, 400)
	f.Add("", 404)
	var body string
	var status int
	c := against(f, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "/ticket/"+body)
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	})
	f.Fuzz(func(t *testing.T, answer string, code int) {
		if body, status = answer, code; code < 200 || code > 599 || code == http.StatusNoContent || code == http.StatusNotModified {
			return
		}
		remote, err := c.Create(t.Context(), handover.Case{Reference: "R"})
		if err == nil && strings.Trim(remote.ID, "0123456789") != "" || err == nil && remote.ID == "" {
			t.Errorf("a case %q", remote.ID)
		}
		_ = c.Attach(t.Context(), "1", handover.Addition{Key: "k", Files: []handover.File{handovertest.File("a", "", nil)}})
		_, _ = c.Status(t.Context(), "1")
		_, _ = c.Check(t.Context())
	})
}
