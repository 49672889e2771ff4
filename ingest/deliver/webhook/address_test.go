package webhook

import (
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
)

// refused are addresses of every class that no public server has.
var refused = []string{
	"0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.254", "100.100.100.200",
	"127.0.0.1", "127.1.2.3", "169.254.0.1", "169.254.169.254", "169.254.170.2", "172.16.0.1", "172.31.255.255",
	"192.0.0.1", "192.0.2.1", "192.88.99.1", "192.168.0.1", "192.168.255.255", "198.18.0.1", "198.19.255.255",
	"198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
	"::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:0:127.0.0.1",
	"64:ff9b::10.0.0.1", "64:ff9b::127.0.0.1", "64:ff9b::169.254.169.254", "64:ff9b::192.168.1.1", "64:ff9b:1::8.8.8.8",
	"100::1", "2001::1", "2001:0:a00:1::", "2001:db8::1", "2002:a00:1::1", "2002:7f00:1::", "2002:c0a8:101::1",
	"3fff::1", "5f00::1", "fc00::1", "fd12:3456::1", "fd00:ec2::254", "fe80::1", "febf::1", "fec0::1", "ff02::1", "ff0e::1",
	"4000::1", "1::1", "fe80::1%lo", "::1%lo",
}

// public are neighbours of those, on both sides of their borders.
var public = []string{
	"1.0.0.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0",
	"169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "192.0.1.0", "192.167.255.255", "192.169.0.0",
	"198.17.255.255", "198.20.0.0", "223.255.255.255", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2001:200::1",
	"2001:db7:ffff::1", "2001:db9::1", "2003::1", "2a01:e0a::1", "3ffe:ffff::1", "3fff:1000::1",
}

func TestRefusedAddresses(t *testing.T) {
	for _, literal := range refused {
		t.Run(literal, func(t *testing.T) {
			a := netip.MustParseAddr(literal)
			host := "https://" + bracket(a) + "/"
			_, err := New(Endpoint{Name: "e", URL: host, Secrets: []string{secretA}})
			wantAddressError(t, err)

			// The same behind the back of New: only the dialer is left to refuse it.
			s := sender(t, Endpoint{URL: "https://hooks.example/"})
			f := fence(s)
			s.url.Host = bracketZone(a)
			_, err = s.Send(t.Context(), message("m"))
			wantAddressError(t, err)

			// The same by a name server that lies.
			if a.Zone() == "" {
				s = sender(t, Endpoint{URL: "https://hooks.example/"})
				f2 := fence(s)
				s.dialer.Resolver = nameserver(t, func() []netip.Addr { return []netip.Addr{a} })
				_, err = s.Send(t.Context(), message("m"))
				wantAddressError(t, err)
				f.addrs = append(f.addrs, f2.all()...)
			}
			if got := f.all(); len(got) > 0 {
				t.Errorf("%v were let through", got)
			}
		})
	}
}

func bracket(a netip.Addr) string {
	return strings.Replace(bracketZone(a), "%", "%25", 1)
}

func bracketZone(a netip.Addr) string {
	if a.Is4() {
		return a.String()
	}
	return "[" + a.String() + "]"
}

func wantAddressError(t *testing.T, err error) {
	t.Helper()
	var ae *AddressError
	if !errors.As(err, &ae) {
		t.Errorf("got %v, want an AddressError", err)
		return
	}
	var perm interface{ Permanent() bool }
	if errors.As(err, &perm) && perm.Permanent() {
		t.Error("an address that an administrator can mend is permanent")
	}
}

func TestPublicAddresses(t *testing.T) {
	s := sender(t, Endpoint{URL: "https://hooks.example/"})
	for _, literal := range public {
		if err := s.allow(netip.MustParseAddr(literal)); err != nil {
			t.Errorf("%s: %v", literal, err)
		}
	}
}

// The forms of an address that only some resolvers understand come to the same check.
func TestOddLiterals(t *testing.T) {
	for _, host := range []string{"127.1", "2130706433", "0x7f.0.0.1", "0177.0.0.1", "localhost", "localhost.", "127.0.0.1.", "[::ffff:7f00:1]", "[0:0:0:0:0:0:0:1]"} {
		s, err := New(Endpoint{Name: "e", URL: "https://" + host + "/", Secrets: []string{secretA}})
		if err != nil {
			continue
		}
		f := fence(s)
		s.dialer.Resolver = nameserver(t, func() []netip.Addr { return nil })
		if _, err := s.Send(t.Context(), message("m")); err == nil {
			t.Errorf("%s: sent", host)
		}
		if got := f.all(); len(got) > 0 {
			t.Errorf("%s: %v were let through", host, got)
		}
	}
}

// The name is public when the endpoint is entered, and private when it is dialled.
func TestRebinding(t *testing.T) {
	srv := serve(t, nil)
	_, port, _ := net.SplitHostPort(srv.Listener.Addr().String())
	var now atomic.Pointer[netip.Addr]
	outside, inside := netip.MustParseAddr("8.8.8.8"), netip.MustParseAddr("127.0.0.1")
	now.Store(&outside)
	s := sender(t, Endpoint{URL: "https://hooks.example:" + port + "/"})
	f := fence(s)
	s.dialer.Resolver = nameserver(t, func() []netip.Addr { return []netip.Addr{*now.Load()} })
	if _, err := s.Send(t.Context(), message("m")); !errors.Is(err, errWouldDial) {
		t.Fatalf("the public address: %v", err)
	}
	now.Store(&inside)
	_, err := s.Send(t.Context(), message("m"))
	wantAddressError(t, err)
	if got := f.all(); len(got) != 1 || got[0] != outside {
		t.Errorf("let through: %v", got)
	}
}

// Of a name with several addresses only the public ones are tried.
func TestMixedAnswer(t *testing.T) {
	answers := []netip.Addr{netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("8.8.8.8"), netip.MustParseAddr("::1"), netip.MustParseAddr("169.254.169.254")}
	s := sender(t, Endpoint{URL: "https://hooks.example/"})
	f := fence(s)
	s.dialer.Resolver = nameserver(t, func() []netip.Addr { return answers })
	if _, err := s.Send(t.Context(), message("m")); err == nil {
		t.Error("sent")
	}
	for _, a := range f.all() {
		if a != netip.MustParseAddr("8.8.8.8") {
			t.Errorf("%s was let through", a)
		}
	}
}

func TestListing(t *testing.T) {
	for _, tc := range []struct {
		list, addr string
		ok         bool
	}{
		{"10.1.2.0/24", "10.1.2.7", true},
		{"10.1.2.0/24", "::ffff:10.1.2.7", true},
		{"10.1.2.0/24", "10.1.3.7", false},
		{"10.1.2.0/24", "8.8.8.8", true}, // a name may be public too, for https
		{"10.1.2.0/24", "64:ff9b::10.1.2.7", false},
		{"10.1.2.0/24", "2002:a01:207::1", false},
		{"169.254.0.0/16", "169.254.1.1", true},
		{"169.254.0.0/16", "169.254.169.254", false},
		{"fd00::/8", "fd12::1", true},
		{"fd00::/8", "fd12::1%eth0", true},
		{"fd00::/8", "fd00:ec2::254", false},
		{"fe80::/10", "fe80::1%eth0", true},
		{"127.0.0.0/8", "0.0.0.0", false},
		{"::1/128", "::", false},
		{"203.0.113.0/24", "203.0.113.9", true},
	} {
		s := sender(t, Endpoint{URL: "https://hooks.example/", Private: []netip.Prefix{netip.MustParsePrefix(tc.list)}})
		if err := s.allow(netip.MustParseAddr(tc.addr)); (err == nil) != tc.ok {
			t.Errorf("%s with %s listed: %v", tc.addr, tc.list, err)
		}
	}
}

// What goes in the clear stays in the house, whatever the name server says.
func TestPlainStaysInside(t *testing.T) {
	s := sender(t, Endpoint{URL: "http://hooks.example/", Private: loopback})
	f := fence(s)
	s.dialer.Resolver = nameserver(t, func() []netip.Addr { return []netip.Addr{netip.MustParseAddr("8.8.8.8")} })
	_, err := s.Send(t.Context(), message("m"))
	wantAddressError(t, err)
	if got := f.all(); len(got) > 0 {
		t.Errorf("let through: %v", got)
	}
}

func TestNoProxyOfTheEnvironment(t *testing.T) {
	s := sender(t, Endpoint{URL: "https://hooks.example/"})
	if s.transport.Proxy != nil {
		t.Error("a proxy would dial past the check")
	}
}

func TestAllowDialUnreadable(t *testing.T) {
	s := sender(t, Endpoint{URL: "https://hooks.example/"})
	for _, tc := range [][2]string{{"tcp4", ""}, {"tcp4", "8.8.8.8"}, {"unix", "/run/docker.sock"}, {"udp4", "8.8.8.8:53"}, {"tcp4", "hooks.example:443"}} {
		wantAddressError(t, s.allowDial(tc[0], tc[1]))
	}
}

// What net/netip calls anything but a public address is never dialled, unless it is listed,
// however it is dressed.
func FuzzAddress(f *testing.F) {
	for _, a := range append(refused, public...) {
		f.Add(netip.MustParseAddr(a).AsSlice(), "lo", "10.0.0.0/8")
	}
	f.Fuzz(func(t *testing.T, raw []byte, zone, list string) {
		a, ok := netip.AddrFromSlice(raw)
		if !ok {
			return
		}
		if zone != "" && a.Is6() && !strings.ContainsAny(zone, "%]:") {
			a = a.WithZone(zone)
		}
		s := &Sender{}
		if p, err := netip.ParsePrefix(list); err == nil && checkPrivate(p) == nil {
			s.private = []netip.Prefix{p}
			if _, is := special(p.Addr()); !is {
				t.Errorf("%s may be listed and is public", p)
			}
		}
		err := s.allowDial("tcp6", netip.AddrPortFrom(a, 443).String())
		inner := a.WithZone("").Unmap()
		listed := len(s.private) > 0 && s.private[0].Contains(inner)
		if err != nil || listed {
			return
		}
		if !netipPublic(inner) {
			t.Errorf("%s with %q listed is dialled", a, list)
		}
		if b := inner.AsSlice(); len(b) == 16 && strings.HasPrefix(inner.StringExpanded(), "0064:ff9b:0000:") {
			if v4 := netip.AddrFrom4([4]byte(b[12:])); !netipPublic(v4) {
				t.Errorf("%s hides %s", a, v4)
			}
		}
	})
}

// netipPublic is the word of another: it knows nothing of our lists.
func netipPublic(a netip.Addr) bool {
	return a.IsGlobalUnicast() && !a.IsPrivate() && !a.IsLoopback() && !a.IsLinkLocalUnicast() && !a.IsMulticast() &&
		!a.IsInterfaceLocalMulticast() && !a.IsLinkLocalMulticast() && !a.IsUnspecified()
}
