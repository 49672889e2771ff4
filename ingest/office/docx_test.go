package office

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
	"unicode/utf16"
)

func TestDOCX(t *testing.T) {
	box := `<w:txbxContent>` + para(run("Encadré")) + `</w:txbxContent>`
	alternate := `<mc:AlternateContent><mc:Choice Requires="wps"><w:drawing><wp:posOffset>123</wp:posOffset>` + box + `</w:drawing></mc:Choice>` +
		`<mc:Fallback><w:pict>` + box + `</w:pict></mc:Fallback></mc:AlternateContent>`
	cell := func(paras ...string) string { return "<w:tc><w:tcPr/>" + strings.Join(paras, "") + "</w:tc>" }
	for _, tt := range []struct{ name, body, want string }{
		{"paragraphs", para(run("Madame la Maire,")) + para("") + para("") + para(run("L’éclairage de ")+run("la rue &amp; de la place")), "Madame la Maire,\n\nL’éclairage de la rue & de la place"},
		{"breaks and tabs", para(`<w:pPr><w:tabs><w:tab w:val="left" w:pos="1"/></w:tabs></w:pPr>` + `<w:r><w:t>a</w:t><w:tab/><w:t>b</w:t><w:br/><w:t>c</w:t><w:cr/><w:t>d</w:t><w:noBreakHyphen/><w:t>e</w:t><w:softHyphen/><w:t>f</w:t></w:r>`), "a\tb\nc\nd-ef"},
		{"tracked changes", para(run("garde ") + `<w:ins w:id="1">` + run("ajouté") + `</w:ins><w:del w:id="2"><w:r><w:delText>biffé</w:delText></w:r>` + run("biffé aussi") + `</w:del>` + `<w:moveFrom>` + run("parti") + `</w:moveFrom><w:moveTo>` + run(" venu") + `</w:moveTo>`), "garde ajouté venu"},
		{"mark of a deleted paragraph", para(`<w:pPr><w:rPr><w:del w:id="1"/></w:rPr></w:pPr>` + run("reste")), "reste"},
		{"fields", para(`<w:r><w:fldChar w:fldCharType="begin"/><w:instrText> PAGE </w:instrText></w:r>` + run("3")), "3"},
		{"table", `<w:tbl><w:tblPr/><w:tr>` + cell(para(run("Nom"))) + cell(para(run("Ville"))) + `</w:tr><w:tr>` + cell(para("")) + cell(para("")) + cell(para(run("Lyon"))) + `</w:tr></w:tbl>` + para(run("fin")), "Nom\tVille\n\t\tLyon\nfin"},
		{"address blocks", `<w:tbl><w:tr>` + cell(para(run("A. Barbier")), para(run("8 rue Haute"))) + cell(para(run("Mairie")), para(run("Place"))) + `</w:tr></w:tbl>`, "A. Barbier\n8 rue Haute\nMairie\nPlace"},
		{"nested table", `<w:tbl><w:tr>` + cell(para(run("a")), `<w:tbl><w:tr>`+cell(para(run("b")))+cell(para(run("c")))+`</w:tr></w:tbl>`) + cell(para(run("d"))) + `</w:tr></w:tbl>`, "a\nb\tc\nd"},
		{"text box once, after its sentence", para(run("Avant ")+alternate+run("après.")) + para(run("Suite")), "Avant après.\nEncadré\nSuite"},
		{"only a fallback has text", para(`<mc:AlternateContent><mc:Choice Requires="x"><w:drawing/></mc:Choice><mc:Fallback><w:pict>` + box + `</w:pict></mc:Fallback></mc:AlternateContent>`), "Encadré"},
		{"list", para(`<w:pPr><w:numPr><w:ilvl w:val="0"/><w:numId w:val="2"/></w:numPr></w:pPr>`+run("un")) + para(`<w:pPr><w:numPr><w:numId w:val="0"/></w:numPr></w:pPr>`+run("aucune")), "- un\naucune"},
		{"symbols", para(`<w:r><w:sym w:font="Wingdings" w:char="F0FE"/><w:t xml:space="preserve"> oui </w:t><w:sym w:font="Symbol" w:char="F062"/></w:r><w:r><w:rPr><w:rFonts w:ascii="Wingdings"/></w:rPr><w:t>` + "\uF0FC" + `</w:t></w:r>` + run("\uF0B7")), "☑ oui β✓•"},
		{"form boxes", para(`<w:r><w:fldChar><w:ffData><w:checkBox><w:default w:val="0"/><w:checked/></w:checkBox></w:ffData></w:fldChar></w:r>`+run(" oui ")+`<w:r><w:fldChar><w:ffData><w:checkBox><w:default w:val="0"/></w:checkBox></w:ffData></w:fldChar></w:r>`+run(" non")) + ``, "☒ oui ☐ non"},
		{"hyperlinks", para(`<w:hyperlink r:id="rId9">` + run("le plan") + `</w:hyperlink>, <w:hyperlink r:id="rId8">` + run("www.exemple.fr") + `</w:hyperlink>`), "le plan (https://exemple.fr/plan)www.exemple.fr"},
		{"content control", `<w:sdt><w:sdtPr><w:placeholder/><w:t>non</w:t></w:sdtPr><w:sdtContent>` + para(run("oui")) + `</w:sdtContent></w:sdt>`, "oui"},
		{"notes", para(run("Texte") + `<w:r><w:footnoteReference w:id="1"/></w:r>`), "Texte[1]\n[1] La note."},
		{"another prefix", `<ns0:p><ns0:r><ns0:t>préfixe</ns0:t></ns0:r></ns0:p>`, "préfixe"},
		{"raw markup", para(run("a &#233; &#x20AC; &lol; <![CDATA[<b> ]] c]]> &#0;&#x1F;<!-- non --> fin")), "a é € &lol; <b> ]] c  fin"},
		{"an end tag of nothing", `<w:p><w:r><w:t>un</w:x> deux</w:t></w:r></w:p>`, "un deux"},
		{"text longer than a piece", para(run("a"+strings.Repeat("é", 10_000)) + `<w:r><w:t><![CDATA[b` + strings.Repeat("€", 10_000) + `]]></w:t></w:r>`), "a" + strings.Repeat("é", 10_000) + "b" + strings.Repeat("€", 10_000)},
		{"damaged markup", `<w:p><w:r><w:t>un</w:r></w:p></w:x><w:p><w:r><w:t>deux < trois`, "un\ndeux < trois"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			more := []part{{"word/_rels/document.xml.rels", `<Relationships><Relationship Id="rId9" Type="x/hyperlink" Target="https://exemple.fr/plan"/><Relationship Id="rId8" Type="x/hyperlink" Target="http://www.exemple.fr/"/></Relationships>`}}
			if tt.name == "notes" {
				more = append(more, part{"word/footnotes.xml", `<w:footnotes><w:footnote w:type="separator" w:id="-1">` + para(run("sep")) + `</w:footnote><w:footnote w:id="1">` + para(run("La note.")) + `</w:footnote></w:footnotes>`})
			}
			doc := readBytes(t, docxOf(t, tt.body, more...), Limits{})
			if doc.Text != tt.want || doc.Kind != KindDOCX || len(doc.Problems) > 0 {
				t.Errorf("got  %q\nwant %q\n%v", doc.Text, tt.want, doc.Problems)
			}
		})
	}
}

// Headers come first and footers last, each text once, whichever pages it is for.
func TestDOCXHeadersAndFooters(t *testing.T) {
	head := part{"word/header1.xml", "<w:hdr>" + para(run("Association des riverains")) + "</w:hdr>"}
	again := part{"word/header2.xml", head.text}
	foot := part{"word/footer1.xml", "<w:ftr>" + para(run("SIRET 123")) + "</w:ftr>"}
	doc := readBytes(t, docxOf(t, para(run("Bonjour")), foot, again, head), Limits{})
	if want := "Association des riverains\n\nBonjour\nSIRET 123"; doc.Text != want {
		t.Errorf("got %q", doc.Text)
	}
}

// Programs name the main part as they like; the relationships say which it is.
func TestDOCXMainPart(t *testing.T) {
	body := `<w:document><w:body>` + para(run("ici")) + `</w:body></w:document>`
	rels := func(target string) part {
		return part{"_rels/.rels", `<Relationships><Relationship Type="http://purl.oclc.org/ooxml/officeDocument/relationships/officeDocument" Target="` + target + `"/></Relationships>`}
	}
	for name, b := range map[string][]byte{
		"absolute target":  zipped(t, rels("/word/document2.xml"), part{"word/document2.xml", body}),
		"backslashes":      zipped(t, rels("word/document.xml"), part{`word\document.xml`, body}),
		"capital letters":  zipped(t, rels("word/document.xml"), part{"Word/Document.xml", body}),
		"no relationships": zipped(t, part{"word/document3.xml", body}),
		"bytes before it":  append([]byte("PK\x03\x04 pas encore"), zipped(t, rels("word/document.xml"), part{"word/document.xml", body})...),
	} {
		if doc := readBytes(t, b, Limits{}); doc.Text != "ici" || doc.Kind != KindDOCX || len(doc.Problems) > 0 {
			t.Errorf("%s: %q %v", name, doc.Text, doc.Problems)
		}
	}
}

// OOXML may be in UTF-16 (ECMA-376-2 §6.1.4).
func TestDOCXInUTF16(t *testing.T) {
	text := `<?xml version="1.0" encoding="UTF-16"?><w:document><w:body>` + para(run("été à l’école")) + `</w:body></w:document>`
	for name, order := range map[string]binary.AppendByteOrder{"little": binary.LittleEndian, "big": binary.BigEndian} {
		for _, mark := range []string{"\uFEFF", ""} {
			var b []byte
			for _, u := range utf16.Encode([]rune(mark + text)) {
				b = order.AppendUint16(b, u)
			}
			if doc := readBytes(t, zipped(t, part{"word/document.xml", string(b)}), Limits{}); doc.Text != "été à l’école" {
				t.Errorf("%s endian, mark %q: %q", name, mark, doc.Text)
			}
		}
	}
}

// oleFile is a compound file with a directory entry of that name.
func oleFile(name string) []byte {
	b := make([]byte, 4096)
	copy(b, oleMark)
	for i, u := range utf16.Encode([]rune(name)) {
		binary.LittleEndian.PutUint16(b[1024+oleEntry+2*i:], u)
	}
	return b
}

func TestFilesThatAreNotRead(t *testing.T) {
	for _, tt := range []struct {
		name string
		file []byte
		kind Kind
		code string
	}{
		{"nothing", nil, KindOther, ProblemEmpty},
		{"encrypted DOCX", oleFile("EncryptedPackage"), KindDOCX, ProblemEncrypted},
		{"Word 97", oleFile("WordDocument"), KindDOC, ProblemUnsupported},
		{"a name that only begins so", oleFile("EncryptedPackage2"), KindDOC, ProblemUnsupported},
		{"workbook", zipped(t, part{"[Content_Types].xml", "x"}, part{"xl/workbook.xml", "x"}), KindOther, ProblemUnsupported},
		{"slides", zipped(t, part{"[Content_Types].xml", "x"}, part{"ppt/presentation.xml", "x"}), KindOther, ProblemUnsupported},
		{"archive", zipped(t, part{"photo.jpg", "x"}), KindOther, ProblemUnsupported},
		{"EPUB", zipped(t, part{"mimetype", "application/epub+zip"}), KindOther, ProblemUnsupported},
		{"program", []byte("\x7FELF\x02\x01\x01\x00\x00\x00"), KindOther, ProblemUnsupported},
		{"noise", []byte("PK\x03\x04\xFF\xFE\x00"), KindOther, ProblemUnreadable},
	} {
		if doc := readBytes(t, tt.file, Limits{}); codes(doc) != tt.code || doc.Kind != tt.kind || doc.Text != "" {
			t.Errorf("%s: kind %q, %v, %q", tt.name, doc.Kind, doc.Problems, doc.Text)
		}
	}
	// A zip of which an entry that matters is locked (APPNOTE.TXT §4.4.4, bit 0).
	b := docxOf(t, para(run("secret")))
	for i := range b {
		if bytes.HasPrefix(b[i:], []byte(centralMark)) {
			b[i+8] |= flagCrypted
		}
	}
	if doc := readBytes(t, b, Limits{}); codes(doc) != ProblemEncrypted || doc.Text != "" {
		t.Errorf("locked zip: %v %q", doc.Problems, doc.Text)
	}
}
