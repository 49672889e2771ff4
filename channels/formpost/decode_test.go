package formpost

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"
	"unicode/utf8"

	"saisine.fr/saisine/channels/formpost/formtest"
	"saisine.fr/saisine/ingest"
)

var testArrival = time.Date(2026, 11, 25, 10, 5, 0, 0, time.FixedZone("CET", 3600))

func testSource(contentType string, body []byte, spool *ingest.Spool) Source {
	return Source{
		ContentType: contentType, Length: int64(len(body)), Body: bytes.NewReader(body),
		Arrived: testArrival, Limits: Limits{}.WithDefaults(), Spool: spool,
	}
}

// fields is a Form of three fields.
type fields struct{ Message, Name, Email string }

func (f *fields) Set(p *Post, name string, raw []byte) {
	switch name {
	case "message":
		p.Take(&f.Message, raw)
	case "name":
		p.Take(&f.Name, raw)
	case "email":
		p.Take(&f.Email, raw)
	}
}

func (f *fields) Enough() bool { return f.Message != "" }

func form(pairs ...string) *formtest.Body { return formtest.New(pairs...) }

// left names what lies in the spool.
func left(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
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
			var got fields
			p, err := Decode(testSource(tc.contentType, []byte(tc.body), spool), &got)
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			if got != tc.want {
				t.Errorf("fields %+v", got)
			}
			var names, codes []string
			for _, f := range p.Files {
				names = append(names, f.Name)
			}
			for _, pr := range p.Problems {
				codes = append(codes, pr.Code)
			}
			if !reflect.DeepEqual(names, tc.files) || !reflect.DeepEqual(codes, tc.problems) {
				t.Errorf("files %q, problems %q", names, codes)
			}
			if !bytes.HasSuffix(p.Original.Bytes(), []byte("\r\n\r\n"+tc.body)) {
				t.Error("the original is not the post")
			}
		})
	}
}

func TestFilesAreHashed(t *testing.T) {
	content := bytes.Repeat([]byte("plan"), 100_000)
	contentType, body := form("message", "x").File("a.pdf", content).Encode()
	p, err := Decode(testSource(contentType, body, nil), &fields{})
	if err != nil {
		t.Fatal(err)
	}
	if f := p.Files[0]; f.Name != "a.pdf" || f.Size != int64(len(content)) || f.Sum != sha256.Sum256(content) {
		t.Errorf("file %+v", f)
	}
	if p.Original != nil {
		t.Error("an original that nobody wanted")
	}
}

// A large file passes through without being held.
func TestDecodeMemory(t *testing.T) {
	contentType, head := form("message", "x").Encode()
	head = bytes.TrimSuffix(head, []byte("----\r\n"))
	head = head[:bytes.LastIndex(head, []byte("--"))]
	boundary := "------saisineTestBoundary"
	file := strings.NewReader("\r\n" + boundary + "\r\nContent-Disposition: form-data; name=files; filename=f\r\n\r\n")
	s := Source{
		ContentType: contentType, Length: -1, Arrived: testArrival, Limits: Limits{}.WithDefaults(),
		Body: io.MultiReader(bytes.NewReader(bytes.TrimSuffix(head, []byte("\r\n"))), file,
			io.LimitReader(zeros{}, 24<<20), strings.NewReader("\r\n"+boundary+"--\r\n")),
		Spool: &ingest.Spool{Dir: t.TempDir()},
	}
	result := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		if b.N > 1 {
			return // the source can be read once
		}
		p, err := Decode(s, &fields{})
		if err != nil {
			b.Fatal(err)
		}
		if len(p.Files) != 1 || p.Files[0].Size != 24<<20 {
			b.Errorf("files %+v", p.Files)
		}
		_ = p.Close()
	})
	if got := result.MemBytes; result.N == 1 && got > 2<<20 {
		t.Errorf("%d bytes allocated for a file of 24 MiB", got)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// TestBrokenConnection sees the fault of the connection, not a malformed form.
func TestBrokenConnection(t *testing.T) {
	contentType, body := form("message", "x").File("a", bytes.Repeat([]byte("x"), 1<<20)).Encode()
	for _, n := range []int{0, 10, 300, 1 << 19} {
		s := testSource(contentType, body, &ingest.Spool{Dir: t.TempDir()})
		s.Body = io.MultiReader(bytes.NewReader(body[:n]), iotest.ErrReader(io.ErrUnexpectedEOF))
		if p, err := Decode(s, &fields{}); !errors.Is(err, ErrConnection) {
			t.Errorf("after %d bytes: %v, %v", n, p, err)
		}
		if left := left(t, s.Spool.Dir); len(left) > 0 {
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

// FuzzDecode gives foreign bytes to both ways of reading a post: they must agree, keep
// the bytes, stay within the limits, and yield text that can be shown.
func FuzzDecode(f *testing.F) {
	contentType, body := form("jeton", "a.b.c", "name", "Zoé", "message", "x\r\ny").File("a.pdf", []byte("%PDF")).Encode()
	f.Add(contentType, body)
	f.Add("application/x-www-form-urlencoded", []byte("message=d%E9j%+vu&name=&email=a%40b.fr"))
	f.Add("multipart/form-data; boundary=b", []byte("--b\nContent-Disposition: form-data; name=message\n\n\xe9\n--b\n\n--b"))
	f.Add("multipart/form-data; boundary=b", []byte("--b\r\nContent-Disposition: form-data; name=message\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=E9=\r\n--b--x"))
	f.Add(`multipart/form-data; boundary="b b"`, bytes.Repeat([]byte("--b b\r\nContent-Disposition: form-data; name=f; filename=a\r\n\r\n\r\n"), 12))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, contentType string, body []byte) {
		spool := &ingest.Spool{Dir: dir}
		var a, b fields
		one := testSource(contentType, body, spool)
		two := testSource(contentType, body, spool)
		two.Length = -1
		two.Body = iotest.HalfReader(two.Body)
		p, err := Decode(one, &a)
		q, err2 := Decode(two, &b)
		if len(body) > SmallPost { // then both are streamed
			one.Length = -1
		}
		if (err == nil) != (err2 == nil) {
			t.Fatalf("small: %v, streamed: %v", err, err2)
		}
		if err != nil {
			if !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrUnsupported) {
				t.Fatalf("error of no known kind: %v", err)
			}
			return
		}
		defer p.Close()
		defer q.Close()
		if a != b || p.Over != q.Over || len(p.Files) != len(q.Files) {
			t.Fatalf("small: %+v %+v\nstreamed: %+v %+v", a, p, b, q)
		}
		for _, post := range []*Post{p, q} {
			if post.Over != LimitNone {
				continue
			}
			r, err := post.Original.Open()
			if err != nil {
				t.Fatal(err)
			}
			kept, err := io.ReadAll(r)
			if err != nil || !bytes.HasPrefix(kept, one.evidenceHeader()) || !bytes.Equal(kept[len(one.evidenceHeader()):], body) {
				t.Fatalf("kept %q (%v)", kept, err)
			}
			_ = r.Close()
		}
		for _, s := range []string{a.Name, a.Email, a.Message} {
			if !utf8.ValidString(s) || strings.ContainsAny(s, "\x00\r\x1b") || len(s) > 4*MaxText {
				t.Fatalf("field %q", s)
			}
		}
	})
}
