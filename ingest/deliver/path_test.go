package deliver

import (
	"net/mail"
	"strings"
	"testing"
	"unicode"

	"saisine.fr/saisine/ingest"
)

func TestCanonical(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"zoe@exemple.fr":                         "zoe@exemple.fr",
		"Zoe.D+x@EXEMPLE.fr":                     "Zoe.D+x@exemple.fr",
		"mairie@été.fr":                          "mairie@xn--t-9fab.fr",
		"zoé@exemple.fr":                         "zoé@exemple.fr",
		"a..b@docomo.test":                       "a..b@docomo.test",
		"o'neil@localhost":                       "o'neil@localhost",
		"":                                       "",
		"@exemple.fr":                            "",
		"a@":                                     "",
		"a@[127.0.0.1]":                          "",
		"a@b..fr":                                "",
		"a b@exemple.fr":                         "",
		"a\x00@exemple.fr":                       "",
		"a@exemple.fr\r\nRCPT TO:":               "",
		"a\u202eb@exemple.fr":                    "",
		"\xff@exemple.fr":                        "",
		strings.Repeat("a", 260) + "@exemple.fr": "",
	} {
		got, err := canonical(in)
		if got != want || (err != nil) != (want == "") {
			t.Errorf("%q: %q, %v, want %q", in, got, err, want)
		}
		if err != nil && !ingest.IsPermanent(err) {
			t.Errorf("%q: no retry can help", in)
		}
	}
	if got := bracketed("a..b@docomo.test"); got != `<"a..b"@docomo.test>` {
		t.Errorf("got %s", got)
	}
}

// FuzzCanonical: what passes stands alone in a command or a field, and reads back as one
// address.
func FuzzCanonical(f *testing.F) {
	for _, s := range []string{"a@b.fr", "a@b>\r\nDATA", `"a b"@c.fr`, "é@é.fr", "a@b.fr SIZE=1", "a,b@c.fr", "a\u202e@b.fr"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := canonical(s)
		if err != nil {
			if !ingest.IsPermanent(err) {
				t.Fatal(err)
			}
			return
		}
		path := bracketed(got)
		if strings.ContainsAny(path[1:len(path)-1], "\r\n ") || strings.ContainsFunc(path, unicode.IsControl) {
			t.Fatalf("%q", path)
		}
		if list, err := mail.ParseAddressList(path); err != nil || len(list) != 1 || list[0].Address != got {
			t.Fatalf("%q reads back as %v, %v", path, list, err)
		}
		if again, err := canonical(got); err != nil || again != got {
			t.Fatalf("%q became %q, %v", got, again, err)
		}
	})
}
