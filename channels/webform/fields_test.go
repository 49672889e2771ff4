package webform

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"saisine.fr/saisine/channels/formpost"
	"saisine.fr/saisine/ingest"
)

var testArrival = time.Date(2026, 11, 25, 10, 5, 0, 0, time.FixedZone("CET", 3600))

// decode reads a post that lies in memory.
func decode(contentType string, body []byte, spool *ingest.Spool) (*post, error) {
	p := &post{}
	var err error
	p.Post, err = formpost.Decode(formpost.Source{
		ContentType: contentType, Length: int64(len(body)), Body: bytes.NewReader(body),
		Arrived: testArrival, Limits: Limits{}.WithDefaults(), Spool: spool,
	}, p)
	return p, err
}

// No field of a post runs over into the next one.
func TestHashIsUnambiguous(t *testing.T) {
	seen := make(map[string]string)
	for _, f := range []fields{{}, {Name: "ab"}, {Name: "a", Email: "b"}, {Email: "ab"}, {Subject: "ab"}, {Message: "ab"}, {Message: "a"}, {Place: "\x01a"}} {
		h := f.hash(nil)
		if other, ok := seen[h]; ok {
			t.Errorf("%+v hashes like %s", f, other)
		}
		seen[h] = fmt.Sprintf("%+v", f)
	}
}

// FuzzFields gives foreign bytes to the form: it yields text that can be shown, or
// something to mend.
func FuzzFields(f *testing.F) {
	contentType, body := form("jeton", "a.b.c", "name", "Zoé", "message", "x\r\ny", "confirmer", "1").File("a.pdf", []byte("%PDF")).Encode()
	f.Add(contentType, body)
	f.Add("application/x-www-form-urlencoded", []byte("message=d%E9j%+vu&name=&email=a%40b.fr&site_web=%00"))
	f.Fuzz(func(t *testing.T, contentType string, body []byte) {
		p, err := decode(contentType, body, nil)
		if err != nil {
			return
		}
		for _, s := range []string{p.Name, p.Email, p.Phone, p.Address, p.Category, p.Place, p.Subject, p.Message, p.token, p.trap} {
			if !utf8.ValidString(s) || strings.ContainsAny(s, "\x00\r\x1b") || len(s) > 4*formpost.MaxText {
				t.Fatalf("field %q", s)
			}
		}
		p.validate()
		p.validateAnswer()
	})
}

// FuzzToken: no foreign string passes for a token of ours.
func FuzzToken(f *testing.F) {
	k := newTokenKey([]byte("k"))
	f.Add("a.b.c")
	f.Add(newTokenKey([]byte("other")).issue(testArrival))
	f.Fuzz(func(t *testing.T, s string) {
		if got := k.check(s, testArrival); got.state > tokenForged || got.nonce != "" {
			t.Fatalf("%q counts as %v", s, got)
		}
	})
}
