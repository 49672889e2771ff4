package message

import (
	"bytes"
	"encoding/base64"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// mime writes a mail of parts: each a header and a body.
func mimeParts(subtype string, parts ...string) string {
	boundary := "b" + subtype
	out := "Content-Type: multipart/" + subtype + "; boundary=" + boundary + "\n\n"
	for _, p := range parts {
		out += "--" + boundary + "\n" + p + "\n"
	}
	return out + "--" + boundary + "--\n"
}

func inlineImage(id, content string) string {
	return "Content-Type: image/png; name=logo.png\nContent-Disposition: inline\nContent-ID: <" + id + ">\nContent-Transfer-Encoding: base64\n\n" +
		base64.StdEncoding.EncodeToString([]byte(content))
}

func TestReadPage(t *testing.T) {
	const plain, html = "Content-Type: text/plain\n\nbonjour", "Content-Type: text/html; charset=utf-8\n\n<p>Éte</p>"
	png := "\x89PNG\r\n\x1a\nxyz"
	tests := []struct {
		name, mail, want string
		images           []string
	}{
		{"plain", plain, "", nil},
		{"html alone", html, "<p>Éte</p>", nil},
		{"declared as plain", "Content-Type: text/plain\n\n<!DOCTYPE html><p>a", "<!DOCTYPE html><p>a", nil},
		{"alternative", mimeParts("alternative", plain, html), "<p>Éte</p>", nil},
		{"two versions", mimeParts("alternative", plain, "Content-Type: text/html\n\n<p>first", "Content-Type: text/html\n\n<p>best"), "<p>best", nil},
		{"a version without html", mimeParts("alternative", html, plain), "<p>Éte</p>", nil},
		{"one after the other", mimeParts("mixed", html, "Content-Type: text/html\n\n<p>deux"), "<p>Éte</p>\n<p>deux", nil},
		{"charset", "Content-Type: text/html; charset=iso-8859-1\n\n<p>\xe9t\xe9", "<p>été", nil},
		{"charset of its head", "Content-Type: text/html\n\n<meta charset=iso-8859-15><p>\xa4", "<meta charset=iso-8859-15><p>€", nil},
		{"quoted-printable", "Content-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n<p class=3D\"x\">=C3=A9</p>", `<p class="x">é</p>`, nil},
		{"nul", "Content-Type: text/html\n\n<p>a\x00b", "<p>ab", nil},
		{
			"related", mimeParts("related", mimeParts("alternative", plain, html), inlineImage("logo@x", png), inlineImage("logo@x", "other"), inlineImage("", png)),
			"<p>Éte</p>",
			[]string{"logo@x"},
		},
		{"image first", mimeParts("related", inlineImage("a", png), html), "<p>Éte</p>", []string{"a"}},
		{"attached mail", mimeParts("mixed", plain, "Content-Type: message/rfc822\n\n"+html), "", nil},
		{"html file", mimeParts("mixed", plain, "Content-Type: text/html\nContent-Disposition: attachment; filename=a.html\n\n<p>x"), "", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := ReadPage(strings.NewReader("From: a@b.fr\nMIME-Version: 1.0\n"+tt.mail), Options{}, PageLimits{})
			if p.Err != nil || p.Cut || strings.TrimSpace(p.HTML) != tt.want {
				t.Errorf("got %q, cut %t, %v; want %q", p.HTML, p.Cut, p.Err, tt.want)
			}
			if ids := slices.Sorted(maps.Keys(p.Images)); !slices.Equal(ids, tt.images) {
				t.Errorf("images %q, want %q", ids, tt.images)
			}
			for id, data := range p.Images {
				if string(data) != png {
					t.Errorf("image %s is %q", id, data)
				}
			}
		})
	}
}

func TestReadPageBounds(t *testing.T) {
	parts := []string{"Content-Type: text/html\n\n" + strings.Repeat("<p>aaaa", 1000)}
	for _, id := range []string{"a", "b", "c", "d"} {
		parts = append(parts, inlineImage(id, strings.Repeat(id, 400)))
	}
	parts = append(parts, inlineImage("large", strings.Repeat("x", 600)), inlineImage("e", "12345"))
	mail := mimeParts("related", parts...)
	p := ReadPage(strings.NewReader(mail), Options{}, PageLimits{HTML: 1000, Image: 500, All: 1300})
	if len(p.HTML) != 1000 || !p.Cut {
		t.Errorf("%d bytes of HTML, cut %t", len(p.HTML), p.Cut)
	}
	if ids := slices.Sorted(maps.Keys(p.Images)); !slices.Equal(ids, []string{"a", "b", "c", "e"}) {
		t.Errorf("images %q", ids)
	}
	if p = ReadPage(strings.NewReader(mail), Options{}, PageLimits{Images: 2}); len(p.Images) != 2 {
		t.Errorf("%d images", len(p.Images))
	}
	broken := errors.New("disk")
	if p = ReadPage(iotest.ErrReader(broken), Options{}, PageLimits{}); !errors.Is(p.Err, broken) {
		t.Errorf("the source's error is %v", p.Err)
	}
}

// What Read makes text of, ReadPage finds.
func TestReadPageOfSamples(t *testing.T) {
	files, err := filepath.Glob("testdata/mail/*.eml")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		p := ReadPage(bytes.NewReader(raw), Options{}, PageLimits{})
		if p.Err != nil {
			t.Errorf("%s: %v", file, p.Err)
		}
		if p.HTML != "" {
			found++
		}
	}
	if found < 10 {
		t.Errorf("only %d of %d samples have HTML", found, len(files))
	}
}

func FuzzReadPage(f *testing.F) {
	files, err := filepath.Glob("testdata/mail/*.eml")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		l := PageLimits{HTML: 1 << 14, Images: 5, Image: 1 << 10, All: 2 << 10}
		p := ReadPage(bytes.NewReader(raw), Options{Limits: Limits{Depth: 6, Parts: 30}}, l)
		all := 0
		for id, data := range p.Images {
			all += len(data)
			if id == "" || len(data) > 1<<10 {
				t.Errorf("image %q of %d bytes", id, len(data))
			}
		}
		// What is no UTF-8 grows to three bytes a byte, and texts are joined by a line end.
		if p.Err != nil || all > 2<<10 || len(p.HTML) > 3<<14+30 || strings.ContainsRune(p.HTML, 0) {
			t.Errorf("%d bytes of HTML, %d of images, %v", len(p.HTML), all, p.Err)
		}
	})
}
