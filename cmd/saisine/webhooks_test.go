package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/deliver/webhook"
)

// receiver is another program's endpoint. It verifies by the reference library, and may lose its
// answers.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	bodies map[string]string // by webhook-id
	calls  int
	bad    []string
	// answer decides on a call: 0 breaks the connection off after it was read.
	answer func(call int) int
}

func newReceiver(t *testing.T, secret string) *receiver {
	t.Helper()
	wh, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	r := &receiver{bodies: map[string]string{}, answer: func(int) int { return http.StatusNoContent }}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err == nil {
			err = wh.Verify(body, req.Header)
		}
		r.mu.Lock()
		r.calls++
		id := req.Header.Get("webhook-id")
		if before, ok := r.bodies[id]; ok && before != string(body) {
			err = fmt.Errorf("%s has another body than before", id)
		}
		if r.bodies[id] = string(body); err != nil {
			r.bad = append(r.bad, err.Error())
		}
		status := r.answer(r.calls)
		r.mu.Unlock()
		if status == 0 {
			panic(http.ErrAbortHandler)
		}
		w.WriteHeader(status)
	}))
	t.Cleanup(r.Close)
	return r
}

// told lists the types of what was told.
func (r *receiver) told() map[string]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := map[string]int{}
	for _, b := range r.bodies {
		var body struct{ Type string }
		_ = json.Unmarshal([]byte(b), &body)
		out[body.Type]++
	}
	return out
}

func withWebhook(t *testing.T, name, url, secret, more string) townOption {
	t.Helper()
	file := filepath.Join(t.TempDir(), name+".secret")
	if err := os.WriteFile(file, []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return func(s *townSetup) {
		s.noMail = true
		s.extra += fmt.Sprintf("\nwebhooks:\n  - {name: %s, url: %q, secret_file: %q, allow: [127.0.0.1]%s}\n", name, url, file, more)
	}
}

// A receiver that loses three of ten answers gets a hundred events under a hundred ids, each
// signed; the daemon is killed in the middle, too.
func TestWebhooksReachAReceiverThatLosesAnswers(t *testing.T) {
	t.Parallel()
	secret := webhook.NewSecret()
	r := newReceiver(t, secret)
	rnd := rand.New(rand.NewPCG(3, 30))
	r.answer = func(int) int {
		if rnd.IntN(10) < 3 {
			return 0
		}
		return http.StatusOK
	}
	tw := newTown(t, testBuild, withWebhook(t, "portail", r.URL, secret, ", events: [request.opened]"))
	d := tw.start(hookPause + "=100ms")
	for i := range 100 {
		if i == 60 {
			d.kill()
			d = tw.start(hookPause + "=100ms")
		}
		mark := fmt.Sprintf("avis-%03d", i)
		f := map[string]string{"name": "Citoyenne " + mark, "email": mark + "@example.fr", "subject": "Objet " + mark, "message": fmt.Sprintf("Le banc numéro %d du parc est cassé, repère %s.", 7*i, mark)}
		if status, _, _, err := tw.post(f, nil); err != nil || status != http.StatusSeeOther {
			t.Fatalf("post %d: %d, %v", i, status, err)
		}
	}
	tw.settled(100, 2*time.Minute)
	opened := len(tw.requests())
	s := tw.look()
	tw.eventually(2*time.Minute, "all is delivered", func() bool {
		left := 0
		if err := s.Deliveries(t.Context(), ingest.OutboxPending, func(ingest.OutboxItem) error { left++; return nil }); err != nil {
			t.Fatal(err)
		}
		return left == 0
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	if opened != 100 || len(r.bodies) != 100 {
		t.Errorf("%d requests, %d distinct ids, want 100", opened, len(r.bodies))
	}
	if len(r.bad) > 0 {
		t.Errorf("%d calls that the reference library refuses: %s", len(r.bad), r.bad[0])
	}
	if r.calls < 110 {
		t.Errorf("%d calls: no answer was lost", r.calls)
	}
	t.Logf("%d calls for %d events", r.calls, len(r.bodies))
	for id, body := range r.bodies {
		if strings.Contains(body, "avis-") || strings.Contains(body, "example.fr") {
			t.Errorf("%s tells what a citizen wrote: %s", id, body)
			break
		}
	}
	d.stop()
	tw.verify()
}

// An endpoint that says 410 is told nothing more until it is turned on again; what it missed can
// be replayed, and the log tells of each try.
func TestWebhookGone(t *testing.T) {
	t.Parallel()
	secret := webhook.NewSecret()
	r := newReceiver(t, secret)
	r.answer = func(int) int { return http.StatusGone }
	tw := newTown(t, withWebhook(t, "portail", r.URL, secret, ", events: [request.opened, 'request.st*']"))
	tw.start()
	if status, _, _, err := tw.post(form("un"), nil); err != nil || status != http.StatusSeeOther {
		t.Fatal(status, err)
	}
	tw.settled(1, time.Minute)
	ref := tw.requests()[0].Reference
	off := func() string {
		out, _ := tw.saisine("webhooks", "list")
		return out
	}
	tw.eventually(30*time.Second, "the endpoint is off", func() bool { return strings.Contains(off(), "off: 410 Gone") })
	if _, code := tw.saisine("requests", "set", ref, "status", "in_progress"); code != 0 {
		t.Fatal("set-status")
	}
	if got := r.told(); len(got) != 1 || got["request.opened"] != 1 {
		t.Errorf("told %v after 410", got)
	}
	r.mu.Lock()
	r.answer = func(int) int { return http.StatusOK }
	r.mu.Unlock()
	if _, code := tw.saisine("webhooks", "enable", "portail"); code != 0 || strings.Contains(off(), "off:") {
		t.Errorf("not on again: %s", off())
	}
	log := list[sentJSON](tw, "webhooks", "log", "portail")
	if len(log) != 1 || log[0].State != ingest.OutboxFailed || len(log[0].Tries) != 1 || log[0].Tries[0].Status != http.StatusGone || log[0].Type != "request.opened" {
		t.Fatalf("log %+v", log)
	}
	if _, code := tw.saisine("webhooks", "replay", log[0].ID); code != 0 {
		t.Error("replay failed")
	}
	tw.eventually(30*time.Second, "it is replayed", func() bool {
		log := list[sentJSON](tw, "webhooks", "log", "portail")
		return log[0].State == ingest.OutboxDelivered && len(log[0].Tries) == 2
	})
	if _, code := tw.saisine("requests", "set", ref, "status", "waiting_citizen"); code != 0 {
		t.Fatal("set-status")
	}
	tw.eventually(30*time.Second, "a new event is told", func() bool { return r.told()["request.status"] == 1 })
	if out, code := tw.saisine("webhooks", "test", "portail"); code != 0 || !strings.Contains(out, "portail answered 200") {
		t.Errorf("test: exit %d, %q", code, out)
	}
	if len(r.bad) > 0 {
		t.Errorf("refused by the reference library: %s", r.bad[0])
	}
}

// What is wrong with partners is told before the daemon is started.
func TestCheckPartners(t *testing.T) {
	t.Parallel()
	tw := quietTown(t, `
webhooks:
  - {name: portail, url: "https://portail.example/x", secret: pas-un-secret, categories: [voirie, voierie]}
connectors:
  - {name: rt, type: rt, url: "https://rt.example", token: t, queue: Q, categories: [voirie, trottoirs]}
  - {name: depot, type: sftp, url: "sftp://depot.example/d", username: u, key_file: /nulle/part, host_key: "SHA256:x", categories: [voirie]}
`)
	_, errOut, code := tw.output("check-config")
	if code != exitUsage {
		t.Errorf("exit %d", code)
	}
	for _, want := range []string{"no category voierie", "no category trottoirs", `"portail"`, "connector depot"} {
		if !strings.Contains(errOut, want) {
			t.Errorf("%q is not told of: %s", want, errOut)
		}
	}
}
