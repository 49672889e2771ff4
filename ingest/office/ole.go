package office

import (
	"unicode/utf16"
)

// oleEntry is the size of a directory entry of a compound file; its sectors are
// multiples of it, so that entries lie at multiples of it too ([MS-CFB] §2.6.1).
const oleEntry = 128

// ole tells what an OLE compound file is. An encrypted DOCX is one, with the stream
// EncryptedPackage ([MS-OFFCRYPTO] §1.3.2); Word of before 2007 wrote WordDocument.
func (p *reading) ole() {
	p.doc.Kind = KindDOC
	if p.hasStream("EncryptedPackage") {
		p.doc.Kind = KindDOCX
		p.problem(ProblemEncrypted, "Le document est protégé par un mot de passe.")
		return
	}
	p.problem(ProblemUnsupported, "L’ancien format de Word (.doc) n’est pas lu. Envoyez un PDF ou un fichier DOCX.")
}

// hasStream looks through all places where a directory entry may be: following the
// sector chains would trust the file.
func (p *reading) hasStream(name string) bool {
	want := make([]byte, 0, 64)
	for _, u := range utf16.Encode([]rune(name + "\x00")) {
		want = append(want, byte(u), byte(u>>8))
	}
	buf := make([]byte, 1<<16)
	for at := int64(0); at < min(p.size, p.lim.Unpacked); at += int64(len(buf)) {
		n, _ := p.src.ReadAt(buf, at) // the source keeps its error; a short file is none
		for e := buf[:n]; len(e) >= len(want); e = e[min(oleEntry, len(e)):] {
			if string(e[:len(want)]) == string(want) {
				return true
			}
		}
	}
	return false
}
