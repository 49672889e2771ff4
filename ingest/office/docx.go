package office

import (
	"path"
	"strings"
)

// docxSkipped are elements of WordprocessingML whose content is not what the letter
// says: what tracked changes deleted or moved away, field codes, and properties, whose
// tab stops and deleted marks have the names of text elements (ECMA-376-1 §17).
var docxSkipped = map[string]bool{
	"del": true, "moveFrom": true, "delText": true, "delInstrText": true, "instrText": true, "fldData": true, "binData": true,
	"rPrChange": true, "pPrChange": true, "sectPr": true, "tblPr": true, "tblGrid": true, "tblPrEx": true, "trPr": true, "tcPr": true,
	"sdtPr": true, "sdtEndPr": true, "rt": true,
}

// docx is the format of the parts of a DOCX.
type docx struct {
	*walker
	links map[string]string // targets by relationship of the part that is being read
	inT   int               // open w:t elements
	font  string            // of the run, where it names one
	list  bool              // the paragraph is an item of a list
	// A w:AlternateContent says the same in several ways: the first that has text counts.
	// spoken holds for each open one the length of the text before it, or -1 when a way had text.
	spoken []int
}

func (d *docx) open(e *element, s *scanner) {
	if docxSkipped[e.name] {
		e.skip = true
		return
	}
	switch d.parent() {
	case "rPr":
		if e.name == "rFonts" {
			d.font = s.attr("ascii")
		}
		e.skip = true
		return
	case "pPr":
		e.skip = e.name != "numPr"
		return
	case "numPr":
		d.list = d.list || e.name == "numId" && s.attr("val") != "0"
		e.skip = true
		return
	case "AlternateContent":
		if e.skip = d.spoken[len(d.spoken)-1] < 0; e.skip {
			return
		}
	}
	switch e.name {
	case "p":
		d.w.openParagraph()
	case "pPr":
		d.list = false
	case "r":
		d.font = ""
	case "t":
		d.inT++
	case "tab", "ptab":
		d.w.str("\t")
	case "br", "cr":
		d.w.line()
	case "noBreakHyphen":
		d.w.str("-")
	case "sym":
		d.w.rune(symbolAt(s.attr("font"), s.attr("char")))
	case "tr":
		d.w.openRow()
	case "tc":
		d.w.openCell()
		e.from = len(d.w.buf)
	case "AlternateContent":
		d.spoken = append(d.spoken, d.size())
	case "hyperlink":
		e.note = d.links[s.attr("id")]
	case "footnoteReference", "endnoteReference":
		d.mark(s.attr("id"))
	case "footnote", "endnote":
		// Notes with a type are the lines between text and notes (§17.11.2).
		if t := s.attr("type"); t != "" && t != "normal" {
			e.skip = true
			return
		}
		d.mark(s.attr("id"))
		d.w.str(" ")
	case "checkBox":
		e.note = "☐"
	case "checked", "default":
		d.tick(s.attr("val"))
	}
}

// size counts all text that was written, also that of boxes, which is held back.
func (d *docx) size() int { return len(d.w.buf) + d.w.held }

func (d *docx) mark(id string) {
	d.w.str("[")
	d.w.text([]byte(id[:min(len(id), 10)]))
	d.w.str("]")
}

// tick sets the box of a form field (§17.16.8); "checked" comes after "default" and
// overrides it.
func (d *docx) tick(val string) {
	if d.parent() != "checkBox" {
		return
	}
	box := &d.stack[len(d.stack)-2]
	box.note = "☒"
	if val == "0" || val == "false" || val == "off" {
		box.note = "☐"
	}
}

func (d *docx) close(e *element) {
	switch e.name {
	case "p":
		d.w.closeParagraph()
	case "pPr":
		if d.list {
			d.w.str("- ")
			d.list = false
		}
	case "t":
		d.inT--
	case "tc":
		d.w.closeCell()
	case "tr":
		d.w.closeRow()
	case "txbxContent":
		d.w.box(e.from)
	case "Choice", "Fallback":
		if n := len(d.spoken) - 1; d.parent() == "AlternateContent" && d.size() > d.spoken[n] {
			d.spoken[n] = -1
		}
	case "AlternateContent":
		d.spoken = d.spoken[:len(d.spoken)-1]
	case "hyperlink":
		d.w.link(e.from, e.note)
	case "checkBox":
		d.w.str(e.note)
	}
}

func (d *docx) text(b []byte) {
	if d.inT == 0 {
		return
	}
	d.w.signs(d.font, b)
}

// mainPart returns the part that the package's relationships name as the document, or
// the one that has its usual name, or "".
func mainPart(a *archive) string {
	for _, r := range relationships(a, "_rels/.rels") {
		name := strings.ToLower(strings.TrimPrefix(path.Clean("/"+r.target), "/"))
		if strings.HasSuffix(r.kind, "/officeDocument") && a.has(name) {
			return name
		}
	}
	if a.has("word/document.xml") {
		return "word/document.xml"
	}
	for _, name := range a.names() {
		if dir, base := path.Split(name); dir == "word/" && strings.HasPrefix(base, "document") {
			return name
		}
	}
	return ""
}

// relationship is a line of a .rels part (ECMA-376-2 §6.5).
type relationship struct{ id, kind, target string }

// maxRelationships bounds what is kept of one .rels part.
const maxRelationships = 2000

func relationships(a *archive, name string) []relationship {
	r, err := a.open(name)
	if err != nil {
		return nil
	}
	var all []relationship
	s := newScanner(r)
	for kind := s.next(); kind != tokenEnd && len(all) < maxRelationships; kind = s.next() {
		if kind == tokenOpen && s.name == "Relationship" {
			all = append(all, relationship{s.attr("Id"), s.attr("Type"), s.attr("Target")})
		}
	}
	return all
}

// docxPart reports whether an entry is one of those that readDOCX reads.
func docxPart(name string) bool {
	dir, base := path.Split(name)
	switch {
	case name == "_rels/.rels", name == "[content_types].xml", strings.HasSuffix(name, ".xml.rels"):
		return true
	case strings.HasSuffix(dir, "/_rels/"), !strings.HasSuffix(base, ".xml"):
		return false
	}
	for _, prefix := range []string{"document", "header", "footer", "footnotes", "endnotes"} {
		if strings.HasPrefix(base, prefix) {
			return true
		}
	}
	return name == "xl/workbook.xml" || name == "ppt/presentation.xml"
}

// docx reads a DOCX: headers, text, notes, footers.
func (p *reading) docx(a *archive, main string) {
	p.doc.Kind = KindDOCX
	w := &writer{max: p.lim.Text}
	d := &docx{walker: &walker{w: w, depth: p.lim.Depth}}
	dir := path.Dir(main)
	seen := make(map[string]bool)
	each := func(prefix string, once bool) {
		for _, name := range a.names() {
			if path.Dir(name) != dir || !strings.HasPrefix(path.Base(name), prefix) || name == main {
				continue
			}
			from := len(w.buf)
			if err := d.read(a, name); err != nil {
				a.damaged = true
			}
			if once {
				w.once(from, seen)
			}
		}
	}
	each("header", true)
	if err := d.read(a, main); err != nil {
		a.damaged = true
	}
	w.freshLine()
	each("footnotes", false)
	each("endnotes", false)
	each("footer", true)
	p.take(w)
	p.finish(a, d.over)
}

// read reads one part.
func (d *docx) read(a *archive, name string) error {
	r, err := a.open(name)
	if err != nil {
		return err
	}
	d.links = make(map[string]string)
	for _, rel := range relationships(a, path.Dir(name)+"/_rels/"+path.Base(name)+".rels") {
		if strings.HasSuffix(rel.kind, "/hyperlink") {
			d.links[rel.id] = rel.target
		}
	}
	d.inT, d.spoken = 0, d.spoken[:0]
	d.walk(newScanner(r), d)
	return nil
}
