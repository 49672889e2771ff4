package deliver

import (
	"bytes"
	"errors"
	"fmt"

	"saisine.fr/saisine/ingest"
)

// ErrBytes means that a stored mail is not in the form that SMTP transports unchanged.
var ErrBytes = errors.New("deliver: the stored mail cannot be sent as it stands; compose it again")

// maxLine is the length of a line in bytes without CRLF (RFC 5321 §4.5.3.1.6).
const maxLine = 998

// sendable checks that what is sent is byte for byte what is kept: only whole CRLF lines
// of permitted length. A lone CR or LF would be repaired, differently by each server, and
// could end the mail early. The error is permanent.
func sendable(msg []byte) error {
	fault := func(what string, line int) error {
		return ingest.Permanent(fmt.Errorf("%w: line %d %s", ErrBytes, line, what))
	}
	if len(msg) == 0 {
		return fault("is missing", 1)
	}
	for n := 1; len(msg) > 0; n++ {
		line, rest, ok := bytes.Cut(msg, []byte("\r\n"))
		switch {
		case !ok:
			return fault("has no CRLF", n)
		case len(line) > maxLine:
			return fault("is too long", n)
		case bytes.ContainsAny(line, "\r\n\x00"):
			return fault("holds a lone CR, LF or a NUL", n)
		}
		msg = rest
	}
	return nil
}

// eightBit tells where a mail holds other bytes than ASCII: in its header, which then
// needs SMTPUTF8 (RFC 6531), or in its body, which needs 8BITMIME (RFC 6152).
func eightBit(msg []byte) (header, body bool) {
	h, b, _ := bytes.Cut(msg, []byte("\r\n\r\n"))
	return !ascii(h), !ascii(b)
}

func ascii[T string | []byte](s T) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
