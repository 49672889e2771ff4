package rate

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"
)

func TestRateLimiterWindow(t *testing.T) {
	const limit = 5
	l := New[netip.Prefix](limit, time.Hour)
	client := netip.MustParsePrefix("192.0.2.1/32")
	start := time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)

	// Somebody who tries each minute gets through about limit times in any hour, and
	// whoever waits as long as told gets through.
	var passed []time.Time
	for now := start; now.Before(start.Add(12 * time.Hour)); now = now.Add(time.Minute) {
		wait := l.Take(client, now)
		if wait == 0 {
			passed = append(passed, now)
			continue
		}
		if wait < 0 || wait > 2*time.Hour {
			t.Fatalf("told to wait %v", wait)
		}
		if l.Take(client, now.Add(wait-time.Second)) == 0 {
			t.Fatalf("at %v told to wait %v, but less would do", now.Sub(start), wait)
		}
		later := &Limiter[netip.Prefix]{limit: l.limit, window: l.window, clients: map[netip.Prefix]clientCount{client: l.clients[client]}}
		if again := later.Take(client, now.Add(wait+time.Millisecond)); again != 0 {
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

	l.GiveBack(netip.MustParsePrefix("192.0.2.9/32")) // unknown: nothing happens
	if wait := l.Take(client, start.Add(-24*time.Hour)); wait != 0 {
		t.Errorf("after the clock was set back: wait %v", wait)
	}
}

func TestRateLimiterMemory(t *testing.T) {
	l := New[netip.Prefix](1, time.Hour)
	now := time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)
	flood := func(from uint32, now time.Time) {
		for i := range uint32(2 * maxClients) {
			var b [4]byte
			binary.BigEndian.PutUint32(b[:], from+i)
			l.Take(netip.PrefixFrom(netip.AddrFrom4(b), 32), now)
		}
		if len(l.clients) > maxClients {
			t.Fatalf("%d clients are kept", len(l.clients))
		}
	}
	flood(0, now)
	flood(1<<24, now.Add(3*time.Hour))
}

// A client with a limit of its own has just that.
func TestTakeOf(t *testing.T) {
	l := New[string](1, time.Minute)
	now := time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		client string
		limit  int
	}{{"more", 5}, {"one", 1}} {
		passed := 0
		for range 10 {
			if l.TakeOf(tc.client, tc.limit, now) == 0 {
				passed++
			}
		}
		if passed != tc.limit {
			t.Errorf("%s: %d of %d", tc.client, passed, tc.limit)
		}
	}
	for range 2 {
		if l.Wait("other", now) != 0 {
			t.Error("looking is counted")
		}
	}
	if l.Take("other", now) != 0 || l.Wait("other", now) == 0 || l.Take("other", now) == 0 {
		t.Error("the limit of all others is another one")
	}
}
