package webform

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"

	"saisine.fr/saisine/config"
	"saisine.fr/saisine/ingest"
)

// newBubble makes a form that works inside a synctest bubble, without a network.
func newBubble(t *testing.T, sink ingest.Sink) (a *Adapter, post func(*formBody) *httptest.ResponseRecorder, stop func() <-chan error) {
	a = New(Options{
		Town: config.Town{Timezone: "UTC"}, Follow: &ledgerFollower{}, Spool: ingest.Spool{Dir: t.TempDir()},
		Log: slog.New(slog.DiscardHandler),
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx, sink) }()
	synctest.Wait()
	post = func(f *formBody) *httptest.ResponseRecorder {
		contentType, body := f.Encode()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/demandes", bytes.NewReader(body))
		r.Header.Set("Content-Type", contentType)
		w := httptest.NewRecorder()
		a.Handler().ServeHTTP(w, r)
		return w
	}
	return a, post, func() <-chan error { cancel(); return done }
}

// Run returns only when the posts that it lent the Sink to are through, and lends it
// to none after its context has ended.
func TestRunWaitsForPosts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &rememberingSink{gate: make(chan struct{}), inside: make(chan struct{}, 1)}
		_, post, stop := newBubble(t, sink)
		answered := make(chan int, 1)
		go func() { answered <- post(form("message", "en route")).Code }()
		<-sink.inside
		done := stop()
		synctest.Wait()
		select {
		case err := <-done:
			t.Errorf("Run returned %v while a post was being submitted", err)
		default:
		}
		late := make(chan int, 1)
		go func() { late <- post(form("message", "trop tard")).Code }()
		synctest.Wait()
		select {
		case code := <-late:
			if code != http.StatusServiceUnavailable {
				t.Errorf("late post answered %d", code)
			}
		default:
			t.Error("a post got the Sink after the context had ended")
		}
		close(sink.gate)
		if code := <-answered; code != http.StatusSeeOther {
			t.Errorf("post on its way answered %d", code)
		}
	})
}

// A Submit that never returns by itself is given up, and the citizen told.
func TestSubmitHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, post, stop := newBubble(t, hangingSink{})
		w := post(form("message", "Disque figé"))
		if w.Code != http.StatusServiceUnavailable {
			t.Errorf("answered %d", w.Code)
		}
		contains(t, "page", w.Body.String(), "Disque figé</textarea>")
		if err := <-stop(); err != nil {
			t.Error(err)
		}
	})
}

type hangingSink struct{}

func (hangingSink) Submit(ctx context.Context, _ ingest.Submission) (ingest.Receipt, error) {
	<-ctx.Done()
	return ingest.Receipt{}, errors.Join(ingest.ErrUnavailable, ctx.Err())
}

func ExampleConfigureServer() {
	var s http.Server
	ConfigureServer(&s)
	fmt.Println(s.ReadHeaderTimeout, s.ReadTimeout)
	// Output: 10s 0s
}
