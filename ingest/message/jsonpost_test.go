package message

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"
)

func TestReadJSON(t *testing.T) {
	pdf := base64.StdEncoding.EncodeToString([]byte("%PDF-1.4 plan"))
	for _, tc := range []struct {
		name, body string
		fields     map[string]string
		files      []string // name type size
		faults     []string
		broken     string // part of it
	}{
		{
			"all", `{"name":"Zoé","email":"z@exemple.fr","phone":"01","address":"1 rue\r\nHaute","category":"voirie","place":"Pont","subject":"O","message":"M"}`,
			map[string]string{"name": "Zoé", "email": "z@exemple.fr", "phone": "01", "address": "1 rue\nHaute", "category": "voirie", "place": "Pont", "subject": "O", "message": "M"},
			nil, nil, "",
		},
		{"escapes", "\xef\xbb\xbf {\"message\" : \"a\\u00e9\\\"\\/\\ud83d\\ude00\\n\\u0000b\\ud83d!\"} \n", map[string]string{"message": "aé\"/😀\nb\uFFFD!"}, nil, nil, ""},
		{"null", `{"message":"m","name":null,"files":null,"lat":null}`, map[string]string{"message": "m"}, nil, nil, ""},
		{
			"file", `{"message":"m","files":[{"name":"plan.pdf","type":"application/pdf","content":"` + pdf + `"}]}`,
			map[string]string{"message": "m"},
			[]string{"plan.pdf application/pdf 13"},
			nil, "",
		},
		{
			"file, content first, slashes escaped", `{"files":[{"content":"` + strings.ReplaceAll(base64.StdEncoding.EncodeToString([]byte("%PDF-\xff\xff\xff")), "/", `\/`) + `","name":"C:\\a\\b.bin"}]}`,
			map[string]string{},
			[]string{"b.bin application/pdf 8"},
			nil, "",
		},
		{
			"file without a name", `{"files":[{"content":""},{"content":"aGE="}]}`,
			map[string]string{},
			[]string{"piece-jointe-1.bin application/octet-stream 0", "piece-jointe-2.bin application/octet-stream 2"},
			nil, "",
		},
		{
			"unknown members", `{"message":"m","nom":"x","mobile":{"a":[1,2.5e3,{"b":"é"}]},"files":[{"name":"a","content":"","inhalt":1}]}`,
			map[string]string{"message": "m"},
			[]string{"a application/octet-stream 0"},
			[]string{"nom is not known here", "mobile is not known here", "files[0].inhalt is not known here"},
			"",
		},
		{
			"types", `{"message":["m"],"name":1,"lat":"48","files":[1,{"name":2,"content":3}]}`,
			map[string]string{},
			[]string{"piece-jointe-1.bin application/octet-stream 0", "piece-jointe-2.bin application/octet-stream 0"},
			[]string{"message must be a string", "name must be a string", "lat must be a number", "files[0] must be an object", "files[1].name must be a string", "files[1].content must be a string in base64"},
			"",
		},
		{"twice", `{"message":"un","message":"deux"}`, map[string]string{"message": "un"}, nil, []string{"message stands twice"}, ""},
		{
			"no base64", `{"files":[{"name":"a","content":"data:application/pdf;base64,AAAA"},{"name":"b"},{"name":"c","content":"AAA"}]}`,
			map[string]string{},
			[]string{"a application/octet-stream 3", "b application/octet-stream 0", "c application/octet-stream 0"},
			[]string{`files[0].content is not base64 with padding (RFC 4648 §4), without a "data:" prefix`, "files[1].content is missing", `files[2].content is not base64 with padding (RFC 4648 §4), without a "data:" prefix`},
			"",
		},
		{"empty", ``, map[string]string{}, nil, nil, "ends before its end"},
		{"array", `[]`, map[string]string{}, nil, nil, "beginning of an object"},
		{"trailing", `{"message":"m"} {}`, map[string]string{"message": "m"}, nil, nil, "follows"},
		{"trailing comma", `{"message":"m",}`, map[string]string{"message": "m"}, nil, nil, "beginning of a string"},
		{"cut", `{"message":"m","name":"An`, map[string]string{"message": "m"}, nil, nil, "no end"},
		{"Latin-1", "{\"message\":\"d\xe9j\xe0\"}", map[string]string{}, nil, nil, "not UTF-8"},
		{"control", "{\"message\":\"a\nb\"}", map[string]string{}, nil, nil, `\u000a`},
		{"deep", `{"x":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`, map[string]string{}, nil, []string{}, "nested"},
		{"single quotes", `{'message':'m'}`, map[string]string{}, nil, nil, "beginning of a string"},
		{"long name", `{"` + strings.Repeat("x", maxJSONKey+1) + `":1}`, map[string]string{}, nil, nil, "longer than"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := ReadJSON(strings.NewReader(tc.body), Options{})
			fields := make(map[string]string)
			for k, v := range p.Fields {
				fields[k] = v[0]
			}
			var files, faults []string
			for _, f := range p.Files {
				files = append(files, fmt.Sprintf("%s %s %d", f.Name, f.Type, f.Size))
			}
			for _, f := range p.Faults {
				faults = append(faults, f.Field+" "+f.Detail)
			}
			if !reflect.DeepEqual(fields, tc.fields) || !reflect.DeepEqual(files, tc.files) || tc.broken == "" && !reflect.DeepEqual(faults, tc.faults) {
				t.Errorf("fields %q\nfiles %q\nfaults %q", fields, files, faults)
			}
			if p.Err != nil || (p.Broken == nil) != (tc.broken == "") || p.Broken != nil && !strings.Contains(p.Broken.Error(), tc.broken) {
				t.Errorf("broken: %v, %v; want %q", p.Broken, p.Err, tc.broken)
			}
		})
	}
}

func TestJSONNumbers(t *testing.T) {
	for text, want := range map[string]float64{"48.5": 48.5, "-3": -3, "0": 0, "1e2": 100, "-0.25E-1": -0.025} {
		if p := ReadJSON(strings.NewReader(`{"lat":`+text+`,"long": `+text+` }`), Options{}); p.Broken != nil || p.Numbers["lat"] != want || p.Numbers["long"] != want {
			t.Errorf("%s: %v, %v", text, p.Numbers, p.Broken)
		}
	}
	for _, text := range []string{"01", "1.", "-", "1.e3", "1e", "--1", "1e999", strings.Repeat("1", 400)} {
		if p := ReadJSON(strings.NewReader(`{"lat":`+text+`}`), Options{}); p.Broken == nil {
			t.Errorf("%s is taken for %v", text, p.Numbers)
		}
	}
}

// The contents of files are handed out whole, under the names that stand behind them.
func TestJSONContents(t *testing.T) {
	big := bytes.Repeat([]byte("plan de masse\n"), 50_000)
	body := fmt.Sprintf(`{"files":[{"content":%q,"name":"un.txt","type":"text/plain"},{"name":"deux.bin","content":""},{"content":%q}],"message":"m"}`,
		base64.StdEncoding.EncodeToString(big), base64.StdEncoding.EncodeToString([]byte("%PDF-")))
	p := ReadJSON(iotest.HalfReader(strings.NewReader(body)), Options{})
	sum := sha256.Sum256(big)
	if p.Broken != nil || len(p.Faults) > 0 || len(p.Files) != 3 || p.Files[0].SHA256 != hex.EncodeToString(sum[:]) || p.Files[0].Size != int64(len(big)) {
		t.Fatalf("%+v", p)
	}
	got := make(map[string]*bytes.Buffer)
	read := func(limit int64) error {
		return p.Contents(strings.NewReader(body), Options{Limits: Limits{File: limit}, Attachment: func(a AttachmentInfo) io.Writer {
			b := new(bytes.Buffer)
			got[fmt.Sprintf("%d %s %s", a.Index, a.Name, a.Type)] = b
			return b
		}})
	}
	if err := read(0); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"0 un.txt text/plain": string(big), "1 deux.bin application/octet-stream": "", "2 piece-jointe-3.pdf application/pdf": "%PDF-"} {
		if b := got[name]; b == nil || b.String() != want {
			t.Errorf("%s: %v, of %d files", name, b != nil, len(got))
		}
	}
	once := make(map[int]*bytes.Buffer)
	ReadJSON(strings.NewReader(body), Options{Attachment: func(a AttachmentInfo) io.Writer {
		once[a.Index] = new(bytes.Buffer)
		return once[a.Index]
	}})
	if len(once) != 3 || once[0].String() != string(big) || once[2].String() != "%PDF-" {
		t.Errorf("at the first reading %d files are handed out", len(once))
	}
	if err := read(10); err != nil || got["0 un.txt text/plain"].Len() != 10 {
		t.Errorf("over the limit of a file: %v", err)
	}
	if err := p.Contents(strings.NewReader(body), Options{Attachment: func(AttachmentInfo) io.Writer { return failingWriter{io.ErrShortWrite} }}); err == nil {
		t.Error("a writer's error is lost")
	}
	if err := p.Contents(iotest.ErrReader(io.ErrClosedPipe), Options{}); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("source: %v", err)
	}
}

func TestJSONLimits(t *testing.T) {
	for name, tc := range map[string]struct {
		body string
		lim  Limits
	}{
		"size":  {`{"message":"` + strings.Repeat("x", 100) + `"}`, Limits{Size: 50}},
		"text":  {`{"message":"` + strings.Repeat("x", 100) + `"}`, Limits{TextMax: 50}},
		"files": {`{"files":[` + strings.Repeat(`{"content":""},`, 20) + `{"content":""}]}`, Limits{Parts: 20}},
	} {
		if p := ReadJSON(strings.NewReader(tc.body), Options{Limits: tc.lim}); !errors.Is(p.Broken, ErrLimit) {
			t.Errorf("%s: %v", name, p.Broken)
		}
	}
	p := ReadJSON(strings.NewReader(`{"files":[{"name":"a","content":"AAAAAAAA"}]}`), Options{Limits: Limits{File: 5}})
	if p.Broken != nil || !p.Files[0].Truncated || p.Files[0].Size != 6 {
		t.Errorf("%+v", p)
	}
	if p := ReadJSON(io.MultiReader(strings.NewReader(`{"message":"m"`), iotest.ErrReader(io.ErrClosedPipe)), Options{}); !errors.Is(p.Err, io.ErrClosedPipe) || p.Broken != nil {
		t.Errorf("source: %v, %v", p.Err, p.Broken)
	}
}

// The content of a file passes through without being held.
func TestJSONMemory(t *testing.T) {
	const size = 12 << 20
	result := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
			p := ReadJSON(io.MultiReader(strings.NewReader(`{"message":"m","files":[{"content":"`), io.LimitReader(letters{}, size), strings.NewReader(`"}]}`)), Options{})
			if p.Broken != nil || p.Files[0].Size != size/4*3 {
				b.Fatalf("%+v", p)
			}
		}
	})
	if got := result.AllocedBytesPerOp(); got > 1<<20 {
		t.Errorf("%d bytes allocated for %d", got, size)
	}
}

type letters struct{}

func (letters) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'A'
	}
	return len(p), nil
}

// FuzzJSON: what is taken is JSON, what is JSON is taken, and all that comes out can be shown.
func FuzzJSON(f *testing.F) {
	f.Add([]byte(`{"message":"a\u00e9\ud83d\ude00\/","lat":48.5,"long":-1e-3,"files":[{"name":"a","type":"b","content":"aGE="}]}`))
	f.Add([]byte(`{"x":[1,{"y":null}],"message":"m","message":true}`))
	f.Add([]byte("\xef\xbb\xbf{ \"message\" : \"\\ud800\" } "))
	f.Add([]byte(`{"files":[[],{},{"content":"===="}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		p := ReadJSON(bytes.NewReader(body), Options{})
		q := ReadJSON(iotest.OneByteReader(bytes.NewReader(body)), Options{})
		if !reflect.DeepEqual(p, q) {
			t.Fatalf("whole: %+v\nin pieces: %+v", p, q)
		}
		bare := bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))
		valid := json.Valid(bare) && utf8.Valid(bare) && bytes.HasPrefix(bytes.TrimSpace(bare), []byte("{"))
		if p.Broken == nil && !valid {
			t.Fatalf("taken, and is no JSON: %+v", p)
		}
		if p.Broken != nil && valid && !strings.Contains(p.Broken.Error(), "nested") && !strings.Contains(p.Broken.Error(), "value is expected") && len(body) < maxJSONKey {
			t.Fatalf("not taken: %v", p.Broken)
		}
		for _, v := range p.Fields {
			if !utf8.ValidString(v[0]) || strings.ContainsAny(v[0], "\x00\r\x1b") {
				t.Fatalf("field %q", v[0])
			}
		}
		handed := make(map[int]*bytes.Buffer)
		err := p.Contents(bytes.NewReader(body), Options{Attachment: func(a AttachmentInfo) io.Writer {
			handed[a.Index] = new(bytes.Buffer)
			return handed[a.Index]
		}})
		if err != nil {
			t.Fatal(err)
		}
		for i, file := range p.Files {
			if b := handed[i]; b != nil && int64(b.Len()) != file.Size {
				t.Fatalf("file %d: %d bytes handed out of %d", i, b.Len(), file.Size)
			}
		}
	})
}
