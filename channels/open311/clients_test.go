package open311

import (
	"net/http/httptest"
	"testing"
	"time"

	"saisine.fr/saisine/channels/open311/open311test"
	"saisine.fr/saisine/ingest"
)

// live is a server on a port of its own, that files what comes in after a while.
func live(t *testing.T, wait time.Duration) (open311test.Server, *house) {
	t.Helper()
	var a *Adapter
	s := httptest.NewUnstartedServer(nil)
	a, h := newServer(t, func(o *Options) {
		o.BaseURL, o.Now, o.Wait, o.Limits.MaxPost = "http://"+s.Listener.Addr().String(), time.Now, wait, 0
	})
	s.Config.Handler = a
	s.Start()
	t.Cleanup(s.Close)
	return open311test.Server{URL: s.URL + "/open311/v2", Key: testKey, Jurisdiction: "exemple.fr", Service: "eclairage-public", Attribute: "panne", Value: "eteint"}, h
}

// Clients that nobody here wrote, answered with numbers and with tokens.
func TestClients(t *testing.T) {
	for _, c := range []struct {
		name string
		run  func(testing.TB, open311test.Server) []open311test.Report
		want int
	}{{"node-open311", open311test.Node, 1}, {"LWP and XML::Simple", open311test.Perl, 3}} {
		t.Run(c.name+", numbers", func(t *testing.T) {
			s, h := live(t, 10*time.Second)
			got := c.run(t, s)
			open311test.Check(t, s, got)
			if len(got) != c.want || h.count() != c.want {
				t.Errorf("%d read back of %d", len(got), h.count())
			}
		})
		t.Run(c.name+", tokens", func(t *testing.T) {
			s, h := live(t, -1)
			h.files = false
			stop := make(chan struct{})
			done := make(chan struct{})
			go func() { // files what has been asked for once
				defer close(done)
				for {
					select {
					case <-stop:
						return
					case <-time.After(5 * time.Millisecond):
					}
					h.mu.Lock()
					asked := h.asked > 0
					h.mu.Unlock()
					if asked {
						h.fileAll()
						h.mu.Lock()
						h.asked = 0
						h.mu.Unlock()
					}
				}
			}()
			got := c.run(t, s)
			close(stop)
			<-done
			open311test.Check(t, s, got)
			if len(got) != c.want {
				t.Errorf("%d read back", len(got))
			}
			for _, r := range h.rows {
				if r.s.MediaType != ingest.MediaOpen311 || len(r.s.Hints.Problems) > 0 {
					t.Errorf("%+v", r.s.Hints)
				}
			}
			if last := h.last(); c.want == 3 && len(last.reading.Attachments) != 2 {
				t.Errorf("%d pictures came", len(last.reading.Attachments))
			}
		})
	}
}
