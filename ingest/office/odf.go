package office

import (
	"bytes"
	"io"
	"strconv"
	"strings"
)

// odfSkipped are elements of OpenDocument whose content is not what the letter says:
// what tracked changes deleted, comments, forms, pictures (ODF 1.3 part 3).
var odfSkipped = map[string]bool{
	"tracked-changes": true, "annotation": true, "forms": true, "scripts": true, "event-listeners": true, "desc": true,
	"binary-data": true, "ruby-text": true, "meta": true, "settings": true, "font-face-decls": true,
}

// odfBoxes are the shapes that hold paragraphs of their own.
var odfBoxes = map[string]bool{
	"text-box": true, "custom-shape": true, "rect": true, "ellipse": true, "circle": true, "polygon": true, "path": true, "caption": true,
}

// odfScopes are the elements within which text is text: the body, and the headers and
// footers of the page styles.
var odfScopes = map[string]bool{
	"body": true, "header": true, "header-left": true, "header-first": true, "footer": true, "footer-left": true, "footer-first": true,
}

// odf is the format of OpenDocument's content and styles.
type odf struct {
	*walker
	scope    int // open elements of odfScopes
	depth    int // open paragraphs of it
	marker   bool
	citation string
	notes    []byte
	footers  []byte
	seen     map[string]bool
}

func (o *odf) open(e *element, s *scanner) {
	// The title of a picture is a comment; the field of that name within text is not.
	inText := o.parent() == "p" || o.parent() == "h" || o.parent() == "span" || o.parent() == "a"
	if odfSkipped[e.name] || e.name == "title" && !inText {
		e.skip = true
		return
	}
	if odfScopes[e.name] {
		o.scope++
	}
	if o.scope == 0 {
		return
	}
	switch e.name {
	case "p", "h":
		o.depth++
		o.w.openParagraph()
		if o.marker {
			o.marker = false
			o.w.str("- ")
		}
	case "list-item":
		o.marker = true
	case "s":
		n, err := strconv.Atoi(s.attr("c"))
		if err != nil {
			n = 1
		}
		o.w.str(strings.Repeat(" ", min(max(n, 1), maxSpaces)))
	case "tab":
		o.w.str("\t")
	case "line-break":
		o.w.line()
	case "a":
		e.note = s.attr("href")
	case "note-citation":
		o.w.str("[")
	case "table-row":
		o.w.openRow()
	case "table-cell":
		o.w.openCell()
		e.from = len(o.w.buf)
	}
}

// maxSpaces bounds what one element may write.
const maxSpaces = 100

func (o *odf) close(e *element) {
	if o.scope > 0 {
		o.ended(e)
	}
	if odfScopes[e.name] && o.scope > 0 {
		o.scope--
	}
}

func (o *odf) ended(e *element) {
	switch {
	case e.name == "p" || e.name == "h":
		o.depth--
		o.w.closeParagraph()
	case e.name == "a":
		o.w.link(e.from, e.note)
	case e.name == "note-citation":
		o.w.str("]")
		o.citation = ""
		if e.from < len(o.w.buf) {
			o.citation = string(o.w.buf[e.from:])
		}
	case e.name == "note-body":
		body := o.w.cut(e.from)
		note := o.citation + " " + string(bytes.TrimSpace(body)) + "\n"
		o.w.forget(body)
		o.w.held += len(note)
		o.notes = append(o.notes, note...)
	case e.name == "table-cell":
		o.w.closeCell()
	case e.name == "table-row":
		o.w.closeRow()
	case odfScopes[e.name] && e.name != "body":
		o.w.once(e.from, o.seen)
		if !strings.HasPrefix(e.name, "footer") {
			return
		}
		o.footers = append(o.footers, o.w.cut(e.from)...)
	case odfBoxes[e.name]:
		o.w.box(e.from)
	}
}

// text collapses blanks, as ODF 1.3 part 3 §6.1.2 has it: those that count are elements.
func (o *odf) text(b []byte) {
	if o.depth == 0 {
		return
	}
	for len(b) > 0 {
		i := bytes.IndexAny(b, " \t\r\n")
		if i < 0 {
			i = len(b)
		}
		if i > 0 {
			o.w.signs("", b[:i])
			b = b[i:]
			continue
		}
		if !o.w.atStart() && o.w.buf[len(o.w.buf)-1] != ' ' {
			o.w.str(" ")
		}
		b = b[1:]
	}
}

// odfPart reports whether an entry is one of those that odf reads.
func odfPart(name string) bool {
	return name == "mimetype" || name == "content.xml" || name == "styles.xml" || name == "meta-inf/manifest.xml" || name == "encrypted-package"
}

// odf reads an OpenDocument package: headers, text, notes, footers.
func (p *reading) odf(a *archive) {
	p.doc.Kind = KindODT
	if odfEncrypted(a) {
		p.problem(ProblemEncrypted, "Le document est protégé par un mot de passe.")
		return
	}
	o := newODF(p.lim)
	if r, err := a.open("styles.xml"); err == nil {
		o.walk(newScanner(r), o)
	}
	r, err := a.open("content.xml")
	if err != nil {
		a.damaged = true
	} else {
		o.reset()
		o.walk(newScanner(r), o)
	}
	o.finish()
	p.take(o.w)
	p.finish(a, o.over)
}

// odfEncrypted reports whether the manifest says that something is encrypted (ODF 1.3
// part 2 §4.8): the whole, or each file.
func odfEncrypted(a *archive) bool {
	if a.has("encrypted-package") {
		return true
	}
	r, err := a.open("meta-inf/manifest.xml")
	if err != nil {
		return false
	}
	s := newScanner(r)
	for kind := s.next(); kind != tokenEnd; kind = s.next() {
		if kind == tokenOpen && s.name == "encryption-data" {
			return true
		}
	}
	return false
}

// flat reads an OpenDocument file that is one XML document.
func (p *reading) flat() {
	p.doc.Kind = KindODT
	limit := min(p.size, p.lim.Unpacked)
	o := newODF(p.lim)
	o.walk(newScanner(io.NewSectionReader(p.src, 0, limit)), o)
	o.finish()
	p.take(o.w)
	if o.over || limit < p.size {
		p.problem(ProblemOverLimit, "Le fichier est démesuré ; seul son début a été lu.")
	}
}

func newODF(l Limits) *odf {
	return &odf{walker: &walker{w: &writer{max: l.Text}, depth: l.Depth}, seen: make(map[string]bool)}
}

// reset forgets what a damaged part left open.
func (o *odf) reset() { o.scope, o.depth, o.marker = 0, 0, false }

// finish writes what comes after the text.
func (o *odf) finish() {
	o.w.freshLine()
	o.w.paste(o.notes)
	o.w.freshLine()
	o.w.paste(o.footers)
}
