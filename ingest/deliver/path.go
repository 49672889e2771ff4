package deliver

import (
	"errors"
	"net/mail"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"

	"saisine.fr/saisine/ingest"
)

// ErrAddress means that an address cannot be written to. It does not name it: errors go
// to the log, addresses do not.
var ErrAddress = errors.New("deliver: this is no mail address that can be written to; correct it, or answer by letter")

// maxAddress is the room of an address in the envelope, in bytes (RFC 5321 §4.5.3.1.3:
// 256 with the brackets).
const maxAddress = 254

var hostName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$`)

// canonical checks an address as people type it (local@domain) and returns it with its
// domain in ASCII, so that only a local part with other letters needs SMTPUTF8 (RFC 6531).
// It is the one gate for foreign addresses: what passes holds no control character and
// cannot end the field or the command it is put into. The error is permanent.
func canonical(address string) (string, error) {
	at := strings.LastIndexByte(address, '@')
	if at <= 0 || len(address) > maxAddress || !utf8.ValidString(address) {
		return "", ingest.Permanent(ErrAddress)
	}
	local := address[:at]
	for _, r := range local {
		if r == ' ' || (r < utf8.RuneSelf && !unicode.IsPrint(r)) ||
			(r >= utf8.RuneSelf && !unicode.In(r, unicode.L, unicode.M, unicode.N)) {
			return "", ingest.Permanent(ErrAddress)
		}
	}
	domain, err := idna.Lookup.ToASCII(address[at+1:])
	if err != nil || !hostName.MatchString(domain) {
		return "", ingest.Permanent(ErrAddress)
	}
	address = local + "@" + domain
	if back, err := mail.ParseAddress(bracketed(address)); err != nil || back.Address != address || len(address) > maxAddress {
		return "", ingest.Permanent(ErrAddress)
	}
	return address, nil
}

// bracketed returns <local@domain> as an envelope holds it, with the local part quoted
// where it must be. The null path is <>.
func bracketed(canonical string) string {
	if canonical == "" {
		return "<>"
	}
	return (&mail.Address{Address: canonical}).String()
}
