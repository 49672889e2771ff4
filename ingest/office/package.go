package office

import (
	"bytes"
	"slices"
)

func (a *archive) has(name string) bool {
	_, ok := a.entries[name]
	return ok
}

// names are those of all entries that were kept, in order.
func (a *archive) names() []string {
	all := make([]string, 0, len(a.entries))
	for name := range a.entries {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

// archive reads a zip file: a DOCX or OpenDocument file, or one that is not read.
func (p *reading) archive() {
	a := openArchive(p.src, p.size, p.lim, func(name string) bool { return docxPart(name) || odfPart(name) })
	for _, e := range a.entries {
		if e.crypted {
			p.problem(ProblemEncrypted, "Le fichier est protégé par un mot de passe.")
			return
		}
	}
	main := mainPart(a)
	switch {
	case a.has("content.xml"), a.has("encrypted-package"):
		p.odf(a)
	case a.has("xl/workbook.xml"):
		p.problem(ProblemUnsupported, "Les classeurs (Excel) ne sont pas lus. Envoyez un PDF ou un fichier DOCX.")
	case a.has("ppt/presentation.xml"):
		p.problem(ProblemUnsupported, "Les présentations (PowerPoint) ne sont pas lues. Envoyez un PDF ou un fichier DOCX.")
	case main != "":
		p.docx(a, main)
	case a.over:
		p.finish(a, false)
	case a.damaged:
		p.problem(ProblemUnreadable, "Le fichier est endommagé ou incomplet.")
	case a.has("[content_types].xml"), a.has("mimetype"):
		p.problem(ProblemUnsupported, "Ce type de document n’est pas lu. Envoyez un PDF ou un fichier DOCX.")
	default:
		p.problem(ProblemUnsupported, "Les archives (ZIP) ne sont pas lues. Envoyez les fichiers eux-mêmes, en PDF ou en DOCX.")
	}
}

// finish notes what became of an archive.
func (p *reading) finish(a *archive, tooDeep bool) {
	if a.over || tooDeep {
		p.problem(ProblemOverLimit, "Le fichier est démesuré une fois décompressé ; seul son début a été lu.")
	}
	switch {
	case !a.damaged:
	case p.doc.Text == "" && !a.over:
		p.problem(ProblemUnreadable, "Le fichier est endommagé ou incomplet.")
	default:
		p.problem(ProblemDamaged, "Le fichier est endommagé ou incomplet ; seul ce qui a pu en être lu est donné.")
	}
}

// once ends a piece of text that may come again, such as the header of the first and of
// the other pages: what was seen before is taken back.
func (w *writer) once(from int, seen map[string]bool) {
	whole := w.cut(from)
	text := bytes.TrimSpace(whole)
	w.forget(whole)
	if len(text) == 0 || seen[string(text)] {
		return
	}
	seen[string(text)] = true
	w.freshLine()
	w.buf = append(w.buf, text...) // where it was cut out
	w.str("\n\n")
}
