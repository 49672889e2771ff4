package webhook

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"saisine.fr/saisine/ingest"
)

func TestSend(t *testing.T) {
	now := time.Now()
	var req *http.Request
	var body []byte
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		req, body = r, nil
		body, _ = io.ReadAll(r.Body)
		w.WriteHeader(http.StatusAccepted)
		_, _ = io.WriteString(w, "bien\r\n\treçu\x00 \u202e!")
	})
	s := sender(t, Endpoint{URL: srv.URL + "/in?token=a%20b", Private: loopback, Secrets: []string{secretA, secretB}})
	m := Message{ID: "msg_1", Time: now, Body: []byte(`{"é":"<&>"}`)}
	r, err := s.Send(t.Context(), m)
	if err != nil || r.Status != http.StatusAccepted || r.Said != "bien reçu !" || r.Duration <= 0 {
		t.Errorf("%+v %v", r, err)
	}
	if string(body) != string(m.Body) || req.Method != http.MethodPost || req.RequestURI != "/in?token=a%20b" || req.ContentLength != int64(len(body)) {
		t.Errorf("%s %s (%d) %s", req.Method, req.RequestURI, req.ContentLength, body)
	}
	for k, want := range map[string]string{
		"webhook-id": "msg_1", "webhook-timestamp": fmt.Sprint(now.Unix()), "content-type": "application/json",
		"user-agent": "saisine", "accept-encoding": "",
	} {
		if got := req.Header.Get(k); got != want {
			t.Errorf("%s: %q, want %q", k, got, want)
		}
	}
	if !req.Close {
		t.Error("the connection is kept, and the next attempt would not be judged")
	}
	sigs := strings.Split(req.Header.Get("webhook-signature"), " ")
	first, _ := Sign(secretA, m.ID, m.Time, m.Body)
	if len(sigs) != 2 || sigs[0] != first {
		t.Errorf("signatures %q, want that of the newest secret first", sigs)
	}
	// Who has the new secret verifies it, and who has the old one still; nobody else.
	for _, secret := range []string{secretA, secretB} {
		if err := verifier(t, secret).Verify(body, req.Header); err != nil {
			t.Error(err)
		}
	}
	if err := verifier(t, NewSecret()).Verify(body, req.Header); !errors.Is(err, standardwebhooks.ErrNoMatchingSignature) {
		t.Errorf("another secret: %v", err)
	}
	if err := verifier(t, secretA).Verify(append(body, ' '), req.Header); !errors.Is(err, standardwebhooks.ErrNoMatchingSignature) {
		t.Errorf("another body: %v", err)
	}
}

// A repeat has the same id and its own time: with that of the event it would be too old.
func TestTimeOfTheAttempt(t *testing.T) {
	var verdict error
	srv := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		verdict = verifier(t, secretA).Verify(body, r.Header)
	})
	s := sender(t, Endpoint{URL: srv.URL, Private: loopback})
	for _, tc := range []struct {
		ago  time.Duration
		want error
	}{{0, nil}, {4 * time.Minute, nil}, {6 * time.Minute, standardwebhooks.ErrMessageTooOld}, {-6 * time.Minute, standardwebhooks.ErrMessageTooNew}} {
		m := message("m")
		m.Time = m.Time.Add(-tc.ago)
		if _, err := s.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		if !errors.Is(verdict, tc.want) {
			t.Errorf("%s ago: %v, want %v", tc.ago, verdict, tc.want)
		}
	}
}

func TestBadMessageIsPermanent(t *testing.T) {
	s := sender(t, Endpoint{URL: "https://hooks.example/"})
	fence(s)
	s.dialer.Resolver = nameserver(t, func() []netip.Addr { return nil })
	for _, m := range []Message{{ID: "a.b", Time: time.Now()}, {ID: "m"}, {Time: time.Now()}} {
		if _, err := s.Send(t.Context(), m); !ingest.IsPermanent(err) {
			t.Errorf("%+v: %v", m, err)
		}
	}
}

func TestAnswers(t *testing.T) {
	type want struct {
		refused, gone bool
		retryAfter    time.Duration
	}
	for _, tc := range []struct {
		status int
		retry  string
		want   want
	}{
		{200, "", want{}},
		{204, "", want{}},
		{299, "9", want{}},
		{300, "", want{refused: true}},
		{304, "", want{refused: true}},
		{400, "", want{refused: true}},
		{401, "", want{refused: true}},
		{404, "30", want{refused: true}},
		{410, "30", want{refused: true, gone: true}},
		{413, "", want{refused: true}},
		{429, "30", want{refused: true, retryAfter: 30 * time.Second}},
		{429, "", want{refused: true}},
		{429, "soon", want{refused: true}},
		{429, "-5", want{refused: true}},
		{429, "99999999999999999999", want{refused: true}},
		{500, "", want{refused: true}},
		{502, "30", want{refused: true}},
		{503, "1", want{refused: true, retryAfter: time.Second}},
		{503, "18446744073709551615", want{refused: true, retryAfter: 24 * time.Hour}},
		{503, "Wed, 21 Oct 2015 07:28:00 GMT", want{refused: true}},
		{503, "Wed, 21 Oct 2099 07:28:00 GMT", want{refused: true, retryAfter: 24 * time.Hour}},
		{599, "", want{refused: true}},
	} {
		t.Run(fmt.Sprint(tc.status, tc.retry), func(t *testing.T) {
			srv := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				if tc.retry != "" {
					w.Header().Set("Retry-After", tc.retry)
				}
				w.WriteHeader(tc.status)
				_, _ = io.WriteString(w, "parole")
			})
			s := sender(t, Endpoint{URL: srv.URL, Private: loopback})
			r, err := s.Send(t.Context(), message("m"))
			var re *RefusedError
			got := want{refused: errors.As(err, &re), gone: errors.Is(err, ErrGoneEndpoint)}
			if re != nil {
				got.retryAfter = re.RetryAfter()
			}
			if got != tc.want || (err != nil) != tc.want.refused || r.Status != tc.status || re != nil && re.Status != tc.status {
				t.Errorf("got %+v (%v, %+v), want %+v", got, err, r, tc.want)
			}
			if ingest.IsPermanent(err) != tc.want.gone {
				t.Errorf("permanent: %t", !tc.want.gone)
			}
			if err != nil && strings.Contains(err.Error(), "parole") {
				t.Errorf("the error quotes the endpoint: %v", err)
			}
		})
	}
}

func TestRetryAfterDate(t *testing.T) {
	now := time.Date(2026, 11, 3, 20, 26, 10, 0, time.UTC)
	resp := &http.Response{StatusCode: 503, Header: http.Header{"Retry-After": {now.Add(90 * time.Second).Format(http.TimeFormat)}}}
	if got := retryAfter(resp, now); got != 90*time.Second {
		t.Errorf("got %s", got)
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	var followed atomic.Int32
	other := serve(t, func(http.ResponseWriter, *http.Request) { followed.Add(1) })
	for _, status := range []int{301, 302, 303, 307, 308} {
		srv := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", other.URL)
			w.WriteHeader(status)
		})
		_, err := sender(t, Endpoint{URL: srv.URL, Private: loopback}).Send(t.Context(), message("m"))
		var re *RefusedError
		if !errors.As(err, &re) || re.Status != status || !strings.Contains(err.Error(), "redirect, which is not followed") || ingest.IsPermanent(err) {
			t.Errorf("%d: %v", status, err)
		}
	}
	if followed.Load() > 0 {
		t.Error("a redirect was followed")
	}
}

// raw is a server that answers with these bytes, at every pause the next, until its client is
// gone.
func raw(t *testing.T, pause time.Duration, parts ...string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	t.Cleanup(func() { _ = l.Close(); wg.Wait() })
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer func() { _ = c.Close() }()
				_ = c.SetDeadline(time.Now().Add(10 * time.Second))
				_, _ = c.Read(make([]byte, 4096))
				for i := 0; ; i++ {
					if _, err := io.WriteString(c, parts[min(i, len(parts)-1)]); err != nil {
						return
					}
					time.Sleep(pause)
				}
			})
		}
	})
	return "http://" + l.Addr().String()
}

func TestSlowAndHugeAnswers(t *testing.T) {
	const timeout = 150 * time.Millisecond
	const drip = 5 * time.Millisecond
	for name, tc := range map[string]struct {
		pause  time.Duration
		parts  []string
		ok     bool
		status int
		says   string
	}{
		"drips in the header":  {drip, []string{"HTTP/1.1 200 OK\r\nX: ", "a"}, false, 0, "no answer within"},
		"drips before":         {drip, []string{"H", "T"}, false, 0, "no answer within"},
		"drips in the body":    {drip, []string{"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", "a"}, true, 200, ""},
		"drips in a refusal":   {drip, []string{"HTTP/1.1 500 Oh\r\nContent-Length: 9999\r\n\r\n", "a"}, false, 500, "answered 500"},
		"huge body":            {0, []string{"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", strings.Repeat("é", 64<<10)}, true, 200, ""},
		"huge header":          {0, []string{"HTTP/1.1 200 OK\r\n", "X: " + strings.Repeat("a", 4096) + "\r\n"}, false, 0, "header"},
		"early hints for ever": {0, []string{"HTTP/1.1 103 Early Hints\r\nX: a\r\n\r\n"}, false, 0, ""},
		"another protocol":     {drip, []string{"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", "a"}, false, 101, "answered 101"},
		"no HTTP":              {drip, []string{"SSH-2.0-OpenSSH_9.2\r\n"}, false, 0, "HTTP"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := sender(t, Endpoint{URL: raw(t, tc.pause, tc.parts...), Private: loopback, Timeout: timeout})
			r, err := s.Send(t.Context(), message("m"))
			if (err == nil) != tc.ok || r.Status != tc.status || err != nil && !strings.Contains(err.Error(), tc.says) || ingest.IsPermanent(err) {
				t.Errorf("%+v %v", r, err)
			}
			if r.Duration > timeout+2*time.Second {
				t.Errorf("it took %s", r.Duration)
			}
			if n := utf8.RuneCountInString(r.Said); n > maxSaid || !utf8.ValidString(r.Said) {
				t.Errorf("%d characters were kept", n)
			}
		})
	}
}

func TestCallerBreaksOff(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	srv := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		cancel()
		<-r.Context().Done()
	})
	_, err := sender(t, Endpoint{URL: srv.URL, Private: loopback}).Send(ctx, message("m"))
	if !errors.Is(err, context.Canceled) || ingest.IsPermanent(err) {
		t.Errorf("got %v", err)
	}
}

func TestNobodyThere(t *testing.T) {
	srv := serve(t, nil)
	srv.Close()
	_, err := sender(t, Endpoint{URL: srv.URL + "/s3cr3t", Private: loopback}).Send(t.Context(), message("m"))
	var op *net.OpError
	if !errors.As(err, &op) || ingest.IsPermanent(err) || strings.Contains(err.Error(), "s3cr3t") {
		t.Errorf("got %v", err)
	}
}

func TestOwnAuthority(t *testing.T) {
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	srv.Config.ErrorLog = log.New(io.Discard, "", 0) // it hears of certificates that we refuse
	srv.StartTLS()
	t.Cleanup(srv.Close)
	e := Endpoint{URL: srv.URL, Private: loopback}
	_, err := sender(t, e).Send(t.Context(), message("m"))
	var unknown x509.UnknownAuthorityError
	if !errors.As(err, &unknown) || ingest.IsPermanent(err) || !strings.Contains(err.Error(), "own authority") {
		t.Errorf("without its authority: %v", err)
	}
	e.CAFile = caFile(t, srv)
	if r, err := sender(t, e).Send(t.Context(), message("m")); err != nil || r.Status != 200 {
		t.Errorf("%+v %v", r, err)
	}
	// The certificate must be that of the name, not only of the authority.
	_, port, _ := net.SplitHostPort(srv.Listener.Addr().String())
	e.URL = "https://grc.mairie.test:" + port
	s := sender(t, e)
	s.dialer.Resolver = nameserver(t, func() []netip.Addr { return []netip.Addr{netip.MustParseAddr("127.0.0.1")} })
	_, err = s.Send(t.Context(), message("m"))
	var name x509.HostnameError
	if !errors.As(err, &name) {
		t.Errorf("another name: %v", err)
	}
}

// receiver verifies what it gets by the reference library, and loses three answers in ten.
type receiver struct {
	t      *testing.T
	verify *standardwebhooks.Webhook

	mu    sync.Mutex
	dice  *rand.Rand
	times map[string]int
	lost  int
}

func (rc *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		rc.t.Error(err)
	}
	id := r.Header.Get("webhook-id")
	if err := rc.verify.Verify(body, r.Header); err != nil || !strings.Contains(string(body), `"`+id+`"`) {
		rc.t.Errorf("%s %s: %v", id, body, err)
	}
	rc.mu.Lock()
	rc.times[id]++
	lose := rc.dice.IntN(10) < 3
	if lose {
		rc.lost++
	}
	rc.mu.Unlock()
	if !lose {
		return
	}
	c, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		rc.t.Error(err)
		return
	}
	_ = c.Close()
}

// Every message arrives, known by its id, though answers are lost.
func TestLostAnswers(t *testing.T) {
	const messages = 100
	rc := &receiver{t: t, verify: verifier(t, secretB), dice: rand.New(rand.NewPCG(7, 11)), times: map[string]int{}}
	srv := serve(t, rc.ServeHTTP)
	s := sender(t, Endpoint{URL: srv.URL, Private: loopback, Secrets: []string{secretA, secretB}})
	var attempts atomic.Int32
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := w; i < messages; i += 4 {
				id := fmt.Sprintf("msg_%03d", i)
				for {
					attempts.Add(1)
					_, err := s.Send(t.Context(), Message{ID: id, Time: time.Now(), Body: []byte(`{"id":"` + id + `"}`)})
					if err == nil {
						break
					}
					if ingest.IsPermanent(err) || t.Context().Err() != nil {
						t.Errorf("%s: %v", id, err)
						break
					}
				}
			}
		})
	}
	wg.Wait()
	total := 0
	for _, n := range rc.times {
		total += n
	}
	if len(rc.times) != messages || rc.lost == 0 || total != messages+rc.lost || int(attempts.Load()) != total {
		t.Errorf("%d ids, %d requests, %d attempts, %d answers lost", len(rc.times), total, attempts.Load(), rc.lost)
	}
}
