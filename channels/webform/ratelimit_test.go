package webform

import (
	"encoding/binary"
	"fmt"
	"net/http"
	"net/netip"
	"testing"
	"time"
)

func TestRateLimiterWindow(t *testing.T) {
	const limit = 5
	l := newRateLimiter(limit, time.Hour)
	client := netip.MustParsePrefix("192.0.2.1/32")
	start := time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)

	// Somebody who tries each minute gets through about limit times in any hour, and
	// whoever waits as long as told gets through.
	var passed []time.Time
	for now := start; now.Before(start.Add(12 * time.Hour)); now = now.Add(time.Minute) {
		wait := l.take(client, now)
		if wait == 0 {
			passed = append(passed, now)
			continue
		}
		if wait < 0 || wait > 2*time.Hour {
			t.Fatalf("told to wait %v", wait)
		}
		if l.take(client, now.Add(wait-time.Second)) == 0 {
			t.Fatalf("at %v told to wait %v, but less would do", now.Sub(start), wait)
		}
		later := &rateLimiter{limit: l.limit, window: l.window, clients: map[netip.Prefix]clientCount{client: l.clients[client]}}
		if again := later.take(client, now.Add(wait+time.Millisecond)); again != 0 {
			t.Fatalf("at %v waited %v as told, and then told %v", now.Sub(start), wait, again)
		}
	}
	if n := len(passed); n < 9*limit || n > 13*limit {
		t.Errorf("%d posts in 12 hours", n)
	}
	for i := range passed {
		n := 0
		for _, p := range passed[i:] {
			if p.Sub(passed[i]) < time.Hour {
				n++
			}
		}
		if n > limit+2 {
			t.Errorf("%d posts within the hour after %v", n, passed[i].Sub(start))
		}
	}

	l.giveBack(netip.MustParsePrefix("192.0.2.9/32")) // unknown: nothing happens
	if wait := l.take(client, start.Add(-24*time.Hour)); wait != 0 {
		t.Errorf("after the clock was set back: wait %v", wait)
	}
}

func TestRateLimiterMemory(t *testing.T) {
	l := newRateLimiter(1, time.Hour)
	now := time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)
	flood := func(from uint32, now time.Time) {
		for i := range uint32(2 * maxClients) {
			var b [4]byte
			binary.BigEndian.PutUint32(b[:], from+i)
			l.take(netip.PrefixFrom(netip.AddrFrom4(b), 32), now)
		}
		if len(l.clients) > maxClients {
			t.Fatalf("%d clients are kept", len(l.clients))
		}
	}
	flood(0, now)
	flood(1<<24, now.Add(3*time.Hour))
}

func ExampleConfigureServer() {
	var s http.Server
	ConfigureServer(&s)
	fmt.Println(s.ReadHeaderTimeout, s.ReadTimeout)
	// Output: 10s 0s
}
