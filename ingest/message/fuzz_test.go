package message

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func FuzzRead(f *testing.F) {
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
		var written int64
		m := Read(bytes.NewReader(raw), Options{
			Limits: Limits{Depth: 6, Parts: 30, TextMax: 1 << 16, File: 1 << 12},
			Attachment: func(AttachmentInfo) io.Writer {
				return writerFunc(func(b []byte) (int, error) { written += int64(len(b)); return len(b), nil })
			},
		})
		checkMessage(t, m)
		var want int64
		for _, a := range m.Attachments {
			want += min(a.Size, 1<<12)
		}
		if written != want {
			t.Errorf("%d bytes written, attachments are %+v", written, m.Attachments)
		}
		if m.Err != nil {
			t.Errorf("bytes alone made the error %v", m.Err)
		}
		if int64(len(m.Text)) > 1<<16 || len(m.Problems) > maxProblems {
			t.Errorf("%d bytes of text, %d problems", len(m.Text), len(m.Problems))
		}
	})
}

func FuzzHeaders(f *testing.F) {
	for _, s := range []string{
		"From: a@b.fr\nSubject: x\n y\n\n", "From x\nA:b\njunk\nTo: \"a\\\" <b@c>\n\n", "Subject: =?utf-8?B?w6k?= =?utf-8?Q?=C3?=\n",
		"Content-Type: a/b; c*0*=utf-8''%C3; c*1=\"x\ny\"\nDate: lun. 3 nov. 2025\n", "References: <a@b> <c\nReceived: x; Mon, 3 Nov 2025 10:12:05 +0100\nDate: x\n\n",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		m := Read(strings.NewReader(s+"\n\ncorps\n"), Options{})
		checkMessage(t, m)
		checkText(t, cleanText(decodeWords(s)))
		value, params := fieldParams(s)
		checkText(t, cleanText(value))
		for k, v := range params {
			checkText(t, cleanText(k+v))
		}
	})
}

func FuzzHTMLToText(f *testing.F) {
	for _, s := range []string{
		"<p>Un<b>deux</p>trois", "<table><tr><td>a<td>b</table>", "<div style='display:none'>x", "<a href=http://x.fr>y</a>", "<title>x", "<plaintext>x",
		"<ul><li>a<ol><li>b</ol></ul><blockquote>c<pre> d\n e</pre>", "<script>x</script><!-- y -->z&eacute;&#0;&#xD800;",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		s = cleanText(s)
		text := htmlText(s, 1<<16)
		checkText(t, text)
		// No word is lost: one between blanks, away from markup, comes out.
		if !strings.ContainsAny(s, "<>&") {
			if got, want := strings.Fields(invisible.Replace(text)), strings.Fields(invisible.Replace(s)); len(s) < 1<<15 && strings.Join(got, " ") != strings.Join(want, " ") {
				t.Errorf("%q became %q", s, text)
			}
		}
		_ = ownWords(text)
	})
}

func FuzzForm(f *testing.F) {
	for _, s := range []string{
		"Content-Type: application/x-www-form-urlencoded\n\na=1&b=%C3%A9+x&c",
		"Content-Type: multipart/form-data; boundary=b\n\n--b\nContent-Disposition: form-data; name=a; filename=\"x\\y\"\n\nz\n--b--",
		"Content-Type: multipart/form-data\n\n--b\nContent-Disposition: form-data; name=\"a\"\n\n1\n--b\n\n2",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		form := ReadForm(strings.NewReader(s), Options{Limits: Limits{Parts: 20, TextMax: 1 << 12}})
		n := 0
		for name, values := range form.Fields {
			checkText(t, name)
			for _, v := range values {
				checkText(t, v)
				n++
			}
		}
		for i, a := range form.Files {
			checkText(t, a.Name+a.Field+a.Type)
			if a.Index != i || a.Name == "" {
				t.Errorf("file %d is %+v", i, a)
			}
		}
		if n+len(form.Files) > 20 || form.Err != nil {
			t.Errorf("%d values, %d files, error %v", n, len(form.Files), form.Err)
		}
	})
}

func FuzzUU(f *testing.F) {
	f.Add([]byte("begin 644 a\n#86)C\n`\nend\n"))
	f.Add([]byte("M\n#\nbegin 0644 x y\n&86)C   \nend"))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := io.ReadAll(&uuReader{br: bufio.NewReader(bytes.NewReader(b)), seek: true, report: func(string, string) {}})
		if err != nil || len(got) > 63*(len(b)+1) {
			t.Errorf("%d bytes of %d, error %v", len(got), len(b), err)
		}
		checkMessage(t, Read(strings.NewReader(citizen+"\n"+string(b)), Options{}))
	})
}
