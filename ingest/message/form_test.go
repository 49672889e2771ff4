package message

import (
	"bytes"
	"io"
	"mime/multipart"
	"reflect"
	"strings"
	"testing"
)

func TestReadForm(t *testing.T) {
	head := "Content-Type: multipart/form-data; boundary=abc\r\n\r\n"
	tests := []struct {
		name, raw string
		fields    map[string][]string
		files     []string // field/name/type/size
		problems  []string
	}{
		{
			"urlencoded", "Content-Type: application/x-www-form-urlencoded\r\n\r\nname=Jeanne+Martin&message=Un%20trou%0D%0Arue+Haute&x=%zz%&x=%E9t%C3%A9&vide=",
			map[string][]string{"name": {"Jeanne Martin"}, "message": {"Un trou\nrue Haute"}, "x": {"%zz%", "été"}, "vide": {""}},
			nil, nil,
		},
		{
			"multipart", head + "--abc\r\nContent-Disposition: form-data; name=\"message\"\r\n\r\n Un trou\r\n\r\nrue des Écoles \r\n--abc\r\n" +
				"Content-Disposition: form-data; name=\"files\"; filename=\"été %22x%22.pdf\"\r\nContent-Type: application/octet-stream\r\n\r\n%PDF-1.4\r\n\x00\r\n--abc\r\n" +
				"Content-Disposition: form-data; name=\"files\"; filename=\"\"\r\nContent-Type: application/octet-stream\r\n\r\n\r\n--abc--\r\n",
			map[string][]string{"message": {" Un trou\n\nrue des Écoles "}},
			[]string{`files/été "x".pdf/application/pdf/11`},
			nil,
		},
		{
			"paths in names", head + "--abc\r\nContent-Disposition: form-data; name=f; filename=\"C:\\fakepath\\a.txt\"\r\n\r\nx\r\n--abc\r\nContent-Disposition: form-data; name=f; filename=\"../../etc/passwd\"\r\n\r\nx\r\n--abc--",
			map[string][]string{},
			[]string{"f/a.txt/text/plain/1", "f/passwd/text/plain/1"},
			nil,
		},
		{
			"cut short", head + "--abc\r\nContent-Disposition: form-data; name=message\r\n\r\nUn tr",
			map[string][]string{"message": {"Un tr"}},
			nil,
			[]string{ProblemEndBoundary},
		},
		{
			"boundary not declared", "Content-Type: multipart/form-data\r\n\r\n--zz\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--zz--",
			map[string][]string{"a": {"1"}},
			nil,
			[]string{ProblemBoundaryMissing},
		},
		{"no boundary anywhere", "Content-Type: multipart/form-data\r\n\r\nhello", map[string][]string{}, nil, []string{ProblemForm}},
		{"no header", "\r\na=1", map[string][]string{"a": {"1"}}, nil, nil},
		{"wrong type", "Content-Type: application/json\r\n\r\na=1", map[string][]string{"a": {"1"}}, nil, []string{ProblemForm}},
		{
			"control characters", "Content-Type: application/x-www-form-urlencoded\r\n\r\na=%00x%1B%07&b=%EF%BB%BFok",
			map[string][]string{"a": {"x"}, "b": {"ok"}},
			nil, nil,
		},
		{"empty", "", map[string][]string{}, nil, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := ReadForm(strings.NewReader(tt.raw), Options{})
			if !reflect.DeepEqual(f.Fields, tt.fields) {
				t.Errorf("fields %q, want %q", f.Fields, tt.fields)
			}
			var files []string
			for _, a := range f.Files {
				files = append(files, a.Field+"/"+a.Name+"/"+a.Type+"/"+size(a.Size)[:strings.IndexRune(size(a.Size), '\u00A0')])
			}
			if !reflect.DeepEqual(files, tt.files) {
				t.Errorf("files %q, want %q", files, tt.files)
			}
			if got := codes(f.Problems); !reflect.DeepEqual(got, tt.problems) {
				t.Errorf("problems %q, want %q", got, tt.problems)
			}
		})
	}
}

// TestReadFormAsPosted takes what Go's own client would post.
func TestReadFormAsPosted(t *testing.T) {
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	if err := w.WriteField("subject", "Lampadaire \"éteint\""); err != nil {
		t.Fatal(err)
	}
	content := bytes.Repeat([]byte("\r\n--"+w.Boundary()[:10]+"\n\r\x00"), 10_000)
	fw, err := w.CreateFormFile("files", "photo.bin")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fw.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	f := ReadForm(io.MultiReader(strings.NewReader("Content-Type: "+w.FormDataContentType()+"\r\n\r\n"), &body),
		Options{Attachment: func(AttachmentInfo) io.Writer { return &got }})
	if v := f.Fields["subject"]; len(v) != 1 || v[0] != "Lampadaire \"éteint\"" || len(f.Problems) > 0 {
		t.Errorf("form is %+v", f)
	}
	if !bytes.Equal(got.Bytes(), content) {
		t.Errorf("the file differs: %d bytes, want %d", got.Len(), len(content))
	}
}

func TestReadFormLimits(t *testing.T) {
	f := ReadForm(strings.NewReader("Content-Type: application/x-www-form-urlencoded\n\n"+strings.Repeat("a=1&", 1000)), Options{Limits: Limits{Parts: 10}})
	if len(f.Fields["a"]) != 10 || !hasCode(f.Problems, ProblemTooManyParts) {
		t.Errorf("%d values, problems %v", len(f.Fields["a"]), f.Problems)
	}
	f = ReadForm(strings.NewReader("Content-Type: multipart/form-data; boundary=b\n\n--b\nContent-Disposition: form-data; name=m\n\n"+strings.Repeat("x", 5000)+"\n--b--"),
		Options{Limits: Limits{TextMax: 1000}})
	if len(f.Fields["m"][0]) != 1000 || !hasCode(f.Problems, ProblemTextTruncated) {
		t.Errorf("%d bytes, problems %v", len(f.Fields["m"][0]), f.Problems)
	}
}

func codes(list []Problem) (c []string) {
	for _, p := range list {
		c = append(c, p.Code)
	}
	return c
}

func hasCode(list []Problem, code string) bool {
	for _, p := range list {
		if p.Code == code {
			return true
		}
	}
	return false
}
