package webform

import (
	"encoding/binary"
	"fmt"
	"net/http"
	"net/netip"
	"reflect"
	"testing"
	"time"
)

func TestClientAddress(t *testing.T) {
	trusted, bad := parseTrusted([]string{"10.0.0.0/8", "::1", "192.0.2.1", "2001:db8:1::/48", "mandataire", "1.2.3.4/99"})
	if !reflect.DeepEqual(bad, []string{"mandataire", "1.2.3.4/99"}) {
		t.Errorf("bad entries %q", bad)
	}
	a := &Adapter{trusted: trusted}
	for _, tc := range []struct {
		name, remote string
		forwarded    []string
		want         string // "" = nobody is counted
	}{
		{"direct", "203.0.113.5:1234", nil, "203.0.113.5/32"},
		{"direct, claims another", "203.0.113.5:1234", []string{"198.51.100.1"}, "203.0.113.5/32"},
		{"mapped", "[::ffff:203.0.113.5]:1", nil, "203.0.113.5/32"},
		{"IPv6", "[2001:db8:7:8:9:a:b:c]:1", nil, "2001:db8:7:8::/64"},
		{"zone", "[fe80::1%eth0]:1", nil, "fe80::/64"},
		{"by proxy", "10.1.1.1:1", []string{"203.0.113.5"}, "203.0.113.5/32"},
		{"by proxy, IPv6 with port", "10.1.1.1:1", []string{"[2001:db8:7:8::1]:99"}, "2001:db8:7:8::/64"},
		{"by proxy, IPv4 with port", "10.1.1.1:1", []string{"203.0.113.5:99"}, "203.0.113.5/32"},
		{"by two proxies", "[::1]:1", []string{"203.0.113.5, 10.2.2.2"}, "203.0.113.5/32"},
		{"claim before the proxy", "10.1.1.1:1", []string{"198.51.100.1, 203.0.113.5"}, "203.0.113.5/32"},
		{"claim in a header of its own", "10.1.1.1:1", []string{"198.51.100.1", "203.0.113.5, 2001:db8:1::9"}, "203.0.113.5/32"},
		{"many claims before two proxies", "10.1.1.1:1", []string{"192.0.2.66, 198.51.100.9,198.51.100.1 , 203.0.113.5, 10.2.2.2"}, "203.0.113.5/32"},
		{"proxy tells nothing", "10.1.1.1:1", nil, ""},
		{"proxy tells a name", "10.1.1.1:1", []string{"unknown"}, ""},
		{"all trusted", "10.1.1.1:1", []string{"10.3.3.3,10.4.4.4"}, ""},
		{"unix socket", "@", []string{"203.0.113.5"}, ""},
	} {
		r := &http.Request{RemoteAddr: tc.remote, Header: http.Header{"X-Forwarded-For": tc.forwarded}}
		got, ok := a.client(r)
		if want := tc.want; ok != (want != "") || ok && got.String() != want {
			t.Errorf("%s: %v, %v, want %q", tc.name, got, ok, want)
		}
	}
}

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
