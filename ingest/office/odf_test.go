package office

import (
	"strings"
	"testing"
)

func TestODT(t *testing.T) {
	p := func(s string) string { return `<text:p text:style-name="P1">` + s + `</text:p>` }
	cell := func(paras ...string) string {
		return "<table:table-cell>" + strings.Join(paras, "") + "</table:table-cell>"
	}
	for _, tt := range []struct{ name, text, want string }{
		{"paragraphs", `<text:h text:outline-level="1">Titre</text:h>` + p("Madame,") + p("") + p("L’<text:span>éclair</text:span>age\n   est\téteint."), "Titre\nMadame,\n\nL’éclairage est éteint."},
		{"blanks and breaks", p(`a<text:s text:c="3"/>b<text:tab/>c<text:line-break/>d<text:s text:c="1000000000"/>e<text:s/>f`), "a   b\tc\nd" + strings.Repeat(" ", maxSpaces) + "e f"},
		{"tracked changes", `<text:tracked-changes><text:changed-region><text:deletion>` + p("biffé") + `</text:deletion></text:changed-region></text:tracked-changes>` + p(`reste<text:change text:change-id="1"/>`), "reste"},
		{"comment", p(`vu<office:annotation><dc:creator>Moi</dc:creator>` + p("à revoir") + `</office:annotation> et lu`), "vu et lu"},
		{"table", `<table:table><table:table-header-rows><table:table-row>` + cell(p("Nom")) + cell(p("Ville")) + `</table:table-row></table:table-header-rows><table:table-row>` + cell(p("Barbier")) + `<table:covered-table-cell/>` + cell(p("Lyon")) + `</table:table-row></table:table>`, "Nom\tVille\nBarbier\tLyon"},
		{"address blocks", `<table:table><table:table-row>` + cell(p("A"), p("B")) + cell(p("C"), p("D")) + `</table:table-row></table:table>`, "A\nB\nC\nD"},
		{"list", `<text:list><text:list-item>` + p("un") + p("suite") + `</text:list-item><text:list-item>` + p("deux") + `</text:list-item></text:list>` + p("fin"), "- un\nsuite\n- deux\nfin"},
		{"text box", p(`Avant <draw:frame><draw:text-box>`+p("Encadré")+`</draw:text-box><svg:title>logo</svg:title><svg:desc>un logo</svg:desc></draw:frame>après.`) + p("fin"), "Avant après.\nEncadré\nfin"},
		{"field named title", p(`Sujet : <text:title>Voirie</text:title>`), "Sujet : Voirie"},
		{"notes", p(`Texte<text:note text:note-class="footnote"><text:note-citation>1</text:note-citation><text:note-body>`+p("La note.")+`</text:note-body></text:note> suite`) + p("fin"), "Texte[1] suite\nfin\n[1] La note."},
		{"hyperlink", p(`<text:a xlink:href="https://exemple.fr/plan">le plan</text:a> <text:a xlink:href="mailto:a@exemple.fr?subject=x">a@exemple.fr</text:a> <text:a xlink:href="#ancre">plus bas</text:a>`), "le plan (https://exemple.fr/plan) a@exemple.fr plus bas"},
		{"form", `<office:forms><form:form><form:label>` + p("non") + `</form:label></form:form></office:forms>` + p("oui"), "oui"},
		{"signs", p("\uF0B7 point"), "• point"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			doc := readBytes(t, odtOf(t, tt.text), Limits{})
			if doc.Text != tt.want || doc.Kind != KindODT || len(doc.Problems) > 0 {
				t.Errorf("got  %q\nwant %q\n%v", doc.Text, tt.want, doc.Problems)
			}
			flat := xmlHead + `<office:document ` + odfNames + `><office:meta><dc:title>non</dc:title></office:meta><office:styles><text:p>non</text:p></office:styles><office:body><office:text>` + tt.text + `</office:text></office:body></office:document>`
			if again := readBytes(t, []byte(flat), Limits{}); again.Text != doc.Text || again.Kind != KindODT {
				t.Errorf("flat: %q", again.Text)
			}
		})
	}
}

func TestODTHeadersAndFooters(t *testing.T) {
	styles := part{"styles.xml", `<office:document-styles><office:styles><style:style><text:p>non</text:p></style:style></office:styles><office:master-styles><style:master-page>` +
		`<style:header><text:p>Association</text:p></style:header><style:header-left><text:p>Association</text:p></style:header-left><style:footer><text:p>SIRET 123</text:p></style:footer></style:master-page></office:master-styles></office:document-styles>`}
	doc := readBytes(t, odtOf(t, "<text:p>Bonjour</text:p>", styles), Limits{})
	if want := "Association\n\nBonjour\nSIRET 123"; doc.Text != want {
		t.Errorf("got %q", doc.Text)
	}
}

func TestODTEncrypted(t *testing.T) {
	manifest := part{"META-INF/manifest.xml", `<manifest:manifest><manifest:file-entry manifest:full-path="content.xml"><manifest:encryption-data manifest:checksum="x"/></manifest:file-entry></manifest:manifest>`}
	whole := zipped(t, part{"mimetype", "application/vnd.oasis.opendocument.text"}, part{"encrypted-package", "x"})
	for name, b := range map[string][]byte{"files": odtOf(t, "\x8F\x01\xFF", manifest), "whole": whole} {
		if doc := readBytes(t, b, Limits{}); codes(doc) != ProblemEncrypted || doc.Text != "" || doc.Kind != KindODT {
			t.Errorf("%s: %v, %q", name, doc.Problems, doc.Text)
		}
	}
}

// The encoding that an XML declaration names counts.
func TestFlatODTInLatin1(t *testing.T) {
	flat := `<?xml version="1.0" encoding="ISO-8859-1"?><office:document ` + odfNames + `><office:body><text:p>caf` + "\xE9" + `</text:p></office:body></office:document>`
	if doc := readBytes(t, []byte(flat), Limits{}); doc.Text != "café" {
		t.Errorf("%q", doc.Text)
	}
}
