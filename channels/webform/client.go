package webform

import (
	"net/http"
	"net/netip"
	"strings"
)

// parseTrusted reads addresses and networks; bad are the entries that are neither.
func parseTrusted(list []string) (trusted []netip.Prefix, bad []string) {
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

func (a *Adapter) isTrusted(ip netip.Addr) bool {
	for _, p := range a.trusted {
		if p.Contains(ip) {
			return true
		}
	}
	return false
}

// client returns whom the rate limit counts for r. It walks X-Forwarded-For from the
// right, since each proxy appends the address it saw, past the proxies that are
// trusted: everything left of the first other hop is the client's own claim.
//
// ok is false when every hop is trusted, or none is an address: the town's own
// machine, a script on it, or a proxy that tells no addresses. Nobody is counted
// then, for a proxy set up like that would make all citizens one client.
func (a *Adapter) client(r *http.Request) (client netip.Prefix, ok bool) {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Prefix{}, false
	}
	ip := peer.Addr().Unmap().WithZone("")
	if !a.isTrusted(ip) {
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
			if !a.isTrusted(ip) {
				return group(ip), true
			}
		}
	}
	return netip.Prefix{}, false
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
