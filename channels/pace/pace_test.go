package pace

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"
)

// deadlineWriter remembers the deadlines that the handler sets on its connection.
type deadlineWriter struct {
	http.ResponseWriter
	read, write []time.Time
}

func (d *deadlineWriter) SetReadDeadline(t time.Time) error { d.read = append(d.read, t); return nil }

func (d *deadlineWriter) SetWriteDeadline(t time.Time) error {
	d.write = append(d.write, t)
	return nil
}

// drip gives size bytes every pause.
type drip struct {
	pause time.Duration
	size  int
}

func (d drip) Read(p []byte) (int, error) {
	time.Sleep(d.pause)
	n := min(d.size, len(p))
	clear(p[:n])
	return n, nil
}

func (drip) Close() error { return nil }

// A body that makes progress may take its time; one that drips is cut.
func TestReadDeadlines(t *testing.T) {
	for _, tc := range []struct {
		name string
		drip drip
		want time.Duration // when it is cut, 0 = not within the hour
	}{
		{"slow line", drip{time.Second, 16 << 10}, 0},
		{"mobile with gaps", drip{25 * time.Second, 400 << 10}, 0},
		{"one byte a second", drip{time.Second, 1}, Grace},
		{"1 kB a second", drip{time.Second, 1 << 10}, Grace + 8*time.Second},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &deadlineWriter{ResponseWriter: httptest.NewRecorder()}
				body := NewReader(w, &http.Request{Body: tc.drip})
				start, buf := time.Now(), make([]byte, 1<<20)
				var cut time.Duration
				for time.Since(start) < time.Hour {
					before := time.Now()
					if _, err := body.Read(buf); err != nil {
						t.Fatal(err)
					}
					deadline := w.read[len(w.read)-1]
					if first := before.Add(Stall); deadline.After(first) {
						t.Fatalf("may stall until %v", deadline.Sub(before))
					}
					if time.Now().After(deadline) { // a connection would have failed then
						cut = deadline.Sub(start)
						break
					}
				}
				if d := cut - tc.want; d < -time.Second || d > 2*time.Second {
					t.Errorf("cut after %v, want %v", cut, tc.want)
				}
				body.Done(t.Context(), time.Minute)
				if !w.read[len(w.read)-1].IsZero() || len(w.write) != 0 {
					t.Error("the read deadline stands while the post is submitted, or a write deadline was left")
				}
				s := &http.Server{WriteTimeout: time.Minute, ReadHeaderTimeout: time.Second}
				body.Done(context.WithValue(t.Context(), http.ServerContextKey, s), time.Minute)
				if len(w.write) != 1 || time.Until(w.write[0]) < 90*time.Second {
					t.Errorf("write deadlines %v", w.write)
				}
			})
		})
	}
}
