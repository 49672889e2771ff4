package formpost

import (
	"net/mail"
	"strings"
)

// Longest values in characters. They are far above what a person needs, and above
// what standards allow (an address of RFC 5321 §4.5.3.1 has at most 254).
const (
	MaxLine    = 300 // of each field but the two below
	MaxEmail   = 254
	MaxMessage = 50_000
)

// PlausibleEmail accepts what a mail could be sent to; whether it arrives is seen
// when the receipt is sent. It is no stricter than RFC 5322 §3.4.1 with a domain that
// has a dot, for people know their own address better than a pattern does.
func PlausibleEmail(s string) bool {
	a, err := mail.ParseAddress(s)
	if err != nil || a.Address != s || strings.ContainsAny(s, " \n\t<>") {
		return false
	}
	domain := s[strings.LastIndexByte(s, '@')+1:]
	dot := strings.LastIndexByte(domain, '.')
	return dot > 0 && dot < len(domain)-1
}
