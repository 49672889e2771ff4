package office

import (
	"bytes"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"saisine.fr/saisine/ingest/message"
)

const sniffLen = 4096

// signature is what the first bytes of a file tell.
type signature int

const (
	signatureNone signature = iota
	signatureZIP
	signatureOLE
	signatureXML // of a flat OpenDocument file
	signatureRTF
	signatureHTML
	signatureText
)

// oleMark begins every OLE compound file ([MS-CFB] §2.2).
const oleMark = "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"

func sniff(head []byte) signature {
	trimmed := bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xEF\xBB\xBF")), " \t\r\n")
	switch {
	case bytes.HasPrefix(head, []byte("PK\x03\x04")), bytes.HasPrefix(head, []byte("PK\x05\x06")):
		return signatureZIP
	case bytes.HasPrefix(head, []byte(oleMark)):
		return signatureOLE
	case message.IsRTF(trimmed):
		return signatureRTF
	case message.IsHTML(head):
		return signatureHTML
	case bytes.HasPrefix(trimmed, []byte("<")) && bytes.Contains(head, []byte("urn:oasis:names:tc:opendocument:")):
		return signatureXML
	case looksLikeText(head):
		return signatureText
	}
	return signatureNone
}

// looksLikeText reports whether a file can be plain text: no NUL except in UTF-16 with
// its mark, and hardly a control character.
func looksLikeText(head []byte) bool {
	if bytes.HasPrefix(head, []byte("\xFF\xFE")) || bytes.HasPrefix(head, []byte("\xFE\xFF")) {
		return len(head)%2 == 0 || len(head) == sniffLen
	}
	control, high := 0, 0
	for _, b := range head {
		switch {
		case b == 0:
			return false
		case b < ' ' && b != '\n' && b != '\r' && b != '\t' && b != '\f' && b != 0x1B:
			control++
		case b >= 0x80:
			high++
		}
	}
	if control*100 > len(head) {
		return false
	}
	// No text in a single-byte character set has an accent in every second letter.
	return utf8.Valid(head[:max(0, len(head)-utf8.UTFMax)]) || high*2 < len(head)
}

// Readable reports whether an attachment may be a file for Read, by its declared media
// type or its name. It decides only what is kept for Read, which looks at the content.
func Readable(mediaType, name string) bool {
	switch strings.ToLower(mediaType) {
	case "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
		"application/vnd.openxmlformats-officedocument.wordprocessingml.template",
		"application/vnd.ms-word.document.macroenabled.12", "application/vnd.ms-word.template.macroenabled.12",
		"application/vnd.oasis.opendocument.text", "application/vnd.oasis.opendocument.text-template",
		"application/vnd.oasis.opendocument.text-flat-xml", "application/vnd.oasis.opendocument.text-master",
		"application/msword", "application/rtf", "application/x-rtf", "text/rtf", "text/richtext", "text/plain", "text/html", "application/xhtml+xml":
		return true
	}
	switch strings.ToLower(filepath.Ext(name)) {
	case ".docx", ".docm", ".dotx", ".dotm", ".doc", ".dot", ".odt", ".ott", ".odm", ".fodt", ".rtf", ".txt", ".text", ".md", ".htm", ".html", ".xhtml":
		return true
	}
	return false
}

// Known reports whether a file that begins with head is one for Read rather than for
// others: an office document, or an archive that may be one. HTML and plain text, which
// Read takes too, are not among them.
func Known(head []byte) bool {
	switch sniff(head[:min(len(head), sniffLen)]) {
	case signatureZIP, signatureOLE, signatureXML, signatureRTF:
		return true
	}
	return false
}
