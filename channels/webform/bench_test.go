package webform

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"saisine.fr/saisine/config"
	"saisine.fr/saisine/ingest"
)

// noSink takes everything and keeps nothing: what remains is the form's own cost.
type noSink struct{}

func (noSink) Submit(context.Context, ingest.Submission) (ingest.Receipt, error) {
	return ingest.Receipt{ID: "0190f3c2-7a4e-7c3e-9b1d-3f2a1b0c4d5e", State: ingest.StateReceived}, nil
}

func benchAdapter(b *testing.B) *Adapter {
	b.Helper()
	a := New(Options{
		Town:   config.Town{Name: "Saint-Exemple", Timezone: "Europe/Paris"},
		Form:   config.Webform{Enabled: true, MinFillTime: 3 * time.Second, RateLimit: 1 << 30},
		Follow: &ledgerFollower{}, Spool: ingest.Spool{Dir: b.TempDir()}, Categories: testCategories,
		Secret: []byte("k"), Log: slog.New(slog.DiscardHandler),
	})
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = a.Run(ctx, noSink{}) }()
	b.Cleanup(func() { cancel(); <-done })
	for {
		running := a.door.Open()
		if running {
			return a
		}
		time.Sleep(time.Millisecond)
	}
}

// benchPost is a post of about 1 kB with all fields of the page.
func benchPost(a *Adapter) (contentType string, body []byte) {
	return form("jeton", a.main.tokens.issue(time.Now().Add(-time.Minute)), "site_web", "",
		"name", "Zoé Martin", "email", "zoe@exemple.fr", "phone", "", "address", "", "category", "voirie",
		"place", "rue du Puits", "subject", "Nid-de-poule", "message", strings.Repeat("Bonjour. ", 20)).Encode()
}

// BenchmarkPost is the handler alone.
func BenchmarkPost(b *testing.B) {
	a := benchAdapter(b)
	h := a.Handler()
	contentType, body := benchPost(a)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			r := httptest.NewRequestWithContext(b.Context(), http.MethodPost, "/demandes", bytes.NewReader(body))
			r.Header.Set("Content-Type", contentType)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != http.StatusSeeOther {
				b.Fatalf("answered %d", w.Code)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "posts/s")
}

// BenchmarkPostServer is the handler behind a real server, with the cost of the Go
// client on the same cores.
func BenchmarkPostServer(b *testing.B) {
	a := benchAdapter(b)
	s := httptest.NewUnstartedServer(a.Handler())
	ConfigureServer(s.Config)
	s.Start()
	defer s.Close()
	client := s.Client()
	client.Transport.(*http.Transport).MaxIdleConnsPerHost = 32
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	contentType, body := benchPost(a)
	b.SetParallelism(16)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			resp, err := client.Post(s.URL+"/demandes", contentType, bytes.NewReader(body))
			if err != nil {
				b.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
			if resp.StatusCode != http.StatusSeeOther {
				b.Fatalf("answered %d", resp.StatusCode)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "posts/s")
}

// BenchmarkLargeFile is a post with a file of 20 MiB, spooled to disk.
func BenchmarkLargeFile(b *testing.B) {
	contentType, body := form("message", "x").File("a.pdf", bytes.Repeat([]byte("0123456789abcdef"), 20<<20/16)).Encode()
	spool := &ingest.Spool{Dir: b.TempDir()}
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		p, err := decode(contentType, body, spool)
		if err != nil {
			b.Fatal(err)
		}
		_ = p.Close()
	}
}

// BenchmarkFormPage is the empty form.
func BenchmarkFormPage(b *testing.B) {
	h := benchAdapter(b).Handler()
	for b.Loop() {
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/", nil))
	}
}
