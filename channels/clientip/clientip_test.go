package clientip

import (
	"crypto/tls"
	"net/http"
	"reflect"
	"testing"
)

func TestClientAddress(t *testing.T) {
	trusted, bad := Parse([]string{"10.0.0.0/8", "::1", "192.0.2.1", "2001:db8:1::/48", "mandataire", "1.2.3.4/99"})
	if !reflect.DeepEqual(bad, []string{"mandataire", "1.2.3.4/99"}) {
		t.Errorf("bad entries %q", bad)
	}
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
		got, ok := trusted.Client(r)
		if want := tc.want; ok != (want != "") || ok && got.String() != want {
			t.Errorf("%s: %v, %v, want %q", tc.name, got, ok, want)
		}
	}
}

func TestSecure(t *testing.T) {
	trusted, _ := Parse([]string{"10.0.0.0/8"})
	for _, tc := range []struct {
		remote, proto string
		tls           bool
		want          bool
	}{
		{"203.0.113.5:1", "", true, true},
		{"203.0.113.5:1", "https", false, false},
		{"10.1.1.1:1", "https", false, true},
		{"10.1.1.1:1", "HTTPS", false, true},
		{"10.1.1.1:1", "http", false, false},
		{"10.1.1.1:1", "", false, false},
		{"@", "https", false, false},
	} {
		r := &http.Request{RemoteAddr: tc.remote, Header: http.Header{}}
		if tc.tls {
			r.TLS = &tls.ConnectionState{}
		}
		if tc.proto != "" {
			r.Header.Set("X-Forwarded-Proto", tc.proto)
		}
		if got := trusted.Secure(r); got != tc.want {
			t.Errorf("%+v: %v", tc, got)
		}
	}
}

// Whatever the headers hold, nobody is counted or one network is.
func FuzzClient(f *testing.F) {
	trusted, _ := Parse([]string{"10.0.0.0/8", "::1"})
	f.Add("10.1.1.1:1", "203.0.113.5, 10.2.2.2")
	f.Add("[::1]:1", "[2001:db8::1]:99,,")
	f.Fuzz(func(t *testing.T, remote, forwarded string) {
		p, ok := trusted.Client(&http.Request{RemoteAddr: remote, Header: http.Header{"X-Forwarded-For": {forwarded}}})
		if ok && (!p.IsValid() || p.Bits() != 32 && p.Bits() != 64) {
			t.Errorf("%q, %q: %v", remote, forwarded, p)
		}
	})
}
