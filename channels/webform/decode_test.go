package webform

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"
	"unicode/utf8"

	"saisine.fr/saisine/ingest"
)

var testArrival = time.Date(2026, 11, 25, 10, 5, 0, 0, time.FixedZone("CET", 3600))

func testSource(contentType string, body []byte, spool *ingest.Spool) source {
	return source{
		contentType: contentType, length: int64(len(body)), body: bytes.NewReader(body),
		arrived: testArrival, limits: Limits{}.withDefaults(), spool: spool,
	}
}

func TestDecodeTolerates(t *testing.T) {
	const b = "multipart/form-data; boundary=b"
	part := func(header, body string) string {
		return "--b\r\nContent-Disposition: form-data; " + header + "\r\n\r\n" + body + "\r\n"
	}
	for _, tc := range []struct {
		name, contentType, body string
		want                    fields
		files                   []string
		problems                []string
	}{
		{"windows-1252", b, part("name=message", "\xabD\xe9j\xe0\xbb \x80") + "--b--", fields{Message: "«Déjà» €"}, nil, []string{"charset"}},
		{"urlencoded Latin-1", "application/x-www-form-urlencoded", "message=d%E9j%E0+vu", fields{Message: "déjà vu"}, nil, []string{"charset"}},
		{"urlencoded stray percent", "application/x-www-form-urlencoded; charset=UTF-8", "message=remise+5%+%C3%A9t%&name=a%zz", fields{Message: "remise 5% ét%", Name: "a%zz"}, nil, []string{"form_encoding"}},
		{"urlencoded bare", "application/x-www-form-urlencoded", "&&x&=y&message=a=b&", fields{Message: "a=b"}, nil, nil},
		{"no end boundary", b, part("name=message", "x"), fields{Message: "x"}, nil, []string{"form_truncated"}},
		{"end in mid-part", b, part("name=message", "x") + strings.TrimSuffix(part("name=name", "An"), "\r\n"), fields{Message: "x", Name: "An"}, nil, []string{"form_truncated"}},
		{"LF only", b, strings.ReplaceAll(part(`name="message"`, "x")+"--b--", "\r\n", "\n"), fields{Message: "x"}, nil, nil},
		{"controls", b, part("name=message", "a\x00b\x1b[1mc\r\nd\re\u202ef\tg") + "--b--", fields{Message: "ab[1mc\nd\nef\tg"}, nil, nil},
		{"repeated", b, part("name=message", "") + part("name=message", "un") + part("name=message", "deux") + "--b--", fields{Message: "un"}, nil, []string{"form_repeated"}},
		{"unknown fields", b, part("name=autre", "x") + part("name=", "y") + part("nom=z", "z") + part("name=message", "m") + "--b--", fields{Message: "m"}, nil, nil},
		{"file names", b, part(`name="files"; filename="C:\Users\a "b".pdf"`, "1") + part(`name=x; filename*=UTF-8''n.txt`, "2") + part(`name="files"; filename=""`, "") + part(`name="files"; filename=""`, "3") + part(`name="files"; filename="%22c%22.pdf"`, "4") + part("name=message", "m") + "--b--", fields{Message: "m"}, []string{`a "b".pdf`, "UTF-8''n.txt", "", `"c".pdf`}, nil},
		{"preamble and epilogue", b, "bonjour\r\n" + part("name=message", "m") + "--b--\r\nau revoir", fields{Message: "m"}, nil, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			spool := &ingest.Spool{Dir: t.TempDir()}
			p, err := decode(testSource(tc.contentType, []byte(tc.body), spool))
			if err != nil {
				t.Fatal(err)
			}
			defer p.close()
			if p.fields != tc.want {
				t.Errorf("fields %+v", p.fields)
			}
			var names, codes []string
			for _, f := range p.files {
				names = append(names, f.name)
			}
			for _, pr := range p.problems {
				codes = append(codes, pr.Code)
			}
			if !reflect.DeepEqual(names, tc.files) || !reflect.DeepEqual(codes, tc.problems) {
				t.Errorf("files %q, problems %q", names, codes)
			}
			if !bytes.HasSuffix(p.original.Bytes(), []byte("\r\n\r\n"+tc.body)) {
				t.Error("the original is not the post")
			}
		})
	}
}

func TestFilesAreHashed(t *testing.T) {
	content := bytes.Repeat([]byte("plan"), 100_000)
	contentType, body := form("message", "x").file("a.pdf", content).encode()
	p, err := decode(testSource(contentType, body, nil))
	if err != nil {
		t.Fatal(err)
	}
	if f := p.files[0]; f.name != "a.pdf" || f.size != int64(len(content)) || f.sum != sha256.Sum256(content) {
		t.Errorf("file %+v", f)
	}
	if p.original != nil {
		t.Error("an original that nobody wanted")
	}
}

// A large file passes through without being held.
func TestDecodeMemory(t *testing.T) {
	contentType, head := form("message", "x").encode()
	head = bytes.TrimSuffix(head, []byte("----\r\n"))
	head = head[:bytes.LastIndex(head, []byte("--"))]
	boundary := "------saisineTestBoundary"
	file := strings.NewReader("\r\n" + boundary + "\r\nContent-Disposition: form-data; name=files; filename=f\r\n\r\n")
	s := source{
		contentType: contentType, length: -1, arrived: testArrival, limits: Limits{}.withDefaults(),
		body: io.MultiReader(bytes.NewReader(bytes.TrimSuffix(head, []byte("\r\n"))), file,
			io.LimitReader(zeros{}, 24<<20), strings.NewReader("\r\n"+boundary+"--\r\n")),
		spool: &ingest.Spool{Dir: t.TempDir()},
	}
	result := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		if b.N > 1 {
			return // the source can be read once
		}
		p, err := decode(s)
		if err != nil {
			b.Fatal(err)
		}
		if len(p.files) != 1 || p.files[0].size != 24<<20 {
			b.Errorf("files %+v", p.files)
		}
		_ = p.close()
	})
	if got := result.MemBytes; result.N == 1 && got > 2<<20 {
		t.Errorf("%d bytes allocated for a file of 24 MiB", got)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// TestBrokenConnection sees the fault of the connection, not a malformed form.
func TestBrokenConnection(t *testing.T) {
	contentType, body := form("message", "x").file("a", bytes.Repeat([]byte("x"), 1<<20)).encode()
	for _, n := range []int{0, 10, 300, 1 << 19} {
		s := testSource(contentType, body, &ingest.Spool{Dir: t.TempDir()})
		s.body = io.MultiReader(bytes.NewReader(body[:n]), iotest.ErrReader(io.ErrUnexpectedEOF))
		if p, err := decode(s); !errors.Is(err, errConnection) {
			t.Errorf("after %d bytes: %v, %v", n, p, err)
		}
		if left := spoolFiles(t, s.spool.Dir); len(left) > 0 {
			t.Errorf("after %d bytes: left %q", n, left)
		}
	}
}

func TestDisposition(t *testing.T) {
	for header, want := range map[string]string{
		`form-data; name="message"`:                              `message||false`,
		`form-data; name=message`:                                `message||false`,
		`form-data;name="files";filename="a;b.pdf"`:              `files|a;b.pdf|true`,
		`form-data; NAME="files" ; FILENAME="a.pdf" `:            `files|a.pdf|true`,
		`form-data; name="files"; filename="a\"b.pdf"`:           `files|a"b.pdf|true`,
		`form-data; name="files"; filename="C:\a\"`:              `files|C:\a\|true`,
		`form-data; name="files"; filename="C:\a\"; x="y"`:       `files|C:\a"; x="y|true`,
		`form-data; filename=""; name="files"`:                   `files||true`,
		`form-data; name="files"; filename*=UTF-8''%C3%A9.pdf`:   `files|UTF-8''%C3%A9.pdf|true`,
		`form-data; name="files"; filename="e.pdf"; filename*=x`: `files|e.pdf|true`,
		`form-data; name="open`:                                  `open||false`,
		`form-data; x; name=a`:                                   `a||false`,
		`form-data`:                                              `||false`,
		``:                                                       `||false`,
		`;;;=;`:                                                  `||false`,
	} {
		name, filename, isFile := disposition(header)
		if got := fmt.Sprintf("%s|%s|%v", name, filename, isFile); got != want {
			t.Errorf("%s: %s, want %s", header, got, want)
		}
	}
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

// FuzzDecode gives foreign bytes to both ways of reading a post: they must agree, keep
// the bytes, stay within the limits, and yield text that can be shown.
func FuzzDecode(f *testing.F) {
	contentType, body := form("jeton", "a.b.c", "name", "Zoé", "message", "x\r\ny").file("a.pdf", []byte("%PDF")).encode()
	f.Add(contentType, body)
	f.Add("application/x-www-form-urlencoded", []byte("message=d%E9j%+vu&name=&email=a%40b.fr"))
	f.Add("multipart/form-data; boundary=b", []byte("--b\nContent-Disposition: form-data; name=message\n\n\xe9\n--b\n\n--b"))
	f.Add("multipart/form-data; boundary=b", []byte("--b\r\nContent-Disposition: form-data; name=message\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=E9=\r\n--b--x"))
	f.Add(`multipart/form-data; boundary="b b"`, bytes.Repeat([]byte("--b b\r\nContent-Disposition: form-data; name=f; filename=a\r\n\r\n\r\n"), 12))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, contentType string, body []byte) {
		spool := &ingest.Spool{Dir: dir}
		one := testSource(contentType, body, spool)
		two := testSource(contentType, body, spool)
		two.length = -1
		two.body = iotest.HalfReader(two.body)
		p, err := decode(one)
		q, err2 := decode(two)
		if len(body) > smallPost { // then both are streamed
			one.length = -1
		}
		if (err == nil) != (err2 == nil) {
			t.Fatalf("small: %v, streamed: %v", err, err2)
		}
		if err != nil {
			if !errors.Is(err, errMalformed) && !errors.Is(err, errUnsupported) {
				t.Fatalf("error of no known kind: %v", err)
			}
			return
		}
		defer p.close()
		defer q.close()
		if p.fields != q.fields || p.over != q.over || len(p.files) != len(q.files) || p.token != q.token {
			t.Fatalf("small: %+v\nstreamed: %+v", p, q)
		}
		for _, post := range []*post{p, q} {
			if post.over != limitNone {
				continue
			}
			r, err := post.original.Open()
			if err != nil {
				t.Fatal(err)
			}
			kept, err := io.ReadAll(r)
			if err != nil || !bytes.HasPrefix(kept, one.evidenceHeader()) || !bytes.Equal(kept[len(one.evidenceHeader()):], body) {
				t.Fatalf("kept %q (%v)", kept, err)
			}
			_ = r.Close()
		}
		for _, s := range []string{p.Name, p.Email, p.Phone, p.Address, p.Category, p.Place, p.Subject, p.Message} {
			if !utf8.ValidString(s) || strings.ContainsAny(s, "\x00\r\x1b") || len(s) > 4*maxText {
				t.Fatalf("field %q", s)
			}
		}
		p.validate()
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
