package office

import (
	"archive/zip"
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"
)

// part is a file of an archive that a test makes.
type part struct{ name, text string }

// zipped makes an archive.
func zipped(t testing.TB, parts ...part) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, p := range parts {
		w, err := z.Create(p.name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(p.text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

const (
	wordNames = `xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships" ` +
		`xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"`
	odfNames = `xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" ` +
		`xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" xmlns:draw="urn:oasis:names:tc:opendocument:xmlns:drawing:1.0" xmlns:xlink="http://www.w3.org/1999/xlink"`
	xmlHead = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>` + "\n"
)

// docxOf makes a DOCX with that body, as Word lays one out.
func docxOf(t testing.TB, body string, more ...part) []byte {
	t.Helper()
	return zipped(t, append([]part{
		{"[Content_Types].xml", xmlHead + `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>`},
		{"_rels/.rels", xmlHead + `<Relationships><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/></Relationships>`},
		{"word/document.xml", xmlHead + `<w:document ` + wordNames + `><w:body>` + body + `<w:sectPr><w:pgSz w:w="11906"/></w:sectPr></w:body></w:document>`},
	}, more...)...)
}

// odtOf makes an ODT with that text.
func odtOf(t testing.TB, text string, more ...part) []byte {
	t.Helper()
	return zipped(t, append([]part{
		{"mimetype", "application/vnd.oasis.opendocument.text"},
		{"content.xml", xmlHead + `<office:document-content ` + odfNames + `><office:body><office:text>` + text + `</office:text></office:body></office:document-content>`},
	}, more...)...)
}

// para is a paragraph of WordprocessingML.
func para(runs string) string { return "<w:p>" + runs + "</w:p>" }

// run is a run of text in it.
func run(text string) string { return `<w:r><w:t xml:space="preserve">` + text + `</w:t></w:r>` }

// readBytes reads a file, and fails the test when the Document breaks a promise.
func readBytes(t testing.TB, b []byte, l Limits) Document {
	t.Helper()
	doc, err := Read(bytes.NewReader(b), int64(len(b)), l)
	if err != nil {
		t.Fatalf("bytes alone made the error %v", err)
	}
	checkDocument(t, doc, l.withDefaults())
	return doc
}

func checkDocument(t testing.TB, doc Document, l Limits) {
	t.Helper()
	if !utf8.ValidString(doc.Text) {
		t.Errorf("text is no UTF-8: %q", doc.Text)
	}
	if i := strings.IndexFunc(doc.Text, func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' || r >= 0x7F && r < 0xA0 }); i >= 0 {
		t.Errorf("control character in %q", doc.Text[i:])
	}
	if len(doc.Text) > l.Text {
		t.Errorf("%d bytes of text", len(doc.Text))
	}
	for _, p := range doc.Problems {
		if p.Code == "" || p.Detail == "" {
			t.Errorf("problem %+v", p)
		}
	}
}

// codes are the codes of a document's problems.
func codes(doc Document) string {
	all := make([]string, 0, len(doc.Problems))
	for _, p := range doc.Problems {
		all = append(all, p.Code)
	}
	return strings.Join(all, " ")
}
