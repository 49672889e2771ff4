package deliver

import (
	"strings"
	"testing"

	"saisine.fr/saisine/ingest"
)

func TestSendable(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		msg  string
		want string // part of the error
	}{
		{"A: b\r\n\r\n.\r\nx\r\n", ""},
		{"A: b\r\n\r\n" + strings.Repeat("x", maxLine) + "\r\n", ""},
		{"A: b\r\n\r\n" + strings.Repeat("x", maxLine+1) + "\r\n", "line 3 is too long"},
		{"", "line 1 is missing"},
		{"A: b\r\n\r\nx", "line 3 has no CRLF"},
		{"A: b\n\nx\r\n", "line 1 holds"},
		{"A: b\r\n\r\nx\n.\n\r\n", "line 3 holds"},
		{"A: b\r\n\r\nx\r.\r\r\n", "line 3 holds"},
		{"A: b\r\n\r\nx\x00\r\n", "line 3 holds"},
	} {
		err := sendable([]byte(c.msg))
		if c.want == "" {
			if err != nil {
				t.Errorf("%q: %v", c.msg, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), c.want) || !ingest.IsPermanent(err) {
			t.Errorf("%q: got %v, want %s", c.msg, err, c.want)
		}
	}
}
