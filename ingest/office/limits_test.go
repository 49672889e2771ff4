package office

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// bomb is a DOCX whose document.xml is head, unit so often that it has size bytes, and tail.
func bomb(t testing.TB, head, unit, tail string, size int) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestSpeed) })
	w, err := z.Create("word/document.xml")
	if err != nil {
		t.Fatal(err)
	}
	chunk := []byte(strings.Repeat(unit, max(1, 1<<20/len(unit))))
	_, err = io.WriteString(w, head)
	for n := 0; n < size && err == nil; n += len(chunk) {
		_, err = w.Write(chunk)
	}
	if err == nil {
		_, err = io.WriteString(w, tail)
	}
	if err := errors.Join(err, z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestBombs: each ends with the right problem, with what came before it, and without
// holding what it unpacks.
func TestBombs(t *testing.T) {
	unpacked := 32 << 20
	if raceEnabled {
		unpacked = 2 << 20 // the whole size is for the run without the detector
	}
	start := `<w:document><w:body>` + para(run("Avant."))
	wide := Limits{Ratio: 1 << 20, Unpacked: int64(unpacked)}
	for _, tt := range []struct {
		name             string
		head, unit, tail string
		limits           Limits
		code             string
	}{
		{"ratio", start, "<w:x/>", "", Limits{}, ProblemOverLimit},
		{"one text", start + "<w:p><w:r><w:t>", "aaaaaaaa", "", wide, ProblemOverLimit},
		{"one text of blanks", start + "<w:p><w:r><w:t>", "        ", "", wide, ProblemOverLimit},
		{"one attribute", start + `<w:p w:x="`, "aaaaaaaa", "", wide, ProblemOverLimit},
		{"one name", start + `<w:`, "aaaaaaaa", "", wide, ProblemOverLimit},
		{"attributes", start + `<w:p`, ` w:x="yyyyyyyy"`, "", wide, ProblemOverLimit},
		{"one comment", start + `<!--`, "- - >", "", wide, ProblemOverLimit},
		{"one document type", start + `<!DOCTYPE x [`, "<!ENTITY a '&b;'>", "", wide, ProblemOverLimit},
		{"one CDATA section", start + `<w:p><w:r><w:t><![CDATA[`, "]]]]]]]]", "", wide, ProblemOverLimit},
		{"entities", start + `<w:p><w:r><w:t>`, "&amp;&x;", "", wide, ProblemOverLimit},
		{"open elements", start, "<w:p>", "", wide, ProblemOverLimit},
		{"end tags", start, "</w:p>", "", wide, ProblemOverLimit},
		{"text boxes", start + "<w:p>", "<w:txbxContent><w:p><w:r><w:t>aaaaaaaaaaaaaaaaaaa</w:t></w:r></w:p></w:txbxContent>", "", wide, ProblemOverLimit},
		{"cells", start + "<w:tbl><w:tr>", "<w:tc><w:tcPr/></w:tc>", "", wide, ProblemOverLimit},
		{"rows left open", start, "<w:tr><w:tc></w:p></w:tc></w:tr>", "", wide, ProblemOverLimit},
		{"breaks", start, "<w:br/>", "", wide, ProblemOverLimit},
		{"alternates", start, "<mc:AlternateContent><mc:Choice/><mc:Fallback/></mc:AlternateContent>", "", wide, ProblemOverLimit},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := bomb(t, tt.head, tt.unit, tt.tail, unpacked+1<<20)
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			began := time.Now()
			doc := readBytes(t, b, tt.limits)
			took := time.Since(began)
			runtime.ReadMemStats(&after)
			allocated := after.TotalAlloc - before.TotalAlloc
			t.Logf("%v, %d KiB allocated", took, allocated>>10)
			if !strings.Contains(codes(doc), tt.code) || !strings.HasPrefix(doc.Text, "Avant.") {
				t.Errorf("%v, text %.40q", doc.Problems, doc.Text)
			}
			if took > 30*time.Second {
				t.Errorf("took %v", took)
			}
			// The text and its buffers as they grew; 64 MiB a copy of what is unpacked,
			// growing as it is read, would be.
			if allocated > 60<<20 {
				t.Errorf("%d MiB allocated", allocated>>20)
			}
		})
	}
}

func TestBillionLaughs(t *testing.T) {
	var dtd strings.Builder
	dtd.WriteString(`<!DOCTYPE w:document [<!ENTITY a0 "ha">`)
	for i := range 30 {
		fmt.Fprintf(&dtd, `<!ENTITY a%d "&a%d;&a%d;&a%d;">`, i+1, i, i, i)
	}
	dtd.WriteString(`]>`)
	b := zipped(t, part{"word/document.xml", xmlHead + dtd.String() + `<w:document>` + para(run("a &a30; b")) + `</w:document>`})
	if doc := readBytes(t, b, Limits{}); doc.Text != "a &a30; b" {
		t.Errorf("%.100q", doc.Text)
	}
}

func TestLimits(t *testing.T) {
	letters := strings.Repeat(para(run("Bonjour à tous.")), 1000)
	deep := strings.Repeat("<w:sdt>", 600) + para(run("au fond"))
	many := make([]part, 300)
	for i := range many {
		many[i] = part{fmt.Sprintf("word/media/image%d.png", i), "x"}
	}
	late := zipped(t, slices.Concat(many, []part{{"word/document.xml", para(run("ici"))}})...)
	for _, tt := range []struct {
		name   string
		file   []byte
		limits Limits
		text   string // how the text begins
		codes  string
	}{
		{"text", docxOf(t, letters), Limits{Text: 1000}, "Bonjour à tous.\nBonjour", ProblemOverLimit},
		{"text boxes of one paragraph", docxOf(t, para(strings.Repeat("<w:txbxContent>"+para(run("Encadré"))+"</w:txbxContent>", 500))), Limits{Text: 1000}, "Encadré\nEncadré", ProblemOverLimit},
		{"text of an ODT", odtOf(t, strings.Repeat("<text:p>été</text:p>", 500)), Limits{Text: 1001}, "été\nété", ProblemOverLimit},
		{"text of an RTF", []byte(`{\rtf1 ` + strings.Repeat(`\'e9t\'e9\par `, 500) + "}"), Limits{Text: 1001}, "été\nété", ProblemOverLimit},
		{"plain text", []byte(strings.Repeat("été\n", 500)), Limits{Text: 1001}, "été\nété", ProblemOverLimit},
		{"HTML", []byte("<html><p>" + strings.Repeat("été ", 5000)), Limits{Text: 1001}, "été été", ProblemOverLimit},
		{"unpacked", docxOf(t, letters), Limits{Unpacked: 20_000}, "Bonjour à tous.\n", ProblemOverLimit},
		{"flat ODT", []byte(`<office:document ` + odfNames + `><office:body>` + strings.Repeat("<text:p>été</text:p>", 500)), Limits{Unpacked: 2000}, "été\nété", ProblemOverLimit},
		{"depth", docxOf(t, para(run("Avant."))+deep), Limits{}, "Avant.", ProblemOverLimit},
		{"depth enough", docxOf(t, para(run("Avant."))+deep), Limits{Depth: 700}, "Avant.\nau fond", ""},
		{"entries", late, Limits{Entries: 300}, "", ProblemOverLimit},
		{"entries enough", late, Limits{Entries: 301}, "ici", ""},
		{"any file may become a mebibyte", docxOf(t, strings.Repeat(para(run("é")), 10_000)), Limits{Ratio: 1}, "é\né", ""},
	} {
		if doc := readBytes(t, tt.file, tt.limits); codes(doc) != tt.codes || !strings.HasPrefix(doc.Text, tt.text) || tt.text == "" && doc.Text != "" {
			t.Errorf("%s: %v, %.60q", tt.name, doc.Problems, doc.Text)
		}
	}
	// Exactly what may be unpacked is not over the limit.
	exact := bomb(t, para(run("Avant.")), " ", "", 1<<20)
	exact = exact[:len(exact):len(exact)]
	content := int64(1<<20 + len(para(run("Avant."))))
	if doc := readBytes(t, exact, Limits{Unpacked: content, Ratio: 1 << 20}); codes(doc) != "" {
		t.Errorf("exactly at the limit: %v", doc.Problems)
	}
	if doc := readBytes(t, exact, Limits{Unpacked: content - 1, Ratio: 1 << 20}); codes(doc) != ProblemOverLimit {
		t.Errorf("one below: %v", doc.Problems)
	}
}

// A quine holds itself: one that is not unpacked recursively is only a file.
func TestNestedArchives(t *testing.T) {
	b := zipped(t, part{"r.zip", "x"})
	for range 20 {
		b = zipped(t, part{"r.zip", string(b)}, part{"word/embeddings/a.docx", string(docxOf(t, para(run("dedans"))))})
	}
	if doc := readBytes(t, b, Limits{}); codes(doc) != ProblemUnsupported || doc.Text != "" {
		t.Errorf("%v %q", doc.Problems, doc.Text)
	}
}

// TestLies gives archives whose directory does not say what is so.
func TestLies(t *testing.T) {
	whole := docxOf(t, para(run("Bonjour à tous.")))
	lie := func(mark string, field int, value uint32) []byte {
		b := bytes.Clone(whole)
		for i := range b {
			if bytes.HasPrefix(b[i:], []byte(mark)) {
				binary.LittleEndian.PutUint32(b[i+field:], value)
			}
		}
		return b
	}
	for _, tt := range []struct {
		name string
		file []byte
		want string // codes
		text string
	}{
		{"sizes", lie(centralMark, 20, 0xFFFFFFF0), "", "Bonjour à tous."},
		{"unpacked sizes", lie(centralMark, 24, 3), "", "Bonjour à tous."},
		{"sums", lie(centralMark, 16, 1), ProblemDamaged, "Bonjour à tous."},
		{"all entries are one", lie(centralMark, 42, 0), ProblemUnreadable, ""},
		{"offsets beyond the end", lie(centralMark, 42, 0xFFFFFF00), ProblemUnreadable, ""},
		{"offset of the directory", lie(endMark, 16, 0xFFFFFF00), ProblemDamaged, "Bonjour à tous."},
		{"size of the directory", lie(endMark, 12, 0x7FFFFFFF), ProblemDamaged, "Bonjour à tous."},
		{"number of entries", lie(endMark, 8, 0xFFFFFFFF), ProblemDamaged, "Bonjour à tous."},
	} {
		if doc := readBytes(t, tt.file, Limits{}); codes(doc) != tt.want || doc.Text != tt.text {
			t.Errorf("%s: %v, %q", tt.name, doc.Problems, doc.Text)
		}
	}
}

// TestCutAnywhere: of a file that was cut, what is there is read, wherever the cut is.
func TestCutAnywhere(t *testing.T) {
	body := ""
	for i := range 200 {
		body += para(run(fmt.Sprintf("Ligne %d : %x", i, i*i*7919)))
	}
	for name, file := range map[string][]byte{"docx": docxOf(t, body), "odt": odtOf(t, strings.ReplaceAll(strings.ReplaceAll(body, "w:p>", "text:p>"), "w:t ", "text:span "))} {
		whole := readBytes(t, file, Limits{})
		if len(whole.Problems) > 0 || strings.Count(whole.Text, "\n") != 199 {
			t.Fatalf("%s: %v, %.100q", name, whole.Problems, whole.Text)
		}
		start := bytes.Index(file, []byte(map[string]string{"docx": "word/document.xml", "odt": "content.xml"}[name]))
		longest := 0
		for n := range len(file) {
			doc := readBytes(t, file[:n], Limits{})
			if n > 4 && len(doc.Problems) == 0 {
				t.Fatalf("%s cut at %d: no problem, %.60q", name, n, doc.Text)
			}
			if n < start || doc.Text == "" {
				continue
			}
			longest = max(longest, len(doc.Text))
			// All but the last line are the file's own.
			if i := strings.LastIndexByte(doc.Text, '\n'); i >= 0 && !strings.HasPrefix(whole.Text, doc.Text[:i]) {
				t.Fatalf("%s cut at %d: %q", name, n, doc.Text)
			}
		}
		if longest != len(whole.Text) {
			t.Errorf("%s: a file without directory gives %d bytes of %d", name, longest, len(whole.Text))
		}
	}
}

// noise is text that cannot be packed well.
func noise(n int) string {
	b := make([]byte, n)
	x := uint32(1)
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = 'a' + byte(x>>24)%26
	}
	return string(b)
}

// failing is a disk that fails after some bytes.
type failing struct {
	r     io.ReaderAt
	after int64
}

var errDisk = errors.New("disk on fire")

// ReadAt implements io.ReaderAt.
func (f failing) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > f.after {
		return 0, errDisk
	}
	return f.r.ReadAt(p, off)
}

// A disk that fails is no fault of the document.
func TestFaultsOfTheMachine(t *testing.T) {
	long := docxOf(t, para(run("x")), part{"word/header1.xml", para(run(noise(20_000)))})
	for name, b := range map[string][]byte{"docx": docxOf(t, para(run("x"))), "long docx": long, "text": []byte("Bonjour"), "ole": oleFile("WordDocument")} {
		for _, after := range []int64{0, int64(len(b)) / 2} {
			if _, err := Read(failing{bytes.NewReader(b), after}, int64(len(b)), Limits{}); !errors.Is(err, errDisk) {
				t.Errorf("%s after %d bytes: %v", name, after, err)
			}
		}
	}
}
