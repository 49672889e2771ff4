package rt_test

import (
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/deliver/handover"
	"saisine.fr/saisine/ingest/deliver/handover/handovertest"
	"saisine.fr/saisine/ingest/deliver/handover/rttest"
)

func read(t *testing.T, f handover.File) []byte {
	t.Helper()
	r, err := f.Open()
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func files(t *testing.T, s *rttest.Server, id string) map[string][]byte {
	t.Helper()
	return s.Ticket(id).Files
}

// between stands before RT: drop loses the next answer to a POST whose path ends so, after RT has
// given it; passed is told when such a POST goes on to RT.
type between struct {
	URL    string
	drop   atomic.Pointer[string]
	passed chan struct{}
}

func stand(t *testing.T, s *rttest.Server) *between {
	t.Helper()
	b := &between{passed: make(chan struct{}, 8)}
	b.URL = handovertest.LossyProxy(t, s.URL, func(r *http.Request) bool {
		end := b.drop.Load()
		if end == nil || r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, *end) {
			return false
		}
		b.drop.Store(nil)
		b.passed <- struct{}{}
		return true
	})
	return b
}

func (b *between) lose(end string) { b.drop.Store(&end) }

// testLost: RT has done what it was asked and we never learnt it.
func testLost(t *testing.T, s *rttest.Server) {
	b := stand(t, s)
	o := options(s)
	o.URL = b.URL
	c := connect(t, o)
	b.lose("/ticket")
	if remote, err := c.Create(t.Context(), handovertest.Case("2026-000400")); err == nil || ingest.IsPermanent(err) {
		t.Fatalf("with its answer lost, Create says %v, %v", remote, err)
	}
	remote := create(t, c, "2026-000400")
	if got := s.Find(marked("2026-000400")); len(got) != 1 || got[0] != remote.ID {
		t.Errorf("tickets %v, want only %s", got, remote.ID)
	}
	a := handover.Addition{Key: "k", Text: "encore", Files: []handover.File{handovertest.File("a.txt", "text/plain", []byte("a\r\n"))}}
	b.lose("/comment")
	if err := c.Attach(t.Context(), remote.ID, a); err == nil || ingest.IsPermanent(err) {
		t.Fatal("with its answer lost, Attach says", err)
	}
	if err := c.Attach(t.Context(), remote.ID, a); err != nil {
		t.Fatal(err)
	}
	if got := s.Ticket(remote.ID); len(got.Comments) != 1 || len(got.Files) != 1 {
		t.Errorf("comments %q, %d files", got.Comments, len(got.Files))
	}
}

// testKilled: RT is killed somewhere in the middle of a POST. Wherever that was, the ticket is
// there once and whole after the next try.
func testKilled(t *testing.T, s *rttest.Server) {
	for i, wait := range []time.Duration{10 * time.Millisecond, 100 * time.Millisecond, 400 * time.Millisecond} {
		reference := "2026-00050" + string(rune('0'+i))
		b := stand(t, s)
		o := options(s)
		o.URL = b.URL
		c := connect(t, o)
		a := handover.Addition{Key: "k", Text: "encore", Files: []handover.File{handovertest.File("a.bin", "", handovertest.Bytes(500_000))}}
		kill := func(end string, try func() error) {
			b.lose(end)
			ended := make(chan error, 1)
			go func() { ended <- try() }()
			<-b.passed
			time.Sleep(wait) // no hope in it: each moment must do
			s.Kill()
			if err := <-ended; err == nil || ingest.IsPermanent(err) {
				t.Errorf("%s, killed after %v: %v", end, wait, err)
			}
			s.Restart()
		}
		kill("/ticket", func() error {
			_, err := c.Create(t.Context(), handovertest.Case(reference))
			return err
		})
		made := len(s.Find(marked(reference)))
		remote := create(t, c, reference)
		kill("/comment", func() error { return c.Attach(t.Context(), remote.ID, a) })
		had := len(s.Ticket(remote.ID).Comments)
		t.Logf("killed after %v: RT had made %d tickets and %d comments", wait, made, had)
		if err := c.Attach(t.Context(), remote.ID, a); err != nil {
			t.Fatal(err)
		}
		if got := s.Find(marked(reference)); len(got) != 1 {
			t.Errorf("killed after %v: tickets %v", wait, got)
		}
		got := s.Ticket(remote.ID)
		if got.Text != handover.Describe(handovertest.Case(reference)) || len(got.Links) != 1 {
			t.Errorf("killed after %v: the ticket is not whole: %q %q", wait, got.Text, got.Links)
		}
		if len(got.Comments) != 1 || string(got.Files["a.bin"]) != string(read(t, a.Files[0])) {
			t.Errorf("killed after %v: comments %q, file %d bytes", wait, got.Comments, len(got.Files["a.bin"]))
		}
	}
}
