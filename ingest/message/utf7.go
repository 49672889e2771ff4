package message

import (
	"encoding/base64"
	"strings"
	"unicode/utf16"
)

// decodeUTF7 decodes RFC 2152, which golang.org/x/text does not know. Broken shifts
// are kept as they are.
func decodeUTF7(b []byte) string {
	var s strings.Builder
	for i := 0; i < len(b); {
		if b[i] != '+' {
			n := i + 1
			for n < len(b) && b[n] != '+' {
				n++
			}
			s.WriteString(repairUTF8(b[i:n]))
			i = n
			continue
		}
		n := i + 1
		for n < len(b) && isBase64(b[n]) {
			n++
		}
		switch shifted := b[i+1 : n]; {
		case n < len(b) && b[n] == '-' && len(shifted) == 0:
			s.WriteByte('+')
		case len(shifted) == 0:
			s.WriteByte('+')
			i++
			continue
		default:
			s.WriteString(utf7Shifted(shifted))
		}
		if n < len(b) && b[n] == '-' {
			n++
		}
		i = n
	}
	return s.String()
}

func utf7Shifted(b []byte) string {
	if len(b)%4 == 1 {
		b = b[:len(b)-1]
	}
	raw := make([]byte, base64.RawStdEncoding.DecodedLen(len(b)))
	n, err := base64.RawStdEncoding.Decode(raw, b)
	if err != nil {
		raw = raw[:n]
	}
	units := make([]uint16, 0, n/2)
	for i := 0; i+1 < n; i += 2 {
		units = append(units, uint16(raw[i])<<8|uint16(raw[i+1]))
	}
	return string(utf16.Decode(units))
}

func isBase64(c byte) bool {
	return c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '+' || c == '/'
}
