package webhook

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// AddressError is an address that the endpoint may not be at. It is not permanent: either the
// name of the endpoint points astray, or its network is missing from the configuration. An
// administrator can mend both, and until then the delivery waits where it can be seen.
type AddressError struct {
	Addr netip.Addr
	// Why says what the address is, Advice what to do.
	Why, Advice string
}

// Error implements error.
func (e *AddressError) Error() string {
	return fmt.Sprintf("nothing is sent to %s: it is %s; %s", e.Addr, e.Why, e.Advice)
}

// network is a part of the address space where no public server is.
type network struct {
	prefix netip.Prefix
	what   string
	// never: not even a listing opens it, since no receiver can be there.
	never bool
}

// barred and listable are the IANA special-purpose registries (RFC 6890 and its successors).
// barred goes first: it has single addresses inside of networks that may be listed. The nets of
// AS112 and AMT (192.31.196.0/24, 192.175.48.0/24, 192.52.193.0/24) are globally reachable and
// so not here.
var barred = networks(true,
	// What a cloud tells its machines, keys among it, to whoever asks from inside.
	"169.254.169.254/32 the metadata service of a cloud",
	"169.254.170.2/32 the metadata service of a cloud",
	"100.100.100.200/32 the metadata service of a cloud",
	"fd00:ec2::254/128 the metadata service of a cloud",
	"0.0.0.0/8 of no network, or this machine (RFC 1122 §3.2.1.3)",
	"224.0.0.0/4 multicast (RFC 5771)",
	"240.0.0.0/4 reserved or broadcast (RFC 1112 §4)",
	"::/128 unspecified, which means this machine (RFC 4291 §2.5.2)",
	"100::/64 for discarding (RFC 6666)",
	"ff00::/8 multicast (RFC 4291 §2.7)",
)

var listable = networks(false,
	"10.0.0.0/8 private (RFC 1918)",
	"100.64.0.0/10 shared by a carrier's customers (RFC 6598)",
	"127.0.0.0/8 this machine (RFC 1122 §3.2.1.3)",
	"169.254.0.0/16 link-local (RFC 3927)",
	"172.16.0.0/12 private (RFC 1918)",
	"192.0.0.0/24 for protocols (RFC 6890)",
	"192.0.2.0/24 for documentation (RFC 5737)",
	"192.88.99.0/24 a retired 6to4 relay (RFC 7526)",
	"192.168.0.0/16 private (RFC 1918)",
	"198.18.0.0/15 for benchmarks (RFC 2544)",
	"198.51.100.0/24 for documentation (RFC 5737)",
	"203.0.113.0/24 for documentation (RFC 5737)",
	"::1/128 this machine (RFC 4291 §2.5.3)",
	"64:ff9b:1::/48 a local translation to IPv4 (RFC 8215)",
	// Teredo is in 2001::/23. Any IPv4 address can hide in it and in 6to4, both are retired,
	// and no receiver is reached by them; so they are refused whatever they hold.
	"2001::/23 for protocols and Teredo (RFC 2928, RFC 4380)",
	"2001:db8::/32 for documentation (RFC 3849)",
	"2002::/16 a 6to4 tunnel (RFC 7526)",
	"3fff::/20 for documentation (RFC 9637)",
	"5f00::/16 for segment routing (RFC 9602)",
	"fc00::/7 private (RFC 4193)",
	"fe80::/10 link-local (RFC 4291 §2.5.6)",
	"fec0::/10 site-local (RFC 3879)",
)

var (
	// globalUnicast is all of IPv6 that has been given out (RFC 4291 §2.4, IANA).
	globalUnicast = netip.MustParsePrefix("2000::/3")
	// nat64 holds an IPv4 address in its last 32 bits (RFC 6052 §2.1). Where a network speaks
	// IPv6 alone, its resolver answers so for public IPv4 servers.
	nat64 = netip.MustParsePrefix("64:ff9b::/96")
)

func networks(never bool, lines ...string) []network {
	var out []network
	for _, l := range lines {
		p, what, _ := strings.Cut(l, " ")
		out = append(out, network{netip.MustParsePrefix(p), what, never})
	}
	return out
}

// plainAddr is the address without its clothes: IPv4 in IPv6, and the zone, with which no
// prefix would contain it.
func plainAddr(a netip.Addr) netip.Addr { return a.WithZone("").Unmap() }

// special tells the network of an address at which no public server is. a is a plainAddr.
func special(a netip.Addr) (network, bool) {
	for _, list := range [][]network{barred, listable} {
		for _, n := range list {
			if n.prefix.Contains(a) {
				return n, true
			}
		}
	}
	switch {
	case a.Is4() || globalUnicast.Contains(a):
		return network{}, false
	case nat64.Contains(a):
		// RFC 6052 §3.1: the prefix must not stand for an IPv4 address that is not global.
		b := a.As16()
		n, is := special(netip.AddrFrom4([4]byte(b[12:])))
		n.never = true
		return n, is
	}
	return network{what: "outside of what is given out to servers (RFC 4291 §2.4)", never: true}, true
}

// checkPrivate refuses a prefix that is no private network: it would open nothing, or too much.
func checkPrivate(p netip.Prefix) error {
	if !p.IsValid() {
		return errors.New("one of its private networks is not valid: write it such as 10.1.2.0/24")
	}
	if p != p.Masked() {
		return fmt.Errorf("its private network %s has bits behind the prefix: write %s, or %s for the one address",
			p, p.Masked(), netip.PrefixFrom(p.Addr(), p.Addr().BitLen()))
	}
	within := func(n network) bool { return n.prefix.Bits() <= p.Bits() && n.prefix.Contains(p.Addr()) }
	if slices.ContainsFunc(listable, within) && !slices.ContainsFunc(barred, within) {
		return nil
	}
	return fmt.Errorf("%s is not a private network that an endpoint can be in: list one such as 10.1.2.0/24 or fd12:3456:789a::/48, and none for a public address", p)
}

// allow judges an address; its errors are *AddressError.
func (s *Sender) allow(a netip.Addr) error {
	plain := plainAddr(a)
	n, is := special(plain)
	listed := slices.ContainsFunc(s.private, func(p netip.Prefix) bool { return p.Contains(plain) })
	switch {
	case is && n.never:
		return &AddressError{a, n.what, "no endpoint can be there: correct its address, or the name server"}
	case is && !listed:
		return &AddressError{a, n.what, "if the endpoint belongs there, list its network among the endpoint's private networks"}
	case !is && s.plain:
		return &AddressError{a, "public, and the endpoint's address is http", "use https"}
	}
	return nil
}

// allowDial judges what the dialer is about to connect to. What it cannot read it refuses.
func (s *Sender) allowDial(kind, address string) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil || kind != "tcp4" && kind != "tcp6" {
		return &AddressError{Why: fmt.Sprintf("no address of TCP (%s)", kind), Advice: "correct the endpoint's address"}
	}
	return s.allow(ap.Addr())
}
