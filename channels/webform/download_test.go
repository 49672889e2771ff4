package webform

import (
	"mime"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"saisine.fr/saisine/channels/formpost"
	"saisine.fr/saisine/ingest"
)

func TestReceiptDownload(t *testing.T) {
	long := strings.Repeat("é", 200)
	for _, tc := range []struct {
		name       string
		in         Download
		file, kind string
	}{
		{"pdf", Download{Name: "accuse.pdf", Type: "application/pdf"}, "accuse.pdf", "application/pdf"},
		{"mail", Download{Name: "accusé de réception.eml", Type: "message/rfc822"}, "accusé de réception.eml", "message/rfc822"},
		{"text", Download{Name: "a.txt", Type: "text/plain; charset=utf-8"}, "a.txt", "text/plain; charset=utf-8"},
		{"no name, no type", Download{}, "document", "application/octet-stream"},
		{"no media type", Download{Name: "a", Type: "pdf"}, "a", "application/octet-stream"},
		{"header in the type", Download{Name: "a", Type: "text/html\r\nX-Bad: 1"}, "a", "application/octet-stream"},
		{"header in the name", Download{Name: "a\r\nX-Bad: 1.pdf", Type: "application/pdf"}, "a_X-Bad_ 1.pdf", "application/pdf"},
		{"quote in the name", Download{Name: `a"; filename="b.exe`, Type: "application/pdf"}, "a_; filename=_b.exe", "application/pdf"},
		{"folders", Download{Name: `../../etc\passwd`, Type: "application/pdf"}, "passwd", "application/pdf"},
		{"only dots", Download{Name: "..", Type: "application/pdf"}, "document", "application/pdf"},
		{"hidden", Download{Name: ".profile ", Type: "application/pdf"}, "profile", "application/pdf"},
		{"reversed", Download{Name: "a\u202efdp.exe", Type: "application/pdf"}, "afdp.exe", "application/pdf"},
		{"endless", Download{Name: long + ".pdf", Type: "application/pdf"}, strings.Repeat("é", maxFileName-4) + ".pdf", "application/pdf"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := newHouse(t, nil)
			h.follow.status["T"] = Status{State: ingest.StateFiled, ReceivedAt: h.clock.now()}
			tc.in.Data = []byte("les octets\x00")
			h.follow.receipts["T/r/1"] = tc.in
			a := h.get("/suivi/T/accuses/r%2F1")
			if a.status != http.StatusOK || a.body != "les octets\x00" {
				t.Fatalf("answered %d, %q", a.status, a.body)
			}
			kind, params, err := mime.ParseMediaType(a.header.Get("Content-Disposition"))
			if err != nil || kind != "attachment" || len(params) != 1 || params["filename"] != tc.file {
				t.Errorf("disposition %q", a.header.Get("Content-Disposition"))
			}
			for k, v := range map[string]string{
				"Content-Type": tc.kind, "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store",
				"Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex, nofollow", "X-Bad": "",
			} {
				if got := a.header.Get(k); got != v {
					t.Errorf("%s: %q", k, got)
				}
			}
		})
	}
}

func TestReceiptOfAnother(t *testing.T) {
	h := newHouse(t, nil)
	h.follow.status["T"] = Status{State: ingest.StateFiled}
	h.follow.status["U"] = Status{State: ingest.StateFiled}
	h.follow.receipts["U/r1"] = Download{Name: "a.pdf", Type: "application/pdf", Data: []byte("x")}
	for _, path := range []string{"/suivi/T/accuses/r1", "/suivi/T/accuses/", "/suivi/X/accuses/r1", "/suivi/T/accuses/..%2FU%2Fr1"} {
		a := h.get(path)
		if a.status != http.StatusNotFound || a.header.Get("Content-Disposition") != "" {
			t.Errorf("%s answered %d", path, a.status)
		}
		parsePage(t, a.body).check(t)
	}
}

// Whatever the name, what is sent is one attachment under a plain file name.
func FuzzFileName(f *testing.F) {
	for _, s := range []string{"", "a.pdf", `..\..\x`, "é\r\nX: y", "a\"b", "\xff\xfe", ". . .", strings.Repeat("😀", 100) + ".tar.gz", "a.\u202e"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		got := fileName(name)
		if got == "" || !utf8.ValidString(got) || utf8.RuneCountInString(got) > maxFileName || got[0] == '.' ||
			strings.ContainsAny(got, "/\\\"<>:|?*\r\n\t\x00") || strings.IndexFunc(got, formpost.IsControl) >= 0 {
			t.Errorf("%q gives %q", name, got)
		}
		header := mime.FormatMediaType("attachment", map[string]string{"filename": got})
		kind, params, err := mime.ParseMediaType(header)
		if err != nil || kind != "attachment" || len(params) != 1 || params["filename"] != got {
			t.Errorf("%q is sent as %q", name, header)
		}
	})
}
