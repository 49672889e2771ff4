package office

import (
	"bytes"
	"strings"
	"testing"
)

// small are limits that a fuzzer meets.
var small = Limits{Ratio: 20, Unpacked: 1 << 20, Entries: 20, Depth: 30, Text: 1 << 14}

// FuzzDOCX fuzzes the XML of a DOCX, in the body of an archive that is sound.
func FuzzDOCX(f *testing.F) {
	for _, s := range []string{
		para(run("un")), `<w:tbl><w:tr><w:tc>` + para(run("a")) + `</w:tc><w:tc/></w:tr></w:tbl>`, `<w:p><w:pPr><w:numPr><w:numId w:val="1"/></w:numPr></w:pPr>`,
		`<mc:AlternateContent><mc:Choice><w:p><w:r><w:txbxContent><w:p><w:t>x</w:t></w:p></w:txbxContent></w:r></w:p></mc:Choice><mc:Fallback/></mc:AlternateContent>`,
		`<w:r><w:sym w:font="Symbol" w:char="F062"/><w:t>` + "\uF0B7\xEF\x80" + `&#xD800;&#0;&amp;<![CDATA[x]]></w:t><!-- --><?x?><!DOCTYPE x [<!ENTITY y "z">]>`,
		`<w:hyperlink r:id="a"><w:t>x</w:t></w:hyperlink><w:footnoteReference w:id="1"/><w:checkBox><w:checked/></w:checkBox><w:del><w:t>x`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		b := zipped(t, part{"word/document.xml", s}, part{"word/footnotes.xml", s}, part{"word/header1.xml", s}, part{"word/_rels/document.xml.rels", s})
		checkFuzzed(t, b)
		checkFuzzed(t, zipped(t, part{"content.xml", s}, part{"styles.xml", s}))
	})
}

// FuzzODT fuzzes whole files: archives, flat XML, and whatever they become.
func FuzzODT(f *testing.F) {
	for _, b := range [][]byte{
		odtOf(f, `<text:list><text:list-item><text:p>a<text:s text:c="9"/><text:note><text:note-citation>1</text:note-citation><text:note-body><text:p>n</text:p></text:note-body></text:note></text:p></text:list-item></text:list>`),
		docxOf(f, para(run("un"))), oleFile("EncryptedPackage"),
		[]byte(`<office:document ` + odfNames + `><office:master-styles><style:footer><text:p>x</text:p></style:footer></office:master-styles><office:body><text:p>y<draw:text-box><text:p>z</text:p></draw:text-box>`),
		[]byte(`{\rtf1 \u233?\par{\pict x}}`), []byte("<html><p>x"), []byte("L\x92\xE9t\xE9"),
	} {
		f.Add(b)
		f.Add(b[:len(b)*2/3])
	}
	f.Fuzz(func(t *testing.T, b []byte) { checkFuzzed(t, b) })
}

func checkFuzzed(t *testing.T, b []byte) {
	t.Helper()
	doc := readBytes(t, b, small)
	again, err := Read(bytes.NewReader(b), int64(len(b)), small)
	if err != nil || again.Text != doc.Text || codes(again) != codes(doc) {
		t.Errorf("read twice: %q %v, then %q %v, %v", doc.Text, doc.Problems, again.Text, again.Problems, err)
	}
	if doc.Text != strings.Trim(doc.Text, "\n") {
		t.Errorf("blank lines around %q", doc.Text)
	}
}
