// Package clientip says whose request one is, for limits by address: past the reverse
// proxies that the configuration trusts, and no further.
package clientip

import (
	"net/http"
	"net/netip"
	"strings"
)

// Trusted are the proxies whose X-Forwarded-For is believed.
type Trusted []netip.Prefix

// Parse reads addresses and networks; bad are the entries that are neither.
func Parse(list []string) (trusted Trusted, bad []string) {
	for _, s := range list {
		if p, err := netip.ParsePrefix(s); err == nil {
			trusted = append(trusted, p.Masked())
		} else if ip, err := netip.ParseAddr(s); err == nil {
			ip = ip.Unmap().WithZone("")
			trusted = append(trusted, netip.PrefixFrom(ip, ip.BitLen()))
		} else {
			bad = append(bad, s)
		}
	}
	return trusted, bad
}

func (t Trusted) contains(ip netip.Addr) bool {
	for _, p := range t {
		if p.Contains(ip) {
			return true
		}
	}
	return false
}

// peer is the machine at the other end of the connection.
func peer(r *http.Request) (netip.Addr, bool) {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	return ap.Addr().Unmap().WithZone(""), err == nil
}

// Client returns whom a limit counts for r. It walks X-Forwarded-For from the right, since
// each proxy appends the address it saw, past the proxies that are trusted: everything left
// of the first other hop is the client's own claim.
//
// ok is false when every hop is trusted, or none is an address: the town's own machine, a
// script on it, or a proxy that tells no addresses. Nobody is counted then, for a proxy set
// up like that would make everybody one client.
func (t Trusted) Client(r *http.Request) (client netip.Prefix, ok bool) {
	ip, ok := peer(r)
	if !ok {
		return netip.Prefix{}, false
	}
	if !t.contains(ip) {
		return group(ip), true
	}
	lines := r.Header["X-Forwarded-For"]
	for i := len(lines) - 1; i >= 0; i-- {
		line, found := lines[i], true
		for found {
			var hop string
			if j := strings.LastIndexByte(line, ','); j >= 0 {
				hop, line = line[j+1:], line[:j]
			} else {
				hop, found = line, false
			}
			ip, valid := parseHop(strings.TrimSpace(hop))
			if !valid {
				return netip.Prefix{}, false
			}
			if !t.contains(ip) {
				return group(ip), true
			}
		}
	}
	return netip.Prefix{}, false
}

// Secure reports whether the browser speaks TLS: to us, or to a trusted proxy that says so
// (X-Forwarded-Proto).
func (t Trusted) Secure(r *http.Request) bool {
	if r.TLS != nil {
		return true
	}
	ip, ok := peer(r)
	return ok && t.contains(ip) && strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https")
}

// parseHop reads one entry of X-Forwarded-For: an address, which some proxies write
// with its port.
func parseHop(s string) (netip.Addr, bool) {
	ip, err := netip.ParseAddr(strings.Trim(s, "[]"))
	if err != nil {
		ap, err := netip.ParseAddrPort(s)
		if err != nil {
			return netip.Addr{}, false
		}
		ip = ap.Addr()
	}
	return ip.Unmap().WithZone(""), true
}

// group is the network that counts as one client: an IPv4 address, or an IPv6 /64,
// within which a subscriber picks addresses as they like (RFC 6177 §2).
func group(ip netip.Addr) netip.Prefix {
	if ip.Is4() {
		return netip.PrefixFrom(ip, 32)
	}
	return netip.PrefixFrom(ip, 64).Masked()
}
